//! The OCI distribution client: which tags a repository has, what they point at, when that was built.
//!
//! [`Registries`] is the whole interface. A registry that deviates is a row in `quirks`; what is asked is built in
//! `requests`, what is answered is read in `wire`, both pure; `session` logs in, `transport` sends. Nothing here knows
//! an update strategy or an annotation, and nothing here reads the environment: what a run may use is in
//! [`RegistrySettings`]. What could not be read is a [`RegistryError`], never a shorter list or an older date.

mod challenge;
mod clock;
pub(crate) mod conf;
mod credentials;
mod docker_config;
mod endpoint;
mod error;
mod guard;
mod helper;
mod lost;
mod manifests;
mod memo;
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

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::model::image::Digest;
use crate::model::image::Platforms;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::image::Tag;
use crate::registry::conf::Entry;
use crate::registry::conf::Origin;
use crate::registry::conf::RegistriesConf;
use crate::registry::credentials::Logins;
use crate::registry::error::Failure;
use crate::registry::manifests::Manifests;
use crate::registry::session::Session;
use crate::registry::transport::Outside;
use crate::registry::transport::Transport;
use crate::registry::transport::TransportSettings;

pub(crate) use crate::registry::credentials::Login;
pub(crate) use crate::registry::docker_config::DockerConfig;
pub(crate) use crate::registry::error::RegistryError;
#[allow(unused_imports, reason = "callers react by kind; the first of them comes with the pipeline")]
pub(crate) use crate::registry::error::RegistryErrorKind;
pub(crate) use crate::registry::helper::HelperSettings;
pub(crate) use crate::registry::memo::Memo;

/// What registries are asked with.
#[derive(Debug)]
pub(crate) struct RegistrySettings {
    /// `name/version`, for the people who run the registry.
    pub(crate) user_agent: String,
    /// The caller's logins.
    pub(crate) docker_config: DockerConfig,
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
}

impl RegistrySettings {
    /// Settings that ask anonymously, at the usual pace.
    pub(crate) fn new(user_agent: String) -> Self {
        Self {
            user_agent,
            docker_config: DockerConfig::default(),
            helpers: HelperSettings::default(),
            in_flight: 16,
            request_timeout: Duration::from_secs(30),
            deadline: None,
            trusted_realms: Vec::new(),
            extra_roots: Vec::new(),
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
    tags: Memo<Remote, Outcome<Arc<Vec<String>>>>,
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
        } = settings;
        let transport =
            Transport::new(TransportSettings { user_agent, in_flight, request_timeout, extra_roots, outside });
        Self {
            session: Session::new(transport, Logins::new(docker_config, helpers), trusted_realms),
            manifests: Manifests::default(),
            deadline,
            tags: Memo::default(),
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

    /// The entry of `registries.conf` that a repository is asked by, and where it was written.
    pub(crate) fn entry(&self, remote: &Remote) -> Option<(&Entry, Origin)> {
        let conf = self.session.conf.get()?;
        Some((conf.entry(remote)?, conf.origin))
    }

    /// The repository under the name of the host that is asked for it.
    pub(crate) fn asked_as(&self, remote: &Remote) -> Option<Repository> {
        self.session.endpoint(remote).ok()?.own_name
    }

    /// Every tag of a repository as the registry spells it, in its order, which means nothing; not all are legal.
    pub(crate) async fn tags(&self, remote: &Remote) -> Outcome<Arc<Vec<String>>> {
        let doing = || format!("list tags of {}", remote.repository);
        let make = || self.bounded(doing, tags::list(&self.session, remote, tags::BOUNDS));
        self.tags.get(remote.clone(), make).await
    }

    /// The digest that a tag points at.
    pub(crate) async fn digest(&self, remote: &Remote, tag: &Tag) -> Outcome<Digest> {
        self.digests.get((remote.clone(), tag.clone()), || self.digest_now(remote, tag)).await
    }

    /// The digest that a tag points at now, whatever an earlier answer was.
    pub(crate) async fn digest_now(&self, remote: &Remote, tag: &Tag) -> Outcome<Digest> {
        let doing = || format!("read the digest of {}:{tag}", remote.repository);
        self.bounded(doing, manifests::digest(&self.session, remote, tag)).await
    }

    /// Whether the repository has a manifest with this digest.
    pub(crate) async fn exists(&self, remote: &Remote, digest: &Digest) -> Outcome<bool> {
        let doing = || format!("look for {}@{digest}", remote.repository);
        match self.bounded(doing, manifests::head(&self.session, remote, digest)).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == RegistryErrorKind::TagNotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What a tag points at, and when it was built.
    pub(crate) async fn describe(&self, remote: &Remote, tag: &Tag, platforms: &Platforms) -> Outcome<Description> {
        let doing = || format!("read the build date of {}:{tag}", remote.repository);
        let make = || self.bounded(doing, self.manifests.describe(&self.session, remote, tag, platforms));
        let answer = self.descriptions.get((remote.clone(), tag.clone(), platforms.clone()), make).await;
        if let Ok(Description::Image { digest, .. }) = &answer {
            self.digests.put((remote.clone(), tag.clone()), Ok(digest.clone()));
        }
        answer
    }

    /// The digest that a tag points at, and whether it has an image for a wanted platform.
    pub(crate) async fn serves(&self, remote: &Remote, tag: &Tag, platforms: &Platforms) -> Outcome<(Digest, bool)> {
        let doing = || format!("read the platforms of {}:{tag}", remote.repository);
        let make = || self.bounded(doing, self.manifests.serves(&self.session, remote, tag, platforms));
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
        let outcome = match self.deadline {
            None => work.await,
            Some(deadline) if deadline <= self.session.transport.clock().now() => Err(over()),
            Some(deadline) => tokio::time::timeout_at(deadline.into(), work).await.unwrap_or_else(|_| Err(over())),
        };
        outcome.map_err(|failure| RegistryError::new(doing(), failure))
    }
}
