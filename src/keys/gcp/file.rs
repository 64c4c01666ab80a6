//! Files that say who asks: keys of service accounts, logins of users, workload identity federation, impersonation.

use std::fs::File;
use std::path::Path;

use serde_json::Value;

use super::endpoint::is_protected;
use crate::keys::limited::read_limited;

/// What such a file holds.
#[derive(Clone)]
pub(super) struct CredentialFile {
    /// Which kind.
    pub(super) kind: FileKind,
    /// The service account that Google sees, if the file says so.
    pub(super) principal: Option<String>,
    /// The file itself. It holds secrets: never to be shown.
    pub(super) json: Value,
}

/// A kind of such files; Google's names are their `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    ServiceAccount,
    AuthorizedUser,
    ExternalAccount,
    Impersonated,
}

impl FileKind {
    /// For people.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service account key",
            Self::AuthorizedUser => "login of a user",
            Self::ExternalAccount => "workload identity federation",
            Self::Impersonated => "impersonation",
        }
    }

    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::ServiceAccount => &["client_email", "private_key_id", "private_key", "project_id"],
            Self::AuthorizedUser => &["client_id", "client_secret", "refresh_token"],
            Self::ExternalAccount => &["audience", "subject_token_type", "token_url", "credential_source"],
            Self::Impersonated => &["service_account_impersonation_url", "source_credentials"],
        }
    }
}

impl CredentialFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Why not, in words that show nothing of what is in it.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let bytes = read_limited(file, LIMIT).map_err(|error| error.to_string())?;
        Self::parse(bytes.ok_or("it is too long to be a file of credentials")?.expose())
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    /// The same.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let json: Value = serde_json::from_slice(text)
            .map_err(|error| format!("it is no JSON (line {}, column {})", error.line(), error.column()))?;
        Self::of(json, true)
    }

    fn of(json: Value, is_outermost: bool) -> Result<Self, String> {
        let kind = match text(&json, "type") {
            Some("service_account") => FileKind::ServiceAccount,
            Some("authorized_user") => FileKind::AuthorizedUser,
            Some("external_account") => FileKind::ExternalAccount,
            Some("impersonated_service_account") if is_outermost => FileKind::Impersonated,
            _ => {
                return Err(
                    "its `type` is none that Google's libraries have for files of credentials".to_owned()
                );
            }
        };
        if let Some(field) = kind.fields().iter().find(|field| json.get(**field).is_none()) {
            return Err(format!("a {} has a `{field}`, and this has none", kind.words()));
        }
        for field in ["token_url", "token_uri", "service_account_impersonation_url"] {
            if text(&json, field).is_some_and(|url| !is_protected(url)) {
                return Err(format!("its `{field}` is no address that starts with `https://`"));
            }
        }
        if json.pointer("/credential_source/executable").is_some() {
            return Err(
                "it starts a program for its token, which sealeaf does not; let the program write the token \
                        to a file, and name that one in `credential_source`"
                    .to_owned(),
            );
        }
        if kind == FileKind::Impersonated {
            let source = json.get("source_credentials").cloned().unwrap_or_default();
            Self::of(source, false).map_err(|reason| format!("`source_credentials`: {reason}"))?;
        }
        let email = match kind {
            FileKind::ServiceAccount => text(&json, "client_email"),
            _ => text(&json, "service_account_impersonation_url").and_then(account_of),
        };
        let principal = email.filter(|email| is_account(email)).map(str::to_owned);
        Ok(Self { kind, principal, json })
    }
}

/// Whether a text can be a service account's address. It goes into URLs and messages.
pub(super) fn is_account(email: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '@' | ':');
    email.contains('@') && email.len() <= ACCOUNT_LIMIT && email.chars().all(fits)
}

/// `…/serviceAccounts/EMAIL:generateAccessToken`.
fn account_of(url: &str) -> Option<&str> {
    url.rsplit_once("/serviceAccounts/")?.1.strip_suffix(":generateAccessToken")
}

fn text<'a>(json: &'a Value, field: &str) -> Option<&'a str> {
    json.get(field)?.as_str()
}

/// Longest file that is read, in bytes.
const LIMIT: usize = 64 << 10;
const ACCOUNT_LIMIT: usize = 254;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(json: &Value) -> Result<CredentialFile, String> {
        CredentialFile::parse(json.to_string().as_bytes())
    }

    fn key() -> Value {
        json!({"type": "service_account", "client_email": "ci@p.iam.gserviceaccount.com", "private_key_id": "1",
               "private_key": "secret", "project_id": "p"})
    }

    fn federated(source: Value) -> Value {
        json!({"type": "external_account", "audience": "//iam.googleapis.com/x", "token_url": "https://sts.googleapis.com/v1/token",
               "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": source,
               "service_account_impersonation_url":
                   "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken"})
    }

    #[test]
    fn kinds_and_principals() {
        let user =
            json!({"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"});
        let account = "a@p.iam.gserviceaccount.com";
        let impersonated = json!({"type": "impersonated_service_account", "source_credentials": user,
            "service_account_impersonation_url":
                format!("https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}:generateAccessToken")});
        for (file, kind, principal) in [
            (key(), FileKind::ServiceAccount, Some("ci@p.iam.gserviceaccount.com")),
            (user, FileKind::AuthorizedUser, None),
            (federated(json!({"file": "/token"})), FileKind::ExternalAccount, Some(account)),
            (impersonated, FileKind::Impersonated, Some(account)),
        ] {
            let read = of(&file).unwrap();
            assert_eq!((read.kind, read.principal.as_deref()), (kind, principal));
        }
    }

    #[test]
    fn what_is_refused_says_why_and_shows_nothing() {
        let mut lacking = key();
        lacking.as_object_mut().unwrap().remove("private_key_id");
        let mut clear = federated(json!({"file": "/token"}));
        clear["token_url"] = json!("http://sts.example/secret");
        let nested = json!({"type": "impersonated_service_account", "service_account_impersonation_url": "https://x",
            "source_credentials": federated(json!({"executable": {"command": "secret"}}))});
        let twice = json!({"type": "impersonated_service_account", "service_account_impersonation_url": "https://x",
            "source_credentials": nested});
        for (file, reason) in [
            (lacking, "a service account key has a `private_key_id`, and this has none"),
            (clear, "its `token_url` is no address that starts with `https://`"),
            (federated(json!({"executable": {"command": "secret"}})), "it starts a program for its token"),
            (nested, "`source_credentials`: it starts a program"),
            (twice, "`source_credentials`: its `type` is none"),
            (json!({"type": "secret"}), "its `type` is none"),
            (json!("secret"), "its `type` is none"),
        ] {
            let error = of(&file).err().unwrap();
            assert!(error.starts_with(reason) && !error.contains("secret"), "{error}");
        }
        assert_eq!(CredentialFile::parse(b"{secret").err().unwrap(), "it is no JSON (line 1, column 2)");
    }
}
