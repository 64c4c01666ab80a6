//! The keys of a SOPS file: one object a key, in seven lists, and what they are to the key backends.

use std::collections::BTreeMap;

use crate::document::{Tree, Value};
use crate::keys::{KeyRef, Recipient, Stanza, text as forms};

/// One key with the data key, or a share of it, wrapped for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The list it stands in: `age`.
    pub list: String,
    /// Its fields in the file's order, those nobody knows included.
    pub fields: Vec<(String, Tree)>,
}

/// A list of keys in SOPS' metadata.
struct List {
    name: &'static str,
    /// The key type's name in this program.
    kind: &'static str,
}

/// The lists that SOPS knows, in the order in which keys are tried.
const LISTS: [List; 7] = [
    List { name: "kms", kind: "aws_kms" },
    List { name: "gcp_kms", kind: "gcp_kms" },
    List { name: "hckms", kind: "hckms" },
    List { name: "azure_kv", kind: "azure_kv" },
    List { name: "hc_vault", kind: "vault" },
    List { name: "pgp", kind: "pgp" },
    List { name: "age", kind: "age" },
];

/// Whether a name is that of a list of keys.
pub(super) fn is_list(name: &str) -> bool {
    LISTS.iter().any(|list| list.name == name)
}

/// The names of the lists, in the order in which keys are tried.
pub(super) fn lists() -> impl Iterator<Item = &'static str> {
    LISTS.iter().map(|list| list.name)
}

impl Key {
    /// A text field; empty where there is none.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        let found = self.fields.iter().find(|(own, _)| own == name).map(|(_, value)| value);
        found.and_then(text).unwrap_or_default()
    }

    /// As the key backends take it. What cannot be decoded becomes a wrap of no bytes, which opens for nobody.
    #[must_use]
    pub fn stanza(&self) -> Stanza {
        let kind = self.kind();
        let wrapped = forms::read(kind, &self.field("enc"));
        let key = KeyRef { kind: kind.to_owned(), id: self.id(), context: self.context() };
        let recipient = Recipient { key, name: String::new(), break_glass: false };
        Stanza { recipient, wrapped: wrapped.unwrap_or_default() }
    }

    /// A wrap as it stands in a file. `None` for a key type that SOPS has no list for.
    #[must_use]
    pub fn of(stanza: &Stanza, created: &str) -> Option<Self> {
        let KeyRef { kind, id, context } = &stanza.recipient.key;
        let list = LISTS.iter().find(|list| list.kind == kind)?;
        let enc = forms::write(kind, &stanza.wrapped)?;
        let mut fields: Vec<(String, Tree)> = forms::fields(kind, id)?
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Tree::text(&value)))
            .collect();
        if !context.is_empty() {
            let pairs = context.iter().map(|(name, value)| (name.clone(), Tree::text(value))).collect();
            fields.push(("context".to_owned(), Tree::Map(pairs)));
        }
        if list.name != "age" {
            fields.push(("created_at".to_owned(), Tree::text(created)));
        }
        if list.name == "kms" && !fields.iter().any(|(name, _)| name == "aws_profile") {
            fields.push(("aws_profile".to_owned(), Tree::text("")));
        }
        fields.push(("enc".to_owned(), Tree::text(&enc)));
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        Some(Self { list: list.name.to_owned(), fields })
    }

    /// The key's identifier, as SOPS compares it.
    #[must_use]
    pub fn id(&self) -> String {
        forms::id(self.kind(), |name| self.field(name)).unwrap_or_else(|| {
            let parts = ["id", "key", "name"].map(|name| self.field(name));
            parts.join("/")
        })
    }

    /// The key type's name in this program; the list's where there is none.
    fn kind(&self) -> &str {
        let list = LISTS.iter().find(|list| list.name == self.list);
        list.map_or(self.list.as_str(), |list| list.kind)
    }

    fn context(&self) -> BTreeMap<String, String> {
        let found = self.fields.iter().find(|(own, _)| own == "context");
        match found {
            Some((_, Tree::Map(pairs))) => {
                pairs.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
            }
            _ => BTreeMap::new(),
        }
    }
}

/// A leaf's text; `None` for maps and lists.
pub(super) fn text(tree: &Tree) -> Option<String> {
    match tree {
        Tree::Leaf(Value::EmptyMap | Value::EmptyList) | Tree::Map(_) | Tree::List(_) => None,
        Tree::Leaf(value) => Some(value.to_text().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_go_round() {
        for (kind, id, wrapped) in [
            ("aws_kms", "arn:aws:kms:eu-west-1:1:key/x", &b"\x01\x02"[..]),
            ("aws_kms", "arn:aws:kms:eu-west-1:1:key/x+arn:aws:iam::1:role/r", b"\xff"),
            ("aws_kms", "arn:aws:kms:eu-west-1:1:key/x|dev", b"\xff"),
            ("gcp_kms", "projects/p/locations/l/keyRings/r/cryptoKeys/k", b"\xff"),
            ("azure_kv", "https://v.vault.azure.net/keys/k/0a", b"\xff"),
            ("vault", "https://v.example:8200/v1/a/b/keys/k", b"vault:v1:x"),
            ("pgp", "0123456789ABCDEF", b"\x84\x00"),
            ("age", "age1x", b"\xff"),
        ] {
            let key = KeyRef { kind: kind.to_owned(), id: id.to_owned(), context: BTreeMap::new() };
            let recipient = Recipient { key, name: String::new(), break_glass: false };
            let stanza = Stanza { recipient, wrapped: wrapped.to_vec() };
            assert_eq!(Key::of(&stanza, "2024-01-02T00:00:00Z").unwrap().stanza(), stanza);
        }
    }
}
