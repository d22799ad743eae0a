//! What else has a say over an Application: Image Updater's own resources, owners, deletion, sync policy.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::world::ApiRequest;
use crate::world::Backend;
use crate::world::World;
use crate::world::on_both;
use crate::world::resource;

on_both!(
    an_image_updater_that_rules_needs_force,
    an_image_updater_that_reads_annotations_does_not,
    without_the_definition_there_is_no_ruler,
    a_demanded_signature_stops_the_write,
    owners_are_named,
    what_is_being_deleted_is_left,
    what_does_not_sync_by_itself_is_said,
);

fn open(backend: Backend) -> World {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    world
}

fn image_updater(name: &str, reference: &Value) -> Value {
    json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1", "kind": "ImageUpdater", "metadata": {"name": name},
        "spec": {"applicationRefs": [reference]},
    })
}

fn codes(diagnostics: &Value) -> Vec<&str> {
    diagnostics.as_array().unwrap().iter().map(|found| found["code"].as_str().unwrap()).collect()
}

fn an_image_updater_that_rules_needs_force(backend: Backend) {
    let world = open(backend);
    world.object(image_updater(
        "daemon",
        &json!({"namePattern": "book*", "images": [{"alias": "web", "imageName": "x"}]}),
    ));
    let report = world.run(&["check", "-o", "json"]).expect(0).json();
    assert_eq!(codes(&report["diagnostics"]), ["managed-by-image-updater-cr"]);
    assert_eq!(report["diagnostics"][0]["severity"], "warning");
    assert!(report["diagnostics"][0]["message"].as_str().unwrap().contains("`daemon`"), "{report}");
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    for words in [
        &["apply", "bookstore", "--yes"][..],
        &["apply", "--plan", "plan.json"],
        &["apply", "--all", "--yes", "-o", "json"],
        &["apply", "bookstore", "--dry-run"],
        &["pin", "bookstore", "web"],
    ] {
        let output = world.run(words).expect(1);
        assert_eq!(output.stdout, "");
        assert!(output.stderr.contains("`daemon`") && output.stderr.contains("--force"), "{output}");
    }
    let asked: Vec<_> = world.requests().into_iter().filter(ApiRequest::asks_to_write).collect();
    assert!(asked.is_empty(), "{asked:?}");
    world.run(&["apply", "--plan", "plan.json", "--force"]).expect(0);
    world.deploy("bookstore");
    let pinned = world.run(&["pin", "bookstore", "web", "--force"]).expect(0);
    assert!(pinned.stderr.contains("the hold is not in force"), "{pinned}");
    assert_eq!(world.writes().len(), 2);
}

fn an_image_updater_that_reads_annotations_does_not(backend: Backend) {
    let world = open(backend);
    world.object(image_updater("reader", &json!({"namePattern": "*", "useAnnotations": true})));
    world.object(image_updater("elsewhere", &json!({"namePattern": "web-*"})));
    let labels = json!({"namePattern": "*", "labelSelectors": {"matchLabels": {"team": "b"}}});
    world.object(image_updater("labels", &labels));
    let report = world.run(&["check", "-o", "json"]).expect(0).json();
    assert!(codes(&report["diagnostics"]).is_empty(), "{report}");
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
}

fn without_the_definition_there_is_no_ruler(backend: Backend) {
    let world = World::alone(backend);
    world.uninstall("imageupdaters");
    bookstore::open(&world, Form::Helm);
    assert_eq!(
        world.run(&["check", "-q", "-v"]).expect(0).stderr.lines().filter(|line| line.contains("error")).count(),
        0
    );
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
}

fn a_demanded_signature_stops_the_write(backend: Backend) {
    let world = open(backend);
    let reference =
        json!({"namePattern": "*", "useAnnotations": true, "imagesVerification": {"enabled": true, "cosign": {}}});
    world.object(image_updater("strict", &reference));
    let report = world.run(&["check", "-o", "json"]).expect(3).json();
    let item = &report["items"][0];
    assert_eq!([&item["status"], &item["reason"]], ["Undetermined", "VerificationRequired"]);
    assert_eq!(item["candidate"], Value::Null);
    assert!(item["message"].as_str().unwrap().contains("`strict`"), "{item}");
    let plan = world.run(&["plan", "-o", "json"]).expect(3).json();
    assert_eq!((&plan["complete"], &plan["changes"]), (&json!(false), &json!([])));
    world.run(&["apply", "bookstore", "--yes", "--force"]).expect(3);
    assert!(world.writes().is_empty());
}

