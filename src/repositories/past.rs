//! What stood in repositories at earlier commits.

use std::collections::BTreeMap;

use futures::StreamExt as _;

use crate::git::GitClone;
use crate::git::Remote;
use crate::git::tree;
use crate::logins::Logins;
use crate::logins::World;
use crate::model::application::Application;
use crate::model::decision::Reason;
use crate::model::git::ObjectId;
use crate::repositories::AT_A_TIME;
use crate::repositories::Repositories;
use crate::repositories::Trouble;
use crate::repositories::contents;
use crate::repositories::entries;
use crate::repositories::file_paths;
use crate::repositories::filled;
use crate::writeback::git::Tree;

/// What somebody wants to see of a commit.
#[derive(Debug)]
pub(crate) struct WantThen<'a> {
    pub(crate) application: &'a Application,
    /// The login that the Application names.
    pub(crate) login: Option<&'a str>,
    pub(crate) repository: &'a str,
    pub(crate) commit: ObjectId,
    /// The branch that the tree is taken for.
    pub(crate) branch: &'a str,
    pub(crate) paths: Vec<String>,
}

impl Repositories {
    /// Looks for files at earlier commits, with one fetch for each repository and login.
    pub(crate) async fn look_back(
        &self,
        (world, logins): (World<'_>, &Logins),
        wants: &[WantThen<'_>],
    ) -> Vec<Result<Tree, Trouble>> {
        let nobody = || {
            let message = "the history of a worktree is not looked into".to_owned();
            Err(Trouble { reason: Reason::GitUnreachable, message })
        };
        let mut found: Vec<Result<Tree, Trouble>> = wants.iter().map(|_| nobody()).collect();
        if self.worktree().is_some() {
            return found;
        }
        let mut groups: BTreeMap<Remote, Vec<usize>> = BTreeMap::new();
        for (index, want) in wants.iter().enumerate() {
            match self.remote((world, logins), want.application, (want.login, want.repository)).await {
                Ok((remote, ..)) => groups.entry(remote).or_default().push(index),
                Err(trouble) => found[index] = Err(trouble),
            }
        }
        let answers: Vec<_> = futures::stream::iter(groups.into_iter().map(|(remote, indexes)| async move {
            let wanted: Vec<&WantThen<'_>> = indexes.iter().map(|index| &wants[*index]).collect();
            let answers = self.look_back_into(remote, &wanted).await;
            (indexes, answers)
        }))
        .buffered(AT_A_TIME)
        .collect()
        .await;
        for (indexes, answers) in answers {
            for (index, answer) in indexes.into_iter().zip(answers) {
                found[index] = answer;
            }
        }
        found
    }

    async fn look_back_into(&self, remote: Remote, wants: &[&WantThen<'_>]) -> Vec<Result<Tree, Trouble>> {
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

/// Reads what is wanted of one repository.
async fn look(clone: &mut GitClone, wants: &[&WantThen<'_>]) -> Result<Vec<Result<Tree, Trouble>>, Trouble> {
    let commits: Vec<ObjectId> = wants.iter().map(|want| want.commit.clone()).collect();
    let here = clone.fetch_commits(&commits).await.map_err(|error| Trouble::from(&error))?;
    let mut trees = Vec::with_capacity(wants.len());
    for (want, here) in wants.iter().zip(here) {
        trees.push(if here {
            match file_paths(&want.paths) {
                Ok(paths) => entries(clone, &want.commit, (&want.paths, &paths)).await,
                Err(refused) => Err(refused),
            }
        } else {
            let message = format!("{} does not give the commit {}", clone.remote().url, want.commit);
            Err(Trouble { reason: Reason::GitUnreachable, message })
        });
    }
    let contents = contents(clone, trees.iter().flatten().flat_map(BTreeMap::values)).await?;
    let tree = |want: &WantThen<'_>, entries: BTreeMap<String, tree::Entry>| Tree {
        branch: want.branch.to_owned(),
        commit: Some(want.commit.to_string()),
        files: entries.into_iter().map(|(path, entry)| (path, filled(&entry, &contents))).collect(),
    };
    Ok(wants.iter().zip(trees).map(|(want, entries)| entries.map(|entries| tree(want, entries))).collect())
}
