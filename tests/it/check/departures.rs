//! Where this tool is better than Image Updater on purpose: each departure as its user meets it.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::bookstore::configured;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Image;
use crate::world::World;
use crate::world::on_both;

on_both!(
    constraints_without_an_alias_are_read_as_meant,
    numbers_that_win_over_versions_are_doubted,
    names_are_compared_normalised,
    a_followed_tag_passes_the_filters,
    equal_values_are_one_change,
    images_of_one_registry_are_told_apart,
    duplicate_parameters_are_all_set,
    an_image_of_another_name_is_replaced,
    names_go_by_platform_on_request,
);

fn check(world: &World, code: i32) -> Value {
    world.run(&["check", "-o", "json"]).expect(code).json()
}

fn items(report: &Value) -> &[Value] {
    report["items"].as_array().unwrap()
}

fn codes(report: &Value) -> Vec<&str> {
    report["diagnostics"].as_array().unwrap().iter().map(|found| found["code"].as_str().unwrap()).collect()
}

fn constraints_without_an_alias_are_read_as_meant(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    for (name, list) in [
        ("equals", "$REGISTRY/acme/bookstore:>=1.0 <2.0"),
        ("tilde", "$REGISTRY/acme/bookstore:~1.0"),
        ("alias", "web=$REGISTRY/acme/bookstore:>=1.0 <2.0"),
    ] {
        let application = Application::named(name).image_list(list);
        world.application(bookstore::running(application, &world, Form::Kustomize, "v1.0.0"));
    }
    let report = check(&world, 0);
    for item in items(&report) {
        assert_eq!(item["candidate"]["tag"], "v1.0.1", "{item}");
        assert_eq!(item["image"], world.image(REPOSITORY));
    }
    let aliases: Vec<_> = items(&report).iter().map(|item| &item["alias"]).collect();
    assert_eq!(aliases, [&json!("web"), &Value::Null, &Value::Null]);
    let found = &report["diagnostics"].as_array().unwrap()[..];
    let [found] = found else { panic!("{found:?}") };
    assert_eq!((&found["code"], &found["application"]), (&json!("read-differently"), &json!("equals")));
    assert!(found["hint"].as_str().unwrap().contains("Image Updater takes"), "{found}");
}

fn numbers_that_win_over_versions_are_doubted(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    bookstore::publish(&world, REPOSITORY, &[("20240131", "2024-01-31T08:00:00Z")]);
    let image = Application::named("any").image_list("web=$REGISTRY/acme/bookstore");
    world.application(bookstore::running(image, &world, Form::Helm, "v1.0.0"));
    let report = check(&world, 0);
    let tags: Vec<_> = items(&report).iter().map(|item| &item["candidate"]["tag"]).collect();
    assert_eq!(tags, ["20240131", "v1.0.1"]);
    let found: Vec<_> =
        report["diagnostics"].as_array().unwrap().iter().filter(|found| found["application"] == "any").collect();
    let [found] = found[..] else { panic!("{report}") };
    assert_eq!(found["severity"], "warning");
    assert!(found["message"].as_str().unwrap().contains("`20240131`"), "{found}");
}

/// Held by hand, so that nobody asks Docker Hub.
fn names_are_compared_normalised(backend: Backend) {
    let world = World::new(backend);
    let pairs = [
        ("nginx", "docker.io/library/nginx:1.25", true),
        ("docker.io/nginx", "nginx:1.25", true),
        ("docker.io/library/nginx", "index.docker.io/library/nginx:1.25", true),
        ("library/nginx", "nginx:1.25", true),
        ("acme/web", "docker.io/acme/web:1.25", true),
        ("ghcr.io/library/nginx", "ghcr.io/nginx:1.25", false),
        ("nginx", "ghcr.io/nginx:1.25", false),
        ("registry:5000/web:~1.0", "registry:5000/web:1.25", true),
        ("registry:5000/web", "registry:5001/web:1.25", false),
    ];
    for (number, (list, live, _)) in pairs.iter().enumerate() {
        let application = Application::named(&format!("case-{number}")).image_list(list).annotation("ignore-tags", "*");
        world.application(application.helm(&[]).images(&[live, "example.com/sidecar:1"]));
    }
    let report = check(&world, 0);
    for (item, (list, live, same)) in items(&report).iter().zip(pairs) {
        let expected = if same { json!([{"tag": "1.25", "digest": null}]) } else { json!([]) };
        assert_eq!(item["live"], expected, "{list} and {live}");
        assert_eq!(item["reason"], "IgnoredByHand", "{list}");
    }
    assert_eq!(items(&report)[0]["reference"], "docker.io/library/nginx");
}

