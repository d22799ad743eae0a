//! `PlanStatus`: whether a saved plan still fits.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::document::API_VERSION;
use crate::document::plan::SavedPlan;
use crate::model::plan::Finding;
use crate::model::plan::Outcome;

/// The report of `plan --plan`.
pub(crate) fn plan_status(saved: &SavedPlan, findings: &[Finding]) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "PlanStatus",
        "created": saved.created.to_string(),
        "complete": saved.complete,
        "changes": findings.iter().map(item).collect::<Vec<_>>(),
        "summary": summary(findings),
    })
}

fn item(finding: &Finding) -> Value {
    let change = &finding.change;
    json!({
        "change": change.id,
        "application": {"namespace": change.application.namespace, "name": change.application.name},
        "status": finding.status(),
        "message": finding.message,
        "images": super::receipts::images(change),
    })
}

fn summary(findings: &[Finding]) -> Value {
    let mut summary = Map::new();
    for (name, outcome) in [
        ("fits", None),
        ("alreadyApplied", Some(Outcome::AlreadyApplied)),
        ("stale", Some(Outcome::Stale)),
        ("rejected", Some(Outcome::Rejected)),
        ("failed", Some(Outcome::Failed)),
    ] {
        let count = findings.iter().filter(|finding| finding.outcome == outcome).count();
        summary.insert(name.to_owned(), json!(count));
    }
    Value::Object(summary)
}
