//! When services are asked, without any network.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::{KeyService, ServiceError};
use crate::keys::{
    Environment, KeyError, KeyRef, Keyring, NoPrompt, Pending, Recipient, Run, Stanza, WrapContext,
};
use crate::secret::SecretBytes;

/// Wraps by doing nothing, for keys of its own, and remembers what it was asked for.
#[derive(Debug, Default)]
struct Fake {
    name: &'static str,
    keys: &'static [&'static str],
    asked: Mutex<Vec<String>>,
}

impl Fake {
    fn answer(&self, key: &KeyRef, bytes: &[u8]) -> Result<Vec<u8>, ServiceError> {
        self.asked.lock().unwrap().push(key.id.clone());
        match self.keys.contains(&key.id.as_str()) {
            true => Ok(bytes.to_vec()),
            false => Err(ServiceError::Connect("nobody there".to_owned())),
        }
    }
}

impl KeyService for Fake {
    fn address(&self) -> String {
        self.name.to_owned()
    }

    fn wrap<'a>(
        &'a self,
        key: &'a KeyRef,
        secret: &'a SecretBytes,
    ) -> Pending<'a, Result<Vec<u8>, ServiceError>> {
        Box::pin(async { self.answer(key, secret.expose()) })
    }

    fn unwrap<'a>(
        &'a self,
        key: &'a KeyRef,
        wrapped: &'a [u8],
    ) -> Pending<'a, Result<SecretBytes, ServiceError>> {
        Box::pin(async { self.answer(key, wrapped).map(SecretBytes::new) })
    }
}

fn recipient(kind: &str, id: &str) -> Recipient {
    let key = KeyRef { kind: kind.to_owned(), id: id.to_owned(), context: BTreeMap::new() };
    Recipient { key, name: String::new(), break_glass: false }
}

fn stanza(kind: &str, id: &str) -> Stanza {
    Stanza { recipient: recipient(kind, id), wrapped: vec![7; 32] }
}

/// What two services were asked for, and the result.
fn with_services<T>(local: bool, act: impl FnOnce(&Keyring<'_>) -> T) -> (T, [Vec<String>; 2]) {
    let environment = Environment::default();
    let one = Arc::new(Fake { name: "one", keys: &["a"], ..Fake::default() });
    let two = Arc::new(Fake { name: "two", keys: &["a", "b"], ..Fake::default() });
    let mut run = Run::new(&environment, &NoPrompt);
    run.local = local;
    run.services = vec![one.clone(), two.clone()];
    let result = act(&Keyring::new(&run));
    let asked = |fake: &Fake| fake.asked.lock().unwrap().clone();
    (result, [asked(&one), asked(&two)])
}

#[test]
fn the_first_service_that_can_wraps() {
    let secret = SecretBytes::new(vec![1; 32]);
    let to = [recipient("aws_kms", "a"), recipient("vault", "b")];
    let wrap = |ring: &Keyring<'_>| ring.wrap(&to, &secret, &WrapContext::UNBOUND);
    let (stanzas, [one, two]) = with_services(true, wrap);
    assert_eq!(stanzas.unwrap()[1].wrapped, [1; 32]);
    assert_eq!((one, two), (vec!["a".to_owned(), "b".to_owned()], vec!["b".to_owned()]));
}

#[cfg(feature = "age")]
#[test]
fn the_keys_at_hand_come_first() {
    let identity = age::x25519::Identity::generate();
    let id = identity.to_public().to_string();
    let secret = SecretBytes::new(vec![1; 32]);
    let wrap = |ring: &Keyring<'_>| ring.wrap(&[recipient("age", &id)], &secret, &WrapContext::UNBOUND);
    let (stanzas, [one, two]) = with_services(true, wrap);
    assert!(stanzas.is_ok() && one.is_empty() && two.is_empty());
    let (error, [one, two]) = with_services(false, wrap);
    let KeyError::Service { reasons, .. } = error.unwrap_err() else { panic!("another error") };
    assert_eq!(
        reasons,
        ["key service one: cannot connect: nobody there", "key service two: cannot connect: nobody there"]
    );
    assert_eq!((one.len(), two.len()), (1, 1));
}

#[test]
fn each_key_is_tried_with_each_service() {
    let stanzas = [stanza("gcp_kms", "x"), stanza("pgp", "b")];
    let (opened, [one, two]) = with_services(false, |ring| {
        ring.unwrap(&stanzas, &WrapContext::UNBOUND).map_err(|it| it.to_string())
    });
    assert_eq!(opened, Ok((1, SecretBytes::new(vec![7; 32]))));
    assert_eq!((one.join(" "), two.join(" ")), ("x b".to_owned(), "x b".to_owned()));
}

#[test]
fn reasons_name_every_service() {
    let stanzas = [stanza("hckms", "x")];
    let (failed, _) = with_services(true, |ring| ring.unwrap(&stanzas, &WrapContext::UNBOUND).unwrap_err());
    assert_eq!(
        failed.attempts[0].why,
        "unknown key type `hckms`; key service one: cannot connect: nobody there; \
         key service two: cannot connect: nobody there"
    );
}

#[test]
fn wraps_that_are_bound_to_a_file_are_no_business_of_services() {
    let bound = WrapContext { fid: [1; 16], epoch: 1 };
    let stanzas = [stanza("aws_kms", "a")];
    let (failed, asked) = with_services(true, |ring| ring.unwrap(&stanzas, &bound).unwrap_err());
    assert!(failed.attempts[0].why.contains("bound to the file"), "{}", failed.attempts[0]);
    let secret = SecretBytes::new(vec![1; 32]);
    let (error, more) = with_services(false, |ring| ring.wrap(&[recipient("age", "a")], &secret, &bound));
    assert!(error.unwrap_err().to_string().contains("bound to the file"));
    assert_eq!([asked, more].concat().concat(), Vec::<String>::new());
}

#[test]
fn without_keys_and_services_nothing_opens() {
    let environment = Environment::default();
    let mut run = Run::new(&environment, &NoPrompt);
    run.local = false;
    let failed = Keyring::new(&run).unwrap(&[stanza("age", "x")], &WrapContext::UNBOUND).unwrap_err();
    assert_eq!(failed.attempts[0].why, "your own keys are turned off, and no key service is named");
}

#[test]
fn break_glass_keys_go_to_nobody_unasked() {
    let mut glass = stanza("hckms", "a");
    glass.recipient.break_glass = true;
    let (failed, asked) =
        with_services(true, |ring| ring.unwrap(&[glass], &WrapContext::UNBOUND).unwrap_err());
    assert_eq!(failed.attempts[0].why, "unknown key type `hckms`");
    assert_eq!(asked.concat(), Vec::<String>::new());
}
