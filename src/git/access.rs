//! From a login to what git is started with: environment, configuration, files that only this user can read.
//!
//! Passwords reach git by its credential protocol and only for the server they are for, so that no redirect takes them
//! elsewhere. Nothing secret is ever an argument.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::CertificateDer;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;

use crate::git::Remote;
use crate::git::error::Failure;
use crate::git::error::GitErrorKind;
use crate::git::login::Way;
use crate::git::program::Program;
use crate::git::ssh;
use crate::model::git_url::GitUrl;
use crate::model::git_url::Scheme;

/// Hands over a login that is in the environment; a shell runs it, and no shell's text holds a secret.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \
                      \"$KUBECTL_IMAGE_UPDATE_GIT_USERNAME\" \"$KUBECTL_IMAGE_UPDATE_GIT_PASSWORD\"; }; f";
const USERNAME: &str = "KUBECTL_IMAGE_UPDATE_GIT_USERNAME";
const PASSWORD: &str = "KUBECTL_IMAGE_UPDATE_GIT_PASSWORD";

/// What of the caller's configuration says how servers are reached, and nothing about who asks: it is in force with
/// every login.
const WAYS: [&str; 12] = [
    "http.proxy",
    "http.proxyauthmethod",
    "http.proxysslcainfo",
    "http.sslbackend",
    "http.sslcainfo",
    "http.sslcapath",
    "http.sslversion",
    "http.sslcipherlist",
    "http.schannelcheckrevoke",
    "http.schannelusesslcainfo",
    "http.version",
    "http.postbuffer",
];

/// How git is started to talk to one server.
#[derive(Default)]
pub(super) struct Access {
    /// Whether the caller's git configuration and credentials are in force.
    pub(super) callers: bool,
    /// As `GIT_ALLOW_PROTOCOL` lists them.
    pub(super) protocols: &'static str,
    pub(super) environment: Vec<(String, OsString)>,
    pub(super) config: Vec<(String, String)>,
    /// What must never be repeated.
    pub(super) secrets: Vec<SecretString>,
}

impl Access {
    /// Makes ready to talk to a server; files go to `folder`, which is this user's own.
    pub(super) async fn prepare(program: &Program, remote: &Remote, folder: &Path) -> Result<Self, Failure> {
        check(remote)?;
        let url = &remote.url;
        let open = url.scheme() == Scheme::Http && !url.is_loopback();
        let callers = remote.login.is_callers() && !open;
        let protocols = match (url.scheme(), callers) {
            // The caller's own `insteadOf` may turn one into the other.
            (Scheme::Https | Scheme::Ssh, true) => "https:ssh",
            (Scheme::Https, false) => "https",
            (Scheme::Ssh, false) => "ssh",
            (Scheme::Http, true) => "http:https:ssh",
            (Scheme::Http, false) => "http:https",
        };
        let mut access = Self { callers, protocols, ..Self::default() };
        if url.scheme() != Scheme::Ssh {
            access.trust(program, remote, folder).await?;
            if !callers {
                // No helper but the one that may follow.
                access.set("credential.helper", String::new());
            }
            if let Some(shown) = remote.login.certificate() {
                let certificate = write_secret(folder, "client.pem", shown.certificate.as_bytes())?;
                let key = write_secret(folder, "client-key.pem", shown.key.expose_secret().as_bytes())?;
                access.environment.push(("GIT_SSL_CERT".to_owned(), certificate.into()));
                access.environment.push(("GIT_SSL_KEY".to_owned(), key.into()));
            }
        }
        if url.scheme() == Scheme::Ssh || callers {
            let command = ssh::command(program, remote, folder).await?;
            access.environment.push(("GIT_SSH_COMMAND".to_owned(), command.into()));
        }
        match remote.login.way() {
            Way::Password { username, password, unasked } => access.password(url, (username, password), *unasked)?,
            Way::Caller | Way::None | Way::SshKey(_) => {}
            // It has become a password by now.
            Way::GitHubApp(_) => return Err(Failure::new(GitErrorKind::Refused, "the GitHub App has no token")),
        }
        Ok(access)
    }

    fn set(&mut self, key: &str, value: String) {
        self.config.push((key.to_owned(), value));
    }

