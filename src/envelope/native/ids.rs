//! Chooses the random ids of list elements, documents and comments, keeping those of the version before.

use std::collections::HashMap;

use super::align::{align, elements};
use super::error::EnvelopeError;
use super::read::comment_text;
use super::structure::{Container, Ids, Place};
use super::token::{Id, Token};
use super::write::Before;
use crate::document::{Document, Kind, NodeId};
use crate::secret::{RandomError, fill_random};

/// Every secret's ids, and where it stood before.
pub(super) struct Assigned {
    pub(super) ids: Ids,
    leaves: Vec<Option<NodeId>>,
    comments: Vec<Option<usize>>,
}

impl Assigned {
    /// The place in the version before.
    pub(super) fn origin(&self, place: Place) -> Option<Place> {
        match place {
            Place::Leaf(id) => self.leaves.get(id.index()).copied().flatten().map(Place::Leaf),
            Place::Comment(index) => self.comments.get(index).copied().flatten().map(Place::Comment),
        }
    }

    /// A secret's ids.
    pub(super) fn ids_of(&self, place: Place) -> &[Id] {
        let ids = match place {
            Place::Leaf(id) => self.ids.leaves.get(id.index()),
            Place::Comment(index) => self.ids.comments.get(index),
        };
        ids.and_then(Option::as_deref).unwrap_or_default()
    }
}

/// Assigns ids to all secrets of `document`.
///
/// # Errors
/// No random bytes.
pub(super) fn assign(
    document: &Document,
    secret: &[bool],
    secret_comments: &[bool],
    before: Option<Before<'_>>,
) -> Result<Assigned, EnvelopeError> {
    let leaves = match before {
        Some(before) => align(document, before.plain),
        None => vec![None; document.nodes.len()],
    };
    let comments = match before {
        Some(before) => align_comments(document, secret_comments, &leaves, before),
        None => vec![None; document.comments.len()],
    };
    let known = before.map(Known::new).unwrap_or_default();
    let mut walk = Walk {
        document,
        secret,
        loud: loud(document, secret, secret_comments),
        inside: by_container(document, secret_comments),
        ids: Ids { leaves: vec![None; document.nodes.len()], comments: vec![None; document.comments.len()] },
        leaves: &leaves,
        comments: &comments,
        known: &known,
        above: Vec::new(),
    };
    let several = document.parts.len() > 1;
    for part in 0..document.parts.len().max(1) {
        let root = document.parts.get(part).map(|part| part.root);
        let origin = root.and_then(|root| leaves[root.index()]).zip(before);
        // A file of one document has no document id, and keeps that when others join it.
        let did = match origin.map(|(root, before)| known.dids.get(&before.plain.part_of(root))) {
            Some(Some(did)) => *did,
            _ if several => Some(random()?),
            _ => None,
        };
        walk.above.extend(did);
        if let Some(root) = root {
            walk.node(root)?;
        }
        walk.comments_of(Container::Part(part))?;
        walk.above.clear();
    }
    let ids = walk.ids;
    Ok(Assigned { ids, leaves, comments })
}

fn by_container(document: &Document, secret: &[bool]) -> HashMap<Container, Vec<usize>> {
    let mut map: HashMap<Container, Vec<usize>> = HashMap::new();
    for index in (0..document.comments.len()).filter(|index| secret[*index]) {
        map.entry(Container::of(document, &document.comments[index])).or_default().push(index);
    }
    map
}

/// Which nodes are or contain a secret.
fn loud(document: &Document, secret: &[bool], secret_comments: &[bool]) -> Vec<bool> {
    let mut loud = secret.to_vec();
    for (comment, _) in document.comments.iter().zip(secret_comments).filter(|(_, secret)| **secret) {
        if let Container::Node(id) = Container::of(document, comment) {
            loud[id.index()] = true;
        }
    }
    for id in document.ids().rev() {
        if let (true, Some(parent)) = (loud[id.index()], document.node(id).parent) {
            loud[parent.index()] = true;
        }
    }
    loud
}

/// The ids of the version before.
#[derive(Default)]
struct Known {
    elements: HashMap<NodeId, Id>,
    dids: HashMap<usize, Option<Id>>,
    comments: HashMap<usize, Id>,
}

