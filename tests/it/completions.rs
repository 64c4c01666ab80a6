//! `sealeaf completions`.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::Sandbox;

#[test]
fn every_shell_gets_a_script() {
    let sandbox = Sandbox::without_git();
    for shell in ["bash", "elvish", "fish", "nushell", "powershell", "zsh"] {
        let script = sandbox.run(&["completions", shell]).stdout();
        assert!(script.contains("completions"), "{shell}");
    }
}

#[test]
fn bash_reads_its_script() {
    let sandbox = Sandbox::without_git();
    let script = sandbox.run(&["completions", "bash"]).stdout();
    let mut bash = Command::new("bash").args(["--norc", "-eu"]).stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin
        .take()
        .unwrap()
        .write_all(format!("{script}\ncomplete -p sealeaf >/dev/null\n").as_bytes())
        .unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn another_shell_is_a_usage_error() {
    let output = Sandbox::without_git().run(&["completions", "tcsh"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
    assert!(output.stderr.starts_with("sealeaf: error: invalid value 'tcsh'"), "{}", output.stderr);
}
