//! Values as SOPS has them: what a scalar means (go-yaml's schema, not the 1.2 core schema), what is encrypted of it,
//! and what the MAC is taken over.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::Damage;
use super::time::Time;
use crate::document::{FormatCode, Node, Scalar, Style, Value};
use crate::secret::SecretBytes;

/// The `type` of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Text or bytes.
    Str,
    /// A signed integer of 64 bits.
    Int,
    /// A binary64.
    Float,
    /// A boolean.
    Bool,
    /// A point in time.
    Time,
    /// A comment.
    Comment,
    /// Never written by SOPS; read as [`Type::Str`].
    Bytes,
}

/// A value that can be encrypted.
#[derive(Clone, Debug)]
pub struct Item {
    kind: Type,
    /// What is encrypted: of a number its source text, where SOPS reads that as the same number.
    plain: SecretBytes,
    /// What is hashed, where it is something else.
    canonical: Option<SecretBytes>,
}

/// What a leaf is to SOPS.
#[derive(Clone, Debug)]
pub enum Meaning {
    /// Null, an empty string, an empty container: neither encrypted nor authenticated.
    Nothing,
    /// A value.
    Item(Item),
}

impl Type {
    const NAMES: [(Self, &'static str); 7] = [
        (Self::Str, "str"),
        (Self::Int, "int"),
        (Self::Float, "float"),
        (Self::Bool, "bool"),
        (Self::Time, "time"),
        (Self::Comment, "comment"),
        (Self::Bytes, "bytes"),
    ];

    /// As it stands in tokens.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("str", |(_, name)| name)
    }

    /// The type of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, own)| *own == name).map(|(kind, _)| *kind)
    }
}

/// By type and by what the MAC is taken over.
impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.hashed() == other.hashed()
    }
}

impl Eq for Item {}

impl Item {
    /// What a token of that type holds.
    ///
    /// # Errors
    /// [`Damage::Value`].
    pub fn read(kind: Type, plain: SecretBytes) -> Result<Self, Damage> {
        let text = std::str::from_utf8(plain.expose());
        let canonical = match (kind, text) {
            (Type::Str | Type::Comment | Type::Bytes, _) => None,
            (Type::Int, Ok(text)) => Some(text.parse::<i64>().map(|int| int.to_string()).ok()),
            (Type::Float, Ok(text)) => Some(float(text).map(write_float)),
            (Type::Bool, Ok(text)) => Some(boolean(text).map(str::to_owned)),
            (Type::Time, Ok(text)) => Some(Time::read(text).map(|time| time.to_string())),
            _ => Some(None),
        };
        let kind = if kind == Type::Bytes { Type::Str } else { kind };
        match canonical {
            None => Ok(Self { kind, plain, canonical: None }),
            Some(Some(text)) if text.as_bytes() == plain.expose() => {
                Ok(Self { kind, plain, canonical: None })
            }
            Some(Some(text)) => {
                Ok(Self { kind, plain, canonical: Some(SecretBytes::new(text.into_bytes())) })
            }
            Some(None) => Err(Damage::Value(kind.name())),
        }
    }

