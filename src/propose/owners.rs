//! Who would put an edit of an Application back, and the edit that would last. Pure.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::cluster::owner::Owner;
use crate::cluster::tolerance;
use crate::cluster::tolerance::Tolerance;
use crate::model::application::Application;
use crate::model::application::ApplicationKey;
use crate::model::application::SourceId;
use crate::model::application::SourceLayout;
use crate::model::diagnostic::Diagnostic;
use crate::model::plan::Change;
use crate::model::plan::Destination;
use crate::model::plan::Edit;
use crate::model::plan::Field;

/// An owner of an Application, with its object if that could be read.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) owner: &'a Owner,
    pub(crate) key: &'a ApplicationKey,
    pub(crate) object: Option<&'a Value>,
}

/// Where the object of an owner is: an ApplicationSet is beside its Applications; a parent Application has its
/// namespace in its name, or is where Argo CD is.
pub(crate) fn key(owner: &Owner, application: &Application) -> ApplicationKey {
    let controller = application.status.as_ref().and_then(|status| status.controller_namespace.as_deref());
    let argocd = controller.or(application.argocd_namespace.as_deref()).unwrap_or(&application.key.namespace);
    let (namespace, name) = match owner {
        Owner::ApplicationSet(name) => (application.key.namespace.as_str(), name.as_str()),
        // No name of an object has a `_` in it.
        Owner::Application { name, .. } => name.split_once('_').unwrap_or((argocd, name)),
    };
    ApplicationKey { namespace: namespace.to_owned(), name: name.to_owned() }
}

/// The warnings about what an owner would put back of changes to an Application, each with the manifests that would
/// last.
pub(crate) fn reverted(application: &Application, changes: &[&Change], known: Known<'_>) -> Vec<Diagnostic> {
    let tolerance = known.object.map(|object| Tolerance::of(known.owner, object, application)).unwrap_or_default();
    let mut values = Vec::new();
    let mut annotations: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.git().is_none()) {
        for edit in &change.edits {
            let pointer = pointer(application, change, edit);
            if tolerance.covers(&pointer, Some(edit.field.at())) {
                continue;
            }
            match &edit.field {
                Field::Annotation(key) => drop(annotations.insert(key, edit.to.as_deref())),
                _ => values.push((*change, edit, pointer)),
            }
        }
    }
    if let Owner::ApplicationSet(_) = known.owner {
        // It takes away what it does not know, and does not bring back what it does not know.
        annotations.retain(|_, to| to.is_some());
    }
    let of_annotations = (!annotations.is_empty()).then(|| reverted_annotations(application, &annotations, known));
    let of_values = (!values.is_empty()).then(|| reverted_values(application, &values, known));
    of_annotations.into_iter().chain(of_values).collect()
}

/// Where an edit stands in the object: the list, for an element of one.
fn pointer(application: &Application, change: &Change, edit: &Edit) -> String {
    let source = match (&change.destination, application.layout) {
        (Destination::Application { source: Some(id), .. }, SourceLayout::Multiple) => {
            let index = application.sources.iter().position(|source| id.matches(source)).unwrap_or_default();
            format!("/spec/sources/{index}")
        }
        _ => "/spec/source".to_owned(),
    };
    match &edit.field {
        Field::Annotation(key) => tolerance::annotation(key),
        Field::KustomizeImage(_) => format!("{source}/kustomize/images"),
        Field::HelmParameter(_) | Field::HelmValue(_) => format!("{source}/helm/parameters"),
    }
}

fn reverted_values(application: &Application, values: &[(&Change, &Edit, String)], known: Known<'_>) -> Diagnostic {
    let pointers: BTreeSet<&str> = values.iter().map(|(_, _, pointer)| pointer.as_str()).collect();
    let (message, hint, manifests) = match known.owner {
        Owner::ApplicationSet(name) => (
            format!("the ApplicationSet `{name}` made this Application, and puts its spec back when it renders it again"),
            "set `ignoreApplicationDifferences` for the edited fields in the ApplicationSet, change its template, or write to git".to_owned(),
            vec![ignoring_set(known, &pointers)],
        ),
        Owner::Application { name, certain } => (
            format!("the Application `{name}` {} this one, and puts its spec back when it syncs", manages(*certain)),
            format!("change the manifest that `{name}` deploys, or add `ignoreDifferences` with `RespectIgnoreDifferences=true` there"),
            child(application, values).into_iter().chain([ignoring_parent(application, known, &pointers)]).collect(),
        ),
    };
    let diagnostic = Diagnostic::warning("reverted-by-owner", message).about(&application.key).hint(hint);
    Diagnostic { manifests, ..diagnostic }
}

