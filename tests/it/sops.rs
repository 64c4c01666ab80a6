//! SOPS files, against the real `sops`: what either writes, the other reads.

mod danger;
mod edits;
mod exchange;
mod hostile;
pub(crate) mod rules;
pub(crate) mod tool;
mod trees;
mod vectors;
mod verbs;