impl Known {
    fn new(before: Before<'_>) -> Self {
        let mut known = Self::default();
        let body = &before.sealed.body;
        for record in &before.sealed.structure.records {
            let mut ids = before.sealed.token(record.place).map(Token::ids).unwrap_or_default();
            let (mut at, part) = match record.place {
                Place::Leaf(id) => (Some(id), body.part_of(id)),
                Place::Comment(index) => {
                    known.comments.extend(ids.pop().map(|id| (index, id)));
                    (body.comments[index].container, body.comments[index].part)
                }
            };
            while let Some(id) = at {
                at = body.node(id).parent;
                if at.is_some_and(|parent| matches!(body.node(parent).kind, Kind::List(_))) {
                    known.elements.extend(ids.pop().map(|eid| (id, eid)));
                }
            }
            known.dids.insert(part, ids.pop());
        }
        known
    }
}

struct Walk<'a> {
    document: &'a Document,
    secret: &'a [bool],
    loud: Vec<bool>,
    inside: HashMap<Container, Vec<usize>>,
    ids: Ids,
    leaves: &'a [Option<NodeId>],
    comments: &'a [Option<usize>],
    known: &'a Known,
    /// The ids on the way down.
    above: Vec<Id>,
}

impl Walk<'_> {
    /// Recursion is as deep as the document, which the parser's limit bounds.
    fn node(&mut self, id: NodeId) -> Result<(), RandomError> {
        if !self.loud[id.index()] {
            return Ok(());
        }
        if self.secret[id.index()] {
            self.ids.leaves[id.index()] = Some(self.above.clone());
            return Ok(());
        }
        self.comments_of(Container::Node(id))?;
        let document = self.document;
        match &document.node(id).kind {
            Kind::Map(entries) => entries.iter().try_for_each(|entry| self.node(entry.value)),
            Kind::List(items) => items
                .iter()
                .filter(|item| self.loud[item.index()])
                .copied()
                .collect::<Vec<_>>()
                .into_iter()
                .try_for_each(|item| {
                    let old = self.leaves[item.index()].and_then(|old| self.known.elements.get(&old));
                    self.above.push(old.copied().map_or_else(random, Ok)?);
                    let done = self.node(item);
                    self.above.pop();
                    done
                }),
            _ => Ok(()),
        }
    }

    fn comments_of(&mut self, container: Container) -> Result<(), RandomError> {
        for index in self.inside.remove(&container).unwrap_or_default() {
            let old = self.comments[index].and_then(|old| self.known.comments.get(&old));
            let mut ids = self.above.clone();
            ids.push(old.copied().map_or_else(random, Ok)?);
            self.ids.comments[index] = Some(ids);
        }
        Ok(())
    }
}

/// Pairs comments within containers that are paired: by text, and what changed by its place.
fn align_comments(
    document: &Document,
    secret: &[bool],
    leaves: &[Option<NodeId>],
    before: Before<'_>,
) -> Vec<Option<usize>> {
    let mut aligned = vec![None; document.comments.len()];
    let plain = before.plain;
    let was_secret: Vec<bool> = before.sealed.comments.iter().map(Option::is_some).collect();
    let old = by_container(plain, &was_secret);
    for (container, here) in by_container(document, secret) {
        let origin = match container {
            Container::Node(id) => leaves[id.index()].map(Container::Node),
            Container::Part(part) => match document.parts.get(part) {
                Some(part) => leaves[part.root.index()].map(|root| Container::Part(plain.part_of(root))),
                None => Some(Container::Part(0)),
            },
        };
        let Some(there) = origin.and_then(|origin| old.get(&origin)) else { continue };
        let print = |document: &Document, list: &[usize]| -> Vec<u64> {
            list.iter().map(|index| text_print(comment_text(document, &document.comments[*index]))).collect()
        };
        let pairs = elements(&print(document, &here), &print(plain, there), &|_, _| 0);
        for (index, pair) in here.iter().zip(pairs) {
            aligned[*index] = pair.map(|pair| there[pair]);
        }
    }
    aligned
}

fn text_print(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn random() -> Result<Id, RandomError> {
    let mut id = [0; 8];
    fill_random(&mut id)?;
    Ok(id)
}
