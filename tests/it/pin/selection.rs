//! Several Applications at once: by names, by label, in all namespaces.

use serde_json::Value;
use serde_json::json;

use super::HOLD;
use super::RECORD;
use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Output;
use crate::world::World;
use crate::world::allow;
use crate::world::on_both;
use crate::world::resource;

on_both!(
    names_are_separated_by_commas,
    labels_select,
    all_namespaces_are_selected,
    flags_are_asked_about,
    what_ran_out_is_let_go,
    what_is_missing_is_said,
);

/// Two Applications of a team with an image `web`, and one with another image.
fn open(backend: Backend) -> World {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    for (name, alias) in [("books", "web"), ("shop", "web"), ("jobs", "job")] {
        let list = format!("{alias}=$REGISTRY/{REPOSITORY}:~1.0");
        let application = Application::named(name).image_list(&list).label("team", "web");
        world.application(bookstore::running(application, &world, Form::Helm, "v1.0.1"));
    }
    let other = Application::named("other").image_list(&format!("web=$REGISTRY/{REPOSITORY}"));
    world.application(bookstore::running(other, &world, Form::Helm, "v1.0.1"));
    world
}

fn hold(world: &World, name: &str) -> Value {
    world.get(name)["metadata"]["annotations"][HOLD].clone()
}

/// Which of the Applications have their image `web` held.
fn held(world: &World) -> Vec<&'static str> {
    ["books", "other", "shop"].into_iter().filter(|name| hold(world, name) == "*").collect()
}

/// Application and outcome of each receipt.
fn outcomes(output: &Output) -> Vec<(String, String)> {
    let report = output.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let receipts = report["receipts"].as_array().unwrap().iter();
    receipts.map(|receipt| (text(&receipt["application"]["name"]), text(&receipt["outcome"]))).collect()
}

fn applied(names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), "Applied".to_owned())).collect()
}

fn names_are_separated_by_commas(backend: Backend) {
    let world = open(backend);
    let shop = format!("{}/shop", world.namespace());
    let output = world.run(&["pin", &format!("{shop},books"), "web=v1.0.0", "-o", "json"]).expect(0);
    assert_eq!(outcomes(&output), applied(&["books", "shop"]));
    assert_eq!(held(&world), ["books", "shop"]);
    assert!(bookstore::configured(&world.get("shop")).contains(&"image.tag=v1.0.0".to_owned()));
    let report = output.json();
    assert_eq!(report["receipts"][1]["pin"]["tag"], "v1.0.0");
    // Whoever is named has to have the image.
    let refused = world.run(&["pin", "books,jobs", "web"]).expect(1);
    assert!(refused.stderr.contains("jobs has no image `web`"), "{refused}");
    world.run(&["pin", "books,nowhere", "web"]).expect(1);
    world.run(&["unpin", "books,shop", "web"]).expect(0);
    assert!(held(&world).is_empty());
}

fn labels_select(backend: Backend) {
    let world = open(backend);
    // Where some have the image, the others are passed over.
    let output = world.run(&["pin", "-l", "team=web", "web", "--yes", "-o", "json"]).expect(0);
    assert_eq!(outcomes(&output), applied(&["books", "shop"]));
    assert_eq!(held(&world), ["books", "shop"]);
    let output = world.run(&["pin", "--all", "web", "job=v1.0.0", "--yes", "-o", "json"]).expect(0);
    let already = |name: &str| (name.to_owned(), "AlreadyApplied".to_owned());
    let expected: Vec<_> = [vec![already("books")], applied(&["jobs", "other"]), vec![already("shop")]].concat();
    assert_eq!(outcomes(&output), expected);
    // Without images, all that are pinned.
    let names = world.run(&["unpin", "-l", "team=web", "--yes", "-o", "name"]).expect(0).stdout;
    let expected = ["books", "jobs", "shop"].map(|name| format!("application.argoproj.io/{name}\n"));
    assert_eq!(names, expected.concat());
    assert_eq!(held(&world), ["other"]);
    // Nothing is left that the labels select; that is no failure.
    let none = world.run(&["unpin", "-l", "team=web", "--yes", "-o", "json"]).expect(0);
    assert_eq!(none.json()["receipts"], json!([]));
    let none = world.run(&["pin", "-l", "team=nobody", "web", "--yes"]).expect(0);
    assert!(none.stderr.contains("no Applications"), "{none}");
    // One that cannot be written leaves the others written.
    world.edit("shop", |object| {
        object["status"]["summary"]["images"] = json!([format!("{}:v2.0.0", world.image(REPOSITORY))]);
    });
    let partly = world.run(&["pin", "-l", "team=web", "web", "--yes"]).expect(3);
    assert!(partly.stderr.contains("shop  web  `web` is configured as v1.0.1, but v2.0.0 is live"), "{partly}");
    assert_eq!(held(&world), ["books", "other"]);
}

