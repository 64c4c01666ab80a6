//! Files of the program, opened by a reader that was written in Python from `docs/design/format-v1.md` alone
//! (`tests/independent`): both must find the same state, values, structure and comments. And the reverse: files that it
//! wrote, opened and edited by the program.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Project, number, python, skip, tools};

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
        for (request, answer) in requests.iter().zip(python::ask(&tools, &requests)) {
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
    for ((line, code), answer) in codes.iter().zip(python::ask(&tools, &requests)) {
        assert_ne!(*code, 0, "without {line}");
        assert!(answer["code"].as_i64().is_some_and(|code| code != 0), "without {line}: {answer}");
    }
}

#[test]
fn the_program_opens_and_edits_what_the_other_one_writes() {
    let Some(tools) = tools() else { return skip("scripts/setup.sh was not run") };
    let first = number("SEALEAF_SEED").unwrap_or(1);
    let seeds = first..first + number("SEALEAF_WRITTEN").unwrap_or(70);
    let people = ["alice", "bob", "carol"];
    let project = Project::new(&people, "");
    let recipients: Vec<Value> = people.iter().map(|name| json!([name, project.key(name)])).collect();
    let mut requests = Vec::new();
    for (seed, format) in seeds.flat_map(|seed| ["yaml", "json", "toml"].map(|format| (seed, format))) {
        let name = format!("{seed}.{format}");
        requests.push(json!({ "do": "make", "seed": name, "format": format, "recipients": recipients }));
    }
    let files: Vec<Written> = requests.iter().zip(python::ask(&tools, &requests)).map(Written::new).collect();
    let rules: String = files.iter().map(Written::rule).collect();
    project.configure(&people, &rules);
    for file in &files {
        project.write(&file.name, &file.sealed);
    }

    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let verified = project.run(&[&["verify", "--json", "--"], names.as_slice()].concat()).stdout();
    let verified: Value = serde_json::from_str(&verified).unwrap();
    let verified = verified["files"].as_array().unwrap();
    assert_eq!(verified.len(), files.len());
    for file in &files {
        let found = verified.iter().find(|found| found["file"] == file.name.as_str()).unwrap();
        assert_eq!((&found["state"], &found["newest"]), (&json!("sealed"), &json!(file.newest)), "{found}");
    }
    for (file, plain) in files.iter().zip(opened(&project, &names, "first")) {
        assert_eq!(plain, file.plain, "{}", file.sealed);
    }

    let edited: Vec<&Written> = files.iter().filter(|file| file.path.is_some()).step_by(2).collect();
    assert!(edited.len() * 4 > files.len());
    for file in &edited {
        let path = file.path.as_deref().unwrap();
        project.run(&["set", "--quiet", "--", &file.name, path]).stdin("one more value").stdout();
    }
    let names: Vec<&str> = edited.iter().map(|file| file.name.as_str()).collect();
    let texts = opened(&project, &names, "second");
    let requests: Vec<Value> =
        edited.iter().zip(&texts).map(|(file, plain)| file.again(&project, plain)).collect();
    for (file, answer) in edited.iter().zip(python::ask(&tools, &requests)) {
        assert_eq!(answer["state"], "sealed", "{answer} {}", project.read(&file.name));
        assert_eq!(answer["difference"], Value::Null, "{}", project.read(&file.name));
        assert_eq!(answer["newest"], file.newest + 1, "{}", project.read(&file.name));
    }
    for text in texts {
        assert!(text.contains("one more value"), "{text}");
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

/// Opens files into a folder, and gives what is in it.
fn opened(project: &Project, names: &[&str], folder: &str) -> Vec<String> {
    let folder = project.root().join("tmp").join(folder);
    let to = folder.to_str().unwrap();
    project.run(&[&["decrypt", "--quiet", "-o", to, "--"], names].concat()).stdout();
    names.iter().map(|name| fs::read_to_string(folder.join(name)).unwrap()).collect()
}

/// A file of the other implementation.
struct Written {
    name: String,
    sealed: String,
    plain: String,
    newest: i64,
    /// A secret that is easily named, if there is one.
    path: Option<String>,
    rule: Value,
}

impl Written {
    fn new((request, answer): (&Value, Value)) -> Self {
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        Self {
            name: request["seed"].as_str().unwrap().to_owned(),
            sealed: text("sealed").unwrap_or_else(|| panic!("{request}: {answer}")),
            plain: text("plain").unwrap(),
            newest: answer["newest"].as_i64().unwrap(),
            path: text("path"),
            rule: answer["rule"].clone(),
        }
    }

    /// Its rule in the configuration, which must be the one that it was written by.
    fn rule(&self) -> String {
        let fields = self.rule.as_object().unwrap().iter();
        let filled = fields.filter(|(_, value)| **value != json!([]) && **value != json!(""));
        let lines: String = filled.map(|(name, value)| format!("{name} = {value}\n")).collect();
        format!("[[rule]]\nfiles = [\"{}\"]\n{lines}", self.name)
    }

    /// The request to open what the file is now, with its plain text.
    fn again(&self, project: &Project, plain: &str) -> Value {
        json!({
            "do": "open",
            "file": project.path(&self.name),
            "format": self.name.rsplit('.').next(),
            "identity": project.identity("alice"),
            "scope": self.rule["scope"],
            "plain": plain,
        })
    }
}
