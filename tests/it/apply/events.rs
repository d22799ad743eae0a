//! Kubernetes Events about what was written, as Image Updater sends them.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::git::Shop;
use crate::world::ApiRequest;
use crate::world::Backend;
use crate::world::World;
use crate::world::allow;
use crate::world::on_both;
use crate::world::resource;

on_both!(
    an_update_is_told_of,
    a_pin_is_told_of_if_it_sets_a_version,
    a_commit_is_told_of,
    who_may_not_tell_writes_all_the_same,
);

/// The Events of the world's namespace, the first sent first.
fn events(world: &World) -> Vec<Value> {
    let mut events = world.cluster().list(resource("events"));
    events.retain(|event| event["metadata"]["namespace"] == world.namespace());
    events.sort_by_key(|event| event["metadata"]["name"].as_str().unwrap().to_owned());
    events
}

fn an_update_is_told_of(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    world.run(&["apply", "bookstore", "--yes", "--dry-run=server"]).expect(0);
    assert!(events(&world).is_empty());
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    let [event] = &events(&world)[..] else { panic!("one event") };
    let object = world.get("bookstore");
    let involved = &event["involvedObject"];
    for (key, value) in [
        ("apiVersion", json!("argoproj.io/v1alpha1")),
        ("kind", json!("Application")),
        ("name", json!("bookstore")),
        ("namespace", json!(world.namespace())),
        ("uid", object["metadata"]["uid"].clone()),
        ("resourceVersion", object["metadata"]["resourceVersion"].clone()),
    ] {
        assert_eq!(involved[key], value, "{key}: {event}");
    }
    let image = world.image(REPOSITORY);
    for (key, value) in
        [("full-image-name", image.as_str()), ("image-name", REPOSITORY), ("old-tag", "v1.0.0"), ("new-tag", "v1.0.1")]
    {
        assert_eq!(event["metadata"]["annotations"][format!("argocd-image-updater.image-0/{key}")], value, "{event}");
    }
    assert!(event["metadata"]["name"].as_str().unwrap().starts_with("bookstore."), "{event}");
    assert_eq!((&event["type"], &event["reason"]), (&json!("Normal"), &json!("ImagesUpdated")));
    assert_eq!(event["message"], "Successfully updated application 'bookstore'");
    assert_eq!(event["source"]["component"], "ArgocdImageUpdater");
    // Nothing is written, nothing is told; and nobody is told who does not want to be.
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    assert_eq!(events(&world).len(), 1);
    world.run(&["pin", "bookstore", "web=v1.0.0", "--no-events"]).expect(0);
    assert_eq!(events(&world).len(), 1);
    // Another at the same moment has a name of its own.
    world.run(&["pin", "bookstore", "web=v1.0.1"]).expect(0);
    assert_eq!(events(&world).len(), 2);
}

fn a_pin_is_told_of_if_it_sets_a_version(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Kustomize);
    world.run(&["pin", "bookstore", "web"]).expect(0);
    assert!(events(&world).is_empty(), "a hold updates no image");
    world.run(&["pin", "bookstore", "web=v1.0.1"]).expect(0);
    world.run(&["unpin", "bookstore", "web", "--restore-version"]).expect(0);
    let tags: Vec<_> = events(&world)
        .iter()
        .map(|event| event["metadata"]["annotations"]["argocd-image-updater.image-0/new-tag"].clone())
        .collect();
    assert_eq!(tags, ["v1.0.1", "v1.0.0"]);
}

fn a_commit_is_told_of(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    shop.apply(&[]).expect(0);
    let [event] = &events(&shop.world)[..] else { panic!("one event") };
    assert_eq!(event["metadata"]["annotations"]["argocd-image-updater.image-0/new-tag"], "v1.0.1");
    assert_eq!(event["involvedObject"]["uid"], shop.world.get("bookstore")["metadata"]["uid"]);
}

fn who_may_not_tell_writes_all_the_same(backend: Backend) {
    let world = World::new(backend);
    let course = bookstore::semver(&world);
    for name in ["one", "two"] {
        let application = course.application(&world, Form::Helm);
        world.application(application.with(|object| object["metadata"]["name"] = name.into()));
    }
    let user = world.add_user([allow("get list patch", "applications")]);
    let output = world.run_as(&user, &["apply", "--all", "--yes"]).expect(0);
    assert_eq!(output.stderr.matches("2 of 2 Events not sent").count(), 1, "{output}");
    assert!(output.stderr.contains("events") && output.stderr.contains("--no-events"), "{output}");
    assert!(events(&world).is_empty());
    world.forget();
    world.run_as(&user, &["pin", "one", "web=v1.0.0", "--no-events"]).expect(0);
    let asked = |request: &ApiRequest| request.resource == "events";
    assert!(!world.requests().iter().any(asked), "nobody was asked");
}
