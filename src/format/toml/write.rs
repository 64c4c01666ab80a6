//! Trees written as TOML: tables with headers, and values in one line.

use super::scalar::{write_string, write_value};
use crate::document::Tree;

/// Writes `[a.b]`, or `[[a.b]]` for an element.
pub(super) fn write_header(out: &mut String, path: &[&str], is_element: bool) {
    out.push_str(if is_element { "[[" } else { "[" });
    for (index, key) in path.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "." });
        write_key(out, key);
    }
    out.push_str(if is_element { "]]" } else { "]" });
}

/// Writes the table at `path`, its header first, every line with a line break behind it.
pub(super) fn write_table(out: &mut String, path: &[&str], is_element: bool, table: &Tree, line_break: &str) {
    write_header(out, path, is_element);
    out.push_str(line_break);
    write_entries(out, path, table, line_break);
}

/// Writes what stands below the header of the table at `path`: everything that is no table before its subtables.
pub(super) fn write_entries(out: &mut String, path: &[&str], table: &Tree, line_break: &str) {
    let Tree::Map(entries) = table else { return };
    for (key, value) in entries.iter().filter(|(_, value)| !is_table(value) && !is_tables(value)) {
        write_key(out, key);
        out.push_str(" = ");
        write_lines(out, value, line_break);
        out.push_str(line_break);
    }
    for (key, value) in entries {
        let inner = [path, &[key.as_str()]].concat();
        match value {
            Tree::List(items) if is_tables(value) => {
                items.iter().for_each(|item| write_table(out, &inner, true, item, line_break));
            }
            _ if is_table(value) => write_table(out, &inner, false, value, line_break),
            _ => {}
        }
    }
}

/// Writes a list one element a line, anything else in one line.
fn write_lines(out: &mut String, value: &Tree, line_break: &str) {
    match value {
        Tree::List(items) if !items.is_empty() => {
            out.push('[');
            for item in items {
                out.push_str(line_break);
                out.push_str("  ");
                write_inline(out, item);
                out.push(',');
            }
            out.push_str(line_break);
            out.push(']');
        }
        _ => write_inline(out, value),
    }
}

/// Writes a value in one line.
pub(super) fn write_inline(out: &mut String, value: &Tree) {
    match value {
        Tree::Leaf(value) => write_value(out, value),
        Tree::Map(entries) if entries.is_empty() => out.push_str("{}"),
        Tree::Map(entries) => {
            for (index, (key, value)) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "{ " } else { ", " });
                write_key(out, key);
                out.push_str(" = ");
                write_inline(out, value);
            }
            out.push_str(" }");
        }
        Tree::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_inline(out, item);
            }
            out.push(']');
        }
    }
}

/// Writes a key: bare where it can be.
pub(super) fn write_key(out: &mut String, key: &str) {
    if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    {
        out.push_str(key);
    } else {
        write_string(out, key);
    }
}

/// Whether a value is written under a header of its own.
pub(super) fn is_table(value: &Tree) -> bool {
    matches!(value, Tree::Map(entries) if !entries.is_empty())
}

/// Whether a value is written as `[[x]]`.
pub(super) fn is_tables(value: &Tree) -> bool {
    matches!(value, Tree::List(items) if !items.is_empty() && items.iter().all(is_table))
}
