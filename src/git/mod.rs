//! Git repositories, through the user's own `git` program.
//!
//! Looking at a hostile repository must start nothing of it: every call ignores its hooks, its file system monitor and
//! its transports, and everything in the environment that points git elsewhere ([`Repo`] says what is left).

pub mod attributes;
mod command;
pub mod driver;
mod history;
mod memory;
mod objects;
mod settings;
#[cfg(test)]
mod tests;
mod tracking;

pub use history::{Version, Versions};
pub use objects::{At, Entry, EntryKind, ObjectId};
pub use tracking::Tracking;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::discover::{existing_folder, relative_to, repository_root};
use crate::keys::Environment;
use memory::Memory;

/// A work tree and the way to ask git about it.
///
/// Git is started with a cleared environment: only `PATH`, the user's home and its like, and `GIT_CONFIG_NOSYSTEM` are
/// handed on. So `GIT_DIR`, `GIT_EXTERNAL_DIFF`, `GIT_CONFIG_COUNT` and all the rest have no effect;
/// [`Repo::inside_a_hook`] lets those through that git sets for its hooks. Hooks, the file system monitor, every
/// transport and the fetching of missing objects are off; git's own check of who owns the repository stays on.
#[derive(Clone, Debug)]
pub struct Repo {
    root: PathBuf,
    program: Option<PathBuf>,
    variables: Vec<(&'static str, OsString)>,
    memory: Option<Arc<Memory>>,
}

/// Something that git cannot tell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// There is no `git` in any absolute folder of `PATH`.
    #[error("there is no `git` on `PATH`")]
    NoGit,
    /// Git could not be started, or stopped talking.
    #[error("cannot run `git {command}`")]
    Run {
        /// The sub-command.
        command: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Git said no.
    #[error("`git {command}` failed: {message}")]
    Failed {
        /// The sub-command.
        command: &'static str,
        /// Git's first line.
        message: String,
    },
    /// Git answered in a way that is not understood.
    #[error("`git {0}` gave an answer that is not understood")]
    Answer(&'static str),
    /// Git refuses to work in a repository of another user.
    #[error("git does not trust `{}`: it belongs to another user", .0.display())]
    Untrusted(PathBuf),
    /// No commit goes by that name.
    #[error("`{0}` names no commit")]
    UnknownRevision(String),
    /// A file in git that is larger than any sealed file may be.
    #[error("a version in git has {size} bytes, at most {limit} are read")]
    TooLarge {
        /// In bytes.
        size: u64,
        /// In bytes.
        limit: u64,
    },
    /// An object that the repository names and does not have; nothing is ever fetched.
    #[error("the repository does not have the object {0}: it is a partial clone, or damaged")]
    MissingObject(String),
    /// A path outside of the work tree.
    #[error("`{}` is outside of the repository `{}`", path.display(), root.display())]
    Outside {
        /// The path.
        path: PathBuf,
        /// The root.
        root: PathBuf,
    },
    /// A path whose name is not UTF-8.
    #[error("the name `{}` is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
    /// A file inside `.git` that cannot be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Git is told to keep what `textconv` prints, which is plaintext, in the repository.
    #[error(
        "`diff.sealeaf.cachetextconv` is set: git would store plaintext in `refs/notes/textconv/sealeaf`"
    )]
    CachesPlaintext,
}

impl Repo {
    /// The repository that a file or folder belongs to, found without starting git. `None` outside of one.
    #[must_use]
    pub fn discover(path: &Path, environment: &Environment) -> Option<Self> {
        let folder = match path.canonicalize() {
            Ok(folder) if folder.is_dir() => folder,
            _ => existing_folder(path).ok()?.0,
        };
        let root = repository_root(&folder)?.to_owned();
        let variables = command::handed_on(environment, command::HANDED_ON);
        Some(Self { root, program: command::find_git(environment), variables, memory: None })
    }

    /// The same repository, with the variables that git sets for its hooks: a hook must look at the index that is being
    /// committed, which may be a temporary one.
    #[must_use]
    pub fn inside_a_hook(mut self, environment: &Environment) -> Self {
        self.variables.extend(command::handed_on(environment, command::FOR_HOOKS));
        self
    }

    /// The root of the work tree, absolute and canonical.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path relative to the root, `/`-separated, without `.` and `..`. The file need not exist; the folders above it
    /// are taken for what they really are, a symbolic link in its own place is not followed.
    ///
    /// # Errors
    /// [`GitError::Outside`], [`GitError::NotUtf8`].
    pub fn relative(&self, path: &Path) -> Result<String, GitError> {
        let outside = || GitError::Outside { path: path.to_owned(), root: self.root.clone() };
        let (folder, rest) = existing_folder(path).map_err(|_| outside())?;
        if !folder.starts_with(&self.root) {
            return Err(outside());
        }
        relative_to(&self.root, &folder.join(rest)).ok_or_else(|| GitError::NotUtf8(path.to_owned()))
    }
}
