//! `sealeaf status`.

use expect_test::expect;

use crate::support::Project;

const PEOPLE: &[&str] = &["alice", "bob", "carol"];
const RULE: &str = "[[rule]]\nfiles = [\"secrets/**\"]\nto = [\"alice\", \"bob\"]\nclear = [\"kind\"]\n";
const TEXT: &str = "kind: x\ndb:\n  user: u\n  password: p\n";

fn project() -> Project {
    let project = Project::new(PEOPLE, RULE);
    project.seal("secrets/a.yaml", TEXT);
    project
}

#[test]
fn each_file_has_a_state() {
    let project = project();
    for name in ["broken", "half"] {
        project.seal(&format!("secrets/{name}.yaml"), TEXT);
    }
    project.write("secrets/broken.yaml", &project.read("secrets/broken.yaml").replace("kind: x", "kind: y"));
    let half = project.read("secrets/half.yaml");
    let token = half.lines().find(|line| line.starts_with("  password: ")).unwrap();
    project.write("secrets/half.yaml", &half.replace(token, "  password: new"));
    project.write("secrets/plain.yaml", TEXT).write("secrets/notes.txt", "text\n");
    project.write("secrets/conflict.yaml", "<<<<<<< a\nk: 1\n=======\nk: 2\n>>>>>>> b\n");
    project
        .write("elsewhere.yaml", &project.read("secrets/a.yaml"))
        .write("README.md", "")
        .write("x.yaml", "k: v\n");
    project.run(&["status"]).check(
        0,
        expect![[r#"
            elsewhere.yaml         sealed       alice, bob
              no rule covers it
            secrets/a.yaml         sealed       alice, bob
            secrets/broken.yaml    broken       alice, bob
              a cleartext value, key or the order below `kind` was changed by someone without the key
            secrets/conflict.yaml  plain
              line 1, column 1: a merge conflict is left in the file
            secrets/half.yaml      half-sealed  alice, bob
              db.password stands in clear, and the file's rule seals it
              `sealeaf encrypt` seals it again
            secrets/notes.txt      plain
              the format cannot be told from the file's name
            secrets/plain.yaml     plain
              a rule covers it; `sealeaf encrypt` seals it
        "#]],
        expect![[r#"
            sealeaf: 7 files: 2 sealed, 1 half-sealed, 3 plain, 1 broken
        "#]],
    );
    project.run_as_nobody(&["status"]).check(
        0,
        expect![[r#"
            elsewhere.yaml         sealed (not verified)  alice, bob
              no rule covers it
            secrets/a.yaml         sealed (not verified)  alice, bob
            secrets/broken.yaml    sealed (not verified)  alice, bob
            secrets/conflict.yaml  plain
              line 1, column 1: a merge conflict is left in the file
            secrets/half.yaml      half-sealed            alice, bob
              db.password stands in clear, and the file's rule seals it
              `sealeaf encrypt` seals it again
            secrets/notes.txt      plain
              the format cannot be told from the file's name
            secrets/plain.yaml     plain
              a rule covers it; `sealeaf encrypt` seals it
        "#]],
        expect![[r#"
            sealeaf: 7 files: 3 sealed (not verified), 1 half-sealed, 3 plain
        "#]],
    );
}

#[test]
fn a_text_merge_is_linked() {
    let project = project();
    project.commit("sealed");
    let base = project.read("secrets/a.yaml");
    let edited = |from: &str, to: &str| {
        project.write("secrets/a.yaml", &TEXT.replace(from, to));
        project.run(&["encrypt", "--quiet", "secrets/a.yaml"]).stdout();
        let text = project.read("secrets/a.yaml");
        project.git(&["checkout", "--quiet", "secrets/a.yaml"]);
        text
    };
    let (ours, theirs) = (edited(": u", ": uu"), edited(": p", ": pp"));
    let line = |text: &str, key: &str| text.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    assert_ne!(ours, base);
    let merged = ours.replace(&line(&ours, "  password:"), &line(&theirs, "  password:"));
    project.write("secrets/a.yaml", &merged);
    project.run(&["status"]).check(
        0,
        expect![[r#"
            secrets/a.yaml  linked  alice, bob
        "#]],
        expect![[r#"
            sealeaf: 1 file: 1 linked
        "#]],
    );
}

#[test]
fn what_differs_from_the_rule_is_said() {
    let project = project();
    project.configure(
        PEOPLE,
        &RULE.replace("\"bob\"", "\"carol\"").replace("[\"kind\"]", "[\"db.user\"]\nscope = \"prod\""),
    );
    project.run(&["status", "secrets/a.yaml"]).check(
        0,
        expect![[r#"
            secrets/a.yaml  half-sealed  alice, bob
              carol ([CAROL]) is in the rule and cannot read it
              bob ([BOB]) can read it and is not in the rule
              scope: none in the file, `prod` in the rule
              clear: `kind` in the file, `db.user` in the rule
              1 sealed value is clear by the rule
              kind stands in clear, and the rule seals it
              `sealeaf rekey` brings it to its rule
        "#]],
        expect![[r#"
            sealeaf: 1 file: 1 half-sealed
        "#]],
    );
    project.run(&["status", "--json"]).check(0, expect![[r#"
        {"schema_version":1,"files":[{"file":"secrets/a.yaml","state":"half-sealed","rule":1,"recipients":[{"name":"alice","type":"age","id":"[ALICE]","break_glass":false},{"name":"bob","type":"age","id":"[BOB]","break_glass":false}],"reasons":["carol ([CAROL]) is in the rule and cannot read it","bob ([BOB]) can read it and is not in the rule","scope: none in the file, `prod` in the rule","clear: `kind` in the file, `db.user` in the rule","1 sealed value is clear by the rule","kind stands in clear, and the rule seals it","`sealeaf rekey` brings it to its rule"],"rotation_due":false,"changes":{"added":[{"name":"carol","type":"age","id":"[CAROL]","break_glass":false}],"removed":[{"name":"bob","type":"age","id":"[BOB]","break_glass":false}],"renamed":[],"sealed":["kind"],"cleared":["db.user"],"stripped":[],"settings":[{"name":"scope","was":"none","now":"`prod`"},{"name":"clear","was":"`kind`","now":"`db.user`"}]}}]}
    "#]], expect![""]);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_after_the_others() {
    let project = project();
    project.run(&["status", "none.yaml", "secrets/a.yaml"]).check(
        1,
        expect![[r#"
            secrets/a.yaml  sealed  alice, bob
        "#]],
        expect![[r#"
            sealeaf: error: none.yaml: cannot read `none.yaml`: no such file or directory
        "#]],
    );
}

#[test]
fn nothing_here_is_said() {
    let project = Project::new(PEOPLE, RULE);
    project.run(&["status"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: no file here is sealed, and no rule covers one
        "#]],
    );
}

#[test]
fn ac_56_looking_asks_nothing_and_writes_nothing() {
    let project = project();
    let plugin = format!("age1evil1{}", "q".repeat(20));
    let forged = project.read("secrets/a.yaml").replace(project.key("bob"), &plugin);
    project.write("secrets/forged.yaml", &forged);
    project.script("age-plugin-evil", "touch \"$HOME/started\"");
    let before = project.files();
    let (code, _) = project.run(&["status"]).on_terminal(&[]);
    assert_eq!(code, 0);
    assert_eq!(project.files(), before);
    assert!(!project.home().join("started").exists());
}

#[test]
fn names_from_files_are_escaped() {
    let project = project();
    project.seal("secrets/x\u{1b}[2K\u{202e}.yaml", TEXT);
    let shown = project.run(&["status", "secrets"]).stdout();
    assert!(shown.contains("secrets/x\\u{1b}[2K\\u{202e}.yaml"), "{shown}");
}