    /// A string or comment.
    #[must_use]
    pub fn text(kind: Type, text: &str) -> Self {
        Self { kind, plain: SecretBytes::new(text.as_bytes().to_vec()), canonical: None }
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Type {
        self.kind
    }

    /// What is encrypted.
    #[must_use]
    pub fn plain(&self) -> &[u8] {
        self.plain.expose()
    }

    /// What the MAC is taken over.
    #[must_use]
    pub fn hashed(&self) -> &[u8] {
        self.canonical.as_ref().unwrap_or(&self.plain).expose()
    }

    /// What it is as a value of a document in that format. `None` for bytes that are no text.
    #[must_use]
    pub fn value(&self, format: FormatCode) -> Option<Value> {
        if format == FormatCode::Binary {
            return Some(Value::Bytes(self.plain.clone()));
        }
        let text = std::str::from_utf8(self.plain()).ok()?;
        let hashed = std::str::from_utf8(self.hashed()).ok()?;
        let is_yaml = format == FormatCode::Yaml;
        Some(match self.kind {
            Type::Str | Type::Comment | Type::Bytes => Value::Str(text.into()),
            Type::Bool => Value::Bool(hashed == "True"),
            Type::Time if is_yaml => Value::Time(text.into()),
            Type::Time => Value::Str(text.into()),
            Type::Int if is_yaml && plain_yaml(text).ok()?.as_ref() != Some(self) => {
                Value::Int(hashed.into())
            }
            Type::Int => Value::Int(text.into()),
            Type::Float => Value::Float(match hashed {
                "+Inf" => ".inf".into(),
                "-Inf" => "-.inf".into(),
                "NaN" => ".nan".into(),
                _ if !is_yaml || plain_yaml(text).ok()?.as_ref() == Some(self) => text.into(),
                _ => format!("{hashed}.0").into(),
            }),
        })
    }

    /// Whether its text may stand in YAML without quotes and stay a string.
    #[must_use]
    pub fn is_bare_string(&self) -> bool {
        let text = std::str::from_utf8(self.plain()).unwrap_or_default();
        self.kind == Type::Str && matches!(plain_yaml(text), Ok(Some(Self { kind: Type::Str, .. })))
    }
}

/// What a leaf means.
///
/// # Errors
/// Why SOPS has no form for it.
pub fn meaning(format: FormatCode, node: &Node, source: &str) -> Result<Meaning, &'static str> {
    let crate::document::Kind::Scalar(scalar) = &node.kind else { return Ok(Meaning::Nothing) };
    let item = match format {
        FormatCode::Yaml => yaml(scalar, node.tag.as_deref(), source)?,
        FormatCode::Json => json(&scalar.value)?,
        _ => Some(Item { kind: Type::Str, plain: scalar.value.to_bytes(), canonical: None }),
    };
    Ok(match item {
        Some(item) if !item.plain().is_empty() => Meaning::Item(item),
        _ => Meaning::Nothing,
    })
}

/// Whether a plain key of a YAML map is a string to SOPS.
#[must_use]
pub fn is_string_key(text: &str) -> bool {
    matches!(plain_yaml(text), Ok(Some(Item { kind: Type::Str, .. })))
}

fn yaml(scalar: &Scalar, tag: Option<&str>, source: &str) -> Result<Option<Item>, &'static str> {
    let text = match scalar.value {
        Value::Bool(_) | Value::Null => scalar.token.of(source).into(),
        _ => scalar.value.to_text(),
    };
    match (tag.map(short), scalar.style) {
        (None, Style::Plain) => plain_yaml(&text),
        (Some("binary"), _) => {
            let joined: String = text.split_ascii_whitespace().collect();
            let bytes = STANDARD.decode(joined).map_err(|_| "`!!binary` stands on what is no base64")?;
            Ok(Some(Item { kind: Type::Str, plain: SecretBytes::new(bytes), canonical: None }))
        }
        (Some("float"), _) => match float(&text) {
            Some(float) => {
                Ok(Some(Item { kind: Type::Float, plain: bytes_of(&write_float(float)), canonical: None }))
            }
            None => plain_yaml(&text),
        },
        (Some("int" | "bool" | "null" | "timestamp"), _) => plain_yaml(&text),
        _ => Ok(Some(Item::text(Type::Str, &text))),
    }
}

/// Whether a tag says what type a scalar is, so that it cannot stay on a token.
#[must_use]
pub fn is_type_tag(tag: &str) -> bool {
    matches!(short(tag), "binary" | "int" | "float" | "bool" | "null" | "timestamp")
}

fn short(tag: &str) -> &str {
    let inner = tag.strip_prefix("!<tag:yaml.org,2002:").and_then(|rest| rest.strip_suffix('>'));
    inner.or(tag.strip_prefix("!!")).unwrap_or(tag)
}

