//! Reads what a verb works on: a file or standard input, as text, in a known format.

mod expand;
mod text;

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sealeaf::envelope::native::PREFIX;
use sealeaf::envelope::sops;
use sealeaf::file::SealedFile;
use sealeaf::file::sops::SopsFile;
use sealeaf::format::gate::ENTRY;
use sealeaf::format::{FORMATS, Format, Limits, by_file_name, by_name};
use sealeaf::secret::SecretText;
use zeroize::Zeroizing;

use super::context::Context;
use super::escape;
use super::output::{Lock, Original};
use super::report::{Context as _, Kind, Report};

pub(crate) use expand::{expand, walk};
pub(crate) use text::{refuse_conflicts, to_text};

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file, as the user named it.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// What a verb does with what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Looks at it; or changes it much later, after an editor.
    Read,
    /// Changes it in place: the file's folder is locked before it is read, and what cannot be replaced is refused.
    Change,
}

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Input {
    /// Where it came from.
    pub(crate) source: Source,
    /// Its text, a byte order mark included.
    pub(crate) text: SecretText,
    /// Its format.
    pub(crate) format: &'static dyn Format,
    original: Option<Original>,
    /// Held until the file is written or forgotten.
    _lock: Option<Lock>,
}

impl Source {
    /// The file, or `-` for standard input; for messages.
    pub(crate) fn shown(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Stdin => Path::new("-"),
        }
    }

    /// The source named by one argument.
    pub(crate) fn of(argument: &Path) -> Self {
        if argument == Path::new("-") { Self::Stdin } else { Self::File(argument.to_owned()) }
    }
}

impl Input {
    /// Reads one source. `format` is what `--format` says, `named` the path that stands for standard input.
    ///
    /// # Errors
    /// What is no regular file, too large, no UTF-8 text, in conflict, or of unknown format.
    pub(crate) fn read(
        source: &Source,
        access: Access,
        format: Option<&'static dyn Format>,
        named: Option<&Path>,
        context: &Context,
    ) -> Result<Self, Report> {
        let shown = source.shown();
        let lock = match (source, access) {
            (Source::File(path), Access::Change) => Some(Lock::around(path, context)?),
            _ => None,
        };
        // Of a plain file of bytes its carrier.
        let carried = |bytes: &[u8]| {
            let format = format.filter(|format| !is_sealed_as(*format, bytes, &context.limits))?;
            Some((format, format.carry(bytes)?))
        };
        let (text, original) = match source {
            Source::Stdin => {
                let bytes = read_secret(&mut io::stdin().lock(), 0, context.limits.file).at(shown)?;
                if let Some((format, text)) = carried(&bytes) {
                    return Ok(Self { source: source.clone(), text, format, original: None, _lock: lock });
                }
                (to_text(bytes).at(shown)?, None)
            }
            Source::File(path) => {
                let (bytes, file) = read_file(path, context.limits.file)?;
                if let Some((format, text)) = carried(&bytes) {
                    let original = Original::of(path, &file, &bytes, context)?;
                    if access == Access::Change {
                        original.replaceable()?;
                    }
                    let original = Some(original);
                    return Ok(Self { source: source.clone(), text, format, original, _lock: lock });
                }
                let text = to_text(bytes).at(shown)?;
                let original = Original::of_text(path, &file, &text, context)?;
                (text, Some(original))
            }
        };
        if access == Access::Change {
            original.as_ref().ok_or_else(not_in_place)?.replaceable()?;
        }
        refuse_conflicts(&text).at(shown)?;
        let name = named.or(match source {
            Source::File(path) => Some(path),
            Source::Stdin => None,
        });
        let format = choose_format(format, name, &text).at(shown)?;
        Ok(Self { source: source.clone(), text, format, original, _lock: lock })
    }

    /// The file as it was when it was read, if it can be replaced.
    ///
    /// # Errors
    /// Standard input, and files that [`Original::replaceable`] refuses.
    pub(crate) fn original(&self) -> Result<&Original, Report> {
        let original = self.original.as_ref().ok_or_else(not_in_place)?;
        original.replaceable().map(|_| original)
    }
}

/// A clap value parser for `--format`.
pub(crate) fn format_parser() -> impl clap::builder::TypedValueParser<Value = &'static dyn Format> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(FORMATS.iter().map(|format| format.name()))
        .try_map(|name| by_name(&name).ok_or("no such format"))
}

