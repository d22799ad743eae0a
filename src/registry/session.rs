//! Questions to registries, logged in where that is needed and allowed.
//!
//! The question itself goes first; only a 401 makes this module look for tokens, and what a host wants is learned once:
//! later questions, for any repository of the host, bring their token along.

mod advice;
mod dates;
mod scopes;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::time::Duration;

use http::HeaderValue;
use http::Method;
use http::StatusCode;
use reqwest::Url;

use crate::registry::Access;
use crate::registry::Remote;
use crate::registry::challenge;
use crate::registry::challenge::Challenge;
use crate::registry::conf::RegistriesConf;
use crate::registry::credentials::Found;
use crate::registry::credentials::Login;
use crate::registry::credentials::Logins;
use crate::registry::endpoint::Endpoint;
use crate::registry::error::Failure;
use crate::registry::error::RegistryErrorKind;
use crate::registry::error::one_line;
use crate::registry::guard;
use crate::registry::lost::Again;
use crate::registry::lost::speaks_tls;
use crate::registry::memo::locked;
use crate::registry::refusal;
use crate::registry::requests;
use crate::registry::session::scopes::Scopes;
use crate::registry::tokens::Token;
use crate::registry::tokens::Tokens;
use crate::registry::tokens::Wish;
use crate::registry::transport::Answer;
use crate::registry::transport::Request;
use crate::registry::transport::Transport;

/// What is asked of a registry.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: Option<&'static str>,
    /// Most bytes of the answer.
    pub(super) limit: usize,
    /// What a 404 means.
    pub(super) missing: RegistryErrorKind,
}

/// Asks registries.
pub(super) struct Session {
    pub(super) transport: Transport,
    tokens: Tokens,
    pub(super) scopes: Scopes,
    logins: Logins,
    trusted_realms: Vec<String>,
    /// Set before the first question, if at all.
    pub(super) conf: OnceLock<RegistriesConf>,
    /// By scheme, host and port of the API.
    hosts: Mutex<HashMap<String, Arc<Learned>>>,
}

/// How long the questions to a host wait for the answer to the first.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// What one host turned out to want.
#[derive(Default)]
struct Learned {
    means: Mutex<Option<Means>>,
    /// Held by the first question, while it finds out.
    first: tokio::sync::Mutex<()>,
    /// The scheme that this machine's port speaks.
    scheme: Mutex<Option<&'static str>>,
}

impl Learned {
    /// Where a question goes, once the scheme of a port of this machine is known.
    fn url(&self, question: &Question) -> Url {
        let mut url = question.url.clone();
        if let Some(scheme) = *locked(&self.scheme) {
            set_scheme(&mut url, scheme);
        }
        url
    }

    /// Whether an answer asks for a login; one from the target of a redirect is not to be given any.
    fn turns_away(&self, answer: &Answer, question: &Question) -> bool {
        answer.status == StatusCode::UNAUTHORIZED && requests::same_origin(&answer.url, &self.url(question))
    }
}

/// How a host lets itself be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Means {
    /// Without any login, or at least the first question was answered without.
    Open,
    Basic,
    Bearer {
        realm: Url,
        service: Option<String>,
    },
}

/// What lets one question in.
#[derive(Default)]
struct Pass {
    header: Option<HeaderValue>,
    /// The token in it, if it was not fetched for this question: then a refusal may only mean that it is too old.
    kept: Option<Token>,
}

/// A login at work for one question.
struct Identity<'a> {
    endpoint: &'a Endpoint,
    found: Found,
    /// The caller's login, if there is one, must not be sent.
    lends_nothing: bool,
}

impl Session {
    pub(super) fn new(transport: Transport, logins: Logins, trusted_realms: Vec<String>) -> Self {
        Self {
            transport,
            tokens: Tokens::default(),
            scopes: Scopes::default(),
            logins,
            trusted_realms,
            conf: OnceLock::new(),
            hosts: Mutex::default(),
        }
    }

    /// Where a repository is served.
    ///
    /// # Errors
    /// If the registry's name is not a host.
    pub(super) fn endpoint(&self, remote: &Remote) -> Result<Endpoint, Failure> {
        Endpoint::find(remote, self.conf.get())
    }

    /// Asks, and returns the answer if it is a success.
    ///
    /// # Errors
    /// If there is no answer, or it is not a success.
    pub(super) async fn ask(
        &self,
        remote: &Remote,
        endpoint: &Endpoint,
        question: &Question,
    ) -> Result<Answer, Failure> {
        if let Some(rate) = endpoint.rate {
            self.transport.keep_rate(&endpoint.base, rate);
        }
        let lends_nothing = remote.access == Access::Caller && endpoint.own_names.is_empty();
        let who = Identity { endpoint, found: self.found(remote, endpoint).await, lends_nothing };
        let outcome = match self.converse(&who, question).await {
            Ok(answer) if answer.status.is_success() => return Ok(answer),
            Ok(answer) => refusal::of(&answer, question.missing),
            Err(failure) => failure,
        };
        Err(self.advise(&who, outcome))
    }

