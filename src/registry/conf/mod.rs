//! `registries.conf` of Argo CD Image Updater: which registry an image is asked at, and how. Pure.
//!
//! [`parse`] reads the text strictly and reports all that is wrong at once, each with its line. Entries are added to
//! what `quirks` knows and go before it; they do not clear it. Of an entry's keys, `ping` means nothing, as there.
//! `credsexpire` is checked and then not needed: a run reads a login once and ends long before one that is worth refreshing
//! expires.

#[cfg(test)]
mod properties;
mod read;
mod yaml;

use std::path::Path;
use std::path::PathBuf;

use reqwest::Url;

use crate::model::image::DOCKER_HUB;
use crate::model::image::Repository;
use crate::model::login_source::LoginSource;
use crate::registry::Remote;

pub(crate) use crate::registry::conf::read::Problem;
pub(crate) use crate::registry::conf::read::parse;

/// Where a `registries.conf` came from, which decides what of it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file that the caller named.
    File,
    /// The cluster, where others write it: its programs, variables and files are those of another machine, and the
    /// caller's own login is not sent without TLS on its word.
    Cluster,
}

/// A `registries.conf`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegistriesConf {
    pub(crate) origin: Origin,
    /// There are more documents in the text, which are not read, as in Image Updater.
    pub(crate) more_documents: bool,
    entries: Vec<Entry>,
}

/// One registry of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// A label for people.
    pub(crate) name: String,
    /// The line that the entry begins on.
    pub(crate) line: usize,
    pub(crate) credentials: Option<LoginSource>,
    /// A file with certificates in PEM form. Its content belongs into `ca`.
    pub(crate) ca_file: Option<PathBuf>,
    /// Certificates in PEM form that are trusted beside the system's.
    pub(crate) ca: Option<String>,
    /// The certificate is not verified at all.
    pub(super) insecure: bool,
    pub(super) api_url: Url,
    /// Without slash at the end, its host as [`Repository`] writes it; empty: the registries that no entry names.
    prefix: String,
    /// For images whose name has no registry.
    default: bool,
    /// What goes in front of names of one component.
    default_namespace: Option<String>,
    pub(super) limit: Limit,
    /// What the order of the registry's tag lists says, if it says anything.
    pub(crate) order: Option<TagOrder>,
}

/// The order in which a registry lists the tags of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagOrder {
    LatestFirst,
    LatestLast,
}

/// How many requests a second an entry allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// It says nothing.
    Usual,
    /// Zero or less.
    None,
    PerSecond(u32),
}

