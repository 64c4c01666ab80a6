//! The next version of an encrypted file, in place.

use std::process::ExitCode;

use sealeaf::document::Document;
use sealeaf::file::sops::{Next, OpenSops};
use sealeaf::format::Format;

use super::convert::converted;
use super::face::Face;
use super::fault::Fault;
use super::load::Loaded;
use crate::cli::keygen::now;

/// Seals a changed document as the version after an opened one, and writes it over the file. Where another format is
/// wanted, the file keeps its name, as in SOPS.
pub(super) fn write_back(
    loaded: &Loaded,
    open: &OpenSops,
    plain: Document,
    to: &'static dyn Format,
    face: &Face<'_>,
) -> Result<ExitCode, Fault> {
    let text = next(loaded, open, plain, to, face)?;
    loaded.replace(text.as_bytes(), false, face)?;
    Ok(ExitCode::SUCCESS)
}

/// The text of the version after an opened one.
pub(super) fn next(
    loaded: &Loaded,
    open: &OpenSops,
    plain: Document,
    to: &'static dyn Format,
    face: &Face<'_>,
) -> Result<sealeaf::secret::SecretText, Fault> {
    let now = now();
    let fault = |error| Fault::from(error).at(loaded.shown());
    if to.name() != loaded.format.name() {
        let plain = converted(&plain, to, face)?;
        return Ok(open.converted(plain, to, &now, &face.context.limits).map_err(fault)?.text);
    }
    let next = Next { plain: Some(plain), now: &now, allow_no_secrets: true, ..Next::default() };
    Ok(open.next(next, &face.keyring(), &face.context.limits).map_err(fault)?.sealed.text)
}
