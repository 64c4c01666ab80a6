//! The metadata entry and what the policy record authenticates (`docs/design/format-v1.md`, section 9).

use std::collections::BTreeMap;

use super::payload::be32;
use super::token::{Tail, TokenError, b64u, to_b64u};
use crate::crypto::sha256;
use crate::document::{FormatCode, Tree, Value};
use crate::keys::{Access, BACKENDS, KeyRef, Recipient, Stanza};
use crate::policy::{Cleartext, Comments, Integrity, Padding, PatternError, Policy, Selection};

/// A file's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the file is.
    pub format: FormatCode,
    /// The file's id, made once and kept.
    pub fid: [u8; 16],
    /// Number of the data key, from 1.
    pub epoch: u32,
    /// The data key's commitment.
    pub commitment: [u8; 32],
    /// Rule, modes and scope.
    pub policy: Policy,
    /// How many groups must open.
    pub threshold: u32,
    /// The groups of recipients.
    pub groups: Vec<Group>,
    pub(super) record: Tail,
    pub(super) head: Tail,
    pub(super) sections: Vec<(String, Tail)>,
}

/// Recipients of one share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The share's check value; only with a threshold above 1.
    pub check: Option<[u8; 32]>,
    /// Its recipients.
    pub stanzas: Vec<Stanza>,
}

/// Metadata that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A field that this version does not know.
    #[error("the metadata has an unknown field `{0}`: it was written by a newer version, or edited by hand")]
    UnknownField(String),
    /// A required field is not there.
    #[error("the metadata has no `{0}`")]
    Missing(&'static str),
    /// A field holds something else than it must.
    #[error("the metadata's `{field}` is invalid: {reason}")]
    Invalid {
        /// Its name.
        field: String,
        /// What is expected.
        reason: String,
    },
    /// A version that this program does not know.
    #[error("the file is of version {0}, this program reads version 1")]
    Version(String),
}

impl Header {
    /// Who can open the file.
    #[must_use]
    pub fn access(&self) -> Access {
        let group = |group: &Group| group.stanzas.iter().map(|stanza| stanza.recipient.clone()).collect();
        Access::new(self.groups.iter().map(group).collect(), self.threshold as usize)
    }

    /// All recipients, group by group.
    pub fn recipients(&self) -> impl Iterator<Item = &Recipient> {
        self.groups.iter().flat_map(|group| &group.stanzas).map(|stanza| &stanza.recipient)
    }

    /// The digest of rule, modes, scope and threshold that is bound into every link, section and seal.
    pub(super) fn core(&self) -> [u8; 32] {
        sha256(&self.tlv_core())
    }

    fn tlv_core(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut put = |code: u8, bytes: &[u8]| tlv(&mut out, code, bytes);
        put(0x01, &1_u32.to_be_bytes());
        put(0x02, self.format.name().as_bytes());
        put(0x03, &self.fid);
        put(0x04, &self.epoch.to_be_bytes());
        put(0x05, &self.commitment);
        put(0x06, self.policy.integrity.name().as_bytes());
        put(0x07, self.policy.cleartext.name().as_bytes());
        put(0x08, self.policy.comments.name().as_bytes());
        put(0x09, self.policy.padding.name().as_bytes());
        put(0x0A, self.policy.scope.as_bytes());
        let (encrypt, clear) = self.policy.selection.patterns();
        encrypt.iter().for_each(|pattern| put(0x0B, pattern.as_bytes()));
        clear.iter().for_each(|pattern| put(0x0C, pattern.as_bytes()));
        put(0x0D, &self.threshold.to_be_bytes());
        out
    }

    /// Everything the policy record authenticates, for a record with number `n`.
    pub(super) fn tlv(&self, n: u32) -> Vec<u8> {
        let mut out = self.tlv_core();
        for (index, group) in self.groups.iter().enumerate() {
            tlv(&mut out, 0x10, &be32(index));
            tlv(&mut out, 0x11, group.check.as_ref().map_or(&[], <[u8; 32]>::as_slice));
            for Stanza { recipient, wrapped } in &group.stanzas {
                tlv(&mut out, 0x12, recipient.key.kind.as_bytes());
                tlv(&mut out, 0x13, recipient.key.id.as_bytes());
                for (key, value) in &recipient.key.context {
                    let pair =
                        [&be32(key.len()), key.as_bytes(), &be32(value.len()), value.as_bytes()].concat();
                    tlv(&mut out, 0x14, &pair);
                }
                tlv(&mut out, 0x15, recipient.name.as_bytes());
                tlv(&mut out, 0x16, &[u8::from(recipient.break_glass)]);
                tlv(&mut out, 0x17, &sha256(wrapped));
            }
        }
        tlv(&mut out, 0x21, &n.to_be_bytes());
        out
    }

