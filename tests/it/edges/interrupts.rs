//! Ctrl-C, SIGTERM and SIGHUP: a read is dropped at once; a write in hand is finished, and the report says what was
//! written.

use std::path::Path;

use serde_json::Value;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::git::Shop;
use crate::git::VALUES;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Gate;
use crate::world::RegistryAuth;
use crate::world::RegistryDouble;
use crate::world::World;
use crate::world::on_both;

on_both!(a_check_ends_at_once);

fn a_check_ends_at_once(backend: Backend) {
    let world = World::new(backend);
    let registry = RegistryDouble::start(RegistryAuth::None);
    let image = format!("{}/{REPOSITORY}", registry.host());
    let application = Application::named("bookstore").image_list(&format!("web={image}:~1.0"));
    world.application(application.helm(&[("image.tag", "v1.0.0")]).images(&[&format!("{image}:v1.0.0")]));
    let gate = Gate::new();
    registry.fault(Fault::wait(&gate));
    for (words, signal) in [
        (&["check"][..], "INT"),
        (&["check", "-o", "json"], "TERM"),
        (&["plan"], "HUP"),
        (&["apply", "--all", "--yes"], "INT"),
        (&["apply", "--all", "--yes"], "TERM"),
    ] {
        let running = world.spawn(words);
        gate.wait_for_arrival();
        gate.forget();
        running.signal(signal);
        let output = running.wait().expect(130);
        assert_eq!(output.stdout, "", "{words:?}");
        assert!(output.stderr.contains("interrupted"), "{output}");
    }
    assert!(world.writes().is_empty());
}

#[test]
fn a_write_in_hand_is_finished() {
    for signal in ["INT", "TERM", "HUP"] {
        interrupted_while_writing(signal, &[]);
    }
}

/// Whoever wants it to end does not want to wait for Argo CD either.
#[test]
fn after_a_write_in_hand_nothing_is_waited_for() {
    let report = interrupted_while_writing("INT", &["--wait=50s", "--sync", "--undo-on-failure"]);
    let receipts = report["receipts"].as_array().unwrap();
    let written: Vec<_> = receipts.iter().filter(|receipt| receipt["outcome"] == "Applied").collect();
    assert!(written.iter().all(|receipt| receipt["rollout"]["outcome"] == "Unknown"), "{report}");
    assert!(!receipts.iter().any(|receipt| receipt["change"].as_str().unwrap().ends_with("-undo")), "{report}");
}

/// Interrupts an apply of twenty Applications in its writes; the report.
fn interrupted_while_writing(signal: &str, flags: &[&str]) -> Value {
    let world = World::new(Backend::Double);
    let course = bookstore::semver(&world);
    for number in 0..20 {
        let application = course.application(&world, Form::Helm);
        world.application(application.with(|object| object["metadata"]["name"] = format!("store-{number:02}").into()));
    }
    let collection = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/", world.namespace());
    let gate = Gate::new();
    world.api_double().fault(Fault::wait(&gate).on("PATCH", &collection));
    let running = world.spawn(&[&["apply", "--all", "--yes", "-o", "json"], flags].concat());
    gate.wait_for_arrival();
    running.signal(signal);
    // The tool has to notice before the gate opens: it says so.
    running.wait_for_stderr("interrupt");
    gate.open();
    let output = running.wait().expect(130);
    let report = output.json();
    let (applied, failed) = (&report["summary"]["applied"], &report["summary"]["failed"]);
    let (applied, failed) = (applied.as_u64().unwrap(), failed.as_u64().unwrap());
    assert!(applied > 0 && failed > 0 && applied + failed == 20, "{output}");
    assert_eq!(world.writes().len() as u64, applied, "the report says what was written");
    let receipts = report["receipts"].as_array().unwrap().iter();
    for receipt in receipts.filter(|receipt| receipt["outcome"] == "Failed") {
        assert!(receipt["message"].as_str().unwrap().contains("interrupted"), "{receipt}");
    }
    report
}

/// Before the first write there is nothing to finish.
#[test]
fn the_checks_of_a_plan_end_at_once() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/bookstore", world.namespace());
    let gate = Gate::new();
    world.api_double().fault(Fault::wait(&gate).on("GET", &path));
    let running = world.spawn(&["apply", "--plan", "plan.json", "-o", "json"]);
    gate.wait_for_arrival();
    running.interrupt();
    let output = running.wait().expect(130);
    assert_eq!(output.stdout, "", "{output}");
    assert!(output.stderr.contains("nothing was written"), "{output}");
    // The time of the whole command ends them too.
    let output = world.run(&["apply", "--plan", "plan.json", "-o", "json", "--timeout=2s"]).expect(1);
    assert_eq!(output.stdout, "", "{output}");
    assert!(output.stderr.contains("--timeout"), "{output}");
    assert!(world.writes().is_empty());
}

/// All was written, and yet somebody wanted it to end.
#[test]
fn the_only_write_is_finished_and_the_interrupt_is_told() {
    for words in [&["apply", "bookstore", "--yes"][..], &["pin", "bookstore", "web=v1.0.1"]] {
        let world = World::new(Backend::Double);
        bookstore::open(&world, Form::Helm);
        let collection = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/", world.namespace());
        let gate = Gate::new();
        world.api_double().fault(Fault::wait(&gate).on("PATCH", &collection));
        let running = world.spawn(&[words, &["-o", "json"]].concat());
        gate.wait_for_arrival();
        running.interrupt();
        running.wait_for_stderr("interrupt");
        gate.open();
        let output = running.wait().expect(130);
        assert_eq!(output.json()["receipts"][0]["outcome"], "Applied", "{output}");
    }
}

