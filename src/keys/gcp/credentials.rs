//! Google's own library makes the tokens; what it is given comes from the environment as it was when the program started.

use std::fmt;

use google_cloud_auth::credentials::{
    CacheableResource, Credentials, CredentialsProvider, EntityTag, external_account, impersonated, mds,
    service_account, user_account,
};
use google_cloud_auth::errors::CredentialsError;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderValue};

use super::chain::Source;
use super::file::{CredentialFile, FileKind};
use crate::keys::Environment;

/// What the calls are signed with.
///
/// # Errors
/// Why there is nothing, without what is in it.
pub(super) fn make(source: &Source, environment: &Environment) -> Result<Credentials, String> {
    let project = environment.text("GOOGLE_CLOUD_QUOTA_PROJECT").map(str::to_owned);
    match source {
        Source::Token(token) => Fixed::new(token.as_str()).map(Credentials::from),
        Source::File(file) => of_file(file, project),
        Source::Metadata(metadata) => {
            let builder = mds::Builder::default().with_endpoint(metadata.url.as_str());
            let builder = project.into_iter().fold(builder, mds::Builder::with_quota_project_id);
            builder.build().map_err(|_| "the metadata server cannot be used".to_owned())
        }
    }
}

/// The same, acting as that service account.
///
/// # Errors
/// Where that is not possible.
pub(super) fn acting_as(account: &str, source: Credentials) -> Result<Credentials, String> {
    let builder = impersonated::Builder::from_source_credentials(source).with_target_principal(account);
    builder.build().map_err(|_| format!("nobody can act as {account}"))
}

fn of_file(file: &CredentialFile, project: Option<String>) -> Result<Credentials, String> {
    let json = file.json.clone();
    let made = match file.kind {
        FileKind::ServiceAccount => {
            let builder = service_account::Builder::new(json);
            project.into_iter().fold(builder, service_account::Builder::with_quota_project_id).build()
        }
        FileKind::AuthorizedUser => {
            let builder = user_account::Builder::new(json);
            project.into_iter().fold(builder, user_account::Builder::with_quota_project_id).build()
        }
        FileKind::ExternalAccount => {
            let builder = external_account::Builder::new(json);
            project.into_iter().fold(builder, external_account::Builder::with_quota_project_id).build()
        }
        FileKind::Impersonated => {
            let builder = impersonated::Builder::new(json);
            project.into_iter().fold(builder, impersonated::Builder::with_quota_project_id).build()
        }
    };
    // The library's words may repeat what is in the file.
    made.map_err(|_| format!("it is not what a {} looks like", file.kind.words()))
}

/// A token that does not change.
struct Fixed {
    headers: HeaderMap,
    tag: EntityTag,
}

impl Fixed {
    fn new(token: &str) -> Result<Self, String> {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let mut value = value.map_err(|_| "it has characters that no token has".to_owned())?;
        value.set_sensitive(true);
        let headers = [(AUTHORIZATION, value)].into_iter().collect();
        Ok(Self { headers, tag: EntityTag::new() })
    }
}

impl fmt::Debug for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fixed(..)")
    }
}

impl CredentialsProvider for Fixed {
    async fn headers(&self, _known: Extensions) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        Ok(CacheableResource::New { entity_tag: self.tag.clone(), data: self.headers.clone() })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}
