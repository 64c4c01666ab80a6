//! The `sops` entry of a file.

use super::error::SopsError;
use super::keys::{Key, is_list, lists, text};
use super::mac;
use super::selector::{By, Selector};
use crate::document::{Tree, Value};

/// Name of the entry.
pub const ENTRY: &str = "sops";

/// What the entry says. What nobody knows stays in it.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Which values are encrypted.
    pub selector: Selector,
    /// Whether the selector stands in the file; SOPS takes its default where none does.
    pub is_selector_written: bool,
    /// Whether the MAC leaves cleartext values out.
    pub mac_only_encrypted: bool,
    /// The time of the last change, RFC 3339.
    pub modified: String,
    /// The MAC's token; empty where there is none.
    pub mac: String,
    /// How many groups are needed; 0 where it is not said.
    pub threshold: u32,
    /// The keys, in groups; one group without sharing.
    pub groups: Vec<Vec<Key>>,
    /// Version of the program that made the file.
    pub version: String,
    /// Every other field, in order.
    pub others: Vec<(String, Tree)>,
}

impl Metadata {
    /// Whether an entry is SOPS' own and not a value of that name.
    #[must_use]
    pub fn is_one(entry: &Tree) -> bool {
        entry.field("version").is_some()
            && (entry.field("mac").is_some() || entry.field("lastmodified").is_some())
    }

    /// Reads the entry.
    ///
    /// # Errors
    /// [`SopsError`].
    pub fn read(entry: &Tree) -> Result<Self, SopsError> {
        let Tree::Map(fields) = entry else { return Err(fail("`sops` is no map")) };
        let field = |name: &str| entry.field(name).and_then(text).unwrap_or_default();
        let modified = field("lastmodified");
        if mac::modified(&modified).is_none() {
            return Err(fail("`lastmodified` is missing or is no time of RFC 3339"));
        }
        let version = field("version");
        if version.is_empty() {
            return Err(fail("`version` is missing"));
        }
        let groups = groups(entry)?;
        let selector = selector(entry)?;
        let is_listed = |name: &str| groups.iter().flatten().any(|key| key.list == name);
        let known = |name: &str| {
            is_list(name)
                || is_listed(name)
                || KNOWN.contains(&name)
                || By::ALL.iter().any(|by| by.name() == name)
        };
        Ok(Self {
            is_selector_written: selector.is_some(),
            selector: selector.unwrap_or_default(),
            mac_only_encrypted: flag(entry.field("mac_only_encrypted"))?,
            modified,
            mac: field("mac"),
            threshold: threshold(entry.field("shamir_threshold"))?,
            others: fields.iter().filter(|(name, _)| !known(name)).cloned().collect(),
            groups,
            version,
        })
    }

    /// What the MAC is authenticated under.
    #[must_use]
    pub fn modified(&self) -> String {
        mac::modified(&self.modified).unwrap_or_default()
    }

    /// How many groups open the file.
    #[must_use]
    pub fn needed(&self) -> usize {
        match (self.groups.len(), usize::try_from(self.threshold).unwrap_or(usize::MAX)) {
            (0 | 1, _) => 1,
            (count, 0) => count,
            (_, threshold) => threshold,
        }
    }

    /// The entry, its keys sorted as SOPS 3.13 sorts them.
    #[must_use]
    pub fn write(&self) -> Tree {
        let mut fields = self.others.clone();
        let mut put = |name: &str, value: Tree| fields.push((name.to_owned(), value));
        match self.groups.as_slice() {
            [group] => by_list(group).into_iter().for_each(|(name, keys)| put(name, keys)),
            groups => put("key_groups", Tree::List(groups.iter().map(|group| group_tree(group)).collect())),
        }
        if self.threshold != 0 {
            put("shamir_threshold", Tree::int(self.threshold));
        }
        put("lastmodified", Tree::text(&self.modified));
        put("mac", Tree::text(&self.mac));
        if self.is_selector_written {
            put(self.selector.by().name(), Tree::text(self.selector.text()));
        }
        if self.mac_only_encrypted {
            put("mac_only_encrypted", Tree::Leaf(Value::Bool(true)));
        }
        put("version", Tree::text(&self.version));
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        Tree::Map(fields)
    }
}

/// The lists of a group that has keys.
fn by_list(group: &[Key]) -> Vec<(&str, Tree)> {
    let mut found: Vec<(&str, Tree)> = Vec::new();
    for key in group {
        let tree = Tree::Map(key.fields.clone());
        match found.iter_mut().find(|(name, _)| *name == key.list) {
            Some((_, Tree::List(keys))) => keys.push(tree),
            _ => found.push((&key.list, Tree::List(vec![tree]))),
        }
    }
    found
}

/// A group of several. SOPS writes these two lists even where they are empty.
fn group_tree(group: &[Key]) -> Tree {
    let mut fields: Vec<(String, Tree)> =
        by_list(group).into_iter().map(|(name, keys)| (name.to_owned(), keys)).collect();
    for name in ["age", "hc_vault"] {
        if !fields.iter().any(|(own, _)| own == name) {
            fields.push((name.to_owned(), Tree::Leaf(Value::EmptyList)));
        }
    }
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    Tree::Map(fields)
}

/// A list of keys at the top wins over groups, as SOPS has it.
fn groups(entry: &Tree) -> Result<Vec<Vec<Key>>, SopsError> {
    let single = group(entry)?;
    if !single.is_empty() {
        return Ok(vec![single]);
    }
    let groups = match entry.field("key_groups") {
        Some(Tree::List(groups)) => groups.iter().map(group).collect::<Result<Vec<_>, _>>()?,
        _ => Vec::new(),
    };
    if groups.is_empty() || groups.iter().any(Vec::is_empty) {
        return Err(fail("it names no keys, or has a group without"));
    }
    if groups.len() > usize::from(u8::MAX) {
        return Err(fail("it has more than 255 groups"));
    }
    Ok(groups)
}

