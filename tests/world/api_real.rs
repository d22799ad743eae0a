//! A real kube-apiserver and its etcd as child processes: one that the whole test process shares, one for those who
//! need a cluster to themselves.

use std::fmt::Write;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::path::Path;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use super::access::ADMIN;
use super::client;
use super::resources;
use super::servers;
use super::servers::Server;
use super::servers::eventually;
use super::tls::Authority;

/// Users exist from the start, since the server reads their tokens only then.
const USERS: usize = 5000;

/// The API server with its database; both end with this value.
pub(crate) struct RealApi {
    // Before etcd, so that it ends first.
    api: Server,
    _etcd: Server,
    etcd_url: String,
    url: String,
}

impl RealApi {
    /// The server that worlds share, each in a namespace of its own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<RealApi, String>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref().unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// The server for one world at a time.
    pub(crate) fn alone() -> MutexGuard<'static, Self> {
        static ALONE: OnceLock<Result<Mutex<RealApi>, String>> = OnceLock::new();
        let server = ALONE.get_or_init(|| Self::start().map(Mutex::new));
        let server = server.as_ref().unwrap_or_else(|problem| panic!("{problem}"));
        // A test that failed leaves the server usable: the next world cleans before it begins.
        server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A failure is kept as text, so that it is met once and shown by every test.
    fn start() -> Result<Self, String> {
        loop {
            match Self::try_start() {
                // A port that was free may be taken by the time the server gets to it.
                Err(problem) if problem.contains("address already in use") => {}
                result => return result,
            }
        }
    }

    fn try_start() -> Result<Self, String> {
        let (etcd, etcd_url) = start_etcd()?;
        let port = servers::free_port();
        let api = Server::start("kube-apiserver", |folder| arguments(folder, port, &etcd_url));
        let server = Self { api, _etcd: etcd, etcd_url, url: format!("https://127.0.0.1:{port}") };
        server.api.wait_until("become ready", || {
            let ready = client::try_send("GET", &server.at("/readyz"), &[ADMIN_LOGIN], "");
            ready.is_ok_and(|reply| reply.status == 200).then_some(())
        })?;
        let custom = || resources::ALL.iter().filter(|resource| resource.custom);
        custom().for_each(|resource| server.define(resource));
        custom().for_each(|resource| server.wait_for_definition(resource));
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn define(&self, resource: &resources::Resource) {
        let path = resources::named("customresourcedefinitions").path(None);
        let body = resource.definition().to_string();
        let reply = client::send("POST", &self.at(&path), &[ADMIN_LOGIN, JSON], body);
        assert!(matches!(reply.status, 201 | 409), "define {}: {}", resource.plural, reply.text());
    }

    fn wait_for_definition(&self, resource: &resources::Resource) {
        let url = self.at(&resource.path(None));
        let served = || client::send("GET", &url, &[ADMIN_LOGIN], "").status == 200;
        eventually(Duration::from_secs(30), || served().then_some(())).expect("the custom resource is served");
    }

    /// Defines a custom resource, and returns when it is served.
    pub(crate) fn install(&self, resource: &resources::Resource) {
        self.define(resource);
        self.wait_for_definition(resource);
    }

    /// Removes the definition of a custom resource, and returns when it is no longer served.
    pub(crate) fn uninstall(&self, resource: &resources::Resource) {
        let path = resources::named("customresourcedefinitions").object_path("", &resource.qualified());
        let reply = client::send("DELETE", &self.at(&path), &[ADMIN_LOGIN], "");
        assert!(matches!(reply.status, 200 | 404), "remove {}: {}", resource.plural, reply.text());
        let url = self.at(&resource.path(None));
        let gone = || client::send("GET", &url, &[ADMIN_LOGIN], "").status == 404;
        eventually(Duration::from_secs(30), || gone().then_some(())).expect("the custom resource goes");
        let defined = || client::send("GET", &self.at(&path), &[ADMIN_LOGIN], "").status == 200;
        eventually(Duration::from_secs(30), || (!defined()).then_some(())).expect("the definition goes");
    }

    /// Creates a namespace, unless it is there.
    pub(crate) fn create_namespace(&self, name: &str) {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).to_string();
        let reply = client::send("POST", &self.at("/api/v1/namespaces"), &[ADMIN_LOGIN, JSON], body);
        assert!(matches!(reply.status, 201 | 409), "create namespace {name}: {}", reply.text());
    }