    /// The entry as it is written.
    pub(super) fn to_tree(&self) -> Tree {
        let text = |name: &str, value: &str| (name.to_owned(), Tree::text(value));
        let texts = |list: &[String]| Tree::List(list.iter().map(|item| Tree::text(item)).collect());
        let (encrypt, clear) = self.policy.selection.patterns();
        let mut fields = vec![
            ("version".to_owned(), Tree::int(1)),
            text("format", self.format.name()),
            text("file", &to_b64u(&self.fid)),
            ("epoch".to_owned(), Tree::int(self.epoch)),
            text("commitment", &to_b64u(&self.commitment)),
            text("integrity", self.policy.integrity.name()),
            text("cleartext", self.policy.cleartext.name()),
            text("comments", self.policy.comments.name()),
            text("padding", self.policy.padding.name()),
        ];
        if !self.policy.scope.is_empty() {
            fields.push(text("scope", &self.policy.scope));
        }
        fields.push(("encrypt".to_owned(), texts(encrypt)));
        if !clear.is_empty() {
            fields.push(("clear".to_owned(), texts(clear)));
        }
        fields.push(("threshold".to_owned(), Tree::int(self.threshold)));
        fields.push(("groups".to_owned(), Tree::List(self.groups.iter().map(group_tree).collect())));
        fields.push(text("policy", &self.record.to_text()));
        fields.push(text("head", &self.head.to_text()));
        if !self.sections.is_empty() {
            let section = |(name, tail): &(String, Tail)| {
                Tree::Map(vec![text("name", name), text("tag", &tail.to_text())])
            };
            fields.push(("sections".to_owned(), Tree::List(self.sections.iter().map(section).collect())));
        }
        Tree::Map(fields)
    }

    /// Reads an entry strictly: known fields only, all required ones, each in its one form.
    pub(super) fn from_tree(tree: &Tree) -> Result<Self, MetadataError> {
        let fields = Fields::of(tree, "sealeaf", FIELDS)?;
        match fields.get("version").and_then(number) {
            Some(1) => {}
            Some(other) => return Err(MetadataError::Version(other.to_string())),
            None => return Err(MetadataError::Missing("version")),
        }
        let invalid = |field: &str, reason: &str| MetadataError::Invalid {
            field: field.to_owned(),
            reason: reason.to_owned(),
        };
        let format = fields.text("format")?;
        let format = FormatCode::ALL
            .into_iter()
            .find(|code| code.name() == format)
            .ok_or_else(|| invalid("format", "unknown format"))?;
        let policy = Policy {
            selection: selection(&fields)?,
            integrity: Integrity::from_name(fields.text("integrity")?)
                .ok_or_else(|| invalid("integrity", "unknown mode"))?,
            cleartext: Cleartext::from_name(fields.text("cleartext")?)
                .ok_or_else(|| invalid("cleartext", "unknown mode"))?,
            comments: Comments::from_name(fields.text("comments")?)
                .ok_or_else(|| invalid("comments", "unknown mode"))?,
            padding: Padding::from_name(fields.text("padding")?)
                .ok_or_else(|| invalid("padding", "unknown mode"))?,
            scope: fields.optional_text("scope")?.unwrap_or_default().to_owned(),
        };
        let threshold = fields.number("threshold")?;
        let groups: Vec<Group> = fields
            .list("groups")?
            .iter()
            .map(|group| Group::from_tree(group, threshold))
            .collect::<Result<_, _>>()?;
        if groups.is_empty()
            || groups.len() > MAX_GROUPS
            || threshold == 0
            || threshold as usize > groups.len()
        {
            return Err(invalid(
                "threshold",
                "it must be between 1 and the number of groups, of which there are at most 16",
            ));
        }
        let epoch = fields.number("epoch")?;
        if epoch == 0 {
            return Err(invalid("epoch", "epochs count from 1"));
        }
        Ok(Self {
            format,
            fid: fields.bytes("file")?,
            epoch,
            commitment: fields.bytes("commitment")?,
            policy,
            threshold,
            groups,
            record: fields.tail("policy")?,
            head: fields.tail("head")?,
            sections: match fields.get("sections") {
                None => Vec::new(),
                Some(_) => fields.list("sections")?.iter().map(section).collect::<Result<_, _>>()?,
            },
        })
    }
}

