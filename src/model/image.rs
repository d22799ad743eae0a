//! Image references as the OCI distribution specification and Docker's reference grammar define them.

use std::fmt;

/// The registry that images without a registry come from, under the one name this tool uses for it.
pub(crate) const DOCKER_HUB: &str = "docker.io";

/// Other names under which people and tools write Docker Hub.
const DOCKER_HUB_NAMES: [&str; 4] = ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// A repository of one registry, normalised so that two spellings of the same place are equal:
/// `nginx`, `docker.io/nginx` and `index.docker.io/library/nginx` are all `docker.io/library/nginx`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Repository {
    registry: String,
    path: String,
}

impl Repository {
    /// Builds a repository from a registry host (`None`: Docker Hub) and the path below it.
    ///
    /// # Errors
    /// Says what is wrong when the path is not a repository name of the OCI distribution specification
    /// (lower case, `/` between components) or the registry is not a host with an optional port.
    pub(crate) fn new(registry: Option<&str>, path: &str) -> Result<Self, String> {
        let registry = registry.unwrap_or(DOCKER_HUB).to_ascii_lowercase();
        let registry = if DOCKER_HUB_NAMES.contains(&registry.as_str()) { DOCKER_HUB.to_owned() } else { registry };
        if !is_host(&registry) {
            return Err(format!("`{registry}` is not a registry host"));
        }
        if path.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(format!("repository name `{path}` must be lower case"));
        }
        if path.len() > 255 || !path.split('/').all(is_path_component) {
            return Err(format!("`{path}` is not a repository name"));
        }
        let path =
            if registry == DOCKER_HUB && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        Ok(Self { registry, path })
    }

    /// Host and optional port, lower case; Docker Hub is always [`DOCKER_HUB`].
    pub(crate) fn registry(&self) -> &str {
        &self.registry
    }

    /// The name below the registry, as it stands in `/v2/<name>/…`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

