//! Writes what a verb made: a file is replaced as a whole or not at all, and plaintext goes only where it may.

mod batch;
mod journal;
mod lock;
mod order;
mod original;
mod staged;

use std::fmt;
use std::path::{Component, Path, PathBuf};

use super::context::Context;
use super::escape;
use super::input::Source;
use super::report::{Context as _, Kind, Report};
use order::To;

pub(crate) use batch::Batch;

/// Finishes what killed runs of this user left half done, and says so.
pub(crate) fn recover(context: &Context) {
    journal::recover(context, &std::collections::HashSet::new());
}
pub(crate) use lock::Lock;
pub(crate) use order::{Order, carry_out};
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
pub(crate) type Guard<'a> = &'a (dyn Fn(&Path) -> Result<(), Report> + Sync);

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
    carry_out_one(Order { to: To::Over(original), bytes, content }, context)
}

/// Writes a new file, and makes the folders above it.
///
/// # Errors
/// [`Kind::Conflict`] where there is one of that name by now; else as [`replace`].
pub(crate) fn create(
    path: &Path,
    bytes: &[u8],
    content: Content<'_>,
    context: &Context,
) -> Result<(), Report> {
    carry_out_one(Order { to: To::New(path), bytes, content }, context).map(drop)
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
    carry_out_one(Order::write(target, bytes, content), context).map(drop)
}

fn carry_out_one(order: Order<'_>, context: &Context) -> Result<bool, Report> {
    carry_out(&[order], context).pop().unwrap_or(Ok(false))
}

/// One target for each source: standard output for a single one, else the file or folder that `--output` names. It names
/// a folder where it ends with `/`, where there are several sources, and where `arguments` name folders or patterns, even
/// if one file is in them. In a folder a relative source keeps its own folders.
///
/// # Errors
/// [`Kind::Usage`] where several sources would go to one place.
pub(crate) fn targets(
    output: Option<&Path>,
    arguments: &[PathBuf],
    sources: &[Source],
) -> Result<Vec<Target>, Report> {
    let output = output.filter(|path| *path != Path::new("-"));
    match (output, sources) {
        (None, [_]) => Ok(vec![Target::Stdout]),
        (None, _) => Err(Report::message(Kind::Usage, "several files cannot share standard output")
            .hint("name a folder for them with --output")),
        (Some(path), [Source::Stdin]) => Ok(vec![Target::File(path.to_owned())]),
        (Some(path), [source])
            if !path.is_dir()
                && !path.as_os_str().as_encoded_bytes().ends_with(b"/")
                && arguments.iter().any(|argument| argument == source.shown()) =>
        {
            Ok(vec![Target::File(path.to_owned())])
        }
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

impl fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_plain() { "Plain" } else { "Sealed" })
    }
}

impl Content<'_> {
    const fn is_plain(self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// `shown` is the path as the user gave it.
    fn guard(self, path: &Path, shown: &Path) -> Result<(), Report> {
        match self {
            Self::Sealed => Ok(()),
            Self::Plain(guard) => guard(path).at(shown),
        }
    }
}

#[cfg(test)]
mod tests;
