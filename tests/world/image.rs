//! Images made of bytes: manifests, indexes, configs and layers in OCI and Docker forms, for any registry.
//!
//! The same description always packs to the same bytes, hence to the same digests on every registry.

use std::fmt::Write;

use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// The `Accept` header that covers every kind of manifest.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Oci,
    Docker,
}

/// What to publish: one image, or an index of several.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    format: Format,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    Single {
        created: Option<String>,
        platform: String,
        content: String,
        labels: Vec<(String, String)>,
    },
    /// A manifest that is no image: the media type of its config, and the config.
    Artifact {
        config_type: String,
        config: String,
    },
    Index {
        images: Vec<Image>,
        attested: bool,
    },
}

impl Shape {
    /// A small image for linux/amd64.
    fn single(created: Option<String>) -> Self {
        let (platform, content) = ("linux/amd64".to_owned(), "layer".to_owned());
        Self::Single { created, platform, content, labels: Vec::new() }
    }
}

impl Image {
    /// An OCI image for linux/amd64 whose config says it was created at this time.
    pub(crate) fn built(created: &str) -> Self {
        let created = Some(created.to_owned());
        Self { format: Format::Oci, shape: Shape::single(created) }
    }

    /// An image whose config does not say when it was created.
    pub(crate) fn undated() -> Self {
        Self { format: Format::Oci, shape: Shape::single(None) }
    }

    /// Something else than an image, such as a Helm chart, by the media type of its config.
    pub(crate) fn artifact(config_type: &str, config: &str) -> Self {
        let shape = Shape::Artifact { config_type: config_type.to_owned(), config: config.to_owned() };
        Self { format: Format::Oci, shape }
    }

    /// An index of images; its form is that of the first.
    pub(crate) fn index(images: impl IntoIterator<Item = Self>) -> Self {
        let images: Vec<Self> = images.into_iter().collect();
        let format = images.first().map_or(Format::Oci, |image| image.format);
        Self { format, shape: Shape::Index { images, attested: false } }
    }

    /// `os/architecture` or `os/architecture/variant`.
    pub(crate) fn platform(mut self, text: &str) -> Self {
        match &mut self.shape {
            Shape::Single { platform, .. } => text.clone_into(platform),
            other => panic!("{other:?} has no platform of its own"),
        }
        self
    }

    /// Makes the layer, and with it the digest, another one.
    pub(crate) fn content(mut self, text: &str) -> Self {
        match &mut self.shape {
            Shape::Single { content, .. } => text.clone_into(content),
            other => panic!("{other:?} has no layer of its own"),
        }
        self
    }

