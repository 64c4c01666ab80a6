use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::envelope::native::State;
use sealeaf::file::{Change, FileError, Next, OpenFile, SealedFile};
use sealeaf::format::Format;
use sealeaf::git::At;

use super::break_glass;
use super::context::Context;
use super::escape;
use super::input::{Access, Input, Source, expand, format_parser};
use super::merged::{Merge, is_explained, merge, merging, record_to_reseal};
use super::output::{Content, Lock};
use super::report::{Context as _, Kind, Report};
use super::session::{Linked, Session, named, plain, refuse_sops};
use super::together::{self, Made};

/// Make one version of a merged file
///
/// A clean text merge opens, but is *linked*: its pieces are authentic, and nobody wrote them together. This writes one
/// record anew, and the file is sealed again. It asks, unless git shows that the file is the result of a merge or that
/// nothing in it went back.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the merged text does not authenticate: open both parents, merge their plaintext and seal that
    #[arg(long)]
    merge: bool,
    /// Accept a combination that git does not explain
    #[arg(long)]
    yes: bool,
    /// The format, where the name does not tell
    #[arg(long, value_parser = format_parser())]
    format: Option<&'static dyn Format>,
}

/// Reseals each file.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let sources = expand(&args.files, context)?;
    let mut session = Session::new(context);
    session.announce(sources.iter().filter_map(named));
    let _locks = Lock::around_all(sources.iter().filter_map(named), context)?;
    let work = |source: &Source| one(&args, source, &session).at(source.shown());
    let resealed = together::results(&sources, Source::shown, context, work);
    together::write_each(resealed, Content::Sealed, context)
}

fn one(args: &Args, source: &Source, session: &Session<'_>) -> Result<Made, Report> {
    let context = session.context;
    let input = Input::read(source, Access::Change, args.format, None, context)?;
    let path = source.shown();
    refuse_sops(
        &input,
        context,
        "a SOPS file is never linked: a text merge of two versions does not open",
        "take one side with `git checkout --ours` or `--theirs`, then set the other's values with `sealeaf set`",
    )?;
    let open = match session.open(&input, None, Linked::Silent) {
        Ok(open) => open,
        Err(report) if args.merge && report.kind() == Kind::Authentication => {
            return by_plaintext(args, input, path, session);
        }
        Err(report) => return Err(report),
    };
    if open.state() == State::Sealed {
        if args.merge && is_one_side(&input, path, session)? {
            return by_plaintext(args, input, path, session);
        }
        let (note, text) = (format!("{}: sealed already", escape::path(path)), input.text.clone());
        return Ok(Made { input, target: None, text, carried: None, note: Some(note) });
    }
    session.check_write(&open, path)?;
    if !args.yes && !is_explained(session, &open, path)? {
        consent(&open, path, session)?;
    }
    let touch = record_to_reseal(session, &open, path)?;
    let next = Next { touch, allow_no_secrets: true, allow_comments: true, ..Next::default() };
    let change = open.next(next, &session.keyring(), &context.limits)?;
    Ok(finish(input, change, path))
}

fn finish(input: Input, change: Change, path: &Path) -> Made {
    let note = format!("{}: sealed", escape::path(path));
    Made { input, target: None, text: change.sealed.text, carried: None, note: Some(note) }
}

/// Shows what the file joins, and asks.
fn consent(open: &OpenFile, path: &Path, session: &Session<'_>) -> Result<(), Report> {
    let context = session.context;
    let lines = joined(open, path, session)?;
    if !context.terminal.stderr {
        return Err(Report::message(
            Kind::NotSealed,
            "the file joins pieces of several versions, and git shows no merge that made it",
        )
        .detail(&lines.join("\n"))
        .hint("look at these values; where they belong together, say --yes"));
    }
    if context.prompt.confirm("seal this combination?", &lines)? {
        Ok(())
    } else {
        Err(Report::message(Kind::NotSealed, "not resealed"))
    }
}

