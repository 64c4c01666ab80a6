use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::file::{FileError, SealedFile};
use sealeaf::format::Format;
use sealeaf::keys::{Attempt, Recipient};
use serde::Serialize;

use super::context::Context;
use super::input::{Access, Input, Source, expand, format_parser};
use super::report::convert::attempt_lines;
use super::report::{Context as _, Kind, Report};
use super::session::{Session, named, refuse_sops};
use super::{escape, parallel};

/// Prove that a break-glass key opens
///
/// Tries every break-glass recipient of the files with the keys at hand, and the data key that comes out against
/// everything in the file. Nothing of a file's content is printed, and nothing is written. Where several groups have to act together, it
/// is proven that the key opens its group's share.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only this recipient, by name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The format, where the name does not tell
    #[arg(long, value_parser = format_parser())]
    format: Option<&'static dyn Format>,
}

/// What came of one break-glass key.
#[derive(Serialize)]
struct Drilled {
    file: String,
    name: String,
    id: String,
    opens: bool,
    /// Whether it opens a share, and other groups are needed too.
    share: bool,
    #[serde(skip)]
    why: Option<Attempt>,
}

/// Tries each key on each file.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let sources = expand(&args.files, context)?;
    let session = Session::new(context);
    let results =
        parallel::map_waiting(&sources, context, |source| one(&args, source, &session).at(source.shown()));
    let drilled: Vec<Drilled> =
        results.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let lines: String = drilled.iter().flat_map(Drilled::lines).map(|line| format!("{line}\n")).collect();
    if args.json {
        context.print_json(&serde_json::json!({ "schema_version": 1, "keys": drilled }))?;
    } else {
        context.print(lines.as_bytes())?;
    }
    let failed = drilled.iter().filter(|one| !one.opens).count();
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Report::message(Kind::NoKey, format!("{failed} of {} break-glass keys did not open", drilled.len()))
        .hint("run this where the key is, or give it in SEALEAF_IDENTITY_FILE"))
}

fn one(args: &Args, source: &Source, session: &Session<'_>) -> Result<Vec<Drilled>, Report> {
    let context = session.context;
    let input = Input::read(source, Access::Read, args.format, None, context)?;
    refuse_sops(
        &input,
        context,
        "a SOPS file has no break-glass keys",
        "`sealeaf explain` says which of its keys open",
    )?;
    let file = SealedFile::parse(&input.text, input.format, &context.limits)?;
    session.check_scope(&file, named(source))?;
    let is_meant =
        |one: &Recipient| one.break_glass && args.name.as_ref().is_none_or(|name| *name == one.name);
    let share = file.header().threshold > 1;
    let mut drilled = Vec::new();
    for recipient in file.header().recipients().filter(|one| is_meant(one)) {
        let why = match file.drill(recipient, &session.keyring()) {
            Ok(Some(key)) => {
                SealedFile::parse(&input.text, input.format, &context.limits)?
                    .open_with(key, &context.limits)?;
                None
            }
            Ok(None) => None,
            Err(FileError::Unwrap(error)) => error.attempts.into_iter().next(),
            Err(error) => return Err(error.into()),
        };
        drilled.push(Drilled {
            file: source.shown().to_string_lossy().into_owned(),
            name: recipient.name.clone(),
            id: recipient.key.id.clone(),
            opens: why.is_none(),
            share,
            why,
        });
    }
    if drilled.is_empty() {
        return Err(none(args, source.shown()));
    }
    Ok(drilled)
}

fn none(args: &Args, shown: &Path) -> Report {
    let message = match &args.name {
        Some(name) => format!("the file has no break-glass recipient called `{name}`"),
        None => "the file has no break-glass recipients".to_owned(),
    };
    Report::message(Kind::Refused, message)
        .at(shown)
        .hint("mark a recipient with `break_glass = true` in `.sealeaf.toml`, then run `sealeaf rekey`")
}

impl Drilled {
    fn lines(&self) -> Vec<String> {
        let file = escape::line(&self.file);
        match &self.why {
            None => {
                let what =
                    if self.share { "opens its group's share" } else { "opens it, and all of it is whole" };
                vec![format!("{file}: {} {what}", escape::line(&self.name))]
            }
            Some(attempt) => {
                attempt_lines(attempt).into_iter().map(|line| format!("{file}: {line}")).collect()
            }
        }
    }
}
