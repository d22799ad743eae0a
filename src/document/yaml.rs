//! YAML that every reader reads alike. The library writes a string as plain as YAML 1.2 allows; readers of YAML 1.1
//! (`PyYAML`, Ruby's Psych, and Go's for some words) take `2026-11-22T09:00:00Z` for a time then, `1_000` for a number
//! and `on` for a boolean. Here a string stands without quotes only if it is a word to all of them.

use std::fmt::Write as _;

use serde_json::Value;

/// A JSON value as a YAML document, ending in a line break.
pub(super) fn write(value: &Value) -> String {
    let mut text = String::new();
    below(&mut text, value, 0, true);
    text.push('\n');
    text
}

/// Writes a value behind a key or a dash, or at the start of a line of its own.
fn below(text: &mut String, value: &Value, indent: usize, at_line_start: bool) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let mut begins = at_line_start;
            for (key, value) in fields {
                if !std::mem::take(&mut begins) {
                    line(text, indent);
                }
                text.push_str(&string(key));
                text.push(':');
                // Lists stand right under their key, as kubectl writes them.
                let indent = if value.is_array() { indent } else { indent + 2 };
                if is_block(value) { below(text, value, indent, false) } else { scalar(text, value) }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let mut begins = at_line_start;
            for item in items {
                if !std::mem::take(&mut begins) {
                    line(text, indent);
                }
                text.push('-');
                if is_block(item) {
                    text.push(' ');
                    below(text, item, indent + 2, true);
                } else {
                    scalar(text, item);
                }
            }
        }
        value => scalar(text, value),
    }
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

fn line(text: &mut String, indent: usize) {
    let _ = write!(text, "\n{:indent$}", "");
}

fn scalar(text: &mut String, value: &Value) {
    if !text.is_empty() {
        text.push(' ');
    }
    match value {
        Value::String(words) => text.push_str(&string(words)),
        // The empty ones are written as in JSON.
        other => text.push_str(&other.to_string()),
    }
}

/// A string, in quotes unless every reader takes it for one without.
fn string(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let quoted = serde_json::to_string(text).expect("a string is JSON");
    let mut escaped = String::with_capacity(quoted.len());
    for character in quoted.chars() {
        // What YAML does not count as printable, which JSON lets stand.
        if matches!(character, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') {
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let is_word_character = |c: char| c.is_ascii_alphanumeric() || " _-./@+:".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(is_word_character)
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_look_as_kubectl_writes_them() {
        let document = json!({
            "kind": "Plan", "complete": true, "none": null, "empty": {}, "changes": [],
            "items": [{"tag": "v1.0.0", "list": [1, "2"], "deep": {"a": {"b": "c"}}}, [], {}, "x", ["y", ["z"]]],
            "on": "2026-11-22T09:00:00Z",
        });
        let expected = "kind: Plan\ncomplete: true\nnone: null\nempty: {}\nchanges: []\nitems:\n- tag: v1.0.0\n  list:\n  - 1\n  - \"2\"\n  \
                        deep:\n    a:\n      b: c\n- []\n- {}\n- x\n- - \"y\"\n  - - z\n\"on\": \"2026-11-22T09:00:00Z\"\n";
        assert_eq!(write(&document), expected);
        assert_eq!(serde_yaml::from_str::<Value>(expected).unwrap(), document);
        for (value, text) in [(json!({}), "{}\n"), (json!([]), "[]\n"), (json!("a"), "a\n"), (json!(1), "1\n")] {
            assert_eq!(write(&value), text);
        }
    }

    #[test]
    fn strings_are_strings_to_every_reader() {
        for (text, written) in [
            ("v1.0.1", "v1.0.1"),
            ("ghcr.io/acme/web:1.2", "ghcr.io/acme/web:1.2"),
            ("newest of 3 tags", "newest of 3 tags"),
            ("https://git.example.com/x.git", "https://git.example.com/x.git"),
            ("/charts/web", "/charts/web"),
            ("", "\"\""),
            ("Yes", "\"Yes\""),
            ("off", "\"off\""),
            ("y", "\"y\""),
            ("~", "\"~\""),
            ("1_000", "\"1_000\""),
            ("685_230.15", "\"685_230.15\""),
            ("12:30:45", "\"12:30:45\""),
            ("2024-01-01", "\"2024-01-01\""),
            (".5", "\".5\""),
            ("=", "\"=\""),
            ("<<", "\"<<\""),
            ("a: b", "\"a: b\""),
            ("a:", "\"a:\""),
            ("a #b", "\"a #b\""),
            ("a ", "\"a \""),
            ("~1.0", "\"~1.0\""),
            ("sha256:ab", "sha256:ab"),
            ("a\nb\u{1b}\u{85}\u{7f}", "\"a\\nb\\u001b\\u0085\\u007f\""),
        ] {
            assert_eq!(string(text), written);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(texts in proptest::collection::vec(proptest::prelude::any::<String>(), 1..4)) {
            let document = json!({"a": texts, "b": [{"c": texts[0]}], (texts[0].clone()): 1});
            proptest::prop_assert_eq!(serde_yaml::from_str::<Value>(&write(&document)).unwrap(), document);
        }
    }
}
