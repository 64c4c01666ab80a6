use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{Sandbox, environment, write};
use crate::git::{At, GitError, Repo, driver};

#[test]
fn a_repository_is_found_from_every_place_in_it() {
    let sandbox = Sandbox::new();
    sandbox.put("a/b/c", "x");
    for path in ["", "a", "a/b/c", "a/new/folder/x", ".git"] {
        let repo = Repo::discover(&sandbox.root.join(path), &sandbox.environment).unwrap();
        assert_eq!(repo.root(), sandbox.root, "{path}");
    }
    assert!(Repo::discover(&sandbox.top, &sandbox.environment).is_none());
    assert!(Repo::discover(&sandbox.top.join("home/x"), &sandbox.environment).is_none());
}

#[test]
fn relative_paths_are_real_ones() {
    let sandbox = Sandbox::new();
    sandbox.put("a/b/c", "x");
    symlink("a/b", sandbox.root.join("link")).unwrap();
    symlink("/etc", sandbox.root.join("out")).unwrap();
    symlink("/etc/passwd", sandbox.root.join("file")).unwrap();
    let repo = sandbox.repo();
    for (path, expect) in [
        ("a/b/c", "a/b/c"),
        ("./a/../a/b/c", "a/b/c"),
        ("link/c", "a/b/c"),
        ("new/x", "new/x"),
        ("file", "file"),
        ("-o", "-o"),
    ] {
        assert_eq!(repo.relative(&sandbox.root.join(path)).unwrap(), expect, "{path}");
    }
    for path in ["out/passwd", "../x", "..", "/etc/passwd"] {
        let error = repo.relative(&sandbox.root.join(path)).unwrap_err();
        assert!(matches!(error, GitError::Outside { .. }), "{path}: {error}");
    }
}

#[test]
fn worktrees_and_submodules_have_a_file_instead_of_a_folder() {
    let sandbox = Sandbox::new();
    sandbox.commit("a", "main");
    sandbox.git(&["worktree", "add", "--quiet", "-b", "other", "../tree"]);
    let tree = sandbox.top.join("tree");
    write(&tree.join("a"), "tree");
    sandbox.git_in(&tree, &["commit", "--quiet", "--all", "--message=m"]);
    assert!(tree.join(".git").is_file());
    let repo = Repo::discover(&tree.join("a"), &sandbox.environment).unwrap();
    assert_eq!(repo.root(), tree);
    assert_eq!(repo.blob(At::Commit("HEAD"), "a").unwrap(), Some(b"tree".to_vec()));
    assert_eq!(repo.blob(At::Index, "a").unwrap(), Some(b"tree".to_vec()));
    assert_eq!(sandbox.repo().blob(At::Commit("HEAD"), "a").unwrap(), Some(b"main".to_vec()));
    assert_eq!(repo.merge_heads().unwrap(), []);

    let outer = sandbox.top.join("outer");
    fs::create_dir(&outer).unwrap();
    sandbox.git_in(&outer, &["init", "--quiet"]);
    let url = sandbox.root.to_str().unwrap();
    sandbox.git_in(&outer, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, "sub"]);
    let repo = Repo::discover(&outer.join("sub/a"), &sandbox.environment).unwrap();
    assert_eq!(repo.root(), outer.join("sub"));
    assert_eq!(repo.relative(&outer.join("sub/a")).unwrap(), "a");
    assert_eq!(repo.blob(At::Commit("HEAD"), "a").unwrap(), Some(b"main".to_vec()));
    driver::install(&repo).unwrap();
    assert!(driver::is_installed(&repo).unwrap());
}

#[test]
fn a_folder_that_is_no_repository_is_not_taken_for_the_one_above() {
    let sandbox = Sandbox::new();
    sandbox.commit("in/a", "above");
    fs::create_dir(sandbox.root.join("in/.git")).unwrap();
    let repo = Repo::discover(&sandbox.root.join("in/a"), &sandbox.environment).unwrap();
    let error = repo.blob(At::Commit("HEAD"), "in/a").unwrap_err().to_string();
    assert!(error.starts_with("`git rev-parse` failed: not a git repository"), "{error}");
}

