//! AWS KMS: a wrap is what `kms:Encrypt` gives for the user's own encryption context, the same bytes that SOPS keeps.
//!
//! Nothing of AWS runs before the first call. Which role, profile and address are used is the user's to say: those of a
//! file are refused unless the user's settings name them. Attempts, time limits and the number of calls are
//! those of `keys::network`; the SDK does each call once.

mod arn;
mod error;
mod explain;
mod files;
mod hint;
mod http;
mod login;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_kms::config::{Region, SharedHttpClient, StalledStreamProtectionConfig};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::{Client, config};

use super::network::Network;
use super::{
    AwsSettings, Cause, Environment, Failure, KeyBackend, KeyError, KeyRef, Pending, Run, Stanza, Step,
    Unwrapped, WrapContext,
};
use crate::secret::SecretBytes;
use arn::Id;
use http::Skew;
use login::{Login, Session, Who};

/// The AWS KMS backend.
#[derive(Debug, Clone, Copy)]
pub struct Aws;

impl KeyBackend for Aws {
    fn name(&self) -> &'static str {
        KIND
    }

    fn is_local(&self) -> bool {
        false
    }

    fn parse(&self, id: &str) -> Result<String, KeyError> {
        Id::arn(id).map(|id| id.to_string())
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
            let (plain, limit) = (Arc::new(secret.clone()), super::WRAP_LIMIT);
            let made = call(run, &id, key, ENCRYPT, move |asked| {
                let plain = Arc::clone(&plain);
                async move {
                    let answer = asked
                        .client
                        .encrypt()
                        .key_id(&asked.id.arn)
                        .plaintext(Blob::new(plain.expose()))
                        .set_encryption_context(asked.context())
                        .send()
                        .await
                        .map_err(|error| error::of_call(&asked.call, &error))?;
                    let wrapped = answer.ciphertext_blob.map(Blob::into_inner).unwrap_or_default();
                    match wrapped.len() {
                        length if (1..=limit).contains(&length) => Ok(wrapped),
                        length => Err(odd(length, &asked.call)),
                    }
                }
            });
            made.await.map_err(|failure| remote(&id, failure))
        })
    }

    fn unwrap<'a>(
        &'a self,
        stanza: &'a Stanza,
        _context: &'a WrapContext,
        run: &'a Run<'a>,
    ) -> Pending<'a, Unwrapped> {
        Box::pin(async move {
            let key = &stanza.recipient.key;
            let id = match Id::of_sops(&key.id) {
                Ok(id) => id,
                Err(error) => return Unwrapped::Failed(error),
            };
            if !(1..=CIPHERTEXT_LIMIT).contains(&stanza.wrapped.len()) {
                let reason = format!("{} bytes are no wrap of AWS KMS", stanza.wrapped.len());
                return Unwrapped::Failed(KeyError::Failed { kind: KIND, id: id.to_string(), reason });
            }
            let wrapped: Arc<[u8]> = stanza.wrapped.as_slice().into();
            let opened = call(run, &id, key, DECRYPT, move |asked| {
                let wrapped = Arc::clone(&wrapped);
                async move {
                    let answer = asked
                        .client
                        .decrypt()
                        .key_id(&asked.id.arn)
                        .ciphertext_blob(Blob::new(wrapped.as_ref()))
                        .set_encryption_context(asked.context())
                        .send()
                        .await
                        .map_err(|error| error::of_call(&asked.call, &error))?;
                    let opened = SecretBytes::new(answer.plaintext.map(Blob::into_inner).unwrap_or_default());
                    match opened.expose().len() {
                        1..=PLAINTEXT_LIMIT => Ok(opened),
                        length => Err(odd(length, &asked.call)),
                    }
                }
            });
            match opened.await {
                Ok(opened) => Unwrapped::Opened(opened),
                Err(failure) => Unwrapped::Failed(remote(&id, failure)),
            }
        })
    }

    fn identity<'a>(&'a self, key: &'a KeyRef, run: &'a Run<'a>) -> Pending<'a, Vec<Step>> {
        Box::pin(explain::identity(key, run))
    }
}

/// What a run has of AWS.
struct Shared {
    environment: Environment,
    settings: AwsSettings,
    http: SharedHttpClient,
    skew: Arc<Skew>,
    logins: Mutex<HashMap<Who, Arc<Login>>>,
}

/// One call on its way.
struct Asked {
    client: Client,
    id: Id,
    context: HashMap<String, String>,
    call: String,
}

impl Asked {
    fn context(&self) -> Option<HashMap<String, String>> {
        (!self.context.is_empty()).then(|| self.context.clone())
    }
}

impl Shared {
    fn of(run: &Run<'_>) -> Arc<Self> {
        run.shared(KIND, || {
            let skew = Arc::new(Skew::default());
            Self {
                environment: run.environment.clone(),
                settings: run.settings.aws.clone(),
                http: http::client(run.environment, &skew),
                skew,
                logins: Mutex::default(),
            }
        })
    }

