//! Public keys that a file can be wrapped for, and their normal form.

use std::fmt;

use ::age::{ssh, x25519};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::weak::{is_weak_ed25519, is_weak_x25519};
use super::{KIND, hybrid, plugin};
use crate::keys::{KeyError, Run};

/// A public key that was checked. `Display` gives its normal form.
pub(super) enum Recipient {
    Native(x25519::Recipient),
    Ssh(ssh::Recipient),
    Hybrid(Box<hybrid::Recipient>),
    /// A key that another program knows about.
    Plugin(plugin::Recipient),
}

impl Recipient {
    /// Reads `age1…`, `age1pq1…`, `age1NAME1…`, `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`; a comment after an ssh key is left
    /// out.
    pub(super) fn parse(id: &str) -> Result<Self, KeyError> {
        let id = id.trim();
        if looks_secret(id) {
            return Err(invalid(
                id,
                "that is a private key; give its public half, and treat this one as disclosed",
            ));
        }
        if id.len() > LENGTH_LIMIT {
            return Err(invalid(id, "it is too long"));
        }
        if id.chars().any(char::is_control) {
            return Err(invalid(id, "it holds control characters"));
        }
        if id.split(' ').next().is_some_and(|kind| kind.contains("ssh-") || kind.starts_with("ecdsa-")) {
            return Self::parse_ssh(id);
        }
        if hybrid::Recipient::is_meant(id) {
            let recipient = hybrid::Recipient::parse(id);
            return recipient.map(Box::new).map(Self::Hybrid).map_err(|why| explain_hybrid(id, why));
        }
        if plugin::Recipient::is_meant(id) {
            let recipient = plugin::Recipient::parse(id);
            return recipient.map(Self::Plugin).map_err(|why| explain_plugin(id, why));
        }
        let recipient: x25519::Recipient = id.parse().map_err(|_| explain_native(id))?;
        if is_weak_x25519(&recipient.to_string()) {
            return Err(weak(id));
        }
        Ok(Self::Native(recipient))
    }

    fn parse_ssh(id: &str) -> Result<Self, KeyError> {
        let mut words = id.split(' ').filter(|word| !word.is_empty());
        let (kind, encoded) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if kind != "ssh-ed25519" && kind != "ssh-rsa" {
            return Err(invalid(id, "of the ssh keys, only `ssh-ed25519` and `ssh-rsa` can be used"));
        }
        let blob = STANDARD_NO_PAD.decode(encoded.trim_end_matches('=')).ok();
        let Some(blob) = blob.filter(|blob| is_sound_blob(kind, blob)) else {
            return Err(invalid(id, "the part after the key type is not such a key"));
        };
        if kind == "ssh-ed25519" && blob.last_chunk::<32>().is_some_and(|key| is_weak_ed25519(key)) {
            return Err(weak(id));
        }
        let parsed = format!("{kind} {encoded}").parse::<ssh::Recipient>();
        parsed.map(Self::Ssh).map_err(|error| match error {
            ssh::ParseRecipientKeyError::RsaModulusTooSmall => invalid(id, "rsa keys need 2048 bits or more"),
            ssh::ParseRecipientKeyError::RsaModulusTooLarge => {
                invalid(id, "rsa keys can have 4096 bits at most")
            }
            _ => invalid(id, "the part after the key type is not such a key"),
        })
    }

