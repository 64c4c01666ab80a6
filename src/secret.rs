//! Types for what must not leak: wiped when dropped, silent in `Debug`, without `Display` or serde.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A file's data key `R`: 32 random bytes from the operating system.
///
/// ```compile_fail
/// fn shows(key: &sealeaf::secret::DataKey) { println!("{key}"); } // no Display
/// ```
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// Draws a fresh data key.
    ///
    /// # Errors
    /// [`RandomError`] where the operating system gives no random bytes.
    pub fn generate() -> Result<Self, RandomError> {
        let mut key = Zeroizing::new([0; 32]);
        fill_random(key.as_mut())?;
        Ok(Self(key))
    }

    /// Takes over 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

/// Secret bytes of any length, compared in constant time.
#[derive(Clone, Default)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes over `bytes`.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretBytes {}

impl Hash for SecretBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_slice().hash(state);
    }
}

/// Secret text that is being written. Reserve its capacity beforehand: memory that it grows out of is not wiped.
pub type SecretString = Zeroizing<String>;

/// Secret text: a document's source, a leaf's value. Reads as `str`. Pieces of one text can share its memory, which is
/// wiped when the last of them is dropped.
#[derive(Clone)]
pub struct SecretText(Repr);

#[derive(Clone)]
enum Repr {
    Owned(SecretString),
    Shared { whole: Arc<SecretString>, start: u32, end: u32 },
}

impl SecretText {
    /// Takes over `text`.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Repr::Owned(Zeroizing::new(text)))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Owned(text) => text,
            Repr::Shared { whole, start, end } => {
                whole.get(*start as usize..*end as usize).unwrap_or_default()
            }
        }
    }

    /// The same text, whose [`SecretText::slice`]s share its memory. Texts of 4 GiB and more are left as they are.
    #[must_use]
    pub fn shared(self) -> Self {
        match self.0 {
            Repr::Owned(text) => match u32::try_from(text.len()) {
                Ok(end) => Self(Repr::Shared { whole: Arc::new(text), start: 0, end }),
                Err(_) => Self(Repr::Owned(text)),
            },
            Repr::Shared { .. } => self,
        }
    }

    /// The bytes `start..end` of a text; empty where the range does not fit. Copies nothing of a shared text.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> Self {
        let Some(part) = self.get(start..end) else { return Self::default() };
        match &self.0 {
            Repr::Shared { whole, start: first, .. } => {
                let at = |offset| u32::try_from(offset).map(|offset| first.saturating_add(offset));
                match (at(start), at(end)) {
                    (Ok(start), Ok(end)) => Self(Repr::Shared { whole: Arc::clone(whole), start, end }),
                    _ => part.into(),
                }
            }
            Repr::Owned(_) => part.into(),
        }
    }

    /// Keeps the first `length` bytes; all where there are no more, or where that is inside a character.
    pub fn truncate(&mut self, length: usize) {
        if !self.is_char_boundary(length) {
            return;
        }
        match &mut self.0 {
            Repr::Owned(text) => text.truncate(length),
            Repr::Shared { start, end, .. } => {
                *end = u32::try_from(length).map_or(*end, |length| start.saturating_add(length).min(*end));
            }
        }
    }
}

impl Default for SecretText {
    fn default() -> Self {
        Self::new(String::new())
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for SecretText {}

impl PartialEq<str> for SecretText {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<Box<str>> for SecretText {
    fn eq(&self, other: &Box<str>) -> bool {
        self.as_str() == &**other
    }
}

impl Hash for SecretText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Deref for SecretText {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<SecretString> for SecretText {
    fn from(text: SecretString) -> Self {
        Self(Repr::Owned(text))
    }
}

/// Another handle; copies nothing of a shared text.
impl From<&Self> for SecretText {
    fn from(text: &Self) -> Self {
        text.clone()
    }
}

impl From<&String> for SecretText {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct RandomError(#[from] getrandom::Error);

/// Fills `buffer` from the operating system's generator; there is no other source of randomness in the crate.
///
/// # Errors
/// [`RandomError`] where it gives none.
pub fn fill_random(buffer: &mut [u8]) -> Result<(), RandomError> {
    getrandom::fill(buffer).map_err(RandomError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_shared_text() {
        for text in [SecretText::from("ab\u{e9}cd"), SecretText::from("ab\u{e9}cd").shared()] {
            let piece = text.slice(1, 5);
            assert_eq!((piece.as_str(), piece.slice(1, 3).as_str()), ("b\u{e9}c", "\u{e9}"));
            // Inside of a character, beyond the piece, backwards.
            for (start, end) in [(2, 3), (0, 5), (3, 1)] {
                assert_eq!(piece.slice(start, end).as_str(), "");
            }
            for (length, expect) in [(3, "b\u{e9}"), (2, "b\u{e9}c"), (9, "b\u{e9}c"), (0, "")] {
                let mut cut = piece.clone();
                cut.truncate(length);
                assert_eq!(cut.as_str(), expect, "{length}");
            }
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let shown = format!(
            "{:?} {:?} {:?}",
            DataKey::from_bytes(&[0x41; 32]),
            SecretBytes::new(b"AAAA".to_vec()),
            SecretText::from("AAAA")
        );
        assert_eq!(shown, "DataKey(..) SecretBytes(..) SecretText(..)");
    }
}
