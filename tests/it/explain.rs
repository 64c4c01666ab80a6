//! `sealeaf explain`.

use expect_test::expect;

use crate::support::Project;

const PEOPLE: &[&str] = &["alice", "bob"];
const RULES: &str = "[[rule]]\nfiles = [\"other/**\", \"secrets/*.yaml\"]\nto = [\"alice\", \"bob\"]\n\
                     encrypt = [\"**.password\", \"list[*]\"]\nclear = [\"list[0]\"]\nscope = \"{path}\"\n";
const TEXT: &str = "kind: x\ndb:\n  password: p\nlist: [1, 2]\n";

#[test]
fn plain_sealed_and_future_files_are_explained() {
    let project = Project::new(PEOPLE, RULES);
    project.write("secrets/plain.yaml", TEXT);
    project.run(&["explain", "secrets/plain.yaml"]).check(0, expect![""], expect![""]);
    project.seal("secrets/a.yaml", TEXT);
    project.run_as_nobody(&["explain", "secrets/a.yaml"]).check(0, expect![""], expect![""]);
    project.run(&["explain", "other/new.json"]).check(0, expect![""], expect![""]);
    project.run(&["explain", "README.md"]).check(0, expect![""], expect![""]);
}

#[test]
fn what_differs_from_the_rule_is_marked() {
    let project = Project::new(PEOPLE, RULES);
    project.seal("secrets/a.yaml", TEXT);
    project.configure(PEOPLE, &RULES.replace("\"alice\", ", "").replace("**.password", "kind"));
    project.run(&["explain", "secrets/a.yaml"]).check(0, expect![""], expect![""]);
}

#[test]
fn json_has_everything() {
    let project = Project::new(PEOPLE, RULES);
    project.seal("secrets/a.yaml", TEXT);
    project.run(&["explain", "--json", "secrets/a.yaml"]).check(0, expect![""], expect![""]);
}

#[test]
fn what_cannot_be_sealed_says_why() {
    let project = Project::new(PEOPLE, RULES);
    project.write("secrets/bad.yaml", "a: ]\n");
    project.run(&["explain", "secrets/bad.yaml"]).check(0, expect![""], expect![""]);
}
