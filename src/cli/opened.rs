//! A file that was opened, in whichever envelope it came.

use std::path::Path;

use sealeaf::document::Document;
use sealeaf::envelope::sops::SopsError;
use sealeaf::file::sops::{self, OpenSops, SopsFile};
use sealeaf::file::{FileError, Next, OpenFile, SealedText};
use sealeaf::keys::Recipient;

use super::context::Context;
use super::escape;
use super::input::Input;
use super::keygen::now;
use super::report::{Context as _, Kind, Report, plural};
use super::session::{Linked, Session, same_keys};

/// An opened file.
pub(crate) enum Opened {
    /// Of this program's own envelope.
    Native(Box<OpenFile>),
    /// Of SOPS'.
    Sops(Box<OpenSops>),
}

impl Opened {
    /// Reads and opens a sealed file of either envelope.
    pub(crate) fn read(
        input: &Input,
        path: Option<&Path>,
        linked: Linked,
        session: &Session<'_>,
    ) -> Result<Self, Report> {
        let shown = input.source.shown();
        match SopsFile::parse(&input.text, input.format, &session.context.limits) {
            Ok(file) => {
                let open = file.open(&session.keyring(), &session.context.limits).at(shown)?;
                for warning in sealeaf::keys::age::warnings(session.run()) {
                    session.once(warning);
                }
                let left = open.sealed_comments();
                if let Some(line) = left.first() {
                    let count = plural(left.len(), "comment", "comments");
                    session.context.warn(format!(
                        "{}: {count} cannot be opened where they stand, and stay encrypted; the first in line {line}",
                        escape::path(shown)
                    ));
                }
                Ok(Self::Sops(Box::new(open)))
            }
            Err(FileError::Sops(SopsError::NotSealed) | FileError::Parse(_)) => {
                Ok(Self::Native(Box::new(session.open(input, path, linked)?)))
            }
            Err(error) => Err(Report::from(error).at(shown)),
        }
    }

    /// The opened text, parsed.
    pub(crate) fn plain(&self) -> &Document {
        match self {
            Self::Native(open) => open.plain(),
            Self::Sops(open) => open.plain(),
        }
    }

    /// What must hold before a version is written over it.
    pub(crate) fn check_write(&self, path: &Path, session: &Session<'_>) -> Result<(), Report> {
        match self {
            Self::Native(open) => {
                session.check_write(open, path)?;
                session.check_linked(open, path)
            }
            Self::Sops(_) => Ok(()),
        }
    }

    /// Seals another text as the version after it.
    pub(crate) fn next(
        &self,
        plain: Document,
        allow_no_secrets: bool,
        allow_comments: bool,
        session: &Session<'_>,
    ) -> Result<SealedText, Report> {
        let context = session.context;
        match self {
            Self::Native(open) => {
                let plain = Some(plain);
                let next = Next { plain, allow_no_secrets, allow_comments, ..Next::default() };
                Ok(open.next(next, &session.keyring(), &context.limits)?.sealed)
            }
            Self::Sops(open) => {
                let now = now();
                let next =
                    sops::Next { plain: Some(plain), now: &now, allow_no_secrets, ..sops::Next::default() };
                Ok(text(open.next(next, &session.keyring(), &context.limits)?.sealed, context))
            }
        }
    }
}

/// Whether a text is a SOPS file.
pub(crate) fn is_sops(input: &Input, context: &Context) -> bool {
    SopsFile::is_sealed(&input.text, input.format, &context.limits).unwrap_or_default()
}

/// Seals a plain text as a SOPS file.
pub(crate) fn seal_as_sops(
    plain: Document,
    input: &Input,
    recipients: &[Recipient],
    allow_no_secrets: bool,
    session: &Session<'_>,
) -> Result<SealedText, Report> {
    let (now, groups) = (now(), [recipients.to_vec()]);
    let sealing = sops::Sealing {
        selector: None,
        mac_only_encrypted: false,
        groups: &groups,
        threshold: 0,
        now: &now,
        version: VERSION,
        allow_no_secrets,
    };
    let limits = &session.context.limits;
    let sealed = sops::seal(plain, input.format, &sealing, &session.keyring(), limits)?;
    Ok(text(sealed, session.context))
}

/// A new data key, for the recipients of the file's rule: those in the file are not authenticated.
pub(crate) fn rotate_sops(open: &OpenSops, path: &Path, session: &Session<'_>) -> Result<SealedText, Report> {
    let ruling = session.required_ruling(path)?;
    let own = open.sealed_file().recipients();
    if own.len() != 1 || !same_keys(own.iter().flatten(), &ruling.rule.recipients) {
        let message = "the file's recipients are not those of its rule, and nothing else vouches for them";
        return Err(Report::message(Kind::Refused, message).hint("compare them with `sealeaf status`"));
    }
    let (now, groups) = (now(), [ruling.rule.recipients.clone()]);
    let next = sops::Next {
        groups: Some(&groups),
        rotate: true,
        now: &now,
        allow_no_secrets: true,
        ..sops::Next::default()
    };
    let change = open.next(next, &session.keyring(), &session.context.limits)?;
    Ok(text(change.sealed, session.context))
}

fn text(sealed: sops::Sealed, context: &Context) -> SealedText {
    if !sealed.exact {
        context.note(
            "SOPS keeps values and not how they are written: some numbers, dates or escapes come back in another form",
        );
    }
    SealedText { text: sealed.text, leaves: sealed.leaves, sealed: sealed.sealed, fresh: sealed.fresh }
}

/// The version of SOPS whose layout is written.
const VERSION: &str = "3.11.0";
