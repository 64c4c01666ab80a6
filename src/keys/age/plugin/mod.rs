//! age plugins: keys whose private half is the business of another program, such as one that speaks to a token.
//!
//! A file or a rule names only the plugin; which program that is, and whether it is started at all, is the user's to say.
//! The age library would look for it on `PATH`, hand it our whole environment and wait for it without end, so the protocol
//! (C2SP, age-plugin) is spoken here.

mod program;
mod talk;

use std::cell::RefCell;
use std::collections::HashSet;

use age_core::format::{FileKey, Stanza};
use age_core::primitives::bech32_decode;
use age_core::secrecy::ExposeSecret;

use crate::keys::Run;
use crate::secret::SecretText;
use program::Program;
use talk::{Message, Talk};

/// A recipient `age1NAME1…` in lower case.
pub(super) struct Recipient {
    /// The plugin's name.
    pub(super) name: String,
    /// The recipient itself.
    pub(super) text: String,
}

/// An identity `AGE-PLUGIN-NAME-1…`.
pub(super) struct Identity {
    /// The plugin's name.
    pub(super) name: String,
    text: SecretText,
}

/// Why a text is no plugin's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// The name has what no name has.
    Name,
    /// The checksum does not fit.
    Checksum,
}

impl Recipient {
    /// Whether a text can only be meant as one of these.
    pub(super) fn is_meant(id: &str) -> bool {
        recipient_name(id).is_some()
    }

    /// Reads `age1NAME1…`.
    pub(super) fn parse(id: &str) -> Result<Self, Malformed> {
        let name = recipient_name(id).ok_or(Malformed::Checksum)?.to_ascii_lowercase();
        check(&name, id)?;
        Ok(Self { name, text: id.to_ascii_lowercase() })
    }
}

impl Identity {
    /// Whether a text can only be meant as one of these.
    pub(super) fn is_meant(upper: &str) -> bool {
        upper.starts_with(IDENTITY)
    }

    /// Reads `AGE-PLUGIN-NAME-1…`.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        let text = SecretText::new(text.to_ascii_uppercase());
        let name = text.strip_prefix(IDENTITY).and_then(|rest| rest.rsplit_once("-1"));
        let name = name.ok_or(Malformed::Name)?.0.to_ascii_lowercase();
        check(&name, &text)?;
        Ok(Self { name, text })
    }
}

/// The name in `age1NAME1…`, whatever it is made of.
fn recipient_name(id: &str) -> Option<&str> {
    let start = id.get(..RECIPIENT.len())?;
    let rest = id.get(RECIPIENT.len()..).filter(|_| start.eq_ignore_ascii_case(RECIPIENT))?;
    rest.rsplit_once('1').map(|(name, _)| name)
}

fn check(name: &str, text: &str) -> Result<(), Malformed> {
    let is_fit = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'_')
    };
    if !name.bytes().all(is_fit) || !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Err(Malformed::Name);
    }
    bech32_decode(text, |_| Malformed::Checksum, |_| Ok(()), |_, _| Ok(()))
}

/// A recipient whose plugin may be started.
pub(super) struct Wrapping<'a> {
    recipient: &'a Recipient,
    program: Program,
    run: &'a Run<'a>,
}

impl<'a> Wrapping<'a> {
    /// # Errors
    /// Why the plugin is not started.
    pub(super) fn new(recipient: &'a Recipient, run: &'a Run<'a>) -> Result<Self, String> {
        Ok(Self { recipient, program: Program::allowed(&recipient.name, run)?, run })
    }

