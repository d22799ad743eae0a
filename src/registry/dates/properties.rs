//! What holds for every answer with push dates: a tag is never said to be older than it is.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::*;
use crate::model::hostile;
use crate::model::image::Repository;
use crate::registry::requests;

static APIS: [&DateApi; 4] = [&DOCKER_HUB, &QUAY, &HARBOR, &ACR];

const ANSWERS: [&str; 5] = [
    r#"{"count":1,"next":"x","results":[{"name":"1","last_updated":"2024-05-01T10:00:00.5Z","tag_last_pushed":"2024-05-01T10:00:01Z"}]}"#,
    r#"{"tags":[{"name":"1","start_ts":1700000000,"last_modified":"x"},{"name":"2","start_ts":-1}],"page":1,"has_additional":true}"#,
    r#"[{"push_time":"2024-05-01T10:00:00.000Z","tags":[{"name":"1"},{"name":"latest"}]},{"push_time":"x","tags":null}]"#,
    r#"{"registry":"a","imageName":"b","tags":[{"name":"1","createdTime":"x","lastUpdateTime":"2018-09-06T06:17:20.9983915Z"}]}"#,
    r#"{"errors":[{"code":"DENIED"}]}"#,
];

const PIECES: [&str; 16] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "null",
    "9999999999999999",
    "-1",
    "\"tags\"",
    "\"results\":",
    "\"name\":",
    "2024",
    "Z",
    "\\u0000",
];

/// The texts of a value, which every tag has to be one of.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
        Value::Object(map) => map.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

fn check(body: &str) -> Result<(), TestCaseError> {
    for api in APIS {
        let Ok(page) = (api.read)(body.as_bytes()) else { continue };
        let value: Value = serde_json::from_str(body).expect("what was read is JSON");
        prop_assert_eq!(value.is_array(), api == &HARBOR);
        let mut found = Vec::new();
        texts(&value, &mut found);
        for row in &page.rows {
            prop_assert!(row.tags.iter().all(|tag| found.contains(tag)), "{:?}", row);
        }
        let mut pushes = Pushes::default();
        pushes.take(page, None);
        prop_assert_eq!(pushes.bound("no tag at all"), None);
    }
    Ok(())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// Pages of rows: when something was pushed, if that is said, and its tags.
fn pages() -> impl Strategy<Value = Vec<Vec<(Option<i64>, Vec<u8>)>>> {
    vec(vec((of(0..20_i64), vec(0..12_u8, 0..3)), 0..4), 0..5)
}

fn page(rows: &[(Option<i64>, Vec<u8>)]) -> Page {
    let row = |(second, tags): &(Option<i64>, Vec<u8>)| Row {
        at: second.map(at),
        tags: tags.iter().map(|tag| format!("t{tag}")).collect(),
    };
    Page { rows: rows.iter().map(row).collect(), more: More::Number }
}

proptest! {
    #![proptest_config(hostile::cases(128))]

    #[test]
    fn answers_are_read_from_what_is_there(body in hostile::hostile(&ANSWERS, &PIECES, 14)) {
        check(&body)?;
    }

    #[test]
    fn answers_of_odd_shapes_are_read_or_refused(body in select(&ANSWERS[..4]).prop_flat_map(|body| {
        hostile::damaged_json(serde_json::from_str(body).expect("JSON"))
    })) {
        check(&body.to_string())?;
    }

    #[test]
    fn no_tag_is_said_to_be_older_than_its_rows(pages in pages()) {
        let mut pushes = Pushes::default();
        let mut rows: BTreeMap<String, Vec<Option<i64>>> = BTreeMap::new();
        let mut dated = Vec::new();
        for some in &pages {
            pushes.take(page(some), Url::parse("https://r.io/next").ok());
            for (second, tags) in some {
                dated.extend(second);
                for tag in tags {
                    rows.entry(format!("t{tag}")).or_default().push(*second);
                }
            }
            for (tag, seconds) in &rows {
                // One row that does not say when, and nothing is said.
                let latest = seconds.iter().copied().collect::<Option<Vec<_>>>().and_then(|seconds| seconds.into_iter().max());
                prop_assert_eq!(pushes.bound(tag), latest.map(at), "{}", tag);
            }
            // Of the others something is said as long as all rows were in order, and there may be more.
            if let Some(bound) = pushes.bound("another") {
                prop_assert!(dated.is_sorted_by(|earlier, later| earlier >= later), "{:?}", dated);
                prop_assert_eq!(Some(bound), dated.last().copied().map(at));
                prop_assert!(pushes.goes_on());
            }
            // Nobody asks for more then.
            if !pushes.goes_on() {
                break;
            }
        }
    }

    #[test]
    fn an_honest_registry_is_never_misread(mut pushed in vec(0..1000_i64, 1..30), sizes in vec(1..7_usize, 30)) {
        pushed.sort_unstable_by(|a, b| b.cmp(a));
        let tags: Vec<_> = pushed.iter().enumerate().map(|(number, second)| (format!("v{number}"), *second)).collect();
        let mut pushes = Pushes::default();
        let mut rest = tags.as_slice();
        for size in sizes {
            let (some, others) = rest.split_at(size.min(rest.len()));
            rest = others;
            let rows = some.iter().map(|(tag, second)| Row { at: Some(at(*second)), tags: vec![tag.clone()] }).collect();
            let next = Url::parse("https://r.io/next").ok().filter(|_| !rest.is_empty());
            pushes.take(Page { rows, more: More::Number }, next);
            for (tag, second) in &tags {
                prop_assert!(pushes.bound(tag).is_none_or(|bound| bound >= at(*second)), "{} at {}", tag, second);
            }
            prop_assert!(some.iter().all(|(tag, second)| pushes.bound(tag) == Some(at(*second))));
        }
    }

    #[test]
    fn pages_are_asked_for_at_the_registry_or_at_the_host_of_its_row(
        path in "[a-z0-9]{1,5}([._-][a-z0-9]{1,3}){0,2}(/[a-z]{1,3}([.-][a-z]){0,1}){0,3}",
        registry in select(vec!["docker.io", "quay.io", "harbor.corp:8443", "a.azurecr.io", "localhost:5000"]),
        number in 1..200_usize,
    ) {
        let repository = Repository::new(Some(registry), &path).expect("an image");
        let endpoint = Endpoint::of(&repository).expect("a host");
        for api in APIS {
            let Some(url) = numbered(api, &endpoint, number) else { continue };
            match api.login {
                Lend::Elsewhere(host) => prop_assert_eq!((url.scheme(), url.host_str()), ("https", Some(host))),
                _ => prop_assert!(requests::same_origin(&url, &endpoint.base)),
            }
            // The name stands in it whole, and nothing of it has become a query.
            let shown = url.path().replace("%252F", "/").replace("/repositories/", "/");
            prop_assert!(shown.contains(repository.path()), "{} in {}", repository, url);
            prop_assert!(requests::has_no_login(&url) && url.fragment().is_none());
        }
    }
}
