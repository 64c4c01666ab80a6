//! Vaults, their clients, and the calls to them.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_security_keyvault_keys::models::{
    EncryptionAlgorithm, KeyClientEncryptOptions, KeyOperationParameters, KeyOperationResult,
};
use azure_security_keyvault_keys::{KeyClient, KeyClientOptions};

use super::chain::Chain;
use super::id::Id;
use super::told::{Told, told};
use super::transport::{MALFORMED, Said, Transport};
use super::{PLAIN_LIMIT, entra};
use crate::keys::{Cause, Failure, Run, WRAP_LIMIT};
use crate::secret::SecretBytes;

/// What a run's calls share: one login, one client for each vault.
pub(super) struct Session {
    pub(super) chain: Arc<Chain>,
    transport: Transport,
    vaults: Mutex<HashMap<String, Arc<Vault>>>,
}

impl Session {
    /// The one of this run, made now if it is the first call.
    pub(super) fn of(run: &Run<'_>) -> Result<Arc<Self>, Failure> {
        let made = run.shared("azure", || Self::new(run).map(Arc::new));
        (*made).clone()
    }

    fn new(run: &Run<'_>) -> Result<Self, Failure> {
        let (transport, machine) = (Transport::new()?, Transport::to_this_machine()?);
        let chain = Chain::new(run.environment, &run.settings.azure, transport.clone(), machine);
        Ok(Self { chain: Arc::new(chain), transport, vaults: Mutex::default() })
    }

    /// The vault of a key.
    pub(super) fn vault(&self, id: &Id, resources: &[&'static str]) -> Result<Arc<Vault>, Failure> {
        let mut vaults = self.vaults.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vault) = vaults.get(&id.vault) {
            return Ok(Arc::clone(vault));
        }
        let chain = Arc::clone(&self.chain);
        let credential = Credential { chain, vault: id.vault.clone(), resources: resources.to_vec() };
        let mut options = KeyClientOptions::default();
        options.client_options = entra::options(&self.transport);
        // The credential looks closer: it takes whole names only, and knows the vaults that the user vouches for.
        options.verify_challenge_resource = Some(false);
        let client = KeyClient::new(&id.vault, Arc::new(credential), Some(options))
            .map_err(|_| Failure::new(Cause::Rejected, id.vault.as_str()))?;
        let vault = Arc::new(Vault { client, chain: Arc::clone(&self.chain) });
        vaults.insert(id.vault.clone(), Arc::clone(&vault));
        Ok(vault)
    }
}

/// One vault.
pub(super) struct Vault {
    client: KeyClient,
    chain: Arc<Chain>,
}

impl Vault {
    /// Encrypts; gives the version of the key that did it too.
    pub(super) async fn encrypt(&self, id: &Id, secret: &SecretBytes) -> Result<(Vec<u8>, String), Failure> {
        let options = KeyClientEncryptOptions { key_version: id.version.clone(), ..Default::default() };
        let made = async {
            let answer = self.client.encrypt(&id.name, parameters(secret.expose())?, Some(options)).await?;
            answer.into_model()
        };
        let result = made.await.map_err(|error| self.failure(Operation::Encrypt, id, &error))?;
        let version = version_of(id, result.kid.as_deref());
        let wrapped = result.result.filter(|bytes| (1..=WRAP_LIMIT).contains(&bytes.len()));
        match (wrapped, version) {
            (Some(wrapped), Some(version)) => Ok((wrapped, version)),
            _ => Err(self.malformed(Operation::Encrypt, id)),
        }
    }

    /// Decrypts with the version of the key that the identifier names, or the current one.
    pub(super) async fn decrypt(&self, id: &Id, wrapped: &[u8]) -> Result<SecretBytes, Failure> {
        let version = id.version.as_deref().unwrap_or_default();
        let made = async {
            let answer = self.client.decrypt(&id.name, version, parameters(wrapped)?, None).await?;
            answer.into_model()
        };
        let result: KeyOperationResult =
            made.await.map_err(|error| self.failure(Operation::Decrypt, id, &error))?;
        let opened = SecretBytes::new(result.result.unwrap_or_default());
        if !(1..=PLAIN_LIMIT).contains(&opened.expose().len()) {
            return Err(self.malformed(Operation::Decrypt, id));
        }
        Ok(opened)
    }

    /// The current version of a key.
    pub(super) async fn current(&self, id: &Id) -> Result<String, Failure> {
        let made = async { self.client.get_key(&id.name, None).await?.into_model() };
        let key = made.await.map_err(|error| self.failure(Operation::Get, id, &error))?;
        let kid = key.key.and_then(|key| key.kid);
        version_of(id, kid.as_deref()).ok_or_else(|| self.malformed(Operation::Get, id))
    }

    /// Adds who asked, as far as that is known.
    fn signed(&self, failure: Failure) -> Failure {
        let who = self.chain.who();
        let principal = failure.principal.clone().or(who.principal);
        let identity = failure.identity.clone().or(who.identity);
        Failure { principal, identity, ..failure }
    }

    fn malformed(&self, operation: Operation, id: &Id) -> Failure {
        let failure = Failure::new(Cause::Malformed, operation.call(id));
        self.signed(failure.answered("nothing that it could be").hinted(MALFORMED))
    }

