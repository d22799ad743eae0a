//! The OCI distribution client: which tags a repository has, what they point at, when that was built.
//!
//! [`Registries`] is the whole interface. A registry that deviates is a row in `quirks`; what is asked is built in
//! `requests`, what is answered is read in `wire`, both pure; `session` logs in, `transport` sends. Nothing here knows
//! an update strategy or an annotation, and nothing here reads the environment: what a run may use is in
//! [`RegistrySettings`]. What could not be read is a [`RegistryError`], never a shorter list or an older date.

mod age;
mod body;
mod cache;
mod challenge;
mod clock;
pub(crate) mod conf;
mod credentials;
mod dates;
mod docker_config;
mod endpoint;
mod error;
mod guard;
mod helper;
mod links;
mod lost;
mod manifests;
mod memo;
mod newest;
mod pace;
#[cfg(test)]
mod properties;
mod quirks;
mod refusal;
mod requests;
mod session;
mod tags;
#[cfg(test)]
mod tests;
mod tokens;
mod transport;
mod trust;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::model::image::Digest;
use crate::model::image::Platforms;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::registry::cache::Cache;
use crate::registry::conf::Entry;
use crate::registry::conf::Origin;
use crate::registry::conf::RegistriesConf;
use crate::registry::credentials::Logins;
use crate::registry::dates::Pushes;
use crate::registry::error::Failure;
use crate::registry::manifests::Manifests;
use crate::registry::session::Session;
use crate::registry::transport::Outside;
use crate::registry::transport::Transport;
use crate::registry::transport::TransportSettings;

pub(crate) use crate::registry::age::Age;
pub(crate) use crate::registry::credentials::Login;
pub(crate) use crate::registry::docker_config::DockerConfig;
pub(crate) use crate::registry::docker_config::Unusable;
pub(crate) use crate::registry::error::RegistryError;
pub(crate) use crate::registry::error::RegistryErrorKind;
pub(crate) use crate::registry::helper::HelperSettings;
pub(crate) use crate::registry::memo::Memo;
pub(crate) use crate::registry::newest::Build;
use crate::registry::tags::TagList;

/// What registries are asked with.
#[derive(Debug)]
pub(crate) struct RegistrySettings {
    /// `name/version`, for the people who run the registry.
    pub(crate) user_agent: String,
    /// The caller's logins, or why they are not there.
    pub(crate) docker_config: Result<DockerConfig, Unusable>,
    pub(crate) helpers: HelperSettings,
    /// Requests in flight for one host.
    pub(crate) in_flight: usize,
    /// How long to wait for a connection, for an answer to begin, and for it to go on.
    pub(crate) request_timeout: Duration,
    /// When everything must be over.
    pub(crate) deadline: Option<Instant>,
    /// Hosts, or `host:port`, whose token services may be told any login.
    pub(crate) trusted_realms: Vec<String>,
    /// PEM certificates that are trusted beside the system's.
    pub(crate) extra_roots: Vec<Vec<u8>>,
    /// The folder where manifests and configs are kept from run to run.
    pub(crate) cache: Option<PathBuf>,
}

impl RegistrySettings {
    /// Settings that ask anonymously, at the usual pace.
    pub(crate) fn new(user_agent: String) -> Self {
        Self {
            user_agent,
            docker_config: Ok(DockerConfig::default()),
            helpers: HelperSettings::default(),
            in_flight: 16,
            request_timeout: Duration::from_secs(30),
            deadline: None,
            trusted_realms: Vec::new(),
            extra_roots: Vec::new(),
            cache: None,
        }
    }
}

/// A repository, and what it is asked with: two images that share both share every answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Remote {
    pub(crate) repository: Repository,
    /// The image's name has no registry: it is the default one's, which `registries.conf` may set.
    pub(crate) unqualified: bool,
    pub(crate) access: Access,
}

impl Remote {
    /// The repository of an image as its name is written.
    pub(crate) fn named(name: &Reference, repository: Repository) -> Self {
        Self { unqualified: name.registry.is_none(), ..Self::from(repository) }
    }
}

/// Which login a repository is asked with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    /// What the caller's docker configuration has for the repository, or none.
    #[default]
    Caller,
    /// One that was found elsewhere: by the image's annotation, or in `registries.conf`.
    Login(Login),
}

impl From<Repository> for Remote {
    fn from(repository: Repository) -> Self {
        Self { repository, unqualified: false, access: Access::Caller }
    }
}

