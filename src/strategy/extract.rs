//! Choosing by a part of each tag: the annotation `kubectl-image-update/extract.<alias>` says which.
//!
//! The strategy sees the parts in place of the tags, and knows nothing of the rest. An expression must match the whole
//! tag, so that `release-(\d+\.\d+\.\d+)` does not take `release-1.2.0-rc1` for 1.2.0.

use std::collections::BTreeMap;

use regex::bytes::Regex;
use regex::bytes::RegexBuilder;

use crate::model::candidate::Candidate;
use crate::model::candidate::Choice;
use crate::model::candidate::Rejected;
use crate::model::candidate::Rejection;
use crate::model::diagnostic::TextError;
use crate::model::image::Tag;
use crate::strategy::Policy;
use crate::strategy::reject;

/// Most bytes of a program, as for `allow-tags`.
const MAX_PROGRAM: usize = 1 << 18;
/// The group that is taken, if one has this name; else it is the first.
const GROUP: &str = "version";

/// An expression with a group for the part of a tag that counts.
#[derive(Clone, Debug)]
pub(crate) struct Extract {
    program: Regex,
    group: usize,
}

impl Extract {
    /// Compiles an expression of RE2's syntax.
    ///
    /// # Errors
    /// It has no group, is too large, or cannot be compiled.
    pub(crate) fn new(pattern: &str) -> Result<Self, TextError> {
        // Tags are ASCII: Unicode classes would make programs large for nothing.
        let whole = format!(r"\A(?:{pattern})\z");
        let mut builder = RegexBuilder::new(&whole);
        builder.unicode(false).size_limit(MAX_PROGRAM).dfa_size_limit(MAX_PROGRAM);
        let program = builder.build().map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => TextError::new("the expression is too large"),
            error => {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                TextError::new(format!("the expression cannot be compiled: {why}"))
            }
        })?;
        let named = program.capture_names().position(|name| name == Some(GROUP));
        if program.captures_len() < 2 {
            let error = TextError::new("the expression has no group that says which part of a tag is meant");
            return Err(error.hint(r"put it in parentheses, such as `release-(\d+\.\d+\.\d+)`"));
        }
        Ok(Self { program, group: named.unwrap_or(1) })
    }

    /// The part of a tag that counts; `None` if the expression does not match, or what it takes can be no tag.
    fn part(&self, tag: &Tag) -> Option<Tag> {
        let captures = self.program.captures(tag.as_str().as_bytes())?;
        Tag::new(std::str::from_utf8(captures.get(self.group)?.as_bytes()).ok()?)
    }

    /// A candidate with the part in place of its tag.
    fn taken(&self, candidate: &Candidate) -> Option<Candidate> {
        Some(Candidate { tag: self.part(&candidate.tag)?, ..candidate.clone() })
    }
}

/// A policy that chooses by parts of tags.
#[derive(Debug)]
pub(super) struct Extracted {
    pub(super) inner: Box<dyn Policy>,
    pub(super) extract: Extract,
}

impl Policy for Extracted {
    /// Of several tags with the same part the last one in byte order stands for all.
    fn choose(&self, candidates: &[Candidate]) -> Choice {
        let mut rejected = Vec::new();
        let mut whole: BTreeMap<Tag, Vec<&Candidate>> = BTreeMap::new();
        for candidate in candidates {
            match self.extract.part(&candidate.tag) {
                Some(part) => whole.entry(part).or_default().push(candidate),
                None => rejected.push(reject(candidate, Rejection::NotExtracted)),
            }
        }
        let mut parts = Vec::with_capacity(whole.len());
        for same in whole.values_mut() {
            same.sort_by(|one, other| one.tag.cmp(&other.tag));
            same.dedup_by(|one, other| one.tag == other.tag);
            parts.extend(same.last().and_then(|last| self.extract.taken(last)));
        }
        let choice = self.inner.choose(&parts);
        let of = |part: &str| Tag::new(part).and_then(|part| whole.get(&part)).map(Vec::as_slice).unwrap_or_default();
        let same = choice.winner.as_ref().map(|winner| of(winner.tag.as_str())).unwrap_or_default();
        let (winner, others) =
            same.split_last().map_or((None, &[][..]), |(last, others)| (Some((*last).clone()), others));
        rejected.extend(others.iter().map(|other| reject(other, Rejection::Older)));
        // Each of several with one part could have won where one could.
        let mut eligible = choice.eligible + others.len();
        for Rejected { tag, why } in choice.rejected {
            let same = of(&tag);
            eligible += if why == Rejection::Older { same.len().saturating_sub(1) } else { 0 };
            rejected.extend(same.iter().map(|candidate| reject(candidate, why)));
        }
        rejected.sort();
        Choice { winner, eligible, rejected, note: choice.note }
    }

