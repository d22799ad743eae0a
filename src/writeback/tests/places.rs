//! What an image is set with: `hpn`, `mhp`, `shi`, `ski`, `gki` and `kim`.
//!
//! Overruled by decisions.md, "kustomize images, registry with a port" (matched by whole name): ski-06, kim-30, gki-04,
//! and kim-32, where AIU cuts `nginx@sha256:aa` at a `:` inside the digest. shi-04 is no error of the write, but makes
//! the image Invalid before. shi-05 writes no tag, and nothing is ever written without one here. `spi` and `gpi` are
//! about plugins, which only an ImageUpdater resource can name.

use super::*;
use crate::annotations::rule::Targets;
use crate::model::tests::digest;
use crate::writeback::helm::Parameters;
use crate::writeback::object::Edited;
use crate::writeback::object::edited;

/// Writes `version` for the image at `position`; twice is once.
fn write(id: &str, short: &str, position: usize, version: &str) -> Vec<String> {
    let case = case(short);
    let (destination, edits) = case.edits(position, version);
    let after = match edited(&case.application.object, &destination, &edits) {
        Ok(Edited::Object(after)) => after,
        other => panic!("{id}: {other:?}"),
    };
    assert_eq!(edited(&after, &destination, &edits), Ok(Edited::Already), "{id}: the same again");
    let result = written(&after);
    let again = Case { application: crate::cluster::application::application(after).unwrap(), rules: case.rules };
    assert_eq!(again.edits(position, version).1, [], "{id}: nothing is left to write");
    let configured = again.placement(position, None).unwrap().configured;
    let mut expected = Version::parse(version);
    if expected.tag.is_none() && again.application.sources[0].helm.is_some() {
        // A tag parameter needs a tag.
        expected.tag = configured.as_ref().and_then(|version| version.tag.clone());
    }
    assert_eq!(configured, Some(expected), "{id}: what was written is configured");
    result
}

#[test]
fn parameter_names_are_the_ones_of_image_updater() {
    let targets = |name: Option<&str>, tag: Option<&str>, spec: Option<&str>| Targets {
        helm_name: name.map(str::to_owned),
        helm_tag: tag.map(str::to_owned),
        helm_spec: spec.map(str::to_owned),
        kustomize_name: None,
    };
    let both = |name, tag| Parameters::NameAndTag { name, tag };
    // hpn-01, that an image without alias has no names of its own, is read in `annotations`.
    for (id, targets, expected) in [
        ("hpn-01", targets(None, None, None), both("image.name", "image.tag")),
        ("hpn-02", targets(None, Some("image.tag"), Some("image.path")), Parameters::Spec("image.path")),
        ("hpn-03", targets(Some("a.name"), Some("a.tag"), None), both("a.name", "a.tag")),
        ("hpn-04", targets(None, None, None), both("image.name", "image.tag")),
        ("hpn-05", targets(None, Some("a.tag"), None), both("image.name", "a.tag")),
    ] {
        assert_eq!(helm::parameters(&targets), expected, "{id}");
    }
}

/// A Helm source with parameters `name=value`, and annotations.
fn with_parameters(annotations: &str, parameters: &[&str]) -> String {
    let pairs = parameters.iter().map(|text| text.split_once('=').unwrap());
    let parameters: Vec<_> = pairs.map(|(name, value)| format!("{{name: {name}, value: '{value}'}}")).collect();
    format!("{{annotations: {{{annotations}}}, source: {{helm: {{parameters: [{}]}}}}}}", parameters.join(", "))
}

