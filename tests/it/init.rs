//! `sealeaf init`.

use std::fs;

use expect_test::expect;

use crate::support::{Project, Sandbox};

#[test]
fn everything_is_set_up_and_works() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&["init", "--yes", "--name", "me"]).output();
    let recipient = sandbox.read(".sealeaf.toml");
    let recipient = recipient.lines().find_map(|line| line.strip_prefix("me = { age = \"")).unwrap();
    let recipient = recipient.trim_end_matches("\" }");
    assert_eq!(output.code, 0);
    assert_eq!(
        output.stderr.replace(recipient, "age1…"),
        "sealeaf: identity written to `[ROOT]/home/.config/sealeaf/keys.txt`: keep a copy in a safe place\n\
         sealeaf: .sealeaf.toml: written, readable for me (age1…)\n\
         sealeaf: .gitattributes: written\n\
         sealeaf: .git/config: `diff.sealeaf.textconv` is `sealeaf git textconv`\n\
         sealeaf: put secrets into files below `secrets/`: `sealeaf edit secrets/first.yaml`\n"
    );
    assert_eq!(sandbox.files(), [".gitattributes", ".sealeaf.toml"]);
    for name in ["secrets/deep/a.yaml", "b.enc.json"] {
        let attributes = sandbox.git(&["check-attr", "text", "diff", "merge", "--", name]);
        let expect = format!("{name}: text: unset\n{name}: diff: sealeaf\n{name}: merge: sealeaf\n");
        assert_eq!(attributes, expect);
        sandbox.write(name, "{\"a\": \"x\"}\n").run(&["encrypt", name]).stdout();
        assert_eq!(sandbox.run(&["decrypt", name]).stdout(), "{\"a\": \"x\"}\n");
    }
    assert_eq!(sandbox.git(&["check-attr", "diff", "--", "c.yaml"]), "c.yaml: diff: unspecified\n");
}

#[test]
fn doing_it_again_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init", "--yes"]).stdout();
    sandbox.commit("first");
    sandbox.write("below/x", "");
    sandbox.run(&["init"]).dir("below").check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: everything is there already
        "#]],
    );
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "?? below/\n");
}

#[test]
fn what_is_there_stays_and_what_is_missing_is_added() {
    let rule = "[[rule]]\nfiles = [\"{a,b}/*.yaml\"]\nto = [\"alice\"]\n";
    let sandbox = Project::new(&["alice"], rule);
    let config = sandbox.read(".sealeaf.toml");
    sandbox.write(".gitattributes", "*.png binary");
    sandbox.run(&["init", "--yes"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: .gitattributes: written
            sealeaf: .git/config: `diff.sealeaf.textconv` is `sealeaf git textconv`
            sealeaf: put secrets into files below `secrets/`: `sealeaf edit secrets/first.yaml`
        "#]],
    );
    assert_eq!(sandbox.read(".sealeaf.toml"), config);
    assert_eq!(
        sandbox.read(".gitattributes"),
        "*.png binary\n\
         a/*.yaml -text diff=sealeaf merge=sealeaf\n\
         b/*.yaml -text diff=sealeaf merge=sealeaf\n"
    );
}

#[test]
fn without_a_terminal_it_shows_what_it_would_do() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).fails(
        7,
        expect![[r#"
            sealeaf: error: there is no terminal to ask `write all of this?`
              [ROOT]/home/.config/sealeaf/keys.txt: a new identity, your private key
              .sealeaf.toml: a rule for `secrets/**` and `**/*.enc.*`, readable for test
              .gitattributes: 2 new lines
                  secrets/** -text diff=sealeaf merge=sealeaf
                  **/*.enc.* -text diff=sealeaf merge=sealeaf
              .git/config: the diff driver `sealeaf git textconv`
            sealeaf: hint: say --yes to answer yes without being asked
        "#]],
    );
    assert_eq!(sandbox.files(), Vec::<String>::new());
    assert!(!sandbox.home().join(".config/sealeaf").exists());
}

#[test]
fn on_a_terminal_it_asks() {
    let sandbox = Project::new(&["alice"], "");
    fs::remove_file(sandbox.path(".sealeaf.toml")).unwrap();
    let (code, shown) = sandbox.run(&["init"]).on_terminal(&[("write all of this? [y/N] ", "\n")]);
    let plan = "  .sealeaf.toml: a rule for `secrets/**` and `**/*.enc.*`, readable for test ([ALICE]), whose key is in \
                [ROOT]/home/alice.txt\n";
    assert!(code == 7 && shown.contains(plan), "{code} {shown}");
    assert_eq!(sandbox.files(), Vec::<String>::new());
    let (code, _) = sandbox.run(&["init"]).on_terminal(&[("write all of this? [y/N] ", "y\n")]);
    assert_eq!(code, 0);
    let alice = format!("test = {{ age = \"{}\" }}\n", sandbox.key("alice"));
    assert!(sandbox.read(".sealeaf.toml").contains(&alice));
}

#[test]
fn outside_of_a_repository_there_is_nothing_to_set_up() {
    Sandbox::without_git().run(&["init", "--yes"]).fails(
        2,
        expect![[r#"
            sealeaf: error: this folder is in no git repository
            sealeaf: hint: make one with `git init` first
        "#]],
    );
}

#[test]
fn a_name_must_be_one() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init", "--yes", "--name", "a b"]).fails(
        2,
        expect![[r#"
            sealeaf: error: `a b` cannot be the name of a recipient: only letters, digits and `-`, `_`, `.`, `@`, `+`
            sealeaf: hint: say what to call you with --name
        "#]],
    );
    assert_eq!(sandbox.files(), Vec::<String>::new());
}

#[test]
fn no_program_is_started_for_a_key() {
    let sandbox = Sandbox::new();
    let command = sandbox.script("password-manager", "touch started");
    sandbox.run(&["init", "--yes"]).env("SEALEAF_IDENTITY_CMD", command).fails(
        4,
        expect![[r#"
            sealeaf: error: your identity cannot be read without asking you or starting a program: SEALEAF_IDENTITY_CMD
            sealeaf: hint: name its file in SEALEAF_IDENTITY_FILE, or make a new identity with `sealeaf keygen`
        "#]],
    );
    assert_eq!(sandbox.files(), Vec::<String>::new());
}
