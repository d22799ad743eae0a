//! A push, and what the server made of it. Branches only ever move forward, but for an explicit lease.

use crate::git::clone::GitClone;
use crate::git::error::Failure;
use crate::git::error::GitError;
use crate::git::error::one_line;
use crate::model::git::BranchName;
use crate::model::git::ObjectId;

/// One branch to move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PushRef {
    pub(crate) commit: ObjectId,
    pub(crate) branch: BranchName,
    /// The branch is restarted: it may move anywhere, so long as the server still has it at this commit.
    pub(crate) lease: Option<ObjectId>,
}

/// How a push is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PushOptions {
    /// All branches, or none. Not every server can do that; it then refuses.
    pub(crate) atomic: bool,
    /// Asks everything that a push asks, and moves nothing.
    pub(crate) dry_run: bool,
}

/// What became of one branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PushOutcome {
    Pushed,
    /// The branch was at this commit already.
    UpToDate,
    /// Somebody else moved the branch first: fetch, decide again, push again.
    NonFastForward,
    /// The server does not want it, in its own words on one line; trying again does not help.
    Rejected(String),
    /// Nothing is wrong with it, but another branch of an atomic push was not taken.
    Held,
}

impl GitClone {
    /// Pushes commits; gives an outcome for each, in this order.
    ///
    /// # Errors
    /// No outcome is known: the server could not be asked, did not let this login write, or fell silent in the middle.
    /// In that last case the push may have been made: fetch to know.
    pub(crate) async fn push(
        &mut self,
        pushed: &[PushRef],
        options: PushOptions,
    ) -> Result<Vec<PushOutcome>, GitError> {
        let outcome = self.push_all(pushed, options).await;
        outcome.map_err(|failure| self.error("push to", failure))
    }

    async fn push_all(&self, pushed: &[PushRef], options: PushOptions) -> Result<Vec<PushOutcome>, Failure> {
        if pushed.is_empty() {
            return Ok(Vec::new());
        }
        let mut step = self.git_online("push").args(["--porcelain", "--no-verify", "--no-recurse-submodules"]);
        if options.atomic {
            step = step.arg("--atomic");
        }
        if options.dry_run {
            step = step.arg("--dry-run");
        }
        for one in pushed {
            if let Some(lease) = &one.lease {
                step = step.arg(format!("--force-with-lease=refs/heads/{}:{lease}", one.branch));
            }
        }
        step = step.arg("--").arg(Self::REMOTE);
        let ended =
            step.args(pushed.iter().map(|one| format!("{}:refs/heads/{}", one.commit, one.branch))).run().await?;
        let answer = String::from_utf8_lossy(&ended.stdout).into_owned();
        let said = said_by_server(&ended.stderr);
        let outcomes: Vec<Option<PushOutcome>> = pushed.iter().map(|one| outcome(&answer, one, &said)).collect();
        match outcomes.into_iter().collect::<Option<Vec<_>>>() {
            Some(outcomes) => Ok(outcomes),
            None if ended.success => Err(Failure::protocol("git does not say what became of the push")),
            None => Err(Failure::of_words(&ended.stderr)),
        }
    }
}

/// What `--porcelain` says about a branch: `flag TAB from:to TAB summary (reason)`.
fn outcome(answer: &str, pushed: &PushRef, said: &str) -> Option<PushOutcome> {
    let reference = format!("refs/heads/{}", pushed.branch);
    let (flag, summary) = answer.lines().find_map(|line| {
        let mut columns = line.splitn(3, '\t');
        let (flag, refs, summary) = (columns.next()?, columns.next()?, columns.next()?);
        (refs.rsplit_once(':')?.1 == reference).then_some((flag, summary))
    })?;
    Some(match flag {
        " " | "+" | "*" => PushOutcome::Pushed,
        "=" => PushOutcome::UpToDate,
        // A server that wants no forced push says so of a lease too, and will say it again.
        _ if pushed.lease.is_some() && summary.starts_with("[remote rejected] (non-fast-forward") => {
            PushOutcome::Rejected("the server lets no branch be restarted: non-fast-forward".to_owned())
        }
        _ => refusal(summary, said),
    })
}

