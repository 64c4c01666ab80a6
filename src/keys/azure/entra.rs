//! Logins of an application at Entra: with a secret, with a certificate, with a token of somebody that Entra trusts.

use std::fs::File;
use std::io::ErrorKind as ErrorKindOfIo;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{ClientMethodOptions, ClientOptions, RetryOptions, Transport as SdkTransport};
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions,
};

use super::certificate::Signer;
use super::chain::{Found, Source, claims};
use super::told::{Told, told};
use super::transport::{MALFORMED, Said, Transport};
use crate::keys::limited::read_limited;
use crate::keys::{Cause, Environment, Failure};
use crate::secret::SecretText;

/// An application that can log in.
#[derive(Debug)]
pub(super) struct Login {
    credential: Arc<dyn TokenCredential>,
    call: String,
    principal: String,
    token_file: Option<PathBuf>,
}

impl Login {
    /// The application and its tenant.
    pub(super) fn principal(&self) -> &str {
        &self.principal
    }

    pub(super) async fn token(&self, scope: &str) -> Result<AccessToken, Failure> {
        let got = self.credential.get_token(&[scope], None).await;
        got.map_err(|error| self.failure(&error).by(Some(self.principal.clone())))
    }

    fn failure(&self, error: &Error) -> Failure {
        let (status, body) = match told(error) {
            Told::Parts(failure) => return failure.clone(),
            Told::Nothing => {
                return Failure::new(Cause::Malformed, self.call.as_str()).hinted(MALFORMED);
            }
            Told::Answer(status, body) => (status, body),
        };
        let said = Said::of(body);
        let code = said.message.split(':').next().unwrap_or_default();
        let (cause, hint) = match code.strip_prefix("AADSTS").unwrap_or_default() {
            "7000215" => (
                Cause::Unauthenticated,
                "AZURE_CLIENT_SECRET must be the secret's value, not its id; `az ad app credential reset` makes a new one",
            ),
            "7000222" => {
                (Cause::Expired, "`az ad app credential reset` makes a new secret for the application")
            }
            "700024" => {
                (Cause::Expired, "is this machine's clock right? Else the token is too old, or too new")
            }
            "700027" => (
                Cause::Unauthenticated,
                "add the certificate to the application: `az ad app credential reset --cert @FILE --append`",
            ),
            "700016" => (
                Cause::Unauthenticated,
                "AZURE_CLIENT_ID must be an application of the tenant AZURE_TENANT_ID",
            ),
            "90002" | "900021" | "900023" => (
                Cause::Unauthenticated,
                "AZURE_TENANT_ID must be a tenant of this cloud; for others than the public one AZURE_AUTHORITY_HOST names where to log in",
            ),
            "70021" | "700211" | "700212" | "700213" => (Cause::Unauthenticated, TRUST),
            _ => (
                Cause::Unauthenticated,
                "the code in the answer says what is wrong: https://login.microsoftonline.com/error",
            ),
        };
        let failure = Failure::new(cause, self.call.as_str()).answered(&said.line(status));
        match self.token_file.as_deref().filter(|_| hint == TRUST).and_then(origin) {
            Some(origin) => failure.hinted(format!("{TRUST}: {origin}")),
            None => failure.hinted(hint),
        }
    }
}

/// With `AZURE_CLIENT_SECRET`.
pub(super) fn with_secret(environment: &Environment, transport: &Transport) -> Result<Found, Failure> {
    let Some(secret) = environment.text(SECRET) else { return Ok(not_set(SECRET)) };
    let application = match application(environment, SECRET)? {
        Ok(application) => application,
        Err(missing) => return Ok(missing),
    };
    let options = ClientSecretCredentialOptions { client_options: application.options(transport) };
    let secret = Secret::new(secret.to_owned());
    let made =
        ClientSecretCredential::new(&application.tenant, application.client.clone(), secret, Some(options));
    Ok(application.ready(made.map_err(|_| wrong_tenant())?, SECRET, None))
}

/// With the certificate in `AZURE_CLIENT_CERTIFICATE_PATH`.
pub(super) fn with_certificate(environment: &Environment, transport: &Transport) -> Result<Found, Failure> {
    let Some(path) = environment.os(CERTIFICATE) else { return Ok(not_set(CERTIFICATE)) };
    let application = match application(environment, CERTIFICATE)? {
        Ok(application) => application,
        Err(missing) => return Ok(missing),
    };
    let unusable = |why: String| {
        Failure::new(Cause::NoCredentials, "reading AZURE_CLIENT_CERTIFICATE_PATH")
            .answered(&why)
            .hinted("a PEM file with the certificate and its RSA key, without a passphrase")
    };
    let pem = read(Path::new(path)).map_err(unusable)?;
    let signer = Signer::new(&pem, &application.client, &application.endpoint).map_err(unusable)?;
    application.asserted(signer, transport, CERTIFICATE, None)
}

/// With the token in `AZURE_FEDERATED_TOKEN_FILE`, of a Kubernetes cluster or a CI service that the application trusts.
pub(super) fn with_token_file(environment: &Environment, transport: &Transport) -> Result<Found, Failure> {
    let Some(path) = environment.os(TOKEN_FILE).map(PathBuf::from) else { return Ok(not_set(TOKEN_FILE)) };
    let application = match application(environment, TOKEN_FILE)? {
        Ok(application) => application,
        Err(missing) => return Ok(missing),
    };
    application.asserted(TokenFile(path.clone()), transport, TOKEN_FILE, Some(path))
}

/// An application of a tenant, and where it logs in.
struct Application {
    tenant: String,
    client: String,
    authority: String,
    endpoint: String,
}

