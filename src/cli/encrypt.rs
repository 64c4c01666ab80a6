use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::config::{FILE_NAME, sops};
use sealeaf::file::{SealedFile, SealedText};
use sealeaf::format::{Format, by_file_name};
use sealeaf::secret::SecretText;

use super::break_glass;
use super::context::Context;
use super::input::{Access, Input, Source, expand, format_parser, walk};
use super::opened::{Opened, is_sops};
use super::output::{Content, Lock, Target, targets};
use super::plan::{Accepting, Asked, Envelope, Plan, Selectors};
use super::repair::Accepted;
use super::report::{Context as _, Kind, Report, plural};
use super::session::{Linked, Session, named, plain};
use super::together::{self, Made};
use super::{escape, repair, twins};

/// Seal plain files
///
/// Replaces the values that the file's rule selects, in place or to --output. The rule is one of `.sealeaf.toml`, or of
/// `.sops.yaml`, which gives SOPS files. Folders and globs stand for the files
/// in them that a rule of `.sealeaf.toml` covers. A sealed file stays as it is; one that was edited by hand is sealed again after a look at
/// what changed. A plain file whose target, index or HEAD version is sealed keeps that version's unchanged ciphertext.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write there instead: a file, `-`, or a folder, for several files and for those of a folder
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Seal for these, a name in `.sealeaf.toml` or a key, instead of the rule's recipients
    #[arg(long, value_name = "NAME|KEY")]
    to: Vec<String>,
    /// Take rule and format of this path
    #[arg(long, value_name = "PATH")]
    path: Option<PathBuf>,
    /// The format, where the name does not tell
    #[arg(long, value_parser = format_parser())]
    format: Option<&'static dyn Format>,
    /// Accept what was edited by hand in a sealed file
    #[arg(long)]
    yes: bool,
    /// Accept that this sealed path now holds a clear value, and seal that
    #[arg(long, value_name = "KEYPATH")]
    replace: Vec<String>,
    /// Accept a file in which the rule seals nothing
    #[arg(long)]
    allow_no_secrets: bool,
    /// Accept comments that look like secrets in clear
    #[arg(long)]
    allow_comments: bool,
    /// Make a new data key and file id even where an earlier sealed version exists
    #[arg(long)]
    fresh: bool,
    /// Seal as files of this program, or of SOPS; without it, as the rule says
    #[arg(long, value_enum)]
    envelope: Option<Envelope>,
    #[command(flatten)]
    selectors: Selectors,
}

/// Seals each file.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let sources = expand(&args.files, context)?;
    let mut session = Session::new(context);
    session.announce(sources.iter().filter_map(named));
    let sources = covered(&args, sources, &session)?;
    let to = match (&args.output, sources.as_slice()) {
        (None, [Source::Stdin]) => Some(vec![Target::Stdout]),
        (None, _) => None,
        (Some(output), _) => Some(targets(Some(output), &args.files, &sources)?),
    };
    let work: Vec<(Source, Option<Target>)> = match to {
        None => sources.into_iter().map(|source| (source, None)).collect(),
        Some(to) => sources.into_iter().zip(to.into_iter().map(Some)).collect(),
    };
    let in_place = work.iter().filter(|(_, target)| target.is_none());
    let _locks = Lock::around_all(in_place.filter_map(|(source, _)| named(source)), context)?;
    let sealed =
        together::results(&work, |(source, _)| source.shown(), context, |work| one(&args, work, &session));
    together::write_each(sealed, Content::Sealed, context)
}

/// Of files found in folders and globs those that a rule covers; what was named itself stays.
fn covered(args: &Args, sources: Vec<Source>, session: &Session<'_>) -> Result<Vec<Source>, Report> {
    if !args.to.is_empty() || args.path.is_some() {
        return Ok(sources);
    }
    let mut kept = Vec::new();
    let given: HashSet<&Path> = args.files.iter().map(PathBuf::as_path).collect();
    let unknown = of_unknown_format(args, session.context)?;
    for source in sources.into_iter().chain(unknown) {
        if named(&source).is_some_and(|path| path.ends_with(FILE_NAME) || path.ends_with(sops::FILE_NAME)) {
            continue;
        }
        let is_named = named(&source).is_none_or(|path| given.contains(path));
        let is_covered = match named(&source) {
            // A rule of `.sops.yaml` says how a file is encrypted, not that it must be.
            Some(path) if !is_named => session
                .governing(path)
                .at(path)?
                .is_some_and(|rule| !rule.config().ends_with(sops::FILE_NAME)),
            _ => true,
        };
        if is_covered {
            kept.push(source);
        }
    }
    if kept.is_empty() {
        return Err(Report::message(Kind::Refused, "no rule covers any of these files").hint(
            "add a rule to `.sealeaf.toml` at the root of the repository, or name recipients with --to; files under `.sops.yaml` are named one by one",
        ));
    }
    Ok(kept)
}

