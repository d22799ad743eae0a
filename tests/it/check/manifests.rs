//! `-f`: manifests instead of a cluster.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Invocation;
use crate::world::Output;
use crate::world::World;
use crate::world::on_both;

on_both!(files_are_read, a_manifest_without_a_status_is_evaluated, broken_manifests_hide_no_others);

/// A manifest of an Application that runs v1.0.0, with a status.
fn manifest(world: &World, name: &str) -> Value {
    let application = Application::named(name).image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"));
    let application = bookstore::running(application, world, Form::Helm, "v1.0.0").label("team", name);
    world.fill_in(application)
}

fn yaml(value: &Value) -> String {
    serde_yaml::to_string(value).unwrap()
}

/// Runs the tool for somebody without a cluster.
fn run(world: &World, words: &[&str], stdin: &str) -> Output {
    world.run_with(words, |invocation: &mut Invocation| {
        invocation.env("KUBECONFIG", "/nonexistent").stdin(stdin);
    })
}

fn names(output: &Output) -> Vec<&str> {
    output.stdout.lines().map(|line| line.rsplit('/').next().unwrap_or(line)).collect()
}

fn files_are_read(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let of = |name: &str| manifest(&world, name);
    let list =
        json!({"apiVersion": "v1", "kind": "List", "items": [of("in-list"), {"kind": "Service", "apiVersion": "v1"}]});
    let documents = format!("---\n{}---\nkind: ConfigMap\napiVersion: v1\n---\n{}", yaml(&of("one")), yaml(&of("two")));
    world.file("apps/two.yaml", &documents);
    world.file("apps/list.json", &list.to_string());
    world.file("apps/notes.txt", "kind: Application");
    let mut three = of("three");
    three["metadata"]["namespace"] = "team".into();
    world.file("apps/deep/er/three.yml", &yaml(&three));
    let stdin = yaml(&of("from-stdin"));
    for (words, expected) in [
        (vec!["-f", "apps/two.yaml"], vec!["one", "two"]),
        (vec!["-f", "apps"], vec!["in-list", "one", "two"]),
        (vec!["-f", "apps", "-R"], vec!["in-list", "one", "two", "three"]),
        (vec!["-f", "-"], vec!["from-stdin"]),
        (vec!["-f", "-", "-f", "apps/list.json"], vec!["from-stdin", "in-list"]),
        (vec!["-f", "apps", "two"], vec!["two"]),
        (vec!["-f", "apps", "application.argoproj.io/one"], vec!["one"]),
        (vec!["-f", "apps", "-l", "team=one"], vec!["one"]),
        // Manifests that name no namespace are taken to be for that of -n, as kubectl takes them.
        (vec!["-f", "apps/list.json", "-n", "elsewhere"], vec!["in-list"]),
        (vec!["-f", "apps/deep", "-R", "-n", "elsewhere"], vec![]),
        (vec!["-f", "apps", "-R", "team/three"], vec!["three"]),
    ] {
        let words = [&["check", "-o", "name"], words.as_slice()].concat();
        assert_eq!(names(&run(&world, &words, &stdin).expect(0)), expected, "{words:?}");
    }
    for (words, said) in [
        (vec!["check", "-f", "missing.yaml"], "missing.yaml"),
        (vec!["check", "-f", "apps", "tow"], "`two`"),
        (vec!["apply", "-f", "apps", "--yes"], "--worktree"),
    ] {
        let output = run(&world, &words, "").expect(1);
        assert_eq!(output.stdout, "");
        assert!(output.stderr.contains(said), "{words:?}\n{output}");
    }

    let plan = run(&world, &["plan", "-f", "apps/two.yaml", "--out", "plan.json"], "").expect(0);
    assert_eq!(plan.stdout.matches("+        value: v1.0.1").count(), 2, "{plan}");
    let refused = world.run(&["apply", "--plan", "plan.json"]).expect(1);
    assert!(refused.stderr.contains("planned from a manifest"), "{refused}");
    assert!(world.requests().is_empty(), "with -f no cluster is asked");
}

fn a_manifest_without_a_status_is_evaluated(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let mut bare = manifest(&world, "bare");
    bare.as_object_mut().unwrap().shift_remove("status");
    let mut unset = bare.clone();
    unset["metadata"]["name"] = "unset".into();
    unset["spec"]["source"]["helm"] = json!({});
    let mut deployed = unset.clone();
    deployed["metadata"]["name"] = "not-deployed".into();
    deployed["status"] = json!({"sourceType": "Helm"});
    let text = [bare, unset, deployed].map(|value| yaml(&value)).join("---\n");
    let report = run(&world, &["check", "-f", "-", "-o", "json"], &text).expect(0).json();
    let of = |name: &str| report["items"].as_array().unwrap().iter().find(|item| item["application"] == name).unwrap();
    let facts = |name: &str| {
        let item = of(name);
        json!([item["status"], item["reason"], item["configured"], item["current"], item["candidate"]["tag"]])
    };
    let current = json!({"tag": "v1.0.0", "digest": null, "from": "target"});
    assert_eq!(
        facts("bare"),
        json!(["UpdateAvailable", "NewestMatch", {"tag": "v1.0.0", "digest": null}, current, "v1.0.1"])
    );
    assert_eq!(facts("unset"), json!(["UpdateAvailable", "CurrentUnknown", null, null, "v1.0.1"]));
    assert_eq!(facts("not-deployed"), json!(["NotDeployed", "CurrentUnknown", null, null, null]));
    // The namespace of a manifest that names none.
    assert_eq!(of("bare")["namespace"], "argocd");
}

fn broken_manifests_hide_no_others(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let good = yaml(&manifest(&world, "good"));
    world.file("apps/good.yaml", &good);
    world.file("apps/broken.yaml", &format!("{good}---\nkind: Application\n  indented: wrong\n"));
    world.file("apps/nameless.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {}\n");
    let output = run(&world, &["check", "-f", "apps", "-o", "json"], "").expect(3);
    let report = output.json();
    assert!(report["items"].as_array().unwrap().iter().all(|item| item["application"] == "good"), "{output}");
    let said = report["diagnostics"].to_string();
    for file in ["broken.yaml", "nameless.yaml"] {
        assert!(said.contains(file), "{file} is not named\n{output}");
    }
    let plan = run(&world, &["plan", "-f", "apps", "-o", "json"], "").expect(3).json();
    assert_eq!(plan["complete"], false);
    let nothing = run(&world, &["check", "-f", "apps/nameless.yaml"], "").expect(1);
    assert_eq!(nothing.stdout, "");
    assert!(nothing.stderr.contains("nameless.yaml"), "{nothing}");
}
