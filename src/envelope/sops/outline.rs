//! The leaves and comments of a document in SOPS' order, each with the path it is encrypted under.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use super::comments::by_container;
use super::error::{Damage, SopsError};
use super::lines;
use super::metadata::ENTRY;
use super::selector::{Judge, Selector};
use super::token::{Token, is_token};
use super::values::{Meaning, Type, is_string_key, meaning};
use crate::document::{Aliases, Document, Entry, FormatCode, Kind, NodeId, Value};

/// Something that is encrypted or not.
#[derive(Clone, Debug)]
pub struct Slot {
    /// What it is.
    pub what: What,
    /// The path that it is, or would be, encrypted under: keys with a colon behind each.
    pub aad: Box<str>,
    /// Whether the selector encrypts it.
    pub encrypted: bool,
    /// Whether it stands here by an alias: its place in the text is another one.
    pub aliased: Option<NodeId>,
}

/// What a slot holds.
#[derive(Clone, Debug)]
pub enum What {
    /// A scalar that means something to SOPS, by its node.
    Leaf(NodeId),
    /// A null, an empty string or an empty container.
    Nothing(NodeId),
    /// A comment, by its number in the document.
    Comment(usize),
    /// A comment in a list, where SOPS writes an encrypted one as an element.
    Element(NodeId),
    /// The lines of an INI file's comment, by their numbers in the document: one comment to SOPS.
    Block(Range<usize>),
}

/// A document as SOPS sees it.
#[derive(Clone, Debug)]
pub struct Outline {
    /// In order.
    pub slots: Vec<Slot>,
    /// A print of maps, lists and keys, the metadata entry and comments not counted. For comparison within one run.
    pub shape: u64,
}

impl Outline {
    /// Walks a document. The metadata entry is passed over; in a sealed document tokens of comments in lists are seen
    /// as the comments that they are.
    ///
    /// # Errors
    /// [`SopsError`] for what SOPS has no form for: another root than a map, keys that are no strings, numbers beyond 64
    /// bits.
    pub fn of(document: &Document, selector: &Selector) -> Result<Self, SopsError> {
        if matches!(document.format, FormatCode::Dotenv | FormatCode::Ini) {
            return Ok(lines::outline(document, selector));
        }
        let mut walk = Walk {
            document,
            comments: by_container(document),
            judge: Judge::new(selector),
            slots: Vec::with_capacity(document.nodes.len()),
            aliases: document.aliases(),
            left: document.nodes.len().saturating_mul(GROWTH),
            aliased: None,
            depth: 0,
            shape: DefaultHasher::new(),
        };
        for part in &document.parts {
            match &document.node(part.root).kind {
                Kind::Map(_) | Kind::Empty => {}
                Kind::Scalar(scalar) if scalar.value == Value::Null => {}
                _ => {
                    return Err(SopsError::Root(
                        "SOPS files are maps at the root: put the content under a key",
                    ));
                }
            }
            walk.container(part.root, "", false, true)?;
        }
        if document.parts.is_empty() {
            Event::Map.hash(&mut walk.shape);
            Event::End.hash(&mut walk.shape);
        }
        Ok(Self { slots: walk.slots, shape: walk.shape.finish() })
    }
}

struct Walk<'a> {
    document: &'a Document,
    comments: HashMap<NodeId, Vec<(usize, usize)>>,
    judge: Judge<'a>,
    slots: Vec<Slot>,
    aliases: Aliases<'a>,
    /// How many more nodes aliases may stand for.
    left: usize,
    aliased: Option<NodeId>,
    /// How deep the walk is, aliases included.
    depth: usize,
    shape: DefaultHasher,
}

