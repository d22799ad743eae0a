//! Pins: written, written again, and taken back to the letter.

use serde_json::Value;

use super::*;
use crate::cluster;
use crate::model::tests::application;
use crate::model::tests::digest;
use crate::model::tests::rules;
use crate::writeback::object;
use crate::writeback::object::Edited;

const HOLD_KEY: &str = "argocd-image-updater.argoproj.io/a.ignore-tags";
const RECORD_KEY: &str = "kubectl-image-update/pin.a";

/// An Application on its way through pins, as its object becomes.
struct World {
    application: Application,
}

impl World {
    fn new(short: &str) -> Self {
        Self { application: application(short) }
    }

    /// With the image `a` of a Helm source, configured at a tag.
    fn configured(annotations: &str, tag: &str) -> Self {
        Self::new(&format!(
            "{{annotations: {{image-list: 'a=nginx:~1, b=my.reg/other', {annotations}}}, source: {{helm: {{parameters: [
               {{name: a.n, value: nginx}}, {{name: a.t, value: '{tag}'}}]}}}}}}"
        ))
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(Image<'_>) -> T) -> Result<T, Error> {
        let (rules, _) = rules(&self.application);
        let rule = entry(&self.application, &rules, name)?;
        let placement = writeback::placement(&self.application, &rules, rule, None)
            .map_err(|invalid| Error::failed(invalid.message))?;
        let place = |rule: &ImageRule| writeback::placement(&self.application, &rules, rule, None);
        let key = |rule: &ImageRule| (self.application.key.clone(), rule.position);
        let placements = rules.images.iter().map(|rule| (key(rule), place(rule))).collect();
        let placements = &placements;
        Ok(act(Image { application: &self.application, rules: &rules, rule, placement: &placement, placements }))
    }

    fn pin(&mut self, name: &str, wanted: &Wanted) -> Result<(Change, Pin), Error> {
        let terms = Terms {
            reason: Some("why".to_owned()),
            by: Some("ada".to_owned()),
            at: "2026-11-22T09:00:00Z".parse().unwrap(),
            until: None,
        };
        let (mut changes, pin) = self.with(name, |image| pin(image, wanted, terms))??;
        let change = changes.remove(0);
        assert!(changes.is_empty(), "with method `argocd` all of it is one change");
        self.carry_out(&change);
        Ok((change, pin))
    }

    fn unpin(&mut self, name: &str, restore_version: bool) -> Result<Unpinned, Error> {
        let unpinned = self.with(name, |image| unpin(image, restore_version))??;
        self.carry_out(&unpinned.changes[0]);
        Ok(unpinned)
    }

    fn carry_out(&mut self, change: &Change) {
        match object::edited(&self.application.object, &change.destination, &change.edits).expect("the change fits") {
            Edited::Object(after) => self.set(after),
            Edited::Already => assert_eq!(change.edits, []),
        }
    }

    fn set(&mut self, object: Value) {
        self.application = cluster::application::application(object).unwrap();
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.application.annotations.get(key).map(String::as_str)
    }

    fn annotate(&mut self, key: &str, value: Option<&str>) {
        let mut object = self.application.object.clone();
        let annotations = object["metadata"]["annotations"].as_object_mut().unwrap();
        match value {
            Some(value) => annotations.insert(key.to_owned(), value.into()),
            None => annotations.shift_remove(key),
        };
        self.set(object);
    }

    fn parameters(&self) -> Vec<String> {
        let parameters = self.application.sources[0].helm.iter().flatten();
        parameters.map(|parameter| format!("{}={}", parameter.name, parameter.value)).collect()
    }
}

const TARGETS: &str = "a.helm.image-name: a.n, a.helm.image-tag: a.t, b.helm.image-spec: b";

fn named(version: &str) -> Wanted {
    Wanted::Named(Version::parse(version))
}

fn fields(edits: &[Edit]) -> Vec<String> {
    edits.iter().map(|edit| edit.field.to_string()).collect()
}

