//! What a repository remembers of git's answers, where one command asks it about many files.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::objects::Batch;
use super::{At, EntryKind, GitError, ObjectId, Repo};

/// The files of a place, by their paths.
pub(super) type Files = HashMap<Vec<u8>, ObjectId>;

/// Git's answers, for the files that were announced. What changes after the first question is not seen.
#[derive(Default)]
pub(super) struct Memory {
    paths: BTreeSet<String>,
    places: Mutex<HashMap<Place, Arc<Files>>>,
    batch: Mutex<Option<Batch>>,
    merge_heads: Mutex<Option<Vec<ObjectId>>>,
    is_shallow: Mutex<Option<bool>>,
}

/// An [`At`] to keep.
#[derive(PartialEq, Eq, Hash)]
enum Place {
    Commit(String),
    Index,
    Stage(u8),
}

impl Repo {
    /// The same repository, for one command over many files: git is asked about all of `paths` at once, and its answers
    /// hold to the end, for all clones together. Other paths are asked for one by one, as ever.
    #[must_use]
    pub fn remembering(mut self, paths: BTreeSet<String>) -> Self {
        self.memory = Some(Arc::new(Memory { paths, ..Memory::default() }));
        self
    }

    /// The content of a regular file that was announced; `None` where it was not.
    pub(super) fn remembered_blob(
        &self,
        at: At<'_>,
        path: &str,
    ) -> Option<Result<Option<Vec<u8>>, GitError>> {
        let memory = self.memory.as_ref()?;
        memory.paths.contains(path).then(|| memory.blob(self, at, path))
    }

    /// The merge's commits, asked for once.
    pub(super) fn remember_merge_heads(
        &self,
        ask: impl FnOnce() -> Result<Vec<ObjectId>, GitError>,
    ) -> Result<Vec<ObjectId>, GitError> {
        match &self.memory {
            Some(memory) => once(&memory.merge_heads, ask),
            None => ask(),
        }
    }

    /// Whether the history ends early, asked for once.
    pub(super) fn remember_shallow(
        &self,
        ask: impl FnOnce() -> Result<bool, GitError>,
    ) -> Result<bool, GitError> {
        match &self.memory {
            Some(memory) => once(&memory.is_shallow, ask),
            None => ask(),
        }
    }
}

impl Memory {
    fn blob(&self, repo: &Repo, at: At<'_>, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let files = self.files(repo, at)?;
        let Some(id) = files.get(path.as_bytes()) else { return Ok(None) };
        let mut batch = lock(&self.batch);
        let mut running = match batch.take() {
            Some(running) => running,
            None => Batch::start(repo)?,
        };
        let content = running.blob(id)?;
        // After a failure it is not kept: what it says next might answer an earlier question.
        *batch = Some(running);
        Ok(content)
    }

    /// Held while git is asked: the other threads want the same answer.
    fn files(&self, repo: &Repo, at: At<'_>) -> Result<Arc<Files>, GitError> {
        let mut places = lock(&self.places);
        let place = Place::of(at);
        if let Some(files) = places.get(&place) {
            return Ok(Arc::clone(files));
        }
        let paths: Vec<&str> = self.paths.iter().map(String::as_str).collect();
        let entries = repo.entries(at, &paths)?.into_iter().filter(|entry| entry.kind == EntryKind::File);
        let files: Arc<Files> = Arc::new(entries.map(|entry| (entry.path, entry.id)).collect());
        places.insert(place, Arc::clone(&files));
        Ok(files)
    }
}

impl Place {
    fn of(at: At<'_>) -> Self {
        match at {
            At::Commit(revision) => Self::Commit(revision.to_owned()),
            At::Index => Self::Index,
            At::Stage(stage) => Self::Stage(stage),
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("paths", &self.paths.len()).finish_non_exhaustive()
    }
}

fn once<T: Clone>(
    known: &Mutex<Option<T>>,
    ask: impl FnOnce() -> Result<T, GitError>,
) -> Result<T, GitError> {
    let mut known = lock(known);
    match &*known {
        Some(answer) => Ok(answer.clone()),
        None => Ok(known.insert(ask()?).clone()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
