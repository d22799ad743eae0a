//! Where the API server is and how it is reached: address, authorities, proxy.
//!
//! Reads certificate files; the rest is pure. What of the environment matters is handed in.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use kube::config::Cluster;
use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::cluster::error::ClusterError;
use crate::tls;

/// The proxies of the environment; a URL may hold a login.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    /// `HTTPS_PROXY`, or `https_proxy`
    pub(crate) https: Option<SecretString>,
    /// `HTTP_PROXY`, or `http_proxy`
    pub(crate) http: Option<SecretString>,
    /// `NO_PROXY`, or `no_proxy`
    pub(crate) no: Option<String>,
}

/// Reads an address as kubectl does: without a scheme it is http, without a host it is nothing.
pub(super) fn server_url(text: &str) -> Result<Uri, ClusterError> {
    let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let bad = || ClusterError::config(format!("`{}` is not the address of a server", text.escape_debug()));
    let uri: Uri = url.trim_end_matches('/').parse().map_err(|_| bad())?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(uri),
        _ => Err(bad()),
    }
}

/// The certificates of the cluster's authority; `None`: those of the system.
pub(super) fn authorities(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, ClusterError> {
    let data = cluster.certificate_authority_data.as_deref().filter(|data| !data.is_empty());
    let file = cluster.certificate_authority.as_deref().filter(|file| !file.is_empty());
    let (name, pem) = match (data, file) {
        (Some(data), _) => {
            let name = "`certificate-authority-data`".to_owned();
            let bytes = STANDARD.decode(data.trim());
            (name, bytes.map_err(|_| ClusterError::config("`certificate-authority-data` is not base64"))?)
        }
        (None, Some(file)) => {
            let unreadable = |error: std::io::Error| {
                ClusterError::config(format!("the certificate authority `{file}` cannot be read"))
                    .with_cause(error.to_string())
            };
            (format!("`{file}`"), std::fs::read(file).map_err(unreadable)?)
        }
        (None, None) => return Ok(None),
    };
    match tls::certificates(&pem) {
        Ok(found) if !found.is_empty() => Ok(Some(found.iter().map(|certificate| certificate.to_vec()).collect())),
        _ => Err(ClusterError::config(format!("{name} holds no PEM certificate"))),
    }
}

/// Which proxy leads to the server: the one of the cluster's entry, else the environment's, by Go's rules.
///
/// The library compares `NO_PROXY` with the proxy instead of the server, so this is decided here.
pub(super) fn proxy(server: &Uri, of_cluster: Option<&str>, proxies: &Proxies) -> Result<Option<Uri>, ClusterError> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let text = match of_cluster.and_then(some) {
        Some(proxy) => Some(proxy),
        None => of_environment(server, proxies).and_then(|proxy| some(proxy.expose_secret())),
    };
    let Some(text) = text else { return Ok(None) };
    let url = if text.contains("://") { text } else { format!("http://{text}") };
    // The text is not repeated: it may hold a password.
    url.parse().map(Some).map_err(|_| ClusterError::config("the proxy's address is not a URL"))
}

fn of_environment<'a>(server: &Uri, proxies: &'a Proxies) -> Option<&'a SecretString> {
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if host == "localhost" || loopback {
        return None;
    }
    let proxy = if server.scheme_str() == Some("https") { proxies.https.as_ref() } else { proxies.http.as_ref() };
    // Only `NO_PROXY` is asked of the matcher; any proxy will do for that.
    let matcher = Matcher::builder().all("http://proxy").no(proxies.no.as_deref().unwrap_or_default()).build();
    proxy.filter(|_| matcher.intercept(server).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_kubectl_reads_them() {
        for (text, expected) in [
            ("https://k8s:6443", Some("https://k8s:6443/")),
            ("https://k8s:6443/", Some("https://k8s:6443/")),
            ("https://rancher/k8s/clusters/c-1/", Some("https://rancher/k8s/clusters/c-1")),
            ("localhost:8080", Some("http://localhost:8080/")),
            ("https://[::1]:6443", Some("https://[::1]:6443/")),
            ("ftp://k8s", None),
            ("https://", None),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(server_url(text).ok().map(|uri| uri.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_proxy_is_chosen_by_the_server_and_not_by_itself() {
        let environment = |no: &str| Proxies {
            https: Some(SecretString::from("http://user:pass@secure:3128")),
            http: Some(SecretString::from("plain:3128")),
            no: Some(no.to_owned()),
        };
        for (server, of_cluster, no, expected) in [
            ("https://k8s.corp:6443", None, "", Some("http://user:pass@secure:3128/")),
            ("http://k8s.corp:6443", None, "", Some("http://plain:3128/")),
            ("https://k8s.corp:6443", None, "corp", None),
            ("https://k8s.corp:6443", None, ".corp", None),
            ("https://k8s.corp:6443", None, "k8s.corp", None),
            ("https://k8s.corp:6443", None, "*", None),
            ("https://k8s.corp:6443", None, "secure", Some("http://user:pass@secure:3128/")),
            ("https://10.1.2.3:6443", None, "10.0.0.0/8", None),
            ("https://11.1.2.3:6443", None, "10.0.0.0/8", Some("http://user:pass@secure:3128/")),
            ("https://127.0.0.1:6443", None, "", None),
            ("https://[::1]:6443", None, "", None),
            ("https://localhost:6443", None, "", None),
            // The cluster's own proxy is not the environment's to forbid.
            ("https://127.0.0.1:6443", Some("socks5://tunnel:1080"), "*", Some("socks5://tunnel:1080/")),
        ] {
            let chosen = proxy(&server.parse().unwrap(), of_cluster, &environment(no)).unwrap();
            assert_eq!(chosen.map(|uri| uri.to_string()).as_deref(), expected, "{server} without {no:?}");
        }
        let none = proxy(&"https://k8s:1".parse().unwrap(), Some(""), &Proxies::default()).unwrap();
        assert_eq!(none, None);
        let bad = proxy(&"https://k8s:1".parse().unwrap(), Some("http://user:s3cret@a b"), &Proxies::default());
        assert!(!bad.unwrap_err().to_string().contains("s3cret"));
    }

    #[test]
    fn authorities_are_pem_in_a_file_or_in_base64() {
        let pem = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
        let folder = tempfile::tempdir().unwrap();
        let file = |content: &str| {
            let path = folder.path().join("ca.crt");
            std::fs::write(&path, content).unwrap();
            Some(path.to_str().unwrap().to_owned())
        };
        let by_file = |file| Cluster { certificate_authority: file, ..Cluster::default() };
        let by_data = |data: &str| Cluster { certificate_authority_data: Some(data.to_owned()), ..Cluster::default() };
        assert_eq!(authorities(&Cluster::default()).unwrap(), None);
        assert_eq!(authorities(&by_data("")).unwrap(), None);
        assert_eq!(authorities(&by_file(file(pem))).unwrap(), Some(vec![vec![0, 1, 2]]));
        assert_eq!(authorities(&by_data(&STANDARD.encode(pem.repeat(2)))).unwrap().unwrap().len(), 2);
        for bad in [by_file(file("")), by_file(file("junk")), by_file(Some("/missing/ca.crt".to_owned()))] {
            assert!(authorities(&bad).unwrap_err().to_string().contains("ca.crt`"));
        }
        for bad in ["%", &STANDARD.encode("junk"), &STANDARD.encode(pem.replace("AAEC", "%"))] {
            assert!(authorities(&by_data(bad)).unwrap_err().to_string().contains("`certificate-authority-data`"));
        }
    }
}
