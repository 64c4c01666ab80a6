//! What a rule of `.sealeaf.toml` says of SOPS files: `envelope = "sops"`, and the keys that go with it.

use super::error::{ConfigError, Problem};
use super::reader::{Section, Source};
use super::rule::EnvelopeName;
use super::sops::SopsProblem;
use crate::envelope::sops::{By, Selector};

/// How files of a rule are sealed in SOPS' format. Empty for a rule of native files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SopsTerms {
    /// What is encrypted; `None` for SOPS' default.
    pub selector: Option<Selector>,
    /// Whether the MAC is of encrypted values alone.
    pub mac_only_encrypted: bool,
}

impl SopsTerms {
    /// Reads the keys, and refuses those that mean nothing in files of that envelope.
    pub(super) fn read(
        source: Source<'_>,
        table: Section<'_>,
        envelope: EnvelopeName,
    ) -> Result<Self, ConfigError> {
        let selectors = By::ALL.map(By::name);
        let foreign: Vec<&'static str> = match envelope {
            EnvelopeName::Sops => NATIVE.to_vec(),
            EnvelopeName::Native => selectors.into_iter().chain([MAC_ONLY]).collect(),
        };
        if let Some(key) = foreign.into_iter().find(|key| table.has(key)) {
            let problem = Problem::OtherEnvelope { key, envelope: envelope.name() };
            return Err(source.error(table.at(key), problem));
        }
        let mut chosen: Option<Selector> = None;
        for by in By::ALL {
            let Some(text) = table.text(by.name()) else { continue };
            if let Some(other) = &chosen {
                let problem = SopsProblem::Selectors(other.by().name(), by.name());
                return Err(source.error(table.at(by.name()), problem.into()));
            }
            let selector = Selector::new(by, text.get_ref()).map_err(|error| {
                source.error(text.span().start, SopsProblem::of_selector(&error, by.name()).into())
            })?;
            chosen = Some(selector);
        }
        Ok(Self { selector: chosen, mac_only_encrypted: table.flag(MAC_ONLY) })
    }
}

/// Keys of a rule that say nothing of SOPS files.
const NATIVE: &[&str] = &["encrypt", "clear", "comments", "scope", "integrity", "cleartext", "padding"];

const MAC_ONLY: &str = "mac_only_encrypted";
