//! Changes to files in git repositories: checked against what stands there, committed together, pushed once.
//!
//! A push that somebody else was faster than is begun anew on what they left: an unrelated commit changes nothing, a
//! related one is `Stale` (decisions: "push rejected"). Branches only move forward, unless `--restart-branch`.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::annotations::rule::AppRules;
use crate::annotations::rule::ImageRule;
use crate::apply::Executor;
use crate::apply::batch::Batch;
use crate::apply::destination;
use crate::apply::receipt;
use crate::document::receipts::DryRun;
use crate::git::Remote;
use crate::model::application::Application;
use crate::model::plan::Change;
use crate::model::plan::FileKind;
use crate::model::plan::GitTarget;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::model::progress::Step;
use crate::repositories::Want;
use crate::repositories::restart::Refusal;
use crate::repositories::restart::Restart;
use crate::repositories::worktree;
use crate::templates;
use crate::templates::ImageLabels;
use crate::writeback;
use crate::writeback::Placement;
use crate::writeback::git;
use crate::writeback::git::Entry;
use crate::writeback::git::Tree;

/// How often a push is tried: once, and five times more while others keep moving the branch.
const TRIES: u32 = 6;

/// A change, and the Application it is for as it is now.
pub(super) struct Job<'a> {
    pub(super) change: &'a Change,
    pub(super) target: &'a GitTarget,
    pub(super) application: Application,
    pub(super) rules: AppRules,
    /// Where it is written, before anybody looked into the repository.
    pub(super) place: Placement,
}

/// What became of a job that goes no further.
pub(super) type Ended = (Outcome, String);

impl<'a> Job<'a> {
    /// Makes sure that a change still goes where the plan says.
    pub(super) fn new(change: &'a Change, application: Application, rules: AppRules) -> Result<Self, Ended> {
        let stale = |what: String| Err((Outcome::Stale, what));
        let Some(target) = change.git() else { return Err((Outcome::Failed, "it is not for git".to_owned())) };
        let Some(rule) = change.images.iter().find_map(|image| destination::rule_of(image, &rules)) else {
            return stale("the image list names none of its images any more".to_owned());
        };
        let chosen = destination::chosen(&application, target.source.as_ref());
        let place = match writeback::placement(&application, &rules, rule, chosen.as_deref()) {
            Ok(place) => place,
            Err(invalid) => return stale(format!("it cannot be written any more: {}", invalid.message)),
        };
        let Some((now, in_git)) = place.git_target().zip(place.git.as_ref()) else {
            return stale("the Application is not written to git any more".to_owned());
        };
        let same_file = match (&now.path, &target.path) {
            (Some(now), Some(then)) => now == then,
            // Of a kustomization only the folder is known.
            (_, then) => then.as_deref().is_some_and(|then| in_git.paths(now, None).iter().any(|path| path == then)),
        };
        let same_branch = now.branch.is_none() || now.branch == target.branch;
        if now.repository != target.repository || now.kind != target.kind || !same_file || !same_branch {
            return stale(format!("it is written to {} now", words(now)));
        }
        let pushed = match &in_git.template {
            Some(template) => templates::branch(template, change).map(Some),
            None => Ok(target.branch.clone()),
        };
        if pushed.as_ref().ok() != Some(&target.push_branch) {
            let branch = pushed.ok().flatten().unwrap_or_else(|| "another branch".to_owned());
            return stale(format!("it is pushed to {branch} now"));
        }
        Ok(Self { change, target, application, rules, place })
    }

    pub(super) fn rule(&self) -> Option<&ImageRule> {
        self.change.images.iter().find_map(|image| destination::rule_of(image, &self.rules))
    }

    /// The files that have to be looked at.
    pub(super) fn paths(&self) -> Vec<String> {
        let in_git = self.place.git.as_ref();
        in_git.map(|git| git.paths(self.target, self.place.renderer)).unwrap_or_default()
    }

    pub(super) fn push_branch(&self) -> &str {
        self.target.push_branch.as_deref().unwrap_or_default()
    }

    pub(super) fn base_branch(&self) -> &str {
        self.target.branch.as_deref().unwrap_or_default()
    }

