//! The cases of the Image Updater tables for annotations (`ann`, `awb`, `amt`, `acs`, `ail`), and what this tool adds.
//!
//! Overruled by decisions.md, "Reading annotations": acs-10 (its `allow-tags: v3.*`) and ail-12 (`v1.*`) match nothing
//! there and are Invalid here; acs-04, acs-16, ail-15 and ail-16 skip the whole Application there and make the image
//! Invalid here; ail-01 and ail-02, ail-03 are errors there, here the Application is passed over, or doubtful;
//! ail-11 skips the Application there; ail-23 has a line break in a constraint there, and is no image here;
//! ail-24 is read as meant; the second piece of ail-25 is Invalid; ann-04 is read with `_`. awb-05, awb-06, awb-10 and
//! awb-11 keep git settings without a method, which nothing reads: with method `argocd` they are not read here.
//! acs-09 and acs-19 keep an empty pattern, which matches nothing: here it is dropped. acs-15's `name` is alphabetical.

mod cases;
mod findings;

use super::*;
use crate::annotations::rule::ImageRule;
use crate::annotations::rule::Targets;
use crate::model::decision::Reason;
use crate::model::diagnostic::Severity;
use crate::model::tests::Random;
use crate::model::tests::application;
use crate::model::tests::rules;

/// Reads annotations given as YAML.
fn read(annotations: &str) -> (AppRules, Vec<Diagnostic>) {
    rules(&application(&format!("annotations: {annotations}")))
}

/// The rule of the only image, or of the first, with its diagnostics.
fn first(annotations: &str) -> (ImageRule, Vec<Diagnostic>) {
    let (mut rules, diagnostics) = read(annotations);
    (rules.images.remove(0), diagnostics)
}

fn codes(diagnostics: &[Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

/// The piece of the value that a diagnostic points at.
fn pointed(diagnostic: &Diagnostic) -> &str {
    let place = diagnostic.place.as_ref().expect("a place");
    &place.value[place.span.clone()]
}

/// Which of the tags pass a rule's filter.
fn allowed<'t>(rule: &ImageRule, tags: &[&'t str]) -> Vec<&'t str> {
    let filter = &rule.settings.as_ref().expect("legal settings").filter;
    tags.iter().copied().filter(|tag| filter.verdict(tag).is_ok()).collect()
}

#[test]
fn entries_have_their_own_settings() {
    let (rules, found) = read(
        "{image-list: 'web=docker.io/library/nginx:1.21,api=quay.io/myorg/api:v2.0,db=docker.io/library/postgres:14',
          web.update-strategy: semver, web.helm.image-name: image.repository, api.force-update: 'true',
          api.kustomize.image-name: quay.io/myorg/api}",
    );
    assert_eq!(found, [], "ail-21");
    let settings: Vec<_> = rules.images.iter().map(|rule| rule.settings.as_ref().unwrap()).collect();
    assert_eq!(settings[0].targets.helm_name.as_deref(), Some("image.repository"), "ail-21");
    assert_eq!(settings.iter().map(|s| s.force_update).collect::<Vec<_>>(), [false, true, false], "ail-21");
    assert_eq!(settings[1].targets.kustomize_name.as_deref(), Some("quay.io/myorg/api"), "ail-21");
    assert_eq!(settings[2].targets, Targets::default(), "ail-21");
    // ail-20: an empty alias reads no settings of its own.
    let (rule, _) = first("{image-list: '  =docker.io/library/nginx:1.21', '.force-update': 'true'}");
    assert_eq!((rule.alias, rule.settings.unwrap().force_update), (None, false), "ail-20");
    // One bad image hides no other, and what they share is said once.
    let (rules, found) = read("{image-list: 'a=nginx, b=redis, c=', a.update-strategy: x, ignore-tags: '['}");
    let legal: Vec<_> = rules.images.iter().map(|rule| rule.settings.is_ok()).collect();
    assert_eq!(legal, [false, true, false]);
    assert_eq!(codes(&found), ["unknown-strategy", "bad-ignore-tags", "bad-image"]);
}

#[test]
fn an_application_without_an_image_list_has_no_rules() {
    assert!(parse(&application("annotations: {update-strategy: semver}")).is_none(), "ail-01");
    for (id, list) in [("ail-02", ""), ("ail-03", "  ,  ,  ")] {
        let (rules, found) = read(&format!("{{image-list: '{list}'}}"));
        assert!(rules.images.is_empty(), "{id}");
        assert_eq!(codes(&found), ["empty-image-list"], "{id}");
    }
    let long = vec!["nginx"; 1001].join(",");
    let (rules, found) = read(&format!("{{image-list: '{long}'}}"));
    assert_eq!((rules.images.len(), codes(&found)), (1000, vec!["too-many-images"]));
}

