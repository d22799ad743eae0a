//! A temporary clone: bare, one commit deep, without files until they are asked for.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::git::Git;
use crate::git::Remote;
use crate::git::access::Access;
use crate::git::error::Failure;
use crate::git::error::GitError;
use crate::git::error::GitErrorKind;
use crate::git::folder::Folder;
use crate::git::github_app;
use crate::git::objects::Known;
use crate::git::program::Step;
use crate::model::git::BranchName;
use crate::model::git::ObjectId;

/// What git says when a server does not leave out blobs.
const UNFILTERED: &str = "filtering not recognized by server";

/// A clone in a temporary folder, which goes when this value does.
///
/// It answers one question at a time; clones of different repositories work beside each other.
pub(crate) struct GitClone {
    git: Git,
    remote: Remote,
    access: Access,
    folder: Folder,
    /// The branches and tags of the server, when it was last asked.
    references: BTreeMap<String, ObjectId>,
    /// Whether nothing was fetched since.
    fresh: bool,
    /// Whether the server left out blobs; so long as it is not known, it is assumed.
    partial: bool,
    pub(super) known: Known,
    /// The commit whose files the index lists.
    pub(super) indexed: Option<ObjectId>,
    /// Which repository in the folder it is: a second one is made when the first cannot be completed.
    repository: PathBuf,
    /// What was fetched last, as git is told it.
    fetched: String,
}

/// A branch or a tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reference {
    Branch(BranchName),
    /// The rules of its name are those of a branch.
    Tag(BranchName),
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "refs/heads/{name}"),
            Self::Tag(name) => write!(f, "refs/tags/{name}"),
        }
    }
}

impl GitClone {
    /// The server's name in the clone's configuration.
    pub(super) const REMOTE: &'static str = "server";

    pub(super) async fn open(git: Git, mut remote: Remote) -> Result<Self, GitError> {
        let doing = format!("open {}", remote.url);
        let opened = async {
            let folder = Folder::new(&git.program().temporary_folder())?;
            if let Some(login) = github_app::login(&remote, git.settings()).await? {
                remote.login = login;
            }
            let access = Access::prepare(git.program(), &remote, folder.path()).await?;
            let repository = folder.path().join("repository");
            let mut clone = Self {
                git,
                remote,
                access,
                folder,
                references: BTreeMap::new(),
                fresh: false,
                partial: true,
                known: Known::default(),
                indexed: None,
                repository,
                fetched: String::new(),
            };
            clone.refresh().await?;
            clone.init().await?;
            Ok(clone)
        };
        opened.await.map_err(|failure| GitError::new(doing, failure))
    }

    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    /// The commit of a branch when the server was last asked; `None` if there was no such branch.
    #[cfg(test)]
    pub(crate) fn branch(&self, name: &BranchName) -> Option<&ObjectId> {
        self.references.get(&format!("refs/heads/{name}"))
    }

    /// Whether the server had it when it was last asked.
    pub(crate) fn has(&self, reference: &Reference) -> bool {
        self.references.contains_key(&reference.to_string())
    }

