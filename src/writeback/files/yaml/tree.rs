//! A YAML text as a tree of nodes that know their place in it. No alias is ever expanded: it points to its node.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::HashSet;
use std::ops::Range;

use granit_parser::Event;
use granit_parser::Parser;
use granit_parser::ScalarStyle;
use granit_parser::Span;
use granit_parser::StructureStyle;
use granit_parser::Tag;

use super::Place;
use super::Refusal;

/// How deep blocks may be nested, and flow collections inside them. Together they stay below the recursion limit of the
/// second reader, and far above what people write.
const MOST_NESTED: usize = 60;

pub(in crate::writeback::files) type NodeId = usize;

/// The documents of a text.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// The root of each document.
    pub(super) documents: Vec<NodeId>,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Where its content stands; of a block collection only the start is meant.
    pub(super) span: Range<usize>,
    /// Where it starts, with its anchor and tag.
    pub(super) outer_start: usize,
    pub(super) anchor: Option<usize>,
    pub(super) tag: Option<Tag>,
    /// Whether a flow collection is around it.
    pub(super) in_flow: bool,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    /// The text as it is written, escapes and folding undone; empty where nothing is written.
    Scalar {
        text: String,
        style: ScalarStyle,
    },
    List {
        items: Vec<NodeId>,
        flow: bool,
    },
    Map {
        entries: Vec<(NodeId, NodeId)>,
        flow: bool,
    },
    Alias(NodeId),
}

impl Node {
    /// Whether nothing is written where the node is.
    pub(super) fn is_empty(&self) -> bool {
        self.span.is_empty() && matches!(&self.content, Content::Scalar { style: ScalarStyle::Plain, .. })
    }
}

impl Tree {
    /// Reads a text.
    ///
    /// # Errors
    /// It is not YAML, nested too deeply, or holds what makes a place in it ambiguous: a key that comes twice, a key
    /// that is no scalar, an alias inside what it stands for.
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let mut options = granit_parser::options! {
            emit_anchor_events: true,
            block_nesting_limit: MOST_NESTED,
            flow_nesting_limit: MOST_NESTED,
        };
        options.set_emit_comments(false);
        let mut builder = Builder { text, ..Builder::default() };
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| {
                let place = Place { line: error.marker().line(), column: error.marker().col() + 1 };
                Refusal::at(place, format!("it is not YAML: {}", error.info())).maybe_template(text)
            })?;
            builder.take(event, &span)?;
        }
        Ok(builder.tree)
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// The node that an alias stands for; any other node is itself. One step is enough: an alias has no anchor.
    pub(super) fn resolved(&self, id: NodeId) -> NodeId {
        match self.nodes[id].content {
            Content::Alias(target) => target,
            _ => id,
        }
    }

    /// Where the last line of a node ends, comments and the line break behind it not counted.
    pub(super) fn end(&self, text: &str, id: NodeId) -> usize {
        let node = &self.nodes[id];
        let last = match &node.content {
            Content::List { items, flow: false } => items.last().map(|item| self.end(text, *item)),
            Content::Map { entries, flow: false } => entries.last().map(|entry| self.entry_end(text, *entry)),
            Content::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, text: value } => {
                // Blank lines at the end are content only if they are kept (`|+`).
                let kept = value.ends_with("\n\n") || value == "\n";
                let end = if kept { node.span.end } else { text[..node.span.end].trim_end().len() };
                return end;
            }
            _ => None,
        };
        last.map_or(node.span.end, |last| last.max(node.span.start))
    }

    /// Where the last line of an entry of a mapping ends.
    pub(super) fn entry_end(&self, text: &str, (key, value): (NodeId, NodeId)) -> usize {
        let end = self.end(text, value).max(self.nodes[key].span.end);
        if self.nodes[value].is_empty() { after_colon(text, end).unwrap_or(end) } else { end }
    }

    /// How deep a key is indented, in characters.
    pub(super) fn column(&self, text: &str, id: NodeId) -> usize {
        let start = self.nodes[id].outer_start;
        text[line_start(text, start)..start].chars().count()
    }

    pub(super) fn ids(&self) -> Range<NodeId> {
        0..self.nodes.len()
    }
}

