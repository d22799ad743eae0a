//! Whose certificates are believed: the system's verifier, and one thing that Go and OpenSSL believe too.
//!
//! A server may show a certificate that is itself among the roots, as `openssl req -x509` makes one for a registry or an
//! API server. webpki refuses it if it is marked as an authority, since it would not be the end of a chain. Whoever has
//! its key could make a certificate that is one, so nothing is won by that: it is believed, for its own names, while it
//! lasts. How a program comes to its roots is for the callers to say.

use std::sync::Arc;

use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::Error;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::verify_server_name;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::ParsedCertificate;

/// The roots of the certificates that are believed.
#[derive(Clone, Debug)]
pub(crate) enum Roots {
    /// The system's, and these.
    SystemAnd(Vec<CertificateDer<'static>>),
    Only(Vec<CertificateDer<'static>>),
}

/// Reads the certificates of a PEM text; other things in it do not matter.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    CertificateDer::pem_slice_iter(pem).collect()
}

/// What clients of HTTP/2 and HTTP/1.1 connect with.
///
/// # Errors
/// A root is no certificate, or there are no roots at all.
pub(crate) fn client(roots: Roots) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder().dangerous().with_custom_certificate_verifier(verifier(roots)?);
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// What verifies the certificates of servers. A TLS provider must be installed.
///
/// # Errors
/// A root is no certificate, or there are no roots at all.
pub(crate) fn verifier(roots: Roots) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let provider = Arc::clone(ClientConfig::builder().crypto_provider());
    let chains: Arc<dyn ServerCertVerifier> = match &roots {
        Roots::SystemAnd(more) => {
            Arc::new(rustls_platform_verifier::Verifier::new_with_extra_roots(more.iter().cloned(), provider)?)
        }
        Roots::Only(roots) => {
            let mut store = RootCertStore::empty();
            for root in roots {
                store.add(root.clone())?;
            }
            let built = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build();
            built.map_err(|error| Error::General(error.to_string()))?
        }
    };
    Ok(Arc::new(Verifier { chains, roots }))
}

#[derive(Debug)]
struct Verifier {
    chains: Arc<dyn ServerCertVerifier>,
    roots: Roots,
}

impl Verifier {
    fn is_root(&self, certificate: &CertificateDer<'_>) -> bool {
        match &self.roots {
            Roots::Only(roots) => roots.contains(certificate),
            // Read once more: it is rare that anybody asks.
            Roots::SystemAnd(more) => {
                more.contains(certificate) || rustls_native_certs::load_native_certs().certs.contains(certificate)
            }
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // Its dates were looked at before that, and hold, else they were the error: the tests keep webpki to it.
            Err(error) if is_authority(&error) => {
                if !self.is_root(end_entity) {
                    return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
                }
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Whether all that is wrong with a server's certificate is that it is marked as an authority.
fn is_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else { return false };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use rcgen::BasicConstraints;
    use rcgen::CertificateParams;
    use rcgen::IsCa;
    use rcgen::KeyPair;
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;

    use super::*;

    /// A certificate that is its own authority, as `openssl req -x509` makes one, with its key.
    pub(crate) struct Own {
        pub(crate) der: CertificateDer<'static>,
        pub(crate) pem: String,
        key: KeyPair,
    }

    impl Own {
        /// One for `names`, good from 2020 to the end of `last_year`.
        pub(crate) fn until(names: &[&str], last_year: i32) -> Self {
            let mut params =
                CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(last_year, 12, 31);
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            Self { der: certificate.der().clone(), pem: certificate.pem(), key }
        }

        /// What shows it to clients.
        pub(crate) fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
            let _installed = rustls::crypto::ring::default_provider().install_default();
            let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
            let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![self.der.clone()], key);
            tokio_rustls::TlsAcceptor::from(Arc::new(config.unwrap()))
        }
    }

    #[test]
    fn an_authority_may_speak_for_itself_by_name_and_date() {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let own = || Own::until(&["r.example.com", "127.0.0.1"], 2030).der;
        let (shown, other) = (own(), own());
        let only = |root: &CertificateDer<'static>| Roots::Only(vec![root.clone()]);
        let also = |root: &CertificateDer<'static>| Roots::SystemAnd(vec![root.clone()]);
        for (roots, name, date, expected) in [
            (only(&shown), "r.example.com", "2026-01-01T00:00:00Z", "believed"),
            (also(&shown), "r.example.com", "2026-01-01T00:00:00Z", "believed"),
            (only(&shown), "127.0.0.1", "2026-01-01T00:00:00Z", "believed"),
            (only(&shown), "r.example.org", "2026-01-01T00:00:00Z", "NotValidForName"),
            (only(&shown), "127.0.0.2", "2026-01-01T00:00:00Z", "NotValidForName"),
            (only(&shown), "r.example.com", "2031-01-01T00:00:00Z", "Expired"),
            (also(&shown), "r.example.com", "2031-01-01T00:00:00Z", "Expired"),
            (only(&shown), "r.example.com", "2019-12-31T00:00:00Z", "NotValidYet"),
            // The same names and dates, and another key.
            (only(&other), "r.example.com", "2026-01-01T00:00:00Z", "UnknownIssuer"),
            (also(&other), "r.example.com", "2026-01-01T00:00:00Z", "UnknownIssuer"),
        ] {
            let date: jiff::Timestamp = date.parse().unwrap();
            let now = UnixTime::since_unix_epoch(Duration::from_secs(date.as_second().try_into().unwrap()));
            let server = ServerName::try_from(name).unwrap();
            let verified = verifier(roots).unwrap().verify_server_cert(&shown, &[], &server, &[], now);
            let found = verified.map_or_else(|error| format!("{error:?}"), |_| "believed".to_owned());
            assert!(found.contains(expected), "{name} {date}: {found}, not {expected}");
        }
    }
}
