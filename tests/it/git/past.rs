//! What ran before and was left, by the files at the commits that were deployed.

use serde_json::Value;
use serde_json::json;

use crate::git::Shop;
use crate::git::VALUES;
use crate::world::Application;
use crate::world::Backend;
use crate::world::on_both;

on_both!(what_was_left_is_held, every_kind_of_file_is_read, what_cannot_be_resolved_holds_nothing);

/// Argo CD recorded deployments of these commits.
fn deployed(shop: &Shop, revisions: &[&str]) {
    shop.world.edit("bookstore", |object| {
        let source = object["spec"]["source"].clone();
        let entry = |(index, revision): (usize, &&str)| {
            json!({
                "id": index, "revision": revision, "source": source, "initiatedBy": {"username": "ada"},
                "deployedAt": format!("2026-11-0{}T00:00:00Z", index + 1),
            })
        };
        object["status"]["history"] = revisions.iter().enumerate().map(entry).collect();
    });
}

fn verdict(shop: &Shop, flags: &[&str]) -> Value {
    let output = shop.run(&[&["check", "-o", "json"], flags].concat()).expect(0);
    let item = output.json()["items"][0].clone();
    json!([item["status"], item["reason"], item["message"]])
}

fn what_was_left_is_held(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let first = shop.repository.head("main").unwrap();
    shop.apply(&[]).expect(0);
    let second = shop.repository.head("main").unwrap();
    let back = shop.commit(&[("charts/bookstore/values.yaml", VALUES)]);
    deployed(&shop, &[&first, &second, &back]);
    let words = "v1.0.1 was deployed before and left for v1.0.0 on 2026-11-03T00:00:00Z, initiated by ada";
    assert_eq!(verdict(&shop, &[]), json!(["RolledBack", "LeftBefore", words]));
    assert_eq!(shop.apply(&[]).expect(0).json()["receipts"], json!([]));
    // The history is in the repository, so that without looking there nothing is known of it.
    assert_ne!(verdict(&shop, &["--no-git"])[0], "RolledBack");
    // Whoever names it wants it.
    let plan = shop.run(&["plan", "--set", "web=v1.0.1", "-o", "json"]).expect(0).json();
    assert_eq!(plan["changes"][0]["images"][0]["because"], "asked for with --set", "{plan}");
    shop.apply(&["--include-rolled-back"]).expect(0);
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1"));
}

/// Folder and name of a file, its text for a tag, and what the Application is rendered with.
type Kind<'a> = (&'a str, &'a str, &'a dyn Fn(&str) -> String, &'a dyn Fn(Application) -> Application);

fn every_kind_of_file_is_read(backend: Backend) {
    let shop = Shop::open(backend);
    let image = "$REGISTRY/acme/bookstore";
    let parameters = |tag: &str| {
        format!(
            "helm:\n  parameters:\n  - {{name: image.name, value: {image}}}\n  - {{name: image.tag, value: {tag}}}\n"
        )
    };
    let images = |tag: &str| format!("kustomize:\n  images:\n  - {image}:{tag}\n");
    let kustomization = |tag: &str| format!("images:\n- name: {image}\n  newTag: {tag}\n");
    let own: &[Kind<'_>] = &[
        ("a", ".argocd-source-bookstore.yaml", &parameters, &|application| application.helm(&[])),
        ("b", ".argocd-source-bookstore.yaml", &images, &|application| application.kustomize(&[])),
        ("c", "kustomization.yaml", &kustomization, &|application| {
            application.kustomize(&[]).annotation("write-back-target", "kustomization")
        }),
        // Rendered from what HEAD names, which has to be the branch that is written.
        ("d", ".argocd-source-bookstore.yaml", &parameters, &|application| {
            let at_head = |object: &mut Value| object["spec"]["source"]["targetRevision"] = "HEAD".into();
            application.helm(&[]).annotation("git-branch", "main").with(at_head)
        }),
    ];
    for (folder, name, text, form) in own {
        let path = format!("{folder}/{name}");
        let commits = ["v1.0.0", "v1.0.1", "v1.0.0"].map(|tag| shop.commit(&[(&path, &text(tag))]));
        let application = form(shop.application("bookstore", folder));
        shop.world.application(application);
        deployed(&shop, &commits.each_ref().map(String::as_str));
        assert_eq!(verdict(&shop, &[])[0], "RolledBack", "{folder}");
        let world = &shop.world;
        world.cluster().delete(crate::world::resource("applications"), world.namespace(), "bookstore");
    }
}

fn what_cannot_be_resolved_holds_nothing(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let first = shop.repository.head("main").unwrap();
    shop.apply(&[]).expect(0);
    let second = shop.repository.head("main").unwrap();
    let back = shop.commit(&[("charts/bookstore/values.yaml", VALUES)]);
    let (gone, chart) = ("0".repeat(40), "1.2.3");
    for (revisions, held) in [
        (&[second.as_str(), &back][..], true),
        (&[&second, &gone, chart, &back], true),
        (&[&gone, &back], false),
        (&[&second, &gone], false),
        (&[&second, chart], false),
        (&[&first, &back], false),
        (&[&back], false),
        (&[], false),
    ] {
        deployed(&shop, revisions);
        let expected = if held { "RolledBack" } else { "UpdateAvailable" };
        assert_eq!(verdict(&shop, &[])[0], expected, "{revisions:?}");
    }
    // A server that gives whole repositories only, and one that gives nobody a commit by its name.
    deployed(&shop, &[&second, &back]);
    shop.repository.configure("uploadpack.allowFilter", "false");
    assert_eq!(verdict(&shop, &[])[0], "RolledBack");
}
