//! Changes to the text of a configuration that keep its layout and comments.
//!
//! The functions look only at what they change. Read the result with [`super::Config::parse`] before it is written.

use toml_edit::{Array, DocumentMut, InlineTable, Item, RawString, Table, TableLike, TomlError, Value};

/// A change that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The text is not TOML.
    #[error("the configuration is not TOML: {0}")]
    Syntax(String),
    /// The name stands for somebody else.
    #[error("`{0}` is the name of another recipient")]
    NameTaken(String),
    /// The name stands for nobody.
    #[error("no recipient is called `{0}`")]
    Unknown(String),
    /// There is no such rule, counted from 0.
    #[error("there is no rule {0}")]
    NoRule(usize),
    /// The rule has no list `to`.
    #[error("rule {0} has no list `to`")]
    NoTo(usize),
    /// Nobody would be left.
    #[error("`{name}` is the only one in `{list}`")]
    LastOne {
        /// Who was to be removed.
        name: String,
        /// The list.
        list: String,
    },
    /// Some lines end in a carriage return and others do not.
    #[error(
        "the configuration mixes line breaks, so an edit would change other lines: make them all alike first"
    )]
    Layout,
    /// The name is not in the list `to` of the rule.
    #[error("`{name}` is not in `to` of rule {index}: it may be in one of its groups")]
    NotInRule {
        /// The name.
        name: String,
        /// The rule, counted from 0.
        index: usize,
    },
}

/// Adds a recipient with one key. Where it is there already, with the same key, the text stays as it is.
///
/// # Errors
/// [`EditError::NameTaken`] where the name has another meaning.
pub fn add_recipient(text: &str, name: &str, kind: &str, id: &str) -> Result<String, EditError> {
    let (mut document, breaks) = read(text)?;
    let root = document.as_table_mut();
    let item = root.entry("recipients").or_insert_with(|| Item::Table(Table::new()));
    let as_tables = item.as_table().is_some_and(|table| table.is_implicit() && !table.is_dotted());
    let recipients = item.as_table_like().ok_or_else(|| syntax("`recipients` is no table"))?;
    if let Some(there) = recipients.get(name) {
        let same = there.as_table_like().and_then(|table| table.get(kind)).and_then(Item::as_str) == Some(id);
        return if same { Ok(text.to_owned()) } else { Err(EditError::NameTaken(name.to_owned())) };
    }
    let mut key = if as_tables { Item::Table(Table::new()) } else { Item::Value(InlineTable::new().into()) };
    if let Some(table) = key.as_table_like_mut() {
        table.insert(kind, Item::Value(id.into()));
    }
    if let Some(inline) = item.as_inline_table_mut() {
        // The space before the closing brace belongs to the last value: it moves on to the new one.
        let last = inline.iter_mut().last().map(|(_, value)| value.decor_mut());
        let space = last.map(|decor| (raw(decor.suffix()), decor.set_suffix("")).0).unwrap_or_default();
        if let Some(value) = key.as_value_mut() {
            value.decor_mut().set_prefix(" ");
            value.decor_mut().set_suffix(space);
        }
    }
    if let Some(recipients) = item.as_table_like_mut() {
        recipients.insert(name, key);
    }
    Ok(breaks.print(&document))
}

/// Removes a recipient or a group of names: its definition and every mention, in groups and in rules.
///
/// # Errors
/// [`EditError::Unknown`]; [`EditError::LastOne`] where a list would become empty.
pub fn remove_recipient(text: &str, name: &str) -> Result<String, EditError> {
    let (mut document, breaks) = read(text)?;
    let recipients = document.get_mut("recipients").and_then(Item::as_table_like_mut);
    let recipients = recipients.ok_or_else(|| EditError::Unknown(name.to_owned()))?;
    recipients.remove(name).ok_or_else(|| EditError::Unknown(name.to_owned()))?;
    for (list, item) in recipients.iter_mut() {
        if let Some(array) = item.as_array_mut() {
            remove(array, name, list.get())?;
        }
    }
    for at in 0.. {
        let Some(rule) = rule(&mut document, at) else { break };
        if let Some(to) = rule.get_mut("to").and_then(Item::as_array_mut) {
            remove(to, name, "to")?;
        }
        if let Some(groups) = rule.get_mut("groups").and_then(Item::as_array_mut) {
            for group in groups.iter_mut().filter_map(Value::as_array_mut) {
                remove(group, name, "groups")?;
            }
        }
    }
    Ok(breaks.print(&document))
}

/// Adds a name to the list `to` of a rule, counted from 0. Where it is there already, the text stays as it is.
///
/// # Errors
/// [`EditError::NoRule`], [`EditError::NoTo`].
pub fn add_to_rule(text: &str, index: usize, name: &str) -> Result<String, EditError> {
    let (mut document, breaks) = read(text)?;
    let to = list_of_rule(&mut document, index)?;
    if to.iter().any(|there| there.as_str() == Some(name)) {
        return Ok(text.to_owned());
    }
    append(to, name);
    Ok(breaks.print(&document))
}

