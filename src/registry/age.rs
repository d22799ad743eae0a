//! How old a tag is: by when it was pushed, where the registry tells, else by when its image says that it was built.

use jiff::Timestamp;

use crate::model::candidate::real_build;
use crate::model::image::Platforms;
use crate::model::image::Tag;
use crate::registry::Description;
use crate::registry::Outcome;
use crate::registry::Registries;
use crate::registry::RegistryErrorKind;
use crate::registry::Remote;

/// Whether a tag is old enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    Old,
    Young,
    /// Neither the registry nor the image says.
    Unknown,
}

impl Age {
    fn of(at: Timestamp, before: Timestamp) -> Self {
        if at <= before { Self::Old } else { Self::Young }
    }
}

impl Registries {
    /// Whether a tag was pushed no later than `before`; built, if the registry does not tell.
    ///
    /// # Errors
    /// What the registry was asked for could not be had; that the image has no date is no error.
    pub(crate) async fn age(&self, remote: &Remote, tag: &Tag, before: Timestamp) -> Outcome<Age> {
        if let Some(age) = self.age_by_push(remote, tag, before).await {
            return Ok(age);
        }
        match self.describe(remote, tag, &Platforms::Any).await {
            Ok(Description::Image { created, .. }) => {
                Ok(real_build(created).map_or(Age::Unknown, |built| Age::of(built, before)))
            }
            Ok(_) => Ok(Age::Unknown),
            Err(error) if error.kind() == RegistryErrorKind::Undated => Ok(Age::Unknown),
            Err(error) => Err(error.of_listed(tag)),
        }
    }

    async fn age_by_push(&self, remote: &Remote, tag: &Tag, before: Timestamp) -> Option<Age> {
        let pushes = self.pushes(remote).await?;
        // Whoever asks about the same repository reads the same pages.
        let mut pushes = pushes.lock().await;
        loop {
            match pushes.bound(tag.as_str()) {
                // Not later than that, whenever exactly it was.
                Some(latest) if latest <= before => return Some(Age::Old),
                at if pushes.lists(tag.as_str()) => return at.map(|at| Age::of(at, before)),
                _ if pushes.goes_on() => self.more_pushes(remote, &mut pushes).await,
                _ => return None,
            }
        }
    }

    /// The time by the registry's own clock, at its last answer; `None` if it did not tell.
    pub(crate) fn time_of(&self, remote: &Remote) -> Option<Timestamp> {
        self.session.transport.time_of(&self.session.endpoint(remote).ok()?.base)
    }

    /// Keeps for the next run what this one learned about the tags of a repository.
    pub(crate) async fn remember(&self, remote: &Remote) {
        self.manifests.remember(&self.session, remote).await;
    }
}
