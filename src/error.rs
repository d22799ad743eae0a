//! How a run can end: exit codes, and the error that ends it early.

use std::error::Error as StdError;
use std::fmt;

/// The exit codes (contract `Streams and exit codes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    Done,
    Failed,
    Changes,
    Partial,
    Stale,
    Declined,
    NotHealthy,
    Interrupted,
}

impl ExitCode {
    /// Every code with its number and meaning, in numerical order.
    pub(crate) const ALL: [(Self, u8, &'static str); 8] = [
        (Self::Done, 0, "done; also when updates exist"),
        (Self::Failed, 1, "failed: usage, cluster, or every change failed"),
        (Self::Changes, 2, "only with `--detailed-exitcode`: done, and there is at least one change"),
        (Self::Partial, 3, "done in part: some image is `Undetermined` or `Invalid`, or some changes were not written"),
        (Self::Stale, 4, "the plan is stale, found before any write: nothing was written"),
        (Self::Declined, 5, "you said no at the prompt: nothing was written"),
        (Self::NotHealthy, 6, "written, but `--wait` saw an Application fail, or time ran out"),
        (Self::Interrupted, 130, "interrupted; the report says what was written"),
    ];

    /// When several apply, the first of these is the exit code.
    const PRECEDENCE: [Self; 8] = [
        Self::Interrupted,
        Self::Failed,
        Self::Stale,
        Self::Declined,
        Self::NotHealthy,
        Self::Partial,
        Self::Changes,
        Self::Done,
    ];

    pub(crate) fn number(self) -> u8 {
        Self::ALL.iter().find(|(code, ..)| *code == self).map_or(1, |(_, number, _)| *number)
    }

    /// The one that wins when both apply.
    pub(crate) fn or(self, other: Self) -> Self {
        Self::PRECEDENCE.into_iter().find(|code| *code == self || *code == other).unwrap_or(self)
    }
}

/// What ended a run, for people: what failed, why, and what to do about it.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) code: ExitCode,
    /// A fragment that starts in lower case and completes `error: …`.
    pub(crate) message: String,
    /// What is wrong in particular, a line each.
    pub(crate) details: Vec<String>,
    pub(crate) source: Option<Box<dyn StdError + Send + Sync>>,
    pub(crate) hints: Vec<String>,
}

impl Error {
    /// The command cannot be carried out as it was typed.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::failed(message)
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { code: ExitCode::Failed, message: message.into(), details: Vec::new(), source: None, hints: Vec::new() }
    }

    pub(crate) fn with_code(mut self, code: ExitCode) -> Self {
        self.code = code;
        self
    }

    #[must_use]
    pub(crate) fn source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    #[must_use]
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn maybe_hint(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_outcome_decides_the_exit_code() {
        for (one, other, expected) in [
            (ExitCode::Done, ExitCode::Changes, 2),
            (ExitCode::Partial, ExitCode::Changes, 3),
            (ExitCode::Partial, ExitCode::Stale, 4),
            (ExitCode::Failed, ExitCode::Stale, 1),
            (ExitCode::Interrupted, ExitCode::Failed, 130),
        ] {
            assert_eq!(one.or(other).number(), expected);
            assert_eq!(other.or(one).number(), expected);
        }
    }
}
