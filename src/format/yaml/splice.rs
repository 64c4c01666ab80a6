//! Tokens in and values back out, by the rules R1 to R4 of `docs/design/round-trip.md`.

use super::block::{Chomp, Header, absorbs, is_content};
use super::lines::{
    Eol, Line, break_before, ends_with_break, indentation, is_blank, is_marker, line_end, line_start, lines,
};
use super::spelling::{Record, bare, reference_break};
use super::{decode, schema, write};
use crate::document::{Document, FormatCode, Kind, NodeId, Scalar, Span, Spelling, Splice, Style, Value};
use crate::secret::{SecretString, SecretText};

/// Puts a token in a leaf's place: over a whole flow scalar or empty container, over a block scalar's header, whose
/// lines vanish.
pub(super) fn seal(document: &Document, id: NodeId, token: &str) -> Vec<Splice> {
    let node = document.node(id);
    match &node.kind {
        Kind::Scalar(scalar) => {
            let body = scalar.body.map(|body| Splice::new(body, ""));
            std::iter::once(Splice::new(scalar.token, token)).chain(body).collect()
        }
        _ => vec![Splice::new(node.span, token)],
    }
}

/// Puts a leaf back as it was written. `None` where the spelling does not give `value` in this place.
pub(super) fn unseal(
    document: &Document,
    id: NodeId,
    value: &Value,
    spelling: &Spelling,
) -> Option<Vec<Splice>> {
    let scalar = document.scalar(id)?;
    match spelling.kind {
        0 => Some(vec![Splice::new(scalar.token, bare(value)?)]),
        1 => {
            let (format, raw) = spelling.bytes.expose().split_first()?;
            let raw = std::str::from_utf8(raw).ok()?;
            let style = style_of(raw);
            let fits = *format == FormatCode::Yaml as u8
                && !raw.contains(['\n', '\r'])
                && reads_as(style, raw, value)
                && (style != Style::Plain || !scalar.flow || fits_flow(raw, value))
                && !(is_marker(raw)
                    && line_start(&document.source, scalar.token.start) == scalar.token.start);
            fits.then(|| vec![Splice::new(scalar.token, raw)])
        }
        2 => {
            let record = Record::read(spelling.bytes.expose())?;
            let now = reference_break(document, id);
            let (raw, body) = with_breaks(&record, now);
            if matches!(record.style, Style::Literal | Style::Folded) {
                let place = Place { text: &document.source, scalar, eol: now.or(record.eol) };
                place.block(&raw, &body, record.base, value)
            } else {
                flow(scalar, &record, &raw, value)
            }
        }
        _ => None,
    }
}

/// Puts a leaf back in its default form on one line.
pub(super) fn unseal_default(document: &Document, id: NodeId, value: &Value) -> Vec<Splice> {
    let span = document.scalar(id).map_or(document.node(id).span, |scalar| scalar.token);
    vec![Splice::new(span, write::one_line(value))]
}

/// R2: where the surroundings have another line break than they had, and the leaf used theirs alone, it follows.
fn with_breaks(record: &Record<'_>, now: Option<Eol>) -> (SecretText, SecretText) {
    let (raw, body) = (SecretText::from(record.raw), SecretText::from(record.body));
    let (Some(then), Some(now)) = (record.eol, now) else { return (raw, body) };
    let is_uniform =
        |text: &str| lines(text, 0).all(|line| Eol::at(text, line.end).is_none_or(|eol| eol == then));
    if then == now || !is_uniform(&raw) || !is_uniform(&body) {
        return (raw, body);
    }
    (convert(&raw, now), convert(&body, now))
}

fn convert(text: &str, eol: Eol) -> SecretText {
    let mut out = SecretString::new(String::with_capacity(text.len() * 2));
    for line in lines(text, 0) {
        out.push_str(line.of(text));
        if line.next > line.end {
            out.push_str(eol.as_str());
        }
    }
    out.into()
}

/// R3: by how many columns the surroundings have moved; a root counts as column 0.
fn delta(scalar: &Scalar, base: i32) -> Option<i32> {
    scalar.base.max(0).checked_sub(base.max(0))
}

/// Moves the lines that `moves` chooses by `delta` columns. `None` where one lacks the spaces for it.
fn shift(text: &str, delta: i32, moves: impl Fn(Line) -> bool) -> Option<SecretText> {
    let count = lines(text, 0).count() + 1;
    let added = usize::try_from(delta).unwrap_or(0);
    let removed = usize::try_from(delta.checked_neg()?).unwrap_or(0);
    // A forged record must not cost more memory than a leaf may.
    let size = count.checked_mul(added).filter(|size| *size <= MOST_ADDED)?.checked_add(text.len())?;
    let mut out = SecretString::new(String::with_capacity(size));
    for line in lines(text, 0) {
        let content = text.get(line.start..line.next)?;
        if !moves(line) {
            out.push_str(content);
        } else if removed > 0 {
            out.push_str(content.get(removed..).filter(|_| indentation(content) >= removed)?);
        } else {
            (0..added).for_each(|_| out.push(' '));
            out.push_str(content);
        }
    }
    Some(out.into())
}