fn bytes_of(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

/// A plain scalar by go-yaml's schema: YAML 1.2 with the octal, binary and underscored numbers and the times of 1.1.
/// `None` is null.
fn plain_yaml(text: &str) -> Result<Option<Item>, &'static str> {
    let item = |kind: Type, canonical: String| {
        let kept = match kind {
            Type::Int => text.parse::<i64>().is_ok_and(|int| int.to_string() == canonical),
            Type::Float => float(text).is_some_and(|float| write_float(float) == canonical),
            _ => false,
        };
        let plain = if kept { text.as_bytes().to_vec() } else { canonical.clone().into_bytes() };
        let canonical = (kept && text != canonical).then(|| SecretBytes::new(canonical.into_bytes()));
        Ok(Some(Item { kind, plain: SecretBytes::new(plain), canonical }))
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(None),
        "true" | "True" | "TRUE" => return item(Type::Bool, "True".to_owned()),
        "false" | "False" | "FALSE" => return item(Type::Bool, "False".to_owned()),
        ".nan" | ".NaN" | ".NAN" => return item(Type::Float, "NaN".to_owned()),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return item(Type::Float, "+Inf".to_owned());
        }
        "-.inf" | "-.Inf" | "-.INF" => return item(Type::Float, "-Inf".to_owned()),
        _ => {}
    }
    let string = || Ok(Some(Item::text(Type::Str, text)));
    match text.as_bytes().first() {
        Some(b'.') => match decimal(text) {
            Some(float) => item(Type::Float, write_float(float)),
            None => string(),
        },
        Some(b'0'..=b'9' | b'+' | b'-') => {
            if let Some(time) = Time::read_yaml(text) {
                return item(Type::Time, time.to_string());
            }
            let digits = text.replace('_', "");
            match integer(&digits) {
                Some(Ok(int)) => item(Type::Int, int.to_string()),
                Some(Err(TooLarge)) => Err("SOPS has no form for this number: put it in quotes"),
                None => match decimal(&digits) {
                    Some(float) => item(Type::Float, write_float(float)),
                    None => string(),
                },
            }
        }
        _ => string(),
    }
}

/// Above the signed 64 bits, and within the unsigned ones.
struct TooLarge;

/// Go's `ParseInt` and `ParseUint` with base 0. `None` where it is none, or beyond 64 bits.
fn integer(text: &str) -> Option<Result<i64, TooLarge>> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ => (1, text),
    };
    let prefixed = |base: u32, names: [&str; 2]| {
        names.iter().find_map(|name| digits.strip_prefix(name)).map(|digits| (base, digits))
    };
    let octal = || digits.strip_prefix('0').filter(|digits| !digits.is_empty()).map(|digits| (8, digits));
    let (base, digits) = prefixed(16, ["0x", "0X"])
        .or_else(|| prefixed(8, ["0o", "0O"]))
        .or_else(|| prefixed(2, ["0b", "0B"]))
        .or_else(octal)
        .unwrap_or((10, digits));
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = i128::from(u64::from_str_radix(digits, base).ok()?) * sign;
    match i64::try_from(number) {
        Ok(int) => Some(Ok(int)),
        Err(_) if number > 0 && !text.starts_with('+') => Some(Err(TooLarge)),
        Err(_) => None,
    }
}

/// A decimal float of YAML: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, finite.
fn decimal(text: &str) -> Option<f64> {
    let is_shaped = text.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    is_shaped.then(|| float(text))?
}

/// A float as SOPS reads it: decimal, or infinite by name.
fn float(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    let is_named = text.bytes().any(|byte| matches!(byte, b'n' | b'N'));
    (number.is_finite() || is_named).then_some(number)
}

/// The shortest digits that come back, never with an exponent.
fn write_float(number: f64) -> String {
    match number {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        number => number.to_string(),
    }
}

fn boolean(text: &str) -> Option<&'static str> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some("True"),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some("False"),
        _ => None,
    }
}