/// Removes a name from the list `to` of a rule, counted from 0.
///
/// # Errors
/// [`EditError::NoRule`], [`EditError::NoTo`], [`EditError::NotInRule`]; [`EditError::LastOne`] where nobody would be
/// left.
pub fn remove_from_rule(text: &str, index: usize, name: &str) -> Result<String, EditError> {
    let (mut document, breaks) = read(text)?;
    let to = list_of_rule(&mut document, index)?;
    if !remove(to, name, "to")? {
        return Err(EditError::NotInRule { name: name.to_owned(), index });
    }
    Ok(breaks.print(&document))
}

/// What the parser does not keep of a text.
struct Breaks {
    mark: &'static str,
    line: &'static str,
    /// Whether the last line has one.
    last: bool,
}

impl Breaks {
    fn print(&self, document: &DocumentMut) -> String {
        let mut text = document.to_string();
        if !self.last && text.ends_with('\n') {
            text.pop();
        }
        let text = if self.line == "\n" { text } else { text.replace('\n', self.line) };
        format!("{}{text}", self.mark)
    }
}

/// Parses a text; what is printed of the document as it is, is the text, byte for byte.
fn read(text: &str) -> Result<(DocumentMut, Breaks), EditError> {
    let rest = text.strip_prefix(MARK);
    let mark = if rest.is_some() { MARK } else { "" };
    let rest = rest.unwrap_or(text);
    let line = if rest.contains("\r\n") { "\r\n" } else { "\n" };
    let document: DocumentMut =
        rest.replace("\r\n", "\n").parse().map_err(|error: TomlError| syntax(error.message()))?;
    let breaks = Breaks { mark, line, last: rest.ends_with('\n') };
    if breaks.print(&document) == text { Ok((document, breaks)) } else { Err(EditError::Layout) }
}

fn syntax(message: &str) -> EditError {
    EditError::Syntax(message.to_owned())
}

fn rule(document: &mut DocumentMut, index: usize) -> Option<&mut dyn TableLike> {
    match document.get_mut("rule")? {
        Item::ArrayOfTables(tables) => tables.get_mut(index).map(|table| table as &mut dyn TableLike),
        Item::Value(Value::Array(tables)) => {
            let table = tables.get_mut(index)?.as_inline_table_mut()?;
            Some(table)
        }
        _ => None,
    }
}

fn list_of_rule(document: &mut DocumentMut, index: usize) -> Result<&mut Array, EditError> {
    let rule = rule(document, index).ok_or(EditError::NoRule(index))?;
    rule.get_mut("to").and_then(Item::as_array_mut).ok_or(EditError::NoTo(index))
}

/// Adds an element on a line of its own if its neighbour has one. A comment behind the neighbour stays there.
fn append(array: &mut Array, name: &str) {
    let mut trailing = raw(Some(array.trailing()));
    let (mut before, mut comma) = (String::new(), array.trailing_comma());
    if let Some(last) = array.len().checked_sub(1).and_then(|last| array.get_mut(last)) {
        before = raw(last.decor().prefix());
        if !comma {
            trailing = raw(last.decor().suffix()) + &trailing;
            last.decor_mut().set_suffix("");
        }
    }
    let mut value = Value::from(name);
    if let Some((_, indent)) = before.rsplit_once('\n') {
        let (comment, rest) = trailing.split_once('\n').unwrap_or((&trailing, ""));
        value.decor_mut().set_prefix(format!("{comment}\n{indent}"));
        trailing = format!("\n{rest}");
        comma = true;
    } else if !array.is_empty() {
        value.decor_mut().set_prefix(" ");
    }
    array.push_formatted(value);
    array.set_trailing(trailing);
    array.set_trailing_comma(comma);
}

/// Removes an element and the comment behind it; whether it was there.
fn remove(array: &mut Array, name: &str, list: &str) -> Result<bool, EditError> {
    let Some(at) = array.iter().position(|there| there.as_str() == Some(name)) else { return Ok(false) };
    if array.len() == 1 {
        return Err(EditError::LastOne { name: name.to_owned(), list: list.to_owned() });
    }
    let removed = array.remove(at);
    let before = raw(removed.decor().prefix());
    // What stands before the line break in an element's prefix is a comment on the element before it.
    let join = |behind: &str| match (before.split_once('\n'), behind.split_once('\n')) {
        (Some((comment, _)), Some((_, rest))) => format!("{comment}\n{rest}"),
        _ => before.clone(),
    };
    if let Some(next) = array.get_mut(at) {
        let prefix = join(&raw(next.decor().prefix()));
        next.decor_mut().set_prefix(prefix);
        return Ok(true);
    }
    let trailing = raw(removed.decor().suffix()) + &raw(Some(array.trailing()));
    if trailing.contains('\n') {
        let trailing = join(&trailing);
        array.set_trailing(trailing);
    } else if !array.trailing_comma() {
        array.set_trailing(trailing);
    }
    Ok(true)
}

fn raw(text: Option<&RawString>) -> String {
    text.and_then(RawString::as_str).unwrap_or_default().to_owned()
}

/// The byte order mark.
const MARK: &str = "\u{feff}";
