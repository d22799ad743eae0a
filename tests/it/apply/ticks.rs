//! `apply -i`: changes are ticked in a list, in a terminal.

use crate::bookstore;
use crate::bookstore::REPOSITORY;
use crate::bookstore::configured;
use crate::world::ApiRequest;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Terminal;
use crate::world::World;
use crate::world::on_both;

on_both!(
    what_is_ticked_is_written,
    nothing_ticked_is_nothing_written,
    without_a_terminal_there_is_no_list,
    images_that_share_a_value_go_together,
    a_list_fits_its_terminal,
);

const PROMPT: &str = "Which changes?";

/// One Application with two images of its own, and one with one of them.
fn open(backend: Backend) -> World {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    bookstore::publish(&world, "acme/api", &[("1.0.0", "2026-10-01T08:00:00Z"), ("1.0.2", "2026-10-02T08:00:00Z")]);
    let (web, api) = (world.image(REPOSITORY), world.image("acme/api"));
    let both = Application::named("both")
        .image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0,api=$REGISTRY/acme/api:~1.0"))
        .annotation("api.helm.image-name", "api.image")
        .annotation("api.helm.image-tag", "api.tag")
        .helm(&[("image.name", &web), ("image.tag", "v1.0.0"), ("api.image", &api), ("api.tag", "1.0.0")])
        .images(&[&format!("{web}:v1.0.0"), &format!("{api}:1.0.0")]);
    world.application(both);
    let one = Application::named("one").image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"));
    world.application(bookstore::running(one, &world, bookstore::Form::Kustomize, "v1.0.0"));
    world.forget();
    world
}

fn list(world: &World, words: &[&str]) -> Terminal {
    let terminal = world.run_in_terminal(&[&["apply", "-i"], words].concat(), 80);
    terminal.wait_for(PROMPT);
    terminal
}

/// What stands in the list behind its boxes.
fn lines(terminal: &Terminal) -> Vec<String> {
    let screen = terminal.screen();
    let boxes = screen.lines().filter_map(|line| line.split_once("[ ] ").or_else(|| line.split_once("[x] ")));
    boxes.map(|(_, text)| text.to_owned()).collect()
}

/// What the two Applications say.
fn said(world: &World) -> [bool; 3] {
    let (both, one) = (configured(&world.get("both")), configured(&world.get("one")));
    let has = |values: &[String], text: &str| values.iter().any(|value| value.ends_with(text));
    [has(&both, "image.tag=v1.0.1"), has(&both, "api.tag=1.0.2"), has(&one, ":v1.0.1")]
}

fn what_is_ticked_is_written(backend: Backend) {
    for (keys, expected) in [
        (" \r", [true, false, false]),
        ("j \r", [false, true, false]),
        ("\x1b[B\x1b[B \r", [false, false, true]),
        (" jj \r", [true, false, true]),
        ("a\r", [true; 3]),
        // Ticked, and unticked again.
        ("  \x1b[B \r", [false, true, false]),
    ] {
        let world = open(backend);
        let terminal = list(&world, &[]);
        let namespace = world.namespace();
        assert_eq!(
            lines(&terminal),
            [
                format!("{namespace}/both  web v1.0.0 → v1.0.1"),
                format!("{namespace}/both  api 1.0.0 → 1.0.2"),
                format!("{namespace}/one  web v1.0.0 → v1.0.1"),
            ],
            "{}",
            terminal.screen()
        );
        assert!(terminal.screen().contains("3 images to update in 2 Applications"), "{}", terminal.screen());
        terminal.send(keys);
        let output = terminal.finish();
        assert_eq!(output.code, 0, "{keys:?}: {output}");
        assert_eq!(said(&world), expected, "{keys:?}: {output}");
        assert!(output.stdout.contains("Applied"), "{output}");
    }
    // The seat belt is about what is ticked.
    let world = open(backend);
    let terminal = list(&world, &["--max-changes", "1"]);
    terminal.send("a\r");
    let output = terminal.finish();
    assert_eq!(output.code, 1, "{output}");
    assert!(output.stdout.contains("--max-changes allows 1"), "{output}");
    assert!(world.writes().is_empty());
}

