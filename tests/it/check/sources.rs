//! Which source of an Application takes an image: the one that fits; more than one, or none, is an error that says so.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Backend;
use crate::world::World;
use crate::world::on_both;

on_both!(the_one_that_fits_is_edited, several_that_fit_need_a_choice, what_takes_no_image_is_unsupported);

fn git(path: &str) -> Value {
    json!({"repoURL": "https://git.example.com/acme/deploy.git", "path": path, "targetRevision": "main"})
}

fn helm(world: &World, path: &str) -> Value {
    let mut source = git(path);
    source["helm"] = json!({"parameters": [
        {"name": "image.name", "value": world.image(REPOSITORY)}, {"name": "image.tag", "value": "v1.0.0"},
    ]});
    source
}

/// An Application of several sources, of which the image runs at v1.0.0.
fn store(name: &str, sources: Value, types: &[&str]) -> Application {
    Application::named(name)
        .image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"))
        .sources(sources, types)
        .images(&[&format!("$REGISTRY/{REPOSITORY}:v1.0.0")])
}

fn item(report: &Value, name: &str) -> Value {
    report["items"].as_array().unwrap().iter().find(|item| item["application"] == name).unwrap().clone()
}

/// The value of `image.tag` in each source; null where there is none.
fn tags(application: &Value) -> Vec<Value> {
    let sources = application["spec"]["sources"].as_array().unwrap().iter();
    sources
        .map(|source| {
            let parameters = source["helm"]["parameters"].as_array().into_iter().flatten();
            let tag = parameters.into_iter().find(|parameter| parameter["name"] == "image.tag");
            tag.map_or(Value::Null, |tag| tag["value"].clone())
        })
        .collect()
}

fn the_one_that_fits_is_edited(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let mut values = git(".");
    values["ref"] = "values".into();
    let sources = json!([git("plain"), values, helm(&world, "chart"), git("more")]);
    world.application(store("block", sources, &["Directory", "Directory", "Helm", "Directory"]));
    world.application(store("type", json!([git("plain"), git("chart")]), &["Directory", "Helm"]));
    let mut kustomize = git("overlay");
    kustomize["kustomize"] = json!({"namePrefix": "a-"});
    world.application(store("kustomize", json!([git("plain"), kustomize]), &[]));
    let report = world.run(&["check", "-o", "json"]).expect(0).json();
    let source = |path: &str| {
        let url = "https://git.example.com/acme/deploy.git";
        json!({"name": null, "repoURL": url, "path": path, "chart": null, "ref": null})
    };
    for (name, target, path) in
        [("block", "helm", "chart"), ("type", "helm", "chart"), ("kustomize", "kustomize", "overlay")]
    {
        let item = item(&report, name);
        assert_eq!(item["status"], "UpdateAvailable", "{item}");
        let place = json!({
            "method": "argocd", "target": target, "source": source(path), "repository": null, "branch": null,
            "path": null,
        });
        assert_eq!(item["writeBack"], place);
    }
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    // Somebody puts another source in front: the plan still finds the one it means.
    world.edit("block", |object| object["spec"]["sources"].as_array_mut().unwrap().insert(0, git("new")));
    world.run(&["apply", "--plan", "plan.json"]).expect(0);
    assert_eq!(Value::from(tags(&world.get("block"))), json!([null, null, null, "v1.0.1", null]));
    assert_eq!(Value::from(tags(&world.get("type"))), json!([null, "v1.0.1"]));
    let overlay = &world.get("kustomize")["spec"]["sources"][1]["kustomize"];
    assert_eq!(*overlay, json!({"namePrefix": "a-", "images": [format!("{}:v1.0.1", world.image(REPOSITORY))]}));
}

