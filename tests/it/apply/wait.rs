//! `--wait`: what Argo CD makes of a change, played by the test, on a real API server, which tells of every change.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::bookstore::configured;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Output;
use crate::world::Terminal;
use crate::world::User;
use crate::world::World;
use crate::world::allow;
use crate::world::eventually;

fn open() -> World {
    let world = World::new(Backend::Real);
    bookstore::open(&world, Form::Helm);
    world.edit("bookstore", |object| object["spec"]["syncPolicy"] = json!({"automated": {}}));
    world
}

/// Applies as somebody who may watch, while `controller` does its part once the new version is written.
fn apply(world: &World, flags: &[&str], controller: impl FnOnce()) -> Output {
    apply_as(world, &world.add_user([allow("get list patch watch", "applications")]), flags, controller)
}

fn apply_as(world: &World, user: &User, flags: &[&str], controller: impl FnOnce()) -> Output {
    let words = [&["apply", "bookstore", "--yes", "-o", "json"], flags].concat();
    let running = world.invocation_as(user, &words).spawn();
    let written = || {
        let values = configured(&world.get("bookstore"));
        values.contains(&"image.tag=v1.0.1".to_owned()).then_some(())
    };
    eventually(Duration::from_secs(30), written).expect("the new version is written");
    controller();
    running.wait()
}

fn state(world: &World, sync: &str, health: &str, tag: &str) {
    let image = format!("{}:{tag}", world.image(REPOSITORY));
    world.edit("bookstore", |object| {
        let status = &mut object["status"];
        status["sync"] = json!({"status": sync});
        status["health"] = json!({"status": health, "message": "CrashLoopBackOff"});
        status["summary"]["images"] = json!([image]);
    });
}

fn rollout(output: &Output) -> Value {
    output.json()["receipts"][0]["rollout"].clone()
}

#[test]
fn it_ends_when_all_is_well() {
    let world = open();
    let output = apply(&world, &["--wait=50s"], || {
        state(&world, "OutOfSync", "Healthy", "v1.0.0");
        state(&world, "Synced", "Progressing", "v1.0.1");
        state(&world, "Synced", "Healthy", "v1.0.1");
    });
    let output = output.expect(0);
    assert_eq!(rollout(&output), json!({"outcome": "Healthy", "message": ""}));
    // It was told, and did not ask again and again.
    let requests = world.requests();
    let reads = requests.iter().filter(|request| request.verb == "get").count();
    assert!(reads <= 6 && requests.iter().any(|request| request.verb == "watch"), "{requests:#?}");
    // There is nothing to write the second time, and it is well already.
    let user = world.add_user([allow("get list patch watch", "applications")]);
    world.run_as(&user, &["apply", "bookstore", "--yes", "--wait=5s"]).expect(0);
}

#[test]
fn a_version_that_does_not_come_up_is_told_of() {
    let world = open();
    let output = apply(&world, &["--wait=50s"], || state(&world, "Synced", "Degraded", "v1.0.1"));
    let output = output.expect(6);
    let expected = json!({"outcome": "Failed", "message": "it is Degraded: CrashLoopBackOff"});
    assert_eq!(rollout(&output), expected, "{output}");
    assert!(configured(&world.get("bookstore")).contains(&"image.tag=v1.0.1".to_owned()), "it stays written");
}

#[test]
fn a_sync_that_fails_is_told_of() {
    let world = open();
    let output = apply(&world, &["--wait=50s"], || {
        world.edit("bookstore", |object| {
            object["status"]["operationState"] =
                json!({"phase": "Failed", "message": "one or more objects failed to apply", "startedAt": "2026-11-22T10:00:00Z"});
        });
    });
    let message = rollout(&output.expect(6))["message"].clone();
    assert_eq!(message, "the sync failed: one or more objects failed to apply");
}

#[test]
fn who_never_reacts_is_not_waited_for_longer_than_asked() {
    let world = open();
    let output = apply(&world, &["--wait=1s"], || {}).expect(6);
    let rollout = rollout(&output);
    assert_eq!(rollout["outcome"], "TimedOut", "{output}");
    assert!(rollout["message"].as_str().unwrap().ends_with("web v1.0.1 is not live yet"), "{output}");
}

