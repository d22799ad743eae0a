//! From a configuration to a client that sends.
//!
//! These are the layers that the library's own builder makes. It lets nobody else say whose certificates are believed, so
//! they are put together here, around [`crate::tls`]; its retries and traces are left out, since `Cluster::send` has its
//! own.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::Request;
use http::Response;
use http::Uri;
use hyper::body::Incoming;
use hyper::rt::Read;
use hyper::rt::Write;
use hyper_rustls::FixedServerNameResolver;
use hyper_rustls::HttpsConnector;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::Connection;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;
use kube::Client;
use kube::Config;
use kube::client::Body;
use kube::client::ClientBuilder;
use kube::client::ConfigExt;
use kube::client::RustlsTlsError;
use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::CertifiedKey;
use rustls::sign::SingleCertAndKey;
use secrecy::ExposeSecret;
use tower::BoxError;
use tower::Service;
use tower::ServiceBuilder;
use tower::util::BoxCloneService;
use tower_http::decompression::DecompressionLayer;

use crate::cluster::error::ClusterError;
use crate::tls;
use crate::tls::Roots;

/// What requests go through last, whatever the way to the server.
type Sender = BoxCloneService<Request<Body>, Response<Incoming>, legacy::Error>;

/// Builds the client, running a credential plug-in that gives a token once.
///
/// For one that gives a client certificate the library runs it again for each of its own steps.
pub(super) fn client(mut config: Config, failed: impl Fn(kube::Error) -> ClusterError) -> Result<Client, ClusterError> {
    let login = config.auth_layer().map_err(&failed)?;
    if login.is_some() {
        // The library would run the plug-in for the login and again for a client certificate; the layer has its token,
        // and renews it.
        config.auth_info.exec = None;
        config.auth_info.auth_provider = None;
        config.auth_info.token = None;
        config.auth_info.token_file = None;
        config.auth_info.username = None;
        config.auth_info.password = None;
    }
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(DecompressionLayer::new().no_br().no_deflate().no_zstd().gzip(!config.disable_compression))
        .option_layer(login)
        .layer(config.extra_headers_layer().map_err(&failed)?)
        .map_err(BoxError::from)
        .service(sender(&config, failed)?);
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

/// The way to the server, through the proxy if there is one.
fn sender(config: &Config, failed: impl Fn(kube::Error) -> ClusterError) -> Result<Sender, ClusterError> {
    let tls = tls(config, &failed)?;
    let mut plain = HttpConnector::new();
    plain.enforce_http(false);
    let Some(proxy) = &config.proxy_url else { return over(plain, config, tls).map_err(failed) };
    match proxy.scheme_str() {
        Some("http") => over(tunnel(proxy, plain), config, tls),
        Some("https") => {
            let secure = https(config, tls.clone(), plain).map_err(&failed)?;
            over(tunnel(proxy, secure), config, tls)
        }
        Some("socks5") => over(SocksV5::new(proxy.clone(), plain), config, tls),
        // The address is not repeated: it may hold a password.
        _ => return Err(ClusterError::config("the proxy's address is none of http, https and socks5")),
    }
    .map_err(failed)
}

fn tls(config: &Config, failed: impl Fn(kube::Error) -> ClusterError) -> Result<ClientConfig, ClusterError> {
    // Whose certificates are believed is said below: the library need not read the system's for it.
    let mut bare = config.clone();
    bare.root_cert.get_or_insert_default();
    let mut tls = match bare.rustls_client_config() {
        Err(error) if is_of_old_certificate(&error) => with_old_certificate(&bare).ok_or_else(|| failed(error))?,
        made => made.map_err(failed)?,
    };
    if !config.accept_invalid_certs {
        let roots = match &config.root_cert {
            Some(roots) => Roots::Only(roots.iter().cloned().map(CertificateDer::from).collect()),
            None => Roots::SystemAnd(Vec::new()),
        };
        let unusable = |error: rustls::Error| {
            ClusterError::config("a certificate authority cannot be used").with_cause(error.to_string())
        };
        tls.dangerous().set_certificate_verifier(tls::verifier(roots).map_err(unusable)?);
    }
    Ok(tls)
}

/// Whether all that is wrong with a client certificate is its version: `openssl x509 -req` makes X.509 version 1 where
/// nobody asks for an extension, and API servers take it.
fn is_of_old_certificate(error: &kube::Error) -> bool {
    let kube::Error::RustlsTls(RustlsTlsError::InvalidPrivateKey(rustls::Error::InvalidCertificate(
        CertificateError::Other(other),
    ))) = error
    else {
        return false;
    };
    matches!(other.0.downcast_ref(), Some(webpki::Error::UnsupportedCertVersion))
}

/// The same with the kubeconfig's client certificate as it is: whether it will do is the server's to say.
fn with_old_certificate(config: &Config) -> Option<ClientConfig> {
    let user = &config.auth_info;
    let read = |data: Option<&str>, file: &Option<String>| match data {
        Some(data) => BASE64_STANDARD.decode(data).ok(),
        None => std::fs::read(file.as_ref()?).ok(),
    };
    let chain = read(user.client_certificate_data.as_deref(), &user.client_certificate)?;
    let key = read(user.client_key_data.as_ref().map(ExposeSecret::expose_secret), &user.client_key)?;
    let key = PrivateKeyDer::from_pem_slice(&key).ok()?;
    let key = ClientConfig::builder().crypto_provider().key_provider.load_private_key(key).ok()?;
    let shown = CertifiedKey::new(tls::certificates(&chain).ok()?, key);
    let mut without = config.clone();
    without.auth_info.client_certificate = None;
    without.auth_info.client_certificate_data = None;
    without.auth_info.client_key = None;
    without.auth_info.client_key_data = None;
    let mut tls = without.rustls_client_config().ok()?;
    tls.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(shown));
    Some(tls)
}

