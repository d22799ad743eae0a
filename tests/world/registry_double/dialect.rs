//! What public registries add to the distribution API: token services at paths of their own, limits on pulls, and APIs
//! that list tags with their dates. Each as its documentation and its answers show it; what a client has no use for is
//! left out.

use std::sync::Arc;

use http::Response;
use http::StatusCode;
use http::header;
use http::response::Parts;
use hyper::body::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::RegistryDouble;
use super::Repository;
use super::State;
use super::error;
use super::json_response;
use crate::world::http::Answer;
use crate::world::http::HttpServer;
use crate::world::http::Request;
use crate::world::http::percent_encode;
use crate::world::image;
use crate::world::registry::RegistryAuth;
use crate::world::tls::Authority;
use crate::world::token_server::TokenAuthority;

/// Whose ways a registry has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    #[default]
    Plain,
    DockerHub,
    Quay,
    Github,
    Azure,
    Google,
    Harbor,
}

/// Pulls without a login in six hours (docs.docker.com, "Docker Hub usage and limits").
const PULLS: u64 = 100;
/// Most that one page of these APIs holds.
const LARGEST_PAGE: usize = 100;

impl Dialect {
    /// Where its distribution API is.
    pub(crate) fn host(self) -> &'static str {
        match self {
            Self::Plain => "registry.example.com",
            Self::DockerHub => "registry-1.docker.io",
            Self::Quay => "quay.io",
            Self::Github => "ghcr.io",
            Self::Azure => "example.azurecr.io",
            Self::Google => "europe-docker.pkg.dev",
            Self::Harbor => "harbor.example.com",
        }
    }

    fn realm(self) -> String {
        let path = match self {
            Self::DockerHub => return "https://auth.docker.io/token".to_owned(),
            Self::Plain | Self::Github => "/token",
            Self::Quay => "/v2/auth",
            Self::Azure => "/oauth2/token",
            Self::Google => "/v2/token",
            Self::Harbor => "/service/token",
        };
        format!("https://{}{path}", self.host())
    }

    fn service(self) -> &'static str {
        match self {
            Self::DockerHub => "registry.docker.io",
            Self::Harbor => "harbor-registry",
            other => other.host(),
        }
    }
}

impl RegistryDouble {
    /// A registry with these ways, over TLS and with tokens, to be put at its name in [`crate::world::Internet`].
    pub(crate) fn start_dialect(dialect: Dialect) -> Self {
        let registry = Self::start_tls(RegistryAuth::Token);
        let mut state = registry.state();
        state.dialect = dialect;
        state.pulls_left = PULLS;
        state.origin = format!("https://{}", dialect.host());
        state.realm = dialect.realm();
        dialect.service().clone_into(&mut state.service);
        drop(state);
        registry
    }

    /// The API of a registry that has it at another host.
    pub(crate) fn start_api(&self) -> HttpServer {
        let (state, tokens) = (Arc::clone(&self.state), Arc::clone(&self.tokens));
        HttpServer::start(Some(Authority::of_this_process().acceptor()), move |request| {
            let state = state.lock().unwrap();
            let response = state.docker_hub(&tokens, request).unwrap_or_else(not_found);
            Answer { response, user: None }
        })
    }

    /// Pulls that Docker Hub still allows.
    pub(crate) fn pulls_left(&self) -> u64 {
        self.state().pulls_left
    }
}

fn not_found() -> Response<Bytes> {
    json_response(StatusCode::NOT_FOUND, &json!({"message": "object not found", "errinfo": {}}))
}

/// One tag as the APIs know it.
struct Tagged<'a> {
    name: &'a str,
    digest: &'a str,
    media_type: &'a str,
    size: usize,
    created: Option<Timestamp>,
    pushed: Timestamp,
}

impl Tagged<'_> {
    fn is_index(&self) -> bool {
        matches!(self.media_type, image::OCI_INDEX | image::DOCKER_LIST)
    }
}

