//! What holds for every document that a registry or a token service answers with.

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::model::hostile;
use crate::model::tests::digest;

const TYPES: [&str; 8] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json; charset=utf-8",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/json",
    "",
    "APPLICATION/VND.OCI.IMAGE.INDEX.V1+JSON",
];

const DATES: [&str; 6] = [
    "2024-05-01T10:00:00Z",
    "2024-05-01T10:00:00.123456789Z",
    "2024-05-01T12:00:00.5+02:00",
    "0001-01-01T00:00:00Z",
    "2016-12-31T23:59:60Z",
    "9999-12-31T23:59:59-00:00",
];

const DATE_PIECES: [&str; 18] =
    ["2024", "-", "05", "T", "t", ":", "00", "Z", "z", ".", "123", "+", "02:00", " ", "[UTC]", "W", "٣", "99"];

const BODIES: [&str; 6] = [
    r#"{"name":"a/b","tags":["v1","v2"]}"#,
    r#"{"errors":[{"code":"DENIED","message":"access denied","detail":{}}]}"#,
    r#"{"token":"tokentoken","access_token":"","expires_in":300,"refresh_token":"r"}"#,
    r#"{"os":"linux","architecture":"arm","variant":"v7","created":"2024-05-01T10:00:00Z"}"#,
    r#"{"error":"invalid_grant","error_description":"expired"}"#,
    "<html>502</html>",
];

const BODY_PIECES: [&str; 16] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "null",
    "1e400",
    "\\u0000",
    "\"tags\"",
    "\"errors\"",
    "-1",
    "\u{feff}",
    "\0",
    "[[[[",
];

/// An image manifest and an index in one, of which each case loses something.
fn manifest_like() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "artifactType": "",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest('a'), "size": 7},
        "layers": [{"digest": digest('c')}],
        "manifests": [
            {"digest": digest('b'), "platform": {"os": "linux", "architecture": "arm", "variant": "v7"}},
            {"digest": digest('d'), "platform": {"os": "unknown", "architecture": "unknown"},
             "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
        ],
    })
}

/// A manifest that is one or the other more often than not.
fn manifest_body() -> impl Strategy<Value = Value> {
    (hostile::damaged_json(manifest_like()), 0..4_u8, of(select(&TYPES[..]))).prop_map(
        |(mut body, kind, media_type)| {
            if let Some(body) = body.as_object_mut() {
                let lost: &[&str] = match kind {
                    0 => &["config", "layers"],
                    1 | 2 => &["manifests"],
                    _ => &[],
                };
                for key in lost {
                    body.shift_remove(*key);
                }
                match media_type {
                    Some(media_type) => drop(body.insert("mediaType".to_owned(), json!(media_type))),
                    None => drop(body.shift_remove("mediaType")),
                }
            }
            body
        },
    )
}

/// RFC 3339 section 5.6, with any number of fraction digits.
fn is_rfc_3339(text: &str) -> bool {
    let shape = regex::Regex::new(
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
    );
    shape.expect("a constant").is_match(text)
}

