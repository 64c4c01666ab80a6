//! Files that several people open together, and keys that are tried only when asked for.

use std::fs;

use expect_test::expect;

use crate::support::Project;

const PEOPLE: &[&str] = &["alice", "bob", "carol"];
const RULE: &str =
    "[[rule]]\nfiles = [\"*.yaml\"]\ngroups = [[\"alice\"], [\"bob\"], [\"carol\"]]\nthreshold = 2\n";

fn keys(project: &Project, names: &[&str]) -> String {
    names.iter().map(|name| fs::read_to_string(project.identity(name)).unwrap()).collect()
}

#[test]
fn two_of_three_open_a_file() {
    let project = Project::new(PEOPLE, RULE);
    project.seal("a.yaml", "x: 1\n");
    for pair in [["alice", "bob"], ["bob", "carol"], ["carol", "alice"]] {
        let run =
            project.run_as_nobody(&["decrypt", "a.yaml"]).env("SEALEAF_IDENTITY", keys(&project, &pair));
        assert_eq!(run.stdout(), "x: 1\n");
    }
    project.run(&["decrypt", "a.yaml"]).fails(
        4,
        expect![[r#"
            sealeaf: error: a.yaml: no usable key: 1 of the 2 groups of keys that are needed could be opened
              bob ([BOB]): no identity for it; looked at 1 identity in [ROOT]/home/alice.txt
              carol ([CAROL]): no identity for it; looked at 1 identity in [ROOT]/home/alice.txt
            sealeaf: hint: someone of another group has to add their key: run this where both are at hand
        "#]],
    );
}

#[test]
fn a_higher_threshold_makes_a_new_key_and_is_asked_about() {
    let project = Project::new(PEOPLE, RULE);
    project.seal("a.yaml", "x: 1\n");
    project.configure(PEOPLE, &RULE.replace("threshold = 2", "threshold = 3"));
    let all = keys(&project, PEOPLE);
    let rekey = |arguments: &[&str]| project.run_as_nobody(arguments).env("SEALEAF_IDENTITY", &all);
    rekey(&["rekey", "--check", "a.yaml"]).check(
        3,
        expect![[r#"
        a.yaml: groups: 2 of (alice) (bob) (carol) to 3 of (alice) (bob) (carol)
    "#]],
        expect![[r#"
        sealeaf: 1 file is not as its rule says; `sealeaf rekey` changes that
    "#]],
    );
    rekey(&["rekey", "a.yaml", "--yes"]).stdout();
    let two = keys(&project, &["alice", "bob"]);
    assert_eq!(project.run_as_nobody(&["decrypt", "a.yaml"]).env("SEALEAF_IDENTITY", two).output().code, 4);
    assert_eq!(rekey(&["decrypt", "a.yaml"]).stdout(), "x: 1\n");
    rekey(&["rekey", "--check", "a.yaml"]).stdout();
    // Lowering it protects less.
    project.configure(PEOPLE, RULE);
    rekey(&["rekey", "a.yaml"]).fails(
        7,
        expect![[r#"
        sealeaf: error: the rules change who can read, or what is protected
          a.yaml: groups: 3 of (alice) (bob) (carol) to 2 of (alice) (bob) (carol)
        sealeaf: hint: look at who changed the configuration; where this is what you want, say --yes
    "#]],
    );
}

#[test]
fn explain_says_who_counts_together() {
    let project = Project::new(PEOPLE, RULE);
    project.seal("a.yaml", "x: 1\n");
    let shown = project.run(&["explain", "a.yaml"]).stdout();
    assert!(shown.contains("groups         2 of 3 are needed\n"), "{shown}");
    assert!(shown.contains("group 1, your key, in"), "{shown}");
}

const BREAK_GLASS: &str = "safe = { age = \"SAFE\", break_glass = true }\n[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\", \"safe\"]\n";

/// Alice, and a key for emergencies that `carol` has.
fn with_safe() -> Project {
    let project = Project::new(&["alice", "carol"], "");
    let rules = BREAK_GLASS.replace("SAFE", project.key("carol"));
    project.configure(&["alice"], &rules);
    project.seal("a.yaml", "x: 1\n");
    project
}

#[test]
fn ac_34_a_break_glass_key_is_not_used_unasked() {
    let project = with_safe();
    project.run_as("carol", &["decrypt", "a.yaml"]).fails(4, expect![[r#"
        sealeaf: error: a.yaml: no usable key: none of the file's 2 recipients is you
          alice ([ALICE]): no identity for it; looked at 1 identity in [ROOT]/home/carol.txt
          safe ([CAROL]): break-glass key, not asked for
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
        sealeaf: hint: in an emergency, --break-glass tries the break-glass keys too
    "#]]);
    project.run_as("carol", &["--break-glass", "decrypt", "a.yaml"]).check(
        0,
        expect![[r#"
            x: 1
        "#]],
        expect![[r#"
            sealeaf: warning: a.yaml: opened with the break-glass key safe ([CAROL]): once the emergency is over, run `sealeaf rotate` on it
        "#]],
    );
    project.run(&["status", "a.yaml"]).check(
        0,
        expect![[r#"
        a.yaml  sealed  alice, safe
          opened here with the break-glass key `safe`: rotation is due, `sealeaf rotate` does it
    "#]],
        expect![[r#"
        sealeaf: 1 file: 1 sealed
    "#]],
    );
    // Status itself uses none, whatever is said.
    project.run_as("carol", &["--break-glass", "status", "-q", "a.yaml"]).check(
        0,
        expect![[r#"
            a.yaml  sealed (not verified)  alice, safe
              opened here with the break-glass key `safe`: rotation is due, `sealeaf rotate` does it
        "#]],
        expect![[r#""#]],
    );
    project.run(&["rotate", "-q", "a.yaml"]).stdout();
    project.run(&["status", "a.yaml"]).check(
        0,
        expect![[r#"
        a.yaml  sealed  alice, safe
    "#]],
        expect![[r#"
        sealeaf: 1 file: 1 sealed
    "#]],
    );
}

#[test]
fn explain_tries_every_recipient() {
    let project = with_safe();
    project.run_as("carol", &["explain", "a.yaml"]).check(
        0,
        expect![[r#"
        a.yaml: sealed (not verified)
        configuration  .sealeaf.toml
        rule           1, line 7, by `*.yaml`
        modes          integrity linked, cleartext bound, comments plain, padding buckets
        who can read
          alice  age  [ALICE]
          safe   age  [CAROL]  your key, in [ROOT]/home/carol.txt, break-glass
        can you open it
          alice: no: no identity for it; looked at 1 identity in [ROOT]/home/carol.txt
          safe: not tried: break-glass key, not asked for
        values
          sealed  x  encrypt `**`
    "#]],
        expect![[r#""#]],
    );
    project.run(&["explain", "--json", "a.yaml"]).check(0, expect![[r#"
        {"schema_version":1,"file":"a.yaml","state":"sealed","reasons":[],"configuration":".sealeaf.toml","rule":{"number":1,"line":7,"glob":"*.yaml"},"policy":{"scope":"","encrypt":["**"],"clear":[],"integrity":"linked","cleartext":"bound","comments":"plain","padding":"buckets"},"recipients":[{"name":"alice","type":"age","id":"[ALICE]","break_glass":false,"identity":"[ROOT]/home/alice.txt","access":{"can":true}},{"name":"safe","type":"age","id":"[CAROL]","break_glass":true,"identity":null,"access":{"can":null,"why":"break-glass key, not asked for"}}],"unread":[],"values":[{"path":"x","sealed":true,"now":true,"pattern":"**"}]}
    "#]], expect![[r#""#]]);
}

/// A rule that lets three of the others do what a fourth had to agree to is asked about, though it asks for more people.
#[test]
fn other_groups_are_asked_about_even_with_a_higher_threshold() {
    let rule =
        "[[rule]]\nfiles = [\"*.yaml\"]\ngroups = [[\"alice\", \"bob\"], [\"carol\"]]\nthreshold = 2\n";
    let project = Project::new(PEOPLE, rule);
    project.seal("a.yaml", "x: 1\n");
    project.configure(PEOPLE, &RULE.replace("threshold = 2", "threshold = 3"));
    let all = keys(&project, PEOPLE);
    let output = project.run_as_nobody(&["rekey", "a.yaml"]).env("SEALEAF_IDENTITY", all).output();
    assert_eq!(output.code, 7, "{}", output.stderr);
}

/// Who has too few of the keys can still seal the rest of a folder.
#[test]
fn encrypt_passes_over_a_file_that_needs_others_too() {
    let project = Project::new(PEOPLE, RULE);
    project.seal("a.yaml", "x: 1\n").write("b.yaml", "y: 2\n");
    let output = project.run(&["encrypt", "a.yaml", "b.yaml"]).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(
        output.stderr.contains("a.yaml: sealed already (not verified: no key for it)"),
        "{}",
        output.stderr
    );
}

#[test]
fn break_glass_leaves_a_note_whatever_the_verb() {
    let project = with_safe();
    let output = project.run_as("carol", &["--break-glass", "encrypt", "a.yaml"]).output();
    assert!(output.stderr.contains("opened with the break-glass key safe"), "{}", output.stderr);
    let shown = project.run(&["status", "--json", "a.yaml"]).stdout();
    assert!(shown.contains("\"rotation_due\":true"), "{shown}");
}
