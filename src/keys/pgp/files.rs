//! Keys in files that the user names, for machines without gpg. No program is started for them.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use pgp::composed::{
    DecryptionOptions, Deserializable, Message as PgpMessage, MessageBuilder, SignedPublicKey,
    SignedSecretKey, TheRing,
};
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::types::{KeyDetails, KeyVersion, Password};
use rand_core::{CryptoRng, RngCore};

use super::id::Id;
use super::message::Message;
use super::usable;
use super::{Answer, SECRET_LIMIT, lock};
use crate::keys::limited::read_limited;
use crate::keys::programs::{is_inside, repository};
use crate::keys::{Environment, Run, WRAP_LIMIT};
use crate::secret::{SecretBytes, SecretText, fill_random};

/// Wraps for a key of those files; `gpg` says why gpg does not do it.
///
/// # Errors
/// What was tried, and why nothing does it.
pub(super) fn wrap(id: &Id, secret: &SecretBytes, run: &Run<'_>, gpg: &str) -> Result<Vec<u8>, String> {
    let files = Files::of(run);
    if files.public.is_empty() {
        return Err(format!("{gpg}; or name a file that holds it in {PUBLIC}"));
    }
    let mut tried = vec![gpg.to_owned()];
    for file in &files.public {
        let found = match &file.keys {
            Ok(keys) => keys.iter().find_map(|key| usable::find(key, id, SystemTime::now())),
            Err(why) => {
                tried.push(format!("`{}`: {why}", file.place));
                continue;
            }
        };
        match found {
            Some(Ok(key)) => return seal(&key, secret).map_err(|why| format!("`{}`: {why}", file.place)),
            Some(Err(why)) => tried.push(format!("`{}`: {why}", file.place)),
            None => tried.push(format!("`{}` has no such key", file.place)),
        }
    }
    Err(tried.join("; "))
}

/// Opens a wrap with a private key of those files; nothing where no file is named.
pub(super) fn unwrap(message: &Message, wrapped: &[u8], run: &Run<'_>) -> Option<Answer> {
    let files = Files::of(run);
    if files.secret.is_empty() {
        return None;
    }
    let mut tried = Vec::new();
    // Held while the user may be asked, so that nobody is asked twice.
    let mut passphrases = lock(&files.passphrases);
    for file in &files.secret {
        let keys = match &file.keys {
            Ok(keys) => keys,
            Err(why) => {
                tried.push(format!("`{}`: {why}", file.place));
                continue;
            }
        };
        let Some(key) = keys.iter().find(|key| is_for(message, key)) else {
            tried.push(format!("`{}` has no private key for it", file.place));
            continue;
        };
        let what = format!("PGP key {:X} in {}", key.fingerprint(), file.place);
        let passphrase = match passphrase(key, message, &what, passphrases.get(&what), run) {
            Ok(passphrase) => passphrase,
            Err(why) => return Some(Answer::Locked(format!("{what}: {why}"))),
        };
        let opened = open(key, &passphrase, wrapped);
        passphrases.insert(what.clone(), passphrase);
        return Some(match opened {
            Ok(secret) => Answer::Opened(secret),
            Err(why) => Answer::Failed(format!("{what} fits, but {why}")),
        });
    }
    Some(Answer::NotMine(tried.join("; ")))
}

/// Whether a variable or the settings name files of private keys.
struct Files {
    public: Vec<KeyFile<SignedPublicKey>>,
    secret: Vec<KeyFile<SignedSecretKey>>,
    /// Those that were right, by the key that they are for.
    passphrases: Mutex<HashMap<String, SecretText>>,
}

struct KeyFile<K> {
    place: String,
    keys: Result<Vec<K>, String>,
}

impl Files {
    fn of(run: &Run<'_>) -> Arc<Self> {
        run.shared("pgp files", || {
            let settings = &run.settings.pgp;
            Self {
                public: read_all(PUBLIC, &settings.public_keys, run.environment, false),
                secret: read_all(SECRET, &settings.secret_keys, run.environment, true),
                passphrases: Mutex::default(),
            }
        })
    }
}

