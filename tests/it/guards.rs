//! What is compared with git's history before a sealed file is written over: fail-open paths that were closed.

use expect_test::expect;
use sealeaf::keys::age;

use crate::support::{Run, Sandbox};

/// A repository with a rule for `*.yaml`, and an identity.
struct Project {
    sandbox: Sandbox,
    identity: String,
    recipient: String,
}

impl Project {
    fn new() -> Self {
        let key = age::generate("2026-01-01T00:00:00Z").unwrap();
        let project =
            Self { sandbox: Sandbox::new(), identity: key.text.to_string(), recipient: key.recipient };
        project.rule(&[("alice", &project.recipient)], "");
        project
    }

    fn rule(&self, recipients: &[(&str, &str)], more: &str) {
        let table: String =
            recipients.iter().map(|(name, key)| format!("{name} = {{ age = \"{key}\" }}\n")).collect();
        let names: Vec<_> = recipients.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let to = names.join(", ");
        self.sandbox.write(
            ".sealeaf.toml",
            &format!(
                "version = 1\n[recipients]\n{table}\n[[rule]]\nfiles = [\"*.yaml\"]\nto = [{to}]\n{more}"
            ),
        );
    }

    fn run(&self, arguments: &[&str]) -> Run<'_> {
        self.sandbox.run(arguments).env("SEALEAF_IDENTITY", &self.identity)
    }

    /// Seals a text as `a.yaml` and commits it.
    fn sealed(&self, text: &str) -> String {
        self.sandbox.write("a.yaml", text);
        self.run(&["encrypt", "a.yaml"]).stdout();
        self.sandbox.commit("sealed");
        self.sandbox.read("a.yaml")
    }

    fn set(&self, path: &str, value: &str) -> String {
        self.run(&["set", "a.yaml", path]).stdin(value).stdout();
        self.sandbox.read("a.yaml")
    }
}

/// The line of that key.
fn line<'t>(text: &'t str, key: &str) -> &'t str {
    text.lines().find(|line| line.starts_with(&format!("{key}:"))).unwrap()
}

const TEXT: &str = "a: one\nb: two\nc: three\nd: four\n";

/// A first version, and one where `a` and `c` were changed one after the other.
fn two_versions(project: &Project) -> (String, String) {
    let first = project.sealed(TEXT);
    project.set("a", "new");
    let second = project.set("c", "new");
    project.sandbox.commit("changed");
    (first, second)
}

#[test]
fn ac_75_a_mix_is_no_merge_however_many_commits_ago() {
    let project = Project::new();
    let (first, second) = two_versions(&project);
    let mix = second.replace(line(&second, "a"), line(&first, "a"));
    project.sandbox.write("a.yaml", &mix);
    for message in ["mix", "something else", "and more"] {
        project.sandbox.write("other", message);
        let output = project.run(&["set", "a.yaml", "d"]).stdin("x").output();
        assert_eq!(output.code, 6, "{message}: {}", output.stderr);
        project.sandbox.commit(message);
    }
    assert_eq!(project.sandbox.read("a.yaml"), mix);
}

#[test]
fn ac_75_a_mix_that_git_does_not_know_is_not_explained() {
    let project = Project::new();
    let (first, second) = two_versions(&project);
    project.sandbox.write("new.yaml", &second.replace(line(&second, "a"), line(&first, "a")));
    assert_eq!(project.run(&["set", "new.yaml", "d"]).stdin("x").output().code, 6);
}

#[test]
fn ac_73_a_merge_is_explained_after_later_commits_too() {
    let project = Project::new();
    project.sealed(TEXT);
    let git = |arguments: &[&str]| project.sandbox.git(arguments);
    git(&["checkout", "--quiet", "-b", "side"]);
    project.set("a", "x");
    project.sandbox.commit("side");
    git(&["checkout", "--quiet", "main"]);
    project.set("d", "y");
    project.sandbox.commit("main");
    git(&["merge", "--quiet", "--no-edit", "side"]);
    project.sandbox.write("other", "x").commit("later");
    let text = project.set("b", "z");
    project.run(&["verify", "--require-sealed", "a.yaml"]).stdout();
    assert_eq!(text.matches("sealed.v1.").count(), 4);
}

