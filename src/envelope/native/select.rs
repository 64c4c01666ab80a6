//! Which leaves of a document a rule makes secret, and whether they all are.

use std::collections::HashMap;

use super::error::{EnvelopeError, Where};
use super::read::{has_odd_character, is_public_comment};
use super::structure::Place;
use super::token::ANY_PREFIX;
use crate::document::{Document, Entry, FormatCode, Kind, NodeId, Span, Value};
use crate::policy::{Comments, Selection};

/// By node, whether the rule marks it secret; answers for aliases and values of no width too, by their place.
#[must_use]
pub fn marked(document: &Document, selection: &Selection) -> Vec<bool> {
    let coverage = selection.over(document);
    document.ids().map(|id| coverage.is_secret(id)).collect()
}

/// Enforces a rule on a sealed document: every marked leaf is a token, every alias at a marked path points at tokens
/// only. A value of no width is no leaf, and neither is an empty TOML table.
///
/// # Errors
/// [`EnvelopeError::Exposed`] or [`EnvelopeError::ExposedAlias`] for the first one.
pub(super) fn enforce(
    document: &Document,
    marked: &[bool],
    is_token: &dyn Fn(NodeId) -> bool,
) -> Result<(), EnvelopeError> {
    let shows = shows_clear(document, is_token);
    let Some(id) = document.ids().find(|id| marked[id.index()] && shows[id.index()]) else { return Ok(()) };
    let at = Where::of(document, Place::Leaf(id));
    Err(match document.node(id).kind {
        Kind::Alias(_) => EnvelopeError::ExposedAlias { at },
        _ => EnvelopeError::Exposed { at },
    })
}

/// By node: a clear leaf that could be a token, or an alias whose target is or contains one. One pass: an alias's
/// target precedes it, and the nodes below a YAML node follow it without a gap.
fn shows_clear(document: &Document, is_token: &dyn Fn(NodeId) -> bool) -> Vec<bool> {
    let mut size = vec![1_usize; document.nodes.len()];
    for id in document.ids().rev() {
        if let Some(parent) = document.node(id).parent {
            size[parent.index()] += size[id.index()];
        }
    }
    let mut shows = vec![false; document.nodes.len()];
    let mut before = vec![0_usize; document.nodes.len() + 1];
    let mut anchors: HashMap<&str, NodeId> = HashMap::new();
    let mut roots = document.parts.iter().map(|part| part.root).peekable();
    for id in document.ids() {
        let index = id.index();
        if roots.next_if_eq(&id).is_some() {
            anchors.clear();
        }
        let node = document.node(id);
        if let Some(name) = &node.anchor {
            anchors.insert(name, id);
        }
        shows[index] = match &node.kind {
            // An alias without an anchor points at nothing that could be shown.
            Kind::Alias(name) => anchors.get(&**name).is_some_and(|target| {
                let end = (target.index() + size[target.index()]).min(index);
                before[end] > before[target.index()]
            }),
            _ => document.is_leaf(id) && node.sealable && !is_token(id),
        };
        before[index + 1] = before[index] + usize::from(shows[index]);
    }
    shows
}

/// What must hold besides where anyone may edit clear values (`cleartext: free`), so that nobody reaches more than
/// those: no clear value below a YAML merge key, which puts it beside secrets under another path than the rule sees,
/// and no line separator in clear values and keys.
///
/// # Errors
/// [`EnvelopeError::FreeMerge`] or [`EnvelopeError::FreeCharacter`].
pub(super) fn check_free(
    document: &Document,
    is_secret: &dyn Fn(NodeId) -> bool,
) -> Result<(), EnvelopeError> {
    let mut merged = vec![false; document.nodes.len()];
    let separator = |span: Span| span.of(&document.source).contains(['\u{85}', '\u{2028}', '\u{2029}']);
    let fail = |span: Span| Err(EnvelopeError::FreeCharacter { line: document.line_of(span.start) });
    for id in document.ids() {
        let node = document.node(id);
        // Parents come before their children.
        merged[id.index()] |= node.parent.is_some_and(|parent| merged[parent.index()]);
        match &node.kind {
            _ if is_secret(id) => {}
            Kind::Map(entries) => {
                for Entry { key, value } in entries {
                    merged[value.index()] |= document.format == FormatCode::Yaml && &*key.text == "<<";
                    if separator(key.span) {
                        return fail(key.span);
                    }
                }
            }
            Kind::Scalar(scalar) => {
                let places = std::iter::once(scalar.token).chain(scalar.body);
                if let Some(place) = places.into_iter().find(|place| separator(*place)) {
                    return fail(place);
                }
            }
            _ => {}
        }
        if merged[id.index()] && document.is_leaf(id) && !is_secret(id) {
            return Err(EnvelopeError::FreeMerge { at: Where::of(document, Place::Leaf(id)) });
        }
    }
    Ok(())
}

/// What must hold of everything that will stand in clear, before a file is sealed.
///
/// # Errors
/// A clear value that begins like a token, or a comment that other parsers read differently.
pub(super) fn check_clear(
    document: &Document,
    secret: &[bool],
    comments: Comments,
) -> Result<(), EnvelopeError> {
    for id in document.ids().filter(|id| !secret[id.index()]) {
        if let Some(scalar) = document.scalar(id)
            && let Value::Str(text) = &scalar.value
            && text.starts_with(ANY_PREFIX)
        {
            return Err(EnvelopeError::LooksLikeToken { at: Where::of(document, Place::Leaf(id)) });
        }
    }
    for comment in &document.comments {
        let in_clear = comments != Comments::Encrypt || is_public_comment(document, comment);
        if in_clear && has_odd_character(document, comment) {
            return Err(EnvelopeError::CommentCharacter { line: document.line_of(comment.span.start) });
        }
    }
    Ok(())
}
