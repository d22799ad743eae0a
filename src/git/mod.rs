//! Git repositories at their servers: read a few files of a branch, put a commit on it, push it.
//!
//! Works by the `git` program, and never checks anything out: a temporary bare clone has one commit of each branch and
//! no file but those that are read. Knows nothing of Applications, images or YAML. Must not decide what is written:
//! outcomes are values ([`push::PushOutcome`]), and what to do about them is the caller's.

mod access;
mod child;
mod clone;
mod commit;
pub(crate) mod error;
mod folder;
mod github_app;
pub(crate) mod login;
mod objects;
mod past;
mod program;
pub(crate) mod push;
mod ssh;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
pub(crate) mod unmerged;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

pub(crate) use self::clone::GitClone;
pub(crate) use self::clone::Reference;
pub(crate) use self::commit::CommitOptions;
pub(crate) use self::commit::FileChange;
pub(crate) use self::commit::Person;
pub(crate) use self::commit::SigningKey;
pub(crate) use self::commit::SigningMethod;
use crate::git::error::GitError;
use crate::git::login::GitLogin;
use crate::git::program::Program;
use crate::model::git_url::GitUrl;

/// How git is run.
#[derive(Clone)]
pub(crate) struct GitSettings {
    /// The caller's environment. What in it steers git is left out, except where the caller's own credentials are used.
    pub(crate) environment: BTreeMap<String, String>,
    /// The longest that one run of git may take.
    pub(crate) timeout: Duration,
    /// The time of commits, and of what proves who a GitHub App is.
    pub(crate) now: Timestamp,
    /// What servers that are asked without git are told about this program.
    pub(crate) user_agent: String,
}

/// A repository, and who asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Remote {
    pub(crate) url: GitUrl,
    pub(crate) login: GitLogin,
    pub(crate) trust: GitTrust,
}

/// Whom to believe, beyond what the caller's machine says.
#[derive(Clone, Default)]
pub(crate) struct GitTrust {
    /// Lines as in `known_hosts`, for hosts that the caller's own files do not know.
    pub(crate) known_hosts: String,
    /// PEM certificates of CAs for this server, beside the system's.
    pub(crate) certificates: String,
    /// The server's certificate is not verified. Host keys of ssh always are.
    pub(crate) insecure: bool,
    /// The proxy for an https server, in place of the one that the environment names. It may have a password in it.
    pub(crate) proxy: Option<SecretString>,
}

/// Removes the temporary folders of this process, for one that ends without dropping its values.
pub(crate) fn remove_temporary_folders() {
    folder::remove_ours();
}

/// The git program, found and checked; cheap to clone.
#[derive(Clone)]
pub(crate) struct Git(Arc<Inner>);

struct Inner {
    program: Program,
    settings: GitSettings,
}

impl Git {
    /// Finds git on the caller's `PATH`.
    ///
    /// # Errors
    /// There is none, or it is older than 2.34.
    pub(crate) async fn find(settings: GitSettings) -> Result<Self, GitError> {
        let program = Program::find(settings.environment.clone(), settings.timeout).await;
        let program = program.map_err(|failure| GitError::new("use git", failure))?;
        folder::remove_left(&program.temporary_folder());
        Ok(Self(Arc::new(Inner { program, settings })))
    }

    /// The name and address that the caller's own git configuration gives to commits; `None` if it gives none.
    ///
    /// # Errors
    /// git cannot be run.
    pub(crate) async fn identity(&self) -> Result<Option<Person>, GitError> {
        let asked = self
            .program()
            .git("var")
            .with_callers_config()
            .config("user.useConfigOnly", "true")
            .arg("GIT_AUTHOR_IDENT");
        let answer = asked.run().await.map_err(|failure| GitError::new("read git's configuration", failure))?;
        Ok(if answer.success { Person::of_ident(&String::from_utf8_lossy(&answer.stdout)) } else { None })
    }

    /// Whether the caller's own git configuration signs commits (`commit.gpgSign`).
    ///
    /// # Errors
    /// git cannot be run, or the configuration has no such value.
    pub(crate) async fn signs_commits(&self) -> Result<bool, GitError> {
        let asked =
            self.program().git("config").with_callers_config().args(["--type=bool", "--default=false", "--get"]);
        let answer = asked.arg("commit.gpgSign").done().await;
        let answer = answer.map_err(|failure| GitError::new("read git's configuration", failure))?;
        Ok(answer.starts_with(b"true"))
    }

    /// Makes a temporary clone, which has nothing in it yet, and asks the server which branches and tags there are.
    ///
    /// # Errors
    /// The server cannot be asked, or does not let this login in.
    pub(crate) async fn open(&self, remote: Remote) -> Result<GitClone, GitError> {
        GitClone::open(self.clone(), remote).await
    }

    fn program(&self) -> &Program {
        &self.0.program
    }

    fn settings(&self) -> &GitSettings {
        &self.0.settings
    }
}

/// What a [`GitTrust`] is compared by.
impl GitTrust {
    fn key(&self) -> (&str, &str, bool, Option<&str>) {
        let proxy = self.proxy.as_ref().map(secrecy::ExposeSecret::expose_secret);
        (&self.known_hosts, &self.certificates, self.insecure, proxy)
    }
}

impl std::fmt::Debug for GitTrust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitTrust").field("insecure", &self.insecure).finish_non_exhaustive()
    }
}

impl PartialEq for GitTrust {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for GitTrust {}

impl PartialOrd for GitTrust {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for GitTrust {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl std::hash::Hash for GitTrust {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}
