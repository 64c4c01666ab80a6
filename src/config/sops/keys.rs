//! The keys of a rule: identifiers of seven key types, in groups.

use std::collections::{BTreeMap, HashSet};

use crate::config::{ConfigError, Problem};
use crate::keys::KeyRef;

use super::SopsProblem;
use super::reader::{Placed, Section};
use super::tree::What;

/// The keys of which any one opens the group's share; the data key itself where there is one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyGroup {
    /// In SOPS' order: those merged, then by type, in the file's order.
    pub keys: Vec<GroupKey>,
}

/// A key and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupKey {
    /// 1-based.
    pub line: usize,
    /// The key.
    pub key: MasterKey,
}

/// A key that data keys are wrapped for. Beyond what is needed to take an identifier apart nothing is checked: that is
/// the key back ends' work, and a key that a build has no back end for is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MasterKey {
    /// An age recipient.
    Age {
        /// `age1…`, an ssh key, or a plug-in's.
        recipient: String,
    },
    /// An OpenPGP key.
    Pgp {
        /// Its fingerprint without blanks.
        fingerprint: String,
    },
    /// A key in AWS KMS.
    Kms {
        /// The key's ARN.
        arn: String,
        /// The role that is assumed first.
        role: Option<String>,
        /// The encryption context.
        context: BTreeMap<String, String>,
        /// The profile of the shared configuration.
        profile: Option<String>,
    },
    /// A key in GCP KMS.
    GcpKms {
        /// `projects/*/locations/*/keyRings/*/cryptoKeys/*`.
        resource_id: String,
    },
    /// A key in Huawei Cloud KMS.
    HcKms {
        /// `region:uuid`.
        key_id: String,
    },
    /// A key in Azure Key Vault.
    AzureKeyVault {
        /// `https://host`, without a slash at its end.
        vault_url: String,
        /// The key's name.
        name: String,
        /// Its version; `None` for the current one.
        version: Option<String>,
    },
    /// A key of Vault's or OpenBao's transit engine.
    VaultTransit {
        /// `https://host:port`.
        address: String,
        /// The engine's path, which may have slashes.
        engine_path: String,
        /// The key's name.
        name: String,
    },
}

impl MasterKey {
    /// Reads an identifier as SOPS' command line has it. `list` is the name of its list in a file's metadata: `age`, `pgp`,
    /// `kms` (`arn`, or `arn+role`), `gcp_kms`, `hckms`, `azure_kv`, `hc_vault`.
    ///
    /// # Errors
    /// The form that is expected, where it is another; an empty text for a list that nobody knows.
    pub fn parse(list: &str, text: &str) -> Result<Self, &'static str> {
        match list {
            "age" => Ok(Self::Age { recipient: text.to_owned() }),
            "pgp" => Ok(pgp(text)),
            "kms" => Ok(kms(text, None)),
            "gcp_kms" => Ok(Self::GcpKms { resource_id: text.to_owned() }),
            "hckms" => huawei_id(text).ok_or(HUAWEI),
            "azure_kv" => azure_url(text).ok_or(AZURE),
            "hc_vault" => vault_uri(text).ok_or(VAULT),
            _ => Err(""),
        }
    }

    /// The key's type and identifier as the key back ends and the metadata of SOPS files have them.
    #[must_use]
    pub fn key_ref(&self) -> KeyRef {
        let (kind, id) = match self {
            Self::Age { recipient } => ("age", recipient.clone()),
            Self::Pgp { fingerprint } => ("pgp", fingerprint.to_ascii_uppercase()),
            Self::Kms { arn, role, profile, .. } => {
                let part = |mark: char, value: &Option<String>| {
                    value.as_ref().map(|value| format!("{mark}{value}")).unwrap_or_default()
                };
                ("aws_kms", format!("{arn}{}{}", part('+', role), part('|', profile)))
            }
            Self::GcpKms { resource_id } => ("gcp_kms", resource_id.clone()),
            Self::HcKms { key_id } => ("hckms", key_id.clone()),
            Self::AzureKeyVault { vault_url, name, version } => {
                ("azure_kv", format!("{vault_url}/keys/{name}/{}", version.as_deref().unwrap_or_default()))
            }
            Self::VaultTransit { address, engine_path, name } => {
                ("vault", format!("{address}/v1/{engine_path}/keys/{name}"))
            }
        };
        let context = match self {
            Self::Kms { context, .. } => context.clone(),
            _ => BTreeMap::new(),
        };
        KeyRef { kind: kind.to_owned(), id, context }
    }
}

