//! A tree without places: metadata entries and values that are about to be written.

use super::{Document, Kind, NodeId, Value};

/// Nested maps, lists and values, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// Pairs in order.
    Map(Vec<(String, Self)>),
    /// Elements in order.
    List(Vec<Self>),
    /// A leaf.
    Leaf(Value),
}

impl Tree {
    /// A string leaf.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Leaf(Value::Str(text.into()))
    }

    /// An integer leaf.
    #[must_use]
    pub fn int(number: u32) -> Self {
        Self::Leaf(Value::Int(number.to_string().into()))
    }

    /// The value under `key`, in a map.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }
}

impl Document {
    /// Copies the tree below a node. `None` where an alias, anchor, tag or zero-width value stands in it.
    #[must_use]
    pub fn plain_tree(&self, id: NodeId) -> Option<Tree> {
        let node = self.node(id);
        if node.anchor.is_some() || node.tag.is_some() {
            return None;
        }
        Some(match &node.kind {
            Kind::Map(entries) if !entries.is_empty() => Tree::Map(
                entries
                    .iter()
                    .map(|entry| Some((entry.key.text.to_string(), self.plain_tree(entry.value)?)))
                    .collect::<Option<_>>()?,
            ),
            Kind::List(items) if !items.is_empty() => {
                Tree::List(items.iter().map(|item| self.plain_tree(*item)).collect::<Option<_>>()?)
            }
            Kind::Alias(_) | Kind::Empty => return None,
            _ => Tree::Leaf(self.value(id)?),
        })
    }
}