/// The format: what the user says, what the file's name says, what its metadata looks like.
pub(crate) fn choose_format(
    said: Option<&'static dyn Format>,
    name: Option<&Path>,
    text: &str,
) -> Result<&'static dyn Format, Report> {
    let by_name_of = |path: &Path| by_file_name(&path.file_name()?.to_string_lossy());
    // A file that was sealed as bytes keeps its name, whatever that says.
    let chosen = said.or_else(|| sealed_bytes(text)).or_else(|| name.and_then(by_name_of));
    chosen.or_else(|| by_metadata(text)).or_else(|| sops_bytes(text)).ok_or_else(|| {
        let endings = |format: &dyn Format| match format.extensions() {
            [] => String::new(),
            endings => format!(" (.{})", endings.join(", .")),
        };
        let known: Vec<String> =
            FORMATS.iter().map(|format| format!("{}{}", format.name(), endings(*format))).collect();
        Report::message(Kind::Usage, "the format cannot be told from the file's name")
            .hint(format!("say it with --format; known formats are {}", known.join(", ")))
    })
}

/// Whether a text holds this tool's metadata entry: by the look of it, else by parsing it as what its name says. What
/// does not parse and holds tokens counts as sealed.
pub(crate) fn looks_sealed(path: &Path, text: &str, limits: &Limits) -> bool {
    if !text.contains(ENTRY) {
        return false;
    }
    let by_parsing = || {
        let format = choose_format(None, Some(path), text).ok();
        let parsed = format.and_then(|format| SealedFile::is_sealed(text, format, limits).ok());
        parsed.unwrap_or_else(|| text.contains(PREFIX))
    };
    by_metadata(text).is_some() || by_parsing()
}

/// Whether a text is a SOPS file, by parsing it as what its name says. What does not parse and holds the metadata's name and
/// tokens counts as one.
pub(crate) fn looks_sealed_by_sops(path: &Path, text: &str, limits: &Limits) -> bool {
    if !text.contains(sops::ENTRY) {
        return false;
    }
    let format = choose_format(None, Some(path), text).ok();
    let parsed = format.and_then(|format| SopsFile::is_sealed(text, format, limits).ok());
    parsed.unwrap_or_else(|| text.contains(sops::PREFIX) && text.contains("lastmodified"))
}

/// Reads a regular file whole; its size is checked first. Gives the open file for what else is to be known of it.
pub(crate) fn read_file(path: &Path, limit: usize) -> Result<(Zeroizing<Vec<u8>>, File), Report> {
    // Not to wait for the other end of a FIFO, nor to make a terminal ours.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let mut file =
        OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(Report::io("read", path))?;
    let metadata = file.metadata().map_err(Report::io("read", path))?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a folder" } else { "no regular file" };
        return Err(Report::message(Kind::Refused, format!("`{}` is {what}", escape::path(path))));
    }
    if metadata.size() > limit as u64 {
        return Err(too_large(limit)).at(path);
    }
    let expected = usize::try_from(metadata.size()).unwrap_or_default();
    let bytes = read_secret(&mut file, expected, limit).at(path)?;
    Ok((bytes, file))
}

/// Reads to the end, but no more than `limit` bytes, leaving no unwiped copy behind.
pub(crate) fn read_secret(
    from: &mut impl Read,
    expected: usize,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, Report> {
    let mut bytes =
        Zeroizing::new(vec![0; expected.saturating_add(1).max(FIRST_BUFFER).min(limit.saturating_add(1))]);
    let mut filled = 0;
    loop {
        let free = bytes.get_mut(filled..).unwrap_or_default();
        match from.read(free) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(Report::new(Kind::Failed, anyhow::Error::new(error).context("cannot read")));
            }
        }
        if filled > limit {
            return Err(too_large(limit));
        }
        if filled == bytes.len() {
            let mut larger = Zeroizing::new(vec![0; filled.saturating_mul(2)]);
            if let Some(start) = larger.get_mut(..filled) {
                start.copy_from_slice(&bytes);
            }
            bytes = larger;
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn too_large(limit: usize) -> Report {
    Report::message(Kind::Malformed, format!("larger than the limit of {limit} bytes"))
        .hint("raise the limit with --max-file-size where you trust the file")
}

fn not_in_place() -> Report {
    Report::message(Kind::Usage, "standard input cannot be changed in place")
        .hint("name a file, or write to standard output")
}

/// Whether bytes are a sealed file of a format, in either envelope.
fn is_sealed_as(format: &'static dyn Format, bytes: &[u8], limits: &Limits) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    SealedFile::is_sealed(text, format, limits).unwrap_or_default()
        || SopsFile::is_sealed(text, format, limits).unwrap_or_default()
}

/// The format of bytes, if the text is what SOPS makes of a file whose name says nothing.
fn sops_bytes(text: &str) -> Option<&'static dyn Format> {
    let limits = Limits { file: usize::MAX, leaf: usize::MAX, ..Limits::default() };
    let is_object = text.trim_start().starts_with('{');
    by_name("binary")
        .filter(|format| is_object && SopsFile::is_sealed(text, *format, &limits).unwrap_or_default())
}

/// The format of bytes, if that is what the text was sealed as.
fn sealed_bytes(text: &str) -> Option<&'static dyn Format> {
    if !(text.starts_with('{') && text.contains(BINARY_FIELD)) {
        return None;
    }
    let limits = Limits { file: usize::MAX, leaf: usize::MAX, ..Limits::default() };
    by_name("binary").filter(|format| is_sealed_as(*format, text.as_bytes(), &limits))
}

