//! How ciphertext and metadata look inside a document: knows tokens, nothing of formats or key services.

pub mod native;
pub mod sops;
