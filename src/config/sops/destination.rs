//! Destination rules: where `publish` puts a file.

use regex::Regex;

use crate::config::ConfigError;

use super::SopsProblem;
use super::reader::{Placed, Section};
use super::rule::{CreationRule, RULE};

/// A destination rule.
#[derive(Clone, Debug)]
pub struct DestinationRule {
    /// 1-based, where the rule begins.
    pub line: usize,
    path_regex: Option<Regex>,
    /// Where files go.
    pub destination: Destination,
    /// Whether their names lose their extensions on the way.
    pub omit_extensions: bool,
    /// By what they are encrypted anew; `None` to publish them as they are.
    pub recreation_rule: Option<CreationRule>,
}

/// A place that files are published to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Destination {
    /// A bucket of S3.
    S3 {
        /// Its name.
        bucket: String,
        /// What stands before a file's name, slash included.
        prefix: String,
    },
    /// A bucket of Google Cloud Storage.
    Gcs {
        /// Its name.
        bucket: String,
        /// What stands before a file's name, slash included.
        prefix: String,
    },
    /// A key-value engine of Vault or OpenBao, which gets the values in clear.
    Vault {
        /// The folder in the engine.
        path: String,
        /// `None` for that of the environment.
        address: Option<String>,
        /// The engine's mount, without slashes around it.
        mount: String,
        /// 1 or 2.
        kv_version: u8,
    },
}

impl DestinationRule {
    /// Whether the rule is for a path, as it was typed.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.path_regex.as_ref().is_none_or(|regex| regex.is_match(path))
    }

    pub(super) fn read(rule: Section<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            line: rule.line(),
            path_regex: rule.regex("path_regex")?,
            destination: destination(rule)?,
            omit_extensions: rule.flag("omit_extensions")?,
            recreation_rule: recreation_rule(rule)?,
        })
    }
}

fn destination(rule: Section<'_>) -> Result<Destination, ConfigError> {
    let mut chosen: Option<(&'static str, Placed<&str>)> = None;
    for (key, ..) in SETTINGS {
        let Some(name) = rule.filled(key)? else { continue };
        if let Some((other, _)) = chosen {
            return Err(rule.error(rule.place_of(key), SopsProblem::Destinations(other, key)));
        }
        chosen = Some((key, name));
    }
    let Some((key, name)) = chosen else { return Err(rule.error(rule.at(), SopsProblem::NoDestination)) };
    for (_, settings, reason) in SETTINGS.into_iter().filter(|(own, ..)| *own != key) {
        rule.unused(settings, reason)?;
    }
    let name = name.value.to_owned();
    let text = |key| Ok(rule.text(key)?.map_or_else(String::new, |text| text.value.to_owned()));
    Ok(match key {
        "s3_bucket" => Destination::S3 { bucket: name, prefix: text("s3_prefix")? },
        "gcs_bucket" => Destination::Gcs { bucket: name, prefix: text("gcs_prefix")? },
        _ => Destination::Vault {
            path: name,
            address: rule.filled("vault_address")?.map(|address| address.value.to_owned()),
            mount: match text("vault_kv_mount_name")?.trim_matches('/') {
                "" => "secret".to_owned(),
                mount => mount.to_owned(),
            },
            kv_version: kv_version(rule)?,
        },
    })
}

fn kv_version(rule: Section<'_>) -> Result<u8, ConfigError> {
    let key = "vault_kv_version";
    match rule.number(key)? {
        None | Some(Placed { value: 0 | 2, .. }) => Ok(2),
        Some(Placed { value: 1, .. }) => Ok(1),
        Some(Placed { at, .. }) => Err(rule.error(at, SopsProblem::Range { key, expected: "1 or 2" })),
    }
}

/// SOPS publishes a file as it is where the rule names no key.
fn recreation_rule(rule: Section<'_>) -> Result<Option<CreationRule>, ConfigError> {
    let key = "recreation_rule";
    let Some(item) = rule.get(key) else { return Ok(None) };
    let inner = rule.reader().section(item, "a recreation rule", RULE)?;
    inner.unused(&["path_regex"], "the destination rule's own is")?;
    let read = CreationRule::read(inner)?;
    if read.groups.is_empty() {
        rule.unused(&[key], "it names no key")?;
        return Ok(None);
    }
    Ok(Some(read))
}

/// The destinations, with what belongs to each alone.
const SETTINGS: [(&str, &[&str], &str); 3] = [
    ("s3_bucket", &["s3_prefix"], "the rule has no `s3_bucket`"),
    ("gcs_bucket", &["gcs_prefix"], "the rule has no `gcs_bucket`"),
    (
        "vault_path",
        &["vault_address", "vault_kv_mount_name", "vault_kv_version"],
        "the rule has no `vault_path`",
    ),
];

/// The keys of a destination rule.
pub(super) const DESTINATION: &[&str] = &[
    "path_regex",
    "s3_bucket",
    "s3_prefix",
    "gcs_bucket",
    "gcs_prefix",
    "vault_path",
    "vault_address",
    "vault_kv_mount_name",
    "vault_kv_version",
    "omit_extensions",
    "recreation_rule",
];
