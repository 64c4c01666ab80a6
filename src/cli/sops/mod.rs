//! SOPS' own command line: `sealeaf sops …`, and this program when it is called as `sops`.
//!
//! Names, flags, exit codes and the words that scripts look for are SOPS'. What is printed besides, and what is refused
//! because it would be dangerous, is in `docs/design/sops-compatibility.md`. A command is one file with an `Args`
//! struct and a `run`, and a row in [`Command`].

mod change;
mod child;
mod completion;
mod convert;
mod decrypt;
mod edit;
mod encrypt;
mod exec_env;
mod exec_file;
mod face;
mod fault;
mod filestatus;
mod flags;
mod groups;
mod keys;
#[cfg(feature = "keyservice")]
mod keyservice;
mod legacy;
mod load;
mod path;
#[cfg(feature = "publish")]
mod publish;
mod rotate;
mod set;
mod updatekeys;
#[cfg(feature = "publish")]
mod values;
mod words;

use std::ffi::{OsStr, OsString};
use std::io::{Write, stderr};
use std::path::Path;
use std::process::ExitCode;

use clap::{Args as _, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::context::Context;
use super::report::Kind;
use super::{Globals, escape};
use encrypt::Legacy;
use face::{Before, Face};
use fault::{CANNOT_WRITE, Fault, GENERIC};
use words::{Flags, Words, sort};

/// Edit encrypted files of SOPS
#[derive(Debug, Parser)]
#[command(name = "sops", disable_version_flag = true, disable_help_subcommand = true, max_term_width = 100)]
struct Sops {
    #[command(flatten)]
    legacy: legacy::Args,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[command(args_override_self = true)]
enum Command {
    Encrypt(Box<encrypt::Args>),
    Decrypt(decrypt::Args),
    Edit(Box<edit::Args>),
    Set(set::SetArgs),
    Unset(set::UnsetArgs),
    Rotate(Box<rotate::Args>),
    Updatekeys(updatekeys::Args),
    #[command(subcommand)]
    Groups(groups::Command),
    Filestatus(filestatus::Args),
    ExecEnv(exec_env::Args),
    ExecFile(exec_file::Args),
    #[cfg(feature = "publish")]
    Publish(publish::PublishArgs),
    #[cfg(feature = "keyservice")]
    Keyservice(keyservice::KeyserviceArgs),
    Completion(completion::Args),
}

impl Command {
    fn run(&self, before: &Before, legacy: &Legacy, context: &Context) -> Result<ExitCode, Fault> {
        if let Self::Completion(args) = self {
            return completion::run(args, context);
        }
        #[cfg(feature = "keyservice")]
        if let Self::Keyservice(args) = self {
            return keyservice::run(args, context);
        }
        let face = Face::new(before, self.services(), context)?;
        match self {
            Self::Encrypt(args) => encrypt::run(args, legacy, &face),
            Self::Decrypt(args) => decrypt::run(args, &face),
            Self::Edit(args) => edit::run(args, legacy, &face),
            Self::Set(args) => set::set(args, &face),
            Self::Unset(args) => set::unset(args, &face),
            Self::Rotate(args) => rotate::run(args, &face),
            Self::Updatekeys(args) => updatekeys::run(args, &face),
            Self::Groups(groups::Command::Add(args)) => groups::add(args, &face),
            Self::Groups(groups::Command::Delete(args)) => groups::delete(args, &face),
            Self::Filestatus(args) => filestatus::run(args, &face),
            Self::ExecEnv(args) => exec_env::run(args, &face),
            Self::ExecFile(args) => exec_file::run(args, &face),
            #[cfg(feature = "publish")]
            Self::Publish(args) => publish::run(args, &face),
            #[cfg(feature = "keyservice")]
            Self::Keyservice(_) => Ok(ExitCode::SUCCESS),
            Self::Completion(_) => Ok(ExitCode::SUCCESS),
        }
    }

    fn services(&self) -> Option<&flags::Services> {
        match self {
            Self::Encrypt(args) => Some(&args.services),
            Self::Decrypt(args) => Some(&args.services),
            Self::Edit(args) => Some(&args.services),
            Self::Set(args) => Some(&args.services),
            Self::Unset(args) => Some(&args.services),
            Self::Rotate(args) => Some(&args.services),
            Self::Updatekeys(args) => Some(&args.services),
            Self::Groups(groups::Command::Add(args)) => Some(&args.services),
            Self::Groups(groups::Command::Delete(args)) => Some(&args.services),
            Self::ExecEnv(args) => Some(&args.services),
            Self::ExecFile(args) => Some(&args.services),
            #[cfg(feature = "publish")]
            Self::Publish(args) => Some(&args.services),
            #[cfg(feature = "keyservice")]
            Self::Keyservice(_) => None,
            Self::Filestatus(_) | Self::Completion(_) => None,
        }
    }

    fn order(&self) -> Option<&flags::Order> {
        match self {
            Self::Decrypt(args) => Some(&args.order),
            Self::Edit(args) => Some(&args.order),
            Self::Set(args) => Some(&args.order),
            Self::Unset(args) => Some(&args.order),
            Self::Rotate(args) => Some(&args.order),
            Self::ExecEnv(args) => Some(&args.order),
            Self::ExecFile(args) => Some(&args.order),
            #[cfg(feature = "publish")]
            Self::Publish(args) => Some(&args.order),
            _ => None,
        }
    }
}

/// Be `sops`: take its command line
///
/// Everything behind `sops` is read as the real `sops` reads it. The same happens where this program is called by that
/// name, through a link or as a copy.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A command line of SOPS, such as `decrypt FILE`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    words: Vec<OsString>,
}

/// Runs a command line of SOPS.
pub(crate) fn run(args: &Args) -> ExitCode {
    run_words(&args.words)
}

/// Whether a program's name is SOPS'.
pub(crate) fn is_called(program: Option<&OsString>) -> bool {
    let name = program.and_then(|program| Path::new(program).file_name());
    name == Some(OsStr::new("sops"))
}

/// Runs the words behind the program's name.
pub(crate) fn run_words(words: &[OsString]) -> ExitCode {
    let context = match Context::new(&Globals::default()) {
        Ok(context) => context,
        Err(report) => return super::end(&report, false),
    };
    super::workspace::sweep(&context.environment);
    match dispatch(words, &context) {
        Ok(code) => code,
        Err(fault) => end(&fault, &context),
    }
}

fn end(fault: &Fault, context: &Context) -> ExitCode {
    match &fault.report {
        Some(report) if report.kind() == Kind::BrokenPipe => return super::end(report, context.colour),
        Some(report) => {
            let _ = stderr().lock().write_all(report.render(context.colour).as_bytes());
        }
        None => {}
    }
    ExitCode::from(fault.code)
}

/// Finds out what is asked for: a command, or the flags of legacy mode.
fn dispatch(words: &[OsString], context: &Context) -> Result<ExitCode, Fault> {
    let all = face_command();
    let top = sorted(&all, words, Flags::First)?;
    let legacy: legacy::Args = parse(legacy::Args::augment_args(clap::Command::new("sops")), &top)?;
    if legacy.version {
        context.print(format!("sops {}\n", encrypt::VERSION).as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let named = top.names.first().and_then(|name| name.to_str());
    if top.help || matches!(named, Some("help" | "h")) {
        return help(&all, top.names.get(1..).unwrap_or_default(), context);
    }
    let before = Before { config: legacy.config.clone(), indent: legacy.indent, order: Vec::new() };
    let Some(command) = named.and_then(|name| all.find_subcommand(name)) else {
        let before = Before { order: legacy.order().kinds(&context.environment)?, ..before };
        let face = Face::new(&before, Some(&legacy.services), context)?;
        return legacy::run(&with_files(legacy, &top), &face);
    };
    ignored(&legacy, &top, context)?;
    let (command, path, rest) = nested(command, top.names.get(1..).unwrap_or_default());
    let own = sorted(command, rest, Flags::Anywhere)?;
    if own.help || command.has_subcommands() {
        return help(&all, &path, context);
    }
    let mut line: Vec<OsString> = vec!["sops".into()];
    line.extend(path);
    line.extend(own.flags);
    line.push("--".into());
    line.extend(own.names);
    let matches = face_command().try_get_matches_from(line).map_err(|error| of_clap(&error))?;
    let parsed = Sops::from_arg_matches(&matches).map_err(|error| of_clap(&error))?;
    let Some(command) = parsed.command else { return Err(Fault::silent(GENERIC)) };
    let order = command.order().map(|order| order.kinds(&context.environment)).transpose()?;
    let before = Before { order: order.unwrap_or_default(), ..before };
    let behind = Legacy {
        comments: flags::CommentSelectors::default(),
        mac_only_encrypted: legacy.mac_only_encrypted,
    };
    command.run(&before, &behind, context)
}

fn with_files(mut legacy: legacy::Args, top: &Words) -> legacy::Args {
    legacy.files = top.names.iter().map(Into::into).collect();
    legacy
}

/// A command below another: its path, and the words that are left.
fn nested<'c, 'w>(
    mut command: &'c clap::Command,
    mut words: &'w [OsString],
) -> (&'c clap::Command, Vec<OsString>, &'w [OsString]) {
    let mut path: Vec<OsString> = vec![command.get_name().into()];
    while let Some((first, rest)) = words.split_first() {
        let Some(next) = first.to_str().and_then(|name| command.find_subcommand(name)) else { break };
        path.push(next.get_name().into());
        (command, words) = (next, rest);
    }
    (command, path, words)
}

/// Most flags before a command do not reach it. SOPS says nothing of that; where such a flag says what is encrypted, more
/// would stand in clear than was asked for.
fn ignored(legacy: &legacy::Args, top: &Words, context: &Context) -> Result<(), Fault> {
    if legacy.selectors.chosen(&legacy.comments)?.is_some() {
        let message = "a selector before the command does not reach it";
        return Err(Fault::new(GENERIC, message).hint(
            "put it behind the command; those by comment only legacy mode (`sops -e`) and `.sops.yaml` have",
        ));
    }
    let heard = ["--config", "--indent", "--mac-only-encrypted", "--verbose", "--disable-version-check"];
    for flag in &top.flags {
        let flag = flag.to_string_lossy();
        let name = flag.split('=').next().unwrap_or_default();
        if !heard.contains(&name) {
            context.warn(format!("`{name}` before the command does not reach it: put it behind"));
        }
    }
    Ok(())
}

fn sorted(command: &clap::Command, words: &[OsString], flags: Flags) -> Result<Words, Fault> {
    sort(command, words, flags).map_err(|message| {
        let name = command.get_name();
        let of = if name == "sops" { String::new() } else { format!(" {name}") };
        Fault::new(GENERIC, message).hint(format!("flags are listed by `sops{of} --help`"))
    })
}

fn parse(command: clap::Command, words: &Words) -> Result<legacy::Args, Fault> {
    let line = std::iter::once(OsString::from("sops")).chain(words.flags.iter().cloned());
    let command = command.disable_version_flag(true).args_override_self(true);
    let matches = command.try_get_matches_from(line).map_err(|error| of_clap(&error))?;
    legacy::Args::from_arg_matches(&matches).map_err(|error| of_clap(&error))
}

fn of_clap(error: &clap::Error) -> Fault {
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    Fault::new(GENERIC, escape::line(first.strip_prefix("error: ").unwrap_or(first)))
}

/// Prints the help of a command.
fn help(all: &clap::Command, path: &[OsString], context: &Context) -> Result<ExitCode, Fault> {
    let mut command = all;
    for name in path {
        let next = name.to_str().and_then(|name| command.find_subcommand(name));
        let unknown = || Fault::new(CANNOT_WRITE, format!("No help topic for '{}'", escape::os(name)));
        command = next.ok_or_else(unknown)?;
    }
    let text = command.clone().render_long_help().to_string();
    context.print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The whole tree, for parsing, help, completions and the reference.
pub(crate) fn face_command() -> clap::Command {
    Sops::command().args_override_self(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_sound() {
        face_command().debug_assert();
    }

    #[test]
    fn the_name_decides() {
        for (name, expect) in [("sops", true), ("/usr/bin/sops", true), ("sealeaf", false), ("sops-x", false)]
        {
            assert_eq!(is_called(Some(&name.into())), expect, "{name}");
        }
    }
}
