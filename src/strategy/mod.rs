//! Update strategies: which of the tags that passed the filters wins.
//!
//! One file a strategy, each with a [`Strategy`] row and a [`Policy`]. To add one: write `src/strategy/<name>.rs`,
//! declare it here and put its row into [`ALL`]. Names, hints, help and the README's table come from the rows.
//! A strategy knows no registry: what it must be told about a tag is data ([`Needs`]).

use std::cmp::Ordering;
use std::fmt::Debug;

use crate::model::candidate::Candidate;
use crate::model::candidate::Choice;
use crate::model::candidate::Rejected;
use crate::model::candidate::Rejection;
use crate::model::diagnostic::TextError;
use crate::model::image::Tag;
use crate::strategy::version::Version;

mod alphabetical;
mod constraint;
mod digest;
mod extract;
mod newest_build;
#[cfg(test)]
mod properties;
mod semver;
mod version;

pub(crate) use extract::Extract;

/// Every update strategy, in the order shown to people; the first is the default.
pub(crate) static ALL: [&Strategy; 4] =
    [&semver::STRATEGY, &newest_build::STRATEGY, &digest::STRATEGY, &alphabetical::STRATEGY];

/// One update strategy, as the annotation `update-strategy` names it.
#[derive(Debug)]
pub(crate) struct Strategy {
    pub(crate) name: &'static str,
    /// Deprecated spellings that are still read.
    pub(crate) aliases: &'static [&'static str],
    /// One line for help, README and hints.
    pub(crate) summary: &'static str,
    pub(crate) needs: Needs,
    /// Whether a constraint means anything to it; Image Updater ignores one in silence where it does not.
    pub(crate) reads_constraint: bool,
    /// Reads the constraint text of an image-list entry.
    pub(crate) parse: ParsePolicy,
}

/// Reads a constraint, or says what is wrong with it and where in its text.
pub(crate) type ParsePolicy = fn(Option<&str>) -> Result<Box<dyn Policy>, TextError>;

/// Which facts a strategy needs from the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// The names of all tags.
    Tags,
    /// The names of all tags, and when each that passes the filters was built.
    BuildDates,
    /// The digest of the one tag it follows; no list.
    OneDigest,
}

/// A strategy with its constraint read: the pure decision which candidate wins.
pub(crate) trait Policy: Debug + Send + Sync {
    /// Chooses among candidates, which come in no order.
    fn choose(&self, candidates: &[Candidate]) -> Choice;

    /// The one tag that is followed, under [`Needs::OneDigest`].
    fn followed_tag(&self) -> Option<&Tag> {
        None
    }

    /// Whether `winner` is older than `current`; `None` if the two cannot be compared.
    fn is_older(&self, winner: &Candidate, current: &Candidate) -> Option<bool>;

    /// Why the winner of `eligible` tags won, as a fragment: `newest of 3 tags that satisfy ~1.0`.
    fn because(&self, winner: &Candidate, eligible: usize) -> String;
}

/// Sorts tags for somebody who chooses one: the newest version first; what is no version comes after, last letter first.
pub(crate) fn newest_first(tags: &mut [&str]) {
    tags.sort_by(|one, other| match (Version::parse(one), Version::parse(other)) {
        (Ok(one_version), Ok(other_version)) => other_version.precedence(&one_version).then_with(|| other.cmp(one)),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => other.cmp(one),
    });
}

/// Finds a strategy by name or deprecated spelling, in any case of letters (AIU `ParseUpdateStrategy`).
pub(crate) fn by_name(name: &str) -> Option<&'static Strategy> {
    ALL.into_iter().find(|strategy| {
        strategy.name.eq_ignore_ascii_case(name)
            || strategy.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    })
}

/// The policy that chooses by parts of tags instead of whole ones.
pub(crate) fn extracted(policy: Box<dyn Policy>, extract: Extract) -> Box<dyn Policy> {
    Box::new(extract::Extracted { inner: policy, extract })
}

/// Makes a choice of candidates in ascending order: the last one wins, the others are older.
fn choose_last(ascending: Vec<&Candidate>, mut rejected: Vec<Rejected>) -> Choice {
    let mut ascending = ascending;
    ascending.dedup_by(|a, b| a.tag == b.tag);
    let eligible = ascending.len();
    let winner = ascending.pop().cloned();
    rejected.extend(ascending.into_iter().map(|loser| reject(loser, Rejection::Older)));
    rejected.sort();
    Choice { winner, eligible, rejected, note: None }
}

fn reject(candidate: &Candidate, why: Rejection) -> Rejected {
    Rejected { tag: candidate.tag.to_string(), why }
}
