#![cfg(unix)]

use std::ffi::OsStr;
use std::fs::{self, create_dir_all};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::config::discover::{DiscoverError, Discovery, Notice, Owners, discover};
use crate::keys::Environment;

/// A folder of its own, canonical, with the files that are named.
fn place(files: &[&str]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for file in files {
        let path = root.join(file);
        if file.ends_with('/') {
            create_dir_all(path).unwrap();
            continue;
        }
        create_dir_all(path.parent().unwrap()).unwrap();
        put(&path, "version = 1\n");
    }
    (folder, root)
}

#[expect(clippy::disallowed_methods, reason = "tests write where they like")]
fn put(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

fn find(path: impl AsRef<Path>) -> Discovery {
    discover(path.as_ref(), &Owners::any()).unwrap()
}

fn used(discovery: &Discovery, root: &Path) -> Option<String> {
    let path = &discovery.config.as_ref()?.path;
    Some(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned())
}

#[test]
fn the_nearest_configuration_up_to_the_root_is_used() {
    let (_guard, root) =
        place(&[".sealeaf.toml", "r/.git/", "r/.sealeaf.toml", "r/a/.sealeaf.toml", "r/a/b/", "r/c/"]);
    for (file, config, relative) in [
        ("r/a/b/x.yaml", "r/a/.sealeaf.toml", "a/b/x.yaml"),
        ("r/a/x.yaml", "r/a/.sealeaf.toml", "a/x.yaml"),
        ("r/c/x.yaml", "r/.sealeaf.toml", "c/x.yaml"),
        ("r/x.yaml", "r/.sealeaf.toml", "x.yaml"),
        ("r/new/folder/x.yaml", "r/.sealeaf.toml", "new/folder/x.yaml"),
        ("r/a/../c/x.yaml", "r/.sealeaf.toml", "c/x.yaml"),
    ] {
        let found = find(root.join(file));
        assert_eq!(used(&found, &root).as_deref(), Some(config), "{file}");
        assert_eq!(found.relative, relative);
        assert_eq!(found.repository, Some(root.join("r")));
        assert_eq!(found.notices, []);
    }
}

/// AC-61: what lies above the repository is not used, and a notice says so.
#[test]
fn ac_61_nothing_above_the_repository_is_used() {
    let (_guard, root) = place(&[".sealeaf.toml", "r/.git", "r/a/"]);
    let found = find(root.join("r/a/x.yaml"));
    assert!(found.config.is_none());
    let (config, limit) = (root.join(".sealeaf.toml"), root.join("r"));
    let expect = format!("`{}` is not used: it is outside of `{}`", config.display(), limit.display());
    assert_eq!(found.notices.iter().map(ToString::to_string).collect::<Vec<_>>(), [expect]);
}

/// AC-61: without a repository, only the file's own folder counts: not the home folder above it, for one.
#[test]
fn ac_61_without_a_repository_only_the_own_folder_counts() {
    let (_guard, root) = place(&[".sealeaf.toml", "a/b/", "a/.sealeaf.toml"]);
    let found = find(root.join("a/x.yaml"));
    assert_eq!(used(&found, &root).as_deref(), Some("a/.sealeaf.toml"));
    assert_eq!((found.relative.as_str(), &found.repository), ("x.yaml", &None));
    let found = find(root.join("a/b/x.yaml"));
    assert!(found.config.is_none());
    let outside = Notice::Outside { config: root.join("a/.sealeaf.toml"), limit: root.join("a/b") };
    assert_eq!(found.notices, [outside]);
}

/// AC-61: a configuration of another user is passed over, and a notice says so.
#[test]
fn ac_61_the_configuration_of_another_user_is_not_used() {
    let (_guard, root) = place(&[".git/", ".sealeaf.toml"]);
    let me = fs::metadata(&root).unwrap().uid();
    let file = root.join("x.yaml");
    let nobody = Environment::default();
    assert!(discover(&file, &Owners::of(me, &nobody)).unwrap().config.is_some());
    if me != 0 {
        let found = discover(&file, &Owners::of(me + 1, &nobody)).unwrap();
        assert!(found.config.is_none());
        let expect = Notice::Foreign { config: root.join(".sealeaf.toml"), foreign: root, owner: me };
        assert_eq!(found.notices, [expect]);
        return;
    }
    // Root is always believed, so the file is given away.
    std::os::unix::fs::chown(root.join(".sealeaf.toml"), Some(4711), None).unwrap();
    let found = discover(&file, &Owners::of(0, &nobody)).unwrap();
    let config = root.join(".sealeaf.toml");
    let expect = format!("`{0}` is not used: `{0}` belongs to user 4711", config.display());
    assert_eq!(found.notices.iter().map(ToString::to_string).collect::<Vec<_>>(), [expect]);
    assert!(found.config.is_none());
    let sudo: Environment = [("SUDO_UID", "4711")].into_iter().collect();
    assert!(discover(&file, &Owners::of(0, &sudo)).unwrap().config.is_some());
    assert!(discover(&file, &Owners::of(1, &sudo)).unwrap().config.is_none());
}

#[test]
fn a_configuration_that_cannot_be_read_is_an_error() {
    let (_guard, root) = place(&[".git/", "target.toml"]);
    let path = root.join(".sealeaf.toml");
    let error = |expect: &str| {
        let error = discover(&root.join("x.yaml"), &Owners::any()).unwrap_err();
        assert_eq!(error.to_string(), format!("{}:{expect}", path.display()));
    };
    symlink(root.join("target.toml"), &path).unwrap();
    error("1:1: not a regular file");
    fs::remove_file(&path).unwrap();
    create_dir_all(&path).unwrap();
    error("1:1: not a regular file");
    fs::remove_dir(&path).unwrap();
    put(&path, &"#".repeat(1 << 20));
    error("1:1: bytes of the file: 262145, at most 262144 are allowed");
    put(&path, "version = 1\neditor = 'x'");
    error(
        "2:1: `editor` is not allowed in a repository's file: it belongs into the user's own configuration",
    );
}

/// AC-59: names that are not UTF-8 are an error, no panic.
#[test]
fn ac_59_names_that_are_not_utf_8() {
    let (_guard, root) = place(&[".git/"]);
    let name = OsStr::from_bytes(b"a\xff.yaml");
    let error = discover(&root.join(name), &Owners::any()).unwrap_err();
    assert!(matches!(error, DiscoverError::NotUtf8(_)), "{error}");
    let odd = find(root.join("-o\n--yes"));
    assert_eq!(odd.relative, "-o\n--yes");
}

#[test]
fn paths_that_name_no_file() {
    for path in ["/", "/no/such/folder/../x", "/tmp/.."] {
        let error = discover(Path::new(path), &Owners::any()).unwrap_err();
        assert!(matches!(error, DiscoverError::NoFile(_)), "{path}: {error}");
    }
}
