//! Changes of values: replace, insert, remove. Every change is tried out and read back before it is handed over.

use super::block::{Chomp, Header, absorbs};
use super::expect::{Change, check};
use super::lines::{
    Eol, Line, begins_line, break_before, column, find_indicator, line_end, line_start, skip_trivia,
};
use super::places::{content_end, dash, entry_start, lead};
use super::spelling::{base_of, block_column, is_bracketed, is_in_flow};
use super::write::{self, Writer};
use crate::document::{Document, Entry, Kind, NodeId, Scalar, Span, Splice, Step, Style, Tree, Value};
use crate::format::EditError;
use crate::secret::SecretText;

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

struct Editor<'a> {
    document: &'a Document,
    source: &'a str,
    writer: Writer,
}

/// A scalar's text: what stands on its own line, and the lines of a literal block.
struct Text {
    head: SecretText,
    body: Option<SecretText>,
}

impl<'a> Editor<'a> {
    fn new(document: &'a Document, literals: bool) -> Self {
        let source = document.source.as_str();
        let eol = Eol::last_before(source, source.len()).unwrap_or(Eol::Lf);
        Self { document, source, writer: Writer { eol, literals } }
    }

    fn replace(&self, id: NodeId, value: &Tree) -> Option<Vec<Splice>> {
        let node = self.document.node(id);
        let is_block_container = match &node.kind {
            Kind::Map(_) | Kind::List(_) => {
                !is_in_flow(self.document, id) && !is_bracketed(self.document, id)
            }
            _ => false,
        };
        if is_in_flow(self.document, id) {
            return self.replace_in_flow(id, value);
        }
        if is_block_container {
            return self.replace_block(id, value);
        }
        let (span, body) = match &node.kind {
            Kind::Scalar(scalar) => (scalar.token, scalar.body),
            Kind::Empty => return self.replace_empty(id, value),
            _ => (node.span, None),
        };
        let mut splices = if is_lines(value) {
            self.lines_over_token(id, span, body, value)?
        } else {
            let behind = body
                .map_or_else(|| Line::at(self.source, line_end(self.source, span.end)).next, |body| body.end);
            let text = self.scalar_text(id, value, behind);
            let lines = text.body.map(|lines| self.behind_line(span.end, &lines, body));
            std::iter::once(Splice::new(span, text.head)).chain(lines).collect()
        };
        splices.extend(body.map(|body| Splice::new(body, "")));
        Some(splices)
    }

    fn replace_in_flow(&self, id: NodeId, value: &Tree) -> Option<Vec<Splice>> {
        let node = self.document.node(id);
        let text = match (&node.kind, value) {
            (Kind::Scalar(scalar), Tree::Leaf(Value::Str(text))) => restyled(scalar, text),
            _ => write::flow(value),
        };
        if matches!(node.kind, Kind::Empty) {
            let glue = if self.has_indicator(id) { " " } else { ": " };
            return Some(vec![Splice::new(node.span, joined(&[glue, &text]))]);
        }
        let start = if is_bracketed(self.document, id) {
            node.span.start
        } else {
            entry_start(self.source, node.span.start)
        };
        Some(vec![Splice::new(Span::new(start, node.span.end), text)])
    }

    /// A value of no width: behind its indicator, or with the `:` that it has not.
    fn replace_empty(&self, id: NodeId, value: &Tree) -> Option<Vec<Splice>> {
        let place = self.document.node(id).span;
        let base = usize::try_from(base_of(self.document, id)).ok();
        if !self.has_indicator(id) {
            let column = base?;
            let lines = self.writer.inline(value, column + 2);
            let text = lines.get(..break_before(&lines, lines.len()))?;
            let indent = " ".repeat(column);
            let eol = self.writer.eol.as_str();
            return Some(vec![Splice::new(place, joined(&[eol, &indent, ": ", text]))]);
        }
        if is_lines(value) {
            return self.lines_over_token(id, place, None, value);
        }
        let text = self.scalar_text(id, value, Line::at(self.source, line_end(self.source, place.end)).next);
        let body = text.body.map(|body| self.behind_line(place.end, &body, None));
        Some(std::iter::once(Splice::new(place, joined(&[" ", &text.head]))).chain(body).collect())
    }

    /// A block container: in its place, or (a leaf) behind the key that announces it.
    fn replace_block(&self, id: NodeId, value: &Tree) -> Option<Vec<Splice>> {
        let span = self.document.node(id).span;
        let start = entry_start(self.source, span.start);
        let end = content_end(self.document, id);
        let is_moved =
            !is_lines(value) && self.document.node(id).parent.is_some() && begins_line(self.source, start);
        if !is_moved {
            let old = block_column(self.document, id);
            let base = base_of(self.document, id);
            // A list may stand at its key's own column, a map may not.
            let is_too_far_left =
                i32::try_from(old).is_ok_and(|old| old <= base) && matches!(value, Tree::Map(_));
            let column = if is_too_far_left { old + 2 } else { old };
            let lines = self.writer.inline(value, column);
            let text = joined(&[&" ".repeat(column - old), lines.get(..break_before(&lines, lines.len()))?]);
            return Some(vec![Splice::new(
                Span::new(start, break_before(self.source, end).max(start)),
                text,
            )]);
        }
        let lead = lead(self.document, id)?;
        let removed = self.whole_lines(start, end);
        let text = Text { head: write::flow(value), body: None };
        Some(vec![Splice::new(Span::new(lead, lead), joined(&[" ", &text.head])), Splice::new(removed, "")])
    }

