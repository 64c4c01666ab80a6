use std::process::ExitCode;

use clap::ValueEnum;
use clap_complete::{Generator, Shell as Known};
use clap_complete_nushell::Nushell;

use super::context::Context;
use super::report::Report;

/// Print a completion script for a shell
///
/// Load it from your shell's start-up file, for example:
///
///     bash:        source <(sealeaf completions bash)
///     zsh:         source <(sealeaf completions zsh)
///     fish:        sealeaf completions fish | source
///     elvish:      eval (sealeaf completions elvish | slurp)
///     powershell:  sealeaf completions powershell | Out-String | Invoke-Expression
///     nushell:     save the output to a file and `use` it
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Nushell,
    Powershell,
    Zsh,
}

/// Prints the script.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    context.print(&script(args.shell)).map(|()| ExitCode::SUCCESS)
}

fn script(shell: Shell) -> Vec<u8> {
    match shell {
        Shell::Bash => generate(Known::Bash),
        Shell::Elvish => generate(Known::Elvish),
        Shell::Fish => generate(Known::Fish),
        Shell::Nushell => generate(Nushell),
        Shell::Powershell => generate(Known::PowerShell),
        Shell::Zsh => generate(Known::Zsh),
    }
}

fn generate(generator: impl Generator) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut super::command(), "sealeaf", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_knows_every_verb() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).unwrap();
            for verb in super::super::command().get_subcommands() {
                assert!(script.contains(verb.get_name()), "{shell:?} {}", verb.get_name());
            }
        }
    }
}
