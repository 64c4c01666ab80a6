//! `sealeaf exec`.

use expect_test::expect;

use crate::support::Project;

/// One rule, for Alice.
const RULE: &str = "[[rule]]\nfiles = [\"secrets/**\"]\nto = [\"alice\"]\n";

/// A project with one sealed file.
fn with(text: &str) -> Project {
    let sandbox = Project::new(&["alice", "bob"], RULE);
    sandbox.seal("secrets/a.yaml", text);
    sandbox
}

/// The variables that the file gives, sorted.
#[track_caller]
fn check(text: &str, arguments: &[&str], expect: &[&str]) {
    let sandbox = with(text);
    sandbox.write("secrets/empty.yaml", "");
    sandbox.run(&["encrypt", "--allow-no-secrets", "secrets/empty.yaml"]).stdout();
    let run = |file: &str| sandbox.run(&[&["exec", file], arguments, &["--", "env"]].concat()).stdout();
    let (without, with) = (run("secrets/empty.yaml"), run("secrets/a.yaml"));
    let mut new: Vec<&str> = with.lines().filter(|line| !without.lines().any(|old| old == *line)).collect();
    new.sort_unstable();
    assert_eq!(new, expect);
}

#[test]
fn values_become_the_environment() {
    check(
        "db:\n  password: s3cret one\n  port: 0x1F\nusers:\n  - name: a\non: true\nno: ~\nvoid:\nempty: {}\nlist: []\n",
        &[],
        &["DB_PASSWORD=s3cret one", "DB_PORT=0x1F", "NO=", "ON=true", "USERS_0_NAME=a", "VOID="],
    );
}

#[test]
fn aliases_and_merge_keys_are_followed() {
    check(
        "base: &base {user: app, port: 1}\nprod:\n  <<: *base\n  port: 2\ncopy: *base\n",
        &["--only", "prod.*", "--only", "copy.user"],
        &["COPY_USER=app", "PROD_PORT=2", "PROD_USER=app"],
    );
}

