//! PGP keys, through the user's own `gpg`: keyrings, gpg-agent and smart cards are what they are there.
//!
//! A wrap is a binary PGP message for exactly one key. [`parse`](KeyBackend::parse) takes whole fingerprints only.
//! SOPS files and `.sops.yaml` may have long key ids of 16 digits; wrapping for one works where gpg knows exactly one
//! such key. Everything else never gets as far as gpg.
//!
//! Gpg is started only where something is to be wrapped, or a wrap has to be opened that looks like one and gpg has
//! keys at all. What it prints and how long it takes is limited. Whether it may ask the user, through its pinentry, is
//! the [`Prompt`](super::Prompt)'s to say.
//!
//! Where there is no gpg, or gpg has no such key, the files of keys that the user names are used, without any program.

mod files;
mod id;
mod listing;
mod message;
mod process;
mod program;
mod status;
mod usable;

use std::collections::HashMap;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{KeyBackend, KeyError, KeyRef, Pending, Run, Stanza, Unwrapped, WRAP_LIMIT, WrapContext};
use crate::secret::SecretBytes;
use id::Id;
use listing::Usable;
use message::Message;
use process::{Ended, Limits};
use program::Gpg;
use status::Closed;

/// The PGP backend.
#[derive(Debug, Clone, Copy)]
pub struct Pgp;

impl KeyBackend for Pgp {
    fn name(&self) -> &'static str {
        KIND
    }

    fn is_local(&self) -> bool {
        true
    }

    /// Only gpg's agent knows whether it would ask.
    fn may_ask(&self, _stanza: &Stanza, _run: &Run<'_>) -> bool {
        true
    }

    fn parse(&self, id: &str) -> Result<String, KeyError> {
        Id::fingerprint(id).map(|id| id.to_string())
    }

    fn parse_of_sops(&self, id: &str) -> Result<String, KeyError> {
        Id::of_sops(id).map(|id| id.to_string())
    }

    fn wrap<'a>(
        &'a self,
        key: &'a KeyRef,
        secret: &'a SecretBytes,
        _context: &'a WrapContext,
        run: &'a Run<'a>,
    ) -> Pending<'a, Result<Vec<u8>, KeyError>> {
        Box::pin(async move {
            let id = Id::of_sops(&key.id)?;
            wrap(&id, secret, run).map_err(|reason| KeyError::Failed {
                kind: KIND,
                id: id.to_string(),
                reason,
            })
        })
    }

    fn unwrap<'a>(
        &'a self,
        stanza: &'a Stanza,
        _context: &'a WrapContext,
        run: &'a Run<'a>,
    ) -> Pending<'a, Unwrapped> {
        Box::pin(async move {
            let id = match Id::of_sops(&stanza.recipient.key.id) {
                Ok(id) => id,
                Err(error) => return Unwrapped::NotMine(error.to_string()),
            };
            match unwrap(&id, &stanza.wrapped, run) {
                Answer::Opened(secret) => Unwrapped::Opened(secret),
                Answer::NotMine(why) => Unwrapped::NotMine(why),
                Answer::Locked(reason) | Answer::Failed(reason) => {
                    Unwrapped::Failed(KeyError::Failed { kind: KIND, id: id.to_string(), reason })
                }
            }
        })
    }
}

enum Answer {
    Opened(SecretBytes),
    NotMine(String),
    Locked(String),
    Failed(String),
}

/// What one run of the program knows about gpg.
struct Shared {
    gpg: Result<Gpg, String>,
    keys: Mutex<HashMap<Id, Result<Usable, String>>>,
    /// By the keys that wraps are for.
    opened: Mutex<HashMap<Vec<u64>, Known>>,
}

/// What came of earlier wraps for a key.
#[derive(Clone)]
enum Known {
    Opens,
    Locked(String),
    NotMine(String),
}