fn read_all<K: Deserializable>(
    variable: &str,
    settings: &[PathBuf],
    environment: &Environment,
    secret: bool,
) -> Vec<KeyFile<K>> {
    let named = environment.os(variable).map(|paths| std::env::split_paths(paths).collect::<Vec<_>>());
    let paths = named.unwrap_or_else(|| settings.to_vec());
    let paths = paths.iter().filter(|path| !path.as_os_str().is_empty());
    let read = |path: &PathBuf| {
        let path = match (path.strip_prefix("~"), environment.home()) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path.clone(),
        };
        KeyFile { place: path.display().to_string(), keys: read(&path, secret) }
    };
    paths.map(read).collect()
}

fn read<K: Deserializable>(path: &Path, secret: bool) -> Result<Vec<K>, String> {
    if !path.is_absolute() {
        return Err("it must be named by its whole path".to_owned());
    }
    let working = std::env::current_dir().ok();
    if secret && is_inside(path, working.as_deref().and_then(repository).as_deref()) {
        return Err("a private key inside the repository is not used".to_owned());
    }
    let file = File::open(path).map_err(|error| format!("it cannot be read ({})", error.kind()))?;
    let bytes =
        read_limited(file, FILE_LIMIT).map_err(|error| format!("it cannot be read ({})", error.kind()))?;
    let bytes = bytes.ok_or_else(|| format!("it is larger than {FILE_LIMIT} bytes"))?;
    let keys: Vec<K> = blocks(bytes.expose()).into_iter().flat_map(parse).collect();
    match keys.is_empty() {
        true if secret => Err("it holds no private key that can be read".to_owned()),
        true => Err("it holds no public key that can be read".to_owned()),
        false => Ok(keys),
    }
}

/// The keys of one block; what is no key is passed over.
fn parse<K: Deserializable>(block: &[u8]) -> Vec<K> {
    let parsed = if block.starts_with(ARMOR) {
        K::from_armor_many_buf(block).map(|(keys, _)| keys)
    } else {
        K::from_bytes_many(block)
    };
    parsed.map(|keys| keys.flatten().collect()).unwrap_or_default()
}

/// The armored blocks of a text; bytes as they are.
fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    let Ok(text) = std::str::from_utf8(bytes) else { return vec![bytes] };
    let starts: Vec<usize> = text.match_indices("-----BEGIN PGP ").map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts.iter().zip(ends).filter_map(|(start, end)| bytes.get(*start..end)).collect()
}

fn seal(key: &usable::Key<'_>, secret: &SecretBytes) -> Result<Vec<u8>, String> {
    if key.version() != KeyVersion::V4 {
        return Err("only keys of version 4 are used without gpg".to_owned());
    }
    let mut random = Random { failed: false };
    let mut builder =
        MessageBuilder::from_reader("", secret.expose()).seipd_v1(&mut random, SymmetricKeyAlgorithm::AES256);
    let sealed = match key {
        usable::Key::Primary(key) => builder.encrypt_to_key(&mut random, key).map(drop),
        usable::Key::Sub(key) => builder.encrypt_to_key(&mut random, key).map(drop),
    };
    sealed.map_err(|_| "a key of its type cannot be wrapped for without gpg".to_owned())?;
    let wrapped = builder.to_vec(&mut random).map_err(|_| "wrapping failed".to_owned())?;
    if random.failed {
        return Err("the operating system gives no random bytes".to_owned());
    }
    match Message::read(&wrapped) {
        Ok(message) if message.keys == [key.number()] && wrapped.len() <= WRAP_LIMIT => Ok(wrapped),
        _ => Err("wrapping failed".to_owned()),
    }
}

