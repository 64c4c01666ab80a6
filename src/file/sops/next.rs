//! The version after an opened one: edits, other keys, a new data key.

use super::open::OpenSops;
use super::seal::{Sealed, Target, wrap, write};
use crate::document::Document;
use crate::envelope::sops::{Key, Metadata, Selector};
use crate::file::FileError;
use crate::format::{Format, Limits};
use crate::keys::{KeyRef, Keyring, Recipient};
use crate::secret::DataKey;

/// What the next version is to be. Everything that is `None` stays.
#[derive(Debug, Default)]
pub struct Next<'a> {
    /// The new plain text, parsed.
    pub plain: Option<Document>,
    /// The new selector.
    pub selector: Option<Selector>,
    /// Whether the MAC leaves cleartext values out.
    pub mac_only_encrypted: Option<bool>,
    /// The new recipients, group by group. One that is gone makes a new data key.
    pub groups: Option<&'a [Vec<Recipient>]>,
    /// How many groups are needed; 0 is all of them. Only with `groups`.
    pub threshold: u32,
    /// Whether the data key changes. Needs `groups`: what a file says about its recipients is not authenticated, so they
    /// are not wrapped for again only because they stand in it.
    pub rotate: bool,
    /// The present time, RFC 3339 in UTC, to the second.
    pub now: &'a str,
    /// Whether a file in which the selector encrypts nothing is accepted.
    pub allow_no_secrets: bool,
}

/// The next version, with what was done.
#[derive(Debug)]
pub struct Change {
    /// The text.
    pub sealed: Sealed,
    /// Whether it differs from the version before.
    pub changed: bool,
    /// Recipients that are new.
    pub added: Vec<Recipient>,
    /// Recipients that are gone.
    pub removed: Vec<Recipient>,
    /// Whether the data key is new.
    pub rotated: bool,
}

impl OpenSops {
    /// Seals the next version: what stayed keeps its ciphertext, unless the data key changes.
    ///
    /// # Errors
    /// [`FileError`]; nothing may be written then. [`FileError::NoRecipients`] for a rotation without `groups`.
    pub fn next(&self, next: Next<'_>, keyring: &Keyring<'_>, limits: &Limits) -> Result<Change, FileError> {
        let metadata = &self.file.metadata;
        if let Some(document) = next.plain.as_ref().filter(|document| document.format != self.plain.format) {
            return Err(FileError::OtherFormat {
                expected: self.plain.format.name(),
                found: document.format.name(),
            });
        }
        let (added, removed) = next.groups.map_or_else(Default::default, |now| self.compare(now));
        let rotated = next.rotate || !removed.is_empty();
        let is_regrouped = next.groups.is_some_and(|now| !self.has_groups(now, next.threshold));
        let is_edited = next.plain.as_ref().is_some_and(|plain| plain.source != self.plain.source)
            || next.selector.as_ref().is_some_and(|selector| *selector != metadata.selector)
            || next.mac_only_encrypted.is_some_and(|only| only != metadata.mac_only_encrypted);
        if !rotated && !is_regrouped && !is_edited {
            return Ok(self.unchanged());
        }
        let key = if rotated { DataKey::generate()? } else { self.key.clone() };
        let (groups, threshold) = match next.groups {
            None if rotated => return Err(FileError::NoRecipients),
            None => (metadata.groups.clone(), metadata.threshold),
            Some([now]) if !rotated && metadata.groups.len() == 1 => {
                (vec![self.extend(now, &key, next.now, keyring)?], metadata.threshold)
            }
            Some(now) if rotated || is_regrouped => wrap(now, next.threshold, &key, next.now, keyring)?,
            Some(_) => (metadata.groups.clone(), metadata.threshold),
        };
        let target = Target {
            metadata: Metadata {
                is_selector_written: metadata.is_selector_written || next.selector.is_some(),
                selector: next.selector.unwrap_or_else(|| metadata.selector.clone()),
                mac_only_encrypted: next.mac_only_encrypted.unwrap_or(metadata.mac_only_encrypted),
                modified: next.now.to_owned(),
                groups,
                threshold,
                ..metadata.clone()
            },
            key: &key,
            before: Some((self, !rotated)),
            allow_no_secrets: next.allow_no_secrets,
        };
        let document = next.plain.unwrap_or_else(|| self.plain.clone());
        let sealed = write(document, self.file.format, target, limits)?;
        Ok(Change { sealed, changed: true, added, removed, rotated })
    }

    /// Seals the same values as a file of another format, under the same data key, for the same recipients.
    ///
    /// # Errors
    /// [`FileError`]; nothing may be written then.
    pub fn converted(
        &self,
        plain: Document,
        format: &'static dyn Format,
        now: &str,
        limits: &Limits,
    ) -> Result<Sealed, FileError> {
        let metadata = Metadata { modified: now.to_owned(), ..self.file.metadata.clone() };
        let target = Target { metadata, key: &self.key, before: None, allow_no_secrets: true };
        write(plain, format, target, limits)
    }

    fn unchanged(&self) -> Change {
        let sealed = Sealed {
            text: self.file.document.source.clone(),
            leaves: self.items.iter().flatten().count(),
            sealed: self.sealed_values(),
            fresh: 0,
            exact: true,
        };
        Change { sealed, changed: false, added: Vec::new(), removed: Vec::new(), rotated: false }
    }

    /// Whether the file's groups are these, in any order within a group.
    fn has_groups(&self, now: &[Vec<Recipient>], threshold: u32) -> bool {
        let groups = self.file.recipients();
        let ids = |group: &[Recipient]| {
            let mut ids: Vec<KeyRef> = group.iter().map(|recipient| recipient.key.clone()).collect();
            ids.sort();
            ids
        };
        let needed =
            if threshold == 0 { now.len() } else { usize::try_from(threshold).unwrap_or(usize::MAX) };
        groups.len() == now.len()
            && groups.iter().zip(now).all(|(then, now)| ids(then) == ids(now))
            && (now.len() == 1 || needed == self.file.metadata.needed())
    }

    /// Who is new and who is gone, by key.
    fn compare(&self, now: &[Vec<Recipient>]) -> (Vec<Recipient>, Vec<Recipient>) {
        let before: Vec<Recipient> = self.file.recipients().into_iter().flatten().collect();
        let now: Vec<&Recipient> = now.iter().flatten().collect();
        let added = now.iter().filter(|new| !before.iter().any(|old| old.key == new.key));
        let removed = before.iter().filter(|old| !now.iter().any(|new| old.key == new.key));
        (added.map(|new| (*new).clone()).collect(), removed.cloned().collect())
    }

    /// Keeps every wrap that is there, in the new order, and wraps for who is new.
    fn extend(
        &self,
        now: &[Recipient],
        key: &DataKey,
        time: &str,
        keyring: &Keyring<'_>,
    ) -> Result<Vec<Key>, FileError> {
        let old = self.file.metadata.groups.first().map_or(&[][..], Vec::as_slice);
        let mut keys = Vec::with_capacity(now.len());
        for recipient in now {
            match old.iter().find(|key| key.stanza().recipient.key == recipient.key) {
                Some(key) => keys.push(key.clone()),
                None => {
                    let (groups, _) = wrap(&[vec![recipient.clone()]], 0, key, time, keyring)?;
                    keys.extend(groups.into_iter().flatten());
                }
            }
        }
        Ok(keys)
    }
}
