//! From decisions to changes: which values are edited, where, and what is left out with why. Pure.

use std::collections::BTreeMap;

use crate::model::application::Application;
use crate::model::application::ApplicationKey;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::diagnostic::Diagnostic;
use crate::model::image::Version;
use crate::model::plan::Change;
use crate::model::plan::ImageChange;
use crate::model::plan::Seen;
use crate::run::Options;
use crate::run::Selected;
use crate::writeback::Placement;
use crate::writeback::Placements;

/// The changes that decisions lead to.
#[derive(Default)]
pub(crate) struct Proposal {
    pub(crate) changes: Vec<Change>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Where the changes for git are written, by their ids.
    pub(crate) places: BTreeMap<String, Placement>,
}

/// Proposes one change for each destination of each Application, with all images that go there.
pub(crate) fn propose(
    selected: &[Selected],
    decisions: &[Decision],
    placements: &Placements,
    options: &Options,
) -> Proposal {
    let mut wanted: BTreeMap<&ApplicationKey, Vec<&Decision>> = BTreeMap::new();
    for decision in decisions.iter().filter(|decision| is_wanted(decision, options)) {
        wanted.entry(&decision.application).or_default().push(decision);
    }
    let mut proposal = Proposal::default();
    for selected in selected {
        let application = &selected.application;
        let Some(wanted) = wanted.get(&application.key) else { continue };
        if application.deleting {
            proposal.diagnostics.push(
                Diagnostic::warning("being-deleted", "the Application is being deleted, and is not written")
                    .about(&application.key),
            );
        } else {
            proposal.changes.extend(changes(selected, wanted, placements, &mut proposal.places));
        }
    }
    proposal
}

/// Whether a decision leads to a write.
pub(crate) fn is_wanted(decision: &Decision, options: &Options) -> bool {
    match decision.status {
        ImageStatus::UpdateAvailable => true,
        ImageStatus::Downgrade => options.allow_downgrade || decision.requested,
        ImageStatus::RolledBack => options.include_rolled_back,
        _ => false,
    }
}

fn changes(
    selected: &Selected,
    wanted: &[&Decision],
    placements: &Placements,
    places: &mut BTreeMap<String, Placement>,
) -> Vec<Change> {
    let application = &selected.application;
    let mut changes: Vec<Change> = Vec::new();
    for decision in wanted {
        let place = placements.get(&(application.key.clone(), decision.position)).and_then(|place| place.as_ref().ok());
        let (Some(place), Some(candidate), Some(reference), Some(rule)) =
            (place, &decision.candidate, &decision.reference, selected.rules.images.get(decision.position))
        else {
            continue;
        };
        let to = Version::new(Some(&candidate.tag), candidate.digest.as_ref());
        let edits = place.edits(rule, &to);
        if edits.is_empty() {
            continue;
        }
        let index = changes.iter().position(|change| change.destination == place.destination).unwrap_or_else(|| {
            let change = empty(application, changes.len() + 1, place);
            if place.git.is_some() {
                places.insert(change.id.clone(), place.clone());
            }
            changes.push(change);
            changes.len() - 1
        });
        let change = &mut changes[index];
        for edit in edits {
            // What two images share is written once: were the values different, both would be invalid.
            if change.edits.iter().all(|known| known.field != edit.field) {
                change.edits.push(edit);
            }
        }
        change.images.push(ImageChange {
            alias: decision.alias.clone(),
            reference: reference.clone(),
            from: decision.current.clone(),
            to,
            because: decision.message.clone(),
        });
    }
    changes
}

/// The change of that number of an Application, without anything to write yet.
fn empty(application: &Application, number: usize, place: &Placement) -> Change {
    let standing = place.git.as_ref().and_then(|git| git.standing.as_ref());
    Change {
        id: format!("{}#{number}", application.key),
        application: application.key.clone(),
        uid: application.uid.clone(),
        images: Vec::new(),
        destination: place.destination.clone(),
        edits: Vec::new(),
        seen: Seen {
            resource_version: application.resource_version.clone(),
            commit: standing.and_then(|standing| standing.commit.clone()),
            blob: standing.and_then(|standing| standing.blob.clone()),
        },
    }
}

mod files;
pub(crate) mod owners;
mod parts;

pub(crate) use files::Landed;
pub(crate) use files::land;
pub(crate) use files::refusal;
pub(crate) use parts::Part;
pub(crate) use parts::parts;

#[cfg(test)]
mod tests;
