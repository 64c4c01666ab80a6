//! What is tried with one real file.

use std::collections::HashSet;

use sealeaf::document::{Document, Kind, NodeId, Splice, Step, Tree, apply};
use sealeaf::file::{Change, FileError, Next, OpenFile, SealedFile, Sealing, parse, seal};
use sealeaf::format::{EditError, Format, Limits};
use sealeaf::keys::{Environment, Keyring, NoPrompt, Recipient, Run, age};
use sealeaf::policy::Policy;

/// Seals with one throw-away key.
pub(super) struct Sealer {
    environment: Environment,
    recipient: Recipient,
    limits: Limits,
}

/// What came of one check of one file.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// It is as promised.
    Holds,
    /// The file has nothing to try it with.
    Absent,
    /// It is not so, for a reason that is no fault.
    Refused(String),
    /// It is not so: a bug.
    Broken(String),
}

/// The checks of one file by name, and what it became.
pub(super) struct Trial {
    pub(super) sealed: String,
    pub(super) leaves: usize,
    pub(super) checks: Vec<(&'static str, Verdict)>,
}

/// A file that was sealed and opened, and its parts at hand.
struct Subject<'a> {
    sealer: &'a Sealer,
    format: &'static dyn Format,
    text: &'a str,
    sealed: String,
    open: OpenFile,
}

impl Sealer {
    pub(super) fn new() -> Self {
        let identity = age::generate("2026-01-01T00:00:00Z").unwrap();
        Self {
            environment: [("SEALEAF_IDENTITY", identity.text.as_str())].into_iter().collect(),
            recipient: Recipient::new("test", "age", &identity.recipient).unwrap(),
            limits: Limits::default(),
        }
    }

    /// Tries everything with one text.
    ///
    /// # Errors
    /// Why the text is refused.
    pub(super) fn trial(&self, format: &'static dyn Format, text: &str) -> Result<Trial, String> {
        let run = Run::new(&self.environment, &NoPrompt);
        let keyring = Keyring::new(&run);
        let recipients = std::slice::from_ref(&self.recipient);
        let sealing = Sealing {
            policy: Policy::default(),
            access: recipients.into(),
            allow_no_secrets: true,
            allow_comments: true,
        };
        let document = parse(text, format, &self.limits).map_err(|error| error.to_string())?;
        let sealed = seal(document, format, &sealing, &keyring, &self.limits)
            .map_err(|error| error.to_string())?
            .text
            .to_string();
        let open = SealedFile::parse(&sealed, format, &self.limits)
            .and_then(|file| file.open(&keyring, &self.limits));
        let open = match open {
            Ok(open) => open,
            Err(error) => return Ok(Trial { sealed, leaves: 0, checks: vec![("exact", broken(error))] }),
        };
        let leaves = open.sealed_values();
        let subject = Subject { sealer: self, format, text, sealed, open };
        let checks = vec![
            ("exact", holds(subject.open.plain().source.as_str() == text, "other bytes")),
            ("unchanged", subject.unchanged(&keyring)),
            ("value", subject.value(&keyring)),
            ("item", subject.item(&keyring)),
            ("crlf", subject.crlf()),
            ("indent", subject.indent()),
        ];
        Ok(Trial { sealed: subject.sealed, leaves, checks })
    }
}

