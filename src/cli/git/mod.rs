//! What git calls, and what makes git call it.

pub(crate) mod install;
mod textconv;

use std::process::ExitCode;

use clap::Subcommand;

use super::context::Context;
use super::report::Report;

/// Work with git
///
/// `install` sets a repository up; git itself calls the others.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Install(install::Args),
    Textconv(textconv::Args),
}

impl Args {
    /// Whether git calls this on its own.
    pub(crate) const fn is_gits(&self) -> bool {
        matches!(self.command, Command::Textconv(_))
    }
}

/// Runs the verb below `git`.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    match args.command {
        Command::Install(args) => install::run(args, context),
        Command::Textconv(args) => textconv::run(args, context),
    }
}
