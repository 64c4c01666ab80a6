//! Keyrings for tests, with the machine's own gpg.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::tools::skip;

/// A home of gpg with a short path: the agent's socket lies in it.
#[derive(Debug)]
pub(crate) struct Gpg(TempDir);

impl Gpg {
    /// `None`, and a line that says so, where gpg is missing.
    pub(crate) fn new() -> Option<Self> {
        if Command::new("gpg").arg("--version").stdout(Stdio::null()).status().is_err() {
            skip("`gpg` is not installed");
            return None;
        }
        let home = Self(tempfile::Builder::new().prefix("slg").tempdir_in("/tmp").unwrap());
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Some(home)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes a key without a passphrase; gives its fingerprint.
    pub(crate) fn key(&self, name: &str, algorithm: &str) -> String {
        let usage = if algorithm.starts_with("rsa") { "cert,sign,encr" } else { "default" };
        let address = format!("{name}@example.org");
        self.run(&["--passphrase=", "--quick-generate-key", &address, algorithm, usage, "never"], b"");
        let listing = String::from_utf8(self.run(&["--with-colons", "--list-keys", &address], b"")).unwrap();
        let line = listing.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    /// Brings the public halves of another home's keys.
    pub(crate) fn import(&self, other: &Self) {
        self.run(&["--import"], &other.run(&["--export"], b""));
    }

    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("gpg")
            .args(["--batch", "--no-tty", "--quiet", "--pinentry-mode=loopback"])
            .args(arguments)
            .env("GNUPGHOME", self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.path()).status();
    }
}
