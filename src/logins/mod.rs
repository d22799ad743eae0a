//! Which login an image's registry is asked with: what the image's annotation names, else the `credentials` of its
//! entry in `registries.conf`, else the caller's own, which is the registry client's to find (decisions, "Registries and
//! logins").
//!
//! A source that cannot be read here is passed over, and a diagnostic says so; one that holds something else than a
//! login makes the image invalid. Each Secret is read, and each program run, once in a run. An annotation is not the
//! operator: it can name Secrets of its Application's namespace, and no programs or variables of this machine. No
//! message of this module quotes what it read.

pub(crate) mod git;
#[cfg(test)]
mod properties;
mod script;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::annotations::rule::AppRules;
use crate::annotations::rule::ImageRule;
use crate::annotations::rule::PullSecret;
use crate::cluster::Cluster;
use crate::cluster::settings::ConnectionSettings;
use crate::model::application::ApplicationKey;
use crate::model::diagnostic::Diagnostic;
use crate::model::image::Repository;
use crate::model::login_source::LoginSource;
use crate::model::login_source::SecretName;
use crate::model::plan::ImageChange;
use crate::registry::Access;
use crate::registry::DockerConfig;
use crate::registry::Login;
use crate::registry::Memo;
use crate::registry::Registries;
use crate::registry::Remote;
use crate::registry::Unusable;
use crate::registry::conf::Entry;
use crate::registry::conf::Origin;

/// The field of a pull secret (Kubernetes, type `kubernetes.io/dockerconfigjson`).
const DOCKER_CONFIG: &str = ".dockerconfigjson";

/// How long a program may take, as in Image Updater.
const SCRIPT: Duration = Duration::from_secs(10);

/// What logins are looked up with.
#[derive(Debug)]
pub(crate) struct LoginSettings {
    /// For `env:`, and for the programs of `ext:`.
    pub(crate) environment: BTreeMap<String, String>,
    /// Namespaces whose Secrets any annotation may name.
    pub(crate) allowed_namespaces: Vec<String>,
    /// Where Argo CD's own Secrets are.
    pub(crate) argocd_namespace: String,
    /// A Secret's `insecure` is believed.
    pub(crate) allow_insecure_git: bool,
    /// How to reach a cluster for Secrets in a run that has none.
    pub(crate) connection: ConnectionSettings,
}

/// The logins of a run.
pub(crate) struct Logins {
    settings: LoginSettings,
    /// Only for a run without a cluster, and only if it comes to a Secret.
    own_cluster: OnceCell<Result<Cluster, String>>,
    secrets: Memo<SecretName, Result<Arc<BTreeMap<String, SecretString>>, Why>>,
    scripts: Memo<String, Result<Login, Trouble>>,
    of_argo_cd: Memo<String, Result<Arc<git::OfArgoCd>, Why>>,
    vouched: Memo<String, git::Vouched>,
}

/// What a run asks logins for, and from.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    /// `None` with `-f`.
    pub(crate) cluster: Option<&'a Cluster>,
    pub(crate) registries: &'a Registries,
}

/// An image, with the login found for it.
#[derive(Debug)]
pub(crate) struct Found {
    /// Or why the image is invalid.
    pub(crate) remote: Result<Remote, Diagnostic>,
    /// Sources that were passed over.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Why a source could not be read, and what would help.
#[derive(Clone, Debug)]
struct Why {
    message: String,
    hint: Option<String>,
}

#[derive(Clone, Debug)]
enum Trouble {
    /// The next source is tried.
    Unread(Why),
    /// It holds something else.
    Malformed(String),
}

impl Logins {
    pub(crate) fn new(settings: LoginSettings) -> Self {
        Self {
            settings,
            own_cluster: OnceCell::new(),
            secrets: Memo::default(),
            scripts: Memo::default(),
            of_argo_cd: Memo::default(),
            vouched: Memo::default(),
        }
    }

    /// Where Argo CD runs, as the caller says.
    pub(crate) fn argocd_namespace(&self) -> &str {
        &self.settings.argocd_namespace
    }

    /// The repository of an image, to be asked with the login that is meant for it; `None` if the text is no image.
    pub(crate) async fn of_rule(
        &self,
        world: World<'_>,
        application: &ApplicationKey,
        rule: &ImageRule,
    ) -> Option<Found> {
        let remote = Remote::named(&rule.name, rule.repository.clone()?);
        let annotated = rule.settings.as_ref().ok().and_then(|settings| settings.pull_secret.as_ref());
        Some(self.find(world, application, remote, annotated).await)
    }

