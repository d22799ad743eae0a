//! The world that the tests of the plugin run in: a Kubernetes API server, a registry, a home folder, a clock.
//!
//! A [`World`] stands on doubles in this process or on real servers, under the same calls, so that one scenario runs on
//! both ([`on_both`]). Doubles add what real servers cannot: faults, pages of tags, logs of every request. What a
//! scenario must not do: name a port, a namespace or a digest of its own; the world knows them.
//!
//! | file | what it is |
//! |---|---|
//! | `cluster.rs` | the API server under the same calls: `api_double.rs` or `api_real.rs` |
//! | `registry.rs` | the registry under the same calls: `registry_double.rs` or `registry_real.rs`; `token_server.rs` |
//! | `image.rs`, `manifest.rs` | what is put into them: images, Applications |
//! | `access.rs` | users and what they may do |
//! | `git_host.rs` | git repositories (`git_repository.rs`) over https and over ssh (`git_ssh.rs`); `git_signing.rs` |
//! | `internet.rs` | names of the Internet that lead to doubles, behind a proxy |
//! | `http.rs`, `fault.rs` | the server under the doubles, and what can go wrong with it |
//! | `servers.rs` | real servers as child processes |
//! | `browser.rs` | a real browser that looks at a page |
//! | `person.rs`, `command.rs`, `terminal.rs`, `redact.rs` | running the tool, and what it said |
#![allow(dead_code, unused_imports, unused_macros, reason = "each test binary uses a part of it")]
#![allow(clippy::disallowed_methods, reason = "the tests are the world: programs, clock, environment")]
#![allow(clippy::unwrap_used, reason = "a lock poisoned by a failed test fails the next use of it too")]

mod access;
mod api_double;
mod api_real;
mod browser;
mod client;
mod cluster;
mod command;
mod controller;
mod fault;
mod git_host;
mod git_repository;
mod git_signing;
mod git_ssh;
mod http;
mod image;
mod internet;
mod manifest;
mod person;
mod redact;
mod registry;
mod registry_double;
mod registry_real;
mod resources;
mod servers;
mod terminal;
mod tls;
mod token_server;

use std::cell::Cell;
use std::cell::OnceCell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

pub(crate) use self::access::ADMIN;
pub(crate) use self::access::Grant;
pub(crate) use self::access::User;
pub(crate) use self::access::allow;
pub(crate) use self::access::usual_rights;
pub(crate) use self::api_double::ApiDouble;
use self::api_real::RealApi;
pub(crate) use self::browser::Browser;
pub(crate) use self::browser::pictures_wanted;
pub(crate) use self::client::Reply;
pub(crate) use self::client::send;
pub(crate) use self::client::try_send;
pub(crate) use self::cluster::ApiRequest;
pub(crate) use self::cluster::Cluster;
pub(crate) use self::command::BINARY;
pub(crate) use self::command::Invocation;
pub(crate) use self::command::Output;
pub(crate) use self::command::Running;
pub(crate) use self::controller::deploy;
pub(crate) use self::fault::Fault;
pub(crate) use self::fault::Gate;
pub(crate) use self::git_host::GitAuth;
pub(crate) use self::git_host::GitHost;
pub(crate) use self::git_host::GitHttp;
pub(crate) use self::git_host::MAINTAINER;
pub(crate) use self::git_host::READER;
pub(crate) use self::git_repository::GitRepository;
pub(crate) use self::git_repository::MAIN;
pub(crate) use self::git_repository::TreeChange;
pub(crate) use self::git_repository::executable;
pub(crate) use self::git_signing::GpgKey;
pub(crate) use self::git_signing::SshSigner;
pub(crate) use self::git_ssh::GitSsh;
pub(crate) use self::http::Exchange;
pub(crate) use self::image::ACCEPT;
pub(crate) use self::image::Image;
pub(crate) use self::internet::Internet;
pub(crate) use self::internet::Site;
pub(crate) use self::manifest::Application;
pub(crate) use self::manifest::from_yaml;
pub(crate) use self::registry::ROBOT;
pub(crate) use self::registry::Registry;
pub(crate) use self::registry::RegistryAuth;
pub(crate) use self::registry::VISITOR;
pub(crate) use self::registry_double::Dialect;
pub(crate) use self::registry_double::Link;
pub(crate) use self::registry_double::Order;
pub(crate) use self::registry_double::RegistryDouble;
pub(crate) use self::resources::Resource;
pub(crate) use self::resources::named as resource;
pub(crate) use self::servers::eventually;
pub(crate) use self::servers::program;
pub(crate) use self::terminal::Terminal;
pub(crate) use self::tls::Authority;
pub(crate) use self::token_server::TokenServer;

