use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::envelope::native::State;
use sealeaf::file::{FileError, OpenFile, SealedFile};
use sealeaf::format::Format;
use sealeaf::git::At;
use sealeaf::policy::Integrity;
use serde::Serialize;

use super::context::Context;
use super::input::{Access, Input, Source, expand, format_parser};
use super::merged::{explained_by, explains, merge, rollbacks};
use super::report::{Context as _, Kind, Report, plural};
use super::session::{Linked, Session, named, refuse_sops};
use super::{break_glass, escape, parallel};

/// Authenticate sealed files
///
/// With a key everything is authenticated: commitment, rule, recipients, structure, cleartext, values and seal. --against
/// and --merge compare with git's history too; those two also work without a key, as far as they can.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Refuse a file that went back behind this commit, branch or tag
    #[arg(long, value_name = "REF")]
    against: Option<String>,
    /// Refuse a file that is not what this merge commit's parents give
    #[arg(long, value_name = "COMMIT")]
    merge: Option<String>,
    /// Refuse a file that joins pieces of several versions
    #[arg(long)]
    require_sealed: bool,
    /// Refuse a file whose newest record has a lower number
    #[arg(long, value_name = "N")]
    min_n: Option<u32>,
    /// Report what went back and accept it
    #[arg(long)]
    accept_rollback: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The format, where the name does not tell
    #[arg(long, value_parser = format_parser())]
    format: Option<&'static dyn Format>,
}

/// What was found of one file.
#[derive(Serialize)]
struct Found {
    file: String,
    state: &'static str,
    values: Option<usize>,
    epoch: u32,
    newest: u32,
    notes: Vec<String>,
}

/// Verifies each file.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let sources = expand(&args.files, context)?;
    let mut session = Session::new(context);
    session.announce(sources.iter().filter_map(named));
    let results =
        parallel::map_waiting(&sources, context, |source| one(&args, source, &session).at(source.shown()));
    let mut failed = Vec::new();
    let mut found = Vec::new();
    for result in results {
        match result {
            Ok(file) => found.push(file),
            Err(report) => failed.push(report),
        }
    }
    if args.json {
        context.print_json(&serde_json::json!({ "schema_version": 1, "files": found }))?;
    } else {
        let lines: String = found.iter().map(|file| format!("{}\n", escape::line(&file.line()))).collect();
        context.print(lines.as_bytes())?;
    }
    let mut failed = failed.into_iter();
    let Some(first) = failed.next() else { return Ok(ExitCode::SUCCESS) };
    failed.for_each(|report| context.say(&report.render(context.colour)));
    Err(first)
}

impl Found {
    fn line(&self) -> String {
        let values =
            self.values.map(|count| format!(", {}", plural(count, "value", "values"))).unwrap_or_default();
        let notes: String = self.notes.iter().map(|note| format!("; {note}")).collect();
        format!(
            "{}: {}{values}, epoch {}, newest record {}{notes}",
            self.file, self.state, self.epoch, self.newest
        )
    }
}

fn one(args: &Args, source: &Source, session: &Session<'_>) -> Result<Found, Report> {
    let context = session.context;
    let input = Input::read(source, Access::Read, args.format, None, context)?;
    refuse_sops(
        &input,
        context,
        "a SOPS file authenticates neither who can read it nor its key names, and has no history to compare with",
        "`sealeaf decrypt` checks what SOPS authenticates; `sealeaf convert --to native` makes a file that can be verified",
    )?;
    let file = SealedFile::parse(&input.text, input.format, &context.limits)?;
    session.check_scope(&file, named(source))?;
    let keyless = args.against.is_some() || args.merge.is_some();
    let open = match file.unwrap_key(&session.keyring()) {
        Ok(key) => Some(
            SealedFile::parse(&input.text, input.format, &context.limits)?.open_with(key, &context.limits)?,
        ),
        Err(FileError::Unwrap(_) | FileError::Groups { .. }) if keyless => None,
        Err(error) => return Err(error.into()),
    };
    break_glass::tell(file.header(), source.shown(), session);
    let newest = file.sealed().newest();
    let mut notes = Vec::new();
    if let Some(open) = &open {
        let is_strict = args.require_sealed || open.header().policy.integrity == Integrity::Sealed;
        let linked = if is_strict { Linked::Refuse } else { Linked::Silent };
        session.check_state(open, source.shown(), linked)?;
    } else {
        notes.push("no key: only compared with git, not authenticated".to_owned());
    }
    if let Some(least) = args.min_n.filter(|least| newest < *least) {
        let message = format!("the newest record has number {newest}, and at least {least} was demanded");
        return Err(
            Report::message(Kind::NotSealed, message).hint("this may be an earlier version of the file")
        );
    }
    if let Some(reference) = &args.against {
        let is_sealed = open.as_ref().is_some_and(|open| open.state() == State::Sealed);
        notes.extend(against(args, reference, &file, is_sealed, source, session)?);
    }
    if let Some(commit) = &args.merge {
        check_merge(commit, &file, open.as_ref(), source, session)?;
        notes.push(format!("is what merging the parents of {commit} gives"));
    }
    let state = match open.as_ref().map(OpenFile::state) {
        Some(State::Sealed) => "sealed",
        Some(State::Linked) => "linked",
        None => "not verified",
    };
    Ok(Found {
        file: source.shown().to_string_lossy().into_owned(),
        state,
        values: open.as_ref().map(OpenFile::sealed_values),
        epoch: file.header().epoch,
        newest,
        notes,
    })
}

