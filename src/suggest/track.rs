//! How to follow a version that runs, told from the look of its tag.

use std::fmt::Write as _;

use crate::model::candidate::Candidate;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::strategy;

/// A way to follow an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Track {
    /// `None`: the default, semver.
    pub(super) strategy: Option<&'static str>,
    pub(super) constraint: Option<String>,
    /// The value of `allow-tags`.
    pub(super) allow: Option<String>,
    pub(super) why: String,
}

/// Words that a version is called by before it is one.
const BEFORE_A_RELEASE: [&str; 7] = ["alpha", "beta", "rc", "pre", "dev", "snapshot", "preview"];

/// How to follow what runs.
pub(super) fn of(version: &Version) -> Track {
    let Some(tag) = version.tag.as_deref() else { return followed("latest") };
    let track = dated(tag).or_else(|| numbered(tag)).or_else(|| built(tag)).unwrap_or_else(|| followed(tag));
    // What would not choose the very tag that runs is no way to follow it.
    if accepts(&track, tag) { track } else { followed(tag) }
}

/// A tag that moves, or of which nothing is known: whatever it stands for.
fn followed(tag: &str) -> Track {
    Track {
        strategy: Some("digest"),
        constraint: Some(tag.to_owned()),
        allow: None,
        why: format!("`{tag}` is a tag that moves: what it stands for is followed by digest"),
    }
}

/// `20260131`, `2026-01-31`, `2026.01.31`, with a variant behind it or without.
fn dated(tag: &str) -> Option<Track> {
    let lengths: &[&[usize]] = &[&[8], &[4, 2, 2]];
    let (date, rest) =
        tag.split_at(tag.find(|c: char| !c.is_ascii_digit() && c != '-' && c != '.').unwrap_or(tag.len()));
    let date = date.trim_end_matches(['-', '.']);
    let parts: Vec<&str> = date.split(['-', '.']).collect();
    let fits = lengths.iter().any(|lengths| parts.iter().map(|part| part.len()).eq(lengths.iter().copied()));
    let is_year = date.starts_with("20") || date.starts_with("19");
    (fits && is_year && rest.chars().all(|c| c.is_ascii_alphabetic())).then(|| Track {
        strategy: Some("alphabetical"),
        constraint: None,
        allow: Some(format!("regexp:^{}$", shape(tag))),
        why: "its tags are dates: the last of the same form".to_owned(),
    })
}

/// `1.2.3`, `v1.2`, `1.27-alpine`, `1284`.
fn numbered(tag: &str) -> Option<Track> {
    let (v, rest) = tag.strip_prefix('v').map_or(("", tag), |rest| ("v", rest));
    let (core, suffix) = rest.split_once('-').map_or((rest, None), |(core, suffix)| (core, Some(suffix)));
    let parts: Vec<u64> = core.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let version =
        |constraint: String, allow, why: String| Track { strategy: None, constraint: Some(constraint), allow, why };
    match (parts.as_slice(), suffix) {
        ([number], None) if *number >= 100 && v.is_empty() => Some(Track {
            strategy: None,
            constraint: None,
            allow: Some("regexp:^[0-9]+$".to_owned()),
            why: "its tags are numbers: the highest".to_owned(),
        }),
        ([major, minor, _], None) => {
            let why = format!("stays within {major}.{minor}; `^{major}` would take newer minor versions too");
            Some(version(format!("~{major}.{minor}"), None, why))
        }
        ([0, minor], None) => Some(version(format!("~0.{minor}"), None, format!("stays within 0.{minor}"))),
        ([major, _], None) => Some(version(format!("^{major}"), None, format!("stays within {major}"))),
        ([major, minor] | [major, minor, _], Some(suffix)) => {
            let lower = suffix.to_ascii_lowercase();
            if BEFORE_A_RELEASE.iter().any(|word| lower.starts_with(word)) {
                let why = format!("a pre-release runs: stays within {major}.{minor}, pre-releases among it");
                return Some(version(format!("~{major}.{minor}.0-0"), None, why));
            }
            let allow = format!("regexp:^{v}[0-9]+\\.[0-9]+(\\.[0-9]+)?-{}$", escaped(suffix));
            let why = format!("stays within {major}.{minor}, and with `-{suffix}`");
            Some(version(format!("~{major}.{minor}.0-0"), Some(allow), why))
        }
        _ => None,
    }
}

