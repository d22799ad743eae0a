//! Why a registry could not be asked, by what the caller does about it.
//!
//! No secret is ever part of an error, and what a registry says in its own words is kept short and on one line.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::image::Tag;
use crate::model::words;

/// What the caller can do about a failure: one variant for each different reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RegistryErrorKind {
    /// The registry has no such repository, or does not show it.
    RepositoryNotFound,
    /// The repository has no such tag.
    TagNotFound,
    /// A login is needed, or the one given does not suffice.
    Denied,
    /// The registry asked to wait longer than this tool waits.
    RateLimited { retry_after: Option<Duration> },
    /// No answer, or one that says the registry is out of order.
    Unreachable,
    /// The tag list is longer than what could be had of it.
    Truncated,
    /// An answer came that cannot be what the registry API describes, or that must not be trusted.
    Protocol,
    /// The image does not say when it was built.
    Undated,
    /// The settings given for registries are unusable; nothing was asked.
    Settings,
}

/// A failure of the registry client: what was being done, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct RegistryError {
    doing: String,
    failure: Failure,
}

impl RegistryError {
    pub(super) fn new(doing: String, failure: Failure) -> Self {
        Self { doing, failure }
    }

    /// The same about a tag that the registry's own list names: that it is not there is no answer then.
    pub(crate) fn of_listed(mut self, tag: &Tag) -> Self {
        if self.failure.kind == RegistryErrorKind::TagNotFound {
            let message = format!("{tag} is listed, but its manifest is not there: {}", self.failure.message);
            self.failure = Failure { kind: RegistryErrorKind::Protocol, message, ..self.failure };
        }
        self
    }

    pub(crate) fn kind(&self) -> RegistryErrorKind {
        self.failure.kind
    }

    /// What happened, without what was being done.
    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        &self.failure.message
    }

    /// What the user can do about it, if that is known.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.failure.hint.as_deref()
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}: {}", self.doing, self.failure.message)
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failure.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

/// What happened, before it is known what it was part of.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: RegistryErrorKind,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// The HTTP status that was the answer, if there was one.
    pub(super) status: Option<u16>,
    pub(super) cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Failure {
    pub(super) fn new(kind: RegistryErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, status: None, cause: None }
    }

    pub(super) fn protocol(message: impl Into<String>) -> Self {
        Self::new(RegistryErrorKind::Protocol, message)
    }

    pub(super) fn unreachable(message: impl Into<String>) -> Self {
        Self::new(RegistryErrorKind::Unreachable, message)
    }

    pub(super) fn truncated(message: impl Into<String>) -> Self {
        Self::new(RegistryErrorKind::Truncated, message)
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(super) fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }
}

/// Longest piece of a registry's own words that is passed on.
const WORDS: usize = 240;

/// Text from outside as one short line without control and formatting characters.
pub(super) fn one_line(text: &str) -> String {
    words::one_line(text, WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_was_being_done_and_keeps_its_cause() {
        let cause = std::io::Error::other("no route");
        let failure = Failure::unreachable("no answer from ghcr.io").because(cause).hint("check the network");
        let error = RegistryError::new("list tags of ghcr.io/acme/web".to_owned(), failure);
        assert_eq!(error.to_string(), "failed to list tags of ghcr.io/acme/web: no answer from ghcr.io");
        assert_eq!(error.source().unwrap().to_string(), "no route");
        assert_eq!(error.hint(), Some("check the network"));
        assert_eq!(error.clone().kind(), RegistryErrorKind::Unreachable);
    }
}
