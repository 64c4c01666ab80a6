//! Where the tables, pairs and items of a document stand: the questions that changes ask.

use super::build::build;
use super::layout::{Form, Header, Layout, Pair, ROOT};
use crate::document::{Document, Kind, NodeId, Span, Splice};
use crate::format::flow::{Items, line_break_of};
use crate::format::line::{behind_break, end_of_line, indentation, is_blank, start_of_line};
use crate::format::{EditError, Limits};

/// A document with its layout.
pub(super) struct Places<'a> {
    pub document: &'a Document,
    pub text: &'a str,
    /// The one that new lines get.
    pub line_break: &'static str,
    /// The first byte behind a byte order mark.
    pub begin: usize,
    layout: Layout,
}

impl<'a> Places<'a> {
    /// Reads the layout again: a parse does not keep it.
    pub(super) fn new(document: &'a Document) -> Result<Self, EditError> {
        let text = document.source.as_str();
        let (_, layout) = build(text, &UNLIMITED)
            .map_err(|error| EditError { offset: 0, reason: format!("the file does not parse: {error}") })?;
        let begin = text.len() - text.trim_start_matches('\u{feff}').len();
        Ok(Self { document, text, line_break: line_break_of(text), begin, layout })
    }

    pub(super) fn form(&self, id: NodeId) -> Form {
        self.layout.forms.get(id.index()).copied().unwrap_or(Form::Value)
    }

    pub(super) fn span(&self, id: NodeId) -> Span {
        self.document.node(id).span
    }

    /// Whether `id` is `top` or stands below it.
    pub(super) fn is_below(&self, id: NodeId, top: NodeId) -> bool {
        let mut at = Some(id);
        while let Some(id) = at.filter(|id| *id != top) {
            at = self.document.node(id).parent;
        }
        at.is_some()
    }

