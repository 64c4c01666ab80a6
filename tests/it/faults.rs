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
fn ac_69_encrypt_with_errors() {
    check(&ENCRYPT, errors);
}

#[test]
fn ac_70_encrypt_with_kills() {
    check(&ENCRYPT, kills);
}

#[test]
fn ac_69_set_with_errors() {
    check(&SET, errors);
}

#[test]
fn ac_70_set_with_kills() {
    check(&SET, kills);
}

#[test]
fn ac_69_edit_with_errors() {
    check(&EDIT, errors);
}

#[test]
fn ac_70_edit_with_kills() {
    check(&EDIT, kills);
}

#[test]
fn ac_69_rotate_with_errors() {
    check(&ROTATE, errors);
}

#[test]
fn ac_70_rotate_with_kills() {
    check(&ROTATE, kills);
}

#[test]
fn ac_69_rekey_with_errors() {
    check(&REKEY, errors);
}

#[test]
fn ac_70_rekey_with_kills() {
    check(&REKEY, kills);
}

#[test]
fn ac_69_recipients_remove_with_errors() {
    check(&REMOVE, errors);
}

#[test]
fn ac_70_recipients_remove_with_kills() {
    check(&REMOVE, kills);
}

/// A random generator that fails is an error; a file is never sealed without it.
#[test]
fn ac_76_without_randomness() {
    for verb in [&ENCRYPT, &SET, &EDIT, &ROTATE, &REKEY] {
        check(verb, |calls| {
            let count = calls.get("getrandom").copied().unwrap_or_default();
            let each =
                |name| (1..=count).map(move |nth| Injection::new("getrandom", nth, Fault::Error(name)));
            ["EIO", "EAGAIN", "ENOSYS"].into_iter().flat_map(each).collect()
        });
    }
}

/// Tries one verb with every fault, or a sample of them.
#[track_caller]
fn check(verb: &'static Verb, injections: impl Fn(&BTreeMap<String, usize>) -> Vec<Injection>) {
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

/// Every error at every call that writes.
fn errors(calls: &BTreeMap<String, usize>) -> Vec<Injection> {
    let writes = calls.iter().filter(|(call, _)| WRITES.contains(&call.as_str()));
    let each = |(call, count): (&String, &usize)| {
        let at = |nth| ERRORS.map(|name| Injection::new(call, nth, Fault::Error(name)));
        (1..=*count).flat_map(at).collect::<Vec<_>>()
    };
    writes.flat_map(each).collect()
}

/// A kill at every call.
fn kills(calls: &BTreeMap<String, usize>) -> Vec<Injection> {
    let each = |(call, count): (&String, &usize)| {
        let call = call.clone();
        (1..=*count).map(move |nth| Injection::new(&call, nth, Fault::Kill))
    };
    calls.iter().flat_map(each).collect()
}

/// Every how many injections one is tried.
#[expect(clippy::disallowed_methods, reason = "the test's own environment, not the program's")]
fn sample() -> usize {
    match std::env::var("SEALEAF_FAULT_TRIALS").as_deref() {
        Ok("all") => 1,
        _ => SAMPLE,
    }
}

/// Every size limit that a new version can run into.
#[test]
fn ac_69_a_limit_on_file_sizes() {
    for verb in [&ENCRYPT, &SET, &EDIT, &ROTATE, &REKEY, &REMOVE] {
        let bench = Bench::new(verb);
        let mut outcomes = BTreeMap::new();
        for size in (0..3000).step_by(200).chain([1, 100_000]) {
            bench.restore();
            let output = bench.run().under("prlimit", &[&format!("--fsize={size}"), "--"]).output();
            match bench.check(&output, &Injection::new("write", 1, Fault::Error("EFBIG")), true) {
                Ok(states) => {
                    let outcome = format!("size limit, exit {}, {states:?}", output.code);
                    *outcomes.entry(outcome).or_default() += 1;
                }
                Err(what) => panic!("{} with {size} bytes: {what}\n{}", verb.name, output.stderr),
            }
        }
        report(verb.name, &outcomes);
    }
}

/// A file system in memory that has room for this many pages more.
#[test]
fn ac_69_a_full_file_system() {
    for verb in [&ENCRYPT, &SET, &EDIT, &ROTATE, &REKEY] {
        let bench = Bench::new(verb);
        let (namespace, folder) = (bench.namespace(), bench.folder());
        let mounts = [namespace, "mount", "-t", "tmpfs", "none", &folder];
        if !bench.project.command("unshare").args(mounts).output().is_ok_and(|it| it.status.success()) {
            return println!("skipped: mounting is not allowed here");
        }
        let mut outcomes = BTreeMap::new();
        for pages in 0..6 {
            bench.restore();
            let arguments = [namespace, "sh", "-c", FULL, &folder, &pages.to_string()];
            let output = bench.run().under("unshare", &arguments).output();
            match bench.check(&output, &Injection::new("write", 1, Fault::Error("ENOSPC")), true) {
                Ok(states) => {
                    let outcome = format!("full file system, exit {}, {states:?}", output.code);
                    *outcomes.entry(outcome).or_default() += 1;
                }
                Err(what) => panic!("{} with {pages} pages: {what}\n{}", verb.name, output.stderr),
            }
        }
        // There is room for some of it, and not for all.
        assert!(outcomes.len() > 1, "{outcomes:?}");
        report(verb.name, &outcomes);
    }
}

#[expect(clippy::print_stdout, reason = "the table is for whoever reads the test's output")]
fn report(name: &str, outcomes: &BTreeMap<String, usize>) {
    for (outcome, count) in outcomes {
        println!("{name}\t{count}\t{outcome}");
    }
}

/// Mounts a small file system over the folder `$0`, its files in it, leaves `$1` pages free, and runs the rest; what is
/// in the folder then is put back below.
const FULL: &str = r#"
folder=$0 pages=$1; shift
copy=$(dirname "$folder")/../full; rm -rf "$copy"; cp -a "$folder" "$copy" || exit 99
mount -t tmpfs -o size=64k,mode=755 none "$folder" 2>/dev/null || exit 99
cp -a "$copy/." "$folder"
dd if=/dev/zero of="$folder/.filler" bs=4096 2>/dev/null
size=$(stat -c %s "$folder/.filler")
truncate -s $((size - pages * 4096)) "$folder/.filler"
"$@"; code=$?
rm "$folder/.filler"
rm -rf "$copy"; cp -a "$folder" "$copy"; umount "$folder"
rm -rf "$folder"; mv "$copy" "$folder"
exit $code
"#;
const SAMPLE: usize = 23;
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
