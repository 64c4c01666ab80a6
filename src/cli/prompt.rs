//! Asks the user, on the terminal itself: standard input and output may be data.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sealeaf::keys::{Prompt, PromptError};
use sealeaf::secret::SecretText;

use super::report::{Kind, Report};
use super::{cleanup, escape};

/// Asks on `/dev/tty`, each passphrase once a run.
#[derive(Default)]
pub(crate) struct TerminalPrompt {
    asked: Mutex<HashMap<String, Result<SecretText, PromptError>>>,
}

impl Prompt for TerminalPrompt {
    fn passphrase(&self, what: &str) -> Result<SecretText, PromptError> {
        // Held while asking: two threads never talk to the user at once.
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = asked.get(what) {
            return answer.clone();
        }
        let answer = hidden(&format!("passphrase for {}: ", escape::line(what)));
        asked.insert(what.to_owned(), answer.clone());
        answer
    }
}

impl TerminalPrompt {
    /// Shows `lines`, escaped, then asks a yes-or-no question; anything but yes is no.
    ///
    /// # Errors
    /// Where there is no terminal; the hint names `--yes`.
    pub(crate) fn confirm(&self, question: &str, lines: &[String]) -> Result<bool, Report> {
        let no_terminal = |_| {
            Report::message(Kind::Refused, format!("there is no terminal to ask `{question}`"))
                .hint("say --yes to answer yes without being asked")
        };
        let mut tty = OpenOptions::new().read(true).write(true).open(TTY).map_err(no_terminal)?;
        let shown: String = lines.iter().map(|line| format!("  {}\n", escape::line(line))).collect();
        let answer = write!(tty, "{shown}{} [y/N] ", escape::line(question)).and_then(|()| answer(&tty));
        let answer = answer.map_err(Report::io("ask on", TTY.as_ref()))?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks whether to try again; anything but no is yes, but for a terminal that is gone.
    ///
    /// # Errors
    /// Where there is no terminal.
    pub(crate) fn again(&self, question: &str) -> Result<bool, Report> {
        let no_terminal = |_| Report::message(Kind::Refused, "there is no terminal to ask on");
        let mut tty = OpenOptions::new().read(true).write(true).open(TTY).map_err(no_terminal)?;
        let answer = write!(tty, "{} [Y/n] ", escape::line(question)).and_then(|()| answer(&tty));
        let answer = answer.map_err(Report::io("ask on", TTY.as_ref()))?;
        // The end of input is no answer: asking on would never end.
        Ok(!answer.is_empty() && !matches!(answer.trim().to_ascii_lowercase().as_str(), "n" | "no"))
    }

    /// Asks for a new secret value, twice, without echo.
    ///
    /// # Errors
    /// Where there is no terminal, or the two differ.
    pub(crate) fn new_value(&self, what: &str) -> Result<SecretText, Report> {
        let what = escape::line(what);
        let ask = |prompt: String| {
            hidden(&prompt).map_err(|error| match error {
                PromptError::NoTerminal => {
                    Report::message(Kind::Usage, "there is no terminal to ask for the value")
                        .hint("give the value on standard input")
                }
                PromptError::Cancelled => Report::message(Kind::Interrupted, "no value was given"),
            })
        };
        let first = ask(format!("value for {what}: "))?;
        if first == ask(format!("value for {what}, again: "))? {
            Ok(first)
        } else {
            Err(Report::message(Kind::Usage, "the two values differ").hint("nothing was changed; try again"))
        }
    }
}

impl fmt::Debug for TerminalPrompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TerminalPrompt(..)")
    }
}

/// Asks without echo. `prompt` must be escaped.
fn hidden(prompt: &str) -> Result<SecretText, PromptError> {
    let Some(_restore) = cleanup::terminal() else { return Err(PromptError::NoTerminal) };
    let answer = rpassword::prompt_password(format!("sealeaf: {prompt}"));
    answer.map(SecretText::new).map_err(|error| {
        if error.kind() == std::io::ErrorKind::Interrupted {
            // Ctrl-C: the signal's own thread is about to end the program, with the right code.
            std::thread::sleep(Duration::from_secs(1));
        }
        PromptError::Cancelled
    })
}

fn answer(tty: &File) -> std::io::Result<String> {
    let mut line = String::new();
    BufReader::new(tty.take(MAX_ANSWER)).read_line(&mut line)?;
    Ok(line)
}

const TTY: &str = "/dev/tty";

/// More than a yes, less than trouble.
const MAX_ANSWER: u64 = 1024;
