//! The API double answers requests as a real API server does, so that what a scenario shows on one holds on the other.
//!
//! Each row is what the real server says. It documents the facts that the tool's reactions rest on.

use serde_json::Value;
use serde_json::json;

use crate::world::ADMIN;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Reply;
use crate::world::World;
use crate::world::allow;
use crate::world::on_both;

on_both!(
    applications_are_created_and_listed_in_pages,
    selectors_choose_by_label,
    patches_hold_the_optimistic_lock,
    refused_patches_say_why,
    dry_run_changes_nothing,
    forbidden_names_verb_resource_and_place,
    missing_definitions_are_not_found,
    continue_tokens_expire,
    deletion_waits_for_finalizers,
    the_log_tells_reads_from_writes,
);

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// `STATUS REASON: MESSAGE` of a failure, `STATUS` of anything else.
fn outcome(world: &World, reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if body["kind"] == "Status" && body["status"] == "Failure" {
        let reason = body["reason"].as_str().unwrap_or("-");
        let message = body["message"].as_str().unwrap_or_default();
        return world.redact(&format!("{} {reason}: {message}", reply.status));
    }
    reply.status.to_string()
}

fn collection(world: &World) -> String {
    format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications", world.namespace())
}

fn get(world: &World, path: &str) -> Reply {
    world.cluster().call(ADMIN, "GET", path, (&[], ""))
}

