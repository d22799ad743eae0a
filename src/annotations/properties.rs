//! What holds for every annotation: reading never fails, every mistake is said and pointed at, and patterns mean what
//! a plain walk through their pieces says.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::annotations::glob::Glob;
use crate::annotations::rule::WriteBack;
use crate::annotations::tag_filter::AllowTags;
use crate::annotations::tag_filter::IgnoreTags;
use crate::annotations::tag_filter::TagFilter;
use crate::model::diagnostic::Severity;
use crate::model::hostile;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::model::pin::Pin;
use crate::model::pin::Replaced;
use crate::model::plan::Field;
use crate::model::tests;

const LISTS: [&str; 6] = [
    "web=ghcr.io/acme/web:~1.0",
    "nginx",
    "web=ghcr.io/acme/web:~1.0, api=registry:5000/acme/api:>=1.0 <2 , docker.io/library/nginx:1.25",
    "a/b=gcr.io/p/x:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "nginx:>=1.25",
    "=nginx:1, web=quay.io/a/b, web=quay.io/a/c",
];

const LIST_PIECES: [&str; 26] = [
    "web",
    "api",
    "nginx",
    "a/b",
    "ghcr.io/",
    "registry:5000/",
    "docker.io/library/",
    "=",
    "=",
    ",",
    ",",
    ":",
    "@",
    "~1.0",
    ">=1 <2",
    "1.x",
    " ",
    "\n",
    "/",
    "sha256:",
    "latest",
    "*",
    "Org",
    "漢",
    "\u{202e}",
    "\0",
];

/// Values that are legal for some key, of which any may stand under any key.
const VALUES: [&str; 26] = [
    "semver",
    "latest",
    "newest-build",
    "digest",
    "Alphabetical",
    "any",
    "regexp:^v1\\.",
    "regexp:[a-z",
    "*",
    "v1*, latest, [a-",
    "true",
    "F",
    "",
    " ",
    "pullsecret:argocd/creds",
    "secret:ns/creds#f",
    "env:X",
    "linux/amd64,linux/arm/v7",
    "image.tag",
    "ghcr.io/acme/web",
    "argocd",
    "git:secret:ns/creds",
    "git",
    "main:update-{{.AppName}}",
    "helmvalues:../values.yaml",
    "kustomization",
];

const VALUE_PIECES: [&str; 20] = [
    "git", ":", "secret:", "/", "#", ",", "*", "?", "[", "]", "\\", "regexp:", "(", ")", "{1,2}", "any", "linux", "..",
    "{{", "é",
];

const RECORDS: [&str; 3] = [
    r#"{"reference":"ghcr.io/acme/web","tag":"v1.0.0","digest":null,"reason":"x","by":null,"at":"2026-11-22T09:00:00Z","until":null,"replaced":[{"kind":"annotation","at":"argocd-image-updater.argoproj.io/web.ignore-tags","value":"rc"}]}"#,
    r#"{"reference":"nginx","tag":"1","at":"2026-11-22T09:00:00Z","replaced":[{"kind":"annotation","at":"argocd-image-updater.argoproj.io/ignore-tags","value":null}]}"#,
    r#"{"reference":"nginx","digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","at":"2026-11-22T09:00:00Z"}"#,
];

const RECORD_PIECES: [&str; 12] =
    ["\"", ",", ":", "{", "}", "[", "]", "null", "\"tag\":", "\"value\":\"*\"", "\\ud800", "99999-01-01T00:00:00Z"];

/// Annotations under the keys that are read, and under some that are not.
fn annotations() -> impl Strategy<Value = BTreeMap<String, String>> {
    let names = keys::ALL.iter().flat_map(|key| {
        let own = ["web", "api", "a_b", "wbe"].map(|alias| format!("{}{alias}.{}", keys::PREFIX, key.name));
        own.into_iter().chain([keys::for_application(key.name), format!("{}x{}", keys::PREFIX, key.name)])
    });
    let names: Vec<String> = names.filter(|name| *name != keys::for_application(keys::IMAGE_LIST)).collect();
    let pins = ["pin", "pin.web", "pin.a_b", "pin.gone", "pinned"].map(|name| format!("{}{name}", keys::OWN_PREFIX));
    let value =
        prop_oneof![4 => select(&VALUES[..]).prop_map(str::to_owned), 1 => hostile::damaged(&VALUES, &VALUE_PIECES)];
    let record = prop_oneof![select(&RECORDS[..]).prop_map(str::to_owned), hostile::damaged(&RECORDS, &RECORD_PIECES)];
    let list = hostile::hostile(&LISTS, &LIST_PIECES, 16);
    (list, vec((select(names), value), 0..8), vec((select(pins.to_vec()), record), 0..3)).prop_map(
        |(list, others, pins)| {
            let list = [(keys::for_application(keys::IMAGE_LIST), list)];
            others.into_iter().chain(pins).chain(list).collect()
        },
    )
}

