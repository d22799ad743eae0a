//! Which cluster, user and namespace a kubeconfig and the flags select, by the rules of client-go.

use std::path::PathBuf;

use kube::config::AuthInfo;
use kube::config::Cluster;
use kube::config::Context;
use kube::config::Kubeconfig;
use kube::config::KubeconfigError;

use crate::cluster::error::ClusterError;
use crate::cluster::settings::ConnectionSettings;

/// The most names that a hint lists.
const LISTED: usize = 12;

/// The entries of a kubeconfig that are to be used.
#[derive(Clone, Debug)]
pub(super) struct Selected {
    pub(super) cluster_name: Option<String>,
    pub(super) cluster: Cluster,
    /// `None` if the login is not that of an entry.
    pub(super) user_name: Option<String>,
    pub(super) user: AuthInfo,
    pub(super) namespace: Option<String>,
}

impl Selected {
    pub(super) fn describe_cluster(&self) -> String {
        match &self.cluster_name {
            Some(name) => format!("the cluster `{name}` of the kubeconfig"),
            None => "the kubeconfig".to_owned(),
        }
    }
}

/// Selects from the kubeconfig; `None` if there is none, and no `--server` either.
pub(super) fn select(settings: &ConnectionSettings) -> Result<Option<Selected>, ClusterError> {
    let kubeconfig = load(settings)?;
    if kubeconfig.clusters.is_empty() && kubeconfig.contexts.is_empty() && kubeconfig.auth_infos.is_empty() {
        let nothing_named = settings.context.is_none() && settings.cluster.is_none() && settings.user.is_none();
        if nothing_named && settings.server.is_none() {
            return Ok(None);
        }
    }
    choose(&kubeconfig, settings).map(Some)
}

/// Where a kubeconfig was looked for, for an error.
pub(super) fn looked_at(settings: &ConnectionSettings) -> String {
    let paths: Vec<String> = paths(settings).iter().map(|path| path.display().to_string()).collect();
    if paths.is_empty() { "neither KUBECONFIG nor a home directory is set".to_owned() } else { paths.join(", ") }
}

/// `--kubeconfig`, else the list of `KUBECONFIG`, else `~/.kube/config`.
fn paths(settings: &ConnectionSettings) -> Vec<PathBuf> {
    if let Some(path) = &settings.kubeconfig {
        return vec![path.clone()];
    }
    let listed = settings.kubeconfig_list.iter().flat_map(std::env::split_paths);
    let listed: Vec<PathBuf> = listed.filter(|path| !path.as_os_str().is_empty()).collect();
    if listed.is_empty() { settings.home.iter().map(|home| home.join(".kube/config")).collect() } else { listed }
}

/// Reads and merges the files; the first to set a value wins, and one that does not exist is passed over unless it was
/// named by `--kubeconfig`.
pub(super) fn load(settings: &ConnectionSettings) -> Result<Kubeconfig, ClusterError> {
    let mut merged = Kubeconfig::default();
    for path in paths(settings) {
        let mut next = match Kubeconfig::read_from(&path) {
            Ok(read) => read,
            Err(KubeconfigError::ReadConfig(error, _))
                if error.kind() == std::io::ErrorKind::NotFound && settings.kubeconfig.is_none() =>
            {
                continue;
            }
            Err(error) => return Err(unreadable(&path, &error)),
        };
        // An empty name is none, so that a later file may still give one.
        next.current_context = next.current_context.filter(|name| !name.is_empty());
        merged = merged.merge(next).map_err(|error| unreadable(&path, &error))?;
    }
    Ok(merged)
}

