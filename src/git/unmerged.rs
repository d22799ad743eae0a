//! What a branch has that another one lacks, for whoever would begin it anew there.
//!
//! A clone has one commit of each branch, which cannot tell what was changed from what was changed elsewhere
//! meanwhile. So the history of both is fetched into a repository of its own: commits alone, and no more than a bound.

use std::collections::BTreeSet;

use crate::git::clone::GitClone;
use crate::git::error::Failure;
use crate::git::error::GitError;
use crate::git::error::GitErrorKind;
use crate::model::git::BranchName;
use crate::model::git::ObjectId;

/// How far back history is looked through, one after the other until it is far enough.
const DEPTHS: [u32; 2] = [200, 10_000];
/// The same at a server that sends the files of every commit along.
const DEPTHS_WITH_FILES: [u32; 1] = [50];

/// A branch, and the commit that it was found at.
pub(crate) type Head<'a> = (&'a BranchName, &'a ObjectId);

/// What a branch has that another one lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unmerged {
    /// The paths that it changed and that are not the same in the other one: none, or some.
    Paths(Vec<String>),
    /// Why that is not known.
    Unknown(String),
}

impl GitClone {
    /// Finds what the branch `own` changed since it left the branch `base`, and `base` does not have. Both were fetched.
    ///
    /// # Errors
    /// The server cannot be asked, or a branch moved since.
    pub(crate) async fn unmerged(&mut self, own: Head<'_>, base: Head<'_>) -> Result<Unmerged, GitError> {
        let key = (own.1.clone(), base.1.clone());
        if let Some(known) = self.known.unmerged.get(&key) {
            return Ok(known.clone());
        }
        let found = self.find_unmerged(own, base).await;
        let found = found.map_err(|failure| self.error("look through the history of", failure))?;
        self.known.unmerged.insert(key, found.clone());
        Ok(found)
    }

    async fn find_unmerged(&mut self, own: Head<'_>, base: Head<'_>) -> Result<Unmerged, Failure> {
        let there = self.differing(own.1, base.1).await?;
        if there.is_empty() {
            return Ok(Unmerged::Paths(Vec::new()));
        }
        let depths = if self.is_partial() { &DEPTHS[..] } else { &DEPTHS_WITH_FILES };
        self.init_history().await?;
        for depth in depths {
            let Some(bases) = self.merge_bases(own, base, *depth).await? else { continue };
            let away: Vec<ObjectId> = bases.iter().filter(|id| *id != own.1 && *id != base.1).cloned().collect();
            if !away.is_empty() {
                self.fetch_by_name(&away).await?;
            }
            let mut changed = BTreeSet::new();
            for merge_base in &bases {
                changed.extend(self.differing(merge_base, own.1).await?);
            }
            return Ok(Unmerged::Paths(changed.intersection(&there).cloned().collect()));
        }
        let (own, base) = (own.0, base.0);
        Ok(Unmerged::Unknown(format!("no commit that both {own} and {base} come from was found")))
    }

    /// The newest commits that both branches come from; `None` if the history is not long enough to tell, or if there is
    /// none.
    async fn merge_bases(&self, own: Head<'_>, base: Head<'_>, depth: u32) -> Result<Option<Vec<ObjectId>>, Failure> {
        let fetch =
            self.history_online("fetch").args(["--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"]);
        let fetch = if self.is_partial() { fetch.arg("--filter=tree:0") } else { fetch };
        let fetch = fetch.arg(format!("--depth={depth}")).arg("--").arg(Self::REMOTE);
        let refspec = |head: Head<'_>, name: &str| format!("+refs/heads/{}:refs/history/{name}", head.0);
        fetch.arg(refspec(own, "own")).arg(refspec(base, "base")).done().await?;
        for (head, name) in [(own, "own"), (base, "base")] {
            let now = self.history("rev-parse").arg(format!("refs/history/{name}")).done().await?;
            if ids(&now).first() != Some(head.1) {
                let what = format!("the branch {} moved meanwhile: try again", head.0);
                return Err(Failure::new(GitErrorKind::Unreachable, what));
            }
        }
        // Where history was cut off, it is not known what came before.
        let cut = std::fs::read(self.history_folder().join("shallow")).unwrap_or_default();
        let cut: BTreeSet<ObjectId> = ids(&cut).into_iter().collect();
        let own_commits =
            self.history("rev-list").args(["refs/history/own", "--not", "refs/history/base"]).done().await?;
        if ids(&own_commits).iter().any(|commit| cut.contains(commit)) {
            return Ok(None);
        }
        let bases = self.history("merge-base").args(["--all", "refs/history/own", "refs/history/base"]).run().await?;
        Ok(Some(ids(&bases.stdout)).filter(|bases| bases.iter().next().is_some()))
    }

    /// The paths that are not the same in two commits whose folders are here.
    async fn differing(&self, one: &ObjectId, other: &ObjectId) -> Result<BTreeSet<String>, Failure> {
        let asked = self.git("diff-tree").args(["-r", "-z", "--name-only", "--no-renames"]);
        let answer = asked.arg(one.as_str()).arg(other.as_str()).done().await?;
        let paths = answer.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }
}

/// The names of commits, a line each.
fn ids(text: &[u8]) -> Vec<ObjectId> {
    String::from_utf8_lossy(text).lines().filter_map(ObjectId::new).collect()
}