/// A piece of a pattern, with what it matches.
#[derive(Clone, Debug)]
enum Piece {
    Star,
    Any,
    One(char),
    Set(bool, Vec<(char, char)>),
}

fn piece() -> impl Strategy<Value = Piece> {
    let letter = || select(vec!['a', 'b', 'c', '-', '.', '1', '[', '*', '\\', '^', 'z']);
    prop_oneof![
        3 => Just(Piece::Star),
        1 => Just(Piece::Any),
        4 => letter().prop_map(Piece::One),
        1 => (any::<bool>(), vec((letter(), letter()), 1..3)).prop_map(|(negated, ranges)| Piece::Set(negated, ranges)),
    ]
}

impl Piece {
    fn text(&self) -> String {
        match self {
            Self::Star => "*".to_owned(),
            Self::Any => "?".to_owned(),
            Self::One(c) if c.is_alphanumeric() => c.to_string(),
            Self::One(c) => format!("\\{c}"),
            Self::Set(negated, ranges) => {
                let ranges: Vec<_> = ranges.iter().map(|(from, to)| format!("\\{from}-\\{to}")).collect();
                format!("[{}{}]", if *negated { "^" } else { "" }, ranges.concat())
            }
        }
    }
}

/// As slow and plain as can be.
fn matches(pieces: &[Piece], text: &[char]) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return text.is_empty() };
    let first = text.first().copied();
    match piece {
        Piece::Star => (0..=text.len()).any(|taken| matches(rest, &text[taken..])),
        Piece::Any => first.is_some() && matches(rest, &text[1..]),
        Piece::One(c) => first == Some(*c) && matches(rest, &text[1..]),
        Piece::Set(negated, ranges) => {
            let inside = |c: char| ranges.iter().any(|(from, to)| *from <= c && c <= *to);
            first.is_some_and(|c| inside(c) != *negated) && matches(rest, &text[1..])
        }
    }
}

/// All tags of one character, and all of two that begin with `a`.
fn short_tags() -> impl Iterator<Item = String> {
    let ascii = || (0..128_u8).map(char::from);
    ascii().map(String::from).chain(ascii().map(|c| format!("a{c}"))).filter(|tag| Tag::new(tag).is_some())
}