/// The keys of a rule's flat lists, which make one group. A key that stands there twice stays twice, as in SOPS.
pub(super) fn flat(rule: Section<'_>) -> Result<KeyGroup, ConfigError> {
    let profile = rule.filled("aws_profile")?.map(|profile| profile.value.to_owned());
    let mut keys = Keys { section: rule, found: Vec::new() };
    for (at, recipient) in listed(rule, "age")? {
        keys.push(at, MasterKey::Age { recipient });
    }
    for (at, fingerprint) in listed(rule, "pgp")? {
        keys.push(at, pgp(&fingerprint));
    }
    for (at, arn) in listed(rule, "kms")? {
        keys.push(at, kms(&arn, profile.clone()));
    }
    for (at, resource_id) in listed(rule, "gcp_kms")? {
        keys.push(at, MasterKey::GcpKms { resource_id });
    }
    for id in rule.texts("hckms")? {
        keys.push(id.at, huawei(rule, "hckms", id)?);
    }
    for (at, url) in listed(rule, "azure_keyvault")? {
        keys.push(at, azure(rule, Placed { at, value: &url })?);
    }
    for (at, uri) in listed(rule, "hc_vault_transit_uri")? {
        keys.push(at, vault(rule, "hc_vault_transit_uri", Placed { at, value: &uri })?);
    }
    Ok(KeyGroup { keys: keys.found })
}

/// A group of `key_groups`, with those it merges before it, each key once. No deeper than the file, which is limited.
pub(super) fn group(group: Section<'_>) -> Result<KeyGroup, ConfigError> {
    let mut keys = Keys { section: group, found: Vec::new() };
    if let Some(item) = group.get("merge") {
        let reader = group.reader();
        for item in reader.elements(item, "merge", "a list of key groups", "a key group")? {
            keys.found.extend(self::group(reader.section(item, "a key group", GROUP)?)?.keys);
        }
    }
    for text in group.texts("age")? {
        for recipient in parts(text.value) {
            keys.push(text.at, MasterKey::Age { recipient: recipient.to_owned() });
        }
    }
    for text in group.texts("pgp")? {
        keys.push(text.at, pgp(text.value));
    }
    for section in sections(group, "kms", "an AWS key", &["arn", "role", "context", "aws_profile"])? {
        keys.push(section.at(), kms_object(section)?);
    }
    for section in sections(group, "gcp_kms", "a GCP key", &["resource_id"])? {
        let resource_id = section.required("resource_id")?.value.to_owned();
        keys.push(section.at(), MasterKey::GcpKms { resource_id });
    }
    for section in sections(group, "hckms", "a Huawei key", &["key_id"])? {
        keys.push(section.at(), huawei(section, "key_id", section.required("key_id")?)?);
    }
    for section in sections(group, "azure_keyvault", "an Azure key", &["vaultUrl", "key", "version"])? {
        let vault_url = section.required("vaultUrl")?.value.trim_end_matches('/').to_owned();
        let name = section.required("key")?.value.to_owned();
        let version = section.filled("version")?.map(|version| version.value.to_owned());
        keys.push(section.at(), MasterKey::AzureKeyVault { vault_url, name, version });
    }
    for uri in group.texts("hc_vault")? {
        keys.push(uri.at, vault(group, "hc_vault", uri)?);
    }
    let mut seen = HashSet::new();
    keys.found.retain(|key| seen.insert(identity(&key.key)));
    Ok(KeyGroup { keys: keys.found })
}

/// The keys that are found, with their lines.
struct Keys<'a> {
    section: Section<'a>,
    found: Vec<GroupKey>,
}

impl Keys<'_> {
    fn push(&mut self, at: usize, key: MasterKey) {
        self.found.push(GroupKey { line: self.section.reader().line(at), key });
    }
}

/// What makes two keys the same one for SOPS.
fn identity(key: &MasterKey) -> (String, String, Vec<(String, String)>, Option<String>) {
    let KeyRef { kind, id, context } = key.key_ref();
    let profile = match key {
        MasterKey::Kms { profile, .. } => profile.clone(),
        _ => None,
    };
    (kind, id, context.into_iter().collect(), profile)
}

/// A string of parts between commas, or a list of such strings.
fn listed(rule: Section<'_>, key: &str) -> Result<Vec<(usize, String)>, ConfigError> {
    let Some(item) = rule.get(key) else { return Ok(Vec::new()) };
    let wrong = |at| rule.reader().wrong_type(at, key, "a string or a list of strings");
    let items = match &item.what {
        What::Text(_) => std::slice::from_ref(item),
        What::List(items) => items.as_slice(),
        _ => return Err(wrong(item.at)),
    };
    let mut found = Vec::new();
    for item in items {
        // SOPS refuses numbers and nulls here, though not in the lists of `key_groups`.
        let What::Text(text) = &item.what else { return Err(wrong(item.at)) };
        found.extend(parts(text).map(|part| (item.at, part.to_owned())));
    }
    Ok(found)
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn sections<'a>(
    group: Section<'a>,
    key: &str,
    place: &'static str,
    keys: &[&str],
) -> Result<Vec<Section<'a>>, ConfigError> {
    let Some(item) = group.get(key) else { return Ok(Vec::new()) };
    let reader = group.reader();
    let items = reader.elements(item, key, "a list of maps", "an element")?;
    items.into_iter().map(|item| reader.section(item, place, keys)).collect()
}

