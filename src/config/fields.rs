//! The keys that may stand in each place, in one table: the parser, the suggestions and the published schema are all
//! made from it.

use crate::keys::BACKENDS;
use crate::policy::{Cleartext, Comments, Integrity, Padding};

/// A key that may stand in some place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// The key.
    pub(super) name: &'static str,
    /// What its value is.
    pub(super) shape: Shape,
    /// One sentence for the schema.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the schema shows it, which a test makes"))]
    pub(super) about: &'static str,
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A string.
    Text,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// A list of strings.
    Texts,
    /// A list of lists of strings.
    TextLists,
    /// A whole number.
    Number,
    /// A boolean.
    Flag,
    /// A table of strings.
    Pairs,
    /// A table that is checked on its own.
    Table,
    /// A list of such tables.
    Tables,
}

impl Shape {
    /// The type, for an error.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Text | Self::OneOf(_) => "a string",
            Self::Texts => "a list of strings",
            Self::TextLists => "a list of lists of strings",
            Self::Number => "a whole number",
            Self::Flag => "true or false",
            Self::Pairs => "a table of strings",
            Self::Table => "a table",
            Self::Tables => "a list of tables",
        }
    }
}

/// The keys at the top.
pub(super) const TOP: &[Field] = &[
    field("version", Shape::Number, "The version of this file's format: 1."),
    field("recipients", Shape::Table, "Names of people and machines, and of groups of them."),
    field("rule", Shape::Tables, "Rules for files; the first that matches is used."),
];

/// The keys of a rule.
pub(super) const RULE: &[Field] = &[
    field("files", Shape::Texts, "Globs on /-separated paths relative to the repository root."),
    field("to", Shape::Texts, "Names of recipients; each of them alone can read."),
    field("encrypt", Shape::Texts, "Key-path patterns of what is sealed; by default everything."),
    field("clear", Shape::Texts, "Key-path patterns of what stays in clear; wins over `encrypt`."),
    field("comments", Shape::OneOf(Comments::NAMES), "What happens to comments; by default they stay plain."),
    field("scope", Shape::Text, "Where a sealed file is valid; `{path}` stands for the file's path."),
    field("integrity", Shape::OneOf(Integrity::NAMES), "Whether a merged file opens before it is resealed."),
    field("cleartext", Shape::OneOf(Cleartext::NAMES), "Whether values in clear are authenticated."),
    field("padding", Shape::OneOf(Padding::NAMES), "Whether the lengths of values are hidden."),
    field("envelope", Shape::OneOf(ENVELOPES), "How sealed files look."),
    field(
        "unencrypted_suffix",
        Shape::Text,
        "With SOPS' format: all is encrypted but what stands under such keys.",
    ),
    field(
        "encrypted_suffix",
        Shape::Text,
        "With SOPS' format: what stands under such keys is encrypted, nothing else.",
    ),
    field("unencrypted_regex", Shape::Text, "With SOPS' format: as `unencrypted_suffix`, by a pattern."),
    field("encrypted_regex", Shape::Text, "With SOPS' format: as `encrypted_suffix`, by a pattern."),
    field(
        "unencrypted_comment_regex",
        Shape::Text,
        "With SOPS' format: all but what stands under such comments.",
    ),
    field("encrypted_comment_regex", Shape::Text, "With SOPS' format: only what stands under such comments."),
    field(
        "mac_only_encrypted",
        Shape::Flag,
        "With SOPS' format: whether cleartext values may be changed by anyone.",
    ),
    field("pq", Shape::OneOf(PQ), "Whether every recipient must withstand quantum computers."),
    field("groups", Shape::TextLists, "Groups of names, of which `threshold` must act together."),
    field("threshold", Shape::Number, "How many of `groups` are needed; by default all."),
];

/// The keys of a recipient: its key types, then what may stand beside one.
pub(super) fn recipient() -> Vec<Field> {
    let types =
        key_types().map(|name| field(name, Shape::Text, "The public identifier of a key of this type."));
    types.chain(RECIPIENT.iter().copied()).collect()
}

/// The key types of a recipient.
pub(super) fn key_types() -> impl Iterator<Item = &'static str> {
    BACKENDS.iter().map(|(name, _)| *name)
}

/// Whether only the user's own configuration may have such a key.
pub(super) fn is_user_setting(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    USER_SETTINGS.contains(&key.as_str())
}

const fn field(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, about }
}

const RECIPIENT: &[Field] = &[
    field("context", Shape::Pairs, "The encryption context of an AWS KMS key."),
    field("break_glass", Shape::Flag, "Whether the key is tried only when it is asked for."),
];

const ENVELOPES: &[&str] = &["native", "sops"];

const PQ: &[&str] = &["required"];

/// What starts programs, chooses addresses, or names somebody's keys.
const USER_SETTINGS: &[&str] = &[
    "age_plugin",
    "allow",
    "aws_profile",
    "bao_addr",
    "bao_address",
    "command",
    "config_ref",
    "editor",
    "endpoint",
    "exec",
    "gpg",
    "gpg_program",
    "hook",
    "hooks",
    "identities",
    "identity",
    "identity_cmd",
    "identity_command",
    "identity_file",
    "key_command",
    "key_file",
    "keyfile",
    "keys_file",
    "keyservice",
    "keyservices",
    "pager",
    "plugin",
    "plugin_path",
    "plugins",
    "profile",
    "program",
    "region",
    "role",
    "role_arn",
    "ssh_key",
    "token",
    "trusted_ref",
    "vault_addr",
    "vault_address",
    "vault_token",
];
