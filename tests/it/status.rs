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
    project.run(&["status"]).check(0, expect![""], expect![""]);
    project.run_as_nobody(&["status"]).check(0, expect![""], expect![""]);
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
    project.run(&["status"]).check(0, expect![""], expect![""]);
}

#[test]
fn what_differs_from_the_rule_is_said() {
    let project = project();
    project.configure(
        PEOPLE,
        &RULE.replace("\"bob\"", "\"carol\"").replace("[\"kind\"]", "[\"db.user\"]\nscope = \"prod\""),
    );
    project.run(&["status", "secrets/a.yaml"]).check(0, expect![""], expect![""]);
    project.run(&["status", "--json"]).check(0, expect![""], expect![""]);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_after_the_others() {
    let project = project();
    project.run(&["status", "none.yaml", "secrets/a.yaml"]).check(1, expect![""], expect![""]);
}

#[test]
fn nothing_here_is_said() {
    let project = Project::new(PEOPLE, RULE);
    project.run(&["status"]).check(0, expect![""], expect![""]);
}

#[test]
fn ac_56_looking_asks_nothing_and_writes_nothing() {
    let project = project();
    project.script("age-plugin-evil", "touch \"$HOME/started\"");
    let before = project.files();
    // A key under a passphrase would have to be asked for.
    let passphrase = project.home().join("locked.txt");
    std::fs::copy(project.identity("alice"), &passphrase).unwrap();
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
