//! Who asks: the places where an identity can be, in their order. The first one that has something is taken, and a mistake in
//! it ends the search: nobody is to act as somebody else because of a mistyped path.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::file::{CredentialFile, FileKind};
use super::metadata::{self, Metadata};
use crate::keys::{Cause, Environment, Failure, Step};
use crate::secret::SecretText;

/// What gives the tokens.
#[derive(Clone)]
pub(super) enum Source {
    /// A token that the user made.
    Token(SecretText),
    /// A file of credentials, or what could stand in one.
    File(CredentialFile),
    /// The machine's metadata server.
    Metadata(Metadata),
}

impl Source {
    /// Whom Google sees, where that is known.
    pub(super) fn principal(&self) -> Option<&str> {
        match self {
            Self::Token(_) => None,
            Self::File(file) => file.principal.as_deref(),
            Self::Metadata(metadata) => metadata.email.as_deref(),
        }
    }

    /// What it is, for people.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Token(_) => "access token",
            Self::File(file) => file.kind.words(),
            Self::Metadata(_) => "the machine's service account",
        }
    }

    /// What helps where its tokens are not accepted.
    pub(super) const fn remedy(&self) -> &'static str {
        match self {
            Self::Token(_) => {
                "a token that is still valid: `gcloud auth print-access-token` gives one for an hour"
            }
            Self::File(file) => match file.kind {
                FileKind::ServiceAccount => {
                    "a key that has not been deleted or disabled: `gcloud iam service-accounts keys list` shows them; \
                     and look at this machine's clock"
                }
                FileKind::AuthorizedUser => "`gcloud auth application-default login`",
                FileKind::ExternalAccount => {
                    "a token that the provider of the workload identity pool takes: its issuer, audience, attribute \
                     condition and age"
                }
                FileKind::Impersonated => {
                    "`gcloud auth application-default login` with `--impersonate-service-account`"
                }
            },
            Self::Metadata(_) => "a service account for this machine or pod, with the scope `cloud-platform`",
        }
    }
}

/// The search and its outcome.
#[derive(Clone)]
pub(super) struct Chain {
    /// Every place, in order.
    pub(super) steps: Vec<Step>,
    /// What was found, and the name of its step.
    pub(super) found: Result<(String, Source), Failure>,
}

impl Chain {
    /// Searches.
    pub(super) async fn walk(environment: &Environment) -> Self {
        let mut chain = Self { steps: Vec::new(), found: Err(Failure::new(Cause::NoCredentials, "")) };
        let mut is_over = false;
        for place in [Place::Credentials, Place::Token, Place::Path, Place::WellKnown, Place::Metadata] {
            let name = place.name(environment);
            if is_over {
                chain.step(name, "not looked at", false);
                continue;
            }
            match place.look(environment).await {
                Looked::Nothing(why) => chain.step(name, &why, false),
                Looked::Found(source) => {
                    let of =
                        source.principal().map(|principal| format!(" of {principal}")).unwrap_or_default();
                    chain.step(name.clone(), &format!("{}{of}", source.words()), true);
                    chain.found = Ok((name, source));
                    is_over = true;
                }
                Looked::Wrong(why) => {
                    chain.step(name.clone(), &why, true);
                    let failure = Failure::new(Cause::NoCredentials, "").with_identity(name.clone());
                    let hint = format!("correct what {name} names, or unset it");
                    chain.found = Err(failure.answered(&why).hinted(hint));
                    is_over = true;
                }
            }
        }
        if !is_over {
            let failure = Failure::new(Cause::NoCredentials, "").with_identity(chain.tried());
            chain.found = Err(failure.hinted(
                "`gcloud auth application-default login`, or GOOGLE_APPLICATION_CREDENTIALS with the path of a file \
                 of credentials",
            ));
        }
        chain
    }

    /// The places that were looked at in vain, in one line.
    fn tried(&self) -> String {
        let Some((machine, places)) = self.steps.split_last() else { return String::new() };
        let places: Vec<&str> = places.iter().map(|step| step.name.as_str()).collect();
        format!("nothing in {}; {}: {}", places.join(", "), machine.name, machine.outcome)
    }

    fn step(&mut self, name: String, outcome: &str, used: bool) {
        self.steps.push(Step { name, outcome: outcome.to_owned(), used });
    }
}

/// A place where an identity can be.
#[derive(Clone, Copy)]
enum Place {
    Credentials,
    Token,
    Path,
    WellKnown,
    Metadata,
}

enum Looked {
    Nothing(String),
    Found(Source),
    Wrong(String),
}

impl Place {
    fn name(self, environment: &Environment) -> String {
        match self {
            Self::Credentials => "GOOGLE_CREDENTIALS".to_owned(),
            Self::Token => "GOOGLE_OAUTH_ACCESS_TOKEN".to_owned(),
            Self::Path => "GOOGLE_APPLICATION_CREDENTIALS".to_owned(),
            Self::WellKnown => match well_known(environment) {
                Some(path) => path.display().to_string(),
                None => format!("~/{WELL_KNOWN}"),
            },
            Self::Metadata => "metadata server".to_owned(),
        }
    }

    async fn look(self, environment: &Environment) -> Looked {
        let unset = || Looked::Nothing("not set".to_owned());
        let of = |read: Result<CredentialFile, String>| match read {
            Ok(file) => Looked::Found(Source::File(file)),
            Err(why) => Looked::Wrong(why),
        };
        match self {
            Self::Credentials => match environment.os("GOOGLE_CREDENTIALS") {
                // The file itself, or its path: as SOPS has it.
                Some(text) if text.as_encoded_bytes().trim_ascii_start().starts_with(b"{") => {
                    of(CredentialFile::parse(text.as_encoded_bytes()))
                }
                Some(path) => of(CredentialFile::read(Path::new(path))),
                None => unset(),
            },
            Self::Token => match environment.os("GOOGLE_OAUTH_ACCESS_TOKEN").map(OsStr::to_str) {
                Some(Some(token)) => Looked::Found(Source::Token(SecretText::from(token.trim()))),
                Some(None) => Looked::Wrong("it is no token".to_owned()),
                None => unset(),
            },
            Self::Path => match environment.os("GOOGLE_APPLICATION_CREDENTIALS") {
                Some(path) => of(CredentialFile::read(Path::new(path))),
                None => unset(),
            },
            Self::WellKnown => match well_known(environment) {
                // What cannot be looked at is a mistake, too.
                Some(path) if path.try_exists().unwrap_or(true) => of(CredentialFile::read(&path)),
                _ => Looked::Nothing("there is no such file".to_owned()),
            },
            Self::Metadata => match metadata::find(environment).await {
                Ok(metadata) => Looked::Found(Source::Metadata(metadata)),
                Err(why) => Looked::Nothing(why),
            },
        }
    }
}

/// Where `gcloud auth application-default login` leaves its file.
fn well_known(environment: &Environment) -> Option<PathBuf> {
    match environment.os("CLOUDSDK_CONFIG") {
        Some(folder) => Some(Path::new(folder).join(FILE)),
        None => Some(environment.home()?.join(WELL_KNOWN)),
    }
}

const FILE: &str = "application_default_credentials.json";
const WELL_KNOWN: &str = ".config/gcloud/application_default_credentials.json";
