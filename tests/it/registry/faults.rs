//! Registries that give no answer, a wrong one, or one without end: the image is `Undetermined` for the right reason,
//! never older or wrong, and neither requests nor memory grow with what comes back.

use serde_json::json;

use super::undetermined;
use super::verdict;
use crate::bookstore;
use crate::bookstore::Course;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Gate;
use crate::world::Image;
use crate::world::Link;
use crate::world::ROBOT;
use crate::world::RegistryAuth;
use crate::world::RegistryDouble;
use crate::world::World;

/// What goes wrong in a world, and what is said about it.
struct Trouble {
    name: &'static str,
    course: fn(&World) -> Course,
    make: fn(&World),
    reason: &'static str,
    says: &'static str,
    /// How many requests the registry gets, its token service among them; of builds, at most.
    requests: usize,
}

impl Trouble {
    /// Trouble with the tag list.
    fn listing(name: &'static str, make: fn(&World), expected: (&'static str, &'static str), requests: usize) -> Self {
        Self { name, course: bookstore::semver, make, reason: expected.0, says: expected.1, requests }
    }

    /// Trouble with what stands behind thirty tags; the list is the first request.
    fn dating(name: &'static str, make: fn(&World), expected: (&'static str, &'static str), requests: usize) -> Self {
        Self { course: thirty_builds, ..Self::listing(name, make, expected, requests) }
    }

    /// Trouble with one digest, which is asked for on any platform.
    fn looking(name: &'static str, make: fn(&World), expected: (&'static str, &'static str), requests: usize) -> Self {
        Self { course: bookstore::digest, ..Self::listing(name, make, expected, requests) }
    }
}

/// Thirty tags without an order in their names; the last build is `main-05`.
fn thirty_builds(world: &World) -> Course {
    for number in 0..30 {
        let day = 1 + (number * 7 + 24) % 30;
        let image = Image::built(&format!("2026-10-{day:02}T08:00:00Z")).content(&number.to_string());
        world.publish(REPOSITORY, &format!("main-{number:02}"), &image);
    }
    Course {
        strategy: "newest-build",
        constraint: None,
        from: "main-00".to_owned(),
        to: "main-05".to_owned(),
        because: "built last of 30 tags",
        tags: [30; 3],
        behind: None,
        created: Some("2026-10-30T08:00:00Z"),
    }
}

/// The path of a tag list.
fn tags() -> String {
    format!("/v2/{REPOSITORY}/tags/list")
}

fn manifests() -> String {
    format!("/v2/{REPOSITORY}/manifests/")
}

fn blobs() -> String {
    format!("/v2/{REPOSITORY}/blobs/")
}

fn fault(world: &World, fault: Fault) {
    world.registry().double().fault(fault);
}

/// A status that is given for ever, and does not keep anybody waiting.
fn always(status: u16) -> Fault {
    Fault::status(status).header("Retry-After", "0")
}

/// Every trouble at once, each in a world of its own: what takes time in them is waiting.
fn suffer(troubles: &[Trouble], auth: RegistryAuth) {
    let begun: Vec<_> = troubles
        .iter()
        .map(|trouble| {
            let world = World::with(Backend::Double, auth);
            let course = (trouble.course)(&world);
            let application = course.application(&world, Form::Helm);
            world.application(application.with(|object| {
                if course.strategy == "digest" {
                    let annotations = object["metadata"]["annotations"].as_object_mut().unwrap();
                    annotations.remove("argocd-image-updater.argoproj.io/web.platforms");
                }
            }));
            if auth != RegistryAuth::None {
                world.docker_login(&world.registry().host(), ROBOT);
            }
            (trouble.make)(&world);
            let running = world.spawn(&["check", "-o", "json"]);
            (trouble, world, running)
        })
        .collect();
    for (trouble, world, running) in begun {
        let output = running.wait();
        undetermined(&output, trouble.name, trouble.reason, trouble.says);
        assert!(output.json()["items"][0]["message"].to_string().contains(REPOSITORY), "{}: {output}", trouble.name);
        let log = world.registry().double().log();
        // Whoever asks many tags at a time stops at the first failure, whichever that is.
        let some = (trouble.course)(&world).strategy == "newest-build" && log.len() < trouble.requests;
        assert!(some || log.len() == trouble.requests, "{} requests of {}: {log:#?}", log.len(), trouble.name);
    }
}