    fn wrap(&self, file_key: &FileKey) -> Result<Vec<Stanza>, String> {
        let mut talk = Talk::start(&self.program, "recipient-v1", self.run)?;
        talk.send("add-recipient", &[&self.recipient.text], &[]);
        talk.send("wrap-file-key", &[], file_key.expose_secret());
        talk.send("done", &[], &[]);
        let (mut stanzas, mut problems) = (Vec::new(), Vec::new());
        while let Some(Message { tag, args, body }) = talk.next()? {
            match (tag.as_str(), args.as_slice()) {
                ("recipient-stanza", [file, kind, rest @ ..])
                    if file == "0" && stanzas.len() < STANZA_LIMIT =>
                {
                    stanzas.push(Stanza { tag: kind.clone(), args: rest.to_vec(), body: body.to_vec() });
                    talk.send("ok", &[], &[]);
                }
                ("recipient-stanza", _) => return Err("it gave a stanza that was not asked for".to_owned()),
                _ => talk.answer(&tag, &args, &body, &mut problems),
            }
        }
        match (stanzas.is_empty(), problems.is_empty()) {
            (false, true) => Ok(stanzas),
            (_, false) => Err(format!("it says: {}", problems.join("; "))),
            (true, true) => Err("it gave nothing".to_owned()),
        }
    }
}

impl ::age::Recipient for Wrapping<'_> {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), ::age::EncryptError> {
        match self.wrap(file_key) {
            Ok(stanzas) => Ok((stanzas, HashSet::new())),
            Err(why) => Err(std::io::Error::other(self.program.says(&why)).into()),
        }
    }
}

/// An identity whose plugin may be started.
pub(super) struct Unwrapping<'a> {
    identity: &'a Identity,
    program: Program,
    run: &'a Run<'a>,
    trouble: RefCell<Option<String>>,
}

impl<'a> Unwrapping<'a> {
    /// # Errors
    /// Why the plugin is not started.
    pub(super) fn new(identity: &'a Identity, run: &'a Run<'a>) -> Result<Self, String> {
        let program = Program::allowed(&identity.name, run)?;
        if !run.prompt.may_programs_ask() {
            // It would wait for a token to be touched, and cannot be told not to.
            return Err(program.says("it may have to ask, and here nobody is asked"));
        }
        Ok(Self { identity, program, run, trouble: RefCell::default() })
    }

    /// What went wrong; nothing where the plugin has no key for the file.
    pub(super) fn trouble(self) -> Option<String> {
        self.trouble.into_inner()
    }

    fn unwrap(&self, stanzas: &[Stanza]) -> Result<Option<FileKey>, String> {
        let mut talk = Talk::start(&self.program, "identity-v1", self.run)?;
        talk.send("add-identity", &[&self.identity.text], &[]);
        for stanza in stanzas {
            let mut args = vec!["0", stanza.tag.as_str()];
            args.extend(stanza.args.iter().map(String::as_str));
            talk.send("recipient-stanza", &args, &stanza.body);
        }
        talk.send("done", &[], &[]);
        let (mut file_key, mut problems) = (None, Vec::new());
        while let Some(Message { tag, args, body }) = talk.next()? {
            match (tag.as_str(), args.as_slice()) {
                ("file-key", [file]) if file == "0" && file_key.is_none() => {
                    file_key = Some(FileKey::try_init_with_mut(|file_key| {
                        let body = body.get(..).filter(|body| body.len() == file_key.len());
                        file_key.copy_from_slice(body.ok_or("it gave a key of the wrong length")?);
                        Ok::<(), &str>(())
                    })?);
                    talk.send("ok", &[], &[]);
                }
                ("file-key", _) => return Err("it gave a key that was not asked for".to_owned()),
                _ => talk.answer(&tag, &args, &body, &mut problems),
            }
        }
        match file_key {
            None if !problems.is_empty() => Err(format!("it says: {}", problems.join("; "))),
            file_key => Ok(file_key),
        }
    }
}

impl ::age::Identity for Unwrapping<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, ::age::DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, ::age::DecryptError>> {
        self.unwrap(stanzas).map_err(|why| self.trouble.replace(Some(self.program.says(&why)))).ok()?.map(Ok)
    }
}

const RECIPIENT: &str = "age1";
const IDENTITY: &str = "AGE-PLUGIN-";

/// Most stanzas for one recipient.
const STANZA_LIMIT: usize = 16;

#[cfg(test)]
mod tests;
