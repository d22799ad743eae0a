//! From a rule and the facts to a decision, in two pure steps: [`survey`] says what runs and whether the registry
//! has to be asked; [`conclude`] says what is to be done, once it answered.
//!
//! The order in which a status is found is in `verdict`; whether a version was tried and left, in `history`.

use jiff::Timestamp;

use crate::annotations::rule::ImageRule;
use crate::annotations::rule::Invalid;
use crate::annotations::rule::Settings;
use crate::model::application::Application;
use crate::model::candidate::Candidate;
use crate::model::candidate::Choice;
use crate::model::candidate::Rejected;
use crate::model::candidate::Rejection;
use crate::model::decision::CurrentFrom;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::decision::Reason;
use crate::model::decision::TagCounts;
use crate::model::diagnostic::Diagnostic;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::strategy::Needs;
use crate::writeback::Placement;
use crate::writeback::git::Unread;

mod behind;
mod choosing;
pub(crate) mod history;
mod verdict;

/// How many of the newer tags that were turned down people are told of.
const NEAREST: usize = 5;

/// What is known about an image before the registry is asked.
#[derive(Debug)]
pub(crate) struct Survey<'a> {
    pub(crate) application: &'a Application,
    pub(crate) rule: &'a ImageRule,
    pub(crate) placement: Result<Placement, Invalid>,
    /// References of the image in `status.summary.images`, without repetition.
    live: Vec<Live>,
    current: Current,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Live {
    repository: Repository,
    version: Version,
}

/// What an image is at now.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Current {
    /// What the write-back target sets.
    Configured(Version),
    /// The only version that is live. From another repository than the rule's it has to be replaced whatever it is.
    Live {
        version: Version,
        same_repository: bool,
    },
    /// Several versions are live.
    Ambiguous,
    Unknown,
}

impl Current {
    fn version(&self) -> Option<&Version> {
        match self {
            Self::Configured(version) | Self::Live { version, .. } => Some(version),
            Self::Ambiguous | Self::Unknown => None,
        }
    }

    fn from(&self) -> CurrentFrom {
        match self {
            Self::Configured(_) => CurrentFrom::Target,
            Self::Live { .. } => CurrentFrom::Status,
            Self::Ambiguous | Self::Unknown => CurrentFrom::None,
        }
    }
}

/// What the registry said.
#[derive(Clone, Debug)]
pub(crate) enum Evidence {
    /// It was not asked.
    NotAsked,
    /// Something that the answer depends on could not be had.
    Missing {
        reason: Reason,
        message: String,
    },
    /// What the image is asked with cannot be used as it stands.
    Unusable(Invalid),
    Facts(Facts),
}

/// The tags of a repository after the filters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) seen: usize,
    pub(crate) allowed: usize,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) rejected: Vec<Rejected>,
    /// When the current image was built, if that was asked and could be had.
    pub(crate) current_created: Option<Timestamp>,
    /// Its place in a list that is ordered (`Candidate::place`), if it is no candidate.
    pub(crate) current_place: Option<usize>,
}

impl Facts {
    /// What is known of the current tag.
    fn current(&self, tag: Tag) -> Candidate {
        let among = self.candidates.iter().find(|candidate| candidate.tag == tag).cloned();
        let mut current = among.unwrap_or_else(|| Candidate::of_tag(tag));
        current.created = current.created.or(self.current_created);
        current.place = current.place.or(self.current_place);
        current
    }
}

/// Says what runs, from the write-back target and from the status.
pub(crate) fn survey<'a>(
    application: &'a Application,
    rule: &'a ImageRule,
    placement: Result<Placement, Invalid>,
) -> Survey<'a> {
    let live = live(application, rule);
    let configured = placement.as_ref().ok().and_then(|placement| placement.configured.clone());
    let current = match (configured, relevant(&live, rule).as_slice()) {
        (Some(configured), _) => Current::Configured(configured),
        (None, []) => Current::Unknown,
        (None, [first, others @ ..]) if others.iter().all(|other| other.version == first.version) => {
            let is_same = |live: &&Live| Some(&live.repository) == rule.repository.as_ref();
            let same_repository = is_same(first) && others.iter().all(is_same);
            Current::Live { version: first.version.clone(), same_repository }
        }
        (None, _) => Current::Ambiguous,
    };
    Survey { application, rule, placement, live, current }
}

/// The running images that a rule means, by normalized name. With a Kustomize name that is what the manifests call
/// the image, and it is live under that name until the override is in force (spec section 2.3).
fn live(application: &Application, rule: &ImageRule) -> Vec<Live> {
    let Some(repository) = &rule.repository else { return Vec::new() };
    let kustomize_name = rule.settings.as_ref().ok().and_then(|settings| settings.targets.kustomize_name.as_deref());
    let kustomize = kustomize_name.and_then(|name| Reference::parse(name).repository().ok());
    let mut live = Vec::new();
    for text in application.status.iter().flat_map(|status| &status.images) {
        let reference = Reference::parse(text);
        let Ok(found) = reference.repository() else { continue };
        if found == *repository || Some(&found) == kustomize.as_ref() {
            let image = Live { repository: found, version: reference.version() };
            if !live.contains(&image) {
                live.push(image);
            }
        }
    }
    live
}

