//! What the user can do about a refusal.

use reqwest::Url;

use crate::registry::docker_config::Unusable;
use crate::registry::endpoint::Endpoint;
use crate::registry::error::Failure;
use crate::registry::error::RegistryErrorKind;
use crate::registry::memo::locked;
use crate::registry::requests;
use crate::registry::session::Identity;
use crate::registry::session::Means;
use crate::registry::session::Session;

/// Why the caller's login is not sent.
const WITHHELD: &str = "yours is not sent without verified TLS on the word of the cluster's registries.conf; \
                        a file named by `--registries-conf` can say so";

impl Session {
    /// Adds to a refusal what the user can do about it.
    pub(super) fn advise(&self, who: &Identity<'_>, mut failure: Failure) -> Failure {
        if failure.kind != RegistryErrorKind::Denied && failure.kind != RegistryErrorKind::RepositoryNotFound {
            return failure;
        }
        let learned = self.learned(who.endpoint);
        let withheld = match &*locked(&learned.means) {
            Some(Means::Bearer { realm, .. }) => self.withheld(who, realm),
            _ => None,
        };
        let trouble = match &who.found.trouble {
            Some(Unusable::Unread(what) | Unusable::Malformed(what)) => Some(what.as_str()),
            None => Some(WITHHELD).filter(|_| who.lends_nothing),
        };
        let hint = match (withheld, trouble, &who.found.login) {
            (Some(withheld), ..) => Some(withheld),
            (None, Some(trouble), None) => Some(format!("no login: {trouble}")),
            (None, None, None) if failure.kind == RegistryErrorKind::Denied => {
                let registry = registry(who.endpoint);
                Some(format!("the repository is private or does not exist; `docker login {registry}` logs in"))
            }
            _ => None,
        };
        failure.hint = failure.hint.or(hint);
        failure
    }

    /// What is said where a login is not told to the service that is asked for tokens.
    pub(super) fn withheld(&self, who: &Identity<'_>, realm: &Url) -> Option<String> {
        if who.found.login.is_none() || self.trusts(who.endpoint, realm) {
            return None;
        }
        Some(format!(
            "the login was not sent to {realm}, which {registry} names for tokens; `--trust-realm {host}` allows it",
            realm = requests::shown(realm),
            registry = registry(who.endpoint),
            host = requests::authority(realm),
        ))
    }
}

/// What people call the registry.
fn registry(endpoint: &Endpoint) -> String {
    let host = endpoint.quirk.host;
    if host.contains('*') { endpoint.authority() } else { host.to_owned() }
}
