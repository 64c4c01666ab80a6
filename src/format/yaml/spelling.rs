//! The spelling records of payloads (`format-v1.md`, section 4): how a source wrote a leaf.

use super::lines::Eol;
use super::schema;
use crate::document::{Document, FormatCode, Kind, NodeId, Span, Spelling, Style, Value};
use crate::secret::SecretBytes;

/// A record, read or about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// How it is quoted; plain for an empty container.
    pub(super) style: Style,
    /// Whether it stood inside a flow collection.
    pub(super) flow: bool,
    /// Column of the innermost block collection, -1 at a root.
    pub(super) base: i32,
    /// The line break of its surroundings, where one could be told.
    pub(super) eol: Option<Eol>,
    /// The bytes that the token replaced.
    pub(super) raw: &'a str,
    /// A block scalar's lines; begins with a line break where the file ended in them without one.
    pub(super) body: &'a str,
}

/// How the source writes the leaf `id`.
pub(super) fn of(document: &Document, id: NodeId) -> Spelling {
    let node = document.node(id);
    let source = &*document.source;
    let (style, flow, base, token, body) = match &node.kind {
        Kind::Scalar(scalar) => {
            let raw = scalar.token.of(source);
            if scalar.style == Style::Plain && is_bare(&scalar.value, raw) {
                return Spelling::default();
            }
            (scalar.style, scalar.flow, scalar.base, scalar.token, scalar.body)
        }
        _ => (Style::Plain, is_in_flow(document, id), base_of(document, id), node.span, None),
    };
    let raw = token.of(source);
    if body.is_none() && !raw.contains(['\n', '\r']) && !matches!(style, Style::Literal | Style::Folded) {
        let mut bytes = Vec::with_capacity(raw.len() + 1);
        bytes.push(FormatCode::Yaml as u8);
        bytes.extend_from_slice(raw.as_bytes());
        return Spelling { kind: 1, bytes: SecretBytes::new(bytes) };
    }
    let eol = reference_break(document, id);
    let record = Record { style, flow, base, eol, raw, body: body.map_or("", |body| body.of(source)) };
    Spelling { kind: 2, bytes: record.write() }
}

/// The value's bare form, if it has one.
pub(super) fn bare(value: &Value) -> Option<&str> {
    match value {
        Value::Str(text) if schema::is_bare_string(text) => Some(text),
        Value::Int(text) if schema::is_bare_int(text) => Some(text),
        Value::Bool(true) => Some("true"),
        Value::Bool(false) => Some("false"),
        Value::Null => Some("null"),
        _ => None,
    }
}

fn is_bare(value: &Value, raw: &str) -> bool {
    bare(value).is_some_and(|text| text == raw)
}

impl<'a> Record<'a> {
    /// Reads a record of kind 02; `None` where it is malformed or of another format.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let ([format, style, flow, base @ .., eol], rest) = bytes.split_first_chunk::<8>()?;
        let style = match style {
            0 => Style::Plain,
            1 => Style::Single,
            2 => Style::Double,
            3 => Style::Literal,
            4 => Style::Folded,
            _ => return None,
        };
        let (raw, rest) = field(rest)?;
        let (body, rest) = field(rest)?;
        let fits = *format == FormatCode::Yaml as u8 && *flow <= 1 && *eol <= 3 && rest.is_empty();
        let base = i32::from_be_bytes(*base);
        let eol = Eol::of_code(*eol);
        fits.then_some(Self { style, flow: *flow == 1, base, eol, raw, body })
    }

    fn write(&self) -> SecretBytes {
        let mut bytes = Vec::with_capacity(16 + self.raw.len() + self.body.len());
        bytes.extend([FormatCode::Yaml as u8, self.style as u8, u8::from(self.flow)]);
        bytes.extend(self.base.to_be_bytes());
        bytes.push(self.eol.map_or(0, |eol| eol as u8));
        for part in [self.raw, self.body] {
            // Limits keep a leaf far below 4 GiB; a longer one would not pass the gate.
            bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        SecretBytes::new(bytes)
    }
}

