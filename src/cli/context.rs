//! What every verb gets: the environment as it was, the terminal as it is, limits, and a voice.

use std::collections::HashSet;
use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr, stdin, stdout};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anstyle::AnsiColor;
use clap::ValueEnum;
use sealeaf::config::user;
use sealeaf::format::Limits;
use sealeaf::keys::{Environment, Settings};

use super::escape;
use super::prompt::TerminalPrompt;
use super::report::{Kind, Report, heading};
use super::voice::{Said, keep};
use super::{Globals, cleanup};

/// The surroundings of one run.
#[derive(Debug)]
pub(crate) struct Context {
    /// The environment variables, as they were when the program started.
    pub(crate) environment: Environment,
    /// The working folder.
    pub(crate) directory: PathBuf,
    /// What the user's own configuration says.
    pub(crate) settings: Settings,
    /// Whether break-glass keys may be tried.
    pub(crate) break_glass: bool,
    /// What is refused for its size.
    pub(crate) limits: Limits,
    /// Which streams are a terminal.
    pub(crate) terminal: Terminal,
    /// Whether standard error is coloured.
    pub(crate) colour: bool,
    /// How much is said.
    pub(crate) verbosity: Verbosity,
    /// Asks the user.
    pub(crate) prompt: TerminalPrompt,
    warned: Mutex<HashSet<String>>,
}

/// Which standard streams are a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Standard input.
    pub(crate) stdin: bool,
    /// Standard output.
    pub(crate) stdout: bool,
    /// Standard error.
    pub(crate) stderr: bool,
}

/// How much is said on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Warnings and errors.
    Quiet,
    /// Notes too.
    Normal,
    /// Details too.
    Verbose,
}

/// When to colour messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColourChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Context {
    /// Looks around once, at the start.
    pub(crate) fn new(globals: &Globals) -> Result<Self, Report> {
        Self::with(globals, |environment| {
            user::load(environment, rustix::process::geteuid().as_raw())
                .map_err(|error| Report::new(Kind::Usage, error))
        })
    }

    /// The same for what git starts on its own, which must go on: a configuration of the user's that cannot be used counts as
    /// none, with a warning.
    pub(crate) fn for_git(globals: &Globals) -> Result<Self, Report> {
        let mut warning = None;
        let context = Self::with(globals, |environment| {
            let loaded = user::load(environment, rustix::process::geteuid().as_raw());
            Ok(loaded.unwrap_or_else(|error| {
                warning = Some(Report::new(Kind::Usage, error).reason());
                Settings::default()
            }))
        })?;
        if let Some(warning) = warning {
            context.warn(warning);
        }
        Ok(context)
    }

    fn with(
        globals: &Globals,
        load: impl FnOnce(&Environment) -> Result<Settings, Report>,
    ) -> Result<Self, Report> {
        let environment = Environment::of_process();
        let terminal = Terminal::now();
        let settings = load(&environment)?;
        let directory = std::env::current_dir().map_err(|error| {
            Report::new(Kind::Failed, anyhow::Error::new(error).context("no working folder"))
        })?;
        let verbosity = match (globals.quiet, globals.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        };
        Ok(Self {
            colour: globals.color.on(&environment, terminal.stderr),
            break_glass: globals.break_glass,
            limits: globals.limits(),
            settings,
            environment,
            directory,
            terminal,
            verbosity,
            prompt: TerminalPrompt::default(),
            warned: Mutex::default(),
        })
    }

    /// Says what was done; silent under `--quiet`.
    pub(crate) fn note(&self, message: impl Display) {
        if self.verbosity >= Verbosity::Normal {
            self.say(&format!("sealeaf: {}\n", escape::line(&message.to_string())));
        }
    }

    /// Says what needs attention, always.
    pub(crate) fn warn(&self, message: impl Display) {
        let heading = heading("warning", AnsiColor::Yellow, self.colour);
        self.say(&format!("{heading}{}\n", escape::line(&message.to_string())));
    }

    /// Warns of something once in this command.
    pub(crate) fn warn_once(&self, warning: String) {
        let Some(Said::Once(warning)) = keep(Said::Once(warning)) else { return };
        if self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(warning.clone()) {
            self.warn(warning);
        }
    }

    /// Says what a thread kept.
    pub(crate) fn say_again(&self, said: Said) {
        match said {
            Said::Text(text) => self.say(&text),
            Said::Once(warning) => self.warn_once(warning),
        }
    }

    /// Says how it was done, under `--verbose`.
    pub(crate) fn detail(&self, message: impl Display) {
        if self.verbosity == Verbosity::Verbose {
            self.say(&format!("sealeaf: {}\n", escape::line(&message.to_string())));
        }
    }

    /// Writes data, and nothing but data, to standard output.
    pub(crate) fn print(&self, data: &[u8]) -> Result<(), Report> {
        let mut out = stdout().lock();
        out.write_all(data).and_then(|()| out.flush()).map_err(|error| match error.kind() {
            std::io::ErrorKind::BrokenPipe => Report::new(Kind::BrokenPipe, error),
            _ => Report::new(
                Kind::Failed,
                anyhow::Error::new(error).context("cannot write to standard output"),
            ),
        })
    }

    /// Writes `value` to standard output as JSON, in lines for people where that is a terminal.
    pub(crate) fn print_json(&self, value: &impl serde::Serialize) -> Result<(), Report> {
        let text = if self.terminal.stdout {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        let text = text.map_err(|error| Report::new(Kind::Failed, error))?;
        self.print(format!("{}\n", escape::json(&text)).as_bytes())
    }

    /// Writes a text that is escaped already to standard error.
    pub(crate) fn say(&self, text: &str) {
        let Some(Said::Text(text)) = keep(Said::Text(text.to_owned())) else { return };
        // A standard error that is closed is nobody to complain to.
        let _ = stderr().lock().write_all(text.as_bytes());
    }

    /// Whether a signal asked the program to stop while something else had the terminal.
    pub(crate) fn interrupted(&self) -> Result<(), Report> {
        if cleanup::interrupted() { Err(Report::message(Kind::Interrupted, "interrupted")) } else { Ok(()) }
    }
}