impl Application {
    fn options(&self, transport: &Transport) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = self.authority.clone();
        ClientOptions { cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))), ..options(transport) }
    }

    fn asserted<C: ClientAssertion + 'static>(
        &self,
        assertion: C,
        transport: &Transport,
        variable: &str,
        token_file: Option<PathBuf>,
    ) -> Result<Found, Failure> {
        let options = ClientAssertionCredentialOptions { client_options: self.options(transport) };
        let made = ClientAssertionCredential::new(
            self.tenant.clone(),
            self.client.clone(),
            assertion,
            Some(options),
        );
        Ok(self.ready(made.map_err(|_| wrong_tenant())?, variable, token_file))
    }

    fn ready(
        &self,
        credential: Arc<dyn TokenCredential>,
        variable: &str,
        token_file: Option<PathBuf>,
    ) -> Found {
        let principal = format!("application {}, tenant {}", self.client, self.tenant);
        let outcome = format!("{variable} is set, for {principal}");
        let login = Login { credential, call: format!("POST {}", self.endpoint), principal, token_file };
        Found::Ready(Source::Entra(login), outcome)
    }
}

/// What every client of the SDK has in common: our way out, and no tries of its own.
pub(super) fn options(transport: &Transport) -> ClientOptions {
    ClientOptions {
        transport: Some(SdkTransport::new(Arc::new(transport.clone()))),
        retry: RetryOptions::none(),
        ..ClientOptions::default()
    }
}

/// The application that the environment names; the inner error is a way that is not there.
fn application(environment: &Environment, variable: &str) -> Result<Result<Application, Found>, Failure> {
    let authority = match environment.text(AUTHORITY) {
        None => PUBLIC.to_owned(),
        Some(text) => authority(text).ok_or_else(|| {
            Failure::new(Cause::NotAllowed, "reading AZURE_AUTHORITY_HOST")
                .answered("it is no `https://host`, and a secret goes there")
                .hinted("https://login.microsoftonline.com, or that of your cloud")
        })?,
    };
    let (Some(tenant), Some(client)) = (environment.text(TENANT), environment.text(CLIENT)) else {
        let missing = if environment.text(TENANT).is_none() { TENANT } else { CLIENT };
        return Ok(Err(Found::Missing(format!("{variable} is set but {missing} is not"))));
    };
    if !tenant.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-.".contains(&letter)) {
        return Err(wrong_tenant());
    }
    Ok(Ok(Application {
        endpoint: format!("{authority}/{tenant}/oauth2/v2.0/token"),
        tenant: tenant.to_owned(),
        client: client.to_owned(),
        authority,
    }))
}

/// `https://host` with an optional port; nothing else.
fn authority(text: &str) -> Option<String> {
    let url = reqwest::Url::parse(text).ok()?;
    let bare = url.scheme() == "https"
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    bare.then(|| url.origin().ascii_serialization())
}

fn not_set(variable: &str) -> Found {
    Found::Missing(format!("{variable} is not set"))
}

fn wrong_tenant() -> Failure {
    Failure::new(Cause::NoCredentials, "reading AZURE_TENANT_ID")
        .answered("it is no id of a tenant, and no domain")
        .hinted("`az account show --query tenantId`")
}

/// A token in a file, read anew for each login: whoever put it there changes it now and then.
#[derive(Debug)]
struct TokenFile(PathBuf);

impl ClientAssertion for TokenFile {
    fn secret<'a, 'b, 'f>(
        &'a self,
        _options: Option<ClientMethodOptions<'b>>,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<String>> + Send + 'f>>
    where
        'a: 'f,
        'b: 'f,
        Self: 'f,
    {
        let token = read(&self.0).map(|text| text.trim().to_owned()).map_err(|why| {
            let failure = Failure::new(Cause::NoCredentials, "reading AZURE_FEDERATED_TOKEN_FILE");
            Error::new(
                ErrorKind::Credential,
                failure.answered(&why).hinted("the platform puts the token there; is the volume mounted?"),
            )
        });
        Box::pin(std::future::ready(token))
    }
}

/// Issuer, subject and audience of a token: what the application has to trust.
fn origin(path: &Path) -> Option<String> {
    let claims = claims(read(path).ok()?.trim())?;
    let claim = |name: &str| {
        let value = claims.get(name)?;
        let text = value.as_str().or_else(|| value.as_array()?.first()?.as_str())?;
        Some(text.chars().filter(|letter| !letter.is_control()).take(200).collect::<String>())
    };
    let (issuer, subject, audience) = (claim("iss")?, claim("sub")?, claim("aud")?);
    Some(format!("issuer `{issuer}`, subject `{subject}`, audience `{audience}`"))
}

fn read(path: &Path) -> Result<SecretText, String> {
    let opened = File::open(path).and_then(|file| read_limited(file, FILE_LIMIT));
    let shown = path.display();
    match opened {
        Ok(Some(bytes)) => match std::str::from_utf8(bytes.expose()) {
            Ok(text) => Ok(SecretText::from(text)),
            Err(_) => Err(format!("{shown}: it is no text; a PKCS#12 file must be turned into PEM")),
        },
        Ok(None) => Err(format!("{shown}: more than {FILE_LIMIT} bytes")),
        Err(error) if error.kind() == ErrorKindOfIo::NotFound => Err(format!("{shown} is not there")),
        Err(error) => Err(format!("{shown}: {}", error.kind())),
    }
}

const TENANT: &str = "AZURE_TENANT_ID";
pub(super) const CLIENT: &str = "AZURE_CLIENT_ID";
const SECRET: &str = "AZURE_CLIENT_SECRET";
const CERTIFICATE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";
const PUBLIC: &str = "https://login.microsoftonline.com";

const TRUST: &str = "give the application a federated credential with exactly what the token says";

/// Most bytes of a file with a token, or with a certificate and its key.
const FILE_LIMIT: usize = 64 << 10;