impl Repository {
    /// Every tag, the one pushed last first.
    fn newest_first(&self) -> Vec<Tagged<'_>> {
        let mut tags: Vec<Tagged<'_>> = self
            .tags
            .iter()
            .map(|(name, digest)| {
                let manifest = self.manifests.get(digest);
                let created = manifest.and_then(|manifest| self.created(&manifest.bytes));
                let pushed = self.pushed.get(name).map(|time| time.parse().expect("RFC 3339")).or(created);
                Tagged {
                    name,
                    digest,
                    media_type: manifest.map_or("", |manifest| &manifest.media_type),
                    size: manifest.map_or(0, |manifest| manifest.bytes.len()),
                    created,
                    pushed: pushed.unwrap_or_default(),
                }
            })
            .collect();
        tags.sort_by(|a, b| b.pushed.cmp(&a.pushed).then(a.name.cmp(b.name)));
        tags
    }

    /// The latest date of the images of a manifest or index.
    fn created(&self, manifest: &[u8]) -> Option<Timestamp> {
        let manifest: Value = serde_json::from_slice(manifest).ok()?;
        if let Some(entries) = manifest["manifests"].as_array() {
            let images = entries.iter().filter_map(|entry| self.manifests.get(entry["digest"].as_str()?));
            return images.filter_map(|image| self.created(&image.bytes)).max();
        }
        let config = self.blobs.get(manifest["config"]["digest"].as_str()?)?;
        let config: Value = serde_json::from_slice(&config.bytes).ok()?;
        config["created"].as_str()?.parse().ok()
    }
}

/// One page of a list, as `?page=` and a size ask for it, and whether more follow.
fn page<'a, T>(request: &Request, size: &str, all: &'a [T]) -> (&'a [T], bool, usize) {
    let number = |name: &str| request.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let size = number(size).unwrap_or(10).clamp(1, LARGEST_PAGE);
    let page = number("page").unwrap_or(1).max(1);
    let begin = (page - 1).saturating_mul(size).min(all.len());
    let end = (begin + size).min(all.len());
    (&all[begin..end], end < all.len(), page)
}

impl State {
    /// Docker Hub says after each manifest what is left, and counts the ones that are given with their bytes.
    pub(super) fn count_pull(&mut self, request: &Request, head: &mut Parts) {
        if self.dialect != Dialect::DockerHub || !request.path.contains("/manifests/") || !head.status.is_success() {
            return;
        }
        if request.method == "GET" {
            self.pulls_left = self.pulls_left.saturating_sub(1);
        }
        for (name, value) in [("ratelimit-limit", PULLS), ("ratelimit-remaining", self.pulls_left)] {
            head.headers.insert(name, format!("{value};w=21600").parse().expect("a header value"));
        }
    }

    /// Artifact Registry's tag list says what every manifest is.
    pub(super) fn add_manifests(&self, list: &mut Value, repository: &Repository) {
        if self.dialect != Dialect::Google {
            return;
        }
        list["child"] = json!([]);
        list["manifest"] = json!({});
        for tag in repository.newest_first() {
            let created = tag.created.filter(|_| !tag.is_index()).map_or(0, Timestamp::as_millisecond);
            let entry = &mut list["manifest"][tag.digest];
            if entry.is_null() {
                *entry = json!({
                    "imageSizeBytes": tag.size.to_string(), "layerId": "", "mediaType": tag.media_type, "tag": [],
                    "timeCreatedMs": created.to_string(), "timeUploadedMs": tag.pushed.as_millisecond().to_string(),
                });
            }
            entry["tag"].as_array_mut().expect("a list just made").push(tag.name.into());
        }
    }

    /// The answer of a date API on the registry's own host; `None` if this is not a question to it.
    pub(super) fn answer_dates(&self, tokens: &TokenAuthority, request: &Request) -> Option<Answer> {
        let response = match self.dialect {
            Dialect::Quay => self.quay(tokens, request),
            Dialect::Azure => self.azure(tokens, request),
            Dialect::Harbor => self.harbor(tokens, request),
            _ => None,
        }?;
        Some(Answer { response, user: None })
    }

