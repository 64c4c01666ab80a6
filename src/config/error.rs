//! What can be wrong with a configuration file, always with its place.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::sops::SopsProblem;
use crate::keys::KeyError;
use crate::policy::PatternError;

/// A configuration that cannot be used, with the place that is to be changed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}:{line}:{column}: {problem}", file.display())]
pub struct ConfigError {
    /// The configuration file.
    pub file: PathBuf,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// What is wrong.
    pub problem: Box<Problem>,
    /// What to do next, one sentence without full stop.
    pub suggestion: Option<String>,
}

/// What is wrong at the place that a [`ConfigError`] names.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Not TOML.
    #[error("{0}")]
    Syntax(String),
    /// Over a limit.
    #[error("{what}: {found}, at most {limit} are allowed")]
    Limit {
        /// Of what there is too much.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A key that has no meaning in its place.
    #[error("unknown key `{key}` in {place}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands: `a rule`.
        place: &'static str,
    },
    /// A key of a recipient that is no key type.
    #[error("unknown key type `{kind}` of recipient `{name}`")]
    UnknownKeyType {
        /// The type.
        kind: String,
        /// The recipient.
        name: String,
    },
    /// A setting that starts programs, chooses addresses or names keys.
    #[error("`{0}` is not allowed in a repository's file: it belongs into the user's own configuration")]
    UserSetting(String),
    /// A required key is not there.
    #[error("{place} has no `{key}`")]
    Missing {
        /// The key.
        key: &'static str,
        /// Where: `a rule`.
        place: &'static str,
    },
    /// A value of the wrong type.
    #[error("`{key}` must be {expected}")]
    Type {
        /// The key.
        key: String,
        /// What it must be: `a list of strings`.
        expected: &'static str,
    },
    /// A configuration of another version.
    #[error("version {0} is not known: this program knows version 1")]
    Version(String),
    /// A value that is not one of those allowed.
    #[error("`{key}` cannot be `{value}`: it is one of {allowed}")]
    Choice {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// The allowed ones, for people.
        allowed: String,
    },
    /// A list or text that must hold something.
    #[error("`{0}` is empty")]
    Empty(String),
    /// A key-path pattern that does not parse.
    #[error("{0}")]
    Pattern(#[from] PatternError),
    /// A glob that cannot be used.
    #[error("glob `{glob}`: {reason}")]
    Glob {
        /// The glob.
        glob: String,
        /// Why not.
        reason: String,
    },
    /// A scope with something in it that has no meaning.
    #[error("scope `{scope}`: {reason}")]
    Scope {
        /// The scope.
        scope: String,
        /// Why not.
        reason: &'static str,
    },
    /// A name that cannot be a recipient's.
    #[error("`{0}` cannot be the name of a recipient: only letters, digits and `-`, `_`, `.`, `@`, `+`")]
    BadName(String),
    /// A name that no recipient has.
    #[error("no recipient is called `{0}`")]
    UnknownRecipient(String),
    /// One name twice in one list.
    #[error("`{0}` is listed twice")]
    Twice(String),
    /// A name beside a group that holds it.
    #[error("`{name}` is listed twice: it is in `{group}` too")]
    TwiceByGroup {
        /// The name.
        name: String,
        /// The group.
        group: String,
    },
    /// One recipient in two groups of one threshold.
    #[error("`{0}` is in two groups: one key would count twice")]
    InTwoGroups(String),
    /// Two names of one key in one rule.
    #[error("`{first}` and `{second}` are the same key")]
    SameKey {
        /// One name.
        first: String,
        /// The other.
        second: String,
    },
    /// Groups of names that hold each other.
    #[error("recipients hold each other in a circle: {0}")]
    Cycle(String),
    /// A recipient without a key.
    #[error("recipient `{0}` has no key")]
    NoKey(String),
    /// A recipient with more than one key.
    #[error("recipient `{name}` has two keys, `{first}` and `{second}`")]
    TwoKeys {
        /// The recipient.
        name: String,
        /// One key type.
        first: String,
        /// Another.
        second: String,
    },
    /// An identifier that its key type does not accept.
    #[error("recipient `{name}`: {source}")]
    Key {
        /// The recipient.
        name: String,
        /// Why not.
        source: Arc<KeyError>,
    },
    /// A `context` where it means nothing.
    #[error("recipient `{name}`: `{kind}` takes no `context`")]
    NoContext {
        /// The recipient.
        name: String,
        /// Its key type.
        kind: String,
    },
    /// A context pair that the file format uses itself.
    #[error("recipient `{name}`: `{key}` cannot be used in a `context`: the file format sets it")]
    ContextName {
        /// The recipient.
        name: String,
        /// The pair's key.
        key: String,
    },
    /// A rule with both ways of naming recipients.
    #[error("a rule has `to` or `groups`, not both")]
    ToAndGroups,
    /// A threshold without groups.
    #[error("`threshold` needs `groups`")]
    ThresholdWithoutGroups,
    /// A threshold that the groups cannot meet.
    #[error("`threshold` is {threshold}, but must be from 1 to {groups}, the number of groups")]
    Threshold {
        /// The threshold.
        threshold: String,
        /// How many groups there are.
        groups: usize,
    },
    /// A rule that never applies, and the lines of the rules that match first.
    #[error("this rule never applies: all of its files match before it, in {}", lines(.0))]
    Shadowed(BTreeSet<usize>),
    /// A recipient of a rule with `pq = "required"` whose key falls to quantum computers.
    #[error("`pq = \"required\"`: the key of {recipient} does not withstand quantum computers")]
    NotPostQuantum {
        /// Name or key.
        recipient: String,
    },
    /// A key of a rule that says something of the other envelope's files.
    #[error("`{key}` has no meaning in a rule with `envelope = \"{envelope}\"`")]
    OtherEnvelope {
        /// The key.
        key: &'static str,
        /// The rule's envelope.
        envelope: &'static str,
    },
    /// A rule with a recipient that this build cannot wrap for.
    #[error("recipient `{name}`: this build has no `{kind}`")]
    NotInThisBuild {
        /// The recipient.
        name: String,
        /// Its key type.
        kind: String,
    },
    /// What only a `.sops.yaml` can have wrong.
    #[error(transparent)]
    Sops(#[from] SopsProblem),
    /// Not a file that is read.
    #[error("{0}")]
    Unreadable(String),
}

fn lines(lines: &BTreeSet<usize>) -> String {
    let numbers = lines.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    if lines.len() == 1 { format!("line {numbers}") } else { format!("lines {numbers}") }
}
