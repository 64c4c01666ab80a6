//! What a leaf means, and how its source wrote it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::Style;
use crate::secret::{SecretBytes, SecretText};

/// A leaf's value. Numbers and dates are kept as source text, never as machine numbers, so that `0x1F`, `1_000`,
/// `1.0` and big integers come back as they were.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// A string.
    Str(SecretText),
    /// An integer: its source digits.
    Int(SecretText),
    /// A float: its source text.
    Float(SecretText),
    /// A boolean.
    Bool(bool),
    /// Null.
    Null,
    /// A TOML date, time or date-time: its source text.
    Time(SecretText),
    /// `{}`.
    EmptyMap,
    /// `[]`.
    EmptyList,
    /// A plain YAML scalar that is a string in YAML 1.2 but not in 1.1 (`yes`, `on`, `12:30:45`): its source text.
    Ambiguous(SecretText),
    /// A whole file of any bytes (`FormatCode::Binary`).
    Bytes(SecretBytes),
}

/// The type alone; a derived one would show booleans.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Str(_) => "Str(..)",
            Self::Int(_) => "Int(..)",
            Self::Float(_) => "Float(..)",
            Self::Bool(_) => "Bool(..)",
            Self::Null => "Null",
            Self::Time(_) => "Time(..)",
            Self::EmptyMap => "EmptyMap",
            Self::EmptyList => "EmptyList",
            Self::Ambiguous(_) => "Ambiguous(..)",
            Self::Bytes(_) => "Bytes(..)",
        })
    }
}

impl Value {
    /// The value as text a program would get: strings decoded, numbers as written, `null` empty, containers `{}`, `[]`,
    /// bytes in base64 where they are no UTF-8.
    #[must_use]
    pub fn to_text(&self) -> SecretText {
        match self {
            Self::Str(text)
            | Self::Int(text)
            | Self::Float(text)
            | Self::Time(text)
            | Self::Ambiguous(text) => text.clone(),
            Self::Bool(true) => "true".into(),
            Self::Bool(false) => "false".into(),
            Self::Null => SecretText::default(),
            Self::EmptyMap => "{}".into(),
            Self::EmptyList => "[]".into(),
            Self::Bytes(bytes) => match std::str::from_utf8(bytes.expose()) {
                Ok(text) => text.into(),
                Err(_) => BASE64_STANDARD.encode(bytes.expose()).into(),
            },
        }
    }

    /// The value as the bytes a program would get: those of a file of bytes, else the text's.
    #[must_use]
    pub fn to_bytes(&self) -> SecretBytes {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            _ => SecretBytes::new(self.to_text().as_bytes().to_vec()),
        }
    }
}

/// How a source wrote a value: the `kind` and `spelling` fields of a payload (`format-v1.md`, section 4). Opaque to
/// everything but the format that made it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Spelling {
    /// 00 none, 01 raw token bytes, 02 a scalar that spans lines or depends on its place.
    pub kind: u8,
    /// The record.
    pub bytes: SecretBytes,
}

impl Spelling {
    /// The number of the [`Style`](super::Style) that the record names, or its first quote says.
    #[must_use]
    pub fn style(&self) -> u8 {
        let style = match (self.kind, self.bytes.expose().get(1)) {
            (1, Some(b'\'')) => Style::Single,
            (1, Some(b'"')) => Style::Double,
            (1, Some(b'`')) => Style::Backtick,
            (2, Some(style)) => return *style,
            _ => Style::Plain,
        };
        style as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", [Value::Bool(true), Value::Bool(false), Value::Int("7".into())]);
        assert_eq!(shown, "[Bool(..), Bool(..), Int(..)]");
    }
}