fn a_followed_tag_passes_the_filters(backend: Backend) {
    let world = World::new(backend);
    let course = bookstore::digest(&world);
    world.application(course.application(&world, Form::Helm).annotation("web.ignore-tags", "st*"));
    let arm = course.application(&world, Form::Helm).annotation("web.platforms", "linux/arm64");
    world.application(arm.with(|object| object["metadata"]["name"] = "platform".into()));
    let report = world.run(&["check", "-o", "json", "--explain"]).expect(0).json();
    let facts: Vec<_> =
        items(&report).iter().map(|item| json!([item["status"], item["reason"], item["rejected"]])).collect();
    assert_eq!(
        facts,
        [
            json!(["NoCandidate", "AllTagsFiltered", [{"tag": "stable", "reason": "Ignored"}]]),
            json!(["NoCandidate", "NoTagMatches", [{"tag": "stable", "reason": "WrongPlatform"}]]),
        ]
    );
}

fn equal_values_are_one_change(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let list = format!("web=$REGISTRY/{REPOSITORY}:~1.0, job=$REGISTRY/{REPOSITORY}:~1.0");
    let application = Application::named("bookstore").image_list(&list);
    world.application(bookstore::running(application, &world, Form::Helm, "v1.0.0"));
    let plan = world.run(&["plan", "-o", "json"]).expect(0).json();
    let changes = plan["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "one change for one place");
    assert_eq!(changes[0]["edits"].as_array().unwrap().len(), 1, "{plan}");
    assert_eq!(changes[0]["images"].as_array().unwrap().len(), 2);
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    assert_eq!(world.writes().len(), 1);
}

fn images_of_one_registry_are_told_apart(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let host = world.registry().host();
    let images = [
        format!("{host}/acme/api:v1.0.0"),
        format!("{host}/{REPOSITORY}-worker:v1.0.0"),
        format!("{host}/{REPOSITORY}:v1.0.0"),
    ];
    let entries: Vec<&str> = images.iter().map(String::as_str).collect();
    let application = Application::named("bookstore").image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"));
    world.application(application.kustomize(&entries).images(&entries));
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    let written = configured(&world.get("bookstore"));
    assert_eq!(written, [entries[0], entries[1], &format!("{host}/{REPOSITORY}:v1.0.1")]);
}

fn duplicate_parameters_are_all_set(backend: Backend) {
    let world = World::new(backend);
    let course = bookstore::semver(&world);
    world.application(course.application(&world, Form::Helm).with(|object| {
        let parameters = object["spec"]["source"]["helm"]["parameters"].as_array_mut().unwrap();
        parameters.push(json!({"name": "image.tag", "value": "v1.0.0"}));
    }));
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    let written = world.get("bookstore");
    let tags: Vec<_> = written["spec"]["source"]["helm"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|parameter| parameter["name"] == "image.tag")
        .collect();
    let expected = json!({"name": "image.tag", "value": "v1.0.1", "forceString": true});
    assert_eq!(tags, [&expected, &expected]);
}

fn an_image_of_another_name_is_replaced(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    // The manifests name one image; Kustomize puts another in its place, of the same version even.
    let application = Application::named("bookstore")
        .image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"))
        .annotation("web.kustomize.image-name", "docker.io/library/bookstore");
    world.application(application.kustomize(&[]).images(&["docker.io/library/bookstore:v1.0.1"]));
    let report = check(&world, 0);
    let item = &items(&report)[0];
    assert_eq!((&item["status"], &item["candidate"]["tag"]), (&json!("UpdateAvailable"), &json!("v1.0.1")), "{item}");
    // Whether a file in the source is why nobody else says what runs cannot be known: there is no git here.
    assert_eq!(codes(&report), ["override-unchecked"]);
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    let written = configured(&world.get("bookstore"));
    assert_eq!(written, [format!("docker.io/library/bookstore={}:v1.0.1", world.image(REPOSITORY))]);
    world.set_status_images("bookstore", &["$REGISTRY/acme/bookstore:v1.0.1"]);
    assert_eq!(items(&check(&world, 0))[0]["status"], "UpToDate");
}

/// A digest is one request, and a list of tags another, however many images ask for them.
#[test]
fn registries_are_asked_as_little_as_can_be() {
    let world = World::new(Backend::Double);
    let course = bookstore::digest(&world);
    for name in ["one", "two", "three"] {
        let application = course.application(&world, Form::Helm).with(|object| {
            object["metadata"]["name"] = name.into();
            let annotations = object["metadata"]["annotations"].as_object_mut().unwrap();
            annotations.retain(|key, _| !key.ends_with("platforms"));
        });
        world.application(application);
    }
    let asked = || -> Vec<String> {
        let log = world.registry().double().log();
        let asked = log.iter().map(|exchange| format!("{} {}", exchange.request.method, exchange.request.path));
        world.registry().double().clear_log();
        asked.collect()
    };
    asked();
    world.run(&["check"]).expect(0);
    assert_eq!(asked(), ["HEAD /v2/acme/bookstore/manifests/stable"]);

    world.publish(REPOSITORY, "v1.0.0", &Image::built("2026-10-01T08:00:00Z"));
    for name in ["four", "five"] {
        let application = Application::named(name).image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"));
        world.application(bookstore::running(application, &world, Form::Helm, "v1.0.0"));
    }
    asked();
    world.run(&["check", "four", "five"]).expect(0);
    assert_eq!(asked(), ["GET /v2/acme/bookstore/tags/list"]);
}

fn names_go_by_platform_on_request(backend: Backend) {
    let world = World::new(backend);
    let built = |tag: &str, platform: &str| {
        let image = Image::built("2026-11-01T08:00:00Z").content(tag).platform(platform);
        world.publish(REPOSITORY, tag, &image);
    };
    for (tag, platform) in
        [("v1.0.0", "linux/amd64"), ("v1.0.1", "linux/amd64"), ("v1.0.2", "linux/arm64"), ("v1.0.3", "windows/amd64")]
    {
        built(tag, platform);
    }
    let list = |name: &str| Application::named(name).image_list("web=$REGISTRY/acme/bookstore:~1.0");
    let digest = Application::named("digest")
        .image_list("web=$REGISTRY/acme/bookstore:v1.0.3")
        .annotation("web.update-strategy", "digest");
    for application in [
        list("semver").annotation("web.platforms", "linux/amd64"),
        list("last").annotation("web.update-strategy", "alphabetical").annotation("web.platforms", "linux/amd64"),
        list("nowhere").annotation("web.platforms", "linux/s390x"),
        digest,
    ] {
        world.application(bookstore::running(application, &world, Form::Kustomize, "v1.0.0"));
    }
    let candidates = |report: &Value| -> Vec<String> {
        items(report)
            .iter()
            .map(|item| {
                let tag = item["candidate"]["tag"].as_str().unwrap_or("-");
                format!("{} {tag} {}", item["application"].as_str().unwrap(), item["status"].as_str().unwrap())
            })
            .collect()
    };
    let report = check(&world, 0);
    let usual =
        ["digest v1.0.3", "last v1.0.3", "nowhere v1.0.3", "semver v1.0.3"].map(|row| format!("{row} UpdateAvailable"));
    assert_eq!(candidates(&report), usual);
    // In this cluster of no nodes any platform will do for the one that does not say.
    let report = world.run(&["check", "-o", "json", "--check-platforms", "--explain"]).expect(0).json();
    let expected = [
        "digest v1.0.3 UpdateAvailable",
        "last v1.0.1 UpdateAvailable",
        "nowhere - NoCandidate",
        "semver v1.0.1 UpdateAvailable",
    ];
    assert_eq!(candidates(&report), expected);
    let semver = items(&report).last().unwrap();
    for tag in ["v1.0.2", "v1.0.3"] {
        let wrong = json!({"tag": tag, "reason": "WrongPlatform"});
        assert!(semver["rejected"].as_array().unwrap().contains(&wrong), "{semver}");
    }
    let plan = world.run(&["plan", "semver", "-o", "json", "--check-platforms"]).expect(0).json();
    assert_eq!(plan["changes"][0]["images"][0]["to"]["tag"], "v1.0.1", "{plan}");
}
