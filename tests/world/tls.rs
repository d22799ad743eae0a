//! Certificates made for one test process, so that none is kept in the repository.

use std::sync::Arc;
use std::sync::OnceLock;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::IsCa;
use rcgen::KeyPair;
use rcgen::SigningKey;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;

/// Public names that doubles can be put up at; the certificate of [`Authority`] is for them too.
pub(crate) static NAMES: &[&str] = &[
    "registry-1.docker.io",
    "auth.docker.io",
    "hub.docker.com",
    "quay.io",
    "ghcr.io",
    "example.azurecr.io",
    "europe-docker.pkg.dev",
    "harbor.example.com",
    "registry.example.com",
];

/// A certificate authority of this process, and one certificate of it for the loopback hosts and the names of
/// [`NAMES`].
pub(crate) struct Authority {
    /// The authority's own certificate, PEM.
    pub(crate) ca: String,
    /// The server certificate and its key, PEM.
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) public_key: String,
    pub(crate) certificate_der: Vec<u8>,
    pair: KeyPair,
    server: Arc<ServerConfig>,
    clients: Arc<ServerConfig>,
    /// A certificate of the authority's for a client, and its key, PEM.
    pub(crate) client_certificate: String,
    pub(crate) client_key: String,
}

impl Authority {
    pub(crate) fn of_this_process() -> &'static Self {
        static AUTHORITY: OnceLock<Authority> = OnceLock::new();
        AUTHORITY.get_or_init(|| Self::new().expect("certificates for the tests"))
    }

    fn new() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "kubectl-image-update tests");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let names = ["localhost", "127.0.0.1", "127.0.0.2", "::1"].iter().chain(NAMES);
        let names: Vec<String> = names.map(|&name| name.to_owned()).collect();
        let certificate = CertificateParams::new(names)?.signed_by(&key, &ca)?;
        let provider = Arc::new(ring::default_provider());
        let builder = || {
            ServerConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()
                .expect("ring knows TLS 1.2 and 1.3")
        };
        let chain = vec![certificate.der().clone()];
        let der = || PrivateKeyDer::try_from(key.serialize_der()).expect("a key just made");
        let server = builder().with_no_client_auth().with_single_cert(chain.clone(), der());
        let mut roots = RootCertStore::empty();
        roots.add(ca.der().clone()).expect("a certificate just made");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
        let verifier = verifier.expect("a verifier of one authority");
        let clients = builder().with_client_cert_verifier(verifier).with_single_cert(chain, der());
        let client_pair = KeyPair::generate()?;
        let mut client = CertificateParams::new(vec!["client".to_owned()])?;
        client.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ClientAuth);
        Ok(Self {
            ca: ca.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            public_key: key.public_key_pem(),
            certificate_der: certificate.der().to_vec(),
            pair: key,
            server: Arc::new(server.expect("the key belongs to the certificate")),
            clients: Arc::new(clients.expect("the key belongs to the certificate")),
            client_certificate: client.signed_by(&client_pair, &ca)?.pem(),
            client_key: client_pair.serialize_pem(),
        })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.server))
    }

    /// The same for servers that let in only those who show a certificate of this authority.
    pub(crate) fn acceptor_of_clients(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.clients))
    }

    /// Signs as JSON Web Tokens want it: the two numbers of the signature at full width, one after the other.
    pub(crate) fn sign_es256(&self, text: &[u8]) -> Vec<u8> {
        let der = self.pair.sign(text).expect("a P-256 key signs anything");
        // SEQUENCE { INTEGER r, INTEGER s }; both lengths fit one byte.
        let (r, s) = der[4..].split_at(usize::from(der[3]));
        let full_width = |number: &[u8]| {
            let digits = number.strip_prefix(&[0]).unwrap_or(number);
            let mut bytes = vec![0; 32 - digits.len()];
            bytes.extend_from_slice(digits);
            bytes
        };
        [full_width(r), full_width(&s[2..])].concat()
    }
}