    /// The placement with what stands in a tree, wherever the tree is from.
    pub(super) fn located(&self, tree: &Tree) -> Result<Placement, Ended> {
        let Some(rule) = self.rule() else { return Err((Outcome::Stale, "its image is not listed".to_owned())) };
        let tree = Tree { branch: self.base_branch().to_owned(), ..tree.clone() };
        let located = git::located(&self.place, rule, &tree).map_err(|invalid| (Outcome::Stale, invalid.message))?;
        match &located.unread {
            Some(unread) => Err((Outcome::Failed, unread.message.clone())),
            None if located.git_target().and_then(|target| target.path.as_ref()) != self.target.path.as_ref() => {
                let path = located.git_target().and_then(|target| target.path.clone()).unwrap_or_default();
                Err((Outcome::Stale, format!("it is written to {path} now")))
            }
            None => Ok(located),
        }
    }

    /// The bytes of its file with its edits made to what stands in a tree; `None` if everything already is so.
    pub(super) fn edited(&self, tree: &Tree, create_keys: bool) -> Result<Option<Vec<u8>>, Ended> {
        self.edited_with(self.change, tree, create_keys)
    }

    /// Whether everything already is so.
    fn is_in(&self, tree: &Tree) -> bool {
        matches!(self.edited(tree, false), Ok(None))
    }

    /// The bytes with some of its edits made.
    pub(super) fn edited_with(
        &self,
        change: &Change,
        tree: &Tree,
        create_keys: bool,
    ) -> Result<Option<Vec<u8>>, Ended> {
        let located = self.located(tree)?;
        let path = self.target.path.as_deref().unwrap_or_default();
        if let Some(field) = destination::stray(change, &self.rules, &located) {
            return Err((Outcome::Stale, destination::elsewhere(field)));
        }
        for edit in &change.edits {
            let found = located.value_of(&edit.field);
            if found != edit.from && found != edit.to {
                let say = |value: &Option<String>| {
                    value.as_ref().map_or_else(|| "not set".to_owned(), |value| format!("`{value}`"))
                };
                let (found, expected) = (say(&found), say(&edit.from));
                let what =
                    format!("{} of {path} is {found} now, and was {expected} when the plan was made", edit.field);
                return Err((Outcome::Stale, what));
            }
        }
        if located.rebased(&change.edits).is_empty() {
            return Ok(None);
        }
        let bytes = match tree.files.get(path) {
            Some(Entry::File { bytes, .. }) => Some(bytes),
            _ => None,
        };
        let edited = located.edited_file(bytes, &change.edits, create_keys);
        edited.map(Some).map_err(|error| {
            let outcome = if error.is_changed() { Outcome::Stale } else { Outcome::Failed };
            (outcome, format!("{path}: {error}"))
        })
    }

    /// The same for some of its edits, on a tree that has edits of ours in it already: what they left there is what is
    /// expected. A list that was made for one image took along what stood in the Application for the others.
    pub(super) fn edited_further(
        &self,
        change: &Change,
        tree: &Tree,
        create_keys: bool,
    ) -> Result<Option<Vec<u8>>, Ended> {
        let edits = self.located(tree)?.rebased(&change.edits);
        self.edited_with(&Change { edits, ..change.clone() }, tree, create_keys)
    }

    fn want<'b>(&'b self, branch: Option<&'b str>) -> Want<'b> {
        Want {
            application: &self.application,
            login: self.rules.git_login(),
            repository: &self.target.repository,
            branch,
            any_revision: false,
            paths: self.paths(),
        }
    }
}

/// `values.yaml of https://… on main`.
fn words(target: &GitTarget) -> String {
    let path = target.path.as_deref().unwrap_or(if target.kind == FileKind::Kustomization {
        "a kustomization"
    } else {
        "a file"
    });
    let branch = target.branch.as_deref().unwrap_or("the branch that HEAD names");
    format!("{path} of {} on {branch}", target.repository)
}

