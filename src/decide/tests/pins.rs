//! Pinned images: held, broken, run out.

use super::*;
use crate::model::tests::digest;

/// An image pinned with a record, configured and live at versions.
fn pinned(record: &str, configured: &str, live: &[&str]) -> String {
    let live: Vec<_> = live.iter().map(|image| format!("'{image}'")).collect();
    let parameters =
        if configured.is_empty() { String::new() } else { format!("{{name: image.tag, value: '{configured}'}}") };
    format!(
        "{{annotations: {{image-list: 'a=nginx:~1.0', a.ignore-tags: '*', kubectl-image-update/pin.a: '{record}'}},
          source: {{helm: {{parameters: [{parameters}]}}}}, status: {{images: [{}]}}}}",
        live.join(", ")
    )
}

fn record(fields: &str) -> String {
    let replaced =
        r#""replaced":[{"kind":"annotation","at":"argocd-image-updater.argoproj.io/a.ignore-tags","value":null}]"#;
    format!(r#"{{"reference":"nginx","at":"2026-11-20T08:00:00Z",{fields},{replaced}}}"#)
}

#[test]
fn a_pin_holds_unless_something_else_is_configured_or_live() {
    let d = digest('d');
    let tag = record(r#""tag":"1.0.0""#);
    let both = record(&format!(r#""tag":"1.0.0","digest":"{d}""#));
    let only = record(&format!(r#""digest":"{d}""#));
    let why = record(r#""tag":"1.0.0","reason":"it leaks""#);
    let other = tag.replace("nginx", "redis");
    let exact = format!("1.0.0@{d}");
    let other_digest = format!("1.0.0@{}", digest('e'));
    let live = format!("nginx:{exact}");
    for (id, record, configured, live, broken, message) in [
        ("held", &tag, "1.0.0", &["nginx:1.0.0"][..], false, "held at 1.0.0"),
        ("held, and why", &why, "1.0.0", &[], false, "held at 1.0.0: it leaks"),
        ("not deployed", &tag, "", &[], false, "held at 1.0.0"),
        ("a digest more", &tag, &exact, &[&live], false, "held at 1.0.0"),
        ("by digest", &both, &exact, &[&live], false, &format!("held at {exact}")),
        ("by digest only", &only, &format!("latest@{d}"), &[&live], false, &format!("held at {d}")),
        ("configured otherwise", &tag, "1.0.1", &["nginx:1.0.0"], true, "pinned at 1.0.0, but 1.0.1 is configured"),
        ("live otherwise", &tag, "1.0.0", &["nginx:1.0.1"], true, "pinned at 1.0.0, but 1.0.1 is live"),
        ("one of two live", &tag, "1.0.0", &["nginx:1.0.0", "nginx:1.0.1"], true, "pinned at 1.0.0, but 1.0.1 is live"),
        (
            "another digest",
            &both,
            &other_digest,
            &[],
            true,
            &format!("pinned at {exact}, but {other_digest} is configured"),
        ),
        ("no digest", &both, "1.0.0", &[], true, &format!("pinned at {exact}, but 1.0.0 is configured")),
        (
            "another image",
            &other,
            "1.0.0",
            &[],
            true,
            "the pin is of docker.io/library/redis, and the image list names docker.io/library/nginx",
        ),
    ] {
        let decision = decide(&pinned(record, configured, live), &["1.0.0", "1.0.2"]);
        let expected =
            if broken { (ImageStatus::PinBroken, Reason::PinDiffers) } else { (ImageStatus::Pinned, Reason::Held) };
        assert_eq!(
            (decision.status, decision.reason, decision.message.as_str()),
            (expected.0, expected.1, message),
            "{id}"
        );
        // What `unpin` would lead to.
        assert_eq!(decision.candidate.as_ref().map(|candidate| candidate.tag.as_str()), Some("1.0.2"), "{id}");
        assert!(decision.pin.is_some() && !decision.pin_expired, "{id}");
        assert_eq!(doubts(&decision), [], "{id}");
    }
}

#[test]
fn a_pinned_image_stays_pinned_when_its_registry_fails() {
    let decision =
        decide_about(&pinned(&record(r#""tag":"1.0.0""#), "1.0.0", &[]), 0, |_| missing(Reason::RateLimited));
    assert_eq!(verdict(&decision), (ImageStatus::Pinned, Reason::Held, None));
}

#[test]
fn a_pin_that_ran_out_holds_no_longer() {
    let until = |time: &str| record(&format!(r#""tag":"1.0.0","until":"{time}""#));
    for (id, until, expired) in [
        ("a second ago", until("2026-11-22T08:59:59Z"), true),
        ("now", until(NOW), true),
        ("in a second", until("2026-11-22T09:00:01Z"), false),
    ] {
        let decision = decide(&pinned(&until, "1.0.0", &[]), &["1.0.2"]);
        let expected = if expired { ImageStatus::UpdateAvailable } else { ImageStatus::Pinned };
        assert_eq!((decision.status, decision.pin_expired), (expected, expired), "{id}");
        assert!(decision.pin.is_some(), "{id}");
        let codes: Vec<_> = doubts(&decision).iter().map(|doubt| doubt.code).collect();
        assert_eq!(codes, if expired { &["pin-expired"][..] } else { &[] }, "{id}");
    }
    // What is not deployed, or held by hand, is so again.
    let past = until("2026-11-22T08:00:00Z");
    assert_eq!(decide(&pinned(&past, "", &[]), &["1.0.2"]).status, ImageStatus::NotDeployed);
    let by_hand = past.replace("null", "\"*\"");
    let decision = decide(&pinned(&by_hand, "1.0.0", &[]), &["1.0.2"]);
    assert_eq!(verdict(&decision), (ImageStatus::Pinned, Reason::IgnoredByHand, None));
}

#[test]
fn an_image_of_another_repository_breaks_the_pin() {
    let record = record(r#""tag":"1.0.0""#).replace("nginx", "my.reg/nginx");
    let decide = |image: &str| {
        let short = format!(
            "{{annotations: {{image-list: a=my.reg/nginx, a.kustomize.image-name: nginx, kubectl-image-update/pin.a: '{record}'}},
              source: {{kustomize: {{images: ['nginx=my.reg/nginx:1.0.0']}}}}, status: {{images: ['{image}']}}}}"
        );
        decide(&short, &["1.0.0"])
    };
    assert_eq!(decide("my.reg/nginx:1.0.0").status, ImageStatus::Pinned);
    let broken = decide("nginx:1.0.0");
    assert_eq!(broken.status, ImageStatus::PinBroken);
    assert_eq!(broken.message, "pinned at 1.0.0, but 1.0.0 of docker.io/library/nginx is live");
}
