//! New entries, items and values: lines that are inserted, in the style of the lines around them.

use granit_parser::ScalarStyle;

use super::New;
use super::Refusal;
use super::Splice;
use super::Yaml;
use super::guard::Meant;
use super::tree;
use super::tree::Content;
use super::tree::NodeId;

/// How far a block is indented in its parent, in files that do not show it.
const STEP: usize = 2;

/// How a file writes its blocks.
#[derive(Clone, Copy)]
struct Style {
    /// How far a mapping is indented in the mapping around it.
    step: usize,
    /// How far the dashes of a list are indented in the mapping around it.
    dashes: usize,
}

impl Yaml {
    /// Writes a value for keys below a node that leads to none yet: a mapping, a key without a value, or, for `None`,
    /// the file itself. The mappings in between are made as needed.
    ///
    /// # Errors
    /// The node is something else, or the insertion cannot be shown to change nothing else.
    pub(in crate::writeback::files) fn put(
        &mut self,
        parent: Option<NodeId>,
        keys: &[&str],
        new: New,
    ) -> Result<(), Refusal> {
        let nested =
            |keys: &[&str], new| keys.iter().rev().fold(new, |new, key| New::Map(vec![((*key).to_owned(), new)]));
        let Some(parent) = parent.map(|parent| self.tree.resolved(parent)) else {
            return self.fill_file(nested(keys, new));
        };
        let Some((first, rest)) = keys.split_first() else { return self.fill(parent, new) };
        match &self.tree.node(parent).content {
            Content::Map { flow, .. } => {
                if let Some(there) = self.get(parent, first) {
                    return self.put(Some(there), rest, new);
                }
                let (flow, new) = (*flow, nested(rest, new));
                self.add_entry(parent, first, new, flow)
            }
            _ => self.fill(parent, nested(keys, new)),
        }
    }

    /// Adds an item at the end of a list.
    ///
    /// # Errors
    /// As [`Yaml::put`].
    pub(in crate::writeback::files) fn push(&mut self, list: NodeId, new: New) -> Result<(), Refusal> {
        let list = self.tree.resolved(list);
        let Content::List { items, flow } = &self.tree.node(list).content else {
            return Err(self.refuse(list, format!("{} stands where a list is needed", self.kind(list))));
        };
        let splices = if *flow {
            let end = items.last().map(|item| (*item, self.tree.end(&self.text, *item)));
            self.in_flow(list, end, &flow_text(&new, self.json_at(list)))
        } else {
            let column = items.iter().find_map(|item| self.dash_column(*item));
            let column = column.ok_or_else(|| self.refuse(list, "the items of this list are not understood"))?;
            let mut lines = Vec::new();
            self.style().list_lines(&mut lines, column, std::slice::from_ref(&new));
            vec![self.lines_at(self.tree.end(&self.text, list), &lines)]
        };
        self.change(splices, &Meant { item: Some((list, new)), ..Meant::default() })
    }

    fn add_entry(&mut self, map: NodeId, key: &str, new: New, flow: bool) -> Result<(), Refusal> {
        let last = self.entries(map).and_then(|entries| entries.last().copied());
        let splices = if flow {
            let json = self.json_at(map);
            let text = format!("{}: {}", key_text(key, json), flow_text(&new, json));
            let last = last.map(|entry| (entry.0, self.tree.entry_end(&self.text, entry)));
            self.in_flow(map, last, &text)
        } else {
            let first = self.entries(map).and_then(|entries| entries.first()).map_or(map, |(key, _)| *key);
            let mut lines = Vec::new();
            self.style().entry_lines(&mut lines, self.tree.column(&self.text, first), key, &new);
            vec![self.lines_at(self.tree.end(&self.text, map), &lines)]
        };
        self.change(splices, &Meant { entry: Some((map, key.to_owned(), new)), ..Meant::default() })
    }

