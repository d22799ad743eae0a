//! Which login a git repository is asked with: what the Application names, else Argo CD's own for that repository, else
//! the caller's (decisions, "git login"; spec section 6.3). And whom to believe: Argo CD's known hosts and certificates,
//! behind the caller's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use secrecy::SecretString;

use crate::cluster::Cluster;
use crate::git::GitTrust;
use crate::git::login::ClientCertificate;
use crate::git::login::GitHubApp;
use crate::git::login::GitLogin;
use crate::logins::Logins;
use crate::logins::Why;
use crate::logins::World;
use crate::logins::passed_over;
use crate::model::application::Application;
use crate::model::diagnostic::Diagnostic;
use crate::model::git_url::GitUrl;
use crate::model::git_url::Scheme;
use crate::model::login_source::SecretName;

/// Label of Argo CD's Secrets for repositories, and its values.
const LABEL: &str = "argocd.argoproj.io/secret-type";
const REPOSITORY: &str = "repository";
const TEMPLATE: &str = "repo-creds";

const KNOWN_HOSTS: (&str, &str) = ("argocd-ssh-known-hosts-cm", "ssh_known_hosts");
const CERTIFICATES: &str = "argocd-tls-certs-cm";

/// The login for a repository.
#[derive(Debug)]
pub(crate) struct FoundGit {
    /// Or why none can be used.
    pub(crate) login: Result<(GitLogin, GitTrust), String>,
    /// Sources that were passed over.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What else was not read, which matters only if the caller's own login does not do.
    pub(crate) note: Option<String>,
}

/// The fields of a Secret.
type Fields = BTreeMap<String, SecretString>;

/// Argo CD's Secrets for repositories, by namespace.
#[derive(Debug, Default)]
pub(super) struct OfArgoCd {
    repositories: Vec<Fields>,
    templates: Vec<Fields>,
}

/// Argo CD's word for hosts.
#[derive(Clone, Debug, Default)]
pub(super) struct Vouched {
    known_hosts: String,
    /// By host.
    certificates: BTreeMap<String, String>,
}

impl Logins {
    /// Finds the login for a repository that an Application is written to; `named` is the part of the write-back method
    /// behind `git:`.
    pub(crate) async fn of_repository(
        &self,
        world: World<'_>,
        application: &Application,
        (named, url): (Option<&str>, &GitUrl),
    ) -> FoundGit {
        let mut found = FoundGit { login: Err(String::new()), diagnostics: Vec::new(), note: None };
        let namespace = self.controller_namespace(application);
        let fields = match named.and_then(|named| named.strip_prefix("secret:")) {
            Some(secret) => match self.named(world, application, secret).await {
                Ok(fields) => Some(fields),
                Err(why) => {
                    let hint = why.hint.clone().unwrap_or_else(|| "your own git login is tried".to_owned());
                    let diagnostic = passed_over("git-login-not-read", Why { hint: Some(hint), ..why });
                    found.diagnostics.push(diagnostic.about(&application.key));
                    None
                }
            },
            None => match self.of_argo_cd(world, &namespace).await {
                Ok(secrets) => secrets.for_repository(url, application.project.as_deref().unwrap_or("default")),
                Err(why) => {
                    found.note = Some(format!("Argo CD's Secrets for repositories were not read: {}", why.message));
                    None
                }
            },
        };
        let vouched = self.vouched(world, &namespace).await;
        let mut trust = GitTrust::default();
        match url.scheme() {
            Scheme::Ssh => trust.known_hosts = vouched.known_hosts,
            _ => trust.certificates = vouched.certificates.get(url.host()).cloned().unwrap_or_default(),
        }
        let Some(fields) = fields else {
            found.login = Ok((GitLogin::caller(), trust));
            return found;
        };
        match field(&fields, "proxy") {
            Some(proxy) if url.scheme() != Scheme::Ssh => trust.proxy = Some(proxy.clone()),
            // How ssh goes through it is another program's business, which may not be here (cases gc-09, gc-10).
            Some(_) => found.note = Some("the Secret's `proxy` is not used for ssh".to_owned()),
            None => {}
        }
        if text(&fields, "insecure") == Some("true") && url.scheme() == Scheme::Https {
            trust.insecure = self.settings.allow_insecure_git;
            if !trust.insecure {
                let message =
                    format!("the Secret for {url} says `insecure`, and its certificate is verified all the same");
                let diagnostic = Diagnostic::warning("insecure-git", message);
                found.diagnostics.push(diagnostic.hint("`--allow-insecure-git` believes the Secret"));
            }
        }
        found.login = login(&fields, url).map(|login| (login, trust));
        found
    }

