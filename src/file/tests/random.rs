//! Random trees, and random changes of them.

use proptest::prelude::{Just, Strategy, any, prop_oneof};

use crate::document::{Tree, Value};

/// A value on one line, its type by `kind`.
pub(super) fn value(kind: u8, text: &str) -> Value {
    match kind % 8 {
        0 => Value::Null,
        1 => Value::Bool(text.len().is_multiple_of(2)),
        2 => Value::Int(format!("{}{}", text.len() + 1, text.len()).into()),
        3 => Value::Float(format!("{}.5", text.len()).into()),
        _ => Value::Str(text.into()),
    }
}

fn leaf() -> impl Strategy<Value = Tree> {
    let text = prop_oneof!["[a-c]{0,2}", "[ -~]{0,12}", "[a-z]{20,60}", Just("é #x: y".to_owned())];
    (any::<u8>(), text).prop_map(|(kind, text)| Tree::Leaf(value(kind, &text)))
}

fn map(entry: impl Strategy<Value = Tree>, least: usize) -> impl Strategy<Value = Tree> {
    let entries = proptest::collection::btree_map("[a-h]{1,2}", entry, least..6);
    entries.prop_map(|entries| Tree::Map(entries.into_iter().collect()))
}

/// A tree whose root is a map. `null` comes out, which TOML has not.
pub(super) fn tree() -> impl Strategy<Value = Tree> {
    let inner = leaf().prop_recursive(3, 24, 5, |inner| {
        let list = proptest::collection::vec(inner.clone(), 1..5).prop_map(Tree::List);
        prop_oneof![3 => map(inner, 1), 2 => list]
    });
    map(inner, 1)
}

/// One change: what, where (taken modulo the number of places), and with which values.
#[derive(Clone, Debug)]
pub(super) struct Change {
    kind: u8,
    at: usize,
    to: usize,
    key: String,
    tree: Tree,
}

pub(super) fn change() -> impl Strategy<Value = Change> {
    (0..6_u8, any::<usize>(), any::<usize>(), "[i-p]{1,2}", prop_oneof![leaf(), tree()])
        .prop_map(|(kind, at, to, key, tree)| Change { kind, at, to, key, tree })
}

/// What a change touched: leaves before and after it.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) gone: usize,
    pub(super) new: usize,
    /// Among equal elements it cannot be seen which one was moved.
    pub(super) moved: bool,
}

impl Change {
    /// Applies the change: another value, or an entry or element inserted, deleted, renamed, moved or copied.
    pub(super) fn apply(&self, tree: &mut Tree) -> Touched {
        let places = places(tree);
        let Some(at) = places.get(self.at % places.len().max(1)) else { return Touched::default() };
        let to = &places[self.to % places.len()];
        let (old, new) = (leaves(get(tree, at)), leaves(&self.tree));
        match self.kind {
            0 => *get_mut(tree, at) = self.tree.clone(),
            1 => {
                put(get_mut(tree, &at[..at.len() - 1]), at[at.len() - 1], &self.key, self.tree.clone());
                return Touched { gone: 0, new, moved: false };
            }
            2 => {
                return Touched { gone: old, new: take(tree, at), moved: false };
            }
            3 => {
                let (index, parent) = (at[at.len() - 1], get_mut(tree, &at[..at.len() - 1]));
                let Tree::Map(entries) = parent else { return Touched::default() };
                if entries.iter().any(|(key, _)| *key == self.key) {
                    return Touched::default();
                }
                entries[index].0.clone_from(&self.key);
                return Touched { gone: old, new: old, moved: false };
            }
            // Never into itself.
            _ if to.starts_with(at) => return Touched::default(),
            4 => {
                let copy = get(tree, at).clone();
                put(get_mut(tree, &to[..to.len() - 1]), to[to.len() - 1], &self.key, copy);
                return Touched { gone: 0, new: old, moved: false };
            }
            _ => {
                let taken = get(tree, at).clone();
                put(get_mut(tree, &to[..to.len() - 1]), to[to.len() - 1], &self.key, taken);
                // What was put before it in its own container, or above it, moved it on.
                let (last, above) = (to.len() - 1, &to[..to.len() - 1]);
                let mut at = at.clone();
                if at.starts_with(above) && at[last] >= to[last] {
                    at[last] += 1;
                }
                return Touched { gone: old, new: old + take(tree, &at), moved: true };
            }
        }
        Touched { gone: old, new, moved: false }
    }
}

/// The places of all entries and elements, as indices from the root.
fn places(tree: &Tree) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for (index, child) in children(tree).into_iter().enumerate() {
        all.push(vec![index]);
        all.extend(places(child).into_iter().map(|below| [vec![index], below].concat()));
    }
    all
}

fn children(tree: &Tree) -> Vec<&Tree> {
    match tree {
        Tree::Map(entries) => entries.iter().map(|(_, tree)| tree).collect(),
        Tree::List(items) => items.iter().collect(),
        Tree::Leaf(_) => Vec::new(),
    }
}

/// How many leaves a tree has.
pub(super) fn leaves(tree: &Tree) -> usize {
    match tree {
        Tree::Leaf(_) => 1,
        other => children(other).into_iter().map(leaves).sum(),
    }
}

fn get<'t>(tree: &'t Tree, at: &[usize]) -> &'t Tree {
    at.iter().fold(tree, |tree, index| children(tree)[*index])
}

fn get_mut<'t>(tree: &'t mut Tree, at: &[usize]) -> &'t mut Tree {
    at.iter().fold(tree, |tree, index| match tree {
        Tree::Map(entries) => &mut entries[*index].1,
        Tree::List(items) => &mut items[*index],
        Tree::Leaf(_) => unreachable!("a place leads through containers"),
    })
}

/// Inserts; under a key that is new in this map.
fn put(parent: &mut Tree, index: usize, key: &str, tree: Tree) {
    match parent {
        Tree::Map(entries) => {
            let mut key = key.to_owned();
            while entries.iter().any(|(other, _)| *other == key) {
                key.push('q');
            }
            entries.insert(index, (key, tree));
        }
        Tree::List(items) => items.insert(index, tree),
        Tree::Leaf(_) => unreachable!("a place leads through containers"),
    }
}

/// Removes, and leaves a value where the container would be empty; gives how many.
fn take(tree: &mut Tree, at: &[usize]) -> usize {
    let (index, parent) = (at[at.len() - 1], get_mut(tree, &at[..at.len() - 1]));
    match parent {
        Tree::Map(entries) if entries.len() > 1 => drop(entries.remove(index)),
        Tree::List(items) if items.len() > 1 => drop(items.remove(index)),
        _ => {
            *get_mut(tree, at) = Tree::Leaf(Value::Bool(true));
            return 1;
        }
    }
    0
}

/// The tree without what TOML cannot hold.
pub(super) fn without_null(tree: Tree) -> Tree {
    match tree {
        Tree::Leaf(Value::Null) => Tree::text("null"),
        Tree::Map(entries) => {
            Tree::Map(entries.into_iter().map(|(key, tree)| (key, without_null(tree))).collect())
        }
        Tree::List(items) => Tree::List(items.into_iter().map(without_null).collect()),
        leaf => leaf,
    }
}
