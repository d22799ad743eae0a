//! A YAML file that is edited to the byte: what is not meant to change is never written again.
//!
//! `tree` reads the text with places, `scalar` writes one scalar, `insert` and `remove` find the bytes of an edit,
//! `guard` reads the result again and compares it with what was meant, `agree` asks a second reader. An edit that
//! cannot be shown to change only what it should is refused.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

mod agree;
mod guard;
mod insert;
mod remove;
mod scalar;
mod tree;

use granit_parser::ScalarStyle;

use guard::Meant;
use tree::Content;
use tree::Tree;

pub(super) use tree::NodeId;

/// The largest file that is edited, in bytes. The largest values files of public charts have an eighth of it.
const MOST_BYTES: usize = 2 << 20;

const BOM: &str = "\u{feff}";

/// What YAML 1.1 takes for true.
const TRUE: [&str; 11] = ["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"];

/// A place in a file, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    fn of(text: &str, at: usize) -> Self {
        let start = tree::line_start(text, at);
        let line = text[..start].bytes().filter(|byte| *byte == b'\n').count() + 1;
        Self { line, column: text[start..at].chars().count() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a file is not read or not edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) place: Option<Place>,
    pub(crate) message: String,
    pub(crate) hint: Option<&'static str>,
}

impl Refusal {
    /// A message on one line: parsers quote what stands in the file.
    pub(super) fn new(message: impl Into<String>) -> Self {
        let message = message.into().replace(char::is_control, "\u{fffd}");
        Self { place: None, message, hint: None }
    }

    fn at(place: Place, message: impl Into<String>) -> Self {
        Self { place: Some(place), ..Self::new(message) }
    }

    pub(super) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Says that a text looks like a template, if it does.
    fn maybe_template(self, text: &str) -> Self {
        if text.contains("{{") {
            self.hint("it looks like a template, which is no YAML before it is rendered")
        } else {
            self
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{place}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// A value that is written where there was none, or a scalar in place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum New {
    /// Read as text by every reader.
    Text(String),
    /// The boolean.
    True,
    False,
    Map(Vec<(String, New)>),
    List(Vec<New>),
}

impl New {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A scalar as it is written in a style.
    fn scalar(&self, style: ScalarStyle, colons: bool) -> Option<String> {
        match self {
            Self::Text(text) => Some(scalar::written(text, style, colons)),
            Self::True => Some("true".to_owned()),
            Self::False => Some("false".to_owned()),
            Self::Map(_) | Self::List(_) => None,
        }
    }
}

/// A file, read.
#[derive(Clone, Debug)]
pub(super) struct Yaml {
    /// Without the byte order mark.
    text: String,
    has_bom: bool,
    tree: Tree,
}

impl Yaml {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be edited safely: too large, not UTF-8, a pointer of Git LFS, no YAML, or YAML that two readers take
    /// for different things.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > MOST_BYTES {
            return Err(Refusal::new(format!("the file is larger than {} MiB", MOST_BYTES >> 20)));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Refusal::new("the file is not UTF-8"))?;
        if text.starts_with("version https://git-lfs.github.com/spec/") {
            let refusal = Refusal::new("the file is a pointer of Git LFS, not the content");
            return Err(refusal.hint("files in Git LFS cannot be written; keep this one in git itself"));
        }
        let without_bom = text.strip_prefix(BOM);
        let text = without_bom.unwrap_or(text);
        let tree = Tree::read(text)?;
        agree::agree(text, &tree)?;
        Ok(Self { text: text.to_owned(), has_bom: without_bom.is_some(), tree })
    }

    /// The bytes of the file after the edits.
    ///
    /// # Errors
    /// The second reader takes the result for something else.
    pub(super) fn into_bytes(self) -> Result<Vec<u8>, Refusal> {
        agree::agree(&self.text, &self.tree)?;
        let bom = if self.has_bom { BOM } else { "" };
        Ok([bom.as_bytes(), self.text.as_bytes()].concat())
    }

