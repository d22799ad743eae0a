//! Diagnostics and errors as people read them.

use std::error::Error as StdError;
use std::fmt::Write as _;

use anstyle::Style;

use crate::document;
use crate::error::Error;
use crate::model::diagnostic::Diagnostic;
use crate::model::diagnostic::Place;
use crate::model::diagnostic::Severity;
use crate::output::style;
use crate::output::style::paint;
use crate::output::text::safe;
use crate::output::text::width;

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
    for (index, manifest) in diagnostic.manifests.iter().enumerate() {
        let head = if index == 0 { "as a patch:" } else { "or:" };
        let _ = writeln!(text, "  {}", paint(style::HINT, head));
        for line in document::to_yaml(manifest).lines() {
            let _ = writeln!(text, "    {}", safe(line));
        }
    }
    text
}

/// The line of the value that the place is in, with the place underlined as far as it is in that line.
fn excerpt(place: &Place, style: Style) -> String {
    let value = &*place.value;
    let Some(inside) = value.get(place.span.clone()) else { return String::new() };
    if value.trim().is_empty() {
        return String::new();
    }
    // A place that begins with a line break is about what follows it.
    let start = place.span.start + if inside.trim().is_empty() { 0 } else { inside.len() - inside.trim_start().len() };
    let (before, inside, after) = (&value[..start], &value[start..place.span.end], &value[place.span.end..]);
    let line = |text: &str| text.find('\n').unwrap_or(text.len());
    let lead = ending(before.rsplit('\n').next().unwrap_or_default().trim_start());
    let (inside, more) = beginning(inside, line(inside));
    let (tail, more) = if more { (String::new(), true) } else { beginning(&after[..line(after)], after.len()) };
    let more = if more { "…" } else { "" };
    let bar = paint(style::PLACE, "|");
    let marks = "^".repeat(width(&inside).max(1));
    let indent = " ".repeat(width(&lead));
    format!("   {bar} {lead}{inside}{tail}{more}\n   {bar} {indent}{}\n", paint(style, marks))
}

/// The beginning of a text, not more than `most` bytes and not longer than can be shown, and whether there is more.
fn beginning(text: &str, most: usize) -> (String, bool) {
    let end = text.char_indices().nth(CONTEXT).map_or(text.len(), |(end, _)| end).min(most);
    (safe(&text[..end]), end < text.len())
}

/// The end of a text, as much as can be shown.
fn ending(text: &str) -> String {
    match text.char_indices().rev().nth(CONTEXT - 1) {
        Some((start, _)) if start > 0 => format!("…{}", safe(&text[start..])),
        _ => safe(text),
    }
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

#[cfg(test)]
mod tests;
