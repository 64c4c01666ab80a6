use std::os::unix::fs::symlink;

use super::Sandbox;
use crate::git::{At, EntryKind, GitError, Repo, Tracking};

fn text(content: Option<Vec<u8>>) -> Option<String> {
    content.map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn blobs_come_from_commits_and_the_index() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    assert_eq!(repo.blob(At::Commit("HEAD"), "a").unwrap(), None, "before the first commit");
    let first = sandbox.commit("a", "one\n");
    sandbox.commit("d/b", "two");
    sandbox.put("a", "three\n");
    sandbox.git(&["add", "a"]);
    sandbox.put("a", "four\n");
    for (at, path, expect) in [
        (At::Commit("HEAD"), "a", Some("one\n")),
        (At::Commit("HEAD"), "d/b", Some("two")),
        (At::Commit("main~1"), "d/b", None),
        (At::Commit(&first), "a", Some("one\n")),
        (At::Index, "a", Some("three\n")),
        (At::Index, "d", None),
        (At::Commit("HEAD"), "d", None),
        (At::Commit("HEAD"), "none", None),
        (At::Stage(2), "a", None),
    ] {
        assert_eq!(text(repo.blob(at, path).unwrap()).as_deref(), expect, "{at:?} {path}");
    }
    for revision in ["nope", "-x", "--all", "", "a\nb", "HEAD:a"] {
        let error = repo.blob(At::Commit(revision), "a").unwrap_err();
        assert!(matches!(error, GitError::UnknownRevision(_)), "{revision}: {error}");
    }
}

#[test]
fn many_blobs_come_from_one_process() {
    let sandbox = Sandbox::new();
    let names: Vec<String> = (0..500).map(|at| format!("folder/some-rather-long-name-{at}")).collect();
    for name in &names {
        sandbox.put(name, name);
    }
    sandbox.put("big", vec![b'x'; 1 << 20]);
    sandbox.commit_all();
    let repo = sandbox.repo();
    let mut asked: Vec<&str> = names.iter().map(String::as_str).collect();
    asked.push("absent");
    asked.push("big");
    let blobs = repo.blobs(At::Commit("HEAD"), &asked).unwrap();
    for (name, content) in names.iter().zip(&blobs) {
        assert_eq!(content.as_deref(), Some(name.as_bytes()));
    }
    assert_eq!(blobs[500], None);
    assert_eq!(blobs[501].as_ref().map(Vec::len), Some(1 << 20));
    assert_eq!(repo.blobs(At::Index, &[]).unwrap(), Vec::<Option<Vec<u8>>>::new());
}

#[test]
fn a_conflict_has_three_sides() {
    let sandbox = Sandbox::new();
    sandbox.commit("a", "base");
    sandbox.git(&["switch", "--quiet", "-c", "side"]);
    sandbox.commit("a", "theirs");
    sandbox.git(&["switch", "--quiet", "main"]);
    sandbox.commit("a", "ours");
    let repo = sandbox.repo();
    assert_eq!(repo.merge_heads().unwrap(), []);
    let merge = sandbox.plain(&sandbox.root).args(["merge", "side"]).output().unwrap();
    assert!(!merge.status.success());
    for (stage, expect) in [(1, "base"), (2, "ours"), (3, "theirs")] {
        assert_eq!(text(repo.blob(At::Stage(stage), "a").unwrap()).as_deref(), Some(expect));
    }
    assert_eq!(repo.blob(At::Index, "a").unwrap(), None);
    assert_eq!(repo.tracking("a").unwrap(), Tracking::Tracked);
    let heads = repo.merge_heads().unwrap();
    assert_eq!(heads.iter().map(|id| id.as_str()).collect::<Vec<_>>(), [sandbox.git(&["rev-parse", "side"])]);
}

#[test]
fn links_and_submodules_are_no_files() {
    let sandbox = Sandbox::new();
    symlink("/etc/passwd", sandbox.root.join("link")).unwrap();
    let inner = sandbox.commit("a", "x");
    sandbox.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{inner},sub")]);
    let repo = sandbox.repo();
    let kinds: Vec<(String, EntryKind)> = repo
        .entries(At::Index, &[])
        .unwrap()
        .into_iter()
        .map(|entry| (String::from_utf8(entry.path).unwrap(), entry.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("a".to_owned(), EntryKind::File),
            ("link".to_owned(), EntryKind::Symlink),
            ("sub".to_owned(), EntryKind::Submodule)
        ]
    );
    assert_eq!(repo.blobs(At::Index, &["link", "sub", "a"]).unwrap(), [None, None, Some(b"x".to_vec())]);
}

