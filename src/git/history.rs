//! Merges, and every version that a file ever had.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use super::objects::Batch;
use super::{GitError, ObjectId, Repo};

/// One content that a file had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The blob.
    pub id: ObjectId,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// The distinct contents of a file in a history, newest first. Streams: two processes, one content in memory.
pub struct Versions {
    path: Vec<u8>,
    list: Child,
    lines: BufReader<ChildStdout>,
    batch: Batch,
    done: bool,
}

impl Repo {
    /// The commits that a merge in progress brings in; empty where there is none.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn merge_heads(&self) -> Result<Vec<ObjectId>, GitError> {
        self.remember_merge_heads(|| {
            let answer = self.ask(REV_PARSE, ["--git-path", "MERGE_HEAD"])?;
            let path = self.root.join(answer.text(REV_PARSE)?);
            match fs::read_to_string(&path) {
                Ok(text) => ids(text.lines(), REV_PARSE),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
                Err(source) => Err(GitError::Io { path, source }),
            }
        })
    }

    /// A commit's parents, the first one first.
    ///
    /// # Errors
    /// [`GitError::UnknownRevision`] and what else can happen.
    pub fn parents(&self, revision: &str) -> Result<Vec<ObjectId>, GitError> {
        let commit = self.known_commit(revision)?;
        let answer = self.ask(REV_LIST, ["--parents", "--max-count=1", commit.as_str(), "--"])?;
        let mut line = ids(answer.text(REV_LIST)?.split_ascii_whitespace(), REV_LIST)?;
        if line.is_empty() {
            return Err(GitError::Answer(REV_LIST));
        }
        Ok(line.split_off(1))
    }

    /// The last commit that changed a file, merge commits included; `None` where none ever held it.
    ///
    /// # Errors
    /// [`GitError::UnknownRevision`] and what else can happen.
    pub fn last_change(&self, revision: &str, path: &str) -> Result<Option<ObjectId>, GitError> {
        let commit = self.known_commit(revision)?;
        let answer = self.ask(REV_LIST, ["--max-count=1", commit.as_str(), "--", path])?;
        Ok(ids(answer.text(REV_LIST)?.lines(), REV_LIST)?.pop())
    }

    /// All best common ancestors of two commits; empty where their histories have nothing in common.
    ///
    /// # Errors
    /// [`GitError::UnknownRevision`] and what else can happen.
    pub fn merge_bases(&self, one: &str, other: &str) -> Result<Vec<ObjectId>, GitError> {
        let (one, other) = (self.known_commit(one)?, self.known_commit(other)?);
        let answer = self.ask("merge-base", ["--all", one.as_str(), other.as_str()])?;
        ids(answer.text("merge-base")?.lines(), "merge-base")
    }

    /// Whether the history ends early: what is not found in it may still have existed.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn is_shallow(&self) -> Result<bool, GitError> {
        self.remember_shallow(|| {
            let answer = self.ask(REV_PARSE, ["--is-shallow-repository"])?;
            Ok(answer.text(REV_PARSE)? == "true")
        })
    }

    /// Every distinct content that `path` had in a commit reachable from `revision`, those on merged side branches and
    /// in merge commits included.
    ///
    /// # Errors
    /// [`GitError::UnknownRevision`] at once; what happens later comes out of the iterator, which ends then.
    pub fn versions(&self, revision: &str, path: &str) -> Result<Versions, GitError> {
        let commit = self.known_commit(revision)?;
        let mut git = self.git(REV_LIST)?;
        // Without `--full-history`, git leaves out branches whose changes a merge threw away.
        git.args(["--objects", "--in-commit-order", "--full-history", commit.as_str(), "--", path]);
        git.stdout(Stdio::piped()).stderr(Stdio::null());
        let batch = Batch::start(self)?;
        let mut list = git.spawn().map_err(|source| GitError::Run { command: REV_LIST, source })?;
        let lines = list.stdout.take().ok_or(GitError::Answer(REV_LIST))?;
        // Git prints a name only up to its first line break.
        let path = path.split('\n').next().unwrap_or_default().as_bytes().to_vec();
        Ok(Versions { path, list, lines: BufReader::new(lines), batch, done: false })
    }

    fn known_commit(&self, revision: &str) -> Result<ObjectId, GitError> {
        self.commit(revision)?.ok_or_else(|| GitError::UnknownRevision(revision.to_owned()))
    }
}

impl Versions {
    /// The next blob of that path; lines without its name are commits, folders, and files inside a folder of that name.
    fn next_id(&mut self) -> Result<Option<ObjectId>, GitError> {
        let run = |source| GitError::Run { command: REV_LIST, source };
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.lines.read_until(b'\n', &mut line).map_err(run)? == 0 {
                return self.end().map(|()| None);
            }
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            let Some(space) = line.iter().position(|byte| *byte == b' ') else { continue };
            let Some((id, name)) = line.split_at_checked(space) else { continue };
            if name.get(1..) == Some(&self.path) {
                let id = std::str::from_utf8(id).ok().and_then(ObjectId::parse);
                return id.map(Some).ok_or(GitError::Answer(REV_LIST));
            }
        }
    }

    fn end(&mut self) -> Result<(), GitError> {
        let status = self.list.wait().map_err(|source| GitError::Run { command: REV_LIST, source })?;
        let message = "it could not walk the whole history".to_owned();
        if status.success() { Ok(()) } else { Err(GitError::Failed { command: REV_LIST, message }) }
    }

    fn next_version(&mut self) -> Result<Option<Version>, GitError> {
        while let Some(id) = self.next_id()? {
            if let Some(content) = self.batch.blob(&id)? {
                return Ok(Some(Version { id, content }));
            }
        }
        Ok(None)
    }
}

impl Iterator for Versions {
    type Item = Result<Version, GitError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.next_version().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Drop for Versions {
    fn drop(&mut self) {
        let _ = self.list.kill();
        let _ = self.list.wait();
    }
}

fn ids<'a>(words: impl Iterator<Item = &'a str>, command: &'static str) -> Result<Vec<ObjectId>, GitError> {
    words.map(|word| ObjectId::parse(word).ok_or(GitError::Answer(command))).collect()
}

const REV_LIST: &str = "rev-list";
const REV_PARSE: &str = "rev-parse";
