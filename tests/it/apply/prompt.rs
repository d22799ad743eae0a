//! Asking before writing, in a terminal and without one.

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::bookstore::configured;
use crate::world::Backend;
use crate::world::World;
use crate::world::on_both;

on_both!(the_answer_counts, without_a_terminal_nobody_is_asked, a_write_must_be_told_what);

fn open(backend: Backend) -> World {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    world
}

fn the_answer_counts(backend: Backend) {
    for (keys, code, writes) in
        [("n\r", 5, 0), ("N\r", 5, 0), ("\r", 5, 0), ("no\r", 5, 0), ("\x03", 130, 0), ("\x1b", 5, 0), ("y\r", 0, 1)]
    {
        let world = open(backend);
        let terminal = world.run_in_terminal(&["apply", "bookstore"], 120);
        terminal.wait_for("Write these changes?");
        let screen = terminal.screen();
        for line in ["-        value: v1.0.0", "+        value: v1.0.1", "1 image to update in 1 Application"] {
            assert!(screen.contains(line), "{screen}");
        }
        assert!(screen.contains(&format!("web  {}  v1.0.0 → v1.0.1", world.image(REPOSITORY))), "{screen}");
        terminal.send(keys);
        let output = terminal.finish();
        assert_eq!(output.code, code, "{keys:?}: {output}");
        assert_eq!(world.writes().len(), writes, "{keys:?}: {output}");
        let said = if writes == 0 { "nothing was written" } else { "Applied" };
        assert!(output.stdout.contains(said), "{keys:?}: {output}");
    }
    // With no names everything of the namespace is meant, since the question says what that is.
    let world = open(backend);
    let terminal = world.run_in_terminal(&["apply"], 120);
    terminal.wait_for("Write these changes?").send("y\r");
    assert_eq!(terminal.finish().code, 0);
    assert!(configured(&world.get("bookstore")).contains(&"image.tag=v1.0.1".to_owned()));
    // Where there is nothing to do there is nothing to ask, and with --yes or a plan nobody is asked.
    assert_eq!(world.run_in_terminal(&["apply"], 120).finish().code, 0);
    let world = open(backend);
    assert_eq!(world.run_in_terminal(&["apply", "bookstore", "--yes"], 120).finish().code, 0);
    let world = open(backend);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    assert_eq!(world.run_in_terminal(&["apply", "--plan", "plan.json"], 120).finish().code, 0);
    assert_eq!(world.writes().len(), 1);
}

fn without_a_terminal_nobody_is_asked(backend: Backend) {
    let world = open(backend);
    for words in [&["apply", "bookstore"][..], &["apply", "--all"], &["apply", "-l", "a=b"], &["apply"]] {
        let output = world.run_with(words, |invocation| {
            invocation.stdin("y\n");
        });
        let output = output.expect(1);
        assert_eq!(output.stdout, "");
        assert!(output.stderr.contains("--yes") && output.stderr.contains("--plan"), "{output}");
    }
    assert!(world.requests().is_empty(), "that is known before anything is asked");
}

fn a_write_must_be_told_what(backend: Backend) {
    let world = open(backend);
    let told = |output: crate::world::Output| {
        let output = output.expect(1);
        assert!(output.stderr.contains("--all") && output.stderr.contains("-A"), "{output}");
    };
    told(world.run(&["apply", "--yes"]));
    told(world.run(&["apply", "--yes", "-n", world.namespace()]));
    let terminal = world.run_in_terminal(&["apply", "--yes"], 120).finish();
    assert_eq!(terminal.code, 1, "{terminal}");
    for words in [&["pin"][..], &["pin", "bookstore"], &["unpin"], &["pin", "--yes"]] {
        let output = world.run(words).expect(1);
        assert_eq!(output.stdout, "");
    }
    assert!(world.requests().is_empty());
}
