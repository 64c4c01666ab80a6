//! The version after an opened one: edits, re-keying, rotation and resealing.

use super::error::FileError;
use super::open::OpenFile;
use super::seal::{SealedText, Target, prepare, wrap_each, wrap_for, write};
use crate::document::Document;
use crate::envelope::native::{EnvelopeError, Group, RecordKey};
use crate::format::Limits;
use crate::keys::{Keyring, Recipient, Stanza};
use crate::policy::{Comments, Policy};
use crate::secret::DataKey;

/// What the next version is to be. Everything that is `None` stays.
#[derive(Debug, Default)]
pub struct Next<'a> {
    /// The new plain text, parsed.
    pub plain: Option<Document>,
    /// The new rule.
    pub policy: Option<Policy>,
    /// The new recipients. One that is gone makes a new data key.
    pub recipients: Option<&'a [Recipient]>,
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
    pub fn next(&self, next: Next<'_>, keyring: &Keyring<'_>, limits: &Limits) -> Result<Change, FileError> {
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
        let (added, removed) = next.recipients.map_or_else(Default::default, |now| self.compare(now));
        let rotated = next.rotate || !removed.is_empty();
        let epoch = header.epoch.checked_add(u32::from(rotated)).ok_or(EnvelopeError::Exhausted)?;
        let key = if rotated { DataKey::generate()? } else { self.key.clone() };
        let groups = match (rotated, next.recipients) {
            (false, None) => header.groups.clone(),
            (false, Some(now)) => self.extend(now, &key, keyring)?,
            (true, Some(now)) => wrap_for(now, &key, &header.fid, epoch, keyring)?,
            (true, None) => {
                let all: Vec<Recipient> = header.recipients().cloned().collect();
                wrap_for(&all, &key, &header.fid, epoch, keyring)?
            }
        };
        let target = Target {
            policy,
            groups,
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

    /// Who is new and who is gone, by key. A new name alone is neither.
    fn compare(&self, now: &[Recipient]) -> (Vec<Recipient>, Vec<Recipient>) {
        let before: Vec<&Recipient> = self.header().recipients().collect();
        let added = now.iter().filter(|new| !before.iter().any(|old| old.key == new.key)).cloned().collect();
        let removed = before.iter().filter(|old| !now.iter().any(|new| old.key == new.key));
        (added, removed.map(|old| (*old).clone()).collect())
    }

    /// Keeps every wrap that is there, in the new order, and wraps for who is new.
    fn extend(
        &self,
        now: &[Recipient],
        key: &DataKey,
        keyring: &Keyring<'_>,
    ) -> Result<Vec<Group>, FileError> {
        let header = self.header();
        // A wrap says which group it is for, and there is one group now.
        let old: &[Stanza] = header.groups.first().map_or(&[], |group| &group.stanzas);
        let stanzas = now
            .iter()
            .map(|recipient| match old.iter().find(|stanza| stanza.recipient.key == recipient.key) {
                Some(stanza) => Ok(Stanza { recipient: recipient.clone(), wrapped: stanza.wrapped.clone() }),
                None => {
                    let made =
                        wrap_each(std::slice::from_ref(recipient), key, &header.fid, header.epoch, keyring)?;
                    made.into_iter().next().ok_or(FileError::NoRecipients)
                }
            })
            .collect::<Result<Vec<_>, FileError>>()?;
        Ok(vec![Group { check: None, stanzas }])
    }
}
