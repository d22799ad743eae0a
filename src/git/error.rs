//! Why git could not do what it was asked, by what the caller does about it.
//!
//! No secret is ever part of an error, and what git or a server says in its own words is kept short and on one line.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::model::words;

/// What the caller can do about a failure: one variant for each different reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GitErrorKind {
    /// There is no git, or it is too old.
    Program,
    /// The address, or this login at this address, is nothing this tool talks to; nothing was asked.
    Refused,
    /// A login is needed, or the one given does not suffice.
    Denied,
    /// The server showed a host key that nobody vouches for.
    HostKey,
    /// The server showed a certificate that nobody vouches for.
    Certificate,
    /// The server has no such repository, or does not show it.
    NotFound,
    /// No answer, or one that says the server is out of order.
    Unreachable,
    /// It took longer than it may.
    TimedOut,
    /// There is no room for the temporary clone.
    Disk,
    /// The commit could not be signed.
    Signing,
    /// The file cannot be written where it should be.
    Path,
    /// git or the server answered what cannot be understood, or what must not be trusted.
    Protocol,
}

/// A failure of git: what was being done, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct GitError {
    doing: String,
    failure: Failure,
}

impl GitError {
    pub(super) fn new(doing: impl Into<String>, failure: Failure) -> Self {
        Self { doing: doing.into(), failure }
    }

    pub(crate) fn kind(&self) -> GitErrorKind {
        self.failure.kind
    }

    /// What happened, without what was being done.
    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        &self.failure.message
    }

    /// What the user can do about it, if that is known.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.failure.hint.as_deref()
    }
}

impl fmt::Display for GitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}: {}", self.doing, self.failure.message)
    }
}

impl Error for GitError {}

/// What happened, before it is known what it was part of.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: GitErrorKind,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Failure {
    pub(super) fn new(kind: GitErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    pub(super) fn protocol(message: impl Into<String>) -> Self {
        Self::new(GitErrorKind::Protocol, message)
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn timed_out(limit: Duration) -> Self {
        Self::new(GitErrorKind::TimedOut, format!("git did not end within {limit:?}"))
    }

    /// A failure of this machine's file system.
    pub(super) fn of_files(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::disk(&error.to_string())
            }
            _ => Self::new(GitErrorKind::Disk, format!("the temporary folder cannot be used: {error}"))
                .hint(TEMPORARY_FOLDER),
        }
    }

    fn disk(words: &str) -> Self {
        Self::new(GitErrorKind::Disk, format!("there is no room for a temporary clone: {}", one_line(words)))
            .hint(TEMPORARY_FOLDER)
    }

    /// What git's standard error says about why it failed. Only here is that text interpreted.
    pub(super) fn of_words(stderr: &str) -> Self {
        let said = words(stderr);
        let lower = stderr.to_lowercase();
        for (marks, kind, hint) in SIGNS {
            if marks.iter().any(|mark| lower.contains(mark)) {
                if *kind == GitErrorKind::Disk {
                    return Self::disk(&said);
                }
                let failure = Self::new(*kind, said);
                return if hint.is_empty() { failure } else { failure.hint(*hint) };
            }
        }
        Self::new(GitErrorKind::Protocol, said)
    }
}

const TEMPORARY_FOLDER: &str = "make room, or name another folder in TMPDIR";
const LOGIN: &str = "check the login: Argo CD's repository Secret, or your own git credentials";

/// What in git's words (C locale, lower case) tells what kind of failure it is; the first row that fits counts.
const SIGNS: &[(&[&str], GitErrorKind, &str)] = &[
    (
        &[
            "no space left on device",
            "disk quota exceeded",
            "file too large",
            "file size limit exceeded",
            "failed to write new configuration",
        ],
        GitErrorKind::Disk,
        "",
    ),
    (
        &["host key verification failed", "remote host identification has changed", "no matching host key"],
        GitErrorKind::HostKey,
        "compare the server's host key with its owner's word for it, and add it to ~/.ssh/known_hosts",
    ),
    (
        &["gpg failed to sign", "failed to write commit object", "couldn't load public key", "user.signingkey needs"],
        GitErrorKind::Signing,
        "check the signing key: `gpg --list-secret-keys`, or the file of the SSH key",
    ),
    (
        &[
            "ssl certificate problem",
            "server certificate verification failed",
            "certificate verify failed",
            "certificate signer not trusted",
            "ssl: no alternative certificate subject",
            "does not match target host name",
            "error setting certificate",
        ],
        GitErrorKind::Certificate,
        "add the server's CA to the system's trust store, to `argocd-tls-certs-cm`, or name its file in SSL_CERT_FILE",
    ),
    (
        &[
            "authentication failed",
            "could not read username",
            "could not read password",
            "terminal prompts disabled",
            "unable to get password from user",
            "permission denied (",
            "error: 401",
            "error: 403",
            "http 401",
            "http 403",
            "access denied",
            "invalid credentials",
            "too many authentication failures",
        ],
        GitErrorKind::Denied,
        LOGIN,
    ),
    (&["transport '", "not allowed"], GitErrorKind::Refused, "only https and ssh are used"),
    (
        &[
            "repository not found",
            "' not found",
            "/ not found",
            "does not appear to be a git repository",
            "not our ref",
            "couldn't find remote ref",
            "unadvertised object",
            "error: 404",
            "http 404",
            "does not exist",
        ],
        GitErrorKind::NotFound,
        "check the repository's address; some servers say this too when the login may not read it",
    ),
    (
        &[
            "could not resolve",
            "failed to connect",
            "couldn't connect",
            "connection refused",
            "connection reset",
            "connection closed",
            "connection timed out",
            "operation timed out",
            "network is unreachable",
            "no route to host",
            "empty reply from server",
            "the remote end hung up",
            "unexpected disconnect",
            "early eof",
            "transfer closed",
            "the requested url returned error: 5",
            "http 5",
            "rpc failed",
            "unable to access",
            "kex_exchange_identification",
        ],
        GitErrorKind::Unreachable,
        "",
    ),
];

