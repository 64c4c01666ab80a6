//! Tests of the whole library path.
#![cfg(feature = "age")]

mod attacks;
mod bugs;
mod bytes;
mod edits;
mod groups;
mod merges;
mod path;
mod random;
mod records;
mod sweep;

use crate::envelope::native::State;
use crate::file::{FileError, Next, OpenFile, SealedFile, SealedText, Sealing, parse, seal};
use crate::format::{Format, Limits, by_name};
use crate::keys::{Environment, KeyRef, Keyring, NoPrompt, Recipient, Run, age};
use crate::policy::{Cleartext, Comments, Policy, Selection};

/// A user with one identity.
struct User {
    environment: Environment,
    recipient: Recipient,
}

impl User {
    fn new(name: &str) -> Self {
        let identity = age::generate("2026-01-01T00:00:00Z").unwrap();
        let key = KeyRef { kind: "age".to_owned(), id: identity.recipient, context: Default::default() };
        Self {
            environment: [("SEALEAF_IDENTITY", identity.text.as_str())].into_iter().collect(),
            recipient: Recipient { key, name: name.to_owned(), break_glass: false },
        }
    }

    /// Somebody who has the keys of all of them.
    fn together(users: &[&Self]) -> Self {
        let identities = users.iter().filter_map(|user| user.environment.text("SEALEAF_IDENTITY"));
        let all: Vec<&str> = identities.collect();
        let recipient = Self::new("nobody").recipient;
        Self { environment: [("SEALEAF_IDENTITY", all.join("\n"))].into_iter().collect(), recipient }
    }

    fn with<T>(&self, act: impl FnOnce(&Keyring<'_>) -> T) -> T {
        act(&Keyring::new(&Run::new(&self.environment, &NoPrompt)))
    }

    fn seal(&self, text: &str, format: &dyn Format, policy: Policy) -> SealedText {
        let limits = Limits::default();
        let recipients = [self.recipient.clone()];
        let sealing = Sealing {
            policy,
            access: recipients.to_vec().into(),
            allow_no_secrets: true,
            allow_comments: true,
        };
        let document = parse(text, format, &limits).unwrap();
        self.with(|keyring| seal(document, format, &sealing, keyring, &limits)).unwrap()
    }

    fn open(&self, text: &str, format: &'static dyn Format) -> OpenFile {
        let file = SealedFile::parse(text, format, &Limits::default()).unwrap();
        self.with(|keyring| file.open(keyring, &Limits::default())).unwrap()
    }

    fn refused(&self, text: &str, format: &'static dyn Format) -> bool {
        match SealedFile::parse(text, format, &Limits::default()) {
            Ok(file) => self.with(|keyring| file.open(keyring, &Limits::default())).is_err(),
            Err(_) => true,
        }
    }

    fn edit(&self, open: &OpenFile, plain: &str) -> String {
        let plain = parse(plain, open.sealed_file().format(), &Limits::default()).unwrap();
        let next =
            Next { plain: Some(plain), allow_no_secrets: true, allow_comments: true, ..Next::default() };
        let change = self.with(|keyring| open.next(next, keyring, &Limits::default())).unwrap();
        change.sealed.text.to_string()
    }
}

/// A sealed YAML file, opened by that user.
fn opened_by(user: &User, text: &str) -> Result<OpenFile, FileError> {
    let limits = Limits::default();
    let file = SealedFile::parse(text, by_name("yaml").ok_or(FileError::NotSealed)?, &limits)?;
    user.with(|keyring| file.open(keyring, &limits))
}

const JSON: &str = "{\n  \"host\": \"db.prod\",\n  \"users\": [\n    {\"name\": \"a\", \"pass\": \"s3cret one\"},\n    {\"name\": \"b\", \"pass\": \"\"}\n  ],\n  \"port\": 5432,\n  \"empty\": {},\n  \"on\": true,\n  \"none\": null\n}\n";
const TOML: &str = "host = \"db.prod\" # where\nport = 5432\n\n[[users]]\nname = \"a\"\npass = 's3cret one'\n\n[[users]]\nname = \"b\"\npass = \"\"\nnotes = \"\"\"\nx\n  y\n\"\"\"\n";
const YAML: &str = "# head\nhost: db.prod # where\nport: 5432\nusers:\n  - name: a\n    pass: 's3cret one'\n  - name: b\n    pass: \"\"\n    key: |2- # why\n        x\n      y\n\non: yes\nempty: {}\nnone: ~\n";

const INI: &str = "; head\nhost = db.prod\nport=5432\n\n[users] # who\nname = a\npass = \"s3cret one\"\n\n[users]\nname: b\npass =\nnotes = x\n  y\n\n[on]\nyes\n[empty]\n";
const DOTENV: &str = "# head\nhost=db.prod\nexport port = 5432\nusers='a' # who\n\npass=\"s3cret one\"\npass=\nnotes='x\n  y'\n";

fn samples() -> Vec<(&'static dyn Format, &'static str)> {
    [("json", JSON), ("toml", TOML), ("yaml", YAML), ("ini", INI), ("dotenv", DOTENV)]
        .into_iter()
        .filter_map(|(name, text)| Some((by_name(name)?, text)))
        .collect()
}

fn changed_lines(a: &str, b: &str) -> usize {
    assert_eq!(a.lines().count(), b.lines().count());
    a.lines().zip(b.lines()).filter(|(a, b)| a != b).count()
}

fn policies() -> Vec<Policy> {
    vec![
        Policy::default(),
        Policy { selection: only(&["**.pass"], &[]), ..Policy::default() },
        Policy {
            selection: only(&["**"], &["host", "port"]),
            cleartext: Cleartext::Free,
            ..Policy::default()
        },
        Policy {
            selection: only(&["users"], &[]),
            comments: Comments::Encrypt,
            scope: "prod".to_owned(),
            ..Policy::default()
        },
    ]
}

/// The selection of those patterns.
fn only(encrypt: &[&str], clear: &[&str]) -> Selection {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Selection::parse(&list(encrypt), &list(clear)).unwrap()
}

/// What opening gives: the state and the plaintext, or why not.
fn opened(user: &User, text: &str, format: &'static dyn Format) -> Result<(State, String), FileError> {
    let limits = Limits::default();
    let file = SealedFile::parse(text, format, &limits)?;
    let open = user.with(|keyring| file.open(keyring, &limits))?;
    Ok((open.state(), open.plain().source.to_string()))
}

/// A file whose values below a key `pw` are secret.
fn passwords() -> Policy {
    Policy { selection: only(&["**.pw"], &[]), ..Policy::default() }
}

/// The tokens of a text in order.
fn tokens(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let token = |(at, _): (usize, &str)| {
        let rest = &text[at..];
        &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())]
    };
    text.match_indices("sealed.v1.").map(token).collect()
}

/// The value and the tail of a token.
fn halves(token: &str) -> (&str, &str) {
    token.rsplit_once('.').unwrap()
}

/// A text with two pieces exchanged.
fn swapped(text: &str, one: &str, two: &str) -> String {
    assert!(one != two && text.contains(one) && text.contains(two), "{one} and {two} in\n{text}");
    text.replace(one, "\u{1}").replace(two, one).replace('\u{1}', two)
}
