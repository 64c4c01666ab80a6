//! `recipients add` and `recipients remove`: an edit of the configuration, and the files that follow it.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::config::edit::{add_recipient, add_to_rule, remove_from_rule, remove_recipient};
use sealeaf::config::near::nearest;
use sealeaf::config::{Config, Rule};
use sealeaf::keys::KeyRef;
use serde::Serialize;

use super::list::no_configuration;
use crate::cli::bring::{Brought, Consent, Outcome, Subject, bring, tell};
use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::found::{below, is_sealed, near, seen_from};
use crate::cli::governing::Governing;
use crate::cli::input::{read_file, to_text};
use crate::cli::output::Original;
use crate::cli::recipient::key;
use crate::cli::report::{Context as _, Kind, Report, plural};
use crate::cli::session::Session;
use crate::cli::together;

/// Let someone read
///
/// Adds a name with its key to `[recipients]` of `.sealeaf.toml` where it is not there yet, and the name to a rule; then
/// the sealed files of that rule are brought to it.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The name; of a recipient or group that is there already, or a new one
    #[arg(value_name = "NAME")]
    name: String,
    /// The key of a new recipient: `age1…`, `ssh-ed25519 AAAA…`, `TYPE:IDENTIFIER`
    #[arg(value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

/// Let someone read no longer
///
/// Takes a name out of every rule and group of `.sealeaf.toml` and out of `[recipients]`, or out of the rules that are
/// named. The sealed files that the person could read get new data keys, and the key paths are listed: what someone has
/// read they still know, so those values must be changed at their source.
#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// The name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Which {
    /// In this rule, counted from 1; can be given several times
    #[arg(long, value_name = "N")]
    rule: Vec<usize>,
    /// In the rule for this file
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// In every rule
    #[arg(long)]
    all_rules: bool,
}

#[derive(Debug, clap::Args)]
struct How {
    /// Change the configuration only; `sealeaf rekey --all` does the rest
    #[arg(long)]
    no_rekey: bool,
    /// Agree to whatever else the rules change in the files
    #[arg(long)]
    yes: bool,
    /// Print what changed as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    configuration: String,
    files: Vec<Outcome<'a>>,
}

/// The configuration that is edited.
struct Edited {
    path: PathBuf,
    original: Original,
    text: String,
    config: Config,
}

pub(super) fn add(args: Add, context: &Context) -> Result<ExitCode, Report> {
    let session = Session::new(context);
    let edited = Edited::read(args.which.file.as_deref(), &session)?;
    let known = edited.config.recipients.get(&args.name).is_some();
    let mut text = match &args.key {
        Some(text) => {
            let key = key(text)?.ok_or_else(|| {
                let message = format!("`{text}` is no key");
                Report::message(Kind::Usage, message)
                    .hint("keys look like `age1…`, `ssh-ed25519 AAAA…` or `aws_kms:arn:…`")
            })?;
            add_recipient(&edited.text, &args.name, &key.kind, &key.id)?
        }
        None if known => edited.text.clone(),
        None => {
            return Err(unknown(&args.name, &edited.config).hint("give the key too, to add a new recipient"));
        }
    };
    let rules = edited.rules(&args.which, &session)?;
    for index in &rules {
        let rule = edited.config.rules.get(*index);
        if rule.is_none_or(|rule| !reads_already(&args.name, rule, &edited.config)) {
            text = add_to_rule(&text, *index, &args.name)?;
        }
    }
    edited.finish(&text, &args.name, &rules, &args.how, &session)
}

pub(super) fn remove(args: Remove, context: &Context) -> Result<ExitCode, Report> {
    let session = Session::new(context);
    let edited = Edited::read(args.which.file.as_deref(), &session)?;
    if edited.config.recipients.get(&args.name).is_none() {
        return Err(unknown(&args.name, &edited.config));
    }
    let text = if args.which.is_open() {
        remove_recipient(&edited.text, &args.name)?
    } else {
        let rules = edited.rules(&args.which, &session)?;
        rules
            .iter()
            .try_fold(edited.text.clone(), |text, index| remove_from_rule(&text, *index, &args.name))?
    };
    edited.finish(&text, &args.name, &BTreeSet::new(), &args.how, &session)
}

