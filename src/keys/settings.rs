//! What the user alone decides about keys: addresses, roles, programs, order and limits. It comes from the user's own
//! configuration, never from a repository.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// The user's settings; the default is what holds without a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The order in which keys are tried.
    pub unwrap: UnwrapSettings,
    /// Time limits, attempts and load.
    pub network: NetworkSettings,
    /// age.
    pub age: AgeSettings,
    /// PGP.
    pub pgp: PgpSettings,
    /// AWS KMS.
    pub aws: AwsSettings,
    /// GCP Cloud KMS.
    pub gcp: GcpSettings,
    /// Azure Key Vault.
    pub azure: AzureSettings,
    /// Vault and OpenBao.
    pub vault: VaultSettings,
}

/// Which keys are tried first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct UnwrapSettings {
    /// Key types or names of recipients, the first one first. What is not named follows in the usual order: keys that open in
    /// silence, keys that ask, keys behind a network.
    pub order: Vec<String>,
}

/// Time limits, attempts and load.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct NetworkSettings {
    /// For one key, all attempts together, in seconds.
    pub timeout: u64,
    /// How often a call is made at most, where the service is busy or does not answer.
    pub attempts: u32,
    /// How many calls run at once for one key type.
    pub concurrency: usize,
    /// Key types whose service `git diff` and the like may reach; none unless named.
    pub textconv: Vec<String>,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self { timeout: 30, attempts: 4, concurrency: 8, textconv: Vec::new() }
    }
}

impl NetworkSettings {
    /// The time limit for one key.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        Duration::from_secs(if self.timeout < LONGEST { self.timeout } else { LONGEST })
    }
}

/// The longest time limit, in seconds: a day.
const LONGEST: u64 = 86_400;

/// age.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AgeSettings {
    /// The plugins that may be started, by name, with their absolute paths: `yubikey = "/usr/bin/age-plugin-yubikey"`.
    pub plugins: BTreeMap<String, PathBuf>,
}

/// PGP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PgpSettings {
    /// Files of public keys, with their absolute paths, for where gpg is not installed or has no such key.
    pub public_keys: Vec<PathBuf>,
    /// Files of private keys, with their absolute paths, for the same.
    pub secret_keys: Vec<PathBuf>,
}

/// AWS KMS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AwsSettings {
    /// The profile of the shared configuration; `AWS_PROFILE` goes before it.
    pub profile: Option<String>,
    /// A role to assume first.
    pub role: Option<String>,
    /// The external id that the role's trust policy asks for.
    pub external_id: Option<String>,
    /// Roles that a SOPS file or `.sops.yaml` may name.
    pub allowed_roles: Vec<String>,
    /// Profiles that a SOPS file or `.sops.yaml` may name.
    pub allowed_profiles: Vec<String>,
}

/// GCP Cloud KMS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct GcpSettings {
    /// The service account to act as.
    pub impersonate: Option<String>,
    /// Where Cloud KMS answers, for private endpoints; Google's own address else.
    pub endpoint: Option<String>,
}

/// Azure Key Vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AzureSettings {
    /// Vaults beside those of Azure's own domains: `https://host`.
    pub vaults: Vec<String>,
    /// Which ways to an identity are tried, in this order; all of them in the usual order where it is empty.
    pub chain: Vec<String>,
}

/// Vault and OpenBao.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct VaultSettings {
    /// The servers that a token may go to, beside that of `VAULT_ADDR` or `BAO_ADDR`.
    pub servers: Vec<VaultServer>,
}

/// One Vault, and how to log in there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct VaultServer {
    /// `https://host:port`.
    pub address: String,
    /// The namespace.
    pub namespace: Option<String>,
    /// A file with the authority's certificate, in PEM.
    pub ca_file: Option<PathBuf>,
    /// How to log in where there is no token.
    pub login: Option<VaultLogin>,
}

/// A way to log in to Vault. Secrets stand in files, never here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum VaultLogin {
    /// AppRole.
    AppRole {
        /// Where it is mounted; `approle` if nothing is said.
        mount: Option<String>,
        /// The role's id.
        role_id: String,
        /// The file with the secret id.
        secret_id_file: PathBuf,
    },
    /// A machine's TLS certificate.
    Cert {
        /// Where it is mounted; `cert` if nothing is said.
        mount: Option<String>,
        /// The role's name, if there are several.
        role: Option<String>,
        /// The file with the certificate, in PEM.
        cert_file: PathBuf,
        /// The file with its private key, in PEM.
        key_file: PathBuf,
    },
    /// A pod's service account.
    Kubernetes {
        /// Where it is mounted; `kubernetes` if nothing is said.
        mount: Option<String>,
        /// The role.
        role: String,
        /// The file with the token; the usual place if nothing is said.
        token_file: Option<PathBuf>,
    },
    /// A signed token, such as a CI job's.
    Jwt {
        /// Where it is mounted; `jwt` if nothing is said.
        mount: Option<String>,
        /// The role.
        role: Option<String>,
        /// The file with the token.
        token_file: Option<PathBuf>,
        /// The variable with the token.
        token_variable: Option<String>,
    },
}
