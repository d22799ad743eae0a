//! Changes to an Application object: read, check by name, patch under an optimistic lock.
//!
//! The patch holds only if the object is the very one that was read. If somebody was faster, the object is read and
//! checked again: an unrelated edit leads to a new patch, a related one to `Stale` (decisions: "method `argocd`").

use std::time::Duration;

use jiff::Timestamp;

use crate::annotations;
use crate::annotations::rule::WriteBack;
use crate::apply::Checked;
use crate::apply::destination;
use crate::cluster::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::error::ClusterErrorKind;
use crate::model::application::Application;
use crate::model::application::ApplicationKey;
use crate::model::plan::At;
use crate::model::plan::Change;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::writeback::object;
use crate::writeback::object::Edited;
use crate::writeback::object::Misfit;

/// How often a write is tried while others keep changing the object.
const TRIES: u32 = 5;

/// An object that a change fits.
pub(super) struct Ready {
    pub(super) object: Application,
}

/// Reads an Application that a plan wants to change.
pub(super) async fn read(cluster: &Cluster, key: &ApplicationKey) -> Result<Application, (Outcome, String)> {
    cluster.application(key).await.map_err(|error| failure(&error))
}

/// Checks uid, destination, old values and pins of a change against an object.
///
/// A change of a pin, which `pinning` says, is what other pins are not asked about.
pub(super) fn check(found: &Application, change: &Change, now: Timestamp, pinning: bool) -> Checked {
    if found.uid != change.uid {
        return Checked::Ended(Outcome::Stale, "it was deleted and made again since the plan was made".to_owned());
    }
    if found.deleting {
        return Checked::Ended(Outcome::Rejected, "it is being deleted".to_owned());
    }
    if !pinning && let Some(why) = pinned_meanwhile(found, change, now) {
        return Checked::Ended(Outcome::Stale, why);
    }
    if change.git().is_some() {
        return match annotations::parse(found) {
            Some((rules, _)) => Checked::ToFile(Some(Box::new((found.clone(), rules)))),
            None => Checked::Ended(Outcome::Stale, "it has no image list any more".to_owned()),
        };
    }
    match object::edited(&found.object, &change.destination, &change.edits) {
        Ok(Edited::Object(_)) => match moved(found, change).filter(|_| !pinning && !change.is_pin()) {
            Some(why) => Checked::Ended(Outcome::Stale, why),
            None => Checked::Ready(Box::new(Ready { object: found.clone() })),
        },
        Ok(Edited::Already) => Checked::Ended(Outcome::AlreadyApplied, String::new()),
        Err(misfit) => Checked::Ended(Outcome::Stale, words(&misfit)),
    }
}

/// Says why the images of a change are no longer written to the Application, if it is so.
fn moved(found: &Application, change: &Change) -> Option<String> {
    let Some((rules, _)) = annotations::parse(found) else { return Some("it has no image list any more".to_owned()) };
    if let Some(image) = change.images.iter().find(|image| destination::rule_of(image, &rules).is_none()) {
        let label = image.label();
        return Some(format!("the image list has no `{label}` of {} any more", image.reference));
    }
    match &rules.write_back {
        Ok(WriteBack::Argocd) => destination::moved(found, &rules, change),
        Ok(WriteBack::Git(_)) => Some("it is written to git now, not to the Application".to_owned()),
        Err(invalid) => Some(format!("where it is written is not clear any more: {}", invalid.message)),
    }
}

/// Says which image was pinned at another version since the plan was made. The value may still be the old one, but a
/// hold is a decision that came after the plan's.
fn pinned_meanwhile(found: &Application, change: &Change, now: Timestamp) -> Option<String> {
    if change.is_pin() {
        return None;
    }
    let (rules, _) = annotations::parse(found)?;
    rules.images.iter().find_map(|rule| {
        let pin = rule.pin.as_ref().filter(|pin| !pin.expired(now))?;
        let moves = change.images.iter().any(|image| {
            image.alias == rule.alias
                && rule.repository.as_ref() == Some(&image.reference)
                && image.to.tag != pin.version.tag
        });
        moves.then(|| format!("`{}` is pinned at {} now", rule.label(), pin.version))
    })
}

