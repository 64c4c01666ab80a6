//! Whether git explains a linked file: as the result of a merge, or as pieces that are all current.

use std::path::Path;

use sealeaf::file::OpenFile;

use super::session::Session;

/// Whether the linked file is explained (`docs/design/format-v1.md`, section 8).
pub(crate) fn is_explained(_session: &Session<'_>, _open: &OpenFile, _path: &Path) -> bool {
    false
}