/// The live images that decide. Under a strategy that follows one tag, the ones with that tag if there are any
/// (spec section 3.6, cases `mdu-*`).
fn relevant<'a>(live: &'a [Live], rule: &ImageRule) -> Vec<&'a Live> {
    let followed = rule.settings.as_ref().ok().and_then(|settings| settings.policy.followed_tag());
    let of_tag: Vec<_> = live
        .iter()
        .filter(|live| followed.is_some_and(|tag| live.version.tag.as_deref() == Some(tag.as_str())))
        .collect();
    if of_tag.is_empty() { live.iter().collect() } else { of_tag }
}

impl Survey<'_> {
    /// Whether the registry has to be asked for this image. A pin may have run out, and is asked about in any case.
    pub(crate) fn asks_registry(&self) -> bool {
        let Ok(settings) = &self.rule.settings else { return false };
        if self.rule.wish.left_out {
            return false;
        }
        let idle = self.rule.pin.is_none() && (self.unread().is_some() || self.is_not_deployed(settings));
        self.placement.is_ok() && !idle && !settings.filter.ignores_everything()
    }

    /// Why it is not known what the repository that is written to says.
    fn unread(&self) -> Option<&Unread> {
        self.placement.as_ref().ok()?.unread.as_ref()
    }

    /// The distinct versions that run.
    pub(crate) fn live_versions(&self) -> Vec<Version> {
        let mut versions: Vec<Version> = self.live.iter().map(|live| live.version.clone()).collect();
        versions.sort();
        versions.dedup();
        versions
    }

    /// Neither configured nor live, in an Application that has a status to say so.
    fn is_not_deployed(&self, settings: &Settings) -> bool {
        self.application.status.is_some()
            && self.configured().is_none()
            && self.live.is_empty()
            && !settings.force_update
    }

    fn configured(&self) -> Option<&Version> {
        self.placement.as_ref().ok().and_then(|placement| placement.configured.as_ref())
    }
}

/// Which of the tags pass the filters of a rule, and why the others do not.
pub(crate) fn filter(tags: &[String], settings: &Settings) -> (Vec<Tag>, Vec<Rejected>) {
    let mut allowed = Vec::new();
    let mut rejected = Vec::new();
    for text in tags {
        let verdict = match Tag::new(text) {
            None => Err(Rejection::IllegalTag),
            Some(tag) => settings.filter.verdict(tag.as_str()).map(|()| tag),
        };
        match verdict {
            Ok(tag) => allowed.push(tag),
            Err(why) => rejected.push(Rejected { tag: text.clone(), why }),
        }
    }
    (allowed, rejected)
}

/// The tag that is current, of the rule's own repository.
pub(crate) fn current_tag(survey: &Survey<'_>) -> Option<Tag> {
    match &survey.current {
        Current::Configured(version) | Current::Live { version, same_repository: true } => {
            version.tag.as_deref().and_then(Tag::new)
        }
        _ => None,
    }
}

/// The current tag whose build date has to be asked for, beside the candidates'.
pub(crate) fn needs_current_date(survey: &Survey<'_>, candidates: &[Candidate]) -> Option<Tag> {
    let settings = survey.rule.settings.as_ref().ok()?;
    let elsewhere = matches!(survey.current, Current::Live { same_repository: false, .. });
    if settings.strategy.needs != Needs::BuildDates || candidates.is_empty() || elsewhere {
        return None;
    }
    let tag = survey.current.version().and_then(|version| Tag::new(version.tag.as_deref()?))?;
    candidates.iter().all(|candidate| candidate.tag != tag).then_some(tag)
}

/// The evidence, and what the strategy makes of it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is the large one almost always")]
enum Answer {
    NotAsked,
    /// What the image is asked with cannot be used as it stands.
    Unusable(Invalid),
    Missing {
        reason: Reason,
        message: String,
    },
    Chosen(Facts, Choice),
}

impl Answer {
    fn of(evidence: Evidence, rule: &ImageRule) -> Self {
        match (evidence, &rule.settings) {
            (Evidence::Missing { reason, message }, _) => Self::Missing { reason, message },
            (Evidence::Facts(mut facts), Ok(_)) => {
                let mut choice = choosing::choose(rule, &facts);
                facts.rejected.append(&mut choice.rejected);
                facts.rejected.sort();
                Self::Chosen(facts, choice)
            }
            (Evidence::Unusable(invalid), _) => Self::Unusable(invalid),
            (Evidence::NotAsked, _) | (Evidence::Facts(_), Err(_)) => Self::NotAsked,
        }
    }
}

