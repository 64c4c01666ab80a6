//! The metadata entry: the last key of the root object.

use super::edit::{items, remove};
use super::text::{Layout, write, write_string};
use crate::document::{Document, Kind, Node, NodeId, Span, Splice, Tree, apply};
use crate::format::flow::{line_break_of, skip_blank};
use crate::format::line::{behind_break, end_of_line, is_blank};
use crate::format::{Cut, EditError, ParseError};

/// Appends the entry behind everything else in the root object, comments included. A trailing comma is written behind
/// it exactly where one stood before it.
pub(super) fn attach(document: &Document, name: &str, entry: &Tree) -> Result<Vec<Splice>, EditError> {
    attach_text(document, name, &|line_break, indent| {
        let unit = if indent.is_empty() { "  " } else { indent };
        let mut text = String::new();
        write_string(&mut text, name);
        text.push_str(": ");
        write(&mut text, entry, Layout::Lines { line_break, indent, unit }, 0);
        text
    })
}

/// The same with a text for key and value, made for a line break and an indentation.
pub(super) fn attach_text(
    document: &Document,
    name: &str,
    text: &dyn Fn(&str, &str) -> String,
) -> Result<Vec<Splice>, EditError> {
    let root = root(document);
    let Some((_, Node { kind: Kind::Map(entries), span, .. })) = root else {
        let reason =
            "the root is no object, so the metadata has no place: wrap the value in an object".to_owned();
        return Err(EditError { offset: root.map_or(0, |(_, node)| node.span.start), reason });
    };
    if let Some(own) = entries.iter().find(|own| &*own.key.text == name) {
        return Err(EditError::taken(own.key.span.start, name));
    }
    let line_break = line_break_of(&document.source);
    let items = items(document, NodeId(0), *span);
    let indent = items.indentation().unwrap_or("  ");
    let parting = format!("{line_break}{indent}");
    Ok(items.append(&text(line_break, indent), &parting, &parting))
}

/// Takes an entry out of the root object, wherever it stands.
pub(super) fn cut(document: &Document, name: &str) -> Result<Option<Cut>, EditError> {
    let Some((_, Node { kind: Kind::Map(entries), .. })) = root(document) else { return Ok(None) };
    let Some(place) = entries.iter().position(|entry| &*entry.key.text == name) else { return Ok(None) };
    let entry = &entries[place];
    let inside = Span::new(entry.key.span.start, document.node(entry.value).span.end);
    let splices = if place + 1 == entries.len() {
        let before = place.checked_sub(1).map(|index| document.node(entries[index].value).span.end);
        cuts(document, before, inside).into_iter().map(|cut| Splice::new(cut, "")).collect()
    } else {
        remove(document, entry.value)?
    };
    Ok(Some(Cut { splices, text: Some(inside.of(&document.source).into()) }))
}

/// Takes the entry out again. It is the last in the file and in the arena, so that nothing else moves but the end of
/// the root object and comments behind it.
pub(super) fn detach(mut document: Document, name: &str) -> Result<(Document, Option<Tree>), ParseError> {
    let Some((root, Node { kind: Kind::Map(entries), .. })) = root(&document) else {
        return Ok((document, None));
    };
    let Some(place) = entries.iter().position(|entry| &*entry.key.text == name) else {
        return Ok((document, None));
    };
    let entry = &entries[place];
    if place + 1 < entries.len() {
        let message = format!("`{name}` must be the last key of the root object: move it to the end");
        return Err(ParseError::at(&document.source, entry.key.span.start, message));
    }
    let tree = document.plain_tree(entry.value);
    let first = entry.value.index();
    let before = place.checked_sub(1).map(|index| document.node(entries[index].value).span.end);
    let inside = Span::new(entry.key.span.start, document.node(entry.value).span.end);
    let within = |at: usize| (inside.start..inside.end).contains(&at);
    if let Some(comment) = document.comments.iter().find(|comment| within(comment.span.start)) {
        let message = format!("`{name}` holds a comment: move it above `{name}`");
        return Err(ParseError::at(&document.source, comment.span.start, message));
    }
    let cuts = cuts(&document, before, inside);

    document.nodes.truncate(first);
    if let Some(Node { kind: Kind::Map(entries), .. }) = document.nodes.get_mut(root.index()) {
        entries.pop();
    }
    let splices: Vec<Splice> = cuts.iter().map(|cut| Splice::new(*cut, "")).collect();
    let text = apply(&document.source, &splices);
    document.source = text.map_err(|_| {
        ParseError::at(&document.source, inside.start, format!("`{name}` cannot be taken out"))
    })?;
    let shifted = |at: usize| {
        at - cuts.iter().filter(|cut| cut.end <= at).map(|cut| cut.end - cut.start).sum::<usize>()
    };
    for comment in &mut document.comments {
        comment.span = Span::new(shifted(comment.span.start), shifted(comment.span.end));
    }
    if let Some(node) = document.nodes.get_mut(root.index()) {
        node.span.end = shifted(node.span.end);
        let span = node.span;
        document.parts.iter_mut().for_each(|part| part.span = span);
    }
    Ok((document, tree))
}

/// What goes with the entry at `entry`: the blanks before it, its comma if it has one, else the comma before it.
/// `before` is the end of the value before it.
fn cuts(document: &Document, before: Option<usize>, entry: Span) -> Vec<Span> {
    let text = document.source.as_str();
    let mut cuts = Vec::new();
    let comma = skip_blank(document, entry.end);
    let has_comma = text[comma..].starts_with(',');
    if let Some(before) = before.filter(|_| !has_comma) {
        let comma = skip_blank(document, before);
        cuts.push(Span::new(comma, comma + 1));
    }
    let end = if has_comma && is_blank(&text[entry.end..comma]) { comma + 1 } else { entry.end };
    let mut start = text[..entry.start].trim_end_matches([' ', '\t', '\n', '\r']).len();
    let count = document.comments.partition_point(|comment| comment.span.end <= entry.start);
    if let Some(comment) = document.comments[..count].last() {
        let extent = document.comment_extent(comment);
        // Blanks at the end of a line comment are its own.
        start = start.max(extent.end);
        let behind = &text[end..end_of_line(text, end)];
        let needs_break = !is_blank(behind) || end + behind.len() == text.len();
        if extent.end == start && extent == comment.span && needs_break {
            start = behind_break(text, start);
        }
    }
    cuts.push(Span::new(start, end));
    if has_comma && end == entry.end {
        cuts.push(Span::new(comma, comma + 1));
    }
    cuts
}

fn root(document: &Document) -> Option<(NodeId, &Node)> {
    let id = document.parts.first()?.root;
    document.nodes.get(id.index()).map(|node| (id, node))
}
