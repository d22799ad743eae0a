//! Commits by name, for what stood in a repository earlier.

use std::collections::BTreeSet;

use crate::git::clone::GitClone;
use crate::git::error::Failure;
use crate::git::error::GitError;
use crate::git::error::GitErrorKind;
use crate::model::git::ObjectId;

/// How often a server is asked for commits of which it does not have some.
const TRIES: usize = 32;

impl GitClone {
    /// Fetches commits with their folders, but no files; says of each whether it is here. A commit that the server no
    /// longer has, or gives to nobody, is not.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub(crate) async fn fetch_commits(&mut self, wanted: &[ObjectId]) -> Result<Vec<bool>, GitError> {
        let fetched = self.fetch_those_there(wanted).await;
        let here = fetched.map_err(|failure| self.error("fetch earlier commits from", failure))?;
        Ok(wanted.iter().map(|commit| here.contains(commit)).collect())
    }

    async fn fetch_those_there(&mut self, wanted: &[ObjectId]) -> Result<BTreeSet<ObjectId>, Failure> {
        let length = 2 * self.id_length();
        let all: BTreeSet<&ObjectId> = wanted.iter().filter(|commit| commit.as_str().len() == length).collect();
        let mut here = BTreeSet::new();
        // One commit that is missing fails a whole fetch and is not always named, so that the rest is asked for in halves.
        let mut parts: Vec<Vec<ObjectId>> = vec![all.into_iter().cloned().collect()];
        let mut tries = 0;
        while let Some(mut part) = parts.pop().filter(|_| tries < TRIES) {
            if part.is_empty() {
                continue;
            }
            tries += 1;
            match self.fetch_by_name(&part).await {
                Ok(()) => here.extend(part),
                Err(failure) if failure.kind == GitErrorKind::NotFound => {
                    let half = part.split_off(part.len() / 2);
                    if !part.is_empty() {
                        parts.extend([part, half]);
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(here)
    }
}
