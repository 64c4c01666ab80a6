//! What one command over many files finds out once: a folder's configuration, a file's repository.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sealeaf::config::{Config, sops};
use sealeaf::git::Repo;

use super::context::Context;
use super::governing::Governing;
use super::report::Report;
use super::session::Place;

/// The files of a command, and what is known of their folders.
#[derive(Debug)]
pub(crate) struct Announced {
    /// The repository of every folder, and the folder's path there.
    repositories: HashMap<PathBuf, Option<(Repo, String)>>,
    folders: Mutex<HashMap<PathBuf, Arc<Folder>>>,
}

/// A folder as rules see it.
#[derive(Debug)]
pub(crate) struct Folder {
    /// The configuration that holds in it.
    pub(crate) config: Option<Config>,
    /// SOPS' own that holds in it.
    pub(crate) sops: Option<sops::Discovered>,
    /// Whether that goes before `config`.
    pub(crate) sops_first: bool,
    /// Its path as globs see it; empty, or with `/` at the end.
    pub(crate) prefix: String,
}

impl Folder {
    /// The rules of both configurations for a file of the folder.
    pub(crate) fn all(&self, file: &Path, relative: String) -> Result<Vec<Governing>, Report> {
        let native = self.config.as_ref().map_or(Ok(None), |config| Governing::of(config, relative))?;
        let sops = self.sops.as_ref().map_or(Ok(None), |found| Governing::of_sops(found, file))?;
        Ok(native.into_iter().chain(sops).collect())
    }

    /// The rule for a file of the folder. The nearer configuration goes first, `.sealeaf.toml` where they lie together.
    pub(crate) fn governing(&self, file: &Path, relative: String) -> Result<Option<Governing>, Report> {
        let native =
            |relative| self.config.as_ref().map_or(Ok(None), |config| Governing::of(config, relative));
        let sops = || self.sops.as_ref().map_or(Ok(None), |found| Governing::of_sops(found, file));
        let first = if self.sops_first { sops()? } else { native(relative.clone())? };
        match first {
            Some(rule) => Ok(Some(rule)),
            None if self.sops_first => native(relative),
            None => sops(),
        }
    }
}

impl Announced {
    /// Looks for the files' repositories. What cannot be found out is left to who asks for it.
    pub(super) fn new<'p>(paths: impl IntoIterator<Item = &'p Path>, context: &Context) -> Self {
        let mut folders: HashMap<&Path, Vec<&str>> = HashMap::new();
        for (folder, name) in paths.into_iter().filter_map(split) {
            folders.entry(folder).or_default().push(name);
        }
        let mut roots: HashMap<PathBuf, (Repo, BTreeSet<String>)> = HashMap::new();
        let mut found: Vec<(PathBuf, Option<(PathBuf, String)>)> = Vec::new();
        for (folder, names) in folders {
            let below = context.directory.join(folder).join(HERE);
            let Some(repo) = Repo::discover(&below, &context.environment) else {
                found.push((folder.to_owned(), None));
                continue;
            };
            let Ok(relative) = repo.relative(&below) else { continue };
            let prefix = relative.strip_suffix(HERE).unwrap_or_default().to_owned();
            let root = repo.root().to_owned();
            let (_, paths) = roots.entry(root.clone()).or_insert_with(|| (repo, BTreeSet::new()));
            paths.extend(names.iter().map(|name| format!("{prefix}{name}")));
            found.push((folder.to_owned(), Some((root, prefix))));
        }
        let repos: HashMap<PathBuf, Repo> =
            roots.into_iter().map(|(root, (repo, paths))| (root, repo.remembering(paths))).collect();
        let known = |(root, prefix): (PathBuf, String)| Some((repos.get(&root)?.clone(), prefix));
        let repositories = found.into_iter().map(|(folder, place)| (folder, place.and_then(known))).collect();
        Self { repositories, folders: Mutex::default() }
    }

    /// The repository of a file and its path there, if its folder was announced.
    pub(super) fn repository(&self, path: &Path) -> Option<Option<(Repo, String)>> {
        let (folder, name) = split(path)?;
        let known = self.repositories.get(folder)?;
        Some(known.as_ref().map(|(repo, prefix)| (repo.clone(), format!("{prefix}{name}"))))
    }

    /// The files by repository, with their paths there.
    pub(super) fn by_repository<'p>(
        &self,
        paths: impl IntoIterator<Item = &'p Path>,
    ) -> Vec<(Repo, Vec<String>)> {
        let mut grouped: BTreeMap<PathBuf, (Repo, Vec<String>)> = BTreeMap::new();
        for (repo, relative) in paths.into_iter().filter_map(|path| self.repository(path).flatten()) {
            let (_, paths) = grouped.entry(repo.root().to_owned()).or_insert_with(|| (repo, Vec::new()));
            paths.push(relative);
        }
        grouped.into_values().collect()
    }

    /// What is known of a file's folder, and the file's path as globs see it.
    ///
    /// # Errors
    /// Those of `discover`, which is asked about the first file of each folder.
    pub(super) fn folder(
        &self,
        path: &Path,
        discover: impl FnOnce() -> Result<Place, Report>,
    ) -> Result<(Arc<Folder>, String), Report> {
        // Held while the first one of a folder is looked for: the other threads want the same answer.
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((folder, name)) = split(path)
            && let Some(known) = folders.get(folder)
        {
            return Ok((Arc::clone(known), format!("{}{name}", known.prefix)));
        }
        let found = discover()?;
        let relative = found.relative.clone();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let prefix = found.relative.strip_suffix(name).unwrap_or_default().to_owned();
        let known = Arc::new(found.into_folder(prefix));
        if let Some((folder, _)) = split(path) {
            folders.insert(folder.to_owned(), Arc::clone(&known));
        }
        Ok((known, relative))
    }
}

/// A file's folder and name, as the user wrote them. `None` where the name is none, or cannot be put behind a prefix.
fn split(path: &Path) -> Option<(&Path, &str)> {
    Some((path.parent()?, path.file_name()?.to_str()?))
}

/// Names a file that need not exist, to ask about its folder.
const HERE: &str = "x";