fn owners_are_named(backend: Backend) {
    let world = World::new(backend);
    let course = bookstore::semver(&world);
    let namespace = world.namespace().to_owned();
    let owned = |name: &str, change: &dyn Fn(&mut Value)| {
        let application = course.application(&world, Form::Helm).with(|object| {
            object["metadata"]["name"] = name.into();
            change(object);
        });
        world.application(application);
    };
    owned("by-set", &|object| {
        object["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "shops", "controller": true,
            "uid": "6f1c9a52-1f2e-4a57-9d39-5a3f0a1f6f00",
        }]);
    });
    owned("by-parent", &|object| {
        let id = format!("root:argoproj.io/Application:{namespace}/by-parent");
        object["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = id.into();
    });
    owned("by-label", &|object| object["metadata"]["labels"]["app.kubernetes.io/instance"] = "root".into());
    owned("alone", &|_| {});
    let output = world.run(&["plan", "-o", "json"]).expect(0);
    let plan = output.json();
    let of = |name: &str| -> Vec<&Value> {
        plan["diagnostics"].as_array().unwrap().iter().filter(|found| found["application"] == name).collect()
    };
    for (name, words) in [
        ("by-set", &["ApplicationSet `shops`"][..]),
        ("by-parent", &["Application `root`", "manages"]),
        ("by-label", &["Application `root`", "seems"]),
    ] {
        let [found] = of(name)[..] else { panic!("{name}: {output}") };
        assert_eq!(found["code"], "reverted-by-owner");
        for word in words {
            assert!(found["message"].as_str().unwrap().contains(word), "{found}");
        }
        assert!(found["hint"].is_string());
    }
    assert!(of("alone").is_empty());
    assert_eq!(plan["changes"].as_array().unwrap().len(), 4, "they are written all the same");
    let applied = world.run(&["apply", "by-set", "--yes"]).expect(0);
    assert!(applied.stderr.contains("`shops`"), "{applied}");
    world.deploy("by-set");
    let pinned = world.run(&["pin", "by-set", "web"]).expect(0);
    let keys = "argocd-image-updater.argoproj.io/web.ignore-tags, kubectl-image-update/pin.web";
    for word in ["`shops`", "preservedFields.annotations", keys] {
        assert!(pinned.stderr.contains(word), "{pinned}");
    }
    world.deploy("by-parent");
    let pinned = world.run(&["pin", "by-parent", "web"]).expect(0);
    for word in ["`root`", "ignore-tags\":\"*\"", "kubectl-image-update/pin.web"] {
        assert!(pinned.stderr.contains(word), "{pinned}");
    }
}

fn what_is_being_deleted_is_left(backend: Backend) {
    let world = World::new(backend);
    let course = bookstore::semver(&world);
    let application = course.application(&world, Form::Helm).with(|object| {
        object["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
    });
    world.application(application);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    world.cluster().delete(resource("applications"), world.namespace(), "bookstore");
    assert!(world.get("bookstore")["metadata"]["deletionTimestamp"].is_string());
    let plan = world.run(&["plan", "-o", "json"]).expect(0).json();
    assert_eq!((codes(&plan["diagnostics"]), &plan["changes"]), (vec!["being-deleted"], &json!([])));
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    world.run(&["check", "--detailed-exitcode"]).expect(0);
    for words in [&["apply", "--plan", "plan.json"][..], &["pin", "bookstore", "web"]] {
        let output = world.run(words).expect(1);
        assert!(output.stderr.contains("being deleted"), "{output}");
    }
    assert!(world.writes().is_empty());
}

fn what_does_not_sync_by_itself_is_said(backend: Backend) {
    let world = World::new(backend);
    let course = bookstore::semver(&world);
    let with = |name: &str, change: &dyn Fn(&mut Value)| {
        let application = course.application(&world, Form::Helm).with(|object| {
            object["metadata"]["name"] = name.into();
            change(object);
        });
        world.application(application);
    };
    with("auto", &|object| object["spec"]["syncPolicy"] = json!({"automated": {}}));
    with("disabled", &|object| object["spec"]["syncPolicy"] = json!({"automated": {"enabled": false}}));
    with("manual", &|object| object["spec"]["syncPolicy"] = json!({"retry": {"limit": 1}}));
    with("running", &|object| {
        object["spec"]["syncPolicy"] = json!({"automated": {}});
        object["status"]["operationState"] = json!({"phase": "Running"});
    });
    let report = world.run(&["apply", "--all", "--yes", "-o", "json"]).expect(0).json();
    let message = |name: &str| {
        let receipts = report["receipts"].as_array().unwrap().iter();
        let receipt = receipts.into_iter().find(|receipt| receipt["application"]["name"] == name).unwrap();
        receipt["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(message("auto"), "");
    for name in ["disabled", "manual"] {
        assert!(message(name).contains("auto-sync is off"), "{name}: {}", message(name));
    }
    assert!(message("running").contains("a sync is running"), "{}", message("running"));
}
