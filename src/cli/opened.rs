//! A file that was opened, in whichever envelope it came.

use std::path::Path;

use sealeaf::document::Document;
use sealeaf::envelope::sops::{By, Selector, SopsError};
use sealeaf::file::sops::{self, OpenSops, SopsFile};
use sealeaf::file::{FileError, Next, OpenFile, SealedText};
use sealeaf::format::Format;
use sealeaf::keys::{KeyRef, Recipient};

use super::context::Context;
use super::escape;
use super::governing::{NOTHING, SopsRuling, is_same_key};
use super::input::Input;
use super::keygen::now;
use super::report::{Context as _, Kind, Report, plural};
use super::session::{Linked, Session};

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
        match SopsFile::read(input.text.clone(), input.format, &session.context.limits) {
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

    /// What reads and changes the opened text, in a file of that format.
    pub(crate) fn format(&self, format: &'static dyn Format) -> &'static dyn Format {
        match self {
            Self::Native(_) => format,
            Self::Sops(open) => open.sealed_file().format(),
        }
    }

    /// What must hold before a version is written over it. `accept` takes the recipients that a SOPS file names itself.
    pub(crate) fn check_write(&self, path: &Path, accept: bool, session: &Session<'_>) -> Result<(), Report> {
        match self {
            Self::Native(open) => {
                session.check_write(open, path)?;
                session.check_linked(open, path)
            }
            Self::Sops(open) => check_sops(open.sealed_file(), path, accept, session),
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

/// How a plain text becomes a SOPS file.
pub(crate) struct AsSops<'a> {
    /// Who can open it, and which values are encrypted.
    pub(crate) rule: &'a SopsRuling,
    /// Whether a file in which nothing is encrypted is accepted.
    pub(crate) allow_no_secrets: bool,
}

impl AsSops<'_> {
    /// Seals a plain text under a new data key.
    pub(crate) fn seal(
        &self,
        plain: Document,
        format: &'static dyn Format,
        session: &Session<'_>,
    ) -> Result<SealedText, Report> {
        self.rule.ensure_wrappable()?;
        let now = now();
        let sealing = sops::Sealing {
            selector: self.rule.selector.clone(),
            mac_only_encrypted: self.rule.mac_only_encrypted,
            groups: &self.rule.groups,
            threshold: self.rule.threshold,
            now: &now,
            version: VERSION,
            allow_no_secrets: self.allow_no_secrets,
        };
        let sealed = sops::seal(plain, format, &sealing, &session.keyring(), &session.context.limits)?;
        Ok(text(sealed, session.context))
    }

    /// Seals a plain text as the version after one that was opened.
    pub(crate) fn next(
        &self,
        plain: Document,
        before: &OpenSops,
        session: &Session<'_>,
    ) -> Result<SealedText, Report> {
        Ok(bring(before, self.rule, Some(plain), self.allow_no_secrets, session)?.0)
    }
}

/// The next version of a SOPS file, as its rule says. Tells who is gone, and whether the data key is new.
pub(crate) fn bring(
    open: &OpenSops,
    rule: &SopsRuling,
    plain: Option<Document>,
    allow_no_secrets: bool,
    session: &Session<'_>,
) -> Result<(SealedText, Vec<Recipient>, bool), Report> {
    let file = open.sealed_file();
    let groups = rule.groups_for(file);
    let there: Vec<KeyRef> = file.recipients().into_iter().flatten().map(|recipient| recipient.key).collect();
    let stays = |(own, then): (&Vec<Recipient>, &Vec<Recipient>)| {
        then.iter().all(|old| own.iter().any(|new| new.key == old.key))
    };
    let before = file.recipients();
    // Whoever could open it with fewer keys, or with others, has the old data key.
    let keeps_key = groups.len() == before.len()
        && groups.iter().zip(&before).all(stays)
        && (groups.len() == 1 || rule.needed() == file.metadata().needed());
    // In one group the wraps of those who stay are kept as they are.
    let keeps = groups.len() == 1 && keeps_key;
    rule.ensure_wrappable_but(|key| keeps && there.iter().any(|own| is_same_key(own, key)))?;
    let now = now();
    let next = sops::Next {
        plain,
        selector: rule.selector.clone().filter(|selector| *selector != file.metadata().selector),
        mac_only_encrypted: rule.mac_only_encrypted.then_some(true),
        groups: Some(&groups),
        threshold: rule.threshold,
        rotate: !keeps_key,
        now: &now,
        allow_no_secrets,
    };
    let change = open.next(next, &session.keyring(), &session.context.limits)?;
    Ok((text(change.sealed, session.context), change.removed, change.rotated))
}

/// A new data key, for the recipients of the file's rule: those in the file are not authenticated. With `accept` for those
/// that the file names, of whose groups as many are needed as the rule says.
pub(crate) fn rotate_sops(
    open: &OpenSops,
    path: &Path,
    accept: bool,
    session: &Session<'_>,
) -> Result<SealedText, Report> {
    let file = open.sealed_file();
    let rule = session.governing(path)?.map(|rule| rule.sops());
    let (groups, threshold) = match &rule {
        None if !accept => {
            let message = "no rule covers this file, and nothing else vouches for its recipients";
            return Err(Report::message(Kind::Refused, message).hint(format!(
                "add one to `.sealeaf.toml` or `.sops.yaml`, or accept the file's own recipients with {ACCEPT}"
            )));
        }
        None => (file.recipients(), file.metadata().threshold),
        Some(rule) => {
            check_sops(file, path, accept, session)?;
            let is_other = accept && !rule.is_met_by(file);
            let groups = if is_other { file.recipients() } else { rule.groups_for(file) };
            if !is_other {
                rule.ensure_wrappable()?;
            }
            (groups, rule.threshold)
        }
    };
    if groups.len() > 1 && usize::try_from(threshold).is_ok_and(|needed| needed > groups.len()) {
        let message = format!("the rule needs {threshold} groups, and the file has {}", groups.len());
        return Err(Report::message(Kind::Refused, message).hint("bring it to its rule with `sealeaf rekey`"));
    }
    let now = now();
    let next = sops::Next {
        groups: Some(&groups),
        threshold,
        rotate: true,
        now: &now,
        allow_no_secrets: true,
        ..sops::Next::default()
    };
    let change = open.next(next, &session.keyring(), &session.context.limits)?;
    Ok(text(change.sealed, session.context))
}

/// Another text under the data key of a SOPS file, all of it encrypted: for keeping, not for use. Nobody is wrapped for.
pub(crate) fn next_of_all(
    open: &OpenSops,
    plain: Document,
    session: &Session<'_>,
) -> Result<SealedText, Report> {
    let now = now();
    let next = sops::Next {
        plain: Some(plain),
        selector: Some(Selector::new(By::UnencryptedRegex, NOTHING)?),
        now: &now,
        allow_no_secrets: true,
        ..sops::Next::default()
    };
    let change = open.next(next, &session.keyring(), &session.context.limits)?;
    Ok(text(change.sealed, session.context))
}

/// Who can open a SOPS file is not authenticated, nor is how many groups are needed: the rule must say the same.
fn check_sops(file: &SopsFile, path: &Path, accept: bool, session: &Session<'_>) -> Result<(), Report> {
    let Some(rule) = session.governing(path).at(path)?.map(|rule| rule.sops()) else { return Ok(()) };
    if !rule.is_met_by(file) && !accept {
        let message = "the file's recipients are not those of its rule, and nothing else vouches for them";
        return Err(Report::message(Kind::Refused, message).at(path).hint(format!(
            "look at both with `sealeaf explain`; bring it to its rule with `sealeaf rekey`, or accept its own with {ACCEPT}"
        )));
    }
    if rule.selector.as_ref().is_some_and(|selector| *selector != file.metadata().selector) {
        session.context.warn(format!(
            "{}: another selector than its rule's decides what is encrypted: `sealeaf rekey` changes that",
            escape::path(path)
        ));
    }
    Ok(())
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

const ACCEPT: &str = "--accept-file-recipients";
