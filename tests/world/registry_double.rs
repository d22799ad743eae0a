//! An OCI registry in this process: reads as Debian's docker-registry answers them, and what that one cannot do.
//!
//! Beyond the real one: pages of tags with links in several forms, latency, faults, expiring tokens, a log, and what
//! public registries add ([`Dialect`]). Content is put in by [`RegistryDouble::push`], not over HTTP.

mod dialect;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use http::HeaderMap;
use http::Response;
use http::StatusCode;
use http::header;
use hyper::body::Bytes;
use serde_json::Value;
use serde_json::json;

use super::fault::Fault;
use super::http::Answer;
use super::http::Exchange;
use super::http::HttpServer;
use super::http::Request;
use super::http::percent_encode;
use super::image;
use super::image::Content;
use super::image::Image;
use super::image::Package;
use super::registry::RegistryAuth;
use super::tls::Authority;
use super::token_server::Refused;
use super::token_server::SERVICE;
use super::token_server::TokenAuthority;

pub(crate) use self::dialect::Dialect;

/// How a page of tags says where the next one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Link {
    /// A path on this origin.
    #[default]
    Relative,
    /// A URL on this origin.
    Absolute,
    /// A URL on another origin.
    Elsewhere(String),
    /// The page just served, for ever.
    Itself,
    /// Not at all, though there is more.
    Missing,
}

/// The order of tags in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    #[default]
    Lexical,
    /// By no rule that means anything, but the same every time.
    Shuffled,
}

#[derive(Default)]
struct State {
    auth: RegistryAuth,
    dialect: Dialect,
    realm: String,
    service: String,
    /// Pulls that are left, where they are counted.
    pulls_left: u64,
    repositories: BTreeMap<String, Repository>,
    page_size: Option<usize>,
    link: Link,
    order: Order,
    /// `http://127.0.0.1:PORT`.
    origin: String,
}

#[derive(Default)]
struct Repository {
    tags: BTreeMap<String, String>,
    manifests: BTreeMap<String, Content>,
    blobs: BTreeMap<String, Content>,
    /// When a tag was pushed, RFC 3339, if not when its image was built.
    pushed: BTreeMap<String, String>,
}

/// The registry, which ends with this value.
pub(crate) struct RegistryDouble {
    server: HttpServer,
    state: Arc<Mutex<State>>,
    /// Users and tokens.
    pub(crate) tokens: Arc<TokenAuthority>,
}

impl RegistryDouble {
    /// Plain HTTP.
    pub(crate) fn start(auth: RegistryAuth) -> Self {
        Self::start_with(auth, IpAddr::V4(Ipv4Addr::LOCALHOST), false)
    }

    /// Plain HTTP on another loopback address, which to a client is another host.
    pub(crate) fn start_on(host: IpAddr, auth: RegistryAuth) -> Self {
        Self::start_with(auth, host, false)
    }

    /// HTTPS with the certificate of [`Authority`].
    pub(crate) fn start_tls(auth: RegistryAuth) -> Self {
        Self::start_with(auth, IpAddr::V4(Ipv4Addr::LOCALHOST), true)
    }

    /// HTTPS on another loopback address; the certificate is for 127.0.0.1 and 127.0.0.2.
    pub(crate) fn start_tls_on(host: IpAddr, auth: RegistryAuth) -> Self {
        Self::start_with(auth, host, true)
    }

