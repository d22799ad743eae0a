//! GitHub Apps: from an App's private key to a token that is good for an hour, as GitHub's REST API gives it.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use reqwest::Client;
use reqwest::Method;
use reqwest::redirect::Policy;
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use serde::Deserialize;

use crate::git::GitSettings;
use crate::git::Remote;
use crate::git::error::Failure;
use crate::git::error::GitErrorKind;
use crate::git::error::one_line;
use crate::git::login::GitHubApp;
use crate::git::login::GitLogin;
use crate::git::login::Way;
use crate::model::git_url::GitUrl;
use crate::tls;
use crate::tls::Roots;

const PUBLIC: &str = "https://api.github.com";
/// Most that is read of an answer.
const ANSWER: usize = 256 * 1024;
/// A token's life: GitHub takes at most ten minutes. It begins in the past, for clocks that are behind.
const BACKDATED: i64 = 60;
const LIFE: i64 = 540;

/// The login that an App's key gives at this repository; `None` if the login is no App.
pub(super) async fn login(remote: &Remote, settings: &GitSettings) -> Result<Option<GitLogin>, Failure> {
    let Way::GitHubApp(app) = remote.login.way() else { return Ok(None) };
    let api = Api::new(app, remote, settings)?;
    let installation = match &app.installation_id {
        Some(id) => id.clone(),
        None => api.installation(&remote.url).await?,
    };
    if !installation.bytes().all(|b| b.is_ascii_digit()) || installation.is_empty() {
        return Err(Failure::new(GitErrorKind::Refused, "the installation id of the GitHub App is no number"));
    }
    let token = api.token(&installation).await?;
    let login = GitLogin::password("x-access-token", token);
    Ok(Some(match remote.login.certificate() {
        Some(certificate) => login.with_client_certificate(certificate.clone()),
        None => login,
    }))
}

struct Api {
    client: Client,
    base: String,
    jwt: SecretString,
}

impl Api {
    fn new(app: &GitHubApp, remote: &Remote, settings: &GitSettings) -> Result<Self, Failure> {
        let refused = |what: &str| Failure::new(GitErrorKind::Refused, what);
        let base = app.base_url.as_deref().unwrap_or(PUBLIC).trim_end_matches('/').to_owned();
        let parsed = reqwest::Url::parse(&base).map_err(|_| refused("the GitHub App's base URL is no URL"))?;
        let local = matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if parsed.scheme() != "https" && !(parsed.scheme() == "http" && local) {
            return Err(refused("the GitHub App's base URL is not https"));
        }
        let mut client = Client::builder()
            .user_agent(settings.user_agent.clone())
            .redirect(Policy::none())
            .timeout(settings.timeout)
            .connect_timeout(Duration::from_secs(15).min(settings.timeout));
        let unusable = |error: &dyn std::error::Error| {
            Failure::new(GitErrorKind::Certificate, format!("no secure connection can be made: {error}"))
        };
        client = if remote.trust.insecure {
            client.tls_danger_accept_invalid_certs(true)
        } else {
            let roots = tls::certificates(remote.trust.certificates.as_bytes());
            let roots = roots.map_err(|_| Failure::new(GitErrorKind::Certificate, "the given CAs are no PEM"))?;
            let tls = tls::client(Roots::SystemAnd(roots)).map_err(|error| unusable(&error))?;
            client.tls_backend_preconfigured(tls)
        };
        if let Some(proxy) = &remote.trust.proxy {
            let proxy = reqwest::Proxy::all(proxy.expose_secret()).map_err(|_| refused("the proxy is no URL"))?;
            client = client.proxy(proxy);
        }
        let client = client.build().map_err(|error| unusable(&error))?;
        Ok(Self { client, base, jwt: jwt(app, settings.now)? })
    }

    /// The App's installation at the owner of a repository.
    async fn installation(&self, url: &GitUrl) -> Result<String, Failure> {
        #[derive(Deserialize)]
        struct Installation {
            id: u64,
        }
        let path = url.path().trim_matches('/');
        let repository = path.strip_suffix(".git").unwrap_or(path);
        let found: Installation = self.ask(Method::GET, &format!("/repos/{repository}/installation")).await?;
        Ok(found.id.to_string())
    }

    async fn token(&self, installation: &str) -> Result<SecretString, Failure> {
        #[derive(Deserialize)]
        struct Token {
            token: SecretString,
        }
        let path = format!("/app/installations/{installation}/access_tokens");
        let answer: Token = self.ask(Method::POST, &path).await?;
        Ok(answer.token)
    }

    async fn ask<T: for<'de> Deserialize<'de>>(&self, method: Method, path: &str) -> Result<T, Failure> {
        let request = self.client.request(method, format!("{}{path}", self.base));
        let request = request.header("Accept", "application/vnd.github+json").bearer_auth(self.jwt.expose_secret());
        let unreachable = |error: reqwest::Error| {
            let kind = if error.is_timeout() { GitErrorKind::TimedOut } else { GitErrorKind::Unreachable };
            let error = error.without_url();
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            Failure::new(
                kind,
                format!("GitHub's API at {} does not answer: {}", self.base, one_line(&format!("{error}: {cause}"))),
            )
        };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&piece);
            if body.len() > ANSWER {
                return Err(Failure::protocol("the answer of GitHub's API is too long"));
            }
        }
        if !status.is_success() {
            #[derive(Default, Deserialize)]
            struct Refusal {
                #[serde(default)]
                message: String,
            }
            let words = serde_json::from_slice::<Refusal>(&body).unwrap_or_default().message;
            let kind = match status.as_u16() {
                401 | 403 | 404 => GitErrorKind::Denied,
                _ => GitErrorKind::Unreachable,
            };
            let message = format!("GitHub's API answers {status} to the GitHub App: {}", one_line(&words));
            return Err(Failure::new(kind, message.trim_end_matches([':', ' ']))
                .hint("check the App's id, installation id and private key"));
        }
        serde_json::from_slice(&body).map_err(|_| Failure::protocol("GitHub's API gives an answer that is not its own"))
    }
}

/// Proves, for a few minutes, that we have the App's key (RFC 7519, RS256).
fn jwt(app: &GitHubApp, now: Timestamp) -> Result<SecretString, Failure> {
    let refused = |what: &str| Failure::new(GitErrorKind::Refused, format!("the private key of the GitHub App {what}"));
    let key = PrivateKeyDer::from_pem_slice(app.private_key.expose_secret().as_bytes());
    let key = any_supported_type(&key.map_err(|_| refused("is no PEM"))?).map_err(|_| refused("is no key"))?;
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).ok_or_else(|| refused("is no RSA key"))?;
    let issued = now.as_second() - BACKDATED;
    let claims = serde_json::json!({"iat": issued, "exp": issued + BACKDATED + LIFE, "iss": app.app_id});
    let text = [r#"{"alg":"RS256","typ":"JWT"}"#, &claims.to_string()].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    let text = text.join(".");
    let signature = signer.sign(text.as_bytes()).map_err(|_| refused("cannot sign"))?;
    Ok(SecretString::from(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))))
}
