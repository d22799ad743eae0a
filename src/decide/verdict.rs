//! The status of an image, and why: the first that applies, in the order of the contract (`check -o json`).

use std::collections::BTreeMap;

use crate::annotations::rule::Settings;
use crate::decide::Answer;
use crate::decide::Current;
use crate::decide::Facts;
use crate::decide::Live;
use crate::decide::Survey;
use crate::decide::choosing;
use crate::decide::history;
use crate::decide::relevant;
use crate::model::candidate::Candidate;
use crate::model::candidate::Choice;
use crate::model::candidate::Rejection;
use crate::model::decision::ImageStatus;
use crate::model::decision::Reason;
use crate::model::image::Digest;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::model::pin::Pin;

/// The status of an image, and why.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) status: ImageStatus,
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Verdict {
    fn new(status: ImageStatus, reason: Reason, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into() }
    }
}

/// Finds the status.
pub(super) fn of(survey: &Survey<'_>, answer: &Answer, pin_expired: bool) -> Verdict {
    let settings = match (&survey.rule.settings, &survey.placement) {
        (Err(invalid), _) | (_, Err(invalid)) => {
            return Verdict::new(ImageStatus::Invalid, invalid.reason, invalid.message.clone());
        }
        (Ok(settings), Ok(_)) => settings,
    };
    if let Some(pin) = survey.rule.pin.as_ref().filter(|_| !pin_expired) {
        return held(survey, pin);
    }
    if settings.filter.ignores_everything() {
        return Verdict::new(ImageStatus::Pinned, Reason::IgnoredByHand, "its own `ignore-tags` matches every tag");
    }
    if let Some(unread) = survey.unread() {
        return Verdict::new(ImageStatus::Undetermined, unread.reason, unread.message.clone());
    }
    if survey.is_not_deployed(settings) {
        let message = "neither configured nor live; `force-update: \"true\"` writes it all the same";
        return Verdict::new(ImageStatus::NotDeployed, Reason::CurrentUnknown, message);
    }
    match answer {
        Answer::Missing { reason, message } => Verdict::new(ImageStatus::Undetermined, *reason, message.clone()),
        Answer::Unusable(invalid) => Verdict::new(ImageStatus::Invalid, invalid.reason, invalid.message.clone()),
        Answer::NotAsked => {
            Verdict::new(ImageStatus::Undetermined, Reason::RegistryUnreachable, "the registry was not asked")
        }
        Answer::Chosen(facts, Choice { winner: None, .. }) => no_candidate(survey, settings, facts),
        Answer::Chosen(facts, Choice { winner: Some(winner), eligible, .. }) => {
            let because = match survey.rule.wish.version {
                Some(_) => choosing::REQUESTED.to_owned(),
                None => settings.policy.because(winner, *eligible) + &choosing::waiting(facts, survey.rule),
            };
            Comparison { survey, settings, facts, winner }.verdict(&because)
        }
    }
}

/// A pin holds, or something else is configured or live.
fn held(survey: &Survey<'_>, pin: &Pin) -> Verdict {
    let differs = |version: &Version| {
        let digest_differs = pin.version.digest.is_some() && version.digest != pin.version.digest;
        let tag_differs = pin.version.tag.is_some() && version.tag != pin.version.tag;
        digest_differs || tag_differs
    };
    let repository = survey.rule.repository.as_ref().filter(|repository| **repository != pin.reference);
    let configured = survey.configured().filter(|version| differs(version));
    let live = relevant(&survey.live, survey.rule);
    let live = live.into_iter().find(|live| live.repository != pin.reference || differs(&live.version));
    let broken = match (repository, configured, live) {
        (Some(repository), ..) => format!("the pin is of {}, and the image list names {repository}", pin.reference),
        (None, Some(version), _) => format!("pinned at {}, but {version} is configured", pin.version),
        (None, None, Some(Live { repository, version })) if *repository != pin.reference => {
            format!("pinned at {}, but {version} of {repository} is live", pin.version)
        }
        (None, None, Some(live)) => format!("pinned at {}, but {} is live", pin.version, live.version),
        (None, None, None) => {
            let why = pin.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            return Verdict::new(ImageStatus::Pinned, Reason::Held, format!("held at {}{why}", pin.version));
        }
    };
    Verdict::new(ImageStatus::PinBroken, Reason::PinDiffers, broken)
}

/// The strategy's winner beside what is current.
struct Comparison<'a> {
    survey: &'a Survey<'a>,
    settings: &'a Settings,
    facts: &'a Facts,
    winner: &'a Candidate,
}