    fn start_with(auth: RegistryAuth, host: IpAddr, tls: bool) -> Self {
        let service = SERVICE.to_owned();
        let state = Arc::new(Mutex::new(State { auth, service, ..State::default() }));
        let tokens = Arc::new(TokenAuthority::default());
        let (shared, own) = (Arc::clone(&state), Arc::clone(&tokens));
        let acceptor = tls.then(|| Authority::of_this_process().acceptor());
        let server = HttpServer::start_on(host, acceptor, move |request| {
            let mut state = shared.lock().unwrap();
            if request.path == state.token_path() {
                return own.answer(request);
            }
            state.answer(&own, request)
        });
        let scheme = if tls { "https" } else { "http" };
        {
            let mut state = state.lock().unwrap();
            state.origin = format!("{scheme}://{}", server.authority());
            state.realm = format!("{}/token", state.origin);
        }
        Self { server, state, tokens }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// `127.0.0.1:PORT`, the registry part of its image names.
    pub(crate) fn host(&self) -> String {
        self.server.authority()
    }

    pub(crate) fn push(&self, repository: &str, tag: &str, image: &Image) {
        self.state().put(repository, &[tag.to_owned()], &image.pack());
    }

    /// Publishes one image under each tag of each repository.
    pub(crate) fn fill(&self, repositories: &[(String, Vec<String>)], image: &Image) {
        let package = image.pack();
        for (repository, tags) in repositories {
            self.state().put(repository, tags, &package);
        }
    }

    /// Says when a tag was pushed, if not when its image was built; RFC 3339.
    pub(crate) fn pushed(&self, repository: &str, tag: &str, time: &str) {
        let mut state = self.state();
        let repository = state.repositories.get_mut(repository).expect("a repository that was pushed to");
        repository.pushed.insert(tag.to_owned(), time.to_owned());
    }

    /// Lists a tag whose manifest is not there.
    pub(crate) fn push_dangling(&self, repository: &str, tag: &str) {
        let digest = image::digest(tag.as_bytes());
        self.state().repositories.entry(repository.to_owned()).or_default().tags.insert(tag.to_owned(), digest);
    }

    /// Lists a tag no more.
    pub(crate) fn forget(&self, repository: &str, tag: &str) {
        self.state().repositories.get_mut(repository).expect("a repository that was pushed to").tags.remove(tag);
    }

    /// Deletes what the tag points to, and with it every tag that points there, as the real registry does.
    pub(crate) fn delete(&self, repository: &str, tag: &str) {
        let mut state = self.state();
        let repository = state.repositories.get_mut(repository).expect("a repository to delete from");
        let digest = repository.tags.get(tag).expect("a tag to delete").clone();
        repository.tags.retain(|_, other| *other != digest);
        repository.manifests.remove(&digest);
    }

    /// Serves tags in pages of at most this many.
    pub(crate) fn paginate(&self, size: usize, link: Link) {
        let mut state = self.state();
        state.page_size = Some(size);
        state.link = link;
    }

    pub(crate) fn order(&self, order: Order) {
        self.state().order = order;
    }

    /// Sends clients to another token service.
    pub(crate) fn set_realm(&self, realm: &str) {
        realm.clone_into(&mut self.state().realm);
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.server.fault(fault);
    }

    pub(crate) fn heal(&self) {
        self.server.heal();
    }

    pub(crate) fn log(&self) -> Vec<Exchange> {
        self.server.log()
    }

    pub(crate) fn clear_log(&self) {
        self.server.clear_log();
    }

    /// The largest number of requests that were being answered at one time.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.server.most_in_flight()
    }

    pub(crate) fn wait_for(&self, fits: impl Fn(&Exchange) -> bool) {
        self.server.wait_for(fits);
    }
}

/// What a path of the distribution API names.
enum Endpoint<'a> {
    Base,
    Tags,
    Manifest(&'a str),
    Blob(&'a str),
}

fn route(path: &str) -> Option<(Option<&str>, Endpoint<'_>)> {
    let rest = path.strip_prefix("/v2")?;
    let rest = match rest {
        "" | "/" => return Some((None, Endpoint::Base)),
        rest => rest.strip_prefix('/')?,
    };
    let (name, endpoint) = if let Some(name) = rest.strip_suffix("/tags/list") {
        (name, Endpoint::Tags)
    } else if let Some((name, reference)) = rest.rsplit_once("/manifests/") {
        (name, Endpoint::Manifest(reference))
    } else {
        let (name, digest) = rest.rsplit_once("/blobs/")?;
        (name, Endpoint::Blob(digest))
    };
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c);
    (!name.is_empty() && name.chars().all(legal)).then_some((Some(name), endpoint))
}

fn is_list(path: &str) -> bool {
    path.ends_with("/tags/list")
}

fn error(status: StatusCode, code: &str, message: &str, detail: &Value) -> Response<Bytes> {
    let mut error = json!({"code": code, "message": message});
    if !detail.is_null() || code == "UNAUTHORIZED" {
        error["detail"] = detail.clone();
    }
    json_response(status, &json!({"errors": [error]}))
}

