//! dotenv and INI files, by every verb.

use expect_test::expect;

use crate::support::Project;

const RULE: &str = "[[rule]]\nfiles = [\".env*\", \"*.ini\"]\nto = [\"alice\", \"bob\"]\nclear = [\"PORT\", \"server.host\"]\n";
const DOTENV: &str = "# the application\nPORT=8080\nexport DB_USER=app # who\nDB_PASSWORD=\"s3cret one\" # rotated in May\n\
                      \nPEM='-----BEGIN\nx+/y\n-----END'\nEMPTY=\nMODE=a\nMODE=b\n";
const INI: &str = "; the application\ntop = 1\n\n[server]\nhost = example.org\nflag\n\n[peer \"a\"]\nkey = k1\n\n[peer \"a\"]\nkey: k2\n  k3\n";

fn project() -> Project {
    let project = Project::new(&["alice", "bob", "carol"], RULE);
    project.seal(".env.production", DOTENV).seal("app.ini", INI);
    project.commit("sealed");
    project
}

#[test]
fn files_are_sealed_by_their_names_and_come_back() {
    let project = project();
    let (dotenv, ini) = (project.read(".env.production"), project.read("app.ini"));
    let lines: Vec<&str> = dotenv.lines().collect();
    assert_eq!(lines[..2], ["# the application", "PORT=8080"]);
    assert!(lines[2].starts_with("export DB_USER=sealed.v1."), "{dotenv}");
    assert!(
        lines[3].starts_with("DB_PASSWORD=\"sealed.v1.") && lines[3].ends_with("\" # rotated in May"),
        "{dotenv}"
    );
    assert!(lines[5].starts_with("PEM='sealed.v1.") && lines[6].starts_with("EMPTY=sealed.v1."), "{dotenv}");
    assert!(
        dotenv.contains("\n\n# sealeaf: version=1\n# sealeaf: format=dotenv\n# sealeaf: file="),
        "{dotenv}"
    );
    assert!(dotenv.contains("\n# sealeaf: groups[+].keys[+].age=age1"), "{dotenv}");
    assert!(dotenv.contains("\n# sealeaf: sections[+].name=PORT\n# sealeaf: sections[].tag="), "{dotenv}");
    assert!(ini.contains("[server]\nhost = example.org\nflag\n"), "{ini}");
    assert!(ini.contains("\n# sealeaf: format=ini\n"), "{ini}");
    assert_eq!(project.open(".env.production"), DOTENV);
    assert_eq!(project.open("app.ini"), INI);
    project.run(&["status"]).check(
        0,
        expect![[r#"
            .env.production  sealed  alice, bob
            app.ini          sealed  alice, bob
        "#]],
        expect![[r#"
            sealeaf: 2 files: 2 sealed
        "#]],
    );
    // Without a name, by the metadata.
    assert_eq!(project.run(&["decrypt", "-"]).stdin(dotenv).stdout(), DOTENV);
    assert_eq!(project.run(&["decrypt", "-"]).stdin(ini).stdout(), INI);
    assert_eq!(project.run(&["git", "textconv", "app.ini"]).stdout(), INI);
}

#[test]
fn values_are_read() {
    let project = project();
    let get = |file: &str, path: &str| project.run(&["get", file, path]).stdout();
    assert_eq!(get(".env.production", "DB_PASSWORD"), "s3cret one");
    assert_eq!(get(".env.production", "DB_USER"), "app # who");
    assert_eq!(get(".env.production", "PEM"), "-----BEGIN\nx+/y\n-----END");
    assert_eq!(get(".env.production", "MODE[1]"), "b");
    assert_eq!(get("app.ini", "\"peer \\\"a\\\"\"[1].key"), "k2\n  k3");
    assert_eq!(get("app.ini", "top"), "1");
    assert_eq!(get("app.ini", "server.flag"), "");
    let json = project.run(&["get", "--json", "app.ini", "server"]).stdout();
    assert_eq!(json, "{\n  \"host\": \"example.org\",\n  \"flag\": null\n}\n");
}

#[test]
fn values_are_changed() {
    let project = project();
    let set = |file: &str, path: &str, value: &str| project.run(&["set", file, path]).stdin(value).stdout();
    set(".env.production", "DB_PASSWORD", "new one");
    assert_eq!(project.git(&["diff", "--numstat"]), "1\t1\t.env.production\n");
    set(".env.production", "NEW", "it's $5");
    set(".env.production", "PORT", "9090");
    project.run(&["set", "--json", ".env.production", "EMPTY"]).stdin("12").stdout();
    project.run(&["unset", ".env.production", "PEM"]).stdout();
    assert_eq!(
        project.open(".env.production"),
        "# the application\nPORT=9090\nexport DB_USER=app # who\nDB_PASSWORD=\"new one\" # rotated in May\n\nEMPTY=12\nMODE=a\n\
         MODE=b\nNEW=\"it's $5\"\n"
    );
    set("app.ini", "server.port", "80");
    set("app.ini", "new.key", "v");
    set("app.ini", "top", " x");
    project.run(&["unset", "app.ini", "\"peer \\\"a\\\"\"[0].key"]).stdout();
    assert_eq!(
        project.open("app.ini"),
        "; the application\ntop = \" x\"\n\n[server]\nhost = example.org\nflag\nport = 80\n\n[peer \"a\"]\n\n[peer \"a\"]\nkey: k2\n  k3\n\
         \n[new]\nkey = v\n"
    );
    project.run(&["set", ".env.production", "MODE"]).stdin("c").fails(
        8,
        expect![[r#"
            sealeaf: error: .env.production: the key stands 2 times: name one of them by its index
        "#]],
    );
    project.run(&["set", ".env.production", "a b"]).stdin("c").fails(
        8,
        expect![[r#"
            sealeaf: error: .env.production: a key of a dotenv file is made of letters, digits, `_`, `.` and `-`, and begins with a letter or `_`
        "#]],
    );
}

#[test]
fn edited_rotated_and_given_to_others() {
    let project = project();
    for (file, plain) in [(".env.production", DOTENV), ("app.ini", INI)] {
        let editor = project.editor("sed -i s/k1/k9/\\;s/one/two/ \"$1\"");
        project.run(&["edit", file]).env("SEALEAF_EDITOR", editor).stdout();
        assert_eq!(project.git(&["diff", "--numstat", file]), format!("1\t1\t{file}\n"));
        let edited = plain.replace("k1", "k9").replace("one", "two");
        assert_eq!(project.open(file), edited);
        project.run(&["rotate", file]).stdout();
        assert_eq!(project.open(file), edited);
        assert!(project.run(&["verify", file]).stdout().contains("sealed"));
    }
    let rule = RULE.replace("\"bob\"", "\"carol\"");
    project.configure(&["alice", "bob", "carol"], &rule);
    project.run(&["rekey", "--yes", ".env.production", "app.ini"]).stdout();
    assert_eq!(project.run_as("bob", &["decrypt", "app.ini"]).output().code, 4);
    assert!(project.run_as("carol", &["decrypt", ".env.production"]).stdout().contains("\"s3cret two\""));
}

#[test]
fn a_program_gets_the_values() {
    let project = project();
    let env = |arguments: &[&str]| {
        let shown =
            project.run(&[&["exec"], arguments, &["--", "sh", "-c", "env -0 | tr '\\n\\0' '~\\n'"]].concat());
        let mut lines: Vec<String> = shown.stdout().lines().map(str::to_owned).collect();
        lines.retain(|line| {
            ["DB_", "PEM", "EMPTY", "MODE", "PORT", "TOP", "SERVER", "PEER"]
                .iter()
                .any(|it| line.starts_with(it))
        });
        lines.sort();
        lines
    };
    // Names as they are; the last of two values, as for every reader of such files.
    assert_eq!(
        env(&[".env.production"]),
        [
            "DB_PASSWORD=s3cret one",
            "DB_USER=app # who",
            "EMPTY=",
            "MODE=b",
            "PEM=-----BEGIN~x+/y~-----END",
            "PORT=8080"
        ]
    );
    assert_eq!(
        env(&["app.ini", "--only", "top", "--only", "server.*"]),
        ["SERVER_FLAG=", "SERVER_HOST=example.org", "TOP=1"]
    );
    project.write(".env", "lower_case=x\nPATH=/tmp\n").run(&["encrypt", ".env"]).stdout();
    let run = project.run(&["exec", ".env", "--only", "lower_case", "--", "printenv", "lower_case"]);
    assert_eq!(run.stdout(), "x\n");
    project.run(&["exec", ".env", "--", "true"]).fails(
        7,
        expect![[r#"
            sealeaf: error: .env: `PATH`: programs obey `PATH`
            sealeaf: hint: if that is wanted, say --allow-env PATH
        "#]],
    );
}

#[test]
fn branches_merge_as_lines() {
    let project = Project::new(
        &["alice"],
        "[[rule]]\nfiles = [\".env\", \"*.ini\"]\nto = [\"alice\"]\nclear = [\"*1\", \"*.*1\"]\n",
    );
    let dotenv = "A1=1\nB=2\nC=3\nD1=4\nE=5\nF=6\n";
    let ini = "[a]\nk1 = 1\n[b]\nk = 2\n[c]\nk1 = 3\nk2 = 4\n";
    project.seal(".env", dotenv).seal("a.ini", ini);
    project.commit("base");
    let set = |file: &str, path: &str, value: &str| {
        project.run(&["set", "--quiet", file, path]).stdin(value).stdout();
    };
    project.git(&["switch", "--quiet", "--create", "other"]);
    set(".env", "A1", "x");
    set(".env", "C", "x");
    set("a.ini", "a.k1", "x");
    project.commit("one");
    project.git(&["switch", "--quiet", "main"]);
    set(".env", "F", "y");
    set("a.ini", "c.k2", "y");
    project.commit("two");
    project.git(&["merge", "--quiet", "--message", "merge", "other"]);
    let merged = "A1=x\nB=2\nC=x\nD1=4\nE=5\nF=y\n";
    assert_eq!(project.open(".env"), merged);
    assert_eq!(project.open("a.ini"), "[a]\nk1 = x\n[b]\nk = 2\n[c]\nk1 = 3\nk2 = y\n");
    for file in [".env", "a.ini"] {
        project.run(&["reseal", file]).check_text("", &format!("sealeaf: {file}: sealed\n"));
    }
    assert!(project.run(&["verify", "--require-sealed", ".env", "a.ini"]).stdout().contains("sealed"));
}

#[test]
fn lines_that_are_not_understood_are_named_and_not_shown() {
    let project = project();
    project.write(".env", "A=1\nMIIEhunter2\n").run(&["encrypt", ".env"]).fails(
        8,
        expect![[r#"
            sealeaf: error: .env:2:1: expected KEY=value, a comment or an empty line; a value of several lines needs quotes
              ···········
              ^
        "#]],
    );
    project.write("b.ini", "[s]\na=1\nMIIE+hunter2\n").run(&["encrypt", "b.ini"]).fails(
        8,
        expect![[r#"
            sealeaf: error: b.ini:3:1: expected `[section]`, `key = value`, a comment or an empty line; a value of several lines is indented deeper than its key
              ····+·······
              ^
        "#]],
    );
}