#[test]
fn a_pin_is_a_hold_a_record_and_a_version() {
    let mut world = World::configured(TARGETS, "1.1");
    let before = world.application.object.clone();
    let (change, pin) = world.pin("a", &named("1.0")).unwrap();
    // The hold comes first.
    assert_eq!(
        fields(&change.edits),
        [format!("annotation `{HOLD_KEY}`"), format!("annotation `{RECORD_KEY}`"), "Helm parameter `a.t`".to_owned()]
    );
    assert_eq!(change.id, "argocd/web#1");
    assert_eq!((change.images[0].from.as_ref(), &change.images[0].to), (Some(&Version::parse("1.1")), &pin.version));
    assert_eq!(change.images[0].because, "why");
    assert_eq!(world.annotation(HOLD_KEY), Some("*"));
    let record: Value = serde_json::from_str(world.annotation(RECORD_KEY).unwrap()).unwrap();
    assert_eq!(
        record,
        serde_json::json!({
            "reference": "docker.io/library/nginx", "tag": "1.0", "digest": null, "reason": "why", "by": "ada",
            "at": "2026-11-22T09:00:00Z", "until": null,
            "replaced": [
                {"kind": "annotation", "at": HOLD_KEY, "value": null},
                {"kind": "helmParameter", "at": "a.t", "value": "1.1"},
            ],
        })
    );
    assert_eq!(world.parameters(), ["a.n=nginx", "a.t=1.0"]);
    // What `unpin` leaves is what was there before, but for the version.
    world.unpin("a", false).unwrap();
    assert_eq!(world.application.object["metadata"], before["metadata"]);
    assert_eq!(world.parameters(), ["a.n=nginx", "a.t=1.0"]);
}

#[test]
fn the_version_that_stands_is_held_and_not_written() {
    for (id, annotations, tag, wanted, written) in [
        ("standing", TARGETS, "1.1", Wanted::Standing(Version::parse("1.1")), false),
        // Nothing sets the image, and one version is live.
        ("only live", "a.helm.image-tag: x", "1.1", Wanted::Standing(Version::parse("1.0")), false),
        ("named, and the same", TARGETS, "1.1", named("1.1"), false),
        (
            "named, without the name parameter",
            "a.helm.image-name: z, a.helm.image-tag: a.t",
            "1.1",
            named("1.1"),
            false,
        ),
        ("named", TARGETS, "1.1", named("1.0"), true),
    ] {
        let mut world = World::configured(annotations, tag);
        let (change, _) = world.pin("a", &wanted).unwrap();
        assert_eq!(change.is_rendered(), written, "{id}");
        assert_eq!(change.destination == Destination::ANNOTATIONS, !written, "{id}");
    }
}

#[test]
fn a_pin_set_again_keeps_what_the_first_one_replaced() {
    let mut world = World::configured(&format!("{TARGETS}, a.ignore-tags: 'rc*'"), "1.1");
    let before = world.application.object.clone();
    world.pin("a", &named("1.0")).unwrap();
    let (change, pin) = world.pin("a", &named("0.9")).unwrap();
    assert_eq!(fields(&change.edits), [format!("annotation `{RECORD_KEY}`"), "Helm parameter `a.t`".to_owned()]);
    let replaced: Vec<_> =
        pin.replaced.iter().map(|replaced| (replaced.field.at(), replaced.value.as_deref())).collect();
    assert_eq!(replaced, [(HOLD_KEY, Some("rc*")), ("a.t", Some("1.1"))]);
    let unpinned = world.unpin("a", true).unwrap();
    assert_eq!((unpinned.kept.len(), &unpinned.changes[0].images[0].to), (0, &Version::parse("1.1")));
    assert_eq!(world.parameters(), ["a.n=nginx", "a.t=1.1"]);
    assert_eq!(world.application.object["metadata"], before["metadata"]);
}

#[test]
fn what_somebody_edited_meanwhile_is_kept_and_said() {
    for (id, edit, said) in [("edited", Some("v2*"), "was edited since"), ("removed", None, "was removed since")] {
        let mut world = World::configured(TARGETS, "1.1");
        world.pin("a", &named("1.0")).unwrap();
        world.annotate(HOLD_KEY, edit);
        let unpinned = world.unpin("a", false).unwrap();
        assert_eq!(world.annotation(HOLD_KEY), edit, "{id}");
        assert_eq!(world.annotation(RECORD_KEY), None, "{id}");
        let [kept] = unpinned.kept.as_slice() else { panic!("{id}: {:?}", unpinned.kept) };
        assert!(kept.contains(said) && kept.contains(HOLD_KEY), "{id}: {kept}");
    }
    // Pinned again after an edit, the edit is what comes back.
    let mut world = World::configured(TARGETS, "1.1");
    world.pin("a", &named("1.0")).unwrap();
    world.annotate(HOLD_KEY, Some("v2*"));
    world.pin("a", &named("1.0")).unwrap();
    assert_eq!(world.annotation(HOLD_KEY), Some("*"));
    world.unpin("a", false).unwrap();
    assert_eq!(world.annotation(HOLD_KEY), Some("v2*"));
    // A hold that was there by hand stays.
    let mut world = World::configured(&format!("{TARGETS}, a.ignore-tags: '*'"), "1.1");
    world.pin("a", &named("1.0")).unwrap();
    assert_eq!(world.unpin("a", false).unwrap().kept.len(), 0);
    assert_eq!(world.annotation(HOLD_KEY), Some("*"));
}

