//! Bearer tokens: fetched from a registry's token service, kept until they expire, shared by all who need the same.
//!
//! One fetch at a time per token, so that a hundred requests for one repository cost one. Knows the Docker token
//! protocol (GET) and its OAuth2 form (POST), which only identity tokens need.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use http::HeaderValue;
use http::Method;
use reqwest::Url;
use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::registry::credentials::Login;
use crate::registry::error::Failure;
use crate::registry::error::RegistryErrorKind;
use crate::registry::memo::locked;
use crate::registry::refusal;
use crate::registry::requests;
use crate::registry::transport::Request;
use crate::registry::transport::Transport;
use crate::registry::trust::Trust;
use crate::registry::wire;

/// Most that is read of a token service's answer.
const TOKEN_ANSWER: usize = 1024 * 1024;
/// How this tool calls itself to OAuth2 token services.
const CLIENT_ID: &str = "kubectl-image-update";

/// Which token is wanted; equal wishes share one token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Wish {
    pub(super) realm: Url,
    pub(super) service: Option<String>,
    /// Several are separated by blanks.
    pub(super) scope: String,
    /// `None`: anonymous.
    pub(super) login: Option<Login>,
    /// What the realm's certificate is verified by.
    pub(super) trust: Trust,
}

/// A token, ready to be sent.
#[derive(Clone)]
pub(super) struct Token {
    header: HeaderValue,
    good_until: Instant,
}

impl Token {
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// Every token in use.
#[derive(Default)]
pub(super) struct Tokens {
    slots: Mutex<HashMap<Wish, Slot>>,
    /// Refresh tokens that a service gave in exchange for one it no longer accepts.
    renewed: Mutex<HashMap<(Url, Login), SecretString>>,
}

impl Tokens {
    /// Returns a token, and whether it is fresh: fetched by this very call.
    ///
    /// `refused` is a token that the registry did not accept: one like it is not handed out again.
    ///
    /// # Errors
    /// If the token service does not give one.
    pub(super) async fn get(
        &self,
        transport: &Transport,
        wish: &Wish,
        guarded: bool,
        refused: Option<&Token>,
    ) -> Result<(Token, bool), Failure> {
        let slot = Arc::clone(locked(&self.slots).entry(wish.clone()).or_default());
        let mut slot = slot.lock().await;
        let usable = slot.as_ref().filter(|token| {
            token.good_until > transport.clock().now() && refused.is_none_or(|refused| refused.header != token.header)
        });
        if let Some(token) = usable {
            return Ok((token.clone(), false));
        }
        let token = self.fetch(transport, wish, guarded).await?;
        *slot = Some(token.clone());
        Ok((token, true))
    }

    async fn fetch(&self, transport: &Transport, wish: &Wish, guarded: bool) -> Result<Token, Failure> {
        let service = requests::authority(&wish.realm);
        let asked_at = transport.clock().now();
        let answer = transport.send(&self.request(wish, guarded)).await?;
        if !answer.status.is_success() {
            let mut failure = refusal::of(&answer, RegistryErrorKind::Denied);
            failure.message = format!("no token: {}", failure.message);
            let refused = matches!(answer.status.as_u16(), 400 | 401 | 403);
            if refused && wish.login.is_some() {
                failure.kind = RegistryErrorKind::Denied;
                failure.hint = Some(format!(
                    "{service} did not accept the login; `docker login` again, or `docker logout` to go on without"
                ));
            }
            return Err(failure);
        }
        let read = wire::token_answer(&answer.body)
            .ok_or_else(|| Failure::protocol(format!("{service} gave an answer that is not a token's")))?;
        let lifetime = Duration::from_secs(read.lifetime());
        if let (Some(login), Some(renewed)) = (&wish.login, &read.refresh_token)
            && login.refresh_token().is_some()
        {
            locked(&self.renewed).insert((wish.realm.clone(), login.clone()), SecretString::from(renewed.clone()));
        }
        let token = read.into_token().ok_or_else(|| Failure::protocol(format!("{service} gave no token")))?;
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| Failure::protocol(format!("{service} gave a token that no header can carry")))?;
        header.set_sensitive(true);
        // Some slack: a token must not expire on its way.
        let slack = (lifetime / 10).min(Duration::from_secs(30));
        Ok(Token { header, good_until: asked_at + lifetime.saturating_sub(slack) })
    }

