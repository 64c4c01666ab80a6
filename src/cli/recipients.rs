mod change;
mod list;

use std::process::ExitCode;

use clap::Subcommand;

use super::context::Context;
use super::report::Report;

/// List, add or remove who can read
///
/// Recipients have names in `.sealeaf.toml`, and rules name them. Adding or removing one changes the configuration and
/// brings the sealed files to it, all of them together or nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Add(change::Add),
    Remove(change::Remove),
}

/// Does what the sub-command says.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    match args.command {
        Command::List(args) => list::run(args, context),
        Command::Add(args) => change::add(args, context),
        Command::Remove(args) => change::remove(args, context),
    }
}
