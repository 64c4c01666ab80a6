//! HTTP for everything of Azure: no redirects, answers of a bounded length, and every failure of the way in parts.

use std::error::Error as _;
use std::pin::Pin;
use std::time::Duration;

use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

use crate::keys::{Cause, Failure};

/// An answer as far as it is read.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Headers,
    pub(super) body: Vec<u8>,
}

/// The client that the SDK and our own calls share.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    client: Client,
}

impl Transport {
    /// For services: over the user's proxy, if there is one.
    pub(super) fn new() -> Result<Self, Failure> {
        Self::build(Client::builder())
    }

    /// For services of this machine, which no proxy reaches.
    pub(super) fn to_this_machine() -> Result<Self, Failure> {
        Self::build(Client::builder().no_proxy())
    }

    fn build(builder: reqwest::ClientBuilder) -> Result<Self, Failure> {
        let builder = builder.redirect(Policy::none()).connect_timeout(CONNECT);
        match builder.build() {
            Ok(client) => Ok(Self { client }),
            Err(error) => Err(Failure::new(Cause::Unreachable, "HTTPS").answered(&innermost(&error))),
        }
    }

    /// A request of our own.
    pub(super) async fn get(&self, url: reqwest::Url, headers: &[(&str, &str)]) -> Result<Answer, Failure> {
        let call = format!("GET {}", shown(&url));
        let mut request = self.client.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request, &call).await
    }

    async fn send(&self, request: &Request) -> Result<AsyncRawResponse, Error> {
        let call = format!("{} {}", request.method().as_str(), shown(request.url()));
        let failed = |failure: Failure| Error::new(ErrorKind::Other, failure);
        let Ok(method) = reqwest::Method::from_bytes(request.method().as_str().as_bytes()) else {
            return Err(failed(Failure::new(Cause::Rejected, call)));
        };
        let mut made = self.client.request(method, request.url().clone());
        for (name, value) in request.headers().iter() {
            made = made.header(name.as_str(), value.as_str());
        }
        if let Body::Bytes(bytes) = request.body() {
            made = made.body(bytes.clone());
        }
        let answer = read(made, &call).await.map_err(failed)?;
        if let Some(failure) = trouble(&answer, &call) {
            return Err(failed(failure));
        }
        Ok(AsyncRawResponse::from_bytes(answer.status.into(), answer.headers, answer.body))
    }
}

impl HttpClient for Transport {
    fn execute_request<'a, 'b, 'f>(
        &'a self,
        request: &'b Request,
    ) -> Pin<Box<dyn Future<Output = Result<AsyncRawResponse, Error>> + Send + 'f>>
    where
        'a: 'f,
        'b: 'f,
        Self: 'f,
    {
        Box::pin(self.send(request))
    }
}

/// What an answer of any service says about the way, if it says no more than that.
pub(super) fn trouble(answer: &Answer, call: &str) -> Option<Failure> {
    let told = |cause| {
        let said = Said::of(&answer.body);
        Failure::new(cause, call).answered(&said.line(answer.status))
    };
    match answer.status {
        300..=399 => {
            Some(told(Cause::NotAllowed).hinted("nothing: a redirect is never followed, whoever asks for it"))
        }
        429 => {
            let failure = told(Cause::Throttled).hinted("again in a minute, with fewer calls at once");
            Some(Failure { after: after(&answer.headers), ..failure })
        }
        408 | 500..=599 => {
            let failure = told(Cause::Unavailable)
                .hinted("again later; https://azure.status.microsoft says what is broken");
            Some(Failure { after: after(&answer.headers), ..failure })
        }
        _ => None,
    }
}

/// The code and the message of an error of Key Vault or Entra; nothing else of its body.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// `Forbidden`, `invalid_client`.
    pub(super) code: String,
    /// The more exact code inside of it: `KeyDisabled`.
    pub(super) inner: String,
    /// The message.
    pub(super) message: String,
}

impl Said {
    pub(super) fn of(body: &[u8]) -> Self {
        let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else { return Self::default() };
        let text = |value: Option<&serde_json::Value>| {
            value.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        match value.get("error") {
            Some(serde_json::Value::Object(error)) => Self {
                code: text(error.get("code")),
                inner: text(error.get("innererror").and_then(|inner| inner.get("code"))),
                message: text(error.get("message")),
            },
            error => Self {
                code: text(error),
                inner: String::new(),
                // What follows are trace ids, and the time.
                message: text(value.get("error_description"))
                    .split(" Trace ID:")
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            },
        }
    }

    /// For the error: `403 Forbidden (KeyDisabled): Operation …`.
    pub(super) fn line(&self, status: u16) -> String {
        let mut line = format!("{status} {}", self.code);
        if !self.inner.is_empty() {
            line.push_str(&format!(" ({})", self.inner));
        }
        let line = line.trim_end();
        if self.message.is_empty() { line.to_owned() } else { format!("{line}: {}", self.message) }
    }
}

async fn read(request: reqwest::RequestBuilder, call: &str) -> Result<Answer, Failure> {
    let mut response = request.send().await.map_err(|error| unreachable(&error, call))?;
    let (status, headers) = (response.status(), headers(&response));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error, call))? {
        body.extend_from_slice(&chunk);
        if body.len() > LIMIT {
            let failure = Failure::new(Cause::Malformed, call);
            return Err(failure.answered(&format!("more than {LIMIT} bytes")).hinted(MALFORMED));
        }
    }
    Ok(Answer { status: StatusCode::as_u16(&status), headers, body })
}

fn headers(response: &Response) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in response.headers() {
        if let Ok(value) = value.to_str() {
            headers.insert(HeaderName::from(name.as_str().to_owned()), HeaderValue::from(value.to_owned()));
        }
    }
    headers
}

fn after(headers: &Headers) -> Option<Duration> {
    let text = headers.get_optional_str(&HeaderName::from_static("retry-after"))?;
    text.parse().ok().map(Duration::from_secs)
}

fn unreachable(error: &reqwest::Error, call: &str) -> Failure {
    let answer = innermost(error);
    let hint = if answer.contains("certificate") {
        "the certificate of whoever answers there is not trusted here: a proxy in between? `SSL_CERT_FILE` names further authorities"
    } else {
        "is the name right, and is there a way to it: DNS, HTTPS_PROXY, the vault's firewall, a private endpoint?"
    };
    Failure::new(Cause::Unreachable, call).answered(&answer).hinted(hint)
}

/// The cause at the bottom; the texts above it hold addresses with their queries.
fn innermost(error: &reqwest::Error) -> String {
    let mut source = error.source();
    let mut last = None;
    while let Some(error) = source {
        last = Some(error);
        source = error.source();
    }
    last.map_or_else(|| "the connection broke".to_owned(), ToString::to_string)
}

/// An address without its query.
fn shown(url: &reqwest::Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    // An empty version leaves two slashes.
    format!("{}://{host}{port}{}", url.scheme(), url.path().replace("//", "/"))
}

/// What is said where an answer makes no sense.
pub(super) const MALFORMED: &str =
    "does something in between answer instead of the service, such as a proxy?";

/// Most bytes of an answer. A token has a few thousand.
const LIMIT: usize = 64 << 10;

const CONNECT: Duration = Duration::from_secs(10);
