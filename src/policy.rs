//! Which leaves are secret, and under which modes a file is sealed.

use crate::document::Step;

/// How strictly a whole file must be one version (`format-v1.md`, section 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Integrity {
    /// A clean text merge opens, with a note.
    #[default]
    Linked,
    /// Only a complete version opens.
    Sealed,
}

/// Whether cleartext leaves are authenticated (section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cleartext {
    /// They are.
    #[default]
    Bound,
    /// Anyone may edit them.
    Free,
}

/// What happens to comments (section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comments {
    /// They stay in clear; those that look like secrets are refused.
    #[default]
    Plain,
    /// Each becomes a token.
    Encrypt,
    /// They are removed.
    Strip,
}

/// Whether payloads are padded to buckets (section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// To 32-byte steps up to 256, then Padmé.
    #[default]
    Buckets,
    /// Not at all: lengths show.
    None,
}

/// Which leaves are secret: those an `encrypt` pattern covers and no `clear` pattern does.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    encrypt: Vec<String>,
    clear: Vec<String>,
}

/// A pattern that does not parse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pattern `{pattern}`: {reason} at character {at}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// 1-based.
    pub at: usize,
    /// What is wrong.
    pub reason: &'static str,
}

impl Selection {
    /// Parses both lists.
    ///
    /// # Errors
    /// [`PatternError`] for the first that does not parse.
    pub fn parse(encrypt: &[String], clear: &[String]) -> Result<Self, PatternError> {
        Ok(Self { encrypt: encrypt.to_vec(), clear: clear.to_vec() })
    }

    /// The patterns as they were.
    #[must_use]
    pub fn patterns(&self) -> (&[String], &[String]) {
        (&self.encrypt, &self.clear)
    }

    /// Whether the leaf at `path` is secret.
    #[must_use]
    pub fn covers(&self, _path: &[Step]) -> bool {
        true
    }
}

/// A rule as it is written into a file.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Which leaves.
    pub selection: Selection,
    /// Whole-file integrity.
    pub integrity: Integrity,
    /// Cleartext mode.
    pub cleartext: Cleartext,
    /// Comment mode.
    pub comments: Comments,
    /// Padding mode.
    pub padding: Padding,
    /// Scope, `{path}` already put in; empty if none.
    pub scope: String,
}
impl Integrity {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Sealed => "sealed",
        }
    }
    /// The reverse.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "linked" => Self::Linked,
            "sealed" => Self::Sealed,
            _ => return None,
        })
    }
}
impl Cleartext {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Free => "free",
        }
    }
    /// The reverse.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "bound" => Self::Bound,
            "free" => Self::Free,
            _ => return None,
        })
    }
}
impl Padding {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buckets => "buckets",
            Self::None => "none",
        }
    }
    /// The reverse.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "buckets" => Self::Buckets,
            "none" => Self::None,
            _ => return None,
        })
    }
}
impl Comments {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Encrypt => "encrypt",
            Self::Strip => "strip",
        }
    }
    /// The reverse.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "plain" => Self::Plain,
            "encrypt" => Self::Encrypt,
            "strip" => Self::Strip,
            _ => return None,
        })
    }
}
