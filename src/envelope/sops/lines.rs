//! The leaves and comments of files of lines, dotenv and INI, in SOPS' order: that of the file, whatever key stands how
//! often. An INI file's comment stands behind the value that it is above of, so that a selector by comments takes it
//! for the next one's.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use super::flat::is_metadata;
use super::outline::{Event, Outline, Slot, What};
use super::selector::{Judge, Selector};
use super::values::{Meaning, meaning};
use crate::document::{Document, FormatCode, Kind, NodeId, Span};
use crate::secret::{SecretString, SecretText};

/// Walks a document of lines.
pub(super) fn outline(document: &Document, selector: &Selector) -> Outline {
    let mut walk = Walk {
        document,
        judge: Judge::new(selector),
        comments: comments_by_owner(document),
        slots: Vec::with_capacity(document.nodes.len()),
        shape: std::hash::DefaultHasher::new(),
    };
    Event::Map.hash(&mut walk.shape);
    walk.judge.enter();
    match document.format {
        FormatCode::Dotenv => walk.dotenv(),
        _ => walk.ini(),
    }
    Event::End.hash(&mut walk.shape);
    Outline { slots: walk.slots, shape: walk.shape.finish() }
}

/// The text of an INI file's comment: its first line without the marker, and the others with theirs.
#[must_use]
pub fn block_text(document: &Document, lines: &Range<usize>) -> SecretText {
    let source = document.source.as_str();
    let mut out = SecretString::default();
    for index in lines.clone() {
        let Some(comment) = document.comments.get(index) else { break };
        let start = if index == lines.start {
            comment.span.start + usize::from(comment.marker)
        } else {
            comment.span.start
        };
        // Blanks behind a line are the comment's own, but for those behind the last one.
        let is_last = index + 1 == lines.end;
        let rest = source.get(comment.span.end..).unwrap_or_default();
        let end = if is_last {
            comment.span.end
        } else {
            comment.span.end + rest.find('\n').map_or(0, |at| at + 1)
        };
        out.push_str(Span::new(start, end).of(source));
    }
    out.into()
}

/// A line of a dotenv file.
enum Line<'a> {
    Pair(&'a str, NodeId),
    Comment(usize),
}

struct Walk<'a> {
    document: &'a Document,
    judge: Judge<'a>,
    /// Of an INI file, the lines of each comment by the node that it is about; at the end of the file by none.
    comments: HashMap<Option<NodeId>, Range<usize>>,
    slots: Vec<Slot>,
    shape: std::hash::DefaultHasher,
}

impl Walk<'_> {
    fn dotenv(&mut self) {
        let document = self.document;
        let pairs = pairs(document, NodeId(0)).into_iter().map(|(at, key, id)| (at, Line::Pair(key, id)));
        let comments = document.comments.iter().enumerate();
        let comments = comments.map(|(index, comment)| (comment.span.start, Line::Comment(index)));
        let mut lines: Vec<(usize, Line<'_>)> = pairs.chain(comments).collect();
        lines.sort_by_key(|(at, _)| *at);
        for (_, line) in lines {
            match line {
                Line::Pair(key, id) if !is_metadata(FormatCode::Dotenv, key) => {
                    self.value(id, key, &format!("{key}:"), false);
                }
                Line::Pair(..) => {}
                Line::Comment(index) => {
                    let comment = &document.comments.get(index);
                    let text = comment
                        .map_or("", |comment| comment.span.of(&document.source).get(1..).unwrap_or_default());
                    let encrypted = self.judge.comment(text, false) && !text.is_empty();
                    self.push(What::Comment(index), ":", encrypted);
                }
            }
        }
    }

    fn ini(&mut self) {
        let (metadata, sections): (Vec<_>, Vec<_>) = pairs(self.document, NodeId(0))
            .into_iter()
            .partition(|(_, name, _)| is_metadata(FormatCode::Ini, name));
        // What stands above the metadata is what ends the file without.
        for (_, _, id) in metadata {
            if let Some(lines) = self.comments.remove(&Some(id)) {
                self.comments.entry(None).or_insert(lines);
            }
        }
        let count = sections.len();
        for (index, (_, name, id)) in sections.into_iter().enumerate() {
            let path = format!("{name}:");
            let hit = self.judge.key(name);
            Event::Key(name).hash(&mut self.shape);
            Event::Map.hash(&mut self.shape);
            self.judge.enter();
            self.block(Some(id), &path, hit);
            for (_, key, value) in pairs(self.document, id) {
                self.value(value, key, &format!("{path}{key}:"), hit);
                self.block(Some(value), &path, hit);
            }
            if index + 1 == count {
                self.block(None, &path, hit);
            }
            self.judge.leave();
            self.judge.done();
            Event::End.hash(&mut self.shape);
        }
        if count == 0 {
            self.block(None, ":", false);
        }
    }

    fn value(&mut self, id: NodeId, key: &str, path: &str, hit: bool) {
        let node = self.document.node(id);
        let hit = hit || self.judge.key(key);
        let what = match meaning(self.document.format, node, &self.document.source) {
            Ok(Meaning::Item(_)) => What::Leaf(id),
            _ => What::Nothing(id),
        };
        Event::Key(key).hash(&mut self.shape);
        Event::Leaf.hash(&mut self.shape);
        let encrypted = self.judge.value(hit);
        self.push(what, path, encrypted);
        self.judge.done();
    }

    fn block(&mut self, owner: Option<NodeId>, path: &str, hit: bool) {
        let Some(lines) = self.comments.remove(&owner) else { return };
        let text = block_text(self.document, &lines);
        let encrypted = self.judge.comment(&text, hit) && !text.is_empty();
        self.push(What::Block(lines), path, encrypted);
    }

    fn push(&mut self, what: What, path: &str, encrypted: bool) {
        self.slots.push(Slot { what, aad: path.into(), encrypted, aliased: None });
    }
}

/// The children of a map by their places, those of a list as if each had its key.
fn pairs(document: &Document, map: NodeId) -> Vec<(usize, &str, NodeId)> {
    let mut found = Vec::new();
    if let Some(Kind::Map(entries)) = document.nodes.get(map.index()).map(|node| &node.kind) {
        for entry in entries {
            match &document.node(entry.value).kind {
                Kind::List(items) => found.extend(items.iter().map(|id| (&*entry.key.text, *id))),
                _ => found.push((&*entry.key.text, entry.value)),
            }
        }
    }
    let mut placed: Vec<_> =
        found.into_iter().map(|(key, id)| (document.node(id).span.start, key, id)).collect();
    placed.sort_by_key(|(at, _, _)| *at);
    placed
}

fn comments_by_owner(document: &Document) -> HashMap<Option<NodeId>, Range<usize>> {
    let mut found: HashMap<Option<NodeId>, Range<usize>> = HashMap::new();
    if document.format == FormatCode::Ini {
        for (index, comment) in document.comments.iter().enumerate() {
            found.entry(comment.container).or_insert(index..index).end = index + 1;
        }
    }
    found
}