fn all_namespaces_are_selected(backend: Backend) {
    let world = World::alone(backend);
    bookstore::publish_versions(&world);
    let other = world.another_namespace("teams");
    world.grant(world.user(), allow("get list patch", "applications").everywhere());
    for namespace in [world.namespace(), &other] {
        let application =
            Application::named("bookstore").image_list(&format!("web=$REGISTRY/{REPOSITORY}")).namespace(namespace);
        world.application(bookstore::running(application, &world, Form::Helm, "v1.0.1"));
    }
    let names = world.run(&["pin", "-A", "web", "--yes", "-o", "name"]).expect(0).stdout;
    let expected = [world.namespace(), &other].map(|name| format!("{name}/bookstore\n"));
    assert_eq!(names, expected.concat());
    let there = world.cluster().get(resource("applications"), &other, "bookstore");
    assert_eq!(there["metadata"]["annotations"][HOLD], "*");
    // As with kubectl, -A wins.
    let names = world.run(&["unpin", "-A", "-n", "x", "--yes", "-o", "name"]).expect(0).stdout;
    assert_eq!(names, expected.concat());
}

fn flags_are_asked_about(backend: Backend) {
    let world = open(backend);
    for words in [&["pin", "-l", "team=web", "web"][..], &["pin", "--all", "web"], &["unpin", "--all"], &["unpin"]] {
        let output = world.run(words).expect(1);
        assert!(output.stderr.contains("--yes") || output.stderr.contains("--all"), "{output}");
    }
    let terminal = world.run_in_terminal(&["pin", "-l", "team=web", "web=v1.0.0"], 100);
    terminal.wait_for("Pin these images?");
    let screen = terminal.screen();
    for name in ["books", "shop"] {
        let line = format!("{}/{name}  web  v1.0.1 → v1.0.0, and is held", world.namespace());
        assert!(screen.contains(&line), "{screen}");
    }
    assert_eq!(terminal.send("n\r").wait_for("nothing was written").screen().matches("error").count(), 0);
    assert_eq!(terminal.finish().code, 5);
    assert!(held(&world).is_empty());
    let terminal = world.run_in_terminal(&["pin", "--all", "web"], 100);
    terminal.wait_for("Pin these images?").send("y\r");
    assert_eq!(terminal.finish().code, 0);
    assert_eq!(held(&world), ["books", "other", "shop"]);
    let terminal = world.run_in_terminal(&["unpin"], 100);
    terminal.wait_for("Let these images move again?").send("y\r");
    assert_eq!(terminal.finish().code, 0);
    assert!(held(&world).is_empty());
    // A dry run writes nothing, so that nobody is asked.
    let dry = world.run(&["pin", "--all", "web", "--dry-run=server", "-o", "json"]).expect(0);
    assert_eq!(outcomes(&dry), applied(&["books", "other", "shop"]));
    assert!(held(&world).is_empty());
}

fn what_ran_out_is_let_go(backend: Backend) {
    let world = open(backend);
    world.run(&["pin", "books", "web", "--until", "1d"]).expect(0);
    world.run(&["pin", "shop", "web", "--until", "9d"]).expect(0);
    world.run(&["pin", "other", "web"]).expect(0);
    let none = world.run(&["unpin", "--all", "--expired", "--yes"]).expect(0);
    assert!(none.stderr.contains("nothing to change"), "{none}");
    world.run(&["unpin", "books", "--expired"]).expect(0);
    assert_eq!(held(&world), ["books", "other", "shop"]);
    world.set_now("2026-11-25T09:00:00Z");
    let output = world.run(&["unpin", "--all", "--expired", "--yes", "-o", "json"]).expect(0);
    assert_eq!(outcomes(&output), applied(&["books"]));
    assert_eq!(held(&world), ["other", "shop"]);
    assert_eq!(world.get("books")["metadata"]["annotations"][RECORD], Value::Null);
}

#[test]
fn a_pin_that_stays_is_reported() {
    let world = open(Backend::Double);
    world.run(&["pin", "books,shop", "web"]).expect(0);
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/shop", world.namespace());
    world.api_double().fault(Fault::kubernetes(403, "Forbidden", "not today").on("PATCH", &path));
    let report = world.run(&["unpin", "books,shop", "web", "-o", "json"]).expect(3).json();
    assert_eq!((&report["receipts"][0]["outcome"], &report["receipts"][0]["pin"]), (&json!("Applied"), &Value::Null));
    let shop = &report["receipts"][1];
    assert_eq!((&shop["outcome"], &shop["pin"]["tag"]), (&json!("Rejected"), &json!("v1.0.1")), "{report}");
    assert_eq!(held(&world), ["shop"]);
}

fn what_is_missing_is_said(backend: Backend) {
    let world = open(backend);
    for (words, said) in [
        (&["pin"][..], "must be told"),
        (&["pin", "books"], "which images"),
        (&["pin", "web=v1.0.0"], "name its Application first"),
        (&["pin", "--all", "--yes"], "which images"),
        (&["pin", "-l", "team=web", "wbe", "--yes"], "did you mean `web`"),
        (&["unpin", "books", "--all", "--yes"], "`books` is an Application"),
        (&["pin", "books", "web", "web=v1.0.0"], "named twice"),
        (&["pin", "books,,shop", "web"], "not the name of an Application"),
        (&["unpin", "books"], "no image of the Application is pinned"),
    ] {
        let output = world.run(words).expect(1);
        assert!(output.stderr.contains(said) && output.stdout.is_empty(), "{words:?}: {output}");
    }
    assert!(world.writes().is_empty());
}
