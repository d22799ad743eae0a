//! The git program as this tool runs it: nothing that a repository or a stray variable says can make it run something.
//!
//! The environment starts as the caller's (proxies, `PATH`, `HOME`), without the variables that steer git. The
//! caller's own git configuration is in force only where the caller's own credentials, identity or signing key are
//! used. The repository is always one that this tool has made, so its configuration is ours.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::git::access::Access;
use crate::git::child;
use crate::git::child::Ended;
use crate::git::child::Invocation;
use crate::git::child::Trouble;
use crate::git::error::Failure;
use crate::git::error::GitErrorKind;
use crate::git::error::one_line;

/// The oldest git that can do all that is needed: signing with SSH keys came with it.
const OLDEST: (u32, u32) = (2, 34);
/// Most that is read of an answer, unless said otherwise.
const ANSWER: usize = 64 * 1024 * 1024;
/// The stand-in for a configuration file or a folder of hooks that is not there; git knows it on every system.
const NOTHING: &str = "/dev/null";

/// Variables that say where the caller's git finds its parts, configuration and certificates.
const KEPT: [&str; 8] = [
    "GIT_EXEC_PATH",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_PROXY_SSL_CAINFO",
    "GIT_PROXY_SSL_CERT",
    "GIT_PROXY_SSL_KEY",
    "GIT_HTTP_LOW_SPEED_LIMIT",
    "GIT_HTTP_LOW_SPEED_TIME",
];

/// Variables that belong to the caller's own configuration and credentials.
const CALLERS: [&str; 11] = [
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_ASKPASS",
    "GIT_SSL_CERT",
    "GIT_SSL_KEY",
    "GIT_SSH_VARIANT",
    "GIT_AUTHOR_NAME",
    "GIT_AUTHOR_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL",
];

