//! How a backend asks the user.

use std::any::Any;
use std::ffi::OsString;

use crate::secret::SecretText;

/// Asks for secrets without echo. The binary implements it; a library user may.
pub trait Prompt {
    /// Asks for the passphrase of `what` (a file name or key description, escaped by the implementation).
    ///
    /// # Errors
    /// [`PromptError`] where nobody can be asked or the user gave up.
    fn passphrase(&self, what: &str) -> Result<SecretText, PromptError>;

    /// Asks for a secret on behalf of a program that says what it wants. Unlike a passphrase it is asked for anew each time:
    /// the program asks again where it was wrong, and may count how often.
    ///
    /// # Errors
    /// [`PromptError`] where nobody can be asked or the user gave up.
    fn secret(&self, question: &str) -> Result<SecretText, PromptError> {
        self.passphrase(question)
    }

    /// Asks for what is no secret on behalf of a program.
    ///
    /// # Errors
    /// [`PromptError`] where nobody can be asked or the user gave up.
    fn answer(&self, question: &str) -> Result<String, PromptError> {
        let _ = question;
        Err(PromptError::NoTerminal)
    }

    /// Has the user choose between `yes` and `no` on behalf of a program.
    ///
    /// # Errors
    /// [`PromptError`] where nobody can be asked or the user gave up.
    fn choose(&self, question: &str, yes: &str, no: Option<&str>) -> Result<bool, PromptError> {
        let _ = (question, yes, no);
        Err(PromptError::NoTerminal)
    }

    /// Shows what a program has to say, such as that a key has to be touched.
    fn tell(&self, message: &str) {
        let _ = message;
    }

    /// Whether programs that ask by themselves, such as gpg's pinentry, may do so.
    fn may_programs_ask(&self) -> bool {
        true
    }

    /// The terminal's name, for programs that ask by themselves; `None` where there is none.
    fn terminal(&self) -> Option<OsString> {
        None
    }

    /// Has a program started by `start`, which gives its process number: the leader of a process group of its own, which a
    /// signal that ends this process should end too, from its first moment on. Dropping what is given back says that it
    /// ended.
    fn program_starts(&self, start: &mut dyn FnMut() -> Option<u32>) -> Option<Box<dyn Any>> {
        start();
        None
    }
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

    fn may_programs_ask(&self) -> bool {
        false
    }
}
