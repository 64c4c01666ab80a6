//! A configuration and the edits of its text.

use std::path::Path;

use crate::config::edit::{self, EditError};
use crate::config::{Config, Meaning, Problem};

/// See [`super::configuration`].
pub(super) fn check(text: &str) {
    let Some(config) = read(text) else { return };
    for file in ["a.yaml", "secrets/prod.enc.json", ""] {
        if let Some(rule) = config.rule_for(file) {
            assert!(rule.matching_glob(file).is_some());
            drop(rule.policy(file));
        }
    }
    let known: Vec<String> = config.recipients.iter().map(|(name, _)| name.to_owned()).collect();
    add(text, &config, &known);
    for name in known.iter().take(3) {
        remove(text, name);
        for rule in 0..config.rules.len().min(2) {
            in_rule(text, rule, name);
        }
    }
}

/// A new recipient is one piece of new text, and everything else means what it did.
fn add(text: &str, config: &Config, known: &[String]) {
    let more = match edit::add_recipient(text, NAME, "age", KEY) {
        Ok(more) => more,
        Err(EditError::NameTaken(_)) => return,
        Err(EditError::Layout) => return assert!(has_mixed_breaks(text), "{text:?}"),
        Err(error) => panic!("{error}\n{text:?}"),
    };
    if known.iter().any(|name| name == NAME) {
        return assert_eq!(more, text);
    }
    assert!(is_inserted(text, &more), "{text:?}\n{more:?}");
    assert_eq!(edit::add_recipient(&more, NAME, "age", KEY).as_deref(), Ok(more.as_str()));
    let Some(after) = read_again(&more) else { return };
    let key = |config: &Config, name: &str| config.recipients.get(name).map(|named| shown(&named.meaning));
    let mut same = known.iter().map(|name| name.as_str());
    assert!(same.all(|name| key(&after, name) == key(config, name)));
    assert_eq!(after.recipients.iter().count(), known.len() + 1);
    assert!(key(&after, NAME).is_some_and(|shown| shown.contains(KEY)));
    assert_eq!(rules(&after), rules(config));
    let less = edit::remove_recipient(&more, NAME).expect("what was added can go");
    let less = read_again(&less).expect("a smaller file");
    assert_eq!(less.recipients.iter().count(), known.len());
    assert_eq!(rules(&less), rules(config));
}

/// A recipient that goes takes text away and brings none.
fn remove(text: &str, name: &str) {
    let Ok(less) = edit::remove_recipient(text, name) else { return };
    assert!(is_subsequence(&less, text), "{text:?}\n{less:?}");
    if let Some(after) = read_again(&less) {
        assert!(after.recipients.get(name).is_none());
    }
}

fn in_rule(text: &str, rule: usize, name: &str) {
    if let Ok(more) = edit::add_to_rule(text, rule, name) {
        assert!(is_subsequence(text, &more), "{text:?}\n{more:?}");
        assert_eq!(edit::add_to_rule(&more, rule, name).as_deref(), Ok(more.as_str()));
    }
    if let Ok(less) = edit::remove_from_rule(text, rule, name) {
        assert!(is_subsequence(&less, text), "{text:?}\n{less:?}");
        read_again(&less);
    }
}

fn read(text: &str) -> Option<Config> {
    Config::parse(text, Path::new(".sealeaf.toml")).ok()
}

/// What an edit wrote: it reads, or says one thing more than may be said.
fn read_again(text: &str) -> Option<Config> {
    match Config::parse(text, Path::new(".sealeaf.toml")) {
        Ok(config) => Some(config),
        Err(error) if matches!(*error.problem, Problem::Limit { .. }) => None,
        Err(error) => panic!("{error}\n{text:?}"),
    }
}

fn shown(meaning: &Meaning) -> String {
    format!("{meaning:?}")
}

/// What the rules say, without their lines.
fn rules(config: &Config) -> Vec<String> {
    let all = config.rules.iter();
    all.map(|rule| {
        let mut rule = rule.clone();
        rule.line = 0;
        format!(
            "{:?}",
            (rule.index, &rule.globs, &rule.recipients, &rule.groups, rule.threshold, rule.policy(""))
        )
    })
    .collect()
}

fn has_mixed_breaks(text: &str) -> bool {
    text.contains("\r\n") && text.replace("\r\n", "").contains('\n')
}

/// Whether `more` is `text` with one piece put in.
fn is_inserted(text: &str, more: &str) -> bool {
    let common = |a: &mut dyn Iterator<Item = (u8, u8)>| a.take_while(|(a, b)| a == b).count();
    let front = common(&mut text.bytes().zip(more.bytes()));
    let back = common(&mut text.bytes().rev().zip(more.bytes().rev()));
    front + back >= text.len() && more.len() >= text.len()
}

/// Whether `less` is `text` with bytes left out.
fn is_subsequence(less: &str, text: &str) -> bool {
    let mut bytes = text.bytes();
    less.bytes().all(|byte| bytes.any(|other| other == byte))
}

const NAME: &str = "fuzz";
const KEY: &str = "age1y8m84r6pwd4da5d45zzk03rlgv2xr7fn9px80suw3psrahul44ashl0usm";
