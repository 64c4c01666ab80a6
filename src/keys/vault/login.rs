//! Ways to a token: what is sent, and what comes back.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::claims::shown;
use super::http::{Halt, Question, Refusal, Reply, ask, malformed, read_file};
use super::id::{below, is_step};
use super::server::Server;
use crate::keys::failure::{Cause, Failure};
use crate::keys::settings::VaultLogin;
use crate::secret::SecretText;
use reqwest::{Client, Method};

/// What the methods take; which fields, each of them says.
#[derive(Default, Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    auth: Option<Auth<'a>>,
}

#[derive(Deserialize)]
struct Auth<'a> {
    #[serde(default)]
    client_token: &'a str,
}

/// Logs in.
pub(super) async fn log_in(
    client: &Client,
    server: &Server,
    login: &VaultLogin,
    assertion: Option<&SecretText>,
) -> Result<SecretText, Halt> {
    let mount = login.mount();
    if !mount.split('/').all(is_step) {
        return Err(Failure::new(Cause::NotAllowed, "")
            .answered(&format!("`{mount}` is no path of a login"))
            .hinted("correct `mount` under `[[vault.servers]]` in your config.toml")
            .into());
    }
    let url = below(&server.address, &format!("auth/{mount}/login"));
    let namespace = server.namespace.as_deref();
    let secret =
        secret(login, assertion).map_err(|failure| Failure { call: format!("POST {url}"), ..failure })?;
    let secret = secret.as_deref().map(str::trim);
    let body = match login {
        VaultLogin::AppRole { role_id, .. } => {
            Body { role_id: Some(role_id), secret_id: secret, ..Body::default() }
        }
        VaultLogin::Cert { role, .. } => Body { name: role.as_deref(), ..Body::default() },
        VaultLogin::Kubernetes { role, .. } => Body { role: Some(role), jwt: secret, ..Body::default() },
        VaultLogin::Jwt { role, .. } => Body { role: role.as_deref(), jwt: secret, ..Body::default() },
    };
    // Room enough that nothing is moved: what is left behind would not be wiped.
    let mut json = Zeroizing::new(Vec::with_capacity(6 * secret.map_or(0, str::len) + 4096));
    let question = Question { method: Method::POST, url, token: None, namespace, body: &[] };
    let call = question.call();
    serde_json::to_writer(&mut *json, &body)
        .map_err(|_| malformed(call.clone(), "the login cannot be written"))?;
    let reply = ask(client, &Question { body: &json, ..question }).await?;
    match reply {
        Reply::Done(body) => {
            let answer: Answer<'_> = serde_json::from_slice(body.expose())
                .map_err(|_| malformed(call.clone(), "the answer to the login is none of Vault's"))?;
            match answer.auth {
                Some(auth) if !auth.client_token.is_empty() => Ok(SecretText::from(auth.client_token)),
                _ => Err(Failure::new(Cause::Unauthenticated, call)
                    .answered("the login gave no token: it may ask for a second factor")
                    .hinted("a machine's login must need no second factor")
                    .into()),
            }
        }
        Reply::Refused(refusal) => {
            let holder = secret.filter(|_| is_signed(login)).and_then(shown);
            Err(refused(refusal, login, secret).map(|failure| Failure { call, ..failure }.by(holder)))
        }
    }
}

/// What is known of a login before it is made, for `explain`.
pub(super) fn outlook(login: &VaultLogin, assertion: Option<&SecretText>) -> Result<String, String> {
    match secret(login, assertion) {
        Ok(Some(token)) if is_signed(login) => {
            Ok(shown(&token)
                .map_or_else(|| "is set up".to_owned(), |claims| format!("is set up, for {claims}")))
        }
        Ok(_) => Ok("is set up".to_owned()),
        Err(failure) => Err(failure.answer.unwrap_or_default()),
    }
}

/// Whether what proves who we are says it too.
const fn is_signed(login: &VaultLogin) -> bool {
    matches!(login, VaultLogin::Jwt { .. } | VaultLogin::Kubernetes { .. })
}