    fn failure(&self, operation: Operation, id: &Id, error: &Error) -> Failure {
        let (status, body) = match told(error) {
            Told::Parts(failure) => return self.signed(failure.clone()),
            Told::Nothing => return self.malformed(operation, id),
            Told::Answer(status, body) => (status, body),
        };
        if status == 401 {
            self.chain.forget();
        }
        let said = Said::of(body);
        let (cause, hint) = verdict(operation, id, status, &said);
        let failure = self.signed(Failure::new(cause, operation.call(id)).answered(&said.line(status)));
        match (cause, &failure.principal) {
            (Cause::Denied, Some(who)) => {
                let hint = format!("{hint}, for {who}");
                failure.hinted(hint)
            }
            _ => failure.hinted(hint),
        }
    }
}

/// What a refusal of Key Vault means, and what to do.
fn verdict(operation: Operation, id: &Id, status: u16, said: &Said) -> (Cause, String) {
    let says = |part: &str| said.inner.contains(part) || said.message.contains(part);
    let permission = operation.permission();
    match status {
        401 => (
            Cause::Unauthenticated,
            "the identity must be of the vault's own tenant: AZURE_TENANT_ID, or `az account set`".to_owned(),
        ),
        403 if says("Disabled") || says("disabled key") || says("Expired") || says("expired key") || says("NotYetValid") => (
            Cause::Disabled,
            format!("turn it on: `az keyvault key set-attributes --enabled true --id {}`, and look at its dates", id.text()),
        ),
        403 if says("ForbiddenByFirewall") || says("ForbiddenByConnection") || says("ForbiddenByPolicy") && says("network") => (
            Cause::Denied,
            "let this address through the vault's firewall, or use a private endpoint".to_owned(),
        ),
        403 if says("not permitted on this key") || says("OperationNotPermitted") => {
            (Cause::Denied, format!("the key's own operations must hold `{permission}`"))
        }
        403 => (
            Cause::Denied,
            format!("grant the role `Key Vault Crypto User` on the vault, or the key permission `{permission}` in its access policy"),
        ),
        404 => (
            Cause::NotFound,
            format!("`az keyvault key list-versions --id {}` says which there are; a deleted one can be recovered", id.at(None).text()),
        ),
        409 => (Cause::Disabled, "it is deleted: `az keyvault key recover`".to_owned()),
        400 if operation == Operation::Decrypt => (
            Cause::WrongKey,
            "nothing with this key: the wrap was made with another one or another version, or was changed".to_owned(),
        ),
        _ => (
            Cause::Rejected,
            "the key must be an RSA key of 2048 bits or more, and its operations must hold `encrypt` and `decrypt`".to_owned(),
        ),
    }
}

/// What is asked of a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Encrypt,
    Decrypt,
    Get,
}

impl Operation {
    /// The call's name, for errors.
    pub(super) fn call(self, id: &Id) -> String {
        match self {
            Self::Get => format!("GET {}", id.text()),
            operation => format!("POST {}/{}", id.text(), operation.permission()),
        }
    }

    fn permission(self) -> &'static str {
        match self {
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Get => "get",
        }
    }
}

/// The identity for one vault: gives tokens for the vault's own resource and for no other, whatever the vault asks for.
struct Credential {
    chain: Arc<Chain>,
    vault: String,
    resources: Vec<&'static str>,
}

impl Credential {
    async fn token(&self, scope: &str) -> azure_core::Result<AccessToken> {
        let resource = scope.trim_end_matches("/.default").trim_end_matches('/');
        let token = if self.resources.contains(&resource) {
            self.chain.token(resource).await
        } else {
            let shown: String = resource.chars().filter(|letter| !letter.is_control()).take(100).collect();
            Err(Failure::new(Cause::NotAllowed, format!("logging in for {}", self.vault))
                .answered(&format!("the vault wants a token for `{shown}`"))
                .hinted(format!("nothing: only a token for {} may go there", self.resources.join(", "))))
        };
        token.map_err(|failure| Error::new(ErrorKind::Credential, failure))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("vault", &self.vault).finish_non_exhaustive()
    }
}

impl TokenCredential for Credential {
    fn get_token<'a, 'b, 'c, 'd, 'f>(
        &'a self,
        scopes: &'b [&'c str],
        _options: Option<TokenRequestOptions<'d>>,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<AccessToken>> + Send + 'f>>
    where
        'a: 'f,
        'b: 'f,
        'c: 'f,
        'd: 'f,
        Self: 'f,
    {
        let scope = scopes.first().copied().unwrap_or_default();
        Box::pin(self.token(scope))
    }
}

fn parameters(value: &[u8]) -> azure_core::Result<azure_core::http::RequestContent<KeyOperationParameters>> {
    let parameters = KeyOperationParameters {
        algorithm: Some(EncryptionAlgorithm::RsaOaep256),
        value: Some(value.to_vec()),
        ..Default::default()
    };
    parameters.try_into()
}

/// The version in a key's identifier as the vault gives it, if it is one of that key. The host may be another one: the
/// vault's own, where a private endpoint was asked.
fn version_of(id: &Id, kid: Option<&str>) -> Option<String> {
    let given = Id::parse(kid?).ok()?;
    let fits = given.name.eq_ignore_ascii_case(&id.name)
        && id.version.as_ref().is_none_or(|version| given.version.as_ref() == Some(version));
    given.version.filter(|_| fits)
}
