//! Why a SOPS file does not open or cannot be made.

use crate::crypto::ShamirError;
use crate::secret::RandomError;

/// What is wrong with a token or the value in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// Not of the grammar.
    #[error("the token is damaged: {0}")]
    Token(&'static str),
    /// Another key, another place, or changed.
    #[error("the token does not authenticate: it was changed, or was encrypted in another place or file")]
    Authentication,
    /// The content is no value of the token's type.
    #[error("the token holds no value of its type `{0}`")]
    Value(&'static str),
    /// Cleartext where the file's rule encrypts.
    #[error("the value stands in clear, and the file's rule encrypts it")]
    Exposed,
    /// The type `comment` on a value.
    #[error("the token is a comment's, and stands in a value's place")]
    Comment,
    /// An alias of something encrypted.
    #[error("the alias stands for encrypted values, which open in one place alone")]
    Alias,
}

/// A failure of the SOPS envelope. No variant holds a value, a key, a ciphertext or a digest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SopsError {
    /// No metadata.
    #[error("the file has no SOPS metadata: no `sops` entry with `mac` and `lastmodified`")]
    NotSealed,
    /// There is a `sops` entry already.
    #[error("the file has a `sops` entry at the top already")]
    Taken,
    /// Metadata that is not in order.
    #[error("the SOPS metadata is not in order: {0}")]
    Metadata(String),
    /// A token or value that is not in order.
    #[error("line {line}, `{path}`: {damage}")]
    Value {
        /// 1-based.
        line: usize,
        /// Key path.
        path: String,
        /// What is wrong.
        damage: Damage,
    },
    /// A value or key that SOPS has no form for.
    #[error("line {line}, `{path}`: {reason}")]
    Unfit {
        /// 1-based.
        line: usize,
        /// Key path.
        path: String,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// There is no MAC in the metadata.
    #[error("the file has no MAC, so nothing says that it is whole")]
    NoMac,
    /// The MAC's token does not open.
    #[error("the MAC does not open: `mac` or `lastmodified` was changed")]
    MacDamaged,
    /// The MAC opens and is another one.
    #[error("the MAC does not fit: values were changed, moved, added or removed without the key")]
    MacDiffers,
    /// A data key of another length than 32 bytes.
    #[error("the wrapped data key is no key: it has {0} bytes")]
    KeyLength(usize),
    /// Shares that do not fit.
    #[error("the shares of the data key do not fit: {0}")]
    Shamir(#[from] ShamirError),
    /// Too few groups of keys open.
    #[error("{opened} of the {needed} groups of keys that are needed open")]
    Groups {
        /// How many did.
        opened: usize,
        /// How many must.
        needed: usize,
    },
    /// A selector that cannot be used.
    #[error("`{name}` {reason}")]
    Selector {
        /// Its name in the metadata.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A file without a place for a `sops` entry.
    #[error("{0}")]
    Root(&'static str),
    /// Aliases that make too much of a file.
    #[error("aliases make the content more than ten times as large as the file")]
    Aliases,
    /// A value that would not come back.
    #[error("line {line}: the value would not come back as it is, so nothing is written")]
    NotKept {
        /// 1-based.
        line: usize,
    },
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
}
