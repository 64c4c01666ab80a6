//! Files of the program, opened by a reader that was written in Python from `docs/design/format-v1.md` alone
//! (`tests/independent`): both must find the same state, values, structure and comments.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Project, skip, tools};

const YAML: &str = "# head\nbase: &base {user: app, port: 5432}\nuse:\n  <<: *base\n  pass: !secret 's3cret' # why\nlist:\n  - a\n  - name: b\n    key: |2-\n        x\n      y\nzero:\nempty: []\n\"on\": on\n---\nsecond: 1_000\n";
const JSON: &str = "{\n  \"a\": [1, 2.50, true, null, \"t\\u00e9xt\"],\n  \"b\": {\"c\": {}, \"d\": []},\n  \"e\": \"x\"\n}\n";
const TOML: &str = "when = 2026-01-01\nn = 0x1F\n\n[[users]]\nname = \"a\"\ntext = \"\"\"\nx\n\"\"\"\n\n[[users]]\nname = 'b'\n";

const DOTENV: &str =
    "# head\nexport a='s3cret $x' # why\nuse.pass=\"x\ny\"\nbase = z#1\ne=\nbase: \"2\"\n; c\nusers='q'\n";
const INI: &str = "; head\ne = 1\n\n[users] # who\nname = a\ntext = x\n  y\n[base]\nflag\nk = \"v\"\n[users]\nname: 'b'\n[empty]\n# last\n";

const RULES: &[&str] = &[
    "",
    "comments = \"encrypt\"\nscope = \"prod\"\n",
    "encrypt = [\"**.pass\", \"users\", \"a\"]\n",
    "clear = [\"base\", \"use.<<\", \"when\", \"e\"]\ncleartext = \"free\"\npadding = \"none\"\n",
];

#[test]
fn opens_what_the_program_sealed_and_edited() {
    let Some(tools) = tools() else { return skip("scripts/setup.sh was not run") };
    for rule in RULES {
        let mut requests = Vec::new();
        let rule = format!("[[rule]]\nfiles = [\"*\"]\nto = [\"alice\", \"bob\"]\n{rule}");
        let project = Project::new(&["alice", "bob"], &rule);
        for (name, text, path) in [
            ("a.yaml", YAML, "use.pass"),
            ("a.json", JSON, "a[3]"),
            ("a.toml", TOML, "users[1].name"),
            ("a.env", DOTENV, "a"),
            ("a.ini", INI, "users[1].name"),
            ("data", "x\ny", "data"),
        ] {
            let is_text = name.contains('.');
            if is_text {
                project.seal(name, text);
            } else if rule.contains("encrypt = ") {
                continue;
            } else {
                project.write(name, text).run(&["encrypt", "--format", "binary", name]).stdout();
            }
            requests.push(request(&project, name));
            project.run(&["set", "--quiet", name, path]).stdin("another value").stdout();
            requests.push(request(&project, name));
            project.run(&["rotate", "--quiet", name]).stdout();
            requests.push(request(&project, name));
        }
        for (request, answer) in requests.iter().zip(ask(&tools, &requests)) {
            assert_eq!(answer["state"], "sealed", "{answer} {}", request["sealed"].as_str().unwrap());
            assert_eq!(answer["difference"], Value::Null, "{}", request["sealed"].as_str().unwrap());
        }
    }
}

#[test]
fn refuses_what_the_program_refuses() {
    let Some(tools) = tools() else { return skip("scripts/setup.sh was not run") };
    let project = Project::new(&["alice"], "[[rule]]\nfiles = [\"*\"]\nto = [\"alice\"]\nclear = [\"a\"]\n");
    project.seal("a.yaml", "a: 1\nb: 2\nc:\n  - d\n  - e\n");
    let whole = project.read("a.yaml");
    let mut requests = Vec::new();
    let mut codes = Vec::new();
    for (index, line) in whole.lines().enumerate() {
        let without: String = whole
            .lines()
            .enumerate()
            .filter(|(at, _)| *at != index)
            .map(|(_, line)| format!("{line}\n"))
            .collect();
        project.write("a.yaml", &without);
        let output = project.run(&["decrypt", "a.yaml"]).output();
        requests.push(request(&project, "a.yaml"));
        codes.push((line.to_owned(), output.code));
    }
    for ((line, code), answer) in codes.iter().zip(ask(&tools, &requests)) {
        assert_ne!(*code, 0, "without {line}");
        assert!(answer["code"].as_i64().is_some_and(|code| code != 0), "without {line}: {answer}");
    }
}

fn request(project: &Project, name: &str) -> Value {
    let sealed = project.read(name);
    let scope = if sealed.contains("prod") { "prod" } else { "" };
    let mut request = json!({
        "do": "open",
        "sealed": sealed,
        "format": match name.rsplit('.').next() {
            Some("env") => Some("dotenv"),
            Some("data") => Some("binary"),
            format => format,
        },
        "identity": project.identity("alice"),
        "scope": scope,
    });
    let opened = project.run(&["decrypt", "--", name]).output();
    // A carrier of bytes exists in memory alone.
    if opened.code == 0 && name.contains('.') {
        request["plain"] = opened.stdout.into();
    }
    request
}

fn ask(tools: &Path, requests: &[Value]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent/sealeaf_v1.py");
    let mut command = Command::new(tools.join("bin/python"));
    command.arg(script).arg("serve").env("PYTHONDONTWRITEBYTECODE", "1");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines: String = requests.iter().map(|request| format!("{request}\n")).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), requests.len());
    answers
}
