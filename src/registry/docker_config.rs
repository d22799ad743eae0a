//! `~/.docker/config.json` and pull secrets: which login they hold for a repository. Pure.
//!
//! Keys match as kubelet matches them (`pkg/credentialprovider`): host by labels, each a glob; port; then path,
//! here only at a `/` boundary; the longest match first. Docker Hub's historic keys all mean Docker Hub.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::GeneralPurpose;
use base64::engine::GeneralPurposeConfig;
use secrecy::SecretString;
use serde::Deserialize;

use crate::model::image::DOCKER_HUB;
use crate::model::image::Repository;
use crate::registry::credentials::Login;

/// A docker configuration, parsed.
#[derive(Default)]
pub(crate) struct DockerConfig {
    /// The best match for a repository is the first that matches.
    entries: Vec<(Key, Entry)>,
    /// Programs that keep the logins of single hosts.
    helpers: BTreeMap<String, String>,
    /// The program that keeps the logins of all other hosts.
    store: Option<String>,
}

/// Why a docker configuration cannot be used; nothing of it is quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Whatever it holds: the next source of a login is tried.
    Unread(String),
    /// It holds something else.
    Malformed(String),
}

/// No login is ever printed.
impl fmt::Debug for DockerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.entries.iter().map(|(key, _)| &key.text).collect();
        f.debug_struct("DockerConfig").field("keys", &keys).finish_non_exhaustive()
    }
}

/// What stands under one key of `auths`.
#[derive(Default, Deserialize)]
struct Entry {
    auth: Option<SecretString>,
    username: Option<String>,
    password: Option<SecretString>,
    identitytoken: Option<SecretString>,
}

impl DockerConfig {
    /// Reads the file's text.
    ///
    /// # Errors
    /// Says what is wrong and where, without quoting the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct File {
            #[serde(default)]
            auths: Option<BTreeMap<String, Option<Entry>>>,
            #[serde(default)]
            cred_helpers: Option<BTreeMap<String, String>>,
            #[serde(default)]
            creds_store: Option<String>,
        }
        // Docker begins with an empty file.
        if text.is_empty() {
            return Ok(Self::default());
        }
        // serde would read a list too, as the fields in their order.
        if text.trim_start().starts_with('[') {
            return Err("not a docker configuration at line 1, column 1".to_owned());
        }
        let file: File = serde_json::from_str(text).map_err(|error| {
            // The error's own text may quote a value, which may be a password.
            format!("not a docker configuration at line {}, column {}", error.line(), error.column())
        })?;
        let mut entries: Vec<_> = file
            .auths
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(key, entry)| Some((Key::parse(&key)?, entry.unwrap_or_default())))
            .collect();
        entries.sort_by(|(a, _), (b, _)| b.rank().cmp(&a.rank()).then_with(|| a.text.cmp(&b.text)));
        let helpers = file.cred_helpers.unwrap_or_default().into_iter();
        let helpers = helpers.filter_map(|(key, helper)| Some((Key::parse(&key)?.host_and_port(), helper))).collect();
        Ok(Self { entries, helpers, store: file.creds_store.filter(|store| !store.is_empty()) })
    }

    /// The login that stands in the text for a repository.
    ///
    /// # Errors
    /// If the entry that matches cannot be read.
    pub(crate) fn login(&self, repository: &Repository) -> Result<Option<Login>, String> {
        let matching = self.entries.iter().filter(|(key, _)| key.matches(repository));
        for (key, entry) in matching {
            if let Some(login) = entry.login().map_err(|what| format!("entry `{}` {what}", key.text))? {
                return Ok(Some(login));
            }
        }
        Ok(None)
    }

    /// The program to ask for a repository's login, and the name under which it keeps it.
    pub(crate) fn helper<'a>(&'a self, repository: &'a Repository) -> Option<(&'a str, &'a str)> {
        let host = without_default_port(repository.registry());
        let helper = self.helpers.get(host).or(self.store.as_ref())?;
        // `docker login` files Docker Hub under this name, with every helper.
        Some((helper, if host == DOCKER_HUB { "https://index.docker.io/v1/" } else { host }))
    }
}

