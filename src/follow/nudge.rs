//! Having Argo CD look at an Application at once: the annotation that asks for a refresh, and an operation where it does
//! not sync by itself. The patch is pure.

use serde_json::Value;
use serde_json::json;

use crate::model::application::Application;

/// Asks Argo CD to compare with git at once; it takes the annotation away again.
const REFRESH: &str = "argocd.argoproj.io/refresh";

/// The JSON Patch that has Argo CD look, and sync where auto-sync is off; it fits only the object that was read.
///
/// # Errors
/// A sync cannot be asked for now.
pub(super) fn patch(application: &Application) -> Result<Value, String> {
    let object = &application.object;
    let version = application.resource_version.iter();
    let mut operations: Vec<Value> = version
        .map(|version| json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version}))
        .collect();
    if !object["metadata"]["annotations"].is_object() {
        operations.push(json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
    }
    let path = format!("/metadata/annotations/{}", REFRESH.replace('~', "~0").replace('/', "~1"));
    operations.push(json!({"op": "add", "path": path, "value": "normal"}));
    if !application.auto_sync {
        if !object["operation"].is_null() || application.status.as_ref().is_some_and(|status| status.operation_running)
        {
            return Err("an operation is running already".to_owned());
        }
        let policy = &object["spec"]["syncPolicy"];
        let mut sync = json!({"syncStrategy": {"hook": {}}});
        if policy["syncOptions"].is_array() {
            sync["syncOptions"] = policy["syncOptions"].clone();
        }
        let operation = json!({"initiatedBy": {"username": "kubectl-image-update"}, "sync": sync});
        operations.push(json!({"op": "add", "path": "/operation", "value": operation}));
    }
    Ok(Value::Array(operations))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::application::application;

    fn read(spec: &Value, metadata: &Value) -> Application {
        let mut object =
            json!({"metadata": {"name": "web", "namespace": "argocd", "resourceVersion": "7"}, "spec": spec});
        for (key, value) in metadata.as_object().unwrap() {
            object["metadata"][key] = value.clone();
        }
        application(object).unwrap()
    }

    #[test]
    fn argo_cd_is_asked_to_look_and_to_sync_where_it_does_not_by_itself() {
        let automated = json!({"syncPolicy": {"automated": {}}});
        let lock = json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "7"});
        let refresh =
            json!({"op": "add", "path": "/metadata/annotations/argocd.argoproj.io~1refresh", "value": "normal"});
        let annotated = read(&automated, &json!({"annotations": {"a": "b"}}));
        assert_eq!(patch(&annotated), Ok(json!([lock, refresh])));
        let unversioned = read(&automated, &json!({"annotations": {"a": "b"}, "resourceVersion": null}));
        assert_eq!(patch(&unversioned), Ok(json!([refresh])));
        let none = json!({"op": "add", "path": "/metadata/annotations", "value": {}});
        assert_eq!(patch(&read(&automated, &json!({}))), Ok(json!([lock, none, refresh])));
        let by_hand =
            read(&json!({"syncPolicy": {"syncOptions": ["ServerSideApply=true"]}}), &json!({"annotations": {}}));
        let operation = json!({"op": "add", "path": "/operation", "value": {
            "initiatedBy": {"username": "kubectl-image-update"},
            "sync": {"syncStrategy": {"hook": {}}, "syncOptions": ["ServerSideApply=true"]},
        }});
        assert_eq!(patch(&by_hand), Ok(json!([lock, refresh, operation])));
        let mut busy = by_hand.clone();
        busy.object["operation"] = json!({"sync": {}});
        assert!(patch(&busy).is_err());
    }
}
