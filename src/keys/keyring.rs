//! Wraps for all recipients, unwraps with whichever key the user has.

use super::runtime::block_on;
use super::{KeyError, Recipient, Run, Stanza, Unwrapped, WrapContext, backend};
use crate::secret::SecretBytes;

/// The blocking face of the module.
#[derive(Debug, Clone, Copy)]
pub struct Keyring<'a> {
    run: &'a Run<'a>,
}

/// One recipient that could not open the file, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Who.
    pub recipient: Recipient,
    /// Why not.
    pub why: String,
}

/// No key of this user opens the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no usable key: none of the file's {} recipients fits", attempts.len())]
pub struct UnwrapError {
    /// Every recipient of the file.
    pub attempts: Vec<Attempt>,
    /// Whether some key did fit and failed.
    pub failed: bool,
}

impl<'a> Keyring<'a> {
    /// A keyring over one run.
    #[must_use]
    pub fn new(run: &'a Run<'a>) -> Self {
        Self { run }
    }

    /// Wraps `secret` for every recipient.
    ///
    /// # Errors
    /// The first [`KeyError`]; nothing is half done then.
    pub fn wrap(
        &self,
        recipients: &[Recipient],
        secret: &SecretBytes,
        context: &WrapContext,
    ) -> Result<Vec<Stanza>, KeyError> {
        recipients
            .iter()
            .map(|recipient| {
                let wrapped =
                    block_on(backend(&recipient.key.kind)?.wrap(&recipient.key, secret, context, self.run))?;
                Ok(Stanza { recipient: recipient.clone(), wrapped })
            })
            .collect()
    }

    /// Opens one of `stanzas`: local backends first, in the file's order, then the others. Break-glass keys are tried
    /// only where the run allows it. Gives the place of the one that opened, and what was in it.
    ///
    /// # Errors
    /// [`UnwrapError`] with every recipient and its reason.
    pub fn unwrap(
        &self,
        stanzas: &[Stanza],
        context: &WrapContext,
    ) -> Result<(usize, SecretBytes), UnwrapError> {
        let mut attempts = Vec::new();
        let mut failed = false;
        for local in [true, false] {
            for (place, stanza) in stanzas.iter().enumerate() {
                let recipient = &stanza.recipient;
                let mut note = |why: String| attempts.push(Attempt { recipient: recipient.clone(), why });
                let backend = match backend(&recipient.key.kind) {
                    Ok(backend) if backend.is_local() == local => backend,
                    Err(error) if local => {
                        note(error.to_string());
                        continue;
                    }
                    _ => continue,
                };
                if recipient.break_glass && !self.run.break_glass {
                    note("break-glass key, not asked for".to_owned());
                    continue;
                }
                match block_on(backend.unwrap(stanza, context, self.run)) {
                    Unwrapped::Opened(secret) => return Ok((place, secret)),
                    Unwrapped::NotMine(why) => note(why),
                    Unwrapped::Failed(error) => {
                        failed = true;
                        note(error.to_string());
                    }
                }
            }
        }
        Err(UnwrapError { attempts, failed })
    }
}
