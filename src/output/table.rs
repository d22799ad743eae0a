//! Decisions as a table: for a terminal, for a pull-request comment, as names.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::Cell;
use comfy_table::Color;
use comfy_table::ColumnConstraint;
use comfy_table::ContentArrangement;
use comfy_table::Table;
use comfy_table::Width;
use jiff::Timestamp;

use crate::model::application::ApplicationKey;
use crate::model::candidate::Rejected;
use crate::model::candidate::Rejection;
use crate::model::decision::Behind;
use crate::model::decision::CurrentFrom;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::image::Version;
use crate::model::plan::Destination;
use crate::output::text::safe;
use crate::output::text::width as text_width;

/// How a table is laid out.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) wide: bool,
    pub(crate) headers: bool,
    pub(crate) namespaces: bool,
    pub(crate) color: bool,
    /// Columns of the terminal; `None`: as wide as it gets, and every line complete, as programs want it.
    pub(crate) width: Option<u16>,
    /// Whoever reads it is at a terminal: a name that stands in the line above is not repeated.
    pub(crate) grouped: bool,
    /// The time now, which ages are counted from.
    pub(crate) now: Option<Timestamp>,
}

/// The least room in which the last column, the reason, is worth having beside the others.
const LEAST_REASON: usize = 24;

/// The decisions as a table. Only the reason is ever wrapped: names and versions must stay whole to be read and
/// copied. Where the terminal has no room for it beside the others, it goes below each line.
pub(crate) fn table(decisions: &[Decision], layout: Layout) -> String {
    if decisions.is_empty() {
        return String::new();
    }
    let mut columns = columns(layout);
    let Some(width) = layout.width.map(usize::from) else {
        return grid(&columns, decisions, layout, None).concat();
    };
    let reason = columns.pop().expect("the reason is always a column");
    let mut taken = width_of(&columns, decisions, layout);
    let behind = columns.iter().position(|column| column.0 == BEHIND);
    if let Some(behind) = behind.filter(|_| taken + LEAST_REASON > width) {
        // Without it there may be one line for each image, which is easier to read.
        let column = columns.remove(behind);
        let less = width_of(&columns, decisions, layout);
        if less + LEAST_REASON <= width || taken > width {
            taken = less;
        } else {
            columns.insert(behind, column);
        }
    }
    if taken + LEAST_REASON <= width {
        columns.push(reason);
        return grid(&columns, decisions, layout, Some(width - taken)).concat();
    }
    if taken > width {
        return narrow::list(decisions, layout, width);
    }
    let mut lines = grid(&columns, decisions, layout, None).into_iter();
    let mut text: String = lines.by_ref().take(usize::from(layout.headers)).collect();
    for (line, decision) in lines.zip(decisions) {
        text.push_str(&line);
        text.push_str(&narrow::indented(&reason.1(decision), 2, width));
    }
    text
}

