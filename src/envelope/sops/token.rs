//! Tokens: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`, read more strictly than SOPS reads them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::Damage;
use super::values::{Item, Type};
use crate::crypto::Gcm;
use crate::secret::{RandomError, fill_random};

/// How every token begins.
pub const PREFIX: &str = "ENC[AES256_GCM,";

/// A token, taken apart and not yet opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it says it holds. Not authenticated by itself.
    pub kind: Type,
    nonce: Vec<u8>,
    /// Ciphertext and tag.
    sealed: Vec<u8>,
}

/// Fresh nonces, for which the operating system is asked many at a time. Each is given once.
#[derive(Debug, Default)]
pub struct Nonces {
    left: Vec<[u8; 32]>,
}

impl Nonces {
    fn next(&mut self) -> Result<[u8; 32], RandomError> {
        if let Some(nonce) = self.left.pop() {
            return Ok(nonce);
        }
        // A file of a few values takes a few.
        let mut bytes = vec![0; 32 * if self.left.capacity() == 0 { 4 } else { 128 }];
        fill_random(&mut bytes)?;
        self.left.extend(bytes.as_chunks().0);
        self.left.pop().map_or_else(|| self.next(), Ok)
    }
}

/// Whether a text is meant to be a token.
#[must_use]
pub fn is_token(text: &str) -> bool {
    text.starts_with(PREFIX)
}

impl Token {
    /// Reads a token. Nothing may stand before or behind it; base64 is padded and canonical; the nonce has 12, 16 or 32
    /// bytes, the tag 16, the data at least one.
    ///
    /// # Errors
    /// [`Damage`] that says which of this does not hold.
    pub fn read(text: &str) -> Result<Self, Damage> {
        let inner = text.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(']'));
        let mut fields = inner.ok_or(Damage::Token("it is not `ENC[AES256_GCM,…]`"))?.split(',');
        let mut field = |name: &str| {
            let value = fields.next().and_then(|field| field.strip_prefix(name)?.strip_prefix(':'));
            value.filter(|value| !value.is_empty()).ok_or(Damage::Token("a field is missing or out of order"))
        };
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| Damage::Token("a field is no base64"));
        let (data, nonce, tag) = (field("data")?, field("iv")?, field("tag")?);
        let (mut sealed, nonce, tag) = (decode(data)?, decode(nonce)?, decode(tag)?);
        let kind = Type::from_name(field("type")?).ok_or(Damage::Token("its type is unknown"))?;
        if fields.next().is_some() {
            return Err(Damage::Token("a field is missing or out of order"));
        }
        if !matches!(nonce.len(), 12 | 16 | 32) {
            return Err(Damage::Token("its nonce has another length than SOPS ever wrote"));
        }
        if tag.len() != TAG {
            return Err(Damage::Token("its tag is shortened"));
        }
        sealed.extend(tag);
        Ok(Self { kind, nonce, sealed })
    }

    /// Opens it in its place.
    ///
    /// # Errors
    /// [`Damage::Authentication`]; [`Damage::Value`] where what comes out is no value of its type.
    pub fn open(&self, gcm: &Gcm, aad: &str) -> Result<Item, Damage> {
        let plain =
            gcm.open(&self.nonce, &self.sealed, aad.as_bytes()).map_err(|_| Damage::Authentication)?;
        Item::read(self.kind, plain)
    }

    /// Seals an item for a place, under a fresh nonce.
    ///
    /// # Errors
    /// [`RandomError`] where the operating system gives no random bytes.
    pub fn seal(item: &Item, gcm: &Gcm, aad: &str, nonces: &mut Nonces) -> Result<String, RandomError> {
        let nonce = nonces.next()?;
        // The cipher's only error is a length that no value in memory has.
        let sealed = gcm.seal(&nonce, item.plain(), aad.as_bytes()).unwrap_or_default();
        let (data, tag) = sealed.split_at_checked(sealed.len().saturating_sub(TAG)).unwrap_or_default();
        let mut text = String::with_capacity(PREFIX.len() + data.len() / 3 * 4 + 112);
        text.push_str(PREFIX);
        for (name, bytes) in [("data:", data), (",iv:", &nonce), (",tag:", tag)] {
            text.push_str(name);
            STANDARD.encode_string(bytes, &mut text);
        }
        text.push_str(",type:");
        text.push_str(item.kind().name());
        text.push(']');
        Ok(text)
    }
}

