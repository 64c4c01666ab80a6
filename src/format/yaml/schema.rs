//! What plain scalars mean: the core schema of YAML 1.2.2 (section 10.3.2), and where YAML 1.1 readers differ.

use crate::document::Value;
use crate::secret::SecretText;

/// Resolves a plain scalar's decoded text by the 1.2 core schema; a string that 1.1 readers take for something else is
/// [`Value::Ambiguous`]. The empty text is null.
pub(super) fn resolve(text: SecretText) -> Value {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        plain => match kind_of(plain) {
            Plain::Int => Value::Int(text),
            Plain::Float => Value::Float(text),
            Plain::Ambiguous => Value::Ambiguous(text),
            Plain::Str => Value::Str(text),
        },
    }
}

/// What a plain scalar is that is neither null nor a boolean.
enum Plain {
    Int,
    Float,
    Ambiguous,
    Str,
}

fn kind_of(plain: &str) -> Plain {
    // Everything but a word begins like a number.
    let is_word = plain.starts_with(|c: char| c.is_ascii_alphabetic());
    match plain {
        _ if !is_word && is_core_int(plain) => Plain::Int,
        _ if !is_word && is_core_float(plain) => Plain::Float,
        _ if is_other_in_1_1(plain) => Plain::Ambiguous,
        _ => Plain::Str,
    }
}

/// Whether a plain scalar of that text is a string for every reader.
pub(super) fn is_string(text: &str) -> bool {
    let is_other = matches!(
        text,
        "" | "~" | "null" | "Null" | "NULL" | "true" | "True" | "TRUE" | "false" | "False" | "FALSE"
    );
    !is_other && matches!(kind_of(text), Plain::Str)
}

/// Whether a string belongs to `[A-Za-z_][A-Za-z0-9_./-]*` and is one for every reader: such a string is written bare
/// and needs no spelling record.
pub(super) fn is_bare_string(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_./-".contains(byte))
        && is_string(text)
}

/// Whether an integer is decimal without sign or leading zero.
pub(super) fn is_bare_int(text: &str) -> bool {
    text == "0" || (is_digits(text) && !text.starts_with('0'))
}

/// `[-+]?[0-9]+`, `0o[0-7]+`, `0x[0-9a-fA-F]+`.
fn is_core_int(text: &str) -> bool {
    if let Some(octal) = text.strip_prefix("0o") {
        return !octal.is_empty() && octal.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    is_digits(unsigned(text))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, the infinities and not-a-number.
fn is_core_float(text: &str) -> bool {
    let bare = unsigned(text);
    if matches!(bare, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match bare.find(['e', 'E']) {
        Some(at) => (&bare[..at], Some(&bare[at + 1..])),
        None => (bare, None),
    };
    let mantissa_fits = match mantissa.split_once('.') {
        None => is_digits(mantissa),
        Some((whole, "")) => is_digits(whole),
        Some((whole, fraction)) => (whole.is_empty() || is_digits(whole)) && is_digits(fraction),
    };
    mantissa_fits && exponent.is_none_or(|exponent| is_digits(unsigned(exponent)))
}

/// Whether some reader of YAML 1.1 takes a 1.2 string for a boolean, number, date, merge key or default value: the
/// union of the type repository of 1.1 and what widespread 1.1 readers do.
fn is_other_in_1_1(text: &str) -> bool {
    if matches!(text, "<<" | "=" | "y" | "Y" | "n" | "N") {
        return true;
    }
    let is_word = ["yes", "no", "on", "off"].iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_word {
        // `yEs` is a string everywhere.
        let tail = &text[1..];
        return tail.bytes().all(|byte| byte.is_ascii_lowercase())
            || text.bytes().all(|byte| byte.is_ascii_uppercase());
    }
    let number = unsigned(text);
    let starts_like_one = number.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || byte == b'.');
    starts_like_one && (is_old_number(number) || is_sexagesimal(number) || is_timestamp(text))
}

/// Integers and floats with underscores, `0b101`, `0x` and `0o` with a sign or underscores.
fn is_old_number(number: &str) -> bool {
    let all = |digits: &str, fits: &dyn Fn(u8) -> bool| {
        digits.bytes().any(fits) && digits.bytes().all(|byte| byte == b'_' || fits(byte))
    };
    if let Some(binary) = number.strip_prefix("0b") {
        return all(binary, &|byte| matches!(byte, b'0' | b'1'));
    }
    if let Some(octal) = number.strip_prefix("0o") {
        return all(octal, &|byte| matches!(byte, b'0'..=b'7'));
    }
    if let Some(hex) = number.strip_prefix("0x") {
        return all(hex, &|byte| byte.is_ascii_hexdigit());
    }
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit());
    (digits(whole) && digits(fraction))
        && mantissa.bytes().any(|byte| byte.is_ascii_digit())
        && is_digits(unsigned(exponent))
}

/// `190:20:30`, `12:30:45.5`.
fn is_sexagesimal(number: &str) -> bool {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut groups = whole.split(':');
    let first = groups.next().unwrap_or_default();
    let first_fits = first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit());
    let mut count = 0;
    let rest_fits = groups.all(|group| {
        count += 1;
        is_digits(group) && (group.len() == 1 || (group.len() == 2 && group.as_bytes()[0] < b'6'))
    });
    first_fits && rest_fits && count > 0 && fraction.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit())
}