/// The way through an HTTP proxy, with the login of its address.
fn tunnel<C>(proxy: &Uri, to_proxy: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.clone(), to_proxy);
    let matcher = Matcher::builder().all(proxy.to_string()).build();
    let found = matcher.intercept(&Uri::from_static("https://kubernetes"));
    match found.as_ref().and_then(|found| found.basic_auth()) {
        Some(login) => tunnel.with_auth(login.clone()),
        None => tunnel,
    }
}

fn https<C>(config: &Config, tls: ClientConfig, inner: C) -> Result<HttpsConnector<C>, kube::Error> {
    let mut builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = ServerName::try_from(name.clone())
            .map_err(|error| kube::Error::RustlsTls(RustlsTlsError::InvalidServerName(error)))?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    Ok(builder.enable_http1().wrap_connector(inner))
}

fn over<C>(connector: C, config: &Config, tls: ClientConfig) -> Result<Sender, kube::Error>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError> + 'static,
{
    let mut connector = TimeoutConnector::new(https(config, tls, connector)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    Ok(BoxCloneService::new(legacy::Client::builder(TokioExecutor::new()).build(connector)))
}

#[cfg(test)]
mod tests {
    use kube::config::AuthInfo;

    use super::*;

    /// A certificate without a version, as those of version 1 are, and its key, in PEM. Its signature holds no more,
    /// which nobody looks at here.
    fn old_certificate() -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        // So many names that both lengths take two bytes.
        let names: Vec<_> = (0..30).map(|number| format!("name-{number}")).collect();
        let made = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let mut der = made.der().to_vec();
        assert_eq!((der[..2].to_vec(), der[4..6].to_vec()), (vec![0x30, 0x82], vec![0x30, 0x82]));
        assert_eq!(der[8..13], [0xa0, 3, 2, 1, 2], "version 3");
        der.drain(8..13);
        for at in [2, 6] {
            let length = u16::from_be_bytes([der[at], der[at + 1]]) - 5;
            der[at..at + 2].copy_from_slice(&length.to_be_bytes());
        }
        let text = BASE64_STANDARD.encode(der);
        (format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"), key.serialize_pem())
    }

    #[test]
    fn a_client_certificate_of_version_1_is_shown_as_it_is() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (certificate, key) = old_certificate();
        let mut config = Config::new("https://k8s".parse().unwrap());
        let data = |text: &str| BASE64_STANDARD.encode(text);
        config.auth_info = AuthInfo {
            client_certificate_data: Some(data(&certificate)),
            client_key_data: Some(data(&key).into()),
            ..AuthInfo::default()
        };
        assert!(is_of_old_certificate(&config.rustls_client_config().unwrap_err()));
        let tls = tls(&config, |error| ClusterError::config(error.to_string())).unwrap();
        assert!(tls.client_auth_cert_resolver.has_certs());
        config.auth_info.client_key_data = Some(data("no key").into());
        super::tls(&config, |error| ClusterError::config(error.to_string())).unwrap_err();
    }
}
