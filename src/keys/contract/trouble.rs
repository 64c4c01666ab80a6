//! What a service behind a network can do wrong, and what a backend has to make of it.

use crate::keys::runtime::block_on;
use crate::keys::{Cause, Failure, KeyBackend, KeyError, KeyRef, Run, Stanza, Unwrapped};

use super::{context, hides_all, secret};

/// Every way in which a service fails, and what a backend may make of it. A backend is tried with each one that its service, or a
/// proxy before it, can be brought to.
pub const TROUBLES: &[(Trouble, &[Cause])] = &[
    (Trouble::WrongContext, &[Cause::WrongKey, Cause::Rejected, Cause::Denied]),
    (Trouble::WrongKey, &[Cause::WrongKey, Cause::Rejected, Cause::Denied]),
    (Trouble::Disabled, &[Cause::Disabled]),
    (Trouble::Denied, &[Cause::Denied]),
    (Trouble::NoCredentials, &[Cause::NoCredentials]),
    (Trouble::BadCredentials, &[Cause::Unauthenticated, Cause::Expired, Cause::Denied]),
    (Trouble::NotFound, &[Cause::NotFound]),
    (Trouble::Throttled, &[Cause::Throttled]),
    (Trouble::Unavailable, &[Cause::Unavailable]),
    (Trouble::Slow, &[Cause::TimedOut]),
    (Trouble::Reset, &[Cause::Unreachable]),
    (Trouble::Refused, &[Cause::Unreachable]),
    (Trouble::Malformed, &[Cause::Malformed]),
    (Trouble::WrongLength, &[Cause::Malformed]),
    (Trouble::Huge, &[Cause::Malformed]),
];

/// One way in which a service fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The wrap was made for another context.
    WrongContext,
    /// The wrap was made with another key of the same service.
    WrongKey,
    /// The key is turned off.
    Disabled,
    /// The identity may not use the key.
    Denied,
    /// There are no credentials at all.
    NoCredentials,
    /// The credentials are wrong or have expired.
    BadCredentials,
    /// There is no such key.
    NotFound,
    /// The service asks to slow down, every time.
    Throttled,
    /// The service cannot work.
    Unavailable,
    /// The service does not answer.
    Slow,
    /// The connection breaks.
    Reset,
    /// Nobody listens.
    Refused,
    /// The answer is no answer.
    Malformed,
    /// What came out is nothing that was wrapped: empty, or longer than a data key with its binding.
    WrongLength,
    /// The answer has no end.
    Huge,
}

/// A service in trouble, and who meets it.
#[derive(Debug)]
pub struct Troubled<'a> {
    /// The user who meets it.
    pub run: &'a Run<'a>,
    /// The wrap that is tried.
    pub stanza: Stanza,
    /// Texts that no error may hold, such as tokens.
    pub hidden: &'a [&'a str],
}

/// The failure of unwrapping in that trouble; panics where it opens, or fails as something else.
pub fn unwrapping_fails(backend: &dyn KeyBackend, trouble: Trouble, troubled: &Troubled<'_>) -> Failure {
    let answer = block_on(backend.unwrap(&troubled.stanza, &context(), troubled.run));
    let Unwrapped::Failed(KeyError::Remote { failure, .. }) = answer else {
        panic!("{trouble:?}: {answer:?}")
    };
    fits(trouble, &failure, troubled.hidden);
    *failure
}

/// The same for wrapping.
pub fn wrapping_fails(
    backend: &dyn KeyBackend,
    trouble: Trouble,
    key: &KeyRef,
    troubled: &Troubled<'_>,
) -> Failure {
    let answer = block_on(backend.wrap(key, &secret(69), &context(), troubled.run));
    let Err(KeyError::Remote { failure, .. }) = answer else { panic!("{trouble:?}: {answer:?}") };
    fits(trouble, &failure, troubled.hidden);
    *failure
}

fn fits(trouble: Trouble, failure: &Failure, hidden: &[&str]) {
    let expected = TROUBLES.iter().find(|(name, _)| *name == trouble).map_or(&[][..], |(_, causes)| causes);
    assert!(expected.contains(&failure.cause), "{trouble:?}: {failure}");
    assert!(!failure.call.is_empty(), "{trouble:?}: no call is named: {failure}");
    assert!(failure.hint.is_some(), "{trouble:?}: no way out is named: {failure}");
    hides_all(hidden, failure);
}
