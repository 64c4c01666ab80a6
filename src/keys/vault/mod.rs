//! Keys of a transit engine of HashiCorp Vault or OpenBao.
//!
//! A wrap is the text `vault:v1:…`, as SOPS keeps it. A token goes only to a server that the user's own environment or
//! `config.toml` names, never on to where an answer leads, and over a network only encrypted. Nothing is read, asked or logged in
//! for before the first wrap; then once in a run for each server.

mod claims;
mod http;
mod id;
mod login;
mod refusal;
mod server;
mod session;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::Deserialize;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::failure::{Cause, Failure};
use super::network::Network;
use super::{KeyBackend, KeyError, KeyRef, Pending, Run, Stanza, Step, Unwrapped, WRAP_LIMIT, WrapContext};
use crate::secret::SecretBytes;
use http::{Halt, Question, Reply, ask, malformed};
use id::{Action, Id};
use session::{Held, Session, Who};

/// The backend for Vault and OpenBao.
#[derive(Debug, Clone, Copy)]
pub struct Vault;

impl KeyBackend for Vault {
    fn name(&self) -> &'static str {
        KIND
    }

    fn is_local(&self) -> bool {
        false
    }

    fn parse(&self, id: &str) -> Result<String, KeyError> {
        Id::parse(id).map(|id| id.to_string())
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
            if !(1..=SECRET_LIMIT).contains(&secret.expose().len()) {
                let reason = format!("what is wrapped has 1 to {SECRET_LIMIT} bytes");
                return Err(KeyError::Failed { kind: KIND, id: id.to_string(), reason });
            }
            let plaintext = Zeroizing::new(STANDARD.encode(secret.expose()));
            let body = body("plaintext", &plaintext);
            transit(&id, Action::Encrypt, body, run, |answer| {
                let answer: Answer<Ciphertext<'_>> = serde_json::from_slice(answer).ok()?;
                let wrapped = answer.data.ciphertext;
                is_wrap(wrapped.as_bytes()).then(|| SecretBytes::new(wrapped.as_bytes().to_vec()))
            })
            .await
            .map(|wrapped| wrapped.expose().to_vec())
            .map_err(|failure| remote(&id, failure))
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
            let text = std::str::from_utf8(&stanza.wrapped).ok().filter(|text| is_wrap(text.as_bytes()));
            let Some(text) = text else {
                let reason = "the wrap is none of a transit engine's: it begins with `vault:v1:`".to_owned();
                return Unwrapped::Failed(KeyError::Failed { kind: KIND, id: id.to_string(), reason });
            };
            let opened = transit(&id, Action::Decrypt, body("ciphertext", text), run, |answer| {
                let answer: Answer<Plaintext<'_>> = serde_json::from_slice(answer).ok()?;
                let plaintext = answer.data.plaintext;
                // Nothing longer was ever wrapped, so there is no need to look at it.
                let fits = plaintext.len() <= SECRET_LIMIT.div_ceil(3) * 4;
                let opened = SecretBytes::new(STANDARD.decode(plaintext.as_bytes()).ok().filter(|_| fits)?);
                (1..=SECRET_LIMIT).contains(&opened.expose().len()).then_some(opened)
            });
            match opened.await {
                Ok(opened) => Unwrapped::Opened(opened),
                Err(failure) => Unwrapped::Failed(remote(&id, failure)),
            }
        })
    }

    fn identity<'a>(&'a self, key: &'a KeyRef, run: &'a Run<'a>) -> Pending<'a, Vec<Step>> {
        Box::pin(async move {
            let Ok(id) = usable(key) else { return Vec::new() };
            let mut steps = server::steps(&id.address, run);
            let may_ask = !run.unattended || run.settings.network.textconv.iter().any(|kind| kind == KIND);
            if let Some(session) = Session::of(&id.address, run).ok().filter(|_| may_ask) {
                let name = "auth/token/lookup-self".to_owned();
                let outcome = whoami(session, run).await;
                steps.push(Step { name, outcome, used: false });
            }
            steps
        })
    }
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Ciphertext<'a> {
    ciphertext: &'a str,
}

#[derive(Deserialize)]
struct Plaintext<'a> {
    plaintext: &'a str,
}

/// The key, if everything that is said of it can be kept.
fn usable(key: &KeyRef) -> Result<Id, KeyError> {
    let id = Id::parse(&key.id)?;
    if key.context.is_empty() {
        return Ok(id);
    }
    let reason = "a context goes with `aws_kms` only; derived keys cannot be used".to_owned();
    Err(KeyError::Refused { kind: KIND, id: id.to_string(), reason })
}

/// A call to the engine; `read` takes what is needed out of the answer.
async fn transit(
    id: &Id,
    action: Action,
    body: Zeroizing<Vec<u8>>,
    run: &Run<'_>,
    read: impl Fn(&[u8]) -> Option<SecretBytes> + Copy + Send + Sync + 'static,
) -> Result<SecretBytes, Failure> {
    let call = format!("POST {}", id.url(action));
    let named = |failure: Failure| match failure.call.is_empty() {
        true => Failure { call: call.clone(), ..failure },
        false => failure,
    };
    let session = Session::of(&id.address, run).map_err(named)?;
    let network = Network::of(run).map_err(named)?;
    let shared = Arc::new((session, id.clone(), body));
    let made = network.call(KIND, move || {
        let shared = Arc::clone(&shared);
        async move {
            let (session, id, body) = &*shared;
            match attempt(session, id, action, body, read).await {
                Ok(done) => Ok(Ok(done)),
                // Not worth another attempt.
                Err(Halt { failure, is_final: true }) => Ok(Err(failure)),
                Err(Halt { failure, .. }) => Err(failure),
            }
        }
    });
    made.await.and_then(|made| made).map_err(named)
}

