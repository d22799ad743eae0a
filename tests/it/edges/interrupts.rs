//! Ctrl-C: a read is dropped at once; a write in hand is finished, and the report says what was written.

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
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
    for words in [&["check"][..], &["check", "-o", "json"], &["plan"], &["apply", "--all", "--yes"]] {
        let running = world.spawn(words);
        gate.wait_for_arrival();
        gate.forget();
        running.interrupt();
        let output = running.wait().expect(130);
        assert_eq!(output.stdout, "", "{words:?}");
        assert!(output.stderr.contains("interrupted"), "{output}");
    }
    assert!(world.writes().is_empty());
}

#[test]
fn a_write_in_hand_is_finished() {
    let world = World::new(Backend::Double);
    let course = bookstore::semver(&world);
    for number in 0..20 {
        let application = course.application(&world, Form::Helm);
        world.application(application.with(|object| object["metadata"]["name"] = format!("store-{number:02}").into()));
    }
    let collection = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/", world.namespace());
    let gate = Gate::new();
    world.api_double().fault(Fault::wait(&gate).on("PATCH", &collection));
    let running = world.spawn(&["apply", "--all", "--yes", "-o", "json"]);
    gate.wait_for_arrival();
    running.interrupt();
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