fn pgp(text: &str) -> MasterKey {
    MasterKey::Pgp { fingerprint: text.replace(' ', "") }
}

/// `arn`, or `arn+role`.
fn kms(text: &str, profile: Option<String>) -> MasterKey {
    let text = text.replace(' ', "");
    let (arn, role) = match text.split_once('+') {
        Some((arn, role)) => (arn.to_owned(), Some(role.to_owned())),
        None => (text, None),
    };
    MasterKey::Kms { arn, role, context: BTreeMap::new(), profile }
}

fn kms_object(section: Section<'_>) -> Result<MasterKey, ConfigError> {
    let owned = |text: Placed<&str>| text.value.to_owned();
    let mut context = BTreeMap::new();
    if let Some(item) = section.get("context") {
        let wrong = |at| section.reader().wrong_type(at, "context", "a map of strings");
        let What::Map(pairs) = &item.what else { return Err(wrong(item.at)) };
        for pair in pairs {
            let (What::Text(text) | What::Plain(text)) = &pair.value.what else { return Err(wrong(pair.at)) };
            context.insert(pair.key.clone(), text.clone());
        }
    }
    Ok(MasterKey::Kms {
        arn: owned(section.required("arn")?),
        role: section.filled("role")?.map(owned),
        context,
        profile: section.filled("aws_profile")?.map(owned),
    })
}

fn huawei(section: Section<'_>, key: &'static str, id: Placed<&str>) -> Result<MasterKey, ConfigError> {
    huawei_id(id.value).ok_or_else(|| bad_form(section, key, id, HUAWEI))
}

fn huawei_id(id: &str) -> Option<MasterKey> {
    let (region, uuid) = id.split_once(':')?;
    (!region.is_empty() && !uuid.is_empty()).then(|| MasterKey::HcKms { key_id: id.to_owned() })
}

fn azure(section: Section<'_>, url: Placed<&str>) -> Result<MasterKey, ConfigError> {
    azure_url(url.value).ok_or_else(|| bad_form(section, "azure_keyvault", url, AZURE))
}

/// `https://host/keys/name`, with or without a version.
fn azure_url(url: &str) -> Option<MasterKey> {
    let (host, rest) = url.strip_prefix("https://")?.split_once('/')?;
    let mut rest = rest.strip_prefix("keys/")?.split('/');
    let (name, version) = (rest.next()?, rest.next());
    let is_whole = ![host, name, version.unwrap_or("1")].contains(&"") && rest.next().is_none();
    is_whole.then(|| MasterKey::AzureKeyVault {
        vault_url: format!("https://{host}"),
        name: name.to_owned(),
        version: version.map(str::to_owned),
    })
}

fn vault(section: Section<'_>, key: &'static str, uri: Placed<&str>) -> Result<MasterKey, ConfigError> {
    vault_uri(uri.value).ok_or_else(|| bad_form(section, key, uri, VAULT))
}

/// `https://host:port/v1/engine/path/keys/name`.
fn vault_uri(uri: &str) -> Option<MasterKey> {
    let (scheme, rest) = uri.trim_end_matches('/').split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let (engine_path, name) = path.strip_prefix("v1/")?.rsplit_once("/keys/")?;
    let is_whole = matches!(scheme, "http" | "https")
        && ![host, engine_path, name].contains(&"")
        && !name.contains('/')
        && !path.contains(['?', '#']);
    is_whole.then(|| MasterKey::VaultTransit {
        address: format!("{scheme}://{host}"),
        engine_path: engine_path.to_owned(),
        name: name.to_owned(),
    })
}

fn bad_form(section: Section<'_>, key: &'static str, id: Placed<&str>, form: &'static str) -> ConfigError {
    let problem = SopsProblem::Identifier { key, id: id.value.to_owned(), form };
    section.error(id.at, Problem::from(problem))
}

/// The keys of a key group.
pub(super) const GROUP: &[&str] =
    &["merge", "age", "pgp", "kms", "gcp_kms", "hckms", "azure_keyvault", "hc_vault"];

/// A rule's keys that make its group where it has no `key_groups`.
pub(super) const FLAT: &[&str] =
    &["age", "pgp", "kms", "aws_profile", "gcp_kms", "hckms", "azure_keyvault", "hc_vault_transit_uri"];

const HUAWEI: &str = "region:uuid";
const AZURE: &str = "https://host/keys/name/version";
const VAULT: &str = "https://host:8200/v1/engine/keys/name";