#[test]
fn a_record_takes_back_nothing_but_its_own_hold() {
    let record = r#"{"reference":"nginx","tag":"1.1","at":"2026-11-22T09:00:00Z","replaced":[
        {"kind":"annotation","at":"example.com/star","value":"evil"}]}"#;
    let mut world = World::configured(TARGETS, "1.1");
    world.annotate("example.com/star", Some("*"));
    world.annotate(HOLD_KEY, Some("*"));
    world.annotate(RECORD_KEY, Some(record));
    let unpinned = world.unpin("a", false).unwrap();
    assert_eq!((world.annotation("example.com/star"), world.annotation(HOLD_KEY)), (Some("*"), Some("*")));
    assert!(unpinned.kept[0].contains("does not record"), "{:?}", unpinned.kept);
}

#[test]
fn the_version_is_restored_if_it_is_still_the_pinned_one() {
    // The tag was changed since.
    let mut world = World::configured(TARGETS, "1.1");
    world.pin("a", &named("1.0")).unwrap();
    let moved = serde_json::from_str(
        &world.application.object.to_string().replace("\"1.0\",\"forceString\"", "\"3.0\",\"forceString\""),
    )
    .unwrap();
    world.set(moved);
    let unpinned = world.unpin("a", true).unwrap();
    assert_eq!(world.parameters(), ["a.n=nginx", "a.t=3.0"]);
    assert!(unpinned.kept[0].contains("version was changed since"), "{:?}", unpinned.kept);
    assert_eq!(unpinned.changes[0].images[0].to, Version::parse("3.0"));
    // What the pin made is taken away again.
    let mut world =
        World::new("{annotations: {image-list: 'a=nginx:~1'}, source: {helm: {parameters: [{name: x, value: y}]}}}");
    world.pin("a", &named("1.0")).unwrap();
    assert_eq!(world.parameters(), ["x=y", "image.name=nginx", "image.tag=1.0"]);
    world.unpin("a", true).unwrap();
    assert_eq!(world.parameters(), ["x=y"]);
    // Only a hold was written: there is nothing to restore.
    let mut world = World::configured(TARGETS, "1.1");
    world.pin("a", &Wanted::Standing(Version::parse("1.1"))).unwrap();
    let unpinned = world.unpin("a", true).unwrap();
    assert_eq!((unpinned.kept.len(), world.parameters()), (0, vec!["a.n=nginx".to_owned(), "a.t=1.1".to_owned()]));
}

#[test]
fn kustomize_images_are_pinned_and_restored() {
    let d = digest('d');
    for (id, annotations, images, version, pinned) in [
        ("plain", "image-list: a=nginx", &["nginx:1.1"][..], "1.0".to_owned(), &["nginx:1.0"][..]),
        ("by digest", "image-list: a=nginx", &["nginx:1.1"], format!("@{d}"), &[&format!("nginx@{d}")]),
        (
            "by both",
            "image-list: a=nginx",
            &["nginx:1.1", "z:1"],
            format!("1.0@{d}"),
            &[&format!("nginx:1.0@{d}"), "z:1"],
        ),
        (
            "moved to its name",
            "image-list: a=nginx, a.kustomize.image-name: x",
            &["nginx:1.1"],
            "1.0".to_owned(),
            &["x=nginx:1.0"],
        ),
        ("new", "image-list: a=nginx", &["z:1"], "1.0".to_owned(), &["z:1", "nginx:1.0"]),
    ] {
        let texts: Vec<_> = images.iter().map(|image| format!("'{image}'")).collect();
        let mut world = World::new(&format!(
            "{{annotations: {{{annotations}}}, source: {{kustomize: {{images: [{}]}}}}}}",
            texts.join(", ")
        ));
        let before = world.application.object.clone();
        world.pin("a", &named(&version)).unwrap();
        assert_eq!(world.application.sources[0].kustomize.as_deref().unwrap(), pinned, "{id}");
        world.unpin("a", true).unwrap();
        assert_eq!(world.application.object, before, "{id}");
    }
}

