//! One writer at a time in a folder: an advisory lock on the folder itself, which survives that its files are replaced.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::journal::recover;
use super::staged::sweep;
use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::found::near;
use crate::cli::place::Place;
use crate::cli::report::{Kind, Report};

/// A held lock. Within one process a folder's lock is shared, so that a verb may hold it from reading to writing.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) struct Lock {
    _file: Arc<File>,
}

impl Lock {
    /// Locks the folder of the file at `path`.
    ///
    /// # Errors
    /// As [`Place::of`] and [`Lock::folder`].
    pub(crate) fn around(path: &Path, context: &Context) -> Result<Self, Report> {
        Self::folder(&Place::of(path, &context.directory)?.folder, context)
    }

    /// Locks the folders of files that are about to be read and changed, each folder once. What is no place to write to
    /// is left to who changes the file.
    ///
    /// # Errors
    /// [`Kind::Conflict`] as [`Lock::folder`].
    pub(crate) fn around_all<'p>(
        paths: impl IntoIterator<Item = &'p Path>,
        context: &Context,
    ) -> Result<Vec<Self>, Report> {
        let above: BTreeMap<Option<&Path>, &Path> =
            paths.into_iter().map(|path| (path.parent(), path)).collect();
        let folders: BTreeSet<PathBuf> = above
            .values()
            .filter_map(|path| Place::of(path, &context.directory).ok())
            .map(|it| it.folder)
            .collect();
        let mut locks = Vec::with_capacity(folders.len());
        for folder in folders {
            match Self::folder(&folder, context) {
                Err(report) if report.kind() == Kind::Conflict => return Err(report),
                lock => locks.extend(lock),
            }
        }
        Ok(locks)
    }

    /// Locks a folder; waits for another process up to ten seconds. Then removes the temporary files that killed
    /// processes left in it.
    ///
    /// # Errors
    /// [`Kind::Conflict`] where the other one does not finish.
    pub(crate) fn folder(folder: &Path, context: &Context) -> Result<Self, Report> {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        let held = held.get_or_insert_default();
        if !RECOVERED.swap(true, Ordering::Relaxed) {
            recover(context, &HashSet::new());
        }
        if held.len() >= MANY {
            more_files();
        }
        let file = File::open(folder).map_err(Report::io("open the folder", folder))?;
        let metadata = file.metadata().map_err(Report::io("open the folder", folder))?;
        let id = (metadata.dev(), metadata.ino());
        if let Some(file) = held.get(&id).and_then(Weak::upgrade) {
            return Ok(Self { _file: file });
        }
        let begun = Instant::now();
        let mut said = false;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) if begun.elapsed() < PATIENCE => {
                    if !said && begun.elapsed() > Duration::from_secs(1) {
                        context.note(format!("waiting for another sealeaf in `{}`", shown(folder, context)));
                        said = true;
                    }
                    sleep(PAUSE);
                }
                Err(Errno::WOULDBLOCK) => {
                    let message = format!("another sealeaf is writing in `{}`", shown(folder, context));
                    return Err(Report::message(Kind::Conflict, message).hint("try again when it is done"));
                }
                Ok(()) => {
                    if begun.elapsed() > PAUSE {
                        // Who had it may have been killed.
                        let ids = held.iter().filter(|(_, lock)| lock.strong_count() > 0).map(|(id, _)| *id);
                        recover(context, &ids.chain([id]).collect());
                    }
                    sweep(folder);
                    break;
                }
                // A file system without locks: what remains is the comparison before the file is replaced.
                Err(_) => break,
            }
        }
        let file = Arc::new(file);
        held.insert(id, Arc::downgrade(&file));
        Ok(Self { _file: file })
    }
}

/// A folder as the user sees it from the working folder, for messages.
fn shown(folder: &Path, context: &Context) -> String {
    let near = near(folder, context);
    escape::path(if near == Path::new("") { Path::new(".") } else { near })
}

/// Raises the number of files that may be open to what the system allows: every locked folder is one.
fn more_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// The locks of this process, by device and inode of their folders.
type Held = HashMap<(u64, u64), Weak<File>>;

/// What killed runs left half done is finished before anything is locked, and before their new files are swept away.
static RECOVERED: AtomicBool = AtomicBool::new(false);
static HELD: Mutex<Option<Held>> = Mutex::new(None);
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
/// So many folders fit into the number of open files that every system grants.
const MANY: usize = 100;