    async fn converse(&self, who: &Identity<'_>, question: &Question) -> Result<Answer, Failure> {
        let learned = self.learned(who.endpoint);
        let known = locked(&learned.means).clone();
        let (means, turned_away) = match known {
            Some(means) => (means, None),
            None => match self.find_out(who, &learned, question).await? {
                FoundOut::Answer(answer) => return Ok(answer),
                FoundOut::Means(means, challenges) => (means, challenges),
            },
        };
        let scope = turned_away.as_deref().map_or_else(|| who.endpoint.scope(), |c| who.endpoint.asked_scope(c));
        if let Some(answer) = self.converse_as_one_of_several(who, &means, &scope, question).await? {
            return Ok(answer);
        }
        let pass = self.pass(who, &means, &scope, None).await?;
        let answer = self.send(who.endpoint, &learned, question, pass.header).await?;
        if !learned.turns_away(&answer, question) {
            return Ok(answer);
        }
        // Turned away all the same: the host wants something else, or the token was no longer good.
        let challenges = challenge::of(&answer.headers);
        let Some(wanted) = self.choose(&challenges, who)? else { return Ok(answer) };
        let wanted_scope = who.endpoint.asked_scope(&challenges);
        if wanted == means && wanted_scope == scope && pass.kept.is_none() {
            return Ok(answer);
        }
        *locked(&learned.means) = Some(wanted.clone());
        let pass = self.pass(who, &wanted, &wanted_scope, pass.kept.as_ref()).await?;
        self.send(who.endpoint, &learned, question, pass.header).await
    }

    /// Asks without a login what nobody asked this host before, and learns from what comes back.
    ///
    /// The others wait a little: without this, as many questions as may be in flight would all be turned away; with
    /// more of it, a host that never answers the first would not get to answer any.
    async fn find_out(&self, who: &Identity<'_>, learned: &Learned, question: &Question) -> Result<FoundOut, Failure> {
        let _turn = tokio::time::timeout(FIRST_ANSWER, learned.first.lock()).await;
        if let Some(means) = locked(&learned.means).clone() {
            return Ok(FoundOut::Means(means, None));
        }
        if let Some((realm, service)) = who.endpoint.quirk.token_service {
            let realm = Url::parse(realm).expect("a test reads every row");
            let means = Means::Bearer { realm, service: Some(service.to_owned()) };
            *locked(&learned.means) = Some(means.clone());
            return Ok(FoundOut::Means(means, None));
        }
        let outcome = match self.send(who.endpoint, learned, question, None).await {
            Ok(answer) => self.offer(who, learned, question, answer),
            Err(failure) => Err(failure),
        };
        // Whatever became of this question, the others need not wait for one another.
        let means = match &outcome {
            Ok(FoundOut::Means(means, _)) => means.clone(),
            _ => Means::Open,
        };
        *locked(&learned.means) = Some(means);
        outcome
    }

    /// What the first answer of a host tells about it.
    fn offer(
        &self,
        who: &Identity<'_>,
        learned: &Learned,
        question: &Question,
        answer: Answer,
    ) -> Result<FoundOut, Failure> {
        if !learned.turns_away(&answer, question) {
            return Ok(FoundOut::Answer(answer));
        }
        let challenges = challenge::of(&answer.headers);
        let means = self.choose(&challenges, who)?;
        Ok(means.map_or(FoundOut::Answer(answer), |means| FoundOut::Means(means, Some(challenges))))
    }

