//! A place of its own for each test: home, configuration, repository, clock, and nothing of the machine's.
#![allow(dead_code, reason = "each test file uses the part it needs")]

pub(crate) mod azure;
mod dice;
mod gpg;
mod namespace;
mod project;
mod proxy;
pub(crate) mod python;
mod run;
pub(crate) mod servers;
mod terminal;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub(crate) use dice::{Dice, number};
pub(crate) use gpg::Gpg;
pub(crate) use namespace::Namespace;
pub(crate) use project::Project;
pub(crate) use proxy::{Fault, Proxy};
pub(crate) use run::{Output, Run};
pub(crate) use tools::{skip, tools};

/// Folders `home`, `repo` (a git repository, where commands run), `bin` (first on the path) and `tmp`, under one root
/// that prints as `[ROOT]`.
#[derive(Debug)]
pub(crate) struct Sandbox {
    root: TempDir,
    runtime: Option<TempDir>,
    /// What differs from run to run, and what is shown for it.
    masks: Vec<(String, String)>,
}

impl Sandbox {
    /// A sandbox with an empty git repository.
    pub(crate) fn new() -> Self {
        let sandbox = Self::without_git();
        sandbox.git(&["init", "--quiet"]);
        sandbox
    }

    /// A sandbox in which `repo` is a mere folder.
    pub(crate) fn without_git() -> Self {
        let root = tempfile::Builder::new().prefix("sealeaf-it-").tempdir().unwrap();
        for folder in ["home/.config", "repo", "bin", "tmp"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        // A memory file system of the test's own, where the machine has one.
        let runtime = tempfile::Builder::new().prefix("sealeaf-it-").tempdir_in("/dev/shm").ok();
        let sandbox = Self { root, runtime, masks: Vec::new() };
        sandbox.put(&sandbox.home().join(".gitconfig"), GIT_CONFIG);
        sandbox
    }

    /// The root, without symlinks.
    pub(crate) fn root(&self) -> PathBuf {
        fs::canonicalize(self.root.path()).unwrap()
    }

    /// The user's home.
    pub(crate) fn home(&self) -> PathBuf {
        self.root().join("home")
    }

    /// `$XDG_RUNTIME_DIR`, in memory.
    pub(crate) fn runtime(&self) -> Option<&Path> {
        self.runtime.as_ref().map(TempDir::path)
    }

    /// A path in the repository.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join("repo").join(name)
    }

    /// Writes a file of the repository, its folders included.
    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        self.put(&self.path(name), text);
        self
    }

    /// Reads a file of the repository.
    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        match fs::read_to_string(self.path(name)) {
            Ok(text) => text,
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// All files of the repository but git's own, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        files_below(&self.path(""))
    }

    /// Every file in the sandbox's temporary places: after a run there should be none.
    pub(crate) fn temporary_files(&self) -> Vec<String> {
        let mut files = files_below(&self.root().join("tmp"));
        files.extend(self.runtime().map(files_below).unwrap_or_default());
        files.extend(self.files().into_iter().filter(|file| file.contains(".sealeaf-")));
        files
    }

    /// Runs git in the repository; gives its standard output.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = self.command("git").args(arguments).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {shown}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Adds everything and commits.
    #[track_caller]
    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// Prepares a run of the binary.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run<'_> {
        Run::new(self, arguments)
    }

    /// A shell script on the path.
    pub(crate) fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.root().join("bin").join(name);
        let source = path.with_extension("source");
        self.put(&source, &format!("#!/bin/sh\nset -eu\n{body}\n"));
        install(&source, &path);
        path
    }

    /// A fake editor, for `SEALEAF_EDITOR`: its script gets the file as `$1`.
    pub(crate) fn editor(&self, body: &str) -> String {
        format!("'{}'", self.script("fake-editor", body).display())
    }

    /// A command with the sandbox's environment and nothing else.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path("")).env_clear().envs(self.environment());
        command
    }

    /// Shows `shown` wherever a run prints `real`.
    pub(crate) fn mask(&mut self, real: &str, shown: &str) {
        self.masks.push((real.to_owned(), shown.to_owned()));
    }

    /// Text with the sandbox's own paths replaced, and whatever else is masked.
    pub(crate) fn masked(&self, text: &str) -> String {
        let mut text = text.replace(self.root().to_str().unwrap(), "[ROOT]");
        if let Some(runtime) = self.runtime() {
            text = text.replace(runtime.to_str().unwrap(), "[RUNTIME]");
        }
        self.masks.iter().fold(text, |text, (real, shown)| text.replace(real, shown))
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let root = self.root();
        let under = |name: &str| root.join(name).display().to_string();
        let mut environment = vec![
            ("PATH", format!("{}:{}", under("bin"), machine_path())),
            ("HOME", under("home")),
            ("XDG_CONFIG_HOME", under("home/.config")),
            ("XDG_DATA_HOME", under("home/.local/share")),
            ("XDG_STATE_HOME", under("home/.local/state")),
            ("TMPDIR", under("tmp")),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("TZ", "UTC".to_owned()),
            ("TERM", "xterm".to_owned()),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
            ("GIT_CEILING_DIRECTORIES", root.display().to_string()),
            ("GIT_AUTHOR_DATE", CLOCK.to_owned()),
            ("GIT_COMMITTER_DATE", CLOCK.to_owned()),
        ];
        environment.extend(self.runtime().map(|runtime| ("XDG_RUNTIME_DIR", runtime.display().to_string())));
        environment
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own files need not be replaced atomically")]
    pub(crate) fn put(&self, path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Copies a program. Another process does it: a child that another test starts meanwhile would keep a file open that this
/// one writes, and what is open for writing cannot be run.
pub(crate) fn install(from: &Path, to: &Path) {
    assert!(Command::new("install").args(["-m", "755"]).arg(from).arg(to).status().unwrap().success());
}

#[expect(clippy::disallowed_methods, reason = "the programs that tests run are the machine's")]
fn machine_path() -> String {
    std::env::var("PATH").unwrap()
}

fn files_below(folder: &Path) -> Vec<String> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    entries
        .filter_entry(|entry| entry.file_name() != ".git")
        .map(Result::unwrap)
        .filter(|entry| !entry.file_type().is_dir())
        .map(|entry| entry.path().strip_prefix(folder).unwrap().display().to_string())
        .collect()
}

const CLOCK: &str = "2026-01-02T03:04:05Z";

const GIT_CONFIG: &str = "\
[user]
\tname = Test
\temail = test@example.invalid
[init]
\tdefaultBranch = main
[commit]
\tgpgSign = false
[core]
\tautocrlf = false
";
