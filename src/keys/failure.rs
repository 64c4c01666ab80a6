//! Why a key service did not do it: in parts, so that a message can say which call was made as whom, what the answer
//! was, and what to do next.

use std::fmt;
use std::time::Duration;

/// What kept a key service from wrapping or unwrapping. Never holds a secret, a header or a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it comes down to.
    pub cause: Cause,
    /// The call: `kms:Decrypt in eu-west-1`, `POST https://vault.example.com/v1/transit/decrypt/app`.
    pub call: String,
    /// Who asked, as the service sees it: a role's ARN, an account, a policy's name.
    pub principal: Option<String>,
    /// The step of the identity chain that gave the credentials, or those that were tried in vain.
    pub identity: Option<String>,
    /// What the service answered, in one line: code and message.
    pub answer: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// How long the service asks to wait.
    pub after: Option<Duration>,
}

/// What a failure comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// No credentials were found.
    NoCredentials,
    /// The credentials are no longer valid.
    Expired,
    /// The credentials are not accepted.
    Unauthenticated,
    /// The identity may not use the key.
    Denied,
    /// There is no such key.
    NotFound,
    /// The key is turned off, waits for deletion, or its version is too old.
    Disabled,
    /// The wrap was made with another key or for another context, or was changed.
    WrongKey,
    /// The user's settings do not allow that address, role, profile or program.
    NotAllowed,
    /// The service asks to slow down.
    Throttled,
    /// The service cannot work now: sealed, overloaded, broken.
    Unavailable,
    /// No connection, or a broken one.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// An answer that makes no sense.
    Malformed,
    /// The call itself is refused as wrong.
    Rejected,
}

impl Cause {
    /// Whether the same call may work a moment later.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::Unreachable | Self::TimedOut)
    }

    /// The word for `--json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoCredentials => "no_credentials",
            Self::Expired => "expired",
            Self::Unauthenticated => "unauthenticated",
            Self::Denied => "denied",
            Self::NotFound => "not_found",
            Self::Disabled => "disabled",
            Self::WrongKey => "wrong_key",
            Self::NotAllowed => "not_allowed",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Malformed => "malformed_answer",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCredentials => "no credentials found",
            Self::Expired => "the credentials have expired",
            Self::Unauthenticated => "the credentials are not accepted",
            Self::Denied => "access denied",
            Self::NotFound => "there is no such key",
            Self::Disabled => "the key is disabled",
            Self::WrongKey => "the wrap does not open with this key and context",
            Self::NotAllowed => "not allowed by your own settings",
            Self::Throttled => "the service asks to slow down",
            Self::Unavailable => "the service is not available",
            Self::Unreachable => "the service cannot be reached",
            Self::TimedOut => "no answer in time",
            Self::Malformed => "the answer makes no sense",
            Self::Rejected => "the service rejects the call",
        })
    }
}

impl Failure {
    /// A failure of a call, with nothing else known yet.
    #[must_use]
    pub fn new(cause: Cause, call: impl Into<String>) -> Self {
        let call = call.into();
        Self { cause, call, principal: None, identity: None, answer: None, hint: None, after: None }
    }

    /// The same, asked by this one.
    #[must_use]
    pub fn by(self, principal: Option<String>) -> Self {
        Self { principal, ..self }
    }

    /// The same, with credentials from there.
    #[must_use]
    pub fn with_identity(self, identity: impl Into<String>) -> Self {
        Self { identity: Some(identity.into()), ..self }
    }

    /// The same, with what the service said. Line breaks and what is over 400 characters are left out.
    #[must_use]
    pub fn answered(self, answer: &str) -> Self {
        let line: String = answer.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = match line.char_indices().nth(ANSWER_LIMIT) {
            Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
            None => line,
        };
        Self { answer: Some(line).filter(|line| !line.is_empty()), ..self }
    }

    /// The same, with what to do next.
    #[must_use]
    pub fn hinted(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What is known beyond the cause, each with its heading.
    pub fn details(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("call", Some(self.call.as_str()).filter(|call| !call.is_empty())),
            ("as", self.principal.as_deref()),
            ("from", self.identity.as_deref()),
            ("answer", self.answer.as_deref()),
            ("try", self.hint.as_deref()),
        ]
        .into_iter()
        .filter_map(|(heading, text)| Some((heading, text?)))
    }
}

/// One line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        for (index, (heading, text)) in self.details().enumerate() {
            let joint = if index == 0 { " (" } else { "; " };
            match heading {
                "call" => write!(f, "{joint}{text}")?,
                _ => write!(f, "{joint}{heading} {text}")?,
            }
        }
        if self.details().next().is_some() { f.write_str(")") } else { Ok(()) }
    }
}

impl std::error::Error for Failure {}

/// Longest answer that is shown, in characters.
const ANSWER_LIMIT: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_it_all() {
        let failure = Failure::new(Cause::Denied, "kms:Decrypt in eu-west-1")
            .by(Some("arn:aws:iam::1:user/x".to_owned()))
            .with_identity("environment")
            .answered("AccessDeniedException:\n no")
            .hinted("grant it");
        let line = "access denied (kms:Decrypt in eu-west-1; as arn:aws:iam::1:user/x; from environment; answer AccessDeniedException: no; try grant it)";
        assert_eq!(failure.to_string(), line);
        assert_eq!(Failure::new(Cause::TimedOut, "").to_string(), "no answer in time");
        assert!(Failure::new(Cause::TimedOut, "").answered(&"x".repeat(500)).to_string().len() < 450);
    }
}
