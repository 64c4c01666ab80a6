//! The `[recipients]` table: people and machines with names, and groups of names.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::error::{ConfigError, Problem};
use super::fields::{self, key_types};
use super::reader::{Section, Source, Text, in_order, texts};
use crate::keys::{KeyError, KeyRef, Recipient};

/// Checks an identifier of a key type and gives its normal form.
pub(super) type CheckKey<'c> = &'c dyn Fn(&str, &str) -> Result<String, KeyError>;

/// Who is known by which name.
#[derive(Clone, Debug, Default)]
pub struct Recipients {
    entries: BTreeMap<String, Named>,
}

/// What a name stands for, and where that is said.
#[derive(Clone, Debug)]
pub struct Named {
    /// 1-based line of the name.
    pub line: usize,
    /// The meaning.
    pub meaning: Meaning,
    /// Byte offset of the name.
    pub(super) start: usize,
    /// Whether this build can wrap for it; true for groups.
    pub(super) in_this_build: bool,
}

/// A key, or other names.
#[derive(Clone, Debug)]
pub enum Meaning {
    /// One key.
    Key(Recipient),
    /// A group: names of recipients and of other groups.
    Group(Vec<String>),
}

impl Recipients {
    /// All names with their meanings, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Named)> {
        self.entries.iter().map(|(name, named)| (name.as_str(), named))
    }

    /// What a name stands for.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Named> {
        self.entries.get(name)
    }

    /// Everyone whom these names stand for, groups opened, each once, in the order of first mention. Unknown names
    /// stand for nobody.
    #[must_use]
    pub fn resolve<'n>(&'n self, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n Recipient> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut stack: Vec<&str> = names.into_iter().collect();
        stack.reverse();
        while let Some(name) = stack.pop() {
            let Some(named) = self.entries.get(name).filter(|_| seen.insert(name)) else { continue };
            match &named.meaning {
                Meaning::Key(recipient) => found.push(recipient),
                Meaning::Group(members) => stack.extend(members.iter().rev().map(String::as_str)),
            }
        }
        found
    }

    /// Reads the table.
    pub(super) fn read(
        source: Source<'_>,
        table: &DeTable<'_>,
        check: CheckKey<'_>,
    ) -> Result<Self, ConfigError> {
        let mut entries = BTreeMap::new();
        let mut groups = Vec::new();
        for (name, value) in in_order(table) {
            check_name(source, name)?;
            let start = name.span().start;
            let (meaning, in_this_build) = match value.get_ref() {
                DeValue::Array(list) => {
                    let names = texts(list);
                    if names.len() < list.len() {
                        return Err(source.wrong_type(value.span().start, name.get_ref(), "a list of names"));
                    }
                    let group = names.iter().map(|name| (*name.get_ref()).to_owned()).collect();
                    groups.push((name, names));
                    (Meaning::Group(group), true)
                }
                DeValue::Table(table) => read_key(source, name, table, check)?,
                _ => {
                    let expected = "a table with one key, or a list of names";
                    return Err(source.wrong_type(value.span().start, name.get_ref(), expected));
                }
            };
            let named = Named { line: source.line(start), meaning, start, in_this_build };
            entries.insert(name.get_ref().to_string(), named);
        }
        let recipients = Self { entries };
        for (name, members) in &groups {
            recipients.check_names(source, name.get_ref(), name.span().start, members)?;
        }
        recipients.refuse_cycles(source)?;
        Ok(recipients)
    }

    /// Checks a list of names: not empty, all known, none twice.
    pub(super) fn check_names(
        &self,
        source: Source<'_>,
        list: &str,
        start: usize,
        names: &[Text<'_>],
    ) -> Result<(), ConfigError> {
        if names.is_empty() {
            return Err(source.error(start, Problem::Empty(list.to_owned())));
        }
        let mut seen = HashSet::new();
        for text in names {
            let (at, name) = (text.span().start, *text.get_ref());
            if !self.entries.contains_key(name) {
                let known = self.entries.keys().map(String::as_str);
                let error = source.error_near(at, Problem::UnknownRecipient(name.to_owned()), name, known);
                let hint = || Some("add it to `[recipients]`, or run `sealeaf recipients add`".to_owned());
                let suggestion = error.suggestion.clone().or_else(hint);
                return Err(error.suggest(suggestion));
            }
            if !seen.insert(name) {
                return Err(source.error(at, Problem::Twice(name.to_owned())));
            }
        }
        Ok(())
    }

    fn members(&self, name: &str) -> &[String] {
        match self.entries.get(name).map(|named| &named.meaning) {
            Some(Meaning::Group(members)) => members,
            _ => &[],
        }
    }

    /// Walks every group once, without recursion: `path` is where the walk stands, with the next member to visit.
    fn refuse_cycles(&self, source: Source<'_>) -> Result<(), ConfigError> {
        let mut open: HashMap<&str, bool> = HashMap::new();
        for start in self.entries.keys() {
            let mut path: Vec<(&str, usize)> = Vec::new();
            if !open.contains_key(start.as_str()) {
                path.push((start, 0));
                open.insert(start, true);
            }
            while let Some((name, next)) = path.last_mut() {
                let Some(member) = self.members(name).get(*next) else {
                    open.insert(name, false);
                    path.pop();
                    continue;
                };
                *next += 1;
                match open.get(member.as_str()) {
                    Some(true) => return Err(self.cycle(source, &path, member)),
                    Some(false) => {}
                    None => {
                        open.insert(member, true);
                        path.push((member, 0));
                    }
                }
            }
        }
        Ok(())
    }

    fn cycle(&self, source: Source<'_>, path: &[(&str, usize)], again: &str) -> ConfigError {
        let circle = path.iter().map(|(name, _)| *name).skip_while(|name| *name != again).chain([again]);
        let shown = circle.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ");
        source.error(self.entries.get(again).map_or(0, |named| named.start), Problem::Cycle(shown))
    }
}