/// What a world stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// Doubles in this process.
    Double,
    /// kube-apiserver with etcd, and docker-registry.
    Real,
}

/// Makes two tests of each scenario, a function of a [`Backend`]: `NAME::on_double` and `NAME::on_real`.
macro_rules! on_both {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            #[test]
            fn on_double() {
                super::$scenario($crate::world::Backend::Double);
            }

            #[test]
            fn on_real() {
                super::$scenario($crate::world::Backend::Real);
            }
        }
    )+};
}
pub(crate) use on_both;

/// The time it is in a world that was not told another.
pub(crate) const NOW: &str = "2026-11-22T09:00:00Z";

/// A cluster, a registry, and a person at a shell.
pub(crate) struct World {
    backend: Backend,
    cluster: Cluster,
    mark: Cell<u64>,
    registry: OnceCell<Registry>,
    registry_auth: RegistryAuth,
    git: OnceCell<GitHost>,
    folder: TempDir,
    namespace: String,
    user: User,
    users: RefCell<Vec<User>>,
    now: RefCell<String>,
    placeholders: RefCell<BTreeMap<String, String>>,
}

impl World {
    /// A world whose cluster other worlds share: it has a namespace and users of its own, and no more.
    pub(crate) fn new(backend: Backend) -> Self {
        Self::with(backend, RegistryAuth::None)
    }

    /// The same with logins on the registry.
    pub(crate) fn with(backend: Backend, auth: RegistryAuth) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let cluster = match backend {
            Backend::Double => Cluster::Double(ApiDouble::start()),
            Backend::Real => Cluster::Shared(RealApi::shared()),
        };
        let namespace = format!("argocd-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self::build(backend, cluster, namespace, auth)
    }

    /// A world with a cluster to itself, and `argocd` as its namespace: for nodes, for lists over all namespaces, for
    /// custom resources that are not defined, for continue tokens that expire. On real servers such worlds take turns.
    pub(crate) fn alone(backend: Backend) -> Self {
        let cluster = match backend {
            Backend::Double => Cluster::Double(ApiDouble::start()),
            Backend::Real => Cluster::Alone(RealApi::alone()),
        };
        cluster.clean();
        Self::build(backend, cluster, "argocd".to_owned(), RegistryAuth::None)
    }

    fn build(backend: Backend, cluster: Cluster, namespace: String, registry_auth: RegistryAuth) -> Self {
        for name in ["argocd", &namespace] {
            // The double of a world is new; the real server may know it already.
            let known = cluster.call(ADMIN, "GET", &format!("/api/v1/namespaces/{name}"), (&[], "")).status == 200;
            if !known {
                cluster.create_namespace(name);
            }
        }
        let folder = TempDir::with_prefix("kubectl-image-update-").expect("a temporary folder");
        for name in ["home", "work", "docker"] {
            fs::create_dir(folder.path().join(name)).expect("a folder in a folder of our own");
        }
        let mark = Cell::new(cluster.mark());
        let user = cluster.add_user();
        for grant in usual_rights() {
            cluster.grant(&user, grant.at_home(&namespace));
        }
        let world = Self {
            backend,
            cluster,
            mark,
            registry: OnceCell::new(),
            registry_auth,
            git: OnceCell::new(),
            folder,
            namespace,
            users: RefCell::new(vec![user.clone()]),
            user,
            now: RefCell::new(NOW.to_owned()),
            placeholders: RefCell::default(),
        };
        world.placeholder(&world.cluster.url(), "<SERVER>");
        world.placeholder(&world.namespace, "<NAMESPACE>");
        world.placeholder(&world.user.name, "<USER>");
        world.placeholder(&world.folder.path().display().to_string(), "<FOLDER>");
        world
    }

    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    pub(crate) fn is_real(&self) -> bool {
        self.backend == Backend::Real
    }

