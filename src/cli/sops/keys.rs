//! Master keys on the command line and in `.sops.yaml`, as recipients.

use std::collections::BTreeMap;

use sealeaf::config::sops::{CreationRule, MasterKey};
use sealeaf::keys::{Environment, KeyError, Recipient, backend};

use super::fault::{BAD_CONTEXT, Fault, GENERIC};
use super::flags::Keys;
use crate::cli::report::Report;

/// What the flags, or the variables that stand for them, name; `None` where they name nothing.
///
/// # Errors
/// An identifier of another form than its type has.
pub(super) fn named(keys: &Keys, environment: &Environment) -> Result<Option<Vec<Recipient>>, Fault> {
    let context = context(keys.encryption_context.as_deref())?;
    let profile = keys.aws_profile.as_deref();
    let mut found = Vec::new();
    for (list, said, variable) in [
        ("kms", &keys.kms, "SOPS_KMS_ARN"),
        ("gcp_kms", &keys.gcp_kms, "SOPS_GCP_KMS_IDS"),
        ("hckms", &keys.hckms, "SOPS_HUAWEICLOUD_KMS_IDS"),
        ("azure_kv", &keys.azure_kv, "SOPS_AZURE_KEYVAULT_URLS"),
        ("hc_vault", &keys.hc_vault_transit, "SOPS_VAULT_URIS"),
        ("age", &keys.age, "SOPS_AGE_RECIPIENTS"),
        ("pgp", &keys.pgp, "SOPS_PGP_FP"),
    ] {
        let said = said.as_deref().or_else(|| environment.text(variable)).unwrap_or_default();
        found.extend(listed(list, said, profile, &context)?);
    }
    Ok((!found.is_empty()).then_some(found))
}

/// The keys of one type, between commas.
///
/// # Errors
/// As [`named`].
pub(super) fn listed(
    list: &str,
    text: &str,
    profile: Option<&str>,
    context: &BTreeMap<String, String>,
) -> Result<Vec<Recipient>, Fault> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let one = |part: &str| {
        let mut key = MasterKey::parse(list, part).map_err(|form| {
            Fault::new(GENERIC, format!("`{part}` is no key of the type `{list}`: expected `{form}`"))
        })?;
        if let MasterKey::Kms { context: own, profile: own_profile, .. } = &mut key {
            own.clone_from(context);
            *own_profile = profile.map(str::to_owned);
        }
        recipient(&key).map_err(|error| refused(list, error))
    };
    parts.map(one).collect()
}

/// `k:v,k:v`.
///
/// # Errors
/// Exit code 6.
pub(super) fn context(text: Option<&str>) -> Result<BTreeMap<String, String>, Fault> {
    let parts = text.unwrap_or_default().split(',').filter(|part| !part.is_empty());
    let pair = |part: &str| match part.split(':').collect::<Vec<_>>()[..] {
        [key, value] => Ok((key.to_owned(), value.to_owned())),
        _ => Err(Fault::new(
            BAD_CONTEXT,
            "Invalid KMS encryption context format: expected `key:value,key:value`",
        )),
    };
    parts.map(pair).collect()
}

/// The groups of a creation rule.
///
/// # Errors
/// A key that is none of its type, with the rule's line.
pub(super) fn of_rule(rule: &CreationRule) -> Result<Vec<Vec<Recipient>>, Fault> {
    let group = |group: &sealeaf::config::sops::KeyGroup| {
        let one = |key: &sealeaf::config::sops::GroupKey| {
            recipient(&key.key).map_err(|error| {
                refused(&key.key.key_ref().kind, error)
                    .hint(format!("it stands in line {} of `.sops.yaml`", key.line))
            })
        };
        group.keys.iter().map(one).collect()
    };
    rule.groups.iter().map(group).collect()
}

/// A key that this build has a back end for is checked by that; another one may still be wrapped for by a key service.
fn recipient(key: &MasterKey) -> Result<Recipient, KeyError> {
    let mut key = key.key_ref();
    match backend(&key.kind) {
        Ok(backend) => key.id = backend.parse_of_sops(&key.id)?,
        Err(KeyError::NotInThisBuild(_) | KeyError::UnknownKind(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(Recipient { key, name: String::new(), break_glass: false })
}

fn refused(list: &str, error: KeyError) -> Fault {
    let report = Report::from(error);
    let report = match list {
        "age" => report.context("failed to parse input, unknown recipient type"),
        _ => report,
    };
    Fault::from(report).code(GENERIC)
}
