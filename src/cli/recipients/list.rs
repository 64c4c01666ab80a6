//! `recipients list`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::config::sops::SopsConfig;
use sealeaf::config::{Config, Meaning};
use sealeaf::keys::Recipient;
use serde::Serialize;

use crate::cli::compare::Person;
use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::found::{find, near};
use crate::cli::inspect::{Inspected, State, inspect};
use crate::cli::report::{Kind, Report};
use crate::cli::session::Session;
use crate::cli::table::align;
use crate::cli::together;

/// List names and keys, or who can read files
///
/// Without files: the recipients of the configuration, and the rules that name them, directly or by a group. With files:
/// who can read each, as its metadata says.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The files
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Names<'a> {
    schema_version: u32,
    configuration: String,
    recipients: Vec<Named<'a>>,
    groups: Vec<Group<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    #[serde(flatten)]
    person: Person<'a>,
    /// Counted from 1.
    rules: Vec<usize>,
}

#[derive(Serialize)]
struct Group<'a> {
    name: &'a str,
    members: &'a [String],
}

#[derive(Serialize)]
struct Files<'a> {
    schema_version: u32,
    files: Vec<File<'a>>,
}

#[derive(Serialize)]
struct File<'a> {
    file: String,
    state: State,
    recipients: Vec<Person<'a>>,
}

pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let session = Session::silent(context);
    if args.files.is_empty() {
        names(&args, &session)?;
    } else {
        files(&args, &session)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn names(args: &Args, session: &Session<'_>) -> Result<(), Report> {
    let context = session.context;
    let Some(config) = session.config(Path::new(""))? else {
        let sops = session.discover_sops(Path::new(HERE))?.ok_or_else(no_configuration)?;
        return keys_of_sops(args, &sops.config, context);
    };
    if args.json {
        return context.print_json(&Names {
            schema_version: 1,
            configuration: near(&config.path, context).to_string_lossy().into_owned(),
            recipients: keys(&config)
                .map(|recipient| Named { person: Person::of(recipient), rules: rules_of(recipient, &config) })
                .collect(),
            groups: groups(&config).map(|(name, members)| Group { name, members }).collect(),
        });
    }
    let of_key = |recipient: &Recipient| {
        let rules = rules_text(&rules_of(recipient, &config));
        let remark = if recipient.break_glass { "break-glass" } else { "" };
        let Recipient { key, name, .. } = recipient;
        [name, &key.kind, &key.id, &rules, remark].iter().map(|cell| escape::line(cell)).collect()
    };
    let mut rows: Vec<Vec<String>> = keys(&config).map(of_key).collect();
    rows.extend(groups(&config).map(|(name, members)| {
        vec![escape::line(name), "group".to_owned(), escape::line(&members.join(", "))]
    }));
    context.print(align(&rows).into_iter().map(|line| line + "\n").collect::<String>().as_bytes())
}

/// The keys of `.sops.yaml`, which have no names there.
fn keys_of_sops(args: &Args, config: &SopsConfig, context: &Context) -> Result<(), Report> {
    let mut found: Vec<(Recipient, Vec<usize>)> = Vec::new();
    for (index, rule) in config.creation_rules.iter().flatten().enumerate() {
        for key in rule.groups.iter().flat_map(|group| &group.keys).map(|key| key.key.key_ref()) {
            match found.iter_mut().find(|(known, _)| known.key == key) {
                Some((_, rules)) if rules.last() == Some(&(index + 1)) => {}
                Some((_, rules)) => rules.push(index + 1),
                None => {
                    found.push((Recipient { key, name: String::new(), break_glass: false }, vec![index + 1]));
                }
            }
        }
    }
    if args.json {
        return context.print_json(&Names {
            schema_version: 1,
            configuration: near(&config.path, context).to_string_lossy().into_owned(),
            recipients: found
                .iter()
                .map(|it| Named { person: Person::of(&it.0), rules: it.1.clone() })
                .collect(),
            groups: Vec::new(),
        });
    }
    let row = |(recipient, rules): &(Recipient, Vec<usize>)| {
        let Recipient { key, .. } = recipient;
        ["(no name)", &key.kind, &key.id, &rules_text(rules)].iter().map(|cell| escape::line(cell)).collect()
    };
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    context.print(align(&rows).into_iter().map(|line| line + "\n").collect::<String>().as_bytes())
}

fn files(args: &Args, session: &Session<'_>) -> Result<(), Report> {
    let context = session.context;
    let found = find(&args.files, session)?;
    let looked = together::each(&found, |it| it.path.as_path(), context, |it| inspect(&it.path, session));
    let (files, failed) = looked;
    let sealed: Vec<&Inspected> = files.iter().filter(|file| is_sealed(file)).collect();
    if args.json {
        let files = files.iter().map(File::of).collect();
        context.print_json(&Files { schema_version: 1, files })?;
    } else {
        context.print(sealed.iter().flat_map(|file| block(file)).collect::<String>().as_bytes())?;
    }
    for file in files.iter().filter(|file| !is_sealed(file)) {
        context.note(format!(
            "{}: {}: nobody needs a key for it",
            escape::path(&file.path),
            file.state.name()
        ));
    }
    together::fail(failed, context)
}

impl<'a> File<'a> {
    fn of(file: &'a Inspected) -> Self {
        Self { file: file.path.to_string_lossy().into_owned(), state: file.state, recipients: file.people() }
    }
}

fn is_sealed(file: &Inspected) -> bool {
    file.sealed.is_some() || file.sops.is_some()
}

/// A file and its readers.
fn block(file: &Inspected) -> Vec<String> {
    let row = |recipient: &Recipient| {
        let Recipient { key, name, break_glass } = recipient;
        let name = if name.is_empty() { "(no name)" } else { name };
        let remark = if *break_glass { "break-glass" } else { "" };
        [name, &key.kind, &key.id, remark].iter().map(|cell| escape::line(cell)).collect()
    };
    let rows: Vec<Vec<String>> = file.recipients.iter().map(row).collect();
    let head = format!("{}: {}\n", escape::path(&file.path), file.state.name());
    std::iter::once(head).chain(align(&rows).into_iter().map(|line| format!("  {line}\n"))).collect()
}

fn keys(config: &Config) -> impl Iterator<Item = &Recipient> {
    config.recipients.iter().filter_map(|(_, named)| match &named.meaning {
        Meaning::Key(recipient) => Some(recipient),
        Meaning::Group(_) => None,
    })
}

fn groups(config: &Config) -> impl Iterator<Item = (&str, &[String])> {
    config.recipients.iter().filter_map(|(name, named)| match &named.meaning {
        Meaning::Key(_) => None,
        Meaning::Group(members) => Some((name, members.as_slice())),
    })
}

fn rules_text(rules: &[usize]) -> String {
    let rules: Vec<String> = rules.iter().map(usize::to_string).collect();
    match rules.as_slice() {
        [] => "no rule".to_owned(),
        [rule] => format!("rule {rule}"),
        rules => format!("rules {}", rules.join(", ")),
    }
}

/// The rules under which somebody can read, counted from 1.
fn rules_of(recipient: &Recipient, config: &Config) -> Vec<usize> {
    let can_read = |rule: &&sealeaf::config::Rule| rule.recipients.iter().any(|it| it.name == recipient.name);
    config.rules.iter().filter(can_read).map(|rule| rule.index + 1).collect()
}

pub(super) fn no_configuration() -> Report {
    Report::message(
        Kind::Refused,
        "there is no `.sealeaf.toml` here or above, up to the root of the repository",
    )
    .hint("`sealeaf init` writes one")
}

/// Names a file that need not exist, to ask for the configuration of the working folder.
const HERE: &str = "x";
