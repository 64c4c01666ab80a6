//! How a plain file is to be sealed: in which envelope, for whom, and as the next version of which file.

use std::path::Path;

use sealeaf::document::Document;
use sealeaf::envelope::sops::{By, Selector};
use sealeaf::file::sops::SopsFile;
use sealeaf::file::{Next, OpenFile, SealedFile, SealedText, Sealing, seal};
use sealeaf::format::{Format, stores};
use sealeaf::git::At;
use sealeaf::keys::Access;
use sealeaf::policy::{Policy, Selection};

use super::break_glass;
use super::governing::{Governing, SopsRuling};
use super::opened::{AsSops, Opened};
use super::recipient::parse_all;
use super::report::{Kind, Report};
use super::session::{Session, no_rule};

/// How a sealed file looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Envelope {
    /// This program's own
    Native,
    /// That of SOPS
    Sops,
}

/// Which values of a SOPS file are encrypted.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "SOPS files")]
pub(crate) struct Selectors {
    /// Encrypt all but what stands under a key with this ending; SOPS' default is `_unencrypted`
    #[arg(long, value_name = "TEXT", group = "selector")]
    unencrypted_suffix: Option<String>,
    /// Encrypt only what stands under a key with this ending
    #[arg(long, value_name = "TEXT", group = "selector")]
    encrypted_suffix: Option<String>,
    /// Encrypt all but what stands under a key that matches
    #[arg(long, value_name = "PATTERN", group = "selector")]
    unencrypted_regex: Option<String>,
    /// Encrypt only what stands under a key that matches
    #[arg(long, value_name = "PATTERN", group = "selector")]
    encrypted_regex: Option<String>,
    /// Encrypt all but what stands under a comment that matches
    #[arg(long, value_name = "PATTERN", group = "selector")]
    unencrypted_comment_regex: Option<String>,
    /// Encrypt only what stands under a comment that matches
    #[arg(long, value_name = "PATTERN", group = "selector")]
    encrypted_comment_regex: Option<String>,
    /// Authenticate encrypted values alone, so that others can be changed by anyone
    #[arg(long)]
    mac_only_encrypted: bool,
}

/// What the user says of the sealed file.
pub(crate) struct Asked<'a> {
    /// The path whose rule holds.
    pub(crate) path: Option<&'a Path>,
    /// Recipients instead of the rule's.
    pub(crate) to: &'a [String],
    /// The envelope instead of the rule's.
    pub(crate) envelope: Option<Envelope>,
    /// The selector instead of the rule's.
    pub(crate) selectors: &'a Selectors,
}

/// How a plain file is to be sealed.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// As a file of this program.
    Native(Policy, Access),
    /// As a SOPS file.
    Sops(Box<SopsRuling>),
}

/// What is accepted of a plain file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Accepting {
    /// That nothing is sealed.
    pub(crate) no_secrets: bool,
    /// Comments that look like secrets.
    pub(crate) comments: bool,
}

impl Selectors {
    fn chosen(&self) -> Result<Option<Selector>, Report> {
        let texts = [
            (By::UnencryptedSuffix, &self.unencrypted_suffix),
            (By::EncryptedSuffix, &self.encrypted_suffix),
            (By::UnencryptedRegex, &self.unencrypted_regex),
            (By::EncryptedRegex, &self.encrypted_regex),
            (By::UnencryptedCommentRegex, &self.unencrypted_comment_regex),
            (By::EncryptedCommentRegex, &self.encrypted_comment_regex),
        ];
        let chosen = texts.into_iter().find_map(|(by, text)| Some((by, text.as_deref()?)));
        let Some((by, text)) = chosen else { return Ok(None) };
        let flag = by.name().replace('_', "-");
        Selector::new(by, text).map(Some).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.split_once("` ").map_or(reason.as_str(), |(_, reason)| reason);
            Report::message(Kind::Usage, format!("--{flag} {reason}"))
        })
    }

    /// Whether the user chose anything.
    pub(crate) fn is_given(&self) -> Result<bool, Report> {
        Ok(self.mac_only_encrypted || self.chosen()?.is_some())
    }
}

impl Plan {
    /// What the rule and the user say together.
    pub(crate) fn choose(asked: &Asked<'_>, session: &Session<'_>) -> Result<Self, Report> {
        let rule = match asked.path {
            Some(path) => session.governing(path)?,
            None => None,
        };
        let by_rule = match &rule {
            Some(Governing::Sops(_)) => Envelope::Sops,
            _ => Envelope::Native,
        };
        let envelope = asked.envelope.unwrap_or(by_rule);
        if envelope == Envelope::Native && asked.selectors.is_given()? {
            let message = "selectors choose what is encrypted in SOPS files, and this is to be a native one";
            return Err(Report::message(Kind::Usage, message).hint("say --envelope sops too"));
        }
        if asked.to.is_empty() {
            return Self::by_rule(asked, rule, envelope);
        }
        let recipients = parse_all(asked.to, asked.path.unwrap_or(Path::new(".")), session)?;
        rule.as_ref().map_or(Ok(()), |rule| rule.ensure_post_quantum(&recipients))?;
        if envelope == Envelope::Native {
            let ruling = rule.as_ref().and_then(Governing::native);
            if ruling.is_some_and(|ruling| ruling.rule.access().threshold() > 1) {
                let message = "the rule asks for several groups together; with --to anyone of these opens the file alone";
                session.once(message.to_owned());
            }
            let policy = ruling.map(|ruling| ruling.policy.clone());
            return Ok(Self::Native(policy.unwrap_or_default(), recipients.into()));
        }
        let base = rule.map(|rule| rule.sops()).filter(|rule| rule.is_for_sops);
        Self::sops(SopsRuling::to(recipients.into(), base), asked.selectors)
    }

