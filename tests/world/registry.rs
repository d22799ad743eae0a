//! An OCI registry, in this process or Debian's docker-registry, under the same calls.

use super::Backend;
use super::image::Image;
use super::registry_double::RegistryDouble;
use super::registry_real::RealRegistry;
use super::token_server::TokenAuthority;

/// How a registry asks who is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RegistryAuth {
    #[default]
    None,
    Basic,
    Token,
}

/// Name and password of the users every registry with logins knows.
pub(crate) const ROBOT: (&str, &str) = ("robot", "s3cret");
pub(crate) const VISITOR: (&str, &str) = ("visitor", "gu3st");

/// The registry, which ends with this value.
pub(crate) enum Registry {
    Double(RegistryDouble),
    Real(RealRegistry),
}

impl Registry {
    /// Plain HTTP.
    pub(crate) fn start(backend: Backend, auth: RegistryAuth) -> Self {
        Self::with_users(match backend {
            Backend::Double => Self::Double(RegistryDouble::start(auth)),
            Backend::Real => Self::Real(RealRegistry::start(auth)),
        })
    }

    /// HTTPS with the certificate of [`super::tls::Authority`].
    pub(crate) fn start_tls(backend: Backend, auth: RegistryAuth) -> Self {
        Self::with_users(match backend {
            Backend::Double => Self::Double(RegistryDouble::start_tls(auth)),
            Backend::Real => Self::Real(RealRegistry::start_tls(auth)),
        })
    }

    fn with_users(registry: Self) -> Self {
        for user in [ROBOT, VISITOR] {
            registry.tokens().add_user(user);
        }
        registry
    }

    /// `127.0.0.1:PORT`, the registry part of its image names.
    pub(crate) fn host(&self) -> String {
        match self {
            Self::Double(registry) => registry.host(),
            Self::Real(registry) => registry.host(),
        }
    }

    /// Publishes an image under a tag, which moves if it is there already.
    pub(crate) fn push(&self, repository: &str, tag: &str, image: &Image) {
        match self {
            Self::Double(registry) => registry.push(repository, tag, image),
            Self::Real(registry) => registry.push(repository, tag, image),
        }
    }

    /// Publishes one image under each tag of each repository, some thousand of them in little time.
    pub(crate) fn fill(&self, repositories: &[(String, Vec<String>)], image: &Image) {
        match self {
            Self::Double(registry) => registry.fill(repositories, image),
            Self::Real(registry) => registry.fill(repositories, image),
        }
    }

    /// Deletes what the tag points to, and with it every tag that points there.
    pub(crate) fn delete(&self, repository: &str, tag: &str) {
        match self {
            Self::Double(registry) => registry.delete(repository, tag),
            Self::Real(registry) => registry.delete(repository, tag),
        }
    }

    /// The users of the token service (with Basic, the real registry knows [`ROBOT`] and [`VISITOR`] only).
    pub(crate) fn tokens(&self) -> &TokenAuthority {
        match self {
            Self::Double(registry) => &registry.tokens,
            Self::Real(registry) => &registry.tokens.authority,
        }
    }

    /// The double, for what only it can do.
    pub(crate) fn double(&self) -> &RegistryDouble {
        match self {
            Self::Double(registry) => registry,
            Self::Real(_) => panic!("faults, pages and logs are the double's: run this scenario on the double only"),
        }
    }
}
