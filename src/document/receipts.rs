//! `ApplyReport` and `PinReport`: what became of each change.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::document::API_VERSION;
use crate::model::application::ApplicationKey;
use crate::model::pin::Pin;
use crate::model::plan::At;
use crate::model::plan::Change;
use crate::model::plan::ImageChange;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::model::plan::Rollout;

/// How far a run goes with what it would write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DryRun {
    /// It writes.
    #[default]
    None,
    /// It asks nobody and writes nothing.
    Client,
    /// It asks the server, which checks everything and writes nothing.
    Server,
}

impl DryRun {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// The report of `apply`, with what Argo CD made of each change, where that was waited for.
pub(crate) fn apply_report(receipts: &[Receipt], rollouts: &Rollouts, dry_run: DryRun) -> Value {
    report("ApplyReport", receipts, dry_run, |index| rollout(&receipts[index], rollouts).into_iter().collect())
}

/// What Argo CD made of Applications that were waited for.
type Rollouts = BTreeMap<ApplicationKey, Rollout>;

fn rollout(receipt: &Receipt, rollouts: &Rollouts) -> Option<(&'static str, Value)> {
    let (outcome, message) = rollouts.get(&receipt.change.application)?.words();
    Some(("rollout", json!({"outcome": outcome, "message": message})))
}

/// The report of `pin` and `unpin`, with the pin that each change left behind, as far as it was written.
pub(crate) fn pin_report(
    receipts: &[Receipt],
    (pins, rollouts): (&[Option<Pin>], &Rollouts),
    dry_run: DryRun,
) -> Value {
    report("PinReport", receipts, dry_run, |index| {
        let pin = pins.get(index).cloned().flatten().map_or(Value::Null, |pin| super::pin(&pin, false));
        rollout(&receipts[index], rollouts).into_iter().chain([("pin", pin)]).collect()
    })
}

fn report(
    kind: &str,
    receipts: &[Receipt],
    dry_run: DryRun,
    more: impl Fn(usize) -> Vec<(&'static str, Value)>,
) -> Value {
    let items: Vec<_> = receipts
        .iter()
        .enumerate()
        .map(|(index, receipt)| {
            let mut item = item(receipt);
            for (name, value) in more(index) {
                item[name] = value;
            }
            item
        })
        .collect();
    json!({
        "apiVersion": API_VERSION,
        "kind": kind,
        "dryRun": dry_run.name(),
        "receipts": items,
        "summary": summary(receipts),
    })
}

fn item(receipt: &Receipt) -> Value {
    let change = &receipt.change;
    json!({
        "change": change.id,
        "application": {"namespace": change.application.namespace, "name": change.application.name},
        "destination": super::destination(&change.destination),
        "outcome": receipt.outcome.name(),
        "at": receipt.at.as_ref().map(|at| match at {
            At::ResourceVersion(version) => json!({"resourceVersion": version}),
            At::Commit { commit, branch } => json!({"commit": commit, "branch": branch}),
        }),
        "message": receipt.message,
        "images": images(change),
    })
}

/// The images of a change, from and to.
pub(super) fn images(change: &Change) -> Vec<Value> {
    let image = |image: &ImageChange| {
        json!({
            "alias": image.alias,
            "reference": image.reference.to_string(),
            "from": image.from.as_ref().map(super::version),
            "to": super::version(&image.to),
        })
    };
    change.images.iter().map(image).collect()
}

fn summary(receipts: &[Receipt]) -> Value {
    let mut summary = Map::new();
    for (name, outcome) in [
        ("applied", Outcome::Applied),
        ("alreadyApplied", Outcome::AlreadyApplied),
        ("stale", Outcome::Stale),
        ("rejected", Outcome::Rejected),
        ("failed", Outcome::Failed),
    ] {
        let count = receipts.iter().filter(|receipt| receipt.outcome == outcome).count();
        summary.insert(name.to_owned(), json!(count));
    }
    Value::Object(summary)
}
