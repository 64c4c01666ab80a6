//! Changes of values: replace, insert, remove. Every change is tried out and read back before it is handed over.

use super::expect::{Change, check};
use super::lines::{begins_line, break_before, find_indicator, line_start, skip_trivia};
use super::places::{content_end, dash, entry_start};
use super::replace::{Editor, joined};
use super::spelling::{block_column, is_bracketed, is_in_flow};
use super::write;
use crate::document::{Document, Entry, Kind, NodeId, Span, Splice, Step, Tree, Value};
use crate::format::EditError;

/// Replaces a value.
///
/// # Errors
/// [`EditError`] where the text around it does not allow it.
pub(super) fn replace(document: &Document, id: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError> {
    attempt(document, &Change::Replace(id, value), document.node(id).span.start, |editor| {
        editor.replace(id, value)
    })
}

/// Adds an entry or element at the end of a container.
///
/// # Errors
/// [`EditError`] where the container or the text around it does not allow it.
pub(super) fn insert(
    document: &Document,
    parent: NodeId,
    step: &Step,
    value: &Tree,
) -> Result<Vec<Splice>, EditError> {
    let node = document.node(parent);
    let fail = |reason: &str| Err(EditError { offset: node.span.start, reason: reason.to_owned() });
    let fits = match (&node.kind, step) {
        (Kind::Map(entries), Step::Key(key)) => {
            if entries.iter().any(|entry| entry.key.text == *key) {
                return fail("the map has this key already");
            }
            true
        }
        (Kind::List(items), Step::Index(index)) => *index == items.len(),
        (Kind::Empty, Step::Key(_) | Step::Index(0)) => true,
        _ => false,
    };
    if !fits {
        return fail(match (&node.kind, step) {
            (Kind::List(_), Step::Index(_)) => "a new element can only be the last one of its list",
            (Kind::List(_), Step::Key(_)) => "a list has no keys: give an index in brackets",
            (Kind::Map(_), Step::Index(_)) => "a map has no index: give a key",
            _ => "only a map or a list can take a new value",
        });
    }
    attempt(document, &Change::Insert(parent, step, value), node.span.start, |editor| {
        editor.insert(parent, step, value)
    })
}

/// Removes an entry or element.
///
/// # Errors
/// [`EditError`] for a root, and where an alias elsewhere needs what would go.
pub(super) fn remove(document: &Document, id: NodeId) -> Result<Vec<Splice>, EditError> {
    let offset = document.node(id).span.start;
    if document.node(id).parent.is_none() {
        return Err(EditError { offset, reason: "the root cannot be removed, remove the file".to_owned() });
    }
    attempt(document, &Change::Remove(id), offset, |editor| editor.remove(id))
}

/// Tries a change with literal blocks, then with every string on one line, which nothing behind it can disturb.
fn attempt(
    document: &Document,
    change: &Change<'_>,
    offset: usize,
    splices: impl Fn(&Editor<'_>) -> Option<Vec<Splice>>,
) -> Result<Vec<Splice>, EditError> {
    let tried = |literals| check(document, change, splices(&Editor::new(document, literals)), offset);
    tried(true).or_else(|_| tried(false))
}

impl Editor<'_> {
    fn insert(&self, parent: NodeId, step: &Step, value: &Tree) -> Option<Vec<Splice>> {
        let node = self.document.node(parent);
        let last = match &node.kind {
            Kind::Map(entries) => entries.last().map(|entry| entry.value),
            Kind::List(items) => items.last().copied(),
            _ => None,
        };
        let Some(last) = last else {
            let tree = match step {
                Step::Key(key) => Tree::Map(vec![(key.to_string(), value.clone())]),
                Step::Index(_) => Tree::List(vec![value.clone()]),
            };
            return self.replace(parent, &tree);
        };
        if is_bracketed(self.document, parent) {
            return self.insert_in_flow(parent, last, step, value);
        }
        if is_in_flow(self.document, parent) {
            return None; // the map in `[a: b]` takes no second key
        }
        let column = block_column(self.document, parent);
        let text = match step {
            Step::Key(key) => self.writer.entry(key, value, column),
            Step::Index(_) => self.writer.inline(&Tree::List(vec![value.clone()]), column),
        };
        let lines = joined(&[&" ".repeat(column), &text]);
        let end = content_end(self.document, last);
        if break_before(self.source, end) < end {
            return Some(vec![Splice::new(Span::new(end, end), lines)]);
        }
        Some(vec![self.behind_line(end, &lines, None)])
    }

    /// Behind the last child; on a line of its own, where that has one.
    fn insert_in_flow(&self, parent: NodeId, last: NodeId, step: &Step, value: &Tree) -> Option<Vec<Splice>> {
        let node = self.document.node(parent);
        let (start, text) = match (&node.kind, step) {
            (Kind::Map(entries), Step::Key(key)) => {
                (entries.last()?.key.span.start, joined(&[&write::string(key), ": ", &write::flow(value)]))
            }
            _ => (self.document.node(last).span.start, write::flow(value)),
        };
        let start = entry_start(self.source, start);
        let end = self.document.node(last).span.end;
        let gap = if begins_line(self.source, start) {
            let before = self.source.get(line_start(self.source, start)..start)?;
            joined(&[",", self.writer.eol.as_str(), before])
        } else {
            ", ".into()
        };
        Some(vec![Splice::new(Span::new(end, end), joined(&[&gap, &text]))])
    }

    fn remove(&self, id: NodeId) -> Option<Vec<Splice>> {
        let parent = self.document.node(id).parent?;
        let (index, count, empty) = match &self.document.node(parent).kind {
            Kind::Map(entries) => {
                (entries.iter().position(|entry| entry.value == id)?, entries.len(), Value::EmptyMap)
            }
            Kind::List(items) => (items.iter().position(|item| *item == id)?, items.len(), Value::EmptyList),
            _ => return None,
        };
        if count == 1 {
            return self.replace(parent, &Tree::Leaf(empty));
        }
        if is_bracketed(self.document, parent) {
            return self.remove_in_flow(parent, index, count);
        }
        let start = self.child_start(parent, index)?;
        let end = content_end(self.document, id);
        if begins_line(self.source, start) {
            return Some(vec![Splice::new(self.whole_lines(start, end), "")]);
        }
        // The first child of a compact collection: the next one takes its place.
        let next = self.child_start(parent, index + 1)?;
        Some(vec![Splice::new(Span::new(start, next), "")])
    }

    fn child_start(&self, parent: NodeId, index: usize) -> Option<usize> {
        match &self.document.node(parent).kind {
            Kind::Map(entries) => Some(entry_start(self.source, entries.get(index)?.key.span.start)),
            _ => dash(self.document, parent, index),
        }
    }

    /// With the comma behind it, or the one before the last child.
    fn remove_in_flow(&self, parent: NodeId, index: usize, count: usize) -> Option<Vec<Splice>> {
        let end_of = |index: usize| {
            Some(match &self.document.node(parent).kind {
                Kind::Map(entries) => {
                    let Entry { key, value } = entries.get(index)?;
                    self.document.node(*value).span.end.max(key.span.end)
                }
                Kind::List(items) => self.document.node(*items.get(index)?).span.end,
                _ => return None,
            })
        };
        let behind_comma =
            |end| Some(skip_trivia(self.source, find_indicator(self.source, end, b",", b"")? + 1));
        let span = if index + 1 < count {
            let start = match index.checked_sub(1) {
                Some(previous) => behind_comma(end_of(previous)?)?,
                None => skip_trivia(self.source, self.document.node(parent).span.start + 1),
            };
            Span::new(start, behind_comma(end_of(index)?)?)
        } else {
            Span::new(end_of(index.checked_sub(1)?)?, end_of(index)?)
        };
        Some(vec![Splice::new(span, "")])
    }
}
