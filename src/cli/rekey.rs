use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::git::At;
use serde::Serialize;

use super::bring::{Brought, Consent, Outcome, Subject, bring, tell};
use super::context::Context;
use super::found::{Found, everything, find, is_sealed, near};
use super::input::read_file;
use super::output::recover;
use super::report::{Context as _, Kind, Report, plural};
use super::session::Session;
use super::together;

/// Bring sealed files to their rules
///
/// A file's recipients, patterns, modes and scope become those of its rule in `.sealeaf.toml`, a SOPS file's recipients,
/// groups, threshold and selector those of its rule there or in `.sops.yaml`: values that the rule
/// covers now are sealed, those that it does not are shown in clear. A recipient who is gone makes a new data key, and
/// the key paths that they could read are listed, because those values must be changed at their source. All files are
/// written, or none. What changes who can read, or what is protected, is shown and asked about. Folders and globs stand
/// for the sealed files in them that a rule covers.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files
    #[arg(required_unless_present = "all", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take every sealed file of the repository that a rule covers
    #[arg(long, conflicts_with = "files")]
    all: bool,
    /// Write nothing; end with 3 where a file is not as its rule says. Needs no key
    #[arg(long)]
    check: bool,
    /// Write nothing; say what would change. Needs no key
    #[arg(short = 'n', long, conflicts_with = "check")]
    dry_run: bool,
    /// Agree to everything that would be asked
    #[arg(long)]
    yes: bool,
    /// Refuse a configuration that is not the one in this commit, such as `origin/main`
    #[arg(long, value_name = "REV")]
    config_ref: Option<String>,
    /// Accept a file in which the rule seals nothing
    #[arg(long)]
    allow_no_secrets: bool,
    /// Accept comments that look like secrets in clear
    #[arg(long)]
    allow_comments: bool,
    /// Print what changes as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    written: bool,
    files: Vec<Outcome<'a>>,
}

/// Compares, asks, writes.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    recover(context);
    let mut session = Session::new(context);
    let found = if args.all { everything(&session)? } else { find(&args.files, &session)? };
    session.announce(found.iter().map(|it| it.path.as_path()));
    let read = together::each(&found, |it| it.path.as_path(), context, |it| subject(it, &session));
    if let Some(revision) = &args.config_ref {
        trust(revision, read.0.iter().flatten(), &session)?;
    }
    if args.check || args.dry_run {
        return look(&args, read, context);
    }
    let subjects: Vec<Subject> = together::all(read, context)?.into_iter().flatten().collect();
    let count = subjects.len();
    let consent = Consent {
        yes: args.yes,
        allow_no_secrets: args.allow_no_secrets,
        allow_comments: args.allow_comments,
        ..Consent::default()
    };
    let brought = bring(subjects, &consent, &session)?;
    together::write(brought.iter().map(|it| &it.version), None, context)?;
    tell(&brought, &session);
    if args.json {
        let files = brought.iter().map(Brought::outcome).collect();
        context.print_json(&Json { schema_version: 1, written: true, files })?;
    }
    in_order(count - brought.len(), count, context);
    Ok(ExitCode::SUCCESS)
}

/// The file beside its rule; `None` where it was not named and is no business of this verb's.
fn subject(found: &Found, session: &Session<'_>) -> Result<Option<Subject>, Report> {
    let path = &found.path;
    if !found.named && !is_sealed(path, session)? {
        return Ok(None);
    }
    let Some(rule) = session.governing(path).at(path)? else {
        let report = Report::message(Kind::Refused, "no rule covers this file").at(path);
        let hint = "add one to `.sealeaf.toml` or `.sops.yaml`";
        return if found.named { Err(report.hint(hint)) } else { Ok(None) };
    };
    match Subject::read(path, found.named, rule, session)? {
        None if found.named => {
            let report = Report::message(
                Kind::NotSealed,
                "the file is not sealed: it has no `sealeaf` or `sops` entry",
            );
            Err(report.at(path).hint("seal it with `sealeaf encrypt`"))
        }
        subject => Ok(subject),
    }
}

/// Compares every configuration that was used with its version in a commit that the user trusts.
fn trust<'a>(
    revision: &str,
    subjects: impl Iterator<Item = &'a Subject>,
    session: &Session<'_>,
) -> Result<(), Report> {
    let configs: BTreeSet<&Path> = subjects.map(Subject::config).collect();
    for path in configs {
        let shown = near(path, session.context);
        let Some((repo, relative)) = session.repository(path)? else {
            return Err(Report::message(Kind::Refused, "--config-ref needs a git repository").at(shown));
        };
        let (now, _) = read_file(path, session.context.limits.file)?;
        if repo.blob(At::Commit(revision), &relative)?.as_deref() != Some(now.as_slice()) {
            let message = format!("the configuration is not the one in `{revision}`");
            return Err(Report::message(Kind::Refused, message)
                .at(shown)
                .hint("look at what changed, and let someone who may change it run this"));
        }
    }
    Ok(())
}

/// Says what the rules would change.
fn look(
    args: &Args,
    (read, failed): (Vec<Option<Subject>>, Vec<Report>),
    context: &Context,
) -> Result<ExitCode, Report> {
    let (same, differing): (Vec<Subject>, Vec<Subject>) =
        read.into_iter().flatten().partition(|subject| subject.comparison.is_empty());
    if args.json {
        let files = differing.iter().map(Subject::outcome).collect();
        context.print_json(&Json { schema_version: 1, written: false, files })?;
    } else {
        let lines: String =
            differing.iter().flat_map(Subject::lines).map(|line| format!("{line}\n")).collect();
        context.print(lines.as_bytes())?;
    }
    together::fail(failed, context)?;
    in_order(same.len(), same.len() + differing.len(), context);
    if differing.is_empty() || !args.check {
        return Ok(ExitCode::SUCCESS);
    }
    let verb = if differing.len() == 1 { "is not as its rule says" } else { "are not as their rules say" };
    context
        .note(format!("{} {verb}; `sealeaf rekey` changes that", plural(differing.len(), "file", "files")));
    Ok(Kind::Findings.into())
}

/// Says how many files were as they should be.
fn in_order(count: usize, of: usize, context: &Context) {
    if of == 0 {
        context.note("there is no sealed file that a rule covers");
    } else if count > 0 {
        let verb = if count == 1 { "is as its rule says" } else { "are as their rules say" };
        context.note(format!("{} {verb}", plural(count, "file", "files")));
    }
}
