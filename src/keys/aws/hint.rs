//! What to do about a failure: the nearest fix.

use super::arn::Id;
use super::login::Source;
use crate::keys::{Cause, Failure};

/// The failure with what to do about it. `action` is the permission: `kms:Decrypt`.
pub(super) fn add(failure: Failure, id: &Id, action: &str, source: Option<&Source>, skew: i64) -> Failure {
    if failure.hint.is_some() {
        return failure;
    }
    let (arn, region) = (&id.arn, &id.region);
    let is_going =
        failure.answer.as_deref().is_some_and(|answer| answer.to_ascii_lowercase().contains("deletion"));
    let hint = match failure.cause {
        Cause::Denied if failure.call.starts_with("sts:") => role(&failure),
        Cause::Denied => {
            let who = failure.principal.as_deref().unwrap_or("this identity");
            format!("grant {action} on {arn} to {who}")
        }
        Cause::NotFound => format!(
            "`aws kms describe-key --region {region} --key-id {arn}`: is it another account or region?"
        ),
        Cause::Disabled if is_going => {
            format!("`aws kms cancel-key-deletion --region {region} --key-id {arn}`, then `enable-key`")
        }
        Cause::Disabled => format!("`aws kms enable-key --region {region} --key-id {arn}`"),
        Cause::WrongKey if id.is_alias() => {
            "the key that the alias stood for at that time, by its own ARN; and the same context".to_owned()
        }
        Cause::WrongKey => {
            "another key of the file; this wrap was made for another key or context, or changed".to_owned()
        }
        Cause::Expired => fresh(source),
        Cause::Unauthenticated if skew.unsigned_abs() > SKEW => clock(skew),
        Cause::Unauthenticated if is_about_time(&failure) => {
            "set this machine's clock: AWS takes five minutes of difference".to_owned()
        }
        Cause::Unauthenticated => format!("other credentials: {}", fresh(source)),
        Cause::NoCredentials if source.is_some() => fresh(source),
        Cause::NoCredentials => {
            "`aws sso login`, AWS_PROFILE, or AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY".to_owned()
        }
        Cause::NotAllowed => "`https://` in AWS_ENDPOINT_URL or the profile's `endpoint_url`".to_owned(),
        Cause::Throttled => {
            "again later, or less `concurrency` under `[network]` in your config.toml".to_owned()
        }
        Cause::Unavailable => format!("again later; https://health.aws.amazon.com says how {region} is"),
        Cause::Unreachable => {
            format!("is there a way from here to KMS in {region}: proxy, VPC endpoint, AWS_ENDPOINT_URL?")
        }
        Cause::TimedOut => return failure,
        Cause::Malformed => "is something between here and AWS: a proxy, AWS_ENDPOINT_URL?".to_owned(),
        Cause::Rejected => format!(
            "`aws kms describe-key --region {region} --key-id {arn}`: is it a symmetric key for encryption?"
        ),
    };
    failure.hinted(hint)
}

/// A way to new credentials.
fn fresh(source: Option<&Source>) -> String {
    match source {
        Some(Source::Environment) => {
            "new AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN".to_owned()
        }
        Some(Source::Profile(name)) => {
            format!("`aws sso login --profile {name}`, or new keys in that profile")
        }
        Some(Source::WebIdentity) => "a new token in AWS_WEB_IDENTITY_TOKEN_FILE".to_owned(),
        Some(Source::Container | Source::Instance) => "is the role of this machine still there?".to_owned(),
        None => "`aws sts get-caller-identity` says who you are".to_owned(),
    }
}

/// What lets an identity take a role on.
fn role(failure: &Failure) -> String {
    let who = failure.principal.as_deref().unwrap_or("this identity");
    let answer = failure.answer.as_deref().unwrap_or_default();
    let action = failure.call.split_whitespace().next().unwrap_or_default();
    match answer.split_once("on resource: ").and_then(|(_, rest)| rest.split_whitespace().next()) {
        Some(role) => format!("grant {action} on {role} to {who}, and name it in the role's trust policy"),
        None => format!(
            "name {who} in the role's trust policy, with the conditions it has (external id, subject, audience)"
        ),
    }
}

/// Whether the service finds the time of a signature wrong.
fn is_about_time(failure: &Failure) -> bool {
    let answer = failure.answer.as_deref().unwrap_or_default();
    ["RequestTimeTooSkewed", "RequestExpired", "Signature expired", "Signature not yet current"]
        .iter()
        .any(|text| answer.contains(text))
}

fn clock(skew: i64) -> String {
    let side = if skew > 0 { "slow" } else { "fast" };
    format!("set this machine's clock: it is {} s {side}", skew.unsigned_abs())
}

/// Seconds of difference that matter; AWS takes five minutes.
pub(super) const SKEW: u64 = 240;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/x";

    fn hint(failure: Failure, source: Option<&Source>, skew: i64) -> String {
        let id = Id::arn(KEY).unwrap();
        add(failure, &id, "kms:Decrypt", source, skew).hint.unwrap_or_default()
    }

    #[test]
    fn the_nearest_fix_is_named() {
        let failure = |cause| Failure::new(cause, "kms:Decrypt in eu-west-1");
        let denied = failure(Cause::Denied).by(Some("arn:aws:iam::1:user/x".to_owned()));
        assert_eq!(hint(denied, None, 0), format!("grant kms:Decrypt on {KEY} to arn:aws:iam::1:user/x"));
        let profile = Source::Profile("dev".to_owned());
        assert!(
            hint(failure(Cause::Expired), Some(&profile), 0).starts_with("`aws sso login --profile dev`")
        );
        assert_eq!(
            hint(failure(Cause::Unauthenticated), None, -600),
            "set this machine's clock: it is 600 s fast"
        );
        assert_eq!(
            hint(failure(Cause::Unauthenticated), None, 600),
            "set this machine's clock: it is 600 s slow"
        );
        assert!(
            hint(failure(Cause::Unauthenticated), Some(&Source::Environment), 3)
                .contains("AWS_ACCESS_KEY_ID")
        );
        let role = Failure::new(Cause::Denied, "sts:AssumeRole of r").answered(
            "AccessDenied: User: u is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/r",
        );
        assert!(hint(role, None, 0).starts_with("grant sts:AssumeRole on arn:aws:iam::1:role/r to"));
    }
}
