//! A plain file becomes a sealed one.

use super::comments::{strip, suspicious_comment};
use super::error::FileError;
use super::groups::{threshold_of, wrap_for};
use crate::document::{Document, Tree};
use crate::envelope::native::{Authentic, Before, Group, RecordKey, Sealed, Writing, comment_text};
use crate::format::gate::{self, ENTRY, GateError};
use crate::format::{Format, Limits};
use crate::keys::{Access, Keyring};
use crate::policy::{Comments, Policy};
use crate::secret::{DataKey, SecretText, fill_random};

/// How a file is to be sealed.
#[derive(Debug)]
pub struct Sealing {
    /// The rule.
    pub policy: Policy,
    /// Who can open it.
    pub access: Access,
    /// Whether a file in which the rule seals nothing is accepted.
    pub allow_no_secrets: bool,
    /// Whether comments that look like secrets are accepted in clear.
    pub allow_comments: bool,
}

/// A sealed text, with what was done.
#[derive(Debug)]
pub struct SealedText {
    /// The bytes to write.
    pub text: SecretText,
    /// How many leaves it has.
    pub leaves: usize,
    /// How many of them are sealed.
    pub sealed: usize,
    /// How many tokens are new.
    pub fresh: usize,
}

/// Parses a plain file, refusing one that is sealed already.
///
/// # Errors
/// [`FileError::Parse`] or [`FileError::AlreadySealed`].
pub fn parse(
    text: impl Into<SecretText>,
    format: &dyn Format,
    limits: &Limits,
) -> Result<Document, FileError> {
    let document = format.read(text.into(), limits)?;
    match format.detach(document, ENTRY)? {
        (document, None) => Ok(document),
        (_, Some(_)) => Err(FileError::AlreadySealed),
    }
}

/// Seals a plain file under a new data key and a new file id.
///
/// # Errors
/// [`FileError`]; nothing may be written then.
pub fn seal(
    document: Document,
    format: &dyn Format,
    sealing: &Sealing,
    keyring: &Keyring<'_>,
    limits: &Limits,
) -> Result<SealedText, FileError> {
    let mut fid = [0; 16];
    fill_random(&mut fid)?;
    let key = DataKey::generate()?;
    let document = prepare(document, format, &sealing.policy, sealing.allow_comments, limits)?;
    let groups = wrap_for(&sealing.access, &key, &fid, 1, keyring)?;
    let target = Target {
        policy: sealing.policy.clone(),
        groups,
        threshold: threshold_of(&sealing.access),
        fid,
        epoch: 1,
        key: &key,
        before: None,
        touch: None,
    };
    write(&document, format, target, sealing.allow_no_secrets, limits)
}

/// Strips comments where the rule says so, and refuses those that look like secrets where they would stay in clear.
pub(super) fn prepare(
    document: Document,
    format: &dyn Format,
    policy: &Policy,
    allow_comments: bool,
    limits: &Limits,
) -> Result<Document, FileError> {
    match policy.comments {
        Comments::Strip => strip(document, format, limits),
        Comments::Plain if !allow_comments => match suspicious_comment(&document) {
            Some((line, reason)) => Err(FileError::SuspiciousComment { line, reason }),
            None => Ok(document),
        },
        _ => Ok(document),
    }
}

/// What a text is sealed as.
pub(super) struct Target<'a> {
    pub(super) policy: Policy,
    pub(super) groups: Vec<Group>,
    pub(super) threshold: u32,
    pub(super) fid: [u8; 16],
    pub(super) epoch: u32,
    pub(super) key: &'a DataKey,
    pub(super) before: Option<Before<'a>>,
    pub(super) touch: Option<RecordKey>,
}

/// Envelope, then gate, then the whole way back.
pub(super) fn write(
    document: &Document,
    format: &dyn Format,
    target: Target<'_>,
    allow_no_secrets: bool,
    limits: &Limits,
) -> Result<SealedText, FileError> {
    let (before, key) = (target.before, target.key);
    let written = Writing {
        document,
        spelling: &|id| format.spelling(document, id),
        old_spelling: &|id| before.map(|before| format.spelling(before.plain, id)).unwrap_or_default(),
        policy: target.policy,
        groups: target.groups,
        threshold: target.threshold,
        fid: target.fid,
        epoch: target.epoch,
        key,
        before,
        touch: target.touch,
    }
    .write()?;
    let sealed = written.leaves.len();
    if sealed == 0 && !allow_no_secrets {
        return Err(FileError::NothingSealed);
    }
    let sealing = gate::Sealing { leaves: written.leaves, comments: written.comments, entry: &written.entry };
    let (text, body) = gate::seal(format, document, &sealing, limits)?;
    check_opens(body, &written.entry, key, document, &sealing)
        .map_err(|error| FileError::Unopenable(Box::new(error)))?;
    let leaves = document.ids().filter(|id| document.is_leaf(*id)).count();
    Ok(SealedText { text, leaves, sealed, fresh: written.fresh })
}

/// Opens what was sealed, as a reader will: nothing is written that nobody could read. That values and spellings put
/// the text back was shown by the gate, so here they must only be the same.
fn check_opens(
    body: Document,
    entry: &Tree,
    key: &DataKey,
    document: &Document,
    sealing: &gate::Sealing<'_>,
) -> Result<(), FileError> {
    let sealed = Sealed::parse(body, entry)?;
    let Authentic { mut leaves, comments, .. } = sealed.authenticate(key)?;
    leaves.sort_unstable_by_key(|(id, _, _)| *id);
    let same_leaves = leaves.len() == sealing.leaves.len()
        && leaves.iter().zip(&sealing.leaves).all(|((id, value, spelling), (place, _, written))| {
            id == place && document.has_value(*id, value) && spelling == written
        });
    let same_comments = comments.len() == sealing.comments.len()
        && comments.iter().zip(&sealing.comments).all(|((index, text), (place, _))| {
            let comment = document.comments.get(*index);
            index == place && comment.is_some_and(|comment| comment_text(document, comment) == text.as_str())
        });
    if same_leaves && same_comments {
        return Ok(());
    }
    let reason = "the text that comes back is another one";
    Err(GateError::RoundTrip { line: 1, reason }.into())
}
