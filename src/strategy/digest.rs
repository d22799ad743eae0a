//! `digest`: follows one tag wherever it moves. The constraint is that tag.
//!
//! Whether the digest behind it changed is for the caller to see: here the tag is always the answer.

use crate::model::candidate::Candidate;
use crate::model::candidate::Choice;
use crate::model::candidate::Rejection;
use crate::model::diagnostic::TextError;
use crate::model::image::Tag;
use crate::strategy::Needs;
use crate::strategy::Policy;
use crate::strategy::Strategy;
use crate::strategy::choose_last;
use crate::strategy::reject;

pub(crate) static STRATEGY: Strategy = Strategy {
    name: "digest",
    aliases: &[],
    summary: "the tag that the constraint names, pinned to the digest it has now",
    needs: Needs::OneDigest,
    reads_constraint: true,
    parse: |constraint| Ok(Box::new(Follow::parse(constraint)?)),
};

/// The tag that is followed.
#[derive(Debug)]
struct Follow(Tag);

impl Follow {
    fn parse(constraint: Option<&str>) -> Result<Self, TextError> {
        let Some(text) = constraint.filter(|text| !text.trim().is_empty()) else {
            return Err(TextError::new("the update strategy `digest` needs a tag to follow")
                .hint("write it behind the image name, such as `nginx:stable`"));
        };
        Tag::new(text).map(Self).ok_or_else(|| {
            let error = TextError::new(format!("`{text}` is not a legal tag, so `digest` cannot follow it"));
            error.at(0..text.len()).hint("for a version constraint the update strategy is `semver`")
        })
    }
}

impl Policy for Follow {
    fn choose(&self, candidates: &[Candidate]) -> Choice {
        let (followed, others): (Vec<_>, Vec<_>) = candidates.iter().partition(|candidate| candidate.tag == self.0);
        choose_last(followed, others.into_iter().map(|other| reject(other, Rejection::NotTheTag)).collect())
    }

    fn followed_tag(&self) -> Option<&Tag> {
        Some(&self.0)
    }

    fn is_older(&self, _winner: &Candidate, _current: &Candidate) -> Option<bool> {
        // Whoever follows a tag wants what it stands for, also when somebody moved it back.
        Some(false)
    }

    fn because(&self, _winner: &Candidate, _eligible: usize) -> String {
        format!("what `{}` stands for now", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image::Digest;

    fn candidate(tag: &str) -> Candidate {
        Candidate::of_tag(Tag::new(tag).unwrap())
    }

    #[test]
    fn the_tag_that_is_named_wins() {
        // ver-13; that case's digest is no digest of the OCI specification and never gets here.
        let digest = Digest::new(&format!("sha256:{}", "a".repeat(64)));
        let latest = Candidate { digest, ..candidate("latest") };
        let policy = (STRATEGY.parse)(Some("latest")).unwrap();
        assert_eq!(policy.followed_tag().map(Tag::as_str), Some("latest"));
        let choice = policy.choose(&[candidate("v1"), latest.clone(), candidate("Latest")]);
        assert_eq!((choice.winner, choice.eligible), (Some(latest), 1));
        let others = ["Latest", "v1"].map(|tag| reject(&candidate(tag), Rejection::NotTheTag));
        assert_eq!(choice.rejected, others);
        assert!(policy.choose(&[candidate("v1")]).winner.is_none());
        assert_eq!(policy.because(&candidate("latest"), 1), "what `latest` stands for now");
    }

    #[test]
    fn a_tag_moved_back_is_no_downgrade() {
        let policy = (STRATEGY.parse)(Some("1.0")).unwrap();
        assert_eq!(policy.is_older(&candidate("1.0"), &candidate("2.0")), Some(false));
    }

    #[test]
    fn without_a_legal_tag_there_is_nothing_to_follow() {
        for text in [None, Some(""), Some(" ")] {
            let error = (STRATEGY.parse)(text).unwrap_err(); // ver-37
            assert_eq!(error.to_string(), "the update strategy `digest` needs a tag to follow");
            assert_eq!(error.span, None);
        }
        let error = (STRATEGY.parse)(Some("~1.0")).unwrap_err();
        assert_eq!(error.to_string(), "`~1.0` is not a legal tag, so `digest` cannot follow it");
        assert_eq!(error.span, Some(0..4));
    }
}
