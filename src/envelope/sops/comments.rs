//! In which map or list a comment stands to SOPS, which decides under what path it is encrypted.
//!
//! SOPS takes over what its YAML library attaches comments to. The rules here are what that comes to; where they say
//! otherwise than SOPS, the comment of a file of ours stays encrypted there, with a warning, and nothing else happens.

use std::collections::HashMap;

use crate::document::{Document, FormatCode, Kind, NodeId};

/// A comment's place: before the child of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) container: NodeId,
    pub(super) index: usize,
}

/// Something that a comment can stand before: an entry of a map or an element of a list.
#[derive(Clone, Copy, Debug)]
struct Item {
    /// Its first byte: of a key, or of an element.
    start: usize,
    place: Place,
    value: NodeId,
}

/// The comments of every map and list, in order, as (child before which it stands, number of the comment).
pub(super) fn by_container(document: &Document) -> HashMap<NodeId, Vec<(usize, usize)>> {
    let mut found: HashMap<NodeId, Vec<(usize, usize)>> = HashMap::new();
    if document.comments.is_empty() {
        return found;
    }
    let finder = Finder::new(document);
    for index in 0..document.comments.len() {
        if let Some(place) = finder.place(index) {
            found.entry(place.container).or_default().push((place.index, index));
        }
    }
    for comments in found.values_mut() {
        comments.sort_unstable();
    }
    found
}