/// Reasons that mean that somebody else was faster.
const FASTER: [&str; 3] = ["(non-fast-forward)", "(fetch first)", "(stale info)"];
/// The same when two pushes came at one moment, in the reason or in what the server says beside it.
const AT_ONCE: [&str; 3] = ["cannot lock ref", "incorrect old value provided", "reference already exists"];

fn refusal(summary: &str, said: &str) -> PushOutcome {
    let locked = summary.contains("failed to update ref") && AT_ONCE.iter().any(|reason| said.contains(reason));
    if locked || FASTER.iter().chain(&AT_ONCE).any(|reason| summary.contains(reason)) {
        return PushOutcome::NonFastForward;
    }
    if summary.contains("atomic push fail") || summary.contains("atomic transaction failed") {
        return PushOutcome::Held;
    }
    let reason = summary.rsplit_once(" (").map_or(summary, |(_, reason)| reason.trim_end_matches(')'));
    let words = if said.is_empty() { reason.to_owned() } else { format!("{reason}: {said}") };
    PushOutcome::Rejected(one_line(&words))
}

/// What the server, and the hooks on it, said to people.
fn said_by_server(stderr: &str) -> String {
    let lines = stderr.split(['\n', '\r']).filter_map(|line| line.strip_prefix("remote:")).map(str::trim);
    let progress = |line: &str| line.contains('%') && line.contains('(');
    let told = lines.filter(|line| !line.is_empty() && !progress(line));
    one_line(&told.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read() {
        let rejected = |words: &str| PushOutcome::Rejected(words.to_owned());
        let commit = ObjectId::new(&"a".repeat(40)).unwrap();
        let pushed = PushRef { commit: commit.clone(), branch: BranchName::new("main").unwrap(), lease: None };
        for (line, said, expected) in [
            (" \tabc:refs/heads/main\t1234567..abcdef0", "", Some(PushOutcome::Pushed)),
            ("*\tabc:refs/heads/main\t[new branch]", "", Some(PushOutcome::Pushed)),
            ("+\tabc:refs/heads/main\t1234567...abcdef0 (forced update)", "", Some(PushOutcome::Pushed)),
            ("=\tabc:refs/heads/main\t[up to date]", "", Some(PushOutcome::UpToDate)),
            ("!\tabc:refs/heads/main\t[rejected] (non-fast-forward)", "", Some(PushOutcome::NonFastForward)),
            ("!\tabc:refs/heads/main\t[rejected] (fetch first)", "", Some(PushOutcome::NonFastForward)),
            ("!\tabc:refs/heads/main\t[rejected] (stale info)", "", Some(PushOutcome::NonFastForward)),
            (
                "!\tabc:refs/heads/main\t[remote rejected] (cannot lock ref 'refs/heads/main': is at 1 but expected 2)",
                "",
                Some(PushOutcome::NonFastForward),
            ),
            (
                "!\tabc:refs/heads/main\t[remote rejected] (failed to update ref)",
                "error: cannot lock ref 'refs/heads/main': is at 1 but expected 2",
                Some(PushOutcome::NonFastForward),
            ),
            (
                "!\tabc:refs/heads/main\t[remote rejected] (failed to update ref)",
                "no space left",
                Some(rejected("failed to update ref: no space left")),
            ),
            ("!\tabc:refs/heads/main\t[rejected] (atomic push failed)", "", Some(PushOutcome::Held)),
            (
                "!\tabc:refs/heads/main\t[remote rejected] (pre-receive hook declined)",
                "ask a maintainer",
                Some(rejected("pre-receive hook declined: ask a maintainer")),
            ),
            ("!\tabc:refs/heads/main\t[remote failure]", "", Some(rejected("[remote failure]"))),
            (" \tabc:refs/heads/main2\t1234567..abcdef0", "", None),
            ("Done", "", None),
        ] {
            assert_eq!(outcome(&format!("To https://h/a\n{line}\nDone\n"), &pushed, said), expected, "{line}");
        }
    }

    #[test]
    fn the_server_is_quoted_without_its_progress() {
        let stderr = "remote: Resolving deltas: 100% (2/2), done.\rremote: \n\
                      remote: error: GH006: Protected branch\u{1b}[2J.   \nTo https://h/a\nerror: failed\n";
        assert_eq!(said_by_server(stderr), "error: GH006: Protected branch [2J.");
    }
}
