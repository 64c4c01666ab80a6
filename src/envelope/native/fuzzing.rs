//! What arbitrary bytes must hold against the envelope's readers (feature `test-util`).

use super::metadata::Header;
use super::payload::{Payload, decode, encode};
use super::read::Sealed;
use super::token::{Tail, Token, begin, sealed as sealed_part};
use crate::document::{Document, Spelling, Tree, Value};
use crate::policy::Padding;
use crate::secret::{DataKey, SecretBytes};

/// Reads a token, a tail and a payload: each is refused, or has this one form. Writes what the bytes make, and reads it.
pub(crate) fn token(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        if let Ok(token) = Token::parse(&text.into()) {
            assert_eq!(token.to_text(), text);
            assert_eq!(token.ids().len(), usize::from(token.vp()[0]));
            assert!(sealed_part(&token.vp()).is_some());
        }
        if let Ok(tail) = Tail::parse(text) {
            assert_eq!(tail.to_text(), text);
        }
    }
    if let Ok(payload) = decode(input) {
        let forms = [Padding::Buckets, Padding::None].map(|padding| encode(&payload, padding));
        assert!(forms.iter().any(|form| form.expose() == input));
    }
    written(input);
}

/// The first byte says how the others are cut into ids, a tail, a value and its spelling.
fn written(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let (head, sealed) = rest.split_at(rest.len().min(usize::from(*first)));
    let ids = head.as_chunks::<8>().0;
    let mut vp = begin(ids, &[*first; 24], sealed.len());
    vp.extend(sealed);
    let mut token = Token::new(&vp);
    token.tail = Tail { n: u32::from(*first), tag: [*first; 16], seal: [!*first; 16] };
    let again = Token::parse(&token.to_text().into());
    // A tag and the shortest payload are 26 bytes.
    assert_eq!(again.is_ok(), sealed.len() >= 26);
    assert!(again.is_err() || again.is_ok_and(|again| again == token && again.ids() == ids));

    let Ok(text) = std::str::from_utf8(head) else { return };
    let spelling = Spelling { kind: 1 + first % 2, bytes: SecretBytes::new(sealed.to_vec()) };
    let values = [Value::Str(text.into()), Value::Ambiguous(text.into()), Value::Null];
    let leaves = values.map(|value| Payload::Leaf(value, spelling.clone()));
    for payload in leaves.into_iter().chain([Payload::Comment(text.into())]) {
        for padding in [Padding::Buckets, Padding::None] {
            assert!(decode(encode(&payload, padding).expose()).is_ok_and(|again| again == payload));
        }
    }
}

/// Reads a metadata entry: it is refused, or the same after `carry` took it through files.
pub(crate) fn metadata(entry: &Tree, carry: &dyn Fn(&Tree) -> Vec<Tree>) {
    let Ok(header) = Header::from_tree(entry) else { return };
    let tree = header.to_tree();
    for tree in carry(&tree).iter().chain([&tree]) {
        assert!(Header::from_tree(tree).is_ok_and(|again| again == header), "read(write(m)) is m");
    }
}

/// Reads a sealed file whose key nobody has: it is refused, or its tokens are what stands there and no key opens it.
pub(crate) fn sealed(body: Document, entry: &Tree) {
    let Ok(sealed) = Sealed::parse(body, entry) else { return };
    for (id, token) in sealed.body.ids().zip(&sealed.leaves) {
        let Some(token) = token else { continue };
        let text = Value::Str(token.to_text().as_str().into());
        assert_eq!(sealed.body.value(id), Some(text), "a token has one form");
    }
    assert!(sealed.tails().iter().all(|tail| tail.n <= sealed.newest()));
    assert!(sealed.authenticate(&DataKey::from_bytes(&[7; 32])).is_err(), "forged");
}