proptest! {
    #![proptest_config(hostile::cases(96))]

    #[test]
    fn a_manifest_is_one_thing_or_it_is_refused(body in manifest_body(), header in of(select(&TYPES[..]))) {
        let read = manifest(header, body.to_string().as_bytes());
        let has = |key: &str| body.get(key).is_some_and(|value| !value.is_null());
        let text = |key: &str| body[key].as_str().unwrap_or("").to_ascii_lowercase();
        let named = |media_type: &str, names: [&str; 2]| names.iter().any(|name| media_type.starts_with(name));
        let header = header.unwrap_or("").to_ascii_lowercase();
        match read {
            Ok(Manifest::Index(entries)) => {
                prop_assert!(has("manifests") && !has("config") && !has("layers"));
                prop_assert_eq!(entries.len(), body["manifests"].as_array().map_or(0, Vec::len));
                prop_assert!(!named(&text("mediaType"), [TYPES[2], "application/vnd.docker.distribution.manifest.v2"]));
                prop_assert!(!named(&header, [TYPES[2], "application/vnd.docker.distribution.manifest.v2"]));
                for (entry, raw) in entries.iter().zip(body["manifests"].as_array().expect("a list")) {
                    prop_assert_eq!(raw["digest"].as_str(), Some(entry.digest.as_str()));
                }
            }
            Ok(Manifest::Image { config }) => {
                prop_assert!(!has("manifests"));
                prop_assert_eq!(body["config"]["digest"].as_str(), Some(config.as_str()));
                prop_assert!(!named(&text("mediaType"), [TYPES[0], TYPES[1]]) && !named(&header, [TYPES[0], TYPES[1]]));
            }
            Ok(Manifest::Artifact) => prop_assert!(has("config") && !has("manifests")),
            Err(why) => prop_assert!(!why.is_empty() && why.len() <= 400 + body.to_string().len(), "{}", why),
        }
    }

    #[test]
    fn bytes_of_any_kind_are_read_or_refused(body in hostile::hostile(&BODIES, &BODY_PIECES, 16), cut in any::<proptest::sample::Index>()) {
        let body = body.as_bytes();
        for body in [body, &body[..cut.index(body.len() + 1)]] {
            let value = serde_json::from_slice::<Value>(body).ok();
            let object = value.as_ref().and_then(Value::as_object);
            if let Ok(tags) = tag_list(body) {
                let listed = object.and_then(|list| list.get("tags")).and_then(Value::as_array).map_or(0, Vec::len);
                prop_assert_eq!(tags.tags.len(), listed);
            }
            prop_assert!(object.is_some() || tag_list(body).is_err() && config(body).is_err() && token_answer(body).is_none());
            prop_assert!(object.is_some() || manifest(None, body).is_err());
            if let Ok(config) = config(body) {
                prop_assert_eq!(config.created.as_deref(), value.as_ref().and_then(|value| value["created"].as_str()));
            }
            if let Some(answer) = token_answer(body) {
                prop_assert!((60..=86_400).contains(&answer.lifetime()));
                prop_assert!(answer.into_token().is_none_or(|token| !token.is_empty()));
            }
            let complaint = complaint(body);
            prop_assert!(complaint.words.len() <= 3 * body.len() && complaint.codes.len() <= body.len());
        }
    }

    #[test]
    fn tags_are_listed_as_they_stand(tags in vec(hostile::text(6), 0..8), others in hostile::json_value()) {
        let body = json!({"other": others, "tags": tags, "name": "x"}).to_string();
        prop_assert_eq!(tag_list(body.as_bytes()).ok().map(|page| page.tags), Some(tags));
    }

    #[test]
    fn uploads_are_those_that_the_list_names(list in hostile::damaged_json(json!({
        "name": "x", "tags": ["a", "b"],
        "manifest": {
            "sha256:x": {"mediaType": "m", "tag": ["a", "latest"], "timeUploadedMs": "1700000000123"},
            "sha256:y": {"tag": ["b"], "timeUploadedMs": "0"},
        },
    }))) {
        let Ok(page) = tag_list(list.to_string().as_bytes()) else { return Ok(()) };
        for (tag, at) in page.pushed {
            let named = list["manifest"].as_object().into_iter().flatten().any(|(_, manifest)| {
                let tags = manifest["tag"].as_array().is_some_and(|tags| tags.contains(&json!(tag)));
                let uploaded = manifest["timeUploadedMs"].as_str().and_then(|text| text.parse().ok());
                tags && uploaded == Some(at.as_millisecond())
            });
            prop_assert!(named, "{} at {}", tag, at);
        }
    }

    #[test]
    fn a_build_date_is_a_date_of_rfc_3339(text in hostile::hostile(&DATES, &DATE_PIECES, 12)) {
        if let Some(date) = created(&text) {
            prop_assert!(is_rfc_3339(&text), "{} is {}", text, date);
            prop_assert_eq!(created(&date.to_string()), Some(date));
        }
    }

    #[test]
    fn a_build_date_is_read_as_it_was_written(
        second in -62_135_596_800..253_402_300_799_i64,
        fraction in of("[0-9]{1,24}"),
        zone in select(vec!["Z", "z", "+00:00", "-00:00"]),
        separator in select(vec!["T", "t"]),
    ) {
        let whole = Timestamp::from_second(second).expect("a time of four digits");
        let text = whole.to_string();
        let (date, time) = text.trim_end_matches('Z').split_once('T').expect("a date and a time");
        let dot = fraction.as_ref().map_or_else(String::new, |digits| format!(".{digits}"));
        let read = created(&format!("{date}{separator}{time}{dot}{zone}"));
        let read = read.map(|read| read.duration_since(whole).as_nanos());
        let nanoseconds = format!("{:0<9}", fraction.unwrap_or_default())[..9].parse::<i128>().expect("nine digits");
        prop_assert_eq!(read, Some(nanoseconds));
    }
}