    /// The same for an image of a plan, by the annotations that its Application has now.
    pub(crate) async fn of_change(
        &self,
        world: World<'_>,
        (application, rules): (&ApplicationKey, Option<&AppRules>),
        image: &ImageChange,
    ) -> Found {
        let is_it = |rule: &&ImageRule| rule.alias == image.alias && rule.repository.as_ref() == Some(&image.reference);
        if let Some(rule) = rules.and_then(|rules| rules.images.iter().find(is_it))
            && let Some(found) = self.of_rule(world, application, rule).await
        {
            return found;
        }
        self.find(world, application, Remote::from(image.reference.clone()), None).await
    }

    async fn find(
        &self,
        world: World<'_>,
        application: &ApplicationKey,
        remote: Remote,
        annotated: Option<&PullSecret>,
    ) -> Found {
        let entry = world.registries.entry(&remote);
        let mut diagnostics: Vec<_> =
            entry.and_then(|(entry, origin)| entry.ca_file_not_read(origin)).into_iter().collect();
        if let Some(PullSecret { source, place }) = annotated {
            let code = "pull-secret-not-read";
            let located = |diagnostic: Diagnostic| diagnostic.about(application).at(place.clone());
            let login = match self.refused(application, source) {
                Some(why) => Err(Trouble::Unread(why)),
                None => self.read(world, source, &remote).await,
            };
            match login {
                Ok(login) => return Found { remote: Ok(with(remote, login)), diagnostics },
                Err(Trouble::Unread(why)) => diagnostics.push(located(passed_over(code, why))),
                Err(Trouble::Malformed(what)) => {
                    let diagnostic = located(Diagnostic::error("bad-pull-secret", what));
                    return Found { remote: Err(diagnostic), diagnostics };
                }
            }
        }
        let from_entry = match entry {
            Some((entry, origin)) => self.of_entry(world, (entry, origin), &remote).await,
            None => Ok(None),
        };
        let remote = match from_entry {
            Ok(Some(login)) => Ok(with(remote, login)),
            Err(Trouble::Malformed(what)) => Err(Diagnostic::error("bad-credentials", what)),
            passed => {
                if let Err(Trouble::Unread(why)) = passed {
                    diagnostics.push(passed_over("credentials-not-read", why));
                }
                callers(world, remote, &mut diagnostics).await
            }
        };
        Found { remote, diagnostics }
    }

    /// The login that an entry of `registries.conf` says, if it says one.
    async fn of_entry(
        &self,
        world: World<'_>,
        (entry, origin): (&Entry, Origin),
        remote: &Remote,
    ) -> Result<Option<Login>, Trouble> {
        let Some(source) = &entry.credentials else { return Ok(None) };
        let login = match not_ours(source, origin) {
            Some(why) => Err(Trouble::Unread(why)),
            None => self.read(world, source, remote).await,
        };
        let named = |what: &str| format!("`credentials` of `{}` in registries.conf: {what}", entry.name);
        login.map(Some).map_err(|trouble| match trouble {
            Trouble::Unread(Why { message, hint }) => Trouble::Unread(Why { message: named(&message), hint }),
            Trouble::Malformed(what) => Trouble::Malformed(named(&what)),
        })
    }

    /// Why an annotation must not name this source.
    fn refused(&self, application: &ApplicationKey, source: &LoginSource) -> Option<Why> {
        let (LoginSource::PullSecret(secret) | LoginSource::SecretField { secret, .. }) = source else {
            return Some(Why {
                message: format!("`{source}` is the controller's: an annotation names no variable or program here"),
                hint: Some("name a Secret, or put it into the `credentials` of a `--registries-conf` file".to_owned()),
            });
        };
        let namespace = &secret.namespace;
        let allowed = namespace == &application.namespace || self.settings.allowed_namespaces.contains(namespace);
        (!allowed).then(|| Why {
            message: format!("the Secret `{secret}` is not in the Application's namespace"),
            hint: Some(format!("`--allow-secret-namespace {namespace}` allows it")),
        })
    }

