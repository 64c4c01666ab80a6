//! A new file beside its target: complete, on disk, and one rename away.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{
    CWD, Gid, RenameFlags, Uid, XattrFlags, fchown, fgetxattr, flistxattr, fsetxattr, renameat_with,
};
use tempfile::{NamedTempFile, TempPath};

use crate::cli::cleanup;
use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::parallel;
use crate::cli::place::Place;
use crate::cli::report::{Kind, Report};

/// A temporary file that holds the new content, still to be brought to disk. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct Written<'a> {
    file: NamedTempFile,
    guard: cleanup::Guard,
    place: &'a Place,
}

/// The same on disk, and closed: of these there may be many. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct Staged<'a> {
    path: TempPath,
    guard: cleanup::Guard,
    place: &'a Place,
}

/// Brings a new file for each item to disk. What `write` has made of a few items waits for the disk together, and
/// several threads wait.
pub(super) fn stage_each<'a, T: Sync>(
    items: &'a [T],
    context: &Context,
    write: impl Fn(&'a T) -> Result<Written<'a>, Report> + Sync,
) -> Vec<Result<Staged<'a>, Report>> {
    let chunks: Vec<&'a [T]> = items.chunks(TOGETHER).collect();
    let stage = |chunk: &'a [T]| {
        let written: Vec<_> = chunk.iter().map(&write).collect();
        written.into_iter().map(|written| written?.sync()).collect::<Vec<_>>()
    };
    parallel::map_on(WRITERS, chunks, context, stage).into_iter().flatten().collect()
}

impl<'a> Written<'a> {
    /// Prepares a new file: mode 0600 for plaintext, else 0644 less the umask. The folder's lock must be held.
    pub(super) fn new(place: &'a Place, bytes: &[u8], plain: bool) -> Result<Self, Report> {
        Self::open(place, if plain { 0o600 } else { 0o644 })?.fill(bytes)
    }

    /// Prepares a file that will replace `current`, taking over its mode, owner and extended attributes. The folder's
    /// lock must be held.
    pub(super) fn over(current: &File, place: &'a Place, bytes: &[u8], plain: bool) -> Result<Self, Report> {
        let new = Self::open(place, 0o600)?;
        let failed = |error| Report::io("write beside", &place.shown)(error);
        let metadata = current.metadata().map_err(failed)?;
        // Others were given access to the ciphertext, not to this.
        let mut mode = metadata.mode() & if plain { 0o700 } else { 0o777 };
        if !new.take_owner(&metadata) {
            mode &= 0o707;
        }
        if !plain {
            copy_attributes(current, new.file.as_file());
        }
        new.file.as_file().set_permissions(Permissions::from_mode(mode)).map_err(failed)?;
        new.fill(bytes)
    }

    /// Waits for the disk.
    pub(super) fn sync(self) -> Result<Staged<'a>, Report> {
        self.file.as_file().sync_all().map_err(Report::io("write", &self.place.shown))?;
        Ok(Staged { path: self.file.into_temp_path(), guard: self.guard, place: self.place })
    }

    fn open(place: &'a Place, mode: u32) -> Result<Self, Report> {
        let file = tempfile::Builder::new()
            .prefix(&prefix(&place.name))
            .rand_bytes(RANDOM)
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(&place.folder)
            .map_err(Report::io("write beside", &place.shown))?;
        let guard = cleanup::file(file.path().to_owned());
        Ok(Self { file, guard, place })
    }

    fn fill(mut self, bytes: &[u8]) -> Result<Self, Report> {
        self.file.write_all(bytes).map_err(Report::io("write", &self.place.shown))?;
        Ok(self)
    }

    /// Gives the file to the owner and group of the old one. False where the group could not be kept.
    fn take_owner(&self, old: &fs::Metadata) -> bool {
        let Ok(new) = self.file.as_file().metadata() else { return false };
        let owner = (new.uid() != old.uid()).then(|| Uid::from_raw(old.uid()));
        let group = (new.gid() != old.gid()).then(|| Gid::from_raw(old.gid()));
        if owner.is_some() && fchown(&self.file, owner, group).is_ok() {
            return true;
        }
        group.is_none() || fchown(&self.file, None, group).is_ok()
    }
}

