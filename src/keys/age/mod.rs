//! age: X25519 keys, post-quantum keys, ssh keys of the types ed25519 and rsa, and plugins. Everything is local; no program is
//! started for a key that a file names, but for a plugin that the user's own settings allow.
//!
//! A wrap is a binary age file for exactly one recipient. Identities are looked for in the places that
//! `docs/keys/age.md` lists, in that order, each once in a run and only as far as needed; passphrases are asked for
//! after everything that opens in silence.
//!
//! Unwrapping with ssh-rsa keys goes through an implementation whose timing may tell about the key to somebody who
//! can measure many decryptions (RUSTSEC-2023-0071). Here it is a local program that a user starts, so the
//! measurement is not there to be had; a service that decrypts on request should use another key type.

mod command;
mod hybrid;
mod identity;
mod passphrase;
mod plugin;
mod recipient;
mod source;
mod wallet;
mod weak;

use std::path::PathBuf;
use std::sync::Arc;

use ::age::{DecryptError, Decryptor};

use super::{
    Environment, KeyBackend, KeyError, KeyRef, Pending, Run, Stanza, Unwrapped, WRAP_LIMIT, WrapContext,
};
use crate::keys::limited::read_limited;
use crate::secret::{RandomError, SecretBytes, SecretString, SecretText, fill_random};
use identity::Contents;
use recipient::Recipient;
use wallet::{Search, Wallet};

/// The age backend.
#[derive(Debug, Clone, Copy)]
pub struct Age;

impl KeyBackend for Age {
    fn name(&self) -> &'static str {
        KIND
    }

    fn is_local(&self) -> bool {
        true
    }

    fn may_ask(&self, stanza: &Stanza, run: &Run<'_>) -> bool {
        self.parse(&stanza.recipient.key.id)
            .is_ok_and(|id| Wallet::with(run, |wallet| wallet.may_ask(&id, run)))
    }

    fn parse(&self, id: &str) -> Result<String, KeyError> {
        Recipient::parse(id).map(|recipient| recipient.to_string())
    }

    fn wrap<'a>(
        &'a self,
        key: &'a KeyRef,
        secret: &'a SecretBytes,
        _context: &'a WrapContext,
        run: &'a Run<'a>,
    ) -> Pending<'a, Result<Vec<u8>, KeyError>> {
        Box::pin(async move { wrap(&key.id, secret, run) })
    }

    fn unwrap<'a>(
        &'a self,
        stanza: &'a Stanza,
        _context: &'a WrapContext,
        run: &'a Run<'a>,
    ) -> Pending<'a, Unwrapped> {
        Box::pin(async move { unwrap(stanza, run) })
    }
}

/// A new identity.
#[derive(Debug)]
pub struct NewIdentity {
    /// The lines for an identity file, in the form of `age-keygen`.
    pub text: SecretText,
    /// The public half.
    pub recipient: String,
}

/// Draws a new X25519 identity; `created` is the time as its comment should give it (RFC 3339).
///
/// # Errors
/// [`RandomError`] where the operating system gives no random bytes.
pub fn generate(created: &str) -> Result<NewIdentity, RandomError> {
    probe_random()?;
    Ok(new_identity(identity::generate(), created))
}

/// Draws a new post-quantum identity, of the type `mlkem768x25519`; else as [`generate`].
///
/// # Errors
/// [`RandomError`] where the operating system gives no random bytes.
pub fn generate_post_quantum(created: &str) -> Result<NewIdentity, RandomError> {
    Ok(new_identity(identity::generate_hybrid()?, created))
}

fn new_identity((line, recipient): (SecretText, String), created: &str) -> NewIdentity {
    let created: String = created.chars().filter(|character| !character.is_control()).collect();
    let mut text = SecretString::new(String::with_capacity(256 + recipient.len()));
    for part in ["# created: ", &created, "\n# public key: ", &recipient, "\n", line.as_str(), "\n"] {
        text.push_str(part);
    }
    NewIdentity { text: text.into(), recipient }
}

/// The public halves of the identities that a text holds, in order; of a text under a passphrase, none.
#[must_use]
pub fn recipients_of(text: &str) -> Vec<String> {
    let contents = Contents::read(&Arc::from(""), text.as_bytes());
    contents.identities.into_iter().filter_map(|identity| identity.public).collect()
}

