//! Pairs and sections to a document. A name that stands once in its place is a map's entry; one that stands several
//! times is an entry that is the list of its occurrences.

use std::collections::HashMap;

use crate::document::{
    Comment, Document, Entry, FormatCode, Key, Kind, Node, NodeId, Part, Scalar, Span, Style, Value,
};
use crate::secret::SecretText;

/// What stands in a file, in order.
pub(in crate::format) enum Item {
    /// A pair: its key and what is its value.
    Pair(Span, Scalar),
    /// A key without a separator.
    Bare(Span),
    /// A section: its name between the brackets, the header with them, and what stands below it.
    Section {
        /// The name.
        name: Span,
        /// From bracket to bracket.
        header: Span,
        /// Its pairs.
        items: Vec<Self>,
        /// The comments below the header, by index.
        comments: std::ops::Range<usize>,
    },
}

impl Item {
    /// Its first byte.
    fn start(&self) -> usize {
        match self {
            Self::Pair(key, _) | Self::Bare(key) => key.start,
            Self::Section { header, .. } => header.start,
        }
    }

    fn name(&self) -> Span {
        match self {
            Self::Pair(key, _) | Self::Bare(key) => *key,
            Self::Section { name, .. } => *name,
        }
    }
}

/// A text at `token`; `inner` is what stands between its quotes.
pub(in crate::format) fn scalar(token: Span, style: Style, inner: Span, source: &SecretText) -> Scalar {
    let value = Value::Str(normalised(source, inner));
    Scalar { token, body: None, style, value, flow: false, base: -1 }
}

/// A text with `\n` for every line break.
fn normalised(source: &SecretText, span: Span) -> SecretText {
    let text = span.of(source);
    if text.contains('\r') { text.replace("\r\n", "\n").into() } else { source.slice(span.start, span.end) }
}

/// Makes the document of `items`. Comments outside of sections belong to the root.
pub(in crate::format) fn build(
    format: FormatCode,
    source: &SecretText,
    items: Vec<Item>,
    comments: &[Span],
) -> Document {
    let mut builder = Builder { source, nodes: Vec::new(), containers: vec![ROOT; comments.len()] };
    let begin = source.len() - source.trim_start_matches('\u{feff}').len();
    builder.push(None, Kind::Map(Vec::new()), Span::new(begin, begin), false);
    builder.fill(ROOT, items);
    let span = builder.nodes.first().map(|root| root.span).unwrap_or_default();
    let comments = comments.iter().zip(builder.containers);
    let comments = comments.map(|(span, container)| Comment {
        span: *span,
        marker: 1,
        container: Some(container),
        part: 0,
    });
    Document {
        source: source.clone(),
        format,
        parts: vec![Part { root: ROOT, directives: Vec::new(), span }],
        comments: comments.collect(),
        nodes: builder.nodes,
    }
}

struct Builder<'a> {
    source: &'a str,
    nodes: Vec<Node>,
    /// The container of each comment.
    containers: Vec<NodeId>,
}

impl Builder<'_> {
    fn push(&mut self, parent: Option<NodeId>, kind: Kind, span: Span, sealable: bool) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { parent, kind, span, anchor: None, tag: None, tag_first: false, sealable });
        id
    }

    /// Puts `items` into the map `id`. Sections do not nest, so this goes two levels deep.
    fn fill(&mut self, id: NodeId, items: Vec<Item>) {
        let source = self.source;
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for item in &items {
            *counts.entry(item.name().of(source)).or_default() += 1;
        }
        let mut lists: HashMap<&str, NodeId> = HashMap::new();
        if let (ROOT, Some(first), Some(root)) = (id, items.first(), self.nodes.first_mut()) {
            root.span.start = first.start();
        }
        for item in items {
            let (name, start) = (item.name(), item.start());
            let text = name.of(source);
            let key = || Key { text: text.into(), ambiguous: false, span: name };
            let value = if counts.get(text).is_some_and(|count| *count > 1) {
                let list = match lists.get(text) {
                    Some(list) => *list,
                    None => {
                        let list =
                            self.push(Some(id), Kind::List(Vec::new()), Span::new(start, start), false);
                        self.entry(id, key(), list);
                        lists.insert(text, list);
                        list
                    }
                };
                let value = self.item(list, item);
                if let Some(Node { kind: Kind::List(items), .. }) = self.nodes.get_mut(list.index()) {
                    items.push(value);
                }
                self.widen(list, value);
                value
            } else {
                let value = self.item(id, item);
                self.entry(id, key(), value);
                value
            };
            self.widen(id, value);
        }
    }

    fn entry(&mut self, map: NodeId, key: Key, value: NodeId) {
        if let Some(Node { kind: Kind::Map(entries), .. }) = self.nodes.get_mut(map.index()) {
            entries.push(Entry { key, value });
        }
    }

    fn item(&mut self, parent: NodeId, item: Item) -> NodeId {
        match item {
            Item::Pair(_, scalar) => {
                let span = scalar.token;
                self.push(Some(parent), Kind::Scalar(scalar), span, true)
            }
            Item::Bare(key) => self.push(Some(parent), Kind::Empty, Span::new(key.end, key.end), false),
            Item::Section { header, items, comments, .. } => {
                let id = self.push(Some(parent), Kind::Map(Vec::new()), header, false);
                self.fill(id, items);
                self.containers.get_mut(comments).into_iter().flatten().for_each(|container| *container = id);
                id
            }
        }
    }

    fn widen(&mut self, id: NodeId, by: NodeId) {
        let end = self.nodes.get(by.index()).map_or(0, |node| node.span.end);
        if let Some(node) = self.nodes.get_mut(id.index()) {
            node.span.end = node.span.end.max(end);
        }
    }
}

/// The root of every document here.
const ROOT: NodeId = NodeId(0);