impl Entry {
    fn login(&self) -> Result<Option<Login>, &'static str> {
        use secrecy::ExposeSecret;

        let set = |secret: &&SecretString| !secret.expose_secret().is_empty();
        if let Some(token) = self.identitytoken.as_ref().filter(set) {
            return Ok(Some(Login::identity_token(token.clone())));
        }
        if let Some(auth) = self.auth.as_ref().filter(set) {
            return of_auth(auth.expose_secret());
        }
        let (Some(username), Some(password)) = (&self.username, self.password.as_ref().filter(set)) else {
            return Ok(None);
        };
        Ok((!username.is_empty()).then(|| Login::of(username, password.clone())))
    }
}

/// The login in an `auth`, which counts more than a name and a password beside it, as for docker and kubelet.
fn of_auth(text: &str) -> Result<Option<Login>, &'static str> {
    let decoded = LENIENT.decode(text.trim()).map_err(|_| "has an `auth` that is not base64")?;
    let decoded = String::from_utf8(decoded).map_err(|_| "has an `auth` that is not text")?;
    let (username, password) = decoded.split_once(':').ok_or("has an `auth` without a colon")?;
    // Docker itself pads the password with NUL bytes at times and cuts them off when it reads.
    let password = password.trim_matches('\0');
    if username.is_empty() || password.is_empty() {
        return Ok(None);
    }
    Ok(Some(Login::of(username, SecretString::from(password.to_owned()))))
}

/// Base64 with or without padding, as different tools write it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key of `auths`.
#[derive(Debug)]
struct Key {
    text: String,
    /// Lower case; labels may be globs.
    host: String,
    port: Option<String>,
    /// Without slashes at either end.
    path: String,
}

impl Key {
    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let authority = authority.to_ascii_lowercase();
        let authority = without_default_port(&authority);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port.to_owned())),
            _ => (authority, None),
        };
        if host.is_empty() {
            return None;
        }
        // `/v1/` and `/v2/` are the API's own path and mean the whole host.
        let path = path.trim_matches('/');
        let path = ["v1", "v2"]
            .into_iter()
            .find_map(|version| path.strip_prefix(version).filter(|rest| rest.is_empty() || rest.starts_with('/')))
            .unwrap_or(path);
        let hub =
            port.is_none() && matches!(host, "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com");
        Some(Self {
            text: text.to_owned(),
            host: if hub { DOCKER_HUB.to_owned() } else { host.to_owned() },
            port,
            path: path.trim_matches('/').to_owned(),
        })
    }

    fn host_and_port(&self) -> String {
        self.port.as_ref().map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }

    /// The longest path wins, then a literal host over a glob, then the longer host.
    fn rank(&self) -> (usize, bool, usize) {
        (self.path.len(), !self.host.contains(['*', '?']), self.host.len())
    }

    fn matches(&self, repository: &Repository) -> bool {
        let registry = without_default_port(repository.registry());
        let (host, port) = match registry.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (registry, None),
        };
        let path_matches = self.path.is_empty()
            || repository
                .path()
                .strip_prefix(self.path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        port == self.port.as_deref() && path_matches && host_matches(&self.host, host)
    }
}

fn without_default_port(authority: &str) -> &str {
    authority.strip_suffix(":443").unwrap_or(authority)
}

/// As many labels, and each label matches: a glob never reaches over a dot.
fn host_matches(pattern: &str, host: &str) -> bool {
    let (patterns, labels): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), host.split('.').collect());
    patterns.len() == labels.len()
        && patterns.iter().zip(labels).all(|(pattern, label)| label_matches(pattern.as_bytes(), label.as_bytes()))
}