/// Longest piece of git's own words that is passed on.
const WORDS: usize = 400;

/// What git, and the server through it, said that matters, as one safe line: no progress, no advice, nothing twice.
pub(super) fn words(stderr: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in stderr.split(['\n', '\r']) {
        let line = line.trim();
        let dull = line.is_empty()
            || line.starts_with("hint:")
            || line.starts_with("warning:")
            || line.starts_with("From ")
            || line.starts_with("To ")
            || line.starts_with("@@@")
            || line.contains("unable to read askpass response")
            || line.starts_with("Please make sure you have the correct access rights")
            || line.starts_with("and the repository exists")
            || (line.starts_with("remote: ") && line.contains('%') && line.contains('('));
        let line = line.strip_prefix("fatal: ").or_else(|| line.strip_prefix("error: ")).unwrap_or(line);
        let line = line.strip_prefix("remote:").unwrap_or(line).trim();
        if !dull && !line.is_empty() && !lines.iter().any(|known| known == line) {
            lines.push(line.to_owned());
        }
    }
    let all = one_line(&lines.join("; "));
    if all.is_empty() { "git failed, and did not say why".to_owned() } else { all }
}

/// Text from outside as one short line without control and formatting characters.
pub(super) fn one_line(text: &str) -> String {
    words::one_line(text, WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_tells_what_to_do() {
        for (stderr, kind, message) in [
            (
                "fatal: write error: No space left on device\n",
                GitErrorKind::Disk,
                "there is no room for a temporary clone: write error: No space left on device",
            ),
            (
                "Host key verification failed.\r\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n",
                GitErrorKind::HostKey,
                "Host key verification failed.; Could not read from remote repository.",
            ),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.\n",
                GitErrorKind::Denied,
                "git@h: Permission denied (publickey).; Could not read from remote repository.",
            ),
            (
                "remote: Invalid username or token.\nfatal: Authentication failed for 'https://h/a/'\n",
                GitErrorKind::Denied,
                "Invalid username or token.; Authentication failed for 'https://h/a/'",
            ),
            (
                "fatal: unable to access 'https://h/a/': The requested URL returned error: 403\n",
                GitErrorKind::Denied,
                "unable to access 'https://h/a/': The requested URL returned error: 403",
            ),
            (
                "fatal: unable to access 'https://h/a/': SSL certificate problem: unable to get local issuer certificate\n",
                GitErrorKind::Certificate,
                "unable to access 'https://h/a/': SSL certificate problem: unable to get local issuer certificate",
            ),
            (
                "remote: Repository not found.\nfatal: repository 'https://h/a/' not found\n",
                GitErrorKind::NotFound,
                "Repository not found.; repository 'https://h/a/' not found",
            ),
            (
                "ERROR: Repository not found.\nfatal: Could not read from remote repository.\n",
                GitErrorKind::NotFound,
                "ERROR: Repository not found.; Could not read from remote repository.",
            ),
            (
                "fatal: unable to access 'https://h/a/': Could not resolve host: h\n",
                GitErrorKind::Unreachable,
                "unable to access 'https://h/a/': Could not resolve host: h",
            ),
            (
                "fatal: unable to access 'https://h/a/': The requested URL returned error: 502\n",
                GitErrorKind::Unreachable,
                "unable to access 'https://h/a/': The requested URL returned error: 502",
            ),
            ("fatal: transport 'ext' not allowed\n", GitErrorKind::Refused, "transport 'ext' not allowed"),
            (
                "error: gpg failed to sign the data:\n[GNUPG:] INV_SGNR 9 x\n\nfatal: failed to write commit object\n",
                GitErrorKind::Signing,
                "gpg failed to sign the data:; [GNUPG:] INV_SGNR 9 x; failed to write commit object",
            ),
            (
                "remote: Counting objects:  50% (1/2)\rremote: Counting objects: 100% (2/2), done.\nwarning: x\nhint: y\nfatal: bad \u{1b}[31mthing\u{202e}\n",
                GitErrorKind::Protocol,
                "bad [31mthing",
            ),
            ("", GitErrorKind::Protocol, "git failed, and did not say why"),
        ] {
            let failure = Failure::of_words(stderr);
            assert_eq!((failure.kind, failure.message.as_str()), (kind, message), "{stderr}");
        }
        let long = Failure::of_words(&"é".repeat(1000)).message;
        assert!(long.len() <= WORDS + 3 && long.ends_with('…'), "{}", long.len());
    }
}
