//! Each of the library's errors as a [`Report`]. This is the only place that names flags, commands and environment
//! variables in answer to a library error.

use sealeaf::document::PathError;
use sealeaf::format::gate::GateError;
use sealeaf::format::{EditError, ParseError};
use sealeaf::keys::{Attempt, Cause, KeyError, PromptError, UnwrapError};
use sealeaf::secret::RandomError;

use super::{Kind, Report};

impl From<anyhow::Error> for Report {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Kind::Failed, error)
    }
}

impl From<ParseError> for Report {
    fn from(error: ParseError) -> Self {
        let report = Self::message(Kind::Malformed, &error.message)
            .position(error.line, error.column)
            .detail(&error.picture);
        if error.limit {
            report.hint(
                "a file that you trust may exceed a limit: see --max-file-size, --max-depth, --max-leaves",
            )
        } else {
            report
        }
    }
}

impl From<GateError> for Report {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Parse(error) => Self::from(error),
            GateError::Edit { .. } | GateError::RoundTrip { .. } | GateError::Meaning { .. } => {
                Self::new(Kind::Malformed, error)
                    .hint("nothing was written; write that value in a simpler style")
            }
            _ => Self::new(Kind::Failed, error).hint("nothing was written; this is a bug, please report it"),
        }
    }
}

impl From<EditError> for Report {
    fn from(error: EditError) -> Self {
        Self::new(Kind::Malformed, error)
    }
}

impl From<PathError> for Report {
    fn from(error: PathError) -> Self {
        Self::new(Kind::Usage, error)
            .hint("key paths look like `db.users[0].password`, `\"a.b\".c` or `#1.a` for the second document")
    }
}

impl From<UnwrapError> for Report {
    fn from(error: UnwrapError) -> Self {
        let lines: Vec<String> = error
            .attempts
            .iter()
            // Names and reasons come from the file: a line break in one must not look like another recipient.
            .flat_map(attempt_lines)
            .collect();
        let is_kept = |attempt: &Attempt| attempt.recipient.break_glass && attempt.failure.is_none();
        let emergency = error.attempts.iter().any(is_kept);
        // Nobody was asked, because the user's own settings do not name the place.
        let is_refused =
            |attempt: &Attempt| attempt.failure.as_ref().is_some_and(|it| it.cause == Cause::NotAllowed);
        let kind = if error.attempts.iter().any(is_refused) { Kind::Refused } else { Kind::NoKey };
        let report = Self::new(kind, error).detail(&lines.join("\n")).hint(
            "give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`",
        );
        if emergency {
            report.hint("in an emergency, --break-glass tries the break-glass keys too")
        } else {
            report
        }
    }
}

/// One line, and where a service was asked what is known of that, a line each.
pub(crate) fn attempt_lines(attempt: &Attempt) -> Vec<String> {
    let line = |text: String| crate::cli::escape::line(&text);
    let label = attempt.recipient.label();
    match &attempt.failure {
        None => vec![line(format!("{label}: {}", attempt.why))],
        Some(failure) => {
            let details = failure.details().map(|(heading, text)| line(format!("    {heading:<7}{text}")));
            [line(format!("{label}: {}", failure.cause))].into_iter().chain(details).collect()
        }
    }
}

impl From<KeyError> for Report {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Invalid { .. } | KeyError::UnknownKind(_) => {
                let known: Vec<&str> = sealeaf::keys::BACKENDS.iter().map(|(name, _)| *name).collect();
                let hint = format!("key types are {}", known.join(", "));
                let unknown = matches!(error, KeyError::UnknownKind(_));
                let report = Self::new(Kind::Usage, error);
                if unknown { report.hint(hint) } else { report }
            }
            KeyError::Identity { .. } => Self::new(Kind::NoKey, error),
            KeyError::Refused { .. } => Self::new(Kind::Refused, error),
            KeyError::Remote { kind, id, failure } => {
                let lines: Vec<String> = failure
                    .details()
                    .map(|(heading, text)| crate::cli::escape::line(&format!("  {heading:<7}{text}")))
                    .collect();
                let report = match failure.cause {
                    Cause::NotAllowed => Kind::Refused,
                    _ => Kind::Failed,
                };
                Self::message(report, format!("{kind} key `{id}`: {}", failure.cause))
                    .detail(&lines.join("\n"))
            }
            _ => Self::new(Kind::Failed, error),
        }
    }
}

impl From<PromptError> for Report {
    fn from(error: PromptError) -> Self {
        Self::new(Kind::NoKey, error)
    }
}

impl From<RandomError> for Report {
    fn from(error: RandomError) -> Self {
        Self::new(Kind::Failed, error)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sealeaf::keys::{KeyRef, Recipient};

    use super::*;
    use crate::cli::report::Context;

    #[test]
    fn parse_errors_show_the_place() {
        let error: Result<(), _> = Err(ParseError::at("a: 1\nb: ]secret\n", 8, "expected a value"));
        let report = error.at(Path::new("x.yaml")).unwrap_err();
        assert_eq!(report.kind(), Kind::Malformed);
        assert_eq!(
            report.render(false),
            "sealeaf: error: x.yaml:2:4: expected a value\n  b: ]······\n     ^\n"
        );
    }

    #[test]
    fn every_recipient_is_listed_on_one_line() {
        let recipient = |name: &str| Recipient {
            key: KeyRef { kind: "age".to_owned(), id: "age1x".to_owned(), context: Default::default() },
            name: name.to_owned(),
            break_glass: false,
        };
        let error = UnwrapError {
            attempts: vec![
                Attempt { recipient: recipient("alice"), why: "no identity".to_owned(), failure: None },
                Attempt {
                    recipient: recipient("b\nob\x1b[2K"),
                    why: "no identity".to_owned(),
                    failure: None,
                },
            ],
            failed: false,
        };
        let shown = Report::from(error).render(false);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "sealeaf: error: no usable key: none of the file's 2 recipients is you");
        assert_eq!(lines[1], "  alice (age1x): no identity");
        assert_eq!(lines[2], "  b\\u{a}ob\\u{1b}[2K (age1x): no identity");
        assert_eq!(lines.len(), 4);
    }
}
