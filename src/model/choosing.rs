//! What may be asked of a choice beside what an update strategy says: how old an image must be, whether its digest is
//! written, and which version it is to be whatever the strategy says.

use std::fmt;

use jiff::SignedDuration;
use jiff::Span;
use jiff::SpanRelativeTo;
use jiff::Timestamp;

use crate::model::image::Version;

/// Whether the digest behind a tag is written with it (`--pin-digest`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PinDigest {
    /// Only by the strategy that follows a digest.
    #[default]
    Never,
    /// Where what is current has one.
    IfPresent,
    Always,
}

impl PinDigest {
    pub(crate) const ALL: [Self; 3] = [Self::Never, Self::IfPresent, Self::Always];

    /// The name in flags and annotations.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::IfPresent => "if-present",
            Self::Always => "always",
        }
    }

    /// Finds one by its name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.name() == text)
    }
}

/// How old a tag must be to be chosen (`--min-age`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MinAge {
    duration: SignedDuration,
    /// As it was written.
    text: String,
}

impl MinAge {
    /// Reads a duration as kubectl does, a number of seconds or numbers with units, and days and weeks too: `90m`, `7d`,
    /// `1w2d`. A day has 24 hours; months and years, which have no length of their own, are none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let duration = match text.parse::<u32>() {
            Ok(seconds) => SignedDuration::from_secs(seconds.into()),
            Err(_) => text.parse::<Span>().ok()?.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?,
        };
        (!duration.is_negative()).then(|| Self { duration, text: text.to_owned() })
    }

    /// The latest time at which something can have happened that is old enough at the time `now`.
    pub(crate) fn before(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.duration).unwrap_or(Timestamp::MIN)
    }
}

impl fmt::Display for MinAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a run is told about one image beside its annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Other images are meant (`--alias`).
    pub(crate) left_out: bool,
    /// The version that it is to get, with a tag, whatever the strategy says (`--set`).
    pub(crate) version: Option<Version>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_duration_of_some_length() {
        let hours = |hours| Some(SignedDuration::from_hours(hours));
        for (text, expected) in [
            ("7d", hours(168)),
            ("1w2d", hours(216)),
            ("36h", hours(36)),
            ("1h30m", Some(SignedDuration::from_mins(90))),
            ("3600", hours(1)),
            ("0", hours(0)),
            ("-1d", None),
            ("-5", None),
            ("1mo", None),
            ("1y", None),
            ("soon", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(MinAge::parse(text).map(|age| age.duration), expected, "{text}");
        }
        let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let age = MinAge::parse("7d").unwrap();
        assert_eq!((age.before(now).to_string(), age.to_string()), ("2026-11-15T09:00:00Z".into(), "7d".into()));
        // What no calendar reaches back to is never old enough.
        assert_eq!(MinAge::parse("19000w").unwrap().before(Timestamp::MIN), Timestamp::MIN);
    }

    #[test]
    fn digests_are_pinned_by_name() {
        for value in PinDigest::ALL {
            assert_eq!(PinDigest::parse(value.name()), Some(value));
        }
        assert_eq!((PinDigest::parse("Always"), PinDigest::parse("")), (None, None));
    }
}
