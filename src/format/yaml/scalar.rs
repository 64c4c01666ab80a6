//! Where a scalar stands and what it says, read twice.

use std::borrow::Cow;

use super::block::{Chomp, Header};
use super::lines::{break_before, find_indicator, line_end, lines};
use super::{decode, errors};
use crate::document::{Span, Style};
use crate::format::ParseError;
use crate::secret::SecretText;

/// The two ranges of a scalar and its value. `seen` is what the engine says of it, `last` where the token before it
/// ends, `base` the column of the innermost block collection.
///
/// # Errors
/// [`ParseError`] where own scan and decoding come to another result than the engine.
pub(super) fn read(
    text: &str,
    last: usize,
    seen: (Span, Style, Cow<'_, str>),
    base: i32,
) -> Result<(Span, Option<Span>, SecretText), ParseError> {
    let (at, style, value) = seen;
    let value = SecretText::new(value.into_owned());
    let unsure = || errors::internal(text, at.start);
    if !matches!(style, Style::Literal | Style::Folded) {
        let own = decode::flow_scalar(style, at.of(text)).ok_or_else(unsure)?;
        return if own == value { Ok((at, None, value)) } else { Err(unsure()) };
    }
    let start = find_indicator(text, last, b"|>", b"-:?.").ok_or_else(unsure)?;
    let header = text.get(start..).and_then(Header::read).ok_or_else(unsure)?;
    let token = Span::new(start, start + header.len);
    let header_end = line_end(text, token.end);
    let from = lines(text, header_end).next().map_or(header_end, |line| line.next);
    let body = header.body(text, from, base);
    let mut span = Span::new(from, body.end);
    if header.decode(span.of(text), body.indent) != value {
        let rest = text.get(span.end..).unwrap_or_default();
        if header.chomp == Chomp::Keep && !rest.is_empty() && rest.bytes().all(|byte| byte == b' ') {
            let message = "the file ends in a line of spaces that readers take differently: remove them";
            return Err(ParseError::at(text, span.end, message));
        }
        return Err(unsure());
    }
    if !span.is_empty() && break_before(text, span.end) == span.end {
        span.start = header_end;
    }
    Ok((token, (!span.is_empty()).then_some(span), value))
}
