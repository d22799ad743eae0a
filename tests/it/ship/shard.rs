//! `--shard`: several workers do everything once, and no two write to one repository.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::git::Shop;
use crate::git::VALUES;
use crate::ship::read;
use crate::world::Application;
use crate::world::Backend;
use crate::world::GitRepository;
use crate::world::MAINTAINER;
use crate::world::Output;
use crate::world::World;
use crate::world::from_yaml;
use crate::world::on_both;

on_both!(workers_cover_everything_once);

/// How many workers there are: as many as the Job in README has.
const WORKERS: usize = 4;

/// The numbers of the workers, as a Job gives them to its pods.
fn workers() -> impl Iterator<Item = String> {
    (0..WORKERS).map(|index| index.to_string())
}

/// A shop with repositories of two Applications each, and Applications that are written to themselves.
fn open(backend: Backend) -> (Shop, Vec<(String, GitRepository)>) {
    let shop = Shop::open(backend);
    let mut repositories = Vec::new();
    for name in ["acme/north", "acme/south", "acme/west", "acme/east"] {
        let repository = shop.world.git().repository(name);
        let values = VALUES.replace("$REGISTRY", &shop.world.registry().host());
        let files = [
            ("one/values.yaml", values.as_str()),
            ("one/Chart.yaml", "name: a\n"),
            ("two/Chart.yaml", "name: b\n"),
            ("two/values.yaml", &values),
        ];
        repository.commit("main", "by hand", &files);
        repository.git(&["branch", "other", "main"]);
        let url = shop.world.git().https().url(name);
        let short = name.trim_start_matches("acme/");
        shop.secret(
            &format!("repository-{short}"),
            "repository",
            &serde_json::json!({"url": url, "username": MAINTAINER.0, "password": MAINTAINER.1}),
        );
        for folder in ["one", "two"] {
            let source = url.clone();
            // The second is written to another branch, under another spelling of the address.
            let source = if folder == "two" { source.trim_end_matches(".git").to_owned() } else { source };
            let branch = if folder == "two" { "other" } else { "main" };
            let application = shop
                .application(&format!("{short}-{folder}"), folder)
                .helm(&[])
                .annotation("write-back-target", "helmvalues")
                .annotation("git-branch", branch)
                .annotation("web.helm.image-name", "image.repository")
                .annotation("web.helm.image-tag", "image.tag")
                .with(move |object| object["spec"]["source"]["repoURL"] = source.into());
            shop.world.application(application);
        }
        repositories.push((url, repository));
    }
    for number in 0..8 {
        let application =
            Application::named(&format!("own-{number}")).image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"));
        shop.world.application(bookstore::running(application, &shop.world, Form::Helm, "v1.0.0"));
    }
    (shop, repositories)
}

fn run(shop: &Shop, index: &str, words: &[&str]) -> Output {
    let shard = format!("auto/{WORKERS}");
    let mut invocation = shop.invocation(&[words, &["--shard", &shard]].concat());
    invocation.env("JOB_COMPLETION_INDEX", index);
    invocation.run()
}

fn names(items: &Value, of: fn(&Value) -> &Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| of(item).as_str().unwrap().to_owned()).collect()
}