    /// Picks from what a registry offers: tokens, unless only Basic keeps the login with the registry itself.
    fn choose(&self, challenges: &[Challenge], who: &Identity<'_>) -> Result<Option<Means>, Failure> {
        let basic = challenges.iter().any(|c| c.scheme == "basic").then_some(Means::Basic);
        let Some(bearer) = challenges.iter().find(|c| c.scheme == "bearer") else { return Ok(basic) };
        let registry = who.endpoint.authority();
        let Some(realm) = bearer.get("realm") else {
            return basic
                .map(Some)
                .ok_or_else(|| Failure::protocol(format!("{registry} wants a token and does not say from where")));
        };
        let refused = |why: &str| Failure::protocol(format!("{registry} names {} for tokens, {why}", one_line(realm)));
        let url = Url::parse(realm).map_err(|_| refused("which is not a URL"))?;
        if !requests::has_no_login(&url) {
            return Err(refused("which has a login in it"));
        }
        match url.scheme() {
            "https" => {}
            // Plain http stays on this machine, on both ends.
            "http" if requests::is_loopback(&url) && requests::is_loopback(&who.endpoint.base) => {}
            // Or somebody wrote down that this registry is asked in the clear.
            "http" if who.endpoint.in_clear && self.trusts(who.endpoint, &url) => {}
            _ => return Err(refused("where a token would travel in the clear")),
        }
        let can_do_basic = who.found.login.as_ref().and_then(Login::basic).is_some();
        if basic.is_some() && can_do_basic && !self.trusts(who.endpoint, &url) {
            return Ok(basic);
        }
        Ok(Some(Means::Bearer { realm: url, service: bearer.get("service").map(str::to_owned) }))
    }

    /// What lets a question in; `refused` is a token that did not.
    async fn pass(
        &self,
        who: &Identity<'_>,
        means: &Means,
        scope: &str,
        refused: Option<&Token>,
    ) -> Result<Pass, Failure> {
        let (realm, service) = match means {
            Means::Open => return Ok(Pass::default()),
            Means::Basic => {
                return Ok(Pass { header: who.found.login.as_ref().and_then(Login::basic), kept: None });
            }
            Means::Bearer { realm, service } => (realm, service),
        };
        let login = who.found.login.as_ref().filter(|_| self.trusts(who.endpoint, realm)).cloned();
        let trust = who.endpoint.trust.between(&who.endpoint.base, realm);
        let wish = Wish { realm: realm.clone(), service: service.clone(), scope: scope.to_owned(), login, trust };
        let guarded = self.transport.must_guard(&who.endpoint.base, realm).await;
        let asked = self.tokens.get(&self.transport, &wish, guarded, refused).await;
        // Whatever went wrong, it may be for want of the login.
        let (token, fresh) = asked.map_err(|failure| match self.withheld(who, realm) {
            Some(withheld) => {
                let more = failure.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
                failure.hint(withheld + &more)
            }
            None => failure,
        })?;
        Ok(Pass { header: Some(token.header()), kept: (!fresh).then_some(token) })
    }

    fn trusts(&self, endpoint: &Endpoint, realm: &Url) -> bool {
        guard::may_receive_login(endpoint, realm, &self.trusted_realms)
    }

    async fn send(
        &self,
        endpoint: &Endpoint,
        learned: &Learned,
        question: &Question,
        authorization: Option<HeaderValue>,
    ) -> Result<Answer, Failure> {
        let mut request = Request::get(question.url.clone(), question.limit);
        request.method = question.method.clone();
        request.accept = question.accept;
        request.authorization = authorization;
        request.trust = endpoint.trust.clone();
        if !endpoint.open_scheme {
            return self.transport.send(&request).await;
        }
        let scheme = *locked(&learned.scheme);
        match scheme {
            Some(scheme) => {
                set_scheme(&mut request.url, scheme);
                self.transport.send(&request).await
            }
            None => self.send_to_unknown_port(learned, request).await,
        }
    }

    /// Asks a port of this machine over plain http, and over TLS if it turns out to speak that.
    async fn send_to_unknown_port(&self, learned: &Learned, request: Request) -> Result<Answer, Failure> {
        let learn = |scheme| *locked(&learned.scheme) = Some(scheme);
        let plain = self.transport.once(&request).await;
        if !speaks_tls(&plain) {
            if plain.is_ok() {
                learn("http");
            }
            return self.transport.resume(&request, plain).await;
        }
        let mut tls = request.clone();
        set_scheme(&mut tls.url, "https");
        match self.transport.once(&tls).await {
            // Neither: the first failure is the one to tell of.
            Err(lost) if lost.again != Again::Never => self.transport.resume(&request, plain).await,
            // Also with a certificate that is not to be trusted: this is TLS.
            outcome => {
                learn("https");
                self.transport.resume(&tls, outcome).await
            }
        }
    }

    fn learned(&self, endpoint: &Endpoint) -> Arc<Learned> {
        let origin = format!("{}://{}", endpoint.base.scheme(), endpoint.authority());
        Arc::clone(locked(&self.hosts).entry(origin).or_default())
    }
}

enum FoundOut {
    Answer(Answer),
    /// With the challenges of the answer that told, if one had to be turned away for it.
    Means(Means, Option<Vec<Challenge>>),
}

fn set_scheme(url: &mut Url, scheme: &str) {
    url.set_scheme(scheme).expect("http and https replace each other");
}
