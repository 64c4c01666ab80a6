//! With backends that answer as they are told.

use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::keys::runtime::block_on;
use crate::keys::{Cause, Environment, KeyRef, NoPrompt, Recipient};

/// What a backend does with every stanza.
enum Answer {
    Opens,
    Fails,
    Hangs,
}

struct Told {
    answer: Answer,
    asked: AtomicUsize,
    ended: AtomicUsize,
}

impl Told {
    const fn new(answer: Answer) -> Self {
        Self { answer, asked: AtomicUsize::new(0), ended: AtomicUsize::new(0) }
    }

    fn counts(&self) -> (usize, usize) {
        (self.asked.load(Ordering::SeqCst), self.ended.load(Ordering::SeqCst))
    }
}

struct Ends<'a>(&'a AtomicUsize);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl KeyBackend for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn is_local(&self) -> bool {
        false
    }

    fn parse(&self, id: &str) -> Result<String, KeyError> {
        Ok(id.to_owned())
    }

    fn wrap<'a>(
        &'a self,
        key: &'a KeyRef,
        _secret: &'a SecretBytes,
        _context: &'a WrapContext,
        _run: &'a Run<'a>,
    ) -> Pending<'a, Result<Vec<u8>, KeyError>> {
        Box::pin(ready(Err(KeyError::UnknownKind(key.kind.clone()))))
    }

    fn unwrap<'a>(
        &'a self,
        stanza: &'a Stanza,
        _context: &'a WrapContext,
        _run: &'a Run<'a>,
    ) -> Pending<'a, Unwrapped> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let ends = Ends(&self.ended);
        Box::pin(async move {
            let _ends = ends;
            match self.answer {
                Answer::Opens => Unwrapped::Opened(SecretBytes::new(vec![7])),
                Answer::Hangs => pending().await,
                Answer::Fails => {
                    let failure = Box::new(Failure::new(Cause::Denied, "told to"));
                    let id = stanza.recipient.key.id.clone();
                    Unwrapped::Failed(KeyError::Remote { kind: "told", id, failure })
                }
            }
        })
    }
}

fn stanza(name: &str) -> Stanza {
    let key = KeyRef { kind: "told".to_owned(), id: name.to_owned(), context: Default::default() };
    let recipient = Recipient { key, name: name.to_owned(), break_glass: false };
    Stanza { recipient, wrapped: vec![1] }
}

/// Who of these opens, and what is said of the others.
fn race(backends: &[&'static Told]) -> (Option<usize>, Vec<String>) {
    let environment = Environment::default();
    let run = Run::new(&environment, &NoPrompt);
    let stanzas: Vec<Stanza> = (0..backends.len()).map(|index| stanza(&index.to_string())).collect();
    let fits = |_: usize, _: &SecretBytes| Ok(());
    let mut unwrapping =
        Unwrapping::new(&run, &WrapContext::UNBOUND, stanzas.iter().map(|stanza| (0, stanza)), &fits);
    let mut remote: Vec<(usize, &'static dyn KeyBackend)> = Vec::new();
    for (index, backend) in backends.iter().enumerate() {
        remote.push((index, *backend));
    }
    block_on(unwrapping.race(&mut remote));
    let (shares, error) = unwrapping.shares();
    let opened = shares.first().map(|share| share.stanza);
    (opened, error.attempts.iter().map(|attempt| attempt.why.clone()).collect())
}

#[test]
fn who_answers_first_is_asked_alone() {
    static FIRST: Told = Told::new(Answer::Opens);
    static SECOND: Told = Told::new(Answer::Opens);
    assert_eq!(race(&[&FIRST, &SECOND]), (Some(0), vec![]));
    assert_eq!((FIRST.counts(), SECOND.counts()), ((1, 1), (0, 0)));
}

#[test]
fn one_that_hangs_holds_up_nobody_and_is_ended() {
    static HANGS: Told = Told::new(Answer::Hangs);
    static OPENS: Told = Told::new(Answer::Opens);
    assert_eq!(race(&[&HANGS, &OPENS]), (Some(1), vec![]));
    assert_eq!((HANGS.counts(), OPENS.counts()), ((1, 1), (1, 1)));
}

#[test]
fn after_a_failure_the_next_one_is_asked() {
    static FAILS: Told = Told::new(Answer::Fails);
    static OPENS: Told = Told::new(Answer::Opens);
    assert_eq!(race(&[&FAILS, &FAILS, &OPENS]).0, Some(2));
    assert_eq!((FAILS.counts(), OPENS.counts()), ((2, 2), (1, 1)));
    assert_eq!(race(&[&FAILS, &FAILS]), (None, vec!["access denied (told to)".to_owned(); 2]));
}

#[cfg(feature = "age")]
#[test]
fn what_the_user_names_is_tried_first() {
    use crate::keys::{Keyring, age};
    let identity = age::generate("2026-01-01T00:00:00Z").unwrap();
    let environment: Environment = [("SEALEAF_IDENTITY", identity.text.as_str())].into_iter().collect();
    let key = KeyRef { kind: "age".to_owned(), id: identity.recipient, context: Default::default() };
    let recipient = |name: &str| Recipient { key: key.clone(), name: name.to_owned(), break_glass: false };
    let mut run = Run::new(&environment, &NoPrompt);
    let secret = SecretBytes::new(vec![3; 32]);
    let wrap = |run: &Run<'_>| {
        let recipients = [recipient("a"), recipient("b"), recipient("c")];
        Keyring::new(run).wrap(&recipients, &secret, &WrapContext::UNBOUND).unwrap()
    };
    let stanzas = wrap(&run);
    let first = |run: &Run<'_>| Keyring::new(run).unwrap(&stanzas, &WrapContext::UNBOUND).unwrap().0;
    assert_eq!(first(&run), 0);
    run.settings.unwrap.order = vec!["c".to_owned(), "b".to_owned()];
    assert_eq!(first(&run), 2);
    run.settings.unwrap.order = vec!["vault".to_owned(), "age".to_owned()];
    assert_eq!(first(&run), 0);
}
