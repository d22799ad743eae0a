//! The documents of a YAML or JSON text, each by itself, as the values that kubectl would send.
//!
//! Pure. A broken document does not stop the ones behind it: a line that starts with `---` begins a document wherever
//! it stands, so the text is cut there before it is parsed. Duplicate keys are errors, and so is an alias that is
//! repeated without end.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de;
use serde_json::Map;
use serde_json::Number;
use serde_json::Value;

use crate::model::nesting;

/// One document of a text.
#[derive(Debug)]
pub(super) struct Document {
    /// From 1.
    pub(super) number: usize,
    /// The line it starts at, or the one where it is broken, from 1.
    pub(super) line: usize,
    /// Or why it cannot be read.
    pub(super) value: Result<Value, String>,
}

/// Reads the documents of a text; empty ones are left out.
pub(super) fn documents(text: &str) -> Vec<Document> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.trim_start().starts_with('{') {
        return yaml(text);
    }
    // A flow mapping starts like JSON and need not be any.
    let json = json(text);
    if json.iter().all(|document| document.value.is_ok()) {
        return json;
    }
    let yaml = yaml(text);
    if yaml.iter().all(|document| document.value.is_ok()) { yaml } else { json }
}

/// Objects one behind the other; the first error ends it.
fn json(text: &str) -> Vec<Document> {
    let mut found = Vec::new();
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Unique>();
    let (mut line, mut counted) = (1, 0);
    loop {
        let start = stream.byte_offset();
        let start = start + text[start..].len() - text[start..].trim_start().len();
        let Some(next) = stream.next() else { return found };
        line += newlines(&text[counted..start]);
        counted = start;
        let number = found.len() + 1;
        match next {
            Ok(Unique(value)) => found.push(Document { number, line, value: Ok(value) }),
            Err(error) => {
                let why = without_place(&error.to_string());
                found.push(Document { number, line: error.line(), value: Err(why) });
                return found;
            }
        }
    }
}

fn yaml(text: &str) -> Vec<Document> {
    let mut found = Vec::new();
    for (first_line, chunk) in chunks(text) {
        if nesting::is_too_deep(chunk) {
            found.push(Document {
                number: found.len() + 1,
                line: first_line,
                value: Err(nesting::TOO_DEEP.to_owned()),
            });
            continue;
        }
        // The parser's iterator repeats an error for ever, so the first one ends it.
        for document in serde_yaml::Deserializer::from_str(chunk) {
            let read = serde_yaml::Value::deserialize(document).and_then(|mut value| {
                value.apply_merge()?;
                Ok(value)
            });
            let (line, value) = match read {
                Ok(value) => match as_json(value) {
                    // Also with a tag, which says nothing.
                    Ok(Value::Null) => continue,
                    read => (first_line, read),
                },
                Err(error) => {
                    // What is missing at the end of a document is missed on the line behind it.
                    let line = error.location().map_or(1, |place| place.line()).min(chunk.lines().count());
                    (first_line + line - 1, Err(without_place(&error.to_string())))
                }
            };
            let broken = value.is_err();
            found.push(Document { number: found.len() + 1, line, value });
            if broken {
                break;
            }
        }
    }
    found
}

/// Cuts a text before every line that starts a document and behind every line that ends one, and counts their lines.
fn chunks(text: &str) -> Vec<(usize, &str)> {
    let mut chunks = Vec::new();
    let (mut start, mut first_line, mut line, mut end) = (0, 1, 1, 0);
    for row in text.split_inclusive('\n') {
        if is_marker(row, "---") {
            chunks.push((first_line, &text[start..end]));
            (start, first_line) = (end, line);
        }
        end += row.len();
        line += 1;
        if is_marker(row, "...") {
            chunks.push((first_line, &text[start..end]));
            (start, first_line) = (end, line);
        }
    }
    chunks.push((first_line, &text[start..]));
    // What stands before the first document may be comments and `%YAML`, which are none.
    let says_something = |row: &str| !matches!(row.trim_start().chars().next(), None | Some('#' | '%'));
    chunks.retain(|(_, chunk)| chunk.lines().any(says_something));
    chunks
}

fn is_marker(row: &str, marker: &str) -> bool {
    row.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|b| *b == b'\n').count()
}

/// The parsers count lines from where they were started; the place is said by us.
fn without_place(message: &str) -> String {
    let end = message.find(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}

/// What kubectl makes of YAML: keys become texts, and tags are dropped.
fn as_json(value: serde_yaml::Value) -> Result<Value, String> {
    Ok(match value {
        serde_yaml::Value::Null => Value::Null,
        serde_yaml::Value::Bool(value) => Value::Bool(value),
        serde_yaml::Value::Number(number) => Value::Number(as_json_number(&number)?),
        serde_yaml::Value::String(text) => Value::String(text),
        serde_yaml::Value::Sequence(items) => Value::Array(items.into_iter().map(as_json).collect::<Result<_, _>>()?),
        serde_yaml::Value::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let key = match key {
                    serde_yaml::Value::String(text) => text,
                    serde_yaml::Value::Number(number) => number.to_string(),
                    serde_yaml::Value::Bool(value) => value.to_string(),
                    _ => return Err("a key is neither text nor number".to_owned()),
                };
                if object.contains_key(&key) {
                    return Err(format!("duplicate key `{}`", key.escape_debug()));
                }
                object.insert(key, as_json(value)?);
            }
            Value::Object(object)
        }
        serde_yaml::Value::Tagged(tagged) => as_json(tagged.value)?,
    })
}