/// The lines of a table; `last` is the room for the last column, `None`: as much as it takes.
fn grid(columns: &[Column], decisions: &[Decision], layout: Layout, last: Option<usize>) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if layout.color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    if layout.headers {
        table.set_header(columns.iter().map(|column| column.0));
    }
    let mut above: Option<&Decision> = None;
    for decision in decisions {
        let again = above.replace(decision).filter(|_| layout.grouped);
        let application = again.is_some_and(|above| above.application == decision.application);
        let namespace = again.is_some_and(|above| above.application.namespace == decision.application.namespace);
        table.add_row(columns.iter().map(|(header, text)| {
            let is_above = match *header {
                APPLICATION => application,
                NAMESPACE => namespace,
                _ => false,
            };
            let cell = Cell::new(if is_above { String::new() } else { text(decision) });
            if layout.color && *header == STATUS { cell.fg(color(decision.status)) } else { cell }
        }));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        let is_last = index + 1 == columns.len();
        column.set_padding((0, if is_last { 0 } else { GAP }));
        if let (true, Some(room)) = (is_last, last) {
            column
                .set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(u16::try_from(room).unwrap_or(u16::MAX))));
        } else {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    if last.is_some() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(layout.width.unwrap_or(u16::MAX));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Blanks between two columns.
const GAP: u16 = 2;

/// How wide columns are together, with the blanks behind each.
fn width_of(columns: &[Column], decisions: &[Decision], layout: Layout) -> usize {
    let of = |(name, cell): &Column| {
        let header = if layout.headers { name.len() } else { 0 };
        decisions.iter().map(|decision| text_width(&cell(decision))).max().unwrap_or(0).max(header)
    };
    columns.iter().map(|column| of(column) + usize::from(GAP)).sum()
}

/// The column that is colored.
const STATUS: &str = "STATUS";
/// The columns whose cells may stand for several lines.
const NAMESPACE: &str = "NAMESPACE";
const APPLICATION: &str = "APPLICATION";
/// The column that goes first where there is little room.
const BEHIND: &str = "BEHIND";

type Column = (&'static str, Box<dyn Fn(&Decision) -> String>);

fn columns(layout: Layout) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    if layout.namespaces {
        columns.push((NAMESPACE, Box::new(|decision| safe(&decision.application.namespace))));
    }
    columns.push((APPLICATION, Box::new(|decision| safe(&decision.application.name))));
    columns.push(("IMAGE", Box::new(|decision| safe(decision.label()))));
    columns.push(("CURRENT", Box::new(current)));
    columns.push(("NEWEST", Box::new(candidate)));
    columns.push((STATUS, Box::new(|decision| decision.status.name().to_owned())));
    columns.push((BEHIND, Box::new(|decision| decision.behind.and_then(behind).unwrap_or_else(dash))));
    if layout.wide {
        columns.push(("REASON", Box::new(|decision| decision.reason.name())));
        columns.push(("STRATEGY", Box::new(|decision| safe(&decision.strategy))));
        let constraint = |decision: &Decision| decision.constraint.as_deref().map_or_else(dash, safe);
        columns.push(("CONSTRAINT", Box::new(constraint)));
        columns.push(("AGE", Box::new(move |decision| age(decision, layout.now).unwrap_or_else(dash))));
        let target = |decision: &Decision| decision.write_back.as_ref().map_or_else(dash, write_back);
        columns.push(("WRITE-BACK", Box::new(target)));
        let reference = |decision: &Decision| decision.reference.as_ref().map_or_else(dash, |r| safe(&r.to_string()));
        columns.push(("REFERENCE", Box::new(reference)));
    }
    columns.push(("WHY", Box::new(|decision| safe(&decision.message))));
    columns
}

/// `3 versions, 41d`, as far as it is known and anything.
pub(super) fn behind(behind: Behind) -> Option<String> {
    let versions = behind.versions.filter(|versions| *versions > 0).map(|versions| {
        let noun = if versions == 1 { "version" } else { "versions" };
        format!("{versions} {noun}")
    });
    let days = behind.days.filter(|days| *days > 0).map(|days| format!("{days}d"));
    let parts: Vec<String> = versions.into_iter().chain(days).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// How long ago the candidate was built, or else pushed, in one unit, as kubectl shows ages.
fn age(decision: &Decision, now: Option<Timestamp>) -> Option<String> {
    let candidate = decision.candidate.as_ref()?;
    let seconds = now?.duration_since(candidate.built().or(candidate.pushed)?).as_secs();
    Some(match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    })
}

fn dash() -> String {
    "-".to_owned()
}

/// A version in as few characters as tell it from others: digests are cut to twelve digits.
pub(crate) fn short(version: &Version) -> String {
    let digest = version.digest.as_deref().map(|digest| digest.chars().take("sha256:".len() + 12).collect::<String>());
    safe(&Version { tag: version.tag.clone(), digest }.to_string())
}

fn current(decision: &Decision) -> String {
    match (&decision.current, decision.live.as_slice()) {
        (Some(current), _) => short(current),
        (None, []) => dash(),
        (None, live) => live.iter().map(short).collect::<Vec<_>>().join(", "),
    }
}

fn candidate(decision: &Decision) -> String {
    decision
        .candidate
        .as_ref()
        .map_or_else(dash, |candidate| short(&Version::new(Some(&candidate.tag), candidate.digest.as_ref())))
}

fn write_back(destination: &Destination) -> String {
    match destination {
        Destination::Application { renderer, .. } => {
            renderer.map_or_else(|| "argocd".to_owned(), |renderer| format!("argocd:{}", renderer.name()))
        }
        Destination::Git(git) => format!("git:{}", safe(git.target.as_deref().unwrap_or("default"))),
    }
}

fn color(status: ImageStatus) -> Color {
    match status {
        ImageStatus::Invalid | ImageStatus::PinBroken => Color::Red,
        ImageStatus::Undetermined | ImageStatus::Downgrade | ImageStatus::RolledBack => Color::Yellow,
        ImageStatus::UpdateAvailable => Color::Cyan,
        ImageStatus::UpToDate => Color::Green,
        ImageStatus::Pinned | ImageStatus::NotDeployed | ImageStatus::NoCandidate => Color::DarkGrey,
    }
}

/// The decisions as a Markdown table, for a pull-request comment.
pub(crate) fn markdown(decisions: &[Decision], layout: Layout) -> String {
    if decisions.is_empty() {
        return String::new();
    }
    let columns = columns(Layout { namespaces: true, ..layout });
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = String::new();
    if layout.headers {
        text.push_str(&row(columns.iter().map(|(name, _)| title(name)).collect()));
        text.push_str(&row(columns.iter().map(|_| "---".to_owned()).collect()));
    }
    for decision in decisions {
        text.push_str(&row(columns.iter().map(|(_, cell)| markdown_cell(&cell(decision))).collect()));
    }
    text
}

fn title(name: &str) -> String {
    let lower = name.to_lowercase();
    let mut characters = lower.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}

/// Text that Markdown shows as it is: nothing in a tag or a message becomes markup, a link, a mention or a reference
/// to an issue. GitHub looks for the last three in the rendered text, where an escaped character is itself again, so
/// they are broken by a space without width.
fn markdown_cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' => {
                cell.push('\\');
                cell.push(character);
            }
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            '&' => cell.push_str("&amp;"),
            '$' => cell.push_str("&#36;"),
            '@' | '#' => {
                cell.push(character);
                cell.push_str(NO_WIDTH);
            }
            '/' if cell.ends_with(':') => {
                cell.push_str(NO_WIDTH);
                cell.push(character);
            }
            '.' if ends_in_www(&cell) => {
                cell.push_str(NO_WIDTH);
                cell.push(character);
            }
            other => cell.push(other),
        }
    }
    cell
}