/// Host with optional port: a DNS name, an IPv4 address or a bracketed IPv6 address.
fn is_host(text: &str) -> bool {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((address, rest)) = rest.split_once(']') else { return false };
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return false;
        }
        ("v6", rest)
    } else {
        match text.find(':') {
            Some(colon) => text.split_at(colon),
            None => (text, ""),
        }
    };
    // Digits alone: Rust would read `+443` too, which is no port in a URL.
    let is_port =
        |port: &str| port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let port_ok = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    port_ok
        && !host.is_empty()
        && host.len() <= 253
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` of the OCI distribution specification.
fn is_path_component(text: &str) -> bool {
    let mut rest = text;
    loop {
        let word = rest.bytes().take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit()).count();
        if word == 0 {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let dashes = rest.bytes().take_while(|b| *b == b'-').count();
        rest = match dashes {
            0 => match rest.strip_prefix("__").or_else(|| rest.strip_prefix(['.', '_'])) {
                Some(rest) => rest,
                None => return false,
            },
            n => &rest[n..],
        };
    }
}

/// A tag that the OCI distribution specification allows: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
///
/// Tags come from registries and annotations; the type is the proof that one was checked. Ordered by bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tag(String);

impl Tag {
    /// Returns the tag if `text` is a legal one.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let first = text.bytes().next()?;
        let legal = text.len() <= 128
            && (first.is_ascii_alphanumeric() || first == b'_')
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        legal.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A content digest, `sha256:` with 64 or `sha512:` with 128 lower-case hex digits (OCI image specification).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digest(String);

impl Digest {
    /// Returns the digest if `text` is a legal one of an algorithm we can verify.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let (algorithm, hex) = text.split_once(':')?;
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return None,
        };
        let legal = hex.len() == length && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        legal.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What stands behind an image name: a tag, a digest, or both.
///
/// Read from a cluster or a file, where either may be text that no registry would accept; it is kept as found, so
/// that a plan can compare it to the letter, and made safe only when it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Version {
    pub(crate) tag: Option<String>,
    pub(crate) digest: Option<String>,
}

impl Version {
    /// Reads the text of a tag parameter: `1.2`, `1.2@sha256:…` or `@sha256:…`/`sha256:…` (a bare digest).
    pub(crate) fn parse(text: &str) -> Self {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        match text.split_once('@').unwrap_or((text, "")) {
            (text, "") if Digest::new(text).is_some() => Self { tag: None, digest: some(text) },
            (tag, digest) => Self { tag: some(tag), digest: some(digest) },
        }
    }

    pub(crate) fn new(tag: Option<&Tag>, digest: Option<&Digest>) -> Self {
        Self { tag: tag.map(|t| t.as_str().to_owned()), digest: digest.map(|d| d.as_str().to_owned()) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tag.is_none() && self.digest.is_none()
    }
}

/// `1.2`, `1.2@sha256:…` or `sha256:…`.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.tag, &self.digest) {
            (Some(tag), Some(digest)) => write!(f, "{tag}@{digest}"),
            (Some(tag), None) => f.write_str(tag),
            (None, Some(digest)) => f.write_str(digest),
            (None, None) => f.write_str("<none>"),
        }
    }
}

/// An image as a manifest, a status or an `image-list` entry writes it: name as written, and what follows it.
///
/// `registry` and `path` are the two parts as Argo CD Image Updater writes them back (spec section 2.1): no registry
/// when the text has none, and `library/` dropped on Docker Hub unless the text starts with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) registry: Option<String>,
    pub(crate) path: String,
    /// What follows the name after `:`; in an `image-list` entry a constraint.
    pub(crate) suffix: Option<String>,
    pub(crate) digest: Option<String>,
}

impl Reference {
    /// Reads `[registry/]name[:suffix][@digest]`.
    ///
    /// The name ends at the first `:` after its last `/`, whatever follows: where Image Updater's second parser
    /// mistakes `registry:5000/app:~1.0` for an image called `registry`, this reads what was meant (decisions:
    /// "Reading annotations").
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim();
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (text, None),
        };
        let (name, suffix) = rest.split_at(Self::name_length(text));
        let suffix = suffix.strip_prefix(':').map(str::trim).filter(|suffix| !suffix.is_empty()).map(str::to_owned);
        let (registry, path) = split_registry(name.trim());
        Self { registry, path, suffix, digest }
    }

    /// How many bytes of a text are the name, as it is written there.
    pub(crate) fn name_length(text: &str) -> usize {
        let end = text.find('@').unwrap_or(text.len());
        let last = text[..end].rfind('/').map_or(0, |slash| slash + 1);
        text[last..end].find(':').map_or(end, |colon| last + colon)
    }

    /// The normalised repository.
    ///
    /// # Errors
    /// See [`Repository::new`].
    pub(crate) fn repository(&self) -> Result<Repository, String> {
        Repository::new(self.registry.as_deref(), &self.path)
    }

    /// `[registry/]path`: what a Helm name parameter or a Kustomize image gets.
    pub(crate) fn name(&self) -> String {
        match &self.registry {
            Some(registry) => format!("{registry}/{}", self.path),
            None => self.path.clone(),
        }
    }

    /// What follows the name, read as tag and digest.
    pub(crate) fn version(&self) -> Version {
        Version { tag: self.suffix.clone(), digest: self.digest.clone() }
    }
}

/// Splits a name into registry and path by Docker's rule: the first component is a registry if it has a `.` or `:`
/// or is `localhost`; then writes both as Image Updater does (spec section 2.1, step 2).
fn split_registry(name: &str) -> (Option<String>, String) {
    let (registry, path) = cut_registry(name);
    let hub = registry.is_some_and(|r| matches!(r, "docker.io" | "index.docker.io"));
    // Only before a name of one component is it what Docker puts there, and what is put back: `library/a/b` is itself.
    let short = path.strip_prefix("library/").filter(|name| hub && !name.contains('/'));
    let path = short.unwrap_or(path);
    // Without it, `index.docker.io/ghcr.io/x` would be an image of another registry.
    let registry = registry.filter(|r| *r != "index.docker.io" || cut_registry(path).0.is_some());
    (registry.map(str::to_owned), path.to_owned())
}

/// The first component, if it names a registry, and the rest.
fn cut_registry(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), path),
        _ => (None, name),
    }
}

/// What an image is built for: `os/architecture[/variant]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Platform {
    pub(crate) os: String,
    pub(crate) architecture: String,
    pub(crate) variant: Option<String>,
}

