//! What holds for versions, constraints and choices, beside models that were made another way: the expression that
//! Masterminds/semver documents, the `semver` crate, and ranges of numbers.

use std::cmp::Ordering;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use regex::Regex;

use crate::model::candidate::Candidate;
use crate::model::hostile;
use crate::model::image::Tag;
use crate::strategy;
use crate::strategy::constraint::Constraint;
use crate::strategy::version::Version;
use crate::strategy::version::VersionError;

const VERSIONS: [&str; 9] = [
    "1.2.3",
    "v1.2",
    "2024.01.15",
    "1.0.0-rc.1+build.7",
    "1.0.0-20240131123456789012",
    "18446744073709551615.0.0",
    "01.002.0003",
    "1.2.3-0.a.0-",
    "1-alpine3.18",
];

const VERSION_PIECES: [&str; 18] = [
    "v",
    "0",
    "1",
    "2",
    "10",
    "00",
    "18446744073709551616",
    ".",
    ".",
    ".",
    "-",
    "+",
    "a",
    "rc",
    "alpha",
    "x",
    "_",
    "--",
];

const CONSTRAINTS: [&str; 10] = [
    "~1.2",
    "^1",
    "1.2.x",
    ">=1.2 <2",
    "1.2 - 1.4.5",
    "1 || 2.x",
    "!=1.2.3, >1-0",
    "~>0.0.3",
    "=<2 =>1",
    ">=1.0.0-0 <2.0.0-rc.1",
];

const CONSTRAINT_PIECES: [&str; 34] = [
    "1", "2", "0", "1.2", "1.2.3", "v1.2.3", "1.x", "*", "x", "X", "|", "||", " || ", " - ", "-", " ", " ", ",", ", ",
    "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^", "-rc.1", "+b", "\t", "é",
];

/// What Masterminds/semver 3.4.0 documents (`SemVerRegex`, anchored), with the parts between dots as it splits them.
static LOOSE: LazyLock<Regex> = LazyLock::new(|| {
    let words = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*";
    Regex::new(&format!(r"^v?[0-9]+(?:\.[0-9]+)?(?:\.[0-9]+)?(?:-({words}))?(?:\+{words})?$")).unwrap()
});

fn version() -> impl Strategy<Value = Version> {
    hostile::hostile(&VERSIONS, &VERSION_PIECES, 8).prop_filter_map("no version", |text| Version::parse(&text).ok())
}

/// A release of small numbers.
fn release() -> impl Strategy<Value = [u64; 3]> {
    [0..4_u64, 0..4_u64, 0..4_u64]
}

fn shown([major, minor, patch]: [u64; 3]) -> String {
    format!("{major}.{minor}.{patch}")
}

/// One term of a constraint that names no pre-release.
#[derive(Clone, Debug)]
struct Plain {
    operator: &'static str,
    numbers: [u64; 3],
    given: usize,
    filler: &'static str,
    space: &'static str,
}

