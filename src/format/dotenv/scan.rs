//! Reads dotenv files. Strict: a line that is no assignment, comment or blank is an error, for it could be part of a
//! value in some dialect, and would stay in clear.

use crate::document::{Document, FormatCode, Span, Style, Value};
use crate::format::flat::{Item, build, check_text, is_escaped, scalar};
use crate::format::line::{behind_break, end_of_line, is_blank};
use crate::format::{Limits, ParseError, or_conflict};
use crate::secret::SecretText;

/// Reads `text`.
pub(super) fn scan(source: &SecretText, limits: &Limits) -> Result<Document, ParseError> {
    let text = source.as_str();
    check_text(text, limits)?;
    let scanned = Scanner { source, text, limits }.run();
    let (items, comments) =
        scanned.map_err(|error| if error.limit { error } else { or_conflict(text, error) })?;
    Ok(build(FormatCode::Dotenv, source, items, &comments))
}

/// What `raw` reads as behind `KEY=`, if it is exactly one value without a comment.
pub(super) fn reading(raw: &str) -> Option<(Style, Value)> {
    let text = SecretText::new(["K=", raw].concat());
    let limits = Limits { leaf: usize::MAX, file: usize::MAX, ..Limits::default() };
    check_text(&text, &limits).ok()?;
    let (mut items, comments) = Scanner { source: &text, text: &text, limits: &limits }.run().ok()?;
    let whole = Span::new(text.len() - raw.len(), text.len());
    match (items.pop(), items.is_empty() && comments.is_empty()) {
        (Some(Item::Pair(_, scalar)), true) if scalar.token == whole => Some((scalar.style, scalar.value)),
        _ => None,
    }
}

struct Scanner<'a> {
    source: &'a SecretText,
    text: &'a str,
    limits: &'a Limits,
}

/// A value's place, and where its line ends.
struct Place {
    token: Span,
    style: Style,
    end: usize,
    comment: Option<Span>,
}

impl Scanner<'_> {
    fn run(&self) -> Result<(Vec<Item>, Vec<Span>), ParseError> {
        let text = self.text;
        let (mut items, mut comments) = (Vec::new(), Vec::new());
        let mut at = text.len() - text.trim_start_matches('\u{feff}').len();
        while at < text.len() {
            let end = end_of_line(text, at);
            let start = skip_blanks(text, at);
            let mut behind = end;
            match text.as_bytes().get(start) {
                _ if start >= end => {}
                Some(b'#' | b';') => comments.push(Span::new(start, end)),
                _ => {
                    let (key, value_at) = self.key(start, end)?;
                    let place = self.place(value_at, end);
                    if items.len() >= self.limits.leaves {
                        let message = format!("more than {} values", self.limits.leaves);
                        return Err(ParseError::limit(text, start, message));
                    }
                    if place.token.end - place.token.start > self.limits.leaf {
                        let message = format!("the value is over {} bytes", self.limits.leaf);
                        return Err(ParseError::limit(text, place.token.start, message));
                    }
                    let quote = usize::from(place.style != Style::Plain);
                    if place.style == Style::Plain && goes_on(text, place.token) {
                        let message = "the line ends in a backslash, so the next one goes on with it for some programs: put the \
                                       value in quotes, or an empty line behind it";
                        return Err(ParseError::at(text, place.token.end, message));
                    }
                    let inner = Span::new(place.token.start + quote, place.token.end - quote);
                    items.push(Item::Pair(key, scalar(place.token, place.style, inner, self.source)));
                    comments.extend(place.comment);
                    behind = place.end;
                }
            }
            at = behind_break(text, behind);
        }
        Ok((items, comments))
    }

    /// The key of the line that begins at `start`, and where its value may begin.
    fn key(&self, start: usize, end: usize) -> Result<(Span, usize), ParseError> {
        let text = self.text;
        let key_start = match text[start..end].strip_prefix("export") {
            Some(rest) if rest.starts_with([' ', '\t']) => skip_blanks(text, start + "export".len()),
            _ => start,
        };
        let length = text[key_start..end].find(|c: char| !is_name(c)).unwrap_or(end - key_start);
        let key = Span::new(key_start, key_start + length);
        let separator = skip_blanks(text, key.end);
        let rest = &text[separator..end];
        let is_colon = rest.starts_with(": ") || rest.starts_with(":\t");
        if !is_key(key.of(text)) || !(rest.starts_with('=') || is_colon) {
            // Not even the key of such a line is shown: it may be a piece of a secret.
            let message =
                "expected KEY=value, a comment or an empty line; a value of several lines needs quotes";
            return Err(ParseError::at(text, start, message));
        }
        if length > self.limits.key {
            let message = format!("the key is over {} bytes", self.limits.key);
            return Err(ParseError::limit(text, key_start, message));
        }
        Ok((key, skip_blanks(text, separator + 1)))
    }

    /// The value that may begin at `start`, in a line that ends at `line_end`.
    fn place(&self, start: usize, line_end: usize) -> Place {
        let start = start.min(line_end);
        self.quoted(start).unwrap_or_else(|| {
            let content = self.text[start..line_end].trim_end_matches([' ', '\t']).len();
            Place {
                token: Span::new(start, start + content),
                style: Style::Plain,
                end: line_end,
                comment: None,
            }
        })
    }

    /// A value in quotes; `None` where the quotes do not end it for every dialect, so that it runs to the line's end.
    fn quoted(&self, start: usize) -> Option<Place> {
        let text = self.text;
        let quote = *text.as_bytes().get(start)?;
        let style = match quote {
            b'"' => Style::Double,
            b'\'' => Style::Single,
            b'`' => Style::Backtick,
            _ => return None,
        };
        let inner = &text[start + 1..];
        let length = match quote {
            b'"' => unescaped(inner)?,
            _ => inner.find(char::from(quote))?,
        };
        let close = start + 1 + length;
        let line_end = end_of_line(text, close);
        let behind = &text[close + 1..line_end];
        let rest = behind.trim_start_matches([' ', '\t']);
        // Some take a quote behind a backslash for the end, others do not: then nothing may be lost behind it.
        let is_sure = !text[..close].ends_with('\\') || length == 0;
        let comment = Span::new(line_end - rest.len(), line_end);
        let is_comment = rest.starts_with('#') && rest.len() < behind.len() && is_sure;
        (rest.is_empty() || is_comment).then(|| Place {
            token: Span::new(start, close + 1),
            style,
            end: line_end,
            comment: is_comment.then_some(comment),
        })
    }
}

/// Whether a bare value ends in a backslash that escapes the line break, and something stands in the next line.
fn goes_on(text: &str, value: Span) -> bool {
    let next = behind_break(text, end_of_line(text, value.end));
    is_escaped(value.of(text)) && !is_blank(&text[next..end_of_line(text, next)])
}

/// The first `"` that no backslash escapes.
fn unescaped(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let is_end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_end
    })
}

/// Whether a text can be a key: what every dialect takes, and dots and dashes, which some do.
pub(super) fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && key.chars().all(is_name)
}

pub(super) const fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

fn skip_blanks(text: &str, at: usize) -> usize {
    text.len() - text[at..].trim_start_matches([' ', '\t']).len()
}
