//! How SOPS' YAML library writes a scalar: which style a string gets, and what is escaped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{canonical, numbers};
use crate::envelope::sops::{Item, Type};
use crate::secret::SecretText;

/// A scalar, ready to be written.
pub(super) struct Scalar {
    pub(super) text: SecretText,
    /// With a tag before it: `!!binary`.
    pub(super) tag: &'static str,
    pub(super) style: Style,
    /// Whether a line break of any kind is in it.
    pub(super) is_multiline: bool,
}

/// The styles that it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl Scalar {
    pub(super) fn of(item: &Item) -> Self {
        match item.kind() {
            Type::Str | Type::Comment | Type::Bytes => match std::str::from_utf8(item.plain()) {
                Ok(text) => Self::string(text),
                Err(_) => Self::binary(item.plain()),
            },
            Type::Bool => Self::plain(if canonical(item) == "True" { "true" } else { "false" }),
            Type::Float => Self::plain(&match canonical(item) {
                "+Inf" => ".inf".to_owned(),
                "-Inf" => "-.inf".to_owned(),
                "NaN" => ".nan".to_owned(),
                text => text.parse().map_or_else(|_| text.to_owned(), |number| numbers::general(number, 'e')),
            }),
            Type::Int | Type::Time => Self::plain(canonical(item)),
        }
    }

    pub(super) fn plain(text: &str) -> Self {
        Self { text: text.into(), tag: "", style: Style::Plain, is_multiline: false }
    }

    /// A string.
    pub(super) fn string(text: &str) -> Self {
        if text == "<<" {
            return Self { tag: "!!merge", ..Self::plain(text) };
        }
        let found = Analysis::of(text);
        let wish = match () {
            () if text.contains('\n') => Style::Literal,
            () if is_string(text) => Style::Plain,
            () => Style::Double,
        };
        let style = match wish {
            Style::Literal if !found.block => Style::Double,
            Style::Plain if !found.plain && found.single => Style::Single,
            Style::Plain if !found.plain => Style::Double,
            other => other,
        };
        Self { text: text.into(), tag: "", style, is_multiline: found.is_multiline }
    }

    /// Bytes in base64, over several lines where they are many.
    fn binary(bytes: &[u8]) -> Self {
        let encoded = STANDARD.encode(bytes);
        let is_long = encoded.len() >= LINE;
        let mut text = String::with_capacity(encoded.len() + encoded.len() / LINE + 1);
        for (at, c) in encoded.chars().enumerate() {
            if at > 0 && at % LINE == 0 {
                text.push('\n');
            }
            text.push(c);
        }
        text.push_str(if is_long { "\n" } else { "" });
        let style = if is_long { Style::Literal } else { Style::Plain };
        Self { text: text.into(), tag: "!!binary", style, is_multiline: is_long }
    }
}

/// Whether a text without quotes is a string, to YAML 1.1 too.
fn is_string(text: &str) -> bool {
    let item = Item::text(Type::Str, text);
    item.is_bare_string() && !OLD_BOOLEANS.contains(&text) && !is_sexagesimal(text)
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_sexagesimal(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let mut fields = text.split(':');
    let is_first = fields
        .next()
        .is_some_and(|first| first.starts_with(|c: char| c.is_ascii_digit()) && is_digits(first));
    let is_field = |field: &str| match field.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    };
    let rest: Vec<&str> = fields.collect();
    is_first && !rest.is_empty() && rest.iter().all(|field| is_field(field)) && is_digits(fraction)
}

/// In which styles a text can be written.
struct Analysis {
    plain: bool,
    single: bool,
    block: bool,
    is_multiline: bool,
}

impl Analysis {
    fn of(text: &str) -> Self {
        let mut chars = text.chars().peekable();
        let mut before = None;
        let (mut indicators, mut breaks, mut special, mut tabs) = (false, false, false, false);
        let (mut break_space, mut space_break) = (false, false);
        if text.starts_with("---") || text.starts_with("...") {
            indicators = true;
        }
        while let Some(c) = chars.next() {
            let is_followed = chars.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
            let is_preceded = before.is_none_or(|c| matches!(c, ' ' | '\t' | '\0') || is_break(c));
            indicators |= match c {
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                    before.is_none()
                }
                '#' => is_preceded,
                '?' | '-' => before.is_none() && is_followed,
                ':' => is_followed,
                _ => false,
            };
            match c {
                '\t' => tabs = true,
                c => special |= !is_printable(c),
            }
            if c == ' ' {
                break_space |= before.is_some_and(is_break);
            } else if is_break(c) {
                breaks = true;
                space_break |= before == Some(' ');
            }
            before = Some(c);
        }
        let is_edge = |c: char| c == ' ' || is_break(c);
        let has_edge = text.starts_with(is_edge) || text.ends_with(is_edge);
        let odd = space_break || special;
        Self {
            plain: !(indicators || breaks || break_space || odd || tabs || has_edge),
            single: !(break_space || odd || tabs),
            block: !(odd || text.ends_with(' ') || text.is_empty()),
            is_multiline: breaks,
        }
    }
}

/// A line break to YAML 1.1.
pub(super) const fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

const fn is_printable(c: char) -> bool {
    matches!(c, '\n' | '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// A text in double quotes, all in one line.
pub(super) fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        let short = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            c if is_printable(c) => {
                out.push(c);
                continue;
            }
            c => {
                let code = u32::from(c);
                out.push_str(&match code {
                    0..=0xff => format!("\\x{code:02X}"),
                    0x100..=0xffff => format!("\\u{code:04X}"),
                    _ => format!("\\U{code:08X}"),
                });
                continue;
            }
        };
        out.push('\\');
        out.push(short);
    }
    out.push('"');
    out
}

/// Columns of a line of base64.
const LINE: usize = 70;
const OLD_BOOLEANS: [&str; 18] = [
    "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF", "<<",
    "",
];
