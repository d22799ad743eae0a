//! Somebody writes between our read and our write: the server refuses, and we look again.

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::bookstore::configured;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Gate;
use crate::world::Image;
use crate::world::Output;
use crate::world::RegistryAuth;
use crate::world::RegistryDouble;
use crate::world::World;
use crate::world::on_both;

on_both!(a_race_with_an_unrelated_edit_is_won, a_race_with_a_related_edit_is_lost);

/// Applies while somebody else edits, after our read and before our write.
///
/// The gate is at the registry, which is asked between the two: is the tag still what it was?
fn race(world: &World, edit: impl FnMut(&mut serde_json::Value)) -> Output {
    let registry = RegistryDouble::start(RegistryAuth::None);
    for (tag, built) in [("v1.0.0", "2026-10-01T08:00:00Z"), ("v1.0.1", "2026-11-02T08:00:00Z")] {
        registry.push(REPOSITORY, tag, &Image::built(built));
    }
    let image = format!("{}/{REPOSITORY}", registry.host());
    let application = Application::named("bookstore")
        .image_list(&format!("web={image}:~1.0"))
        .helm(&[("image.name", &image), ("image.tag", "v1.0.0")])
        .images(&[&format!("{image}:v1.0.0")]);
    world.application(application);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    let gate = Gate::new();
    registry.fault(Fault::wait(&gate).at(&format!("/v2/{REPOSITORY}/manifests/v1.0.1")));
    let running = world.spawn(&["apply", "--plan", "plan.json", "-o", "json"]);
    gate.wait_for_arrival();
    world.edit("bookstore", edit);
    gate.open();
    running.wait()
}

fn patches(world: &World) -> Vec<u16> {
    let patches = world.requests().into_iter().filter(|request| request.verb == "patch");
    patches.map(|request| request.status.unwrap()).collect()
}

fn a_race_with_an_unrelated_edit_is_won(backend: Backend) {
    let world = World::new(backend);
    let output = race(&world, |object| {
        object["metadata"]["labels"]["meanwhile"] = "yes".into();
        let parameters = object["spec"]["source"]["helm"]["parameters"].as_array_mut().unwrap();
        parameters.insert(0, serde_json::json!({"name": "meanwhile", "value": "yes"}));
    });
    let output = output.expect(0);
    assert_eq!(output.json()["receipts"][0]["outcome"], "Applied", "{output}");
    assert_eq!(patches(&world), [409, 200]);
    let written = world.get("bookstore");
    let values = configured(&written);
    assert!(values[0] == "meanwhile=yes" && values[2] == "image.tag=v1.0.1", "{values:?}");
    assert_eq!(written["metadata"]["labels"]["meanwhile"], "yes");
}

fn a_race_with_a_related_edit_is_lost(backend: Backend) {
    let world = World::new(backend);
    let output = race(&world, |object| {
        object["spec"]["source"]["helm"]["parameters"][1]["value"] = "v1.0.7".into();
    });
    let output = output.expect(4);
    let receipt = &output.json()["receipts"][0];
    assert_eq!(receipt["outcome"], "Stale", "{output}");
    let message = receipt["message"].as_str().unwrap();
    assert!(message.contains("v1.0.7") && message.contains("v1.0.0"), "{message}");
    assert_eq!(patches(&world), [409]);
    assert!(configured(&world.get("bookstore")).contains(&"image.tag=v1.0.7".to_owned()));
}

fn conflict() -> Fault {
    Fault::kubernetes(409, "Conflict", "Operation cannot be fulfilled: the object has been modified")
}

#[test]
fn conflicts_are_healed_a_few_times() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/bookstore", world.namespace());
    world.api_double().fault(conflict().on("PATCH", &path).times(3));
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    assert!(configured(&world.get("bookstore")).contains(&"image.tag=v1.0.1".to_owned()));
}

