//! What is wrong or doubtful in annotations, with its code and the place in the value.

use super::*;

#[test]
fn what_cannot_be_used_makes_the_image_invalid() {
    let digest = "update-strategy: digest";
    for (id, annotations, reason, code, place) in [
        ("acs-04", "image-list: nginx, force-update: invalid", Reason::BadValue, "bad-boolean", "invalid"),
        ("acs-16", "image-list: nginx, force-update: ''", Reason::BadValue, "bad-boolean", ""),
        (
            "acs-16 own",
            "image-list: a=nginx, force-update: 'true', a.force-update: ''",
            Reason::BadValue,
            "bad-boolean",
            "",
        ),
        (
            "ail-15",
            "image-list: web=nginx, web.force-update: invalid-boolean",
            Reason::BadValue,
            "bad-boolean",
            "invalid-boolean",
        ),
        ("acs-10 allow", "image-list: nginx, allow-tags: 'v3.*'", Reason::BadTagFilter, "bad-allow-tags", "v3.*"),
        ("ail-11", "image-list: web=", Reason::BadImage, "bad-image", "web="),
        ("ail-23", "image-list: \"a=x/y:~1.0\\nb=x/z:~2.0\"", Reason::BadImage, "bad-image", "a=x/y:~1.0\nb=x/z:~2.0"),
        ("upper case", "image-list: 'nginx:1,Org/App:1.0'", Reason::BadImage, "bad-image", "Org/App:1.0"),
        (
            "strategy",
            "image-list: nginx, update-strategy: ' semvar '",
            Reason::BadStrategy,
            "unknown-strategy",
            "semvar",
        ),
        ("constraint", "image-list: 'nginx:>=1 ~a'", Reason::BadConstraint, "bad-constraint", "a"),
        ("word", "image-list: 'nginx:stable'", Reason::BadConstraint, "bad-constraint", "stable"),
        (
            "no tag to follow",
            &format!("image-list: a=nginx, {digest}"),
            Reason::BadConstraint,
            "bad-constraint",
            "a=nginx",
        ),
        (
            "no such tag to follow",
            &format!("image-list: 'a=nginx:~1.0', {digest}"),
            Reason::BadConstraint,
            "bad-constraint",
            "~1.0",
        ),
        ("regexp", "image-list: nginx, allow-tags: 'regexp:v('", Reason::BadTagFilter, "bad-allow-tags", "("),
        ("platform", "image-list: a=nginx, a.platforms: 'linux/amd64, arm'", Reason::BadValue, "bad-platform", "arm"),
        ("empty platform", "image-list: a=nginx, a.platforms: 'linux/amd64,'", Reason::BadValue, "bad-platform", ""),
        (
            "crd-05",
            "image-list: a=nginx, pull-secret: ' gcr.io=secrets:mynamespace/mysecret#anyfield'",
            Reason::BadValue,
            "bad-pull-secret",
            "secrets",
        ),
        ("pin", "image-list: a=nginx, kubectl-image-update/pin.a: '{}'", Reason::BadValue, "unreadable-pin", "{}"),
    ] {
        let (rules, found) = read(&format!("{{{annotations}}}"));
        let invalid = rules.images.iter().find_map(|rule| rule.settings.as_ref().err());
        assert_eq!(invalid.map(|invalid| invalid.reason), Some(reason), "{id}");
        let errors: Vec<_> = found.iter().filter(|found| found.severity == Severity::Error).collect();
        assert_eq!((errors[0].code, pointed(errors[0])), (code, place), "{id}");
        assert_eq!(invalid.map(|invalid| &invalid.message), Some(&errors[0].message), "{id}");
        assert_eq!(errors[0].application.as_ref().map(ToString::to_string).as_deref(), Some("argocd/web"), "{id}");
    }
}

#[test]
fn all_that_is_wrong_with_an_image_is_said_at_once() {
    let (rule, found) = first(
        "{image-list: a=nginx, update-strategy: x, allow-tags: x, ignore-tags: '[', a.platforms: x, force-update: x,
          a.helm.image-tag: x, a.kustomize.image-name: x}",
    );
    assert_eq!(rule.settings.unwrap_err().reason, Reason::BadStrategy);
    assert_eq!(rule.strategy_text, "x");
    let expected =
        ["unknown-strategy", "bad-allow-tags", "bad-ignore-tags", "bad-platform", "bad-boolean", "conflicting-targets"];
    assert_eq!(codes(&found), expected);
}

