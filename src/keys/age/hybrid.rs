//! Post-quantum keys as age 1.3 has them: recipients `age1pq1…`, identities `AGE-SECRET-KEY-PQ-1…`, stanzas
//! `mlkem768x25519`.
//!
//! The file key is sealed with HPKE in base mode (RFC 9180) under HKDF-SHA256 and ChaCha20-Poly1305, with an empty `aad`. The
//! KEM is MLKEM768-X25519 (draft-ietf-hpke-pq, the same as X-Wing, draft-connolly-cfrg-xwing-kem): whoever wants the secret
//! has to break ML-KEM-768 and X25519 both. The age library will bring this type one day; then this file goes away.

use std::collections::HashSet;
use std::fmt;

use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{bech32_decode, bech32_encode};
use age_core::secrecy::ExposeSecret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bech32::Hrp;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use curve25519_dalek::montgomery::MontgomeryPoint;
use hkdf::Hkdf;
use ml_kem::kem::Decapsulate;
use ml_kem::{Ciphertext, EncapsulateDeterministic, EncodedSizeUser, KemCore, MlKem768, MlKem768Params, kem};
use sha2::Sha256;
use sha3::digest::{ExtendableOutput, Update, XofReader};
use sha3::{Digest, Sha3_256, Shake256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::secret::{RandomError, SecretText, fill_random};

/// A public key: that of ML-KEM-768, then that of X25519.
#[derive(Clone)]
pub(super) struct Recipient {
    post_quantum: [u8; POST_QUANTUM_KEY],
    classic: [u8; 32],
}

/// A private key: the seed that both halves grow from.
pub(super) struct Identity {
    seed: Zeroizing<[u8; 32]>,
    public: Recipient,
}

/// Why a text is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// The checksum does not fit.
    Checksum,
    /// Another number of bytes, or bits left over.
    Length,
    /// Not a key, whatever its length.
    Key,
    /// A point of small order: X25519 would protect nothing.
    Weak,
}

impl Recipient {
    /// Whether a text can only be meant as one of these.
    pub(super) fn is_meant(id: &str) -> bool {
        id.get(..RECIPIENT_PREFIX.len() + 1).is_some_and(|start| start.eq_ignore_ascii_case("age1pq1"))
    }

    /// Reads `age1pq1…`.
    pub(super) fn parse(id: &str) -> Result<Self, Malformed> {
        let bytes = read(id, RECIPIENT_PREFIX)?;
        let (post_quantum, classic) = bytes.split_first_chunk().ok_or(Malformed::Length)?;
        let classic = <[u8; 32]>::try_from(classic).map_err(|_| Malformed::Length)?;
        let recipient = Self { post_quantum: *post_quantum, classic };
        // Numbers beyond the modulus are reduced when a key is read, so that what is written differs (FIPS 203, 7.2).
        if recipient.encapsulation_key().as_bytes().as_slice() != post_quantum {
            return Err(Malformed::Key);
        }
        agree(&[1; 32], &classic).ok_or(Malformed::Weak)?;
        Ok(recipient)
    }

    fn encapsulation_key(&self) -> kem::EncapsulationKey<MlKem768Params> {
        kem::EncapsulationKey::from_bytes(&self.post_quantum.into())
    }

    /// A fresh shared secret, and what its owner needs to find it.
    fn encapsulate(&self) -> Option<(Zeroizing<[u8; 32]>, Vec<u8>)> {
        let mut random = Zeroizing::new([0; 32]);
        fill_random(random.as_mut_slice()).ok()?;
        let scalar = Zeroizing::new(*random);
        fill_random(random.as_mut_slice()).ok()?;
        let (ciphertext, mut first) =
            self.encapsulation_key().encapsulate_deterministic(&(*random).into()).ok()?;
        let share = MontgomeryPoint::mul_base_clamped(*scalar).to_bytes();
        let second = agree(&scalar, &self.classic)?;
        let secret = combine(&first, &second, &share, &self.classic);
        first.zeroize();
        Some((secret, [ciphertext.as_slice(), &share].concat()))
    }
}

impl Identity {
    /// Draws a new one.
    pub(super) fn generate() -> Result<Self, RandomError> {
        let mut seed = Zeroizing::new([0; 32]);
        fill_random(seed.as_mut_slice())?;
        Ok(Self::grow(seed))
    }