impl Executor<'_> {
    /// Checks that every job fits what stands in its repository; `None` for those that do.
    pub(super) async fn check_files(&self, jobs: &[Job<'_>]) -> Vec<Option<Ended>> {
        let bases: Vec<Want<'_>> =
            jobs.iter().map(|job| job.want(job.place.git_target().and_then(|now| now.branch.as_deref()))).collect();
        let pushed: Vec<usize> =
            (0..jobs.len()).filter(|index| jobs[*index].push_branch() != jobs[*index].base_branch()).collect();
        let on_pushed: Vec<Want<'_>> =
            pushed.iter().map(|index| jobs[*index].want(Some(jobs[*index].push_branch()))).collect();
        let (trees, _) = self.repositories.look((self.world(), self.logins), &bases).await;
        let (there, _) = self.repositories.look((self.world(), self.logins), &on_pushed).await;
        let mut there: BTreeMap<usize, _> = pushed.into_iter().zip(there).collect();
        let in_worktree = self.repositories.worktree().is_some();
        let restarted: Vec<usize> = there
            .iter()
            .filter(|(_, found)| self.commits.restart_branch && !in_worktree && matches!(found, Ok(Some(_))))
            .map(|(index, _)| *index)
            .collect();
        let mut refused = self.refuse_to_lose(jobs, &restarted).await;
        jobs.iter()
            .zip(trees)
            .enumerate()
            .map(|(index, (job, base))| {
                if let Some(ended) = refused.remove(&index) {
                    let is_there = matches!(there.get(&index), Some(Ok(Some(tree))) if job.is_in(tree));
                    return Some(if is_there { (Outcome::AlreadyApplied, String::new()) } else { ended });
                }
                let base = match base {
                    Ok(Some(base)) if in_worktree || base.branch == job.base_branch() => base,
                    Ok(Some(base)) => {
                        return Some((Outcome::Stale, format!("HEAD names the branch {} now", base.branch)));
                    }
                    Ok(None) => return Some((Outcome::Stale, format!("the branch {} is gone", job.base_branch()))),
                    Err(trouble) => return Some((Outcome::Failed, trouble.message)),
                };
                let tree = match there.remove(&index) {
                    // It is begun anew at the base.
                    Some(Ok(Some(_))) if self.commits.restart_branch => base,
                    Some(Ok(Some(tree))) => tree,
                    None | Some(Ok(None)) => base,
                    Some(Err(trouble)) => return Some((Outcome::Failed, trouble.message)),
                };
                match job.edited(&tree, self.commits.create_keys) {
                    Ok(Some(_)) => None,
                    Ok(None) => Some((Outcome::AlreadyApplied, String::new())),
                    Err(ended) => Some(ended),
                }
            })
            .collect()
    }

    /// The jobs among these whose branches must not begin anew, and why.
    async fn refuse_to_lose(&self, jobs: &[Job<'_>], restarted: &[usize]) -> BTreeMap<usize, Ended> {
        let restart = |index: &usize| Restart {
            application: &jobs[*index].application,
            login: jobs[*index].rules.git_login(),
            repository: &jobs[*index].target.repository,
            branch: jobs[*index].push_branch(),
            base: jobs[*index].base_branch(),
        };
        let restarts: Vec<Restart<'_>> = restarted.iter().map(restart).collect();
        let refusals = self.repositories.restart_refusals((self.world(), self.logins), &restarts).await;
        let ended = |(index, refusal): (&usize, Refusal)| match refusal {
            Ok(why) => Some((*index, (Outcome::Rejected, why?))),
            Err(trouble) => Some((*index, (Outcome::Failed, trouble.message))),
        };
        restarted.iter().zip(refusals).filter_map(ended).collect()
    }

    /// Writes jobs, repository by repository, and returns a receipt for each, in this order.
    pub(super) async fn write_files(&self, jobs: Vec<Job<'_>>) -> Vec<Receipt> {
        if self.dry_run == DryRun::Client {
            return jobs.iter().map(|job| receipt(job.change, Outcome::Applied, "nothing was written")).collect();
        }
        if let Some(folder) = self.repositories.worktree() {
            self.begin_write();
            return self.write_worktree(folder, &jobs);
        }
        let mut groups: BTreeMap<Remote, Vec<usize>> = BTreeMap::new();
        let mut receipts: Vec<Option<Receipt>> = jobs.iter().map(|_| None).collect();
        for (index, job) in jobs.iter().enumerate() {
            let asked = (job.rules.git_login(), job.target.repository.as_str());
            match self.repositories.remote((self.world(), self.logins), &job.application, asked).await {
                Ok((remote, ..)) => groups.entry(remote).or_default().push(index),
                Err(trouble) => receipts[index] = Some(receipt(job.change, Outcome::Failed, trouble.message)),
            }
        }
        let read = &self.labels(&jobs).await;
        let written = groups.iter().map(|(remote, indexes)| {
            let of_remote: Vec<&Job<'_>> = indexes.iter().map(|index| &jobs[*index]).collect();
            async move { (indexes, self.write_remote(remote, &of_remote, &read.labels).await) }
        });
        for (indexes, written) in futures::future::join_all(written).await {
            for (index, mut receipt) in indexes.iter().zip(written) {
                if receipt.outcome == Outcome::Applied {
                    read.tell(&mut receipt);
                }
                receipts[*index] = Some(receipt);
            }
        }
        let unknown = |job: &Job<'_>| receipt(job.change, Outcome::Failed, "it was not written");
        receipts.into_iter().zip(&jobs).map(|(receipt, job)| receipt.unwrap_or_else(|| unknown(job))).collect()
    }

    /// Commits and pushes all jobs of one repository: one push for all its branches, again for those that moved.
    async fn write_remote(&self, remote: &Remote, jobs: &[&Job<'_>], labels: &ImageLabels) -> Vec<Receipt> {
        let mut receipts: Vec<Option<Receipt>> = jobs.iter().map(|_| None).collect();
        let _pushing = Step::begin(self.watch, format!("git, which writes to {}", remote.url.shown()));
        let clone = self.repositories.clone_of(remote).await;
        let mut slot = clone.lock().await;
        let batch = async {
            let options = self.repositories.commit_options(&self.commits.wishes).await?;
            let clone = self.repositories.open(&mut slot, remote).await?;
            Ok(Batch { executor: self, clone, options, labels })
        };
        let mut batch = match batch.await {
            Ok(batch) => batch,
            Err::<_, crate::repositories::Trouble>(trouble) => {
                return jobs.iter().map(|job| receipt(job.change, Outcome::Failed, trouble.message.clone())).collect();
            }
        };
        for attempt in 1..=TRIES {
            let open: Vec<usize> = (0..jobs.len()).filter(|index| receipts[*index].is_none()).collect();
            if open.is_empty() {
                break;
            }
            if self.interrupted.load(Ordering::Relaxed) {
                for index in open {
                    receipts[index] =
                        Some(receipt(jobs[index].change, Outcome::Failed, "interrupted before it was written"));
                }
                break;
            }
            let began = tokio::time::Instant::now();
            let of_attempt: Vec<&Job<'_>> = open.iter().map(|index| jobs[*index]).collect();
            for (index, outcome) in open.iter().zip(batch.attempt(&of_attempt).await) {
                receipts[*index] = outcome;
            }
            if attempt < TRIES && receipts.iter().any(Option::is_none) {
                tokio::time::sleep(pause(attempt, began.elapsed())).await;
            }
        }
        let job_receipt = |(receipt_of, job): (Option<Receipt>, &&Job<'_>)| {
            let busy = || receipt(job.change, Outcome::Failed, format!("others kept pushing to {}", job.push_branch()));
            receipt_of.unwrap_or_else(busy)
        };
        receipts.into_iter().zip(jobs).map(job_receipt).collect()
    }

    /// Edits the files of a checkout.
    fn write_worktree(&self, folder: &std::path::Path, jobs: &[Job<'_>]) -> Vec<Receipt> {
        let dry = self.dry_run != DryRun::None;
        let mut receipts = Vec::with_capacity(jobs.len());
        for job in jobs {
            // Each is made to what the one before left behind.
            let tree = worktree::tree(folder, (Some(job.base_branch()), &job.paths()));
            let path = job.target.path.as_deref().unwrap_or_default();
            let (outcome, message) = match job.edited(&tree, self.commits.create_keys) {
                Ok(None) => (Outcome::AlreadyApplied, String::new()),
                Ok(Some(_)) if dry => (Outcome::Applied, format!("{path} was not written")),
                Ok(Some(bytes)) => match worktree::write(folder, path, &bytes) {
                    Ok(()) => (Outcome::Applied, format!("edited {path}")),
                    Err(why) => (Outcome::Failed, why),
                },
                Err(ended) => ended,
            };
            receipts.push(receipt(job.change, outcome, message));
        }
        receipts
    }
}

/// No pause between tries is longer, in milliseconds: somebody waits.
const LONGEST_PAUSE: u64 = 20_000;

/// A pause before the next try: longer each time and for runs that take long, and different for each process so that
/// two do not stay in step.
fn pause(attempt: u32, took: Duration) -> Duration {
    let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).clamp(100, 5_000);
    let longest = (took << attempt.min(4)).min(LONGEST_PAUSE);
    let mut spread = (u64::from(std::process::id()) << 8) | u64::from(attempt);
    // Neighbors get numbers far apart (the finalizer of SplitMix64).
    spread = (spread ^ (spread >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    spread = (spread ^ (spread >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    Duration::from_millis((spread ^ (spread >> 31)) % longest)
}

/// A file in a tree, replaced.
pub(super) fn replace(tree: &mut Tree, path: &str, bytes: Vec<u8>) {
    tree.files.insert(path.to_owned(), Entry::File { bytes: bytes.into(), blob: None });
}
