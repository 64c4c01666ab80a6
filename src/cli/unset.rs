use std::path::PathBuf;
use std::process::ExitCode;

use sealeaf::document::{KeyPath, apply};
use sealeaf::format::Format;

use super::context::Context;
use super::escape;
use super::get::find;
use super::input::{Access, Input, Source, format_parser};
use super::opened::Opened;
use super::output::{Content, replace};
use super::report::{Context as _, Kind, Report};
use super::session::{Linked, Session, plain};

/// Remove one entry of a sealed file
///
/// Removes the entry or list element with everything in it, and its line where it has one to itself.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The key path
    #[arg(value_name = "KEYPATH")]
    path: String,
    /// The format, where the name does not tell
    #[arg(long, value_parser = format_parser())]
    format: Option<&'static dyn Format>,
    /// Accept the recipients that a SOPS file names itself where its rule has others
    #[arg(long)]
    accept_file_recipients: bool,
}

/// Removes the entry.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let path = KeyPath::parse(&args.path)?;
    let session = Session::new(context);
    let source = Source::of(&args.file);
    let input = Input::read(&source, Access::Change, args.format, None, context)?;
    let shown = source.shown();
    let open = Opened::read(&input, None, Linked::Silent, &session)?;
    open.check_write(shown, args.accept_file_recipients, &session)?;
    let document = open.plain();
    let Some(id) = document.find(&path) else {
        // Says what is there instead.
        find(document, &path).at(shown)?;
        let message = format!("`{path}` comes from an alias or merge key");
        return Err(Report::message(Kind::Usage, message)
            .at(shown)
            .hint("remove it where its anchor stands"));
    };
    let format = open.format(input.format);
    let splices = format.remove(document, id).at(shown)?;
    let changed = apply(&document.source, &splices).map_err(|error| Report::new(Kind::Failed, error))?;
    let changed = plain(&changed, format, context).at(shown)?;
    let sealed = open.next(changed, true, true, &session).at(shown)?;
    replace(input.original()?, sealed.text.as_bytes(), Content::Sealed, context)?;
    context.note(format!("{}: `{path}` removed", escape::path(shown)));
    Ok(ExitCode::SUCCESS)
}
