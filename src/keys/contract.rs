//! The conformance test of key backends: what [`KeyBackend`] promises, as functions that panic where it is not kept.
//!
//! Every backend of this crate runs [`all`]; so should one that is written elsewhere.

pub mod trouble;

use std::fmt::Display;

use super::runtime::block_on;
use super::{
    Cause, KeyBackend, KeyError, KeyRef, Recipient, Run, Stanza, Unwrapped, WRAP_LIMIT, WrapContext,
};
use crate::secret::SecretBytes;

/// Keys of one type, and the runs that do and do not have their private halves.
#[derive(Debug)]
pub struct Fixture<'a> {
    /// A key that `owner` can open.
    pub key: KeyRef,
    /// A key of the same type that `owner` cannot open.
    pub foreign: KeyRef,
    /// The run of a user who has the private half of `key`.
    pub owner: &'a Run<'a>,
    /// The run of a user who has no key at all.
    pub stranger: &'a Run<'a>,
    /// Other spellings of the identifier of `key`.
    pub spellings: &'a [&'a str],
    /// Texts that are no identifiers.
    pub invalid: &'a [&'a str],
    /// Texts that no error may hold, such as private keys.
    pub hidden: &'a [&'a str],
    /// Every which byte of a wrap is damaged: 1, or more where unwrapping is slow.
    pub stride: usize,
}

/// Runs every function of the contract.
pub fn all(backend: &dyn KeyBackend, fixture: &Fixture<'_>) {
    identifiers_have_one_normal_form(backend, fixture);
    the_owner_opens_what_was_wrapped(backend, fixture);
    others_do_not(backend, fixture);
    wraps_differ(backend, fixture);
    damaged_wraps_never_open_as_something_else(backend, fixture);
    what_is_no_wrap_does_not_open(backend, fixture);
}

/// `parse` gives the identifier itself for every spelling, and an error for what is none.
pub fn identifiers_have_one_normal_form(backend: &dyn KeyBackend, fixture: &Fixture<'_>) {
    for spelling in fixture.spellings.iter().copied().chain([fixture.key.id.as_str()]) {
        match backend.parse(spelling) {
            Ok(id) => assert_eq!(id, fixture.key.id, "{spelling}"),
            Err(error) => panic!("{spelling}: {error}"),
        }
    }
    for id in fixture.invalid {
        match backend.parse(id) {
            Ok(normal) => panic!("`{id}` was taken, as `{normal}`"),
            Err(error) => hides(fixture, &error),
        }
        let key = KeyRef { id: (*id).to_owned(), ..fixture.key.clone() };
        let secret = SecretBytes::new(vec![1; 32]);
        let wrapped = block_on(backend.wrap(&key, &secret, &context(), fixture.owner));
        assert!(wrapped.is_err(), "`{id}` is no identifier and got a wrap");
    }
}

/// `unwrap(wrap(x))` is `x`, for the lengths that are used and some others.
pub fn the_owner_opens_what_was_wrapped(backend: &dyn KeyBackend, fixture: &Fixture<'_>) {
    for length in [1, 32, 33, 69, 100] {
        let stanza = wrap(backend, fixture, &fixture.key, &secret(length));
        assert!(stanza.wrapped.len() <= WRAP_LIMIT, "a wrap of {} bytes", stanza.wrapped.len());
        match unwrap(backend, fixture, &stanza, fixture.owner) {
            Unwrapped::Opened(opened) => {
                assert!(opened == secret(length), "{length} bytes came out different");
            }
            other => panic!("{length} bytes: {other:?}"),
        }
    }
}

/// Without the private half the answer is [`Unwrapped::NotMine`]; a service may also say so itself.
pub fn others_do_not(backend: &dyn KeyBackend, fixture: &Fixture<'_>) {
    for (key, run) in [
        (&fixture.key, fixture.stranger),
        (&fixture.foreign, fixture.owner),
        (&fixture.foreign, fixture.stranger),
    ] {
        let stanza = wrap(backend, fixture, key, &secret(69));
        let answer = unwrap(backend, fixture, &stanza, run);
        let is_refused = match &answer {
            Unwrapped::NotMine(_) => true,
            Unwrapped::Failed(KeyError::Remote { failure, .. }) => REFUSED.contains(&failure.cause),
            _ => false,
        };
        assert!(is_refused, "{}: {answer:?}", key.id);
    }
    let mut mislabelled = wrap(backend, fixture, &fixture.foreign, &secret(69));
    mislabelled.recipient.key = fixture.key.clone();
    assert!(!is_opened(&unwrap(backend, fixture, &mislabelled, fixture.owner)), "opened a foreign wrap");
}

