//! A whole file: its parse, both gates, and its metadata.

use super::{edits, limits, readers};
use crate::document::{Document, FormatCode, Kind, NodeId, Span, Spelling, Splice, Style, Tree, apply};
use crate::envelope::native::fuzzing as native;
use crate::format::gate::{ENTRY, GateError, Sealing, Unsealing, same_shape, seal, unseal};
use crate::format::{Format, Limits};

/// See [`super::json`].
pub(super) fn check(format: &dyn Format, text: &str) {
    let parsed = format.parse(text, &limits());
    readers::agree(format.code(), text, parsed.as_ref());
    let Ok(document) = parsed else { return };
    assert_eq!(document.source.as_str(), text);
    well_formed(&document);
    tokens_are_exact(&document);
    let Ok((body, entry)) = format.detach(document.clone(), ENTRY) else { return };
    if let Some(entry) = entry {
        assert!(format.parse(&body.source, &limits()).is_ok_and(|again| again == body), "detach");
        return native::sealed(body, &entry);
    }
    assert!(body == document, "nothing was detached, so nothing changes");
    round_trip(format, &document);
    edits::check(format, &document);
}

/// The entry as it comes back from a small file of the format.
pub(super) fn carried(format: &dyn Format, entry: &Tree) -> Tree {
    let source = if format.code() == FormatCode::Json { "{}\n" } else { "" };
    let document = format.parse(source, &Limits::default()).expect("an empty file");
    let splices = format.attach(&document, ENTRY, entry).expect("an empty file takes an entry");
    let text = apply(source, &splices).expect("the splices fit");
    let document = format.parse(&text, &Limits::default()).expect("what was written parses");
    let (body, entry) = format.detach(document, ENTRY).expect("what was written can be detached");
    assert_eq!(body.source.as_str(), source);
    entry.expect("the entry is there")
}

/// What [`Document`] promises of every parse.
fn well_formed(document: &Document) {
    let text = document.source.as_str();
    let get = |span: Span| text.get(span.start..span.end).expect("a span of whole characters");
    let mut mentioned = vec![0; document.nodes.len()];
    for part in &document.parts {
        mentioned[part.root.index()] += 1;
        assert!(document.node(part.root).parent.is_none());
        get(part.span);
    }
    assert!(document.parts.is_sorted_by(|a, b| a.root < b.root));
    for id in document.ids() {
        let node = document.node(id);
        get(node.span);
        let mut child = |child: NodeId| {
            assert!(id < child && document.node(child).parent == Some(id));
            mentioned[child.index()] += 1;
        };
        match &node.kind {
            Kind::Map(entries) => {
                let mut keys: Vec<&str> = entries.iter().map(|entry| &*entry.key.text).collect();
                keys.sort_unstable();
                assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "keys are distinct");
                entries.iter().for_each(|entry| {
                    get(entry.key.span);
                    child(entry.value);
                });
            }
            Kind::List(items) => items.iter().for_each(|item| child(*item)),
            Kind::Scalar(scalar) => {
                assert_eq!(scalar.token, node.span);
                assert!(!get(scalar.token).is_empty());
                scalar.body.map(get);
            }
            Kind::Alias(name) => assert!(get(node.span).ends_with(&**name)),
            Kind::Empty => assert!(node.span.is_empty()),
        }
    }
    assert!(mentioned.iter().all(|times| *times == 1), "every node has one place");
    let mut end = 0;
    for comment in &document.comments {
        assert!(
            end <= comment.span.start && comment.span.start + usize::from(comment.marker) <= comment.span.end
        );
        end = document.comment_extent(comment).end;
        get(document.comment_extent(comment));
        assert!(matches!(get(comment.span).split_at(usize::from(comment.marker)).0, "#" | "//" | "/*"));
        assert!(comment.container.is_none_or(|id| !document.is_leaf(id) || document.value(id).is_some()));
    }
}

/// Every leaf replaced by what stands there: no two overlap, and the text stays.
fn tokens_are_exact(document: &Document) {
    let mut splices = Vec::new();
    for id in document.ids().filter(|id| document.is_leaf(*id) && document.node(*id).sealable) {
        let body = document.scalar(id).and_then(|scalar| scalar.body);
        for span in [Some(document.node(id).span), body].into_iter().flatten() {
            splices.push(Splice::new(span, span.of(&document.source)));
        }
    }
    assert!(apply(&document.source, &splices).is_ok_and(|text| text == document.source));
}

