//! `plan --plan`: whether a saved plan still fits, without writing it.

use std::fs;

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::ApiRequest;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Output;
use crate::world::World;
use crate::world::on_both;

on_both!(a_plan_fits_or_not, what_is_no_plan_is_refused, a_plan_says_everything_but_secrets);

/// Three Applications with a plan for them.
fn planned(backend: Backend) -> World {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    for name in ["alpha", "beta", "gamma"] {
        let application = Application::named(name).image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"));
        world.application(bookstore::running(application, &world, Form::Helm, "v1.0.0"));
    }
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    world.forget();
    world
}

fn status(world: &World) -> Output {
    world.run(&["plan", "--plan", "plan.json", "-o", "json"])
}

fn statuses(document: &Value) -> Vec<&str> {
    document["changes"].as_array().unwrap().iter().map(|change| change["status"].as_str().unwrap()).collect()
}

fn a_plan_fits_or_not(backend: Backend) {
    let world = planned(backend);
    let document = status(&world).expect(0).json();
    assert_eq!(statuses(&document), ["Fits"; 3]);
    assert_eq!([&document["kind"], &document["apiVersion"]], ["PlanStatus", "kubectl-image-update/v1"]);
    assert_eq!((&document["created"], &document["complete"]), (&json!("2026-11-22T09:00:00Z"), &json!(true)));
    assert_eq!(document["summary"], json!({"fits": 3, "alreadyApplied": 0, "stale": 0, "rejected": 0, "failed": 0}));
    let first = &document["changes"][0];
    assert_eq!(first["change"], format!("{}/alpha#1", world.namespace()));
    assert_eq!(first["application"], json!({"namespace": world.namespace(), "name": "alpha"}));
    assert_eq!((&first["message"], &first["images"][0]["to"]["tag"]), (&json!(""), &json!("v1.0.1")));
    let people = world.run(&["plan", "--plan", "plan.json"]).expect(0);
    assert!(people.stdout.contains("alpha  Fits\n  web  v1.0.0 → v1.0.1\n"), "{people}");
    assert!(people.stderr.contains("3 fit") && people.stderr.contains("apply --plan plan.json"), "{people}");
    assert_eq!(world.run(&["plan", "--plan", "plan.json", "-o", "name"]).expect(0).stdout.lines().count(), 3);
    // From standard input, as YAML.
    let yaml = world.run(&["plan", "-o", "yaml"]).expect(0).stdout;
    let again = world.run_with(&["plan", "--plan", "-"], |invocation| {
        invocation.stdin(yaml);
    });
    again.expect(0);

    // One is done already, one is in the way, and one is gone: what apply would do is said, and not done.
    let set = |tag: &'static str| {
        move |object: &mut Value| object["spec"]["source"]["helm"]["parameters"][1]["value"] = tag.into()
    };
    world.edit("alpha", set("v1.0.1"));
    let document = status(&world).expect(0).json();
    assert_eq!(statuses(&document), ["AlreadyApplied", "Fits", "Fits"]);
    world.edit("beta", set("v0.9.0"));
    let output = status(&world).expect(4);
    let document = output.json();
    assert_eq!(statuses(&document), ["AlreadyApplied", "Stale", "Fits"]);
    let message = document["changes"][1]["message"].as_str().unwrap();
    assert!(message.contains("`v0.9.0`") && message.contains("`v1.0.0`"), "{message}");
    let people = world.run(&["plan", "--plan", "plan.json"]).expect(4);
    assert!(people.stdout.contains("beta  Stale") && people.stderr.contains("the plan no longer fits"), "{people}");
    assert!(people.stderr.contains("make a new plan"), "{people}");
    let asked: Vec<_> = world.requests().into_iter().filter(ApiRequest::asks_to_write).collect();
    assert!(asked.is_empty(), "{asked:?}");
    // And apply says the same.
    world.run(&["apply", "--plan", "plan.json"]).expect(4);
    assert!(world.writes().is_empty());
}

