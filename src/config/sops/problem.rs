//! What only a `.sops.yaml` can have wrong.

use crate::envelope::sops::SopsError;

/// A part of [`Problem`](crate::config::Problem).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SopsProblem {
    /// An alias or merge key that stands for nothing, or for too much.
    #[error("{0}")]
    Alias(String),
    /// Something else than a map.
    #[error("{0} must be a map")]
    NotMap(&'static str),
    /// A tag.
    #[error("the tag `{0}` has no meaning here")]
    Tag(String),
    /// YAML documents behind the first, which SOPS does not read.
    #[error("the YAML documents behind the first are not read")]
    Documents,
    /// An element or rule of no value, which SOPS passes over.
    #[error("{0} without a value is passed over")]
    Nothing(&'static str),
    /// A key that something else in the same place takes the meaning from.
    #[error("`{key}` is not used: {reason}")]
    Unused {
        /// The key.
        key: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// A pattern that is none in Go's syntax.
    #[error("`{key}` is no regular expression: {reason}")]
    Regex {
        /// The key.
        key: &'static str,
        /// Why not.
        reason: String,
    },
    /// A selector that cannot be used.
    #[error("`{name}` {reason}")]
    Selector {
        /// The key.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Two selectors of one rule.
    #[error("`{0}` and `{1}` exclude each other: a rule has one selector")]
    Selectors(&'static str, &'static str),
    /// A group that holds no key.
    #[error("key group {0} has no key")]
    EmptyGroup(usize),
    /// A threshold that the groups cannot meet.
    #[error("`shamir_threshold` is {threshold}, but must be from 2 to {groups}, the number of groups")]
    Threshold {
        /// The threshold.
        threshold: u32,
        /// How many groups there are.
        groups: usize,
    },
    /// An identifier that is not of its key type's form.
    #[error("`{key}` has `{id}`, but must have the form `{form}`")]
    Identifier {
        /// The key.
        key: &'static str,
        /// The identifier.
        id: String,
        /// The form.
        form: &'static str,
    },
    /// A key that this build cannot wrap for.
    #[error("this build has no `{0}`")]
    NotInThisBuild(String),
    /// A key that its type does not accept.
    #[error("{0}")]
    Key(String),
    /// A rule of `.sealeaf.toml` that shares the data key and wants one share.
    #[error("`threshold` must be at least 2 with `envelope = \"sops\"`")]
    OneShare,
    /// A rule that names nobody.
    #[error("the rule names no key")]
    NoKeys,
    /// More than one destination in one rule.
    #[error("`{0}` and `{1}` exclude each other: a destination rule has one destination")]
    Destinations(&'static str, &'static str),
    /// A destination rule without a destination.
    #[error("a destination rule has one of `s3_bucket`, `gcs_bucket` and `vault_path`")]
    NoDestination,
    /// A number that is too small or too large.
    #[error("`{key}` must be {expected}")]
    Range {
        /// The key.
        key: &'static str,
        /// What it must be: `a whole number from 0`.
        expected: &'static str,
    },
}

impl SopsProblem {
    /// What the envelope says of a selector.
    pub(in crate::config) fn of_selector(error: &SopsError, name: &'static str) -> Self {
        let reason = match error {
            SopsError::Selector { reason, .. } => reason.clone(),
            other => other.to_string(),
        };
        Self::Selector { name, reason }
    }
}
