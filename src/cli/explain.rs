use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::document::{Document, NodeId, Step};
use sealeaf::keys::{Recipient, age};
use sealeaf::policy::{Policy, Selection};
use serde::Serialize;

use super::compare::{Person, paths};
use super::context::Context;
use super::escape;
use super::found::near;
use super::input::{Access, Input, Source};
use super::inspect::{Inspected, State, inspect};
use super::report::Report;
use super::session::{Ruling, Session, plain};
use super::table::align;

/// Say which rule holds for a file, and what it means
///
/// Shows the configuration, the rule with its line and the glob that matched; who can read, and which of your keys opens
/// it; each value, whether the rule seals it, and the pattern that decides. Works for plain, sealed and future files, and
/// without a key.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file, which need not exist
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is known of a file.
#[derive(Serialize)]
struct Explanation<'a> {
    schema_version: u32,
    file: String,
    /// `null` for a file that does not exist.
    state: Option<State>,
    reasons: Vec<String>,
    configuration: Option<String>,
    rule: Option<RuleView<'a>>,
    policy: Option<PolicyView<'a>>,
    recipients: Vec<Reader<'a>>,
    /// Places that may hold further keys of the user's.
    unread: Vec<String>,
    values: Vec<ValueView<'a>>,
}

#[derive(Serialize)]
struct RuleView<'a> {
    /// Counted from 1.
    number: usize,
    line: usize,
    glob: &'a str,
}

#[derive(Serialize)]
struct PolicyView<'a> {
    scope: &'a str,
    encrypt: &'a [String],
    clear: &'a [String],
    integrity: &'static str,
    cleartext: &'static str,
    comments: &'static str,
    padding: &'static str,
}

#[derive(Serialize)]
struct Reader<'a> {
    #[serde(flatten)]
    person: Person<'a>,
    #[serde(skip)]
    recipient: &'a Recipient,
    /// Where the user's key for it lies.
    identity: Option<String>,
}

#[derive(Serialize)]
struct ValueView<'a> {
    path: String,
    /// By the rule.
    sealed: bool,
    /// In a sealed file; `null` in a plain one.
    now: Option<bool>,
    /// The pattern that decides; `null` where none covers the value.
    pattern: Option<&'a str>,
}

/// Looks at one file.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let session = Session::silent(context);
    let exists = fs::symlink_metadata(context.directory.join(&args.file)).is_ok();
    let found = if exists { Some(inspect(&args.file, &session)?) } else { None };
    let ruling = match &found {
        Some(found) => found.ruling.clone(),
        None => session.ruling(&args.file)?,
    };
    let plain =
        found.as_ref().filter(|found| found.sealed.is_none()).and_then(|_| parse(&args.file, &session));
    let explanation = explain(&args.file, found.as_ref(), ruling.as_ref(), plain.as_ref(), &session)?;
    if args.json {
        context.print_json(&explanation)?;
    } else {
        context.print(explanation.text().as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn explain<'a>(
    path: &Path,
    found: Option<&'a Inspected>,
    ruling: Option<&'a Ruling>,
    plain: Option<&'a Document>,
    session: &Session<'_>,
) -> Result<Explanation<'a>, Report> {
    let sealed = found.and_then(|found| found.sealed.as_ref());
    let policy = ruling.map(|ruling| &ruling.policy).or_else(|| sealed.map(|sealed| &sealed.header().policy));
    let body = sealed.map(|sealed| &sealed.sealed().body).or(plain);
    let is_token = |id: NodeId| sealed.map(|sealed| sealed.sealed().is_token(id));
    let recipients = match (sealed, ruling) {
        (Some(_), _) => found.map(|found| found.recipients.as_slice()),
        (None, ruling) => ruling.map(|ruling| ruling.rule.recipients.as_slice()),
    };
    let own = age::own_recipients(session.run());
    let config = session.discover(path)?.config.map(|config| config.path);
    Ok(Explanation {
        schema_version: 1,
        file: path.to_string_lossy().into_owned(),
        state: found.map(|found| found.state),
        reasons: found.map(|found| found.reasons.clone()).unwrap_or_default(),
        configuration: config.map(|path| near(&path, session.context).to_string_lossy().into_owned()),
        rule: ruling.map(|ruling| RuleView {
            number: ruling.rule.index + 1,
            line: ruling.rule.line,
            glob: ruling.rule.matching_glob(&ruling.relative).unwrap_or_default(),
        }),
        policy: policy.map(PolicyView::of),
        recipients: recipients.unwrap_or_default().iter().map(|it| Reader::of(it, &own)).collect(),
        unread: age::unread_places(session.run()),
        values: match (body, policy) {
            (Some(body), Some(policy)) => values(body, &policy.selection, is_token),
            _ => Vec::new(),
        },
    })
}

/// A plain file's values. What does not parse has none; that is among the reasons.
fn parse(path: &Path, session: &Session<'_>) -> Option<Document> {
    let source = Source::File(path.to_owned());
    let input = Input::read(&source, Access::Read, None, None, session.context).ok()?;
    plain(&input.text, input.format, session.context).ok()
}