/// The keys of one group, in the order in which SOPS tries them; lists that it does not know stand last.
fn group(tree: &Tree) -> Result<Vec<Key>, SopsError> {
    let Tree::Map(fields) = tree else { return Err(fail("a group of keys is no map")) };
    let is_keys = |value: &Tree| match value {
        Tree::List(items) => items.iter().all(|item| item.field("enc").is_some()),
        _ => false,
    };
    let unknown =
        fields.iter().filter(|(name, value)| !is_list(name) && name != "key_groups" && is_keys(value));
    let mut keys = Vec::new();
    let known = lists().map(|name| -> &str { name });
    for name in known.chain(unknown.map(|(name, _)| name.as_str())) {
        let items = match tree.field(name) {
            None | Some(Tree::Leaf(Value::Null | Value::EmptyList)) => continue,
            Some(Tree::List(items)) => items,
            Some(_) => return Err(fail(&format!("`{name}` is no list"))),
        };
        for item in items {
            let Tree::Map(fields) = item else { return Err(fail(&format!("`{name}` holds no map"))) };
            keys.push(Key { list: name.to_owned(), fields: fields.clone() });
        }
    }
    Ok(keys)
}

fn selector(entry: &Tree) -> Result<Option<Selector>, SopsError> {
    let mut found: Option<Selector> = None;
    for by in By::ALL {
        let text = entry.field(by.name()).and_then(text).unwrap_or_default();
        // Older writers name all of them, those that are not used without a text.
        if text.is_empty() {
            continue;
        }
        if found.is_some() {
            return Err(fail("it has more than one selector of what is encrypted"));
        }
        found = Some(Selector::new(by, &text)?);
    }
    Ok(found)
}

fn flag(value: Option<&Tree>) -> Result<bool, SopsError> {
    let Some(value) = value else { return Ok(false) };
    match text(value).unwrap_or_default().as_str() {
        "true" | "True" | "1" => Ok(true),
        "" | "false" | "False" | "0" => Ok(false),
        _ => Err(fail("`mac_only_encrypted` is neither true nor false")),
    }
}

/// A whole number, which older writers wrote as `2.000000`.
fn threshold(value: Option<&Tree>) -> Result<u32, SopsError> {
    let text = value.and_then(text).unwrap_or_default();
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => text.as_str(),
    };
    if whole.is_empty() {
        return Ok(0);
    }
    whole
        .parse()
        .ok()
        .filter(|number| *number < 256)
        .ok_or_else(|| fail("`shamir_threshold` is no number below 256"))
}

fn fail(reason: &str) -> SopsError {
    SopsError::Metadata(reason.to_owned())
}

/// Fields of the entry that are no lists of keys and no selectors.
const KNOWN: [&str; 6] =
    ["key_groups", "lastmodified", "mac", "mac_only_encrypted", "shamir_threshold", "version"];

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, Tree)]) -> Tree {
        Tree::Map(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn entry(more: &[(&str, Tree)]) -> Tree {
        let key = map(&[("recipient", Tree::text("age1x")), ("enc", Tree::text("-"))]);
        let mut fields = vec![
            ("age", Tree::List(vec![key])),
            ("lastmodified", Tree::text("2026-11-24T06:04:48Z")),
            ("mac", Tree::text("ENC[]")),
            ("version", Tree::text("3.11.0")),
        ];
        fields.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        fields.extend_from_slice(more);
        map(&fields)
    }

    #[test]
    fn what_older_writers_wrote() {
        let read = Metadata::read(&entry(&[
            ("kms", Tree::Leaf(Value::Null)),
            ("pgp", Tree::Leaf(Value::EmptyList)),
            ("encrypted_suffix", Tree::Leaf(Value::Null)),
            ("shamir_threshold", Tree::Leaf(Value::Float("2.000000".into()))),
            ("attention", Tree::text("do not edit")),
            ("version", Tree::text("1.16")),
            ("next_kms", Tree::List(vec![map(&[("enc", Tree::text("x"))])])),
        ]))
        .unwrap();
        assert_eq!(read.threshold, 2);
        assert_eq!(read.selector, Selector::default());
        assert_eq!(
            read.groups[0].iter().map(|key| key.list.as_str()).collect::<Vec<_>>(),
            ["age", "next_kms"]
        );
        let again = read.write();
        assert_eq!(again.field("attention"), Some(&Tree::text("do not edit")));
        assert!(again.field("next_kms").is_some() && again.field("unencrypted_suffix").is_none());
    }

    #[test]
    fn what_is_not_in_order() {
        for more in [
            ("lastmodified", Tree::text("yesterday")),
            ("version", Tree::text("")),
            ("age", Tree::Leaf(Value::EmptyList)),
            ("age", Tree::text("x")),
            ("shamir_threshold", Tree::text("many")),
            ("mac_only_encrypted", Tree::text("perhaps")),
            ("encrypted_regex", Tree::text("(")),
        ] {
            assert!(Metadata::read(&entry(std::slice::from_ref(&more))).is_err(), "{more:?}");
        }
        let two = [("encrypted_regex", Tree::text("a")), ("unencrypted_suffix", Tree::text("b"))];
        assert!(Metadata::read(&entry(&two)).is_err());
    }
}
