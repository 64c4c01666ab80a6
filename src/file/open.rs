//! A sealed file is read, authenticated and opened, in the order of `docs/design/format-v1.md`, section 12.

use super::error::FileError;
use super::groups;
use crate::document::Document;
use crate::envelope::native::{Authentic, Before, Difference, Header, Sealed, State};
use crate::format::gate::{self, ENTRY, Unsealing};
use crate::format::{Format, Limits};
use crate::keys::{Examined, Keyring, Recipient};
use crate::secret::{DataKey, SecretText};

/// A sealed file that was read strictly, and not yet authenticated.
pub struct SealedFile {
    pub(super) format: &'static dyn Format,
    pub(super) text: SecretText,
    pub(super) sealed: Sealed,
}

/// A sealed file that was authenticated and opened.
pub struct OpenFile {
    pub(super) file: SealedFile,
    pub(super) key: DataKey,
    pub(super) authentic: Authentic,
    pub(super) plain: Document,
}

impl std::fmt::Debug for SealedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedFile").field("format", &self.format.name()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenFile").field("file", &self.file).finish_non_exhaustive()
    }
}

impl SealedFile {
    /// Reads a sealed text: limits, syntax, metadata, tokens. No key is needed.
    ///
    /// # Errors
    /// [`FileError::NotSealed`] where there is no metadata; else what is not in order.
    pub fn parse(
        text: impl Into<SecretText>,
        format: &'static dyn Format,
        limits: &Limits,
    ) -> Result<Self, FileError> {
        let text = text.into().shared();
        let document = format.read(text.clone(), &sealed_limits(limits))?;
        let (body, entry) = format.detach(document, ENTRY)?;
        let sealed = Sealed::parse(body, &entry.ok_or(FileError::NotSealed)?)?;
        Ok(Self { format, text, sealed })
    }

    /// Whether a text carries metadata, by a parse that looks no further. A text that cannot hold the entry's name is
    /// not parsed at all.
    ///
    /// # Errors
    /// [`FileError::Parse`] where it does not parse.
    pub fn is_sealed(text: &str, format: &dyn Format, limits: &Limits) -> Result<bool, FileError> {
        // The name stands there as it is, unless an escape hides it.
        if !text.contains(ENTRY) && !text.contains('\\') {
            return Ok(false);
        }
        let document = format.parse(text, &sealed_limits(limits))?;
        Ok(format.detach(document, ENTRY)?.1.is_some())
    }

