//! No text from outside reaches a terminal with control or bidirectional characters in it, whatever prints it.

use std::sync::Arc;

use super::*;
use crate::document::receipts::DryRun;
use crate::model::application::ApplicationKey;
use crate::model::application::SourceId;
use crate::model::candidate::Rejected;
use crate::model::candidate::Rejection;
use crate::model::decision::Decision;
use crate::model::diagnostic::Diagnostic;
use crate::model::diagnostic::Place;
use crate::model::image::Version;
use crate::model::plan::Change;
use crate::model::plan::Destination;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::model::plan::GitTarget;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::model::plan::Renderer;
use crate::model::tests::change;
use crate::model::tests::decision;
use crate::model::tests::git_target;
use crate::model::tests::receipt;

/// Erases the screen, reorders text, ends lines, hides characters: what must not get through.
const HOSTILE: &str =
    "x\u{1b}[2J\u{1b}]0;t\u{7}\r\n\u{202e}y\u{2066}\u{200f}\u{9b}31m\u{7f}\u{0}\u{feff}\u{e0041}\u{2028}z\u{8}";

fn hostile() -> String {
    HOSTILE.to_owned()
}

fn key() -> ApplicationKey {
    ApplicationKey { namespace: hostile(), name: hostile() }
}

fn version() -> Version {
    Version { tag: Some(hostile()), digest: Some(hostile()) }
}

fn hostile_decision(write_back: Destination) -> Decision {
    let rejected = Rejected { tag: hostile(), why: Rejection::IllegalTag };
    Decision {
        application: key(),
        alias: Some(hostile()),
        image: hostile(),
        strategy: hostile(),
        constraint: Some(hostile()),
        configured: Some(version()),
        live: vec![version()],
        current: Some(version()),
        message: hostile(),
        rejected: vec![rejected.clone()],
        newer: vec![rejected],
        notes: vec![hostile()],
        write_back: Some(write_back),
        ..decision()
    }
}

fn hostile_change() -> Change {
    let mut change = change();
    change.id = hostile();
    change.application = key();
    change.images[0].alias = Some(hostile());
    change.images[0].from = Some(version());
    change.images[0].to = version();
    change.images[0].because = hostile();
    change.destination = Destination::Application {
        source: Some(SourceId { name: Some(hostile()), repo_url: hostile(), ..SourceId::default() }),
        renderer: Some(Renderer::Helm),
    };
    change.edits = vec![Edit { field: Field::HelmParameter(hostile()), from: Some(hostile()), to: Some(hostile()) }];
    change
}

/// Everything that is shown about hostile values, by who shows it, each without what is ours: color and line breaks.
fn outputs() -> Vec<(&'static str, String)> {
    let git = Destination::Git(GitTarget {
        repository: hostile(),
        branch: Some(hostile()),
        target: Some(hostile()),
        ..git_target()
    });
    let decisions = [hostile_decision(git), hostile_decision(Destination::ANNOTATIONS)];
    let layout = table::Layout { wide: true, headers: true, namespaces: true, color: true, ..table::Layout::default() };
    let change = hostile_change();
    let object = serde_json::json!({
        "metadata": {"name": HOSTILE, "annotations": {HOSTILE: HOSTILE}},
        "spec": {"source": {"helm": {"parameters": [{"name": HOSTILE, "value": HOSTILE}]}}, HOSTILE: [HOSTILE]},
    });
    let mut after = object.clone();
    after["spec"]["source"]["path"] = HOSTILE.into();
    after["metadata"]["name"] = "new".into();
    let target = diff::application(&change, &object, &after);
    let place = Place { annotation: hostile(), value: Arc::from(HOSTILE), span: 3..HOSTILE.len() };
    let diagnostic = Diagnostic::error("code", HOSTILE).about(&key()).at(place).hint(HOSTILE);
    let error = Error::failed(HOSTILE).source(io::Error::other("inner \u{1b}[2J")).hint(HOSTILE);
    let receipts: Vec<_> = [Outcome::Applied, Outcome::Rejected]
        .map(|outcome| Receipt { change: hostile_change(), message: hostile(), ..receipt(outcome) })
        .into();
    vec![
        ("table", table::table(&decisions, layout)),
        ("narrow table", table::table(&decisions, table::Layout { width: Some(80), ..layout })),
        ("markdown", table::markdown(&decisions, layout)),
        ("names", table::names(&decisions, false)),
        ("qualified names", table::names(&decisions, true)),
        ("explain", table::explain(&decisions)),
        ("diff", diff::unified(&target, 9)),
        ("images", diff::image_lines(&change)),
        ("file name", target.file),
        ("diagnostic", diagnostics::diagnostic(&diagnostic)),
        ("error", diagnostics::error(&error)),
        ("receipts", receipts::lines(&receipts, DryRun::None)),
        ("names of receipts", receipts::names(&receipts, true)),
    ]
}

#[test]
fn hostile_text_is_spelled_out_wherever_it_is_shown() {
    for (id, output) in outputs() {
        let plain = anstream::adapter::strip_str(&output).to_string();
        assert!(text::is_safe(&plain), "{id}: {plain:?}");
        assert!(plain.contains('x') && !plain.is_empty(), "{id} shows it: {plain:?}");
        // Nothing of it passes for color of ours either: what is left without color is what was left without styles.
        let uncolored: String = output.split('\u{1b}').skip(1).filter(|rest| !rest.starts_with('[')).collect();
        assert_eq!(uncolored, "", "{id}");
        assert!(!output.contains("[2J\u{1b}") && !output.contains("\u{1b}[2J"), "{id}");
    }
}

#[test]
fn one_value_never_fills_two_lines() {
    let of = |id: &str| outputs().into_iter().find(|(found, _)| *found == id).unwrap().1.lines().count();
    for (id, lines) in [("table", 3), ("markdown", 4), ("names", 1), ("images", 1), ("error", 3), ("receipts", 4)] {
        assert_eq!(of(id), lines, "{id}");
    }
}
