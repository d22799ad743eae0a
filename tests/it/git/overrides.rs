//! Method `argocd`, and files in the source that Argo CD merges over the Application: what is written there has no effect.

use serde_json::Value;
use serde_json::json;

use crate::bookstore::REPOSITORY;
use crate::bookstore::configured;
use crate::git::Shop;
use crate::git::VALUES;
use crate::world::Application;
use crate::world::Backend;
use crate::world::on_both;

on_both!(
    a_file_that_hides_helm_parameters_is_an_error,
    a_file_that_hides_kustomize_images_is_an_error,
    what_a_file_configures_already_is_up_to_date,
    who_cannot_read_the_repository_is_warned,
    what_runs_as_the_application_says_is_not_looked_for,
    a_tag_or_a_commit_is_read_too,
    a_hidden_image_is_not_pinned_at_another_version,
);

const OWN: &str = "charts/bookstore/.argocd-source-bookstore.yaml";
const SHARED: &str = "charts/bookstore/.argocd-source.yaml";

fn parameters(tag: &str) -> String {
    format!("helm:\n  parameters:\n  - name: image.tag\n    value: {tag}\n    forcestring: true\n")
}

/// The bookstore written to with method `argocd`: its spec says v1.0.0, and `live` runs.
fn deployed(shop: &Shop, live: &str) -> Application {
    let image = shop.world.image(REPOSITORY);
    let application = shop.application("bookstore", "charts/bookstore").annotation("write-back-method", "argocd");
    let namespace = shop.world.namespace().to_owned();
    let application = application.with(move |object| object["status"]["controllerNamespace"] = namespace.into());
    application
        .helm(&[("image.name", &image), ("image.tag", "v1.0.0")])
        .images(&[&format!("$REGISTRY/{REPOSITORY}:{live}")])
}

fn item(report: &Value) -> Value {
    let item = &report["items"][0];
    json!([item["status"], item["reason"], item["configured"]["tag"], item["candidate"]["tag"]])
}

/// How often git's server was asked for anything.
fn asked(shop: &Shop) -> usize {
    shop.world.git().https().log().len()
}

fn a_file_that_hides_helm_parameters_is_an_error(backend: Backend) {
    let shop = Shop::open(backend);
    shop.commit(&[(SHARED, &parameters("v0.8.0")), (OWN, &parameters("v0.9.0"))]);
    shop.world.application(deployed(&shop, "v0.9.0"));
    let checked = shop.run(&["check", "-o", "json"]).expect(3);
    assert_eq!(item(&checked.json()), json!(["Invalid", "ConflictingTargets", "v0.9.0", null]), "{checked}");
    let told = format!("web: {OWN} replaces the Helm parameters of the Application, and sets `image.tag` to `v0.9.0`");
    assert!(checked.stderr.contains(&told) && checked.stderr.contains("`write-back-method: git`"), "{checked}");
    let planned = shop.run(&["plan", "-o", "json"]).expect(3);
    assert_eq!((&planned.json()["changes"], &planned.json()["complete"]), (&json!([]), &json!(false)), "{planned}");
    shop.apply(&[]).expect(3);
    assert_eq!(configured(&shop.world.get("bookstore"))[1], "image.tag=v1.0.0");
    // `--no-git` asks nobody, and takes the spec at its word.
    let before = asked(&shop);
    let unread = shop.run(&["check", "-o", "json", "--no-git"]).expect(0).json();
    assert_eq!((item(&unread), asked(&shop)), (json!(["UpdateAvailable", "NewestMatch", "v1.0.0", "v1.0.1"]), before));
    // The way out.
    shop.world.edit("bookstore", |object| {
        object["metadata"]["annotations"]["argocd-image-updater.argoproj.io/write-back-method"] = "git".into();
    });
    shop.apply(&[]).expect(0);
    assert!(shop.text("main", OWN).contains("value: v1.0.1"), "{}", shop.text("main", OWN));
}

fn a_file_that_hides_kustomize_images_is_an_error(backend: Backend) {
    let shop = Shop::open(backend);
    let image = shop.world.image(REPOSITORY);
    let file = format!("kustomize: {{images: ['{image}:v0.9.0', 'other:1']}}\n");
    shop.commit(&[
        ("overlays/prod/.argocd-source.yaml", &file),
        ("overlays/prod/kustomization.yaml", "resources: []\n"),
    ]);
    let application = shop.application("bookstore", "overlays/prod").annotation("write-back-method", "argocd");
    let application = application.kustomize(&[&format!("{image}:v1.0.0")]);
    shop.world.application(application.images(&[&format!("{image}:v0.9.0")]));
    let planned = shop.run(&["plan"]).expect(3);
    let told = "overlays/prod/.argocd-source.yaml replaces the Kustomize images of the Application, and sets";
    assert!(planned.stderr.contains(told) && planned.stderr.contains("`kustomize.images`"), "{planned}");
    // A file without a list of images is in nobody's way.
    shop.commit(&[("overlays/prod/.argocd-source.yaml", "kustomize: {namePrefix: x}\n")]);
    shop.apply(&[]).expect(0);
    assert_eq!(configured(&shop.world.get("bookstore")), [format!("{image}:v1.0.1")]);
}

