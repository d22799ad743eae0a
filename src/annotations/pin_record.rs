//! The JSON text of a pin, as it stands in the annotation `kubectl-image-update/pin.<key>`.

use serde::Deserialize;
use serde::Serialize;

use crate::model::image::Digest;
use crate::model::image::Reference;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::model::pin::Pin;
use crate::model::pin::Replaced;
use crate::model::plan::Field;

/// Kubernetes takes no more of all annotations of an object together.
const MAX_LENGTH: usize = 256 * 1024;

#[derive(Deserialize, Serialize)]
struct Record {
    reference: String,
    tag: Option<String>,
    digest: Option<String>,
    reason: Option<String>,
    by: Option<String>,
    at: String,
    until: Option<String>,
    replaced: Option<Vec<ReplacedRecord>>,
}

#[derive(Deserialize, Serialize)]
struct ReplacedRecord {
    kind: String,
    at: String,
    value: Option<String>,
}

/// Reads a record whose hold is the annotation `hold`. One that does not say what it replaced put its hold where
/// nothing was.
///
/// # Errors
/// Says what in the text is not a pin of ours: an annotation is anybody's to edit.
pub(crate) fn read(text: &str, hold: &str) -> Result<Pin, String> {
    if text.len() > MAX_LENGTH {
        return Err("it is too long".to_owned());
    }
    if text.trim_start().starts_with('[') {
        // serde would read a list too, as the fields in their order.
        return Err("it is a list".to_owned());
    }
    let record: Record = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let reference = Reference::parse(&record.reference);
    if reference.suffix.is_some() || reference.digest.is_some() {
        return Err(format!("`{}` is not a repository", record.reference));
    }
    if record.tag.is_none() && record.digest.is_none() {
        return Err("it has neither `tag` nor `digest`".to_owned());
    }
    if record.tag.as_deref().is_some_and(|tag| Tag::new(tag).is_none()) {
        return Err("`tag` is not a tag".to_owned());
    }
    if record.digest.as_deref().is_some_and(|digest| Digest::new(digest).is_none()) {
        return Err("`digest` is not a digest".to_owned());
    }
    let time = |text: &str| text.parse().map_err(|_| format!("`{text}` is not a time"));
    Ok(Pin {
        reference: reference.repository()?,
        version: Version { tag: record.tag, digest: record.digest },
        reason: record.reason,
        by: record.by,
        at: time(&record.at)?,
        until: record.until.as_deref().map(time).transpose()?,
        replaced: match record.replaced {
            Some(all) => all.into_iter().map(replaced).collect::<Result<_, _>>()?,
            None => vec![Replaced { field: Field::Annotation(hold.to_owned()), value: None }],
        },
    })
}

fn replaced(record: ReplacedRecord) -> Result<Replaced, String> {
    let Some(field) = Field::from_wire(&record.kind, record.at) else {
        return Err(format!("`{}` is not a kind of value", record.kind));
    };
    Ok(Replaced { field, value: record.value })
}

/// Writes a record, in one line.
///
/// # Errors
/// It would be longer than an annotation can be.
pub(crate) fn write(pin: &Pin) -> Result<String, String> {
    let record = Record {
        reference: pin.reference.to_string(),
        tag: pin.version.tag.clone(),
        digest: pin.version.digest.clone(),
        reason: pin.reason.clone(),
        by: pin.by.clone(),
        at: pin.at.to_string(),
        until: pin.until.map(|until| until.to_string()),
        replaced: Some(
            pin.replaced
                .iter()
                .map(|replaced| ReplacedRecord {
                    kind: replaced.field.wire_kind().to_owned(),
                    at: replaced.field.at().to_owned(),
                    value: replaced.value.clone(),
                })
                .collect(),
        ),
    };
    let text = serde_json::to_string(&record).expect("a record of strings is JSON");
    if text.len() <= MAX_LENGTH {
        return Ok(text);
    }
    Err("the record of the pin would be longer than an annotation can be: give a shorter --reason".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: &str = "argocd-image-updater.argoproj.io/web.ignore-tags";

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let pin = Pin {
            reference: Reference::parse("ghcr.io/acme/web").repository().unwrap(),
            version: Version { tag: Some("v1.0.0".to_owned()), digest: None },
            reason: Some("\"quoted\" \u{202e} reason".to_owned()),
            by: Some("alice".to_owned()),
            at: "2026-11-22T09:00:00Z".parse().unwrap(),
            until: Some("2026-12-01T00:00:00Z".parse().unwrap()),
            replaced: vec![
                Replaced { field: Field::Annotation("a/b".to_owned()), value: None },
                Replaced { field: Field::HelmParameter("image.tag".to_owned()), value: Some("v1.0.1".to_owned()) },
                Replaced { field: Field::KustomizeImage("nginx".to_owned()), value: Some("nginx:1".to_owned()) },
            ],
        };
        let text = write(&pin).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(read(&text, HOLD), Ok(pin.clone()));
        assert!(write(&Pin { reason: Some("x".repeat(MAX_LENGTH)), ..pin }).is_err());
    }

    #[test]
    fn what_is_not_a_record_is_refused() {
        let good = r#"{"reference":"a/b","tag":"1","at":"2026-11-22T09:00:00Z"}"#;
        let pin = read(good, HOLD).unwrap();
        assert_eq!(pin.replaced, [Replaced { field: Field::Annotation(HOLD.to_owned()), value: None }]);
        assert_eq!(read(&good.replace('}', r#","replaced":[]}"#), HOLD).unwrap().replaced, []);
        for (from, to, why) in [
            (good, "", "EOF"),
            (good, "null", "invalid type"),
            (good, "{}", "missing field `reference`"),
            (good, r#"["a/b","1",null,null,null,"2026-11-22T09:00:00Z",null]"#, "it is a list"),
            ("a/b", "Bad Name", "must be lower case"),
            ("a/b", "a/b:1", "`a/b:1` is not a repository"),
            ("a/b", "a/b@sha256:1", "is not a repository"),
            (r#""tag":"1","#, "", "neither `tag` nor `digest`"),
            (r#""tag":"1""#, r#""tag":"""#, "`tag` is not a tag"),
            (r#""tag":"1""#, r#""tag":"no tag""#, "`tag` is not a tag"),
            (r#""tag":"1""#, r#""digest":"sha256:1""#, "`digest` is not a digest"),
            ("2026-11-22T09:00:00Z", "yesterday", "`yesterday` is not a time"),
            ("}", r#","until":"later"}"#, "`later` is not a time"),
            ("}", r#","replaced":[{"kind":"x","at":"y","value":null}]}"#, "`x` is not a kind of value"),
            ("a/b", &"a".repeat(MAX_LENGTH), "too long"),
        ] {
            let text = good.replacen(from, to, 1);
            let error = read(&text, HOLD).unwrap_err();
            assert!(error.contains(why), "{why}: {error}");
        }
    }
}
