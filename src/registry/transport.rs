//! Requests over the wire: sent with manners, read within bounds, sent again when that may help.
//!
//! Knows no registry and no token. Redirects are followed here, by hand, so that a login never travels with one.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header::ACCEPT;
use http::header::AUTHORIZATION;
use http::header::CONTENT_TYPE;
use http::header::LOCATION;
use jiff::Timestamp;
use reqwest::Client;
use reqwest::Url;

use crate::registry::body;
use crate::registry::clock::Clock;
use crate::registry::error::Failure;
use crate::registry::error::RegistryErrorKind;
use crate::registry::guard::Names;
use crate::registry::guard::Resolver;
use crate::registry::lost::Again;
use crate::registry::lost::Lost;
use crate::registry::memo::locked;
use crate::registry::pace;
use crate::registry::pace::Host;
use crate::registry::requests;
use crate::registry::trust::Trust;
use crate::tls;
use crate::tls::Roots;

/// Most redirects that are followed for one request.
const REDIRECTS: usize = 5;
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// An answer as a whole may take so many times what it may take to begin.
const WHOLE_ANSWER: u32 = 4;

/// How requests are sent.
#[derive(Clone, Debug)]
pub(super) struct TransportSettings {
    pub(super) user_agent: String,
    pub(super) in_flight: usize,
    pub(super) request_timeout: Duration,
    /// PEM certificates that are trusted beside the system's.
    pub(super) extra_roots: Vec<Vec<u8>>,
    pub(super) outside: Outside,
}

/// What the world beyond the wire says, which tests replace: the time, and where names lead.
#[derive(Clone, Debug, Default)]
pub(super) struct Outside {
    pub(super) clock: Clock,
    pub(super) names: Names,
}

/// One request; sending it twice does no harm.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: Option<&'static str>,
    pub(super) authorization: Option<HeaderValue>,
    /// The body of a form, URL-encoded.
    pub(super) form: Option<String>,
    /// Most bytes that are read of the body, after decompression.
    pub(super) limit: usize,
    /// The host was named by somebody else: it must be a public one.
    pub(super) guarded: bool,
    /// Whether redirects are followed.
    pub(super) redirects: bool,
    pub(super) trust: Trust,
}

