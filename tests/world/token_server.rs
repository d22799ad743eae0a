//! The token service of a registry: checks a login, and gives a signed token for what the user may do.
//!
//! Part of the registry double by default; a server of its own for a real registry, or to stand on another origin.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Response;
use serde_json::Value;
use serde_json::json;

use super::fault::Fault;
use super::http::Answer;
use super::http::Exchange;
use super::http::HttpServer;
use super::http::Request;
use super::tls::Authority;

/// The name by which registry and token service know each other.
pub(crate) const SERVICE: &str = "test-registry";
pub(crate) const ISSUER: &str = "test-issuer";

/// Users, what they may pull, and the tokens given out.
#[derive(Debug, Default)]
pub(crate) struct TokenAuthority {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Name and password.
    users: BTreeMap<String, String>,
    /// Repositories that anybody may pull.
    public: BTreeSet<String>,
    /// Repositories that only these users may pull; others are open to every user.
    restricted: BTreeMap<String, BTreeSet<String>>,
    tokens: BTreeMap<String, Token>,
    /// What `expires_in` says; `None`: the field is left out.
    lifetime: Option<u64>,
    serial: u64,
    /// Answers carry `access_token` instead of `token`.
    oauth_field: bool,
}

#[derive(Clone, Debug)]
struct Token {
    user: String,
    /// Repositories the token may pull.
    pull: BTreeSet<String>,
    /// Repositories whose tags the token may list where that is a right of its own.
    metadata: BTreeSet<String>,
}

/// Why a token does not open a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Unknown,
    InsufficientScope,
}

impl TokenAuthority {
    pub(crate) fn add_user(&self, (name, password): (&str, &str)) {
        self.state.lock().unwrap().users.insert(name.to_owned(), password.to_owned());
    }

    /// Lets anybody pull this repository without a login.
    pub(crate) fn publish(&self, repository: &str) {
        self.state.lock().unwrap().public.insert(repository.to_owned());
    }

    /// Lets only these users pull this repository.
    pub(crate) fn restrict(&self, repository: &str, users: &[&str]) {
        let users = users.iter().map(|&user| user.to_owned()).collect();
        self.state.lock().unwrap().restricted.insert(repository.to_owned(), users);
    }

    pub(crate) fn set_lifetime(&self, seconds: u64) {
        self.state.lock().unwrap().lifetime = Some(seconds);
    }

    /// Answers with the field name of OAuth 2, which the token protocol allows too.
    pub(crate) fn answer_as_oauth(&self) {
        self.state.lock().unwrap().oauth_field = true;
    }

    /// Makes all tokens given out so far invalid, as time would.
    pub(crate) fn expire_tokens(&self) {
        self.state.lock().unwrap().tokens.clear();
    }

    /// The user of a valid login.
    pub(crate) fn login(&self, basic: &str) -> Option<String> {
        let decoded = STANDARD.decode(basic).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (name, password) = text.split_once(':')?;
        (self.state.lock().unwrap().users.get(name)? == password).then(|| name.to_owned())
    }

    /// Whether the token opens a repository, and whose it is.
    pub(crate) fn check(&self, token: &str, repository: Option<&str>) -> Result<String, Refused> {
        let state = self.state.lock().unwrap();
        let token = state.tokens.get(token).ok_or(Refused::Unknown)?;
        match repository {
            Some(repository) if !token.pull.contains(repository) => Err(Refused::InsufficientScope),
            _ => Ok(token.user.clone()),
        }
    }

    /// Whether the token opens the metadata of a repository.
    pub(crate) fn check_metadata(&self, token: &str, repository: &str) -> Result<String, Refused> {
        let state = self.state.lock().unwrap();
        let token = state.tokens.get(token).ok_or(Refused::Unknown)?;
        token.metadata.contains(repository).then(|| token.user.clone()).ok_or(Refused::InsufficientScope)
    }

    /// Whether somebody with this Basic login, or without, may pull a repository; who it is.
    pub(crate) fn may_pull(&self, basic: Option<&str>, repository: &str) -> Option<String> {
        let user = match basic {
            Some(basic) => self.login(basic)?,
            None => String::new(),
        };
        self.state.lock().unwrap().may_pull(&user, repository).then_some(user)
    }

