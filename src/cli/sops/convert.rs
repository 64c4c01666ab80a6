//! Plain documents in another format, and in SOPS' own layout.

use sealeaf::config::sops::JsonIndent;
use sealeaf::document::Document;
use sealeaf::file::sops::render::{Indent, Layout, PathPart, RenderError, extract_bytes, render_bytes};
use sealeaf::format::Format;
use zeroize::Zeroizing;

use super::face::Face;
use super::fault::{CANNOT_DUMP, Fault, GENERIC};
use super::load::as_bytes;
use crate::cli::input::to_text;
use crate::cli::report::Report;

/// The same values as a document of another format.
///
/// # Errors
/// 4 where that format has no form for a value.
pub(super) fn converted(
    plain: &Document,
    to: &'static dyn Format,
    face: &Face<'_>,
) -> Result<Document, Fault> {
    let bytes = render_bytes(plain, to, &layout(face)).map_err(fault)?;
    let text = match to.carry(bytes.expose()) {
        Some(text) => text,
        None => to_text(Zeroizing::new(bytes.expose().to_vec()))?,
    };
    to.read(text, &face.context.limits).map_err(|error| Fault::from(Report::from(error)).code(CANNOT_DUMP))
}

/// A decrypted document as it is printed: as it stood in its file, unless another format or indentation is asked for.
///
/// # Errors
/// As [`converted`].
pub(super) fn rendered(
    plain: &Document,
    from: &'static dyn Format,
    to: &'static dyn Format,
    face: &Face<'_>,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    if from.name() == to.name() && face.indent().is_none() {
        return Ok(as_bytes(plain, from));
    }
    let bytes = render_bytes(plain, to, &layout(face)).map_err(fault)?;
    Ok(Zeroizing::new(bytes.expose().to_vec()))
}

/// A part of a document.
///
/// # Errors
/// 1 where there is no such part, 4 where the format has no form for it.
pub(super) fn extracted(
    plain: &Document,
    path: &[PathPart],
    to: &'static dyn Format,
    face: &Face<'_>,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let bytes = extract_bytes(plain, path, to, &layout(face)).map_err(fault)?;
    Ok(Zeroizing::new(bytes.expose().to_vec()))
}

/// What the flag, else the configuration says of SOPS' layout.
fn layout(face: &Face<'_>) -> Layout {
    let stores = face.config().map(|found| found.config.stores).unwrap_or_default();
    let usual = Layout::default();
    let blanks = |number: i32| usize::try_from(number).ok();
    let yaml = stores.yaml.and_then(|number| usize::try_from(number).ok());
    let json = match stores.json {
        Some(JsonIndent::Blanks(number)) => Indent::Blanks(usize::try_from(number).unwrap_or_default()),
        Some(JsonIndent::Tab) => Indent::Tab,
        None => usual.json_indent,
    };
    match face.indent() {
        Some(number) => Layout {
            yaml_indent: blanks(number).unwrap_or(usual.yaml_indent),
            json_indent: blanks(number).map_or(Indent::Tab, Indent::Blanks),
        },
        None => Layout { yaml_indent: yaml.unwrap_or(usual.yaml_indent), json_indent: json },
    }
}

fn fault(error: RenderError) -> Fault {
    match error {
        RenderError::Missing(_) | RenderError::Mismatch(_) => {
            Fault::new(GENERIC, format!("error truncating tree: {error}"))
        }
        error => Fault::new(CANNOT_DUMP, error),
    }
}
