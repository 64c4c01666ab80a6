//! Aliases and merge keys replaced by what they stand for, for readers that know neither.
//!
//! Only what leaves the file in another form is expanded (`get --json`, `exec`); a file itself never is.

use std::collections::{HashMap, HashSet};

use super::{Document, Entry, KeyPath, Kind, NodeId, Step, Tree, Value};

/// What cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpandError {
    /// An alias without an anchor before it.
    #[error("line {line}: the alias `*{name}` has no anchor before it")]
    NoAnchor {
        /// 1-based.
        line: usize,
        /// The alias, without the asterisk.
        name: String,
    },
    /// An alias of something that it is itself a part of.
    #[error("line {line}: the alias `*{name}` stands inside of what it stands for")]
    Endless {
        /// 1-based.
        line: usize,
        /// The alias, without the asterisk.
        name: String,
    },
    /// A merge key whose value is neither a map nor a list of maps.
    #[error("line {line}: a merge key `<<` takes a map or a list of maps")]
    Merge {
        /// 1-based.
        line: usize,
    },
    /// Nested deeper than any file should be, once aliases are expanded.
    #[error("line {line}: nested deeper than {limit} levels, aliases expanded")]
    Depth {
        /// 1-based line of what would be too deep.
        line: usize,
        /// The limit.
        limit: usize,
    },
    /// The expansion would be over ten times the file.
    #[error("aliases make the content more than {GROWTH} times as large as the file")]
    Size,
}

impl Document {
    /// The document with aliases and merge keys followed, for walks down. Takes as long as the document is large; ask
    /// once for a whole walk.
    #[must_use]
    pub fn aliases(&self) -> Aliases<'_> {
        Aliases { document: self, targets: targets(self) }
    }

    /// Copies the tree below a node, aliases and merge keys expanded, anchors and tags left out. A value of no width
    /// is null. Of a merged map come the pairs whose keys the map itself, or a map merged before, does not have; they
    /// stand behind the map's own.
    ///
    /// # Errors
    /// [`ExpandError`]: what would have more than ten times as many nodes as the whole document among others.
    pub fn expanded_tree(&self, id: NodeId) -> Result<Tree, ExpandError> {
        self.expansion().tree(id, 0)
    }

    /// All leaves with their paths, in order, aliases and merge keys expanded as in [`Document::expanded_tree`]. Empty
    /// containers are leaves.
    ///
    /// # Errors
    /// [`ExpandError`].
    pub fn expanded_leaves(&self) -> Result<Vec<(KeyPath, Value)>, ExpandError> {
        let mut expansion = self.expansion();
        let mut leaves = Vec::new();
        for (part, document) in self.parts.iter().enumerate() {
            let tree = expansion.tree(document.root, 0)?;
            collect(tree, &mut KeyPath { part, steps: Vec::new() }, &mut leaves);
        }
        Ok(leaves)
    }

    fn expansion(&self) -> Expansion<'_> {
        let aliases = self.aliases();
        let left = aliases.allowance();
        Expansion { aliases, left }
    }
}

/// A document whose aliases and merge keys are followed. See [`Document::aliases`].
#[derive(Clone, Debug)]
pub struct Aliases<'a> {
    document: &'a Document,
    /// What each alias stands for.
    targets: HashMap<NodeId, NodeId>,
}

impl<'a> Aliases<'a> {
    /// What an alias stands for; any other node itself. An alias without an anchor before it stays.
    #[must_use]
    pub fn resolve(&self, id: NodeId) -> NodeId {
        self.targets.get(&id).copied().unwrap_or(id)
    }

    /// The entry or element of a container, those of merged maps included. Takes as long as the container and what it
    /// merges are large.
    #[must_use]
    pub fn child(&self, id: NodeId, step: &Step) -> Option<NodeId> {
        match (&self.document.node(id).kind, step) {
            (Kind::Map(entries), Step::Key(key)) => {
                let own = entries.iter().find(|entry| !is_merge(entry) && entry.key.text == *key);
                let found = own.or_else(|| {
                    let pairs = self.merged(entries, &mut self.allowance()).ok()?;
                    pairs.into_iter().find(|entry| entry.key.text == *key)
                });
                // The merge key itself is there for who asks for it.
                let found = found.or_else(|| entries.iter().find(|entry| entry.key.text == *key));
                found.map(|entry| entry.value)
            }
            (Kind::List(items), Step::Index(index)) => items.get(*index).copied(),
            _ => None,
        }
    }

