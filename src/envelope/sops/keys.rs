//! The keys of a SOPS file: one object a key, in seven lists, and what they are to the key backends.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::pgp_armor;
use crate::document::{Tree, Value};
use crate::keys::{KeyRef, Recipient, Stanza};

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
    coding: Coding,
}

/// How `enc` writes the wrapped bytes.
#[derive(Clone, Copy)]
enum Coding {
    AgeArmor,
    Base64,
    Base64Url,
    PgpArmor,
    Text,
}

/// The lists that SOPS knows, in the order in which keys are tried.
const LISTS: [List; 7] = [
    List { name: "kms", kind: "aws_kms", coding: Coding::Base64 },
    List { name: "gcp_kms", kind: "gcp_kms", coding: Coding::Base64 },
    List { name: "hckms", kind: "hckms", coding: Coding::Text },
    List { name: "azure_kv", kind: "azure_kv", coding: Coding::Base64Url },
    List { name: "hc_vault", kind: "vault", coding: Coding::Text },
    List { name: "pgp", kind: "pgp", coding: Coding::PgpArmor },
    List { name: "age", kind: "age", coding: Coding::AgeArmor },
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
        let list = LISTS.iter().find(|list| list.name == self.list);
        let enc = self.field("enc");
        let wrapped = match list.map_or(Coding::Text, |list| list.coding) {
            Coding::AgeArmor => dearmor(&enc),
            Coding::Base64 => STANDARD.decode(enc.trim()).ok(),
            Coding::Base64Url => URL_SAFE_NO_PAD.decode(enc.trim().trim_end_matches('=')).ok(),
            Coding::PgpArmor => pgp_armor::read(&enc),
            Coding::Text => Some(enc.into_bytes()),
        };
        let key = KeyRef {
            kind: list.map_or(self.list.as_str(), |list| list.kind).to_owned(),
            // Fingerprints come in both cases, and with blanks.
            id: if self.list == "pgp" { self.id().replace(' ', "").to_ascii_uppercase() } else { self.id() },
            context: self.context(),
        };
        let recipient = Recipient { key, name: String::new(), break_glass: false };
        Stanza { recipient, wrapped: wrapped.unwrap_or_default() }
    }

    /// A wrap as it stands in a file. `None` for a key type that SOPS has no list for.
    #[must_use]
    pub fn of(stanza: &Stanza, created: &str) -> Option<Self> {
        let KeyRef { kind, id, context } = &stanza.recipient.key;
        let list = LISTS.iter().find(|list| list.kind == kind)?;
        let enc = match list.coding {
            Coding::AgeArmor => armor(&stanza.wrapped),
            Coding::Base64 => STANDARD.encode(&stanza.wrapped),
            Coding::Base64Url => URL_SAFE_NO_PAD.encode(&stanza.wrapped),
            Coding::PgpArmor => pgp_armor::write(&stanza.wrapped),
            Coding::Text => String::from_utf8(stanza.wrapped.clone()).ok()?,
        };
        let mut fields: Vec<(String, Tree)> = id_fields(list.name, id)?
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
        if list.name == "kms" {
            fields.push(("aws_profile".to_owned(), Tree::text("")));
        }
        fields.push(("enc".to_owned(), Tree::text(&enc)));
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        Some(Self { list: list.name.to_owned(), fields })
    }

    /// The key's identifier, as SOPS compares it.
    #[must_use]
    pub fn id(&self) -> String {
        let join = |names: &[&str]| {
            let parts: Vec<String> = names.iter().map(|name| self.field(name)).collect();
            parts.join("/")
        };
        match self.list.as_str() {
            "kms" => match self.field("role") {
                role if role.is_empty() => self.field("arn"),
                role => format!("{}+{role}", self.field("arn")),
            },
            "gcp_kms" => self.field("resource_id"),
            "hckms" => self.field("key_id"),
            "azure_kv" => format!(
                "{}/keys/{}/{}",
                self.field("vault_url").trim_end_matches('/'),
                self.field("name"),
                self.field("version")
            ),
            "hc_vault" => format!(
                "{}/v1/{}/keys/{}",
                self.field("vault_address").trim_end_matches('/'),
                self.field("engine_path").trim_matches('/'),
                self.field("key_name")
            ),
            "pgp" => self.field("fp"),
            "age" => self.field("recipient"),
            _ => join(&["id", "key", "name"]),
        }
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

/// The fields that an identifier is written in.
fn id_fields(list: &str, id: &str) -> Option<Vec<(&'static str, String)>> {
    let one = |name| Some(vec![(name, id.to_owned())]);
    match list {
        "kms" => Some(match id.split_once('+') {
            Some((arn, role)) => vec![("arn", arn.to_owned()), ("role", role.to_owned())],
            None => vec![("arn", id.to_owned())],
        }),
        "gcp_kms" => one("resource_id"),
        "hckms" => one("key_id"),
        "pgp" => one("fp"),
        "age" => one("recipient"),
        "azure_kv" => {
            let (url, rest) = id.split_once("/keys/")?;
            let (name, version) = rest.split_once('/').unwrap_or((rest, ""));
            let fields = [("vault_url", url), ("name", name), ("version", version)];
            Some(fields.map(|(name, value)| (name, value.to_owned())).into())
        }
        "hc_vault" => {
            let (address, rest) = id.split_once("/v1/")?;
            let (engine, name) = rest.rsplit_once("/keys/")?;
            let fields = [("vault_address", address), ("engine_path", engine), ("key_name", name)];
            Some(fields.map(|(name, value)| (name, value.to_owned())).into())
        }
        _ => None,
    }
}

/// A leaf's text; `None` for maps and lists.
pub(super) fn text(tree: &Tree) -> Option<String> {
    match tree {
        Tree::Leaf(Value::EmptyMap | Value::EmptyList) | Tree::Map(_) | Tree::List(_) => None,
        Tree::Leaf(value) => Some(value.to_text().to_string()),
    }
}

/// The armor of the age format: base64 in lines of 64 columns, with a last line break.
fn armor(bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    let mut text = String::with_capacity(encoded.len() + encoded.len() / 64 + 80);
    text.push_str(BEGIN);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.len().min(64));
        text.push('\n');
        text.push_str(line);
        rest = behind;
    }
    text.push('\n');
    text.push_str(END);
    text.push('\n');
    text
}

fn dearmor(text: &str) -> Option<Vec<u8>> {
    let inner = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let joined: String = inner.lines().map(str::trim).collect();
    STANDARD.decode(joined).ok()
}

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armor_goes_round() {
        for length in [1, 47, 48, 49, 200] {
            let bytes: Vec<u8> = (0..length).collect();
            let text = armor(&bytes);
            assert!(text.lines().all(|line| line.len() <= 64));
            assert_eq!(dearmor(&text), Some(bytes));
        }
        assert_eq!(dearmor("-----BEGIN AGE ENCRYPTED FILE-----"), None);
    }

    #[test]
    fn identifiers_go_round() {
        for (kind, id, wrapped) in [
            ("aws_kms", "arn:aws:kms:eu-west-1:1:key/x", &b"\x01\x02"[..]),
            ("aws_kms", "arn:aws:kms:eu-west-1:1:key/x+arn:aws:iam::1:role/r", b"\xff"),
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
