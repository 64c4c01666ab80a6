//! How a run of the `sops` face fails: SOPS' exit codes, and the words that scripts look for.

use std::path::Path;

use sealeaf::envelope::sops::SopsError;
use sealeaf::file::FileError;

use crate::cli::escape;
use crate::cli::report::{Kind, Report};

/// A failure with its exit code.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: u8,
    /// `None` where everything is said already.
    pub(super) report: Option<Report>,
}

impl Fault {
    /// A failure in one sentence.
    pub(super) fn new(code: u8, message: impl std::fmt::Display) -> Self {
        Self { code, report: Some(Report::message(Kind::Failed, message)) }
    }

    /// An exit code without a word.
    pub(super) const fn silent(code: u8) -> Self {
        Self { code, report: None }
    }

    /// The same with another exit code.
    pub(super) const fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// A thing to do next.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.report = self.report.map(|report| report.hint(hint));
        self
    }

    /// The file that it is about.
    pub(super) fn at(mut self, path: &Path) -> Self {
        self.report = self.report.map(|report| report.at(path));
        self
    }
}

impl From<Report> for Fault {
    fn from(report: Report) -> Self {
        let code = match report.kind() {
            Kind::Malformed => CANNOT_READ,
            Kind::Conflict => CANNOT_WRITE,
            Kind::Authentication => TREE_NOT_DECRYPTED,
            Kind::NoKey => NO_DATA_KEY,
            Kind::Interrupted | Kind::BrokenPipe => report.kind().code(),
            _ => GENERIC,
        };
        Self { code, report: Some(report) }
    }
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        let (code, words) = match &error {
            FileError::Unwrap(error) => {
                let lines: Vec<String> = error
                    .attempts
                    .iter()
                    .map(|attempt| {
                        escape::line(&format!("{}: FAILED: {}", attempt.recipient.label(), attempt.why))
                    })
                    .collect();
                let message = "Failed to get the data key required to decrypt the SOPS file";
                let report = Report::message(Kind::NoKey, message).detail(&lines.join("\n")).hint(
                    "give your key in SOPS_AGE_KEY_FILE or SOPS_AGE_KEY, or ask one of these to add you",
                );
                return Self { code: NO_DATA_KEY, report: Some(report) };
            }
            FileError::Sops(error) => of_sops(error),
            FileError::Parse(_) | FileError::OtherFormat { .. } => (CANNOT_READ, ""),
            FileError::Key(_) | FileError::NoRecipients => (GENERIC, "Could not generate data key"),
            _ => (GENERIC, ""),
        };
        let report = Report::from(error);
        let report = if words.is_empty() { report } else { report.context(words) };
        Self { code, report: Some(report) }
    }
}

/// Exit code and SOPS' own words.
const fn of_sops(error: &SopsError) -> (u8, &'static str) {
    match error {
        SopsError::NotSealed => (GENERIC, "sops metadata not found"),
        SopsError::Taken => (ALREADY_ENCRYPTED, TAKEN),
        SopsError::MacDiffers => (MAC, "MAC mismatch"),
        SopsError::MacDamaged => (MAC, "Cannot decrypt MAC"),
        SopsError::NoMac => (MAC, "File has no MAC"),
        SopsError::Value { .. } => (TREE_NOT_DECRYPTED, "Error decrypting tree"),
        SopsError::Unfit { .. } | SopsError::NotKept { .. } => (TREE_NOT_ENCRYPTED, "Error encrypting tree"),
        SopsError::Groups { .. } | SopsError::Shamir(_) | SopsError::KeyLength(_) => {
            (NO_DATA_KEY, "Failed to get the data key required to decrypt the SOPS file")
        }
        SopsError::Root(_) | SopsError::Aliases => (CANNOT_READ, "Error unmarshalling file"),
        _ => (GENERIC, ""),
    }
}

const TAKEN: &str = "The file you have provided contains a top-level entry called 'sops', or for flat file formats \
                     top-level entries starting with 'sops_'";

pub(super) const GENERIC: u8 = 1;
pub(super) const CANNOT_READ: u8 = 2;
pub(super) const CANNOT_WRITE: u8 = 3;
/// The tree cannot be written in that format.
pub(super) const CANNOT_DUMP: u8 = 4;
pub(super) const BAD_CONTEXT: u8 = 6;
pub(super) const BAD_SET: u8 = 7;
pub(super) const CONFLICTING: u8 = 8;
pub(super) const TREE_NOT_ENCRYPTED: u8 = 23;
pub(super) const TREE_NOT_DECRYPTED: u8 = 25;
pub(super) const ROTATE_MISSING: u8 = 49;
pub(super) const MAC: u8 = 51;
pub(super) const BAD_EXTRACT: u8 = 91;
pub(super) const NO_FILE: u8 = 100;
pub(super) const BAD_ORDER: u8 = 112;
pub(super) const NO_DATA_KEY: u8 = 128;
pub(super) const UNCHANGED: u8 = 200;
pub(super) const EDITOR: u8 = 201;
pub(super) const ALREADY_ENCRYPTED: u8 = 203;
