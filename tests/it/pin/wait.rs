//! `pin --wait`: until what is pinned runs, on a real API server, which tells of every change.

use std::time::Duration;

use serde_json::json;

use super::at_v1_0_1;
use super::sets;
use crate::bookstore::Form;
use crate::world::Backend;
use crate::world::World;
use crate::world::allow;
use crate::world::eventually;

#[test]
fn a_pin_waits_until_it_runs() {
    let world = World::new(Backend::Real);
    at_v1_0_1(&world, Form::Helm);
    let user = world.add_user([allow("get list patch watch", "applications"), allow("create", "events")]);
    let words = ["pin", "bookstore", "web=v1.0.0", "--wait=50s", "-o", "json"];
    let running = world.invocation_as(&user, &words).spawn();
    eventually(Duration::from_secs(30), || sets(&world, "v1.0.0").then_some(())).expect("it is written");
    world.deploy("bookstore");
    let report = running.wait().expect(0).json();
    assert_eq!(report["receipts"][0]["rollout"], json!({"outcome": "Healthy", "message": ""}));
    assert_eq!(report["receipts"][0]["pin"]["tag"], "v1.0.0");
}

#[test]
fn a_pin_that_never_runs_is_told_of() {
    let world = World::new(Backend::Real);
    at_v1_0_1(&world, Form::Helm);
    let user = world.add_user([allow("get list patch watch", "applications"), allow("create", "events")]);
    let late = world.run_as(&user, &["pin", "bookstore", "web=v1.0.0", "--wait=1s"]).expect(6);
    assert!(late.stdout.contains("TimedOut") && late.stdout.contains("v1.0.0 is not live yet"), "{late}");
    // It is set already, and still not live: that is waited for too.
    let again = world.run_as(&user, &["pin", "bookstore", "web=v1.0.0", "--wait=1s"]).expect(6);
    assert!(again.stdout.contains("v1.0.0 is not live yet"), "{again}");
    world.run(&["pin", "bookstore", "web=v1.0.0", "--wait=soon"]).expect(1);
}
