//! Writes what a verb made: a file is replaced as a whole or not at all, and plaintext goes only where it may.

mod batch;
mod lock;
mod original;
mod staged;

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::context::Context;
use super::escape;
use super::input::{Source, looks_sealed, read_file};
use super::place::Place;
use super::report::{Context as _, Kind, Report};
use staged::Staged;

pub(crate) use batch::Batch;
pub(crate) use lock::Lock;
pub(crate) use original::Original;
pub(crate) use staged::is_temporary;

/// What is about to be written.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    /// Ciphertext, or what is no secret at all. A new file gets mode 0644, less the umask.
    Sealed,
    /// Plaintext. The file is readable to its owner only; the guard may refuse the path.
    Plain(Guard<'a>),
}

/// Says whether plaintext may go to a path: the verb decides, git's opinion included.
pub(crate) type Guard<'a> = &'a dyn Fn(&Path) -> Result<(), Report>;

/// Where `--output` leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file, new or to be replaced.
    File(PathBuf),
    /// Standard output.
    Stdout,
}

/// Replaces a file by `bytes`, in place. Gives whether anything was written: equal bytes are not.
///
/// Mode, owner and extended attributes stay, but for the plaintext of [`Content::Plain`], which loses the bits of group
/// and others. On any error the file is as it was.
///
/// # Errors
/// [`Kind::Conflict`] where the file is not any more what was read; [`Kind::Refused`] for symlinks, hard links and
/// whatever else [`Original::replaceable`] refuses; [`Kind::Failed`] for the operating system's reasons.
pub(crate) fn replace(
    original: &Original,
    bytes: &[u8],
    content: Content<'_>,
    context: &Context,
) -> Result<bool, Report> {
    let place = original.replaceable()?;
    if original.holds(bytes) {
        return Ok(false);
    }
    content.guard(&place.path())?;
    let _lock = Lock::folder(&place.folder, context)?;
    let current = original.unchanged(&place)?;
    let staged = Staged::over(&current, &place, bytes, content.is_plain())?;
    // Once more: bringing the new file to disk took its time.
    original.unchanged(&place)?;
    staged.replace()?;
    Ok(true)
}

/// Writes a new file.
///
/// # Errors
/// [`Kind::Conflict`] where there is one of that name by now; else as [`replace`].
pub(crate) fn create(
    path: &Path,
    bytes: &[u8],
    content: Content<'_>,
    context: &Context,
) -> Result<(), Report> {
    let place = Place::of(path, &context.directory)?;
    content.guard(&place.path())?;
    let _lock = Lock::folder(&place.folder, context)?;
    Staged::new(&place, bytes, content.is_plain())?.create()
}

/// Writes to where `--output` leads.
///
/// # Errors
/// [`Kind::Refused`] where plaintext would replace a sealed file; else as [`replace`] and [`create`].
pub(crate) fn write(
    target: &Target,
    bytes: &[u8],
    content: Content<'_>,
    context: &Context,
) -> Result<(), Report> {
    let Target::File(path) = target else { return context.print(bytes) };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return create(path, bytes, content, context);
        }
        _ => {}
    }
    let (old, file) = read_file(path, context.limits.file)?;
    if content.is_plain() && looks_sealed(path, &String::from_utf8_lossy(&old), &context.limits) {
        let message =
            format!("`{}` is sealed; plaintext is not written over a sealed file", escape::path(path));
        return Err(Report::message(Kind::Refused, message).hint("give --output another name"));
    }
    replace(&Original::of(path, &file, &old, context)?, bytes, content, context).map(drop)
}

/// One target for each source: standard output for a single one, else the file or folder that `--output` names. In a
/// folder a relative source keeps its own folders.
///
/// # Errors
/// [`Kind::Usage`] where several sources would go to one place.
pub(crate) fn targets(output: Option<&Path>, sources: &[Source]) -> Result<Vec<Target>, Report> {
    let output = output.filter(|path| *path != Path::new("-"));
    match (output, sources) {
        (None, [_]) => Ok(vec![Target::Stdout]),
        (None, _) => Err(Report::message(Kind::Usage, "several files cannot share standard output")
            .hint("name a folder for them with --output")),
        (Some(path), [Source::Stdin]) => Ok(vec![Target::File(path.to_owned())]),
        (Some(path), [_]) if !path.is_dir() => Ok(vec![Target::File(path.to_owned())]),
        (Some(folder), _) => inside(folder, sources),
    }
}

fn inside(folder: &Path, sources: &[Source]) -> Result<Vec<Target>, Report> {
    let mut taken = std::collections::BTreeSet::new();
    let mut targets = Vec::with_capacity(sources.len());
    for source in sources {
        let path = source.shown();
        let tame = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let below = if tame { Some(path.as_os_str()) } else { path.file_name() };
        let target = folder.join(below.unwrap_or_default());
        if !taken.insert(target.clone()) {
            let message = format!("two files would be written to `{}`", escape::path(&target));
            return Err(Report::message(Kind::Usage, message).hint("write them one by one"));
        }
        targets.push(Target::File(target));
    }
    Ok(targets)
}

/// Makes the folders above a target that is about to be written, as [`targets`] may need.
pub(crate) fn make_folders(target: &Target, context: &Context) -> Result<(), Report> {
    let Target::File(path) = target else { return Ok(()) };
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else { return Ok(()) };
    // The nearest folder that exists decides whether this leads out of the repository.
    let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    if let Some(first) = parent.ancestors().take_while(missing).last() {
        Place::of(first, &context.directory)?;
        fs::create_dir_all(parent).map_err(Report::io("make the folder", parent))?;
    }
    Ok(())
}

impl Content<'_> {
    const fn is_plain(self) -> bool {
        matches!(self, Self::Plain(_))
    }

    fn guard(self, path: &Path) -> Result<(), Report> {
        match self {
            Self::Sealed => Ok(()),
            Self::Plain(guard) => guard(path).at(path),
        }
    }
}

#[cfg(test)]
mod tests;
