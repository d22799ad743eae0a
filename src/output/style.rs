//! Colors, which decorate and never say something that the words do not.

use anstyle::AnsiColor;
use anstyle::Style;

use crate::model::decision::ImageStatus;
use crate::model::diagnostic::Severity;
use crate::model::plan::Outcome;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const ADDED: Style = AnsiColor::Green.on_default();
pub(crate) const REMOVED: Style = AnsiColor::Red.on_default();
pub(crate) const PLACE: Style = AnsiColor::Cyan.on_default();
pub(crate) const HINT: Style = AnsiColor::Blue.on_default().bold();

/// Text in a style, and plain text after it.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

pub(crate) fn of_severity(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
    }
}

pub(crate) fn of_status(status: ImageStatus) -> Style {
    match status {
        ImageStatus::Invalid | ImageStatus::PinBroken => AnsiColor::Red.on_default(),
        ImageStatus::Undetermined | ImageStatus::Downgrade | ImageStatus::RolledBack => AnsiColor::Yellow.on_default(),
        ImageStatus::UpdateAvailable => AnsiColor::Cyan.on_default(),
        ImageStatus::UpToDate => AnsiColor::Green.on_default(),
        ImageStatus::Pinned | ImageStatus::NotDeployed | ImageStatus::NoCandidate => DIM,
    }
}

pub(crate) fn of_outcome(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Applied => AnsiColor::Green.on_default(),
        Outcome::AlreadyApplied => DIM,
        Outcome::Stale | Outcome::Rejected | Outcome::Failed => AnsiColor::Red.on_default(),
    }
}
