//! `kubectl-image-update/extract.<alias>`: the part of each tag that is compared.

use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::choose::edits;
use crate::choose::items;
use crate::choose::replace;
use crate::choose::verdict;
use crate::world::Application;
use crate::world::Backend;
use crate::world::World;
use crate::world::on_both;

on_both!(a_part_of_the_tag_is_compared, a_bad_expression_is_an_error);

const EXTRACT: &str = "kubectl-image-update/extract.web";

fn open(backend: Backend) -> World {
    let world = World::new(backend);
    let at = "2026-11-02T08:00:00Z";
    let tags = ["release-1.9.0", "release-1.10.0", "release-2.0.0-rc1", "1.99.0", "nightly"];
    bookstore::publish(&world, REPOSITORY, &tags.map(|tag| (tag, at)));
    world
}

fn application(world: &World, constraint: &str, pattern: &str) -> Application {
    let list = format!("web=$REGISTRY/{REPOSITORY}{constraint}");
    let application = Application::named("bookstore").image_list(&list).annotation(EXTRACT, pattern);
    bookstore::running(application, world, Form::Helm, "release-1.9.0")
}

fn a_part_of_the_tag_is_compared(backend: Backend) {
    let world = open(backend);
    world.application(application(&world, ":~1", r"release-(\d+\.\d+\.\d+)"));
    assert_eq!(verdict(&world, &[]), json!(["UpdateAvailable", "NewestMatch", "release-1.10.0"]));
    let item = items(&world, &[]).remove(0);
    assert_eq!(item["message"], "newest of 2 tags that satisfy ~1");
    let mut rejected: Vec<String> = item["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| format!("{} {}", found["tag"].as_str().unwrap(), found["reason"].as_str().unwrap()))
        .collect();
    rejected.sort();
    assert_eq!(
        rejected,
        ["1.99.0 NotExtracted", "nightly NotExtracted", "release-1.9.0 Older", "release-2.0.0-rc1 NotExtracted"]
    );
    // The whole tag is what is written.
    let plan = world.run(&["plan", "-o", "json"]).expect(0).json();
    assert_eq!(edits(&plan), ["image.tag: release-1.9.0 → release-1.10.0"]);
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    assert_eq!(verdict(&world, &[])[0], "UpToDate");
    // And an older one is one.
    let older = application(&world, ":<1.9.1", r"release-(?P<version>.*)").with(|object| {
        let parameters = &mut object["spec"]["source"]["helm"]["parameters"];
        parameters[1]["value"] = "release-1.10.0".into();
    });
    replace(&world, older);
    assert_eq!(verdict(&world, &[]), json!(["Downgrade", "OlderThanCurrent", "release-1.9.0"]));
}

fn a_bad_expression_is_an_error(backend: Backend) {
    let world = open(backend);
    world.application(application(&world, "", "(.*)"));
    for (pattern, word) in [
        (r"release-\d+", "has no group"),
        (r"release-(\d+", "is not closed"),
        (r"(?=a)(b)", "cannot look around"),
        (r"((a{1000}){1000})", "repetitions"),
    ] {
        replace(&world, application(&world, "", pattern));
        let report = world.run(&["check", "-o", "json"]).expect(3).json();
        assert_eq!(report["items"][0]["status"], "Invalid", "{report}");
        let found = &report["diagnostics"][0];
        assert_eq!((&found["code"], &found["annotation"]), (&json!("bad-extract"), &json!(EXTRACT)));
        assert!(found["message"].as_str().unwrap().contains(word), "{report}");
        assert!(found["span"]["start"].is_number(), "{report}");
    }
    // A strategy that compares no tags does not read it.
    let unread = application(&world, "", "(.*)").annotation("web.update-strategy", "newest-build");
    replace(&world, unread);
    let report = world.run(&["check", "-o", "json"]).expect(0).json();
    assert_eq!(report["diagnostics"][0]["code"], "extract-not-read", "{report}");
}
