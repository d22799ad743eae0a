//! One image, and every status and reason it can have.

use super::*;
use crate::model::tests::digest;

/// An Application whose image has annotations, is configured in Helm parameters, and live.
fn running(annotations: &str, configured: &str, live: &[&str]) -> String {
    let live: Vec<_> = live.iter().map(|image| format!("'{image}'")).collect();
    let parameters = if configured.is_empty() {
        String::new()
    } else {
        format!("{{name: image.name, value: nginx}}, {{name: image.tag, value: '{configured}'}}")
    };
    format!(
        "{{annotations: {{{annotations}}}, source: {{helm: {{parameters: [{parameters}]}}}}, status: {{images: [{}]}}}}",
        live.join(", ")
    )
}

#[test]
fn versions_are_compared_by_the_strategy() {
    use ImageStatus::{Downgrade, UpToDate, UpdateAvailable};
    use Reason::{NewestMatch, OlderThanCurrent, SameTag};
    let semver = "image-list: 'a=nginx:~1.0'";
    let alphabetical = "image-list: nginx, update-strategy: alphabetical";
    let newest = "image-list: nginx, update-strategy: newest-build";
    let d = digest('d');
    for (id, annotations, configured, tags, expected) in [
        ("newer", semver, "1.0.0", &["1.0.0", "1.0.1", "2.0.0"][..], (UpdateAvailable, NewestMatch, "1.0.1")),
        ("same", semver, "1.0.1", &["1.0.0", "1.0.1"], (UpToDate, SameTag, "1.0.1")),
        ("same, with a digest", semver, &format!("1.0.1@{d}"), &["1.0.1"], (UpToDate, SameTag, "1.0.1")),
        ("ver-33: older", semver, "2.5.0", &["1.0.4", "2.5.0"], (Downgrade, OlderThanCurrent, "1.0.4")),
        ("older, gone", semver, "2.5.0", &["1.0.4"], (Downgrade, OlderThanCurrent, "1.0.4")),
        ("another spelling of one version", semver, "v1.0.1", &["1.0.1"], (UpdateAvailable, NewestMatch, "1.0.1")),
        ("not comparable", semver, "latest", &["1.0.4"], (UpdateAvailable, NewestMatch, "1.0.4")),
        ("no tag at all", semver, &d, &["1.0.4"], (UpdateAvailable, NewestMatch, "1.0.4")),
        ("no legal tag", semver, "a b", &["1.0.4"], (UpdateAvailable, NewestMatch, "1.0.4")),
        ("bytes", alphabetical, "a", &["a", "b"], (UpdateAvailable, NewestMatch, "b")),
        ("bytes, older", alphabetical, "c", &["a", "b"], (Downgrade, OlderThanCurrent, "b")),
        ("bytes, same", alphabetical, "b", &["a", "b"], (UpToDate, SameTag, "b")),
        ("built later", newest, "a", &["a built 1", "b built 2"], (UpdateAvailable, NewestMatch, "b")),
        ("built last", newest, "b", &["a built 1", "b built 2"], (UpToDate, SameTag, "b")),
        ("gone, not compared", newest, "x", &["a built 1", "b built 2"], (UpdateAvailable, NewestMatch, "b")),
    ] {
        let decision = decide(&running(annotations, configured, &["nginx:9"]), tags);
        assert_eq!(verdict(&decision), (expected.0, expected.1, Some(expected.2)), "{id}");
        assert_eq!(decision.current_from, CurrentFrom::Target, "{id}");
        assert_eq!(decision.current, decision.configured, "{id}");
    }
}

#[test]
fn newest_build_goes_by_the_date_of_what_is_current() {
    let short = running("image-list: nginx, update-strategy: newest-build", "hidden", &[]);
    for (built, expected) in [
        (Some(1), ImageStatus::UpdateAvailable),
        (Some(9), ImageStatus::Downgrade),
        (None, ImageStatus::UpdateAvailable),
    ] {
        let decision = decide_about(&short, 0, |survey| {
            let Evidence::Facts(facts) = facts(survey, &["a built 5"]) else { panic!() };
            let tag = needs_current_date(survey, &facts.candidates);
            assert_eq!(tag.as_ref().map(Tag::as_str), Some("hidden"));
            let current_created = built.map(|seconds| Timestamp::from_second(seconds).unwrap());
            Evidence::Facts(Facts { current_created, ..facts })
        });
        assert_eq!(decision.status, expected, "{built:?}");
    }
}

