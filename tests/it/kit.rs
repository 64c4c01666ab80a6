//! The kit of `tests/fixtures/kit`: small sealed files, each with one fault, made by the independent implementation
//! (`tests/independent/make_kit.py`). Each must meet its exit code, with a key and without, in both implementations.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Output, Sandbox, python, skip, tools};

/// A file of the kit, as `kit.json` has it.
#[derive(Debug, Deserialize)]
struct Case {
    file: String,
    what: String,
    section: u32,
    code: i32,
    keyless: i32,
    state: Option<String>,
}

#[test]
fn each_file_meets_its_exit_code() {
    let cases = cases();
    let kit = Kit::new();
    let half = cases.len() / 2;
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let halves = [&cases[..half], &cases[half..]];
        let checks =
            halves.map(|cases| scope.spawn(|| cases.iter().flat_map(|case| kit.check(case)).collect()));
        checks.into_iter().flat_map(|check| -> Vec<String> { check.join().unwrap() }).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(kit.sandbox.temporary_files(), Vec::<String>::new());
}

#[test]
fn the_independent_reader_agrees() {
    let Some(tools) = tools() else { return skip("scripts/setup.sh was not run") };
    let cases = cases();
    let kit = Kit::new();
    let request = |case: &Case| {
        let format = case.file.rsplit('.').next();
        let file = kit.sandbox.path(&case.file);
        json!({ "do": "open", "file": file, "format": format, "identity": kit.identity })
    };
    let mut requests: Vec<Value> = cases.iter().map(request).collect();
    for (case, request) in cases.iter().zip(&mut requests).filter(|(case, _)| case.code == 0) {
        request["plain"] = kit.run(&["decrypt", "--quiet", &case.file]).stdout.into();
    }
    for (case, answer) in cases.iter().zip(python::ask(&tools, &requests)) {
        let found = (answer["code"].as_i64().unwrap_or_default(), answer["state"].as_str());
        assert_eq!(found, (case.code.into(), case.state.as_deref()), "{case:?}: {answer}");
        assert_eq!(answer["difference"], Value::Null, "{case:?}");
    }
}

#[test]
fn the_kit_is_what_its_maker_makes() {
    let Some(tools) = tools() else { return skip("scripts/setup.sh was not run") };
    let output = python::script(&tools, "make_kit.py").arg("--check").output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "run tests/independent/make_kit.py; these differ:\n{shown}");
}

#[test]
fn the_kit_is_large_and_has_every_class() {
    let cases = cases();
    let count = |code: i32| cases.iter().filter(|case| case.code == code).count();
    assert!(cases.len() - count(0) >= 150);
    for code in [0, 4, 5, 6, 7, 8] {
        assert!(count(code) >= 3, "too few of code {code}");
    }
    for state in ["sealed", "linked"] {
        assert!(cases.iter().any(|case| case.state.as_deref() == Some(state)));
    }
    assert!(cases.iter().all(|case| (1..=14).contains(&case.section)));
}

/// A repository that holds the kit, with its key beside it.
struct Kit {
    sandbox: Sandbox,
    identity: PathBuf,
}

impl Kit {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        for entry in fs::read_dir(folder()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, sandbox.path(path.file_name().unwrap().to_str().unwrap())).unwrap();
        }
        let identity = sandbox.home().join("kit.txt");
        fs::rename(sandbox.path("identity.txt"), &identity).unwrap();
        fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).unwrap();
        Self { sandbox, identity }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.sandbox.run(arguments).env("SEALEAF_IDENTITY_FILE", &self.identity).output()
    }

    /// What is not as it must be.
    fn check(&self, case: &Case) -> Vec<String> {
        let verified = self.run(&["verify", &case.file]);
        let opened = self.run(&["decrypt", "--quiet", &case.file]);
        let keyless = || self.sandbox.run(&["decrypt", "--quiet", &case.file]).output();
        // Most need the key, which says little about the file.
        let keyless = if case.keyless == 4 { None } else { Some(keyless()) };
        let mut wrong = Vec::new();
        for (verb, output, code) in [
            ("verify", Some(&verified), case.code),
            ("decrypt", Some(&opened), case.code),
            ("decrypt without a key", keyless.as_ref(), case.keyless),
        ] {
            let Some(output) = output else { continue };
            if output.code != code {
                wrong.push(format!("{case:?}: {verb}: {}: {}", output.code, output.stderr));
            }
            if code != 0 && !output.stdout.is_empty() {
                wrong.push(format!("{case:?}: {verb}: something on standard output"));
            }
        }
        let state = case.state.as_ref().map(|state| format!("{}: {state}, ", case.file));
        if !verified.stdout.starts_with(state.as_deref().unwrap_or_default()) {
            wrong.push(format!("{case:?}: verify: {}", verified.stdout));
        }
        wrong
    }
}

fn cases() -> Vec<Case> {
    let cases: Vec<Case> = serde_json::from_slice(&fs::read(folder().join("kit.json")).unwrap()).unwrap();
    assert!(cases.iter().all(|case| !case.what.is_empty()));
    cases
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kit")
}
