//! What must hold for any bytes: the bodies of the fuzz targets in `fuzz/`, which `tests/it/fuzz.rs` runs over the stored
//! corpus. No part of the public interface (feature `test-util`).
//!
//! Each function takes an input and panics where a promise is broken. To refuse an input is no failure; where one part
//! of the program takes what the next one refuses, the reason must be a known one.

mod configuration;
mod documents;
mod edits;
mod policy;
mod readers;

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::envelope::native::fuzzing as native;
use crate::format::{FORMATS, Limits, by_name};

/// A YAML file: see [`json`].
pub fn yaml(input: &[u8]) {
    document("yaml", input);
}

/// A JSON file: the parsed document is well formed and what other readers see, sealing and opening give it back byte
/// for byte, every leaf takes every other leaf's value, and an edit gives exactly the edited tree.
pub fn json(input: &[u8]) {
    document("json", input);
}

/// A TOML file: see [`json`].
pub fn toml(input: &[u8]) {
    document("toml", input);
}

/// A token, a tail or a payload: refused, or in its one form; and what is written reads as the same.
pub fn token(input: &[u8]) {
    native::token(input);
}

/// A metadata entry, written as YAML: refused, or the same after it was written into a file of each format and read
/// again.
pub fn metadata(input: &[u8]) {
    let (Ok(text), Some(yaml)) = (std::str::from_utf8(input), by_name("yaml")) else { return };
    let Ok(document) = yaml.parse(text, &limits()) else { return };
    let Some(entry) = document.parts.first().and_then(|part| document.plain_tree(part.root)) else { return };
    native::metadata(&entry, &|entry| {
        FORMATS.iter().map(|format| documents::carried(*format, entry)).collect()
    });
}

/// Patterns, one a line, `!` before those of `clear`; the last line is a key path. What the selection says of the path
/// is what a slow matcher says, and the path reads as it is shown.
pub fn policy(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        policy::check(text);
    }
}

/// A configuration: refused, or readable still after each edit, which changes what it is about and nothing else.
pub fn configuration(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        configuration::check(text);
    }
}

fn document(format: &str, input: &[u8]) {
    if let (Ok(text), Some(format)) = (std::str::from_utf8(input), by_name(format)) {
        documents::check(format, text);
    }
}

/// Small, so that an input can exceed each of them.
fn limits() -> Limits {
    Limits { file: 1 << 16, depth: 16, leaves: 1 << 10, key: 1 << 8, leaf: 1 << 12 }
}

/// A number below `end` that depends on all of the input, so that a change of it makes another choice.
fn choice(input: &str, end: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    usize::try_from(hasher.finish() % end.max(1) as u64).unwrap_or_default()
}
