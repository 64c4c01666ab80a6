//! The table of `docs/reference/formats.md`: what each program reads from a line, asked of the programs that are here;
//! and readers that are not ours, which find the same keys in a sealed file.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Project, skip, tools};

const RULE: &str = "[[rule]]\nfiles = [\"**/*\"]\nto = [\"alice\"]\n";

/// A row: the lines, and by column what is read as `A`; `None` where nothing is.
struct Row {
    lines: String,
    read: Vec<Option<String>>,
}

/// The table below the heading "dotenv dialects".
fn table() -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/formats.md");
    let text = fs::read_to_string(path).unwrap();
    let table = text.split("<!-- dialects -->").nth(1).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<Row> = rows
        .map(|line| {
            let mut cells = line.trim_matches('|').split(" | ").map(|cell| {
                let cell = cell.trim();
                let code = cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`'));
                match (cell, code) {
                    ("nothing", _) => None,
                    ("empty", _) => Some(String::new()),
                    (_, Some(code)) => Some(code.replace('⏎', "\n")),
                    _ => panic!("{cell} in {line}"),
                }
            });
            Row { lines: cells.next().unwrap().unwrap(), read: cells.collect() }
        })
        .collect();
    assert!(rows.len() > 15 && rows.iter().all(|row| row.read.len() == 5), "{}", rows.len());
    rows
}

#[test]
fn sealeaf_reads_what_the_table_says_and_gives_the_bytes_back() {
    let project = Project::new(&["alice"], RULE);
    for (index, row) in table().iter().enumerate() {
        for end in ["", "\n"] {
            let name = format!("{index}{}.env", end.len());
            let text = format!("{}{end}", row.lines);
            project.seal(&name, &text);
            let read = project.run(&["exec", &name, "--", "printenv", "A"]).stdout();
            assert_eq!(read.strip_suffix('\n'), row.read[0].as_deref(), "{text}");
            assert_eq!(project.open(&name), text);
        }
    }
}

#[test]
fn node_reads_what_the_table_says() {
    let Some(folder) = dotenv_package() else { return };
    let folder = folder.display();
    let script = format!(
        "const {{parse}} = require('{folder}'); const read = parse(require('fs').readFileSync(0)); \
         process.stdout.write(read.A === undefined ? 'nothing' : '=' + read.A)"
    );
    check(2, &|file| {
        let shown = output(Command::new("node").args(["-e", &script]).stdin(fs::File::open(file).unwrap()));
        shown.strip_prefix('=').map(str::to_owned)
    });
}

#[test]
fn a_shell_reads_what_the_table_says() {
    check(3, &|file| {
        let script = "set -a; . \"$1\"; test \"${A+set}\" && printf '=%s' \"$A\"";
        let shown = output(Command::new("sh").env_clear().args(["-c", script, "sh"]).arg(file));
        shown.strip_prefix('=').map(str::to_owned)
    });
}

/// Compares a column of the table with a program.
fn check(column: usize, read: &dyn Fn(&Path) -> Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    for row in table() {
        let file = folder.path().join("x.env");
        writeln!(fs::File::create(&file).unwrap(), "{}", row.lines).unwrap();
        assert_eq!(read(&file), row.read[column - 1], "column {column}: {}", row.lines);
    }
}

/// Sealed, each key still stands where it did for every reader, and its value is a token.
#[test]
fn other_readers_find_the_same_keys_in_a_sealed_dotenv_file() {
    let project = Project::new(&["alice"], RULE);
    let plain = "# c\nA=1\nexport B='x # y' # c\nC=\"x\ny\" # c\nD=\nE=a#b\n\nF=\"$A\"\r\n";
    project.seal("a.env", plain);
    let file = project.path("a.env");
    let script = "set -a; . \"$1\"; printf '%s,' \"$A\" \"$B\" \"$C\" \"$D\" \"$E\" \"$F\"";
    let by_shell = output(Command::new("sh").env_clear().args(["-c", script, "sh"]).arg(&file));
    let values: Vec<&str> = by_shell.trim_end_matches(',').split(',').map(str::trim_end).collect();
    assert_eq!(values.len(), 6);
    assert!(values.iter().all(|value| value.starts_with("sealed.v1.")), "{by_shell}");
    let Some(folder) = dotenv_package() else { return };
    let script = format!(
        "const {{parse}} = require('{}'); process.stdout.write(JSON.stringify(parse(require('fs').readFileSync(0))))",
        folder.display()
    );
    let by_node = output(Command::new("node").args(["-e", &script]).stdin(fs::File::open(&file).unwrap()));
    let read: serde_json::Value = serde_json::from_str(&by_node).unwrap();
    let read: Vec<(&String, &str)> =
        read.as_object().unwrap().iter().map(|(key, value)| (key, value.as_str().unwrap())).collect();
    assert_eq!(read.iter().map(|(key, _)| key.as_str()).collect::<String>(), "ABCDEF");
    assert_eq!(read.iter().map(|(_, value)| *value).collect::<Vec<_>>(), values);
}

/// Python's `configparser` finds the same sections and keys in the plain, the sealed and the opened file.
#[test]
fn configparser_finds_the_same_keys_in_a_sealed_ini_file() {
    let Some(tools) = tools() else { return skip("scripts/setup.sh was not run") };
    let project = Project::new(&["alice"], RULE);
    let plain = "; c\n[DEFAULT]\nx = 1\n[a]\nk: v ; w\nlong = one\n  two\n\n  three\nflag\nq = \"x\"\n[b.c]\ne =\n[a d]\nlist =\n  p\n  q\n";
    project.seal("a.ini", plain);
    let script = "
import configparser, json, sys
parser = configparser.RawConfigParser(allow_no_value=True)
parser.optionxform = str
parser.read_string(sys.stdin.read())
print(json.dumps([[name, list(parser[name].items())] for name in parser]))
";
    let read = |text: &str| -> serde_json::Value {
        let file = project.path("in");
        fs::File::create(&file).unwrap().write_all(text.as_bytes()).unwrap();
        let python = tools.join("bin/python");
        let shown = output(Command::new(python).args(["-c", script]).stdin(fs::File::open(&file).unwrap()));
        serde_json::from_str(&shown).unwrap()
    };
    let (before, sealed) = (read(plain), read(&project.read("a.ini")));
    assert_eq!(read(&project.open("a.ini")), before);
    let sections = |value: &serde_json::Value| value.as_array().unwrap().clone();
    for (one, two) in sections(&before).iter().zip(sections(&sealed)) {
        assert_eq!(one[0], two[0]);
        let pairs = |value: &serde_json::Value| value[1].as_array().unwrap().clone();
        assert_eq!(pairs(one).len(), pairs(&two).len());
        for (one, two) in pairs(one).iter().zip(pairs(&two)) {
            assert_eq!(one[0], two[0]);
            let value = two[1].as_str().map(|text| text.trim_matches('"'));
            assert!(value.map_or(one[1].is_null(), |text| text.starts_with("sealed.v1.")), "{two}");
        }
    }
}

/// The folder of npm's `dotenv`.
fn dotenv_package() -> Option<PathBuf> {
    let folder = tools().map(|tools| tools.join("node_modules/dotenv")).filter(|folder| folder.exists());
    if folder.is_none() {
        skip("scripts/setup.sh was not run");
    }
    folder
}

fn output(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}
