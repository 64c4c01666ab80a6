//! Where a file really is, and whether that is a place to write to.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::escape;
use super::report::{Kind, Report};

/// A file's folder without symlinks, and its name in there. The file need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The folder, absolute, all symlinks resolved.
    pub(crate) folder: PathBuf,
    /// The name in it.
    pub(crate) name: OsString,
    /// The path as the user gave it, for messages.
    pub(crate) shown: PathBuf,
    /// The root of the git repository that it lies in.
    pub(crate) repository: Option<PathBuf>,
}

impl Place {
    /// Finds the place of `path`, seen from the folder `directory`.
    ///
    /// Refuses what leaves a repository on its way: a folder symlink that points out of it, and, from inside a
    /// repository, a relative path that climbs out of it. An absolute path says where it goes and may go anywhere.
    pub(crate) fn of(path: &Path, directory: &Path) -> Result<Self, Report> {
        let named = matches!(path.components().next_back(), Some(Component::Normal(_)));
        let Some(name) = path.file_name().filter(|_| named).map(OsStr::to_owned) else {
            return Err(Report::message(Kind::Usage, format!("`{}` names no file", escape::path(path))));
        };
        let parent = directory.join(path.parent().unwrap_or_else(|| Path::new("")));
        let folder = fs::canonicalize(&parent).map_err(Report::io("find the folder of", path))?;
        let named_from = if path.is_relative() { directory } else { &parent };
        let expected = repository_of(named_from).and_then(|root| fs::canonicalize(root).ok());
        match expected {
            Some(root) if !folder.starts_with(&root) => Err(Report::message(
                Kind::Refused,
                format!(
                    "`{}` leads out of the repository `{}`, to `{}`",
                    escape::path(path),
                    escape::path(&root),
                    escape::path(&folder)
                ),
            )
            .hint("give the absolute path of the file, without symlinks")),
            _ => Ok(Self { repository: repository_of(&folder), folder, name, shown: path.to_owned() }),
        }
    }

    /// The absolute path without symlinks, but for the file itself.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }
}

/// The nearest folder at or above `folder` that holds a git repository.
pub(crate) fn repository_of(folder: &Path) -> Option<PathBuf> {
    folder
        .ancestors()
        .find(|ancestor| fs::symlink_metadata(ancestor.join(".git")).is_ok())
        .map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Tree {
        root: tempfile::TempDir,
    }

    impl Tree {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            for folder in ["repo/.git", "repo/a/b", "other"] {
                fs::create_dir_all(root.path().join(folder)).unwrap();
            }
            symlink(root.path().join("other"), root.path().join("repo/out")).unwrap();
            symlink(root.path().join("repo/a"), root.path().join("repo/in")).unwrap();
            symlink(root.path().join("repo"), root.path().join("alias")).unwrap();
            Self { root }
        }

        fn check(&self, directory: &str, path: &str, expect: Result<&str, Kind>) {
            let root = fs::canonicalize(self.root.path()).unwrap();
            let path = path.replace("ROOT", root.to_str().unwrap());
            let place = Place::of(Path::new(&path), &root.join(directory));
            match (place, expect) {
                (Ok(place), Ok(expect)) => assert_eq!(place.path(), root.join(expect), "{path}"),
                (Err(report), Err(kind)) => assert_eq!(report.kind(), kind, "{path}"),
                (got, _) => panic!("{path}: {got:?}"),
            }
        }
    }

    #[test]
    fn ac_64_paths_stay_in_their_repository() {
        let tree = Tree::new();
        tree.check("repo", "x.yaml", Ok("repo/x.yaml"));
        tree.check("repo/a", "../x.yaml", Ok("repo/x.yaml"));
        tree.check("repo", "in/x.yaml", Ok("repo/a/x.yaml"));
        tree.check("repo", "out/x.yaml", Err(Kind::Refused));
        tree.check("repo", "ROOT/repo/out/x.yaml", Err(Kind::Refused));
        tree.check("repo", "../other/x.yaml", Err(Kind::Refused));
        tree.check("repo", "ROOT/other/x.yaml", Ok("other/x.yaml"));
        tree.check("other", "../repo/x.yaml", Ok("repo/x.yaml"));
        tree.check("other", "ROOT/alias/a/x.yaml", Ok("repo/a/x.yaml"));
    }

    #[test]
    fn what_names_no_file_is_a_usage_error() {
        let tree = Tree::new();
        for path in ["", "..", "/", "a/.."] {
            tree.check("repo", path, Err(Kind::Usage));
        }
        tree.check("repo", "none/x.yaml", Err(Kind::Failed));
    }

    #[test]
    fn the_nearest_repository_counts() {
        let tree = Tree::new();
        let root = fs::canonicalize(tree.root.path()).unwrap();
        let place = Place::of(Path::new("b/x.yaml"), &root.join("repo/a")).unwrap();
        assert_eq!(place.repository, Some(root.join("repo")));
        assert_eq!(repository_of(&root.join("other")), None);
    }
}
