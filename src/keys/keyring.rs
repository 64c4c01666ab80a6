//! Wraps for all recipients, unwraps with whichever key the user has.

use std::fmt;

use super::runtime::{block_on, join_all};
use super::{KeyBackend, KeyError, Recipient, Run, Stanza, Unwrapped, WrapContext, backend};
use crate::secret::SecretBytes;

/// The face of the module: the blocking functions, and the same as futures for callers with a runtime of their own.
#[derive(Debug, Clone, Copy)]
pub struct Keyring<'a> {
    run: &'a Run<'a>,
}

/// One recipient that could not open the file, and why. `Display` gives one line for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Who.
    pub recipient: Recipient,
    /// Why not.
    pub why: String,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.recipient.label(), self.why)
    }
}

/// No key of this user opens the file. `Display` gives the first line; each of `attempts` can follow as one more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", summary(attempts.len(), *failed))]
pub struct UnwrapError {
    /// Every recipient of the file, in its order.
    pub attempts: Vec<Attempt>,
    /// Whether some key did fit and failed.
    pub failed: bool,
}

impl<'a> Keyring<'a> {
    /// A keyring over one run.
    #[must_use]
    pub fn new(run: &'a Run<'a>) -> Self {
        Self { run }
    }

    /// Wraps `secret` for every recipient, all at once; the stanzas come in the recipients' order.
    ///
    /// # Errors
    /// The [`KeyError`] of the first recipient in order that failed; there are no stanzas then.
    pub fn wrap(
        &self,
        recipients: &[Recipient],
        secret: &SecretBytes,
        context: &WrapContext,
    ) -> Result<Vec<Stanza>, KeyError> {
        block_on(self.wrap_async(recipients, secret, context))
    }

    /// [`wrap`](Self::wrap) as a future.
    ///
    /// # Errors
    /// As there.
    pub async fn wrap_async(
        &self,
        recipients: &[Recipient],
        secret: &SecretBytes,
        context: &WrapContext,
    ) -> Result<Vec<Stanza>, KeyError> {
        let mut pending = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            pending.push(backend(&recipient.key.kind)?.wrap(&recipient.key, secret, context, self.run));
        }
        let wraps = join_all(pending).await;
        let stanza = |(recipient, wrapped): (&Recipient, Result<Vec<u8>, KeyError>)| {
            Ok(Stanza { recipient: recipient.clone(), wrapped: wrapped? })
        };
        recipients.iter().zip(wraps).map(stanza).collect()
    }

    /// Opens the first of `stanzas` that one of the user's keys fits: those that open in silence, then those that ask
    /// for a passphrase, then those that need a network; within each of these in the file's order. Break-glass keys
    /// are tried only where the run allows it. Gives the stanza's place and what came out; whether
    /// that was wrapped for this file is the caller's to check.
    ///
    /// # Errors
    /// [`UnwrapError`] with every recipient and its reason.
    pub fn unwrap(
        &self,
        stanzas: &[Stanza],
        context: &WrapContext,
    ) -> Result<(usize, SecretBytes), UnwrapError> {
        block_on(self.unwrap_async(stanzas, context))
    }

    /// [`unwrap`](Self::unwrap) as a future.
    ///
    /// # Errors
    /// As there.
    pub async fn unwrap_async(
        &self,
        stanzas: &[Stanza],
        context: &WrapContext,
    ) -> Result<(usize, SecretBytes), UnwrapError> {
        let mut reasons: Vec<Option<String>> = vec![None; stanzas.len()];
        let mut failed = false;
        for effort in [Effort::Silent, Effort::Question, Effort::Network] {
            let untried = |(_, (_, reason)): &(usize, (&Stanza, &mut Option<String>))| reason.is_none();
            for (place, (stanza, reason)) in stanzas.iter().zip(&mut reasons).enumerate().filter(untried) {
                let backend = match self.usable(stanza) {
                    Ok(backend) => backend,
                    Err(why) => {
                        *reason = Some(why);
                        continue;
                    }
                };
                if effort < self.effort(effort, backend, stanza) {
                    continue;
                }
                match backend.unwrap(stanza, context, self.run).await {
                    Unwrapped::Opened(secret) => return Ok((place, secret)),
                    Unwrapped::NotMine(why) => *reason = Some(why),
                    Unwrapped::Failed(error) => {
                        failed = true;
                        *reason = Some(without_key(error));
                    }
                }
            }
        }
        let attempt = |(stanza, why): (&Stanza, Option<String>)| Attempt {
            recipient: stanza.recipient.clone(),
            why: why.unwrap_or_default(),
        };
        Err(UnwrapError { attempts: stanzas.iter().zip(reasons).map(attempt).collect(), failed })
    }

    /// The backend for a stanza, or why it is not tried.
    fn usable(&self, stanza: &Stanza) -> Result<&'static dyn KeyBackend, String> {
        let backend = backend(&stanza.recipient.key.kind).map_err(|error| error.to_string())?;
        if stanza.recipient.break_glass && !self.run.break_glass {
            return Err("break-glass key, not asked for".to_owned());
        }
        Ok(backend)
    }

    /// What trying a stanza takes, as far as it matters in a round that allows `allowed`: whether the user would be
    /// asked is found out only where it must not happen yet.
    fn effort(&self, allowed: Effort, backend: &dyn KeyBackend, stanza: &Stanza) -> Effort {
        match allowed {
            _ if !backend.is_local() => Effort::Network,
            Effort::Silent if backend.may_ask(stanza, self.run) => Effort::Question,
            _ => Effort::Silent,
        }
    }
}

/// What trying a stanza takes, the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Effort {
    Silent,
    Question,
    Network,
}

/// An error's text for a list that names the key already.
fn without_key(error: KeyError) -> String {
    match error {
        KeyError::Failed { reason, .. } => reason,
        other => other.to_string(),
    }
}

fn summary(recipients: usize, failed: bool) -> String {
    match (recipients, failed) {
        (0, _) => "no usable key: the file has no recipients".to_owned(),
        (1, false) => "no usable key: the file's only recipient is not you".to_owned(),
        (_, false) => format!("no usable key: none of the file's {recipients} recipients is you"),
        (_, true) => "no usable key: one fits, but did not open the file".to_owned(),
    }
}
