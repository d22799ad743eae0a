//! Kubernetes Events about what was written: one for each Application whose images changed.

use std::collections::BTreeMap;

use futures::StreamExt as _;

use crate::cli::args::DryRunArg;
use crate::cli::args::WriteArgs;
use crate::cli::session::Session;
use crate::cluster::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::events::Updated;
use crate::decide::count;
use crate::model::application::ApplicationKey;
use crate::model::diagnostic::Diagnostic;
use crate::model::plan::At;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;

/// How many are sent at a time.
const AT_A_TIME: usize = 8;

/// Sends the Events. What cannot be sent is one warning, whatever the number: the images are written all the same.
pub(super) async fn send(session: &Session, cluster: Option<&Cluster>, receipts: &[Receipt], write: &WriteArgs) {
    let Some(cluster) = cluster.filter(|_| !write.no_events && write.dry_run == DryRunArg::None) else { return };
    let now = session.process.now();
    let updates = updates(receipts);
    let all = updates.len();
    let sent = updates.into_iter().map(|updated| async move { cluster.send_event(&updated, now).await.err() });
    let failures: Vec<ClusterError> =
        futures::stream::iter(sent).buffered(AT_A_TIME).filter_map(futures::future::ready).collect().await;
    let Some(first) = failures.first() else { return };
    let hint = first.hint().map_or_else(String::new, |hint| format!("{hint}, or "));
    let message = format!("{} of {} not sent: {first}", failures.len(), count(all, "Event"));
    session.diagnose(&[Diagnostic::warning("event-not-sent", message).hint(format!("{hint}give --no-events"))]);
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