/// `2001-1-1`, alone or with a time behind `T` or blanks.
fn is_timestamp(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let day_end = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (day, time) = rest.split_at(day_end);
    let is_short = |digits: &str| is_digits(digits) && digits.len() <= 2;
    year.len() == 4
        && is_digits(year)
        && is_short(month)
        && is_short(day)
        && (time.is_empty() || time.starts_with(['T', 't', ' ', '\t']))
        && time.bytes().all(|byte| byte.is_ascii_digit() || b":.TtZz+- \t".contains(&byte))
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, texts: &[&str]) {
        for text in texts {
            let found = match resolve((*text).into()) {
                Value::Str(_) => "string",
                Value::Int(_) => "int",
                Value::Float(_) => "float",
                Value::Bool(_) => "bool",
                Value::Null => "null",
                Value::Ambiguous(_) => "ambiguous",
                other => panic!("{other:?}"),
            };
            assert_eq!(found, kind, "{text}");
        }
    }

    #[test]
    fn core_schema() {
        check("null", &["", "~", "null", "Null", "NULL"]);
        check("bool", &["true", "True", "TRUE", "false", "False", "FALSE"]);
        check("int", &["0", "12", "-3", "+4", "007", "0o17", "0x1F", "123456789012345678901234567890"]);
        check(
            "float",
            &["1.", "1.5", ".5", "-1e3", "1E+2", "+.inf", "-.INF", ".inf", ".nan", "12e03", "1.5e-3"],
        );
        check(
            "string",
            &["nULL", "tRUE", "yEs", "yess", "e5", ".", "_", "+", "-", "1.2.3", "0o", "0xg", "a1", "<", "é"],
        );
        check(
            "string",
            &["1:99", "12:3x", "2001-01-01-x", "2001-011-1", "1-1-1", ".e5", "0b", "0b2", "_1", "1,5"],
        );
    }

    #[test]
    fn strings_that_old_readers_take_for_something_else() {
        check("ambiguous", &["y", "N", "yes", "Yes", "YES", "no", "on", "ON", "off", "Off", "=", "<<"]);
        check("ambiguous", &["1_000", "0b101", "-0x1F", "0x1_F", "-0o7", "1_0.5", "+0b1", "1_0e3"]);
        check("ambiguous", &["12:30:45", "1:30", "190:20:30.15", "-1:00"]);
        check(
            "ambiguous",
            &["2001-01-01", "2001-1-1", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43 Z"],
        );
    }

    #[test]
    fn bare_forms() {
        for text in ["a", "_x", "api.example/v1-b", "e5"] {
            assert!(is_bare_string(text), "{text}");
        }
        for text in ["", "yes", "null", "1a", "a b", "a:b", "-a", ".a", "é", "true"] {
            assert!(!is_bare_string(text), "{text}");
        }
        assert!(is_bare_int("0") && is_bare_int("10") && !is_bare_int("01") && !is_bare_int("-1"));
    }
}