fn what_a_file_configures_already_is_up_to_date(backend: Backend) {
    let shop = Shop::open(backend);
    shop.commit(&[(OWN, &parameters("v1.0.1"))]);
    shop.world.application(deployed(&shop, "v1.0.1"));
    let checked = shop.run(&["check", "-o", "json", "--detailed-exitcode"]).expect(0);
    assert_eq!(item(&checked.json()), json!(["UpToDate", "SameTag", "v1.0.1", "v1.0.1"]), "{checked}");
    assert_eq!(checked.stderr, "");
}

fn who_cannot_read_the_repository_is_warned(backend: Backend) {
    let shop = Shop::open(backend);
    let url = shop.world.git().https().url("acme/nowhere");
    for name in ["bookstore", "other"] {
        let (name, url) = (name.to_owned(), url.clone());
        shop.world.application(deployed(&shop, "v0.9.0").with(move |object| {
            object["metadata"]["name"] = name.into();
            object["spec"]["source"]["repoURL"] = url.into();
        }));
    }
    let planned = shop.run(&["plan"]).expect(0);
    let warning = format!("whether an `.argocd-source` file hides the change is not known: failed to open {url}");
    assert_eq!(planned.stderr.matches(&warning).count(), 1, "{planned}");
    let applied = shop.apply(&[]).expect(0);
    assert!(applied.stderr.contains(&warning), "{applied}");
    assert_eq!(configured(&shop.world.get("bookstore"))[1], "image.tag=v1.0.1");
    // Written, and not synced yet: nothing would be written, and nobody is warned.
    let checked = shop.run(&["check", "-o", "json"]).expect(0);
    assert_eq!(checked.stderr, "", "{checked}");
}

fn what_runs_as_the_application_says_is_not_looked_for(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(deployed(&shop, "v1.0.0"));
    let before = asked(&shop);
    shop.run(&["plan"]).expect(0);
    shop.apply(&[]).expect(0);
    assert_eq!(asked(&shop), before);
}

fn a_tag_or_a_commit_is_read_too(backend: Backend) {
    let shop = Shop::open(backend);
    let commit = shop.commit(&[(OWN, &parameters("v0.9.0"))]);
    shop.repository.git(&["tag", "-a", "-m", "x", "release-1", "main"]);
    shop.repository.git(&["update-ref", "-d", "refs/heads/dev"]);
    // At the head of the branch nothing hides it.
    shop.commit(&[(OWN, "{}\n"), ("charts/bookstore/values.yaml", VALUES)]);
    shop.world.application(deployed(&shop, "v0.9.0"));
    shop.run(&["plan"]).expect(0);
    for (revision, code) in
        [("release-1", 3), ("refs/tags/release-1", 3), (commit.as_str(), 3), ("refs/heads/main", 0), ("HEAD", 0)]
    {
        shop.world.edit("bookstore", |object| object["spec"]["source"]["targetRevision"] = revision.into());
        let planned = shop.run(&["plan"]).expect(code);
        assert_eq!(planned.stderr.contains("replaces the Helm parameters"), code == 3, "{revision}: {planned}");
        assert!(!planned.stderr.contains("is not known"), "{revision}: {planned}");
    }
    for revision in ["v1.*", "gone", &"0".repeat(40)] {
        shop.world.edit("bookstore", |object| object["spec"]["source"]["targetRevision"] = revision.into());
        let planned = shop.run(&["plan"]).expect(0);
        assert!(planned.stderr.contains("hides the change is not known"), "{revision}: {planned}");
    }
}

fn a_hidden_image_is_not_pinned_at_another_version(backend: Backend) {
    let shop = Shop::open(backend);
    shop.commit(&[(OWN, &parameters("v0.9.0"))]);
    shop.world.application(deployed(&shop, "v0.9.0"));
    let refused = shop.run(&["pin", "bookstore", "web=v1.0.0"]).expect(1);
    assert!(refused.stderr.contains("replaces the Helm parameters of the Application"), "{refused}");
    // What the file says can be held: only the hold is written.
    let held = shop.run(&["pin", "bookstore", "web"]).expect(0);
    assert!(held.stdout.contains("pinned at v0.9.0"), "{held}");
    let pinned = shop.run(&["check", "-o", "json"]).expect(0).json();
    assert_eq!(
        (&pinned["items"][0]["status"], &pinned["items"][0]["configured"]["tag"]),
        (&json!("Pinned"), &json!("v0.9.0"))
    );
    shop.run(&["unpin", "bookstore", "web"]).expect(0);
}
