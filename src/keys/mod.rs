//! Who can open: master keys, their wrapped copies of the data key, and the backends that wrap and unwrap.
//!
//! [`BACKENDS`] is the registry; a row without a backend is a key type that this build was made without, so that
//! "unknown key type" and "not in this build" are two errors.

mod access;
#[cfg(feature = "age")]
pub mod age;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "azure")]
pub mod azure;
#[cfg(any(test, feature = "test-util"))]
pub mod contract;
mod environment;
mod examine;
mod failure;
#[cfg(feature = "gcp")]
pub mod gcp;
mod keyring;
#[cfg(any(feature = "age", feature = "azure", feature = "gcp", feature = "pgp", feature = "vault"))]
mod limited;
#[cfg(feature = "network")]
mod network;
#[cfg(feature = "pgp")]
pub mod pgp;
mod pgp_armor;
#[cfg(any(feature = "age", feature = "pgp"))]
mod programs;
mod prompt;
mod runtime;
pub mod service;
mod settings;
pub mod text;
mod unwrapping;
#[cfg(feature = "vault")]
pub mod vault;

pub use access::Access;
pub use environment::Environment;
pub use examine::{Ability, Examined};
pub use failure::{Cause, Failure};
pub use keyring::{Attempt, Keyring, UnwrapError};
pub use prompt::{NoPrompt, Prompt, PromptError};
pub use settings::{
    AgeSettings, AwsSettings, AzureSettings, GcpSettings, NetworkSettings, PgpSettings, Settings,
    UnwrapSettings, VaultLogin, VaultServer, VaultSettings,
};
pub use unwrapping::{Fits, Share};

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use crate::secret::SecretBytes;
use service::KeyService;

/// Largest wrapped copy of a data key in bytes.
pub const WRAP_LIMIT: usize = 16 << 10;

/// A key type's name as it stands in files and in `.sealeaf.toml`, and its backend in this build.
pub static BACKENDS: &[(&str, Option<&dyn KeyBackend>)] = &[
    #[cfg(feature = "age")]
    ("age", Some(&age::Age)),
    #[cfg(not(feature = "age"))]
    ("age", None),
    #[cfg(feature = "aws")]
    ("aws_kms", Some(&aws::Aws)),
    #[cfg(not(feature = "aws"))]
    ("aws_kms", None),
    #[cfg(feature = "gcp")]
    ("gcp_kms", Some(&gcp::Gcp)),
    #[cfg(not(feature = "gcp"))]
    ("gcp_kms", None),
    #[cfg(feature = "azure")]
    ("azure_kv", Some(&azure::Azure)),
    #[cfg(not(feature = "azure"))]
    ("azure_kv", None),
    #[cfg(feature = "vault")]
    ("vault", Some(&vault::Vault)),
    #[cfg(not(feature = "vault"))]
    ("vault", None),
    #[cfg(feature = "pgp")]
    ("pgp", Some(&pgp::Pgp)),
    #[cfg(not(feature = "pgp"))]
    ("pgp", None),
];

/// What an asynchronous call of a backend returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A master key's public side.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyRef {
    /// Key type: `age`.
    pub kind: String,
    /// Public identifier: `age1…`, an ARN.
    pub id: String,
    /// The user's own encryption context; empty for most types.
    pub context: BTreeMap<String, String>,
}

impl KeyRef {
    /// Whether a wrap for this key stays closed to whoever keeps it until there are quantum computers. That is so for age's
    /// post-quantum keys, and for those of services that wrap with AES alone. A key of Vault may be of either kind, and a
    /// plugin's of any, which the identifier does not say.
    #[must_use]
    pub fn is_post_quantum(&self) -> bool {
        match self.kind.as_str() {
            "age" => self.id.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("age1pq1")),
            kind => matches!(kind, "aws_kms" | "gcp_kms"),
        }
    }
}

/// A recipient: a master key with its name and flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The key.
    pub key: KeyRef,
    /// The name in `.sealeaf.toml`; empty if none.
    pub name: String,
    /// Never tried unless asked for.
    pub break_glass: bool,
}

impl Recipient {
    /// A recipient of that name with a key of that type: `Recipient::new("alice", "age", "age1…")`.
    ///
    /// # Errors
    /// [`KeyError`] for an unknown type and for what is no key of it.
    pub fn new(name: &str, kind: &str, id: &str) -> Result<Self, KeyError> {
        let key = KeyRef { kind: kind.to_owned(), id: backend(kind)?.parse(id)?, context: BTreeMap::new() };
        Ok(Self { key, name: name.to_owned(), break_glass: false })
    }

