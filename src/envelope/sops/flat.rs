//! Metadata as SOPS flattens it for files that have no maps: `age__list_0__map_recipient`, one line each.

use std::collections::BTreeMap;

use super::error::SopsError;
use super::keys::text;
use crate::document::{Document, FormatCode, Kind, NodeId, Tree, Value};

/// Flattens an entry: names and values, sorted by name. Empty lists and maps vanish, and a line break is written as the
/// two characters `\n`.
#[must_use]
pub fn flatten(entry: &Tree) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    walk(entry, "", &mut pairs);
    pairs.sort();
    pairs
}

/// The reverse of [`flatten`]. All leaves are texts.
///
/// # Errors
/// [`SopsError::Metadata`] for a name that stands twice or is none, a place that is a map here and a list there, and
/// gaps between the indices of a list.
pub fn unflatten(pairs: &[(&str, &str)]) -> Result<Tree, SopsError> {
    let mut root = Node::Map(BTreeMap::new());
    for (name, value) in pairs {
        let fail = |reason| SopsError::Metadata(format!("`{name}` {reason}"));
        let steps = steps(name).ok_or_else(|| fail("is no name of metadata"))?;
        let mut at = &mut root;
        for step in &steps {
            at = at
                .below(step)
                .ok_or_else(|| fail("is a list here and a map there, or has something below"))?;
        }
        match at {
            Node::Vacant => *at = Node::Leaf(value.replace("\\n", "\n")),
            _ => return Err(fail("stands twice")),
        }
    }
    root.tree().ok_or_else(|| SopsError::Metadata("a list has gaps between its indices".to_owned()))
}

/// Whether a top-level key is part of SOPS' metadata in a file of that format.
#[must_use]
pub fn is_metadata(format: FormatCode, key: &str) -> bool {
    match format {
        FormatCode::Dotenv => key.starts_with(PREFIX),
        _ => key == super::ENTRY,
    }
}

/// The metadata of one part of a document, its flattened form undone; `None` where there is none.
///
/// # Errors
/// [`SopsError::Metadata`].
pub fn entry_of(document: &Document, root: NodeId) -> Result<Option<Tree>, SopsError> {
    let Kind::Map(entries) = &document.node(root).kind else { return Ok(None) };
    let own = || entries.iter().find(|own| &*own.key.text == super::ENTRY);
    match document.format {
        FormatCode::Dotenv => flat_entry(document, root, PREFIX),
        FormatCode::Ini => own().map_or(Ok(None), |own| match &document.node(own.value).kind {
            Kind::List(_) => Err(SopsError::Metadata("the section `sops` stands twice".to_owned())),
            _ => flat_entry(document, own.value, ""),
        }),
        _ => match own() {
            Some(own) => {
                let tree = document.expanded_tree(own.value);
                tree.map(Some).map_err(|error| SopsError::Metadata(error.to_string()))
            }
            None => Ok(None),
        },
    }
}

/// The entry of lines whose keys begin with `prefix`.
fn flat_entry(document: &Document, map: NodeId, prefix: &str) -> Result<Option<Tree>, SopsError> {
    let Kind::Map(entries) = &document.node(map).kind else { return Ok(None) };
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for entry in entries {
        let Some(name) = entry.key.text.strip_prefix(prefix) else { continue };
        match &document.node(entry.value).kind {
            Kind::Scalar(scalar) => match &scalar.value {
                Value::Str(text) => pairs.push((name, text)),
                _ => return Err(SopsError::Metadata(format!("`{name}` is no text"))),
            },
            _ => return Err(SopsError::Metadata(format!("`{name}` stands twice"))),
        }
    }
    let has = |name: &str| pairs.iter().any(|(own, _)| *own == name);
    if !has("version") || !(has("mac") || has("lastmodified")) {
        return Ok(None);
    }
    unflatten(&pairs).map(Some)
}

/// No deeper than the entry.
fn walk(tree: &Tree, name: &str, pairs: &mut Vec<(String, String)>) {
    match tree {
        Tree::Map(fields) => {
            for (key, value) in fields {
                let below = if name.is_empty() { key.clone() } else { format!("{name}{MAP}{key}") };
                walk(value, &below, pairs);
            }
        }
        Tree::List(items) => {
            items.iter().enumerate().for_each(|(at, item)| walk(item, &format!("{name}{LIST}{at}"), pairs));
        }
        Tree::Leaf(Value::Null) => {}
        leaf => {
            if let Some(text) = text(leaf) {
                pairs.push((name.to_owned(), text.replace('\n', "\\n")));
            }
        }
    }
}

