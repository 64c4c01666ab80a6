//! Values in a key-value engine of Vault or OpenBao.

use std::time::Duration;

use reqwest::header::{HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, Method, Response, StatusCode, Url};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{RemoteError, cause, one_line, wait};
use crate::address::Address;
use crate::secret::SecretText;

/// A Vault, and who we are to it.
#[derive(Clone, Debug)]
pub struct Vault {
    base: Url,
    token: SecretText,
    namespace: Option<String>,
    authority: Option<Certificate>,
    machine: Option<Identity>,
}

/// A secret's place in an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// The engine's mount, without slashes around it.
    pub mount: String,
    /// The path in the engine.
    pub path: String,
    /// The engine's version: 1 or 2.
    pub version: u8,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was written.
    Written,
    /// The same values are there: no new version was made.
    Unchanged,
}

impl Vault {
    /// A Vault at `https://host:port`, with a token for it.
    ///
    /// # Errors
    /// [`RemoteError::Address`].
    pub fn new(address: &str, token: SecretText) -> Result<Self, RemoteError> {
        Ok(Self { base: url(address)?, token, namespace: None, authority: None, machine: None })
    }

    /// The same in a namespace.
    #[must_use]
    pub fn in_namespace(self, namespace: Option<String>) -> Self {
        Self { namespace, ..self }
    }

    /// The same, whose certificate may be signed by this one, in PEM.
    ///
    /// # Errors
    /// [`RemoteError::Certificate`].
    pub fn trusting(self, pem: &[u8]) -> Result<Self, RemoteError> {
        let authority =
            Certificate::from_pem(pem).map_err(|error| RemoteError::Certificate(cause(&error)))?;
        Ok(Self { authority: Some(authority), ..self })
    }

    /// The same, to which this machine shows a certificate; with its private key, both in PEM.
    ///
    /// # Errors
    /// [`RemoteError::Certificate`].
    pub fn showing(self, certificate: &[u8], key: &[u8]) -> Result<Self, RemoteError> {
        let pem = Zeroizing::new([certificate, b"\n", key].concat());
        let machine = Identity::from_pem(&pem).map_err(|error| RemoteError::Certificate(cause(&error)))?;
        Ok(Self { machine: Some(machine), ..self })
    }

    /// The address of a secret.
    ///
    /// # Errors
    /// [`RemoteError::Name`] for a path with empty steps, or such as lead elsewhere.
    pub fn place(&self, secret: &Secret) -> Result<String, RemoteError> {
        Ok(self.url_of(secret)?.to_string())
    }

    /// Puts values, a JSON object, at a place. An engine of version 2 gets no new version of what it has already.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub fn put(&self, secret: &Secret, values: &str) -> Result<Outcome, RemoteError> {
        let url = self.url_of(secret)?;
        let client = self.client()?;
        wait(async {
            let body = match secret.version {
                1 => values.to_owned(),
                _ => {
                    if self.has(&client, &url, values).await {
                        return Ok(Outcome::Unchanged);
                    }
                    format!("{{\"data\":{values}}}")
                }
            };
            self.call(&client, Method::PUT, &url, Some(body)).await?;
            Ok(Outcome::Written)
        })
    }

    /// Whether the newest version holds the same values. Who may not read writes a new version.
    async fn has(&self, client: &Client, url: &Url, values: &str) -> bool {
        let Ok(answer) = self.call(client, Method::GET, url, None).await else { return false };
        let there = answer.get("data").and_then(|data| data.get("data"));
        let here: Option<Value> = serde_json::from_str(values).ok();
        there.is_some() && there == here.as_ref()
    }

    async fn call(
        &self,
        client: &Client,
        method: Method,
        url: &Url,
        body: Option<String>,
    ) -> Result<Value, RemoteError> {
        let place = url.to_string();
        let mut token = HeaderValue::from_str(&self.token).map_err(|_| RemoteError::Answer {
            place: place.clone(),
            reason: "the token has characters that no header can have",
        })?;
        token.set_sensitive(true);
        let mut request = client.request(method, url.clone()).header("X-Vault-Token", token);
        request = request.header("X-Vault-Request", "true");
        if let Some(namespace) = &self.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        let unreachable = |error: reqwest::Error| RemoteError::Unreachable {
            place: place.clone(),
            reason: cause(&error.without_url()),
        };
        let mut response = request.send().await.map_err(unreachable)?;
        if response.status().is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
            return Err(RemoteError::Redirected { place, to: one_line(to) });
        }
        let status = response.status();
        let body = read(&mut response, &place).await?;
        answer(status, &body, place)
    }

    fn client(&self) -> Result<Client, RemoteError> {
        let builder = Client::builder().redirect(Policy::none()).connect_timeout(CONNECT).timeout(LIMIT);
        let builder = match &self.authority {
            Some(authority) => builder.tls_certs_merge([authority.clone()]),
            None => builder,
        };
        let builder = match &self.machine {
            Some(machine) => builder.identity(machine.clone()),
            None => builder,
        };
        builder
            .build()
            .map_err(|error| RemoteError::Unreachable { place: self.base.to_string(), reason: cause(&error) })
    }

    fn url_of(&self, secret: &Secret) -> Result<Url, RemoteError> {
        let Secret { mount, path, version } = secret;
        let mut url = self.base.clone();
        let wrong =
            |name: &str, reason: &str| RemoteError::Name { name: name.to_owned(), reason: reason.to_owned() };
        let mut steps = url.path_segments_mut().map_err(|()| wrong(path, "the address has no path"))?;
        steps.pop_if_empty().push("v1");
        for (name, behind) in [(mount, (*version != 1).then_some("data")), (path, None)] {
            for step in name.split('/') {
                match step {
                    "" => return Err(wrong(name, "it has an empty step")),
                    "." | ".." => return Err(wrong(name, "it leads elsewhere")),
                    step => steps.push(step),
                };
            }
            steps.extend(behind);
        }
        drop(steps);
        Ok(url)
    }
}