#[test]
fn the_date_of_what_is_current_is_asked_for_only_if_it_decides() {
    let newest = "image-list: a=my.reg/nginx, update-strategy: newest-build";
    for (id, annotations, configured, live, tags, asked) in [
        ("not among them", newest, "old", &[][..], &["a built 1"][..], Some("old")),
        ("among them", newest, "a", &[], &["a built 1"], None),
        ("no candidates", newest, "old", &[], &[], None),
        ("live", newest, "", &["my.reg/nginx:old"], &["a built 1"], Some("old")),
        (
            "another repository",
            &format!("{newest}, a.kustomize.image-name: nginx"),
            "",
            &["nginx:old"],
            &["a built 1"],
            None,
        ),
        ("another strategy", "image-list: my.reg/nginx", "1.0", &[], &["1.1"], None),
        ("no legal tag", newest, "o d", &[], &["a built 1"], None),
    ] {
        let kustomize = annotations.contains("kustomize");
        let mut short = running(annotations, configured, live).replace("value: nginx", "value: my.reg/nginx");
        if kustomize {
            short = short.replace("helm: {parameters: []}", "kustomize: {}");
        }
        let application = application(&short);
        let (rules, _) = rules(&application);
        let placement = writeback::placement(&application, &rules, &rules.images[0], None);
        let survey = survey(&application, &rules.images[0], placement);
        let Evidence::Facts(facts) = facts(&survey, tags) else { panic!() };
        let found = needs_current_date(&survey, &facts.candidates);
        assert_eq!(found.as_ref().map(Tag::as_str), asked, "{id}");
    }
}

#[test]
fn digests_are_compared_where_the_strategy_follows_a_tag() {
    use ImageStatus::{UpToDate, UpdateAvailable};
    let (old, new) = (digest('a'), digest('b'));
    let answer = format!("latest@{new}");
    let of = |tag: &str, digest: &str| format!("nginx:{tag}@{digest}");
    for (id, live, expected) in [
        ("ned-03", vec!["nginx:latest".to_owned()], (UpdateAvailable, Reason::NewestMatch)),
        ("ned-04", vec![of("latest", &new)], (UpToDate, Reason::SameDigest)),
        ("moved", vec![of("latest", &old)], (UpdateAvailable, Reason::DigestMoved)),
        ("another tag of the same", vec![of("stable", &new)], (UpToDate, Reason::SameDigest)),
        ("digest only", vec![format!("nginx@{new}")], (UpToDate, Reason::SameDigest)),
        ("no digest", vec!["nginx:1.0".to_owned()], (UpdateAvailable, Reason::NewestMatch)),
        ("mdu-01, upd-31", vec![of("latest", &new), of("latest", &old)], (UpdateAvailable, Reason::AmbiguousLive)),
    ] {
        let live: Vec<_> = live.iter().map(String::as_str).collect();
        let decision =
            decide(&running("image-list: 'nginx:latest', update-strategy: digest", "", &live), &[&answer, "other"]);
        assert_eq!(verdict(&decision), (expected.0, expected.1, Some("latest")), "{id}");
        assert_eq!(decision.candidate.unwrap().digest.unwrap().as_str(), new, "{id}");
        assert_eq!(decision.message, "what `latest` stands for now", "{id}");
    }
    // ned-02, overruled (decisions: live `x:1.2@sha256:…`): a digest behind the tag is no update for a tag strategy.
    let decision = decide(&running("image-list: nginx", "", &[&of("1.0", &old)]), &["1.0"]);
    assert_eq!(verdict(&decision), (UpToDate, Reason::SameTag, Some("1.0")), "ned-02");
    assert_eq!(decision.current.unwrap().digest, Some(old), "ned-02");
}

