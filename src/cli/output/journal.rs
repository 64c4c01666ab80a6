//! What a batch is about to replace, so that a run that was killed in the middle can be finished: every file or none.
//!
//! The new files lie complete beside the old ones before the journal is written, and nothing is replaced before it is on
//! disk. Whoever finds it without its writer finishes the work. It names paths and inodes, no content.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, OFlags, RenameFlags, flock, renameat_with};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::staged::is_temporary;
use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::report::{Report, plural};

/// A journal on disk, locked by this process. Dropped, it is gone: the batch is done, or was put back.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    _lock: File,
}

/// One replacement.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    /// The bytes of both paths in hexadecimal: they need not be text.
    target: String,
    staged: String,
    old: Identity,
    new: Identity,
}

/// Which file, and which version of it: an edit in place changes the time, a new file of the same inode has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Identity {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        }
    }

    fn at(path: &Path) -> Option<Self> {
        fs::symlink_metadata(path).ok().map(|found| Self::of(&found))
    }
}

impl Step {
    pub(super) fn new(target: &Path, staged: &Path, old: &fs::Metadata, new: &fs::Metadata) -> Self {
        let hex = |path: &Path| escape::hex(path.as_os_str().as_bytes());
        Self { target: hex(target), staged: hex(staged), old: Identity::of(old), new: Identity::of(new) }
    }
}

impl Journal {
    /// Writes down what is about to happen, and waits for the disk. `None` where there is no place for it: then the batch
    /// goes on without.
    pub(super) fn write(steps: &[Step], context: &Context) -> Result<Option<Self>, Report> {
        let Some(folder) = folder(context) else { return Ok(None) };
        // Where there is no home that can be written to, a batch is still put back after every error but a kill.
        if DirBuilder::new().recursive(true).mode(0o700).create(&folder).is_err() {
            return Ok(None);
        }
        let made = tempfile::Builder::new().prefix("batch-").suffix(".part").tempfile_in(&folder);
        let mut made = made.map_err(Report::io("write in", &folder))?;
        let text = serde_json::to_vec(steps).map_err(std::io::Error::other);
        let written = text.and_then(|text| made.write_all(&text)).and_then(|()| made.as_file().sync_all());
        written.map_err(Report::io("write in", &folder))?;
        let lock = made.as_file().try_clone().map_err(Report::io("write in", &folder))?;
        flock(&lock, FlockOperation::LockExclusive)
            .map_err(|error| Report::io("lock", &folder)(error.into()))?;
        // Under its last name it is complete.
        let path = made.path().with_extension("json");
        made.persist(&path).map_err(|error| Report::io("write in", &folder)(error.error))?;
        super::staged::sync_folder(&folder)?;
        Ok(Some(Self { path, _lock: lock }))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Finishes what killed runs of this user left half done, and says so. `held` are the folders, by device and inode, whose locks this
/// process has.
pub(super) fn recover(context: &Context, held: &HashSet<(u64, u64)>) {
    let Some(folder) = folder(context) else { return };
    // What others could have written is not believed: it would replace any file of this user's.
    if !fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir() && is_own(&found)) {
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            finish(&path, held, context);
        }
    }
}