/// What lies in the folders and belongs to no format. Where a rule covers it, it is not passed over in silence: sealing
/// it fails, and says so.
fn of_unknown_format(args: &Args, context: &Context) -> Result<Vec<Source>, Report> {
    let mut found = Vec::new();
    for folder in args.files.iter().filter(|file| context.directory.join(file).is_dir()) {
        let unknown = |path: &Path| {
            let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            by_file_name(&name).is_none()
                && !name.starts_with('.')
                && fs::metadata(context.directory.join(path)).is_ok_and(|file| file.len() > 0)
        };
        found.extend(walk(folder, context, unknown)?.into_iter().map(Source::File));
    }
    Ok(found)
}

fn one(
    args: &Args,
    (source, target): &(Source, Option<Target>),
    session: &Session<'_>,
) -> Result<Made, Report> {
    let context = session.context;
    let access = if target.is_none() { Access::Change } else { Access::Read };
    let input = Input::read(source, access, args.format, args.path.as_deref(), context)?;
    let shown = source.shown();
    if is_sops(&input, context) {
        let note = Some(format!("{}: {}", escape::path(shown), look_at_sops(&input, session)?));
        let text = input.text.clone();
        return Ok(Made { input, target: target.clone(), text, carried: None, note });
    }
    let (text, note) = match SealedFile::is_sealed(&input.text, input.format, &context.limits).at(shown)? {
        true => {
            let accepted =
                Accepted { edits: args.yes, replaced: &args.replace, comments: args.allow_comments };
            repair::run(&input, args.path.as_deref(), accepted, session).at(shown)?
        }
        false => fresh(args, &input, target.as_ref(), session).at(shown)?,
    };
    let note = format!("{}: {note}", escape::path(shown));
    Ok(Made { input, target: target.clone(), text, carried: None, note: Some(note) })
}

/// Seals a plain file, as the next version of its sealed one where there is one.
fn fresh(
    args: &Args,
    input: &Input,
    target: Option<&Target>,
    session: &Session<'_>,
) -> Result<(SecretText, String), Report> {
    let context = session.context;
    let path = args.path.as_deref().or_else(|| named(&input.source));
    let asked = Asked { path, to: &args.to, envelope: args.envelope, selectors: &args.selectors };
    let plan = Plan::choose(&asked, session)?;
    let document = plain(&input.text, plan.format(input.format), context)?;
    twins::warn(&document, input.source.shown(), context);
    let before = if args.fresh { None } else { earlier(&plan, path, input, target, session)? };
    let accepting = Accepting { no_secrets: args.allow_no_secrets, comments: args.allow_comments };
    let sealed = plan.seal(document, input.format, before.as_ref(), accepting, session)?;
    let kept =
        before.is_some().then(|| format!(", {} unchanged", sealed.sealed.saturating_sub(sealed.fresh)));
    let note = format!("{}{}", counts(&sealed), kept.unwrap_or_default());
    Ok((sealed.text, note))
}

/// What is said of a SOPS file, which stays as it is. What stands in clear where it encrypts is an error.
fn look_at_sops(input: &Input, session: &Session<'_>) -> Result<&'static str, Report> {
    match Opened::read(input, None, Linked::Silent, session) {
        Ok(_) => Ok("encrypted already, as a SOPS file"),
        Err(report) if report.kind() == Kind::NoKey => {
            Ok("encrypted already, as a SOPS file (not verified: no key for it)")
        }
        Err(report) => Err(report),
    }
}

/// `7 of 9 values sealed`.
fn counts(sealed: &SealedText) -> String {
    format!("{} of {} sealed", sealed.sealed, plural(sealed.leaves, "value", "values"))
}

/// The sealed version that this plain file follows: its target, or the one in git's index or HEAD.
fn earlier(
    plan: &Plan,
    path: Option<&Path>,
    input: &Input,
    target: Option<&Target>,
    session: &Session<'_>,
) -> Result<Option<Opened>, Report> {
    let hint = |report: Report| {
        report.hint("an earlier sealed version of this file exists; --fresh seals it without regard to that")
    };
    let target = match (target, path) {
        (None, Some(path)) => {
            let committed = plan.committed(path, input.format, session);
            return committed
                .map_err(|report| if report.kind() == Kind::NotSealed { report } else { hint(report) });
        }
        (Some(Target::File(target)), _) if target.exists() => target,
        _ => return Ok(None),
    };
    let (context, source) = (session.context, Source::File(target.clone()));
    let old = Input::read(&source, Access::Read, Some(input.format), None, context)?;
    match plan {
        Plan::Sops(_) if is_sops(&old, context) => {
            Opened::read(&old, None, Linked::Silent, session).map(Some).map_err(hint)
        }
        Plan::Native(..) if SealedFile::is_sealed(&old.text, old.format, &context.limits).at(target)? => {
            let sealed = SealedFile::parse(&old.text, old.format, &context.limits).at(target)?;
            let open = sealed
                .open(&session.keyring(), &context.limits)
                .map_err(|error| hint(Report::from(error)))?;
            break_glass::tell(open.header(), target, session);
            session.check_identity(&open, target)?;
            Ok(Some(Opened::Native(Box::new(open))))
        }
        _ => Ok(None),
    }
}
