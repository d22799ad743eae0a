//! What cannot be pinned, and why; nothing is written then.

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::ApiRequest;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Image;
use crate::world::Output;
use crate::world::RegistryAuth;
use crate::world::World;
use crate::world::on_both;

on_both!(
    what_does_not_exist_is_not_pinned,
    what_is_not_meant_is_asked_for,
    a_repository_that_cannot_be_read_is_not_pinned,
    an_entry_that_has_no_key_needs_an_alias,
    a_registry_that_does_not_answer_is_not_believed,
);

fn refused(world: &World, output: Output, words: &[&str]) {
    let output = output.expect(1);
    assert_eq!(output.stdout, "");
    for word in words {
        assert!(output.stderr.contains(word), "`{word}` is missing:\n{output}");
    }
    let asked: Vec<_> = world.requests().into_iter().filter(ApiRequest::asks_to_write).collect();
    assert!(asked.is_empty(), "{asked:?}");
}

fn what_does_not_exist_is_not_pinned(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    let missing = format!("sha256:{}", "0".repeat(64));
    let there = Image::built("2026-10-01T08:00:00Z").content("v1.0.0").digest();
    refused(&world, world.run(&["pin", "bookstore", "web=v9.9.9"]), &["v9.9.9", "--no-verify"]);
    refused(&world, world.run(&["pin", "bookstore", &format!("web=@{missing}")]), &[&missing, "--no-verify"]);
    refused(&world, world.run(&["pin", "bookstore", &format!("web=v1.0.0@{missing}")]), &[&missing]);
    refused(&world, world.run(&["pin", "bookstore", &format!("web=v9.9.9@{there}")]), &["v9.9.9"]);
    for words in ["web=", "web=a b", "web=v1.0.0@sha256:1", "web=@", "web=-x"] {
        refused(&world, world.run(&["pin", "bookstore", words]), &["ALIAS=TAG"]);
    }
    refused(&world, world.run(&["pin", "bookstore", "wbe"]), &["`wbe`", "did you mean `web`"]);
    refused(&world, world.run(&["pin", "bookstore", "database"]), &["its images are: web"]);
    for until in ["2026-11-21", "yesterday", "-1d", "0s"] {
        refused(&world, world.run(&["pin", "bookstore", "web", &format!("--until={until}")]), &["--until"]);
    }
    refused(&world, world.run(&["unpin", "bookstore", "web"]), &["not pinned"]);
    refused(&world, world.run(&["unpin", "bookstore"]), &["pinned"]);
    world.run(&["pin", "bookstore", "web=v9.9.9", "--no-verify"]).expect(0);
    assert!(bookstore::configured(&world.get("bookstore")).contains(&"image.tag=v9.9.9".to_owned()));
}

fn what_is_not_meant_is_asked_for(backend: Backend) {
    let world = World::new(backend);
    let course = bookstore::semver(&world);
    let with = |name: &str, images: &[&str]| {
        let application = course.application(&world, Form::Helm);
        let application = application.with(|object| object["metadata"]["name"] = name.into()).images(images);
        world.application(application);
    };
    let image = world.image(REPOSITORY);
    with("differs", &[&format!("{image}:v0.9.0")]);
    with("several", &[&format!("{image}:v1.0.0"), &format!("{image}:v0.9.0")]);
    for name in ["differs", "several"] {
        refused(&world, world.run(&["pin", name, "web"]), &["v0.9.0", "v1.0.0", "web=TAG"]);
    }
    let idle = Application::named("idle").image_list(&format!("web=$REGISTRY/{REPOSITORY}")).helm(&[]);
    world.application(idle.images(&[]));
    refused(&world, world.run(&["pin", "idle", "web"]), &["neither configured nor live", "web=TAG"]);
    world.run(&["pin", "differs", "web=v1.0.0"]).expect(0);
    // Live alone is enough to know what is meant.
    let live = Application::named("live").image_list(&format!("web=$REGISTRY/{REPOSITORY}")).helm(&[]);
    world.application(live.images(&[&format!("{image}:v1.0.0")]));
    world.run(&["pin", "live", "web"]).expect(0);
}

fn a_repository_that_cannot_be_read_is_not_pinned(backend: Backend) {
    let world = World::new(backend);
    let course = bookstore::semver(&world);
    let git = course.application(&world, Form::Helm).annotation("write-back-method", "git");
    world
        .application(git.with(|object| object["spec"]["source"]["repoURL"] = "https://127.0.0.1:1/acme/deploy".into()));
    for words in [&["pin", "bookstore", "web"][..], &["pin", "bookstore", "web=v1.0.1"], &["unpin", "bookstore", "web"]]
    {
        refused(&world, world.run(words), &["failed to open https://127.0.0.1:1/acme/deploy"]);
    }
}

fn an_entry_that_has_no_key_needs_an_alias(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let image = world.image(REPOSITORY);
    let list = format!("{image}:~1.0, x=nginx, -bad-=redis");
    let application = Application::named("bookstore").image_list(&list);
    world.application(bookstore::running(application, &world, Form::Helm, "v1.0.0"));
    let output = world.run(&["pin", "bookstore", &image]);
    let with_alias = format!("={image}:~1.0, x=nginx, -bad-=redis");
    refused(&world, output, &["alias", "argocd-image-updater.argoproj.io/image-list", &with_alias]);
    refused(&world, world.run(&["pin", "bookstore", "-n", world.namespace(), "--", "-bad-=6", "--no-verify"]), &["`"]);
}

fn a_registry_that_does_not_answer_is_not_believed(backend: Backend) {
    let world = World::with(backend, RegistryAuth::Basic);
    bookstore::open(&world, Form::Helm);
    refused(&world, world.run(&["pin", "bookstore", "web=v1.0.1"]), &[REPOSITORY, "--no-verify"]);
    world.run(&["pin", "bookstore", "web"]).expect(0);
    world.run(&["pin", "bookstore", "web=v1.0.1", "--no-verify"]).expect(0);
}
