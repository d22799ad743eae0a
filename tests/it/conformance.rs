//! The conformance tables through the binary and a registry: every row that an image list and a tag can express.
//!
//! `strategy` and `annotations` check every row of the same tables in the pure code.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use crate::world::Application;
use crate::world::Backend;
use crate::world::Image;
use crate::world::World;
use crate::world::on_both;

on_both!(constraints_choose_as_in_go, tag_filters_let_through_as_in_go);

const SEMVER: &str = include_str!("../data/semver.jsonl");
const TAG_FILTER: &str = include_str!("../data/tag-filter.jsonl");

/// A row as an Application with a repository of its own.
struct Case {
    number: usize,
    annotations: Vec<(&'static str, String)>,
    /// What follows the image name in the list.
    constraint: String,
    tags: Vec<String>,
    /// `None`: the annotations are refused.
    expected: Option<Choice>,
}

#[derive(Debug, PartialEq, Eq)]
struct Choice {
    /// How many tags are eligible.
    eligible: usize,
    pick: Option<String>,
}

fn rows(table: &str) -> Vec<Value> {
    table.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn expected(row: &Value, refused: &str) -> Option<Choice> {
    let choice = || Choice { eligible: texts(&row["eligible"]).len(), pick: row["pick"].as_str().map(str::to_owned) };
    (row[refused] == false).then(choice)
}

/// Whether a registry can have the tag (OCI distribution specification).
fn is_legal(tag: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= 128 && tag.starts_with(word) && tag.chars().all(|c| word(c) || c == '.' || c == '-')
}

fn constraints_choose_as_in_go(backend: Backend) {
    let rows = rows(SEMVER);
    // A comma separates images.
    let cases = rows.iter().enumerate().filter(|(_, row)| {
        let tags = texts(&row["tags"]);
        !row["constraint"].as_str().unwrap().contains(',') && tags.iter().all(|tag| is_legal(tag))
    });
    let cases: Vec<Case> = cases
        .map(|(number, row)| Case {
            number,
            annotations: Vec::new(),
            constraint: format!(":{}", row["constraint"].as_str().unwrap()),
            tags: texts(&row["tags"]),
            expected: expected(row, "error"),
        })
        .collect();
    assert_eq!((rows.len(), cases.len()), (500, 353), "rows, and rows that can be expressed");
    judge(backend, &cases);
}

fn tag_filters_let_through_as_in_go(backend: Backend) {
    let rows = rows(TAG_FILTER);
    let cases = rows.iter().enumerate().filter(|(_, row)| texts(&row["tags"]).iter().all(|tag| is_legal(tag)));
    let cases: Vec<Case> = cases
        .map(|(number, row)| Case {
            number,
            annotations: vec![
                ("update-strategy", "alphabetical".to_owned()),
                ("web.allow-tags", row["allow_tags"].as_str().unwrap().to_owned()),
                ("web.ignore-tags", row["ignore_tags"].as_str().unwrap().to_owned()),
            ],
            constraint: String::new(),
            tags: texts(&row["tags"]),
            expected: expected(row, "invalid_allow"),
        })
        .collect();
    assert_eq!((rows.len(), cases.len()), (250, 250), "rows, and rows that can be expressed");
    judge(backend, &cases);
}

/// Publishes the tags of all cases, checks them in one run, and compares.
fn judge(backend: Backend, cases: &[Case]) {
    let world = World::new(backend);
    let repositories: Vec<_> = cases.iter().map(|case| (repository(case), case.tags.clone())).collect();
    world.registry().fill(&repositories, &Image::built("2026-10-01T08:00:00Z"));
    let items: Vec<Value> = cases.iter().map(|case| manifest(&world, case)).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let output = world.run_with(&["check", "-f", "-", "-o", "json", "-q"], |invocation| {
        invocation.stdin(list);
    });
    // Some constraints are no constraints.
    let report = output.expect(3).json();
    let found: BTreeMap<&str, &Value> =
        report["items"].as_array().unwrap().iter().map(|item| (item["application"].as_str().unwrap(), item)).collect();
    assert_eq!(found.len(), cases.len());
    let mut mismatches = Vec::new();
    for case in cases {
        let item = found[format!("case-{}", case.number).as_str()];
        let choice = choice(item);
        if choice != case.expected {
            let tags = case.tags.join(" ");
            let rule = format!("{}{:?}", case.constraint, case.annotations);
            mismatches.push(format!("row {}: {rule} of {tags}: {choice:?}, not {:?}", case.number, case.expected));
        }
    }
    assert!(mismatches.is_empty(), "{} of {}:\n{}", mismatches.len(), cases.len(), mismatches.join("\n"));
}

fn repository(case: &Case) -> String {
    format!("case/{}", case.number)
}

fn manifest(world: &World, case: &Case) -> Value {
    let list = format!("web={}{}", world.image(&repository(case)), case.constraint);
    let mut application = Application::named(&format!("case-{}", case.number)).image_list(&list);
    for (key, value) in &case.annotations {
        application = application.annotation(key, value);
    }
    application
        .with(|object| {
            object["spec"]["source"]["helm"] = json!({});
            object.as_object_mut().unwrap().shift_remove("status");
        })
        .into_value()
}

/// What the report says of an image; `None` if its annotations are refused.
fn choice(item: &Value) -> Option<Choice> {
    let eligible = item["tags"]["eligible"].as_u64().map(|count| usize::try_from(count).unwrap());
    let pick = item["candidate"]["tag"].as_str().map(str::to_owned);
    match item["status"].as_str().unwrap() {
        "Invalid" => None,
        // Every tag is ignored: that holds the image, and the registry is not asked.
        "Pinned" => Some(Choice { eligible: 0, pick }),
        _ => Some(Choice { eligible: eligible.unwrap_or(usize::MAX), pick }),
    }
}
