//! `--alias`, and how many changes are too many.

use serde_json::json;

use crate::bookstore;
use crate::bookstore::REPOSITORY;
use crate::choose::edits;
use crate::choose::items;
use crate::world::Application;
use crate::world::Backend;
use crate::world::World;
use crate::world::on_both;

on_both!(
    only_named_images_are_looked_at,
    an_alias_that_nobody_has_is_an_error,
    what_is_left_out_still_is_in_the_way,
    a_seat_belt_holds_before_anything_is_written,
);

/// One Application with two images, and one with one of them.
fn open(backend: Backend) -> World {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    bookstore::publish(&world, "acme/api", &[("v1.0.0", "2026-10-01T08:00:00Z"), ("v1.0.2", "2026-10-02T08:00:00Z")]);
    let list = format!("web=$REGISTRY/{REPOSITORY}:~1.0,api=$REGISTRY/acme/api:~1.0");
    let (web, api) = (world.image(REPOSITORY), world.image("acme/api"));
    let both = Application::named("both")
        .image_list(&list)
        .annotation("api.helm.image-name", "api.image")
        .annotation("api.helm.image-tag", "api.tag")
        .helm(&[("image.name", &web), ("image.tag", "v1.0.0"), ("api.image", &api), ("api.tag", "v1.0.0")])
        .images(&[&format!("{web}:v1.0.0"), &format!("{api}:v1.0.0")]);
    world.application(both);
    let one = Application::named("one").image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"));
    world.application(bookstore::running(one, &world, bookstore::Form::Helm, "v1.0.0"));
    world
}

fn only_named_images_are_looked_at(backend: Backend) {
    let world = open(backend);
    let of = |words: &[&str]| -> Vec<String> {
        let name = |item: &serde_json::Value| {
            format!("{}/{}", item["application"].as_str().unwrap(), item["alias"].as_str().unwrap())
        };
        items(&world, words).iter().map(name).collect()
    };
    assert_eq!(of(&[]), ["both/web", "both/api", "one/web"]);
    assert_eq!(of(&["--alias", "web"]), ["both/web", "one/web"]);
    assert_eq!(of(&["both", "--alias", "api"]), ["both/api"]);
    assert_eq!(of(&["--alias", "api", "--alias", "web"]).len(), 3);
    let plan = world.run(&["plan", "--alias", "api", "-o", "json"]).expect(0).json();
    assert_eq!(edits(&plan), ["api.tag: v1.0.0 → v1.0.2"]);
    assert_eq!(plan["decisions"].as_array().unwrap().len(), 1);
    world.run(&["apply", "--all", "--yes", "--alias", "api"]).expect(0);
    let parameters = world.get("both")["spec"]["source"]["helm"]["parameters"].clone();
    assert_eq!((&parameters[1]["value"], &parameters[3]["value"]), (&json!("v1.0.0"), &json!("v1.0.2")));
    if !world.is_real() {
        world.registry().double().clear_log();
        world.run(&["check", "--alias", "api"]).expect(0);
        let log = world.registry().double().log();
        assert!(log.iter().all(|exchange| !exchange.request.path.contains(REPOSITORY)), "others are not asked about");
        assert!(!log.is_empty());
    }
}

fn an_alias_that_nobody_has_is_an_error(backend: Backend) {
    let world = open(backend);
    for (words, hints) in [
        (&["check", "--alias", "wbe"][..], &["`wbe`", "did you mean `web`?"][..]),
        (&["plan", "--alias", "web", "--alias", "database"], &["`database`", "api, web"]),
        (&["apply", "one", "--yes", "--alias", "api"], &["`api`", "web"]),
        (&["check", "--alias", "w\u{202e}b"], &["w\\u{202e}b"]),
    ] {
        let output = world.run(words).expect(1);
        assert_eq!(output.stdout, "");
        for hint in hints {
            assert!(output.stderr.contains(hint), "{hint}: {output}");
        }
    }
    // Where nothing is selected, that is what is said.
    let output = world.run(&["check", "-l", "no=such", "--alias", "web"]).expect(0);
    assert!(output.stderr.contains("no Applications"), "{output}");
    assert!(world.writes().is_empty());
}

fn what_is_left_out_still_is_in_the_way(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    bookstore::publish(&world, "acme/api", &[("v1.0.0", "2026-10-01T08:00:00Z")]);
    // Both set the default parameters.
    let list = format!("web=$REGISTRY/{REPOSITORY}:~1.0,api=$REGISTRY/acme/api:~1.0");
    let application = Application::named("both").image_list(&list);
    world.application(bookstore::running(application, &world, bookstore::Form::Helm, "v1.0.0"));
    let report = world.run(&["check", "--alias", "web", "-o", "json"]).expect(3).json();
    assert_eq!(report["items"].as_array().unwrap().len(), 1);
    assert_eq!(report["items"][0]["reason"], "ConflictingTargets", "{report}");
    assert_eq!(report["summary"]["diagnostics"]["error"], 1, "{report}");
}

fn a_seat_belt_holds_before_anything_is_written(backend: Backend) {
    let world = open(backend);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    for words in [
        &["apply", "--all", "--yes", "--max-changes", "1"][..],
        &["apply", "--plan", "plan.json", "--max-changes=1", "-o", "json"],
        &["apply", "--all", "--dry-run", "--max-changes", "0"],
        &["plan", "--max-changes", "1", "--out", "other.json"],
    ] {
        let output = world.run(words).expect(1);
        assert_eq!(output.stdout, "", "{output}");
        assert!(output.stderr.contains("2 changes would be written, and --max-changes allows"), "{output}");
    }
    assert!(!world.work().join("other.json").exists());
    assert!(world.writes().is_empty());
    world.run(&["apply", "--plan", "plan.json", "--max-changes", "2"]).expect(0);
    world.run(&["apply", "--all", "--yes", "--max-changes", "0"]).expect(0);
}