    // The cluster and what is in it.

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The API double, for what only it can do.
    pub(crate) fn api_double(&self) -> &ApiDouble {
        match &self.cluster {
            Cluster::Double(api) => api,
            _ => panic!("faults are the double's: run this scenario on the double only"),
        }
    }

    /// The namespace that kubeconfig contexts of this world name.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Another namespace of this world.
    pub(crate) fn another_namespace(&self, name: &str) -> String {
        let name = match &self.cluster {
            Cluster::Alone(_) => name.to_owned(),
            _ => format!("{}-{name}", self.namespace),
        };
        self.cluster.create_namespace(&name);
        self.placeholder(&name, &format!("<NAMESPACE-{}>", name.rsplit('-').next().unwrap_or(&name).to_uppercase()));
        name
    }

    /// Creates an Application from YAML, a value or a builder. `$REGISTRY` and `$NAMESPACE` in it are filled in.
    pub(crate) fn application(&self, application: impl Into<Value>) -> Value {
        self.object(application)
    }

    /// Creates an object of any kind in the table of `resources.rs`, in the world's namespace if it names none.
    pub(crate) fn object(&self, object: impl Into<Value>) -> Value {
        self.cluster.create(&self.namespace, &self.fill_in(object))
    }

    /// The same object with `$REGISTRY` and `$NAMESPACE` replaced; a string is read as YAML first.
    pub(crate) fn fill_in(&self, object: impl Into<Value>) -> Value {
        let object = match object.into() {
            Value::String(yaml) => from_yaml(&yaml),
            other => other,
        };
        let mut text = object.to_string();
        if text.contains("$REGISTRY") {
            text = text.replace("$REGISTRY", &self.registry().host());
        }
        let text = text.replace("$NAMESPACE", &self.namespace);
        serde_json::from_str(&text).expect("names need no escaping")
    }

    /// The Application as it is now.
    pub(crate) fn get(&self, name: &str) -> Value {
        self.cluster.get(resource("applications"), &self.namespace, name)
    }

    /// A second person edits an Application.
    pub(crate) fn edit(&self, name: &str, change: impl FnMut(&mut Value)) {
        self.cluster.edit(resource("applications"), &self.namespace, name, change);
    }

    /// Argo CD reports what runs.
    pub(crate) fn set_status_images(&self, name: &str, images: &[&str]) {
        let images: Vec<String> =
            images.iter().map(|image| image.replace("$REGISTRY", &self.registry().host())).collect();
        self.edit(name, |application| application["status"]["summary"]["images"] = json!(images));
    }

    /// Argo CD deploys what the spec says.
    pub(crate) fn deploy(&self, name: &str) {
        self.edit(name, deploy);
    }

