//! The command line: which verbs there are, and how a run begins and ends.
//!
//! A verb is one file: an `Args` struct whose doc comment is its help, and one `run`. It is registered here in three
//! neighbouring places: a `mod` line, a variant of [`Command`], an arm of `Command::run`.

mod announced;
mod break_glass;
mod bring;
mod child;
mod cleanup;
mod compare;
mod compare_sops;
mod completions;
mod context;
mod convert;
mod convert_proof;
mod decrypt;
mod drill;
mod edit;
mod editor;
mod encrypt;
mod escape;
mod exec;
mod exec_env;
mod explain;
mod explain_access;
mod explain_sops;
mod found;
mod get;
mod git;
mod governing;
mod harden;
mod init;
mod input;
mod inspect;
mod keygen;
mod man;
mod merged;
mod opened;
mod output;
mod parallel;
mod place;
mod plaintext;
mod plan;
mod progress;
mod prompt;
mod recipient;
mod recipients;
mod rekey;
mod repair;
mod report;
mod reseal;
mod rotate;
mod session;
mod set;
mod sops;
mod status;
mod table;
mod together;
mod twins;
mod unset;
mod verify;
mod voice;
mod workspace;

use std::ffi::{OsStr, OsString};
use std::io::{Write, stderr};
use std::process::ExitCode;

use anstyle::AnsiColor;
use clap::error::ErrorKind;
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use sealeaf::format::Limits;

use context::{ColourChoice, Context};
use report::{Kind, Report, heading};

/// Keep secrets in git: seal the values of YAML, JSON and TOML files, and nothing else
#[derive(Debug, Parser)]
#[command(name = "sealeaf", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every verb.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Globals {
    /// Say nothing but warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    quiet: bool,
    /// Say how things are done
    #[arg(short, long, global = true, help_heading = "Global options")]
    verbose: bool,
    /// When to colour messages
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    color: ColourChoice,
    /// Try break-glass keys too, for emergencies
    #[arg(long, global = true, hide_short_help = true, help_heading = "Global options")]
    break_glass: bool,
    /// Refuse larger files; a number of bytes, or with a unit such as `64MiB`
    #[arg(long, value_name = "SIZE", global = true, value_parser = size, hide_short_help = true, help_heading = "Limits")]
    max_file_size: Option<usize>,
    /// Refuse deeper nesting
    #[arg(long, value_name = "N", value_parser = depth, global = true, hide_short_help = true, help_heading = "Limits")]
    max_depth: Option<usize>,
    /// Refuse more values
    #[arg(long, value_name = "N", global = true, hide_short_help = true, help_heading = "Limits")]
    max_leaves: Option<usize>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
enum Command {
    Completions(completions::Args),
    Convert(convert::Args),
    Decrypt(decrypt::Args),
    Drill(drill::Args),
    Edit(edit::Args),
    Encrypt(encrypt::Args),
    Exec(exec::Args),
    Explain(explain::Args),
    Get(get::Args),
    Git(git::Args),
    Init(init::Args),
    Keygen(keygen::Args),
    Man(man::Args),
    Recipients(recipients::Args),
    Rekey(rekey::Args),
    Reseal(reseal::Args),
    Rotate(rotate::Args),
    Set(set::Args),
    #[command(disable_help_flag = true)]
    Sops(sops::Args),
    Status(status::Args),
    Unset(unset::Args),
    Verify(verify::Args),
}

impl Command {
    fn run(self, context: &Context) -> Result<ExitCode, Report> {
        match self {
            Self::Completions(args) => completions::run(args, context),
            Self::Convert(args) => convert::run(args, context),
            Self::Decrypt(args) => decrypt::run(args, context),
            Self::Drill(args) => drill::run(args, context),
            Self::Edit(args) => edit::run(args, context),
            Self::Encrypt(args) => encrypt::run(args, context),
            Self::Exec(args) => exec::run(args, context),
            Self::Explain(args) => explain::run(args, context),
            Self::Get(args) => get::run(args, context),
            Self::Git(args) => git::run(args, context),
            Self::Init(args) => init::run(args, context),
            Self::Keygen(args) => keygen::run(args, context),
            Self::Man(args) => man::run(args, context),
            Self::Recipients(args) => recipients::run(args, context),
            Self::Rekey(args) => rekey::run(args, context),
            Self::Reseal(args) => reseal::run(args, context),
            Self::Rotate(args) => rotate::run(args, context),
            Self::Set(args) => set::run(args, context),
            Self::Sops(args) => Ok(sops::run(&args)),
            Self::Status(args) => status::run(args, context),
            Self::Unset(args) => unset::run(args, context),
            Self::Verify(args) => verify::run(args, context),
        }
    }
}

/// Runs the program that the command line asks for.
pub(crate) fn run() -> ExitCode {
    harden::apply();
    report_panics();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if sops::is_called(arguments.first()) {
        return sops::run_words(arguments.get(1..).unwrap_or_default());
    }
    let matches = command().color(help_colour(&arguments)).try_get_matches_from(arguments);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return answer(&error),
    };
    let is_gits = matches!(&cli.command, Command::Git(args) if args.is_gits());
    let context = if is_gits { Context::for_git(&cli.globals) } else { Context::new(&cli.globals) };
    let context = match context {
        Ok(context) => context,
        Err(report) => return end(&report, false),
    };
    workspace::sweep(&context.environment);
    cli.command.run(&context).unwrap_or_else(|report| end(&report, context.colour))
}

