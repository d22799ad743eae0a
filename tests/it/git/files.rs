//! Kustomizations, override files, many Applications in one repository, and files that are not written.

use serde_json::Value;
use serde_json::json;

use crate::bookstore::REPOSITORY;
use crate::git::Shop;
use crate::git::VALUES;
use crate::git::outcomes;
use crate::world::Backend;
use crate::world::Output;
use crate::world::TreeChange;
use crate::world::on_both;

on_both!(
    a_kustomization_changes_in_its_images,
    an_override_file_is_made_with_what_it_would_hide,
    many_applications_are_one_commit_and_one_push,
    commits_can_be_split,
    a_new_file_is_split_by_images_too,
    refused_files_are_not_written,
    missing_keys_are_added_on_request_only,
    an_image_that_cannot_be_written_is_in_nobodys_way,
    updates_that_nobody_looked_for_are_changes_too,
    two_applications_that_disagree_are_not_written,
    what_is_held_disagrees_with_nobody,
    what_is_held_needs_no_room,
);

fn a_kustomization_changes_in_its_images(backend: Backend) {
    let shop = Shop::open(backend);
    let text = "# base\r\nresources: [a.yaml]\r\nimages:\r\n  - name: $REGISTRY/acme/bookstore\r\n    newTag: v1.0.0 # moved\r\n  - name: other\r\n    newTag: \"1.20\"\r\n";
    shop.commit(&[("overlays/prod/kustomization.yml", text)]);
    let application = shop.application("bookstore", "overlays/prod").kustomize(&[]);
    shop.world.application(application.annotation("write-back-target", "kustomization"));
    shop.apply(&[]).expect(0);
    assert_eq!(shop.text("main", "overlays/prod/kustomization.yml"), text.replace("v1.0.0", "v1.0.1"));
    assert_eq!(shop.repository.changed("main"), ["M overlays/prod/kustomization.yml"]);
}

fn an_override_file_is_made_with_what_it_would_hide(backend: Backend) {
    let shop = Shop::open(backend);
    let file = "charts/bookstore/.argocd-source-bookstore.yaml";
    let image = shop.world.image(REPOSITORY);
    let parameters = [("image.name", image.as_str()), ("image.tag", "v1.0.0"), ("replicas", "3")];
    let application = shop.application("bookstore", "charts/bookstore").helm(&parameters);
    let namespace = shop.world.namespace().to_owned();
    shop.world.application(application.with(|object| object["status"]["controllerNamespace"] = namespace.into()));
    shop.apply(&[]).expect(0);
    let made = shop.text("main", file);
    for line in ["- name: image.tag", "value: v1.0.1", "forcestring: true", "- name: replicas", "value: \"3\""] {
        assert!(made.contains(line), "{line}:\n{made}");
    }
    assert_eq!(shop.repository.changed("main"), [format!("A {file}")]);
    // A file that is there is edited in place; what it hides is named.
    let own = "# mine\nhelm:\n  parameters:\n    - {name: image.tag, value: v1.0.0, forcestring: true}\nplugin: {}\n";
    shop.commit(&[(file, own)]);
    let planned = shop.run(&["plan"]).expect(0);
    assert!(planned.stderr.contains("hides parameters of the Application: image.name, replicas"), "{planned}");
    shop.apply(&[]).expect(0);
    let edited = shop.text("main", file);
    assert!(
        edited.starts_with("# mine\nhelm:\n  parameters:\n    - {name: image.tag, value: v1.0.1, forcestring: true}\n"),
        "{edited}"
    );
    assert!(edited.ends_with("plugin: {}\n"), "{edited}");
}

