//! Other recipients for the same data key: values, MAC and time of change stay as they are.

use super::open::{SopsFile, cuts_of};
use super::seal::{added, wrap};
use crate::document::apply;
use crate::envelope::sops::Metadata;
use crate::file::FileError;
use crate::format::Limits;
use crate::format::gate::GateError;
use crate::keys::{Keyring, Recipient};
use crate::secret::SecretText;

impl SopsFile {
    /// The file for these groups of recipients, with the data key that it has. Who is removed here knows that key still:
    /// [`super::OpenSops::next`] makes a new one.
    ///
    /// `threshold` is how many groups are needed, 0 for all; `now` the time for new wraps, RFC 3339 in UTC, to the second.
    ///
    /// # Errors
    /// [`FileError`]; where the data key cannot be unwrapped, or somebody cannot be wrapped for.
    pub fn regroup(
        &self,
        groups: &[Vec<Recipient>],
        threshold: u32,
        now: &str,
        keyring: &Keyring<'_>,
        limits: &Limits,
    ) -> Result<SecretText, FileError> {
        let key = self.unwrap_key(keyring)?;
        let (groups, threshold) = wrap(groups, threshold, &key, now, keyring)?;
        let metadata = Metadata { groups, threshold, ..self.metadata.clone() };
        let bare = apply(&self.document.source, &cuts_of(&self.document, self.format)?);
        let bare = bare.map_err(GateError::Splice)?;
        let wide = super::open::sealed_limits(limits);
        let document = self.format.parse(&bare, &wide)?;
        let mut splices = Vec::new();
        for part in 0..document.parts.len().max(1) {
            splices.extend(added(&document, self.format, part, &metadata)?);
        }
        let text = apply(&document.source, &splices).map_err(GateError::Splice)?;
        // Whoever reads it next must find the same values under the same key.
        Self::parse(&text, self.format, limits)?
            .open_with(key, limits)
            .map_err(|error| FileError::Unopenable(Box::new(error)))?;
        Ok(text)
    }
}
