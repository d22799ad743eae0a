//! The requests as a server sees them, and the answers of a real API server (1.20) as errors.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::cluster::error::Denied;
use crate::cluster::scripted::Answer;
use crate::cluster::scripted::Scripted;
use crate::cluster::scripted::status;
use crate::cluster::scripted::web;

fn key() -> ApplicationKey {
    ApplicationKey { namespace: "argocd".to_owned(), name: "web".to_owned() }
}

fn argocd() -> Scope {
    Scope::Namespace("argocd".to_owned())
}

fn named(name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "argocd"}})
}

fn page(items: &[Value], after: &str) -> Answer {
    Answer::Json(200, json!({"metadata": {"continue": after, "resourceVersion": "9"}, "items": items}))
}

fn expired() -> Answer {
    status(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result.",
        &json!(null),
    )
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let server = Scripted::start([page(&[named("b"), named("c")], "t+1="), page(&[named("a")], "")]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    let applications = cluster.applications(&argocd(), Some("env in (a,b)")).await.unwrap().applications;
    assert_eq!(applications.iter().map(|a| a.key.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let path =
        "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications?&labelSelector=env+in+%28a%2Cb%29&limit=500";
    assert_eq!(server.lines(), [path.to_owned(), format!("{path}&continue=t%2B1%3D")]);
}

#[tokio::test]
async fn a_list_that_expires_is_read_again_in_one_piece() {
    let whole = page(&[named("a"), named("b")], "");
    let server = Scripted::start([page(&[named("a")], "t"), expired(), whole]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    let applications = cluster.applications(&Scope::All, Some("env=prod")).await.unwrap().applications;
    assert_eq!(applications.len(), 2, "the first page is not counted twice");
    let lines = server.lines();
    assert_eq!(lines[2], "GET /apis/argoproj.io/v1alpha1/applications?&labelSelector=env%3Dprod");

    let server = Scripted::start([page(&[named("a")], "t"), expired(), expired()]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    assert_eq!(cluster.applications(&Scope::All, None).await.unwrap_err().kind, ClusterErrorKind::Expired);
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn one_application_is_enough_for_a_hint() {
    let server = Scripted::start([page(&[named("a")], "t"), page(&[], "")]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    assert!(cluster.any_applications("argocd").await.unwrap());
    assert!(!cluster.any_applications("argocd").await.unwrap());
    assert!(server.lines()[0].ends_with("/namespaces/argocd/applications?&limit=1"));
}

#[tokio::test]
async fn a_patch_says_who_wrote_it_and_returns_the_new_object() {
    let server = Scripted::start([Answer::Json(200, web("43")), Answer::Json(200, web("42"))]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    let patch = json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": "42"}]);
    let patched = cluster.patch_application(&key(), &patch, false).await.unwrap();
    assert_eq!(patched.resource_version.as_deref(), Some("43"));
    cluster.patch_application(&key(), &patch, true).await.unwrap();
    let seen = server.seen();
    let line = "PATCH /apis/argoproj.io/v1alpha1/namespaces/argocd/applications/web?fieldManager=kubectl-image-update";
    assert_eq!(seen[0].line, line);
    assert_eq!(seen[1].line, format!("{line}&dryRun=All"));
    assert_eq!(seen[0].headers["content-type"], "application/json-patch+json");
    assert_eq!(seen[0].body, patch);
}

#[tokio::test]
async fn the_login_and_the_impersonated_user_go_with_every_request() {
    let server = Scripted::start([Answer::Json(200, web("42"))]).await;
    let settings = ConnectionSettings {
        token: Some(SecretString::from("s3cret")),
        impersonate: Some("ada".to_owned()),
        impersonate_groups: vec!["devs".to_owned(), "ops".to_owned()],
        impersonate_uid: Some("7".to_owned()),
        namespace: Some("team".to_owned()),
        ..ConnectionSettings::default()
    };
    let cluster = server.cluster(settings).await;
    assert_eq!((cluster.namespace(), cluster.user()), ("team", Some("ada")));
    cluster.application(&key()).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].line, "GET /apis/argoproj.io/v1alpha1/namespaces/argocd/applications/web");
    let headers = &seen[0].headers;
    assert_eq!(headers["authorization"], "Bearer s3cret");
    assert_eq!(headers["impersonate-user"], "ada");
    assert_eq!(headers.get_all("impersonate-group").iter().collect::<Vec<_>>(), ["devs", "ops"]);
    assert_eq!(headers["impersonate-uid"], "7");
    assert!(headers["user-agent"].to_str().unwrap().starts_with("kubectl-image-update/"));
    assert!(!format!("{cluster:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_busy_server_is_asked_again_a_few_times() {
    let busy = |code| status(code, "TooManyRequests", "too many requests", &json!({"retryAfterSeconds": 1}));
    let server = Scripted::start([busy(429), busy(503), Answer::Json(200, web("42"))]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    cluster.application(&key()).await.unwrap();
    assert_eq!(server.lines().len(), 3);

    // A body that does not say so changes nothing.
    let server = Scripted::start([Answer::Json(429, json!({})), Answer::Json(200, web("42"))]).await;
    server.cluster(ConnectionSettings::default()).await.application(&key()).await.unwrap();
    assert_eq!(server.lines().len(), 2);

    let server = Scripted::start([busy(429), busy(429), busy(429), busy(429)]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    assert_eq!(cluster.application(&key()).await.unwrap_err().kind, ClusterErrorKind::Other(429));
    assert_eq!(server.lines().len(), 4);

    // After a 503 nobody knows whether a write was done.
    let server = Scripted::start([busy(429), busy(503)]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    let failed = cluster.patch_application(&key(), &json!([]), false).await.unwrap_err();
    assert_eq!(failed.kind, ClusterErrorKind::Other(503));
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn a_server_that_never_answers_is_named() {
    let server = Scripted::start([Answer::Silence]).await;
    let limit = Some(Duration::from_millis(50));
    let cluster = server.cluster(ConnectionSettings { request_timeout: limit, ..ConnectionSettings::default() }).await;
    let failed = cluster.applications(&argocd(), None).await.unwrap_err();
    assert_eq!(failed.kind, ClusterErrorKind::TimedOut);
    assert_eq!(
        failed.to_string(),
        format!("cannot list Applications in namespace `argocd`: {} did not answer within 50ms", server.url)
    );
    assert!(failed.hint().unwrap().contains("--request-timeout"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    // Bound and let go: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = ConnectionSettings { server: Some(format!("127.0.0.1:{port}")), ..ConnectionSettings::default() };
    let cluster = Cluster::connect(&settings).await.unwrap();
    let failed = cluster.application(&key()).await.unwrap_err();
    assert_eq!(failed.kind, ClusterErrorKind::Unreachable);
    assert_eq!(
        failed.to_string(),
        format!("cannot read Application `argocd/web`: http://127.0.0.1:{port} cannot be reached")
    );
    let cause = std::error::Error::source(&failed).unwrap().to_string();
    assert!(cause.to_lowercase().contains("refused"), "{cause}");
}

#[tokio::test]
async fn names_that_cannot_be_are_answered_without_asking() {
    let server = Scripted::start([]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    let strange = ApplicationKey { namespace: "argocd".to_owned(), name: "../secrets".to_owned() };
    assert_eq!(cluster.application(&strange).await.unwrap_err().kind, ClusterErrorKind::NotFound);
    let nowhere = Scope::Namespace("a/b".to_owned());
    let failed = cluster.applications(&nowhere, None).await.unwrap_err();
    assert_eq!(failed.kind, ClusterErrorKind::Config);
    assert!(failed.to_string().ends_with("`a/b` is not the name of a namespace"), "{failed}");
    assert!(server.lines().is_empty());
}

/// Sends one request that is answered so, and returns the error.
async fn error_of(answer: Answer, verb: &str) -> ClusterError {
    let server = Scripted::start([answer]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    let failed = match verb {
        "list" => cluster.applications(&argocd(), None).await.map(|_| ()),
        "list all" => cluster.applications(&Scope::All, None).await.map(|_| ()),
        "nodes" => cluster.node_platforms().await.map(|_| ()),
        "updaters" => cluster.image_updaters(&argocd()).await.map(|_| ()),
        "get" => cluster.application(&key()).await.map(|_| ()),
        _ => cluster.patch_application(&key(), &json!([]), false).await.map(|_| ()),
    };
    failed.unwrap_err()
}

#[tokio::test]
async fn a_refusal_names_verb_resource_and_namespace() {
    let bob = "User \"bob\" cannot";
    let on = "resource \"applications\" in API group \"argoproj.io\"";
    let details = json!({"group": "argoproj.io", "kind": "applications"});
    for (verb, words, hint) in [
        (
            "list",
            format!("applications.argoproj.io is forbidden: {bob} list {on} in the namespace \"argocd\""),
            "ask for the verb `list` on `applications.argoproj.io` in namespace `argocd`; Argo CD's own RBAC is not enough",
        ),
        (
            "list all",
            format!("applications.argoproj.io is forbidden: {bob} list {on} at the cluster scope"),
            "ask for the verb `list` on `applications.argoproj.io` in the whole cluster; Argo CD's own RBAC is not enough, \
             or select one namespace with `-n`",
        ),
        (
            "patch",
            format!("applications.argoproj.io \"web\" is forbidden: {bob} patch {on} in the namespace \"argocd\""),
            "ask for the verb `patch` on `applications.argoproj.io` in namespace `argocd`; Argo CD's own RBAC is not enough",
        ),
        (
            "nodes",
            format!("nodes is forbidden: {bob} list resource \"nodes\" in API group \"\" at the cluster scope"),
            "ask for the verb `list` on `nodes` in the whole cluster",
        ),
        (
            "get",
            format!(
                "users \"ada\" is forbidden: {bob} impersonate resource \"users\" in API group \"\" at the cluster scope"
            ),
            "`--as` needs the verb `impersonate` on `users`",
        ),
    ] {
        let failed = error_of(status(403, "Forbidden", &words, &details), verb).await;
        assert!(matches!(failed.kind, ClusterErrorKind::Forbidden(_)), "{verb}: {failed:?}");
        assert!(failed.to_string().ends_with(&words), "{failed}");
        assert_eq!(failed.hint(), Some(hint));
        if verb == "patch" {
            let denied = Denied {
                verb: "patch".to_owned(),
                resource: "applications.argoproj.io".to_owned(),
                namespace: Some("argocd".to_owned()),
                name: Some("web".to_owned()),
            };
            assert_eq!(failed.kind, ClusterErrorKind::Forbidden(Box::new(denied)));
        }
    }
}

#[tokio::test]
async fn answers_are_told_apart_by_what_can_be_done() {
    let object = json!({"name": "web", "group": "argoproj.io", "kind": "applications"});
    let changed = "Operation cannot be fulfilled on applications.argoproj.io \"web\": the object has been modified; please \
                   apply your changes to the latest version and try again";
    let rejected = "the server rejected our request due to an error in our request";
    let schema = json!({"name": "web", "causes": [
        {"reason": "FieldValueInvalid", "message": "must be of type string", "field": "spec.project"},
        {"reason": "FieldValueInvalid", "message": "must be of type string", "field": "spec.project"}
    ]});
    let webhook = "admission webhook \"policy.example\" denied the request: no Fridays";
    for (verb, answer, kind, what) in [
        ("get", status(404, "NotFound", "not found", &object), ClusterErrorKind::NotFound, "it does not exist"),
        (
            "list",
            Answer::Text(404, "404 page not found\n"),
            ClusterErrorKind::NoSuchResource,
            "does not serve `applications.argoproj.io`",
        ),
        (
            "list",
            status(401, "Unauthorized", "Unauthorized", &json!(null)),
            ClusterErrorKind::Unauthorized,
            "does not accept the login (401 Unauthorized)",
        ),
        ("patch", status(409, "Conflict", changed, &object), ClusterErrorKind::Conflict, "has been modified"),
        ("patch", status(422, "Invalid", rejected, &json!({})), ClusterErrorKind::Invalid, rejected),
        ("patch", status(422, "Invalid", "is invalid", &schema), ClusterErrorKind::Invalid, "is invalid"),
        ("patch", status(403, "Forbidden", webhook, &object), ClusterErrorKind::Refused, webhook),
        ("patch", status(400, "", webhook, &json!(null)), ClusterErrorKind::Refused, webhook),
        (
            "list",
            status(400, "BadRequest", "unable to parse requirement: x", &json!(null)),
            ClusterErrorKind::Other(400),
            "answered 400: unable",
        ),
        (
            "list",
            status(500, "", "etcdserver: request timed out", &json!(null)),
            ClusterErrorKind::Other(500),
            "answered 500: etcdserver",
        ),
        (
            "list",
            Answer::Text(502, "<html>\n <b>Bad Gateway</b>"),
            ClusterErrorKind::Other(502),
            "answered 502: <html> <b>Bad Gateway</b>",
        ),
        ("patch", Answer::Json(409, json!({})), ClusterErrorKind::Conflict, "Conflict"),
        ("patch", Answer::Json(422, json!({"message": "no"})), ClusterErrorKind::Invalid, "no"),
        ("get", Answer::Json(500, json!({"code": 7})), ClusterErrorKind::Other(500), "answered 500"),
        ("get", Answer::Text(302, ""), ClusterErrorKind::Other(302), "answered 302: Found"),
        ("nodes", Answer::Text(404, ""), ClusterErrorKind::NoSuchResource, "does not serve `nodes`"),
        ("list", Answer::Text(200, "<html>"), ClusterErrorKind::Other(0), "is not the Kubernetes object"),
        ("list", Answer::Json(200, json!({"kind": "Pod"})), ClusterErrorKind::Other(0), "is not the Kubernetes object"),
        ("get", Answer::Json(200, json!([])), ClusterErrorKind::Other(0), "is not the Kubernetes object"),
    ] {
        let failed = error_of(answer, verb).await;
        assert_eq!(failed.kind, kind, "{failed}");
        assert!(failed.to_string().starts_with("cannot ") && failed.to_string().contains(what), "{failed}");
    }
}

/// Simple servers do not name what is missing.
#[tokio::test]
async fn what_is_missing_is_told_from_what_is_not_served() {
    let said = || status(404, "NotFound", "applications.argoproj.io \"web\" not found", &json!(null));
    let nothing = || Answer::Text(404, "404 page not found\n");
    let unnamed = || Answer::Json(404, json!({"message": "the server could not find the requested resource"}));
    let no_list = || status(403, "Forbidden", "no", &json!(null));
    let (absent, unserved) = (ClusterErrorKind::NotFound, ClusterErrorKind::NoSuchResource);
    for (script, kind) in [
        (vec![said(), page(&[named("other")], "")], &absent),
        (vec![nothing(), page(&[], "")], &absent),
        (vec![unnamed(), no_list()], &absent),
        (vec![said(), nothing()], &unserved),
        (vec![nothing(), nothing()], &unserved),
        (vec![unnamed(), unnamed()], &unserved),
    ] {
        let server = Scripted::start(script).await;
        let cluster = server.cluster(ConnectionSettings::default()).await;
        assert_eq!(cluster.application(&key()).await.unwrap_err().kind, *kind);
        let lines = server.lines();
        assert!(lines[1].ends_with("/namespaces/argocd/applications?&limit=1"), "{lines:?}");
    }
    let server = Scripted::start([said(), page(&[], "")]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    assert_eq!(cluster.patch_application(&key(), &json!([]), false).await.unwrap_err().kind, absent);
    // What every API server serves is asked for once.
    let server = Scripted::start([nothing(), nothing()]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    assert_eq!(cluster.secret("argocd", "a").await.unwrap_err().kind, absent);
    assert_eq!(cluster.config_map("argocd", "a").await.unwrap_err().kind, absent);
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn a_namespace_that_is_left_out_is_the_one_that_was_asked_for() {
    let bare = json!({"metadata": {"name": "web"}});
    let answers = [page(&[bare.clone(), json!({"metadata": {}}), named("a")], ""), Answer::Json(200, bare.clone())];
    let server = Scripted::start(answers).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    let listed = cluster.applications(&argocd(), None).await.unwrap();
    let keys: Vec<String> = listed.applications.iter().map(|application| application.key.to_string()).collect();
    assert_eq!(keys, ["argocd/a", "argocd/web"]);
    let what = "object 2 of the Applications in namespace `argocd` cannot be read: it has no `metadata.name`";
    assert_eq!(listed.unreadable, [what]);
    assert_eq!(cluster.application(&key()).await.unwrap().key, key());
    // Of all namespaces it is not known which one is meant.
    let server = Scripted::start([page(&[bare, named("a")], "")]).await;
    let listed = server.cluster(ConnectionSettings::default()).await.applications(&Scope::All, None).await.unwrap();
    assert_eq!(listed.applications.len(), 1);
    let what = "Application `web` in all namespaces cannot be read: it has no `metadata.namespace`";
    assert_eq!(listed.unreadable, [what]);
}

#[tokio::test]
async fn an_object_inside_a_message_is_not_repeated() {
    let words = " \"\" is invalid: patch: Invalid value: \"{\\\"annotations\\\":{\\\"x\\\":\\\"s3cret\\\"}}\": ReadString: \
                 expects \" or n, but found 1, error found in #10 byte of ...|x\":\"s3cret\"|...";
    let cause = json!({"causes": [{"message": words, "field": "patch"}]});
    let failed = error_of(status(422, "Invalid", words, &cause), "patch").await;
    assert!(!format!("{failed:?}").contains("s3cret"), "{failed:?}");
    assert!(failed.to_string().contains("ReadString: expects"), "{failed}");
}

#[tokio::test]
async fn image_updaters_are_none_where_nobody_knows_them() {
    let found = json!({"metadata": {"name": "all", "namespace": "argocd"}, "spec": {"applicationRefs": []}});
    let server = Scripted::start([Answer::Text(404, "404 page not found\n"), page(&[found], "")]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    assert!(cluster.image_updaters(&argocd()).await.unwrap().is_empty());
    assert_eq!(cluster.image_updaters(&argocd()).await.unwrap()[0].name, "all");
    let words = "imageupdaters.argocd-image-updater.argoproj.io is forbidden: User \"bob\" cannot list resource \
                 \"imageupdaters\" in API group \"argocd-image-updater.argoproj.io\" in the namespace \"argocd\"";
    let failed = error_of(status(403, "Forbidden", words, &json!(null)), "updaters").await;
    assert!(matches!(failed.kind, ClusterErrorKind::Forbidden(_)));
    assert_eq!(
        failed.hint(),
        Some("ask for the verb `list` on `imageupdaters.argocd-image-updater.argoproj.io` in namespace `argocd`")
    );
}

#[tokio::test]
async fn node_platforms_are_distinct() {
    let node = |os: &str, architecture: &str| json!({"status": {"nodeInfo": {"operatingSystem": os, "architecture": architecture}}});
    let nodes = [node("linux", "arm64"), node("linux", "amd64"), node("linux", "arm64"), node("", "amd64"), json!({})];
    let server = Scripted::start([page(&nodes, "")]).await;
    let cluster = server.cluster(ConnectionSettings::default()).await;
    let platforms: Vec<String> = cluster.node_platforms().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    assert_eq!(server.lines(), ["GET /api/v1/nodes?&limit=500"]);
}
