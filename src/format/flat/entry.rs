//! The metadata entry: comment lines at the end of the file, parted by a blank line.

use super::lines;
use crate::document::{Document, Span, Splice, Tree};
use crate::format::flow::line_break_of;
use crate::format::line::{before_entry, ends_line, parting, start_of_line};
use crate::format::{EditError, ParseError};

/// Whether a comment is a line of the metadata entry `name`.
pub(in crate::format) fn is_entry_line(comment: &str, name: &str) -> bool {
    comment
        .strip_prefix("# ")
        .and_then(|rest| rest.strip_prefix(name))
        .is_some_and(|rest| rest.starts_with(": "))
}

/// Appends the entry as comment lines.
pub(in crate::format) fn attach(
    document: &Document,
    name: &str,
    entry: &Tree,
) -> Result<Vec<Splice>, EditError> {
    let text = document.source.as_str();
    if let Some(own) = document.comments.iter().find(|it| is_entry_line(it.span.of(text), name)) {
        let reason = format!("the file has a comment of its own that begins with `# {name}: `: reword it");
        return Err(EditError { offset: own.span.start, reason });
    }
    let line_break = line_break_of(text);
    let mut out = parting(text, line_break);
    for line in lines::write(entry) {
        out.push_str(&format!("# {name}: {line}{line_break}"));
    }
    if !ends_line(text) {
        out.truncate(out.len() - line_break.len());
    }
    Ok(vec![Splice::new(Span::new(text.len(), text.len()), out)])
}

/// Takes the entry out again. Nothing else in the document knows of it: it is comments behind everything.
pub(in crate::format) fn detach(
    mut document: Document,
    name: &str,
) -> Result<(Document, Option<Tree>), ParseError> {
    let text = document.source.as_str();
    let is_entry = |index: &usize| {
        document.comments.get(*index).is_some_and(|comment| is_entry_line(comment.span.of(text), name))
    };
    let own: Vec<usize> = (0..document.comments.len()).filter(is_entry).collect();
    let Some(first) = own.first().copied() else {
        return Ok((document, None));
    };
    let at = |index: usize| document.comments.get(index).map(|comment| comment.span).unwrap_or_default();
    let refuse = |index: usize, message: String| Err(ParseError::at(text, at(index).start, message));
    let start = start_of_line(text, at(first).start).max(mark(text));
    let has_content = document.nodes.iter().any(|node| node.span.end > start);
    let last = own.last().copied().unwrap_or(first);
    if has_content || own.len() != document.comments.len() - first || !text[at(last).end..].trim().is_empty()
    {
        return refuse(first, format!("the lines `# {name}: …` must be the last of the file, together"));
    }
    for index in &own {
        if start_of_line(text, at(*index).start).max(mark(text)) != at(*index).start {
            return refuse(*index, format!("nothing may stand before `# {name}: ` in its line"));
        }
    }
    let lines = own.iter().map(|index| at(*index).of(text).get(name.len() + 4..).unwrap_or_default());
    let tree = match lines::read(lines) {
        Ok(tree) => tree,
        Err((index, reason)) => return refuse(first + index, format!("the metadata is damaged: {reason}")),
    };
    let kept = before_entry(text, start);
    document.source.truncate(kept);
    document.comments.truncate(first);
    Ok((document, Some(tree)))
}

fn mark(text: &str) -> usize {
    text.len() - text.trim_start_matches('\u{feff}').len()
}