/// A quoted or plain scalar or an empty container over several lines.
fn flow(scalar: &Scalar, record: &Record<'_>, raw: &str, value: &Value) -> Option<Vec<Splice>> {
    let is_blank_line = |line: Line| line.of(raw).bytes().all(is_blank);
    let raw = shift(raw, delta(scalar, record.base)?, |line| line.start > 0 && !is_blank_line(line))?;
    if !reads_as(record.style, &raw, value) {
        return None;
    }
    if record.style == Style::Plain && !is_empty_container(value) {
        if scalar.flow && (!record.flow || !fits_flow(&raw, value)) {
            return None;
        }
        let least = usize::try_from(scalar.base + 1).ok()?;
        let mut rest =
            lines(&raw, 0).skip(1).map(|line| line.of(&raw)).filter(|line| !line.bytes().all(is_blank));
        if !scalar.flow && rest.any(|line| indentation(line) < least) {
            return None;
        }
    }
    Some(vec![Splice::new(scalar.token, raw)])
}

/// Where a token stands that a block scalar replaces.
struct Place<'a> {
    text: &'a str,
    scalar: &'a Scalar,
    eol: Option<Eol>,
}

impl Place<'_> {
    fn block(&self, raw: &str, body: &str, base: i32, value: &Value) -> Option<Vec<Splice>> {
        let header = Header::read(raw).filter(|header| header.len == raw.len() && !self.scalar.flow)?;
        let is_open = !body.is_empty() && !ends_with_break(body);
        let leading = if is_open { Eol::at(body, 0)?.as_str() } else { "" };
        let body = body.get(leading.len()..)?;
        let indent = header.body(body, 0, base).indent;
        let delta = delta(self.scalar, base)?;
        let body = shift(body, delta, |line| is_content(body, line, indent.unwrap_or(usize::MAX)))?;
        let found = header.body(&body, 0, self.scalar.base);
        let reads = found.end == body.len()
            && matches!(value, Value::Str(text) if *text == header.decode(&body, found.indent));
        if !reads {
            return None;
        }
        let end = line_end(self.text, self.scalar.token.end);
        let behind = Eol::at(self.text, end).map(|eol| end + eol.len());
        if let Some(behind) = behind {
            let least = usize::try_from(self.scalar.base + 1).unwrap_or(0);
            if absorbs(self.text, behind, header.chomp, found.indent, least) {
                return None;
            }
        }
        let mut splices = vec![Splice::new(self.scalar.token, raw)];
        if !body.is_empty() {
            splices.push(match behind {
                Some(behind) if !is_open => Splice::new(Span::new(behind, behind), body),
                _ => Splice::new(Span::new(end, end), self.behind_break(leading, &body, header.chomp)),
            });
        }
        Some(splices)
    }

    /// The body with the line break before it, for the end of a line.
    fn behind_break(&self, leading: &str, body: &str, chomp: Chomp) -> SecretText {
        let eol = if leading.is_empty() { self.eol.map_or("\n", Eol::as_str) } else { leading };
        // The text goes on without a break here, and so does the value, unless its last breaks belong to it.
        let end = if chomp == Chomp::Keep { body.len() } else { break_before(body, body.len()) };
        let mut out = SecretString::new(String::with_capacity(eol.len() + end));
        out.push_str(eol);
        out.push_str(body.get(..end).unwrap_or_default());
        out.into()
    }
}

fn style_of(raw: &str) -> Style {
    match raw.bytes().next() {
        Some(b'"') => Style::Double,
        Some(b'\'') => Style::Single,
        _ => Style::Plain,
    }
}

/// Whether a flow scalar or an empty container of that spelling means `value`.
fn reads_as(style: Style, raw: &str, value: &Value) -> bool {
    let brackets = match value {
        Value::EmptyMap => Some(('{', '}')),
        Value::EmptyList => Some(('[', ']')),
        _ => None,
    };
    if let Some((open, close)) = brackets {
        let inner = raw.strip_prefix(open).and_then(|raw| raw.strip_suffix(close));
        return inner
            .is_some_and(|inner| inner.bytes().all(|byte| is_blank(byte) || matches!(byte, b'\n' | b'\r')));
    }
    match decode::flow_scalar(style, raw) {
        Some(text) if style == Style::Plain => schema::resolve(text) == *value,
        Some(text) => matches!(value, Value::Str(value) if *value == text),
        None => false,
    }
}

const fn is_empty_container(value: &Value) -> bool {
    matches!(value, Value::EmptyMap | Value::EmptyList)
}

/// Whether a plain scalar can stand inside brackets: no brackets or commas in it, no `:` at its end or before one, and
/// behind a leading `?`, `:` or `-` something that is no blank.
fn fits_flow(raw: &str, value: &Value) -> bool {
    if is_empty_container(value) {
        return true;
    }
    let bytes = raw.as_bytes();
    let is_indicator = matches!(bytes.first(), Some(b'?' | b':' | b'-'));
    let second_fits = bytes.get(1).is_some_and(|byte| !is_blank(*byte) && !matches!(byte, b'\n' | b'\r'));
    !raw.contains([',', '[', ']', '{', '}']) && !raw.ends_with(':') && (!is_indicator || second_fits)
}

/// How many bytes re-indentation may add to one leaf: far more than any real move.
const MOST_ADDED: usize = 64 << 20;