/// Bytes of a tag.
const TAG: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::DataKey;

    fn key() -> Gcm {
        let hex = "6c94eec307d66c0fd65d0ba12c5defb692eb909a42290d7c59ce089fdbe632c3";
        let bytes: Vec<u8> =
            (0..64).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        Gcm::new(&DataKey::from_bytes(&bytes.try_into().unwrap()))
    }

    const INT: &str = "ENC[AES256_GCM,data:0FTF,iv:dyLKN34wDOdbJ8JHNnqRAWUZ9Jc4BhX4LIvieBLVdAM=,tag:x17RZ/sLWUNRsw1+TQumKQ==,type:int]";

    /// Tokens that SOPS wrote.
    #[test]
    fn opens_tokens_of_sops() {
        for (aad, token, expect) in [
            (
                "s:",
                "ENC[AES256_GCM,data:d3enDeox,iv:ViW/8wnN/jVLFMMsbsKGDmo/dzDK0HiVBu9sDLxuI+E=,tag:djv69TJK/jEufGUw2dptmA==,type:str]",
                "héllo",
            ),
            ("i:", INT, "-42"),
            (
                "b:",
                "ENC[AES256_GCM,data:n1SozQ==,iv:9alccYyT2v0VP8dnSy3nVHZIPAY4CLlJv2+70i+XOWQ=,tag:UUNoDpk2ATEVQ11JIJrNcw==,type:bool]",
                "True",
            ),
            (
                "l:",
                "ENC[AES256_GCM,data:GPPlZwBkPgo=,iv:l7NJOEW08+rJorJPjU2sqfNCXwrCW9Dpqqa04ptyyLE=,tag:g/CQH1Jm7MLhnGeSPS2lGQ==,type:comment]",
                " in list",
            ),
        ] {
            let item = Token::read(token).unwrap().open(&key(), aad).unwrap();
            assert_eq!(item.plain(), expect.as_bytes());
            assert_eq!(Token::read(token).unwrap().open(&key(), "x:").unwrap_err(), Damage::Authentication);
            let again = Token::seal(&item, &key(), aad, &mut Nonces::default()).unwrap();
            assert_eq!(Token::read(&again).unwrap().open(&key(), aad).unwrap().plain(), expect.as_bytes());
        }
    }

    #[test]
    fn ac_78_the_grammar_is_strict() {
        let replaced = |from: &str, to: &str| INT.replacen(from, to, 1);
        for bad in [
            format!("{INT}junk"),
            format!("{INT}\n"),
            format!(" {INT}"),
            replaced("0FTF", ""),
            replaced("0FTF", "0FT"),
            replaced("0FTF", "0F TF"),
            replaced("tag:x17RZ/sLWUNRsw1+TQumKQ==", "tag:x17RZ/sLWUNRsw1+TQum"),
            replaced("tag:x17RZ/sLWUNRsw1+TQumKQ==", "tag:x17RZ/sLWUNRsw1+TQumKR=="),
            replaced("dyLKN34wDOdbJ8JHNnqRAWUZ9Jc4BhX4LIvieBLVdAM=", "dyLKN34w"),
            replaced("type:int", "type:number"),
            replaced("type:int", "type:"),
            replaced("data:", "iv:"),
            replaced(",type:int", ""),
            replaced(",type:int", ",type:int,more:1"),
            replaced("AES256_GCM", "AES128_GCM"),
        ] {
            assert!(Token::read(&bad).is_err(), "{bad}");
        }
        assert!(Token::read(INT).is_ok());
    }
}
