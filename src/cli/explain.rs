use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::document::{Document, NodeId, Step};
use sealeaf::file::sops::SopsFile;
use sealeaf::keys::{Examined, Recipient, age};
use sealeaf::policy::{Policy, Selection};
use serde::Serialize;

use super::compare::{Person, paths};
use super::context::Context;
use super::escape;
use super::explain_access::{self, AccessView};
use super::explain_sops::{SopsView, grouped};
use super::found::near;
use super::governing::Governing;
use super::input::{Access, Input, Source};
use super::inspect::{Inspected, State, inspect};
use super::report::Report;
use super::session::{Session, plain};
use super::table::align;

/// Say which rule holds for a file, and what it means
///
/// Shows the configuration (`.sealeaf.toml` or `.sops.yaml`), the rule with its line and the glob or pattern that matched; who can read, and which of your keys opens
/// it; each value, whether the rule seals it, and the pattern that decides. Works for plain, sealed and future files, and
/// without a key.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file, which need not exist
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Ask no key service
    #[arg(long)]
    offline: bool,
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
    /// For a SOPS file, now or once encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    sops: Option<SopsView>,
    /// Where several groups of recipients have to act together.
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Groups>,
    recipients: Vec<Reader<'a>>,
    /// Places that may hold further keys of the user's.
    unread: Vec<String>,
    values: Vec<ValueView<'a>>,
}

#[derive(Clone, Copy, Serialize)]
struct Groups {
    needed: usize,
    of: usize,
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
    /// Of a SOPS file with several groups, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<usize>,
    /// Where the user's key for it lies.
    identity: Option<String>,
    /// Whether the user can act as that recipient; of sealed files alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<AccessView<'a>>,
}

/// A value, and what becomes of it.
#[derive(Serialize)]
pub(super) struct ValueView<'a> {
    /// Its key path.
    pub(super) path: String,
    /// By the rule.
    pub(super) sealed: bool,
    /// In a sealed file; `null` in a plain one.
    pub(super) now: Option<bool>,
    /// The pattern that decides; `null` where none covers the value, and in SOPS files.
    pub(super) pattern: Option<&'a str>,
}

/// Looks at one file.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let session = if args.offline { Session::silent(context) } else { Session::asking_nobody(context) };
    let exists = fs::symlink_metadata(context.directory.join(&args.file)).is_ok();
    let found = if exists { Some(inspect(&args.file, &session)?) } else { None };
    let rule = match &found {
        Some(found) => found.rule.clone(),
        None => session.governing(&args.file)?,
    };
    let is_plain = |found: &&Inspected| found.sealed.is_none() && found.sops.is_none();
    let plain = found.as_ref().filter(is_plain).and_then(|_| parse(&args.file, &session));
    let subject = Subject {
        path: &args.file,
        readers: readers(found.as_ref(), rule.as_ref()),
        examined: found.as_ref().map(|found| explain_access::examine(found, &session)).unwrap_or_default(),
        found: found.as_ref(),
        rule: rule.as_ref(),
        plain: plain.as_ref(),
    };
    let explanation = subject.explain(&session)?;
    if args.json {
        context.print_json(&explanation)?;
    } else {
        context.print(explanation.text().as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is explained.
struct Subject<'a> {
    path: &'a Path,
    found: Option<&'a Inspected>,
    rule: Option<&'a Governing>,
    plain: Option<&'a Document>,
    /// With the numbers of their groups.
    readers: Vec<(Option<usize>, Recipient)>,
    /// The same of a sealed file, tried.
    examined: Vec<Examined>,
}

/// Who can read a sealed file, by its metadata; who will be able to read another one, by its rule.
fn readers(found: Option<&Inspected>, rule: Option<&Governing>) -> Vec<(Option<usize>, Recipient)> {
    let sops = found.and_then(|found| found.sops.as_ref());
    match (sops, found.filter(|found| found.sealed.is_some()), rule) {
        (Some(file), ..) => grouped(&file.recipients()),
        (None, Some(found), _) => match &found.sealed {
            Some(sealed) => grouped(sealed.header().access().groups()),
            None => found.recipients.iter().map(|one| (None, one.clone())).collect(),
        },
        (None, None, Some(Governing::Native(ruling))) => grouped(ruling.rule.access().groups()),
        (None, None, Some(rule)) => grouped(&rule.sops().groups),
        (None, None, None) => Vec::new(),
    }
}

impl Subject<'_> {
    fn explain(&self, session: &Session<'_>) -> Result<Explanation<'_>, Report> {
        let sealed = self.found.and_then(|found| found.sealed.as_ref());
        let ruling = self.rule.and_then(Governing::native);
        let sops = match (self.found.and_then(|found| found.sops.as_ref()), self.rule) {
            (Some(file), _) => Some(SopsView::of_file(file)),
            (None, Some(Governing::Sops(rule))) if sealed.is_none() => Some(SopsView::of_rule(rule)),
            _ => None,
        };
        let policy =
            ruling.map(|ruling| &ruling.policy).or_else(|| sealed.map(|sealed| &sealed.header().policy));
        let policy = policy.filter(|_| sops.is_none());
        let own = age::own_recipients(session.run());
        let near_by = |path: &Path| near(path, session.context).to_string_lossy().into_owned();
        Ok(Explanation {
            schema_version: 1,
            file: self.path.to_string_lossy().into_owned(),
            state: self.found.map(|found| found.state),
            reasons: self.found.map(|found| found.reasons.clone()).unwrap_or_default(),
            configuration: self.configuration(session)?.as_deref().map(near_by),
            rule: self.rule.map(RuleView::of),
            policy: policy.map(PolicyView::of),
            recipients: self.recipients(&own),
            unread: age::unread_places(session.run()),
            values: self.values(sops.as_ref(), policy),
            sops,
            groups: self.groups(),
        })
    }

    fn recipients<'s>(&'s self, own: &[(String, String)]) -> Vec<Reader<'s>> {
        let reader = |(group, recipient): &'s (Option<usize>, Recipient)| {
            let examined = self.examined.iter().find(|one| one.recipient.key == recipient.key);
            Reader { access: examined.map(AccessView::of), ..Reader::of(*group, recipient, own) }
        };
        self.readers.iter().map(reader).collect()
    }

    /// How many groups of keys have to act together, and how many there are.
    fn groups(&self) -> Option<Groups> {
        let found = self.found.filter(|found| found.sops.is_none());
        let access = match (found.and_then(|found| found.sealed.as_ref()), self.rule) {
            (Some(sealed), _) => sealed.header().access(),
            (None, Some(Governing::Native(ruling))) => ruling.rule.access(),
            _ => return None,
        };
        let groups = Groups { needed: access.threshold(), of: access.groups().len() };
        (groups.needed > 1).then_some(groups)
    }

    /// The configuration of the rule; without one the nearest.
    fn configuration(&self, session: &Session<'_>) -> Result<Option<PathBuf>, Report> {
        if let Some(rule) = self.rule {
            return Ok(Some(rule.config().to_owned()));
        }
        let place = session.place(self.path)?;
        let (native, sops) =
            (place.config.map(|config| config.path), place.sops.map(|found| found.config.path));
        Ok(if place.sops_first { sops.or(native) } else { native.or(sops) })
    }

    fn values<'v>(&self, sops: Option<&SopsView>, policy: Option<&'v Policy>) -> Vec<ValueView<'v>> {
        let sealed = self.found.and_then(|found| found.sealed.as_ref());
        let file = self.found.and_then(|found| found.sops.as_ref());
        let body = sealed.map(|sealed| &sealed.sealed().body);
        let body = body.or_else(|| file.map(SopsFile::document)).or(self.plain);
        let is_token = |id: NodeId| sealed.map(|sealed| sealed.sealed().is_token(id));
        match (body, sops, policy) {
            (Some(body), Some(sops), _) => sops.values(body, file.is_some()),
            (Some(body), None, Some(policy)) => values(body, &policy.selection, is_token),
            _ => Vec::new(),
        }
    }
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

