//! Private keys, and the texts that hold them.

use std::sync::Arc;

use ::age::armor::ArmoredReader;
use ::age::secrecy::ExposeSecret;
use ::age::{DecryptError, Decryptor, scrypt, ssh, x25519};

use super::passphrase::{Attempted, ask};
use super::recipient::Recipient;
use super::{hybrid, plugin};
use crate::keys::Run;
use crate::keys::limited::read_limited;
use crate::secret::{RandomError, SecretBytes, SecretString, SecretText};

/// One private key and where it was found.
pub(super) struct Identity {
    /// File or variable.
    pub(super) place: Arc<str>,
    /// The public half in its normal form, where it can be known.
    pub(super) public: Option<String>,
    /// The private half.
    pub(super) key: Key,
}

/// A private key, as far as it is open.
pub(super) enum Key {
    /// An X25519 key.
    Native(x25519::Identity),
    /// A post-quantum key.
    Hybrid(Box<hybrid::Identity>),
    /// A key that a plugin has, which may ask.
    Plugin(plugin::Identity),
    /// An ssh key that is open.
    Ssh(ssh::Identity),
    /// An ssh key that asks for its passphrase.
    LockedSsh(ssh::EncryptedKey),
    /// A key that this build cannot use, or whose passphrase did not come; why.
    Unusable(String),
}

impl Identity {
    /// Does `open` with the key as the age library takes it; asks for its passphrase where it must, once.
    ///
    /// # Errors
    /// Why it does not open; nothing where it turns out that the key is for something else.
    pub(super) fn open<T>(
        &mut self,
        run: &Run<'_>,
        open: impl Fn(&dyn ::age::Identity) -> Result<T, String>,
    ) -> Result<T, Option<String>> {
        if let Key::LockedSsh(locked) = &self.key {
            let opened = ask(run, &self.place, |passphrase| match locked.decrypt(passphrase) {
                Ok(key) => Attempted::Opened(key),
                Err(_) => Attempted::WrongPassphrase,
            });
            self.key = opened.map_or_else(Key::Unusable, |key| Key::Ssh(key.into()));
        }
        match &self.key {
            Key::Native(identity) => open(identity).map_err(Some),
            Key::Hybrid(identity) => open(&**identity).map_err(Some),
            Key::Ssh(identity) => open(identity).map_err(Some),
            Key::Plugin(identity) => {
                let unwrapping = plugin::Unwrapping::new(identity, run).map_err(Some)?;
                open(&unwrapping).map_err(|_| unwrapping.trouble())
            }
            Key::LockedSsh(_) => Err(Some("it is locked".to_owned())),
            Key::Unusable(why) => Err(Some(why.clone())),
        }
    }

    /// Whether the user may be asked when it is opened.
    pub(super) fn may_ask(&self) -> bool {
        matches!(self.key, Key::LockedSsh(_) | Key::Plugin(_))
    }

    /// Whether it can be the private half of a recipient. A plugin's may be that of any of its recipients: what the
    /// identity says means something to the plugin only.
    pub(super) fn fits(&self, id: &str) -> bool {
        match &self.key {
            Key::Plugin(identity) => {
                plugin::Recipient::parse(id).is_ok_and(|recipient| identity.name == recipient.name)
            }
            _ => self.public.as_deref() == Some(id),
        }
    }
}

/// A file of identities under a passphrase: an age file, binary or armored.
pub(super) struct LockedFile {
    /// File or variable.
    pub(super) place: Arc<str>,
    bytes: SecretBytes,
}

