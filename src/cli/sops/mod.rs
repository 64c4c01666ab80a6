//! The `sops` face.

pub(crate) mod keyservice;