    /// Where the Argo CD runs that deploys an Application.
    fn controller_namespace(&self, application: &Application) -> String {
        let of_status = application.status.as_ref().and_then(|status| status.controller_namespace.clone());
        of_status.unwrap_or_else(|| self.settings.argocd_namespace.clone())
    }

    /// The Secret that an annotation names.
    async fn named(&self, world: World<'_>, application: &Application, text: &str) -> Result<Arc<Fields>, Why> {
        let own = &application.key.namespace;
        let (namespace, name) = text.split_once('/').unwrap_or((own, text));
        let secret = SecretName { namespace: namespace.to_owned(), name: name.to_owned() };
        if namespace != own && !self.settings.allowed_namespaces.iter().any(|allowed| allowed == namespace) {
            return Err(Why {
                message: format!("the Secret `{secret}` is not in the Application's namespace"),
                hint: Some(format!("`--allow-secret-namespace {namespace}` allows it")),
            });
        }
        self.secrets.get(secret.clone(), || self.secret(world, &secret)).await
    }

    async fn of_argo_cd(&self, world: World<'_>, namespace: &str) -> Result<Arc<OfArgoCd>, Why> {
        let Some(cluster) = world.cluster else {
            return Err(Why { message: "there is no cluster with -f".to_owned(), hint: None });
        };
        let list = || async {
            let list = async |value: &str| cluster.secrets(namespace, &format!("{LABEL}={value}")).await;
            let why = |error: crate::cluster::error::ClusterError| Why {
                message: error.to_string(),
                hint: error.hint().map(str::to_owned),
            };
            Ok(Arc::new(OfArgoCd {
                repositories: list(REPOSITORY).await.map_err(why)?,
                templates: list(TEMPLATE).await.map_err(why)?,
            }))
        };
        self.of_argo_cd.get(namespace.to_owned(), list).await
    }

    async fn vouched(&self, world: World<'_>, namespace: &str) -> Vouched {
        let Some(cluster) = world.cluster else { return Vouched::default() };
        self.vouched.get(namespace.to_owned(), || read_vouched(cluster, namespace)).await
    }
}

/// Who may not read them goes on with what the caller's machine believes.
async fn read_vouched(cluster: &Cluster, namespace: &str) -> Vouched {
    let (name, key) = KNOWN_HOSTS;
    let known_hosts = cluster.config_map(namespace, name).await.unwrap_or_default().remove(key).unwrap_or_default();
    let certificates = cluster.config_map(namespace, CERTIFICATES).await.unwrap_or_default();
    Vouched { known_hosts, certificates }
}

impl OfArgoCd {
    /// The Secret of a repository; one without a login takes that of the longest template that covers its address.
    fn for_repository(&self, url: &GitUrl, project: &str) -> Option<Arc<Fields>> {
        let is_git = |fields: &&Fields| text(fields, "type").is_none_or(|kind| kind == "git" || kind.is_empty());
        let of_url = |fields: &&Fields| {
            text(fields, "url").and_then(|own| GitUrl::parse(own).ok()).is_some_and(|own| own.same_repository(url))
        };
        // One for the project of the Application before one for all.
        let of = |wanted: &str| {
            let in_project = move |fields: &&Fields| text(fields, "project").unwrap_or_default() == wanted;
            self.repositories.iter().filter(is_git).filter(of_url).find(in_project)
        };
        let own = of(project).or_else(|| of(""));
        let template = self
            .templates
            .iter()
            .filter(is_git)
            .filter_map(|fields| Some((covers(text(fields, "url")?, url)?, fields)))
            .max_by_key(|(length, _)| *length)
            .map(|(_, fields)| fields);
        match (own, template) {
            (Some(own), _) if has_login(own) => Some(Arc::new(own.clone())),
            // What the repository says besides, such as its proxy, stays in force.
            (Some(own), Some(template)) => {
                let mut fields = template.clone();
                fields.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
                Some(Arc::new(fields))
            }
            (None, Some(template)) => Some(Arc::new(template.clone())),
            _ => None,
        }
    }
}

/// How much of an address a template's prefix covers, up to the end of a part of the path; `None` if it is another.
fn covers(prefix: &str, url: &GitUrl) -> Option<usize> {
    // A host alone is a prefix too, though no repository.
    let whole =
        GitUrl::parse(prefix).or_else(|_| GitUrl::parse(&format!("{}/_", prefix.trim_end_matches('/')))).ok()?;
    let host_only = GitUrl::parse(prefix).is_err();
    if (whole.scheme(), whole.host(), whole.port()) != (url.scheme(), url.host(), url.port()) {
        return None;
    }
    if host_only {
        return Some(0);
    }
    // Argo CD does not tell cases apart (case `sam-01`).
    let plain = |path: &str| path.to_ascii_lowercase().trim_matches('/').trim_end_matches(".git").to_owned();
    let (prefix, path) = (plain(whole.path()), plain(url.path()));
    let rest = path.strip_prefix(&prefix)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(prefix.len())
}

