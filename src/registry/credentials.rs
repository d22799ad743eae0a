//! Logins: what one is, and which one the caller has for a repository.
//!
//! A login is a secret: it has no `Display`, its `Debug` says nothing, and it is read only where a request is made.

use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use secrecy::ExposeSecret;
use secrecy::SecretString;
use sha2::Digest;
use sha2::Sha256;

use crate::model::image::Repository;
use crate::registry::docker_config::DockerConfig;
use crate::registry::docker_config::Unusable;
use crate::registry::helper;
use crate::registry::helper::HelperSettings;
use crate::registry::memo::Memo;

/// The user name that marks a password as an identity token (docker-credential-helpers).
const TOKEN_USER: &str = "<token>";

/// A login at a registry.
///
/// Two are equal if they log in the same way; cheap to clone, fit as a key.
#[derive(Clone)]
pub(crate) struct Login(Arc<Secret>);

struct Secret {
    way: Way,
    /// Stands for the secret where logins are compared.
    fingerprint: [u8; 32],
}

enum Way {
    Password { username: String, password: SecretString },
    IdentityToken(SecretString),
}

impl Login {
    /// A user name and a password; the user name `<token>` means an identity token.
    pub(crate) fn of(username: &str, password: SecretString) -> Self {
        if username == TOKEN_USER {
            return Self::identity_token(password);
        }
        Self::new(Way::Password { username: username.to_owned(), password })
    }

    /// An OAuth2 refresh token, which only a token service accepts.
    pub(crate) fn identity_token(token: SecretString) -> Self {
        Self::new(Way::IdentityToken(token))
    }

    fn new(way: Way) -> Self {
        let (username, secret) = match &way {
            Way::Password { username, password } => (username.as_str(), password),
            Way::IdentityToken(token) => (TOKEN_USER, token),
        };
        let hash = Sha256::new().chain_update(username).chain_update([0]).chain_update(secret.expose_secret());
        let fingerprint = hash.finalize().into();
        Self(Arc::new(Secret { way, fingerprint }))
    }

    /// `None` for an identity token, which belongs to no name.
    pub(super) fn username(&self) -> Option<&str> {
        match &self.0.way {
            Way::Password { username, .. } => Some(username),
            Way::IdentityToken(_) => None,
        }
    }

    /// The OAuth2 refresh token, if it is one.
    pub(super) fn refresh_token(&self) -> Option<&SecretString> {
        match &self.0.way {
            Way::Password { .. } => None,
            Way::IdentityToken(token) => Some(token),
        }
    }

    /// The header of HTTP Basic authentication; `None` for an identity token.
    pub(super) fn basic(&self) -> Option<HeaderValue> {
        let Way::Password { username, password } = &self.0.way else { return None };
        let encoded = BASE64_STANDARD.encode(format!("{username}:{}", password.expose_secret()));
        let mut header = HeaderValue::from_str(&format!("Basic {encoded}")).expect("base64 is legal in a header");
        header.set_sensitive(true);
        Some(header)
    }

    #[cfg(test)]
    pub(super) fn reveal(&self) -> String {
        match &self.0.way {
            Way::Password { username, password } => format!("{username}:{}", password.expose_secret()),
            Way::IdentityToken(token) => format!("{TOKEN_USER}:{}", token.expose_secret()),
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

impl PartialEq for Login {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }
}

impl Eq for Login {}

impl Hash for Login {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.fingerprint.hash(state);
    }
}

/// The logins the caller has, each looked up once.
pub(super) struct Logins {
    /// Or why it is not there.
    config: Result<DockerConfig, Unusable>,
    helpers: HelperSettings,
    /// By program and name; the error is what went wrong, for people.
    answers: Memo<(String, String), Result<Option<Login>, String>>,
}

/// What was found for a repository.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) login: Option<Login>,
    /// Why a login may be missing.
    pub(super) trouble: Option<Unusable>,
}

impl Logins {
    pub(super) fn new(config: Result<DockerConfig, Unusable>, helpers: HelperSettings) -> Self {
        Self { config, helpers, answers: Memo::default() }
    }

    /// The caller's login for a repository, by the first of its names that has one.
    pub(super) async fn find(&self, names: &[Repository]) -> Found {
        let mut trouble = None;
        for name in names {
            let found = self.of_name(name).await;
            if matches!(found.trouble, Some(Unusable::Malformed(_))) {
                return found;
            }
            trouble = trouble.or(found.trouble);
            if found.login.is_some() {
                return Found { trouble, ..found };
            }
        }
        Found { login: None, trouble }
    }

    /// From the credential helper for a host, else from the text.
    async fn of_name(&self, name: &Repository) -> Found {
        let config = match &self.config {
            Ok(config) => config,
            Err(why) => return Found { login: None, trouble: Some(why.clone()) },
        };
        let mut trouble = None;
        if let Some((program, server)) = config.helper(name) {
            match self.ask(program, server).await {
                Ok(Some(login)) => return Found { login: Some(login), trouble: None },
                Ok(None) => {}
                Err(message) => trouble = Some(Unusable::Unread(message)),
            }
        }
        match config.login(name) {
            Ok(login) => Found { login, trouble },
            Err(message) => {
                let what = Unusable::Malformed(format!("docker configuration: {message}"));
                Found { login: None, trouble: Some(what) }
            }
        }
    }

    async fn ask(&self, program: &str, server: &str) -> Result<Option<Login>, String> {
        let key = (program.to_owned(), server.to_owned());
        self.answers.get(key, || helper::get(&self.helpers, program, server)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_compared_but_never_shown() {
        let of = |user: &str, password: &str| Login::of(user, SecretString::from(password.to_owned()));
        assert_eq!(of("a", "b"), of("a", "b"));
        for other in [of("a", "c"), of("b", "b"), of("a\0b", ""), of(TOKEN_USER, "b")] {
            assert_ne!(of("a", "b"), other);
        }
        assert_eq!(format!("{:?}", of("alice", "hunter2")), "Login(…)");
        assert_eq!(format!("{:?}", of("alice", "hunter2").basic().unwrap()), "Sensitive");
        assert_eq!(of("foo", "bar").basic().unwrap().to_str().unwrap(), "Basic Zm9vOmJhcg==");
        assert_eq!(of(TOKEN_USER, "t"), Login::identity_token(SecretString::from("t".to_owned())));
        assert!(of(TOKEN_USER, "t").basic().is_none());
    }
}