#[test]
fn without_a_candidate_it_is_said_what_became_of_the_tags() {
    use Reason::{AllTagsFiltered, NoTagMatches, NoTags};
    let digest = "image-list: 'nginx:latest', update-strategy: digest";
    for (id, annotations, tags, reason, message) in [
        ("no tags", "image-list: nginx", &[][..], NoTags, "the repository has no tags"),
        (
            "ver-07",
            "image-list: 'nginx:~1.0'",
            &["0.1", "2.0.3"],
            NoTagMatches,
            "none of 2 tags will do for ~1.0: 2 outside the constraint",
        ),
        ("ver-11", "image-list: nginx", &["zz", "bb"], NoTagMatches, "none of 2 tags will do: 2 not a version"),
        ("pre-release", "image-list: nginx", &["1.0-rc"], NoTagMatches, "the only tag will not do: 1 a pre-release"),
        (
            "allow",
            "image-list: nginx, allow-tags: 'regexp:^x'",
            &["1.0", "1.1"],
            AllTagsFiltered,
            "none of 2 tags will do: 2 not matched by allow-tags",
        ),
        (
            "both",
            "image-list: nginx, allow-tags: 'regexp:^1', ignore-tags: '1*'",
            &["1.0", "2.1"],
            AllTagsFiltered,
            "none of 2 tags will do: 1 not matched by allow-tags, 1 matched by ignore-tags",
        ),
        (
            "filters and constraint",
            "image-list: 'nginx:~3', ignore-tags: '1*'",
            &["1.0", "2.1"],
            NoTagMatches,
            "none of 2 tags will do for ~3: 1 matched by ignore-tags, 1 outside the constraint",
        ),
        (
            "undated",
            "image-list: 'nginx:~1', update-strategy: newest-build",
            &["a"],
            NoTagMatches,
            "the only tag will not do: 1 without a build date",
        ),
        ("no such tag", digest, &["1.0"], NoTagMatches, "the repository has no tag `latest`"),
        (
            "tag ignored",
            &format!("{digest}, ignore-tags: l*"),
            &["latest"],
            AllTagsFiltered,
            "`latest` will not do: matched by ignore-tags",
        ),
    ] {
        let decision = decide(&running(annotations, "0.1", &[]), tags);
        assert_eq!(verdict(&decision), (ImageStatus::NoCandidate, reason, None), "{id}");
        assert_eq!(decision.message, message, "{id}");
    }
    let wrong = decide_about(&running(digest, "0.1", &[]), 0, |_| {
        let rejected = vec![Rejected { tag: "latest".to_owned(), why: Rejection::WrongPlatform }];
        Evidence::Facts(Facts { seen: 1, allowed: 1, rejected, ..Facts::default() })
    });
    assert_eq!(verdict(&wrong), (ImageStatus::NoCandidate, NoTagMatches, None));
    assert_eq!(wrong.message, "`latest` will not do: not for the platforms wanted");
}

#[test]
fn what_cannot_be_had_leaves_an_image_undetermined() {
    for reason in [
        Reason::RegistryUnreachable,
        Reason::RegistryDenied,
        Reason::RateLimited,
        Reason::RepositoryNotFound,
        Reason::MetadataUnreadable,
        Reason::TruncatedTagList,
    ] {
        let decision = decide_about(&running("image-list: nginx", "1.0", &[]), 0, |_| missing(reason));
        assert_eq!(verdict(&decision), (ImageStatus::Undetermined, reason, None));
        assert_eq!((decision.message.as_str(), decision.tags), ("so it is", None));
    }
}

#[test]
fn what_is_not_deployed_is_not_asked_about() {
    let list = "annotations: {image-list: 'a=nginx'";
    let helm = "source: {helm: {}}";
    for (id, short, status, from) in [
        (
            "not there",
            format!("{list}}}, {helm}, status: {{images: [redis]}}"),
            ImageStatus::NotDeployed,
            CurrentFrom::None,
        ),
        (
            "forced",
            format!("{list}, force-update: 'true'}}, {helm}, status: {{}}"),
            ImageStatus::UpdateAvailable,
            CurrentFrom::None,
        ),
        ("no status", format!("{list}}}, {helm}"), ImageStatus::UpdateAvailable, CurrentFrom::None),
        (
            "live",
            format!("{list}}}, {helm}, status: {{images: [nginx]}}"),
            ImageStatus::UpdateAvailable,
            CurrentFrom::Status,
        ),
        (
            "configured",
            format!("{list}}}, source: {{helm: {{parameters: [{{name: image.tag, value: '1'}}]}}}}, status: {{}}"),
            ImageStatus::UpdateAvailable,
            CurrentFrom::Target,
        ),
        (
            "git, live unknown",
            format!("{list}, write-back-method: git}}, source: {{repoURL: 'https://h/r', helm: {{}}}}, status: {{}}"),
            ImageStatus::NotDeployed,
            CurrentFrom::None,
        ),
    ] {
        let decision = decide(&format!("{{{short}}}"), &["1.1"]);
        assert_eq!((decision.status, decision.current_from), (status, from), "{id}");
        assert_eq!(decision.tags.is_some(), status != ImageStatus::NotDeployed, "{id}");
        if decision.current.is_none() {
            assert_eq!(decision.reason, Reason::CurrentUnknown, "{id}");
        }
    }
}

