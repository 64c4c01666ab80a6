//! Tests of what is authenticated: streams by hand, streams of all small trees, and the published vectors.

mod injective;
mod keys;
mod stream;
mod vectors;

use super::structure::{Ids, Structure};
use super::token::Id;
use crate::document::{Document, Kind, NodeId, Value};

/// The whole stream.
fn whole(structure: &Structure) -> Vec<u8> {
    let segments = (0..structure.records.len()).map(|record| structure.segment(Some(record)));
    std::iter::once(structure.segment(None)).chain(segments).flatten().copied().collect()
}

/// Ids as a writer would give them: those of list elements that hold a secret count from 1 in the order of nodes, of
/// comments from 0xC0 in the order of positions, and document `n` has 0xD0 + n, or none. Secret are the leaves whose
/// text begins with `T` and the comments that hold one.
fn ids(document: &Document, with_documents: bool) -> Ids {
    let is_secret =
        |id: NodeId| matches!(document.value(id), Some(Value::Str(text)) if text.starts_with('T'));
    let mut holds: Vec<bool> = document.ids().map(is_secret).collect();
    for comment in document.comments.iter().filter(|comment| comment.span.of(&document.source).contains('T'))
    {
        comment.container.into_iter().for_each(|id| holds[id.index()] = true);
    }
    for id in document.ids().rev().filter(|id| document.node(*id).parent.is_some()) {
        let parent = document.node(id).parent.unwrap();
        holds[parent.index()] |= holds[id.index()];
    }
    let mut next = 0;
    let mut above: Vec<Vec<Id>> = vec![Vec::new(); document.nodes.len()];
    for id in document.ids() {
        let node = document.node(id);
        let mut path = match node.parent {
            Some(parent) => above[parent.index()].clone(),
            None if with_documents => vec![[0xD0 + u8::try_from(document.part_of(id)).unwrap(); 8]],
            None => Vec::new(),
        };
        let is_element =
            node.parent.is_some_and(|parent| matches!(document.node(parent).kind, Kind::List(_)));
        if is_element && holds[id.index()] {
            next += 1;
            path.push([next; 8]);
        }
        above[id.index()] = path;
    }
    let leaves = document.ids().map(|id| is_secret(id).then(|| above[id.index()].clone())).collect();
    let comments = document.comments.iter().enumerate().map(|(index, comment)| {
        comment.span.of(&document.source).contains('T').then(|| {
            let mut path = match comment.container {
                Some(container) => above[container.index()].clone(),
                None if with_documents => vec![[0xD0 + u8::try_from(comment.part).unwrap(); 8]],
                None => Vec::new(),
            };
            path.push([0xC0 + u8::try_from(index).unwrap(); 8]);
            path
        })
    });
    let comments = comments.collect();
    Ids { leaves, comments }
}
