//! Lists between brackets whose items are parted by commas: JSON objects and arrays, TOML arrays and inline tables.

use super::line::{LineBreak, behind_break, end_of_line, indentation, is_blank, start_of_line};
use crate::document::{Document, Span, Splice};

/// The items of one bracketed container.
pub(super) struct Items<'a> {
    document: &'a Document,
    /// Behind the opening bracket.
    open: usize,
    /// The closing bracket.
    close: usize,
    /// In order of the source.
    pub items: Vec<Item>,
}

/// One element, or one key with its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// From the first byte of the key or value to the last one of the value.
    pub span: Span,
    /// The comma behind it.
    pub comma: Option<usize>,
}

impl<'a> Items<'a> {
    /// The items of the container at `span`, whose values end at `ends`, in order of the source.
    pub(super) fn new(document: &'a Document, span: Span, ends: impl IntoIterator<Item = usize>) -> Self {
        let (open, close) = (span.start + 1, span.end - 1);
        let mut items: Vec<Item> = Vec::new();
        let mut at = open;
        for end in ends {
            let start = skip_blank(document, at);
            let comma = skip_blank(document, end);
            let comma = document.source[comma..].starts_with(',').then_some(comma);
            at = comma.map_or(end, |comma| comma + 1);
            items.push(Item { span: Span::new(start, end), comma });
        }
        Self { document, open, close, items }
    }

    /// The indentation of the items where the last one that begins a line has one; `None` where they stand in the
    /// line of the bracket.
    pub(super) fn indentation(&self) -> Option<&'a str> {
        let text = self.document.source.as_str();
        let own_line = |item: &Item| start_of_line(text, item.span.start) >= self.open;
        self.items
            .iter()
            .rev()
            .filter(|item| own_line(item))
            .find_map(|item| indentation(text, item.span.start))
    }

    /// Whether the last item begins a line.
    pub(super) fn is_multi_line(&self) -> bool {
        let text = self.document.source.as_str();
        self.items.last().is_some_and(|item| {
            start_of_line(text, item.span.start) >= self.open && indentation(text, item.span.start).is_some()
        })
    }

    /// Adds `text` as last item, `parting` before it. Where a line comment stands before it, `line` parts them.
    pub(super) fn append(&self, text: &str, parting: &str, line: &str) -> Vec<Splice> {
        let mut splices = Vec::new();
        let mut at = self.open;
        let mut trailing = "";
        if let Some(last) = self.items.last() {
            match last.comma {
                Some(comma) => (at, trailing) = (comma + 1, ","),
                None => {
                    at = last.span.end;
                    splices.push(Splice::new(Span::new(at, at), ","));
                }
            }
        }
        let (at, behind_line_comment) = self.behind_comments(at);
        let parting = if behind_line_comment && !parting.contains(['\n', '\r']) { line } else { parting };
        splices.push(Splice::new(Span::new(at, at), format!("{parting}{text}{trailing}")));
        splices
    }

    /// The blanks between the last two items; a single one where there are none to ask.
    pub(super) fn parting(&self) -> &'a str {
        let text = self.document.source.as_str();
        if let [.., before, last] = self.items.as_slice()
            && let Some(comma) = before.comma
            && is_blank(&text[comma + 1..last.span.start])
        {
            return &text[comma + 1..last.span.start];
        }
        " "
    }

    /// One behind the last comment from `at` to the closing bracket, or `at`; and whether it is a line comment.
    fn behind_comments(&self, at: usize) -> (usize, bool) {
        let comments = &self.document.comments;
        let end = comments.partition_point(|comment| comment.span.start < self.close);
        match end.checked_sub(1).and_then(|index| comments.get(index)) {
            Some(comment) if comment.span.start >= at => {
                let extent = self.document.comment_extent(comment);
                (extent.end, extent == comment.span)
            }
            _ => (at, false),
        }
    }

    /// Takes out the items that `gone` marks, with their commas, and with their lines where they have them to
    /// themselves. Comments stay.
    pub(super) fn remove(&self, gone: &[bool]) -> Vec<Splice> {
        let text = self.document.source.as_str();
        let is_gone = |index: usize| gone.get(index).copied().unwrap_or(false);
        let kept = (0..self.items.len()).rev().find(|index| !is_gone(*index));
        if kept.is_none() && self.behind_comments(self.open).0 == self.open {
            return vec![Splice::new(Span::new(self.open, self.close), "")];
        }
        let tail = kept.map_or(0, |index| index + 1);
        let ends_bare = self.items.last().is_some_and(|item| item.comma.is_none());
        let mut splices = Vec::new();
        let mut floor = self.open;
        for (index, item) in self.items.iter().enumerate() {
            let last_comma = index + 1 == tail && tail < self.items.len() && ends_bare;
            if is_gone(index) {
                let parted = item.comma.filter(|comma| !is_blank(&text[item.span.end..*comma]));
                let end = match (item.comma, parted) {
                    (Some(comma), None) => comma + 1,
                    _ => item.span.end,
                };
                let span = self.widened(Span::new(item.span.start, end), floor, index >= tail);
                floor = span.end;
                splices.push(Splice::new(span, ""));
                if let Some(comma) = parted {
                    floor = comma + 1;
                    splices.push(Splice::new(Span::new(comma, comma + 1), ""));
                }
            } else if let Some(comma) = item.comma.filter(|_| last_comma) {
                floor = comma + 1;
                splices.push(Splice::new(Span::new(comma, comma + 1), ""));
            } else {
                floor = item.comma.map_or(item.span.end, |comma| comma + 1);
            }
        }
        splices
    }

    /// `span` with the blanks that go with it: its whole line where nothing else stands there.
    fn widened(&self, span: Span, floor: usize, is_tail: bool) -> Span {
        let text = self.document.source.as_str();
        let line_start = start_of_line(text, span.start).max(floor);
        let line_end = end_of_line(text, span.end).min(self.close);
        let blank_before = is_blank(&text[line_start..span.start]);
        let blank_behind = is_blank(&text[span.end..line_end]);
        let begins_line = blank_before && line_start == start_of_line(text, span.start);
        let ends_line = blank_behind && line_end < self.close;
        if begins_line && ends_line {
            return Span::new(line_start, behind_break(text, line_end));
        }
        if ends_line || (is_tail && !begins_line) {
            let before = text[floor..span.start].trim_end_matches([' ', '\t']);
            return Span::new(floor + before.len(), span.end);
        }
        let behind = text[span.end..line_end].trim_start_matches([' ', '\t']);
        Span::new(span.start, line_end - behind.len())
    }
}

/// The first byte from `at` on that is neither blank, line break nor in a comment.
pub(super) fn skip_blank(document: &Document, mut at: usize) -> usize {
    let text = document.source.as_str();
    let comments = &document.comments;
    let mut next = comments.partition_point(|comment| comment.span.start < at);
    loop {
        at = text.len() - text[at..].trim_start_matches([' ', '\t', '\n', '\r']).len();
        match comments.get(next) {
            Some(comment) if comment.span.start == at => {
                at = document.comment_extent(comment).end;
                next += 1;
            }
            _ => return at,
        }
    }
}

/// The line break that a writer uses in `text`: its last one, else `\n`.
pub(super) fn line_break_of(text: &str) -> &'static str {
    LineBreak::last_in(text).text()
}
