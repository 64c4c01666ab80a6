//! sealeaf seals the leaf values of YAML, JSON and TOML files, and nothing else.
#![deny(rustdoc::broken_intra_doc_links)]

pub mod config;
pub mod crypto;
pub mod document;
pub mod envelope;
pub mod file;
pub mod format;
pub mod git;
pub mod keys;
pub mod policy;
pub mod secret;
