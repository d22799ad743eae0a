//! Pins beside a running Image Updater, which a model plays: where nothing is said, the pinned image is never moved, not
//! even when a sibling is, before the pin is live and after; where it could be moved, that is said. And back to the byte.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use super::updater::Files;
use super::updater::Generation;
use super::updater::Tag;
use super::updater::Updater;
use super::updater::repository;
use crate::bookstore;
use crate::bookstore::Course;
use crate::bookstore::REPOSITORY;
use crate::git::Shop;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Image;
use crate::world::Output;
use crate::world::World;
use crate::world::allow;
use crate::world::from_yaml;
use crate::world::on_both;
use crate::world::resource;

on_both!(
    helm_parameters_are_held,
    kustomize_images_are_held,
    override_files_of_helm_are_held,
    override_files_of_kustomize_are_held,
    values_files_are_held,
    kustomizations_are_held,
    a_resource_that_reads_no_annotations_is_named,
    a_parameter_in_the_spec_is_named,
);

const FOLDER: &str = "apps/bookstore";
const SIBLING: &str = "acme/worker";
const DEPLOYMENT: &str = "argocd-image-updater";

/// Where the images are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Parameters,
    Images,
    HelmOverride,
    KustomizeOverride,
    Values,
    Kustomization,
}

fn helm_parameters_are_held(backend: Backend) {
    each_strategy(backend, Place::Parameters);
}

fn kustomize_images_are_held(backend: Backend) {
    each_strategy(backend, Place::Images);
}

fn override_files_of_helm_are_held(backend: Backend) {
    each_strategy(backend, Place::HelmOverride);
}

fn override_files_of_kustomize_are_held(backend: Backend) {
    each_strategy(backend, Place::KustomizeOverride);
}

fn values_files_are_held(backend: Backend) {
    each_strategy(backend, Place::Values);
}

fn kustomizations_are_held(backend: Backend) {
    each_strategy(backend, Place::Kustomization);
}

/// All four strategies on the doubles, those over git shared out among the places; one on real servers.
fn each_strategy(backend: Backend, place: Place) {
    let (newest, digest, last) = (bookstore::newest_build, bookstore::digest, bookstore::alphabetical);
    let more: &[fn(&World) -> Course] = match (backend, place) {
        (Backend::Real, _) => &[],
        (_, Place::Parameters | Place::Images) => &[newest, digest, last],
        (_, Place::HelmOverride | Place::Kustomization) => &[digest],
        (_, Place::KustomizeOverride) => &[newest],
        (_, Place::Values) => &[digest, last],
    };
    let courses = std::iter::once(bookstore::semver as fn(&World) -> Course).chain(more.iter().copied());
    for course in courses {
        let yard = Yard::open(backend, place, course);
        // What the old one does differently is the same whatever the strategy.
        let old = (yard.course.strategy == "semver").then_some(Generation::Old);
        for generation in old.into_iter().chain([Generation::New]) {
            yard.where_it_is(generation);
            yard.somewhere_else(generation);
        }
    }
}

/// What the output of a pin claims about a running Image Updater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    Holds,
    HoldsOnceLive,
    Nothing,
}

fn claim(output: &Output) -> Claim {
    match (output.stderr.contains("hold-not-in-force"), output.stderr.contains("hold-not-yet-in-force")) {
        (true, _) => Claim::Nothing,
        (false, true) => Claim::HoldsOnceLive,
        (false, false) => Claim::Holds,
    }
}

/// The bookstore and its worker, and a place that they are written to.
struct Yard {
    shop: Shop,
    place: Place,
    course: Course,
    tags: Vec<Tag>,
}

impl Yard {
    fn open(backend: Backend, place: Place, course: fn(&World) -> Course) -> Self {
        let shop = Shop::open(backend);
        let world = &shop.world;
        world.grant(world.user(), allow("get", "deployments"));
        let course = course(world);
        bookstore::publish(world, SIBLING, &[("v1.0.0", "2026-10-01T08:00:00Z"), ("v1.0.1", "2026-11-02T08:00:00Z")]);
        let tags = tags_of(course.strategy);
        let yard = Self { shop, place, course, tags };
        yard.lay(&yard.course.from);
        yard.shop.world.application(yard.application());
        yard.deployed(&yard.course.from);
        yard.shop.world.object(deployment("v0"));
        yard
    }