impl Request {
    pub(super) fn get(url: Url, limit: usize) -> Self {
        Self {
            method: Method::GET,
            url,
            accept: None,
            authorization: None,
            form: None,
            limit,
            guarded: false,
            redirects: true,
            trust: Trust::default(),
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Where it came from, after redirects.
    pub(super) url: Url,
}

impl Answer {
    pub(super) fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// The ways to a host that must not share connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Route {
    /// Plain http to this machine: no proxy, and no trust store, so that it works where there is none.
    Plain,
    /// TLS to this machine: no proxy.
    Local,
    Verifying,
    /// Hosts that must be public: never reached through a connection that was made without that check.
    Guarded,
}

impl Route {
    fn of(request: &Request) -> Self {
        let loopback = requests::is_loopback(&request.url);
        match (request.url.scheme(), request.guarded) {
            ("http", _) if loopback => Self::Plain,
            (_, true) => Self::Guarded,
            (_, false) if loopback => Self::Local,
            (_, false) => Self::Verifying,
        }
    }
}

/// Sends requests.
pub(super) struct Transport {
    settings: TransportSettings,
    resolver: Resolver,
    /// Made when first needed, since reading the trust store takes its time.
    clients: Mutex<HashMap<(Route, Trust), Result<Client, Failure>>>,
    hosts: Mutex<BTreeMap<String, Arc<Host>>>,
    /// Hosts whose certificate was not verified.
    unverified: Mutex<BTreeSet<String>>,
}

impl Transport {
    pub(super) fn new(settings: TransportSettings) -> Self {
        let resolver = Resolver::new(settings.outside.names.clone());
        Self { settings, resolver, clients: Mutex::default(), hosts: Mutex::default(), unverified: Mutex::default() }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.settings.outside.clock
    }

    /// From now on, the host of `url` gets at most so many requests a second.
    pub(super) fn keep_rate(&self, url: &Url, requests_per_second: u32) {
        self.host(url).keep_rate(requests_per_second);
    }

    /// Requests sent, by host.
    pub(super) fn spent(&self) -> Vec<(String, usize)> {
        locked(&self.hosts).iter().map(|(name, host)| (name.clone(), host.spent())).collect()
    }

    /// How many requests the hosts that say so will still answer in their current window.
    pub(super) fn left(&self) -> Vec<(String, u64)> {
        locked(&self.hosts).iter().filter_map(|(name, host)| Some((name.clone(), host.requests_left()?))).collect()
    }

    /// What the clock of the host of `url` said last.
    pub(super) fn time_of(&self, url: &Url) -> Option<Timestamp> {
        self.host(url).time()
    }

    /// Hosts that were asked over TLS without a look at their certificate.
    pub(super) fn unverified(&self) -> Vec<String> {
        locked(&self.unverified).iter().cloned().collect()
    }

    /// Sends a request, again if that may help, and follows its redirects.
    ///
    /// # Errors
    /// If no answer could be had; an answer with an unwelcome status is an answer.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        let first = self.once(request).await;
        self.resume(request, first).await
    }

    /// Goes on after the first attempt at a request, as [`Self::send`] does.
    pub(super) async fn resume(&self, request: &Request, first: Result<Answer, Lost>) -> Result<Answer, Failure> {
        let mut request = request.clone();
        let mut first = Some(first);
        for _ in 0..=REDIRECTS {
            let outcome = match first.take() {
                Some(outcome) => outcome,
                None => self.once(&request).await,
            };
            let answer = self.persist(&request, outcome).await?;
            let Some(location) = redirected(&answer).filter(|_| request.redirects) else { return Ok(answer) };
            let to = requests::redirect(&request.url, location)
                .map_err(|what| Failure::protocol(format!("{} redirects {what}", requests::authority(&request.url))))?;
            if !requests::same_origin(&to, &request.url) {
                request.authorization = None;
            }
            request.guarded = request.guarded || self.must_guard(&request.url, &to).await;
            request.trust = request.trust.between(&request.url, &to);
            request.url = to;
        }
        Err(Failure::protocol(format!(
            "more than {REDIRECTS} redirects, the last to {}",
            requests::shown(&request.url)
        )))
    }

    /// Whether `to`, which `from` named, must be a public host.
    pub(super) async fn must_guard(&self, from: &Url, to: &Url) -> bool {
        from.host_str() != to.host_str() && self.resolver.leads_to_public(from).await
    }

    /// Tries again as long as that may help, beginning with what the first attempt brought.
    async fn persist(&self, request: &Request, first: Result<Answer, Lost>) -> Result<Answer, Failure> {
        let host = self.host(&request.url);
        let mut outcome = first;
        let mut attempt = 1;
        loop {
            let (retry_after, attempts) = match &outcome {
                Ok(answer) if pace::is_transient(answer.status) => {
                    (pace::retry_after(&answer.headers), host.attempts())
                }
                Err(Lost { again: Again::Connect | Again::Slow, .. }) => {
                    (None, host.attempts().min(pace::PATIENT_ATTEMPTS))
                }
                Err(Lost { again: Again::Yes, .. }) => (None, host.attempts()),
                Ok(_) => {
                    host.fine(self.settings.outside.clock.now());
                    return outcome.map_err(|lost| lost.failure);
                }
                Err(_) => return outcome.map_err(|lost| note_down(&host, lost)),
            };
            let wait = pace::wait(attempt, retry_after).filter(|_| attempt < attempts);
            if let Ok(answer) = &outcome
                && matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            {
                host.busy(retry_after.and(wait), self.settings.outside.clock.now());
            }
            let Some(wait) = wait else {
                host.gave_up();
                return outcome.map_err(|lost| note_down(&host, lost));
            };
            self.settings.outside.clock.sleep(wait).await;
            outcome = self.once(request).await;
            attempt += 1;
        }
    }

    /// Sends a request once and reads its answer.
    pub(super) async fn once(&self, request: &Request) -> Result<Answer, Lost> {
        let host = self.host(&request.url);
        let _permit = host.turn(&self.settings.outside.clock).await.map_err(Lost::never)?;
        let sending = self.exchange(request);
        let whole = self.settings.request_timeout * WHOLE_ANSWER;
        let outcome = tokio::time::timeout(whole, sending).await.unwrap_or_else(|_| {
            let name = requests::authority(&request.url);
            Err(Lost::new(Again::Slow, Failure::unreachable(format!("{name} did not finish its answer"))))
        });
        let (method, url) = (&request.method, requests::shown(&request.url));
        match &outcome {
            Ok(answer) => {
                let (status, bytes) = (answer.status.as_u16(), answer.body.len());
                tracing::debug!(target: "registry", %method, url, status, bytes);
            }
            Err(lost) => tracing::debug!(target: "registry", %method, url, failure = lost.failure.message),
        }
        outcome
    }

    async fn exchange(&self, request: &Request) -> Result<Answer, Lost> {
        let name = requests::authority(&request.url);
        if request.guarded {
            let admitted = self.resolver.admit(&request.url).await;
            admitted.map_err(|refused| Lost::new(Again::No, Failure::protocol(refused.to_string())))?;
        }
        let client = self.client(request).map_err(Lost::never)?;
        let mut builder = client.request(request.method.clone(), request.url.clone());
        if let Some(accept) = request.accept {
            builder = builder.header(ACCEPT, accept);
        }
        if let Some(authorization) = &request.authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        if let Some(form) = &request.form {
            builder = builder.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.clone());
        }
        let response = builder.send().await.map_err(|error| Lost::of(&name, error))?;
        let (status, url) = (response.status(), response.url().clone());
        let headers = response.headers().clone();
        if let Some(left) = pace::requests_left(&headers) {
            self.host(&request.url).left(left);
        }
        if let Some(time) = pace::date(&headers) {
            self.host(&request.url).tells(time);
        }
        let body = body::read(response, request.limit, &name).await?;
        Ok(Answer { status, headers, body, url })
    }

