//! Every file of `tests/fixtures/cases`.

use super::{Refusal, check_exact, open, seal_all};

fn cases() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cases");
    let mut cases: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    cases.sort();
    assert!(cases.len() >= 45);
    cases
}

#[test]
fn all_come_back() {
    let mut refused = Vec::new();
    for (name, text) in cases() {
        match seal_all(&text, false) {
            Ok(_) => check_exact(&text),
            Err(Refusal(line, reason)) => refused.push(format!("{name}: line {line}: {reason}")),
        }
    }
    assert_eq!(refused, REFUSED);
}

/// The cases that can be sealed, and that hold no carriage return of their own.
fn plain_cases() -> Vec<(String, String)> {
    let is_plain = |(_, text): &(String, String)| !text.contains('\r') && seal_all(text, false).is_ok();
    cases().into_iter().filter(is_plain).collect()
}

/// R2: what is sealed, converted and opened is what is converted; and a converted file comes back itself.
#[test]
fn other_line_breaks() {
    let mut kept = Vec::new();
    for (name, text) in plain_cases() {
        for eol in ["\r\n", "\r"] {
            let convert = |text: &str| text.replace('\n', eol);
            check_exact(&convert(&text));
            let sealed = seal_all(&text, false).unwrap();
            let opened = open(&convert(&sealed.text), &sealed.unsealing).unwrap();
            if *opened.source != convert(&text) {
                kept.push(name.clone());
            }
        }
    }
    // Sealed, it is one line without a break: nothing tells that the file has other ones now.
    assert_eq!(kept, ["no-final-newline-literal", "no-final-newline-literal"]);
}

/// R3: the same with two columns more. Lines of blanks that are content move along, which no plain indenting does.
#[test]
fn other_indentation() {
    let mut differ = Vec::new();
    for (name, text) in plain_cases() {
        let has_marker =
            |line: &str| line.starts_with("---") || line.starts_with("...") || line.starts_with('%');
        let document = super::parse(&text).unwrap();
        let is_block = document.parts.len() == 1 && !text.starts_with(['{', '[']);
        if !is_block || document.scalar(document.parts[0].root).is_some() || text.lines().any(has_marker) {
            continue;
        }
        let indent = |text: &str| -> String {
            let is_kept = |line: &str| line.trim().is_empty() || line.starts_with("---");
            let lines = text.split_inclusive('\n');
            lines.map(|line| format!("{}{line}", if is_kept(line) { "" } else { "  " })).collect()
        };
        let sealed = seal_all(&text, false).unwrap();
        let opened = open(&indent(&sealed.text), &sealed.unsealing).unwrap();
        for (id, value, _) in &sealed.unsealing.leaves {
            assert_eq!(opened.value(*id).as_ref(), Some(value), "{name}");
        }
        if *opened.source != indent(&text) {
            differ.push(name);
        }
    }
    assert_eq!(differ, ["block-tab-content", "block-trailing-spaces"]);
}

#[test]
fn no_last_line_break() {
    for (_, text) in plain_cases() {
        check_exact(text.trim_end_matches('\n'));
        check_exact(&format!("{}\n", text.trim_end_matches('\n')));
    }
}

const REFUSED: &[&str] = &[
    "anchors: line 7: expected a key that is text, found an alias",
    "complex-keys: line 1: expected a key that is text, found a list",
    "dup-keys: line 2: the key `a` stands twice in this map",
    "merge: line 4: the key `<<` stands twice in this map",
];