fn nothing_ticked_is_nothing_written(backend: Backend) {
    for (keys, code) in [("\r", 5), ("\x1b", 5), ("q", 5), ("  \r", 5), (" \x1b", 5), ("\x03", 130)] {
        let world = open(backend);
        let terminal = list(&world, &[]);
        terminal.send(keys);
        let output = terminal.finish();
        assert_eq!(output.code, code, "{keys:?}: {output}");
        assert!(output.stdout.contains("nothing was written"), "{keys:?}: {output}");
        assert!(world.writes().is_empty(), "{keys:?}");
    }
    // With nothing to do there is nothing to tick.
    let world = open(backend);
    world.run(&["apply", "--all", "--yes"]).expect(0);
    let output = world.run_in_terminal(&["apply", "-i"], 80).finish();
    assert_eq!(output.code, 0, "{output}");
    assert!(!output.stdout.contains(PROMPT), "{output}");
}

fn without_a_terminal_there_is_no_list(backend: Backend) {
    let world = open(backend);
    for words in [&["apply", "-i"][..], &["apply", "--interactive", "both"], &["apply", "-i", "--all", "--dry-run"]] {
        let output = world.run_with(words, |invocation| {
            invocation.stdin(" \r");
        });
        let output = output.expect(1);
        assert_eq!(output.stdout, "");
        assert!(output.stderr.contains("-i needs a terminal") && output.stderr.contains("--alias"), "{output}");
    }
    for words in [&["apply", "-i", "--yes", "--all"][..], &["apply", "-i", "--plan", "plan.json"]] {
        let output = world.run(words).expect(1);
        assert!(output.stderr.contains("cannot be used with"), "{output}");
    }
    let mut invocation = world.invocation(&["apply", "-i"]);
    invocation.env("TERM", "dumb");
    let output = Terminal::start(&invocation, 80).finish();
    assert_eq!(output.code, 1);
    assert!(output.stdout.contains("TERM says `dumb`"), "{output}");
    assert!(world.requests().is_empty(), "that is known before anything is asked");
}

fn images_that_share_a_value_go_together(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let image = world.image(REPOSITORY);
    // Two entries for one image, which set the same parameters.
    let list_of_two = format!("web=$REGISTRY/{REPOSITORY}:~1.0,worker=$REGISTRY/{REPOSITORY}:~1.0");
    let application = Application::named("bookstore").image_list(&list_of_two);
    world.application(bookstore::running(application, &world, bookstore::Form::Helm, "v1.0.0"));
    let terminal = list(&world, &[]);
    let namespace = world.namespace();
    assert_eq!(lines(&terminal), [format!("{namespace}/bookstore  web v1.0.0 → v1.0.1, worker v1.0.0 → v1.0.1")]);
    terminal.send(" \r");
    let output = terminal.finish();
    assert_eq!(output.code, 0, "{output}");
    assert!(configured(&world.get("bookstore")).contains(&"image.tag=v1.0.1".to_owned()), "{image}");
}

fn a_list_fits_its_terminal(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let long = "a-name-that-takes-very-much-of-the-room-that-there-is-in-one-line";
    for name in [long, "short"] {
        let list = format!("{}=$REGISTRY/{REPOSITORY}:~1.0", "alias".repeat(5));
        let application = Application::named(name).image_list(&list);
        world.application(bookstore::running(application, &world, bookstore::Form::Helm, "v1.0.0"));
    }
    for color in [&["--color", "never"][..], &["--color", "always"], &[]] {
        let terminal = list(&world, &[color, &["--dry-run"]].concat());
        // Up and down: the list stays where it is, and nothing of it is left behind.
        terminal.send("jjkk ");
        terminal.wait_for("> [x]");
        let screen = terminal.screen();
        assert_eq!(screen.matches(PROMPT).count(), 1, "{screen}");
        assert_eq!(lines(&terminal).len(), 2, "{screen}");
        // What it is about is to be seen, whatever is cut.
        let first = lines(&terminal).remove(0);
        assert!(first.contains("/a-name-that") && first.contains("…  alias"), "{screen}");
        assert!(first.ends_with("v1.0.0 → v1.0.1"), "{screen}");
        let below = screen.lines().skip_while(|line| !line.contains(PROMPT));
        assert!(below.clone().count() == 3 && below.into_iter().all(|line| line.chars().count() < 80), "{screen}");
        if color.contains(&"never") {
            let raw = terminal.raw();
            let colored = raw.split("\x1b[").skip(1).filter(|rest| {
                let end = rest.find(|c: char| c.is_ascii_alphabetic());
                end.is_some_and(|end| rest.as_bytes()[end] == b'm')
            });
            assert_eq!(colored.count(), 0, "{raw:?}");
        }
        terminal.send("\r");
        let output = terminal.finish();
        assert_eq!(output.code, 0, "{output}");
        let asked: Vec<_> = world.requests().into_iter().filter(ApiRequest::asks_to_write).collect();
        assert!(asked.is_empty(), "a dry run writes nothing: {asked:?}");
    }
}
