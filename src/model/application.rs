//! Argo CD's Application: the fields this tool reads, and the whole object beside them.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::git_url;

/// Namespace and name of an Application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ApplicationKey {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl fmt::Display for ApplicationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// An Application as read from a cluster or a manifest.
///
/// The typed fields are the ones decisions rest on. `object` is the object as it was read, with every field this
/// tool does not know: what is written is always made from it.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub(crate) key: ApplicationKey,
    /// Absent in a manifest.
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    /// `metadata.deletionTimestamp` is set.
    pub(crate) deleting: bool,
    pub(crate) owners: Vec<Owner>,
    pub(crate) layout: SourceLayout,
    /// In the order of `spec.sources`; one element for the other layouts, none if the spec has no source.
    pub(crate) sources: Vec<Source>,
    /// Where Argo CD runs, as the caller says; the status knows better.
    pub(crate) argocd_namespace: Option<String>,
    /// `spec.project`
    pub(crate) project: Option<String>,
    pub(crate) destination: Destination,
    /// `spec.syncPolicy.automated` is there and not `enabled: false`.
    pub(crate) auto_sync: bool,
    /// `None`: the object has no `status` at all, as in a manifest.
    pub(crate) status: Option<Status>,
    pub(crate) object: serde_json::Value,
}

/// Where the source, or the sources, of an Application stand in its spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceLayout {
    /// `spec.source`
    Single,
    /// `spec.sources`, which Argo CD prefers when both are set
    Multiple,
    /// `spec.sourceHydrator.drySource`
    Hydrator,
}

/// One source of an Application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) name: Option<String>,
    pub(crate) repo_url: String,
    pub(crate) path: Option<String>,
    pub(crate) chart: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) target_revision: Option<String>,
    /// `Some` if the block is there, even empty.
    pub(crate) helm: Option<Vec<HelmParameter>>,
    /// `Some` if the block is there, even empty: the texts of `kustomize.images`.
    pub(crate) kustomize: Option<Vec<String>>,
    pub(crate) plugin: bool,
}

/// One element of `helm.parameters`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HelmParameter {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Helm takes the value for a text, whatever it looks like.
    pub(crate) force_string: bool,
}

/// What tells one source of an Application from another, independent of its place in the list. It is written into
/// plans, so no password is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SourceId {
    pub(crate) name: Option<String>,
    pub(crate) repo_url: String,
    pub(crate) path: Option<String>,
    pub(crate) chart: Option<String>,
    pub(crate) reference: Option<String>,
}

impl Source {
    pub(crate) fn id(&self) -> SourceId {
        SourceId {
            name: self.name.clone(),
            repo_url: git_url::hidden(&self.repo_url).into_owned(),
            path: self.path.clone(),
            chart: self.chart.clone(),
            reference: self.reference.clone(),
        }
    }
}

impl SourceId {
    /// Whether `source` is the one meant: by its name if it had one, else by everything else that identifies it.
    pub(crate) fn matches(&self, source: &Source) -> bool {
        self.is(&source.id())
    }
}

impl SourceId {
    /// Whether an element of `spec.sources`, as it stands in the object, is the one meant.
    pub(crate) fn is_of(&self, source: &serde_json::Value) -> bool {
        let text = |key: &str| {
            source.get(key).and_then(|text| text.as_str()).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let repo_url = git_url::hidden(&text("repoURL").unwrap_or_default()).into_owned();
        let (name, path, chart, reference) = (text("name"), text("path"), text("chart"), text("ref"));
        self.is(&Self { name, repo_url, path, chart, reference })
    }

    fn is(&self, other: &Self) -> bool {
        match &self.name {
            Some(_) => other.name == self.name,
            None => other == self,
        }
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            return f.write_str(name);
        }
        f.write_str(&self.repo_url)?;
        if let Some(path) = &self.path {
            write!(f, " {path}")?;
        }
        if let Some(chart) = &self.chart {
            write!(f, " chart {chart}")?;
        }
        if let Some(reference) = &self.reference {
            write!(f, " ref {reference}")?;
        }
        Ok(())
    }
}

/// `spec.destination`: the cluster that an Application deploys to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) server: Option<String>,
    pub(crate) name: Option<String>,
}

impl Destination {
    /// Whether the Application deploys to the cluster that Argo CD runs in, by Argo CD's own names for it.
    pub(crate) fn is_in_cluster(&self) -> bool {
        self.server.as_deref() == Some("https://kubernetes.default.svc") || self.name.as_deref() == Some("in-cluster")
    }
}

/// One element of `metadata.ownerReferences`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// The parts of `status` that decisions rest on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    /// `status.summary.images`
    pub(crate) images: Vec<String>,
    /// `status.controllerNamespace`: where the Argo CD runs that deploys it.
    pub(crate) controller_namespace: Option<String>,
    /// `status.sourceTypes`, or the one `status.sourceType`
    pub(crate) source_types: Vec<String>,
    /// `status.operationState.phase` is `Running`
    pub(crate) operation_running: bool,
    /// `status.history`, oldest first
    pub(crate) history: Vec<HistoryEntry>,
}

/// One deployment that Argo CD recorded.
#[derive(Clone, Debug)]
pub(crate) struct HistoryEntry {
    /// Argo CD's number of the deployment.
    pub(crate) id: Option<i64>,
    /// RFC 3339, as recorded
    pub(crate) deployed_at: Option<String>,
    pub(crate) initiated_by: Option<String>,
    pub(crate) sources: Vec<Source>,
    /// What each source was at, in their order: a commit, or the version of a chart.
    pub(crate) revisions: Vec<String>,
}
