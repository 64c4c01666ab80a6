//! The house rules that a machine can read: sizes, directions, leftovers.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A source file.
struct Source {
    /// From the project's root.
    path: String,
    text: String,
}

impl Source {
    /// Its lines above the tests, comments left out, with their numbers. None where all of it is for tests.
    fn code(&self) -> Vec<(usize, &str)> {
        let for_tests = ["/tests/", "/tests.rs", "/testing.rs", "/contract.rs", "/contract/", "/fuzzing"];
        let whole = self.path.starts_with("tests/") || for_tests.iter().any(|part| self.path.contains(part));
        let lines: Vec<&str> = if whole { Vec::new() } else { self.text.lines().collect() };
        let end =
            lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod tests"));
        lines
            .into_iter()
            .take(end.unwrap_or(usize::MAX))
            .enumerate()
            .map(|(index, line)| (index + 1, line.split_once("//").map_or(line, |(code, _)| code)))
            .collect()
    }

    /// Not written yet, by its own word.
    fn is_stub(&self) -> bool {
        self.text.starts_with("//! stub")
    }
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let root = root();
    let mut sources = Vec::new();
    for entry in
        folders.iter().flat_map(|folder| walkdir::WalkDir::new(root.join(folder)).sort_by_file_name())
    {
        let path = entry.unwrap().into_path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            sources.push(Source { path, text });
        }
    }
    assert!(!sources.is_empty());
    sources
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[track_caller]
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn files_are_short() {
    let long: Vec<String> = sources(&["src", "tests"])
        .iter()
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > 600)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    none("files over 600 lines", &long);
}

#[test]
fn functions_are_short() {
    let mut long = Vec::new();
    for source in sources(&["src", "tests"]) {
        long.extend(long_functions(&source.text).into_iter().map(|found| format!("{}:{found}", source.path)));
    }
    none("functions over 70 lines", &long);
}

/// Line and length of functions over 70 lines. Relies on rustfmt: a body ends at its own indentation.
fn long_functions(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut long = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let begins = code.split('(').next().is_some_and(|head| head.split(' ').any(|word| word == "fn"));
        if !begins || code.starts_with("//") {
            continue;
        }
        let below = &lines[index..];
        let head = below.iter().position(|line| line.ends_with(['{', ';', '}'])).unwrap_or_default();
        let has_body = below[head].ends_with('{');
        let end = below.iter().position(|line| line.strip_prefix(indent) == Some("}"));
        let length = end.map_or(1, |end| end + 1);
        if has_body && length > 70 {
            long.push(format!("{}: {length} lines", index + 1));
        }
    }
    long
}

#[test]
fn the_rule_for_functions_can_fail() {
    let body = "        x();\n".repeat(70);
    assert_eq!(long_functions(&format!("impl A {{\n    fn a() {{\n{body}    }}\n}}\n")), ["2: 72 lines"]);
    assert!(long_functions(&format!("    fn a();\n{body}")).is_empty());
}

/// Who may name whom. `document` and `secret` stand below everything.
const DIRECTION: &[(&str, &[&str])] = &[
    ("check", &["git", "config", "file", "policy", "document", "secret"]),
    // For the fuzz targets, behind `test-util`.
    ("fuzzing", &["config", "envelope", "policy", "format", "document", "secret"]),
    ("git", &["config", "keys", "file", "document", "secret"]),
    ("simple", &["file", "format", "keys", "policy", "secret"]),
    ("config", &["policy", "keys", "envelope", "format", "document", "secret"]),
    ("remote", &["address", "file", "document", "secret"]),
    ("file", &["envelope", "format", "policy", "keys", "document", "parallel", "secret"]),
    ("envelope", &["policy", "keys", "crypto", "document", "parallel", "secret"]),
    ("policy", &["keys", "document", "secret"]),
    ("keys", &["address", "crypto", "secret"]),
    ("format", &["document", "parallel", "secret"]),
    ("crypto", &["secret"]),
    ("document", &["secret"]),
    ("address", &[]),
    ("parallel", &[]),
    ("secret", &[]),
    // The binary is a crate of its own.
    ("cli", &[]),
];

