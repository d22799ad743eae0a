//! `--min-age` and `kubectl-image-update/min-age.<alias>`: only tags that are old enough, by push or by build date.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::choose::items;
use crate::choose::replace;
use crate::choose::shop;
use crate::choose::verdict;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Dialect;
use crate::world::Fault;
use crate::world::Image;
use crate::world::Internet;
use crate::world::ROBOT;
use crate::world::World;
use crate::world::on_both;

on_both!(the_newest_that_is_old_enough_wins, an_unknown_age_is_no_age, every_strategy_waits, a_bad_age_is_an_error,);

/// v1.0.0 is from October, v1.0.1 twenty days old, v2.0.0 two.
fn open(backend: Backend) -> World {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    world
}

fn the_newest_that_is_old_enough_wins(backend: Backend) {
    let world = open(backend);
    world.application(shop(&world, ":>=1"));
    for (words, expected) in [
        (&[][..], json!(["UpdateAvailable", "NewestMatch", "v2.0.0"])),
        (&["--min-age", "0"], json!(["UpdateAvailable", "NewestMatch", "v2.0.0"])),
        (&["--min-age=36h"], json!(["UpdateAvailable", "NewestMatch", "v2.0.0"])),
        (&["--min-age", "7d"], json!(["UpdateAvailable", "NewestMatch", "v1.0.1"])),
        (&["--min-age", "2w5d"], json!(["UpdateAvailable", "NewestMatch", "v1.0.1"])),
        // What is there already is not kept waiting, however old it has to be.
        (&["--min-age", "3w"], json!(["UpToDate", "SameTag", "v1.0.0"])),
        (&["--min-age", "500w"], json!(["UpToDate", "SameTag", "v1.0.0"])),
    ] {
        assert_eq!(verdict(&world, words), expected, "{words:?}");
    }
    let item = items(&world, &["--min-age", "7d"]).remove(0);
    assert_eq!(item["message"], "newest of 2 tags that satisfy >=1; 1 newer one is younger than 7d");
    assert_eq!(
        item["rejected"],
        json!([{"tag": "v1.0.0", "reason": "Older"}, {"tag": "v2.0.0", "reason": "TooYoung"}])
    );
    let people = world.run(&["check", "--explain", "--min-age", "7d"]).expect(0);
    assert!(people.stdout.contains("v2.0.0") && people.stdout.contains("TooYoung"), "{people}");

    // By annotation; the flag says it for this run.
    replace(&world, shop(&world, ":>=1").annotation("kubectl-image-update/min-age.web", "1w"));
    assert_eq!(verdict(&world, &[])[2], "v1.0.1");
    assert_eq!(verdict(&world, &["--min-age", "0s"])[2], "v2.0.0");
    let plan = world.run(&["plan", "-o", "json"]).expect(0).json();
    assert_eq!(plan["changes"][0]["images"][0]["to"]["tag"], "v1.0.1");

    // Nothing is current among the tags, and all are too young.
    replace(&world, shop(&world, ":~2"));
    let item = items(&world, &["--min-age", "7d"]).remove(0);
    assert_eq!([&item["status"], &item["reason"]], ["NoCandidate", "TooYoung"], "{item}");
    assert_eq!(item["message"], "none of 3 tags will do for ~2: 2 outside the constraint, 1 too young");
}

fn an_unknown_age_is_no_age(backend: Backend) {
    let world = open(backend);
    world.publish(REPOSITORY, "v3.0.0", &Image::undated());
    // Made up, as reproducible builds do.
    world.publish(REPOSITORY, "v4.0.0", &Image::built("1970-01-01T00:00:01Z").content("v4"));
    world.application(shop(&world, ":>=1"));
    let item = items(&world, &["--min-age", "1h"]).remove(0);
    assert_eq!(item["candidate"]["tag"], "v2.0.0", "{item}");
    let unknown: Vec<&Value> =
        item["rejected"].as_array().unwrap().iter().filter(|found| found["reason"] == "UnknownAge").collect();
    assert_eq!(
        unknown,
        [&json!({"tag": "v3.0.0", "reason": "UnknownAge"}), &json!({"tag": "v4.0.0", "reason": "UnknownAge"})]
    );
    assert!(item["message"].as_str().unwrap().ends_with("; 2 newer ones are of unknown age"), "{item}");
    replace(&world, shop(&world, ":~3"));
    let item = items(&world, &["--min-age", "1h"]).remove(0);
    assert_eq!([&item["status"], &item["reason"]], ["NoCandidate", "UnknownAge"], "{item}");
}