/// Two wraps of one secret are different bytes.
pub fn wraps_differ(backend: &dyn KeyBackend, fixture: &Fixture<'_>) {
    let [one, two] = [(); 2].map(|()| wrap(backend, fixture, &fixture.key, &secret(69)).wrapped);
    assert_ne!(one, two);
}

/// A wrap that was shortened, prolonged or changed in one bit does not open, or opens as what it was.
pub fn damaged_wraps_never_open_as_something_else(backend: &dyn KeyBackend, fixture: &Fixture<'_>) {
    let whole = wrap(backend, fixture, &fixture.key, &secret(69));
    let check = |damage: &str, wrapped: Vec<u8>| {
        let stanza = Stanza { wrapped, ..whole.clone() };
        if let Unwrapped::Opened(opened) = unwrap(backend, fixture, &stanza, fixture.owner) {
            assert!(opened == secret(69), "{damage}: opened as something else");
        }
    };
    for place in (0..whole.wrapped.len()).step_by(fixture.stride.max(1)) {
        let mut flipped = whole.wrapped.clone();
        if let Some(byte) = flipped.get_mut(place) {
            *byte ^= 1 << (place % 8);
        }
        check(&format!("bit flipped in byte {place}"), flipped);
        let mut short = whole.wrapped.clone();
        short.truncate(place);
        check(&format!("cut to {place} bytes"), short);
    }
    check("one byte more", [whole.wrapped.as_slice(), &[0]].concat());
    check("twice", whole.wrapped.repeat(2));
}

/// Nothing, noise and more than the limit are errors, not secrets.
pub fn what_is_no_wrap_does_not_open(backend: &dyn KeyBackend, fixture: &Fixture<'_>) {
    let whole = wrap(backend, fixture, &fixture.key, &secret(69));
    let mut huge = whole.wrapped.clone();
    huge.resize(WRAP_LIMIT + 1, 0);
    for wrapped in [Vec::new(), vec![0], vec![0xff; 300], b"\n\n\n".to_vec(), huge] {
        let length = wrapped.len();
        let stanza = Stanza { wrapped, ..whole.clone() };
        let answer = unwrap(backend, fixture, &stanza, fixture.owner);
        assert!(!is_opened(&answer), "opened {length} bytes that are no wrap");
    }
}

fn wrap(backend: &dyn KeyBackend, fixture: &Fixture<'_>, key: &KeyRef, secret: &SecretBytes) -> Stanza {
    let recipient = Recipient { key: key.clone(), name: String::new(), break_glass: false };
    match block_on(backend.wrap(key, secret, &context(), fixture.owner)) {
        Ok(wrapped) => Stanza { recipient, wrapped },
        Err(error) => panic!("{}: {error}", key.id),
    }
}

fn unwrap(backend: &dyn KeyBackend, fixture: &Fixture<'_>, stanza: &Stanza, run: &Run<'_>) -> Unwrapped {
    let answer = block_on(backend.unwrap(stanza, &context(), run));
    match &answer {
        Unwrapped::Opened(_) => {}
        Unwrapped::NotMine(why) => hides(fixture, why),
        Unwrapped::Failed(error) => hides(fixture, error),
    }
    answer
}

fn is_opened(answer: &Unwrapped) -> bool {
    matches!(answer, Unwrapped::Opened(_))
}

fn hides(fixture: &Fixture<'_>, error: &dyn Display) {
    hides_all(fixture.hidden, error);
}

fn hides_all(hidden: &[&str], error: &dyn Display) {
    let error = error.to_string();
    assert!(!error.is_empty(), "an error without words");
    assert!(!error.contains('\n'), "more than one line: {error}");
    for hidden in hidden {
        assert!(!error.contains(hidden), "an error tells a secret");
    }
}

/// Bytes that stand out, so that a wrong plaintext cannot be taken for the right one.
fn secret(length: u8) -> SecretBytes {
    SecretBytes::new((0..length).map(|index| index.wrapping_mul(167) ^ 0xa5).collect())
}

fn context() -> WrapContext {
    WrapContext { fid: [7; 16], epoch: 3 }
}

/// What a service says to those who may not use a key.
const REFUSED: &[Cause] = &[Cause::Denied, Cause::NotFound, Cause::NoCredentials, Cause::Unauthenticated];
