//! Lines that come and go.

use crate::document::{Document, NodeId, Span, Splice};
use crate::format::EditError;
use crate::format::flow::line_break_of;
use crate::format::line::{behind_break, end_of_line, is_blank, start_of_line};
use crate::secret::SecretText;

/// A change that the place does not allow.
pub(in crate::format) fn error(offset: usize, reason: impl Into<String>) -> EditError {
    EditError { offset, reason: reason.into() }
}

/// A new line behind the line of `at`, where a value ends; behind an empty one if that ends in a backslash, which some
/// programs would take for going on.
pub(in crate::format) fn behind(document: &Document, at: usize, line: &str) -> Splice {
    let text = document.source.as_str();
    let end = end_of_line(text, at);
    let line_break = line_break_of(text);
    let mut out = String::with_capacity(2 * line_break.len() + line.len());
    out.push_str(line_break);
    if is_escaped(&text[..at]) {
        out.push_str(line_break);
    }
    out.push_str(line);
    Splice::new(Span::new(end, end), SecretText::new(out))
}

/// Whether a line ends in a backslash that escapes its line break.
pub(in crate::format) fn is_escaped(line: &str) -> bool {
    (line.len() - line.trim_end_matches('\\').len()) % 2 == 1
}

/// New lines at the end of the file, which ends with a line break then exactly if it does now, or is empty.
pub(in crate::format) fn append_line(document: &Document, lines: &str) -> Splice {
    let text = document.source.as_str();
    let line_break = line_break_of(text);
    let is_empty = text.trim_start_matches('\u{feff}').is_empty();
    let is_closed = is_empty || text.ends_with('\n');
    let mut out = String::with_capacity(line_break.len() + lines.len());
    out.push_str(if is_closed { "" } else { line_break });
    out.push_str(lines);
    out.push_str(if is_closed { line_break } else { "" });
    Splice::new(Span::new(text.len(), text.len()), SecretText::new(out))
}

/// Whether a comment stands behind the value `id` in its line.
pub(in crate::format) fn has_comment(document: &Document, id: NodeId) -> bool {
    let (text, end) = (document.source.as_str(), document.node(id).span.end);
    !is_blank(&text[end..end_of_line(text, end)])
}

/// What goes with the pair whose value is at `span`: its lines; a comment behind the value stays.
pub(in crate::format) fn without_line(document: &Document, span: Span) -> Span {
    let text = document.source.as_str();
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let start = start_of_line(text, span.start).max(mark);
    let line_end = end_of_line(text, span.end);
    let rest = &text[span.end..line_end];
    if !is_blank(rest) {
        return Span::new(start, line_end - rest.trim_start_matches([' ', '\t']).len());
    }
    let end = behind_break(text, line_end);
    if end == line_end && start > mark {
        // The last line, without a break: the one before it ends the file now, without one too.
        let before = text[..start].trim_end_matches('\n').len().max(mark);
        let before = if start - before > 1 { start - 1 } else { before };
        let before = if text[..before].ends_with('\r') { before - 1 } else { before };
        return Span::new(before, end);
    }
    Span::new(start, end)
}
