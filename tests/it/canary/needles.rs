//! Planted values, and everything that would give one away: the value itself, its encodings, its digests.

use std::fmt::Write;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256, Sha512};

/// What must not be found anywhere, and what it is.
pub(super) struct Needles(Vec<(String, String)>);

impl Needles {
    /// The forms of these values.
    pub(super) fn of(values: &[&str]) -> Self {
        let mut all: Vec<(String, String)> = Vec::new();
        for value in values {
            let bytes = value.as_bytes();
            let mut add = |what: &str, text: String| all.push((format!("{what} of `{value}`"), text));
            add("the text", (*value).to_owned());
            for skipped in 0..3 {
                for (what, engine) in [("base64", &STANDARD_NO_PAD), ("base64url", &URL_SAFE_NO_PAD)] {
                    add(what, inner_base64(bytes, skipped, engine));
                }
            }
            for (what, digest) in [
                ("hex", bytes.to_vec()),
                ("SHA-256", Sha256::digest(bytes).to_vec()),
                ("SHA-512", Sha512::digest(bytes).to_vec()),
                ("SHA-1", sha_1(bytes)),
            ] {
                add(what, hex(&digest));
                add(what, hex(&digest).to_uppercase());
                if what != "hex" {
                    add(&format!("{what} in base64"), STANDARD_NO_PAD.encode(&digest));
                    add(&format!("{what} in base64url"), URL_SAFE_NO_PAD.encode(&digest));
                }
            }
        }
        Self(all)
    }

    /// What is found in these bytes.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<&str> {
        let text = String::from_utf8_lossy(bytes);
        self.0.iter().find(|(_, needle)| text.contains(needle)).map(|(what, _)| what.as_str())
    }

    /// The files below a folder that hold something, by name or content, but for those that `known` knows.
    pub(super) fn below(&self, folder: &Path, known: impl Fn(&Path, &[u8]) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        for entry in walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap) {
            let path: PathBuf = entry.path().to_owned();
            let bytes = if entry.file_type().is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            let name = self.find(path.as_os_str().as_encoded_bytes());
            if let Some(what) = name.or_else(|| self.find(&bytes).filter(|_| !known(&path, &bytes))) {
                found.push(format!("{}: {what}", path.display()));
            }
        }
        found
    }
}

/// The characters that are the same wherever the value stands in an encoded text, `skipped` bytes behind a multiple of
/// three.
fn inner_base64(bytes: &[u8], skipped: usize, engine: &impl Engine) -> String {
    let mut padded = vec![0; skipped];
    padded.extend_from_slice(bytes);
    padded.truncate(padded.len() / 3 * 3);
    let text = engine.encode(&padded);
    text[if skipped == 0 { 0 } else { 4 }..].to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// By the machine's own program: the project needs it nowhere else.
fn sha_1(bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new("sha1sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (0..20).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

#[test]
fn every_form_is_found() {
    let needles = Needles::of(&["a value of some length"]);
    for (text, found) in [
        ("nothing", None),
        ("see: a value of some length.", Some("the text of `a value of some length`")),
        ("YSB2YWx1ZSBvZiBzb21lIGxlbmd0aA==", Some("base64 of `a value of some length`")),
        // With one, and with two bytes in front.
        ("eGEgdmFsdWUgb2Ygc29tZSBsZW5ndGg=", Some("base64 of `a value of some length`")),
        ("eHhhIHZhbHVlIG9mIHNvbWUgbGVuZ3Ro", Some("base64 of `a value of some length`")),
        ("612076616c7565206f6620736f6d65206c656e677468", Some("hex of `a value of some length`")),
    ] {
        assert_eq!(needles.find(text.as_bytes()), found, "{text}");
    }
    let digest = hex(&Sha256::digest(b"a value of some length"));
    assert_eq!(needles.find(digest.as_bytes()), Some("SHA-256 of `a value of some length`"));
}
