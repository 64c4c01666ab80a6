//! Records as anyone sees them, without a key: what a merge kept, and what a rollback brought back
//! (`docs/design/format-v1.md`, sections 8 and 13).

use std::collections::{BTreeMap, HashMap, HashSet};

use super::error::Places;
use super::read::Sealed;
use super::structure::Place;
use crate::crypto::sha256;

/// Names a record across versions of one file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKey {
    /// The policy record.
    Policy,
    /// The head.
    Head,
    /// A token, by its encoded path with all ids.
    Token(Vec<u8>),
    /// A section, by its name component and how many of that name stand before it.
    Section(Vec<u8>, usize),
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordView {
    /// The number of the write session that wrote it.
    pub n: u32,
    /// A digest of all its bytes, seal included.
    pub print: [u8; 32],
    /// A digest of all its bytes but the seal, which anyone can change in an older record of a linked file.
    pub mark: [u8; 32],
    /// A digest of its ciphertext alone: the same while only its tail is rewritten. Empty records have none.
    pub value: Option<[u8; 32]>,
    /// Where it stands, for a token or comment.
    pub place: Option<Place>,
    /// What to call it.
    pub label: String,
}

impl Sealed {
    /// Every record by its key.
    #[must_use]
    pub fn records(&self) -> BTreeMap<RecordKey, RecordView> {
        let mut records = BTreeMap::new();
        let mut put = |key, vp: &[u8], tail: super::token::Tail, place, label| {
            let print = sha256(&[vp, tail.to_text().as_bytes()].concat());
            let mark = sha256(&[vp, &tail.n.to_be_bytes(), &tail.tag].concat());
            let value = (!vp.is_empty()).then(|| sha256(vp));
            records.insert(key, RecordView { n: tail.n, print, mark, value, place, label });
        };
        put(RecordKey::Policy, &[], self.header.record, None, "the rule and recipients".to_owned());
        put(RecordKey::Head, &[], self.header.head, None, "the beginning of the file".to_owned());
        let places = Places::new(&self.body);
        for (index, record) in self.structure.records.iter().enumerate() {
            if let Some(token) = self.token(record.place) {
                let at = places.of(record.place);
                let label = at.path.as_ref().map_or_else(|| at.to_string(), |path| format!("`{path}`"));
                let key = RecordKey::Token(self.structure.path(index).to_vec());
                put(key, &token.vp(), token.tail, Some(record.place), label);
            }
        }
        let mut seen: HashMap<&[u8], usize> = HashMap::new();
        for (section, (name, tail)) in self.structure.sections.iter().zip(&self.header.sections) {
            let count = seen.entry(&section.name).or_default();
            let key = RecordKey::Section(section.name.clone(), *count);
            *count += 1;
            put(key, &[], *tail, None, format!("the cleartext below `{name}`"));
        }
        records
    }

    /// The keys of all records in the order of section 8.
    #[must_use]
    pub fn record_order(&self) -> Vec<RecordKey> {
        let count = self.structure.records.len();
        let tokens = (0..count).map(|index| RecordKey::Token(self.structure.path(index).to_vec()));
        let mut seen: HashMap<&[u8], usize> = HashMap::new();
        let sections = self.structure.sections.iter().map(|section| {
            let count = seen.entry(&section.name).or_default();
            *count += 1;
            RecordKey::Section(section.name.clone(), *count - 1)
        });
        [RecordKey::Policy, RecordKey::Head].into_iter().chain(tokens).chain(sections).collect()
    }

    /// A file's identity: id, epoch and commitment. The id alone can be forged.
    #[must_use]
    pub fn identity(&self) -> ([u8; 16], u32, [u8; 32]) {
        (self.header.fid, self.header.epoch, self.header.commitment)
    }
}

/// Whether a merged file holds exactly what a three-way merge of two versions gives: every record against every merge
/// base, and on each side only newer records than the base's. Both sides must already have been authenticated with
/// the merged file's key.
#[must_use]
pub fn explained(merged: &Sealed, sides: [&Sealed; 2], bases: &[&Sealed]) -> bool {
    let fid = merged.header.fid;
    if bases.is_empty() || sides.iter().chain(bases).any(|sealed| sealed.header.fid != fid) {
        return false;
    }
    let merged_records = merged.records();
    let [ours, theirs] = sides.map(Sealed::records);
    bases.iter().all(|base| {
        let newest = base.newest();
        let base_records = base.records();
        let is_newer = |side: &Sealed, records: &BTreeMap<RecordKey, RecordView>| {
            side.header.epoch >= base.header.epoch
                && records
                    .iter()
                    .all(|(key, record)| same(base_records.get(key), Some(record)) || record.n > newest)
        };
        let keys: HashSet<&RecordKey> = merged_records
            .keys()
            .chain(ours.keys())
            .chain(theirs.keys())
            .chain(base_records.keys())
            .collect();
        is_newer(sides[0], &ours)
            && is_newer(sides[1], &theirs)
            && keys.into_iter().all(|key| {
                let (base, one, two) = (base_records.get(key), ours.get(key), theirs.get(key));
                let expected = match () {
                    () if same(one, two) || same(two, base) => one,
                    () if same(one, base) => two,
                    () => return false,
                };
                same(expected, merged_records.get(key))
            })
    })
}

fn same(a: Option<&RecordView>, b: Option<&RecordView>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.print == b.print,
        (None, None) => true,
        _ => false,
    }
}

/// What rolled back against a reference: records that differ from the reference's and stood in an earlier version
/// already. `history` is every version of the file reachable from the reference; where it is empty, a record that
/// differs must be newer than everything in the reference.
#[must_use]
pub fn rolled_back<'a>(
    now: &Sealed,
    reference: &Sealed,
    history: impl Iterator<Item = &'a Sealed>,
) -> Vec<String> {
    let records = now.records();
    let before = reference.records();
    let mut known: HashSet<(RecordKey, [u8; 32])> = HashSet::new();
    let mut has_history = false;
    for version in history {
        has_history = true;
        known.extend(version.records().into_iter().map(|(key, record)| (anywhere(&key), record.mark)));
    }
    let newest = reference.newest();
    records
        .into_iter()
        .filter(|(key, record)| {
            let differs = before.get(key).is_none_or(|before| before.mark != record.mark);
            let is_old =
                if has_history { known.contains(&(anywhere(key), record.mark)) } else { record.n <= newest };
            differs && is_old
        })
        .map(|(_, record)| record.label)
        .collect()
}

/// The key without its place among sections of one name: their tags say no more than the name, so that they fit in the
/// place of each other.
fn anywhere(key: &RecordKey) -> RecordKey {
    match key {
        RecordKey::Section(name, _) => RecordKey::Section(name.clone(), 0),
        other => other.clone(),
    }
}
