//! `sealeaf rotate`.

use expect_test::expect;

use crate::support::Project;

const RULES: &str = "[[rule]]\nfiles = [\"secrets/**\"]\nto = [\"alice\", \"bob\"]\nclear = [\"kind\"]\n";
const TEXT: &str = "kind: x\ndb:\n  user: u # who\n  password: 'p'\n";

fn project() -> Project {
    Project::new(&["alice", "bob", "carol"], RULES)
}

fn tokens(text: &str) -> Vec<&str> {
    text.split_whitespace().filter(|word| word.starts_with("sealed.v1.")).collect()
}

#[test]
fn every_value_is_sealed_anew() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT);
    let before = project.read("secrets/a.yaml");
    project.run(&["rotate", "secrets/a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: 2 values sealed anew, data key 2
        "#]],
    );
    let after = project.read("secrets/a.yaml");
    assert_eq!(tokens(&after).len(), 2);
    assert!(tokens(&after).iter().all(|token| !before.contains(token)));
    assert!(after.contains("epoch: 2\n") && !before.contains("epoch: 2\n"));
    let commitment = |text: &str| text.lines().find(|line| line.contains("commitment:")).unwrap().to_owned();
    assert_ne!(commitment(&after), commitment(&before));
    for name in ["alice", "bob"] {
        assert_eq!(project.run_as(name, &["decrypt", "secrets/a.yaml"]).stdout(), TEXT);
    }
}

#[test]
fn folders_stand_for_their_sealed_files() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT).seal("secrets/sub/b.json", "{\n  \"k\": 1\n}\n");
    project.write("secrets/plain.yaml", "k: v\n").write("secrets/notes.txt", "none\n");
    project.run(&["rotate", "secrets"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: 2 values sealed anew, data key 2
            sealeaf: secrets/sub/b.json: 1 value sealed anew, data key 2
        "#]],
    );
    assert_eq!(project.read("secrets/plain.yaml"), "k: v\n");
}

#[test]
fn all_files_are_rotated_or_none() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT).seal("secrets/b.yaml", TEXT);
    project.write("secrets/plain.yaml", "k: v\n");
    let before = project.read("secrets/a.yaml");
    project.run(&["rotate", "secrets/a.yaml", "secrets/plain.yaml"]).fails(
        6,
        expect![[r#"
            sealeaf: error: secrets/plain.yaml: the file is not sealed: it has no `sealeaf` entry
            sealeaf: hint: seal it with `sealeaf encrypt`
            sealeaf: hint: no file was written: all are, or none
        "#]],
    );
    project.run(&["rotate", "secrets/a.yaml", "secrets/none.yaml"]).fails(
        1,
        expect![[r#"
            sealeaf: error: cannot read `secrets/none.yaml`: no such file or directory
            sealeaf: hint: no file was written: all are, or none
        "#]],
    );
    assert_eq!(project.read("secrets/a.yaml"), before);
    project.run_as("carol", &["rotate", "secrets/a.yaml", "secrets/b.yaml"]).fails(
        4,
        expect![[r#"
            sealeaf: error: secrets/b.yaml: no usable key: none of the file's 2 recipients is you
            sealeaf: error: secrets/a.yaml: no usable key: none of the file's 2 recipients is you
              alice ([ALICE]): no identity for it; looked at 1 identity in [ROOT]/home/carol.txt
              bob ([BOB]): no identity for it; looked at 1 identity in [ROOT]/home/carol.txt
            sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
        "#]],
    );
}

#[test]
fn ac_24_other_recipients_than_the_rules_are_refused() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT);
    project.configure(&["alice", "bob", "carol"], &RULES.replace("\"bob\"", "\"bob\", \"carol\""));
    project.run(&["rotate", "secrets/a.yaml"]).fails(
        7,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: the file's recipients are not those of its rule
            sealeaf: hint: bring it up to date with `sealeaf rekey`, after a look at `sealeaf explain`
        "#]],
    );
    let forged = project.injected("secrets/a.yaml", "carol");
    project.write("secrets/a.yaml", &forged);
    project.run(&["rotate", "secrets/a.yaml"]).fails(
        5,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: the metadata's rule, scope or recipients were changed by someone without the key
            sealeaf: hint: if you edited the sealed file by hand, run `sealeaf encrypt` on it; after a merge, `sealeaf reseal --merge`; otherwise take a version that you trust
        "#]],
    );
    assert_eq!(project.read("secrets/a.yaml"), forged);
}

#[test]
fn another_file_in_the_committed_ones_place_is_refused() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT);
    project.commit("sealed");
    project.write("secrets/a.yaml", TEXT);
    project.run(&["encrypt", "--fresh", "--quiet", "secrets/a.yaml"]).stdout();
    project.run(&["rotate", "secrets/a.yaml"]).fails(
        6,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: the file is not the one that was committed: its identity is another one
            sealeaf: hint: look at who changed it with `git log -p`; take the committed version, or encrypt its content anew
        "#]],
    );
}

#[test]
fn nothing_to_rotate_is_said() {
    let project = project();
    project.write("secrets/plain.yaml", "k: v\n");
    project.run(&["rotate", "secrets"]).fails(
        6,
        expect![[r#"
            sealeaf: error: none of these files is sealed
            sealeaf: hint: seal files with `sealeaf encrypt`
        "#]],
    );
    project.run(&["rotate", "-"]).fails(
        2,
        expect![[r#"
            sealeaf: error: standard input has no place in a repository
            sealeaf: hint: name files or folders
        "#]],
    );
}

#[test]
fn ac_64_symlinks_and_hard_links_are_not_written_through() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT);
    std::os::unix::fs::symlink("a.yaml", project.path("secrets/link.yaml")).unwrap();
    project.run(&["rotate", "secrets/link.yaml"]).fails(
        7,
        expect![[r#"
            sealeaf: error: `secrets/link.yaml` is a symlink and is not written through
            sealeaf: hint: name the file that it points to
        "#]],
    );
    std::fs::hard_link(project.path("secrets/a.yaml"), project.path("secrets/hard.yaml")).unwrap();
    project.run(&["rotate", "secrets/hard.yaml"]).fails(
        7,
        expect![[r#"
            sealeaf: error: `secrets/hard.yaml` has further hard links, which would keep the old content
            sealeaf: hint: replace it by a copy first
        "#]],
    );
}

#[test]
fn what_a_killed_run_left_is_not_taken_for_a_file() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT);
    project.write("secrets/.a.yaml.sealeaf-Ab3dE6", &project.read("secrets/a.yaml"));
    project.run(&["rotate", "secrets"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: 2 values sealed anew, data key 2
        "#]],
    );
    assert_eq!(project.files(), [".sealeaf.toml", "secrets/a.yaml"]);
}
