//! Which values and comments are encrypted: the six selectors of SOPS, of which a file has one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use regex::Regex;

use super::error::SopsError;
use super::pattern::compile;

/// The kinds of selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// All but what stands under a key with that ending.
    UnencryptedSuffix,
    /// Only what stands under a key with that ending.
    EncryptedSuffix,
    /// All but what stands under a key that matches.
    UnencryptedRegex,
    /// Only what stands under a key that matches.
    EncryptedRegex,
    /// All but what stands under a comment that matches.
    UnencryptedCommentRegex,
    /// Only what stands under a comment that matches.
    EncryptedCommentRegex,
}

/// A selector.
#[derive(Clone, Debug)]
pub struct Selector {
    by: By,
    text: String,
    regex: Option<Arc<Regex>>,
}

impl By {
    /// All of them, in SOPS' order.
    pub const ALL: [Self; 6] = [
        Self::UnencryptedSuffix,
        Self::EncryptedSuffix,
        Self::UnencryptedRegex,
        Self::EncryptedRegex,
        Self::UnencryptedCommentRegex,
        Self::EncryptedCommentRegex,
    ];

    /// Its name in metadata and in `.sops.yaml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnencryptedSuffix => "unencrypted_suffix",
            Self::EncryptedSuffix => "encrypted_suffix",
            Self::UnencryptedRegex => "unencrypted_regex",
            Self::EncryptedRegex => "encrypted_regex",
            Self::UnencryptedCommentRegex => "unencrypted_comment_regex",
            Self::EncryptedCommentRegex => "encrypted_comment_regex",
        }
    }

    const fn is_suffix(self) -> bool {
        matches!(self, Self::UnencryptedSuffix | Self::EncryptedSuffix)
    }

    /// Whether comments choose, not keys.
    #[must_use]
    pub const fn is_by_comment(self) -> bool {
        matches!(self, Self::UnencryptedCommentRegex | Self::EncryptedCommentRegex)
    }

    const fn is_positive(self) -> bool {
        matches!(self, Self::EncryptedSuffix | Self::EncryptedRegex | Self::EncryptedCommentRegex)
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        (self.by, &self.text) == (other.by, &other.text)
    }
}

impl Eq for Selector {}

/// `unencrypted_suffix: _unencrypted`.
impl Default for Selector {
    fn default() -> Self {
        Self { by: By::UnencryptedSuffix, text: "_unencrypted".to_owned(), regex: None }
    }
}

impl Selector {
    /// A selector.
    ///
    /// # Errors
    /// [`SopsError::Selector`] for an empty one and for what is no regular expression: SOPS would take the latter for
    /// one that never matches, and leave everything in clear or encrypt all of it.
    pub fn new(by: By, text: &str) -> Result<Self, SopsError> {
        let fail = |reason| SopsError::Selector { name: by.name(), reason };
        if text.is_empty() {
            return Err(fail("is empty".to_owned()));
        }
        let regex = match by.is_suffix() {
            true => None,
            false => Some(Arc::new(
                compile(text).map_err(|reason| fail(format!("is no regular expression: {reason}")))?,
            )),
        };
        Ok(Self { by, text: text.to_owned(), regex })
    }

    /// Which kind.
    #[must_use]
    pub fn by(&self) -> By {
        self.by
    }

    /// The ending or expression.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    fn matches(&self, text: &str) -> bool {
        match &self.regex {
            Some(regex) => regex.is_match(text),
            None => text.ends_with(&self.text),
        }
    }
}

/// A walk down a tree that tells of each place whether it is encrypted.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    selector: &'a Selector,
    /// By key, whether it matches.
    keys: RefCell<HashMap<Box<str>, bool>>,
    /// Of the comments above, one list a level, whether each matches.
    active: Vec<Vec<bool>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(selector: &'a Selector) -> Self {
        Self { selector, keys: RefCell::default(), active: Vec::new() }
    }

    /// Whether a key matches. One component of the path that does decides for all below.
    pub(super) fn key(&self, key: &str) -> bool {
        if self.selector.by.is_by_comment() {
            return false;
        }
        if let Some(known) = self.keys.borrow().get(key) {
            return *known;
        }
        let matches = self.selector.matches(key);
        self.keys.borrow_mut().insert(key.into(), matches);
        matches
    }

    /// Into a map or list.
    pub(super) fn enter(&mut self) {
        self.active.push(Vec::new());
    }

    /// Out of it.
    pub(super) fn leave(&mut self) {
        self.active.pop();
    }

    /// Behind a value of the innermost map or list: the comments above it are done.
    pub(super) fn done(&mut self) {
        if let Some(level) = self.active.last_mut() {
            level.clear();
        }
    }

    /// Whether a value is encrypted; `hit` where a component of its path matches.
    pub(super) fn value(&self, hit: bool) -> bool {
        let found = match self.selector.by.is_by_comment() {
            true => self.active.iter().flatten().any(|matches| *matches),
            false => hit,
        };
        found == self.selector.by.is_positive()
    }

    /// Takes note of a comment, and tells whether it is encrypted.
    pub(super) fn comment(&mut self, text: &str, hit: bool) -> bool {
        if !self.selector.by.is_by_comment() {
            return self.value(hit);
        }
        let matches = self.selector.matches(text);
        let note = |active: &mut Vec<Vec<bool>>| {
            if let Some(level) = active.last_mut() {
                level.push(matches);
            }
        };
        // The mark that something is encrypted stays readable; so does, counting for itself, the other one.
        if self.selector.by.is_positive() {
            let encrypted = self.value(hit);
            note(&mut self.active);
            return encrypted;
        }
        note(&mut self.active);
        self.value(hit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_broken_selectors_are_refused() {
        for (by, text) in [
            (By::EncryptedRegex, "("),
            (By::UnencryptedRegex, ""),
            (By::EncryptedSuffix, ""),
            (By::EncryptedCommentRegex, "["),
        ] {
            assert!(matches!(Selector::new(by, text), Err(SopsError::Selector { .. })), "{text}");
        }
        assert!(Selector::new(By::EncryptedSuffix, "(").is_ok());
    }
}