/// What holds for every run; no configuration file can say otherwise.
const HARDENED: [(&str, &str); 18] = [
    ("core.hooksPath", NOTHING),
    ("core.fsmonitor", "false"),
    ("core.logAllRefUpdates", "false"),
    ("protocol.ext.allow", "never"),
    ("protocol.file.allow", "never"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("push.followTags", "false"),
    ("fetch.prune", "false"),
    ("fetch.pruneTags", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("fetch.unpackLimit", "0"),
    ("transfer.bundleURI", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("i18n.commitEncoding", "UTF-8"),
    ("init.defaultBranch", "main"),
];

/// The git that was found.
pub(super) struct Program {
    path: PathBuf,
    /// The caller's, as it was.
    environment: BTreeMap<String, String>,
    timeout: Duration,
}

impl Program {
    /// Finds git on the caller's `PATH`, and checks that it is new enough.
    pub(super) async fn find(environment: BTreeMap<String, String>, timeout: Duration) -> Result<Self, Failure> {
        let name = format!("git{}", std::env::consts::EXE_SUFFIX);
        let path = find(&environment, &name).ok_or_else(|| {
            Failure::new(GitErrorKind::Program, "`git` is not on PATH")
                .hint("install git 2.34 or newer, or use write-back method `argocd`")
        })?;
        let program = Self { path, environment, timeout };
        let answer = program.git("version").run().await?;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        let shown = program.path.display();
        match version(&text) {
            _ if !answer.success => Err(Failure::new(GitErrorKind::Program, format!("`{shown} version` fails"))),
            None => Err(Failure::new(GitErrorKind::Program, format!("`{shown}` says that it is {}", one_line(&text)))),
            Some(version) if version < OLDEST => {
                let (major, minor) = version;
                let message = format!("git {major}.{minor} ({shown}) is too old: 2.34 or newer is needed");
                Err(Failure::new(GitErrorKind::Program, message).hint("update git, or put a newer one first on PATH"))
            }
            Some(_) => Ok(program),
        }
    }

    /// A run of git, to be told more.
    pub(super) fn git(&self, subcommand: &str) -> Step<'_> {
        self.step(self.path.clone(), vec![subcommand.into()])
    }

    /// A run of another program that comes with git's ways to a server, such as `ssh`; `None` if it is not on `PATH`.
    pub(super) fn other(&self, name: &str) -> Option<Step<'_>> {
        let path = find(&self.environment, &format!("{name}{}", std::env::consts::EXE_SUFFIX))?;
        Some(self.step(path, Vec::new()))
    }

    fn step(&self, path: PathBuf, arguments: Vec<OsString>) -> Step<'_> {
        Step {
            program: self,
            path,
            arguments,
            repository: None,
            folder: self.temporary_folder(),
            access: None,
            callers: false,
            environment: Vec::new(),
            config: Vec::new(),
            stdin: Vec::new(),
            limit: ANSWER,
        }
    }

    /// Where the caller has temporary files.
    pub(super) fn temporary_folder(&self) -> PathBuf {
        self.variable("TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from)
    }

    /// A variable of the caller's that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// One run of git.
#[must_use]
pub(super) struct Step<'a> {
    program: &'a Program,
    path: PathBuf,
    arguments: Vec<OsString>,
    repository: Option<PathBuf>,
    folder: PathBuf,
    access: Option<&'a Access>,
    callers: bool,
    environment: Vec<(String, OsString)>,
    config: Vec<(String, String)>,
    stdin: Vec<u8>,
    limit: usize,
}

impl<'a> Step<'a> {
    pub(super) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(super) fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Runs in this repository, which is one of ours.
    pub(super) fn within(mut self, repository: &Path) -> Self {
        self.repository = Some(repository.to_owned());
        repository.clone_into(&mut self.folder);
        self
    }

    /// May talk to the server, in this way; without it no run may talk to any.
    pub(super) fn through(mut self, access: &'a Access) -> Self {
        self.callers |= access.callers;
        self.access = Some(access);
        self
    }

    /// Has the caller's own git configuration in force.
    pub(super) fn with_callers_config(mut self) -> Self {
        self.callers = true;
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn config(mut self, key: &str, value: &str) -> Self {
        self.config.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = text.into();
        self
    }

    /// Runs to the end, whatever that is. No secret is left in what it said.
    pub(super) async fn run(mut self) -> Result<Ended, Failure> {
        let environment = self.whole_environment();
        let invocation = Invocation {
            program: &self.path,
            arguments: std::mem::take(&mut self.arguments),
            environment,
            folder: &self.folder,
            stdin: std::mem::take(&mut self.stdin),
            limit: self.limit,
        };
        let ended = child::run(invocation, self.program.timeout).await;
        let mut ended = ended.map_err(|trouble| match trouble {
            Trouble::TimedOut(limit) => Failure::timed_out(limit),
            Trouble::TooMuch(limit) => Failure::protocol(format!("git's answer is longer than {limit} bytes")),
            Trouble::Io(error) => {
                Failure::new(GitErrorKind::Program, format!("{} cannot be run: {error}", self.path.display()))
            }
        })?;
        let secrets = self.access.iter().flat_map(|access| &access.secrets).map(ExposeSecret::expose_secret);
        for secret in secrets.filter(|secret| !secret.is_empty()) {
            ended.stderr = ended.stderr.replace(secret, "***");
        }
        Ok(ended)
    }

    /// Runs to a good end, and gives what git wrote to standard output.
    pub(super) async fn done(self) -> Result<Vec<u8>, Failure> {
        let ended = self.run().await?;
        if ended.success { Ok(ended.stdout) } else { Err(Failure::of_words(&ended.stderr)) }
    }

    fn whole_environment(&mut self) -> Vec<(OsString, OsString)> {
        let mut whole: BTreeMap<OsString, OsString> = BTreeMap::new();
        for (name, value) in &self.program.environment {
            let steers_git = name.starts_with("GIT_");
            let kept = KEPT.contains(&name.as_str()) || (self.callers && CALLERS.contains(&name.as_str()));
            if !steers_git || kept {
                whole.insert(name.into(), value.into());
            }
        }
        let mut set = |name: &str, value: OsString| whole.insert(name.into(), value);
        if !self.callers {
            set("GIT_CONFIG_GLOBAL", NOTHING.into());
            set("GIT_CONFIG_NOSYSTEM", "1".into());
            set("GIT_ASKPASS", "".into());
        }
        for (name, value) in [
            ("LC_ALL", "C"),
            ("LANGUAGE", ""),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GCM_INTERACTIVE", "never"),
            // A passphrase cannot be typed: whoever asks for one is told at once that there is none.
            ("SSH_ASKPASS", "false"),
            ("SSH_ASKPASS_REQUIRE", "force"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            // Where GIT_NO_LAZY_FETCH is not known, a run that may not talk to a server fails instead.
            ("GIT_ALLOW_PROTOCOL", self.access.map_or("none", |access| access.protocols)),
        ] {
            set(name, value.into());
        }
        if let Some(repository) = &self.repository {
            set("GIT_DIR", repository.into());
        } else {
            // Not even a folder above the temporary one is a repository.
            set("GIT_CEILING_DIRECTORIES", self.folder.clone().into());
            set("GIT_DIR", self.folder.join("no-repository").into());
        }
        for (name, value) in self.access.iter().flat_map(|access| &access.environment).chain(&self.environment) {
            set(name, value.clone());
        }
        let callers = if self.callers { callers_config(&self.program.environment) } else { Vec::new() };
        let hardened = HARDENED.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let access = self.access.iter().flat_map(|access| access.config.clone());
        let config: Vec<(String, String)> =
            callers.into_iter().chain(hardened).chain(access).chain(std::mem::take(&mut self.config)).collect();
        set("GIT_CONFIG_COUNT", config.len().to_string().into());
        for (index, (key, value)) in config.into_iter().enumerate() {
            set(&format!("GIT_CONFIG_KEY_{index}"), key.into());
            set(&format!("GIT_CONFIG_VALUE_{index}"), value.into());
        }
        whole.into_iter().collect()
    }
}

/// What the caller configures by `GIT_CONFIG_COUNT` and its companions.
fn callers_config(environment: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let count = environment.get("GIT_CONFIG_COUNT").and_then(|count| count.parse::<usize>().ok()).unwrap_or(0);
    let pair = |index| {
        let key = environment.get(&format!("GIT_CONFIG_KEY_{index}"))?;
        let value = environment.get(&format!("GIT_CONFIG_VALUE_{index}"))?;
        Some((key.clone(), value.clone()))
    };
    (0..count.min(1000)).filter_map(pair).collect()
}

fn find(environment: &BTreeMap<String, String>, file: &str) -> Option<PathBuf> {
    let (_, path) = environment.iter().find(|(name, _)| name.eq_ignore_ascii_case("PATH"))?;
    // A relative entry would mean whatever folder the caller stands in.
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(file))
        .find(|p| p.is_file())
}

/// Major and minor version, of `git version 2.39.5 (Apple Git-154)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix("git version ")?.split(['.', ' ', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for (text, expected) in [
            ("git version 2.47.3\n", Some((2, 47))),
            ("git version 2.39.5 (Apple Git-154)\n", Some((2, 39))),
            ("git version 2.45.1.windows.1", Some((2, 45))),
            ("git version 2.50-rc1", Some((2, 50))),
            ("hg 7", None),
            ("git version x", None),
        ] {
            assert_eq!(version(text), expected, "{text}");
        }
    }
}
