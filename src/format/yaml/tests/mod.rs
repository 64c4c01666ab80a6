//! Whole round trips through the gates.

mod cases;
mod edit;
mod entry;
mod fast;
mod moved;
mod parse;
mod random;

use super::Yaml;
use crate::document::{Document, NodeId, Tree};
use crate::format::gate::{ENTRY, GateError, Sealing, Unsealing, seal, unseal};
use crate::format::{Format, Limits, ParseError};

pub(super) fn parse(text: &str) -> Result<Document, ParseError> {
    Yaml.parse(text, &Limits::default())
}

/// Why a file is refused, with the 1-based line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) usize, pub(super) String);

fn refusal(error: &GateError) -> Refusal {
    match error {
        GateError::Edit { line, source } => Refusal(*line, source.reason.clone()),
        GateError::RoundTrip { line, reason } | GateError::Meaning { line, reason } => {
            Refusal(*line, (*reason).to_owned())
        }
        GateError::Parse(error) => Refusal(error.line, error.message.clone()),
        other => Refusal(0, other.to_string()),
    }
}

pub(super) fn entry() -> Tree {
    let key = Tree::Map(vec![
        ("age".to_owned(), Tree::text("age1qyqs")),
        ("wrapped".to_owned(), Tree::text("12345678901e5")),
        ("break_glass".to_owned(), Tree::Leaf(crate::document::Value::Bool(true))),
    ]);
    Tree::Map(vec![
        ("version".to_owned(), Tree::int(1)),
        ("encrypt".to_owned(), Tree::List(vec![Tree::text("**"), Tree::text("a b: c # d")])),
        ("groups".to_owned(), Tree::List(vec![Tree::Map(vec![("keys".to_owned(), Tree::List(vec![key]))])])),
        ("head".to_owned(), Tree::text("-_x=")),
    ])
}

pub(super) fn token(id: NodeId) -> String {
    format!("sealed.v1.{:0>40}.A-_z", id.index())
}

/// A file with every leaf sealed, and what opens it again.
pub(super) struct Sealed {
    pub(super) text: String,
    pub(super) unsealing: Unsealing,
}

/// Seals every leaf, and every comment where told to.
pub(super) fn seal_all(text: &str, with_comments: bool) -> Result<Sealed, Refusal> {
    let document = parse(text).map_err(|error| Refusal(error.line, error.message))?;
    let ids: Vec<NodeId> =
        document.ids().filter(|id| document.is_leaf(*id) && document.node(*id).sealable).collect();
    let comments = if with_comments { document.comments.len() } else { 0 };
    let entry = entry();
    let sealing = Sealing {
        leaves: ids.iter().map(|id| (*id, token(*id), Yaml.spelling(&document, *id))).collect(),
        comments: (0..comments).map(|index| (index, format!("sealed.v1.comment{index}.A"))).collect(),
        entry: &entry,
    };
    let (sealed, body) =
        seal(&Yaml, &document, &sealing, &Limits::default()).map_err(|error| refusal(&error))?;
    let unsealing = Unsealing {
        leaves: ids
            .iter()
            .filter_map(|id| Some((*id, document.value(*id)?, Yaml.spelling(&document, *id))))
            .collect(),
        comments: (0..comments)
            .map(|index| {
                let comment = &document.comments[index];
                (index, document.source[comment.span.start + 1..comment.span.end].into())
            })
            .collect(),
    };
    assert_same(&body, &parse(&body.source).unwrap(), text);
    for (comment, plain) in body.comments.iter().zip(&document.comments) {
        assert_eq!((comment.container, comment.part), (plain.container, plain.part), "{text:?}");
    }
    Ok(Sealed { text: sealed.to_string(), unsealing })
}

/// Opens a sealed text, possibly edited since.
pub(super) fn open(sealed: &str, unsealing: &Unsealing) -> Result<Document, Refusal> {
    let parsed = parse(sealed).map_err(|error| Refusal(error.line, error.message))?;
    let (body, found) = Yaml.detach(parsed, ENTRY).map_err(|error| Refusal(error.line, error.message))?;
    assert_same(&body, &parse(&body.source).unwrap(), sealed);
    assert_eq!(found, Some(entry()));
    unseal(&Yaml, &body, unsealing, &Limits::default()).map_err(|error| refusal(&error))
}

/// Two documents are equal in every field.
pub(super) fn assert_same(one: &Document, two: &Document, text: &str) {
    let show =
        |document: &Document| format!("{:?}\n{:?}\n{:#?}", document.parts, document.comments, document.nodes);
    assert_eq!(*one.source, *two.source, "{text:?}");
    assert_eq!(show(one), show(two), "{text:?}");
}

/// Sealed and opened, the text is the same byte for byte.
pub(super) fn check_exact(text: &str) {
    for with_comments in [false, true] {
        let sealed = seal_all(text, with_comments).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
        let opened = open(&sealed.text, &sealed.unsealing).unwrap_or_else(|error| {
            panic!("{text:?}\n{}\n{error:?}", sealed.text);
        });
        assert_eq!(&*opened.source, text, "{}", sealed.text);
    }
}
