//! `newest-build`: the image that was built last, by the date in its own config; a constraint is ignored.
//!
//! Knows only the dates that it is given. Candidates come with one, or with the time they were pushed where that shows
//! that another was built later: an image is built before it is pushed. Who gathers them says so when neither can be had.
//! Where the registry's list is known to be in order (`tagsortmode`), they come with their place in it, and that counts.

use crate::model::candidate::Candidate;
use crate::model::candidate::Choice;
use crate::model::candidate::Rejection;
use crate::strategy::Needs;
use crate::strategy::Policy;
use crate::strategy::Strategy;
use crate::strategy::choose_last;
use crate::strategy::reject;

pub(crate) static STRATEGY: Strategy = Strategy {
    name: "newest-build",
    aliases: &["latest"],
    summary: "the tag whose image was built last",
    needs: Needs::BuildDates,
    reads_constraint: false,
    parse: |_| Ok(Box::new(NewestBuild)),
};

#[derive(Debug)]
struct NewestBuild;

impl Policy for NewestBuild {
    fn choose(&self, candidates: &[Candidate]) -> Choice {
        if candidates.iter().any(|candidate| candidate.place.is_some()) {
            let mut placed: Vec<_> = candidates.iter().filter(|candidate| candidate.place.is_some()).collect();
            placed.sort_by_key(|candidate| candidate.place);
            return choose_last(placed, Vec::new());
        }
        // A date is never guessed: a candidate without one cannot win.
        let (mut eligible, undated): (Vec<_>, Vec<_>) = candidates.iter().partition(|c| c.created.is_some());
        let newest = eligible.iter().filter_map(|candidate| candidate.created).max();
        // Pushed before the winner was built: eligible, and older whatever its date is.
        let (older, unreadable): (Vec<_>, Vec<_>) =
            undated.into_iter().partition(|c| newest.is_some() && c.built_by().is_some() && c.built_by() < newest);
        eligible.extend(older);
        eligible.sort_by(|a, b| (a.created, a.pushed, &a.tag).cmp(&(b.created, b.pushed, &b.tag)));
        let rejected = unreadable.into_iter().map(|candidate| reject(candidate, Rejection::Unreadable)).collect();
        choose_last(eligible, rejected)
    }

    fn is_older(&self, winner: &Candidate, current: &Candidate) -> Option<bool> {
        if let Some(place) = winner.place {
            return Some(place < current.place?);
        }
        let created = winner.created?;
        match current.created {
            Some(current) => Some(created < current),
            None => (current.built_by()? < created).then_some(false),
        }
    }

