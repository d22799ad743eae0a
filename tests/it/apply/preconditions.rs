//! Every precondition of a plan for an Application, violated in turn: exit 4, named, and nothing is written. `plan
//! --plan` says the same.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::ApiRequest;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Image;
use crate::world::World;
use crate::world::on_both;
use crate::world::resource;

on_both!(what_does_not_hold_stops_the_plan, what_does_not_matter_does_not);

/// What somebody does meanwhile.
type Meanwhile = fn(&World);

fn planned(backend: Backend) -> World {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    world
}

fn annotate(world: &World, key: &str, value: &str) {
    world.edit("bookstore", |object| {
        object["metadata"]["annotations"][format!("argocd-image-updater.argoproj.io/{key}")] = value.into();
    });
}

fn parameter(world: &World, change: fn(&mut Vec<Value>)) {
    world.edit("bookstore", |object| {
        change(object["spec"]["source"]["helm"]["parameters"].as_array_mut().unwrap());
    });
}

/// What does not hold any more, what happened, and what is said of it.
const VIOLATIONS: [(&str, Meanwhile, &[&str]); 13] = [
    (
        "uid",
        |world| {
            let mut again = world.get("bookstore");
            world.cluster().delete(resource("applications"), world.namespace(), "bookstore");
            let metadata = again["metadata"].as_object_mut().unwrap();
            metadata.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "annotations"));
            world.application(again);
        },
        &["made again"],
    ),
    (
        "gone",
        |world| world.cluster().delete(resource("applications"), world.namespace(), "bookstore"),
        &["does not exist"],
    ),
    ("old value", |world| parameter(world, |all| all[1]["value"] = "v0.9.0".into()), &["`v0.9.0`", "`v1.0.0`"]),
    ("old value, gone", |world| parameter(world, |all| drop(all.remove(1))), &["not set", "`v1.0.0`"]),
    (
        "digest",
        |world| world.publish(REPOSITORY, "v1.0.1", &Image::built("2026-11-22T08:00:00Z").content("moved")),
        &["v1.0.1 is sha256:", "and was sha256:"],
    ),
    (
        "parameter",
        |world| annotate(world, "web.helm.image-tag", "web.tag"),
        &["`image.tag` is not where its images are"],
    ),
    ("method", |world| annotate(world, "write-back-method", "git"), &["written to git now"]),
    ("method, unknown", |world| annotate(world, "write-back-method", "ftp"), &["not clear any more"]),
    ("image", |world| annotate(world, "image-list", "web=example.com/other:~1"), &["no `web` of", REPOSITORY]),
    (
        "list",
        |world| {
            world.edit("bookstore", |object| {
                object["metadata"]["annotations"] = json!({"a": "b"});
            });
        },
        &["no image list"],
    ),
    (
        "source",
        |world| {
            world.edit("bookstore", |object| {
                let source = object["spec"].as_object_mut().unwrap().shift_remove("source");
                object["spec"]["sources"] = json!([source]);
            });
        },
        &["several sources now"],
    ),
    (
        "hydrator",
        |world| {
            world.edit("bookstore", |object| {
                let dry = json!({"repoURL": "https://example.com/x.git", "path": "x", "targetRevision": "main"});
                object["spec"]["sourceHydrator"] =
                    json!({"drySource": dry, "syncSource": {"targetBranch": "b", "path": "x"}});
            });
        },
        &["hydrator"],
    ),
    (
        "pin",
        |world| {
            world.run(&["pin", "bookstore", "web"]).expect(0);
        },
        &["`web` is pinned at v1.0.0"],
    ),
];

fn what_does_not_hold_stops_the_plan(backend: Backend) {
    for (name, meanwhile, words) in VIOLATIONS {
        let world = planned(backend);
        meanwhile(&world);
        world.forget();
        let applied = world.run(&["apply", "--plan", "plan.json", "-o", "json"]).expect(4);
        let report = applied.json();
        assert_eq!(report["receipts"][0]["outcome"], "Stale", "{name}: {applied}");
        let reviewed = world.run(&["plan", "--plan", "plan.json", "-o", "json"]).expect(4);
        assert_eq!(reviewed.json()["changes"][0]["status"], "Stale", "{name}: {reviewed}");
        assert_eq!(reviewed.json()["changes"][0]["message"], report["receipts"][0]["message"], "{name}");
        for word in words {
            let message = report["receipts"][0]["message"].as_str().unwrap();
            assert!(message.contains(word), "{name}: `{word}` is not in: {message}");
        }
        let asked: Vec<_> = world.requests().into_iter().filter(ApiRequest::asks_to_write).collect();
        assert!(asked.is_empty(), "{name}: {asked:?}");
    }
}

