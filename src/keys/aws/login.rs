//! Who asks: the steps of the identity chain, in the order of the AWS SDKs, each once in a run.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_config::{Region, SdkConfig, imds};
use aws_credential_types::credential_feature::AwsCredentialFeature;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::config::{Credentials, ProvideCredentials, SharedHttpClient};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::error::{of_step, principal};
use super::files;
use crate::keys::{AwsSettings, Cause, Environment, Failure, Step};

/// Which identity is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Who {
    /// Where STS is asked.
    pub(super) region: String,
    /// The profile that a SOPS file names, and the user allows.
    pub(super) profile: Option<String>,
    /// The same of a role.
    pub(super) role: Option<String>,
}

/// The step that gave the credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Environment,
    Profile(String),
    WebIdentity,
    Container,
    Instance,
}

/// One identity of a run.
pub(super) struct Login {
    who: Who,
    environment: Environment,
    settings: AwsSettings,
    http: SharedHttpClient,
    state: Mutex<Option<Result<Arc<Session>, Failed>>>,
}

/// Credentials, and how they were come by.
pub(super) struct Session {
    pub(super) credentials: Credentials,
    pub(super) source: Source,
    /// For people: `profile dev (SSO), role arn:…`.
    pub(super) from: String,
    pub(super) steps: Vec<Step>,
    pub(super) config: SdkConfig,
}

/// No credentials, and why.
#[derive(Clone)]
pub(super) struct Failed {
    pub(super) failure: Failure,
    pub(super) source: Option<Source>,
    pub(super) steps: Vec<Step>,
}

/// What one step gave.
enum Outcome {
    Found(Credentials, String),
    Nothing(String),
    Failed(Failure),
}

impl Login {
    pub(super) fn new(
        who: Who,
        environment: &Environment,
        settings: &AwsSettings,
        http: SharedHttpClient,
    ) -> Self {
        let (environment, settings) = (environment.clone(), settings.clone());
        Self { who, environment, settings, http, state: Mutex::default() }
    }

    /// The credentials, found now if they were not before or are about to expire. Two that ask together wait for one; what
    /// failed for good fails again.
    pub(super) async fn session(&self) -> Result<Arc<Session>, Failed> {
        let mut state = self.state.lock().await;
        match &*state {
            Some(Ok(session)) if session.is_fresh() => return Ok(Arc::clone(session)),
            Some(Err(failed)) if !failed.failure.cause.is_transient() => return Err(failed.clone()),
            _ => {}
        }
        let made = self.make().await.map(Arc::new);
        *state = Some(made.clone());
        made
    }

    async fn make(&self) -> Result<Session, Failed> {
        let mut steps = Vec::new();
        let (source, base, mut from) = self.base(&mut steps).await?;
        let config = self.config().await;
        let mut credentials = base;
        let own = self.settings.role.as_deref().map(|role| (role, self.settings.external_id.as_deref()));
        let of_file = self.who.role.as_deref().map(|role| (role, None));
        let of_file = of_file.filter(|(role, _)| self.settings.role.as_deref() != Some(*role));
        for (role, external_id) in own.into_iter().chain(of_file) {
            match self.assume(&config, role, external_id, credentials).await {
                Ok(assumed) => credentials = assumed,
                Err(failure) => {
                    steps.push(step(&format!("role {role}"), &failure.to_string(), true));
                    let failure = failure.with_identity(from);
                    return Err(Failed { failure, source: Some(source), steps });
                }
            }
            steps.push(step(&format!("role {role}"), "assumed", true));
            from = format!("{from}, role {role}");
        }
        Ok(Session { credentials, source, from, steps, config })
    }

    /// The chain: the first step that has credentials, or fails to give those it should have.
    async fn base(&self, steps: &mut Vec<Step>) -> Result<(Source, Credentials, String), Failed> {
        let mut chain = vec![Source::Profile(self.profile())];
        if self.who.profile.is_none() {
            chain.insert(0, Source::Environment);
            chain.extend([Source::WebIdentity, Source::Container, Source::Instance]);
        }
        for source in chain {
            let name = source.name();
            match self.ask(&source).await {
                Outcome::Found(credentials, how) => {
                    steps.push(step(&name, &how, true));
                    let from = match how.strip_prefix("by ") {
                        Some(how) => format!("{name} ({how})"),
                        None => name,
                    };
                    return Ok((source, credentials, from));
                }
                Outcome::Nothing(why) => steps.push(step(&name, &why, false)),
                Outcome::Failed(failure) => {
                    steps.push(step(&name, &failure.to_string(), true));
                    let failure = failure.with_identity(name);
                    return Err(Failed { failure, source: Some(source), steps: std::mem::take(steps) });
                }
            }
        }
        let tried: Vec<String> =
            steps.iter().map(|step| format!("{}: {}", step.name, step.outcome)).collect();
        let failure = Failure::new(Cause::NoCredentials, "").with_identity(tried.join(", "));
        Err(Failed { failure, source: None, steps: std::mem::take(steps) })
    }