fn several_that_fit_need_a_choice(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let mut named = helm(&world, "chart-b");
    named["name"] = "second".into();
    let sources = json!([helm(&world, "chart-a"), named, git("plain")]);
    world.application(store("twice", sources, &["Helm", "Helm", "Directory"]));
    let output = world.run(&["check", "-o", "json"]).expect(3);
    let unclear = item(&output.json(), "twice");
    assert_eq!([&unclear["status"], &unclear["reason"]], ["Invalid", "AmbiguousSource"]);
    let message = unclear["message"].as_str().unwrap();
    for word in ["chart-a", "second"] {
        assert!(message.contains(word), "{message}");
    }
    assert!(output.stderr.contains("--source NAME"), "{output}");
    world.run(&["apply", "twice", "--yes"]).expect(3);
    world.run(&["plan", "--source", "third"]).expect(3);
    world.run(&["plan", "--source", "2"]).expect(3);
    assert!(world.writes().is_empty());

    for (choice, expected) in [("second", json!(["v1.0.0", "v1.0.1", null])), ("0", json!(["v1.0.1", "v1.0.1", null]))]
    {
        let report = world.run(&["check", "-o", "json", "--source", choice]).expect(0).json();
        assert_eq!(item(&report, "twice")["status"], "UpdateAvailable");
        world.run(&["plan", "--source", choice, "--out", "plan.json"]).expect(0);
        world.run(&["apply", "--plan", "plan.json"]).expect(0);
        assert_eq!(Value::from(tags(&world.get("twice"))), expected, "{choice}");
    }
    let done = world.run(&["check", "-o", "json", "--source", "second"]).expect(0).json();
    assert_eq!(item(&done, "twice")["status"], "UpToDate");
}

fn what_takes_no_image_is_unsupported(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let with_source = |name: &str, kind: &str, source: Value| {
        let application = store(name, json!([]), &[]).source_type(kind);
        world.application(application.with(|object| {
            object["spec"]["source"] = source;
            object["spec"].as_object_mut().unwrap().shift_remove("sources");
            object["status"].as_object_mut().unwrap().shift_remove("sourceTypes");
        }));
    };
    let mut plugin = git("a");
    plugin["plugin"] = json!({"name": "tanka"});
    let oci = json!({"repoURL": "oci://example.com/charts/web", "path": ".", "targetRevision": "1"});
    with_source("plugin", "Plugin", plugin);
    with_source("directory", "Directory", git("a"));
    with_source("oci", "Helm", oci);
    with_source("unknown", "", git("a"));
    world.application(store("neither", json!([git("a"), git("b")]), &["Directory", "Directory"]));
    world.application(store("hydrator", json!([]), &[]).with(|object| {
        object["spec"]["sourceHydrator"] = json!({"drySource": git("dry"), "syncSource": {"path": "a"}});
        object["spec"].as_object_mut().unwrap().shift_remove("sources");
    }));
    // A chart is Helm whatever the status says.
    let chart = json!({"repoURL": "https://charts.example.com", "chart": "web", "targetRevision": "1"});
    with_source("chart", "", chart);
    let output = world.run(&["check", "-o", "json"]).expect(3);
    let report = output.json();
    for name in ["plugin", "directory", "oci", "neither", "hydrator"] {
        let item = item(&report, name);
        assert_eq!([&item["status"], &item["reason"]], ["Invalid", "UnsupportedSource"], "{name}: {item}");
        let codes = report["diagnostics"].as_array().unwrap().iter();
        let own: Vec<_> = codes.filter(|found| found["application"] == name).map(|found| &found["code"]).collect();
        assert_eq!(own, ["unsupported-source"], "{name}");
    }
    // Only its folder tells, which nobody here can look into.
    let unknown = item(&report, "unknown");
    assert_eq!([&unknown["status"], &unknown["reason"]], ["Undetermined", "GitUnreachable"], "{unknown}");
    assert!(unknown["message"].as_str().unwrap().starts_with("what renders the source is not known"), "{unknown}");
    assert_eq!(item(&report, "chart")["status"], "UpdateAvailable");
    let plan = world.run(&["plan", "-o", "json"]).expect(3).json();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 1);
}