    /// `GET /v2/repositories/{namespace}/{repository}/tags`; what is private is not there.
    fn docker_hub(&self, tokens: &TokenAuthority, request: &Request) -> Option<Response<Bytes>> {
        let name = request.path.strip_prefix("/v2/repositories/")?.trim_end_matches('/').strip_suffix("/tags")?;
        tokens.may_pull(None, name)?;
        let tags = self.repositories.get(name)?.newest_first();
        let (shown, more, page) = page(request, "page_size", &tags);
        let results: Vec<Value> = shown
            .iter()
            .map(|tag| {
                let pushed = tag.pushed.to_string();
                json!({
                    "name": tag.name, "digest": tag.digest, "media_type": tag.media_type, "content_type": "image",
                    "full_size": tag.size, "tag_status": "active", "v2": true,
                    "last_updated": pushed, "tag_last_pushed": pushed, "tag_last_pulled": null,
                    "images": [{"os": "linux", "architecture": "amd64", "variant": null, "digest": tag.digest,
                                "status": "active", "size": tag.size, "last_pushed": pushed, "last_pulled": null}],
                })
            })
            .collect();
        let next = more.then(|| {
            format!(
                "https://hub.docker.com/v2/repositories/{name}/tags?ordering=last_updated&page={}&page_size={}",
                page + 1,
                shown.len()
            )
        });
        Some(json_response(
            StatusCode::OK,
            &json!({"count": tags.len(), "next": next, "previous": null, "results": results}),
        ))
    }

    /// `GET /api/v1/repository/{repository}/tag/`, without a login for what is public.
    fn quay(&self, tokens: &TokenAuthority, request: &Request) -> Option<Response<Bytes>> {
        let name = request.path.strip_prefix("/api/v1/repository/")?.trim_end_matches('/').strip_suffix("/tag")?;
        let Some(repository) = tokens.may_pull(None, name).and_then(|_| self.repositories.get(name)) else {
            let body = json!({
                "title": "insufficient_scope", "error_type": "insufficient_scope", "status": 401,
                "error_message": "Requires authentication", "detail": "Requires authentication",
            });
            return Some(json_response(StatusCode::UNAUTHORIZED, &body));
        };
        let tags = repository.newest_first();
        let (shown, has_additional, page) = page(request, "limit", &tags);
        let shown: Vec<Value> = shown
            .iter()
            .map(|tag| {
                json!({
                    "name": tag.name, "reversion": false, "start_ts": tag.pushed.as_second(),
                    "manifest_digest": tag.digest, "is_manifest_list": tag.is_index(), "size": tag.size,
                    "last_modified": tag.pushed.strftime("%a, %d %b %Y %H:%M:%S -0000").to_string(),
                })
            })
            .collect();
        Some(json_response(StatusCode::OK, &json!({"tags": shown, "page": page, "has_additional": has_additional})))
    }

