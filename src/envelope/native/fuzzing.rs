//! What arbitrary bytes must hold against the envelope's readers (feature `test-util`).

use super::metadata::Header;
use super::payload::{decode, encode};
use super::read::Sealed;
use super::token::{Tail, Token};
use crate::document::{Document, Tree};
use crate::policy::Padding;
use crate::secret::SecretBytes;

/// Reads a token, a tail and a payload: each is refused, or has this one form.
///
/// # Panics
/// Where one has two forms.
pub fn token(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        if let Ok(token) = Token::parse(text) {
            assert_eq!(token.to_text(), text);
            assert_eq!(token.ids().len(), usize::from(token.vp[0]));
            assert!(token.sealed().is_some());
        }
        if let Ok(tail) = Tail::parse(text) {
            assert_eq!(tail.to_text(), text);
        }
    }
    if let Ok(payload) = decode(&SecretBytes::new(input.to_vec())) {
        let forms = [Padding::Buckets, Padding::None].map(|padding| encode(&payload, padding));
        assert!(forms.iter().any(|form| form.expose() == input));
    }
}

/// Reads a metadata entry: it is refused, or says the same after it was written and read again.
///
/// # Panics
/// Where it does not.
pub fn metadata(entry: &Tree) {
    let Ok(header) = Header::from_tree(entry) else { return };
    let tree = header.to_tree();
    let again = Header::from_tree(&tree).expect("what was written can be read");
    assert_eq!(again.tlv(1), header.tlv(1));
    assert_eq!(again.to_tree(), tree);
}

/// Reads a sealed file that nobody has a key of.
pub fn sealed(body: Document, entry: &Tree) {
    drop(Sealed::parse(body, entry));
}