impl Subject<'_> {
    fn next(&self, plain: &str, keyring: &Keyring<'_>) -> Result<Change, FileError> {
        let limits = &self.sealer.limits;
        let plain = Some(parse(plain, self.format, limits)?);
        let next = Next { plain, allow_no_secrets: true, allow_comments: true, ..Next::default() };
        self.open.next(next, keyring, limits)
    }

    /// The same text again: the same bytes, no fresh token.
    fn unchanged(&self, keyring: &Keyring<'_>) -> Verdict {
        match self.next(self.text, keyring) {
            Ok(change) => holds(
                !change.changed && change.sealed.fresh == 0 && change.sealed.text.as_str() == self.sealed,
                "an edit without a change made another file",
            ),
            Err(error) => broken(error),
        }
    }

    /// The value in the middle becomes another one.
    fn value(&self, keyring: &Keyring<'_>) -> Verdict {
        let plain = self.open.plain();
        let leaves: Vec<NodeId> =
            plain.ids().filter(|id| plain.is_leaf(*id) && plain.node(*id).sealable).collect();
        let Some(id) = leaves.get(leaves.len() / 2) else { return Verdict::Absent };
        let value = Tree::text("another value");
        self.one_fresh(self.format.replace(plain, *id, &value), keyring)
    }

    /// A list of scalars gets one more.
    fn item(&self, keyring: &Keyring<'_>) -> Verdict {
        let plain = self.open.plain();
        let lists: Vec<(NodeId, usize)> =
            plain.ids().filter_map(|id| Some((id, scalars(plain, id)?))).collect();
        let Some((id, length)) = lists.get(lists.len() / 2) else { return Verdict::Absent };
        let value = Tree::text("one more");
        self.one_fresh(self.format.insert(plain, *id, &Step::Index(*length), &value), keyring)
    }

    /// After the edit exactly one token is new, and it opens to what the edit made.
    fn one_fresh(&self, edit: Result<Vec<Splice>, EditError>, keyring: &Keyring<'_>) -> Verdict {
        let edited = match edit {
            Ok(splices) => apply(&self.open.plain().source, &splices).unwrap_or_default(),
            Err(error) => return Verdict::Refused(error.reason),
        };
        let change = match self.next(&edited, keyring) {
            Ok(change) => change,
            Err(error) => return broken(error),
        };
        let old: HashSet<&str> = payloads(&self.sealed).collect();
        let new = payloads(&change.sealed.text).filter(|payload| !old.contains(payload)).count();
        if (change.sealed.fresh, new) != (1, 1) {
            return Verdict::Broken(format!(
                "{} fresh, {new} new tokens for one change",
                change.sealed.fresh
            ));
        }
        self.opens_to(&change.sealed.text, &edited)
    }

    /// An editor that writes CRLF saved the sealed file.
    fn crlf(&self) -> Verdict {
        if self.text.contains('\r') || !self.text.contains('\n') {
            return Verdict::Absent;
        }
        let crlf = |text: &str| text.replace('\n', "\r\n");
        self.opens_to(&crlf(&self.sealed), &crlf(self.text))
    }

    /// Someone moved the whole sealed file two columns to the right.
    fn indent(&self) -> Verdict {
        let plain = self.open.plain();
        // Lines of several documents, and those of a raw multi-line string, cannot move.
        let fixed = ["---", "...", "%", "\u{feff}"];
        let is_fixed = self.sealed.lines().any(|line| fixed.iter().any(|start| line.starts_with(start)));
        let is_raw = self.format.name() == "toml"
            && (self.text.contains("\"\"\"") || self.text.contains("'''") || self.text.contains('\r'));
        let is_block = plain.parts.len() == 1 && plain.scalar(plain.parts[0].root).is_none();
        if is_fixed || is_raw || !is_block {
            return Verdict::Absent;
        }
        self.opens_to(&indented(&self.sealed), &indented(self.text))
    }

    fn opens_to(&self, sealed: &str, plain: &str) -> Verdict {
        let limits = &self.sealer.limits;
        let open = SealedFile::parse(sealed, self.format, limits)
            .and_then(|file| file.open_with(self.open.data_key().clone(), limits));
        match open {
            Ok(open) => same_text(&open.plain().source, plain),
            Err(error) => broken(error),
        }
    }
}

fn holds(is_so: bool, otherwise: &str) -> Verdict {
    if is_so { Verdict::Holds } else { Verdict::Broken(otherwise.to_owned()) }
}

fn same_text(found: &str, expected: &str) -> Verdict {
    let dense = |text: &str| text.split_whitespace().collect::<String>();
    if found == expected {
        Verdict::Holds
    } else if dense(found) == dense(expected) {
        Verdict::Refused("an empty list or map over several lines keeps its own blanks".to_owned())
    } else {
        Verdict::Broken("it opens to another text".to_owned())
    }
}

fn broken(error: FileError) -> Verdict {
    Verdict::Broken(error.to_string())
}

/// How many elements a list has, where all of them are scalars and there is one.
fn scalars(document: &Document, id: NodeId) -> Option<usize> {
    let Kind::List(items) = &document.node(id).kind else { return None };
    let all = !items.is_empty() && items.iter().all(|item| document.scalar(*item).is_some());
    all.then_some(items.len())
}

/// What the tokens of a sealed text hold, without their tails: those are written anew where a neighbour came or went.
fn payloads(sealed: &str) -> impl Iterator<Item = &str> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let words = sealed.split(move |c| !is_token(c)).filter(|word| word.starts_with("sealed.v1."));
    words.filter_map(|token| Some(token.rsplit_once('.')?.0))
}

fn indented(text: &str) -> String {
    let moved = |line: &str| {
        if line.trim().is_empty() { line.to_owned() } else { format!("  {line}") }
    };
    text.split_inclusive('\n').map(moved).collect()
}
