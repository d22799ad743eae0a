//! When manifests were uploaded, as Artifact Registry and its predecessor put it beside a list of tags: by digest, all
//! that they know of each manifest (go-containerregistry, `google.Tags`). Pure.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Deserializer;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

/// Tags with the time that what they point at was uploaded. What cannot be read is only missed.
pub(super) fn read(manifests: &RawValue) -> Vec<(String, Timestamp)> {
    let mut uploads = Uploads(Vec::new());
    // An error ends the reading; what came before it is as good as ever.
    let _broken_off = serde_json::Deserializer::from_str(manifests.get()).deserialize_map(&mut uploads);
    uploads.0
}

struct Uploads(Vec<(String, Timestamp)>);

#[derive(Deserialize)]
struct Manifest {
    #[serde(default, rename = "timeUploadedMs")]
    uploaded: String,
    #[serde(default)]
    tag: Vec<String>,
}

impl<'de> Visitor<'de> for &mut Uploads {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("manifests by digest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((_, manifest)) = map.next_entry::<IgnoredAny, Manifest>()? {
            let at = manifest.uploaded.parse().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
            if let Some(at) = at {
                self.0.extend(manifest.tag.into_iter().map(|tag| (tag, at)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_read_as_far_as_they_can_be() {
        let one =
            |tags: &str, at: &str| format!(r#""sha256:x":{{"mediaType":"m","tag":{tags},"timeUploadedMs":{at}}}"#);
        for (manifests, expected) in [
            ("{}".to_owned(), ""),
            (
                format!("{{{}}}", one(r#"["a","b"]"#, r#""1700000000123""#)),
                "a=2023-11-14T22:13:20.123Z b=2023-11-14T22:13:20.123Z",
            ),
            (format!("{{{},{}}}", one(r#"["a"]"#, r#""0""#), one("[]", r#""1""#)), "a=1970-01-01T00:00:00Z"),
            (format!("{{{},{}}}", one(r#"["a"]"#, r#""0""#), one(r#"["b"]"#, "7")), "a=1970-01-01T00:00:00Z"),
            (
                format!("{{{},{}}}", one(r#"["a"]"#, r#""soon""#), one(r#"["b"]"#, r#""1""#)),
                "b=1970-01-01T00:00:00.001Z",
            ),
            (format!("{{{}}}", one(r#"["a"]"#, r#""99999999999999999999""#)), ""),
            (r#"{"sha256:x":{}}"#.to_owned(), ""),
            ("[]".to_owned(), ""),
            ("null".to_owned(), ""),
        ] {
            let raw = RawValue::from_string(manifests.clone()).unwrap();
            let shown: Vec<_> = read(&raw).into_iter().map(|(tag, at)| format!("{tag}={at}")).collect();
            assert_eq!(shown.join(" "), expected, "{manifests}");
        }
    }
}
