//! What the environment says, from its snapshot: files, addresses, tokens.

use std::path::PathBuf;

#[expect(deprecated, reason = "the names for it that need no further crate")]
use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::keys::Environment;

/// The shared configuration's files.
#[expect(deprecated, reason = "as above")]
pub(super) fn profiles(environment: &Environment) -> ProfileFiles {
    let place = |variable: &str, name: &str| {
        let named = environment.os(variable).map(PathBuf::from);
        named.or_else(|| Some(environment.home()?.join(".aws").join(name))).filter(|path| path.exists())
    };
    let mut builder = ProfileFiles::builder();
    for (kind, variable, name) in [
        (ProfileFileKind::Config, "AWS_CONFIG_FILE", "config"),
        (ProfileFileKind::Credentials, "AWS_SHARED_CREDENTIALS_FILE", "credentials"),
    ] {
        builder = match place(variable, name) {
            Some(path) => builder.with_file(kind, path),
            None => builder.with_contents(kind, ""),
        };
    }
    builder.build()
}

/// Where a service answers, where the user's environment says so.
pub(super) fn endpoint(environment: &Environment, service: &str) -> Option<String> {
    if environment
        .text("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    {
        return None;
    }
    let own = environment.text(&format!("AWS_ENDPOINT_URL_{service}"));
    own.or_else(|| environment.text("AWS_ENDPOINT_URL")).map(str::to_owned)
}

/// Host and port of an address.
pub(super) fn authority(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let has_port =
        authority.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    if has_port { authority.to_owned() } else { format!("{authority}:80") }
}

/// The file with the token and the role that it is for; else what is missing.
pub(super) fn web_identity(environment: &Environment) -> Result<(PathBuf, String), String> {
    let file = environment.os("AWS_WEB_IDENTITY_TOKEN_FILE").map(PathBuf::from);
    let role = environment.text("AWS_ROLE_ARN").map(str::to_owned);
    match (file, role) {
        (Some(file), Some(role)) => Ok((file, role)),
        (Some(_), None) => Err("AWS_ROLE_ARN is not set".to_owned()),
        (None, _) => Err("AWS_WEB_IDENTITY_TOKEN_FILE is not set".to_owned()),
    }
}

/// What a token claims, without the token: `iss …, sub …, aud …, exp …`. `None` for what is none.
pub(super) fn claims(token: &str, now: u64) -> Option<String> {
    let payload = token.trim().split('.').nth(1)?;
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()?;
    let text = |value: &Value| match value {
        Value::String(text) => short(text),
        other => short(&other.to_string()),
    };
    let mut said: Vec<String> = ["iss", "sub", "aud"]
        .iter()
        .filter_map(|name| Some(format!("{name} {}", text(claims.get(name)?))))
        .collect();
    if let Some(end) = claims.get("exp").and_then(Value::as_u64) {
        said.push(match end.checked_sub(now) {
            Some(left) => format!("exp {end}, in {left} s"),
            None => format!("exp {end}, over for {} s", now.saturating_sub(end)),
        });
    }
    (!said.is_empty()).then(|| said.join(", "))
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_told_and_the_token_is_not() {
        let payload = URL_SAFE_NO_PAD
            .encode(r#"{"iss":"https://ci","sub":"repo:a/b","aud":["sts"],"exp":100,"jti":"x"}"#);
        let told = claims(&format!("eyJ.{payload}.sig\n"), 90).unwrap();
        assert_eq!(told, "iss https://ci, sub repo:a/b, aud [\"sts\"], exp 100, in 10 s");
        assert!(claims(&format!("h.{payload}.s"), 160).unwrap().ends_with("exp 100, over for 60 s"));
        assert_eq!((claims("x", 0), claims("a.b.c", 0), claims("", 0)), (None, None, None));
    }

    #[test]
    fn addresses_have_ports() {
        for (address, expected) in [
            ("http://169.254.169.254", "169.254.169.254:80"),
            ("http://127.0.0.1:9/x", "127.0.0.1:9"),
            ("http://[fd00:ec2::254]", "[fd00:ec2::254]:80"),
        ] {
            assert_eq!(authority(address), expected);
        }
    }
}
