//! Where the tables and pairs of a TOML file stand.

use crate::document::{Kind, Node, NodeId, Span};

/// Where tables and pairs stand: what a change needs to know beyond the document.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// `[a.b]` and `[[a.b]]`, in order.
    pub headers: Vec<Header>,
    /// `a.b = 1` outside brackets, in order.
    pub pairs: Vec<Pair>,
    /// How each node is written.
    pub forms: Vec<Form>,
}

/// A header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// From the first bracket to the last.
    pub span: Span,
    /// The table that it opens.
    pub table: NodeId,
}

/// A key with its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    /// First byte of the key.
    pub start: usize,
    /// The value.
    pub value: NodeId,
    /// The table whose header stands above, or the root.
    pub table: NodeId,
}

/// How a node is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The root.
    Root,
    /// A scalar, or a container in brackets.
    Value,
    /// A table with a header of its own, `[[x]]` included.
    Header,
    /// A table that only headers of tables below it name.
    Implied,
    /// A table that dotted keys name, and headers of tables below it at most.
    Dotted,
    /// The list of all `[[x]]`.
    Tables,
}

/// The extent of a container without brackets, whose descendants have theirs.
pub(super) fn extent(nodes: &[Node], index: usize) -> Span {
    let join = |a: Span, b: Span| Span::new(a.start.min(b.start), a.end.max(b.end));
    let child = |id: NodeId| nodes[id.index()].span;
    let node = &nodes[index];
    match &node.kind {
        Kind::Map(entries) => entries.iter().fold(node.span, |span, entry| {
            join(join(span, child(entry.value)), Span::new(entry.key.span.start, 0))
        }),
        Kind::List(items) => items.iter().fold(node.span, |span, item| join(span, child(*item))),
        _ => node.span,
    }
}

/// The root of every TOML document.
pub(super) const ROOT: NodeId = NodeId(0);

/// The neutral element of [`extent`].
pub(super) const UNKNOWN: Span = Span::new(usize::MAX, 0);
