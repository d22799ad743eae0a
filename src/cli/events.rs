//! Kubernetes Events about what was written: one for each Application whose images changed.

use std::collections::BTreeMap;

use crate::cli::args::DryRunArg;
use crate::cli::args::WriteArgs;
use crate::cli::session::Session;
use crate::cluster::Cluster;
use crate::cluster::events::Updated;
use crate::model::application::ApplicationKey;
use crate::model::plan::At;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::output::text::safe;

/// Sends the Events. What cannot be sent is one warning, whatever the number: the images are written all the same.
pub(super) async fn send(session: &Session, cluster: Option<&Cluster>, receipts: &[Receipt], write: &WriteArgs) {
    let Some(cluster) = cluster.filter(|_| !write.no_events && write.dry_run == DryRunArg::None) else { return };
    let now = session.process.now();
    let sent = updates(receipts).into_iter().map(|updated| async move { cluster.send_event(&updated, now).await });
    let failures: Vec<_> = futures::future::join_all(sent)
        .await
        .into_iter()
        .filter_map(|sent| sent.err().map(|error| error.to_string()))
        .collect();
    if let [first, others @ ..] = failures.as_slice() {
        let more = if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
        session.printer.note(&format!("warning: no Event was sent: {}{more}", safe(first)));
        session
            .printer
            .note("  hint: the right to create events in the Application's namespace is missing, or give --no-events");
    }
}

/// What was written, by Application.
fn updates(receipts: &[Receipt]) -> Vec<Updated> {
    let mut by_application: BTreeMap<&ApplicationKey, Updated> = BTreeMap::new();
    let written = receipts.iter().filter(|receipt| receipt.outcome == Outcome::Applied && receipt.change.is_rendered());
    for Receipt { change, at, .. } in written {
        let updated = by_application.entry(&change.application).or_insert_with(|| Updated {
            application: change.application.clone(),
            uid: change.uid.clone(),
            resource_version: change.seen.resource_version.clone(),
            images: Vec::new(),
        });
        if let Some(At::ResourceVersion(version)) = at {
            updated.resource_version = Some(version.clone());
        }
        // What was written: a digest that was only looked up is not.
        let image = |image: &crate::model::plan::ImageChange| {
            (image.reference.clone(), image.from.clone(), change.written(image))
        };
        updated.images.extend(change.images.iter().map(image));
    }
    by_application.into_values().collect()
}