impl Staged<'_> {
    /// Puts the new file in the place of the old one. [`sync_folder`] makes that durable.
    pub(super) fn replace(self) -> Result<(), Report> {
        let (place, guard) = (self.place, self.guard);
        self.path.persist(place.path()).map_err(|error| Report::io("replace", &place.shown)(error.error))?;
        drop(guard);
        Ok(())
    }

    /// Puts the new file where there is none yet. [`sync_folder`] makes that durable.
    pub(super) fn create(self) -> Result<(), Report> {
        let (place, guard) = (self.place, self.guard);
        self.path.persist_noclobber(place.path()).map_err(|error| match error.error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Report::message(Kind::Conflict, format!("`{}` exists by now", escape::path(&place.shown)))
                    .hint("nothing was written; run the command again")
            }
            _ => Report::io("write", &place.shown)(error.error),
        })?;
        drop(guard);
        Ok(())
    }

    /// Swaps the new file with the old one, in one step; doing it twice changes nothing. Where the file system cannot,
    /// the old one is replaced and gone.
    pub(super) fn exchange(&self) -> Result<(), Report> {
        let (new, old): (&Path, _) = (&self.path, self.place.path());
        match renameat_with(CWD, new, CWD, &old, RenameFlags::EXCHANGE) {
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => fs::rename(new, &old),
            result => result.map_err(Into::into),
        }
        .map_err(Report::io("replace", &self.place.shown))
    }

    /// The file that [`Staged::exchange`] took away, where the file system could keep it.
    pub(super) fn taken_away(&self) -> Option<fs::Metadata> {
        fs::symlink_metadata(&self.path).ok()
    }

    /// Where it lies until then.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where it goes.
    pub(super) fn place(&self) -> &Place {
        self.place
    }
}

/// Makes the renames in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Report> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems have nothing to sync in a folder.
        Err(error) if error.kind() != std::io::ErrorKind::InvalidInput => {
            let folder = escape::path(folder);
            let what = format!("the new file in `{folder}` is in place, but might not survive a power cut");
            Err(Report::new(Kind::Failed, anyhow::Error::new(error).context(what)))
        }
        _ => Ok(()),
    }
}

/// `.NAME.sealeaf-`, shortened where the file system would refuse it.
fn prefix(name: &OsStr) -> OsString {
    let name = if name.len() <= LONGEST { name } else { OsStr::new("") };
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(SUFFIX);
    prefix
}

/// Removes what killed processes left beside files of a folder. Its lock must be held, and must have been taken just now:
/// then no such file is in use.
pub(super) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        // The owner does not matter: after a swap this is the old file, whoever it belonged to.
        if is_temporary(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a name is `.NAME.sealeaf-` with six letters or digits, as new versions have it until they are in place.
pub(crate) fn is_temporary(name: &OsStr) -> bool {
    name.as_bytes().split_last_chunk::<RANDOM>().is_some_and(|(prefix, random)| {
        prefix.starts_with(b".")
            && prefix.ends_with(SUFFIX.as_bytes())
            && random.iter().all(u8::is_ascii_alphanumeric)
    })
}

/// Copies extended attributes, access lists among them, as far as the system allows.
fn copy_attributes(from: &File, to: &File) {
    let mut names = vec![0; ATTRIBUTES];
    let Ok(length) = flistxattr(from, names.as_mut_slice()) else { return };
    let mut value = vec![0; ATTRIBUTES];
    for name in
        names.get(..length).unwrap_or_default().split(|byte| *byte == 0).filter(|name| !name.is_empty())
    {
        if let Ok(length) = fgetxattr(from, name, value.as_mut_slice()) {
            let _ = fsetxattr(to, name, value.get(..length).unwrap_or_default(), XattrFlags::empty());
        }
    }
}

/// How many new files are open at once in one thread.
const TOGETHER: usize = 32;
/// How many threads wait for the disk: for new bytes to arrive, and for those of replaced files to be given back. With
/// more, it gets no faster.
pub(super) const WRITERS: usize = 8;
const SUFFIX: &str = ".sealeaf-";
const RANDOM: usize = 6;
/// Linux takes 255 bytes; ours adds 16.
const LONGEST: usize = 230;
/// What Linux allows for the list of names, and for one value.
const ATTRIBUTES: usize = 64 << 10;