impl Walk<'_> {
    /// A map or list, with the comments in it. No deeper than the document, or than its aliases make it.
    fn container(&mut self, id: NodeId, path: &str, hit: bool, is_root: bool) -> Result<(), SopsError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(SopsError::Aliases);
        }
        self.judge.enter();
        let mut comments = self.comments.get(&id).cloned().unwrap_or_default().into_iter().peekable();
        match &self.document.node(id).kind {
            Kind::Map(entries) => {
                Event::Map.hash(&mut self.shape);
                for (index, entry) in entries.iter().enumerate() {
                    while let Some((_, comment)) = comments.next_if(|(place, _)| *place <= index) {
                        self.comment(comment, path, hit);
                    }
                    if is_root && &*entry.key.text == ENTRY {
                        continue;
                    }
                    self.check_key(entry)?;
                    Event::Key(&entry.key.text).hash(&mut self.shape);
                    let below = format!("{path}{}:", &*entry.key.text);
                    let hit = hit || self.judge.key(&entry.key.text);
                    self.value(entry.value, &below, hit)?;
                    self.judge.done();
                }
            }
            Kind::List(items) => {
                Event::List.hash(&mut self.shape);
                for (index, item) in items.iter().enumerate() {
                    while let Some((_, comment)) = comments.next_if(|(place, _)| *place <= index) {
                        self.comment(comment, path, hit);
                    }
                    if self.element_comment(*item, path, hit) {
                        continue;
                    }
                    self.value(*item, path, hit)?;
                    self.judge.done();
                }
            }
            // A document of nothing but metadata is empty without.
            _ if is_root => Event::Map.hash(&mut self.shape),
            _ => {}
        }
        for (_, comment) in comments {
            self.comment(comment, path, hit);
        }
        Event::End.hash(&mut self.shape);
        self.judge.leave();
        self.depth -= 1;
        Ok(())
    }

    fn value(&mut self, id: NodeId, path: &str, hit: bool) -> Result<(), SopsError> {
        if let Kind::Alias(_) = &self.document.node(id).kind {
            return self.alias(id, path, hit);
        }
        if self.aliased.is_some() {
            self.left = self.left.checked_sub(1).ok_or(SopsError::Aliases)?;
        }
        if !self.document.is_leaf(id) && !matches!(self.document.node(id).kind, Kind::Empty) {
            return self.container(id, path, hit, false);
        }
        let node = self.document.node(id);
        let found = meaning(self.document.format, node, &self.document.source);
        let what = match found {
            Ok(Meaning::Item(_)) => What::Leaf(id),
            Ok(Meaning::Nothing) => What::Nothing(id),
            Err(reason) => return Err(self.unfit(id, reason)),
        };
        Event::Leaf.hash(&mut self.shape);
        let encrypted = self.judge.value(hit);
        self.slots.push(Slot { what, aad: path.into(), encrypted, aliased: self.aliased });
        if self.comments.contains_key(&id) {
            self.container(id, path, hit, false)?;
        }
        Ok(())
    }

    /// What an alias stands for, as if it stood here.
    fn alias(&mut self, id: NodeId, path: &str, hit: bool) -> Result<(), SopsError> {
        let target = self.aliases.resolve(id);
        if target == id {
            return Err(self.unfit(id, "the alias has no anchor before it"));
        }
        let mut above = self.document.node(id).parent;
        while let Some(node) = above {
            if node == target {
                return Err(self.unfit(id, "the alias stands inside of what it stands for"));
            }
            above = self.document.node(node).parent;
        }
        let outer = self.aliased;
        self.aliased = self.aliased.or(Some(id));
        let walked = self.value(target, path, hit);
        self.aliased = outer;
        walked
    }

    fn comment(&mut self, index: usize, path: &str, hit: bool) {
        let Some(comment) = self.document.comments.get(index) else { return };
        let text =
            comment.span.of(&self.document.source).get(usize::from(comment.marker)..).unwrap_or_default();
        let encrypted = self.judge.comment(text, hit) && !text.is_empty();
        let aad = comment_path(path);
        self.slots.push(Slot { what: What::Comment(index), aad, encrypted, aliased: self.aliased });
    }

    /// Whether an element is the token of a comment.
    fn element_comment(&mut self, id: NodeId, path: &str, hit: bool) -> bool {
        let Some(Value::Str(text)) = self.document.scalar(id).map(|scalar| &scalar.value) else {
            return false;
        };
        let is_comment = is_token(text) && Token::read(text).is_ok_and(|token| token.kind == Type::Comment);
        if is_comment {
            let encrypted = self.judge.comment(text, hit);
            let aad = comment_path(path);
            self.slots.push(Slot { what: What::Element(id), aad, encrypted, aliased: self.aliased });
        }
        is_comment
    }

    /// A key must be a string. Quoted ones are.
    fn check_key(&self, entry: &Entry) -> Result<(), SopsError> {
        let key = &entry.key;
        let is_quoted = key.span.of(&self.document.source).starts_with(['"', '\'']);
        if self.document.format != FormatCode::Yaml || is_quoted || is_string_key(&key.text) {
            return Ok(());
        }
        Err(self.unfit(entry.value, "SOPS takes only strings for keys: put this one in quotes"))
    }

    fn unfit(&self, id: NodeId, reason: &'static str) -> SopsError {
        let (line, path) = locate(self.document, id);
        SopsError::Unfit { line, path, reason }
    }
}

/// What a shape is made of.
#[derive(Hash)]
pub(super) enum Event<'a> {
    Map,
    List,
    Key(&'a str),
    Leaf,
    End,
}

/// A comment is encrypted under the path of what it stands in; at the top that is a colon.
fn comment_path(path: &str) -> Box<str> {
    if path.is_empty() { ":".into() } else { path.into() }
}

/// Line and key path of a node.
pub fn locate(document: &Document, id: NodeId) -> (usize, String) {
    (document.line_of(document.node(id).span.start), document.path(id).to_string())
}

/// An error about a node.
pub fn damaged(document: &Document, id: NodeId, damage: Damage) -> SopsError {
    let (line, path) = locate(document, id);
    SopsError::Value { line, path, damage }
}

/// How many times as many nodes as the document aliases may make.
const GROWTH: usize = 10;
/// Levels of maps and lists, aliases included: four times what the parser allows, where it is not told otherwise.
const DEPTH: usize = 256;