fn json(value: &Value) -> Result<Option<Item>, &'static str> {
    let number = |kind, canonical: String, text: &str| Item {
        kind,
        canonical: (canonical != text).then(|| SecretBytes::new(canonical.into_bytes())),
        plain: SecretBytes::new(text.as_bytes().to_vec()),
    };
    Ok(match value {
        Value::Int(text) | Value::Float(text) => match (text.parse::<i64>(), float(text)) {
            (Ok(int), _) => Some(number(Type::Int, int.to_string(), text)),
            (_, Some(float)) => Some(number(Type::Float, write_float(float), text)),
            _ => return Err("this number is beyond what SOPS reads: put it in quotes"),
        },
        Value::Bool(value) => Some(Item::text(Type::Bool, if *value { "True" } else { "False" })),
        Value::Null | Value::EmptyMap | Value::EmptyList => None,
        other => Some(Item::text(Type::Str, &other.to_text())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Type, what is hashed and what is encrypted of a plain scalar. As `sops` 3.11 has it, but for the last.
    #[track_caller]
    fn check(text: &str, kind: Type, hashed: &str, plain: &str) {
        let item = plain_yaml(text).unwrap().unwrap();
        let shown = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(
            (item.kind, shown(item.hashed()), shown(item.plain())),
            (kind, hashed.into(), plain.into())
        );
    }

    #[test]
    fn integers() {
        for (text, hashed, plain) in [
            ("0644", "420", "420"),
            ("0o644", "420", "420"),
            ("0b11", "3", "3"),
            ("0x1F", "31", "31"),
            ("-0x_1F", "-31", "-31"),
            ("1_000", "1000", "1000"),
            ("1__0", "10", "10"),
            ("+5", "5", "+5"),
            ("-0", "0", "-0"),
            ("007", "7", "007"),
            ("9223372036854775807", "9223372036854775807", "9223372036854775807"),
        ] {
            check(text, Type::Int, hashed, plain);
        }
        assert!(plain_yaml("9223372036854775808").is_err());
        assert!(plain_yaml("0xFFFFFFFFFFFFFFFF").is_err());
    }

    #[test]
    fn floats() {
        for (text, hashed, plain) in [
            ("08", "8", "08"),
            ("1.50", "1.5", "1.50"),
            ("1.0", "1", "1.0"),
            ("5.", "5", "5."),
            (".5", "0.5", ".5"),
            ("1e3", "1000", "1e3"),
            ("1e21", "1000000000000000000000", "1e21"),
            ("1e-7", "0.0000001", "1e-7"),
            ("-0.0", "-0", "-0.0"),
            ("1_000.5", "1000.5", "1000.5"),
            ("18446744073709551616", "18446744073709552000", "18446744073709551616"),
            ("-9223372036854775809", "-9223372036854776000", "-9223372036854775809"),
            (".inf", "+Inf", "+Inf"),
            ("-.INF", "-Inf", "-Inf"),
            (".nan", "NaN", "NaN"),
        ] {
            check(text, Type::Float, hashed, plain);
        }
    }

    #[test]
    fn others() {
        check("TRUE", Type::Bool, "True", "True");
        check("2024-01-02", Type::Time, "2024-01-02T00:00:00Z", "2024-01-02T00:00:00Z");
        for text in
            ["yes", "1:30", "1e400", "0x", "0xg", "-", "+", ".", "<<", "2024-01-02 03:04", "0b2", "1.2.3"]
        {
            check(text, Type::Str, text, text);
        }
        assert!(plain_yaml("~").unwrap().is_none());
    }

    #[test]
    fn contents_of_tokens() {
        let read = |kind, text: &str| Item::read(kind, SecretBytes::new(text.as_bytes().to_vec()));
        for (kind, text, hashed) in [
            (Type::Int, "+5", "5"),
            (Type::Float, "1.50", "1.5"),
            (Type::Float, "NaN", "NaN"),
            (Type::Bool, "t", "True"),
            (Type::Time, "2024-01-02T03:04:05.10Z", "2024-01-02T03:04:05.1Z"),
            (Type::Bytes, "x", "x"),
        ] {
            assert_eq!(read(kind, text).unwrap().hashed(), hashed.as_bytes(), "{text}");
        }
        for (kind, text) in [
            (Type::Int, "0x1"),
            (Type::Int, "9223372036854775808"),
            (Type::Float, "1e400"),
            (Type::Float, ""),
            (Type::Bool, "yes"),
            (Type::Time, "2024-01-02"),
        ] {
            assert_eq!(read(kind, text).unwrap_err(), Damage::Value(kind.name()), "{text}");
        }
    }
}