fn check_name(source: Source<'_>, name: &Spanned<DeString<'_>>) -> Result<(), ConfigError> {
    let text = name.get_ref();
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+');
    if text.is_empty() || text.starts_with(['-', '.']) || !text.chars().all(fits) {
        return Err(source.error(name.span().start, Problem::BadName(text.to_string())));
    }
    Ok(())
}

fn read_key(
    source: Source<'_>,
    name: &Spanned<DeString<'_>>,
    table: &DeTable<'_>,
    check: CheckKey<'_>,
) -> Result<(Meaning, bool), ConfigError> {
    let (start, name) = (name.span().start, name.get_ref().to_string());
    let unknown = |kind: &str| Problem::UnknownKeyType { kind: kind.to_owned(), name: name.clone() };
    let table = Section::new(source, table, ("a recipient", start), &fields::recipient(), unknown)?;

    let mut keys: Vec<(&str, Text<'_>)> =
        key_types().filter_map(|kind| Some((kind, table.text(kind)?))).collect();
    keys.sort_by_key(|(_, id)| id.span().start);
    let (kind, id) = match keys.as_slice() {
        [(kind, id)] => ((*kind).to_owned(), id),
        [(first, _), (second, _), ..] => {
            let problem = Problem::TwoKeys { name, first: (*first).to_owned(), second: (*second).to_owned() };
            let hint = "give each key a name of its own".to_owned();
            return Err(source.error(table.at(second), problem).suggest(Some(hint)));
        }
        [] => {
            let types = key_types().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ");
            let hint = format!("give it one of {types}");
            return Err(source.error(start, Problem::NoKey(name)).suggest(Some(hint)));
        }
    };
    let (normal, in_this_build) = match check(&kind, id.get_ref()) {
        Ok(normal) => (normal, true),
        Err(KeyError::NotInThisBuild(_)) => ((*id.get_ref()).to_owned(), false),
        Err(error) => {
            let problem = Problem::Key { name, source: Arc::new(error) };
            return Err(source.error(id.span().start, problem));
        }
    };
    let context = read_context(source, table, &name, &kind)?;
    let break_glass = table.flag("break_glass");
    let recipient = Recipient { key: KeyRef { kind, id: normal, context }, name, break_glass };
    Ok((Meaning::Key(recipient), in_this_build))
}

fn read_context(
    source: Source<'_>,
    table: Section<'_>,
    name: &str,
    kind: &str,
) -> Result<BTreeMap<String, String>, ConfigError> {
    if table.has("context") && kind != "aws_kms" {
        let problem = Problem::NoContext { name: name.to_owned(), kind: kind.to_owned() };
        return Err(source.error(table.at("context"), problem));
    }
    let pairs = table.pairs("context");
    if let Some((key, _)) = pairs.iter().find(|(key, _)| RESERVED_CONTEXT.contains(key.get_ref())) {
        let problem = Problem::ContextName { name: name.to_owned(), key: (*key.get_ref()).to_owned() };
        return Err(source.error(key.span().start, problem));
    }
    Ok(pairs.into_iter().map(|(key, value)| ((*key.get_ref()).to_owned(), value.to_owned())).collect())
}

/// The pairs that wraps carry themselves (`format-v1.md`, section 10).
const RESERVED_CONTEXT: &[&str] = &["sealeaf", "file", "epoch"];
