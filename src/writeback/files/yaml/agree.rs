//! A second opinion: a file is read by libyaml too, which the readers of Helm, Kustomize and Argo CD descend from.
//!
//! Nothing is built and no alias is expanded without end; the second reader only walks along the tree of the first.

use std::cell::Cell;
use std::fmt;

use granit_parser::ScalarStyle;
use serde::Deserializer;
use serde::de;
use serde::de::DeserializeSeed;
use serde::de::Visitor;

use super::Refusal;
use super::scalar;
use super::tree::Content;
use super::tree::NodeId;
use super::tree::Tree;

/// How many nodes are looked at, aliases expanded: about as many as the largest file can have without any.
const MOST_NODES: usize = 2_000_000;

/// What is said where the two readers differ; it marks our own errors among the parser's.
const DIFFERENT: &str = "two YAML readers take this for different things";

/// Checks that both readers read the same out of a text.
///
/// # Errors
/// They do not, or the second cannot read it.
pub(super) fn agree(text: &str, tree: &Tree) -> Result<(), Refusal> {
    if tree.documents.is_empty() {
        return Ok(());
    }
    let left = Cell::new(MOST_NODES);
    let mut documents = serde_yaml::Deserializer::from_str(text);
    for root in &tree.documents {
        let document = documents.next().ok_or_else(|| Refusal::new(DIFFERENT))?;
        let walk = Walk { tree, node: *root, left: &left };
        walk.deserialize(document).map_err(|error| {
            let message = error.to_string();
            // The parser says the path to it, too.
            let message = if message.contains(DIFFERENT) { DIFFERENT } else { &message };
            let end = message.rfind(" at line ").unwrap_or(message.len());
            let place = error.location().map(|place| super::Place { line: place.line(), column: place.column() });
            Refusal { place, ..Refusal::new(&message[..end]) }
        })?;
    }
    if documents.next().is_some() { Err(Refusal::new(DIFFERENT)) } else { Ok(()) }
}

/// A node that the second reader reads now.
#[derive(Clone, Copy)]
struct Walk<'a> {
    tree: &'a Tree,
    node: NodeId,
    left: &'a Cell<usize>,
}

impl Walk<'_> {
    fn to(self, node: NodeId) -> Self {
        Self { node, ..self }
    }

    fn content(&self) -> &Content {
        &self.tree.node(self.tree.resolved(self.node)).content
    }

    /// Something that is no text for the second reader: so the scalar must not be one for us.
    fn other<E: de::Error>(self) -> Result<(), E> {
        match self.content() {
            Content::Scalar { text, style: ScalarStyle::Plain } if !scalar::reads_as_text(text) => Ok(()),
            // `!!int "1"`
            Content::Scalar { .. } if self.tree.node(self.tree.resolved(self.node)).tag.is_some() => Ok(()),
            _ => Err(E::custom(DIFFERENT)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| de::Error::custom("aliases repeat too much"))?;
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what the first reader read")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.other()
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        self.other()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        self.other()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        self.other()
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<(), E> {
        self.other()
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<(), E> {
        self.other()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.other()
    }

    fn visit_str<E: de::Error>(self, found: &str) -> Result<(), E> {
        match self.content() {
            Content::Scalar { text, .. } if same_text(text, found) => Ok(()),
            _ => Err(E::custom(DIFFERENT)),
        }
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut found: A) -> Result<(), A::Error> {
        let Content::List { items, .. } = self.content() else { return Err(de::Error::custom(DIFFERENT)) };
        for item in items {
            found.next_element_seed(self.to(*item))?.ok_or_else(|| de::Error::custom(DIFFERENT))?;
        }
        let more = found.next_element::<de::IgnoredAny>()?;
        more.map_or(Ok(()), |_| Err(de::Error::custom(DIFFERENT)))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut found: A) -> Result<(), A::Error> {
        let Content::Map { entries, .. } = self.content() else { return Err(de::Error::custom(DIFFERENT)) };
        for (key, value) in entries {
            found.next_key_seed(self.to(*key))?.ok_or_else(|| de::Error::custom(DIFFERENT))?;
            found.next_value_seed(self.to(*value))?;
        }
        let more = found.next_key::<de::IgnoredAny>()?;
        more.map_or(Ok(()), |_| Err(de::Error::custom(DIFFERENT)))
    }

    fn visit_enum<A: de::EnumAccess<'de>>(self, found: A) -> Result<(), A::Error> {
        let (_, content) = found.variant::<de::IgnoredAny>()?;
        de::VariantAccess::newtype_variant_seed(content, self)
    }
}

/// Whether both readers found one text. They end the last line of a file without a line break in different ways.
fn same_text(ours: &str, theirs: &str) -> bool {
    ours == theirs || ours.strip_suffix('\n') == Some(theirs)
}
