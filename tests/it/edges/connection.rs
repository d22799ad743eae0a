//! No cluster, the wrong one, or one that does not answer: said quickly, with what helps.

use std::time::Duration;
use std::time::Instant;

use crate::bookstore;
use crate::bookstore::Form;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Invocation;
use crate::world::Output;
use crate::world::World;
use crate::world::on_both;

on_both!(
    without_a_kubeconfig_there_is_no_cluster,
    a_kubeconfig_that_is_none_is_named,
    unknown_contexts_are_named,
    flags_beat_the_kubeconfig,
    a_server_that_refuses_is_named,
    certificates_are_checked,
    without_argo_cd_that_is_said,
);

/// Exit 1, nothing on standard output, and these words.
fn failed(output: Output, words: &[&str]) {
    let output = output.expect(1);
    assert_eq!(output.stdout, "");
    assert!(output.stderr.starts_with("error: "), "{output}");
    for word in words {
        assert!(output.stderr.contains(word), "`{word}` is missing:\n{output}");
    }
}

fn without_a_kubeconfig_there_is_no_cluster(backend: Backend) {
    let world = World::new(backend);
    let ways: [fn(&mut Invocation); 3] = [
        |invocation| {
            invocation.env_remove("KUBECONFIG");
        },
        |invocation| {
            invocation.env("KUBECONFIG", "/nonexistent/config");
        },
        |invocation| {
            invocation.env_remove("KUBECONFIG").env_remove("HOME");
        },
    ];
    for way in ways {
        for words in [&["check"][..], &["plan"], &["apply", "--all", "--yes"], &["pin", "bookstore", "web"]] {
            failed(world.run_with(words, way), &["kubeconfig"]);
        }
    }
    failed(world.run(&["check", "--kubeconfig", "/nonexistent/config"]), &["/nonexistent/config"]);
}

fn a_kubeconfig_that_is_none_is_named(backend: Backend) {
    let world = World::new(backend);
    for text in ["", "{", "a: [", "kind: Config\ncurrent-context: gone\n", "\u{0}"] {
        let file = world.file("broken.yaml", text);
        let output = world.run(&["check", "--kubeconfig", "broken.yaml"]).expect(1);
        assert_eq!(output.stdout, "");
        assert!(output.stderr.starts_with("error: "), "{text:?}: {output}");
        let output = world.run_with(&["check"], |invocation| {
            invocation.env("KUBECONFIG", &file);
        });
        failed(output, &[]);
    }
}

fn unknown_contexts_are_named(backend: Backend) {
    let world = World::new(backend);
    failed(world.run(&["check", "--context", "tset"]), &["`tset`", "test"]);
    failed(world.run(&["check", "--cluster", "nowhere"]), &["`nowhere`"]);
    failed(world.run(&["check", "--user", "nobody"]), &["`nobody`"]);
    world.run(&["check", "--context", "test", "--cluster", "test", "--user", "test"]).expect(0);
    assert!(world.requests().iter().all(|request| request.user == world.user().name));
}

fn flags_beat_the_kubeconfig(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    let url = world.cluster().url();
    let stranger = world.add_user([]);
    let words = ["check", "-o", "name", "--token", &world.user().token];
    assert_eq!(world.run_as(&stranger, &words).expect(0).stdout, "application.argoproj.io/bookstore\n");
    let words = ["check", "-o", "name", "-s", &url, "--insecure-skip-tls-verify", "--token", &world.user().token];
    let words = [&words[..], &["-n", world.namespace()]].concat();
    let output = world.run_with(&words, |invocation| {
        invocation.env_remove("KUBECONFIG");
    });
    assert_eq!(output.expect(0).stdout, "application.argoproj.io/bookstore\n");
}

fn a_server_that_refuses_is_named(backend: Backend) {
    let world = World::new(backend);
    let began = Instant::now();
    failed(world.run(&["check", "--server", "https://127.0.0.1:9"]), &["https://127.0.0.1:9", "cannot be reached"]);
    failed(world.run(&["check", "--server", "http://127.0.0.1:9"]), &["http://127.0.0.1:9"]);
    for server in ["nonsense", "ftp://127.0.0.1", "https://", "https://[::1"] {
        failed(world.run(&["check", "--server", server]), &[]);
    }
    assert!(began.elapsed() < Duration::from_secs(20), "a refusal is no time out");
}

fn certificates_are_checked(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    let url = world.cluster().url();
    let other = rcgen::generate_simple_self_signed(["other".to_owned()]).unwrap();
    let file = world.file("other.pem", &other.cert.pem());
    let file = file.display().to_string();
    failed(world.run(&["check", "-s", &url, "--certificate-authority", &file]), &["certificate", &url]);
    failed(world.run(&["check", "--tls-server-name", "other.example.com"]), &["certificate"]);
    failed(world.run(&["check", "--certificate-authority", "missing.pem"]), &["missing.pem"]);
    world.run(&["check", "--insecure-skip-tls-verify"]).expect(0);
}

fn without_argo_cd_that_is_said(backend: Backend) {
    let world = World::alone(backend);
    world.uninstall("applications");
    for words in [&["check"][..], &["check", "bookstore"]] {
        failed(world.run(words), &["Argo CD is not installed", "--context"]);
    }
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    world.api_double().fault(Fault::hang());
    let began = Instant::now();
    let url = world.cluster().url();
    for words in [&["check"][..], &["plan"], &["check", "bookstore"], &["apply", "--all", "--yes"]] {
        let words = [words, &["--request-timeout", "0.2s"]].concat();
        let output = world.run(&words);
        failed(output, &[&url, "did not answer", "--request-timeout"]);
    }
    failed(world.run(&["check", "--timeout=300ms"]), &["--timeout"]);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    for (flag, value) in [("--request-timeout", "soon"), ("--timeout", "-1s"), ("--request-timeout", "")] {
        failed(world.run(&["check", flag, value]), &[]);
    }
}

#[test]
fn a_server_that_is_none_is_named() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    for fault in [
        Fault::garbage("<html>login</html>").header("Content-Type", "text/html"),
        Fault::garbage("{\"kind\": \"ApplicationList\", \"items\": 7}"),
        Fault::status(500).body("oops"),
        Fault::status(302).header("Location", "https://login.example.com/"),
        Fault::truncate(),
        Fault::close(),
    ] {
        world.api_double().heal();
        world.api_double().fault(fault);
        failed(world.run(&["check", "--request-timeout", "5s"]), &[&world.cluster().url()]);
    }
}

#[test]
fn a_registry_that_does_not_answer_is_not_waited_for() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    world.registry().double().fault(Fault::hang());
    let began = Instant::now();
    for (words, code, says) in [
        (&["check"][..], 3, "1 undetermined"),
        (&["check", "-o", "json"], 3, "--timeout"),
        (&["plan", "-o", "json"], 3, "\"complete\": false"),
        (&["apply", "--all", "--yes"], 3, ""),
        (&["pin", "bookstore", "web=v1.0.1"], 1, "--timeout"),
    ] {
        let output = world.run(&[words, &["--timeout", "1s"]].concat()).expect(code);
        assert!(output.to_string().contains(says), "{output}");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(world.writes().is_empty());
}
