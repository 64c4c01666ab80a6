//! The metadata entry: the last key of the last document where that is a block map, else a document of its own.

use super::lines::{Eol, begins_line, break_before, ends_with_break, is_marker, line_start, lines};
use super::spelling::{block_column, is_bracketed};
use super::write::Writer;
use super::{comments, places};
use crate::document::{Document, Kind, NodeId, Part, Span, Splice, Tree};
use crate::format::{EditError, ParseError};
use crate::secret::SecretString;

/// Appends the entry.
///
/// # Errors
/// [`EditError`] where the file has a top-level key of that name.
pub(super) fn attach(document: &Document, name: &str, entry: &Tree) -> Result<Vec<Splice>, EditError> {
    let source = &*document.source;
    if let Some((_, index, root)) = top_level(document, name).next() {
        let offset = entry_key(document, root, index).start;
        let reason = format!("the file has a top-level `{name}` of its own: rename that key");
        return Err(EditError { offset, reason });
    }
    let eol = Eol::last_before(source, source.len()).unwrap_or(Eol::Lf);
    let writer = Writer { eol, literals: false };
    let column = document.parts.last().and_then(|part| open_map_column(document, part));
    let lines = writer.entry(name, entry, column.unwrap_or(0));
    let mut text = SecretString::new(String::with_capacity(lines.len() + column.unwrap_or(0) + 8));
    let has_break = ends_with_break(source);
    if !has_break {
        text.push_str(eol.as_str());
    }
    if let Some(column) = column {
        (0..column).for_each(|_| text.push(' '));
    } else {
        text.push_str("---");
        text.push_str(eol.as_str());
    }
    let end = if has_break { lines.len() } else { break_before(&lines, lines.len()) };
    text.push_str(lines.get(..end).unwrap_or_default());
    Ok(vec![Splice::new(Span::new(source.len(), source.len()), text)])
}

/// Takes the entry out again.
///
/// # Errors
/// [`ParseError`] where it does not stand alone at the end.
pub(super) fn detach(mut document: Document, name: &str) -> Result<(Document, Option<Tree>), ParseError> {
    let mut found = top_level(&document, name);
    let (Some((part, index, root)), second) = (found.next(), found.next()) else {
        drop(found);
        return Ok((document, None));
    };
    drop(found);
    let key = entry_key(&document, root, index);
    let fail =
        |message: &str| Err(ParseError::at(&document.source, key.start, format!("`{name}` {message}")));
    if second.is_some() {
        return fail("stands in more than one document");
    }
    let Kind::Map(entries) = &document.node(root).kind else { return fail("has no value") };
    let (count, Some(entry)) = (entries.len(), entries.get(index)) else { return fail("has no value") };
    let value = entry.value;
    if part + 1 != document.parts.len() || index + 1 != count {
        return fail("is not the last entry of the file");
    }
    if is_bracketed(&document, root) || !begins_line(&document.source, key.start) {
        return fail("is not an entry of its own lines");
    }
    let Some(tree) = document.plain_tree(value) else {
        return fail("holds an alias, anchor, tag or empty value");
    };
    let Some(cut) = cut(&document, part, key, count == 1) else {
        return fail("has an anchor, tag, comment or directive before it");
    };
    let end = document.parts.last().map_or(0, |part| part.span.end);
    if !document.source.get(end..).unwrap_or_default().trim_matches([' ', '\t', '\r', '\n']).is_empty() {
        return fail("is followed by something");
    }
    if document.comments.iter().any(|comment| comment.span.end > cut) {
        return fail("holds a comment");
    }
    truncate(&mut document, cut, (root, value), count == 1);
    Ok((document, Some(tree)))
}

/// Where the text without the entry ends.
fn cut(document: &Document, part: usize, key: Span, is_alone: bool) -> Option<usize> {
    let source = &*document.source;
    let mut start = line_start(source, key.start);
    if is_alone {
        let part = document.parts.get(part)?;
        let root = document.node(part.root);
        let is_plain = part.directives.is_empty() && root.anchor.is_none() && root.tag.is_none();
        let opening = part.span.start;
        let behind = source.get(opening..start).unwrap_or_default().strip_prefix("---").unwrap_or_default();
        if !is_plain || !behind.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
            return None;
        }
        start = start.min(line_start(source, opening));
    }
    Some(if ends_with_break(source) { start } else { break_before(source, start) })
}

/// Shortens the document to `cut` and corrects what depends on its end, so that it is what parsing the rest gives.
fn truncate(document: &mut Document, cut: usize, (root, value): (NodeId, NodeId), is_alone: bool) {
    document.source.truncate(cut);
    let first = if is_alone { root } else { value };
    document.nodes.truncate(first.index());
    if is_alone {
        document.parts.pop();
    } else if let Some(node) = document.nodes.get_mut(root.index())
        && let Kind::Map(entries) = &mut node.kind
    {
        entries.pop();
        let last = entries.last().map(|entry| (entry.key.span.end, entry.value));
        if let Some((key_end, value)) = last {
            let end = document.nodes.get(value.index()).map_or(key_end, |value| value.span.end.max(key_end));
            if let Some(node) = document.nodes.get_mut(root.index()) {
                node.span.end = end;
            }
        }
    }
    // A block scalar that ended with the break before the entry now ends without one.
    let source = &document.source;
    if let Some(Kind::Scalar(scalar)) = document.nodes.last_mut().map(|node| &mut node.kind)
        && let Some(body) = &mut scalar.body
        && body.end > cut
    {
        *body = Span::new(break_before(source, body.start), cut);
    }
    let end = document.parts.last().map(|part| places::content_end(document, part.root));
    if let (Some(part), Some(end)) = (document.parts.last_mut(), end) {
        part.span.end = end;
    }
    let last = document.parts.len().saturating_sub(1);
    for comment in &mut document.comments {
        comment.part = comment.part.min(last);
    }
    comments::place(&document.nodes, &mut document.comments);
}

/// Where the key `name` stands in the root maps of all documents: part, place in the map, root.
fn top_level<'a>(document: &'a Document, name: &'a str) -> impl Iterator<Item = (usize, usize, NodeId)> + 'a {
    document.parts.iter().enumerate().filter_map(move |(index, part)| {
        let Kind::Map(entries) = &document.node(part.root).kind else { return None };
        let place = entries.iter().position(|entry| &*entry.key.text == name)?;
        Some((index, place, part.root))
    })
}

fn entry_key(document: &Document, root: NodeId, index: usize) -> Span {
    match &document.node(root).kind {
        Kind::Map(entries) => entries.get(index).map_or_else(Span::default, |entry| entry.key.span),
        _ => Span::default(),
    }
}

/// The column of the last document's root, if that is a block map that a line can be added to.
fn open_map_column(document: &Document, part: &Part) -> Option<usize> {
    let source = &*document.source;
    let node = document.node(part.root);
    let is_map = matches!(&node.kind, Kind::Map(entries) if !entries.is_empty());
    if !is_map || is_bracketed(document, part.root) {
        return None;
    }
    let start = places::entry_start(source, node.span.start);
    let is_ended = lines(source, line_start(source, part.span.end))
        .skip_while(|line| line.start < part.span.end)
        .any(|line| is_marker(line.of(source)));
    (begins_line(source, start) && !is_ended).then(|| block_column(document, part.root))
}
