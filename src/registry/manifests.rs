//! From a tag to its digest, its platforms and its build date, by manifest, index and config.
//!
//! Everything that has a digest is checked against it, and everything that is named by digest is fetched once. A fact
//! that cannot be had is an error, for the whole tag: a date is never guessed from what could be read.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;

use futures::future::try_join_all;
use http::Method;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use sha2::Digest as _;
use sha2::Sha256;
use sha2::Sha512;

use crate::model::image::Digest;
use crate::model::image::Platform;
use crate::model::image::Platforms;
use crate::model::image::Tag;
use crate::registry::Description;
use crate::registry::Remote;
use crate::registry::cache::Cache;
use crate::registry::cache::Seen;
use crate::registry::endpoint::Endpoint;
use crate::registry::error::Failure;
use crate::registry::error::RegistryErrorKind;
use crate::registry::error::one_line;
use crate::registry::memo::Memo;
use crate::registry::memo::locked;
use crate::registry::requests;
use crate::registry::requests::ACCEPT_MANIFESTS;
use crate::registry::session::Question;
use crate::registry::session::Session;
use crate::registry::transport::Answer;
use crate::registry::wire;
use crate::registry::wire::Config;
use crate::registry::wire::IndexEntry;
use crate::registry::wire::Manifest;

/// Most bytes of a manifest or a config: what every registry must accept of a manifest.
const DOCUMENT: usize = 4 * 1024 * 1024;
/// The registry's word for what it serves (OCI distribution specification, "Pulling manifests").
const DIGEST_HEADER: &str = "docker-content-digest";

type Outcome<T> = Result<T, Failure>;
/// What a tag points at: its digest and what it says.
type Tagged = (Digest, Arc<Manifest>);

/// What was read of manifests and configs; one run sees one state of a tag, and what a digest names never
/// changes, so that it is kept on disk too.
pub(super) struct Manifests {
    cache: Cache,
    /// Which digest tags had in earlier runs.
    seen: Memo<Remote, Arc<Seen>>,
    /// Which they have in this one.
    now: Mutex<HashMap<Remote, Seen>>,
    by_tag: Memo<(Remote, Tag), Outcome<Tagged>>,
    by_digest: Memo<(Remote, Digest), Outcome<Arc<Manifest>>>,
    configs: Memo<(Remote, Digest), Outcome<Arc<Config>>>,
}

/// The digest that a tag points at now: one HEAD, and a GET only if that does not tell.
pub(super) async fn digest(session: &Session, remote: &Remote, tag: &Tag) -> Outcome<Digest> {
    let endpoint = session.endpoint(remote)?;
    let header = match head(session, remote, &endpoint, tag.as_str()).await? {
        Some(answer) => answer.header(DIGEST_HEADER).map(digest_in).transpose()?,
        None => None,
    };
    match header {
        Some(digest) => Ok(digest),
        None => by_tag(session, remote, tag).await.map(|(digest, ..)| digest),
    }
}

/// Asks whether a manifest is there, by its digest.
pub(super) async fn look(session: &Session, remote: &Remote, digest: &Digest) -> Outcome<()> {
    let endpoint = session.endpoint(remote)?;
    if head(session, remote, &endpoint, digest.as_str()).await?.is_some() {
        return Ok(());
    }
    let answer = session.ask(remote, &endpoint, &manifest_question(&endpoint, Method::GET, digest.as_str())).await?;
    verify(&answer.body, digest, "manifest")
}

