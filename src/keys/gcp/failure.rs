//! What an error of Google's libraries comes down to. Their own words are used only where they cannot repeat a secret: the
//! service's code and message, and what the operating system says about a connection.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::error::{CredentialsError, Error};
use serde_json::Value;

use super::client::Who;
use crate::keys::{Cause, Failure};

/// The call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Encrypt,
    Decrypt,
}

impl Call {
    /// Its name, and where it was made if that is not Google's own address.
    pub(super) fn name(self, endpoint: Option<&str>) -> String {
        let name = match self {
            Self::Encrypt => "cloudkms Encrypt",
            Self::Decrypt => "cloudkms Decrypt",
        };
        endpoint.map_or_else(|| name.to_owned(), |endpoint| format!("{name} at {endpoint}"))
    }

    const fn permission(self) -> &'static str {
        match self {
            Self::Encrypt => "cloudkms.cryptoKeyVersions.useToEncrypt",
            Self::Decrypt => "cloudkms.cryptoKeyVersions.useToDecrypt",
        }
    }
}

/// The failure behind an error of a call.
pub(super) fn of(error: &Error, call: Call, id: &str, who: &Who) -> Failure {
    if error.is_authentication() {
        return of_credentials(error, who);
    }
    let failure = match (error.status(), error.http_status_code()) {
        (Some(status), _) => of_status(status.code, &status.message, call, id, who),
        (None, Some(http)) => of_http(http),
        (None, None) if error.is_timeout() => Failure::new(Cause::TimedOut, ""),
        (None, None) if error.is_connect() || error.is_io() || error.is_transport() => {
            Failure::new(Cause::Unreachable, "").answered(&innermost(error))
        }
        (None, None) if error.is_deserialization() => malformed("what came is no answer of Cloud KMS"),
        (None, None) => Failure::new(Cause::Rejected, "").answered("the call could not be made"),
    };
    let wait =
        error.http_headers().and_then(|headers| headers.get("retry-after")?.to_str().ok()?.parse().ok());
    let failure = Failure { after: wait.map(Duration::from_secs), ..failure };
    who.signed(failure)
}

/// An answer that is no answer.
pub(super) fn malformed(answer: &str) -> Failure {
    let hint = "the same again; if it stays, see who stands between this machine and Google, such as a proxy";
    Failure::new(Cause::Malformed, "").answered(answer).hinted(hint)
}

/// Fills in what every failure has: the call, and a way out.
pub(super) fn completed(mut failure: Failure, call: String) -> Failure {
    if failure.call.is_empty() {
        failure.call = call;
    }
    if failure.hint.is_none() {
        failure.hint = Some(way_out(failure.cause).to_owned());
    }
    failure
}

fn way_out(cause: Cause) -> &'static str {
    match cause {
        Cause::Throttled => "it again later, or a higher quota for Cloud KMS in the project",
        Cause::Unavailable => "it again later; https://status.cloud.google.com says what is down",
        Cause::Unreachable => {
            "the network, the proxy (HTTPS_PROXY) and the certificates (SSL_CERT_FILE) of this machine"
        }
        Cause::TimedOut => "it again, or a longer `timeout` under `[network]` in your config.toml",
        _ => "`sealeaf explain` on the file",
    }
}

fn of_status(code: Code, message: &str, call: Call, id: &str, who: &Who) -> Failure {
    let account =
        who.principal.as_deref().map_or_else(|| "the identity".to_owned(), |who| format!("`{who}`"));
    let (cause, hint) = match code {
        Code::PermissionDenied if message.contains("authentication scopes") => {
            (Cause::Denied, Some("the scope `cloud-platform` for this machine's service account".to_owned()))
        }
        Code::PermissionDenied
            if message.contains("has not been used") || message.contains("API is disabled") =>
        {
            (
                Cause::Denied,
                Some("`gcloud services enable cloudkms.googleapis.com` in the project".to_owned()),
            )
        }
        Code::PermissionDenied => {
            let role = "roles/cloudkms.cryptoKeyEncrypterDecrypter";
            let hint = format!("give {account} the role {role} on this key; it brings {}", call.permission());
            (Cause::Denied, Some(hint))
        }
        Code::Unauthenticated => (Cause::Unauthenticated, Some(who.remedy.to_owned())),
        Code::NotFound => {
            let ring = id.rsplit_once("/cryptoKeys/").map_or(id, |(ring, _)| ring);
            (
                Cause::NotFound,
                Some(format!("`gcloud kms keys list --keyring={ring}` shows the keys that there are")),
            )
        }
        Code::FailedPrecondition => (Cause::Disabled, Some(of_disabled(message, id))),
        Code::InvalidArgument if message.contains("checksum") => {
            return malformed("").answered(&format!("{} {message}", code.name()));
        }
        Code::InvalidArgument if call == Call::Decrypt => {
            let hint = "the wrap as it was committed: it is of another key, or was changed";
            (Cause::WrongKey, Some(hint.to_owned()))
        }
        Code::ResourceExhausted => (Cause::Throttled, None),
        Code::Unavailable | Code::Internal | Code::Aborted | Code::DeadlineExceeded | Code::Unknown => {
            (Cause::Unavailable, None)
        }
        _ => (Cause::Rejected, None),
    };
    let failure = Failure::new(cause, "").answered(&format!("{} {message}", code.name()));
    Failure { hint, ..failure }
}

