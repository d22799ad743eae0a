//! Logins at git servers, as values.
//!
//! A login is a secret: it has no `Display`, its `Debug` says nothing, and it is read only where git is started.

use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use sha2::Digest as _;
use sha2::Sha256;

/// How somebody logs in at a git server.
///
/// Two are equal if they log in the same way; cheap to clone, fit as a key.
#[derive(Clone)]
pub(crate) struct GitLogin(Arc<Secret>);

struct Secret {
    way: Way,
    certificate: Option<ClientCertificate>,
    /// Stands for the secret where logins are compared.
    fingerprint: [u8; 32],
}

/// A certificate that a client shows to an https server, and its key; both PEM.
#[derive(Clone, Debug)]
pub(crate) struct ClientCertificate {
    pub(crate) certificate: String,
    pub(crate) key: SecretString,
}

/// A GitHub App that is installed where the repository is.
#[derive(Clone, Debug)]
pub(crate) struct GitHubApp {
    pub(crate) app_id: String,
    /// Looked up by the repository if it is not known.
    pub(crate) installation_id: Option<String>,
    /// PEM, of an RSA key.
    pub(crate) private_key: SecretString,
    /// Of GitHub Enterprise: `https://ghe.example.com/api/v3`; `None` for github.com.
    pub(crate) base_url: Option<String>,
}

pub(super) enum Way {
    Caller,
    None,
    Password { username: String, password: SecretString, unasked: bool },
    SshKey(SecretString),
    GitHubApp(GitHubApp),
}

impl GitLogin {
    /// The caller's own: credential helpers, ssh configuration and agent, and the rest of their git configuration.
    pub(crate) fn caller() -> Self {
        Self::new(Way::Caller, None)
    }

    /// None at all: not even the caller's.
    pub(crate) fn anonymous() -> Self {
        Self::new(Way::None, None)
    }

    /// A user name and a password or token, for https. An empty name is the one that servers take for tokens.
    pub(crate) fn password(username: &str, password: SecretString) -> Self {
        let username = if username.is_empty() { "x-access-token" } else { username }.to_owned();
        Self::new(Way::Password { username, password, unasked: false }, None)
    }

    /// The same, sent with every request before the server asks for it (Argo CD's `forceHttpBasicAuth`).
    pub(crate) fn password_unasked(username: &str, password: SecretString) -> Self {
        let username = if username.is_empty() { "x-access-token" } else { username }.to_owned();
        Self::new(Way::Password { username, password, unasked: true }, None)
    }

    /// A private key, for ssh.
    pub(crate) fn ssh_key(key: SecretString) -> Self {
        Self::new(Way::SshKey(key), None)
    }

    pub(crate) fn github_app(app: GitHubApp) -> Self {
        Self::new(Way::GitHubApp(app), None)
    }

    /// The same login with a client certificate beside it.
    pub(crate) fn with_client_certificate(&self, certificate: ClientCertificate) -> Self {
        let way = match &self.0.way {
            Way::Caller => Way::Caller,
            Way::None => Way::None,
            Way::Password { username, password, unasked } => {
                Way::Password { username: username.clone(), password: password.clone(), unasked: *unasked }
            }
            Way::SshKey(key) => Way::SshKey(key.clone()),
            Way::GitHubApp(app) => Way::GitHubApp(app.clone()),
        };
        Self::new(way, Some(certificate))
    }

    fn new(way: Way, certificate: Option<ClientCertificate>) -> Self {
        let mut parts: Vec<&str> = match &way {
            Way::Caller => vec!["caller"],
            Way::None => vec!["none"],
            Way::Password { username, password, unasked } => {
                vec!["password", username, password.expose_secret(), if *unasked { "unasked" } else { "asked" }]
            }
            Way::SshKey(key) => vec!["ssh", key.expose_secret()],
            Way::GitHubApp(app) => {
                let installation = app.installation_id.as_deref().unwrap_or_default();
                let base = app.base_url.as_deref().unwrap_or_default();
                vec!["github", &app.app_id, installation, app.private_key.expose_secret(), base]
            }
        };
        if let Some(certificate) = &certificate {
            parts.extend([certificate.certificate.as_str(), certificate.key.expose_secret()]);
        }
        // With the length of each part, so that two lists of parts are never one text.
        let hash = parts
            .iter()
            .fold(Sha256::new(), |hash, part| hash.chain_update(part.len().to_be_bytes()).chain_update(part));
        let fingerprint = hash.finalize().into();
        Self(Arc::new(Secret { way, certificate, fingerprint }))
    }

    pub(super) fn way(&self) -> &Way {
        &self.0.way
    }

    pub(super) fn certificate(&self) -> Option<&ClientCertificate> {
        self.0.certificate.as_ref()
    }

    /// Whether it is the caller's own, of which nothing is known here.
    pub(crate) fn is_callers(&self) -> bool {
        matches!(self.0.way, Way::Caller)
    }
}

impl fmt::Debug for GitLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GitLogin(…)")
    }
}

impl PartialEq for GitLogin {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }
}

impl Eq for GitLogin {}

impl PartialOrd for GitLogin {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for GitLogin {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.fingerprint.cmp(&other.0.fingerprint)
    }
}

impl Hash for GitLogin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.fingerprint.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_compared_but_never_shown() {
        let secret = |text: &str| SecretString::from(text.to_owned());
        let of = |user: &str, password: &str| GitLogin::password(user, secret(password));
        let certificate = ClientCertificate { certificate: "c".to_owned(), key: secret("hunter2") };
        assert_eq!(of("a", "b"), of("a", "b"));
        assert_eq!(of("", "b"), of("x-access-token", "b"));
        for other in [
            of("a", "c"),
            of("ab", ""),
            GitLogin::password_unasked("a", secret("b")),
            GitLogin::ssh_key(secret("b")),
            GitLogin::caller(),
            GitLogin::anonymous(),
            of("a", "b").with_client_certificate(certificate.clone()),
        ] {
            assert_ne!(of("a", "b"), other);
        }
        let shown = format!("{:?}", of("alice", "hunter2").with_client_certificate(certificate));
        assert_eq!(shown, "GitLogin(…)");
    }
}