    fn by_rule(asked: &Asked<'_>, rule: Option<Governing>, envelope: Envelope) -> Result<Self, Report> {
        let Some(path) = asked.path else {
            return Err(Report::message(Kind::Usage, "standard input has no rule")
                .hint("name the path whose rule applies with --path, or recipients with --to"));
        };
        let rule = rule.ok_or_else(|| no_rule(path))?;
        match (envelope, rule) {
            (Envelope::Native, Governing::Native(ruling)) => {
                ruling.rule.ensure_wrappable()?;
                Ok(Self::Native(ruling.policy, ruling.rule.access()))
            }
            (Envelope::Native, Governing::Sops(_)) => {
                Err(Report::message(Kind::Refused, "the rule for this file is one for SOPS files")
                    .at(path)
                    .hint("name recipients with --to, or add a rule to `.sealeaf.toml`"))
            }
            (Envelope::Sops, rule) => {
                let choice = rule.native().map(|ruling| &ruling.policy);
                let is_lost = choice.is_some_and(|policy| {
                    policy.selection != Selection::default()
                        && asked.selectors.chosen().ok().flatten().is_none()
                        || !policy.scope.is_empty()
                });
                if is_lost {
                    let message = "the rule has patterns or a scope, which SOPS files cannot hold";
                    return Err(Report::message(Kind::Refused, message).at(path).hint(
                        "say what is encrypted with --encrypted-regex or another selector, or add a rule with `envelope = \"sops\"`",
                    ));
                }
                Self::sops(rule.sops(), asked.selectors)
            }
        }
    }

    /// As a SOPS file, by a rule and what the user chose instead of its selector.
    pub(crate) fn sops(mut rule: SopsRuling, selectors: &Selectors) -> Result<Self, Report> {
        if let Some(selector) = selectors.chosen()? {
            rule.selector = Some(selector);
        }
        rule.mac_only_encrypted |= selectors.mac_only_encrypted;
        rule.ensure_wrappable()?;
        Ok(Self::Sops(Box::new(rule)))
    }

    /// What reads the plain text of a file of that format.
    pub(crate) fn format(&self, format: &'static dyn Format) -> &'static dyn Format {
        match self {
            Self::Native(..) => format,
            Self::Sops(_) => stores::of(format),
        }
    }

    /// Seals a plain text, as the version after `before` where that is of the same envelope.
    pub(crate) fn seal(
        &self,
        document: Document,
        format: &'static dyn Format,
        before: Option<&Opened>,
        accepting: Accepting,
        session: &Session<'_>,
    ) -> Result<SealedText, Report> {
        let limits = &session.context.limits;
        match (self, before) {
            (Self::Sops(rule), before) => {
                let sealing = AsSops { rule, allow_no_secrets: accepting.no_secrets };
                match before {
                    Some(Opened::Sops(open)) => sealing.next(document, open, session),
                    _ => sealing.seal(document, format, session),
                }
            }
            (Self::Native(policy, access), Some(Opened::Native(open))) => {
                let next = Next {
                    plain: Some(document),
                    policy: Some(policy.clone()),
                    access: Some(access.clone()),
                    allow_no_secrets: accepting.no_secrets,
                    allow_comments: accepting.comments,
                    ..Next::default()
                };
                Ok(open.next(next, &session.keyring(), limits)?.sealed)
            }
            (Self::Native(policy, access), _) => {
                let sealing = Sealing {
                    policy: policy.clone(),
                    access: access.clone(),
                    allow_no_secrets: accepting.no_secrets,
                    allow_comments: accepting.comments,
                };
                Ok(seal(document, format, &sealing, &session.keyring(), limits)?)
            }
        }
    }

    /// Git's sealed version of a file, of the planned envelope, opened: the one in the index, or the committed one.
    pub(crate) fn committed(
        &self,
        path: &Path,
        format: &'static dyn Format,
        session: &Session<'_>,
    ) -> Result<Option<Opened>, Report> {
        let limits = &session.context.limits;
        for at in [At::Index, At::Commit("HEAD")] {
            let opened = match self {
                Self::Native(..) => session
                    .committed(path, at, format)?
                    .map(|sealed| open_native(sealed, path, session))
                    .transpose()?,
                Self::Sops(_) => session
                    .committed_sops(path, at, format)?
                    .map(|sealed: SopsFile| sealed.open(&session.keyring(), limits))
                    .transpose()?
                    .map(|open| Opened::Sops(Box::new(open))),
            };
            if opened.is_some() {
                return Ok(opened);
            }
        }
        Ok(None)
    }
}

fn open_native(sealed: SealedFile, path: &Path, session: &Session<'_>) -> Result<Opened, Report> {
    let open: OpenFile = sealed.open(&session.keyring(), &session.context.limits)?;
    break_glass::tell(open.header(), path, session);
    session.check_identity(&open, path)?;
    Ok(Opened::Native(Box::new(open)))
}