/// `main-3f2a1b9`, `sha-3f2a1b9`, `3f2a1b9`, `build-77`: names that tell no order.
fn built(tag: &str) -> Option<Track> {
    let (prefix, last) = tag.rsplit_once('-').map_or(("", tag), |(prefix, last)| (&tag[..=prefix.len()], last));
    let is_hex = last.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')) && (7..=64).contains(&last.len());
    let is_number = !last.is_empty() && last.chars().all(|c| c.is_ascii_digit());
    let last = match (is_hex, is_number) {
        (_, true) if !prefix.is_empty() => "[0-9]+".to_owned(),
        (true, false) if last.contains(|c: char| c.is_ascii_digit()) => format!("[0-9a-f]{{{}}}", last.len()),
        _ => return None,
    };
    Some(Track {
        strategy: Some("newest-build"),
        constraint: None,
        allow: Some(format!("regexp:^{}{last}$", escaped(prefix))),
        why: "its tags tell no order: the one that was built last, of the same form".to_owned(),
    })
}

/// A regular expression for tags of the same form: as many digits in the same places.
fn shape(tag: &str) -> String {
    let mut shape = String::new();
    let mut digits = 0;
    for character in tag.chars().map(Some).chain([None]) {
        if character.is_some_and(|c| c.is_ascii_digit()) {
            digits += 1;
            continue;
        }
        if digits > 0 {
            let _ = write!(shape, "[0-9]{{{digits}}}");
            digits = 0;
        }
        shape.push_str(&character.map(|c| escaped(c.encode_utf8(&mut [0; 4]))).unwrap_or_default());
    }
    shape
}

fn escaped(text: &str) -> String {
    regex::escape(text).replace("\\-", "-")
}

/// Whether the tag that runs can win.
fn accepts(track: &Track, tag: &str) -> bool {
    let strategy = track.strategy.map_or(Some(strategy::ALL[0]), strategy::by_name);
    let Some(policy) = strategy.and_then(|strategy| (strategy.parse)(track.constraint.as_deref()).ok()) else {
        return false;
    };
    let Some(tag) = Tag::new(tag) else { return false };
    // A date is fetched for those that need one; any will do here.
    let created = Some(jiff::Timestamp::UNIX_EPOCH);
    let candidate = Candidate { created, ..Candidate::of_tag(tag.clone()) };
    policy.followed_tag() == Some(&tag) || policy.choose(&[candidate]).winner.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_followed_by_its_look() {
        for (tag, expected) in [
            ("v1.2.3", "semver ~1.2 -"),
            ("1.2.3", "semver ~1.2 -"),
            ("0.3", "semver ~0.3 -"),
            ("1.27", "semver ^1 -"),
            ("2.4.1-rc.1", "semver ~2.4.0-0 -"),
            ("1.27-alpine", r"semver ~1.27.0-0 regexp:^[0-9]+\.[0-9]+(\.[0-9]+)?-alpine$"),
            ("v1.27.3-alpine3.19", r"semver ~1.27.0-0 regexp:^v[0-9]+\.[0-9]+(\.[0-9]+)?-alpine3\.19$"),
            ("16", "digest 16 -"),
            ("1284", "semver - regexp:^[0-9]+$"),
            ("20260131", "alphabetical - regexp:^[0-9]{8}$"),
            ("2026-01-31", "alphabetical - regexp:^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
            ("2026.01.31", r"alphabetical - regexp:^[0-9]{4}\.[0-9]{2}\.[0-9]{2}$"),
            ("main-3f2a1b9", "newest-build - regexp:^main-[0-9a-f]{7}$"),
            ("3f2a1b9", "newest-build - regexp:^[0-9a-f]{7}$"),
            ("build-77", "newest-build - regexp:^build-[0-9]+$"),
            ("latest", "digest latest -"),
            ("stable", "digest stable -"),
            ("1.2.3.4", "digest 1.2.3.4 -"),
        ] {
            let track = of(&Version { tag: Some(tag.to_owned()), digest: None });
            let [strategy, constraint, allow] =
                [track.strategy, track.constraint.as_deref(), track.allow.as_deref()].map(|text| text.unwrap_or("-"));
            let strategy = if strategy == "-" { "semver" } else { strategy };
            assert_eq!(format!("{strategy} {constraint} {allow}"), expected, "{tag}");
        }
        assert_eq!(of(&Version { tag: None, digest: None }).constraint.as_deref(), Some("latest"));
    }
}
