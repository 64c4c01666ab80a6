//! Finds the `.sops.yaml` for a file, and the file's path for its rules.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::config::discover::{
    DiscoverError, Notice, Owners, existing_folder, read_file, read_trusted, repository_root, unreadable,
};
use crate::keys::Environment;

use super::{CreationRule, FILE_NAME, MAX_SIZE, SopsConfig, Strictness};

/// A configuration in its place.
#[derive(Clone, Debug)]
pub struct Discovered {
    /// The configuration.
    pub config: SopsConfig,
    /// The folder that rules' paths are relative to.
    folder: PathBuf,
    paths: Paths,
}

/// How a file's path is made absolute.
#[derive(Clone, Debug)]
enum Paths {
    /// By the file system: links among the folders are followed.
    Canonical,
    /// By its letters, from this folder on, as SOPS does.
    Lexical(PathBuf),
}

impl Discovered {
    /// The creation rule for a file, which need not exist: the first whose pattern matches its path relative to the
    /// configuration's folder, the absolute one for a file outside of it.
    ///
    /// # Errors
    /// [`DiscoverError`] where the path cannot be followed or is not UTF-8.
    pub fn rule_for(&self, file: &Path) -> Result<Option<&CreationRule>, DiscoverError> {
        Ok(self.config.rule_for(&self.relative(file)?))
    }

    /// The path that the creation rules' patterns are matched with.
    ///
    /// # Errors
    /// As for [`Self::rule_for`].
    pub fn relative(&self, file: &Path) -> Result<String, DiscoverError> {
        let path = match &self.paths {
            Paths::Canonical => {
                let (folder, rest) = existing_folder(file)?;
                folder.join(rest)
            }
            Paths::Lexical(from) => absolute(from, file),
        };
        let inside = path.strip_prefix(&self.folder).unwrap_or(&path);
        inside.to_str().map(str::to_owned).ok_or(DiscoverError::NotUtf8(path.clone()))
    }
}

/// Finds the configuration for a file in native use, read with [`Strictness::Native`]: `SOPS_CONFIG` where that is set, else
/// the nearest upwards from the file to the root of its repository. What belongs to neither the user nor root is passed
/// over, with a notice, as is a `.sops.yml`.
///
/// # Errors
/// [`DiscoverError`]; a configuration that cannot be used never counts as none.
pub fn discover(
    file: &Path,
    environment: &Environment,
    owners: &Owners,
    notices: &mut Vec<Notice>,
) -> Result<Option<Discovered>, DiscoverError> {
    let found = |text: String, path: PathBuf, folder: PathBuf| {
        let config = SopsConfig::parse(&text, &path, Strictness::Native)?;
        Ok(Some(Discovered { config, folder, paths: Paths::Canonical }))
    };
    if let Some(path) = named(None, environment) {
        let (folder, _) = existing_folder(&path)?;
        return found(read_file(&path, MAX_SIZE)?, path, folder);
    }
    let (folder, _) = existing_folder(file)?;
    let limit = repository_root(&folder).unwrap_or(&folder);
    for folder in folder.ancestors() {
        if let Some(text) = read_trusted(folder, FILE_NAME, MAX_SIZE, owners, notices)? {
            return found(text, folder.join(FILE_NAME), folder.to_owned());
        }
        notices.extend(misnamed(folder));
        if folder == limit {
            break;
        }
    }
    Ok(None)
}

/// Finds the configuration as SOPS does, read with [`Strictness::Sops`]: `config` (the flag `--config`), `SOPS_CONFIG`, or
/// the nearest upwards from the working directory `from`, at most 100 folders, whoever owns it.
///
/// # Errors
/// [`DiscoverError`], also where a file that is named does not exist.
pub fn search(
    from: &Path,
    config: Option<&Path>,
    environment: &Environment,
    notices: &mut Vec<Notice>,
) -> Result<Option<Discovered>, DiscoverError> {
    let path = match named(config, environment) {
        Some(path) => absolute(from, &path),
        None => match nearest_file(from, notices)? {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    let text = read_file(&path, MAX_SIZE)?;
    let config = SopsConfig::parse(&text, &path, Strictness::Sops)?;
    let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
    Ok(Some(Discovered { config, folder, paths: Paths::Lexical(from.to_owned()) }))
}

/// The file that the flag or the environment names; an empty name is none.
fn named(config: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
    let by_flag = config.map(Path::to_owned);
    let named = by_flag.or_else(|| environment.os("SOPS_CONFIG").map(PathBuf::from));
    named.filter(|path| !path.as_os_str().is_empty())
}

fn nearest_file(from: &Path, notices: &mut Vec<Notice>) -> Result<Option<PathBuf>, DiscoverError> {
    for folder in absolute(from, Path::new("")).ancestors().take(LEVELS) {
        let path = folder.join(FILE_NAME);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => return Ok(Some(path)),
            Ok(_) => return Err(unreadable(&path, "not a regular file")),
            // SOPS goes on as well where it may not look.
            Err(_) => notices.extend(misnamed(folder)),
        }
    }
    Ok(None)
}

fn misnamed(folder: &Path) -> Option<Notice> {
    let path = folder.join(".sops.yml");
    path.is_file().then_some(Notice::Misnamed { config: path, name: FILE_NAME })
}

/// `path` from `from` on, without `.` and `..`, which are taken away by their letters.
fn absolute(from: &Path, path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in from.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

const LEVELS: usize = 100;