    /// The branch that the server's HEAD names; `None` if it names none.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub(crate) async fn head_branch(&self) -> Result<Option<BranchName>, GitError> {
        let asked = self.git.program().git("ls-remote").through(&self.access).arg("--symref").arg("--");
        let answer = asked.arg(self.remote.url.to_string()).arg("HEAD").done().await;
        let answer = answer.map_err(|failure| self.error("ask for the default branch of", failure))?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let name = text.lines().find_map(|line| line.strip_prefix("ref: refs/heads/")?.strip_suffix("\tHEAD"));
        Ok(name.and_then(|name| BranchName::new(name).ok()))
    }

    /// Fetches the commits of branches with their folders, but no files, as they are on the server now; `None` where
    /// there is no such branch.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub(crate) async fn fetch(&mut self, wanted: &[BranchName]) -> Result<Vec<Option<ObjectId>>, GitError> {
        let wanted: Vec<Reference> = wanted.iter().cloned().map(Reference::Branch).collect();
        self.fetch_any(&wanted).await
    }

    /// The same for branches and tags.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub(crate) async fn fetch_any(&mut self, wanted: &[Reference]) -> Result<Vec<Option<ObjectId>>, GitError> {
        let fetched = self.fetch_all(wanted).await;
        fetched.map_err(|failure| self.error("fetch from", failure))
    }

    async fn fetch_all(&mut self, wanted: &[Reference]) -> Result<Vec<Option<ObjectId>>, Failure> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        if !self.fresh {
            self.refresh().await?;
        }
        let there: Vec<bool> = wanted.iter().map(|one| self.references.contains_key(&one.to_string())).collect();
        let mut refspecs = Vec::new();
        for (index, (one, _)) in wanted.iter().zip(&there).enumerate().filter(|(_, (_, there))| **there) {
            refspecs.push(format!("+{one}:refs/fetched/{index}\n"));
        }
        if refspecs.is_empty() {
            return Ok(vec![None; wanted.len()]);
        }
        self.fresh = false;
        self.fetched = refspecs.concat();
        self.fetch_refspecs(self.fetched.clone()).await?;
        let commits = self.fetched_commits().await?;
        let commit = |(index, there): (usize, bool)| {
            let found = there.then(|| commits.get(&format!("refs/fetched/{index}")).cloned());
            found.map(|commit| commit.ok_or_else(|| Failure::protocol("git fetched less than it was asked for")))
        };
        there.into_iter().enumerate().map(|one| commit(one).transpose()).collect()
    }

    /// Fetches commits by their names; all of them, or none.
    pub(super) async fn fetch_by_name(&mut self, commits: &[ObjectId]) -> Result<(), Failure> {
        let refspecs: Vec<_> = commits.iter().map(|commit| format!("+{commit}:refs/named/{commit}\n")).collect();
        let refspecs = refspecs.concat();
        self.fetch_refspecs(refspecs.clone()).await?;
        self.fetched.push_str(&refspecs);
        Ok(())
    }

    async fn fetch_refspecs(&mut self, refspecs: String) -> Result<(), Failure> {
        let fetch = self.fetch_step().arg("--depth=1").arg("--stdin").arg("--").arg(Self::REMOTE);
        let ended = fetch.stdin(refspecs).run().await?;
        if !ended.success {
            return Err(Failure::of_words(&ended.stderr));
        }
        self.partial &= !ended.stderr.contains(UNFILTERED);
        Ok(())
    }

    /// The commits that the references of the last fetches point at, through tags.
    async fn fetched_commits(&self) -> Result<BTreeMap<String, ObjectId>, Failure> {
        let listed = self.git("for-each-ref").arg("--format=%(refname) %(objectname) %(*objectname)");
        let listed = String::from_utf8_lossy(&listed.arg("refs/fetched/").done().await?).into_owned();
        let commit = |line: &str| {
            let mut words = line.split(' ').filter(|word| !word.is_empty());
            Some((words.next()?.to_owned(), ObjectId::new(words.next_back()?)?))
        };
        Ok(listed.lines().filter_map(commit).collect())
    }

    /// Starts again with a clone that has every file, since the server gives no single ones.
    pub(super) async fn fill(&mut self) -> Result<(), Failure> {
        let before = self.fetched_commits().await?;
        let old = self.repository.join("objects");
        self.repository = self.folder.path().join("filled");
        self.partial = false;
        self.init().await?;
        self.fetch_refspecs(self.fetched.clone()).await?;
        let moved = self.fetched_commits().await?.iter().any(|(name, commit)| before.get(name) != Some(commit));
        if moved {
            return Err(Failure::new(
                GitErrorKind::Unreachable,
                "a branch moved while its files were fetched: try again",
            ));
        }
        // What was made here is still in the first one.
        let alternates = self.repository.join("objects/info/alternates");
        let written = std::fs::create_dir_all(self.repository.join("objects/info"))
            .and_then(|()| std::fs::write(alternates, format!("{}\n", old.display())));
        written.map_err(|error| Failure::of_files(&error))
    }

    /// Asks the server again which branches and tags there are.
    async fn refresh(&mut self) -> Result<(), Failure> {
        let asked = self.git.program().git("ls-remote").through(&self.access).args(["--heads", "--tags", "--"]);
        let answer = asked.arg(self.remote.url.to_string()).done().await?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let line = |line: &str| {
            let (id, name) = line.split_once('\t')?;
            Some((name.to_owned(), ObjectId::new(id)?))
        };
        self.references = text.lines().filter_map(line).collect();
        if self.references.is_empty() {
            // git takes a page that is no git server's for an empty repository.
            let what = "the server shows no branch: the repository is empty, or this is no git server";
            return Err(Failure::new(GitErrorKind::NotFound, what));
        }
        self.fresh = true;
        Ok(())
    }

    /// Makes the repository: bare, without the templates of this machine; a partial one knows that blobs are at the
    /// server.
    async fn init(&self) -> Result<(), Failure> {
        self.init_at(&self.repository, "blob:none").await
    }

    /// Makes the repository that has the history of branches: commits, and nothing that is in them.
    pub(super) async fn init_history(&self) -> Result<(), Failure> {
        let history = self.history_folder();
        if history.exists() { Ok(()) } else { self.init_at(&history, "tree:0").await }
    }

    async fn init_at(&self, repository: &Path, filter: &str) -> Result<(), Failure> {
        let format = if self.id_length() == 32 { "sha256" } else { "sha1" };
        let init = self.git.program().git("init").args(["--quiet", "--bare", "--template="]);
        init.arg(format!("--object-format={format}")).env("GIT_DIR", repository).done().await?;
        let (name, url) = (Self::REMOTE, &self.remote.url);
        // No address that is allowed has a quotation mark or a backslash in it.
        let remote = format!("[remote \"{name}\"]\n\turl = \"{url}\"\n");
        let promise = format!(
            "\tpromisor = true\n\tpartialclonefilter = {filter}\n\
             [core]\n\trepositoryFormatVersion = 1\n[extensions]\n\tpartialClone = {name}\n"
        );
        let config = remote + if self.partial { &promise } else { "" };
        let file = repository.join("config");
        let written = std::fs::read_to_string(&file).and_then(|text| std::fs::write(&file, text + &config));
        written.map_err(|error| Failure::of_files(&error))
    }

    /// Bytes of an object's name in this repository.
    pub(super) fn id_length(&self) -> usize {
        self.references.values().next().map_or(20, |id| id.as_str().len() / 2)
    }

    pub(super) fn is_partial(&self) -> bool {
        self.partial
    }

    /// A run of git in this clone, which may not talk to the server.
    pub(super) fn git(&self, subcommand: &str) -> Step<'_> {
        self.git.program().git(subcommand).within(&self.repository)
    }

    /// A run of git in this clone that may.
    pub(super) fn git_online(&self, subcommand: &str) -> Step<'_> {
        self.git(subcommand).through(&self.access)
    }

    pub(super) fn history_folder(&self) -> PathBuf {
        self.folder.path().join("history")
    }

    /// A run of git in the repository of histories, which may not talk to the server.
    pub(super) fn history(&self, subcommand: &str) -> Step<'_> {
        self.git.program().git(subcommand).within(&self.history_folder())
    }

    /// A run of git in the repository of histories that may.
    pub(super) fn history_online(&self, subcommand: &str) -> Step<'_> {
        self.history(subcommand).through(&self.access)
    }

    pub(super) fn fetch_step(&self) -> Step<'_> {
        let fetch = self.git_online("fetch").args(["--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"]);
        if self.partial { fetch.arg("--filter=blob:none") } else { fetch }
    }

    pub(super) fn settings(&self) -> &crate::git::GitSettings {
        self.git.settings()
    }

    /// The temporary folder, in which the repository is one folder of several.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn error(&self, doing: &str, failure: Failure) -> GitError {
        GitError::new(format!("{doing} {}", self.remote.url), failure)
    }
}

impl std::fmt::Debug for GitClone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitClone").field("remote", &self.remote).finish_non_exhaustive()
    }
}
