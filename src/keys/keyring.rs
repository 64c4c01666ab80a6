//! Wraps for all recipients, unwraps with whichever key the user has.

use std::fmt;

use super::runtime::{block_on, join_all};
use super::{KeyBackend, KeyError, Pending, Recipient, Run, Stanza, Unwrapped, WrapContext, backend};
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
        if self.run.local && self.run.services.is_empty() {
            for recipient in recipients {
                backend(&recipient.key.kind)?;
            }
        }
        let wrap = |recipient| -> Pending<'_, _> { Box::pin(self.wrap_for(recipient, secret, context)) };
        let wraps = join_all(recipients.iter().map(wrap).collect()).await;
        let stanza = |(recipient, wrapped): (&Recipient, Result<Vec<u8>, KeyError>)| {
            Ok(Stanza { recipient: recipient.clone(), wrapped: wrapped? })
        };
        recipients.iter().zip(wraps).map(stanza).collect()
    }

    /// Opens the first of `stanzas` that one of the user's keys fits: those that open in silence, then those that ask
    /// for a passphrase, then those that need a network, then those that a key service opens; within each of these in
    /// the file's order. Break-glass keys are tried only where the run allows it. Gives the stanza's place and what came out; whether
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
        for effort in EFFORTS.iter().copied().filter(|_| self.run.local) {
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
        if let Some(opened) = self.ask_services(stanzas, context, &mut reasons).await {
            return Ok(opened);
        }
        let attempt = |(stanza, why): (&Stanza, Option<String>)| Attempt {
            recipient: stanza.recipient.clone(),
            why: why.unwrap_or_default(),
        };
        Err(UnwrapError { attempts: stanzas.iter().zip(reasons).map(attempt).collect(), failed })
    }

    /// Wraps for one recipient: with the key at hand, else with the first key service that does.
    async fn wrap_for(
        &self,
        recipient: &Recipient,
        secret: &SecretBytes,
        context: &WrapContext,
    ) -> Result<Vec<u8>, KeyError> {
        let key = &recipient.key;
        let mut reasons = Vec::new();
        if self.run.local {
            let wrapped = match backend(&key.kind) {
                Ok(backend) => backend.wrap(key, secret, context, self.run).await,
                Err(error) => Err(error),
            };
            match wrapped {
                Err(error) if !self.run.services.is_empty() => reasons.push(without_key(error)),
                wrapped => return wrapped,
            }
        }
        match self.run.services.as_slice() {
            [] => reasons.push(NO_SERVICE.to_owned()),
            _ if context.is_bound() => reasons.push(BOUND.to_owned()),
            services => {
                for service in services {
                    match service.wrap(key, secret).await {
                        Ok(wrapped) => return Ok(wrapped),
                        Err(error) => reasons.push(format!("key service {}: {error}", service.address())),
                    }
                }
            }
        }
        Err(KeyError::Service { kind: key.kind.clone(), id: key.id.clone(), reasons })
    }

    /// Has each stanza tried by each key service, and adds to the reasons why not.
    async fn ask_services(
        &self,
        stanzas: &[Stanza],
        context: &WrapContext,
        reasons: &mut [Option<String>],
    ) -> Option<(usize, SecretBytes)> {
        let services = self.run.services.as_slice();
        let useless = match services {
            [] if self.run.local => return None,
            [] => Some(NO_SERVICE),
            _ if context.is_bound() => Some(BOUND),
            _ => None,
        };
        for (place, (stanza, reason)) in stanzas.iter().zip(reasons).enumerate() {
            if stanza.recipient.break_glass && !self.run.break_glass {
                reason.get_or_insert_with(|| BREAK_GLASS.to_owned());
                continue;
            }
            let mut failures: Vec<String> = reason.take().into_iter().collect();
            match useless {
                Some(why) => failures.push(why.to_owned()),
                None => {
                    for service in services {
                        match service.unwrap(&stanza.recipient.key, &stanza.wrapped).await {
                            Ok(secret) => return Some((place, secret)),
                            Err(error) => {
                                failures.push(format!("key service {}: {error}", service.address()));
                            }
                        }
                    }
                }
            }
            *reason = Some(failures.join("; "));
        }
        None
    }

    /// The backend for a stanza, or why it is not tried.
    fn usable(&self, stanza: &Stanza) -> Result<&'static dyn KeyBackend, String> {
        let backend = backend(&stanza.recipient.key.kind).map_err(|error| error.to_string())?;
        if stanza.recipient.break_glass && !self.run.break_glass {
            return Err(BREAK_GLASS.to_owned());
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

const EFFORTS: [Effort; 3] = [Effort::Silent, Effort::Question, Effort::Network];

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

const BREAK_GLASS: &str = "break-glass key, not asked for";
const NO_SERVICE: &str = "your own keys are turned off, and no key service is named";
const BOUND: &str =
    "a key service is of no use here: the wrap is bound to the file, which services know nothing of";
