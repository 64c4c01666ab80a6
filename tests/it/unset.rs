//! `sealeaf unset`.

use expect_test::expect;

use crate::support::Project;

const RULE: &str = "[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\"]\n";

#[test]
fn removes_an_entry_with_its_line() {
    let project = Project::new(&["alice"], RULE);
    project.seal("a.yaml", "a: 1 # one\nb:\n  - x\n  - y: 2\n    z: |\n      text\nc: 3\n");
    project.commit("sealed");
    project.run(&["unset", "a.yaml", "b[1].z"]).check(
        0,
        expect![[""]],
        expect![[r#"
            sealeaf: a.yaml: `b[1].z` removed
        "#]],
    );
    assert_eq!(project.open("a.yaml"), "a: 1 # one\nb:\n  - x\n  - y: 2\nc: 3\n");
    project.run(&["unset", "a.yaml", "b"]).stdout();
    assert_eq!(project.open("a.yaml"), "a: 1 # one\nc: 3\n");
    // The line that went, and the tail of the one before.
    project.commit("shorter");
    project.run(&["unset", "a.yaml", "c"]).stdout();
    assert_eq!(project.git(&["diff", "--numstat"]), "1\t2\ta.yaml\n");
}

#[test]
fn what_is_not_there_is_said() {
    let project = Project::new(&["alice"], RULE);
    project.seal("a.yaml", "base: &b\n  x: 1\nuse:\n  <<: *b\n");
    project.run(&["unset", "a.yaml", "usr"]).fails(
        2,
        expect![[r#"
            sealeaf: error: a.yaml: there is no `usr` in the file
            sealeaf: hint: did you mean `use`?
        "#]],
    );
    project.run(&["unset", "a.yaml", "use.x"]).fails(
        2,
        expect![[r#"
            sealeaf: error: a.yaml: `use.x` comes from an alias or merge key
            sealeaf: hint: remove it where its anchor stands
        "#]],
    );
}
