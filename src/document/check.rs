//! `CheckReport`: what is deployed, what is newest, and why.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::document::API_VERSION;
use crate::model::candidate::Candidate;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::diagnostic::Diagnostic;
use crate::model::diagnostic::Severity;

/// The report of a check; `explain` adds every rejected tag.
pub(crate) fn report(decisions: &[Decision], diagnostics: &[Diagnostic], explain: bool) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "CheckReport",
        "items": decisions.iter().map(|decision| item(decision, explain)).collect::<Vec<_>>(),
        "diagnostics": diagnostics.iter().map(super::diagnostic).collect::<Vec<_>>(),
        "summary": summary(decisions, diagnostics),
    })
}

/// One image.
pub(super) fn item(decision: &Decision, explain: bool) -> Value {
    let current = decision.current.as_ref().map(|current| {
        let mut value = super::version(current);
        value["from"] = json!(decision.current_from.name());
        value
    });
    let mut item = json!({
        "namespace": decision.application.namespace,
        "application": decision.application.name,
        "alias": decision.alias,
        "image": decision.image,
        "reference": decision.reference.as_ref().map(ToString::to_string),
        "strategy": decision.strategy,
        "constraint": decision.constraint,
        "configured": decision.configured.as_ref().map(super::version),
        "live": decision.live.iter().map(super::version).collect::<Vec<_>>(),
        "current": current,
        "candidate": decision.candidate.as_ref().map(candidate),
        "behind": decision.behind.map(|behind| json!({"versions": behind.versions, "days": behind.days})),
        "status": decision.status.name(),
        "reason": decision.reason.name(),
        "message": decision.message,
        "tags": decision
            .tags
            .map(|tags| json!({"seen": tags.seen, "allowed": tags.allowed, "eligible": tags.eligible})),
    });
    if explain {
        item["rejected"] = decision
            .rejected
            .iter()
            .map(|rejected| json!({"tag": rejected.tag, "reason": rejected.why.name()}))
            .collect();
    }
    item["writeBack"] = decision.write_back.as_ref().map_or(Value::Null, super::destination);
    item["pin"] = decision.pin.as_ref().map_or(Value::Null, |pin| super::pin(pin, decision.pin_expired));
    item
}

fn candidate(candidate: &Candidate) -> Value {
    json!({
        "tag": candidate.tag.as_str(),
        "digest": candidate.digest.as_ref().map(ToString::to_string),
        "created": candidate.created.map(|created| created.to_string()),
    })
}

fn summary(decisions: &[Decision], diagnostics: &[Diagnostic]) -> Value {
    let applications: BTreeSet<_> = decisions.iter().map(|decision| &decision.application).collect();
    let mut statuses = BTreeMap::new();
    for decision in decisions {
        *statuses.entry(decision.status).or_insert(0_usize) += 1;
    }
    let mut summary = Map::new();
    summary.insert("applications".to_owned(), json!(applications.len()));
    summary.insert("images".to_owned(), json!(decisions.len()));
    for (status, name, _) in ImageStatus::ALL {
        summary.insert(camel_case(name), json!(statuses.get(&status).copied().unwrap_or_default()));
    }
    let of = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    summary.insert("diagnostics".to_owned(), json!({"error": of(Severity::Error), "warning": of(Severity::Warning)}));
    Value::Object(summary)
}

/// `UpToDate` as `upToDate`.
fn camel_case(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(characters).collect()
}
