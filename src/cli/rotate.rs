use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::file::Next;

use super::context::Context;
use super::escape;
use super::found::{Found, find, is_sealed};
use super::input::{Access, Input, Source};
use super::opened::{Opened, is_sops, rotate_sops};
use super::report::{Context as _, Kind, Report, plural};
use super::session::{Linked, Session};
use super::together::{self, Version};

/// Give sealed files new data keys
///
/// Every value is encrypted anew. Recipients, patterns and modes stay; they must be those of the file's rule. All files
/// are written, or none. Folders and globs stand for the sealed files in them.
///
/// Old versions in git stay readable to everyone who could read them: where a key is lost or a value is out, change the
/// values themselves too.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Accept the recipients that a SOPS file names itself where its rule has others, or where no rule covers it
    #[arg(long)]
    accept_file_recipients: bool,
}

/// Rotates all files, or none.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let mut session = Session::new(context);
    let found = find(&args.files, &session)?;
    session.announce(found.iter().map(|it| it.path.as_path()));
    let rotated = together::each(&found, |it| it.path.as_path(), context, |it| rotate(it, &args, &session));
    let rotated: Vec<(Version, String)> = together::all(rotated, context)?.into_iter().flatten().collect();
    if rotated.is_empty() {
        return Err(Report::message(Kind::NotSealed, "none of these files is sealed")
            .hint("seal files with `sealeaf encrypt`"));
    }
    together::write(rotated.iter().map(|(version, _)| version), None, context)?;
    rotated.iter().for_each(|(_, note)| context.note(note));
    Ok(ExitCode::SUCCESS)
}

fn rotate(found: &Found, args: &Args, session: &Session<'_>) -> Result<Option<(Version, String)>, Report> {
    let path = &found.path;
    if !found.named && !is_sealed(path, session)? {
        return Ok(None);
    }
    let input = Input::read(&Source::File(path.clone()), Access::Read, None, None, session.context)?;
    input.original()?;
    if is_sops(&input, session.context) {
        return sops(input, path, args, session).map(Some);
    }
    let open = session.open(&input, None, Linked::Silent)?;
    session.check_write(&open, path)?;
    session.check_linked(&open, path)?;
    if let Some(rule) = session.governing(path)? {
        rule.ensure_post_quantum(&rule.recipients()).at(path)?;
    }
    let next = Next { rotate: true, allow_no_secrets: true, allow_comments: true, ..Next::default() };
    let change = open.next(next, &session.keyring(), &session.context.limits).at(path)?;
    let epoch = open.header().epoch.saturating_add(1);
    let values = plural(change.sealed.sealed, "value", "values");
    let note = format!("{}: {values} sealed anew, data key {epoch}", escape::path(path));
    Ok(Some((Version { input, text: change.sealed.text }, note)))
}

/// The same for a SOPS file.
fn sops(input: Input, path: &Path, args: &Args, session: &Session<'_>) -> Result<(Version, String), Report> {
    let Opened::Sops(open) = Opened::read(&input, None, Linked::Silent, session)? else {
        return Err(Report::message(Kind::Failed, "the file changed while it was read").at(path));
    };
    let sealed = rotate_sops(&open, path, args.accept_file_recipients, session).at(path)?;
    let values = plural(sealed.sealed, "value", "values");
    let note = format!("{}: {values} sealed anew", escape::path(path));
    Ok((Version { input, text: sealed.text }, note))
}
