//! Reads a change back before anyone sees it: the new text must hold exactly the old tree with that change.

use std::collections::HashSet;

use super::{parse, schema};
use crate::document::{Document, Kind, Node, NodeId, Splice, Step, Tree, Value, apply};
use crate::format::{EditError, Limits};

/// A change of one place.
pub(super) enum Change<'a> {
    /// Another value.
    Replace(NodeId, &'a Tree),
    /// A new last child.
    Insert(NodeId, &'a Step, &'a Tree),
    /// One child less.
    Remove(NodeId),
}

/// Gives the splices back if they do what was asked for.
///
/// # Errors
/// [`EditError`] where the text around the place stands in the way.
pub(super) fn check(
    document: &Document,
    change: &Change<'_>,
    splices: Option<Vec<Splice>>,
    offset: usize,
) -> Result<Vec<Splice>, EditError> {
    let fail = |reason: &str| EditError { offset, reason: reason.to_owned() };
    if let Some(name) = needed_anchor(document, change) {
        return Err(EditError { offset, reason: format!("`*{name}` elsewhere stands for this value") });
    }
    let splices =
        splices.ok_or_else(|| fail("the text around this place does not allow it, edit it by hand"))?;
    let limits = Limits { file: usize::MAX, leaves: usize::MAX, leaf: usize::MAX, ..Limits::default() };
    let text = apply(&document.source, &splices).ok();
    let after = text.and_then(|text| parse::parse(&text.shared(), &limits).ok());
    let is_right = after.is_some_and(|after| {
        let (mut expected, mut found) = (Outline::default(), Outline::default());
        document.parts.iter().for_each(|part| expected.node(document, part.root, Some(change)));
        after.parts.iter().for_each(|part| found.node(&after, part.root, None));
        document.parts.len() == after.parts.len() && expected.0 == found.0
    });
    if is_right {
        Ok(splices)
    } else {
        Err(fail("the text around this place does not allow it, edit it by hand"))
    }
}

/// The name of an anchor that would go while an alias to it stays.
fn needed_anchor<'a>(document: &'a Document, change: &Change<'_>) -> Option<&'a str> {
    let (top, keeps_own) = match change {
        Change::Replace(id, _) => (*id, true),
        Change::Remove(id) => (*id, false),
        Change::Insert(..) => return None,
    };
    let end = document.ids().skip(top.index() + 1).find(|id| {
        let parent = document.node(*id).parent;
        parent.is_none_or(|parent| parent < top)
    });
    let end = end.map_or(document.nodes.len(), NodeId::index);
    let inside = document.nodes.get(top.index()..end).unwrap_or_default();
    let mut gone = inside.iter().skip(usize::from(keeps_own)).filter_map(|node| node.anchor.as_deref());
    let rest = document.nodes.get(end..).unwrap_or_default();
    let alias = |node: &'a Node| if let Kind::Alias(name) = &node.kind { Some(&**name) } else { None };
    let needed: HashSet<&str> = rest.iter().filter_map(alias).collect();
    gone.find(|name| needed.contains(name))
}

/// A tree as one flat list.
#[derive(Default)]
struct Outline(Vec<Item>);

#[derive(PartialEq)]
enum Item {
    Map,
    List,
    End,
    Key(Box<str>),
    Leaf(Value),
    Alias(Box<str>),
    Empty,
    Anchor(Box<str>),
    Tag(Box<str>),
}

impl Outline {
    /// Adds a node of a parsed document, so at most as deep as that may be.
    fn node(&mut self, document: &Document, id: NodeId, change: Option<&Change<'_>>) {
        let node = document.node(id);
        self.0.extend(node.anchor.clone().map(Item::Anchor));
        self.0.extend(node.tag.clone().map(Item::Tag));
        let added = match change {
            Some(Change::Replace(place, tree)) if *place == id => return self.tree(tree),
            Some(Change::Insert(place, step, tree)) if *place == id => Some((*step, *tree)),
            _ => None,
        };
        let is_kept = |child: NodeId| !matches!(change, Some(Change::Remove(gone)) if *gone == child);
        match (&node.kind, added) {
            (Kind::Map(entries), _) => {
                self.0.push(Item::Map);
                for entry in entries.iter().filter(|entry| is_kept(entry.value)) {
                    self.0.push(Item::Key(entry.key.text.as_str().into()));
                    self.node(document, entry.value, change);
                }
            }
            (Kind::List(items), _) => {
                self.0.push(Item::List);
                items
                    .iter()
                    .filter(|item| is_kept(**item))
                    .for_each(|item| self.node(document, *item, change));
            }
            (Kind::Scalar(scalar), _) => return self.0.push(Item::Leaf(scalar.value.clone())),
            (Kind::Alias(name), _) => return self.0.push(Item::Alias(name.clone())),
            (Kind::Empty, Some((Step::Key(_), _))) => self.0.push(Item::Map),
            (Kind::Empty, Some((Step::Index(_), _))) => self.0.push(Item::List),
            (Kind::Empty, None) => return self.0.push(Item::Empty),
        }
        if let Some((step, tree)) = added {
            if let Step::Key(key) = step {
                self.0.push(Item::Key(key.clone()));
            }
            self.tree(tree);
        }
        self.0.push(Item::End);
    }

    fn tree(&mut self, tree: &Tree) {
        match tree {
            Tree::Map(entries) => {
                self.0.push(Item::Map);
                for (key, value) in entries {
                    self.0.push(Item::Key(key.as_str().into()));
                    self.tree(value);
                }
            }
            Tree::List(items) => {
                self.0.push(Item::List);
                items.iter().for_each(|item| self.tree(item));
            }
            // Values of other formats are read as what their text means here.
            Tree::Leaf(
                Value::Int(text) | Value::Float(text) | Value::Time(text) | Value::Ambiguous(text),
            ) => {
                return self.0.push(Item::Leaf(schema::resolve(text.clone())));
            }
            Tree::Leaf(Value::EmptyMap) => self.0.push(Item::Map),
            Tree::Leaf(Value::EmptyList) => self.0.push(Item::List),
            Tree::Leaf(value) => return self.0.push(Item::Leaf(value.clone())),
        }
        self.0.push(Item::End);
    }
}