fn reverted_annotations(
    application: &Application,
    annotations: &BTreeMap<&str, Option<&str>>,
    known: Known<'_>,
) -> Diagnostic {
    let (message, hint, manifest) = match known.owner {
        Owner::ApplicationSet(name) => {
            let keys: Vec<_> = annotations.keys().copied().collect();
            (
                format!(
                    "the ApplicationSet `{name}` made this Application, and takes away annotations that it does not know"
                ),
                format!(
                    "list each in its `spec.preservedFields.annotations`, which takes no patterns: {}",
                    keys.join(", ")
                ),
                preserving_set(known, &keys),
            )
        }
        Owner::Application { name, certain } => (
            format!(
                "the Application `{name}` {} this one, and puts its annotations back when it syncs",
                manages(*certain)
            ),
            format!(
                "commit this to the manifest that `{name}` deploys, under `metadata.annotations`: {}",
                yaml(annotations)
            ),
            json!({
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
                "metadata": {
                    "name": application.key.name, "namespace": application.key.namespace, "annotations": annotations,
                },
            }),
        ),
    };
    let diagnostic = Diagnostic::warning("reverted-by-owner", message).about(&application.key).hint(hint);
    Diagnostic { manifests: vec![manifest], ..diagnostic }
}

fn manages(certain: bool) -> &'static str {
    if certain { "manages" } else { "seems to manage" }
}

/// Annotations as YAML in one line; null stands for one that is to be removed.
fn yaml(annotations: &BTreeMap<&str, Option<&str>>) -> String {
    serde_json::to_string(annotations).expect("a map of texts is JSON, and so YAML")
}

/// The elements that a list of the owner has already: a merge replaces lists.
fn standing(known: Known<'_>, pointer: &str) -> Vec<Value> {
    let list = known.object.and_then(|object| object.pointer(pointer)).and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

fn manifest(kind: &str, known: Known<'_>, spec: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": kind,
        "metadata": {"name": known.key.name, "namespace": known.key.namespace}, "spec": spec,
    })
}

fn ignoring_set(known: Known<'_>, pointers: &BTreeSet<&str>) -> Value {
    let mut entries = standing(known, "/spec/ignoreApplicationDifferences");
    entries.push(json!({"jsonPointers": pointers}));
    manifest("ApplicationSet", known, &json!({"ignoreApplicationDifferences": entries}))
}

fn preserving_set(known: Known<'_>, keys: &[&str]) -> Value {
    let mut entries = standing(known, "/spec/preservedFields/annotations");
    entries.extend(keys.iter().map(|key| json!(key)));
    manifest("ApplicationSet", known, &json!({"preservedFields": {"annotations": entries}}))
}

fn ignoring_parent(application: &Application, known: Known<'_>, pointers: &BTreeSet<&str>) -> Value {
    let mut entries = standing(known, "/spec/ignoreDifferences");
    entries.push(json!({
        "group": "argoproj.io", "kind": "Application", "name": application.key.name,
        "namespace": application.key.namespace, "jsonPointers": pointers,
    }));
    let mut options = standing(known, "/spec/syncPolicy/syncOptions");
    let respect = json!("RespectIgnoreDifferences=true");
    if !options.contains(&respect) {
        options.push(respect);
    }
    let spec = json!({"ignoreDifferences": entries, "syncPolicy": {"syncOptions": options}});
    manifest("Application", known, &spec)
}

/// The edit of the Application's own manifest: the values that change, in the source that they are of; `None` if values
/// are only taken away, which a merge cannot say.
fn child(application: &Application, values: &[(&Change, &Edit, String)]) -> Option<Value> {
    let mut sources: Vec<(Option<&SourceId>, Value)> = Vec::new();
    for (change, edit, _) in values {
        let Destination::Application { source: id, .. } = &change.destination else { continue };
        let Some(to) = &edit.to else { continue };
        let index = sources.iter().position(|(known, _)| *known == id.as_ref()).unwrap_or_else(|| {
            // Of several sources, this tells which is meant.
            let named = id.as_ref().map_or_else(|| json!({}), identified);
            sources.push((id.as_ref(), named));
            sources.len() - 1
        });
        let source = &mut sources[index].1;
        let (list, element) = match &edit.field {
            Field::KustomizeImage(_) => (&mut source["kustomize"]["images"], json!(to)),
            field => {
                let parameter = json!({"name": field.at(), "value": to, "forceString": true});
                (&mut source["helm"]["parameters"], parameter)
            }
        };
        match list.as_array_mut() {
            Some(elements) => elements.push(element),
            None => *list = json!([element]),
        }
    }
    if sources.is_empty() {
        return None;
    }
    let mut sources: Vec<Value> = sources.into_iter().map(|(_, source)| source).collect();
    let spec = match application.layout {
        SourceLayout::Multiple => json!({"sources": sources}),
        _ => json!({"source": sources.pop()?}),
    };
    Some(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": application.key.name, "namespace": application.key.namespace}, "spec": spec,
    }))
}

fn identified(id: &SourceId) -> Value {
    let fields = [
        ("name", &id.name),
        ("repoURL", &Some(id.repo_url.clone())),
        ("path", &id.path),
        ("chart", &id.chart),
        ("ref", &id.reference),
    ];
    fields
        .into_iter()
        .filter_map(|(key, text)| Some((key.to_owned(), json!(text.as_ref()?))))
        .collect::<Map<_, _>>()
        .into()
}