/// What stands behind a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Description {
    /// Nothing that runs on a wanted platform.
    OtherPlatform,
    Image {
        /// Of the manifest or index that the tag points at.
        digest: Digest,
        /// The latest build date of the wanted images.
        created: Timestamp,
    },
}

type Outcome<T> = Result<T, RegistryError>;

/// Every registry of a run. Each question is asked once, however many images share it.
pub(crate) struct Registries {
    session: Session,
    manifests: Manifests,
    deadline: Option<Instant>,
    tags: Memo<Remote, Outcome<Arc<TagList>>>,
    pushes: Memo<Remote, Option<Arc<tokio::sync::Mutex<Pushes>>>>,
    digests: Memo<(Remote, Tag), Outcome<Digest>>,
    descriptions: Memo<(Remote, Tag, Platforms), Outcome<Description>>,
    served: Memo<(Remote, Tag, Platforms), Outcome<(Digest, bool)>>,
}

impl Registries {
    /// Prepares; nothing is read or asked yet. A TLS provider must be installed before the first question.
    pub(crate) fn new(settings: RegistrySettings) -> Self {
        Self::within(settings, Outside::default())
    }

    fn within(settings: RegistrySettings, outside: Outside) -> Self {
        let RegistrySettings {
            user_agent,
            docker_config,
            helpers,
            in_flight,
            request_timeout,
            deadline,
            trusted_realms,
            extra_roots,
            cache,
        } = settings;
        let transport =
            Transport::new(TransportSettings { user_agent, in_flight, request_timeout, extra_roots, outside });
        Self {
            session: Session::new(transport, Logins::new(docker_config, helpers), trusted_realms),
            manifests: Manifests::new(Cache::new(cache)),
            deadline,
            tags: Memo::default(),
            pushes: Memo::default(),
            digests: Memo::default(),
            descriptions: Memo::default(),
            served: Memo::default(),
        }
    }

    /// Has entries of a `registries.conf` say where registries are. Before the first question, and once.
    pub(crate) fn configure(&self, conf: RegistriesConf) {
        let unset = self.session.conf.set(conf);
        debug_assert!(unset.is_ok(), "a run reads one registries.conf");
    }

    /// Says that a repository is going to be asked for, so that it may share a token with others.
    pub(crate) fn announce(&self, remote: &Remote) {
        if let Ok(endpoint) = self.session.endpoint(remote) {
            self.session.scopes.announce(&endpoint);
        }
    }

    /// The entry of `registries.conf` that a repository is asked by, and where it was written.
    pub(crate) fn entry(&self, remote: &Remote) -> Option<(&Entry, Origin)> {
        let conf = self.session.conf.get()?;
        Some((conf.entry(remote)?, conf.origin))
    }

    /// The repository under the name of the host that is asked for it.
    pub(crate) fn asked_as(&self, remote: &Remote) -> Option<Repository> {
        self.session.endpoint(remote).ok()?.own_names.into_iter().next()
    }

    /// Why the caller's own login for a repository cannot be had, if it is asked with that.
    pub(crate) async fn callers_trouble(&self, remote: &Remote) -> Option<Unusable> {
        let endpoint = self.session.endpoint(remote).ok()?;
        self.session.found(remote, &endpoint).await.trouble
    }

    /// Every tag of a repository as the registry spells it, in its order, which means something only where
    /// `tagsortmode` says so; not all are legal.
    pub(crate) async fn tags(&self, remote: &Remote) -> Outcome<Arc<TagList>> {
        let doing = || format!("list tags of {}", remote.repository);
        let make = || self.bounded(doing, Box::pin(tags::list(&self.session, remote, tags::BOUNDS)));
        self.tags.get(remote.clone(), make).await
    }

    /// The digest that a tag points at.
    pub(crate) async fn digest(&self, remote: &Remote, tag: &Tag) -> Outcome<Digest> {
        self.digests.get((remote.clone(), tag.clone()), || self.digest_now(remote, tag)).await
    }

    /// The digest that a tag points at now, whatever an earlier answer was.
    pub(crate) async fn digest_now(&self, remote: &Remote, tag: &Tag) -> Outcome<Digest> {
        let doing = || format!("read the digest of {}:{tag}", remote.repository);
        self.bounded(doing, Box::pin(manifests::digest(&self.session, remote, tag))).await
    }

