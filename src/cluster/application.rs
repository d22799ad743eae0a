//! Reads an Argo CD Application out of the object as JSON, field by field.
//!
//! Pure, and tolerant: a field that is absent or of an odd shape reads as absent, so that one odd Application never
//! hides the others. Whoever needs strictness (a manifest, whose author can be told) checks before.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::application::Application;
use crate::model::application::ApplicationKey;
use crate::model::application::Destination;
use crate::model::application::HelmParameter;
use crate::model::application::HistoryEntry;
use crate::model::application::Owner;
use crate::model::application::Source;
use crate::model::application::SourceLayout;
use crate::model::application::Status;

/// Reads an Application.
///
/// # Errors
/// Says what is missing when the object has no name or no namespace: nothing could be said about it then.
pub(crate) fn application(object: Value) -> Result<Application, String> {
    let metadata = &object["metadata"];
    let name = |field: &str| text(&metadata[field]).ok_or_else(|| format!("it has no `metadata.{field}`"));
    let key = ApplicationKey { name: name("name")?, namespace: name("namespace")? };
    let spec = &object["spec"];
    let (layout, sources) = sources(spec);
    let automated = &spec["syncPolicy"]["automated"];
    Ok(Application {
        key,
        uid: text(&metadata["uid"]),
        resource_version: text(&metadata["resourceVersion"]),
        labels: texts(&metadata["labels"]),
        annotations: texts(&metadata["annotations"]),
        deleting: text(&metadata["deletionTimestamp"]).is_some(),
        owners: list(&metadata["ownerReferences"]).iter().filter_map(owner).collect(),
        layout,
        sources,
        argocd_namespace: None,
        project: text(&spec["project"]),
        destination: Destination {
            server: text(&spec["destination"]["server"]),
            name: text(&spec["destination"]["name"]),
        },
        // `enabled` is newer than the block, and true unless it says otherwise.
        auto_sync: automated.is_object() && automated["enabled"] != Value::Bool(false),
        status: object.get("status").filter(|status| status.is_object()).map(status),
        object,
    })
}

/// The sources as Argo CD chooses them: a hydrator's, else `sources` unless it is empty, else `source`.
fn sources(spec: &Value) -> (SourceLayout, Vec<Source>) {
    if spec["sourceHydrator"].is_object() {
        let dry = &spec["sourceHydrator"]["drySource"];
        return (SourceLayout::Hydrator, vec![source(dry)]);
    }
    match list(&spec["sources"]) {
        [] if spec["source"].is_object() => (SourceLayout::Single, vec![source(&spec["source"])]),
        [] => (SourceLayout::Single, Vec::new()),
        several => (SourceLayout::Multiple, several.iter().map(source).collect()),
    }
}

fn source(source: &Value) -> Source {
    Source {
        name: text(&source["name"]),
        repo_url: text(&source["repoURL"]).unwrap_or_default(),
        path: text(&source["path"]),
        chart: text(&source["chart"]),
        reference: text(&source["ref"]),
        target_revision: text(&source["targetRevision"]),
        helm: block(&source["helm"]).map(|helm| list(&helm["parameters"]).iter().filter_map(parameter).collect()),
        kustomize: block(&source["kustomize"])
            .map(|kustomize| list(&kustomize["images"]).iter().filter_map(scalar).collect()),
        plugin: block(&source["plugin"]).is_some(),
    }
}

/// A block counts as soon as it is there, even empty: Argo CD takes it as the choice of a tool.
fn block(value: &Value) -> Option<&Value> {
    value.is_object().then_some(value)
}

fn parameter(parameter: &Value) -> Option<HelmParameter> {
    let name = text(&parameter["name"])?;
    let force_string = parameter["forceString"] == Value::Bool(true);
    Some(HelmParameter { name, value: scalar(&parameter["value"]).unwrap_or_default(), force_string })
}

fn owner(reference: &Value) -> Option<Owner> {
    Some(Owner { kind: text(&reference["kind"])?, name: text(&reference["name"])? })
}

fn status(status: &Value) -> Status {
    let mut source_types: Vec<String> = list(&status["sourceTypes"])
        .iter()
        .map(|kind| kind.as_str().unwrap_or_default().to_owned()) // their places are those of the sources
        .collect();
    if source_types.is_empty() {
        source_types.extend(text(&status["sourceType"]));
    }
    Status {
        images: list(&status["summary"]["images"]).iter().filter_map(text).collect(),
        source_types,
        controller_namespace: text(&status["controllerNamespace"]),
        operation_running: status["operationState"]["phase"] == "Running",
        history: list(&status["history"]).iter().map(history_entry).collect(),
    }
}

