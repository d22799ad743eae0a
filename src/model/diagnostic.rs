//! What is wrong, or doubtful, in what the user wrote: collected, never thrown, so that one bad Application never
//! hides the others.

use std::ops::Range;
use std::sync::Arc;

use crate::model::application::ApplicationKey;

/// How bad it is. An error makes an image `Invalid` or leaves something undone; a warning changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Error,
    Warning,
}

impl Severity {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One finding about an Application, with the place in the annotation that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    pub(crate) severity: Severity,
    /// Stable, lower case with dashes, for scripts.
    pub(crate) code: &'static str,
    pub(crate) application: Option<ApplicationKey>,
    pub(crate) place: Option<Place>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Objects, as far as they would have to be changed for this to go away.
    pub(crate) manifests: Vec<serde_json::Value>,
}

/// A place in the value of an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The full annotation key.
    pub(crate) annotation: String,
    /// Shared: one long value may have many findings.
    pub(crate) value: Arc<str>,
    /// Byte range inside `value`.
    pub(crate) span: Range<usize>,
}

impl Diagnostic {
    pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    pub(crate) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    fn new(severity: Severity, code: &'static str, message: String) -> Self {
        Self { severity, code, application: None, place: None, message, hint: None, manifests: Vec::new() }
    }

    #[must_use]
    pub(crate) fn about(mut self, application: &ApplicationKey) -> Self {
        self.application = Some(application.clone());
        self
    }

    #[must_use]
    pub(crate) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What is wrong with a piece of the user's text, and where in it.
///
/// The raw form of a [`Diagnostic`]: parsers make it, which know the text but not the annotation it stands in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct TextError {
    pub(crate) message: String,
    /// Byte range inside the text; `None` when it is about the whole text, or about there being none.
    pub(crate) span: Option<Range<usize>>,
    pub(crate) hint: Option<String>,
}

impl TextError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), span: None, hint: None }
    }

    #[must_use]
    pub(crate) fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error for a text that has `offset` more bytes in front.
    #[must_use]
    pub(crate) fn shifted(mut self, offset: usize) -> Self {
        self.span = self.span.map(|span| span.start + offset..span.end + offset);
        self
    }
}
