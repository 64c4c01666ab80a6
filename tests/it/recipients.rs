//! `sealeaf recipients`.

use expect_test::expect;

use crate::support::Project;
use crate::support::servers::free_port;

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
    project.run_as_nobody(&["recipients", "list"]).check(
        0,
        expect![[r#"
            alice  age    [ALICE]  rules 1, 2
            bob    age    [BOB]  rule 2
            team   group  alice, bob
        "#]],
        expect![""],
    );
    project.run_as_nobody(&["recipients", "list", "--json"]).check(0, expect![[r#"
        {"schema_version":1,"configuration":".sealeaf.toml","recipients":[{"name":"alice","type":"age","id":"[ALICE]","break_glass":false,"rules":[1,2]},{"name":"bob","type":"age","id":"[BOB]","break_glass":false,"rules":[2]}],"groups":[{"name":"team","members":["alice","bob"]}]}
    "#]], expect![""]);
    project.run_as_nobody(&["recipients", "list"]).dir("secrets/prod").stdout();
}

#[test]
fn who_can_read_a_file_is_listed() {
    let project = project();
    project.write("secrets/plain.yaml", TEXT);
    project.run(&["recipients", "list", "secrets"]).check(
        0,
        expect![[r#"
            secrets/b.yaml: sealed
              alice  age  [ALICE]
              bob    age  [BOB]
            secrets/prod/a.yaml: sealed
              alice  age  [ALICE]
        "#]],
        expect![[r#"
            sealeaf: secrets/plain.yaml: plain: nobody needs a key for it
        "#]],
    );
    project.run_as_nobody(&["recipients", "list", "--json", "secrets/b.yaml"]).check(
        0,
        expect![[r#"
            {"schema_version":1,"files":[{"file":"secrets/b.yaml","state":"not-verified","recipients":[{"name":"alice","type":"age","id":"[ALICE]","break_glass":false},{"name":"bob","type":"age","id":"[BOB]","break_glass":false}]}]}
        "#]],
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
        expect![[r#"
            sealeaf: .sealeaf.toml: changed
            sealeaf: secrets/prod/a.yaml: 1 recipient added
            sealeaf: 1 file brought to the rules
        "#]],
    );
    let expected = config
        .replace("[\"alice\", \"bob\"]\n", &format!("[\"alice\", \"bob\"]\ncarol = {{ age = \"{key}\" }}\n"))
        .replace("to = [\"alice\"] # few", "to = [\"alice\", \"carol\"] # few");
    assert_eq!(project.read(".sealeaf.toml"), expected);
    assert_eq!(project.run_as("carol", &["decrypt", "secrets/prod/a.yaml"]).stdout(), TEXT);
    assert_eq!(project.run_as("carol", &["decrypt", "secrets/b.yaml"]).output().code, 4);
    // Again, by name: nothing. In another rule: that one's files.
    project.run(&["recipients", "add", "carol", "--rule", "1"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: .sealeaf.toml: nothing to change
        "#]],
    );
    project.run(&["recipients", "add", "carol", "--all-rules"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: .sealeaf.toml: changed
            sealeaf: secrets/b.yaml: 1 recipient added
            sealeaf: 1 file brought to the rules
        "#]],
    );
    assert_eq!(project.run_as("carol", &["decrypt", "secrets/b.yaml"]).stdout(), TEXT);
}

#[test]
fn several_rules_need_a_choice() {
    let project = project();
    let before = project.read(".sealeaf.toml");
    let key = project.key("carol").to_owned();
    project.run(&["recipients", "add", "carol", &key]).fails(
        2,
        expect![[r#"
            sealeaf: error: it must be said which rule
              1: secrets/prod/**
              2: secrets/**
            sealeaf: hint: name one with --rule N or --file PATH, or all of them with --all-rules
        "#]],
    );
    project.run(&["recipients", "add", "carol", &key, "--rule", "3"]).fails(
        2,
        expect![[r#"
            sealeaf: error: there is no rule 3
              1: secrets/prod/**
              2: secrets/**
            sealeaf: hint: name one with --rule N or --file PATH, or all of them with --all-rules
        "#]],
    );
    project.run(&["recipients", "add", "carol", &key, "--file", "README.md"]).fails(
        2,
        expect![[r#"
            sealeaf: error: README.md: no rule covers this file
        "#]],
    );
    assert_eq!(project.read(".sealeaf.toml"), before);
}

#[test]
fn names_and_keys_are_checked() {
    let project = project();
    let before = project.read(".sealeaf.toml");
    let key = project.key("carol").to_owned();
    project.run(&["recipients", "add", "carol", "--rule", "1"]).fails(
        2,
        expect![[r#"
            sealeaf: error: no recipient is called `carol`
            sealeaf: hint: give the key too, to add a new recipient
        "#]],
    );
    project.run(&["recipients", "add", "alic", "--rule", "1"]).fails(
        2,
        expect![[r#"
            sealeaf: error: no recipient is called `alic`
            sealeaf: hint: did you mean `alice`?
            sealeaf: hint: give the key too, to add a new recipient
        "#]],
    );
    project.run(&["recipients", "add", "bob", &key, "--rule", "1"]).fails(
        2,
        expect![[r#"
            sealeaf: error: `bob` is the name of another recipient
            sealeaf: hint: choose another name, or remove that one first
        "#]],
    );
    project.run(&["recipients", "add", "carol", "hunter2", "--rule", "1"]).fails(
        2,
        expect![[r#"
            sealeaf: error: `hunter2` is no key
            sealeaf: hint: keys look like `age1…`, `ssh-ed25519 AAAA…` or `aws_kms:arn:…`
        "#]],
    );
    project.run(&["recipients", "add", "carol", "age1hunter2", "--rule", "1"]).fails(2, expect![[r#"
        sealeaf: error: `age1hunter2` is no age key: its checksum does not fit; is a character missing or mistyped?
    "#]]);
    project.run(&["recipients", "add", "a b", &key, "--rule", "1"]).fails(2, expect![[r#"
        sealeaf: error: `a b` cannot be the name of a recipient: only letters, digits and `-`, `_`, `.`, `@`, `+`
    "#]]);
    project.run(&["recipients", "add", "robert", project.key("bob"), "--rule", "2"]).fails(
        2,
        expect![[r#"
            sealeaf: error: `bob` and `robert` are the same key
        "#]],
    );
    project.run(&["recipients", "remove", "carol"]).fails(
        2,
        expect![[r#"
            sealeaf: error: no recipient is called `carol`
        "#]],
    );
    assert_eq!(project.read(".sealeaf.toml"), before);
}

#[test]
fn removing_rotates_and_says_what_was_readable() {
    let project = project();
    let prod = project.read("secrets/prod/a.yaml");
    project.run(&["recipients", "remove", "bob"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: .sealeaf.toml: changed
            sealeaf: secrets/b.yaml: 1 recipient removed, new data key
            sealeaf: warning: bob ([BOB]) could read these values until now: change them at their source
              secrets/b.yaml: db.user
              secrets/b.yaml: db.password
            sealeaf: 1 file brought to the rules
        "#]],
    );
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
        expect![[r#"
            {"schema_version":1,"configuration":".sealeaf.toml","files":[{"file":"secrets/prod/a.yaml","changes":{"added":[],"removed":[{"name":"bob","type":"age","id":"[BOB]","break_glass":false}],"renamed":[],"sealed":[],"cleared":[],"stripped":[],"settings":[]},"rotated":true,"exposed":["db.user","db.password"]}]}
        "#]],
        expect![[r#"
            sealeaf: warning: bob ([BOB]) could read these values until now: change them at their source
              secrets/prod/a.yaml: db.user
              secrets/prod/a.yaml: db.password
        "#]],
    );
    assert!(project.read(".sealeaf.toml").contains("bob = "));
    project.run(&["recipients", "remove", "bob", "--rule", "2"]).fails(
        2,
        expect![[r#"
            sealeaf: error: `bob` is not in `to` of rule 2: it may be in one of its groups
            sealeaf: hint: without naming a rule it is removed from everywhere
        "#]],
    );
    project.run(&["recipients", "remove", "alice"]).fails(
        2,
        expect![[r#"
            sealeaf: error: `alice` is the only one in `to`
            sealeaf: hint: add someone else first, or remove the rule or group by hand
        "#]],
    );
}

#[test]
fn configuration_and_files_change_together_or_not_at_all() {
    let project = project();
    let key = project.key("carol").to_owned();
    let before = (project.read(".sealeaf.toml"), project.read("secrets/b.yaml"));
    // Bob cannot open one of the files.
    project.run_as("bob", &["recipients", "add", "carol", &key, "--all-rules"]).fails(4, expect![[r#"
        sealeaf: error: secrets/prod/a.yaml: no usable key: the file's only recipient is not you
          alice ([ALICE]): no identity for it; looked at 1 identity in [ROOT]/home/bob.txt
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
        sealeaf: hint: no file was written: all are, or none
    "#]]);
    assert_eq!((project.read(".sealeaf.toml"), project.read("secrets/b.yaml")), before);
    project.run_as("bob", &["recipients", "add", "carol", &key, "--all-rules", "--no-rekey"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: .sealeaf.toml: changed
            sealeaf: warning: sealed files are not changed yet: `sealeaf rekey --all` brings them to the rules
        "#]],
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
    project.run(&["recipients", "add", "carol", &key, "--rule", "2"]).fails(
        7,
        expect![[r#"
            sealeaf: error: the rules change who can read, or what is protected
              secrets/b.yaml: show db.user in clear
            sealeaf: hint: look at who changed the configuration; where this is what you want, say --yes
        "#]],
    );
    project.run(&["recipients", "add", "carol", &key, "--rule", "2", "--yes"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/b.yaml: show db.user in clear
            sealeaf: .sealeaf.toml: changed
            sealeaf: secrets/b.yaml: 1 recipient added, 1 value in clear now, 1 setting changed
            sealeaf: 1 file brought to the rules
        "#]],
    );
}

#[test]
fn without_a_configuration_there_is_a_hint() {
    let project = project();
    std::fs::remove_file(project.path(".sealeaf.toml")).unwrap();
    project.run(&["recipients", "list"]).fails(
        7,
        expect![[r#"
            sealeaf: error: there is no `.sealeaf.toml` here or above, up to the root of the repository
            sealeaf: hint: `sealeaf init` writes one
        "#]],
    );
}

/// A service that is down keeps everything as it was.
#[test]
fn ac_37_removing_while_a_service_is_down() {
    let rule = "[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\", \"bob\"]\n";
    let project = Project::new(&["alice", "bob"], rule);
    project.seal("a.yaml", "x: 1\n").seal("b.yaml", "x: 2\n");
    let address = format!("http://127.0.0.1:{}", free_port());
    let ci = format!("ci = {{ vault = \"{address}/v1/transit/keys/app\" }}\n");
    project.configure(&["alice", "bob"], &format!("{ci}{}", rule.replace("\"bob\"", "\"bob\", \"ci\"")));
    let names = [".sealeaf.toml", "a.yaml", "b.yaml"];
    let before = names.map(|name| project.read(name));
    let run = project.run(&["recipients", "remove", "--yes", "bob"]);
    let output = run.env("VAULT_ADDR", &address).env("VAULT_TOKEN", "root").output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("the service cannot be reached"), "{}", output.stderr);
    assert_eq!(names.map(|name| project.read(name)), before);
}