/// One HEAD; `None` if only a GET can tell: the registry does not know the method, or it has nothing there, and whether
/// that is the manifest or the whole repository stands in a body.
async fn head(session: &Session, remote: &Remote, endpoint: &Endpoint, reference: &str) -> Outcome<Option<Answer>> {
    match session.ask(remote, endpoint, &manifest_question(endpoint, Method::HEAD, reference)).await {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if matches!(failure.status, Some(400 | 404 | 405 | 501)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn digest_in(header: &str) -> Outcome<Digest> {
    Digest::new(header)
        .ok_or_else(|| Failure::protocol(format!("the registry gives the digest `{}`", one_line(header))))
}

fn manifest_question(endpoint: &Endpoint, method: Method, reference: &str) -> Question {
    Question {
        method,
        url: requests::manifest(&endpoint.base, &endpoint.path, reference),
        accept: Some(ACCEPT_MANIFESTS),
        limit: DOCUMENT,
        missing: RegistryErrorKind::TagNotFound,
    }
}

/// Fetches the manifest that a tag points at.
async fn by_tag(session: &Session, remote: &Remote, tag: &Tag) -> Outcome<(Digest, Manifest, Vec<u8>)> {
    let endpoint = session.endpoint(remote)?;
    let answer = session.ask(remote, &endpoint, &manifest_question(&endpoint, Method::GET, tag.as_str())).await?;
    let digest = match answer.header(DIGEST_HEADER) {
        Some(text) => {
            let digest = digest_in(text)?;
            verify(&answer.body, &digest, "manifest")?;
            digest
        }
        None => sha256(&answer.body),
    };
    let manifest = read_manifest(&answer)?;
    Ok((digest, manifest, answer.body))
}

fn read_manifest(answer: &Answer) -> Outcome<Manifest> {
    wire::manifest(answer.header(CONTENT_TYPE), &answer.body)
        .map_err(|what| Failure::protocol(format!("the manifest {}", one_line(&what))))
}

/// What was received must be what was asked for.
pub(super) fn verify(body: &[u8], digest: &Digest, what: &str) -> Outcome<()> {
    let found = if digest.as_str().starts_with("sha512:") { sha512(body) } else { sha256(body) };
    if found == *digest {
        return Ok(());
    }
    Err(Failure::protocol(format!("the {what} received is {found}, not {digest}")))
}

pub(super) fn sha256(body: &[u8]) -> Digest {
    Digest::new(&format!("sha256:{}", hex(&Sha256::digest(body)))).expect("64 hex digits")
}

fn sha512(body: &[u8]) -> Digest {
    Digest::new(&format!("sha512:{}", hex(&Sha512::digest(body)))).expect("128 hex digits")
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

impl Manifests {
    pub(super) fn new(cache: Cache) -> Self {
        let (seen, now, by_tag, by_digest, configs) = Default::default();
        Self { cache, seen, now, by_tag, by_digest, configs }
    }

    /// Keeps for the next run what this one learned about the tags of a repository.
    pub(super) async fn remember(&self, session: &Session, remote: &Remote) {
        // It stays: a second image of the repository may add to it.
        let Some(now) = locked(&self.now).get(remote).cloned() else { return };
        let Ok(endpoint) = session.endpoint(remote) else { return };
        let before = self.seen(remote, &endpoint).await;
        let mut all = Seen::clone(&before);
        all.extend(now);
        if all != *before {
            self.cache.remember(&name(&endpoint), &all).await;
        }
    }

    async fn seen(&self, remote: &Remote, endpoint: &Endpoint) -> Arc<Seen> {
        self.seen.get(remote.clone(), || async { Arc::new(self.cache.seen(&name(endpoint)).await) }).await
    }

    /// What a tag points at, and when the newest of its wanted images was built (spec section 4.6).
    pub(super) async fn describe(
        &self,
        session: &Session,
        remote: &Remote,
        tag: &Tag,
        platforms: &Platforms,
    ) -> Outcome<Description> {
        let (digest, manifest) = self.by_tag(session, remote, tag).await?;
        let images = self.images(session, remote, &manifest, platforms).await?;
        let dates = images.iter().map(|config| build_date(config)).collect::<Outcome<Vec<_>>>()?;
        let newest = dates.into_iter().max();
        Ok(newest.map_or(Description::OtherPlatform, |created| Description::Image { digest, created }))
    }

    /// The labels of the first image that a version names, whatever its platform: builds of one version carry the same.
    pub(super) async fn labels(
        &self,
        session: &Session,
        remote: &Remote,
        version: (Option<&Tag>, Option<&Digest>),
    ) -> Outcome<BTreeMap<String, String>> {
        let manifest = match version {
            (_, Some(digest)) => self.by_digest(session, remote, digest).await?,
            (Some(tag), None) => self.by_tag(session, remote, tag).await?.1,
            (None, None) => return Err(Failure::protocol("no version is named")),
        };
        let config = match &*manifest {
            Manifest::Artifact => None,
            Manifest::Image { config } => Some(self.config(session, remote, config).await?),
            Manifest::Index(entries) => match entries.iter().find(|entry| !entry.is_artifact) {
                Some(entry) => self.image_of(session, remote, entry, &Platforms::Any).await?,
                None => None,
            },
        };
        config.map(|config| config.labels.clone()).ok_or_else(|| Failure::protocol("it is no image"))
    }

    /// What a tag points at, and whether any of its images is wanted.
    pub(super) async fn serves(
        &self,
        session: &Session,
        remote: &Remote,
        tag: &Tag,
        platforms: &Platforms,
    ) -> Outcome<(Digest, bool)> {
        let (digest, manifest) = self.by_tag(session, remote, tag).await?;
        if let Manifest::Index(entries) = &*manifest
            && entries.iter().any(|entry| entry.named_platform().is_some_and(|named| platforms.accept(named)))
        {
            return Ok((digest, true));
        }
        let images = self.images(session, remote, &manifest, platforms).await?;
        Ok((digest, !images.is_empty()))
    }

    /// The configs of the images that are wanted.
    ///
    /// An index's word for the platform of an image counts, as it does for whoever runs the image; an image that no
    /// index speaks for is asked itself.
    async fn images(
        &self,
        session: &Session,
        remote: &Remote,
        manifest: &Manifest,
        platforms: &Platforms,
    ) -> Outcome<Vec<Arc<Config>>> {
        match manifest {
            Manifest::Artifact => Ok(Vec::new()),
            Manifest::Image { config } => {
                let config = self.config(session, remote, config).await?;
                Ok(Some(config).filter(|config| platforms.accept(&config.platform)).into_iter().collect())
            }
            Manifest::Index(entries) => {
                let images = entries.iter().map(|entry| self.image_of(session, remote, entry, platforms));
                Ok(try_join_all(images).await?.into_iter().flatten().collect())
            }
        }
    }

    /// The config of one image of an index, if it is wanted.
    async fn image_of(
        &self,
        session: &Session,
        remote: &Remote,
        entry: &IndexEntry,
        platforms: &Platforms,
    ) -> Outcome<Option<Arc<Config>>> {
        let named = entry.named_platform();
        if entry.is_artifact || named.is_some_and(|named| !platforms.accept(named)) {
            return Ok(None);
        }
        let manifest = self.by_digest(session, remote, &entry.digest).await?;
        match &*manifest {
            Manifest::Artifact => Ok(None),
            Manifest::Image { config } => {
                let config = self.config(session, remote, config).await?;
                let wanted = named.is_some() || platforms.accept(&config.platform);
                Ok(wanted.then_some(config))
            }
            Manifest::Index(_) => Err(Failure::protocol("the manifest is an index of indexes")),
        }
    }

    async fn by_tag(&self, session: &Session, remote: &Remote, tag: &Tag) -> Outcome<Tagged> {
        let fetch = || async {
            let (digest, manifest) = self.by_tag_now(session, remote, tag).await?;
            locked(&self.now).entry(remote.clone()).or_default().insert(tag.clone(), digest.clone());
            Ok((digest, manifest))
        };
        self.by_tag.get((remote.clone(), tag.clone()), fetch).await
    }

    /// Asks for the digest alone where what it names is likely to be here already, else for the manifest at once.
    async fn by_tag_now(&self, session: &Session, remote: &Remote, tag: &Tag) -> Outcome<Tagged> {
        let endpoint = session.endpoint(remote)?;
        if let Some(before) = self.seen(remote, &endpoint).await.get(tag)
            && self.cached_manifest(before).await.is_some()
        {
            let digest = digest(session, remote, tag).await?;
            let manifest = self.by_digest(session, remote, &digest).await?;
            return Ok((digest, manifest));
        }
        let (digest, manifest, body) = by_tag(session, remote, tag).await?;
        self.cache.write(&digest, &body).await;
        Ok((digest, Arc::new(manifest)))
    }

    async fn cached_manifest(&self, digest: &Digest) -> Option<Manifest> {
        // No header says what it is any more; it must say so itself.
        wire::manifest(None, &self.cache.read(digest).await?).ok()
    }

    async fn by_digest(&self, session: &Session, remote: &Remote, digest: &Digest) -> Outcome<Arc<Manifest>> {
        let fetch = || async {
            if let Some(manifest) = self.cached_manifest(digest).await {
                return Ok(Arc::new(manifest));
            }
            let endpoint = session.endpoint(remote)?;
            let mut question = manifest_question(&endpoint, Method::GET, digest.as_str());
            // Something that is there named it.
            question.missing = RegistryErrorKind::Protocol;
            let answer = session.ask(remote, &endpoint, &question).await?;
            verify(&answer.body, digest, "manifest")?;
            let manifest = read_manifest(&answer)?;
            self.cache.write(digest, &answer.body).await;
            Ok(Arc::new(manifest))
        };
        self.by_digest.get((remote.clone(), digest.clone()), fetch).await
    }

    async fn config(&self, session: &Session, remote: &Remote, digest: &Digest) -> Outcome<Arc<Config>> {
        let read = |body: &[u8]| {
            wire::config(body)
                .map(Arc::new)
                .map_err(|error| Failure::protocol("the image's config is not readable").because(error))
        };
        let fetch = || async {
            if let Some(body) = self.cache.read(digest).await {
                return read(&body);
            }
            let endpoint = session.endpoint(remote)?;
            let question = Question {
                method: Method::GET,
                url: requests::blob(&endpoint.base, &endpoint.path, digest),
                accept: None,
                limit: DOCUMENT,
                missing: RegistryErrorKind::Protocol,
            };
            let answer = session.ask(remote, &endpoint, &question).await?;
            verify(&answer.body, digest, "image's config")?;
            let config = read(&answer.body)?;
            self.cache.write(digest, &answer.body).await;
            Ok(config)
        };
        self.configs.get((remote.clone(), digest.clone()), fetch).await
    }
}

/// A repository by where it is really asked.
fn name(endpoint: &Endpoint) -> String {
    format!("{} {}", endpoint.base, endpoint.path)
}

fn build_date(config: &Config) -> Outcome<Timestamp> {
    let Some(text) = &config.created else { return Err(undated("no build date")) };
    wire::created(text).ok_or_else(|| undated(&format!("the build date `{}`", one_line(text))))
}

fn undated(what: &str) -> Failure {
    Failure::new(RegistryErrorKind::Undated, format!("the image's config has {what}"))
}

impl IndexEntry {
    /// The platform by the index's word, if it says one.
    fn named_platform(&self) -> Option<&Platform> {
        self.platform.as_ref().filter(|platform| !platform.os.is_empty() || !platform.architecture.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_checked_against_their_digest() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let digest = Digest::new(&format!("sha256:{empty}")).unwrap();
        assert_eq!(sha256(b""), digest);
        assert!(verify(b"", &digest, "manifest").is_ok());
        let message = verify(b"x", &digest, "manifest").unwrap_err().message;
        assert!(
            message.starts_with("the manifest received is sha256:2d711642") && message.ends_with(empty),
            "{message}"
        );
        assert!(verify(b"x", &sha512(b"x"), "manifest").is_ok());
        assert!(verify(b"y", &sha512(b"x"), "manifest").is_err());
    }
}
