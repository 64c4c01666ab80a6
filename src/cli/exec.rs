use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::document::{FormatCode, KeyPath, Value};
use sealeaf::format::Format;
use sealeaf::secret::SecretText;

use super::context::Context;
use super::exec_env::{Choice, Naming, variables};
use super::input::{Access, Input, Source, expand, format_parser};
use super::opened::Opened;
use super::report::{Context as _, Kind, Report};
use super::session::{Linked, Session};
use super::{child, escape};

/// Run a program with the values as its environment
///
/// `db.password` becomes `DB_PASSWORD`, `users[0].name` `USERS_0_NAME`; keys of a dotenv file stay as they are. Numbers come as they are written, booleans as
/// `true` and `false`, null as an empty value; empty maps and lists are left out, aliases and merge keys are followed.
/// No shell is involved, and the program takes this one's place: its exit code and its signals are its own. It starts
/// only after everything was opened. The exit code is 127 where there is no such program, 126 where it cannot be run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The program and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
    /// Give only the values whose key path or variable matches
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,
    /// Begin every variable's name with this
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,
    /// Accept this variable, which programs obey or whose key holds odd characters
    #[arg(long, value_name = "NAME")]
    allow_env: Vec<String>,
    /// Refuse a file that joins pieces of several versions
    #[arg(long)]
    require_sealed: bool,
    /// Take the rule and format of this path
    #[arg(long, value_name = "PATH")]
    path: Option<PathBuf>,
    /// The format, where the name does not tell
    #[arg(long, value_parser = format_parser())]
    format: Option<&'static dyn Format>,
}

/// Opens the files and becomes the program.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Report::message(Kind::Usage, "no program to run"));
    };
    let variables = collect(&args, context)?;
    let mut command = child::command(program, &context.environment);
    // The operating system hands an environment over as it is: from here on nothing wipes it.
    command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value.as_str())));
    drop(variables);
    let error = command.exec();
    let code = if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN };
    context.say(&Report::io("run", Path::new(program))(error).render(context.colour));
    Ok(ExitCode::from(code))
}

/// The variables of all files.
fn collect(args: &Args, context: &Context) -> Result<BTreeMap<String, SecretText>, Report> {
    let choice = Choice::new(&args.only, &args.prefix, &args.allow_env)?;
    let session = Session::new(context);
    let mut all = BTreeMap::new();
    let mut origins: BTreeMap<String, Source> = BTreeMap::new();
    let mut values = 0;
    for source in expand(&args.files, context)? {
        let (leaves, naming) = leaves(&source, args, &session)?;
        values += leaves.len();
        for (name, value) in variables(leaves, naming, &choice).at(source.shown())? {
            if let Some(other) = origins.insert(name.clone(), source.clone()) {
                let message = format!("`{name}` comes from `{}` too", escape::path(other.shown()));
                return Err(Report::message(Kind::Refused, message)
                    .at(source.shown())
                    .hint("choose values with --only, or run one inside of the other with a --prefix each"));
            }
            all.insert(name, value);
        }
    }
    if all.is_empty() && values > 0 {
        return Err(Report::message(Kind::Usage, "--only chooses no value").hint(
            "globs are matched against key paths such as `db.password` and names such as `DB_PASSWORD`",
        ));
    }
    Ok(all)
}

/// A file's values, as text, and how its keys become names. Of a key that stands several times in a dotenv file the last
/// value counts, as for every program that reads one.
fn leaves(source: &Source, args: &Args, session: &Session<'_>) -> Result<(Leaves, Naming), Report> {
    let context = session.context;
    let input = Input::read(source, Access::Read, args.format, args.path.as_deref(), context)?;
    let linked = if args.require_sealed { Linked::Refuse } else { Linked::Note };
    let open = Opened::read(&input, args.path.as_deref(), linked, session)?;
    let leaves = open.plain().expanded_leaves().at(source.shown())?;
    let is_text = |value: &Value| !matches!(value, Value::EmptyMap | Value::EmptyList);
    let text = |(path, value): (KeyPath, Value)| is_text(&value).then(|| (path, value.to_text()));
    let leaves = leaves.into_iter().filter_map(text);
    if open.plain().format == FormatCode::Dotenv {
        return Ok((last_of_each(leaves), Naming::AsWritten));
    }
    Ok((leaves.collect(), Naming::UpperCase))
}

fn last_of_each(leaves: impl Iterator<Item = (KeyPath, SecretText)>) -> Leaves {
    let mut last: Leaves = Vec::new();
    for (mut path, value) in leaves {
        path.steps.truncate(1);
        // The occurrences of a key follow each other.
        match last.last_mut() {
            Some((before, kept)) if *before == path => *kept = value,
            _ => last.push((path, value)),
        }
    }
    last
}

/// Values with their key paths.
type Leaves = Vec<(KeyPath, SecretText)>;

/// As env(1) and the shells have it.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;
