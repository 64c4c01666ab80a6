//! Files of any bytes: `--format binary`.

use std::fs;
use std::io::Write;

use expect_test::expect;

use crate::support::Project;

const RULE: &str = "[[rule]]\nfiles = [\"keys/**\"]\nto = [\"alice\", \"bob\"]\n";
const BYTES: &[u8] = b"\x30\x82\xff\xfe\0\r\n<<<<<<< x\n=======\n>>>>>>> y\n";

fn project() -> Project {
    let project = Project::new(&["alice", "bob", "carol"], RULE);
    project.write("keys/a.p12", "");
    fs::File::create(project.path("keys/a.p12")).unwrap().write_all(BYTES).unwrap();
    project
}

/// The bytes that a file opens to.
fn opened(project: &Project, name: &str) -> Vec<u8> {
    project.run(&["decrypt", "--allow-tracked", name, "--output", "out"]).stdout();
    let bytes = fs::read(project.path("out")).unwrap();
    fs::remove_file(project.path("out")).unwrap();
    bytes
}

#[test]
fn any_bytes_come_back() {
    let project = project();
    project.run(&["encrypt", "keys/a.p12"]).fails(
        8,
        expect![[r#"
            sealeaf: error: keys/a.p12:1:2: bytes that are not UTF-8
            sealeaf: hint: save it as UTF-8, or seal it as it is with --format binary
        "#]],
    );
    project.run(&["encrypt", "--format", "binary", "keys/a.p12"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: keys/a.p12: 1 of 1 value sealed
        "#]],
    );
    let sealed = project.read("keys/a.p12");
    assert!(sealed.starts_with("{\n  \"data\": \"sealed.v1."), "{sealed}");
    assert!(sealed.contains("\"format\": \"binary\""), "{sealed}");
    // From here on the file says itself what it is.
    assert_eq!(opened(&project, "keys/a.p12"), BYTES);
    project.run(&["encrypt", "keys/a.p12"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: keys/a.p12: sealed already
        "#]],
    );
    project.run(&["encrypt", "--format", "binary", "keys/a.p12"]).stdout();
    assert_eq!(project.read("keys/a.p12"), sealed);
    project.run(&["decrypt", "--allow-tracked", "--in-place", "keys/a.p12"]).stdout();
    assert_eq!(fs::read(project.path("keys/a.p12")).unwrap(), BYTES);
}

#[test]
fn every_verb_works() {
    let project = project();
    project.run(&["encrypt", "--format", "binary", "keys/a.p12"]).stdout();
    project.commit("sealed");
    project.run(&["status"]).check(
        0,
        expect![[r#"
            keys/a.p12  sealed  alice, bob
        "#]],
        expect![[r#"
            sealeaf: 1 file: 1 sealed
        "#]],
    );
    project.run(&["rotate", "keys/a.p12"]).stdout();
    assert_eq!(opened(&project, "keys/a.p12"), BYTES);
    project.configure(
        &["alice", "bob", "carol"],
        "[[rule]]\nfiles = [\"keys/**\"]\nto = [\"alice\", \"carol\"]\n",
    );
    project.run(&["rekey", "--yes", "keys/a.p12"]).stdout();
    project.run_as("carol", &["decrypt", "--allow-tracked", "keys/a.p12", "--output", "carol"]).stdout();
    assert_eq!(fs::read(project.path("carol")).unwrap(), BYTES);
    assert_eq!(project.run_as("bob", &["decrypt", "keys/a.p12"]).output().code, 4);
    assert!(project.run(&["verify", "keys/a.p12"]).stdout().contains("sealed"));
    assert!(project.run(&["explain", "keys/a.p12"]).stdout().contains("sealed"));
    project.run(&["edit", "keys/a.p12"]).env("SEALEAF_EDITOR", project.editor("exit 1")).fails(
        7,
        expect![[r#"
            sealeaf: error: keys/a.p12: the file is no text, which no editor would keep as it is
            sealeaf: hint: open it with `sealeaf decrypt --in-place`, change it, and seal it again with `sealeaf encrypt`
        "#]],
    );
    project.run(&["set", "keys/a.p12", "data"]).stdin("new\n").stdout();
    assert_eq!(opened(&project, "keys/a.p12"), b"new");
    assert_eq!(project.run(&["get", "keys/a.p12", "data"]).stdout(), "new");
    assert_eq!(project.run(&["git", "textconv", "keys/a.p12"]).stdout(), "new");
    project.run(&["unset", "keys/a.p12", "data"]).fails(
        8,
        expect![[r#"
            sealeaf: error: keys/a.p12: a binary file is one value, `data`
        "#]],
    );
}

#[test]
fn a_text_file_of_no_known_format_is_edited_as_text() {
    let project = project();
    project.write("keys/id", "-----BEGIN\nx\n");
    project.run(&["encrypt", "--format", "binary", "keys/id"]).stdout();
    let editor = project.editor("sed -i s/x/y/ \"$1\"");
    project.run(&["edit", "keys/id"]).env("SEALEAF_EDITOR", editor).stdout();
    assert_eq!(project.open("keys/id"), "-----BEGIN\ny\n");
    // A new one.
    let editor = project.editor("printf new > \"$1\"");
    project.run(&["edit", "--format", "binary", "keys/new"]).env("SEALEAF_EDITOR", editor).stdout();
    assert_eq!(project.open("keys/new"), "new");
}

/// A name that another format claims does not make it that format.
#[test]
fn the_metadata_says_more_than_the_name() {
    let project = project();
    for name in ["keys/a.json", "keys/b.env", "keys/c.yaml"] {
        project.write(name, "x: [\n").run(&["encrypt", "--format", "binary", name]).stdout();
        assert_eq!(project.open(name), "x: [\n", "{name}");
    }
    assert_eq!(
        project.run(&["encrypt", "-", "--format", "binary", "--to", "alice"]).stdin("q").output().code,
        0
    );
}

#[test]
fn an_empty_file_is_a_file() {
    let project = project();
    project.write("keys/empty", "").run(&["encrypt", "--format", "binary", "keys/empty"]).stdout();
    assert_eq!(project.open("keys/empty"), "");
}
