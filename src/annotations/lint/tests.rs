//! Slips of the pen, and what was meant.

use crate::model::diagnostic::Diagnostic;
use crate::model::tests::application;
use crate::model::tests::rules;

use super::nearest;

fn found(annotations: &str) -> Vec<Diagnostic> {
    rules(&application(&format!("annotations: {annotations}"))).1
}

#[test]
fn annotations_that_nothing_reads_are_named() {
    let unknown = "unknown-annotation";
    for (list, key, code, message, hint) in [
        ("web=nginx", "web.update-stategy", unknown, "`web.update-stategy`", "did you mean `update-strategy`?"),
        ("web=nginx", "image-lits", unknown, "`image-lits`", "did you mean `image-list`?"),
        ("web=nginx", "Image-List", unknown, "`Image-List`", "did you mean `image-list`?"),
        ("web=nginx", "update-strateg", unknown, "", "did you mean `update-strategy`?"),
        ("web=nginx", "wbe.update-stategy", unknown, "", "did you mean `update-strategy`?"),
        ("a=nginx,a.b=redis", "a.b.allow-tag", unknown, "", "did you mean `allow-tags`?"),
        ("web=nginx", "web.color", unknown, "`web.color`", ""),
        ("web=nginx", "something-else", unknown, "`something-else`", ""),
        ("web=nginx", "platforms", unknown, "", "for one image only: `<alias>.platforms`"),
        ("web=nginx", "helm.image-tag", unknown, "", "for one image only: `<alias>.helm.image-tag`"),
        ("web=nginx", "web.write-back-method", unknown, "", "for the Application only: `write-back-method`"),
        ("web=nginx", "web.tag-match", unknown, "", "write `web.allow-tags`"),
        ("web=nginx", "web.image-name", unknown, "", "write `web.helm.image-name`"),
        ("web=nginx", "image-tag", unknown, "", "write `<alias>.helm.image-tag`"),
        ("web=nginx", "wbe.update-strategy", "unknown-alias", "alias `wbe`", "did you mean `web`?"),
        ("Web=nginx", "web.update-strategy", "unknown-alias", "alias `web`", "did you mean `Web`?"),
        ("web=nginx,api=redis", "database.allow-tags", "unknown-alias", "`database`", "aliases in use: api, web"),
        ("nginx", "nginx.allow-tags", "unknown-alias", "`nginx`", "write `<alias>=<image>` in the image list"),
        ("web=nginx", "kubectl-image-update/color", unknown, "`color`", ""),
        ("web=nginx", "kubectl-image-update/pins", unknown, "`pins`", "did you mean `pin`?"),
        ("web=nginx", "kubectl-image-update/minage.web", unknown, "`minage.web`", "did you mean `min-age.web`?"),
        ("web=nginx", "kubectl-image-update/web.min-age", unknown, "`web.min-age`", "did you mean `min-age.web`?"),
        ("web=nginx", "kubectl-image-update/extract", unknown, "`extract`", "write `extract.<alias>`"),
        ("web=nginx", "kubectl-image-update/pin-digest.wbe", "unknown-alias", "alias `wbe`", "did you mean `web`?"),
        ("web=nginx", "kubectl-image-update/pin.api", "dead-pin", "alias `api`", "give the image its alias back"),
        ("web=nginx", "kubectl-image-update/pin", "dead-pin", "without alias", "pin the image by its alias"),
        ("nginx,redis", "kubectl-image-update/pin", "dead-pin", "without alias", "`ignore-tags`"),
    ] {
        let found = found(&format!("{{image-list: '{list}', '{key}': x}}"));
        let [one] = found.as_slice() else { panic!("{key}: {found:?}") };
        assert_eq!(one.code, code, "{key}");
        assert!(one.message.contains(message), "{key}: {}", one.message);
        let said = one.hint.as_deref().unwrap_or_default();
        assert!(said.contains(hint) && said.is_empty() == hint.is_empty(), "{key}: {said}");
    }
}

#[test]
fn annotations_that_are_read_are_not_named() {
    for annotations in [
        "{image-list: 'web=nginx:stable', web.update-strategy: digest, web.allow-tags: any, web.ignore-tags: a, \
          web.platforms: linux/arm64, web.helm.image-spec: x, update-strategy: semver, git-branch: x, \
          write-back-target: x, git-repository: x}",
        "{image-list: org/app=nginx, org_app.force-update: 'true', kubectl-image-update/min-age.org_app: 7d}",
        "{image-list: nginx, kubectl-image-update/min-age: 7d, kubectl-image-update/extract: '(.*)'}",
        "{image-list: web=nginx, kubectl-image-update/pin-digest.web: if-present}",
        "{image-list: nginx, other.example/whatever: x, argocd.argoproj.io/refresh: hard}",
        "{image-list: 'web=nginx, web.a=redis', web.a.force-update: 'true'}",
    ] {
        assert_eq!(found(annotations), [], "{annotations}");
    }
}

#[test]
fn aliases_that_cannot_be_told_apart_or_named_are_doubtful() {
    let (longest, too_long) = ("a".repeat(42), "a".repeat(43));
    for (list, codes) in [
        ("web=nginx, api=redis", &[][..]),
        ("web=nginx, web=redis", &["duplicate-alias"]),
        ("a/b=nginx, a_b=redis", &["duplicate-alias"]),
        ("we b=nginx", &["illegal-alias"]),
        ("-web=nginx", &["illegal-alias"]),
        ("wéb=nginx", &["illegal-alias"]),
        (&format!("{longest}=nginx"), &[]),
        (&format!("{too_long}=nginx"), &["illegal-alias"]),
    ] {
        let found = found(&format!("{{image-list: '{list}'}}"));
        assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), codes, "{list}");
    }
}

#[test]
fn only_what_is_close_was_meant() {
    let huge = "x".repeat(200_000);
    for (text, expected) in [
        ("semvar", Some("semver")),
        ("SEMVER", Some("semver")),
        ("newest", None),
        ("digset", Some("digest")),
        ("rolling", None),
        ("", None),
        (&huge, None),
    ] {
        assert_eq!(nearest(text, ["semver", "newest-build", "digest", "alphabetical", &huge]), expected, "{text:.20}");
    }
}

#[test]
fn of_very_many_slips_the_first_are_explained_and_all_are_named() {
    let slips: Vec<_> = (0..60).map(|number| format!("w{number:02}.update-stategy: semver")).collect();
    let found = found(&format!("{{image-list: 'web=nginx', {}}}", slips.join(", ")));
    assert_eq!(found.len(), 60);
    let explained = found.iter().take_while(|finding| finding.hint.is_some()).count();
    assert_eq!((explained, found.iter().filter(|finding| finding.hint.is_some()).count()), (50, 50));
}
