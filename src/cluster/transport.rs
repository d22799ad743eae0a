//! From a configuration to a client that sends.
//!
//! These are the layers that the library's own builder makes. It lets nobody else say whose certificates are believed, so
//! they are put together here, around [`crate::tls`]; its retries and traces are left out, since `Cluster::send` has its
//! own.

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
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
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
    let mut tls = config.rustls_client_config().map_err(failed)?;
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
