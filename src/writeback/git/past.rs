//! Where the file stood at a deployment that Argo CD recorded.

use crate::model::application::HistoryEntry;
use crate::model::git::ObjectId;
use crate::writeback::Placement;
use crate::writeback::git::place;

impl Placement {
    /// The commit at which the repository that is written to was deployed, and the placement with the source as it was
    /// then.
    ///
    /// # Errors
    /// Says why the deployment tells nothing about the file.
    pub(crate) fn then(&self, entry: &HistoryEntry) -> Result<(ObjectId, Self), String> {
        let (Some(target), Some(in_git)) = (self.git_target(), &self.git) else {
            return Err("it is not written to a repository".to_owned());
        };
        let wanted = in_git.spec.id();
        let mut sources = entry.sources.iter().filter(|source| wanted.matches(source));
        let (Some(source), None) = (sources.next(), sources.next()) else {
            return Err("it was deployed from other sources".to_owned());
        };
        let is_of_target = |repository: &str| place::is_same(repository, &target.repository);
        let sources = entry.sources.iter().enumerate();
        // Of several sources of one repository, the one that the file belongs to.
        let holder = if is_of_target(&source.repo_url) {
            entry.sources.iter().position(|other| std::ptr::eq(other, source))
        } else {
            sources.filter(|(_, other)| is_of_target(&other.repo_url)).map(|(index, _)| index).next()
        };
        let Some(holder) = holder else {
            return Err(format!("it was not deployed from {}", target.repository));
        };
        let revision = entry.revisions.get(holder).map(String::as_str).unwrap_or_default();
        let commit = ObjectId::new(revision).ok_or("it names no commit")?;
        let mut placement = self.clone();
        if let Some(in_git) = &mut placement.git {
            in_git.spec = source.clone();
            in_git.standing = None;
            // The tree of a commit goes by the commit's name, whatever HEAD names now.
            in_git.must_be_head = false;
        }
        (placement.configured, placement.unread) = (None, None);
        Ok((commit, placement))
    }
}
