//! Typed access to a `.sops.yaml`'s maps, as strict as the use asks for.

use std::cell::RefCell;

use regex::Regex;

use crate::config::near::nearest;
use crate::config::reader::Source;
use crate::config::{ConfigError, Problem};
use crate::envelope::sops::compile;

use super::SopsProblem;
use super::tree::{Item, Pair, What};

/// How a `.sops.yaml` is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// What SOPS would not look at is an error.
    #[default]
    Native,
    /// What SOPS would not look at is a warning.
    Sops,
}

/// The file that is being read, and what it was warned of.
pub(super) struct Reader<'a> {
    pub(super) source: Source<'a>,
    strictness: Strictness,
    warnings: RefCell<Vec<ConfigError>>,
}

/// A map whose keys are known.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    reader: &'a Reader<'a>,
    pairs: &'a [Pair],
    /// What the map is, for errors: `a creation rule`.
    place: &'static str,
    at: usize,
}

/// A value and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed<T> {
    pub(super) at: usize,
    pub(super) value: T,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: Source<'a>, strictness: Strictness) -> Self {
        Self { source, strictness, warnings: RefCell::default() }
    }

    pub(super) fn into_warnings(self) -> Vec<ConfigError> {
        self.warnings.into_inner()
    }

    pub(super) fn error(&self, at: usize, problem: impl Into<Problem>) -> ConfigError {
        self.source.error(at, problem.into())
    }

    /// What SOPS would not look at: an error or a warning, by use.
    pub(super) fn doubt(&self, error: ConfigError) -> Result<(), ConfigError> {
        match self.strictness {
            Strictness::Native => Err(error),
            Strictness::Sops => {
                self.warnings.borrow_mut().push(error);
                Ok(())
            }
        }
    }

    /// A map's section; doubts keys that are not among `keys`.
    pub(super) fn section(
        &'a self,
        item: &'a Item,
        place: &'static str,
        keys: &[&str],
    ) -> Result<Section<'a>, ConfigError> {
        let What::Map(pairs) = &item.what else {
            return Err(self.error(item.at, SopsProblem::NotMap(place)));
        };
        let is_top = place == TOP;
        for pair in pairs.iter().filter(|pair| !keys.contains(&pair.key.as_str())) {
            let near = nearest(&pair.key, keys.iter().copied());
            // Files keep their anchors under a key of their own at the top, where SOPS does not look.
            if is_top && pair.has_anchor && near.is_none() {
                continue;
            }
            let problem = Problem::UnknownKey { key: pair.key.clone(), place };
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            self.doubt(self.error(pair.at, problem).suggest(hint))?;
        }
        Ok(Section { reader: self, pairs, place, at: item.at })
    }

    /// A list's elements that have a value; `element` names one: `a creation rule`.
    pub(super) fn elements(
        &self,
        item: &'a Item,
        key: &str,
        expected: &'static str,
        element: &'static str,
    ) -> Result<Vec<&'a Item>, ConfigError> {
        let What::List(items) = &item.what else { return Err(self.wrong_type(item.at, key, expected)) };
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            match item.what {
                What::Null => self.doubt(self.error(item.at, SopsProblem::Nothing(element)))?,
                _ => found.push(item),
            }
        }
        Ok(found)
    }

    pub(super) fn wrong_type(&self, at: usize, key: &str, expected: &'static str) -> ConfigError {
        self.source.wrong_type(at, key, expected)
    }

    /// 1-based.
    pub(super) fn line(&self, at: usize) -> usize {
        self.source.line(at)
    }
}

impl<'a> Section<'a> {
    pub(super) fn at(self) -> usize {
        self.at
    }

    pub(super) fn line(self) -> usize {
        self.reader.line(self.at)
    }

    pub(super) fn reader(self) -> &'a Reader<'a> {
        self.reader
    }

    pub(super) fn error(self, at: usize, problem: impl Into<Problem>) -> ConfigError {
        self.reader.error(at, problem)
    }