#[test]
fn prefix_and_only_choose() {
    check("db: {user: u, password: p}\n", &["--only", "DB_P*", "--prefix", "APP_"], &["APP_DB_PASSWORD=p"]);
    with("a: x\n").run(&["exec", "secrets/a.yaml", "--only", "b", "--", "touch", "started"]).fails(
        2,
        expect![[r#"
            sealeaf: error: --only chooses no value
            sealeaf: hint: globs are matched against key paths such as `db.password` and names such as `DB_PASSWORD`
        "#]],
    );
}

#[test]
fn the_file_wins_over_the_environment() {
    let sandbox = with("db_host: file\n");
    let run = sandbox.run(&["exec", "secrets/a.yaml", "--", "printenv", "DB_HOST"]);
    assert_eq!(run.env("DB_HOST", "outside").stdout(), "file\n");
}

#[test]
fn other_formats_work_too() {
    let sandbox = Project::new(&["alice"], RULE);
    sandbox.seal("secrets/a.json", "{\"a\": {\"b\": \"x\\ny\"}}\n");
    sandbox.seal("secrets/b.toml", "day = 2026-01-02\n[[t]]\nf = 1.50\n");
    let shown = |name: &str| {
        sandbox.run(&["exec", "secrets/a.json", "secrets/b.toml", "--", "printenv", name]).stdout()
    };
    assert_eq!(
        (shown("A_B"), shown("DAY"), shown("T_0_F")),
        ("x\ny\n".into(), "2026-01-02\n".into(), "1.50\n".into())
    );
}

#[test]
fn no_shell_touches_the_arguments() {
    let sandbox = with("a: x\n");
    let run = sandbox.run(&["exec", "secrets/a.yaml", "--", "printf", "%s|", "$A", "--", "a b", "*"]);
    assert_eq!(run.stdout(), "$A|--|a b|*|");
    let run = sandbox.run(&["exec", "secrets/a.yaml", "--", "cat"]);
    assert_eq!(run.stdin("through").stdout(), "through");
}

#[test]
fn the_end_is_the_programs_own() {
    let sandbox = with("a: x\n");
    let code =
        |script: &str| sandbox.run(&["exec", "secrets/a.yaml", "--", "sh", "-c", script]).output().code;
    assert_eq!(code("exit 0"), 0);
    assert_eq!(code("exit 42"), 42);
    assert_eq!(code("kill -TERM $$"), 128 + 15);
    assert_eq!(code("kill -PIPE $$"), 128 + 13);
    assert_eq!(code("kill -INT $$"), 128 + 2);
    sandbox.run(&["exec", "secrets/a.yaml", "--", "nonesuch"]).fails(
        127,
        expect![[r#"
            sealeaf: error: cannot run `nonesuch`: no such file or directory
        "#]],
    );
    sandbox.run(&["exec", "secrets/a.yaml", "--", "./secrets/a.yaml"]).fails(
        126,
        expect![[r#"
            sealeaf: error: cannot run `./secrets/a.yaml`: permission denied
        "#]],
    );
}

#[test]
fn the_program_takes_this_ones_place_with_signals_as_they_were() {
    let sandbox = with("a: x\n");
    let signals = ["grep", "^Sig[BIC]", "/proc/self/status"];
    let Ok(plain) = sandbox.command("setsid").arg("--wait").args(signals).output() else { return };
    let plain = String::from_utf8(plain.stdout).unwrap();
    assert_eq!(sandbox.run(&[&["exec", "secrets/a.yaml", "--"][..], &signals].concat()).stdout(), plain);
    let mut command = sandbox.run(&["exec", "secrets/a.yaml", "--", "sh", "-c", "echo $$"]).into_command();
    let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let id = child.id();
    assert_eq!(String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap(), format!("{id}\n"));
}

#[test]
fn the_program_does_not_get_the_users_keys() {
    let sandbox = with("a: x\n");
    let bobs = std::fs::read_to_string(sandbox.identity("bob")).unwrap();
    let run = sandbox.run(&["exec", "secrets/a.yaml", "--", "env"]);
    let shown = run.env("SEALEAF_IDENTITY", &bobs).env("SOPS_AGE_KEY", &bobs).env("OTHER", "kept").stdout();
    assert!(!shown.contains("AGE-SECRET-KEY") && shown.contains("OTHER=kept\n"), "{shown}");
}

#[test]
fn ac_55_names_that_programs_obey_are_refused_one_by_one() {
    let sandbox = with("LD_PRELOAD: /x.so\npath: /y\n");
    sandbox.run(&["exec", "secrets/a.yaml", "--", "touch", "started"]).fails(
        7,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: `LD_PRELOAD`: programs obey `LD_PRELOAD`
            sealeaf: hint: if that is wanted, say --allow-env LD_PRELOAD
        "#]],
    );
    let allowed = ["exec", "secrets/a.yaml", "--allow-env", "LD_PRELOAD", "--", "touch", "started"];
    sandbox.run(&allowed).fails(
        7,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: `path`: programs obey `PATH`
            sealeaf: hint: if that is wanted, say --allow-env PATH
        "#]],
    );
    assert!(!sandbox.path("started").exists());
    let run = sandbox.run(&[
        "exec",
        "secrets/a.yaml",
        "--only",
        "path",
        "--allow-env",
        "PATH",
        "--",
        "/usr/bin/printenv",
        "PATH",
    ]);
    assert_eq!(run.stdout(), "/y\n");
}

#[test]
fn ac_55_odd_keys_are_refused() {
    for (text, says) in [
        ("\"A=B\": x\n", "`A=B`: the key holds characters that mean something else"),
        ("\"x;y\": x\n", "`x;y`: the key holds characters that mean something else"),
        ("\"\": x\n", "`\"\"`: nothing of the key can be part of a name"),
        ("a: \"x\\0y\"\n", "`a`: a value with a NUL character"),
        ("a: 1\n---\nb: 2\n", "a file of several documents gives no environment"),
    ] {
        let sandbox = with(text);
        let output = sandbox.run(&["exec", "secrets/a.yaml", "--", "touch", "started"]).output();
        assert!(output.code == 7 || output.code == 2, "{text}: {}", output.code);
        assert!(output.stderr.contains(says), "{}", output.stderr);
        assert!(!sandbox.path("started").exists(), "{text}");
    }
}

#[test]
fn several_files_add_up_and_never_hide_each_other() {
    let sandbox = with("db: {user: u}\n");
    sandbox.seal("secrets/b.yaml", "db: {password: p}\n");
    sandbox.seal("secrets/c.yaml", "db_user: v\n");
    let run = sandbox.run(&[
        "exec",
        "secrets/a.yaml",
        "secrets/b.yaml",
        "--",
        "sh",
        "-c",
        "echo $DB_USER $DB_PASSWORD",
    ]);
    assert_eq!(run.stdout(), "u p\n");
    sandbox.run(&["exec", "secrets", "--", "touch", "started"]).fails(
        7,
        expect![[r#"
            sealeaf: error: secrets/c.yaml: `DB_USER` comes from `secrets/a.yaml` too
            sealeaf: hint: choose values with --only, or run one inside of the other with a --prefix each
        "#]],
    );
    assert!(!sandbox.path("started").exists());
}

#[test]
fn nothing_starts_where_anything_does_not_open() {
    let sandbox = with("a: x\n");
    sandbox.write("secrets/plain.yaml", "b: y\n");
    sandbox.run(&["exec", "secrets/a.yaml", "secrets/plain.yaml", "--", "touch", "started"]).fails(
        6,
        expect![[r#"
            sealeaf: error: secrets/plain.yaml: the file is not sealed: it has no `sealeaf` entry
            sealeaf: hint: seal it with `sealeaf encrypt`
        "#]],
    );
    let broken = sandbox.read("secrets/a.yaml").replace("a: sealed", "b: sealed");
    sandbox.write("secrets/a.yaml", &broken);
    let output = sandbox.run(&["exec", "secrets/a.yaml", "--", "touch", "started"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (5, ""), "{}", output.stderr);
    assert!(!sandbox.path("started").exists());
}

#[test]
fn ac_62_an_alias_bomb_is_refused() {
    let mut text = "rule: x\na0: &a0 lol\n".to_owned();
    for level in 1..10 {
        let list = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    with(&text).run(&["exec", "secrets/a.yaml", "--", "true"]).fails(
        8,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: aliases make the content more than 10 times as large as the file
        "#]],
    );
}

#[test]
fn a_program_must_be_named() {
    let output = with("a: x\n").run(&["exec", "secrets/a.yaml"]).output();
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("<COMMAND>"), "{}", output.stderr);
}
