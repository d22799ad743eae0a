//! `unpin` puts back what was there, to the letter, and keeps what somebody else changed meanwhile.

use serde_json::Value;
use serde_json::json;

use super::HOLD;
use super::RECORD;
use super::annotation;
use super::at_v1_0_1;
use super::checked;
use super::record;
use super::sets;
use super::verdict;
use crate::bookstore;
use crate::bookstore::Form;
use crate::world::Backend;
use crate::world::World;
use crate::world::on_both;

on_both!(
    annotations_are_restored_exactly,
    the_version_is_restored_if_asked,
    what_was_edited_meanwhile_is_kept,
    a_new_plan_respects_a_new_pin,
    a_report_says_that_nothing_is_left,
);

fn annotations_are_restored_exactly(backend: Backend) {
    for before in [None, Some("nightly*"), Some(" *-rc , x "), Some("")] {
        let world = World::new(backend);
        at_v1_0_1(&world, Form::Helm);
        if let Some(before) = before {
            world.edit("bookstore", |object| object["metadata"]["annotations"][HOLD] = before.into());
        }
        let annotations = world.get("bookstore")["metadata"]["annotations"].clone();
        world.run(&["pin", "bookstore", "web=v1.0.0"]).expect(0);
        assert_eq!(annotation(&world, HOLD), "*");
        world.deploy("bookstore");
        world.forget();
        world.run(&["unpin", "bookstore", "web"]).expect(0);
        assert_eq!(world.get("bookstore")["metadata"]["annotations"], annotations, "{before:?}");
        assert!(sets(&world, "v1.0.0"), "the version stays");
        assert_eq!(world.writes().len(), 1);
        assert_eq!(verdict(&checked(&world))[0], "UpdateAvailable");
    }
}

fn the_version_is_restored_if_asked(backend: Backend) {
    for form in [Form::Helm, Form::Kustomize] {
        let world = World::new(backend);
        at_v1_0_1(&world, form);
        let spec = world.get("bookstore")["spec"].clone();
        world.run(&["pin", "bookstore", "web=v1.0.0"]).expect(0);
        world.deploy("bookstore");
        let output = world.run(&["unpin", "bookstore", "web", "--restore-version"]).expect(0);
        assert!(sets(&world, "v1.0.1"), "{output}");
        let mut restored = world.get("bookstore")["spec"].clone();
        // Whether a value is a string is written from now on.
        if form == Form::Helm {
            let parameter = &mut restored["source"]["helm"]["parameters"][1];
            assert_eq!(parameter.as_object_mut().unwrap().shift_remove("forceString"), Some(true.into()));
        }
        assert_eq!(restored, spec);
    }
}

fn what_was_edited_meanwhile_is_kept(backend: Backend) {
    let world = World::new(backend);
    at_v1_0_1(&world, Form::Helm);
    world.edit("bookstore", |object| object["metadata"]["annotations"][HOLD] = "before".into());
    world.run(&["pin", "bookstore", "web=v1.0.0"]).expect(0);
    world.edit("bookstore", |object| {
        object["metadata"]["annotations"][HOLD] = "theirs".into();
        object["spec"]["source"]["helm"]["parameters"][1]["value"] = "v2.0.0".into();
    });
    let output = world.run(&["unpin", "bookstore", "web", "--restore-version"]).expect(0);
    assert_eq!((annotation(&world, HOLD), annotation(&world, RECORD)), (json!("theirs"), Value::Null));
    assert!(sets(&world, "v2.0.0"), "somebody's version is not taken away");
    for word in [HOLD, "version", "kept"] {
        assert!(output.stderr.contains(word), "{output}");
    }
}

fn a_new_plan_respects_a_new_pin(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    world.run(&["plan", "--detailed-exitcode"]).expect(2);
    world.run(&["pin", "bookstore", "web", "--reason", "freeze"]).expect(0);
    let again = world.run(&["plan", "-o", "json"]).expect(0).json();
    assert_eq!(again["changes"], json!([]));
    assert_eq!(again["decisions"][0]["status"], "Pinned");
    assert_eq!(record(&world)["reason"], "freeze");
}

fn a_report_says_that_nothing_is_left(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    world.run(&["pin", "bookstore", "web"]).expect(0);
    let report = world.run(&["unpin", "bookstore", "web", "-o", "json"]).expect(0).json();
    assert_eq!((&report["kind"], &report["dryRun"]), (&json!("PinReport"), &json!("none")));
    let receipt = &report["receipts"][0];
    assert_eq!((&receipt["outcome"], &receipt["pin"]), (&json!("Applied"), &Value::Null));
    assert_eq!(receipt["at"]["resourceVersion"], world.get("bookstore")["metadata"]["resourceVersion"]);
}