/// What proves who we are.
fn secret(login: &VaultLogin, assertion: Option<&SecretText>) -> Result<Option<SecretText>, Failure> {
    let (what, path) = match login {
        VaultLogin::AppRole { secret_id_file, .. } => ("secret_id_file", secret_id_file.as_path()),
        VaultLogin::Kubernetes { token_file: Some(path), .. } => ("token_file", path.as_path()),
        VaultLogin::Kubernetes { .. } => ("token_file", KUBERNETES_TOKEN.as_ref()),
        VaultLogin::Jwt { token_file: Some(path), .. } => ("token_file", path.as_path()),
        VaultLogin::Jwt { token_variable, .. } => {
            let name = token_variable.as_deref().unwrap_or_default();
            return match assertion {
                Some(token) => Ok(Some(token.clone())),
                None if name.is_empty() => Err(Failure::new(Cause::NoCredentials, "")
                    .answered("nothing says where the signed token is")
                    .hinted("add `token_file` or `token_variable` to the login in your config.toml")),
                None => Err(Failure::new(Cause::NoCredentials, "")
                    .answered(&format!("{name} is not set"))
                    .hinted(format!("let the job put its signed token into {name}"))),
            };
        }
        VaultLogin::Cert { .. } => return Ok(None),
    };
    let wrong = |why: &str| {
        Failure::new(Cause::NoCredentials, "")
            .answered(&format!("`{}` cannot be used: {why}", path.display()))
            .hinted(format!("correct `{what}` of the login in your config.toml, or put the file there"))
    };
    if !path.is_absolute() {
        return Err(wrong("it is no whole path"));
    }
    let text = read_file(path).map_err(|why| wrong(&why))?;
    if text.trim().is_empty() {
        return Err(wrong("it is empty"));
    }
    Ok(Some(text))
}

fn refused(refusal: Refusal, login: &VaultLogin, secret: Option<&str>) -> Halt {
    let Refusal { status, message, after } = refusal;
    let message = message.filter(|message| secret.is_none_or(|secret| !message.contains(secret)));
    let refusal = Refusal { status, message, after };
    let says = refusal.message.as_deref().unwrap_or_default();
    let failure = |cause| Failure::new(cause, "").answered(&refusal.shown());
    match status {
        429 => Failure { after, ..failure(Cause::Throttled).hinted(super::refusal::HINT_THROTTLED) }.into(),
        503 if says.contains("sealed") => super::refusal::sealed(failure(Cause::Unavailable)),
        412 | 472 | 473 | 500.. => failure(Cause::Unavailable).hinted(super::refusal::HINT_BROKEN).into(),
        404 => failure(Cause::NotFound)
            .hinted(format!(
                "nothing is mounted at auth/{}: correct `mount` of the login, or the namespace",
                login.mount()
            ))
            .into(),
        // That is also what is said of a place where nothing is mounted.
        403 => failure(Cause::Unauthenticated)
            .hinted(format!("{}; see too that this login is mounted at auth/{}", hint(login), login.mount()))
            .into(),
        400 | 401 => failure(Cause::Unauthenticated).hinted(hint(login)).into(),
        _ => malformed("", &refusal.shown()).into(),
    }
}

const fn hint(login: &VaultLogin) -> &'static str {
    match login {
        VaultLogin::AppRole { .. } => {
            "give a new secret id: this one is wrong, has expired, was used as often as it may be, or is of another role"
        }
        VaultLogin::Cert { .. } => {
            "compare the certificate with the role's: signed by its authority, within its time, with the names that it asks for"
        }
        VaultLogin::Kubernetes { .. } => {
            "compare the pod's service account and namespace with the role's, and see that Vault may ask the cluster about tokens"
        }
        VaultLogin::Jwt { .. } => {
            "compare the claims of the signed token with the role's bound_claims, bound_audiences and bound_subject, and its time with the clock"
        }
    }
}

/// Where Kubernetes puts it.
const KUBERNETES_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
