//! `ApplicationSet`s and parent Applications: what they leave alone is no warning, and the edit that lasts is a manifest.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::world::Backend;
use crate::world::World;
use crate::world::allow;
use crate::world::on_both;
use crate::world::resource;

on_both!(an_application_set_is_read, a_parent_is_read);

const ARGO: &str = "argoproj.io/v1alpha1";

/// The bookstore, made by the ApplicationSet `shops` with this spec.
fn of_a_set(backend: Backend, spec: &Value) -> World {
    let world = World::new(backend);
    world.grant(world.user(), allow("get", "applicationsets"));
    let set = json!({"apiVersion": ARGO, "kind": "ApplicationSet", "metadata": {"name": "shops"}, "spec": spec});
    let set = world.object(set);
    let course = bookstore::semver(&world);
    world.application(course.application(&world, Form::Helm).with(|object| {
        object["metadata"]["ownerReferences"] =
            json!([{"apiVersion": ARGO, "kind": "ApplicationSet", "name": "shops", "uid": set["metadata"]["uid"]}]);
    }));
    world
}

/// The manifests of the diagnostics about owners in a plan.
fn manifests(world: &World) -> Vec<Value> {
    let plan = world.run(&["plan", "-o", "json"]).expect(0).json();
    let found = plan["diagnostics"].as_array().unwrap().iter().filter(|found| found["code"] == "reverted-by-owner");
    found.flat_map(|found| found["manifests"].as_array().unwrap().clone()).collect()
}

fn an_application_set_is_read(backend: Backend) {
    let world = of_a_set(backend, &json!({"preservedFields": {"annotations": ["team/x"]}}));
    let ignoring = json!({"ignoreApplicationDifferences": [{"jsonPointers": ["/spec/source/helm/parameters"]}]});
    let expected = json!({
        "apiVersion": ARGO, "kind": "ApplicationSet", "metadata": {"name": "shops", "namespace": world.namespace()},
        "spec": ignoring,
    });
    assert_eq!(manifests(&world), [expected]);
    // For people it is YAML that they can merge.
    let output = world.run(&["pin", "bookstore", "web=v1.0.1"]).expect(0);
    for line in [
        "kind: ApplicationSet",
        "preservedFields:",
        "- team/x",
        "- argocd-image-updater.argoproj.io/web.ignore-tags",
        "- kubectl-image-update/pin.web",
        "ignoreApplicationDifferences:",
        "- /spec/source/helm/parameters",
    ] {
        assert!(output.stderr.contains(line), "`{line}` is missing: {output}");
    }
    // Merged, it is said no more.
    let sets = resource("applicationsets");
    world.cluster().edit(sets, world.namespace(), "shops", |object| {
        object["spec"] = json!({
            "ignoreApplicationDifferences": ignoring["ignoreApplicationDifferences"],
            "preservedFields": {"annotations": ["argocd-image-updater.argoproj.io/web.ignore-tags", "kubectl-image-update/pin.web"]},
        });
    });
    let output = world.run(&["pin", "bookstore", "web=v1.0.0"]).expect(0);
    assert!(!output.stderr.contains("reverted-by-owner"), "{output}");
    world.run(&["unpin", "bookstore", "web"]).expect(0);
    assert!(manifests(&world).is_empty());
    for (policy, reverts) in [("create-only", false), ("create-delete", false), ("create-update", true), ("sync", true)]
    {
        world.cluster().edit(sets, world.namespace(), "shops", |object| {
            object["spec"] = json!({"syncPolicy": {"applicationsSync": policy}});
        });
        assert_eq!(!manifests(&world).is_empty(), reverts, "{policy}");
    }
    // Whoever may not read it is warned.
    let user = world.add_user([allow("get list", "applications")]);
    world.cluster().edit(sets, world.namespace(), "shops", |object| {
        object["spec"] = json!({"syncPolicy": {"applicationsSync": "create-only"}});
    });
    let blind = world.run_as(&user, &["plan"]).expect(0);
    assert!(blind.stderr.contains("reverted-by-owner"), "{blind}");
}

fn a_parent_is_read(backend: Backend) {
    let world = World::new(backend);
    let course = bookstore::semver(&world);
    let namespace = world.namespace().to_owned();
    let id = format!("root:argoproj.io/Application:{namespace}/bookstore");
    world.application(course.application(&world, Form::Kustomize).with(|object| {
        object["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = id.into();
        object["status"]["controllerNamespace"] = namespace.clone().into();
    }));
    world.application(crate::world::Application::named("root"));
    let image = world.image(bookstore::REPOSITORY);
    let child = json!({
        "apiVersion": ARGO, "kind": "Application", "metadata": {"name": "bookstore", "namespace": namespace},
        "spec": {"source": {"kustomize": {"images": [format!("{image}:v1.0.1")]}}},
    });
    let found = manifests(&world);
    assert_eq!(found[0], child);
    assert_eq!((&found[1]["metadata"]["name"], found.len()), (&json!("root"), 2));
    // What it says to merge is enough.
    world.edit("root", |object| {
        for (key, value) in found[1]["spec"].as_object().unwrap() {
            object["spec"][key] = value.clone();
        }
    });
    assert!(manifests(&world).is_empty());
    world.edit("root", |object| object["spec"]["syncPolicy"] = json!({}));
    assert_eq!(manifests(&world).len(), 2, "ignored when it compares, and overwritten when it syncs");
}
