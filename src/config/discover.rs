//! Finds the configuration for a file: upwards from the file to the root of its repository, never further.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::{Config, ConfigError, FILE_NAME, MAX_SIZE, Problem};
use crate::keys::Environment;

/// What is known about a file's place.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// The configuration, if there is one.
    pub config: Option<Config>,
    /// The root of the git repository, canonical; `None` outside one.
    pub repository: Option<PathBuf>,
    /// The file's path for globs and scopes: `/`-separated, relative to the repository root, outside a repository to the
    /// file's own folder.
    pub relative: String,
    /// What was seen and not used.
    pub notices: Vec<Notice>,
}

/// A configuration that is there and is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Notice {
    /// It, or the folder that it lies in, belongs to another user.
    #[error("`{}` is not used: `{}` belongs to user {owner}", config.display(), foreign.display())]
    Foreign {
        /// The configuration.
        config: PathBuf,
        /// What belongs to another user.
        foreign: PathBuf,
        /// The other user's id.
        owner: u32,
    },
    /// It lies outside of the file's repository; without a repository, outside of the file's folder.
    #[error("`{}` is not used: it is outside of `{}`", config.display(), limit.display())]
    Outside {
        /// The configuration.
        config: PathBuf,
        /// The last folder that is looked into.
        limit: PathBuf,
    },
    /// It has almost the name.
    #[error("`{}` is not used: only `{name}` is", config.display())]
    Misnamed {
        /// The file.
        config: PathBuf,
        /// The name that it should have.
        name: &'static str,
    },
}

/// A file whose configuration cannot be found out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverError {
    /// A folder or file that cannot be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A path that names no file: it ends in `..`, or leaves a folder that is not there.
    #[error("`{}` is not the name of a file", .0.display())]
    NoFile(PathBuf),
    /// A path that globs and scopes cannot hold.
    #[error("the name `{}` is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
    /// A configuration that cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Whose configurations are believed.
#[derive(Clone, Debug)]
pub struct Owners(Option<Vec<u32>>);

impl Owners {
    /// The user with that effective id, and root; for root also the user who called `sudo`.
    #[must_use]
    pub fn of(user: u32, environment: &Environment) -> Self {
        let sudo = environment.text("SUDO_UID").and_then(|id| id.parse().ok()).filter(|_| user == 0);
        Self(Some([Some(0), Some(user), sudo].into_iter().flatten().collect()))
    }

    /// Everyone: for systems without such ids.
    #[must_use]
    pub const fn any() -> Self {
        Self(None)
    }

    fn distrusts(&self, metadata: &fs::Metadata) -> Option<u32> {
        let owner = owner_of(metadata)?;
        self.0.as_ref().filter(|trusted| !trusted.contains(&owner)).map(|_| owner)
    }
}

/// Finds the configuration for `file`, which need not exist, nor its folder.
///
/// The nearest configuration is used, alone. What belongs to neither the user nor root is passed over, with a notice.
///
/// # Errors
/// [`DiscoverError`]; a configuration that cannot be used never counts as none.
pub fn discover(file: &Path, owners: &Owners) -> Result<Discovery, DiscoverError> {
    let (folder, rest) = existing_folder(file)?;
    let repository = repository_root(&folder).map(Path::to_owned);
    let limit = repository.as_deref().unwrap_or(&folder);
    let mut notices = Vec::new();
    let mut config = None;
    let mut folders = folder.ancestors();
    for folder in folders.by_ref() {
        config = read_config(folder, owners, &mut notices)?;
        if config.is_some() || folder == limit {
            break;
        }
    }
    if config.is_none() {
        let further = folders.map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file());
        notices.extend(further.map(|config| Notice::Outside { config, limit: limit.to_owned() }));
    }
    let path = folder.join(&rest);
    let relative = relative_to(limit, &path).ok_or(DiscoverError::NotUtf8(path))?;
    Ok(Discovery { config, repository, relative, notices })
}

