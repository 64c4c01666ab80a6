//! Helpers of the formats' tests: whole files through both gates, and the model of what an edit means.

use std::path::PathBuf;

use super::gate::{ENTRY, Sealing, Unsealing, seal, unseal};
use super::{Format, Limits};
use crate::document::{Document, Kind, NodeId, Step, Tree, apply};

/// A metadata entry in the shape of the real one.
pub(super) fn entry() -> Tree {
    let map = |pairs: &[(&str, Tree)]| {
        Tree::Map(pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    };
    let key = map(&[
        ("age", Tree::text("age1x")),
        ("context", map(&[("app", Tree::text("web")), ("a b", Tree::text("\u{1}\"'\\\n"))])),
        ("wrapped", Tree::text("AAAA")),
    ]);
    map(&[
        ("version", Tree::int(1)),
        ("file", Tree::text("abc")),
        ("encrypt", Tree::List(vec![Tree::text("**"), Tree::text("a.b")])),
        (
            "groups",
            Tree::List(vec![
                map(&[("check", Tree::text("x")), ("keys", Tree::List(vec![key.clone(), key]))]),
                map(&[("keys", Tree::List(vec![map(&[("age", Tree::text("y"))])]))]),
            ]),
        ),
        ("policy", Tree::text("p")),
    ])
}

/// Seals every leaf that can be and every comment if `comments`, detaches, opens, and compares bytes and documents.
/// Gives the sealed text.
pub(super) fn round_trip(format: &dyn Format, source: &str, comments: bool) -> String {
    let limits = Limits::default();
    let document = format.parse(source, &limits).unwrap_or_else(|error| panic!("{error}\n{source}"));
    let entry = entry();
    let leaves: Vec<NodeId> =
        document.ids().filter(|id| document.is_leaf(*id) && document.node(*id).sealable).collect();
    let sealing = Sealing {
        leaves: leaves
            .iter()
            .map(|id| (*id, format!("sealed.v1.{}", id.0), format.spelling(&document, *id)))
            .collect(),
        comments: (0..document.comments.len())
            .filter(|_| comments)
            .map(|index| (index, format!("sealed.v1.c{index}")))
            .collect(),
        entry: &entry,
    };
    let (sealed, body) =
        seal(format, &document, &sealing, &limits).unwrap_or_else(|error| panic!("{error:?}\n{source}"));
    assert_eq!(source.ends_with(['\n', '\r']), sealed.ends_with(['\n', '\r']), "{source:?}");
    same(&body, &format.parse(&body.source, &limits).unwrap());
    let unsealing = Unsealing {
        leaves: leaves
            .iter()
            .map(|id| (*id, document.value(*id).unwrap(), format.spelling(&document, *id)))
            .collect(),
        comments: sealing
            .comments
            .iter()
            .map(|(index, _)| {
                let comment = &document.comments[*index];
                (*index, comment.span.of(source)[usize::from(comment.marker)..].into())
            })
            .collect(),
    };
    let opened =
        unseal(format, &body, &unsealing, &limits).unwrap_or_else(|error| panic!("{error}\n{source}"));
    assert_eq!(opened.source.as_str(), source);
    same(&opened, &document);
    // Nothing but an entry: the same without any secret.
    let attached = apply(source, &format.attach(&document, ENTRY, &entry).unwrap()).unwrap();
    let (body, tree) = format.detach(format.parse(&attached, &limits).unwrap(), ENTRY).unwrap();
    assert!(tree.is_some());
    assert_eq!(body.source.as_str(), source);
    same(&body, &document);
    sealed.to_string()
}

/// Seals `source`, changes the sealed text as `change` does, and opens it.
pub(super) fn opened_after(format: &dyn Format, source: &str, change: impl Fn(&str) -> String) -> String {
    let limits = Limits::default();
    let sealed = change(&round_trip(format, source, false));
    let plain = format.parse(source, &limits).unwrap();
    let (body, tree) = format.detach(format.parse(&sealed, &limits).unwrap(), ENTRY).unwrap();
    assert!(tree.is_some());
    let leaves = plain.ids().filter(|id| plain.is_leaf(*id) && plain.node(*id).sealable);
    let unsealing = Unsealing {
        leaves: leaves.map(|id| (id, plain.value(id).unwrap(), format.spelling(&plain, id))).collect(),
        comments: Vec::new(),
    };
    unseal(format, &body, &unsealing, &limits).unwrap().source.to_string()
}

/// Asserts that two documents are equal in every field.
pub(super) fn same(a: &Document, b: &Document) {
    let shown = |document: &Document| {
        let nodes: Vec<_> = document
            .nodes
            .iter()
            .map(|node| {
                let kind = match &node.kind {
                    Kind::Scalar(scalar) => format!("{scalar:?} {:?}", scalar.value.to_text().as_str()),
                    kind => format!("{kind:?}"),
                };
                format!("{:?} {kind} {:?} {}", node.parent, node.span, node.sealable)
            })
            .collect();
        (nodes, format!("{:?} {:?}", document.parts, document.comments))
    };
    assert_eq!(a.source.as_str(), b.source.as_str());
    assert_eq!(shown(a), shown(b), "{:?}", a.source.as_str());
}

/// The fixtures with that ending.
pub(super) fn cases(endings: &[&str]) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases");
    let mut cases: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| endings.iter().any(|ending| path.extension().is_some_and(|own| own == *ending)))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

