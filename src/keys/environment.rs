//! The environment variables as they were when the program started: the library reads no others.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

/// A snapshot of environment variables. Values may be secret: `Debug` shows nothing.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The process's own environment, now.
    #[must_use]
    pub fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// A variable; an empty one counts as unset.
    #[must_use]
    pub fn os(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// A variable that is UTF-8; an empty one counts as unset.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.os(name)?.to_str()
    }

    /// What a program that we start may see: everything but variables that hold private keys or run what prints them.
    pub fn for_children(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let told = |(name, value): &(&OsStr, &OsStr)| !is_withheld(name) && !holds_key(value);
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str())).filter(told)
    }

    /// The home folder.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.os("HOME").map(PathBuf::from)
    }

    /// `$XDG_STATE_HOME`, else `~/.local/state`.
    #[must_use]
    pub fn state_home(&self) -> Option<PathBuf> {
        absolute(self.os("XDG_STATE_HOME")).or_else(|| Some(self.home()?.join(".local/state")))
    }

    /// `$XDG_CONFIG_HOME`, else `~/.config`.
    #[must_use]
    pub fn config_home(&self) -> Option<PathBuf> {
        absolute(self.os("XDG_CONFIG_HOME")).or_else(|| Some(self.home()?.join(".config")))
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        Self(iter.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment(..)")
    }
}

/// A relative folder would be one of whatever repository is worked in; the XDG Base Directory Specification ignores it too.
fn absolute(value: Option<&OsStr>) -> Option<PathBuf> {
    value.map(PathBuf::from).filter(|path| path.is_absolute())
}

fn is_withheld(name: &OsStr) -> bool {
    WITHHELD.iter().any(|withheld| name == *withheld)
}

fn holds_key(value: &OsStr) -> bool {
    let text = value.to_string_lossy();
    text.contains("AGE-SECRET-KEY-") || text.contains("PRIVATE KEY-----")
}

/// Variables that hold private keys, or commands that print them (which would start us again without end, if the
/// command calls this program).
const WITHHELD: &[&str] = &[
    "SEALEAF_IDENTITY",
    "SEALEAF_IDENTITY_CMD",
    "SOPS_AGE_KEY",
    "SOPS_AGE_KEY_CMD",
    "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_see_no_private_keys() {
        let environment: Environment = [
            ("PATH", "/bin"),
            ("SEALEAF_IDENTITY", "x"),
            ("SOPS_AGE_KEY_FILE", "/keys.txt"),
            ("SEALEAF_IDENTITY_FILE", "AGE-SECRET-KEY-1QQ"),
            ("SOPS_AGE_KEY_CMD", "pass age"),
            ("DEPLOY", "-----BEGIN OPENSSH PRIVATE KEY-----"),
        ]
        .into_iter()
        .collect();
        let names: Vec<&OsStr> = environment.for_children().map(|(name, _)| name).collect();
        assert_eq!(names, ["PATH", "SOPS_AGE_KEY_FILE"]);
    }

    #[test]
    fn empty_counts_as_unset() {
        let environment: Environment =
            [("HOME", "/home/a"), ("XDG_CONFIG_HOME", ""), ("A", "")].into_iter().collect();
        assert_eq!(environment.os("A"), None);
        assert_eq!(environment.config_home(), Some(PathBuf::from("/home/a/.config")));
    }
}
