//! The `Status` bodies of failures, in the words of a real API server (Kubernetes 1.20; the smoke tests compare them).

use http::StatusCode;
use serde_json::Value;
use serde_json::json;

use super::Target;
use crate::world::resources::Resource;

/// An answer other than success.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: StatusCode,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) enum Body {
    Status(Value),
    Text(String),
}

fn failure(code: StatusCode, reason: &str, message: &str, details: &Value) -> Failure {
    let mut body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "details": details, "code": code.as_u16(),
    });
    for optional in ["reason", "details"] {
        if body[optional].is_null() || body[optional] == "" {
            body.as_object_mut().expect("an object literal").shift_remove(optional);
        }
    }
    Failure { code, body: Body::Status(body) }
}

/// `details` of an answer about one object, or about a collection.
fn details(name: &str, group: &str, plural: &str) -> Value {
    let mut details = json!({"name": name, "group": group, "kind": plural});
    let map = details.as_object_mut().expect("an object literal");
    map.retain(|_, value| value != "");
    details
}

impl Body {
    pub(crate) fn content_type(&self) -> &'static str {
        match self {
            Self::Status(_) => "application/json",
            Self::Text(_) => "text/plain; charset=utf-8",
        }
    }

    pub(crate) fn text(self) -> String {
        match self {
            Self::Status(status) => status.to_string(),
            Self::Text(text) => text,
        }
    }
}

impl Failure {
    pub(crate) fn no_such_path() -> Self {
        Self { code: StatusCode::NOT_FOUND, body: Body::Text("404 page not found\n".to_owned()) }
    }

    pub(crate) fn unauthorized() -> Self {
        failure(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized", &Value::Null)
    }

    /// Decided from the path alone, before anybody looks whether there is such a resource.
    pub(crate) fn forbidden(user: &str, verb: &str, target: &Target) -> Self {
        let Target { group, plural, name, .. } = target;
        let object = if name.is_empty() { target.qualified() } else { format!("{} \"{name}\"", target.qualified()) };
        let place = match &target.namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            "{object} is forbidden: User \"{user}\" cannot {verb} resource \"{plural}\" in API group \"{group}\" {place}"
        );
        failure(StatusCode::FORBIDDEN, "Forbidden", &message, &details(name, group, plural))
    }

    pub(crate) fn cannot_impersonate(user: &str, kind: &str, name: &str) -> Self {
        let message = format!(
            "{kind} \"{name}\" is forbidden: User \"{user}\" cannot impersonate resource \"{kind}\" in API group \"\" at the cluster scope"
        );
        failure(StatusCode::FORBIDDEN, "Forbidden", &message, &json!({"name": name, "kind": kind}))
    }

    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        failure(StatusCode::NOT_FOUND, "NotFound", &message, &details(name, resource.group, resource.plural))
    }

    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        failure(StatusCode::CONFLICT, "AlreadyExists", &message, &details(name, resource.group, resource.plural))
    }

    pub(crate) fn conflict(resource: &Resource, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the latest version and try again",
            resource.qualified()
        );
        failure(StatusCode::CONFLICT, "Conflict", &message, &details(name, resource.group, resource.plural))
    }

    /// A field that validation refuses. `cause` is the reason of the cause, its text, and how often the server repeats it.
    pub(crate) fn invalid(
        kind: &str,
        resource: &Resource,
        name: &str,
        field: &str,
        cause: (&str, &str, usize),
    ) -> Self {
        let (reason, text, times) = cause;
        let title = if resource.group.is_empty() { kind.to_owned() } else { format!("{kind}.{}", resource.group) };
        let message = format!("{title} \"{name}\" is invalid: {field}: {text}");
        let cause = json!({"reason": reason, "message": text, "field": field});
        let mut details = json!({"name": name, "group": resource.group, "kind": kind, "causes": vec![cause; times]});
        details.as_object_mut().expect("an object literal").retain(|_, value| value != "");
        failure(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", &message, &details)
    }

    /// A patched object that does not decode. The real message quotes the whole object; this one is short.
    pub(crate) fn undecodable(why: &str) -> Self {
        let message = format!(" \"\" is invalid: patch: Invalid value: {why}");
        let cause =
            json!({"reason": "FieldValueInvalid", "message": format!("Invalid value: {why}"), "field": "patch"});
        failure(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", &message, &json!({"causes": [cause]}))
    }

    /// A JSON patch of which an operation failed, a `test` or any other: the server does not say which.
    pub(crate) fn patch_failed() -> Self {
        let message = "the server rejected our request due to an error in our request";
        failure(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message, &json!({}))
    }

    pub(crate) fn bad_dry_run(value: &str) -> Self {
        let text = format!("Unsupported value: []string{{\"{value}\"}}: supported values: \"All\"");
        let cause = json!({"reason": "FieldValueNotSupported", "message": text, "field": "dryRun"});
        let details = json!({"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause]});
        let message = format!("PatchOptions.meta.k8s.io \"\" is invalid: dryRun: {text}");
        failure(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", &message, &details)
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        failure(StatusCode::BAD_REQUEST, "BadRequest", message, &Value::Null)
    }

    pub(crate) fn internal(message: &str) -> Self {
        failure(StatusCode::INTERNAL_SERVER_ERROR, "", message, &Value::Null)
    }

    pub(crate) fn unsupported_media_type() -> Self {
        let message = "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
        failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message, &Value::Null)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        failure(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message, &json!({}))
    }

    /// A continue token whose list is gone. `fresh` carries on from the objects of now.
    pub(crate) fn expired(fresh: &str) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";
        let mut failure = failure(StatusCode::GONE, "Expired", message, &Value::Null);
        if let Body::Status(body) = &mut failure.body {
            body["metadata"]["continue"] = fresh.into();
        }
        failure
    }
}
