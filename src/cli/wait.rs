//! `--wait`, `--sync`, `--undo-on-failure`: what Argo CD makes of what was written.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use crate::cli::args::WaitArgs;
use crate::cli::session::Session;
use crate::cli::settings;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::error::ExitCode;
use crate::follow;
use crate::follow::Baselines;
use crate::follow::Goal;
use crate::follow::Stage;
use crate::model::application::ApplicationKey;
use crate::model::plan::Change;
use crate::model::plan::ImageChange;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::model::plan::Rollout;
use crate::model::plan::Seen;
use crate::output::text::safe;

/// What became of the Applications that were waited for.
pub(crate) type Rollouts = BTreeMap<ApplicationKey, Rollout>;

/// How long to wait, if at all.
///
/// # Errors
/// `--wait` is not a duration.
pub(crate) fn limit(args: &WaitArgs) -> Result<Option<Duration>, Error> {
    args.wait.as_deref().map(|text| settings::duration("--wait", text)).transpose()
}

/// How the Applications that changes are about stand before they are written, if they are going to be waited for.
pub(crate) async fn before(cluster: Option<&Cluster>, changes: &[Change], args: &WaitArgs) -> Baselines {
    match cluster {
        Some(cluster) if args.wait.is_some() => follow::baselines(cluster, follow::goals(changes).keys()).await,
        _ => Baselines::new(),
    }
}

/// Has Argo CD look at once, and follows it, as the flags say; nothing is waited for without them.
pub(crate) async fn wait(
    session: &Session,
    cluster: Option<&Cluster>,
    receipts: &[Receipt],
    baselines: &Baselines,
    (args, limit): (&WaitArgs, Option<Duration>),
) -> Rollouts {
    let Some(cluster) = cluster else { return Rollouts::new() };
    let written = receipts
        .iter()
        .filter(|receipt| matches!(receipt.outcome, Outcome::Applied | Outcome::AlreadyApplied))
        .map(|receipt| &receipt.change);
    until(session, cluster, (follow::goals(written), baselines), (args, limit)).await
}

/// Has Argo CD look at once, and follows it until Applications show what is wanted, as the flags say.
pub(crate) async fn until(
    session: &Session,
    cluster: &Cluster,
    (goals, baselines): (BTreeMap<ApplicationKey, Goal>, &Baselines),
    (args, limit): (&WaitArgs, Option<Duration>),
) -> Rollouts {
    let all = |rollout: Rollout, goals: BTreeMap<ApplicationKey, Goal>| {
        goals.into_keys().map(|key| (key, rollout.clone())).collect()
    };
    // Whoever wanted it to end while it was written does not want to wait either.
    if session.interrupted.load(Ordering::Relaxed) {
        let ended = if session.is_interrupted() {
            Rollout::Unknown("interrupted before it was waited for".to_owned())
        } else {
            Rollout::TimedOut("the time of --timeout was over before it was waited for".to_owned())
        };
        return limit.map_or_else(Rollouts::new, |_| all(ended, goals));
    }
    if args.sync {
        for (key, why) in follow::nudge(cluster, goals.keys()).await {
            session.printer.alert(&format!("warning: {key} was not told to sync: {}", safe(&why)));
        }
    }
    let (Some(limit), false) = (limit, goals.is_empty()) else { return Rollouts::new() };
    let shows = session.process.stderr_is_terminal;
    let news = |key: &ApplicationKey, stage: &Stage| {
        if let (true, Stage::Waiting(why)) = (shows, stage) {
            session.printer.note(&format!("{key}: {}", safe(why)));
        }
    };
    let end = Instant::now() + limit;
    let end = session.deadline().map_or(end, |deadline| end.min(deadline));
    tokio::select! {
        rollouts = follow::follow(cluster, (&goals, baselines), end, &news) => {
            session.notice_deadline();
            rollouts
        }
        () = session.signals.next() => {
            session.interrupted.store(true, Ordering::Relaxed);
            all(Rollout::Unknown("interrupted while waiting".to_owned()), goals)
        }
    }
}

/// What rollouts mean for the exit code.
pub(crate) fn exit_code(session: &Session, rollouts: &Rollouts) -> ExitCode {
    match rollouts.values().all(|rollout| *rollout == Rollout::Healthy) {
        true => ExitCode::Done,
        false if session.is_interrupted() => ExitCode::Interrupted,
        false => ExitCode::NotHealthy,
    }
}

/// The changes that put the old values back where an Application did not become healthy.
pub(crate) fn undoing(receipts: &[Receipt], rollouts: &Rollouts) -> Vec<Change> {
    let failed = |key| matches!(rollouts.get(key), Some(Rollout::Failed(_) | Rollout::TimedOut(_)));
    let written = receipts.iter().filter(|receipt| receipt.outcome == Outcome::Applied);
    written.map(|receipt| &receipt.change).filter(|change| failed(&change.application)).map(undo).collect()
}

/// The change that takes another back.
fn undo(change: &Change) -> Change {
    let mut undo = change.clone();
    undo.id = format!("{}-undo", change.id);
    undo.seen = Seen::default();
    for edit in &mut undo.edits {
        std::mem::swap(&mut edit.from, &mut edit.to);
    }
    undo.images = change
        .images
        .iter()
        .filter_map(|image| {
            let mut old = image.from.clone()?;
            // The tag goes back, whatever it stands for by now.
            old.digest = old.digest.filter(|_| old.tag.is_none());
            let because = "it did not become healthy".to_owned();
            Some(ImageChange { from: Some(image.to.clone()), to: old, because, ..image.clone() })
        })
        .collect();
    undo
}
