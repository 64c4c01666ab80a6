//! What every command of the face shares: the configuration as SOPS finds it, layouts, keys.

use std::path::{Path, PathBuf};

use sealeaf::config::discover::DiscoverError;
use sealeaf::config::sops::{CreationRule, Discovered, search};
use sealeaf::file::sops::{OpenSops, SopsFile};
use sealeaf::format::{Format, by_name, stores};
use sealeaf::keys::{Keyring, Run};

use super::fault::{Fault, GENERIC};
use super::flags::Services;
use super::load::Loaded;
use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::report::{Report, plural};

/// One run.
pub(super) struct Face<'a> {
    pub(super) context: &'a Context,
    pub(super) run: Run<'a>,
    config: Option<Discovered>,
    indent: Option<i32>,
}

/// What stands before a command's name and reaches it.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    /// `--config`.
    pub(super) config: Option<PathBuf>,
    /// `--indent`.
    pub(super) indent: Option<i32>,
    /// `--decryption-order`, by this program's names.
    pub(super) order: Vec<String>,
}

impl<'a> Face<'a> {
    /// Finds and reads the configuration: what is wrong in it stops every command, as in SOPS.
    ///
    /// # Errors
    /// A configuration that cannot be read.
    pub(super) fn new(
        before: &Before,
        services: Option<&Services>,
        context: &'a Context,
    ) -> Result<Self, Fault> {
        let mut run = Run::new(&context.environment, &context.prompt);
        run.settings = context.settings.clone();
        if !before.order.is_empty() {
            run.settings.unwrap.order.clone_from(&before.order);
        }
        if let Some(services) = services {
            services.apply(&mut run)?;
        }
        let mut notices = Vec::new();
        let config = search(&context.directory, before.config.as_deref(), &context.environment, &mut notices);
        let config = config.map_err(of_config)?;
        for notice in notices {
            context.warn(notice);
        }
        for warning in config.iter().flat_map(|found| &found.config.warnings) {
            let file = escape::path(&warning.file);
            context.warn(format!("{file}:{}: {}", warning.line, warning.problem));
        }
        Ok(Self { context, run, config, indent: before.indent })
    }

    /// The configuration.
    pub(super) fn config(&self) -> Option<&Discovered> {
        self.config.as_ref()
    }

    /// How YAML and JSON are indented that are laid out anew; `None` where no flag says so.
    pub(super) const fn indent(&self) -> Option<i32> {
        self.indent
    }

    /// The creation rule for a file; `None` where there is no configuration with such rules.
    ///
    /// # Errors
    /// Where there are rules and none matches.
    pub(super) fn rule(&self, file: &Path) -> Result<Option<&CreationRule>, Fault> {
        let Some(found) = self.config.as_ref().filter(|found| found.config.creation_rules.is_some()) else {
            return Ok(None);
        };
        match found.rule_for(file).map_err(of_config)? {
            Some(rule) => Ok(Some(rule)),
            None => {
                let message = "error loading config: no matching creation rules found";
                let config = escape::path(&found.config.path);
                Err(Fault::new(GENERIC, message).hint(format!(
                    "`{config}` has no rule whose `path_regex` matches this file; add one, or name another configuration \
                     with --config"
                )))
            }
        }
    }

    /// The user's keys.
    pub(super) fn keyring(&self) -> Keyring<'_> {
        Keyring::new(&self.run)
    }

    /// Reads and opens an encrypted file.
    ///
    /// # Errors
    /// [`Fault`] with SOPS' codes.
    pub(super) fn open(&self, file: &Loaded, ignore_mac: bool) -> Result<OpenSops, Fault> {
        let shown = file.shown();
        let fault = |error| Fault::from(error).at(shown);
        let sealed = SopsFile::read(file.text.clone(), file.format, &self.context.limits).map_err(fault)?;
        let open = if ignore_mac {
            self.context
                .warn("the MAC is not looked at: values may be missing, moved, or of another version");
            sealed.open_ignoring_mac(&self.keyring(), &self.context.limits)
        } else {
            sealed.open(&self.keyring(), &self.context.limits)
        };
        let open = open.map_err(fault)?;
        for warning in sealeaf::keys::age::warnings(&self.run) {
            self.context.warn_once(warning);
        }
        let left = open.sealed_comments();
        if let Some(line) = left.first() {
            let count = plural(left.len(), "comment", "comments");
            let file = escape::path(shown);
            self.context.warn(format!(
                "{file}: {count} cannot be opened and stay encrypted; the first in line {line}"
            ));
        }
        Ok(open)
    }
}

/// The format that SOPS takes a file for: by the word of a flag, else by the ending of the name, which must be in lower
/// case; everything else is binary.
pub(super) fn format(said: Option<&str>, name: Option<&Path>) -> Result<&'static dyn Format, Fault> {
    let by_word = said.filter(|word| matches!(*word, "yaml" | "json" | "dotenv" | "ini" | "binary"));
    let name = name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let by_ending = || match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("yaml" | "yml") => "yaml",
        Some("json") => "json",
        Some("env") => "dotenv",
        Some("ini") => "ini",
        _ => "binary",
    };
    let word = by_word.unwrap_or_else(by_ending);
    by_name(word)
        .map(stores::of)
        .ok_or_else(|| Fault::new(GENERIC, format!("this build has no format `{word}`")))
}

fn of_config(error: DiscoverError) -> Fault {
    Fault::from(Report::from(error).context("error loading config")).code(GENERIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_by_word_and_by_ending() {
        for (said, name, expect) in [
            (None, "a.yaml", "yaml"),
            (None, "a.yml", "yaml"),
            (None, "x/.env", "dotenv"),
            (None, "a.YAML", "binary"),
            (None, "a.yaml.enc", "binary"),
            (None, "yaml", "binary"),
            (Some("json"), "a.yaml", "json"),
            (Some("toml"), "a.ini", "ini"),
        ] {
            assert_eq!(format(said, Some(Path::new(name))).unwrap().name(), expect, "{name}");
        }
    }
}