fn of_disabled(message: &str, id: &str) -> String {
    // The message has the version's whole name: `projects/…/cryptoKeyVersions/1 is not enabled, …`.
    let version = message
        .split_once("/cryptoKeyVersions/")
        .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    let version = version.filter(|number| !number.is_empty()).unwrap_or_else(|| "VERSION".to_owned());
    let key = id.to_owned();
    if message.contains("DESTROY_SCHEDULED") {
        format!("`gcloud kms keys versions restore {version} --key={key}`, while there is time")
    } else if message.contains("DESTROYED") {
        "another recipient: what this version of the key has wrapped is lost".to_owned()
    } else {
        format!("`gcloud kms keys versions enable {version} --key={key}`")
    }
}

/// An answer with a status and without Google's form: what a proxy or a wrong address gives.
fn of_http(status: u16) -> Failure {
    let answer = format!("HTTP {status}");
    match status {
        429 => Failure::new(Cause::Throttled, "").answered(&answer),
        500.. => Failure::new(Cause::Unavailable, "").answered(&answer),
        _ => malformed(&format!("{answer}, not in the form of Cloud KMS")),
    }
}

/// Where the tokens come from is another service, with errors of its own.
fn of_credentials(error: &Error, who: &Who) -> Failure {
    let mut said = Said::default();
    let mut link: Option<&(dyn StdError + 'static)> = error.source();
    let mut is_transient = false;
    while let Some(error) = link {
        is_transient |= error.downcast_ref::<CredentialsError>().is_some_and(CredentialsError::is_transient);
        said.hear(error);
        link = error.source();
    }
    let answer = match (&said.code, said.http) {
        (Some(code), _) => format!("{code} {}", said.message.as_deref().unwrap_or_default()),
        (None, Some(http)) => format!("HTTP {http}"),
        (None, None) => said.local.clone().unwrap_or_else(|| innermost(error)),
    };
    let code = said.code.as_deref().unwrap_or_default();
    let may_not_act =
        said.message.as_deref().is_some_and(|text| text.contains("iam.serviceAccounts.getAccessToken"));
    let (cause, hint) = match (code, said.http) {
        ("PERMISSION_DENIED", _) | (_, Some(403)) if may_not_act => (
            Cause::Denied,
            Some(format!(
                "give the identity the role roles/iam.serviceAccountTokenCreator on {}",
                who.principal.as_deref().unwrap_or("the service account")
            )),
        ),
        ("PERMISSION_DENIED", _) | (_, Some(403)) => (Cause::Denied, Some(who.remedy.to_owned())),
        ("RESOURCE_EXHAUSTED", _) | (_, Some(429)) => (Cause::Throttled, None),
        ("UNAVAILABLE" | "INTERNAL", _) | (_, Some(500..)) => (Cause::Unavailable, None),
        ("NOT_FOUND", _) | (_, Some(404)) => (Cause::NoCredentials, Some(who.remedy.to_owned())),
        ("invalid_grant", _) => {
            let is_old = said.message.as_deref().is_some_and(|text| text.contains("expired"));
            let cause = if is_old { Cause::Expired } else { Cause::Unauthenticated };
            (cause, Some(who.remedy.to_owned()))
        }
        ("", None) if is_transient && said.local.is_none() => (Cause::Unreachable, None),
        ("", None) => (Cause::NoCredentials, Some(who.remedy.to_owned())),
        _ => (Cause::Unauthenticated, Some(who.remedy.to_owned())),
    };
    let failure = Failure::new(cause, "a token for cloudkms").answered(&answer);
    who.signed(Failure { hint, ..failure })
}

/// What an error of the token's service says, as far as it may be repeated.
#[derive(Default)]
struct Said {
    http: Option<u16>,
    code: Option<String>,
    message: Option<String>,
    /// What is wrong on this machine.
    local: Option<String>,
}

impl Said {
    fn hear(&mut self, error: &(dyn StdError + 'static)) {
        if let Some(error) = error.downcast_ref::<Error>() {
            self.http = self.http.or(error.http_status_code());
            if let Some(status) = error.status() {
                self.code = Some(status.code.name().to_owned());
                self.message = Some(status.message.clone());
            } else if let Some(payload) = error.http_payload() {
                self.read(payload);
            }
        } else if let Some(error) = error.downcast_ref::<io::Error>() {
            let is_file = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied);
            if is_file {
                self.local = Some(format!("the file with the token: {error}"));
            }
        } else {
            let text = error.to_string();
            if let Some((_, rest)) = text.split_once("body=<")
                && let Some((body, _)) = rest.rsplit_once('>')
            {
                self.http = self.http.or_else(|| status_in(error.source()));
                self.read(body.as_bytes());
            } else if text.contains("private key PEM") || text.contains("PKCS8") {
                self.local = Some("the private key in it cannot be read".to_owned());
            }
        }
    }

    /// `{"error": "invalid_grant", "error_description": "…"}`, `{"error": {"status": "…", "message": "…"}}`.
    fn read(&mut self, body: &[u8]) {
        let Ok(json) = serde_json::from_slice::<Value>(body) else { return };
        let text = |pointer: &str| json.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        self.code = text("/error/status").or_else(|| text("/error"));
        self.message = text("/error/message").or_else(|| text("/error_description"));
    }
}

/// The status in the words of the HTTP library, which is all that is left of it: `… (503 Service Unavailable) …`.
fn status_in(error: Option<&(dyn StdError + 'static)>) -> Option<u16> {
    let text = error?.to_string();
    text.split('(').filter_map(|part| part.get(..3)?.parse().ok()).find(|status| (400..600).contains(status))
}

/// The last error of a chain: the operating system's, or TLS'.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
