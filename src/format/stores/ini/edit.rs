//! Changes of single values and sections, in the form of their neighbours.

use super::read::{DEFAULT, read};
use super::value::written;
use crate::document::{Document, Entry, Kind, NodeId, Span, Splice, Step, Style, Tree, Value};
use crate::format::flat::error;
use crate::format::flow::line_break_of;
use crate::format::{Addition, Cut, EditError, Limits};
use crate::secret::SecretText;

/// Puts `value` in place of the value `id`.
pub(super) fn replace(document: &Document, id: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError> {
    let node = document.node(id);
    match &node.kind {
        Kind::Scalar(scalar) => Ok(vec![Splice::new(node.span, leaf(value, scalar.style, node.span.start)?)]),
        _ => Err(error(node.span.start, "a section is changed key by key")),
    }
}

/// Adds a line behind the last one of a section, or a section at the end.
pub(super) fn insert(
    document: &Document,
    parent: NodeId,
    step: &Step,
    value: &Tree,
) -> Result<Vec<Splice>, EditError> {
    let node = document.node(parent);
    let offset = node.span.start;
    let (Kind::Map(entries), Step::Key(key)) = (&node.kind, step) else {
        return Err(error(offset, "an INI file has sections and values, nothing else"));
    };
    let line_break = line_break_of(&document.source);
    if node.parent.is_none() {
        let text = section_text(key, value, line_break)
            .ok_or_else(|| error(offset, "an INI file has sections at its top, and only texts in them"))?;
        if &**key == DEFAULT {
            let lines = text.split_once(line_break).map_or("", |(_, lines)| lines);
            return Ok(vec![Splice::new(Span::new(offset, offset), [lines, line_break].concat())]);
        }
        return Ok(vec![at_the_end(document, &text)]);
    }
    let text = leaf(value, Style::Plain, offset)?;
    if !is_key(key) {
        return Err(error(offset, "an INI file has no form for this key"));
    }
    let source = document.source.as_str();
    let last =
        entries.iter().map(|entry| (entry, document.node(entry.value).span)).max_by_key(|last| last.1.end);
    let (line, end) = match last {
        Some((entry, span)) => (like(source, entry, span, key, &text), span.end),
        None => ([key, " = ", &*text].concat().into(), node.span.end),
    };
    let end = source.get(end..).and_then(|rest| rest.find('\n')).map_or(source.len(), |at| end + at);
    let end = if source.get(..end).is_some_and(|before| before.ends_with('\r')) { end - 1 } else { end };
    Ok(vec![Splice::new(Span::new(end, end), SecretText::new([line_break, &*line].concat()))])
}

/// Takes a value out with its lines, a section with its header and values. Comments stay.
pub(super) fn remove(document: &Document, id: NodeId) -> Result<Vec<Splice>, EditError> {
    let node = document.node(id);
    match (&node.kind, node.parent) {
        (_, None) => Err(error(node.span.start, "the root cannot be removed")),
        (Kind::List(items), _) => {
            let lines = |item: &NodeId| lines(document, document.node(*item).span);
            Ok(items.iter().map(|item| Splice::new(lines(item), "")).collect())
        }
        _ => Ok(vec![Splice::new(lines(document, node.span), "")]),
    }
}

/// A section at the end of the file, behind an empty line.
pub(super) fn add_section(
    document: &Document,
    name: &str,
    addition: &Addition<'_>,
) -> Result<Vec<Splice>, EditError> {
    let text = match addition {
        Addition::Tree(tree) => section_text(name, tree, line_break_of(&document.source)),
        Addition::Text(text) => Some((*text).to_owned()),
    };
    let text = text.ok_or_else(|| error(0, "a section of an INI file is a map of texts"))?;
    Ok(vec![at_the_end(document, &text)])
}

/// Takes a section out, with the empty line before it where it is the last one.
pub(super) fn cut_section(document: &Document, name: &str) -> Option<Cut> {
    let Kind::Map(entries) = &document.nodes.first()?.kind else { return None };
    let own = entries.iter().find(|entry| &*entry.key.text == name)?;
    let source = document.source.as_str();
    let span = document.node(own.value).span;
    let whole = Span::new(span.start, end_of_line(source, span.end));
    let rest = source.get(whole.end..).unwrap_or_default();
    let line_break = line_break_of(source);
    let before = source.get(..whole.start).unwrap_or_default();
    let text = Some(SecretText::from(whole.of(source)));
    let cut = match rest {
        "" => {
            let before = before.strip_suffix(line_break).unwrap_or(before);
            Span::new(before.strip_suffix(line_break).unwrap_or(before).len(), source.len())
        }
        "\n" | "\r\n" => Span::new(before.strip_suffix(line_break).unwrap_or(before).len(), source.len()),
        _ => lines(document, span),
    };
    Some(Cut { splices: vec![Splice::new(cut, "")], text })
}

/// Header and lines, without the last line break. `None` where an INI file cannot hold it.
pub(super) fn section_text(name: &str, value: &Tree, line_break: &str) -> Option<String> {
    if name.is_empty() || name.contains([']', '\n', '\r']) {
        return None;
    }
    let mut out = format!("[{name}]");
    match value {
        Tree::Map(pairs) => {
            for (key, value) in pairs {
                let text = leaf(value, Style::Plain, 0).ok()?;
                is_key(key).then_some(())?;
                [line_break, key, " = ", &*text].iter().for_each(|part| out.push_str(part));
            }
        }
        Tree::Leaf(Value::EmptyMap) => {}
        _ => return None,
    }
    Some(out)
}

fn at_the_end(document: &Document, text: &str) -> Splice {
    let source = document.source.as_str();
    let line_break = line_break_of(source);
    let parts = match () {
        () if source.trim_start_matches('\u{feff}').is_empty() => [text, line_break, ""],
        () if source.ends_with('\n') => [line_break, text, line_break],
        () => [line_break, line_break, text],
    };
    Splice::new(Span::new(source.len(), source.len()), SecretText::new(parts.concat()))
}

fn leaf(value: &Tree, style: Style, offset: usize) -> Result<SecretText, EditError> {
    let text = match value {
        Tree::Leaf(value) if !matches!(value, Value::EmptyMap | Value::EmptyList) => value.to_text(),
        _ => return Err(error(offset, "a value of an INI file is a text")),
    };
    written(&text, style)
        .ok_or_else(|| error(offset, "an INI file has no form for this value that SOPS reads as it is"))
}

/// Whether a text can stand before ` = ` and reads as itself.
fn is_key(key: &str) -> bool {
    let line = [key, " = x\n"].concat();
    let content = read(&line, &Limits::default());
    content.is_ok_and(|content| {
        let pairs = content.sections.first().map_or(&[][..], |section| &section.pairs);
        matches!(pairs, [pair] if pair.name == key && pair.value == "x") && content.sections.len() == 1
    })
}

/// A line that is written as the one of `entry` is, whose value stands at `span`.
fn like(source: &str, entry: &Entry, span: Span, key: &str, value: &str) -> SecretText {
    let start = source.get(..entry.key.span.start).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
    let indent = Span::new(start, entry.key.span.start).of(source).trim_start_matches('\u{feff}');
    let separator = Span::new(entry.key.span.end, span.start).of(source);
    [indent, key, separator, value].concat().into()
}

/// Whole lines, with the line break behind them.
fn lines(document: &Document, span: Span) -> Span {
    let source = document.source.as_str();
    let mark = source.len() - source.trim_start_matches('\u{feff}').len();
    let start = source.get(..span.start).and_then(|text| text.rfind('\n')).map_or(mark, |at| at + 1);
    let end = end_of_line(source, span.end);
    let rest = source.get(end..).unwrap_or_default();
    let line_break = if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
    Span::new(start, end + line_break)
}

/// Where the line of `at` ends, before its line break.
fn end_of_line(source: &str, at: usize) -> usize {
    let rest = source.get(at..).unwrap_or_default();
    let line = rest.split('\n').next().unwrap_or_default();
    at + line.strip_suffix('\r').unwrap_or(line).len()
}
