//! What is to be said about one image of one Application: what runs, what is newest, and why.

use crate::model::application::ApplicationKey;
use crate::model::candidate::Candidate;
use crate::model::candidate::Rejected;
use crate::model::image::Repository;
use crate::model::image::Version;
use crate::model::pin::Pin;
use crate::model::plan::Destination;

/// The answer for one entry of one image list.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) application: ApplicationKey,
    /// Place in the image list, from 0; with the key it identifies the entry.
    pub(crate) position: usize,
    pub(crate) alias: Option<String>,
    /// The text without alias and constraint.
    pub(crate) image: String,
    /// `None` if the text is not an image.
    pub(crate) reference: Option<Repository>,
    /// Strategy name, or the text that is not one.
    pub(crate) strategy: String,
    pub(crate) constraint: Option<String>,
    /// What the write-back target says; `None` if unknown or absent.
    pub(crate) configured: Option<Version>,
    /// The distinct versions of the image in `status.summary.images`.
    pub(crate) live: Vec<Version>,
    pub(crate) current: Option<Version>,
    pub(crate) current_from: CurrentFrom,
    pub(crate) candidate: Option<Candidate>,
    /// The candidate is the version that `--set` names.
    pub(crate) requested: bool,
    pub(crate) status: ImageStatus,
    pub(crate) reason: Reason,
    pub(crate) message: String,
    /// `None` if nothing about it is known.
    pub(crate) behind: Option<Behind>,
    /// `None` if the registry was not asked.
    pub(crate) tags: Option<TagCounts>,
    pub(crate) rejected: Vec<Rejected>,
    /// Of the rejected tags the ones that are newer than the candidate, or than what is current without one; the
    /// nearest first, and no more than people want to read.
    pub(crate) newer: Vec<Rejected>,
    /// Doubts about the candidate that the user should hear of.
    pub(crate) notes: Vec<String>,
    /// `None` if the annotations do not say, or say nothing legal.
    pub(crate) write_back: Option<Destination>,
    pub(crate) pin: Option<Pin>,
    /// `pin` is there and has run out.
    pub(crate) pin_expired: bool,
}

impl Decision {
    /// How people name the entry: its alias, or its image text.
    pub(crate) fn label(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.image)
    }
}

/// Where `current` was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CurrentFrom {
    Target,
    Status,
    None,
}

impl CurrentFrom {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Status => "status",
            Self::None => "none",
        }
    }
}

/// How the list of tags shrank: seen in the registry, let through by allow and ignore, able to win.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TagCounts {
    pub(crate) seen: usize,
    pub(crate) allowed: usize,
    pub(crate) eligible: usize,
}

/// How far what is current is behind the candidate, as far as it is known; never guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Behind {
    /// How many of the eligible tags are newer than what is current, by the order of the strategy.
    pub(crate) versions: Option<usize>,
    /// Whole days from the build of what is current to the build of the candidate.
    pub(crate) days: Option<i64>,
}

/// The state of an image; when several apply, the first in this order is reported (contract `check -o json`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ImageStatus {
    Invalid,
    PinBroken,
    Pinned,
    NotDeployed,
    Undetermined,
    NoCandidate,
    UpToDate,
    Downgrade,
    RolledBack,
    UpdateAvailable,
}

impl ImageStatus {
    /// Every status, in order of precedence, with what it means.
    pub(crate) const ALL: [(Self, &'static str, &'static str); 10] = [
        (Self::Invalid, "Invalid", "the annotations, or the kind of source, cannot be used as they are"),
        (Self::PinBroken, "PinBroken", "pinned, but what is configured or live is not the pinned version"),
        (Self::Pinned, "Pinned", "held by `pin`, or by an `ignore-tags` that matches every tag"),
        (Self::NotDeployed, "NotDeployed", "neither configured nor live, and no `force-update`"),
        (Self::Undetermined, "Undetermined", "a fact could not be had, so nothing is said or written"),
        (Self::NoCandidate, "NoCandidate", "no tag passes the filters and the constraint"),
        (Self::UpToDate, "UpToDate", "what is current is what the strategy chooses"),
        (Self::Downgrade, "Downgrade", "the strategy chooses an older version; written only with `--allow-downgrade`"),
        (
            Self::RolledBack,
            "RolledBack",
            "the chosen version ran before and was left; `--include-rolled-back` takes it",
        ),
        (Self::UpdateAvailable, "UpdateAvailable", "a newer version is there"),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// Why an image has its status (contract `check -o json`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reason {
    NewestMatch,
    SameTag,
    SameDigest,
    DigestMoved,
    OlderThanCurrent,
    LeftBefore,
    NoTagMatches,
    NoTags,
    AllTagsFiltered,
    TooYoung,
    UnknownAge,
    /// It is the version that `--set` names.
    Requested,
    RegistryUnreachable,
    RegistryDenied,
    RateLimited,
    RepositoryNotFound,
    MetadataUnreadable,
    TruncatedTagList,
    AmbiguousLive,
    CurrentUnknown,
    UnsupportedSource,
    AmbiguousSource,
    BadImage,
    BadConstraint,
    BadStrategy,
    BadTagFilter,
    BadValue,
    ConflictingTargets,
    VerificationRequired,
    IgnoredByHand,
    Held,
    PinDiffers,
    /// The path of a file in a repository leads where nothing is read or written.
    RefusedPath,
    /// A file in a repository that cannot be understood.
    FileUnreadable,
    /// The repository that is written to could not be asked.
    GitUnreachable,
}

impl Reason {
    /// The name in JSON, which is the name of the variant.
    pub(crate) fn name(self) -> String {
        format!("{self:?}")
    }
}
