//! Every precondition of a plan for a file in git, violated in turn: exit 4, named, and nothing is committed. `plan
//! --plan` says the same.

use serde_json::Value;

use crate::bookstore;
use crate::bookstore::REPOSITORY;
use crate::git::Shop;
use crate::git::VALUES;
use crate::git::outcomes;
use crate::world::Backend;
use crate::world::Image;
use crate::world::on_both;
use crate::world::resource;

on_both!(what_does_not_hold_stops_the_plan, what_fits_is_said_without_a_push);

/// What somebody does meanwhile.
type Meanwhile = fn(&Shop);

const FILE: &str = "charts/bookstore/values.yaml";

fn planned(backend: Backend) -> Shop {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    shop.run(&["plan", "--out", "plan.json"]).expect(0);
    shop
}

fn annotate(shop: &Shop, key: &str, value: &str) {
    shop.world.edit("bookstore", |object| {
        object["metadata"]["annotations"][format!("argocd-image-updater.argoproj.io/{key}")] = value.into();
    });
}

fn what_does_not_hold_stops_the_plan(backend: Backend) {
    let cases: [(&str, Meanwhile, &[&str]); 14] = [
        (
            "uid",
            |shop| {
                let mut again = shop.world.get("bookstore");
                shop.world.cluster().delete(resource("applications"), shop.world.namespace(), "bookstore");
                let metadata = again["metadata"].as_object_mut().unwrap();
                metadata.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "annotations"));
                shop.world.application(again);
            },
            &["made again"],
        ),
        (
            "gone",
            |shop| shop.world.cluster().delete(resource("applications"), shop.world.namespace(), "bookstore"),
            &["does not exist"],
        ),
        (
            "old value",
            |shop| drop(shop.commit(&[(FILE, &VALUES.replace("v1.0.0", "v0.9.0"))])),
            &["`image.tag`", "`v0.9.0`", "`v1.0.0`"],
        ),
        (
            "key",
            |shop| {
                shop.world.edit("bookstore", |object| {
                    let key = "argocd-image-updater.argoproj.io/web.helm.image-tag";
                    object["metadata"]["annotations"][key] = "replicas".into();
                });
            },
            &["`image.tag` is not where its images are"],
        ),
        (
            "old value, gone",
            |shop| drop(shop.commit(&[(FILE, &VALUES.replace("  tag: \"v1.0.0\" # moved by updates\n", ""))])),
            &["not set", "`v1.0.0`"],
        ),
        (
            "digest",
            |shop| {
                let moved = Image::built("2026-11-22T08:00:00Z").content("moved");
                shop.world.publish(REPOSITORY, "v1.0.1", &moved);
            },
            &["v1.0.1 is sha256:", "and was sha256:"],
        ),
        ("method", |shop| annotate(shop, "write-back-method", "argocd"), &["not written to git any more"]),
        ("file", |shop| annotate(shop, "write-back-target", "helmvalues:other.yaml"), &["other.yaml"]),
        ("kind", |shop| annotate(shop, "write-back-target", "kustomization"), &["Kustomize"]),
        ("branch", |shop| annotate(shop, "git-branch", "release"), &["on release"]),
        ("push branch", |shop| annotate(shop, "git-branch", "main:updates-{{.AppName}}"), &["updates-bookstore"]),
        ("repository", |shop| annotate(shop, "git-repository", "https://127.0.0.1:1/acme/elsewhere"), &["elsewhere"]),
        ("image", |shop| annotate(shop, "image-list", "web=example.com/other:~1"), &["names none of its images"]),
        (
            "pin",
            |shop| {
                shop.run(&["pin", "bookstore", "web"]).expect(0);
            },
            &["`web` is pinned at v1.0.0"],
        ),
    ];
    for (name, meanwhile, words) in cases {
        let shop = planned(backend);
        meanwhile(&shop);
        shop.world.forget();
        let (head, pushes) = (shop.repository.head("main"), shop.pushes());
        let applied = shop.run(&["apply", "--plan", "plan.json", "-o", "json"]).expect(4);
        let (outcome, _, message) = outcomes(&applied).remove(0);
        assert_eq!(outcome, "Stale", "{name}: {applied}");
        for word in words {
            assert!(message.contains(word), "{name}: `{word}` is not in: {message}");
        }
        let reviewed = shop.run(&["plan", "--plan", "plan.json", "-o", "json"]).expect(4);
        let change: Value = reviewed.json()["changes"][0].clone();
        assert_eq!(change["status"], "Stale", "{name}: {reviewed}");
        assert_eq!(change["message"], message, "{name}");
        assert_eq!((shop.repository.head("main"), shop.pushes()), (head, pushes), "{name}");
        assert!(shop.world.writes().is_empty(), "{name}");
    }
}

fn what_fits_is_said_without_a_push(backend: Backend) {
    let shop = planned(backend);
    bookstore::publish(&shop.world, REPOSITORY, &[("v1.0.9", "2026-11-22T08:00:00Z")]);
    shop.commit(&[("README.md", "unrelated\n")]);
    let head = shop.repository.head("main");
    let status = |code: i32| -> Value {
        shop.run(&["plan", "--plan", "plan.json", "-o", "json"]).expect(code).json()["changes"][0]["status"].clone()
    };
    assert_eq!(status(0), "Fits");
    assert_eq!((shop.repository.head("main"), shop.pushes()), (head, 0));
    shop.commit(&[(FILE, &VALUES.replace("v1.0.0", "v1.0.1"))]);
    assert_eq!(status(0), "AlreadyApplied");
    // A repository that cannot be asked is not one that fits.
    shop.world.git().https().fault(crate::world::Fault::status(403));
    let output = shop.run(&["plan", "--plan", "plan.json", "-o", "json"]).expect(1);
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains("could not be found out"), "{output}");
}