/// Writes a change, and returns the receipt and what the object became.
pub(super) async fn write(
    cluster: &Cluster,
    change: &Change,
    ready: Ready,
    now: Timestamp,
    dry_run: bool,
) -> (Receipt, Option<Application>) {
    let ended = |outcome, message: String| (Receipt { change: change.clone(), outcome, at: None, message }, None);
    let mut found = ready.object;
    let mut refusal: Option<ClusterError> = None;
    let mut attempt = 1;
    loop {
        if let Checked::Ended(outcome, message) = check(&found, change, now, change.is_pin()) {
            return ended(outcome, message);
        }
        if let Some(error) = refusal.filter(|_| attempt > TRIES) {
            let (outcome, message) = failure(&error);
            return ended(outcome, message);
        }
        let Ok(Edited::Object(after)) = object::edited(&found.object, &change.destination, &change.edits) else {
            return ended(Outcome::Failed, "the change does not fit the object it was just checked against".to_owned());
        };
        let patch = object::patch(&found.object, &after);
        let error = match cluster.patch_application(&change.application, &patch, dry_run).await {
            Ok(written) => return (applied(change, &written), Some(written)),
            Err(error) => error,
        };
        if !may_be_race(&error) {
            let written = if is_unanswered(&error) && !dry_run { after_silence(cluster, change).await } else { None };
            let (outcome, message) = failure(&error);
            return written
                .map_or_else(|| ended(outcome, message), |written| (applied(change, &written), Some(written)));
        }
        tokio::time::sleep(pause(attempt, &change.id)).await;
        found = match read(cluster, &change.application).await {
            Ok(found) => found,
            Err((outcome, message)) => return ended(outcome, message),
        };
        refusal = Some(error);
        attempt += 1;
    }
}

/// A write whose answer is not known may have been made all the same: the object as it is now, if it was.
async fn after_silence(cluster: &Cluster, change: &Change) -> Option<Application> {
    let found = cluster.application(&change.application).await.ok().filter(|found| found.uid == change.uid)?;
    let edited = object::edited(&found.object, &change.destination, &change.edits);
    matches!(edited, Ok(Edited::Already)).then_some(found)
}

/// Whether the server may have done what it was asked to, whatever became of its answer.
fn is_unanswered(error: &ClusterError) -> bool {
    use ClusterErrorKind as Kind;
    matches!(error.kind, Kind::Unreachable | Kind::TimedOut | Kind::Other(0 | 500..=599))
}

/// A short pause before the next try, different for each change so that two runs do not stay in step.
fn pause(attempt: u32, id: &str) -> Duration {
    let spread =
        id.bytes().fold(u64::from(std::process::id()), |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    Duration::from_millis(u64::from(attempt) * 20 + spread % 30)
}

/// Whether the object may have been changed since it was read. Besides a conflict, the server answers a patch whose
/// operations no longer fit with 422, as it does one that it does not accept.
fn may_be_race(error: &ClusterError) -> bool {
    matches!(error.kind, ClusterErrorKind::Conflict | ClusterErrorKind::Invalid)
}

/// What a failure of the API server means for a change, in its words and with what helps.
fn failure(error: &ClusterError) -> (Outcome, String) {
    use ClusterErrorKind as Kind;
    let outcome = match error.kind {
        Kind::Invalid | Kind::Refused | Kind::Forbidden(_) => Outcome::Rejected,
        Kind::NotFound => Outcome::Stale,
        _ => Outcome::Failed,
    };
    let hint = error.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
    (outcome, format!("{error}{hint}"))
}

fn applied(change: &Change, written: &Application) -> Receipt {
    let mut notes = Vec::new();
    if change.is_rendered() {
        if !written.auto_sync {
            notes.push("auto-sync is off: it changes nothing until somebody syncs");
        } else if written.status.as_ref().is_some_and(|status| status.operation_running) {
            notes.push("a sync is running: the change is taken up after it");
        }
    }
    Receipt {
        change: change.clone(),
        outcome: Outcome::Applied,
        at: written.resource_version.clone().map(At::ResourceVersion),
        message: notes.join("; "),
    }
}

fn words(misfit: &Misfit) -> String {
    match misfit {
        Misfit::Changed { field, expected, found } => {
            let say = |value: &Option<String>| {
                value.as_ref().map_or_else(|| "not set".to_owned(), |value| format!("`{value}`"))
            };
            format!("{field} is {} now, and was {} when the plan was made", say(found), say(expected))
        }
        Misfit::NoSource(why) => why.clone(),
    }
}