/// What differs from the committed version; without one, every record with its number.
fn joined(open: &OpenFile, path: &Path, session: &Session<'_>) -> Result<Vec<String>, Report> {
    let records = open.sealed_file().sealed().records();
    let head = session.committed(path, At::Commit("HEAD"), open.sealed_file().format())?;
    let before = head.map(|head| head.sealed().records()).unwrap_or_default();
    Ok(records
        .iter()
        .filter(|(key, record)| before.get(key).is_none_or(|old| old.print != record.print))
        .map(|(_, record)| format!("{} (record {})", record.label, record.n))
        .collect())
}

/// Whether the file is just one of the two sides of a merge in progress, as after `git checkout --theirs`: then the other
/// side would be lost.
fn is_one_side(input: &Input, path: &Path, session: &Session<'_>) -> Result<bool, Report> {
    let Some((repo, relative)) = session.repository(path)? else { return Ok(false) };
    let heads = repo.merge_heads()?;
    let [other] = heads.as_slice() else { return Ok(false) };
    let text = Some(input.text.as_bytes());
    let ours = repo.blob(At::Commit("HEAD"), &relative)?;
    let theirs = repo.blob(At::Commit(other.as_str()), &relative)?;
    Ok(ours != theirs && (ours.as_deref() == text || theirs.as_deref() == text))
}

/// Merges the plaintext of the two sides of the merge in progress, or of HEAD's parents.
fn by_plaintext(args: &Args, input: Input, path: &Path, session: &Session<'_>) -> Result<Made, Report> {
    let limits = &session.context.limits;
    let no_merge =
        || Report::message(Kind::NotSealed, "git shows no merge of two sealed versions of this file");
    let (repo, relative) = session.repository(path)?.ok_or_else(no_merge)?;
    let [one, two] = merging(&repo)?.ok_or_else(no_merge)?;
    let merge = merge(session, &repo, &relative, [&one, &two], input.format)?.ok_or_else(no_merge)?;
    let Merge { ours, theirs, bases } = merge;
    let base = bases.into_iter().next().ok_or_else(no_merge)?;
    if ours.header().fid != theirs.header().fid {
        return Err(Report::message(Kind::NotSealed, "the two sides are different files"));
    }
    let open = |side: SealedFile| side.open(&session.keyring(), limits);
    let (base, ours, theirs) = (open(base)?, open(ours)?, open(theirs)?);
    for side in [&base, &ours, &theirs] {
        break_glass::tell(side.header(), path, session);
    }
    if !args.yes && [&ours, &theirs].iter().any(|side| side.state() == State::Linked) {
        return Err(Report::message(
            Kind::NotSealed,
            "one side of the merge joins pieces of several versions itself",
        )
        .hint("run `sealeaf reseal` on its branch first; where the pieces belong together, say --yes"));
    }
    let text = |file: &OpenFile| file.plain().source.clone();
    let merged = sealeaf::secret::SecretText::new(
        diffy::merge(&text(&base), &text(&ours), &text(&theirs)).map_err(|_| conflict(path))?,
    );
    let document = plain(&merged, input.format, session.context)?;
    // The side whose data key is newer goes on; where both made a new one, a third is made.
    let (onto, other) =
        if theirs.header().epoch > ours.header().epoch { (&theirs, &ours) } else { (&ours, &theirs) };
    let both =
        onto.header().epoch == other.header().epoch && onto.header().commitment != other.header().commitment;
    let ruling = session.required_ruling(path)?;
    if !args.yes {
        session
            .context
            .note(format!("{}: merging the plaintext of {one:.10} and {two:.10}", escape::path(path)));
    }
    let next = Next {
        plain: Some(document),
        policy: Some(ruling.policy),
        access: Some(ruling.rule.access()),
        rotate: both,
        allow_no_secrets: true,
        allow_comments: true,
        ..Next::default()
    };
    let change =
        onto.next(next, &session.keyring(), limits).map_err(|error: FileError| Report::from(error))?;
    Ok(finish(input, change, path))
}

fn conflict(path: &Path) -> Report {
    Report::message(Kind::Conflict, "the two sides change the same values")
        .at(path)
        .hint("take one side with `git checkout --ours` or `--theirs`, then set the other's values with `sealeaf set`")
}