    async fn ask(&self, source: &Source) -> Outcome {
        match source {
            Source::Environment => self.variables(),
            Source::Profile(name) => {
                let provider = ProfileFileCredentialsProvider::builder()
                    .configure(&self.provider())
                    .profile_files(files::profiles(&self.environment))
                    .profile_name(name)
                    .build();
                let explicit = self.named_profile().is_some();
                match provided(&provider).await {
                    Err(error @ CredentialsError::CredentialsNotLoaded(_)) if explicit => {
                        let why = super::error::root(&error);
                        Outcome::Failed(Failure::new(Cause::NoCredentials, "").answered(&why))
                    }
                    answer => outcome(answer, "it is not there, or has no credentials"),
                }
            }
            Source::WebIdentity => match files::web_identity(&self.environment) {
                Err(why) => Outcome::Nothing(why),
                Ok((file, role)) => {
                    let session_name = self.environment.text("AWS_ROLE_SESSION_NAME").unwrap_or(SESSION);
                    let provider = WebIdentityTokenCredentialsProvider::builder()
                        .configure(&self.provider())
                        .static_configuration(StaticConfiguration {
                            web_identity_token_file: file,
                            role_arn: role,
                            session_name: session_name.to_owned(),
                        })
                        .build();
                    outcome(provided(&provider).await, "no credentials")
                }
            },
            Source::Container => {
                let names = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
                if !names.iter().any(|name| self.environment.os(name).is_some()) {
                    return Outcome::Nothing("AWS_CONTAINER_CREDENTIALS_… is not set".to_owned());
                }
                let provider = EcsCredentialsProvider::builder().configure(&self.provider()).build();
                outcome(provided(&provider).await, "no credentials")
            }
            Source::Instance => self.instance().await,
        }
    }

