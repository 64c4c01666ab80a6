//! What names a key of AWS KMS: an ARN, and in SOPS files a role and a profile beside it.

use std::fmt;

use crate::keys::KeyError;

/// A key, taken apart. `Display` gives the identifier.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id {
    /// The ARN of a key or an alias.
    pub(super) arn: String,
    /// Its region.
    pub(super) region: String,
    /// The role that a SOPS file asks to assume.
    pub(super) role: Option<String>,
    /// The profile that a SOPS file asks for.
    pub(super) profile: Option<String>,
}

impl Id {
    /// The ARN of a key or an alias, and nothing else.
    pub(super) fn arn(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.contains(['+', '|']) {
            return Err(invalid(
                text,
                "a role or profile is yours to set, in your config.toml; expected only the ARN",
            ));
        }
        Self::of_sops(text)
    }

    /// `ARN`, `ARN+ROLE`, and either of them with `|PROFILE` after it.
    pub(super) fn of_sops(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let (rest, profile) = match text.split_once('|') {
            Some((rest, profile)) => (rest, Some(profile)),
            None => (text, None),
        };
        let (arn, role) = match rest.split_once('+') {
            Some((arn, role)) => (arn, Some(role)),
            None => (rest, None),
        };
        let (partition, region) = key(arn).ok_or_else(|| invalid(text, EXPECTED))?;
        if !fits(partition, region) {
            let reason = format!("there is no region `{region}` in the partition `{partition}`");
            return Err(KeyError::Refused { kind: super::KIND, id: text.to_owned(), reason });
        }
        if role.is_some_and(|role| !is_role(role, partition)) {
            let reason = format!("expected `arn:{partition}:iam::ACCOUNT:role/NAME` after the `+`");
            return Err(invalid(text, &reason));
        }
        if profile
            .is_some_and(|name| name.is_empty() || name.len() > 128 || name.chars().any(char::is_control))
        {
            return Err(invalid(text, "expected a profile's name after the `|`"));
        }
        Ok(Self {
            arn: arn.to_owned(),
            region: region.to_owned(),
            role: role.map(str::to_owned),
            profile: profile.map(str::to_owned),
        })
    }

    /// The alias, where it is one: another key may be behind it tomorrow.
    pub(super) fn is_alias(&self) -> bool {
        self.arn.contains(":alias/")
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)?;
        if let Some(role) = &self.role {
            write!(f, "+{role}")?;
        }
        if let Some(profile) = &self.profile {
            write!(f, "|{profile}")?;
        }
        Ok(())
    }
}

/// Whether a region is one of a partition, by the rules of the SDKs' own list (partitions.json 1.1).
pub(super) fn fits(partition: &str, region: &str) -> bool {
    let Some((_, prefixes)) = PARTITIONS.iter().find(|(name, _)| *name == partition) else { return false };
    let is_place = |rest: &str| {
        rest.split_once('-').is_some_and(|(place, number)| {
            let letters = !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_lowercase());
            letters && (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    prefixes.iter().any(|prefix| region.strip_prefix(prefix).is_some_and(is_place))
}

/// The partition of an ARN.
pub(super) fn partition(arn: &str) -> Option<&str> {
    arn.split(':').nth(1)
}

/// Partition and region of a key's or an alias' ARN.
fn key(arn: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, "kms", region, account, resource] = parts[..] else { return None };
    let is_named = match resource.split_once('/')? {
        ("key", id) => is_made_of(id, 64, |byte| byte.is_ascii_alphanumeric() || byte == b'-'),
        ("alias", name) => {
            is_made_of(name, 250, |byte| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte))
        }
        _ => false,
    };
    let is_word = |text: &str| is_made_of(text, 32, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_named && is_account(account) && is_word(partition) && is_word(region)).then_some((partition, region))
}

fn is_role(arn: &str, partition: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", found, "iam", "", account, resource] = parts[..] else { return false };
    let is_name = |name: &str| {
        is_made_of(name, 576, |byte| byte.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&byte))
    };
    found == partition && is_account(account) && resource.strip_prefix("role/").is_some_and(is_name)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_made_of(text: &str, most: usize, allowed: impl Fn(u8) -> bool) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(allowed)
}

fn invalid(id: &str, reason: &str) -> KeyError {
    KeyError::Invalid { kind: super::KIND, id: id.to_owned(), reason: reason.to_owned() }
}

