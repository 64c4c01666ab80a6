//! Changes of single values, in the form of their neighbours.

use super::write::{is_key, is_section, render, sections, written};
use crate::document::{Document, Entry, Kind, NodeId, Span, Splice, Step, Style, Tree, Value};
use crate::format::EditError;
use crate::format::flat::{append_line, behind, error, without_line};
use crate::format::flow::line_break_of;
use crate::format::line::{behind_break, end_of_line, start_of_line};
use crate::secret::SecretText;

/// Puts `value` in place of the value `id`.
pub(super) fn replace(document: &Document, id: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError> {
    let node = document.node(id);
    match &node.kind {
        Kind::Scalar(scalar) => {
            let text = leaf(value, scalar.style, node.span.start)?;
            // A deeper line goes on with a key whose own line holds no value.
            let is_taken_on = text.is_empty() && is_followed_by_deeper(document, scalar.token);
            Ok(vec![Splice::new(scalar.token, if is_taken_on { "\"\"".into() } else { text })])
        }
        Kind::Empty => {
            let text = ["=", &leaf(value, Style::Plain, node.span.start)?].concat();
            Ok(vec![Splice::new(node.span, text)])
        }
        Kind::List(items) => Err(error(
            node.span.start,
            format!("the name stands {} times: name one of them by its index", items.len()),
        )),
        _ if node.parent.is_some() => Err(error(node.span.start, "a section is changed key by key")),
        _ if is_file(value) => {
            let begin = document.source.len() - document.source.trim_start_matches('\u{feff}').len();
            Ok(vec![Splice::new(Span::new(begin, document.source.len()), render(value))])
        }
        _ => Err(error(node.span.start, "an INI file is a map of values and of maps of values")),
    }
}

/// Adds a line or a section: behind the last one in the same place, or behind the last one of its name.
pub(super) fn insert(
    document: &Document,
    parent: NodeId,
    step: &Step,
    value: &Tree,
) -> Result<Vec<Splice>, EditError> {
    let node = document.node(parent);
    let offset = node.span.start;
    match (&node.kind, step) {
        (Kind::Map(entries), Step::Key(key)) if entries.iter().any(|entry| entry.key.text == *key) => {
            Err(error(offset, "there is such a key already"))
        }
        (Kind::Map(_), Step::Key(key)) if node.parent.is_none() && !matches!(value, Tree::Leaf(_)) => {
            section(document, key, value, offset)
        }
        (Kind::Map(entries), Step::Key(key)) => {
            let text = leaf(value, Style::Plain, offset)?;
            if !is_key(key) {
                return Err(error(offset, "an INI file has no form for this key"));
            }
            // Of the root only what stands above the first section.
            let own =
                entries.iter().filter_map(|entry| last_pair(document, entry)).max_by_key(|last| last.1.start);
            Ok(vec![match own {
                Some((entry, span)) => behind(document, span.end, &like(document, entry, span, key, &text)),
                None if node.parent.is_some() => {
                    behind(document, header_end(document, parent), &line(key, &text))
                }
                None => first(document, &line(key, &text)),
            }])
        }
        (Kind::List(items), Step::Index(index)) if *index == items.len() => {
            let Some((entry, last)) = occurrence(document, parent) else {
                return Err(error(offset, "there is no such key"));
            };
            match last {
                Some(span) => {
                    let text = leaf(value, Style::Plain, offset)?;
                    let line = like(document, entry, span, &entry.key.text, &text);
                    Ok(vec![behind(document, span.end, &line)])
                }
                None => section(document, &entry.key.text, value, offset),
            }
        }
        (Kind::List(_), _) => Err(error(offset, "a list takes a new element only at its end")),
        _ => Err(error(offset, "an INI file has sections and values, nothing deeper")),
    }
}

/// Takes a value out with its lines, a section with its header and values. Comments stay.
pub(super) fn remove(document: &Document, id: NodeId) -> Result<Vec<Splice>, EditError> {
    let node = document.node(id);
    match &node.kind {
        Kind::Map(_) if node.parent.is_none() => Err(error(node.span.start, "the root cannot be removed")),
        Kind::Map(_) => {
            let text = document.source.as_str();
            let mark = text.len() - text.trim_start_matches('\u{feff}').len();
            let start = start_of_line(text, node.span.start).max(mark);
            let end = behind_break(text, end_of_line(text, node.span.end));
            Ok(vec![Splice::new(Span::new(start, end), "")])
        }
        Kind::List(items) => {
            let mut splices = Vec::new();
            for item in items {
                splices.extend(remove(document, *item)?);
            }
            Ok(splices)
        }
        _ => Ok(vec![Splice::new(without_line(document, node.span), "")]),
    }
}

/// Whether the next line that is not empty begins with blanks.
fn is_followed_by_deeper(document: &Document, value: Span) -> bool {
    let text = document.source.as_str();
    let rest = &text[end_of_line(text, value.end)..];
    rest.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| line.starts_with([' ', '\t']))
}

