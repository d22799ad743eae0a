//! Several repositories in one token, for the hosts whose row says that they give such tokens.
//!
//! A token for repositories that nobody is going to ask for would be more than is needed, so only those count that a run
//! announced. Whatever is refused with such a token is asked for again with one of its own.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashSet;
use std::sync::Mutex;

use http::StatusCode;

use crate::registry::endpoint::Endpoint;
use crate::registry::error::Failure;
use crate::registry::memo::locked;
use crate::registry::session::Identity;
use crate::registry::session::Means;
use crate::registry::session::Question;
use crate::registry::session::Session;
use crate::registry::transport::Answer;

/// The scopes that a run will need.
#[derive(Default)]
pub(in crate::registry) struct Scopes {
    announced: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// Hosts that refused a token for several.
    refused: Mutex<HashSet<String>>,
}

impl Scopes {
    /// From now on, a token for one of these repositories may be for the others of its host too.
    pub(in crate::registry) fn announce(&self, endpoint: &Endpoint) {
        if endpoint.quirk.scopes_per_token > 1 {
            locked(&self.announced).entry(endpoint.authority()).or_default().insert(endpoint.scope());
        }
    }

    /// The scopes of the token that serves `scope` among others, separated by blanks (RFC 6749 section 3.3); `None` if
    /// it needs a token of its own.
    fn combined(&self, endpoint: &Endpoint, scope: &str) -> Option<String> {
        let host = endpoint.authority();
        if locked(&self.refused).contains(&host) {
            return None;
        }
        let announced = locked(&self.announced);
        let scopes: Vec<&str> = announced.get(&host)?.iter().map(String::as_str).collect();
        let chunk = scopes.chunks(endpoint.quirk.scopes_per_token).find(|chunk| chunk.contains(&scope))?;
        (chunk.len() > 1).then(|| chunk.join(" "))
    }

    /// A host refused such a token: it is not asked for another.
    fn refuse(&self, endpoint: &Endpoint) {
        locked(&self.refused).insert(endpoint.authority());
    }
}

impl Session {
    /// Asks with a token for several repositories; `None` if there is no such token, or it is not accepted.
    ///
    /// # Errors
    /// If there is no answer.
    pub(super) async fn converse_as_one_of_several(
        &self,
        who: &Identity<'_>,
        means: &Means,
        scope: &str,
        question: &Question,
    ) -> Result<Option<Answer>, Failure> {
        let combined = self.scopes.combined(who.endpoint, scope).filter(|_| matches!(means, Means::Bearer { .. }));
        let Some(combined) = combined else { return Ok(None) };
        let Ok(pass) = self.pass(who, means, &combined, None).await else {
            self.scopes.refuse(who.endpoint);
            return Ok(None);
        };
        let answer = self.send(who.endpoint, &self.learned(who.endpoint), question, pass.header).await?;
        let refused = matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        Ok(Some(answer).filter(|_| !refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image::Repository;

    #[test]
    fn what_was_announced_shares_a_token() {
        let scopes = Scopes::default();
        let at = |registry: &str, path: &str| Endpoint::of(&Repository::new(Some(registry), path).unwrap()).unwrap();
        let (a, b) = (at("docker.io", "a/a"), at("docker.io", "b/b"));
        scopes.announce(&a);
        assert_eq!(scopes.combined(&a, &a.scope()), None, "alone");
        scopes.announce(&b);
        let both = "repository:a/a:pull repository:b/b:pull";
        assert_eq!(scopes.combined(&a, &a.scope()).as_deref(), Some(both));
        assert_eq!(scopes.combined(&b, &b.scope()).as_deref(), Some(both));
        let unknown = at("docker.io", "c/c");
        assert_eq!(scopes.combined(&unknown, &unknown.scope()), None);
        for path in ["a/a", "b/b"] {
            scopes.announce(&at("example.com", path));
        }
        assert_eq!(scopes.combined(&at("example.com", "a/a"), "repository:a/a:pull"), None, "no row says so");
        for number in 0..30 {
            scopes.announce(&at("docker.io", &format!("n/{number:02}")));
        }
        let first = scopes.combined(&a, &a.scope()).unwrap();
        assert_eq!(first.split(' ').count(), a.quirk.scopes_per_token, "not more than fit");
        scopes.refuse(&a);
        assert_eq!(scopes.combined(&b, &b.scope()), None);
    }
}
