//! Whether git keeps a file, or would.

use std::collections::HashSet;
use std::io::Write;
use std::process::Stdio;
use std::thread;

use super::command::LITERAL_PATHS;
use super::objects::short;
use super::{GitError, Repo};

/// What git does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracking {
    /// It is in the index, or in conflict there.
    Tracked,
    /// It is not, and `git add` would put it there.
    Untracked,
    /// It is not, and an ignore rule keeps it out.
    Ignored,
}

impl Repo {
    /// What git does with a file, which need not exist.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn tracking(&self, path: &str) -> Result<Tracking, GitError> {
        Ok(self.trackings(&[path])?.pop().unwrap_or(Tracking::Untracked))
    }

    /// What git does with many files, in the order of `paths`, from two processes.
    ///
    /// # Errors
    /// [`GitError`]; one path that git does not answer for, as inside of a submodule, is enough.
    pub fn trackings(&self, paths: &[&str]) -> Result<Vec<Tracking>, GitError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let tracked = self.tracked(paths)?;
        let open: Vec<&str> =
            paths.iter().copied().filter(|path| !tracked.contains(path.as_bytes())).collect();
        let ignored = if open.is_empty() { HashSet::new() } else { self.ignored(&open)? };
        let of = |path: &&str| match path.as_bytes() {
            path if tracked.contains(path) => Tracking::Tracked,
            path if ignored.contains(path) => Tracking::Ignored,
            _ => Tracking::Untracked,
        };
        Ok(paths.iter().map(of).collect())
    }

    /// Those of `paths` that are in the index, at any stage.
    fn tracked(&self, paths: &[&str]) -> Result<HashSet<Vec<u8>>, GitError> {
        let answer = self.ask(LS_FILES, ["-z", "--"].iter().chain(short(paths)))?;
        let wanted: HashSet<&[u8]> = paths.iter().map(|path| path.as_bytes()).collect();
        let listed = answer.stdout.split(|byte| *byte == 0).filter(|name| wanted.contains(name));
        Ok(listed.map(<[u8]>::to_vec).collect())
    }

    /// Those of `paths`, none of them tracked, that an ignore rule keeps out.
    fn ignored(&self, paths: &[&str]) -> Result<HashSet<Vec<u8>>, GitError> {
        let run = |source| GitError::Run { command: CHECK_IGNORE, source };
        // This command knows no literal paths; behind `./` nothing is magic, and it takes `*` for itself.
        let mut git = self.git(CHECK_IGNORE)?;
        git.env_remove(LITERAL_PATHS).args(["-z", "--stdin"]);
        git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = git.spawn().map_err(run)?;
        let questions: Vec<u8> = paths.iter().flat_map(|path| format!("./{path}\0").into_bytes()).collect();
        let mut stdin = child.stdin.take();
        // It answers while it is asked: who only wrote would wait for its full pipe, and it for who reads.
        let output = thread::scope(|scope| {
            // Where it stops listening, its exit code says why.
            scope.spawn(move || stdin.take().map(|mut stdin| stdin.write_all(&questions)));
            child.wait_with_output()
        });
        let output = output.map_err(run)?;
        match output.status.code() {
            Some(0 | 1) => {}
            _ => return Err(self.failure(CHECK_IGNORE, &output.stderr)),
        }
        let listed = output.stdout.split(|byte| *byte == 0);
        Ok(listed.filter_map(|name| name.strip_prefix(b"./")).map(<[u8]>::to_vec).collect())
    }
}

const LS_FILES: &str = "ls-files";
const CHECK_IGNORE: &str = "check-ignore";
