mod edits;
mod errors;
mod places;
mod published;
mod rules;

use std::path::Path;

use super::{Config, ConfigError};
use crate::keys::KeyError;

/// Parses with a checker that takes every `age1…` for an age key, so that the tests need no cryptography.
fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse_with(text, Path::new(".sealeaf.toml"), &|kind, id| match kind {
        "age" if id.starts_with("age1") => Ok(id.to_owned()),
        "age" => {
            Err(KeyError::Invalid { kind: "age", id: id.to_owned(), reason: "expected `age1…`".to_owned() })
        }
        other => Err(KeyError::NotInThisBuild(other.to_owned())),
    })
}
