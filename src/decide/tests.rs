//! Every status and reason of the contract (`check -o json`), and the rows of the Image Updater tables that are about
//! what is live.

mod choosing;
mod history;
mod live;
mod pins;
mod precedence;
mod statuses;

use super::*;
use crate::model::tests::application;
use crate::model::tests::rules;
use crate::writeback;

/// The time at which the tests decide.
const NOW: &str = "2026-11-22T09:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// Decides about the first image of an Application, given in short form, when its registry has these tags.
///
/// A tag can be `tag built SECONDS` or `tag@sha256:…`.
fn decide(short: &str, tags: &[&str]) -> Decision {
    decide_about(short, 0, |survey| facts(survey, tags))
}

fn decide_about(short: &str, position: usize, evidence: impl Fn(&Survey<'_>) -> Evidence) -> Decision {
    let application = application(short);
    let (rules, _) = rules(&application);
    let rule = &rules.images[position];
    let placement = writeback::placement(&application, &rules, rule, None);
    let survey = survey(&application, rule, placement);
    let evidence = if survey.asks_registry() { evidence(&survey) } else { Evidence::NotAsked };
    conclude(survey, evidence, now())
}

/// What a registry with these tags answers.
fn facts(survey: &Survey<'_>, tags: &[&str]) -> Evidence {
    let settings = survey.rule.settings.as_ref().unwrap();
    let candidate = |text: &str| {
        let (text, built) = text.split_once(" built ").map_or((text, None), |(tag, seconds)| (tag, Some(seconds)));
        let (tag, digest) = text.split_once('@').map_or((text, None), |(tag, digest)| (tag, Some(digest)));
        let created = built.map(|seconds| Timestamp::from_second(seconds.parse().unwrap()).unwrap());
        let digest = digest.map(|digest| crate::model::image::Digest::new(digest).unwrap());
        (tag.to_owned(), Candidate { digest, created, ..Candidate::of_tag(Tag::new(tag).unwrap()) })
    };
    let (names, candidates): (Vec<_>, Vec<_>) = tags.iter().map(|text| candidate(text)).unzip();
    let followed = settings.policy.followed_tag();
    let names: Vec<_> =
        names.into_iter().filter(|name| followed.is_none_or(|followed| followed.as_str() == name)).collect();
    let (allowed, rejected) = filter(&names, settings);
    let allowed: Vec<_> = candidates.into_iter().filter(|candidate| allowed.contains(&candidate.tag)).collect();
    Evidence::Facts(Facts {
        seen: names.len(),
        allowed: allowed.len(),
        candidates: allowed,
        rejected,
        current_created: None,
        current_place: None,
    })
}

fn missing(reason: Reason) -> Evidence {
    Evidence::Missing { reason, message: "so it is".to_owned() }
}

/// Status, reason, candidate's tag.
fn verdict(decision: &Decision) -> (ImageStatus, Reason, Option<&str>) {
    (decision.status, decision.reason, decision.candidate.as_ref().map(|candidate| candidate.tag.as_str()))
}
