//! The ways to an identity, tried in order until one gives a token; the same identity then serves the whole run.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex as Lock, PoisonError};

use azure_core::credentials::AccessToken;
use azure_core::time::{Duration, OffsetDateTime};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Mutex;

use super::transport::Transport;
use super::{cli, entra, managed};
use crate::keys::{AzureSettings, Cause, Environment, Failure, Step};

/// One way to an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    ClientSecret,
    ClientCertificate,
    WorkloadIdentity,
    ManagedIdentity,
    Cli,
}

impl Way {
    /// Its name in `chain` of the user's settings.
    pub(super) fn name(self) -> &'static str {
        WAYS.iter().find(|(way, ..)| *way == self).map_or("", |(_, name, _)| *name)
    }

    /// Its name in messages.
    pub(super) fn label(self) -> &'static str {
        WAYS.iter().find(|(way, ..)| *way == self).map_or("", |(.., label)| *label)
    }
}

/// What gives tokens.
#[derive(Debug)]
pub(super) enum Source {
    Entra(entra::Login),
    Managed(managed::Endpoint),
    Cli(cli::Program),
}

/// What looking at one way found.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing to log in with; why.
    Missing(String),
    /// This; and what it is.
    Ready(Source, String),
}

/// Why a source gave no token.
#[derive(Debug)]
pub(super) enum Refused {
    /// There is no identity on this way after all: the next one's turn.
    Passed(String),
    /// There is one, and it does not work.
    Failed(Failure),
}

/// Who has logged in, and on which way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) principal: Option<String>,
    pub(super) identity: Option<String>,
}

/// The chain of one run.
pub(super) struct Chain {
    environment: Environment,
    ways: Result<Vec<Way>, Failure>,
    services: Transport,
    machine: Transport,
    state: Mutex<State>,
    who: Lock<Who>,
}

#[derive(Default)]
struct State {
    source: Option<(Way, Source)>,
    tokens: HashMap<String, AccessToken>,
    /// What would come of trying again, and when that was found out.
    failure: Option<(Failure, OffsetDateTime)>,
}

impl Chain {
    pub(super) fn new(
        environment: &Environment,
        settings: &AzureSettings,
        services: Transport,
        machine: Transport,
    ) -> Self {
        Self {
            environment: environment.clone(),
            ways: ways(&settings.chain),
            services,
            machine,
            state: Mutex::default(),
            who: Lock::default(),
        }
    }

    /// A token for a resource such as `https://vault.azure.net`; one login serves all that ask meanwhile.
    pub(super) async fn token(&self, resource: &str) -> Result<AccessToken, Failure> {
        let mut state = self.state.lock().await;
        let now = OffsetDateTime::now_utc();
        if let Some(token) = state.tokens.get(resource).filter(|token| token.expires_on > now + MARGIN) {
            return Ok(token.clone());
        }
        if let Some((failure, since)) = &state.failure
            && now - *since < MEMORY
        {
            return Err(failure.clone());
        }
        let scope = format!("{resource}/.default");
        let got = match &state.source {
            Some((way, source)) => match source.token(&scope).await {
                Ok(token) => Ok(token),
                Err(Refused::Failed(failure)) => Err(failure.with_identity(way.label())),
                Err(Refused::Passed(why)) => {
                    let failure = Failure::new(Cause::Expired, call(resource)).answered(&why);
                    Err(failure.with_identity(way.label()).hinted("log in again"))
                }
            },
            None => self.find(resource, &scope).await.map(|(way, source, token)| {
                state.source = Some((way, source));
                token
            }),
        };
        match got {
            Ok(token) => {
                self.remember(&token, state.source.as_ref());
                state.tokens.insert(resource.to_owned(), token.clone());
                Ok(token)
            }
            Err(failure) => {
                if !failure.cause.is_transient() {
                    state.failure = Some((failure.clone(), now));
                }
                Err(failure)
            }
        }
    }

    /// Forgets the login, which a service did not accept: the next call makes a new one.
    pub(super) fn forget(&self) {
        // Where it is locked, somebody is logging in at this moment.
        if let Ok(mut state) = self.state.try_lock() {
            *state = State::default();
        }
    }

