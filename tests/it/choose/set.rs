//! `--set ALIAS=TAG[@DIGEST]`: this version, whatever the strategy says.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::bookstore::configured;
use crate::choose::edits;
use crate::choose::replace;
use crate::choose::shop;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Image;
use crate::world::RegistryAuth;
use crate::world::World;
use crate::world::on_both;

on_both!(
    a_version_by_name_is_written,
    what_does_not_exist_is_not_written,
    a_name_must_mean_one_image,
    what_is_held_stays,
    what_was_left_comes_back,
);

fn open(backend: Backend) -> World {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    world
}

fn a_version_by_name_is_written(backend: Backend) {
    let world = open(backend);
    // Outside of the constraint, ignored, and older than what runs: all the same.
    let application = shop(&world, ":~1.0").annotation("web.ignore-tags", "v2*");
    world.application(bookstore::running(application, &world, Form::Helm, "v1.0.1"));
    let plan = world.run(&["plan", "--set", "web=v2.0.0", "-o", "json"]).expect(0).json();
    assert_eq!(edits(&plan), ["image.tag: v1.0.1 → v2.0.0"]);
    let decision = &plan["decisions"][0];
    assert_eq!((&decision["status"], &decision["reason"]), (&json!("UpdateAvailable"), &json!("Requested")));
    assert_eq!(plan["changes"][0]["images"][0]["because"], "asked for with --set");
    let digest = &plan["changes"][0]["images"][0]["to"]["digest"];
    assert!(digest.as_str().unwrap().starts_with("sha256:"), "the digest behind it is a precondition");

    let older = world.run(&["apply", "bookstore", "--yes", "--set", "web=v1.0.0", "-o", "json"]).expect(0);
    assert_eq!(older.json()["receipts"][0]["outcome"], "Applied", "{older}");
    assert!(configured(&world.get("bookstore")).contains(&"image.tag=v1.0.0".to_owned()));
    // There already: nothing to do.
    let again = world.run(&["plan", "--set", "bookstore/web=v1.0.0", "-o", "json"]).expect(0).json();
    assert_eq!((edits(&again), &again["decisions"][0]["status"]), (Vec::new(), &json!("UpToDate")));

    let digest = Image::built("2026-11-20T08:00:00Z").content("v2.0.0").digest();
    let set = format!("web=v2.0.0@{digest}");
    let plan = world.run(&["plan", "--set", &set, "-o", "json"]).expect(0).json();
    assert_eq!(edits(&plan), [format!("image.tag: v1.0.0 → v2.0.0@{digest}")]);
}

fn what_does_not_exist_is_not_written(backend: Backend) {
    let world = open(backend);
    world.application(shop(&world, ":~1.0"));
    let other = Image::built("2026-11-20T08:00:00Z").content("other").digest();
    let right = Image::built("2026-11-02T08:00:00Z").content("v1.0.1").digest();
    let moved = format!("web=v1.0.1@{other}");
    for (set, words) in [
        ("web=v1.0.2", &["has no tag `v1.0.2`", "`v1.0.1`"][..]),
        ("web=stable", &["has no tag `stable`", "`v1.0.1` would be chosen"]),
        (moved.as_str(), &["v1.0.1 is", &right, &other]),
        ("web=a b", &["`a b` is not a tag"]),
        ("web=v1\u{1b}[2J", &["`v1\\u{1b}[2J` is not a tag"]),
        ("web=", &["`` is not a tag"]),
        ("web", &["names no alias and version"]),
        ("web=v1.0.1@sha256:short", &["is not a digest"]),
    ] {
        for command in [&["plan"][..], &["apply", "bookstore", "--yes"]] {
            let output = world.run(&[command, &["--set", set]].concat()).expect(1);
            assert_eq!(output.stdout, "", "{output}");
            for word in words {
                assert!(output.stderr.contains(word), "{word}: {output}");
            }
        }
    }
    assert!(world.writes().is_empty());
    // Whoever says two things says nothing.
    let output = world.run(&["plan", "--set", "web=v1.0.1", "--set", "web=v2.0.0"]).expect(1);
    assert!(output.stderr.contains("cannot be both v1.0.1 and v2.0.0"), "{output}");
    world.run(&["plan", "--set", "web=v1.0.1", "--set", "web=v1.0.1"]).expect(0);
    // A saved plan is what it is.
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    for flags in [&["--set", "web=v2.0.0"][..], &["--alias", "web"], &["--min-age", "1d"], &["--pin-digest", "always"]]
    {
        let output = world.run(&[&["apply", "--plan", "plan.json"], flags].concat()).expect(1);
        assert!(output.stderr.contains("--plan decides nothing anew"), "{output}");
    }
    assert!(world.writes().is_empty());
}

/// A registry that does not answer is no registry without the tag.
#[test]
fn what_cannot_be_looked_up_is_not_written() {
    let world = World::new(Backend::Double);
    bookstore::publish_versions(&world);
    world.application(shop(&world, ":~1.0"));
    world.registry().double().fault(Fault::status(403).at("/v2/acme/bookstore/manifests/v1.0.1"));
    let output = world.run(&["apply", "bookstore", "--yes", "--set", "web=v1.0.1"]).expect(1);
    assert!(output.stderr.contains("--set: ") && output.stderr.contains("v1.0.1"), "{output}");
    assert!(world.writes().is_empty());
    // One that shows nothing to a stranger says so.
    let world = World::with(Backend::Double, RegistryAuth::Basic);
    bookstore::publish_versions(&world);
    world.application(shop(&world, ":~1.0"));
    world.run(&["plan", "--set", "web=v1.0.1"]).expect(1);
}