    /// Makes etcd forget its past, and every continue token with it.
    pub(crate) fn expire_continue_tokens(&self) {
        let call = |path: &str, body: &Value| {
            client::send("POST", &format!("{}{path}", self.etcd_url), &[JSON], body.to_string()).json()
        };
        let status = call("/v3/maintenance/status", &json!({}));
        call("/v3/kv/compaction", &json!({"revision": status["header"]["revision"], "physical": true}));
    }

    /// Where the audit log ends now.
    pub(crate) fn audit_end(&self) -> u64 {
        fs::metadata(self.audit_file()).map_or(0, |file| file.len())
    }

    fn audit_file(&self) -> std::path::PathBuf {
        self.api.folder().join("audit.log")
    }

    /// The finished requests of some users since `start`. Waits for those that were received and are not finished yet.
    pub(crate) fn audit(&self, start: u64, ours: impl Fn(&str) -> bool) -> Vec<Value> {
        let events = eventually(Duration::from_secs(30), || {
            let events = self.audit_events(start, &ours);
            let received = events.iter().filter(|event| event["stage"] == "RequestReceived").count();
            let finished: Vec<Value> = events.into_iter().filter(is_last_stage).collect();
            (finished.len() == received).then_some(finished)
        });
        events.expect("every request is finished in the audit log")
    }

    fn audit_events(&self, start: u64, ours: &impl Fn(&str) -> bool) -> Vec<Value> {
        let mut file = File::open(self.audit_file()).expect("the audit log");
        file.seek(SeekFrom::Start(start)).expect("a place in the audit log");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("the audit log is text");
        // A line that is being written is not parsed: its request is not finished.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|event| event["user"]["username"].as_str().is_some_and(ours)).collect()
    }
}

fn is_last_stage(event: &Value) -> bool {
    event["stage"] == "ResponseComplete" || event["stage"] == "Panic"
}

const ADMIN_LOGIN: (&str, &str) = ("Authorization", "Bearer admin-token");
const JSON: (&str, &str) = ("Content-Type", "application/json");

fn start_etcd() -> Result<(Server, String), String> {
    let [clients, peers] = [servers::free_port(), servers::free_port()].map(|port| format!("http://127.0.0.1:{port}"));
    let etcd = Server::start("etcd", |folder| {
        vec![
            format!("--data-dir={}", folder.join("data").display()),
            format!("--listen-client-urls={clients}"),
            format!("--advertise-client-urls={clients}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=default={peers}"),
            "--unsafe-no-fsync".to_owned(),
            "--logger=zap".to_owned(),
        ]
    });
    etcd.wait_until("become healthy", || {
        let health = client::try_send("GET", &format!("{clients}/health"), &[], "");
        health.is_ok_and(|reply| reply.status == 200).then_some(())
    })?;
    Ok((etcd, clients))
}

fn arguments(folder: &Path, port: u16, etcd: &str) -> Vec<String> {
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        fs::write(&file, text).expect("a file in a folder of our own");
        file.display().to_string()
    };
    let authority = Authority::of_this_process();
    let mut tokens = format!("{ADMIN},admin,admin,\"system:masters\"\n");
    for number in 0..USERS {
        writeln!(tokens, "token-user-{number},user-{number},user-{number}").expect("a string takes text");
    }
    let key = write("key.pem", &authority.key);
    vec![
        format!("--etcd-servers={etcd}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!("--tls-cert-file={}", write("certificate.pem", &authority.certificate)),
        format!("--tls-private-key-file={key}"),
        format!("--token-auth-file={}", write("tokens.csv", &tokens)),
        "--authorization-mode=RBAC".to_owned(),
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        format!("--service-account-key-file={}", write("key.pub", &authority.public_key)),
        format!("--service-account-signing-key-file={key}"),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        format!("--audit-policy-file={}", write("audit-policy.json", &audit_policy().to_string())),
        format!("--audit-log-path={}", folder.join("audit.log").display()),
        "--audit-log-mode=blocking".to_owned(),
    ]
}

/// Everything the users of worlds do, with bodies; nothing of the server's own and of the harness.
fn audit_policy() -> Value {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "rules": [
            {"level": "None", "users": ["admin", "system:apiserver"]},
            {"level": "Request"},
        ],
    })
}