async fn attempt(
    session: &Session,
    id: &Id,
    action: Action,
    body: &[u8],
    read: impl Fn(&[u8]) -> Option<SecretBytes>,
) -> Result<SecretBytes, Halt> {
    let mut held = session.token().await?;
    let mut is_renewed = false;
    loop {
        let from = held.from.clone();
        let url = id.url(action);
        let namespace = session.server.namespace.as_deref();
        let question = Question { method: Method::POST, url, token: Some(&held.token), namespace, body };
        let call = question.call();
        let asked = ask(session.client()?, &question).await;
        let refusal = match asked.map_err(|halt| halt.map(|failure| failure.with_identity(&from)))? {
            Reply::Done(answer) => {
                return read(answer.expose()).ok_or_else(|| {
                    malformed(call, "it is not what was asked for").with_identity(from).into()
                });
            }
            Reply::Refused(refusal) => refusal,
        };
        if !matches!(refusal.status, 401 | 403) {
            let halt = refusal::read(&refusal, id);
            return Err(
                halt.map(|failure| Failure { call, ..without(failure, &held, body) }.with_identity(from))
            );
        }
        let who = session.who(&held).await;
        if matches!(who, Who::Dead)
            && !is_renewed
            && let Some(new) = session.renew(&held).await?
        {
            (held, is_renewed) = (new, true);
            continue;
        }
        let failure = denied(&who, &id.stanza(action)).answered(&refusal.shown());
        let failure = without(failure, &held, body).with_identity(from);
        if matches!(who, Who::Dead) && !is_renewed {
            session.give_up(&failure).await;
        }
        return Err(Failure { call, ..failure }.into());
    }
}

/// Why a token may not do it.
fn denied(who: &Who, stanza: &str) -> Failure {
    let grant = format!("grant it in one of its policies: {stanza}");
    let failure = |cause| Failure::new(cause, "");
    match who {
        Who::Dead => failure(Cause::Unauthenticated)
            .hinted("the token is unknown to the server: it has expired, was revoked, is of another server or namespace, or is mistyped; log in anew"),
        Who::Known(name) => failure(Cause::Denied).by(Some(name.clone())).hinted(grant),
        Who::Unnamed => failure(Cause::Denied).by(Some("a token that may not look itself up".to_owned())).hinted(grant),
        Who::Unknown => failure(Cause::Denied).hinted(format!("see with `bao token lookup` that the token is valid; {grant}")),
    }
}

/// Without an answer that repeats what must not be seen.
fn without(failure: Failure, held: &Held, body: &[u8]) -> Failure {
    let body = std::str::from_utf8(body).unwrap_or_default();
    let value = body.rsplit_once(":\"").map_or("", |(_, value)| value.trim_end_matches("\"}"));
    match &failure.answer {
        Some(answer) if tells(answer, &held.token) || tells(answer, value) => {
            Failure { answer: None, ..failure }
        }
        _ => failure,
    }
}

/// Whether a text holds a secret. What is shorter than any real one, such as the `root` of a server for tests, is no secret.
fn tells(text: &str, secret: &str) -> bool {
    secret.len() >= SHORTEST_SECRET && text.contains(secret)
}

/// Who we are, for `explain`; within a short time.
async fn whoami(session: Arc<Session>, run: &Run<'_>) -> String {
    let Ok(network) = Network::of(run) else { return "cannot be asked".to_owned() };
    let look = async move {
        match session.token().await {
            Ok(held) => match session.who(&held).await {
                Who::Known(name) => format!("the token is {name}"),
                Who::Unnamed => "the token is valid; its policies do not let it look itself up".to_owned(),
                Who::Dead => "the token is unknown to the server, or has expired".to_owned(),
                Who::Unknown => "the server did not say whose the token is".to_owned(),
            },
            Err(Halt { failure, .. }) => match &failure.answer {
                Some(answer) => format!("{}: {answer}", failure.cause),
                None => failure.cause.to_string(),
            },
        }
    };
    let looked = network.run(async move { timeout(PATIENCE, look).await }).await;
    looked.and_then(Result::ok).unwrap_or_else(|| format!("no answer in {} s", PATIENCE.as_secs()))
}

fn remote(id: &Id, failure: Failure) -> KeyError {
    KeyError::Remote { kind: KIND, id: id.to_string(), failure: Box::new(failure) }
}

/// A JSON object of one text that needs no escapes.
fn body(name: &str, text: &str) -> Zeroizing<Vec<u8>> {
    let mut body = Zeroizing::new(Vec::with_capacity(name.len() + text.len() + 8));
    for part in ["{\"", name, "\":\"", text, "\"}"] {
        body.extend_from_slice(part.as_bytes());
    }
    body
}

/// Whether it is a wrap as transit engines write them: `vault:v1:` and base64.
fn is_wrap(wrapped: &[u8]) -> bool {
    let text = std::str::from_utf8(wrapped).unwrap_or_default();
    let Some((version, rest)) = text.strip_prefix("vault:v").and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    let is_version = !version.starts_with('0') && version.parse::<u32>().is_ok_and(|version| version > 0);
    let is_plain = version.bytes().all(|byte| byte.is_ascii_digit());
    is_version
        && is_plain
        && wrapped.len() <= WRAP_LIMIT
        && STANDARD.decode(rest).is_ok_and(|bytes| !bytes.is_empty())
}

const KIND: &str = "vault";

/// Largest data key, share, or what else is wrapped, in bytes.
const SECRET_LIMIT: usize = 256;

/// In bytes.
const SHORTEST_SECRET: usize = 8;

/// How long `explain` waits to learn who we are.
const PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests;
