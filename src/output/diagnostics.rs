//! Diagnostics and errors as people read them.

use std::error::Error as StdError;
use std::fmt::Write as _;

use anstyle::Style;

use crate::error::Error;
use crate::model::diagnostic::Diagnostic;
use crate::model::diagnostic::Place;
use crate::model::diagnostic::Severity;
use crate::output::style;
use crate::output::style::paint;
use crate::output::text::safe;

/// More of a value than this is not shown around the place that a diagnostic is about.
const CONTEXT: usize = 60;

/// A diagnostic with the piece of the annotation it is about.
///
/// ```text
/// warning[unknown-strategy]: `semvar` is not an update strategy
///   --> argocd/guestbook  argocd-image-updater.argoproj.io/web.update-strategy
///    | semvar
///    | ^^^^^^
///   hint: did you mean `semver`?
/// ```
pub(crate) fn diagnostic(diagnostic: &Diagnostic) -> String {
    let style = style::of_severity(diagnostic.severity);
    let head = format!("{}[{}]", diagnostic.severity.name(), diagnostic.code);
    let mut text = format!("{}: {}\n", paint(style, head), safe(&diagnostic.message));
    let application = diagnostic.application.as_ref().map(|key| safe(&key.to_string()));
    match (&application, &diagnostic.place) {
        (Some(application), Some(place)) => {
            let _ = writeln!(text, "  {} {application}  {}", paint(style::PLACE, "-->"), safe(&place.annotation));
        }
        (Some(application), None) => {
            let _ = writeln!(text, "  {} {application}", paint(style::PLACE, "-->"));
        }
        (None, Some(place)) => {
            let _ = writeln!(text, "  {} {}", paint(style::PLACE, "-->"), safe(&place.annotation));
        }
        (None, None) => {}
    }
    if let Some(place) = &diagnostic.place {
        text.push_str(&excerpt(place, style));
    }
    if let Some(hint) = &diagnostic.hint {
        let _ = writeln!(text, "  {} {}", paint(style::HINT, "hint:"), safe(hint));
    }
    text
}

/// The line of the value that the place is in, with the place underlined.
fn excerpt(place: &Place, style: Style) -> String {
    let value = &place.value;
    let (Some(before), Some(inside)) = (value.get(..place.span.start), value.get(place.span.clone())) else {
        return String::new();
    };
    if value.trim().is_empty() {
        return String::new();
    }
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let before: Vec<char> = value[line_start..place.span.start].chars().collect();
    let cut = before.len().saturating_sub(CONTEXT);
    let lead: String = before[cut..].iter().collect();
    let lead = format!("{}{}", if cut > 0 { "…" } else { "" }, safe(&lead));
    let inside = inside.split('\n').next().unwrap_or_default();
    let inside: String = inside.chars().take(CONTEXT).collect();
    let after = value[place.span.end..].split('\n').next().unwrap_or_default();
    let tail: String = after.chars().take(CONTEXT).collect();
    let tail = format!("{}{}", safe(&tail), if tail.len() < after.len() { "…" } else { "" });
    let (lead, inside) = (lead.trim_start().to_owned(), safe(&inside));
    let bar = paint(style::PLACE, "|");
    let marks = "^".repeat(inside.chars().count().max(1));
    let indent = " ".repeat(lead.chars().count());
    format!("   {bar} {lead}{inside}{tail}\n   {bar} {indent}{}\n", paint(style, marks))
}

/// An error with its causes and hints.
pub(crate) fn error(error: &Error) -> String {
    let mut text = format!("{} {}\n", paint(style::of_severity(Severity::Error), "error:"), safe(&error.message));
    for detail in &error.details {
        let _ = writeln!(text, "  {}", safe(detail));
    }
    let mut source = error.source.as_deref().map(|source| source as &dyn StdError);
    let mut last = error.message.clone();
    while let Some(cause) = source {
        let words = cause.to_string();
        // A cause that its parent already quotes says nothing new.
        if !last.contains(&words) {
            let _ = writeln!(text, "  cause: {}", safe(&words));
        }
        last = words;
        source = cause.source();
    }
    for hint in &error.hints {
        let _ = writeln!(text, "  {} {}", paint(style::HINT, "hint:"), safe(hint));
    }
    text
}
