//! `tagsortmode`: where somebody wrote down that a registry lists tags in order, the order says which build is the newest,
//! and no image is asked. Cases `gt-10` and `gt-11`. The order of the real registry is its own, so these are with the double.

use serde_json::json;

use super::verdict;
use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Output;
use crate::world::World;

/// Tags `main-b7`, `main-c1` and `main-d0`, listed by name; by date `main-b7` is the last.
fn builds(world: &World, current: &str, allow: &str) {
    bookstore::newest_build(world);
    let application = Application::named("bookstore")
        .image_list(&format!("web=$REGISTRY/{REPOSITORY}"))
        .annotation("web.update-strategy", "newest-build")
        .annotation("web.allow-tags", allow);
    world.application(bookstore::running(application, world, Form::Helm, current));
}

fn check(world: &World, mode: &str, arguments: &[&str]) -> Output {
    let entry = format!("{{name: R, api_url: 'http://$REGISTRY', prefix: '$REGISTRY', tagsortmode: {mode}}}");
    world.file("registries.conf", &format!("registries: [{entry}]\n"));
    world.run(&[&["check", "-o", "json", "--registries-conf", "registries.conf"], arguments].concat())
}

#[test]
fn the_order_of_the_list_says_what_is_newest() {
    let world = World::new(Backend::Double);
    builds(&world, "main-c1", "any");
    for (mode, expected, versions) in [
        ("latest-last", json!(["UpdateAvailable", "NewestMatch", "main-d0"]), 1),
        ("Latest-First", json!(["UpdateAvailable", "NewestMatch", "main-b7"]), 1),
        ("none", json!(["UpdateAvailable", "NewestMatch", "main-b7"]), 2),
    ] {
        let output = check(&world, mode, &[]).expect(0);
        assert_eq!(verdict(&output), expected, "{mode}: {output}");
        assert_eq!(output.json()["items"][0]["behind"]["versions"], versions, "{mode}: {output}");
        let words =
            if mode == "none" { "built last of 3 tags" } else { "the latest of 3 tags in the registry's order" };
        assert_eq!(output.json()["items"][0]["message"], words, "{mode}: {output}");
        // No date is shown that nobody asked for.
        assert_eq!(output.json()["items"][0]["candidate"]["created"].is_null(), mode != "none", "{mode}: {output}");
    }
}

#[test]
fn what_is_older_in_the_list_is_a_downgrade() {
    let world = World::new(Backend::Double);
    // What runs is not allowed any more, but it is in the list.
    builds(&world, "main-d0", "regexp:main-[bc]");
    assert_eq!(verdict(&check(&world, "latest-last", &[])), json!(["Downgrade", "OlderThanCurrent", "main-c1"]));
    assert_eq!(verdict(&check(&world, "latest-first", &[])), json!(["UpdateAvailable", "NewestMatch", "main-b7"]));
}

#[test]
fn no_image_is_asked_unless_a_flag_wants_it() {
    let world = World::new(Backend::Double);
    builds(&world, "main-c1", "any");
    let registry = world.registry().double();
    for (arguments, expected, manifests) in [
        (&[][..], json!(["UpdateAvailable", "NewestMatch", "main-d0"]), false),
        // What runs is not kept waiting.
        (&["--min-age", "1000d"], json!(["UpToDate", "SameTag", "main-c1"]), true),
    ] {
        registry.clear_log();
        assert_eq!(verdict(&check(&world, "latest-last", arguments)), expected, "{arguments:?}");
        let asked = registry.log().iter().any(|exchange| exchange.request.path.contains("/manifests/"));
        assert_eq!(asked, manifests, "{arguments:?}");
    }
}

#[test]
fn a_tag_that_is_gone_from_the_list_has_no_place_in_it() {
    let world = World::new(Backend::Double);
    builds(&world, "main-a0", "any");
    let output = check(&world, "latest-last", &[]).expect(0);
    assert!(output.stdout.contains("current-tag-gone"), "{output}");
    assert_eq!(verdict(&output), json!(["UpdateAvailable", "NewestMatch", "main-d0"]));
}