impl Terminal {
    fn now() -> Self {
        Self { stdin: stdin().is_terminal(), stdout: stdout().is_terminal(), stderr: stderr().is_terminal() }
    }
}

impl ColourChoice {
    /// Whether to colour a stream.
    pub(crate) fn on(self, environment: &Environment, terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                terminal && environment.os("NO_COLOR").is_none() && environment.text("TERM") != Some("dumb")
            }
        }
    }
}

#[cfg(test)]
impl Context {
    /// A context without a terminal, in `directory`.
    pub(crate) fn for_test(directory: &std::path::Path, environment: Environment) -> Self {
        Self {
            settings: Settings::default(),
            break_glass: false,
            environment,
            directory: directory.to_owned(),
            limits: Limits::default(),
            terminal: Terminal { stdin: false, stdout: false, stderr: false },
            colour: false,
            verbosity: Verbosity::Quiet,
            prompt: TerminalPrompt::default(),
            warned: Mutex::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_follows_choice_then_environment() {
        let plain: Environment = [("TERM", "xterm")].into_iter().collect();
        let without: Environment = [("NO_COLOR", "1")].into_iter().collect();
        let dumb: Environment = [("TERM", "dumb")].into_iter().collect();
        for (choice, environment, terminal, expect) in [
            (ColourChoice::Auto, &plain, true, true),
            (ColourChoice::Auto, &plain, false, false),
            (ColourChoice::Auto, &without, true, false),
            (ColourChoice::Auto, &dumb, true, false),
            (ColourChoice::Always, &without, false, true),
            (ColourChoice::Never, &plain, true, false),
        ] {
            assert_eq!(choice.on(environment, terminal), expect, "{choice:?} {terminal}");
        }
    }
}
