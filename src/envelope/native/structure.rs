//! The event stream, the records cut from it and the cleartext sections (`docs/design/format-v1.md`, sections 5 to 7).
//!
//! Built from a document and the ids of its secrets alone; writer and reader build it with the same code, the writer
//! from ids that it chose, the reader from ids that it found.

use std::collections::{HashMap, HashSet};

use super::payload::be32;
use super::token::Id;
use crate::document::{Comment, Document, Entry, FormatCode, Key, Kind, NodeId};
use crate::policy::Cleartext;

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A leaf.
    Leaf(NodeId),
    /// A comment, by its index.
    Comment(usize),
}

/// What holds a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Container {
    /// A map or list.
    Node(NodeId),
    /// A document.
    Part(usize),
}

impl Container {
    /// The container of a comment. A TOML file begins in its root as if a header of it stood above.
    pub(super) fn of(document: &Document, comment: &Comment) -> Self {
        match (comment.container, document.parts.first()) {
            (Some(id), _) => Self::Node(id),
            (None, Some(part)) if document.format == FormatCode::Toml => Self::Node(part.root),
            _ => Self::Part(comment.part.min(document.parts.len().saturating_sub(1))),
        }
    }
}

/// The ids of every secret: what tokens carry.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// By node.
    pub(super) leaves: Vec<Option<Vec<Id>>>,
    /// By comment.
    pub(super) comments: Vec<Option<Vec<Id>>>,
}

/// A token or encrypted comment in stream order.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) place: Place,
    /// Where its encoded path ends among all of them.
    path_end: usize,
    /// Where the stream is cut behind its event.
    cut: usize,
}

/// The cleartext leaves below one top-level key.
#[derive(Debug)]
pub(super) struct Section {
    /// The key's path component; empty where the root is no map.
    pub(super) name: Vec<u8>,
    /// The key's text, as it stands in the metadata.
    pub(super) text: String,
    /// Which document.
    pub(super) part: usize,
    /// Encoded path and leaf.
    pub(super) leaves: Vec<(Vec<u8>, NodeId)>,
    /// What follows in the chain.
    pub(super) next: Vec<u8>,
}

/// Everything that links and sections authenticate.
#[derive(Debug)]
pub(super) struct Structure {
    stream: Vec<u8>,
    /// The encoded paths of all records, one behind the other.
    paths: Vec<u8>,
    pub(super) records: Vec<Record>,
    pub(super) sections: Vec<Section>,
    /// What `head` says of the first section.
    pub(super) lead: Vec<u8>,
}

impl Structure {
    /// A record's encoded path: associated data of the ciphertext.
    pub(super) fn path(&self, record: usize) -> &[u8] {
        let end = |index: usize| self.records.get(index).map_or(0, |record| record.path_end);
        let start = record.checked_sub(1).map_or(0, end);
        self.paths.get(start..end(record)).unwrap_or_default()
    }

    /// The events between a record and the next; before the first one for `None`.
    pub(super) fn segment(&self, record: Option<usize>) -> &[u8] {
        let start = record.and_then(|index| self.records.get(index)).map_or(0, |record| record.cut);
        let next = record.map_or(0, |index| index + 1);
        let end = self.records.get(next).map_or(self.stream.len(), |record| record.cut);
        self.stream.get(start..end).unwrap_or_default()
    }
}

/// Ids that contradict each other: tokens were moved, copied or dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IdError {
    /// The token's place.
    pub(super) place: Place,
    /// What is wrong.
    pub(super) reason: &'static str,
}

/// Builds the structure of `document`.
///
/// # Errors
/// [`IdError`] where a token has too few or too many ids, where two tokens of one list element or document disagree,
/// or where two elements, documents or comments share an id.
pub(super) fn build(document: &Document, ids: &Ids, cleartext: Cleartext) -> Result<Structure, IdError> {
    let mut comments: HashMap<NodeId, Vec<usize>> = HashMap::new();
    let mut outside: Vec<Vec<usize>> = vec![Vec::new(); document.parts.len().max(1)];
    for (index, comment) in document.comments.iter().enumerate() {
        if ids.comments.get(index).is_some_and(Option::is_some) {
            match Container::of(document, comment) {
                Container::Node(id) => comments.entry(id).or_default().push(index),
                Container::Part(part) => outside[part].push(index),
            }
        }
    }
    let mut walk = Walk {
        document,
        ids,
        loud: loud(document, ids, &comments),
        comments,
        stream: Vec::new(),
        paths: Vec::new(),
        records: Vec::new(),
        clear: Vec::new(),
        slots: Vec::new(),
        did: None,
        part: 0,
        top: None,
    };
    walk.all(&outside)?;
    let sections = match cleartext {
        Cleartext::Bound => sections(walk.clear),
        Cleartext::Free => Vec::new(),
    };
    let (sections, lead) = chain(sections);
    Ok(Structure { stream: walk.stream, paths: walk.paths, records: walk.records, sections, lead })
}

