//! dotenv, INI and binary files as SOPS reads them, which differs from how the native envelope reads the same formats.
//! These are no formats of their own: they have the names and codes of the others, and only SOPS' envelope uses them.

mod binary;
mod dotenv;
mod ini;

use super::Format;
use crate::document::FormatCode;
use crate::secret::SecretText;

/// A value as SOPS' library writes it into INI files, or else in a way in which it reads it as the same. `None` where
/// there is none.
#[must_use]
pub fn ini_value(text: &str) -> Option<SecretText> {
    ini::rendered(text)
}

/// What reads and writes a format's files for SOPS' envelope.
#[must_use]
pub fn of(format: &'static dyn Format) -> &'static dyn Format {
    match format.code() {
        FormatCode::Dotenv => &dotenv::Dotenv,
        FormatCode::Ini => &ini::Ini,
        FormatCode::Binary => &binary::Binary,
        _ => format,
    }
}
