//! A document as the tree that SOPS has in memory, comments in their places.

use std::collections::HashMap;

use super::comments::by_container;
use super::error::SopsError;
use super::flat::is_metadata;
use super::lines::block_text;
use super::outline::{damaged, locate};
use super::values::{Item, Meaning, Type, meaning};
use crate::document::{Aliases, Document, FormatCode, Kind, NodeId, Value};
use crate::secret::SecretText;

/// A value, a comment, or what holds them.
#[derive(Clone, Debug)]
pub enum Branch {
    /// Keys and values in order. A comment has no key.
    Map(Vec<(Option<SecretText>, Self)>),
    /// Elements in order, comments among them.
    List(Vec<Self>),
    /// A value; an empty string too.
    Value(Item),
    /// Null.
    Null,
    /// A comment, without its marker.
    Comment(SecretText),
}

/// The documents of a file, each a map. Metadata are left out.
///
/// # Errors
/// [`SopsError`] for what SOPS has no form for.
pub fn branches(document: &Document) -> Result<Vec<Branch>, SopsError> {
    let mut reader = Reader {
        document,
        comments: by_container(document),
        aliases: document.aliases(),
        left: document.nodes.len().saturating_mul(GROWTH),
        depth: 0,
    };
    match document.format {
        FormatCode::Dotenv => Ok(vec![lines(document)?]),
        FormatCode::Ini => Ok(vec![sections(document)?]),
        _ => document.parts.iter().map(|part| reader.root(part.root)).collect(),
    }
}

struct Reader<'a> {
    document: &'a Document,
    comments: HashMap<NodeId, Vec<(usize, usize)>>,
    aliases: Aliases<'a>,
    /// How many more nodes aliases may stand for.
    left: usize,
    depth: usize,
}

impl Reader<'_> {
    fn root(&mut self, id: NodeId) -> Result<Branch, SopsError> {
        match self.branch(id)? {
            map @ Branch::Map(_) => Ok(map),
            Branch::Null => Ok(Branch::Map(self.comments_of(id))),
            _ => Err(SopsError::Root("SOPS files are maps at the root: put the content under a key")),
        }
    }

    fn comments_of(&self, id: NodeId) -> Vec<(Option<SecretText>, Branch)> {
        let own = self.comments.get(&id).into_iter().flatten();
        own.map(|(_, index)| (None, self.comment(*index))).collect()
    }

    fn comment(&self, index: usize) -> Branch {
        Branch::Comment(self.document.comments.get(index).map_or_else(SecretText::default, |comment| {
            let text = comment.span.of(&self.document.source);
            text.get(usize::from(comment.marker)..).unwrap_or_default().into()
        }))
    }

    /// No deeper than the document, or than its aliases make it.
    fn branch(&mut self, id: NodeId) -> Result<Branch, SopsError> {
        self.left = self.left.checked_sub(1).ok_or(SopsError::Aliases)?;
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(SopsError::Aliases);
        }
        let document = self.document;
        let branch = match &document.node(id).kind {
            Kind::Alias(_) => {
                let target = self.aliases.resolve(id);
                if target == id {
                    return Err(unfit(document, id, "the alias has no anchor before it"));
                }
                self.branch(target)?
            }
            Kind::Map(entries) => {
                let mut comments = self.comments.get(&id).cloned().unwrap_or_default().into_iter().peekable();
                let mut map = Vec::with_capacity(entries.len());
                for (index, entry) in entries.iter().enumerate() {
                    while let Some((_, comment)) = comments.next_if(|(place, _)| *place <= index) {
                        map.push((None, self.comment(comment)));
                    }
                    let is_root = document.node(id).parent.is_none();
                    if !(is_root && is_metadata(document.format, &entry.key.text)) {
                        map.push((Some(entry.key.text.clone()), self.branch(entry.value)?));
                    }
                }
                map.extend(comments.map(|(_, comment)| (None, self.comment(comment))));
                Branch::Map(map)
            }
            Kind::List(items) => {
                let mut comments = self.comments.get(&id).cloned().unwrap_or_default().into_iter().peekable();
                let mut list = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    while let Some((_, comment)) = comments.next_if(|(place, _)| *place <= index) {
                        list.push(self.comment(comment));
                    }
                    list.push(self.branch(*item)?);
                }
                list.extend(comments.map(|(_, comment)| self.comment(comment)));
                Branch::List(list)
            }
            Kind::Scalar(_) | Kind::Empty => value(document, id)?,
        };
        self.depth -= 1;
        Ok(branch)
    }
}