    /// Whether a text can only be meant as one of these.
    pub(super) fn is_meant(upper: &str) -> bool {
        upper.starts_with("AGE-SECRET-KEY-PQ-1")
    }

    /// Reads `AGE-SECRET-KEY-PQ-1…`.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        let bytes = Zeroizing::new(read(text, IDENTITY_PREFIX)?);
        let seed = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| Malformed::Length)?;
        Ok(Self::grow(Zeroizing::new(seed)))
    }

    /// The line for an identity file.
    pub(super) fn to_text(&self) -> SecretText {
        let mut text = bech32_encode(Hrp::parse_unchecked(IDENTITY_PREFIX), self.seed.as_slice());
        text.make_ascii_uppercase();
        SecretText::new(text)
    }

    /// The public half.
    pub(super) fn to_public(&self) -> &Recipient {
        &self.public
    }

    fn grow(seed: Zeroizing<[u8; 32]>) -> Self {
        let (private, scalar) = expand(&seed);
        let post_quantum = private.encapsulation_key().as_bytes().into();
        let classic = MontgomeryPoint::mul_base_clamped(*scalar).to_bytes();
        Self { seed, public: Recipient { post_quantum, classic } }
    }

    /// The shared secret; `None` where the other side's share is a point of small order.
    fn decapsulate(
        &self,
        ciphertext: &Ciphertext<MlKem768>,
        share: &[u8; 32],
    ) -> Option<Zeroizing<[u8; 32]>> {
        let (private, scalar) = expand(&self.seed);
        let second = agree(&scalar, share)?;
        // A wrong ciphertext gives a wrong secret and no error (FIPS 203, 6.3).
        let mut first = private.decapsulate(ciphertext).ok()?;
        let secret = combine(&first, &second, share, &self.public.classic);
        first.zeroize();
        Some(secret)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.post_quantum.as_slice(), &self.classic].concat();
        f.write_str(&bech32_encode(Hrp::parse_unchecked(RECIPIENT_PREFIX), &bytes))
    }
}

impl ::age::Recipient for Recipient {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), ::age::EncryptError> {
        let failed = || ::age::EncryptError::Io(std::io::Error::other("sealing failed"));
        let (secret, share) = self.encapsulate().ok_or_else(failed)?;
        let (cipher, nonce) = cipher(&secret).ok_or_else(failed)?;
        let body = cipher.encrypt(&nonce, file_key.expose_secret().as_slice()).map_err(|_| failed())?;
        let stanza = Stanza { tag: TAG.to_owned(), args: vec![STANDARD_NO_PAD.encode(share)], body };
        // The age library refuses to put such a stanza beside others into one file.
        Ok((vec![stanza], HashSet::from(["postquantum".to_owned()])))
    }
}

impl ::age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, ::age::DecryptError>> {
        if stanza.tag != TAG {
            return None;
        }
        let damaged = || Some(Err(::age::DecryptError::InvalidHeader));
        let [argument] = stanza.args.as_slice() else { return damaged() };
        let Ok(share) = STANDARD_NO_PAD.decode(argument) else { return damaged() };
        let Some((ciphertext, share)) = share.split_last_chunk() else { return damaged() };
        let Ok(ciphertext) = Ciphertext::<MlKem768>::try_from(ciphertext) else { return damaged() };
        if stanza.body.len() != FILE_KEY_BYTES + TAG_BYTES {
            return damaged();
        }
        let Some(secret) = self.decapsulate(&ciphertext, share) else { return damaged() };
        let (cipher, nonce) = cipher(&secret)?;
        // Nothing says for whom a stanza is, so that one for another key looks like this.
        let opened = Zeroizing::new(cipher.decrypt(&nonce, stanza.body.as_slice()).ok()?);
        Some(FileKey::try_init_with_mut(|file_key| {
            let opened = opened.get(..).filter(|opened| opened.len() == file_key.len());
            file_key.copy_from_slice(opened.ok_or(::age::DecryptError::DecryptionFailed)?);
            Ok(())
        }))
    }
}

