//! Identifiers of PGP keys: fingerprints, and what SOPS takes besides them.

use std::fmt;

use super::KIND;
use crate::keys::KeyError;

/// A key's identifier in upper case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id {
    /// Hexadecimal digits: 40 or 64 of a fingerprint, 16 of a long key id.
    pub(super) digits: String,
    /// Whether exactly that key or sub-key is meant, written with `!`.
    pub(super) is_exact: bool,
}

impl Id {
    /// Reads a fingerprint.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] that says what to give instead.
    pub(super) fn fingerprint(text: &str) -> Result<Self, KeyError> {
        let id = Self::of_sops(text)?;
        if id.is_long() {
            let reason = format!(
                "16 digits are not enough, since somebody may make another key with the same ones; \
                 give the fingerprint, which `gpg --fingerprint {}` shows",
                id.digits
            );
            return Err(invalid(text, reason));
        }
        Ok(id)
    }

    /// The same, and the long key ids that SOPS files may have.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] that says what to give instead.
    pub(super) fn of_sops(text: &str) -> Result<Self, KeyError> {
        let trimmed = text.trim_matches(' ');
        let (digits, is_exact) = match trimmed.strip_suffix('!') {
            Some(digits) => (digits, true),
            None => (trimmed, false),
        };
        let digits: String = digits.chars().filter(|c| *c != ' ').take(LONGEST + 1).collect();
        if matches!(digits.len(), LONG | 40 | LONGEST) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            return Ok(Self { digits: digits.to_ascii_uppercase(), is_exact });
        }
        Err(invalid(text, expected(&digits)))
    }

    /// Whether it is a long key id, of which there may be several keys.
    pub(super) fn is_long(&self) -> bool {
        self.digits.len() == LONG
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.digits, if self.is_exact { "!" } else { "" })
    }
}

fn expected(digits: &str) -> String {
    let is_short = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let why = if is_short {
        "8 digits are what anybody can make another key for"
    } else if digits.contains('@') {
        "a mail address is whatever key claims it"
    } else {
        return "expected a fingerprint of 40 hexadecimal digits, or 64 of newer keys".to_owned();
    };
    format!("{why}; give the fingerprint, which `gpg --fingerprint` shows")
}

/// The error, without what is too long to be an identifier or is private.
fn invalid(text: &str, reason: String) -> KeyError {
    let shown = match text {
        text if text.contains("PRIVATE") => "…".to_owned(),
        text => text.chars().take(SHOWN).flat_map(visible).collect(),
    };
    KeyError::Invalid { kind: KIND, id: shown, reason }
}

/// A character as an error may show it.
pub(super) fn visible(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_default());
    let plain = escaped.is_none().then_some(c);
    plain.into_iter().chain(escaped.into_iter().flatten())
}

const LONG: usize = 16;
const LONGEST: usize = 64;

/// Most characters of a wrong identifier that an error repeats.
const SHOWN: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        let got = Id::fingerprint(text).map(|id| id.to_string()).map_err(|error| error.to_string());
        match expect {
            Ok(id) => assert_eq!(got.as_deref(), Ok(id), "{text}"),
            Err(part) => assert!(got.as_ref().is_err_and(|error| error.contains(part)), "{text}: {got:?}"),
        }
    }

    #[test]
    fn fingerprints_have_one_form() {
        let whole = "0123456789ABCDEF0123456789ABCDEF01234567";
        check(whole, Ok(whole));
        check("0123 4567 89ab cdef 0123  4567 89ab cdef 0123 4567", Ok(whole));
        check(&format!(" {whole}! "), Ok(&format!("{whole}!")));
        let newer = "ab".repeat(32);
        check(&newer, Ok(&newer.to_uppercase()));
    }

    #[test]
    fn ac_44_what_is_no_fingerprint_is_refused() {
        check("01234567", Err("8 digits"));
        check("0123456789ABCDEF", Err("`gpg --fingerprint 0123456789ABCDEF`"));
        check("alice@example.org", Err("whatever key claims it"));
        for text in
            ["", "-", "--output", "!", "0x0123456789ABCDEF0123456789ABCDEF01234567", "Alice", "=Alice", "*"]
        {
            check(text, Err("40 hexadecimal digits"));
        }
        let digits = "0123456789ABCDEF0123456789ABCDEF0123456";
        for last in ["", "G", "78", "7!!", "7\n", "é", "7\0"] {
            check(&format!("{digits}{last}"), Err("40 hexadecimal digits"));
        }
        check("a\x1b[2Jb", Err("a\\u{1b}[2Jb"));
        let private = Id::fingerprint("-----BEGIN PGP PRIVATE KEY BLOCK-----\nxyz").unwrap_err().to_string();
        assert!(!private.contains("xyz") && !private.contains("BLOCK"), "{private}");
        assert!(Id::fingerprint(&"x".repeat(1 << 20)).unwrap_err().to_string().len() < 300);
    }

    #[test]
    fn sops_has_long_key_ids_too() {
        assert_eq!(Id::of_sops("0123456789abcdef").unwrap().to_string(), "0123456789ABCDEF");
        for text in ["01234567", "alice@example.org", "--output"] {
            assert!(Id::of_sops(text).is_err(), "{text}");
        }
    }
}
