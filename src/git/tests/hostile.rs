use std::fs;

use super::{Sandbox, environment, write};
use crate::git::{At, GitError, Repo, Tracking, driver};

/// Everything that this module can ask, once.
fn ask_everything(repo: &Repo) {
    assert_eq!(repo.blob(At::Commit("HEAD"), "a").unwrap(), Some(b"one".to_vec()));
    assert_eq!(repo.blob(At::Index, "a").unwrap(), Some(b"one".to_vec()));
    assert_eq!(repo.entries(At::Index, &[]).unwrap().len(), 2);
    assert_eq!(repo.merge_heads().unwrap(), []);
    assert_eq!(repo.parents("HEAD").unwrap(), []);
    assert_eq!(repo.merge_bases("HEAD", "main").unwrap().len(), 1);
    assert_eq!(repo.versions("HEAD", "a").unwrap().map(Result::unwrap).count(), 1);
    assert_eq!(repo.tracking("a").unwrap(), Tracking::Tracked);
    assert_eq!(repo.tracking("b").unwrap(), Tracking::Untracked);
    repo.is_shallow().unwrap();
    repo.config_get("core.fsmonitor").unwrap();
    driver::install(repo).unwrap();
}

/// AC-58: monitors, hooks, drivers, pagers, aliases and filters of a repository start nothing.
#[test]
fn ac_58_a_hostile_configuration_starts_nothing() {
    let sandbox = Sandbox::new();
    sandbox.put(".gitattributes", "* diff=sealeaf filter=evil merge=evil\n");
    sandbox.commit("a", "one");
    let trap = sandbox.trap("trap");
    for key in [
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "core.gitProxy",
        "core.askPass",
        "core.alternateRefsCommand",
        "core.hooksPath",
        "diff.external",
        "diff.evil.command",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "merge.evil.driver",
        "gpg.program",
        "uploadpack.packObjectsHook",
        "alias.ls-files",
        "alias.cat-file",
        "pager.rev-list",
        "pager.ls-tree",
        "credential.helper",
    ] {
        let value = if key.starts_with("alias.") { format!("!{trap}") } else { trap.clone() };
        sandbox.git(&["config", key, &value]);
    }
    sandbox.git(&["config", "log.showSignature", "true"]);
    for hook in ["post-index-change", "fsmonitor-watchman", "reference-transaction", "pre-auto-gc"] {
        fs::copy(&trap, sandbox.root.join(".git/hooks").join(hook)).unwrap();
    }
    sandbox.started();
    let _ = sandbox.plain(&sandbox.root).args(["status"]).output().unwrap();
    assert_ne!(sandbox.started(), "", "the trap works");
    ask_everything(&sandbox.repo());
    assert_eq!(sandbox.started(), "");
}

/// AC-58: variables that point git elsewhere, or make it start programs, have no effect.
#[test]
fn ac_58_a_hostile_environment_has_no_effect() {
    let sandbox = Sandbox::new();
    sandbox.put(".gitattributes", "* diff=sealeaf\n");
    sandbox.commit("a", "one");
    let other = sandbox.top.join("other");
    fs::create_dir(&other).unwrap();
    sandbox.git_in(&other, &["init", "--quiet"]);
    let trap = sandbox.trap("trap");
    let other_git = other.join(".git").to_str().unwrap().to_owned();
    let environment = environment(
        &sandbox.top,
        &[
            ("GIT_DIR", &other_git),
            ("GIT_WORK_TREE", other.to_str().unwrap()),
            ("GIT_INDEX_FILE", "/nonexistent"),
            ("GIT_OBJECT_DIRECTORY", "/nonexistent"),
            ("GIT_COMMON_DIR", &other_git),
            ("GIT_NAMESPACE", "x"),
            ("GIT_EXTERNAL_DIFF", &trap),
            ("GIT_PAGER", &trap),
            ("GIT_EDITOR", &trap),
            ("GIT_SSH_COMMAND", &trap),
            ("GIT_EXEC_PATH", sandbox.top.to_str().unwrap()),
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "core.fsmonitor"),
            ("GIT_CONFIG_VALUE_0", &trap),
            ("GIT_CONFIG_PARAMETERS", &format!("'core.fsmonitor={trap}'")),
            ("GIT_CONFIG_GLOBAL", "/nonexistent"),
            ("GIT_TRACE", sandbox.top.join("started").to_str().unwrap()),
            ("LD_PRELOAD", "/nonexistent.so"),
        ],
    );
    ask_everything(&Repo::discover(&sandbox.root, &environment).unwrap());
    assert_eq!(sandbox.started(), "");
}

