//! What `registries.conf` says about the certificate of a host. Pure.

use std::sync::Arc;

use reqwest::Url;

/// What a host's certificate is verified by, beside the system's store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Trust {
    /// Nothing: any certificate will do, and no other setting counts.
    pub(super) insecure: bool,
    /// Certificates in PEM form.
    pub(super) roots: Option<Arc<str>>,
}

impl Trust {
    /// What is left of it on the way from the host it was given for to another: a CA vouches for others too, carelessness
    /// is about one host only.
    pub(super) fn between(&self, from: &Url, to: &Url) -> Self {
        Self { insecure: self.insecure && from.host_str() == to.host_str(), roots: self.roots.clone() }
    }
}
