//! Files in and out: regular files, standard input, and the pipes that shells make.

use std::fs::{self, File};
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

use sealeaf::document::Document;
use sealeaf::format::Format;
use sealeaf::secret::SecretText;
use zeroize::Zeroizing;

use super::face::Face;
use super::fault::{CANNOT_READ, Fault, NO_FILE};
use super::flags::Output;
use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::input::{read_file, read_secret, to_text};
use crate::cli::output::{Content, Original, Target, replace, write};
use crate::cli::report::Report;

/// A file that was read.
#[derive(Debug)]
pub(super) struct Loaded {
    /// `None` for standard input.
    pub(super) path: Option<PathBuf>,
    pub(super) text: SecretText,
    pub(super) format: &'static dyn Format,
    /// `None` for what is no regular file.
    original: Option<Original>,
}

/// What a file is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum As {
    /// A plain file: one of bytes is carried as the format carries it.
    Plain,
    /// An encrypted one, which is always text.
    Encrypted,
}

impl Loaded {
    /// Reads a file, or standard input without one.
    ///
    /// # Errors
    /// `missing` where there is no such file; 2 where it cannot be read.
    pub(super) fn read(
        path: Option<&Path>,
        format: &'static dyn Format,
        what: As,
        missing: u8,
        context: &Context,
    ) -> Result<Self, Fault> {
        let shown = path.unwrap_or(Path::new("-"));
        let (bytes, file) = bytes(path, missing, context)?;
        let carried = match what {
            As::Plain => format.carry(&bytes),
            As::Encrypted => None,
        };
        let (text, original) = match (carried, path.zip(file.as_ref())) {
            (Some(text), Some((path, file))) => (text, Some(Original::of(path, file, &bytes, context)?)),
            (Some(text), None) => (text, None),
            (None, place) => {
                let text = to_text(bytes).map_err(|report| Fault::from(report.at(shown)))?;
                let original = place.map(|(path, file)| Original::of_text(path, file, &text, context));
                (text, original.transpose()?)
            }
        };
        Ok(Self { path: path.map(Path::to_owned), text, format, original })
    }

    /// The file for messages.
    pub(super) fn shown(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new("-"))
    }

    /// Parses a plain text.
    ///
    /// # Errors
    /// 2 where it does not parse.
    pub(super) fn plain(&self, face: &Face<'_>) -> Result<Document, Fault> {
        let parsed = self.format.read(self.text.clone(), &face.context.limits);
        parsed.map_err(|error| Fault::from(Report::from(error).at(self.shown())))
    }

    /// Writes over the file. `is_plain` takes everybody else's rights away.
    ///
    /// # Errors
    /// 3 where that is not possible; nothing was changed then.
    pub(super) fn replace(&self, bytes: &[u8], is_plain: bool, face: &Face<'_>) -> Result<(), Fault> {
        let original = self.original.as_ref().ok_or_else(|| {
            Fault::new(super::fault::CANNOT_WRITE, "only a regular file can be written back to")
                .at(self.shown())
        })?;
        let content = if is_plain { Content::Plain(&anywhere) } else { Content::Sealed };
        match replace(original, bytes, content, face.context) {
            Ok(_) => Ok(()),
            Err(report) => Err(Fault::from(report).code(super::fault::CANNOT_WRITE)),
        }
    }

    /// Writes to where the flags say.
    ///
    /// # Errors
    /// 3 where that is not possible.
    pub(super) fn put(
        &self,
        to: &Output,
        bytes: &[u8],
        is_plain: bool,
        face: &Face<'_>,
    ) -> Result<(), Fault> {
        let content = if is_plain { Content::Plain(&anywhere) } else { Content::Sealed };
        match &to.output {
            _ if to.in_place => self.replace(bytes, is_plain, face),
            Some(path) if is_regular(path) => {
                let written = write(&Target::File(path.clone()), bytes, content, face.context);
                written.map_err(|report| Fault::from(report).code(super::fault::CANNOT_WRITE))
            }
            // `/dev/stdout`, a pipe.
            Some(path) => {
                let written = fs::OpenOptions::new()
                    .write(true)
                    .open(path)
                    .and_then(|mut file| std::io::Write::write_all(&mut file, bytes));
                let written = written.map_err(Report::io("write", path));
                written.map_err(|report| Fault::from(report).code(super::fault::CANNOT_WRITE))
            }
            None => Ok(face.context.print(bytes)?),
        }
    }
}

/// What a document gives as a file: its text, or the bytes that it carries.
pub(super) fn as_bytes(document: &Document, format: &dyn Format) -> Zeroizing<Vec<u8>> {
    match format.carried(document) {
        Some(bytes) => Zeroizing::new(bytes.expose().to_vec()),
        None => Zeroizing::new(document.source.as_bytes().to_vec()),
    }
}

/// `--output` says where plaintext goes, and that is the user's to say.
fn anywhere(_: &Path) -> Result<(), Report> {
    Ok(())
}

fn is_regular(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |found| found.is_file())
}

/// What was read, and the open file where it is a regular one.
type Opened = (Zeroizing<Vec<u8>>, Option<File>);

fn bytes(path: Option<&Path>, missing: u8, context: &Context) -> Result<Opened, Fault> {
    let limit = context.limits.file;
    let Some(path) = path.filter(|path| !matches!(path.to_str(), Some("/dev/stdin" | "/dev/fd/0"))) else {
        return Ok((read_secret(&mut stdin().lock(), 0, limit)?, None));
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let shown = escape::path(&context.directory.join(path));
            let message = match missing {
                NO_FILE => format!("cannot operate on non-existent file \"{shown}\""),
                _ => format!("Error reading file: open {shown}: no such file or directory"),
            };
            Err(Fault::new(missing, message))
        }
        // What a shell makes of `<(…)`.
        Ok(found) if !found.is_file() && !found.is_dir() => {
            let mut pipe = File::open(path).map_err(Report::io("read", path))?;
            Ok((read_secret(&mut pipe.by_ref(), 0, limit)?, None))
        }
        _ => {
            let (bytes, file) =
                read_file(path, limit).map_err(|report| Fault::from(report).code(CANNOT_READ))?;
            Ok((bytes, Some(file)))
        }
    }
}
