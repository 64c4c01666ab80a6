//! Branches that meet: how often sealed files conflict where their plain text would not, by the real `git merge-file`.
//!
//! `SEALEAF_MERGES=300 cargo test --release --features test-util --test it merges -- --nocapture` prints the table of
//! `docs/benchmarks.md`; without it there are 40 trials in each setting.

mod shapes;

use std::fs;
use std::path::Path;
use std::process::Command;

use sealeaf::envelope::native::State;
use sealeaf::file::Next;
use sealeaf::format::by_name;
use sealeaf::policy::{Cleartext, Policy, Selection};

use crate::attacks::history::{User, users};
use crate::support::{Dice, number};
use shapes::{Kind, Maker, Tree};

/// One row: what the documents are, and what both branches do to them.
struct Setting {
    label: &'static str,
    nested: bool,
    /// Percent of leaves in clear.
    clear: usize,
    kinds: &'static [Kind],
    /// At most so many edits on each branch.
    edits: usize,
    /// How many points of conflicts sealing may add; without a number it is only measured.
    allowed: Option<f64>,
}

/// How many trials conflicted.
#[derive(Default)]
struct Tally {
    trials: usize,
    plain: usize,
    bound: usize,
    free: usize,
    clean: usize,
}

#[test]
fn merges_conflict_as_plain_text_does() {
    let folder = tempfile::tempdir().unwrap();
    let trials = usize::try_from(number("SEALEAF_MERGES").unwrap_or(40)).unwrap();
    let mut table = "| two branches | trials | plain text | sealed | sealed, `cleartext: free` | clean merges that opened |\n|---|---|---|---|---|---|\n".to_owned();
    let mut findings = Vec::new();
    for (index, setting) in SETTINGS.iter().enumerate() {
        let tally = run(setting, Dice::new(u64::try_from(index).unwrap() + 1), trials, folder.path());
        let percent = |count: usize| 100.0 * share(count, tally.trials);
        let free = if setting.clear > 0 { format!("{:.1} %", percent(tally.free)) } else { String::new() };
        table += &format!(
            "| {} | {} | {:.1} % | {:.1} % | {free} | all {} |\n",
            setting.label,
            tally.trials,
            percent(tally.plain),
            percent(tally.bound),
            tally.clean
        );
        let more = percent(tally.bound) - percent(tally.plain);
        // Where points are allowed, few trials scatter.
        let scatter = |allowed: f64| if trials < 300 && allowed > 0.0 { 10.0 } else { 0.0 };
        if setting.allowed.is_some_and(|allowed| more > allowed + scatter(allowed)) {
            findings.push(format!("{}: {more:.1} points more conflicts", setting.label));
        }
    }
    println!("{table}");
    assert!(findings.is_empty(), "{findings:?}\n{table}");
}

fn run(setting: &Setting, dice: Dice, trials: usize, folder: &Path) -> Tally {
    let mut maker = Maker::new(dice, setting.clear);
    let mut tally = Tally::default();
    while tally.trials < trials {
        let base = if setting.nested { maker.nested() } else { maker.flat() };
        let [ours, theirs] = [(); 2].map(|()| {
            let mut side = base.clone();
            for _ in 0..=maker.dice.roll(setting.edits) {
                maker.edit(&mut side, setting.kinds);
            }
            side
        });
        if ours == base || theirs == base {
            continue;
        }
        tally.trials += 1;
        let texts = [&base, &ours, &theirs].map(Tree::text);
        let plain = merge_file(folder, &texts);
        tally.plain += usize::from(plain.is_none());
        let bound = sealed_merge(folder, &texts, Cleartext::Bound, plain.as_deref());
        tally.bound += usize::from(!bound);
        tally.clean += usize::from(bound);
        if setting.clear > 0 {
            let free = sealed_merge(folder, &texts, Cleartext::Free, plain.as_deref());
            tally.free += usize::from(!free);
            tally.clean += usize::from(free);
        }
    }
    tally
}

