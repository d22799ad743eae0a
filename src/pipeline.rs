//! The way of a run: read the rules, ask what has to be asked, decide, propose. The one conductor.
//!
//! `check` stops at [`check`], `plan` at [`plan`]; `apply` hands the plan's changes to `apply::Executor`.

use crate::annotations;
use crate::cluster::image_updater::ImageUpdater;
use crate::decide;
use crate::gather::Clients;
use crate::gather::Gatherer;
use crate::model::application::Application;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::decision::Reason;
use crate::model::diagnostic::Diagnostic;
use crate::model::plan::Plan;
use crate::propose;
use crate::propose::Proposal;
use crate::run::Options;
use crate::run::Selected;
use crate::writeback::Placements;

mod deciding;
mod overrides;
pub(crate) mod owners;
mod part;
pub(crate) mod past;
mod placing;
mod pushing;
mod rulings;
mod together;
mod untold;

pub(crate) use overrides::look_before_pinning;
pub(crate) use part::some_changes;
pub(crate) use placing::Prepared;
pub(crate) use placing::placements;
pub(crate) use placing::prepare;
pub(crate) use rulings::MANAGED_BY_UPDATER;
use rulings::Rulings;
pub(crate) use rulings::managed;
use rulings::managed_by_updater;
use rulings::require_verification;

/// What a check found.
#[derive(Clone)]
pub(crate) struct Checked {
    /// By Application and position in the image list.
    pub(crate) decisions: Vec<Decision>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) placements: Placements,
}

/// Reads the annotations of Applications; the ones without an image list are passed over.
pub(crate) fn read(mut applications: Vec<Application>) -> (Vec<Selected>, Vec<Diagnostic>) {
    applications.sort_by(|one, other| one.key.cmp(&other.key));
    let mut diagnostics = Vec::new();
    let mut selected = Vec::new();
    for application in applications {
        if let Some((rules, found)) = annotations::parse(&application) {
            diagnostics.extend(found);
            selected.push(Selected { application, rules });
        }
    }
    (selected, diagnostics)
}

/// Decides about every image of the selection.
pub(crate) async fn check(
    clients: &Clients<'_>,
    selected: &[Selected],
    updaters: &[ImageUpdater],
    options: &Options,
) -> Checked {
    let rulings = Rulings::of(selected, updaters);
    let mut diagnostics: Vec<_> = rulings.managed().map(|(key, updater)| managed_by_updater(key, updater)).collect();
    let mut decisions = Vec::new();
    let (mut placements, found) = placements(clients, selected, options).await;
    diagnostics.extend(found);
    let (decided, found) = overrides::decide(clients, selected, &mut placements, options).await;
    diagnostics.extend(found);
    for (mut decision, found) in decided {
        for diagnostic in found {
            if !diagnostics.contains(&diagnostic) {
                diagnostics.push(diagnostic);
            }
        }
        if let Some(updater) = rulings.verification(&decision) {
            require_verification(&mut decision, updater);
        }
        decisions.push(decision);
    }
    if !options.no_git {
        past::recall(clients, selected, &placements, &mut decisions).await;
    }
    let one_folder = clients.repositories.worktree().is_some();
    let conflicts = together::conflicts((selected, options), &mut decisions, &placements, one_folder);
    diagnostics.extend(overrides::mark(&mut decisions, &placements));
    // Whether they stand in the way of the others is known now.
    let left_out = part::left_out(selected);
    decisions.retain(|decision| !left_out.contains(&(&decision.application, decision.position)));
    diagnostics.extend(together::told(&conflicts, &decisions));
    let pushed = pushing::of_refused(clients, selected, (&decisions, &placements), options).await;
    diagnostics.extend(together::unwritable(selected, &mut decisions, (&placements, &pushed), options));
    diagnostics.extend(decisions.iter().filter(|decision| is_source_problem(decision)).map(source_diagnostic));
    diagnostics.extend(placing::problems(selected, &placements));
    diagnostics.extend(decisions.iter().flat_map(decide::doubts));
    Checked { decisions, diagnostics, placements }
}

/// Decides, and proposes the changes that the decisions lead to.
pub(crate) async fn plan(
    clients: &Clients<'_>,
    selected: &[Selected],
    updaters: &[ImageUpdater],
    options: &Options,
) -> (Plan, Checked) {
    let mut checked = check(clients, selected, updaters, options).await;
    let mut diagnostics = std::mem::take(&mut checked.diagnostics);
    let Prepared { mut changes, landed, diagnostics: found, left_out, .. } =
        changes(clients, selected, &checked, options).await;
    let decisions = checked.decisions.clone();
    diagnostics.extend(found);
    diagnostics.extend(owners::advice(clients, selected, &changes).await);
    for (change, image, error) in Gatherer::record_digests(clients, selected, &mut changes).await {
        let message = format!("the digest behind {image} could not be had: {error}");
        diagnostics.push(
            Diagnostic::warning("digest-unknown", message)
                .about(&change)
                .hint("whether the tag moves between plan and apply is not checked"),
        );
    }
    let undecided = |status| matches!(status, ImageStatus::Undetermined | ImageStatus::Invalid);
    let complete = left_out.is_empty() && !decisions.iter().any(|decision| undecided(decision.status));
    let plan = Plan { created: options.now, complete, changes, decisions, diagnostics, files: landed.files };
    (plan, checked)
}

/// The changes that decisions lead to, as far as they can be written.
pub(crate) async fn changes(
    clients: &Clients<'_>,
    selected: &[Selected],
    checked: &Checked,
    options: &Options,
) -> Prepared {
    let Proposal { changes, diagnostics, places } =
        propose::propose(selected, &checked.decisions, &checked.placements, options);
    let mut prepared = prepare(clients, selected, changes, places, options).await;
    prepared.diagnostics.splice(0..0, diagnostics);
    prepared
}

fn is_source_problem(decision: &Decision) -> bool {
    decision.status == ImageStatus::Invalid
        && matches!(decision.reason, Reason::UnsupportedSource | Reason::AmbiguousSource)
}

fn source_diagnostic(decision: &Decision) -> Diagnostic {
    let label = decision.label();
    let message = format!("{label}: {}", decision.message);
    let (code, hint) = match decision.reason {
        Reason::AmbiguousSource => ("ambiguous-source", "choose one with `--source NAME` or `--source INDEX`"),
        _ => ("unsupported-source", "README says which sources can be written to"),
    };
    Diagnostic::error(code, message).about(&decision.application).hint(hint)
}