proptest! {
    #![proptest_config(hostile::cases(128))]

    #[test]
    fn annotations_are_always_read_and_every_mistake_is_said(annotations in annotations()) {
        let mut application = tests::application("{}");
        application.annotations = annotations;
        let (rules, found) = parse(&application).expect("there is an image list");
        let (again, _) = parse(&application).expect("there is an image list");
        prop_assert_eq!(format!("{rules:?}"), format!("{again:?}"));
        let list = &application.annotations[&keys::for_application(keys::IMAGE_LIST)];
        // No more are read.
        prop_assert_eq!(rules.images.len(), image_list::parse(list).len().min(1000));
        for finding in &found {
            let Some(place) = &finding.place else { continue };
            prop_assert!(hostile::is_inside(&place.span, &place.value), "{:?}", finding);
            prop_assert!(finding.message.len() <= 400 + 2 * place.value.len() + place.annotation.len());
        }
        let said = |code: &str| found.iter().any(|finding| finding.severity == Severity::Error && finding.code == code);
        let errors = found.iter().filter(|finding| finding.severity == Severity::Error).count();
        prop_assert_eq!(rules.write_back.is_err(), said("bad-write-back-method") || said("bad-git-branch"));
        for image in &rules.images {
            prop_assert!(image.repository.is_some() || image.settings.is_err());
            prop_assert!(image.settings.is_ok() || errors > 0, "an invalid image is never silent: {:?}", image);
            if let Err(invalid) = &image.settings {
                prop_assert!(found.iter().any(|finding| finding.message == invalid.message), "{:?}", invalid);
            }
        }
        if let Ok(WriteBack::Git(git)) = &rules.write_back {
            prop_assert!(git.branch.iter().chain(&git.push_branch).all(|branch| !branch.is_empty() && !branch.contains(':')));
        }
    }

    #[test]
    fn entries_stand_where_they_say(list in hostile::hostile(&LISTS, &LIST_PIECES, 16)) {
        let entries = image_list::parse(&list);
        prop_assert_eq!(entries.len(), list.split(',').filter(|piece| !piece.trim().is_empty()).count());
        let mut end = 0;
        for entry in entries {
            prop_assert!(entry.span.start >= end && hostile::is_inside(&entry.span, &list));
            end = entry.span.end;
            let text = &list[entry.span.clone()];
            prop_assert_eq!(text, text.trim());
            prop_assert!(text.contains(&entry.image) && text.starts_with(entry.alias.as_deref().unwrap_or("")));
            prop_assert_eq!(entry.constraint.as_deref().unwrap_or(""), &list[entry.constraint_span.clone()]);
            prop_assert!(entry.constraint_span.start >= entry.span.start && entry.constraint_span.end <= entry.span.end);
            prop_assert_ne!(entry.alias.as_deref(), Some(""));
            // By itself it is the same entry.
            let alone = image_list::parse(text);
            prop_assert_eq!((&alone[0].alias, &alone[0].name, alone.len()), (&entry.alias, &entry.name, 1));
        }
    }

    #[test]
    fn a_pattern_matches_what_its_pieces_match(
        pieces in vec(piece(), 0..7),
        text in vec(select(vec!['a', 'b', 'c', '-', '.', '1', 'z', '[']), 0..9),
    ) {
        let pattern: String = pieces.iter().map(Piece::text).collect();
        let glob = Glob::new(&pattern).expect(&pattern);
        let tag: String = text.iter().collect();
        prop_assert_eq!(glob.matches(&tag), matches(&pieces, &text), "{} {}", pattern, tag);
        let every = short_tags().all(|tag| matches(&pieces, &tag.chars().collect::<Vec<_>>()));
        prop_assert_eq!(glob.matches_every_tag(), every, "{}", pattern);
    }

    #[test]
    fn tag_filters_are_read_or_the_mistake_is_pointed_at(
        value in hostile::hostile(&VALUES, &VALUE_PIECES, 10),
        tag in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}",
    ) {
        let (ignore, findings) = IgnoreTags::parse(&value);
        let allow = AllowTags::parse(&value);
        let (allow, doubts) = match allow {
            Ok((allow, doubts)) => (allow, doubts),
            Err(error) => (AllowTags::Any, vec![error]),
        };
        for error in findings.iter().chain(&doubts) {
            prop_assert!(hostile::is_inside(error.span.as_ref().expect("a place"), &value), "{:?}", error);
        }
        let filter = TagFilter { allow, ignore: ignore.clone() };
        let ignored = TagFilter { allow: AllowTags::Any, ignore }.verdict(&tag).is_err();
        prop_assert!(!ignored || filter.verdict(&tag).is_err());
        prop_assert!(!filter.ignores_everything() || ignored);
        // A pattern by itself says the same.
        let alone = |pattern: &str| Glob::new(pattern.trim()).is_ok_and(|glob| !pattern.trim().is_empty() && glob.matches(&tag));
        prop_assert_eq!(ignored, value.split(',').any(alone));
    }

    #[test]
    fn a_pin_is_read_as_it_was_written(
        reference in hostile::repository(),
        tag in of("[a-z0-9][a-z0-9.]{0,8}"),
        texts in vec(of(hostile::text(12)), 4),
        seconds in (-62_135_596_800..253_402_300_799_i64, of(-62_135_596_800..253_402_300_799_i64)),
        kinds in vec(0..3_u8, 0..4),
    ) {
        let time = |second: i64| jiff::Timestamp::from_second(second).expect("a time of four digits");
        let digest = tag.is_none().then(|| tests::digest('d'));
        let field = |kind: u8| {
            let at = texts[2].clone().unwrap_or_default();
            match kind {
                0 => Field::HelmParameter(at),
                1 => Field::KustomizeImage(at),
                _ => Field::Annotation(at),
            }
        };
        let pin = Pin {
            reference,
            version: Version { tag, digest },
            reason: texts[0].clone(),
            by: texts[1].clone(),
            at: time(seconds.0),
            until: seconds.1.map(time),
            replaced: kinds.into_iter().map(|kind| Replaced { field: field(kind), value: texts[3].clone() }).collect(),
        };
        let record = pin_record::write(&pin).unwrap();
        prop_assert!(!record.contains('\n'));
        prop_assert_eq!(pin_record::read(&record, "hold"), Ok(pin));
    }

    #[test]
    fn a_pin_that_is_read_can_be_written(record in hostile::hostile(&RECORDS, &RECORD_PIECES, 10)) {
        let Ok(pin) = pin_record::read(&record, "hold") else { return Ok(()) };
        prop_assert!(!pin.version.is_empty());
        prop_assert!(pin.version.tag.iter().all(|tag| Tag::new(tag).is_some()));
        prop_assert_eq!(pin_record::read(&pin_record::write(&pin).unwrap(), "hold"), Ok(pin));
    }
}