#[test]
fn helm_parameters_are_set_as_image_updater_sets_them() {
    let d = digest('d');
    let foobar = "image-list: 'foobar=jannfis/foobar:~1'";
    let named =
        |name: &str, tag: &str| format!("{foobar}, foobar.helm.image-name: {name}, foobar.helm.image-tag: {tag}");
    let full = "image-list: a=reg.io/x/y";
    let spec = format!("{full}, a.helm.image-spec: img");
    let apart = format!("{full}, a.helm.image-name: n, a.helm.image-tag: t");
    for (id, annotations, before, version, after) in [
        (
            "mhp-01",
            foobar,
            &["someparam=somevalue", "image.name=jannfis/foobar", "otherparam=othervalue", "image.tag=1.2.3"][..],
            "1.2.4",
            &["someparam=somevalue", "image.name=jannfis/foobar", "otherparam=othervalue", "image.tag=1.2.4"][..],
        ),
        ("mhp-02", foobar, &[], "1.2.4", &["image.name=jannfis/foobar", "image.tag=1.2.4"]),
        (
            "shi-01",
            foobar,
            &["image.tag=1.0.0", "image.name=jannfis/foobar"],
            "1.0.1",
            &["image.tag=1.0.1", "image.name=jannfis/foobar"],
        ),
        ("shi-02", foobar, &[], "1.0.1", &["image.name=jannfis/foobar", "image.tag=1.0.1"]),
        (
            "shi-03",
            &named("foobar.image.name", "foobar.image.tag"),
            &["image.tag=1.0.0", "image.name=jannfis/dummy"],
            "1.0.1",
            &[
                "image.tag=1.0.0",
                "image.name=jannfis/dummy",
                "foobar.image.name=jannfis/foobar",
                "foobar.image.tag=1.0.1",
            ],
        ),
        ("shi-06", &spec, &[], &format!("1.2@{d}"), &[&format!("img=reg.io/x/y:1.2@{d}")]),
        ("shi-07", &apart, &[], &format!("@{d}"), &["n=reg.io/x/y", &format!("t=latest@{d}")]),
    ] {
        assert_eq!(write(id, &with_parameters(annotations, before), 0, version), after, "{id}");
    }
}

#[test]
fn helm_parameters_keep_what_is_right_already() {
    let d = digest('d');
    let foobar = "image-list: 'foobar=jannfis/foobar:~1'";
    let spec = "image-list: a=reg.io/x/y, a.helm.image-spec: img";
    for (id, annotations, before, version, after) in [
        (
            "spelling",
            foobar,
            &["image.name=docker.io/jannfis/foobar", "image.tag=1"][..],
            "2",
            &["image.name=docker.io/jannfis/foobar", "image.tag=2"][..],
        ),
        (
            "spelling of a spec",
            &spec.replace("reg.io/x/y", "nginx"),
            &["img=docker.io/library/nginx:1"],
            "2",
            &["img=docker.io/library/nginx:2"],
        ),
        (
            "name of another",
            foobar,
            &["image.name=other", "image.tag=1"],
            "2",
            &["image.name=jannfis/foobar", "image.tag=2"],
        ),
        (
            "tag in the name",
            foobar,
            &["image.name=jannfis/foobar:1", "image.tag=1"],
            "2",
            &["image.name=jannfis/foobar", "image.tag=2"],
        ),
        ("no name", foobar, &["image.tag=1"], "2", &["image.tag=2", "image.name=jannfis/foobar"]),
        (
            "an empty tag",
            foobar,
            &["image.name=jannfis/foobar", "image.tag="],
            "2",
            &["image.name=jannfis/foobar", "image.tag=2"],
        ),
        (
            "twice the same name",
            foobar,
            &["image.tag=0", "image.name=jannfis/foobar", "image.tag=1"],
            "2",
            &["image.tag=2", "image.name=jannfis/foobar", "image.tag=2"],
        ),
        (
            "registry with a port",
            "image-list: 'a=reg:5000/x/y:~1'",
            &[],
            "2",
            &["image.name=reg:5000/x/y", "image.tag=2"],
        ),
        (
            "spec with a port",
            &spec.replace("reg.io", "reg:5000"),
            &["img=reg:5000/x/y:1"],
            "2",
            &["img=reg:5000/x/y:2"],
        ),
        ("spec of another", spec, &["img=nginx:1"], "2", &["img=reg.io/x/y:2"]),
        ("spec with a digest only", spec, &["img=reg.io/x/y:1"], &format!("@{d}"), &[&format!("img=reg.io/x/y@{d}")]),
    ] {
        assert_eq!(write(id, &with_parameters(annotations, before), 0, version), after, "{id}");
    }
}

