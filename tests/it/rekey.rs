//! `sealeaf rekey`.

use expect_test::expect;

use crate::support::Project;

const PEOPLE: &[&str] = &["alice", "bob", "carol"];
const RULE: &str = "[[rule]]\nfiles = [\"secrets/**\"]\nto = [\"alice\", \"bob\"]\nclear = [\"kind\"]\n";
const TEXT: &str = "kind: x\ndb:\n  user: u # who\n  password: p\n";

/// Two sealed files under [`RULE`].
fn project() -> Project {
    let project = Project::new(PEOPLE, RULE);
    project
        .seal("secrets/a.yaml", TEXT)
        .seal("secrets/b.json", "{\n  \"kind\": \"x\",\n  \"k\": [1, 2]\n}\n");
    project
}

/// The rule with one text replaced.
fn changed(project: &Project, from: &str, to: &str) {
    assert!(RULE.contains(from));
    project.configure(PEOPLE, &RULE.replace(from, to));
}

/// The file's lines that differ.
fn diff(before: &str, after: &str) -> usize {
    let before: Vec<&str> = before.lines().collect();
    after.lines().filter(|line| !before.contains(line)).count()
}

#[test]
fn what_is_in_order_stays() {
    let project = project();
    let before = project.read("secrets/a.yaml");
    for arguments in [&["rekey", "--check", "--all"][..], &["rekey", "--all"]] {
        project.run_as_nobody(arguments).check(
            0,
            expect![""],
            expect![[r#"
                sealeaf: 2 files are as their rules say
            "#]],
        );
    }
    assert_eq!(project.read("secrets/a.yaml"), before);
    project.run_as_nobody(&["rekey", "secrets/a.yaml", "--json"]).check(
        0,
        expect![[r#"
            {"schema_version":1,"written":true,"files":[]}
        "#]],
        expect![[r#"
            sealeaf: 1 file is as its rule says
        "#]],
    );
}

#[test]
fn the_order_of_recipients_is_no_difference() {
    let project = project();
    changed(&project, "\"alice\", \"bob\"", "\"bob\", \"alice\"");
    project.run_as_nobody(&["rekey", "--check", "--all"]).stdout();
}

#[test]
fn a_new_recipient_can_read_and_no_value_changes() {
    let project = project();
    let before = project.read("secrets/a.yaml");
    changed(&project, "\"bob\"", "\"bob\", \"carol\"");
    project.run_as_nobody(&["rekey", "--check", "--all"]).check(
        3,
        expect![[r#"
            secrets/a.yaml: add carol ([CAROL])
            secrets/b.json: add carol ([CAROL])
        "#]],
        expect![[r#"
            sealeaf: 2 files are not as their rules say; `sealeaf rekey` changes that
        "#]],
    );
    project.run_as("carol", &["decrypt", "secrets/a.yaml"]).fails(
        4,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: no usable key: none of the file's 2 recipients is you
              alice ([ALICE]): no identity for it; looked at 1 identity in [ROOT]/home/carol.txt
              bob ([BOB]): no identity for it; looked at 1 identity in [ROOT]/home/carol.txt
            sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
        "#]],
    );
    project.run(&["rekey", "--all", "--yes"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: add carol ([CAROL])
            sealeaf: secrets/b.json: add carol ([CAROL])
            sealeaf: secrets/a.yaml: 1 recipient added
            sealeaf: secrets/b.json: 1 recipient added
        "#]],
    );
    assert_eq!(project.run_as("carol", &["decrypt", "secrets/a.yaml"]).stdout(), TEXT);
    // Her name, key and wrap, and the policy record.
    assert_eq!(diff(&before, &project.read("secrets/a.yaml")), 4);
}

#[test]
fn ac_35_who_is_removed_reads_nothing_written_later() {
    let project = project();
    let before = project.read("secrets/a.yaml");
    changed(&project, "\"alice\", \"bob\"", "\"alice\"");
    project.run(&["rekey", "secrets/a.yaml", "--yes"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: remove bob ([BOB])
            sealeaf: secrets/a.yaml: 1 recipient removed, new data key
            sealeaf: warning: bob ([BOB]) could read these values until now: change them at their source
              secrets/a.yaml: db.user
              secrets/a.yaml: db.password
        "#]],
    );
    let after = project.read("secrets/a.yaml");
    assert!(after.contains("epoch: 2"));
    // Bob puts his old wrap into the new file.
    let (_, stanza) = before.split_once("name: alice\n").unwrap();
    let (_, stanza) = stanza.split_once('\n').unwrap();
    let (stanza, _) = stanza.split_once("  policy: ").unwrap();
    assert!(stanza.contains(project.key("bob")));
    let graft = after.replacen("  policy: ", &format!("{stanza}  policy: "), 1);
    project.write("secrets/a.yaml", &graft);
    project.run_as("bob", &["decrypt", "secrets/a.yaml"]).fails(
        5,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: the wrapped key of bob ([BOB]) is not this file's: the wrap belongs to another epoch
            sealeaf: hint: someone put another file's key there; take the file from a version that you trust
        "#]],
    );
}

#[test]
fn removal_says_what_was_readable_as_json_too() {
    let project = project();
    changed(&project, "\"alice\", \"bob\"", "\"alice\"");
    let json = project.run(&["rekey", "--all", "--yes", "--json", "--quiet"]).stdout();
    expect![[r#"
        {"schema_version":1,"written":true,"files":[{"file":"secrets/a.yaml","changes":{"added":[],"removed":[{"name":"bob","type":"age","id":"[BOB]","break_glass":false}],"renamed":[],"sealed":[],"cleared":[],"stripped":[],"settings":[]},"rotated":true,"exposed":["db.user","db.password"]},{"file":"secrets/b.json","changes":{"added":[],"removed":[{"name":"bob","type":"age","id":"[BOB]","break_glass":false}],"renamed":[],"sealed":[],"cleared":[],"stripped":[],"settings":[]},"rotated":true,"exposed":["k[0]","k[1]"]}]}
    "#]]
    .assert_eq(&json);
}

#[test]
fn values_follow_the_patterns() {
    let project = project();
    changed(&project, "[\"kind\"]", "[\"db.user\"]");
    project.run_as_nobody(&["rekey", "--dry-run", "secrets/a.yaml"]).check(
        0,
        expect![[r#"
            secrets/a.yaml: show db.user in clear
            secrets/a.yaml: clear: `kind` to `db.user`
            secrets/a.yaml: seal kind
        "#]],
        expect![""],
    );
    project.run(&["rekey", "secrets/a.yaml"]).fails(
        7,
        expect![[r#"
            sealeaf: error: the rules change who can read, or what is protected
              secrets/a.yaml: show db.user in clear
            sealeaf: hint: look at who changed the configuration; where this is what you want, say --yes
        "#]],
    );
    project.run(&["rekey", "secrets/a.yaml", "--yes"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: show db.user in clear
            sealeaf: secrets/a.yaml: 1 value sealed, 1 value in clear now, 1 setting changed
            sealeaf: warning: 1 value or comment that was in clear can still be read in earlier commits
        "#]],
    );
    let text = project.read("secrets/a.yaml");
    assert!(text.contains("\n  user: u # who\n") && text.starts_with("kind: sealed.v1."), "{text}");
    assert_eq!(project.open("secrets/a.yaml"), TEXT);
}

#[test]
fn modes_and_names_follow_the_rule() {
    let project = project();
    project.run_as_nobody(&["rekey", "--check", "--all"]).stdout();
    let people = std::fs::read_to_string(project.path(".sealeaf.toml")).unwrap();
    let people = people
        .replace("bob", "robert")
        .replace("clear = ", "comments = \"encrypt\"\npadding = \"none\"\nclear = ");
    project.write(".sealeaf.toml", &people);
    project.run(&["rekey", "secrets/a.yaml", "--yes"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: padding: buckets to none
            sealeaf: secrets/a.yaml: 1 recipient renamed, 1 comment sealed, 2 settings changed
            sealeaf: warning: 1 value or comment that was in clear can still be read in earlier commits
        "#]],
    );
    assert!(project.read("secrets/a.yaml").contains("name: robert\n"));
    assert_eq!(project.open("secrets/a.yaml"), TEXT);
    // And back: a comment that looks like a secret is not shown without a word.
    let secret = TEXT.replace("# who", "# password=Xq7Zr9mPl2Vt8Kw4");
    project.seal("secrets/c.yaml", &secret);
    project.configure(PEOPLE, RULE);
    project.run(&["rekey", "secrets/c.yaml", "--yes"]).fails(7, expect![[r#"
        sealeaf: secrets/c.yaml: show the comment in line 3 in clear
        sealeaf: secrets/c.yaml: comments: encrypt to plain
        sealeaf: error: secrets/c.yaml: line 3: the comment looks like a secret (an assignment to a secret-sounding key) and would stay in clear
        sealeaf: hint: remove it, set `comments = "encrypt"` or `"strip"` in the rule, or say --allow-comments
    "#]]);
    project.run(&["rekey", "secrets/c.yaml", "--yes", "--allow-comments"]).stdout();
    assert!(project.read("secrets/c.yaml").contains("# password=Xq7Zr9mPl2Vt8Kw4\n"));
}

#[test]
fn ac_33_a_file_of_another_scope_is_not_taken_over_silently() {
    let rules = "[[rule]]\nfiles = [\"prod/**\"]\nto = [\"alice\"]\nscope = \"prod\"\n\n\
                 [[rule]]\nfiles = [\"staging/**\"]\nto = [\"alice\"]\nscope = \"staging\"\n";
    let project = Project::new(PEOPLE, rules);
    project.seal("staging/a.yaml", TEXT);
    std::fs::create_dir(project.path("prod")).unwrap();
    std::fs::copy(project.path("staging/a.yaml"), project.path("prod/a.yaml")).unwrap();
    project.run(&["decrypt", "prod/a.yaml"]).fails(
        5,
        expect![[r#"
            sealeaf: error: prod/a.yaml: the file was sealed for scope `staging`, and the rule for its path says `prod`
            sealeaf: hint: a file of another place must be decrypted there and encrypted here
        "#]],
    );
    project.run(&["rekey", "--all"]).fails(
        7,
        expect![[r#"
            sealeaf: error: the rules change who can read, or what is protected
              prod/a.yaml: scope: `staging` to `prod`
            sealeaf: hint: look at who changed the configuration; where this is what you want, say --yes
        "#]],
    );
    project.run(&["rekey", "--all", "--yes"]).stdout();
    assert_eq!(project.open("prod/a.yaml"), TEXT);
}

#[test]
fn ac_24_an_injected_recipient_is_never_wrapped_for() {
    let project = project();
    let forged = project.injected("secrets/a.yaml", "carol");
    project.write("secrets/a.yaml", &forged);
    // With the rule as it was, and with a rule that names her.
    for to in ["\"bob\"", "\"bob\", \"carol\""] {
        changed(&project, "\"bob\"", to);
        changed(&project, "[\"kind\"]", "[]");
        let output = project.run(&["rekey", "secrets/a.yaml", "--yes"]).output();
        assert_eq!((output.code, output.stdout.as_str()), (5, ""), "{}", output.stderr);
        assert_eq!(project.read("secrets/a.yaml"), forged);
    }
}

#[test]
fn ac_32_the_configuration_can_be_held_to_a_trusted_commit() {
    let project = project();
    project.commit("trusted");
    project.run(&["rekey", "--all", "--yes", "--config-ref", "HEAD"]).stdout();
    changed(&project, "\"bob\"", "\"bob\", \"carol\"");
    let before = project.read("secrets/a.yaml");
    project.run(&["rekey", "--all", "--yes", "--config-ref", "HEAD"]).fails(
        7,
        expect![[r#"
            sealeaf: error: .sealeaf.toml: the configuration is not the one in `HEAD`
            sealeaf: hint: look at what changed, and let someone who may change it run this
        "#]],
    );
    assert_eq!(project.read("secrets/a.yaml"), before);
    project.run(&["rekey", "--all", "--yes", "--config-ref", "no-such"]).fails(
        1,
        expect![[r#"
            sealeaf: error: `no-such` names no commit
        "#]],
    );
}

#[test]
fn ac_57_the_question_shows_every_real_line() {
    let project = project();
    project.write("secrets/x\u{1b}[2K.yaml", TEXT);
    project.run(&["encrypt", "--quiet", "secrets/x\u{1b}[2K.yaml"]).stdout();
    changed(&project, "\"alice\", \"bob\"", "\"alice\", \"carol\"");
    let question = "bring the files to their rules? [y/N] ";
    let (code, shown) = project.run(&["rekey", "--all", "--color=never"]).on_terminal(&[(question, "n\n")]);
    assert_eq!(code, 7);
    expect![[r#"
          secrets/a.yaml: add carol ([CAROL])
          secrets/a.yaml: remove bob ([BOB])
          secrets/b.json: add carol ([CAROL])
          secrets/b.json: remove bob ([BOB])
          secrets/x\u{1b}[2K.yaml: add carol ([CAROL])
          secrets/x\u{1b}[2K.yaml: remove bob ([BOB])
        bring the files to their rules? [y/N] n
        sealeaf: error: nothing was changed
    "#]]
    .assert_eq(&shown);
    let (code, _) = project.run(&["rekey", "--all"]).on_terminal(&[(question, "y\n")]);
    assert_eq!(code, 0);
    assert_eq!(project.run_as("carol", &["decrypt", "secrets/a.yaml"]).stdout(), TEXT);
}

#[test]
fn who_shuts_themselves_out_is_told() {
    let project = project();
    changed(&project, "\"alice\", \"bob\"", "\"bob\"");
    project.run(&["rekey", "secrets/a.yaml"]).fails(
        7,
        expect![[r#"
            sealeaf: error: the rules change who can read, or what is protected
              secrets/a.yaml: remove alice ([ALICE])
              secrets/a.yaml: you cannot open it any more
            sealeaf: hint: look at who changed the configuration; where this is what you want, say --yes
        "#]],
    );
}

#[test]
fn ac_37_a_key_that_cannot_be_wrapped_for_changes_nothing() {
    let project = project();
    let safe = "safe = { vault = \"https://v.example/v1/transit/keys/k\" }\n";
    let config = project.read(".sealeaf.toml").replace("\n[[rule]]", &format!("{safe}\n[[rule]]"));
    project.write(".sealeaf.toml", &config.replace("\"bob\"]", "\"safe\"]"));
    let before = (project.read("secrets/a.yaml"), project.read("secrets/b.json"));
    let output = project.run(&["rekey", "--all", "--yes"]).output();
    assert_eq!(output.code, 7, "{}", output.stderr);
    assert!(output.stderr.contains("not allowed by your own settings"), "{}", output.stderr);
    assert_eq!((project.read("secrets/a.yaml"), project.read("secrets/b.json")), before);
}

#[test]
fn files_that_are_no_business_of_rekey() {
    let project = project();
    project
        .write("secrets/plain.yaml", "k: v\n")
        .write("secrets/notes.txt", "none\n")
        .write("x.yaml", "k: v\n");
    project.run(&["rekey", "secrets", "--check"]).stdout();
    project.run(&["rekey", "x.yaml"]).fails(
        7,
        expect![[r#"
            sealeaf: error: x.yaml: no rule covers this file
            sealeaf: hint: add one to `.sealeaf.toml` or `.sops.yaml`
        "#]],
    );
    project.run(&["rekey", "secrets/plain.yaml"]).fails(
        6,
        expect![[r#"
            sealeaf: error: secrets/plain.yaml: the file is not sealed: it has no `sealeaf` or `sops` entry
            sealeaf: hint: seal it with `sealeaf encrypt`
        "#]],
    );
    let output = project.run(&["rekey"]).output();
    assert_eq!(output.code, 2);
}

#[test]
fn all_means_the_repository_from_wherever_it_is_said() {
    let project = project();
    // A repository inside is another one.
    project.write("inner/secrets/c.yaml", "k: 1\n").write("inner/.git/HEAD", "");
    changed(&project, "[\"kind\"]", "[]");
    project.write("docs/x.md", "");
    project.run_as_nobody(&["rekey", "--all", "--check"]).dir("docs").check(
        3,
        expect![[r#"
            ../secrets/a.yaml: clear: `kind` to none
            ../secrets/a.yaml: seal kind
            ../secrets/b.json: clear: `kind` to none
            ../secrets/b.json: seal kind
        "#]],
        expect![[r#"
            sealeaf: 2 files are not as their rules say; `sealeaf rekey` changes that
        "#]],
    );
    project.run(&["rekey", "--all"]).dir("docs").stdout();
    project.run_as_nobody(&["rekey", "--all", "--check"]).stdout();
}

#[test]
fn one_file_that_is_not_in_order_stops_all() {
    let project = project();
    changed(&project, "[\"kind\"]", "[]");
    let before = project.read("secrets/a.yaml");
    project.write("secrets/b.json", &project.read("secrets/b.json").replace("\"x\"", "\"y\""));
    project.run(&["rekey", "--all"]).fails(
        5,
        expect![[r#"
            sealeaf: error: secrets/b.json: a cleartext value, key or the order below `kind` was changed by someone without the key
            sealeaf: hint: if you edited the sealed file by hand, run `sealeaf encrypt` on it; after a merge, `sealeaf reseal --merge`; otherwise take a version that you trust
            sealeaf: hint: no file was written: all are, or none
        "#]],
    );
    assert_eq!(project.read("secrets/a.yaml"), before);
}

#[test]
fn a_sealed_file_that_another_tool_wrote_anew_is_not_overlooked() {
    let project = project();
    let json: serde_json::Value = serde_json::from_str(&project.read("secrets/b.json")).unwrap();
    project.write("secrets/b.json", &json.to_string());
    assert_eq!(project.open("secrets/b.json"), "{\"k\":[1,2],\"kind\":\"x\"}");
    changed(&project, "\"alice\", \"bob\"", "\"alice\"");
    project.run(&["rekey", "--all", "--yes", "--quiet"]).stdout();
    assert_eq!(project.run_as("bob", &["decrypt", "secrets/b.json"]).output().code, 4);
    // One that is broken stops everything.
    project.write("secrets/b.json", &project.read("secrets/b.json")[1..]);
    assert_eq!(project.run(&["rekey", "--all", "--check"]).output().code, 8);
}

#[test]
fn nothing_to_do_is_said() {
    Project::new(PEOPLE, RULE).run(&["rekey", "--all"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: there is no sealed file that a rule covers
        "#]],
    );
}