const EXPECTED: &str = "expected `arn:aws:kms:REGION:ACCOUNT:key/ID` or `arn:aws:kms:REGION:ACCOUNT:alias/NAME`, with an account of 12 digits";

const PARTITIONS: &[(&str, &[&str])] = &[
    ("aws", &["us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"]),
    ("aws-cn", &["cn-"]),
    ("aws-us-gov", &["us-gov-"]),
    ("aws-eusc", &["eusc-de-"]),
    ("aws-iso", &["us-iso-"]),
    ("aws-iso-b", &["us-isob-"]),
    ("aws-iso-e", &["eu-isoe-"]),
    ("aws-iso-f", &["us-isof-"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn keys_and_aliases_of_all_partitions() {
        for arn in [
            KEY,
            "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws:kms:ap-southeast-7:111122223333:alias/team/app_1",
            "arn:aws-cn:kms:cn-northwest-1:111122223333:key/x",
            "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/x",
            "arn:aws-iso:kms:us-iso-east-1:111122223333:key/x",
            "arn:aws-iso-b:kms:us-isob-east-1:111122223333:key/x",
            "arn:aws-iso-e:kms:eu-isoe-west-1:111122223333:key/x",
            "arn:aws-iso-f:kms:us-isof-south-1:111122223333:key/x",
            "arn:aws-eusc:kms:eusc-de-east-1:111122223333:key/x",
        ] {
            assert_eq!(Id::arn(&format!(" {arn}\n")).unwrap().to_string(), arn);
        }
        assert!(Id::arn("arn:aws:kms:us-east-1:111122223333:alias/a").unwrap().is_alias());
    }

    #[test]
    fn ac_42_nothing_stands_around_or_in_an_arn() {
        for arn in [
            "",
            "x",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "alias/app",
            &format!("x{KEY}"),
            &format!("{KEY}:x"),
            &format!("{KEY}\nx"),
            &format!("{KEY}/.."),
            &format!("{KEY}?x"),
            &format!("{KEY},{KEY}"),
            "arn:aws:kms::111122223333:key/x",
            "arn:aws:kms:eu-west-1:1:key/x",
            "arn:aws:kms:eu-west-1:١١١١٢٢٢٢٣٣٣٣:key/x",
            "arn:aws:kms:eu-west-1:111122223333:key/",
            "arn:aws:kms:eu-west-1:111122223333:grant/x",
            "arn:aws:kms:eu-west-1.evil.example/:111122223333:key/x",
            "arn:aws:s3:eu-west-1:111122223333:key/x",
            "ARN:aws:kms:eu-west-1:111122223333:key/x",
        ] {
            let invalid = [Id::arn(arn), Id::of_sops(arn)];
            assert!(invalid.iter().all(|id| matches!(id, Err(KeyError::Invalid { .. }))), "{arn}");
        }
    }

    #[test]
    fn ac_42_region_and_partition_fit() {
        for (partition, region) in [
            ("aws", "cn-north-1"),
            ("aws", "us-gov-west-1"),
            ("aws", "evil-west-1"),
            ("aws", "us-east-1a"),
            ("aws", "us-east-999"),
            ("aws", "us-east-"),
            ("aws", "us--1"),
            ("aws-cn", "us-east-1"),
            ("aws-us-gov", "us-west-1"),
            ("aws-evil", "us-east-1"),
            ("amazon", "us-east-1"),
        ] {
            let id = Id::of_sops(&format!("arn:{partition}:kms:{region}:111122223333:key/x"));
            assert!(matches!(id, Err(KeyError::Refused { .. })), "{partition} {region}");
        }
    }

    #[test]
    fn roles_and_profiles_are_for_sops() {
        let role = "arn:aws:iam::111122223333:role/path/a+b";
        for id in [format!("{KEY}+{role}"), format!("{KEY}|dev"), format!("{KEY}+{role}|dev team")] {
            assert_eq!(Id::of_sops(&id).unwrap().to_string(), id);
            assert!(Id::arn(&id).is_err());
        }
        for rest in
            ["+", "+x", "|", "|\u{1b}", "+arn:aws-cn:iam::111122223333:role/x", "+arn:aws:iam::1:role/x"]
        {
            assert!(Id::of_sops(&format!("{KEY}{rest}")).is_err(), "{rest}");
        }
    }
}
