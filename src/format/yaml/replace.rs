//! Other values in the place of old ones.

use super::block::{Chomp, Header, absorbs};
use super::lines::{Eol, Line, begins_line, break_before, column, line_end, line_start};
use super::places::{content_end, entry_start, lead};
use super::spelling::{base_of, block_column, is_bracketed, is_in_flow};
use super::write::{self, Writer};
use crate::document::{Document, Kind, NodeId, Scalar, Span, Splice, Style, Tree, Value};
use crate::secret::{SecretString, SecretText};

/// Works out the splices of one change.
pub(super) struct Editor<'a> {
    pub(super) document: &'a Document,
    pub(super) source: &'a str,
    pub(super) writer: Writer,
}

/// A scalar's text: what stands on its own line, and the lines of a literal block.
struct Text {
    head: SecretText,
    body: Option<SecretText>,
}

impl<'a> Editor<'a> {
    /// With or without literal blocks for strings of several lines.
    pub(super) fn new(document: &'a Document, literals: bool) -> Self {
        let source = document.source.as_str();
        let eol = Eol::last_before(source, source.len()).unwrap_or(Eol::Lf);
        Self { document, source, writer: Writer { eol, literals } }
    }

    /// Another value for a node; `None` where the place does not allow it.
    pub(super) fn replace(&self, id: NodeId, value: &Tree) -> Option<Vec<Splice>> {
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
    pub(super) fn behind_line(&self, at: usize, lines: &str, gone: Option<Span>) -> Splice {
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
    pub(super) fn whole_lines(&self, start: usize, end: usize) -> Span {
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

/// Several texts as one.
pub(super) fn joined(parts: &[&str]) -> SecretText {
    let mut out = SecretString::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| out.push_str(part));
    out.into()
}
