//! `apply -i`: which of the changes are written, ticked in a list.

use crate::cli::plan::Made;
use crate::cli::session::Session;
use crate::cli::signals;
use crate::error::Error;
use crate::model::application::ApplicationKey;
use crate::model::image::Version;
use crate::model::plan::Change;
use crate::output::table;
use crate::output::text;
use crate::pipeline;
use crate::propose;
use crate::propose::Part;

/// What the list puts in front of a line, and a column that stays free.
const MARGIN: usize = 7;
/// So much of the name of an Application is shown in any case.
const LEAST_OF_NAME: usize = 20;
/// The width of a terminal that does not tell.
const COLUMNS: usize = 80;

/// Makes sure that there is a list to tick in.
///
/// # Errors
/// There is no terminal, or one that cannot move its cursor.
pub(crate) fn must_be_possible(session: &Session) -> Result<(), Error> {
    if !session.process.can_ask() {
        return Err(Error::usage("-i needs a terminal to tick changes in")
            .hint("--alias and names say which changes are meant, --yes or --plan writes them"));
    }
    if session.process.variable("TERM") == Some("dumb") {
        return Err(Error::usage("-i needs a terminal that can move its cursor, and TERM says `dumb`")
            .hint("--alias and names say which changes are meant"));
    }
    Ok(())
}

/// Has the user tick changes; returns the changes to write, none if nothing was ticked.
///
/// # Errors
/// The answer cannot be read, or the user interrupts.
pub(crate) async fn ticked(session: &Session, made: &Made) -> Result<Vec<Change>, Error> {
    let Made { selection, checked, options, .. } = made;
    let parts = propose::parts(&selection.selected, &checked.decisions, &checked.placements, options);
    let wanted = tick(&parts)?;
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let clients = selection.clients(session);
    let work = pipeline::some_changes(&clients, &selection.selected, checked.clone(), &wanted, options);
    session.interruptible(work).await
}

/// Asks which parts of a plan are meant; returns the images in them, by Application and position in the image list.
///
/// # Errors
/// The answer cannot be read, or the user interrupts.
fn tick(parts: &[Part<'_>]) -> Result<Vec<(ApplicationKey, usize)>, Error> {
    let columns = terminal_size::terminal_size_of(std::io::stderr()).map_or(COLUMNS, |(width, _)| width.0.into());
    let lines: Vec<String> = parts.iter().map(|part| line(part, columns.saturating_sub(MARGIN))).collect();
    let terminal = dialoguer::console::Term::stderr();
    let ticked = dialoguer::MultiSelect::new()
        .with_prompt("Which changes? Space ticks, a ticks all, Enter writes them, Esc writes none")
        .items(&lines)
        .report(false)
        .interact_on_opt(&terminal);
    let ticked = match ticked {
        Ok(ticked) => ticked.unwrap_or_default(),
        Err(error) => {
            // It is hidden while the list is there.
            let _ = terminal.show_cursor();
            return Err(signals::unanswered(error));
        }
    };
    let decisions = ticked.iter().filter_map(|index| parts.get(*index)).flat_map(|part| &part.decisions);
    Ok(decisions.map(|decision| (decision.application.clone(), decision.position)).collect())
}

/// `argocd/bookstore  web v1.0.0 → v1.0.1`, no longer than `most`; images that share a value stand in one line.
fn line(part: &Part<'_>, most: usize) -> String {
    let images: Vec<String> = part
        .decisions
        .iter()
        .map(|decision| {
            let from = decision.current.as_ref().map_or_else(|| "(not set)".to_owned(), table::short);
            let to = decision.candidate.as_ref().map_or_else(String::new, |candidate| {
                table::short(&Version::new(Some(&candidate.tag), candidate.digest.as_ref()))
            });
            format!("{} {from} → {to}", text::safe(decision.label()))
        })
        .collect();
    let application = part.decisions.first().map(|decision| text::safe(&decision.application.to_string()));
    in_one_line(application.unwrap_or_default(), &images.join(", "), most)
}

/// A name and what is said of it; if it is too much, the name is cut first.
fn in_one_line(name: String, text: &str, most: usize) -> String {
    let room = most.saturating_sub("  ".len() + text.len()).max(LEAST_OF_NAME);
    fitting(format!("{}  {text}", fitting(name, room)), most)
}

/// A line that is not broken: the list counts its lines by bytes.
fn fitting(line: String, most: usize) -> String {
    if line.len() <= most {
        return line;
    }
    let end = line.char_indices().map(|(index, _)| index).take_while(|index| index + "…".len() <= most).last();
    format!("{}…", &line[..end.unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_never_longer_than_the_terminal() {
        for (text, most, expected) in [
            ("web 1 → 2", 11, "web 1 → 2"),
            ("web 1 → 2", 10, "web 1 …"),
            ("web 1 → 2", 9, "web 1 …"),
            ("web", 3, "web"),
            ("webs", 3, "…"),
            ("→→→", 8, "→…"),
            ("web", 0, "…"),
        ] {
            assert_eq!(fitting(text.to_owned(), most), expected, "{text} {most}");
        }
        let name = "argocd/the-bookstore-around-the-corner";
        for (most, expected) in [
            (80, "argocd/the-bookstore-around-the-corner  web 1 → 2"),
            (40, "argocd/the-bookstore-aro…  web 1 → 2"),
            (28, "argocd/the-bookst…  web…"),
        ] {
            assert_eq!(in_one_line(name.to_owned(), "web 1 → 2", most), expected, "{most}");
        }
    }
}
