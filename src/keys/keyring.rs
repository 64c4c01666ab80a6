//! Wraps for all recipients, unwraps with whichever key the user has.

use std::fmt;

use super::failure::Failure;
use super::runtime::{block_on, join_all};
use super::unwrapping::{Fits, Share, Unwrapping};
use super::{KeyBackend, KeyError, KeyRef, Pending, Recipient, Run, Stanza, WrapContext, backend};
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
    /// The same in parts, where a key service was asked.
    pub failure: Option<Box<Failure>>,
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

    pub(super) const fn run(&self) -> &'a Run<'a> {
        self.run
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
        let all: Vec<(&Recipient, &SecretBytes)> =
            recipients.iter().map(|recipient| (recipient, secret)).collect();
        self.wrap_each(&all, context).await
    }

    /// Wraps for every recipient a secret of its own, all at once; the stanzas come in the same order.
    ///
    /// # Errors
    /// As [`wrap`](Self::wrap).
    pub fn wrap_all(
        &self,
        all: &[(&Recipient, &SecretBytes)],
        context: &WrapContext,
    ) -> Result<Vec<Stanza>, KeyError> {
        block_on(self.wrap_each(all, context))
    }

    async fn wrap_each(
        &self,
        all: &[(&Recipient, &SecretBytes)],
        context: &WrapContext,
    ) -> Result<Vec<Stanza>, KeyError> {
        if self.run.local && self.run.services.is_empty() {
            for (recipient, _) in all {
                backend(&recipient.key.kind)?;
            }
        }
        // Services first: they work while the local ones take this thread.
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|at| all.get(*at).is_none_or(|(recipient, _)| is_local(recipient)));
        let wrap = |at: usize| -> Option<Pending<'_, _>> {
            let (recipient, secret) = all.get(at)?;
            Some(Box::pin(async move { (at, self.wrap_for(recipient, secret, context).await) }))
        };
        let mut wraps = join_all(order.into_iter().filter_map(wrap).collect()).await;
        wraps.sort_by_key(|(at, _)| *at);
        let stanza =
            |((recipient, _), (_, wrapped)): (&(&Recipient, _), (usize, Result<Wrapped, KeyError>))| {
                let (id, wrapped) = wrapped?;
                let mut recipient = (*recipient).clone();
                recipient.key.id = id.unwrap_or(recipient.key.id);
                Ok(Stanza { recipient, wrapped })
            };
        all.iter().zip(wraps).map(stanza).collect()
    }

    /// Opens the first of `stanzas` that one of the user's keys fits: those that open in silence, then those that ask
    /// for a passphrase, then those that need a network, then those that a key service opens; within each of these in
    /// the file's order, and what the user's settings name before all of that. Behind a network the next key is asked
    /// before the one before it has failed, where that takes long; who answers first ends the others. Break-glass keys are
    /// tried only where the run allows it. Gives the stanza's place and what came out; whether that was wrapped for this
    /// file is the caller's to check.
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
        let mut unwrapping =
            Unwrapping::new(self.run, context, stanzas.iter().map(|stanza| (0, stanza)), &always);
        unwrapping.open(1).await;
        unwrapping.first()
    }

    /// Opens that stanza and no other, whether it is for emergencies or not, and keeps no note of it.
    ///
    /// # Errors
    /// [`UnwrapError`] with its reason.
    pub fn unwrap_one(&self, stanza: &Stanza, context: &WrapContext) -> Result<SecretBytes, UnwrapError> {
        let mut stanza = stanza.clone();
        stanza.recipient.break_glass = false;
        self.unwrap(std::slice::from_ref(&stanza), context).map(|(_, opened)| opened)
    }

    /// Opens one stanza in each of `needed` groups, whichever take the least: the group's place, the stanza's place in
    /// it, and what came out. `fits` says whether that is the group's share; another key of the group is tried where it
    /// is not. Fewer than `needed` come back where no more could be opened, with the reasons of the others.
    pub fn unwrap_groups(
        &self,
        groups: &[Vec<Stanza>],
        needed: usize,
        context: &WrapContext,
        fits: Fits<'_>,
    ) -> (Vec<Share>, UnwrapError) {
        let stanzas =
            groups.iter().enumerate().flat_map(|(index, group)| group.iter().map(move |one| (index, one)));
        let mut unwrapping = Unwrapping::new(self.run, context, stanzas, fits);
        block_on(unwrapping.open(needed));
        unwrapping.shares()
    }

    /// Wraps for one recipient: with the key at hand, else with the first key service that does. Gives the key's
    /// identifier too, where it is another one in the file.
    async fn wrap_for(
        &self,
        recipient: &Recipient,
        secret: &SecretBytes,
        context: &WrapContext,
    ) -> Result<Wrapped, KeyError> {
        let key = &recipient.key;
        let mut reasons = Vec::new();
        if self.run.local {
            let wrapped = self.wrap_at_hand(key, secret, context).await;
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
                        Ok(wrapped) => return Ok((None, wrapped)),
                        Err(error) => reasons.push(format!("key service {}: {error}", service.address())),
                    }
                }
            }
        }
        Err(KeyError::Service { kind: key.kind.clone(), id: key.id.clone(), reasons })
    }

    async fn wrap_at_hand(
        &self,
        key: &KeyRef,
        secret: &SecretBytes,
        context: &WrapContext,
    ) -> Result<Wrapped, KeyError> {
        let backend = backend(&key.kind)?;
        // A wrap of sealeaf's own can hold more than what the service gave; one of SOPS cannot.
        let id = if context.is_bound() { None } else { backend.resolve(key, self.run).await? };
        let key = KeyRef { id: id.clone().unwrap_or_else(|| key.id.clone()), ..key.clone() };
        Ok((id, backend.wrap(&key, secret, context, self.run).await?))
    }
}

/// The identifier that stands in the file, if it is not the key's own, and the wrapped bytes.
type Wrapped = (Option<String>, Vec<u8>);

fn is_local(recipient: &Recipient) -> bool {
    backend(&recipient.key.kind).map_or(true, KeyBackend::is_local)
}

/// An error's text for a list that names the key already.
pub(super) fn without_key(error: KeyError) -> String {
    match error {
        KeyError::Remote { failure, .. } => failure.to_string(),
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

fn always(_group: usize, _opened: &SecretBytes) -> Result<(), String> {
    Ok(())
}

pub(super) const NO_SERVICE: &str = "your own keys are turned off, and no key service is named";
pub(super) const BOUND: &str =
    "a key service is of no use here: the wrap is bound to the file, which services know nothing of";
