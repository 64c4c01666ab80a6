//! Files as they are in a commit or in the index.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::{GitError, Repo};

/// The name of an object: 40 or 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(String);

/// Where to look for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At<'a> {
    /// In a commit, by any name that git understands: `HEAD`, a branch, an id.
    Commit(&'a str),
    /// In the index: what the next commit will hold. Files in conflict are not there.
    Index,
    /// In the index, a side of a conflict: 1 the base, 2 ours, 3 theirs.
    Stage(u8),
}

/// A file in a commit or in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From the root of the work tree, `/`-separated; any bytes but NUL.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Its content.
    pub id: ObjectId,
}

/// What an [`Entry`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A symbolic link, whose content is its target.
    Symlink,
    /// A commit of another repository.
    Submodule,
}

impl ObjectId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fits = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(text.to_owned()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Repo {
    /// The commit of that name; `None` where there is none, as with `HEAD` before the first commit.
    ///
    /// # Errors
    /// [`GitError`] where git fails.
    pub fn commit(&self, revision: &str) -> Result<Option<ObjectId>, GitError> {
        if revision.is_empty() || revision.starts_with('-') || revision.contains(char::is_control) {
            return Ok(None);
        }
        let answer = self.ask("rev-parse", ["--verify", "--quiet", &format!("{revision}^{{commit}}")])?;
        if answer.code != 0 {
            return Ok(None);
        }
        ObjectId::parse(answer.text("rev-parse")?).map(Some).ok_or(GitError::Answer("rev-parse"))
    }

    /// The files in a place: those of `paths` that are there, or all where `paths` is empty.
    ///
    /// # Errors
    /// [`GitError::UnknownRevision`]; before the first commit, `HEAD` is a place without files.
    pub fn entries(&self, at: At<'_>, paths: &[&str]) -> Result<Vec<Entry>, GitError> {
        let asked = short(paths);
        let (command, arguments) = match at {
            At::Index | At::Stage(_) => ("ls-files", vec!["-s".to_owned(), "-z".to_owned()]),
            At::Commit(revision) => match self.commit(revision)? {
                Some(id) => {
                    ("ls-tree", vec!["-r".to_owned(), "-z".to_owned(), "--full-tree".to_owned(), id.0])
                }
                None if revision == "HEAD" => return Ok(Vec::new()),
                None => return Err(GitError::UnknownRevision(revision.to_owned())),
            },
        };
        let mut git = self.git(command)?;
        git.args(arguments).arg("--").args(asked);
        let answer = self.finish(command, &mut git)?;
        let mut entries = Vec::new();
        for record in answer.stdout.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
            let entry = match at {
                At::Commit(_) => parse_tree_record(record).map(|entry| (entry, At::Index)),
                At::Index | At::Stage(_) => parse_index_record(record),
            };
            let (entry, place) = entry.ok_or(GitError::Answer(command))?;
            if matches!(at, At::Commit(_)) || place == at {
                entries.push(entry);
            }
        }
        if !paths.is_empty() {
            let wanted: std::collections::HashSet<&[u8]> = paths.iter().map(|path| path.as_bytes()).collect();
            entries.retain(|entry| wanted.contains(entry.path.as_slice()));
        }
        Ok(entries)
    }

    /// A regular file's content; `None` where there is no such file.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn blob(&self, at: At<'_>, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        match self.remembered_blob(at, path) {
            Some(answer) => answer,
            None => Ok(self.blobs(at, &[path])?.pop().flatten()),
        }
    }

    /// The contents of many regular files, in the order of `paths`, from one process.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn blobs(&self, at: At<'_>, paths: &[&str]) -> Result<Vec<Option<Vec<u8>>>, GitError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self.entries(at, paths)?.into_iter().filter(|entry| entry.kind == EntryKind::File);
        let ids: HashMap<Vec<u8>, ObjectId> = entries.map(|entry| (entry.path, entry.id)).collect();
        if ids.is_empty() {
            return Ok(vec![None; paths.len()]);
        }
        let mut batch = Batch::start(self)?;
        let read = |path: &&str| match ids.get(path.as_bytes()) {
            Some(id) => batch.blob(id),
            None => Ok(None),
        };
        paths.iter().map(read).collect()
    }
}