fn values<'a>(
    body: &Document,
    selection: &'a Selection,
    is_token: impl Fn(NodeId) -> Option<bool>,
) -> Vec<ValueView<'a>> {
    let leaves: Vec<NodeId> = body.ids().filter(|id| body.is_leaf(*id)).collect();
    let of = |(id, path): (&NodeId, sealeaf::document::KeyPath)| {
        let leaf = path.steps.iter().fold(selection.start(), |cursor, step: &Step| cursor.enter(step));
        ValueView {
            path: path.to_string(),
            sealed: leaf.is_secret() && body.node(*id).sealable,
            now: is_token(*id),
            pattern: leaf.decided_by(),
        }
    };
    leaves.iter().zip(paths(body, &leaves)).map(of).collect()
}

impl<'a> PolicyView<'a> {
    fn of(policy: &'a Policy) -> Self {
        let (encrypt, clear) = policy.selection.patterns();
        Self {
            scope: &policy.scope,
            encrypt,
            clear,
            integrity: policy.integrity.name(),
            cleartext: policy.cleartext.name(),
            comments: policy.comments.name(),
            padding: policy.padding.name(),
        }
    }
}

impl<'a> Reader<'a> {
    fn of(recipient: &'a Recipient, own: &[(String, String)]) -> Self {
        let mine = own.iter().find(|(_, public)| *public == recipient.key.id);
        Self { person: Person::of(recipient), recipient, identity: mine.map(|(place, _)| place.clone()) }
    }
}

impl Explanation<'_> {
    /// For people.
    fn text(&self) -> String {
        let state = self.state.map_or("does not exist yet", State::name);
        let mut blocks = vec![vec![format!("{}: {state}", escape::line(&self.file))]];
        blocks.extend(
            self.reasons.iter().map(|reason| vec![format!("  {}", escape::line(reason))]).reduce(join),
        );
        blocks.push(align(&self.settings()));
        blocks.push(titled(
            if self.is_sealed() { "who can read" } else { "who can read it once sealed" },
            self.readers(),
        ));
        blocks
            .push(titled(if self.is_sealed() { "values" } else { "values, once sealed" }, self.value_rows()));
        let unread = self.unread.iter().map(|place| vec![escape::line(place)]);
        blocks.push(titled("not looked into, for it would ask you", unread.collect()));
        blocks.into_iter().filter(|block| !block.is_empty()).flatten().map(|line| line + "\n").collect()
    }

    fn is_sealed(&self) -> bool {
        self.state.is_some_and(|state| state != State::Plain)
    }

    fn settings(&self) -> Vec<Vec<String>> {
        let row = |name: &str, text: &str| vec![name.to_owned(), escape::line(text)];
        let mut rows = vec![row("configuration", self.configuration.as_deref().unwrap_or("none"))];
        rows.push(match &self.rule {
            Some(rule) => row("rule", &format!("{}, line {}, by `{}`", rule.number, rule.line, rule.glob)),
            None => row("rule", "none covers this file"),
        });
        if let Some(policy) = &self.policy {
            if !policy.scope.is_empty() {
                rows.push(row("scope", policy.scope));
            }
            let PolicyView { integrity, cleartext, comments, padding, .. } = policy;
            let modes = format!(
                "integrity {integrity}, cleartext {cleartext}, comments {comments}, padding {padding}"
            );
            rows.push(row("modes", &modes));
        }
        rows
    }

    fn readers(&self) -> Vec<Vec<String>> {
        let row = |reader: &Reader<'_>| {
            let Recipient { key, name, break_glass } = reader.recipient;
            let name = if name.is_empty() { "(no name)" } else { name };
            let mut remarks: Vec<String> = Vec::new();
            remarks.extend(reader.identity.as_ref().map(|place| format!("your key, in {place}")));
            remarks.extend(break_glass.then(|| "break-glass".to_owned()));
            [name, &key.kind, &key.id, &remarks.join(", ")].iter().map(|cell| escape::line(cell)).collect()
        };
        self.recipients.iter().map(row).collect()
    }

    fn value_rows(&self) -> Vec<Vec<String>> {
        let row = |value: &ValueView<'_>| {
            let state = if value.sealed { "sealed" } else { "clear" };
            let why = match value.pattern {
                None => "no pattern covers it".to_owned(),
                Some(pattern) if value.sealed => format!("encrypt `{pattern}`"),
                Some(pattern) => format!("clear `{pattern}`"),
            };
            let now = match value.now {
                Some(true) if !value.sealed => "; sealed in the file",
                Some(false) if value.sealed => "; in clear in the file",
                _ => "",
            };
            vec![state.to_owned(), escape::line(&value.path), escape::line(&why) + now]
        };
        self.values.iter().map(row).collect()
    }
}

fn titled(title: &str, rows: Vec<Vec<String>>) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    std::iter::once(title.to_owned())
        .chain(align(&rows).into_iter().map(|line| format!("  {line}")))
        .collect()
}

fn join(mut all: Vec<String>, more: Vec<String>) -> Vec<String> {
    all.extend(more);
    all
}