    /// `GET /acr/v1/{repository}/_tags`, with a token that may read metadata.
    fn azure(&self, tokens: &TokenAuthority, request: &Request) -> Option<Response<Bytes>> {
        let name = request.path.strip_prefix("/acr/v1/")?.strip_suffix("/_tags")?;
        let token = request.header("authorization").unwrap_or_default().strip_prefix("Bearer ");
        if token.is_none_or(|token| tokens.check_metadata(token, name).is_err()) {
            let detail = json!([{"Type": "repository", "Name": name, "Action": "metadata_read"}]);
            let mut response = error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required", &detail);
            let challenge = format!(
                r#"Bearer realm="{}",service="{}",scope="repository:{name}:metadata_read""#,
                self.realm, self.service
            );
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge.parse().expect("a header value"));
            return Some(response);
        }
        let Some(repository) = self.repositories.get(name) else {
            return Some(error(
                StatusCode::NOT_FOUND,
                "NAME_UNKNOWN",
                "repository name not known",
                &json!({"name": name}),
            ));
        };
        let mut tags = repository.newest_first();
        if request.parameter("orderby").as_deref() != Some("timedesc") {
            tags.sort_by_key(|tag| tag.name);
        }
        let size = request.parameter("n").and_then(|n| n.parse().ok()).unwrap_or(LARGEST_PAGE).clamp(1, LARGEST_PAGE);
        let last = request.parameter("last");
        let begin = last.and_then(|last| tags.iter().position(|tag| tag.name == last)).map_or(0, |index| index + 1);
        let end = (begin + size).min(tags.len());
        let shown: Vec<Value> = tags[begin..end]
            .iter()
            .map(|tag| {
                let pushed = tag.pushed.to_string();
                json!({"name": tag.name, "digest": tag.digest, "createdTime": pushed, "lastUpdateTime": pushed, "signed": false})
            })
            .collect();
        let body = json!({"registry": self.service, "imageName": name, "tags": shown});
        let mut response = json_response(StatusCode::OK, &body);
        if let Some(last) = tags[begin..end].last().filter(|_| end < tags.len()) {
            let link = format!(
                "</acr/v1/{name}/_tags?last={}&n={size}&orderby=timedesc>; rel=\"next\"",
                percent_encode(last.name)
            );
            response.headers_mut().insert(header::LINK, link.parse().expect("a header value"));
        }
        Some(response)
    }

    /// `GET /api/v2.0/projects/{project}/repositories/{repository}/artifacts`, with Basic or without a login; tokens of the
    /// registry are none of this API.
    fn harbor(&self, tokens: &TokenAuthority, request: &Request) -> Option<Response<Bytes>> {
        let rest = request.path.strip_prefix("/api/v2.0/projects/")?.strip_suffix("/artifacts")?;
        let (project, repository) = rest.split_once("/repositories/")?;
        // A slash in the name is encoded twice; the server undid one.
        let name = format!("{project}/{}", repository.replace("%2F", "/").replace("%2f", "/"));
        let authorization = request.header("authorization");
        let basic = authorization.and_then(|value| value.strip_prefix("Basic "));
        let allowed = authorization.is_some() == basic.is_some() && tokens.may_pull(basic, &name).is_some();
        let Some(repository) = self.repositories.get(&name).filter(|_| allowed) else {
            return Some(error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "unauthorized", &Value::Null));
        };
        let tags = repository.newest_first();
        let mut artifacts: Vec<Value> = Vec::new();
        for tag in &tags {
            let named = json!({"name": tag.name, "push_time": tag.pushed.to_string(), "immutable": false});
            if let Some(known) = artifacts.iter_mut().find(|artifact| artifact["digest"] == tag.digest) {
                known["tags"].as_array_mut().expect("a list just made").push(named);
                continue;
            }
            let attributes = tag
                .created
                .filter(|_| !tag.is_index())
                .map(|created| json!({"created": created.to_string(), "os": "linux", "architecture": "amd64"}));
            artifacts.push(json!({
                "digest": tag.digest, "type": "IMAGE", "manifest_media_type": tag.media_type, "size": tag.size,
                "push_time": tag.pushed.to_string(), "pull_time": "0001-01-01T00:00:00.000Z", "tags": [named],
                "extra_attrs": attributes, "references": null,
            }));
        }
        let (shown, more, page) = page(request, "page_size", &artifacts);
        let mut response = json_response(StatusCode::OK, &json!(shown));
        response.headers_mut().insert("X-Total-Count", artifacts.len().into());
        if more {
            let link = format!(
                "<{}?page={}&page_size={}&with_tag=true&sort=-push_time>; rel=\"next\"",
                request.path.replace("%2F", "%252F"),
                page + 1,
                shown.len()
            );
            response.headers_mut().insert(header::LINK, link.parse().expect("a header value"));
        }
        Some(response)
    }
}
