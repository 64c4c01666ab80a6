//! Where the parts of an entry are that a document does not keep: `?`, `-`, properties, the end of a body.

use super::lines::{break_before, column, find_indicator, is_blank, line_start, lines, skip_trivia};
use crate::document::{Document, Kind, NodeId};

/// Where the entry begins whose key is at `start`: at its `?`, which may stand on a line further up.
pub(super) fn entry_start(source: &str, start: usize) -> usize {
    let key_column = column(source, start);
    let mut end = start;
    loop {
        let line = line_start(source, end);
        let before = without_comment(source.get(line..end).unwrap_or_default()).trim_end_matches([' ', '\t']);
        if let Some(indicators) = before.strip_suffix('?') {
            let at = line + indicators.len();
            let is_indicator = indicators.split([' ', '\t']).all(|part| matches!(part, "" | "-" | "?" | ":"))
                && indicators.bytes().last().is_none_or(is_blank)
                && column(source, at) < key_column;
            return if is_indicator { at } else { start };
        }
        if !before.is_empty() || line == 0 {
            return start;
        }
        end = break_before(source, line);
        if end == line {
            return start;
        }
    }
}

/// A line up to its comment, as far as that matters where only indicators may stand.
fn without_comment(line: &str) -> &str {
    let is_comment =
        |at: usize| line.as_bytes().get(..at).and_then(<[u8]>::last).is_none_or(|byte| is_blank(*byte));
    line.match_indices('#')
        .map(|(at, _)| at)
        .find(|at| is_comment(*at))
        .and_then(|at| line.get(..at))
        .unwrap_or(line)
}

/// One behind the last byte of a node and everything in it, block scalars' bodies included.
pub(super) fn content_end(document: &Document, id: NodeId) -> usize {
    let mut at = id;
    let mut end = document.node(id).span.end;
    loop {
        let node = document.node(at);
        let last = match &node.kind {
            Kind::Map(entries) => entries.last().map(|entry| entry.value),
            Kind::List(items) => items.last().copied(),
            Kind::Scalar(scalar) => {
                return scalar.body.map_or(end, |body| body.end.max(end));
            }
            _ => None,
        };
        match last {
            Some(child) => at = child,
            None => return end,
        }
        end = end.max(document.node(at).span.end);
    }
}

/// Where a block list's element begins: at its `-`.
pub(super) fn dash(document: &Document, list: NodeId, index: usize) -> Option<usize> {
    let node = document.node(list);
    let Kind::List(items) = &node.kind else { return None };
    match index.checked_sub(1) {
        None => Some(node.span.start),
        Some(previous) => {
            find_indicator(&document.source, content_end(document, *items.get(previous)?), b"-", b"")
        }
    }
}

/// One behind the `:`, `-` or `---` and the anchor and tag before a value in block context; the value's own start
/// where it is a root without any. `None` where a key has no `:`.
pub(super) fn lead(document: &Document, id: NodeId) -> Option<usize> {
    let source = &*document.source;
    let node = document.node(id);
    let mut at = match node.parent {
        None => root_lead(document, id)?,
        Some(parent) => match &document.node(parent).kind {
            Kind::Map(entries) => {
                let entry = entries.iter().find(|entry| entry.value == id)?;
                find_indicator(source, entry.key.span.end, b":", b"")? + 1
            }
            Kind::List(items) => dash(document, parent, items.iter().position(|item| *item == id)?)? + 1,
            _ => return None,
        },
    };
    for _ in 0..usize::from(node.anchor.is_some()) + usize::from(node.tag.is_some()) {
        let start = skip_trivia(source, at);
        let property = source.get(start..)?;
        at = start + property.find([' ', '\t', '\n', '\r']).unwrap_or(property.len());
    }
    Some(at)
}

/// Behind the `---` of a document, or where it begins without.
fn root_lead(document: &Document, root: NodeId) -> Option<usize> {
    let part = document.parts.get(document.part_of(root))?;
    let source = &*document.source;
    let start = part.span.start;
    if source.get(start..)?.starts_with("---") {
        return Some(start + 3);
    }
    if part.directives.is_empty() {
        return Some(start);
    }
    lines(source, start).find(|line| line.of(source).starts_with("---")).map(|line| line.start + 3)
}
