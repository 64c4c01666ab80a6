//! What dotenv and INI share: pairs on lines of their own, values that are all texts, metadata in comment lines.

mod build;
mod edit;
mod entry;
mod lines;
mod spell;

pub(super) use build::{Item, build, scalar};
pub(super) use edit::{append_line, behind, error, has_comment, is_escaped, without_line};
pub(super) use entry::{attach, detach, is_entry_line};
pub(super) use spell::{seal_leaf, spelling, unseal_leaf};

use crate::document::{Tree, Value};
use crate::format::{Limits, ParseError};

/// What no line of a text can hold, in any dialect.
///
/// # Errors
/// A text over the limit, a NUL, or a carriage return without a line feed, which some readers take for a line break.
pub(super) fn check_text(text: &str, limits: &Limits) -> Result<(), ParseError> {
    if text.len() > limits.file {
        return Err(ParseError::limit(text, 0, format!("the file is over {} bytes", limits.file)));
    }
    let bytes = text.as_bytes();
    let odd = bytes.iter().enumerate().find(|(at, byte)| match byte {
        0 => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    match odd {
        Some((at, 0)) => Err(ParseError::at(text, at, "a NUL character; this is no text file")),
        Some((at, _)) => {
            let message = "a carriage return without a line feed, which programs read differently: remove it";
            Err(ParseError::at(text, at, message))
        }
        None => Ok(()),
    }
}

/// A tree whose leaves are all texts.
pub(super) fn adapted(tree: Tree) -> Tree {
    match tree {
        Tree::Map(pairs) => Tree::Map(pairs.into_iter().map(|(key, value)| (key, adapted(value))).collect()),
        Tree::List(items) => Tree::List(items.into_iter().map(adapted).collect()),
        Tree::Leaf(Value::EmptyMap | Value::EmptyList) => tree,
        Tree::Leaf(value) => Tree::Leaf(Value::Str(value.to_text())),
    }
}
