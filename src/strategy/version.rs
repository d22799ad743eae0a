//! Versions as Masterminds/semver 3.4.0 reads and orders them, which is how Argo CD Image Updater reads tags.
//!
//! The value is a [`semver::Version`]; reading and ordering are not that crate's, which wants three parts without
//! leading zeros, and orders pre-release numbers beyond 64 bits, such as `1.0.0-20240131123456789012`, in another way.
//! Knows neither tags nor constraints.

use std::cmp::Ordering;

/// A version, with the text that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// Without build metadata, which means nothing here.
    pub(crate) number: semver::Version,
    text: String,
}

/// One of the dot-separated identifiers of a pre-release; numbers come before words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier<'a> {
    Number(u64),
    /// Also a number that does not fit 64 bits: Masterminds compares those as text.
    Word(&'a str),
}

/// Why a text is not a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VersionError {
    #[error("it is not `[v]N[.N[.N]][-PRERELEASE][+BUILD]`")]
    Shape,
    #[error("`{0}` does not fit 64 bits")]
    TooLarge(String),
    #[error("the number `{0}` in its pre-release has a leading zero")]
    LeadingZero(String),
}

impl Version {
    /// Reads `[v]N[.N[.N]][-PRERELEASE][+BUILD]` (spec section 3.2): missing parts are 0, leading zeros are fine in the
    /// three numbers, a build is checked and forgotten.
    pub(crate) fn parse(text: &str) -> Result<Self, VersionError> {
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (rest, build) = cut(rest, '+');
        let (core, pre) = cut(rest, '-');
        let mut numbers = [0; 3];
        for (place, part) in core.split('.').enumerate() {
            let number = numbers.get_mut(place).ok_or(VersionError::Shape)?;
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(VersionError::Shape);
            }
            *number = part.parse().map_err(|_| VersionError::TooLarge(part.to_owned()))?;
        }
        let [major, minor, patch] = numbers;
        if build.is_some_and(|build| !build.split('.').all(is_identifier)) {
            return Err(VersionError::Shape);
        }
        let mut number = semver::Version::new(major, minor, patch);
        if let Some(pre) = pre {
            if !pre.split('.').all(is_identifier) {
                return Err(VersionError::Shape);
            }
            let padded = pre.split('.').find(|part| part.len() > 1 && part.starts_with('0') && is_number(part));
            if let Some(padded) = padded {
                return Err(VersionError::LeadingZero(padded.to_owned()));
            }
            number.pre = semver::Prerelease::new(pre).map_err(|_| VersionError::Shape)?;
        }
        Ok(Self { number, text: text.to_owned() })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_pre_release(&self) -> bool {
        !self.number.pre.is_empty()
    }

    /// The release that a pre-release leads to: `1.2.0` for `1.2.0-rc.1`.
    pub(crate) fn release(&self) -> Self {
        let number = semver::Version { pre: semver::Prerelease::EMPTY, ..self.number.clone() };
        Self { number, text: self.text.clone() }
    }

    pub(crate) fn same_pre_release(&self, other: &Self) -> bool {
        self.number.pre == other.number.pre
    }

    /// Compares as semver.org section 11 says, so that `1.0`, `v1.0.0` and `1.0.0+build` are equal.
    pub(crate) fn precedence(&self, other: &Self) -> Ordering {
        let core = |v: &Self| (v.number.major, v.number.minor, v.number.patch);
        core(self)
            .cmp(&core(other))
            .then_with(|| other.is_pre_release().cmp(&self.is_pre_release()))
            .then_with(|| self.identifiers().cmp(other.identifiers()))
    }

    /// The identifiers of the pre-release; one empty word without one.
    fn identifiers(&self) -> impl Iterator<Item = Identifier<'_>> {
        self.number.pre.as_str().split('.').map(Identifier::of)
    }
}