    /// Whether the repository has a manifest with this digest.
    pub(crate) async fn exists(&self, remote: &Remote, digest: &Digest) -> Outcome<bool> {
        let doing = || format!("look for {}@{digest}", remote.repository);
        match self.bounded(doing, Box::pin(manifests::look(&self.session, remote, digest))).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == RegistryErrorKind::TagNotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Enough about each of these tags to tell which was built last.
    pub(crate) async fn builds(
        &self,
        remote: &Remote,
        tags: &[Tag],
        platforms: &Platforms,
    ) -> Outcome<Vec<(Tag, Build)>> {
        let builds = Box::pin(newest::builds(self, remote, tags, platforms)).await;
        self.remember(remote).await;
        builds
    }

    /// When tags were pushed, as far as anybody asked; `None` if the registry does not tell.
    async fn pushes(&self, remote: &Remote) -> Option<Arc<tokio::sync::Mutex<Pushes>>> {
        let make = || async {
            let listed = self.tags(remote).await.ok().filter(|list| !list.pushed.is_empty());
            let pushes = if let Some(list) = listed {
                Some(Pushes::of_list(&list.pushed))
            } else {
                let endpoint = self.session.endpoint(remote).ok()?;
                self.in_time(Box::pin(dates::begin(&self.session, remote, &endpoint))).await.flatten()
            };
            pushes.map(|pushes| Arc::new(tokio::sync::Mutex::new(pushes)))
        };
        self.pushes.get(remote.clone(), make).await
    }

    async fn more_pushes(&self, remote: &Remote, pushes: &mut Pushes) {
        if let Ok(endpoint) = self.session.endpoint(remote) {
            self.in_time(Box::pin(dates::go_on(&self.session, remote, &endpoint, pushes))).await;
        }
    }

    /// What a tag points at, and when it was built.
    pub(crate) async fn describe(&self, remote: &Remote, tag: &Tag, platforms: &Platforms) -> Outcome<Description> {
        let doing = || format!("read the build date of {}:{tag}", remote.repository);
        let make = || self.bounded(doing, Box::pin(self.manifests.describe(&self.session, remote, tag, platforms)));
        let answer = self.descriptions.get((remote.clone(), tag.clone(), platforms.clone()), make).await;
        if let Ok(Description::Image { digest, .. }) = &answer {
            self.digests.put((remote.clone(), tag.clone()), Ok(digest.clone()));
        }
        answer
    }

    /// The labels of the image that a version names.
    pub(crate) async fn labels(&self, remote: &Remote, version: &Version) -> Outcome<BTreeMap<String, String>> {
        let doing = || format!("read the labels of {}:{version}", remote.repository);
        let tag = version.tag.as_deref().and_then(Tag::new);
        let digest = version.digest.as_deref().and_then(Digest::new);
        let read = self.manifests.labels(&self.session, remote, (tag.as_ref(), digest.as_ref()));
        self.bounded(doing, Box::pin(read)).await
    }

    /// The digest that a tag points at, and whether it has an image for a wanted platform.
    pub(crate) async fn serves(&self, remote: &Remote, tag: &Tag, platforms: &Platforms) -> Outcome<(Digest, bool)> {
        let doing = || format!("read the platforms of {}:{tag}", remote.repository);
        let make = || self.bounded(doing, Box::pin(self.manifests.serves(&self.session, remote, tag, platforms)));
        let answer = self.served.get((remote.clone(), tag.clone(), platforms.clone()), make).await;
        if let Ok((digest, _)) = &answer {
            self.digests.put((remote.clone(), tag.clone()), Ok(digest.clone()));
        }
        answer
    }

    /// How many requests each host got, token services included.
    pub(crate) fn spent(&self) -> Vec<(String, usize)> {
        self.session.transport.spent()
    }

    /// How many requests the hosts that say so will still answer; Docker Hub counts pulls.
    pub(crate) fn left(&self) -> Vec<(String, u64)> {
        self.session.transport.left()
    }

    /// Hosts that were asked without a look at their certificate, as `insecure` in `registries.conf` wants it.
    pub(crate) fn unverified(&self) -> Vec<String> {
        self.session.transport.unverified()
    }

    async fn bounded<T>(
        &self,
        doing: impl Fn() -> String,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Outcome<T> {
        let over = || Failure::unreachable("the time given with --timeout is over");
        let outcome = self.in_time(work).await.unwrap_or_else(|| Err(over()));
        outcome.map_err(|failure| RegistryError::new(doing(), failure))
    }

    /// The outcome of work; `None` if there is no time for it.
    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match self.deadline {
            None => Some(work.await),
            Some(deadline) if deadline <= self.session.transport.clock().now() => None,
            Some(deadline) => tokio::time::timeout_at(deadline.into(), work).await.ok(),
        }
    }
}