/// Which nodes are or contain a secret or something that is always structure.
fn loud(document: &Document, ids: &Ids, comments: &HashMap<NodeId, Vec<usize>>) -> Vec<bool> {
    let mut loud = vec![false; document.nodes.len()];
    // Children come behind their parent, so one pass from the end sees every child first.
    for id in document.ids().rev() {
        let node = document.node(id);
        let own = matches!(node.kind, Kind::Alias(_) | Kind::Empty)
            || node.anchor.is_some()
            || node.tag.is_some()
            || ids.leaves[id.index()].is_some()
            || comments.contains_key(&id);
        loud[id.index()] |= own;
        if let (true, Some(parent)) = (loud[id.index()], node.parent) {
            loud[parent.index()] = true;
        }
    }
    loud
}

struct Walk<'a> {
    document: &'a Document,
    ids: &'a Ids,
    loud: Vec<bool>,
    comments: HashMap<NodeId, Vec<usize>>,
    stream: Vec<u8>,
    paths: Vec<u8>,
    records: Vec<Record>,
    clear: Vec<Clear<'a>>,
    /// For each list element that the walk stands in its id, once a record has shown it.
    slots: Vec<Option<Id>>,
    /// Whether the document has an id, and which, once a record has shown it.
    did: Option<Option<Id>>,
    /// The document and its top-level key that the walk stands in.
    part: usize,
    top: Option<&'a Key>,
}

/// A cleartext leaf.
struct Clear<'a> {
    part: usize,
    top: Option<&'a Key>,
    path: Vec<u8>,
    leaf: NodeId,
}

/// The encoded path so far, and where in it list elements' ids go.
#[derive(Clone, Default)]
struct Path {
    bytes: Vec<u8>,
    holes: Vec<usize>,
    /// The same for cleartext: indices in place of ids.
    clear: Vec<u8>,
}

impl<'a> Walk<'a> {
    fn all(&mut self, outside: &[Vec<usize>]) -> Result<(), IdError> {
        let mut dids = HashSet::new();
        let mut without = false;
        let mut path = Path::default();
        for (part, outside) in outside.iter().enumerate() {
            if part > 0 {
                self.stream.push(0x09);
            }
            let first = self.records.len();
            (self.part, self.did, self.top) = (part, None, None);
            self.one(part, outside, &mut path)?;
            let fresh = match self.did {
                None => continue,
                Some(None) => !std::mem::replace(&mut without, true),
                Some(Some(did)) => dids.insert(did),
            };
            if let (false, Some(record)) = (fresh, self.records.get(first)) {
                return Err(IdError { place: record.place, reason: "two documents share an id" });
            }
        }
        self.stream.push(0x0A);
        Ok(())
    }

    /// One document: its directives and outer comments by position, and its root.
    fn one(&mut self, part: usize, outside: &[usize], path: &mut Path) -> Result<(), IdError> {
        let mut seen = HashSet::new();
        let Some(this) = self.document.parts.get(part) else {
            return outside.iter().try_for_each(|index| self.comment(*index, path, &mut seen));
        };
        let (root, start) = (this.root, self.document.node(this.root).span.start);
        let mut outside = outside.iter().copied().peekable();
        for (span, text) in &this.directives {
            while let Some(index) = outside.next_if(|index| self.at(*index) < span.start) {
                self.comment(index, path, &mut seen)?;
            }
            self.text(0x10, text);
        }
        while let Some(index) = outside.next_if(|index| self.at(*index) < start) {
            self.comment(index, path, &mut seen)?;
        }
        self.node(root, true, path)?;
        outside.try_for_each(|index| self.comment(index, path, &mut seen))
    }