    fn variables(&self) -> Outcome {
        let variable = |name| self.environment.text(name).map(str::trim).filter(|text| !text.is_empty());
        match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => {
                let token = variable("AWS_SESSION_TOKEN").map(str::to_owned);
                let how =
                    if token.is_some() { "AWS_SESSION_TOKEN is set" } else { "AWS_ACCESS_KEY_ID is set" };
                Outcome::Found(Credentials::new(id, secret, token, None, "environment"), how.to_owned())
            }
            (Some(_), None) => Outcome::Nothing("AWS_SECRET_ACCESS_KEY is not set".to_owned()),
            (None, _) => Outcome::Nothing("AWS_ACCESS_KEY_ID is not set".to_owned()),
        }
    }

    /// A machine that is no instance has nothing there, and does not even refuse: so it gets little time.
    async fn instance(&self) -> Outcome {
        if self
            .environment
            .text("AWS_EC2_METADATA_DISABLED")
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
        {
            return Outcome::Nothing("turned off by AWS_EC2_METADATA_DISABLED".to_owned());
        }
        let endpoint = match self.environment.text("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
            Some(endpoint) => endpoint,
            None if self.environment.text("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE").is_some_and(is_six) => {
                IMDS_6
            }
            None => IMDS,
        };
        match timeout(PROBE, TcpStream::connect(files::authority(endpoint))).await {
            Err(_) => return Outcome::Nothing(format!("no answer in {} ms", PROBE.as_millis())),
            Ok(Err(error)) => return Outcome::Nothing(error.to_string()),
            Ok(Ok(_)) => {}
        }
        let provider = self.provider();
        let client = imds::Client::builder()
            .configure(&provider)
            .connect_timeout(PROBE)
            .read_timeout(PROBE)
            .max_attempts(1)
            .endpoint(endpoint);
        let client = match client {
            Ok(client) => client.build(),
            Err(_) => return Outcome::Nothing("AWS_EC2_METADATA_SERVICE_ENDPOINT is no address".to_owned()),
        };
        let provider = ImdsCredentialsProvider::builder().configure(&provider).imds_client(client).build();
        match outcome(provided(&provider).await, "it has no role") {
            // It is the last step, and there on machines that were never meant to have an identity.
            Outcome::Failed(failure) => {
                Outcome::Nothing(failure.answer.unwrap_or_else(|| failure.cause.to_string()))
            }
            other => other,
        }
    }

    async fn assume(
        &self,
        config: &SdkConfig,
        role: &str,
        external_id: Option<&str>,
        credentials: Credentials,
    ) -> Result<Credentials, Failure> {
        let session = self.environment.text("AWS_ROLE_SESSION_NAME").unwrap_or(SESSION);
        let mut builder = AssumeRoleProvider::builder(role).configure(config).session_name(session);
        if let Some(id) = external_id {
            builder = builder.external_id(id);
        }
        let provider = builder.build_from_provider(credentials).await;
        provider.provide_credentials().await.map_err(|error| {
            let failure = of_step("sts:AssumeRole", &error);
            let who = failure.answer.as_deref().and_then(principal);
            Failure { call: format!("sts:AssumeRole of {role}"), ..failure }.by(who)
        })
    }

    /// What clients of STS and KMS have in common; without credentials.
    async fn config(&self) -> SdkConfig {
        let mut loader = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(Region::new(self.who.region.clone()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .http_client(self.http.clone())
            .profile_files(files::profiles(&self.environment))
            .profile_name(self.profile())
            .no_credentials();
        if let Some(url) = files::endpoint(&self.environment, "STS") {
            loader = loader.endpoint_url(url);
        }
        loader.load().await
    }

    fn provider(&self) -> ProviderConfig {
        ProviderConfig::without_region()
            .with_region(Some(Region::new(self.who.region.clone())))
            .with_retry_config(RetryConfig::disabled())
            .with_http_client(self.http.clone())
    }

    fn named_profile(&self) -> Option<&str> {
        let own = || self.environment.text("AWS_PROFILE").or(self.settings.profile.as_deref());
        self.who.profile.as_deref().or_else(own)
    }

    fn profile(&self) -> String {
        self.named_profile().unwrap_or("default").to_owned()
    }
}

impl Session {
    fn is_fresh(&self) -> bool {
        self.credentials.expiry().is_none_or(|end| end > SystemTime::now() + MARGIN)
    }
}

impl Source {
    /// For people.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Environment => "environment".to_owned(),
            Self::Profile(name) => format!("profile {name}"),
            Self::WebIdentity => "web identity token".to_owned(),
            Self::Container => "container".to_owned(),
            Self::Instance => "instance metadata".to_owned(),
        }
    }
}

async fn provided(provider: &impl ProvideCredentials) -> Result<Credentials, CredentialsError> {
    provider.provide_credentials().await
}

fn outcome(answer: Result<Credentials, CredentialsError>, nothing: &str) -> Outcome {
    match answer {
        Ok(credentials) => {
            let how = way(&credentials).unwrap_or("found");
            Outcome::Found(credentials, how.to_owned())
        }
        Err(CredentialsError::CredentialsNotLoaded(_)) => Outcome::Nothing(nothing.to_owned()),
        Err(error) => Outcome::Failed(of_step("", &error)),
    }
}

/// How a profile came by its credentials.
fn way(credentials: &Credentials) -> Option<&'static str> {
    let features = credentials.get_property::<Vec<AwsCredentialFeature>>()?;
    let has = |wanted: &AwsCredentialFeature| features.contains(wanted);
    use AwsCredentialFeature as Feature;
    [
        (Feature::CredentialsSso, "by SSO"),
        (Feature::CredentialsProcess, "by `credential_process`"),
        (Feature::CredentialsStsAssumeRole, "by its role"),
        (Feature::CredentialsProfileStsWebIdToken, "by a web identity token"),
    ]
    .iter()
    .find(|(feature, _)| has(feature))
    .map(|(_, way)| *way)
}

fn step(name: &str, outcome: &str, used: bool) -> Step {
    Step { name: name.to_owned(), outcome: outcome.to_owned(), used }
}

fn is_six(mode: &str) -> bool {
    mode.eq_ignore_ascii_case("ipv6")
}

const IMDS: &str = "http://169.254.169.254";
const IMDS_6: &str = "http://[fd00:ec2::254]";

/// How long the instance's metadata may take to answer.
const PROBE: Duration = Duration::from_millis(300);

/// Credentials that end before that are renewed.
const MARGIN: Duration = Duration::from_secs(60);

/// The name that a session has in CloudTrail where the user gives none.
const SESSION: &str = "sealeaf";