    fn password(&mut self, url: &GitUrl, login: (&str, &SecretString), unasked: bool) -> Result<(), Failure> {
        // A line break at the end is how editors leave a file that became a Secret.
        let username = login.0.trim_end_matches(['\r', '\n']);
        let password = login.1.expose_secret().trim_end_matches(['\r', '\n']);
        if username.chars().chain(password.chars()).any(|c| matches!(c, '\n' | '\r' | '\0')) {
            return Err(Failure::new(GitErrorKind::Refused, "the user name or password has a line break in it"));
        }
        self.secrets.push(SecretString::from(password.to_owned()));
        let origin = url.origin();
        if unasked {
            let encoded = BASE64_STANDARD.encode(format!("{username}:{password}"));
            self.set(&format!("http.{origin}.extraHeader"), format!("Authorization: Basic {encoded}"));
            self.secrets.push(SecretString::from(encoded));
            // The header would go along.
            self.set("http.followRedirects", "false".to_owned());
        } else {
            self.set(&format!("credential.{origin}.helper"), HELPER.to_owned());
            self.environment.push((USERNAME.to_owned(), username.into()));
            self.environment.push((PASSWORD.to_owned(), password.into()));
        }
        Ok(())
    }

    /// Whose certificates are believed, and how the server is reached.
    async fn trust(&mut self, program: &Program, remote: &Remote, folder: &Path) -> Result<(), Failure> {
        let (url, trust) = (&remote.url, &remote.trust);
        let ways = callers_ways(program, url).await?;
        let configured = |key: &str| ways.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
        let authorities =
            program.variable("GIT_SSL_CAINFO").map(str::to_owned).or_else(|| configured("http.sslcainfo"));
        let folders = program.variable("GIT_SSL_CAPATH").map(str::to_owned).or_else(|| configured("http.sslcapath"));
        let file = authorities.or_else(|| program.variable("SSL_CERT_FILE").map(str::to_owned));
        if !trust.certificates.trim().is_empty() {
            let mut bundle = match &file {
                Some(file) => std::fs::read(file).map_err(|error| {
                    Failure::new(GitErrorKind::Certificate, format!("{file}, the file of CAs, cannot be read: {error}"))
                })?,
                None => systems_authorities().into_bytes(),
            };
            bundle.push(b'\n');
            bundle.extend_from_slice(trust.certificates.as_bytes());
            let path = write_secret(folder, "ca.pem", &bundle)?;
            self.environment.push(("GIT_SSL_CAINFO".to_owned(), path.into()));
            self.set("http.schannelUseSSLCAInfo", "true".to_owned());
        } else if let Some(file) = file {
            self.environment.push(("GIT_SSL_CAINFO".to_owned(), file.into()));
        }
        if let Some(folders) = folders.or_else(|| program.variable("SSL_CERT_DIR").map(str::to_owned)) {
            self.environment.push(("GIT_SSL_CAPATH".to_owned(), folders.into()));
        }
        if !self.callers {
            self.config.extend(ways);
        }
        if trust.insecure {
            self.set(&format!("http.{}.sslVerify", url.origin()), "false".to_owned());
        }
        if let Some(proxy) = &trust.proxy {
            self.set(&format!("http.{}.proxy", url.origin()), proxy.expose_secret().to_owned());
            self.secrets.push(proxy.clone());
        }
        Ok(())
    }
}

/// Whether this login may be used at this address.
fn check(remote: &Remote) -> Result<(), Failure> {
    let refused = |what: &str| Err(Failure::new(GitErrorKind::Refused, what));
    let scheme = remote.url.scheme();
    match remote.login.way() {
        Way::SshKey(_) if scheme != Scheme::Ssh => refused("an SSH key is no login for an http address"),
        Way::Password { .. } | Way::GitHubApp(_) if scheme == Scheme::Ssh => {
            refused("a password or token is no login for an ssh address")
        }
        Way::Password { .. } | Way::GitHubApp(_) if scheme == Scheme::Http && !remote.url.is_loopback() => {
            refused("a login is not sent over http: use the https address")
        }
        _ => Ok(()),
    }
}

/// The part of the caller's configuration that says how a server is reached.
async fn callers_ways(program: &Program, url: &GitUrl) -> Result<Vec<(String, String)>, Failure> {
    let asked = program.git("config").with_callers_config().args(["-z", "--get-urlmatch", "http"]).arg(url.origin());
    // It fails if nothing fits.
    let answer = asked.run().await?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    let pairs = text.split('\0').filter_map(|entry| entry.split_once('\n'));
    let kept = pairs.filter(|(key, _)| WAYS.contains(key));
    Ok(kept.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

/// The certificates that this machine trusts, as PEM.
fn systems_authorities() -> String {
    let found = rustls_native_certs::load_native_certs();
    found.certs.iter().map(pem).collect()
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    let encoded = BASE64_STANDARD.encode(certificate);
    let lines: Vec<&str> = encoded.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// Writes a file that only this user can read.
pub(super) fn write_secret(folder: &Path, name: &str, contents: &[u8]) -> Result<PathBuf, Failure> {
    let path = folder.join(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&path).and_then(|mut file| file.write_all(contents));
    written.map_err(|error| Failure::of_files(&error))?;
    Ok(path)
}
