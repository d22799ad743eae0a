//! From flags and kubeconfig to a client, by kubectl's rules.
//!
//! Nothing here talks to the API server. A kubeconfig may name a credential plug-in, which is then run.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::Client;
use kube::Config;
use kube::config::AuthInfo;
use kube::config::Cluster as ClusterEntry;
use kube::config::ExecAuthCluster;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;

use crate::cluster::endpoint;
use crate::cluster::error;
use crate::cluster::error::ClusterError;
use crate::cluster::kubeconfig;
use crate::cluster::kubeconfig::Selected;
use crate::cluster::settings;
use crate::cluster::settings::ConnectionSettings;
use crate::cluster::transport;

/// How long the server may stay silent, when `--request-timeout` is not given.
///
/// The API server itself ends every request but a watch after 60 s (its `--request-timeout`), so nothing that would
/// still be answered is cut off.
const SILENCE: Duration = Duration::from_secs(90);

/// How long a connection may take to be made, as in client-go's dialer.
const CONNECT: Duration = Duration::from_secs(30);

/// A client that is ready to send, and who it sends as.
pub(super) struct Connection {
    pub(super) client: Client,
    /// The server's address, for messages.
    pub(super) server: String,
    pub(super) namespace: String,
    pub(super) user: Option<String>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("server", &self.server).finish_non_exhaustive()
    }
}

/// Makes a connection, or says which flag, file or name is in the way.
pub(super) async fn connect(settings: &ConnectionSettings) -> Result<Connection, ClusterError> {
    settings::check(settings)?;
    let (mut config, user) = match kubeconfig::select(settings)? {
        Some(selected) => (config(&selected, settings)?, selected.user_name),
        None => (in_cluster(settings)?, None),
    };
    let namespace = settings.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    settings::impersonate(&mut config.auth_info, settings);
    let user = config.auth_info.impersonate.clone().or(user);
    set_limits(&mut config, settings);
    // A credential plug-in may take its time, and may ask; it must not hold up the other tasks.
    let client = tokio::task::spawn_blocking(move || client(config))
        .await
        .map_err(|stopped| ClusterError::config(stopped.to_string()))??;
    Ok(Connection { client, server, namespace, user })
}

/// What the kubeconfig says, with the flags over it.
fn config(selected: &Selected, settings: &ConnectionSettings) -> Result<Config, ClusterError> {
    let cluster = settings::over_cluster(selected.cluster.clone(), settings);
    let server = cluster.server.as_deref().filter(|server| !server.is_empty()).ok_or_else(|| {
        ClusterError::config(format!("{} names no server", selected.describe_cluster()))
            .with_hint("`--server` gives an address")
    })?;
    let mut config = Config::new(endpoint::server_url(server)?);
    config.proxy_url = endpoint::proxy(&config.cluster_url, cluster.proxy_url.as_deref(), &settings.proxies)?;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    if !config.accept_invalid_certs {
        config.root_cert = endpoint::authorities(&cluster)?;
    }
    if let Some(namespace) = selected.namespace.clone() {
        config.default_namespace = namespace;
    }
    config.auth_info = selected.user.clone();
    if let Some(exec) = config.auth_info.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        let facts = ExecAuthCluster::try_from(&cluster);
        exec.cluster = Some(facts.map_err(|e| ClusterError::config(error::shortened(&e.to_string())))?);
    }
    if let Some(token) = &settings.token {
        settings::over_login(&mut config.auth_info, token);
    }
    sound_token(&mut config.auth_info)?;
    Ok(config)
}

/// Makes sure of a token that stands in the kubeconfig, a flag or a file. As kubectl does, blanks around the one of a
/// file are left away.
///
/// # Errors
/// It is empty, or has something in it that no header can have.
fn sound_token(user: &mut AuthInfo) -> Result<(), ClusterError> {
    if let Some(file) = user.token_file.clone()
        // What cannot be read is told of where the library reads it.
        && let Ok(text) = std::fs::read_to_string(&file)
    {
        let token = text.trim();
        if token.is_empty() && user.token.is_none() {
            return Err(ClusterError::config(format!("the token file `{file}` is empty")));
        }
        // The library sends the text as it is, and prefers a token beside it; where that will do, it reads the file again
        // when the token is renewed.
        if !token.is_empty() && (token != text || user.token.is_some()) {
            user.token = Some(SecretString::from(token));
            user.token_file = None;
        }
    }
    match &user.token {
        Some(token) if token.expose_secret().chars().any(char::is_control) => {
            let what = "the token is none: it has a line break, or another control character";
            Err(ClusterError::config(what))
        }
        _ => Ok(()),
    }
}

