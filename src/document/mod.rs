//! The documents that scripts read: `CheckReport`, `Plan`, `PlanStatus`, `ApplyReport`, `PinReport`, in JSON and YAML.
//!
//! The only place that knows their shape; the model's own types can change without them. They only ever grow.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::json;

use crate::model::application::SourceId;
use crate::model::diagnostic::Diagnostic;
use crate::model::git_url;
use crate::model::image::Version;
use crate::model::pin::Pin;
use crate::model::plan::Destination;
use crate::model::plan::Renderer;

pub(crate) mod check;
pub(crate) mod plan;
pub(crate) mod plan_status;
pub(crate) mod receipts;
mod yaml;

/// The version of all documents.
pub(crate) const API_VERSION: &str = "kubectl-image-update/v1";

/// A document without the passwords that stand in addresses.
fn without_passwords(mut document: Value) -> Value {
    hide_passwords(&mut document);
    document
}

fn hide_passwords(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(hidden) = git_url::hidden(text) {
                *text = hidden;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(hide_passwords),
        Value::Object(map) => map.values_mut().for_each(hide_passwords),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A document as JSON text, ending in a line break.
pub(crate) fn to_json(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("a JSON value is JSON");
    text.push('\n');
    text
}

/// A document as YAML text.
pub(crate) fn to_yaml(document: &Value) -> String {
    yaml::write(document)
}

fn version(version: &Version) -> Value {
    json!({"tag": version.tag, "digest": version.digest})
}

fn pin(pin: &Pin, expired: bool) -> Value {
    json!({
        "reference": pin.reference.to_string(),
        "tag": pin.version.tag,
        "digest": pin.version.digest,
        "reason": pin.reason,
        "by": pin.by,
        "at": pin.at.to_string(),
        "until": pin.until.map(|until| until.to_string()),
        "expired": expired,
    })
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    let mut item = json!({
        "severity": diagnostic.severity.name(),
        "code": diagnostic.code,
        "namespace": diagnostic.application.as_ref().map(|application| &application.namespace),
        "application": diagnostic.application.as_ref().map(|application| &application.name),
        "annotation": diagnostic.place.as_ref().map(|place| &place.annotation),
        "span": diagnostic.place.as_ref().map(|place| json!({"start": place.span.start, "end": place.span.end})),
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    });
    if !diagnostic.manifests.is_empty() {
        item["manifests"] = json!(diagnostic.manifests);
    }
    item
}

/// Where something is written: the keys shared by `writeBack` of a check and `destination` of a plan.
fn destination(destination: &Destination) -> Value {
    match destination {
        Destination::Application { source, renderer } => json!({
            "method": "argocd",
            "target": renderer.map(Renderer::name),
            "source": source.as_ref().map(source_id),
            "repository": null,
            "branch": null,
            "path": null,
        }),
        Destination::Git(git) => json!({
            "method": "git",
            "target": git.target,
            "source": git.source.as_ref().map(source_id),
            "repository": git.repository,
            "branch": git.branch,
            "path": git.path,
        }),
    }
}

fn source_id(source: &SourceId) -> Value {
    json!({
        "name": source.name,
        "repoURL": source.repo_url,
        "path": source.path,
        "chart": source.chart,
        "ref": source.reference,
    })
}

#[cfg(test)]
mod tests;
