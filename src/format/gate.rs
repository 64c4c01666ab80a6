//! The two gates. Nothing is sealed that does not come back byte for byte, and nothing is opened whose text does not
//! parse to the same structure and values. They are always on.

use super::{EditError, Format, Limits, ParseError};
use crate::document::{Document, Kind, NodeId, Span, Spelling, Splice, Tree, Value, apply};
use crate::parallel;
use crate::secret::SecretText;

/// Name of the metadata entry.
pub const ENTRY: &str = "sealeaf";

/// What a sealing puts in: tokens for leaves and comments (by index), and the entry.
#[derive(Debug)]
pub struct Sealing<'a> {
    /// Leaf, its token, and the spelling inside the token.
    pub leaves: Vec<(NodeId, String, Spelling)>,
    /// Index into the document's comments, and the token.
    pub comments: Vec<(usize, String)>,
    /// The metadata.
    pub entry: &'a Tree,
}

/// What an opening puts back.
#[derive(Debug, Default)]
pub struct Unsealing {
    /// Token's node, its value and spelling.
    pub leaves: Vec<(NodeId, Value, Spelling)>,
    /// Index into the document's comments, and everything behind the marker.
    pub comments: Vec<(usize, SecretText)>,
}

/// A gate that stayed shut: nothing may be written or shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The place does not take what was to be put there.
    #[error("line {line}: {source}")]
    Edit {
        /// 1-based.
        line: usize,
        /// Why.
        source: EditError,
    },
    /// The text to be written would not come back as it was.
    #[error("line {line}: {reason}, so the file would not come back byte for byte")]
    RoundTrip {
        /// 1-based line of the input.
        line: usize,
        /// What differs.
        reason: &'static str,
    },
    /// The opened text would not mean what was sealed.
    #[error("line {line}: {reason}, so the opened file would not mean what was sealed")]
    Meaning {
        /// 1-based line of the sealed input.
        line: usize,
        /// What differs.
        reason: &'static str,
    },
    /// The text to be written does not parse.
    #[error("the text to be written does not parse")]
    Parse(#[source] ParseError),
    /// Two changes overlap: a bug, reported instead of a wrong file.
    #[error(transparent)]
    Splice(#[from] crate::document::SpliceError),
}

/// Seals: splices everything in, parses the result, compares, undoes it in memory and compares bytes. Gives the
/// sealed text and its parse without the entry.
///
/// # Errors
/// [`GateError`]: nothing may be written then.
pub fn seal(
    format: &dyn Format,
    document: &Document,
    sealing: &Sealing<'_>,
    limits: &Limits,
) -> Result<(SecretText, Document), GateError> {
    let sealed = parallel::map(
        sealing.leaves.len(),
        || (),
        |(), index| {
            let (id, token, _) = &sealing.leaves[index];
            format.seal_leaf(document, *id, token)
        },
    );
    let mut splices: Vec<Splice> = sealed.into_iter().flatten().collect();
    for (index, token) in &sealing.comments {
        splices.push(Splice::new(behind_marker(document, *index), format!(" {token}")));
    }
    let attached = format.attach(document, ENTRY, sealing.entry);
    splices.extend(
        attached.map_err(|source| GateError::Edit { line: document.line_of(source.offset), source })?,
    );
    let text = apply(&document.source, &splices)?.shared();
    drop(splices);
    let limits = Limits { leaf: usize::MAX, file: usize::MAX, leaves: usize::MAX, ..limits.clone() };
    let parsed = format.read(text.clone(), &limits).map_err(GateError::Parse)?;
    let (body, entry) = format.detach(parsed, ENTRY).map_err(GateError::Parse)?;
    let fail = |offset, reason| GateError::RoundTrip { line: document.line_of(offset), reason };
    if !entry.is_some_and(|entry| same_tree(&entry, sealing.entry)) {
        return Err(fail(document.source.len(), "the metadata cannot stand at the end"));
    }
    let mut tokens: Vec<Option<&str>> = vec![None; document.nodes.len()];
    for (id, token, _) in &sealing.leaves {
        tokens[id.index()] = Some(token);
    }
    same_shape(document, &body, &|id| tokens[id.index()].is_some())
        .map_err(|(at, reason)| fail(at, reason))?;
    check_tokens(document, &body, &tokens, sealing).map_err(|(at, reason)| fail(at, reason))?;
    undo(format, document, &body, sealing).map_err(|(at, reason)| fail(at, reason))?;
    Ok((text, body))
}

/// Whether two trees hold the same; the order of a map's pairs does not matter, since TOML moves tables behind values.
fn same_tree(a: &Tree, b: &Tree) -> bool {
    match (a, b) {
        (Tree::Map(x), Tree::Map(y)) => {
            x.len() == y.len()
                && x.iter().all(|(key, value)| b.field(key).is_some_and(|other| same_tree(value, other)))
        }
        (Tree::List(x), Tree::List(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(one, two)| same_tree(one, two))
        }
        (Tree::Leaf(x), Tree::Leaf(y)) => x == y,
        _ => false,
    }
}

type Difference = (usize, &'static str);

fn check_tokens(
    document: &Document,
    body: &Document,
    tokens: &[Option<&str>],
    sealing: &Sealing<'_>,
) -> Result<(), Difference> {
    for id in document.ids() {
        let at = document.node(id).span.start;
        match tokens[id.index()] {
            Some(token) => match body.scalar(id).map(|scalar| &scalar.value) {
                Some(Value::Str(text)) if text.as_str() == token => {}
                _ => return Err((at, "a token cannot stand in this place")),
            },
            None if !same_value(document, body, id) => return Err((at, "a clear value changes")),
            None => {}
        }
    }
    let mut sealed = sealing.comments.iter().peekable();
    for (index, comment) in document.comments.iter().enumerate() {
        let now = body.comments[index].span.of(&body.source);
        let same = match sealed.next_if(|(place, _)| *place == index) {
            Some((_, token)) => now.get(usize::from(comment.marker) + 1..) == Some(token),
            None => now == comment.span.of(&document.source),
        };
        if !same {
            return Err((comment.span.start, "a comment changes"));
        }
    }
    Ok(())
}

/// Puts everything back into the sealed body and compares bytes with the input.
fn undo(
    format: &dyn Format,
    document: &Document,
    body: &Document,
    sealing: &Sealing<'_>,
) -> Result<(), Difference> {
    let mut splices = Vec::new();
    let put_back = |(): &mut (), index: usize| {
        let (id, _, spelling) = &sealing.leaves[index];
        let at = document.node(*id).span.start;
        let value = document.value(*id).ok_or((at, "this is no leaf"))?;
        format.unseal_leaf(body, *id, &value, spelling).ok_or((at, "this value cannot be put back"))
    };
    for leaf in parallel::map(sealing.leaves.len(), || (), put_back) {
        splices.extend(leaf?);
    }
    for (index, _) in &sealing.comments {
        let text = behind_marker(document, *index).of(&document.source);
        splices.push(Splice::new(behind_marker(body, *index), text));
    }
    let back = apply(&body.source, &splices).map_err(|_| (0, "two values overlap"))?;
    if *back == *document.source {
        return Ok(());
    }
    let same = back.bytes().zip(document.source.bytes()).take_while(|(a, b)| a == b).count();
    Err((same, "the text around a value is not kept"))
}

/// Opens: splices values in, parses the result and compares structure, comments and values with what was sealed. A
/// leaf that does not come back as its value gets the default one-line form, once.
///
/// # Errors
/// [`GateError`]: nothing may be shown then.
pub fn unseal(
    format: &dyn Format,
    body: &Document,
    unsealing: &Unsealing,
    limits: &Limits,
) -> Result<Document, GateError> {
    let mut fallback = vec![false; unsealing.leaves.len()];
    let first = attempt(format, body, unsealing, &fallback, limits);
    match &first {
        Ok(_) => return first.map_err(|_| unreachable_meaning(body)),
        Err(Failure::Leaves(wrong)) => wrong.iter().for_each(|index| fallback[*index] = true),
        // The place of the fault is unknown: everything that depends on its place takes the simple form.
        Err(_) => {
            for (index, (_, _, spelling)) in unsealing.leaves.iter().enumerate() {
                fallback[index] = spelling.kind == 2;
            }
        }
    }
    attempt(format, body, unsealing, &fallback, limits).map_err(|failure| match failure {
        Failure::Parse(error) => GateError::Parse(error),
        Failure::Splice(error) => GateError::Splice(error),
        Failure::Shape((at, reason)) => GateError::Meaning { line: body.line_of(at), reason },
        Failure::Leaves(wrong) => {
            let at = wrong.first().map_or(0, |index| body.node(unsealing.leaves[*index].0).span.start);
            GateError::Meaning { line: body.line_of(at), reason: "a value reads as another one" }
        }
    })
}

fn unreachable_meaning(body: &Document) -> GateError {
    GateError::Meaning { line: body.line_of(0), reason: "the text differs" }
}

enum Failure {
    Parse(ParseError),
    Splice(crate::document::SpliceError),
    Shape(Difference),
    Leaves(Vec<usize>),
}

fn attempt(
    format: &dyn Format,
    body: &Document,
    unsealing: &Unsealing,
    fallback: &[bool],
    limits: &Limits,
) -> Result<Document, Failure> {
    let mut splices = Vec::new();
    let mut sealed = vec![false; body.nodes.len()];
    let put_back = |(): &mut (), index: usize| {
        let (id, value, spelling) = &unsealing.leaves[index];
        let spelled = if fallback[index] { None } else { format.unseal_leaf(body, *id, value, spelling) };
        spelled.unwrap_or_else(|| format.unseal_default(body, *id, value))
    };
    splices.extend(parallel::map(unsealing.leaves.len(), || (), put_back).into_iter().flatten());
    unsealing.leaves.iter().for_each(|(id, _, _)| sealed[id.index()] = true);
    for (index, text) in &unsealing.comments {
        splices.push(Splice::new(behind_marker(body, *index), text.as_str()));
    }
    let text = apply(&body.source, &splices).map_err(Failure::Splice)?;
    drop(splices);
    let limits = Limits { leaf: usize::MAX, ..limits.clone() };
    let plain = format.read(text, &limits).map_err(Failure::Parse)?;
    same_shape(body, &plain, &|id| sealed[id.index()]).map_err(Failure::Shape)?;
    let wrong: Vec<usize> = (0..unsealing.leaves.len())
        .filter(|index| {
            let (id, value, _) = &unsealing.leaves[*index];
            !plain.has_value(*id, value)
        })
        .collect();
    if !wrong.is_empty() {
        return Err(Failure::Leaves(wrong));
    }
    for id in body.ids().filter(|id| !sealed[id.index()]) {
        if !same_value(body, &plain, id) {
            return Err(Failure::Shape((body.node(id).span.start, "a clear value changes")));
        }
    }
    let mut opened = unsealing.comments.iter().peekable();
    for (index, (before, after)) in body.comments.iter().zip(&plain.comments).enumerate() {
        let now = after.span.of(&plain.source);
        let same = match opened.next_if(|(place, _)| *place == index) {
            Some((_, text)) => now.get(usize::from(before.marker)..) == Some(text.as_str()),
            None => now == before.span.of(&body.source),
        };
        if !same {
            return Err(Failure::Shape((before.span.start, "a comment changes")));
        }
    }
    Ok(plain)
}

/// Compares two documents node by node: same arena, kinds, keys, order, anchors, tags, aliases, parts, directives and
/// number of comments. Where `free` says so, a leaf may be a scalar in one and an empty container in the other.
///
/// # Errors
/// The byte offset in `a` and what differs.
pub fn same_shape(a: &Document, b: &Document, free: &dyn Fn(NodeId) -> bool) -> Result<(), Difference> {
    let end = a.source.len();
    if a.nodes.len() != b.nodes.len() || a.parts.len() != b.parts.len() {
        return Err((end, "the structure changes"));
    }
    if a.comments.len() != b.comments.len() {
        return Err((end, "a comment appears or vanishes"));
    }
    for (one, two) in a.parts.iter().zip(&b.parts) {
        let lines = |part: &crate::document::Part| {
            part.directives.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>()
        };
        if one.root != two.root || lines(one) != lines(two) {
            return Err((one.span.start, "a document or directive changes"));
        }
    }
    for id in a.ids() {
        let (one, two) = (a.node(id), b.node(id));
        let at = one.span.start;
        if one.anchor != two.anchor || one.tag != two.tag || one.tag_first != two.tag_first {
            return Err((at, "an anchor or tag changes"));
        }
        let same = one.parent == two.parent
            && match (&one.kind, &two.kind) {
                (Kind::Map(x), Kind::Map(y)) => {
                    x.len() == y.len()
                        && x.iter().zip(y).all(|(e, f)| {
                            e.value == f.value
                                && e.key.text == f.key.text
                                && e.key.ambiguous == f.key.ambiguous
                        })
                }
                (Kind::List(x), Kind::List(y)) => x == y,
                (Kind::Scalar(_), Kind::Scalar(_)) | (Kind::Empty, Kind::Empty) => true,
                (Kind::Alias(x), Kind::Alias(y)) => x == y,
                _ => free(id) && a.is_leaf(id) && b.is_leaf(id),
            };
        if !same {
            return Err((at, "the structure changes"));
        }
    }
    Ok(())
}

/// Whether a leaf means the same in both.
fn same_value(a: &Document, b: &Document, id: NodeId) -> bool {
    match (a.scalar(id), b.scalar(id)) {
        (Some(one), Some(two)) => one.value == two.value,
        _ => a.value(id) == b.value(id),
    }
}

fn behind_marker(document: &Document, index: usize) -> Span {
    let comment = &document.comments[index];
    Span::new(comment.span.start + usize::from(comment.marker), comment.span.end)
}