#[test]
fn what_helm_parameters_configure() {
    let d = digest('d');
    let names = "image-list: 'a=nginx:~1'";
    let spec = "image-list: 'a=nginx:~1', a.helm.image-spec: img";
    for (id, annotations, parameters, expected) in [
        ("both", names, &["image.name=nginx", "image.tag=1.0"][..], Some("1.0")),
        ("tag only", names, &["image.tag=1.0"], Some("1.0")),
        ("another spelling", names, &["image.name=docker.io/library/nginx", "image.tag=1.0"], Some("1.0")),
        ("another image", names, &["image.name=redis", "image.tag=1.0"], None),
        ("name only", names, &["image.name=nginx"], None),
        ("empty tag", names, &["image.name=nginx", "image.tag="], None),
        ("digest", names, &[&format!("image.tag=1.0@{d}")], Some(&*format!("1.0@{d}"))),
        ("digest only", names, &[&format!("image.tag={d}")], Some(&format!("@{d}"))),
        ("the last counts", names, &["image.tag=1.0", "image.tag=1.1"], Some("1.1")),
        ("nothing", names, &[], None),
        ("spec", spec, &["img=nginx:1.0", "image.tag=2"], Some("1.0")),
        ("spec of another image", spec, &["img=redis:1.0"], None),
        ("spec without a version", spec, &["img=nginx"], None),
    ] {
        let case = case(&with_parameters(annotations, parameters));
        let configured = case.placement(0, None).unwrap().configured;
        assert_eq!(configured, expected.map(Version::parse), "{id}");
    }
}

/// A Kustomize source with images, and annotations.
fn with_images(annotations: &str, images: &[&str]) -> String {
    let images: Vec<_> = images.iter().map(|image| format!("'{image}'")).collect();
    format!("{{annotations: {{{annotations}}}, source: {{kustomize: {{images: [{}]}}}}}}", images.join(", "))
}

