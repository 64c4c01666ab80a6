//! How SOPS writes keys and wraps as text: in its files, and between it and a key service.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::pgp_armor;

/// A wrap as text. `None` for a key type that has no such form, and for bytes that are no text where it is one already.
#[must_use]
pub fn write(kind: &str, wrapped: &[u8]) -> Option<String> {
    match coding(kind)? {
        Coding::AgeArmor => Some(armor(wrapped)),
        Coding::Base64 => Some(STANDARD.encode(wrapped)),
        Coding::Base64Url => Some(URL_SAFE_NO_PAD.encode(wrapped)),
        Coding::PgpArmor => Some(pgp_armor::write(wrapped)),
        Coding::Text => String::from_utf8(wrapped.to_vec()).ok(),
    }
}

/// The wrap that a text stands for; `None` where it is none. A text of an unknown key type stands for itself.
#[must_use]
pub fn read(kind: &str, text: &str) -> Option<Vec<u8>> {
    match coding(kind).unwrap_or(Coding::Text) {
        Coding::AgeArmor => dearmor(text),
        Coding::Base64 => STANDARD.decode(text.trim()).ok(),
        Coding::Base64Url => URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('=')).ok(),
        Coding::PgpArmor => pgp_armor::read(text),
        Coding::Text => Some(text.as_bytes().to_vec()),
    }
}

/// The fields that an identifier is written in, by SOPS' names for them; an encryption context is not among them.
/// `None` for a key type that SOPS does not have, and for an identifier that cannot be taken apart.
#[must_use]
pub fn fields(kind: &str, id: &str) -> Option<Vec<(&'static str, String)>> {
    let one = |name| Some(vec![(name, id.to_owned())]);
    match kind {
        "aws_kms" => {
            let (rest, profile) = id.split_once('|').map_or((id, None), |(rest, name)| (rest, Some(name)));
            let (arn, role) = rest.split_once('+').map_or((rest, None), |(arn, role)| (arn, Some(role)));
            let fields = [("arn", Some(arn)), ("role", role), ("aws_profile", profile)];
            Some(fields.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned()))).collect())
        }
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
        "vault" => {
            let (address, rest) = id.split_once("/v1/")?;
            let (engine, name) = rest.rsplit_once("/keys/")?;
            let fields = [("vault_address", address), ("engine_path", engine), ("key_name", name)];
            Some(fields.map(|(name, value)| (name, value.to_owned())).into())
        }
        _ => None,
    }
}

/// The identifier that fields make, as SOPS compares it; what is missing is an empty text. `None` for a key type that
/// SOPS does not have.
#[must_use]
pub fn id(kind: &str, field: impl Fn(&str) -> String) -> Option<String> {
    Some(match kind {
        "aws_kms" => {
            let part = |mark: &str, name: &str| match field(name) {
                value if value.is_empty() => value,
                value => format!("{mark}{value}"),
            };
            format!("{}{}{}", field("arn"), part("+", "role"), part("|", "aws_profile"))
        }
        "gcp_kms" => field("resource_id"),
        "hckms" => field("key_id"),
        "azure_kv" => {
            let url = field("vault_url");
            format!("{}/keys/{}/{}", url.trim_end_matches('/'), field("name"), field("version"))
        }
        "vault" => {
            let (address, engine) = (field("vault_address"), field("engine_path"));
            format!(
                "{}/v1/{}/keys/{}",
                address.trim_end_matches('/'),
                engine.trim_matches('/'),
                field("key_name")
            )
        }
        // Fingerprints come in both cases, and with blanks.
        "pgp" => field("fp").replace(' ', "").to_ascii_uppercase(),
        "age" => field("recipient"),
        _ => return None,
    })
}

/// How wrapped bytes become text.
#[derive(Clone, Copy)]
enum Coding {
    AgeArmor,
    Base64,
    Base64Url,
    PgpArmor,
    Text,
}

fn coding(kind: &str) -> Option<Coding> {
    match kind {
        "age" => Some(Coding::AgeArmor),
        "aws_kms" | "gcp_kms" => Some(Coding::Base64),
        "azure_kv" => Some(Coding::Base64Url),
        "pgp" => Some(Coding::PgpArmor),
        "hckms" | "vault" => Some(Coding::Text),
        _ => None,
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
    fn wraps_and_identifiers_go_round() {
        for (kind, identifier, wrapped) in [
            ("aws_kms", "arn:aws:kms:eu-west-1:1:key/x", &b"\x01\x02"[..]),
            ("aws_kms", "arn:aws:kms:eu-west-1:1:key/x+arn:aws:iam::1:role/r", b"\xff"),
            ("aws_kms", "arn:aws:kms:eu-west-1:1:key/x+arn:aws:iam::1:role/r|dev", b"\xff"),
            ("aws_kms", "arn:aws:kms:eu-west-1:1:key/x|dev", b"\xff"),
            ("gcp_kms", "projects/p/locations/l/keyRings/r/cryptoKeys/k", b"\xff"),
            ("hckms", "eu-west-101:k", b"text"),
            ("azure_kv", "https://v.vault.azure.net/keys/k/0a", b"\xff"),
            ("vault", "https://v.example:8200/v1/a/b/keys/k", b"vault:v1:x"),
            ("pgp", "0123456789ABCDEF", b"-----BEGIN PGP MESSAGE-----"),
            ("age", "age1x", b"\xff"),
        ] {
            let parts = fields(kind, identifier).unwrap();
            let field = |name: &str| {
                let found = parts.iter().find(|(own, _)| *own == name);
                found.map_or_else(String::new, |(_, value)| value.clone())
            };
            assert_eq!(id(kind, field).as_deref(), Some(identifier));
            assert_eq!(read(kind, &write(kind, wrapped).unwrap()).as_deref(), Some(wrapped));
        }
        assert_eq!((fields("x", "y"), id("x", |_| String::new()), write("x", b"y")), (None, None, None));
    }
}