    fn client(&self, request: &Request) -> Result<Client, Failure> {
        if request.trust.insecure && request.url.scheme() == "https" {
            locked(&self.unverified).insert(requests::authority(&request.url));
        }
        let key = (Route::of(request), request.trust.clone());
        locked(&self.clients).entry(key).or_insert_with_key(|(route, trust)| self.build(*route, trust)).clone()
    }

    fn build(&self, route: Route, trust: &Trust) -> Result<Client, Failure> {
        let settings = &self.settings;
        let resolver = if route == Route::Guarded { self.resolver.refusing() } else { self.resolver.clone() };
        let mut builder = Client::builder()
            .user_agent(&settings.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(settings.request_timeout.min(CONNECT))
            .read_timeout(settings.request_timeout)
            .pool_max_idle_per_host(settings.in_flight)
            .dns_resolver(Arc::new(resolver));
        if matches!(route, Route::Plain | Route::Local) {
            builder = builder.no_proxy();
        }
        if route == Route::Plain {
            builder = builder.tls_certs_only([]);
        } else if trust.insecure {
            builder = builder.tls_danger_accept_invalid_certs(true);
        } else {
            let mut roots = Vec::new();
            let given = settings.extra_roots.iter().map(Vec::as_slice);
            for pem in given.chain(trust.roots.iter().map(|pem| pem.as_bytes())) {
                roots.extend(tls::certificates(pem).map_err(|error| {
                    Failure::new(RegistryErrorKind::Settings, "a CA certificate given is not PEM").because(error)
                })?);
            }
            builder = builder.tls_backend_preconfigured(tls::client(Roots::SystemAnd(roots)).map_err(no_tls)?);
        }
        builder.build().map_err(no_tls)
    }

    fn host(&self, url: &Url) -> Arc<Host> {
        let name = requests::authority(url);
        let mut hosts = locked(&self.hosts);
        Arc::clone(hosts.entry(name).or_insert_with(|| Arc::new(Host::new(self.settings.in_flight))))
    }
}

/// After this, nobody tries a host again that does not listen or cannot be trusted.
fn note_down(host: &Host, lost: Lost) -> Failure {
    if matches!(lost.again, Again::Connect | Again::Never) {
        host.down(&lost.failure);
    }
    lost.failure
}

fn no_tls(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    let failure = Failure::new(RegistryErrorKind::Settings, "no TLS connection can be made").because(error);
    failure.hint("install the system's CA certificates, or name a file of them in SSL_CERT_FILE")
}

fn redirected(answer: &Answer) -> Option<&str> {
    let follow = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    answer.header(LOCATION).filter(|_| follow)
}
