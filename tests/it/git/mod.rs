//! Write-back to git, from a tag in the registry to a commit: real git servers over https and ssh.

mod branches;
mod files;
mod logins;
mod overrides;
mod past;
mod pins;
mod plain;
mod preconditions;
mod races;
mod story;
mod worktree;

use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Authority;
use crate::world::Backend;
use crate::world::GitRepository;
use crate::world::Invocation;
use crate::world::MAINTAINER;
use crate::world::Output;
use crate::world::Running;
use crate::world::World;
use crate::world::allow;
use crate::world::program;

/// The file of the story, with everything in it that an editor could spoil.
pub(crate) const VALUES: &str = "# The bookstore.\nreplicas:   2\n\nimage:\n  repository: $REGISTRY/acme/bookstore   # ours\n  tag: \"v1.0.0\" # moved by updates\n\nextra: {a: 1,  b: [2,3]}\n";

/// A chart in a repository, and the Application that deploys it with method `git`.
pub(crate) struct Shop {
    pub(crate) world: World,
    pub(crate) repository: GitRepository,
}

impl Shop {
    pub(crate) fn open(backend: Backend) -> Self {
        let world = World::new(backend);
        world.grant(world.user(), allow("list", "secrets"));
        bookstore::publish_versions(&world);
        let repository = world.git().repository("acme/deploy");
        let shop = Self { world, repository };
        shop.commit(&[("charts/bookstore/Chart.yaml", "name: bookstore\n"), ("charts/bookstore/values.yaml", VALUES)]);
        shop.secret(
            "argocd-repository",
            "repository",
            &json!({"url": shop.url(), "username": MAINTAINER.0, "password": MAINTAINER.1}),
        );
        shop.config_map("argocd-tls-certs-cm", &json!({"127.0.0.1": Authority::of_this_process().ca}));
        shop.config_map("argocd-image-updater-config", &json!({"git.user": "Robot", "git.email": "robot@example.com"}));
        shop
    }

    pub(crate) fn url(&self) -> String {
        self.world.git().https().url("acme/deploy")
    }

    /// A second person pushes to the branch `main`.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        let host = self.world.registry().host();
        let files: Vec<(&str, String)> =
            files.iter().map(|(path, text)| (*path, text.replace("$REGISTRY", &host))).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        self.repository.commit("main", "by hand", &files)
    }

    /// The text of a file at the head of a branch, with `$REGISTRY` for the registry.
    pub(crate) fn text(&self, branch: &str, path: &str) -> String {
        self.repository.text(branch, path).replace(&self.world.registry().host(), "$REGISTRY")
    }

    pub(crate) fn values(&self) -> String {
        self.text("main", "charts/bookstore/values.yaml")
    }

    pub(crate) fn secret(&self, name: &str, kind: &str, data: &Value) {
        self.world.object(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "labels": {"argocd.argoproj.io/secret-type": kind}}, "stringData": data,
        }));
    }

    pub(crate) fn config_map(&self, name: &str, data: &Value) {
        self.world.object(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}));
    }

    /// An Application that deploys a folder of the repository, with method `git`.
    pub(crate) fn application(&self, name: &str, folder: &str) -> Application {
        let (url, folder) = (self.url(), folder.to_owned());
        Application::named(name)
            .image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"))
            .annotation("write-back-method", "git")
            .images(&[&format!("$REGISTRY/{REPOSITORY}:v1.0.0")])
            .with(move |object| {
                object["spec"]["source"]["repoURL"] = url.into();
                object["spec"]["source"]["path"] = folder.into();
                object["spec"]["syncPolicy"] = json!({"automated": {}});
            })
    }

    /// The bookstore: its chart's values file is written to.
    pub(crate) fn bookstore(&self) -> Application {
        self.application("bookstore", "charts/bookstore")
            .helm(&[])
            .annotation("write-back-target", "helmvalues")
            .annotation("web.helm.image-name", "image.repository")
            .annotation("web.helm.image-tag", "image.tag")
    }

    pub(crate) fn invocation(&self, arguments: &[&str]) -> Invocation {
        let namespace = self.world.namespace().to_owned();
        let mut invocation = self.world.invocation(arguments);
        invocation.arg("--argocd-namespace").arg(namespace).env("PATH", search_path());
        invocation
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.invocation(arguments).run()
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        self.invocation(arguments).spawn()
    }

    /// Writes everything there is.
    pub(crate) fn apply(&self, arguments: &[&str]) -> Output {
        self.run(&[&["apply", "--all", "--yes", "-o", "json"], arguments].concat())
    }

    /// How often git's server was asked, by what was asked.
    pub(crate) fn pushes(&self) -> usize {
        let log = self.world.git().https().log();
        log.iter()
            .filter(|exchange| exchange.request.method == "POST" && exchange.request.path.contains("git-receive-pack"))
            .count()
    }
}

/// Where git, ssh and gpg are found.
pub(crate) fn search_path() -> String {
    let folders = ["git", "ssh", "ssh-keygen", "gpg"].map(|name| program(name).parent().expect("a folder").to_owned());
    let all: Vec<PathBuf> = folders.into_iter().chain(["/usr/bin".into(), "/bin".into()]).collect();
    std::env::join_paths(all).expect("folders").into_string().expect("text")
}

/// Outcome, `at` and message of each receipt.
pub(crate) fn outcomes(output: &Output) -> Vec<(String, Value, String)> {
    let report = output.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let receipts = report["receipts"].as_array().expect("receipts").iter();
    receipts.map(|receipt| (text(&receipt["outcome"]), receipt["at"].clone(), text(&receipt["message"]))).collect()
}
