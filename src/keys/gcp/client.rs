//! The calls, through one client for a whole run.

use std::sync::Arc;

use google_cloud_gax::client_builder::internal::with_follow_redirects;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_kms_v1::client::KeyManagementService;
use tokio::sync::{Mutex, OnceCell};

use super::chain::{Chain, Source};
use super::failure::{self, Call};
use super::file::is_account;
use super::sum::crc32c;
use super::{KIND, credentials, endpoint};
use crate::keys::network::Network;
use crate::keys::{Cause, Environment, Failure, GcpSettings, Run, Step};
use crate::secret::SecretBytes;

/// What all keys of Cloud KMS share in a run.
pub(super) struct Session {
    environment: Environment,
    settings: GcpSettings,
    chain: OnceCell<Chain>,
    ready: Mutex<Option<Result<Arc<Ready>, Failure>>>,
}

/// A client, and in whose name it asks.
struct Ready {
    client: KeyManagementService,
    who: Who,
}

/// Who asks, for messages.
pub(super) struct Who {
    /// The service account, where it is known.
    pub(super) principal: Option<String>,
    /// Where its credentials are from.
    pub(super) identity: String,
    /// What helps where they are not accepted.
    pub(super) remedy: &'static str,
}

impl Who {
    /// The failure with this name on it.
    pub(super) fn signed(&self, failure: Failure) -> Failure {
        failure.by(self.principal.clone()).with_identity(self.identity.clone())
    }
}

impl Session {
    /// The one of this run. Nothing is looked at yet.
    pub(super) fn of(run: &Run<'_>) -> Arc<Self> {
        run.shared(KIND, || Self {
            environment: run.environment.clone(),
            settings: run.settings.gcp.clone(),
            chain: OnceCell::new(),
            ready: Mutex::default(),
        })
    }

    /// The service's ciphertext.
    pub(super) async fn encrypt(
        self: Arc<Self>,
        network: &Network,
        id: &str,
        secret: &SecretBytes,
    ) -> Result<Vec<u8>, Failure> {
        let (id, secret, session) = (id.to_owned(), secret.clone(), Arc::clone(&self));
        let attempt = move || {
            let (id, secret, session) = (id.clone(), secret.clone(), Arc::clone(&session));
            async move { session.encrypt_once(&id, &secret).await }
        };
        network.call(KIND, attempt).await.map_err(|failure| self.completed(failure, Call::Encrypt))
    }

    /// What the service makes of its ciphertext.
    pub(super) async fn decrypt(
        self: Arc<Self>,
        network: &Network,
        id: &str,
        wrapped: &[u8],
    ) -> Result<SecretBytes, Failure> {
        let (id, wrapped, session) = (id.to_owned(), wrapped.to_vec(), Arc::clone(&self));
        let attempt = move || {
            let (id, wrapped, session) = (id.clone(), wrapped.clone(), Arc::clone(&session));
            async move { session.decrypt_once(&id, wrapped).await }
        };
        network.call(KIND, attempt).await.map_err(|failure| self.completed(failure, Call::Decrypt))
    }

    /// The steps to an identity. No token is asked for.
    pub(super) async fn identity(self: Arc<Self>, network: &Network) -> Vec<Step> {
        let account = self.settings.impersonate.clone();
        let walk = async move { self.chain().await.steps.clone() };
        let mut steps = network.run(walk).await.unwrap_or_default();
        steps.extend(account.map(|account| Step {
            name: "`impersonate` under `[gcp]` in your config.toml".to_owned(),
            outcome: format!("acts as {account}"),
            used: true,
        }));
        steps
    }

