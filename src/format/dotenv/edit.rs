//! Changes of single values, in the form of their neighbours.

use super::scan::is_key;
use super::write::{render, written};
use crate::document::{Document, Entry, Kind, NodeId, Span, Splice, Step, Style, Tree, Value};
use crate::format::EditError;
use crate::format::flat::{append_line, behind, error, has_comment, without_line};
use crate::format::line::start_of_line;
use crate::secret::SecretText;

/// Puts `value` in place of the value `id`.
pub(super) fn replace(document: &Document, id: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError> {
    let node = document.node(id);
    match &node.kind {
        Kind::Scalar(scalar) => {
            let text = leaf(value, scalar.style, has_comment(document, id), node.span.start)?;
            Ok(vec![Splice::new(scalar.token, text)])
        }
        Kind::List(items) => Err(error(
            node.span.start,
            format!("the key stands {} times: name one of them by its index", items.len()),
        )),
        _ if value_is_map(value) => {
            let begin = document.source.len() - document.source.trim_start_matches('\u{feff}').len();
            Ok(vec![Splice::new(Span::new(begin, document.source.len()), render(value))])
        }
        _ => Err(error(node.span.start, "a dotenv file is a map: give a map")),
    }
}

/// Adds a line: for a new key behind all others, for one more value of a key behind its last one.
pub(super) fn insert(
    document: &Document,
    parent: NodeId,
    step: &Step,
    value: &Tree,
) -> Result<Vec<Splice>, EditError> {
    let node = document.node(parent);
    let offset = node.span.start;
    match (&node.kind, step) {
        (Kind::Map(entries), Step::Key(key)) => {
            if entries.iter().any(|entry| entry.key.text == *key) {
                return Err(error(offset, "the file has this key already"));
            }
            if !is_key(key) {
                let reason = "a key of a dotenv file is made of letters, digits, `_`, `.` and `-`, and begins with a letter or `_`";
                return Err(error(offset, reason));
            }
            let text = leaf(value, Style::Plain, false, offset)?;
            let last = entries
                .iter()
                .filter_map(|entry| last_value(document, entry))
                .max_by_key(|last| last.1.start);
            let Some((entry, span)) = last else {
                return Ok(vec![append_line(document, &line("", key, "=", &text))]);
            };
            Ok(vec![behind(document, span.end, &like(document, entry, span, key, &text))])
        }
        (Kind::List(items), Step::Index(index)) if *index == items.len() => {
            let entry = document.node(document.parts[0].root);
            let Kind::Map(entries) = &entry.kind else { return Err(error(offset, "there is no such key")) };
            let found = entries.iter().find(|entry| entry.value == parent);
            let (entry, span) = found
                .and_then(|entry| last_value(document, entry))
                .ok_or_else(|| error(offset, "there is no such key"))?;
            let text = leaf(value, Style::Plain, false, offset)?;
            Ok(vec![behind(document, span.end, &like(document, entry, span, &entry.key.text, &text))])
        }
        (Kind::List(_), _) => Err(error(offset, "a list takes a new element only at its end")),
        _ => Err(error(offset, "a dotenv file has no maps or lists inside")),
    }
}

/// Takes the line of a value out, or all lines of a key.
pub(super) fn remove(document: &Document, id: NodeId) -> Result<Vec<Splice>, EditError> {
    let node = document.node(id);
    let one = |id: NodeId| Splice::new(without_line(document, document.node(id).span), "");
    match &node.kind {
        Kind::List(items) => Ok(items.iter().map(|item| one(*item)).collect()),
        Kind::Scalar(_) => Ok(vec![one(id)]),
        _ => Err(error(node.span.start, "the root cannot be removed")),
    }
}

fn value_is_map(value: &Tree) -> bool {
    match value {
        Tree::Map(pairs) => pairs.iter().all(|(key, value)| is_key(key) && matches!(value, Tree::Leaf(_))),
        Tree::Leaf(value) => *value == Value::EmptyMap,
        Tree::List(_) => false,
    }
}

fn leaf(value: &Tree, style: Style, has_comment: bool, offset: usize) -> Result<SecretText, EditError> {
    let Tree::Leaf(value) = value else {
        return Err(error(offset, "a dotenv file holds texts only, no maps and lists"));
    };
    written(&value.to_text(), style, has_comment).ok_or_else(|| {
        let reason = "a dotenv file has no form for this value: it holds every kind of quote, or a backslash before a comment";
        error(offset, reason)
    })
}

/// The last value of a key.
fn last_value<'a>(document: &Document, entry: &'a Entry) -> Option<(&'a Entry, Span)> {
    let id = match &document.node(entry.value).kind {
        Kind::List(items) => *items.last()?,
        _ => entry.value,
    };
    Some((entry, document.node(id).span))
}

/// A line that is written as the one of `entry` is, whose value stands at `span`.
fn like(document: &Document, entry: &Entry, span: Span, key: &str, value: &str) -> SecretText {
    let text = document.source.as_str();
    let start = start_of_line(text, span.start);
    let before = text[start..span.start].trim_start_matches('\u{feff}');
    match before.split_once(&*entry.key.text) {
        Some((prefix, separator)) => line(prefix, key, separator, value),
        None => line("", key, "=", value),
    }
}

fn line(prefix: &str, key: &str, separator: &str, value: &str) -> SecretText {
    [prefix, key, separator, value].concat().into()
}
