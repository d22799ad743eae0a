//! Method `argocd`, and sources that do not say what renders them, as manifests are that people keep in git.

use serde_json::Value;
use serde_json::json;

use crate::bookstore::REPOSITORY;
use crate::bookstore::configured;
use crate::git::Shop;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Output;
use crate::world::on_both;

on_both!(
    the_folder_tells_what_renders_it,
    a_folder_that_nobody_can_look_into_is_planned_for_by_annotations_only,
    a_source_without_a_folder_of_its_own_is_told_as_such,
    manifests_with_plain_sources_are_edited_in_a_checkout,
);

/// An Application of a folder of the repository whose source has no block, and whose status no type.
fn plain(shop: &Shop, name: &str, folder: &str) -> Application {
    let application = shop.application(name, folder).annotation("write-back-method", "argocd");
    application.source_type("").with(|object| {
        for block in ["helm", "kustomize"] {
            object["spec"]["source"].as_object_mut().unwrap().shift_remove(block);
        }
    })
}

/// Runs with these Applications as manifests without a status.
fn with_manifests(shop: &Shop, words: &[&str], applications: Vec<Application>) -> Output {
    let manifest = |application| {
        let mut manifest = shop.world.fill_in(application);
        manifest.as_object_mut().unwrap().shift_remove("status");
        manifest
    };
    let items: Vec<Value> = applications.into_iter().map(manifest).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    let file = shop.world.file("apps.json", &list.to_string());
    shop.run(&[words, &["-f", file.to_str().unwrap()]].concat())
}

fn facts(report: &Value) -> Vec<Value> {
    let items = report["items"].as_array().unwrap().iter();
    items.map(|item| json!([item["status"], item["reason"], item["current"], item["candidate"]["tag"]])).collect()
}

fn the_folder_tells_what_renders_it(backend: Backend) {
    let shop = Shop::open(backend);
    shop.commit(&[
        ("overlays/prod/kustomization.yaml", "resources: []\n"),
        ("raw/deployment.yaml", "kind: Deployment\n"),
    ]);
    for (name, folder) in [("chart", "charts/bookstore"), ("overlay", "overlays/prod"), ("raw", "raw")] {
        shop.world.application(plain(&shop, name, folder));
    }
    // An update is one for who does not look, too.
    shop.run(&["check", "--detailed-exitcode", "--no-git", "chart"]).expect(2);
    shop.run(&["check", "--detailed-exitcode", "chart"]).expect(2);
    let report = shop.run(&["check", "-o", "json"]).expect(3).json();
    let statuses: Vec<_> = facts(&report).into_iter().map(|facts| facts[0].clone()).collect();
    assert_eq!(statuses, ["UpdateAvailable", "UpdateAvailable", "Invalid"], "{report}");
    assert_eq!(report["items"][2]["reason"], "UnsupportedSource");
    assert_eq!(
        [&report["items"][0]["writeBack"]["target"], &report["items"][1]["writeBack"]["target"]],
        ["helm", "kustomize"]
    );
    // A saved plan fits as well, although nobody looks into the folder again.
    shop.run(&["plan", "chart", "--out", "plan.json"]).expect(0);
    shop.run(&["apply", "--plan", "plan.json"]).expect(0);
    shop.apply(&[]).expect(3);
    let image = shop.world.image(REPOSITORY);
    assert_eq!(configured(&shop.world.get("chart")), [format!("image.name={image}"), "image.tag=v1.0.1".to_owned()]);
    assert_eq!(configured(&shop.world.get("overlay")), [format!("{image}:v1.0.1")]);
}

fn a_folder_that_nobody_can_look_into_is_planned_for_by_annotations_only(backend: Backend) {
    let shop = Shop::open(backend);
    let url = shop.world.git().https().url("acme/nowhere");
    let nowhere = |name: &str| {
        let url = url.clone();
        plain(&shop, name, "p").with(move |object| object["spec"]["source"]["repoURL"] = url.into())
    };
    let all = || vec![nowhere("open"), nowhere("told").annotation("web.helm.image-tag", "image.tag")];
    let expected =
        json!(["UpdateAvailable", "CurrentUnknown", {"tag": null, "digest": null, "from": "none"}, "v1.0.1"]);
    for words in [&["check", "-o", "json"][..], &["check", "-o", "json", "--no-git"]] {
        let checked = with_manifests(&shop, words, all()).expect(0);
        let facts = facts(&checked.json());
        for found in &facts {
            assert_eq!([&found[0], &found[1], &found[3]], [&expected[0], &expected[1], &expected[3]], "{checked}");
        }
        let said = checked.stderr.matches("what renders the source is not known").count();
        assert_eq!(said, 1, "of the one that no annotation tells: {checked}");
    }
    let planned = with_manifests(&shop, &["plan", "-o", "json"], all()).expect(0).json();
    let names: Vec<_> =
        planned["changes"].as_array().unwrap().iter().map(|change| &change["application"]["name"]).collect();
    assert_eq!(names, ["told"], "{planned}");
    // What runs in a cluster has a controller that knows it.
    shop.world.application(nowhere("open"));
    let report = shop.run(&["check", "-o", "json"]).expect(3).json();
    assert_eq!(
        [&report["items"][0]["status"], &report["items"][0]["reason"]],
        ["Undetermined", "GitUnreachable"],
        "{report}"
    );
}

fn a_source_without_a_folder_of_its_own_is_told_as_such(backend: Backend) {
    let shop = Shop::open(backend);
    let lender = plain(&shop, "lender", "x").with(|object| {
        let source = object["spec"]["source"].as_object_mut().unwrap();
        source.shift_remove("path");
        source.insert("ref".to_owned(), "values".into());
    });
    shop.world.application(lender);
    shop.world.application(plain(&shop, "outside", "../x"));
    for words in [&["plan", "-o", "json"][..], &["check", "-o", "json"], &["check", "-o", "json", "--no-git"]] {
        let report = shop.run(words).expect(3).json();
        let images = report.get("items").unwrap_or(&report["decisions"]).as_array().unwrap();
        let found: Vec<_> = images.iter().map(|image| json!([image["status"], image["reason"]])).collect();
        assert_eq!(found, [json!(["Invalid", "UnsupportedSource"]), json!(["Invalid", "RefusedPath"])], "{report}");
    }
}

fn manifests_with_plain_sources_are_edited_in_a_checkout(backend: Backend) {
    let shop = Shop::open(backend);
    let folder = shop.world.work().join("checkout");
    std::fs::create_dir_all(folder.join("charts/bookstore")).unwrap();
    std::fs::write(folder.join("charts/bookstore/Chart.yaml"), "name: bookstore\n").unwrap();
    let words = ["apply", "--yes", "-o", "json", "--worktree", folder.to_str().unwrap()];
    let applied = with_manifests(&shop, &words, vec![plain(&shop, "bookstore", "charts/bookstore")]).expect(0);
    assert_eq!(applied.json()["summary"]["applied"], 1, "{applied}");
    let manifest = std::fs::read_to_string(shop.world.work().join("apps.json")).unwrap();
    assert!(manifest.contains("v1.0.1"), "{manifest}");
}