    /// A key's value; nothing where it is null, as in SOPS.
    pub(super) fn get(self, key: &str) -> Option<&'a Item> {
        let pair = self.pairs.iter().find(|pair| pair.key == key)?;
        Some(&pair.value).filter(|item| !matches!(item.what, What::Null))
    }

    /// Where a key stands; the map itself where it has no such key.
    pub(super) fn place_of(self, key: &str) -> usize {
        self.pairs.iter().find(|pair| pair.key == key).map_or(self.at, |pair| pair.at)
    }

    /// A string. Numbers and booleans are taken as they are written, as SOPS does.
    pub(super) fn text(self, key: &str) -> Result<Option<Placed<&'a str>>, ConfigError> {
        let Some(item) = self.get(key) else { return Ok(None) };
        match &item.what {
            What::Text(text) | What::Plain(text) => Ok(Some(Placed { at: item.at, value: text })),
            _ => Err(self.reader.wrong_type(item.at, key, "a string")),
        }
    }

    /// A string that is not empty; SOPS takes an empty one for none.
    pub(super) fn filled(self, key: &str) -> Result<Option<Placed<&'a str>>, ConfigError> {
        Ok(self.text(key)?.filter(|text| !text.value.is_empty()))
    }

    /// A string that must be there.
    pub(super) fn required(self, key: &'static str) -> Result<Placed<&'a str>, ConfigError> {
        let missing = || self.error(self.at, Problem::Missing { key, place: self.place });
        self.filled(key)?.ok_or_else(missing)
    }

    /// A list of strings.
    pub(super) fn texts(self, key: &str) -> Result<Vec<Placed<&'a str>>, ConfigError> {
        let Some(item) = self.get(key) else { return Ok(Vec::new()) };
        let elements = self.reader.elements(item, key, "a list of strings", "an element")?;
        let text = |item: &'a Item| match &item.what {
            What::Text(text) | What::Plain(text) => Ok(Placed { at: item.at, value: text.as_str() }),
            _ => Err(self.reader.wrong_type(item.at, key, "a list of strings")),
        };
        elements.into_iter().map(text).collect()
    }

    /// A boolean; false where there is none. Also the words of YAML 1.1, in quotes as well, as in SOPS.
    pub(super) fn flag(self, key: &str) -> Result<bool, ConfigError> {
        let Some(item) = self.get(key) else { return Ok(false) };
        let word = match &item.what {
            What::Plain(word) => word.as_str(),
            What::Text(word) if WORDS.contains(&word.as_str()) => word.as_str(),
            _ => return Err(self.reader.wrong_type(item.at, key, "true or false")),
        };
        match word.to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "on" => Ok(true),
            "false" | "no" | "n" | "off" => Ok(false),
            _ => Err(self.reader.wrong_type(item.at, key, "true or false")),
        }
    }

    /// A whole number in decimal.
    pub(super) fn number(self, key: &str) -> Result<Option<Placed<i32>>, ConfigError> {
        let Some(item) = self.get(key) else { return Ok(None) };
        let wrong = || self.reader.wrong_type(item.at, key, "a whole number in decimal");
        let What::Plain(digits) = &item.what else { return Err(wrong()) };
        let has_zero = digits.trim_start_matches('-').starts_with('0') && digits != "0";
        let number = digits.parse().ok().filter(|_| !has_zero && !digits.starts_with('+'));
        Ok(Some(Placed { at: item.at, value: number.ok_or_else(wrong)? }))
    }

    /// A path's pattern; nothing where it is empty.
    pub(super) fn regex(self, key: &'static str) -> Result<Option<Regex>, ConfigError> {
        let Some(text) = self.filled(key)? else { return Ok(None) };
        let regex = compile(text.value);
        regex.map(Some).map_err(|reason| self.error(text.at, SopsProblem::Regex { key, reason }))
    }

    /// Doubts each of the keys that has a value.
    pub(super) fn unused(self, keys: &[&'static str], reason: &'static str) -> Result<(), ConfigError> {
        for key in keys.iter().copied().filter(|key| self.get(key).is_some()) {
            self.reader.doubt(self.error(self.place_of(key), SopsProblem::Unused { key, reason }))?;
        }
        Ok(())
    }
}

/// The name of the place in which anchors may have a key of their own.
pub(super) const TOP: &str = "the file";

/// YAML 1.1's booleans that are strings in YAML 1.2.
const WORDS: [&str; 16] =
    ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"];
