use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::keys::Recipient;
use serde::Serialize;

use super::compare::{Comparison, Differences, Person};
use super::context::Context;
use super::escape;
use super::found::{everything, find};
use super::governing::Governing;
use super::inspect::{Inspected, State, inspect};
use super::report::{Report, plural};
use super::session::Session;
use super::table::align;
use super::together;

/// Say what each file is, and who can read it
///
/// Without files: everything in the repository that a rule of `.sealeaf.toml` covers or that is sealed, SOPS files too. A file is sealed, linked (pieces of
/// several versions, as after a text merge), half-sealed (values that a rule seals stand in clear), plain, or broken.
/// Below a file stands what is not in order. What none of your keys opens without a passphrase is not verified.
///
/// This is information: it ends with 0 whatever it finds, but where a file cannot be read. For scripts there are
/// `sealeaf check` and `sealeaf rekey --check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files and folders
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    files: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    file: String,
    state: State,
    /// Counted from 1.
    rule: Option<usize>,
    recipients: Vec<Person<'a>>,
    reasons: &'a [String],
    /// Whether a break-glass key opened this version here.
    rotation_due: bool,
    /// What the rule would change; `null` where there is no rule or no seal.
    changes: Option<Differences<'a>>,
}

/// Looks at every file.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let mut session = Session::silent(context);
    let found = if args.files.is_empty() { everything(&session)? } else { find(&args.files, &session)? };
    session.announce(found.iter().map(|it| it.path.as_path()));
    let looked = together::each(&found, |it| it.path.as_path(), context, |it| inspect(&it.path, &session));
    let (files, failed) = looked;
    let named: HashSet<&Path> = found.iter().filter(|it| it.named).map(|it| it.path.as_path()).collect();
    let of_interest = |file: &&Inspected| {
        named.contains(file.path.as_path()) || file.rule.is_some() || file.state != State::Plain
    };
    let files: Vec<&Inspected> = files.iter().filter(of_interest).collect();
    if args.json {
        let files = files.iter().map(|file| entry(file)).collect();
        context.print_json(&Json { schema_version: 1, files })?;
    } else {
        context.print(lines(&files).as_bytes())?;
        if failed.is_empty() {
            context.note(summary(&files));
        }
    }
    together::fail(failed, context)?;
    Ok(ExitCode::SUCCESS)
}

fn lines(files: &[&Inspected]) -> String {
    let row = |file: &&Inspected| {
        let names: Vec<String> = file.recipients.iter().map(name).collect();
        vec![escape::path(&file.path), file.state.name().to_owned(), names.join(", ")]
    };
    let rows: Vec<Vec<String>> = files.iter().map(row).collect();
    let mut out = String::new();
    for (line, file) in align(&rows).into_iter().zip(files) {
        out.push_str(&line);
        out.push('\n');
        for reason in &file.reasons {
            out.push_str(&format!("  {}\n", escape::line(reason)));
        }
    }
    out
}

/// A recipient's name; without one, the beginning of the key.
fn name(recipient: &Recipient) -> String {
    if !recipient.name.is_empty() {
        return escape::line(&recipient.name);
    }
    let id = &recipient.key.id;
    let short: String = id.chars().take(SHORT).collect();
    escape::line(&if short.len() < id.len() { format!("{short}…") } else { short })
}

/// `5 files: 3 sealed, 2 plain`.
fn summary(files: &[&Inspected]) -> String {
    let count = |state: State| files.iter().filter(|file| file.state == state).count();
    let counts: Vec<String> = State::ALL
        .into_iter()
        .map(|state| (count(state), state.name()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    match counts.as_slice() {
        [] => "no file here is sealed, and no rule covers one".to_owned(),
        counts => format!("{}: {}", plural(files.len(), "file", "files"), counts.join(", ")),
    }
}

fn entry<'a>(file: &'a Inspected) -> Entry<'a> {
    Entry {
        file: file.path.to_string_lossy().into_owned(),
        state: file.state,
        rule: file.rule.as_ref().map(Governing::number),
        recipients: file.people(),
        reasons: &file.reasons,
        rotation_due: file.rotation_due,
        changes: file.comparison.as_ref().map(Comparison::differences),
    }
}

/// How much of a key stands in for a name, in characters.
const SHORT: usize = 12;
