//! `sealeaf get`.

use expect_test::expect;

use crate::support::Project;

const RULE: &str = "[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\"]\n";
const TEXT: &str = "base: &base\n  user: app\n  port: 5432\ndb:\n  <<: *base\n  password: \"two\\nlines\"\n  hosts: [a, b]\n  empty:\nalias: *base\nhex: 0x1F\n";

fn project() -> Project {
    let project = Project::new(&["alice", "bob"], RULE);
    project.seal("a.yaml", TEXT);
    project
}

#[test]
fn prints_a_value_as_it_is() {
    let project = project();
    for (path, value) in [
        ("base.user", "app"),
        ("db.password", "two\nlines"),
        ("db.hosts[1]", "b"),
        ("db.port", "5432"),
        ("alias.user", "app"),
        ("db.empty", ""),
        ("hex", "0x1F"),
    ] {
        assert_eq!(project.run(&["get", "a.yaml", path]).stdout(), value, "{path}");
    }
}

#[test]
fn prints_json_with_aliases_expanded() {
    let project = project();
    project.run(&["get", "--json", "a.yaml", "db"]).check(
        0,
        expect![[r#"
            {
              "password": "two\nlines",
              "hosts": [
                "a",
                "b"
              ],
              "empty": null,
              "user": "app",
              "port": 5432
            }
        "#]],
        expect![[""]],
    );
    assert_eq!(project.run(&["get", "--json", "a.yaml", "hex"]).stdout(), "\"0x1F\"\n");
}

#[test]
fn says_what_is_there_instead() {
    let project = project();
    let check =
        |path: &str, expect: expect_test::Expect| project.run(&["get", "a.yaml", path]).fails(2, expect);
    check(
        "db.pasword",
        expect![[r#"
            sealeaf: error: a.yaml: there is no `db.pasword` in the file
            sealeaf: hint: did you mean `password`?
        "#]],
    );
    check(
        "db",
        expect![[r#"
            sealeaf: error: a.yaml: `db` is no single value
            sealeaf: hint: print it as JSON with --json
        "#]],
    );
    check(
        "db.hosts[7]",
        expect![[r#"
            sealeaf: error: a.yaml: there is no `db.hosts[7]` in the file
            sealeaf: hint: `db.hosts` is a list of 2 elements
        "#]],
    );
    check(
        "a..b",
        expect![[r#"
            sealeaf: error: expected a key at character 3 of the path
            sealeaf: hint: key paths look like `db.users[0].password`, `"a.b".c` or `#1.a` for the second document
        "#]],
    );
}

#[test]
fn without_a_key_every_recipient_is_listed() {
    let project = project();
    project.run_as("bob", &["get", "a.yaml", "hex"]).fails(
        4,
        expect![[r#"
            sealeaf: error: a.yaml: no usable key: the file's only recipient is not you
              alice ([ALICE]): no identity for it; looked at 1 identity in [ROOT]/home/bob.txt
            sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
        "#]],
    );
}
