//! The metadata server of Google's machines and clusters: whether there is one, and for which account it speaks. Its tokens
//! are fetched by Google's library.

use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::file::is_account;
use crate::keys::Environment;

/// A metadata server that answered.
#[derive(Clone)]
pub(super) struct Metadata {
    /// `http://host`.
    pub(super) url: String,
    /// The service account, where it says so.
    pub(super) email: Option<String>,
}

/// Looks for a metadata server; finds within 300 ms that there is none.
///
/// # Errors
/// Why there is none.
pub(super) async fn find(environment: &Environment) -> Result<Metadata, String> {
    if environment.text("NO_GCE_CHECK").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Err("left out, since NO_GCE_CHECK is set".to_owned());
    }
    let host = environment.text("GCE_METADATA_HOST").unwrap_or(HOST);
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().map_err(|_| "GCE_METADATA_HOST is no host")?),
        None => (host, 80),
    };
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) {
        return Err("GCE_METADATA_HOST is no host".to_owned());
    }
    let stream = match timeout(LIMIT, TcpStream::connect((name, port))).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(_)) => return Err(format!("there is none at {host}")),
        Err(_) => return Err(format!("no answer from {host} in {} ms", LIMIT.as_millis())),
    };
    let request = format!(
        "GET {EMAIL_PATH} HTTP/1.1\r\nHost: {host}\r\nMetadata-Flavor: Google\r\nConnection: close\r\n\r\n"
    );
    let answer = match timeout(ANSWER_TIME, ask(&stream, request.as_bytes())).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) | Err(_) => return Err(format!("{host} does not answer as one")),
    };
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if !head.lines().any(|line| line.eq_ignore_ascii_case("metadata-flavor: google")) {
        return Err(format!("{host} does not answer as one"));
    }
    let is_found = head.split(' ').nth(1) == Some("200");
    let email = Some(body.trim()).filter(|email| is_found && is_account(email)).map(str::to_owned);
    Ok(Metadata { url: format!("http://{host}"), email })
}

/// Sends a request and reads what comes until the other side closes, or until it is enough.
async fn ask(stream: &TcpStream, request: &[u8]) -> io::Result<String> {
    let mut left = request;
    while !left.is_empty() {
        stream.writable().await?;
        match stream.try_write(left) {
            Ok(count) => left = left.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let mut answer = vec![0; ANSWER_LIMIT];
    let mut filled = 0;
    while let Some(free) = answer.get_mut(filled..).filter(|free| !free.is_empty()) {
        stream.readable().await?;
        match stream.try_read(free) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    answer.truncate(filled);
    String::from_utf8(answer).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

const HOST: &str = "metadata.google.internal";
const EMAIL_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/email";

/// How long it takes at most to find that nobody is there.
const LIMIT: Duration = Duration::from_millis(300);

/// What an existing one gets for its first answer.
const ANSWER_TIME: Duration = Duration::from_secs(3);
const ANSWER_LIMIT: usize = 4 << 10;
