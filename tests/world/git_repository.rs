//! A bare git repository on disk: filled, looked at and changed by the side of its server, as other people would.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use super::servers::program;

/// The branch that HEAD names in a new repository.
pub(crate) const MAIN: &str = "main";
/// When everything in a fixture happened.
const DATE: &str = "1700000000 +0000";

/// A repository that a git host serves; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct GitRepository {
    path: PathBuf,
}

impl GitRepository {
    /// Makes an empty repository that everybody on this machine may write: its servers may run as another user.
    pub(crate) fn create(path: &Path) -> Self {
        fs::create_dir_all(path).expect("a folder of our own");
        let repository = Self { path: path.to_owned() };
        repository.git(&["init", "--quiet", "--bare", "--shared=0777", &format!("--initial-branch={MAIN}")]);
        repository.configure("uploadpack.allowFilter", "true");
        // What is shared lets nobody force a push, unless told otherwise.
        repository.configure("receive.denyNonFastForwards", "false");
        repository
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Sets a value of the server's configuration of this repository.
    pub(crate) fn configure(&self, key: &str, value: &str) {
        self.git(&["config", key, value]);
    }

    /// Installs a hook: a shell script without its first line.
    pub(crate) fn hook(&self, name: &str, script: &str) {
        let file = self.path.join("hooks").join(name);
        fs::create_dir_all(file.parent().expect("hooks")).expect("a folder of our own");
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a file of our own");
        executable(&file);
    }

    /// Puts a commit with these files on a branch, which is made at the first of them. Gives the commit's id.
    pub(crate) fn commit(&self, branch: &str, message: &str, files: &[(&str, &str)]) -> String {
        let files: Vec<_> = files.iter().map(|(path, text)| TreeChange::file(path, text)).collect();
        self.commit_changes(branch, message, &files)
    }

    /// The same with whatever can be in a tree.
    pub(crate) fn commit_changes(&self, branch: &str, message: &str, changes: &[TreeChange]) -> String {
        let mut stream = Stream::default();
        stream.commit(branch, message, self.head(branch).as_deref(), changes);
        self.import(&stream);
        self.head(branch).expect("the commit just made")
    }

    /// Puts many commits on a branch at once.
    pub(crate) fn commit_all(&self, branch: &str, commits: &[Vec<TreeChange>]) -> String {
        let mut stream = Stream::default();
        for (index, changes) in commits.iter().enumerate() {
            let before = if index == 0 { self.head(branch) } else { None };
            stream.commit(branch, &format!("commit {index}"), before.as_deref(), changes);
        }
        self.import(&stream);
        self.head(branch).expect("the commit just made")
    }

    fn import(&self, stream: &Stream) {
        self.run(&["fast-import", "--quiet", "--force"], &stream.0);
    }

    /// The commit that a branch is at.
    pub(crate) fn head(&self, branch: &str) -> Option<String> {
        let answer = self.command(&["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}")]).output();
        let answer = answer.expect("git starts");
        answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
    }

    /// A file as it is on a branch or in a commit.
    pub(crate) fn file(&self, revision: &str, path: &str) -> Option<Vec<u8>> {
        let answer = self.command(&["cat-file", "blob", &format!("{revision}:{path}")]).output().expect("git starts");
        answer.status.success().then_some(answer.stdout)
    }

    /// The same as text.
    #[track_caller]
    pub(crate) fn text(&self, revision: &str, path: &str) -> String {
        let bytes = self.file(revision, path).unwrap_or_else(|| panic!("no {path} at {revision}"));
        String::from_utf8(bytes).expect("a text")
    }

    /// What a commit changed: `M path`, `A path`, `D path`, a line each.
    pub(crate) fn changed(&self, revision: &str) -> Vec<String> {
        let text = self.git(&["diff-tree", "-r", "--root", "--no-commit-id", "--name-status", revision]);
        text.lines().map(|line| line.replace('\t', " ")).collect()
    }

    /// The subjects of a branch's commits, newest first.
    pub(crate) fn subjects(&self, branch: &str) -> Vec<String> {
        self.git(&["log", "--format=%s", branch]).lines().map(str::to_owned).collect()
    }

    /// The whole message of a commit.
    pub(crate) fn message(&self, revision: &str) -> String {
        self.git(&["log", "-1", "--format=%B", revision])
    }