impl LockedFile {
    /// Asks for the passphrase and gives what the file holds. The work factor of scrypt is limited to 2^22, as in the
    /// reference implementation.
    pub(super) fn open(&self, run: &Run<'_>) -> Result<Contents, String> {
        let text = ask(run, &self.place, |passphrase| {
            let mut identity = scrypt::Identity::new(passphrase);
            identity.set_max_work_factor(WORK_FACTOR_LIMIT);
            let decrypted =
                Decryptor::new_buffered(ArmoredReader::new(self.bytes.expose())).and_then(|decryptor| {
                    let reader = decryptor.decrypt(std::iter::once(&identity as &dyn ::age::Identity))?;
                    Ok(read_limited(reader, SIZE_LIMIT)?)
                });
            match decrypted {
                Ok(Some(text)) => Attempted::Opened(text),
                Ok(None) => Attempted::Broken("it is too large".to_owned()),
                Err(DecryptError::DecryptionFailed | DecryptError::NoMatchingKeys) => {
                    Attempted::WrongPassphrase
                }
                Err(DecryptError::ExcessiveWork { .. }) => {
                    Attempted::Broken(format!("its work factor is above {WORK_FACTOR_LIMIT}"))
                }
                Err(_) => Attempted::Broken("it is damaged".to_owned()),
            }
        })?;
        Ok(Contents::read(&self.place, text.expose()))
    }
}

/// What a file or variable holds.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) identities: Vec<Identity>,
    pub(super) locked: Option<LockedFile>,
    /// What could not be used, each with its line.
    pub(super) problems: Vec<String>,
}

impl Contents {
    /// Reads identities: lines of `AGE-SECRET-KEY-1…` (also several on one), ssh private keys, comments; or one age
    /// file under a passphrase. Never fails as a whole, and `problems` repeats nothing of the text.
    pub(super) fn read(place: &Arc<str>, bytes: &[u8]) -> Self {
        let mut contents = Self::default();
        if bytes.trim_ascii_start().starts_with(AGE_ARMOR) || bytes.starts_with(AGE_MAGIC) {
            contents.read_locked(place, bytes);
        } else if let Ok(text) = std::str::from_utf8(bytes) {
            contents.read_text(place, text.trim_start_matches('\u{feff}'));
        } else {
            contents.problems.push("it holds no identity: it is not text".to_owned());
        }
        contents
    }

    fn read_locked(&mut self, place: &Arc<str>, bytes: &[u8]) {
        match Decryptor::new_buffered(ArmoredReader::new(bytes)) {
            Ok(decryptor) if decryptor.is_scrypt() => {
                let bytes = SecretBytes::new(bytes.to_vec());
                self.locked = Some(LockedFile { place: Arc::clone(place), bytes });
            }
            Ok(_) => {
                self.problems.push("it is encrypted to a key; only a passphrase can be asked for".to_owned());
            }
            Err(_) => self.problems.push("it is a damaged age file".to_owned()),
        }
    }

    fn read_text(&mut self, place: &Arc<str>, text: &str) {
        let mut lines = text.lines().enumerate();
        let mut commented = None;
        while let Some((index, line)) = lines.next() {
            let line = line.trim();
            if is_private_key_line(line) {
                let mut pem = SecretString::new(String::with_capacity(text.len()));
                push_line(&mut pem, line);
                for (_, line) in lines.by_ref() {
                    push_line(&mut pem, line.trim());
                    if line.trim().starts_with("-----END ") {
                        break;
                    }
                }
                match read_ssh(&pem) {
                    Ok((public, key)) => {
                        self.identities.push(Identity { place: Arc::clone(place), public, key });
                    }
                    Err(why) => self.problem(index, why),
                }
            } else if let Some(comment) = line.strip_prefix('#') {
                let recipient = comment.split_whitespace().find_map(|word| Recipient::parse(word).ok());
                commented = recipient.or(commented);
            } else if !line.is_empty() {
                line.split_whitespace()
                    .for_each(|word| self.read_word(place, index, word, commented.as_ref()));
                commented = None;
            }
        }
    }

