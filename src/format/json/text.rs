//! JSON's strings and numbers, and trees written as JSON.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::document::{Tree, Value};
use crate::secret::{SecretString, SecretText};

/// How a tree is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layout<'a> {
    /// In one line: `{"a": 1}`.
    Line,
    /// Every scalar in a line of its own.
    Lines {
        /// The line break.
        line_break: &'a str,
        /// Blanks before the line in which the tree begins.
        indent: &'a str,
        /// Blanks for one level more.
        unit: &'a str,
    },
}

/// Writes `tree` behind `out`.
pub(super) fn write(out: &mut String, tree: &Tree, layout: Layout<'_>, level: usize) {
    let part = |out: &mut String, first: bool, level: usize| {
        match layout {
            Layout::Line => out.push_str(if first { "" } else { ", " }),
            Layout::Lines { line_break, indent, unit } => {
                out.push_str(if first { "" } else { "," });
                out.push_str(line_break);
                out.push_str(indent);
                (0..level).for_each(|_| out.push_str(unit));
            }
        };
    };
    let end = |out: &mut String| {
        if let Layout::Lines { .. } = layout {
            part(out, true, level);
        }
    };
    match tree {
        Tree::Leaf(value) => write_value(out, value),
        Tree::Map(entries) if entries.is_empty() => out.push_str("{}"),
        Tree::List(items) if items.is_empty() => out.push_str("[]"),
        Tree::Map(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                part(out, index == 0, level + 1);
                write_string(out, key);
                out.push_str(": ");
                write(out, value, layout, level + 1);
            }
            end(out);
            out.push('}');
        }
        Tree::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                part(out, index == 0, level + 1);
                write(out, item, layout, level + 1);
            }
            end(out);
            out.push(']');
        }
    }
}

/// Writes a leaf. What JSON has no form for (`0x1F`, `inf`, dates) is written as a string.
pub(super) fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Int(text) | Value::Float(text) if is_number(text) => out.push_str(text),
        Value::Null => out.push_str("null"),
        Value::Str(text)
        | Value::Int(text)
        | Value::Float(text)
        | Value::Time(text)
        | Value::Ambiguous(text) => write_string(out, text),
        Value::Bytes(bytes) => write_string(out, &BASE64_STANDARD.encode(bytes.expose())),
        Value::Bool(_) | Value::EmptyMap | Value::EmptyList => out.push_str(&value.to_text()),
    }
}

/// Writes `text` in double quotes, escaping only what must be escaped.
pub(in crate::format) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Whether `token` is a number of RFC 8259, section 6.
pub(super) fn is_number(token: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = token.strip_prefix('-').unwrap_or(token);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}

/// Decodes what stands between a string's quotes.
///
/// # Errors
/// The byte offset and what is wrong. A lone surrogate is no character and could not come back from a payload, so it is
/// refused here, at the earliest place.
pub(in crate::format) fn decode(inner: &str) -> Result<SecretText, (usize, &'static str)> {
    // An escape is never shorter than its character: the capacity holds, no unwiped copy is left behind.
    let mut out = SecretString::new(String::with_capacity(inner.len()));
    let mut at = 0;
    while let Some(length) = inner[at..].find('\\') {
        out.push_str(&inner[at..at + length]);
        let start = at + length;
        let (c, size) = escape(&inner[start..]).map_err(|message| (start, message))?;
        out.push(c);
        at = start + size;
    }
    out.push_str(&inner[at..]);
    Ok(out.into())
}

/// The character of the escape at the beginning of `text`, and the escape's length.
fn escape(text: &str) -> Result<(char, usize), &'static str> {
    let c = match text.as_bytes().get(1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(text),
        _ => return Err("expected an escape: one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000"),
    };
    Ok((c, 2))
}

fn unicode(text: &str) -> Result<(char, usize), &'static str> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u32::from_str_radix(digits, 16).ok())?
    };
    let first = unit(0).ok_or("expected four hexadecimal digits behind \\u")?;
    if let Some(c) = char::from_u32(first) {
        return Ok((c, 6));
    }
    let second = unit(6).filter(|second| first < 0xdc00 && (0xdc00..0xe000).contains(second));
    second
        .and_then(|second| char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)))
        .map(|c| (c, 12))
        .ok_or("expected a surrogate pair: half of one is no character")
}
