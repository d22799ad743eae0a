//! When several statuses apply, the first in the order of the contract is reported.

use super::*;

/// What makes a status apply, whatever else does: a piece of the annotations, of the source, of the status.
const PIN: &str = r#"kubectl-image-update/pin.a: '{"reference":"nginx","tag":"1.0.0","at":"2026-11-22T08:00:00Z"}'"#;

#[test]
fn the_first_status_that_applies_is_reported() {
    use ImageStatus::{
        Downgrade, Invalid, NoCandidate, NotDeployed, PinBroken, Pinned, RolledBack, Undetermined, UpToDate,
        UpdateAvailable,
    };
    let bad = "update-strategy: x";
    let ignore = "ignore-tags: '*'";
    let at = |tag: &str| format!("source: {{helm: {{parameters: [{{name: image.tag, value: '{tag}'}}]}}}}");
    let (held, other, bare) = (at("1.0.0"), at("1.0.5"), "source: {helm: {}}".to_owned());
    let left = "history: [{id: 1, source: {helm: {parameters: [{name: image.tag, value: 1.0.2}]}}}, \
                {id: 2, source: {helm: {parameters: [{name: image.tag, value: 1.0.0}]}}}]";
    let nothing: Option<&[&str]> = None;
    for (annotations, source, status, registry, expected) in [
        (format!("{bad}, {PIN}, {ignore}"), &other, "", nothing, Invalid),
        (String::new(), &"source: {path: p, plugin: {}}".to_owned(), "", nothing, Invalid),
        (format!("{PIN}, {ignore}"), &other, "", nothing, PinBroken),
        (format!("{PIN}, {ignore}"), &held, "", nothing, Pinned),
        (PIN.to_owned(), &bare, "", nothing, Pinned),
        (ignore.to_owned(), &bare, "", nothing, Pinned),
        (ignore.to_owned(), &held, left, nothing, Pinned),
        (String::new(), &bare, "", nothing, NotDeployed),
        (String::new(), &held, left, nothing, Undetermined),
        (String::new(), &held, left, Some(&[][..]), NoCandidate),
        (String::new(), &held, left, Some(&["1.0.0"]), UpToDate),
        (String::new(), &other, left, Some(&["1.0.2"]), Downgrade),
        (String::new(), &held, left, Some(&["1.0.2"]), RolledBack),
        (String::new(), &held, left, Some(&["1.0.3"]), UpdateAvailable),
    ] {
        let short =
            format!("{{annotations: {{image-list: 'a=nginx:~1.0', {annotations}}}, {source}, status: {{{status}}}}}");
        let decision = decide_about(&short, 0, |survey| match registry {
            Some(tags) => facts(survey, tags),
            None => missing(Reason::RegistryUnreachable),
        });
        assert_eq!(decision.status, expected, "{short}: {}", decision.message);
    }
}

#[test]
fn every_status_has_its_own_name_in_order() {
    for (index, (status, name, _)) in ImageStatus::ALL.into_iter().enumerate() {
        assert_eq!((status as usize, status.name()), (index, name));
        assert_eq!(format!("{status:?}"), name);
    }
    assert_eq!(Reason::NewestMatch.name(), "NewestMatch");
}

#[test]
fn an_invalid_image_says_what_is_known_all_the_same() {
    let short = "{annotations: {image-list: 'a=nginx:~1.0', update-strategy: x}, \
                 source: {helm: {parameters: [{name: image.tag, value: '1'}]}}, status: {images: ['nginx:1.0']}}";
    let decision = decide(short, &["1.0"]);
    assert_eq!(verdict(&decision), (ImageStatus::Invalid, Reason::BadStrategy, None));
    assert_eq!((decision.configured.as_ref(), decision.live.len(), decision.tags), (None, 1, None));
    assert_eq!((decision.current_from, decision.strategy.as_str()), (CurrentFrom::Status, "x"));
    assert_eq!(decision.write_back, None);
    // A problem that shows only beside others makes it invalid afterwards.
    let mut decision =
        decide("{annotations: {image-list: nginx}, source: {helm: {}}, status: {images: ['nginx:1']}}", &["2"]);
    invalidate(&mut decision, &Invalid::new(Reason::ConflictingTargets, "why"));
    assert_eq!(verdict(&decision), (ImageStatus::Invalid, Reason::ConflictingTargets, None));
    assert_eq!(decision.message, "why");
}