    pub(super) fn documents(&self) -> usize {
        self.tree.documents.len()
    }

    /// The roots of all documents.
    pub(super) fn roots(&self) -> &[NodeId] {
        &self.tree.documents
    }

    /// The root of the first document, which is the one that Helm and Argo CD read; `None` if it holds nothing.
    pub(super) fn root(&self) -> Option<NodeId> {
        self.tree.documents.first().copied().filter(|root| !self.is_nothing(*root))
    }

    /// Whether nothing is written where the node is: `key:`.
    pub(super) fn is_nothing(&self, id: NodeId) -> bool {
        self.tree.node(id).is_empty()
    }

    /// Whether the node is read as `null`.
    pub(super) fn is_null(&self, id: NodeId) -> bool {
        let node = self.tree.node(id);
        match &node.content {
            Content::Scalar { text, style: ScalarStyle::Plain } => {
                node.tag.is_none() && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// The text of a scalar as it is written, or of the scalar that an alias stands for; nothing for `null`.
    pub(super) fn text(&self, id: NodeId) -> Option<&str> {
        let id = self.tree.resolved(id);
        match &self.tree.node(id).content {
            _ if self.is_null(id) => Some(""),
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether the node is read as true, by Argo CD, which goes by YAML 1.1.
    pub(super) fn is_true(&self, id: NodeId) -> bool {
        let node = self.tree.node(self.tree.resolved(id));
        match &node.content {
            Content::Scalar { text, style: ScalarStyle::Plain } => node.tag.is_none() && TRUE.contains(&text.as_str()),
            _ => false,
        }
    }

    /// The items of a list, aliases followed.
    pub(super) fn items(&self, id: NodeId) -> Option<&[NodeId]> {
        match &self.tree.node(self.tree.resolved(id)).content {
            Content::List { items, .. } => Some(items),
            _ => None,
        }
    }

    /// The entries of a mapping, aliases followed.
    pub(super) fn entries(&self, id: NodeId) -> Option<&[(NodeId, NodeId)]> {
        match &self.tree.node(self.tree.resolved(id)).content {
            Content::Map { entries, .. } => Some(entries),
            _ => None,
        }
    }

    /// The value of a key of a mapping that `is_it` takes; aliases are followed.
    pub(super) fn find(&self, map: NodeId, is_it: impl Fn(&str) -> bool) -> Option<NodeId> {
        let entries = self.entries(map)?;
        let is_key = |key: NodeId| matches!(&self.tree.node(key).content, Content::Scalar { text, .. } if is_it(text));
        entries.iter().find(|(key, _)| is_key(*key)).map(|(_, value)| self.tree.resolved(*value))
    }

    /// The value of a key of a mapping; aliases are followed.
    pub(super) fn get(&self, map: NodeId, key: &str) -> Option<NodeId> {
        self.find(map, |found| found == key)
    }

    /// A node, or the one that it is an alias of.
    pub(super) fn resolved(&self, id: NodeId) -> NodeId {
        self.tree.resolved(id)
    }

    /// What kind of value a node is, with its article.
    pub(super) fn kind(&self, id: NodeId) -> &'static str {
        match &self.tree.node(self.tree.resolved(id)).content {
            _ if self.is_null(id) => "nothing",
            Content::Scalar { .. } => "a scalar",
            Content::List { .. } => "a list",
            Content::Map { .. } => "a mapping",
            Content::Alias(_) => "an alias",
        }
    }

    /// Refuses something because of a node.
    pub(super) fn refuse(&self, id: NodeId, message: impl Into<String>) -> Refusal {
        Refusal::at(Place::of(&self.text, self.tree.node(id).span.start), message)
    }

    /// Replaces scalars, each in the style that it has.
    ///
    /// # Errors
    /// One of them is not a scalar, is a block of lines, or has a tag that says that it is not text.
    pub(super) fn set(&mut self, scalars: &HashMap<NodeId, New>) -> Result<(), Refusal> {
        if scalars.is_empty() {
            return Ok(());
        }
        let splices: Result<Vec<_>, _> = scalars.iter().map(|(id, new)| self.replacement(*id, new)).collect();
        let meant = Meant { scalars: scalars.clone(), ..Meant::default() };
        self.change(splices?, &meant)
    }

    /// The bytes that replace a scalar.
    fn replacement(&self, id: NodeId, new: &New) -> Result<Splice, Refusal> {
        let node = self.tree.node(id);
        let Content::Scalar { text, style } = &node.content else {
            return Err(self.refuse(id, format!("{} stands where a scalar is written", self.kind(id))));
        };
        let is_text = |tag: &granit_parser::Tag| tag.is_yaml_core_schema_tag("str") || tag.original() == "!";
        if let Some(tag) = node.tag.as_ref().filter(|tag| !is_text(tag)) {
            let message = format!("the value has the tag `{}`", tag.original().escape_debug());
            return Err(self.refuse(id, message).hint("remove the tag, or write `!!str`"));
        }
        let colons = !node.in_flow || (*style == ScalarStyle::Plain && text.contains(':'));
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            return self.block_replacement(id, new);
        }
        let written = new.scalar(*style, colons).ok_or_else(|| self.refuse(id, "a scalar stands here"))?;
        if !node.is_empty() {
            return Ok(Splice { range: node.span.clone(), text: written });
        }
        let at = self.behind_nothing(id)?;
        Ok(Splice { range: at..at, text: format!(" {written}") })
    }

    /// The place where a value is written for a key that has none.
    fn behind_nothing(&self, id: NodeId) -> Result<usize, Refusal> {
        let node = self.tree.node(id);
        let at = node.span.start;
        let has_properties = node.tag.is_some() || node.anchor.is_some();
        let place = if has_properties { Some(at) } else { tree::after_colon(&self.text, at) };
        place.ok_or_else(|| self.refuse(id, "nothing is written here").hint("write an empty value, such as \"\""))
    }

    /// Replaces the only line of a block scalar without a line break at its end (`|-`, `>-`).
    fn block_replacement(&self, id: NodeId, new: &New) -> Result<Splice, Refusal> {
        let span = self.tree.node(id).span.clone();
        let line = self.text[span.clone()].trim_end();
        match new {
            New::Text(new) if self.text(id) == Some(line) && new.chars().all(scalar::is_printable) => {
                Ok(Splice { range: span.start..span.start + line.len(), text: new.clone() })
            }
            _ => Err(self
                .refuse(id, "the value is a block of lines (`|` or `>`)")
                .hint("write it on the line of its key")),
        }
    }

    /// Makes splices and takes the result only if it is what was meant.
    fn change(&mut self, mut splices: Vec<Splice>, meant: &Meant) -> Result<(), Refusal> {
        splices.sort_by_key(|splice| splice.range.start);
        let mut text = String::with_capacity(self.text.len());
        let mut end = 0;
        for splice in &splices {
            if splice.range.start < end {
                return Err(Refusal::new("two edits change the same bytes"));
            }
            text.push_str(&self.text[end..splice.range.start]);
            text.push_str(&splice.text);
            end = splice.range.end;
        }
        text.push_str(&self.text[end..]);
        let first = splices.first().map_or(0, |splice| splice.range.start);
        let unsafe_here = |why: &str| {
            let message = format!("this cannot be edited without changing something else ({why})");
            Refusal::at(Place::of(&self.text, first), message)
        };
        let tree = Tree::read(&text).map_err(|refusal| unsafe_here(&refusal.message))?;
        if meant.shape(&self.tree) != Meant::default().shape(&tree) {
            return Err(unsafe_here("the result reads differently"));
        }
        (self.text, self.tree) = (text, tree);
        Ok(())
    }
}

/// Bytes in place of others.
struct Splice {
    range: Range<usize>,
    text: String,
}