fn history_entry(entry: &Value) -> HistoryEntry {
    let single = || (vec![source(&entry["source"])], vec![text(&entry["revision"]).unwrap_or_default()]);
    let revision = |revision: &Value| revision.as_str().unwrap_or_default().to_owned();
    let (sources, revisions) = match list(&entry["sources"]) {
        [] if entry["source"].is_object() => single(),
        several => {
            (several.iter().map(source).collect(), list(&entry["revisions"]).iter().map(revision).collect::<Vec<_>>())
        }
    };
    let by = &entry["initiatedBy"];
    let automated = || (by["automated"] == Value::Bool(true)).then(|| "auto-sync".to_owned());
    HistoryEntry {
        id: entry["id"].as_i64(),
        deployed_at: text(&entry["deployedAt"]),
        initiated_by: text(&by["username"]).or_else(automated),
        sources,
        revisions,
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A text that is not empty.
fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A text, also an empty one, or a number or boolean as JSON writes it.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Labels or annotations; null is the empty text, as Go reads it into a map of strings.
fn texts(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| match value {
            Value::String(text) => Some((key.clone(), text.clone())),
            Value::Null => Some((key.clone(), String::new())),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(spec: &Value) -> Application {
        application(json!({"metadata": {"name": "web", "namespace": "argocd"}, "spec": spec})).unwrap()
    }

    #[test]
    fn every_field_is_read() {
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {
                "name": "web", "namespace": "argocd", "uid": "u-1", "resourceVersion": "42",
                "labels": {"env": "prod"}, "annotations": {"a": "b", "n": 1, "empty": null},
                "deletionTimestamp": "2026-11-22T09:00:00Z",
                "ownerReferences": [{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "all"}]
            },
            "spec": {
                "source": {
                    "name": "n", "repoURL": "https://git/x", "path": "p", "chart": "c", "ref": "r",
                    "targetRevision": "main",
                    "helm": {"parameters": [{"name": "image.tag", "value": "v1"}, {"name": "x"}, {"value": "y"}]},
                    "kustomize": {"images": ["nginx:1"]}, "plugin": {}
                },
                "destination": {"server": "https://kubernetes.default.svc", "namespace": "web"},
                "syncPolicy": {"automated": {"prune": true}},
                "unknown": {"kept": true}
            },
            "status": {
                "summary": {"images": ["nginx:1"]}, "sourceType": "Helm", "controllerNamespace": "argocd",
                "operationState": {"phase": "Running"},
                "history": [
                    {"id": 1, "deployedAt": "2026-01-01T00:00:00Z", "source": {"repoURL": "a"}, "revision": "r",
                     "initiatedBy": {"username": "ada"}},
                    {"id": 2, "sources": [{"repoURL": "b"}, {"repoURL": "c"}], "revisions": ["s", null, "t"], "initiatedBy": {"automated": true}}
                ]
            }
        });
        let read = application(object.clone()).unwrap();
        assert_eq!(read.key.to_string(), "argocd/web");
        assert_eq!((read.uid.as_deref(), read.resource_version.as_deref()), (Some("u-1"), Some("42")));
        assert_eq!(read.labels["env"], "prod");
        assert_eq!(read.annotations, BTreeMap::from([("a".into(), "b".into()), ("empty".into(), String::new())]));
        assert!(read.deleting && read.auto_sync && read.destination.is_in_cluster());
        assert_eq!(read.owners, [Owner { kind: "ApplicationSet".into(), name: "all".into() }]);
        let source = &read.sources[0];
        assert_eq!(source.id().to_string(), "n");
        assert_eq!((source.repo_url.as_str(), source.target_revision.as_deref()), ("https://git/x", Some("main")));
        assert_eq!((source.chart.as_deref(), source.reference.as_deref()), (Some("c"), Some("r")));
        let parameters = source.helm.as_deref().unwrap();
        assert_eq!(parameters.len(), 2, "a parameter without a name is none");
        assert_eq!((parameters[0].value.as_str(), parameters[1].value.as_str()), ("v1", ""));
        assert_eq!(source.kustomize.as_deref().unwrap(), ["nginx:1"]);
        assert!(source.plugin);
        let status = read.status.unwrap();
        assert_eq!(
            (status.images.as_slice(), status.source_types.as_slice()),
            (&["nginx:1".into()][..], &["Helm".into()][..])
        );
        assert!(status.operation_running);
        assert_eq!(status.history[0].initiated_by.as_deref(), Some("ada"));
        assert_eq!(status.history[0].deployed_at.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(status.history[0].sources[0].repo_url, "a");
        assert_eq!(status.history[1].initiated_by.as_deref(), Some("auto-sync"));
        assert_eq!(status.history[1].sources.len(), 2);
        assert_eq!((status.history[0].id, status.history[0].revisions.as_slice()), (Some(1), &["r".to_owned()][..]));
        assert_eq!(status.history[1].revisions, ["s", "", "t"]);
        assert_eq!(read.object, object, "nothing of the object is lost");
    }

    #[test]
    fn sources_are_chosen_as_argo_cd_chooses_them() {
        let a = json!({"repoURL": "a"});
        for (spec, layout, urls) in [
            (json!({"source": a}), SourceLayout::Single, vec!["a"]),
            (json!({"source": a, "sources": []}), SourceLayout::Single, vec!["a"]),
            (json!({"source": a, "sources": null}), SourceLayout::Single, vec!["a"]),
            (json!({"source": a, "sources": [{"repoURL": "b"}]}), SourceLayout::Multiple, vec!["b"]),
            // A source keeps its place, whatever it is.
            (json!({"sources": [1, {"repoURL": "b"}]}), SourceLayout::Multiple, vec!["", "b"]),
            (json!({"sourceHydrator": {"drySource": {"repoURL": "d"}}}), SourceLayout::Hydrator, vec!["d"]),
            (
                json!({"source": a, "sourceHydrator": {"drySource": {"repoURL": "d"}}}),
                SourceLayout::Hydrator,
                vec!["d"],
            ),
            (json!({}), SourceLayout::Single, vec![]),
            (json!({"source": null}), SourceLayout::Single, vec![]),
            (json!(["odd"]), SourceLayout::Single, vec![]),
        ] {
            let read = read(&spec);
            assert_eq!(read.layout, layout, "{spec}");
            assert_eq!(read.sources.iter().map(|s| s.repo_url.as_str()).collect::<Vec<_>>(), urls, "{spec}");
        }
    }

    #[test]
    fn an_empty_block_counts() {
        let source = |source: &Value| read(&json!({"source": source})).sources[0].clone();
        assert_eq!(source(&json!({"helm": {}})).helm, Some(Vec::new()));
        assert_eq!(source(&json!({"kustomize": {}})).kustomize, Some(Vec::new()));
        assert!(source(&json!({"plugin": {}})).plugin);
        let absent = source(&json!({"helm": null, "plugin": null}));
        assert_eq!((absent.helm, absent.kustomize, absent.plugin), (None, None, false));
    }

    #[test]
    fn auto_sync_can_be_switched_off_inside_its_block() {
        for (policy, expected) in [
            (json!({"automated": {}}), true),
            (json!({"automated": {"enabled": true}}), true),
            (json!({"automated": {"enabled": false}}), false),
            (json!({"automated": null}), false),
            (json!({}), false),
            (json!(null), false),
        ] {
            assert_eq!(read(&json!({"syncPolicy": policy})).auto_sync, expected, "{policy}");
        }
    }

    #[test]
    fn several_source_types_keep_the_places_of_their_sources() {
        let object = json!({
            "metadata": {"name": "web", "namespace": "argocd"},
            "status": {"sourceTypes": ["Kustomize", null, "Helm"], "sourceType": "Directory"}
        });
        assert_eq!(application(object).unwrap().status.unwrap().source_types, ["Kustomize", "", "Helm"]);
    }

    #[test]
    fn odd_shapes_never_panic() {
        for odd in [json!(null), json!(1), json!("x"), json!([1]), json!({"a": 1})] {
            let mut object = json!({"metadata": {"name": "web", "namespace": "argocd"}});
            for field in ["labels", "annotations", "ownerReferences", "uid", "deletionTimestamp"] {
                object["metadata"][field] = odd.clone();
            }
            object["spec"] = json!({"source": odd, "sources": odd, "destination": odd, "syncPolicy": odd});
            object["status"] = json!({"summary": odd, "history": [odd], "operationState": odd, "sourceTypes": odd});
            application(object.clone()).unwrap();
            object["spec"] = odd.clone();
            object["status"] = odd.clone();
            application(object).unwrap();
            assert!(application(odd.clone()).is_err());
            assert!(application(json!({"metadata": odd})).is_err());
        }
        assert_eq!(application(json!({"metadata": {"name": "x"}})).unwrap_err(), "it has no `metadata.namespace`");
    }

    #[test]
    fn an_object_without_status_has_none() {
        assert!(read(&json!({})).status.is_none());
    }
}
