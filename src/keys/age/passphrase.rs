//! Asks for a passphrase until it fits, within reason.

use ::age::secrecy::SecretString;

use crate::keys::Run;
use crate::secret::SecretText;

/// What a passphrase did.
pub(super) enum Attempted<T> {
    /// It fits.
    Opened(T),
    /// It does not fit; another may.
    WrongPassphrase,
    /// No passphrase will help; why.
    Broken(String),
}

/// Asks for the passphrase of `place` and tries it, three times at most; ends early where the answer stays the same.
///
/// # Errors
/// Why it stays locked.
pub(super) fn ask<T>(
    run: &Run<'_>,
    place: &str,
    attempt: impl Fn(SecretString) -> Attempted<T>,
) -> Result<T, String> {
    let mut last: Option<SecretText> = None;
    for round in 1..=TRIES {
        let what = match round {
            1 => place.to_owned(),
            _ => format!("{place} (that was wrong; try {round} of {TRIES})"),
        };
        let answer =
            run.prompt.passphrase(&what).map_err(|error| format!("it has a passphrase, and {error}"))?;
        if last.as_ref() == Some(&answer) {
            break;
        }
        match attempt(SecretString::from(answer.as_str())) {
            Attempted::Opened(opened) => return Ok(opened),
            Attempted::Broken(why) => return Err(why),
            Attempted::WrongPassphrase => last = Some(answer),
        }
    }
    Err("the passphrase is wrong".to_owned())
}

const TRIES: usize = 3;
