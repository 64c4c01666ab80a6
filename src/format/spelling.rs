//! Spelling records: how a source wrote a leaf (`format-v1.md`, section 4). The byte layout is one for all formats.

use super::line::LineBreak;
use crate::document::{Document, FormatCode, NodeId, Spelling, Value};
use crate::secret::SecretBytes;

/// What a record says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// Kind 0: written in the default way.
    Default,
    /// Kind 1: the bytes of a token of one line.
    Token(&'a str),
    /// Kind 2: a scalar that spans lines or depends on its place.
    Placed(Placed<'a>),
}

/// The fields of kind 2.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Placed<'a> {
    /// The number of its [`crate::document::Style`].
    pub style: u8,
    /// Whether it stood in a flow collection.
    pub flow: bool,
    /// Column of the innermost block collection.
    pub base: i32,
    /// The line break beside it ([`line_break`]).
    pub line_break: LineBreak,
    /// The token.
    pub raw: &'a str,
    /// A block scalar's lines; else empty.
    pub body: &'a str,
}

/// A record of kind 0.
pub(super) fn default() -> Spelling {
    Spelling::default()
}

/// A record of kind 1.
pub(super) fn token(format: FormatCode, raw: &str) -> Spelling {
    let mut bytes = Vec::with_capacity(1 + raw.len());
    bytes.push(format as u8);
    bytes.extend_from_slice(raw.as_bytes());
    Spelling { kind: 1, bytes: SecretBytes::new(bytes) }
}

/// A record of kind 2.
pub(super) fn placed(format: FormatCode, fields: &Placed<'_>) -> Spelling {
    let (raw, body) = (fields.raw.as_bytes(), fields.body.as_bytes());
    let mut bytes = Vec::with_capacity(FIXED + raw.len() + body.len());
    bytes.extend([format as u8, fields.style, u8::from(fields.flow)]);
    bytes.extend(fields.base.to_be_bytes());
    bytes.push(fields.line_break as u8);
    for part in [raw, body] {
        // A leaf is limited to far less than 4 GiB; a cut length would be refused by `read`.
        bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    Spelling { kind: 2, bytes: SecretBytes::new(bytes) }
}

/// Reads a record; `None` where it is malformed or of another format than `format`.
pub(super) fn read(format: FormatCode, spelling: &Spelling) -> Option<Record<'_>> {
    let bytes = spelling.bytes.expose();
    if spelling.kind == 0 {
        return bytes.is_empty().then_some(Record::Default);
    }
    let (code, rest) = bytes.split_first()?;
    if *code != format as u8 {
        return None;
    }
    match spelling.kind {
        1 => {
            let raw = std::str::from_utf8(rest).ok()?;
            (!raw.contains(['\n', '\r'])).then_some(Record::Token(raw))
        }
        2 => {
            let (style, rest) = rest.split_first()?;
            let (flow, rest) = rest.split_first()?;
            let (base, rest) = rest.split_first_chunk()?;
            let (line_break, rest) = rest.split_first()?;
            let (raw, rest) = counted(rest)?;
            let (body, rest) = counted(rest)?;
            let flow = matches!(flow, 0 | 1).then_some(*flow == 1)?;
            let line_break = LineBreak::from_code(*line_break)?;
            let base = i32::from_be_bytes(*base);
            rest.is_empty().then_some(Record::Placed(Placed {
                style: *style,
                flow,
                base,
                line_break,
                raw,
                body,
            }))
        }
        _ => None,
    }
}

