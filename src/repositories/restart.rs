//! Whether a branch of updates can begin anew at its base, or would lose what is nowhere else.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::git::GitClone;
use crate::git::unmerged::Head;
use crate::git::unmerged::Unmerged;
use crate::logins::Logins;
use crate::logins::World;
use crate::model::application::Application;
use crate::model::git::BranchName;
use crate::repositories::Repositories;
use crate::repositories::Trouble;

/// How many files are named.
const NAMED: usize = 3;

/// A branch that would begin anew.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restart<'a> {
    pub(crate) application: &'a Application,
    /// The login that the Application names.
    pub(crate) login: Option<&'a str>,
    pub(crate) repository: &'a str,
    pub(crate) branch: &'a str,
    pub(crate) base: &'a str,
}

/// Why a branch that is there must not begin anew; `None` if nothing would be lost.
pub(crate) type Refusal = Result<Option<String>, Trouble>;

impl Repositories {
    /// Says of each branch whether it must not begin anew; each branch is looked through once.
    pub(crate) async fn restart_refusals(
        &self,
        (world, logins): (World<'_>, &Logins),
        restarts: &[Restart<'_>],
    ) -> Vec<Refusal> {
        let mut known = BTreeMap::new();
        let mut refusals = Vec::with_capacity(restarts.len());
        for restart in restarts {
            let key = (restart.login, restart.repository, restart.branch, restart.base);
            let refusal = match known.entry(key) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(self.restart_refusal((world, logins), *restart).await),
            };
            refusals.push(refusal.clone());
        }
        refusals
    }

    async fn restart_refusal(&self, (world, logins): (World<'_>, &Logins), restart: Restart<'_>) -> Refusal {
        let Restart { application, login, repository, branch, base } = restart;
        let (Ok(branch), Ok(base)) = (BranchName::new(branch), BranchName::new(base)) else { return Ok(None) };
        let (remote, ..) = self.remote((world, logins), application, (login, repository)).await?;
        let clone = self.clone_of(&remote).await;
        let mut slot = clone.lock().await;
        let clone = self.open(&mut slot, &remote).await?;
        let heads = clone.fetch(&[branch.clone(), base.clone()]).await.map_err(|error| Trouble::from(&error))?;
        match heads.as_slice() {
            [Some(own), Some(at)] => refusal(clone, (&branch, own), (&base, at)).await,
            _ => Ok(None),
        }
    }
}

/// Why a branch must not begin anew at another; `None` if nothing would be lost. Both were fetched.
///
/// # Errors
/// The repository cannot be asked.
pub(crate) async fn refusal(clone: &mut GitClone, own: Head<'_>, base: Head<'_>) -> Refusal {
    let unmerged = clone.unmerged(own, base).await.map_err(|error| Trouble::from(&error))?;
    let (branch, base) = (own.0, base.0);
    Ok(match unmerged {
        Unmerged::Paths(paths) if paths.is_empty() => None,
        Unmerged::Paths(paths) => {
            let more = match paths.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let named = paths.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            Some(format!(
                "{branch} has changes that {base} does not have, which `--restart-branch` does not drop: {named}{more}; \
                 merge it first, or leave the flag out"
            ))
        }
        Unmerged::Unknown(why) => Some(format!(
            "what {branch} has that {base} does not have is not known ({why}), and `--restart-branch` drops nothing unseen"
        )),
    })
}
