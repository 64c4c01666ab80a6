//! `sealeaf decrypt`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use expect_test::expect;

use crate::support::Project;

const PEOPLE: &[&str] = &["alice", "bob"];
const RULE: &str = "[[rule]]\nfiles = [\"secrets/**\"]\nto = [\"alice\"]\nclear = [\"kind\"]\n";
const TEXT: &str = "kind: x\ndb:\n  user: u # who\n  password: 'p'\n";

fn project() -> Project {
    let project = Project::new(PEOPLE, RULE);
    project.seal("secrets/a.yaml", TEXT);
    project
}

#[test]
fn plaintext_goes_to_standard_output() {
    let project = project();
    let sealed = project.read("secrets/a.yaml");
    project.run(&["decrypt", "secrets/a.yaml"]).check(
        0,
        expect![[r#"
            kind: x
            db:
              user: u # who
              password: 'p'
        "#]],
        expect![""],
    );
    assert_eq!(project.read("secrets/a.yaml"), sealed);
}

#[test]
fn every_format_comes_back_byte_for_byte() {
    let project = project();
    for (name, text) in [
        ("secrets/b.json", "{\n  // why\n  \"a\": [1, 2.50, \"\\u00e9\"],\n  \"b\": null,\n}"),
        ("secrets/c.toml", "a = 1_000\n[t]\nb = '''\nx\n'''\n[[l]]\nd = 1979-05-27\n"),
        ("secrets/d.yaml", "\u{feff}a: |2-\n    x\n   y\n---\n- &x 'it''s'\n- *x\r\n"),
        ("secrets/e.yml", "a: 1"),
    ] {
        project.seal(name, text);
        assert_eq!(project.open(name), text, "{name}");
    }
}

#[test]
fn several_files_need_a_folder() {
    let project = project();
    project.seal("secrets/sub/b.yaml", TEXT);
    project.run(&["decrypt", "secrets"]).fails(
        2,
        expect![[r#"
            sealeaf: error: several files cannot share standard output
            sealeaf: hint: name a folder for them with --output
        "#]],
    );
    project.write(".gitignore", "plain/\n");
    project.run(&["decrypt", "secrets", "-o", "plain"]).check(0, expect![""], expect![""]);
    assert_eq!(project.read("plain/secrets/a.yaml"), TEXT);
    assert_eq!(project.read("plain/secrets/sub/b.yaml"), TEXT);
}

#[test]
fn plaintext_is_for_the_owner_only() {
    let project = project();
    project.write(".gitignore", "*.plain\n");
    project.run(&["decrypt", "secrets/a.yaml", "-o", "a.plain"]).check(0, expect![""], expect![""]);
    assert_eq!(project.read("a.plain"), TEXT);
    assert_eq!(fs::metadata(project.path("a.plain")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn plaintext_is_not_written_where_git_would_take_it() {
    let project = project();
    project.write("tracked.yaml", "k: v\n");
    project.commit("files");
    let mode = |name: &str| fs::metadata(project.path(name)).unwrap().permissions().mode() & 0o777;
    project.run(&["decrypt", "secrets/a.yaml", "-o", "new.yaml"]).fails(
        7,
        expect![[r#"
        sealeaf: error: new.yaml: plaintext is not written there: the file would be added by `git add`
        sealeaf: hint: write it outside of the repository or to an ignored path, or say --allow-tracked
    "#]],
    );
    project.run(&["decrypt", "secrets/a.yaml", "-o", "tracked.yaml"]).fails(
        7,
        expect![[r#"
            sealeaf: error: tracked.yaml: plaintext is not written there: the file is tracked by git
            sealeaf: hint: write it outside of the repository or to an ignored path, or say --allow-tracked
        "#]],
    );
    project.run(&["decrypt", "--in-place", "secrets/a.yaml"]).fails(7, expect![[r#"
        sealeaf: error: secrets/a.yaml: plaintext is not written there: the file is tracked by git
        sealeaf: hint: change it with `sealeaf edit` or `sealeaf set`, or say --allow-tracked and seal it again before you commit
    "#]]);
    assert_eq!(project.git(&["status", "--porcelain"]), "");
    // Tracked is tracked, whatever is ignored.
    project.write(".gitignore", "*.yaml\n");
    project.run(&["decrypt", "secrets/a.yaml", "-o", "tracked.yaml", "--quiet"]).fails(
        7,
        expect![[r#"
            sealeaf: error: tracked.yaml: plaintext is not written there: the file is tracked by git
            sealeaf: hint: write it outside of the repository or to an ignored path, or say --allow-tracked
        "#]],
    );
    project.run(&["decrypt", "secrets/a.yaml", "-o", "new.yaml"]).stdout();
    assert_eq!((project.read("new.yaml").as_str(), mode("new.yaml")), (TEXT, 0o600));
    project.run(&["decrypt", "--in-place", "--allow-tracked", "secrets/a.yaml"]).check(
        0,
        expect![""],
        expect![""],
    );
    assert_eq!((project.read("secrets/a.yaml").as_str(), mode("secrets/a.yaml")), (TEXT, 0o600));
}

#[test]
fn outside_of_the_repository_git_has_no_say() {
    let project = project();
    let outside = project.home().join("plain.yaml");
    project.run(&["decrypt", "secrets/a.yaml", "-o", outside.to_str().unwrap()]).check(
        0,
        expect![""],
        expect![""],
    );
    assert_eq!(fs::read_to_string(outside).unwrap(), TEXT);
    project.run(&["decrypt", "secrets/a.yaml", "-o", "../plain.yaml"]).fails(
        7,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: `../plain.yaml` leads out of the repository `[ROOT]/repo`, to `[ROOT]`
            sealeaf: hint: give the absolute path of the file, without symlinks
        "#]],
    );
}

#[test]
fn plaintext_never_replaces_a_sealed_file() {
    let project = project();
    project.seal("secrets/b.yaml", TEXT);
    let before = project.read("secrets/b.yaml");
    project
        .run(&["decrypt", "secrets/a.yaml", "-o", "secrets/b.yaml", "--allow-tracked"])
        .fails(7, expect![[r#"
            sealeaf: error: secrets/a.yaml: `secrets/b.yaml` is sealed; plaintext is not written over a sealed file
            sealeaf: hint: give --output another name
        "#]]);
    assert_eq!(project.read("secrets/b.yaml"), before);
    // Another tool may have written a sealed file on one line.
    project.seal("secrets/c.json", "{\n  \"a\": 1\n}\n");
    let parsed: serde_json::Value = serde_json::from_str(&project.read("secrets/c.json")).unwrap();
    project.write("secrets/c.json", &parsed.to_string());
    let refused =
        project.run(&["decrypt", "secrets/a.yaml", "-o", "secrets/c.json", "--allow-tracked"]).output();
    assert_eq!(refused.code, 7, "{}", refused.stderr);
}

#[test]
fn standard_input_is_taken_for_the_named_path() {
    let rule = format!("{RULE}scope = \"{{path}}\"\n");
    let project = Project::new(PEOPLE, &rule);
    project.seal("secrets/a.yaml", TEXT);
    let sealed = project.read("secrets/a.yaml");
    assert_eq!(
        project.run(&["decrypt", "-", "--path", "secrets/a.yaml"]).stdin(sealed.as_str()).stdout(),
        TEXT
    );
    project.run(&["decrypt", "-", "--path", "secrets/b.yaml"]).stdin(sealed.as_str()).fails(5, expect![[r#"
        sealeaf: error: -: the file was sealed for scope `secrets/a.yaml`, and the rule for its path says `secrets/b.yaml`
        sealeaf: hint: a file of another place must be decrypted there and encrypted here
    "#]]);
    project.run(&["decrypt", "-"]).stdin(sealed.as_str()).check(
        0,
        expect![[r#"
            kind: x
            db:
              user: u # who
              password: 'p'
        "#]],
        expect![[r#"
            sealeaf: warning: the file is for scope `secrets/a.yaml`, and no rule says whether this is the place
        "#]],
    );
    project.run(&["decrypt", "-"]).stdin("").fails(2, expect![[r#"
        sealeaf: error: -: the format cannot be told from the file's name
        sealeaf: hint: say it with --format; known formats are yaml (.yaml, .yml), json (.json, .jsonc, .code-workspace, .tfstate), toml (.toml), dotenv (.env), ini (.ini, .cfg), binary
    "#]]);
}

#[test]
fn who_has_no_key_is_told_who_has() {
    let project = project();
    project.run_as("bob", &["decrypt", "secrets/a.yaml"]).fails(4, expect![[r#"
        sealeaf: error: secrets/a.yaml: no usable key: the file's only recipient is not you
          alice ([ALICE]): no identity for it; looked at 1 identity in [ROOT]/home/bob.txt
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]]);
    project.run_as_nobody(&["decrypt", "secrets/a.yaml"]).fails(4, expect![[r#"
        sealeaf: error: secrets/a.yaml: no usable key: the file's only recipient is not you
          alice ([ALICE]): no identity for it; you have no identity
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]]);
}

#[test]
fn a_plain_file_is_not_sealed() {
    let project = project();
    project.write("secrets/plain.yaml", TEXT);
    project.run(&["decrypt", "secrets/plain.yaml"]).fails(
        6,
        expect![[r#"
            sealeaf: error: secrets/plain.yaml: the file is not sealed: it has no `sealeaf` entry
            sealeaf: hint: seal it with `sealeaf encrypt`
        "#]],
    );
    project.run(&["decrypt", "secrets/none.yaml"]).fails(
        1,
        expect![[r#"
            sealeaf: error: cannot read `secrets/none.yaml`: no such file or directory
        "#]],
    );
}

/// Everything that somebody without a key can do to the text is refused, with nothing on standard output.
#[test]
fn ac_04_to_ac_11_what_was_changed_is_refused() {
    let text = "kind: x\nport: 5432\nflag: true\na:\n  one: s1\n  two: s2\nlist: [l1, l2]\n";
    let rule = RULE.replace("[\"kind\"]", "[\"kind\", \"port\", \"flag\"]");
    let project = Project::new(PEOPLE, &rule);
    project.seal("secrets/a.yaml", text);
    let sealed = project.read("secrets/a.yaml");
    let line = |start: &str| sealed.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    let (one, two) = (line("  one: "), line("  two: "));
    let token = |line: &str| line.split_once(": ").unwrap().1.to_owned();
    let swapped = format!("  one: {}\n  two: {}", token(&two), token(&one));
    for (name, changed) in [
        ("AC-04", sealed.replace("kind: x", "sort: x")),
        ("AC-05", sealed.replace("kind: x\nport: 5432", "kind: x5\nport: 432")),
        ("AC-06", sealed.replace("flag: true", "flag: \"true\"")),
        ("AC-06", sealed.replace("port: 5432", "port: \"5432\"")),
        ("AC-07", sealed.replace("a:\n", "a:\n  x: \"\"\n")),
        ("AC-07", format!("x: null\n{sealed}")),
        ("AC-08", sealed.replace(&format!("{one}\n"), "")),
        ("AC-08", sealed.replace(&format!("{two}\n"), "")),
        ("AC-09", sealed.replace(&format!("{one}\n{two}"), &swapped)),
        ("AC-09", sealed.replace(&format!("{one}\n{two}"), &format!("{two}\n{one}"))),
        ("AC-11", sealed.replace(&one, &format!("  one: [{}]", token(&one)))),
        ("AC-18", sealed.replace(&one, "  one: evil")),
    ] {
        assert_ne!(changed, sealed, "{name}");
        project.write("secrets/a.yaml", &changed);
        let output = project.run(&["decrypt", "secrets/a.yaml"]).output();
        assert!(matches!(output.code, 5 | 7 | 8), "{name}: {} {}", output.code, output.stderr);
        assert_eq!(output.stdout, "", "{name}");
        for word in ["s1", "s2", "l1", "sealed.v1."] {
            assert!(!output.stderr.contains(word), "{name}: {}", output.stderr);
        }
    }
}

#[test]
fn a_text_merge_is_noted_or_refused() {
    let project = project();
    let text = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n";
    let edit = |from: &str, to: &str| {
        project.write("secrets/b.yaml", &text.replace(from, to));
        project.run(&["encrypt", "--quiet", "secrets/b.yaml"]).stdout();
        project.commit(to);
    };
    edit("a: 1", "a: 1");
    project.git(&["checkout", "--quiet", "-b", "other"]);
    edit("a: 1", "a: one");
    project.git(&["checkout", "--quiet", "main"]);
    edit("e: 5", "e: five");
    project.git(&["merge", "--quiet", "--no-edit", "other"]);
    project.run(&["decrypt", "secrets/b.yaml"]).check(0, expect![[r#"
        a: one
        b: 2
        c: 3
        d: 4
        e: five
    "#]], expect![[r#"
        sealeaf: secrets/b.yaml: linked: a text merge, or pieces of several versions; `sealeaf reseal` makes one version of it
    "#]]);
    project.run(&["decrypt", "--require-sealed", "secrets/b.yaml"]).fails(
        6,
        expect![[r#"
        sealeaf: error: secrets/b.yaml: the file is linked, not sealed: it joins pieces of several versions
        sealeaf: hint: after a merge that you trust, run `sealeaf reseal` on it
    "#]],
    );
    // Of the merge as of a version of its own.
    project.run(&["rekey", "--check", "secrets/b.yaml"]).stdout();
    project.run(&["rotate", "secrets/b.yaml"]).stdout();
    project.run(&["decrypt", "--require-sealed", "secrets/b.yaml"]).stdout();
}

#[test]
fn a_folder_is_opened_into_a_folder() {
    let project = project();
    project.write(".gitignore", "/out\n");
    project.run(&["decrypt", "secrets", "--output", "out"]).stdout();
    assert_eq!(project.read("out/secrets/a.yaml"), TEXT);
    project.run(&["decrypt", "secrets/a.yaml", "--output", "out/one/"]).stdout();
    assert_eq!(project.read("out/one/secrets/a.yaml"), TEXT);
    project.run(&["decrypt", "secrets/*.yaml", "--output", "out/two"]).stdout();
    assert_eq!(project.read("out/two/secrets/a.yaml"), TEXT);
}

#[test]
fn a_refusal_leaves_no_folder_and_shows_the_path_as_it_was_given() {
    let project = project();
    project.seal("secrets/b.yaml", TEXT);
    let output = project.run(&["decrypt", "secrets", "--output", "out"]).output();
    assert_eq!(output.code, 7, "{}", output.stderr);
    assert!(output.stderr.starts_with("sealeaf: error: out/secrets/b.yaml: plaintext"), "{}", output.stderr);
    assert!(!project.path("out").exists());
}