fn patch(world: &World, name: &str, content_type: &str, body: &str) -> Reply {
    let path = format!("{}/{name}", collection(world));
    world.cluster().call(ADMIN, "PATCH", &path, (&[("Content-Type", content_type)], body))
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

fn web() -> Application {
    Application::named("web").label("team", "a").helm(&[("image.tag", "1.0.0")])
}

fn applications_are_created_and_listed_in_pages(backend: Backend) {
    let world = World::new(backend);
    let created = world.application(web());
    assert_eq!(created["metadata"]["generation"], 1);
    assert!(created["metadata"]["uid"].is_string() && created["metadata"]["creationTimestamp"].is_string());
    for name in ["api", "db"] {
        world.application(Application::named(name));
    }

    let first = get(&world, &format!("{}?limit=2", collection(&world))).json();
    assert_eq!(first["kind"], "ApplicationList");
    assert_eq!(first["apiVersion"], "argoproj.io/v1alpha1");
    assert_eq!(names(&first), ["api", "db"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    let token = first["metadata"]["continue"].as_str().unwrap();

    // A list is of one moment: what is created between two pages is not in the second.
    world.application(Application::named("zzz"));
    let second = get(&world, &format!("{}?limit=2&continue={token}", collection(&world))).json();
    assert_eq!(names(&second), ["web"]);
    assert_eq!(second["metadata"]["continue"], "");
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);

    let again = world.cluster().call(
        ADMIN,
        "POST",
        &collection(&world),
        (&[("Content-Type", "application/json")], &web().into_value().to_string()),
    );
    assert_eq!(outcome(&world, &again), r#"409 AlreadyExists: applications.argoproj.io "web" already exists"#);
}

fn selectors_choose_by_label(backend: Backend) {
    let world = World::new(backend);
    for (name, team) in [("api", "a"), ("db", "b"), ("web", "c")] {
        world.application(Application::named(name).label("team", team));
    }
    world.application(Application::named("zoo"));
    let answer = |selector: &str| {
        let reply = get(&world, &format!("{}?labelSelector={selector}", collection(&world)));
        if reply.status == 200 { names(&reply.json()).join(" ") } else { outcome(&world, &reply) }
    };
    for (selector, expected) in [
        ("", "api db web zoo"),
        ("team=a", "api"),
        ("team==a", "api"),
        ("team!=a", "db web zoo"),
        ("team%20in%20(a,b)", "api db"),
        ("team%20notin%20(a,b)", "web zoo"),
        ("team", "api db web"),
        ("!team", "zoo"),
        ("team,team!=b", "api web"),
        ("team=", ""),
        ("team%20in", "400 BadRequest: unable to parse requirement: found '' expected: '('"),
        ("team%20in%20(a", "400 BadRequest: unable to parse requirement: found '', expected: ',' or ')'"),
        ("a==b=c", "400 BadRequest: found '=', expected: ',' or 'end of string'"),
        ("a=b%20c", "400 BadRequest: found 'c', expected: ',' or 'end of string'"),
        ("a%20b", "400 BadRequest: unable to parse requirement: found 'b', expected: '=', '!=', '==', 'in', notin'"),
        (",", "400 BadRequest: found ',', expected: !, identifier, or 'end of string'"),
    ] {
        assert_eq!(answer(selector), expected, "{selector}");
    }
}

fn patches_hold_the_optimistic_lock(backend: Backend) {
    let world = World::new(backend);
    let created = world.application(web());
    let seen = created["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let set_tag = |version: &str, tag: &str| {
        json!([
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
            {"op": "replace", "path": "/spec/source/helm/parameters/0/value", "value": tag},
        ])
        .to_string()
    };
    let changed = patch(&world, "web", JSON_PATCH, &set_tag(&seen, "1.0.1"));
    assert_eq!(changed.status, 200);
    let changed = changed.json();
    assert_eq!(changed["spec"]["source"]["helm"]["parameters"][0]["value"], "1.0.1");
    assert_ne!(changed["metadata"]["resourceVersion"], *seen);
    assert_eq!(changed["metadata"]["generation"], 2);

    let conflict = "409 Conflict: Operation cannot be fulfilled on applications.argoproj.io \"web\": \
                    the object has been modified; please apply your changes to the latest version and try again";
    let stale = patch(&world, "web", JSON_PATCH, &set_tag(&seen, "1.0.2"));
    assert_eq!(outcome(&world, &stale), conflict);
    let stale = patch(&world, "web", MERGE_PATCH, &json!({"metadata": {"resourceVersion": seen}}).to_string());
    assert_eq!(outcome(&world, &stale), conflict);
    assert_eq!(world.get("web")["spec"]["source"]["helm"]["parameters"][0]["value"], "1.0.1");

    // A patch that changes nothing makes no new version, one of the metadata no new generation.
    let before = world.get("web");
    assert_eq!(patch(&world, "web", JSON_PATCH, "[]").json()["metadata"], before["metadata"]);
    let annotated = patch(&world, "web", MERGE_PATCH, r#"{"metadata":{"annotations":{"a":"b"}}}"#).json();
    assert_eq!(annotated["metadata"]["generation"], 2);
    assert_ne!(annotated["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
}

fn refused_patches_say_why(backend: Backend) {
    let world = World::new(backend);
    world.application(web());
    let failed = "422 Invalid: the server rejected our request due to an error in our request";
    let lock = "422 Invalid: applications.argoproj.io \"web\" is invalid: metadata.resourceVersion: \
                Invalid value: 0x0: must be specified for an update";
    let media = "415 UnsupportedMediaType: the body of the request was in an unknown format - accepted media types \
                 include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
    let parameter = "/spec/source/helm/parameters";
    for (content_type, body, expected) in [
        // A failed test cannot be told from an operation on what is not there.
        (JSON_PATCH, json!([{"op": "test", "path": format!("{parameter}/0/value"), "value": "9"}]), failed),
        (JSON_PATCH, json!([{"op": "replace", "path": "/spec/nope/x", "value": "9"}]), failed),
        (JSON_PATCH, json!([{"op": "remove", "path": format!("{parameter}/7")}]), failed),
        (JSON_PATCH, json!([{"op": "add", "path": format!("{parameter}/9"), "value": {}}]), failed),
        (JSON_PATCH, json!([{"op": "frob", "path": "/spec"}]), failed),
        (JSON_PATCH, json!([{"op": "remove", "path": "/metadata/resourceVersion"}]), lock),
        (JSON_PATCH, json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": ""}]), lock),
        (
            JSON_PATCH,
            json!([{"op": "replace", "path": "/metadata/uid", "value": "11111111-1111-1111-1111-111111111111"}]),
            "422 Invalid: Application.argoproj.io \"web\" is invalid: metadata.uid: \
             Invalid value: \"<UID-1>\": field is immutable",
        ),
        (
            JSON_PATCH,
            json!([{"op": "replace", "path": "/metadata/name", "value": "other"}]),
            "400 BadRequest: the name of the object (other) does not match the name on the URL (web)",
        ),
        (
            JSON_PATCH,
            json!([{"op": "replace", "path": "/metadata/namespace", "value": "other"}]),
            "400 BadRequest: the namespace of the object (other) does not match the namespace on the request (<NAMESPACE>)",
        ),
        (
            JSON_PATCH,
            json!([{"op": "remove", "path": "/spec"}]),
            "422 Invalid: Application.argoproj.io \"web\" is invalid: spec: Required value",
        ),
        (
            JSON_PATCH,
            json!([{"op": "replace", "path": "/spec", "value": "text"}]),
            "422 Invalid: Application.argoproj.io \"web\" is invalid: spec: \
             Invalid value: \"string\": spec in body must be of type object: \"string\"",
        ),
        (
            MERGE_PATCH,
            json!({"metadata": {"annotations": {"a".repeat(64): "x"}}}),
            "422 Invalid: Application.argoproj.io \"web\" is invalid: metadata.annotations: \
             Invalid value: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\": \
             name part must be no more than 63 characters",
        ),
        (
            MERGE_PATCH,
            json!({"metadata": {"annotations": {"Bad Key!": "x"}}}),
            "422 Invalid: Application.argoproj.io \"web\" is invalid: metadata.annotations: Invalid value: \"Bad Key!\": \
             name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
             alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
             '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        ),
        (
            JSON_PATCH,
            json!({"not": "a list"}),
            "400 BadRequest: json: cannot unmarshal object into Go value of type jsonpatch.Patch",
        ),
        ("application/strategic-merge-patch+json", json!({}), media),
        ("application/json", json!({}), media),
    ] {
        let reply = patch(&world, "web", content_type, &body.to_string());
        assert_eq!(outcome(&world, &reply), expected, "{content_type} {body}");
    }
    let numeric = json!([{"op": "add", "path": "/metadata/annotations", "value": {"k": 5}}]).to_string();
    assert_eq!(patch(&world, "web", JSON_PATCH, &numeric).status, 422);
    let version = patch(&world, "web", MERGE_PATCH, r#"{"metadata":{"resourceVersion":"abc"}}"#);
    assert_eq!(outcome(&world, &version), r#"500 -: strconv.ParseUint: parsing "abc": invalid syntax"#);
    let absent = patch(&world, "nope", MERGE_PATCH, "{}");
    assert_eq!(outcome(&world, &absent), r#"404 NotFound: applications.argoproj.io "nope" not found"#);
}

fn dry_run_changes_nothing(backend: Backend) {
    let world = World::new(backend);
    world.application(web());
    let before = world.get("web");
    let body = r#"[{"op":"replace","path":"/spec/source/helm/parameters/0/value","value":"2.0.0"}]"#;
    let tried = patch(&world, "web?dryRun=All&fieldManager=someone", JSON_PATCH, body).json();
    assert_eq!(tried["spec"]["source"]["helm"]["parameters"][0]["value"], "2.0.0");
    assert_eq!(tried["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    assert_eq!(world.get("web"), before);

    let managers = |object: &Value| {
        let fields = object["metadata"]["managedFields"].as_array().unwrap().clone();
        fields.iter().map(|entry| entry["manager"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(managers(&patch(&world, "web?fieldManager=someone", JSON_PATCH, body).json()), ["harness", "someone"]);

    let stale = r#"[{"op":"replace","path":"/metadata/resourceVersion","value":"1"}]"#;
    assert_eq!(patch(&world, "web?dryRun=All", JSON_PATCH, stale).status, 409);
    assert_eq!(
        outcome(&world, &patch(&world, "web?dryRun=Some", JSON_PATCH, body)),
        "422 Invalid: PatchOptions.meta.k8s.io \"\" is invalid: dryRun: \
         Unsupported value: []string{\"Some\"}: supported values: \"All\""
    );
}

fn forbidden_names_verb_resource_and_place(backend: Backend) {
    let world = World::new(backend);
    world.application(web());
    let nobody = world.add_user([]);
    let reader = world.add_user([allow("get list", "applications")]);
    let one = world.add_user([allow("get", "applications").named("web")]);
    let deputy = world.add_user([allow("impersonate", "users").everywhere().named(&reader.name)]);
    let web = format!("{}/web", collection(&world));
    let secret = format!("/api/v1/namespaces/{}/secrets/pull", world.namespace());
    let everywhere = "/apis/argoproj.io/v1alpha1/applications";
    let applications = collection(&world);
    let ask = |user: &crate::world::User, method: &str, path: &str| {
        let headers = [("Content-Type", MERGE_PATCH)];
        let body = if method == "PATCH" { "{}" } else { "" };
        outcome(&world, &world.cluster().call(&user.token, method, path, (&headers[..body.len() / 2], body)))
    };
    assert_eq!(
        ask(&nobody, "GET", &applications),
        "403 Forbidden: applications.argoproj.io is forbidden: User \"<USER-2>\" cannot list resource \
         \"applications\" in API group \"argoproj.io\" in the namespace \"<NAMESPACE>\""
    );
    assert_eq!(
        ask(&reader, "GET", everywhere),
        "403 Forbidden: applications.argoproj.io is forbidden: User \"<USER-3>\" cannot list resource \
         \"applications\" in API group \"argoproj.io\" at the cluster scope"
    );
    assert_eq!(
        ask(&reader, "PATCH", &web),
        "403 Forbidden: applications.argoproj.io \"web\" is forbidden: User \"<USER-3>\" cannot patch resource \
         \"applications\" in API group \"argoproj.io\" in the namespace \"<NAMESPACE>\""
    );
    assert_eq!(
        ask(&reader, "GET", &secret),
        "403 Forbidden: secrets \"pull\" is forbidden: User \"<USER-3>\" cannot get resource \
         \"secrets\" in API group \"\" in the namespace \"<NAMESPACE>\""
    );
    assert_eq!(
        ask(&reader, "GET", "/api/v1/nodes"),
        "403 Forbidden: nodes is forbidden: User \"<USER-3>\" cannot list resource \
         \"nodes\" in API group \"\" at the cluster scope"
    );
    assert_eq!(ask(&reader, "GET", &web), "200");
    assert_eq!(ask(&reader, "GET", &applications), "200");
    assert_eq!(ask(&one, "GET", &web), "200");
    assert_eq!(ask(&one, "GET", &applications)[..13], *"403 Forbidden");

    let stranger = world.cluster().call("no-such-token", "GET", &applications, (&[], ""));
    assert_eq!(outcome(&world, &stranger), "401 Unauthorized: Unauthorized");

    let as_reader = |user: &crate::world::User| {
        let headers = [("Impersonate-User", reader.name.as_str())];
        outcome(&world, &world.cluster().call(&user.token, "GET", &applications, (&headers, "")))
    };
    assert_eq!(as_reader(&deputy), "200");
    assert_eq!(
        as_reader(&one),
        "403 Forbidden: users \"<USER-3>\" is forbidden: User \"<USER-4>\" cannot impersonate resource \
         \"users\" in API group \"\" at the cluster scope"
    );
}

fn missing_definitions_are_not_found(backend: Backend) {
    let world = World::alone(backend);
    let path = "/apis/argocd-image-updater.argoproj.io/v1alpha1/imageupdaters";
    assert_eq!(get(&world, path).json()["kind"], "ImageUpdaterList");
    world.uninstall("imageupdaters");
    let reply = get(&world, path);
    assert_eq!((reply.status, reply.text().trim()), (404, "404 page not found"));
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
    // Rules are asked before anybody looks whether there is such a resource.
    let nobody = world.add_user([]);
    assert_eq!(world.cluster().call(&nobody.token, "GET", path, (&[], "")).status, 403);
}

fn continue_tokens_expire(backend: Backend) {
    let world = World::alone(backend);
    for name in ["api", "db", "web"] {
        world.application(Application::named(name));
    }
    let path = "/apis/argoproj.io/v1alpha1/applications?limit=1";
    let first = get(&world, path).json();
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    world.edit("db", |object| object["spec"]["project"] = "other".into());
    world.expire_continue_tokens();
    let expired = get(&world, &format!("{path}&continue={token}"));
    assert_eq!(
        outcome(&world, &expired)[..75],
        *"410 Expired: The provided continue parameter is too old to display a consis"
    );
    // The answer has a token that carries on with the objects of now.
    let fresh = expired.json()["metadata"]["continue"].as_str().unwrap().to_owned();
    assert_eq!(names(&get(&world, &format!("{path}&continue={fresh}")).json()), ["db"]);
    let garbage = get(&world, &format!("{path}&continue=garbage"));
    assert_eq!(outcome(&world, &garbage)[..38], *"400 BadRequest: invalid continue token");
}

fn deletion_waits_for_finalizers(backend: Backend) {
    let world = World::new(backend);
    world.application(web().with(|object| object["metadata"]["finalizers"] = json!(["example.com/wait"])));
    world.application(Application::named("api"));
    for name in ["api", "web"] {
        world.cluster().delete(crate::world::resource("applications"), world.namespace(), name);
    }
    assert!(world.get("web")["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(get(&world, &format!("{}/api", collection(&world))).status, 404);
    world.edit("web", |object| object["metadata"]["finalizers"] = json!([]));
    assert_eq!(get(&world, &format!("{}/web", collection(&world))).status, 404);
}

fn the_log_tells_reads_from_writes(backend: Backend) {
    let world = World::new(backend);
    world.application(web());
    let path = format!("{}/web", collection(&world));
    let ask = |method: &str, path: &str, body: &str| {
        let headers: &[_] = if body.is_empty() { &[] } else { &[("Content-Type", MERGE_PATCH)] };
        world.cluster().call(&world.user().token, method, path, (headers, body)).status
    };
    assert_eq!(ask("GET", &collection(&world), ""), 200);
    assert_eq!(ask("PATCH", &format!("{path}?dryRun=All"), r#"{"spec":{"project":"x"}}"#), 200);
    assert_eq!(ask("DELETE", &path, ""), 403);
    let verbs = |world: &World| world.requests().into_iter().map(|request| request.verb).collect::<Vec<_>>();
    assert_eq!(verbs(&world), ["list", "patch", "delete"]);
    assert!(world.writes().is_empty(), "{:?}", world.writes());
    world.forget();
    assert_eq!(ask("PATCH", &path, r#"{"spec":{"project":"y"}}"#), 200);
    let writes = world.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!((writes[0].verb.as_str(), writes[0].name.as_str(), writes[0].status), ("patch", "web", Some(200)));
    assert_eq!(writes[0].body, Some(json!({"spec": {"project": "y"}})));
    assert_eq!(writes[0].uri, path);
    assert_eq!(world.requests().len(), 1);
}
