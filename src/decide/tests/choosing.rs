//! What is asked of a choice beside the update strategy.

use super::*;
use crate::annotations::rule::ImageRule;
use crate::model::choosing::Wish;
use crate::model::tests::digest;

/// Decides about the first image after the command line had its say.
fn decide_wishing(short: &str, wish: impl Fn(&mut ImageRule), evidence: impl Fn(&Survey<'_>) -> Evidence) -> Decision {
    let application = application(short);
    let (mut rules, _) = rules(&application);
    wish(&mut rules.images[0]);
    let placement = writeback::placement(&application, &rules, &rules.images[0], None);
    let survey = survey(&application, &rules.images[0], placement);
    let evidence = if survey.asks_registry() { evidence(&survey) } else { Evidence::NotAsked };
    conclude(survey, evidence, now())
}

fn running(annotations: &str, configured: &str) -> String {
    format!(
        "{{annotations: {{{annotations}}}, source: {{helm: {{parameters: [{{name: image.tag, value: '{configured}'}}]}}}},
          status: {{images: ['nginx:1.0.0']}}}}"
    )
}

#[test]
fn a_version_by_name_wins_whatever_the_strategy_says() {
    use ImageStatus::{Downgrade, UpToDate, UpdateAvailable};
    use Reason::{OlderThanCurrent, Requested, SameDigest, SameTag};
    let (d, e) = (digest('d'), digest('e'));
    let exact = format!("1.0.0@{d}");
    let semver = "image-list: 'a=nginx:~1.0'";
    let follows = "image-list: 'a=nginx:stable', a.update-strategy: digest";
    for (id, annotations, configured, wanted, expected) in [
        ("outside of the constraint", semver, "1.0.0", "9.9.9", (UpdateAvailable, Requested)),
        ("no version at all", semver, "1.0.0", "nightly", (UpdateAvailable, Requested)),
        ("older", semver, "1.0.5", "1.0.0", (Downgrade, OlderThanCurrent)),
        ("there already", semver, "1.0.0", "1.0.0", (UpToDate, SameTag)),
        ("there already, with a digest", semver, &exact, "1.0.0", (UpToDate, SameTag)),
        ("with the digest, too", semver, &exact, &exact, (UpToDate, SameDigest)),
        ("with another digest", semver, &format!("1.0.0@{e}"), &exact, (UpdateAvailable, Requested)),
        ("a digest more", semver, "1.0.0", &exact, (UpdateAvailable, Requested)),
        ("the digest alone is not the version", semver, &format!("0.9.0@{d}"), &exact, (UpdateAvailable, Requested)),
        ("another tag than the one followed", follows, &format!("stable@{d}"), &exact, (UpdateAvailable, Requested)),
    ] {
        let version = Version::parse(wanted);
        let wish = |rule: &mut ImageRule| rule.wish = Wish { version: Some(version.clone()), left_out: false };
        let decision = decide_wishing(&running(annotations, configured), wish, |_| {
            let digest = version.digest.as_deref().and_then(crate::model::image::Digest::new);
            let tag = Tag::new(version.tag.as_deref().unwrap()).unwrap();
            let candidates = vec![Candidate { digest, ..Candidate::of_tag(tag) }];
            Evidence::Facts(Facts { seen: 1, allowed: 1, candidates, ..Facts::default() })
        });
        assert_eq!((decision.status, decision.reason), expected, "{id}");
        assert!(
            decision.requested && decision.message.starts_with("asked for with --set"),
            "{id}: {}",
            decision.message
        );
    }
}

#[test]
fn an_image_that_is_left_out_is_not_asked_about() {
    let wish = |rule: &mut ImageRule| rule.wish.left_out = true;
    let decision = decide_wishing(&running("image-list: 'a=nginx'", "1.0.0"), wish, |_| panic!("asked"));
    assert_eq!(decision.candidate, None);
}

