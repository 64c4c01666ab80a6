//! The plaintext of one leaf (`docs/design/format-v1.md`, section 4).

use crate::document::{Spelling, Value};
use crate::policy::Padding;
use crate::secret::{SecretBytes, SecretText};

/// What a payload holds: a leaf with its spelling, or a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Payload {
    /// A leaf.
    Leaf(Value, Spelling),
    /// Everything behind a comment's marker.
    Comment(SecretText),
}

/// A payload that is not in its one valid form. Which rule it broke is said, what it holds never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("payload: {0}")]
pub(super) struct PayloadError(pub(super) &'static str);

/// The type code and value bytes of a value; also what sections authenticate.
pub(super) fn value_parts(value: &Value) -> (u8, &[u8]) {
    match value {
        Value::Str(text) => (STRING, text.as_bytes()),
        Value::Int(text) => (INTEGER, text.as_bytes()),
        Value::Float(text) => (FLOAT, text.as_bytes()),
        Value::Bool(false) => (BOOL, &[0]),
        Value::Bool(true) => (BOOL, &[1]),
        Value::Null => (NULL, &[]),
        Value::Time(text) => (TIME, text.as_bytes()),
        Value::EmptyMap => (EMPTY_MAP, &[]),
        Value::EmptyList => (EMPTY_LIST, &[]),
        Value::Ambiguous(text) => (AMBIGUOUS, text.as_bytes()),
        Value::Bytes(bytes) => (BYTES, bytes.expose()),
    }
}

/// Writes a payload, padded.
pub(super) fn encode(payload: &Payload, padding: Padding) -> SecretBytes {
    let none = Spelling::default();
    let ((code, value), spelling) = match payload {
        Payload::Leaf(value, spelling) => (value_parts(value), spelling),
        Payload::Comment(text) => ((COMMENT, text.as_bytes()), &none),
    };
    let written = spelling.bytes.expose();
    let length = 10 + value.len() + written.len();
    let total = match padding {
        Padding::Buckets => bucket(length),
        Padding::None => length,
    };
    // Full capacity up front: a growing buffer would leave unwiped copies behind.
    let mut out = Vec::with_capacity(total);
    out.push(code);
    out.extend(be32(value.len()));
    out.extend(value);
    out.push(spelling.kind);
    out.extend(be32(written.len()));
    out.extend(written);
    out.resize(total, 0);
    SecretBytes::new(out)
}

/// Reads a payload strictly.
///
/// # Errors
/// [`PayloadError`] for an unknown type or kind, lengths beyond the buffer, non-zero padding, a total that is neither
/// exact nor a bucket, invalid UTF-8 and a boolean other than 00 and 01.
pub(super) fn decode(bytes: &[u8]) -> Result<Payload, PayloadError> {
    let mut rest = bytes;
    let code = byte(&mut rest)?;
    let value = field(&mut rest)?;
    let kind = byte(&mut rest)?;
    let spelling = field(&mut rest)?;
    let length = bytes.len() - rest.len();
    if rest.iter().any(|byte| *byte != 0) {
        return Err(PayloadError("the padding is not zero"));
    }
    if bytes.len() != length && bytes.len() != bucket(length) {
        return Err(PayloadError("the padding has a wrong length"));
    }
    if kind > 2 || (kind == 0 && !spelling.is_empty()) {
        return Err(PayloadError("the spelling is of an unknown kind"));
    }
    let text = || {
        let text = std::str::from_utf8(value).map_err(|_| PayloadError("the text is not UTF-8"))?;
        Ok(SecretText::from(text))
    };
    let empty =
        |value_| if value.is_empty() { Ok(value_) } else { Err(PayloadError("a value where none belongs")) };
    let value = match code {
        STRING => Value::Str(text()?),
        INTEGER => Value::Int(text()?),
        FLOAT => Value::Float(text()?),
        BOOL => match value {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            _ => return Err(PayloadError("a boolean is neither 00 nor 01")),
        },
        NULL => empty(Value::Null)?,
        TIME => Value::Time(text()?),
        BYTES if kind == 0 => Value::Bytes(SecretBytes::new(value.to_vec())),
        EMPTY_MAP => empty(Value::EmptyMap)?,
        EMPTY_LIST => empty(Value::EmptyList)?,
        COMMENT if kind == 0 => return Ok(Payload::Comment(text()?)),
        AMBIGUOUS => Value::Ambiguous(text()?),
        _ => return Err(PayloadError("the type is unknown")),
    };
    Ok(Payload::Leaf(value, Spelling { kind, bytes: SecretBytes::new(spelling.to_vec()) }))
}

fn byte(rest: &mut &[u8]) -> Result<u8, PayloadError> {
    let (first, tail) = rest.split_first().ok_or(PayloadError("it is too short"))?;
    *rest = tail;
    Ok(*first)
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], PayloadError> {
    let (length, tail) = rest.split_first_chunk::<4>().ok_or(PayloadError("it is too short"))?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    let (field, tail) = tail.split_at_checked(length).ok_or(PayloadError("a length points beyond it"))?;
    *rest = tail;
    Ok(field)
}

/// `BE32` of a length; lengths over 4 GiB cannot occur below the limits.
pub(super) fn be32(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

/// The padded length: 32-byte steps up to 256, then Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted
/// Files and Communication with PURBs", section 4), whose overhead is at most 12 %.
pub(super) fn bucket(length: usize) -> usize {
    if length <= 256 {
        return length.next_multiple_of(32).max(32);
    }
    let exponent = length.ilog2();
    let bits = exponent.ilog2() + 1;
    length.next_multiple_of(1 << (exponent - bits))
}

const STRING: u8 = 0x01;
const INTEGER: u8 = 0x02;
const FLOAT: u8 = 0x03;
const BOOL: u8 = 0x04;
const NULL: u8 = 0x05;
const TIME: u8 = 0x06;
const BYTES: u8 = 0x07;
const EMPTY_MAP: u8 = 0x08;
const EMPTY_LIST: u8 = 0x09;
const COMMENT: u8 = 0x0A;
const AMBIGUOUS: u8 = 0x0B;

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    fn check(bytes: &[u8], expect: &str) {
        let error = decode(bytes).unwrap_err();
        assert_eq!(error.to_string(), format!("payload: {expect}"));
    }

    #[test]
    fn buckets() {
        for (length, expect) in [
            (0, 32),
            (1, 32),
            (32, 32),
            (33, 64),
            (256, 256),
            (257, 272),
            (1000, 1024),
            (1025, 1088),
            (1 << 20, 1 << 20),
        ] {
            assert_eq!(bucket(length), expect, "{length}");
        }
    }

    #[test]
    fn short_values_look_alike() {
        let values = [
            Value::Bool(true),
            Value::Str("".into()),
            Value::Null,
            Value::EmptyMap,
            Value::EmptyList,
            Value::Int("7".into()),
            Value::Str("x".into()),
        ];
        for value in values {
            let payload = Payload::Leaf(value, Spelling::default());
            assert_eq!(encode(&payload, Padding::Buckets).expose().len(), 32);
        }
    }

    #[test]
    fn refuses_other_forms() {
        check(b"", "it is too short");
        check(&[1, 0, 0, 0, 9, b'x', 0, 0, 0, 0, 0], "a length points beyond it");
        check(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "the padding has a wrong length");
        let mut padded = [0; 32];
        padded[0] = 1;
        padded[31] = 1;
        check(&padded, "the padding is not zero");
        check(&[0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0], "the type is unknown");
        check(&[4, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0], "a boolean is neither 00 nor 01");
        check(&[1, 0, 0, 0, 1, 0xFF, 0, 0, 0, 0, 0], "the text is not UTF-8");
        check(&[5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], "a value where none belongs");
        check(&[1, 0, 0, 0, 0, 3, 0, 0, 0, 0], "the spelling is of an unknown kind");
        check(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7], "the spelling is of an unknown kind");
    }

    proptest! {
        #[test]
        fn goes_round(text in ".{0,400}", raw in any::<Vec<u8>>(), kind in 1u8..3, buckets in any::<bool>()) {
            let padding = if buckets { Padding::Buckets } else { Padding::None };
            let spelling = Spelling { kind, bytes: SecretBytes::new(raw) };
            let leaf = Payload::Leaf(Value::Str(text.clone().into()), spelling);
            prop_assert_eq!(decode(encode(&leaf, padding).expose()).unwrap(), leaf);
            let comment = Payload::Comment(text.into());
            prop_assert_eq!(decode(encode(&comment, padding).expose()).unwrap(), comment);
        }
    }
}
