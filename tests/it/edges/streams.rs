//! Streams that close early, or cannot be written; help and mistakes on the right one.

use std::process::Stdio;

use crate::bookstore;
use crate::bookstore::Form;
use crate::world::Backend;
use crate::world::Invocation;
use crate::world::Output;
use crate::world::Terminal;
use crate::world::World;
use crate::world::on_both;

on_both!(a_reader_who_has_gone_is_no_failure, closed_streams_are_no_failure);

/// The same run through a shell, which arranges the streams: `"$0" "$@" > /dev/full`.
fn in_a_shell(world: &World, words: &[&str], script: &str) -> Output {
    through_a_shell(world, words, script).run()
}

fn through_a_shell(world: &World, words: &[&str], script: &str) -> Invocation {
    let mut invocation: Invocation = world.invocation(words);
    let program = std::mem::replace(&mut invocation.program, "/bin/sh".into());
    invocation.arguments.splice(0..0, ["-c".into(), script.into(), program.into()]);
    invocation
}

fn a_reader_who_has_gone_is_no_failure(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    for words in [
        &["check"][..],
        &["check", "-o", "json"],
        &["check", "--explain"],
        &["plan"],
        &["plan", "-o", "yaml"],
        &["help"],
        &["version"],
        &["completion", "bash"],
        &["apply", "--all", "--yes"],
    ] {
        let mut command = world.invocation(words).command();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{words:?}: {stderr}");
    }
    assert_eq!(world.writes().len(), 1);
}

fn closed_streams_are_no_failure(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    for script in [r#"exec "$0" "$@" 2>&-"#, r#"exec "$0" "$@" >&-"#, r#"exec "$0" "$@" <&-"#] {
        let output = in_a_shell(&world, &["check"], script).expect(0);
        assert!(!output.stderr.contains("panicked"), "{script}: {output}");
    }
    // A disk that is full is one.
    let output = in_a_shell(&world, &["check"], r#"exec "$0" "$@" >/dev/full"#).expect(1);
    assert!(output.stderr.contains("standard output"), "{output}");
}

/// Each stream is colored for what it is, whatever the other is.
#[test]
fn colors_are_for_the_stream_that_is_a_terminal() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let file = world.work().join("stream");
    for (words, script) in [
        (&["plan"][..], r#"exec "$0" "$@" >stream"#),
        (&["check", "--explain"], r#"exec "$0" "$@" >stream"#),
        (&["help"], r#"exec "$0" "$@" >stream"#),
        (&["check", "nothing"], r#"exec "$0" "$@" 2>stream"#),
    ] {
        let terminal = Terminal::start(&through_a_shell(&world, words, script), 120);
        terminal.finish();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.is_empty() && !text.contains('\u{1b}'), "{words:?}: {text}");
    }
    let terminal = Terminal::start(&through_a_shell(&world, &["plan"], r#"exec "$0" "$@" 2>stream"#), 120);
    terminal.wait_for("v1.0.1");
    assert!(terminal.raw().contains("\u{1b}["), "{}", terminal.raw());
    terminal.finish();
}

#[test]
fn help_is_data() {
    let world = World::new(Backend::Double);
    for words in [&[][..], &["help"], &["--help"], &["-h"], &["help", "check"], &["check", "--help"], &["pin", "-h"]] {
        let output = world.run(words).expect(0);
        assert!(output.stdout.contains("Usage: kubectl image-update"), "{words:?}: {output}");
        assert_eq!(output.stderr, "", "{words:?}");
        assert!(!output.stdout.contains("image_update"), "the name is the one people type\n{output}");
    }
    for topic in ["annotations", "pins", "ci", "git", "registries", "permissions", "image-updater"] {
        let page = world.run(&["help", topic]).expect(0);
        assert!(page.stdout.contains("image-update"), "{topic}: {page}");
        assert!(!page.stdout.contains("```") && page.stderr.is_empty(), "{topic}: {page}");
        assert!(world.run(&["help"]).stdout.contains(&format!("\n  {topic} ")), "`help` lists it");
    }
    let near = world.run(&["help", "registires"]).expect(1);
    assert!(near.stderr.contains("did you mean `kubectl image-update help registries`?"), "{near}");
    for words in [["version"], ["--version"]] {
        let output = world.run(&words).expect(0);
        assert!(output.stdout.contains(env!("CARGO_PKG_VERSION")), "{output}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(world.run(&["completion", shell]).expect(0).stdout.contains("image"), "{shell}");
    }
    assert!(world.requests().is_empty());
}

#[test]
fn mistakes_are_exit_1() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    for words in [
        &["chekc"][..],
        &["check", "--explian"],
        &["check", "-o"],
        &["check", "-o", "table,json"],
        &["check", "--concurrency", "0"],
        &["check", "--concurrency", "many"],
        &["check", "--color", "sometimes"],
        &["check", "--context"],
        &["plan", "--context-lines", "-1"],
        &["apply", "--dry-run=maybe"],
        &["completion"],
        &["completion", "cobol"],
        &["help", "nothing"],
        &["version", "extra"],
        &["pin", "a/b/c", "web"],
        &["unpin", "bookstore", "web", "--all"],
    ] {
        let output = world.run(words).expect(1);
        assert_eq!(output.stdout, "", "{words:?}");
        assert!(output.stderr.starts_with("error: "), "{words:?}: {output}");
    }
    assert!(world.requests().is_empty());
}

#[test]
fn flags_alone_are_a_bare_call() {
    let world = World::new(Backend::Double);
    let bare = world.run(&[]).expect(0);
    assert_eq!(world.run(&["-q", "-v"]).expect(0).stdout, bare.stdout);
    assert!(bare.stdout.contains("Usage: kubectl image-update"), "{bare}");
}

#[test]
fn kubectls_own_spellings_are_read() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    for words in [
        &["check", "-v=6"][..],
        &["check", "--v=2"],
        &["-v=0", "check"],
        &["--context=test", "check", "-o=json"],
        &["check", "--insecure-skip-tls-verify=false"],
        &["check", "--request-timeout=5"],
        &["check", "--all-namespaces=false", "--no-headers=true", "--explain=false"],
        &["-n", world.namespace(), "-o", "json", "check"],
        &["check", "-n", ""],
    ] {
        let output = world.run(words);
        assert_eq!(output.code, 0, "{words:?}: {output}");
    }
}