    /// Everything is right with every object, and with what they say of each other.
    pub(crate) fn check(&self) {
        self.git(&["fsck", "--full", "--strict", "--no-dangling"]);
    }

    /// Runs git in the repository, and gives what it prints.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.run(arguments, b"")).expect("git writes UTF-8").trim_end().to_owned()
    }

    /// git in this repository, with nothing of the person's own.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = server_git();
        command.env("GIT_DIR", &self.path).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("git starts");
        let mut stdin = child.stdin.take().expect("a pipe was asked for");
        let input = input.to_owned();
        // A git that fails closes the pipe; its status says so.
        let writing = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("git ends");
        writing.join().expect("a pipe is written");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?} in {}: {said}", self.path.display());
        output.stdout
    }
}

/// git as servers and fixtures run it: its own environment, no configuration of this machine, owners do not matter.
pub(crate) fn server_git() -> Command {
    let mut command = Command::new(program("git"));
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir("/");
    command.envs(SERVER_ENVIRONMENT);
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Ada").env(format!("GIT_{role}_EMAIL"), "ada@example.com");
        command.env(format!("GIT_{role}_DATE"), DATE);
    }
    command
}

/// What git at the server's side must have in its environment.
pub(crate) const SERVER_ENVIRONMENT: [(&str, &str); 10] = [
    ("HOME", "/nonexistent"),
    ("LC_ALL", "C"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_HTTP_EXPORT_ALL", "1"),
    ("GIT_CONFIG_COUNT", "2"),
    ("GIT_CONFIG_KEY_0", "safe.directory"),
    ("GIT_CONFIG_VALUE_0", "*"),
    ("GIT_CONFIG_KEY_1", "receive.autogc"),
    ("GIT_CONFIG_VALUE_1", "false"),
];

/// Lets everybody run a file.
pub(crate) fn executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("a file of our own");
}

/// One line of what a commit changes.
#[derive(Clone, Debug)]
pub(crate) struct TreeChange {
    mode: &'static str,
    path: String,
    /// The contents of a file, the target of a symbolic link, the commit of a submodule.
    contents: Vec<u8>,
}

impl TreeChange {
    pub(crate) fn file(path: &str, contents: impl AsRef<[u8]>) -> Self {
        Self { mode: "100644", path: path.to_owned(), contents: contents.as_ref().to_owned() }
    }

    pub(crate) fn executable(path: &str, contents: &str) -> Self {
        Self { mode: "100755", ..Self::file(path, contents) }
    }

    pub(crate) fn symlink(path: &str, target: &str) -> Self {
        Self { mode: "120000", ..Self::file(path, target) }
    }

    pub(crate) fn submodule(path: &str) -> Self {
        Self { mode: "160000", ..Self::file(path, "1234567890123456789012345678901234567890") }
    }

    pub(crate) fn removed(path: &str) -> Self {
        Self { mode: "", ..Self::file(path, "") }
    }
}

/// What `git fast-import` reads.
#[derive(Default)]
struct Stream(Vec<u8>);

impl Stream {
    fn commit(&mut self, branch: &str, message: &str, parent: Option<&str>, changes: &[TreeChange]) {
        let mut head = format!("commit refs/heads/{branch}\n");
        for role in ["author", "committer"] {
            writeln!(head, "{role} Ada <ada@example.com> {DATE}").expect("a string takes text");
        }
        self.0.extend_from_slice(head.as_bytes());
        self.data(message.as_bytes());
        if let Some(parent) = parent {
            self.0.extend_from_slice(format!("from {parent}\n").as_bytes());
        }
        for TreeChange { mode, path, contents } in changes {
            match *mode {
                "" => self.0.extend_from_slice(format!("D {path}\n").as_bytes()),
                "160000" => {
                    let id = String::from_utf8_lossy(contents);
                    self.0.extend_from_slice(format!("M {mode} {id} {path}\n").as_bytes());
                }
                _ => {
                    self.0.extend_from_slice(format!("M {mode} inline {path}\n").as_bytes());
                    self.data(contents);
                }
            }
        }
        self.0.push(b'\n');
    }

    fn data(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(format!("data {}\n", bytes.len()).as_bytes());
        self.0.extend_from_slice(bytes);
        self.0.push(b'\n');
    }
}
