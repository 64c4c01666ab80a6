//! How git is started: the only place that starts a program here.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::{GitError, Repo};
use crate::keys::Environment;

/// What git said.
pub(super) struct Answer {
    /// Git's exit code; 0 is yes, what 1 means depends on the command.
    pub(super) code: i32,
    /// Standard output.
    pub(super) stdout: Vec<u8>,
}

/// Variables that git needs to find the user's own configuration and its own files.
pub(super) const HANDED_ON: &[&str] = &[
    "APPDATA",
    "GIT_CONFIG_NOSYSTEM",
    "HOME",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATH",
    "PATHEXT",
    "SUDO_UID",
    "SYSTEMROOT",
    "TMPDIR",
    "USERPROFILE",
    "XDG_CONFIG_HOME",
];

/// Variables that git sets for its hooks.
pub(super) const FOR_HOOKS: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_QUARANTINE_PATH",
];

/// Those of `names` that are set.
pub(super) fn handed_on(environment: &Environment, names: &[&'static str]) -> Vec<(&'static str, OsString)> {
    names.iter().filter_map(|name| Some((*name, environment.os(name)?.to_owned()))).collect()
}

/// The first `git` of `PATH`. Relative folders are passed over: they would be looked for inside the repository.
pub(super) fn find_git(environment: &Environment) -> Option<PathBuf> {
    let name = format!("git{}", std::env::consts::EXE_SUFFIX);
    let folders = std::env::split_paths(environment.os("PATH")?).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(&name)).find(|path| path.is_file())
}

impl Repo {
    /// Git, hardened, in this repository.
    pub(super) fn git(&self, command: &'static str) -> Result<Command, GitError> {
        let mut git = self.bare_git()?;
        for setting in SETTINGS {
            git.args(["-c", setting]);
        }
        git.arg(command);
        Ok(git)
    }

    /// The same without settings on the command line, which would hide those of the configuration.
    pub(super) fn git_config(&self) -> Result<Command, GitError> {
        let mut git = self.bare_git()?;
        git.arg("config");
        Ok(git)
    }

    fn bare_git(&self) -> Result<Command, GitError> {
        let mut git = Command::new(self.program.as_ref().ok_or(GitError::NoGit)?);
        git.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value))).envs(SET);
        if let Some(above) = self.root.parent() {
            // Where `.git` is no repository after all, git must not take the next one above.
            git.env("GIT_CEILING_DIRECTORIES", above);
        }
        git.arg("-C").arg(&self.root);
        // A repository's configuration can point git at another work tree.
        git.arg("--work-tree").arg(&self.root);
        git.arg("--no-optional-locks").stdin(Stdio::null());
        Ok(git)
    }

    /// Runs git to its end. Exit codes 0 and 1 are answers, all others errors.
    pub(super) fn ask<S: AsRef<OsStr>>(
        &self,
        command: &'static str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<Answer, GitError> {
        self.finish(command, self.git(command)?.args(arguments))
    }

    /// Runs a prepared command to its end.
    pub(super) fn finish(&self, command: &'static str, git: &mut Command) -> Result<Answer, GitError> {
        let output = git.output().map_err(|source| GitError::Run { command, source })?;
        match output.status.code() {
            Some(code @ (0 | 1)) => Ok(Answer { code, stdout: output.stdout }),
            _ => Err(self.failure(command, &output.stderr)),
        }
    }

    /// The error for what git wrote on standard error.
    pub(super) fn failure(&self, command: &'static str, stderr: &[u8]) -> GitError {
        let text = String::from_utf8_lossy(stderr);
        if text.contains("dubious ownership") {
            return GitError::Untrusted(self.root.clone());
        }
        let line = text.lines().find(|line| line.starts_with("fatal: ") || line.starts_with("error: "));
        let line = line.or_else(|| text.lines().next()).unwrap_or("it said nothing");
        let line = line.trim_start_matches("fatal: ").trim_start_matches("error: ");
        GitError::Failed { command, message: line.chars().take(LONGEST_MESSAGE).collect() }
    }
}

impl Answer {
    /// Standard output as text, without the last line break.
    pub(super) fn text(&self, command: &'static str) -> Result<&str, GitError> {
        let text = std::str::from_utf8(&self.stdout).map_err(|_| GitError::Answer(command))?;
        Ok(text.strip_suffix('\n').unwrap_or(text))
    }
}

/// What a repository's configuration must not decide.
const SETTINGS: [&str; 3] = ["core.hooksPath=/dev/null", "core.fsmonitor=false", "protocol.allow=never"];

/// Makes every path that is given to git a plain one; a command that cannot be told so takes it out again.
pub(super) const LITERAL_PATHS: &str = "GIT_LITERAL_PATHSPECS";

const SET: [(&str, &str); 5] = [
    // `protocol.allow` gives way to `protocol.ext.allow` of a hostile repository; this list gives way to nothing.
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_NO_LAZY_FETCH", "1"),
    (LITERAL_PATHS, "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LC_ALL", "C"),
];

const LONGEST_MESSAGE: usize = 300;