    /// Who logged in; empty before.
    pub(super) fn who(&self) -> Who {
        self.who.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The ways in their order and what is found on each, without logging in.
    pub(super) async fn steps(&self) -> Vec<Step> {
        let ways = match &self.ways {
            Ok(ways) => ways,
            Err(failure) => {
                let outcome = failure.answer.clone().unwrap_or_default();
                return vec![Step { name: "chain".to_owned(), outcome, used: false }];
            }
        };
        let used = self.state.lock().await.source.as_ref().map(|(way, _)| *way);
        let mut steps: Vec<Step> = Vec::new();
        for way in ways {
            let name = way.label().to_owned();
            if steps.iter().any(|step| step.used) {
                steps.push(Step { name, outcome: "not needed".to_owned(), used: false });
                continue;
            }
            let step = match self.open(*way).await {
                Ok(Found::Missing(outcome)) => Step { name, outcome, used: false },
                Ok(Found::Ready(_, outcome)) => {
                    Step { name, outcome, used: used.is_none_or(|used| used == *way) }
                }
                Err(failure) => Step { name, outcome: failure.to_string(), used: used.is_none() },
            };
            steps.push(step);
        }
        steps
    }

    /// Goes along the ways until one gives a token.
    async fn find(&self, resource: &str, scope: &str) -> Result<(Way, Source, AccessToken), Failure> {
        let mut tried = Vec::new();
        for way in self.ways.clone()? {
            let why = match self.open(way).await.map_err(|failure| failure.with_identity(way.label()))? {
                Found::Missing(why) => why,
                Found::Ready(source, _) => match source.token(scope).await {
                    Ok(token) => return Ok((way, source, token)),
                    Err(Refused::Failed(failure)) => return Err(failure.with_identity(way.label())),
                    Err(Refused::Passed(why)) => why,
                },
            };
            tried.push(format!("{}: {why}", way.label()));
        }
        let failure = Failure::new(Cause::NoCredentials, call(resource));
        Err(failure.with_identity(tried.join("; ")).hinted(
            "`az login`; in a pipeline AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE",
        ))
    }

    async fn open(&self, way: Way) -> Result<Found, Failure> {
        let environment = &self.environment;
        match way {
            Way::ClientSecret => entra::with_secret(environment, &self.services),
            Way::ClientCertificate => entra::with_certificate(environment, &self.services),
            Way::WorkloadIdentity => entra::with_token_file(environment, &self.services),
            Way::ManagedIdentity => managed::find(environment, &self.machine).await,
            Way::Cli => Ok(cli::find(environment)),
        }
    }

    fn remember(&self, token: &AccessToken, source: Option<&(Way, Source)>) {
        let identity = source.map(|(way, _)| way.label().to_owned());
        let configured = source.and_then(|(_, source)| match source {
            Source::Entra(login) => Some(login.principal().to_owned()),
            _ => None,
        });
        let principal = principal(token.token.secret()).or(configured);
        *self.who.lock().unwrap_or_else(PoisonError::into_inner) = Who { principal, identity };
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chain(..)")
    }
}

impl Source {
    async fn token(&self, scope: &str) -> Result<AccessToken, Refused> {
        match self {
            Self::Entra(login) => login.token(scope).await.map_err(Refused::Failed),
            Self::Managed(endpoint) => endpoint.token(scope).await,
            Self::Cli(program) => program.token(scope).await,
        }
    }
}

/// The name of getting a token, for errors.
pub(super) fn call(resource: &str) -> String {
    format!("a token for {resource}")
}

/// The claims of a token that say whose it is; `None` where it is none that can be read.
fn principal(token: &str) -> Option<String> {
    let claims = claims(token)?;
    let claim = |name: &str| {
        let text = claims.get(name)?.as_str()?;
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._@#".contains(letter);
        (!text.is_empty() && text.len() <= 128 && text.chars().all(plain)).then(|| text.to_owned())
    };
    let name = match claim("upn").or_else(|| claim("unique_name")) {
        Some(user) => user,
        None => format!("application {}", claim("appid").or_else(|| claim("azp"))?),
    };
    let object = claim("oid").map(|oid| format!(", object {oid}")).unwrap_or_default();
    let tenant = claim("tid").map(|tid| format!(", tenant {tid}")).unwrap_or_default();
    Some(format!("{name}{object}{tenant}"))
}

/// The claims of a signed token, unchecked.
pub(super) fn claims(token: &str) -> Option<serde_json::Value> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn ways(names: &[String]) -> Result<Vec<Way>, Failure> {
    if names.is_empty() {
        return Ok(WAYS.iter().map(|(way, ..)| *way).collect());
    }
    let way = |name: &String| {
        WAYS.iter().find(|(_, own, _)| own == name).map(|(way, ..)| *way).ok_or_else(|| {
            let known: Vec<&str> = WAYS.iter().map(|(way, ..)| way.name()).collect();
            Failure::new(Cause::NotAllowed, "finding an identity")
                .answered(&format!(
                    "`{name}` in `chain` under `[azure]` of your config.toml is no way to one"
                ))
                .hinted(format!("one of {}", known.join(", ")))
        })
    };
    names.iter().map(way).collect()
}

/// The ways in their usual order, with their names in settings and in messages.
const WAYS: [(Way, &str, &str); 5] = [
    (Way::ClientSecret, "client_secret", "client secret"),
    (Way::ClientCertificate, "client_certificate", "client certificate"),
    (Way::WorkloadIdentity, "workload_identity", "workload identity"),
    (Way::ManagedIdentity, "managed_identity", "managed identity"),
    (Way::Cli, "cli", "Azure CLI"),
];

/// How long a login that failed for good is not tried again: many files ask in one run, and a key service that runs for
/// days should notice that somebody has logged in.
const MEMORY: Duration = Duration::seconds(30);

/// A token that ends sooner is not used any more.
const MARGIN: Duration = Duration::seconds(60);