fn ends_in_www(text: &str) -> bool {
    text.get(text.len().saturating_sub(3)..).is_some_and(|end| end.eq_ignore_ascii_case("www"))
}

/// A space without width, as an entity.
const NO_WIDTH: &str = "&#8203;";

/// The Applications that have updates, by name.
pub(crate) fn names(decisions: &[Decision], namespaces: bool) -> String {
    let with_updates = decisions.iter().filter(|decision| decision.status == ImageStatus::UpdateAvailable);
    applications(with_updates.map(|decision| &decision.application), namespaces)
}

/// Applications by name, as `apply` takes it: each once, a line each.
pub(crate) fn applications<'a>(keys: impl IntoIterator<Item = &'a ApplicationKey>, namespaces: bool) -> String {
    let mut text = String::new();
    let mut last = None;
    for key in keys {
        if last.replace(key) != Some(key) {
            text.push_str(&name(key, namespaces));
            text.push('\n');
        }
    }
    text
}

/// `application.argoproj.io/NAME`, or `NAMESPACE/NAME` where the namespace is not the same for all.
pub(crate) fn name(key: &ApplicationKey, namespaces: bool) -> String {
    if namespaces { safe(&key.to_string()) } else { format!("application.argoproj.io/{}", safe(&key.name)) }
}

/// The way from the tags of a registry to the one that was chosen, and the nearest newer ones that were not.
pub(crate) fn explain(decisions: &[Decision]) -> String {
    let mut text = String::new();
    for decision in decisions {
        let _ = writeln!(text, "\n{}  {}", safe(&decision.application.to_string()), safe(decision.label()));
        let from = match decision.current_from {
            CurrentFrom::Target => " (configured)",
            CurrentFrom::Status => " (live)",
            CurrentFrom::None => "",
        };
        let _ = writeln!(text, "  current   {}{from}", current(decision));
        if let Some(tags) = decision.tags {
            let _ = writeln!(
                text,
                "  tags      {} seen → {} allowed → {} eligible → {}",
                tags.seen,
                tags.allowed,
                tags.eligible,
                candidate(decision),
            );
        }
        let _ = writeln!(
            text,
            "  decision  {} ({}): {}",
            decision.status.name(),
            decision.reason.name(),
            safe(&decision.message)
        );
        if !decision.newer.is_empty() {
            let newer = |rejected: &Rejected| format!("{} ({})", safe(&rejected.tag), rejected.why.name());
            let newer: Vec<_> = decision.newer.iter().map(newer).collect();
            let _ = writeln!(text, "  newer     {}", newer.join(", "));
        }
        for group in rejected_groups(decision) {
            let _ = writeln!(text, "  rejected  {group}");
        }
    }
    text
}

/// Rejected tags by reason, with how many and the last few of each.
fn rejected_groups(decision: &Decision) -> Vec<String> {
    let mut groups: BTreeMap<Rejection, Vec<&str>> = BTreeMap::new();
    for rejected in &decision.rejected {
        groups.entry(rejected.why).or_default().push(&rejected.tag);
    }
    groups
        .into_iter()
        .map(|(why, tags)| {
            let shown: Vec<_> = tags.iter().rev().take(SHOWN).map(|tag| safe(tag)).collect();
            let more = tags.len() - shown.len();
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("{}: {}{more}", why.name(), shown.join(", "))
        })
        .collect()
}

/// How many tags of one group are shown.
const SHOWN: usize = 5;

mod narrow;
#[cfg(test)]
mod tests;
