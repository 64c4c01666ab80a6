//! How a backend asks the user.

use crate::secret::SecretText;

/// Asks for secrets without echo. The binary implements it; a library user may.
pub trait Prompt {
    /// Asks for the passphrase of `what` (a file name or key description, escaped by the implementation).
    ///
    /// # Errors
    /// [`PromptError`] where nobody can be asked or the user gave up.
    fn passphrase(&self, what: &str) -> Result<SecretText, PromptError>;
}

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// There is no terminal.
    #[error("there is no terminal to ask for the passphrase")]
    NoTerminal,
    /// The user gave up.
    #[error("no passphrase was given")]
    Cancelled,
}

/// Asks nobody: for `textconv`, servers and tests.
#[derive(Debug, Clone, Copy)]
pub struct NoPrompt;

impl Prompt for NoPrompt {
    fn passphrase(&self, _what: &str) -> Result<SecretText, PromptError> {
        Err(PromptError::NoTerminal)
    }
}
