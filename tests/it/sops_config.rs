//! `.sops.yaml`, against the real `sops`: which rule, which keys, which selector.

mod cases;

use std::fmt::Write as _;
use std::fs::{self, create_dir_all};
use std::path::Path;
use std::process::{Command, Stdio};

use sealeaf::config::discover::Owners;
use sealeaf::config::sops::{CreationRule, Discovered, MasterKey, discover, search};
use sealeaf::keys::Environment;
use serde_json::Value;

use crate::sops::tool::{Sops, key, recipient};
use crate::support::skip;

/// The real program in a folder, and our reading of the same folder.
struct Pair {
    sops: Sops,
}

impl Pair {
    fn new() -> Option<Self> {
        let sops = Sops::new()?;
        // Native use looks no further up than the repository's root.
        create_dir_all(sops.path(".git")).unwrap();
        Some(Self { sops })
    }

    /// Writes the configuration, with recipients for `K1` to `K3`, and a file.
    fn set(&self, config: &str, file: &str) {
        self.sops.write(".sops.yaml", &with_recipients(config));
        let path = self.sops.path(file);
        create_dir_all(path.parent().unwrap()).unwrap();
        self.sops.write(file, "a: 1\n");
    }

    fn run(&self, folder: &str, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(self.sops.program())
            .args(arguments)
            .current_dir(self.sops.path(folder))
            .env_clear()
            .env("HOME", self.sops.path(""))
            .env("SOPS_AGE_KEY", key(1))
            .env("SOPS_DISABLE_VERSION_CHECK", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// What `sops encrypt` makes of a file.
    fn theirs(&self, folder: &str, file: &str) -> String {
        match self.run(folder, &["encrypt", "--output-type", "json", file]) {
            Ok(text) => shown_file(&serde_json::from_str(&text).unwrap()),
            Err(error) if error.contains("no matching creation rules") => "no rule".to_owned(),
            Err(error) if error.contains("has no creation rules") => "no rules".to_owned(),
            Err(error) if error.contains("empty key group provided") => "no keys".to_owned(),
            Err(error) if error.contains("panic") => "crash".to_owned(),
            Err(_) => "refused".to_owned(),
        }
    }

    fn search(&self, folder: &str) -> Result<Option<Discovered>, String> {
        let from = self.sops.path(folder);
        search(&from, None, &Environment::default(), &mut Vec::new()).map_err(|error| error.to_string())
    }

    /// What our reading in the manner of `sops` says about it.
    fn ours(&self, folder: &str, file: &str) -> String {
        let found = match self.search(folder) {
            Ok(found) => found,
            Err(_) => return "refused".to_owned(),
        };
        let Some(found) = found.filter(|found| found.config.creation_rules.is_some()) else {
            return "no rules".to_owned();
        };
        found.rule_for(Path::new(file)).unwrap().map_or_else(|| "no rule".to_owned(), shown_rule)
    }

    /// The same in native use.
    fn native(&self, file: &str) -> String {
        let path = self.sops.path(file);
        match discover(&path, &Environment::default(), &Owners::any(), &mut Vec::new()) {
            Ok(Some(found)) if found.config.creation_rules.is_none() => "no rules".to_owned(),
            Ok(Some(found)) => {
                found.rule_for(&path).unwrap().map_or_else(|| "no rule".to_owned(), shown_rule)
            }
            Ok(None) => "no file".to_owned(),
            Err(_) => "refused".to_owned(),
        }
    }
}

fn with_recipients(text: &str) -> String {
    (1..=3).fold(text.to_owned(), |text, number| text.replace(&format!("K{number}"), &recipient(number)))
}

fn without_recipients(text: &str) -> String {
    (1..=3).fold(text.to_owned(), |text, number| text.replace(&recipient(number), &format!("K{number}")))
}

/// The rule behind a file's metadata: `K1 K2 | K3; 2 needed; encrypted_regex=x; mac of encrypted`.
fn shown_file(file: &Value) -> String {
    let sops = &file["sops"];
    let recipients = |group: &Value| {
        let keys = group["age"].as_array().into_iter().flatten();
        keys.map(|key| key["recipient"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let groups: Vec<Vec<String>> = match sops["key_groups"].as_array() {
        Some(groups) => groups.iter().map(recipients).collect(),
        None => vec![recipients(sops)],
    };
    let selector = SELECTORS.iter().find_map(|name| Some((*name, sops[name].as_str()?)));
    shown(&groups, sops["shamir_threshold"].as_u64(), selector, sops["mac_only_encrypted"] == true)
}

fn shown_rule(rule: &CreationRule) -> String {
    if rule.groups.is_empty() {
        return "no keys".to_owned();
    }
    let groups: Vec<Vec<String>> =
        rule.groups.iter().map(|group| group.keys.iter().map(|key| key.key.key_ref().id).collect()).collect();
    // What SOPS writes of a rule that leaves it open.
    let all = (groups.len() > 1).then_some(groups.len() as u64);
    let selector = rule
        .selector
        .as_ref()
        .map_or((SELECTORS[0], "_unencrypted"), |selector| (selector.by().name(), selector.text()));
    shown(&groups, rule.shamir_threshold.map(u64::from).or(all), Some(selector), rule.mac_only_encrypted)
}

fn shown(
    groups: &[Vec<String>],
    threshold: Option<u64>,
    selector: Option<(&str, &str)>,
    mac_only_encrypted: bool,
) -> String {
    let groups: Vec<String> = groups.iter().map(|keys| keys.join(" ")).collect();
    let mut text = groups.join(" | ");
    if let Some(needed) = threshold {
        write!(text, "; {needed} needed").unwrap();
    }
    if let Some((name, value)) = selector {
        write!(text, "; {name}={value}").unwrap();
    }
    text.push_str(if mac_only_encrypted { "; mac of encrypted" } else { "" });
    without_recipients(&text)
}

#[test]
fn the_same_rule_is_chosen() {
    let Some(pair) = Pair::new() else { return skip("there is no `sops`") };
    let mut wrong = String::new();
    for (config, file, native) in cases::EQUAL {
        pair.set(config, file);
        let (theirs, ours) = (pair.theirs("", file), pair.ours("", file));
        if theirs != ours {
            writeln!(wrong, "{config}\n{file}\n  theirs {theirs}\n  ours   {ours}\n").unwrap();
        }
        let expect = if *native { ours.as_str() } else { "refused" };
        if pair.native(file) != expect {
            writeln!(wrong, "{config}\n{file}\n  native {}\n  expect {expect}", pair.native(file)).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_sops_takes_and_we_do_not() {
    let Some(pair) = Pair::new() else { return skip("there is no `sops`") };
    for config in cases::STRICTER {
        pair.set(config, "a.yaml");
        let (theirs, ours) = (pair.theirs("", "a.yaml"), pair.ours("", "a.yaml"));
        assert_ne!(theirs, "refused", "{config}");
        assert_eq!(ours, "refused", "{config}");
        assert_eq!(pair.native("a.yaml"), "refused", "{config}");
    }
}

#[test]
fn paths_are_as_sops_makes_them() {
    let Some(pair) = Pair::new() else { return skip("there is no `sops`") };
    let config = "creation_rules:\n- path_regex: ^sub/a\\.yaml$\n  age: K1\n\
                  - path_regex: ^/\n  age: K2\n- age: K3\n";
    pair.set(config, "sub/a.yaml");
    let root = pair.sops.path("");
    create_dir_all(root.join("other/deep")).unwrap();
    std::os::unix::fs::symlink("sub", root.join("link")).unwrap();
    let outside = tempfile::tempdir().unwrap();
    let foreign = outside.path().join("a.yaml");
    fs::copy(root.join("sub/a.yaml"), &foreign).unwrap();
    let absolute = root.join("sub/a.yaml");
    for (folder, file, expect) in [
        ("", "sub/a.yaml", "K1"),
        ("", "./sub/../sub/a.yaml", "K1"),
        ("sub", "a.yaml", "K1"),
        ("other/deep", "../../sub/a.yaml", "K1"),
        ("other", absolute.to_str().unwrap(), "K1"),
        ("", "link/a.yaml", "K3"),
        ("", foreign.to_str().unwrap(), "K2"),
    ] {
        let (theirs, ours) = (pair.theirs(folder, file), pair.ours(folder, file));
        assert_eq!(theirs, ours, "{folder} {file}");
        assert_eq!(ours, format!("{expect}; unencrypted_suffix=_unencrypted"), "{folder} {file}");
    }
    // Native use follows links among the folders.
    assert!(pair.native("link/a.yaml").starts_with("K1"), "{}", pair.native("link/a.yaml"));
}

/// `updatekeys` shows the keys of a rule without asking any service for them.
#[test]
fn every_key_type_is_read() {
    let Some(pair) = Pair::new() else { return skip("there is no `sops`") };
    for config in cases::KEYS {
        pair.set("creation_rules: [{age: K1}]", "a.yaml");
        pair.run("", &["encrypt", "--in-place", "a.yaml"]).unwrap();
        pair.sops.write(".sops.yaml", &with_recipients(config));
        let output = Command::new(pair.sops.program())
            .args(["updatekeys", "a.yaml"])
            .current_dir(pair.sops.path(""))
            .env_clear()
            .env("SOPS_AGE_KEY", key(1))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        let theirs: Vec<&str> = shown
            .lines()
            .filter_map(|line| line.strip_prefix("+++ ").or(line.strip_prefix("    ")))
            .collect();
        let found = pair.search("").unwrap().unwrap();
        let rule = found.rule_for(Path::new("a.yaml")).unwrap().unwrap();
        let keys = rule.groups.iter().flat_map(|group| &group.keys);
        let mut ours: Vec<String> = keys.map(|key| as_sops_shows(&key.key)).collect();
        // We write fingerprints in capitals.
        let mut theirs: Vec<String> = theirs.into_iter().map(str::to_ascii_lowercase).collect();
        ours.iter_mut().for_each(|id| id.make_ascii_lowercase());
        theirs.sort_unstable();
        ours.sort_unstable();
        assert_eq!(theirs, ours, "{config}");
    }
}

fn as_sops_shows(key: &MasterKey) -> String {
    let id = key.key_ref().id;
    let MasterKey::Kms { context, profile, .. } = key else { return id };
    let id = id.split('|').next().unwrap();
    let pairs: Vec<String> = context.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    match (pairs.join(","), profile) {
        (pairs, Some(profile)) => format!("{id}|{pairs}|{profile}"),
        (pairs, None) if pairs.is_empty() => id.to_owned(),
        (pairs, None) => format!("{id}|{pairs}"),
    }
}

const SELECTORS: [&str; 6] = [
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
];