    async fn read(&self, world: World<'_>, source: &LoginSource, remote: &Remote) -> Result<Login, Trouble> {
        match source {
            LoginSource::PullSecret(secret) => {
                let text = self.field(world, secret, DOCKER_CONFIG).await.map_err(Trouble::Unread)?;
                let names = [Some(remote.repository.clone()), world.registries.asked_as(remote)];
                of_docker_config(&text, names.into_iter().flatten())
                    .map_err(|what| Trouble::Malformed(format!("the Secret `{secret}`: {what}")))?
                    .ok_or_else(|| {
                        let message = format!("the Secret `{secret}` has no login for {}", remote.repository);
                        Trouble::Unread(Why { message, hint: None })
                    })
            }
            LoginSource::SecretField { secret, field } => {
                let text = self.field(world, secret, field).await.map_err(Trouble::Unread)?;
                let text = text.expose_secret().trim_end_matches(['\r', '\n']);
                let what = || format!("the field `{field}` of the Secret `{secret}` is not `user:password`");
                login(text, Half::MayBeEmpty).ok_or_else(|| Trouble::Malformed(what()))
            }
            LoginSource::Environment(name) => match self.settings.environment.get(name) {
                Some(text) if !text.is_empty() => login(text, Half::MustBeThere)
                    .ok_or_else(|| Trouble::Malformed(format!("the variable `{name}` is not `user:password`"))),
                _ => Err(Trouble::Unread(Why { message: format!("the variable `{name}` is not set"), hint: None })),
            },
            LoginSource::Script(path) => self.scripts.get(path.clone(), || self.run(path)).await,
        }
    }

    async fn run(&self, path: &str) -> Result<Login, Trouble> {
        let text = script::run(path, &self.settings.environment, SCRIPT)
            .await
            .map_err(|what| Trouble::Unread(Why { message: format!("the program `{path}` {what}"), hint: None }))?;
        login(text.expose_secret(), Half::MustBeThere)
            .ok_or_else(|| Trouble::Malformed(format!("the program `{path}` did not print `user:password`")))
    }

    async fn field(&self, world: World<'_>, secret: &SecretName, field: &str) -> Result<SecretString, Why> {
        let fields = self.secrets.get(secret.clone(), || self.secret(world, secret)).await?;
        let missing = || Why { message: format!("the Secret `{secret}` has no field `{field}`"), hint: None };
        fields.get(field).cloned().ok_or_else(missing)
    }

