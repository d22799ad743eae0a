//! A YAML document as a tree that keeps every key, twice too, and the line that each node is on. Pure.
//!
//! serde gives a place only for what fails. So a node is found by reading the text again and failing on purpose when it
//! is reached; that happens once for each problem, and once for each entry.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de;
use serde::de::DeserializeSeed;
use serde::de::IgnoredAny;
use serde::de::Visitor;

use crate::model::nesting;

/// A node of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Integer(i64),
    /// Any other number.
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// What kind of value it is, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// One step from a node to one inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Item(usize),
    /// The key of the entry of this number, not its value.
    Key(usize),
    Value(usize),
}

/// Reads the first document of a text, and says whether another follows that is not empty; nothing is an empty document.
///
/// # Errors
/// The line where it stops being YAML, and why.
pub(super) fn read(text: &str) -> Result<(Node, bool), (usize, String)> {
    if nesting::is_too_deep(text) {
        return Err((1, nesting::TOO_DEEP.to_owned()));
    }
    let mut documents = serde_yaml::Deserializer::from_str(text);
    let first = documents.next().map_or(Ok(Node::Null), Node::deserialize).map_err(|error| {
        let text = error.to_string();
        let line = error.location().map_or(1, |place| place.line());
        // The place is said apart.
        let why = text.split(" at line ").next().unwrap_or(&text).to_owned();
        (line, why)
    })?;
    // One that is broken is not empty.
    let more = documents.any(|document| !matches!(Node::deserialize(document), Ok(Node::Null)));
    Ok((first, more))
}

/// The line, from 1, on which a node begins.
pub(super) fn line(text: &str, path: &[Step]) -> usize {
    let found = seek(text, path, Wanted::Place);
    found.err().and_then(|error| Some(error.location()?.line())).unwrap_or(1)
}

/// A scalar as it is written, whatever it is: what a key that takes text has in a value that looks like a number.
pub(super) fn source(text: &str, path: &[Step]) -> Option<String> {
    seek(text, path, Wanted::Source).ok()?
}

fn seek(text: &str, path: &[Step], wanted: Wanted) -> Result<Option<String>, serde_yaml::Error> {
    let first = serde_yaml::Deserializer::from_str(text).next();
    first.map_or(Ok(None), |document| Seek(path, wanted).deserialize(document))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a plain value without a tag")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }

            /// A text without any document.
            fn visit_none<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Integer(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
                Ok(Node::Number(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Text(value.to_owned()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Node::List(list))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
                let mut map = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    map.push(entry);
                }
                Ok(Node::Map(map))
            }
        }

        deserializer.deserialize_any(Read)
    }
}

/// What is wanted of the node that a path leads to.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// Its place, which only an error has.
    Place,
    Source,
}

/// Goes to the node that the path leads to.
struct Seek<'a>(&'a [Step], Wanted);

const HERE: &str = "here";

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<String>, D::Error> {
        match self {
            Self([], Wanted::Source) => String::deserialize(deserializer).map(Some),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the node that is looked for")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<String>, E> {
        Err(E::custom(HERE))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Option<String>, E> {
        Err(E::custom(HERE))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Option<String>, E> {
        Err(E::custom(HERE))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Option<String>, E> {
        Err(E::custom(HERE))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Option<String>, E> {
        Err(E::custom(HERE))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Option<String>, E> {
        Err(E::custom(HERE))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Option<String>, A::Error> {
        let Some((Step::Item(number), rest)) = self.0.split_first() else { return Err(de::Error::custom(HERE)) };
        for _ in 0..*number {
            items.next_element::<IgnoredAny>()?;
        }
        let found = items.next_element_seed(Seek(rest, self.1))?.flatten();
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Option<String>, A::Error> {
        let Some((step, rest)) = self.0.split_first() else { return Err(de::Error::custom(HERE)) };
        let (Step::Item(number) | Step::Key(number) | Step::Value(number)) = *step;
        for _ in 0..number {
            entries.next_entry::<IgnoredAny, IgnoredAny>()?;
        }
        if matches!(step, Step::Key(_)) {
            return entries.next_key_seed(Seek(&[], self.1)).map(Option::flatten);
        }
        entries.next_key::<IgnoredAny>()?;
        let found = entries.next_value_seed(Seek(rest, self.1))?;
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_is_found_on_its_line() {
        let text = "# a comment\nregistries:\n- name: one\n  limit: 5\n\n- {name: two,\n   name: again}\n- |\n  long\n";
        let entries = |number, step| [Step::Value(0), Step::Item(number), step];
        for (path, expected) in [
            (&[][..], 2),
            (&[Step::Key(0)], 2),
            (&[Step::Value(0)], 3),
            (&entries(0, Step::Key(0)), 3),
            (&entries(0, Step::Value(1)), 4),
            (&entries(1, Step::Key(0)), 6),
            (&entries(1, Step::Key(1)), 7),
            (&[Step::Value(0), Step::Item(2)], 8),
            (&[Step::Value(0), Step::Item(9)], 1),
        ] {
            assert_eq!(line(text, path), expected, "{path:?}");
        }
    }

    #[test]
    fn a_key_that_comes_twice_is_kept_twice() {
        let text = |text: &str| Node::Text(text.to_owned());
        let map = Node::Map(vec![(text("a"), Node::Integer(1)), (text("a"), Node::Null)]);
        assert_eq!(read("{a: 1, a: }"), Ok((map, false)));
        assert_eq!(read("# nothing\n"), Ok((Node::Null, false)));
        assert_eq!(read(""), Ok((Node::Null, false)));
        for (text, line) in [("a: b: c\n", 1), ("a: 1\n b: 2\n", 2), ("x: !tag 1", 1)] {
            assert_eq!(read(text).unwrap_err().0, line, "{text}");
        }
        assert_eq!(read(&format!("a: {}", "[".repeat(300_000))), Err((1, nesting::TOO_DEEP.to_owned())));
        let bomb = (1..30).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]", n - 1)).collect::<Vec<_>>().join("\n");
        assert!(read(&format!("a0: &a0 x\n{bomb}")).is_err());
    }

    #[test]
    fn the_first_document_counts() {
        let one = Node::Map(vec![(Node::Text("a".to_owned()), Node::Integer(1))]);
        for (rest, more) in
            [("", false), ("---\n", false), ("...\n---\n# x\n", false), ("---\nb: 2\n", true), ("---\n[\n", true)]
        {
            assert_eq!(read(&format!("---\na: 1\n{rest}")), Ok((one.clone(), more)), "{rest}");
        }
        assert_eq!(line("---\na: 1\n---\nb: 2\n", &[Step::Value(0)]), 2);
    }

    #[test]
    fn a_scalar_is_known_as_it_is_written() {
        for value in ["1", "0x10", "1.50", "007", "true", "text", "1e3"] {
            let text = format!("- {{a: x, b: {value}, c: 2}}\n- 3\n---\n");
            assert_eq!(source(&text, &[Step::Item(0), Step::Value(1)]).as_deref(), Some(value));
        }
        assert_eq!(source("- {a: [1]}", &[Step::Item(0), Step::Value(0)]), None);
        assert_eq!(source("- {a: 1}", &[Step::Item(3)]), None);
    }
}
