//! Which leaves are secret, and under which modes a file is sealed.
//!
//! The grammar of key-path patterns is part of the file format; it stands in [`Selection`].

mod pattern;
mod selection;
#[cfg(test)]
mod tests;

pub use pattern::PatternError;
pub use selection::{Coverage, Cursor, Selection, Usage};

/// How strictly a whole file must be one version (`format-v1.md`, section 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Integrity {
    /// A clean text merge opens, with a note.
    #[default]
    Linked,
    /// Only a complete version opens.
    Sealed,
}

/// Whether cleartext leaves are authenticated (section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cleartext {
    /// They are.
    #[default]
    Bound,
    /// Anyone may edit them.
    Free,
}

/// What happens to comments (section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comments {
    /// They stay in clear; those that look like secrets are refused.
    #[default]
    Plain,
    /// Each becomes a token.
    Encrypt,
    /// They are removed.
    Strip,
}

/// Whether payloads are padded to buckets (section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// To 32-byte steps up to 256, then Padmé.
    #[default]
    Buckets,
    /// Not at all: lengths show.
    None,
}

/// A rule as it is written into a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Which leaves.
    pub selection: Selection,
    /// Whole-file integrity.
    pub integrity: Integrity,
    /// Cleartext mode.
    pub cleartext: Cleartext,
    /// Comment mode.
    pub comments: Comments,
    /// Padding mode.
    pub padding: Padding,
    /// Scope, `{path}` already put in; empty if none.
    pub scope: String,
}

/// Gives a mode its names in files and in `.sealeaf.toml`, from one table.
macro_rules! named {
    ($mode:ident { $($variant:ident = $name:literal),+ }) => {
        impl $mode {
            /// Every name, in the order of the variants.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name in files and in `.sealeaf.toml`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }

            /// The mode of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

named!(Integrity { Linked = "linked", Sealed = "sealed" });
named!(Cleartext { Bound = "bound", Free = "free" });
named!(Comments { Plain = "plain", Encrypt = "encrypt", Strip = "strip" });
named!(Padding { Buckets = "buckets", None = "none" });