#[test]
fn imports_follow_the_direction() {
    let mut wrong = Vec::new();
    for source in sources(&["src"]) {
        let module = source.path.trim_start_matches("src/").split(['/', '.']).next().unwrap();
        if matches!(module, "lib" | "main") {
            continue;
        }
        let Some((_, allowed)) = DIRECTION.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{}: `{module}` is not in the table", source.path));
            continue;
        };
        let code: String = source.code().into_iter().map(|(_, line)| format!("{line}\n")).collect();
        let bad =
            crate_paths(&code).into_iter().filter(|name| name != module && !allowed.contains(&name.as_str()));
        wrong.extend(bad.map(|name| format!("{}: `{module}` names `{name}`", source.path)));
        if module == "cli" {
            let library = code.matches("sealeaf::").count();
            assert!(library == 0 || !code.contains("sealeaf::cli"), "{}", source.path);
        } else if code.contains("clap::") || code.contains("anyhow::") {
            wrong.push(format!("{}: the library sees clap or anyhow", source.path));
        }
    }
    none("against the direction of docs/architecture.md", &wrong);
}

/// The modules behind every `crate::`, those in braces included.
fn crate_paths(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let mut depth = 0;
        let mut begins = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                c if begins && c.is_alphabetic() => {
                    found.insert(word(&group[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn the_rule_for_imports_can_fail() {
    let code =
        "use crate::keys::Run;\nuse crate::{format::{self, Limits}, policy};\nfn f(x: crate::git::Repo) {}\n";
    let found: Vec<String> = crate_paths(code).into_iter().collect();
    assert_eq!(found, ["format", "git", "keys", "policy"]);
}

#[test]
fn nothing_is_left_over() {
    let mut found = Vec::new();
    for source in sources(&["src"]).iter().filter(|source| !source.is_stub()) {
        for (number, line) in source.code() {
            let words = LEFTOVERS.iter().filter(|word| line.contains(**word));
            found.extend(words.map(|word| format!("{}:{number}: `{word}`", source.path)));
            if line.trim_start().starts_with("use ") && line.contains("::*") {
                found.push(format!("{}:{number}: a glob import", source.path));
            }
        }
    }
    for source in sources(&["src", "tests"]).iter().filter(|source| source.path != "tests/it/tidy.rs") {
        for (index, line) in source.text.lines().enumerate() {
            let words = NOTES.iter().filter(|word| line.contains(**word));
            found.extend(words.map(|word| format!("{}:{}: `{word}`", source.path, index + 1)));
        }
    }
    none("left over, or able to panic", &found);
}

/// Not in code outside tests.
const LEFTOVERS: &[&str] =
    &[".unwrap()", ".expect(", "panic!(", "todo!(", "unimplemented!(", "unreachable!(", "dbg!("];

/// Nowhere.
const NOTES: &[&str] = &["FIXME", "TODO", "XXX", "HACK", "#[ignore", "#[should_panic"];

#[test]
fn every_key_backend_has_a_page() {
    for (name, backend) in sealeaf::keys::BACKENDS {
        let page = format!("docs/keys/{name}.md");
        let is_there = root().join(&page).exists();
        if WITHOUT_PAGE.contains(name) {
            assert!(!is_there, "{page} exists: take `{name}` from the list");
        } else {
            assert!(backend.is_none() || is_there, "{page} is missing");
        }
    }
}

#[test]
fn every_verb_has_a_test_file() {
    let registry = fs::read_to_string(root().join("src/cli/mod.rs")).unwrap();
    let verbs = verbs(&registry);
    assert!(verbs.contains(&"completions".to_owned()), "{verbs:?}");
    for verb in verbs {
        let file = format!("tests/it/{verb}.rs");
        let is_there = root().join(&file).exists();
        if WITHOUT_TEST.contains(&verb.as_str()) {
            assert!(!is_there, "{file} exists: take `{verb}` from the list");
        } else {
            assert!(is_there, "{file} is missing");
        }
    }
}

/// The variants of `enum Command`, in snake case.
fn verbs(registry: &str) -> Vec<String> {
    let (_, variants) = registry.split_once("\nenum Command {\n").unwrap();
    let (variants, _) = variants.split_once("\n}\n").unwrap();
    let names = variants.lines().filter_map(|line| line.trim().split_once('(')).map(|(name, _)| name);
    names
        .filter(|name| name.starts_with(char::is_uppercase))
        .map(|name| {
            let mut snake = String::new();
            for c in name.chars() {
                if c.is_uppercase() && !snake.is_empty() {
                    snake.push('_');
                }
                snake.extend(c.to_lowercase());
            }
            snake
        })
        .collect()
}

/// Backends whose page is still to be written.
const WITHOUT_PAGE: &[&str] = &[];

/// Verbs whose tests are still to be written.
const WITHOUT_TEST: &[&str] = &[];
