//! Manifests and indexes: one document, one meaning. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::model::image::Digest;
use crate::model::image::Platform;
use crate::registry::wire::object;

/// A manifest, as far as build dates and platforms need it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::registry) enum Manifest {
    /// One image: where its config is.
    Image { config: Digest },
    /// Several images, by platform.
    Index(Vec<IndexEntry>),
    /// Something else that registries keep, such as a Helm chart or a signature.
    Artifact,
}

/// One manifest that an index lists.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::registry) struct IndexEntry {
    pub(in crate::registry) digest: Digest,
    /// `None`: the index does not say, the image's own config does.
    pub(in crate::registry) platform: Option<Platform>,
    /// An attestation or another artifact beside the images.
    pub(in crate::registry) is_artifact: bool,
}

const INDEX_TYPES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
const IMAGE_TYPES: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
/// Media types of image configs; the last is what Docker wrote before 1.10.
const CONFIG_TYPES: [&str; 4] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
    "application/octet-stream",
    "",
];

#[derive(Deserialize)]
struct RawManifest {
    #[serde(default, rename = "schemaVersion")]
    schema_version: serde_json::Value,
    #[serde(default, rename = "mediaType")]
    media_type: String,
    #[serde(default, rename = "artifactType")]
    artifact_type: String,
    config: Option<RawDescriptor>,
    layers: Option<IgnoredAny>,
    manifests: Option<Vec<RawDescriptor>>,
}

#[derive(Deserialize)]
struct RawDescriptor {
    #[serde(default, rename = "mediaType")]
    media_type: String,
    #[serde(default, rename = "artifactType")]
    artifact_type: String,
    #[serde(default)]
    digest: String,
    platform: Option<RawPlatform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
pub(super) struct RawPlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

impl RawPlatform {
    pub(super) fn into_platform(self) -> Platform {
        Platform {
            os: self.os,
            architecture: self.architecture,
            variant: self.variant.filter(|variant| !variant.is_empty()),
        }
    }
}

/// Reads a manifest, given what the answer's `Content-Type` called it.
///
/// Header, `mediaType` and shape must tell the same story: a document that can be read as two things is refused
/// (CVE-2021-41190).
///
/// # Errors
/// Says what is wrong with it, as a fragment that follows "the manifest".
pub(in crate::registry) fn manifest(content_type: Option<&str>, body: &[u8]) -> Result<Manifest, String> {
    let raw: RawManifest = object(body).map_err(|error| format!("is not readable: {error}"))?;
    let header = content_type.map(essence).unwrap_or_default();
    // Only names of manifests make a claim: static file servers say `application/json`.
    let header = Some(header.as_str()).filter(|header| header.starts_with("application/vnd."));
    let body_type = Some(raw.media_type.as_str()).filter(|media_type| !media_type.is_empty());
    if let (Some(header), Some(body_type)) = (header, body_type)
        && header != body_type.to_ascii_lowercase()
    {
        return Err(format!("is {body_type} by its own word and {header} by its header"));
    }
    let media_type = body_type.or(header).map(str::to_ascii_lowercase);
    if media_type.as_deref().is_some_and(|media_type| media_type.contains("docker.distribution.manifest.v1+"))
        || raw.schema_version == 1
    {
        return Err("has the Docker schema 1, which registries no longer accept".to_owned());
    }
    let is_index = match media_type.as_deref() {
        Some(media_type) if INDEX_TYPES.contains(&media_type) => true,
        Some(media_type) if IMAGE_TYPES.contains(&media_type) => false,
        Some(media_type) => return Err(format!("is of the unknown type {media_type}")),
        None => raw.manifests.is_some(),
    };
    match raw {
        RawManifest { manifests: Some(entries), config: None, layers: None, .. } if is_index => index(entries),
        RawManifest { config: Some(config), manifests: None, artifact_type, .. } if !is_index => {
            image(&config, &artifact_type)
        }
        RawManifest { manifests: None, .. } if is_index => Err("lists no manifests".to_owned()),
        RawManifest { config: None, manifests: None, .. } => Err("names no config".to_owned()), // case rc-25
        _ => Err("claims to be an image and an index at once".to_owned()),
    }
}

/// A media type without its parameters, in lower case.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn image(config: &RawDescriptor, artifact_type: &str) -> Result<Manifest, String> {
    if !artifact_type.is_empty() || !CONFIG_TYPES.contains(&essence(&config.media_type).as_str()) {
        return Ok(Manifest::Artifact);
    }
    let config = Digest::new(&config.digest).ok_or("names a config without a valid digest")?; // case rc-26
    Ok(Manifest::Image { config })
}