/// `*` for any run of characters, `?` for one; linear in the product of the lengths, whatever the pattern.
fn label_matches(pattern: &[u8], label: &[u8]) -> bool {
    // reached[i]: the pattern so far matches the first i bytes of the label.
    let mut reached = vec![false; label.len() + 1];
    reached[0] = true;
    for glob in pattern {
        if *glob == b'*' {
            let first = reached.iter().position(|reached| *reached).unwrap_or(reached.len());
            reached[first..].fill(true);
            continue;
        }
        for at in (0..label.len()).rev() {
            reached[at + 1] = reached[at] && (*glob == b'?' || *glob == label[at]);
        }
        reached[0] = false;
    }
    reached[label.len()]
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn repository(text: &str) -> Repository {
        let (registry, path) = text.split_once('/').unwrap();
        Repository::new(Some(registry), path).unwrap()
    }

    fn config(keys: &[&str]) -> DockerConfig {
        let auths: serde_json::Map<_, _> = keys
            .iter()
            .map(|key| ((*key).to_owned(), serde_json::json!({"auth": BASE64_STANDARD.encode(format!("{key}:x"))})))
            .collect();
        DockerConfig::parse(&serde_json::json!({ "auths": auths }).to_string()).unwrap()
    }

    #[test]
    fn keys_match_as_kubelet_matches_them() {
        for (keys, image, expected) in [
            (vec!["ghcr.io"], "ghcr.io/acme/web", Some("ghcr.io")),
            (vec!["https://ghcr.io/"], "ghcr.io/acme/web", Some("https")),
            (vec!["GHCR.io:443"], "ghcr.io/acme/web", Some("GHCR.io")),
            (vec!["ghcr.io"], "ghcr.io.other/web", None), // the attack of case dkc-10
            (vec!["ghcr.io.other"], "ghcr.io/web", None),
            (vec!["ghcr.io/acme"], "ghcr.io/acme/web", Some("ghcr.io/acme")),
            (vec!["ghcr.io/acme"], "ghcr.io/acme", Some("ghcr.io/acme")),
            (vec!["ghcr.io/acme"], "ghcr.io/acmeister/web", None), // a path ends at a slash
            (vec!["ghcr.io", "ghcr.io/acme", "ghcr.io/acme/web"], "ghcr.io/acme/web/x", Some("ghcr.io/acme/web")),
            (vec!["ghcr.io", "ghcr.io/acme", "ghcr.io/acme/web"], "ghcr.io/acme/x", Some("ghcr.io/acme")),
            (vec!["reg.io:5000"], "reg.io:5000/x", Some("reg.io")),
            (vec!["reg.io"], "reg.io:5000/x", None),
            (vec!["reg.io:5000"], "reg.io/x", None),
            (vec!["*.azurecr.io"], "a.azurecr.io/x", Some("*.azurecr.io")),
            (vec!["*.azurecr.io"], "a.b.azurecr.io/x", None),
            (vec!["*.azurecr.io", "a.azurecr.io"], "a.azurecr.io/x", Some("a.azurecr.io")),
            (vec!["k8s.*"], "k8s.io/x", Some("k8s.*")),
            (vec!["ap?*.k8s.io"], "app1.k8s.io/x", Some("ap?*.k8s.io")),
            (vec!["*"], "ghcr.io/x", None),
            (vec!["*.*"], "ghcr.io/x", Some("*.*")),
            (vec!["https://index.docker.io/v1/"], "docker.io/nginx", Some("https")), // dkc-07, better than there
            (vec!["docker.io"], "docker.io/nginx", Some("docker.io")),               // dkc-08, better than there
            (vec!["registry-1.docker.io/v2/"], "docker.io/nginx", Some("registry-1.docker.io/v2/")),
            (vec!["https://index.docker.io/v1/"], "ghcr.io/nginx", None),
            (vec!["docker.io/library"], "docker.io/nginx", Some("docker.io/library")),
            (vec!["reg.io/v1x"], "reg.io/web", None),
            (vec!["[::1]:5000"], "[::1]:5000/x", Some("[")),
            (vec!["[::1]"], "[::1]/x", Some("[")),
            (vec!["", "https://"], "ghcr.io/x", None),
        ] {
            let login = config(&keys).login(&repository(image)).unwrap();
            // The user name runs to the key's first colon.
            let username = login.as_ref().and_then(Login::username);
            assert_eq!(username, expected, "{keys:?} {image}");
        }
    }

    #[test]
    fn entries_hold_logins_in_several_forms() {
        for (entry, expected) in [
            (r#"{"auth":"Zm9vOmJhcg=="}"#, Ok(Some("foo:bar"))),
            (r#"{"auth":"Zm9vOmJhcg"}"#, Ok(Some("foo:bar"))), // dkc-13, better than there
            (r#"{"auth":"Zm9vOmJhcjpiYXo="}"#, Ok(Some("foo:bar:baz"))),
            (r#"{"auth":"Zm9vOmJhcgA="}"#, Ok(Some("foo:bar"))), // a NUL at the end
            (r#"{"username":"u","password":"p"}"#, Ok(Some("u:p"))),
            (r#"{"username":"u","password":"p","auth":"Zm9vOmJhcg=="}"#, Ok(Some("foo:bar"))),
            (r#"{"username":"u","password":"p","auth":""}"#, Ok(Some("u:p"))),
            (r#"{"auth":"Zm9vOmJhcg==","identitytoken":"t"}"#, Ok(Some("<token>:t"))),
            (r#"{"username":"<token>","password":"t"}"#, Ok(Some("<token>:t"))),
            (r#"{"auth":"PHRva2VuPjp0"}"#, Ok(Some("<token>:t"))),
            ("{}", Ok(None)),
            ("null", Ok(None)),
            (r#"{"auth":""}"#, Ok(None)),
            (r#"{"auth":"Og=="}"#, Ok(None)),
            (r#"{"username":"u"}"#, Ok(None)),
            (r#"{"auth":"%%%"}"#, Err("entry `reg.io` has an `auth` that is not base64")),
            (r#"{"auth":"Zm9v"}"#, Err("entry `reg.io` has an `auth` without a colon")),
            (r#"{"auth":"//86eA=="}"#, Err("entry `reg.io` has an `auth` that is not text")),
        ] {
            let config = DockerConfig::parse(&format!(r#"{{"auths":{{"reg.io":{entry}}}}}"#)).unwrap();
            let login = config.login(&repository("reg.io/x"));
            let shown = login.map(|login| login.map(|login| login.reveal()));
            assert_eq!(shown, expected.map(|e| e.map(str::to_owned)).map_err(str::to_owned), "{entry}");
        }
    }

    #[test]
    fn an_empty_entry_does_not_hide_a_shorter_one() {
        let config =
            DockerConfig::parse(r#"{"auths":{"reg.io/a":{},"reg.io":{"username":"u","password":"p"}}}"#).unwrap();
        assert_eq!(config.login(&repository("reg.io/a")).unwrap().unwrap().username(), Some("u"));
    }

    #[test]
    fn helpers_are_found_by_host() {
        let config = DockerConfig::parse(
            r#"{"auths":{"ghcr.io":{}},"credHelpers":{"https://gcr.io":"gcloud","docker.io":"hub","r:5000":"r"},
                "credsStore":"desktop"}"#,
        )
        .unwrap();
        for (image, expected) in [
            ("gcr.io/p/x", Some(("gcloud", "gcr.io"))),
            ("docker.io/nginx", Some(("hub", "https://index.docker.io/v1/"))),
            ("r:5000/x", Some(("r", "r:5000"))),
            ("ghcr.io/x", Some(("desktop", "ghcr.io"))),
        ] {
            assert_eq!(config.helper(&repository(image)), expected, "{image}");
        }
        assert_eq!(DockerConfig::parse("{}").unwrap().helper(&repository("gcr.io/x")), None);
    }

    #[test]
    fn malformed_text_is_not_quoted() {
        for text in [
            r#"{"auths":{"reg.io":{"password":{"hunter2":1}}}}"#,
            r#"{"auths":"hunter2"}"#,
            r#"[{}, null, "hunter2"]"#,
            "hunter2",
        ] {
            let error = DockerConfig::parse(text).unwrap_err();
            assert!(error.starts_with("not a docker configuration at line 1") && !error.contains("hunter2"), "{error}");
        }
        assert!(DockerConfig::parse("").is_ok());
        assert!(DockerConfig::parse(r#"{"auths":null,"credHelpers":null,"HttpHeaders":{}}"#).is_ok());
    }
}
