//! Texts as hostile and hurried people write them: what the property tests of all modules are fed with.
//!
//! Three kinds, from the plainest to the one that finds most: any text, text made of the pieces of a grammar, and
//! valid examples that were damaged. Nothing is written to disk: a failing case is shown whole, to become a row of a
//! table.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::sample::select;
use proptest::test_runner::Config;
use serde_json::Value;
use serde_json::json;

use crate::model::image::Reference;
use crate::model::image::Repository;

/// How a property is tried: so many times, or in proportion if `PROPTEST_CASES` asks for other than the usual 256.
pub(crate) fn cases(usual: u32) -> Config {
    let config = Config::default();
    let cases = u64::from(config.cases) * u64::from(usual) / 256;
    Config {
        cases: u32::try_from(cases).unwrap_or(u32::MAX).max(1),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..config
    }
}

/// Characters that have tripped somebody: of controls, of both directions, without width, wide, of four bytes.
const ODD: [char; 30] = [
    '\0',
    '\u{1b}',
    '\u{7}',
    '\r',
    '\n',
    '\t',
    '\u{7f}',
    '\u{85}',
    '\u{9b}',
    '\u{a0}',
    '\u{ad}',
    '\u{61c}',
    '\u{200b}',
    '\u{200f}',
    '\u{2028}',
    '\u{202e}',
    '\u{2066}',
    '\u{feff}',
    '\u{fffd}',
    '\u{fffe}',
    '\u{e0041}',
    '\u{1f600}',
    'é',
    'ß',
    'İ',
    '漢',
    'e',
    '\u{301}',
    '\u{212a}',
    '١',
];

/// Any character, an odd one or one of ASCII more often than not.
pub(crate) fn character() -> impl Strategy<Value = char> {
    prop_oneof![4 => proptest::char::range(' ', '~'), 2 => select(&ODD[..]), 1 => any::<char>()]
}

/// Any text of up to `most` characters.
pub(crate) fn text(most: usize) -> impl Strategy<Value = String> {
    vec(character(), 0..=most).prop_map(String::from_iter)
}

/// Any bytes, text more often than not.
pub(crate) fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => text(most).prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..=most)]
}

/// A text of up to `most` pieces of a grammar, seldom with something else between them.
pub(crate) fn pieces(of: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![12 => select(of).prop_map(str::to_owned), 1 => text(3)];
    vec(piece, 0..=most).prop_map(|pieces| pieces.concat())
}

/// Valid examples with some damage, or none: pieces cut out, doubled, repeated, moved, put in, or of another example.
pub(crate) fn damaged(examples: &'static [&'static str], of: &'static [&'static str]) -> impl Strategy<Value = String> {
    let wound = (0..8_u8, any::<Index>(), any::<Index>(), prop_oneof![select(of).prop_map(str::to_owned), text(2)]);
    (select(examples), select(examples), vec(wound, 0..6)).prop_map(|(example, other, wounds)| {
        wounds.into_iter().fold(example.to_owned(), |text, (kind, from, to, piece)| {
            let range = range(&text, from, to);
            damage(&text, kind, range, (&piece, other))
        })
    })
}

/// Any of the three, the last most often.
pub(crate) fn hostile(
    examples: &'static [&'static str],
    of: &'static [&'static str],
    most: usize,
) -> impl Strategy<Value = String> {
    prop_oneof![1 => text(most), 3 => pieces(of, most), 4 => damaged(examples, of)]
}

/// A range of a text between two characters of it.
fn range(text: &str, from: Index, to: Index) -> Range<usize> {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let (from, to) = (from.get(&places), to.get(&places));
    *from.min(to)..*from.max(to)
}

fn damage(text: &str, kind: u8, range: Range<usize>, (piece, other): (&str, &str)) -> String {
    let (before, inside, after) = (&text[..range.start], &text[range.clone()], &text[range.end..]);
    match kind {
        0 => format!("{before}{after}"),
        1 => format!("{before}{piece}{inside}{after}"),
        2 => format!("{before}{piece}{after}"),
        3 => format!("{before}{inside}{inside}{after}"),
        4 if inside.len() < 256 => format!("{before}{}{after}", inside.repeat(17)),
        5 => format!("{after}{inside}{before}"),
        6 => format!("{before}{}{after}", inside.to_uppercase()),
        _ => {
            let start = (0..=range.start.min(other.len())).rev().find(|at| other.is_char_boundary(*at)).unwrap_or(0);
            format!("{before}{}", &other[start..])
        }
    }
}

/// Any JSON value, small but of every kind.
pub(crate) fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Halves alone: the last digit of others is lost by the reader, and no field that is read holds one.
        any::<i32>().prop_map(|halves| Value::from(f64::from(halves) / 2.0)),
        text(8).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(6), inner), 0..4).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// A valid document in which up to four values, wherever they stand, are replaced, removed or doubled.
pub(crate) fn damaged_json(example: Value) -> impl Strategy<Value = Value> {
    let odd = prop_oneof![
        json_value(),
        select(vec![json!(null), json!(0), json!(""), json!([]), json!({}), json!([null]), json!({"": null})]),
    ];
    vec((any::<Index>(), 0..4_u8, odd), 0..5).prop_map(move |damages| {
        let mut document = example.clone();
        for (at, kind, odd) in damages {
            let mut paths = Vec::new();
            pointers(&document, String::new(), &mut paths);
            let path = at.get(&paths);
            match (kind, path.rsplit_once('/')) {
                (0, Some((parent, key))) => remove(&mut document, parent, key),
                (1, _) => {
                    let value = document.pointer_mut(path).expect("a place of the document");
                    *value = Value::Array(vec![value.clone(), value.clone()]);
                }
                _ => *document.pointer_mut(path).expect("a place of the document") = odd,
            }
        }
        document
    })
}

fn pointers(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                pointers(value, format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| pointers(value, format!("{path}/{index}"), found));
        }
        _ => {}
    }
    found.push(path);
}

fn remove(document: &mut Value, parent: &str, key: &str) {
    match document.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.shift_remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(list)) => {
            list.remove(key.parse().expect("an index"));
        }
        _ => {}
    }
}

/// Whether a text is one line without any character that a terminal obeys.
pub(crate) fn is_one_plain_line(text: &str) -> bool {
    let reorders =
        |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| c.is_control() || reorders(c) || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Whether a place can be cut out of a text.
pub(crate) fn is_inside(span: &Range<usize>, text: &str) -> bool {
    span.start <= span.end && text.get(span.clone()).is_some()
}

/// A repository, of several registries.
pub(crate) fn repository() -> impl Strategy<Value = Repository> {
    let images =
        ["nginx", "acme/web", "ghcr.io/acme/web", "[::1]:5000/a/b", "localhost/x", "reg.example.com:8443/a/b/c"];
    select(images.to_vec()).prop_map(|image| Reference::parse(image).repository().expect("an image"))
}