#[test]
fn an_ignore_of_every_tag_is_a_hold() {
    for ignore in ["*", "x, *", "**"] {
        let decision = decide(&running(&format!("image-list: nginx, ignore-tags: '{ignore}'"), "1.0", &[]), &["1.1"]);
        assert_eq!(verdict(&decision), (ImageStatus::Pinned, Reason::IgnoredByHand, None), "{ignore}");
        assert_eq!((decision.pin, decision.tags), (None, None), "{ignore}");
    }
}

#[test]
fn the_numbers_and_the_reasons_of_rejected_tags_add_up() {
    let annotations = "image-list: 'nginx:~1.0', allow-tags: 'regexp:^v?[0-9]', ignore-tags: '*-dev'";
    let tags = ["1.0.0", "1.0.1", "1.0.2-rc1", "1.1.0", "1.2.0-dev", "2.0.0", "latest", "1.0", "0.9", "1x"];
    let decision = decide(&running(annotations, "1.0.0", &[]), &tags);
    assert_eq!(decision.tags, Some(TagCounts { seen: 10, allowed: 8, eligible: 3 }));
    let names = |rejected: &[Rejected]| -> Vec<String> {
        rejected.iter().map(|rejected| format!("{} {}", rejected.tag, rejected.why.name())).collect()
    };
    assert_eq!(
        names(&decision.rejected),
        [
            "0.9 OutsideConstraint",
            "1.0 Older",
            "1.0.0 Older",
            "1.0.2-rc1 PreRelease",
            "1.1.0 OutsideConstraint",
            "1.2.0-dev Ignored",
            "1x NotSemver",
            "2.0.0 OutsideConstraint",
            "latest NotAllowed",
        ]
    );
    assert_eq!(
        names(&decision.newer),
        ["1.0.2-rc1 PreRelease", "1.1.0 OutsideConstraint", "1.2.0-dev Ignored", "2.0.0 OutsideConstraint"]
    );
    let many: Vec<String> = (0..50).map(|minor| format!("2.{minor}")).chain(["1.0".to_owned()]).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let decision = decide(&running(annotations, "1.0", &[]), &many);
    let nearest: Vec<_> = decision.newer.iter().map(|rejected| rejected.tag.as_str()).collect();
    assert_eq!(nearest, ["2.0", "2.1", "2.2", "2.3", "2.4"]);
    // Without a winner what is current is compared with.
    let decision = decide(&running("image-list: 'nginx:~9'", "1.0", &[]), &["0.9", "1.1"]);
    assert_eq!(names(&decision.newer), ["1.1 OutsideConstraint"]);
}

#[test]
fn an_illegal_tag_is_never_chosen() {
    let application = application(&running("image-list: nginx, update-strategy: alphabetical", "a", &[]));
    let (rules, _) = rules(&application);
    let tags = ["b", "z\u{202e}", "", "-x", "a b"].map(str::to_owned);
    let (allowed, rejected) = filter(&tags, rules.images[0].settings.as_ref().unwrap());
    assert_eq!(allowed.iter().map(Tag::as_str).collect::<Vec<_>>(), ["b"]);
    assert!(rejected.len() == 4 && rejected.iter().all(|rejected| rejected.why == Rejection::IllegalTag));
}

#[test]
fn doubts_about_a_candidate_are_said() {
    let decision = decide(&running("image-list: web=nginx", "1.0", &[]), &["1.0", "20240131"]);
    assert_eq!(verdict(&decision), (ImageStatus::UpdateAvailable, Reason::NewestMatch, Some("20240131")));
    let doubts = doubts(&decision);
    assert_eq!((doubts[0].code, doubts[0].severity.name()), ("doubtful-candidate", "warning"));
    assert!(doubts[0].message.starts_with("web: `20240131` counts as version"), "{}", doubts[0].message);
    assert_eq!(doubts[0].application.as_ref(), Some(&decision.application));
    assert_eq!(super::doubts(&decide(&running("image-list: nginx", "1.0", &[]), &["1.0"])), []);
}
