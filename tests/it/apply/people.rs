//! Two people: what somebody else does between plan and apply survives, or makes the plan stale.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::bookstore::configured;
use crate::world::ApiRequest;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Image;
use crate::world::Output;
use crate::world::World;
use crate::world::on_both;
use crate::world::resource;

on_both!(
    unrelated_edits_survive,
    a_related_edit_makes_the_plan_stale,
    a_stale_change_stops_all_others,
    a_value_that_is_there_already_is_left,
    a_tag_that_moved_makes_the_plan_stale,
    an_application_made_again_is_another_one,
    a_saved_plan_decides_nothing_anew,
    a_pin_that_came_later_holds,
    unknown_fields_are_kept,
    missing_blocks_are_made,
);

/// The bookstore with a plan for it in `plan.json`.
fn planned(backend: Backend, form: Form) -> World {
    let world = World::new(backend);
    bookstore::open(&world, form);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    world.forget();
    world
}

fn apply(world: &World) -> Output {
    world.run(&["apply", "--plan", "plan.json", "-o", "json"])
}

/// A refusal before any write: exit 4, and words of the receipt.
fn is_stale(world: &World, words: &[&str]) {
    let output = apply(world).expect(4);
    let report = output.json();
    assert_eq!(report["receipts"][0]["outcome"], "Stale", "{output}");
    let message = report["receipts"][0]["message"].as_str().unwrap();
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
    assert_eq!(report["summary"]["stale"], 1);
    let asked: Vec<_> = world.requests().into_iter().filter(ApiRequest::asks_to_write).collect();
    assert!(asked.is_empty(), "nothing is written: {asked:?}");
    let people = world.run(&["apply", "--plan", "plan.json"]).expect(4);
    assert!(people.stderr.contains("nothing was written"), "{people}");
}

fn unrelated_edits_survive(backend: Backend) {
    for form in [Form::Helm, Form::Kustomize] {
        let world = planned(backend, form);
        let image = world.image(REPOSITORY);
        world.edit("bookstore", |object| {
            object["metadata"]["labels"]["reviewed"] = "yes".into();
            object["spec"]["syncPolicy"] = json!({"automated": {"prune": true}});
            let source = &mut object["spec"]["source"];
            source["targetRevision"] = "release".into();
            if let Some(parameters) = source["helm"]["parameters"].as_array_mut() {
                parameters[2]["value"] = "changed".into();
                parameters.insert(0, json!({"name": "first", "value": "1"}));
                parameters.reverse();
            }
            if let Some(images) = source["kustomize"]["images"].as_array_mut() {
                images[0] = "example.com/other:2".into();
                images.insert(1, "example.com/third:1".into());
                images.reverse();
            }
        });
        let mut expected = world.get("bookstore");
        let report = apply(&world).expect(0).json();
        assert_eq!(report["receipts"][0]["outcome"], "Applied");
        match form {
            Form::Helm => {
                let parameter = &mut expected["spec"]["source"]["helm"]["parameters"][1];
                *parameter = json!({"name": "image.tag", "value": "v1.0.1", "forceString": true});
            }
            Form::Kustomize => {
                expected["spec"]["source"]["kustomize"]["images"][0] = format!("{image}:v1.0.1").into();
            }
        }
        let found = world.get("bookstore");
        assert_eq!(found["spec"], expected["spec"]);
        assert_eq!(found["metadata"]["labels"], expected["metadata"]["labels"]);
        assert_eq!(report["receipts"][0]["at"]["resourceVersion"], found["metadata"]["resourceVersion"]);
    }
}

/// What somebody else does to an Application.
type Edit = fn(&mut Value);

