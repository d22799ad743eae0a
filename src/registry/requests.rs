//! What is asked for, as URLs and header values: pure text, sent elsewhere.

use std::fmt::Write;
use std::net::IpAddr;

use reqwest::Url;

use crate::model::image::Digest;
use crate::registry::error::one_line;

/// The manifests this tool reads, in the order of preference (cases `acc-01`, `acc-02`).
pub(super) const ACCEPT_MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// The first page of a tag list.
pub(super) fn tags(base: &Url, path: &str, page_size: usize) -> Url {
    let mut url = below(base, &format!("v2/{path}/tags/list"));
    url.set_query(Some(&format!("n={page_size}")));
    url
}

/// The page after the one that ended with `last`, for a registry that names none.
pub(super) fn tags_after(page: &Url, last: &str) -> Url {
    let mut url = page.clone();
    let kept: Vec<_> = page.query_pairs().filter(|(name, _)| name != "last").collect();
    url.query_pairs_mut().clear().extend_pairs(kept).append_pair("last", last);
    url
}

/// A manifest by tag or by digest.
pub(super) fn manifest(base: &Url, path: &str, reference: &str) -> Url {
    below(base, &format!("v2/{path}/manifests/{reference}"))
}

/// A blob, such as an image's config.
pub(super) fn blob(base: &Url, path: &str, digest: &Digest) -> Url {
    below(base, &format!("v2/{path}/blobs/{digest}"))
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// Where a redirect leads, if it may be followed: to https, or from plain http to this machine or back to the same
/// origin; never with a login in the URL.
pub(super) fn redirect(from: &Url, location: &str) -> Result<Url, String> {
    let to = from.join(location).map_err(|_| "to an address that is not a URL".to_owned())?;
    match to.scheme() {
        "https" => {}
        "http" if from.scheme() == "http" && (is_loopback(&to) || same_origin(from, &to)) => {}
        scheme => return Err(format!("from {} to {}", from.scheme(), one_line(scheme))),
    }
    if !has_no_login(&to) {
        return Err("to an address with a login in it".to_owned());
    }
    Ok(to)
}

pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host_str() == b.host_str() && a.port_or_known_default() == b.port_or_known_default()
}

pub(super) fn has_no_login(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

/// Host and port of a URL, the port only if it is not the scheme's own.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The address that a URL names, if it names one and no DNS name.
pub(super) fn address(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// Whether a URL names this machine: `localhost`, `127.0.0.0/8`, `::1`.
pub(super) fn is_loopback(url: &Url) -> bool {
    address(url).map_or_else(|| url.host_str() == Some("localhost"), |address| address.is_loopback())
}

/// A URL as it may be logged: of the query only what pages and scopes consist of, since the rest may be a signature.
pub(super) fn shown(url: &Url) -> String {
    let mut shown = format!("{}://{}{}", url.scheme(), authority(url), url.path());
    for (at, (name, value)) in url.query_pairs().enumerate() {
        shown.push(if at == 0 { '?' } else { '&' });
        let value = if matches!(&*name, "n" | "last" | "scope" | "service") { &*value } else { "…" };
        write!(shown, "{name}={value}").expect("writing to a String cannot fail");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn addresses_follow_the_distribution_specification() {
        let base = url("https://ghcr.io/");
        assert_eq!(tags(&base, "acme/web", 1000).as_str(), "https://ghcr.io/v2/acme/web/tags/list?n=1000");
        assert_eq!(manifest(&base, "acme/web", "1.2").as_str(), "https://ghcr.io/v2/acme/web/manifests/1.2");
        let digest = Digest::new(&format!("sha256:{}", "a".repeat(64))).unwrap();
        assert_eq!(blob(&base, "a", &digest).as_str(), format!("https://ghcr.io/v2/a/blobs/{digest}"));
        let below_a_path = url("https://nexus.example.com/repository/docker");
        assert_eq!(
            tags(&below_a_path, "web", 5).as_str(),
            "https://nexus.example.com/repository/docker/v2/web/tags/list?n=5"
        );
        assert_eq!(
            tags_after(&url("https://r/v2/a/tags/list?n=2&last=1%2B1"), "b").as_str(),
            "https://r/v2/a/tags/list?n=2&last=b"
        );
    }

    #[test]
    fn redirects_never_lose_encryption() {
        for (from, location, expected) in [
            ("https://r/a", "/b", Ok("https://r/b")),
            ("https://r/a", "https://cdn/b?sig=1", Ok("https://cdn/b?sig=1")),
            ("http://localhost/a", "http://localhost/b", Ok("http://localhost/b")),
            ("http://localhost/a", "https://r/b", Ok("https://r/b")),
            ("https://r/a", "http://r/a", Err("from https to http")),
            ("http://localhost/a", "http://r/a", Err("from http to http")),
            ("https://r/a", "file:///etc/passwd", Err("from https to file")),
            ("https://r/a", "https://u@r/a", Err("to an address with a login in it")),
            ("https://r/a", "https://", Err("to an address that is not a URL")),
        ] {
            let found = redirect(&url(from), location);
            assert_eq!(found.as_ref().map(Url::as_str).map_err(String::as_str), expected, "{from} {location}");
        }
    }

    #[test]
    fn a_scheme_is_quoted_as_far_as_it_is_short() {
        let why = redirect(&url("https://r/a"), &format!("{}://r/a", "x".repeat(5000))).unwrap_err();
        assert!(why.starts_with("from https to xxx") && why.len() < 300, "{why}");
    }

    #[test]
    fn loopback_is_recognized() {
        for (text, expected) in [
            ("http://localhost:5000/", true),
            ("http://127.3.2.1/", true),
            ("http://[::1]:5000/", true),
            ("http://0x7f.1/", true),
            ("http://localhost.example.com/", false),
            ("http://128.0.0.1/", false),
            ("http://[::2]/", false),
        ] {
            assert_eq!(is_loopback(&url(text)), expected, "{text}");
        }
    }

    #[test]
    fn what_is_logged_holds_no_secret() {
        assert_eq!(
            shown(&url("https://u:p@r.example.com:8443/v2/a?n=5&X-Amz-Signature=abc&last=b&account=me")),
            "https://r.example.com:8443/v2/a?n=5&X-Amz-Signature=…&last=b&account=…"
        );
    }
}
