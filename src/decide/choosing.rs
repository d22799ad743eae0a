//! What is asked of a choice beside the update strategy: a version by name, the digest behind the tag, an age.

use crate::annotations::rule::ImageRule;
use crate::decide::Current;
use crate::decide::Facts;
use crate::decide::Survey;
use crate::model::candidate::Candidate;
use crate::model::candidate::Choice;
use crate::model::candidate::Rejection;
use crate::model::choosing::PinDigest;
use crate::model::decision::Reason;
use crate::model::image::Version;
use crate::strategy::Needs;

/// Why the winner won that `--set` names.
pub(super) const REQUESTED: &str = "asked for with --set";

/// The choice: by the strategy, or what `--set` names whatever the strategy says.
pub(super) fn choose(rule: &ImageRule, facts: &Facts) -> Choice {
    match &rule.settings {
        Ok(settings) if rule.wish.version.is_none() => settings.policy.choose(&facts.candidates),
        _ => Choice {
            winner: facts.candidates.first().cloned(),
            eligible: facts.candidates.len(),
            rejected: Vec::new(),
            note: None,
        },
    }
}

/// Whether a version is the candidate: by its digest and by its tag, where both are written. A digest behind a current
/// tag matters only where digests are (decisions: live `x:1.2@sha256:…`), and to the strategy that follows one, the tag
/// does not.
pub(super) fn is_candidate(rule: &ImageRule, candidate: &Candidate, version: &Version) -> bool {
    let same_tag = version.tag.as_deref() == Some(candidate.tag.as_str());
    let follows = rule.settings.as_ref().is_ok_and(|settings| settings.strategy.needs == Needs::OneDigest);
    match &candidate.digest {
        Some(digest) => {
            version.digest.as_deref() == Some(digest.as_str()) && (same_tag || (follows && rule.wish.version.is_none()))
        }
        None => same_tag,
    }
}

impl Survey<'_> {
    /// The version that is current, if it is of the rule's own repository.
    pub(crate) fn own_version(&self) -> Option<&Version> {
        match &self.current {
            Current::Live { same_repository: false, .. } => None,
            current => current.version(),
        }
    }

    /// Whether a candidate is what is current.
    pub(crate) fn is_current(&self, candidate: &Candidate) -> bool {
        self.own_version().is_some_and(|version| is_candidate(self.rule, candidate, version))
    }

    /// Whether the digest behind a tag is written with it, where the strategy does not do so itself.
    pub(crate) fn pins_digest(&self) -> bool {
        match self.rule.settings.as_ref().map(|settings| settings.pin_digest) {
            Ok(PinDigest::Always) => true,
            Ok(PinDigest::IfPresent) => self.current.version().is_some_and(|version| version.digest.is_some()),
            Ok(PinDigest::Never) | Err(_) => false,
        }
    }
}

/// `; 2 newer ones are too young`: what would have won, were it older.
pub(super) fn waiting(facts: &Facts, rule: &ImageRule) -> String {
    let Some(age) = rule.settings.as_ref().ok().and_then(|settings| settings.min_age.as_ref()) else {
        return String::new();
    };
    let number = |why| facts.rejected.iter().filter(|rejected| rejected.why == why).count();
    let are = |number: usize| match number {
        1 => "1 newer one is".to_owned(),
        _ => format!("{number} newer ones are"),
    };
    let young = match number(Rejection::TooYoung) {
        0 => String::new(),
        young => format!("; {} younger than {age}", are(young)),
    };
    match number(Rejection::UnknownAge) {
        0 => young,
        unknown => format!("{young}; {} of unknown age", are(unknown)),
    }
}

/// Why there is no candidate, if it is for want of age.
pub(super) fn too_young(facts: &Facts) -> Option<Reason> {
    let any = |why| facts.rejected.iter().any(|rejected| rejected.why == why);
    if any(Rejection::TooYoung) {
        Some(Reason::TooYoung)
    } else {
        any(Rejection::UnknownAge).then_some(Reason::UnknownAge)
    }
}
