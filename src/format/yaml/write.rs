//! Values as new YAML text.

use super::lines::Eol;
use super::schema;
use crate::document::{Tree, Value};
use crate::secret::{SecretString, SecretText};

/// A value on one line: plain where that is safe everywhere, else in double quotes.
pub(super) fn one_line(value: &Value) -> SecretText {
    match value {
        Value::Str(text) => string(text),
        Value::Null => "null".into(),
        other => other.to_text(),
    }
}

/// A string on one line.
pub(super) fn string(text: &str) -> SecretText {
    if is_plain_safe(text) { text.into() } else { double_quoted(text) }
}

/// Whether a string reads as itself without quotes, in block and flow context and for every reader. Narrower than the
/// specification: whoever is in doubt quotes.
pub(super) fn is_plain_safe(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '/'));
    let mut rest = text.chars().peekable();
    let mut fits = begins && !text.ends_with([' ', ':']);
    while let Some(c) = rest.next() {
        let next = rest.peek();
        fits &= match c {
            ' ' => next.is_some_and(|next| *next != '#' && *next != ' '),
            ':' => next.is_some_and(|next| *next != ' '),
            c => c.is_alphanumeric() || "_./-+@%=~$".contains(c),
        };
    }
    fits && schema::is_string(text)
}

/// A string in single quotes; `None` where it holds what they cannot.
pub(super) fn single_quoted(text: &str) -> Option<SecretText> {
    let fits = text.chars().all(|c| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'));
    let mut out = SecretString::new(String::with_capacity(text.len() * 2 + 2));
    out.push('\'');
    for c in text.chars() {
        out.push(c);
        if c == '\'' {
            out.push(c);
        }
    }
    out.push('\'');
    fits.then_some(out.into())
}

/// A string in double quotes, everything that is not printable escaped.
pub(super) fn double_quoted(text: &str) -> SecretText {
    // No character becomes longer than ten bytes, and only a byte of ASCII grows to four times its size.
    let mut out = SecretString::new(String::with_capacity(text.len() * 4 + 2));
    out.push('"');
    for c in text.chars() {
        let code = u32::from(c);
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            '\u{1}'..='\u{1f}' | '\u{7f}'..='\u{a0}' => push_hex(&mut out, 'x', code, 2),
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff9}'..='\u{ffff}' => {
                push_hex(&mut out, 'u', code, 4);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out.into()
}

/// A string as a literal block scalar (`|`) whose lines begin in column `indent`: the header, and the lines with their
/// breaks. `None` where it has no line feed or would not come back: control characters, several line feeds at its end,
/// a line of blanks.
pub(super) fn literal(text: &str, indent: usize, base: i32, eol: Eol) -> Option<(String, SecretText)> {
    let content = text.strip_suffix('\n').unwrap_or(text);
    let is_printable = |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'..);
    let fits = text.contains('\n')
        && !content.is_empty()
        && content.split('\n').next_back().is_some_and(|line| !line.is_empty())
        && content.split('\n').all(|line| line.is_empty() || !line.chars().all(|c| matches!(c, ' ' | '\t')))
        && content.chars().all(|c| matches!(c, '\n' | '\t' | '\u{10000}'..) || is_printable(c));
    if !fits {
        return None;
    }
    let mut header = "|".to_owned();
    if content.trim_start_matches('\n').starts_with([' ', '\t']) {
        let indicator =
            indent.checked_sub(usize::try_from(base).unwrap_or(0)).filter(|n| (1..=9).contains(n))?;
        header.push_str(&indicator.to_string());
    }
    if content.len() == text.len() {
        header.push('-');
    }
    let count = content.split('\n').count();
    let mut body = SecretString::new(String::with_capacity(text.len() + count * (indent + 2)));
    for line in content.split('\n') {
        if !line.is_empty() {
            (0..indent).for_each(|_| body.push(' '));
            body.push_str(line);
        }
        body.push_str(eol.as_str());
    }
    Some((header, body.into()))
}

/// Writes trees in block style, two spaces a level, every line with its break.
pub(super) struct Writer {
    /// The line break.
    pub(super) eol: Eol,
    /// Whether strings of several lines become literal blocks; else everything stays on one line.
    pub(super) literals: bool,
}

impl Writer {
    /// The lines of a container in that column, or of a leaf; the first line's indentation is left out.
    pub(super) fn inline(&self, value: &Tree, column: usize) -> SecretText {
        let mut out = SecretString::new(String::with_capacity(bound(value, column)));
        self.push_inline(&mut out, value, column);
        out.into()
    }

    /// One entry of a map in that column, without its first line's indentation.
    pub(super) fn entry(&self, key: &str, value: &Tree, column: usize) -> SecretText {
        let mut out = SecretString::new(String::with_capacity(bound(value, column) + key.len() * 4 + 4));
        self.push_entry(&mut out, key, value, column);
        out.into()
    }

    fn push_entry(&self, out: &mut String, key: &str, value: &Tree, column: usize) {
        out.push_str(&string(key));
        out.push(':');
        self.push_behind_key(out, value, column);
    }

    fn push_behind_key(&self, out: &mut String, value: &Tree, base: usize) {
        match value {
            Tree::Map(entries) if !entries.is_empty() => {}
            Tree::List(items) if !items.is_empty() => {}
            leaf => {
                out.push(' ');
                return self.push_leaf(out, leaf, base);
            }
        }
        out.push_str(self.eol.as_str());
        (0..base + STEP).for_each(|_| out.push(' '));
        self.push_inline(out, value, base + STEP);
    }

    fn push_inline(&self, out: &mut String, value: &Tree, column: usize) {
        let indent = |out: &mut String, index: usize| {
            let width = if index == 0 { 0 } else { column };
            (0..width).for_each(|_| out.push(' '));
        };
        match value {
            Tree::Map(entries) if !entries.is_empty() => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    indent(out, index);
                    self.push_entry(out, key, value, column);
                }
            }
            Tree::List(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    indent(out, index);
                    out.push_str("- ");
                    match item {
                        Tree::Leaf(_) => self.push_leaf(out, item, column),
                        _ => self.push_inline(out, item, column + STEP),
                    }
                }
            }
            leaf => self.push_leaf(out, leaf, column.saturating_sub(STEP)),
        }
    }

    /// A leaf with its line break; `base` is the column of the collection that holds it.
    fn push_leaf(&self, out: &mut String, leaf: &Tree, base: usize) {
        if let (true, Tree::Leaf(Value::Str(text))) = (self.literals, leaf) {
            let column = i32::try_from(base).unwrap_or(i32::MAX);
            if let Some((header, body)) = literal(text, base + STEP, column, self.eol) {
                out.push_str(&header);
                out.push_str(self.eol.as_str());
                out.push_str(&body);
                return;
            }
        }
        out.push_str(&one_line_tree(leaf));
        out.push_str(self.eol.as_str());
    }
}