#[test]
fn what_did_not_come_up_is_taken_back() {
    let world = open();
    let output = apply(&world, &["--wait=50s", "--undo-on-failure"], || state(&world, "Synced", "Degraded", "v1.0.1"));
    let report = output.expect(6).json();
    let receipts = report["receipts"].as_array().unwrap();
    let outcomes: Vec<_> = receipts.iter().map(|receipt| (&receipt["change"], &receipt["outcome"])).collect();
    let id = receipts[0]["change"].as_str().unwrap();
    assert_eq!(outcomes, [(&json!(id), &json!("Applied")), (&json!(format!("{id}-undo")), &json!("Applied"))]);
    assert!(configured(&world.get("bookstore")).contains(&"image.tag=v1.0.0".to_owned()), "{report}");
}

#[test]
fn without_the_right_to_watch_it_is_looked_at_again() {
    let world = open();
    let user = world.add_user([allow("get list patch", "applications")]);
    let output = apply_as(&world, &user, &["--wait=50s"], || state(&world, "Synced", "Healthy", "v1.0.1")).expect(0);
    assert_eq!(rollout(&output)["outcome"], "Healthy", "{output}");
}

#[test]
fn of_what_cannot_be_seen_nothing_is_said() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/bookstore", world.namespace());
    let away = Fault::kubernetes(500, "InternalError", "it is starting").on("GET", &path);
    let output = apply(&world, &["--wait=3s"], || world.api_double().fault(away)).expect(6);
    let rollout = rollout(&output);
    assert_eq!(rollout["outcome"], "Unknown", "{output}");
    assert!(rollout["message"].as_str().unwrap().contains("it is starting"), "{output}");
}

#[test]
fn argo_cd_is_told_to_sync() {
    let world = open();
    world.edit("bookstore", |object| object["spec"]["syncPolicy"] = json!({"syncOptions": ["Prune=false"]}));
    world.run(&["apply", "bookstore", "--yes", "--sync"]).expect(0);
    let object = world.get("bookstore");
    assert_eq!(object["metadata"]["annotations"]["argocd.argoproj.io/refresh"], "normal");
    assert_eq!(object["operation"]["initiatedBy"]["username"], "kubectl-image-update");
    assert_eq!(object["operation"]["sync"]["syncOptions"], json!(["Prune=false"]));
    // One that is running is left alone, and said.
    world.edit("bookstore", |object| {
        for entry in object["spec"]["source"]["helm"]["parameters"].as_array_mut().unwrap() {
            if entry["name"] == "image.tag" {
                entry["value"] = "v1.0.0".into();
            }
        }
    });
    let output = world.run(&["apply", "bookstore", "--yes", "--sync"]).expect(0);
    assert!(output.stderr.contains("was not told to sync: an operation is running already"), "{output}");
}

#[test]
fn a_wait_needs_a_time_that_is_one() {
    let world = open();
    let output = world.run(&["apply", "bookstore", "--yes", "--wait=soon"]).expect(1);
    assert!(output.stderr.contains("--wait"), "{output}");
    assert_eq!(world.writes().len(), 0, "it is said before anything is written");
    world.run(&["apply", "bookstore", "--yes", "--undo-on-failure"]).expect(1);
}

#[test]
fn a_terminal_shows_what_is_waited_for() {
    let world = open();
    let user = world.add_user([allow("get list patch watch", "applications")]);
    let invocation = world.invocation_as(&user, &["apply", "bookstore", "--wait=50s"]);
    let terminal = Terminal::start(&invocation, 80);
    terminal.wait_for("Write these changes?").send("y");
    terminal.wait_for("/bookstore: Synced, Healthy; web v1.0.1 is not live yet");
    state(&world, "Synced", "Progressing", "v1.0.1");
    terminal.wait_for("/bookstore: Synced, Progressing");
    state(&world, "Synced", "Healthy", "v1.0.1");
    let output = terminal.finish();
    assert_eq!(output.code, 0, "{output}");
    assert!(output.stdout.contains("Applied") && output.stdout.contains("Healthy"), "{output}");
}