    fn image(&self) -> String {
        self.shop.world.image(REPOSITORY)
    }

    fn sibling(&self) -> String {
        self.shop.world.image(SIBLING)
    }

    fn application(&self) -> Application {
        let constraint = self.course.constraint.map_or_else(String::new, |text| format!(":{text}"));
        let list = format!("web=$REGISTRY/{REPOSITORY}{constraint}, worker=$REGISTRY/{SIBLING}:~1.0");
        let (image, sibling, from) = (self.image(), self.sibling(), &self.course.from);
        let mut application = Application::named("bookstore")
            .image_list(&list)
            .annotation("web.update-strategy", self.course.strategy)
            .annotation("web.allow-tags", "regexp:^(v|main-|stable|[0-9])")
            .annotation("web.ignore-tags", "*-rc")
            .annotation("worker.helm.image-name", "worker.name")
            .annotation("worker.helm.image-tag", "worker.tag")
            .images(&["example.com/sidecar:7"]);
        if self.is_in_git() {
            application = application.annotation("write-back-method", "git");
            let url = self.shop.url();
            application = application.with(|object| {
                object["spec"]["source"]["repoURL"] = url.into();
                object["spec"]["source"]["path"] = FOLDER.into();
            });
        }
        let parameter = |name: &str, value: &str| json!({"name": name, "value": value, "forceString": true});
        match self.place {
            Place::Parameters => application.helm(&[]).with(|object| {
                object["spec"]["source"]["helm"]["parameters"] = json!([
                    parameter("image.name", &image),
                    parameter("image.tag", from),
                    parameter("worker.name", &sibling),
                    parameter("worker.tag", "v1.0.0"),
                ]);
            }),
            Place::Images => application.kustomize(&[&format!("{image}:{from}"), &format!("{sibling}:v1.0.0")]),
            Place::HelmOverride => application.helm(&[]),
            Place::KustomizeOverride => application.kustomize(&[]),
            Place::Values => application.helm(&[]).annotation("write-back-target", "helmvalues"),
            Place::Kustomization => application.kustomize(&[]).annotation("write-back-target", "kustomization"),
        }
    }

    fn is_in_git(&self) -> bool {
        !matches!(self.place, Place::Parameters | Place::Images)
    }

    /// Puts a version into the file, and the first one of the worker.
    fn lay(&self, version: &str) {
        let (image, sibling) = (self.image(), self.sibling());
        let (tag, digest) = version
            .split_once('@')
            .map_or((version, String::new()), |(tag, digest)| (tag, format!("  digest: {digest} # too\n")));
        let file = match self.place {
            Place::Parameters | Place::Images => return,
            Place::HelmOverride => (
                ".argocd-source-bookstore.yaml",
                format!(
                    "# ours\nhelm:\n  parameters:\n  - {{name: image.name, value: \"{image}\", forcestring: true}}\n  - name: image.tag\n    value: \"{version}\" # held?\n    forcestring: true\n  - {{name: worker.name, value: \"{sibling}\", forcestring: true}}\n  - {{name: worker.tag, value: v1.0.0, forcestring: true}}\n"
                ),
            ),
            Place::KustomizeOverride => (
                ".argocd-source-bookstore.yaml",
                format!("kustomize:\n  images: # both\n  - \"{image}:{version}\"\n  - {sibling}:v1.0.0\n"),
            ),
            Place::Values => (
                "values.yaml",
                format!(
                    "image:\n  name: {image}\n  tag: \"{version}\"   # moved by updates\nworker: {{name: \"{sibling}\", tag: v1.0.0}}\n"
                ),
            ),
            Place::Kustomization => (
                "kustomization.yaml",
                format!(
                    "resources: [all.yaml]\nimages:\n- name: {image}\n  newTag: \"{tag}\" # ours\n{digest}- name: {sibling}\n  newTag: v1.0.0\n"
                ),
            ),
        };
        let extra = if matches!(self.place, Place::HelmOverride | Place::Values) { "Chart.yaml" } else { "note.txt" };
        let path = format!("{FOLDER}/{}", file.0);
        self.shop.commit(&[(&path, &file.1), (&format!("{FOLDER}/{extra}"), &format!("name: x # {version}\n"))]);
    }

