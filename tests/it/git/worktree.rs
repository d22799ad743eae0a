//! `--worktree`: the files of a checkout are edited, and nothing is cloned, committed or pushed.

use serde_json::json;

use crate::git::Shop;
use crate::git::VALUES;
use crate::git::outcomes;
use crate::world::Backend;
use crate::world::on_both;

on_both!(
    a_checkout_is_edited_in_place,
    manifests_and_a_checkout_need_no_cluster,
    links_out_of_a_checkout_are_refused,
    a_manifest_itself_is_edited,
    a_checkout_is_of_one_repository,
);

/// A checkout of the repository's branch `main`.
fn checkout(shop: &Shop) -> std::path::PathBuf {
    let folder = shop.world.work().join("checkout");
    let files = folder.join("charts/bookstore");
    std::fs::create_dir_all(&files).unwrap();
    let host = shop.world.registry().host();
    std::fs::write(files.join("values.yaml"), VALUES.replace("$REGISTRY", &host)).unwrap();
    folder
}

fn read(shop: &Shop, folder: &std::path::Path) -> String {
    let text = std::fs::read_to_string(folder.join("charts/bookstore/values.yaml")).unwrap();
    text.replace(&shop.world.registry().host(), "$REGISTRY")
}

fn a_checkout_is_edited_in_place(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore().annotation("git-branch", "main:iu-{{.SHA256}}"));
    let folder = checkout(&shop);
    let worktree = folder.to_str().unwrap();
    let planned = shop.run(&["plan", "--worktree", worktree]).expect(0);
    assert!(planned.stdout.contains("+  tag: \"v1.0.1\" # moved by updates"), "{planned}");
    assert_eq!(read(&shop, &folder), VALUES);
    shop.apply(&["--worktree", worktree, "--dry-run"]).expect(0);
    assert_eq!(read(&shop, &folder), VALUES);
    let applied = shop.apply(&["--worktree", worktree]).expect(0);
    assert_eq!(outcomes(&applied)[0].0, "Applied", "{applied}");
    assert_eq!(read(&shop, &folder), VALUES.replace("v1.0.0", "v1.0.1"));
    assert_eq!(shop.world.git().https().requests(), Vec::<String>::new(), "nobody was asked");
    let again = shop.apply(&["--worktree", worktree]).expect(0);
    assert_eq!(outcomes(&again), []);
}

fn manifests_and_a_checkout_need_no_cluster(backend: Backend) {
    let shop = Shop::open(backend);
    let manifest = shop.world.fill_in(shop.bookstore());
    let file = shop.world.file("app.yaml", &manifest.to_string());
    let folder = checkout(&shop);
    let words = ["-f", file.to_str().unwrap(), "--worktree", folder.to_str().unwrap()];
    shop.world.forget();
    let applied = shop.run(&[&["apply", "--yes", "-o", "json"], &words[..]].concat()).expect(0);
    assert_eq!(
        applied.json()["summary"],
        json!({"applied": 1, "alreadyApplied": 0, "stale": 0, "rejected": 0, "failed": 0})
    );
    assert_eq!(read(&shop, &folder), VALUES.replace("v1.0.0", "v1.0.1"));
    assert!(shop.world.requests().is_empty(), "no cluster was asked");
    let without = shop.run(&["apply", "--yes", "-f", file.to_str().unwrap()]).expect(1);
    assert!(without.stderr.contains("--worktree"), "{without}");
}

fn links_out_of_a_checkout_are_refused(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let folder = checkout(&shop);
    let outside = shop.world.file("outside.yaml", VALUES);
    let values = folder.join("charts/bookstore/values.yaml");
    std::fs::remove_file(&values).unwrap();
    std::os::unix::fs::symlink(&outside, &values).unwrap();
    let planned = shop.run(&["plan", "--worktree", folder.to_str().unwrap(), "-o", "json"]).expect(3).json();
    assert_eq!(planned["decisions"][0]["reason"], "RefusedPath", "{planned}");
    assert!(std::fs::read_to_string(outside).unwrap().contains("v1.0.0"));
}

fn a_manifest_itself_is_edited(backend: Backend) {
    let shop = Shop::open(backend);
    let host = shop.world.registry().host();
    let before = format!(
        "# two of them\n---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: x}}\n---\napiVersion: argoproj.io/v1alpha1\nkind: Application\n\
         metadata:\n  name: web   # ours\n  annotations:\n    argocd-image-updater.argoproj.io/image-list: web={host}/acme/bookstore:~1.0\n\
         spec:\n  source:\n    repoURL: https://git.example.com/x\n    path: .\n    kustomize:\n      images:\n      - {host}/acme/bookstore:v1.0.0 # now\n"
    );
    let file = shop.world.file("apps.yaml", &before);
    let words = ["apply", "--yes", "-f", file.to_str().unwrap(), "--worktree", "."];
    let tried = shop.run(&[&words[..], &["--dry-run"]].concat()).expect(0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before, "{tried}");
    let link = file.with_file_name("link.yaml");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let linked = shop.run(&["apply", "--yes", "-f", link.to_str().unwrap(), "--worktree", "."]).expect(1);
    assert!(linked.stderr.contains("link.yaml is a link"), "{linked}");
    assert_eq!((link.is_symlink(), std::fs::read_to_string(&file).unwrap()), (true, before.clone()));
    let applied = shop.run(&words).expect(0);
    assert!(applied.stdout.contains("edited") && applied.stdout.contains("apps.yaml"), "{applied}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before.replace("v1.0.0", "v1.0.1"));
}

fn a_checkout_is_of_one_repository(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let elsewhere = shop.world.git().https().url("acme/elsewhere");
    shop.world.application(shop.bookstore().with(|object| {
        object["metadata"]["name"] = "other".into();
        object["spec"]["source"]["repoURL"] = elsewhere.into();
    }));
    let folder = checkout(&shop);
    let words = ["plan", "-o", "json", "--worktree", folder.to_str().unwrap()];
    // A folder that says nothing is taken for whatever is asked for.
    assert_eq!(shop.run(&words).expect(0).json()["changes"].as_array().unwrap().len(), 2);
    std::fs::create_dir(folder.join(".git")).unwrap();
    let config = format!("[remote \"mine\"]\n\turl = {}\n", shop.url());
    std::fs::write(folder.join(".git/config"), config).unwrap();
    let planned = shop.run(&words).expect(3).json();
    let changes = planned["changes"].as_array().unwrap();
    assert_eq!((changes.len(), &changes[0]["application"]["name"]), (1, &json!("bookstore")), "{planned}");
    let other = planned["decisions"].as_array().unwrap().iter().find(|image| image["application"] == "other").unwrap();
    assert_eq!(other["status"], "Undetermined");
    assert!(other["message"].as_str().unwrap().contains("is a checkout of"), "{other}");
    let applied = shop.apply(&["--worktree", folder.to_str().unwrap()]).expect(3);
    assert_eq!(outcomes(&applied).len(), 1, "{applied}");
    assert_eq!(read(&shop, &folder), VALUES.replace("v1.0.0", "v1.0.1"));
}
