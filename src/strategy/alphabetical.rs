//! `alphabetical`: the last tag in byte order, for tags such as `2024-01-31` or `build-00017`; a constraint is ignored.

use crate::model::candidate::Candidate;
use crate::model::candidate::Choice;
use crate::strategy::Needs;
use crate::strategy::Policy;
use crate::strategy::Strategy;
use crate::strategy::choose_last;

pub(crate) static STRATEGY: Strategy = Strategy {
    name: "alphabetical",
    aliases: &["name"],
    summary: "the last tag in byte order",
    needs: Needs::Tags,
    reads_constraint: false,
    parse: |_| Ok(Box::new(Alphabetical)),
};

#[derive(Debug)]
struct Alphabetical;

impl Policy for Alphabetical {
    fn choose(&self, candidates: &[Candidate]) -> Choice {
        let mut ascending: Vec<_> = candidates.iter().collect();
        ascending.sort_by(|a, b| a.tag.cmp(&b.tag));
        choose_last(ascending, Vec::new())
    }

    fn is_older(&self, winner: &Candidate, current: &Candidate) -> Option<bool> {
        Some(winner.tag < current.tag)
    }

    fn because(&self, _winner: &Candidate, eligible: usize) -> String {
        match eligible {
            1 => "the only tag".to_owned(),
            _ => format!("last of {eligible} tags in byte order"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::candidate::Rejection;
    use crate::model::image::Tag;
    use crate::strategy::reject;

    fn candidates(tags: &[&str]) -> Vec<Candidate> {
        tags.iter().map(|tag| Candidate::of_tag(Tag::new(tag).unwrap())).collect()
    }

    #[test]
    fn tags_go_by_bytes() {
        for (id, tags, ascending) in [
            ("srt-01", ["wohoo", "bazar", "alpha", "jesus", "zebra"], ["alpha", "bazar", "jesus", "wohoo", "zebra"]),
            ("srt-05", ["V2", "a1", "B1", "10", "9"], ["10", "9", "B1", "V2", "a1"]),
        ] {
            let mut left = candidates(&tags);
            for expected in ascending.iter().rev() {
                let winner = Alphabetical.choose(&left).winner.unwrap();
                assert_eq!(winner.tag.as_str(), *expected, "{id}");
                left.retain(|candidate| candidate.tag != winner.tag);
            }
        }
    }

    #[test]
    fn cases_of_version_selection() {
        for (id, constraint, tags, expected) in [
            ("ver-12", None, &["zz", "bb", "yy", "cc", "yy", "aa", "ll"][..], Some("zz")),
            ("ver-35", Some("~1.0"), &["1.0.1", "2.0"], Some("2.0")),
            ("no tags", None, &[], None),
        ] {
            let policy = (STRATEGY.parse)(constraint).unwrap();
            let winner = policy.choose(&candidates(tags)).winner;
            assert_eq!(winner.as_ref().map(|winner| winner.tag.as_str()), expected, "{id}");
        }
    }

    #[test]
    fn a_tag_that_comes_twice_counts_once() {
        let tags = candidates(&["a", "b", "b", "a"]);
        let choice = Alphabetical.choose(&tags);
        assert_eq!((choice.eligible, choice.rejected), (2, vec![reject(&tags[0], Rejection::Older)]));
    }

    #[test]
    fn a_winner_is_older_by_bytes() {
        let tags = candidates(&["10", "9", "a"]);
        assert_eq!(Alphabetical.is_older(&tags[0], &tags[1]), Some(true));
        assert_eq!(Alphabetical.is_older(&tags[2], &tags[1]), Some(false));
        assert_eq!(Alphabetical.is_older(&tags[1], &tags[1]), Some(false));
    }

    #[test]
    fn reasons_read_well() {
        assert_eq!(Alphabetical.because(&candidates(&["a"])[0], 5), "last of 5 tags in byte order");
        assert_eq!(Alphabetical.because(&candidates(&["a"])[0], 1), "the only tag");
    }
}