    /// A map's own pairs, and behind them those that it merges; what is looked at is taken from `left`.
    pub(crate) fn merged(
        &self,
        entries: &'a [Entry],
        left: &mut usize,
    ) -> Result<Vec<&'a Entry>, ExpandError> {
        let (merges, mut pairs): (Vec<&Entry>, Vec<&Entry>) =
            entries.iter().partition(|entry| is_merge(entry));
        if merges.is_empty() {
            return Ok(pairs);
        }
        let mut keys: HashSet<&str> = pairs.iter().map(|entry| &*entry.key.text).collect();
        // The next map to merge is the last one here: a map's own merges come before the map behind it.
        let mut waiting: Vec<NodeId> = merges.iter().rev().map(|entry| entry.value).collect();
        let mut seen = HashSet::new();
        while let Some(id) = waiting.pop() {
            take(left)?;
            let id = self.resolved(id)?;
            if !seen.insert(id) {
                continue;
            }
            match &self.document.node(id).kind {
                Kind::Map(entries) => {
                    for entry in entries.iter().rev().filter(|entry| is_merge(entry)) {
                        waiting.push(entry.value);
                    }
                    for entry in entries.iter().filter(|entry| !is_merge(entry)) {
                        take(left)?;
                        if keys.insert(&entry.key.text) {
                            pairs.push(entry);
                        }
                    }
                }
                Kind::List(items) if items.iter().all(|item| self.is_map(*item)) => {
                    waiting.extend(items.iter().rev());
                }
                _ => return Err(ExpandError::Merge { line: self.line(id) }),
            }
        }
        Ok(pairs)
    }

    /// The node itself, or what an alias stands for.
    pub(crate) fn resolved(&self, id: NodeId) -> Result<NodeId, ExpandError> {
        let Kind::Alias(name) = &self.document.node(id).kind else { return Ok(id) };
        let (line, name) = (|| self.line(id), || name.to_string());
        let Some(target) = self.targets.get(&id) else {
            return Err(ExpandError::NoAnchor { line: line(), name: name() });
        };
        // An alias points backwards, so a circle can only be closed by one that stands inside of its own target.
        let mut above = self.document.node(id).parent;
        while let Some(node) = above {
            if node == *target {
                return Err(ExpandError::Endless { line: line(), name: name() });
            }
            above = self.document.node(node).parent;
        }
        Ok(*target)
    }

    fn is_map(&self, id: NodeId) -> bool {
        self.resolved(id).is_ok_and(|id| matches!(self.document.node(id).kind, Kind::Map(_)))
    }

    fn line(&self, id: NodeId) -> usize {
        self.document.line_of(self.document.node(id).span.start)
    }

    /// How many nodes an expansion may give.
    fn allowance(&self) -> usize {
        self.document.nodes.len().saturating_mul(GROWTH)
    }
}

/// Moves the leaves of a tree out. No deeper than the tree, which is limited.
fn collect(tree: Tree, path: &mut KeyPath, leaves: &mut Vec<(KeyPath, Value)>) {
    let steps: Vec<(Step, Tree)> = match tree {
        Tree::Leaf(value) => return leaves.push((path.clone(), value)),
        Tree::Map(pairs) => pairs.into_iter().map(|(key, value)| (Step::Key(key.into()), value)).collect(),
        Tree::List(items) => {
            items.into_iter().enumerate().map(|(index, item)| (Step::Index(index), item)).collect()
        }
    };
    for (step, below) in steps {
        path.steps.push(step);
        collect(below, path, leaves);
        path.steps.pop();
    }
}

/// One expansion, with what is left of its allowance.
struct Expansion<'a> {
    aliases: Aliases<'a>,
    left: usize,
}

impl Expansion<'_> {
    fn tree(&mut self, id: NodeId, level: usize) -> Result<Tree, ExpandError> {
        take(&mut self.left)?;
        let id = self.aliases.resolved(id)?;
        if level > DEPTH {
            return Err(ExpandError::Depth { line: self.aliases.line(id), limit: DEPTH });
        }
        let document = self.aliases.document;
        Ok(match &document.node(id).kind {
            Kind::Map(entries) if !entries.is_empty() => {
                let pairs = self.aliases.merged(entries, &mut self.left)?;
                let pair =
                    |entry: &Entry| Ok((entry.key.text.to_string(), self.tree(entry.value, level + 1)?));
                Tree::Map(pairs.into_iter().map(pair).collect::<Result<_, _>>()?)
            }
            Kind::List(items) if !items.is_empty() => {
                Tree::List(items.iter().map(|item| self.tree(*item, level + 1)).collect::<Result<_, _>>()?)
            }
            _ => Tree::Leaf(document.value(id).unwrap_or(Value::Null)),
        })
    }
}

fn take(left: &mut usize) -> Result<(), ExpandError> {
    *left = left.checked_sub(1).ok_or(ExpandError::Size)?;
    Ok(())
}

/// By alias, the last node before it in its YAML document that has an anchor of that name.
fn targets(document: &Document) -> HashMap<NodeId, NodeId> {
    let mut targets = HashMap::new();
    let mut anchors: HashMap<&str, NodeId> = HashMap::new();
    let mut roots = document.parts.iter().map(|part| part.root).peekable();
    for id in document.ids() {
        if roots.next_if_eq(&id).is_some() {
            anchors.clear();
        }
        let node = document.node(id);
        if let Some(name) = &node.anchor {
            anchors.insert(name, id);
        }
        if let Kind::Alias(name) = &node.kind
            && let Some(target) = anchors.get(&**name)
        {
            targets.insert(id, *target);
        }
    }
    targets
}

/// A plain `<<`; in quotes it is a key as any other.
fn is_merge(entry: &Entry) -> bool {
    entry.key.ambiguous && &*entry.key.text == "<<"
}

/// How many times as many nodes as the document may come out.
const GROWTH: usize = 10;
/// Levels of maps and lists: four times what the parser allows, where it is not told otherwise.
const DEPTH: usize = 256;

#[cfg(test)]
mod tests;
