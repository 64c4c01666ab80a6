//! Comments of INI files: several lines are one comment to SOPS, and so one token. It stands in the first line; of the
//! others the markers stay, which SOPS reads as text behind a token and passes over. So every line has its place when
//! the file is opened again.

use std::ops::Range;

use super::open::comment_span;
use crate::document::{Document, Kind, Span, Splice};
use crate::envelope::sops::{block_text, is_token};
use crate::secret::SecretText;

/// What a comment says; in a sealed file its token alone.
pub(super) fn text(document: &Document, lines: &Range<usize>) -> SecretText {
    let first = comment_span(document, lines.start).of(&document.source);
    if is_token(first) {
        return first.into();
    }
    let text = block_text(document, lines);
    // SOPS crashes where it prints a comment whose first line is empty.
    if text.starts_with('\n') { [" ", &*text].concat().into() } else { text }
}

/// Whether SOPS crashes on a comment that stays in clear.
pub(super) fn is_deadly(document: &Document, lines: &Range<usize>) -> bool {
    block_text(document, lines).starts_with('\n')
}

/// Puts a token in the place of a comment. One that stands alone behind a header gets it on a line of its own above:
/// SOPS ends a header at the last bracket of its line.
pub(super) fn seal(document: &Document, lines: &Range<usize>, token: &str) -> Vec<Splice> {
    let mut splices = Vec::with_capacity(lines.len() + 1);
    for index in lines.clone() {
        let span = comment_span(document, index);
        if index > lines.start {
            let start = document.comments.get(index).map_or(span.start, |comment| comment.span.start + 1);
            splices.push(Splice::new(Span::new(start, span.end), ""));
        } else if is_behind_header(document, index) {
            let start = start_of_line(&document.source, span.start);
            let line_break = line_break_behind(&document.source, span.end);
            splices.push(Splice::new(Span::new(start, start), ["; ", token, line_break].concat()));
            splices.push(Splice::new(span, ""));
        } else {
            splices.push(Splice::new(span, token));
        }
    }
    splices
}

/// Puts what a comment says where its token stands. `None` where there are not as many places as lines, and no more
/// can be made.
pub(super) fn unseal(document: &Document, lines: &Range<usize>, text: &str) -> Option<Vec<Splice>> {
    let said: Vec<&str> = text.split('\n').map(str::trim_end).collect();
    let source = document.source.as_str();
    let first = comment_span(document, lines.start);
    let start = start_of_line(source, first.start);
    let is_extra = lines.len() == said.len() + 1 && is_behind_header(document, lines.end.checked_sub(1)?);
    if is_extra {
        let end = source.get(first.end..)?.find('\n')? + first.end + 1;
        let mut splices = vec![Splice::new(Span::new(start, end), "")];
        // One place behind the header, where the marker and the blanks behind it stayed.
        let (place, line) = (document.comments.get(lines.start + 1)?.span, said.first()?);
        let blanks = source.get(place.end..)?;
        let at = place.end + blanks.len() - blanks.trim_start_matches(' ').len();
        splices.push(Splice::new(Span::new(at, at), *line));
        return (lines.len() == 2).then_some(splices);
    }
    let mut splices = Vec::with_capacity(said.len());
    for (at, index) in lines.clone().enumerate() {
        match said.get(at) {
            Some(line) if at == 0 => splices.push(Splice::new(first, *line)),
            Some(line) => splices.push(Splice::new(document.comments.get(index)?.span, *line)),
            None => return None,
        }
    }
    let more = said.get(lines.len()..).unwrap_or_default();
    if more.is_empty() {
        return Some(splices);
    }
    // SOPS writes one line for all: the others go below it.
    let indent = Span::new(start, document.comments.get(lines.start)?.span.start).of(source);
    if lines.len() > 1 || !indent.trim_start_matches('\u{feff}').trim().is_empty() {
        return None;
    }
    let line_break = line_break_behind(source, first.end);
    let mut out = said.first().copied().unwrap_or_default().to_owned();
    for line in more {
        let marker = if line.starts_with(['#', ';']) { "" } else { "; " };
        let indent = indent.trim_start_matches('\u{feff}');
        [line_break, indent, marker, line.trim_start()].iter().for_each(|part| out.push_str(part));
    }
    Some(vec![Splice::new(first, SecretText::new(out))])
}

/// Whether a line of comment stands behind the header of the section that it is about.
fn is_behind_header(document: &Document, index: usize) -> bool {
    let Some(comment) = document.comments.get(index) else { return false };
    let is_section = comment.container.is_some_and(|id| matches!(document.node(id).kind, Kind::Map(_)));
    let start = start_of_line(&document.source, comment.span.start);
    let before = Span::new(start, comment.span.start).of(&document.source);
    is_section && before.trim_start_matches('\u{feff}').trim_start().starts_with('[')
}

/// How the line of `at` ends.
fn line_break_behind(text: &str, at: usize) -> &'static str {
    let rest = text.get(at..).unwrap_or_default();
    let line = rest.find('\n').and_then(|end| rest.get(..end)).unwrap_or_default();
    if line.ends_with('\r') { "\r\n" } else { "\n" }
}

fn start_of_line(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1)
}
