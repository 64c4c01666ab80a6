//! Asks the user, on the terminal itself: standard input and output may be data.

use std::any::Any;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
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

    fn secret(&self, question: &str) -> Result<SecretText, PromptError> {
        let _alone = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
        hidden(&format!("{}: ", escape::line(question)))
    }

    fn answer(&self, question: &str) -> Result<String, PromptError> {
        let answer = typed(&format!("sealeaf: {}: ", escape::line(question)));
        answer.map_err(|_| PromptError::Cancelled)?.ok_or(PromptError::NoTerminal)
    }

    fn choose(&self, question: &str, yes: &str, no: Option<&str>) -> Result<bool, PromptError> {
        let [question, yes] = [question, yes].map(escape::line);
        let no = no.map(|no| format!(", n for {}", escape::line(no))).unwrap_or_default();
        let answer = ask(&format!("sealeaf: {question}\n  y for {yes}{no}: "));
        let answer = answer.map_err(|_| PromptError::Cancelled)?.ok_or(PromptError::NoTerminal)?;
        Ok(matches!(answer.as_str(), "y" | "yes"))
    }

    fn tell(&self, message: &str) {
        if let Ok(mut tty) = OpenOptions::new().write(true).open(TTY) {
            // Where nobody can be told, nobody is there to act on it.
            let _ = writeln!(tty, "sealeaf: {}", escape::line(message));
        }
    }

    fn terminal(&self) -> Option<OsString> {
        fn name(stream: impl AsFd) -> Option<OsString> {
            let name = rustix::termios::ttyname(stream, Vec::new()).ok()?;
            Some(OsString::from_vec(name.into_bytes()))
        }
        name(std::io::stdin()).or_else(|| name(std::io::stdout())).or_else(|| name(std::io::stderr()))
    }

    fn program_starts(&self, start: &mut dyn FnMut() -> Option<u32>) -> Option<Box<dyn Any>> {
        let guard = cleanup::uninterrupted(|| start().and_then(cleanup::program))?;
        Some(Box::new(guard))
    }
}

impl TerminalPrompt {
    /// Shows `lines`, escaped, then asks a yes-or-no question; anything but yes is no.
    ///
    /// # Errors
    /// Where there is no terminal; the hint names `--yes`.
    pub(crate) fn confirm(&self, question: &str, lines: &[String]) -> Result<bool, Report> {
        let shown: String = lines.iter().map(|line| format!("  {}\n", escape::line(line))).collect();
        let answer = ask(&format!("{shown}{} [y/N] ", escape::line(question)))?.ok_or_else(|| {
            Report::message(Kind::Refused, format!("there is no terminal to ask `{question}`"))
                .hint("say --yes to answer yes without being asked")
        })?;
        Ok(matches!(answer.as_str(), "y" | "yes"))
    }

    /// Asks whether to try again; anything but no is yes. `None` where there is no terminal, or it is at its end: who
    /// asked on would never stop.
    pub(crate) fn again(&self, question: &str) -> Result<Option<bool>, Report> {
        let answer = ask(&format!("{} [Y/n] ", escape::line(question)))?;
        Ok(answer.map(|answer| !matches!(answer.as_str(), "n" | "no")))
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

/// Asks in the open, and gives the answer in lower case. `None` where there is no terminal to ask on, or none any more.
/// `text` must be escaped.
fn ask(text: &str) -> Result<Option<String>, Report> {
    Ok(typed(text)?.map(|answer| answer.to_ascii_lowercase()))
}

/// Asks in the open. `None` where there is no terminal to ask on, or none any more. `text` must be escaped.
fn typed(text: &str) -> Result<Option<String>, Report> {
    // Files are worked on side by side, and asked about one after the other.
    let _alone = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    let Ok(mut tty) = OpenOptions::new().read(true).write(true).open(TTY) else { return Ok(None) };
    let answer = tty.write_all(text.as_bytes()).and_then(|()| {
        let mut line = String::new();
        BufReader::new((&tty).take(MAX_ANSWER)).read_line(&mut line).map(|_| line)
    });
    let answer = answer.map_err(Report::io("ask on", TTY.as_ref()))?;
    Ok((!answer.is_empty()).then(|| answer.trim().to_owned()))
}

static ASKING: Mutex<()> = Mutex::new(());
const TTY: &str = "/dev/tty";

/// More than a yes, less than trouble.
const MAX_ANSWER: u64 = 1024;
