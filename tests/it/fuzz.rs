//! The fuzz targets over their stored corpus, and over inputs next to it: the short form of `fuzz/`.

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

/// Runs a target over its corpus and over `ROUNDS` broken copies of every input, the same ones each time.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    inputs.sort();
    assert!(inputs.len() >= 5, "{target}: {} inputs", inputs.len());
    let mut random = Random(1);
    for (name, input) in &inputs {
        check(name, input, run);
        for _ in 0..if input.len() < 4096 { ROUNDS } else { 1 } {
            let other = &inputs[random.below(inputs.len())].1;
            check(name, &random.broken(input, other), run);
        }
    }
}

#[expect(clippy::print_stderr, reason = "the input belongs to the failure")]
fn check(name: &str, input: &[u8], run: fn(&[u8])) {
    if std::panic::catch_unwind(|| run(input)).is_err() {
        eprintln!("near {name}: {:?}", String::from_utf8_lossy(input));
        panic!("near {name}");
    }
}

const ROUNDS: usize = 2000;

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

const SYNTAX: &[u8] = b"\n\r\t  :-?#&*!|>'\"%@`{}[],=.\\/0";
