//! The flags that several of SOPS' commands share.

use std::path::PathBuf;
use std::sync::Arc;

use sealeaf::envelope::sops::{By, Selector};
use sealeaf::keys::service::{KeyService, Reach};
use sealeaf::keys::{Environment, Run};

use super::fault::{BAD_ORDER, CONFLICTING, Fault, GENERIC};
use super::words::boolean;

/// Master keys. Any of them replaces all keys of the configuration's rule.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Keys {
    /// ARNs of AWS KMS keys, between commas; `ARN+ROLE` assumes a role first
    #[arg(long, short = 'k', value_name = "ARN,…")]
    pub(super) kms: Option<String>,
    /// The AWS profile for these
    #[arg(long, value_name = "NAME")]
    pub(super) aws_profile: Option<String>,
    /// Resource ids of GCP KMS keys, between commas
    #[arg(long, value_name = "ID,…")]
    pub(super) gcp_kms: Option<String>,
    /// Huawei Cloud KMS keys as `region:uuid`, between commas
    #[arg(long, value_name = "ID,…")]
    pub(super) hckms: Option<String>,
    /// URLs of Azure Key Vault keys, between commas
    #[arg(long, value_name = "URL,…")]
    pub(super) azure_kv: Option<String>,
    /// URIs of Vault or OpenBao transit keys, between commas
    #[arg(long, value_name = "URI,…")]
    pub(super) hc_vault_transit: Option<String>,
    /// Fingerprints of OpenPGP keys, between commas
    #[arg(long, short = 'p', value_name = "FP,…")]
    pub(super) pgp: Option<String>,
    /// Age recipients, between commas
    #[arg(long, short = 'a', value_name = "RECIPIENT,…")]
    pub(super) age: Option<String>,
    /// Encryption context of AWS KMS, `key:value` between commas
    #[arg(long, value_name = "K:V,…")]
    pub(super) encryption_context: Option<String>,
    /// How many key groups are needed; 0 for all
    #[arg(long, value_name = "N")]
    pub(super) shamir_secret_sharing_threshold: Option<u32>,
}

/// How input is read and output written, where the names of the files do not tell.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Types {
    /// `yaml`, `json`, `dotenv`, `ini` or `binary`; else the file's extension tells
    #[arg(long, value_name = "TYPE")]
    pub(super) input_type: Option<String>,
    /// The same for the output
    #[arg(long, value_name = "TYPE")]
    pub(super) output_type: Option<String>,
}

/// Which values are encrypted. At most one.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Selectors {
    /// Leave in clear what has a key with this ending
    #[arg(long, value_name = "TEXT")]
    pub(super) unencrypted_suffix: Option<String>,
    /// Encrypt what has a key with this ending
    #[arg(long, value_name = "TEXT")]
    pub(super) encrypted_suffix: Option<String>,
    /// Leave in clear what has a matching key
    #[arg(long, value_name = "REGEX")]
    pub(super) unencrypted_regex: Option<String>,
    /// Encrypt what has a matching key
    #[arg(long, value_name = "REGEX")]
    pub(super) encrypted_regex: Option<String>,
}

/// Which values are encrypted, by the comments above them.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct CommentSelectors {
    /// Leave in clear what has a matching comment
    #[arg(long, value_name = "REGEX")]
    pub(super) unencrypted_comment_regex: Option<String>,
    /// Encrypt what has a matching comment
    #[arg(long, value_name = "REGEX")]
    pub(super) encrypted_comment_regex: Option<String>,
}

/// Who unwraps data keys.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Services {
    /// Use this user's own keys; the default
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) enable_local_keyservice: Option<bool>,
    /// A key service besides: `tcp://host:port` or `unix:///path`; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub(super) keyservice: Vec<String>,
    /// Accept a key service on another machine, to which data keys travel in clear (not in SOPS)
    #[arg(long)]
    pub(super) allow_network_keyservice: bool,
}

/// In which order keys are tried.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Order {
    /// Types of keys, between commas
    #[arg(long, value_name = "TYPE,…")]
    pub(super) decryption_order: Option<String>,
}

/// Where the output goes; standard output without.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Output {
    /// Write it back to the file
    #[arg(long, short = 'i')]
    pub(super) in_place: bool,
    /// Write it to this file
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

