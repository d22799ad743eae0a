//! Text from outside never reaches a terminal with control or bidirectional characters in it, in any format.

use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Image;
use crate::world::Output;
use crate::world::World;
use crate::world::on_both;

on_both!(annotations_are_shown_as_text, manifests_are_shown_as_text, what_was_typed_is_shown_as_text);

/// Clears the screen, rings, goes back, turns the writing around.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\u{8}\u{9b}1m\u{202e}txt\u{2066}\u{200f}\u{7f}\u{85}";

/// Fails if a stream holds what a terminal would act on.
#[track_caller]
fn is_harmless(output: &Output) {
    for stream in [&output.stdout, &output.stderr] {
        let bad = stream.chars().find(|&character| {
            (character.is_control() && character != '\n')
                || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        });
        assert_eq!(bad, None, "in:\n{stream:?}");
    }
    assert!(!output.stderr.contains("panicked"), "{output}");
}

/// Every way of reading.
const READS: [&[&str]; 12] = [
    &["check"],
    &["check", "-o", "wide"],
    &["check", "-o", "json"],
    &["check", "-o", "yaml"],
    &["check", "-o", "name"],
    &["check", "-o", "markdown"],
    &["check", "--explain"],
    &["check", "--explain", "-o", "json"],
    &["plan"],
    &["plan", "-o", "json"],
    &["plan", "-o", "yaml"],
    &["plan", "-o", "markdown"],
];

fn annotations_are_shown_as_text(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let image = world.image(REPOSITORY);
    let evil = |text: &str| format!("{text}{EVIL}");
    let rows = [
        ("image-list", format!("web{EVIL}={image}:~1.0, {EVIL}")),
        ("image-list", format!("web={image}:~1.0{EVIL}")),
        ("web.update-strategy", evil("semver")),
        ("web.allow-tags", evil("regexp:[")),
        ("web.ignore-tags", evil("[")),
        ("web.platforms", evil("linux/")),
        ("web.force-update", evil("true")),
        ("web.helm.image-tag", evil("image.tag")),
        ("web.pull-secret", evil("env:")),
        ("write-back-method", evil("git:")),
        ("wbe.update-strategy", evil("semver")),
        ("kubectl-image-update/pin.web", evil("{")),
    ];
    for (number, (key, value)) in rows.iter().enumerate() {
        let application = Application::named(&format!("case-{number}")).image_list(&format!("web={image}:~1.0"));
        world.application(bookstore::running(application.annotation(key, value), &world, Form::Helm, "v1.0.0"));
    }
    // A version, a name, a reason, a place, people: all from outside.
    let odd = bookstore::running(
        Application::named("odd").image_list(&format!("web={image}:~1.0")),
        &world,
        Form::Kustomize,
        &evil("v1.0.0"),
    );
    let pin = json!({
        "reference": image, "tag": "v1.0.0", "digest": null, "reason": EVIL, "by": EVIL, "until": null,
        "at": "2026-11-22T09:00:00Z", "replaced": [],
    });
    world.application(odd.with(|object| {
        object["spec"]["source"]["path"] = evil("path").into();
        object["metadata"]["labels"] = json!({});
        object["metadata"]["annotations"]["kubectl-image-update/pin.web"] = pin.to_string().into();
        object["status"]["history"] = json!([{"deployedAt": EVIL, "initiatedBy": {"username": EVIL}}]);
    }));
    let several = json!([
        {"repoURL": EVIL, "path": EVIL, "name": EVIL, "helm": {}}, {"repoURL": "x", "chart": EVIL, "helm": {}},
    ]);
    let several =
        Application::named("several").image_list(&format!("web={image}:~1.0")).sources(several, &[EVIL, EVIL]);
    world.application(several.images(&[&evil(&format!("{image}:v1.0.0"))]));
    for words in READS {
        is_harmless(&world.run(words));
    }
    world.run(&["plan", "--out", "plan.json"]);
    is_harmless(&world.run(&["apply", "--all", "--yes", "--dry-run=server"]));
    is_harmless(&world.run(&["pin", "odd", "web", "--reason", EVIL, "-o", "yaml"]));
    is_harmless(&world.run(&["check", "odd"]));
    is_harmless(&world.run(&["unpin", "odd", "web"]));
    is_harmless(&world.run(&["apply", "--plan", "plan.json"]));
    // The values are kept: a document spells out what a terminal must not see.
    let report = world.run(&["check", "case-1", "-o", "json"]).json();
    assert!(report["items"][0]["constraint"].as_str().unwrap().contains(EVIL.trim()), "{report}");
}

