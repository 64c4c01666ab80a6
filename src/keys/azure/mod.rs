//! Keys in Azure Key Vault and Managed HSM: RSA-OAEP-256, as SOPS uses them.

mod certificate;
mod chain;
mod cli;
mod entra;
mod id;
mod managed;
#[cfg(test)]
mod tests;
mod told;
mod transport;
mod vault;

use std::sync::Arc;

use super::network::Network;
use super::{
    Cause, Failure, KeyBackend, KeyError, KeyRef, Pending, Run, Stanza, Step, Unwrapped, WRAP_LIMIT,
    WrapContext,
};
use crate::secret::SecretBytes;
use id::Id;
use vault::{Operation, Session, Vault};

/// The backend.
#[derive(Clone, Copy, Debug)]
pub struct Azure;

impl KeyBackend for Azure {
    fn name(&self) -> &'static str {
        KIND
    }

    fn is_local(&self) -> bool {
        false
    }

    fn parse(&self, id: &str) -> Result<String, KeyError> {
        Ok(Id::parse(id)?.text())
    }

    /// As it is: SOPS compares the text, and ends an identifier without a version with a slash.
    fn parse_of_sops(&self, id: &str) -> Result<String, KeyError> {
        Id::parse(id).map(|_| id.to_owned())
    }

    fn wrap<'a>(
        &'a self,
        key: &'a KeyRef,
        secret: &'a SecretBytes,
        context: &'a WrapContext,
        run: &'a Run<'a>,
    ) -> Pending<'a, Result<Vec<u8>, KeyError>> {
        Box::pin(async move {
            let id = Id::parse(&key.id)?;
            let wrapped = wrap(&id, secret, run).await;
            let (wrapped, version) =
                wrapped.map_err(|failure| remote(key, Operation::Encrypt, &id, failure))?;
            match id.version {
                None if context.is_bound() => Ok(with_version(&version, &wrapped)),
                _ => Ok(wrapped),
            }
        })
    }

    fn resolve<'a>(
        &'a self,
        key: &'a KeyRef,
        run: &'a Run<'a>,
    ) -> Pending<'a, Result<Option<String>, KeyError>> {
        Box::pin(async move {
            let id = Id::parse(&key.id)?;
            if id.version.is_some() {
                return Ok(None);
            }
            let version = current(&id, run).await;
            let version = version.map_err(|failure| remote(key, Operation::Get, &id, failure))?;
            Ok(Some(id.at(Some(version)).text()))
        })
    }

    fn identity<'a>(&'a self, key: &'a KeyRef, run: &'a Run<'a>) -> Pending<'a, Vec<Step>> {
        Box::pin(async move {
            let Ok(id) = Id::parse(&key.id) else { return Vec::new() };
            if allowed(&id, run).is_err() {
                return Vec::new();
            }
            let (Ok(session), Ok(network)) = (Session::of(run), Network::of(run)) else { return Vec::new() };
            let chain = Arc::clone(&session.chain);
            network.run(async move { chain.steps().await }).await.unwrap_or_default()
        })
    }

    fn unwrap<'a>(
        &'a self,
        stanza: &'a Stanza,
        context: &'a WrapContext,
        run: &'a Run<'a>,
    ) -> Pending<'a, Unwrapped> {
        Box::pin(async move {
            let key = &stanza.recipient.key;
            let id = match Id::parse(&key.id) {
                Ok(id) => id,
                Err(error) => return Unwrapped::Failed(error),
            };
            let is_named = id.version.is_some() || !context.is_bound();
            let split = if is_named {
                Some((id.clone(), stanza.wrapped.as_slice()))
            } else {
                version_in(&id, &stanza.wrapped)
            };
            let opened = match split.filter(|(_, wrapped)| (1..=WRAP_LIMIT).contains(&wrapped.len())) {
                Some((id, wrapped)) => unwrap(&id, wrapped, run).await,
                None => Err(Failure::new(Cause::WrongKey, "reading the wrap")
                    .answered("it is none that this key could have made")
                    .hinted("nothing with this key: the file was changed or damaged")),
            };
            match opened {
                Ok(opened) => Unwrapped::Opened(opened),
                Err(failure) => Unwrapped::Failed(remote(key, Operation::Decrypt, &id, failure)),
            }
        })
    }
}

