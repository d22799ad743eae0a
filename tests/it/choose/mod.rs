//! What is asked of a choice beside the update strategy: which images, which version, how old, with which digest.

mod ages;
mod digests;
mod extract;
mod names;
mod set;

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::World;
use crate::world::resource;

/// The bookstore under a constraint, with v1.0.0 configured and live.
fn shop(world: &World, constraint: &str) -> Application {
    let application = Application::named("bookstore").image_list(&format!("web=$REGISTRY/{REPOSITORY}{constraint}"));
    bookstore::running(application, world, Form::Helm, "v1.0.0")
}

/// Puts an Application in place of the bookstore that is there.
fn replace(world: &World, application: Application) {
    world.cluster().delete(resource("applications"), world.namespace(), "bookstore");
    world.application(application);
}

/// The items of a check that succeeds.
fn items(world: &World, words: &[&str]) -> Vec<Value> {
    let report = world.run(&[&["check", "-o", "json", "--explain"], words].concat()).expect(0).json();
    report["items"].as_array().expect("items").clone()
}

/// `[status, reason, candidate tag]` of the only item.
fn verdict(world: &World, words: &[&str]) -> Value {
    let items = items(world, words);
    assert_eq!(items.len(), 1, "{items:?}");
    short(&items[0])
}

fn short(item: &Value) -> Value {
    json!([item["status"], item["reason"], item["candidate"]["tag"]])
}

/// The edits of a plan, `field: from → to`.
fn edits(plan: &Value) -> Vec<String> {
    let changes = plan["changes"].as_array().expect("changes").iter();
    let edits = changes.flat_map(|change| change["edits"].as_array().expect("edits"));
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    edits.map(|edit| format!("{}: {} → {}", text(&edit["at"]), text(&edit["from"]), text(&edit["to"]))).collect()
}