/// The whole command tree, for completions, manual pages and the reference.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

impl Globals {
    fn limits(&self) -> Limits {
        let usual = Limits::default();
        Limits {
            file: self.max_file_size.unwrap_or(usual.file),
            depth: self.max_depth.unwrap_or(usual.depth),
            leaves: self.max_leaves.unwrap_or(usual.leaves),
            ..usual
        }
    }
}

fn end(report: &Report, colour: bool) -> ExitCode {
    if report.kind() == Kind::BrokenPipe {
        // As a program ends that never heard of SIGPIPE being ignored.
        let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGPIPE);
    }
    let _ = stderr().lock().write_all(report.render(colour).as_bytes());
    report.kind().into()
}

/// Prints help or version, or says in the house's voice what is wrong with the command line.
fn answer(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match error.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                end(&Report::new(Kind::BrokenPipe, error), false)
            }
            Err(_) => Kind::Failed.into(),
        };
    }
    let plain = error.render().to_string();
    let text = match plain.strip_prefix("error: ") {
        // The arguments it quotes may come from file names.
        Some(rest) => format!("{}{}", heading("error", AnsiColor::Red, false), escape::text(rest)),
        None => escape::text(&plain),
    };
    let _ = stderr().lock().write_all(text.as_bytes());
    Kind::Usage.into()
}

/// What `--color` says, before the command line is parsed: help is printed by the parser itself.
fn help_colour(arguments: &[OsString]) -> ColorChoice {
    let mut arguments = arguments.iter().skip(1).take_while(|argument| *argument != "--");
    while let Some(argument) = arguments.next() {
        let value = match argument.to_str() {
            Some("--color") => arguments.next().map(OsString::as_os_str),
            Some(argument) => argument.strip_prefix("--color=").map(OsStr::new),
            None => None,
        };
        match value.and_then(OsStr::to_str).map(|value| ColourChoice::from_str(value, true)) {
            Some(Ok(ColourChoice::Always)) => return ColorChoice::Always,
            Some(Ok(ColourChoice::Never)) => return ColorChoice::Never,
            _ => {}
        }
    }
    ColorChoice::Auto
}

/// A panic says where, never what: its message may quote a value.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        let text = format!(
            "{}internal error{place}; nothing was written\n{}this is a bug, please report it\n",
            heading("error", AnsiColor::Red, false),
            heading("hint", AnsiColor::Cyan, false)
        );
        let _ = stderr().lock().write_all(text.as_bytes());
        cleanup::now();
        signal_hook::low_level::exit(i32::from(Kind::Failed.code()));
    }));
}

/// Parses `1048576`, `64k`, `64MiB`, `1g`.
fn size(text: &str) -> Result<usize, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return Err("expected a number of bytes, or a unit of k, M or G".to_owned()),
    };
    let number: usize = number.parse().map_err(|_| "expected a number".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "too large".to_owned())
}

/// Parses a nesting limit; walks recurse as deep as a document, and the stack is finite.
fn depth(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(depth @ 1..=MAX_DEPTH) => Ok(depth),
        _ => Err(format!("expected a number from 1 to {MAX_DEPTH}")),
    }
}

const MAX_DEPTH: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_tree_is_sound() {
        command().debug_assert();
    }

    /// Panics in a process of its own: the hook ends it.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "says which of the two processes this is")]
    fn ac_80_a_panic_shows_no_value() {
        if std::env::var_os("SEALEAF_TEST_PANICS").is_some() {
            report_panics();
            panic!("a message with a canary in it");
        }
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "cli::tests::ac_80_a_panic_shows_no_value", "--nocapture"]);
        let output = child.env("SEALEAF_TEST_PANICS", "1").env("RUST_BACKTRACE", "full").output().unwrap();
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("sealeaf: error: internal error at src/cli/mod.rs:"), "{stderr}");
        assert_eq!(stderr.lines().count(), 2, "{stderr}");
        assert!(!stderr.contains("canary") && !stdout.contains("canary"), "{stderr}");
    }

    #[test]
    fn sizes_have_units() {
        for (text, expect) in [
            ("0", Some(0)),
            ("64k", Some(64 << 10)),
            ("64MiB", Some(64 << 20)),
            ("1g", Some(1 << 30)),
            ("99999999999999999999", None),
            ("18446744073709551615k", None),
            ("k", None),
            ("1x", None),
            ("-1", None),
        ] {
            assert_eq!(size(text).ok(), expect, "{text}");
        }
    }

    #[test]
    fn colour_of_help_is_found_early() {
        for (arguments, expect) in [
            (vec!["sealeaf", "--color=never", "man"], ColorChoice::Never),
            (vec!["sealeaf", "man", "--color", "always"], ColorChoice::Always),
            (vec!["sealeaf", "--", "--color=never"], ColorChoice::Auto),
            (vec!["sealeaf", "--color"], ColorChoice::Auto),
        ] {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            assert_eq!(help_colour(&arguments), expect, "{arguments:?}");
        }
    }

    #[test]
    fn every_help_text_is_in_the_imperative_without_full_stop() {
        let mut commands = vec![command()];
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands().cloned());
            let helps = command
                .get_arguments()
                .filter_map(clap::Arg::get_help)
                .chain(command.get_about())
                .map(ToString::to_string);
            for help in helps {
                let first = help.chars().next().unwrap_or_default();
                assert!(first.is_uppercase() && !help.ends_with('.'), "{}: {help}", command.get_name());
            }
        }
    }
}