#[test]
fn ac_68_repairing_looks_at_recipients_comments_and_history() {
    let project = Project::new();
    let (first, second) = two_versions(&project);
    let edited = format!("new: clear\n{second}");
    let repair = |text: &str, arguments: &[&str]| {
        project.sandbox.write("a.yaml", text);
        project.run(&[&["encrypt", "--yes", "a.yaml"], arguments].concat())
    };
    let rolled_back = edited.replace(line(&second, "a"), line(&first, "a"));
    repair(&rolled_back, &[]).fails(
        6,
        expect![[r#"
        sealeaf: error: a.yaml: went back to an earlier version: `a`
        sealeaf: hint: take its line from the committed version, or set the value with `sealeaf set`
    "#]],
    );
    let comment = edited.replace("new: clear", "new: clear # password: hunter2");
    assert_eq!(repair(&comment, &[]).output().code, 7);
    assert_eq!(repair(&comment, &["--allow-comments"]).output().code, 0);
    let bob = age::generate("2026-01-01T00:00:00Z").unwrap().recipient;
    project.rule(&[("alice", &project.recipient), ("bob", &bob)], "");
    assert_eq!(repair(&edited, &[]).output().code, 7);
    project.rule(&[("alice", &project.recipient)], "");
    assert_eq!(repair(&edited, &[]).output().code, 0);
    assert!(project.sandbox.read("a.yaml").starts_with("new: sealed.v1."));
}

#[test]
fn ac_68_without_a_key_the_rule_decides_what_must_not_be_clear() {
    let project = Project::new();
    project.rule(&[("alice", &project.recipient)], "encrypt = [\"a\"]\n");
    let sealed = project.sealed(TEXT);
    let encrypt = || project.sandbox.run(&["encrypt", "a.yaml"]).output().code;
    assert_eq!(encrypt(), 0);
    // The file's own rule is nobody's word without a key.
    project.sandbox.write(
        "a.yaml",
        &sealed.replacen("    - a\n", "    - z\n", 1).replace(line(&sealed, "a"), "a: clear"),
    );
    assert_ne!(encrypt(), 0);
}

#[test]
fn an_older_key_than_the_merge_brings_in_is_not_written_with() {
    let project = Project::new();
    let bob = age::generate("2026-01-01T00:00:00Z").unwrap().recipient;
    project.rule(&[("alice", &project.recipient), ("bob", &bob)], "");
    let old = project.sealed(TEXT);
    let git = |arguments: &[&str]| project.sandbox.git(arguments);
    git(&["checkout", "--quiet", "-b", "side"]);
    // Without bob there is a new key.
    project.rule(&[("alice", &project.recipient)], "");
    project.sandbox.write("a.yaml", TEXT);
    project.run(&["encrypt", "a.yaml"]).stdout();
    project.sandbox.commit("bob is gone");
    assert!(project.sandbox.read("a.yaml").contains("epoch: 2"));
    git(&["checkout", "--quiet", "main"]);
    project.sandbox.write("other", "x").commit("main");
    git(&["merge", "--quiet", "--no-commit", "--no-ff", "side"]);
    project.sandbox.write("a.yaml", &old);
    project.rule(&[("alice", &project.recipient), ("bob", &bob)], "");
    let output = project.run(&["set", "a.yaml", "a"]).stdin("x").output();
    assert_eq!(output.code, 6, "{}", output.stderr);
    assert!(output.stderr.contains("newer data key"), "{}", output.stderr);
}

#[test]
fn ac_19d_a_foreign_target_is_not_gone_on_with() {
    let project = Project::new();
    project.sealed(TEXT);
    project.sandbox.write("b.yaml", TEXT);
    project.run(&["encrypt", "b.yaml"]).stdout();
    // Another file in the place of the committed one, and its plaintext to be sealed over it.
    project.sandbox.write("a.yaml", &project.sandbox.read("b.yaml")).write("plain.yaml", TEXT);
    assert_eq!(project.run(&["encrypt", "plain.yaml", "--output", "a.yaml"]).output().code, 6);
}

#[test]
fn a_committed_version_that_does_not_parse_is_not_passed_over() {
    let project = Project::new();
    let sealed = project.sealed(TEXT);
    project.sandbox.write("a.yaml", &sealed.replacen("version: 1", "version: 9", 1)).commit("newer");
    project.sandbox.write("a.yaml", &sealed);
    assert_ne!(project.run(&["set", "a.yaml", "a"]).stdin("x").output().code, 0);
    assert_ne!(project.run(&["verify", "--against", "HEAD", "a.yaml"]).output().code, 0);
}
