//! Between keys as this program has them and the protocol's messages.

use super::proto;
use super::proto::key::KeyType;
use crate::keys::{KeyRef, text};

/// Largest message in bytes, in either direction: a wrap of the largest size as text, and a key.
pub(super) const MESSAGE_LIMIT: usize = 64 << 10;

/// What is called.
pub(super) const ENCRYPT: &str = "/KeyService/Encrypt";
/// What is called.
pub(super) const DECRYPT: &str = "/KeyService/Decrypt";

/// A key as the protocol has it; `None` for a type that it does not have.
pub(super) fn key_of(key: &KeyRef) -> Option<proto::Key> {
    let fields = text::fields(&key.kind, &key.id)?;
    let field = |name: &str| {
        let found = fields.iter().find(|(own, _)| *own == name);
        found.map_or_else(String::new, |(_, value)| value.clone())
    };
    let key_type = match key.kind.as_str() {
        "aws_kms" => KeyType::KmsKey(proto::KmsKey {
            arn: field("arn"),
            role: field("role"),
            context: key.context.clone(),
            aws_profile: field("aws_profile"),
        }),
        "gcp_kms" => KeyType::GcpKmsKey(proto::GcpKmsKey { resource_id: field("resource_id") }),
        "hckms" => KeyType::HckmsKey(proto::HckmsKey { key_id: field("key_id") }),
        "azure_kv" => KeyType::AzureKeyvaultKey(proto::AzureKeyVaultKey {
            vault_url: field("vault_url"),
            name: field("name"),
            version: field("version"),
        }),
        "vault" => KeyType::VaultKey(proto::VaultKey {
            vault_address: field("vault_address"),
            engine_path: field("engine_path"),
            key_name: field("key_name"),
        }),
        "pgp" => KeyType::PgpKey(proto::PgpKey { fingerprint: field("fp") }),
        "age" => KeyType::AgeKey(proto::AgeKey { recipient: field("recipient") }),
        _ => return None,
    };
    Some(proto::Key { key_type: Some(key_type) })
}

/// A key as this program has it; `None` where there is none in the message.
pub(super) fn key_ref(key: Option<proto::Key>) -> Option<KeyRef> {
    let mut context = std::collections::BTreeMap::new();
    let (kind, fields): (&str, Vec<(&str, String)>) = match key?.key_type? {
        KeyType::KmsKey(key) => {
            context = key.context;
            ("aws_kms", vec![("arn", key.arn), ("role", key.role), ("aws_profile", key.aws_profile)])
        }
        KeyType::GcpKmsKey(key) => ("gcp_kms", vec![("resource_id", key.resource_id)]),
        KeyType::HckmsKey(key) => ("hckms", vec![("key_id", key.key_id)]),
        KeyType::AzureKeyvaultKey(key) => {
            ("azure_kv", vec![("vault_url", key.vault_url), ("name", key.name), ("version", key.version)])
        }
        KeyType::VaultKey(key) => {
            let address = ("vault_address", key.vault_address);
            ("vault", vec![address, ("engine_path", key.engine_path), ("key_name", key.key_name)])
        }
        KeyType::PgpKey(key) => ("pgp", vec![("fp", key.fingerprint)]),
        KeyType::AgeKey(key) => ("age", vec![("recipient", key.recipient)]),
    };
    let field = |name: &str| {
        let found = fields.iter().find(|(own, _)| *own == name);
        found.map_or_else(String::new, |(_, value)| value.clone())
    };
    Some(KeyRef { kind: kind.to_owned(), id: text::id(kind, field)?, context })
}

/// What another program says, as one line of bounded length.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_control() || c == ' ').filter(|it| !it.is_empty()).collect();
    let mut line = words.join(" ");
    if let Some((end, _)) = line.char_indices().nth(LINE) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// Characters of a message that are shown.
const LINE: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_round() {
        for (kind, id) in [
            ("aws_kms", "arn:aws:kms:eu-west-1:1:key/x+arn:aws:iam::1:role/r"),
            ("gcp_kms", "projects/p/locations/l/keyRings/r/cryptoKeys/k"),
            ("hckms", "eu-west-101:k"),
            ("azure_kv", "https://v.vault.azure.net/keys/k/0a"),
            ("vault", "https://v.example:8200/v1/a/b/keys/k"),
            ("pgp", "0123456789ABCDEF"),
            ("age", "age1x"),
        ] {
            let context =
                if kind == "aws_kms" { [("a".to_owned(), "b".to_owned())].into() } else { [].into() };
            let key = KeyRef { kind: kind.to_owned(), id: id.to_owned(), context };
            assert_eq!(key_ref(key_of(&key)), Some(key));
        }
        assert_eq!(key_ref(None), None);
        assert_eq!(key_ref(Some(proto::Key { key_type: None })), None);
    }

    #[test]
    fn messages_of_others_are_one_short_line() {
        assert_eq!(one_line("a\n\n\tb\x1b[31m  c"), "a b [31m c");
        assert_eq!(one_line(&"é".repeat(1000)).chars().count(), LINE + 1);
    }
}