    /// Argo CD has deployed a version.
    fn deployed(&self, version: &str) {
        let images = [format!("{}:{version}", self.image()), format!("{}:v1.0.0", self.sibling())];
        self.shop.world.set_status_images("bookstore", &images.each_ref().map(String::as_str));
    }

    fn files(&self) -> Files {
        let names: &[&str] = match self.place {
            Place::Parameters | Place::Images => &[],
            Place::HelmOverride | Place::KustomizeOverride => &[".argocd-source-bookstore.yaml"],
            Place::Values => &["values.yaml"],
            Place::Kustomization => &["kustomization.yaml"],
        };
        let text = |name: &&str| self.shop.repository.text("main", &format!("{FOLDER}/{name}"));
        names.iter().map(|name| ((*name).to_owned(), text(name))).collect()
    }

    fn get(&self) -> Value {
        self.shop.world.get("bookstore")
    }

    fn run(&self, words: &[&str]) -> Output {
        self.shop.run(words)
    }

    /// What a round of Image Updater leaves behind of an image: as `tag` or `tag@digest`.
    fn round(&self, generation: Generation, live: &str) -> [String; 2] {
        let mut application = self.get();
        application["status"]["summary"]["images"] =
            json!([format!("{}:{live}", self.image()), format!("{}:v1.0.0", self.sibling())]);
        let (application, files) = self.updater(generation).run(&application, &self.files());
        [REPOSITORY, SIBLING].map(|image| self.version_in(&application, &files, image))
    }

    fn updater(&self, generation: Generation) -> Updater {
        let worker = ["v1.0.0", "v1.0.1"].map(|name| tag(name, "2026-11-02T08:00:00Z"));
        let tags = BTreeMap::from([(self.image(), self.tags.clone()), (self.sibling(), worker.to_vec())]);
        Updater { generation, tags, resource: None }
    }

    fn version_in(&self, application: &Value, files: &Files, image: &str) -> String {
        let source = &application["spec"]["source"];
        let (key, image) = (if image == SIBLING { "worker" } else { "image" }, self.shop.world.image(image));
        let parameter = |list: &Value| {
            let list = list.as_array().unwrap().iter();
            let found = list.into_iter().find(|one| one["name"] == format!("{key}.tag").as_str()).unwrap();
            found["value"].as_str().unwrap().to_owned()
        };
        let entry = |list: &Value| {
            let list = list.as_array().unwrap().iter().filter_map(Value::as_str);
            let found = list.into_iter().find(|one| repository(one) == image).unwrap().to_owned();
            found[image.len() + 1..].to_owned()
        };
        let file = || from_yaml(files.values().next().unwrap());
        match self.place {
            Place::Parameters => parameter(&source["helm"]["parameters"]),
            Place::Images => entry(&source["kustomize"]["images"]),
            Place::HelmOverride => parameter(&file()["helm"]["parameters"]),
            Place::KustomizeOverride => entry(&file()["kustomize"]["images"]),
            Place::Values => file()[key]["tag"].as_str().unwrap().to_owned(),
            Place::Kustomization => {
                let file = file();
                let found =
                    file["images"].as_array().unwrap().iter().find(|one| one["name"] == image.as_str()).unwrap();
                let tag = found["newTag"].as_str().unwrap();
                found["digest"].as_str().map_or_else(|| tag.to_owned(), |digest| format!("{tag}@{digest}"))
            }
        }
    }

    /// Image Updater runs in this version.
    fn install(&self, generation: Generation) {
        let version = if generation == Generation::Old { "v0.18.0" } else { "v1.3.0" };
        let name = resource("deployments");
        self.shop.world.cluster().edit(name, self.shop.world.namespace(), DEPLOYMENT, |object| {
            *object = with_image(object, version);
        });
    }

