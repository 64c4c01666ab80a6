//! The everyday verbs where `.sops.yaml` is the configuration.

use std::fs;

use expect_test::expect;

use super::tool::Sops;
use crate::support::{Project, skip};

const PEOPLE: &[&str] = &["alice", "bob", "carol"];

pub(super) const RULES: &str = "\
creation_rules:
  - path_regex: ^prod/
    encrypted_regex: ^(data|password)$
    shamir_threshold: 2
    key_groups:
      - age: [ALICE, BOB]
      - age: [CAROL]
      - age: [BOB]
  - path_regex: ^cloud/
    hckms: ['eu-west-101:prod']
    age: ALICE
  - path_regex: \\.enc\\.yaml$
    age: ALICE, BOB
    mac_only_encrypted: true
";

pub(super) const PROD: &str = "kind: x\ndata:\n  a: 1 # why\n";

/// A repository whose only configuration is `.sops.yaml`, with these people's keys for their names in capitals.
pub(crate) fn project(rules: &str) -> Project {
    let project = Project::new(PEOPLE, "");
    fs::remove_file(project.path(".sealeaf.toml")).unwrap();
    configure(&project, rules);
    project
}

pub(super) fn configure(project: &Project, rules: &str) {
    let text = PEOPLE
        .iter()
        .fold(rules.to_owned(), |text, name| text.replace(&name.to_uppercase(), project.key(name)));
    project.write(".sops.yaml", &text);
}

/// What the real program opens a file to, with these people's keys.
fn opened_by_sops(sops: &Sops, project: &Project, people: &[&str], name: &str) -> Result<String, String> {
    let keys: String =
        people.iter().map(|name| fs::read_to_string(project.identity(name)).unwrap()).collect();
    let output = project
        .command(sops.program().to_str().unwrap())
        .args(["decrypt", name])
        .env("SOPS_AGE_KEY", keys)
        .env("SOPS_DISABLE_VERSION_CHECK", "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Somebody with the keys of several people.
pub(super) fn run_with<'p>(
    project: &'p Project,
    people: &[&str],
    arguments: &[&str],
) -> crate::support::Run<'p> {
    let keys: String =
        people.iter().map(|name| fs::read_to_string(project.identity(name)).unwrap()).collect();
    project.run_as_nobody(arguments).env("SEALEAF_IDENTITY", keys)
}

/// Masks the beginnings of keys.
pub(super) fn short(project: &Project, text: &str) -> String {
    PEOPLE
        .iter()
        .fold(text.to_owned(), |text, name| text.replace(&project.key(name)[..12], &name.to_uppercase()))
}

