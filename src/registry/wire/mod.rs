//! What registries answer, as JSON: read here, judged by the callers. Pure.

mod manifest;
#[cfg(test)]
mod properties;
mod uploads;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::image::Platform;
use crate::registry::wire::manifest::RawPlatform;

pub(super) use crate::registry::wire::manifest::IndexEntry;
pub(super) use crate::registry::wire::manifest::Manifest;
pub(super) use crate::registry::wire::manifest::manifest;

/// A page of `/v2/<name>/tags/list`.
#[derive(Debug, Default)]
pub(super) struct TagPage {
    pub(super) tags: Vec<String>,
    /// When what a tag points at was uploaded, where the registry says so.
    pub(super) pushed: Vec<(String, Timestamp)>,
}

/// Reads a JSON object.
///
/// serde would also read a list as the fields in their order: `[]` as a tag list without tags.
pub(super) fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, serde_json::Error> {
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(serde::de::Error::custom("a list where an object belongs"));
    }
    serde_json::from_slice(body)
}

/// Reads a JSON list of objects.
pub(super) fn list<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Vec<T>, serde_json::Error> {
    let objects: Vec<&'a RawValue> = serde_json::from_slice(body)?;
    objects.into_iter().map(|raw| object(raw.get().as_bytes())).collect()
}

/// Reads a page of tags.
///
/// # Errors
/// If it is not a JSON object of the right types.
pub(super) fn tag_list(body: &[u8]) -> Result<TagPage, serde_json::Error> {
    #[derive(Deserialize)]
    struct TagList<'a> {
        /// `null` and absence are an empty list (case `pag-04`).
        #[serde(default)]
        tags: Option<Vec<String>>,
        #[serde(default, borrow)]
        manifest: Option<&'a RawValue>,
    }
    let TagList { tags, manifest } = object(body)?;
    let pushed = manifest.map(uploads::read).unwrap_or_default();
    Ok(TagPage { pushed, tags: tags.unwrap_or_default() })
}

/// Reads what a token service answers; the text of an error is not handed on, since it may quote a token.
pub(super) fn token_answer(body: &[u8]) -> Option<TokenAnswer> {
    object(body).ok()
}

/// What a token service answers.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    #[serde(default)]
    expires_in: serde_json::Value,
    pub(super) refresh_token: Option<String>,
}

impl TokenAnswer {
    /// The token, `access_token` before `token` (spec section 4.4).
    pub(super) fn into_token(self) -> Option<String> {
        self.access_token.filter(|token| !token.is_empty()).or(self.token).filter(|token| !token.is_empty())
    }

    /// For how many seconds the token is good; 60 if it is not said, and never less (Docker token specification).
    pub(super) fn lifetime(&self) -> u64 {
        const DAY: u64 = 86_400;
        self.expires_in.as_u64().unwrap_or(0).clamp(60, DAY)
    }
}

/// The errors that came with a status, in the registry's own words.
pub(super) struct Complaint {
    pub(super) codes: Vec<String>,
    pub(super) words: String,
}

/// Reads an error body: the envelope of the specification, the shorter forms seen in the field, or plain text.
pub(super) fn complaint(body: &[u8]) -> Complaint {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(default)]
        errors: Vec<Entry>,
        // Docker's token service and others (cases her-09, her-10).
        details: Option<String>,
        message: Option<String>,
        error: Option<String>,
        error_description: Option<String>,
    }
    #[derive(Deserialize)]
    struct Entry {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let Ok(envelope) = object::<Envelope>(body) else {
        let text = String::from_utf8_lossy(body);
        let is_page = text.trim_start().starts_with('<');
        return Complaint { codes: Vec::new(), words: if is_page { String::new() } else { text.into_owned() } };
    };
    let mut words: Vec<String> = envelope
        .errors
        .iter()
        .map(|entry| match (entry.code.to_ascii_lowercase(), entry.message.as_str()) {
            (code, "") => code,
            (code, message) if code.is_empty() || message.to_ascii_lowercase() == code => message.to_owned(),
            (code, message) => format!("{code}: {message}"),
        })
        .collect();
    words.extend([envelope.details, envelope.message, envelope.error_description].into_iter().flatten());
    if words.is_empty() {
        words.extend(envelope.error);
    }
    let codes = envelope.errors.into_iter().map(|entry| entry.code).collect();
    Complaint { codes, words: words.join("; ") }
}