/// Whether the user's own environment names an address: it is that of `VAULT_ADDR`, or one of the prefixes of
/// `SOPS_HC_VAULT_ALLOWLIST`, or that is `all`. An address that cannot be used is none.
#[must_use]
pub fn is_trusted(address: &str, own: Option<&str>, allowed: Option<&str>) -> bool {
    let normal = |address: &str| Address::parse(address.trim()).ok();
    let Some(address) = normal(address) else { return false };
    let is_own = own.and_then(normal).is_some_and(|own| own.to_string() == address.to_string());
    let mut allowed = allowed.unwrap_or_default().split(',').map(str::trim);
    is_own
        || allowed
            .any(|prefix| prefix == "all" || normal(prefix).is_some_and(|prefix| prefix.contains(&address)))
}

fn url(address: &str) -> Result<Url, RemoteError> {
    let wrong = |reason| {
        // A password may stand in it.
        let shown = if address.contains('@') { "…".to_owned() } else { one_line(address) };
        RemoteError::Address { address: shown, reason }
    };
    Address::parse(address).map(|address| address.url().clone()).map_err(wrong)
}

async fn read(response: &mut Response, place: &str) -> Result<Vec<u8>, RemoteError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| RemoteError::Unreachable {
        place: place.to_owned(),
        reason: cause(&error.without_url()),
    })? {
        if body.len() + chunk.len() > ANSWER {
            return Err(RemoteError::Answer { place: place.to_owned(), reason: "it is too large" });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn answer(status: StatusCode, body: &[u8], place: String) -> Result<Value, RemoteError> {
    let value: Option<Value> = serde_json::from_slice(body).ok();
    if status.is_success() {
        return Ok(value.unwrap_or_default());
    }
    let errors = value.as_ref().and_then(|value| value.get("errors")).and_then(Value::as_array);
    let messages = errors.into_iter().flatten().filter_map(Value::as_str).take(10).map(one_line).collect();
    Err(RemoteError::Refused { place, status: status.as_u16(), messages })
}

const CONNECT: Duration = Duration::from_secs(10);
/// For one question and its answer.
const LIMIT: Duration = Duration::from_secs(60);
/// Largest answer in bytes.
const ANSWER: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(address: &str, mount: &str, path: &str, version: u8) -> Result<String, RemoteError> {
        let secret = Secret { mount: mount.to_owned(), path: path.to_owned(), version };
        Vault::new(address, "t".into())?.place(&secret)
    }

    #[test]
    fn places() {
        for (address, mount, path, version, expect) in [
            (
                "http://127.0.0.1:8200",
                "secret",
                "a/b.yaml",
                2,
                "http://127.0.0.1:8200/v1/secret/data/a/b.yaml",
            ),
            ("https://v.example/", "kv/one", "a", 1, "https://v.example/v1/kv/one/a"),
            (
                "https://v.example/pre",
                "kv",
                "a b?c#d%é",
                1,
                "https://v.example/pre/v1/kv/a%20b%3Fc%23d%25%C3%A9",
            ),
        ] {
            assert_eq!(place(address, mount, path, version).unwrap(), expect);
        }
        for (mount, path) in
            [("secret", "a//b"), ("secret", "../sys/x"), ("..", "x"), ("", "x"), ("a", "./b")]
        {
            assert!(
                matches!(place("https://v", mount, path, 2), Err(RemoteError::Name { .. })),
                "{mount} {path}"
            );
        }
        for address in ["", "v.example", "ftp://x", "https://good@evil", "https://x/?a", "unix:///x"] {
            assert!(matches!(place(address, "a", "b", 2), Err(RemoteError::Address { .. })), "{address}");
        }
    }

    #[test]
    fn tokens_go_where_the_user_says() {
        let own = Some("https://vault.good.example:8200");
        for (address, own, allowed, expect) in [
            ("https://vault.good.example:8200/", own, None, true),
            ("https://VAULT.good.example:8200", own, None, true),
            ("http://vault.good.example:8200", own, None, false),
            ("https://vault.good.example", own, None, false),
            ("https://vault.good.example.evil:8200", own, None, false),
            ("https://vault.good.example.:8200", own, None, false),
            ("https://vault.good.example:8200@evil", own, None, false),
            ("https://other.example", own, None, false),
            ("https://other.example", own, Some("https://a, https://other.example"), true),
            ("https://other.example.evil", own, Some("https://other.example"), false),
            ("https://other.example/x", None, Some("https://other.example/"), true),
            ("https://other.example", None, Some("all"), true),
            ("https://other.example", None, Some("none"), false),
            ("https://other.example", None, Some(""), false),
            ("https://other.example", None, None, false),
        ] {
            assert_eq!(is_trusted(address, own, allowed), expect, "{address} {own:?} {allowed:?}");
        }
    }
}