/// A store with a folder of its own for each of `number` Applications.
fn many(backend: Backend, number: usize) -> Shop {
    let shop = Shop::open(backend);
    let files: Vec<(String, String)> =
        (0..number).map(|number| (format!("apps/{number}/values.yaml"), VALUES.to_owned())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    shop.commit(&files);
    for number in 0..number {
        let application = shop
            .application(&format!("app-{number}"), &format!("apps/{number}"))
            .helm(&[])
            .annotation("write-back-target", "helmvalues")
            .annotation("web.helm.image-name", "image.repository")
            .annotation("web.helm.image-tag", "image.tag");
        shop.world.application(application);
    }
    shop
}

fn commits(output: &Output) -> Vec<Value> {
    let mut commits: Vec<Value> = outcomes(output)
        .into_iter()
        .map(|(outcome, at, message)| {
            assert_eq!(outcome, "Applied", "{message}");
            at["commit"].clone()
        })
        .collect();
    commits.dedup();
    commits
}

fn many_applications_are_one_commit_and_one_push(backend: Backend) {
    let shop = many(backend, 30);
    let applied = shop.apply(&[]).expect(0);
    assert_eq!(commits(&applied), [json!(shop.repository.head("main"))], "all in one commit");
    assert_eq!((shop.pushes(), outcomes(&applied).len()), (1, 30));
    assert_eq!(shop.repository.changed("main").len(), 30);
    assert_eq!(shop.repository.subjects("main")[0], "build: automatic update of 30 Applications");
    // One clone for everything: the branches were listed, and two fetches brought folders and files.
    let log = shop.world.git().https().log();
    let fetches = log.iter().filter(|exchange| exchange.request.path.ends_with("/git-upload-pack")).count();
    assert!(fetches < 12, "{fetches} requests for 30 Applications");
}

fn commits_can_be_split(backend: Backend) {
    let shop = many(backend, 3);
    let applied = shop.apply(&["--commit-per", "app"]).expect(0);
    assert_eq!(commits(&applied).len(), 3);
    assert_eq!(shop.pushes(), 1, "one push for all of them");
    let mut subjects = shop.repository.subjects("main")[..3].to_vec();
    subjects.sort();
    assert_eq!(subjects, [0, 1, 2].map(|number| format!("build: automatic update of app-{number}")));

    shop.commit(&[(
        "two/values.yaml",
        "a: {name: $REGISTRY/acme/bookstore, tag: v1.0.0}\nb: $REGISTRY/acme/bookstore:v1.0.0\n",
    )]);
    let two = shop.application("two", "two").helm(&[]).annotation("write-back-target", "helmvalues");
    let two = two.image_list(&format!("a=$REGISTRY/{REPOSITORY}:~1.0, b=$REGISTRY/{REPOSITORY}:~1.0"));
    let two = two.annotation("a.helm.image-name", "a.name").annotation("a.helm.image-tag", "a.tag");
    shop.world.application(two.annotation("b.helm.image-spec", "b"));
    let before = shop.repository.head("main").unwrap();
    shop.apply(&["--commit-per", "image"]).expect(0);
    let new = shop.repository.git(&["rev-list", "--count", &format!("{before}..main")]);
    assert_eq!(new.trim(), "2");
    let expected = "a: {name: $REGISTRY/acme/bookstore, tag: v1.0.1}\nb: $REGISTRY/acme/bookstore:v1.0.1\n";
    assert_eq!(shop.text("main", "two/values.yaml"), expected);
}

fn a_new_file_is_split_by_images_too(backend: Backend) {
    let shop = Shop::open(backend);
    let image = shop.world.image(REPOSITORY);
    // One image is in the spec, the other is not yet.
    let parameters = [("a.name", image.as_str()), ("a.tag", "v1.0.0"), ("replicas", "3")];
    let two = shop.application("two", "charts/bookstore").helm(&parameters);
    let two = two.image_list(&format!("a=$REGISTRY/{REPOSITORY}:~1.0, b=$REGISTRY/{REPOSITORY}:~1.0"));
    let two = two.annotation("a.helm.image-name", "a.name").annotation("a.helm.image-tag", "a.tag");
    let two = two.annotation("b.helm.image-spec", "b");
    let namespace = shop.world.namespace().to_owned();
    shop.world.application(two.with(|object| object["status"]["controllerNamespace"] = namespace.into()));
    let before = shop.repository.head("main").unwrap();
    let applied = shop.apply(&["--commit-per", "image"]).expect(0);
    let new = shop.repository.git(&["rev-list", "--count", &format!("{before}..main")]);
    assert_eq!((new.trim(), shop.pushes()), ("2", 1), "{applied}");
    let file = "charts/bookstore/.argocd-source-two.yaml";
    let value = |text: &str, name: &str| {
        let mut lines = text.lines().skip_while(|line| !line.ends_with(&format!("name: {name}")));
        lines.nth(1).map(|line| line.trim().to_owned())
    };
    let first = shop.text("main~1", file);
    assert_eq!(value(&first, "a.tag").as_deref(), Some("value: v1.0.1"), "{first}");
    assert_eq!(value(&first, "replicas").as_deref(), Some("value: \"3\""), "{first}");
    assert_eq!(value(&first, "b"), None, "{first}");
    let second = shop.text("main", file);
    assert_eq!(value(&second, "b"), Some("value: $REGISTRY/acme/bookstore:v1.0.1".to_owned()), "{second}");
}

fn refused_files_are_not_written(backend: Backend) {
    let shop = Shop::open(backend);
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12\n";
    shop.repository.commit_changes(
        "main",
        "traps",
        &[
            TreeChange::symlink("link/values.yaml", "../charts/bookstore/values.yaml"),
            TreeChange::symlink("folder", "charts/bookstore"),
            TreeChange::submodule("module"),
            TreeChange::file("lfs/values.yaml", lfs),
            TreeChange::file("template/values.yaml", "image:\n  tag: {{ .Values.tag }}\n  x: [\n"),
            TreeChange::file("twice/values.yaml", "image: {tag: v1.0.0}\nimage: {tag: v1.0.0}\n"),
        ],
    );
    for (name, target) in [
        ("link", "helmvalues:/link/values.yaml"),
        ("folder", "helmvalues:/folder/values.yaml"),
        ("module", "helmvalues:/module/values.yaml"),
        ("out", "helmvalues:../../../values.yaml"),
        ("git", "helmvalues:/.git/config"),
        ("lfs", "helmvalues:/lfs/values.yaml"),
        ("template", "helmvalues:/template/values.yaml"),
        ("twice", "helmvalues:/twice/values.yaml"),
    ] {
        shop.world.application(
            shop.bookstore()
                .with(|object| object["metadata"]["name"] = name.into())
                .annotation("write-back-target", target),
        );
    }
    shop.world.application(shop.bookstore());
    let report = shop.run(&["check", "-o", "json"]).expect(3).json();
    for (name, status, reason, word) in [
        ("link", "Invalid", "RefusedPath", "symbolic link"),
        ("folder", "Invalid", "RefusedPath", "symbolic link"),
        ("module", "Invalid", "RefusedPath", "submodule"),
        ("out", "Invalid", "RefusedPath", "out of the repository"),
        ("git", "Invalid", "RefusedPath", ".git"),
        ("lfs", "Undetermined", "FileUnreadable", "LFS"),
        ("template", "Undetermined", "FileUnreadable", "template/values.yaml"),
        ("twice", "Undetermined", "FileUnreadable", "twice"),
        ("bookstore", "UpdateAvailable", "NewestMatch", "newest"),
    ] {
        let item = report["items"].as_array().unwrap().iter().find(|item| item["application"] == name).unwrap();
        assert_eq!((&item["status"], &item["reason"]), (&json!(status), &json!(reason)), "{item}");
        assert!(item["message"].as_str().unwrap().contains(word), "{item}");
    }
    let applied = shop.apply(&[]).expect(3);
    assert_eq!(outcomes(&applied).len(), 1, "the others go on: {applied}");
    assert_eq!(shop.repository.changed("main"), ["M charts/bookstore/values.yaml"]);
}

fn missing_keys_are_added_on_request_only(backend: Backend) {
    let shop = Shop::open(backend);
    let text = "# values\nreplicas: 2\n";
    shop.commit(&[("charts/bookstore/values.yaml", text)]);
    shop.world.application(shop.bookstore());
    for words in [&["check", "-o", "json"][..], &["check", "-o", "json", "--detailed-exitcode"]] {
        let checked = shop.run(words).expect(3);
        let item = &checked.json()["items"][0];
        assert_eq!(
            [&item["status"], &item["reason"], &item["candidate"]],
            [&json!("Invalid"), &json!("BadValue"), &json!(null)]
        );
        for word in ["charts/bookstore/values.yaml", "`image.repository`", "--create-keys"] {
            assert!(item["message"].as_str().unwrap().contains(word), "{word}: {item}");
        }
        assert!(checked.stderr.contains("web: charts/bookstore/values.yaml: Helm value"), "{checked}");
    }
    let planned = shop.run(&["plan", "-o", "json"]).expect(3);
    assert_eq!(
        (&planned.json()["complete"], &planned.json()["decisions"][0]["status"]),
        (&json!(false), &json!("Invalid"))
    );
    assert!(planned.stderr.contains("--create-keys"), "{planned}");
    shop.apply(&["--create-keys"]).expect(0);
    let expected = format!("{text}image:\n  repository: $REGISTRY/acme/bookstore\n  tag: v1.0.1\n");
    assert_eq!(shop.values(), expected);
}

fn an_image_that_cannot_be_written_is_in_nobodys_way(backend: Backend) {
    let shop = Shop::open(backend);
    let text = "a:\n  name: $REGISTRY/acme/bookstore\n  tag: v1.0.0\nb: {}\nc: '{{ .Values.a.name }}:v1.0.0'\nd: []\n";
    shop.commit(&[("two/values.yaml", text)]);
    let names = ["a", "b", "c", "d"];
    let list: Vec<String> = names.iter().map(|alias| format!("{alias}=$REGISTRY/{REPOSITORY}:~1.0")).collect();
    let two = shop.application("two", "two").helm(&[]).annotation("write-back-target", "helmvalues");
    let two = two
        .image_list(&list.join(", "))
        .annotation("a.helm.image-name", "a.name")
        .annotation("a.helm.image-tag", "a.tag");
    let two = two.annotation("b.helm.image-name", "b.name").annotation("b.helm.image-tag", "b.tag");
    shop.world.application(two.annotation("c.helm.image-spec", "c").annotation("d.helm.image-spec", "d[0]"));
    let applied = shop.apply(&[]).expect(3);
    assert_eq!(outcomes(&applied).len(), 1, "{applied}");
    assert_eq!(shop.text("main", "two/values.yaml"), text.replacen("v1.0.0", "v1.0.1", 1));
    let report = shop.run(&["check", "-o", "json"]).expect(3).json();
    let statuses: Vec<_> = report["items"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect();
    assert_eq!(statuses[0], "UpToDate", "{report}");
    assert!(statuses[1..].iter().all(|status| status == "Invalid" || status == "Undetermined"), "{report}");
}

fn updates_that_nobody_looked_for_are_changes_too(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    shop.run(&["check", "--detailed-exitcode"]).expect(2);
    shop.run(&["check", "--detailed-exitcode", "--no-git"]).expect(2);
    shop.run(&["check", "--no-git"]).expect(0);
}

fn two_applications_that_disagree_are_not_written(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let other = shop.bookstore().with(|object| object["metadata"]["name"] = "other".into());
    shop.world.application(other.image_list(&format!("web=$REGISTRY/{REPOSITORY}:~2.0")));
    let head = shop.repository.head("main");
    let checked = shop.run(&["check", "-o", "json"]).expect(3).json();
    let planned = shop.run(&["plan", "-o", "json"]).expect(3);
    assert_eq!(planned.json()["changes"], json!([]), "{planned}");
    assert!(planned.stderr.contains("would be written for") && planned.stderr.contains("other"), "{planned}");
    for images in [&checked["items"], &planned.json()["decisions"]] {
        for image in images.as_array().unwrap() {
            assert_eq!([&image["status"], &image["reason"]], ["Invalid", "ConflictingTargets"], "{image}");
            for word in ["/bookstore", "/other", "image.tag", "charts/bookstore/values.yaml"] {
                assert!(image["message"].as_str().unwrap().contains(word), "{word}: {image}");
            }
        }
    }
    assert_eq!(checked["summary"]["diagnostics"]["error"], 1, "{checked}");
    shop.apply(&[]).expect(3);
    assert_eq!(shop.repository.head("main"), head);
    // When they agree, it is one edit.
    shop.world.edit("other", |object| {
        let host = shop.world.registry().host();
        object["metadata"]["annotations"]["argocd-image-updater.argoproj.io/image-list"] =
            format!("web={host}/{REPOSITORY}:~1.0").into();
    });
    let applied = shop.apply(&[]).expect(0);
    assert_eq!(commits(&applied), [json!(shop.repository.head("main"))]);
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1"));
}

fn what_is_held_needs_no_room(backend: Backend) {
    let shop = Shop::open(backend);
    shop.commit(&[("charts/bookstore/values.yaml", "replicas: 2\n")]);
    shop.world.application(shop.bookstore().images(&["$REGISTRY/acme/bookstore:v2.0.0"]));
    let held = shop.run(&["check", "-o", "json"]).expect(0).json();
    assert_eq!(held["items"][0]["status"], "Downgrade", "{held}");
    let wanted = shop.run(&["plan", "--allow-downgrade", "-o", "json"]).expect(3).json();
    assert_eq!(wanted["decisions"][0]["reason"], "BadValue", "{wanted}");
}

fn what_is_held_disagrees_with_nobody(backend: Backend) {
    let shop = Shop::open(backend);
    let newest = VALUES.replace("v1.0.0", "v2.0.0");
    shop.commit(&[("charts/bookstore/values.yaml", &newest)]);
    shop.world.application(shop.bookstore());
    let other = shop.bookstore().with(|object| object["metadata"]["name"] = "other".into());
    shop.world.application(other.image_list(&format!("web=$REGISTRY/{REPOSITORY}")));
    let statuses = |words: &[&str], code| {
        let report = shop.run(words).expect(code).json();
        let images = report.get("items").unwrap_or(&report["decisions"]).as_array().unwrap().clone();
        images.iter().map(|image| image["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // The older one is not written, so that the file stays right for both.
    assert_eq!(statuses(&["check", "-o", "json"], 0), ["Downgrade", "UpToDate"]);
    assert_eq!(statuses(&["plan", "-o", "json"], 0), ["Downgrade", "UpToDate"]);
    assert_eq!(statuses(&["plan", "-o", "json", "--allow-downgrade"], 3), ["Invalid", "Invalid"]);
}
