//! `--previous` and `--history-id`: versions that ran before, by the deployments that Argo CD recorded.

use serde_json::Value;
use serde_json::json;

use super::at_v1_0_1;
use super::record;
use super::sets;
use crate::bookstore::Form;
use crate::git::Shop;
use crate::git::VALUES;
use crate::world::Backend;
use crate::world::Output;
use crate::world::World;
use crate::world::on_both;

on_both!(
    what_ran_before_is_pinned,
    a_deployment_is_named_by_its_id,
    what_cannot_be_told_is_listed,
    files_are_read_at_the_commit_of_the_deployment,
);

/// The bookstore at v1.0.1, with the deployments of these versions; `?` sets none.
fn deployed(world: &World, form: Form, versions: &[&str]) {
    at_v1_0_1(world, form);
    let image = world.image(crate::bookstore::REPOSITORY);
    let entries: Vec<Value> = versions
        .iter()
        .enumerate()
        .map(|(index, version)| {
            let source = match (form, *version) {
                (_, "?") => json!({"repoURL": "r", "path": "p"}),
                (Form::Helm, tag) => {
                    json!({"repoURL": "r", "path": "p", "helm": {"parameters": [{"name": "image.tag", "value": tag}]}})
                }
                (Form::Kustomize, tag) => {
                    json!({"repoURL": "r", "path": "p", "kustomize": {"images": [format!("{image}:{tag}")]}})
                }
            };
            json!({
                "id": index + 4, "deployedAt": format!("2026-11-0{}T00:00:00Z", index + 1), "source": source,
                "initiatedBy": {"username": "ada"},
            })
        })
        .collect();
    world.edit("bookstore", |object| object["status"]["history"] = json!(entries));
}

fn refused(output: Output, words: &[&str]) {
    let output = output.expect(1);
    for word in words {
        assert!(output.stderr.contains(word), "`{word}` is missing:\n{output}");
    }
}

fn what_ran_before_is_pinned(backend: Backend) {
    for form in [Form::Helm, Form::Kustomize] {
        let world = World::new(backend);
        deployed(&world, form, &["v2.0.0", "v1.0.0", "v1.0.1"]);
        let output = world.run(&["pin", "bookstore", "web", "--previous"]).expect(0);
        assert!(output.stdout.contains("pinned at v1.0.0, was v1.0.1"), "{output}");
        assert!(sets(&world, "v1.0.0"));
        // Again: what ran before v1.0.0 by the same record is v1.0.1, whose deployment is the newest.
        world.run(&["pin", "bookstore", "web", "--previous"]).expect(0);
        assert_eq!(record(&world)["tag"], "v1.0.1");
    }
}

fn a_deployment_is_named_by_its_id(backend: Backend) {
    let world = World::new(backend);
    deployed(&world, Form::Helm, &["v2.0.0", "v9.9.9", "v1.0.1"]);
    world.run(&["pin", "bookstore", "web", "--history-id", "4"]).expect(0);
    assert!(sets(&world, "v2.0.0"));
    // What is no longer in the registry is not pinned, wherever it was found.
    refused(world.run(&["pin", "bookstore", "web", "--history-id", "5"]), &["v9.9.9", "--no-verify"]);
    world.run(&["pin", "bookstore", "web", "--history-id=5", "--no-verify"]).expect(0);
    assert!(sets(&world, "v9.9.9"));
    refused(
        world.run(&["pin", "bookstore", "web", "--history-id", "7"]),
        &["no deployment 7", "deployment 4", "web=TAG"],
    );
    refused(world.run(&["pin", "bookstore", "web=v1.0.0", "--previous"]), &["--previous"]);
    refused(world.run(&["pin", "bookstore", "web", "--previous", "--history-id", "4"]), &["--history-id"]);
}

/// The same, and nothing was written.
fn refused_in(world: &World, words: &[&str], said: &[&str]) {
    let before = world.writes().len();
    refused(world.run(words), said);
    assert_eq!(world.writes().len(), before, "{words:?}");
}

fn what_cannot_be_told_is_listed(backend: Backend) {
    let world = World::new(backend);
    deployed(&world, Form::Helm, &["v1.0.0", "?", "v1.0.1"]);
    let listed = [
        "deployment 6  2026-11-03T00:00:00Z  by ada  v1.0.1",
        "deployment 5  2026-11-02T00:00:00Z  by ada  not known: its source sets no version of the image",
        "deployment 4  2026-11-01T00:00:00Z  by ada  v1.0.0",
        "web=TAG",
    ];
    // It may be the one that is meant.
    refused_in(&world, &["pin", "bookstore", "web", "--previous"], &listed);
    refused_in(&world, &["pin", "bookstore", "web", "--history-id", "5"], &listed);
    let world = World::new(backend);
    deployed(&world, Form::Helm, &["v1.0.1", "v1.0.1"]);
    refused_in(&world, &["pin", "bookstore", "web", "--previous"], &["no other version of `web` than v1.0.1"]);
    let world = World::new(backend);
    at_v1_0_1(&world, Form::Helm);
    refused_in(&world, &["pin", "bookstore", "web", "--previous"], &["no other version", "web=TAG"]);
}

fn files_are_read_at_the_commit_of_the_deployment(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let first = shop.repository.head("main").unwrap();
    shop.apply(&[]).expect(0);
    let second = shop.repository.head("main").unwrap();
    shop.world.set_status_images("bookstore", &["$REGISTRY/acme/bookstore:v1.0.1"]);
    let history = |revisions: &[&str]| {
        shop.world.edit("bookstore", |object| {
            let source = object["spec"]["source"].clone();
            let entry = |(id, revision): (usize, &&str)| json!({"id": id, "revision": revision, "source": source});
            object["status"]["history"] = revisions.iter().enumerate().map(entry).collect();
        });
    };
    let gone = "0".repeat(40);
    history(&["1.2.3", &gone, &first, &second]);
    let output = shop.run(&["pin", "bookstore", "web", "--previous", "-o", "json"]).expect(0).json();
    assert_eq!(output["receipts"][0]["pin"]["tag"], "v1.0.0");
    assert_eq!(shop.values(), VALUES);
    for (id, why) in [("1", "does not give the commit"), ("0", "names no commit")] {
        refused(
            shop.run(&["pin", "bookstore", "web", "--history-id", id]),
            &[why, "deployment 3", "v1.0.1", "web=TAG"],
        );
    }
    // A source of another repository says nothing about the file.
    shop.world.edit("bookstore", |object| {
        object["status"]["history"][2]["source"]["repoURL"] = "https://git.example.com/other.git".into();
    });
    refused(shop.run(&["pin", "bookstore", "web", "--history-id", "2"]), &["other sources"]);
}