fn selection(fields: &Fields<'_>) -> Result<Selection, MetadataError> {
    let texts = |name: &'static str| -> Result<Vec<String>, MetadataError> {
        fields.list(name)?.iter().map(|item| text_of(item, name).map(str::to_owned)).collect()
    };
    let encrypt = texts("encrypt")?;
    let clear = if fields.get("clear").is_some() { texts("clear")? } else { Vec::new() };
    Selection::parse(&encrypt, &clear).map_err(|error: PatternError| MetadataError::Invalid {
        field: "encrypt".to_owned(),
        reason: error.to_string(),
    })
}

fn section(tree: &Tree) -> Result<(String, Tail), MetadataError> {
    let fields = Fields::of(tree, "sections", &["name", "tag"])?;
    Ok((fields.text("name")?.to_owned(), fields.tail("tag")?))
}

fn group_tree(group: &Group) -> Tree {
    let mut fields = Vec::new();
    if let Some(check) = &group.check {
        fields.push(("check".to_owned(), Tree::text(&to_b64u(check))));
    }
    fields.push(("keys".to_owned(), Tree::List(group.stanzas.iter().map(stanza_tree).collect())));
    Tree::Map(fields)
}

fn stanza_tree(stanza: &Stanza) -> Tree {
    let Recipient { key, name, break_glass } = &stanza.recipient;
    let mut fields = vec![(key.kind.clone(), Tree::text(&key.id))];
    if !name.is_empty() {
        fields.push(("name".to_owned(), Tree::text(name)));
    }
    if *break_glass {
        fields.push(("break_glass".to_owned(), Tree::Leaf(Value::Bool(true))));
    }
    if !key.context.is_empty() {
        let pairs = key.context.iter().map(|(name, value)| (name.clone(), Tree::text(value))).collect();
        fields.push(("context".to_owned(), Tree::Map(pairs)));
    }
    fields.push(("wrapped".to_owned(), Tree::text(&to_b64u(&stanza.wrapped))));
    Tree::Map(fields)
}

impl Group {
    fn from_tree(tree: &Tree, threshold: u32) -> Result<Self, MetadataError> {
        let fields = Fields::of(tree, "groups", &["check", "keys"])?;
        let check = match (threshold > 1, fields.get("check")) {
            (true, _) => Some(fields.bytes("check")?),
            (false, None) => None,
            (false, Some(_)) => return Err(MetadataError::UnknownField("check".to_owned())),
        };
        let stanzas: Vec<Stanza> = fields.list("keys")?.iter().map(stanza).collect::<Result<_, _>>()?;
        if stanzas.is_empty() || stanzas.len() > MAX_RECIPIENTS {
            let reason = "a group has between 1 and 64 recipients".to_owned();
            return Err(MetadataError::Invalid { field: "keys".to_owned(), reason });
        }
        Ok(Self { check, stanzas })
    }
}

/// Reads a recipient; its key type is the one field whose name is none of the others.
fn stanza(tree: &Tree) -> Result<Stanza, MetadataError> {
    const KNOWN: &[&str] = &["name", "break_glass", "context", "wrapped"];
    let invalid =
        |reason: &str| MetadataError::Invalid { field: "keys".to_owned(), reason: reason.to_owned() };
    let Tree::Map(entries) = tree else { return Err(invalid("a recipient is a map")) };
    let mut types = entries.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str()));
    let (Some((kind, id)), None) = (types.next(), types.next()) else {
        return Err(invalid("a recipient has exactly one key type"));
    };
    let is_known = BACKENDS.iter().any(|(name, _)| name == kind);
    let others = Tree::Map(entries.iter().filter(|(name, _)| name != kind).cloned().collect());
    // Of a key type that nobody knows here only the identifier and the wrap are understood.
    let fields =
        Fields::of(&others, "keys", if is_known { KNOWN } else { &["name", "break_glass", "wrapped"] })?;
    let context = match fields.get("context") {
        None | Some(Tree::Leaf(Value::EmptyMap)) => BTreeMap::new(),
        Some(Tree::Map(pairs)) => pairs
            .iter()
            .map(|(name, value)| Ok((name.clone(), text_of(value, "context")?.to_owned())))
            .collect::<Result<_, MetadataError>>()?,
        Some(_) => return Err(invalid("a context is a map of texts")),
    };
    let break_glass = match fields.get("break_glass") {
        None => false,
        Some(Tree::Leaf(Value::Bool(true))) => true,
        Some(_) => return Err(invalid("`break_glass` is true or not there")),
    };
    let wrapped = decoded(fields.text("wrapped")?, "wrapped")?;
    if wrapped.len() > MAX_WRAP {
        return Err(invalid("a wrapped key is longer than 16 KiB"));
    }
    let key = KeyRef { kind: kind.clone(), id: text_of(id, kind)?.to_owned(), context };
    let name = fields.optional_text("name")?.unwrap_or_default().to_owned();
    Ok(Stanza { recipient: Recipient { key, name, break_glass }, wrapped })
}