    /// The configured version is held, which is live.
    fn where_it_is(&self, generation: Generation) {
        let (place, from, to) = (self.place, &self.course.from, &self.course.to);
        let about = format!("{place:?} {} {generation:?}", self.course.strategy);
        self.install(generation);
        assert_eq!(self.round(generation, from), [to, "v1.0.1"], "{about}: without a pin both move");
        let before = self.left();
        let output = self.run(&["pin", "bookstore", "web"]).expect(0);
        let expected = if generation == Generation::Old { Claim::Nothing } else { Claim::Holds };
        assert_eq!(claim(&output), expected, "{about}: {output}");
        assert_eq!(self.round(generation, from), [from, "v1.0.1"], "{about}: it is held, and the worker moves");
        self.run(&["unpin", "bookstore", "web"]).expect(0);
        assert_eq!(self.left(), before, "{about}");
    }

    /// Another version than the one that is live is pinned.
    fn somewhere_else(&self, generation: Generation) {
        let (place, from, to) = (self.place, &self.course.from, &self.course.to);
        let about = format!("{place:?} {} {generation:?}", self.course.strategy);
        self.move_to(to);
        let before = self.left();
        let output = self.run(&["pin", "bookstore", &format!("web={from}")]).expect(0);
        let [early, worker] = self.round(generation, to);
        let [late, _] = self.round(generation, from);
        assert_eq!(worker, "v1.0.1", "{about}");
        match claim(&output) {
            Claim::Holds => assert_eq!([&early, &late], [from, from], "{about}: {output}"),
            Claim::HoldsOnceLive => assert_eq!(&late, from, "{about}: {output}"),
            Claim::Nothing => assert_eq!(generation, Generation::Old, "{about}: {output}"),
        }
        // What is said is not idle.
        let breaks = generation == Generation::Old || place == Place::Values;
        assert_eq!(&early != from, breaks, "{about}: {early}");
        assert_eq!(&late, from, "{about}: once it is live, it is held by all");
        self.deployed(from);
        let item = self.run(&["check", "-o", "json"]).json()["items"][0].clone();
        assert_eq!(item["status"], "Pinned", "{about}: {item}");
        self.run(&["unpin", "bookstore", "web", "--restore-version"]).expect(0);
        assert_eq!(self.left(), before, "{about}: annotations, spec and files");
        self.move_to(from);
    }

    /// Annotations, spec and files, to the byte.
    fn left(&self) -> (String, String, Files) {
        let object = self.get();
        (object["metadata"]["annotations"].to_string(), object["spec"].to_string(), self.files())
    }

    /// Somebody sets a version, and it is deployed.
    fn move_to(&self, version: &str) {
        self.lay(version);
        let image = self.image();
        self.shop.world.edit("bookstore", |object| match self.place {
            Place::Parameters => object["spec"]["source"]["helm"]["parameters"][1]["value"] = version.into(),
            Place::Images => object["spec"]["source"]["kustomize"]["images"][0] = format!("{image}:{version}").into(),
            _ => {}
        });
        self.deployed(version);
    }
}

fn tag(name: &str, created: &str) -> Tag {
    let digest = Image::built(created).content(name).digest();
    Tag { name: name.to_owned(), created: created.to_owned(), digest }
}

/// What the registry has for each strategy, as `bookstore` publishes it.
fn tags_of(strategy: &str) -> Vec<Tag> {
    let tags: &[(&str, &str)] = match strategy {
        "semver" => &[
            ("v1.0.0", "2026-10-01T08:00:00Z"),
            ("v1.0.1", "2026-11-02T08:00:00Z"),
            ("v2.0.0", "2026-11-20T08:00:00Z"),
        ],
        "newest-build" => &[
            ("main-c1", "2026-11-01T08:00:00Z"),
            ("main-b7", "2026-11-20T08:00:00Z"),
            ("main-d0", "2026-11-02T08:00:00Z"),
        ],
        "alphabetical" => &[
            ("2026-10-01", "2026-11-20T08:00:00Z"),
            ("2026-11-02", "2026-11-01T08:00:00Z"),
            ("nightly", "2026-11-21T08:00:00Z"),
        ],
        _ => {
            let created = "2026-11-20T08:00:00Z";
            let digest = Image::built(created).digest();
            return vec![Tag { name: "stable".to_owned(), created: created.to_owned(), digest }];
        }
    };
    tags.iter().map(|(name, created)| tag(name, created)).collect()
}

