//! Which files a verb looks at that works on a whole repository: those that a rule of `.sealeaf.toml` covers, and those that
//! are sealed.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use sealeaf::config::{FILE_NAME, sops};
use sealeaf::format::by_file_name;

use super::announced::Folder;
use super::context::Context;
use super::escape;
use super::input::{Source, expand, looks_sealed, looks_sealed_by_sops, read_file, walk};
use super::parallel;
use super::place::repository_of;
use super::report::{Kind, Report};
use super::session::Session;

/// A file to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// As the user would name it from the working folder.
    pub(crate) path: PathBuf,
    /// Whether the user did name it; else it was found in a folder or by a pattern.
    pub(crate) named: bool,
}

/// The files that `arguments` name. A folder stands for the files in it that a rule covers or that are sealed; so does a
/// pattern that the shell did not expand. Repositories inside of a folder are not part of it.
pub(crate) fn find(arguments: &[PathBuf], session: &Session<'_>) -> Result<Vec<Found>, Report> {
    let mut files: BTreeMap<PathBuf, bool> = BTreeMap::new();
    for argument in arguments {
        if argument == Path::new("-") {
            let message = "standard input has no place in a repository";
            return Err(Report::message(Kind::Usage, message).hint("name files or folders"));
        }
        if fs::symlink_metadata(session.context.directory.join(argument)).is_ok_and(|it| it.is_dir()) {
            for path in below(argument, session)? {
                files.entry(path).or_insert(false);
            }
            continue;
        }
        for source in expand(std::slice::from_ref(argument), session.context)? {
            let Source::File(path) = source else { continue };
            *files.entry(path.clone()).or_insert(false) |= path == *argument;
        }
    }
    Ok(files.into_iter().map(|(path, named)| Found { path, named }).collect())
}

/// The files of the whole repository around the working folder; without a repository, those of the working folder.
pub(crate) fn everything(session: &Session<'_>) -> Result<Vec<Found>, Report> {
    let directory = &session.context.directory;
    let root = repository_of(directory).unwrap_or_else(|| directory.clone());
    let files = below(&seen_from(directory, &root), session)?;
    Ok(files.into_iter().map(|path| Found { path, named: false }).collect())
}

/// Every file below a folder that a rule of `.sealeaf.toml` covers or that is sealed. A rule of `.sops.yaml` says how files
/// are encrypted, not that they must be: such rules often cover everything.
pub(crate) fn below(start: &Path, session: &Session<'_>) -> Result<Vec<PathBuf>, Report> {
    let home = repository_of(&session.context.directory.join(start));
    let finder = Finder { session, home, folders: RefCell::default(), failed: RefCell::default() };
    let candidates = walk(start, session.context, |path| finder.look(path) != Look::No)?;
    let looked: Vec<(Look, PathBuf)> =
        candidates.into_iter().map(|path| (finder.look(&path), path)).collect();
    if let Some(report) = finder.failed.into_inner() {
        return Err(report);
    }
    let wanted = |(look, path): &(Look, PathBuf)| {
        // Of a file that no rule covers, and that cannot be read, nobody wants to hear.
        *look == Look::Covered || is_sealed(path, session).unwrap_or_default()
    };
    let keep = parallel::map(&looked, session.context, wanted);
    Ok(looked.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|((_, path), _)| path).collect())
}

/// A folder that stands above `directory`, as a path from there.
pub(crate) fn seen_from(directory: &Path, above: &Path) -> PathBuf {
    match directory.strip_prefix(above) {
        Ok(between) => between.components().map(|_| "..").collect(),
        Err(_) => above.to_owned(),
    }
}

/// An absolute path as it is seen from the working folder, where it lies below.
pub(crate) fn near<'p>(path: &'p Path, context: &Context) -> &'p Path {
    path.strip_prefix(&context.directory).unwrap_or(path)
}

/// Whether a file carries metadata. One that does not parse does, where it holds the metadata's name and tokens: it is
/// to be looked at, not passed over. One over the limits does not, with a warning.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn is_sealed(path: &Path, session: &Session<'_>) -> Result<bool, Report> {
    let limits = &session.context.limits;
    let bytes = match read_file(path, limits.file) {
        Ok((bytes, _)) => bytes,
        Err(report) if report.kind() == Kind::Malformed => {
            session.once(format!("{}: not looked at: {}", escape::path(path), report.reason()));
            return Ok(false);
        }
        Err(report) => return Err(report),
    };
    let text = String::from_utf8_lossy(&bytes);
    Ok(looks_sealed(path, &text, limits) || looks_sealed_by_sops(path, &text, limits))
}

/// One walk: what is known of each folder is found out once.
struct Finder<'a> {
    session: &'a Session<'a>,
    /// The repository that is walked through.
    home: Option<PathBuf>,
    folders: RefCell<HashMap<PathBuf, Option<Folder>>>,
    failed: RefCell<Option<Report>>,
}

#[derive(PartialEq, Eq)]
enum Look {
    Covered,
    /// Sealed, perhaps.
    Maybe,
    No,
}

impl Finder<'_> {
    fn look(&self, path: &Path) -> Look {
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut folders = self.folders.borrow_mut();
        let known = match folders.get(folder) {
            Some(known) => known,
            None => folders.entry(folder.to_owned()).or_insert(self.folder(folder)),
        };
        let Some(known) = known else { return Look::No };
        let name = path.file_name().unwrap_or_default();
        if name == FILE_NAME || name == sops::FILE_NAME {
            // The configuration is never a secret, whatever its globs say.
            return Look::No;
        }
        let covered = known.config.as_ref().zip(name.to_str());
        if covered.is_some_and(|(config, name)| config.rule_for(&format!("{}{name}", known.prefix)).is_some())
        {
            return Look::Covered;
        }
        let has_format = by_file_name(&name.to_string_lossy()).is_some();
        let is_file =
            || fs::symlink_metadata(self.session.context.directory.join(path)).is_ok_and(|it| it.is_file());
        if has_format && is_file() { Look::Maybe } else { Look::No }
    }

    /// `None` for a folder of another repository, and for one that was not understood.
    fn folder(&self, folder: &Path) -> Option<Folder> {
        if repository_of(&self.session.context.directory.join(folder)) != self.home {
            return None;
        }
        match self.session.place(&folder.join(HERE)) {
            Ok(found) => {
                let prefix = found.relative.strip_suffix(HERE).unwrap_or_default().to_owned();
                Some(found.into_folder(prefix))
            }
            Err(report) => {
                self.failed.borrow_mut().get_or_insert(report);
                None
            }
        }
    }
}

/// Names a file that need not exist, to ask about its folder.
const HERE: &str = "x";