fn workers_cover_everything_once(backend: Backend) {
    let (shop, repositories) = open(backend);
    let everything = shop.run(&["check", "-o", "json"]).expect(0).json();
    let everything: BTreeSet<String> = names(&everything["items"], |item| &item["application"]).into_iter().collect();
    assert_eq!(everything.len(), 16);

    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut written_by: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for worker in workers() {
        let output = run(&shop, &worker, &["check", "-o", "json"]).expect(0);
        let report = output.json();
        let checked = names(&report["items"], |item| &item["application"]);
        let part = worker.parse::<usize>().unwrap() + 1;
        let said = format!("shard {part}/{WORKERS}: {} of 16 Applications", checked.len());
        assert!(output.stderr.contains(&said), "{output}");
        if part == 1 {
            let by_number = shop.run(&["check", "-o", "json", "--shard", &format!("1/{WORKERS}")]).expect(0).json();
            assert_eq!(by_number["items"], report["items"], "auto is the number of the pod");
        }
        for item in report["items"].as_array().unwrap() {
            if let Some(repository) = item["writeBack"]["repository"].as_str() {
                let repository = repository.trim_end_matches(".git").to_owned();
                written_by.entry(repository).or_default().insert(worker.clone());
            }
        }
        for name in checked {
            assert_eq!(seen.insert(name.clone(), worker.clone()), None, "{name} is checked twice");
        }
    }
    assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), everything);
    assert_eq!(written_by.len(), repositories.len());
    assert!(written_by.values().all(|workers| workers.len() == 1), "{written_by:?}");
    let busy: BTreeSet<&String> = seen.values().collect();
    assert!(busy.len() > 1, "one worker does everything: {seen:?}");

    let mut applied: BTreeMap<String, String> = BTreeMap::new();
    let job = job();
    let arguments = job[2]["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    let arguments: Vec<&str> = arguments.iter().map(|argument| argument.as_str().unwrap()).collect();
    for worker in workers() {
        let mut invocation = shop.invocation(&[&arguments[..], &["-o", "json"]].concat());
        let report = invocation.env("JOB_COMPLETION_INDEX", worker.as_str()).run().expect(0).json();
        for receipt in report["receipts"].as_array().unwrap() {
            assert_eq!(receipt["outcome"], "Applied", "{receipt}");
            let name = receipt["application"]["name"].as_str().unwrap().to_owned();
            assert_eq!(applied.insert(name.clone(), worker.clone()), None, "{name} is written twice");
        }
    }
    assert_eq!(applied, seen, "who checks an Application writes it");
    for (url, repository) in &repositories {
        for branch in ["main", "other"] {
            assert_eq!(repository.subjects(branch).len(), 2, "{branch} of {url} has one commit more");
        }
    }
    let report = shop.run(&["plan", "-o", "json"]).expect(0).json();
    assert_eq!(report["changes"], serde_json::json!([]), "nothing is left to do");
}

/// The objects that README shows: an account, what it may do, a Job.
fn job() -> Vec<Value> {
    let readme = read("README.md");
    let block = readme.split_once("<!-- job -->\n```yaml\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    block.split("---\n").map(from_yaml).collect()
}

#[test]
fn the_job_of_the_readme_has_a_pod_for_each_part() {
    let objects = job();
    let kinds: Vec<&str> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ServiceAccount", "RoleBinding", "Job"]);
    let spec = &objects[2]["spec"];
    assert_eq!(spec["template"]["spec"]["serviceAccountName"], objects[0]["metadata"]["name"]);
    assert_eq!(spec["completionMode"], "Indexed");
    assert_eq!((&spec["completions"], &spec["parallelism"]), (&WORKERS.into(), &WORKERS.into()));
    let arguments = spec["template"]["spec"]["containers"][0]["args"].to_string();
    assert!(arguments.contains(&format!("--shard=auto/{WORKERS}\"")), "{arguments}");
}

#[test]
fn what_is_no_part_is_a_mistake() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    for (shard, index) in
        [("0/3", None), ("4/3", None), ("x", None), ("1/0", None), ("auto/3", None), ("auto/3", Some("3"))]
    {
        let output = world.run_with(&["check", "--shard", shard], |invocation| {
            if let Some(index) = index {
                invocation.env("JOB_COMPLETION_INDEX", index);
            }
        });
        let output = output.expect(1);
        assert!(output.stderr.starts_with("error: --shard: "), "{output}");
    }
    let output = world.run(&["apply", "--plan", "plan.json", "--shard", "1/2"]).expect(1);
    assert!(output.stderr.contains("goes without --shard"), "{output}");
    assert!(world.requests().is_empty(), "a slip costs no request");
}

#[test]
fn what_another_worker_does_is_not_complained_about() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    world.edit("bookstore", |application| {
        application["metadata"]["annotations"]["argocd-image-updater.argoproj.io/web.nonsense"] = "x".into();
    });
    let outputs: Vec<Output> = ["1/2", "2/2"].iter().map(|shard| world.run(&["check", "--shard", shard])).collect();
    let complaints: Vec<bool> = outputs.iter().map(|output| output.stderr.contains("web.nonsense")).collect();
    let checked: Vec<bool> = outputs.iter().map(|output| output.stdout.contains("bookstore")).collect();
    assert_eq!(complaints, checked);
    assert_eq!(checked.iter().filter(|checked| **checked).count(), 1);
    assert!(outputs.iter().all(|output| output.code == 0));
}
