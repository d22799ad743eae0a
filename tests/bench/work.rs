//! Work for a registry client, with the least that it can cost: counted by the tests, and timed by the benchmark.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fmt;

use serde_json::Value;
use serde_json::json;

use crate::world::Application;
use crate::world::Exchange;
use crate::world::Image;
use crate::world::Link;
use crate::world::RegistryAuth;
use crate::world::RegistryDouble;

/// Most requests that are in flight at a time for one host.
pub(crate) const IN_FLIGHT: usize = 16;

/// Something to find out about the images of a registry.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    /// Names of repositories begin with it, so that works can share a registry.
    folder: &'static str,
    strategy: &'static str,
    pub(crate) auth: RegistryAuth,
    applications: usize,
    repositories: usize,
    tags: usize,
    /// The fewest requests that answer the question, for somebody who does not know the registry.
    pub(crate) least: Requests,
    /// How many requests of it come one after the other at least.
    pub(crate) trips: usize,
}

/// Tags of a repository that are served in one page.
const PAGE: usize = 100;

/// The tag lists of 60 repositories, for 300 Applications.
pub(crate) const LISTS: Work = Work {
    name: "60 tag lists of 300 tags, token login",
    folder: "lists",
    strategy: "semver",
    auth: RegistryAuth::Token,
    applications: 300,
    repositories: 60,
    tags: 300,
    least: Requests { lists: 180, challenges: 1, tokens: 60, ..Requests::NONE },
    trips: 1 + 240_usize.div_ceil(IN_FLIGHT),
};

/// The last of 300 tags by name, in ten repositories.
pub(crate) const NAMES: Work = Work {
    name: "10 tag lists of 300 tags, by name",
    folder: "names",
    strategy: "alphabetical",
    auth: RegistryAuth::None,
    applications: 30,
    repositories: 10,
    tags: 300,
    least: Requests { lists: 30, ..Requests::NONE },
    // Three pages follow each other.
    trips: 3,
};

/// What one tag of each of a hundred repositories stands for.
pub(crate) const DIGESTS: Work = Work {
    name: "100 digests",
    folder: "digests",
    strategy: "digest",
    auth: RegistryAuth::None,
    applications: 100,
    repositories: 100,
    tags: 1,
    least: Requests { heads: 100, ..Requests::NONE },
    trips: 100_usize.div_ceil(IN_FLIGHT),
};

/// The same with a token for each repository.
pub(crate) const DIGESTS_WITH_TOKEN: Work = Work {
    name: "100 digests, token login",
    folder: "token-digests",
    auth: RegistryAuth::Token,
    least: Requests { heads: 100, challenges: 1, tokens: 100, ..Requests::NONE },
    trips: 1 + 200_usize.div_ceil(IN_FLIGHT),
    ..DIGESTS
};

/// The newest of 600 builds.
pub(crate) const BUILDS: Work = Work {
    name: "newest of 600 builds",
    folder: "builds",
    strategy: "newest-build",
    auth: RegistryAuth::None,
    applications: 1,
    repositories: 1,
    tags: 600,
    least: Requests { lists: 6, manifests: 600, configs: 600, ..Requests::NONE },
    trips: 6 + 1200_usize.div_ceil(IN_FLIGHT),
};

/// The newest of 120 builds.
pub(crate) const FEWER_BUILDS: Work = Work {
    name: "120 build dates",
    folder: "fewer-builds",
    tags: 120,
    least: Requests { lists: 2, manifests: 120, configs: 120, ..Requests::NONE },
    trips: 2 + 240_usize.div_ceil(IN_FLIGHT),
    ..BUILDS
};

/// Many Applications, for their memory: a thousand over 300 repositories.
pub(crate) const CROWD: Work = Work {
    name: "1,000 Applications over 300 repositories of 300 tags",
    folder: "crowd",
    applications: 1000,
    repositories: 300,
    least: Requests { lists: 900, challenges: 1, tokens: 300, ..Requests::NONE },
    trips: 1 + 1200_usize.div_ceil(IN_FLIGHT),
    ..LISTS
};

impl Work {
    /// Names of repositories, and of their tags.
    pub(crate) fn repositories(&self) -> Vec<(String, Vec<String>)> {
        let tags = |repository: usize| (0..self.tags).map(move |tag| self.tag(repository, tag)).collect();
        (0..self.repositories).map(|number| (format!("{}/app-{number:03}", self.folder), tags(number))).collect()
    }

    fn tag(&self, repository: usize, number: usize) -> String {
        match self.strategy {
            "digest" => "stable".to_owned(),
            "newest-build" => format!("main-{:03}", (number * 7) % self.tags),
            _ => format!("v1.{repository}.{number}"),
        }
    }

