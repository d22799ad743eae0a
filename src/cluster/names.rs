//! What is there, by name: quick answers for somebody who is typing. They may be short of the truth.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::kubeconfig;
use crate::cluster::request::APPLICATIONS;
use crate::cluster::request::Asked;
use crate::cluster::request::NAMESPACES;
use crate::cluster::request::Page;
use crate::cluster::request::Scope;
use crate::cluster::settings::ConnectionSettings;
use crate::model::application::ApplicationKey;

/// How many objects are read at most.
const MOST: u32 = 2000;

/// A kind of entry in a kubeconfig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Context,
    Cluster,
    User,
}

/// The names of the entries of a kubeconfig.
///
/// # Errors
/// It cannot be read.
pub(crate) fn in_kubeconfig(settings: &ConnectionSettings, kind: EntryKind) -> Result<Vec<String>, ClusterError> {
    let kubeconfig = kubeconfig::load(settings)?;
    Ok(match kind {
        EntryKind::Context => kubeconfig.contexts.into_iter().map(|entry| entry.name).collect(),
        EntryKind::Cluster => kubeconfig.clusters.into_iter().map(|entry| entry.name).collect(),
        EntryKind::User => kubeconfig.auth_infos.into_iter().map(|entry| entry.name).collect(),
    })
}

impl Cluster {
    /// The Applications of `scope`, with their annotations; no more of them is asked for.
    pub(crate) async fn application_names(
        &self,
        scope: &Scope,
    ) -> Result<Vec<(ApplicationKey, BTreeMap<String, String>)>, ClusterError> {
        let objects = self.metadata(&Asked::list(&APPLICATIONS, scope.clone())).await?;
        let text = |object: &serde_json::Value, field: &str| object["metadata"][field].as_str().map(str::to_owned);
        let read = |object: serde_json::Value| {
            let key = ApplicationKey { namespace: text(&object, "namespace")?, name: text(&object, "name")? };
            let annotations = object["metadata"]["annotations"].as_object().into_iter().flatten();
            let annotations = annotations.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
            Some((key, annotations.collect()))
        };
        Ok(objects.into_iter().filter_map(read).collect())
    }

    /// The names of the namespaces.
    pub(crate) async fn namespaces(&self) -> Result<Vec<String>, ClusterError> {
        let objects = self.metadata(&Asked::list(&NAMESPACES, Scope::All)).await?;
        Ok(objects.iter().filter_map(|object| object["metadata"]["name"].as_str().map(str::to_owned)).collect())
    }

    /// One page of a list, without spec and status where the server can leave them out.
    async fn metadata(&self, asked: &Asked) -> Result<Vec<serde_json::Value>, ClusterError> {
        super::legal(asked)?;
        let page = Page { limit: Some(MOST), metadata_only: true, ..Page::default() };
        Ok(self.page(asked, &page).await?.0)
    }
}
