//! What a long run is at: on a line of the terminal while it works, gone when it is done; nowhere else.

use crate::bookstore::REPOSITORY;
use crate::git::Shop;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Gate;
use crate::world::Image;
use crate::world::RegistryAuth;
use crate::world::RegistryDouble;
use crate::world::Terminal;
use crate::world::World;

/// A bookstore whose registry answers once the gate opens.
fn slow_bookstore() -> (World, RegistryDouble, Gate) {
    let world = World::new(Backend::Double);
    let registry = RegistryDouble::start(RegistryAuth::None);
    let image = format!("{}/{REPOSITORY}", registry.host());
    registry.push(REPOSITORY, "v1.0.0", &Image::built("2026-10-01T08:00:00Z"));
    registry.push(REPOSITORY, "v1.0.1", &Image::built("2026-11-02T08:00:00Z").content("new"));
    let application = Application::named("bookstore").image_list(&format!("web={image}:~1.0"));
    world.application(application.helm(&[("image.name", &image), ("image.tag", "v1.0.0")]).images(&[]));
    let gate = Gate::new();
    registry.fault(Fault::wait(&gate));
    (world, registry, gate)
}

#[test]
fn it_is_there_while_the_run_works_and_gone_when_it_is_done() {
    for columns in [80, 140] {
        let (world, registry, gate) = slow_bookstore();
        let terminal = world.run_in_terminal(&["check", "--no-git"], columns);
        let expected = format!("waiting for {} (1)", registry.host());
        terminal.wait_for("0/1 images, 0/1 registries answered, ").wait_for(&expected);
        gate.open();
        terminal.wait_for("shows the edits");
        let raw = terminal.raw();
        let output = terminal.finish().expect(0);
        assert!(!output.stdout.contains("0/1"), "it is still there:\n{output}");
        assert!(output.stdout.starts_with("APPLICATION"), "something is left above:\n{output}");
        // It is drawn and taken away with nothing but the start of its line, and in no color.
        let line = raw.split('\r').find(|piece| piece.contains("0/1 images")).unwrap();
        assert!(line.ends_with("\u{1b}[K") && line.matches('\u{1b}').count() == 1, "{line:?}");
        assert!(!raw.contains("\u{1b}[?25"), "the cursor is hidden: {raw:?}");
    }
}

#[test]
fn nobody_sees_it_who_is_not_at_a_terminal_or_wants_none() {
    let (world, _registry, gate) = slow_bookstore();
    let piped = world.spawn(&["check"]);
    gate.wait_for_arrival();
    gate.forget();
    let quiet = world.run_in_terminal(&["check", "-q"], 80);
    gate.wait_for_arrival();
    gate.forget();
    let mut dumb = world.invocation(&["check", "--color=never"]);
    // The terminal sets TERM last, so that the program has to be told by a shell.
    let script = format!("TERM=dumb exec {} check --color=never", dumb.program.display());
    dumb.program = "/bin/sh".into();
    dumb.arguments = vec!["-c".into(), script.into()];
    let dumb = Terminal::start(&dumb, 80);
    gate.wait_for_arrival();
    gate.forget();
    // A fourth run shows the line: by then the others would have shown theirs.
    let seen = world.run_in_terminal(&["check"], 80);
    seen.wait_for("0/1 images");
    gate.open();
    let (quiet_raw, dumb_raw) = (finish(quiet), finish(dumb));
    finish(seen);
    let piped = piped.wait().expect(0);
    assert!(!piped.stderr.contains("0/1") && !piped.stderr.contains('\r'), "{piped}");
    for raw in [quiet_raw, dumb_raw] {
        assert!(!raw.contains("0/1") && !raw.contains("\u{1b}[K"), "{raw:?}");
    }
}

/// Waits for the end, and returns everything that was written.
fn finish(terminal: Terminal) -> String {
    terminal.wait_for("bookstore");
    let raw = terminal.raw();
    terminal.finish().expect(0);
    raw
}

#[test]
fn an_interrupt_leaves_nothing_of_it_behind() {
    let (world, _registry, _gate) = slow_bookstore();
    let terminal = world.run_in_terminal(&["check"], 80);
    terminal.wait_for("0/1 images").send("\u{3}");
    terminal.wait_for("nothing was written");
    let raw = terminal.raw();
    let output = terminal.finish().expect(130);
    assert!(!output.stdout.contains("0/1"), "{output}\n{raw:?}");
}

#[test]
fn at_v_it_is_told_line_by_line_what_is_asked_of_whom() {
    let (world, registry, gate) = slow_bookstore();
    gate.open();
    let output = world.run(&["check", "-v"]).expect(0);
    for line in [
        format!("waiting for Applications from {}\n", world.cluster().url()),
        format!("asking {} about {REPOSITORY}\n", registry.host()),
    ] {
        assert!(output.stderr.contains(&line), "{line} is not in\n{output}");
    }
    assert!(!world.run(&["check"]).expect(0).stderr.contains("asking"));
}

#[test]
fn apply_tells_of_the_repository_it_writes_to() {
    let shop = Shop::open(Backend::Double);
    shop.world.application(shop.bookstore());
    let mut invocation = shop.invocation(&["apply", "bookstore", "--yes", "-v"]);
    invocation.env("GIT_TERMINAL_PROMPT", "0");
    let output = invocation.run().expect(0);
    let place = shop.url().split_once("://").unwrap().1.split_once('/').unwrap().1.to_owned();
    for line in ["waiting for git, which reads 127.0.0.1/", "waiting for the checks before the first write\n"] {
        assert!(output.stderr.contains(line), "{line} is not in\n{output}");
    }
    let pushes = format!("waiting for git, which writes to 127.0.0.1/{place}");
    assert!(output.stderr.contains(&pushes), "{pushes} is not in\n{output}");
}