    /// The key as the age library takes it.
    ///
    /// # Errors
    /// [`KeyError::Refused`] for one whose plugin may not be started.
    pub(super) fn as_age<'a>(&'a self, run: &'a Run<'a>) -> Result<Box<dyn ::age::Recipient + 'a>, KeyError> {
        Ok(match self {
            Self::Native(recipient) => Box::new(recipient.clone()),
            Self::Ssh(recipient) => Box::new(recipient.clone()),
            Self::Hybrid(recipient) => recipient.clone(),
            Self::Plugin(recipient) => match plugin::Wrapping::new(recipient, run) {
                Ok(wrapping) => Box::new(wrapping),
                Err(reason) => {
                    return Err(KeyError::Refused { kind: KIND, id: shown(&recipient.text), reason });
                }
            },
        })
    }

    /// The key as errors name it: cut where it is long.
    pub(super) fn shown(&self) -> String {
        shown(&self.to_string())
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native(recipient) => recipient.fmt(f),
            Self::Ssh(recipient) => recipient.fmt(f),
            Self::Hybrid(recipient) => recipient.fmt(f),
            Self::Plugin(recipient) => f.write_str(&recipient.text),
        }
    }
}

/// Whether a text holds, or was meant to hold, private keys.
pub(super) fn looks_secret(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    ["AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATE KEY"].iter().any(|mark| upper.contains(mark))
}

/// Checks the fields of an ssh public key (RFC 4253, section 6.6; RFC 8709, section 4) before the age library reads
/// them: it takes no number of nothing but zero bytes, and it would overlook what follows the last field.
fn is_sound_blob(kind: &str, blob: &[u8]) -> bool {
    let mut rest = blob;
    let mut field = || {
        let (length, tail) = rest.split_first_chunk::<4>()?;
        let (field, tail) = tail.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        rest = tail;
        Some(field)
    };
    if field() != Some(kind.as_bytes()) {
        return false;
    }
    let sound = match kind {
        "ssh-ed25519" => field().is_some_and(|key| key.len() == 32),
        _ => (0..2).all(|_| field().is_some_and(|number| number.iter().any(|byte| *byte != 0))),
    };
    sound && rest.is_empty()
}

/// Says why a text is no X25519 recipient.
fn explain_native(id: &str) -> KeyError {
    invalid(id, if id.starts_with("age1") { CHECKSUM } else { EXPECTED })
}

fn explain_hybrid(id: &str, why: hybrid::Malformed) -> KeyError {
    match why {
        hybrid::Malformed::Checksum => invalid(id, CHECKSUM),
        hybrid::Malformed::Length => invalid(id, "a post-quantum key has 1216 bytes; this one has not"),
        hybrid::Malformed::Key => invalid(id, "there is no such post-quantum key"),
        hybrid::Malformed::Weak => weak(id),
    }
}

/// A plugin is another program that would have to be started.
fn explain_plugin(id: &str, why: plugin::Malformed) -> KeyError {
    match why {
        plugin::Malformed::Checksum => invalid(id, CHECKSUM),
        plugin::Malformed::Name => {
            let reason = "no plugin can have this name, and none was started".to_owned();
            KeyError::Refused { kind: KIND, id: shown(id), reason }
        }
    }
}

fn weak(id: &str) -> KeyError {
    let reason = "it is a point of small order: everybody can open what is wrapped for it".to_owned();
    KeyError::Refused { kind: KIND, id: shown(id), reason }
}

fn invalid(id: &str, reason: &str) -> KeyError {
    KeyError::Invalid { kind: KIND, id: shown(id), reason: reason.to_owned() }
}

/// An identifier as errors name it: short, and never a private key that was put in its place.
fn shown(id: &str) -> String {
    if looks_secret(id) {
        return "(a private key)".to_owned();
    }
    match id.char_indices().nth(SHOWN_LIMIT) {
        Some((end, _)) => format!("{}…", id.get(..end).unwrap_or_default()),
        None => id.to_owned(),
    }
}

const EXPECTED: &str = "expected `age1…`, `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`";
const CHECKSUM: &str = "its checksum does not fit; is a character missing or mistyped?";

/// Longest identifier in bytes; a post-quantum one has 1959, an ssh-rsa key of 4096 bits 724.
const LENGTH_LIMIT: usize = 4096;

