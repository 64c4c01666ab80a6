//! Why a file does not open or cannot be sealed.

use crate::document::FormatCode;
use crate::envelope::native::EnvelopeError;
use crate::envelope::sops::SopsError;
use crate::format::ParseError;
use crate::format::gate::GateError;
use crate::keys::{KeyError, UnwrapError};
use crate::secret::RandomError;

/// Any failure between bytes and bytes. No variant holds a value, a key or a ciphertext.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It does not parse.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// Its metadata or tokens are not in order, or do not authenticate.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A SOPS file is not in order, does not authenticate, or cannot be made.
    #[error(transparent)]
    Sops(#[from] SopsError),
    /// A gate stayed shut.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// No key opens it.
    #[error(transparent)]
    Unwrap(#[from] UnwrapError),
    /// A recipient cannot be wrapped for.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key opened a wrap that is not this file's.
    #[error("the wrapped key of {recipient} is not this file's: {reason}")]
    Wrap {
        /// Whose.
        recipient: String,
        /// Why.
        reason: String,
    },
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// There is no metadata in it.
    #[error("the file is not sealed: it has no `sealeaf` entry")]
    NotSealed,
    /// It has metadata already.
    #[error("the file is sealed already")]
    AlreadySealed,
    /// The file was sealed for another place.
    #[error("the file was sealed for scope `{found}`, and the rule for its path says `{expected}`")]
    Scope {
        /// By the rule.
        expected: String,
        /// In the file.
        found: String,
    },
    /// The rule seals nothing in this file.
    #[error("the rule seals nothing in this file")]
    NothingSealed,
    /// A comment that would stay in clear looks like a secret.
    #[error("line {line}: the comment looks like a secret ({reason}) and would stay in clear")]
    SuspiciousComment {
        /// 1-based.
        line: usize,
        /// What it looks like.
        reason: &'static str,
    },
    /// What was sealed does not open again: a bug, or more recipients than a file can have, reported instead of a file
    /// that nobody can read.
    #[error("the sealed text would not open again, so nothing is written: {0}")]
    Unopenable(#[source] Box<Self>),
    /// Too few groups of keys could be opened.
    #[error("no usable key: {} of the {needed} groups of keys that are needed could be opened", opened.len())]
    Groups {
        /// Those that could, counted from 1.
        opened: Vec<usize>,
        /// How many are needed.
        needed: usize,
        /// How many there are.
        of: usize,
        /// Why the others could not.
        closed: UnwrapError,
    },
    /// The text is of another format than the file.
    #[error("the new text is {found}, and the file is {expected}")]
    OtherFormat {
        /// The file's.
        expected: &'static str,
        /// The text's.
        found: &'static str,
    },
    /// Nobody to wrap the data key for.
    #[error("no recipients are given: nobody could open the file")]
    NoRecipients,
}

impl FileError {
    pub(super) fn other_format(expected: FormatCode, found: FormatCode) -> Self {
        Self::OtherFormat { expected: expected.name(), found: found.name() }
    }
}