    /// Lines of a container over a scalar, alias, flow collection or nothing.
    fn lines_over_token(
        &self,
        id: NodeId,
        span: Span,
        body: Option<Span>,
        value: &Tree,
    ) -> Option<Vec<Splice>> {
        let node = self.document.node(id);
        let in_list =
            node.parent.is_some_and(|parent| matches!(self.document.node(parent).kind, Kind::List(_)));
        let has_properties = node.anchor.is_some() || node.tag.is_some();
        let starts_line = begins_line(self.source, span.start) && !span.is_empty();
        if starts_line || (in_list && !has_properties && !span.is_empty()) {
            let lines = self.writer.inline(value, column(self.source, span.start));
            let text = lines.get(..break_before(&lines, lines.len()))?;
            return Some(vec![Splice::new(span, text)]);
        }
        let lead = lead(self.document, id)?;
        if in_list && !has_properties {
            let lines = self.writer.inline(value, column(self.source, lead) + 1);
            let text = lines.get(..break_before(&lines, lines.len()))?;
            return Some(vec![Splice::new(Span::new(lead, lead), joined(&[" ", text]))]);
        }
        let column = usize::try_from(base_of(self.document, id) + 2).ok().filter(|_| node.parent.is_some());
        let column = column.unwrap_or(0);
        let lines = joined(&[&" ".repeat(column), &self.writer.inline(value, column)]);
        Some(vec![Splice::new(Span::new(lead, span.end), ""), self.behind_line(span.end, &lines, body)])
    }

    /// Puts whole lines behind the line around `at`. `gone` is a body that goes; it may hold that line's break.
    fn behind_line(&self, at: usize, lines: &str, gone: Option<Span>) -> Splice {
        let end = line_end(self.source, at);
        match Eol::at(self.source, end).filter(|_| gone.is_none_or(|gone| gone.start > end)) {
            Some(eol) => Splice::new(Span::new(end + eol.len(), end + eol.len()), lines),
            None => {
                let lines = lines.get(..break_before(lines, lines.len())).unwrap_or(lines);
                Splice::new(Span::new(end, end), joined(&[self.writer.eol.as_str(), lines]))
            }
        }
    }

    /// The lines from `start` to `end` with their breaks; at the end of a file without a last break the one before.
    fn whole_lines(&self, start: usize, end: usize) -> Span {
        let start = line_start(self.source, start);
        let is_past_break = break_before(self.source, end) < end;
        let next = if is_past_break { end } else { Line::at(self.source, line_end(self.source, end)).next };
        let is_open = next == self.source.len() && break_before(self.source, next) == next;
        if is_open { Span::new(break_before(self.source, start), next) } else { Span::new(start, next) }
    }

    /// A leaf for block context; a string of several lines becomes a literal block where it can. `behind` is where the
    /// lines after it begin.
    fn scalar_text(&self, id: NodeId, value: &Tree, behind: usize) -> Text {
        let Tree::Leaf(Value::Str(text)) = value else {
            return Text { head: write::flow(value), body: None };
        };
        let old = self.document.scalar(id);
        let base = old.map_or_else(|| base_of(self.document, id), |scalar| scalar.base);
        let stays_quoted = old.is_some_and(|scalar| scalar.style == Style::Double);
        if self.writer.literals && !stays_quoted {
            let indent = old.and_then(|scalar| self.indent_of(scalar));
            let indent = indent.unwrap_or_else(|| usize::try_from(base).unwrap_or(0) + 2);
            let literal = write::literal(text, indent, base, self.writer.eol);
            if let Some((head, body)) = literal
                && !absorbs(self.source, behind, Chomp::Clip, Some(indent), indent)
            {
                return Text { head: head.into(), body: Some(body) };
            }
        }
        let head = old.map_or_else(|| write::string(text), |scalar| restyled(scalar, text));
        Text { head, body: None }
    }

    /// How far the lines of a block scalar are indented.
    fn indent_of(&self, scalar: &Scalar) -> Option<usize> {
        let header = Header::read(scalar.token.of(self.source))?;
        let from = Line::at(self.source, line_end(self.source, scalar.token.end)).next;
        header.body(self.source, from, scalar.base).indent
    }

    /// Whether a value of no width has a `:`, `-`, `---` or property before it.
    fn has_indicator(&self, id: NodeId) -> bool {
        let node = self.document.node(id);
        let parent = node.parent.map(|parent| &self.document.node(parent).kind);
        match parent {
            Some(Kind::Map(entries)) => entries
                .iter()
                .find(|entry| entry.value == id)
                .is_some_and(|entry| node.span.start > entry.key.span.end),
            _ => true,
        }
    }

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

/// Whether a tree takes lines of its own in block style.
fn is_lines(value: &Tree) -> bool {
    match value {
        Tree::Map(entries) => !entries.is_empty(),
        Tree::List(items) => !items.is_empty(),
        Tree::Leaf(_) => false,
    }
}

/// A string on one line, quoted like the scalar it replaces where it can be.
fn restyled(old: &Scalar, text: &str) -> SecretText {
    match old.style {
        Style::Double => write::double_quoted(text),
        Style::Single => write::single_quoted(text).unwrap_or_else(|| write::double_quoted(text)),
        _ => write::string(text),
    }
}

fn joined(parts: &[&str]) -> SecretText {
    let mut out = SecretText::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| out.push_str(part));
    out
}
