use std::collections::BTreeSet;

use super::Sandbox;
use crate::git::{GitError, ObjectId};

fn contents(sandbox: &Sandbox, revision: &str, path: &str) -> Vec<String> {
    let versions = sandbox.repo().versions(revision, path).unwrap();
    versions.map(|version| String::from_utf8(version.unwrap().content).unwrap()).collect()
}

#[test]
fn every_version_is_found_once() {
    let sandbox = Sandbox::new();
    sandbox.commit("a", "1");
    sandbox.commit("a", "2");
    sandbox.commit("other", "x");
    sandbox.commit("a", "1");
    sandbox.git(&["rm", "--quiet", "a"]);
    sandbox.commit_all();
    sandbox.commit("a", "3");
    assert_eq!(contents(&sandbox, "HEAD", "a"), ["3", "1", "2"]);
    assert_eq!(contents(&sandbox, "main~1", "a"), ["1", "2"]);
    assert_eq!(contents(&sandbox, "HEAD", "none"), Vec::<String>::new());
    let error = sandbox.repo().versions("nope", "a").err().unwrap();
    assert_eq!(error.to_string(), "`nope` names no commit");
}

#[test]
fn side_branches_and_merge_commits_count() {
    let sandbox = Sandbox::new();
    sandbox.commit("a", "base");
    sandbox.git(&["switch", "--quiet", "-c", "thrown-away"]);
    sandbox.commit("a", "lost on a side");
    sandbox.git(&["switch", "--quiet", "-c", "side", "main"]);
    sandbox.commit("b", "x");
    sandbox.git(&["switch", "--quiet", "main"]);
    sandbox.git(&["merge", "--quiet", "--strategy=ours", "--message=m", "thrown-away"]);
    sandbox.git(&["merge", "--quiet", "--no-commit", "side"]);
    sandbox.put("a", "only in the merge");
    sandbox.commit_all();
    sandbox.commit("a", "new");
    let found: BTreeSet<String> = contents(&sandbox, "HEAD", "a").into_iter().collect();
    let expect = ["base", "lost on a side", "new", "only in the merge"].map(str::to_owned);
    assert_eq!(found, BTreeSet::from(expect));
}

#[test]
fn a_path_that_was_a_folder_or_a_prefix_is_no_version() {
    let sandbox = Sandbox::new();
    sandbox.commit("a/a", "inside");
    sandbox.git(&["rm", "--quiet", "-r", "a"]);
    sandbox.commit("a", "file");
    sandbox.commit("ab", "prefix");
    assert_eq!(contents(&sandbox, "HEAD", "a"), ["file"]);
    assert_eq!(contents(&sandbox, "HEAD", "a/a"), ["inside"]);
}

#[test]
fn an_iterator_can_be_dropped_early() {
    let sandbox = Sandbox::new();
    for at in 0..20 {
        sandbox.commit("a", &at.to_string());
    }
    let mut versions = sandbox.repo().versions("HEAD", "a").unwrap();
    assert_eq!(versions.next().unwrap().unwrap().content, b"19");
    drop(versions);
}

#[test]
fn parents_and_merge_bases() {
    let sandbox = Sandbox::new();
    let base = sandbox.commit("a", "1");
    sandbox.git(&["switch", "--quiet", "-c", "side"]);
    let side = sandbox.commit("b", "2");
    sandbox.git(&["switch", "--quiet", "main"]);
    let main = sandbox.commit("c", "3");
    sandbox.git(&["merge", "--quiet", "--message=m", "side"]);
    sandbox.git(&["switch", "--quiet", "--orphan", "alone"]);
    sandbox.commit("d", "4");
    let repo = sandbox.repo();
    let texts = |ids: Vec<ObjectId>| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts(repo.parents("main").unwrap()), [main.clone(), side.clone()]);
    assert_eq!(texts(repo.parents(&base).unwrap()), Vec::<String>::new());
    assert_eq!(texts(repo.merge_bases(&main, &side).unwrap()), [base]);
    assert_eq!(texts(repo.merge_bases("alone", "main").unwrap()), Vec::<String>::new());
    assert!(matches!(repo.parents("x"), Err(GitError::UnknownRevision(_))));
    assert!(!repo.is_shallow().unwrap());
    let url = format!("file://{}", sandbox.root.display());
    sandbox.git_in(&sandbox.top, &["clone", "--quiet", "--depth=1", "--branch=main", &url, "shallow"]);
    let shallow = crate::git::Repo::discover(&sandbox.top.join("shallow"), &sandbox.environment).unwrap();
    assert!(shallow.is_shallow().unwrap());
}