/// The tree of a whole document.
pub(super) fn tree(document: &Document) -> Tree {
    document.plain_tree(document.parts[0].root).unwrap()
}

/// A change, for [`edited`].
pub(super) enum Edit {
    /// Of the value at the path.
    Replace(Tree),
    /// Under the key or as last element of the container at the path.
    Insert(Step, Tree),
    /// Of the value at the path.
    Remove,
}

/// Applies an edit at `id`, asserts that the result parses to the edited tree (`model`), and gives the text.
pub(super) fn edited(
    format: &dyn Format,
    source: &str,
    id: NodeId,
    edit: &Edit,
) -> Result<String, super::EditError> {
    let document = format.parse(source, &Limits::default()).unwrap();
    let path = document.path(id);
    let splices = match edit {
        Edit::Replace(value) => format.replace(&document, id, value)?,
        Edit::Insert(step, value) => format.insert(&document, id, step, value)?,
        Edit::Remove => format.remove(&document, id)?,
    };
    let text = apply(source, &splices).unwrap();
    let after = format.parse(&text, &Limits::default()).unwrap_or_else(|error| panic!("{error}\n{}", &*text));
    let expect = sorted(model(tree(&document), &path.steps, edit));
    assert_eq!(shown(&sorted(tree(&after))), shown(&expect), "{path}\n{source}\n->\n{}", &*text);
    Ok(text.to_string())
}

/// What the edit makes of the tree.
fn model(tree: Tree, steps: &[Step], edit: &Edit) -> Tree {
    let Some((step, rest)) = steps.split_first() else {
        return match (edit, tree) {
            (Edit::Replace(value), _) => value.clone(),
            (Edit::Insert(Step::Key(key), value), tree) => {
                let mut entries = if let Tree::Map(entries) = tree { entries } else { Vec::new() };
                entries.push((key.to_string(), value.clone()));
                Tree::Map(entries)
            }
            (Edit::Insert(Step::Index(_), value), tree) => {
                let mut items = if let Tree::List(items) = tree { items } else { Vec::new() };
                items.push(value.clone());
                Tree::List(items)
            }
            (Edit::Remove, _) => panic!("the root is not removed"),
        };
    };
    let removes = rest.is_empty() && matches!(edit, Edit::Remove);
    match (tree, step) {
        (Tree::Map(mut entries), Step::Key(key)) => {
            let at = entries.iter().position(|(own, _)| **own == **key).unwrap();
            if removes {
                entries.remove(at);
            } else {
                entries[at].1 = model(entries[at].1.clone(), rest, edit);
            }
            if entries.is_empty() { Tree::Leaf(crate::document::Value::EmptyMap) } else { Tree::Map(entries) }
        }
        (Tree::List(mut items), Step::Index(index)) => {
            if removes {
                items.remove(*index);
            } else {
                items[*index] = model(items[*index].clone(), rest, edit);
            }
            if items.is_empty() { Tree::Leaf(crate::document::Value::EmptyList) } else { Tree::List(items) }
        }
        _ => panic!("no such path"),
    }
}

/// The same tree with the pairs of every map in order of their keys.
fn sorted(tree: Tree) -> Tree {
    match tree {
        Tree::Map(entries) => {
            let mut entries: Vec<_> = entries.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Tree::Map(entries)
        }
        Tree::List(items) => Tree::List(items.into_iter().map(sorted).collect()),
        leaf => leaf,
    }
}

/// A tree as readable text.
pub(super) fn shown(tree: &Tree) -> String {
    match tree {
        Tree::Map(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{key:?}: {}", shown(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Tree::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Tree::Leaf(value) => {
            let kind = format!("{value:?}");
            let kind = kind.split('(').next().unwrap_or_default();
            format!("{kind} {:?}", value.to_text().as_str())
        }
    }
}