    /// The identity for a key; one for all keys that do not ask for another.
    fn login(&self, id: &Id) -> Arc<Login> {
        let own = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| self.environment.text(name));
        let partition = arn::partition(&id.arn).unwrap_or_default();
        let region = own.filter(|region| arn::fits(partition, region)).unwrap_or(&id.region);
        let who = Who { region: region.to_owned(), profile: id.profile.clone(), role: id.role.clone() };
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        let make = |who: &Who| {
            Arc::new(Login::new(who.clone(), &self.environment, &self.settings, self.http.clone()))
        };
        Arc::clone(logins.entry(who.clone()).or_insert_with(|| make(&who)))
    }

    fn client(&self, session: &Session, region: &str) -> Client {
        let mut builder = config::Builder::from(&session.config)
            .region(Region::new(region.to_owned()))
            .credentials_provider(session.credentials.clone())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(url) = files::endpoint(&self.environment, "KMS") {
            builder = builder.endpoint_url(url);
        }
        Client::from_conf(builder.build())
    }
}

/// Makes a call as the user, with attempts and time limits.
async fn call<T, F>(
    run: &Run<'_>,
    id: &Id,
    key: &KeyRef,
    action: &'static str,
    ask: impl Fn(Asked) -> F + Send + Sync + 'static,
) -> Result<T, Failure>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let call = format!("{action} in {}", id.region);
    if let Some(failure) = refusal(run, id, &call) {
        return Err(failure);
    }
    let shared = Shared::of(run);
    let login = shared.login(id);
    let context: HashMap<String, String> = key.context.clone().into_iter().collect();
    let (ask, owned) = (Arc::new(ask), id.clone());
    let (named, hinted) = (call.clone(), Arc::clone(&shared));
    let attempt = move || {
        let (shared, login, ask) = (Arc::clone(&shared), Arc::clone(&login), Arc::clone(&ask));
        let (id, context, call) = (owned.clone(), context.clone(), named.clone());
        async move {
            let session = match login.session().await {
                Ok(session) => session,
                Err(failed) => {
                    let skew = shared.skew.seconds();
                    let failure = failed.failure;
                    let call = if failure.call.is_empty() { call } else { failure.call.clone() };
                    let failure = Failure { call, ..failure };
                    return Err(hint::add(failure, &id, action, failed.source.as_ref(), skew));
                }
            };
            let client = shared.client(&session, &id.region);
            let asked = Asked { client, id: id.clone(), context, call };
            let failure = match ask(asked).await {
                Ok(done) => return Ok(done),
                Err(failure) => failure.with_identity(session.from.clone()),
            };
            let mut who = failure.answer.as_deref().and_then(error::principal);
            if who.is_none() && failure.cause == Cause::Denied {
                who = explain::caller(&session).await.ok();
            }
            Err(hint::add(failure.by(who), &id, action, Some(&session.source), shared.skew.seconds()))
        }
    };
    let made = Network::of(run)?.call(KIND, attempt).await;
    made.map_err(|failure| {
        let call = if failure.call.is_empty() { call } else { failure.call.clone() };
        hint::add(Failure { call, ..failure }, id, action, None, hinted.skew.seconds())
    })
}

/// Refuses a role and a profile that a file names and the user does not.
fn refusal(run: &Run<'_>, id: &Id, call: &str) -> Option<Failure> {
    let aws = &run.settings.aws;
    let own = run.environment.text("AWS_PROFILE").or(aws.profile.as_deref());
    for (what, named, is_own, list, known) in [
        ("role", &id.role, id.role == aws.role, "allowed_roles", &aws.allowed_roles),
        ("profile", &id.profile, id.profile.as_deref() == own, "allowed_profiles", &aws.allowed_profiles),
    ] {
        let Some(named) = named else { continue };
        if !is_own && !known.contains(named) {
            let hint = format!(
                "`{list} = [\"{named}\"]` under `[aws]` in your config.toml, if you trust the file with that {what}"
            );
            return Some(Failure::new(Cause::NotAllowed, call).hinted(hint));
        }
    }
    None
}

fn odd(length: usize, call: &str) -> Failure {
    Failure::new(Cause::Malformed, call).answered(&format!("{length} bytes"))
}

fn remote(id: &Id, failure: Failure) -> KeyError {
    KeyError::Remote { kind: KIND, id: id.to_string(), failure: Box::new(failure) }
}

const KIND: &str = "aws_kms";

const ENCRYPT: &str = "kms:Encrypt";
const DECRYPT: &str = "kms:Decrypt";

/// Longest ciphertext that KMS takes, in bytes.
const CIPHERTEXT_LIMIT: usize = 6144;

/// Longest thing that is ever wrapped, in bytes: a data key or share with what binds it to its file.
const PLAINTEXT_LIMIT: usize = 256;
