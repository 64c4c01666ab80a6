//! The places where identities are looked for, in order.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::command;
use super::identity::{Contents, Identity, Key, SIZE_LIMIT, looks_like_identities};
use super::recipient::Recipient;
use crate::keys::Environment;
use crate::keys::limited::read_limited;
use crate::secret::SecretBytes;

/// One place that was not looked at yet.
pub(super) enum Source {
    /// A variable that holds identities, or by mistake the path of a file of them.
    Value(&'static str),
    /// A variable that holds a path, or by mistake identities.
    Path(&'static str),
    /// A variable that holds a command which prints identities.
    Command(&'static str),
    /// A file that need not be there.
    File(PathBuf),
    /// The folder of ssh keys.
    SshFolder(PathBuf),
}

/// What a place gave.
#[derive(Default)]
pub(super) struct Found {
    pub(super) contents: Vec<Contents>,
    /// What kept a place from being used, each with its name.
    pub(super) problems: Vec<String>,
    /// Advice on places that were used all the same.
    pub(super) warnings: Vec<String>,
}

/// All places that this environment knows.
pub(super) fn sources(environment: &Environment) -> VecDeque<Source> {
    let set = |name: &&'static str| environment.os(name).is_some();
    let mut sources = VecDeque::new();
    sources.extend(Some("SEALEAF_IDENTITY").filter(set).map(Source::Value));
    sources.extend(Some("SEALEAF_IDENTITY_FILE").filter(set).map(Source::Path));
    sources.extend(Some("SEALEAF_IDENTITY_CMD").filter(set).map(Source::Command));
    sources.extend(own_file(environment).map(Source::File));
    sources.extend(Some("SOPS_AGE_KEY").filter(set).map(Source::Value));
    sources.extend(Some("SOPS_AGE_KEY_FILE").filter(set).map(Source::Path));
    sources.extend(Some("SOPS_AGE_KEY_CMD").filter(set).map(Source::Command));
    sources.extend(Some("SOPS_AGE_SSH_PRIVATE_KEY_FILE").filter(set).map(Source::Path));
    sources.extend(Some("SOPS_AGE_SSH_PRIVATE_KEY_CMD").filter(set).map(Source::Command));
    sources.extend(sops_folder(environment).map(|folder| Source::File(folder.join("sops/age/keys.txt"))));
    sources.extend(environment.home().map(|home| Source::SshFolder(home.join(".ssh"))));
    sources
}

/// The user's own identity file, `$XDG_CONFIG_HOME/sealeaf/keys.txt`, whether it exists or not.
pub(super) fn own_file(environment: &Environment) -> Option<PathBuf> {
    Some(environment.config_home()?.join("sealeaf/keys.txt"))
}

/// Where SOPS keeps its files: the user's configuration folder as the system has it.
fn sops_folder(environment: &Environment) -> Option<PathBuf> {
    if cfg!(target_os = "macos") && environment.os("XDG_CONFIG_HOME").is_none() {
        return Some(environment.home()?.join("Library/Application Support"));
    }
    environment.config_home()
}

impl Source {
    /// Whether something is started to look here, such as a password manager that may ask the user.
    pub(super) fn is_command(&self) -> bool {
        matches!(self, Self::Command(_))
    }

    /// Whether only ssh keys can be here.
    pub(super) fn is_ssh_folder(&self) -> bool {
        matches!(self, Self::SshFolder(_))
    }

    /// The place as errors name it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Value(name) | Self::Path(name) | Self::Command(name) => (*name).to_owned(),
            Self::File(path) | Self::SshFolder(path) => path.display().to_string(),
        }
    }

    /// Looks there.
    pub(super) fn load(&self, environment: &Environment) -> Found {
        let mut found = Found::default();
        match self {
            Self::Value(name) | Self::Path(name) => {
                let value = environment.os(name).unwrap_or_default();
                if looks_like_identities(value.as_encoded_bytes()) {
                    found.add(name, value.as_encoded_bytes());
                } else if matches!(self, Self::Path(_)) || is_path(value) {
                    found.read_file(&expand_home(value, environment), Some(name));
                } else {
                    found
                        .problems
                        .push(format!("{name}: it holds no identity, and is not the path of a file"));
                }
            }
            Self::Command(name) => {
                match command::output(environment.os(name).unwrap_or_default(), environment) {
                    Ok(output) => found.add(name, output.expose()),
                    Err(why) => found.problems.push(format!("{name}: {why}")),
                }
            }
            Self::File(path) => found.read_file(path, None),
            Self::SshFolder(path) => found.read_ssh_folder(path),
        }
        found
    }
}

impl Found {
    fn add(&mut self, place: &str, bytes: &[u8]) {
        let place = Arc::from(place);
        let mut contents = Contents::read(&place, bytes);
        self.problems.extend(contents.problems.drain(..).map(|problem| format!("{place}: {problem}")));
        self.contents.push(contents);
    }

