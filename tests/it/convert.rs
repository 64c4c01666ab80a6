//! `sealeaf convert`.

use std::fs;

use expect_test::expect;

use crate::sops::rules::project as sops_project;
use crate::sops::tool::Sops;
use crate::support::{Project, skip};

const PEOPLE: &[&str] = &["alice", "bob"];
const TEXT: &str =
    "# top\nkind: x\ndb:\n  user: 'u' # who\n  password: |\n    one\n    two\nlist: [1, 2.50, true]\n";
const RULE: &str = "[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\", \"bob\"]\ncomments = \"encrypt\"\n";

/// A SOPS file `a.yaml` for alice, in a repository with both configurations.
fn project(rule: &str) -> Project {
    let project = sops_project("creation_rules:\n  - age: ALICE\n");
    project.write("a.yaml", TEXT);
    project.run(&["encrypt", "-q", "a.yaml"]).stdout();
    project.configure(PEOPLE, rule);
    project
}

#[test]
fn there_and_back() {
    let project = project(RULE);
    project.run(&["convert", "--to", "native", "a.yaml"]).check(0, expect![""], expect![[r#"
        sealeaf: a.yaml: native file now: 6 values and 2 comments, the same in both; can read it now: bob ([BOB])
    "#]]);
    assert!(project.read("a.yaml").contains("\nsealeaf:\n"));
    assert_eq!(project.open("a.yaml"), TEXT);
    assert_eq!(project.run_as("bob", &["decrypt", "a.yaml"]).stdout(), TEXT);
    project.run(&["verify", "a.yaml"]).stdout();
    project.run(&["convert", "--to", "native", "a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: a.yaml: native file already
    "#]],
    );
    project.run(&["convert", "--to", "sops", "a.yaml"]).check(0, expect![""], expect![[r#"
        sealeaf: a.yaml: SOPS file now: 6 values and 2 comments, the same in both; cannot read it any more: bob ([BOB])
    "#]]);
    project.run(&["status", "a.yaml"]).stdout();
    project.run(&["convert", "--to", "native", "--accept-file-recipients", "a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: a.yaml: native file now: 6 values and 2 comments, the same in both
        "#]],
    );
    fs::remove_file(project.path(".sops.yaml")).unwrap();
    project.run(&["convert", "--to", "sops", "a.yaml"]).fails(7, expect![[r#"
        sealeaf: error: a.yaml: no rule says who can read it as a SOPS file
        sealeaf: hint: add a rule to `.sops.yaml`, name recipients with --recipient, or take the file's own with --accept-file-recipients
    "#]]);
    project.run(&["convert", "--to", "sops", "--recipient", "bob", "--recipient", "alice", "a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: a.yaml: SOPS file now: 6 values and 2 comments, the same in both; can read it now: bob ([BOB])
        "#]],
    );
    assert_eq!(project.open("a.yaml"), TEXT);
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let output = project
        .command(sops.program().to_str().unwrap())
        .args(["decrypt", "a.yaml"])
        .env("SOPS_AGE_KEY_FILE", project.identity("bob"))
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "# top\nkind: x\ndb:\n    # who\n    user: u\n    password: |\n        one\n        two\nlist:\n    - 1\n    - 2.5\n    - true\n"
    );
}

#[test]
fn what_is_encrypted_does_not_come_to_stand_in_clear() {
    let project = project("[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\"]\nclear = [\"db.*\"]\n");
    let before = project.read("a.yaml");
    let run = |more: &[&str]| {
        let mut arguments = vec!["convert", "--to", "native", "a.yaml"];
        arguments.extend(more);
        project.run(&arguments)
    };
    run(&[]).fails(
        7,
        expect![[r#"
        sealeaf: error: a.yaml: 2 encrypted values would stand in clear
          db.password
          db.user
        sealeaf: hint: let the rule encrypt it, or agree with --allow-clear 'db.password'
    "#]],
    );
    run(&["--allow-clear", "db.user"]).fails(
        7,
        expect![[r#"
        sealeaf: error: a.yaml: 1 encrypted value would stand in clear
          db.password
        sealeaf: hint: let the rule encrypt it, or agree with --allow-clear 'db.password'
    "#]],
    );
    run(&["--allow-clear", "db"]).fails(
        7,
        expect![[r#"
        sealeaf: error: a.yaml: the encrypted comment in line 1 would stand in clear
        sealeaf: hint: set `comments = "encrypt"` in the rule, or agree with --allow-comments
    "#]],
    );
    assert_eq!(project.read("a.yaml"), before);
    run(&["--allow-clear", "db", "--allow-comments"]).check(0, expect![""], expect![[r#"
        sealeaf: a.yaml: native file now: 6 values and 2 comments, the same in both; 2 values in clear that were not
    "#]]);
    assert!(project.read("a.yaml").contains("  user: 'u' # who\n"));
    // Back: what was clear is encrypted again, and said so.
    fs::remove_file(project.path(".sealeaf.toml")).unwrap();
    project.run(&["convert", "--to", "sops", "a.yaml"]).check(0, expect![""], expect![[r#"
        sealeaf: a.yaml: SOPS file now: 6 values and 2 comments, the same in both; 4 values or comments encrypted that were not
    "#]]);
    assert_eq!(project.open("a.yaml"), TEXT);
}

#[test]
fn empty_values_show_in_sops_files() {
    let project = Project::new(PEOPLE, "[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\"]\n");
    project.seal("a.yaml", "a: ~\nb: \"\"\nc: x\n");
    let to = project.key("alice").to_owned();
    project.run(&["convert", "--to", "sops", "--recipient", &to, "a.yaml"]).fails(7, expect![[r#"
        sealeaf: error: a.yaml: 2 encrypted values would stand in clear
          a
          b
        sealeaf: hint: let the rule encrypt it, or agree with --allow-clear 'a'; SOPS leaves null and what is empty in clear
    "#]]);
    let run = |more: &[&str]| {
        let mut arguments = vec!["convert", "--to", "sops", "--recipient", "alice", "a.yaml"];
        arguments.extend(more);
        project.run(&arguments)
    };
    run(&["--allow-clear", ".", "--encrypted-regex", "("]).fails(
        2,
        expect![[r#"
        sealeaf: error: a.yaml: --encrypted-regex is no regular expression: unclosed group
    "#]],
    );
    run(&["--allow-clear", "."]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: a.yaml: SOPS file now: 3 values, the same in both; 2 values in clear that were not
    "#]],
    );
    assert_eq!(project.open("a.yaml"), "a: ~\nb: \"\"\nc: x\n");
}

#[test]
fn spellings_that_sops_does_not_keep_are_the_same_values() {
    let project = Project::new(PEOPLE, "[[rule]]\nfiles = [\"*\"]\nto = [\"alice\"]\n");
    project.seal("a.yaml", "mode: 0o644\nsize: 1_000\nbase: &b\n  k: v\nuse: *b\nmore:\n  <<: *b\n");
    project.seal("b.json", "{\n  \"a\": [1, 2.5, \"x\"]\n}\n");
    project.run(&["convert", "--to", "sops", "--accept-file-recipients", "a.yaml", "b.json"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: SOPS keeps values and not how they are written: some numbers, dates or escapes come back in another form
            sealeaf: a.yaml: SOPS file now: 5 values, the same in both
            sealeaf: b.json: SOPS file now: 3 values, the same in both
        "#]],
    );
    expect![[r#"
        mode: 420
        size: 1000
        base: &b
          k: v
        use:
          k: v
        more:
          <<:
            k: v
    "#]]
    .assert_eq(&project.open("a.yaml"));
    project.run(&["convert", "--to", "native", "a.yaml", "b.json"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: a.yaml: native file now: 5 values, the same in both
        sealeaf: b.json: native file now: 3 values, the same in both
    "#]],
    );
}

#[test]
fn what_the_other_envelope_cannot_hold_is_refused() {
    let project = Project::new(PEOPLE, "[[rule]]\nfiles = [\"*\"]\nto = [\"alice\"]\n");
    project.seal("c.toml", "a = 1\n");
    project.run(&["convert", "--to", "sops", "--accept-file-recipients", "c.toml"]).fails(
        7,
        expect![[r#"
        sealeaf: error: c.toml: SOPS has no TOML: only the native envelope can seal it
    "#]],
    );
    project.write("plain.yaml", "x: 1\n");
    project.run(&["convert", "--to", "sops", "plain.yaml"]).fails(
        6,
        expect![[r#"
        sealeaf: error: plain.yaml: the file is not sealed: there is nothing to convert
        sealeaf: hint: seal it with `sealeaf encrypt`
    "#]],
    );
    // Nobody converts what they could not compare.
    project.seal("d.yaml", "x: 1\n");
    project.run(&["convert", "--to", "sops", "--recipient", "bob", "d.yaml"]).fails(
        7,
        expect![[r#"
        sealeaf: error: d.yaml: you could not open it any more, so nothing could be compared
        sealeaf: hint: convert it with a key of one of its new recipients
    "#]],
    );
}

#[test]
fn one_file_that_fails_stops_no_other() {
    let project = project(RULE);
    project.write("b.yaml", "x: 1\n");
    project.run(&["convert", "--to", "native", "a.yaml", "b.yaml"]).check(6, expect![""], expect![[r#"
        sealeaf: a.yaml: native file now: 6 values and 2 comments, the same in both; can read it now: bob ([BOB])
        sealeaf: error: b.yaml: the file is not sealed: there is nothing to convert
        sealeaf: hint: seal it with `sealeaf encrypt`
    "#]]);
    assert!(project.read("a.yaml").contains("\nsealeaf:\n"));
}

#[test]
fn files_that_sops_wrote() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let project = sops_project("creation_rules:\n  - age: ALICE\n");
    let files = [
        ("a.yaml", "# top\na: 1 # why\nb:\n    - x\n    - # in\n      k: v\n---\nc: |\n    two\n    lines\n"),
        ("b.json", "{\n\t\"a\": [\n\t\t1,\n\t\t\"x\"\n\t]\n}\n"),
        ("c.env", "# note\nA=one\nB=two words\n"),
        ("d.ini", "[s]\n; note\n; more\nk = v\n"),
    ];
    for (name, text) in files {
        project.write(name, text);
        let made =
            project.command(sops.program().to_str().unwrap()).args(["encrypt", "-i", name]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let opened = |name: &str| project.open(name);
    let before: Vec<String> = files.iter().map(|(name, _)| opened(name)).collect();
    project.configure(PEOPLE, "[[rule]]\nfiles = [\"*\"]\nto = [\"alice\"]\ncomments = \"encrypt\"\n");
    let run = |to: &str| project.run(&["convert", "--to", to, "a.yaml", "b.json", "c.env", "d.ini"]);
    run("native").check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: a.yaml: native file now: 4 values and 3 comments, the same in both
        sealeaf: b.json: native file now: 2 values, the same in both
        sealeaf: c.env: native file now: 2 values and 1 comment, the same in both
        sealeaf: d.ini: native file now: 1 value and 2 comments, the same in both
    "#]],
    );
    assert_eq!(files.iter().map(|(name, _)| opened(name)).collect::<Vec<_>>(), before);
    run("sops").check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: a.yaml: SOPS file now: 4 values and 3 comments, the same in both
        sealeaf: b.json: SOPS file now: 2 values, the same in both
        sealeaf: c.env: SOPS file now: 2 values and 1 comment, the same in both
        sealeaf: d.ini: SOPS file now: 1 value and 2 comments, the same in both
    "#]],
    );
    assert_eq!(files.iter().map(|(name, _)| opened(name)).collect::<Vec<_>>(), before);
}

#[test]
fn a_scope_is_lost_in_sops_files() {
    let project = sops_project("creation_rules:\n  - age: ALICE\n");
    project.configure(PEOPLE, "[[rule]]\nfiles = [\"*\"]\nto = [\"alice\"]\nscope = \"prod\"\n");
    project.seal("a.yaml", "x: 1\n");
    project.run(&["convert", "--to", "sops", "a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: a.yaml: SOPS file now: 1 value, the same in both; not bound to its place any more
    "#]],
    );
}

/// Groups that have to act together go with the file, both ways.
#[test]
fn groups_stay_groups() {
    let project = sops_project(
        "creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - age: [ALICE]\n      - age: [BOB]\n",
    );
    project.write("a.yaml", "x: 1\n");
    project.run(&["encrypt", "-q", "a.yaml"]).stdout();
    let keys: String =
        ["alice", "bob"].iter().map(|name| fs::read_to_string(project.identity(name)).unwrap()).collect();
    let both = |arguments: &[&str]| project.run_as_nobody(arguments).env("SEALEAF_IDENTITY", &keys).stdout();
    both(&["convert", "-q", "--to", "native", "--accept-file-recipients", "a.yaml"]);
    assert!(project.read("a.yaml").contains("threshold: 2"), "{}", project.read("a.yaml"));
    assert_eq!(project.run(&["decrypt", "a.yaml"]).output().code, 4);
    assert_eq!(both(&["decrypt", "a.yaml"]), "x: 1\n");
    both(&["convert", "-q", "--to", "sops", "--accept-file-recipients", "a.yaml"]);
    assert!(project.read("a.yaml").contains("shamir_threshold: 2"), "{}", project.read("a.yaml"));
    assert_eq!(project.run(&["decrypt", "a.yaml"]).output().code, 4);
    assert_eq!(both(&["decrypt", "a.yaml"]), "x: 1\n");
}
