//! The reference pages say what the program says. `UPDATE_EXPECT=1` writes `docs/reference/cli.md` anew.

use std::fs;
use std::path::Path;

use crate::support::Sandbox;

#[test]
fn cli_is_the_help_of_every_verb() {
    let sandbox = Sandbox::without_git();
    let mut page = INTRODUCTION.to_owned();
    let help = |verb: &[&str]| sandbox.run(&[verb, &["--help"]].concat()).stdout();
    let root = help(&[]);
    page.push_str(&block("sealeaf", &root));
    for verb in verbs(&root).into_iter().filter(|verb| verb != "sops") {
        let text = help(&[&verb]);
        page.push_str(&block(&format!("sealeaf {verb}"), &own_part(&text)));
        for part in verbs(&text) {
            page.push_str(&block(&format!("sealeaf {verb} {part}"), &own_part(&help(&[&verb, &part]))));
        }
    }
    expect_test::expect_file!["../../docs/reference/cli.md"].assert_eq(&page);
}

#[test]
fn sops_is_the_help_of_every_command() {
    let sandbox = Sandbox::without_git();
    let mut page = SOPS.to_owned();
    let help = |words: &[&str]| sandbox.run(&[&["sops"], words, &["--help"]].concat()).stdout();
    let root = help(&[]);
    page.push_str(&block("sops", &root));
    for command in verbs(&root) {
        let text = help(&[&command]);
        page.push_str(&block(&format!("sops {command}"), &text));
        for part in verbs(&text) {
            page.push_str(&block(&format!("sops {command} {part}"), &help(&[&command, &part])));
        }
    }
    expect_test::expect_file!["../../docs/reference/sops-cli.md"].assert_eq(&page);
}

fn block(title: &str, help: &str) -> String {
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    format!("\n## `{title}`\n\n```text\n{}\n```\n", lines.join("\n"))
}

/// The verbs that a help text lists.
fn verbs(help: &str) -> Vec<String> {
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let lines = list.lines().take_while(|line| !line.is_empty());
    let first = |line: &str| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned);
    lines.filter_map(first).filter(|verb| !verb.is_empty() && verb != "help").collect()
}

/// A help text without what all verbs share.
fn own_part(help: &str) -> String {
    let (own, _) = help.split_once("\nGlobal options:\n").unwrap();
    let (own, _) = own.split_once("\n  -h, --help\n").unwrap();
    own.trim_end().trim_end_matches("\nOptions:").to_owned()
}

#[test]
fn exit_status_is_that_of_the_manual() {
    let page = fs::read_to_string(root().join("docs/reference/exit-status.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let codes: Vec<u8> = rows.filter_map(|(code, _)| code.parse().ok()).collect();
    let manual = Sandbox::without_git().run(&["man"]).stdout();
    let (_, section) = manual.split_once("\"EXIT STATUS\"\n").unwrap();
    let (section, _) = section.split_once("\n.SH").unwrap();
    let known: Vec<u8> = section
        .lines()
        .filter_map(|line| line.strip_prefix("\\fB")?.strip_suffix("\\fR")?.parse().ok())
        .collect();
    assert_eq!(codes, known);
}

#[test]
fn environment_names_every_variable_that_is_read() {
    let page = fs::read_to_string(root().join("docs/reference/environment.md")).unwrap();
    let mut missing = Vec::new();
    for entry in walkdir::WalkDir::new(root().join("src")) {
        let path = entry.unwrap().into_path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("\n#[cfg(test)]").next().unwrap();
            let names = code.split('"').filter(|word| is_ours(word) && !page.contains(&format!("`{word}`")));
            missing.extend(names.map(|name| format!("{}: {name}", path.display())));
        }
    }
    assert!(missing.is_empty(), "not in docs/reference/environment.md:\n{}", missing.join("\n"));
}

/// Whether a text is the name of a variable of ours or of SOPS.
fn is_ours(word: &str) -> bool {
    ["SEALEAF_", "SOPS_"].iter().any(|prefix| word.starts_with(prefix) && word.len() > prefix.len())
        && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const SOPS: &str = "\
# The command line of SOPS

What `sealeaf sops --help` and `sealeaf sops COMMAND --help` print; a test keeps this page true. A link or copy of the program that is
called `sops` takes the same command line. What is other than with SOPS is in [SOPS files](../design/sops-compatibility.md), what the
variables mean in [variables](environment.md).

Flags have one dash or two, and take their value behind a blank or `=`. Without a command, flags stand before the file.
";

const INTRODUCTION: &str = "\
# Command line

What `sealeaf --help` and `sealeaf VERB --help` print; a test keeps this page true. The same as manual pages:
`sealeaf man --dir ~/.local/share/man/man1`. See also [exit codes](exit-status.md), [variables](environment.md) and
[`.sealeaf.toml`](config.md).

Every verb takes the global options and limits that stand below for `sealeaf` itself. Only data goes to standard output;
messages go to standard error.
";