/// A plan decides nothing anew: what only a decision depends on may be anything.
fn what_does_not_matter_does_not(backend: Backend) {
    let cases: [(&str, Meanwhile); 5] = [
        ("constraint", |world| annotate(world, "image-list", &format!("web={}:~7", world.image(REPOSITORY)))),
        ("strategy", |world| annotate(world, "web.update-strategy", "never-heard-of")),
        ("newer", |world| bookstore::publish(world, REPOSITORY, &[("v1.0.9", "2026-11-22T08:00:00Z")])),
        ("live", |world| world.edit("bookstore", |object| object["status"]["summary"]["images"] = json!([]))),
        ("label", |world| world.edit("bookstore", |object| object["metadata"]["labels"]["a"] = "b".into())),
    ];
    for (name, meanwhile) in cases {
        let world = planned(backend);
        meanwhile(&world);
        let reviewed = world.run(&["plan", "--plan", "plan.json", "-o", "json"]).expect(0);
        assert_eq!(reviewed.json()["changes"][0]["status"], "Fits", "{name}: {reviewed}");
        world.run(&["apply", "--plan", "plan.json"]).expect(0);
    }
}

/// A tag that is gone is no tag that could not be asked for.
#[test]
fn a_tag_that_is_gone_stops_the_plan() {
    for code in ["MANIFEST_UNKNOWN", "NAME_UNKNOWN"] {
        let world = planned(Backend::Double);
        world.forget();
        let body = json!({"errors": [{"code": code, "message": "gone"}]}).to_string();
        let path = format!("/v2/{REPOSITORY}/manifests/v1.0.1");
        world.registry().double().fault(Fault::status(404).body(body).at(&path));
        let applied = world.run(&["apply", "--plan", "plan.json", "-o", "json"]).expect(4);
        let report = applied.json();
        assert_eq!(report["receipts"][0]["outcome"], "Stale", "{code}: {applied}");
        let message = report["receipts"][0]["message"].as_str().unwrap();
        assert!(message.contains("v1.0.1 is gone, and was sha256:"), "{code}: {message}");
        let reviewed = world.run(&["plan", "--plan", "plan.json", "-o", "json"]).expect(4);
        assert_eq!(reviewed.json()["changes"][0]["status"], "Stale", "{code}: {reviewed}");
        assert!(world.writes().is_empty());
    }
}

/// An API server that keeps neither identities nor versions, and does not name what is missing.
#[test]
fn a_simple_server_will_do() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/bookstore", world.namespace());
    for field in ["uid", "resourceVersion", "namespace"] {
        let object = world.get("bookstore");
        let mut lacking = object.clone();
        lacking["metadata"].as_object_mut().unwrap().remove(field);
        world.forget();
        world.api_double().fault(Fault::garbage(lacking.to_string()).on("GET", &path));
        world.run(&["plan", "bookstore", "--out", "plan.json"]).expect(0);
        let output = world.run(&["apply", "--plan", "plan.json", "-o", "json"]).expect(0);
        assert_eq!(output.json()["receipts"][0]["outcome"], "Applied", "{field}: {output}");
        assert_eq!(world.writes().len(), 1, "{field}");
        world.api_double().heal();
        world.edit("bookstore", |found| found["spec"] = object["spec"].clone());
    }
    let unnamed = Fault::kubernetes(404, "NotFound", "applications.argoproj.io \"bookstore\" not found");
    world.run(&["plan", "bookstore", "--out", "plan.json"]).expect(0);
    world.forget();
    world.api_double().fault(unnamed.on("GET", &path));
    let output = world.run(&["apply", "--plan", "plan.json", "-o", "json"]).expect(4);
    assert_eq!(output.json()["receipts"][0]["outcome"], "Stale", "{output}");
    assert!(world.writes().is_empty());
}