fn a_related_edit_makes_the_plan_stale(backend: Backend) {
    let edits: [(Form, Edit); 5] = [
        (Form::Helm, |object| object["spec"]["source"]["helm"]["parameters"][1]["value"] = "v9.9.9".into()),
        (Form::Helm, |object| {
            object["spec"]["source"]["helm"]["parameters"].as_array_mut().unwrap().remove(1);
        }),
        (Form::Kustomize, |object| {
            let entry = object["spec"]["source"]["kustomize"]["images"][1].as_str().unwrap().to_owned();
            object["spec"]["source"]["kustomize"]["images"][1] = entry.replace("v1.0.0", "v9.9.9").into();
        }),
        (Form::Kustomize, |object| object["spec"]["source"]["kustomize"] = json!({})),
        (Form::Helm, |object| {
            let source = object["spec"].as_object_mut().unwrap().shift_remove("source");
            object["spec"]["sources"] = json!([source]);
        }),
    ];
    for (number, (form, edit)) in edits.into_iter().enumerate() {
        let world = planned(backend, form);
        world.edit("bookstore", edit);
        let words: &[&str] = match number {
            0 | 2 => &["v1.0.0", "v9.9.9"],
            4 => &["sources"],
            _ => &["v1.0.0"],
        };
        is_stale(&world, words);
    }
}

fn a_stale_change_stops_all_others(backend: Backend) {
    let world = World::new(backend);
    let course = bookstore::semver(&world);
    for name in ["alpha", "beta", "gamma"] {
        let application = course.application(&world, Form::Helm);
        world.application(application.with(|object| object["metadata"]["name"] = name.into()));
    }
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    world.edit("beta", |object| object["spec"]["source"]["helm"]["parameters"][1]["value"] = "v0".into());
    let output = apply(&world).expect(4);
    let receipts = output.json()["receipts"].clone();
    let outcomes: Vec<_> = receipts.as_array().unwrap().iter().map(|receipt| receipt["outcome"].clone()).collect();
    assert_eq!(outcomes.len(), 3);
    assert_eq!(outcomes[1], "Stale", "{output}");
    assert!(!outcomes.contains(&"Applied".into()), "{output}");
    assert!(world.writes().is_empty());
}

fn a_value_that_is_there_already_is_left(backend: Backend) {
    for form in [Form::Helm, Form::Kustomize] {
        let world = planned(backend, form);
        world.edit("bookstore", |object| {
            let text = object["spec"]["source"].to_string().replace("v1.0.0", "v1.0.1");
            object["spec"]["source"] = serde_json::from_str(&text).unwrap();
        });
        let report = apply(&world).expect(0).json();
        assert_eq!(report["receipts"][0]["outcome"], "AlreadyApplied");
        assert_eq!(report["summary"]["alreadyApplied"], 1);
        assert!(world.writes().is_empty());
    }
}

fn a_tag_that_moved_makes_the_plan_stale(backend: Backend) {
    let world = planned(backend, Form::Helm);
    let before = Image::built("2026-11-02T08:00:00Z").content("v1.0.1").digest();
    let moved = Image::built("2026-11-22T08:00:00Z").content("somebody else's");
    world.publish(REPOSITORY, "v1.0.1", &moved);
    is_stale(&world, &["v1.0.1", &before, &moved.digest()]);
    // A new plan is about what the tag is now.
    world.run(&["apply", "--all", "--yes"]).expect(0);
    assert!(configured(&world.get("bookstore")).contains(&"image.tag=v1.0.1".to_owned()));
}

fn an_application_made_again_is_another_one(backend: Backend) {
    let world = planned(backend, Form::Helm);
    let mut again = world.get("bookstore");
    world.cluster().delete(resource("applications"), world.namespace(), "bookstore");
    is_stale(&world, &["bookstore", "does not exist"]);
    let metadata = again["metadata"].as_object_mut().unwrap();
    metadata.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "annotations"));
    world.application(again);
    is_stale(&world, &["made again"]);
}

