//! Who opens a file: the data key or its shares wrapped for groups of recipients, and back.

use std::cell::RefCell;

use super::error::FileError;
use crate::envelope::native::{Group, Header, shares};
use crate::keys::{Access, Examined, Keyring, Recipient, Stanza, WrapContext};
use crate::secret::{DataKey, SecretBytes};

/// Wraps a data key for everyone who is to open it, all at once.
pub(super) fn wrap_for(
    access: &Access,
    key: &DataKey,
    fid: &[u8; 16],
    epoch: u32,
    keyring: &Keyring<'_>,
) -> Result<Vec<Group>, FileError> {
    if access.groups().is_empty() || access.groups().iter().any(Vec::is_empty) {
        return Err(FileError::NoRecipients);
    }
    let portions = shares::divide(key, (fid, epoch), access.groups().len(), access.threshold())?;
    let pairs = access.groups().iter().zip(&portions);
    let all: Vec<(&Recipient, &SecretBytes)> = pairs
        .flat_map(|(group, portion)| group.iter().map(move |recipient| (recipient, &portion.secret)))
        .collect();
    let mut stanzas = keyring.wrap_all(&all, &WrapContext { fid: *fid, epoch })?.into_iter();
    let groups = access.groups().iter().zip(&portions);
    let group = |(group, portion): (&Vec<Recipient>, &shares::Portion)| Group {
        check: portion.check,
        stanzas: stanzas.by_ref().take(group.len()).collect(),
    };
    Ok(groups.map(group).collect())
}

/// The threshold as it stands in a file.
pub(super) fn threshold_of(access: &Access) -> u32 {
    u32::try_from(access.threshold()).unwrap_or(u32::MAX)
}

/// Wraps the whole key for some more recipients of the one group.
pub(super) fn wrap_whole(
    recipients: &[Recipient],
    key: &DataKey,
    (fid, epoch): (&[u8; 16], u32),
    keyring: &Keyring<'_>,
) -> Result<Vec<Stanza>, FileError> {
    let portions = shares::divide(key, (fid, epoch), 1, 1)?;
    let Some(portion) = portions.first() else { return Err(FileError::NoRecipients) };
    Ok(keyring.wrap(recipients, &portion.secret, &WrapContext { fid: *fid, epoch })?)
}

/// The data key, opened with one key, or with one of each of as many groups as are needed.
pub(super) fn unwrap(header: &Header, keyring: &Keyring<'_>) -> Result<DataKey, FileError> {
    let context = WrapContext { fid: header.fid, epoch: header.epoch };
    if header.threshold <= 1 {
        return unwrap_whole(header, &context, keyring);
    }
    let groups: Vec<Vec<Stanza>> = header.groups.iter().map(|group| group.stanzas.clone()).collect();
    let needed = header.threshold as usize;
    let wrong = RefCell::new(None);
    let fits = |group: usize, opened: &SecretBytes| {
        let found = shares::fits(header, group, opened);
        if let Err(reason) = &found {
            wrong.borrow_mut().get_or_insert((group, reason.clone()));
        }
        found
    };
    let (opened, closed) = keyring.unwrap_groups(&groups, needed, &context, &fits);
    let opened: Vec<(usize, SecretBytes)> =
        opened.into_iter().map(|share| (share.group, share.opened)).collect();
    if opened.len() >= needed {
        return Ok(shares::join(header, &opened)?);
    }
    match wrong.into_inner() {
        Some((group, reason)) => Err(FileError::Wrap { recipient: format!("group {}", group + 1), reason }),
        None => {
            let groups = opened.iter().map(|(group, _)| group + 1).collect();
            Err(FileError::Groups { opened: groups, needed, of: header.groups.len(), closed })
        }
    }
}

/// Which recipients the user can act as.
pub(super) fn examine(header: &Header, keyring: &Keyring<'_>) -> Vec<Examined> {
    let (groups, stanzas) = listed(header);
    let fits = |place: usize, opened: &SecretBytes| {
        shares::fits(header, groups.get(place).copied().unwrap_or_default(), opened)
    };
    keyring.examine(&stanzas, &WrapContext { fid: header.fid, epoch: header.epoch }, &fits)
}

/// What one recipient's wrap holds: the data key, or `None` for a share that fits.
pub(super) fn unwrap_one(
    header: &Header,
    recipient: &Recipient,
    keyring: &Keyring<'_>,
) -> Result<Option<DataKey>, FileError> {
    let context = WrapContext { fid: header.fid, epoch: header.epoch };
    let (groups, stanzas) = listed(header);
    let found = groups.into_iter().zip(&stanzas).find(|(_, stanza)| stanza.recipient.key == recipient.key);
    let (group, stanza) = found.ok_or(FileError::NoRecipients)?;
    let opened = keyring.unwrap_one(stanza, &context)?;
    let wrong = |reason| FileError::Wrap { recipient: recipient.label(), reason };
    shares::fits(header, group, &opened).map_err(wrong)?;
    if header.threshold > 1 { Ok(None) } else { Ok(Some(shares::join(header, &[(group, opened)])?)) }
}

fn unwrap_whole(header: &Header, context: &WrapContext, keyring: &Keyring<'_>) -> Result<DataKey, FileError> {
    let (groups, stanzas) = listed(header);
    let (place, opened) = keyring.unwrap(&stanzas, context)?;
    let group = groups.get(place).copied().unwrap_or_default();
    shares::fits(header, group, &opened).map_err(|reason| FileError::Wrap {
        recipient: stanzas.get(place).map(|stanza| stanza.recipient.label()).unwrap_or_default(),
        reason,
    })?;
    Ok(shares::join(header, &[(group, opened)])?)
}

/// All wraps of a file in a row, and beside them the places of their groups.
fn listed(header: &Header) -> (Vec<usize>, Vec<Stanza>) {
    let groups = header.groups.iter().enumerate();
    groups.flat_map(|(index, group)| group.stanzas.iter().map(move |stanza| (index, stanza.clone()))).unzip()
}