/// An image's config, as far as it is needed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) platform: Platform,
    /// As written; read with [`created`].
    pub(super) created: Option<String>,
    /// Those that are text.
    pub(super) labels: BTreeMap<String, String>,
}

/// Reads an image's config.
///
/// # Errors
/// If it is not a JSON object of the right types.
pub(super) fn config(body: &[u8]) -> Result<Config, serde_json::Error> {
    #[derive(Deserialize)]
    struct RawConfig {
        #[serde(flatten)]
        platform: RawPlatform,
        created: Option<String>,
        config: Option<serde_json::Value>,
    }
    let text = |(key, value): (&String, &serde_json::Value)| Some((key.clone(), value.as_str()?.to_owned()));
    object::<RawConfig>(body).map(|raw| {
        let labels = raw.config.as_ref().and_then(|config| config.get("Labels")?.as_object());
        let labels = labels.into_iter().flatten().filter_map(text).collect();
        Config { platform: raw.platform.into_platform(), created: raw.created, labels }
    })
}

/// Reads a build date, RFC 3339 with any number of fraction digits (cases `rc-20` to `rc-22`).
pub(super) fn created(text: &str) -> Option<Timestamp> {
    // jiff reads other forms too, such as `[Europe/Paris]` at the end, and no more than nine digits.
    let (whole, rest) = text.split_at_checked("2024-05-01T10:00:00".len())?;
    let stands = |(at, b): (usize, u8)| match at {
        4 | 7 => b == b'-',
        10 => b.eq_ignore_ascii_case(&b'T'),
        13 | 16 => b == b':',
        _ => b.is_ascii_digit(),
    };
    let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let fraction = &rest[..rest.len() - zone.len()];
    let digits = if fraction.is_empty() { "0" } else { fraction.strip_prefix('.')? };
    let is_fraction = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let is_zone = match zone.as_bytes() {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', offset @ ..] => offset.len() == 5 && offset[2] == b':',
        _ => false,
    };
    if !whole.bytes().enumerate().all(stands) || !is_fraction || !is_zone {
        return None;
    }
    format!("{whole}.{}{zone}", &digits[..digits.len().min(9)]).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_dates_are_rfc_3339() {
        for (text, expected) in [
            ("2024-05-01T10:00:00Z", Some("2024-05-01T10:00:00Z")),
            ("2024-05-01T10:00:00.123456789Z", Some("2024-05-01T10:00:00.123456789Z")),
            ("2024-05-01T12:00:00+02:00", Some("2024-05-01T10:00:00Z")),
            ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00Z")),
            ("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00Z")),
            ("2016-12-31T23:59:60Z", Some("2016-12-31T23:59:59Z")),
            ("invalid", None), // case rc-21
            ("", None),
            ("2024-05-01", None),
            ("2024-05-01T10:00:00", None),
            ("2024-13-01T10:00:00Z", None),
            ("2024-05-01T10:00:00.1234567899999Z", Some("2024-05-01T10:00:00.123456789Z")),
            ("2024-05-01t10:00:00z", Some("2024-05-01T10:00:00Z")),
            ("2024-05-01T10:00:00.Z", None),
            ("2024-05-01T10:00:00.1.2Z", None),
            ("2024-05-01T10:00:001Z", None),
            ("2024-05-01T10:00:00+02:02:00", None),
            ("2024-05-01T10:00:00+0200", None),
            ("2024-05-01T10:00:00+02:00[Europe/Paris]", None),
            ("2024-05-01 10:00:00Z", None),
            ("20240501T100000Z", None),
            ("2024-05-01T10:00Z", None),
            ("２024-05-01T10:00:00Z", None),
        ] {
            assert_eq!(created(text).map(|t| t.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn configs_may_lack_everything() {
        let platform = |text: &str| Platform::parse(text).unwrap();
        let read = config(br#"{"os":"linux","architecture":"arm","variant":"v7","created":"x","config":{}}"#).unwrap();
        let labels = BTreeMap::new();
        assert_eq!(read, Config { platform: platform("linux/arm/v7"), created: Some("x".to_owned()), labels });
        let labels = |body: &str| config(body.as_bytes()).map(|config| config.labels).map_err(|_| ());
        let one = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        assert_eq!(labels(r#"{"config":{"Labels":{"a":"1","b":2}}}"#), Ok(one));
        for body in [r#"{"config":null}"#, r#"{"config":"x"}"#, r#"{"config":{"Labels":["a"]}}"#] {
            assert_eq!(labels(body), Ok(BTreeMap::new()), "{body}");
        }
        let read = config(br#"{"something":"something"}"#).unwrap(); // case rc-20
        assert_eq!((read.platform.to_string().as_str(), read.created), ("/", None));
        assert!(config(b"{not valid json}").is_err()); // case rc-19
        assert!(config(br#"{"created":1}"#).is_err());
    }

    #[test]
    fn a_list_is_not_an_object() {
        assert_eq!(tag_list(br#"{"tags":["a"]}"#).unwrap().tags, ["a"]);
        for body in ["[]", " [null]", r#"[["a"]]"#, "null", "\"a\"", "1", ""] {
            assert!(tag_list(body.as_bytes()).is_err(), "{body}");
            assert!(token_answer(body.as_bytes()).is_none(), "{body}");
            assert!(manifest(None, body.as_bytes()).is_err() && config(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn token_answers_are_read_leniently_in_their_lifetime_only() {
        for (body, token, lifetime) in [
            (r#"{"token":"a"}"#, Some("a"), 60),
            (r#"{"token":"a","access_token":"b","expires_in":300}"#, Some("b"), 300),
            (r#"{"token":"a","access_token":"","expires_in":5}"#, Some("a"), 60), // case tok-07
            (r#"{"token":"a","expires_in":"300"}"#, Some("a"), 60),
            (r#"{"token":"a","expires_in":-1}"#, Some("a"), 60),
            (r#"{"token":"a","expires_in":1e30}"#, Some("a"), 60),
            (r#"{"token":"a","expires_in":18446744073709551615}"#, Some("a"), 86_400),
            (r#"{"token":null,"expires_in":null}"#, None, 60),
            ("{}", None, 60),
        ] {
            let answer: TokenAnswer = serde_json::from_str(body).unwrap();
            assert_eq!((answer.lifetime(), answer.into_token().as_deref()), (lifetime, token), "{body}");
        }
    }

    #[test]
    fn registries_complain_in_many_forms() {
        for (body, codes, words) in [
            (
                r#"{"errors":[{"code":"DENIED","message":"access denied","detail":{}}]}"#,
                "DENIED",
                "denied: access denied",
            ),
            (r#"{"errors":[{"code":"A"},{"code":"B","message":"b"}]}"#, "A,B", "a; b"),
            (r#"{"details":"requesting higher privileges"}"#, "", "requesting higher privileges"), // case her-09
            (r#"{"error":"invalid_grant","error_description":"expired"}"#, "", "expired"),
            (r#"{"error":"invalid_grant"}"#, "", "invalid_grant"),
            (r#"{"randomkey":"randomvalue"}"#, "", ""), // case her-06
            ("Too Many Requests", "", "Too Many Requests"),
            ("<html>502</html>", "", ""),
            ("", "", ""),
        ] {
            let complaint = complaint(body.as_bytes());
            assert_eq!((complaint.codes.join(",").as_str(), complaint.words.as_str()), (codes, words), "{body}");
        }
    }
}