fn a_name_must_mean_one_image(backend: Backend) {
    let world = open(backend);
    for name in ["one", "two"] {
        let application = Application::named(name).image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"));
        world.application(bookstore::running(application, &world, Form::Helm, "v1.0.0"));
    }
    let output = world.run(&["plan", "--set", "web=v1.0.1"]).expect(1);
    assert!(output.stderr.contains("`web` means 2 images") && output.stderr.contains("one/web, two/web"), "{output}");
    let plan = world.run(&["plan", "--set", "one/web=v2.0.0", "-o", "json"]).expect(0).json();
    assert_eq!(edits(&plan), ["image.tag: v1.0.0 → v2.0.0", "image.tag: v1.0.0 → v1.0.1"], "others go on as ever");
    let full = format!("{}/two/web=v2.0.0", world.namespace());
    let plan = world.run(&["plan", "--set", &full, "--set", "one/web=v1.0.0", "-o", "json"]).expect(0).json();
    assert_eq!(edits(&plan), ["image.tag: v1.0.0 → v2.0.0"]);
    let output = world.run(&["plan", "one", "--set", "wbe=v1.0.1"]).expect(1);
    assert!(output.stderr.contains("did you mean `web`?"), "{output}");
    world.run(&["plan", "one", "--set", "web=v1.0.1"]).expect(0);
    // An entry without an alias goes by its image.
    let bare = Application::named("bare").image_list(&format!("$REGISTRY/{REPOSITORY}:~1.0"));
    world.application(bookstore::running(bare, &world, Form::Helm, "v1.0.0"));
    let set = format!("{}=v2.0.0", world.image(REPOSITORY));
    let plan = world.run(&["plan", "bare", "--set", &set, "-o", "json"]).expect(0).json();
    assert_eq!(edits(&plan), ["image.tag: v1.0.0 → v2.0.0"]);
}

fn what_is_held_stays(backend: Backend) {
    let world = open(backend);
    world.application(shop(&world, ":~1.0"));
    world.run(&["pin", "bookstore", "web"]).expect(0);
    world.forget();
    let output = world.run(&["apply", "bookstore", "--yes", "--set", "web=v1.0.1"]).expect(1);
    for word in ["pinned at v1.0.0", "`kubectl image-update pin`", "`unpin`"] {
        assert!(output.stderr.contains(word), "{output}");
    }
    assert!(world.writes().is_empty());
    world.run(&["unpin", "bookstore", "web"]).expect(0);
    world.run(&["plan", "--set", "web=v1.0.1"]).expect(0);
    // Held by hand, or by the annotations being what they are.
    for (key, value, word) in
        [("web.ignore-tags", "*", "ignore-tags"), ("web.update-strategy", "sometimes", "is not an update strategy")]
    {
        replace(&world, shop(&world, ":~1.0").annotation(key, value));
        let output = world.run(&["plan", "--set", "web=v1.0.1"]).expect(1);
        assert!(output.stderr.contains(word), "{output}");
    }
}

fn what_was_left_comes_back(backend: Backend) {
    let world = open(backend);
    let source = |tag: &str| {
        let image = world.image(REPOSITORY);
        json!({"repoURL": "https://example.com/deploy.git", "path": "app", "targetRevision": "main",
            "helm": {"parameters": [{"name": "image.name", "value": image}, {"name": "image.tag", "value": tag}]}})
    };
    let entry = |id: usize, tag: &str| json!({"id": id, "revision": "r", "deployedAt": format!("2026-11-0{id}T08:00:00Z"), "source": source(tag)});
    let history: Vec<Value> = [(1, "v1.0.0"), (2, "v1.0.1"), (3, "v1.0.0")].map(|(id, tag)| entry(id, tag)).into();
    let application = shop(&world, ":~1.0").with(|object| object["status"]["history"] = history.clone().into());
    world.application(application);
    let held = world.run(&["plan", "-o", "json"]).expect(0).json();
    assert_eq!((&held["decisions"][0]["status"], edits(&held).len()), (&json!("RolledBack"), 0), "{held}");
    let plan = world.run(&["plan", "--set", "web=v1.0.1", "-o", "json"]).expect(0).json();
    assert_eq!(edits(&plan), ["image.tag: v1.0.0 → v1.0.1"]);
}

/// A tag that the registry lists is there, also where its manifest cannot be had: only what it stands for is not known.
#[test]
fn a_tag_that_is_only_listed_is_written_without_its_digest() {
    let world = World::new(Backend::Double);
    bookstore::publish_versions(&world);
    world.application(shop(&world, ":~1.0"));
    world.registry().double().push_dangling("acme/bookstore", "v1.0.7");
    let output = world.run(&["plan", "--set", "web=v1.0.7", "-o", "json"]).expect(0);
    assert_eq!(output.json()["decisions"][0]["candidate"]["tag"], "v1.0.7", "{output}");
    assert!(output.stdout.contains("digest-unknown"), "{output}");
    for flags in [&["--pin-digest", "always"][..], &["--check-platforms"]] {
        let output = world.run(&[&["plan", "--set", "web=v1.0.7"], flags].concat()).expect(1);
        assert!(output.stderr.contains("v1.0.7 is listed, but its manifest is not there"), "{flags:?}: {output}");
    }
    let output = world.run(&["plan", "--set", "web=v1.0.8"]).expect(1);
    assert!(output.stderr.contains("has no tag `v1.0.8`"), "{output}");
}