#[test]
fn a_digest_is_pinned_where_it_is_asked_for() {
    let d = digest('d');
    for (annotation, configured, expected) in [
        ("", "1.0.0", false),
        ("", &*format!("1.0.0@{d}"), false),
        ("never", &format!("1.0.0@{d}"), false),
        ("if-present", "1.0.0", false),
        ("if-present", &format!("1.0.0@{d}"), true),
        ("always", "1.0.0", true),
    ] {
        let annotations = match annotation {
            "" => "image-list: 'a=nginx'".to_owned(),
            when => format!("image-list: 'a=nginx', kubectl-image-update/pin-digest.a: {when}"),
        };
        let application = application(&running(&annotations, configured));
        let (rules, _) = rules(&application);
        let placement = writeback::placement(&application, &rules, &rules.images[0], None);
        let survey = survey(&application, &rules.images[0], placement);
        assert_eq!(survey.pins_digest(), expected, "{annotation} {configured}");
    }
}

#[test]
fn a_pinned_digest_is_compared_with_its_tag() {
    use ImageStatus::{UpToDate, UpdateAvailable};
    use Reason::{DigestMoved, NewestMatch, SameDigest};
    let (d, e) = (digest('d'), digest('e'));
    let winner = format!("1.0.1@{d}");
    for (id, configured, expected) in [
        ("the same", winner.as_str(), (UpToDate, SameDigest)),
        ("no digest yet", "1.0.1", (UpdateAvailable, NewestMatch)),
        ("it moved", &format!("1.0.1@{e}"), (UpdateAvailable, DigestMoved)),
        ("one image by two names", &format!("1.0.0@{d}"), (UpdateAvailable, NewestMatch)),
        ("a newer one", &format!("1.0.0@{e}"), (UpdateAvailable, NewestMatch)),
        ("no tag", &format!("@{e}"), (UpdateAvailable, DigestMoved)),
    ] {
        let annotations = "image-list: 'a=nginx:~1.0', kubectl-image-update/pin-digest.a: always";
        let decision = decide(&running(annotations, configured), &["1.0.0", &winner]);
        assert_eq!((decision.status, decision.reason), expected, "{id}");
    }
    // By the strategy that follows a digest, the tag does not matter.
    let follows = "image-list: 'a=nginx:stable', a.update-strategy: digest";
    let decision = decide(&running(follows, &format!("latest@{d}")), &[&format!("stable@{d}")]);
    assert_eq!(decision.status, UpToDate);
    let decision = decide(&running(follows, &format!("latest@{e}")), &[&format!("stable@{d}")]);
    assert_eq!((decision.status, decision.reason), (UpdateAvailable, DigestMoved));
}

#[test]
fn what_waits_is_said() {
    use Rejection::{TooYoung, UnknownAge};
    let old = "newest of 2 tags that satisfy ~1.0";
    for (rejected, tags, reason, message) in [
        (&[][..], &["1.0.0", "1.0.1"][..], Reason::NewestMatch, old.to_owned()),
        (&[TooYoung], &["1.0.0", "1.0.1"], Reason::NewestMatch, format!("{old}; 1 newer one is younger than 7d")),
        (
            &[TooYoung, UnknownAge, TooYoung],
            &["1.0.0", "1.0.1"],
            Reason::NewestMatch,
            format!("{old}; 2 newer ones are younger than 7d; 1 newer one is of unknown age"),
        ),
        (
            &[UnknownAge, TooYoung],
            &[],
            Reason::TooYoung,
            "none of 2 tags will do for ~1.0: 1 too young, 1 of unknown age".to_owned(),
        ),
        (&[UnknownAge], &[], Reason::UnknownAge, "the only tag will not do for ~1.0: 1 of unknown age".to_owned()),
    ] {
        let annotations = "image-list: 'a=nginx:~1.0', kubectl-image-update/min-age.a: 7d";
        let decision = decide_about(&running(annotations, "1.0.0"), 0, |survey| {
            let Evidence::Facts(mut facts) = facts(survey, tags) else { panic!() };
            facts.seen += rejected.len();
            let tag = |number: usize| format!("1.0.{}", 9 - number);
            facts.rejected.extend(rejected.iter().enumerate().map(|(n, why)| Rejected { tag: tag(n), why: *why }));
            Evidence::Facts(facts)
        });
        assert_eq!((decision.reason, decision.message), (reason, message));
    }
}