impl RegistriesConf {
    /// Reads the files of `ca_file`; where there is `insecure` they do not matter, as in Image Updater.
    ///
    /// # Errors
    /// The ones that cannot be read, or hold no certificates.
    pub(crate) fn read_ca_files(&mut self, read: impl Fn(&Path) -> Result<String, String>) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        for entry in self.entries.iter_mut().filter(|entry| !entry.insecure) {
            let Some(file) = &entry.ca_file else { continue };
            match read(file).and_then(read::certificates) {
                Ok(pem) => entry.ca = Some(entry.ca.take().unwrap_or_default() + "\n" + &pem),
                Err(why) => {
                    let what = format!("`ca_file` {}: {why}", file.display());
                    problems.push(Problem { line: entry.line, what });
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// The entry for an image: the default one if its name has no registry, else the one with the longest prefix that
    /// ends where a component of `registry/name` ends, else the one without prefix.
    ///
    /// Differs from Image Updater (spec section 4.3) on purpose: there `gcr.io` is also a prefix of `gcr.io.evil`, an
    /// exact host hides longer prefixes, and an entry for `docker.io` does not count for `nginx` (decisions).
    pub(crate) fn entry(&self, remote: &Remote) -> Option<&Entry> {
        let default = || self.entries.iter().find(|entry| entry.default);
        if remote.unqualified
            && let Some(default) = default()
        {
            return Some(default);
        }
        let name = remote.repository.to_string();
        // Of two with one prefix the last counts: there it replaces the first.
        let longest = self.entries.iter().filter(|entry| entry.covers(&name)).max_by_key(|entry| entry.prefix.len());
        // Docker Hub is built in, hence named.
        let rest = || self.entries.iter().rfind(|entry| entry.prefix.is_empty());
        longest.or_else(|| rest().filter(|_| remote.repository.registry() != DOCKER_HUB))
    }
}

impl Entry {
    fn covers(&self, name: &str) -> bool {
        !self.prefix.is_empty()
            && name.strip_prefix(&self.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The name of a repository in this registry's API.
    ///
    /// On Docker Hub the name of one component is known as `library/x` by now; another namespace takes its place.
    pub(super) fn path(&self, repository: &Repository) -> String {
        let path = repository.path();
        let short = match repository.registry() {
            DOCKER_HUB => path.strip_prefix("library/").unwrap_or(path),
            _ => path,
        };
        match &self.default_namespace {
            Some(namespace) if !short.contains('/') => format!("{namespace}/{short}"),
            _ => path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image::Reference;

    fn conf(entries: &[&str]) -> RegistriesConf {
        parse(&format!("registries:\n- {}\n", entries.join("\n- ")), Origin::File).unwrap()
    }

    fn remote(image: &str) -> Remote {
        let reference = Reference::parse(image);
        Remote::named(&reference, reference.repository().unwrap())
    }

    const HUB: &str = "{name: hub, api_url: 'https://registry-1.docker.io', prefix: docker.io, defaultns: library}";
    const HUB_DEFAULT: &str =
        "{name: hub, api_url: 'https://registry-1.docker.io', prefix: docker.io, defaultns: library, default: true}";
    const GCR: &str = "{name: gcr, api_url: 'https://gcr.io', prefix: gcr.io}";
    const TEAM: &str = "{name: team, api_url: 'https://gcr.io', prefix: gcr.io/team/}";
    const AGAIN: &str = "{name: again, api_url: 'https://gcr.io', prefix: GCR.io}";
    const ALL: &str = "{name: all, api_url: 'https://mirror.corp'}";
    const DEFAULT: &str = "{name: mine, api_url: 'https://reg.corp', prefix: reg.corp, default: true, defaultns: base}";
    const PORT: &str = "{name: port, api_url: 'https://reg.corp:8443', prefix: 'reg.corp:8443'}";

    #[test]
    fn images_find_their_entry() {
        for (id, entries, image, expected) in [
            ("ep-01", vec![HUB_DEFAULT], "nginx", Some("hub library/nginx")),
            ("ep-02", vec![HUB_DEFAULT], "gcr.io/x/y", None),
            ("ep-03", vec![GCR], "foobar.com/x", None),
            ("ep-06", vec![GCR, AGAIN], "gcr.io/x", Some("again x")),
            ("ep-08", vec![HUB, DEFAULT], "nginx", Some("mine base/nginx")),
            ("ep-08, named", vec![HUB, DEFAULT], "docker.io/nginx", Some("hub library/nginx")),
            ("ep-20, overruled", vec![GCR], "gcr.io.evil.example/x", None),
            ("ep-21", vec![ALL], "any.host/x", Some("all x")),
            ("ep-21, but Docker Hub is built in", vec![ALL], "nginx", None),
            ("ep-21, named ones first", vec![ALL, GCR], "gcr.io/x", Some("gcr x")),
            ("no default", vec![HUB], "nginx", Some("hub library/nginx")),
            ("no default, named", vec![HUB], "index.docker.io/acme/web", Some("hub acme/web")),
            ("longest", vec![TEAM, GCR], "gcr.io/team/x", Some("team team/x")),
            ("boundary", vec![TEAM, GCR], "gcr.io/teams/x", Some("gcr teams/x")),
            ("whole name", vec![TEAM, GCR], "gcr.io/team", Some("team team")),
            ("other port", vec![PORT], "reg.corp/x", None),
            ("port", vec![PORT], "reg.corp:8443/x", Some("port x")),
            ("namespace", vec![DEFAULT], "reg.corp/x", Some("mine base/x")),
            ("has a namespace", vec![DEFAULT], "reg.corp/a/x", Some("mine a/x")),
            ("default, two components", vec![DEFAULT], "acme/web", Some("mine acme/web")),
        ] {
            let remote = remote(image);
            let conf = conf(&entries);
            let found = conf.entry(&remote).map(|e| format!("{} {}", e.name, e.path(&remote.repository)));
            assert_eq!(found.as_deref(), expected, "{id}");
        }
    }
}