fn unreadable(path: &std::path::Path, error: &KubeconfigError) -> ClusterError {
    let path = path.display();
    match error {
        KubeconfigError::ReadConfig(error, _) => {
            ClusterError::config(format!("the kubeconfig `{path}` cannot be read")).with_cause(error.to_string())
        }
        // The parser's words quote the file, and with it tokens and keys; only the place is safe.
        KubeconfigError::Parse(error) => {
            let place = match error.location() {
                Some(place) => format!(" (line {}, column {})", place.line(), place.column()),
                None => String::new(),
            };
            ClusterError::config(format!("`{path}` is not a kubeconfig{place}"))
        }
        other => ClusterError::config(format!("the kubeconfig `{path}` cannot be used")).with_cause(other.to_string()),
    }
}

fn choose(kubeconfig: &Kubeconfig, settings: &ConnectionSettings) -> Result<Selected, ClusterError> {
    let context = context(kubeconfig, settings)?;
    let cluster_name = settings.cluster.clone().or_else(|| context.as_ref().map(|c| c.cluster.clone()));
    let cluster_name = cluster_name.filter(|name| !name.is_empty());
    let cluster = match &cluster_name {
        Some(name) => match kubeconfig.clusters.iter().find(|entry| entry.name == *name) {
            Some(entry) => entry.cluster.clone().unwrap_or_default(),
            None => return Err(unknown("cluster", name, kubeconfig.clusters.iter().map(|entry| &entry.name))),
        },
        None if settings.server.is_some() => Cluster::default(),
        None => return Err(no_context(kubeconfig)),
    };
    let user_name = settings.user.clone().or_else(|| context.as_ref().and_then(|c| c.user.clone()));
    let user_name = user_name.filter(|name| !name.is_empty());
    let user = match &user_name {
        Some(name) => match kubeconfig.auth_infos.iter().find(|entry| entry.name == *name) {
            Some(entry) => entry.auth_info.clone().unwrap_or_default(),
            // kubectl goes on without a login here, and is then told that it may do nothing.
            None if settings.token.is_none() || settings.user.is_some() => {
                return Err(unknown("user", name, kubeconfig.auth_infos.iter().map(|entry| &entry.name)));
            }
            None => AuthInfo::default(),
        },
        None => AuthInfo::default(),
    };
    Ok(Selected {
        cluster_name,
        cluster,
        user_name: user_name.filter(|_| settings.token.is_none()),
        user,
        namespace: context.and_then(|c| c.namespace).filter(|namespace| !namespace.is_empty()),
    })
}

/// The context of `--context`, else the current one; none if there is none and none was asked for.
fn context(kubeconfig: &Kubeconfig, settings: &ConnectionSettings) -> Result<Option<Context>, ClusterError> {
    let asked = settings.context.as_ref().filter(|name| !name.is_empty());
    let Some(name) = asked.or(kubeconfig.current_context.as_ref()) else { return Ok(None) };
    match kubeconfig.contexts.iter().find(|entry| entry.name == *name) {
        Some(entry) => Ok(Some(entry.context.clone().unwrap_or_default())),
        None => Err(unknown("context", name, kubeconfig.contexts.iter().map(|entry| &entry.name))),
    }
}