    async fn secret(&self, world: World<'_>, secret: &SecretName) -> Result<Arc<BTreeMap<String, SecretString>>, Why> {
        let cluster = if let Some(cluster) = world.cluster {
            cluster
        } else {
            let connect = || Cluster::connect(&self.settings.connection);
            let connected = self.own_cluster.get_or_init(async || connect().await.map_err(|error| error.to_string()));
            connected
                .await
                .as_ref()
                .map_err(|error| Why { message: format!("the Secret `{secret}` was not read: {error}"), hint: None })?
        };
        let read = cluster.secret(&secret.namespace, &secret.name).await;
        read.map(Arc::new).map_err(|error| Why { message: error.to_string(), hint: error.hint().map(str::to_owned) })
    }
}

/// Why a source of `registries.conf` is not used.
fn not_ours(source: &LoginSource, origin: Origin) -> Option<Why> {
    match source {
        LoginSource::Environment(_) | LoginSource::Script(_) if origin == Origin::Cluster => Some(Why {
            message: format!("`{source}` is the controller's"),
            hint: Some("a file named by `--registries-conf` can use variables and programs of this machine".to_owned()),
        }),
        _ => None,
    }
}

impl Entry {
    /// The warning about certificates that are not here.
    fn ca_file_not_read(&self, origin: Origin) -> Option<Diagnostic> {
        let file = self.ca_file.as_ref().filter(|_| origin == Origin::Cluster)?;
        let message =
            format!("`ca_file` of `{}` in registries.conf: `{}` is the controller's", self.name, file.display());
        let hint = "certificates in `ca_data`, and files named by a `--registries-conf` file, are read";
        Some(Diagnostic::warning("ca-file-not-read", message).hint(hint))
    }
}

/// The repository, to be asked with the caller's own login if there is one: what stands in the way of that is told here,
/// since the registry may well answer without.
async fn callers(world: World<'_>, remote: Remote, diagnostics: &mut Vec<Diagnostic>) -> Result<Remote, Diagnostic> {
    match world.registries.callers_trouble(&remote).await {
        None => {}
        Some(Unusable::Unread(message)) => {
            let hint = Some("without it, the registry is asked with what else there is, or with no login".to_owned());
            diagnostics.push(passed_over("docker-config-not-read", Why { message, hint }));
        }
        Some(Unusable::Malformed(what)) => {
            let hint = "docker itself does not read it either; `docker logout` and `docker login` write it anew";
            return Err(Diagnostic::error("bad-docker-config", what).hint(hint));
        }
    }
    Ok(remote)
}

fn with(remote: Remote, login: Login) -> Remote {
    Remote { access: Access::Login(login), ..remote }
}

fn passed_over(code: &'static str, why: Why) -> Diagnostic {
    let diagnostic = Diagnostic::warning(code, why.message);
    diagnostic
        .hint(why.hint.unwrap_or_else(|| "the next source of a login is tried, your docker config last".to_owned()))
}

/// The login in a docker configuration for the first of these names that has one.
fn of_docker_config(text: &SecretString, names: impl Iterator<Item = Repository>) -> Result<Option<Login>, String> {
    let config = DockerConfig::parse(text.expose_secret())?;
    for name in names {
        if let Some(login) = config.login(&name)? {
            return Ok(Some(login));
        }
    }
    Ok(None)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    /// A Secret may hold a token alone, after or before the colon.
    MayBeEmpty,
    MustBeThere,
}

/// `user:password`; the password may have more colons.
fn login(text: &str, half: Half) -> Option<Login> {
    let (user, password) = text.split_once(':')?;
    let complete = !user.is_empty() && !password.is_empty();
    let some = !user.is_empty() || !password.is_empty();
    let good = if half == Half::MayBeEmpty { some } else { complete };
    good.then(|| Login::of(user, SecretString::from(password.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::diagnostic::Place;
    use crate::model::image::Reference;
    use crate::registry::RegistrySettings;
    use crate::registry::conf;

    fn logins(environment: &[(&str, &str)]) -> Logins {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let connection = ConnectionSettings { kubeconfig: Some("/does/not/exist".into()), ..Default::default() };
        let argocd_namespace = "argocd".to_owned();
        let allowed_namespaces = Vec::new();
        Logins::new(LoginSettings {
            environment,
            allowed_namespaces,
            argocd_namespace,
            allow_insecure_git: false,
            connection,
        })
    }

    fn registries(credentials: &str, origin: Origin) -> Registries {
        let text =
            format!("registries: [{{name: R, api_url: 'https://r.io', prefix: r.io, credentials: '{credentials}'}}]");
        let registries = Registries::new(RegistrySettings::new("test/0".to_owned()));
        registries.configure(conf::parse(&text, origin).unwrap());
        registries
    }

    fn remote(image: &str) -> Remote {
        let name = Reference::parse(image);
        Remote::named(&name, name.repository().unwrap())
    }

    /// The login, or the code of why there is none.
    async fn found(logins: &Logins, registries: &Registries, annotated: Option<&str>) -> Result<Login, &'static str> {
        let world = World { cluster: None, registries };
        let application = ApplicationKey { namespace: "argocd".to_owned(), name: "web".to_owned() };
        let annotated = annotated.map(|source| PullSecret {
            source: LoginSource::parse(source).unwrap(),
            place: Place { annotation: "a".to_owned(), value: source.into(), span: 0..source.len() },
        });
        let found = logins.find(world, &application, remote("r.io/x"), annotated.as_ref()).await;
        match (found.remote.map(|remote| remote.access), found.diagnostics.as_slice()) {
            (Ok(Access::Login(login)), _) => Ok(login),
            (Ok(Access::Caller), []) => Err("the caller's"),
            (Ok(Access::Caller), [.., last]) => Err(last.code),
            (Err(diagnostic), _) => Err(diagnostic.code),
        }
    }

    fn of(user: &str, password: &str) -> Login {
        Login::of(user, SecretString::from(password.to_owned()))
    }

    #[test]
    fn a_login_is_a_name_and_a_password() {
        for (id, text, half, expected) in [
            ("crf-01", "foo:bar", Half::MayBeEmpty, Some(("foo", "bar"))),
            ("crf-09", "foo:bar", Half::MustBeThere, Some(("foo", "bar"))),
            ("crf-11", "babayaga", Half::MustBeThere, None),
            ("crf-12", "foo:", Half::MustBeThere, None),
            ("crf-13", ":", Half::MustBeThere, None),
            ("crf-20", ":x", Half::MayBeEmpty, Some(("", "x"))),
            ("crf-20, variable", ":x", Half::MustBeThere, None),
            ("crf-21", "u:p:q", Half::MustBeThere, Some(("u", "p:q"))),
            ("nothing", ":", Half::MayBeEmpty, None),
            ("empty", "", Half::MayBeEmpty, None),
        ] {
            assert_eq!(login(text, half), expected.map(|(user, password)| of(user, password)), "{id}");
        }
    }

    /// Cases `dkc-*` and `crf-05` to `crf-08`. Overruled by "as kubelet matches" (decisions): 07, 08, 10, 11; 04 cannot
    /// be, since an `api_url` without scheme is a mistake.
    #[test]
    fn pull_secrets_are_matched_as_kubelet_matches() {
        for (id, image, api, key, expected) in [
            ("crf-05, dkc-01", "nginx", "https://registry-1.docker.io", "https://registry-1.docker.io/v2/", true),
            ("crf-08, dkc-02", "nginx", "https://registry-1.docker.io", "registry-1.docker.io", true),
            ("dkc-03", "nginx", "http://registry-1.docker.io", "registry-1.docker.io", true),
            ("dkc-05", "nginx", "https://registry-1.docker.io/", "registry-1.docker.io", true),
            ("dkc-06", "gcr.io/x", "https://gcr.io", "https://registry-1.docker.io/v2/", false),
            ("dkc-07", "nginx", "https://registry-1.docker.io", "https://index.docker.io/v1/", true),
            ("dkc-08", "nginx", "https://registry-1.docker.io", "docker.io", true),
            ("dkc-10", "reg.io/x", "https://reg.io", "https://reg.io.evil", false),
            ("dkc-11", "reg.io/x", "http://reg.io", "https://reg.io", true),
            ("by the API's name", "nginx", "https://mirror.corp", "mirror.corp", true),
            ("by the image's name", "nginx", "https://mirror.corp", "docker.io", true),
        ] {
            let registries = Registries::new(RegistrySettings::new("test/0".to_owned()));
            let text = format!("registries: [{{name: R, api_url: '{api}', prefix: docker.io}}]");
            registries.configure(conf::parse(&text, Origin::File).unwrap());
            let remote = remote(image);
            let names = [Some(remote.repository.clone()), registries.asked_as(&remote)];
            let config = format!(r#"{{"auths":{{"{key}":{{"auth":"Zm9vOmJhcg=="}}}}}}"#);
            let login = of_docker_config(&SecretString::from(config), names.into_iter().flatten()).unwrap();
            assert_eq!(login, expected.then(|| of("foo", "bar")), "{id}");
        }
        let none = SecretString::from("{}".to_owned());
        let nothing = of_docker_config(&none, [remote("nginx").repository].into_iter()).unwrap();
        assert_eq!(nothing, None, "crf-07: passed over here");
    }

    #[tokio::test]
    async fn sources_are_tried_in_order() {
        let environment = [("X", "envuser:envpass"), ("EMPTY", ""), ("BAD", "babayaga")];
        let (file, cluster) = (Origin::File, Origin::Cluster);
        for (id, annotated, credentials, origin, expected) in [
            ("cre-07", None, "env:X", file, Ok(of("envuser", "envpass"))),
            ("not theirs", None, "env:X", cluster, Err("credentials-not-read")),
            ("program", None, "ext:/bin/false", cluster, Err("credentials-not-read")),
            ("fails", None, "ext:/bin/false", file, Err("credentials-not-read")),
            ("crf-10", None, "env:EMPTY", file, Err("credentials-not-read")),
            ("crf-10, unset", None, "env:UNSET", file, Err("credentials-not-read")),
            ("crf-11", None, "env:BAD", file, Err("bad-credentials")),
            ("none", None, "", file, Err("the caller's")),
            ("crf-03, cre-12", Some("pullsecret:argocd/bar"), "", file, Err("pull-secret-not-read")),
            ("next", Some("pullsecret:argocd/bar"), "env:X", file, Ok(of("envuser", "envpass"))),
            ("cre-14, upd-11", Some("PullSecret:other/bar"), "", file, Err("pull-secret-not-read")),
            ("annotation", Some("env:X"), "", file, Err("pull-secret-not-read")),
        ] {
            let registries = registries(credentials, origin);
            assert_eq!(found(&logins(&environment), &registries, annotated).await, expected, "{id}");
        }
    }

    /// Cases `cre-01` to `cre-04` and `cre-13`: whatever `credsexpire` says, a run reads once.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_runs_once_however_many_ask() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("login");
        std::fs::write(&path, format!("#!/bin/sh\necho >> {}.runs\necho username:password\n", path.display())).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let registries = registries(&format!("ext:{}", path.display()), Origin::File);
        let logins = logins(&[]);
        let asked = (0..10).map(|_| found(&logins, &registries, None));
        for answer in futures::future::join_all(asked).await {
            assert_eq!(answer, Ok(of("username", "password")));
        }
        let runs = std::fs::read_to_string(folder.path().join("login.runs")).unwrap();
        assert_eq!(runs.lines().count(), 1);
    }
}
