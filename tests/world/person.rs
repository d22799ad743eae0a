//! The person at a shell: files, clock, credentials, and the runs of the tool.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;

use super::World;
use super::access::User;
use super::command::BINARY;
use super::command::Invocation;
use super::command::Output;
use super::command::Running;
use super::servers;
use super::terminal::Terminal;
use super::tls::Authority;

impl World {
    /// Writes a login into the docker config of the person.
    pub(crate) fn docker_login(&self, registry: &str, (name, password): (&str, &str)) {
        let file = self.docker_config();
        let mut config: Value = fs::read(&file).map_or(json!({}), |text| serde_json::from_slice(&text).expect("JSON"));
        config["auths"][registry] = json!({"auth": STANDARD.encode(format!("{name}:{password}"))});
        fs::write(file, config.to_string()).expect("a file in a folder of our own");
    }

    /// The docker config file of the person, which need not be there.
    pub(crate) fn docker_config(&self) -> PathBuf {
        self.folder.path().join("docker/config.json")
    }

    /// The folder commands run in.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Writes a file into the folder commands run in; `$REGISTRY` and `$NAMESPACE` are filled in.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.work().join(name);
        let text = if text.contains("$REGISTRY") {
            text.replace("$REGISTRY", &self.registry().host())
        } else {
            text.to_owned()
        };
        fs::create_dir_all(file.parent().expect("a file is in a folder")).expect("a folder in a folder of our own");
        fs::write(&file, text.replace("$NAMESPACE", &self.namespace)).expect("a file in a folder of our own");
        file
    }

    /// Makes a named pipe in the folder commands run in.
    pub(crate) fn pipe(&self, name: &str) -> PathBuf {
        let pipe = self.work().join(name);
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts");
        assert!(made.success(), "mkfifo {}", pipe.display());
        pipe
    }

    /// Sets the clock, RFC 3339.
    pub(crate) fn set_now(&self, now: &str) {
        now.clone_into(&mut self.now.borrow_mut());
    }

    /// A kubeconfig file with which `user` reaches the cluster, in the world's namespace.
    pub(crate) fn kubeconfig(&self, user: &User) -> PathBuf {
        let authority = STANDARD.encode(&Authority::of_this_process().ca);
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.cluster.url(), "certificate-authority-data": authority}}],
            "users": [{"name": "test", "user": {"token": user.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": self.namespace}}],
        });
        let file = self.folder.path().join(format!("kubeconfig-{}.json", user.name));
        fs::write(&file, config.to_string()).expect("a file in a folder of our own");
        file
    }

    /// The plugin with these arguments, ready to run as the world's user.
    pub(crate) fn invocation(&self, arguments: &[&str]) -> Invocation {
        self.invocation_as(&self.user, arguments)
    }

    /// The plugin with these arguments, ready to run as `user`.
    pub(crate) fn invocation_as(&self, user: &User, arguments: &[&str]) -> Invocation {
        let mut invocation = Invocation {
            program: PathBuf::from(BINARY),
            arguments: arguments.iter().map(|&argument| argument.into()).collect(),
            environment: Vec::new(),
            folder: self.work(),
            stdin: None,
        };
        let folder = self.folder.path();
        invocation
            .env("HOME", folder.join("home"))
            .env("KUBECONFIG", self.kubeconfig(user))
            .env("DOCKER_CONFIG", folder.join("docker"))
            .env("KUBECTL_IMAGE_UPDATE_NOW", self.now.borrow().as_str())
            .env("PATH", "/usr/bin:/bin");
        invocation
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.invocation(arguments).run()
    }

    pub(crate) fn run_as(&self, user: &User, arguments: &[&str]) -> Output {
        self.invocation_as(user, arguments).run()
    }

    /// Runs the plugin after `change` had its way with environment, input, folder.
    pub(crate) fn run_with(&self, arguments: &[&str], change: impl FnOnce(&mut Invocation)) -> Output {
        let mut invocation = self.invocation(arguments);
        change(&mut invocation);
        invocation.run()
    }

    /// Starts the plugin and leaves it running.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        self.invocation(arguments).spawn()
    }

    /// Runs real kubectl, which finds the plugin: `run_kubectl(&["image-update", "check"])`.
    pub(crate) fn run_kubectl(&self, arguments: &[&str]) -> Output {
        let mut invocation = self.invocation(arguments);
        let plugins = Path::new(BINARY).parent().expect("the binary is in a folder");
        invocation.program = servers::program("kubectl");
        invocation.env("PATH", format!("{}:/usr/bin:/bin", plugins.display()));
        invocation.run()
    }

    /// Runs the plugin in a terminal of 50 rows, whose keys and screen are the test's.
    pub(crate) fn run_in_terminal(&self, arguments: &[&str], columns: u16) -> Terminal {
        Terminal::start(&self.invocation(arguments), columns)
    }
}
