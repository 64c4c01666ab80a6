//! A server and who we are to it, shared by everything in a run: one client, one login.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock, OnceLock, PoisonError};

use reqwest::{Client, Method};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::http::{Halt, Question, Refusal, Reply, ask, client, read_file};
use super::id::below;
use super::login::log_in;
use super::server::{Server, Source};
use crate::address::Address;
use crate::keys::Run;
use crate::keys::failure::{Cause, Failure};
use crate::secret::SecretText;

/// One server.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) server: Server,
    client: OnceLock<Result<Client, Failure>>,
    state: Mutex<State>,
}

/// A token in use.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) token: SecretText,
    /// The source, for people.
    pub(super) from: String,
    /// Tells it from the one before.
    number: u64,
    source: usize,
}

/// Who a token is.
#[derive(Clone, Debug)]
pub(super) enum Who {
    /// A name and its policies.
    Known(String),
    /// The token works; it may not say whose it is.
    Unnamed,
    /// The token is none, or none any more.
    Dead,
    /// That could not be found out.
    Unknown,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    made: u64,
    /// Why no token can be had in this run.
    refused: Option<Failure>,
}

#[derive(Debug, Default)]
struct Sessions(Lock<HashMap<Address, Result<Arc<Session>, Failure>>>);

#[derive(Deserialize)]
struct Lookup {
    data: LookupData,
}

#[derive(Deserialize)]
struct LookupData {
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    policies: Vec<String>,
    #[serde(default)]
    identity_policies: Option<Vec<String>>,
}

impl Session {
    /// That of the run for a server. Nothing is read or asked yet.
    ///
    /// # Errors
    /// [`Cause::NotAllowed`] for a server that the user does not name.
    pub(super) fn of(address: &Address, run: &Run<'_>) -> Result<Arc<Self>, Failure> {
        let sessions = run.shared(super::KIND, Sessions::default);
        let mut sessions = sessions.0.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let server = Server::of(address, run)?;
            Ok(Arc::new(Self { server, client: OnceLock::new(), state: Mutex::default() }))
        };
        sessions.entry(address.clone()).or_insert_with(make).clone()
    }

    pub(super) fn client(&self) -> Result<&Client, Failure> {
        self.client.get_or_init(|| client(&self.server)).as_ref().map_err(Clone::clone)
    }

    /// The token; read or logged in for now if there is none yet. Who asks meanwhile waits for it.
    pub(super) async fn token(&self) -> Result<Held, Halt> {
        let mut state = self.state.lock().await;
        match &state.held {
            Some(held) => Ok(held.clone()),
            None => self.fill(&mut state, 0).await,
        }
    }

    /// Another token in place of one that is dead: the next source's, or of a new login. `None` where there is none.
    pub(super) async fn renew(&self, dead: &Held) -> Result<Option<Held>, Halt> {
        let mut state = self.state.lock().await;
        if let Some(held) = state.held.as_ref().filter(|held| held.number != dead.number) {
            return Ok(Some(held.clone()));
        }
        let next = match self.server.sources.get(dead.source) {
            Some(Source::Login { .. }) => dead.source,
            Some(Source::File { .. }) => dead.source + 1,
            // Who sets a variable means it.
            Some(Source::Variable { .. }) | None => return Ok(None),
        };
        if next >= self.server.sources.len() {
            return Ok(None);
        }
        state.held = None;
        self.fill(&mut state, next).await.map(Some)
    }

    /// For what is asked later in this run: there is no token any more.
    pub(super) async fn give_up(&self, failure: &Failure) {
        let mut state = self.state.lock().await;
        state.held = None;
        state.refused.get_or_insert_with(|| failure.clone());
    }

    async fn fill(&self, state: &mut State, first: usize) -> Result<Held, Halt> {
        if let Some(failure) = &state.refused {
            return Err(Halt::last(failure.clone()));
        }
        match self.find(first).await {
            Ok((source, from, token)) => {
                state.made += 1;
                let held = Held { token, from, number: state.made, source };
                state.held = Some(held.clone());
                Ok(held)
            }
            Err(halt) => {
                // A login that is refused is not tried for every file: that would lock the account.
                state.refused = halt.is_final.then(|| halt.failure.clone());
                Err(halt)
            }
        }
    }

    /// The first source from there on that gives a token.
    async fn find(&self, first: usize) -> Result<(usize, String, SecretText), Halt> {
        let client = self.client()?;
        let mut tried = Vec::new();
        for (place, source) in self.server.sources.iter().enumerate().skip(first) {
            let from = source.name();
            match source {
                Source::Variable { token, .. } => return Ok((place, from, token.clone())),
                Source::File { name, path } if path.exists() => {
                    let wrong = |why: &str| {
                        Failure::new(Cause::NoCredentials, "")
                            .with_identity(name)
                            .answered(&format!("`{}` cannot be used: {why}", path.display()))
                            .hinted("log in anew with `bao login` or `vault login`, which write it")
                    };
                    let token = read_file(path).map_err(|why| wrong(&why))?;
                    match token.trim() {
                        "" => return Err(wrong("it is empty").into()),
                        token => return Ok((place, from, SecretText::from(token))),
                    }
                }
                Source::File { name, .. } => tried.push(format!("{name} is not there")),
                Source::Login { login, assertion } => {
                    let token = log_in(client, &self.server, login, assertion.as_ref()).await;
                    return token
                        .map(|token| (place, from.clone(), token))
                        .map_err(|halt| halt.map(|failure| failure.with_identity(from)));
                }
            }
        }
        tried.insert(0, "no token is set".to_owned());
        Err(Failure::new(Cause::NoCredentials, "")
            .answered(&tried.join(", "))
            .hinted(&self.server.advice)
            .into())
    }

    /// Who a token is, in the server's own words.
    pub(super) async fn who(&self, held: &Held) -> Who {
        let Ok(client) = self.client() else { return Who::Unknown };
        let url = below(&self.server.address, "auth/token/lookup-self");
        let namespace = self.server.namespace.as_deref();
        let question = Question { method: Method::GET, url, token: Some(&held.token), namespace, body: &[] };
        match ask(client, &question).await {
            Ok(Reply::Done(body)) => match serde_json::from_slice::<Lookup>(body.expose()) {
                Ok(lookup) => Who::Known(name(&lookup.data, &held.token)),
                Err(_) => Who::Unknown,
            },
            Ok(Reply::Refused(Refusal { status: 403, message: Some(message), .. })) => {
                // A token that lives is refused by its policies, in a list of one; one that does not is by nothing else.
                let is_dead = message.contains("invalid token") || !message.contains("error occurred");
                if is_dead { Who::Dead } else { Who::Unnamed }
            }
            Ok(Reply::Refused(_)) | Err(_) => Who::Unknown,
        }
    }
}

/// `approle (policies app, default)`.
fn name(data: &LookupData, token: &str) -> String {
    let mut policies = data.policies.clone();
    policies.extend(data.identity_policies.iter().flatten().cloned());
    policies.sort();
    policies.dedup();
    let more = if policies.len() > MOST { ", …" } else { "" };
    policies.truncate(MOST);
    let name = if data.display_name.is_empty() { "a token without a name" } else { &data.display_name };
    let shown = format!("{name} (policies {}{more})", policies.join(", "));
    let shown: String = shown.chars().filter(|c| !c.is_control()).take(300).collect();
    if super::tells(&shown, token) { "a token".to_owned() } else { shown }
}

/// Policies that are shown.
const MOST: usize = 12;