#[test]
fn a_pinned_image_is_evaluated_as_before_the_pin() {
    let record = |replaced: &str| {
        format!(r#"{{"reference":"nginx","tag":"1","at":"2026-11-22T09:00:00Z","replaced":[{replaced}]}}"#)
    };
    let hold = "argocd-image-updater.argoproj.io/a.ignore-tags";
    let replaced = |at: &str, value: &str| record(&format!(r#"{{"kind":"annotation","at":"{at}","value":{value}}}"#));
    for (id, pin, ignore, passing) in [
        ("nothing before", replaced(hold, "null"), "*", &["a", "b"][..]),
        ("a filter before", replaced(hold, "\"a\""), "*", &["b"]),
        ("held by hand before", replaced(hold, "\"*\""), "*", &[]),
        ("edited since", replaced(hold, "null"), "b", &["a"]),
        ("a record of nothing", record(""), "*", &[]),
    ] {
        let (rule, found) =
            first(&format!("{{image-list: a=nginx, a.ignore-tags: '{ignore}', kubectl-image-update/pin.a: '{pin}'}}"));
        assert_eq!(allowed(&rule, &["a", "b"]), passing, "{id}");
        assert!(rule.pin.is_some(), "{id}");
        assert_eq!(found, [], "{id}: our own hold raises no lint");
    }
    // A record names no other annotation than a hold.
    let other = replaced("argocd-image-updater.argoproj.io/a.allow-tags", "\"regexp:^b\"");
    let (rule, _) =
        first(&format!("{{image-list: a=nginx, a.allow-tags: '*', kubectl-image-update/pin.a: '{other}'}}"));
    assert_eq!(rule.settings.unwrap_err().reason, Reason::BadTagFilter);
    // The sole image without an alias is held by the Application's own key.
    let sole = replaced("argocd-image-updater.argoproj.io/ignore-tags", "null");
    let (rule, found) = first(&format!("{{image-list: nginx, ignore-tags: '*', kubectl-image-update/pin: '{sole}'}}"));
    assert_eq!((allowed(&rule, &["a"]), rule.pin.is_some(), found), (vec!["a"], true, vec![]));
}

/// Whatever stands in annotations, it is read without a panic, and every place lies inside its value.
#[test]
fn any_text_is_read() {
    const PIECES: [&str; 34] = [
        "web",
        "nginx",
        "=",
        ":",
        ",",
        "/",
        "@",
        " ",
        "\n",
        "~",
        ">=",
        "1.0",
        "-",
        "_",
        ".",
        "*",
        "[",
        "]",
        "\\",
        "(",
        "regexp:",
        "any",
        "semver",
        "digest",
        "latest",
        "linux/arm64",
        "git",
        "secret:",
        "é",
        "漢",
        "\u{202e}",
        "\0",
        "sha256:",
        "{}",
    ];
    let keys: Vec<String> = keys::ALL
        .iter()
        .flat_map(|key| [key.name.to_owned(), format!("web.{}", key.name), format!("nginx_web.{}", key.name)])
        .chain(["kubectl-image-update/pin", "kubectl-image-update/pin.web", "web.update-stategy"].map(str::to_owned))
        .collect();
    let mut random = Random::new(1);
    for _ in 0..4000 {
        let mut application = application("{}");
        for _ in 0..random.below(8) {
            let key = &keys[random.below(keys.len())];
            let key = if key.contains('/') { key.clone() } else { keys::for_application(key) };
            application.annotations.insert(key, random.text(&PIECES, 8));
        }
        application.annotations.insert(keys::for_application(keys::IMAGE_LIST), random.text(&PIECES, 20));
        let (rules, found) = rules(&application);
        for place in found.iter().filter_map(|found| found.place.as_ref()) {
            let value = &application.annotations[&place.annotation];
            assert_eq!(**value, *place.value);
            assert!(value.get(place.span.clone()).is_some(), "{:?} of {value:?}", place.span);
        }
        for rule in &rules.images {
            assert!(rule.repository.is_some() || rule.settings.is_err(), "{rule:?}");
            let said = found.iter().any(|found| found.severity == Severity::Error);
            assert!(rule.settings.is_ok() || said, "an invalid image is never silent: {rule:?}");
        }
    }
}
