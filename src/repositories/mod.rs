//! The git repositories that Applications are written to: what stands in them, and commits that are pushed.
//!
//! `look` reads any number of files in one fetch for each repository and login, `push` writes; `worktree` does both in a
//! folder that the caller checked out. Nothing is decided here: what a file becomes comes from `writeback`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use futures::StreamExt as _;
use tokio::sync::Mutex;
use tokio::sync::OnceCell;

use crate::git::Git;
use crate::git::GitClone;
use crate::git::GitSettings;
use crate::git::Reference;
use crate::git::Remote;
use crate::git::error::GitError;
use crate::git::tree;
use crate::logins::Logins;
use crate::logins::World;
use crate::model::application::Application;
use crate::model::decision::Reason;
use crate::model::diagnostic::Diagnostic;
use crate::model::git::BranchName;
use crate::model::git::FilePath;
use crate::model::git::ObjectId;
use crate::model::git_url::GitUrl;
use crate::repositories::worktree::Checkout;
use crate::writeback::files::Contents;
use crate::writeback::git::Entry;
use crate::writeback::git::Tree;

pub(crate) mod commits;
pub(crate) mod restart;
pub(crate) mod worktree;

/// How many repositories are worked on at a time.
const AT_A_TIME: usize = 8;

/// The repositories of a run.
pub(crate) struct Repositories {
    settings: GitSettings,
    /// The folder that somebody checked out, instead of every repository.
    checkout: OnceLock<Checkout>,
    git: OnceCell<Result<Git, GitError>>,
    clones: Mutex<BTreeMap<Remote, Clone>>,
    unverified: std::sync::Mutex<BTreeSet<String>>,
}

/// A clone that whoever comes first opens.
type Clone = Arc<Mutex<Option<GitClone>>>;

/// What somebody wants to see of a repository.
#[derive(Debug)]
pub(crate) struct Want<'a> {
    pub(crate) application: &'a Application,
    /// The login that the Application names.
    pub(crate) login: Option<&'a str>,
    pub(crate) repository: &'a str,
    /// `None`: the branch that HEAD names.
    pub(crate) branch: Option<&'a str>,
    /// It may be a tag or a commit too, since nothing is written there.
    pub(crate) any_revision: bool,
    pub(crate) paths: Vec<String>,
}

/// Why a repository could not be looked into.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl From<&GitError> for Trouble {
    fn from(error: &GitError) -> Self {
        let hint = error.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
        Self { reason: Reason::GitUnreachable, message: format!("{error}{hint}") }
    }
}

/// What is found for a [`Want`]; `None`: the branch is not there.
pub(crate) type Found = Result<Option<Tree>, Trouble>;

impl Repositories {
    pub(crate) fn new(settings: GitSettings) -> Self {
        Self {
            settings,
            checkout: OnceLock::new(),
            git: OnceCell::new(),
            clones: Mutex::default(),
            unverified: std::sync::Mutex::default(),
        }
    }

    /// Has files read and written in this folder instead.
    pub(crate) fn use_worktree(&self, folder: PathBuf) {
        // A run has one command, and that one says so once.
        let _ = self.checkout.set(Checkout::new(folder));
    }

    /// The folder that is read and written instead of repositories.
    pub(crate) fn worktree(&self) -> Option<&PathBuf> {
        self.checkout.get().map(|checkout| &checkout.folder)
    }

    /// The hosts whose certificates were not verified.
    pub(crate) fn unverified(&self) -> Vec<String> {
        self.unverified.lock().unwrap_or_else(std::sync::PoisonError::into_inner).iter().cloned().collect()
    }

    /// The git program, found once.
    ///
    /// # Errors
    /// There is none that is new enough.
    pub(crate) async fn git(&self) -> Result<&Git, &GitError> {
        self.git.get_or_init(|| Git::find(self.settings.clone())).await.as_ref()
    }