    /// Name and identifier for people: `alice (age1…)`, or the identifier alone.
    #[must_use]
    pub fn label(&self) -> String {
        if self.name.is_empty() { self.key.id.clone() } else { format!("{} ({})", self.name, self.key.id) }
    }
}

/// A recipient with its wrapped copy of the data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stanza {
    /// Who.
    pub recipient: Recipient,
    /// The wrapped bytes.
    pub wrapped: Vec<u8>,
}

/// What a wrap is bound to.
#[derive(Clone, Debug)]
pub struct WrapContext {
    /// The file's id.
    pub fid: [u8; 16],
    /// The data key's epoch.
    pub epoch: u32,
}

impl WrapContext {
    /// For formats whose wraps are bound to nothing but the key: SOPS'.
    pub const UNBOUND: Self = Self { fid: [0; 16], epoch: 0 };

    /// Whether a wrap is bound to a file.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.fid != Self::UNBOUND.fid || self.epoch != Self::UNBOUND.epoch
    }
}

/// A backend's answer to a stanza.
#[derive(Debug)]
pub enum Unwrapped {
    /// Here are the wrapped bytes in clear.
    Opened(SecretBytes),
    /// None of this user's keys fits; why, for the list in the error.
    NotMine(String),
    /// A key fits and the unwrapping failed.
    Failed(KeyError),
}

/// One step of the way to an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The step: `environment`, `profile dev`, `instance metadata`.
    pub name: String,
    /// What came of it: `AWS_ACCESS_KEY_ID is set`, `no answer in 300 ms`.
    pub outcome: String,
    /// Whether this is the one that is used.
    pub used: bool,
}

/// One key service.
///
/// Promises: `parse` and `parse_of_sops` accept exactly the identifiers that `wrap` can use; `unwrap(wrap(x)) == x` byte for byte with the
/// matching private key; `unwrap` without it answers [`Unwrapped::NotMine`]; nothing secret is ever in an error.
pub trait KeyBackend: Sync {
    /// The key type's name.
    fn name(&self) -> &'static str;

    /// Whether unwrapping needs no network.
    fn is_local(&self) -> bool;

    /// Whether [`unwrap`](Self::unwrap) may have to ask the user something, such as a passphrase. The keyring tries
    /// such stanzas after those that can be opened in silence.
    fn may_ask(&self, stanza: &Stanza, run: &Run<'_>) -> bool {
        let _ = (stanza, run);
        false
    }

    /// Checks a public identifier, and gives it in its normal form.
    ///
    /// # Errors
    /// [`KeyError`] that says what is expected.
    fn parse(&self, id: &str) -> Result<String, KeyError>;

    /// The same for an identifier of a SOPS file or of `.sops.yaml`: what SOPS takes there may be less strict. `wrap`
    /// takes these too.
    ///
    /// # Errors
    /// [`KeyError`] that says what is expected.
    fn parse_of_sops(&self, id: &str) -> Result<String, KeyError> {
        self.parse(id)
    }

    /// Wraps `secret` for `key`.
    fn wrap<'a>(
        &'a self,
        key: &'a KeyRef,
        secret: &'a SecretBytes,
        context: &'a WrapContext,
        run: &'a Run<'a>,
    ) -> Pending<'a, Result<Vec<u8>, KeyError>>;

    /// The identifier that stands in a SOPS file for this key, where that is not the one it was named by: with the version
    /// that is current now, for a key that was named without one. `wrap` is then asked for that one.
    fn resolve<'a>(
        &'a self,
        key: &'a KeyRef,
        run: &'a Run<'a>,
    ) -> Pending<'a, Result<Option<String>, KeyError>> {
        let _ = (key, run);
        Box::pin(std::future::ready(Ok(None)))
    }

    /// How the user's identity for this key is found: the steps of the chain in their order, each with what came of it. For
    /// `explain`; reads no secret aloud and takes no longer than it must.
    fn identity<'a>(&'a self, key: &'a KeyRef, run: &'a Run<'a>) -> Pending<'a, Vec<Step>> {
        let _ = (key, run);
        Box::pin(std::future::ready(Vec::new()))
    }

    /// Tries to open a stanza with what the user has.
    fn unwrap<'a>(
        &'a self,
        stanza: &'a Stanza,
        context: &'a WrapContext,
        run: &'a Run<'a>,
    ) -> Pending<'a, Unwrapped>;
}