fn field(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// Whether a node stands inside brackets.
pub(super) fn is_in_flow(document: &Document, id: NodeId) -> bool {
    let mut at = document.node(id).parent;
    while let Some(parent) = at {
        if is_bracketed(document, parent) {
            return true;
        }
        at = document.node(parent).parent;
    }
    false
}

/// Whether a container is written in brackets; a block one begins with a key or `-`, and no key with a bracket.
pub(super) fn is_bracketed(document: &Document, id: NodeId) -> bool {
    document.node(id).span.of(&document.source).starts_with(['{', '['])
}

/// Column of the innermost block collection around a node, -1 where there is none.
pub(super) fn base_of(document: &Document, id: NodeId) -> i32 {
    let mut at = document.node(id).parent;
    let mut base = -1;
    // A block collection never stands inside brackets: behind the outermost bracket all are block.
    while let Some(parent) = at {
        if is_bracketed(document, parent) {
            base = -1;
        } else if base < 0 {
            base = i32::try_from(block_column(document, parent)).unwrap_or(i32::MAX);
        }
        at = document.node(parent).parent;
    }
    base
}

/// The column of a block collection: that of its first `-`, `?` or key.
pub(super) fn block_column(document: &Document, id: NodeId) -> usize {
    let source = &document.source;
    let start = document.node(id).span.start;
    super::lines::column(source, super::places::entry_start(source, start))
}

/// The line break that a leaf's own breaks are compared with when it is put back: the first one behind the leaf that
/// lies outside every leaf, at the end of the file the last one before it. It is the same one before and after
/// sealing. `None` where it is too far to look for: a spelling then comes back as it was.
pub(super) fn reference_break(document: &Document, id: NodeId) -> Option<Eol> {
    let source = &*document.source;
    let (token, body) = places(document, id);
    let mut at = token.end;
    let following = document.nodes.get(id.index() + 1..).unwrap_or_default();
    let mut holes = body.into_iter().chain(holes(following.iter().take(FAR)));
    let mut is_far = following.len() > FAR;
    loop {
        let hole = holes.next();
        let end = hole.map_or(source.len(), |hole| hole.start);
        let gap = source.as_bytes().get(at..end).unwrap_or_default();
        let near = gap.iter().take(FAR_BYTES).position(|byte| matches!(byte, b'\n' | b'\r'));
        if let Some(found) = near {
            return Eol::at(source, at + found);
        }
        is_far |= gap.len() > FAR_BYTES;
        match hole {
            Some(hole) => at = hole.end.max(at),
            None if is_far => return None,
            None => break,
        }
    }
    let before = document.nodes.get(..id.index()).unwrap_or_default();
    let mut end = token.start;
    for hole in holes_backwards(before.iter().rev().take(FAR)).map(Some).chain([None]) {
        let start = hole.map_or(0, |hole| hole.end);
        let near = end.saturating_sub(FAR_BYTES).max(start);
        let gap = source.as_bytes().get(near..end).unwrap_or_default();
        if let Some(found) = gap.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
            return Eol::last_before(source, near + found + 1);
        }
        if near > start || (hole.is_none() && before.len() > FAR) {
            return None;
        }
        end = hole.map_or(0, |hole| hole.start);
    }
    None
}

/// The two ranges of a leaf.
fn places(document: &Document, id: NodeId) -> (Span, Option<Span>) {
    let node = document.node(id);
    match &node.kind {
        Kind::Scalar(scalar) => (scalar.token, scalar.body),
        _ => (node.span, None),
    }
}

type Nodes<'a> = &'a crate::document::Node;

fn holes<'a>(nodes: impl Iterator<Item = Nodes<'a>>) -> impl Iterator<Item = Span> {
    nodes.filter_map(ranges).flat_map(|(token, body)| std::iter::once(token).chain(body))
}

fn holes_backwards<'a>(nodes: impl Iterator<Item = Nodes<'a>>) -> impl Iterator<Item = Span> {
    nodes.filter_map(ranges).flat_map(|(token, body)| body.into_iter().chain([token]))
}

fn ranges(node: Nodes<'_>) -> Option<(Span, Option<Span>)> {
    match &node.kind {
        Kind::Scalar(scalar) => Some((scalar.token, scalar.body)),
        Kind::Map(entries) if entries.is_empty() => Some((node.span, None)),
        Kind::List(items) if items.is_empty() => Some((node.span, None)),
        _ => None,
    }
}

/// How many nodes and how many bytes between two of them are looked at for a line break.
const FAR: usize = 256;
const FAR_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_go_round_and_malformed_ones_are_refused() {
        let record = Record {
            style: Style::Literal,
            flow: false,
            base: -1,
            eol: Some(Eol::CrLf),
            raw: "|-",
            body: "  x\r\n",
        };
        let bytes = record.write();
        assert_eq!(Record::read(bytes.expose()), Some(record));
        for end in 0..bytes.expose().len() {
            assert_eq!(Record::read(&bytes.expose()[..end]), None);
        }
        let other = [&[2], &bytes.expose()[1..]].concat();
        assert_eq!(Record::read(&other), None);
        assert_eq!(Record::read(&[bytes.expose(), b"x"].concat()), None);
    }
}