/// Whether the sealed branches merge cleanly. The result must then open with exactly the text that the plain branches
/// give, and one reseal must make it sealed.
fn sealed_merge(folder: &Path, texts: &[String; 3], cleartext: Cleartext, plain: Option<&str>) -> bool {
    let (alice, yaml) = (&users()[0], by_name("yaml").unwrap());
    let selection = Selection::parse(&["**".to_owned()], &["**.*_c".to_owned()]).unwrap();
    let policy = Policy { selection, cleartext, ..Policy::default() };
    let base = alice.seal(&texts[0], yaml, policy, std::slice::from_ref(&alice.recipient)).unwrap();
    let open = alice.open(&base, yaml).unwrap();
    let sides = [1, 2].map(|side| alice.edit(&open, &texts[side]).unwrap());
    let [ours, theirs] = sides;
    let Some(merged) = merge_file(folder, &[base, ours, theirs]) else { return false };
    resealed(alice, &merged, plain);
    true
}

fn resealed(alice: &User, merged: &str, plain: Option<&str>) {
    let yaml = by_name("yaml").unwrap();
    let open = alice
        .open(merged, yaml)
        .unwrap_or_else(|error| panic!("a clean merge is refused: {error}\n{merged}"));
    if let Some(plain) = plain {
        assert_eq!(open.plain().source.as_str(), plain, "\n{merged}");
    }
    let records = open.sealed_file().sealed();
    let newest = records.newest();
    let views = records.records();
    let touch = records.record_order().into_iter().find(|key| views[key].n == newest);
    let next = alice.next(&open, Next { touch, ..Next::default() }).unwrap();
    let again = alice.open(&next, yaml).unwrap();
    assert_eq!(again.state(), State::Sealed);
    assert_eq!(again.plain().source, open.plain().source);
}

/// What git makes of base, ours and theirs; `None` for a conflict.
#[expect(clippy::disallowed_methods, reason = "files of the test's own")]
fn merge_file(folder: &Path, texts: &[String; 3]) -> Option<String> {
    let names = ["base", "ours", "theirs"];
    for (name, text) in names.iter().zip(texts) {
        fs::write(folder.join(name), text).unwrap();
    }
    let output = Command::new("git")
        .args(["merge-file", "-p", "ours", "base", "theirs"])
        .current_dir(folder)
        .output()
        .unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn share(part: usize, of: usize) -> f64 {
    part as f64 / of.max(1) as f64
}

const MIXED: &[Kind] = &[Kind::Value, Kind::Value, Kind::Add, Kind::Delete, Kind::Rename, Kind::List];
const SETTINGS: &[Setting] = &[
    Setting {
        label: "flat, values change",
        nested: false,
        clear: 0,
        kinds: &[Kind::Value],
        edits: 2,
        allowed: Some(0.0),
    },
    Setting {
        label: "flat, values change, come and go",
        nested: false,
        clear: 0,
        kinds: &[Kind::Value, Kind::Value, Kind::Add, Kind::Add, Kind::Delete],
        edits: 2,
        // Nearly every line is an edit's neighbour here.
        allowed: Some(8.0),
    },
    Setting {
        label: "flat, values come",
        nested: false,
        clear: 0,
        kinds: &[Kind::Add],
        edits: 1,
        allowed: Some(5.0),
    },
    Setting {
        label: "nested, values change",
        nested: true,
        clear: 0,
        kinds: &[Kind::Value],
        edits: 2,
        allowed: Some(0.0),
    },
    Setting { label: "nested, mixed", nested: true, clear: 0, kinds: MIXED, edits: 2, allowed: Some(5.0) },
    Setting {
        label: "nested, mixed, 30 % in clear",
        nested: true,
        clear: 30,
        kinds: MIXED,
        edits: 2,
        allowed: None,
    },
    Setting {
        label: "nested, values change, 30 % in clear",
        nested: true,
        clear: 30,
        kinds: &[Kind::Value],
        edits: 2,
        allowed: None,
    },
    Setting {
        label: "nested, mixed, 80 % in clear",
        nested: true,
        clear: 80,
        kinds: MIXED,
        edits: 2,
        allowed: None,
    },
];