/// A running `git cat-file --batch`: one question, one answer, so that neither side ever waits for the other's buffer.
pub(super) struct Batch {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Batch {
    pub(super) fn start(repo: &Repo) -> Result<Self, GitError> {
        let mut git = repo.git(CAT_FILE)?;
        git.arg("--batch").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = git.spawn().map_err(run_error)?;
        let questions = child.stdin.take();
        let answers = child.stdout.take().ok_or(GitError::Answer(CAT_FILE))?;
        Ok(Self { child, questions, answers: BufReader::new(answers) })
    }

    /// A blob's content; `None` where the object is something else.
    pub(super) fn blob(&mut self, id: &ObjectId) -> Result<Option<Vec<u8>>, GitError> {
        let questions = self.questions.as_mut().ok_or(GitError::Answer(CAT_FILE))?;
        questions
            .write_all(format!("{id}\n").as_bytes())
            .and_then(|()| questions.flush())
            .map_err(run_error)?;
        let mut header = String::new();
        (&mut self.answers).take(LONGEST_HEADER).read_line(&mut header).map_err(run_error)?;
        let mut words = header.split_ascii_whitespace();
        let (kind, size) = match (words.next(), words.next(), words.next()) {
            (Some(_), Some("missing"), None) => return Err(GitError::MissingObject(id.to_string())),
            (Some(_), Some(kind), Some(size)) => (kind, size.parse::<u64>().ok()),
            _ => return Err(GitError::Answer(CAT_FILE)),
        };
        let size = size.ok_or(GitError::Answer(CAT_FILE))?;
        if kind == "blob" && size > MAX_BLOB {
            return Err(GitError::TooLarge { size, limit: MAX_BLOB });
        }
        if kind != "blob" {
            io::copy(&mut (&mut self.answers).take(size + 1), &mut io::sink()).map_err(run_error)?;
            return Ok(None);
        }
        // With one byte more for the line break behind the content.
        let mut content = vec![0; usize::try_from(size).unwrap_or_default() + 1];
        self.answers.read_exact(&mut content).map_err(run_error)?;
        content.pop();
        Ok(Some(content))
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.questions = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The paths to name on a command line. A long list would not fit: then none, and everything is listed and picked from.
pub(super) fn short<'p, 'a>(paths: &'p [&'a str]) -> &'p [&'a str] {
    if paths.iter().map(|path| path.len() + 1).sum::<usize>() <= MAX_ARGUMENTS { paths } else { &[] }
}

fn run_error(source: io::Error) -> GitError {
    GitError::Run { command: CAT_FILE, source }
}

/// `MODE TYPE ID<tab>PATH`
fn parse_tree_record(record: &[u8]) -> Option<Entry> {
    let ([mode, _kind, id], path) = split_record(record)?;
    Some(Entry { path, kind: EntryKind::of_mode(mode), id: ObjectId::parse(id)? })
}

/// `MODE ID STAGE<tab>PATH`
fn parse_index_record(record: &[u8]) -> Option<(Entry, At<'static>)> {
    let ([mode, id, stage], path) = split_record(record)?;
    let place = match stage.parse().ok()? {
        0 => At::Index,
        stage => At::Stage(stage),
    };
    Some((Entry { path, kind: EntryKind::of_mode(mode), id: ObjectId::parse(id)? }, place))
}

fn split_record(record: &[u8]) -> Option<([&str; 3], Vec<u8>)> {
    let tab = record.iter().position(|byte| *byte == b'\t')?;
    let (head, path) = record.split_at_checked(tab)?;
    let mut words = std::str::from_utf8(head).ok()?.split_ascii_whitespace();
    Some(([words.next()?, words.next()?, words.next()?], path.get(1..)?.to_vec()))
}

impl EntryKind {
    fn of_mode(mode: &str) -> Self {
        match mode {
            "120000" => Self::Symlink,
            "160000" => Self::Submodule,
            _ => Self::File,
        }
    }
}

const CAT_FILE: &str = "cat-file";
/// In bytes; the limit of a sealed file.
const MAX_BLOB: u64 = 64 << 20;
const LONGEST_HEADER: u64 = 256;
/// In bytes; far below what any system allows.
const MAX_ARGUMENTS: usize = 16 << 10;