/// AC-59: names that look like options, magic or worse are names.
#[test]
fn ac_59_odd_names() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let sandbox = Sandbox::new();
    let names =
        ["-o", "--yes", "a\nb", "*", ":(top)x", ":/x", "a b", "é", "\"q\"", "a\\b", "\u{1b}[31m", "x:y"];
    for name in names {
        sandbox.put(name, name);
    }
    sandbox.put(OsStr::from_bytes(b"\xff"), "raw");
    sandbox.put(".gitignore", "ignored-\\*\n");
    sandbox.commit_all();
    let repo = sandbox.repo();
    for name in names {
        for at in [At::Commit("HEAD"), At::Index] {
            assert_eq!(text(repo.blob(at, name).unwrap()).as_deref(), Some(name));
        }
        assert_eq!(repo.tracking(name).unwrap(), Tracking::Tracked, "{name}");
        let versions: Vec<_> = repo.versions("HEAD", name).unwrap().map(Result::unwrap).collect();
        assert_eq!(versions.len(), 1, "{name}");
        assert_eq!(versions[0].content, name.as_bytes());
    }
    let raw = repo.entries(At::Commit("HEAD"), &[]).unwrap().into_iter().find(|entry| entry.path == b"\xff");
    assert!(raw.is_some());
    assert_eq!(repo.tracking("ignored-*").unwrap(), Tracking::Ignored);
    assert_eq!(repo.tracking("ignored-x").unwrap(), Tracking::Untracked);
    let error = repo.relative(&sandbox.root.join(OsStr::from_bytes(b"\xff"))).unwrap_err();
    assert!(matches!(error, GitError::NotUtf8(_)), "{error}");
}

#[test]
fn tracking_tells_three_things_apart() {
    let sandbox = Sandbox::new();
    sandbox.put(".gitignore", "*.plain\n!keep.plain\n");
    sandbox.commit("forced", "x");
    sandbox.put("added.plain", "x");
    sandbox.git(&["add", "--force", "added.plain"]);
    let repo = sandbox.repo();
    for (path, expect) in [
        ("forced", Tracking::Tracked),
        ("added.plain", Tracking::Tracked),
        ("new.plain", Tracking::Ignored),
        ("deep/er/new.plain", Tracking::Ignored),
        ("keep.plain", Tracking::Untracked),
        ("deep/er/new", Tracking::Untracked),
    ] {
        assert_eq!(repo.tracking(path).unwrap(), expect, "{path}");
    }
}

#[test]
fn many_files_are_told_apart_at_once() {
    let sandbox = Sandbox::new();
    sandbox.put(".gitignore", "*.plain\n/out/\n");
    // Too many for a command line, and with answers longer than a pipe.
    let names: Vec<String> = (0..3_000).map(|index| format!("out/{index:04}-a-rather-long-name")).collect();
    sandbox.commit("a", "x");
    let mut paths = vec!["a", "b", "*.plain", "x\ny.plain", ":(top)c"];
    paths.extend(names.iter().map(String::as_str));
    let repo = sandbox.repo();
    let told = repo.trackings(&paths).unwrap();
    let first = [Tracking::Tracked, Tracking::Untracked, Tracking::Ignored, Tracking::Ignored];
    assert_eq!(told[..4], first);
    assert_eq!(told[4], Tracking::Untracked);
    assert!(told[5..].iter().all(|it| *it == Tracking::Ignored));
    assert_eq!(repo.trackings(&[]).unwrap(), []);
}

#[test]
fn what_was_announced_is_remembered() {
    let sandbox = Sandbox::new();
    sandbox.put("b", "one");
    sandbox.commit("a", "one");
    let announced = ["a", "missing"].map(str::to_owned);
    let repo = sandbox.repo().remembering(announced.into_iter().collect());
    let read = |repo: &Repo, at, path| text(repo.blob(at, path).unwrap());
    for at in [At::Commit("HEAD"), At::Index] {
        assert_eq!(read(&repo, at, "a").as_deref(), Some("one"));
        assert_eq!(read(&repo, at, "missing"), None);
    }
    assert_eq!(repo.merge_heads().unwrap(), []);
    assert!(repo.blob(At::Commit("none"), "a").is_err());
    sandbox.put("b", "two");
    sandbox.commit("a", "two");
    for at in [At::Commit("HEAD"), At::Index] {
        assert_eq!(read(&repo.clone(), at, "a").as_deref(), Some("one"), "as of the first question");
        assert_eq!(read(&repo, at, "b").as_deref(), Some("two"), "not announced");
        assert_eq!(read(&sandbox.repo(), at, "a").as_deref(), Some("two"));
    }
}
