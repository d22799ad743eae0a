//! `semver`: the newest version that satisfies a constraint. Tags that are no versions never win.
//!
//! What runs now plays no role in the choice (spec section 3.2); whether the winner is older is asked separately.

use crate::model::candidate::Candidate;
use crate::model::candidate::Choice;
use crate::model::candidate::Rejected;
use crate::model::candidate::Rejection;
use crate::model::diagnostic::TextError;
use crate::model::image::Tag;
use crate::strategy::Needs;
use crate::strategy::Policy;
use crate::strategy::Strategy;
use crate::strategy::choose_last;
use crate::strategy::constraint::Constraint;
use crate::strategy::reject;
use crate::strategy::version::Version;

pub(crate) static STRATEGY: Strategy = Strategy {
    name: "semver",
    aliases: &[],
    summary: "the newest version that satisfies the constraint, such as `~1.2` or `>=1.2 <2`; any release without one",
    needs: Needs::Tags,
    reads_constraint: true,
    parse: |constraint| Ok(Box::new(Semver::parse(constraint)?)),
};

#[derive(Debug)]
struct Semver {
    constraint: Constraint,
    /// As written; `None` stands for `*`.
    text: Option<String>,
}

impl Semver {
    fn parse(text: Option<&str>) -> Result<Self, TextError> {
        let text = text.filter(|text| !text.trim().is_empty());
        let constraint = Constraint::parse(text.unwrap_or("*")).map_err(|error| match text {
            // A word such as `stable` is a tag to follow, with the strategy for it forgotten.
            Some(word) if Tag::new(word).is_some() && word.bytes().take(2).all(|b| b.is_ascii_alphabetic()) => {
                error.hint(format!("to follow the tag `{word}`, set the update strategy `digest`"))
            }
            _ => error,
        })?;
        Ok(Self { constraint, text: text.map(str::to_owned) })
    }

    /// The eligible candidates in ascending order, and the tags that are out.
    fn rank<'c>(&self, candidates: &'c [Candidate]) -> (Vec<(Version, &'c Candidate)>, Vec<Rejected>) {
        let mut eligible = Vec::new();
        let mut rejected = Vec::new();
        for candidate in candidates {
            let verdict = match version_of(&candidate.tag) {
                Some(version) => self.constraint.check(&version).map(|()| version),
                None => Err(Rejection::NotSemver),
            };
            match verdict {
                Ok(version) => eligible.push((version, candidate)),
                Err(why) => rejected.push(reject(candidate, why)),
            }
        }
        eligible.sort_by(|(a, _), (b, _)| a.cmp(b));
        (eligible, rejected)
    }
}

impl Policy for Semver {
    fn choose(&self, candidates: &[Candidate]) -> Choice {
        let (eligible, rejected) = self.rank(candidates);
        let note = doubt(&eligible);
        let ascending = eligible.into_iter().map(|(_, candidate)| candidate).collect();
        Choice { note, ..choose_last(ascending, rejected) }
    }

    fn is_older(&self, winner: &Candidate, current: &Candidate) -> Option<bool> {
        let order = version_of(&winner.tag)?.precedence(&version_of(&current.tag)?);
        Some(order.is_lt())
    }

    fn because(&self, _winner: &Candidate, eligible: usize) -> String {
        match (&self.text, eligible) {
            (Some(constraint), 1) => format!("the only tag that satisfies {constraint}"),
            (Some(constraint), _) => format!("newest of {eligible} tags that satisfy {constraint}"),
            (None, 1) => "the only version".to_owned(),
            (None, _) => format!("newest of {eligible} versions"),
        }
    }
}

fn version_of(tag: &Tag) -> Option<Version> {
    Version::parse(tag.as_str()).ok()
}

/// Doubts a winner of digits only, such as the date `20240131` or the build number `1734`, that beats tags which look
/// like versions: it is version 20240131.0.0 and wins for ever (decisions: "all-digit tags").
fn doubt(eligible: &[(Version, &Candidate)]) -> Option<String> {
    let (winner, others) = eligible.split_last()?;
    let winner = winner.0.text();
    let beaten = others.iter().rev().map(|(version, _)| version.text()).find(|text| text.contains('.'))?;
    let all_digits = winner.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| format!("`{winner}` counts as version {winner}.0.0 and so wins over `{beaten}`"))
}

#[cfg(test)]
mod tests;
