//! What became of each change, as lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::document::receipts::DryRun;
use crate::model::application::ApplicationKey;
use crate::model::plan::At;
use crate::model::plan::Change;
use crate::model::plan::Finding;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::model::plan::Rollout;
use crate::output::style;
use crate::output::style::paint;
use crate::output::table;
use crate::output::table::short;
use crate::output::text::safe;

/// One line a receipt, and one below it for each image that moved.
pub(crate) fn lines(receipts: &[Receipt], dry_run: DryRun) -> String {
    let mut text = String::new();
    for receipt in receipts {
        let suffix = match dry_run {
            DryRun::None => "",
            DryRun::Client => " (dry run)",
            DryRun::Server => " (server dry run)",
        };
        let application = safe(&receipt.change.application.to_string());
        let outcome = paint(style::of_outcome(receipt.outcome), receipt.outcome.name());
        let message = if receipt.message.is_empty() { String::new() } else { format!("  {}", safe(&receipt.message)) };
        let at = at(receipt).map_or_else(String::new, |at| format!("  {}", safe(&at)));
        let _ = writeln!(text, "{application}  {outcome}{suffix}{at}{message}");
        text.push_str(&images(&receipt.change));
    }
    text
}

/// A line for each image of a change.
fn images(change: &Change) -> String {
    let mut text = String::new();
    for image in &change.images {
        let label = image.label();
        let from = image.from.as_ref().map_or_else(|| "(not set)".to_owned(), short);
        let to = short(&change.written(image));
        let _ = writeln!(text, "  {}  {from} → {to}", safe(&label));
    }
    text
}

/// One line a change that was looked at, and one below it for each image that it moves.
pub(crate) fn findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let application = safe(&finding.change.application.to_string());
        let style = style::of_outcome(finding.outcome.unwrap_or(Outcome::Applied));
        let message = if finding.message.is_empty() { String::new() } else { format!("  {}", safe(&finding.message)) };
        let _ = writeln!(text, "{application}  {}{message}", paint(style, finding.status()));
        text.push_str(&images(&finding.change));
    }
    text
}

/// `5f2c1ab on main`: the commit that a change is in.
pub(crate) fn at(receipt: &Receipt) -> Option<String> {
    match receipt.at.as_ref()? {
        At::Commit { commit, branch } => Some(format!("{} on {branch}", &commit[..commit.len().min(7)])),
        At::ResourceVersion(_) => None,
    }
}

/// One line an Application that was waited for.
pub(crate) fn rollouts(rollouts: &BTreeMap<ApplicationKey, Rollout>) -> String {
    let mut text = String::new();
    for (key, rollout) in rollouts {
        let (outcome, why) = rollout.words();
        let style = if *rollout == Rollout::Healthy { Outcome::Applied } else { Outcome::Failed };
        let why = if why.is_empty() { String::new() } else { format!("  {}", safe(why)) };
        let _ = writeln!(text, "{}  {}{why}", safe(&key.to_string()), paint(style::of_outcome(style), outcome));
    }
    text
}

/// The Applications that were written, by name.
pub(crate) fn names(receipts: &[Receipt], namespaces: bool) -> String {
    let applied = receipts.iter().filter(|receipt| receipt.outcome == Outcome::Applied);
    table::applications(applied.map(|receipt| &receipt.change.application), namespaces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::receipt;

    fn plain(receipts: &[Receipt], dry_run: DryRun) -> String {
        anstream::adapter::strip_str(&lines(receipts, dry_run)).to_string()
    }

    #[test]
    fn a_receipt_says_what_became_of_a_change() {
        let mut stale = receipt(Outcome::Stale);
        stale.message = "why".to_owned();
        stale.change.images[0].alias = None;
        stale.change.images[0].from = None;
        assert_eq!(
            plain(&[receipt(Outcome::Applied), stale], DryRun::None),
            "\
argocd/bookstore  Applied
  bookstore  v1.0.0 → v1.0.1
argocd/bookstore  Stale  why
  ghcr.io/amplication/bookstore-application  (not set) → v1.0.1
"
        );
        for (dry_run, said) in [(DryRun::Client, "Applied (dry run)\n"), (DryRun::Server, "Applied (server dry run)\n")]
        {
            let text = plain(&[receipt(Outcome::Applied)], dry_run);
            assert!(text.contains(said), "{text}");
        }
    }

    #[test]
    fn names_are_of_what_was_written() {
        let receipts = [Outcome::Applied, Outcome::Applied, Outcome::Failed].map(receipt);
        assert_eq!(names(&receipts, false), "application.argoproj.io/bookstore\n");
        assert_eq!(names(&receipts[2..], false), "");
    }
}