    fn at(&self, comment: usize) -> usize {
        self.document.comments[comment].span.start
    }

    fn text(&mut self, code: u8, text: &str) {
        self.stream.push(code);
        self.stream.extend(be32(text.len()));
        self.stream.extend(text.as_bytes());
    }

    /// Events of a node. Recursion is as deep as the document, which the parser's limit bounds.
    fn node(&mut self, id: NodeId, root: bool, path: &mut Path) -> Result<(), IdError> {
        let document = self.document;
        let node = document.node(id);
        let mut properties = [(0x0E, node.anchor.as_deref()), (0x0F, node.tag.as_deref())];
        if node.tag_first {
            properties.reverse();
        }
        for (code, text) in properties {
            if let Some(text) = text {
                self.text(code, text);
            }
        }
        match &node.kind {
            Kind::Alias(name) => self.text(0x08, name),
            Kind::Empty => self.stream.push(0x0B),
            _ if self.ids.leaves[id.index()].is_some() => self.record(Place::Leaf(id), path)?,
            Kind::Scalar(_) => self.clear_leaf(id, path),
            Kind::Map(entries) => {
                let written = self.begin(id, 0x03, root, entries.is_empty(), path);
                self.map(entries, id, root, path)?;
                if written {
                    self.stream.push(0x04);
                }
            }
            Kind::List(items) => {
                let written = self.begin(id, 0x05, root, items.is_empty(), path);
                self.list(items, id, path)?;
                if written {
                    self.stream.push(0x06);
                }
            }
        }
        Ok(())
    }

    /// Opens a container if it is written at all; an empty one is a clear leaf besides, unless it is a root.
    fn begin(&mut self, id: NodeId, code: u8, root: bool, empty: bool, path: &Path) -> bool {
        if empty && !root {
            self.clear_leaf(id, path);
        }
        let written = root || self.loud[id.index()];
        if written {
            self.stream.push(code);
        }
        written
    }

    fn clear_leaf(&mut self, leaf: NodeId, path: &Path) {
        self.clear.push(Clear { part: self.part, top: self.top, path: path.clear.clone(), leaf });
    }

    fn map(&mut self, entries: &'a [Entry], id: NodeId, root: bool, path: &mut Path) -> Result<(), IdError> {
        let comments = self.comments.remove(&id).unwrap_or_default();
        let mut comments = comments.into_iter().peekable();
        let mut seen = HashSet::new();
        for entry in entries {
            while let Some(index) = comments.next_if(|index| self.at(*index) < entry.key.span.start) {
                self.comment(index, path, &mut seen)?;
            }
            if root {
                self.top = Some(&entry.key);
            }
            let (bytes, clear) = (path.bytes.len(), path.clear.len());
            push_key(&mut path.bytes, &entry.key);
            push_key(&mut path.clear, &entry.key);
            if self.loud[entry.value.index()] {
                push_key(&mut self.stream, &entry.key);
            }
            self.node(entry.value, false, path)?;
            path.bytes.truncate(bytes);
            path.clear.truncate(clear);
        }
        comments.try_for_each(|index| self.comment(index, path, &mut seen))
    }

    fn list(&mut self, items: &'a [NodeId], id: NodeId, path: &mut Path) -> Result<(), IdError> {
        let document = self.document;
        let comments = self.comments.remove(&id).unwrap_or_default();
        let mut comments = comments.into_iter().peekable();
        let (mut seen, mut elements) = (HashSet::new(), HashSet::new());
        for (index, item) in items.iter().enumerate() {
            while let Some(comment) =
                comments.next_if(|index| self.at(*index) < document.node(*item).span.start)
            {
                self.comment(comment, path, &mut seen)?;
            }
            if self.loud[id.index()] {
                self.stream.push(0x02);
            }
            let (bytes, clear, first) = (path.bytes.len(), path.clear.len(), self.records.len());
            path.bytes.push(0x02);
            path.holes.push(path.bytes.len());
            path.bytes.extend([0; 8]);
            path.clear.push(0x04);
            path.clear.extend(be32(index));
            self.slots.push(None);
            self.node(*item, false, path)?;
            let eid = self.slots.pop().flatten();
            path.bytes.truncate(bytes);
            path.holes.pop();
            path.clear.truncate(clear);
            if let (Some(id), Some(record)) = (eid, self.records.get(first))
                && !elements.insert(id)
            {
                return Err(IdError { place: record.place, reason: "two list elements share an id" });
            }
        }
        comments.try_for_each(|index| self.comment(index, path, &mut seen))
    }