fn index(entries: Vec<RawDescriptor>) -> Result<Manifest, String> {
    if entries.is_empty() {
        return Err("is an empty index".to_owned()); // case rc-27
    }
    let entries = entries.into_iter().map(|entry| {
        let digest = Digest::new(&entry.digest).ok_or("lists a manifest without a valid digest")?;
        let marked = entry.annotations.is_some_and(|a| a.contains_key("vnd.docker.reference.type"));
        let is_artifact = marked || !entry.artifact_type.is_empty();
        Ok(IndexEntry { digest, platform: entry.platform.map(RawPlatform::into_platform), is_artifact })
    });
    entries.collect::<Result<_, String>>().map(Manifest::Index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(c: char) -> String {
        format!("sha256:{}", c.to_string().repeat(64))
    }

    #[test]
    fn manifests_are_what_header_and_body_agree_on() {
        let (a, b) = (digest('a'), digest('b'));
        let image = format!(r#"{{"schemaVersion":2,"config":{{"digest":"{a}"}},"layers":[]}}"#);
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{b}"}}]}}"#);
        let typed = |body: &str, media_type: &str| body.replacen('{', &format!(r#"{{"mediaType":"{media_type}","#), 1);
        let both = format!(r#"{{"config":{{"digest":"{a}"}},"manifests":[{{"digest":"{b}"}}]}}"#);
        let is_image = Ok(Manifest::Image { config: Digest::new(&a).unwrap() });
        let entry = IndexEntry { digest: Digest::new(&b).unwrap(), platform: None, is_artifact: false };
        let is_index = Ok(Manifest::Index(vec![entry]));
        let chart =
            format!(r#"{{"config":{{"digest":"{a}","mediaType":"application/vnd.cncf.helm.config.v1+json"}}}}"#);
        let artifact = format!(r#"{{"artifactType":"application/x","config":{{"digest":"{a}"}}}}"#);
        let failed = |text: &str| Err(text.to_owned());
        for (header, body, expected) in [
            (Some(IMAGE_TYPES[0]), image.clone(), is_image),
            (
                Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
                image.clone(),
                Ok(Manifest::Image { config: Digest::new(&a).unwrap() }),
            ),
            (None, typed(&index, INDEX_TYPES[1]), is_index),
            (Some("application/json"), chart, Ok(Manifest::Artifact)),
            (None, artifact, Ok(Manifest::Artifact)),
            (
                Some(IMAGE_TYPES[0]),
                typed(&index, INDEX_TYPES[0]),
                failed(
                    "is application/vnd.oci.image.index.v1+json by its own word and application/vnd.oci.image.manifest.v1+json by its header",
                ),
            ),
            (Some(IMAGE_TYPES[0]), index.clone(), failed("claims to be an image and an index at once")),
            (Some(INDEX_TYPES[0]), image.clone(), failed("lists no manifests")),
            (None, both, failed("claims to be an image and an index at once")),
            (
                Some("application/vnd.docker.distribution.manifest.v1+prettyjws"),
                image.clone(),
                failed("has the Docker schema 1, which registries no longer accept"),
            ),
            (
                None,
                r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned(),
                failed("has the Docker schema 1, which registries no longer accept"),
            ),
            (None, "{}".to_owned(), failed("names no config")),
            (None, r#"{"config":{"digest":"sha256:abc"}}"#.to_owned(), failed("names a config without a valid digest")),
            (Some(INDEX_TYPES[0]), r#"{"manifests":[]}"#.to_owned(), failed("is an empty index")),
            (None, r#"{"manifests":[{"digest":"x"}]}"#.to_owned(), failed("lists a manifest without a valid digest")),
            (
                None,
                typed(&image, "application/vnd.example+json"),
                failed("is of the unknown type application/vnd.example+json"),
            ),
        ] {
            assert_eq!(manifest(header, body.as_bytes()), expected, "{header:?} {body}");
        }
        for body in ["", "[]", "null", "<html>", "{\"manifests\":{}}", "{\"config\":[]}"] {
            assert!(manifest(None, body.as_bytes()).unwrap_err().starts_with("is not readable"), "{body}");
        }
    }

    #[test]
    fn index_entries_carry_their_platform() {
        let body = format!(
            r#"{{"manifests":[
                {{"digest":"{a}","platform":{{"os":"linux","architecture":"arm64","variant":"v8"}}}},
                {{"digest":"{a}","platform":{{"os":"linux","architecture":"amd64","variant":""}}}},
                {{"digest":"{a}","platform":{{"os":"unknown","architecture":"unknown"}},
                  "annotations":{{"vnd.docker.reference.type":"attestation-manifest"}}}}]}}"#,
            a = digest('a')
        );
        let Ok(Manifest::Index(entries)) = manifest(None, body.as_bytes()) else { panic!("{body}") };
        let shown: Vec<_> = entries.iter().map(|e| (e.platform.as_ref().unwrap().to_string(), e.is_artifact)).collect();
        assert_eq!(
            shown,
            [
                ("linux/arm64/v8".to_owned(), false),
                ("linux/amd64".to_owned(), false),
                ("unknown/unknown".to_owned(), true)
            ]
        );
    }
}
