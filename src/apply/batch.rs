//! One try to write changes to one repository: commits on top of what is there, and one push for all branches.

use std::collections::BTreeMap;

use crate::apply::Executor;
use crate::apply::git::Ended;
use crate::apply::git::Job;
use crate::apply::git::replace;
use crate::apply::receipt;
use crate::document::receipts::DryRun;
use crate::git::CommitOptions;
use crate::git::FileChange;
use crate::git::GitClone;
use crate::git::error::GitError;
use crate::git::error::GitErrorKind;
use crate::git::push::PushOptions;
use crate::git::push::PushOutcome;
use crate::git::push::PushRef;
use crate::model::git::BranchName;
use crate::model::git::FilePath;
use crate::model::git::ObjectId;
use crate::model::plan::At;
use crate::model::plan::Change;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::repositories;
use crate::repositories::Trouble;
use crate::repositories::restart;
use crate::templates;
use crate::templates::ImageLabels;
use crate::writeback::git::Tree;

/// What one commit holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CommitPer {
    /// All changes of a run to one branch.
    #[default]
    Run,
    Application,
    Image,
}

/// A repository that is written to.
pub(super) struct Batch<'a, 'b> {
    pub(super) executor: &'a Executor<'a>,
    pub(super) clone: &'b mut GitClone,
    /// Without a message.
    pub(super) options: CommitOptions,
    /// Of the images, for the message.
    pub(super) labels: &'b ImageLabels,
}

/// Commits that are ready to be pushed to one branch.
struct Line {
    push: PushRef,
    /// The jobs in them, with the commit that each ended up in.
    jobs: Vec<(usize, ObjectId)>,
}

/// What becomes of the jobs of one try; `None`: somebody was faster, try again.
type Outcomes = Vec<Option<Receipt>>;

