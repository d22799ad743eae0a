//! `pin --wait`: until what is pinned runs, from which moment on a hold binds whoever writes what is live.

use std::time::Duration;

use crate::cli::args::WaitArgs;
use crate::cli::pin::Planned;
use crate::cli::pin::report::is_done;
use crate::cli::pin_args::PinWaitArgs;
use crate::cli::session::Session;
use crate::cli::wait;
use crate::cli::wait::Rollouts;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::follow as following;
use crate::follow::Baselines;
use crate::model::plan::Change;
use crate::model::plan::Receipt;

fn args(wait: &PinWaitArgs) -> WaitArgs {
    WaitArgs { wait: wait.wait.clone(), sync: wait.sync, undo_on_failure: false }
}

/// How long to wait, if at all.
///
/// # Errors
/// `--wait` is not a duration.
pub(super) fn limit(wait: &PinWaitArgs) -> Result<Option<Duration>, Error> {
    wait::limit(&args(wait))
}

/// The changes that something is to be waited for.
fn awaited<'a>(planned: &'a [Planned]) -> impl Iterator<Item = &'a Change> {
    let is_awaited = |planned: &&'a Planned| planned.awaited || planned.changes.iter().any(Change::is_rendered);
    planned.iter().filter(is_awaited).filter_map(|planned| planned.changes.first())
}

/// How the Applications stand before they are written, if they are going to be waited for.
pub(super) async fn before(cluster: &Cluster, planned: &[Planned], wait: Option<&PinWaitArgs>) -> Baselines {
    match wait {
        Some(PinWaitArgs { wait: Some(_), .. }) => {
            following::baselines(cluster, following::all_goals(awaited(planned)).keys()).await
        }
        _ => Baselines::new(),
    }
}

/// Has Argo CD look at once, and follows it, as the flags say.
///
/// # Errors
/// `--wait` is not a duration.
pub(super) async fn follow(
    session: &Session,
    cluster: &Cluster,
    (receipts, planned): (&[Receipt], &[Planned]),
    (before, wait): (&Baselines, &PinWaitArgs),
) -> Result<Rollouts, Error> {
    let limit = limit(wait)?;
    let done = receipts.iter().zip(planned).filter(|(receipt, _)| is_done(receipt));
    let goals = following::all_goals(done.flat_map(|(_, planned)| awaited(std::slice::from_ref(planned))));
    Ok(wait::until(session, cluster, (goals, before), (&args(wait), limit)).await)
}
