//! What is refused: recipients and thresholds that nobody vouches for, keys that a build does not have, verbs without meaning.

use expect_test::expect;

use super::rules::{PROD, RULES, configure, project, run_with, short};

/// Who stands in a SOPS file is not authenticated, nor is the threshold.
#[test]
fn ac_79_the_threshold_is_the_rules() {
    let project = project(RULES);
    project.write("prod/a.yaml", PROD);
    project.run(&["encrypt", "-q", "prod/a.yaml"]).stdout();
    let run = |arguments: &[&str]| run_with(&project, &["alice", "bob", "carol"], arguments);
    configure(&project, &RULES.replace("shamir_threshold: 2", "shamir_threshold: 3"));
    run(&["rotate", "prod/a.yaml"]).fails(7, expect![[r#"
        sealeaf: error: prod/a.yaml: the file's recipients are not those of its rule, and nothing else vouches for them
        sealeaf: hint: look at both with `sealeaf explain`; bring it to its rule with `sealeaf rekey`, or accept its own with --accept-file-recipients
    "#]]);
    run(&["set", "prod/a.yaml", "data.a"]).stdin("2").fails(7, expect![[r#"
        sealeaf: error: prod/a.yaml: the file's recipients are not those of its rule, and nothing else vouches for them
        sealeaf: hint: look at both with `sealeaf explain`; bring it to its rule with `sealeaf rekey`, or accept its own with --accept-file-recipients
    "#]]);
    let status = run(&["status", "prod/a.yaml"]).stdout();
    expect![[r#"
        prod/a.yaml  sealed  ALICE…, BOB…, CAROL…, BOB…
          a SOPS file
          groups: 2 of 3: [ALICE] + [BOB] | [CAROL] | [BOB] in the file, 3 of 3: [ALICE] + [BOB] | [CAROL] | [BOB] in the rule
          `sealeaf rekey` brings it to its rule
    "#]].assert_eq(&short(&project, &status));
    // The threshold is the rule's, whatever else is accepted.
    run(&["rotate", "--accept-file-recipients", "prod/a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: prod/a.yaml: 1 value sealed anew
    "#]],
    );
    let text = project.read("prod/a.yaml");
    assert!(text.contains("shamir_threshold: 3\n"));
    // Fewer shares than there must be give no key at all.
    project.write("prod/a.yaml", &text.replace("shamir_threshold: 3", "shamir_threshold: 2"));
    run(&["rotate", "--accept-file-recipients", "prod/a.yaml"]).fails(5, expect![[r#"
        sealeaf: error: prod/a.yaml: line 3, `data.a`: the token does not authenticate: it was changed, or was encrypted in another place or file
        sealeaf: hint: if you edited the encrypted file by hand, take the version before that and use `sealeaf edit`; otherwise take a version that you trust
    "#]]);
}

#[test]
fn ac_79_recipients_that_were_put_into_a_file_are_not_believed() {
    let project = project(RULES);
    project.write("b.enc.yaml", "x: one\n");
    project.run(&["encrypt", "-q", "b.enc.yaml"]).stdout();
    let run = |arguments: &[&str]| run_with(&project, &["alice", "bob", "carol"], arguments);
    let text = project.read("b.enc.yaml");
    let injected = text.replace(
        "sops:\n  age:\n",
        &format!("sops:\n  age:\n    - recipient: {}\n      enc: junk\n", project.key("carol")),
    );
    assert_ne!(text, injected);
    project.write("b.enc.yaml", &injected);
    run(&["rotate", "b.enc.yaml"]).fails(7, expect![[r#"
        sealeaf: error: b.enc.yaml: the file's recipients are not those of its rule, and nothing else vouches for them
        sealeaf: hint: look at both with `sealeaf explain`; bring it to its rule with `sealeaf rekey`, or accept its own with --accept-file-recipients
    "#]]);
    run(&["unset", "b.enc.yaml", "x"]).fails(7, expect![[r#"
        sealeaf: error: b.enc.yaml: the file's recipients are not those of its rule, and nothing else vouches for them
        sealeaf: hint: look at both with `sealeaf explain`; bring it to its rule with `sealeaf rekey`, or accept its own with --accept-file-recipients
    "#]]);
    let editor = project.editor("echo 'y: 1' >> \"$1\"");
    run(&["edit", "b.enc.yaml"]).env("SEALEAF_EDITOR", &editor).fails(7, expect![[r#"
        sealeaf: error: b.enc.yaml: the file's recipients are not those of its rule, and nothing else vouches for them
        sealeaf: hint: look at both with `sealeaf explain`; bring it to its rule with `sealeaf rekey`, or accept its own with --accept-file-recipients
    "#]]);
    run(&["edit", "--accept-file-recipients", "b.enc.yaml"]).env("SEALEAF_EDITOR", &editor).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: b.enc.yaml: 2 of 2 values sealed, 1 unchanged
        "#]],
    );
    // The same data key still: nothing was wrapped for who was put there.
    assert!(project.read("b.enc.yaml").contains("enc: junk\n"));
    run(&["rekey", "--yes", "b.enc.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: b.enc.yaml: remove [CAROL]
        sealeaf: b.enc.yaml: 1 recipient removed, new data key
        sealeaf: warning: [CAROL] could read these values until now: change them at their source
          b.enc.yaml: x
          b.enc.yaml: y
    "#]],
    );
    assert!(!project.read("b.enc.yaml").contains(project.key("carol")));
}

#[test]
fn keys_that_this_build_cannot_use_stay_in_files() {
    let project = project("creation_rules:\n  - age: ALICE\n");
    project.write("a.yaml", "x: 1\n");
    project.run(&["encrypt", "-q", "a.yaml"]).stdout();
    let id = "eu-west-101:prod";
    let key = format!(
        "sops:\n  hckms:\n    - key_id: {id}\n      created_at: \"2026-01-01T00:00:00Z\"\n      enc: AAAA\n"
    );
    project.write("a.yaml", &project.read("a.yaml").replacen("sops:\n", &key, 1));
    configure(&project, &format!("creation_rules:\n  - age: ALICE, BOB\n    hckms: ['{id}']\n"));
    project.run(&["rekey", "--yes", "a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
        sealeaf: a.yaml: add [BOB]
        sealeaf: a.yaml: 1 recipient added
    "#]],
    );
    assert!(project.read("a.yaml").contains("enc: AAAA\n"));
    project.run(&["set", "a.yaml", "x"]).stdin("2").stdout();
    project.run(&["rotate", "a.yaml"]).fails(
        8,
        expect![[r#"
            sealeaf: error: [ROOT]/repo/.sops.yaml:3:1: this build has no `hckms`
        "#]],
    );
}

#[test]
fn verbs_without_meaning_say_so() {
    let project = project("creation_rules:\n  - age: ALICE\n");
    project.write("a.yaml", "x: 1\n");
    project.run(&["encrypt", "-q", "a.yaml"]).stdout();
    project.run(&["verify", "a.yaml"]).fails(7, expect![[r#"
        sealeaf: error: a.yaml: a SOPS file authenticates neither who can read it nor its key names, and has no history to compare with
        sealeaf: hint: `sealeaf decrypt` checks what SOPS authenticates; `sealeaf convert --to native` makes a file that can be verified
    "#]]);
    project.run(&["reseal", "a.yaml"]).fails(7, expect![[r#"
        sealeaf: error: a.yaml: a SOPS file is never linked: a text merge of two versions does not open
        sealeaf: hint: take one side with `git checkout --ours` or `--theirs`, then set the other's values with `sealeaf set`
    "#]]);
    let bob = project.key("bob").to_owned();
    project.run(&["recipients", "add", "bob", &bob]).fails(7, expect![[r#"
        sealeaf: error: .sops.yaml: the configuration here is SOPS' own, which has no names
        sealeaf: hint: add or remove the key in its rules, then run `sealeaf rekey --all`, which tells what changes and asks
    "#]]);
    project.run(&["recipients", "remove", "bob"]).fails(7, expect![[r#"
        sealeaf: error: .sops.yaml: the configuration here is SOPS' own, which has no names
        sealeaf: hint: add or remove the key in its rules, then run `sealeaf rekey --all`, which tells what changes and asks
    "#]]);
    project.run(&["recipients", "list"]).check(
        0,
        expect![[r#"
        (no name)  age  [ALICE]  rule 1
    "#]],
        expect![""],
    );
    project.run(&["recipients", "list", "a.yaml"]).check(
        0,
        expect![[r#"
        a.yaml: sealed
          (no name)  age  [ALICE]
    "#]],
        expect![""],
    );
    assert_eq!(project.run(&["git", "textconv", "a.yaml"]).stdout(), "x: 1\n");
    let shown = project.run_as_nobody(&["git", "textconv", "a.yaml"]).stdout();
    assert_eq!(shown, project.masked(&project.read("a.yaml")));
    project.run(&["exec", "a.yaml", "--", "sh", "-c", "echo $X"]).check(
        0,
        expect![[r#"
        1
    "#]],
        expect![""],
    );
}

#[test]
fn a_configuration_that_is_not_in_order_is_an_error() {
    let project = project("creation_rules:\n  - age: ALICE\n    encrypted_regexp: x\n");
    project.write("a.yaml", "x: 1\n");
    project.run(&["encrypt", "a.yaml"]).fails(
        8,
        expect![[r#"
        sealeaf: error: [ROOT]/repo/.sops.yaml:3:5: unknown key `encrypted_regexp` in a creation rule
        sealeaf: hint: did you mean `encrypted_regex`?
    "#]],
    );
    configure(&project, "creation_rules:\n  - encrypted_regex: x\n");
    project.run(&["encrypt", "a.yaml"]).fails(
        8,
        expect![[r#"
        sealeaf: error: [ROOT]/repo/.sops.yaml:2:1: the rule names no key
    "#]],
    );
    configure(&project, "creation_rules:\n  - age: nobody\n");
    project.run(&["encrypt", "a.yaml"]).fails(8, expect![[r#"
        sealeaf: error: [ROOT]/repo/.sops.yaml:2:1: `nobody` is no age key: expected `age1…`, `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`
    "#]]);
}

/// An edit that cannot be written is kept with everything in it encrypted, whatever the rule encrypts.
#[test]
fn an_edit_that_is_not_written_is_kept_encrypted() {
    let project = project("creation_rules:\n  - age: ALICE\n    encrypted_regex: ^data$\n");
    project.write("a.yaml", "data: one\nkind: x\n");
    project.run(&["encrypt", "-q", "a.yaml"]).stdout();
    let editor = project.editor("printf 'date: canary # note\\n' > \"$1\"");
    project.run(&["edit", "a.yaml"]).env("SEALEAF_EDITOR", editor).fails(7, expect![[r#"
        sealeaf: error: a.yaml: the rule seals nothing in this file
        sealeaf: hint: check the rule's `encrypt` and `clear` patterns with `sealeaf explain`, or say --allow-no-secrets
        sealeaf: error: a.yaml: the edit is not in the file
        sealeaf: hint: your text is kept, sealed, in `a.yaml.rej`: read it with `sealeaf decrypt --path a.yaml a.yaml.rej`, and edit `a.yaml` again
    "#]]);
    let kept = project.read("a.yaml.rej");
    assert!(!kept.contains("canary") && !kept.contains("note"), "{kept}");
    let opened = project.run(&["decrypt", "--path", "a.yaml", "a.yaml.rej"]).stdout();
    assert_eq!(opened, "date: canary # note\n");
}