    fn comment(&mut self, index: usize, path: &Path, seen: &mut HashSet<Id>) -> Result<(), IdError> {
        self.record(Place::Comment(index), path)?;
        let cid = self.ids.comments[index].as_deref().and_then(<[Id]>::last).copied();
        match cid {
            Some(cid) if seen.insert(cid) => Ok(()),
            _ => Err(IdError { place: Place::Comment(index), reason: "two comments share an id" }),
        }
    }

    /// Writes a secret's event, checks its ids against its neighbours', and cuts the stream.
    fn record(&mut self, place: Place, path: &Path) -> Result<(), IdError> {
        let (ids, comment) = match place {
            Place::Leaf(id) => (self.ids.leaves[id.index()].as_deref(), 0),
            Place::Comment(index) => (self.ids.comments[index].as_deref(), 1),
        };
        let ids = ids.unwrap_or_default();
        let fail = |reason| Err(IdError { place, reason });
        let (did, inner) = match ids.len().checked_sub(self.slots.len() + comment) {
            Some(0) => (None, ids),
            Some(1) => (ids.first().copied(), &ids[1..]),
            _ => return fail("it has a wrong number of ids"),
        };
        if *self.did.get_or_insert(did) != did {
            return fail("it was sealed in another document");
        }
        if let Some(did) = did {
            self.paths.push(0x03);
            self.paths.extend(did);
        }
        let shift = self.paths.len();
        self.paths.extend(&path.bytes);
        for ((slot, hole), id) in self.slots.iter_mut().zip(&path.holes).zip(inner) {
            if *slot.get_or_insert(*id) != *id {
                return fail("it was sealed in another list element");
            }
            self.paths[shift + hole..shift + hole + 8].copy_from_slice(id);
        }
        if let (1, Some(cid)) = (comment, inner.last()) {
            self.paths.push(0x05);
            self.paths.extend(cid);
        }
        self.stream.push(if comment == 1 { 0x0D } else { 0x07 });
        self.stream.push(u8::try_from(ids.len()).unwrap_or(u8::MAX));
        ids.iter().for_each(|id| self.stream.extend(id));
        self.records.push(Record { place, path_end: self.paths.len(), cut: self.stream.len() });
        Ok(())
    }
}

/// A map key's path component, which is its event too.
fn push_key(out: &mut Vec<u8>, key: &Key) {
    out.push(0x01);
    out.push(u8::from(key.ambiguous));
    out.extend(be32(key.text.len()));
    out.extend(key.text.as_bytes());
}

/// Groups clear leaves by document and top-level key; the walk meets the leaves of one key together.
fn sections(clear: Vec<Clear<'_>>) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut last_top = None;
    for leaf in clear {
        let top = leaf.top.map(std::ptr::from_ref);
        match sections.last_mut() {
            Some(last) if last.part == leaf.part && last_top == top => {
                last.leaves.push((leaf.path, leaf.leaf));
            }
            _ => {
                let mut name = Vec::new();
                if let Some(key) = leaf.top {
                    push_key(&mut name, key);
                }
                let text = leaf.top.map(|key| key.text.to_string()).unwrap_or_default();
                let leaves = vec![(leaf.path, leaf.leaf)];
                sections.push(Section { name, text, part: leaf.part, leaves, next: Vec::new() });
                last_top = top;
            }
        }
    }
    sections
}

/// Chains the sections: each names its successor, so that none vanishes unseen.
fn chain(mut sections: Vec<Section>) -> (Vec<Section>, Vec<u8>) {
    let mut next = vec![0x0A];
    for index in (0..sections.len()).rev() {
        let before = if index == 0 { 0 } else { sections[index - 1].part };
        let section = &mut sections[index];
        section.next = next;
        next = vec![0x09; section.part - before];
        next.extend(&section.name);
    }
    (sections, next)
}
