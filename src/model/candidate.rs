//! Tags of a repository on their way through the filters: which may be chosen, and why the others may not.

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::model::image::Digest;
use crate::model::image::Tag;

/// How far the clock of a machine that builds images may be ahead of the clock of the registry they are pushed to.
pub(crate) const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// A tag that passed every filter so far, with the facts that were fetched for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) tag: Tag,
    pub(crate) digest: Option<Digest>,
    /// When the image was built, by its own config; fetched only for strategies that need it.
    pub(crate) created: Option<Timestamp>,
    /// When the tag was pushed, by the registry's clock, where that settled that its build date is not needed.
    pub(crate) pushed: Option<Timestamp>,
    /// Its place in the registry's list, the latest one the highest, where somebody wrote down that the list is ordered.
    pub(crate) place: Option<usize>,
}

/// Before this there were no container images: a build date that is older was made up, as reproducible builds do (1970,
/// 1980), and says nothing about age. Docker 0.1 is of March 2013. Strategies order by it all the same, as Image Updater.
const FIRST_IMAGES: i64 = 1_356_998_400;

/// A build date that says when an image was built.
pub(crate) fn real_build(created: Timestamp) -> Option<Timestamp> {
    Some(created).filter(|created| created.as_second() >= FIRST_IMAGES)
}

impl Candidate {
    /// A candidate of which only the tag is known.
    pub(crate) fn of_tag(tag: Tag) -> Self {
        Self { tag, digest: None, created: None, pushed: None, place: None }
    }

    /// When it was built, unless that date was made up.
    pub(crate) fn built(&self) -> Option<Timestamp> {
        self.created.and_then(real_build)
    }

    /// The latest that the image can have been built: an image is pushed after it was built.
    pub(crate) fn built_by(&self) -> Option<Timestamp> {
        self.created.or_else(|| self.pushed.map(latest_build))
    }
}

/// The latest that an image can have been built that was pushed at `pushed` by the registry's clock.
pub(crate) fn latest_build(pushed: Timestamp) -> Timestamp {
    pushed.checked_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX)
}

/// A tag that cannot be chosen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rejected {
    /// As the registry wrote it; not a [`Tag`], since that may be why it was rejected.
    pub(crate) tag: String,
    pub(crate) why: Rejection,
}

/// Why a tag cannot be chosen, in the order in which the filters run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Rejection {
    /// not a tag of the OCI distribution specification
    IllegalTag,
    /// the digest strategy follows another tag
    NotTheTag,
    /// `allow-tags` does not match
    NotAllowed,
    /// `ignore-tags` matches
    Ignored,
    /// `extract` finds nothing in it
    NotExtracted,
    /// not a version, under the semver strategy
    NotSemver,
    OutsideConstraint,
    /// a pre-release, which the constraint does not admit
    PreRelease,
    WrongPlatform,
    Unreadable,
    /// younger than `--min-age`
    TooYoung,
    /// neither the registry nor the image says how old it is
    UnknownAge,
    /// eligible, but something newer won
    Older,
}

impl Rejection {
    /// The name in JSON (contract `check -o json`, `rejected[].reason`).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::IllegalTag => "IllegalTag",
            Self::NotTheTag => "NotTheTag",
            Self::NotAllowed => "NotAllowed",
            Self::Ignored => "Ignored",
            Self::NotExtracted => "NotExtracted",
            Self::NotSemver => "NotSemver",
            Self::OutsideConstraint => "OutsideConstraint",
            Self::PreRelease => "PreRelease",
            Self::WrongPlatform => "WrongPlatform",
            Self::Unreadable => "Unreadable",
            Self::TooYoung => "TooYoung",
            Self::UnknownAge => "UnknownAge",
            Self::Older => "Older",
        }
    }
}

/// What a strategy made of the tags that passed the filters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    pub(crate) winner: Option<Candidate>,
    /// How many tags could have won.
    pub(crate) eligible: usize,
    /// The tags this strategy turned down, the losers among the eligible ones included.
    pub(crate) rejected: Vec<Rejected>,
    /// A doubt about the winner that the user should hear of.
    pub(crate) note: Option<String>,
}
