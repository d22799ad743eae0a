//! Runs that meet each other, and runs that are cut off at any stage: nothing is written twice, nothing is half
//! written, and the next run does the rest.

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::bookstore::configured;
use crate::git::Shop;
use crate::git::VALUES;
use crate::git::outcomes;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Gate;
use crate::world::Image;
use crate::world::Invocation;
use crate::world::Output;
use crate::world::RegistryAuth;
use crate::world::RegistryDouble;
use crate::world::World;
use crate::world::on_both;

on_both!(two_applies_of_one_plan_write_once, two_applies_of_one_plan_push_once);

/// Of two runs of one plan, one wrote; the other found that done, or no longer fitting.
fn one_of(outputs: &[Output]) {
    let said: Vec<(i32, String)> = outputs.iter().map(|output| (output.code, outcomes(output)[0].0.clone())).collect();
    let applied = said.iter().filter(|said| **said == (0, "Applied".to_owned())).count();
    let late = [(0, "AlreadyApplied".to_owned()), (4, "Stale".to_owned())];
    assert_eq!(applied, 1, "{said:?}\n{}\n{}", outputs[0], outputs[1]);
    assert!(said.iter().any(|said| late.contains(said)), "{said:?}\n{}\n{}", outputs[0], outputs[1]);
}

/// Two runs at once. Each invocation writes the kubeconfig, so that both are made before the first runs.
fn both(make: impl Fn() -> Invocation) -> Vec<Output> {
    let ready = [make(), make()];
    let running = ready.each_ref().map(Invocation::spawn);
    running.map(crate::world::Running::wait).into()
}

fn two_applies_of_one_plan_write_once(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    one_of(&both(|| world.invocation(&["apply", "--plan", "plan.json", "-o", "json"])));
    let written: Vec<_> = world.writes().into_iter().filter(|request| request.status == Some(200)).collect();
    assert_eq!(written.len(), 1, "{written:?}");
}

#[test]
fn two_applies_that_both_found_all_as_planned_write_once() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    let collection = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/", world.namespace());
    let gates = [Gate::new(), Gate::new()];
    for gate in &gates {
        world.api_double().fault(Fault::wait(gate).on("PATCH", &collection).times(1));
    }
    let ready = [0, 1].map(|_| world.invocation(&["apply", "--plan", "plan.json", "-o", "json"]));
    let running = ready.each_ref().map(Invocation::spawn);
    // Both have checked everything, and have sent what they write.
    gates.iter().for_each(Gate::wait_for_arrival);
    gates.iter().for_each(Gate::open);
    one_of(&running.map(crate::world::Running::wait));
    assert_eq!(world.writes().iter().filter(|request| request.status == Some(200)).count(), 1);
}

fn two_applies_of_one_plan_push_once(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let before = shop.repository.head("main").unwrap();
    shop.run(&["plan", "--out", "plan.json"]).expect(0);
    let gates = [Gate::new(), Gate::new()];
    for gate in &gates {
        let push = Fault::wait(gate).on("POST", "/acme/deploy.git/git-receive-pack");
        shop.world.git().https().fault(push.times(1));
    }
    let ready = [0, 1].map(|_| shop.invocation(&["apply", "--plan", "plan.json", "-o", "json"]));
    let running = ready.each_ref().map(Invocation::spawn);
    gates.iter().for_each(Gate::wait_for_arrival);
    gates.iter().for_each(Gate::open);
    one_of(&running.map(crate::world::Running::wait));
    assert_eq!(shop.repository.git(&["rev-list", "--count", &format!("{before}..main")]).trim(), "1");
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1"));
}

/// A stage of a run: the request at which it is cut off.
#[derive(Clone, Copy, Debug)]
enum Stage {
    List,
    Tags,
    Look,
    Write,
}

#[test]
fn a_run_that_is_cut_off_anywhere_is_completed_by_the_next() {
    for signal in ["INT", "KILL"] {
        for stage in [Stage::List, Stage::Tags, Stage::Look, Stage::Write] {
            cut_off(stage, signal);
        }
    }
}

