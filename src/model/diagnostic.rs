//! What is wrong, or doubtful, in what the user wrote: collected, never thrown, so that one bad Application never
//! hides the others.

use std::ops::Range;

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
}

/// A place in the value of an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The full annotation key.
    pub(crate) annotation: String,
    pub(crate) value: String,
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
        Self { severity, code, application: None, place: None, message, hint: None }
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
