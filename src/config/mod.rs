//! `.sealeaf.toml`: names for people and machines, and rules for files.
//!
//! Strict: what is not understood is an error with its line. A configuration is part of a repository and is read before
//! anyone has looked at it, so nothing in it can start a program, choose an address or name one of the user's keys.

pub mod discover;
pub mod edit;
mod error;
mod fields;
mod globs;
pub mod near;
mod reader;
mod recipients;
mod rule;
pub mod sops;
mod template;
mod terms;
#[cfg(test)]
mod tests;
pub mod user;

pub use error::{ConfigError, Problem};
pub use recipients::{Meaning, Named, Recipients};
pub use rule::{EnvelopeName, Rule};
pub use template::template;
pub use terms::SopsTerms;

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::keys::backend;
use fields::TOP;
use reader::{Section, Source, line_starts};
use recipients::CheckKey;

/// The name of the configuration file.
pub const FILE_NAME: &str = ".sealeaf.toml";

/// A configuration, checked as a whole.
///
/// # Examples
/// ```
/// use std::path::Path;
/// use sealeaf::config::Config;
///
/// let text = r#"
/// version = 1
/// [recipients]
/// ci = { gcp_kms = "projects/p/locations/l/keyRings/r/cryptoKeys/k" }
/// [[rule]]
/// files = ["secrets/**"]
/// to = ["ci"]
/// "#;
/// let config = Config::parse(text, Path::new(".sealeaf.toml"))?;
/// assert_eq!(config.rule_for("secrets/prod.yaml").map(|rule| rule.line), Some(5));
/// assert!(config.rule_for("readme.md").is_none());
/// # Ok::<(), sealeaf::config::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    /// Who is known by which name.
    pub recipients: Recipients,
    /// The rules, in order.
    pub rules: Vec<Rule>,
}

impl Config {
    /// Reads a configuration; `path` is only for errors.
    ///
    /// # Errors
    /// The first thing that is wrong, as a [`ConfigError`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        Self::parse_with(text, path, &|kind, id| backend(kind)?.parse(id))
    }

    /// The same with another way to check identifiers of keys.
    pub(crate) fn parse_with(text: &str, path: &Path, check: CheckKey<'_>) -> Result<Self, ConfigError> {
        let lines = line_starts(text);
        let source = Source { file: path, text, lines: &lines };
        if text.len() > MAX_SIZE {
            let problem = Problem::Limit { what: "bytes of the file", found: text.len(), limit: MAX_SIZE };
            return Err(source.error(0, problem));
        }
        let parsed = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            source.error(at, Problem::Syntax(error.message().replace('\n', ", ")))
        })?;
        let top = Section::plain(source, parsed.get_ref(), ("the file", 0), TOP)?;
        check_version(source, top)?;
        let recipients = match top.table("recipients") {
            None => Recipients::default(),
            Some((table, _)) => Recipients::read(source, table, check)?,
        };
        let tables = top.tables("rule");
        if tables.len() > MAX_RULES {
            let problem = Problem::Limit { what: "rules", found: tables.len(), limit: MAX_RULES };
            return Err(source.error(top.at("rule"), problem));
        }
        let mut rules = Vec::with_capacity(tables.len());
        for table in tables {
            rules.push(Rule::read(source, table, &recipients, &rules)?);
        }
        Ok(Self { path: path.to_owned(), recipients, rules })
    }

    /// The rule for a file: the first that matches. `rel_path` is `/`-separated and relative to the repository root.
    #[must_use]
    pub fn rule_for(&self, rel_path: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.matches(rel_path))
    }
}

fn check_version(source: Source<'_>, top: Section<'_>) -> Result<(), ConfigError> {
    let version = top.number("version").ok_or_else(|| {
        let hint = Some("begin the file with `version = 1`".to_owned());
        top.missing("version").suggest(hint)
    })?;
    if *version.get_ref() == Some(1) {
        return Ok(());
    }
    let shown = source.text.get(version.span()).unwrap_or_default().to_owned();
    Err(source.error(version.span().start, Problem::Version(shown)))
}

/// In bytes.
pub(crate) const MAX_SIZE: usize = 1 << 18;
const MAX_RULES: usize = 1000;
