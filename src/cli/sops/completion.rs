use std::process::ExitCode;

use super::face_command;
use super::fault::{CANNOT_WRITE, Fault};
use crate::cli::context::Context;

/// Print a script that completes commands and flags
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Args {
    /// `bash`, `zsh`, `fish`, `elvish` or `powershell`
    #[arg(value_name = "SHELL")]
    pub(super) shell: Vec<String>,
}

/// Prints the script.
pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, Fault> {
    let name = args.shell.first().map(String::as_str).unwrap_or_default();
    let shell: clap_complete::Shell = name.parse().map_err(|_| {
        Fault::new(CANNOT_WRITE, format!("No help topic for '{name}'"))
            .hint("shells are bash, zsh, fish, elvish and powershell: `source <(sops completion bash)`")
    })?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut face_command(), "sops", &mut script);
    context.print(&script)?;
    Ok(ExitCode::SUCCESS)
}