impl Shared {
    fn of(run: &Run<'_>) -> Arc<Self> {
        run.shared(KIND, || Self { gpg: Gpg::find(run), keys: Mutex::default(), opened: Mutex::default() })
    }

    fn gpg(&self) -> Result<&Gpg, String> {
        self.gpg.as_ref().map_err(Clone::clone)
    }

    /// The key in gpg's keyring; looked up once in a run.
    fn key(&self, id: &Id) -> Result<Usable, String> {
        let gpg = self.gpg()?;
        let mut keys = lock(&self.keys);
        if let Some(known) = keys.get(id) {
            return known.clone();
        }
        let found = list(gpg, id);
        keys.insert(id.clone(), found.clone());
        found
    }
}

fn list(gpg: &Gpg, id: &Id) -> Result<Usable, String> {
    let mut command = gpg.command();
    command.args(["--with-colons", "--fixed-list-mode", "--with-subkey-fingerprint", "--list-keys", "--"]);
    command.arg(&id.digits);
    let limits = Limits { output: LISTING_LIMIT, time: gpg.time };
    let ended = call(gpg, &mut command, &SecretBytes::default(), limits)?;
    // Gpg fails where it has no such key, which an empty listing says too.
    let listing = String::from_utf8_lossy(ended.output.expose());
    listing::find(&listing, id, &gpg.home().display().to_string())
}

fn wrap(id: &Id, secret: &SecretBytes, run: &Run<'_>) -> Result<Vec<u8>, String> {
    if secret.expose().len() > SECRET_LIMIT {
        return Err(format!("more than {SECRET_LIMIT} bytes are no data key"));
    }
    let shared = Shared::of(run);
    match shared.key(id) {
        Ok(key) => wrap_by_gpg(shared.gpg()?, &key, secret),
        Err(why) => files::wrap(id, secret, run, &why),
    }
}

fn wrap_by_gpg(gpg: &Gpg, key: &Usable, secret: &SecretBytes) -> Result<Vec<u8>, String> {
    let mut command = gpg.command();
    command.args(WRAP).arg(key.id.to_string()).arg("--encrypt");
    let ended = call(gpg, &mut command, secret, Limits { output: WRAP_LIMIT, time: gpg.time })?;
    let wrapped = ended.output.expose();
    if !ended.status.success() {
        return Err(format!("gpg did not wrap for it ({})", status::said(&messages(&ended))));
    }
    let message =
        Message::read(wrapped).map_err(|_| format!("`{}` gave no PGP message", gpg.program().display()))?;
    match message.keys.as_slice() {
        [only] if key.encrypts.contains(only) => Ok(wrapped.to_vec()),
        _ => Err("gpg wrapped for other keys than this one: look for what adds them in gpg.conf".to_owned()),
    }
}

fn unwrap(id: &Id, wrapped: &[u8], run: &Run<'_>) -> Answer {
    if wrapped.len() > WRAP_LIMIT {
        return Answer::Failed(format!("the wrap is larger than {WRAP_LIMIT} bytes"));
    }
    let message = match Message::read(wrapped) {
        Ok(message) => message,
        Err(why) => return Answer::Failed(why.to_owned()),
    };
    let by_gpg = unwrap_by_gpg(id, &message, wrapped, run);
    if matches!(by_gpg, Answer::Opened(_)) {
        return by_gpg;
    }
    match (files::unwrap(&message, wrapped, run), by_gpg) {
        (Some(Answer::NotMine(why)), Answer::NotMine(first)) => Answer::NotMine(format!("{first}; {why}")),
        (None | Some(Answer::NotMine(_)), by_gpg) => by_gpg,
        (Some(by_file), _) => by_file,
    }
}