/// Compares with a reference (`docs/design/format-v1.md`, section 13).
fn against(
    args: &Args,
    reference: &str,
    file: &SealedFile,
    is_sealed: bool,
    source: &Source,
    session: &Session<'_>,
) -> Result<Vec<String>, Report> {
    let (path, (repo, relative)) = repository(source, session)?;
    let Some(before) = session.blob(&repo, &relative, At::Commit(reference), file.format())? else {
        return Ok(vec![format!("first time seen: {reference} has no sealed version of it")]);
    };
    let went_back = |message: String| {
        Report::message(Kind::NotSealed, message).at(path).hint(format!(
            "compare with `git log -p {reference}` who changed it, and take the version that is right"
        ))
    };
    let (now, old) = (file.header(), before.header());
    let mut found = Vec::new();
    if now.fid != old.fid {
        found.push(format!("different file identity: it is not the file that {reference} has"));
    } else if now.epoch < old.epoch {
        found.push(format!("its data key is older than the one in {reference}"));
    } else if now.epoch == old.epoch && now.commitment != old.commitment {
        found.push(format!(
            "different file identity: another data key of the same number than in {reference}"
        ));
    } else {
        let back = rollbacks(session, &repo, &relative, reference, &before, file)?;
        // Without the whole history an old number in a newer sealed file may be a merge's: that cannot be told.
        if repo.is_shallow()? && is_sealed && file.sealed().newest() > before.sealed().newest() {
            return Ok(back
                .into_iter()
                .map(|label| format!("not known, the history is shallow: {label}"))
                .collect());
        }
        found.extend(back.into_iter().map(|label| format!("went back to an earlier version: {label}")));
    }
    match found.as_slice() {
        [] => Ok(vec![format!("nothing went back behind {reference}")]),
        _ if args.accept_rollback => Ok(found),
        [only] => Err(went_back(only.clone())),
        [first, further @ ..] => Err(went_back(first.clone()).detail(&further.join("\n"))),
    }
}

fn check_merge(
    commit: &str,
    file: &SealedFile,
    open: Option<&OpenFile>,
    source: &Source,
    session: &Session<'_>,
) -> Result<(), Report> {
    let (path, (repo, relative)) = repository(source, session)?;
    let parents = repo.parents(commit)?;
    let [one, two] = parents.as_slice() else {
        let message = format!("{commit} has {}, not two", plural(parents.len(), "parent", "parents"));
        return Err(Report::message(Kind::Usage, message).at(path));
    };
    let merge = merge(session, &repo, &relative, [one.as_str(), two.as_str()], file.format())?;
    let fits = merge.is_some_and(|merge| match open {
        Some(open) => explains(open, &merge),
        None => {
            session.once("no key: the parents are compared, not authenticated".to_owned());
            explained_by(file, &merge)
        }
    });
    if fits {
        return Ok(());
    }
    Err(Report::message(
        Kind::NotSealed,
        format!("the file is not what merging the parents of {commit} gives"),
    )
    .at(path)
    .hint("the merge dropped, brought back or added something: look at it with `git show --cc`"))
}

fn repository<'s>(
    source: &'s Source,
    session: &Session<'_>,
) -> Result<(&'s Path, (sealeaf::git::Repo, String)), Report> {
    let path = named(source).ok_or_else(|| Report::message(Kind::Usage, "standard input has no history"))?;
    let repository = session.repository(path)?;
    let repository = repository
        .ok_or_else(|| Report::message(Kind::Usage, "the file is in no git repository").at(path))?;
    Ok((path, repository))
}
