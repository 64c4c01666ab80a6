//! The states of a file and the steps between them: [`seal`] makes a sealed text of a plain one, [`SealedFile`] is a
//! text that was read, [`OpenFile`] one that was authenticated and opened; [`OpenFile::next`] seals the version after it.
//!
//! Bytes in, bytes out: nothing here touches a disk, and everything is authenticated before any plaintext leaves.

mod comments;
mod error;
mod groups;
mod next;
mod open;
mod seal;
pub mod sops;
#[cfg(test)]
mod tests;

pub use comments::suspicious_comment;
pub use error::FileError;
pub use next::{Change, Next};
pub use open::{OpenFile, SealedFile};
pub use seal::{SealedText, Sealing, parse, seal};
