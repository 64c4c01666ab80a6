use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::document::KeyPath;
use sealeaf::file::SealedFile;
use sealeaf::format::Format;
use sealeaf::keys::{Access as KeyAccess, Recipient};
use sealeaf::policy::Comments;
use sealeaf::secret::SecretText;

use super::compare::{grouped, grouping};
use super::context::Context;
use super::convert_proof::{Covered, Exposure, prove};
use super::escape;
use super::governing::{Governing, SopsRuling, is_same_key};
use super::input::{Access, Input, Source, expand, format_parser};
use super::opened::{Opened, is_sops};
use super::output::{Content, Lock};
use super::plan::{Accepting, Envelope, Plan, Selectors};
use super::recipient::parse_all;
use super::report::{Context as _, Kind, Report, plural};
use super::session::{Linked, Session, named, plain};
use super::together::{self, Made};

/// Make native files of SOPS files, or the other way round
///
/// Opens each file, seals it anew in the other envelope by its rule, opens the result, and compares every value and comment
/// before it replaces the file. Layout and comments stay. Who can read it is what the rule in `.sealeaf.toml` says, of a
/// SOPS file that in `.sops.yaml`; without one, --recipient or --accept-file-recipients. The data key is a new one.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The envelope that they get
    #[arg(long, value_enum)]
    to: Envelope,
    /// Seal for these, a name in `.sealeaf.toml` or a key, instead of the rule's recipients
    #[arg(long, value_name = "NAME|KEY", conflicts_with = "accept_file_recipients")]
    recipient: Vec<String>,
    /// Seal for the recipients that the file names itself; of a SOPS file they are not authenticated
    #[arg(long)]
    accept_file_recipients: bool,
    /// Accept that this value, or what is in it, is encrypted now and comes to stand in clear
    #[arg(long, value_name = "KEYPATH")]
    allow_clear: Vec<String>,
    /// Accept encrypted comments that come to stand in clear, and clear ones that look like secrets
    #[arg(long)]
    allow_comments: bool,
    /// Accept a file in which nothing is sealed
    #[arg(long)]
    allow_no_secrets: bool,
    /// The format, where the name does not tell
    #[arg(long, value_parser = format_parser())]
    format: Option<&'static dyn Format>,
    #[command(flatten)]
    selectors: Selectors,
}

/// Converts each file.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let sources = expand(&args.files, context)?;
    let mut session = Session::new(context);
    session.announce(sources.iter().filter_map(named));
    let _locks = Lock::around_all(sources.iter().filter_map(named), context)?;
    let work = |source: &Source| one(&args, source, &session).at(source.shown());
    let converted = together::results(&sources, Source::shown, context, work);
    together::write_each(converted, Content::Sealed, context)
}

fn one(args: &Args, source: &Source, session: &Session<'_>) -> Result<Made, Report> {
    let context = session.context;
    let input = Input::read(source, Access::Change, args.format, None, context)?;
    let path = source.shown();
    let now = if is_sops(&input, context) {
        Envelope::Sops
    } else if SealedFile::is_sealed(&input.text, input.format, &context.limits)? {
        Envelope::Native
    } else {
        return Err(Report::message(Kind::NotSealed, "the file is not sealed: there is nothing to convert")
            .hint("seal it with `sealeaf encrypt`"));
    };
    let (text, note) = if now == args.to {
        (input.text.clone(), format!("{} already", name(now)))
    } else {
        convert(args, &input, path, session)?
    };
    let note = format!("{}: {note}", escape::path(path));
    Ok(Made { input, target: None, text, carried: None, note: Some(note) })
}

