//! Files in buckets of S3 and of Google Cloud Storage.

use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};

use super::{RemoteError, cause, one_line, wait};

/// Whose bucket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Amazon's, or of one who speaks its protocol.
    S3,
    /// Google's.
    Gcs,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Whose.
    pub store: Store,
    /// Its name.
    pub name: String,
}

impl Bucket {
    /// A file in it, for people: `s3://bucket/name`.
    #[must_use]
    pub fn shown(&self, name: &str) -> String {
        let scheme = match self.store {
            Store::S3 => "s3",
            Store::Gcs => "gcs",
        };
        format!("{scheme}://{}/{name}", self.name)
    }

    /// Puts a file there, over what has that name. `variable` gives the user's environment: the usual `AWS_…`, those
    /// with credentials and the endpoint; for Google `GOOGLE_APPLICATION_CREDENTIALS` and `STORAGE_EMULATOR_HOST`.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub fn put(
        &self,
        name: &str,
        content: &[u8],
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), RemoteError> {
        let place = self.shown(name);
        let path = Path::parse(name).map_err(|error| RemoteError::Name {
            name: name.to_owned(),
            reason: one_line(&error.to_string()),
        })?;
        let failed = |error: &object_store::Error| RemoteError::Unreachable {
            place: place.clone(),
            reason: reason(error),
        };
        let store: Box<dyn ObjectStore> = match self.store {
            Store::S3 => Box::new(s3(&self.name, variable).build().map_err(|error| failed(&error))?),
            Store::Gcs => Box::new(gcs(&self.name, variable).build().map_err(|error| failed(&error))?),
        };
        let payload = PutPayload::from(content.to_vec());
        wait(async { store.put(&path, payload).await.map(drop).map_err(|error| failed(&error)) })
    }
}

fn s3(bucket: &str, variable: &dyn Fn(&str) -> Option<String>) -> AmazonS3Builder {
    let mut builder = AmazonS3Builder::new();
    for name in AWS {
        if let (Some(value), Ok(key)) =
            (variable(name), name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>())
        {
            builder = builder.with_config(key, value);
        }
    }
    let mut options = options();
    if let Some(endpoint) = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL")) {
        options = options.with_allow_http(endpoint.starts_with("http://"));
        builder = builder.with_endpoint(endpoint);
    }
    builder.with_bucket_name(bucket).with_client_options(options).with_retry(retry())
}

fn gcs(bucket: &str, variable: &dyn Fn(&str) -> Option<String>) -> GoogleCloudStorageBuilder {
    let builder = GoogleCloudStorageBuilder::new().with_bucket_name(bucket).with_retry(retry());
    if let Some(host) = variable("STORAGE_EMULATOR_HOST") {
        let url = if host.contains("://") { host } else { format!("http://{host}") };
        let options = options().with_allow_http(url.starts_with("http://"));
        // Uploads ask for a token all the same, which would be looked for on the network.
        return builder.with_base_url(&url).with_bearer_token("none").with_client_options(options);
    }
    let builder = builder.with_client_options(options());
    match variable("GOOGLE_APPLICATION_CREDENTIALS") {
        Some(path) => builder.with_application_credentials(path),
        None => builder,
    }
}

fn options() -> ClientOptions {
    ClientOptions::new().with_timeout(LIMIT).with_connect_timeout(CONNECT)
}

fn retry() -> RetryConfig {
    RetryConfig { max_retries: 2, retry_timeout: LIMIT, ..RetryConfig::default() }
}

/// The crate's own text for what a server answered, else the innermost cause.
fn reason(error: &object_store::Error) -> String {
    match error {
        object_store::Error::Generic { source, .. } => {
            let whole = source.to_string();
            if whole.contains("error sending request") { cause(source.as_ref()) } else { one_line(&whole) }
        }
        error => one_line(&error.to_string()),
    }
}

/// What S3's client takes from the environment.
const AWS: [&str; 12] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];
const CONNECT: Duration = Duration::from_secs(10);
/// For one upload, with all tries.
const LIMIT: Duration = Duration::from_secs(60);