fn every_strategy_waits(backend: Backend) {
    let world = World::new(backend);
    let course = bookstore::newest_build(&world);
    world.application(course.application(&world, Form::Helm));
    // c1 runs; d0 is of the second of November, b7 of the twentieth.
    assert_eq!(verdict(&world, &["--min-age", "1d"]), json!(["UpdateAvailable", "NewestMatch", "main-b7"]));
    assert_eq!(verdict(&world, &["--min-age", "7d"]), json!(["UpdateAvailable", "NewestMatch", "main-d0"]));
    assert_eq!(verdict(&world, &["--min-age", "90d"]), json!(["UpToDate", "SameTag", "main-c1"]));

    let world = World::new(backend);
    let course = bookstore::alphabetical(&world);
    world.application(course.application(&world, Form::Helm));
    assert_eq!(verdict(&world, &["--min-age", "7d"]), json!(["UpdateAvailable", "NewestMatch", "2026-11-02"]));
    assert_eq!(verdict(&world, &["--min-age", "30d"]), json!(["UpToDate", "SameTag", "2026-10-01"]));

    let world = World::new(backend);
    let course = bookstore::digest(&world);
    world.application(course.application(&world, Form::Helm));
    assert_eq!(verdict(&world, &["--min-age", "1d"]), json!(["UpdateAvailable", "DigestMoved", "stable"]));
    assert_eq!(verdict(&world, &["--min-age", "7d"]), json!(["NoCandidate", "TooYoung", null]));
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    assert_eq!(verdict(&world, &["--min-age", "7d"]), json!(["UpToDate", "SameDigest", "stable"]));
}

fn a_bad_age_is_an_error(backend: Backend) {
    let world = open(backend);
    world.application(shop(&world, ":>=1"));
    for text in ["soon", "-1d", "", "1mo"] {
        let output = world.run(&["check", &format!("--min-age={text}")]).expect(1);
        assert!(output.stderr.contains("is not a duration"), "{output}");
    }
    for text in ["soon", "-1d", "1mo"] {
        replace(&world, shop(&world, ":>=1").annotation("kubectl-image-update/min-age.web", text));
        let report = world.run(&["check", "-o", "json"]).expect(3).json();
        assert_eq!([&report["items"][0]["status"], &report["items"][0]["reason"]], ["Invalid", "BadValue"]);
        assert_eq!(report["diagnostics"][0]["code"], "bad-min-age", "{report}");
    }
    for (key, code) in
        [("min-age.wbe", "unknown-alias"), ("min-agee.web", "unknown-annotation"), ("min-age", "unknown-annotation")]
    {
        replace(&world, shop(&world, ":>=1").annotation(&format!("kubectl-image-update/{key}"), "7d"));
        let report = world.run(&["check", "-o", "json"]).expect(0).json();
        assert_eq!(report["diagnostics"][0]["code"], code, "{report}");
    }
}

