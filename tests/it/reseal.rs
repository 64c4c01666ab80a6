//! `sealeaf reseal`, with real git merges.

use expect_test::expect;

use crate::support::Project;

const RULE: &str = "[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\"]\n";
const TEXT: &str = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n";

fn set(project: &Project, path: &str, value: &str) {
    project.run(&["set", "--quiet", "a.yaml", path]).stdin(value).stdout();
}

/// A repository whose two branches changed different values; on `main`, not merged yet.
fn branched() -> Project {
    let project = Project::new(&["alice"], RULE);
    project.seal("a.yaml", TEXT);
    project.commit("base");
    project.git(&["switch", "--quiet", "--create", "other"]);
    set(&project, "a", "theirs");
    project.commit("a");
    project.git(&["switch", "--quiet", "main"]);
    set(&project, "e", "ours");
    project.commit("e");
    project
}

const MERGED: &str = "a: theirs\nb: 2\nc: 3\nd: 4\ne: ours\n";

#[test]
fn ac_73_a_merge_is_resealed_in_silence_and_in_one_line() {
    let project = branched();
    project.git(&["merge", "--quiet", "--message", "merge", "other"]);
    assert_eq!(project.open("a.yaml"), MERGED);
    project.run(&["reseal", "a.yaml"]).check(
        0,
        expect![[""]],
        expect![[r#"
            sealeaf: a.yaml: sealed
        "#]],
    );
    assert_eq!(project.git(&["diff", "--numstat"]), "1\t1\ta.yaml\n");
    let changed = project.git(&["diff", "--unified=0"]);
    assert!(changed.contains("\n+e: sealed.v1."), "the token that the first parent changed: {changed}");
    assert!(project.run(&["verify", "--require-sealed", "a.yaml"]).stdout().contains("sealed"));
    project.run(&["reseal", "a.yaml"]).check(
        0,
        expect![[""]],
        expect![[r#"
            sealeaf: a.yaml: sealed already
        "#]],
    );
}

#[test]
fn a_merge_that_is_not_committed_yet_is_explained_too() {
    let project = branched();
    project.git(&["merge", "--quiet", "--no-commit", "other"]);
    project.run(&["reseal", "a.yaml"]).stdout();
    assert!(project.run(&["verify", "--require-sealed", "a.yaml"]).output().code == 0);
}

#[test]
fn rebase_and_cherry_pick_are_explained_by_their_parts() {
    let project = branched();
    project.git(&["cherry-pick", "other"]);
    assert_eq!(project.open("a.yaml"), MERGED);
    project.run(&["reseal", "a.yaml"]).stdout();
    let project = branched();
    project.git(&["rebase", "--quiet", "other"]);
    project.run(&["reseal", "a.yaml"]).stdout();
    let project = branched();
    project.git(&["merge", "--quiet", "--squash", "other"]);
    project.run(&["reseal", "a.yaml"]).stdout();
}

#[test]
fn writing_into_a_merged_file_reseals_it() {
    let project = branched();
    project.git(&["merge", "--quiet", "--message", "merge", "other"]);
    set(&project, "c", "changed");
    assert!(project.run(&["verify", "--require-sealed", "a.yaml"]).output().code == 0);
}

#[test]
fn ac_75_a_mix_that_is_no_merge_needs_consent() {
    let project = branched();
    let line = |text: &str| text.lines().find(|line| line.starts_with("e: ")).unwrap().to_owned();
    let old = line(&project.git(&["show", "HEAD~1:a.yaml"]));
    set(&project, "a", "again");
    project.commit("again");
    let text = project.read("a.yaml");
    project.write("a.yaml", &text.replace(&line(&text), &old));
    project.run(&["reseal", "a.yaml"]).fails(
        6,
        expect![[r#"
            sealeaf: error: a.yaml: the file joins pieces of several versions, and git shows no merge that made it
              `e` (record 1)
            sealeaf: hint: look at these values; where they belong together, say --yes
        "#]],
    );
    project.run(&["reseal", "--yes", "a.yaml"]).stdout();
    assert!(project.run(&["verify", "--require-sealed", "a.yaml"]).output().code == 0);
}

#[test]
fn on_a_terminal_it_asks() {
    let project = branched();
    let line = |text: &str| text.lines().find(|line| line.starts_with("e: ")).unwrap().to_owned();
    let old = line(&project.git(&["show", "HEAD~1:a.yaml"]));
    set(&project, "a", "again");
    project.commit("again");
    let text = project.read("a.yaml");
    project.write("a.yaml", &text.replace(&line(&text), &old));
    let (code, shown) = project.run(&["reseal", "a.yaml"]).on_terminal(&[("[y/N] ", "n\n")]);
    assert_eq!(code, 6, "{shown}");
    let (code, shown) = project.run(&["reseal", "a.yaml"]).on_terminal(&[("[y/N] ", "y\n")]);
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn what_text_cannot_merge_is_merged_as_plaintext() {
    let project = Project::new(&["alice"], RULE);
    project.seal("a.yaml", TEXT);
    project.commit("base");
    project.git(&["switch", "--quiet", "--create", "other"]);
    project.run(&["rotate", "--quiet", "a.yaml"]).stdout();
    project.commit("rotated");
    project.git(&["switch", "--quiet", "main"]);
    set(&project, "e", "ours");
    project.commit("e");
    let conflict = project.command("git").args(["merge", "--quiet", "other"]).output().unwrap();
    assert!(!conflict.status.success());
    // Half of each side: it authenticates under neither key.
    project.git(&["checkout", "--theirs", "a.yaml"]);
    let ours = project.git(&["show", "HEAD:a.yaml"]);
    let line = |text: &str| text.lines().find(|line| line.starts_with("e: ")).unwrap().to_owned();
    let theirs = project.read("a.yaml");
    project.write("a.yaml", &theirs.replace(&line(&theirs), &line(&ours)));
    assert_eq!(project.run(&["reseal", "a.yaml"]).output().code, 5);
    project.run(&["reseal", "--merge", "a.yaml"]).stdout();
    assert_eq!(project.open("a.yaml"), TEXT.replace("e: 5", "e: ours"));
    let verified = project.run(&["verify", "--require-sealed", "a.yaml"]).stdout();
    assert!(verified.contains("epoch 2"), "{verified}");
}

#[test]
fn one_side_of_a_conflict_does_not_lose_the_other() {
    let project = Project::new(&["alice"], RULE);
    project.seal("a.yaml", TEXT);
    project.commit("base");
    project.git(&["switch", "--quiet", "--create", "other"]);
    set(&project, "a", "theirs");
    project.commit("a");
    project.git(&["switch", "--quiet", "main"]);
    set(&project, "a", "ours");
    set(&project, "e", "ours");
    project.commit("ours");
    let conflict = project.command("git").args(["merge", "--quiet", "other"]).output().unwrap();
    assert!(!conflict.status.success());
    project.git(&["checkout", "--theirs", "a.yaml"]);
    // Both changed one value: nothing is decided silently.
    assert_eq!(project.run(&["reseal", "--merge", "a.yaml"]).output().code, 9);
    project.git(&["merge", "--abort"]);
    project.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    set(&project, "b", "ours");
    project.commit("neighbours");
    let conflict = project.command("git").args(["merge", "--quiet", "other"]).output().unwrap();
    assert!(!conflict.status.success());
    project.git(&["checkout", "--theirs", "a.yaml"]);
    let resealed = project.run(&["reseal", "--merge", "a.yaml"]).output();
    // Neighbouring lines conflict as plaintext too; what must not happen is "sealed already".
    assert!(!resealed.stderr.contains("sealed already"), "{}", resealed.stderr);
}
