use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::format::Format;

use super::context::Context;
use super::input::{Access, Input, Source, expand, format_parser};
use super::opened::Opened;
use super::output::{Content, Target, make_folders, replace, targets, write};
use super::progress::Progress;
use super::report::{Context as _, Report};
use super::session::{Linked, Session};
use super::{parallel, plaintext};

/// Open sealed files
///
/// Writes the plaintext to standard output, to --output, or in place. Everything is authenticated first; on any failure
/// nothing is written.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write there: a file, `-`, or a folder for several
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
    let to = if args.in_place { Vec::new() } else { targets(args.output.as_deref(), &sources)? };
    let session = Session::new(context);
    let work: Vec<(Source, Option<Target>)> = if args.in_place {
        sources.into_iter().map(|source| (source, None)).collect()
    } else {
        sources.into_iter().zip(to.into_iter().map(Some)).collect()
    };
    let progress = Progress::new(work.len(), context);
    parallel::report_each(&work, context, |(source, target)| {
        let done = one(&args, source, target.as_ref(), &session);
        progress.step(&source.shown().to_string_lossy());
        done
    })
}

fn one(args: &Args, source: &Source, target: Option<&Target>, session: &Session<'_>) -> Result<(), Report> {
    let context = session.context;
    let access = if target.is_none() { Access::Change } else { Access::Read };
    let input = Input::read(source, access, args.format, args.path.as_deref(), context)?;
    let linked = if args.require_sealed { Linked::Refuse } else { Linked::Note };
    let open = Opened::read(&input, args.path.as_deref(), linked, session)?;
    let text = open.plain().source.as_bytes();
    let guard = |path: &Path| {
        if args.allow_tracked { Ok(()) } else { plaintext::refuse_tracked(path, args.in_place, context) }
    };
    match target {
        None => replace(input.original()?, text, Content::Plain(&guard), context).map(drop),
        Some(target) => {
            make_folders(target, context)?;
            write(target, text, Content::Plain(&guard), context)
        }
    }
    .at(source.shown())
}