/// The private halves that grow from a seed (X-Wing, section 5.2).
fn expand(seed: &[u8; 32]) -> (kem::DecapsulationKey<MlKem768Params>, Zeroizing<[u8; 32]>) {
    let mut reader = Shake256::default().chain(seed).finalize_xof();
    let mut parts = Zeroizing::new([[0; 32]; 3]);
    parts.iter_mut().for_each(|part| reader.read(part));
    let [d, z, scalar] = &*parts;
    let (private, _) = MlKem768::generate_deterministic(&(*d).into(), &(*z).into());
    (private, Zeroizing::new(*scalar))
}

/// X25519; `None` where the result is zero whatever the scalar.
fn agree(scalar: &[u8; 32], point: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let secret = Zeroizing::new(MontgomeryPoint(*point).mul_clamped(*scalar).to_bytes());
    (!bool::from(secret.ct_eq(&[0; 32]))).then_some(secret)
}

/// Both secrets in one (X-Wing, section 5.3).
fn combine(first: &[u8], second: &[u8; 32], share: &[u8; 32], public: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let mut hash = Sha3_256::new();
    for part in [first, second, share, public, LABEL] {
        Digest::update(&mut hash, part);
    }
    Zeroizing::new(hash.finalize().into())
}

/// The key schedule of HPKE in base mode, for the first and only message (RFC 9180, section 5.1).
fn cipher(secret: &[u8; 32]) -> Option<(ChaCha20Poly1305, Nonce)> {
    let none = extract(b"", b"psk_id_hash", b"");
    let info = extract(b"", b"info_hash", INFO);
    let context = [&[BASE_MODE], none.0.as_slice(), info.0.as_slice()].concat();
    let (_, schedule) = extract(secret, b"secret", b"");
    let mut key = Zeroizing::new(Key::default());
    let mut nonce = Nonce::default();
    expand_labelled(&schedule, b"key", &context, &mut key)?;
    expand_labelled(&schedule, b"base_nonce", &context, &mut nonce)?;
    Some((ChaCha20Poly1305::new(&key), nonce))
}

/// `LabeledExtract` (RFC 9180, section 4).
fn extract(salt: &[u8], label: &[u8], secret: &[u8]) -> (Zeroizing<[u8; 32]>, Hkdf<Sha256>) {
    let labelled = Zeroizing::new([HPKE, SUITE, label, secret].concat());
    let (key, schedule) = Hkdf::<Sha256>::extract(Some(salt), &labelled);
    (Zeroizing::new(key.into()), schedule)
}

/// `LabeledExpand` (RFC 9180, section 4).
fn expand_labelled(schedule: &Hkdf<Sha256>, label: &[u8], context: &[u8], out: &mut [u8]) -> Option<()> {
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    schedule.expand_multi_info(&[&length, HPKE, SUITE, label, context], out).ok()
}

/// The bytes of a text in Bech32 of any length.
fn read(text: &str, prefix: &str) -> Result<Vec<u8>, Malformed> {
    let is_ours = |hrp: Hrp| if hrp == Hrp::parse_unchecked(prefix) { Ok(()) } else { Err(Malformed::Key) };
    let bytes =
        bech32_decode(text, |_| Malformed::Checksum, is_ours, |_, bytes| Ok(bytes.collect::<Vec<u8>>()));
    let bytes = Zeroizing::new(bytes?);
    // Bits that are left over are zero, so that each key has one form only.
    let again = Zeroizing::new(bech32_encode(Hrp::parse_unchecked(prefix), &bytes));
    if again.eq_ignore_ascii_case(text) { Ok(bytes.to_vec()) } else { Err(Malformed::Length) }
}

const TAG: &str = "mlkem768x25519";
const RECIPIENT_PREFIX: &str = "age1pq";
const IDENTITY_PREFIX: &str = "AGE-SECRET-KEY-PQ-";

/// Length of a public key of ML-KEM-768 in bytes.
const POST_QUANTUM_KEY: usize = 1184;

/// Length of what authenticates a body, in bytes.
const TAG_BYTES: usize = 16;

/// X-Wing's label, a drawing of such a fighter.
const LABEL: &[u8] = br"\.//^\";

const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
const HPKE: &[u8] = b"HPKE-v1";

/// `HPKE`, then the numbers of MLKEM768-X25519, HKDF-SHA256 and ChaCha20-Poly1305.
const SUITE: &[u8] = b"HPKE\x64\x7a\x00\x01\x00\x03";

const BASE_MODE: u8 = 0;

#[cfg(test)]
mod tests;