/// The service account of the pod this runs in, if it runs in one.
fn in_cluster(settings: &ConnectionSettings) -> Result<Config, ClusterError> {
    let mut config = Config::incluster().map_err(|_| {
        let looked_at = kubeconfig::looked_at(settings);
        ClusterError::config(format!("there is no kubeconfig ({looked_at}), and this is not a pod in a cluster"))
            .with_hint("name one with `--kubeconfig` or KUBECONFIG, or a server with `--server`")
    })?;
    if let Some(token) = &settings.token {
        settings::over_login(&mut config.auth_info, token);
    }
    // The library would read the file again every minute; no run is so long that it matters.
    config.root_cert_file = None;
    if let Some(file) = &settings.certificate_authority {
        let file = Some(file.to_string_lossy().into_owned());
        config.root_cert =
            endpoint::authorities(&ClusterEntry { certificate_authority: file, ..ClusterEntry::default() })?;
    }
    config.accept_invalid_certs = settings.insecure_skip_tls_verify;
    config.tls_server_name.clone_from(&settings.tls_server_name);
    Ok(config)
}

fn set_limits(config: &mut Config, settings: &ConnectionSettings) {
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = settings.request_timeout.is_none().then_some(SILENCE);
    config.reset_reader_on_write = true;
    // The library's own would go on for minutes; `Cluster::send` retries what is worth it.
    config.default_retry = false;
    let agent = HeaderValue::from_static(concat!("kubectl-image-update/", env!("CARGO_PKG_VERSION")));
    config.headers.push((USER_AGENT, agent));
}

