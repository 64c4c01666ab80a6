//! Different small trees never give the same stream and sections; what may be swapped unseen is exactly what section 1
//! of `docs/design/format-v1.md` names.

use std::collections::HashMap;

use super::super::structure::build;
use super::{ids, whole};
use crate::document::{
    Document, Entry, FormatCode, Key, Kind, Node, NodeId, Part, Scalar, Span, Style, Value,
};
use crate::policy::Cleartext;

/// A tree. All tokens read alike, all clear scalars too.
#[derive(Clone, Debug, PartialEq)]
enum T {
    Token,
    Clear,
    NoWidth,
    NoMap,
    NoList,
    Map(Vec<(&'static str, Self)>),
    List(Vec<Self>),
}

impl T {
    fn is_loud(&self) -> bool {
        match self {
            Self::Token | Self::NoWidth => true,
            Self::Clear | Self::NoMap | Self::NoList => false,
            Self::Map(entries) => entries.iter().any(|(_, tree)| tree.is_loud()),
            Self::List(items) => items.iter().any(Self::is_loud),
        }
    }

    fn has_clear(&self) -> bool {
        match self {
            Self::Token | Self::NoWidth => false,
            Self::Clear | Self::NoMap | Self::NoList => true,
            Self::Map(entries) => entries.iter().any(|(_, tree)| tree.has_clear()),
            Self::List(items) => items.iter().any(Self::has_clear),
        }
    }

    /// The tree up to the order of a secret entry and a clear one.
    fn normal(&self) -> Self {
        match self {
            Self::Map(entries) => {
                let mut entries: Vec<_> = entries.iter().map(|(key, tree)| (*key, tree.normal())).collect();
                if let [(_, one), (_, two)] = entries.as_slice()
                    && !(one.is_loud() && two.is_loud() || one.has_clear() && two.has_clear())
                {
                    entries.sort_by_key(|(key, _)| *key);
                }
                Self::Map(entries)
            }
            Self::List(items) => Self::List(items.iter().map(Self::normal).collect()),
            leaf => leaf.clone(),
        }
    }
}

/// All trees of exactly `size` nodes.
fn trees(size: usize, known: &[Vec<T>]) -> Vec<T> {
    if size == 1 {
        return vec![T::Token, T::Clear, T::NoWidth, T::NoMap, T::NoList];
    }
    let mut trees = Vec::new();
    for items in sequences(size - 1, known) {
        match items.as_slice() {
            [one] => trees.extend(["a", "b"].map(|key| T::Map(vec![(key, one.clone())]))),
            [one, two] => {
                let pair = |x, y| T::Map(vec![(x, one.clone()), (y, two.clone())]);
                trees.extend([pair("a", "b"), pair("b", "a")]);
            }
            _ => {}
        }
        trees.push(T::List(items));
    }
    trees
}

/// All sequences of trees with `size` nodes together.
fn sequences(size: usize, known: &[Vec<T>]) -> Vec<Vec<T>> {
    if size == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for first in 1..=size {
        for rest in sequences(size - first, known) {
            for tree in &known[first] {
                all.push([std::slice::from_ref(tree), &rest].concat());
            }
        }
    }
    all
}

fn up_to(size: usize) -> Vec<Vec<T>> {
    let mut known = vec![Vec::new()];
    for size in 1..=size {
        let next = trees(size, &known);
        known.push(next);
    }
    known
}

fn document(roots: &[&T]) -> Document {
    let mut document = Document {
        source: String::new().into(),
        format: FormatCode::Yaml,
        nodes: Vec::new(),
        parts: Vec::new(),
        comments: Vec::new(),
    };
    for tree in roots {
        let root = add(&mut document, tree, None);
        document.parts.push(Part { root, directives: Vec::new(), span: Span::default() });
    }
    document
}

fn add(document: &mut Document, tree: &T, parent: Option<NodeId>) -> NodeId {
    let id = NodeId(u32::try_from(document.nodes.len()).unwrap());
    let scalar = |text: &str| {
        let value = Value::Str(text.into());
        let (token, style) = (Span::default(), Style::Plain);
        Kind::Scalar(Scalar { token, body: None, style, value, flow: false, base: -1 })
    };
    let kind = match tree {
        T::Token => scalar("T"),
        T::Clear => scalar("c"),
        T::NoWidth => Kind::Empty,
        T::NoMap | T::Map(_) => Kind::Map(Vec::new()),
        T::NoList | T::List(_) => Kind::List(Vec::new()),
    };
    let (span, anchor, tag) = (Span::default(), None, None);
    document.nodes.push(Node { parent, kind, span, anchor, tag, tag_first: false, sealable: true });
    match tree {
        T::Map(entries) => {
            let entries = entries.iter().map(|(key, tree)| {
                let key = Key { text: (*key).into(), ambiguous: false, span: Span::default() };
                Entry { key, value: add(document, tree, Some(id)) }
            });
            document.nodes[id.index()].kind = Kind::Map(entries.collect());
        }
        T::List(items) => {
            let items = items.iter().map(|tree| add(document, tree, Some(id))).collect();
            document.nodes[id.index()].kind = Kind::List(items);
        }
        _ => {}
    }
    id
}

/// Everything that is authenticated: the stream with its cuts, and the sections with their payloads.
fn encoding(roots: &[&T], with_documents: bool) -> Vec<u8> {
    let document = document(roots);
    let structure = build(&document, &ids(&document, with_documents), Cleartext::Bound).unwrap();
    let part = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let mut out = part(&whole(&structure));
    out.extend(part(&structure.lead));
    for record in 0..structure.records.len() {
        out.extend(part(structure.path(record)));
    }
    for section in &structure.sections {
        out.extend([part(&section.name), part(&section.next)].concat());
        for (path, leaf) in &section.leaves {
            let value = document.value(*leaf).unwrap();
            let (code, value) = super::super::payload::value_parts(&value);
            out.extend([part(path), vec![code], part(value)].concat());
        }
    }
    out
}

#[test]
fn streams_and_sections_are_injective_over_all_small_trees() {
    let mut seen: HashMap<Vec<u8>, T> = HashMap::new();
    let mut count = 0;
    for tree in up_to(5).iter().flatten() {
        let (normal, bytes) = (tree.normal(), encoding(&[tree], false));
        let other = seen.entry(bytes).or_insert_with(|| normal.clone());
        assert_eq!(*other, normal, "two trees are authenticated alike");
        assert_eq!(encoding(&[&normal], false), encoding(&[tree], false), "{tree:?}");
        count += 1;
    }
    assert!(count > 9000, "only {count} trees");
}

#[test]
fn and_over_all_small_pairs_of_documents() {
    let mut seen: HashMap<Vec<u8>, Vec<T>> = HashMap::new();
    let known = up_to(3);
    let trees: Vec<&T> = known.iter().flatten().collect();
    let pairs = trees.iter().flat_map(|one| trees.iter().map(|two| vec![*one, *two]));
    for roots in trees.iter().map(|tree| vec![*tree]).chain(pairs) {
        let normal: Vec<T> = roots.iter().map(|tree| tree.normal()).collect();
        let other = seen.entry(encoding(&roots, true)).or_insert_with(|| normal.clone());
        assert_eq!(*other, normal, "two files are authenticated alike");
    }
}
