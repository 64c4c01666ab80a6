//! TOML's scalars: decoded, and written.

use toml_parser::decoder::{Encoding, IntegerRadix, ScalarKind};
use toml_parser::parser::{Event, EventKind, RecursionGuard, parse_value};
use toml_parser::{ParseError, Raw, Source, Span};

use crate::document::{Style, Value};
use crate::secret::{SecretString, SecretText};

/// Decodes a scalar's token. Line breaks of multi-line strings become `\n` in the value, whatever the file uses, so that
/// a value does not change with a checkout's line ends.
///
/// # Errors
/// The lexer's, with offsets in the token.
pub(super) fn decode(token: &str, encoding: Option<Encoding>) -> Result<Value, ParseError> {
    let is_multi_line = matches!(encoding, Some(Encoding::MlBasicString | Encoding::MlLiteralString));
    if is_multi_line && token.contains("\r\n") {
        let unified = SecretText::new(token.replace("\r\n", "\n"));
        return decode_unified(&unified, encoding);
    }
    decode_unified(token, encoding)
}

fn decode_unified(token: &str, encoding: Option<Encoding>) -> Result<Value, ParseError> {
    // No escape is shorter than its character: the capacity holds, no unwiped copy is left behind.
    let mut decoded = SecretString::new(String::with_capacity(token.len()));
    let mut error = None;
    let raw = Raw::new_unchecked(token, encoding, Span::new_unchecked(0, token.len()));
    let kind = raw.decode_scalar(&mut *decoded, &mut error);
    let is_number = match kind {
        // The lexer lets `0x` and digits of other scripts pass.
        ScalarKind::Integer(IntegerRadix::Dec) | ScalarKind::Float => token.is_ascii(),
        ScalarKind::Integer(_) => token.is_ascii() && token.len() > "0x".len(),
        _ => true,
    };
    match error {
        Some(error) => Err(error),
        None if !is_number => {
            let whole = Span::new_unchecked(0, token.len());
            Err(ParseError::new(kind.invalid_description()).with_unexpected(whole))
        }
        None => Ok(match kind {
            ScalarKind::String => Value::Str(decoded.into()),
            ScalarKind::Boolean(value) => Value::Bool(value),
            ScalarKind::DateTime => Value::Time(token.into()),
            ScalarKind::Float => Value::Float(token.into()),
            ScalarKind::Integer(_) => Value::Int(token.into()),
        }),
    }
}

/// The leaf that `raw` spells, if it is exactly one leaf without anything around it.
pub(super) fn leaf(raw: &str) -> Option<Value> {
    let tokens = Source::new(raw).lex().into_vec();
    let mut events: Vec<Event> = Vec::with_capacity(tokens.len());
    let mut error = None;
    let mut guarded = RecursionGuard::new(&mut events, 1);
    parse_value(&tokens, &mut guarded, &mut error);
    let (first, last) = (events.first()?, events.last()?);
    if error.is_some() || first.span().start() != 0 || last.span().end() != raw.len() {
        return None;
    }
    let is_blank = |event: &Event| matches!(event.kind(), EventKind::Whitespace | EventKind::Newline);
    match (first.kind(), last.kind(), events.as_slice()) {
        (EventKind::Scalar, _, [scalar]) => decode(raw, scalar.encoding()).ok(),
        (EventKind::ArrayOpen, EventKind::ArrayClose, [_, inside @ .., _]) => {
            inside.iter().all(is_blank).then_some(Value::EmptyList)
        }
        (EventKind::InlineTableOpen, EventKind::InlineTableClose, [_, inside @ .., _]) => {
            inside.iter().all(is_blank).then_some(Value::EmptyMap)
        }
        _ => None,
    }
}

/// Whether TOML writes this value bare, as it is.
pub(super) fn is_bare(value: &Value) -> bool {
    match value {
        Value::Int(text) | Value::Float(text) | Value::Time(text) => leaf(text).as_ref() == Some(value),
        Value::Bool(_) | Value::EmptyMap | Value::EmptyList => true,
        Value::Str(_) | Value::Null | Value::Ambiguous(_) | Value::Bytes(_) => false,
    }
}

/// Writes a leaf in its default form. What TOML has no form for (null, numbers of other formats) becomes a string.
pub(super) fn write_value(out: &mut String, value: &Value) {
    if is_bare(value) {
        out.push_str(&value.to_text());
    } else {
        write_string(out, &value.to_text());
    }
}