fn open(key: &SignedSecretKey, passphrase: &SecretText, wrapped: &[u8]) -> Result<SecretBytes, &'static str> {
    let password = Password::from(passphrase.as_str());
    let ring = TheRing {
        secret_keys: vec![key],
        key_passwords: vec![&password],
        decrypt_options: DecryptionOptions::new().enable_gnupg_aead(),
        ..TheRing::default()
    };
    let message = PgpMessage::from_bytes(wrapped).map_err(|_| DAMAGED)?;
    let (mut message, _) = message.decrypt_the_ring(ring, true).map_err(|_| DAMAGED)?;
    if message.is_compressed() {
        message = message.decompress().map_err(|_| DAMAGED)?;
    }
    if !message.is_literal() {
        return Err("the wrap holds something else than a key");
    }
    let secret = read_limited(&mut message, SECRET_LIMIT).map_err(|_| DAMAGED)?;
    secret.filter(|secret| !secret.expose().is_empty()).ok_or("the wrap holds too much, or nothing")
}

/// The passphrase that opens the parts of a key that a wrap is for; asked for where there is one, three times at most.
fn passphrase(
    key: &SignedSecretKey,
    message: &Message,
    what: &str,
    known: Option<&SecretText>,
    run: &Run<'_>,
) -> Result<SecretText, String> {
    if let Some(known) = known {
        return Ok(known.clone());
    }
    let empty = SecretText::from("");
    match unlocks(key, message, &empty) {
        Unlocked::Yes => return Ok(empty),
        Unlocked::Never => return Err("the private key is not in the file".to_owned()),
        Unlocked::No => {}
    }
    for round in 1..=TRIES {
        let what = match round {
            1 => what.to_owned(),
            _ => format!("{what} (that was wrong; try {round} of {TRIES})"),
        };
        let answer = run.prompt.passphrase(&what);
        let answer = answer.map_err(|error| format!("it has a passphrase, and {error}"))?;
        if matches!(unlocks(key, message, &answer), Unlocked::Yes) {
            return Ok(answer);
        }
    }
    Err("the passphrase is wrong".to_owned())
}

enum Unlocked {
    Yes,
    No,
    /// What has a passphrase there is no key.
    Never,
}

fn unlocks(key: &SignedSecretKey, message: &Message, passphrase: &SecretText) -> Unlocked {
    let password = Password::from(passphrase.as_str());
    let mut unlocked = Unlocked::Never;
    let mut see = |locked: bool, opens: bool| {
        unlocked = if opens {
            Unlocked::Yes
        } else if locked {
            Unlocked::No
        } else {
            Unlocked::Never
        };
    };
    let primary = &key.primary_key;
    if names(message, number(primary)) {
        let opens = primary.unlock(&password, |_, _| Ok(())).is_ok_and(|inner| inner.is_ok());
        see(primary.secret_params().is_encrypted(), opens);
    }
    for part in key.secret_subkeys.iter().filter(|part| names(message, number(&part.key))) {
        let opens = part.key.unlock(&password, |_, _| Ok(())).is_ok_and(|inner| inner.is_ok());
        see(part.key.secret_params().is_encrypted(), opens);
    }
    unlocked
}

/// Whether a wrap is for a part of that key. One that does not say for whom it is is gpg's business.
fn is_for(message: &Message, key: &SignedSecretKey) -> bool {
    names(message, number(&key.primary_key))
        || key.secret_subkeys.iter().any(|part| names(message, number(&part.key)))
}

fn names(message: &Message, number: u64) -> bool {
    number != 0 && message.keys.contains(&number)
}

/// A key's long id as a number.
pub(super) fn number(key: &impl KeyDetails) -> u64 {
    key.legacy_key_id().as_ref().try_into().map_or(0, u64::from_be_bytes)
}

/// The operating system's random bytes, which may fail to come: then nothing that was made with them is used.
struct Random {
    failed: bool,
}

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.failed |= fill_random(dest).is_err();
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Random {}

/// Variables that name files, as `PATH` names folders.
const PUBLIC: &str = "SEALEAF_PGP_PUBLIC_KEYS";
const SECRET: &str = "SEALEAF_PGP_SECRET_KEYS";

const ARMOR: &[u8] = b"-----BEGIN PGP ";

/// Largest file of keys in bytes.
const FILE_LIMIT: usize = 16 << 20;
const TRIES: usize = 3;
const DAMAGED: &str = "the wrap is damaged";