fn what_is_no_plan_is_refused(backend: Backend) {
    let world = planned(backend);
    let plan = fs::read_to_string(world.work().join("plan.json")).unwrap();
    for (text, word) in [
        (plan[..plan.len() / 2].to_owned(), "cut off"),
        (plan.replacen("v1.0.1", "v6.6.6", 1), "changed after it was made"),
        (plan.replacen("kubectl-image-update/v1", "kubectl-image-update/v2", 1), "`kubectl-image-update/v1`"),
        (
            plan.replacen("kubectl-image-update/v1", "kubectl-image-update/v1alpha1", 1),
            "`kubectl-image-update/v1alpha1`",
        ),
        (String::new(), "plan"),
    ] {
        world.file("plan.json", &text);
        let output = status(&world).expect(1);
        assert_eq!(output.stdout, "");
        assert!(output.stderr.contains(word), "{word}: {output}");
    }
    world.file("plan.json", &plan);
    for words in [
        &["alpha"][..],
        &["-A"],
        &["-l", "a=b"],
        &["-f", "."],
        &["--out", "x"],
        &["--set", "web=v1.0.0"],
        &["--alias", "web"],
    ] {
        let output = world.run(&[&["plan", "--plan", "plan.json"], words].concat()).expect(1);
        assert!(output.stderr.contains("--plan"), "{output}");
    }
    assert!(world.requests().is_empty());
}

fn a_plan_says_everything_but_secrets(backend: Backend) {
    let world = World::with(backend, crate::world::RegistryAuth::Basic);
    bookstore::publish_versions(&world);
    let (name, password) = crate::world::ROBOT;
    let auth = json!({"auths": {world.registry().host(): {"username": name, "password": password}}}).to_string();
    world.object(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pull"}, "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": auth},
    }));
    let application = |name: &str, list: &str| {
        let application = Application::named(name)
            .image_list(list)
            .annotation("pull-secret", &format!("pullsecret:{}/pull", world.namespace()));
        bookstore::running(application, &world, Form::Helm, "v1.0.0")
    };
    world.grant(world.user(), crate::world::allow("get", "secrets"));
    world.application(application("alpha", &format!("web=$REGISTRY/{REPOSITORY}:~1.0")).with(|object| {
        object["spec"]["source"]["helm"]["values"] = "token: s3cr3t-of-the-values".into();
        object["metadata"]["annotations"]["example.com/token"] = "s3cr3t-of-an-annotation".into();
    }));
    world.application(application("older", &format!("web=$REGISTRY/{REPOSITORY}:<1.0.0")));
    world.application(application("odd", &format!("web=$REGISTRY/{REPOSITORY}:>>1")));
    let output = world.run(&["plan", "--out", "plan.json", "-o", "yaml"]).expect(3);
    let text = fs::read_to_string(world.work().join("plan.json")).unwrap();
    for said in [&text, &output.stdout] {
        for secret in [password, "hunter2", "s3cr3t", &world.user().token] {
            assert!(!said.contains(secret), "`{secret}` is in the plan");
        }
    }
    let plan: Value = serde_json::from_str(&text).unwrap();
    // What is written, under which conditions.
    let change = &plan["changes"][0];
    assert_eq!(plan["changes"].as_array().unwrap().len(), 1);
    assert_eq!(change["application"]["uid"], world.get("alpha")["metadata"]["uid"]);
    assert_eq!(
        change["edits"][0],
        json!({"kind": "helmParameter", "at": "image.tag", "from": "v1.0.0", "to": "v1.0.1"})
    );
    assert!(change["images"][0]["to"]["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(change["destination"]["method"], "argocd");
    // What is not, and why.
    let why: Vec<_> = plan["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            format!(
                "{} {} {}",
                item["application"].as_str().unwrap(),
                item["status"].as_str().unwrap(),
                item["reason"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        why,
        ["alpha UpdateAvailable NewestMatch", "odd Invalid BadConstraint", "older NoCandidate NoTagMatches"]
    );
    assert_eq!(plan["complete"], false);
    assert_eq!(plan["diagnostics"][0]["code"], "bad-constraint");
}