#[test]
fn conflicts_without_end_are_reported() {
    let world = World::new(Backend::Double);
    let course = bookstore::semver(&world);
    for name in ["bookstore", "other"] {
        let application = course.application(&world, Form::Helm);
        world.application(application.with(|object| object["metadata"]["name"] = name.into()));
    }
    let collection = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications", world.namespace());
    world.api_double().fault(conflict().on("PATCH", &format!("{collection}/bookstore")));
    let output = world.run(&["apply", "--all", "--yes", "-o", "json"]).expect(3);
    let receipts = &output.json()["receipts"];
    assert_eq!((&receipts[0]["outcome"], &receipts[1]["outcome"]), (&"Failed".into(), &"Applied".into()), "{output}");
    assert!(receipts[0]["message"].as_str().unwrap().contains("modified"), "{output}");
    let tries = world.api_double().log().into_iter().filter(|exchange| exchange.request.method == "PATCH");
    assert_eq!(tries.filter(|exchange| exchange.request.path.ends_with("/bookstore")).count(), 5);
}

/// An admission webhook says no: its words, no second try, and the others go on.
#[test]
fn a_policy_that_says_no_is_quoted() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/bookstore", world.namespace());
    let words = "admission webhook \"freeze.example.com\" denied the request: no changes\u{1b}[2J before Christmas";
    world.api_double().fault(Fault::kubernetes(400, "BadRequest", words).on("PATCH", &path));
    let output = world.run(&["apply", "bookstore", "--yes"]).expect(1);
    assert_eq!(output.stdout, "");
    for word in ["Rejected", "freeze.example.com", "before Christmas"] {
        assert!(output.stderr.contains(word), "{output}");
    }
    assert!(!output.stderr.contains('\u{1b}'), "{output}");
    let patches = world.api_double().log().into_iter().filter(|exchange| exchange.request.method == "PATCH");
    assert_eq!(patches.count(), 1, "a no is a no");
}

/// The path of the one Application.
fn path(world: &World) -> String {
    format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/bookstore", world.namespace())
}

/// The server does not tell a patch that it does not accept from one that no longer fits.
#[test]
fn what_is_not_accepted_is_looked_at_again() {
    let invalid = || Fault::kubernetes(422, "Invalid", "spec.project: Invalid value: no such project");
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    world.api_double().fault(invalid().on("PATCH", &path(&world)).times(2));
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    assert_eq!(patches(&world), [422, 422, 200]);

    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    world.api_double().fault(invalid().on("PATCH", &path(&world)));
    let output = world.run(&["apply", "bookstore", "--yes"]).expect(1);
    assert!(output.stderr.contains("Rejected") && output.stderr.contains("no such project"), "{output}");
    assert_eq!(patches(&world), [422; 5]);

    let world = World::new(Backend::Double);
    world.api_double().fault(invalid().on("PATCH", &path(&world)));
    let output = race(&world, |object| {
        object["spec"]["source"]["helm"]["parameters"][1]["value"] = "v1.0.7".into();
    });
    let output = output.expect(4);
    assert_eq!(output.json()["receipts"][0]["outcome"], "Stale", "{output}");
    assert_eq!(patches(&world), [422]);
}

/// The server wrote, and its answer broke off or said nothing: what is there now tells.
#[test]
fn a_write_whose_answer_is_lost_is_found() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    world.api_double().fault(Fault::truncate().on("PATCH", &path(&world)));
    let output = world.run(&["apply", "bookstore", "--yes", "-o", "json"]).expect(0);
    let receipt = &output.json()["receipts"][0];
    assert_eq!(receipt["outcome"], "Applied", "{output}");
    assert_eq!(receipt["at"]["resourceVersion"], world.get("bookstore")["metadata"]["resourceVersion"], "{output}");

    for fault in [Fault::garbage("{}"), Fault::kubernetes(500, "InternalError", "etcd is away"), Fault::close()] {
        let world = World::new(Backend::Double);
        bookstore::open(&world, Form::Helm);
        world.api_double().fault(fault.on("PATCH", &path(&world)));
        let output = world.run(&["apply", "bookstore", "--yes"]).expect(1);
        assert!(output.stderr.contains("bookstore  Failed"), "{output}");
        assert!(configured(&world.get("bookstore")).contains(&"image.tag=v1.0.0".to_owned()));
    }
}

/// The server answers our write with nothing: whether it was written is not known, and is found out.
#[test]
fn an_answer_that_never_comes_is_no_success() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/bookstore", world.namespace());
    world.api_double().fault(Fault::close().on("PATCH", &path));
    let output = world.run(&["apply", "bookstore", "--yes"]).expect(1);
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains("bookstore  Failed"), "{output}");
}