#[test]
fn files_are_encrypted_by_their_rules() {
    let project = project(RULES);
    project.write("prod/a.yaml", PROD).write("b.enc.yaml", "x: one\ny_unencrypted: 2\n");
    project.write("cloud/c.yaml", "x: 1\n").write("d.yaml", "x: 1\n");
    project.run(&["encrypt", "prod/a.yaml", "b.enc.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: b.enc.yaml: 1 of 2 values sealed
        sealeaf: prod/a.yaml: 1 of 2 values sealed
    "#]],
    );
    let sealed = project.read("prod/a.yaml");
    assert!(
        sealed.starts_with("kind: x\ndata:\n  a: ENC[") && sealed.contains("type:int] #ENC["),
        "{sealed}"
    );
    assert!(
        sealed.contains("shamir_threshold: 2\n") && sealed.contains("encrypted_regex: \"^(data|password)$\"")
    );
    assert!(project.read("b.enc.yaml").contains("mac_only_encrypted: true\n"));
    project.run(&["encrypt", "cloud/c.yaml"]).fails(
        8,
        expect![[r#"
            sealeaf: error: [ROOT]/repo/.sops.yaml:10:1: this build has no `hckms`
        "#]],
    );
    project.run(&["encrypt", "d.yaml"]).fails(
        7,
        expect![[r#"
        sealeaf: error: d.yaml: no rule covers this file
        sealeaf: hint: add one to `.sealeaf.toml` or `.sops.yaml`, or name recipients with --to
    "#]],
    );
    project.run(&["encrypt", "."]).fails(7, expect![[r#"
        sealeaf: error: no rule covers any of these files
        sealeaf: hint: add a rule to `.sealeaf.toml` at the root of the repository, or name recipients with --to; files under `.sops.yaml` are named one by one
    "#]]);
    project.run(&["encrypt", "--envelope", "native", "prod/a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: prod/a.yaml: encrypted already, as a SOPS file (not verified: no key for it)
    "#]],
    );
    project.write("prod/n.yaml", PROD);
    project.run(&["encrypt", "--envelope", "native", "prod/n.yaml"]).fails(
        7,
        expect![[r#"
        sealeaf: error: prod/n.yaml: the rule for this file is one for SOPS files
        sealeaf: hint: name recipients with --to, or add a rule to `.sealeaf.toml`
    "#]],
    );
    assert_eq!(run_with(&project, &["alice", "carol"], &["decrypt", "prod/a.yaml"]).stdout(), PROD);
    project.run(&["decrypt", "prod/a.yaml"]).fails(
        4,
        expect![[r#"
            sealeaf: error: prod/a.yaml: 1 of the 2 groups of keys that are needed open
            sealeaf: hint: the file needs keys of several groups together: give them all in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY
        "#]],
    );
}

#[test]
fn sops_opens_them_with_as_many_groups_as_the_rule_says() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let project = project(RULES);
    project.write("prod/a.yaml", PROD).write("b.enc.yaml", "x: one\n");
    project.run(&["encrypt", "prod/a.yaml", "b.enc.yaml"]).stdout();
    let shown = "kind: x\ndata:\n    # why\n    a: 1\n";
    for people in [&["alice", "carol"][..], &["bob"]] {
        assert_eq!(
            opened_by_sops(&sops, &project, people, "prod/a.yaml").as_deref(),
            Ok(shown),
            "{people:?}"
        );
    }
    assert!(opened_by_sops(&sops, &project, &["alice"], "prod/a.yaml").is_err());
    assert_eq!(opened_by_sops(&sops, &project, &["bob"], "b.enc.yaml").as_deref(), Ok("x: one\n"));
    // The reverse.
    project.write("prod/b.yaml", "password: x\nuser: y\n");
    let made =
        project.command(sops.program().to_str().unwrap()).args(["encrypt", "-i", "prod/b.yaml"]).output();
    assert!(made.unwrap().status.success());
    let run = |arguments: &[&str]| run_with(&project, &["alice", "carol"], arguments);
    run(&["set", "prod/b.yaml", "user"]).stdin("z").stdout();
    run(&["rotate", "prod/b.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: prod/b.yaml: 1 value sealed anew
    "#]],
    );
    run(&["rekey", "--all"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: 3 files are as their rules say
    "#]],
    );
    assert_eq!(
        opened_by_sops(&sops, &project, &["bob"], "prod/b.yaml").as_deref(),
        Ok("password: x\nuser: z\n")
    );
}

#[test]
fn status_knows_the_rule() {
    let project = project(RULES);
    project.write("prod/a.yaml", PROD).write("b.enc.yaml", "x: one\n").write("plain.yaml", "x: 1\n");
    project.run(&["encrypt", "-q", "prod/a.yaml", "b.enc.yaml"]).stdout();
    project.write("plain.enc.yaml", "x: 1\n");
    expect![[r#"
        b.enc.yaml   sealed                 ALICE…, BOB…
          a SOPS file
        prod/a.yaml  sealed (not verified)  ALICE…, BOB…, CAROL…, BOB…
          a SOPS file
    "#]]
    .assert_eq(&short(&project, &project.run(&["status"]).stdout()));
    project.run(&["status", "plain.enc.yaml"]).check(
        0,
        expect![[r#"
        plain.enc.yaml  plain
    "#]],
        expect![[r#"
        sealeaf: 1 file: 1 plain
    "#]],
    );
    project.write("b.enc.yaml", &project.read("b.enc.yaml").replace("x: ENC[", "y: open\nx: ENC["));
    expect![[r#"
        b.enc.yaml  half-sealed  ALICE…, BOB…
          a SOPS file
          y stands in clear, and the file's selector encrypts it
    "#]]
    .assert_eq(&short(&project, &project.run_as_nobody(&["status", "b.enc.yaml"]).stdout()));
}

#[test]
fn explain_knows_the_rule() {
    let project = project(RULES);
    project.write("prod/a.yaml", PROD).write("b.enc.yaml", "x: one\n");
    project.run(&["encrypt", "-q", "prod/a.yaml", "b.enc.yaml"]).stdout();
    project.run(&["explain", "prod/a.yaml"]).check(
        0,
        expect![[r#"
            prod/a.yaml: sealed (not verified)
              a SOPS file
            configuration  .sops.yaml
            rule           1, line 2, by `^prod/`
            envelope       sops
            selector       encrypted_regex `^(data|password)$`
            mac            all values
            groups         2 of 3 are needed
            who can read
              (no name)  age  [ALICE]  group 1, your key, in [ROOT]/home/alice.txt
              (no name)  age  [BOB]  group 1
              (no name)  age  [CAROL]  group 2
              (no name)  age  [BOB]  group 3
            can you open it
              [ALICE]: yes
              [BOB]: no: no identity for it; looked at 1 identity in [ROOT]/home/alice.txt
              [CAROL]: no: no identity for it; looked at 1 identity in [ROOT]/home/alice.txt
              [BOB]: no: no identity for it; looked at 1 identity in [ROOT]/home/alice.txt
            values
              clear   kind
              sealed  data.a
        "#]],
        expect![""],
    );
    project.run(&["explain", "new.enc.yaml"]).check(
        0,
        expect![[r#"
        new.enc.yaml: does not exist yet
        configuration  .sops.yaml
        rule           3, line 12, by `\.enc\.yaml$`
        envelope       sops
        selector       unencrypted_suffix `_unencrypted`
        mac            encrypted values alone
        who can read it once sealed
          (no name)  age  [ALICE]  your key, in [ROOT]/home/alice.txt
          (no name)  age  [BOB]
    "#]],
        expect![""],
    );
    project.run(&["explain", "--json", "b.enc.yaml"]).check(0, expect![[r#"
        {"schema_version":1,"file":"b.enc.yaml","state":"sealed","reasons":["a SOPS file"],"configuration":".sops.yaml","rule":{"number":3,"line":12,"glob":"\\.enc\\.yaml$"},"policy":null,"sops":{"selector":"unencrypted_suffix `_unencrypted`","mac_only_encrypted":true,"groups":1,"needed":1},"recipients":[{"name":"","type":"age","id":"[ALICE]","break_glass":false,"identity":"[ROOT]/home/alice.txt","access":{"can":true}},{"name":"","type":"age","id":"[BOB]","break_glass":false,"identity":null,"access":{"can":false,"why":"no identity for it; looked at 1 identity in [ROOT]/home/alice.txt"}}],"unread":[],"values":[{"path":"x","sealed":true,"now":true,"pattern":null}]}
    "#]], expect![""]);
}

#[test]
fn rekey_brings_files_to_their_rules() {
    let project = project(RULES);
    project.write("b.enc.yaml", "x: one\ny: two\n");
    project.run(&["encrypt", "-q", "b.enc.yaml"]).stdout();
    let before = project.read("b.enc.yaml");
    configure(&project, &RULES.replace("age: ALICE, BOB", "age: ALICE, BOB, CAROL"));
    project.run_as_nobody(&["rekey", "--check", "--all"]).check(
        3,
        expect![[r#"
        b.enc.yaml: add [CAROL]
    "#]],
        expect![[r#"
        sealeaf: 1 file is not as its rule says; `sealeaf rekey` changes that
    "#]],
    );
    project.run(&["set", "b.enc.yaml", "x"]).stdin("1").fails(7, expect![[r#"
        sealeaf: error: b.enc.yaml: the file's recipients are not those of its rule, and nothing else vouches for them
        sealeaf: hint: look at both with `sealeaf explain`; bring it to its rule with `sealeaf rekey`, or accept its own with --accept-file-recipients
    "#]]);
    project.run(&["rekey", "--all"]).fails(
        7,
        expect![[r#"
        sealeaf: error: the rules change who can read, or what is protected
          b.enc.yaml: add [CAROL]
        sealeaf: hint: look at who changed the configuration; where this is what you want, say --yes
    "#]],
    );
    project.run(&["rekey", "--all", "--yes"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: b.enc.yaml: add [CAROL]
        sealeaf: b.enc.yaml: 1 recipient added
    "#]],
    );
    // The same data key: no value changed.
    assert_eq!(before.lines().next(), project.read("b.enc.yaml").lines().next());
    assert_eq!(project.run_as("carol", &["get", "b.enc.yaml", "x"]).stdout(), "one");
    configure(&project, &RULES.replace("age: ALICE, BOB", "age: ALICE\n    encrypted_regex: x"));
    project.run(&["rekey", "-n", "b.enc.yaml"]).check(
        0,
        expect![[r#"
        b.enc.yaml: remove [BOB]
        b.enc.yaml: remove [CAROL]
        b.enc.yaml: show y in clear
        b.enc.yaml: selector: unencrypted_suffix `_unencrypted` to encrypted_regex `x`
    "#]],
        expect![""],
    );
    project.run(&["rekey", "--yes", "b.enc.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: b.enc.yaml: remove [BOB]
        sealeaf: b.enc.yaml: remove [CAROL]
        sealeaf: b.enc.yaml: show y in clear
        sealeaf: b.enc.yaml: 2 recipients removed, 1 value in clear now, 1 setting changed, new data key
        sealeaf: warning: [BOB], [CAROL] could read these values until now: change them at their source
          b.enc.yaml: x
          b.enc.yaml: y
    "#]],
    );
    assert!(project.read("b.enc.yaml").contains("\ny: two\n"));
    assert_ne!(before.lines().next(), project.read("b.enc.yaml").lines().next());
    assert_eq!(project.run_as("bob", &["get", "b.enc.yaml", "x"]).output().code, 4);
}

#[test]
fn what_a_new_file_was_in_git_is_kept() {
    let project = project("creation_rules:\n  - age: ALICE\n");
    project.write("a.yaml", "x: one\ny: two\n");
    project.run(&["encrypt", "-q", "a.yaml"]).stdout();
    project.commit("sealed");
    let sealed = project.read("a.yaml");
    project.write("a.yaml", "x: one\ny: three\n");
    project.run(&["encrypt", "a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: a.yaml: 2 of 2 values sealed, 1 unchanged
    "#]],
    );
    let now = project.read("a.yaml");
    assert_eq!(now.lines().next(), sealed.lines().next());
    assert_ne!(now.lines().nth(1), sealed.lines().nth(1));
    // A new file under the rule, by an editor.
    let editor = project.editor("echo 'z: 1' >> \"$1\"");
    project.run(&["edit", "n.yaml"]).env("SEALEAF_EDITOR", editor).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: n.yaml: 1 of 1 value sealed, 0 unchanged
    "#]],
    );
    assert!(project.read("n.yaml").starts_with("z: ENC["));
}

#[test]
fn the_nearer_configuration_goes_first() {
    let project = project("creation_rules:\n  - age: ALICE\n");
    project.configure(PEOPLE, "[[rule]]\nfiles = [\"own/**\", \"both/**\"]\nto = [\"alice\"]\n");
    for (name, envelope) in
        [("own/a.yaml", "sealeaf:"), ("other/a.yaml", "sops:"), ("both/a.yaml", "sealeaf:")]
    {
        project.write(name, "x: 1\n");
        project.run(&["encrypt", "-q", name]).stdout();
        assert!(project.read(name).contains(&format!("\n{envelope}\n")), "{name}");
    }
    let rules = format!("creation_rules:\n  - age: {}\n", project.key("bob"));
    project.write("both/.sops.yaml", &rules).write("both/b.yaml", "x: 1\n");
    project.run(&["encrypt", "-q", "both/b.yaml"]).stdout();
    assert_eq!(project.run_as("bob", &["get", "both/b.yaml", "x"]).stdout(), "1");
    // One that the environment names goes last.
    let elsewhere = project.home().join("sops.yaml");
    fs::copy(project.path("both/.sops.yaml"), &elsewhere).unwrap();
    project.write("own/b.yaml", "x: 1\n").write("c.yaml", "x: 1\n");
    let run = |name| project.run(&["encrypt", "-q", name]).env("SOPS_CONFIG", &elsewhere);
    run("own/b.yaml").stdout();
    run("c.yaml").stdout();
    assert_eq!(project.run(&["get", "own/b.yaml", "x"]).stdout(), "1");
    assert_eq!(project.run_as("bob", &["get", "c.yaml", "x"]).stdout(), "1");
}

#[test]
fn rules_of_our_own_configuration_may_ask_for_sops_files() {
    let project = Project::new(
        PEOPLE,
        "[[rule]]\nfiles = [\"k8s/**\"]\nto = [\"alice\", \"bob\"]\nenvelope = \"sops\"\nencrypted_regex = \"^data$\"\n\n\
         [[rule]]\nfiles = [\"root/**\"]\ngroups = [[\"alice\"], [\"bob\"], [\"carol\"]]\nthreshold = 2\nenvelope = \"sops\"\n",
    );
    project.write("k8s/a.yaml", "kind: x\ndata: y\n").write("root/b.yaml", "x: 1\n");
    project.run(&["encrypt", "k8s", "root"]).check(0, expect![""], expect![[r#"
        sealeaf: SOPS keeps values and not how they are written: some numbers, dates or escapes come back in another form
        sealeaf: k8s/a.yaml: 1 of 2 values sealed
        sealeaf: root/b.yaml: 1 of 1 value sealed
    "#]]);
    assert!(project.read("k8s/a.yaml").starts_with("kind: x\ndata: ENC["));
    assert_eq!(run_with(&project, &["bob", "carol"], &["get", "root/b.yaml", "x"]).stdout(), "1");
    project.run(&["get", "root/b.yaml", "x"]).fails(
        4,
        expect![[r#"
            sealeaf: error: root/b.yaml: 1 of the 2 groups of keys that are needed open
            sealeaf: hint: the file needs keys of several groups together: give them all in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY
        "#]],
    );
    project.run(&["recipients", "add", "carol", "--rule", "1"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: .sealeaf.toml: changed
        sealeaf: k8s/a.yaml: 1 recipient added
        sealeaf: 1 file brought to the rules
    "#]],
    );
    assert_eq!(project.run_as("carol", &["get", "k8s/a.yaml", "data"]).stdout(), "y");
    project.configure(
        PEOPLE,
        "[[rule]]\nfiles = [\"**\"]\nto = [\"alice\"]\nenvelope = \"sops\"\nscope = \"x\"\n",
    );
    project.run(&["status"]).fails(8, expect![[r#"
        sealeaf: error: [ROOT]/repo/.sealeaf.toml:12:1: `scope` has no meaning in a rule with `envelope = "sops"`
    "#]]);
}

#[test]
fn selectors_on_the_command_line() {
    let project = project("creation_rules: []\n");
    let to = project.key("alice").to_owned();
    let run = |more: &[&str]| {
        project.write("a.yaml", "a_enc: 1\nb: 2 # open\n# shut\nc: 3\n");
        let mut arguments = vec!["encrypt", "--to", &to, "a.yaml"];
        arguments.extend(more);
        if !more.contains(&"--envelope") {
            arguments.extend(["--envelope", "sops"]);
        }
        let output = project.run(&arguments).output();
        let encrypted = |line: &str| line.contains(": ENC[");
        let keys = project
            .read("a.yaml")
            .lines()
            .take(4)
            .filter(|line| encrypted(line))
            .map(|line| line[..1].to_owned())
            .collect::<String>();
        (output.code, keys, output.stderr)
    };
    for (more, keys) in [
        (&["--encrypted-suffix", "_enc"][..], "a"),
        (&["--unencrypted-suffix", "_enc"], "bc"),
        (&["--encrypted-regex", "^[bc]$"], "bc"),
        (&["--unencrypted-regex", "^b$", "--mac-only-encrypted"], "ac"),
        (&["--encrypted-comment-regex", "shut"], "c"),
        (&["--unencrypted-comment-regex", "shut"], "ab"),
    ] {
        let (code, found, stderr) = run(more);
        assert_eq!((code, found.as_str()), (0, keys), "{more:?} {stderr}");
    }
    assert_eq!(run(&["--encrypted-regex", "a", "--encrypted-suffix", "b"]).0, 2);
    for (more, says) in [
        (
            &["--encrypted-regex", "("][..],
            expect![[r#"
            sealeaf: error: a.yaml: --encrypted-regex is no regular expression: unclosed group
        "#]],
        ),
        (
            &["--encrypted-suffix", ""],
            expect![[r#"
            sealeaf: error: a.yaml: --encrypted-suffix is empty
        "#]],
        ),
        (
            &["--encrypted-suffix", "nothing"],
            expect![[r#"
            sealeaf: error: a.yaml: the rule seals nothing in this file
            sealeaf: hint: check the rule's `encrypt` and `clear` patterns with `sealeaf explain`, or say --allow-no-secrets
        "#]],
        ),
        (
            &["--envelope", "native", "--mac-only-encrypted"],
            expect![[r#"
            sealeaf: error: a.yaml: selectors choose what is encrypted in SOPS files, and this is to be a native one
            sealeaf: hint: say --envelope sops too
        "#]],
        ),
    ] {
        let (code, _, stderr) = run(more);
        assert_ne!(code, 0);
        says.assert_eq(&stderr);
    }
}
