//! A file as values: its exact text, a tree with byte spans over it, and its comments. No I/O, no crypto, no format.
//!
//! A [`Document`] is made by a [`crate::format::Format`]. Nodes live in one arena in order of first mention, a
//! parent always before its children, so that two texts with the same structure give the same [`NodeId`]s.

mod expand;
mod path;
mod splice;
mod tree;
mod value;

pub use expand::{Aliases, ExpandError};
pub use path::{KeyPath, PathError, Step};
pub use splice::{Splice, SpliceError, apply};
pub use tree::Tree;
pub use value::{Spelling, Value};

use crate::secret::SecretText;

/// A half-open range of byte offsets into [`Document::source`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One behind the last byte.
    pub end: usize,
}

impl Span {
    /// The range `start..end`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Whether the range holds no byte.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// The bytes of `text` in this range; empty where the range does not fit.
    #[must_use]
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// Names a node of one [`Document`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The node's place in [`Document::nodes`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The formats of the native envelope with their codes (`format-v1.md`, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FormatCode {
    /// YAML 1.2, any number of documents.
    Yaml = 1,
    /// JSON, and JSON with comments and trailing commas.
    Json = 2,
    /// TOML 1.0.
    Toml = 3,
    /// Lines `KEY=value`.
    Dotenv = 4,
    /// Sections of lines `key = value`.
    Ini = 5,
    /// Any bytes, as the one value of a JSON object.
    Binary = 6,
}

impl FormatCode {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Yaml, Self::Json, Self::Toml, Self::Dotenv, Self::Ini, Self::Binary];

    /// The format's name: `yaml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Toml => "toml",
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Binary => "binary",
        }
    }
}

/// A parsed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The complete text, a byte order mark included.
    pub source: SecretText,
    /// What it was parsed as.
    pub format: FormatCode,
    /// All nodes, in order of first mention; a parent's index is below its children's.
    pub nodes: Vec<Node>,
    /// The YAML documents of the file (none in an empty one); exactly one in every other format.
    pub parts: Vec<Part>,
    /// All comments, by position.
    pub comments: Vec<Comment>,
}

/// One YAML document; the whole file in other formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its root node.
    pub root: NodeId,
    /// `%YAML` and `%TAG` lines, without line breaks, in order, with their spans.
    pub directives: Vec<(Span, Box<str>)>,
    /// From its first byte (the first directive, `---` or content) to the end of its last content.
    pub span: Span,
}

/// A node of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The containing map or list; `None` at a root.
    pub parent: Option<NodeId>,
    /// What it is.
    pub kind: Kind,
    /// Its extent. A scalar's is [`Scalar::token`] (a block scalar's body lies outside), a flow container's runs from
    /// bracket to bracket, a block container's from its first child (a map's child begins at its key, a list's at its
    /// `-`) to its last descendant's last byte.
    pub span: Span,
    /// The anchor's name, without `&`.
    pub anchor: Option<Box<str>>,
    /// The tag as written.
    pub tag: Option<Box<str>>,
    /// Whether the tag stands before the anchor.
    pub tag_first: bool,
    /// Whether a token can stand in this node's place. False for containers that are written by headers (TOML).
    pub sealable: bool,
}

/// The kinds of node. Almost every node is a scalar, so those stand here without a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Key and value pairs, in order of first mention. Keys are distinct.
    Map(Vec<Entry>),
    /// Elements in order.
    List(Vec<NodeId>),
    /// A scalar; with at least one byte in the source, but for dotenv and INI, where `K=` is an empty text.
    Scalar(Scalar),
    /// `*name`, without the asterisk.
    Alias(Box<str>),
    /// A value of no width: YAML's `k:`, INI's `k`.
    Empty,
}

/// One pair of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value's node.
    pub value: NodeId,
}

/// A map's key. Keys are never encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The decoded key.
    pub text: SecretText,
    /// YAML only: a plain key that is not a string in YAML 1.1 or 1.2 (`on`, `1`, `null`, `<<`): key kind 01.
    pub ambiguous: bool,
    /// Where it stands (first mention).
    pub span: Span,
}

/// A scalar with its places in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The bytes that a token replaces: the whole scalar, or only a block scalar's header (`|2-`).
    pub token: Span,
    /// A block scalar's lines behind the header's line, which sealing removes. Where the file ends in the body without
    /// a line break, the span begins with the line break before the body.
    pub body: Option<Span>,
    /// How it is written.
    pub style: Style,
    /// What it means (YAML: by the 1.2 core schema, the tag ignored).
    pub value: Value,
    /// Whether it stands inside a flow collection.
    pub flow: bool,
    /// Column of the innermost block collection, in characters; -1 at a root.
    pub base: i32,
}

/// How a scalar is written. The numbers are the style codes of `format-v1.md`, section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Style {
    /// Bare: YAML plain, JSON and TOML numbers, booleans, dates, unquoted values of dotenv and INI.
    Plain = 0,
    /// `'…'` of YAML, dotenv and INI, TOML literal.
    Single = 1,
    /// `"…"` of every format.
    Double = 2,
    /// YAML `|`.
    Literal = 3,
    /// YAML `>`.
    Folded = 4,
    /// TOML `'''…'''`.
    MultiSingle = 5,
    /// TOML `"""…"""`.
    MultiDouble = 6,
    /// dotenv `` `…` ``.
    Backtick = 7,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// From the marker to the last byte of its line, without the line break; a block comment's ends before its `*/`,
    /// so that what stands behind the marker can be replaced ([`Document::comment_extent`] has the whole).
    pub span: Span,
    /// Length of the marker in bytes (`#` 1, `//` and `/*` 2).
    pub marker: u8,
    /// The innermost container open at its first byte, else `None`: it belongs to the part itself.
    pub container: Option<NodeId>,
    /// Index into [`Document::parts`]: the part it belongs to. 0 where there is none.
    pub part: usize,
}

