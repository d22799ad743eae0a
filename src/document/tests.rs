//! The documents, to the letter of the contract.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::document::receipts::DryRun;
use crate::model::application::ApplicationKey;
use crate::model::decision::CurrentFrom;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::diagnostic::Place;
use crate::model::image::Digest;
use crate::model::image::Reference;
use crate::model::plan::Outcome;
use crate::model::plan::Plan;
use crate::model::tests::change;
use crate::model::tests::decision;
use crate::model::tests::digest;
use crate::model::tests::receipt;

/// The warning of the contract's example.
fn warning() -> Diagnostic {
    Diagnostic::warning("unknown-annotation", "…")
        .about(&decision().application)
        .at(Place {
            annotation: "argocd-image-updater.argoproj.io/bookstore.update-stategy".to_owned(),
            value: "semver".into(),
            span: 0..6,
        })
        .hint("did you mean `update-strategy`?")
}

fn pin_of(until: Option<&str>) -> Pin {
    Pin {
        reference: Reference::parse("nginx").repository().unwrap(),
        version: Version { tag: Some("1.0".to_owned()), digest: None },
        reason: Some("it leaks".to_owned()),
        by: None,
        at: "2026-11-22T09:00:00Z".parse().unwrap(),
        until: until.map(|until| until.parse().unwrap()),
        replaced: Vec::new(),
    }
}

/// The keys of a document and of everything in it, in their order.
fn keys(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                found.push(format!("{path}.{key}"));
                keys(value, &format!("{path}.{key}"), found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(value, path, found)),
        _ => {}
    }
}

#[test]
fn a_check_report_is_the_one_of_the_contract() {
    let report = check::report(&[decision()], &[warning()], true);
    let expected = json!({
        "apiVersion": "kubectl-image-update/v1", "kind": "CheckReport",
        "items": [{
            "namespace": "argocd", "application": "bookstore", "alias": "bookstore",
            "image": "ghcr.io/amplication/bookstore-application",
            "reference": "ghcr.io/amplication/bookstore-application",
            "strategy": "semver", "constraint": "~1.0",
            "configured": {"tag": "v1.0.0", "digest": null}, "live": [{"tag": "v1.0.0", "digest": null}],
            "current": {"tag": "v1.0.0", "digest": null, "from": "target"},
            "candidate": {"tag": "v1.0.1", "digest": null, "created": null},
            "behind": {"versions": 1, "days": null},
            "status": "UpdateAvailable", "reason": "NewestMatch", "message": "newest of 3 tags that satisfy ~1.0",
            "tags": {"seen": 14, "allowed": 12, "eligible": 3},
            "rejected": [{"tag": "v2.0.0", "reason": "OutsideConstraint"}],
            "writeBack": {"method": "git", "target": "helmvalues:values.yaml", "source": null,
                "repository": "https://…", "branch": "main", "path": "charts/bookstore/values.yaml"},
            "pin": null
        }],
        // Beyond the contract's example: `span`.
        "diagnostics": [{"severity": "warning", "code": "unknown-annotation", "namespace": "argocd",
            "application": "bookstore",
            "annotation": "argocd-image-updater.argoproj.io/bookstore.update-stategy",
            "span": {"start": 0, "end": 6}, "message": "…", "hint": "did you mean `update-strategy`?"}],
        "summary": {"applications": 1, "images": 1, "invalid": 0, "pinBroken": 0, "pinned": 0, "notDeployed": 0,
            "undetermined": 0, "noCandidate": 0, "upToDate": 0, "downgrade": 0, "rolledBack": 0, "updateAvailable": 1,
            "diagnostics": {"error": 0, "warning": 1}}
    });
    assert_eq!(report, expected);
    let (mut found, mut wanted) = (Vec::new(), Vec::new());
    keys(&report, "", &mut found);
    keys(&expected, "", &mut wanted);
    assert_eq!(found, wanted, "the order of the keys");
    let silent = check::report(&[decision()], &[], false);
    assert_eq!(silent["items"][0].get("rejected"), None, "only with --explain");
}

