//! What a file is meant to say after an edit, to compare it with what it says.

use std::collections::HashMap;

use granit_parser::ScalarStyle;

use super::New;
use super::scalar;
use super::tree::Content;
use super::tree::NodeId;
use super::tree::Tree;

/// The changes that one edit is meant to make to a tree.
#[derive(Default)]
pub(super) struct Meant {
    /// Scalars with other values.
    pub(super) scalars: HashMap<NodeId, New>,
    /// A new last entry of a mapping.
    pub(super) entry: Option<(NodeId, String, New)>,
    /// A new last item of a list.
    pub(super) item: Option<(NodeId, New)>,
    /// A value where nothing was.
    pub(super) filled: Option<(NodeId, New)>,
    /// The only document of a file that has none, or nothing in it.
    pub(super) root: Option<New>,
    /// The entry or item of a collection that goes away, by its place.
    pub(super) removed: Option<(NodeId, usize)>,
}

/// What a node says, without how it is written.
#[derive(Debug, PartialEq)]
pub(super) struct Shape {
    anchor: Option<usize>,
    tag: Option<String>,
    content: Said,
}

#[derive(Debug, PartialEq)]
enum Said {
    /// Text for every reader.
    Text(String),
    /// A number, a boolean, nothing, or text, as a reader sees fit.
    Other(String),
    List(Vec<Shape>),
    Map(Vec<(Shape, Shape)>),
    /// Of the anchor with this number.
    Alias(Option<usize>),
}

impl Meant {
    /// What the documents of a tree say once the changes are made.
    pub(super) fn shape(&self, tree: &Tree) -> Vec<Shape> {
        match &self.root {
            Some(new) => vec![of_new(new)],
            None => tree.documents.iter().map(|root| self.of_node(tree, *root)).collect(),
        }
    }

    fn of_node(&self, tree: &Tree, id: NodeId) -> Shape {
        let node = tree.node(id);
        let content = if let Some(new) = self.scalars.get(&id) {
            of_new(new).content
        } else if let Some((_, new)) = self.filled.as_ref().filter(|(filled, _)| *filled == id) {
            of_new(new).content
        } else {
            match &node.content {
                Content::Scalar { text, style: ScalarStyle::Plain } if !scalar::reads_as_text(text) => {
                    Said::Other(text.clone())
                }
                Content::Scalar { text, .. } => Said::Text(text.clone()),
                Content::Alias(target) => Said::Alias(tree.node(*target).anchor),
                Content::List { items, .. } => {
                    let kept = items.iter().enumerate().filter(|(place, _)| self.removed != Some((id, *place)));
                    let kept = kept.map(|(_, item)| self.of_node(tree, *item));
                    let added = self.item.iter().filter(|(list, _)| *list == id).map(|(_, new)| of_new(new));
                    Said::List(kept.chain(added).collect())
                }
                Content::Map { entries, .. } => {
                    let kept = entries.iter().enumerate().filter(|(place, _)| self.removed != Some((id, *place)));
                    let kept = kept.map(|(_, (key, value))| (self.of_node(tree, *key), self.of_node(tree, *value)));
                    let added = self.entry.iter().filter(|(map, ..)| *map == id);
                    let added = added.map(|(_, key, new)| (of_new(&New::text(key.as_str())), of_new(new)));
                    Said::Map(kept.chain(added).collect())
                }
            }
        };
        Shape { anchor: node.anchor, tag: node.tag.as_ref().map(granit_parser::Tag::original), content }
    }
}

fn of_new(new: &New) -> Shape {
    let content = match new {
        New::Text(text) => Said::Text(text.clone()),
        New::True => Said::Other("true".to_owned()),
        New::False => Said::Other("false".to_owned()),
        New::List(items) => Said::List(items.iter().map(of_new).collect()),
        New::Map(entries) => {
            Said::Map(entries.iter().map(|(key, new)| (of_new(&New::text(key.as_str())), of_new(new))).collect())
        }
    };
    Shape { anchor: None, tag: None, content }
}