fn as_json_number(number: &serde_yaml::Number) -> Result<Number, String> {
    let whole = number.as_i64().map(Number::from).or_else(|| number.as_u64().map(Number::from));
    let any = whole.or_else(|| number.as_f64().and_then(Number::from_f64));
    any.ok_or_else(|| format!("the number `{number}` is none in JSON"))
}

/// A JSON value in which no object has a key twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> de::Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(de::Error::custom(format!("duplicate key `{}`", key.escape_debug())));
            }
            let Unique(value) = entries.next_value()?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Number, line, and the value or what is wrong with it.
    fn read(text: &str) -> Vec<(usize, usize, Value)> {
        let value = |document: Document| document.value.unwrap_or_else(|why| Value::String(format!("ERROR {why}")));
        documents(text).into_iter().map(|d| (d.number, d.line, value(d))).collect()
    }

    fn error(text: &str) -> String {
        let errors: Vec<String> = documents(text).into_iter().filter_map(|d| d.value.err()).collect();
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        errors[0].clone()
    }

    #[test]
    fn documents_are_counted_with_their_lines() {
        let text = "# head\n%YAML 1.1\n---\na: 1\n--- # two\n\nb: 2\n---\n# nothing\n---\nc: |\n  x\n  ---\n...\nd: 4\n--- {e: 5}\n";
        assert_eq!(
            read(text),
            [
                (1, 3, json!({"a": 1})),
                (2, 5, json!({"b": 2})),
                (3, 10, json!({"c": "x\n---\n"})),
                (4, 15, json!({"d": 4})),
                (5, 16, json!({"e": 5})),
            ]
        );
        assert_eq!(
            read("a: 1\n...\n---\nb: 2\r\n---\r\nc: 3"),
            [(1, 1, json!({"a": 1})), (2, 3, json!({"b": 2})), (3, 5, json!({"c": 3}))]
        );
        assert_eq!(read("\u{feff}a: 1"), [(1, 1, json!({"a": 1}))]);
        assert!(read("").is_empty() && read("---\n---\n# x\n").is_empty());
        assert!(read("!custom }").iter().all(|(_, _, value)| !value.is_null()));
        assert_eq!(read("---not\n"), [(1, 1, json!("---not"))]);
    }

    #[test]
    fn json_is_read_as_json() {
        let pair = "{\"a\": \"\\ud83d\\ude00\"}\n\n {\"b\": [1, -1, 1.5, true, null]}\n";
        assert_eq!(read(pair), [(1, 1, json!({"a": "😀"})), (2, 3, json!({"b": [1, -1, 1.5, true, null]}))]);
        assert_eq!(read("{a: b}"), [(1, 1, json!({"a": "b"}))], "a flow mapping");
        assert_eq!(read("{a: b}\n---\nc: d"), [(1, 1, json!({"a": "b"})), (2, 2, json!({"c": "d"}))]);
        assert_eq!(read("{\"a\": 1}\n{\"b\": }"), [(1, 1, json!({"a": 1})), (2, 2, json!("ERROR expected value"))]);
    }

    #[test]
    fn a_broken_document_hides_no_other() {
        let text = "a: 1\n---\nb: [\n---\nc: 3\n---\n\td: 4\n---\ne: 5\n";
        let found = read(text);
        assert_eq!(found.iter().map(|(_, line, _)| *line).collect::<Vec<_>>(), [1, 3, 4, 7, 8]);
        assert_eq!(found.iter().filter(|(_, _, v)| v.is_object()).count(), 3);
    }

    #[test]
    fn yaml_becomes_what_kubectl_sends() {
        for (text, expected) in [
            ("a: &x {b: 1}\nc: {<<: *x, d: 2}", json!({"a": {"b": 1}, "c": {"b": 1, "d": 2}})),
            ("1: a\ntrue: b", json!({"1": "a", "true": "b"})),
            ("a: !!str 1.10", json!({"a": "1.10"})),
            ("a: !custom x", json!({"a": "x"})),
            ("a: 0x10", json!({"a": 16})),
            ("a: 1.10", json!({"a": 1.1})),
            ("a: 18446744073709551615", json!({"a": u64::MAX})),
            ("a: '1.10'\nb: ~\nc: \"x\\ty\"", json!({"a": "1.10", "b": null, "c": "x\ty"})),
        ] {
            assert_eq!(read(text), [(1, 1, expected)], "{text}");
        }
    }

    #[test]
    fn what_cannot_be_trusted_is_refused() {
        assert!(error("a: 1\na: 2").contains("duplicate entry with key \"a\""));
        assert_eq!(error("1: a\n'1': b"), "duplicate key `1`");
        assert_eq!(error("{\"a\": {\"b\": 1, \"b\": 2}}"), "duplicate key `b`");
        assert!(error("a: .nan").contains("is none in JSON"));
        assert_eq!(error("[a]: b"), "a key is neither text nor number");
        let bomb: String = (1..10).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
            text + &format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "))
        });
        assert!(error(&bomb).contains("repetition limit exceeded"));
        assert!(error(&format!("a: {}", "[".repeat(1_000))).contains("recursion limit exceeded"));
        assert!(error(&format!("{{\"a\": {}", "[".repeat(10_000))).contains("recursion limit exceeded"));
        for (opening, levels) in [("[", 300_000), ("{a: ", 100_000), ("[\"]\", ", 100_000)] {
            assert_eq!(error(&format!("a: {}", opening.repeat(levels))), "brackets are nested too deep");
        }
        assert!(error("a: *nobody").contains("unknown anchor"));
        assert!(error("a: &x [*x]").contains("recursion limit exceeded") || error("a: &x [*x]").contains("repetition"));
    }
}
