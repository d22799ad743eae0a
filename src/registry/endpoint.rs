//! Where a repository is served, and what a way to it may be trusted with: by an entry of `registries.conf`, else by
//! the registry's name and the quirks. Pure.

use reqwest::Url;

use crate::model::image::Repository;
use crate::registry::Remote;
use crate::registry::challenge::Challenge;
use crate::registry::conf::Limit;
use crate::registry::conf::Origin;
use crate::registry::conf::RegistriesConf;
use crate::registry::error::Failure;
use crate::registry::quirks;
use crate::registry::quirks::Quirk;
use crate::registry::requests;
use crate::registry::trust::Trust;

/// The API that a repository is asked at.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// https, but for this machine, and where `registries.conf` says otherwise.
    pub(super) base: Url,
    /// The name in `/v2/<name>/…`.
    pub(super) path: String,
    pub(super) quirk: &'static Quirk,
    /// This machine, and nobody said which scheme: plain http comes first, and https only if the port turns out to
    /// speak it.
    pub(super) open_scheme: bool,
    /// A token service may be told a login over plain http too.
    pub(super) in_clear: bool,
    pub(super) trust: Trust,
    /// At most so many requests a second.
    pub(super) rate: Option<u32>,
    /// What the caller's own login is looked up by, the name of the host that is really asked first. None: that login must
    /// not be sent there.
    pub(super) own_names: Vec<Repository>,
}

impl Endpoint {
    /// The endpoint of a repository.
    ///
    /// # Errors
    /// If the registry's name is not a host, such as `300.1.1.1`.
    pub(super) fn find(remote: &Remote, conf: Option<&RegistriesConf>) -> Result<Self, Failure> {
        let Some((conf, entry)) = conf.and_then(|conf| Some((conf, conf.entry(remote)?))) else {
            return Self::of(&remote.repository);
        };
        let base = entry.api_url.clone();
        let quirk = quirks::of_api(&requests::authority(&base));
        let in_clear = base.scheme() == "http" || entry.insecure;
        let path = entry.path(&remote.repository);
        // A login of the caller's is for a host, and that is the one which is asked, whatever the image is called; unless
        // the caller says where the image's own registry is.
        let lends = conf.origin == Origin::File || !in_clear || requests::is_loopback(&base);
        let asked = Repository::new(Some(&requests::authority(&base)), &path).ok().filter(|_| lends);
        let called = Some(&remote.repository).filter(|_| conf.origin == Origin::File).cloned();
        let mut own_names: Vec<_> = asked.into_iter().chain(called).collect();
        own_names.dedup();
        Ok(Self {
            quirk,
            open_scheme: false,
            in_clear,
            trust: Trust { insecure: entry.insecure, roots: entry.ca.as_deref().map(Into::into) },
            rate: match entry.limit {
                Limit::Usual => quirk.requests_per_second,
                Limit::None => None,
                Limit::PerSecond(rate) => Some(rate),
            },
            own_names,
            base,
            path,
        })
    }

    /// The endpoint that image names lead to without any configuration.
    ///
    /// # Errors
    /// If the registry's name is not a host, such as `300.1.1.1`.
    pub(super) fn of(repository: &Repository) -> Result<Self, Failure> {
        let quirk = quirks::of(repository.registry());
        let host = quirk.api_host.unwrap_or(repository.registry());
        let at = |scheme: &str| {
            Url::parse(&format!("{scheme}://{host}/"))
                .map_err(|error| Failure::unreachable(format!("`{host}` is not a host")).because(error))
        };
        let secure = at("https")?;
        let loopback = requests::is_loopback(&secure);
        // Written anew, since a change of scheme would lose a port that is https's own.
        let base = if loopback { at("http")? } else { secure };
        Ok(Self {
            base,
            path: repository.path().to_owned(),
            quirk,
            open_scheme: loopback,
            in_clear: loopback,
            trust: Trust::default(),
            rate: quirk.requests_per_second,
            own_names: vec![repository.clone()],
        })
    }

    /// Host and port, for people.
    pub(super) fn authority(&self) -> String {
        requests::authority(&self.base)
    }

    /// What a token has to allow.
    pub(super) fn scope(&self) -> String {
        format!("repository:{}:{}", self.path, self.quirk.actions)
    }

    /// The scope to ask for: the registry's own word for it if it names one repository and only reads, else the usual
    /// one.
    pub(super) fn asked_scope(&self, challenges: &[Challenge]) -> String {
        let asked = challenges.iter().find_map(|c| c.get("scope")).filter(|scope| {
            let mut parts = scope.rsplitn(2, ':');
            let actions = parts.next().unwrap_or_default();
            let resource = parts.next().unwrap_or_default();
            resource.starts_with("repository:")
                && !scope.contains(' ')
                && actions.split(',').all(|action| matches!(action, "pull" | "metadata_read" | "content_read"))
        });
        // A row that knows better (metadata_read) is not talked out of it.
        match asked {
            Some(scope) if self.quirk.actions == "pull" => scope.to_owned(),
            _ => self.scope(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_names_lead_to_an_api() {
        for (registry, path, base, scope) in [
            (None, "nginx", "https://registry-1.docker.io/", "repository:library/nginx:pull"),
            (Some("ghcr.io"), "acme/web", "https://ghcr.io/", "repository:acme/web:pull"),
            (Some("reg.corp:8443"), "x", "https://reg.corp:8443/", "repository:x:pull"),
            (Some("dev.azurecr.io"), "x", "https://dev.azurecr.io/", "repository:x:pull,metadata_read,content_read"),
            (Some("localhost:5000"), "x", "http://localhost:5000/", "repository:x:pull"),
            (Some("127.0.0.1:443"), "x", "http://127.0.0.1:443/", "repository:x:pull"),
            (Some("[::1]:5000"), "x", "http://[::1]:5000/", "repository:x:pull"),
            (Some("192.168.1.2:5000"), "x", "https://192.168.1.2:5000/", "repository:x:pull"),
        ] {
            let endpoint = Endpoint::of(&Repository::new(registry, path).unwrap()).unwrap();
            assert_eq!((endpoint.base.as_str(), endpoint.scope().as_str()), (base, scope));
        }
        let error = Endpoint::of(&Repository::new(Some("300.1.1.1"), "x").unwrap()).unwrap_err();
        assert_eq!(error.message, "`300.1.1.1` is not a host");
    }
}