struct Finder<'a> {
    document: &'a Document,
    items: Vec<Item>,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl<'a> Finder<'a> {
    fn new(document: &'a Document) -> Self {
        let mut items = Vec::with_capacity(document.nodes.len());
        for container in document.ids() {
            match &document.node(container).kind {
                Kind::Map(entries) => items.extend(entries.iter().enumerate().map(|(index, entry)| Item {
                    start: entry.key.span.start,
                    place: Place { container, index },
                    value: entry.value,
                })),
                Kind::List(elements) => {
                    items.extend(elements.iter().enumerate().map(|(index, value)| Item {
                        // The first dash is where the list begins; of the others only the values' places are known.
                        start: document.node(if index == 0 { container } else { *value }).span.start,
                        place: Place { container, index },
                        value: *value,
                    }));
                }
                _ => {}
            }
        }
        // A list stands before the key that its first element begins with.
        items.sort_by_key(|item| (item.start, item.place.container));
        let breaks = document.source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { document, items, lines }
    }

    fn place(&self, index: usize) -> Option<Place> {
        let comment = self.document.comments.get(index)?;
        let root = self.document.parts.get(comment.part)?.root;
        if self.document.format != FormatCode::Yaml {
            let container = comment.container.unwrap_or(root);
            return Some(Place { container, index: self.children_before(container, comment.span.start) });
        }
        let at = comment.span.start;
        let next = self.items.partition_point(|item| item.start < at);
        let in_part = |item: &&Item| self.document.part_of(item.value) == comment.part;
        let before = next.checked_sub(1).and_then(|last| self.items.get(last)).filter(in_part);
        let behind = self.items.get(next).filter(in_part);
        let Some(before) = before else {
            return Some(behind.map_or(Place { container: root, index: 0 }, |item| item.place));
        };
        let end = self.end_of(before, at);
        if self.line(end) == self.line(at) {
            return Some(self.beside(before, at));
        }
        let top = Place { container: root, index: usize::MAX };
        let outer = behind.map_or(top, |item| item.place);
        Some(self.below(before, outer, index, end).unwrap_or(outer))
    }

    /// A comment on a line that something else begins.
    fn beside(&self, before: &Item, at: usize) -> Place {
        if self.is_bracketed(before.value) && self.document.node(before.value).span.end <= at {
            return Place { container: before.value, index: 0 };
        }
        let mut place = before.place;
        // Behind a collection in brackets it is that one's own, in the first place.
        while self.is_bracketed(place.container) && self.document.node(place.container).span.end <= at {
            let container = place.container;
            let parent = self.document.node(container).parent;
            match parent.filter(|parent| self.is_bracketed(*parent)) {
                Some(parent) => place = Place { container: parent, index: self.children_before(parent, at) },
                None => return Place { container, index: 0 },
            }
        }
        place
    }

    /// A comment on its own line that still belongs to what is above it: directly below the last value, and followed by
    /// a blank line or by something that stands further left than that value's collection and elsewhere than the comment.
    fn below(&self, before: &Item, outer: Place, index: usize, end: usize) -> Option<Place> {
        let is_block = self.document.scalar(before.value).is_some_and(|scalar| scalar.body.is_some());
        let (first, last) = self.block(index);
        let is_directly_below = self.line_of(first) == self.line(end) + 1;
        let above = first.checked_sub(1).filter(|above| {
            self.line_of(*above) + 1 == self.line_of(first) && self.is_alone(*above) && !is_directly_below
        });
        let is_waiting = self.document.node(before.value).span.start > self.start_of(index);
        if is_waiting || (!is_directly_below && above.is_none()) {
            return None;
        }
        let mut container = before.place.container;
        while self.is_bracketed(container) {
            container = self.document.node(container).parent?;
        }
        let column = self.column_at(self.start_of(index));
        let behind =
            self.lines.get(self.line_of(last) + 1).and_then(|start| self.document.source.get(*start..));
        let behind = behind.unwrap_or_default();
        let indent = behind.len() - behind.trim_start_matches(' ').len();
        let is_blank = behind.trim_start_matches(' ').is_empty()
            || behind.trim_start_matches(' ').starts_with(['\n', '\r']);
        let is_left = column < self.column(container);
        let ends =
            (is_blank && !is_block) || (!is_blank && indent < self.column(container) && indent != column);
        if !ends || container == outer.container {
            return None;
        }
        // Further left than the value, it belongs to the collection of its own column, if one ends here.
        if above.is_some() || (is_blank && is_left) {
            container = self.of_column(container, column, outer.container)?;
        }
        Some(Place { container, index: usize::MAX })
    }

    /// The collection of that column among those around `from`, inside of `outer`. A list in its key's column counts as
    /// its key's map.
    fn of_column(&self, from: NodeId, column: usize, outer: NodeId) -> Option<NodeId> {
        let least = self.column(outer);
        let mut found = None;
        let mut at = Some(from);
        while let Some(id) = at.filter(|id| *id != outer) {
            if self.column(id) == column && column > least {
                found = Some(id);
            }
            at = self.document.node(id).parent;
        }
        found
    }

    /// The first and last of the comments that stand on lines of their own, one below the other, in one column.
    fn block(&self, index: usize) -> (usize, usize) {
        let is_next = |above: usize, below: usize| {
            let (one, two) = (self.start_of(above), self.start_of(below));
            self.line(one) + 1 == self.line(two)
                && self.column_at(one) == self.column_at(two)
                && self.is_alone(above)
                && self.is_alone(below)
        };
        let (mut first, mut last) = (index, index);
        while let Some(above) = first.checked_sub(1).filter(|above| is_next(*above, first)) {
            first = above;
        }
        while last + 1 < self.document.comments.len() && is_next(last, last + 1) {
            last += 1;
        }
        (first, last)
    }

    fn start_of(&self, index: usize) -> usize {
        self.document.comments.get(index).map_or(0, |comment| comment.span.start)
    }

    fn line_of(&self, index: usize) -> usize {
        self.line(self.start_of(index))
    }

    /// Whether nothing stands before a comment in its line.
    fn is_alone(&self, index: usize) -> bool {
        let start = self.start_of(index);
        let line = self.lines.get(self.line(start)).copied().unwrap_or_default();
        self.document.source.get(line..start).is_some_and(|text| text.trim().is_empty())
    }

    /// Where the last content before `at` ends.
    fn end_of(&self, before: &Item, at: usize) -> usize {
        let node = self.document.node(before.value);
        let end = match &node.kind {
            Kind::Scalar(scalar) => scalar.body.map_or(scalar.token.end, |body| body.end.saturating_sub(1)),
            // In brackets the closing one is the last.
            _ if node.span.end <= at && node.span.end > before.start => node.span.end,
            _ => before.start,
        };
        let mut end = if end <= at { end.max(before.start) } else { before.start };
        let mut container = Some(before.place.container);
        while let Some(id) = container.filter(|id| self.is_bracketed(*id)) {
            let span = self.document.node(id).span;
            end = if span.end <= at { end.max(span.end) } else { end };
            container = self.document.node(id).parent;
        }
        end
    }

    fn is_bracketed(&self, id: NodeId) -> bool {
        let span = self.document.node(id).span;
        let is_container = matches!(self.document.node(id).kind, Kind::Map(_) | Kind::List(_));
        let closes = span.end.checked_sub(1).and_then(|last| self.document.source.as_bytes().get(last));
        let opens = self.document.source.as_bytes().get(span.start);
        is_container && matches!((opens, closes), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')))
    }

    fn column(&self, id: NodeId) -> usize {
        self.column_at(self.document.node(id).span.start)
    }

    fn column_at(&self, at: usize) -> usize {
        at - self.lines.get(self.line(at)).copied().unwrap_or_default()
    }

    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).saturating_sub(1)
    }

    fn children_before(&self, container: NodeId, at: usize) -> usize {
        match &self.document.node(container).kind {
            Kind::Map(entries) => entries.partition_point(|entry| entry.key.span.start < at),
            Kind::List(items) => items.partition_point(|item| self.document.node(*item).span.start < at),
            _ => 0,
        }
    }
}
