//! SOPS files, against the real `sops`: what either writes, the other reads.

mod danger;
mod edits;
mod exchange;
mod face;
mod hostile;
mod keyservice;
mod pgp;
mod publish;
mod rendered;
pub(crate) mod rules;
mod stores;
pub(crate) mod tool;
mod trees;
mod vault;
mod vectors;
mod verbs;
