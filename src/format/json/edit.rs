//! Changes of single values, in the layout of their neighbours.

use super::scan::scan;
use super::text::{Layout, is_number, write, write_string};
use crate::document::{Comment, Document, Kind, NodeId, Span, Splice, Step, Tree, Value, apply};
use crate::format::flow::{Items, line_break_of};
use crate::format::line::{is_blank, start_of_line};
use crate::format::{EditError, Limits};
use crate::secret::{SecretString, SecretText};

/// Puts `value` in place of the value `id`.
pub(super) fn replace(document: &Document, id: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError> {
    let span = document.node(id).span;
    check(value, span.start)?;
    let is_multi_line = match document.node(id).parent {
        Some(parent) => items(document, parent, document.node(parent).span).is_multi_line(),
        None => true,
    };
    let splices = vec![Splice::new(span, written(document, span.start, is_multi_line, value))];
    check_commas(document, &splices, span.start)?;
    Ok(splices)
}

/// Adds `value` to the container `parent`.
pub(super) fn insert(
    document: &Document,
    parent: NodeId,
    step: &Step,
    value: &Tree,
) -> Result<Vec<Splice>, EditError> {
    let node = document.node(parent);
    let error = |reason: &str| EditError { offset: node.span.start, reason: reason.to_owned() };
    check(value, node.span.start)?;
    match (&node.kind, step) {
        (Kind::Map(entries), Step::Key(key)) if entries.iter().any(|entry| entry.key.text == *key) => {
            return Err(error("the object has this key already"));
        }
        (Kind::List(items), Step::Index(index)) if *index != items.len() => {
            return Err(error("a list takes a new element only at its end"));
        }
        (Kind::Map(_), Step::Key(_)) | (Kind::List(_), Step::Index(_)) => {}
        (Kind::Map(_), Step::Index(_)) => return Err(error("an object takes a key, not an index")),
        (Kind::List(_), Step::Key(_)) => return Err(error("a list takes an index, not a key")),
        _ => return Err(error("only an object or a list takes new values")),
    }
    let own = items(document, parent, node.span);
    let inside = document.source[node.span.start + 1..node.span.end - 1].trim_matches(BLANKS);
    if own.items.is_empty() && inside.is_empty() {
        let whole = match step {
            Step::Key(key) => Tree::Map(vec![(key.to_string(), value.clone())]),
            Step::Index(_) => Tree::List(vec![value.clone()]),
        };
        return replace(document, parent, &whole);
    }
    let is_multi_line = own.is_multi_line();
    let line_break = line_break_of(&document.source);
    let outer = line_indent(&document.source, node.span.start);
    let deeper = format!("{outer}{}", unit(document));
    let indent = own.indentation().unwrap_or(&deeper);
    let mut text = SecretString::default();
    if let Step::Key(key) = step {
        write_string(&mut text, key);
        text.push_str(colon(document, parent));
    }
    let layout =
        if is_multi_line { Layout::Lines { line_break, indent, unit: unit(document) } } else { Layout::Line };
    write(&mut text, value, layout, 0);
    let line = format!("{line_break}{indent}");
    Ok(own.append(&text, if is_multi_line { &line } else { own.parting() }, &line))
}

/// Takes the entry or element `id` out.
pub(super) fn remove(document: &Document, id: NodeId) -> Result<Vec<Splice>, EditError> {
    let node = document.node(id);
    let Some(parent) = node.parent else {
        return Err(EditError { offset: node.span.start, reason: "the root cannot be removed".to_owned() });
    };
    let gone: Vec<bool> = children(document, parent).map(|child| child == id).collect();
    let splices = items(document, parent, document.node(parent).span).remove(&gone);
    check_commas(document, &splices, node.span.start)?;
    Ok(splices)
}

/// The items of the container `id`, which stands at `span`.
pub(super) fn items(document: &Document, id: NodeId, span: Span) -> Items<'_> {
    let ends = children(document, id).map(|child| document.node(child).span.end);
    Items::new(document, span, ends)
}

fn children(document: &Document, id: NodeId) -> Box<dyn Iterator<Item = NodeId> + '_> {
    match &document.node(id).kind {
        Kind::Map(entries) => Box::new(entries.iter().map(|entry| entry.value)),
        Kind::List(items) => Box::new(items.iter().copied()),
        _ => Box::new(std::iter::empty()),
    }
}

/// `value` as it is written into the line of `at`.
fn written(document: &Document, at: usize, is_multi_line: bool, value: &Tree) -> SecretText {
    let layout = if is_multi_line {
        Layout::Lines {
            line_break: line_break_of(&document.source),
            indent: line_indent(&document.source, at),
            unit: unit(document),
        }
    } else {
        Layout::Line
    };
    let mut out = SecretString::default();
    write(&mut out, value, layout, 0);
    out.into()
}

/// What stands between key and value of the last entry; `: ` where there is none.
fn colon(document: &Document, id: NodeId) -> &str {
    match &document.node(id).kind {
        Kind::Map(entries) => entries.last(),
        _ => None,
    }
    .map(|entry| Span::new(entry.key.span.end, document.node(entry.value).span.start).of(&document.source))
    .filter(|text| text.split_once(':').is_some_and(|(a, b)| is_blank(a) && is_blank(b)))
    .unwrap_or(": ")
}

/// The blanks of one level: those of the root's entries.
fn unit(document: &Document) -> &str {
    let root = NodeId(0);
    match document.node(root).kind {
        Kind::Map(_) | Kind::List(_) => items(document, root, document.node(root).span).indentation(),
        _ => None,
    }
    .filter(|indent| !indent.is_empty())
    .unwrap_or("  ")
}

/// The blanks at the beginning of the line of `at`.
fn line_indent(text: &str, at: usize) -> &str {
    let line = text[start_of_line(text, at)..at].trim_start_matches('\u{feff}');
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Refuses to take the last comment of a file that has a comma which only a file with comments may have.
fn check_commas(document: &Document, splices: &[Splice], offset: usize) -> Result<(), EditError> {
    let goes = |comment: &Comment| {
        splices
            .iter()
            .any(|splice| splice.span.start <= comment.span.start && comment.span.end <= splice.span.end)
    };
    if document.comments.is_empty() || !document.comments.iter().all(goes) {
        return Ok(());
    }
    let limits = Limits { file: usize::MAX, leaves: usize::MAX, leaf: usize::MAX, ..Limits::default() };
    match apply(&document.source, splices).map(|text| scan(&text.shared(), &limits)) {
        Ok(Ok(_)) => Ok(()),
        _ => {
            let reason = "the last comment of the file would go, and with it the comma behind a last element: \
                          remove that comma first";
            Err(EditError { offset, reason: reason.to_owned() })
        }
    }
}

/// Refuses numbers that JSON has no form for.
fn check(value: &Tree, offset: usize) -> Result<(), EditError> {
    match value {
        Tree::Map(entries) => entries.iter().try_for_each(|(_, value)| check(value, offset)),
        Tree::List(items) => items.iter().try_for_each(|item| check(item, offset)),
        Tree::Leaf(Value::Int(text) | Value::Float(text)) if !is_number(text) => {
            let reason =
                "JSON has no form for this number: write it as a decimal number or a string".to_owned();
            Err(EditError { offset, reason })
        }
        Tree::Leaf(_) => Ok(()),
    }
}

/// What JSON skips between tokens.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];