fn value(document: &Document, id: NodeId) -> Result<Branch, SopsError> {
    let node = document.node(id);
    match meaning(document.format, node, &document.source) {
        Ok(Meaning::Item(item)) => Ok(Branch::Value(item)),
        Ok(Meaning::Nothing) => Ok(match document.scalar(id).map(|scalar| &scalar.value) {
            Some(Value::Str(text)) if text.is_empty() => Branch::Value(Item::text(Type::Str, "")),
            Some(Value::Bytes(_)) => Branch::Value(Item::text(Type::Str, "")),
            _ => Branch::Null,
        }),
        Err(reason) => Err(unfit(document, id, reason)),
    }
}

fn unfit(document: &Document, id: NodeId, reason: &'static str) -> SopsError {
    let (line, path) = locate(document, id);
    SopsError::Unfit { line, path, reason }
}

/// The values of a map by their places, those of a list each for itself.
fn in_order(document: &Document, map: NodeId) -> Vec<(usize, SecretText, NodeId)> {
    let Kind::Map(entries) = &document.node(map).kind else { return Vec::new() };
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries {
        let one = |id: NodeId| (document.node(id).span.start, entry.key.text.clone(), id);
        match &document.node(entry.value).kind {
            Kind::List(items) => found.extend(items.iter().map(|id| one(*id))),
            _ => found.push(one(entry.value)),
        }
    }
    found.sort_by_key(|(at, _, _)| *at);
    found
}

fn lines(document: &Document) -> Result<Branch, SopsError> {
    let mut placed = Vec::new();
    for (at, key, id) in in_order(document, NodeId(0)) {
        if !is_metadata(FormatCode::Dotenv, &key) {
            placed.push((at, Some(key), value(document, id)?));
        }
    }
    for comment in &document.comments {
        let text = comment.span.of(&document.source).get(1..).unwrap_or_default();
        placed.push((comment.span.start, None, Branch::Comment(text.into())));
    }
    placed.sort_by_key(|(at, _, _)| *at);
    Ok(Branch::Map(placed.into_iter().map(|(_, key, value)| (key, value)).collect()))
}

/// SOPS has a section for what stands above all others, also where that is nothing.
fn sections(document: &Document) -> Result<Branch, SopsError> {
    let mut comments: HashMap<Option<NodeId>, std::ops::Range<usize>> = HashMap::new();
    for (index, comment) in document.comments.iter().enumerate() {
        comments.entry(comment.container).or_insert(index..index).end = index + 1;
    }
    let comment = |id| {
        let lines = comments.get(&Some(id))?;
        let text = block_text(document, lines);
        (!text.is_empty()).then(|| (None, Branch::Comment(text)))
    };
    let mut map = Vec::new();
    for (_, name, section) in in_order(document, NodeId(0)) {
        if is_metadata(FormatCode::Ini, &name) {
            continue;
        }
        if !matches!(document.node(section).kind, Kind::Map(_)) {
            return Err(damaged(document, section, super::Damage::Value("str")));
        }
        let mut own = Vec::new();
        own.extend(comment(section));
        for (_, key, id) in in_order(document, section) {
            own.push((Some(key), value(document, id)?));
            own.extend(comment(id));
        }
        map.push((Some(name), Branch::Map(own)));
    }
    let is_default = matches!(map.first(), Some((Some(name), _)) if &**name == "DEFAULT");
    if !is_default {
        map.insert(0, (Some("DEFAULT".into()), Branch::Map(Vec::new())));
    }
    Ok(Branch::Map(map))
}

/// How many times as many nodes as the document aliases may make.
const GROWTH: usize = 10;
/// Levels of maps and lists, aliases included.
const DEPTH: usize = 256;
