//! Version constraints of Masterminds/semver 3.4.0: `~1.2`, `>=1.0 <2.0`, `1.2 - 1.4 || 3.x`, evaluated to the letter.
//!
//! `grammar` reads the text, this file decides which versions satisfy it (spec section 3.2). Where the library behaves
//! in a way nobody would guess (`^*` is only 0.0.0, `<=*` only 0.0.x, `~0.0.0` everything) so does this: the tags that
//! are chosen must be the ones Image Updater chooses.

use std::cmp::Ordering;

use crate::model::candidate::Rejection;
use crate::model::diagnostic::TextError;
use crate::strategy::version::Version;

mod explain;
mod grammar;

/// Alternatives, of which one must be satisfied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Constraint {
    groups: Vec<Group>,
}

/// Terms between two `||`, all of which must be satisfied.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    operator: Operator,
    version: Version,
    given: Given,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    /// none, or `=`
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    /// `~`, `~>`
    Tilde,
    Caret,
}

/// How much of a version a term gives; the rest is absent or a wildcard, and 0 in `Term::version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    /// `*`
    Nothing,
    /// `1`, `1.x`
    Major,
    /// `1.2`, `1.2.x`
    Minor,
    /// `1.2.3`
    All,
}

impl Constraint {
    /// Reads a constraint.
    ///
    /// # Errors
    /// Names the term that is wrong, and where it stands in `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, TextError> {
        Ok(Self { groups: grammar::parse(text)? })
    }

    /// Says why `version` does not satisfy the constraint.
    ///
    /// A pre-release satisfies a group only if some term of that group carries a pre-release. It is out for being one,
    /// and not for its number, if a group without such a term would take the release that it leads to.
    pub(crate) fn check(&self, version: &Version) -> Result<(), Rejection> {
        let (admitting, other): (Vec<_>, Vec<_>) =
            self.groups.iter().partition(|group| group.admits_pre_releases() || !version.is_pre_release());
        if admitting.iter().any(|group| group.holds_for(version)) {
            return Ok(());
        }
        let release = version.release();
        let by_number = other.iter().any(|group| group.holds_for(&release));
        Err(if by_number { Rejection::PreRelease } else { Rejection::OutsideConstraint })
    }
}

impl Group {
    fn admits_pre_releases(&self) -> bool {
        self.terms.iter().any(|term| term.version.is_pre_release())
    }

    fn holds_for(&self, version: &Version) -> bool {
        self.terms.iter().all(|term| term.holds_for(version))
    }
}

impl Term {
    fn holds_for(&self, v: &Version) -> bool {
        let order = v.precedence(&self.version);
        let (major, minor) = (self.version.number.major, self.version.number.minor);
        match (self.operator, self.given) {
            (Operator::Equal, Given::All) => order.is_eq(),
            (Operator::Equal | Operator::Tilde, _) => self.is_tilde_range_of(v),
            (Operator::Caret, _) => self.is_caret_range_of(v),
            (Operator::NotEqual, Given::Nothing | Given::All) => order.is_ne(),
            (Operator::NotEqual, Given::Major) => v.number.major != major,
            (Operator::NotEqual, Given::Minor) => {
                (v.number.major, v.number.minor) != (major, minor) || !v.same_pre_release(&self.version)
            }
            (Operator::Greater, Given::Nothing | Given::All) => order.is_gt(),
            (Operator::Greater, Given::Major) => v.number.major > major,
            (Operator::Greater, Given::Minor) => (v.number.major, v.number.minor) > (major, minor),
            (Operator::Less, _) => order.is_lt(),
            (Operator::GreaterOrEqual, _) => order.is_ge(),
            (Operator::LessOrEqual, Given::All) => order.is_le(),
            (Operator::LessOrEqual, Given::Major) => v.number.major <= major,
            (Operator::LessOrEqual, Given::Nothing | Given::Minor) => {
                (v.number.major, v.number.minor) <= (major, minor)
            }
        }
    }

    /// From the version up to the next minor one, or major one if only that is given; `~*` and `~0.0.0` are unbounded.
    fn is_tilde_range_of(&self, v: &Version) -> bool {
        let from = &self.version;
        if v.precedence(from) == Ordering::Less {
            return false;
        }
        let zero = (from.number.major, from.number.minor, from.number.patch) == (0, 0, 0);
        match self.given {
            Given::Nothing => true,
            Given::All if zero => true,
            Given::Major => v.number.major == from.number.major,
            Given::Minor | Given::All => (v.number.major, v.number.minor) == (from.number.major, from.number.minor),
        }
    }

    /// From the version up to the next change of the leftmost number that is not 0, among those given.
    fn is_caret_range_of(&self, v: &Version) -> bool {
        let from = &self.version;
        if v.precedence(from) == Ordering::Less {
            return false;
        }
        if from.number.major > 0 || self.given == Given::Major {
            return v.number.major == from.number.major;
        }
        if from.number.minor > 0 || self.given == Given::Minor {
            return (v.number.major, v.number.minor) == (0, from.number.minor);
        }
        (v.number.major, v.number.minor, v.number.patch) == (0, 0, from.number.patch)
    }
}

#[cfg(test)]
mod tests;
