//! Errors of sealing and opening as [`Report`]s, with what to do next.

use sealeaf::config::ConfigError;
use sealeaf::config::discover::DiscoverError;
use sealeaf::config::edit::EditError;
use sealeaf::document::ExpandError;
use sealeaf::envelope::native::EnvelopeError;
use sealeaf::envelope::sops::SopsError;
use sealeaf::file::FileError;
use sealeaf::git::GitError;
use sealeaf::policy::PatternError;

use super::convert::attempt_lines;
use super::{Kind, Report};

impl From<FileError> for Report {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Parse(error) => Self::from(error),
            FileError::Envelope(error) => Self::from(error),
            FileError::Sops(error) => Self::from(error),
            FileError::Gate(error) => Self::from(error),
            FileError::Unwrap(error) => Self::from(error),
            FileError::Groups { ref closed, .. } => {
                let lines: Vec<String> = closed.attempts.iter().flat_map(attempt_lines).collect();
                Self::new(Kind::NoKey, error)
                    .detail(&lines.join("\n"))
                    .hint("someone of another group has to add their key: run this where both are at hand")
            }
            FileError::Key(error) => Self::from(error),
            FileError::Random(error) => Self::from(error),
            FileError::Wrap { .. } => Self::new(Kind::Authentication, error)
                .hint("someone put another file's key there; take the file from a version that you trust"),
            FileError::NotSealed => Self::new(Kind::NotSealed, error).hint("seal it with `sealeaf encrypt`"),
            FileError::AlreadySealed => Self::new(Kind::Usage, error),
            FileError::Scope { .. } => Self::new(Kind::Authentication, error)
                .hint("a file of another place must be decrypted there and encrypted here"),
            FileError::NothingSealed => Self::new(Kind::Refused, error)
                .hint("check the rule's `encrypt` and `clear` patterns with `sealeaf explain`, or say --allow-no-secrets"),
            FileError::SuspiciousComment { .. } => Self::new(Kind::Refused, error)
                .hint("remove it, set `comments = \"encrypt\"` or `\"strip\"` in the rule, or say --allow-comments"),
            FileError::NoRecipients => Self::new(Kind::Usage, error),
            _ => Self::new(Kind::Failed, error),
        }
    }
}

impl From<EnvelopeError> for Report {
    fn from(error: EnvelopeError) -> Self {
        let kind = match &error {
            EnvelopeError::Metadata(_)
            | EnvelopeError::Format { .. }
            | EnvelopeError::Token { .. }
            | EnvelopeError::CommentCharacter { .. }
            | EnvelopeError::FreeCharacter { .. }
            | EnvelopeError::FreeMerge { .. } => Kind::Malformed,
            EnvelopeError::Exposed { .. }
            | EnvelopeError::ExposedAlias { .. }
            | EnvelopeError::LooksLikeToken { .. }
            | EnvelopeError::Exhausted => Kind::Refused,
            EnvelopeError::Random(_) => Kind::Failed,
            _ => Kind::Authentication,
        };
        let report = Self::new(kind, error);
        match kind {
            Kind::Authentication => report.hint(
                "if you edited the sealed file by hand, run `sealeaf encrypt` on it; after a merge, `sealeaf reseal --merge`; \
                 otherwise take a version that you trust",
            ),
            _ => report,
        }
    }
}

impl From<SopsError> for Report {
    fn from(error: SopsError) -> Self {
        let kind = match &error {
            SopsError::Metadata(_) | SopsError::Selector { .. } | SopsError::Aliases => Kind::Malformed,
            SopsError::Taken | SopsError::Unfit { .. } | SopsError::Root(_) => Kind::Refused,
            SopsError::NotSealed => Kind::NotSealed,
            SopsError::Groups { .. } => Kind::NoKey,
            SopsError::Random(_) | SopsError::NotKept { .. } => Kind::Failed,
            _ => Kind::Authentication,
        };
        let report = Self::new(kind, error);
        match kind {
            Kind::NoKey => report.hint(
                "the file needs keys of several groups together: give them all in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY",
            ),
            Kind::Authentication => report.hint(
                "if you edited the encrypted file by hand, take the version before that and use `sealeaf edit`; otherwise \
                 take a version that you trust",
            ),
            _ => report,
        }
    }
}

impl From<PatternError> for Report {
    fn from(error: PatternError) -> Self {
        Self::new(Kind::Usage, error)
    }
}

impl From<ConfigError> for Report {
    fn from(error: ConfigError) -> Self {
        let (file, line, column) = (error.file.clone(), error.line, error.column);
        let suggestion = error.suggestion.clone();
        let report = Self::message(Kind::Malformed, &error.problem).at(&file).position(line, column);
        match suggestion {
            Some(suggestion) => report.hint(suggestion),
            None => report,
        }
    }
}

impl From<EditError> for Report {
    fn from(error: EditError) -> Self {
        // People count rules from 1.
        let (message, hint) = match &error {
            EditError::NoRule(index) => (format!("there is no rule {}", index + 1), None),
            EditError::NoTo(index) => (
                format!("rule {} has no list `to`", index + 1),
                Some("a rule with `groups` must be changed by hand"),
            ),
            EditError::NotInRule { name, index } => (
                format!("`{name}` is not in `to` of rule {}: it may be in one of its groups", index + 1),
                Some("without naming a rule it is removed from everywhere"),
            ),
            EditError::NameTaken(_) => {
                (error.to_string(), Some("choose another name, or remove that one first"))
            }
            EditError::LastOne { .. } => {
                (error.to_string(), Some("add someone else first, or remove the rule or group by hand"))
            }
            _ => (error.to_string(), None),
        };
        let report = Self::message(Kind::Usage, message);
        hint.into_iter().fold(report, Self::hint)
    }
}

impl From<DiscoverError> for Report {
    fn from(error: DiscoverError) -> Self {
        match error {
            DiscoverError::Config(error) => Self::from(error),
            other => Self::new(Kind::Failed, other),
        }
    }
}

impl From<GitError> for Report {
    fn from(error: GitError) -> Self {
        Self::new(Kind::Failed, error)
    }
}

impl From<ExpandError> for Report {
    fn from(error: ExpandError) -> Self {
        Self::new(Kind::Malformed, error)
    }
}