    /// Writes a value where a key has none.
    fn fill(&mut self, id: NodeId, new: New) -> Result<(), Refusal> {
        let node = self.tree.node(id);
        let properties = node.anchor.is_some() || node.tag.is_some();
        if !node.is_empty() || properties {
            let found = if self.is_null(id) && !properties { "`null`" } else { self.kind(id) };
            return Err(self.refuse(id, format!("{found} stands where a mapping is needed")));
        }
        let at = self.behind_nothing(id)?;
        let splice = if node.in_flow {
            Splice { range: at..at, text: format!(" {}", flow_text(&new, self.json_at(id))) }
        } else {
            // The line of its key, which is the only thing that can stand before it there.
            let start = tree::line_start(&self.text, at);
            let key = self.tree.ids().filter(|key| *key < id && self.tree.node(*key).outer_start >= start).min();
            let column = key.map_or(0, |key| self.tree.column(&self.text, key));
            let mut lines = Vec::new();
            self.style().block_lines(&mut lines, column, &new);
            self.lines_at(at, &lines)
        };
        self.change(vec![splice], &Meant { filled: Some((id, new)), ..Meant::default() })
    }

    /// Writes the content of a file that holds at most comments.
    fn fill_file(&mut self, new: New) -> Result<(), Refusal> {
        let ends_early = self.text.lines().any(|line| line.starts_with("..."));
        if self.root().is_some() || self.documents() > 1 || ends_early {
            return Err(Refusal::new("the first document of the file is empty, and something stands behind it"));
        }
        let mut lines = Vec::new();
        let New::Map(entries) = &new else { return Err(Refusal::new("the file has no mapping")) };
        for (key, new) in entries {
            self.style().entry_lines(&mut lines, 0, key, new);
        }
        let splice = self.lines_at(self.text.len(), &lines);
        self.change(vec![splice], &Meant { root: Some(new), ..Meant::default() })
    }

    /// Lines inserted behind the line that `at` is on, with its kind of line break.
    fn lines_at(&self, at: usize, lines: &[String]) -> Splice {
        let starts_line = at > 0 && self.text[..at].ends_with('\n');
        let at = match self.text[at..].find('\n') {
            _ if starts_line => at,
            Some(newline) => at + newline + 1,
            None => self.text.len(),
        };
        let before = &self.text[..at];
        let of_file = self.text.find('\n').is_some_and(|newline| self.text[..newline].ends_with('\r'));
        let crlf = if before.ends_with('\n') { before.ends_with("\r\n") } else { of_file };
        let newline = if crlf { "\r\n" } else { "\n" };
        let joined = lines.join(newline);
        let text = if before.is_empty() || before.ends_with('\n') {
            format!("{joined}{newline}")
        } else {
            format!("{newline}{joined}")
        };
        Splice { range: at..at, text }
    }

    /// A text inserted behind the last child of a flow collection, on a line of its own if that child has one.
    fn in_flow(&self, id: NodeId, last: Option<(NodeId, usize)>, new: &str) -> Vec<Splice> {
        let insert = |at: usize, text: String| Splice { range: at..at, text };
        let Some((first_of_last, end)) = last else {
            let at = self.tree.node(id).span.start + 1;
            let blank = self.text[at..].starts_with(' ') && !self.text[at..].starts_with("  ");
            return vec![insert(at, if blank { format!(" {new}") } else { new.to_owned() })];
        };
        let rest = &self.text[end..];
        let comma = rest.len() - rest.trim_start().len();
        let comma = rest[comma..].starts_with(',').then_some(end + comma + 1);
        let start = self.tree.node(first_of_last).outer_start;
        let indentation = &self.text[tree::line_start(&self.text, start)..start];
        let behind = comma.unwrap_or(end);
        let line_end = self.text[behind..].find('\n').map(|newline| behind + newline);
        let alone = indentation.trim().is_empty()
            && line_end.is_some_and(|line_end| {
                let tail = self.text[behind..line_end].trim_start();
                tail.is_empty() || tail.starts_with('#')
            });
        match (line_end.filter(|_| alone), comma) {
            (Some(_), comma) => {
                let line = format!("{indentation}{new}{}", if comma.is_some() { "," } else { "" });
                let mut splices = vec![self.lines_at(behind, &[line])];
                if comma.is_none() {
                    splices.push(insert(end, ",".to_owned()));
                }
                splices
            }
            (None, Some(comma)) => vec![insert(comma, format!(" {new}"))],
            (None, None) => vec![insert(end, format!(", {new}"))],
        }
    }

