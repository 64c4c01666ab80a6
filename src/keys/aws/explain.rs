//! The identity chain for `explain`: what each step came to, what a token claims, who AWS says one is.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_sts::Client;
use tokio::time::timeout;

use super::arn::Id;
use super::error::of_call;
use super::hint::SKEW;
use super::login::Session;
use super::{Shared, files, refusal};
use crate::keys::network::Network;
use crate::keys::{Cause, Failure, KeyRef, Run, Step};

/// The steps, the one used among them.
pub(super) async fn identity(key: &KeyRef, run: &Run<'_>) -> Vec<Step> {
    let Ok(id) = Id::of_sops(&key.id) else { return Vec::new() };
    if let Some(failure) = refusal(run, &id, "") {
        let outcome = failure.to_string();
        return vec![Step { name: "what the file asks for".to_owned(), outcome, used: false }];
    }
    let shared = Shared::of(run);
    let login = shared.login(&id);
    let network = match Network::of(run) {
        Ok(network) => network,
        Err(failure) => {
            return vec![Step { name: "network".to_owned(), outcome: failure.to_string(), used: false }];
        }
    };
    let limit = run.settings.network.limit();
    let asked = Arc::clone(&shared);
    let work = async move {
        let mut steps = match timeout(limit, login.session()).await {
            Ok(Ok(session)) => {
                let mut steps = session.steps.clone();
                let outcome = match caller(&session).await {
                    Ok(who) => who,
                    Err(failure) => failure.to_string(),
                };
                steps.push(Step { name: "who AWS says you are".to_owned(), outcome, used: false });
                steps
            }
            Ok(Err(failed)) => failed.steps,
            Err(_) => {
                let outcome = format!("nothing within {} s", limit.as_secs());
                vec![Step { name: "identity chain".to_owned(), outcome, used: false }]
            }
        };
        let skew = asked.skew.seconds();
        if skew.unsigned_abs() > SKEW {
            let side = if skew > 0 { "slow" } else { "fast" };
            let outcome = format!("{} s {side}, by the clock of AWS", skew.unsigned_abs());
            steps.push(Step { name: "this machine's clock".to_owned(), outcome, used: false });
        }
        steps
    };
    let mut steps = network.run(work).await.unwrap_or_default();
    if let Some(claims) = token_claims(run) {
        let place =
            steps.iter().position(|step| step.name == "web identity token").map_or(steps.len(), |at| at + 1);
        let name = "claims of the web identity token".to_owned();
        steps.insert(place, Step { name, outcome: claims, used: false });
    }
    steps
}

/// Who AWS says this is, by its ARN. Everybody may ask that.
pub(super) async fn caller(session: &Session) -> Result<String, Failure> {
    let config = aws_sdk_sts::config::Builder::from(&session.config)
        .credentials_provider(session.credentials.clone())
        .build();
    let call = "sts:GetCallerIdentity";
    match timeout(CALLER, Client::from_conf(config).get_caller_identity().send()).await {
        Ok(Ok(answer)) => answer.arn.ok_or_else(|| Failure::new(Cause::Malformed, call)),
        Ok(Err(error)) => Err(of_call(call, &error)),
        Err(_) => Err(Failure::new(Cause::TimedOut, call)),
    }
}

fn token_claims(run: &Run<'_>) -> Option<String> {
    let (file, _) = files::web_identity(run.environment).ok()?;
    let mut token = String::new();
    if let Err(error) = File::open(file).and_then(|file| file.take(TOKEN_LIMIT).read_to_string(&mut token)) {
        return Some(format!("the file cannot be read: {error}"));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let claims = files::claims(&token, now);
    zeroize::Zeroize::zeroize(&mut token);
    Some(claims.unwrap_or_else(|| "it is no JSON web token".to_owned()))
}

/// How long that question may take.
const CALLER: Duration = Duration::from_secs(3);

/// Longest token in bytes.
const TOKEN_LIMIT: u64 = 64 << 10;