/// Says what is to be done about an image at the time `now`.
pub(crate) fn conclude(survey: Survey<'_>, evidence: Evidence, now: Timestamp) -> Decision {
    let rule = survey.rule;
    let pin_expired = rule.pin.as_ref().is_some_and(|pin| pin.expired(now));
    let answer = Answer::of(evidence, rule);
    let verdict = verdict::of(&survey, &answer, pin_expired);
    let mut decision = Decision {
        application: survey.application.key.clone(),
        position: rule.position,
        alias: rule.alias.clone(),
        image: rule.image.clone(),
        reference: rule.repository.clone(),
        strategy: rule.strategy_text.clone(),
        constraint: rule.constraint.clone(),
        configured: survey.configured().cloned(),
        live: survey.live_versions(),
        current: survey.current.version().cloned(),
        current_from: survey.current.from(),
        candidate: None,
        requested: rule.wish.version.is_some(),
        status: verdict.status,
        reason: verdict.reason,
        message: verdict.message,
        behind: None,
        tags: None,
        rejected: Vec::new(),
        newer: Vec::new(),
        notes: Vec::new(),
        write_back: survey.placement.ok().map(|placement| placement.destination),
        pin: rule.pin.clone(),
        pin_expired,
    };
    if let Answer::Chosen(facts, choice) = answer {
        decision.behind = behind::of(&survey.current, rule, &facts, &choice).filter(|_| has_candidate(decision.status));
        decision.tags = Some(TagCounts { seen: facts.seen, allowed: facts.allowed, eligible: choice.eligible });
        if has_candidate(decision.status) {
            decision.candidate = choice.winner;
            decision.notes = choice.note.into_iter().collect();
        }
        decision.rejected = facts.rejected;
        decision.newer = newer(&decision, rule);
    }
    decision
}

/// Whether a candidate means anything for an image with this status.
fn has_candidate(status: ImageStatus) -> bool {
    !matches!(status, ImageStatus::Invalid | ImageStatus::NotDeployed | ImageStatus::Undetermined)
}

/// The rejected tags that are newer than the candidate, the nearest first, as far as the strategy can tell by name.
fn newer(decision: &Decision, rule: &ImageRule) -> Vec<Rejected> {
    let Ok(settings) = &rule.settings else { return Vec::new() };
    let current = || Some(Candidate::of_tag(Tag::new(decision.current.as_ref()?.tag.as_deref()?)?));
    let Some(than) = decision.candidate.clone().or_else(current) else { return Vec::new() };
    let is_older = |one: &Candidate, other: &Candidate| settings.policy.is_older(one, other) == Some(true);
    let mut newer: Vec<(Candidate, &Rejected)> = decision
        .rejected
        .iter()
        .filter(|rejected| rejected.why != Rejection::Older)
        .filter_map(|rejected| Some((Candidate::of_tag(Tag::new(&rejected.tag)?), rejected)))
        .filter(|(candidate, _)| is_older(&than, candidate))
        .collect();
    let mut nearest = Vec::new();
    // Picked one by one: sorting would have to trust that the strategy's order is one.
    while nearest.len() < NEAREST {
        let older = |best: usize, other: usize| if is_older(&newer[other].0, &newer[best].0) { other } else { best };
        let Some(next) = (0..newer.len()).reduce(older) else { break };
        nearest.push(newer.swap_remove(next).1.clone());
    }
    nearest
}

/// Turns a decision into an invalid one, for a reason that came up only when it was seen beside the others.
pub(crate) fn invalidate(decision: &mut Decision, invalid: &Invalid) {
    decision.status = ImageStatus::Invalid;
    decision.reason = invalid.reason;
    decision.message.clone_from(&invalid.message);
    decision.candidate = None;
    decision.behind = None;
    decision.notes.clear();
}

/// What the user should hear about an image besides its status.
pub(crate) fn doubts(decision: &Decision) -> Vec<Diagnostic> {
    let label = decision.label();
    let expired = decision.pin.as_ref().filter(|_| decision.pin_expired).map(|pin| {
        let until = pin.until.map_or_else(String::new, |until| format!(" on {until}"));
        Diagnostic::warning("pin-expired", format!("the pin of `{label}` ran out{until}"))
            .hint("a running Image Updater obeys the hold until `kubectl image-update unpin` takes it away")
    });
    let notes = decision.notes.iter().map(|note| Diagnostic::warning("doubtful-candidate", format!("{label}: {note}")));
    notes.chain(expired).map(|diagnostic| diagnostic.about(&decision.application)).collect()
}

/// `1 tag`, `3 tags`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests;
