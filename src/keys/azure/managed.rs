//! The identity that Azure gives to a machine or an App Service: asked of an address on the machine itself.

use std::net::IpAddr;
use std::time::Duration;

use azure_core::credentials::AccessToken;
use azure_core::time::OffsetDateTime;
use reqwest::Url;
use serde::Deserialize;

use super::chain::{Found, Refused, Source};
use super::entra::CLIENT;
use super::transport::{Answer, MALFORMED, Said, Transport, trouble};
use crate::keys::{Cause, Environment, Failure};

/// Where the machine's identity is asked for.
#[derive(Debug)]
pub(super) struct Endpoint {
    transport: Transport,
    url: Url,
    version: &'static str,
    /// The header of App Service, with its secret.
    header: Option<(&'static str, Header)>,
    /// The identity, if the machine has several.
    client: Option<String>,
}

struct Header(String);

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Header(..)")
    }
}

impl Endpoint {
    pub(super) async fn token(&self, scope: &str) -> Result<AccessToken, Refused> {
        let resource = scope.trim_end_matches("/.default");
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("api-version", self.version).append_pair("resource", resource);
        if let Some(client) = &self.client {
            url.query_pairs_mut().append_pair("client_id", client);
        }
        let call = format!("GET {}", self.url);
        let mut headers = vec![("Metadata", "true")];
        headers.extend(self.header.as_ref().map(|(name, value)| (*name, value.0.as_str())));
        let answer = self.transport.get(url, &headers).await.map_err(Refused::Failed)?;
        if answer.status == 200 {
            let token = read(&answer);
            return token
                .ok_or_else(|| Refused::Failed(Failure::new(Cause::Malformed, call).hinted(MALFORMED)));
        }
        let line = Said::of(&answer.body).line(answer.status);
        if answer.status == 400 && self.header.is_none() {
            return Err(Refused::Passed(format!("this machine has no such identity ({line})")));
        }
        Err(Refused::Failed(trouble(&answer, &call).unwrap_or_else(|| {
            // The metadata service says so while it starts.
            let cause = match answer.status {
                404 | 410 => Cause::Unavailable,
                _ => Cause::Unauthenticated,
            };
            Failure::new(cause, call).answered(&line).hinted(
                "give the machine or the app an identity; AZURE_CLIENT_ID must be that of a user-assigned one, or not be set",
            )
        })))
    }
}

/// App Service where its variables are set; else the metadata service, if there is one.
pub(super) async fn find(environment: &Environment, transport: &Transport) -> Result<Found, Failure> {
    let client = environment.text(CLIENT).map(str::to_owned);
    let named = client.as_deref().map(|client| format!(", identity {client}")).unwrap_or_default();
    if let Some(text) = environment.text(ENDPOINT) {
        let Some(secret) = environment.text(HEADER) else {
            return Ok(Found::Missing(format!("{ENDPOINT} is set but {HEADER} is not")));
        };
        let url = local(text).ok_or_else(|| {
            Failure::new(Cause::NotAllowed, "reading IDENTITY_ENDPOINT")
                .answered("it is no address of this machine, and the secret of IDENTITY_HEADER goes there")
                .hinted("leave it to the platform")
        })?;
        let header = Some(("X-IDENTITY-HEADER", Header(secret.to_owned())));
        let transport = transport.clone();
        let endpoint = Endpoint { transport, url, version: "2019-08-01", header, client };
        return Ok(Found::Ready(Source::Managed(endpoint), format!("{ENDPOINT} is set{named}")));
    }
    let Ok(url) = Url::parse(METADATA) else { return Ok(Found::Missing("no address".to_owned())) };
    // Without its header the metadata service refuses, which is enough to know it.
    let probe = transport.get(url.clone(), &[]);
    match tokio::time::timeout(PATIENCE, probe).await {
        Err(_) => Ok(Found::Missing("no answer of 169.254.169.254 in 300 ms".to_owned())),
        Ok(Err(_)) => Ok(Found::Missing("169.254.169.254 cannot be reached".to_owned())),
        Ok(Ok(answer)) if answer.status != 400 => {
            Ok(Found::Missing(format!("169.254.169.254 is not Azure's: it answers {}", answer.status)))
        }
        Ok(Ok(_)) => {
            let transport = transport.clone();
            let endpoint = Endpoint { transport, url, version: "2018-02-01", header: None, client };
            let outcome = format!("169.254.169.254 answers{named}");
            Ok(Found::Ready(Source::Managed(endpoint), outcome))
        }
    }
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    /// Seconds since 1970, as a number or as text.
    expires_on: serde_json::Value,
}

fn read(answer: &Answer) -> Option<AccessToken> {
    let token: Token = serde_json::from_slice(&answer.body).ok()?;
    let expires = token.expires_on.as_i64().or_else(|| token.expires_on.as_str()?.parse().ok())?;
    let expires = OffsetDateTime::from_unix_timestamp(expires).ok()?;
    Some(AccessToken::new(token.access_token, expires))
}

/// An address of this machine or its link, or one that proves who it is.
fn local(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_local = match url.host_str()? {
        "localhost" => true,
        host => match host.trim_matches(['[', ']']).parse().ok() {
            Some(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
            Some(IpAddr::V6(address)) => address.is_loopback(),
            None => false,
        },
    };
    let fits = url.scheme() == "https" || url.scheme() == "http" && is_local;
    (fits && url.username().is_empty() && url.password().is_none() && url.query().is_none()).then_some(url)
}

const ENDPOINT: &str = "IDENTITY_ENDPOINT";
const HEADER: &str = "IDENTITY_HEADER";
const METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// What finding out whether there is a metadata service may take.
const PATIENCE: Duration = Duration::from_millis(300);
