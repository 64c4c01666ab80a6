use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::format::Format;

use super::context::Context;
use super::input::{Access, Input, Source, expand, format_parser};
use super::opened::Opened;
use super::output::{Content, Lock, Target, targets};
use super::plaintext::Outlook;
use super::report::Report;
use super::session::{Linked, Session, named};
use super::together::{self, Made};

/// Open sealed files
///
/// Writes the plaintext to standard output, to --output, or in place. Everything is authenticated first; on any failure
/// nothing is written.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write there: a file, `-`, or a folder, for several files and for those of a folder
    #[arg(short, long, value_name = "PATH", conflicts_with = "in_place")]
    output: Option<PathBuf>,
    /// Replace the sealed files
    #[arg(short, long)]
    in_place: bool,
    /// Take the rule and format of this path
    #[arg(long, value_name = "PATH")]
    path: Option<PathBuf>,
    /// The format, where the name does not tell
    #[arg(long, value_parser = format_parser())]
    format: Option<&'static dyn Format>,
    /// Refuse a file that joins pieces of several versions
    #[arg(long)]
    require_sealed: bool,
    /// Accept plaintext where git would track it
    #[arg(long)]
    allow_tracked: bool,
}

/// Opens each file.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let sources = expand(&args.files, context)?;
    let to = if args.in_place { Vec::new() } else { targets(args.output.as_deref(), &args.files, &sources)? };
    let mut session = Session::new(context);
    session.announce(sources.iter().filter_map(named));
    let _locks =
        if args.in_place { Lock::around_all(sources.iter().filter_map(named), context)? } else { Vec::new() };
    let work: Vec<(Source, Option<Target>)> = if args.in_place {
        sources.into_iter().map(|source| (source, None)).collect()
    } else {
        sources.into_iter().zip(to.into_iter().map(Some)).collect()
    };
    let opened =
        together::results(&work, |(source, _)| source.shown(), context, |work| one(&args, work, &session));
    let outlook = if args.allow_tracked { Outlook::default() } else { outlook(&opened, context) };
    let guard = |path: &Path| {
        if args.allow_tracked { Ok(()) } else { outlook.refuse_tracked(path, args.in_place, context) }
    };
    together::write_each(opened, Content::Plain(&guard), context)
}

fn one(
    args: &Args,
    (source, target): &(Source, Option<Target>),
    session: &Session<'_>,
) -> Result<Made, Report> {
    let access = if target.is_none() { Access::Change } else { Access::Read };
    let input = Input::read(source, access, args.format, args.path.as_deref(), session.context)?;
    let linked = if args.require_sealed { Linked::Refuse } else { Linked::Note };
    let open = Opened::read(&input, args.path.as_deref(), linked, session)?;
    let carried = input.format.carried(open.plain());
    let text = open.plain().source.clone();
    Ok(Made { input, target: target.clone(), text, carried, note: None })
}

/// What git does with the places that are about to be written to.
fn outlook(opened: &[Result<Made, Report>], context: &Context) -> Outlook {
    let places = opened.iter().flatten().filter_map(|made| match &made.target {
        Some(Target::File(path)) => Some(path.as_path()),
        Some(Target::Stdout) => None,
        None => named(&made.input.source),
    });
    Outlook::of(places, context)
}
