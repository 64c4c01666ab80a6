//! Typed access to TOML values; every error knows its place.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use super::error::{ConfigError, Problem};
use super::fields::{Field, Shape, is_user_setting};
use super::near::nearest;
use crate::document::line_column;

/// The file that is being read.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) file: &'a Path,
    pub(super) text: &'a str,
    /// Where each line begins.
    pub(super) lines: &'a [usize],
}

/// A text and where it stands.
pub(super) type Text<'a> = Spanned<&'a str>;

/// A table whose keys and types have been checked.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    source: Source<'a>,
    table: &'a DeTable<'a>,
    /// What the table is, for errors: `a rule`.
    place: &'static str,
    /// Where it stands.
    start: usize,
}

/// Where each line of `text` begins.
pub(super) fn line_starts(text: &str) -> Vec<usize> {
    [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

impl Source<'_> {
    /// An error at a byte offset.
    pub(super) fn error(self, at: usize, problem: Problem) -> ConfigError {
        let (_, column) = line_column(self.text, at);
        ConfigError {
            file: self.file.to_owned(),
            line: self.line(at),
            column,
            problem: Box::new(problem),
            suggestion: None,
        }
    }

    /// An error at a byte offset that names the nearest of some words.
    pub(super) fn error_near<'w>(
        self,
        at: usize,
        problem: Problem,
        word: &str,
        words: impl IntoIterator<Item = &'w str>,
    ) -> ConfigError {
        self.error(at, problem).suggest(nearest(word, words).map(|near| format!("did you mean `{near}`?")))
    }

    /// A value of another type than it must have.
    pub(super) fn wrong_type(self, at: usize, key: &str, expected: &'static str) -> ConfigError {
        self.error(at, Problem::Type { key: key.to_owned(), expected })
    }

    /// 1-based line of a byte offset.
    pub(super) fn line(self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }
}

impl ConfigError {
    pub(super) fn suggest(self, suggestion: Option<String>) -> Self {
        Self { suggestion, ..self }
    }
}

impl<'a> Section<'a> {
    /// Checks a table: every key is one of `fields` and has its type. `unknown` makes the error for any other key.
    pub(super) fn new(
        source: Source<'a>,
        table: &'a DeTable<'a>,
        (place, start): (&'static str, usize),
        fields: &[Field],
        unknown: impl Fn(&str) -> Problem,
    ) -> Result<Self, ConfigError> {
        for (key, value) in in_order(table) {
            let name: &str = key.get_ref();
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                let at = key.span().start;
                if is_user_setting(name) {
                    let error = source.error(at, Problem::UserSetting(name.to_owned()));
                    return Err(error.suggest(Some(USER_CONFIG.to_owned())));
                }
                return Err(source.error_near(
                    at,
                    unknown(name),
                    name,
                    fields.iter().map(|field| field.name),
                ));
            };
            check_shape(source, field, value)?;
        }
        Ok(Self { source, table, place, start })
    }

    /// The same where an unknown key is nothing special.
    pub(super) fn plain(
        source: Source<'a>,
        table: &'a DeTable<'a>,
        (place, start): (&'static str, usize),
        fields: &[Field],
    ) -> Result<Self, ConfigError> {
        let unknown = |key: &str| Problem::UnknownKey { key: key.to_owned(), place };
        Self::new(source, table, (place, start), fields, unknown)
    }

    /// Where the table stands.
    pub(super) fn start(self) -> usize {
        self.start
    }

    /// Where a key stands; the table itself where it has no such key.
    pub(super) fn at(self, key: &str) -> usize {
        self.table.get_key_value(key).map_or(self.start, |(key, _)| key.span().start)
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A required key that is not there.
    pub(super) fn missing(self, key: &'static str) -> ConfigError {
        self.source.error(self.start, Problem::Missing { key, place: self.place })
    }

    pub(super) fn text(self, key: &str) -> Option<Text<'a>> {
        text(self.table.get(key)?)
    }

    pub(super) fn texts(self, key: &str) -> Option<Vec<Text<'a>>> {
        Some(texts(self.table.get(key)?.get_ref().as_array()?))
    }