    /// The keys that lead from `top` to `id`; elements of lists have none.
    pub(super) fn path(&self, top: NodeId, id: NodeId) -> Vec<&'a str> {
        let mut keys = Vec::new();
        let mut child = id;
        while let Some(parent) = self.document.node(child).parent.filter(|_| child != top) {
            keys.extend(self.key(parent, child));
            child = parent;
        }
        keys.reverse();
        keys
    }

    /// The key of `child` in `parent`, where that is a map.
    pub(super) fn key(&self, parent: NodeId, child: NodeId) -> Option<&'a str> {
        match &self.document.node(parent).kind {
            Kind::Map(entries) => {
                entries.iter().find(|entry| entry.value == child).map(|entry| &*entry.key.text)
            }
            _ => None,
        }
    }

    /// How many children a container has.
    pub(super) fn count(&self, id: NodeId) -> usize {
        match &self.document.node(id).kind {
            Kind::Map(entries) => entries.len(),
            Kind::List(items) => items.len(),
            _ => 0,
        }
    }

    /// The innermost container in brackets around `id`.
    pub(super) fn bracket(&self, id: NodeId) -> Option<NodeId> {
        let mut at = self.document.node(id).parent;
        while let Some(id) = at.filter(|id| self.form(*id) != Form::Value) {
            at = self.document.node(id).parent;
        }
        at
    }

    /// The items of a container in brackets, and their values.
    pub(super) fn items(&self, bracket: NodeId) -> (Items<'a>, Vec<NodeId>) {
        let mut values = Vec::new();
        self.collect(bracket, &mut values);
        values.sort_by_key(|id| self.span(*id).start);
        let ends = values.iter().map(|id| self.span(*id).end);
        (Items::new(self.document, self.span(bracket), ends), values)
    }

    /// The values of a map in brackets, those under dotted keys included. As deep as the nesting limit at most.
    fn collect(&self, id: NodeId, values: &mut Vec<NodeId>) {
        let mut child = |id: NodeId| match self.form(id) {
            Form::Dotted => self.collect(id, values),
            _ => values.push(id),
        };
        match &self.document.node(id).kind {
            Kind::Map(entries) => entries.iter().for_each(|entry| child(entry.value)),
            Kind::List(items) => items.iter().for_each(|item| child(*item)),
            _ => {}
        }
    }

    /// The headers of `id` and of everything below it.
    pub(super) fn headers(&self, id: NodeId) -> impl DoubleEndedIterator<Item = (usize, Header)> {
        let headers = self.layout.headers.iter().copied().enumerate();
        headers.filter(move |(_, header)| self.is_below(header.table, id))
    }

    /// The pairs below `id` that stand in the section of a table above it.
    pub(super) fn pairs(&self, id: NodeId) -> impl DoubleEndedIterator<Item = Pair> {
        let pairs = self.layout.pairs.iter().copied();
        pairs.filter(move |pair| self.is_below(pair.value, id) && !self.is_below(pair.table, id))
    }

    /// The last pair in the section of a table.
    pub(super) fn last_pair(&self, table: NodeId) -> Option<Pair> {
        self.layout.pairs.iter().rev().copied().find(|pair| pair.table == table)
    }

    /// The last byte of a section's last line of content, comments behind it included.
    pub(super) fn section_end(&self, header: Header) -> usize {
        let pair = self.last_pair(header.table).map_or(0, |pair| self.span(pair.value).end);
        end_of_line(self.text, pair.max(header.span.end))
    }

    /// The end of the last line of content of the file; `None` where it has none.
    pub(super) fn content_end(&self) -> Option<usize> {
        let header = self.layout.headers.last().map(|header| self.section_end(*header));
        let pair = self.last_pair(ROOT).map(|pair| end_of_line(self.text, self.span(pair.value).end));
        header.max(pair)
    }

    /// Where a header's line begins, or that of the comment lines directly above it.
    pub(super) fn block_start(&self, header: Header) -> usize {
        let comments = &self.document.comments;
        let mut at = start_of_line(self.text, header.span.start).max(self.begin);
        while at > self.begin {
            let before = self.text[..at].trim_end_matches(['\r', '\n']);
            let line = start_of_line(self.text, before.len()).max(self.begin);
            let blanks = self.text[line..].len() - self.text[line..].trim_start_matches([' ', '\t']).len();
            let is_comment =
                comments.binary_search_by_key(&(line + blanks), |comment| comment.span.start).is_ok();
            if !is_comment || behind_break(self.text, before.len()) != at {
                break;
            }
            at = line;
        }
        at
    }

    /// The blanks before a pair or header.
    pub(super) fn indent(&self, at: usize) -> &'a str {
        indentation(self.text, at).unwrap_or_default()
    }

    /// Takes out pairs, with their lines where they have them to themselves.
    pub(super) fn without_pairs(&self, pairs: impl Iterator<Item = Pair>) -> Vec<Splice> {
        pairs
            .map(|pair| {
                let (start, end) = (pair.start, self.span(pair.value).end);
                let line_end = end_of_line(self.text, end);
                let behind = &self.text[end..line_end];
                let span = if is_blank(behind) {
                    Span::new(start - self.indent(start).len(), behind_break(self.text, line_end))
                } else {
                    Span::new(start, line_end - behind.trim_start_matches([' ', '\t']).len())
                };
                Splice::new(span, "")
            })
            .collect()
    }

    /// The stretches of the text that hold the sections of the given headers, each to the end of its last line of
    /// content. Comments behind that stay: they may belong to what follows.
    pub(super) fn sections(&self, headers: impl Iterator<Item = (usize, Header)>) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for (_, header) in headers {
            let start = header.span.start - self.indent(header.span.start).len();
            let end = behind_break(self.text, self.section_end(header));
            match spans.last_mut() {
                Some(last) if self.text[last.end..start].trim().is_empty() => last.end = end,
                _ => spans.push(Span::new(start, end)),
            }
        }
        spans
    }

    /// `span`, made of whole lines, with the blank lines that its absence would double.
    pub(super) fn with_blank_lines(&self, span: Span) -> Span {
        let mark = self.begin;
        let before = self.text[mark..span.start].trim_end_matches([' ', '\t', '\r', '\n']).len() + mark;
        let before =
            if before == mark { mark } else { behind_break(self.text, end_of_line(self.text, before)) };
        let rest = &self.text[span.end..];
        let behind = self.text.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        if behind == self.text.len() {
            return Span::new(before.min(span.start), behind);
        }
        if before == mark || before < span.start {
            return Span::new(span.start, start_of_line(self.text, behind).max(span.end));
        }
        span
    }
}

const UNLIMITED: Limits =
    Limits { file: usize::MAX, depth: usize::MAX, leaves: usize::MAX, key: usize::MAX, leaf: usize::MAX };
