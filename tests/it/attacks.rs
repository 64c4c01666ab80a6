//! Attacks without a key: random manipulations of random files with a history, and those by name.
//!
//! `SEALEAF_ATTACKS=1000000 cargo test --release --features test-util --test it attacks` makes a million; without it
//! they are 100,000. `SEALEAF_SEED` begins elsewhere.

mod content;
mod flips;
pub(crate) mod history;
mod judge;
mod manipulate;
mod model;
mod named;
mod render;
mod tokens;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use history::History;
use judge::{Verdict, judge};
use manipulate::{Material, manipulate};

use crate::support::{Dice, number};

#[test]
fn nothing_forged_opens_yaml() {
    attack("yaml", count() / 2);
}

#[test]
fn nothing_forged_opens_json() {
    attack("json", count() / 4);
}

#[test]
fn nothing_forged_opens_toml() {
    attack("toml", count() / 4);
}

/// Random files, each with its history, and [`TRIES`] manipulations of each.
#[expect(clippy::print_stdout, reason = "shown where a test is run with --nocapture")]
fn attack(format: &'static str, count: usize) {
    let (start, mut tally, mut findings) = (Instant::now(), BTreeMap::<Verdict, usize>::new(), String::new());
    let mut files = 0;
    for seed in (seed()..).take(count.div_ceil(TRIES)) {
        let mut dice = Dice::new(seed);
        let history = History::random(&mut dice, format);
        let versions: Vec<String> = history.versions.iter().map(|version| version.text.clone()).collect();
        let other: Vec<String> = history.other.iter().map(|version| version.text.clone()).collect();
        let material = Material { versions: &versions, other: &other, format };
        for attempt in 0..TRIES {
            let text = manipulate(&material, &mut dice);
            match judge(&history, &text) {
                Ok(verdict) => *tally.entry(verdict).or_default() += 1,
                Err(finding) if findings.len() < 20_000 => {
                    let newest = versions.last().map_or("", String::as_str);
                    let _ = write!(
                        findings,
                        "{format}, seed {seed}, attempt {attempt}: {finding}\n--- newest\n{newest}--- manipulated\n{text}"
                    );
                }
                Err(_) => {}
            }
        }
        files += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    let made = files * TRIES;
    println!("{format}: {made} manipulations of {files} files in {seconds:.1} s: {tally:?}");
    assert!(findings.is_empty(), "{findings}");
    let all = [Verdict::Refused, Verdict::Version, Verdict::Unsealed, Verdict::Mix];
    assert!(
        all.iter().all(|verdict| tally.contains_key(verdict)),
        "a kind of result never came up: {tally:?}"
    );
}

fn count() -> usize {
    usize::try_from(number("SEALEAF_ATTACKS").unwrap_or(100_000)).unwrap()
}

fn seed() -> u64 {
    number("SEALEAF_SEED").unwrap_or(1)
}

/// Manipulations of each file.
const TRIES: usize = 125;
