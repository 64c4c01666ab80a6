#![cfg(unix)]

use std::fs::{self, create_dir_all};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::config::discover::{DiscoverError, Notice, Owners};
use crate::config::sops::{Discovered, discover, search};
use crate::keys::Environment;

/// A folder of its own, canonical, with the files that are named. A configuration has a rule for each folder.
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
        put(&path, "creation_rules: [{age: a}]\n");
    }
    (folder, root)
}

#[expect(clippy::disallowed_methods, reason = "tests write where they like")]
fn put(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

fn sops_config(path: &Path) -> Environment {
    [("SOPS_CONFIG", path.to_str().unwrap())].into_iter().collect()
}

fn native(file: &Path, environment: &Environment) -> (Option<Discovered>, Vec<Notice>) {
    let mut notices = Vec::new();
    (discover(file, environment, &Owners::any(), &mut notices).unwrap(), notices)
}

fn used(found: Option<&Discovered>, root: &Path) -> Option<String> {
    Some(found?.config.path.strip_prefix(root).unwrap().to_str().unwrap().to_owned())
}

#[test]
fn native_use_looks_from_the_file_to_the_root() {
    let (_guard, root) =
        place(&[".sops.yaml", "r/.git/", "r/.sops.yaml", "r/a/.sops.yaml", "r/a/b/", "q/.git/"]);
    for (file, config, relative) in [
        ("r/a/b/x.yaml", Some("r/a/.sops.yaml"), "b/x.yaml"),
        ("r/a/../x.yaml", Some("r/.sops.yaml"), "x.yaml"),
        ("r/new/x.yaml", Some("r/.sops.yaml"), "new/x.yaml"),
        ("q/x.yaml", None, ""),
    ] {
        let (found, notices) = native(&root.join(file), &Environment::default());
        assert_eq!(used(found.as_ref(), &root).as_deref(), config, "{file}");
        assert_eq!(notices, []);
        if let Some(found) = found {
            assert_eq!(found.relative(&root.join(file)).unwrap(), relative);
            assert!(found.rule_for(&root.join(file)).unwrap().is_some());
        }
    }
}

#[test]
fn the_environment_names_a_file() {
    let (_guard, root) = place(&["r/.git/", "r/.sops.yaml", "c/other.yaml"]);
    let file = root.join("r/x.yaml");
    let environment = sops_config(&root.join("c/other.yaml"));
    let found = native(&file, &environment).0.unwrap();
    assert_eq!(used(Some(&found), &root).as_deref(), Some("c/other.yaml"));
    // Outside of the configuration's folder the whole path counts.
    assert_eq!(found.relative(&file).unwrap(), file.to_str().unwrap());
    assert_eq!(found.relative(&root.join("c/y")).unwrap(), "y");
    let error =
        discover(&file, &sops_config(&root.join("none")), &Owners::any(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, DiscoverError::Io { path, .. } if path == root.join("none")));
    let empty = sops_config(Path::new(""));
    assert_eq!(used(native(&file, &empty).0.as_ref(), &root).as_deref(), Some("r/.sops.yaml"));
}

#[test]
fn sops_looks_from_the_working_directory() {
    let (_guard, root) = place(&[".sops.yaml", "a/.sops.yaml", "a/b/", "c/other.yaml"]);
    let nothing = Environment::default();
    let other = sops_config(Path::new("../../c/other.yaml"));
    for (config, environment, expect) in [
        (None, &nothing, "a/.sops.yaml"),
        (None, &other, "c/other.yaml"),
        (Some("../../.sops.yaml"), &other, ".sops.yaml"),
        (Some(""), &nothing, "a/.sops.yaml"),
    ] {
        let found = search(&root.join("a/b"), config.map(Path::new), environment, &mut Vec::new()).unwrap();
        assert_eq!(used(found.as_ref(), &root).as_deref(), Some(expect));
    }
    let found = search(&root.join("a/b"), None, &nothing, &mut Vec::new()).unwrap().unwrap();
    assert_eq!(found.relative(Path::new("./x/../y")).unwrap(), "b/y");
    assert_eq!(found.relative(Path::new("../../c/y")).unwrap(), root.join("c/y").to_str().unwrap());
}

#[test]
fn links_among_folders_are_followed_in_native_use_alone() {
    let (_guard, root) = place(&["r/.git/", "r/.sops.yaml", "r/a/x.yaml"]);
    symlink("a", root.join("r/link")).unwrap();
    let file = root.join("r/link/x.yaml");
    let found = native(&file, &Environment::default()).0.unwrap();
    assert_eq!(found.relative(&file).unwrap(), "a/x.yaml");
    let found = search(&root.join("r"), None, &Environment::default(), &mut Vec::new()).unwrap().unwrap();
    assert_eq!(found.relative(&file).unwrap(), "link/x.yaml");
}

#[test]
fn what_is_passed_over_is_named() {
    let (_guard, root) = place(&["r/.git/", "r/.sops.yaml", "r/a/.sops.yml", "r/a/x.yaml"]);
    let misnamed = [Notice::Misnamed { config: root.join("r/a/.sops.yml"), name: ".sops.yaml" }];
    let (found, notices) = native(&root.join("r/a/x.yaml"), &Environment::default());
    assert_eq!((used(found.as_ref(), &root).as_deref(), &notices[..]), (Some("r/.sops.yaml"), &misnamed[..]));
    let mut notices = Vec::new();
    search(&root.join("r/a"), None, &Environment::default(), &mut notices).unwrap().unwrap();
    assert_eq!(notices, misnamed);
    // Nobody is trusted: the file is somebody else's.
    let mut notices = Vec::new();
    let nobody = Owners::of(u32::MAX, &Environment::default());
    let found = discover(&root.join("r/x.yaml"), &Environment::default(), &nobody, &mut notices).unwrap();
    let is_root = fs::metadata(&root).is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0);
    assert_eq!((found.is_some(), notices.is_empty()), (is_root, is_root));
}

#[test]
fn what_is_no_file_is_an_error() {
    let (_guard, root) = place(&["r/.git/", "r/.sops.yaml/", "r/a/"]);
    for error in [
        discover(&root.join("r/a/x"), &Environment::default(), &Owners::any(), &mut Vec::new()).unwrap_err(),
        search(&root.join("r/a"), None, &Environment::default(), &mut Vec::new()).unwrap_err(),
    ] {
        assert!(error.to_string().ends_with(".sops.yaml:1:1: not a regular file"), "{error}");
    }
}
