//! A version that ran before and was left is not taken again by itself.

use super::*;
use crate::model::tests::digest;

/// An Application that is configured at a version, with a history of versions; `?` sets none.
fn deployed(strategy: &str, configured: &str, history: &[&str]) -> String {
    let source = |tag: &str| match tag {
        "?" => "{helm: {}}".to_owned(),
        tag => format!("{{helm: {{parameters: [{{name: image.tag, value: '{tag}'}}]}}}}"),
    };
    let entries: Vec<_> = history
        .iter()
        .enumerate()
        .map(|(index, tag)| {
            format!("{{id: {index}, deployedAt: '2026-11-0{}T00:00:00Z', initiatedBy: {{username: 'u{index}'}}, source: {}}}", index + 1, source(tag))
        })
        .collect();
    format!(
        "{{annotations: {{image-list: 'a=nginx:{strategy}'}}, source: {}, status: {{history: [{}]}}}}",
        source(configured),
        entries.join(", ")
    )
}

#[test]
fn only_the_candidate_that_was_left_for_what_is_current_is_held() {
    for (id, configured, history, candidate, left) in [
        (
            "left",
            "1.0",
            &["1.0", "1.1", "1.0"][..],
            "1.1",
            Some("1.1 was deployed before and left for 1.0 on 2026-11-03T00:00:00Z, initiated by u2"),
        ),
        (
            "left long ago",
            "1.0",
            &["1.1", "0.9", "1.0"],
            "1.1",
            Some("1.1 was deployed before and left for 1.0 on 2026-11-02T00:00:00Z, initiated by u1"),
        ),
        (
            "left twice, the last time counts",
            "1.0",
            &["1.1", "1.0", "1.1", "1.0"],
            "1.1",
            Some("1.1 was deployed before and left for 1.0 on 2026-11-04T00:00:00Z, initiated by u3"),
        ),
        (
            "left, by way of what cannot be resolved",
            "1.0",
            &["1.1", "?", "1.0"],
            "1.1",
            Some("1.1 was deployed before and left for 1.0 on 2026-11-03T00:00:00Z, initiated by u2"),
        ),
        ("a newer one", "1.0", &["1.0", "1.1", "1.0"], "1.2", None),
        ("never deployed", "1.0", &["0.9", "1.0"], "1.1", None),
        ("not left in the history yet", "1.0", &["1.0", "1.1"], "1.1", None),
        ("something else is current", "0.8", &["1.1", "1.0"], "1.1", None),
        ("the newest cannot be resolved", "1.0", &["1.1", "?"], "1.1", None),
        ("no history", "1.0", &[], "1.1", None),
    ] {
        let decision = decide(&deployed("~1", configured, history), &[candidate]);
        match left {
            Some(message) => {
                assert_eq!(verdict(&decision), (ImageStatus::RolledBack, Reason::LeftBefore, Some(candidate)), "{id}");
                assert_eq!(decision.message, message, "{id}");
            }
            None => assert_eq!(
                verdict(&decision),
                (ImageStatus::UpdateAvailable, Reason::NewestMatch, Some(candidate)),
                "{id}"
            ),
        }
    }
}

#[test]
fn a_digest_that_was_left_is_held_and_no_other() {
    let (old, new, newer) = (digest('a'), digest('b'), digest('c'));
    let at = |digest: &str| format!("latest@{digest}");
    let history = [at(&old), at(&new), at(&old)];
    let history: Vec<&str> = history.iter().map(String::as_str).collect();
    let short = deployed("latest", &at(&old), &history).replace("image-list:", "update-strategy: digest, image-list:");
    assert_eq!(decide(&short, &[&at(&new)]).status, ImageStatus::RolledBack);
    assert_eq!(
        verdict(&decide(&short, &[&at(&newer)])),
        (ImageStatus::UpdateAvailable, Reason::DigestMoved, Some("latest"))
    );
}

#[test]
fn history_says_as_much_as_it_records() {
    let bare = deployed("~1", "1.0", &["1.1", "1.0"]).replace("deployedAt", "x").replace("initiatedBy", "y");
    assert_eq!(decide(&bare, &["1.1"]).message, "1.1 was deployed before and left for 1.0");
    let automated = deployed("~1", "1.0", &["1.1", "1.0"]).replace("{username: 'u1'}", "{automated: true}");
    assert!(decide(&automated, &["1.1"]).message.ends_with("initiated by auto-sync"));
}

#[test]
fn the_entry_of_several_sources_is_the_one_that_is_written() {
    let helm = |tag: &str| format!("helm: {{parameters: [{{name: image.tag, value: '{tag}'}}]}}");
    let short = |now: &str, first: &str, second: &str| {
        format!(
            "{{annotations: {{image-list: 'a=nginx:~1'}}, sources: [{{repoURL: r, path: a, {}}}, {{repoURL: r, path: b}}],
              status: {{history: [{{id: 1, sources: [{first}]}}, {{id: 2, sources: [{second}]}}]}}}}",
            helm(now)
        )
    };
    let of = |path: &str, tag: &str| format!("{{repoURL: r, path: {path}, {}}}", helm(tag));
    let resolved = short("1.0", &format!("{}, {}", of("b", "9"), of("a", "1.1")), &of("a", "1.0"));
    assert_eq!(decide(&resolved, &["1.1"]).status, ImageStatus::RolledBack);
    for (id, first) in [("another source", of("b", "1.1")), ("twice", format!("{0}, {0}", of("a", "1.1")))] {
        let decision = decide(&short("1.0", &first, &of("a", "1.0")), &["1.1"]);
        assert_eq!(decision.status, ImageStatus::UpdateAvailable, "{id}");
    }
}