fn has_login(fields: &Fields) -> bool {
    ["password", "sshPrivateKey", "githubAppPrivateKey", "tlsClientCertData"]
        .iter()
        .any(|key| field(fields, key).is_some())
}

fn field<'a>(fields: &'a Fields, key: &str) -> Option<&'a SecretString> {
    fields.get(key).filter(|value| !value.expose_secret().trim().is_empty())
}

/// A field that is no secret.
fn text<'a>(fields: &'a Fields, key: &str) -> Option<&'a str> {
    field(fields, key).map(|value| value.expose_secret().trim())
}

/// The login in a Secret, for an address: in the order of Argo CD (cases `gcs-*`, `gca-*`).
///
/// # Errors
/// It has none that such an address takes. Quotes nothing of the Secret but the names of its fields.
fn login(fields: &Fields, url: &GitUrl) -> Result<GitLogin, String> {
    let trimmed =
        |key: &str| field(fields, key).map(|value| SecretString::from(value.expose_secret().trim().to_owned()));
    if url.scheme() == Scheme::Ssh {
        return match field(fields, "sshPrivateKey") {
            Some(key) => Ok(GitLogin::ssh_key(key.clone())),
            None => Err(format!("the Secret for {url} has no `sshPrivateKey`")),
        };
    }
    let certificate = match (text(fields, "tlsClientCertData"), field(fields, "tlsClientCertKey")) {
        (Some(certificate), Some(key)) => {
            Some(ClientCertificate { certificate: certificate.to_owned(), key: key.clone() })
        }
        _ => None,
    };
    let username = text(fields, "username").unwrap_or_default();
    // Argo CD and Image Updater spell the key differently.
    let app = text(fields, "githubAppID").or_else(|| text(fields, "githubAppId"));
    let login = match (app, field(fields, "githubAppPrivateKey"), trimmed("password")) {
        (Some(app), Some(key), _) => GitLogin::github_app(GitHubApp {
            app_id: app.to_owned(),
            installation_id: text(fields, "githubAppInstallationID")
                .or_else(|| text(fields, "githubAppInstallationId"))
                .map(str::to_owned),
            private_key: key.clone(),
            base_url: text(fields, "githubAppEnterpriseBaseUrl").map(str::to_owned),
        }),
        (_, _, Some(password)) if text(fields, "forceHttpBasicAuth") == Some("true") => {
            GitLogin::password_unasked(username, password)
        }
        (_, _, Some(password)) => GitLogin::password(username, password),
        (Some(_), None, None) => return Err(format!("the Secret for {url} has no `githubAppPrivateKey`")),
        (None, None, None) if certificate.is_some() => GitLogin::anonymous(),
        _ if field(fields, "gcpServiceAccountKey").is_some() => {
            return Err(format!("the Secret for {url} has a Google service account, which is not supported yet"));
        }
        _ => return Err(format!("the Secret for {url} has neither a `password` nor a GitHub App")),
    };
    Ok(match certificate {
        Some(certificate) => login.with_client_certificate(certificate),
        None => login,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), SecretString::from((*value).to_owned()))).collect()
    }

    fn url(text: &str) -> GitUrl {
        GitUrl::parse(text).unwrap()
    }

    /// Cases `gcs-*` and `gca-*`. Overruled: 17, since http to this machine takes a login (the git layer refuses it
    /// elsewhere); gcs-01 and 14, since certificates and host keys are verified; 11, since GitHub tells the installation;
    /// 13 is found when GitHub is asked; gca-04, since it is not supported; gca-07, since the caller has a login of their
    /// own. gcs-02, 03, 16 and gca-08 are in `tests/it/git/logins.rs`, gcs-05 beside `GitUrl`, 06 and 09 below.
    #[test]
    fn logins_are_read_as_image_updater_reads_them() {
        let password = |user: &str| GitLogin::password(user, SecretString::from("p".to_owned()));
        let app = |installation: &str| {
            GitLogin::github_app(GitHubApp {
                app_id: "1".to_owned(),
                installation_id: (!installation.is_empty()).then(|| installation.to_owned()),
                private_key: SecretString::from("k".to_owned()),
                base_url: None,
            })
        };
        let https = "https://example.com/a";
        let shown = ClientCertificate { certificate: "c".to_owned(), key: SecretString::from("k".to_owned()) };
        let whole = [
            ("githubAppID", "1"),
            ("githubAppInstallationID", "2"),
            ("githubAppPrivateKey", "k"),
            ("tlsClientCertData", "c"),
            ("tlsClientCertKey", "k"),
            ("insecure", "true"),
            ("proxy", "https://proxy.example.com"),
        ];
        let app_fields = [("githubAppID", "1"), ("githubAppInstallationID", "2"), ("githubAppPrivateKey", "k")];
        for (id, address, secret, expected) in [
            ("gcs-01, gca-01", https, &[("username", "u"), ("password", "p\n")][..], Ok(password("u"))),
            ("token alone", https, &[("password", "p")], Ok(password("x-access-token"))),
            ("gcs-04", https, &[("username", "u")], Err("neither a `password`")),
            ("gcs-07, gca-03", https, &app_fields, Ok(app("2"))),
            ("gcs-11", https, &[app_fields[0], app_fields[2]], Ok(app(""))),
            ("gcs-10", https, &app_fields[..2], Err("no `githubAppPrivateKey`")),
            ("gcs-12", https, &app_fields[1..], Err("neither a `password`")),
            (
                "gcs-18",
                https,
                &[app_fields[0], app_fields[1], app_fields[2], ("username", "u"), ("password", "p")],
                Ok(app("2")),
            ),
            (
                "gcs-14, gca-02",
                "git@example.com:a",
                &[("sshPrivateKey", "k")],
                Ok(GitLogin::ssh_key(SecretString::from("k".to_owned()))),
            ),
            ("gcs-15", "git@example.com:a", &[("sshPrivateKex", "k")], Err("no `sshPrivateKey`")),
            ("gca-04", https, &[("gcpServiceAccountKey", "{}")], Err("Google")),
            ("gcs-06", https, &whole, Ok(app("2").with_client_certificate(shown))),
            ("gcs-09", https, &[("username", "u"), ("password", "p"), ("insecure", "maybe")], Ok(password("u"))),
            ("gcs-17", "http://example.com/a", &[("username", "u"), ("password", "p")], Ok(password("u"))),
        ] {
            match (login(&fields(secret), &url(address)), expected) {
                (Ok(found), Ok(expected)) => assert!(found == expected, "{id}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{id}: {found}"),
                (found, _) => panic!("{id}: {found:?}"),
            }
        }
    }

    #[test]
    fn the_secret_of_a_repository_is_its_own_or_the_longest_template() {
        let secrets = OfArgoCd {
            repositories: vec![
                fields(&[("url", "https://h/team/own.git"), ("password", "own")]),
                fields(&[("url", "https://h/team/own"), ("password", "project"), ("project", "team")]),
                fields(&[("url", "https://h/team/bare"), ("proxy", "http://p")]),
                fields(&[("url", "https://h/team/chart"), ("password", "helm"), ("type", "helm")]),
            ],
            templates: vec![
                fields(&[("url", "https://h"), ("password", "host")]),
                fields(&[("url", "https://h/team"), ("password", "team")]),
                fields(&[("url", "https://h/team/deep/er"), ("password", "deeper")]),
                fields(&[("url", "https://h:8443/team"), ("password", "port")]),
                fields(&[("url", "git@h:team"), ("sshPrivateKey", "ssh")]),
            ],
        };
        for (address, project, expected) in [
            ("https://h/team/own", "default", Some("own")),
            ("https://h/team/own", "team", Some("project")),
            ("https://h/Team/OWN", "default", Some("own")), // sam-01
            ("https://H/TEAM/DEEP/er/x", "default", Some("deeper")),
            ("https://h/team/bare", "default", Some("team")),
            ("https://h/team/chart", "default", Some("team")),
            ("https://h/team-b/x", "default", Some("host")),
            ("https://h/team/deep/er/x", "default", Some("deeper")),
            ("https://h/team/deep/erx", "default", Some("team")),
            ("https://h.evil/team/x", "default", None),
            ("https://h:8443/team/x", "default", Some("port")),
            ("git@h:team/x", "default", Some("ssh")),
        ] {
            let found = secrets.for_repository(&url(address), project);
            let secret = |fields: &Fields| {
                let value = field(fields, "password").or_else(|| field(fields, "sshPrivateKey"));
                value.map(|value| value.expose_secret().to_owned())
            };
            assert_eq!(found.as_deref().and_then(secret).as_deref(), expected, "{address} {project}");
            if address.ends_with("bare") {
                assert_eq!(text(&found.unwrap(), "proxy"), Some("http://p"), "what the repository says besides");
            }
        }
    }
}