/// Longest identifier in an error, in characters.
const SHOWN_LIMIT: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    const NATIVE: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

    fn check(id: &str, expect: &str) {
        let got = match Recipient::parse(id) {
            Ok(recipient) => recipient.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expect, "{id}");
    }

    fn ssh_id(kind: &str, fields: &[&[u8]]) -> String {
        let mut blob = Vec::new();
        for field in [kind.as_bytes()].iter().chain(fields) {
            blob.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
            blob.extend(*field);
        }
        format!("{kind} {}", STANDARD_NO_PAD.encode(blob))
    }

    #[test]
    fn normal_forms() {
        check(NATIVE, NATIVE);
        check(&format!(" {NATIVE}\n"), NATIVE);
        let normal = include_str!("testdata/ed25519.pub").trim();
        check(normal, normal);
        check(&format!("{normal} alice@example.org, work"), normal);
        check(&normal.replace(' ', "   "), normal);
        let rsa = include_str!("testdata/rsa.pub").trim();
        check(rsa, rsa);
        check(rsa.trim_end_matches('='), rsa);
    }

    #[test]
    fn refusals_say_what_is_expected() {
        check("", "`` is no age key: expected `age1…`, `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`");
        check("alice", "`alice` is no age key: expected `age1…`, `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`");
        check(
            "age1t7rxyev",
            "`age1t7rxyev` is no age key: its checksum does not fit; is a character missing or mistyped?",
        );
        let checksum = "its checksum does not fit; is a character missing or mistyped?";
        check("age1yubikey1qw", &format!("`age1yubikey1qw` is no age key: {checksum}"));
        check("age1pq1qqq", &format!("`age1pq1qqq` is no age key: {checksum}"));
        check("a\u{1b}[2K", "`a\u{1b}[2K` is no age key: it holds control characters");
        check(
            "ecdsa-sha2-nistp256 AAAA",
            "`ecdsa-sha2-nistp256 AAAA` is no age key: of the ssh keys, only `ssh-ed25519` and `ssh-rsa` can be used",
        );
        check("ssh-rsa", "`ssh-rsa` is no age key: the part after the key type is not such a key");
    }

    #[test]
    fn ac_46_names_that_no_plugin_has_are_refused() {
        let name = "no plugin can have this name, and none was started";
        for id in ["age1../../x1qw", "age1..1qw", "age1-x1qw", "age1a/b1qw", "age11qw"] {
            check(id, &format!("age key `{id}` is refused: {name}"));
        }
    }

    #[test]
    fn a_private_key_in_place_of_a_public_one_is_not_repeated() {
        let secret = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
        for id in [secret, &secret.to_lowercase(), "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl"] {
            check(
                id,
                "`(a private key)` is no age key: that is a private key; give its public half, and treat this one as \
                 disclosed",
            );
        }
    }

    #[test]
    fn odd_ssh_numbers_are_refused() {
        let odd = [
            ssh_id("ssh-rsa", &[&[0], &[0, 0]]),
            ssh_id("ssh-rsa", &[&[1, 0, 1], &[]]),
            ssh_id("ssh-rsa", &[&[1, 0, 1], &[0x7f; 64]]),
            ssh_id("ssh-rsa", &[&[1, 0, 1], &[0x7f; 1024]]),
            ssh_id("ssh-ed25519", &[&[9; 31]]),
            ssh_id("ssh-ed25519", &[&[2; 32]]),
            ssh_id("ssh-ed25519", &[&[0; 32]]),
            ssh_id("ssh-ed25519", &[&[9; 32], b"more"]),
            "ssh-ed25519 //////8=".to_owned(),
        ];
        for id in odd {
            assert!(Recipient::parse(&id).is_err(), "{id}");
        }
    }

    #[test]
    fn long_identifiers_are_cut_in_errors() {
        let shown =
            Recipient::parse(&"ä".repeat(300)).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(shown.starts_with(&format!("`{}…` is no", "ä".repeat(80))), "{shown}");
    }
}
