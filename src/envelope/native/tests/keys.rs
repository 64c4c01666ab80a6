//! What only a key holder could make: numbers at their end, and tokens under other keys.

use super::super::error::EnvelopeError;
use super::super::read::{Sealed, head_tag, link_tag, open_token, policy_tag, section_tag};
use super::super::structure::Place;
use super::super::subkeys::Root;
use super::super::token::{self, Token};
use super::super::write::{Before, Writing, Written};
use super::super::{Group, State};
use zeroize::Zeroizing;

use crate::document::Document;
use crate::format::gate::{self, ENTRY, Sealing, Unsealing};
use crate::format::{Limits, by_name};
use crate::keys::{KeyRef, Recipient, Stanza};
use crate::policy::{Policy, Selection};
use crate::secret::DataKey;

const TEXT: &str = "a: clear\nb: secret\nc:\n  - secret\n";

fn parsed(text: &str) -> Document {
    by_name("yaml").unwrap().parse(text, &Limits::default()).unwrap()
}

fn write(
    document: &Document,
    key: &DataKey,
    epoch: u32,
    before: Option<Before<'_>>,
) -> Result<Written, EnvelopeError> {
    let yaml = by_name("yaml").unwrap();
    let key_ref = KeyRef { kind: "age".to_owned(), id: "age1".to_owned(), context: Default::default() };
    let recipient = Recipient { key: key_ref, name: String::new(), break_glass: false };
    let stanzas = vec![Stanza { recipient, wrapped: vec![1, 2, 3] }];
    Writing {
        document,
        spelling: &|id| yaml.spelling(document, id),
        old_spelling: &|id| before.map(|before| yaml.spelling(before.plain, id)).unwrap_or_default(),
        policy: Policy {
            selection: Selection::parse(&["b".to_owned(), "c".to_owned()], &[]).unwrap(),
            ..Policy::default()
        },
        groups: vec![Group { check: None, stanzas }],
        threshold: 1,
        fid: [7; 16],
        epoch,
        key,
        before,
        touch: None,
    }
    .write()
}

fn sealed(key: &DataKey, epoch: u32) -> Sealed {
    let (yaml, document) = (by_name("yaml").unwrap(), parsed(TEXT));
    let written = write(&document, key, epoch, None).unwrap();
    let sealing = Sealing { leaves: written.leaves, comments: written.comments, entry: &written.entry };
    let (text, _) = gate::seal(yaml, &document, &sealing, &Limits::default()).unwrap();
    let (body, entry) = yaml.detach(parsed(&text), ENTRY).unwrap();
    Sealed::parse(body, &entry.unwrap()).unwrap()
}

/// The same records as session `n` would have written them, but for the seal.
fn at(mut sealed: Sealed, key: &DataKey, n: u32) -> Sealed {
    let root = Root::new(key, &sealed.header.fid, sealed.header.epoch);
    let keys = root.core_keys(&sealed.header.core());
    sealed.header.record.n = n;
    sealed.header.record.tag = policy_tag(&root.subkeys(), &sealed.header, n);
    sealed.header.head.n = n;
    sealed.header.head.tag = head_tag(&keys, &sealed.structure, n);
    for (section, (_, tail)) in sealed.structure.sections.iter().zip(&mut sealed.header.sections) {
        (tail.n, tail.tag) = (n, section_tag(&keys, &sealed.body, section, n));
    }
    for (index, record) in sealed.structure.records.iter().enumerate() {
        let Place::Leaf(id) = record.place else { continue };
        let token = sealed.leaves[id.index()].as_mut().unwrap();
        token.tail.n = n;
        token.tail.tag = link_tag(&keys, &token.vp(), &sealed.structure, index, n);
    }
    sealed
}

#[test]
fn ac_23_the_last_session_has_no_next_one() {
    let key = DataKey::from_bytes(&[1; 32]);
    for (n, expect) in [(7, Some(8)), (u32::MAX - 1, Some(u32::MAX)), (u32::MAX, None)] {
        let sealed = at(sealed(&key, 1), &key, n);
        let authentic = sealed.authenticate(&key).unwrap();
        assert_eq!((authentic.state, sealed.newest()), (State::Linked, n));
        let unsealing = Unsealing { leaves: authentic.leaves.clone(), comments: authentic.comments.clone() };
        let yaml = by_name("yaml").unwrap();
        let plain = gate::unseal(yaml, &sealed.body, &unsealing, &Limits::default()).unwrap();
        let before = Before { sealed: &sealed, plain: &plain, authentic: &authentic, keep: true };
        let next = write(&parsed(&TEXT.replace("b: secret", "b: other")), &key, 1, Some(before));
        match (next, expect) {
            (Ok(next), Some(n)) => {
                let tails =
                    next.leaves.iter().map(|(_, token, _)| Token::parse(&token.into()).unwrap().tail.n);
                assert_eq!((next.fresh, tails.max()), (1, Some(n)));
            }
            (Err(EnvelopeError::Exhausted), None) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn ac_36_an_old_key_opens_no_new_token() {
    let (old, new) = (DataKey::from_bytes(&[1; 32]), DataKey::from_bytes(&[2; 32]));
    let sealed = sealed(&new, 2);
    assert!(matches!(sealed.authenticate(&old), Err(EnvelopeError::Commitment)));
    let opens = |key: &DataKey, epoch: u32, fid: &[u8; 16]| {
        let subkeys = Root::new(key, fid, epoch).subkeys();
        sealed.structure.records.iter().enumerate().all(|(index, record)| {
            let vp = sealed.token(record.place).unwrap().vp();
            open_token(&subkeys, &vp, sealed.structure.path(index), &mut Zeroizing::default()).is_some()
        })
    };
    assert!(opens(&new, 2, &[7; 16]));
    assert!(!opens(&old, 2, &[7; 16]) && !opens(&old, 1, &[7; 16]));
    assert!(!opens(&new, 1, &[7; 16]) && !opens(&new, 2, &[8; 16]));
}

#[test]
fn ac_02_equal_values_have_different_tokens() {
    let sealed = sealed(&DataKey::from_bytes(&[1; 32]), 1);
    let vps: Vec<_> = sealed.leaves.iter().flatten().map(Token::vp).collect();
    let [one, two] = vps.as_slice() else { panic!("two secrets") };
    let ((one, a), (two, b)) = (token::sealed(one).unwrap(), token::sealed(two).unwrap());
    assert!(one != two && a != b && a.len() == b.len());
}