fn json_response(status: StatusCode, body: &Value) -> Response<Bytes> {
    let text = format!("{body}\n");
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json; charset=utf-8");
    response.body(text.into()).expect("a legal answer")
}

impl State {
    /// Where tokens are given out, if that is here.
    fn token_path(&self) -> &str {
        self.realm.strip_prefix(&self.origin).unwrap_or_default()
    }

    fn put(&mut self, repository: &str, tags: &[String], package: &Package) {
        let repository = self.repositories.entry(repository.to_owned()).or_default();
        let by_digest = |contents: &[Content]| -> Vec<_> {
            contents.iter().map(|content| (content.digest.clone(), content.clone())).collect()
        };
        repository.manifests.extend(by_digest(&package.manifests));
        repository.blobs.extend(by_digest(&package.blobs));
        let digest = &package.manifest().digest;
        repository.tags.extend(tags.iter().map(|tag| (tag.clone(), digest.clone())));
    }

    fn answer(&mut self, tokens: &TokenAuthority, request: &Request) -> Answer {
        if let Some(answer) = self.answer_dates(tokens, request) {
            return answer;
        }
        let (response, user) = match route(&request.path) {
            None => (plain_text(StatusCode::NOT_FOUND, "404 page not found\n"), None),
            Some((name, endpoint)) => match self.authorize(tokens, request, name) {
                Err(response) => (*response, None),
                Ok(user) if matches!(request.method.as_str(), "GET" | "HEAD") => {
                    (self.serve(request, name.unwrap_or_default(), &endpoint), user)
                }
                Ok(user) => (plain_text(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed\n"), user),
            },
        };
        let (mut head, body) = response.into_parts();
        head.headers.insert("Docker-Distribution-Api-Version", header::HeaderValue::from_static("registry/2.0"));
        self.count_pull(request, &mut head);
        head.headers.insert(header::CONTENT_LENGTH, body.len().into());
        let body = if request.method == "HEAD" { Bytes::new() } else { body };
        Answer { response: Response::from_parts(head, body), user }
    }

    /// The user, or the challenge that asks for one.
    fn authorize(
        &self,
        tokens: &TokenAuthority,
        request: &Request,
        repository: Option<&str>,
    ) -> Result<Option<String>, Box<Response<Bytes>>> {
        let authorization = request.header("authorization").unwrap_or_default();
        let challenge = match self.auth {
            RegistryAuth::None => return Ok(None),
            RegistryAuth::Basic => {
                if let Some(user) = authorization.strip_prefix("Basic ").and_then(|basic| tokens.login(basic)) {
                    return Ok(Some(user));
                }
                r#"Basic realm="test""#.to_owned()
            }
            RegistryAuth::Token => {
                let mut challenge = format!(r#"Bearer realm="{}",service="{}""#, self.realm, self.service);
                if let Some(repository) = repository {
                    write!(challenge, r#",scope="repository:{repository}:pull""#).expect("a string takes text");
                }
                // Azure has a right of its own for lists.
                let metadata = repository.filter(|_| self.dialect == Dialect::Azure && is_list(&request.path));
                let check = |token: &str| match metadata {
                    Some(repository) => tokens.check_metadata(token, repository),
                    None => tokens.check(token, repository),
                };
                match authorization.strip_prefix("Bearer ").map(check) {
                    None => {}
                    Some(Ok(user)) => return Ok(Some(user)),
                    Some(Err(Refused::Unknown)) => challenge.push_str(r#",error="invalid_token""#),
                    Some(Err(Refused::InsufficientScope)) => challenge.push_str(r#",error="insufficient_scope""#),
                }
                challenge
            }
        };
        let detail = match repository {
            Some(name) => json!([{"Type": "repository", "Class": "", "Name": name, "Action": "pull"}]),
            None => Value::Null,
        };
        let mut response = error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required", &detail);
        let challenge = challenge.parse().expect("a header value");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        Err(Box::new(response))
    }

    fn serve(&self, request: &Request, name: &str, endpoint: &Endpoint<'_>) -> Response<Bytes> {
        let repository = self.repositories.get(name);
        match (endpoint, repository) {
            (Endpoint::Base, _) => {
                let mut response = json_response(StatusCode::OK, &json!({}));
                *response.body_mut() = Bytes::from_static(b"{}");
                response
            }
            (Endpoint::Tags, Some(repository)) => self.tags(request, name, repository),
            (Endpoint::Tags, None) => {
                let detail = json!({"name": name});
                error(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "repository name not known to registry", &detail)
            }
            (Endpoint::Manifest(reference), repository) => {
                let digest = repository.and_then(|own| own.tags.get(*reference)).map_or(*reference, String::as_str);
                if let Some(manifest) = repository.and_then(|own| own.manifests.get(digest)) {
                    return negotiate(&request.headers, manifest);
                }
                let detail = json!({"Tag": reference});
                error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "manifest unknown", &detail)
            }
            (Endpoint::Blob(digest), repository) => match repository.and_then(|own| own.blobs.get(*digest)) {
                Some(blob) => content_response("application/octet-stream", blob),
                None => error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry", &json!(digest)),
            },
        }
    }

    fn tags(&self, request: &Request, name: &str, repository: &Repository) -> Response<Bytes> {
        let mut tags: Vec<&String> = repository.tags.keys().collect();
        if self.order == Order::Shuffled {
            tags.sort_by_key(|tag| image::digest(tag.as_bytes()));
        }
        let last = request.parameter("last");
        let start = last.and_then(|last| tags.iter().position(|tag| **tag == last)).map_or(0, |index| index + 1);
        let wanted = request.parameter("n").and_then(|n| n.parse::<usize>().ok()).unwrap_or(usize::MAX);
        // Without pages of its own the real registry ignores `n` (2.8); so does the double.
        let size = self.page_size.map_or(usize::MAX, |size| size.min(wanted));
        let end = start.saturating_add(size).min(tags.len());
        let mut body = json!({"name": name, "tags": tags[start..end]});
        self.add_manifests(&mut body, repository);
        let mut response = json_response(StatusCode::OK, &body);
        let last = tags[start..end].last().filter(|_| end < tags.len() || self.link == Link::Itself);
        if let Some(link) = last.and_then(|last| self.next_link(request, size, last)) {
            let link = format!("<{link}>; rel=\"next\"").parse().expect("a header value");
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }

    fn next_link(&self, request: &Request, size: usize, last: &str) -> Option<String> {
        let path = format!("{}?last={}&n={size}", request.path, percent_encode(last));
        match &self.link {
            Link::Relative => Some(path),
            Link::Absolute => Some(format!("{}{path}", self.origin)),
            Link::Elsewhere(origin) => Some(format!("{origin}{path}")),
            Link::Itself => Some(request.uri()),
            Link::Missing => None,
        }
    }
}

/// Gives a manifest to those who accept its type; the refusals are the real registry's.
fn negotiate(headers: &HeaderMap, manifest: &Content) -> Response<Bytes> {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut accepted = accepted.flat_map(|value| value.split(',')).map(|item| item.split(';').next().unwrap_or(item));
    if accepted.any(|media_type| media_type.trim() == manifest.media_type) {
        return content_response(&manifest.media_type, manifest);
    }
    let unknown = |message| error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", message, &Value::Null);
    match manifest.media_type.as_str() {
        image::OCI_INDEX => unknown("OCI index found, but accept header does not support OCI indexes"),
        image::OCI_MANIFEST => unknown("OCI manifest found, but accept header does not support OCI manifests"),
        _ => error(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", "manifest invalid", &json!({})),
    }
}

fn content_response(content_type: &str, content: &Content) -> Response<Bytes> {
    let response = Response::builder()
        .header(header::CONTENT_TYPE, content_type)
        .header(header::ETAG, format!("\"{}\"", content.digest))
        .header("Docker-Content-Digest", &content.digest);
    response.body(content.bytes.clone().into()).expect("a legal answer")
}

fn plain_text(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "text/plain; charset=utf-8");
    response.body(Bytes::from_static(text.as_bytes())).expect("a legal answer")
}