impl Selectors {
    /// What the flags say; `comments` only legacy mode has.
    ///
    /// # Errors
    /// More than one, or one that would encrypt other than what it says.
    pub(super) fn chosen(&self, comments: &CommentSelectors) -> Result<Option<Selector>, Fault> {
        let said = |by| match by {
            By::UnencryptedSuffix => &self.unencrypted_suffix,
            By::EncryptedSuffix => &self.encrypted_suffix,
            By::UnencryptedRegex => &self.unencrypted_regex,
            By::EncryptedRegex => &self.encrypted_regex,
            By::UnencryptedCommentRegex => &comments.unencrypted_comment_regex,
            By::EncryptedCommentRegex => &comments.encrypted_comment_regex,
        };
        let all = By::ALL.into_iter().filter_map(|by| said(by).as_ref().map(|text| (by, text)));
        // An empty text is none to SOPS.
        let mut all = all.filter(|(_, text)| !text.is_empty());
        let Some((by, text)) = all.next() else { return Ok(None) };
        if all.next().is_some() {
            return Err(Fault::new(CONFLICTING, EXCLUSIVE));
        }
        let selector = Selector::new(by, text);
        selector.map(Some).map_err(|error| Fault::from(sealeaf::file::FileError::from(error)).code(GENERIC))
    }
}

impl Services {
    /// Says to a run whom to ask. Addresses come from the command line and the user's own environment alone.
    ///
    /// # Errors
    /// What is no address, or is on another machine without consent.
    pub(super) fn apply(&self, run: &mut Run<'_>) -> Result<(), Fault> {
        let environment = run.environment;
        let is_local = match (self.enable_local_keyservice, environment.text("SOPS_ENABLE_LOCAL_KEYSERVICE"))
        {
            (Some(said), _) => said,
            (None, Some(text)) => boolean(text.as_ref()).ok_or_else(|| {
                Fault::new(GENERIC, "SOPS_ENABLE_LOCAL_KEYSERVICE is neither true nor false")
            })?,
            (None, None) => true,
        };
        let by_variable =
            || environment.text("SOPS_KEYSERVICE").unwrap_or_default().split(',').map(str::to_owned);
        let addresses: Vec<String> =
            if self.keyservice.is_empty() { by_variable().collect() } else { self.keyservice.clone() };
        let reach = if self.allow_network_keyservice { Reach::Network } else { Reach::Machine };
        let addresses = addresses.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        for address in addresses {
            run.services.push(client(address, reach)?);
        }
        // Without anybody to ask, encrypting ends with 1 and decrypting with 128, each where a key is needed.
        run.local = is_local;
        Ok(())
    }
}

#[cfg(feature = "keyservice")]
fn client(address: &str, reach: Reach) -> Result<Arc<dyn KeyService>, Fault> {
    let client = sealeaf::keys::service::Client::parse(address, reach).map_err(|error| {
        let hint = matches!(error, sealeaf::keys::service::ServiceError::Elsewhere(_))
            .then_some("--allow-network-keyservice accepts that; a tunnel to this machine needs no consent");
        let fault = Fault::new(GENERIC, error);
        hint.into_iter().fold(fault, Fault::hint)
    })?;
    Ok(Arc::new(client))
}

#[cfg(not(feature = "keyservice"))]
fn client(_: &str, _: Reach) -> Result<Arc<dyn KeyService>, Fault> {
    Err(Fault::new(GENERIC, "this build cannot ask key services"))
}

impl Order {
    /// The types in their order, by this program's names; empty where nothing is said. One that stands twice is an error to
    /// SOPS, one that nobody knows is passed over.
    ///
    /// # Errors
    /// Exit code 112.
    pub(super) fn kinds(&self, environment: &Environment) -> Result<Vec<String>, Fault> {
        let said = self.decryption_order.as_deref().or_else(|| environment.text("SOPS_DECRYPTION_ORDER"));
        let mut seen = Vec::new();
        for name in said.unwrap_or_default().split(',').filter(|name| !name.is_empty()) {
            if seen.contains(&name) {
                let message = format!("Duplicate decryption key type: {name}");
                return Err(Fault::new(BAD_ORDER, message));
            }
            seen.push(name);
        }
        let own = |name: &str| match name {
            "kms" => "aws_kms".to_owned(),
            "hc_vault" => "vault".to_owned(),
            other => other.to_owned(),
        };
        Ok(seen.into_iter().map(own).collect())
    }
}

/// As SOPS lists them.
pub(super) const EXCLUSIVE: &str = "cannot use more than one of encrypted_suffix, unencrypted_suffix, \
     encrypted_regex, unencrypted_regex, encrypted_comment_regex, or unencrypted_comment_regex in the same file";
