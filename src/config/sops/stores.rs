//! How files are laid out that SOPS writes anew.

use crate::config::ConfigError;

use super::SopsProblem;
use super::reader::{Placed, Section};

/// The `stores` of a configuration. `None` for SOPS' default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stores {
    /// YAML; the default is four blanks, and 1 and all from 10 mean two.
    pub yaml: Option<u32>,
    /// JSON.
    pub json: Option<JsonIndent>,
    /// The JSON of binary files.
    pub json_binary: Option<JsonIndent>,
}

/// How JSON is indented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonIndent {
    /// A tab a level, the default.
    Tab,
    /// That many blanks a level; with none there are line breaks still.
    Blanks(u32),
}

impl Stores {
    pub(super) fn read(stores: Section<'_>) -> Result<Self, ConfigError> {
        for key in ["dotenv", "ini"] {
            if let Some(item) = stores.get(key) {
                stores.reader().section(item, "a store without settings", &[])?;
            }
        }
        let yaml = match indent(stores, "yaml")? {
            None => None,
            Some(Placed { at, value }) => Some(u32::try_from(value).map_err(|_| {
                stores.error(at, SopsProblem::Range { key: "indent", expected: "a whole number from 0" })
            })?),
        };
        let json = |key| {
            let Some(Placed { at, value }) = indent(stores, key)? else { return Ok(None) };
            let problem =
                SopsProblem::Range { key: "indent", expected: "a whole number from 0, or -1 for tabs" };
            match (value, u32::try_from(value)) {
                (-1, _) => Ok(Some(JsonIndent::Tab)),
                (_, Ok(blanks)) => Ok(Some(JsonIndent::Blanks(blanks))),
                (_, Err(_)) => Err(stores.error(at, problem)),
            }
        };
        Ok(Self {
            yaml: yaml.filter(|blanks| *blanks > 0),
            json: json("json")?,
            json_binary: json("json_binary")?,
        })
    }
}

fn indent(stores: Section<'_>, key: &str) -> Result<Option<Placed<i32>>, ConfigError> {
    let Some(item) = stores.get(key) else { return Ok(None) };
    stores.reader().section(item, "a store", &["indent"])?.number("indent")
}

/// The stores that have a name.
pub(super) const STORES: &[&str] = &["yaml", "json", "json_binary", "dotenv", "ini"];