    /// Adds a label to the config.
    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        match &mut self.shape {
            Shape::Single { labels, .. } => labels.push((key.to_owned(), value.to_owned())),
            other => panic!("{other:?} has no labels of its own"),
        }
        self
    }

    /// With Docker's media types, all the way down.
    pub(crate) fn docker(mut self) -> Self {
        self.format = Format::Docker;
        if let Shape::Index { images, .. } = &mut self.shape {
            *images = images.drain(..).map(Self::docker).collect();
        }
        self
    }

    /// Adds to an index, for each image, the attestation entry that `buildx` writes (platform `unknown/unknown`).
    pub(crate) fn attested(mut self) -> Self {
        match &mut self.shape {
            Shape::Index { attested, .. } => *attested = true,
            other => panic!("{other:?} is no index"),
        }
        self
    }

    /// The digest of what the tag points to.
    pub(crate) fn digest(&self) -> String {
        self.pack().manifest().digest.clone()
    }

    /// All bytes, in an order a registry accepts.
    pub(crate) fn pack(&self) -> Package {
        match &self.shape {
            Shape::Single { created, platform, content, labels } => {
                self.pack_single((created.as_deref(), labels), platform, content)
            }
            Shape::Artifact { config_type, config } => {
                pack_manifest(self.format, config_type, config.clone().into_bytes(), "layer")
            }
            Shape::Index { images, attested } => self.pack_index(images, *attested),
        }
    }

    fn pack_single(
        &self,
        (created, labels): (Option<&str>, &[(String, String)]),
        platform: &str,
        content: &str,
    ) -> Package {
        let mut config = platform_json(platform);
        if let Some(created) = created {
            config["created"] = created.into();
        }
        config["config"] = json!({});
        for (key, value) in labels {
            config["config"]["Labels"][key] = value.as_str().into();
        }
        config["rootfs"] = json!({"type": "layers", "diff_ids": [digest(content.as_bytes())]});
        let config_type = match self.format {
            Format::Oci => "application/vnd.oci.image.config.v1+json",
            Format::Docker => "application/vnd.docker.container.image.v1+json",
        };
        pack_manifest(self.format, config_type, config.to_string().into_bytes(), content)
    }

    fn pack_index(&self, images: &[Self], attested: bool) -> Package {
        let mut package = Package { manifests: Vec::new(), blobs: Vec::new() };
        let mut entries = Vec::new();
        for image in images {
            let packed = image.pack();
            let digest = packed.manifest().digest.clone();
            let mut entry = packed.manifest().descriptor();
            if let Shape::Single { platform, .. } = &image.shape {
                entry["platform"] = platform_json(platform);
            }
            entries.push(entry);
            package.add(packed);
            if attested {
                let statement = pack_attestation(&digest);
                let mut entry = statement.manifest().descriptor();
                entry["platform"] = platform_json("unknown/unknown");
                entry["annotations"] = json!({
                    "vnd.docker.reference.digest": digest, "vnd.docker.reference.type": "attestation-manifest",
                });
                entries.push(entry);
                package.add(statement);
            }
        }
        let media_type = match self.format {
            Format::Oci => OCI_INDEX,
            Format::Docker => DOCKER_LIST,
        };
        let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries});
        package.manifests.push(Content::new(media_type, index.to_string().into_bytes()));
        package
    }
}

fn pack_attestation(subject: &str) -> Package {
    let config = json!({"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {"type": "layers", "diff_ids": [subject]}});
    let config_type = "application/vnd.oci.image.config.v1+json";
    pack_manifest(Format::Oci, config_type, config.to_string().into_bytes(), &format!("statement about {subject}"))
}

fn pack_manifest(format: Format, config_type: &str, config: Vec<u8>, layer: &str) -> Package {
    let (media_type, layer_type) = match format {
        Format::Oci => (OCI_MANIFEST, "application/vnd.oci.image.layer.v1.tar"),
        Format::Docker => (DOCKER_MANIFEST, "application/vnd.docker.image.rootfs.diff.tar.gzip"),
    };
    let config = Content::new(config_type, config);
    let layer = Content::new(layer_type, layer.as_bytes().to_vec());
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type, "config": config.descriptor(), "layers": [layer.descriptor()],
    });
    let manifest = Content::new(media_type, manifest.to_string().into_bytes());
    Package { manifests: vec![manifest], blobs: vec![config, layer] }
}

fn platform_json(platform: &str) -> Value {
    let mut parts = platform.split('/');
    let mut json = json!({"os": parts.next(), "architecture": parts.next().expect("os/architecture")});
    if let Some(variant) = parts.next() {
        json["variant"] = variant.into();
    }
    json
}

/// Bytes with their media type and digest.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) media_type: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: String,
}

impl Content {
    fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        let digest = digest(&bytes);
        Self { media_type: media_type.to_owned(), bytes, digest }
    }

    fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "size": self.bytes.len(), "digest": self.digest})
    }
}

/// The parts of an image: what is referred to stands before what refers to it.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) manifests: Vec<Content>,
    pub(crate) blobs: Vec<Content>,
}

impl Package {
    /// What a tag points to.
    pub(crate) fn manifest(&self) -> &Content {
        self.manifests.last().expect("a package has a manifest")
    }

    fn add(&mut self, other: Self) {
        self.manifests.extend(other.manifests);
        self.blobs.extend(other.blobs);
    }
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("a string takes text");
    }
    text
}