impl Platform {
    /// Reads `os/arch` or `os/arch/variant`; everything after the second `/` is the variant (case `plt-22`).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, '/');
        let os = parts.next().filter(|p| !p.is_empty())?.to_owned();
        let architecture = parts.next().filter(|p| !p.is_empty())?.to_owned();
        let variant = match parts.next() {
            Some("") => return None,
            other => other.map(str::to_owned),
        };
        Some(Self { os, architecture, variant })
    }

    /// Whether an image built for `has` serves where this platform is wanted: os and architecture are equal, and a
    /// wanted variant must be equal too, while none wanted accepts any (spec section 3.9).
    pub(crate) fn accepts(&self, has: &Self) -> bool {
        self.os == has.os
            && self.architecture == has.architecture
            && (self.variant.is_none() || self.variant == has.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// Which platforms an image must be built for to be a candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Platforms {
    /// Any real platform. Attestations (`unknown/unknown`) are not one.
    #[default]
    Any,
    /// At least one of these.
    OneOf(Vec<Platform>),
}

impl Platforms {
    /// Whether an image built for `has` is wanted.
    pub(crate) fn accept(&self, has: &Platform) -> bool {
        match self {
            Self::Any => has.os != "unknown" && has.architecture != "unknown",
            Self::OneOf(wanted) => wanted.iter().any(|platform| platform.accepts(has)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_normalised() {
        for (registry, path, expected) in [
            (None, "nginx", "docker.io/library/nginx"),
            (Some("docker.io"), "nginx", "docker.io/library/nginx"),
            (Some("index.docker.io"), "library/nginx", "docker.io/library/nginx"),
            (Some("GHCR.io"), "acme/web", "ghcr.io/acme/web"),
            (Some("harbor.io"), "library/x", "harbor.io/library/x"),
            (Some("[::1]:5000"), "x", "[::1]:5000/x"),
        ] {
            assert_eq!(Repository::new(registry, path).map(|r| r.to_string()).as_deref(), Ok(expected));
        }
        for (registry, path) in [
            (None, "Org/App"),
            (None, ""),
            (None, "a//b"),
            (None, "a/../b"),
            (None, "-a"),
            (None, "a___b"),
            (Some("a b"), "x"),
            (Some("host:99999"), "x"),
            (Some("host:"), "x"),
            (Some("host:+443"), "x"),
            (Some("host:000443"), "x"),
            (Some("[::g]"), "x"),
            (Some("user@host"), "x"),
        ] {
            assert!(Repository::new(registry, path).is_err(), "{registry:?} {path}");
        }
    }

    #[test]
    fn a_name_names_the_same_place_however_it_is_written() {
        for (image, name, repository) in [
            ("docker.io/library/nginx", "docker.io/nginx", "docker.io/library/nginx"),
            ("index.docker.io/library/nginx", "nginx", "docker.io/library/nginx"),
            ("docker.io/library/a/b", "docker.io/library/a/b", "docker.io/library/a/b"),
            ("index.docker.io/ghcr.io/x", "index.docker.io/ghcr.io/x", "docker.io/ghcr.io/x"),
            ("index.docker.io/library/localhost/x", "library/localhost/x", "docker.io/library/localhost/x"),
        ] {
            let reference = Reference::parse(image);
            assert_eq!(reference.name(), name);
            for text in [image, name, repository] {
                assert_eq!(Reference::parse(text).repository().unwrap().to_string(), repository, "{text}");
            }
        }
    }

    #[test]
    fn illegal_tags_and_digests_are_refused() {
        for tag in ["", ".a", "-a", "a b", "a/b", "a:b", "é", "a\u{1b}[31m", &"a".repeat(129)] {
            assert_eq!(Tag::new(tag), None, "{tag}");
        }
        assert!(Tag::new(&"a".repeat(128)).is_some());
        assert!(Digest::new(&format!("sha256:{}", "a".repeat(64))).is_some());
        for digest in ["sha256:abc", "md5:abc", "sha256", &format!("sha256:{}", "A".repeat(64))] {
            assert_eq!(Digest::new(digest), None, "{digest}");
        }
    }

    #[test]
    fn versions_are_read_from_parameter_text() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for text in ["1.2".to_owned(), format!("1.2@{digest}"), digest.clone()] {
            assert_eq!(Version::parse(&text).to_string(), text);
        }
        for text in [digest.clone(), format!("{digest}@"), format!("@{digest}")] {
            assert_eq!(Version::parse(&text), Version { tag: None, digest: Some(digest.clone()) }, "{text}");
        }
        assert!(Version::parse("").is_empty());
    }

    #[test]
    fn platforms_match_as_image_updater_matches_them() {
        // Cases plt-02 … plt-22 of the Image Updater tables.
        for (wanted, has, expected) in [
            ("linux/arm/v7", "linux/arm/v7", true),
            ("linux/arm/v7,linux/arm/v8", "linux/arm/v8", true),
            ("linux/arm/v7,linux/arm/v8", "linux/arm/v6", false),
            ("linux/arm/v7,linux/arm/v8", "linux/arm", false),
            ("linux/arm/v7,linux/arm/v8", "linux/amd64/v7", false),
            ("linux/arm,linux/arm/v7", "linux/arm/v8", true),
            ("linux/arm,linux/arm/v7", "linux/arm", true),
            ("linux/amd64", "linux/amd64", true),
            ("linux/arm/v6", "linux/arm", false),
        ] {
            let wanted = Platforms::OneOf(wanted.split(',').filter_map(Platform::parse).collect());
            assert_eq!(wanted.accept(&Platform::parse(has).unwrap()), expected, "{wanted:?} {has}");
        }
        assert_eq!(Platform::parse("linux/"), None); // plt-07
        assert_eq!(Platform::parse("invalid"), None); // plt-19
        assert_eq!(Platform::parse("linux/amd64").unwrap().to_string(), "linux/amd64"); // plt-20
        assert_eq!(Platform::parse("linux/arm/v6").unwrap().to_string(), "linux/arm/v6"); // plt-21
        assert_eq!(Platform::parse("linux/arm/v7/extra").unwrap().variant.as_deref(), Some("v7/extra")); // plt-22
        assert!(Platforms::Any.accept(&Platform::parse("windows/amd64").unwrap())); // plt-17
        assert!(!Platforms::Any.accept(&Platform::parse("unknown/unknown").unwrap()));
    }
}
