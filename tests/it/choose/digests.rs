//! `--pin-digest` and `kubectl-image-update/pin-digest.<alias>`: `tag@digest` is written, wherever images are.

use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::bookstore::configured;
use crate::choose::edits;
use crate::choose::replace;
use crate::choose::shop;
use crate::choose::verdict;
use crate::git::Shop;
use crate::git::VALUES;
use crate::git::outcomes;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Image;
use crate::world::World;
use crate::world::on_both;

on_both!(
    a_digest_is_written_with_its_tag,
    a_digest_that_is_there_is_kept_up,
    a_tag_that_moved_is_an_update,
    a_moved_tag_waits_until_it_is_old_enough,
    every_place_takes_a_digest,
);

const NEW: &str = "2026-11-02T08:00:00Z";

fn digest(tag: &str) -> String {
    Image::built(NEW).content(tag).digest()
}

fn open(backend: Backend) -> World {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    world
}

fn a_digest_is_written_with_its_tag(backend: Backend) {
    let d = digest("v1.0.1");
    for form in [Form::Helm, Form::Kustomize] {
        let world = open(backend);
        let application = Application::named("bookstore").image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"));
        world.application(bookstore::running(application, &world, form, "v1.0.0"));
        for never in [&[][..], &["--pin-digest", "never"], &["--pin-digest=if-present"]] {
            let plan = world.run(&[&["plan", "-o", "json"], never].concat()).expect(0).json();
            assert!(edits(&plan)[0].ends_with("v1.0.1"), "{plan}");
        }
        let people = world.run(&["plan", "--pin-digest", "always"]).expect(0);
        assert!(people.stdout.contains(&format!("v1.0.0 → v1.0.1@{}", &d[..19])), "{people}");
        world.run(&["apply", "bookstore", "--yes", "--pin-digest", "always"]).expect(0);
        let written = configured(&world.get("bookstore")).join(" ");
        assert!(written.contains(&format!("v1.0.1@{d}")), "{written}");
        // With the flag or without, there is nothing left to do.
        for words in [&[][..], &["--pin-digest", "always"], &["--pin-digest", "if-present"]] {
            assert_eq!(verdict(&world, words)[0], "UpToDate", "{words:?}");
            let plan = world.run(&[&["plan", "-o", "json"], words].concat()).expect(0).json();
            assert_eq!(edits(&plan), [""; 0]);
        }
        world.deploy("bookstore");
        assert_eq!(verdict(&world, &["--pin-digest", "always"]), json!(["UpToDate", "SameDigest", "v1.0.1"]));
    }
    let world = open(backend);
    world.application(shop(&world, ":~1.0"));
    let output = world.run(&["plan", "--pin-digest", "sometimes"]).expect(1);
    assert!(output.stderr.contains("if-present"), "{output}");
}

fn a_digest_that_is_there_is_kept_up(backend: Backend) {
    let world = open(backend);
    let old = Image::built("2026-10-01T08:00:00Z").content("v1.0.0").digest();
    let application = |key: &str, value: &str| {
        let list = format!("web=$REGISTRY/{REPOSITORY}:~1.0");
        let application = Application::named("bookstore").image_list(&list).annotation(key, value);
        bookstore::running(application, &world, Form::Helm, &format!("v1.0.0@{old}"))
    };
    let annotation = "kubectl-image-update/pin-digest.web";
    world.application(application(annotation, "if-present"));
    let plan = world.run(&["plan", "-o", "json"]).expect(0).json();
    let d = digest("v1.0.1");
    assert_eq!(edits(&plan), [format!("image.tag: v1.0.0@{old} → v1.0.1@{d}")]);
    assert_eq!(plan["changes"][0]["images"][0]["to"], json!({"tag": "v1.0.1", "digest": d}));
    let plan = world.run(&["plan", "--pin-digest", "never", "-o", "json"]).expect(0).json();
    assert_eq!(edits(&plan), [format!("image.tag: v1.0.0@{old} → v1.0.1")]);
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    assert_eq!(verdict(&world, &[]), json!(["UpToDate", "SameDigest", "v1.0.1"]));
    // A value that means nothing means nothing is done.
    replace(&world, application(annotation, "alwyas"));
    let report = world.run(&["check", "-o", "json"]).expect(3).json();
    assert_eq!(report["items"][0]["status"], "Invalid");
    assert_eq!(report["diagnostics"][0]["code"], "bad-pin-digest");
    assert!(report["diagnostics"][0]["hint"].as_str().unwrap().contains("did you mean `always`?"), "{report}");
}

