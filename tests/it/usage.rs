//! What every verb has in common: help, version, usage errors, pipes, the terminal.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use expect_test::expect;

use crate::support::Sandbox;

#[test]
fn the_version_is_one_line() {
    let version = concat!("sealeaf ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(Sandbox::without_git().run(&["--version"]).stdout(), version);
}

#[test]
fn no_arguments_show_help_as_an_error() {
    let output = Sandbox::without_git().run(&[]).output();
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
    assert!(output.stderr.contains("Usage: sealeaf"), "{}", output.stderr);
}

#[test]
fn ac_57_usage_errors_are_escaped() {
    Sandbox::without_git().run(&["man", "--x\x1b[2K\u{202e}"]).fails(
        2,
        expect![[r#"
            sealeaf: error: unexpected argument '--x\u{202e}' found

              tip: to pass '--x\u{202e}' as a value, use '-- --x\u{202e}'

            Usage: sealeaf man [OPTIONS] [VERB]...

            For more information, try '--help'.
        "#]],
    );
}

#[test]
fn quiet_and_verbose_exclude_each_other() {
    let output = Sandbox::without_git().run(&["man", "--quiet", "--verbose"]).output();
    assert_eq!(output.code, 2);
}

#[test]
fn limits_take_units() {
    let output = Sandbox::without_git().run(&["man", "--max-file-size", "64q"]).output();
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("a unit of k, M or G"), "{}", output.stderr);
    Sandbox::without_git().run(&["man", "--max-file-size", "64MiB"]).stdout();
}

#[test]
fn errors_are_coloured_where_that_is_wanted() {
    let sandbox = Sandbox::without_git();
    let error = "there is no verb `x`";
    let shown = |arguments: &[&str]| sandbox.run(arguments).output().stderr;
    assert!(shown(&["man", "x"]).starts_with(&format!("sealeaf: error: {error}\n")));
    let coloured = format!("sealeaf: \x1b[1m\x1b[31merror:\x1b[0m {error}\n");
    assert!(shown(&["man", "x", "--color", "always"]).starts_with(&coloured));
    let (code, shown) = sandbox.run(&["man", "x"]).on_terminal(&[]);
    assert_eq!(code, 2);
    assert!(shown.starts_with(&coloured), "{shown:?}");
    let (_, shown) = sandbox.run(&["man", "x"]).env("NO_COLOR", "1").on_terminal(&[]);
    assert!(shown.starts_with(&format!("sealeaf: error: {error}\n")), "{shown:?}");
}

#[test]
fn a_reader_that_went_away_ends_the_program_silently() {
    let sandbox = Sandbox::without_git();
    for arguments in [&["man"][..], &["--help"], &["completions", "bash"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = sandbox.run(arguments).into_command();
        let output =
            command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(13), "{arguments:?} {}", output.status);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let sandbox = Sandbox::without_git();
    let mut command = sandbox.run(&["man"]).into_command();
    let output = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "sealeaf: error: cannot write to standard output: no space left on device\n"
    );
}
