//! The git store against real git servers: every exchange goes over https or ssh, and what is asserted is what the
//! server has afterwards.
//!
//! Image Updater's cases for its own git client, and where each is shown here or in `tests/it/git`:
//!
//! | cases | |
//! |---|---|
//! | cmt-08, gw-01 | `a_file_is_read_changed_and_pushed`; `the_message_is_the_clusters_or_a_files` |
//! | cmt-11, cmt-15, gw-18 | `without_the_right_login_nothing_is_told`; `the_default_branch_is_the_one_that_head_names` |
//! | cmt-13 | `a_key_with_a_passphrase_is_an_error_and_no_question`, `a_full_disk_is_said` |
//! | cmt-17 | `heads_name_counts_where_nothing_else_is_named` |
//! | lck-01 | `many_applications_are_one_commit_and_one_push`: a run has one clone of a repository and login |
//! | gw-03, gw-04 | `the_message_is_the_clusters_or_a_files` |
//! | gw-08 | `a_sign_off_goes_where_git_puts_it`, `commits_are_signed` |
//! | gw-09 | `an_ssh_key_signs`, `gpg_signs` |
//! | gw-11 | `a_new_branch_is_made` |
//! | gw-16 | `a_branch_only_moves_forward`, `what_a_branch_has_of_its_own_is_known` |
//! | gw-17, cmt-03 | `the_default_branch_is_the_one_that_head_names` |
//! | gc-01, gc-02 | `a_certificate_is_believed_for_a_reason` |
//! | gc-03 | `a_password_is_sent_unasked_only_if_told_so` |
//! | gc-05 | `a_client_shows_its_certificate`; its files go with the clone: `what_is_dropped_leaves_nothing` |
//! | gc-06 | by git's credential protocol in place of a program that asks: `logins_are_compared_but_never_shown` (user name) |
//! | gc-07 | `a_key_lets_in_and_a_known_host_is_believed`, `what_is_dropped_leaves_nothing` |
//! | gc-12, gc-13, gc-14 | `an_app_logs_in_with_a_token` (one token a clone), `an_app_must_be_well_described` |
//! | ex-02 | `a_server_that_hangs_is_given_up`: git and all that it started, at once |
//!
//! Overruled: cmt-05, since a file is edited in place and not sorted; cmt-09, gw-02, gw-06, ex-01, since nothing is
//! configured, added, checked out or trimmed; gw-12 and gw-15, since a branch that is there moves forward and is never
//! forced; gc-08, since host keys are always checked; gc-09 and gc-10, since ssh is told of no proxy; gc-11 and gca-04,
//! since Google's accounts are not supported. cmt-16 and `wt-*` are about commits by the API of a server, which are not
//! made.

mod github_app;
mod hardening;
mod https;
mod logins;
mod outcomes;
mod signing;
mod ssh;
mod unmerged;
#[allow(clippy::disallowed_methods, reason = "the tests are the world: programs, clock, environment")]
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;

use self::world::git_host::GitAuth;
use self::world::git_host::GitHost;
use self::world::git_host::MAINTAINER;
use self::world::git_repository::GitRepository;
use self::world::servers::program;
use self::world::tls::Authority;
use crate::git::CommitOptions;
use crate::git::FileChange;
use crate::git::Git;
use crate::git::GitClone;
use crate::git::GitSettings;
use crate::git::GitTrust;
use crate::git::Person;
use crate::git::Remote;
use crate::git::error::GitError;
use crate::git::error::GitErrorKind;
use crate::git::login::GitLogin;
use crate::git::push::PushOptions;
use crate::git::push::PushOutcome;
use crate::git::push::PushRef;
use crate::git::tree::Entry;
use crate::model::git::BranchName;
use crate::model::git::FilePath;
use crate::model::git::ObjectId;
use crate::model::git_url::GitUrl;

/// The caller: a home folder with nothing in it, and the variables of a shell.
struct Caller {
    home: tempfile::TempDir,
    environment: BTreeMap<String, String>,
    timeout: Duration,
}