    fn followed_tag(&self) -> Option<&Tag> {
        self.inner.followed_tag()
    }

    fn is_older(&self, winner: &Candidate, current: &Candidate) -> Option<bool> {
        self.inner.is_older(&self.extract.taken(winner)?, &self.extract.taken(current)?)
    }

    fn because(&self, winner: &Candidate, eligible: usize) -> String {
        self.inner.because(winner, eligible)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(tag: &str) -> Candidate {
        Candidate::of_tag(Tag::new(tag).unwrap())
    }

    fn policy(strategy: &str, constraint: Option<&str>, pattern: &str) -> Box<dyn Policy> {
        let inner = (crate::strategy::by_name(strategy).unwrap().parse)(constraint).unwrap();
        crate::strategy::extracted(inner, Extract::new(pattern).unwrap())
    }

    #[test]
    fn the_part_decides_and_the_tag_is_what_wins() {
        let release = r"release-(\d+\.\d+\.\d+)";
        for (strategy, constraint, pattern, tags, expected, eligible) in [
            ("semver", None, release, &["release-1.9.0", "release-1.10.0", "9.9.9"][..], Some("release-1.10.0"), 2),
            ("semver", Some("~1.9"), release, &["release-1.9.0", "release-1.10.0"], Some("release-1.9.0"), 1),
            // The whole tag must match: a pre-release is not taken for its release.
            (
                "semver",
                None,
                release,
                &["release-1.2.0", "release-1.3.0-rc1", "x-release-2.0.0"],
                Some("release-1.2.0"),
                1,
            ),
            // A group by name wins over the first.
            ("semver", None, r"(\w+)-(?P<version>[\d.]+)", &["b-1.0", "a-2.0"], Some("a-2.0"), 2),
            // A group that took no part, or no legal tag, is no version.
            ("semver", None, r"v(\d+)?", &["v", "v3"], Some("v3"), 1),
            ("alphabetical", None, r"[a-z]+-(\d{8})-.*", &["x-20260102-a", "a-20260103-b"], Some("a-20260103-b"), 2),
            // Four-part versions, as far as semver goes.
            ("semver", None, r"(\d+\.\d+\.\d+)\.\d+", &["1.2.3.4", "1.2.3.10", "1.2.2.99"], Some("1.2.3.4"), 3),
            ("semver", None, release, &["1.0.0"], None, 0),
        ] {
            let candidates: Vec<_> = tags.iter().map(|tag| candidate(tag)).collect();
            let choice = policy(strategy, constraint, pattern).choose(&candidates);
            let winner = choice.winner.as_ref().map(|winner| winner.tag.as_str());
            assert_eq!((winner, choice.eligible), (expected, eligible), "{pattern} {tags:?}");
            assert_eq!(choice.rejected.len() + usize::from(winner.is_some()), tags.len(), "{choice:?}");
        }
    }

    #[test]
    fn parts_are_compared() {
        let policy = policy("semver", None, r"\w+-(\d+\.\d+\.\d+)");
        for (winner, current, expected) in
            [("a-1.2.0", "b-1.10.0", Some(true)), ("b-1.10.0", "a-1.2.0", Some(false)), ("a-1.0.0", "1.2.0", None)]
        {
            assert_eq!(policy.is_older(&candidate(winner), &candidate(current)), expected, "{winner} {current}");
        }
    }

    #[test]
    fn an_expression_needs_a_group_and_bounds() {
        for (pattern, why) in [
            (r"\d+", "has no group"),
            (r"(?:\d+)", "has no group"),
            (r"(\d+", "cannot be compiled"),
            (r"((((a{1000}){10}){10}){10})", "too large"),
        ] {
            let error = Extract::new(pattern).unwrap_err();
            assert!(error.message.contains(why), "{pattern}: {}", error.message);
            assert!(!error.message.contains('\n'));
        }
    }
}
