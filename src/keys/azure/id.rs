//! Identifiers of keys, and the vaults that Microsoft answers for.

use crate::keys::{AzureSettings, KeyError};

use super::KIND;

/// A key's identifier in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Id {
    /// `https://host`, with the port if it is not 443.
    pub(super) vault: String,
    /// The key's name.
    pub(super) name: String,
    /// Its version, if one is given.
    pub(super) version: Option<String>,
}

impl Id {
    /// Takes an identifier apart.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] with what is expected.
    pub(super) fn parse(text: &str) -> Result<Self, KeyError> {
        Self::read(text).ok_or_else(|| KeyError::Invalid {
            kind: KIND,
            id: text.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect(),
            reason:
                "expected `https://VAULT.vault.azure.net/keys/NAME/VERSION`, or the same without the version"
                    .to_owned(),
        })
    }

    fn read(text: &str) -> Option<Self> {
        let (authority, path) = text.strip_prefix("https://")?.split_once('/')?;
        let vault = vault_of(authority)?;
        let (name, version) = match path.strip_prefix("keys/")?.split_once('/') {
            Some((name, version)) => (name, Some(version).filter(|version| !version.is_empty())),
            None => (path.strip_prefix("keys/")?, None),
        };
        let is_name = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
        let fits = (1..=127).contains(&name.len()) && name.bytes().all(is_name);
        let is_version = |version: &str| {
            (1..=64).contains(&version.len()) && version.bytes().all(|letter| letter.is_ascii_alphanumeric())
        };
        (fits && version.is_none_or(is_version)).then(|| Self {
            vault,
            name: name.to_owned(),
            version: version.map(str::to_owned),
        })
    }

    /// The same with that version, or without one.
    pub(super) fn at(&self, version: Option<String>) -> Self {
        Self { version, ..self.clone() }
    }

    /// The normal form.
    pub(super) fn text(&self) -> String {
        let version = self.version.as_deref().map(|version| format!("/{version}")).unwrap_or_default();
        format!("{}/keys/{}{version}", self.vault, self.name)
    }

    /// Whom a token for this vault is for, if the vault is one of Azure's or of the user's own: one name of Azure's domain;
    /// any of Azure's names where the user vouches for the vault.
    pub(super) fn resources(&self, settings: &AzureSettings) -> Option<Vec<&'static str>> {
        if settings.vaults.iter().any(|vault| normal(vault).as_ref() == Some(&self.vault)) {
            return Some(DOMAINS.iter().map(|(_, resource)| *resource).collect());
        }
        let host = self.vault.strip_prefix("https://")?;
        let (label, domain) = host.split_once('.')?;
        let is_label = label.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-');
        let (_, resource) = DOMAINS.iter().find(|(own, _)| *own == domain)?;
        (is_label && (1..=63).contains(&label.len())).then(|| vec![*resource])
    }
}

/// `https://host` of a user's settings in its normal form.
fn normal(vault: &str) -> Option<String> {
    vault_of(vault.strip_prefix("https://")?.trim_end_matches('/'))
}

/// `https://host` of a host with or without a port; `None` for user names, numbers of IPv6 and what is no host.
fn vault_of(authority: &str) -> Option<String> {
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => {
            (host, Some(port.parse::<u16>().ok().filter(|port| *port != 0)?))
        }
        Some(_) => return None,
        None => (authority, None),
    };
    let is_label = |label: &str| {
        let inner = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-')
    };
    if host.len() > 253 || !host.split('.').all(is_label) {
        return None;
    }
    let port = port.filter(|port| *port != 443).map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("https://{}{port}", host.to_ascii_lowercase()))
}

/// The domains of Azure's clouds, and whom tokens for their vaults are for.
const DOMAINS: [(&str, &str); 6] = [
    ("vault.azure.net", "https://vault.azure.net"),
    ("vault.azure.cn", "https://vault.azure.cn"),
    ("vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net"),
    ("managedhsm.azure.net", "https://managedhsm.azure.net"),
    ("managedhsm.azure.cn", "https://managedhsm.azure.cn"),
    ("managedhsm.usgovcloudapi.net", "https://managedhsm.usgovcloudapi.net"),
];

/// So much of a wrong identifier is repeated.
const SHOWN: usize = 200;