impl Comparison<'_> {
    fn verdict(&self, because: &str) -> Verdict {
        let newest = |reason| Verdict::new(ImageStatus::UpdateAvailable, reason, because);
        let up_to_date = || {
            let same = if self.winner.digest.is_some() { Reason::SameDigest } else { Reason::SameTag };
            Verdict::new(ImageStatus::UpToDate, same, because)
        };
        let older_than = |version: &Version| {
            let message = format!("{because}, but older than {version}");
            Verdict::new(ImageStatus::Downgrade, Reason::OlderThanCurrent, message)
        };
        let (current, same_repository) = match &self.survey.current {
            Current::Configured(version) => (version, true),
            Current::Live { version, same_repository } => (version, *same_repository),
            Current::Unknown => return newest(Reason::CurrentUnknown),
            Current::Ambiguous => {
                let live = relevant(&self.survey.live, self.survey.rule);
                let is_winner = |live: &&Live| {
                    Some(&live.repository) == self.survey.rule.repository.as_ref() && self.is_winner(&live.version)
                };
                return match live.iter().find(|live| self.is_older_than(&live.version)) {
                    _ if live.iter().all(is_winner) => up_to_date(),
                    Some(live) => older_than(&live.version),
                    None => newest(Reason::AmbiguousLive),
                };
            }
        };
        if same_repository && self.is_winner(current) {
            up_to_date()
        } else if self.is_older_than(current) {
            older_than(current)
        } else if self.survey.rule.wish.version.is_some() {
            newest(Reason::Requested)
        } else if let Some(message) = history::left_before(self.survey, self.winner, current) {
            Verdict::new(ImageStatus::RolledBack, Reason::LeftBefore, message)
        } else if self.winner.digest.is_some() && current.digest.is_some() && self.is_tag_of(current) {
            newest(Reason::DigestMoved)
        } else {
            newest(Reason::NewestMatch)
        }
    }

    fn is_winner(&self, version: &Version) -> bool {
        choosing::is_candidate(self.survey.rule, self.winner, version)
    }

    /// Whether it is the winner's tag that is current, or one that nobody knows, or does not matter.
    fn is_tag_of(&self, version: &Version) -> bool {
        self.settings.policy.followed_tag().is_some()
            || version.tag.as_deref().is_none_or(|tag| tag == self.winner.tag.as_str())
    }

    fn is_older_than(&self, version: &Version) -> bool {
        let Some(tag) = version.tag.as_deref().and_then(Tag::new) else { return false };
        let digest = version.digest.as_deref().and_then(Digest::new);
        let current = Candidate { digest, ..self.facts.current(tag) };
        self.settings.policy.is_older(self.winner, &current) == Some(true)
    }
}

/// Says what is wrong with the tags.
fn no_candidate(survey: &Survey<'_>, settings: &Settings, facts: &Facts) -> Verdict {
    let reason = if facts.allowed == 0 { Reason::AllTagsFiltered } else { Reason::NoTagMatches };
    let (reason, message) = if let Some(tag) = settings.policy.followed_tag() {
        match facts.rejected.iter().find(|rejected| rejected.tag == tag.as_str()) {
            Some(rejected) => (reason, format!("`{tag}` will not do: {}", words(rejected.why))),
            None => (Reason::NoTagMatches, format!("the repository has no tag `{tag}`")),
        }
    } else if facts.seen == 0 {
        (Reason::NoTags, "the repository has no tags".to_owned())
    } else {
        let constraint = survey.rule.constraint.as_ref().filter(|_| settings.strategy.reads_constraint);
        let constraint = constraint.map_or_else(String::new, |text| format!(" for {text}"));
        let none = if facts.seen == 1 { "the only tag".to_owned() } else { format!("none of {} tags", facts.seen) };
        let will = if facts.seen == 1 { "will not do" } else { "will do" };
        (reason, format!("{none} {will}{constraint}: {}", tally(facts)))
    };
    let reason = choosing::too_young(facts).unwrap_or(reason);
    Verdict::new(ImageStatus::NoCandidate, reason, message)
}

/// `3 outside the constraint, 1 a pre-release`: how many tags fell for which reason, in the order of the filters.
fn tally(facts: &Facts) -> String {
    let mut numbers = BTreeMap::new();
    for rejected in &facts.rejected {
        *numbers.entry(rejected.why).or_insert(0_usize) += 1;
    }
    let numbers: Vec<_> = numbers.into_iter().map(|(why, number)| format!("{number} {}", words(why))).collect();
    numbers.join(", ")
}

fn words(why: Rejection) -> &'static str {
    match why {
        Rejection::IllegalTag => "not a legal tag",
        Rejection::NotTheTag => "not the tag that is followed",
        Rejection::NotAllowed => "not matched by allow-tags",
        Rejection::Ignored => "matched by ignore-tags",
        Rejection::NotExtracted => "not matched by extract",
        Rejection::NotSemver => "not a version",
        Rejection::OutsideConstraint => "outside the constraint",
        Rejection::PreRelease => "a pre-release",
        Rejection::WrongPlatform => "not for the platforms wanted",
        Rejection::Unreadable => "without a build date",
        Rejection::TooYoung => "too young",
        Rejection::UnknownAge => "of unknown age",
        Rejection::Older => "older",
    }
}
