//! Real files of every format, found in installed packages: what sealeaf promises holds for them, and whatever is
//! refused is refused for a reason that is known.
//!
//! `cargo test` takes 1,000 files of each format. All of them, with the tables of `docs/benchmarks.md`:
//! `SEALEAF_CORPORA=all cargo test --features test-util --test it corpora -- --nocapture`.
#![expect(clippy::print_stdout, reason = "tests say what they counted")]

mod find;
mod independent;
mod trial;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use sealeaf::format::{Format, by_name};

use crate::support::skip;
use find::Real;
use independent::Pair;
use trial::{Sealer, Trial, Verdict};

#[test]
fn yaml() {
    corpus("yaml", YAML);
}

#[test]
fn json() {
    corpus("json", JSON);
}

#[test]
fn toml() {
    corpus("toml", TOML);
}

/// Why files of a corpus are refused: parts of the messages.
type Reasons = &'static [&'static str];

const YAML: Reasons = &["stands twice in this map"];
const JSON: Reasons = &["stands twice in this object", "the root is no object, so the metadata has no place"];
const TOML: Reasons = &["has a value already", "key with no value"];

fn corpus(name: &str, reasons: Reasons) {
    let begin = Instant::now();
    let (most, size) = if all() { (usize::MAX, 4 << 20) } else { (1000, 256 << 10) };
    let Some(files) = find::files(name, most, size) else {
        skip("scripts/setup.sh was not run");
        return;
    };
    assert!(files.len() >= 1000, "only {} {name} files", files.len());
    let format = by_name(name).unwrap();
    let trials = tried(format, &files);
    let mut tally = Tally::default();
    let mut pairs = Vec::new();
    for (file, trial) in files.iter().zip(&trials) {
        tally.bytes += file.text.len();
        match trial {
            Ok(trial) => {
                tally.leaves += trial.leaves;
                trial.checks.iter().for_each(|(check, verdict)| tally.add(check, verdict, &file.name));
                pairs.push(Pair { name: &file.name, plain: &file.text, sealed: &trial.sealed });
            }
            Err(reason) => tally.refuse(reason, reasons, &file.name),
        }
    }
    for (pair, verdict) in pairs.iter().zip(independent::compare(format, &pairs)) {
        tally.add("another parser", &verdict, pair.name);
    }
    println!("{}", tally.table(name, files.len(), begin.elapsed().as_secs()));
    assert!(tally.broken.is_empty(), "{name}:\n{}", tally.broken.join("\n"));
}

#[expect(clippy::disallowed_methods, reason = "the test's own environment, not the program's")]
fn all() -> bool {
    std::env::var("SEALEAF_CORPORA").is_ok_and(|value| value == "all")
}

/// Tries all files, on two threads, as CI has two cores and other tests to run.
fn tried(format: &'static dyn Format, files: &[Real]) -> Vec<Result<Trial, String>> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(files.len())));
    let work = || {
        let sealer = Sealer::new();
        while let Some((index, file)) = files.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
            let trial = catch_unwind(AssertUnwindSafe(|| sealer.trial(format, &file.text)))
                .unwrap_or_else(|_| Err("it panics".to_owned()));
            done.lock().unwrap().push((index, trial));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, trial)| trial).collect()
}

/// What all trials came to.
#[derive(Default)]
struct Tally {
    bytes: usize,
    leaves: usize,
    checks: BTreeMap<&'static str, Check>,
    /// By reason: the files.
    refused: BTreeMap<String, Vec<String>>,
    broken: Vec<String>,
}

/// One check over all files.
#[derive(Default)]
struct Check {
    holds: usize,
    absent: usize,
    /// By reason: the files.
    refused: BTreeMap<String, Vec<String>>,
}

impl Tally {
    fn add(&mut self, name: &'static str, verdict: &Verdict, file: &str) {
        let check = self.checks.entry(name).or_default();
        match verdict {
            Verdict::Holds => check.holds += 1,
            Verdict::Absent => check.absent += 1,
            Verdict::Refused(reason) => {
                check.refused.entry(general(reason)).or_default().push(file.to_owned());
            }
            Verdict::Broken(reason) => self.broken.push(format!("{name}: {file}: {reason}")),
        }
    }

    fn refuse(&mut self, reason: &str, known: Reasons, file: &str) {
        if !known.iter().any(|part| reason.contains(part)) {
            self.broken.push(format!("refused: {file}: {reason}"));
        }
        self.refused.entry(general(reason)).or_default().push(file.to_owned());
    }

    /// As markdown.
    fn table(&self, name: &str, files: usize, seconds: u64) -> String {
        let refused: usize = self.refused.values().map(Vec::len).sum();
        let mut out = format!(
            "### {}\n\n{files} files of {} KiB with {} leaves, in {seconds} s; {refused} are refused.\n\n",
            name.to_uppercase(),
            self.bytes >> 10,
            self.leaves
        );
        out += "| check | holds | nothing to try | refused |\n|---|---|---|---|\n";
        for (name, check) in &self.checks {
            let refused: usize = check.refused.values().map(Vec::len).sum();
            out += &format!("| {name} | {} | {} | {refused} |\n", check.holds, check.absent);
        }
        out += "\n| refused | files | one of them |\n|---|---|---|\n";
        let of_checks = self.checks.iter().flat_map(|(name, check)| {
            check.refused.iter().map(move |(reason, files)| (format!("{name}: {reason}"), files))
        });
        let of_files = self.refused.iter().map(|(reason, files)| (format!("file: {reason}"), files));
        for (reason, files) in of_files.chain(of_checks) {
            out += &format!("| {reason} | {} | `{}` |\n", files.len(), files[0]);
        }
        out
    }
}

/// A reason without places and names.
fn general(reason: &str) -> String {
    let reason = match reason.strip_prefix("line ") {
        Some(rest) => rest.split_once(": ").map_or(reason, |(_, rest)| rest),
        None => reason,
    };
    let mut parts = reason.split('`');
    let mut out = parts.next().unwrap_or_default().to_owned();
    while let (Some(_), Some(text)) = (parts.next(), parts.next()) {
        out += "`…`";
        out += text;
    }
    out
}
