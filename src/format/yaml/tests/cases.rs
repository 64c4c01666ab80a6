//! Every file of `tests/fixtures/cases`.

use super::{Refusal, check_exact, seal_all};

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

const REFUSED: &[&str] = &[
    "anchors: line 7: expected a key that is text, found an alias",
    "complex-keys: line 1: expected a key that is text, found a list",
    "dup-keys: line 2: the key `a` stands twice in this map",
    "merge: line 4: the key `<<` stands twice in this map",
];
