//! What the format promises to keep of a file, in a form that can be compared.

use std::collections::BTreeSet;

use sealeaf::document::{Document, Kind, NodeId, Value};
use sealeaf::envelope::native::{RecordKey, RecordView, is_public_comment};
use sealeaf::file::OpenFile;
use sealeaf::policy::{Cleartext, Comments};

/// Everything that is authenticated in an opened file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// Sealed values, aliases, anchors, tags, values of no width, directives and encrypted comments, in order, with
    /// their places; and how long the lists are that hold some.
    pub(super) loud: Vec<String>,
    /// Clear values in order, with their places; none where anyone may edit them.
    pub(super) clear: Vec<String>,
    /// Rule, recipients with their wraps, file and epoch.
    pub(super) rule: String,
    /// Each sealed value's place by keys alone, with the value.
    pub(super) pairs: BTreeSet<String>,
    /// Each record's key with a digest of its ciphertext.
    pub(super) tokens: BTreeSet<(RecordKey, [u8; 32])>,
}

impl Content {
    pub(super) fn of(open: &OpenFile) -> Self {
        let header = open.header();
        let records = open.sealed_file().sealed().records();
        let token = |(key, record): (RecordKey, RecordView)| Some((key, record.value?));
        let mut content = Self {
            loud: Vec::new(),
            clear: Vec::new(),
            rule: format!("{:?} {:?} {:?} {}", header.policy, header.groups, header.fid, header.epoch),
            pairs: BTreeSet::new(),
            tokens: records.into_iter().filter_map(token).collect(),
        };
        let document = open.plain();
        for (index, part) in document.parts.iter().enumerate() {
            content.loud.push(format!("document {index}"));
            content.loud.extend(part.directives.iter().map(|(_, line)| line.to_string()));
            content.walk(open, part.root, &Place::default());
        }
        if header.policy.comments == Comments::Encrypt {
            content.comments(document);
        }
        if header.policy.cleartext == Cleartext::Free {
            content.clear.clear();
        }
        content
    }

    /// Whether something authentic stands at or below the node.
    fn walk(&mut self, open: &OpenFile, id: NodeId, place: &Place) -> bool {
        let document = open.plain();
        let node = document.node(id);
        let mut marks: Vec<String> = Vec::new();
        marks.extend(node.anchor.as_ref().map(|name| format!("&{name}")));
        marks.extend(node.tag.as_ref().map(|tag| format!("!{tag}")));
        if node.tag_first {
            marks.reverse();
        }
        let mut loud = !marks.is_empty();
        self.loud.extend(marks.iter().map(|mark| format!("{} {mark}", place.full)));
        if open.sealed_file().sealed().is_token(id) {
            let value = document.value(id).map(|value| shown(&value)).unwrap_or_default();
            // How it is written stands in its token; where the text around it does not allow that any more (a comment
            // that was indented and would become part of a block text), it comes back in quotes.
            self.loud.push(format!("{} = {value}", place.full));
            self.pairs.insert(format!("{} = {value}", place.keys));
            return true;
        }
        match &node.kind {
            Kind::Map(entries) if !entries.is_empty() => {
                for entry in entries {
                    let mark = if entry.key.ambiguous { "~" } else { "" };
                    loud |= self.walk(open, entry.value, &place.key(&format!("{mark}{:?}", entry.key.text)));
                }
            }
            Kind::List(items) if !items.is_empty() => {
                let mut any = false;
                for (index, item) in items.iter().enumerate() {
                    any |= self.walk(open, *item, &place.element(index));
                }
                if any {
                    self.loud.push(format!("{} has {}", place.full, items.len()));
                }
                loud |= any;
            }
            Kind::Alias(name) => {
                self.loud.push(format!("{} *{name}", place.full));
                loud = true;
            }
            Kind::Empty => {
                self.loud.push(format!("{} has no width", place.full));
                loud = true;
            }
            _ => {
                let value = document.value(id).map(|value| shown(&value)).unwrap_or_default();
                self.clear.push(format!("{} = {value}", place.full));
            }
        }
        loud
    }

    fn comments(&mut self, document: &Document) {
        let steps = document.steps();
        // Those that programs look for stay in clear, and are anyone's.
        let secret = document.comments.iter().filter(|comment| !is_public_comment(document, comment));
        let mut comments: Vec<(String, &str)> = secret
            .map(|comment| {
                let place = comment.container.map(|id| document.path_by(&steps, id));
                (format!("comment of {:?} in {place:?}", comment.part), comment.span.of(&document.source))
            })
            .collect();
        // Their order counts within what holds them (format-v1, section 6): TOML's tables can change places in the text,
        // comments and all, and still be first mentioned in the same order; a comment can stand before or behind what is
        // below the entry that it follows.
        comments.sort_by(|(one, _), (two, _)| one.cmp(two));
        self.loud.extend(comments.into_iter().map(|(place, text)| format!("{place}: {text}")));
    }
}

/// A place by keys and indices, and by keys alone.
#[derive(Default)]
struct Place {
    full: String,
    keys: String,
}

impl Place {
    fn key(&self, key: &str) -> Self {
        Self { full: format!("{}.{key}", self.full), keys: format!("{}.{key}", self.keys) }
    }

    fn element(&self, index: usize) -> Self {
        Self { full: format!("{}[{index}]", self.full), keys: format!("{}[]", self.keys) }
    }
}

fn shown(value: &Value) -> String {
    let kind = match value {
        Value::Str(_) => "text",
        Value::Int(_) => "integer",
        Value::Float(_) => "float",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
        Value::Time(_) => "time",
        Value::EmptyMap | Value::EmptyList => "empty",
        Value::Bytes(_) => "bytes",
        Value::Ambiguous(_) => "ambiguous",
    };
    format!("{kind} {}", &*value.to_text())
}
