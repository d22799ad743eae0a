//! A pin: a version that somebody decided to hold, why, and what the hold replaced.

use jiff::Timestamp;

use crate::model::image::Repository;
use crate::model::image::Version;
use crate::model::plan::Field;

/// The hold on one image, as recorded in the Application's annotation `kubectl-image-update/pin.<key>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) reference: Repository,
    pub(crate) version: Version,
    pub(crate) reason: Option<String>,
    pub(crate) by: Option<String>,
    pub(crate) at: Timestamp,
    /// After this it no longer holds for us; a daemon's hold stays until `unpin`.
    pub(crate) until: Option<Timestamp>,
    /// What stood in each place before the pin was set; `unpin` puts the annotations back, and the version too if
    /// asked.
    pub(crate) replaced: Vec<Replaced>,
}

impl Pin {
    /// Whether the pin has run out at `now`.
    pub(crate) fn expired(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// The value that a pin replaced, or its absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    pub(crate) field: Field,
    pub(crate) value: Option<String>,
}
