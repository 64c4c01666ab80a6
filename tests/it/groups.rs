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
          bob ([BOB]): no identity of yours fits
          carol ([CAROL]): no identity of yours fits
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
    rekey(&["rekey", "a.yaml"]).fails(7, expect![[r#""#]]);
}

#[test]
fn explain_says_who_counts_together() {
    let project = Project::new(PEOPLE, RULE);
    project.seal("a.yaml", "x: 1\n");
    let shown = project.run(&["explain", "a.yaml"]).stdout();
    assert!(shown.contains("groups         2 of 3 are needed\n"), "{shown}");
    assert!(shown.contains("group 1, your key, in"), "{shown}");
}
