//! One run of the binary, and what came of it.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use expect_test::Expect;

use super::{Sandbox, terminal};

/// A run that is being prepared.
#[must_use]
#[derive(Debug)]
pub(crate) struct Run<'a> {
    sandbox: &'a Sandbox,
    command: Command,
    stdin: Vec<u8>,
}

/// What a run gave; the sandbox's paths are masked in both texts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// The exit code; 128 + signal where a signal ended it.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl<'a> Run<'a> {
    pub(super) fn new(sandbox: &'a Sandbox, arguments: &[&str]) -> Self {
        let mut command = sandbox.command(env!("CARGO_BIN_EXE_sealeaf"));
        command.args(arguments);
        Self { sandbox, command, stdin: Vec::new() }
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Removes a variable.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs in a folder of the repository.
    pub(crate) fn dir(mut self, folder: &str) -> Self {
        self.command.current_dir(self.sandbox.path(folder));
        self
    }

    /// Gives these bytes on standard input, which is empty otherwise.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Puts another program in front, which gets the command as its arguments.
    pub(crate) fn under(mut self, program: &str, arguments: &[&str]) -> Self {
        let mut outer = Command::new(program);
        outer.args(arguments).arg(self.command.get_program()).args(self.command.get_args());
        outer.current_dir(self.command.get_current_dir().unwrap()).env_clear();
        outer.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.command = outer;
        self
    }

    /// Runs, without a terminal.
    pub(crate) fn output(mut self) -> Output {
        // A session of its own has no terminal to ask on, wherever the tests were started.
        self = self.under("setsid", &["--wait"]);
        let pipes = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let bytes = std::mem::take(&mut self.stdin);
        let writer = std::thread::spawn(move || {
            // A run that reads nothing closes the pipe.
            let _ = stdin.write_all(&bytes);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let text = |bytes: &[u8]| self.sandbox.masked(&String::from_utf8_lossy(bytes));
        Output {
            code: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or_default()),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Runs on a terminal: waits for each text, then types its answer. Gives the exit code and all that was shown, with
    /// plain line breaks.
    #[track_caller]
    pub(crate) fn on_terminal(self, talk: &[(&str, &str)]) -> (i32, String) {
        let (code, shown) = terminal::talk(&self.command, talk);
        (code, self.sandbox.masked(&shown))
    }

    /// The command itself, for tests that want more than a run: signals, pipes.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    /// Runs and checks code, standard output and standard error exactly.
    #[track_caller]
    pub(crate) fn check(self, code: i32, stdout: Expect, stderr: Expect) {
        let output = self.output();
        stderr.assert_eq(&output.stderr);
        stdout.assert_eq(&output.stdout);
        assert_eq!(output.code, code, "exit code");
    }

    /// Runs, and checks that it succeeds with these texts.
    #[track_caller]
    pub(crate) fn check_text(self, stdout: &str, stderr: &str) {
        let (stdout, stderr) = (self.sandbox.masked(stdout), self.sandbox.masked(stderr));
        assert_eq!(self.output(), Output { code: 0, stdout, stderr });
    }

    /// Runs, checks that it succeeds, and gives standard output.
    #[track_caller]
    pub(crate) fn stdout(self) -> String {
        let output = self.output();
        assert_eq!(output.code, 0, "{}", output.stderr);
        output.stdout
    }

    /// Runs and checks that it fails with that code and message, saying nothing on standard output and leaving no
    /// temporary file.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, stderr: Expect) {
        let sandbox = self.sandbox;
        let output = self.output();
        stderr.assert_eq(&output.stderr);
        assert_eq!(output.code, code, "exit code");
        assert_eq!(output.stdout, "", "standard output");
        assert_eq!(sandbox.temporary_files(), Vec::<String>::new(), "temporary files");
    }
}