#[test]
fn keys_are_named_after_the_alias_or_the_application() {
    for (list, name, hold, record) in [
        ("a=nginx, b=redis", "b", "argocd-image-updater.argoproj.io/b.ignore-tags", "kubectl-image-update/pin.b"),
        (
            "org/app=nginx, b=redis",
            "org/app",
            "argocd-image-updater.argoproj.io/org_app.ignore-tags",
            "kubectl-image-update/pin.org_app",
        ),
        ("nginx:~1", "nginx", "argocd-image-updater.argoproj.io/ignore-tags", "kubectl-image-update/pin"),
        (
            "docker.io/library/nginx",
            "docker.io/library/nginx",
            "argocd-image-updater.argoproj.io/ignore-tags",
            "kubectl-image-update/pin",
        ),
        ("web-=nginx", "web-", "argocd-image-updater.argoproj.io/ignore-tags", "kubectl-image-update/pin"),
    ] {
        let mut world = World::new(&format!(
            "{{annotations: {{image-list: '{list}', update-strategy: alphabetical}}, source: {{kustomize: {{}}}}}}"
        ));
        let (change, _) = world.pin(name, &named("1.0")).unwrap();
        assert_eq!(
            fields(&change.edits)[..2],
            [format!("annotation `{hold}`"), format!("annotation `{record}`")],
            "{list}"
        );
        let (after, found) = rules(&world.application);
        assert!(after.images.iter().any(|rule| rule.pin.is_some()), "{list}: the pin is read again");
        assert!(
            found.iter().all(|found| found.code != "dead-pin" && found.code != "unknown-annotation"),
            "{list}: {found:?}"
        );
        world.unpin(name, true).unwrap();
        assert!(rules(&world.application).0.images.iter().all(|rule| rule.pin.is_none()), "{list}");
    }
}

#[test]
fn what_cannot_be_pinned_is_refused_with_a_way_out() {
    for (id, list, name, message, hint) in [
        ("no alias", "nginx:~1, b=redis", "nginx", "needs an alias", "image-list: image1=nginx:~1, b=redis"),
        ("alias in use", "nginx, image1=redis", "nginx", "needs an alias", "image-list: image2=nginx, image1=redis"),
        ("no key", "w b=nginx, b=redis", "w b", "needs an alias", "image-list: image1=nginx, b=redis"),
        ("alias twice", "a=nginx, a=redis", "a", "2 images of argocd/web go by the alias `a`", "its own alias"),
        ("one key", "a/b=nginx, a_b=redis", "a/b", "go by the alias `a/b`", "its own alias"),
        ("another name", "web=nginx", "wbe", "argocd/web has no image `wbe`", "did you mean `web`?"),
        ("no such name", "web=nginx, redis", "database", "no image `database`", "its images are: web, redis"),
    ] {
        let mut world = World::new(&format!("{{annotations: {{image-list: '{list}'}}, source: {{kustomize: {{}}}}}}"));
        let error = world.pin(name, &named("1.0")).unwrap_err();
        assert!(error.message.contains(message), "{id}: {}", error.message);
        assert!(error.hints.iter().any(|said| said.contains(hint)), "{id}: {:?}", error.hints);
    }
    let mut world = World::configured(TARGETS, "1.1");
    assert!(world.unpin("a", false).unwrap_err().message.contains("`a` of argocd/web is not pinned"));
    // A version that would be another image's as well.
    let mut shared = World::new(
        "{annotations: {image-list: 'a=nginx, b=redis', a.helm.image-name: a, a.helm.image-tag: t, b.helm.image-name: b,
           b.helm.image-tag: t}, source: {helm: {parameters: [{name: t, value: '1'}]}}}",
    );
    let error = shared.pin("a", &named("2")).unwrap_err();
    assert!(error.message.contains("Helm parameter `t` would be written for"), "{}", error.message);
    assert!(shared.pin("a", &Wanted::Standing(Version::parse("1"))).is_ok());
}

#[test]
fn only_the_image_that_is_meant_is_pinned() {
    let mut world = World::configured(TARGETS, "1.1");
    world.pin("b", &named("2.0")).unwrap();
    let (rules, _) = rules(&world.application);
    let pinned: Vec<_> = rules.images.iter().map(|rule| rule.pin.is_some()).collect();
    assert_eq!(pinned, [false, true]);
    assert_eq!(world.parameters(), ["a.n=nginx", "a.t=1.1", "b=my.reg/other:2.0"]);
}