fn unwrap_by_gpg(id: &Id, message: &Message, wrapped: &[u8], run: &Run<'_>) -> Answer {
    if !program::has_keys(run.environment) {
        return Answer::NotMine("gpg has no keys here".to_owned());
    }
    let shared = Shared::of(run);
    let gpg = match shared.gpg() {
        Ok(gpg) => gpg,
        Err(why) => return Answer::NotMine(why),
    };
    // Held while the user may be asked: two threads never ask at once, and one answer serves both.
    let mut opened = lock(&shared.opened);
    match opened.get(&message.keys).cloned() {
        Some(Known::Locked(why)) => Answer::Locked(why),
        Some(Known::NotMine(why)) => Answer::NotMine(why),
        Some(Known::Opens) => {
            drop(opened);
            decrypt(gpg, id, message, wrapped, run)
        }
        None => {
            let answer = decrypt(gpg, id, message, wrapped, run);
            let known = match &answer {
                Answer::Opened(_) => Known::Opens,
                Answer::Locked(why) => Known::Locked(why.clone()),
                Answer::NotMine(why) if !message.is_hidden() => Known::NotMine(why.clone()),
                Answer::NotMine(_) | Answer::Failed(_) => return answer,
            };
            opened.insert(message.keys.clone(), known);
            answer
        }
    }
}

fn decrypt(gpg: &Gpg, id: &Id, message: &Message, wrapped: &[u8], run: &Run<'_>) -> Answer {
    let may_ask = run.prompt.may_programs_ask();
    let mut command = gpg.command();
    command.arg(format!("--max-output={SECRET_LIMIT}"));
    if message.is_hidden() {
        // The right one first: gpg goes on with the others, and may ask for the passphrase of each.
        command.arg(format!("--try-secret-key={}", id.digits));
    }
    if may_ask {
        command.args(program::language(run.environment));
    } else {
        command.arg("--pinentry-mode=error");
    }
    command.arg("--decrypt");
    let time = if may_ask { gpg.patience } else { gpg.time };
    let input = SecretBytes::new(wrapped.to_vec());
    let limits = Limits { output: SECRET_LIMIT, time };
    let ended = process::run(&mut command, &input, limits, |start| run.prompt.program_starts(start));
    let ended = match ended {
        Ok(ended) => ended,
        Err(why) => return Answer::Failed(trouble(gpg, &why)),
    };
    let messages = messages(&ended);
    if ended.status.success() && status::is_decrypted(&messages) {
        return match ended.output.expose() {
            [] => Answer::Failed(format!("`{}` gave nothing", gpg.program().display())),
            _ => Answer::Opened(ended.output),
        };
    }
    match status::why_closed(&messages, may_ask) {
        Closed::NoKey => {
            Answer::NotMine(format!("gpg has no private key for it in `{}`", gpg.home().display()))
        }
        Closed::Locked(why) => Answer::Locked(why),
        Closed::Failed(why) => Answer::Failed(why),
    }
}

/// A call that asks nobody.
fn call(gpg: &Gpg, command: &mut Command, input: &SecretBytes, limits: Limits) -> Result<Ended, String> {
    process::run(command, input, limits, |start| {
        start();
        None
    })
    .map_err(|why| trouble(gpg, &why))
}

fn trouble(gpg: &Gpg, why: &str) -> String {
    format!("`{}`: {why}", gpg.program().display())
}

fn messages(ended: &Ended) -> String {
    String::from_utf8_lossy(ended.messages.expose()).into_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const KIND: &str = "pgp";

/// Largest data key, share, or what else is wrapped, in bytes.
const SECRET_LIMIT: usize = 256;

/// Largest listing of one key: somebody may have thousands of signatures, which are not listed, and many names.
const LISTING_LIMIT: usize = 1 << 20;

/// For this key alone, whatever gpg.conf says, in a binary message of a length that tells nothing.
const WRAP: &[&str] = &[
    "--no-armor",
    "--compress-algo=none",
    "--no-encrypt-to",
    "--no-default-recipient",
    "--no-throw-keyids",
    "--recipient",
];

#[cfg(test)]
mod tests;
