//! The message authentication code over a whole file: SHA-512 over the values in order, encrypted like a value.

use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;

use super::error::SopsError;
use super::time::Time;
use super::token::{Nonces, Token};
use super::values::{Item, Type};
use crate::crypto::Gcm;

/// A MAC in the making. Keys, nulls, empty strings, comments and the borders between values are not in it.
#[derive(Debug)]
pub struct Mac {
    hash: Sha512,
    only_encrypted: bool,
}

impl Mac {
    /// An empty one. `only_encrypted` leaves cleartext values out.
    #[must_use]
    pub fn new(only_encrypted: bool) -> Self {
        let mut hash = Sha512::new();
        if only_encrypted {
            hash.update(crate::crypto::sha256(b"sops"));
        }
        Self { hash, only_encrypted }
    }

    /// The next value.
    pub fn add(&mut self, item: &Item, encrypted: bool) {
        if encrypted || !self.only_encrypted {
            self.hash.update(item.hashed());
        }
    }

    /// The digest, encrypted under the time of the change.
    ///
    /// # Errors
    /// [`SopsError::Random`].
    pub fn seal(self, gcm: &Gcm, modified: &str) -> Result<String, SopsError> {
        let digest = Item::text(Type::Str, &self.digest());
        Ok(Token::seal(&digest, gcm, modified, &mut Nonces::default())?)
    }

    /// Compares with the MAC of a file.
    ///
    /// # Errors
    /// [`SopsError`]; the digests stay unsaid, because a digest over few values gives them away.
    pub fn verify(self, token: &str, gcm: &Gcm, modified: &str) -> Result<(), SopsError> {
        if token.is_empty() {
            return Err(SopsError::NoMac);
        }
        let opened = Token::read(token).and_then(|token| token.open(gcm, modified));
        let opened = opened.map_err(|_| SopsError::MacDamaged)?;
        let same: bool = opened.plain().ct_eq(self.digest().as_bytes()).into();
        if same && opened.kind() == Type::Str { Ok(()) } else { Err(SopsError::MacDiffers) }
    }

    fn digest(self) -> String {
        self.hash.finalize().iter().fold(String::with_capacity(128), |mut text, byte| {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase());
            }
            text
        })
    }
}

/// What a time of change is authenticated as: RFC 3339 to the second. `None` where it is no time.
#[must_use]
pub fn modified(text: &str) -> Option<String> {
    Time::read(text).map(|time| time.seconds().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_of_sops() {
        let mut mac = Mac::new(false);
        for value in ["héllo", "-42", "1234567.5", "True", "2024-01-02T00:00:00Z", "x", "1", "0.1"] {
            mac.add(&Item::text(Type::Str, value), true);
        }
        assert_eq!(
            mac.digest(),
            "640E36446E39F2527B37023451EFC9972209800FBC45A828ADB42CC13231FE3586C387D66B35AC9B46EE3DDD469223254AF92CAEFCF369B45C5F84D92AEEC63B"
        );
    }

    #[test]
    fn times_of_change() {
        for (text, expect) in [
            ("2026-11-24T06:04:48Z", Some("2026-11-24T06:04:48Z")),
            ("2026-11-24T06:04:48.5+00:00", Some("2026-11-24T06:04:48Z")),
            ("2026-11-24T06:04:48+02:00", Some("2026-11-24T06:04:48+02:00")),
            ("2026-11-24", None),
        ] {
            assert_eq!(modified(text).as_deref(), expect, "{text}");
        }
    }
}
