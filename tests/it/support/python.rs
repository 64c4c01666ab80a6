//! The format's other implementation, `tests/independent`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A script of the folder, to be run.
pub(crate) fn script(tools: &Path, name: &str) -> Command {
    let mut command = Command::new(tools.join("bin/python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent").join(name));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Answers of the independent implementation, one for each request.
pub(crate) fn ask(tools: &Path, requests: &[Value]) -> Vec<Value> {
    let mut child = script(tools, "sealeaf_v1.py")
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
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