    /// Reads a file; a missing one is a problem only where a variable names it.
    fn read_file(&mut self, path: &Path, variable: Option<&str>) {
        let place = path.display().to_string();
        let origin = variable.map_or_else(|| place.clone(), |name| format!("{name}: `{place}`"));
        match read(path) {
            Ok((Some(bytes), mode)) => {
                self.warnings.extend(mode_warning(&place, mode));
                self.add(&place, bytes.expose());
                self.name_unknown_keys(path);
            }
            Ok((None, _)) => self.problems.push(format!("{origin}: it is larger than {SIZE_LIMIT} bytes")),
            Err(error) if error.kind() == ErrorKind::NotFound && variable.is_none() => {}
            Err(error) => self.problems.push(format!("{origin}: {}", explain_io(&error))),
        }
    }

    /// Reads every private key of a folder, in the order of the names.
    fn read_ssh_folder(&mut self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut paths: Vec<PathBuf> =
            entries.flatten().take(FOLDER_LIMIT).map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| is_private_key(path)) {
            self.read_file(path, None);
        }
    }

    /// Takes the public half of a key that hides it from the `.pub` file beside it.
    fn name_unknown_keys(&mut self, path: &Path) {
        let Some([identity]) = self.contents.last_mut().map(|contents| contents.identities.as_mut_slice())
        else {
            return;
        };
        if let Identity { public: public @ None, key: Key::Unusable(_), .. } = identity {
            let mut twin = path.as_os_str().to_owned();
            twin.push(".pub");
            let text = read(Path::new(&twin)).ok().and_then(|(bytes, _)| bytes);
            let text = text.as_ref().and_then(|bytes| std::str::from_utf8(bytes.expose()).ok());
            *public =
                text.and_then(|text| Recipient::parse(text).ok()).map(|recipient| recipient.to_string());
        }
    }
}

/// Reads a file, and gives its permission bits where they say something.
fn read(path: &Path) -> io::Result<(Option<SecretBytes>, Option<u32>)> {
    let file = File::open(path)?;
    let mode = mode(&file.metadata()?);
    Ok((read_limited(file, SIZE_LIMIT)?, mode))
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    metadata.is_file().then(|| metadata.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode(_metadata: &fs::Metadata) -> Option<u32> {
    None
}

fn mode_warning(place: &str, mode: Option<u32>) -> Option<String> {
    let mode = mode.filter(|mode| mode & 0o077 != 0)?;
    Some(format!("`{place}` is open to other users (mode {mode:04o}); `chmod 600` closes it"))
}

/// Whether a file begins as a private key does. Only regular files are opened.
fn is_private_key(path: &Path) -> bool {
    let opened = fs::metadata(path).is_ok_and(|metadata| metadata.is_file()).then(|| File::open(path).ok());
    let Some(Some(file)) = opened else { return false };
    let mut line = Vec::new();
    let read = BufReader::new(file.take(FIRST_LINE_LIMIT)).read_until(b'\n', &mut line);
    let line = line.trim_ascii();
    read.is_ok() && line.starts_with(b"-----BEGIN ") && line.ends_with(b"PRIVATE KEY-----")
}

fn is_path(value: &OsStr) -> bool {
    let bytes = value.as_encoded_bytes();
    bytes.starts_with(b"/")
        || bytes.starts_with(b"~/")
        || bytes.starts_with(b".")
        || Path::new(value).exists()
}

fn expand_home(path: &OsStr, environment: &Environment) -> PathBuf {
    let path = Path::new(path);
    match (path.strip_prefix("~"), environment.home()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

fn explain_io(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        kind => format!("it cannot be read ({kind})"),
    }
}

/// Most entries of the ssh folder that are looked at.
const FOLDER_LIMIT: usize = 1000;

/// Longest first line of a private key in bytes.
const FIRST_LINE_LIMIT: u64 = 128;
