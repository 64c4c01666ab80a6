//! One question to Vault and its answer: no redirects, no answers without end, no secrets in errors.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, Method, NoProxy, Response, Url};
use serde_json::Value;
use zeroize::Zeroizing;

use super::server::{Authority, Server};
use crate::address::Address;
use crate::keys::failure::{Cause, Failure};
use crate::keys::limited::read_limited;
use crate::secret::{SecretBytes, SecretText};

/// A failure, and whether the same call cannot work a moment later, whatever its cause.
#[derive(Clone, Debug)]
pub(super) struct Halt {
    pub(super) failure: Failure,
    pub(super) is_final: bool,
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self { is_final: !failure.cause.is_transient(), failure }
    }
}

impl Halt {
    pub(super) fn map(self, change: impl FnOnce(Failure) -> Failure) -> Self {
        Self { failure: change(self.failure), ..self }
    }

    /// What is not worth another attempt.
    pub(super) fn last(failure: Failure) -> Self {
        Self { failure, is_final: true }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) enum Reply {
    /// The body of a success.
    Done(SecretBytes),
    Refused(Refusal),
}

/// A "no", in Vault's words.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// In one line; `None` where the answer is none of Vault's.
    pub(super) message: Option<String>,
    pub(super) after: Option<Duration>,
}

impl Refusal {
    /// Status and message, without the frame that Go's lists of errors have.
    pub(super) fn shown(&self) -> String {
        let message = self.message.as_deref().unwrap_or_default();
        let listed = message
            .split_once(" occurred: * ")
            .filter(|(count, _)| count.ends_with("error") || count.ends_with("errors"));
        let message = listed.map_or_else(|| message.to_owned(), |(_, list)| list.replace(" * ", "; "));
        format!("{} {message}", self.status).trim().to_owned()
    }
}

/// A question.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) token: Option<&'a SecretText>,
    pub(super) namespace: Option<&'a str>,
    pub(super) body: &'a [u8],
}

impl Question<'_> {
    /// For people.
    pub(super) fn call(&self) -> String {
        format!("{} {}", self.method, self.url)
    }
}

/// A client for that server alone.
pub(super) fn client(server: &Server) -> Result<Client, Failure> {
    let wrong = |name: &str, why: &str| {
        Failure::new(Cause::NoCredentials, "")
            .answered(&format!("{name} cannot be used: {why}"))
            .hinted(format!("correct {name}: it has to be a file in PEM that you may read"))
    };
    let mut builder = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .https_only(server.address.is_encrypted())
        .connect_timeout(CONNECT)
        .user_agent(concat!("sealeaf/", env!("CARGO_PKG_VERSION")));
    if let Some(authority) = &server.authority {
        let (name, pem) = match authority {
            Authority::File { name, path } => (name, read_file(path).map_err(|why| wrong(name, &why))?),
            Authority::Text { name, pem } => (name, pem.as_str().into()),
        };
        let certificates =
            Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| wrong(name, &innermost(&error)))?;
        if certificates.is_empty() {
            return Err(wrong(name, "there is no certificate in it"));
        }
        builder = builder.tls_certs_only(certificates);
    } else if !server.address.is_encrypted() {
        // Nothing of the system's is read for what is not used.
        builder = builder.tls_certs_only([]);
    }
    if let Some((certificate, key)) = server.machine.as_ref().filter(|_| server.address.is_encrypted()) {
        let mut pem = Zeroizing::new(Vec::with_capacity(2 * FILE_LIMIT + 1));
        for path in [certificate, key] {
            let text = read_file(path).map_err(|why| wrong(&format!("`{}`", path.display()), &why))?;
            pem.extend_from_slice(text.as_bytes());
            pem.push(b'\n');
        }
        let identity = Identity::from_pem(&pem).map_err(|error| {
            wrong(&format!("`{}` with its key", certificate.display()), &innermost(&error))
        })?;
        builder = builder.identity(identity);
    }
    if let Some(proxy) = &server.proxy {
        let except = proxy.except.as_deref().and_then(NoProxy::from_string);
        let proxy = reqwest::Proxy::https(&proxy.url).map_err(|_| {
            Failure::new(Cause::Unreachable, "")
                .answered("HTTPS_PROXY is no address")
                .hinted("correct HTTPS_PROXY")
        })?;
        builder = builder.proxy(proxy.no_proxy(except));
    }
    builder
        .build()
        .map_err(|error| Failure::new(Cause::Unreachable, "").answered(&innermost(&error)).hinted(HINT_TLS))
}

