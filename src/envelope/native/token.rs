//! Tokens and tails (`docs/design/format-v1.md`, section 5): what stands in a file in place of a leaf.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::secret::SecretText;

/// How every token begins.
pub const PREFIX: &str = "sealed.v1.";

/// How every token of any version begins; clear values must not.
pub const ANY_PREFIX: &str = "sealed.v";

/// A random id of a list element, document or comment.
pub(super) type Id = [u8; 8];

/// A record's number, tag and seal: 36 bytes, in base64url 48 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tail {
    /// Number of the write session that wrote the record, from 1.
    pub n: u32,
    /// The link, section or policy tag.
    pub tag: [u8; 16],
    /// The seal of that session.
    pub seal: [u8; 16],
}

/// A sealed leaf or comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// `VP` in base64url: the number of ids, the ids, nonce, ciphertext and tag. As it stands in the file, whose memory
    /// it shares.
    vp: SecretText,
    /// The tail.
    pub(super) tail: Tail,
}

/// A text that begins like a token and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct TokenError(pub(super) &'static str);

impl Tail {
    pub(super) fn to_text(self) -> String {
        let mut bytes = [0; TAIL];
        bytes[..4].copy_from_slice(&self.n.to_be_bytes());
        bytes[4..20].copy_from_slice(&self.tag);
        bytes[20..].copy_from_slice(&self.seal);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(super) fn parse(text: &str) -> Result<Self, TokenError> {
        if text.len() != TAIL / 3 * 4 {
            return Err(TokenError("a tail has a wrong length"));
        }
        let mut bytes = [0; TAIL];
        BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| NOT_CANONICAL)?;
        let (mut n, mut tag, mut seal) = ([0; 4], [0; 16], [0; 16]);
        n.copy_from_slice(&bytes[..4]);
        tag.copy_from_slice(&bytes[4..20]);
        seal.copy_from_slice(&bytes[20..]);
        Ok(Self { n: u32::from_be_bytes(n), tag, seal })
    }
}

impl Token {
    /// The token as it stands in a file.
    pub(super) fn to_text(&self) -> String {
        [PREFIX, &self.vp, ".", &self.tail.to_text()].concat()
    }

    /// Reads a token strictly: one canonical form, nothing before or behind it.
    pub(super) fn parse(text: &SecretText) -> Result<Self, TokenError> {
        let body = text.strip_prefix(PREFIX).ok_or(TokenError("the token is of an unknown version"))?;
        let (vp, tail) = body.split_once('.').ok_or(TokenError("the token has no tail"))?;
        let (bytes, tail) = (b64u(vp)?, Tail::parse(tail)?);
        let count = bytes.first().copied().map_or(usize::MAX, usize::from);
        if count > MAX_IDS || bytes.len() < 1 + count * 8 + NONCE + TAG + MIN_PAYLOAD {
            return Err(TokenError("the token is too short"));
        }
        Ok(Self { vp: text.slice(PREFIX.len(), PREFIX.len() + vp.len()), tail })
    }

    /// A token of a `VP`, without a tail yet.
    pub(super) fn new(vp: &[u8]) -> Self {
        Self { vp: to_b64u(vp).into(), tail: Tail::default() }
    }

    /// `VP`.
    pub(super) fn vp(&self) -> Vec<u8> {
        // It was decoded or encoded when the token was made.
        b64u(&self.vp).unwrap_or_default()
    }

    /// The ids of the path, in path order.
    pub(super) fn ids(&self) -> Vec<Id> {
        // Most tokens have none: their first eight bits are zero.
        if let [b'A', b'A'..=b'P', ..] = self.vp.as_bytes() {
            return Vec::new();
        }
        let vp = self.vp();
        let count = vp.first().copied().map_or(0, usize::from);
        vp.get(1..1 + count * 8).unwrap_or_default().as_chunks::<8>().0.to_vec()
    }
}

/// The beginning of a `VP`: its ids and nonce. Payload and tag follow.
pub(super) fn begin(ids: &[Id], nonce: &[u8; NONCE], capacity: usize) -> Vec<u8> {
    let mut vp = Vec::with_capacity(1 + ids.len() * 8 + NONCE + capacity);
    vp.push(u8::try_from(ids.len()).unwrap_or(u8::MAX));
    vp.extend(ids.as_flattened());
    vp.extend(nonce);
    vp
}

/// Nonce, and ciphertext with tag, of a `VP`.
pub(super) fn sealed(vp: &[u8]) -> Option<(&[u8; NONCE], &[u8])> {
    let count = vp.first().copied().map_or(0, usize::from);
    vp.get(1 + count * 8..)?.split_first_chunk::<NONCE>()
}

/// Canonical base64url without padding (RFC 4648, section 5).
pub(super) fn b64u(text: &str) -> Result<Vec<u8>, TokenError> {
    // The engine refuses padding, other alphabets, white space and non-zero trailing bits: one text for one value.
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NOT_CANONICAL)
}

/// Writes base64url without padding.
pub(super) fn to_b64u(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

const NOT_CANONICAL: TokenError = TokenError("the base64 is not canonical");
const TAIL: usize = 36;
const NONCE: usize = 24;
const TAG: usize = 16;
const MIN_PAYLOAD: usize = 10;
/// Deeper paths are over every depth limit.
const MAX_IDS: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Token {
        let mut vp = begin(&[[1; 8], [2; 8]], &[3; 24], 48);
        vp.extend([4; 48]);
        let mut token = Token::new(&vp);
        token.tail = Tail { n: 7, tag: [5; 16], seal: [6; 16] };
        token
    }

    #[test]
    fn goes_round() {
        let token = sample();
        let text = token.to_text();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
        assert_eq!(Token::parse(&text.into()), Ok(token.clone()));
        assert_eq!(token.ids(), vec![[1; 8], [2; 8]]);
        assert_eq!(sealed(&token.vp()), Some((&[3; 24], [4; 48].as_slice())));
    }

    #[test]
    fn ac_21_refuses_every_other_form() {
        let text = sample().to_text();
        let check = |text: String| assert!(Token::parse(&text.as_str().into()).is_err(), "{text}");
        check(text.replace("v1", "v2"));
        check(format!("{text} "));
        check(format!(" {text}"));
        check(format!("{text}="));
        check(format!("{text}.x"));
        check(text.replacen('A', "+", 1));
        check(text[..text.len() - 1].to_owned());
        check("sealed.v1..".to_owned());
        check("sealed.v1.AA.AA".to_owned());
        let (front, last) = text.split_at(text.len() - 1);
        for other in ('A'..='Z').chain('a'..='z').filter(|c| c.to_string() != last) {
            // 36 bytes fill 48 characters exactly, so each last character is another tail, never the same one.
            let changed = Token::parse(&format!("{front}{other}").into()).unwrap();
            assert_ne!(changed, sample());
        }
    }
}
