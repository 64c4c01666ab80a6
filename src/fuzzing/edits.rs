//! Changes of one place: the new text holds exactly the old tree with that change.

use super::choice;
use crate::document::{Document, FormatCode, Kind, NodeId, Splice, Step, Tree, Value, apply};
use crate::format::{Format, Limits};

/// Tries each kind of edit at one node, which the text chooses.
pub(super) fn check(format: &dyn Format, document: &Document) {
    let source = document.source.as_str();
    let Some(last) = document.ids().next_back() else { return };
    let id = document.ids().nth(choice(source, last.index() + 1)).unwrap_or(last);
    let value = new_value(source);
    let step = match &document.node(id).kind {
        Kind::List(items) => Step::Index(items.len()),
        _ => Step::Key(source.chars().take(choice(source, 5)).collect::<String>().into()),
    };
    let edits = [
        (Change::Replace(&value), format.replace(document, id, &value)),
        (Change::Insert(&step, &value), format.insert(document, id, &step, &value)),
        (Change::Remove, format.remove(document, id)),
    ];
    for (change, splices) in edits {
        let Ok(splices) = splices else { continue };
        let after = parsed(format, source, &splices, &change);
        let Some(expect) = model(document, Some((id, &change))) else { continue };
        let found = model(&after, None);
        assert!(found.as_ref() == Some(&expect), "{change:?}\n{source:?}\n{:?}", after.source.as_str());
    }
}

/// A text, a number, or containers.
fn new_value(source: &str) -> Tree {
    let text = Tree::text(&source.chars().rev().take(choice(source, 24)).collect::<String>());
    match choice(source, 7) {
        0 => Tree::int(7),
        1 => Tree::Leaf(Value::EmptyList),
        2 => Tree::Map(vec![("k".to_owned(), Tree::List(vec![text, Tree::Leaf(Value::Bool(true))]))]),
        3 => Tree::List(vec![Tree::Map(vec![("a b".to_owned(), text)]), Tree::Leaf(Value::EmptyMap)]),
        _ => text,
    }
}

#[derive(Debug)]
enum Change<'a> {
    Replace(&'a Tree),
    Insert(&'a Step, &'a Tree),
    Remove,
}

/// A document as nested values. Of TOML the order of pairs is left out, as its tables cannot stand in any order.
#[derive(PartialEq)]
enum Shape {
    Map(Properties, Vec<(String, Self)>),
    List(Properties, Vec<Self>),
    Leaf(Properties, Value),
    Alias(String),
    Empty(Properties),
}

/// Anchor and tag.
type Properties = (Option<String>, Option<String>);

fn parsed(format: &dyn Format, source: &str, splices: &[Splice], change: &Change<'_>) -> Document {
    let text = apply(source, splices).expect("the splices fit");
    format
        .parse(&text, &Limits::default())
        .unwrap_or_else(|error| panic!("{change:?}: {error}\n{source:?}\n{:?}", text.as_str()))
}

/// All parts, with the change at the node. `None` where the model does not know what it means.
fn model(document: &Document, change: Option<(NodeId, &Change<'_>)>) -> Option<Vec<Shape>> {
    document.parts.iter().map(|part| shape(document, part.root, change)).collect()
}

/// No deeper than the document, which is limited.
fn shape(document: &Document, id: NodeId, change: Option<(NodeId, &Change<'_>)>) -> Option<Shape> {
    let node = document.node(id);
    let own: Properties = (node.anchor.as_deref().map(str::to_owned), node.tag.as_deref().map(str::to_owned));
    let here = change.filter(|(at, _)| *at == id).map(|(_, change)| change);
    if let Some(Change::Replace(value)) = here {
        return Some(of_tree(document, own, value));
    }
    let added = match here {
        Some(Change::Insert(step, value)) => Some((*step, of_tree(document, Properties::default(), value))),
        _ => None,
    };
    let stays = |child: NodeId| !matches!(change, Some((at, Change::Remove)) if at == child);
    Some(match (&node.kind, added) {
        (Kind::Map(entries), added) => {
            let mut pairs = Vec::new();
            for entry in entries.iter().filter(|entry| stays(entry.value)) {
                pairs.push((entry.key.text.to_string(), shape(document, entry.value, change)?));
            }
            if let Some((Step::Key(key), value)) = added {
                pairs.push((key.to_string(), value));
            }
            map(document, own, pairs)
        }
        (Kind::List(items), added) => {
            let mut list = Vec::new();
            for item in items.iter().filter(|item| stays(**item)) {
                list.push(shape(document, *item, change)?);
            }
            list.extend(added.map(|(_, value)| value));
            Shape::List(own, list)
        }
        (Kind::Empty, Some((Step::Key(key), value))) => Shape::Map(own, vec![(key.to_string(), value)]),
        (Kind::Empty, Some((Step::Index(_), value))) => Shape::List(own, vec![value]),
        (_, Some(_)) => return None,
        (Kind::Scalar(scalar), None) => Shape::Leaf(own, scalar.value.clone()),
        (Kind::Alias(name), None) => Shape::Alias(name.to_string()),
        (Kind::Empty, None) => Shape::Empty(own),
    })
}

fn of_tree(document: &Document, own: Properties, tree: &Tree) -> Shape {
    let inner = |tree| of_tree(document, Properties::default(), tree);
    match tree {
        Tree::Map(pairs) => {
            map(document, own, pairs.iter().map(|(key, value)| (key.clone(), inner(value))).collect())
        }
        Tree::List(items) => Shape::List(own, items.iter().map(inner).collect()),
        Tree::Leaf(Value::EmptyMap) => Shape::Map(own, Vec::new()),
        Tree::Leaf(Value::EmptyList) => Shape::List(own, Vec::new()),
        Tree::Leaf(value) => Shape::Leaf(own, value.clone()),
    }
}

fn map(document: &Document, own: Properties, mut pairs: Vec<(String, Shape)>) -> Shape {
    if document.format == FormatCode::Toml {
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
    }
    Shape::Map(own, pairs)
}