/// A leaf in its default form. Sized up front, so that no unwiped copy of a secret is left behind.
pub(super) fn written(value: &Value) -> SecretText {
    let mut out = SecretString::new(String::with_capacity(6 * value.to_text().len() + 4));
    write_value(&mut out, value);
    out.into()
}

/// Writes `text` as a basic string of one line.
pub(super) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    text.chars().for_each(|c| write_char(out, c));
    out.push('"');
}

fn write_char(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\0'..='\u{1f}' | '\u{7f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        _ => out.push(c),
    }
}

/// Writes a string in the style that stood there, where it can live in it, else as basic string of one line.
/// `begins_line` says whether a line break stood behind the three quotes.
pub(super) fn write_styled(out: &mut String, text: &str, style: Style, begins_line: bool, line_break: &str) {
    let only = |allowed: &[char]| text.chars().all(|c| !c.is_control() || allowed.contains(&c));
    match style {
        Style::Single if only(&['\t']) && !text.contains('\'') => {
            out.push('\'');
            out.push_str(text);
            out.push('\'');
        }
        Style::MultiSingle if only(&['\t', '\n']) && !text.contains("'''") && !text.ends_with('\'') => {
            out.push_str("'''");
            out.push_str(if begins_line || text.starts_with('\n') { line_break } else { "" });
            out.push_str(&text.replace('\n', line_break));
            out.push_str("'''");
        }
        Style::MultiDouble => {
            out.push_str("\"\"\"");
            out.push_str(if begins_line || text.starts_with('\n') { line_break } else { "" });
            let mut before = None;
            let mut chars = text.chars().peekable();
            while let Some(c) = chars.next() {
                match c {
                    '\n' => out.push_str(line_break),
                    '\t' => out.push('\t'),
                    '"' if before != Some('"') && chars.peek().is_some() => out.push('"'),
                    _ => write_char(out, c),
                }
                before = Some(c);
            }
            out.push_str("\"\"\"");
        }
        _ => write_string(out, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_kept_where_they_can_be() {
        fn check(text: &str, style: Style, begins_line: bool, expect: &str) {
            let mut out = String::new();
            write_styled(&mut out, text, style, begins_line, "\n");
            assert_eq!(out, expect);
            let encoding = match (out.starts_with("\"\"\""), out.starts_with("'''"), out.starts_with('\'')) {
                (true, _, _) => Encoding::MlBasicString,
                (_, true, _) => Encoding::MlLiteralString,
                (_, _, true) => Encoding::LiteralString,
                _ => Encoding::BasicString,
            };
            assert_eq!(decode(&out, Some(encoding)), Ok(Value::Str(text.into())));
        }
        check("a\\b", Style::Single, false, "'a\\b'");
        check("a'b", Style::Single, false, "\"a'b\"");
        check("a\nb", Style::Single, false, "\"a\\nb\"");
        check("a'\nb", Style::MultiSingle, true, "'''\na'\nb'''");
        check("\na", Style::MultiSingle, false, "'''\n\na'''");
        check("a'", Style::MultiSingle, false, "\"a'\"");
        check(
            "a\"\"\"b\"\n\\\r\u{7f}",
            Style::MultiDouble,
            true,
            "\"\"\"\na\"\\\"\\\"b\"\n\\\\\\r\\u007f\"\"\"",
        );
        check("a\"", Style::MultiDouble, false, "\"\"\"a\\\"\"\"\"");
        check("a", Style::Double, false, "\"a\"");
    }

    #[test]
    fn bare_values_are_those_of_toml() {
        for (value, expect) in [
            (Value::Int("0x1F".into()), true),
            (Value::Int("1_000".into()), true),
            (Value::Int("017".into()), false),
            (Value::Int("1.0".into()), false),
            (Value::Int(" 1".into()), false),
            (Value::Int("1\n2".into()), false),
            (Value::Int("1 # c".into()), false),
            (Value::Float(".inf".into()), false),
            (Value::Float("-inf".into()), true),
            (Value::Float("1.5e3".into()), true),
            (Value::Time("1979-05-27 07:32:00".into()), true),
            (Value::Time("x".into()), false),
            (Value::Null, false),
        ] {
            assert_eq!(is_bare(&value), expect, "{:?}", value.to_text().as_str());
        }
    }
}
