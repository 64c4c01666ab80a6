//! A `.sops.yaml` as a tree in which aliases and merge keys are replaced and every item knows its place.
//!
//! Made by this program's own YAML reader, not by one that fills typed structs: errors and warnings name the places of
//! keys, unknown keys are an error in one use and a list of warnings in the other, and a file that comes with a
//! repository meets one YAML reader and its limits, not two.

use std::collections::HashSet;

use crate::config::reader::Source;
use crate::config::{ConfigError, Problem};
use crate::document::{Aliases, Document, Entry, ExpandError, FormatCode, Kind, NodeId, Style, Value};
use crate::format::{Limits, by_code};

use super::SopsProblem;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Byte offset.
    pub(super) at: usize,
    pub(super) what: What,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum What {
    Null,
    Text(String),
    /// A number or boolean, as it is written.
    Plain(String),
    Map(Vec<Pair>),
    List(Vec<Item>),
}

/// One pair of a map.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) key: String,
    /// Where the key stands, as a byte offset.
    pub(super) at: usize,
    pub(super) value: Item,
    /// Whether an anchor stands on the value or below it.
    pub(super) has_anchor: bool,
}

/// A file's tree.
pub(super) struct Tree {
    /// `None` in an empty file.
    pub(super) root: Option<Item>,
    /// Where a second YAML document begins.
    pub(super) more: Option<usize>,
}

/// Reads a file's first YAML document.
///
/// # Errors
/// What is no YAML, has duplicate keys, aliases of nothing, or over 200,000 items once aliases are replaced.
pub(super) fn read(source: Source<'_>) -> Result<Tree, ConfigError> {
    let parsed = by_code(FormatCode::Yaml).parse(source.text, &Limits::default());
    let document = parsed.map_err(|error| ConfigError {
        file: source.file.to_owned(),
        line: error.line,
        column: error.column,
        problem: Box::new(Problem::Syntax(error.message)),
        suggestion: None,
    })?;
    let mut parts = document.parts.iter();
    let first = parts.next().map(|part| part.root);
    let more = parts.next().map(|part| part.span.start);
    let mut builder = Builder {
        source,
        document: &document,
        aliases: document.aliases(),
        left: ITEMS,
        anchored: anchored(&document),
    };
    let root = first.map(|root| builder.item(root, 0)).transpose()?;
    Ok(Tree { root, more })
}

impl Item {
    pub(super) fn is_null(&self) -> bool {
        matches!(self.what, What::Null)
    }
}

struct Builder<'a> {
    source: Source<'a>,
    document: &'a Document,
    aliases: Aliases<'a>,
    /// How many more items may be made.
    left: usize,
    /// Nodes that have an anchor, or hold one that has.
    anchored: HashSet<NodeId>,
}

impl<'a> Builder<'a> {
    /// No deeper than `DEPTH`.
    fn item(&mut self, id: NodeId, level: usize) -> Result<Item, ConfigError> {
        let at = self.at(id);
        self.left = self.left.checked_sub(1).ok_or_else(|| self.alias(at, &ExpandError::Size))?;
        if level > DEPTH {
            let problem = Problem::Limit { what: "levels of maps and lists", found: level, limit: DEPTH };
            return Err(self.source.error(at, problem));
        }
        let id = self.aliases.resolved(id).map_err(|error| self.alias(at, &error))?;
        let document = self.document;
        let node = document.node(id);
        let is_string = match (node.tag.as_deref(), &node.kind) {
            (None, _) | (Some("!!map"), Kind::Map(_)) | (Some("!!seq"), Kind::List(_)) => false,
            (Some("!!str" | "!"), Kind::Scalar(_)) => true,
            (Some(tag), _) => return Err(self.source.error(at, SopsProblem::Tag(tag.to_owned()).into())),
        };
        let what = match &node.kind {
            Kind::Map(entries) => What::Map(self.pairs(entries, at, level)?),
            Kind::List(items) => {
                What::List(items.iter().map(|item| self.item(*item, level + 1)).collect::<Result<_, _>>()?)
            }
            Kind::Scalar(scalar) => {
                let written = || scalar.token.of(self.source.text).to_owned();
                match &scalar.value {
                    Value::Str(text) | Value::Ambiguous(text) => What::Text(text.to_string()),
                    _ if is_string && scalar.style == Style::Plain => What::Text(written()),
                    Value::Null => What::Null,
                    _ => What::Plain(written()),
                }
            }
            Kind::Empty | Kind::Alias(_) => What::Null,
        };
        Ok(Item { at, what })
    }

    fn pairs(&mut self, entries: &'a [Entry], at: usize, level: usize) -> Result<Vec<Pair>, ConfigError> {
        let merged = self.aliases.merged(entries, &mut self.left).map_err(|error| self.alias(at, &error))?;
        let pair = |entry: &Entry| {
            Ok(Pair {
                key: entry.key.text.to_string(),
                at: entry.key.span.start,
                value: self.item(entry.value, level + 1)?,
                has_anchor: self.anchored.contains(&entry.value),
            })
        };
        merged.into_iter().map(pair).collect()
    }

    fn at(&self, id: NodeId) -> usize {
        self.document.node(id).span.start
    }

    /// An alias's error, at its own line where it knows one.
    fn alias(&self, at: usize, error: &ExpandError) -> ConfigError {
        let (line, problem) = match error {
            ExpandError::NoAnchor { line, name } => {
                (Some(*line), SopsProblem::Alias(format!("the alias `*{name}` has no anchor before it")))
            }
            ExpandError::Endless { line, name } => {
                let text = format!("the alias `*{name}` stands inside of what it stands for");
                (Some(*line), SopsProblem::Alias(text))
            }
            ExpandError::Merge { line } => {
                let text = "a merge key `<<` takes a map or a list of maps".to_owned();
                (Some(*line), SopsProblem::Alias(text))
            }
            ExpandError::Depth { .. } | ExpandError::Size => {
                (None, SopsProblem::Alias(format!("aliases make more than {ITEMS} items of the file")))
            }
        };
        let error = self.source.error(at, problem.into());
        match line {
            Some(line) if line != error.line => ConfigError { line, column: 1, ..error },
            _ => error,
        }
    }
}

fn anchored(document: &Document) -> HashSet<NodeId> {
    let mut found = HashSet::new();
    for id in document.ids().filter(|id| document.node(*id).anchor.is_some()) {
        let mut next = Some(id);
        while let Some(node) = next.filter(|node| found.insert(*node)) {
            next = document.node(node).parent;
        }
    }
    found
}

const ITEMS: usize = 200_000;
const DEPTH: usize = 64;