    /// A node of the cluster; only in a world [`World::alone`].
    pub(crate) fn node(&self, name: &str, platform: &str) {
        assert!(!matches!(self.cluster, Cluster::Shared(_)), "nodes have no namespace: use World::alone");
        let (os, architecture) = platform.split_once('/').expect("os/architecture");
        let node = json!({
            "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/os": os, "kubernetes.io/arch": architecture}},
            "status": {"nodeInfo": {"operatingSystem": os, "architecture": architecture}},
        });
        let created = self.object(node);
        // A real server drops the status of what is created.
        if created["status"]["nodeInfo"]["architecture"] != architecture {
            let path = format!("/api/v1/nodes/{name}/status");
            let status = json!({"status": {"nodeInfo": {"operatingSystem": os, "architecture": architecture}}});
            let headers = [("Content-Type", "application/merge-patch+json")];
            let reply = self.cluster.call(ADMIN, "PATCH", &path, (&headers, &status.to_string()));
            assert_eq!(reply.status, 200, "{}", reply.text());
        }
    }

    /// Removes the definition of a custom resource; only in a world [`World::alone`].
    pub(crate) fn uninstall(&self, name: &str) {
        match &self.cluster {
            Cluster::Double(api) => api.uninstall(resource(name)),
            Cluster::Alone(api) => api.uninstall(resource(name)),
            Cluster::Shared(_) => panic!("definitions have no namespace: use World::alone"),
        }
    }

    /// Makes every continue token expire; only in a world [`World::alone`].
    pub(crate) fn expire_continue_tokens(&self) {
        match &self.cluster {
            Cluster::Double(api) => api.expire_continue_tokens(),
            Cluster::Alone(api) => api.expire_continue_tokens(),
            Cluster::Shared(_) => panic!("the past is shared: use World::alone"),
        }
    }

    // Users, and what they asked the API server for.

    /// Who runs the tool unless told otherwise: may do what README asks for, in the world's namespace, without nodes.
    pub(crate) fn user(&self) -> &User {
        &self.user
    }

    /// Gives a user more rights: `world.grant(world.user(), allow("list", "nodes").everywhere())`.
    pub(crate) fn grant(&self, user: &User, grant: Grant) {
        self.cluster.grant(user, grant.at_home(&self.namespace));
    }

    /// A user with these rights and no others.
    pub(crate) fn add_user(&self, grants: impl IntoIterator<Item = Grant>) -> User {
        let user = self.cluster.add_user();
        for grant in grants {
            self.grant(&user, grant);
        }
        let mut users = self.users.borrow_mut();
        users.push(user.clone());
        self.placeholder(&user.name, &format!("<USER-{}>", users.len()));
        user
    }

    /// Every request of this world's users since the world began, or since [`World::forget`].
    pub(crate) fn requests(&self) -> Vec<ApiRequest> {
        self.cluster.requests(self.mark.get(), &self.users.borrow())
    }

    /// The requests that changed something.
    pub(crate) fn writes(&self) -> Vec<ApiRequest> {
        self.requests().into_iter().filter(ApiRequest::is_write).collect()
    }

    /// Forgets the requests so far.
    pub(crate) fn forget(&self) {
        // Reading first waits for those that are not in the log yet.
        self.requests();
        self.mark.set(self.cluster.mark());
    }

    // The registry and what is in it.

    pub(crate) fn registry(&self) -> &Registry {
        self.registry.get_or_init(|| {
            let registry = Registry::start(self.backend, self.registry_auth);
            self.placeholder(&registry.host(), "<REGISTRY>");
            registry
        })
    }

    /// `127.0.0.1:PORT/acme/web`.
    pub(crate) fn image(&self, repository: &str) -> String {
        format!("{}/{repository}", self.registry().host())
    }

    pub(crate) fn publish(&self, repository: &str, tag: &str, image: &Image) {
        self.registry().push(repository, tag, image);
    }

    // The git host and what is in it.

    /// The git host of this world, which lets in [`MAINTAINER`] and [`READER`] over https, and one key over ssh.
    pub(crate) fn git(&self) -> &GitHost {
        self.git.get_or_init(|| GitHost::new(GitAuth::Basic))
    }

    // What differs from run to run.

    /// Has [`World::redact`] show `placeholder` for `name`.
    pub(crate) fn placeholder(&self, name: &str, placeholder: &str) {
        self.placeholders.borrow_mut().insert(name.to_owned(), placeholder.to_owned());
    }

    /// The text with placeholders for ports, namespaces, users, digests, UIDs and versions.
    pub(crate) fn redact(&self, text: &str) -> String {
        redact::redact(text, &self.placeholders.borrow())
    }

    /// Streams and code of a run with placeholders, for a snapshot.
    pub(crate) fn transcript(&self, output: &Output) -> String {
        self.redact(&output.to_string())
    }
}