fn client(config: Config) -> Result<Client, ClusterError> {
    let install_hint = config.auth_info.exec.as_ref().and_then(|exec| exec.install_hint.clone());
    transport::client(config, |error| match error {
        kube::Error::Auth(auth) => error::of_login(&auth, install_hint.as_deref()),
        // It names the file or the field, and never shows what is in it.
        kube::Error::InferKubeconfig(error) => ClusterError::config(error::shortened(&error.to_string())),
        error => ClusterError::config("a certificate or key of the kubeconfig cannot be used")
            .with_cause(error::shortened(&error::root_cause(&error))),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::cluster::Cluster;
    use crate::cluster::scripted::Answer;
    use crate::cluster::scripted::Scripted;
    use crate::cluster::scripted::web;
    use crate::model::application::ApplicationKey;
    use crate::tls::tests::Own;

    fn settings() -> ConnectionSettings {
        ConnectionSettings::default()
    }

    /// A kubeconfig with this user, at this server.
    fn kubeconfig(folder: &Path, server: &str, user: &str) -> ConnectionSettings {
        let path = folder.join("config");
        let clusters = format!("clusters: [{{name: c, cluster: {{server: '{server}', tls-server-name: first}}}}]");
        let contexts = "contexts: [{name: x, context: {cluster: c, user: ada, namespace: team}}]";
        let users = format!("users: [{{name: ada, user: {user}}}]");
        std::fs::write(&path, format!("current-context: x\n{clusters}\n{contexts}\n{users}\n")).unwrap();
        ConnectionSettings { kubeconfig: Some(path), ..settings() }
    }

    async fn ask(cluster: &Cluster) -> Result<(), ClusterError> {
        let key = ApplicationKey { namespace: "argocd".to_owned(), name: "web".to_owned() };
        cluster.application(&key).await.map(|_| ())
    }

    #[tokio::test]
    async fn a_kubeconfig_gives_server_login_namespace_and_name() {
        let folder = tempfile::tempdir().unwrap();
        let server = Scripted::start([Answer::Json(200, web("1")), Answer::Json(200, web("1"))]).await;
        let settings = kubeconfig(folder.path(), &server.url, "{token: s3cret, as: eve, as-groups: [g]}");
        let cluster = Cluster::connect(&settings).await.unwrap();
        assert_eq!((cluster.namespace(), cluster.server(), cluster.user()), ("team", server.url.as_str(), Some("eve")));
        ask(&cluster).await.unwrap();
        let flags = ConnectionSettings { impersonate: Some("bob".to_owned()), token: Some("flag".into()), ..settings };
        let cluster = Cluster::connect(&flags).await.unwrap();
        assert_eq!(cluster.user(), Some("bob"));
        ask(&cluster).await.unwrap();
        let seen = server.seen();
        assert_eq!(seen[0].headers["authorization"], "Bearer s3cret");
        assert_eq!(
            (&seen[0].headers["impersonate-user"], &seen[0].headers["impersonate-group"]),
            (&"eve".parse().unwrap(), &"g".parse().unwrap())
        );
        assert_eq!(seen[1].headers["authorization"], "Bearer flag");
        assert_eq!(seen[1].headers["impersonate-user"], "bob");
        assert!(!seen[1].headers.contains_key("impersonate-group"), "the groups of the entry were eve's");
    }

    #[tokio::test]
    async fn a_proxy_gets_the_login_of_its_address() {
        use tokio::io::AsyncReadExt as _;

        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://a%40b:s%3Acret@{}", listener.local_addr().unwrap());
        // The head of the first request, and then it hangs up.
        let listening = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            String::from_utf8(head).unwrap().to_ascii_lowercase()
        });
        let mut settings = kubeconfig(folder.path(), "https://k8s.example:6443", "{token: s3cret}");
        settings.proxies.https = Some(proxy.into());
        let own = Own::until(&["k8s.example"], 2099);
        settings.certificate_authority = Some(folder.path().join("ca.crt"));
        std::fs::write(folder.path().join("ca.crt"), own.pem).unwrap();
        let cluster = Cluster { pauses: [Duration::ZERO; 3], ..Cluster::connect(&settings).await.unwrap() };
        let failed = ask(&cluster).await.unwrap_err();
        assert!(!format!("{failed:?} {failed}").contains("cret@"), "{failed:?}");
        let head = listening.await.unwrap();
        assert!(head.starts_with("connect k8s.example:6443 http/1.1\r\n"), "{head}");
        // `a@b:s:cret`
        let login = format!("proxy-authorization: basic {}\r\n", "YUBiOnM6Y3JldA==".to_ascii_lowercase());
        assert!(head.contains(&login) && !head.contains("s3cret"), "{head}");
    }

    #[tokio::test]
    async fn a_certificate_may_be_its_own_authority() {
        let folder = tempfile::tempdir().unwrap();
        for (certified, last_year, expected) in [
            ("127.0.0.1", 2099, None),
            ("127.0.0.2", 2099, Some("not valid for name")),
            ("127.0.0.1", 2020, Some("expired")),
        ] {
            let own = Own::until(&[certified], last_year);
            let script = expected.is_none().then(|| Answer::Json(200, web("1")));
            let server = Scripted::start_with(script, Some(own.acceptor())).await;
            let ca = folder.path().join("ca.crt");
            std::fs::write(&ca, &own.pem).unwrap();
            let mut settings = kubeconfig(folder.path(), &server.url, "{token: s3cret}");
            settings.certificate_authority = Some(ca);
            settings.tls_server_name = Some("127.0.0.1".to_owned());
            let cluster = Cluster { pauses: [Duration::ZERO; 3], ..Cluster::connect(&settings).await.unwrap() };
            let found = ask(&cluster).await.map_err(|error| format!("{error:?}"));
            match expected {
                None => assert_eq!((found, server.lines().len()), (Ok(()), 1)),
                Some(why) => assert!(found.as_ref().is_err_and(|error| error.contains(why)), "{why}: {found:?}"),
            }
        }
    }

    #[cfg(unix)]
    fn plugin(folder: &Path, script: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join("login");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1", "command": path, "interactiveMode": "Never",
            "provideClusterInfo": true, "installHint": "install it with care"
        });
        json!({"exec": exec}).to_string()
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_credential_plug_in_is_run_once() {
        let folder = tempfile::tempdir().unwrap();
        let server = Scripted::start([Answer::Json(200, web("1")), Answer::Json(200, web("1"))]).await;
        let record = folder.path().join("runs");
        let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                                "status": {"token": "s3cret"}});
        let script = format!("echo \"$KUBERNETES_EXEC_INFO\" >> '{}'\necho '{credential}'", record.display());
        let settings = kubeconfig(folder.path(), &server.url, &plugin(folder.path(), &script));
        let cluster = Cluster::connect(&settings).await.unwrap();
        ask(&cluster).await.unwrap();
        ask(&cluster).await.unwrap();
        let runs = std::fs::read_to_string(record).unwrap();
        assert_eq!(runs.lines().count(), 1, "{runs}");
        assert!(runs.contains(&server.url), "it was told which cluster it is for: {runs}");
        for seen in server.seen() {
            assert_eq!(seen.headers["authorization"], "Bearer s3cret");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_plug_in_that_fails_is_reported_without_its_output() {
        let folder = tempfile::tempdir().unwrap();
        for (script, expected) in [
            ("echo s3cret; echo 'no session' >&2; exit 3", "failed (exit status: 3): no session"),
            ("echo s3cret", "did not answer with an ExecCredential"),
            ("echo '{\"kind\": \"ExecCredential\"}'", "did not answer with an ExecCredential"),
        ] {
            let settings = kubeconfig(folder.path(), "https://k8s", &plugin(folder.path(), script));
            let failed = Cluster::connect(&settings).await.unwrap_err();
            assert!(failed.to_string().ends_with(expected), "{failed}");
            assert_eq!(failed.hint(), Some("install it with care"));
            assert!(!format!("{failed:?}").contains("s3cret"), "{failed:?}");
        }
        let missing = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: /missing/login}}";
        let failed = Cluster::connect(&kubeconfig(folder.path(), "https://k8s", missing)).await.unwrap_err();
        assert!(failed.to_string().ends_with("cannot be started"), "{failed}");
    }

    #[tokio::test]
    async fn a_token_is_sent_as_it_is_meant() {
        let server = Scripted::start([(); 4].map(|()| Answer::Json(200, web("42")))).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let both = "{token: old, tokenFile: token}";
        for (text, user) in [
            ("s3cret\r\n", "{tokenFile: token}"),
            (" s3cret", "{tokenFile: token}"),
            ("s3cret\n", both),
            ("s3cret", both),
        ] {
            std::fs::write(&file, text).unwrap();
            let settings = kubeconfig(folder.path(), &server.url, user);
            ask(&Cluster::connect(&settings).await.unwrap()).await.unwrap();
        }
        for seen in server.seen() {
            assert_eq!(seen.headers["authorization"], "Bearer s3cret");
        }
        std::fs::write(&file, "\n").unwrap();
        let empty = kubeconfig(folder.path(), &server.url, "{tokenFile: token}");
        assert!(Cluster::connect(&empty).await.unwrap_err().to_string().ends_with("token` is empty"));
        let broken = kubeconfig(folder.path(), &server.url, "{token: \"s3cret\\n\"}");
        let failed = Cluster::connect(&broken).await.unwrap_err();
        assert!(failed.to_string().contains("a line break"), "{failed}");
        assert!(!format!("{failed:?}").contains("s3cret"), "{failed:?}");
    }

    #[tokio::test]
    async fn a_login_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let token = kubeconfig(folder.path(), "https://k8s", "{tokenFile: gone}");
        assert!(Cluster::connect(&token).await.unwrap_err().to_string().contains("gone` cannot be read"));
        let key = kubeconfig(folder.path(), "https://k8s", "{client-certificate: gone.crt, client-key: gone.key}");
        let failed = Cluster::connect(&key).await.unwrap_err();
        assert!(failed.to_string().contains("failed to load client certificate: failed to read file"), "{failed}");
        assert!(failed.to_string().contains("gone.crt"), "{failed}");
        let nothing = kubeconfig(folder.path(), "", "{}");
        let failed = Cluster::connect(&nothing).await.unwrap_err();
        assert!(failed.to_string().ends_with("the cluster `c` of the kubeconfig names no server"), "{failed}");
    }
}
