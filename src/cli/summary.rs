//! The last line of a run, and what to type next.

use std::collections::BTreeMap;

use crate::decide::count;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::plan::Change;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::output::text::safe;

/// `3 images in 2 Applications: 1 update available, 2 up to date`.
pub(crate) fn of_decisions(decisions: &[Decision]) -> String {
    let mut applications: Vec<_> = decisions.iter().map(|decision| &decision.application).collect();
    applications.dedup();
    let images = count(decisions.len(), "image");
    format!("{images} in {}: {}", count(applications.len(), "Application"), by_status(decisions))
}

/// `nothing to change: 2 up to date, 1 rolled back`, and with which flags there would be something.
pub(crate) fn of_nothing(decisions: &[Decision]) -> String {
    if decisions.is_empty() {
        return "nothing to change".to_owned();
    }
    let mut text = format!("nothing to change: {}", by_status(decisions));
    for (status, flag, what) in [
        (ImageStatus::RolledBack, "--include-rolled-back", "was left before"),
        (ImageStatus::Downgrade, "--allow-downgrade", "is older"),
    ] {
        if decisions.iter().any(|decision| decision.status == status) {
            text.extend(["\nhint: ", flag, " writes what ", what]);
        }
    }
    text
}

/// How many images have each status, the most wanted first.
fn by_status(decisions: &[Decision]) -> String {
    let parts: Vec<String> = ImageStatus::ALL
        .iter()
        .rev()
        .filter_map(|(status, ..)| {
            let number = decisions.iter().filter(|decision| decision.status == *status).count();
            (number > 0).then(|| format!("{number} {}", words(*status)))
        })
        .collect();
    parts.join(", ")
}

fn words(status: ImageStatus) -> &'static str {
    match status {
        ImageStatus::Invalid => "invalid",
        ImageStatus::PinBroken => "with a broken pin",
        ImageStatus::Pinned => "pinned",
        ImageStatus::NotDeployed => "not deployed",
        ImageStatus::Undetermined => "undetermined",
        ImageStatus::NoCandidate => "without a candidate",
        ImageStatus::UpToDate => "up to date",
        ImageStatus::Downgrade => "would go back to an older version",
        ImageStatus::RolledBack => "rolled back",
        ImageStatus::UpdateAvailable => "to update",
    }
}

/// Most undecided images that are told one by one.
const UNDECIDED: usize = 10;

/// Why images are left out of a plan for want of a fact, a line each.
pub(crate) fn of_undecided(decisions: &[Decision]) -> Vec<String> {
    let undecided = decisions.iter().filter(|decision| decision.status == ImageStatus::Undetermined);
    let mut lines: Vec<_> = undecided
        .map(|decision| format!("not planned: {}  {}  {}", decision.application, decision.label(), decision.message))
        .map(|line| safe(&line))
        .collect();
    let more = lines.len().saturating_sub(UNDECIDED);
    lines.truncate(UNDECIDED);
    if more > 0 {
        lines.push(format!("not planned: {} more, which `kubectl image-update check` tells of", count(more, "image")));
    }
    lines
}

/// `2 images in 1 Application to update`.
pub(crate) fn of_changes(changes: &[Change]) -> String {
    let images = changes.iter().map(|change| change.images.len()).sum();
    let mut applications: Vec<_> = changes.iter().map(|change| &change.application).collect();
    applications.dedup();
    format!("{} to update in {}", count(images, "image"), count(applications.len(), "Application"))
}

/// `2 fit, 1 stale`.
pub(crate) fn of_findings(numbers: &BTreeMap<Option<Outcome>, usize>) -> String {
    let words = |outcome: &Option<Outcome>, number: usize| match outcome {
        None if number == 1 => "fits",
        None => "fit",
        Some(Outcome::Applied) => "applied",
        Some(Outcome::AlreadyApplied) => "already applied",
        Some(Outcome::Stale) => "stale",
        Some(Outcome::Rejected) => "rejected",
        Some(Outcome::Failed) => "not known",
    };
    let parts: Vec<_> =
        numbers.iter().map(|(outcome, number)| format!("{number} {}", words(outcome, *number))).collect();
    parts.join(", ")
}

/// `2 applied, 1 failed`; of a dry run, what would be.
pub(crate) fn of_receipts(receipts: &[Receipt], dry: bool) -> String {
    let parts: Vec<String> = [
        (Outcome::Applied, if dry { "would be applied" } else { "applied" }),
        (Outcome::AlreadyApplied, "already applied"),
        (Outcome::Stale, "stale"),
        (Outcome::Rejected, "rejected"),
        (Outcome::Failed, "failed"),
    ]
    .into_iter()
    .filter_map(|(outcome, word)| {
        let number = receipts.iter().filter(|receipt| receipt.outcome == outcome).count();
        (number > 0).then(|| format!("{number} {word}"))
    })
    .collect();
    parts.join(", ")
}
