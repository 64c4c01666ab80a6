//! Programs that we start: they get the user's environment without the user's keys.

use std::ffi::OsStr;
use std::process::Command;

use sealeaf::keys::Environment;

/// A command whose environment lacks our identity secrets.
pub(crate) fn command(program: &OsStr, environment: &Environment) -> Command {
    let mut command = Command::new(program);
    for name in environment.names().filter(|name| is_identity(name)) {
        command.env_remove(name);
    }
    command
}

/// Whether a variable holds, or leads to, a private key of this tool.
fn is_identity(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    SECRET_PREFIXES.iter().any(|prefix| name.starts_with(prefix.as_bytes()))
}

/// `SEALEAF_IDENTITY`, `_FILE`, `_CMD`, and what SOPS calls the same.
const SECRET_PREFIXES: [&str; 2] = ["SEALEAF_IDENTITY", "SOPS_AGE_KEY"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_not_inherited() {
        let environment: Environment = [
            ("SEALEAF_IDENTITY", "x"),
            ("SOPS_AGE_KEY_FILE", "y"),
            ("SEALEAF_EDITOR", "vi"),
            ("PATH", "/bin"),
        ]
        .into_iter()
        .collect();
        let command = command(OsStr::new("true"), &environment);
        let removed: Vec<_> =
            command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert_eq!(removed, ["SEALEAF_IDENTITY", "SOPS_AGE_KEY_FILE"]);
    }
}
