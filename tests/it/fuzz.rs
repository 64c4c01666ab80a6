//! The fuzz targets over their stored corpus and over broken copies of it: the short form of `scripts/fuzz.sh`.

use std::fs;
use std::path::Path;

use sealeaf::fuzzing;

#[test]
fn yaml() {
    replay("yaml", fuzzing::yaml);
}

#[test]
fn json() {
    replay("json", fuzzing::json);
}

#[test]
fn toml() {
    replay("toml", fuzzing::toml);
}

#[test]
fn token() {
    replay("token", fuzzing::token);
}

#[test]
fn metadata() {
    replay("metadata", fuzzing::metadata);
}

#[test]
fn policy() {
    replay("policy", fuzzing::policy);
}

#[test]
fn configuration() {
    replay("configuration", fuzzing::configuration);
}

/// Every target has a corpus, small enough to be read, and a test above.
#[test]
fn every_target_is_here() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = include_str!("fuzz.rs");
    let mut size = 0;
    for target in fs::read_dir(root.join("fuzz/fuzz_targets")).unwrap() {
        let name = target.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(tests.contains(&format!("replay(\"{name}\", fuzzing::{name});")), "{name} is not replayed");
        let corpus = corpus(&name);
        assert!((5..=150).contains(&corpus.len()), "{name}: {} inputs", corpus.len());
        size += corpus.iter().map(|(_, input)| input.len()).sum::<usize>();
    }
    assert!(size <= 300 << 10, "the corpus has {size} bytes");
}

/// Runs a target over its corpus, and over `MUTANTS` broken copies of it, the same ones each time.
fn replay(target: &str, run: fn(&[u8])) {
    let inputs = corpus(target);
    for (name, input) in &inputs {
        check(name, input, run);
    }
    let mut random = Random(1);
    for _ in 0..MUTANTS {
        let (name, input) = &inputs[random.below(inputs.len())];
        let (_, other) = &inputs[random.below(inputs.len())];
        check(name, &random.broken(input, other), run);
    }
}

/// Names and contents, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    inputs.sort();
    inputs
}

#[expect(clippy::print_stderr, reason = "the input belongs to the failure")]
fn check(name: &str, input: &[u8], run: fn(&[u8])) {
    if std::panic::catch_unwind(|| run(input)).is_err() {
        eprintln!("near {name}: {:?}", String::from_utf8_lossy(input));
        panic!("near {name}");
    }
}

/// A small generator (Marsaglia, "Xorshift RNGs"): the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }

    /// A copy with one to three changes: bytes of syntax put in, pieces removed, repeated, or taken from another.
    fn broken(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut out = input.to_vec();
        for _ in 0..=self.below(3) {
            let (at, len) = (self.below(out.len() + 1), self.below(8));
            let end = (at + len).min(out.len());
            match self.below(4) {
                0 => out.insert(at, SYNTAX[self.below(SYNTAX.len())]),
                1 => drop(out.drain(at..end)),
                2 => {
                    let piece = out[at..end].to_vec();
                    let to = self.below(out.len() + 1);
                    out.splice(to..to, piece);
                }
                _ => {
                    let from = self.below(other.len() + 1);
                    let piece = &other[from..(from + len).min(other.len())];
                    out.splice(at..end, piece.iter().copied());
                }
            }
        }
        out
    }
}

const MUTANTS: usize = 5_000;
const SYNTAX: &[u8] = b"\n\r\t  :-?#&*!|>'\"%@`{}[],=.\\/0";