#[test]
fn kustomize_images_are_set_by_whole_name() {
    let (a, d) = (digest('a'), digest('d'));
    let foobar = "image-list: 'foobar=jannfis/foobar:~1'";
    let named = |name: &str| format!("{foobar}, foobar.kustomize.image-name: {name}");
    let services = ["service-a=jannfis/foobar:tag-a", "service-b=jannfis/foobar:tag-b"];
    let port = "image-list: 'b=reg:5000/b:~1'";
    let first = format!("tag-a@{a}");
    let mirror = "image-list: 'a=my.reg/nginx', a.kustomize.image-name: nginx";
    for (id, annotations, before, version, after) in [
        ("ski-01", foobar, &["jannfis/foobar:1.0.0"][..], "1.0.1", &["jannfis/foobar:1.0.1"][..]),
        ("ski-04", &named("foobar"), &["jannfis/foobar:1.0.0"], "1.0.1", &["foobar=jannfis/foobar:1.0.1"]),
        (
            "ski-05",
            &named("service-a"),
            &services,
            &first,
            &[&format!("service-a=jannfis/foobar:{first}"), services[1]],
        ),
        ("gki-02", &named("service-a"), &services, "2", &["service-a=jannfis/foobar:2", services[1]]),
        ("gki-03", &named("service-b"), &services, "2", &[services[0], "service-b=jannfis/foobar:2"]),
        ("ski-06 overruled", port, &["reg:5000/a:1", "reg:5000/b:1"], "2", &["reg:5000/a:1", "reg:5000/b:2"]),
        (
            "gki-04 overruled",
            "image-list: gcr.io/jannfis/foobar",
            &["quay.io/jannfis/foobar:1"],
            "2",
            &["quay.io/jannfis/foobar:1", "gcr.io/jannfis/foobar:2"],
        ),
        ("none", foobar, &[], "1", &["jannfis/foobar:1"]),
        ("none, with a name", &named("old"), &[], "1", &["old=jannfis/foobar:1"]),
        ("none, with its own name", &named("jannfis/foobar"), &[], "1", &["jannfis/foobar:1"]),
        ("alias kept", foobar, &["x=jannfis/foobar:1"], "2", &["x=jannfis/foobar:2"]),
        // Without a Kustomize name every entry that puts the image in place of another is meant.
        ("all aliases", foobar, &services, "2", &["service-a=jannfis/foobar:2", "service-b=jannfis/foobar:2"]),
        (
            "the plain one first",
            foobar,
            &["x=jannfis/foobar:1", "jannfis/foobar:1"],
            "2",
            &["x=jannfis/foobar:1", "jannfis/foobar:2"],
        ),
        ("spelling", foobar, &["docker.io/jannfis/foobar:1"], "2", &["docker.io/jannfis/foobar:2"]),
        ("digest", foobar, &[&format!("jannfis/foobar:1@{a}")], &format!("2@{d}"), &[&format!("jannfis/foobar:2@{d}")]),
        ("digest only", foobar, &["jannfis/foobar:1"], &format!("@{d}"), &[&format!("jannfis/foobar@{d}")]),
        ("another registry", mirror, &["nginx:1"], "2", &["nginx=my.reg/nginx:2"]),
        ("spelled out", mirror, &["nginx=other.reg/nginx:1", "redis:1"], "2", &["nginx=my.reg/nginx:2", "redis:1"]),
        (
            "twice the same name",
            foobar,
            &["jannfis/foobar:1", "a:1", "jannfis/foobar:3"],
            "2",
            &["jannfis/foobar:2", "a:1", "jannfis/foobar:2"],
        ),
        (
            "moves to its name",
            &named("old"),
            &["jannfis/foobar:1", "docker.io/jannfis/foobar:1", "z:1"],
            "2",
            &["z:1", "old=docker.io/jannfis/foobar:2"],
        ),
    ] {
        assert_eq!(write(id, &with_images(annotations, before), 0, version), after, "{id}");
    }
}

#[test]
fn two_names_of_one_image_are_two_entries() {
    // ski-05, both steps.
    let services = ["service-a=jannfis/foobar:tag-a", "service-b=jannfis/foobar:tag-b"];
    let annotations = "image-list: 'a=jannfis/foobar:tag-a, b=jannfis/foobar:tag-b', update-strategy: digest, \
                       a.kustomize.image-name: service-a, b.kustomize.image-name: service-b";
    let mut object = case(&with_images(annotations, &services)).application.object;
    for (position, version) in [(0, format!("tag-a@{}", digest('a'))), (1, format!("tag-b@{}", digest('b')))] {
        let application = crate::cluster::application::application(object.clone()).unwrap();
        let rules = rules(&application).0;
        let (destination, edits) = Case { application, rules }.edits(position, &version);
        let Ok(Edited::Object(after)) = edited(&object, &destination, &edits) else { panic!("{edits:?}") };
        object = after;
    }
    let expected = [
        format!("service-a=jannfis/foobar:tag-a@{}", digest('a')),
        format!("service-b=jannfis/foobar:tag-b@{}", digest('b')),
    ];
    assert_eq!(written(&object), expected);
}