#[test]
fn what_is_not_known_is_null() {
    let nothing = Decision {
        alias: None,
        reference: None,
        constraint: None,
        configured: None,
        live: Vec::new(),
        current: None,
        current_from: CurrentFrom::None,
        candidate: None,
        status: ImageStatus::Invalid,
        tags: None,
        write_back: None,
        ..decision()
    };
    let report = check::report(&[nothing], &[Diagnostic::error("x", "y")], false);
    let item = &report["items"][0];
    for key in ["alias", "reference", "constraint", "configured", "current", "candidate", "tags", "writeBack", "pin"] {
        assert_eq!(item.get(key), Some(&Value::Null), "{key}");
    }
    assert_eq!(item["live"], json!([]));
    assert_eq!(
        report["diagnostics"][0],
        json!({"severity": "error", "code": "x", "namespace": null, "application": null, "annotation": null,
            "span": null, "message": "y", "hint": null})
    );
}

#[test]
fn values_are_written_as_they_are() {
    let mut one = decision();
    let candidate = one.candidate.as_mut().unwrap();
    candidate.created = Some("2026-11-01T08:00:00Z".parse().unwrap());
    candidate.digest = Digest::new(&digest('d'));
    one.pin = Some(pin_of(Some("2026-12-01T00:00:00Z")));
    one.pin_expired = true;
    one.live.push(Version { tag: None, digest: Some(digest('e')) });
    one.write_back = Some(Destination::Application {
        source: Some(SourceId { repo_url: "r".to_owned(), path: Some("p".to_owned()), ..SourceId::default() }),
        renderer: Some(Renderer::Kustomize),
    });
    let item = check::item(&one, false);
    assert_eq!(item["candidate"], json!({"tag": "v1.0.1", "digest": digest('d'), "created": "2026-11-01T08:00:00Z"}));
    assert_eq!(item["live"][1], json!({"tag": null, "digest": digest('e')}));
    assert_eq!(
        item["pin"],
        json!({"reference": "docker.io/library/nginx", "tag": "1.0", "digest": null, "reason": "it leaks", "by": null,
            "at": "2026-11-22T09:00:00Z", "until": "2026-12-01T00:00:00Z", "expired": true})
    );
    assert_eq!(
        item["writeBack"],
        json!({"method": "argocd", "target": "kustomize", "repository": null, "branch": null, "path": null,
            "source": {"name": null, "repoURL": "r", "path": "p", "chart": null, "ref": null}})
    );
    one.write_back = Some(Destination::ANNOTATIONS);
    assert_eq!(check::item(&one, false)["writeBack"]["target"], Value::Null);
}

#[test]
fn the_summary_counts_images_by_status_and_applications_once() {
    let of = |name: &str, status| Decision {
        application: ApplicationKey { namespace: "argocd".to_owned(), name: name.to_owned() },
        status,
        ..decision()
    };
    let mut decisions: Vec<_> = ImageStatus::ALL.iter().map(|(status, ..)| of("one", *status)).collect();
    decisions.push(of("two", ImageStatus::UpToDate));
    // Also when they do not come in order.
    decisions.push(of("one", ImageStatus::UpToDate));
    let diagnostics = [Diagnostic::error("a", ""), Diagnostic::warning("b", ""), Diagnostic::warning("c", "")];
    let summary = &check::report(&decisions, &diagnostics, false)["summary"];
    assert_eq!(
        *summary,
        json!({"applications": 2, "images": 12, "invalid": 1, "pinBroken": 1, "pinned": 1, "notDeployed": 1,
            "undetermined": 1, "noCandidate": 1, "upToDate": 3, "downgrade": 1, "rolledBack": 1, "updateAvailable": 1,
            "diagnostics": {"error": 1, "warning": 2}})
    );
    let nothing = &check::report(&[], &[], false)["summary"];
    assert_eq!((&nothing["applications"], &nothing["diagnostics"]), (&json!(0), &json!({"error": 0, "warning": 0})));
}

