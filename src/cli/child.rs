//! Programs that we start: they get the user's environment without the user's keys.

use std::ffi::OsStr;
use std::process::Command;

use sealeaf::keys::Environment;

/// A command whose environment lacks our identity secrets.
pub(crate) fn command(program: &OsStr, environment: &Environment) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(environment.for_children());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_not_inherited() {
        let environment: Environment =
            [("SEALEAF_IDENTITY", "x"), ("SEALEAF_EDITOR", "vi"), ("PATH", "/bin")].into_iter().collect();
        let command = command(OsStr::new("true"), &environment);
        let given: Vec<_> = command.get_envs().map(|(name, _)| name).collect();
        assert_eq!(given, ["PATH", "SEALEAF_EDITOR"]);
    }
}