fn finish(path: &Path, held: &HashSet<(u64, u64)>, context: &Context) {
    let Ok(mut file) = OpenOptions::new().read(true).custom_flags(CAREFULLY).open(path) else { return };
    if !file.metadata().is_ok_and(|found| found.is_file() && is_own(&found)) {
        return;
    }
    // Locked: its writer is at work.
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return;
    }
    let mut text = Vec::new();
    let read = Read::by_ref(&mut file).take(SIZE_LIMIT).read_to_end(&mut text);
    let steps: Option<Vec<Step>> = read.ok().and_then(|_| serde_json::from_slice(&text).ok());
    let Some(steps) = steps else {
        context.warn(format!("`{}` cannot be read and is left where it is", escape::path(path)));
        return;
    };
    // Nobody else may write there meanwhile; where somebody does, the next run finishes.
    let Some(_locks) = lock_folders(&steps, held) else { return };
    let (mut done, mut strange) = (0, Vec::new());
    for step in &steps {
        match step.finish() {
            Ended::Before => {}
            Ended::Now => done += 1,
            Ended::Strange(target) => strange.push(target),
        }
    }
    if done > 0 {
        let count = plural(steps.len(), "file", "files");
        context.note(format!(
            "an earlier run was killed while it replaced {count}: the last {done} are replaced now"
        ));
    }
    for target in strange {
        context.warn(format!(
            "`{}` was to be replaced by an earlier run that was killed, and is another file by now: it stays as it is",
            escape::path(&target)
        ));
    }
    let _ = fs::remove_file(path);
}

enum Ended {
    Before,
    Now,
    Strange(PathBuf),
}

impl Step {
    fn finish(&self) -> Ended {
        let (Some(target), Some(staged)) = (unhex(&self.target), unhex(&self.staged)) else {
            return Ended::Before;
        };
        let is_beside = staged.parent() == target.parent() && staged.file_name().is_some_and(is_temporary);
        if !is_beside {
            return Ended::Before;
        }
        let (there, waiting) = (Identity::at(&target), Identity::at(&staged));
        if there == Some(self.new) {
            // What waits is the old version.
            if waiting == Some(self.old) {
                let _ = fs::remove_file(&staged);
            }
            return Ended::Before;
        }
        // It was interrupted and has cleaned up before the first file was replaced.
        if there == Some(self.old) && waiting.is_none() {
            return Ended::Before;
        }
        if there != Some(self.old) || waiting != Some(self.new) {
            if waiting == Some(self.new) {
                let _ = fs::remove_file(&staged);
            }
            return Ended::Strange(target);
        }
        let swapped = match renameat_with(CWD, &staged, CWD, &target, RenameFlags::EXCHANGE) {
            Ok(()) if Identity::at(&staged) == Some(self.old) => fs::remove_file(&staged).is_ok(),
            // Somebody was faster: theirs goes back.
            Ok(()) => {
                let _ = renameat_with(CWD, &staged, CWD, &target, RenameFlags::EXCHANGE);
                false
            }
            Err(_) => fs::rename(&staged, &target).is_ok(),
        };
        if swapped { Ended::Now } else { Ended::Strange(target) }
    }
}

fn folder(context: &Context) -> Option<PathBuf> {
    Some(context.environment.state_home()?.join("sealeaf/journal"))
}

/// The locks of all folders of a batch but those that are held; `None` where somebody else has one.
fn lock_folders(steps: &[Step], held: &HashSet<(u64, u64)>) -> Option<Vec<File>> {
    let targets: Vec<PathBuf> = steps.iter().filter_map(|step| unhex(&step.target)).collect();
    let folders: BTreeSet<&Path> = targets.iter().filter_map(|target| target.parent()).collect();
    let mut locks = Vec::new();
    for folder in folders {
        // A folder that is gone has nothing to be replaced.
        let Ok(file) = File::open(folder) else { continue };
        let found = file.metadata().ok()?;
        if held.contains(&(found.dev(), found.ino())) {
            continue;
        }
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return None,
            // A file system without locks.
            _ => locks.push(file),
        }
    }
    Some(locks)
}

/// Whether it belongs to this user, and nobody else may write it.
fn is_own(metadata: &fs::Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

fn unhex(text: &str) -> Option<PathBuf> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes = digits.map(byte).collect::<Option<Vec<u8>>>()?;
    Some(PathBuf::from(OsString::from_vec(bytes)))
}

/// No link, and no waiting for the other end of a pipe.
const CAREFULLY: i32 = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits().cast_signed();

/// In bytes: some hundred thousand files.
const SIZE_LIMIT: u64 = 64 << 20;