/// The user's own identity file, whether it exists or not: `$XDG_CONFIG_HOME/sealeaf/keys.txt`.
#[must_use]
pub fn own_file(environment: &Environment) -> Option<PathBuf> {
    source::own_file(environment)
}

/// The public halves of the user's identities, each after the place where it was found. Asks nothing and starts
/// nothing; [`unread_places`] names what was left out for that reason.
#[must_use]
pub fn own_recipients(run: &Run<'_>) -> Vec<(String, String)> {
    Wallet::with(run, |wallet| wallet.publics(run))
}

/// The places that may hold further identities: files under a passphrase, and commands.
#[must_use]
pub fn unread_places(run: &Run<'_>) -> Vec<String> {
    Wallet::with(run, |wallet| {
        wallet.publics(run);
        wallet.unread()
    })
}

/// Advice on the places that this run has read so far, such as a file of private keys that others can read.
#[must_use]
pub fn warnings(run: &Run<'_>) -> Vec<String> {
    Wallet::with(run, |wallet| wallet.warnings.clone())
}

fn wrap(id: &str, secret: &SecretBytes, run: &Run<'_>) -> Result<Vec<u8>, KeyError> {
    let recipient = Recipient::parse(id)?;
    let failed = |reason: String| KeyError::Failed { kind: KIND, id: recipient.shown(), reason };
    let key = recipient.as_age(run)?;
    probe_random().map_err(|error| failed(error.to_string()))?;
    let write = || -> Result<Vec<u8>, ::age::EncryptError> {
        let encryptor = ::age::Encryptor::with_recipients(std::iter::once(&*key))?;
        let mut wrapped = Vec::new();
        let mut writer = encryptor.wrap_output(&mut wrapped)?;
        std::io::Write::write_all(&mut writer, secret.expose())?;
        writer.finish()?;
        Ok(wrapped)
    };
    let wrapped = write().map_err(|error| match error {
        // What a plugin said; nothing else here reads or writes.
        ::age::EncryptError::Io(error) => failed(error.to_string()),
        _ => failed("wrapping failed".to_owned()),
    })?;
    if wrapped.len() > WRAP_LIMIT {
        return Err(failed(format!("the wrap is larger than {WRAP_LIMIT} bytes")));
    }
    Ok(wrapped)
}

fn unwrap(stanza: &Stanza, run: &Run<'_>) -> Unwrapped {
    let recipient = match Recipient::parse(&stanza.recipient.key.id) {
        Ok(recipient) => recipient,
        Err(error) => return Unwrapped::NotMine(error.to_string()),
    };
    let id = recipient.to_string();
    let failed =
        |reason: String| Unwrapped::Failed(KeyError::Failed { kind: KIND, id: recipient.shown(), reason });
    if stanza.wrapped.len() > WRAP_LIMIT {
        return failed(format!("the wrap is larger than {WRAP_LIMIT} bytes"));
    }
    let open = |identity: &dyn ::age::Identity| open(&stanza.wrapped, identity);
    match Wallet::with(run, |wallet| (wallet.search(&id, run, &open), wallet.summary())) {
        (Search::Opened(secret), _) => Unwrapped::Opened(secret),
        (Search::Failed(place, why), _) => failed(format!("the identity in {place} fits, but {why}")),
        (Search::Missing, summary) => Unwrapped::NotMine(format!("no identity for it; {summary}")),
    }
}

fn open(wrapped: &[u8], identity: &dyn ::age::Identity) -> Result<SecretBytes, String> {
    let opened = Decryptor::new_buffered(wrapped).and_then(|decryptor| {
        let reader = decryptor.decrypt(std::iter::once(identity))?;
        Ok(read_limited(reader, WRAP_LIMIT)?)
    });
    match opened {
        Ok(Some(secret)) => Ok(secret),
        Ok(None) => Err("the wrap holds too much".to_owned()),
        Err(DecryptError::DecryptionFailed | DecryptError::NoMatchingKeys) => {
            Err("the wrap was made for another key, or is damaged".to_owned())
        }
        Err(_) => Err("the wrap is damaged".to_owned()),
    }
}

/// Finds out whether random bytes can be had, because the age library would end the program where they cannot.
fn probe_random() -> Result<(), RandomError> {
    fill_random(&mut [0; 1])
}

const KIND: &str = "age";

#[cfg(test)]
mod tests;