async fn wrap(id: &Id, secret: &SecretBytes, run: &Run<'_>) -> Result<(Vec<u8>, String), Failure> {
    if !(1..=PLAIN_LIMIT).contains(&secret.expose().len()) {
        let failure = Failure::new(Cause::Rejected, Operation::Encrypt.call(id));
        return Err(
            failure.hinted(format!("1 to {PLAIN_LIMIT} bytes: an RSA key of 2048 bits holds no more"))
        );
    }
    let (vault, network) = reach(id, run)?;
    let (id, secret) = (id.clone(), secret.clone());
    let attempt = move || {
        let (vault, id, secret) = (Arc::clone(&vault), id.clone(), secret.clone());
        async move { vault.encrypt(&id, &secret).await }
    };
    network.call(KIND, attempt).await
}

async fn unwrap(id: &Id, wrapped: &[u8], run: &Run<'_>) -> Result<SecretBytes, Failure> {
    let (vault, network) = reach(id, run)?;
    let (id, wrapped) = (id.clone(), Arc::new(wrapped.to_vec()));
    let attempt = move || {
        let (vault, id, wrapped) = (Arc::clone(&vault), id.clone(), Arc::clone(&wrapped));
        async move { vault.decrypt(&id, &wrapped).await }
    };
    network.call(KIND, attempt).await
}

async fn current(id: &Id, run: &Run<'_>) -> Result<String, Failure> {
    let (vault, network) = reach(id, run)?;
    let id = id.clone();
    let attempt = move || {
        let (vault, id) = (Arc::clone(&vault), id.clone());
        async move { vault.current(&id).await }
    };
    network.call(KIND, attempt).await
}

/// The vault of a key, if a token may go there. Nothing is made before that is known.
fn reach(id: &Id, run: &Run<'_>) -> Result<(Arc<Vault>, Arc<Network>), Failure> {
    let resources = allowed(id, run)?;
    Ok((Session::of(run)?.vault(id, &resources)?, Network::of(run)?))
}

fn allowed(id: &Id, run: &Run<'_>) -> Result<Vec<&'static str>, Failure> {
    id.resources(&run.settings.azure).ok_or_else(|| {
        Failure::new(Cause::NotAllowed, format!("asking {}", id.vault))
            .answered("not asked: it is no vault of Azure's own domains")
            .hinted(format!(
                "if you trust it with your tokens: `vaults = [\"{}\"]` under `[azure]` in your config.toml",
                id.vault
            ))
    })
}

/// The failure of a key; what ran out of time does not know what it was.
fn remote(key: &KeyRef, operation: Operation, id: &Id, failure: Failure) -> KeyError {
    let call = if failure.call.is_empty() { operation.call(id) } else { failure.call.clone() };
    let hint = failure.hint.clone().or_else(|| Some(format!("is {} reachable from here?", id.vault)));
    KeyError::Remote { kind: KIND, id: key.id.clone(), failure: Box::new(Failure { call, hint, ..failure }) }
}

/// A wrap of a key whose identifier has no version: the version's length in one byte, the version, and the rest.
fn with_version(version: &str, wrapped: &[u8]) -> Vec<u8> {
    let length = u8::try_from(version.len()).unwrap_or_default();
    [&[length], version.as_bytes(), wrapped].concat()
}

/// Takes such a wrap apart.
fn version_in<'w>(id: &Id, wrapped: &'w [u8]) -> Option<(Id, &'w [u8])> {
    let (length, rest) = wrapped.split_first()?;
    let (version, wrapped) = rest.split_at_checked(usize::from(*length))?;
    let version = std::str::from_utf8(version).ok()?;
    // Goes into an address: only what the identifier itself could have held.
    let id = Id::parse(&id.at(Some(version.to_owned())).text()).ok()?;
    id.version.is_some().then_some((id, wrapped))
}

const KIND: &str = "azure_kv";

/// What RSA-OAEP-256 holds with the smallest key that Key Vault has, of 2048 bits: 256 - 2 * 32 - 2 bytes.
const PLAIN_LIMIT: usize = 190;