    async fn encrypt_once(&self, id: &str, secret: &SecretBytes) -> Result<Vec<u8>, Failure> {
        let ready = self.ready().await?;
        let call = ready.client.encrypt().set_name(id).set_plaintext(secret.expose().to_vec());
        let answer = call.set_plaintext_crc32c(crc32c(secret.expose())).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Err(self.failed(&ready, &error, Call::Encrypt, id).await),
        };
        let is_whole = answer.verified_plaintext_crc32c
            && answer.ciphertext_crc32c == Some(crc32c(&answer.ciphertext))
            && answer.name.strip_prefix(id).is_some_and(|rest| rest.starts_with("/cryptoKeyVersions/"))
            && !answer.ciphertext.is_empty();
        if is_whole {
            return Ok(answer.ciphertext.to_vec());
        }
        Err(ready.who.signed(failure::malformed("key or checksums of the answer do not fit the call")))
    }

    async fn decrypt_once(&self, id: &str, wrapped: Vec<u8>) -> Result<SecretBytes, Failure> {
        let ready = self.ready().await?;
        let sum = crc32c(&wrapped);
        let call = ready.client.decrypt().set_name(id).set_ciphertext(wrapped).set_ciphertext_crc32c(sum);
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) => return Err(self.failed(&ready, &error, Call::Decrypt, id).await),
        };
        let why = if answer.plaintext_crc32c != Some(crc32c(&answer.plaintext)) {
            "the checksum of the answer does not fit it"
        } else if !(1..=PLAINTEXT_LIMIT).contains(&answer.plaintext.len()) {
            "what it decrypted is no data key"
        } else {
            return Ok(SecretBytes::new(answer.plaintext.to_vec()));
        };
        Err(ready.who.signed(failure::malformed(why)))
    }

    async fn chain(&self) -> &Chain {
        self.chain.get_or_init(|| Chain::walk(&self.environment)).await
    }

    /// The client: made by the first call. What kept it from being made is kept too.
    async fn ready(&self) -> Result<Arc<Ready>, Failure> {
        let mut ready = self.ready.lock().await;
        if let Some(known) = &*ready {
            return known.clone();
        }
        let made = self.make().await.map(Arc::new);
        *ready = Some(made.clone());
        made
    }

    async fn make(&self) -> Result<Ready, Failure> {
        let endpoint = endpoint::chosen(&self.environment, &self.settings)?;
        let (step, source) = self.chain().await.found.clone()?;
        let who = self.who(step, &source)?;
        let unusable = |why: String| {
            who.signed(Failure::new(Cause::NoCredentials, "").answered(&why)).hinted(who.remedy)
        };
        let mut own = credentials::make(&source, &self.environment).map_err(unusable)?;
        if let Some(account) = &self.settings.impersonate {
            own = credentials::acting_as(account, own).map_err(unusable)?;
        }
        let builder = KeyManagementService::builder().with_credentials(own).with_retry_policy(NeverRetry);
        let builder = endpoint.into_iter().fold(builder, |builder, url| builder.with_endpoint(url));
        // A data key goes to the address that was chosen, and to no other.
        let client = with_follow_redirects(builder, false).build().await.map_err(|error| {
            let why = if error.is_universe_domain_mismatch() {
                "GOOGLE_CLOUD_UNIVERSE_DOMAIN is not that of the credentials"
            } else {
                "the HTTP client cannot be made: are there root certificates on this machine?"
            };
            who.signed(Failure::new(Cause::Rejected, "").answered(why))
        })?;
        Ok(Ready { client, who })
    }

    fn who(&self, step: String, source: &Source) -> Result<Who, Failure> {
        let identity = format!("{step}, {}", source.words());
        let remedy = source.remedy();
        let Some(account) = self.settings.impersonate.clone() else {
            return Ok(Who { principal: source.principal().map(str::to_owned), identity, remedy });
        };
        if !is_account(&account) {
            let hint =
                "the e-mail address of a service account, as `impersonate` under `[gcp]` in your config.toml";
            let failure = Failure::new(Cause::NotAllowed, "");
            return Err(failure.answered("`impersonate` is no service account").hinted(hint));
        }
        let of = source.principal().map(|principal| format!(" of {principal}")).unwrap_or_default();
        let identity = format!("{identity}{of}, which acts as it by `impersonate` in your config.toml");
        Ok(Who { principal: Some(account), identity, remedy })
    }

    async fn failed(
        &self,
        ready: &Arc<Ready>,
        error: &google_cloud_kms_v1::Error,
        call: Call,
        id: &str,
    ) -> Failure {
        let failure = failure::of(error, call, id, &ready.who);
        if error.is_authentication() && failure.cause.is_transient() {
            // The library keeps a failure for ten seconds; the next attempt starts with a new client.
            let mut known = self.ready.lock().await;
            if known.as_ref().is_some_and(|known| known.as_ref().is_ok_and(|known| Arc::ptr_eq(known, ready)))
            {
                *known = None;
            }
        }
        failure
    }

    /// The failure with everything that is known about it.
    fn completed(&self, failure: Failure, call: Call) -> Failure {
        let known = self.ready.try_lock().ok().and_then(|ready| ready.as_ref()?.as_ref().ok().cloned());
        let failure = match known {
            Some(known) if failure.identity.is_none() => known.who.signed(failure),
            _ => failure,
        };
        let endpoint = endpoint::chosen(&self.environment, &self.settings).unwrap_or_default();
        failure::completed(failure, call.name(endpoint.as_deref()))
    }
}

/// Longest plaintext that is taken, in bytes; a wrap's is 69, that of SOPS 32 or a little more.
const PLAINTEXT_LIMIT: usize = 256;