    /// Reads one identity; `commented` is the recipient that a comment above names, as plugins write it.
    fn read_word(&mut self, place: &Arc<str>, index: usize, word: &str, commented: Option<&Recipient>) {
        let upper = SecretText::new(word.to_ascii_uppercase());
        let mut add = |public, key| self.identities.push(Identity { place: Arc::clone(place), public, key });
        if let Ok(identity) = word.parse::<x25519::Identity>() {
            add(Some(identity.to_public().to_string()), Key::Native(identity));
        } else if plugin::Identity::is_meant(&upper) {
            match (plugin::Identity::parse(word), commented) {
                (Ok(identity), Some(Recipient::Plugin(recipient))) if recipient.name == identity.name => {
                    add(Some(recipient.text.clone()), Key::Plugin(identity));
                }
                (Ok(identity), _) => add(None, Key::Plugin(identity)),
                (Err(plugin::Malformed::Name), _) => self.problem(index, "no plugin can have this name"),
                (Err(plugin::Malformed::Checksum), _) => self.problem(index, CHECKSUM),
            }
        } else if hybrid::Identity::is_meant(&upper) {
            match hybrid::Identity::parse(word) {
                Ok(identity) => add(Some(identity.to_public().to_string()), Key::Hybrid(Box::new(identity))),
                Err(hybrid::Malformed::Checksum) => self.problem(index, CHECKSUM),
                Err(_) => self.problem(index, "a post-quantum identity has 32 bytes; this one has not"),
            }
        } else if upper.starts_with("AGE-SECRET-KEY-1") {
            self.problem(index, CHECKSUM);
        } else {
            self.problem(index, "this is no identity");
        }
    }

    fn problem(&mut self, index: usize, why: &str) {
        self.problems.push(format!("line {}: {why}", index + 1));
    }
}

/// A fresh X25519 identity: the line with the private key, and the recipient.
pub(super) fn generate() -> (SecretText, String) {
    let identity = x25519::Identity::generate();
    let line = identity.to_string();
    (SecretText::from(line.expose_secret()), identity.to_public().to_string())
}

/// A fresh post-quantum identity: the line with the private key, and the recipient.
pub(super) fn generate_hybrid() -> Result<(SecretText, String), RandomError> {
    let identity = hybrid::Identity::generate()?;
    Ok((identity.to_text(), identity.to_public().to_string()))
}

/// Whether a text can only be meant as identities, not as the path of a file of them.
pub(super) fn looks_like_identities(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    let starts =
        [AGE_ARMOR, AGE_MAGIC, b"#", b"-----BEGIN ", b"AGE-SECRET-KEY-", b"age-secret-key-", b"AGE-PLUGIN-"];
    starts.iter().any(|start| bytes.starts_with(start)) || bytes.contains(&b'\n')
}

/// Whether a line opens a private key in PEM form.
fn is_private_key_line(line: &str) -> bool {
    line.starts_with("-----BEGIN ") && line.ends_with("PRIVATE KEY-----")
}

/// Reads one ssh private key: its public half where it can be known, and the key.
fn read_ssh(pem: &str) -> Result<(Option<String>, Key), &'static str> {
    let identity = ssh::Identity::from_buffer(pem.as_bytes(), None)
        .map_err(|_| "this private key is damaged, or not in a form of OpenSSH")?;
    let public = ssh::Recipient::try_from(identity.clone()).ok().map(|recipient| recipient.to_string());
    let key = match identity {
        ssh::Identity::Encrypted(locked) => Key::LockedSsh(locked),
        ssh::Identity::Unsupported(unsupported) => Key::Unusable(explain_unsupported(&unsupported)),
        opened @ ssh::Identity::Unencrypted(_) => Key::Ssh(opened),
    };
    Ok((public, key))
}

fn explain_unsupported(key: &ssh::UnsupportedKey) -> String {
    match key {
        ssh::UnsupportedKey::EncryptedPem => {
            "its file format is an old one; `ssh-keygen -o -p -f FILE` rewrites it".to_owned()
        }
        ssh::UnsupportedKey::EncryptedSsh(_) => {
            "its passphrase is used with a cipher that is not supported; `ssh-keygen -p -Z aes256-ctr -f FILE` \
             changes it"
                .to_owned()
        }
        ssh::UnsupportedKey::Hardware(_) => "it lives on a security key, which cannot decrypt".to_owned(),
        _ => "only ssh-ed25519 and ssh-rsa keys can decrypt".to_owned(),
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

const CHECKSUM: &str = "the checksum of this identity does not fit; was it copied whole?";
const AGE_ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
const AGE_MAGIC: &[u8] = b"age-encryption.org/v1";

/// Largest identity file in bytes.
pub(super) const SIZE_LIMIT: usize = 1 << 20;

/// Largest work factor of a passphrase: the logarithm of scrypt's N.
const WORK_FACTOR_LIMIT: u8 = 22;