/// The root of the git repository that a folder belongs to: the nearest folder upwards that holds `.git`, a folder or (in
/// worktrees and submodules) a file. `folder` must be canonical.
#[must_use]
pub fn repository_root(folder: &Path) -> Option<&Path> {
    folder
        .ancestors()
        .find(|folder| fs::metadata(folder.join(".git")).is_ok_and(|it| it.is_dir() || it.is_file()))
}

/// `path` below `base` with `/` between its parts; `None` where it is not below, or not UTF-8.
pub(crate) fn relative_to(base: &Path, path: &Path) -> Option<String> {
    let parts = path.strip_prefix(base).ok()?.components().map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
}

/// The deepest folder above `file` that exists, canonical, and the path from there to the file. A symbolic link in the
/// place of the file itself is not followed.
pub(crate) fn existing_folder(file: &Path) -> Result<(PathBuf, PathBuf), DiscoverError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| DiscoverError::Io { path, source }
    };
    let absolute = std::path::absolute(file).map_err(io(file))?;
    let mut folder = absolute.as_path();
    let mut rest = PathBuf::new();
    loop {
        let name = folder.file_name().ok_or_else(|| DiscoverError::NoFile(file.to_owned()))?;
        rest = if rest.as_os_str().is_empty() { name.into() } else { Path::new(name).join(rest) };
        folder = folder.parent().ok_or_else(|| DiscoverError::NoFile(file.to_owned()))?;
        match folder.canonicalize() {
            Ok(folder) => return Ok((folder, rest)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(folder)(error)),
        }
    }
}

fn read_config(
    folder: &Path,
    owners: &Owners,
    notices: &mut Vec<Notice>,
) -> Result<Option<Config>, DiscoverError> {
    let Some(text) = read_trusted(folder, FILE_NAME, MAX_SIZE, owners, notices)? else { return Ok(None) };
    Ok(Some(Config::parse(&text, &folder.join(FILE_NAME))?))
}

/// The text of a configuration file of that name; `None`, with a notice, where it belongs to somebody else. At most one
/// byte over the limit is read.
pub(super) fn read_trusted(
    folder: &Path,
    name: &str,
    limit: usize,
    owners: &Owners,
    notices: &mut Vec<Notice>,
) -> Result<Option<String>, DiscoverError> {
    let path = folder.join(name);
    let io = |source| DiscoverError::Io { path: path.clone(), source };
    let metadata = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(io(error)),
    };
    let places = [(folder, fs::metadata(folder).map_err(io)?), (path.as_path(), metadata.clone())];
    for (foreign, metadata) in &places {
        if let Some(owner) = owners.distrusts(metadata) {
            let foreign = (*foreign).to_owned();
            notices.push(Notice::Foreign { config: path, foreign, owner });
            return Ok(None);
        }
    }
    if !metadata.is_file() {
        return Err(unreadable(&path, "not a regular file"));
    }
    read_file(&path, limit).map(Some)
}

/// The text of a file, at most one byte over the limit. A link is followed.
pub(super) fn read_file(path: &Path, limit: usize) -> Result<String, DiscoverError> {
    let io = |source| DiscoverError::Io { path: path.to_owned(), source };
    let limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(io)?;
    String::from_utf8(bytes).map_err(|_| unreadable(path, "not UTF-8"))
}

/// A configuration of which nothing can be read.
pub(super) fn unreadable(path: &Path, problem: &str) -> DiscoverError {
    DiscoverError::Config(ConfigError {
        file: path.to_owned(),
        line: 1,
        column: 1,
        problem: Box::new(Problem::Unreadable(problem.to_owned())),
        suggestion: None,
    })
}

#[cfg(unix)]
fn owner_of(metadata: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;

    Some(metadata.uid())
}

#[cfg(not(unix))]
fn owner_of(_: &fs::Metadata) -> Option<u32> {
    None
}