/// The format whose metadata entry stands in the text.
fn by_metadata(text: &str) -> Option<&'static dyn Format> {
    let begins = |line: &str, start: String| line.trim_start().starts_with(&start);
    let name = text.trim_start_matches('\u{feff}').lines().rev().find_map(|line| {
        if line.starts_with(&format!("{ENTRY}:")) {
            Some("yaml")
        } else if begins(line, format!("\"{ENTRY}\"")) {
            Some("json")
        } else if begins(line, format!("[{ENTRY}]")) {
            Some("toml")
        } else {
            line.strip_prefix(&format!("# {ENTRY}: format="))
        }
    })?;
    by_name(name)
}

const FIRST_BUFFER: usize = 8 << 10;

/// What the metadata of a file of bytes says of its format.
const BINARY_FIELD: &str = "\"format\": \"binary\"";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str, expect: Option<&str>) {
        let found = choose_format(None, (!name.is_empty()).then(|| Path::new(name)), text);
        match expect {
            Some(expect) => assert_eq!(found.unwrap().name(), expect, "{name} {text}"),
            None => assert_eq!(found.map(Format::name).unwrap_err().kind(), Kind::Usage),
        }
    }

    #[test]
    fn names_come_before_metadata() {
        check("a.yaml", "[sealeaf]\n", Some("yaml"));
        check("a.enc.json", "", Some("json"));
        check("secrets", "a: 1\nsealeaf:\n  version: 1\n", Some("yaml"));
        check("", "{\n  \"a\": 1,\n  \"sealeaf\": {}\n}\n", Some("json"));
        check("", "a = 1\n\n[sealeaf]\nversion = 1\n", Some("toml"));
        check(
            "",
            "A=1\n\n# sealeaf: version=1\n# sealeaf: format=dotenv\n# sealeaf: epoch=1\n",
            Some("dotenv"),
        );
        check("x.conf", "[s]\n\n# sealeaf: version=1\n# sealeaf: format=ini\n", Some("ini"));
        let bytes = "{\n  \"data\": \"sealed.v1.x\",\n  \"sealeaf\": {\n    \"format\": \"binary\"\n  }\n}\n";
        check("key.p12", bytes, Some("binary"));
        check("key.json", bytes, Some("binary"));
        check("key.json", &bytes.replace("data", "date"), Some("json"));
        check("notes.txt", "sealeaf is a tool\n", None);
        check("", "a:\n  sealeaf: 1\n", None);
    }

    #[test]
    fn the_flag_comes_first() {
        let said = by_name("toml");
        assert_eq!(choose_format(said, Some(Path::new("a.yaml")), "").unwrap().name(), "toml");
    }

    #[test]
    fn sizes_are_checked_while_reading() {
        let read = |bytes: &[u8], limit| read_secret(&mut &bytes[..], 0, limit).map(|read| read.to_vec());
        assert_eq!(read(b"abc", 3).unwrap(), b"abc");
        assert_eq!(read(b"abcd", 3).unwrap_err().kind(), Kind::Malformed);
        let long = vec![7; 100_000];
        assert_eq!(read(&long, 100_000).unwrap(), long);
        assert_eq!(read(&long, 99_999).unwrap_err().kind(), Kind::Malformed);
    }

    #[test]
    fn ac_64_only_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_file(folder.path(), 10).unwrap_err().kind(), Kind::Refused);
        assert_eq!(read_file(Path::new("/dev/null"), 10).unwrap_err().kind(), Kind::Refused);
        let fifo = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        assert_eq!(read_file(&fifo, 10).unwrap_err().kind(), Kind::Refused);
    }
}