/// Only the tags that would win are asked, and only until one is old enough.
#[test]
fn no_more_tags_are_asked_than_it_takes() {
    let world = World::new(Backend::Double);
    for minor in 0..40 {
        let built = format!("2026-{:02}-{:02}T08:00:00Z", 1 + minor / 4, 1 + minor % 28);
        bookstore::publish(&world, REPOSITORY, &[(&format!("v1.{minor}.0"), &built)]);
    }
    bookstore::publish(&world, REPOSITORY, &[("v1.40.0", "2026-11-20T08:00:00Z"), ("v1.41.0", "2026-11-21T08:00:00Z")]);
    world.application(bookstore::running(
        Application::named("bookstore").image_list(&format!("web=$REGISTRY/{REPOSITORY}")),
        &world,
        Form::Helm,
        "v1.0.0",
    ));
    world.registry().double().clear_log();
    assert_eq!(verdict(&world, &["--min-age", "7d", "--no-cache"])[2], "v1.39.0");
    let log = world.registry().double().log();
    let of = |what: &str| log.iter().filter(|exchange| exchange.request.path.contains(what)).count();
    assert_eq!((of("/tags/list"), of("/manifests/"), of("/blobs/")), (1, 3, 3));
    // What could not be had is not taken for young or old.
    world.registry().double().fault(Fault::status(403).at("/v2/acme/bookstore/manifests/v1.41.0"));
    let report = world.run(&["check", "-o", "json", "--min-age", "7d", "--no-cache"]).expect(3).json();
    assert_eq!(report["items"][0]["status"], "Undetermined", "{report}");
    assert_eq!(report["items"][0]["reason"], "RegistryDenied", "{report}");
}

/// Without a fixed clock the registry's own counts, and never that of this machine.
#[test]
fn the_registry_says_what_time_it_is() {
    let world = World::new(Backend::Double);
    bookstore::publish_versions(&world);
    world.application(shop(&world, ":>=1"));
    for (date, expected) in [
        ("Tue, 24 Nov 2026 08:00:00 GMT", "v1.0.1"),
        ("Fri, 27 Nov 2026 09:00:00 GMT", "v2.0.0"),
        // The time now in the year 2000: everything is from the future.
        ("Sat, 01 Jan 2000 08:00:00 GMT", "v1.0.0"),
    ] {
        world.registry().double().heal();
        world.registry().double().fault(Fault::with_header("Date", date).times(1000));
        let output = world.run_with(&["check", "-o", "json", "--min-age", "7d", "--no-cache"], |invocation| {
            invocation.env_remove("KUBECTL_IMAGE_UPDATE_NOW");
        });
        assert_eq!(output.expect(0).json()["items"][0]["candidate"]["tag"], expected, "{date}");
    }
}

/// A registry that tells when tags were pushed is believed before the image, which can say anything.
#[test]
fn a_push_counts_before_a_build() {
    for dialect in [Dialect::DockerHub, Dialect::Quay, Dialect::Azure, Dialect::Google, Dialect::Harbor] {
        let world = World::new(Backend::Double);
        let internet = Internet::start();
        let site = internet.open(dialect);
        for (tag, built) in
            [("v1.0.0", "2026-09-01T08:00:00Z"), ("v1.0.1", "2026-09-02T08:00:00Z"), ("v1.0.2", "2026-09-03T08:00:00Z")]
        {
            site.registry.push("acme/web", tag, &Image::built(built).content(tag));
        }
        // Built long ago, pushed yesterday.
        site.registry.pushed("acme/web", "v1.0.2", "2026-11-21T08:00:00Z");
        site.registry.tokens.add_user(ROBOT);
        site.registry.tokens.publish("acme/web");
        let host = if dialect == Dialect::DockerHub { "docker.io" } else { dialect.host() };
        let application = Application::named("web")
            .namespace("argocd")
            .image_list(&format!("web={host}/acme/web:~1.0"))
            .kustomize(&[&format!("{host}/acme/web:v1.0.0")])
            .images(&[&format!("{host}/acme/web:v1.0.0")]);
        world.file("application.json", &application.into_value().to_string());
        let words = ["check", "-f", "application.json", "-o", "json", "--explain", "--min-age", "7d"];
        let output = world.run_with(&words, |invocation| internet.connect(invocation)).expect(0);
        let item = &output.json()["items"][0];
        assert_eq!(item["candidate"]["tag"], "v1.0.1", "{dialect:?}: {output}");
        let young: Vec<&Value> =
            item["rejected"].as_array().unwrap().iter().filter(|found| found["reason"] == "TooYoung").collect();
        assert_eq!(young, [&json!({"tag": "v1.0.2", "reason": "TooYoung"})], "{dialect:?}");
        let asked = site.log().iter().filter(|exchange| exchange.request.path.contains("/blobs/")).count();
        assert_eq!(asked, 0, "{dialect:?}: no image is asked");
    }
}
