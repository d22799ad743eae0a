//! How far an image is behind: in versions, by the order of its strategy, and in days, where both builds are dated.
//!
//! Both come from what was asked for anyway. What they would need besides is not asked and not guessed: it is unknown.

use std::collections::BTreeSet;

use crate::annotations::rule::ImageRule;
use crate::decide::Current;
use crate::decide::Facts;
use crate::model::candidate::Candidate;
use crate::model::candidate::Choice;
use crate::model::candidate::Rejection;
use crate::model::decision::Behind;
use crate::model::image::Tag;
use crate::strategy::Needs;
use crate::strategy::Policy;

/// How far what is current is behind the winner; `None` if nothing of it is known. `facts.rejected` has what the
/// strategy turned down too.
pub(super) fn of(current: &Current, rule: &ImageRule, facts: &Facts, choice: &Choice) -> Option<Behind> {
    let settings = rule.settings.as_ref().ok()?;
    let winner = choice.winner.as_ref()?;
    // A tag of another repository has no place among these, and one tag that is followed has no others beside it.
    let (Current::Configured(version) | Current::Live { version, same_repository: true }) = current else {
        return None;
    };
    if settings.strategy.needs == Needs::OneDigest {
        return None;
    }
    let tag = version.tag.as_deref().and_then(Tag::new)?;
    let current = facts.current(tag);
    let behind = Behind { versions: versions(settings.policy.as_ref(), &current, facts), days: days(&current, winner) };
    (behind.versions.is_some() || behind.days.is_some()).then_some(behind)
}

/// How many eligible tags are newer than `current`; `None` if one of them cannot be compared.
fn versions(policy: &dyn Policy, current: &Candidate, facts: &Facts) -> Option<usize> {
    let turned_down = |why| why != Rejection::Older;
    let rejected = facts.rejected.iter().filter(|rejected| turned_down(rejected.why));
    let rejected: BTreeSet<&str> = rejected.map(|rejected| rejected.tag.as_str()).collect();
    let mut newer = BTreeSet::new();
    for candidate in facts.candidates.iter().filter(|candidate| !rejected.contains(candidate.tag.as_str())) {
        if candidate.tag != current.tag && policy.is_older(current, candidate)? {
            newer.insert(candidate.tag.as_str());
        }
    }
    Some(newer.len())
}

/// Whole days between the builds; `None` if one is not known or was made up, or the winner was built first.
fn days(current: &Candidate, winner: &Candidate) -> Option<i64> {
    let seconds = winner.built()?.duration_since(current.built()?).as_secs();
    (seconds >= 0).then_some(seconds / (24 * 60 * 60))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::image::Version;
    use crate::model::tests::application;
    use crate::model::tests::rules;

    /// A candidate, `tag` or `tag DAY`, built on that day of 2026; `tag -DAY`: of 1970.
    fn candidate(text: &str) -> Candidate {
        let (tag, day) = text.split_once(' ').map_or((text, None), |(tag, day)| (tag, day.parse::<i64>().ok()));
        let created = day.map(|day| {
            Timestamp::from_second(if day < 0 { -day * 86_400 } else { 1_767_225_600 + day * 86_400 }).unwrap()
        });
        Candidate { created, ..Candidate::of_tag(Tag::new(tag).unwrap()) }
    }

    fn behind(list: &str, strategy: &str, current: &str, tags: &[&str]) -> Option<(Option<usize>, Option<i64>)> {
        let short = format!("annotations: {{image-list: '{list}', web.update-strategy: {strategy}}}");
        let application = application(&short);
        let (rules, _) = rules(&application);
        let rule = &rules.images[0];
        let candidates: Vec<_> = tags.iter().map(|text| candidate(text)).collect();
        let choice = rule.settings.as_ref().unwrap().policy.choose(&candidates);
        let facts = Facts { candidates, rejected: choice.rejected.clone(), ..Facts::default() };
        let version = Version { tag: Some(current.to_owned()), digest: None };
        let behind = of(&Current::Configured(version), rule, &facts, &choice)?;
        Some((behind.versions, behind.days))
    }

    #[test]
    fn it_is_counted_by_the_order_of_the_strategy() {
        for (list, strategy, current, tags, expected) in [
            ("web=a/b:~1.0", "semver", "1.0.0", &["1.0.0", "1.0.1", "1.0.10", "2.0.0"][..], Some((Some(2), None))),
            ("web=a/b:~1.0", "semver", "1.0.10", &["1.0.0", "1.0.10"], Some((Some(0), None))),
            // The same version in other words is not another one.
            ("web=a/b", "semver", "1.20", &["1.20", "1.20.0"], Some((Some(0), None))),
            // The current one need not be there any more, and may be out of the constraint.
            ("web=a/b:~1.0", "semver", "0.9.0", &["1.0.1", "1.0.2"], Some((Some(2), None))),
            ("web=a/b:~1.0", "semver", "2.0.0", &["1.0.1", "1.0.2"], Some((Some(0), None))),
            ("web=a/b", "semver", "latest", &["1.0.1", "1.0.2"], None),
            ("web=a/b", "semver", "1.0.0", &["1.0.0 10", "1.0.1 51"], Some((Some(1), Some(41)))),
            // A date that was made up says nothing.
            ("web=a/b", "semver", "1.0.0", &["1.0.0 -1", "1.0.1 51"], Some((Some(1), None))),
            ("web=a/b", "semver", "1.0.0", &["1.0.0 -1", "1.0.1 -1"], Some((Some(1), None))),
            // Built before the version it follows.
            ("web=a/b", "semver", "1.0.0", &["1.0.0 51", "1.0.1 10"], Some((Some(1), None))),
            ("web=a/b", "alphabetical", "2026-01", &["2026-01", "2026-02", "2026-03"], Some((Some(2), None))),
            ("web=a/b", "newest-build", "a", &["a 1", "z 3", "b 31"], Some((Some(2), Some(30)))),
            ("web=a/b", "newest-build", "b", &["a 1", "z 3", "b 31"], Some((Some(0), Some(0)))),
            ("web=a/b", "newest-build", "gone", &["a 1", "z 3"], None),
            ("web=a/b:stable", "digest", "stable", &["stable"], None),
        ] {
            assert_eq!(behind(list, strategy, current, tags), expected, "{list} {strategy} {current} {tags:?}");
        }
    }
}