impl<'a> RuleView<'a> {
    fn of(rule: &'a Governing) -> Self {
        let (line, glob) = match rule {
            Governing::Native(ruling) => (ruling.rule.line, ruling.rule.matching_glob(&ruling.relative)),
            Governing::Sops(rule) => (rule.line, Some(rule.by.as_str())),
        };
        Self { number: rule.number(), line, glob: glob.unwrap_or_default() }
    }
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
    fn of(group: Option<usize>, recipient: &'a Recipient, own: &[(String, String)]) -> Self {
        let mine = own.iter().find(|(_, public)| *public == recipient.key.id);
        let identity = mine.map(|(place, _)| place.clone());
        Self { person: Person::of(recipient), recipient, group, identity, access: None }
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
        let access =
            self.recipients.iter().filter_map(|reader| Some((reader.recipient, reader.access.as_ref()?)));
        blocks.push(explain_access::block(access));
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
            Some(rule) if rule.glob.is_empty() => {
                row("rule", &format!("{}, line {}, for every file", rule.number, rule.line))
            }
            Some(rule) => row("rule", &format!("{}, line {}, by `{}`", rule.number, rule.line, rule.glob)),
            None => row("rule", "none covers this file"),
        });
        if let Some(sops) = &self.sops {
            rows.push(row("envelope", "sops"));
            rows.push(row("selector", &sops.selector));
            let only = if sops.mac_only_encrypted { "encrypted values alone" } else { "all values" };
            rows.push(row("mac", only));
            if sops.groups > 1 {
                rows.push(row("groups", &format!("{} of {} are needed", sops.needed, sops.groups)));
            }
        }
        if let Some(Groups { needed, of }) = self.groups {
            rows.push(row("groups", &format!("{needed} of {of} are needed")));
        }
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
            remarks.extend(reader.group.map(|number| format!("group {number}")));
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
                None if self.sops.is_some() => String::new(),
                None => "no pattern covers it".to_owned(),
                Some(pattern) if value.sealed => format!("encrypt `{pattern}`"),
                Some(pattern) => format!("clear `{pattern}`"),
            };
            let now = match value.now {
                Some(true) if !value.sealed => "; sealed in the file",
                Some(false) if value.sealed => "; in clear in the file",
                _ => "",
            };
            let why = escape::line(&why) + now;
            let why = if self.sops.is_some() { why.trim_start_matches("; ") } else { &why };
            vec![state.to_owned(), escape::line(&value.path), why.to_owned()]
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