impl Which {
    const fn is_open(&self) -> bool {
        self.rule.is_empty() && self.file.is_none() && !self.all_rules
    }
}

impl Edited {
    /// The configuration for `file`, or for the working folder.
    fn read(file: Option<&Path>, session: &Session<'_>) -> Result<Self, Report> {
        let found = match file {
            Some(file) => session.discover(file)?.config,
            None => session.config(Path::new(""))?,
        };
        let path = match found {
            Some(config) => config.path,
            None => return Err(without_configuration(file, session)?),
        };
        let (bytes, file) = read_file(&path, session.context.limits.file)?;
        let original = Original::of(&path, &file, &bytes, session.context)?;
        original.replaceable()?;
        let text = to_text(bytes).at(&path)?.to_string();
        let config = Config::parse(&text, &path)?;
        Ok(Self { path, original, text, config })
    }

    /// The rules that are meant, counted from 0. A configuration with one rule needs no saying.
    fn rules(&self, which: &Which, session: &Session<'_>) -> Result<BTreeSet<usize>, Report> {
        let rules = &self.config.rules;
        if let Some(file) = &which.file {
            let relative = session.discover(file)?.relative;
            let rule = self.config.rule_for(&relative);
            let none = || Report::message(Kind::Usage, "no rule covers this file").at(file);
            return Ok(BTreeSet::from([rule.ok_or_else(none)?.index]));
        }
        if which.all_rules || (which.is_open() && rules.len() == 1) {
            return Ok((0..rules.len()).collect());
        }
        let message = match which.rule.iter().find(|number| !(1..=rules.len()).contains(*number)) {
            Some(number) => format!("there is no rule {number}"),
            None if which.rule.is_empty() => "it must be said which rule".to_owned(),
            None => return Ok(which.rule.iter().map(|number| number.saturating_sub(1)).collect()),
        };
        let line = |rule: &Rule| format!("{}: {}", rule.index + 1, escape::line(&rule.globs.join(", ")));
        let list: Vec<String> = rules.iter().map(line).collect();
        Err(Report::message(Kind::Usage, message)
            .detail(&list.join("\n"))
            .hint("name one with --rule N or --file PATH, or all of them with --all-rules"))
    }

