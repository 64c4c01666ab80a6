//! sealeaf seals the leaf values of YAML, JSON and TOML files and nothing else, so that secrets can live in git.
//!
//! Everything that is no value keeps its bytes: keys, comments, order, layout. One changed value is one changed line,
//! branches merge with plain `git merge`, and [`open`] gives the plain text back byte for byte. Each file has a random
//! data key, wrapped for several master keys, and everything in it is authenticated, recipients included.
//!
//! - Text in, text out: [`seal`], [`open`], [`edit`].
//! - With a rule, limits, other recipients: [`file::seal`], [`file::SealedFile`], [`file::OpenFile::next`].
//! - Who can open: [`keys`]; what is secret: [`policy`]; how a repository says so: [`config`].
//! - How a file looks inside: `docs/design/format-v1.md`; where code belongs: `docs/architecture.md`.
//!
//! The library reads and writes no files but a user's identities, and never prints. The format had no review from
//! outside; see `SECURITY.md`.
#![deny(rustdoc::broken_intra_doc_links)]

#[cfg(any(feature = "publish", feature = "vault"))]
mod address;
pub mod config;
pub mod crypto;
pub mod document;
pub mod envelope;
pub mod file;
pub mod format;
#[cfg(feature = "test-util")]
#[doc(hidden)]
pub mod fuzzing;
pub mod git;
pub mod keys;
mod parallel;
pub mod policy;
#[cfg(feature = "publish")]
pub mod remote;
pub mod secret;
mod simple;

pub use simple::{edit, open, seal};
