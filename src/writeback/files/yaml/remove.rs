//! Entries and items that go away: whole lines, or the bytes up to the next one.

use super::Refusal;
use super::Splice;
use super::Yaml;
use super::guard::Meant;
use super::tree;
use super::tree::Content;
use super::tree::NodeId;

impl Yaml {
    /// Removes the entry or the item at a place of a collection that keeps others.
    ///
    /// # Errors
    /// It is the only one, or it cannot be shown that nothing else changes.
    pub(in crate::writeback::files) fn remove(&mut self, collection: NodeId, place: usize) -> Result<(), Refusal> {
        let collection = self.tree.resolved(collection);
        // Start and end of each child.
        let (children, flow): (Vec<_>, _) = match &self.tree.node(collection).content {
            Content::Map { entries, flow } => {
                let span = |entry: &(NodeId, NodeId)| (entry.0, self.tree.entry_end(&self.text, *entry));
                (entries.iter().map(span).collect(), *flow)
            }
            Content::List { items, flow } => {
                let span = |item: &NodeId| (*item, self.tree.end(&self.text, *item));
                (items.iter().map(span).collect(), *flow)
            }
            _ => (Vec::new(), false),
        };
        let Some((node, end)) = children.get(place).copied().filter(|_| children.len() > 1) else {
            return Err(self.refuse(collection, "nothing would be left of this list or mapping"));
        };
        let start = self.tree.node(node).outer_start;
        let next = children.get(place + 1).map(|(node, _)| self.tree.node(*node).outer_start);
        let previous = place.checked_sub(1).and_then(|place| children.get(place)).map(|(_, end)| *end);
        let range = match (flow, next, previous) {
            (true, Some(next), _) => start..next,
            (true, None, Some(previous)) => previous..end,
            _ => self.block_range(collection, start, end, next)?,
        };
        if self.text[range.clone()].contains('#') && flow {
            return Err(self.refuse(node, "a comment stands beside what is removed"));
        }
        let splice = Splice { range, text: String::new() };
        self.change(vec![splice], &Meant { removed: Some((collection, place)), ..Meant::default() })
    }

    /// The bytes of a child of a block collection: its lines, or what stands before the next entry if the dash of the
    /// list item around it is on its first line.
    fn block_range(
        &self,
        collection: NodeId,
        start: usize,
        end: usize,
        next: Option<usize>,
    ) -> Result<std::ops::Range<usize>, Refusal> {
        let line = tree::line_start(&self.text, start);
        let before = self.text[line..start].trim_matches(' ');
        let is_list = matches!(self.tree.node(collection).content, Content::List { .. });
        let behind = match self.text[end..].find('\n') {
            _ if self.text[..end].ends_with('\n') => end,
            Some(newline) => end + newline + 1,
            None => self.text.len(),
        };
        match (before, next) {
            ("", _) if !is_list => Ok(line..behind),
            ("-", _) if is_list => Ok(line..behind),
            ("-", Some(next)) if self.text[end..next].trim().is_empty() => Ok(start..next),
            _ => Err(Refusal::at(
                super::Place::of(&self.text, start),
                "this entry does not stand on lines of its own, and so cannot be removed",
            )),
        }
    }
}