/// Decisions: a diagnostic names the valid choices, and says what Image Updater does.
#[test]
fn every_error_says_what_is_valid_and_what_image_updater_does() {
    for (annotations, code, valid, image_updater) in [
        ("allow-tags: 'regexp:[a'", "bad-allow-tags", "`regexp:`", "allows no tag"),
        ("allow-tags: 'regexp:(?=a)'", "bad-allow-tags", "no look-around", "allows no tag"),
        ("allow-tags: 'regexp:a**'", "bad-allow-tags", "(?:a*)*", "allows no tag"),
        ("allow-tags: '^v'", "bad-allow-tags", "regexp:^v", "allows no tag"),
        ("image-list: 'a=b:~1.x.y'", "bad-constraint", "`~1.2`", "passes over the image"),
        ("image-list: 'a=b:1 ||'", "bad-constraint", "`*`", "passes over the image"),
        ("update-strategy: digest", "bad-constraint", "nginx:stable", "passes over the image"),
        ("update-strategy: x", "unknown-strategy", "alphabetical", "uses semver"),
        ("a.platforms: linux", "bad-platform", "linux/arm64", "finds no image"),
        ("force-update: maybe", "bad-boolean", "`true`", "skips the whole Application"),
        ("pull-secret: x", "bad-pull-secret", "pullsecret:", "passes over the image"),
        ("a.helm.image-name: x, a.kustomize.image-name: y", "conflicting-targets", "keep", "skips the whole"),
        ("write-back-method: x", "bad-write-back-method", "repocreds", "skips the whole Application"),
        ("write-back-method: git, git-branch: 'a:b:c'", "bad-git-branch", "base:template", "skips the whole"),
    ] {
        let list = if annotations.contains("image-list") { "" } else { "image-list: a=b, " };
        let (_, found) = read(&format!("{{{list}{annotations}}}"));
        assert_eq!(codes(&found), [code], "{annotations}");
        let hint = found[0].hint.as_deref().unwrap_or_default();
        assert!(hint.contains(valid), "{annotations}: {hint}");
        assert!(hint.contains("Argo CD Image Updater") && hint.contains(image_updater), "{annotations}: {hint}");
    }
}

#[test]
fn what_is_doubtful_is_said_and_changes_nothing() {
    for (id, annotations, code, place, hint) in [
        (
            "old name",
            "image-list: nginx, update-strategy: Latest",
            "deprecated-strategy",
            "Latest",
            "write `newest-build`",
        ),
        (
            "newest-build",
            "image-list: 'nginx:~1', update-strategy: newest-build",
            "constraint-not-read",
            "~1",
            "allow-tags",
        ),
        (
            "alphabetical",
            "image-list: 'b, a = nginx:~1 ', a.update-strategy: alphabetical",
            "constraint-not-read",
            "~1",
            "allow-tags",
        ),
        ("blank", "image-list: nginx, allow-tags: 'regexp: ^v'", "doubtful-allow-tags", " ", "nothing between"),
        ("glob alone", "image-list: nginx, ignore-tags: '[a'", "bad-ignore-tags", "[a", ""),
        ("glob among good ones", "image-list: nginx, ignore-tags: 'a*, [b'", "bad-ignore-tags", "[b", ""),
        ("ail-24", "image-list: 'nginx:>=1.0'", "read-differently", "nginx:>=1.0", "before `=` for an alias"),
        (
            "img-36",
            "image-list: 'a=docker.io/library/nginx:~1'",
            "read-differently",
            "a=docker.io/library/nginx:~1",
            "never finds",
        ),
        ("empty list", "image-list: ' , '", "empty-image-list", " , ", ""),
    ] {
        let (rules, found) = read(&format!("{{{annotations}}}"));
        assert!(rules.images.iter().all(|rule| rule.settings.is_ok()), "{id}");
        assert_eq!(codes(&found), [code], "{id}");
        assert_eq!((found[0].severity, pointed(&found[0])), (Severity::Warning, place), "{id}");
        assert!(found[0].hint.as_deref().unwrap_or_default().contains(hint), "{id}: {:?}", found[0].hint);
    }
    // semver and digest read it.
    for annotations in ["image-list: 'nginx:~1'", "image-list: 'nginx:stable', update-strategy: digest"] {
        assert_eq!(codes(&read(&format!("{{{annotations}}}")).1), Vec::<&str>::new(), "{annotations}");
    }
}
