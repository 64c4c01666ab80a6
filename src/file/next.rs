//! The version after an opened one: edits, re-keying, rotation and resealing.

use super::error::FileError;
use super::groups::{threshold_of, wrap_for, wrap_whole};
use super::open::OpenFile;
use super::seal::{SealedText, Target, prepare, write};
use crate::document::Document;
use crate::envelope::native::{EnvelopeError, Group, RecordKey};
use crate::format::Limits;
use crate::keys::{Access, Keyring, Recipient, Stanza};
use crate::policy::{Comments, Policy};
use crate::secret::DataKey;

/// What the next version is to be. Everything that is `None` stays.
#[derive(Debug, Default)]
pub struct Next {
    /// The new plain text, parsed.
    pub plain: Option<Document>,
    /// The new rule.
    pub policy: Option<Policy>,
    /// Who opens it from now on. Somebody who is gone, or can do less than before, makes a new data key.
    pub access: Option<Access>,
    /// A new data key in any case.
    pub rotate: bool,
    /// A record to write anew, which makes one version of a merge.
    pub touch: Option<RecordKey>,
    /// Whether a version in which nothing is sealed is accepted.
    pub allow_no_secrets: bool,
    /// Whether comments that look like secrets are accepted in clear.
    pub allow_comments: bool,
}

/// A next version, with what changed in who can read it.
#[derive(Debug)]
pub struct Change {
    /// The text; equal to the old one where nothing changed.
    pub sealed: SealedText,
    /// Whether its bytes differ from the version before.
    pub changed: bool,
    /// Recipients that are new.
    pub added: Vec<Recipient>,
    /// Recipients that are gone.
    pub removed: Vec<Recipient>,
    /// Whether the data key is new.
    pub rotated: bool,
}

impl OpenFile {
    /// Seals the next version: what stayed keeps its ciphertext, unless the data key changes.
    ///
    /// # Errors
    /// [`FileError`]; nothing may be written then.
    pub fn next(&self, next: Next, keyring: &Keyring<'_>, limits: &Limits) -> Result<Change, FileError> {
        let header = self.header();
        let policy = next.policy.unwrap_or_else(|| header.policy.clone());
        let document = match next.plain {
            Some(document) if document.format != header.format => {
                return Err(FileError::other_format(header.format, document.format));
            }
            Some(document) => prepare(document, self.file.format, &policy, next.allow_comments, limits)?,
            None => {
                // What stood in clear before may go on; what was sealed before may not become clear unseen.
                let allowed = next.allow_comments || header.policy.comments != Comments::Encrypt;
                prepare(self.plain.clone(), self.file.format, &policy, allowed, limits)?
            }
        };
        let before = header.access();
        let access = next.access.as_ref().unwrap_or(&before);
        let (added, removed) = compare(&before, access);
        let rotated = next.rotate || access.takes_from(&before);
        let epoch = header.epoch.checked_add(u32::from(rotated)).ok_or(EnvelopeError::Exhausted)?;
        let key = if rotated { DataKey::generate()? } else { self.key.clone() };
        let is_one = access.threshold() == 1 && before.threshold() == 1 && header.groups.len() == 1;
        let groups = match &next.access {
            None if !rotated => header.groups.clone(),
            Some(now) if !rotated && is_one => self.extend(now, &key, keyring)?,
            Some(now) if !rotated && now.threshold() > 1 && *now == before => header.groups.clone(),
            _ => wrap_for(access, &key, &header.fid, epoch, keyring)?,
        };
        let target = Target {
            policy,
            groups,
            threshold: threshold_of(access),
            fid: header.fid,
            epoch,
            key: &key,
            before: Some(self.before(!rotated)),
            touch: next.touch,
        };
        let sealed = write(&document, self.file.format, target, next.allow_no_secrets, limits)?;
        let changed = *sealed.text != *self.file.text;
        Ok(Change { sealed, changed, added, removed, rotated })
    }

    /// Keeps every wrap that is there, in the new order, and wraps for who is new.
    fn extend(&self, now: &Access, key: &DataKey, keyring: &Keyring<'_>) -> Result<Vec<Group>, FileError> {
        let header = self.header();
        let old: &[Stanza] = header.groups.first().map_or(&[], |group| &group.stanzas);
        let kept = |new: &Recipient| old.iter().find(|stanza| stanza.recipient.key == new.key);
        let new: Vec<Recipient> = now.recipients().filter(|one| kept(one).is_none()).cloned().collect();
        let mut made = wrap_whole(&new, key, (&header.fid, header.epoch), keyring)?.into_iter();
        let stanzas = now
            .recipients()
            .map(|recipient| match kept(recipient) {
                Some(stanza) => Ok(Stanza { recipient: recipient.clone(), wrapped: stanza.wrapped.clone() }),
                None => made.next().ok_or(FileError::NoRecipients),
            })
            .collect::<Result<Vec<_>, FileError>>()?;
        if stanzas.is_empty() {
            return Err(FileError::NoRecipients);
        }
        Ok(vec![Group { check: None, stanzas }])
    }
}

/// Who is new and who is gone, by key. A new name alone is neither.
fn compare(before: &Access, now: &Access) -> (Vec<Recipient>, Vec<Recipient>) {
    let is_in = |access: &Access, one: &Recipient| access.recipients().any(|other| other.key == one.key);
    let added = now.recipients().filter(|new| !is_in(before, new)).cloned().collect();
    let removed = before.recipients().filter(|old| !is_in(now, old)).cloned().collect();
    (added, removed)
}