    /// Brings the files to the new configuration, and writes both or nothing.
    fn finish(
        self,
        text: &str,
        name: &str,
        rules: &BTreeSet<usize>,
        how: &How,
        session: &Session<'_>,
    ) -> Result<ExitCode, Report> {
        let context = session.context;
        let new = Config::parse(text, &self.path).map_err(|error| {
            let report = Report::message(Kind::Usage, &error.problem);
            error.suggestion.iter().fold(report, |report, hint| report.hint(hint.clone()))
        })?;
        let affected = self.affected(&new, rules);
        let people = new.recipients.resolve([name]);
        for rule in new.rules.iter().filter(|rule| affected.contains(&rule.index)) {
            let readers = rule.recipients.iter().filter(|reader| people.contains(reader));
            rule.ensure_post_quantum(&readers.cloned().collect::<Vec<_>>())?;
        }
        let brought = if how.no_rekey {
            Vec::new()
        } else {
            let subjects = self.subjects(&new, &affected, session)?;
            // That they come or go was asked for; everything else that the rules change is not.
            let expected =
                [&self.config, &new].into_iter().flat_map(|config| config.recipients.resolve([name]));
            let expected = expected.map(|recipient| recipient.key.clone()).collect();
            bring(subjects, &Consent { yes: how.yes, expected, ..Consent::default() }, session)?
        };
        together::write(brought.iter().map(|it| &it.version), Some((&self.original, text)), context)?;
        self.tell(text, &brought, how, session);
        if how.json {
            let files = brought.iter().map(Brought::outcome).collect();
            let configuration = near(&self.path, context).to_string_lossy().into_owned();
            context.print_json(&Json { schema_version: 1, configuration, files })?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The rules whose files are looked at: those that were named, and those in which somebody comes or goes.
    fn affected(&self, new: &Config, named: &BTreeSet<usize>) -> BTreeSet<usize> {
        let keys =
            |rule: &Rule| -> HashSet<KeyRef> { rule.recipients.iter().map(|it| it.key.clone()).collect() };
        let rules = self.config.rules.iter().zip(&new.rules);
        let changed = rules.filter(|(was, now)| keys(was) != keys(now)).map(|(_, now)| now.index);
        named.iter().copied().chain(changed).collect()
    }

    /// The sealed files of some rules, beside the new configuration.
    fn subjects(
        &self,
        new: &Config,
        affected: &BTreeSet<usize>,
        session: &Session<'_>,
    ) -> Result<Vec<Subject>, Report> {
        let context = session.context;
        let root = self.path.parent().unwrap_or(Path::new(""));
        let directory =
            context.directory.canonicalize().map_err(Report::io("find the folder", &context.directory))?;
        let files = below(&seen_from(&directory, root), session)?;
        let read = |path: &PathBuf| -> Result<Option<Subject>, Report> {
            let found = session.discover(path)?;
            let is_ours = found.config.is_some_and(|config| config.path == self.path);
            let rule = new.rule_for(&found.relative).filter(|rule| is_ours && affected.contains(&rule.index));
            if rule.is_none() || !is_sealed(path, session)? {
                return Ok(None);
            }
            match Governing::of(new, found.relative).at(path)? {
                Some(ruling) => Subject::read(path, false, ruling, session),
                None => Ok(None),
            }
        };
        let read = together::each(&files, |path| path.as_path(), context, read);
        Ok(together::all(read, context)?.into_iter().flatten().collect())
    }

    fn tell(&self, text: &str, brought: &[Brought], how: &How, session: &Session<'_>) {
        let context = session.context;
        let name = escape::path(near(&self.path, context));
        let changed = text != self.text;
        match (changed, brought.is_empty()) {
            (true, _) => context.note(format!("{name}: changed")),
            (false, true) => context.note(format!("{name}: nothing to change")),
            (false, false) => {}
        }
        tell(brought, session);
        if changed && how.no_rekey {
            context.warn("sealed files are not changed yet: `sealeaf rekey --all` brings them to the rules");
        } else if changed {
            context.note(format!("{} brought to the rules", plural(brought.len(), "file", "files")));
        }
    }
}

/// Whether everyone whom a name stands for can read under a rule already.
fn reads_already(name: &str, rule: &Rule, config: &Config) -> bool {
    let people = config.recipients.resolve([name]);
    !people.is_empty() && people.iter().all(|one| rule.recipients.iter().any(|other| other.key == one.key))
}

/// Why there is nothing to edit.
fn without_configuration(file: Option<&Path>, session: &Session<'_>) -> Result<Report, Report> {
    let Some(found) = session.discover_sops(file.unwrap_or(Path::new("x")))? else {
        return Ok(no_configuration());
    };
    let message = "the configuration here is SOPS' own, which has no names";
    Ok(Report::message(Kind::Refused, message).at(near(&found.config.path, session.context)).hint(
        "add or remove the key in its rules, then run `sealeaf rekey --all`, which tells what changes and asks",
    ))
}

fn unknown(name: &str, config: &Config) -> Report {
    let report = Report::message(Kind::Usage, format!("no recipient is called `{name}`"));
    match nearest(name, config.recipients.iter().map(|(name, _)| name)) {
        Some(near) => report.hint(format!("did you mean `{near}`?")),
        None => report,
    }
}
