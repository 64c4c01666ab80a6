//! `sealeaf recipients`.

use expect_test::expect;

use crate::support::Project;

const RULES: &str = "[[rule]]\nfiles = [\"secrets/prod/**\"]\nto = [\"alice\"] # few\n\n\
                     [[rule]]\nfiles = [\"secrets/**\"]\nto = [\"team\"]\n";
const TEXT: &str = "db:\n  user: u\n  password: p\n";

/// Alice and Bob, who is in a group; Carol is not known yet.
fn project() -> Project {
    let project = Project::new(&["alice", "bob", "carol"], "");
    project.configure(&["alice", "bob"], &format!("team = [\"alice\", \"bob\"]\n\n{RULES}"));
    project.seal("secrets/prod/a.yaml", TEXT).seal("secrets/b.yaml", TEXT);
    project
}

#[test]
fn names_and_keys_are_listed() {
    let project = project();
    project.run_as_nobody(&["recipients", "list"]).check(0, expect![""], expect![""]);
    project.run_as_nobody(&["recipients", "list", "--json"]).check(0, expect![""], expect![""]);
    project.run_as_nobody(&["recipients", "list"]).dir("secrets/prod").stdout();
}

#[test]
fn who_can_read_a_file_is_listed() {
    let project = project();
    project.write("secrets/plain.yaml", TEXT);
    project.run(&["recipients", "list", "secrets"]).check(0, expect![""], expect![""]);
    project.run_as_nobody(&["recipients", "list", "--json", "secrets/b.yaml"]).check(
        0,
        expect![""],
        expect![""],
    );
}

#[test]
fn adding_changes_configuration_and_files() {
    let project = project();
    let config = project.read(".sealeaf.toml");
    let key = project.key("carol").to_owned();
    project.run(&["recipients", "add", "carol", &key, "--file", "secrets/prod/new.yaml"]).check(
        0,
        expect![""],
        expect![""],
    );
    let expected = config
        .replace("\nteam = ", "\nteam = ")
        .replace("[\"alice\", \"bob\"]\n", &format!("[\"alice\", \"bob\"]\ncarol = {{ age = \"{key}\" }}\n"))
        .replace("to = [\"alice\"] # few", "to = [\"alice\", \"carol\"] # few");
    assert_eq!(project.read(".sealeaf.toml"), expected);
    assert_eq!(project.run_as("carol", &["decrypt", "secrets/prod/a.yaml"]).stdout(), TEXT);
    assert_eq!(project.run_as("carol", &["decrypt", "secrets/b.yaml"]).output().code, 4);
    // Again, by name: nothing. In another rule: that one's files.
    project.run(&["recipients", "add", "carol", "--rule", "1"]).check(0, expect![""], expect![""]);
    project.run(&["recipients", "add", "carol", "--all-rules"]).check(0, expect![""], expect![""]);
    assert_eq!(project.run_as("carol", &["decrypt", "secrets/b.yaml"]).stdout(), TEXT);
}

#[test]
fn several_rules_need_a_choice() {
    let project = project();
    let before = project.read(".sealeaf.toml");
    let key = project.key("carol").to_owned();
    project.run(&["recipients", "add", "carol", &key]).fails(2, expect![""]);
    project.run(&["recipients", "add", "carol", &key, "--rule", "3"]).fails(2, expect![""]);
    project.run(&["recipients", "add", "carol", &key, "--file", "README.md"]).fails(2, expect![""]);
    assert_eq!(project.read(".sealeaf.toml"), before);
}

#[test]
fn names_and_keys_are_checked() {
    let project = project();
    let before = project.read(".sealeaf.toml");
    let key = project.key("carol").to_owned();
    project.run(&["recipients", "add", "carol", "--rule", "1"]).fails(2, expect![""]);
    project.run(&["recipients", "add", "alic", "--rule", "1"]).fails(2, expect![""]);
    project.run(&["recipients", "add", "bob", &key, "--rule", "1"]).fails(2, expect![""]);
    project.run(&["recipients", "add", "carol", "hunter2", "--rule", "1"]).fails(2, expect![""]);
    project.run(&["recipients", "add", "carol", "age1hunter2", "--rule", "1"]).fails(2, expect![""]);
    project.run(&["recipients", "add", "a b", &key, "--rule", "1"]).fails(2, expect![""]);
    project.run(&["recipients", "add", "robert", project.key("bob"), "--rule", "2"]).fails(2, expect![""]);
    project.run(&["recipients", "remove", "carol"]).fails(2, expect![""]);
    assert_eq!(project.read(".sealeaf.toml"), before);
}

#[test]
fn removing_rotates_and_says_what_was_readable() {
    let project = project();
    let prod = project.read("secrets/prod/a.yaml");
    project.run(&["recipients", "remove", "bob"]).check(0, expect![""], expect![""]);
    assert!(!project.read(".sealeaf.toml").contains("bob"));
    assert!(project.read("secrets/b.yaml").contains("epoch: 2"));
    assert_eq!(project.read("secrets/prod/a.yaml"), prod);
    assert_eq!(project.run_as("bob", &["decrypt", "secrets/b.yaml"]).output().code, 4);
    assert_eq!(project.open("secrets/b.yaml"), TEXT);
}

#[test]
fn removing_from_one_rule_keeps_the_name() {
    let project = project();
    project.run(&["recipients", "add", "bob", "--rule", "1", "--quiet"]).stdout();
    project.run(&["recipients", "remove", "bob", "--rule", "1", "--json", "--quiet"]).check(
        0,
        expect![""],
        expect![""],
    );
    assert!(project.read(".sealeaf.toml").contains("bob = "));
    project.run(&["recipients", "remove", "bob", "--rule", "2"]).fails(2, expect![""]);
    project.run(&["recipients", "remove", "alice"]).fails(2, expect![""]);
}

#[test]
fn configuration_and_files_change_together_or_not_at_all() {
    let project = project();
    let key = project.key("carol").to_owned();
    let before = (project.read(".sealeaf.toml"), project.read("secrets/b.yaml"));
    // Bob cannot open one of the files.
    project.run_as("bob", &["recipients", "add", "carol", &key, "--all-rules"]).fails(4, expect![""]);
    assert_eq!((project.read(".sealeaf.toml"), project.read("secrets/b.yaml")), before);
    project.run_as("bob", &["recipients", "add", "carol", &key, "--all-rules", "--no-rekey"]).check(
        0,
        expect![""],
        expect![""],
    );
    assert_eq!(project.read("secrets/b.yaml"), before.1);
    project.run(&["rekey", "--all", "--yes", "--quiet"]).stdout();
    assert_eq!(project.run_as("carol", &["decrypt", "secrets/b.yaml"]).stdout(), TEXT);
}

#[test]
fn what_was_not_asked_for_needs_consent() {
    let project = project();
    // Someone else changed the rule meanwhile.
    let config = project.read(".sealeaf.toml");
    project
        .write(".sealeaf.toml", &config.replace("to = [\"team\"]", "to = [\"team\"]\nclear = [\"db.user\"]"));
    let key = project.key("carol").to_owned();
    project.run(&["recipients", "add", "carol", &key, "--rule", "2"]).fails(7, expect![""]);
    project.run(&["recipients", "add", "carol", &key, "--rule", "2", "--yes"]).check(
        0,
        expect![""],
        expect![""],
    );
}

#[test]
fn without_a_configuration_there_is_a_hint() {
    let project = project();
    std::fs::remove_file(project.path(".sealeaf.toml")).unwrap();
    project.run(&["recipients", "list"]).fails(7, expect![""]);
}