fn convert(
    args: &Args,
    input: &Input,
    path: &Path,
    session: &Session<'_>,
) -> Result<(SecretText, String), Report> {
    let context = session.context;
    let before = Opened::read(input, None, Linked::Refuse, session)?;
    if let Opened::Native(open) = &before {
        session.check_identity(open, path)?;
    }
    refuse_what_is_lost(&before)?;
    let plan = plan(args, &before, path, session)?;
    let accepting = Accepting { no_secrets: args.allow_no_secrets, comments: args.allow_comments };
    // SOPS reads some formats in a way of its own.
    let document = plain(&before.plain().source, plan.format(input.format), context)?;
    let sealed = plan.seal(document, input.format, None, accepting, session)?;
    let after = reopen(&sealed.text, &plan, input, session)?;
    let is_stripped = matches!(&plan, Plan::Native(policy, _) if policy.comments == Comments::Strip);
    let read = |open: &Opened| plain(&open.plain().source, input.format, context);
    let proof = prove(&read(&before)?, &read(&after)?, is_stripped)?;
    let exposure = Covered::of(&before)?.compare(&Covered::of(&after)?, before.plain());
    refuse_exposure(args, &exposure, is_stripped)?;
    let mut notes = vec![format!("{} now: {proof}, the same in both", name(args.to))];
    notes.extend(count(exposure.hidden, "value or comment", "values or comments", "encrypted that were not"));
    notes.extend(count(exposure.shown.len(), "value", "values", "in clear that were not"));
    if let (Opened::Native(open), Plan::Sops(_)) = (&before, &plan)
        && !open.header().policy.scope.is_empty()
    {
        notes.push("not bound to its place any more".to_owned());
    }
    notes.extend(readers(&before, &plan));
    Ok((sealed.text, notes.join("; ")))
}

/// What only the source can hold.
fn refuse_what_is_lost(before: &Opened) -> Result<(), Report> {
    let Opened::Sops(open) = before else { return Ok(()) };
    match open.sealed_comments().first() {
        None => Ok(()),
        Some(line) => {
            let message = format!("the comment in line {line} cannot be opened where it stands");
            Err(Report::message(Kind::Refused, message).hint("remove it, or put it back where it was"))
        }
    }
}

/// For whom the file is sealed, and which of its values.
fn plan(args: &Args, before: &Opened, path: &Path, session: &Session<'_>) -> Result<Plan, Report> {
    let rule = session.governing_for(path, args.to == Envelope::Sops)?;
    let own: Option<KeyAccess> = match before {
        _ if !args.recipient.is_empty() => Some(parse_all(&args.recipient, path, session)?.into()),
        _ if !args.accept_file_recipients => None,
        before => Some(access_of(before)),
    };
    match (args.to, rule, own) {
        (Envelope::Native, ..) if args.selectors.is_given()? => {
            Err(Report::message(Kind::Usage, "selectors choose what is encrypted in SOPS files")
                .hint("what is sealed in a native file is the rule's in `.sealeaf.toml`"))
        }
        (Envelope::Native, Some(Governing::Native(ruling)), None) => {
            ruling.rule.ensure_wrappable()?;
            Ok(Plan::Native(ruling.policy, ruling.rule.access()))
        }
        (Envelope::Native, rule, Some(access)) => {
            let policy = rule.as_ref().and_then(Governing::native).map(|ruling| ruling.policy.clone());
            Ok(Plan::Native(policy.unwrap_or_default(), access))
        }
        (Envelope::Sops, Some(Governing::Sops(rule)), None) => Plan::sops(*rule, &args.selectors),
        (Envelope::Sops, rule, Some(access)) => {
            let base = rule.map(|rule| rule.sops());
            Plan::sops(SopsRuling::to(access, base), &args.selectors)
        }
        (to, _, None) => {
            let file = if to == Envelope::Native { ".sealeaf.toml" } else { ".sops.yaml" };
            let message = format!("no rule says who can read it as a {}", name(to));
            Err(Report::message(Kind::Refused, message).hint(format!(
                "add a rule to `{file}`, name recipients with --recipient, or take the file's own with --accept-file-recipients"
            )))
        }
    }
}

