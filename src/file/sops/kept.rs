//! Which values keep their ciphertext in the next version: those that stand in the same place, and are the same.

use std::collections::{HashMap, VecDeque};

use super::blocks;
use super::open::{OpenSops, comment_span};
use crate::document::{Document, NodeId, Scalar, Splice};
use crate::envelope::sops::{Item, Outline, Slot, Type, What};
use crate::secret::SecretText;

/// By new slot, the old one of the same path and content. No old slot is given twice. Of a list's elements, those at its
/// beginning and end that stayed go together first, then those between that moved, in order.
pub(super) fn pairs(new: &Outline, items: &[Option<Item>], old: &OpenSops) -> Vec<Option<usize>> {
    let mut pairs = vec![None; new.slots.len()];
    let old_groups = groups(&old.file.outline.slots, &old.items);
    for (path, here) in groups(&new.slots, items) {
        let Some(there) = old_groups.get(&path) else { continue };
        let same = |(new, old_at): (&usize, &usize)| match (items.get(*new), old.items.get(*old_at)) {
            (Some(Some(a)), Some(Some(b))) => a == b && a.plain() == b.plain(),
            _ => false,
        };
        let head = here.iter().zip(there).take_while(|pair| same(*pair)).count();
        let shorter = here.len().min(there.len()) - head;
        let back = here.iter().rev().zip(there.iter().rev()).take(shorter);
        let tail = back.take_while(|pair| same(*pair)).count();
        let mut waiting: HashMap<(Type, &[u8]), VecDeque<usize>> = HashMap::new();
        for old_at in there.iter().take(there.len() - tail).skip(head) {
            if let Some(Some(item)) = old.items.get(*old_at) {
                waiting.entry((item.kind(), item.plain())).or_default().push_back(*old_at);
            }
        }
        for (index, place) in here.iter().enumerate() {
            let found = if index < head {
                there.get(index).copied()
            } else if index >= here.len() - tail {
                there.get(index + there.len() - here.len()).copied()
            } else {
                let item = items.get(*place).and_then(Option::as_ref);
                item.and_then(|item| waiting.get_mut(&(item.kind(), item.plain()))?.pop_front())
            };
            if let Some(pair) = pairs.get_mut(*place) {
                *pair = found;
            }
        }
    }
    pairs
}

/// Encrypted slots by path; comments apart from values.
fn groups<'a>(slots: &'a [Slot], items: &[Option<Item>]) -> HashMap<(&'a str, bool), Vec<usize>> {
    let mut groups: HashMap<(&str, bool), Vec<usize>> = HashMap::new();
    for (at, (slot, item)) in slots.iter().zip(items).enumerate() {
        if slot.encrypted && item.is_some() {
            let is_comment = matches!(slot.what, What::Comment(_) | What::Element(_) | What::Block(_));
            groups.entry((&slot.aad, is_comment)).or_default().push(at);
        }
    }
    groups
}

/// What puts an old token back exactly as it stood in the sealed text, where the plain text is written as it was.
/// `None` where it is not, or where the token must be put in anew.
pub(super) fn as_it_stood(
    document: &Document,
    slot: &Slot,
    before: &OpenSops,
    old: usize,
) -> Option<Vec<Splice>> {
    let old_slot = before.file.outline.slots.get(old)?;
    let opened = before.outline.slots.get(old)?;
    match (&slot.what, &opened.what, &old_slot.what) {
        (What::Leaf(now), What::Leaf(then), What::Leaf(sealed)) => {
            let (here, there) = (document.scalar(*now)?, before.plain.scalar(*then)?);
            let token = before.file.document.scalar(*sealed)?;
            let is_same = raw(document, here) == raw(&before.plain, there)
                && tag(document, *now) == tag(&before.plain, *then)
                && tag(document, *now) == tag(&before.file.document, *sealed)
                && here.flow == there.flow
                && here.flow == token.flow;
            if !is_same || (token.body.is_some() && here.body.is_none()) {
                return None;
            }
            let source = &before.file.document.source;
            let head = Splice::new(here.token, token.token.of(source));
            let body = here.body.map(|body| Splice::new(body, token.body.map_or("", |own| own.of(source))));
            // A block's lines are indented as their place demands.
            let is_block = token.body.is_some() && here.base != token.base;
            (!is_block).then(|| std::iter::once(head).chain(body).collect())
        }
        _ => None,
    }
}

/// The token of an old slot.
pub(super) fn token(before: &OpenSops, old: usize) -> Option<SecretText> {
    let document = &before.file.document;
    match &before.file.outline.slots.get(old)?.what {
        What::Comment(index) => Some(comment_span(document, *index).of(&document.source).into()),
        What::Block(lines) => Some(blocks::text(document, lines)),
        What::Leaf(id) | What::Element(id) => match &document.scalar(*id)?.value {
            crate::document::Value::Str(text) => Some(text.trim_end_matches('\n').into()),
            _ => None,
        },
        What::Nothing(_) => None,
    }
}

fn raw<'a>(document: &'a Document, scalar: &Scalar) -> (&'a str, &'a str) {
    let source = document.source.as_str();
    (scalar.token.of(source), scalar.body.map_or("", |body| body.of(source)))
}

fn tag(document: &Document, id: NodeId) -> Option<&str> {
    document.node(id).tag.as_deref()
}
