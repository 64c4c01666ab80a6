//! What is left when something fails in the middle: full and broken disks, size limits, a kill at any system call.
//!
//! Every write-related system call of a verb is made to fail, one by one, and every system call is once the last. By
//! default a sample is tried; `SEALEAF_FAULT_TRIALS=all` tries them all.

mod bench;
mod trace;

use std::collections::BTreeMap;

use crate::support::skip;
use bench::{Bench, JSON, TOML, Verb, YAML, outdated, plain, sealed};
use trace::{Fault, Injection};

static ENCRYPT: Verb = Verb {
    name: "encrypt",
    arguments: &["encrypt", "s"],
    stdin: "",
    editor: None,
    prepare: plain,
    writes: &[("s/a.yaml", YAML), ("s/b.json", JSON), ("s/c.toml", TOML)],
    together: false,
};

static SET: Verb = Verb {
    name: "set",
    arguments: &["set", "s/b.json", "token"],
    stdin: "canary-new",
    editor: None,
    prepare: sealed,
    writes: &[("s/b.json", "{\n  \"token\": \"canary-new\",\n  \"more\": [1, 2]\n}\n")],
    together: true,
};

static EDIT: Verb = Verb {
    name: "edit",
    arguments: &["edit", "s/c.toml"],
    stdin: "",
    editor: Some("sed -i s/three/new/ \"$1\""),
    prepare: sealed,
    writes: &[("s/c.toml", "key = \"canary-new\"\n\n[more]\non = true\n")],
    together: true,
};

static ROTATE: Verb = Verb {
    name: "rotate",
    arguments: &["rotate", "s"],
    stdin: "",
    editor: None,
    prepare: sealed,
    writes: &[("s/a.yaml", YAML), ("s/b.json", JSON), ("s/c.toml", TOML)],
    together: true,
};

static REKEY: Verb = Verb {
    name: "rekey",
    arguments: &["rekey", "--yes", "s"],
    stdin: "",
    editor: None,
    prepare: outdated,
    writes: &[("s/a.yaml", YAML), ("s/b.json", JSON), ("s/c.toml", TOML)],
    together: true,
};

static REMOVE: Verb = Verb {
    name: "recipients remove",
    arguments: &["recipients", "remove", "--yes", "bob"],
    stdin: "",
    editor: None,
    prepare: sealed,
    writes: &[(".sealeaf.toml", ""), ("s/a.yaml", YAML), ("s/b.json", JSON), ("s/c.toml", TOML)],
    together: true,
};

#[test]
fn ac_69_ac_70_encrypt() {
    check(&ENCRYPT);
}

#[test]
fn ac_69_ac_70_set() {
    check(&SET);
}

#[test]
fn ac_69_ac_70_edit() {
    check(&EDIT);
}

#[test]
fn ac_69_ac_70_rotate() {
    check(&ROTATE);
}

#[test]
fn ac_69_ac_70_rekey() {
    check(&REKEY);
}

#[test]
fn ac_69_ac_70_recipients_remove() {
    check(&REMOVE);
}

/// Tries one verb with every fault, or a sample of them.
#[track_caller]
fn check(verb: &'static Verb) {
    let bench = Bench::new(verb);
    if !trace::available(&bench.project) {
        return skip("strace is not here, or may not trace");
    }
    let calls = trace::record(&bench.project, bench.run());
    let every = sample();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for injection in injections(&calls).into_iter().step_by(every) {
        bench.restore();
        let (output, took_place) = trace::inject(&bench.project, bench.run(), &injection);
        let killed = injection.fault == Fault::Kill;
        let outcome = match bench.check(&output, &injection, took_place) {
            Ok(states) => {
                let kind = if killed { "kill" } else { "error" };
                let code = if killed && took_place { 137 } else { output.code };
                format!("{kind}, exit {code}, {states:?}{}", if took_place { "" } else { ", without effect" })
            }
            Err(what) => {
                failures.push(format!("{injection:?}: {what}\n  {}", output.stderr.trim_end()));
                "FAILED".to_owned()
            }
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    report(verb.name, &outcomes);
    assert!(failures.is_empty(), "{} of `{}`:\n{}", failures.len(), verb.name, failures.join("\n"));
}

/// Every error at every call that writes, and a kill at every call.
fn injections(calls: &BTreeMap<String, usize>) -> Vec<Injection> {
    let mut all = Vec::new();
    for (call, count) in calls {
        let faults = ERRORS.iter().map(|name| Fault::Error(name)).filter(|_| WRITES.contains(&call.as_str()));
        for fault in faults.chain([Fault::Kill]) {
            all.extend((1..=*count).map(|nth| Injection { call: call.clone(), nth, fault }));
        }
    }
    all
}

/// Every how many injections one is tried.
#[expect(clippy::disallowed_methods, reason = "the test's own environment, not the program's")]
fn sample() -> usize {
    match std::env::var("SEALEAF_FAULT_TRIALS").as_deref() {
        Ok("all") => 1,
        _ => SAMPLE,
    }
}

#[expect(clippy::print_stdout, reason = "the table is for whoever reads the test's output")]
fn report(name: &str, outcomes: &BTreeMap<String, usize>) {
    for (outcome, count) in outcomes {
        println!("{name}\t{count}\t{outcome}");
    }
}

const SAMPLE: usize = 17;
const ERRORS: [&str; 4] = ["ENOSPC", "EIO", "EDQUOT", "EFBIG"];
const WRITES: [&str; 19] = [
    "fchmod",
    "fchown",
    "fdatasync",
    "flock",
    "fsetxattr",
    "fsync",
    "ftruncate",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
    "openat",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "unlink",
    "unlinkat",
    "write",
];