    fn request(&self, wish: &Wish, guarded: bool) -> Request {
        let mut request = Request::get(wish.realm.clone(), TOKEN_ANSWER);
        request.guarded = guarded;
        request.trust = wish.trust.clone();
        // A login must not travel, and a token service that moves is not one to believe.
        request.redirects = false;
        let service = wish.service.as_deref().map(|service| ("service", service));
        let scopes = wish.scope.split(' ').map(|scope| ("scope", scope));
        let Some(refresh) = wish.login.as_ref().and_then(Login::refresh_token) else {
            let account = wish.login.as_ref().and_then(Login::username).map(|name| ("account", name));
            request.url.query_pairs_mut().extend_pairs(service.into_iter().chain(scopes).chain(account));
            request.authorization = wish.login.as_ref().and_then(Login::basic);
            return request;
        };
        let key = wish.login.as_ref().map(|login| (wish.realm.clone(), login.clone()));
        let renewed = key.and_then(|key| locked(&self.renewed).get(&key).cloned());
        let refresh = renewed.as_ref().unwrap_or(refresh).expose_secret();
        let mut form = Url::parse("form:").expect("a constant");
        form.query_pairs_mut()
            .extend_pairs([("grant_type", "refresh_token"), ("client_id", CLIENT_ID), ("refresh_token", refresh)])
            .extend_pairs(service)
            // In a form it is one field (RFC 6749 section 6).
            .append_pair("scope", &wish.scope);
        request.method = Method::POST;
        request.form = form.query().map(str::to_owned);
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(login: Option<Login>) -> Wish {
        Wish {
            realm: Url::parse("https://auth.example.com/token?x=1").unwrap(),
            service: Some("registry".to_owned()),
            scope: "repository:acme/web:pull".to_owned(),
            login,
            trust: Trust::default(),
        }
    }

    #[test]
    fn a_password_goes_into_the_header_and_an_identity_token_into_the_form() {
        let tokens = Tokens::default();
        let secret = |text: &str| SecretString::from(text.to_owned());
        let query = "x=1&service=registry&scope=repository%3Aacme%2Fweb%3Apull";

        let anonymous = tokens.request(&wish(None), true);
        assert_eq!((anonymous.url.query(), anonymous.authorization), (Some(query), None));
        assert!(anonymous.guarded && !anonymous.redirects);

        let password = tokens.request(&wish(Some(Login::of("foo", secret("bar")))), false);
        assert_eq!(password.url.query(), Some(format!("{query}&account=foo").as_str()));
        assert_eq!(password.authorization.unwrap().to_str().unwrap(), "Basic Zm9vOmJhcg==");

        let identity = wish(Some(Login::identity_token(secret("a&b"))));
        let form = |token: &str| {
            format!(
                "grant_type=refresh_token&client_id={CLIENT_ID}&refresh_token={token}&service=registry\
                 &scope=repository%3Aacme%2Fweb%3Apull"
            )
        };
        let request = tokens.request(&identity, false);
        assert_eq!((request.method, request.authorization), (Method::POST, None));
        assert_eq!((request.url.query(), request.form), (Some("x=1"), Some(form("a%26b"))));

        let key = (identity.realm.clone(), identity.login.clone().unwrap());
        tokens.renewed.lock().unwrap().insert(key, secret("next"));
        assert_eq!(tokens.request(&identity, false).form, Some(form("next")));
    }
}