fn cut_off(stage: Stage, signal: &str) {
    const COUNT: usize = 12;
    let world = World::new(Backend::Double);
    let registry = RegistryDouble::start(RegistryAuth::None);
    for (tag, built) in [("v1.0.0", "2026-10-01T08:00:00Z"), ("v1.0.1", "2026-11-02T08:00:00Z")] {
        registry.push(REPOSITORY, tag, &Image::built(built));
    }
    let image = format!("{}/{REPOSITORY}", registry.host());
    let names: Vec<String> = (0..COUNT).map(|number| format!("store-{number:02}")).collect();
    for name in &names {
        let application = Application::named(name).image_list(&format!("web={image}:~1.0"));
        let application = application.helm(&[("image.name", &image), ("image.tag", "v1.0.0")]);
        world.application(application.images(&[&format!("{image}:v1.0.0")]));
    }
    let collection = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications", world.namespace());
    let gate = Gate::new();
    match stage {
        Stage::List => world.api_double().fault(Fault::wait(&gate).on("GET", &collection)),
        Stage::Tags => registry.fault(Fault::wait(&gate).at(&format!("/v2/{REPOSITORY}/tags/list"))),
        Stage::Look => {
            world.api_double().fault(Fault::wait(&gate).on("GET", &format!("{collection}/")).after(COUNT / 2));
        }
        Stage::Write => {
            // Eight are written at a time: some are in hand, and some are not begun.
            world.api_double().fault(Fault::wait(&gate).on("PATCH", &format!("{collection}/")).after(1));
        }
    }
    let running = world.spawn(&["apply", "--all", "--yes", "-o", "json"]);
    gate.wait_for_arrival();
    running.signal(signal);
    if signal == "INT" && matches!(stage, Stage::Look | Stage::Write) {
        // It has to notice before the gate opens: it says so.
        running.wait_for_stderr("interrupt");
        gate.open();
    }
    let output = running.wait();
    gate.open();
    world.api_double().heal();
    registry.heal();
    let case = format!("{signal} at {stage:?}: {output}");
    if signal == "INT" {
        assert_eq!(output.code, 130, "{case}");
        let said = if output.stdout.is_empty() { 0 } else { output.json()["summary"]["applied"].as_u64().unwrap() };
        assert_eq!(said, applied(&world), "{case}");
    }
    assert!(matches!(stage, Stage::Write) || applied(&world) == 0, "{case}");
    // Each is what it was, or all that it should be.
    for name in &names {
        let values = configured(&world.get(name));
        assert!(values.iter().any(|value| value == "image.tag=v1.0.0" || value == "image.tag=v1.0.1"), "{values:?}");
    }
    world.run(&["apply", "--all", "--yes"]).expect(0);
    for name in &names {
        assert!(configured(&world.get(name)).contains(&"image.tag=v1.0.1".to_owned()), "{case}");
    }
    assert_eq!(applied(&world), COUNT as u64, "{case}");
}

/// How many writes succeeded.
fn applied(world: &World) -> u64 {
    world.writes().iter().filter(|request| request.status == Some(200)).count() as u64
}

#[test]
fn a_run_that_is_cut_off_at_a_git_server_is_completed_by_the_next() {
    for signal in ["INT", "KILL"] {
        for (method, path) in [
            ("GET", "/acme/deploy.git/info/refs"),
            ("POST", "/acme/deploy.git/git-upload-pack"),
            ("POST", "/acme/deploy.git/git-receive-pack"),
        ] {
            let shop = Shop::open(Backend::Double);
            shop.world.application(shop.bookstore());
            let before = shop.repository.head("main").unwrap();
            let gate = Gate::new();
            shop.world.git().https().fault(Fault::wait(&gate).on(method, path));
            let running = shop.spawn(&["apply", "--all", "--yes", "-o", "json"]);
            gate.wait_for_arrival();
            running.signal(signal);
            let pushing = path.ends_with("git-receive-pack");
            if signal == "INT" && pushing {
                running.wait_for_stderr("interrupt");
                gate.open();
            }
            let output = running.wait();
            gate.open();
            shop.world.git().https().heal();
            let case = format!("{signal} at {path}: {output}");
            match (signal, pushing) {
                // The push in hand is finished.
                ("INT", true) => assert_eq!((output.code, outcomes(&output)[0].0.as_str()), (130, "Applied"), "{case}"),
                ("INT", false) => assert_eq!((output.code, output.stdout.as_str()), (130, ""), "{case}"),
                _ => {}
            }
            shop.repository.check();
            shop.apply(&[]).expect(0);
            assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1"), "{case}");
            let commits = shop.repository.git(&["rev-list", "--count", &format!("{before}..main")]);
            assert_eq!(commits.trim(), "1", "{case}");
        }
    }
}