/// A failure of one key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not an identifier of that type.
    #[error("`{id}` is no {kind} key: {reason}")]
    Invalid {
        /// Key type.
        kind: &'static str,
        /// The text given.
        id: String,
        /// What is expected.
        reason: String,
    },
    /// An identifier that asks for what must not happen, such as starting a program.
    #[error("{kind} key `{id}` is refused: {reason}")]
    Refused {
        /// Key type.
        kind: &'static str,
        /// Identifier.
        id: String,
        /// Why.
        reason: String,
    },
    /// A key type nobody knows.
    #[error("unknown key type `{0}`")]
    UnknownKind(String),
    /// A key type that this build was made without.
    #[error("this build has no `{0}`")]
    NotInThisBuild(String),
    /// The service or library refused.
    #[error("{kind} key `{id}`: {reason}")]
    Failed {
        /// Key type.
        kind: &'static str,
        /// Identifier.
        id: String,
        /// Why; never a secret.
        reason: String,
    },
    /// A service behind a network did not do it.
    #[error("{kind} key `{id}`: {failure}")]
    Remote {
        /// Key type.
        kind: &'static str,
        /// Identifier.
        id: String,
        /// Why, in parts; never a secret.
        failure: Box<Failure>,
    },
    /// Neither the keys at hand nor a key service did it.
    #[error("{kind} key `{id}`: {}", reasons.join("; "))]
    Service {
        /// Key type.
        kind: String,
        /// Identifier.
        id: String,
        /// One of each that was asked, with its address; never a secret.
        reasons: Vec<String>,
    },
    /// An identity file that cannot be used.
    #[error("identity `{place}`: {reason}")]
    Identity {
        /// File or variable.
        place: String,
        /// Why.
        reason: String,
    },
}

/// The backend for a key type.
///
/// # Errors
/// [`KeyError::UnknownKind`] or [`KeyError::NotInThisBuild`].
pub fn backend(kind: &str) -> Result<&'static dyn KeyBackend, KeyError> {
    match BACKENDS.iter().find(|(name, _)| *name == kind) {
        Some((_, Some(backend))) => Ok(*backend),
        Some((_, None)) => Err(KeyError::NotInThisBuild(kind.to_owned())),
        None => Err(KeyError::UnknownKind(kind.to_owned())),
    }
}

/// Everything one command's backends share: the environment as it was at the start, the way to ask the user, and what
/// was loaded once (identities, clients). Shared between threads.
pub struct Run<'a> {
    /// The environment snapshot.
    pub environment: &'a Environment,
    /// How to ask for passphrases.
    pub prompt: &'a (dyn Prompt + Sync),
    /// Whether break-glass keys may be tried.
    pub break_glass: bool,
    /// Whether the keys at hand are used; else key services alone.
    pub local: bool,
    /// What the user alone decides.
    pub settings: Settings,
    /// Whether nobody waits for this run, as with `git diff`: a service is asked only where the user's settings say so.
    pub unattended: bool,
    /// Key services, asked in this order after the keys at hand, for files whose wraps are bound to no file.
    pub services: Vec<Arc<dyn KeyService>>,
    broken_glass: Mutex<Vec<([u8; 16], u32, Recipient)>>,
    shared: Mutex<HashMap<&'static str, Arc<dyn Any + Send + Sync>>>,
}

impl<'a> Run<'a> {
    /// A run over that environment.
    #[must_use]
    pub fn new(environment: &'a Environment, prompt: &'a (dyn Prompt + Sync)) -> Self {
        let shared = Mutex::default();
        Self {
            environment,
            prompt,
            break_glass: false,
            local: true,
            settings: Settings::default(),
            unattended: false,
            services: Vec::new(),
            broken_glass: Mutex::default(),
            shared,
        }
    }

    fn note_broken_glass(&self, context: &WrapContext, recipient: &Recipient) {
        let mut used = self.broken_glass.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        used.push((context.fid, context.epoch, recipient.clone()));
    }

    /// The break-glass keys that opened wraps of that file and epoch since this was asked last.
    pub fn take_broken_glass(&self, fid: &[u8; 16], epoch: u32) -> Vec<Recipient> {
        let mut used = self.broken_glass.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (of_file, others) = used.drain(..).partition(|(file, number, _)| file == fid && *number == epoch);
        *used = others;
        let of_file: Vec<([u8; 16], u32, Recipient)> = of_file;
        of_file.into_iter().map(|(_, _, recipient)| recipient).collect()
    }

    /// What `make` gives, made once in this run and kept under `name`. Two threads that ask together wait for one.
    pub fn shared<T: Any + Send + Sync>(&self, name: &'static str, make: impl FnOnce() -> T) -> Arc<T> {
        let mut map = self.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(found) = map.get(name).cloned().and_then(|any| any.downcast::<T>().ok()) {
            return found;
        }
        let made = Arc::new(make());
        map.insert(name, Arc::clone(&made) as Arc<dyn Any + Send + Sync>);
        made
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}
