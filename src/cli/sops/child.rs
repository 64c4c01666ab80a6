//! Commands that `exec-env` and `exec-file` run.

use std::ffi::OsStr;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode};

use super::face::Face;
use super::fault::{Fault, GENERIC};
use crate::cli::cleanup;
use crate::cli::report::Report;

/// `/bin/sh -c LINE` in this environment. Unlike other programs that we start it gets the private keys of the environment
/// too: under SOPS, scripts call `sops` again.
pub(super) fn shell(line: &OsStr) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line);
    command
}

/// Waits for a command. Its exit code is ours; 255 where a signal ended it.
pub(super) fn finish(mut child: Child, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let status =
        cleanup::while_child(&mut child, Child::wait).map_err(Report::io("wait for", "/bin/sh".as_ref()))?;
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(ExitCode::SUCCESS),
        (Some(code), _) => {
            face.context.say(&format!("exit status {code}\n"));
            Err(Fault::silent(u8::try_from(code).unwrap_or(u8::MAX)))
        }
        (None, signal) => {
            face.context.say(&format!("signal: {}\n", signal.unwrap_or_default()));
            Err(Fault::silent(u8::MAX))
        }
    }
}

/// Another user.
#[derive(Debug)]
pub(super) struct User {
    pub(super) id: u32,
    pub(super) group: u32,
    name: String,
    home: String,
}

impl User {
    /// Asks the system's databases.
    ///
    /// # Errors
    /// Where there is no such user.
    pub(super) fn of(name: &str) -> Result<Self, Fault> {
        let unknown = || Fault::new(GENERIC, format!("user: unknown user {name}"));
        if name.starts_with('-') {
            return Err(unknown());
        }
        let output = Command::new("getent").args(["passwd", name]).output();
        let output = output.map_err(Report::io("run", "getent".as_ref()))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let fields: Vec<&str> = text.trim_end().split(':').collect();
        match fields.as_slice() {
            [name, _, id, group, _, home, ..] => match (id.parse(), group.parse()) {
                (Ok(id), Ok(group)) => {
                    Ok(Self { id, group, name: (*name).to_owned(), home: (*home).to_owned() })
                }
                _ => Err(unknown()),
            },
            _ => Err(unknown()),
        }
    }

    /// Lets a command run as this user, in its own group alone.
    pub(super) fn apply(&self, command: &mut Command) {
        command.uid(self.id).gid(self.group);
        command.env("HOME", &self.home).env("USER", &self.name).env("LOGNAME", &self.name);
    }
}