    /// Whether what is new in a flow collection is quoted as JSON is: the last key in it is, or the first one of the
    /// file.
    fn json_at(&self, id: NodeId) -> bool {
        let quoted = |key: NodeId| {
            let node = self.tree.node(key);
            node.in_flow && matches!(node.content, Content::Scalar { style: ScalarStyle::DoubleQuoted, .. })
        };
        let root = self.root().and_then(|root| self.entries(root)).and_then(|entries| entries.first());
        let last = match &self.tree.node(id).content {
            Content::Map { entries, .. } => entries.last().map(|(key, _)| *key),
            Content::List { items, .. } => items
                .last()
                .and_then(|item| self.entries(*item))
                .and_then(|entries| entries.last())
                .map(|(key, _)| *key),
            _ => None,
        };
        last.or(root.map(|(key, _)| *key)).is_some_and(quoted)
    }

    /// The column of the dash of a list item; `None` if it stands on a line before the item.
    pub(super) fn dash_column(&self, item: NodeId) -> Option<usize> {
        let start = self.tree.node(item).outer_start;
        let line = &self.text[tree::line_start(&self.text, start)..start];
        let before = line.trim_end().strip_suffix('-')?;
        Some(before.chars().count())
    }

    /// How the file writes its blocks: as the first mapping in a mapping and the first list in one are written.
    fn style(&self) -> Style {
        let (mut step, mut dashes) = (None, None);
        for id in self.tree.ids() {
            let Content::Map { entries, flow: false } = &self.tree.node(id).content else { continue };
            for (key, value) in entries {
                let column = self.tree.column(&self.text, *key);
                match &self.tree.node(*value).content {
                    Content::Map { entries, flow: false } => {
                        let inner = entries.first().map(|(key, _)| self.tree.column(&self.text, *key));
                        step = step.or(inner.and_then(|inner| inner.checked_sub(column)));
                    }
                    Content::List { items, flow: false } => {
                        let inner = items.first().and_then(|item| self.dash_column(*item));
                        dashes = dashes.or(inner.and_then(|inner| inner.checked_sub(column)));
                    }
                    _ => {}
                }
            }
        }
        Style { step: step.filter(|step| *step > 0).unwrap_or(STEP), dashes: dashes.unwrap_or(0) }
    }
}

impl Style {
    fn block_lines(self, lines: &mut Vec<String>, column: usize, new: &New) {
        match new {
            New::Map(entries) => {
                for (key, new) in entries {
                    self.entry_lines(lines, column + self.step, key, new);
                }
            }
            New::List(items) => self.list_lines(lines, column + self.dashes, items),
            New::Text(_) | New::True | New::False => {}
        }
    }

    fn entry_lines(self, lines: &mut Vec<String>, column: usize, key: &str, new: &New) {
        let start = format!("{}{}:", " ".repeat(column), key_text(key, false));
        if let Some(value) = new.scalar(ScalarStyle::Plain, true) {
            return lines.push(format!("{start} {value}"));
        }
        lines.push(start);
        self.block_lines(lines, column, new);
    }

    fn list_lines(self, lines: &mut Vec<String>, column: usize, items: &[New]) {
        for item in items {
            let first = lines.len();
            match item {
                New::Map(entries) => {
                    for (key, new) in entries {
                        self.entry_lines(lines, column + 2, key, new);
                    }
                }
                New::List(items) => self.list_lines(lines, column + 2, items),
                scalar => {
                    let value = scalar.scalar(ScalarStyle::Plain, true).unwrap_or_default();
                    lines.push(format!("{}{value}", " ".repeat(column + 2)));
                }
            }
            if let Some(line) = lines.get_mut(first) {
                line.replace_range(column..=column, "-");
            }
        }
    }
}

/// A value in flow style.
fn flow_text(new: &New, json: bool) -> String {
    let style = if json { ScalarStyle::DoubleQuoted } else { ScalarStyle::Plain };
    match new {
        New::Map(entries) => {
            let entries = entries.iter().map(|(key, new)| format!("{}: {}", key_text(key, json), flow_text(new, json)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        New::List(items) => {
            let items: Vec<_> = items.iter().map(|new| flow_text(new, json)).collect();
            format!("[{}]", items.join(", "))
        }
        scalar => scalar.scalar(style, false).unwrap_or_default(),
    }
}

fn key_text(key: &str, json: bool) -> String {
    let style = if json { ScalarStyle::DoubleQuoted } else { ScalarStyle::Plain };
    super::scalar::written(key, style, false)
}