/// A step of a name.
enum Step<'a> {
    Key(&'a str),
    Index(u32),
}

fn steps(name: &str) -> Option<Vec<Step<'_>>> {
    let next = |text: &str| {
        let found = [text.find(MAP), text.find(LIST)];
        found.into_iter().flatten().min().unwrap_or(text.len())
    };
    let (first, mut rest) = name.split_at(next(name));
    let mut steps = vec![Step::Key(first)];
    while !rest.is_empty() {
        let is_list = rest.starts_with(LIST);
        let behind = rest.strip_prefix(LIST).or_else(|| rest.strip_prefix(MAP))?;
        let (part, more) = behind.split_at(next(behind));
        steps.push(match is_list {
            true => Step::Index(part.parse().ok().filter(|index: &u32| index.to_string() == part)?),
            false => Step::Key(part),
        });
        rest = more;
    }
    let is_named = steps.iter().all(|step| !matches!(step, Step::Key("")));
    (is_named && steps.len() <= DEPTH).then_some(steps)
}

/// A tree in the making.
enum Node {
    Vacant,
    Leaf(String),
    Map(BTreeMap<String, Self>),
    List(BTreeMap<u32, Self>),
}

impl Node {
    /// What stands below a step; made where there is nothing.
    fn below(&mut self, step: &Step<'_>) -> Option<&mut Self> {
        if matches!(self, Self::Vacant) {
            *self = match step {
                Step::Key(_) => Self::Map(BTreeMap::new()),
                Step::Index(_) => Self::List(BTreeMap::new()),
            };
        }
        match (self, step) {
            (Self::Map(map), Step::Key(key)) => Some(map.entry((*key).to_owned()).or_insert(Self::Vacant)),
            (Self::List(list), Step::Index(index)) => Some(list.entry(*index).or_insert(Self::Vacant)),
            _ => None,
        }
    }

    /// `None` where a list has gaps. No deeper than [`DEPTH`].
    fn tree(self) -> Option<Tree> {
        Some(match self {
            Self::Vacant => return None,
            Self::Leaf(text) => Tree::text(&text),
            Self::Map(map) => {
                let pair = |(key, node): (String, Self)| Some((key, node.tree()?));
                Tree::Map(map.into_iter().map(pair).collect::<Option<_>>()?)
            }
            Self::List(list) => {
                let is_whole = list.keys().copied().eq(0..u32::try_from(list.len()).ok()?);
                let items = list.into_values().map(Self::tree).collect::<Option<_>>()?;
                is_whole.then_some(Tree::List(items))?
            }
        })
    }
}

/// What the keys of metadata in a dotenv file begin with.
const PREFIX: &str = "sops_";
const MAP: &str = "__map_";
const LIST: &str = "__list_";
/// Steps that a name may have; SOPS' own have six.
const DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, Tree)]) -> Tree {
        Tree::Map(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    #[test]
    fn entries_go_round() {
        let key = map(&[("context", map(&[("k", Tree::text("v"))])), ("enc", Tree::text("a\nb\n"))]);
        let tree = map(&[
            ("key_groups", Tree::List(vec![map(&[("age", Tree::List(vec![key.clone(), key]))])])),
            ("mac", Tree::text("x")),
        ]);
        let pairs = flatten(&tree);
        assert_eq!(
            pairs.first().map(|(name, value)| (name.as_str(), value.as_str())),
            Some(("key_groups__list_0__map_age__list_0__map_context__map_k", "v"))
        );
        assert!(pairs.iter().any(|(_, value)| value == "a\\nb\\n"));
        let borrowed: Vec<(&str, &str)> =
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(unflatten(&borrowed).unwrap(), tree);
        let nothing = map(&[("pgp", Tree::Leaf(Value::EmptyList)), ("kms", Tree::Leaf(Value::Null))]);
        assert!(flatten(&nothing).is_empty());
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        for names in [
            &["a", "a"][..],
            &["a", "a__map_b"],
            &["a__map_b", "a"],
            &["a__map_b", "a__list_0"],
            &["a__list_1"],
            &["a__list_0", "a__list_2"],
            &["a__list_00"],
            &["a__list_x"],
            &["a__list_+1"],
            &["a__map_"],
            &[""],
            &["a__list_99999999999"],
            &[
                "a__map_b__map_b__map_b__map_b__map_b__map_b__map_b__map_b__map_b__map_b__map_b__map_b__map_b__map_b__map_b__map_b",
            ],
        ] {
            let pairs: Vec<(&str, &str)> = names.iter().map(|name| (*name, "x")).collect();
            assert!(unflatten(&pairs).is_err(), "{names:?}");
        }
    }
}
