//! Aliases and merge keys, expanded for programs that want values. Files themselves are never expanded.

use std::collections::HashSet;

use super::{Document, KeyPath, Kind, NodeId, Step, Tree, Value};

/// A file whose aliases cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpandError {
    /// The expansion would be over ten times the file.
    #[error("the aliases expand to more than ten times the file")]
    TooLarge,
    /// An alias inside of what it stands for, or without an anchor.
    #[error("line {line}: the alias stands for nothing that ends before it")]
    Dangling {
        /// 1-based.
        line: usize,
    },
}

impl Document {
    /// What an alias stands for, through aliases of aliases; any other node itself. An alias without an anchor before
    /// it stays.
    #[must_use]
    pub fn resolve(&self, id: NodeId) -> NodeId {
        match &self.node(id).kind {
            Kind::Alias(name) => self.anchor_before(id, name).unwrap_or(id),
            _ => id,
        }
    }

    /// The last node before `id` in its document with that anchor.
    fn anchor_before(&self, id: NodeId, name: &str) -> Option<NodeId> {
        let root = self.parts.get(self.part_of(id))?.root;
        (root.0..id.0).rev().map(NodeId).find(|other| self.node(*other).anchor.as_deref() == Some(name))
    }

    /// The entry or element of a container, merge keys (`<<`) included; an entry of the map itself comes first.
    #[must_use]
    pub fn child(&self, id: NodeId, step: &Step) -> Option<NodeId> {
        match (&self.node(id).kind, step) {
            (Kind::Map(entries), Step::Key(key)) => {
                let own = entries.iter().find(|entry| entry.key.text == *key);
                own.map(|entry| entry.value).or_else(|| self.merged_child(id, step, MAX_MERGES))
            }
            (Kind::List(items), Step::Index(index)) => items.get(*index).copied(),
            _ => None,
        }
    }

    fn merged_child(&self, id: NodeId, step: &Step, depth: usize) -> Option<NodeId> {
        let Kind::Map(entries) = &self.node(id).kind else { return None };
        let merge = entries.iter().find(|entry| is_merge(&entry.key))?;
        self.merge_sources(merge.value).into_iter().filter(|source| *source < id && depth > 0).find_map(
            |source| {
                let Kind::Map(entries) = &self.node(source).kind else { return None };
                let own = entries.iter().find(|entry| Step::Key(entry.key.text.clone()) == *step);
                own.map(|entry| entry.value).or_else(|| self.merged_child(source, step, depth - 1))
            },
        )
    }

    /// The maps that a merge key names, the first one winning.
    fn merge_sources(&self, id: NodeId) -> Vec<NodeId> {
        let id = self.resolve(id);
        match &self.node(id).kind {
            Kind::List(items) => items.iter().map(|item| self.resolve(*item)).collect(),
            _ => vec![id],
        }
    }

    /// The tree below a node with aliases and merge keys expanded; anchors and tags play no part, a zero-width value is
    /// null.
    ///
    /// # Errors
    /// [`ExpandError`]: more than ten times as many values as the file has nodes, or an alias of what it stands in.
    pub fn expanded_tree(&self, id: NodeId) -> Result<Tree, ExpandError> {
        let mut budget = self.nodes.len().saturating_mul(10);
        self.expand(id, &mut budget)
    }

    /// Every leaf below the roots of all documents, expanded.
    ///
    /// # Errors
    /// [`ExpandError`].
    pub fn expanded_leaves(&self) -> Result<Vec<(KeyPath, Value)>, ExpandError> {
        let mut leaves = Vec::new();
        for (part, this) in self.parts.iter().enumerate() {
            let tree = self.expanded_tree(this.root)?;
            collect(&tree, &mut KeyPath { part, steps: Vec::new() }, &mut leaves);
        }
        Ok(leaves)
    }

    /// Recursion ends: an alias leads to a node that ended before it, and nesting is bounded by the parser's limit.
    fn expand(&self, id: NodeId, budget: &mut usize) -> Result<Tree, ExpandError> {
        *budget = budget.checked_sub(1).ok_or(ExpandError::TooLarge)?;
        let node = self.node(id);
        Ok(match &node.kind {
            Kind::Alias(_) => {
                let target = self.resolve(id);
                if target == id || self.contains(target, id) {
                    return Err(ExpandError::Dangling { line: self.line_of(node.span.start) });
                }
                self.expand(target, budget)?
            }
            Kind::Empty => Tree::Leaf(Value::Null),
            Kind::Map(entries) if !entries.is_empty() => Tree::Map(self.expand_map(id, budget)?),
            Kind::List(items) if !items.is_empty() => {
                Tree::List(items.iter().map(|item| self.expand(*item, budget)).collect::<Result<_, _>>()?)
            }
            _ => Tree::Leaf(self.value(id).unwrap_or(Value::Null)),
        })
    }

    fn expand_map(&self, id: NodeId, budget: &mut usize) -> Result<Vec<(String, Tree)>, ExpandError> {
        let Kind::Map(entries) = &self.node(id).kind else { return Ok(Vec::new()) };
        let mut seen: HashSet<&str> = HashSet::new();
        let mut out = Vec::new();
        for entry in entries.iter().filter(|entry| !is_merge(&entry.key)) {
            seen.insert(&entry.key.text);
            out.push((entry.key.text.to_string(), self.expand(entry.value, budget)?));
        }
        let mut merged = HashSet::new();
        for entry in entries.iter().filter(|entry| is_merge(&entry.key)) {
            for source in self.merge_sources(entry.value) {
                if self.contains(source, id) {
                    return Err(ExpandError::Dangling { line: self.line_of(entry.key.span.start) });
                }
                for (key, value) in self.expand_map(source, budget)? {
                    if !seen.contains(key.as_str()) && merged.insert(key.clone()) {
                        out.push((key, value));
                    }
                }
            }
        }
        Ok(out)
    }

    /// Whether `outer` is `inner` or stands above it.
    fn contains(&self, outer: NodeId, inner: NodeId) -> bool {
        std::iter::successors(Some(inner), |id| self.node(*id).parent).any(|id| id == outer)
    }
}

fn is_merge(key: &super::Key) -> bool {
    key.ambiguous && &*key.text == "<<"
}

fn collect(tree: &Tree, path: &mut KeyPath, leaves: &mut Vec<(KeyPath, Value)>) {
    let mut below = |step: Step, tree: &Tree| {
        path.steps.push(step);
        collect(tree, path, leaves);
        path.steps.pop();
    };
    match tree {
        Tree::Map(entries) => {
            entries.iter().for_each(|(key, value)| below(Step::Key(key.as_str().into()), value));
        }
        Tree::List(items) => {
            items.iter().enumerate().for_each(|(index, item)| below(Step::Index(index), item));
        }
        Tree::Leaf(value) => leaves.push((path.clone(), value.clone())),
    }
}

/// How many merge keys are followed from map to map.
const MAX_MERGES: usize = 64;
