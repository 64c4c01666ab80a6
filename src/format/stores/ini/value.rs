//! What stands behind a separator, as SOPS' library reads and writes it.

use super::read::Reader;
use crate::document::{Span, Style};
use crate::format::{Limits, ParseError};
use crate::secret::SecretText;

/// A value and its place.
pub(super) struct Found {
    /// With its quotes.
    pub(super) token: Span,
    pub(super) style: Style,
    pub(super) value: String,
}

/// Reads the value that `rest` begins with, a line's end behind the separator; it may go on in the next lines.
///
/// # Errors
/// [`ParseError`].
pub(super) fn value(reader: &mut Reader<'_>, rest: Span) -> Result<Found, ParseError> {
    let text = reader.text;
    let start = rest.end - rest.of(text).trim_start().len();
    let line = Span::new(start, rest.end);
    let raw = line.of(text);
    if raw.is_empty() {
        let blanks = rest.of(text).trim_end_matches(['\n', '\r']);
        let at = rest.start + blanks.len();
        return Ok(Found { token: Span::new(at, at), style: Style::Plain, value: String::new() });
    }
    if raw.len() > 3 && raw.starts_with(TRIPLE) {
        return quoted(reader, line, TRIPLE, Style::MultiDouble);
    }
    if raw.starts_with('`') {
        return quoted(reader, line, "`", Style::Backtick);
    }
    let content = reader.trimmed(line);
    if content.of(text).ends_with('\\') {
        return Ok(continued(reader, content));
    }
    let mut token = content;
    if let Some(at) = content.of(text).find(['#', ';']) {
        reader.waiting.push(Span::new(start + at, content.end));
        token = reader.trimmed(Span::new(start, start + at));
    }
    let raw = token.of(text);
    let style = match () {
        () if is_in(raw, '\'') => Style::Single,
        () if is_in(raw, '"') => Style::Double,
        () => Style::Plain,
    };
    let quote = usize::from(style != Style::Plain);
    let value = raw.get(quote..raw.len() - quote).unwrap_or_default().to_owned();
    Ok(Found { token, style, value })
}

/// A value in quotes that may hold line breaks: to the last ones in the line, or in the first line below that has some.
fn quoted(reader: &mut Reader<'_>, line: Span, quote: &str, style: Style) -> Result<Found, ParseError> {
    let text = reader.text;
    let inner = line.start + quote.len();
    let close = match Span::new(inner, line.end).of(text).rfind(quote) {
        Some(at) => {
            let close = inner + at;
            let rest = Span::new(close + quote.len(), line.end);
            if !rest.of(text).trim().is_empty() {
                let message =
                    "SOPS drops what stands behind the quotes: put a comment into a line of its own";
                return reader.fail(rest.start, message);
            }
            close
        }
        None => loop {
            let next = reader.line();
            if let Some(at) = next.of(text).rfind(quote) {
                let close = next.start + at;
                reader.behind(Span::new(close + quote.len(), next.end))?;
                break close;
            }
            if reader.at >= text.len() {
                return reader.fail(line.start, "the quotes around the value are not closed");
            }
        },
    };
    let value = Span::new(inner, close).of(text).to_owned();
    Ok(Found { token: Span::new(line.start, close + quote.len()), style, value })
}

/// A value whose line ends in a backslash goes on with the next one, unless that is empty.
fn continued(reader: &mut Reader<'_>, first: Span) -> Found {
    let text = reader.text;
    let mut token = first;
    let mut value = first.of(text).strip_suffix('\\').unwrap_or_default().to_owned();
    loop {
        let next = reader.line();
        let piece = next.of(text).trim();
        if piece.is_empty() {
            break;
        }
        token.end = reader.trimmed(next).end;
        value.push_str(piece);
        match value.strip_suffix('\\').map(str::len) {
            Some(length) => value.truncate(length),
            None => break,
        }
    }
    Found { token, style: Style::Plain, value }
}

/// `text` as it is written where `style` stood, or in another way that SOPS reads as `text`. `None` where there is none.
pub(super) fn written(text: &str, style: Style) -> Option<SecretText> {
    let long = if text.contains('\n') {
        [Style::MultiDouble, Style::Backtick]
    } else {
        [Style::Backtick, Style::MultiDouble]
    };
    let mut styles = [style, Style::Plain, Style::Double, Style::Single].into_iter().chain(long);
    styles.find_map(|style| {
        let raw = in_style(text, style);
        let line = SecretText::new(["k = ", &raw, "\n"].concat());
        let limits = Limits { file: usize::MAX, leaf: usize::MAX, leaves: 1, ..Limits::default() };
        let content = super::read::read(&line, &limits).ok()?;
        let [pair] = content.sections.first()?.pairs.as_slice() else { return None };
        let is_whole = content.comments.is_empty()
            && content.sections.len() == 1
            && pair.token == Span::new(4, 4 + raw.len())
            && (pair.style == style || text.is_empty());
        (is_whole && pair.value == text).then_some(raw)
    })
}

/// `text` as SOPS' library writes it, where it reads that as `text`; else as [`written`] does.
pub(in crate::format::stores) fn rendered(text: &str) -> Option<SecretText> {
    let style = match () {
        () if text.contains(['\n', '`']) => Style::MultiDouble,
        () if text.contains(['#', ';']) => Style::Backtick,
        () if text.trim().len() != text.len() => Style::Double,
        () => Style::Plain,
    };
    written(text, style)
}

/// A text in the quotes of a style.
pub(super) fn in_style(text: &str, style: Style) -> SecretText {
    let quote = match style {
        Style::Single => "'",
        Style::Double => "\"",
        Style::Backtick => "`",
        Style::MultiDouble => TRIPLE,
        _ => "",
    };
    [quote, text, quote].concat().into()
}

/// Whether a text begins and ends with a quote, and has no other one.
fn is_in(text: &str, quote: char) -> bool {
    let inner = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner.is_some_and(|inner| !inner.contains(quote))
}

const TRIPLE: &str = "\"\"\"";