    /// The metadata; not yet authenticated.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.sealed.header
    }

    /// The file as the envelope sees it, for what needs no key.
    #[must_use]
    pub fn sealed(&self) -> &Sealed {
        &self.sealed
    }

    /// The sealed text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its format.
    #[must_use]
    pub fn format(&self) -> &'static dyn Format {
        self.format
    }

    /// Compares the scope with what the rule for the file's path says. Before any key is touched.
    ///
    /// # Errors
    /// [`FileError::Scope`].
    pub fn check_scope(&self, expected: &str) -> Result<(), FileError> {
        let found = &self.sealed.header.policy.scope;
        if found == expected {
            return Ok(());
        }
        Err(FileError::Scope { expected: expected.to_owned(), found: found.clone() })
    }

    /// Unwraps the data key with one of the user's keys, or with one of each of as many groups as are needed, and checks that
    /// the wraps are this file's.
    ///
    /// # Errors
    /// [`FileError::Unwrap`], [`FileError::Groups`] or [`FileError::Wrap`].
    pub fn unwrap_key(&self, keyring: &Keyring<'_>) -> Result<DataKey, FileError> {
        groups::unwrap(&self.sealed.header, keyring)
    }

    /// Tries every recipient by itself, and checks that what opens is this file's.
    #[must_use]
    pub fn examine(&self, keyring: &Keyring<'_>) -> Vec<Examined> {
        groups::examine(&self.sealed.header, keyring)
    }

    /// Opens the wrap of one recipient and no other, and checks that it is this file's. Gives the data key; `None` where
    /// it is a share, which fits its group.
    ///
    /// # Errors
    /// [`FileError::Unwrap`] or [`FileError::Wrap`].
    pub fn drill(&self, recipient: &Recipient, keyring: &Keyring<'_>) -> Result<Option<DataKey>, FileError> {
        groups::unwrap_one(&self.sealed.header, recipient, keyring)
    }

    /// Unwraps, authenticates and opens.
    ///
    /// # Errors
    /// [`FileError`]; no plaintext leaves then.
    pub fn open(self, keyring: &Keyring<'_>, limits: &Limits) -> Result<OpenFile, FileError> {
        let key = self.unwrap_key(keyring)?;
        self.open_with(key, limits)
    }

    /// Authenticates and opens with a data key at hand.
    ///
    /// # Errors
    /// [`FileError`]; no plaintext leaves then.
    pub fn open_with(self, key: DataKey, limits: &Limits) -> Result<OpenFile, FileError> {
        let authentic = self.sealed.authenticate(&key)?;
        let (authentic, plain) = unseal(&self, authentic, limits)?;
        Ok(OpenFile { file: self, key, authentic, plain })
    }

    /// Opens what is left of a file that was edited by hand; every remaining token must authenticate. What differs
    /// from the version that was sealed is said.
    ///
    /// # Errors
    /// [`FileError`]; no plaintext leaves then.
    pub fn salvage(self, key: DataKey, limits: &Limits) -> Result<(OpenFile, Vec<Difference>), FileError> {
        let (authentic, differences) = self.sealed.salvage(&key)?;
        let (authentic, plain) = unseal(&self, authentic, limits)?;
        Ok((OpenFile { file: self, key, authentic, plain }, differences))
    }
}

impl OpenFile {
    /// The opened text, parsed.
    #[must_use]
    pub fn plain(&self) -> &Document {
        &self.plain
    }

    /// One version, or authentic pieces of several.
    #[must_use]
    pub fn state(&self) -> State {
        self.authentic.state
    }

    /// The metadata.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.file.sealed.header
    }

    /// The sealed file it was opened from.
    #[must_use]
    pub fn sealed_file(&self) -> &SealedFile {
        &self.file
    }

    /// The data key, to open another version of the same file with.
    #[must_use]
    pub fn data_key(&self) -> &DataKey {
        &self.key
    }

    /// How many values are sealed.
    #[must_use]
    pub fn sealed_values(&self) -> usize {
        self.authentic.leaves.len()
    }

    /// The key paths of all sealed values, in order.
    #[must_use]
    pub fn sealed_paths(&self) -> Vec<crate::document::KeyPath> {
        let steps = self.plain.steps();
        self.authentic.leaves.iter().map(|(id, _, _)| self.plain.path_by(&steps, *id)).collect()
    }

    pub(super) fn before(&self, keep: bool) -> Before<'_> {
        Before { sealed: &self.file.sealed, plain: &self.plain, authentic: &self.authentic, keep }
    }
}

/// Tokens are longer than what they hold, and metadata has leaves of its own: a sealed file may exceed limits that its
/// plaintext keeps.
fn sealed_limits(limits: &Limits) -> Limits {
    Limits {
        file: limits.file.saturating_mul(4),
        leaf: limits.leaf.saturating_mul(4),
        // Each top-level key can have a section, of two leaves.
        leaves: limits.leaves.saturating_mul(4),
        ..limits.clone()
    }
}

/// Lends the gate what was authenticated: values are not copied.
fn unseal(
    file: &SealedFile,
    authentic: Authentic,
    limits: &Limits,
) -> Result<(Authentic, Document), FileError> {
    let Authentic { leaves, comments, state } = authentic;
    let unsealing = Unsealing { leaves, comments };
    let plain = gate::unseal(file.format, &file.sealed.body, &unsealing, limits)?;
    let Unsealing { leaves, comments } = unsealing;
    Ok((Authentic { leaves, comments, state }, plain))
}