fn a_saved_plan_decides_nothing_anew(backend: Backend) {
    let world = planned(backend, Form::Helm);
    // Newer versions, other rules, even other images: the plan is what it is.
    bookstore::publish(&world, REPOSITORY, &[("v1.0.9", "2026-11-22T08:00:00Z")]);
    world.edit("bookstore", |object| {
        object["metadata"]["annotations"]["argocd-image-updater.argoproj.io/web.update-strategy"] = "digest".into();
        object["status"]["summary"]["images"] = json!([]);
    });
    apply(&world).expect(0);
    assert!(configured(&world.get("bookstore")).contains(&"image.tag=v1.0.1".to_owned()));
}

fn a_pin_that_came_later_holds(backend: Backend) {
    let world = planned(backend, Form::Helm);
    world.run(&["pin", "bookstore", "web", "--reason", "freeze"]).expect(0);
    world.forget();
    is_stale(&world, &["`web`", "pinned", "v1.0.0"]);
    // One at the very version that was planned is in nobody's way.
    world.run(&["pin", "bookstore", "web=v1.0.1"]).expect(0);
    assert_eq!(apply(&world).expect(0).json()["receipts"][0]["outcome"], "AlreadyApplied");
}

fn unknown_fields_are_kept(backend: Backend) {
    let world = World::new(backend);
    let course = bookstore::semver(&world);
    let application = course.application(&world, Form::Helm).with(|object| {
        let odd = json!({
            "z": {"a/b~c": [null, true, -0.5, 9_007_199_254_740_993_i64, ""]}, "a": "\u{1f4da} \\ \" \u{202e}", "": {},
        });
        object["operation"] = json!({"initiatedBy": {"username": "eve"}, "odd": odd});
        object["spec"]["fromTheFuture"] = odd.clone();
        object["spec"]["source"]["helm"]["parameters"][1]["comment"] = odd.clone();
        object["spec"]["source"]["helm"]["skipCrds"] = true.into();
        object["status"]["odd"] = odd;
        object["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
    });
    let mut expected = world.application(application);
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    let mut found = world.get("bookstore");
    let parameter = &mut expected["spec"]["source"]["helm"]["parameters"][1];
    parameter["value"] = "v1.0.1".into();
    parameter["forceString"] = true.into();
    for object in [&mut expected, &mut found] {
        for key in ["resourceVersion", "generation", "managedFields"] {
            object["metadata"].as_object_mut().unwrap().shift_remove(key);
        }
    }
    assert_eq!(sorted(&found).to_string(), sorted(&expected).to_string());
}

/// The same value with the keys of every object in order, which is not the server's to keep.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn missing_blocks_are_made(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let image = world.image(REPOSITORY);
    let bare = |name: &str, kind: &str| {
        Application::named(name)
            .image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"))
            .source_type(kind)
            .images(&[&format!("$REGISTRY/{REPOSITORY}:v1.0.0")])
    };
    world.application(bare("helm", "Helm"));
    world.application(bare("kustomize", "Kustomize"));
    world.application(bare("spec", "Helm").annotation("web.helm.image-spec", "image"));
    world.application(
        bare("renamed", "Kustomize").annotation("web.kustomize.image-name", "docker.io/library/bookstore"),
    );
    world.run(&["apply", "--all", "--yes"]).expect(0);
    for (name, expected) in [
        ("helm", vec![format!("image.name={image}"), "image.tag=v1.0.1".to_owned()]),
        ("kustomize", vec![format!("{image}:v1.0.1")]),
        ("spec", vec![format!("image={image}:v1.0.1")]),
        ("renamed", vec![format!("docker.io/library/bookstore={image}:v1.0.1")]),
    ] {
        let written = world.get(name);
        assert_eq!(configured(&written), expected, "{name}");
        let parameters = written["spec"]["source"]["helm"]["parameters"].as_array().into_iter().flatten();
        assert!(parameters.into_iter().all(|parameter| parameter["forceString"] == true), "{name}");
        let managers = written["metadata"]["managedFields"].to_string();
        assert!(managers.contains("\"kubectl-image-update\""), "{managers}");
    }
}