fn a_tag_that_moved_is_an_update(backend: Backend) {
    let world = open(backend);
    world.application(shop(&world, ":~1.0"));
    world.run(&["apply", "bookstore", "--yes", "--pin-digest", "always"]).expect(0);
    let before = digest("v1.0.1");
    let moved = Image::built("2026-11-21T08:00:00Z").content("rebuilt");
    world.publish(REPOSITORY, "v1.0.1", &moved);
    assert_eq!(verdict(&world, &[])[0], "UpToDate", "the tag is what the strategy goes by");
    assert_eq!(verdict(&world, &["--pin-digest", "if-present"]), json!(["UpdateAvailable", "DigestMoved", "v1.0.1"]));
    let plan = world.run(&["plan", "--pin-digest", "always", "-o", "json"]).expect(0).json();
    assert_eq!(edits(&plan), [format!("image.tag: v1.0.1@{before} → v1.0.1@{}", moved.digest())]);
}

/// Otherwise whoever moves a tag would be written at once.
fn a_moved_tag_waits_until_it_is_old_enough(backend: Backend) {
    let world = open(backend);
    world.application(shop(&world, ":~1.0"));
    world.run(&["apply", "bookstore", "--yes", "--pin-digest", "always"]).expect(0);
    let moved = Image::built("2026-11-21T08:00:00Z").content("rebuilt");
    world.publish(REPOSITORY, "v1.0.1", &moved);
    let wanted = &["--pin-digest", "always", "--min-age"];
    assert_eq!(verdict(&world, &[&wanted[..], &["7d"]].concat()), json!(["UpToDate", "SameDigest", "v1.0.1"]));
    assert_eq!(verdict(&world, &[&wanted[..], &["1h"]].concat()), json!(["UpdateAvailable", "DigestMoved", "v1.0.1"]));
}

/// Helm parameters and Kustomize entries are above; these are the files.
fn every_place_takes_a_digest(backend: Backend) {
    let d = digest("v1.0.1");
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let override_file = shop.application("override", "apps/override").helm(&[("image.tag", "v1.0.0")]);
    shop.world.application(override_file);
    let kustomize = shop.application("kustom", "apps/kustom").annotation("write-back-target", "kustomization");
    shop.world.application(kustomize.source_type("Kustomize"));
    let spec = shop.application("spec", "apps/spec").helm(&[]).annotation("write-back-target", "helmvalues");
    shop.world.application(spec.annotation("web.helm.image-spec", "image"));
    let image = format!("$REGISTRY/{REPOSITORY}");
    shop.commit(&[
        ("apps/override/Chart.yaml", "name: override\n"),
        ("apps/kustom/kustomization.yaml", &format!("images:\n- name: {image}\n  newTag: v1.0.0\n")),
        ("apps/spec/Chart.yaml", "name: spec\n"),
        ("apps/spec/values.yaml", &format!("image: {image}:v1.0.0 # spec\n")),
    ]);
    let applied = shop.apply(&["--pin-digest", "always"]).expect(0);
    assert_eq!(outcomes(&applied).len(), 4, "{applied}");
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", &format!("v1.0.1@{d}")));
    let text = |path: &str| shop.text("main", path);
    assert_eq!(text("apps/spec/values.yaml"), format!("image: {image}:v1.0.1@{d} # spec\n"));
    let overriding = text("apps/override/.argocd-source-override.yaml");
    assert!(overriding.contains(&format!("v1.0.1@{d}")), "{overriding}");
    let kustomization = text("apps/kustom/kustomization.yaml");
    assert!(kustomization.contains(&d), "{kustomization}");
    // Nothing is left to do, for whoever pins digests and for whoever does not.
    let head = shop.repository.head("main");
    for words in [&["--pin-digest", "always"][..], &[]] {
        assert_eq!(outcomes(&shop.apply(words).expect(0)), [], "{words:?}");
    }
    assert_eq!(shop.repository.head("main"), head);
}

/// A digest that cannot be had is not left out.
#[test]
fn without_the_digest_nothing_is_written() {
    let world = World::new(Backend::Double);
    bookstore::publish_versions(&world);
    world.application(shop(&world, ":~1.0"));
    world.registry().double().fault(Fault::status(403).at("/v2/acme/bookstore/manifests/v1.0.1"));
    let report = world.run(&["check", "--pin-digest", "always", "-o", "json"]).expect(3).json();
    assert_eq!([&report["items"][0]["status"], &report["items"][0]["reason"]], ["Undetermined", "RegistryDenied"]);
    world.run(&["apply", "bookstore", "--yes", "--pin-digest", "always"]).expect(3);
    assert!(world.writes().is_empty());
}
