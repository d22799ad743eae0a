//! The bookstore that scenarios are about: how its image moves under each update strategy, and its Application in two
//! forms.

use serde_json::Value;
use serde_json::json;

use crate::world::Application;
use crate::world::Image;
use crate::world::World;

/// The repository that the bookstore's image is in.
pub(crate) const REPOSITORY: &str = "acme/bookstore";

/// What an Application of the bookstore is rendered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Helm,
    Kustomize,
}

/// How the image moves under one update strategy: what runs, what is there besides, and what wins.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) strategy: &'static str,
    pub(crate) constraint: Option<&'static str>,
    /// `tag` or `tag@digest`, as it is written.
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) because: &'static str,
    /// Seen, allowed, eligible.
    pub(crate) tags: [usize; 3],
    /// When the winner was built, where the strategy asks.
    pub(crate) created: Option<&'static str>,
    /// How far behind `from` is, in versions and days; `None` where the strategy knows no versions.
    pub(crate) behind: Option<(usize, Option<i64>)>,
}

/// Publishes a few tags: name, and when it was built.
pub(crate) fn publish(world: &World, repository: &str, tags: &[(&str, &str)]) {
    for (tag, built) in tags {
        world.publish(repository, tag, &Image::built(built).content(tag));
    }
}

/// The three tags of the story: v1.0.0 runs, v1.0.1 and v2.0.0 are newer.
pub(crate) fn publish_versions(world: &World) {
    let tags =
        [("v1.0.0", "2026-10-01T08:00:00Z"), ("v1.0.1", "2026-11-02T08:00:00Z"), ("v2.0.0", "2026-11-20T08:00:00Z")];
    publish(world, REPOSITORY, &tags);
}

pub(crate) fn semver(world: &World) -> Course {
    publish_versions(world);
    Course {
        strategy: "semver",
        constraint: Some("~1.0"),
        from: "v1.0.0".to_owned(),
        to: "v1.0.1".to_owned(),
        because: "newest of 2 tags that satisfy ~1.0",
        tags: [3, 3, 2],
        created: None,
        behind: Some((1, None)),
    }
}

pub(crate) fn newest_build(world: &World) -> Course {
    // By name the order is another one.
    let tags =
        [("main-c1", "2026-11-01T08:00:00Z"), ("main-b7", "2026-11-20T08:00:00Z"), ("main-d0", "2026-11-02T08:00:00Z")];
    publish(world, REPOSITORY, &tags);
    Course {
        strategy: "newest-build",
        constraint: None,
        from: "main-c1".to_owned(),
        to: "main-b7".to_owned(),
        because: "built last of 3 tags",
        tags: [3, 3, 3],
        created: Some("2026-11-20T08:00:00Z"),
        behind: Some((2, Some(19))),
    }
}

pub(crate) fn digest(world: &World) -> Course {
    let (before, after) = (Image::built("2026-11-01T08:00:00Z"), Image::built("2026-11-20T08:00:00Z"));
    for image in [&before, &after] {
        world.publish(REPOSITORY, "stable", image);
    }
    Course {
        strategy: "digest",
        constraint: Some("stable"),
        from: format!("stable@{}", before.digest()),
        to: format!("stable@{}", after.digest()),
        because: "what `stable` stands for now",
        tags: [1, 1, 1],
        created: None,
        behind: None,
    }
}

pub(crate) fn alphabetical(world: &World) -> Course {
    let tags = [
        ("2026-10-01", "2026-11-20T08:00:00Z"),
        ("2026-11-02", "2026-11-01T08:00:00Z"),
        ("nightly", "2026-11-21T08:00:00Z"),
    ];
    publish(world, REPOSITORY, &tags);
    Course {
        strategy: "alphabetical",
        constraint: None,
        from: "2026-10-01".to_owned(),
        to: "2026-11-02".to_owned(),
        because: "last of 2 tags in byte order",
        tags: [3, 2, 2],
        created: None,
        behind: Some((1, None)),
    }
}

impl Course {
    /// The Application `bookstore`, which runs `from`.
    pub(crate) fn application(&self, world: &World, form: Form) -> Application {
        let constraint = self.constraint.map_or_else(String::new, |text| format!(":{text}"));
        let application = Application::named("bookstore")
            .image_list(&format!("web=$REGISTRY/{REPOSITORY}{constraint}"))
            .annotation("web.update-strategy", self.strategy)
            .annotation("web.allow-tags", "regexp:^(v|main-|stable|[0-9])")
            .annotation("web.platforms", "linux/amd64");
        running(application, world, form, &self.from)
    }
}

/// Lets an Application run a version of the bookstore: configured in the way of its form, and live.
pub(crate) fn running(application: Application, world: &World, form: Form, version: &str) -> Application {
    let image = world.image(REPOSITORY);
    let application = match form {
        Form::Helm => application.helm(&[("image.name", &image), ("image.tag", version), ("password", "hunter2")]),
        Form::Kustomize => application.kustomize(&["other=example.com/other:1", &format!("{image}:{version}")]),
    };
    application.images(&["example.com/sidecar:7", &format!("{image}:{version}")])
}

/// The bookstore under `~1.0`, with v1.0.0 running, and its three tags published.
pub(crate) fn open(world: &World, form: Form) -> Value {
    let course = semver(world);
    world.application(course.application(world, form))
}

/// A version text as documents write it.
pub(crate) fn version(text: &str) -> Value {
    match text.split_once('@') {
        Some((tag, digest)) => json!({"tag": tag, "digest": digest}),
        None => json!({"tag": text, "digest": null}),
    }
}

/// What the Application says about its image now: the Helm parameter, or the Kustomize entry.
pub(crate) fn configured(application: &Value) -> Vec<String> {
    let source = &application["spec"]["source"];
    let parameters = source["helm"]["parameters"].as_array().into_iter().flatten();
    let parameters = parameters
        .map(|parameter| format!("{}={}", parameter["name"].as_str().unwrap(), parameter["value"].as_str().unwrap()));
    let images = source["kustomize"]["images"].as_array().into_iter().flatten();
    parameters.chain(images.map(|image| image.as_str().unwrap().to_owned())).collect()
}