impl Batch<'_, '_> {
    /// Commits all jobs and pushes once.
    pub(super) async fn attempt(&mut self, jobs: &[&Job<'_>]) -> Outcomes {
        let mut outcomes: Outcomes = jobs.iter().map(|_| None).collect();
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, job) in jobs.iter().enumerate() {
            groups.entry(job.push_branch()).or_default().push(index);
        }
        let heads = match self.heads(jobs).await {
            Ok(heads) => heads,
            Err(trouble) => {
                return jobs
                    .iter()
                    .map(|job| Some(receipt(job.change, Outcome::Failed, trouble.message.clone())))
                    .collect();
            }
        };
        let mut lines = Vec::new();
        for (branch, indexes) in groups {
            let group: Vec<(usize, &Job<'_>)> = indexes.iter().map(|index| (*index, jobs[*index])).collect();
            match self.line(branch, &heads, &group, &mut outcomes).await {
                Ok(line) => lines.extend(line),
                Err((outcome, message)) => {
                    for index in indexes {
                        outcomes[index].get_or_insert_with(|| receipt(jobs[index].change, outcome, message.clone()));
                    }
                }
            }
        }
        self.push(lines, jobs, &mut outcomes).await;
        outcomes
    }

    /// The commits at the heads of all branches that jobs are about, as they are now.
    async fn heads(&mut self, jobs: &[&Job<'_>]) -> Result<BTreeMap<String, ObjectId>, Trouble> {
        let mut names: Vec<BranchName> = jobs
            .iter()
            .flat_map(|job| [job.push_branch(), job.base_branch()])
            .filter_map(|name| BranchName::new(name).ok())
            .collect();
        names.sort();
        names.dedup();
        let commits = self.clone.fetch(&names).await.map_err(|error| Trouble::from(&error))?;
        let there = names.into_iter().zip(commits);
        Ok(there.filter_map(|(name, commit)| Some((name.to_string(), commit?))).collect())
    }

    /// The commits for one branch; `None` if there is nothing to push.
    async fn line(
        &mut self,
        branch: &str,
        heads: &BTreeMap<String, ObjectId>,
        jobs: &[(usize, &Job<'_>)],
        outcomes: &mut Outcomes,
    ) -> Result<Option<Line>, Ended> {
        let base_name = jobs[0].1.base_branch();
        let failed = |message: String| (Outcome::Failed, message);
        let Some(base) = heads.get(base_name) else {
            return Err((Outcome::Stale, format!("the branch {base_name} is gone")));
        };
        let mut paths: Vec<String> = jobs.iter().flat_map(|(_, job)| job.paths()).collect();
        paths.sort();
        paths.dedup();
        let (mut parent, mut lease) = (heads.get(branch).unwrap_or(base).clone(), None);
        if self.executor.commits.restart_branch && branch != base_name && heads.contains_key(branch) {
            self.refuse_to_lose((branch, &parent), (base_name, base)).await?;
            lease = Some(parent);
            parent = base.clone();
        }
        let tree = repositories::tree_at(self.clone, &parent, (base_name, &paths)).await;
        let before = tree.map_err(|trouble| failed(trouble.message))?;
        let mut now = before.clone();
        let mut line = Vec::new();
        for unit in self.units(jobs, &before, outcomes) {
            let Some((commit, done)) = self.unit(&parent, unit, &mut now, outcomes).await? else { continue };
            parent = commit;
            line.extend(done.into_iter().map(|index| (index, parent.clone())));
        }
        if line.is_empty() {
            return Ok(None);
        }
        let branch = BranchName::new(branch).map_err(|why| failed(format!("the branch {branch} {why}")))?;
        Ok(Some(Line { push: PushRef { commit: parent, branch, lease }, jobs: line }))
    }

    /// Refuses to begin a branch anew that has what its base does not have.
    async fn refuse_to_lose(
        &mut self,
        (branch, own): (&str, &ObjectId),
        (base_name, base): (&str, &ObjectId),
    ) -> Result<(), Ended> {
        let name =
            |text: &str| BranchName::new(text).map_err(|why| (Outcome::Failed, format!("the branch {text} {why}")));
        let (branch, base_name) = (name(branch)?, name(base_name)?);
        match restart::refusal(self.clone, (&branch, own), (&base_name, base)).await {
            Ok(None) => Ok(()),
            Ok(Some(why)) => Err((Outcome::Rejected, why)),
            Err(trouble) => Err((Outcome::Failed, trouble.message)),
        }
    }

    /// What goes into each commit. Jobs that already are done, or no longer fit, get their outcome here.
    fn units<'c>(&self, jobs: &[(usize, &'c Job<'c>)], before: &Tree, outcomes: &mut Outcomes) -> Vec<Vec<Part<'c>>> {
        let mut open = Vec::new();
        for (index, job) in jobs {
            match job.edited(before, self.executor.commits.create_keys) {
                Ok(Some(_)) => open.push((*index, *job)),
                Ok(None) => outcomes[*index] = Some(receipt(job.change, Outcome::AlreadyApplied, "")),
                Err((outcome, message)) => outcomes[*index] = Some(receipt(job.change, outcome, message)),
            }
        }
        let whole = |(index, job): &(usize, &'c Job<'c>)| Part { index: *index, job, change: job.change.clone() };
        match self.executor.commits.per {
            CommitPer::Run => vec![open.iter().map(whole).collect()],
            CommitPer::Application => {
                let mut units: BTreeMap<_, Vec<Part<'c>>> = BTreeMap::new();
                for job in &open {
                    units.entry(&job.1.change.application).or_default().push(whole(job));
                }
                units.into_values().collect()
            }
            CommitPer::Image => open.iter().flat_map(|(index, job)| by_image(*index, job, before)).collect(),
        }
    }

    /// Makes one commit; returns it with the jobs in it, or `None` if there was nothing left to change.
    async fn unit(
        &mut self,
        parent: &ObjectId,
        parts: Vec<Part<'_>>,
        now: &mut Tree,
        outcomes: &mut Outcomes,
    ) -> Result<Option<(ObjectId, Vec<usize>)>, Ended> {
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut written: Vec<&Change> = Vec::new();
        let mut done = Vec::new();
        for part in &parts {
            let create_keys = self.executor.commits.create_keys;
            let edited = match self.executor.commits.per {
                CommitPer::Image => part.job.edited_further(&part.change, now, create_keys),
                CommitPer::Run | CommitPer::Application => part.job.edited_with(&part.change, now, create_keys),
            };
            match edited {
                Ok(edited) => {
                    done.push(part.index);
                    if let Some(bytes) = edited {
                        let path = part.job.target.path.clone().unwrap_or_default();
                        replace(now, &path, bytes.clone());
                        files.insert(path, bytes);
                        written.push(&part.change);
                    }
                }
                Err((outcome, message)) => outcomes[part.index] = Some(receipt(part.job.change, outcome, message)),
            }
        }
        if files.is_empty() {
            return Ok(None);
        }
        let failed = |message: String| (Outcome::Failed, message);
        let template = self.executor.commits.wishes.template.as_deref();
        let message = templates::message(template, &written, self.labels)
            .map_err(|error| failed(format!("the template of the commit message fails: {error}")))?;
        let mut changed = Vec::new();
        for (path, contents) in files {
            let path = FilePath::new(&path).map_err(|why| failed(format!("the path `{path}` {why}")))?;
            changed.push(FileChange { path, contents });
        }
        let options = CommitOptions { message, ..self.options.clone() };
        let commit = self.clone.commit(parent, &changed, &options).await.map_err(|error| failed(said(&error)))?;
        Ok(commit.map(|commit| (commit, done)))
    }

    /// Pushes, and says what became of the jobs.
    async fn push(&mut self, lines: Vec<Line>, jobs: &[&Job<'_>], outcomes: &mut Outcomes) {
        let refs: Vec<PushRef> = lines.iter().map(|line| line.push.clone()).collect();
        if refs.is_empty() {
            return;
        }
        let dry_run = self.executor.dry_run == DryRun::Server;
        self.executor.begin_write();
        let pushed: Vec<Fate> = match self.clone.push(&refs, PushOptions { atomic: false, dry_run }).await {
            Ok(pushed) => pushed.into_iter().map(Fate::Known).collect(),
            Err(error) => self.after_silence(&refs, &error, dry_run).await,
        };
        for (line, pushed) in lines.iter().zip(pushed) {
            for (index, commit) in &line.jobs {
                let change = jobs[*index].change;
                outcomes[*index] = match &pushed {
                    Fate::Failed(why) => Some(receipt(change, Outcome::Failed, why.clone())),
                    Fate::Known(PushOutcome::Pushed | PushOutcome::UpToDate) if dry_run => {
                        Some(receipt(change, Outcome::Applied, "nothing was pushed"))
                    }
                    Fate::Known(PushOutcome::Pushed | PushOutcome::UpToDate) => Some(Receipt {
                        change: change.clone(),
                        outcome: Outcome::Applied,
                        at: Some(At::Commit { commit: commit.to_string(), branch: line.push.branch.to_string() }),
                        message: note(jobs[*index]),
                    }),
                    Fate::Known(PushOutcome::NonFastForward | PushOutcome::Held) => None,
                    Fate::Known(PushOutcome::Rejected(words)) => {
                        Some(receipt(change, Outcome::Rejected, words.clone()))
                    }
                };
            }
        }
    }

    /// A push whose answer is not known may have been made all the same: the server is asked.
    async fn after_silence(&mut self, refs: &[PushRef], error: &GitError, dry_run: bool) -> Vec<Fate> {
        if matches!(error.kind(), GitErrorKind::Denied | GitErrorKind::Refused) {
            return refs.iter().map(|_| Fate::Known(PushOutcome::Rejected(said(error)))).collect();
        }
        let failed = || Fate::Failed(said(error));
        if dry_run {
            return refs.iter().map(|_| failed()).collect();
        }
        let branches: Vec<BranchName> = refs.iter().map(|one| one.branch.clone()).collect();
        let heads = self.clone.fetch(&branches).await.unwrap_or_default();
        let is_there = |index: usize, one: &PushRef| heads.get(index).and_then(Option::as_ref) == Some(&one.commit);
        let fate = |(index, one)| if is_there(index, one) { Fate::Known(PushOutcome::Pushed) } else { failed() };
        refs.iter().enumerate().map(fate).collect()
    }
}

/// What is known of a push.
enum Fate {
    Known(PushOutcome),
    Failed(String),
}

/// Some of the edits of a job.
struct Part<'a> {
    index: usize,
    job: &'a Job<'a>,
    change: Change,
}

/// The parts of a job, one for each image.
fn by_image<'a>(index: usize, job: &'a Job<'a>, before: &Tree) -> Vec<Vec<Part<'a>>> {
    let whole = || vec![vec![Part { index, job, change: job.change.clone() }]];
    let Ok(located) = job.located(before) else { return whole() };
    let mut left = job.change.edits.clone();
    let mut parts = Vec::new();
    for image in &job.change.images {
        let is_it =
            |rule: &&_| crate::annotations::rule::ImageRule::is_of(rule, image.alias.as_deref(), &image.reference);
        let Some(rule) = job.rules.images.iter().find(is_it) else { return whole() };
        let own = located.edits(rule, &job.change.written(image));
        let (edits, others): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|edit| own.iter().any(|own| own.field == edit.field));
        left = others;
        if !edits.is_empty() {
            let change = Change { images: vec![image.clone()], edits, ..job.change.clone() };
            parts.push(vec![Part { index, job, change }]);
        }
    }
    if left.is_empty() { parts } else { whole() }
}

/// What people should know about a change that was pushed.
fn note(job: &Job<'_>) -> String {
    if job.push_branch() != job.base_branch() {
        return format!("on a branch of its own, to be merged into {}", job.base_branch());
    }
    if !job.application.auto_sync {
        return "auto-sync is off: it changes nothing until somebody syncs".to_owned();
    }
    String::new()
}

/// A failure of git, with what helps.
fn said(error: &GitError) -> String {
    let hint = error.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
    format!("{error}{hint}")
}