    /// Looks for files, with one fetch for each repository and login.
    pub(crate) async fn look(
        &self,
        (world, logins): (World<'_>, &Logins),
        wants: &[Want<'_>],
    ) -> (Vec<Found>, Vec<Diagnostic>) {
        if let Some(checkout) = self.checkout.get() {
            return (checkout.look(wants), Vec::new());
        }
        let mut found: Vec<Found> = Vec::with_capacity(wants.len());
        let mut diagnostics: Vec<Diagnostic> = Vec::new();
        let mut groups: BTreeMap<Remote, Vec<usize>> = BTreeMap::new();
        let mut notes: BTreeMap<usize, String> = BTreeMap::new();
        for (index, want) in wants.iter().enumerate() {
            match self.remote((world, logins), want.application, (want.login, want.repository)).await {
                Ok((remote, said, note)) => {
                    diagnostics.extend(said);
                    notes.extend(note.map(|note| (index, note)));
                    groups.entry(remote).or_default().push(index);
                    found.push(Ok(None));
                }
                Err(trouble) => found.push(Err(trouble)),
            }
        }
        let mut known = BTreeSet::new();
        diagnostics.retain(|diagnostic| known.insert(format!("{diagnostic:?}")));
        let answers: Vec<_> = futures::stream::iter(groups.into_iter().map(|(remote, indexes)| async move {
            let wanted: Vec<&Want<'_>> = indexes.iter().map(|index| &wants[*index]).collect();
            let answers = self.look_into(remote, &wanted).await;
            (indexes, answers)
        }))
        .buffered(AT_A_TIME)
        .collect()
        .await;
        for (indexes, answers) in answers {
            for (index, answer) in indexes.into_iter().zip(answers) {
                // Perhaps for want of the login that was not read.
                found[index] = answer.map_err(|trouble| match notes.remove(&index) {
                    Some(note) => Trouble { message: format!("{}; {note}", trouble.message), ..trouble },
                    None => trouble,
                });
            }
        }
        (found, diagnostics)
    }

    /// A repository, and how to log in there for an Application that names this login; what was passed over, and what
    /// matters only if the login does not do.
    pub(crate) async fn remote(
        &self,
        (world, logins): (World<'_>, &Logins),
        application: &Application,
        (login, repository): (Option<&str>, &str),
    ) -> Result<(Remote, Vec<Diagnostic>, Option<String>), Trouble> {
        let url = GitUrl::parse(repository).map_err(|why| Trouble {
            reason: Reason::BadValue,
            message: format!("the repository `{}` {why}", repository.escape_debug()),
        })?;
        let found = logins.of_repository(world, application, (login, &url)).await;
        match found.login {
            Ok((login, trust)) => Ok((Remote { url, login, trust }, found.diagnostics, found.note)),
            Err(message) => Err(Trouble { reason: Reason::BadValue, message }),
        }
    }

    /// The clone of a repository, opened at the first call.
    pub(crate) async fn clone_of(&self, remote: &Remote) -> Clone {
        Arc::clone(self.clones.lock().await.entry(remote.clone()).or_default())
    }

    /// Opens a clone unless that is done.
    pub(crate) async fn open<'a>(
        &self,
        slot: &'a mut Option<GitClone>,
        remote: &Remote,
    ) -> Result<&'a mut GitClone, Trouble> {
        if slot.is_none() {
            if remote.trust.insecure {
                let mut unverified = self.unverified.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                unverified.insert(remote.url.host().to_owned());
            }
            let git = self.git().await.map_err(Trouble::from)?;
            *slot = Some(git.open(remote.clone()).await.map_err(|error| Trouble::from(&error))?);
        }
        Ok(slot.as_mut().expect("it was just opened"))
    }

    async fn look_into(&self, remote: Remote, wants: &[&Want<'_>]) -> Vec<Found> {
        let clone = self.clone_of(&remote).await;
        let mut slot = clone.lock().await;
        let looked = match self.open(&mut slot, &remote).await {
            Ok(clone) => look(clone, wants).await,
            Err(trouble) => Err(trouble),
        };
        match looked {
            Ok(found) => found,
            Err(trouble) => wants.iter().map(|_| Err(trouble.clone())).collect(),
        }
    }
}

/// A revision of a repository, and its commit.
type Revision = (String, ObjectId);

/// Reads what is wanted of one repository.
async fn look(clone: &mut GitClone, wants: &[&Want<'_>]) -> Result<Vec<Found>, Trouble> {
    let revisions = revisions(clone, wants).await?;
    let mut trees = Vec::new();
    for (want, revision) in wants.iter().zip(revisions) {
        trees.push(match revision {
            Ok(Some((name, commit))) => match file_paths(&want.paths) {
                Ok(paths) => Ok(Some((name, entries(clone, &commit, (&want.paths, &paths)).await?, commit))),
                // What one Application says spoils nothing for the others of its repository.
                Err(trouble) => Err(trouble),
            },
            Ok(None) => Ok(None),
            Err(trouble) => Err(trouble),
        });
    }
    let all = trees.iter().flatten().flatten().flat_map(|(_, entries, _)| entries.values());
    let contents = contents(clone, all).await?;
    let filled = |(branch, entries, commit): (String, BTreeMap<String, tree::Entry>, ObjectId)| Tree {
        branch,
        commit: Some(commit.to_string()),
        files: entries.into_iter().map(|(path, entry)| (path, filled(&entry, &contents))).collect(),
    };
    Ok(trees.into_iter().map(|tree| tree.map(|tree| tree.map(filled))).collect())
}

/// Fetches what is wanted: all branches and tags at once, then all commits.
async fn revisions(
    clone: &mut GitClone,
    wants: &[&Want<'_>],
) -> Result<Vec<Result<Option<Revision>, Trouble>>, Trouble> {
    let trouble = |error: GitError| Trouble::from(&error);
    let head =
        if wants.iter().any(|want| want.branch.is_none()) { clone.head_branch().await.map_err(trouble)? } else { None };
    let named: Vec<Result<(String, Wanted), Trouble>> =
        wants.iter().map(|want| wanted(clone, want, head.as_ref())).collect();
    let mut references: Vec<Reference> = named.iter().flatten().filter_map(|(_, wanted)| wanted.reference()).collect();
    references.sort();
    references.dedup();
    let commits = clone.fetch_any(&references).await.map_err(trouble)?;
    let commits: BTreeMap<Reference, Option<ObjectId>> = references.into_iter().zip(commits).collect();
    let by_name: Vec<ObjectId> = named.iter().flatten().filter_map(|(_, wanted)| wanted.commit()).collect();
    let here = clone.fetch_commits(&by_name).await.map_err(trouble)?;
    let here: BTreeMap<ObjectId, bool> = by_name.into_iter().zip(here).collect();
    let url = &clone.remote().url;
    let revision = |(name, wanted)| match wanted {
        Wanted::Reference(reference) => Ok(commits.get(&reference).cloned().flatten().map(|commit| (name, commit))),
        Wanted::Commit(commit) if here.get(&commit) == Some(&true) => Ok(Some((name, commit))),
        Wanted::Commit(commit) => {
            let message = format!("{url} does not give the commit {commit}");
            Err(Trouble { reason: Reason::GitUnreachable, message })
        }
    };
    Ok(named.into_iter().map(|named| named.and_then(revision)).collect())
}

/// How a revision is found.
enum Wanted {
    Reference(Reference),
    Commit(ObjectId),
}

impl Wanted {
    fn reference(&self) -> Option<Reference> {
        match self {
            Self::Reference(reference) => Some(reference.clone()),
            Self::Commit(_) => None,
        }
    }

    fn commit(&self) -> Option<ObjectId> {
        match self {
            Self::Reference(_) => None,
            Self::Commit(commit) => Some(commit.clone()),
        }
    }
}

/// What somebody means by the name of a revision, now that it is known what the server has.
fn wanted(clone: &GitClone, want: &Want<'_>, head: Option<&BranchName>) -> Result<(String, Wanted), Trouble> {
    let url = &clone.remote().url;
    let unreachable = |message: String| Trouble { reason: Reason::GitUnreachable, message };
    let Some(text) = want.branch else {
        let head =
            head.cloned().ok_or_else(|| unreachable(format!("HEAD of {url} names no branch: set `git-branch`")))?;
        return Ok((head.to_string(), Wanted::Reference(Reference::Branch(head))));
    };
    if let (Some(commit), true) = (ObjectId::new(text), want.any_revision) {
        return Ok((text.to_owned(), Wanted::Commit(commit)));
    }
    let (kind, short) = match (text.strip_prefix("refs/heads/"), text.strip_prefix("refs/tags/")) {
        (Some(short), _) if want.any_revision => (Some(false), short),
        (_, Some(short)) if want.any_revision => (Some(true), short),
        _ => (None, text),
    };
    let name = BranchName::new(short).map_err(|why| Trouble {
        reason: Reason::BadValue,
        message: format!(
            "the {} `{}` {why}",
            if want.any_revision { "revision" } else { "branch" },
            text.escape_debug()
        ),
    })?;
    let (branch, tag) = (Reference::Branch(name.clone()), Reference::Tag(name.clone()));
    let is_tag = kind.unwrap_or(!clone.has(&branch) && clone.has(&tag));
    if is_tag && !want.any_revision {
        return Err(unreachable(format!("`{name}` of {url} is a tag, which cannot be written to: set `git-branch`")));
    }
    Ok((text.to_owned(), Wanted::Reference(if is_tag { tag } else { branch })))
}

/// What stands at paths of one commit.
pub(crate) async fn tree_at(
    clone: &mut GitClone,
    commit: &ObjectId,
    (branch, paths): (&str, &[String]),
) -> Result<Tree, Trouble> {
    let entries = entries(clone, commit, (paths, &file_paths(paths)?)).await?;
    let contents = contents(clone, entries.values()).await?;
    let files = entries.into_iter().map(|(path, entry)| (path, filled(&entry, &contents))).collect();
    Ok(Tree { branch: branch.to_owned(), commit: Some(commit.to_string()), files })
}

/// The contents of all these files, with one question to the server.
async fn contents(
    clone: &mut GitClone,
    entries: impl Iterator<Item = &tree::Entry>,
) -> Result<BTreeMap<ObjectId, Contents>, Trouble> {
    let blobs: BTreeSet<ObjectId> = entries.filter_map(blob_of).collect();
    let blobs: Vec<ObjectId> = blobs.into_iter().collect();
    let contents = clone.contents(&blobs).await.map_err(|error| Trouble::from(&error))?;
    Ok(blobs.into_iter().zip(contents.into_iter().map(Contents::from)).collect())
}

/// What is at each path.
async fn entries(
    clone: &mut GitClone,
    commit: &ObjectId,
    (names, paths): (&[String], &[FilePath]),
) -> Result<BTreeMap<String, tree::Entry>, Trouble> {
    let found = clone.entries(commit, paths).await.map_err(|error| Trouble::from(&error))?;
    Ok(names.iter().cloned().zip(found).collect())
}

fn file_paths(paths: &[String]) -> Result<Vec<FilePath>, Trouble> {
    let refused = |path: &str, why: String| Trouble {
        reason: Reason::RefusedPath,
        message: format!("the path `{}` {why}", path.escape_debug()),
    };
    paths.iter().map(|path| FilePath::new(path).map_err(|why| refused(path, why))).collect()
}

fn blob_of(entry: &tree::Entry) -> Option<ObjectId> {
    match entry {
        tree::Entry::File { blob, .. } => Some(blob.clone()),
        _ => None,
    }
}

fn filled(entry: &tree::Entry, contents: &BTreeMap<ObjectId, Contents>) -> Entry {
    match (entry, entry.refusal()) {
        (_, Some(why)) => Entry::Refused(format!("it {why}")),
        (tree::Entry::File { blob, .. }, None) => match contents.get(blob) {
            Some(bytes) => Entry::File { bytes: bytes.clone(), blob: Some(blob.to_string()) },
            None => Entry::Refused("it could not be read".to_owned()),
        },
        _ => Entry::Absent,
    }
}