#[test]
fn what_kustomize_images_configure() {
    let d = digest('d');
    let plain = "image-list: nginx";
    let named = "image-list: a=my.reg/nginx, a.kustomize.image-name: nginx";
    for (id, annotations, images, expected) in [
        ("plain", plain, &["nginx:1"][..], Some("1")),
        ("with registry", plain, &["docker.io/library/nginx:1"], Some("1")),
        ("digest", plain, &[&format!("nginx@{d}")], Some(&*format!("@{d}"))),
        ("tag and digest", plain, &[&format!("nginx:1@{d}")], Some(&format!("1@{d}"))),
        ("in place of another", plain, &["x=nginx:1"], Some("1")),
        ("others", plain, &["redis:1", "x=redis:1", "nginx=redis:1"], None),
        ("no version", plain, &["x=nginx"], None),
        ("several", plain, &["x=nginx:1", "y=nginx:2"], None),
        ("several equal", plain, &["x=nginx:1", "y=nginx:1"], Some("1")),
        ("the last counts", plain, &["nginx:1", "nginx:2"], Some("2")),
        ("named", named, &["nginx=my.reg/nginx:1", "my.reg/nginx:2"], Some("1")),
        ("named, another image", named, &["nginx:1"], None),
        ("named, the image itself", named, &["my.reg/nginx:2"], Some("2")),
        ("port", "image-list: 'reg:5000/b'", &["reg:5000/a:1"], None),
    ] {
        let case = case(&with_images(annotations, images));
        let configured = case.placement(0, None).unwrap().configured;
        assert_eq!(configured, expected.map(Version::parse), "{id}");
    }
}

#[test]
fn entries_are_told_apart_by_the_name_they_override() {
    for (id, one, other, same) in [
        ("kim-03", "foo:1", "bar=1", false),
        ("kim-05", "foobar@2", "foo@2", false),
        ("kim-06", "foo=1", "foo=2", true),
        ("kim-07", "foo:1", "foo:2", true),
        ("kim-08", "foo@1", "foo@2", true),
        ("kim-30 overruled", "reg:5000/a:1", "reg:5000/b:2", false),
        ("kim-31", "x=reg:5000/a:1", "x=reg:5000/a:2", true),
        ("kim-32 overruled", "nginx@sha256:aa", "nginx:1", true),
    ] {
        assert_eq!(kustomize::name(one) == kustomize::name(other), same, "{id}");
    }
    let images = ["a/b:1.0", "a/b@sha256:aabb", "a/b:latest@sha256:aabb", "x/y=busybox", "x/y=foo.bar/a/c:0.23"]
        .map(str::to_owned);
    let source = Source { kustomize: Some(images.to_vec()), ..Source::default() };
    for (id, wanted, found) in [
        ("kim-21", "a/b@sha256:aabb", true),
        ("kim-22", "a/b:latest@sha256:aabb", true),
        ("kim-23", "x/y=busybox", true),
        ("kim-24", "x/y=foo.bar/a/c:0.23", true),
        ("kim-25", "a/b", true),
        ("kim-26", "a/b:2", true),
        ("kim-28", "x", false),
    ] {
        assert_eq!(kustomize::value(&source, kustomize::name(wanted)).is_some(), found, "{id}");
    }
}

#[test]
fn an_entry_that_puts_another_image_in_its_place_is_replaced() {
    for (entry, expected) in [
        ("ghcr.io/acme/web=other/repo:v1.0.0", "ghcr.io/acme/web:v1.0.1"),
        ("ghcr.io/acme/web=other/repo@sha256:aa", "ghcr.io/acme/web:v1.0.1"),
    ] {
        let case = case(&with_images("image-list: 'web=ghcr.io/acme/web:~1.0'", &[entry]));
        let (destination, edits) = case.edits(0, "v1.0.1");
        let found: Vec<_> = edits.iter().map(|edit| (edit.from.as_deref(), edit.to.as_deref())).collect();
        assert_eq!(found, [(Some(entry), Some(expected))]);
        assert_eq!(case.placement(0, None).unwrap().configured, None, "another image is set");
        // What was planned is found when it is written.
        let after = edited(&case.application.object, &destination, &edits);
        let Ok(Edited::Object(after)) = after else { panic!("{after:?}") };
        assert_eq!(written(&after), [expected]);
    }
}
