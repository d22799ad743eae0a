//! What the caller may not do: errors name verb, resource and namespace; what is allowed is done.

use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::world::Backend;
use crate::world::Output;
use crate::world::User;
use crate::world::World;
use crate::world::allow;
use crate::world::on_both;

on_both!(
    who_may_not_list_is_told,
    who_may_not_patch_is_told,
    who_may_not_get_is_told,
    what_is_allowed_is_done,
    a_login_that_is_not_accepted_is_said,
    impersonation_is_asked_for,
);

fn open(backend: Backend, names: &[&str]) -> World {
    let world = World::new(backend);
    let course = bookstore::semver(&world);
    for name in names {
        let application = course.application(&world, Form::Helm);
        world.application(application.with(|object| object["metadata"]["name"] = (*name).into()));
    }
    world
}

/// A failure whose words name what is missing.
fn denied(world: &World, output: Output, verb: &str) {
    let output = output.expect(1);
    assert_eq!(output.stdout, "", "{output}");
    for word in [&format!(" {verb} "), "applications.argoproj.io", world.namespace()] {
        assert!(output.stderr.contains(word), "`{word}` is missing:\n{output}");
    }
}

fn who_may_not_list_is_told(backend: Backend) {
    let world = open(backend, &["bookstore"]);
    let user = world.add_user([allow("get patch", "applications")]);
    for words in [&["check"][..], &["plan"], &["apply", "--all", "--yes"], &["check", "-l", "a=b"]] {
        denied(&world, world.run_as(&user, words), "list");
    }
    // By name there is nothing to list.
    world.run_as(&user, &["check", "bookstore"]).expect(0);
    world.run_as(&user, &["apply", "bookstore", "--yes"]).expect(0);
    assert_eq!(world.writes().len(), 1);
}

fn who_may_not_patch_is_told(backend: Backend) {
    let world = open(backend, &["bookstore"]);
    let user = world.add_user([allow("get list", "applications")]);
    world.run_as(&user, &["check"]).expect(0);
    world.run_as(&user, &["plan", "--out", "plan.json"]).expect(0);
    for words in [
        &["apply", "bookstore", "--yes"][..],
        &["apply", "--plan", "plan.json"],
        &["apply", "bookstore", "--dry-run=server"],
        &["apply", "bookstore", "--yes", "-o", "json"],
        &["pin", "bookstore", "web"],
    ] {
        denied(&world, world.run_as(&user, words), "patch");
    }
    assert!(world.writes().is_empty());
    // Nobody is asked in a dry run of the client's.
    world.run_as(&user, &["apply", "bookstore", "--dry-run"]).expect(0);
}

fn who_may_not_get_is_told(backend: Backend) {
    let world = open(backend, &["bookstore"]);
    let user = world.add_user([allow("list patch", "applications")]);
    world.run_as(&user, &["check"]).expect(0);
    denied(&world, world.run_as(&user, &["check", "bookstore"]), "get");
    denied(&world, world.run_as(&user, &["apply", "--all", "--yes"]), "get");
    assert!(world.writes().is_empty());
}

fn what_is_allowed_is_done(backend: Backend) {
    let world = open(backend, &["alpha", "beta", "gamma"]);
    let grants = [allow("get list", "applications"), allow("patch", "applications").named("alpha").named("gamma")];
    let user = world.add_user(grants);
    let output = world.run_as(&user, &["apply", "--all", "--yes", "-o", "json"]).expect(3);
    let report = output.json();
    let outcomes: Vec<_> = report["receipts"].as_array().unwrap().iter().map(|receipt| &receipt["outcome"]).collect();
    assert_eq!(outcomes, ["Applied", "Rejected", "Applied"]);
    let expected = json!({"applied": 2, "alreadyApplied": 0, "stale": 0, "rejected": 1, "failed": 0});
    assert_eq!(report["summary"], expected);
    let message = report["receipts"][1]["message"].as_str().unwrap();
    assert!(message.contains("cannot patch"), "{message}");
    assert_eq!(report["receipts"][1]["at"], json!(null));
    let people = world.run_as(&user, &["apply", "beta", "alpha", "--yes"]).expect(1);
    assert!(people.stderr.contains("beta  Rejected"), "{people}");
}

fn a_login_that_is_not_accepted_is_said(backend: Backend) {
    let world = open(backend, &["bookstore"]);
    let stranger = User { name: "stranger".to_owned(), token: "no-such-t0ken".to_owned() };
    let output = world.run_as(&stranger, &["check", "-vv"]).expect(1);
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains("401") && output.stderr.contains("log in"), "{output}");
    assert!(!output.stderr.contains("no-such-t0ken"), "{output}");
    let output = world.run(&["check", "--token", "no-such-t0ken", "-vv"]).expect(1);
    assert!(output.stderr.contains("401") && !output.stderr.contains("no-such-t0ken"), "{output}");
}

fn impersonation_is_asked_for(backend: Backend) {
    let world = open(backend, &["bookstore"]);
    let target = world.add_user([allow("get list", "applications")]);
    let output = world.run(&["check", "--as", &target.name]).expect(1);
    assert!(output.stderr.contains("impersonate") && output.stderr.contains("--as"), "{output}");
    let master = world.add_user([allow("impersonate", "users").everywhere().named(&target.name)]);
    denied(&world, world.run_as(&master, &["check"]), "list");
    world.forget();
    world.run_as(&master, &["check", "--as", &target.name]).expect(0);
    let requests = world.requests();
    assert!(!requests.is_empty());
    assert!(requests.iter().all(|request| request.impersonated.as_ref() == Some(&target.name)), "{requests:?}");
    for words in [["check", "--as-group", "g"], ["check", "--as-uid", "u"]] {
        let output = world.run(&words).expect(1);
        assert!(output.stderr.contains("--as"), "{output}");
    }
}
