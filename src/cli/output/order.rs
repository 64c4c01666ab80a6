//! Files to write, each of which can fail alone: what they wait for the disk, they wait together.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::lock::Lock;
use super::original::Original;
use super::staged::{Staged, WRITERS, Written, stage_each, sync_folder};
use super::{Content, Target};
use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::input::{looks_sealed, read_file};
use crate::cli::parallel;
use crate::cli::place::Place;
use crate::cli::report::{Kind, Report};

/// One file to write.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    pub(super) to: To<'a>,
    pub(super) bytes: &'a [u8],
    pub(super) content: Content<'a>,
}

/// Where an [`Order`] goes.
#[derive(Debug)]
pub(super) enum To<'a> {
    /// In the place of a file that was read.
    Over(&'a Original),
    /// To where there is no file yet.
    New(&'a Path),
    /// To a file, whether it is there or not.
    File(&'a Path),
    /// To standard output.
    Stdout,
}

/// An order that nothing speaks against.
struct Ready<'a> {
    place: Place,
    original: Option<Cow<'a, Original>>,
    bytes: &'a [u8],
    is_plain: bool,
}

impl<'a> Order<'a> {
    /// Replaces a file, as [`super::replace`] does.
    pub(crate) fn replace(original: &'a Original, bytes: &'a [u8], content: Content<'a>) -> Self {
        Self { to: To::Over(original), bytes, content }
    }

    /// Writes to where `--output` leads, as [`super::write`] does.
    pub(crate) fn write(target: &'a Target, bytes: &'a [u8], content: Content<'a>) -> Self {
        let to = match target {
            Target::File(path) => To::File(path),
            Target::Stdout => To::Stdout,
        };
        Self { to, bytes, content }
    }

    /// Everything that can be refused before the disk is asked. `None` where the file holds these bytes already.
    fn prepare(&self, context: &Context) -> Result<Option<Ready<'a>>, Report> {
        let original = match self.to {
            To::Over(original) => Cow::Borrowed(original),
            To::File(path) if !is_missing(path) => Cow::Owned(self.old(path, context)?),
            To::New(path) | To::File(path) => {
                self.make_folders(path, context)?;
                let place = Place::of(path, &context.directory)?;
                self.content.guard(&place.path(), &place.shown)?;
                return Ok(Some(self.ready(place, None)));
            }
            To::Stdout => return context.print(self.bytes).map(|()| None),
        };
        let place = original.replaceable()?;
        if original.holds(self.bytes) {
            return Ok(None);
        }
        self.content.guard(&place.path(), &place.shown)?;
        Ok(Some(self.ready(place, Some(original))))
    }

    fn ready(&self, place: Place, original: Option<Cow<'a, Original>>) -> Ready<'a> {
        Ready { place, original, bytes: self.bytes, is_plain: self.content.is_plain() }
    }

    /// What is there already, if plaintext may take its place.
    fn old(&self, path: &Path, context: &Context) -> Result<Original, Report> {
        let (old, file) = read_file(path, context.limits.file)?;
        let is_plain = self.content.is_plain();
        if is_plain && looks_sealed(path, &String::from_utf8_lossy(&old), &context.limits) {
            let message =
                format!("`{}` is sealed; plaintext is not written over a sealed file", escape::path(path));
            return Err(Report::message(Kind::Refused, message).hint("give --output another name"));
        }
        Original::of(path, &file, &old, context)
    }

    /// Makes the folders above a new file. Whether it may be there is asked first: a refusal leaves no empty folder.
    fn make_folders(&self, path: &Path, context: &Context) -> Result<(), Report> {
        let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
            return Ok(());
        };
        let missing = |folder: &&Path| !folder.as_os_str().is_empty() && is_missing(folder);
        // The nearest folder that exists decides whether this leads out of the repository.
        let Some(first) = parent.ancestors().take_while(missing).last() else { return Ok(()) };
        let place = Place::of(first, &context.directory)?;
        let below = path.strip_prefix(first).unwrap_or(path);
        self.content.guard(&place.path().join(below), path)?;
        fs::create_dir_all(parent).map_err(Report::io("make the folder", parent))
    }
}

impl Ready<'_> {
    /// The folder's lock must be held.
    fn write(&self) -> Result<Written<'_>, Report> {
        match &self.original {
            Some(original) => {
                Written::over(&original.unchanged(&self.place)?, &self.place, self.bytes, self.is_plain)
            }
            None => Written::new(&self.place, self.bytes, self.is_plain),
        }
    }

    fn put(&self, staged: Staged<'_>) -> Result<(), Report> {
        match &self.original {
            Some(original) => {
                // Once more: bringing the new file to disk took its time.
                original.unchanged(&self.place)?;
                staged.replace()
            }
            None => staged.create(),
        }
    }
}

/// Carries the orders out, and says of each whether anything was written: equal bytes are not. One that fails stops no
/// other, and leaves its file as it was.
pub(crate) fn carry_out(orders: &[Order<'_>], context: &Context) -> Vec<Result<bool, Report>> {
    let prepared = parallel::map(orders, context, |order| order.prepare(context));
    let mut results: Vec<Result<bool, Report>> = Vec::with_capacity(prepared.len());
    let mut ready: Vec<(usize, Ready<'_>)> = Vec::with_capacity(prepared.len());
    for (index, prepared) in prepared.into_iter().enumerate() {
        results.push(prepared.map(|order| {
            ready.extend(order.map(|order| (index, order)));
            false
        }));
    }
    let mut folders: BTreeMap<PathBuf, Result<Lock, Report>> = BTreeMap::new();
    for (_, order) in &ready {
        let folder = &order.place.folder;
        if !folders.contains_key(folder) {
            folders.insert(folder.clone(), Lock::folder(folder, context));
        }
    }
    let staged = stage_each(&ready, context, |(_, order)| match folders.get(&order.place.folder) {
        Some(Err(report)) => Err(Report::message(report.kind(), report.reason())),
        _ => order.write(),
    });
    let mut touched: BTreeMap<&Path, usize> = BTreeMap::new();
    let pairs: Vec<_> = ready.iter().zip(staged).collect();
    let put = |((_, order), staged): (&(usize, Ready<'_>), Result<Staged<'_>, Report>)| {
        staged.and_then(|staged| order.put(staged))
    };
    let put = parallel::map_on(WRITERS, pairs, context, put);
    for ((index, order), put) in ready.iter().zip(put) {
        if put.is_ok() {
            touched.insert(&order.place.folder, *index);
        }
        if let Some(result) = results.get_mut(*index) {
            *result = put.map(|()| true);
        }
    }
    for (folder, index) in touched {
        if let (Err(report), Some(result)) = (sync_folder(folder), results.get_mut(index)) {
            *result = Err(report);
        }
    }
    results
}

fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}