    /// The token endpoint: `GET` with Basic or without a login, `POST` with a form.
    pub(crate) fn answer(&self, request: &Request) -> Answer {
        let form = Request { query: String::from_utf8_lossy(&request.body).into_owned(), ..request.clone() };
        let fields = if request.method == "POST" { &form } else { request };
        let basic = request.header("authorization").and_then(|value| value.strip_prefix("Basic "));
        let user = match (basic, fields.parameter("grant_type").as_deref()) {
            (Some(basic), _) => self.login(basic),
            (None, Some("password")) => {
                let [name, password] = ["username", "password"].map(|field| fields.parameter(field));
                self.login(&STANDARD.encode(format!("{}:{}", name.unwrap_or_default(), password.unwrap_or_default())))
            }
            // A refresh token of this service is `refresh-` and the name of its user.
            (None, Some("refresh_token")) => {
                let token = fields.parameter("refresh_token").unwrap_or_default();
                let name = token.strip_prefix("refresh-").map(str::to_owned);
                name.filter(|name| self.state.lock().unwrap().users.contains_key(name))
            }
            (None, _) => Some(String::new()),
        };
        let Some(user) = user else {
            let error = json!({"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]});
            return respond(401, &error, None);
        };
        let wanted = fields.parameters("scope").flat_map(|scope| {
            // Several scopes come as several parameters or, in OAuth 2, separated by spaces.
            scope.split(' ').map(str::to_owned).collect::<Vec<_>>()
        });
        let grant = self.issue(&user, &wanted.collect::<Vec<_>>());
        respond(200, &grant, Some(user).filter(|user| !user.is_empty()))
    }

    fn issue(&self, user: &str, scopes: &[String]) -> Value {
        let mut state = self.state.lock().unwrap();
        let granted = |wanted: &str| -> BTreeSet<String> {
            let repositories = scopes.iter().filter_map(|scope| {
                let (repository, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
                actions.split(',').any(|action| action == wanted).then_some(repository)
            });
            repositories.filter(|repository| state.may_pull(user, repository)).map(str::to_owned).collect()
        };
        let (pull, metadata) = (granted("pull"), granted("metadata_read"));
        state.serial += 1;
        let access = pull.iter().map(|name| (name.as_str(), &["pull"][..]));
        let token = sign(user, access, state.serial);
        state.tokens.insert(token.clone(), Token { user: user.to_owned(), pull, metadata });
        let field = if state.oauth_field { "access_token" } else { "token" };
        let mut grant = json!({field: token});
        if let Some(lifetime) = state.lifetime {
            grant["expires_in"] = lifetime.into();
        }
        grant
    }
}

impl State {
    fn may_pull(&self, user: &str, repository: &str) -> bool {
        let open = || !user.is_empty() && self.restricted.get(repository).is_none_or(|users| users.contains(user));
        self.public.contains(repository) || open()
    }
}

fn respond(status: u16, body: &Value, user: Option<String>) -> Answer {
    let response = Response::builder().status(status).header("Content-Type", "application/json");
    Answer { response: response.body(body.to_string().into()).expect("a legal answer"), user }
}

/// A token that lets the tests themselves write to a real registry.
pub(crate) fn master_token(repository: &str) -> String {
    sign("harness", [(repository, &["pull", "push", "delete"][..])], 0)
}

/// A token that the real registry accepts: a JSON Web Token with the certificate of its key in the header.
fn sign<'a>(user: &str, access: impl IntoIterator<Item = (&'a str, &'a [&'a str])>, serial: u64) -> String {
    let authority = Authority::of_this_process();
    let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(&authority.certificate_der)]});
    let access: Vec<Value> = access
        .into_iter()
        .map(|(name, actions)| json!({"type": "repository", "name": name, "actions": actions}))
        .collect();
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "iss": ISSUER, "sub": user, "aud": SERVICE, "exp": now + 3600, "nbf": now - 60, "iat": now,
        "jti": serial.to_string(), "access": access,
    });
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = authority.sign_es256(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token service with an address of its own.
pub(crate) struct TokenServer {
    server: HttpServer,
    pub(crate) authority: Arc<TokenAuthority>,
}

impl TokenServer {
    /// Listens on `host`; another loopback address than the registry's is another host to a client.
    pub(crate) fn start(host: IpAddr, authority: Arc<TokenAuthority>) -> Self {
        let own = Arc::clone(&authority);
        let server = HttpServer::start_on(host, None, move |request| own.answer(request));
        Self { server, authority }
    }

    /// Over TLS, for a name of [`super::internet`].
    pub(crate) fn start_tls(authority: Arc<TokenAuthority>) -> Self {
        let own = Arc::clone(&authority);
        let acceptor = Authority::of_this_process().acceptor();
        let server = HttpServer::start(Some(acceptor), move |request| own.answer(request));
        Self { server, authority }
    }

    /// `IP:PORT`.
    pub(crate) fn address(&self) -> String {
        self.server.authority()
    }

    pub(crate) fn realm(&self) -> String {
        format!("http://{}/token", self.server.authority())
    }

    pub(crate) fn log(&self) -> Vec<Exchange> {
        self.server.log()
    }

    pub(crate) fn clear_log(&self) {
        self.server.clear_log();
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.server.fault(fault);
    }
}
