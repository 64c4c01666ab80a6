//! `sealeaf set`.

use expect_test::expect;

use crate::support::Project;

const RULE: &str = "[[rule]]\nfiles = [\"*.yaml\", \"*.json\", \"*.toml\"]\nto = [\"alice\"]\n";
const TEXT: &str = "db: # the database\n  password: 'old'\n  port: 5432\n  tls: true\nhosts:\n  - a\n";

fn project() -> Project {
    let project = Project::new(&["alice"], RULE);
    project.seal("a.yaml", TEXT);
    project.commit("sealed");
    project
}

#[test]
fn one_value_is_one_line() {
    let project = project();
    project.run(&["set", "a.yaml", "db.password"]).stdin("new one\n").check(
        0,
        expect![[""]],
        expect![[r#"
            sealeaf: a.yaml: `db.password` set
        "#]],
    );
    assert_eq!(project.git(&["diff", "--numstat"]), "1\t1\ta.yaml\n");
    assert_eq!(project.open("a.yaml"), TEXT.replace("'old'", "'new one'"));
    project.run(&["set", "a.yaml", "db.password"]).stdin("new one").check(
        0,
        expect![[""]],
        expect![[r#"
            sealeaf: a.yaml: `db.password` unchanged
        "#]],
    );
}

#[test]
fn types_stay_where_the_text_reads_so() {
    let project = project();
    project.run(&["set", "a.yaml", "db.port"]).stdin("6543\n").check(
        0,
        expect![[""]],
        expect![[r#"
            sealeaf: `db.port` stays a number; for a string say --json and quote it
            sealeaf: a.yaml: `db.port` set
        "#]],
    );
    project.run(&["set", "a.yaml", "db.tls"]).stdin("yes\n").stdout();
    project.run(&["set", "a.yaml", "db.password"]).stdin("123\n").stdout();
    project.run(&["set", "--json", "a.yaml", "db.pool"]).stdin("{\"min\": 1, \"max\": null}").stdout();
    project.run(&["set", "a.yaml", "hosts[1]"]).stdin("b").stdout();
    project.run(&["set", "a.yaml", "new.deep.key"]).stdin("v").stdout();
    assert_eq!(
        project.open("a.yaml"),
        "db: # the database\n  password: '123'\n  port: 6543\n  tls: \"yes\"\n  pool:\n    min: 1\n    max: null\nhosts:\n  - a\n  - b\nnew:\n  deep:\n    key: v\n"
    );
}

#[test]
fn json_and_toml_take_values_too() {
    let project = project();
    project.seal("b.json", "{\n  \"a\": {\"b\": [1]}\n}\n");
    project.seal("c.toml", "when = 2026-01-01\n\n[[users]]\nname = \"a\"\n");
    project.run(&["set", "b.json", "a.b[1]", "--json"]).stdin("2.50").stdout();
    project.run(&["set", "b.json", "c"]).stdin("x").stdout();
    project.run(&["set", "c.toml", "when"]).stdin("2026-02-02").stdout();
    project.run(&["set", "c.toml", "users[1].name"]).stdin("b").stdout();
    assert_eq!(project.open("b.json"), "{\n  \"a\": {\"b\": [1, 2.50]},\n  \"c\": \"x\"\n}\n");
    assert_eq!(
        project.open("c.toml"),
        "when = 2026-02-02\n\n[[users]]\nname = \"a\"\n\n[[users]]\nname = \"b\"\n"
    );
}

#[test]
fn ac_53_no_secret_on_the_command_line() {
    let project = project();
    let before = project.read("a.yaml");
    project.run(&["set", "a.yaml", "db.password", "hunter2"]).fails(
        7,
        expect![[r#"
            sealeaf: error: a value on the command line is seen by other users and kept by the shell
            sealeaf: hint: give it on standard input, or say --value where it is no secret
        "#]],
    );
    assert_eq!(project.read("a.yaml"), before);
    project.run(&["set", "a.yaml", "db.password", "--value", "x"]).check(
        0,
        expect![[""]],
        expect![[r#"
            sealeaf: warning: the value was given on the command line, where other users and the shell's history see it
            sealeaf: a.yaml: `db.password` set
        "#]],
    );
}

#[test]
fn asks_twice_on_a_terminal() {
    let project = project();
    let talk = [("value for `db.password`: ", "s3cret\n"), ("again: ", "s3cret\n")];
    let (code, shown) = project.run(&["set", "a.yaml", "db.password"]).on_terminal(&talk);
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
    assert_eq!(project.run(&["get", "a.yaml", "db.password"]).stdout(), "s3cret");
}

#[test]
fn places_that_do_not_fit_are_named() {
    let project = project();
    let check = |path: &str, expect: expect_test::Expect| {
        project.run(&["set", "a.yaml", path]).stdin("x").fails(2, expect);
    };
    check(
        "hosts[5]",
        expect![[r#"
            sealeaf: error: a.yaml: `hosts[5]` cannot be set: `hosts` has 1 elements; the next index is 1
        "#]],
    );
    check(
        "db.password.x",
        expect![[r#"
            sealeaf: error: a.yaml: `db.password.x` cannot be set: `db.password` is a single value
        "#]],
    );
}

#[test]
fn ac_72_two_writers_at_once_both_count() {
    let project = project();
    let start = |path: &str| {
        let mut command = project.run(&["set", "a.yaml", path, "--value", "changed"]).into_command();
        command.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    let mut children: Vec<_> = (0..8).map(|n| start(&format!("new{n}"))).collect();
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    let text = project.open("a.yaml");
    assert!((0..8).all(|n| text.contains(&format!("new{n}: changed\n"))), "{text}");
}

#[test]
fn recipients_must_be_the_rules() {
    let project = Project::new(&["alice", "bob"], RULE);
    project.seal("a.yaml", TEXT);
    project.configure(&["alice", "bob"], &RULE.replace("[\"alice\"]", "[\"alice\", \"bob\"]"));
    project.run(&["set", "a.yaml", "db.port"]).stdin("1").fails(
        7,
        expect![[r#"
            sealeaf: error: a.yaml: the file's recipients are not those of its rule
            sealeaf: hint: bring it up to date with `sealeaf rekey`, after a look at `sealeaf explain`
        "#]],
    );
}

#[test]
fn a_file_that_an_outsider_put_there_is_not_written() {
    let project = project();
    let forger = Project::new(&["mallory"], &RULE.replace("alice", "mallory"));
    let id = |text: &str| text.lines().find(|line| line.starts_with("  file: ")).unwrap().to_owned();
    let own = project.read("a.yaml");
    // Sealed by an outsider for Alice's public key.
    forger
        .run(&[
            "encrypt",
            "--quiet",
            "--fresh",
            "--to",
            project.key("alice"),
            "--output",
            "b.yaml",
            "-",
            "--path",
            "b.yaml",
        ])
        .stdin("db:\n  password: forged\n")
        .stdout();
    let forged = forger.read("b.yaml");
    assert_ne!(id(&forged), id(&own));
    project.write("a.yaml", &forged);
    project.run(&["set", "a.yaml", "db.password"]).stdin("x").fails(
        6,
        expect![[r#"
            sealeaf: error: a.yaml: the file is not the one that was committed: its identity is another one
            sealeaf: hint: look at who changed it with `git log -p`; take the committed version, or encrypt its content anew
        "#]],
    );
}
