//! Owners that would put changes back: asked what they leave alone, where that can be read.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::owner;
use crate::cluster::owner::Owner;
use crate::gather::Clients;
use crate::model::application::ApplicationKey;
use crate::model::diagnostic::Diagnostic;
use crate::model::plan::Change;
use crate::propose::owners;
use crate::propose::owners::Known;
use crate::run::Selected;

/// How many owners are asked at a time.
const AT_A_TIME: usize = 8;

/// The warnings about changes that an ApplicationSet or a parent Application would put back, each with what would last.
pub(crate) async fn advice(clients: &Clients<'_>, selected: &[Selected], changes: &[Change]) -> Vec<Diagnostic> {
    let mut by_application: BTreeMap<&ApplicationKey, Vec<&Change>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.git().is_none()) {
        by_application.entry(&change.application).or_default().push(change);
    }
    let mut concerned = Vec::new();
    let mut objects: BTreeMap<(bool, ApplicationKey), Option<Value>> = BTreeMap::new();
    for Selected { application, .. } in selected {
        let Some(changes) = by_application.get(&application.key) else { continue };
        let Some(owner) = owner::owner(application) else { continue };
        let key = (is_set(&owner), owners::key(&owner, application));
        objects.insert(key.clone(), None);
        concerned.push((application, changes, owner, key));
    }
    if let Some(cluster) = clients.cluster {
        let reads = objects.keys().cloned().map(|key| async move {
            let object = read(cluster, &key).await;
            (key, object)
        });
        objects.extend(futures::stream::iter(reads).buffered(AT_A_TIME).collect::<Vec<_>>().await);
    }
    let mut found = Vec::new();
    for (application, changes, owner, key) in &concerned {
        let object = objects.get(key).and_then(Option::as_ref);
        found.extend(owners::reverted(application, changes, Known { owner, key: &key.1, object }));
    }
    found
}

fn is_set(owner: &Owner) -> bool {
    matches!(owner, Owner::ApplicationSet(_))
}

/// The object of an owner. Whoever may not see it is told what is so without knowing it.
async fn read(cluster: &Cluster, (is_set, key): &(bool, ApplicationKey)) -> Option<Value> {
    if *is_set {
        cluster.application_set(&key.namespace, &key.name).await.ok()
    } else {
        cluster.application(key).await.ok().map(|parent| parent.object)
    }
}
