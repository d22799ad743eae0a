//! Decisions for a terminal too narrow for a table: nothing but the reason is ever wrapped.

use std::fmt::Write as _;

use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::output::style;
use crate::output::style::paint;
use crate::output::table::Layout;
use crate::output::table::behind;
use crate::output::table::candidate;
use crate::output::table::current;
use crate::output::table::dash;
use crate::output::text::safe;
use crate::output::text::width as text_width;

/// The decisions below their Applications, for a terminal too narrow for a table.
pub(super) fn list(decisions: &[Decision], layout: Layout, width: usize) -> String {
    let mut text = String::new();
    let mut last = None;
    for decision in decisions {
        if last != Some(&decision.application) {
            last = Some(&decision.application);
            let key = &decision.application;
            text.push_str(&safe(&if layout.namespaces { key.to_string() } else { key.name.clone() }));
            text.push('\n');
        }
        let status = decision.status.name();
        let status = if layout.color { paint(style::of_status(decision.status), status) } else { status.to_owned() };
        let versions = match candidate(decision) {
            newest if newest == dash() || decision.status == ImageStatus::UpToDate => current(decision),
            newest => format!("{} → {newest}", current(decision)),
        };
        let behind = decision.behind.and_then(behind).map_or_else(String::new, |behind| format!("  {behind} behind"));
        let label = safe(decision.label());
        let taken = [&label, &versions, decision.status.name(), &behind].map(text_width).iter().sum::<usize>() + 6;
        let behind = if taken <= width { behind } else { String::new() };
        let _ = writeln!(text, "  {label}  {versions}  {status}{behind}");
        text.push_str(&indented(&safe(&decision.message), 4, width));
    }
    text
}

/// Text in lines of at most `width`, each indented by `indent`.
pub(super) fn indented(text: &str, indent: usize, width: usize) -> String {
    let blanks = " ".repeat(indent);
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && indent + 1 + text_width(&line) + text_width(word) > width {
            let _ = writeln!(lines, "{blanks}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines + &format!("{blanks}{line}\n")
}
