//! The primitives as this tool uses them, each small and with its specification. Vectors: Wycheproof.

mod aead;
mod gcm;
mod hash;
mod shamir;

pub use aead::{AeadError, open_in_place, seal_in_place};
pub use gcm::Gcm;
pub use hash::{Hm, expand, extract, sha256};
pub use shamir::{ShamirError, combine, split};
