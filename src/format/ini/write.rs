//! Values and whole files.

use super::scan::reading;
use crate::document::{Style, Tree, Value};
use crate::format::flat::is_escaped;
use crate::secret::SecretText;

/// `text` as it is written where `style` stood, else as it is, else in quotes: what reads as `text`. `None` where nothing
/// does.
pub(super) fn written(text: &str, style: Style) -> Option<SecretText> {
    [style, Style::Plain, Style::Double, Style::Single].into_iter().find_map(|style| {
        let quote = match style {
            Style::Double => "\"",
            Style::Single => "'",
            _ => "",
        };
        let raw = SecretText::new([quote, text, quote].concat());
        let (read, value) = reading(&raw)?;
        // Some programs take a backslash at the end for the next line's beginning.
        let is_open = style == Style::Plain && is_escaped(text);
        (!is_open && read == style && value == Value::Str(text.into())).then_some(raw)
    })
}

/// Whether `key` can be written as a key and reads as itself.
pub(super) fn is_key(key: &str) -> bool {
    let is_edge = |c: char| c.is_whitespace() || c == '\u{feff}';
    !key.is_empty()
        && !key.starts_with(['[', '#', ';'])
        && !key.contains(['=', ':'])
        && !key.contains(char::is_control)
        && !key.starts_with(is_edge)
        && !key.ends_with(is_edge)
}

/// Whether `name` can stand between brackets.
pub(super) fn is_section(name: &str) -> bool {
    !name.contains([']', '"', '\\']) && !name.contains(char::is_control)
}

/// A new file: the root's own values, then sections.
pub(super) fn render(tree: &Tree) -> String {
    let mut out = String::new();
    if let Tree::Map(pairs) = tree {
        pairs.iter().for_each(|(key, value)| values(&mut out, key, value));
        pairs.iter().for_each(|(key, value)| sections(&mut out, key, value, "\n"));
    }
    out
}

/// The lines of a key: one for a text, several for a list of texts.
fn values(out: &mut String, key: &str, tree: &Tree) {
    match tree {
        Tree::List(items) => {
            items.iter().filter(|item| matches!(item, Tree::Leaf(_))).for_each(|item| values(out, key, item));
        }
        Tree::Leaf(Value::EmptyMap | Value::EmptyList) | Tree::Map(_) => {}
        Tree::Leaf(value) => {
            let text = value.to_text();
            out.push_str(key);
            out.push_str(" = ");
            out.push_str(&written(&text, Style::Plain).unwrap_or(text));
            out.push('\n');
        }
    }
}

/// The sections of a name: one for a map, several for a list of maps. No deeper than the tree.
pub(super) fn sections(out: &mut String, name: &str, tree: &Tree, line_break: &str) {
    match tree {
        Tree::List(items) => items.iter().for_each(|item| sections(out, name, item, line_break)),
        Tree::Leaf(Value::EmptyMap) => header(out, name, line_break),
        Tree::Leaf(_) => {}
        Tree::Map(pairs) => {
            header(out, name, line_break);
            let mut own = String::new();
            pairs.iter().for_each(|(key, value)| values(&mut own, key, value));
            out.push_str(&own.replace('\n', line_break));
            for (key, value) in pairs {
                sections(out, &format!("{name}.{key}"), value, line_break);
            }
        }
    }
}

fn header(out: &mut String, name: &str, line_break: &str) {
    out.push_str(if out.is_empty() { "" } else { line_break });
    out.push_str(&format!("[{name}]{line_break}"));
}
