//! `sealeaf encrypt`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use expect_test::expect;

use crate::support::{Output, Project};

const PEOPLE: &[&str] = &["alice", "bob"];
const RULE: &str = "[[rule]]\nfiles = [\"secrets/**\"]\nto = [\"alice\", \"bob\"]\nclear = [\"kind\"]\n";
pub(crate) const TEXT: &str = "kind: x\ndb:\n  user: u # who\n  password: 'p'\nlist: [1, true]\n";

pub(crate) fn project() -> Project {
    Project::new(PEOPLE, RULE)
}

pub(crate) fn tokens(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c.is_whitespace() || "\",[]{}".contains(c));
    words.filter(|word| word.starts_with("sealed.v1.")).map(str::to_owned).collect()
}

/// A token without its tail, which says what follows.
pub(crate) fn value(token: &str) -> &str {
    token.rsplit_once('.').unwrap().0
}

/// How many lines the second text has that the first has not.
fn new_lines(before: &str, after: &str) -> usize {
    let before: Vec<&str> = before.lines().collect();
    after.lines().filter(|line| !before.contains(line)).count()
}

/// Lines that come from several files at once, in order.
fn sorted(output: &Output) -> String {
    let mut lines: Vec<&str> = output.stderr.lines().collect();
    lines.sort_unstable();
    lines.into_iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_file_is_sealed_in_place() {
    let project = project();
    project.write("secrets/a.yaml", TEXT);
    fs::set_permissions(project.path("secrets/a.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    project.run(&["encrypt", "secrets/a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: 4 of 5 values sealed
        "#]],
    );
    let sealed = project.read("secrets/a.yaml");
    assert!(sealed.starts_with("kind: x\ndb:\n  user: sealed.v1."), "{sealed}");
    assert!(sealed.contains(" # who\n"));
    assert_eq!(tokens(&sealed).len(), 4);
    assert_eq!(fs::metadata(project.path("secrets/a.yaml")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(project.open("secrets/a.yaml"), TEXT);
    assert_eq!(project.run_as("bob", &["decrypt", "secrets/a.yaml"]).stdout(), TEXT);
    assert_eq!(project.files(), [".sealeaf.toml", "secrets/a.yaml"]);
}

#[test]
fn sealing_needs_no_key() {
    let project = project();
    project.write("secrets/a.yaml", TEXT);
    project.run_as_nobody(&["encrypt", "--quiet", "secrets/a.yaml"]).check(0, expect![""], expect![""]);
    assert_eq!(project.open("secrets/a.yaml"), TEXT);
}

#[test]
fn folders_and_globs_stand_for_what_a_rule_covers() {
    let project = project();
    let files = ["secrets/a.yaml", "secrets/sub/b.json", "secrets/c.toml", "secrets/d.yaml", "x.yaml"];
    let texts = [TEXT, "{\"k\": 1}\n", "k = 1\n", TEXT, TEXT];
    for (name, text) in files.iter().zip(texts) {
        project.write(name, text);
    }
    let output = project.run(&["encrypt", "secrets/*.{yaml,toml}"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (0, ""));
    expect![[r#"
        sealeaf: secrets/a.yaml: 4 of 5 values sealed
        sealeaf: secrets/c.toml: 1 of 1 value sealed
        sealeaf: secrets/d.yaml: 4 of 5 values sealed
    "#]]
    .assert_eq(&sorted(&output));
    let output = project.run(&["encrypt", "."]).output();
    expect![[r#"
        sealeaf: ./secrets/a.yaml: sealed already
        sealeaf: ./secrets/c.toml: sealed already
        sealeaf: ./secrets/d.yaml: sealed already
        sealeaf: ./secrets/sub/b.json: 1 of 1 value sealed
    "#]]
    .assert_eq(&sorted(&output));
    for (name, text) in files.iter().zip(texts).take(4) {
        assert_eq!(project.open(name), text, "{name}");
    }
    assert_eq!(project.read("x.yaml"), TEXT);
}

#[test]
fn one_file_that_fails_stops_no_other() {
    let project = project();
    project.write("secrets/a.yaml", TEXT).write("secrets/bad.yaml", "a: hunter2\nb: ]hunter2\n");
    let output = project.run(&["encrypt", "secrets"]).output();
    assert_eq!(output.code, 8);
    expect![[r#"
             ^
          b: ]·······
        sealeaf: error: secrets/bad.yaml:2:4: this bracket closes nothing
        sealeaf: secrets/a.yaml: 4 of 5 values sealed
    "#]]
    .assert_eq(&sorted(&output));
    assert_eq!(project.open("secrets/a.yaml"), TEXT);
    assert_eq!(project.read("secrets/bad.yaml"), "a: hunter2\nb: ]hunter2\n");
}

#[test]
fn output_goes_where_it_is_told() {
    let project = project();
    project.write("secrets/a.yaml", TEXT).write("secrets/sub/b.yaml", TEXT);
    project.run(&["encrypt", "secrets/a.yaml", "-o", "out/a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: 4 of 5 values sealed
        "#]],
    );
    assert_eq!(project.read("secrets/a.yaml"), TEXT);
    assert_eq!(project.open("out/a.yaml"), TEXT);
    assert_eq!(fs::metadata(project.path("out/a.yaml")).unwrap().permissions().mode() & 0o777, 0o644);
    project.run(&["encrypt", "--quiet", "secrets", "-o", "out"]).stdout();
    assert_eq!(
        project.files(),
        [
            ".sealeaf.toml",
            "out/a.yaml",
            "out/secrets/a.yaml",
            "out/secrets/sub/b.yaml",
            "secrets/a.yaml",
            "secrets/sub/b.yaml"
        ]
    );
    let sealed = project.run(&["encrypt", "--quiet", "secrets/a.yaml", "-o", "-"]).stdout();
    assert_eq!(tokens(&sealed).len(), 4);
    project.run(&["encrypt", "secrets", "-o", "-"]).fails(
        2,
        expect![[r#"
            sealeaf: error: several files cannot share standard output
            sealeaf: hint: name a folder for them with --output
        "#]],
    );
    project.run(&["encrypt", "secrets/a.yaml", "-o", "../a.yaml"]).fails(
        7,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: `../a.yaml` leads out of the repository `[ROOT]/repo`, to `[ROOT]`
            sealeaf: hint: give the absolute path of the file, without symlinks
        "#]],
    );
}

#[test]
fn standard_input_needs_a_rule_or_recipients() {
    let project = project();
    project.run(&["encrypt", "-"]).stdin(TEXT).fails(2, expect![[r#"
        sealeaf: error: -: the format cannot be told from the file's name
        sealeaf: hint: say it with --format; known formats are yaml (.yaml, .yml), json (.json, .jsonc, .code-workspace, .tfstate), toml (.toml), dotenv (.env), ini (.ini, .cfg), binary
    "#]]);
    project.run(&["encrypt", "--quiet", "-", "--path", "secrets/a.yaml", "-o", "a"]).stdin(TEXT).stdout();
    let sealed = project.read("a");
    assert!(sealed.starts_with("kind: x\n"));
    assert_eq!(project.run(&["decrypt", "-", "--path", "secrets/a.yaml"]).stdin(sealed).stdout(), TEXT);
    let to_bob = ["encrypt", "-", "--to", "bob", "--format", "json", "--quiet", "-o", "b"];
    project.run(&to_bob).stdin("[1]\n").fails(8, expect![[r#"
        sealeaf: error: -: line 1: the root is no object, so the metadata has no place: wrap the value in an object
        sealeaf: hint: nothing was written; write that value in a simpler style
    "#]]);
    project.run(&to_bob).stdin("{\n  \"a\": 1\n}\n").stdout();
    let sealed = project.read("b");
    assert_eq!(
        project.run_as("bob", &["decrypt", "-"]).stdin(sealed.as_str()).stdout(),
        "{\n  \"a\": 1\n}\n"
    );
    assert_eq!(project.run(&["decrypt", "-"]).stdin(sealed).output().code, 4);
    project.run(&["encrypt", "-", "secrets"]).fails(
        2,
        expect![[r#"
            sealeaf: error: `-` cannot be used together with files
        "#]],
    );
}

#[test]
fn recipients_can_be_named() {
    let project = project();
    project.write("x.yaml", TEXT);
    project.run(&["encrypt", "x.yaml"]).fails(
        7,
        expect![[r#"
            sealeaf: error: x.yaml: no rule covers this file
            sealeaf: hint: add one to `.sealeaf.toml` or `.sops.yaml`, or name recipients with --to
        "#]],
    );
    project.run(&["encrypt", "x.yaml", "--to", "alise"]).fails(
        2,
        expect![[r#"
            sealeaf: error: x.yaml: `alise` is neither a known name nor a key
            sealeaf: hint: did you mean `alice`?
        "#]],
    );
    project.run(&["encrypt", "x.yaml", "--to", "age1nope"]).fails(2, expect![[r#"
        sealeaf: error: x.yaml: `age1nope` is no age key: its checksum does not fit; is a character missing or mistyped?
    "#]]);
    project.run(&["encrypt", "x.yaml", "--to", "alice", "--to", project.key("bob"), "--to", "bob"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: x.yaml: 5 of 5 values sealed
        "#]],
    );
    let sealed = project.read("x.yaml");
    assert!(
        sealed.contains("name: alice\n") && sealed.contains("name: bob\n"),
        "names of known keys are kept"
    );
    assert_eq!(sealed.matches("wrapped: ").count(), 2);
    assert_eq!(project.run_as("bob", &["decrypt", "--quiet", "x.yaml"]).stdout(), TEXT);
}

#[test]
fn a_plain_file_follows_its_sealed_version() {
    let edited = TEXT.replace("'p'", "'q'");
    for (place, sealed_before) in [("HEAD", true), ("index", true), ("nowhere", false)] {
        let project = project();
        project.seal("secrets/a.yaml", TEXT);
        match place {
            "HEAD" => project.commit("sealed"),
            "index" => {
                project.git(&["add", "--all"]);
            }
            _ => {}
        }
        let before = project.read("secrets/a.yaml");
        project.write("secrets/a.yaml", &edited);
        let output = project.run(&["encrypt", "secrets/a.yaml"]).output();
        let after = project.read("secrets/a.yaml");
        if sealed_before {
            assert_eq!(
                output.stderr, "sealeaf: secrets/a.yaml: 4 of 5 values sealed, 3 unchanged\n",
                "{place}"
            );
            assert_eq!(new_lines(&before, &after), 1, "{place}");
        } else {
            assert_eq!(output.stderr, "sealeaf: secrets/a.yaml: 4 of 5 values sealed\n", "{place}");
            assert!(tokens(&after).iter().all(|token| !before.contains(token)));
        }
        assert_eq!(project.open("secrets/a.yaml"), edited);
    }
}

#[test]
fn a_target_that_is_sealed_is_followed() {
    let project = project();
    project.write("secrets/a.yaml", TEXT);
    project.run(&["encrypt", "--quiet", "secrets/a.yaml", "-o", "out.yaml"]).stdout();
    let before = project.read("out.yaml");
    project.run(&["encrypt", "--quiet", "secrets/a.yaml", "-o", "out.yaml"]).stdout();
    assert_eq!(project.read("out.yaml"), before, "AC-03: nothing changed, nothing differs");
    project.write("secrets/a.yaml", &TEXT.replace("true", "false"));
    project.run(&["encrypt", "secrets/a.yaml", "-o", "out.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: 4 of 5 values sealed, 3 unchanged
        "#]],
    );
    assert_eq!(new_lines(&before, &project.read("out.yaml")), 1);
    project.run(&["encrypt", "--fresh", "secrets/a.yaml", "-o", "out.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: 4 of 5 values sealed
        "#]],
    );
    let fresh = project.read("out.yaml");
    assert!(tokens(&fresh).iter().all(|token| !before.contains(token)));
}

#[test]
fn an_earlier_version_that_does_not_open_is_no_reason_to_start_anew() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT);
    project.commit("sealed");
    project.write("secrets/a.yaml", TEXT);
    project.run_as_nobody(&["encrypt", "secrets/a.yaml"]).fails(4, expect![[r#"
        sealeaf: error: secrets/a.yaml: no usable key: none of the file's 2 recipients is you
          alice ([ALICE]): no identity for it; you have no identity
          bob ([BOB]): no identity for it; you have no identity
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
        sealeaf: hint: an earlier sealed version of this file exists; --fresh seals it without regard to that
    "#]]);
    project.run_as_nobody(&["encrypt", "--fresh", "secrets/a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: 4 of 5 values sealed
        "#]],
    );
}

#[test]
fn ac_01_types_and_lengths_do_not_show() {
    let project = project();
    project.seal("secrets/a.yaml", "a: true\nb: ''\nc: null\nd: {}\ne: []\nf: 7\ng: x\n");
    let tokens = tokens(&project.read("secrets/a.yaml"));
    assert_eq!(tokens.len(), 7);
    assert!(tokens.iter().all(|token| token.len() == tokens[0].len()));
}

#[test]
fn ac_02_equal_values_differ() {
    let project = project();
    project.seal("secrets/a.yaml", "list:\n  - same\n  - same\nother: 1\n");
    project.commit("sealed");
    let before = tokens(&project.read("secrets/a.yaml"));
    assert_ne!(value(&before[0])[40..], value(&before[1])[40..]);
    project.write("secrets/a.yaml", "list:\n  - same\n  - same\nother: 2\n");
    project.run(&["encrypt", "--quiet", "secrets/a.yaml"]).stdout();
    let after = tokens(&project.read("secrets/a.yaml"));
    assert_eq!((value(&before[0]), value(&before[1])), (value(&after[0]), value(&after[1])));
}

#[test]
fn ac_03_a_change_is_one_line_and_an_inserted_element_two() {
    let project = project();
    let fifty: String = (0..50).map(|index| format!("key{index}: value {index}\n")).collect();
    project.seal("secrets/fifty.yaml", &fifty).seal("secrets/list.yaml", "a: 1\nlist:\n  - x\n  - y\n");
    project.commit("sealed");
    let check = |name: &str, text: &str, lines: usize| {
        let before = project.read(name);
        project.write(name, text);
        project.run(&["encrypt", "--quiet", name]).stdout();
        assert_eq!(new_lines(&before, &project.read(name)), lines, "{text}");
    };
    check("secrets/fifty.yaml", &fifty, 0);
    check("secrets/fifty.yaml", &fifty.replace("value 17", "changed"), 1);
    check("secrets/list.yaml", "a: 1\nlist:\n  - new\n  - x\n  - y\n", 2);
}

#[test]
fn ac_67_a_rule_that_seals_nothing_writes_nothing() {
    let rule = "[[rule]]\nfiles = [\"secrets/**\"]\nto = [\"alice\"]\nencrypt = [\"**.pasword\"]\n";
    let project = Project::new(PEOPLE, rule);
    project.write("secrets/a.yaml", TEXT);
    project.run(&["encrypt", "secrets/a.yaml"]).fails(7, expect![[r#"
        sealeaf: error: secrets/a.yaml: the rule seals nothing in this file
        sealeaf: hint: check the rule's `encrypt` and `clear` patterns with `sealeaf explain`, or say --allow-no-secrets
    "#]]);
    project.run(&["encrypt", "secrets/a.yaml", "-o", "out.yaml"]).fails(7, expect![[r#"
        sealeaf: error: secrets/a.yaml: the rule seals nothing in this file
        sealeaf: hint: check the rule's `encrypt` and `clear` patterns with `sealeaf explain`, or say --allow-no-secrets
    "#]]);
    assert_eq!(project.read("secrets/a.yaml"), TEXT);
    assert_eq!(project.files(), [".sealeaf.toml", "secrets/a.yaml"]);
    project.run(&["encrypt", "--allow-no-secrets", "secrets/a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: 0 of 5 values sealed
        "#]],
    );
    assert_eq!(project.open("secrets/a.yaml"), TEXT);
}

#[test]
fn comments_that_look_like_secrets_are_refused() {
    let project = project();
    let text = "a: 1\n# password: hunter2hunter2\nb: 2\n";
    project.write("secrets/a.yaml", text);
    project.run(&["encrypt", "secrets/a.yaml"]).fails(7, expect![[r#"
        sealeaf: error: secrets/a.yaml: line 2: the comment looks like a secret (an assignment to a secret-sounding key) and would stay in clear
        sealeaf: hint: remove it, set `comments = "encrypt"` or `"strip"` in the rule, or say --allow-comments
    "#]]);
    project.run(&["encrypt", "--quiet", "--allow-comments", "secrets/a.yaml"]).stdout();
    assert!(project.read("secrets/a.yaml").contains("\n# password: hunter2hunter2\n"));
}

#[test]
fn ac_59_odd_names_are_paths() {
    let project = Project::new(PEOPLE, &RULE.replace("secrets/**", "**"));
    for name in ["-o", "--yes", "a\nb.yaml", "[x].yaml", " .yaml"] {
        project.write(name, "{\"k\": 1}\n");
        project.run(&["encrypt", "--quiet", "--format", "json", "--", name]).check(
            0,
            expect![""],
            expect![""],
        );
        assert_eq!(project.run(&["decrypt", "--format", "json", "--", name]).stdout(), "{\"k\": 1}\n");
    }
    project.write("c\nd.yaml", TEXT);
    project.run(&["encrypt", "--", "c\nd.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: c\u{a}d.yaml: 4 of 5 values sealed
        "#]],
    );
    let name = OsStr::from_bytes(b"x\xff.yaml");
    project.write("e.yaml", TEXT);
    fs::rename(project.path("e.yaml"), project.path("").join(name)).unwrap();
    let mut command = project.run(&["encrypt", "--"]).into_command();
    let output = command.arg(name).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    expect![[r#"
        sealeaf: error: x\x{ff}.yaml: the name `[ROOT]/repo/x�.yaml` is not UTF-8
    "#]]
    .assert_eq(&project.masked(&String::from_utf8_lossy(&output.stderr)));
}

#[test]
fn ac_64_symlinks_are_not_written_through() {
    let project = project();
    let target = project.home().join("target.yaml");
    project.write("secrets/real.yaml", TEXT);
    fs::rename(project.path("secrets/real.yaml"), &target).unwrap();
    symlink(&target, project.path("secrets/link.yaml")).unwrap();
    project.run(&["encrypt", "secrets/link.yaml"]).fails(
        7,
        expect![[r#"
            sealeaf: error: `secrets/link.yaml` is a symlink and is not written through
            sealeaf: hint: name the file that it points to
        "#]],
    );
    symlink(project.home(), project.path("secrets/home")).unwrap();
    project.run(&["encrypt", "secrets/home/target.yaml"]).fails(
        7,
        expect![[r#"
            sealeaf: error: `secrets/home/target.yaml` leads out of the repository `[ROOT]/repo`, to `[ROOT]/home`
            sealeaf: hint: give the absolute path of the file, without symlinks
        "#]],
    );
    assert_eq!(fs::read_to_string(&target).unwrap(), TEXT);
}

#[test]
fn ac_12_what_parsers_disagree_about_is_refused() {
    let project = project();
    let check = |name: &str, text: &str| {
        project.write(name, text);
        let output = project.run(&["encrypt", name]).output();
        assert_eq!((output.code, output.stdout.as_str()), (8, ""), "{text}: {}", output.stderr);
        assert_eq!(project.read(name), text);
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    };
    check("secrets/a.json", "{\"a\": \"hunter2\", \"a\": \"\"}\n");
    check("secrets/a.yaml", "a: hunter2\n---\na: hunter2\na: hunter2\n");
    check("secrets/a.toml", "a = \"hunter2\"\na = 1\n");
    check("secrets/b.yaml", "a: \"hunter2\n");
}

#[test]
fn a_vault_that_the_user_did_not_name_is_refused() {
    let project = project();
    let config = project.read(".sealeaf.toml");
    let safe = "safe = { vault = \"https://v.example/v1/transit/keys/k\" }\n\n[[rule]]";
    project.write(".sealeaf.toml", &config.replace("\n[[rule]]", safe).replace("\"bob\"]", "\"safe\"]"));
    project.write("secrets/a.yaml", TEXT);
    project.run(&["encrypt", "secrets/a.yaml"]).fails(7, expect![[r#"
        sealeaf: error: secrets/a.yaml: vault key `https://v.example/v1/transit/keys/k`: not allowed by your own settings
            call   POST https://v.example/v1/transit/encrypt/k
            try    if that is your Vault, set VAULT_ADDR=https://v.example, or add to your config.toml: `[[vault.servers]]` and below it `address = "https://v.example"`
    "#]]);
    assert_eq!(project.read("secrets/a.yaml"), TEXT);
}

#[test]
fn a_covered_file_of_unknown_format_is_not_passed_over() {
    let project = Project::new(&["alice"], "[[rule]]\nfiles = [\"secrets/**\"]\nto = [\"alice\"]\n");
    project
        .write("secrets/a.yaml", "a: 1\n")
        .write("secrets/b.txt", "hunter2\n")
        .write("secrets/.gitkeep", "");
    project.run(&["encrypt", "secrets"]).check(2, expect![[""]], expect![[r#"
        sealeaf: secrets/a.yaml: 1 of 1 value sealed
        sealeaf: error: secrets/b.txt: the format cannot be told from the file's name
        sealeaf: hint: say it with --format; known formats are yaml (.yaml, .yml), json (.json, .jsonc, .code-workspace, .tfstate), toml (.toml), dotenv (.env), ini (.ini, .cfg), binary
    "#]]);
}

#[test]
fn many_files_are_named_in_their_order() {
    let project = Project::new(PEOPLE, RULE);
    let names: Vec<String> = (0..300).map(|number| format!("secrets/many/{number:03}.yaml")).collect();
    for name in &names {
        project.write(name, "a: x\n");
    }
    project.write("secrets/many/150.yaml", "a: [\n");
    let output = project.run(&["encrypt", "secrets/many"]).output();
    assert_eq!(output.code, 8, "{}", output.stderr);
    let named =
        output.stderr.lines().filter_map(|line| Some(line.strip_prefix("sealeaf: ")?.split_once(": ")?.0));
    let named: Vec<&str> = named.filter(|name| name.starts_with("secrets/")).collect();
    let expect: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.contains("150")).collect();
    assert_eq!(named, expect, "one that fails stops no other");
    assert_eq!(project.read("secrets/many/150.yaml"), "a: [\n");
}
