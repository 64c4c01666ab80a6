//! Where the parts of an entry are that a document does not keep: `?`, `-`, properties, the end of a body.

use super::lines::{is_blank, line_start};
use crate::document::{Document, Kind, NodeId};

/// Where the entry or element begins whose key or first byte is at `start`: at its `?`, where one stands before it on
/// the line.
pub(super) fn entry_start(source: &str, start: usize) -> usize {
    let before = source.get(line_start(source, start)..start).unwrap_or_default();
    let trimmed = before.trim_end_matches([' ', '\t']);
    match trimmed.strip_suffix('?') {
        Some(rest) if trimmed.len() < before.len() && rest.bytes().last().is_none_or(is_blank) => {
            start - (before.len() - rest.len())
        }
        _ => start,
    }
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
