//! What `pin` and `unpin` say: what they are going to write, and what became of it.

use crate::cli::pin::Planned;
use crate::document::receipts::DryRun;
use crate::model::pin::Pin;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::output::style;
use crate::output::style::paint;
use crate::output::table;
use crate::output::text::safe;

/// A line for each image that is going to be written.
pub(super) fn preview(planned: &[Planned]) -> Vec<String> {
    let line = |planned: &Planned| {
        let change = planned.changes.first()?;
        let image = change.images.first()?;
        let label = image.label();
        let from = image.from.as_ref().map_or_else(|| "(not set)".to_owned(), table::short);
        let to = match &planned.pin {
            Some(pin) if image.from.as_ref() == Some(&pin.version) => "is held".to_owned(),
            Some(pin) => format!("→ {}, and is held", table::short(&pin.version)),
            None if image.from.as_ref() == Some(&image.to) => "moves again".to_owned(),
            None => format!("→ {}, and moves again", table::short(&image.to)),
        };
        Some(format!("{}  {}  {from} {to}\n", safe(&change.application.to_string()), safe(&label)))
    };
    planned.iter().filter_map(line).collect()
}

pub(super) fn is_done(receipt: &Receipt) -> bool {
    matches!(receipt.outcome, Outcome::Applied | Outcome::AlreadyApplied)
}

/// `argocd/bookstore  web  pinned at v1.0.0, was v1.0.1`
pub(super) fn line(receipt: &Receipt, pin: Option<&Pin>, dry_run: DryRun) -> String {
    let application = safe(&receipt.change.application.to_string());
    let (label, from) = receipt.change.images.first().map_or((String::new(), None), |image| {
        let label = image.label();
        (safe(&label), image.from.clone())
    });
    let outcome = paint(style::of_outcome(receipt.outcome), receipt.outcome.name());
    let what = match pin {
        _ if !is_done(receipt) => "not written".to_owned(),
        Some(pin) => {
            let until = pin.until.map_or_else(String::new, |until| format!(" until {until}"));
            let was = from
                .filter(|from| *from != pin.version)
                .map_or_else(String::new, |from| format!(", was {}", table::short(&from)));
            format!("pinned at {}{until}{was}", table::short(&pin.version))
        }
        None => "unpinned".to_owned(),
    };
    let dry = if dry_run == DryRun::None { "" } else { " (dry run)" };
    let message = if receipt.message.is_empty() { String::new() } else { format!("  {}", safe(&receipt.message)) };
    format!("{application}  {label}  {outcome}{dry}  {what}{message}\n")
}
