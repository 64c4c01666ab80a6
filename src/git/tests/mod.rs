#![cfg(unix)]

mod history;
mod hostile;
mod objects;
mod places;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::Repo;
use crate::keys::Environment;

/// A folder with a repository `r`, a home of its own, and the real git.
struct Sandbox {
    _guard: TempDir,
    top: PathBuf,
    root: PathBuf,
    environment: Environment,
}

impl Sandbox {
    fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let top = guard.path().canonicalize().unwrap();
        let root = top.join("r");
        fs::create_dir_all(top.join("home")).unwrap();
        fs::create_dir_all(&root).unwrap();
        let sandbox = Self { _guard: guard, environment: environment(&top, &[]), top, root };
        sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
        sandbox.git(&["config", "user.name", "a"]);
        sandbox.git(&["config", "user.email", "a@example.org"]);
        sandbox.git(&["config", "commit.gpgsign", "false"]);
        sandbox
    }

    fn repo(&self) -> Repo {
        Repo::discover(&self.root, &self.environment).unwrap()
    }

    /// Runs git as a user would, in the repository.
    fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.root, arguments)
    }

    fn git_in(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = self.plain(folder).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn plain(&self, folder: &Path) -> Command {
        let mut git = Command::new("git");
        git.env_clear().current_dir(folder);
        for name in ["PATH", "HOME", "GIT_CONFIG_NOSYSTEM"] {
            git.env(name, self.environment.os(name).unwrap());
        }
        git
    }

    fn put(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write(&path, text);
    }

    /// Writes a file and commits it with everything else.
    fn commit(&self, path: &str, text: &str) -> String {
        self.put(path, text);
        self.commit_all()
    }

    fn commit_all(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=m"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// A program that leaves a line in `started` when it runs.
    fn trap(&self, name: &str) -> String {
        let path = self.top.join(name);
        write(&path, format!("#!/bin/sh\necho {name} >> {}\n", self.top.join("started").display()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The traps that ran, and forgets them.
    fn started(&self) -> String {
        let path = self.top.join("started");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        text
    }
}

fn environment(top: &Path, more: &[(&str, &str)]) -> Environment {
    let real = Environment::of_process();
    let home = top.join("home");
    let own = [
        ("PATH", real.text("PATH").unwrap()),
        ("HOME", home.to_str().unwrap()),
        ("GIT_CONFIG_NOSYSTEM", "1"),
    ];
    own.into_iter().chain(more.iter().copied()).collect()
}

#[expect(clippy::disallowed_methods, reason = "tests write where they like")]
fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::write(path, text).unwrap();
}