/// Precedence; what is equal there goes by the bytes of the text, so that of `1.0`, `1.0.0`, `v1.0.0` the last is the
/// greatest (spec section 3.2).
impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.precedence(other).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> Identifier<'a> {
    fn of(text: &'a str) -> Self {
        let number = if is_number(text) { text.parse().ok() } else { None };
        number.map_or(Self::Word(text), Self::Number)
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_masterminds_reads_them() {
        for (text, core, pre) in [
            ("1", (1, 0, 0), false),
            ("1.2", (1, 2, 0), false),
            ("v2", (2, 0, 0), false),
            ("01.002.0003", (1, 2, 3), false),
            ("2024.01.15", (2024, 1, 15), false),
            ("20240131", (20_240_131, 0, 0), false), // ver-41 of spec section 3.2
            ("1.2-alpine", (1, 2, 0), true),
            ("1-2-3", (1, 0, 0), true),
            ("1.2.3--", (1, 2, 3), true),
            ("1.2.3-0.a.0-", (1, 2, 3), true),
            ("1.2.3-00a", (1, 2, 3), true),
            ("1.2.3+007.a-b", (1, 2, 3), false),
            ("1.2.3-rc.1+b", (1, 2, 3), true),
            ("1.2.3+a-b", (1, 2, 3), false),
            ("18446744073709551615.0.0", (u64::MAX, 0, 0), false),
            ("000000000000000000000000000007", (7, 0, 0), false),
        ] {
            let version = Version::parse(text).unwrap();
            let number = &version.number;
            assert_eq!((number.major, number.minor, number.patch), core, "{text}");
            assert_eq!((version.is_pre_release(), version.text()), (pre, text));
        }
    }

    #[test]
    fn other_texts_are_no_versions() {
        for text in [
            "",
            "v",
            "V1.0",
            "vv1",
            "latest",
            "1.",
            "1..2",
            ".1",
            "1.2.3.4",
            "1.2.3-",
            "1.2.3+",
            "1.2.3-a..b",
            "1.2.3-.a",
            "1.2_x",
            "1.2.3_1",
            "1.2.3-a_b",
            "1.2.3+a+b",
            " 1.2",
            "1.2 ",
            "+1",
            "1.x",
            "١",
            "1.2.3-é",
        ] {
            assert_eq!(Version::parse(text), Err(VersionError::Shape), "{text:?}");
        }
        let too_large = "18446744073709551616";
        assert_eq!(Version::parse(&format!("1.{too_large}")), Err(VersionError::TooLarge(too_large.to_owned())));
        assert_eq!(Version::parse("1.1.0-rc.01"), Err(VersionError::LeadingZero("01".to_owned()))); // ver-44
    }

    /// Each text is greater than the one before it.
    #[test]
    fn versions_are_ordered() {
        let ascending = [
            "0.9",
            "1.0.0-0",
            "1.0.0-2",
            "1.0.0-10",
            "1.0.0-18446744073709551615",
            // Masterminds compares numbers that do not fit 64 bits as text, above all that do.
            "1.0.0--1",
            "1.0.0-100000000000000000000",
            "1.0.0-99999999999999999999",
            "1.0.0-A",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0",
            "1.0.0",
            "v1.0.0",
            "1.0.1",
            "1.8.0",
            "1.09.0",
            "1.10",
            "1.10.0",
            "2024",
        ];
        for pair in ascending.windows(2) {
            let [lower, higher] = [0, 1].map(|i| Version::parse(pair[i]).unwrap());
            assert_eq!(lower.cmp(&higher), Ordering::Less, "{pair:?}");
            assert_eq!(higher.cmp(&lower), Ordering::Greater, "{pair:?}");
        }
    }

    #[test]
    fn precedence_ignores_spelling() {
        for (a, b) in [("1.0", "v1.0.0"), ("1.0.0+a", "1.0.0+b"), ("01.2.3-rc.1", "1.2.3-rc.1")] {
            let [a, b] = [a, b].map(|text| Version::parse(text).unwrap());
            assert_eq!(a.precedence(&b), Ordering::Equal, "{a:?} {b:?}");
        }
    }
}
