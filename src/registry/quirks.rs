//! Registries that deviate from what the OCI distribution specification leads to expect: one row each, data only.
//!
//! To teach the tool a registry, add a row with its `why`; no other file needs to know. A registry without a row is
//! asked at `https://<host>`, in pages of [`PAGE_SIZE`], and tells by its first answer how to log in.

use crate::model::image::DOCKER_HUB;
use crate::registry::dates;
use crate::registry::dates::DateApi;

/// How many tags are asked for in one page.
pub(super) const PAGE_SIZE: usize = 1000;

/// How one registry, or a family of them, deviates.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Quirk {
    /// Host as in an image name; `*.` in front stands for one label or more.
    pub(super) host: &'static str,
    /// Where the API is, if not at the host itself.
    pub(super) api_host: Option<&'static str>,
    /// Where tokens come from and for which service, so that the first request need not be turned away.
    pub(super) token_service: Option<(&'static str, &'static str)>,
    /// Hosts beside its own domain that may be sent a login for this registry.
    pub(super) realm_hosts: &'static [&'static str],
    /// What a token has to allow for reading.
    pub(super) actions: &'static str,
    /// So many repositories may share one token.
    pub(super) scopes_per_token: usize,
    /// At most so many requests a second.
    pub(super) requests_per_second: Option<u32>,
    /// Where it tells when tags were pushed.
    pub(super) dates: Option<&'static DateApi>,
    /// Why the row is there, with its source.
    pub(super) why: &'static str,
}

/// What is true of a registry that no row names.
static PLAIN: Quirk = Quirk {
    host: "*",
    api_host: None,
    token_service: None,
    realm_hosts: &[],
    actions: "pull",
    scopes_per_token: 1,
    requests_per_second: None,
    dates: None,
    why: "the OCI distribution specification and the Docker token protocol",
};

/// Every registry that deviates.
pub(super) static QUIRKS: &[Quirk] = &[
    Quirk {
        host: DOCKER_HUB,
        api_host: Some("registry-1.docker.io"),
        token_service: Some(("https://auth.docker.io/token", "registry.docker.io")),
        realm_hosts: &["auth.docker.io"],
        scopes_per_token: 20,
        requests_per_second: Some(10),
        dates: Some(&dates::DOCKER_HUB),
        why: "images are named docker.io, the API is elsewhere (docs.docker.com, `registry` reference); more than some \
              thousand requests a minute are answered 429 (docker-hub/usage), and Argo CD Image Updater keeps to 10 a second; \
              `scope` may be given several times (Docker token specification, query parameters)",
        ..PLAIN
    },
    Quirk {
        host: "ghcr.io",
        token_service: Some(("https://ghcr.io/token", "ghcr.io")),
        why: "always wants a token, for public images too: asking for it first saves the request that would be turned away",
        ..PLAIN
    },
    Quirk {
        host: "quay.io",
        token_service: Some(("https://quay.io/v2/auth", "quay.io")),
        dates: Some(&dates::QUAY),
        why: "always wants a token, for public images too: asking for it first saves the request that would be turned away; \
              its own API tells when a tag was moved (docs.quay.io, listRepoTags)",
        ..PLAIN
    },
    Quirk {
        host: "*.azurecr.io",
        actions: "pull,metadata_read,content_read",
        dates: Some(&dates::ACR),
        why: "a repository-scoped token may list tags only with metadata_read (Argo CD Image Updater #1515)",
        ..PLAIN
    },
];

/// Software that runs under any name, known by what its token service is called.
static DATES_BY_SERVICE: &[(&str, &DateApi)] = &[("harbor-registry", &dates::HARBOR)];

/// Where a registry with this token service tells when tags were pushed.
pub(super) fn dates_by_service(service: &str) -> Option<&'static DateApi> {
    DATES_BY_SERVICE.iter().find(|(name, _)| *name == service).map(|(_, api)| *api)
}

/// The row for a registry host as it stands in image names.
pub(super) fn of(host: &str) -> &'static Quirk {
    QUIRKS.iter().find(|quirk| matches(quirk.host, host)).unwrap_or(&PLAIN)
}

/// The row for an API that somebody configured by its address.
pub(super) fn of_api(host: &str) -> &'static Quirk {
    QUIRKS.iter().find(|quirk| quirk.api_host == Some(host)).unwrap_or_else(|| of(host))
}

fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_that_names_a_host_counts() {
        for (host, expected) in [
            ("docker.io", "docker.io"),
            ("ghcr.io", "ghcr.io"),
            ("ghcr.io:443", "*"),
            ("test.azurecr.io", "*.azurecr.io"), // case rc-02
            ("azurecr.io", "*"),
            (".azurecr.io", "*"),
            ("azurecr.io.example.com", "*"),
            ("harbor.example.com", "*"), // case rc-07
        ] {
            assert_eq!(of(host).host, expected, "{host}");
        }
    }

    #[test]
    fn every_row_says_why_and_deviates_from_the_plain_one() {
        for quirk in QUIRKS {
            assert!(quirk.why.len() > 40, "{}: say why, with a source", quirk.host);
            assert_ne!(*quirk, Quirk { host: quirk.host, why: quirk.why, ..PLAIN }, "{}: says nothing", quirk.host);
            assert!(!quirk.host.contains(':') && quirk.host == quirk.host.to_ascii_lowercase());
            assert!(quirk.token_service.is_none_or(|(realm, _)| realm.starts_with("https://")));
        }
    }
}