#[test]
fn git_is_looked_for_in_absolute_folders_only() {
    let sandbox = Sandbox::new();
    let trap = sandbox.trap("git");
    let folder = Path::new(&trap).parent().unwrap().to_str().unwrap();
    for (path, expect) in [("", None), (".:bin:", None), (folder, Some(trap.as_str()))] {
        let environment = [("PATH", path)].into_iter().collect();
        let repo = Repo::discover(&sandbox.root, &environment).unwrap();
        assert_eq!(repo.program.as_deref(), expect.map(Path::new), "{path}");
    }
    let environment = [("HOME", "/")].into_iter().collect();
    let repo = Repo::discover(&sandbox.root, &environment).unwrap();
    assert_eq!(repo.commit("HEAD").unwrap_err().to_string(), "there is no `git` on `PATH`");
}

#[test]
fn a_hook_sees_the_index_that_is_committed() {
    let sandbox = Sandbox::new();
    sandbox.commit("a", "old");
    let index = sandbox.root.join(".git/other-index");
    fs::copy(sandbox.root.join(".git/index"), &index).unwrap();
    sandbox.put("a", "new");
    sandbox.git(&["add", "a"]);
    let environment = environment(&sandbox.top, &[("GIT_INDEX_FILE", index.to_str().unwrap())]);
    let repo = Repo::discover(&sandbox.root, &environment).unwrap();
    assert_eq!(repo.blob(At::Index, "a").unwrap(), Some(b"new".to_vec()));
    let repo = repo.inside_a_hook(&environment);
    assert_eq!(repo.blob(At::Index, "a").unwrap(), Some(b"old".to_vec()));
}

#[test]
fn settings_are_read_and_written() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    assert_eq!(repo.config_get("a.b").unwrap(), None);
    write(&sandbox.top.join("home/.gitconfig"), "[a]\nb = user\n[core]\nhooksPath = /x\n");
    assert_eq!(repo.config_get("a.b").unwrap().as_deref(), Some("user"));
    assert_eq!(repo.config_get_local("a.b").unwrap(), None);
    repo.config_set("a.b", "-line\nbreak ").unwrap();
    assert_eq!(repo.config_get("a.b").unwrap().as_deref(), Some("-line\nbreak "));
    repo.config_unset("a.b").unwrap();
    repo.config_unset("a.b").unwrap();
    assert_eq!(repo.config_get("a.b").unwrap().as_deref(), Some("user"));
    assert_eq!(repo.config_get("core.hooksPath").unwrap().as_deref(), Some("/x"), "ours must not hide it");
    assert!(repo.config_set("nodot", "x").is_err());
}

#[test]
fn the_driver_is_installed_once() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    assert!(!driver::is_installed(&repo).unwrap());
    let changes = driver::install(&repo).unwrap();
    assert_eq!(
        changes.iter().map(|change| (change.key, change.after)).collect::<Vec<_>>(),
        [("diff.sealeaf.textconv", "sealeaf git textconv")]
    );
    assert_eq!(driver::install(&repo).unwrap(), []);
    assert!(driver::is_installed(&repo).unwrap());
    assert_eq!(sandbox.git(&["config", "--local", "diff.sealeaf.textconv"]), "sealeaf git textconv");
}

#[test]
fn plaintext_is_never_cached() {
    for value in ["[diff \"sealeaf\"]\ncachetextconv = true", "[diff \"sealeaf\"]\ncachetextconv"] {
        let sandbox = Sandbox::new();
        let repo = sandbox.repo();
        for file in ["r/.git/config", "home/.gitconfig"] {
            let path = sandbox.top.join(file);
            let old = fs::read_to_string(&path).unwrap_or_default();
            write(&path, format!("{old}\n{value}\n"));
            let error = driver::install(&repo).unwrap_err();
            assert!(matches!(error, GitError::CachesPlaintext), "{file}: {error}");
            assert_eq!(repo.config_get("diff.sealeaf.textconv").unwrap(), None);
            driver::forbid_cache(&repo).unwrap();
        }
        driver::install(&repo).unwrap();
        assert_eq!(sandbox.git(&["config", "--type=bool", "diff.sealeaf.cachetextconv"]), "false");
    }
}
