//! Google Cloud KMS: a symmetric key of the service encrypts the wrap's plaintext and decrypts it again.
//!
//! A wrap is the service's ciphertext as it came, the same that SOPS writes; nothing is added as authenticated data, since
//! SOPS adds none. Request and answer carry CRC32C sums, and an answer without them counts as broken. Which identity asks is
//! for the user's environment and settings to say (`credentials`), never for a file; so is the address.
//!
//! Nothing is read, made or connected before the first call.

mod chain;
mod client;
mod credentials;
mod endpoint;
mod failure;
mod file;
mod id;
mod metadata;
mod sum;

use super::network::Network;
use super::{
    Failure, KeyBackend, KeyError, KeyRef, Pending, Run, Stanza, Step, Unwrapped, WRAP_LIMIT, WrapContext,
};
use crate::secret::SecretBytes;
use client::Session;

/// The Google Cloud KMS backend.
#[derive(Debug, Clone, Copy)]
pub struct Gcp;

impl KeyBackend for Gcp {
    fn name(&self) -> &'static str {
        KIND
    }

    fn is_local(&self) -> bool {
        false
    }

    fn parse(&self, id: &str) -> Result<String, KeyError> {
        id::parse(id)
    }

    fn wrap<'a>(
        &'a self,
        key: &'a KeyRef,
        secret: &'a SecretBytes,
        _context: &'a WrapContext,
        run: &'a Run<'a>,
    ) -> Pending<'a, Result<Vec<u8>, KeyError>> {
        Box::pin(async move {
            let id = usable(key)?;
            let network = Network::of(run).map_err(|failure| remote(&id, failure))?;
            let wrapped = Session::of(run).encrypt(&network, &id, secret).await;
            wrapped.map_err(|failure| remote(&id, failure))
        })
    }

    fn identity<'a>(&'a self, _key: &'a KeyRef, run: &'a Run<'a>) -> Pending<'a, Vec<Step>> {
        Box::pin(async move {
            let Ok(network) = Network::of(run) else { return Vec::new() };
            Session::of(run).identity(&network).await
        })
    }

    fn unwrap<'a>(
        &'a self,
        stanza: &'a Stanza,
        _context: &'a WrapContext,
        run: &'a Run<'a>,
    ) -> Pending<'a, Unwrapped> {
        Box::pin(async move {
            let id = match usable(&stanza.recipient.key) {
                Ok(id) => id,
                Err(error) => return Unwrapped::NotMine(error.to_string()),
            };
            if stanza.wrapped.is_empty() || stanza.wrapped.len() > WRAP_LIMIT {
                return Unwrapped::NotMine("not a ciphertext of Cloud KMS".to_owned());
            }
            let network = match Network::of(run) {
                Ok(network) => network,
                Err(failure) => return Unwrapped::Failed(remote(&id, failure)),
            };
            match Session::of(run).decrypt(&network, &id, &stanza.wrapped).await {
                Ok(secret) => Unwrapped::Opened(secret),
                Err(failure) => Unwrapped::Failed(remote(&id, failure)),
            }
        })
    }
}

/// The identifier, if the key is one that the service has.
fn usable(key: &KeyRef) -> Result<String, KeyError> {
    if !key.context.is_empty() {
        let reason = "a key of Cloud KMS has no encryption context".to_owned();
        return Err(KeyError::Refused { kind: KIND, id: key.id.clone(), reason });
    }
    id::parse(&key.id)
}

fn remote(id: &str, failure: Failure) -> KeyError {
    KeyError::Remote { kind: KIND, id: id.to_owned(), failure: Box::new(failure) }
}

/// The key type.
const KIND: &str = "gcp_kms";
