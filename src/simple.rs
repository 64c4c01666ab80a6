//! The paved path: text in, text out, with the default rule and limits.

use crate::file::{self, FileError, Next, OpenFile, SealedFile, Sealing};
use crate::format::{Format, Limits};
use crate::keys::{Access, Keyring, Recipient};
use crate::policy::Policy;
use crate::secret::SecretText;

/// Seals every leaf value of a plain text for `recipients`, under a new data key.
///
/// # Errors
/// [`FileError`], for a text that does not parse, has no leaf, cannot be put back byte for byte, or is sealed already.
///
/// # Examples
/// ```
/// use sealeaf::keys::{Environment, Keyring, NoPrompt, Recipient, Run, age};
///
/// let me = age::generate("2026-01-01T00:00:00Z")?;
/// let environment: Environment = [("SEALEAF_IDENTITY", me.text.as_str())].into_iter().collect();
/// let run = Run::new(&environment, &NoPrompt);
/// let keyring = Keyring::new(&run);
/// let yaml = sealeaf::format::by_name("yaml").ok_or("no YAML")?;
///
/// let plain = "db:\n  password: hunter2 # changed in May\n";
/// let sealed = sealeaf::seal(plain, yaml, &[Recipient::new("me", "age", &me.recipient)?], &keyring)?;
/// assert!(sealed.starts_with("db:\n  password: sealed.v1."));
/// assert_eq!(sealeaf::open(&sealed, yaml, &keyring)?.plain().source.as_str(), plain);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn seal(
    plain: &str,
    format: &dyn Format,
    recipients: &[Recipient],
    keyring: &Keyring<'_>,
) -> Result<SecretText, FileError> {
    let limits = Limits::default();
    let document = file::parse(plain, format, &limits)?;
    let access = Access::from(recipients);
    let sealing =
        Sealing { policy: Policy::default(), access, allow_no_secrets: false, allow_comments: false };
    Ok(file::seal(document, format, &sealing, keyring, &limits)?.text)
}

/// Authenticates and opens a sealed text. Look at [`OpenFile::state`] for whether it is one version or a merge of
/// several, and at [`SealedFile::check_scope`] where files of one place must not be accepted in another.
///
/// # Errors
/// [`FileError`]; nothing of the plaintext is given then.
pub fn open(sealed: &str, format: &'static dyn Format, keyring: &Keyring<'_>) -> Result<OpenFile, FileError> {
    let limits = Limits::default();
    SealedFile::parse(sealed, format, &limits)?.open(keyring, &limits)
}

/// Opens a sealed text, lets `change` make a new plain text of the old one, and seals that: what `change` leaves alone
/// keeps its ciphertext, byte for byte.
///
/// # Errors
/// [`FileError`]; the sealed text is to be kept as it is then.
///
/// # Examples
/// ```
/// # use sealeaf::keys::{Environment, Keyring, NoPrompt, Recipient, Run, age};
/// # let me = age::generate("2026-01-01T00:00:00Z")?;
/// # let environment: Environment = [("SEALEAF_IDENTITY", me.text.as_str())].into_iter().collect();
/// # let run = Run::new(&environment, &NoPrompt);
/// # let keyring = Keyring::new(&run);
/// # let json = sealeaf::format::by_name("json").ok_or("no JSON")?;
/// # let me = [Recipient::new("me", "age", &me.recipient)?];
/// let sealed = sealeaf::seal("{\n  \"a\": 1,\n  \"b\": 2\n}\n", json, &me, &keyring)?;
/// let changed = sealeaf::edit(&sealed, json, &keyring, |plain| plain.replace('2', "3"))?;
/// let differ = sealed.lines().zip(changed.lines()).filter(|(old, new)| old != new).count();
/// assert_eq!(differ, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn edit(
    sealed: &str,
    format: &'static dyn Format,
    keyring: &Keyring<'_>,
    change: impl FnOnce(&str) -> String,
) -> Result<SecretText, FileError> {
    let limits = Limits::default();
    let before = open(sealed, format, keyring)?;
    let plain = SecretText::new(change(&before.plain().source));
    let next = Next { plain: Some(file::parse(&plain, format, &limits)?), ..Next::default() };
    Ok(before.next(next, keyring, &limits)?.sealed.text)
}