fn no_context(kubeconfig: &Kubeconfig) -> ClusterError {
    let names: Vec<&String> = kubeconfig.contexts.iter().map(|entry| &entry.name).collect();
    let error = ClusterError::config("the kubeconfig has no current context");
    match names.as_slice() {
        [] => error.with_hint("it has no context at all; `--server` and `--token` do without one"),
        names => error.with_hint(format!("choose one with `--context`: {}", listed(names))),
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a String>) -> ClusterError {
    let known: Vec<&String> = known.collect();
    let error = ClusterError::config(format!("the kubeconfig has no {what} `{}`", name.escape_debug()));
    let near = |other: &&&String| similar::TextDiff::from_chars(name, other.as_str()).ratio() > 0.6;
    match (known.iter().filter(near).max_by(|a, b| ratio(name, a).total_cmp(&ratio(name, b))), known.as_slice()) {
        (_, []) => error.with_hint(format!("it has no {what} at all")),
        (Some(near), known) => error.with_hint(format!("did you mean `{near}`? there are: {}", listed(known))),
        (None, known) => error.with_hint(format!("there are: {}", listed(known))),
    }
}

fn ratio(a: &str, b: &str) -> f32 {
    similar::TextDiff::from_chars(a, b).ratio()
}

fn listed(names: &[&String]) -> String {
    let shown: Vec<&str> = names.iter().take(LISTED).map(|name| name.as_str()).collect();
    let more = if names.len() > LISTED { format!(" and {} more", names.len() - LISTED) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const FIRST: &str = "
current-context: ''
contexts:
- {name: dev, context: {cluster: here, user: ada, namespace: team}}
- {name: bare, context: {cluster: here}}
- {name: lost, context: {cluster: gone, user: ada}}
- {name: nobody, context: {cluster: here, user: gone}}
clusters:
- {name: here, cluster: {server: 'https://first:6443', certificate-authority: ca.crt}}
users:
- {name: ada, user: {token: s3cret-1}}
";

    const SECOND: &str = "
current-context: dev
contexts:
- {name: prod, context: {cluster: there, user: bob}}
clusters:
- {name: here, cluster: {server: 'https://second:6443'}}
- {name: there, cluster: {server: 'https://there:6443'}}
users:
- {name: bob, user: {token: s3cret-2}}
";

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            let files = Self(tempfile::tempdir().unwrap());
            std::fs::write(files.path("first"), FIRST).unwrap();
            std::fs::write(files.path("second"), SECOND).unwrap();
            files
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// Settings with `KUBECONFIG` naming these files.
        fn listed(&self, names: &[&str]) -> ConnectionSettings {
            let list = std::env::join_paths(names.iter().map(|name| self.path(name))).unwrap();
            ConnectionSettings { kubeconfig_list: Some(list), ..ConnectionSettings::default() }
        }
    }

    #[test]
    fn the_first_file_to_say_something_wins() {
        let files = Files::new();
        let selected = select(&files.listed(&["first", "missing", "second"])).unwrap().unwrap();
        assert_eq!(selected.cluster.server, Some("https://first:6443".to_owned()));
        assert_eq!(
            (selected.user_name, selected.namespace),
            (Some("ada".to_owned()), Some("team".to_owned())),
            "`dev`, from the second file"
        );
        let authority = selected.cluster.certificate_authority.unwrap();
        assert_eq!(Path::new(&authority), files.path("ca.crt"), "a path is relative to its file");
    }

    #[test]
    fn flags_choose_among_the_entries() {
        let files = Files::new();
        let listed = || files.listed(&["first", "second"]);
        let server = |settings: ConnectionSettings| select(&settings).unwrap().unwrap().cluster.server.unwrap();
        assert_eq!(server(ConnectionSettings { context: Some("prod".to_owned()), ..listed() }), "https://there:6443");
        assert_eq!(server(ConnectionSettings { cluster: Some("there".to_owned()), ..listed() }), "https://there:6443");
        let as_bob = ConnectionSettings { user: Some("bob".to_owned()), ..listed() };
        assert_eq!(select(&as_bob).unwrap().unwrap().user_name, Some("bob".to_owned()));
        let bare = select(&ConnectionSettings { context: Some("bare".to_owned()), ..listed() }).unwrap().unwrap();
        assert_eq!((bare.user_name, bare.namespace), (None, None));
        let token = Some("t".to_owned().into());
        let other_login =
            select(&ConnectionSettings { context: Some("nobody".to_owned()), token, ..listed() }).unwrap().unwrap();
        assert_eq!(other_login.user_name, None, "a token of a flag is nobody's entry");
    }

    #[test]
    fn what_is_missing_is_named_with_what_is_there() {
        let files = Files::new();
        let listed = || files.listed(&["first", "second"]);
        for (settings, message, hint) in [
            (
                ConnectionSettings { context: Some("prd".to_owned()), ..listed() },
                "the kubeconfig has no context `prd`",
                "did you mean `prod`? there are: dev, bare, lost, nobody, prod",
            ),
            (
                ConnectionSettings { cluster: Some("xyz".to_owned()), ..listed() },
                "the kubeconfig has no cluster `xyz`",
                "there are: here, there",
            ),
            (
                ConnectionSettings { user: Some("bo".to_owned()), ..listed() },
                "the kubeconfig has no user `bo`",
                "did you mean `bob`? there are: ada, bob",
            ),
            (
                ConnectionSettings { context: Some("lost".to_owned()), ..listed() },
                "the kubeconfig has no cluster `gone`",
                "there are: here, there",
            ),
            (
                ConnectionSettings { context: Some("nobody".to_owned()), ..listed() },
                "the kubeconfig has no user `gone`",
                "there are: ada, bob",
            ),
            (
                files.listed(&["first"]),
                "the kubeconfig has no current context",
                "choose one with `--context`: dev, bare, lost, nobody",
            ),
        ] {
            let failed = select(&settings).unwrap_err();
            assert_eq!(failed.to_string(), format!("cannot connect to a cluster: {message}"));
            assert_eq!(failed.hint(), Some(hint));
        }
    }

    #[test]
    fn without_a_file_there_is_nothing_to_select_from() {
        let files = Files::new();
        assert!(select(&ConnectionSettings::default()).unwrap().is_none());
        assert!(select(&files.listed(&["missing"])).unwrap().is_none());
        let home = ConnectionSettings { home: Some(files.path("home")), ..ConnectionSettings::default() };
        assert!(select(&home).unwrap().is_none());
        assert!(looked_at(&home).ends_with("config"));
        let server = ConnectionSettings { server: Some("https://x".to_owned()), ..ConnectionSettings::default() };
        assert!(select(&server).unwrap().is_some());
        let named = ConnectionSettings { context: Some("dev".to_owned()), ..ConnectionSettings::default() };
        assert_eq!(select(&named).unwrap_err().hint(), Some("it has no context at all"));
        let absent = ConnectionSettings { kubeconfig: Some(files.path("missing")), ..ConnectionSettings::default() };
        assert!(select(&absent).unwrap_err().to_string().ends_with("missing` cannot be read"));
    }

    #[test]
    fn the_home_directory_is_the_last_resort() {
        let files = Files::new();
        std::fs::create_dir(files.path(".kube")).unwrap();
        std::fs::write(files.path(".kube/config"), SECOND.replace("current-context: dev", "current-context: prod"))
            .unwrap();
        let home = Some(files.0.path().to_owned());
        let server = |settings: &ConnectionSettings| select(settings).unwrap().unwrap().cluster.server;
        let by_home = ConnectionSettings { home: home.clone(), ..ConnectionSettings::default() };
        assert_eq!(server(&by_home), Some("https://there:6443".to_owned()));
        let listed = ConnectionSettings { home, ..files.listed(&["first", "second"]) };
        assert_eq!(server(&listed), Some("https://first:6443".to_owned()));
        let flag =
            ConnectionSettings { kubeconfig: Some(files.path("first")), context: Some("dev".to_owned()), ..by_home };
        assert_eq!(server(&flag), Some("https://first:6443".to_owned()));
    }

    #[test]
    fn a_broken_file_is_named_and_its_secrets_are_not() {
        let files = Files::new();
        for broken in [
            "users:\n- name: a\n  user: {token: s3cret\n",
            "users:\n- name: a\n  user: {token: [s3cret]}\n",
            "users: s3cret",
            "clusters: [{name: [s3cret]}]",
            "s3cret",
            "a: b: s3cret",
        ] {
            std::fs::write(files.path("broken"), broken).unwrap();
            let failed = select(&files.listed(&["broken"])).unwrap_err();
            assert!(failed.to_string().contains("broken` is not a kubeconfig (line "), "{failed}");
            assert!(!format!("{failed:?}").contains("s3cret"), "{failed:?}");
        }
    }
}
