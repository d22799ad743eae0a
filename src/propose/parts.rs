//! What of a plan can be written without the rest.

use crate::model::decision::Decision;
use crate::model::image::Version;
use crate::model::plan::Destination;
use crate::model::plan::Field;
use crate::propose::is_wanted;
use crate::run::Options;
use crate::run::Selected;
use crate::writeback::Placements;

/// One or several images that are written together or not at all.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) decisions: Vec<&'a Decision>,
    /// Where, and which values.
    writes: Vec<(Destination, Field)>,
}

/// The decisions that lead to changes, each for itself, but together where they write one and the same value.
pub(crate) fn parts<'a>(
    selected: &[Selected],
    decisions: &'a [Decision],
    placements: &Placements,
    options: &Options,
) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    for decision in decisions.iter().filter(|decision| is_wanted(decision, options)) {
        let Some(writes) = writes(selected, decision, placements) else { continue };
        // Two parts that had nothing in common may both have something in common with this one.
        let mut joined = Part { decisions: Vec::new(), writes };
        let mut rest = Vec::with_capacity(parts.len() + 1);
        for part in parts {
            let same_application = part.decisions.iter().all(|other| other.application == decision.application);
            if same_application && part.writes.iter().any(|write| joined.writes.contains(write)) {
                joined.decisions.extend(part.decisions);
                joined.writes.extend(part.writes);
            } else {
                rest.push(part);
            }
        }
        joined.decisions.push(decision);
        rest.push(joined);
        parts = rest;
    }
    parts
}

/// What a decision writes; `None` if nothing.
fn writes(selected: &[Selected], decision: &Decision, placements: &Placements) -> Option<Vec<(Destination, Field)>> {
    let selected = selected.iter().find(|selected| selected.application.key == decision.application)?;
    let place = placements.get(&(decision.application.clone(), decision.position))?.as_ref().ok()?;
    let rule = selected.rules.images.get(decision.position).filter(|_| !selected.application.deleting)?;
    let candidate = decision.candidate.as_ref()?;
    let edits = place.edits(rule, &Version::new(Some(&candidate.tag), candidate.digest.as_ref()));
    let writes: Vec<_> = edits.into_iter().map(|edit| (place.destination.clone(), edit.field)).collect();
    (!writes.is_empty()).then_some(writes)
}