/// A map whose fields are all known.
struct Fields<'a>(&'a [(String, Tree)]);

impl<'a> Fields<'a> {
    fn of(tree: &'a Tree, what: &str, known: &[&str]) -> Result<Self, MetadataError> {
        let Tree::Map(entries) = tree else {
            return Err(MetadataError::Invalid {
                field: what.to_owned(),
                reason: "expected a map".to_owned(),
            });
        };
        match entries.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(MetadataError::UnknownField(name.clone())),
            None => Ok(Self(entries)),
        }
    }

    fn get(&self, name: &str) -> Option<&'a Tree> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    fn required(&self, name: &'static str) -> Result<&'a Tree, MetadataError> {
        self.get(name).ok_or(MetadataError::Missing(name))
    }

    fn text(&self, name: &'static str) -> Result<&'a str, MetadataError> {
        text_of(self.required(name)?, name)
    }

    fn optional_text(&self, name: &'static str) -> Result<Option<&'a str>, MetadataError> {
        self.get(name).map(|value| text_of(value, name)).transpose()
    }

    fn number(&self, name: &'static str) -> Result<u32, MetadataError> {
        number(self.required(name)?).ok_or_else(|| MetadataError::Invalid {
            field: name.to_owned(),
            reason: "expected a number".to_owned(),
        })
    }

    fn list(&self, name: &'static str) -> Result<&'a [Tree], MetadataError> {
        match self.required(name)? {
            Tree::List(items) => Ok(items),
            Tree::Leaf(Value::EmptyList) => Ok(&[]),
            _ => Err(MetadataError::Invalid { field: name.to_owned(), reason: "expected a list".to_owned() }),
        }
    }

    fn bytes<const N: usize>(&self, name: &'static str) -> Result<[u8; N], MetadataError> {
        decoded(self.text(name)?, name)?.try_into().map_err(|_| MetadataError::Invalid {
            field: name.to_owned(),
            reason: format!("expected {N} bytes in base64url"),
        })
    }

    fn tail(&self, name: &'static str) -> Result<Tail, MetadataError> {
        Tail::parse(self.text(name)?).map_err(|error| invalid_token(name, error))
    }
}

fn text_of<'a>(tree: &'a Tree, name: &str) -> Result<&'a str, MetadataError> {
    match tree {
        Tree::Leaf(Value::Str(text)) => Ok(text),
        _ => Err(MetadataError::Invalid { field: name.to_owned(), reason: "expected a text".to_owned() }),
    }
}

/// A number in its one form: digits without sign or leading zero.
fn number(tree: &Tree) -> Option<u32> {
    match tree {
        Tree::Leaf(Value::Int(digits)) => {
            digits.parse().ok().filter(|number: &u32| number.to_string() == digits.as_str())
        }
        _ => None,
    }
}

fn decoded(text: &str, name: &str) -> Result<Vec<u8>, MetadataError> {
    b64u(text).map_err(|error| invalid_token(name, error))
}

fn invalid_token(name: &str, error: TokenError) -> MetadataError {
    MetadataError::Invalid { field: name.to_owned(), reason: error.to_string() }
}

fn tlv(out: &mut Vec<u8>, code: u8, bytes: &[u8]) {
    out.push(code);
    out.extend(be32(bytes.len()));
    out.extend(bytes);
}

const FIELDS: &[&str] = &[
    "version",
    "format",
    "file",
    "epoch",
    "commitment",
    "integrity",
    "cleartext",
    "comments",
    "padding",
    "scope",
    "encrypt",
    "clear",
    "threshold",
    "groups",
    "policy",
    "head",
    "sections",
];
const MAX_GROUPS: usize = 16;
const MAX_RECIPIENTS: usize = 64;
const MAX_WRAP: usize = 16 << 10;
