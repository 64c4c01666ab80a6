//! The metadata entry: the last table of the file, parted by a blank line.

use super::layout::{ROOT, UNKNOWN, extent};
use super::write::write_table;
use crate::document::{Document, Entry, Kind, Node, Span, Splice, Tree};
use crate::format::flow::line_break_of;
use crate::format::line::{before_entry, ends_line, indentation, parting, start_of_line};
use crate::format::{EditError, ParseError};

/// Appends the entry as a table: its scalars first, then its tables.
pub(super) fn attach(document: &Document, name: &str, entry: &Tree) -> Result<Vec<Splice>, EditError> {
    if let Some((_, own)) = find(document, name) {
        return Err(EditError::taken(own.key.span.start, name));
    }
    let text = document.source.as_str();
    let line_break = line_break_of(text);
    let mut out = parting(text, line_break);
    write_table(&mut out, &[name], false, entry, line_break);
    if !ends_line(text) {
        out.truncate(out.len() - line_break.len());
    }
    Ok(vec![Splice::new(Span::new(text.len(), text.len()), out)])
}

/// Takes the entry out again: everything from its header on, the blank line before it, and, where the file ends without
/// a line break, the one before that.
pub(super) fn detach(mut document: Document, name: &str) -> Result<(Document, Option<Tree>), ParseError> {
    let Some((place, entry)) = find(&document, name) else {
        return Ok((document, None));
    };
    let text = document.source.as_str();
    let node = document.node(entry.value);
    let refuse = |at: usize, message: String| Err(ParseError::at(text, at, message));
    if !text[node.span.start..].starts_with('[') || node.sealable {
        return refuse(entry.key.span.start, format!("`{name}` must be a table: write it as `[{name}]`"));
    }
    let Kind::Map(entries) = &document.node(ROOT).kind else {
        return Ok((document, None));
    };
    let before = entries[..place].iter().map(|entry| document.node(entry.value).span.end).max().unwrap_or(0);
    if place + 1 < entries.len() || before > node.span.start {
        let message = format!("`{name}` must be the last table: move it to the end of the file");
        return refuse(entry.key.span.start, message);
    }
    if let Some(comment) = document.comments.iter().find(|comment| comment.span.start > node.span.start) {
        let message = format!("no comment may stand in or behind the table `{name}`: move it above");
        return refuse(comment.span.start, message);
    }
    let tree = document.plain_tree(entry.value);
    let first = entry.value.index();
    let start = match indentation(text, node.span.start) {
        Some(_) => start_of_line(text, node.span.start),
        None => node.span.start,
    };
    let kept = text[..before_entry(text, start)].into();

    document.source = kept;
    document.nodes.truncate(first);
    if let Some(Node { kind: Kind::Map(entries), span, .. }) = document.nodes.first_mut() {
        entries.pop();
        *span = UNKNOWN;
    }
    let mut span = extent(&document.nodes, 0);
    if span == UNKNOWN {
        let start = document.source.len() - document.source.trim_start_matches('\u{feff}').len();
        span = Span::new(start, start);
    }
    document.nodes[0].span = span;
    document.parts.iter_mut().for_each(|part| part.span = span);
    Ok((document, tree))
}

/// The entry of that name at the top.
fn find<'a>(document: &'a Document, name: &str) -> Option<(usize, &'a Entry)> {
    match &document.nodes.first()?.kind {
        Kind::Map(entries) => entries.iter().enumerate().find(|(_, entry)| &*entry.key.text == name),
        _ => None,
    }
}