fn deployment(version: &str) -> Value {
    let labels = json!({"app": DEPLOYMENT});
    let containers =
        json!([{"name": "updater", "image": format!("quay.io/argoprojlabs/argocd-image-updater:{version}")}]);
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": DEPLOYMENT},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    })
}

fn with_image(object: &Value, version: &str) -> Value {
    let mut object = object.clone();
    object["spec"]["template"]["spec"]["containers"][0]["image"] =
        format!("quay.io/argoprojlabs/argocd-image-updater:{version}").into();
    object
}

fn a_resource_that_reads_no_annotations_is_named(backend: Backend) {
    let yard = Yard::open(backend, Place::Parameters, bookstore::semver);
    yard.install(Generation::New);
    let updater = |use_annotations: bool| {
        json!({
            "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1", "kind": "ImageUpdater",
            "metadata": {"name": "all"},
            "spec": {"applicationRefs": [{
                "namePattern": "*", "useAnnotations": use_annotations,
                "images": [{"alias": "web", "imageName": format!("{}:~1.0", yard.image())}],
            }]},
        })
    };
    yard.shop.world.object(updater(false));
    let refused = yard.run(&["pin", "bookstore", "web"]).expect(1);
    assert!(refused.stderr.contains("`all`") && refused.stderr.contains("--force"), "{refused}");
    let forced = yard.run(&["pin", "bookstore", "web", "--force"]).expect(0);
    assert!(forced.stderr.contains("the hold is not in force"), "{forced}");
    // The model that obeys the resource moves it; the one that reads annotations does not.
    let images = vec![("web".to_owned(), format!("{}:~1.0", yard.image()))];
    let by_resource = Updater { resource: Some(images), ..yard.updater(Generation::New) };
    let (moved, _) = by_resource.run(&yard.get(), &Files::new());
    assert_eq!(yard.version_in(&moved, &Files::new(), REPOSITORY), "v1.0.1");
    assert_eq!(yard.round(Generation::New, "v1.0.0"), ["v1.0.0", "v1.0.1"]);
    let taken_back = yard.run(&["unpin", "bookstore", "web"]).expect(0);
    assert!(!taken_back.stderr.contains("not in force"), "{taken_back}");
    // Under flags: nothing could be held, and nothing is there to be let go.
    let none = yard.run(&["pin", "--all", "web", "--yes"]).expect(1);
    assert!(none.stderr.contains("not written: ") && none.stderr.contains("nothing could be written"), "{none}");
    yard.run(&["unpin", "--all", "--yes"]).expect(0);
    let world = &yard.shop.world;
    world.cluster().edit(resource("imageupdaters"), world.namespace(), "all", |object| {
        object["spec"]["applicationRefs"][0]["useAnnotations"] = true.into();
    });
    let output = yard.run(&["pin", "bookstore", "web"]).expect(0);
    assert_eq!(claim(&output), Claim::Holds, "{output}");
}

fn a_parameter_in_the_spec_is_named(backend: Backend) {
    let yard = Yard::open(backend, Place::Values, bookstore::semver);
    yard.install(Generation::New);
    let image = yard.image();
    yard.shop.world.edit("bookstore", |object| {
        object["spec"]["source"]["helm"]["parameters"] =
            json!([{"name": "image.name", "value": image}, {"name": "image.tag", "value": "v1.0.1"}]);
    });
    let refused = yard.run(&["pin", "bookstore", "web=v1.0.0"]).expect(1);
    assert!(refused.stderr.contains("v1.0.1") && refused.stderr.contains("--force"), "{refused}");
    let forced = yard.run(&["pin", "bookstore", "web=v1.0.0", "--force"]).expect(0);
    assert_eq!(claim(&forced), Claim::Nothing, "{forced}");
    // It is live, and written over all the same when the worker moves.
    assert_eq!(yard.round(Generation::New, "v1.0.0"), ["v1.0.1", "v1.0.1"]);
}
