//! `.sops.yaml`: SOPS' own configuration, read as SOPS reads it and more strictly.
//!
//! `docs/reference/sops-config.md` has what is read and where this is stricter. All of it was asked of the real program;
//! `tests/it/sops_config.rs` asks again.

mod destination;
mod discover;
mod keys;
mod problem;
mod reader;
mod rule;
mod stores;
#[cfg(test)]
mod tests;
mod tree;

pub use destination::{Destination, DestinationRule};
pub use discover::{Discovered, discover, search};
pub use keys::{GroupKey, KeyGroup, MasterKey};
pub use problem::SopsProblem;
pub use reader::Strictness;
pub use rule::CreationRule;
pub use stores::{JsonIndent, Stores};

use std::path::{Path, PathBuf};

use super::reader::{Source, line_starts};
use super::{ConfigError, Problem};
use destination::DESTINATION;
use reader::{Reader, Section, TOP};
use rule::RULE;
use stores::STORES;

/// The name of the configuration file.
pub const FILE_NAME: &str = ".sops.yaml";

/// A configuration, checked as a whole.
///
/// # Examples
/// ```
/// use std::path::Path;
/// use sealeaf::config::sops::{SopsConfig, Strictness};
///
/// let text = "
/// creation_rules:
///   - path_regex: ^prod/
///     kms: arn:aws:kms:eu-west-1:111122223333:key/prod
///     encrypted_regex: ^(data|stringData)$
///   - age: age1first, age1second
/// ";
/// let config = SopsConfig::parse(text, Path::new(".sops.yaml"), Strictness::Native)?;
/// let rule = config.rule_for("dev/app.yaml").unwrap();
/// assert_eq!((rule.line, rule.groups[0].keys.len()), (6, 2));
/// # Ok::<(), sealeaf::config::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SopsConfig {
    /// The file it was read from.
    pub path: PathBuf,
    /// For new files, the first that matches. `None` where the file has none: for SOPS as if there were no file.
    pub creation_rules: Option<Vec<CreationRule>>,
    /// For `publish`, the first that matches.
    pub destination_rules: Vec<DestinationRule>,
    /// How files are laid out.
    pub stores: Stores,
    /// What SOPS would not look at; only with [`Strictness::Sops`].
    pub warnings: Vec<ConfigError>,
}

impl SopsConfig {
    /// Reads a configuration; `path` is only for errors.
    ///
    /// # Errors
    /// The first thing that is wrong, as a [`ConfigError`].
    pub fn parse(text: &str, path: &Path, strictness: Strictness) -> Result<Self, ConfigError> {
        let lines = line_starts(text);
        let source = Source { file: path, text, lines: &lines };
        if text.len() > MAX_SIZE {
            let problem = Problem::Limit { what: "bytes of the file", found: text.len(), limit: MAX_SIZE };
            return Err(source.error(0, problem));
        }
        let tree = tree::read(source)?;
        let reader = Reader::new(source, strictness);
        if let Some(at) = tree.more {
            reader.doubt(reader.error(at, SopsProblem::Documents))?;
        }
        let mut config = Self {
            path: path.to_owned(),
            creation_rules: None,
            destination_rules: Vec::new(),
            stores: Stores::default(),
            warnings: Vec::new(),
        };
        if let Some(root) = tree.root.as_ref().filter(|root| !root.is_null()) {
            let top = reader.section(root, TOP, &["creation_rules", "destination_rules", "stores"])?;
            config.creation_rules =
                rules(top, "creation_rules", "a creation rule", RULE, CreationRule::read)?;
            let (key, place) = ("destination_rules", "a destination rule");
            let destinations = rules(top, key, place, DESTINATION, DestinationRule::read)?;
            config.destination_rules = destinations.unwrap_or_default();
            if let Some(item) = top.get("stores") {
                config.stores = Stores::read(reader.section(item, "`stores`", STORES)?)?;
            }
        }
        config.warnings = reader.into_warnings();
        Ok(config)
    }

    /// The rule for a new file: the first that matches a path relative to the configuration's folder, whole for a file
    /// outside of it. [`Discovered::rule_for`] makes such a path.
    #[must_use]
    pub fn rule_for(&self, path: &str) -> Option<&CreationRule> {
        self.creation_rules.iter().flatten().find(|rule| rule.matches(path))
    }

    /// The rule for publishing a file: the first that matches its path as it was typed.
    #[must_use]
    pub fn destination_for(&self, path: &str) -> Option<&DestinationRule> {
        self.destination_rules.iter().find(|rule| rule.matches(path))
    }
}

/// The rules under a key; `None` where it has no value.
fn rules<'a, T>(
    top: Section<'a>,
    key: &str,
    place: &'static str,
    keys: &[&str],
    read: impl Fn(Section<'a>) -> Result<T, ConfigError>,
) -> Result<Option<Vec<T>>, ConfigError> {
    let Some(item) = top.get(key) else { return Ok(None) };
    let reader = top.reader();
    let items = reader.elements(item, key, "a list of rules", place)?;
    if items.len() > MAX_RULES {
        let problem = Problem::Limit { what: "rules", found: items.len(), limit: MAX_RULES };
        return Err(reader.error(item.at, problem));
    }
    items.into_iter().map(|item| read(reader.section(item, place, keys)?)).collect::<Result<_, _>>().map(Some)
}

/// In bytes.
const MAX_SIZE: usize = 1 << 20;
const MAX_RULES: usize = 1000;