    fn because(&self, winner: &Candidate, eligible: usize) -> String {
        match eligible {
            1 => "the only tag".to_owned(),
            _ if winner.place.is_some() => format!("the latest of {eligible} tags in the registry's order"),
            _ => format!("built last of {eligible} tags"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::candidate::CLOCK_SKEW;
    use crate::model::image::Tag;

    fn built(tag: &str, second: i64) -> Candidate {
        let created = Timestamp::from_second(second).unwrap();
        Candidate { created: Some(created), ..Candidate::of_tag(Tag::new(tag).unwrap()) }
    }

    /// All tags, the one built first in front.
    fn order(candidates: &[Candidate]) -> Vec<String> {
        let mut left = candidates.to_vec();
        let mut tags = Vec::new();
        while let Some(winner) = NewestBuild.choose(&left).winner {
            left.retain(|candidate| candidate.tag != winner.tag);
            tags.insert(0, winner.tag.to_string());
        }
        tags
    }

    #[test]
    fn tags_go_by_date_then_by_name() {
        for (id, built_at, expected) in [
            (
                "srt-03",
                vec![("v2.0.2", 4), ("v1.0", 1), ("v1.0.1", 0), ("v2.0.3", 3), ("v2.0", 2)],
                vec!["v1.0.1", "v1.0", "v2.0", "v2.0.3", "v2.0.2"],
            ),
            (
                "srt-04",
                vec![("v2.0.2", 0), ("v1.0", 0), ("v1.0.1", 0), ("v2.0.3", 0), ("v2.0", 0)],
                vec!["v1.0", "v1.0.1", "v2.0", "v2.0.2", "v2.0.3"],
            ),
            ("before 1970", vec![("b", 0), ("a", -62_135_596_800)], vec!["a", "b"]),
        ] {
            let candidates: Vec<_> = built_at.into_iter().map(|(tag, second)| built(tag, second)).collect();
            assert_eq!(order(&candidates), expected, "{id}");
        }
    }

    #[test]
    fn cases_of_version_selection() {
        // ver-10; `yy` comes twice, as from a registry that repeats a tag.
        let tags = ["zz", "bb", "yy", "cc", "yy", "aa", "ll"];
        let candidates: Vec<_> = (0..).zip(tags).map(|(i, tag)| built(tag, 5 * i)).collect();
        assert_eq!(NewestBuild.choose(&candidates).winner.unwrap().tag.as_str(), "ll");
        // ver-36: the constraint is ignored.
        let policy = (STRATEGY.parse)(Some("~1.0")).unwrap();
        let choice = policy.choose(&[built("1.0.1", 0), built("2.0", 5)]);
        assert_eq!(choice.winner.unwrap().tag.as_str(), "2.0");
        assert_eq!(choice.rejected, [reject(&built("1.0.1", 0), Rejection::Older)]);
        assert_eq!(choice.eligible, 2);
    }

    #[test]
    fn what_has_no_date_cannot_win() {
        let undated = Candidate::of_tag(Tag::new("9.9").unwrap());
        let choice = NewestBuild.choose(&[undated.clone(), built("1.0", 0)]);
        assert_eq!(choice.winner.unwrap().tag.as_str(), "1.0");
        assert_eq!((choice.eligible, choice.rejected), (1, vec![reject(&undated, Rejection::Unreadable)]));
        assert!(NewestBuild.choose(&[undated]).winner.is_none());
    }

    #[test]
    fn the_order_of_the_list_counts_where_it_says_something() {
        let placed = |tag: &str, place: u8| Candidate { place: Some(place.into()), ..built(tag, -i64::from(place)) };
        let candidates = [placed("c", 3), placed("a", 1), placed("b", 2)];
        assert_eq!(order(&candidates), ["a", "b", "c"], "whatever their dates are");
        for (winner, current, expected) in [
            (placed("c", 3), placed("b", 2), Some(false)),
            (placed("b", 2), placed("c", 3), Some(true)),
            (placed("b", 2), built("gone", 0), None),
        ] {
            assert_eq!(NewestBuild.is_older(&winner, &current), expected, "{winner:?} {current:?}");
        }
    }

    fn pushed(tag: &str, second: i64) -> Candidate {
        let pushed = Timestamp::from_second(second).unwrap();
        Candidate { pushed: Some(pushed), ..Candidate::of_tag(Tag::new(tag).unwrap()) }
    }

    #[test]
    fn what_was_pushed_before_the_winner_was_built_is_older() {
        const SKEW: i64 = CLOCK_SKEW.as_secs();
        let winner = built("new", 10_000);
        for (second, expected) in
            [(0, Rejection::Older), (9_999 - SKEW, Rejection::Older), (10_000 - SKEW, Rejection::Unreadable)]
        {
            let choice = NewestBuild.choose(&[pushed("old", second), winner.clone()]);
            assert_eq!(choice.winner.as_ref(), Some(&winner));
            assert_eq!(choice.rejected, [reject(&pushed("old", second), expected)], "{second}");
            assert_eq!(choice.eligible, if expected == Rejection::Older { 2 } else { 1 });
        }
        // Nothing was built later than this: its own date would have been needed.
        assert!(NewestBuild.choose(&[pushed("old", 0)]).winner.is_none());
    }

    #[test]
    fn a_winner_is_older_by_date() {
        let undated = Candidate::of_tag(Tag::new("a").unwrap());
        for (winner, current, expected) in [
            (built("a", 1), built("b", 2), Some(true)),
            (built("a", 2), built("b", 2), Some(false)),
            (built("a", 3), built("b", 2), Some(false)),
            (built("a", 3), undated.clone(), None),
            (built("a", 10_000), pushed("b", 0), Some(false)),
            (built("a", 3), pushed("b", 0), None),
        ] {
            assert_eq!(NewestBuild.is_older(&winner, &current), expected, "{winner:?} {current:?}");
        }
    }

    #[test]
    fn reasons_read_well() {
        let placed = Candidate { place: Some(3), ..built("a", 1) };
        assert_eq!(NewestBuild.because(&built("a", 1), 5), "built last of 5 tags");
        assert_eq!(NewestBuild.because(&placed, 5), "the latest of 5 tags in the registry's order");
        assert_eq!(NewestBuild.because(&placed, 1), "the only tag");
    }
}