/// Asks. The failure has the call, and a way out.
pub(super) async fn ask(client: &Client, question: &Question<'_>) -> Result<Reply, Halt> {
    let call = question.call();
    let mut request =
        client.request(question.method.clone(), question.url.clone()).header("X-Vault-Request", "true");
    if let Some(token) = question.token {
        let header = HeaderValue::from_str(token).ok().filter(|_| !token.is_empty());
        let mut header = header.ok_or_else(|| {
            Failure::new(Cause::NoCredentials, call.clone())
                .answered("the token has characters that no token has")
                .hinted("give the token alone, in one line")
        })?;
        header.set_sensitive(true);
        request = request.header("X-Vault-Token", header);
    }
    if let Some(namespace) = question.namespace {
        let header = HeaderValue::from_str(namespace).map_err(|_| {
            Failure::new(Cause::NotAllowed, call.clone())
                .answered("the namespace has characters that no namespace has")
                .hinted("correct VAULT_NAMESPACE, or `namespace` in your config.toml")
        })?;
        request = request.header("X-Vault-Namespace", header);
    }
    if question.method != Method::GET {
        request = request.header(CONTENT_TYPE, "application/json").body(question.body.to_vec());
    }
    let mut response = request.send().await.map_err(|error| unreachable(error, &call))?;
    let status = response.status();
    if status.is_redirection() {
        return Err(redirected(response.headers(), &call).into());
    }
    let after = response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
    let body = read(&mut response, &call).await?;
    if status.is_success() {
        return Ok(Reply::Done(body));
    }
    let message = message(body.expose());
    Ok(Reply::Refused(Refusal { status: status.as_u16(), message, after: after.map(Duration::from_secs) }))
}

/// What was asked for instead of what can be understood.
pub(super) fn malformed(call: impl Into<String>, why: &str) -> Failure {
    Failure::new(Cause::Malformed, call)
        .answered(why)
        .hinted("see whether a Vault or OpenBao answers there, and nothing that changes its answers")
}

/// A small file of the user's.
pub(super) fn read_file(path: &Path) -> Result<SecretText, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err("it is no file".to_owned());
    }
    let bytes = read_limited(file, FILE_LIMIT).map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("it is larger than {FILE_LIMIT} bytes"))?;
    std::str::from_utf8(bytes.expose()).map(SecretText::from).map_err(|_| "it is no text".to_owned())
}

async fn read(response: &mut Response, call: &str) -> Result<SecretBytes, Halt> {
    let mut body = Zeroizing::new(Vec::with_capacity(ANSWER_LIMIT));
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(error, call))? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(malformed(call, &format!("more than {ANSWER_LIMIT} bytes")).into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(SecretBytes::new(std::mem::take(&mut *body)))
}

/// What Vault says in an error. Its list of errors may be empty, or be one of warnings.
fn message(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let list = |name: &str| value.get(name).and_then(Value::as_array).map(Vec::as_slice);
    let said = match (list("errors"), value.get("request_id")) {
        (Some(errors), _) => errors,
        (None, Some(_)) => list("warnings").unwrap_or_default(),
        (None, None) => return None,
    };
    let words = said.iter().filter_map(Value::as_str).take(5).flat_map(str::split_whitespace);
    Some(words.collect::<Vec<_>>().join(" "))
}

/// The address alone: the rest of where it leads may hold anything.
fn redirected(headers: &HeaderMap, call: &str) -> Failure {
    let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
    let to = to.and_then(|to| Url::parse(to).ok()).and_then(|mut url| {
        url.set_path("");
        url.set_query(None);
        url.set_fragment(None);
        Address::parse(url.as_str()).ok()
    });
    let failure = Failure::new(Cause::NotAllowed, call);
    match to {
        Some(to) => {
            failure.answered(&format!("it sends us to {to}; the token does not go there")).hinted(format!(
                "if that is your Vault, use {to} in the key's identifier and in VAULT_ADDR or config.toml"
            ))
        }
        None => failure
            .answered("it sends us elsewhere; the token does not go there")
            .hinted("use the address of the server that answers itself"),
    }
}

fn unreachable(error: reqwest::Error, call: &str) -> Halt {
    let error = error.without_url();
    let why = innermost(&error);
    let is_tls = TLS.iter().any(|part| why.contains(part));
    let failure = |cause| Failure::new(cause, call).answered(&why);
    if error.is_timeout() {
        return failure(Cause::TimedOut).hinted("see whether the server can be reached from here").into();
    }
    if is_tls {
        return Halt::last(failure(Cause::Unreachable).hinted(HINT_TLS));
    }
    let hint = match error.is_connect() {
        true => "see whether the server runs, and whether the address and port are right",
        false => "the connection broke: try again, and see what stands between here and the server",
    };
    failure(Cause::Unreachable).hinted(hint).into()
}

/// The innermost cause.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = source.to_string();
        next = source.source();
    }
    text
}

const HINT_TLS: &str = "name the authority that signed the server's certificate: `ca_file` under `[[vault.servers]]` in your config.toml, or VAULT_CACERT";

/// Words of errors that another attempt does not change.
const TLS: &[&str] = &[
    "invalid peer certificate",
    "received fatal alert",
    "corrupt message",
    "peer is incompatible",
    "certificate",
];

const CONNECT: Duration = Duration::from_secs(10);

/// Largest answer in bytes: that of a login lists the token's policies.
const ANSWER_LIMIT: usize = 256 << 10;

/// Largest file that is read, in bytes.
const FILE_LIMIT: usize = 64 << 10;
