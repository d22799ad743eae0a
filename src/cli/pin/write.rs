//! Writing pins: the hold before the version, the version before the release, and back if the second step fails.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::apply::Commits;
use crate::cli::apply;
use crate::cli::apply::Writer;
use crate::cli::args::DryRunArg;
use crate::cli::args::WriteArgs;
use crate::cli::pin::Planned;
use crate::cli::pin::report::is_done;
use crate::cli::session::Session;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::model::plan::Change;
use crate::model::plan::Edit;
use crate::model::plan::ImageChange;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;

/// What became of the images.
pub(super) struct Written {
    /// One for each image.
    pub(super) receipts: Vec<Receipt>,
    /// Of which images the first step was written, the second failed, and the first could not be taken back.
    pub(super) left_behind: BTreeSet<usize>,
}

/// Writes what is planned step by step: the second change of an image only if the first was written, and if the second
/// fails, the first is taken back.
pub(super) async fn step_by_step(
    session: &Session,
    cluster: &Cluster,
    planned: &[Planned],
    (write, commits): (&WriteArgs, &Commits),
) -> Result<Written, Error> {
    let execute = async |changes: Vec<Change>, takes_back: bool| {
        let writer = Writer {
            cluster: Some(cluster),
            manifests: Vec::new(),
            refused: BTreeMap::new(),
            commits: commits.clone(),
            pinning: true,
            takes_back,
        };
        apply::execute(session, writer, &changes, write).await
    };
    let first: Vec<Change> = planned.iter().filter_map(|planned| planned.changes.first().cloned()).collect();
    let mut receipts = execute(first, false).await?;
    let goes_on = |index: usize, receipts: &[Receipt]| is_done(&receipts[index]) && planned[index].changes.len() > 1;
    let indexes: Vec<usize> = (0..planned.len()).filter(|index| goes_on(*index, &receipts)).collect();
    let mut left_behind = BTreeSet::new();
    if indexes.is_empty() {
        return Ok(Written { receipts, left_behind });
    }
    let second = execute(indexes.iter().map(|index| planned[*index].changes[1].clone()).collect(), false).await?;
    let mut failed = Vec::new();
    for (index, receipt) in indexes.into_iter().zip(second) {
        if !is_done(&receipt) && receipts[index].outcome == Outcome::Applied {
            failed.push(index);
        }
        let first = std::mem::replace(&mut receipts[index], receipt);
        let receipt = &mut receipts[index];
        if receipt.outcome == Outcome::AlreadyApplied && first.outcome == Outcome::Applied {
            receipt.outcome = Outcome::Applied;
            receipt.at.clone_from(&first.at);
        }
        // Of a version and what holds it, the version is what is told of.
        if is_done(receipt) && first.outcome == Outcome::Applied && first.change.is_rendered() {
            *receipt = first;
        }
    }
    if failed.is_empty() || write.dry_run != DryRunArg::None {
        return Ok(Written { receipts, left_behind });
    }
    let back = execute(failed.iter().map(|index| inverse(&planned[*index].changes[0])).collect(), true).await?;
    for (index, back) in failed.into_iter().zip(back) {
        let what = match (is_done(&back), planned[index].changes[0].git()) {
            (true, None) => "the annotations were put back as they were".to_owned(),
            (true, Some(_)) => "the file was put back as it was".to_owned(),
            (false, _) => {
                left_behind.insert(index);
                format!("and what was written before it could not be taken back: {}", back.message)
            }
        };
        let message = &mut receipts[index].message;
        *message = if message.is_empty() { what } else { format!("{message}; {what}") };
    }
    Ok(Written { receipts, left_behind })
}

/// What takes a change back: the edits the other way round, and the versions that they lead to with them.
fn inverse(change: &Change) -> Change {
    let edits = change.edits.iter().map(|edit| Edit {
        field: edit.field.clone(),
        from: edit.to.clone(),
        to: edit.from.clone(),
    });
    let images = change.images.iter().map(|image| ImageChange {
        from: Some(image.to.clone()),
        to: image.from.clone().unwrap_or_else(|| image.to.clone()),
        ..image.clone()
    });
    Change { edits: edits.collect(), images: images.collect(), ..change.clone() }
}