/// What was written by then is told of, and what Argo CD makes of it is not known.
#[test]
fn a_wait_ends_with_the_time_of_the_command() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    let words = ["apply", "--plan", "plan.json", "-o", "json", "--wait=10m", "--undo-on-failure", "--timeout=5s"];
    let output = world.run(&words).expect(6);
    let receipt = &output.json()["receipts"][0];
    assert_eq!(
        (&receipt["outcome"], &receipt["rollout"]["outcome"]),
        (&"Applied".into(), &"TimedOut".into()),
        "{output}"
    );
    assert_eq!(world.writes().len(), 1, "nothing is begun after that");
}

/// A pipe that nobody writes to holds up no command for longer than it may take.
#[test]
fn what_never_comes_is_not_waited_for() {
    let world = World::new(Backend::Double);
    world.pipe("pipe.yaml");
    for words in
        [&["check", "-f", "pipe.yaml"][..], &["apply", "--plan", "pipe.yaml"], &["plan", "--plan", "pipe.yaml"]]
    {
        let output = world.run(&[words, &["--timeout=1s"]].concat()).expect(1);
        assert!(output.stderr.contains("--timeout") && output.stdout.is_empty(), "{output}");
    }
}

#[test]
fn who_insists_is_not_kept() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let collection = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/", world.namespace());
    let gate = Gate::new();
    world.api_double().fault(Fault::wait(&gate).on("PATCH", &collection));
    let running = world.spawn(&["apply", "bookstore", "--yes"]);
    gate.wait_for_arrival();
    running.interrupt();
    running.wait_for_stderr("interrupt");
    running.interrupt();
    let output = running.wait().expect(130);
    assert!(!output.stderr.contains("panicked"), "{output}");
}

#[test]
fn nohup_outlives_the_terminal() {
    let world = World::new(Backend::Double);
    let registry = RegistryDouble::start(RegistryAuth::None);
    let image = format!("{}/{REPOSITORY}", registry.host());
    let application = Application::named("bookstore").image_list(&format!("web={image}:~1.0"));
    world.application(application.helm(&[("image.tag", "v1.0.0")]).images(&[&format!("{image}:v1.0.0")]));
    let gate = Gate::new();
    registry.fault(Fault::wait(&gate).times(1));
    let mut invocation = world.invocation(&["check"]);
    let arguments = std::mem::take(&mut invocation.arguments);
    let program = std::mem::replace(&mut invocation.program, "/bin/sh".into());
    // What nohup does.
    invocation.arg("-c").arg("trap '' HUP; exec \"$0\" \"$@\"").arg(program);
    invocation.arguments.extend(arguments);
    let running = invocation.spawn();
    gate.wait_for_arrival();
    running.signal("HUP");
    gate.open();
    let output = running.wait();
    assert!(output.stdout.contains("bookstore") && !output.stderr.contains("interrupted"), "{output}");
}

#[test]
fn a_question_is_ended_too() {
    for signal in ["TERM", "HUP", "INT"] {
        let world = World::new(Backend::Double);
        bookstore::open(&world, Form::Helm);
        let terminal = world.run_in_terminal(&["apply", "bookstore"], 120);
        terminal.wait_for("Write these changes?").signal(signal);
        let output = terminal.finish();
        assert_eq!(output.code, 130, "{signal}: {output}");
        assert!(output.stdout.contains("interrupted; nothing was written"), "{signal}: {output}");
        assert!(world.writes().is_empty());
    }
}

/// The temporary clones in a folder.
fn clones(folder: &Path) -> usize {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("kubectl-image-update-clone-")).count()
}

#[test]
fn no_temporary_clone_is_left_for_long() {
    for signal in ["INT", "TERM", "HUP", "KILL"] {
        let shop = Shop::open(Backend::Double);
        shop.world.application(shop.bookstore());
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        let start = |words: &[&str]| {
            let mut invocation = shop.invocation(words);
            invocation.env("TMPDIR", folder);
            invocation.spawn()
        };
        let gate = Gate::new();
        shop.world.git().https().fault(Fault::wait(&gate).on("POST", "/acme/deploy.git/git-upload-pack"));
        let running = start(&["plan"]);
        gate.wait_for_arrival();
        assert_eq!(clones(folder), 1);
        running.signal(signal);
        let output = running.wait();
        gate.open();
        shop.world.git().https().heal();
        if signal == "KILL" {
            assert_eq!((output.code, clones(folder)), (137, 1));
            // The next run removes it, and not that of a run that goes on.
            let gate = Gate::new();
            shop.world.git().https().fault(Fault::wait(&gate).on("POST", "/acme/deploy.git/git-upload-pack").times(1));
            let other = start(&["plan"]);
            gate.wait_for_arrival();
            assert_eq!(clones(folder), 1, "its own");
            start(&["apply", "--all", "--yes"]).wait().expect(0);
            assert_eq!(clones(folder), 1, "still its own");
            gate.open();
            other.wait().expect(0);
            assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1"));
        } else {
            assert_eq!(output.code, 130, "{signal}: {output}");
        }
        assert_eq!(clones(folder), 0, "{signal}");
    }
}