impl Document {
    /// The node named by `id`.
    ///
    /// # Panics
    /// Where `id` comes from another document; ids are only made by a parse of this one.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The node's scalar, if it is one.
    #[must_use]
    pub fn scalar(&self, id: NodeId) -> Option<&Scalar> {
        match &self.node(id).kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// All ids in arena order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    /// Whether the node is a leaf of section 4: a scalar, or an empty container.
    #[must_use]
    pub fn is_leaf(&self, id: NodeId) -> bool {
        match &self.node(id).kind {
            Kind::Scalar(_) => true,
            Kind::Map(entries) => entries.is_empty(),
            Kind::List(items) => items.is_empty(),
            Kind::Alias(_) | Kind::Empty => false,
        }
    }

    /// A leaf's value; `None` for every other node.
    #[must_use]
    pub fn value(&self, id: NodeId) -> Option<Value> {
        match &self.node(id).kind {
            Kind::Scalar(scalar) => Some(scalar.value.clone()),
            Kind::Map(entries) if entries.is_empty() => Some(Value::EmptyMap),
            Kind::List(items) if items.is_empty() => Some(Value::EmptyList),
            _ => None,
        }
    }

    /// Whether the node is a leaf of that value.
    #[must_use]
    pub fn has_value(&self, id: NodeId, value: &Value) -> bool {
        match &self.node(id).kind {
            Kind::Scalar(scalar) => scalar.value == *value,
            _ => self.value(id).as_ref() == Some(value),
        }
    }

    /// Which part a node belongs to, by its root.
    #[must_use]
    pub fn part_of(&self, id: NodeId) -> usize {
        self.parts.partition_point(|part| part.root <= id).saturating_sub(1)
    }

    /// A comment's whole extent: its span, and the `*/` of a block comment.
    #[must_use]
    pub fn comment_extent(&self, comment: &Comment) -> Span {
        let closing = if comment.span.of(&self.source).starts_with("/*") { 2 } else { 0 };
        Span::new(comment.span.start, comment.span.end + closing)
    }

    /// 1-based line of a byte offset; counts `\n`, `\r\n` and lone `\r`.
    #[must_use]
    pub fn line_of(&self, offset: usize) -> usize {
        line_column(&self.source, offset).0
    }

    /// The path of every node, computed in one pass: `paths[id.index()]` is (parent, step).
    #[must_use]
    pub fn steps(&self) -> Vec<Option<(NodeId, Step)>> {
        let mut steps = vec![None; self.nodes.len()];
        for id in self.ids() {
            match &self.node(id).kind {
                Kind::Map(entries) => {
                    for entry in entries {
                        steps[entry.value.index()] = Some((id, Step::Key(entry.key.text.as_str().into())));
                    }
                }
                Kind::List(items) => {
                    for (index, item) in items.iter().enumerate() {
                        steps[item.index()] = Some((id, Step::Index(index)));
                    }
                }
                _ => {}
            }
        }
        steps
    }

    /// The key path of a node by [`Document::steps`].
    #[must_use]
    pub fn path_by(&self, steps: &[Option<(NodeId, Step)>], id: NodeId) -> KeyPath {
        let mut path = KeyPath { part: self.part_of(id), steps: Vec::new() };
        let mut at = id;
        while let Some((parent, step)) = steps.get(at.index()).and_then(Option::as_ref) {
            path.steps.push(step.clone());
            at = *parent;
        }
        path.steps.reverse();
        path
    }

    /// The key path of one node. Walks up; use [`Document::steps`] for many.
    #[must_use]
    pub fn path(&self, id: NodeId) -> KeyPath {
        let mut steps = Vec::new();
        let mut child = id;
        while let Some(parent) = self.node(child).parent {
            match &self.node(parent).kind {
                Kind::Map(entries) => {
                    if let Some(entry) = entries.iter().find(|entry| entry.value == child) {
                        steps.push(Step::Key(entry.key.text.as_str().into()));
                    }
                }
                Kind::List(items) => {
                    if let Some(index) = items.iter().position(|item| *item == child) {
                        steps.push(Step::Index(index));
                    }
                }
                _ => {}
            }
            child = parent;
        }
        steps.reverse();
        let part = self.part_of(id);
        KeyPath { part, steps }
    }

    /// The node at `path`, if there is one.
    #[must_use]
    pub fn find(&self, path: &KeyPath) -> Option<NodeId> {
        let mut id = self.parts.get(path.part)?.root;
        for step in &path.steps {
            id = match (&self.node(id).kind, step) {
                (Kind::Map(entries), Step::Key(key)) => {
                    entries.iter().find(|entry| entry.key.text == *key)?.value
                }
                (Kind::List(items), Step::Index(index)) => *items.get(*index)?,
                _ => return None,
            };
        }
        Some(id)
    }
}

/// 1-based line and column (in characters; a byte order mark does not count) of a byte offset.
#[must_use]
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let bytes = before.as_bytes();
    let mut line = 1;
    let mut start = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let is_break = match byte {
            b'\n' => true,
            b'\r' => bytes.get(index + 1).or(text.as_bytes().get(index + 1)) != Some(&b'\n'),
            _ => false,
        };
        if is_break {
            line += 1;
            start = index + 1;
        }
    }
    let column = before[start..].trim_start_matches('\u{feff}').chars().count() + 1;
    (line, column)
}
