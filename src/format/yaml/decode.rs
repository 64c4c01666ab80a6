//! Own decoding of plain and quoted scalars (YAML 1.2.2, chapters 7.3 and 5.7), compared with the engine's.

use super::lines::{Eol, is_blank};
use crate::document::Style;
use crate::secret::{SecretString, SecretText};

/// Decodes a plain or quoted scalar from its source, quotes included. `None` where it is malformed.
pub(super) fn flow_scalar(style: Style, raw: &str) -> Option<SecretText> {
    match style {
        Style::Plain => Some(folded(raw, false)),
        Style::Single => {
            let inner = raw.strip_prefix('\'')?.strip_suffix('\'')?;
            is_single_quoted(inner).then(|| folded(inner, true))
        }
        Style::Double => double(raw.strip_prefix('"')?.strip_suffix('"')?),
        _ => None,
    }
}

/// Whether every quote inside single quotes is doubled.
fn is_single_quoted(inner: &str) -> bool {
    inner.split(|c| c != '\'').all(|quotes| quotes.len() % 2 == 0)
}

/// Folds lines: one break becomes a space, each further one a line feed. `quoted` makes two quotes one.
fn folded(raw: &str, quoted: bool) -> SecretText {
    let mut out = SecretString::new(String::with_capacity(raw.len()));
    let mut rest = raw;
    loop {
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(end);
        let is_last = behind.is_empty();
        push_unquoted(&mut out, if is_last { line } else { line.trim_end_matches(is_blank_char) }, quoted);
        if is_last {
            return out.into();
        }
        let (breaks, skipped) = breaks(behind);
        push_fold(&mut out, breaks);
        rest = behind.get(skipped..).unwrap_or_default();
    }
}

fn push_unquoted(out: &mut String, line: &str, quoted: bool) {
    if !quoted || !line.contains('\'') {
        out.push_str(line);
        return;
    }
    let mut is_second = false;
    for c in line.chars() {
        is_second = c == '\'' && !is_second;
        if !is_second {
            out.push(c);
        }
    }
}

/// Counts the line breaks at the start of `text` with the blanks between them; also where the next content begins.
fn breaks(text: &str) -> (usize, usize) {
    let (mut count, mut at) = (0, 0);
    loop {
        match Eol::at(text, at) {
            Some(eol) => {
                count += 1;
                at += eol.len();
            }
            None if text.as_bytes().get(at).copied().is_some_and(is_blank) => at += 1,
            None => return (count, at),
        }
    }
}

fn push_fold(out: &mut String, breaks: usize) {
    if breaks == 1 {
        out.push(' ');
    }
    (1..breaks).for_each(|_| out.push('\n'));
}

const fn is_blank_char(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn double(inner: &str) -> Option<SecretText> {
    // No escape grows by more than half: `\L` of two bytes gives three.
    let mut out = SecretString::new(String::with_capacity(inner.len() + inner.len() / 2 + 1));
    let (mut at, mut kept) = (0, 0);
    while let Some(c) = inner.get(at..)?.chars().next() {
        match c {
            '"' => return None,
            '\\' => {
                at += 1;
                if let Some(eol) = Eol::at(inner, at) {
                    let behind = inner.get(at + eol.len()..)?;
                    let (breaks, skipped) = breaks(behind);
                    (0..breaks).for_each(|_| out.push('\n'));
                    at += eol.len() + skipped;
                } else {
                    let (escaped, len) = escape(inner.get(at..)?)?;
                    out.push(escaped);
                    at += len;
                }
                kept = out.len();
            }
            '\n' | '\r' => {
                out.truncate(kept);
                let (breaks, skipped) = breaks(inner.get(at..)?);
                push_fold(&mut out, breaks);
                at += skipped;
                kept = out.len();
            }
            c => {
                out.push(c);
                at += c.len_utf8();
                if !is_blank_char(c) {
                    kept = out.len();
                }
            }
        }
    }
    Some(out.into())
}

/// The character that the escape at the start of `text` (behind the backslash) stands for, and its length.
fn escape(text: &str) -> Option<(char, usize)> {
    let c = text.chars().next()?;
    let simple = match c {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' | '"' | '/' | '\\' => c,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        'x' => return Some((char::from_u32(hex(text, 1, 2)?)?, 3)),
        'u' => return unicode(text),
        'U' => return Some((char::from_u32(hex(text, 1, 8)?)?, 9)),
        _ => return None,
    };
    Some((simple, c.len_utf8()))
}

/// `u263A`, or a pair of surrogates as in JSON.
fn unicode(text: &str) -> Option<(char, usize)> {
    let first = hex(text, 1, 4)?;
    if !(0xD800..0xDC00).contains(&first) {
        return Some((char::from_u32(first)?, 5));
    }
    let second = text.get(5..7).filter(|mark| *mark == "\\u").and_then(|_| hex(text, 7, 4))?;
    let low = second.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x10000 + ((first - 0xD800) << 10) + low)?, 11))
}

fn hex(text: &str, from: usize, len: usize) -> Option<u32> {
    let digits = text.get(from..from + len)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(style: Style, raw: &str, expect: Option<&str>) {
        assert_eq!(flow_scalar(style, raw).as_ref().map(|text| text.as_str()), expect, "{raw:?}");
    }

    #[test]
    fn plain_and_single() {
        check(Style::Plain, "a b", Some("a b"));
        check(Style::Plain, "a \n   b\r\n\r\n  c", Some("a b\nc"));
        check(Style::Single, "'it''s'", Some("it's"));
        check(Style::Single, "' a \n\n b '", Some(" a\nb "));
        check(Style::Single, "'a\n '", Some("a "));
        check(Style::Single, "'a'b'", None);
        check(Style::Single, "''''", Some("'"));
    }

    #[test]
    fn double_quoted() {
        check(Style::Double, r#""\x41\u00e9\U0001F389\t\/""#, Some("Aé🎉\t/"));
        check(Style::Double, r#""\ud83c\udf89""#, Some("🎉"));
        check(Style::Double, r#""\ud83c""#, None);
        check(Style::Double, r#""\q""#, None);
        check(Style::Double, "\"x\\\n   y\\n\n\n  z\"", Some("xy\n\nz"));
        check(Style::Double, "\"a \\  \n b\"", Some("a   b"));
        check(Style::Double, "\" a\t\n\tb \"", Some(" a b "));
        check(Style::Double, "\"a\\\n\n b\"", Some("a\nb"));
        check(Style::Double, "\"a\"b\"", None);
    }
}
