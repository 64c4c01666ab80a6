//! Several sealed files, replaced all or none.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::journal::{Journal, Step};
use super::lock::Lock;
use super::original::Original;
use super::staged::{Staged, WRITERS, Written, stage_each, sync_folder};
use crate::cli::cleanup;
use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::parallel;
use crate::cli::place::Place;
use crate::cli::report::{Kind, Report};

/// New versions of sealed files. Everything that can fail early does so before the first file is replaced.
///
/// Only for ciphertext over ciphertext: while the batch is committed, the old versions lie beside the new ones.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    context: &'a Context,
    entries: Vec<Entry<'a>>,
    paths: HashSet<PathBuf>,
}

#[derive(Debug)]
struct Entry<'a> {
    original: &'a Original,
    place: Place,
    bytes: &'a [u8],
}

impl<'a> Batch<'a> {
    /// An empty batch.
    pub(crate) fn new(context: &'a Context) -> Self {
        Self { context, entries: Vec::new(), paths: HashSet::new() }
    }

    /// Adds a file's new version. Gives whether it differs from the old one; equal bytes are not written.
    ///
    /// # Errors
    /// As [`Original::replaceable`], and where the file is in the batch already.
    pub(crate) fn add(&mut self, original: &'a Original, bytes: &'a [u8]) -> Result<bool, Report> {
        let place = original.replaceable()?;
        if original.holds(bytes) {
            return Ok(false);
        }
        if !self.paths.insert(place.path()) {
            let message = format!("`{}` is named twice", escape::path(&place.shown));
            return Err(Report::message(Kind::Usage, message));
        }
        self.entries.push(Entry { original, place, bytes });
        Ok(true)
    }

    /// Replaces all files. Gives how many.
    ///
    /// # Errors
    /// As [`super::replace`]. Files replaced before the error are put back, where the file system can swap two files.
    pub(crate) fn commit(self) -> Result<usize, Report> {
        let folders: BTreeSet<&_> = self.entries.iter().map(|entry| &entry.place.folder).collect();
        let mut locks = Vec::with_capacity(folders.len());
        for folder in &folders {
            locks.push(Lock::folder(folder, self.context)?);
        }
        let staged = stage_each(&self.entries, self.context, |entry| {
            let current = entry.original.unchanged(&entry.place)?;
            Written::over(&current, &entry.place, entry.bytes, false)
        });
        let staged: Vec<Staged<'_>> = staged.into_iter().collect::<Result<_, _>>()?;
        let journal = self.journal(&staged)?;
        cleanup::uninterrupted(|| self.swap(&staged))?;
        for folder in folders {
            sync_folder(folder)?;
        }
        drop(journal);
        // The old versions.
        parallel::map_on(WRITERS, staged, self.context, drop);
        Ok(self.entries.len())
    }

    /// What is written down for the case that this process is killed on the way; one file needs none of it.
    fn journal(&self, staged: &[Staged<'_>]) -> Result<Option<Journal>, Report> {
        if staged.len() < 2 {
            return Ok(None);
        }
        let step = |(entry, new): (&Entry<'_>, &Staged<'_>)| {
            let target = entry.place.path();
            let old = fs::symlink_metadata(&target).map_err(Report::io("read", &entry.place.shown))?;
            let made = fs::symlink_metadata(new.path()).map_err(Report::io("read", &entry.place.shown))?;
            // Paths are for whoever comes later, from another folder.
            let absolute = |path: &Path| self.context.directory.join(path);
            Ok(Step::new(&absolute(&target), &absolute(new.path()), &old, &made))
        };
        let steps = self.entries.iter().zip(staged).map(step).collect::<Result<Vec<_>, Report>>()?;
        Journal::write(&steps, self.context)
    }

    fn swap(&self, staged: &[Staged<'_>]) -> Result<(), Report> {
        for (done, (entry, new)) in self.entries.iter().zip(staged).enumerate() {
            let swapped = entry.original.unchanged(&entry.place).and_then(|current| {
                new.exchange()?;
                let expected = current.metadata().map_err(Report::io("read", &new.place().shown))?;
                match new.taken_away() {
                    // Someone replaced it between the two steps.
                    Some(taken) if (taken.dev(), taken.ino()) != (expected.dev(), expected.ino()) => {
                        new.exchange()?;
                        entry.original.unchanged(&entry.place).map(drop)
                    }
                    _ => Ok(()),
                }
            });
            if let Err(report) = swapped {
                return Err(put_back(staged.get(..done).unwrap_or_default(), report));
            }
        }
        Ok(())
    }
}

fn put_back(done: &[Staged<'_>], mut report: Report) -> Report {
    for new in done.iter().rev() {
        if new.taken_away().is_none() || new.exchange().is_err() {
            let message = format!("`{}` keeps its new content", escape::path(&new.place().shown));
            report = report.detail(&message);
        }
    }
    report
}