/// Opens what was made, which is not written yet.
fn reopen(text: &SecretText, plan: &Plan, input: &Input, session: &Session<'_>) -> Result<Opened, Report> {
    let limits = &session.context.limits;
    let opened = match plan {
        Plan::Native(..) => SealedFile::parse(text, input.format, limits)
            .and_then(|file| file.open(&session.keyring(), limits))
            .map(|open| Opened::Native(Box::new(open))),
        Plan::Sops(_) => sealeaf::file::sops::SopsFile::parse(text, input.format, limits)
            .and_then(|file| file.open(&session.keyring(), limits))
            .map(|open| Opened::Sops(Box::new(open))),
    };
    opened.map_err(|error| {
        let report = Report::from(error);
        if report.kind() != Kind::NoKey {
            return report;
        }
        Report::message(Kind::Refused, "you could not open it any more, so nothing could be compared")
            .hint("convert it with a key of one of its new recipients")
    })
}

/// What is encrypted stays so, unless the user agrees by name.
fn refuse_exposure(args: &Args, exposure: &Exposure, is_stripped: bool) -> Result<(), Report> {
    let allowed: Vec<KeyPath> =
        args.allow_clear.iter().map(|text| KeyPath::parse(text)).collect::<Result<_, _>>()?;
    let is_allowed = |path: &KeyPath| {
        allowed.iter().any(|own| own.part == path.part && path.steps.starts_with(&own.steps))
    };
    let shown: Vec<String> =
        exposure.shown.iter().filter(|path| !is_allowed(path)).map(ToString::to_string).collect();
    if let Some(first) = shown.first() {
        let count = plural(shown.len(), "encrypted value", "encrypted values");
        let empty = match args.to {
            Envelope::Sops => "; SOPS leaves null and what is empty in clear",
            Envelope::Native => "",
        };
        return Err(Report::message(Kind::Refused, format!("{count} would stand in clear"))
            .detail(&shown.join("\n"))
            .hint(format!("let the rule encrypt it, or agree with --allow-clear '{first}'{empty}")));
    }
    match exposure.shown_comments.first() {
        Some(line) if !args.allow_comments && !is_stripped => {
            let message = format!("the encrypted comment in line {line} would stand in clear");
            Err(Report::message(Kind::Refused, message)
                .hint("set `comments = \"encrypt\"` in the rule, or agree with --allow-comments"))
        }
        _ => Ok(()),
    }
}

/// Who could read the file and cannot any more, and the other way round.
fn readers(before: &Opened, plan: &Plan) -> Vec<String> {
    let then = access_of(before);
    let now = match plan {
        Plan::Native(_, access) => access.clone(),
        Plan::Sops(rule) => KeyAccess::new(rule.groups.clone(), rule.needed()),
    };
    let groups = (grouped(&then) != grouped(&now))
        .then(|| format!("who opens it: {} before, {} now", grouping(&then), grouping(&now)));
    let only = |some: &KeyAccess, others: &KeyAccess| -> Vec<String> {
        let is_new = |one: &&Recipient| !others.recipients().any(|other| is_same_key(&one.key, &other.key));
        some.recipients().filter(is_new).map(Recipient::label).collect()
    };
    let said =
        |who: Vec<String>, what: &str| (!who.is_empty()).then(|| format!("{what}: {}", who.join(", ")));
    [said(only(&now, &then), "can read it now"), said(only(&then, &now), "cannot read it any more")]
        .into_iter()
        .chain([groups])
        .flatten()
        .collect()
}

/// Who opens a file, by its metadata.
fn access_of(file: &Opened) -> KeyAccess {
    match file {
        Opened::Native(open) => open.header().access(),
        Opened::Sops(open) => {
            let file = open.sealed_file();
            KeyAccess::new(file.recipients(), file.metadata().needed())
        }
    }
}

fn count(count: usize, one: &str, many: &str, what: &str) -> Option<String> {
    (count > 0).then(|| format!("{} {what}", plural(count, one, many)))
}

const fn name(envelope: Envelope) -> &'static str {
    match envelope {
        Envelope::Native => "native file",
        Envelope::Sops => "SOPS file",
    }
}