    pub(super) fn text_lists(self, key: &str) -> Option<Vec<Spanned<Vec<Text<'a>>>>> {
        let lists = self.table.get(key)?.get_ref().as_array()?.iter();
        Some(
            lists
                .filter_map(|list| Some(Spanned::new(list.span(), texts(list.get_ref().as_array()?))))
                .collect(),
        )
    }

    /// A whole number; nothing in the span where it is negative or too big.
    pub(super) fn number(self, key: &str) -> Option<Spanned<Option<u32>>> {
        let value = self.table.get(key)?;
        let number = value.get_ref().as_integer()?;
        Some(Spanned::new(value.span(), u32::from_str_radix(number.as_str(), number.radix()).ok()))
    }

    /// A boolean; false where there is none.
    pub(super) fn flag(self, key: &str) -> bool {
        self.table.get(key).and_then(|value| value.get_ref().as_bool()).unwrap_or_default()
    }

    /// What `parse` makes of a name; its default where there is none.
    pub(super) fn choice<T: Default>(self, key: &str, parse: impl Fn(&str) -> Option<T>) -> T {
        self.text(key).and_then(|text| parse(text.get_ref())).unwrap_or_default()
    }

    /// Pairs of strings, in the order of the file.
    pub(super) fn pairs(self, key: &str) -> Vec<(Text<'a>, &'a str)> {
        let table = self.table.get(key).and_then(|value| value.get_ref().as_table());
        let pairs = table.map(in_order).unwrap_or_default().into_iter();
        let pair = |(name, value): (&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)| {
            Some((Spanned::new(name.span(), name.get_ref().as_ref()), value.get_ref().as_str()?))
        };
        pairs.filter_map(pair).collect()
    }

    pub(super) fn table(self, key: &str) -> Option<(&'a DeTable<'a>, usize)> {
        let value = self.table.get(key)?;
        Some((value.get_ref().as_table()?, value.span().start))
    }

    pub(super) fn tables(self, key: &str) -> Vec<(&'a DeTable<'a>, usize)> {
        let items = self.table.get(key).and_then(|value| value.get_ref().as_array());
        let items = items.into_iter().flatten();
        items.filter_map(|item| Some((item.get_ref().as_table()?, item.span().start))).collect()
    }
}

/// A table's entries by their place in the file: the map behind it is sorted by name.
pub(super) fn in_order<'a>(
    table: &'a DeTable<'a>,
) -> Vec<(&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// The strings of a list.
pub(super) fn texts<'a>(list: &'a DeArray<'a>) -> Vec<Text<'a>> {
    list.iter().filter_map(text).collect()
}

fn text<'a>(value: &'a Spanned<DeValue<'a>>) -> Option<Text<'a>> {
    Some(Spanned::new(value.span(), value.get_ref().as_str()?))
}

fn check_shape(source: Source<'_>, field: &Field, value: &Spanned<DeValue<'_>>) -> Result<(), ConfigError> {
    if let Some(at) = mismatch(field.shape, value) {
        let error = source.wrong_type(at, field.name, field.shape.expected());
        let single = matches!((field.shape, value.get_ref()), (Shape::Tables, DeValue::Table(_)));
        return Err(error.suggest(single.then(|| format!("write `[[{}]]` with two brackets", field.name))));
    }
    let (Shape::OneOf(names), Some(chosen)) = (field.shape, value.get_ref().as_str()) else { return Ok(()) };
    if names.contains(&chosen) {
        return Ok(());
    }
    let allowed = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let problem = Problem::Choice { key: field.name, value: chosen.to_owned(), allowed };
    Err(source.error_near(value.span().start, problem, chosen, names.iter().copied()))
}

/// Where something else than `shape` stands, if anywhere.
fn mismatch(shape: Shape, value: &Spanned<DeValue<'_>>) -> Option<usize> {
    let each = |shape| match value.get_ref() {
        DeValue::Array(items) => items.iter().find_map(|item| mismatch(shape, item)),
        _ => Some(value.span().start),
    };
    let fits = match (shape, value.get_ref()) {
        (Shape::Texts, _) => return each(Shape::Text),
        (Shape::TextLists, _) => return each(Shape::Texts),
        (Shape::Tables, _) => return each(Shape::Table),
        (Shape::Pairs, DeValue::Table(pairs)) => {
            return in_order(pairs).into_iter().find_map(|(_, value)| mismatch(Shape::Text, value));
        }
        (Shape::Text | Shape::OneOf(_), DeValue::String(_))
        | (Shape::Number, DeValue::Integer(_))
        | (Shape::Flag, DeValue::Boolean(_))
        | (Shape::Table, DeValue::Table(_)) => true,
        _ => false,
    };
    (!fits).then(|| value.span().start)
}

const USER_CONFIG: &str =
    "set it in `$XDG_CONFIG_HOME/sealeaf/config.toml`, in the environment or with a flag";
