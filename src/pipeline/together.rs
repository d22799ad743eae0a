//! Decisions that each are right by themselves, seen beside each other and beside the files that they go to.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::annotations::rule::Invalid;
use crate::decide;
use crate::model::application::ApplicationKey;
use crate::model::decision::Decision;
use crate::model::decision::Reason;
use crate::model::diagnostic::Diagnostic;
use crate::model::image::Version;
use crate::pipeline::pushing::Pushed;
use crate::propose;
use crate::run::Options;
use crate::run::Selected;
use crate::writeback;
use crate::writeback::Conflict;
use crate::writeback::Intent;
use crate::writeback::Placements;

/// Makes images invalid whose values would overwrite each other, once it is known what each would be: within an
/// Application, and in a file that several share. The decisions are those of the whole selection.
pub(super) fn conflicts(
    (selected, options): (&[Selected], &Options),
    decisions: &mut [Decision],
    placements: &Placements,
    one_folder: bool,
) -> Vec<Conflict> {
    let rules = selected.iter().flat_map(|selected| selected.rules.images.iter().map(move |rule| (selected, rule)));
    // Decisions come in the order of the selection, one for each entry of an image list.
    let placed: Vec<_> = rules
        .zip(decisions.iter())
        .filter_map(|((selected, rule), decision)| {
            let application = &selected.application.key;
            let placement = placements.get(&(application.clone(), rule.position))?.as_ref().ok()?;
            // What is not of the folder is not written to it.
            let is_elsewhere = one_folder && placement.unread.is_some();
            let is_written = !selected.application.deleting && propose::is_wanted(decision, options);
            (!is_elsewhere).then(|| (application, rule, placement, intended(decision, is_written), is_written))
        })
        .collect();
    let intents: Vec<_> = placed
        .iter()
        .map(|(application, rule, placement, version, is_written)| Intent {
            application,
            rule,
            placement,
            version: version.as_ref(),
            is_written: *is_written,
        })
        .collect();
    let conflicts = writeback::conflicts(&intents, one_folder);
    for decision in decisions {
        let image = (decision.application.clone(), decision.position);
        if let Some(conflict) = conflicts.iter().find(|conflict| conflict.images.contains(&image)) {
            decide::invalidate(decision, &conflict.invalid());
        }
    }
    conflicts
}

/// What is said about conflicts: once each, and of those that are about an image that is meant.
pub(super) fn told(conflicts: &[Conflict], decisions: &[Decision]) -> Vec<Diagnostic> {
    let meant: BTreeSet<(ApplicationKey, usize)> =
        decisions.iter().map(|decision| (decision.application.clone(), decision.position)).collect();
    let told = conflicts.iter().filter(|conflict| !conflict.images.is_disjoint(&meant));
    let diagnostic = |conflict: &Conflict| {
        let diagnostic =
            Diagnostic::error("conflicting-targets", conflict.message.clone()).hint(conflict.way_out.clone());
        let applications: BTreeSet<_> = conflict.images.iter().map(|(application, _)| application).collect();
        match applications.first() {
            Some(application) if applications.len() == 1 => diagnostic.about(application),
            _ => diagnostic,
        }
    };
    told.map(diagnostic).collect()
}

/// The version that an image is meant to have: of what is held back, the one that it has.
fn intended(decision: &Decision, is_written: bool) -> Option<Version> {
    match &decision.candidate {
        Some(candidate) if is_written => Some(Version::new(Some(&candidate.tag), candidate.digest.as_ref())),
        _ => decision.current.clone(),
    }
}

/// Makes images invalid whose file cannot take them, as it stands on the branch that is pushed to, or if that is not there
/// yet, on the one that it begins at.
pub(super) fn unwritable(
    selected: &[Selected],
    decisions: &mut [Decision],
    (placements, pushed): (&Placements, &Pushed),
    options: &Options,
) -> Vec<Diagnostic> {
    let by_key: BTreeMap<&ApplicationKey, &Selected> =
        selected.iter().map(|selected| (&selected.application.key, selected)).collect();
    let mut diagnostics = Vec::new();
    for decision in decisions {
        let Some(selected) = by_key.get(&decision.application) else { continue };
        // What is held back needs no room in a file.
        let written = !selected.application.deleting && propose::is_wanted(decision, options);
        let place = placements.get(&(decision.application.clone(), decision.position));
        let (Some(rule), Some(Ok(place)), Some(candidate), true) =
            (selected.rules.images.get(decision.position), place, &decision.candidate, written)
        else {
            continue;
        };
        let edits = place.edits(rule, &Version::new(Some(&candidate.tag), candidate.digest.as_ref()));
        let (place, edits) = match pushed.get(&(decision.application.clone(), place.destination.clone())) {
            Some(there) => (there, there.rebased(&edits)),
            None => (place, edits),
        };
        let Some(refusal) = propose::refusal(place, &edits, options.create_keys) else { continue };
        let label = decision.label().to_owned();
        decide::invalidate(decision, &Invalid::new(Reason::BadValue, refusal.whole()));
        diagnostics.push(refusal.diagnostic(Some(&label)).about(&decision.application));
    }
    diagnostics
}