/// Seals every leaf and every second comment behind a dummy token and opens again: once as it was, once with every
/// value in the place of another.
fn round_trip(format: &dyn Format, document: &Document) {
    let entry = entry();
    let leaves: Vec<NodeId> =
        document.ids().filter(|id| document.is_leaf(*id) && document.node(*id).sealable).collect();
    let comments: Vec<usize> = (0..document.comments.len()).step_by(2).collect();
    let sealing = Sealing {
        leaves: leaves
            .iter()
            .map(|id| (*id, format!("sealed.v1.{}.A-_z", id.0), format.spelling(document, *id)))
            .collect(),
        comments: comments.iter().map(|index| (*index, format!("sealed.v1.c{index}.A"))).collect(),
        entry: &entry,
    };
    let body = match seal(format, document, &sealing, &limits()) {
        Ok((_, body)) => {
            well_formed(&body);
            let again = format.parse(&body.source, &Limits::default());
            assert!(again.is_ok_and(|again| again == body), "detach gives what a parse gives");
            body
        }
        Err(error) => return assert!(is_known(format, document, &error), "{error:?}"),
    };
    let sealable: Vec<bool> = document.ids().map(|id| leaves.contains(&id)).collect();
    assert_eq!(same_shape(document, &body, &|id| sealable[id.index()]), Ok(()));
    let behind = |index: usize| {
        let comment = &document.comments[index];
        comment.span.of(&document.source)[usize::from(comment.marker)..].into()
    };
    let opening = |shift: usize, spelled: bool| Unsealing {
        leaves: leaves
            .iter()
            .enumerate()
            .filter_map(|(index, id)| {
                let from = leaves[(index + shift) % leaves.len()];
                let spelling = if spelled { format.spelling(document, from) } else { Spelling::default() };
                Some((*id, document.value(from)?, spelling))
            })
            .collect(),
        comments: comments.iter().map(|index| (*index, behind(*index))).collect(),
    };
    let opened = unseal(format, &body, &opening(0, true), &limits()).expect("what was sealed opens");
    assert_eq!(opened.source.as_str(), document.source.as_str());
    assert!(opened == *document);
    for (shift, spelled) in [(0, false), (1, true)] {
        let unsealing = opening(shift, spelled);
        let opened = match unseal(format, &body, &unsealing, &limits()) {
            Ok(opened) => opened,
            // An empty container stands one level deeper than a file may be.
            Err(GateError::Parse(error)) if shift > 0 && error.limit => continue,
            Err(error) => panic!("any value can stand anywhere: {error:?}"),
        };
        let right = |(id, value, _): &(NodeId, _, _)| opened.value(*id).as_ref() == Some(value);
        assert!(unsealing.leaves.iter().all(right), "the values are those that were put in");
    }
}

/// Whether the gate may refuse a file that the format reads. Everything else that it refuses is a bug.
fn is_known(format: &dyn Format, document: &Document, error: &GateError) -> bool {
    let root = document.parts.first().map(|part| &document.node(part.root).kind);
    match error {
        // There is no place for the entry.
        GateError::Edit { .. } => format.code() == FormatCode::Json && !matches!(root, Some(Kind::Map(_))),
        // `[?]`: other readers take it for a key without a value.
        GateError::RoundTrip { reason: "this value cannot be put back", .. } => {
            format.code() == FormatCode::Yaml
                && document.ids().filter_map(|id| document.scalar(id)).any(|scalar| {
                    let raw = scalar.token.of(&document.source);
                    scalar.flow && scalar.style == Style::Plain && matches!(raw, "?" | "-" | ":")
                })
        }
        // `&a{}`: without a blank between them a token would belong to the anchor's name.
        GateError::RoundTrip { reason: "an anchor or tag changes", .. } => {
            document.nodes.iter().any(|node| {
                let before = document.source.get(..node.span.start).unwrap_or_default();
                (node.anchor.is_some() || node.tag.is_some()) && !before.ends_with([' ', '\t', '\n', '\r'])
            })
        }
        // A carriage return before a block's lines and a line feed behind them become one line break.
        GateError::RoundTrip { reason: "the text around a value is not kept", .. } => {
            document.source.replace("\r\n", "").contains('\r')
        }
        _ => false,
    }
}

/// An entry with the nesting of a real one.
fn entry() -> Tree {
    let keys = Tree::List(vec![Tree::Map(vec![("age".to_owned(), Tree::text("x"))])]);
    Tree::Map(vec![
        ("version".to_owned(), Tree::int(1)),
        ("groups".to_owned(), Tree::List(vec![Tree::Map(vec![("keys".to_owned(), keys)])])),
        ("policy".to_owned(), Tree::text("p")),
    ])
}