/// The place behind a `:` that only blanks separate from `at`.
pub(super) fn after_colon(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    rest[blanks..].starts_with(':').then_some(at + blanks + 1)
}

/// Where the line begins that `at` is on.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

#[derive(Default)]
struct Builder<'a> {
    text: &'a str,
    tree: Tree,
    anchors: HashMap<usize, NodeId>,
    open: Vec<Open>,
}

/// A collection that is not complete yet.
struct Open {
    node: NodeId,
    /// The key whose value comes next.
    key: Option<NodeId>,
    keys: HashSet<String>,
    flow: bool,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Refusal> {
        let range = span.byte_range().unwrap_or_default();
        let flow = |style| matches!(style, StructureStyle::Flow);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let nothing = range.is_empty() && style == ScalarStyle::Plain;
                let text = if nothing { String::new() } else { text.into_owned() };
                self.add(span, anchor, tag.map(Cow::into_owned), Content::Scalar { text, style })?;
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied();
                let target = target.filter(|target| self.open.iter().all(|open| open.node != *target));
                let target = target.ok_or_else(|| self.refuse(range.start, "an alias stands inside its own anchor"))?;
                self.add(span, 0, None, Content::Alias(target))?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                let content = Content::List { items: Vec::new(), flow: flow(style) };
                let node = self.add(span, anchor, tag.map(Cow::into_owned), content)?;
                self.open.push(Open { node, key: None, keys: HashSet::new(), flow: flow(style) });
            }
            Event::MappingStart(style, anchor, tag) => {
                let content = Content::Map { entries: Vec::new(), flow: flow(style) };
                let node = self.add(span, anchor, tag.map(Cow::into_owned), content)?;
                self.open.push(Open { node, key: None, keys: HashSet::new(), flow: flow(style) });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.tree.nodes[open.node].span.end = range.end;
                }
            }
            // It comes directly behind the node that has it.
            Event::Anchor(..) => {
                if let Some(node) = self.tree.nodes.last_mut() {
                    node.outer_start = node.outer_start.min(range.start);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds a node to what is open.
    fn add(&mut self, span: &Span, anchor: usize, tag: Option<Tag>, content: Content) -> Result<NodeId, Refusal> {
        let range = span.byte_range().unwrap_or_default();
        let tag_start = span.tag_start().and_then(|marker| marker.byte_offset());
        let id = self.tree.nodes.len();
        self.place(id, &content, range.start)?;
        self.tree.nodes.push(Node {
            outer_start: tag_start.unwrap_or(range.start).min(range.start),
            span: range,
            anchor: (anchor != 0).then_some(anchor),
            tag,
            in_flow: self.open.iter().any(|open| open.flow),
            content,
        });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        Ok(id)
    }

    /// Makes a node that is about to be added a child of the innermost open collection.
    fn place(&mut self, id: NodeId, content: &Content, at: usize) -> Result<(), Refusal> {
        let Some(open) = self.open.last_mut() else {
            self.tree.documents.push(id);
            return Ok(());
        };
        match (&mut self.tree.nodes[open.node].content, open.key.take()) {
            (Content::List { items, .. }, _) => items.push(id),
            (Content::Map { entries, .. }, Some(key)) => entries.push((key, id)),
            (_, None) => {
                let Content::Scalar { text, .. } = content else {
                    let refusal = self.refuse(at, "a key is no scalar");
                    return Err(refusal.maybe_template(self.text));
                };
                if !open.keys.insert(text.clone()) {
                    let message = format!("the key `{}` comes twice in one mapping", text.escape_debug());
                    return Err(self.refuse(at, message).hint("remove one of the two"));
                }
                open.key = Some(id);
            }
            (Content::Scalar { .. } | Content::Alias(_), Some(_)) => {}
        }
        Ok(())
    }

    fn refuse(&self, at: usize, message: impl Into<String>) -> Refusal {
        Refusal::at(Place::of(self.text, at), message)
    }
}
