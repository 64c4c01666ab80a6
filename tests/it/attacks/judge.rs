//! What a manipulated text opens as, and whether it may.

use std::collections::BTreeMap;

use sealeaf::envelope::native::{RecordKey, RecordView, Sealed, State, rolled_back};

use super::content::Content;
use super::history::{History, Version};

/// What became of a manipulated text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// It does not open.
    Refused,
    /// It is sealed, and a complete version.
    Version,
    /// It is another file of the same recipients, whole: its identity tells.
    Other,
    /// It is linked, and a complete version but for seals.
    Unsealed,
    /// It is linked, and authentic pieces of several versions.
    Mix,
}

/// What an attack reached, if it is more than the format allows.
pub(super) fn judge(history: &History, text: &str) -> Result<Verdict, String> {
    let Ok(open) = history.open(text) else { return Ok(Verdict::Refused) };
    let content = Content::of(&open);
    let records = open.sealed_file().sealed().records();
    let is_one = |version: &Version| {
        agrees(&version.content, &content)
            && same_records(&version.file.sealed().records(), &records, open.state() == State::Sealed)
    };
    let identity = |version: &Version| version.file.sealed().identity();
    let own = open.sealed_file().sealed().identity();
    if history.versions.iter().all(|version| identity(version) != own) {
        let whole = history.other.iter().any(is_one);
        return if whole { Ok(Verdict::Other) } else { Err("it opens and is of no file".to_owned()) };
    }
    let is_version = history.versions.iter().any(is_one);
    if open.state() == State::Sealed && !is_version {
        return Err("it opens as sealed and is no version".to_owned());
    }
    let known = |pair: &String| history.versions.iter().any(|version| version.content.pairs.contains(pair));
    if let Some(pair) = content.pairs.iter().find(|pair| !known(pair)) {
        return Err(format!("no version has the value {pair}"));
    }
    let known = |token| history.versions.iter().any(|version| version.content.tokens.contains(token));
    if !content.tokens.iter().all(known) {
        return Err("no version has this ciphertext in this place".to_owned());
    }
    rollback(history, open.sealed_file().sealed(), &content)?;
    Ok(match (open.state(), is_version) {
        (State::Sealed, _) => Verdict::Version,
        (State::Linked, true) => Verdict::Unsealed,
        (State::Linked, false) => Verdict::Mix,
    })
}

/// Whoever has no key can only bring back: what differs from the newest version must be found.
fn rollback(history: &History, now: &Sealed, content: &Content) -> Result<(), String> {
    let reference = history.last();
    if agrees(&reference.content, content) {
        return Ok(());
    }
    let versions = || history.versions.iter().map(|version| version.file.sealed());
    if rolled_back(now, reference.file.sealed(), versions()).is_empty() {
        return Err("the rollback is missed".to_owned());
    }
    if rolled_back(now, reference.file.sealed(), std::iter::empty()).is_empty() {
        return Err("the rollback is missed without history".to_owned());
    }
    Ok(())
}

fn agrees(a: &Content, b: &Content) -> bool {
    a.loud == b.loud && a.clear == b.clear && a.rule == b.rule
}

/// The same records: with their seals or without.
fn same_records(
    a: &BTreeMap<RecordKey, RecordView>,
    b: &BTreeMap<RecordKey, RecordView>,
    seals: bool,
) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|((key, one), (other, two))| {
            key == other && one.n == two.n && one.value == two.value && (!seals || one.print == two.print)
        })
}
