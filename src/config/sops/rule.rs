//! Creation rules: for which files which keys, and which of the values.

use regex::Regex;

use crate::config::{ConfigError, Problem};
use crate::envelope::sops::{By, Selector};

use super::SopsProblem;
use super::keys::{FLAT, GROUP, KeyGroup, flat, group};
use super::reader::{Placed, Section};

/// A creation rule.
#[derive(Clone, Debug)]
pub struct CreationRule {
    /// 1-based, where the rule begins.
    pub line: usize,
    path_regex: Option<Regex>,
    /// The groups of keys; none where the rule names no key. With more than one group the data key is shared among
    /// them.
    pub groups: Vec<KeyGroup>,
    /// What is encrypted; `None` for SOPS' default.
    pub selector: Option<Selector>,
    /// Whether the MAC is of encrypted values alone.
    pub mac_only_encrypted: bool,
    /// How many groups are needed; `None` for all. SOPS writes it, and does not use it, where there is one group.
    pub shamir_threshold: Option<u32>,
}

impl CreationRule {
    /// Whether the rule is for a path: one relative to the configuration's folder, whole for a file outside of it.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.path_regex.as_ref().is_none_or(|regex| regex.is_match(path))
    }

    /// The pattern of its files as it was written; `None` where the rule is for all.
    #[must_use]
    pub fn pattern(&self) -> Option<&str> {
        self.path_regex.as_ref().map(Regex::as_str)
    }

    pub(super) fn read(rule: Section<'_>) -> Result<Self, ConfigError> {
        let groups = groups(rule)?;
        Ok(Self {
            line: rule.line(),
            path_regex: rule.regex("path_regex")?,
            selector: selector(rule)?,
            mac_only_encrypted: rule.flag("mac_only_encrypted")?,
            shamir_threshold: threshold(rule, groups.len())?,
            groups,
        })
    }
}

fn threshold(rule: Section<'_>, groups: usize) -> Result<Option<u32>, ConfigError> {
    let key = "shamir_threshold";
    let Some(Placed { at, value }) = rule.number(key)? else { return Ok(None) };
    let Ok(threshold) = u32::try_from(value) else {
        return Err(rule.error(at, SopsProblem::Range { key, expected: "a whole number from 0" }));
    };
    let is_met = threshold > 1 && usize::try_from(threshold).is_ok_and(|needed| needed <= groups);
    if threshold > 0 && groups > 1 && !is_met {
        return Err(rule.error(at, SopsProblem::Threshold { threshold, groups }));
    }
    Ok(Some(threshold).filter(|threshold| *threshold > 0))
}

fn groups(rule: Section<'_>) -> Result<Vec<KeyGroup>, ConfigError> {
    let reader = rule.reader();
    let elements = match rule.get("key_groups") {
        Some(item) => reader.elements(item, "key_groups", "a list of key groups", "a key group")?,
        None => Vec::new(),
    };
    if elements.is_empty() {
        let only = flat(rule)?;
        return Ok(if only.keys.is_empty() { Vec::new() } else { vec![only] });
    }
    rule.unused(FLAT, "the rule has `key_groups`")?;
    if elements.len() > MAX_GROUPS {
        let problem = Problem::Limit { what: "key groups", found: elements.len(), limit: MAX_GROUPS };
        return Err(rule.error(rule.place_of("key_groups"), problem));
    }
    let mut groups = Vec::with_capacity(elements.len());
    for (index, item) in elements.into_iter().enumerate() {
        let found = group(reader.section(item, "a key group", GROUP)?)?;
        if found.keys.is_empty() {
            return Err(rule.error(item.at, SopsProblem::EmptyGroup(index + 1)));
        }
        groups.push(found);
    }
    Ok(groups)
}

fn selector(rule: Section<'_>) -> Result<Option<Selector>, ConfigError> {
    let mut chosen: Option<Selector> = None;
    for by in By::ALL {
        let name = by.name();
        let Some(text) = rule.text(name)? else { continue };
        let selector = Selector::new(by, text.value)
            .map_err(|error| rule.error(text.at, SopsProblem::of_selector(&error, name)))?;
        if let Some(other) = &chosen {
            let problem = SopsProblem::Selectors(other.by().name(), name);
            return Err(rule.error(rule.place_of(name), problem));
        }
        chosen = Some(selector);
    }
    Ok(chosen)
}

/// The keys of a creation rule.
pub(super) const RULE: &[&str] = &[
    "path_regex",
    "kms",
    "aws_profile",
    "age",
    "pgp",
    "gcp_kms",
    "hckms",
    "azure_keyvault",
    "hc_vault_transit_uri",
    "key_groups",
    "shamir_threshold",
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
    "mac_only_encrypted",
];

/// Shares have one byte for their number.
const MAX_GROUPS: usize = 255;