    /// The tag that wins in every repository, by the end of its name.
    pub(crate) fn winner(&self) -> String {
        match self.strategy {
            "digest" => "stable".to_owned(),
            "newest-build" => self.tag(0, self.tags - 1),
            "alphabetical" => ".99".to_owned(),
            _ => format!(".{}", self.tags - 1),
        }
    }

    /// Publishes what the work is about.
    pub(crate) fn publish(&self, registry: &RegistryDouble) {
        let image = Image::built("2026-10-01T08:00:00Z");
        match self.strategy {
            "newest-build" => {
                for (repository, tags) in self.repositories() {
                    for (number, tag) in tags.iter().enumerate() {
                        let built = format!("2026-10-{:02}T{:02}:00:00Z", 1 + number / 24, number % 24);
                        registry.push(&repository, tag, &Image::built(&built).content(tag));
                    }
                }
            }
            _ => registry.fill(&self.repositories(), &image),
        }
        registry.paginate(PAGE, Link::Relative);
    }

    /// The Applications that ask for it, one after the other over the repositories.
    pub(crate) fn applications(&self, host: &str) -> Vec<Value> {
        let repositories = self.repositories();
        let of = |number: usize| {
            let (repository, tags) = &repositories[number % repositories.len()];
            let image = format!("{host}/{repository}");
            let constraint = match self.strategy {
                "semver" => ":~1",
                "digest" => ":stable",
                _ => "",
            };
            let live = format!("{image}:{}", tags[0]);
            Application::named(&format!("app-{number:04}"))
                .namespace("argocd")
                .image_list(&format!("web={image}{constraint}"))
                .annotation("web.update-strategy", self.strategy)
                .kustomize(&[&live])
                .images(&[&live])
                .into_value()
        };
        (0..self.applications).map(of).collect()
    }

    /// The same as one manifest.
    pub(crate) fn manifest(&self, host: &str) -> String {
        json!({"apiVersion": "v1", "kind": "List", "items": self.applications(host)}).to_string()
    }
}

/// Where registries give out tokens.
const TOKENS: &[&str] = &["/token", "/v2/auth", "/v2/token", "/oauth2/token", "/service/token"];
/// Where registries list tags with their dates.
const DATES: &[&str] = &["/v2/repositories/", "/api/v1/repository/", "/acr/v1/", "/api/v2.0/projects/"];

/// How many requests of each kind a registry got, its token service among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    /// Pages of tags.
    pub(crate) lists: usize,
    pub(crate) heads: usize,
    /// By tag or digest, with their bytes: what registries call a pull.
    pub(crate) manifests: usize,
    pub(crate) configs: usize,
    /// Turned away for want of a login.
    pub(crate) challenges: usize,
    pub(crate) tokens: usize,
    /// Pages of an API that lists tags with their dates.
    pub(crate) dates: usize,
    pub(crate) others: usize,
}

impl Requests {
    pub(crate) const NONE: Self =
        Self { lists: 0, heads: 0, manifests: 0, configs: 0, challenges: 0, tokens: 0, dates: 0, others: 0 };

    /// Counts what a registry was asked.
    pub(crate) fn of(log: &[Exchange]) -> Self {
        let mut counts = Self::default();
        for exchange in log {
            let (method, path) = (exchange.request.method.as_str(), exchange.request.path.as_str());
            let count = match (exchange.status, method) {
                (Some(401), _) => &mut counts.challenges,
                (_, "HEAD") => &mut counts.heads,
                (_, "GET" | "POST") if TOKENS.contains(&path) => &mut counts.tokens,
                (_, "GET") if DATES.iter().any(|api| path.starts_with(api)) => &mut counts.dates,
                (_, "GET") if path.ends_with("/tags/list") => &mut counts.lists,
                (_, "GET") if path.contains("/manifests/") => &mut counts.manifests,
                (_, "GET") if path.contains("/blobs/") => &mut counts.configs,
                _ => &mut counts.others,
            };
            *count += 1;
        }
        counts
    }

    pub(crate) fn sum(&self) -> usize {
        let Self { lists, heads, manifests, configs, challenges, tokens, dates, others } = self;
        lists + heads + manifests + configs + challenges + tokens + dates + others
    }
}

/// `180 lists, 1 challenge, 60 tokens`.
impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.lists, "list"),
            (self.heads, "HEAD"),
            (self.manifests, "manifest"),
            (self.configs, "config"),
            (self.challenges, "challenge"),
            (self.tokens, "token"),
            (self.dates, "page of dates"),
            (self.others, "other"),
        ];
        let parts: Vec<String> = kinds
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, kind)| format!("{number} {kind}{}", if *number == 1 { "" } else { "s" }))
            .collect();
        f.write_str(&if parts.is_empty() { "none".to_owned() } else { parts.join(", ") })
    }
}