#[test]
fn a_list_that_cannot_be_had_is_not_guessed() {
    suffer(
        &[
            Trouble::listing("401", |world| fault(world, Fault::status(401)), ("RegistryDenied", "401"), 1),
            Trouble::listing("403", |world| fault(world, Fault::status(403)), ("RegistryDenied", "403"), 1),
            Trouble::listing("404", |world| fault(world, Fault::status(404)), ("RepositoryNotFound", "404"), 1),
            Trouble::listing("429", |world| fault(world, always(429)), ("RateLimited", "429"), 5),
            Trouble::listing(
                "429 until tomorrow",
                |world| fault(world, Fault::status(429).header("Retry-After", "86400")),
                ("RateLimited", "try again in 24h"),
                1,
            ),
            Trouble::listing("500", |world| fault(world, Fault::status(500)), ("RegistryUnreachable", "500"), 1),
            Trouble::listing("503", |world| fault(world, always(503)), ("RegistryUnreachable", "503"), 5),
            Trouble::listing(
                "502 on page 2",
                |world| {
                    world.registry().double().paginate(1, Link::Relative);
                    fault(world, always(502).after(1));
                },
                ("RegistryUnreachable", "after 1 tags: "),
                6,
            ),
            Trouble::listing(
                "no JSON on page 2",
                |world| {
                    world.registry().double().paginate(1, Link::Relative);
                    fault(world, Fault::garbage("<html>").after(1));
                },
                ("MetadataUnreadable", "not readable"),
                2,
            ),
            Trouble::listing(
                "half a body",
                |world| fault(world, Fault::truncate()),
                ("RegistryUnreachable", "broke off"),
                5,
            ),
            Trouble::listing("hung up", |world| fault(world, Fault::close()), ("RegistryUnreachable", "broke off"), 5),
            Trouble::listing(
                "no JSON",
                |world| fault(world, Fault::garbage("<html>")),
                ("MetadataUnreadable", "not readable"),
                1,
            ),
            Trouble::listing(
                "a number for a tag",
                |world| fault(world, Fault::garbage(r#"{"name": "acme/bookstore", "tags": ["v1.0.1", 1]}"#)),
                ("MetadataUnreadable", "not readable"),
                1,
            ),
            Trouble::listing(
                "no gzip",
                |world| fault(world, Fault::garbage("{}").header("Content-Encoding", "gzip")),
                ("MetadataUnreadable", "cannot be decompressed"),
                1,
            ),
            Trouble::listing(
                "a page that follows itself",
                |world| world.registry().double().paginate(2, Link::Itself),
                ("TruncatedTagList", "in circles"),
                1,
            ),
            Trouble::listing(
                "no end",
                |world| fault(world, Fault::endless()),
                ("MetadataUnreadable", "longer than"),
                1,
            ),
        ],
        RegistryAuth::None,
    );
}

/// One of thirty builds whose date cannot be had: the newest of the other 29 is not taken for the newest.
#[test]
fn one_unreadable_build_of_thirty_is_not_passed_over() {
    suffer(
        &[
            Trouble::dating(
                "a config that is another",
                |world| fault(world, Fault::garbage(r#"{"created": "2026-10-31T00:00:00Z"}"#).at(&blobs()).after(29)),
                ("MetadataUnreadable", "the image's config received is sha256:"),
                61,
            ),
            Trouble::dating(
                "a config that is gone",
                |world| fault(world, Fault::status(404).at(&blobs()).after(29)),
                ("MetadataUnreadable", "404"),
                61,
            ),
            Trouble::dating(
                "a config that is secret",
                |world| fault(world, Fault::status(403).at(&blobs()).after(29)),
                ("RegistryDenied", "403"),
                61,
            ),
            Trouble::dating(
                "a config without a date",
                |world| world.publish(REPOSITORY, "main-15", &Image::undated()),
                ("MetadataUnreadable", "no build date"),
                61,
            ),
            Trouble::dating(
                "a config without an end",
                |world| fault(world, Fault::endless().at(&blobs()).after(29)),
                ("MetadataUnreadable", "longer than"),
                61,
            ),
            Trouble::dating(
                "a manifest that is another",
                |world| fault(world, Fault::with_header("Docker-Content-Digest", &other()).at(&manifests()).after(29)),
                ("MetadataUnreadable", "the manifest received is sha256:"),
                60,
            ),
            Trouble::dating(
                "a manifest that is out of order",
                |world| fault(world, always(500).at(&manifests()).after(29)),
                ("RegistryUnreachable", "500"),
                60,
            ),
        ],
        RegistryAuth::None,
    );
}

/// The digest of something else.
fn other() -> String {
    format!("sha256:{}", "0".repeat(64))
}

#[test]
fn a_digest_that_cannot_be_had_is_not_guessed() {
    suffer(
        &[
            Trouble::looking("401", |world| fault(world, Fault::status(401)), ("RegistryDenied", "401"), 1),
            Trouble::looking("429", |world| fault(world, always(429)), ("RateLimited", "429"), 5),
            Trouble::looking("500", |world| fault(world, Fault::status(500)), ("RegistryUnreachable", "500"), 1),
            Trouble::looking(
                "no digest",
                |world| fault(world, Fault::with_header("Docker-Content-Digest", "sha256:beef")),
                ("MetadataUnreadable", "the registry gives the digest `sha256:beef`"),
                1,
            ),
            Trouble::looking(
                "another digest than the bytes have",
                |world| {
                    fault(world, Fault::without_header("docker-content-digest").on("HEAD", &manifests()));
                    fault(world, Fault::with_header("Docker-Content-Digest", &other()));
                },
                ("MetadataUnreadable", "the manifest received is sha256:"),
                2,
            ),
        ],
        RegistryAuth::None,
    );
}

/// Only a body tells a repository that is not there from a tag, and a HEAD has none.
#[test]
fn a_repository_that_is_not_there_is_no_repository_without_the_tag() {
    let world = World::new(Backend::Double);
    let course = bookstore::digest(&world);
    world.application(course.application(&world, Form::Helm).with(|object| {
        let annotations = object["metadata"]["annotations"].as_object_mut().unwrap();
        annotations.remove("argocd-image-updater.argoproj.io/web.platforms");
    }));
    let body = |code: &str| format!(r#"{{"errors": [{{"code": "{code}", "message": "unknown"}}]}}"#);
    for (code, expected, exit) in [
        ("NAME_UNKNOWN", json!(["Undetermined", "RepositoryNotFound", null]), 3),
        ("MANIFEST_UNKNOWN", json!(["NoCandidate", "NoTagMatches", null]), 0),
    ] {
        world.registry().double().heal();
        world.registry().double().fault(Fault::status(404).body(body(code)));
        let output = world.run(&["check", "-o", "json"]).expect(exit);
        assert_eq!(verdict(&output), expected, "{code}: {output}");
    }
}

/// Trouble with the token service; the first request is the one that is turned away.
#[test]
fn a_token_that_cannot_be_had_is_not_gone_without() {
    suffer(
        &[
            Trouble::listing(
                "401",
                |world| fault(world, Fault::status(401).at("/token")),
                ("RegistryDenied", "401"),
                2,
            ),
            Trouble::listing(
                "403",
                |world| fault(world, Fault::status(403).at("/token")),
                ("RegistryDenied", "403"),
                2,
            ),
            Trouble::listing("429", |world| fault(world, always(429).at("/token")), ("RateLimited", "429"), 6),
            Trouble::listing(
                "500",
                |world| fault(world, Fault::status(500).at("/token")),
                ("RegistryUnreachable", "500"),
                2,
            ),
            Trouble::listing(
                "no JSON",
                |world| fault(world, Fault::garbage("<html>").at("/token")),
                ("MetadataUnreadable", "not a token's"),
                2,
            ),
            Trouble::listing(
                "no token",
                |world| fault(world, Fault::garbage("{}").at("/token")),
                ("MetadataUnreadable", "gave no token"),
                2,
            ),
            Trouble::listing(
                "no end",
                |world| fault(world, Fault::endless().at("/token")),
                ("MetadataUnreadable", "longer than"),
                2,
            ),
            Trouble::listing(
                "elsewhere",
                |world| fault(world, Fault::status(307).header("Location", "/v2/").at("/token")),
                ("MetadataUnreadable", "307"),
                2,
            ),
        ],
        RegistryAuth::Token,
    );
}

/// What a hostile registry sends costs no more memory than the limits that are set for it.
#[test]
fn big_answers_need_little_memory() {
    const MOST: u64 = 64 * 1024; // KiB
    let mega = 1024 * 1024;
    for (name, what) in [
        ("200 MB, as announced", Fault::long_as_announced(200 * mega)),
        ("200 MB, unannounced", Fault::long(200 * mega)),
        ("1 GiB in gzip", Fault::bomb(1024)),
    ] {
        for course in [bookstore::semver, bookstore::newest_build] {
            let world = World::new(Backend::Double);
            let course = course(&world);
            world.application(course.application(&world, Form::Helm));
            let path = if course.strategy == "semver" { tags() } else { blobs() };
            fault(&world, what.clone().at(&path));
            let (output, peak) = world.invocation(&["check", "-o", "json"]).run_measured();
            undetermined(&output, name, "MetadataUnreadable", "longer than");
            assert!(peak < MOST, "{name}: {peak} KiB");
        }
    }
}

/// A repository, or a registry, that never answers costs as much time as `--timeout` gives, and the others are heard.
#[test]
fn who_keeps_silent_does_not_silence_the_others() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let silent = RegistryDouble::start(RegistryAuth::None);
    silent.fault(Fault::hang());
    world.registry().double().fault(Fault::hang().at("/v2/acme/silent/tags/list"));
    for (name, repository) in
        [("a-host", format!("{}/acme/web", silent.host())), ("a-list", world.image("acme/silent"))]
    {
        let image = format!("{repository}:v1.0.0");
        let application = Application::named(name).image_list(&format!("web={repository}:~1.0"));
        world.application(application.kustomize(&[&image]).images(&[&image]));
    }
    let output = world.run(&["check", "-o", "json", "--timeout", "8s"]).expect(3);
    let report = output.json();
    let verdicts: Vec<_> = report["items"].as_array().unwrap().iter().map(|item| &item["reason"]).collect();
    assert_eq!(verdicts, ["RegistryUnreachable", "RegistryUnreachable", "NewestMatch"], "{output}");
    undetermined(&output, "a host", "RegistryUnreachable", "the time given with --timeout is over");
}

/// What heals in time leaves no trace: neither in the verdict nor in the exit code.
#[test]
fn what_heals_is_forgotten() {
    for (name, what) in [
        ("429", always(429).times(3)),
        ("502 on page 2", always(502).after(1).times(2)),
        ("hung up", Fault::close().times(1)),
        ("half a body", Fault::truncate().times(1)),
    ] {
        let world = World::new(Backend::Double);
        bookstore::open(&world, Form::Helm);
        world.registry().double().paginate(1, Link::Relative);
        fault(&world, what.at(&tags()));
        let output = world.run(&["check", "-o", "json"]);
        assert_eq!(verdict(&output), json!(["UpdateAvailable", "NewestMatch", "v1.0.1"]), "{name}: {output}");
        assert_eq!(output.code, 0, "{name}");
    }
}

#[test]
fn a_token_that_expires_on_the_way_is_fetched_anew() {
    let world = World::with(Backend::Double, RegistryAuth::Token);
    bookstore::open(&world, Form::Helm);
    let registry = world.registry().double();
    world.docker_login(&registry.host(), ROBOT);
    registry.paginate(1, Link::Relative);
    let gate = Gate::new();
    // The first time it is asked for without a token.
    registry.fault(Fault::wait(&gate).at(&tags()).after(2));
    let running = world.spawn(&["check", "-o", "json"]);
    gate.wait_for_arrival();
    registry.tokens.expire_tokens();
    gate.open();
    let output = running.wait().expect(0);
    assert_eq!(verdict(&output), json!(["UpdateAvailable", "NewestMatch", "v1.0.1"]), "{output}");
    let tokens = registry.log().iter().filter(|exchange| exchange.request.path == "/token").count();
    assert_eq!(tokens, 2);
}

#[test]
fn tags_that_no_registry_may_have_are_left_out() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let illegal = ["v1.0.9\u{1b}[2J", "v1.0.9\u{202e}", "-v1.0.9", "v1.0.9 ", "", "v1.0.9/x", "v1.0.9\n", "v1.0.9\0"];
    for tag in illegal {
        world.publish(REPOSITORY, tag, &Image::built("2026-11-21T08:00:00Z"));
    }
    let output = world.run(&["check", "-o", "json", "--explain"]).expect(0);
    assert_eq!(verdict(&output), json!(["UpdateAvailable", "NewestMatch", "v1.0.1"]));
    let report = output.json();
    let rejected = report["items"][0]["rejected"].as_array().unwrap();
    let out = rejected.iter().filter(|rejected| rejected["reason"] == "IllegalTag").count();
    assert_eq!(out, illegal.len(), "{output}");
    let shown = world.run(&["check", "--explain"]).expect(0);
    assert!(!shown.to_string().chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
}
