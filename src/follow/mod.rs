//! Following Applications after a write, until Argo CD has made it true, or has failed to.
//!
//! The API server tells of every change (a watch); only who may not watch looks again and again. What a state of an Application
//! means is decided in `stage`, which is pure.

mod nudge;
mod stage;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::error::ClusterErrorKind;
use crate::model::application::ApplicationKey;
use crate::model::plan::Change;
use crate::model::plan::Rollout;

pub(crate) use crate::follow::stage::Baseline;
pub(crate) use crate::follow::stage::Goal;
pub(crate) use crate::follow::stage::Stage;

/// How many Applications are read or written at a time; the watches stand side by side.
const AT_A_TIME: usize = 8;
/// How often a nudge is tried again while others change the object.
const TRIES: u32 = 5;
/// Between two looks at an Application that cannot be watched.
const WITHOUT_WATCH: Duration = Duration::from_secs(2);
/// Before a watch that ended is begun again.
const PAUSE: Duration = Duration::from_millis(500);

/// The Applications that changes let Argo CD deploy something for, with what is to be seen there.
pub(crate) fn goals<'a>(written: impl IntoIterator<Item = &'a Change>) -> BTreeMap<ApplicationKey, Goal> {
    all_goals(written.into_iter().filter(|change| change.is_rendered()))
}

/// The same of changes that let it deploy nothing new, but are about what is not deployed yet.
pub(crate) fn all_goals<'a>(written: impl IntoIterator<Item = &'a Change>) -> BTreeMap<ApplicationKey, Goal> {
    let mut goals: BTreeMap<ApplicationKey, Goal> = BTreeMap::new();
    for change in written {
        goals.entry(change.application.clone()).or_default().extend(change);
    }
    goals
}

/// How Applications stand before something is written; an operation that fails after this is about what was written.
pub(crate) type Baselines = BTreeMap<ApplicationKey, Baseline>;

/// Looks how Applications stand; one that cannot be read is left out.
pub(crate) async fn baselines(cluster: &Cluster, keys: impl Iterator<Item = &ApplicationKey>) -> Baselines {
    let each = keys.map(|key| async move {
        let found = cluster.application(key).await.ok()?;
        Some((key.clone(), Baseline::of(&found.object)))
    });
    futures::stream::iter(each).buffer_unordered(AT_A_TIME).filter_map(futures::future::ready).collect().await
}

/// Follows Applications until each has ended in one way or another; `news` hears of every stage that differs from the
/// one before.
pub(crate) async fn follow(
    cluster: &Cluster,
    (goals, baselines): (&BTreeMap<ApplicationKey, Goal>, &Baselines),
    until: Instant,
    news: &(impl Fn(&ApplicationKey, &Stage) + Sync),
) -> BTreeMap<ApplicationKey, Rollout> {
    let each = goals.iter().map(|(key, goal)| async move {
        let mut waiting = String::new();
        let mut trouble = None;
        let ending = {
            let baseline = baselines.get(key).cloned();
            let one = follow_one(cluster, (key, goal), (baseline, &mut trouble), |stage| {
                if let Stage::Waiting(why) = stage {
                    waiting.clone_from(why);
                }
                news(key, stage);
            });
            tokio::time::timeout_at(until, one).await
        };
        // Of what cannot be seen it is not known that it is not well.
        (key.clone(), ending.ok().or(trouble).unwrap_or(Rollout::TimedOut(waiting)))
    });
    futures::future::join_all(each).await.into_iter().collect()
}

/// Has Argo CD look at Applications at once, and sync those that it does not sync by itself; returns the ones for which
/// that failed, and why.
pub(crate) async fn nudge<'a>(
    cluster: &Cluster,
    keys: impl Iterator<Item = &'a ApplicationKey>,
) -> Vec<(ApplicationKey, String)> {
    let each = keys.map(|key| async move { nudge_one(cluster, key).await.err().map(|why| (key.clone(), why)) });
    futures::stream::iter(each).buffered(AT_A_TIME).filter_map(futures::future::ready).collect().await
}

async fn nudge_one(cluster: &Cluster, key: &ApplicationKey) -> Result<(), String> {
    let mut tries = 0..TRIES;
    loop {
        let found = cluster.application(key).await.map_err(|error| error.to_string())?;
        match cluster.patch_application(key, &nudge::patch(&found)?, false).await {
            Ok(_) => return Ok(()),
            // Argo CD writes to it all the time.
            Err(error) if error.kind == ClusterErrorKind::Conflict && tries.next().is_some() => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

async fn follow_one(
    cluster: &Cluster,
    (key, goal): (&ApplicationKey, &Goal),
    (mut baseline, trouble): (Option<Baseline>, &mut Option<Rollout>),
    mut news: impl FnMut(&Stage),
) -> Rollout {
    let mut last = None;
    // Anew when the watch ends, as the API server lets every watch do after some minutes.
    let mut pause = Duration::ZERO;
    loop {
        tokio::time::sleep(std::mem::replace(&mut pause, PAUSE)).await;
        let mut found = match cluster.application(key).await {
            Ok(found) => found,
            Err(error) if passes(&error) => {
                *trouble = Some(lost(&error));
                continue;
            }
            Err(error) => return lost(&error),
        };
        *trouble = None;
        // Who may not watch looks again and again.
        let mut changes =
            cluster.watch_application(key, found.resource_version.as_deref()).await.unwrap_or_else(|_| {
                pause = WITHOUT_WATCH;
                futures::stream::empty().boxed()
            });
        loop {
            let before = baseline.get_or_insert_with(|| Baseline::of(&found.object));
            let stage = stage::stage(goal, before, &found);
            if last.as_ref() != Some(&stage) {
                news(&stage);
            }
            match &stage {
                Stage::Healthy => return Rollout::Healthy,
                Stage::Failed(why) => return Rollout::Failed(why.clone()),
                Stage::Waiting(_) => {}
            }
            last = Some(stage);
            match changes.next().await {
                Some(Ok(Some(next))) => found = next,
                Some(Ok(None)) => return Rollout::Failed("it was deleted".to_owned()),
                // Whatever ended it, what is there now is asked for again.
                Some(Err(_)) | None => break,
            }
        }
    }
}

/// Whether it may be gone at the next look, as when an API server is started again.
fn passes(error: &ClusterError) -> bool {
    use ClusterErrorKind as Kind;
    matches!(error.kind, Kind::Unreachable | Kind::TimedOut | Kind::Expired | Kind::Other(429 | 500..=599))
}

fn lost(error: &ClusterError) -> Rollout {
    let hint = error.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
    Rollout::Unknown(format!("{error}{hint}"))
}
