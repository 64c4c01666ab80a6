//! What the SDK's errors come down to. Of what a service said only code and message are kept: headers and bodies, which
//! the SDK's own reports hold, never come out.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;

use super::http::{InClear, TooLong};
use crate::keys::{Cause, Failure};

/// The failure of a call.
pub(super) fn of_call<E>(call: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let new = |cause| Failure::new(cause, call);
    match error {
        SdkError::ServiceError(service) => {
            let (status, said) = (service.raw().status().as_u16(), service.err());
            let cause = cause(said.code(), said.message(), status);
            let after = service.raw().headers().get("retry-after").and_then(|text| text.parse().ok());
            Failure { after: after.map(Duration::from_secs), ..new(cause) }.answered(&answer(
                said.code(),
                said.message(),
                status,
            ))
        }
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(connector) => of_connector(new(Cause::Unreachable), connector),
            None => new(Cause::Unreachable),
        },
        SdkError::TimeoutError(_) => new(Cause::TimedOut),
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            new(unsaid(status)).answered(&format!("HTTP {status}, with what is no answer of AWS"))
        }
        SdkError::ConstructionFailure(_) => new(Cause::Rejected).answered(&root(error)),
        _ => new(Cause::Rejected),
    }
}

/// The failure of a step of the identity chain.
pub(super) fn of_step(call: &str, error: &CredentialsError) -> Failure {
    let chain = chain(error);
    for link in &chain {
        if let Some(error) = link.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>() {
            return of_call("sts:AssumeRole", error);
        }
        if let Some(error) = link.downcast_ref::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>() {
            return of_call("sts:AssumeRoleWithWebIdentity", error);
        }
        if let Some(error) = link.downcast_ref::<ConnectorError>() {
            return of_connector(Failure::new(Cause::Unreachable, call), error);
        }
    }
    let text = bottom(error, 2);
    let cause = match error {
        CredentialsError::ProviderTimedOut(_) => Cause::TimedOut,
        _ if text.contains("expired") => Cause::Expired,
        _ => Cause::NoCredentials,
    };
    Failure::new(cause, call).answered(&text)
}

/// Who was denied, where the service says so.
pub(super) fn principal(answer: &str) -> Option<String> {
    let (_, rest) = answer.split_once("User: ")?;
    let name = rest.split_whitespace().next()?;
    name.starts_with("arn:").then(|| name.to_owned())
}

/// What lies at the bottom of an error, in its own words. Programs' own output is left out: nobody knows what they print.
pub(super) fn root(error: &(dyn Error + 'static)) -> String {
    bottom(error, 1)
}

/// The same with so many links of the chain, the last one last.
fn bottom(error: &(dyn Error + 'static), links: usize) -> String {
    let mut texts: Vec<String> = chain(error).iter().map(ToString::to_string).collect();
    texts.dedup_by(|later, earlier| {
        later.contains(earlier.as_str()) && {
            earlier.clone_from(later);
            true
        }
    });
    let kept = texts.len().saturating_sub(links);
    let text = texts.split_off(kept).join(": ");
    match text.split_once(". Stderr:") {
        Some((before, _)) => before.to_owned(),
        None => text,
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
        .take(DEPTH)
        .collect()
}

fn of_connector(failure: Failure, error: &ConnectorError) -> Failure {
    let chain = chain(error);
    let cause = match () {
        () if chain.iter().any(|link| link.is::<InClear>()) => Cause::NotAllowed,
        () if chain.iter().any(|link| link.is::<TooLong>()) => Cause::Malformed,
        () if error.is_timeout() => Cause::TimedOut,
        () => Cause::Unreachable,
    };
    let answer = root(error);
    Failure { cause, ..failure }.answered(&answer)
}

fn answer(code: Option<&str>, message: Option<&str>, status: u16) -> String {
    match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => format!("HTTP {status}"),
    }
}

fn cause(code: Option<&str>, message: Option<&str>, status: u16) -> Cause {
    // With a name space before and details after it in some protocols.
    let code = code.unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let listed = CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(cause, _)| *cause);
    match listed {
        Some(Cause::Unauthenticated)
            if message.is_some_and(|text| text.contains("security token") && text.contains("expired")) =>
        {
            Cause::Expired
        }
        Some(cause) => cause,
        None => unsaid(status),
    }
}

/// By the status alone.
fn unsaid(status: u16) -> Cause {
    match status {
        200..=299 => Cause::Malformed,
        401 => Cause::Unauthenticated,
        403 => Cause::Denied,
        429 => Cause::Throttled,
        500..=599 => Cause::Unavailable,
        _ => Cause::Rejected,
    }
}

/// Codes of KMS, STS and what all services have in common (their API references, "Common Errors").
const CODES: &[(Cause, &[&str])] = &[
    (Cause::Denied, &["AccessDeniedException", "AccessDenied", "NotAuthorized", "OptInRequired"]),
    (Cause::NotFound, &["NotFoundException"]),
    (Cause::Disabled, &["DisabledException", "KMSInvalidStateException"]),
    (Cause::WrongKey, &["InvalidCiphertextException", "IncorrectKeyException"]),
    (
        Cause::Throttled,
        &[
            "ThrottlingException",
            "Throttling",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "RequestLimitExceeded",
            "TooManyRequestsException",
            "LimitExceededException",
            "SlowDown",
        ],
    ),
    (
        Cause::Expired,
        &["ExpiredTokenException", "ExpiredToken", "TokenRefreshRequired", "UnauthorizedException"],
    ),
    (
        Cause::Unauthenticated,
        &[
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "InvalidIdentityToken",
            "InvalidAccessKeyId",
            "AuthFailure",
            "RequestExpired",
            "RequestTimeTooSkewed",
        ],
    ),
    (
        Cause::Unavailable,
        &[
            "KMSInternalException",
            "KeyUnavailableException",
            "DependencyTimeoutException",
            "InternalFailure",
            "InternalError",
            "InternalServerError",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "IDPCommunicationError",
        ],
    ),
];

/// Most links of a chain of errors that are looked at.
const DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_down_to_causes() {
        for (code, message, status, expected) in [
            (Some("AccessDeniedException"), None, 400, Cause::Denied),
            (Some("com.amazonaws.kms#DisabledException"), None, 400, Cause::Disabled),
            (Some("DisabledException:http://internal.amazon.com/x"), None, 400, Cause::Disabled),
            (Some("LimitExceededException"), None, 400, Cause::Throttled),
            (
                Some("UnrecognizedClientException"),
                Some("The security token included in the request is expired"),
                400,
                Cause::Expired,
            ),
            (Some("NewException"), Some("x"), 400, Cause::Rejected),
            (None, None, 503, Cause::Unavailable),
            (None, None, 200, Cause::Malformed),
            (None, None, 429, Cause::Throttled),
        ] {
            assert_eq!(cause(code, message, status), expected, "{code:?}");
        }
    }

    #[test]
    fn who_was_denied() {
        let answer =
            "AccessDeniedException: User: arn:aws:iam::1:user/x is not authorized to perform: kms:Decrypt";
        assert_eq!(principal(answer).as_deref(), Some("arn:aws:iam::1:user/x"));
        assert_eq!(principal("User: root"), None);
        assert_eq!(principal("no"), None);
    }
}