fn leaf(value: &Tree, style: Style, offset: usize) -> Result<SecretText, EditError> {
    let Tree::Leaf(value) = value else {
        return Err(error(offset, "a value of an INI file is a text"));
    };
    written(&value.to_text(), style).ok_or_else(|| {
        error(offset, "an INI file has no form for this value: it takes one line, or lines that are indented")
    })
}

/// A new section at the end of the file.
fn section(document: &Document, name: &str, value: &Tree, offset: usize) -> Result<Vec<Splice>, EditError> {
    if !is_section(name) || !is_map(value) {
        return Err(error(offset, "a section of an INI file is a map of texts"));
    }
    let line_break = line_break_of(&document.source);
    let mut out = String::new();
    sections(&mut out, name, value, line_break);
    let kept = out.strip_suffix(line_break).unwrap_or(&out);
    let is_first = document.source.trim_start_matches('\u{feff}').is_empty();
    Ok(vec![append_line(document, &[if is_first { "" } else { line_break }, kept].concat())])
}

fn is_map(value: &Tree) -> bool {
    match value {
        Tree::Map(pairs) => pairs.iter().all(|(key, value)| is_key(key) && is_leaf(value)),
        Tree::Leaf(value) => *value == Value::EmptyMap,
        Tree::List(_) => false,
    }
}

fn is_file(value: &Tree) -> bool {
    match value {
        Tree::Map(pairs) => {
            pairs.iter().all(|(key, value)| is_key(key) && is_leaf(value) || is_section(key) && is_map(value))
        }
        Tree::Leaf(value) => *value == Value::EmptyMap,
        Tree::List(_) => false,
    }
}

fn is_leaf(value: &Tree) -> bool {
    matches!(value, Tree::Leaf(value) if !matches!(value, Value::EmptyMap | Value::EmptyList))
}

/// The last pair of a key, if it is one and no section.
fn last_pair<'a>(document: &Document, entry: &'a Entry) -> Option<(&'a Entry, Span)> {
    let pair = |id: &NodeId| !matches!(document.node(*id).kind, Kind::Map(_));
    let id = match &document.node(entry.value).kind {
        Kind::List(items) => items.iter().copied().rfind(pair)?,
        _ => Some(entry.value).filter(pair)?,
    };
    Some((entry, document.node(id).span))
}

/// The entry whose value is the list `id`, and its last pair.
fn occurrence(document: &Document, id: NodeId) -> Option<(&Entry, Option<Span>)> {
    let Kind::Map(entries) = &document.node(document.node(id).parent?).kind else { return None };
    let entry = entries.iter().find(|entry| entry.value == id)?;
    let Kind::List(items) = &document.node(id).kind else { return None };
    let is_section = items.last().is_some_and(|last| matches!(document.node(*last).kind, Kind::Map(_)));
    Some((entry, if is_section { None } else { last_pair(document, entry).map(|(_, span)| span) }))
}

/// Where the header of a section ends, with the comment behind it.
fn header_end(document: &Document, id: NodeId) -> usize {
    end_of_line(&document.source, document.node(id).span.start)
}

/// A line above the first section.
fn first(document: &Document, line: &str) -> Splice {
    let text = document.source.as_str();
    let root = document.node(NodeId(0));
    if matches!(&root.kind, Kind::Map(entries) if entries.is_empty()) {
        return append_line(document, line);
    }
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let at = start_of_line(text, root.span.start).max(mark);
    Splice::new(Span::new(at, at), SecretText::new([line, line_break_of(text)].concat()))
}

/// A line that is written as the one of `entry` is, whose value stands at `span`.
fn like(document: &Document, entry: &Entry, span: Span, key: &str, value: &str) -> SecretText {
    let text = document.source.as_str();
    let start = start_of_line(text, span.start);
    let before = text[start..span.start].trim_start_matches('\u{feff}');
    match before.split_once(&*entry.key.text) {
        Some((prefix, separator)) if separator.contains(['=', ':']) => {
            [prefix, key, separator, value].concat().into()
        }
        Some((prefix, _)) => [prefix, &line(key, value)].concat().into(),
        None => line(key, value).into(),
    }
}

fn line(key: &str, value: &str) -> String {
    [key, " = ", value].concat()
}