/// A leaf or an empty container.
fn one_line_tree(leaf: &Tree) -> SecretText {
    match leaf {
        Tree::Leaf(value) => one_line(value),
        other => flow(other),
    }
}

/// A tree on one line, in brackets.
pub(super) fn flow(value: &Tree) -> SecretText {
    let mut out = SecretString::new(String::with_capacity(bound(value, 0)));
    push_flow(&mut out, value);
    out.into()
}

fn push_flow(out: &mut String, value: &Tree) {
    match value {
        Tree::Leaf(value) => out.push_str(&one_line(value)),
        Tree::Map(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                out.push_str(&string(key));
                out.push_str(": ");
                push_flow(out, value);
            }
            out.push('}');
        }
        Tree::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                push_flow(out, item);
            }
            out.push(']');
        }
    }
}

/// At most how many bytes a tree takes in that column; room for all of it keeps secrets from being copied about.
fn bound(value: &Tree, column: usize) -> usize {
    let text = |text: &str| text.len() * 4 + text.matches('\n').count() * (column + STEP + 2) + 8;
    match value {
        Tree::Leaf(value) => text(&value.to_text()) + 8,
        Tree::Map(entries) => {
            let each = |(key, value): &(String, Tree)| text(key) + column + 6 + bound(value, column + STEP);
            4 + entries.iter().map(each).sum::<usize>()
        }
        Tree::List(items) => {
            4 + items.iter().map(|item| column + 6 + bound(item, column + STEP)).sum::<usize>()
        }
    }
}

fn push_hex(out: &mut String, letter: char, code: u32, digits: u32) {
    out.push('\\');
    out.push(letter);
    for place in (0..digits).rev() {
        out.push(char::from_digit((code >> (4 * place)) & 15, 16).unwrap_or('0'));
    }
}

/// Columns a level.
const STEP: usize = 2;