fn counted(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// Whether `text` matches `[A-Za-z_][A-Za-z0-9_./-]*` and is a string in YAML 1.1 and 1.2 when written bare.
pub(super) fn is_plain_string(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shaped = bytes.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_./-".contains(byte));
    shaped && !OTHER_TYPES.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Whether `text` is a decimal integer without sign and leading zero.
pub(super) fn is_plain_integer(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
        && !text.is_empty()
}

/// Whether a format that quotes its strings writes `value` in the default way, kind 0, as `raw`.
pub(super) fn is_quoted_default(raw: &str, value: &Value) -> bool {
    match value {
        Value::Str(text) => {
            let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            inner == Some(text.as_str()) && is_plain_string(text)
        }
        Value::Int(text) => raw == text.as_str() && is_plain_integer(text),
        Value::Bool(true) => raw == "true",
        Value::Bool(false) => raw == "false",
        Value::Null => raw == "null",
        _ => false,
    }
}

/// The line break that tells whether a file's line ends were converted: the first one behind the leaf that lies outside
/// every leaf, else the last one before it. It is the same one in the plain and in the sealed text. Looks over at most
/// [`NEIGHBOURS`] leaves in each direction, to stay linear in files of one line.
pub(super) fn line_break(document: &Document, id: NodeId) -> LineBreak {
    let text = document.source.as_str();
    let gap = |start: usize, end: usize| text.get(start..end).unwrap_or_default();
    let mut at = document.node(id).span.end;
    let count = u32::try_from(document.nodes.len()).unwrap_or(u32::MAX);
    let mut behind = (id.0 + 1..count).map(NodeId).filter(|other| document.is_leaf(*other));
    for other in behind.by_ref().take(NEIGHBOURS) {
        let span = document.node(other).span;
        match LineBreak::first_in(gap(at, span.start)) {
            LineBreak::None => at = span.end.max(at),
            found => return found,
        }
    }
    if behind.next().is_none() {
        let found = LineBreak::first_in(gap(at, text.len()));
        if found != LineBreak::None {
            return found;
        }
    }
    let mut at = document.node(id).span.start;
    let mut before = (0..id.0).rev().map(NodeId);
    for other in before.by_ref().filter(|other| document.is_leaf(*other)).take(NEIGHBOURS) {
        let span = document.node(other).span;
        match LineBreak::last_in(gap(span.end, at)) {
            LineBreak::None => at = span.start.min(at),
            found => return found,
        }
    }
    if before.next().is_none() { LineBreak::last_in(gap(0, at)) } else { LineBreak::None }
}

/// How many leaves [`line_break`] looks over.
const NEIGHBOURS: usize = 32;

/// Bytes of a record of kind 2 without raw and body.
const FIXED: usize = 16;

/// Words that YAML 1.1 or 1.2 reads as something else than a string.
const OTHER_TYPES: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back() {
        let record = token(FormatCode::Json, "\"a b\"");
        assert_eq!((record.kind, record.bytes.expose()), (1, b"\x02\"a b\"".as_slice()));
        assert_eq!(read(FormatCode::Json, &record), Some(Record::Token("\"a b\"")));
        assert_eq!(read(FormatCode::Toml, &record), None);

        let fields =
            Placed { style: 6, flow: true, base: -1, line_break: LineBreak::CrLf, raw: "é", body: "b" };
        let record = placed(FormatCode::Toml, &fields);
        let expect = b"\x03\x06\x01\xff\xff\xff\xff\x02\x00\x00\x00\x02\xc3\xa9\x00\x00\x00\x01b";
        assert_eq!((record.kind, record.bytes.expose()), (2, expect.as_slice()));
        assert_eq!(read(FormatCode::Toml, &record), Some(Record::Placed(fields)));
        assert_eq!(read(FormatCode::Toml, &default()), Some(Record::Default));
    }

    #[test]
    fn malformed_records_are_refused() {
        let good = placed(
            FormatCode::Toml,
            &Placed { style: 6, flow: false, base: -1, line_break: LineBreak::Lf, raw: "ab", body: "" },
        );
        let good = good.bytes.expose();
        let mut bad: Vec<(u8, Vec<u8>)> = (0..good.len()).map(|end| (2, good[..end].to_vec())).collect();
        bad.push((2, [good, b"x"].concat()));
        bad.push((1, b"\x03a\nb".to_vec()));
        bad.push((1, b"\x03\xff".to_vec()));
        bad.push((0, b"x".to_vec()));
        bad.push((3, b"\x03".to_vec()));
        for (place, value) in [(2, 2), (7, 4)] {
            let mut bytes = good.to_vec();
            bytes[place] = value;
            bad.push((2, bytes));
        }
        for (kind, bytes) in bad {
            assert_eq!(read(FormatCode::Toml, &Spelling { kind, bytes: SecretBytes::new(bytes) }), None);
        }
    }

    #[test]
    fn defaults_are_what_yaml_reads_as_strings() {
        for text in ["abc", "_", "a/b.c-d", "nulls", "truth", "E5"] {
            assert!(is_plain_string(text), "{text}");
        }
        for text in ["", "a b", "1a", "-a", "ä", "yes", "No", "NULL", "~", "y", ".5", "tRUE"] {
            assert!(!is_plain_string(text), "{text}");
        }
        for (text, expect) in [("0", true), ("10", true), ("01", false), ("-1", false), ("", false)] {
            assert_eq!(is_plain_integer(text), expect, "{text}");
        }
    }
}
