//! What Argo CD does after a change of the spec, as far as the tool can see it: the new images run, and it says so.

use serde_json::Value;
use serde_json::json;

const PREFIX: &str = "argocd-image-updater.argoproj.io";

/// Deploys the Application: `status` follows from `spec`.
///
/// An image is known by the Kustomize entry of its name, or by the Helm parameter its alias names. Others stay.
pub(crate) fn deploy(application: &mut Value) {
    let Some(live) = application["status"]["summary"]["images"].as_array().cloned() else { return };
    let deployed: Vec<Value> = live
        .iter()
        .filter_map(Value::as_str)
        .map(|reference| configured(application, repository(reference)).unwrap_or_else(|| reference.to_owned()).into())
        .collect();
    let status = &mut application["status"];
    if status["summary"]["images"].as_array() == Some(&deployed) {
        return;
    }
    status["summary"]["images"] = deployed.into();
    status["sync"] = json!({"status": "Synced"});
    status["health"] = json!({"status": "Healthy"});
    let source = application["spec"]["source"].clone();
    let history = &mut application["status"]["history"];
    let mut entries = history.as_array().cloned().unwrap_or_default();
    entries.push(json!({"id": entries.len(), "deployedAt": "2026-11-22T09:00:00Z", "source": source}));
    *history = entries.into();
}

/// The reference that the spec sets for a repository.
fn configured(application: &Value, wanted: &str) -> Option<String> {
    let source = &application["spec"]["source"];
    let images = source["kustomize"]["images"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for image in images {
        let (name, reference) = image.split_once('=').unwrap_or((image, image));
        if repository(name) == wanted || repository(reference) == wanted {
            return Some(reference.to_owned());
        }
    }
    let annotations = &application["metadata"]["annotations"];
    let parameters = source["helm"]["parameters"].as_array()?;
    let parameter = |name: &str| parameters.iter().find(|entry| entry["name"] == name)?["value"].as_str();
    let list = annotations[format!("{PREFIX}/image-list")].as_str()?;
    for entry in list.split(',') {
        let (alias, reference) = entry.trim().split_once('=').unwrap_or(("", entry.trim()));
        if repository(reference) != wanted {
            continue;
        }
        let named = |key: &str| annotations[format!("{PREFIX}/{alias}.helm.{key}")].as_str();
        if let Some(spec) = named("image-spec").and_then(parameter) {
            return Some(spec.to_owned());
        }
        let tag = parameter(named("image-tag").unwrap_or("image.tag"))?;
        let separator = if tag.starts_with("sha256:") { '@' } else { ':' };
        return Some(format!("{wanted}{separator}{tag}"));
    }
    None
}

/// A reference without tag, digest or constraint.
fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    let path = name.rfind('/').map_or(0, |slash| slash + 1);
    name[path..].find(':').map_or(name, |colon| &name[..path + colon])
}
