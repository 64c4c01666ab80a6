//! The native format, version 1: link tags with a travelling seal. Normative text: `docs/design/format-v1.md`.

mod align;
mod error;
#[cfg(feature = "test-util")]
pub(crate) mod fuzzing;
mod ids;
mod metadata;
mod payload;
mod read;
mod records;
mod select;
pub(crate) mod shares;
mod structure;
mod subkeys;
#[cfg(test)]
mod tests;
mod token;
pub(crate) mod wrap;
mod write;

pub use error::{EnvelopeError, Where};
pub use metadata::{Group, Header, MetadataError};
pub use read::{Authentic, Difference, Sealed, State, comment_text, is_public_comment};
pub use records::{RecordKey, RecordView, explained, rolled_back};
pub use select::marked;
pub use structure::Place;
pub use token::{ANY_PREFIX, PREFIX, Tail};
pub use write::{Before, Writing, Written};
