//! `pin` and `unpin`: a version, a hold, and the record of both; and back.

mod daemon;
mod history;
mod hold;
mod refusals;
mod selection;
mod unpin;
mod updater;
mod wait;

use serde_json::Value;

use crate::bookstore;
use crate::bookstore::Form;
use crate::world::World;

/// What a running Image Updater obeys.
const HOLD: &str = "argocd-image-updater.argoproj.io/web.ignore-tags";
/// What is recorded.
const RECORD: &str = "kubectl-image-update/pin.web";

/// The value of an annotation; null if it is not there.
fn annotation(world: &World, key: &str) -> Value {
    world.get("bookstore")["metadata"]["annotations"][key].clone()
}

/// The record of the pin of `web`.
fn record(world: &World) -> Value {
    serde_json::from_str(annotation(world, RECORD).as_str().expect("a record")).unwrap()
}

/// The only item of a check.
fn checked(world: &World) -> Value {
    let report = world.run(&["check", "-o", "json"]).expect(0).json();
    assert_eq!(report["items"].as_array().unwrap().len(), 1, "{report}");
    report["items"][0].clone()
}

/// `[status, reason, candidate tag]`
fn verdict(item: &Value) -> Value {
    serde_json::json!([item["status"], item["reason"], item["candidate"]["tag"]])
}

/// Whether the Application sets this version of the bookstore.
fn sets(world: &World, version: &str) -> bool {
    bookstore::configured(&world.get("bookstore")).iter().any(|text| text.ends_with(version))
}

/// The bookstore, with v1.0.1 running.
fn at_v1_0_1(world: &World, form: Form) {
    bookstore::publish_versions(world);
    let image = format!("web=$REGISTRY/{}:~1.0", bookstore::REPOSITORY);
    let application = crate::world::Application::named("bookstore").image_list(&image);
    world.application(bookstore::running(application, world, form, "v1.0.1"));
}