/// AC-58: a repository that says "fetch what is missing with this program" is not obeyed.
#[test]
fn ac_58_missing_objects_are_never_fetched() {
    let sandbox = Sandbox::new();
    sandbox.commit("a", "one");
    let id = sandbox.git(&["rev-parse", "HEAD:a"]);
    let trap = sandbox.trap("trap");
    for (key, value) in [
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", &format!("ext::{trap}")),
        ("protocol.ext.allow", "always"),
        ("protocol.allow", "always"),
    ] {
        sandbox.git(&["config", key, value]);
    }
    fs::remove_file(sandbox.root.join(".git/objects").join(&id[..2]).join(&id[2..])).unwrap();
    let _ = sandbox.plain(&sandbox.root).args(["cat-file", "blob", &id]).output().unwrap();
    assert_ne!(sandbox.started(), "", "the trap works");
    let repo = sandbox.repo();
    let error = repo.blob(At::Commit("HEAD"), "a").unwrap_err();
    assert!(matches!(error, GitError::MissingObject(_)), "{error}");
    let last = repo.versions("HEAD", "a").unwrap().last();
    assert!(matches!(last, Some(Err(_)) | None), "{last:?}");
    assert_eq!(sandbox.started(), "");
}

/// AC-58: the list of allowed transports gives way to nothing, also where git is too old to be told not to fetch.
#[test]
fn ac_58_no_transport_is_allowed() {
    let sandbox = Sandbox::new();
    let trap = sandbox.trap("trap");
    sandbox.git(&["config", "protocol.ext.allow", "always"]);
    let answer = sandbox.repo().ask("ls-remote", [&format!("ext::{trap}")]);
    let message = answer.err().unwrap().to_string();
    assert_eq!(message, "`git ls-remote` failed: transport 'ext' not allowed");
    assert_eq!(sandbox.started(), "");
}

/// AC-58: a work tree elsewhere, chosen by the repository.
#[test]
fn ac_58_the_work_tree_is_where_it_is() {
    let sandbox = Sandbox::new();
    sandbox.put(".gitignore", "*.plain\n");
    sandbox.commit("a", "one");
    sandbox.git(&["config", "core.worktree", "/"]);
    let repo = sandbox.repo();
    assert_eq!(repo.tracking("a").unwrap(), Tracking::Tracked);
    assert_eq!(repo.tracking("x.plain").unwrap(), Tracking::Ignored);
    assert_eq!(repo.merge_heads().unwrap(), []);
}

#[test]
fn a_repository_of_another_user_is_not_read() {
    let sandbox = Sandbox::new();
    sandbox.commit("a", "one");
    if std::os::unix::fs::chown(sandbox.root.join(".git"), Some(4711), None).is_err() {
        return; // Only root can give a folder away.
    }
    std::os::unix::fs::chown(&sandbox.root, Some(4711), None).unwrap();
    let error = sandbox.repo().blob(At::Commit("HEAD"), "a").unwrap_err();
    let expect = format!("git does not trust `{}`: it belongs to another user", sandbox.root.display());
    assert_eq!(error.to_string(), expect);
    write(&sandbox.top.join("home/.gitconfig"), format!("[safe]\ndirectory = {}\n", sandbox.root.display()));
    assert!(sandbox.repo().blob(At::Commit("HEAD"), "a").is_ok(), "the user's own word counts");
}
