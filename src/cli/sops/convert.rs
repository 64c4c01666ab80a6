//! Plain documents in another format, and in SOPS' own layout.

use sealeaf::document::{Document, Value};
use sealeaf::format::Format;
use sealeaf::secret::SecretText;
use zeroize::Zeroizing;

use super::face::Face;
use super::fault::{CANNOT_DUMP, Fault};
use super::load::as_bytes;
use super::path::Part;

/// The same values as a document of another format.
pub(super) fn converted(
    plain: &Document,
    to: &'static dyn Format,
    face: &Face<'_>,
) -> Result<Document, Fault> {
    let _ = (plain, to, face);
    Err(Fault::new(CANNOT_DUMP, "conversion is not there yet"))
}

/// A decrypted document as it is printed.
pub(super) fn rendered(
    plain: &Document,
    from: &'static dyn Format,
    to: &'static dyn Format,
    face: &Face<'_>,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    if from.name() == to.name() {
        return Ok(as_bytes(plain, from));
    }
    let other = converted(plain, to, face)?;
    Ok(as_bytes(&other, to))
}

/// A part of a document.
pub(super) fn extracted(
    plain: &Document,
    path: &[Part],
    to: &'static dyn Format,
    face: &Face<'_>,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let _ = (plain, path, to, face);
    Err(Fault::new(CANNOT_DUMP, "extraction is not there yet"))
}

/// A scalar's text for an environment; `None` for a map or list.
pub(super) fn scalar(value: &Value) -> Option<SecretText> {
    (!matches!(value, Value::EmptyMap | Value::EmptyList)).then(|| value.to_text())
}
