//! What is looked up and made sure of before a hold or a version is written.

use crate::cli::pin::Planned;
use crate::cli::select::Selection;
use crate::cli::session::Session;
use crate::error::Error;
use crate::model::application::ApplicationKey;
use crate::model::plan::Change;
use crate::output::text::safe;
use crate::pipeline;
use crate::writeback::Placements;

/// Where the images of the selection are written, and what stands there. Files that would hide a version matter only if
/// one is written.
pub(super) async fn placements(
    session: &Session,
    selection: &Selection,
    (source, writes_versions): (Option<&str>, bool),
) -> Placements {
    let options = session.options(source.map(str::to_owned));
    let clients = selection.clients(session);
    let (mut placements, found) = pipeline::placements(&clients, &selection.selected, &options).await;
    session.diagnose(&found);
    if writes_versions {
        session.diagnose(&pipeline::look_before_pinning(&clients, &selection.selected, &mut placements).await);
    }
    placements
}

/// Names the branches that versions are pushed to, and makes sure that they can be written before anything is. Where
/// flags selected the images, those that cannot be are left out, and it is told that some are.
pub(super) async fn prepared(
    session: &Session,
    selection: &Selection,
    mut planned: Vec<Planned>,
    (create_keys, by_flags): (bool, bool),
) -> Result<(Vec<Planned>, bool), Error> {
    let mut options = session.options(None);
    options.create_keys = create_keys;
    let in_git = |change: &Change| change.git().is_some();
    let versions: Vec<Change> =
        planned.iter().flat_map(|planned| &planned.changes).filter(|change| in_git(change)).cloned().collect();
    let places = planned
        .iter()
        .filter_map(|planned| Some((planned.changes.first()?.id.clone(), planned.placement.clone())))
        .filter(|(_, placement)| placement.git.is_some())
        .collect();
    let clients = selection.clients(session);
    let prepared = pipeline::prepare(&clients, &selection.selected, versions, places, &options).await;
    session.diagnose(&prepared.diagnostics);
    let all = planned.len();
    let can_be_written = |planned: &Planned| !planned.changes.iter().any(|one| prepared.left_out.contains(&one.id));
    for Planned { changes, .. } in planned.iter().filter(|planned| !can_be_written(planned)) {
        if !by_flags {
            return Err(Error::failed("the version cannot be written, so nothing is"));
        }
        let error = Error::failed("the version cannot be written, so nothing of it is");
        // The hold and the version are of the same image.
        let Some(change) = changes.first() else { continue };
        for image in &change.images {
            leave_out(session, (&change.application, &image.label()), &error);
        }
    }
    planned.retain(can_be_written);
    for Planned { changes, .. } in &mut planned {
        changes.retain(|change| !in_git(change) || prepared.changes.iter().any(|ready| ready.id == change.id));
        for change in changes.iter_mut().filter(|change| in_git(change)) {
            if let Some(ready) = prepared.changes.iter().find(|ready| ready.id == change.id) {
                change.clone_from(ready);
            }
        }
    }
    let left_out = planned.len() < all;
    Ok((planned, left_out))
}

/// Says which image of those that flags selected is not written, and why.
pub(super) fn leave_out(session: &Session, (application, label): (&ApplicationKey, &str), error: &Error) {
    let hint = error.hints.first().map_or_else(String::new, |hint| format!(" ({hint})"));
    session.printer.alert(&safe(&format!("not written: {application}  {label}  {}{hint}", error.message)));
}