fn manifests_are_shown_as_text(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let application = world.fill_in(
        bookstore::running(
            Application::named(&format!("name{EVIL}")).image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0")),
            &world,
            Form::Helm,
            "v1.0.0",
        )
        .namespace(&format!("namespace{EVIL}")),
    );
    // A file name may hold anything but a slash and a null byte.
    let name = format!("{EVIL}.json");
    world.file(&name, &application.to_string());
    world.file("broken\u{1b}[2J.yaml", "kind: [\u{202e}");
    for words in READS {
        is_harmless(&world.run(&[words, &["-f", "."]].concat()));
    }
    is_harmless(&world.run(&["check", "-f", &format!("missing{EVIL}")]).expect(1));
    is_harmless(&world.run(&["plan", "-f", ".", "--out", "plan.json"]));
    is_harmless(&world.run(&["apply", "--plan", "plan.json"]).expect(1));
    is_harmless(&world.run(&["apply", "--plan", &name]).expect(1));
}

fn what_was_typed_is_shown_as_text(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    let clean = EVIL.replace('\0', "");
    for words in [
        &["check", &clean][..],
        &["check", "-l", &clean],
        &["check", "-n", &clean],
        &["check", "--context", &clean],
        &["check", "--server", &clean],
        &["check", "--kubeconfig", &clean],
        &["check", "--argocd-namespace", &clean, "-l", "a=b"],
        &["check", "-o", &clean],
        &["check", &format!("--{clean}")],
        &[&clean],
        &["plan", "--out", &format!("no/{clean}")],
        &["plan", "--source", &clean],
        &["apply", "--plan", &clean],
        &["pin", "bookstore", &clean],
        &["pin", "bookstore", &format!("web={clean}")],
        &["pin", "bookstore", "web", "--until", &clean],
        &["check", "--timeout", &clean],
        &["check", "--as", &clean],
    ] {
        is_harmless(&world.run(words));
    }
}

#[test]
fn registries_are_shown_as_text() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let registry = world.registry().double();
    for tag in ["v1.0.5", "v3"] {
        world.publish(REPOSITORY, &format!("{tag}{EVIL}"), &Image::built("2026-11-21T08:00:00Z"));
    }
    for words in READS {
        is_harmless(&world.run(words).expect(0));
    }
    let errors = json!({"errors": [{"code": EVIL, "message": EVIL, "detail": EVIL}]}).to_string();
    for fault in [
        Fault::status(401).header("WWW-Authenticate", "Bearer realm=\"https://\\u001b[2J\",service=\"\u{80}\""),
        Fault::status(403).body(errors.clone()),
        Fault::status(404).body(errors.clone()),
        Fault::status(429).header("Retry-After", "99999").body(errors.clone()),
        Fault::status(418).body(EVIL),
        Fault::garbage(format!("{{\"tags\": {EVIL}")),
        Fault::with_header("Link", "<https://example.com/\u{80}>; rel=\"next\""),
        Fault::status(307).header("Location", "http://169.254.169.254/\u{9b}"),
    ] {
        registry.heal();
        registry.fault(fault.at(&format!("/v2/{REPOSITORY}/tags/list")));
        for words in [&["check"][..], &["check", "-o", "json"], &["check", "-o", "yaml"], &["check", "-vvv"]] {
            is_harmless(&world.run(words));
        }
    }
}

#[test]
fn the_api_server_is_shown_as_text() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    for (code, reason) in
        [(400, "BadRequest"), (401, "Unauthorized"), (403, "Forbidden"), (409, "Conflict"), (422, "Invalid"), (500, "")]
    {
        world.api_double().heal();
        world.api_double().fault(Fault::kubernetes(code, reason, EVIL));
        for words in [
            &["check"][..],
            &["check", "bookstore"],
            &["apply", "--plan", "plan.json", "-o", "json"],
            &["check", "-vvv"],
        ] {
            is_harmless(&world.run(words).expect(1));
        }
        world.api_double().heal();
        world.api_double().fault(Fault::kubernetes(code, reason, EVIL).on(
            "PATCH",
            &format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/bookstore", world.namespace()),
        ));
        is_harmless(&world.run(&["apply", "--plan", "plan.json"]));
        is_harmless(&world.run(&["apply", "--plan", "plan.json", "-o", "yaml"]));
    }
}