fn plain() -> impl Strategy<Value = Plain> {
    const OPERATORS: [&str; 12] = ["", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^"];
    const FILLERS: [&str; 4] = ["", ".x", ".*", ".X"];
    (select(&OPERATORS[..]), release(), 0..=3_usize, select(&FILLERS[..]), select(&["", " "][..]))
        .prop_map(|(operator, numbers, given, filler, space)| Plain { operator, numbers, given, filler, space })
}

const LAST: u64 = u64::MAX;

impl Plain {
    fn text(&self) -> String {
        let given = self.numbers[..self.given].iter().map(u64::to_string).collect::<Vec<_>>().join(".");
        let version = match self.given {
            0 => "*".to_owned(),
            3 => given,
            _ => given + self.filler,
        };
        format!("{}{}{version}", self.operator, self.space)
    }

    /// The releases it lets in, as ranges with both ends; the oddities are those that spec section 3.2 lists.
    fn ranges(&self) -> Vec<RangeInclusive<[u64; 3]>> {
        let mut low = self.numbers;
        low[self.given..].fill(0);
        let up_to = |parts: usize| {
            let mut high = low;
            high[parts..].fill(LAST);
            high
        };
        let (least, most) = ([0; 3], [LAST; 3]);
        let significant = low.iter().position(|number| *number > 0).map_or(3, |place| place + 1);
        match (self.operator, self.given) {
            ("" | "=", given) => vec![low..=up_to(given)],
            ("~" | "~>", 3) if low == least => vec![least..=most],
            ("~" | "~>", given) => vec![low..=up_to(given.min(2))],
            ("^", 0) => vec![least..=least],
            ("^", given) => vec![low..=up_to(significant.min(given))],
            ("!=", 0) => outside(least, least),
            ("!=", given) => outside(low, up_to(given)),
            (">", 0) => above(least),
            (">", given) => above(up_to(given)),
            (">=" | "=>", _) => vec![low..=most],
            ("<", _) => below(low),
            ("<=" | "=<", 0) => vec![least..=[0, 0, LAST]],
            ("<=" | "=<", given) => vec![least..=up_to(given)],
            _ => unreachable!("an operator of the list"),
        }
    }

    fn admits(&self, release: [u64; 3]) -> bool {
        self.ranges().iter().any(|range| range.contains(&release))
    }
}

fn outside(low: [u64; 3], high: [u64; 3]) -> Vec<RangeInclusive<[u64; 3]>> {
    below(low).into_iter().chain(above(high)).collect()
}

fn below(end: [u64; 3]) -> Vec<RangeInclusive<[u64; 3]>> {
    let [major, minor, patch] = end;
    match (major, minor, patch) {
        (0, 0, 0) => Vec::new(),
        (_, 0, 0) => vec![[0; 3]..=[major - 1, LAST, LAST]],
        (_, _, 0) => vec![[0; 3]..=[major, minor - 1, LAST]],
        _ => vec![[0; 3]..=[major, minor, patch - 1]],
    }
}

fn above(end: [u64; 3]) -> Vec<RangeInclusive<[u64; 3]>> {
    let [major, minor, patch] = end;
    let next = match (minor, patch) {
        (LAST, LAST) => [major + 1, 0, 0],
        (_, LAST) => [major, minor + 1, 0],
        _ => [major, minor, patch + 1],
    };
    vec![next..=[LAST; 3]]
}

fn admits(constraint: &str, version: &str) -> bool {
    let constraint = Constraint::parse(constraint).unwrap_or_else(|error| panic!("{constraint}: {error}"));
    constraint.check(&Version::parse(version).unwrap()).is_ok()
}

fn joined(terms: &[Plain]) -> String {
    terms.iter().map(Plain::text).collect::<Vec<_>>().join(", ")
}

proptest! {
    #![proptest_config(hostile::cases(96))]

    #[test]
    fn a_text_is_a_version_if_masterminds_takes_it(text in hostile::hostile(&VERSIONS, &VERSION_PIECES, 8)) {
        let read = Version::parse(&text);
        let Some(found) = LOOSE.captures(&text) else {
            prop_assert!(read.is_err(), "{:?}", read);
            return Ok(());
        };
        let numbers = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let padded = |part: &str| part.len() > 1 && part.starts_with('0') && numbers(part);
        match read {
            Ok(version) => prop_assert_eq!(version.text(), &text),
            Err(VersionError::LeadingZero(part)) => {
                prop_assert!(padded(&part) && found[1].split('.').any(|other| other == part));
            }
            Err(VersionError::TooLarge(part)) => prop_assert!(numbers(&part) && part.len() >= 20, "{}", part),
            Err(VersionError::Shape) => prop_assert!(false, "not read"),
        }
        let pre = found.get(1).is_some_and(|pre| pre.as_str().split('.').any(padded));
        prop_assert!(!pre || Version::parse(&text).is_err());
    }

    #[test]
    fn versions_have_one_order(a in version(), b in version(), c in version()) {
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a.precedence(&b), b.precedence(&a).reverse());
        prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a.text() == b.text());
        let mut sorted = [&a, &b, &c];
        sorted.sort();
        prop_assert!(sorted[0] <= sorted[1] && sorted[1] <= sorted[2] && sorted[0] <= sorted[2]);
        prop_assert!(sorted[0].precedence(sorted[2]).is_le());
        prop_assert!(!a.is_pre_release() || a.precedence(&a.release()).is_lt());
    }

    #[test]
    fn the_order_is_that_of_semver_where_semver_reads_the_text(
        a in "[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,2}(-(0|[1-9][0-9]{0,18}|[a-c-]{1,2}[0-9]{0,2})(\\.(0|[1-9]|rc|a-))?)?(\\+[a-c]{1,2})?",
        b in "[0-2]\\.[0-2]\\.[0-2](-(0|[1-9][0-9]{0,3}|[a-c-]{1,2}[0-9]{0,2})(\\.(0|[1-9]|rc|a-))?)?",
        c in "[0-2]\\.[0-2]\\.[0-2](-(0|[1-9][0-9]{0,3}|[a-c-]{1,2}[0-9]{0,2})(\\.(0|[1-9]|rc|a-))?)?",
    ) {
        for (left, right) in [(&a, &b), (&b, &c)] {
            let (Ok(x), Ok(y)) = (semver::Version::parse(left), semver::Version::parse(right)) else { continue };
            let ours = Version::parse(left).unwrap().precedence(&Version::parse(right).unwrap());
            prop_assert_eq!(ours, x.cmp_precedence(&y), "{} {}", left, right);
        }
    }

    #[test]
    fn a_constraint_is_read_or_the_mistake_is_pointed_at(
        text in hostile::hostile(&CONSTRAINTS, &CONSTRAINT_PIECES, 12),
        version in version(),
    ) {
        match Constraint::parse(&text) {
            Ok(constraint) => {
                prop_assert_eq!(Constraint::parse(&text), Ok(constraint.clone()));
                let verdict = constraint.check(&version);
                // The spelling of a version means nothing to a constraint.
                let respelled = Version::parse(&format!("{}+respelled", version.text().split('+').next().unwrap()));
                prop_assert_eq!(constraint.check(&respelled.unwrap()), verdict);
                // A pre-release must be asked for.
                prop_assert!(!version.is_pre_release() || text.contains('-') || verdict.is_err());
            }
            Err(error) => {
                let span = error.span.clone().unwrap_or(0..0);
                prop_assert!(hostile::is_inside(&span, &text), "{:?}", error);
                prop_assert!(error.message.len() <= 200 + 2 * text.len() && !error.message.is_empty());
            }
        }
    }

    #[test]
    fn a_constraint_means_ranges_of_releases(
        alternatives in vec(vec(plain(), 1..4), 1..4),
        releases in vec(release(), 1..8),
    ) {
        let text = alternatives.iter().map(|terms| joined(terms)).collect::<Vec<_>>().join(" || ");
        for release in releases {
            let expected = alternatives.iter().any(|terms| terms.iter().all(|term| term.admits(release)));
            prop_assert_eq!(admits(&text, &shown(release)), expected, "{} {:?}", text, release);
            prop_assert!(!admits(&text, &format!("{}-rc.1", shown(release))), "{} takes a pre-release", text);
        }
    }

    #[test]
    fn a_range_with_a_hyphen_is_two_bounds(low in plain(), high in plain(), release in release()) {
        let bound = |plain: &Plain, operator| Plain { operator, space: "", ..plain.clone() };
        let (from, to) = (bound(&low, ""), bound(&high, ""));
        let expected = bound(&low, ">=").admits(release) && bound(&high, "<=").admits(release);
        prop_assert_eq!(admits(&format!("{} - {}", from.text(), to.text()), &shown(release)), expected);
    }

    #[test]
    fn every_version_is_on_one_side_of_another(version in version(), release in release(), pre in "-(0|rc\\.1|a)") {
        let place = format!("{}{pre}", shown(release));
        let sides = ["<", "=", ">"].map(|operator| admits(&format!("{operator}{place}"), version.text()));
        prop_assert_eq!(sides.iter().filter(|side| **side).count(), 1, "{} {:?}", place, sides);
        let [less, equal, greater] = sides;
        prop_assert_eq!(admits(&format!("<={place}"), version.text()), less || equal);
        prop_assert_eq!(admits(&format!(">={place}"), version.text()), greater || equal);
        prop_assert_eq!(admits(&format!("!={place}"), version.text()), !equal);
    }

    #[test]
    fn a_choice_does_not_depend_on_the_order_of_tags(
        tags in vec(prop_oneof![select(&VERSIONS[..]).prop_map(str::to_owned), "[a-z0-9.v-]{1,6}"], 0..12),
        dates in vec(proptest::option::of(0..4_i64), 12),
        constraint in proptest::option::of(select(&CONSTRAINTS[..])),
    ) {
        let mut candidates: Vec<Candidate> = Vec::new();
        for (tag, date) in tags.iter().filter_map(|tag| Tag::new(tag)).zip(dates) {
            if candidates.iter().all(|other| other.tag != tag) {
                let created = date.map(|second| jiff::Timestamp::from_second(second).unwrap());
                candidates.push(Candidate { created, ..Candidate::of_tag(tag) });
            }
        }
        let backwards: Vec<_> = candidates.iter().rev().cloned().collect();
        for policy in strategy::ALL.iter().filter_map(|strategy| (strategy.parse)(constraint).ok()) {
            let (choice, other) = (policy.choose(&candidates), policy.choose(&backwards));
            prop_assert_eq!(&choice.winner, &other.winner);
            prop_assert_eq!(&choice.rejected, &other.rejected);
            // Every candidate won, or it is said why not.
            prop_assert_eq!(choice.rejected.len() + usize::from(choice.winner.is_some()), candidates.len());
            prop_assert_eq!(choice.winner.is_some(), choice.eligible > 0);
            if let Some(winner) = &choice.winner {
                prop_assert!(candidates.contains(winner));
                prop_assert_ne!(policy.is_older(winner, winner), Some(true));
            }
        }
    }
}