#[test]
fn a_plan_is_the_one_of_the_contract() {
    let plan = Plan {
        created: "2026-11-22T09:00:00Z".parse().unwrap(),
        complete: true,
        changes: vec![change()],
        decisions: vec![decision()],
        diagnostics: vec![warning()],
        files: Vec::new(),
    };
    let mut document = plan::write(&plan);
    let checksum = document["checksum"].take();
    assert!(checksum.as_str().is_some_and(|text| Digest::new(text).is_some()), "{checksum}");
    let version = |tag: &str, digest: Option<String>| json!({"tag": tag, "digest": digest});
    let expected = json!({
        "apiVersion": "kubectl-image-update/v1", "kind": "Plan", "created": "2026-11-22T09:00:00Z", "complete": true,
        "changes": [{
            "id": "argocd/bookstore#1",
            "application": {"namespace": "argocd", "name": "bookstore", "uid": "u-1"},
            "images": [{"alias": "bookstore", "reference": "ghcr.io/amplication/bookstore-application",
                "from": version("v1.0.0", None), "to": version("v1.0.1", Some(digest('d'))),
                "because": "newest of 3 tags that satisfy ~1.0"}],
            // Beyond the contract's example: `target`, and the kind of each edit.
            "destination": {"method": "argocd", "target": "helm", "source": null, "repository": null, "branch": null,
                "path": null, "pushBranch": null},
            "edits": [{"kind": "helmParameter", "at": "image.tag", "from": "v1.0.0", "to": "v1.0.1"}],
            "seen": {"resourceVersion": "7", "commit": null, "blob": null}
        }],
        "decisions": [check::item(&decision(), false)],
        "diagnostics": [diagnostic(&warning())],
        "checksum": null
    });
    assert_eq!(document, expected);
    let (mut found, mut wanted) = (Vec::new(), Vec::new());
    keys(&document, "", &mut found);
    keys(&expected, "", &mut wanted);
    assert_eq!(found, wanted, "the order of the keys");
}

#[test]
fn reports_of_writes_are_the_ones_of_the_contract() {
    let item = |outcome: &str, at: Value, message: &str| {
        json!({
            "change": "argocd/bookstore#1", "application": {"namespace": "argocd", "name": "bookstore"},
            "destination": destination(&receipt(Outcome::Applied).change.destination),
            "outcome": outcome, "at": at, "message": message,
            "images": [{"alias": "bookstore", "reference": "ghcr.io/amplication/bookstore-application",
                "from": {"tag": "v1.0.0", "digest": null}, "to": {"tag": "v1.0.1", "digest": digest('d')}}]
        })
    };
    let mut stale = receipt(Outcome::Stale);
    stale.message = "why".to_owned();
    let receipts = [receipt(Outcome::Applied), stale, receipt(Outcome::Rejected)];
    let expected = json!({
        "apiVersion": "kubectl-image-update/v1", "kind": "ApplyReport", "dryRun": "none",
        "receipts": [
            item("Applied", json!({"resourceVersion": "8"}), ""), item("Stale", Value::Null, "why"),
            item("Rejected", Value::Null, ""),
        ],
        "summary": {"applied": 1, "alreadyApplied": 0, "stale": 1, "rejected": 1, "failed": 0}
    });
    assert_eq!(receipts::apply_report(&receipts, &BTreeMap::new(), DryRun::None), expected);
    for (dry_run, name) in [(DryRun::None, "none"), (DryRun::Client, "client"), (DryRun::Server, "server")] {
        assert_eq!(receipts::apply_report(&[], &BTreeMap::new(), dry_run)["dryRun"], name);
    }
    let receipts = [receipt(Outcome::Applied), receipt(Outcome::Failed)];
    let report = receipts::pin_report(&receipts, (&[Some(pin_of(None)), None], &BTreeMap::new()), DryRun::None);
    assert_eq!(report["kind"], "PinReport");
    assert_eq!(report["receipts"][0]["pin"], pin(&pin_of(None), false));
    assert_eq!(report["receipts"][1].get("pin"), Some(&Value::Null));
    assert_eq!(report["summary"]["failed"], 1);
}

#[test]
fn yaml_is_the_same_document() {
    let mut one = decision();
    for (number, text) in
        ["1.20", "true", "null", "~", "1e3", "0x10", "2026-01-01", "é\u{1b}\u{202e}", "a: b # c", "\n", ""]
            .into_iter()
            .enumerate()
    {
        one.message = text.to_owned();
        one.constraint = Some(text.to_owned());
        let report = check::report(&[one.clone()], &[], true);
        assert_eq!(serde_yaml::from_str::<Value>(&to_yaml(&report)).unwrap(), report, "{number}: {text:?}");
        assert_eq!(serde_json::from_str::<Value>(&to_json(&report)).unwrap(), report, "{number}: {text:?}");
    }
    assert!(to_json(&json!({})).ends_with('\n') && to_yaml(&json!({})).ends_with('\n'));
}
