//! `check APP --suggest`: the annotations to begin with, taken over as they are printed, lead to a clean check.

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

on_both!(what_is_printed_leads_to_a_clean_check, a_list_is_completed, the_first_run_teaches);

/// The bookstore without a single annotation.
fn plain(world: &World, form: Form) -> Value {
    bookstore::publish_versions(world);
    let (name, image) = (world.image(REPOSITORY), format!("{}:v1.0.0", world.image(REPOSITORY)));
    let application = Application::named("bookstore").images(&[&image]);
    world.application(match form {
        Form::Helm => application.helm(&[("web.repository", &name), ("web.tag", "v1.0.0"), ("password", "hunter2")]),
        Form::Kustomize => application.kustomize(&[&format!("store={image}")]),
    })
}

fn what_is_printed_leads_to_a_clean_check(backend: Backend) {
    for form in [Form::Helm, Form::Kustomize] {
        let world = World::new(backend);
        plain(&world, form);
        let suggested = world.run(&["check", "bookstore", "--suggest"]).expect(0);
        assert!(world.writes().is_empty(), "it reads only");
        let image = world.image(REPOSITORY);
        let entry = format!("bookstore={image}:~1.0");
        assert!(suggested.stdout.starts_with("kubectl annotate applications.argoproj.io bookstore -n "), "{suggested}");
        assert!(suggested.stdout.contains(&entry), "{suggested}");
        assert!(suggested.stderr.contains("stays within 1.0"), "{suggested}");
        take_over(&world, &suggested);
        let report = world.run(&["check", "-o", "json"]).expect(0).json();
        assert_eq!(report["diagnostics"], json!([]), "{form:?}");
        let item = report["items"].as_array().unwrap().iter().find(|item| item["alias"] == "bookstore").unwrap();
        assert_eq!([&item["status"], &item["current"]["tag"]], ["UpdateAvailable", "v1.0.0"], "{report}");
    }
}

/// Runs the command that was printed in a shell, where `kubectl` is the real one.
fn take_over(world: &World, suggested: &Output) {
    let kubectl = crate::world::program("kubectl");
    let mut shell: Invocation = world.invocation(&[]);
    shell.program = "/bin/sh".into();
    shell.arguments = vec!["-c".into(), suggested.stdout.clone().into()];
    shell.env("PATH", format!("{}:/usr/bin:/bin", kubectl.parent().expect("it is in a folder").display()));
    shell.run().expect(0);
}

fn a_list_is_completed(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let listed = Application::named("bookstore").image_list(&format!("web=$REGISTRY/{REPOSITORY}:^1"));
    let image = world.image(REPOSITORY);
    let other = world.image("acme/other");
    let images = [format!("{image}:v1.0.0"), format!("{other}:2026-01-31")];
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    world.application(listed.kustomize(&images).images(&images));
    let suggested = world.run(&["check", "bookstore", "--suggest", "-o", "yaml"]).expect(0);
    let patch: Value = serde_yaml::from_str(&suggested.stdout).unwrap();
    assert_eq!(
        patch["metadata"]["annotations"],
        json!({
            "argocd-image-updater.argoproj.io/image-list": format!("web={image}:^1, other={other}"),
            "argocd-image-updater.argoproj.io/other.update-strategy": "alphabetical",
            "argocd-image-updater.argoproj.io/other.allow-tags": "regexp:^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        })
    );
    assert!(suggested.stderr.contains("lists 1 image already; this would add 1 image:"), "{suggested}");
    let command = world.run(&["check", "bookstore", "--suggest"]).expect(0);
    assert!(command.stdout.contains(" --overwrite \\\n"), "{command}");
    world.application(bookstore::running(
        Application::named("done").image_list(&format!("a={image}, b=example.com/sidecar, c=example.com/other")),
        &world,
        Form::Kustomize,
        "v1.0.0",
    ));
    let nothing = world.run(&["check", "done", "--suggest"]).expect(0);
    assert_eq!(nothing.stdout, "");
    assert!(nothing.stderr.contains("its image list has every image that runs"), "{nothing}");
}

fn the_first_run_teaches(backend: Backend) {
    let world = World::new(backend);
    plain(&world, Form::Helm);
    let name = format!("{}/bookstore", world.namespace());
    let hint = format!("`kubectl image-update check {name} --suggest` prints what to add");
    let listing = world.run(&["check"]).expect(0);
    assert!(listing.stderr.contains(&hint), "{listing}");
    let named = world.run(&["check", "bookstore"]).expect(1);
    assert!(named.stderr.contains(&hint), "{named}");
    world.run(&["check", &name, "--suggest"]).expect(0);

    let unnamed = world.run(&["check", "--suggest"]).expect(1);
    assert!(unnamed.stderr.contains("must be told for which Application"), "{unnamed}");
    for format in ["name", "markdown", "html"] {
        world.run(&["check", "bookstore", "--suggest", "-o", format]).expect(1);
    }
    world.application(Application::named("directory").source_type("Directory").images(&["nginx:1.2.3"]));
    let refused = world.run(&["check", "directory", "--suggest"]).expect(1);
    assert!(refused.stderr.contains("nginx is left out: a source of type Directory"), "{refused}");
}

#[test]
fn manifests_get_a_piece_to_put_into_them() {
    let world = World::new(Backend::Double);
    let kustomize = Application::named("web").kustomize(&["ghcr.io/acme/web:v1.0.0"]);
    world.file("apps.json", &Value::from(kustomize).to_string());
    let suggested = world.run(&["check", "-f", "apps.json", "--suggest"]).expect(0);
    let patch: Value = serde_yaml::from_str(&suggested.stdout).unwrap();
    let list = &patch["metadata"]["annotations"]["argocd-image-updater.argoproj.io/image-list"];
    assert_eq!(list, "web=ghcr.io/acme/web:~1.0", "{suggested}");
    assert!(world.requests().is_empty());
}