impl Caller {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let folders = ["git", "ssh", "ssh-keygen", "gpg"].map(|name| program(name).parent().unwrap().to_owned());
        let path = std::env::join_paths(folders.into_iter().chain(["/usr/bin".into(), "/bin".into()])).unwrap();
        let environment = BTreeMap::from([
            ("HOME".to_owned(), home.path().display().to_string()),
            ("PATH".to_owned(), path.into_string().unwrap()),
        ]);
        Self { home, environment, timeout: Duration::from_secs(60) }
    }

    fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Writes a file into the home folder.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn git(&self) -> Git {
        self.find().unwrap()
    }

    fn open(&self, url: &str, login: GitLogin) -> Result<GitClone, GitError> {
        wait(self.git().open(remote(url, login)))
    }

    fn find(&self) -> Result<Git, GitError> {
        // Whichever test comes first installs it.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        wait(Git::find(GitSettings {
            environment: self.environment.clone(),
            timeout: self.timeout,
            now: "2026-11-22T09:00:00Z".parse().unwrap(),
            user_agent: "test/0".to_owned(),
        }))
    }
}

fn trust() -> GitTrust {
    GitTrust { certificates: Authority::of_this_process().ca.clone(), ..GitTrust::default() }
}

fn maintainer() -> GitLogin {
    GitLogin::password(MAINTAINER.0, secret(MAINTAINER.1))
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn remote(url: &str, login: GitLogin) -> Remote {
    Remote { url: GitUrl::parse(url).unwrap(), login, trust: trust() }
}

fn branch(name: &str) -> BranchName {
    BranchName::new(name).unwrap()
}

fn path(text: &str) -> FilePath {
    FilePath::new(text).unwrap()
}

fn file(name: &str, contents: &str) -> FileChange {
    FileChange { path: path(name), contents: contents.as_bytes().to_owned() }
}

fn options(message: &str) -> CommitOptions {
    let author = Person::new("Robot", "robot@example.com").unwrap();
    CommitOptions { author, message: message.to_owned(), sign_off: false, signing: None }
}

/// The servers start threads of their own, so a test is no future: it waits for each answer.
fn wait<T>(answer: impl Future<Output = T>) -> T {
    world::http::runtime().block_on(answer)
}

fn fetch(clone: &mut GitClone, name: &str) -> ObjectId {
    wait(clone.fetch(&[branch(name)])).unwrap().remove(0).expect("the branch is there")
}

fn commit(clone: &mut GitClone, parent: &ObjectId, changes: &[FileChange]) -> ObjectId {
    wait(clone.commit(parent, changes, &options("build: update"))).unwrap().expect("something changes")
}

fn push(clone: &mut GitClone, commit: &ObjectId, name: &str) -> Result<PushOutcome, GitError> {
    let one = PushRef { commit: commit.clone(), branch: branch(name), lease: None };
    Ok(wait(clone.push(&[one], PushOptions::default()))?.remove(0))
}

/// The text of a file of a commit, through the store.
fn read(clone: &mut GitClone, commit: &ObjectId, name: &str) -> String {
    let entry = wait(clone.entries(commit, &[path(name)])).unwrap().remove(0);
    let Entry::File { blob, .. } = entry else { panic!("{name}: {entry:?}") };
    String::from_utf8(wait(clone.contents(&[blob])).unwrap().remove(0)).unwrap()
}

/// Text that does not compress well: hashes of numbers, 44 characters each.
fn noise(count: u64) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    let hashes = (0..count).map(|n| base64::prelude::BASE64_STANDARD.encode(sha2::Sha256::digest(n.to_be_bytes())));
    hashes.collect()
}

/// An error as a test reads it: kind, text and hint, with what differs from run to run replaced.
fn shown(error: &GitError, address: &str) -> String {
    let mut text = format!("{:?}: {error}", error.kind());
    if let Some(hint) = error.hint() {
        text = format!("{text} [{hint}]");
    }
    text.replace(address, "HOST")
}

/// A few Applications' files in a repository `acme/deploy`.
fn bookstore(host: &GitHost) -> GitRepository {
    let repository = host.repository("acme/deploy");
    repository.commit(
        "main",
        "first",
        &[
            ("apps/web/values.yaml", "image:\n  tag: v1.0.0\n"),
            ("apps/api/values.yaml", "image:\n  tag: v2.0.0\n"),
            ("README.md", "bookstore\n"),
        ],
    );
    repository
}
