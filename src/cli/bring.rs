//! Brings sealed files to what their rules say: for `rekey`, and for `recipients`, which changes the rules first.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use sealeaf::envelope::sops::SopsError;
use sealeaf::file::sops::SopsFile;
use sealeaf::file::{Change, FileError, Next, OpenFile, SealedFile};
use sealeaf::keys::{KeyRef, Recipient, age};
use sealeaf::policy::Comments;
use sealeaf::secret::SecretText;
use serde::Serialize;

use super::break_glass;
use super::compare::{Comparison, Differences, Spot, readable, spots};
use super::compare_sops::readable as readable_sops;
use super::escape;
use super::governing::Governing;
use super::input::{Access, Input, Source};
use super::opened::{Opened, bring as bring_sops};
use super::report::{Context as _, Kind, Report, plural};
use super::session::{Linked, Ruling, Session};
use super::together::{self, Version};

/// A sealed file beside its rule.
#[derive(Debug)]
pub(crate) struct Subject {
    /// As the user names it.
    pub(crate) path: PathBuf,
    input: Input,
    rule: Governing,
    is_sops: bool,
    /// What the rule changes in it.
    pub(crate) comparison: Comparison,
}

/// What the user allows.
#[derive(Debug, Default)]
pub(crate) struct Consent {
    /// Everything that would be asked.
    pub(crate) yes: bool,
    /// Keys whose coming or going was asked for already.
    pub(crate) expected: HashSet<KeyRef>,
    /// A file in which the rule seals nothing.
    pub(crate) allow_no_secrets: bool,
    /// Comments that look like secrets in clear.
    pub(crate) allow_comments: bool,
}

/// A file's version after its rule.
#[derive(Debug)]
pub(crate) struct Brought {
    /// As the user names it.
    pub(crate) path: PathBuf,
    /// To write.
    pub(crate) version: Version,
    comparison: Comparison,
    rotated: bool,
    removed: Vec<Recipient>,
    exposed: Vec<Spot>,
}

/// What became of a file, for JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome<'a> {
    file: String,
    changes: Differences<'a>,
    rotated: bool,
    /// What recipients who are gone could read: to be changed at its source.
    exposed: Vec<String>,
}

impl Subject {
    /// Reads a file and compares it with its rule, without a key. `None` where it is not sealed; with a warning for a file
    /// of this program under a rule for SOPS files, which is an error where the user named it.
    pub(crate) fn read(
        path: &Path,
        named: bool,
        rule: Governing,
        session: &Session<'_>,
    ) -> Result<Option<Self>, Report> {
        let context = session.context;
        let source = Source::File(path.to_owned());
        let input = Input::read(&source, Access::Read, None, None, context)?;
        let (comparison, is_sops) = match SealedFile::parse(&input.text, input.format, &context.limits) {
            Err(FileError::NotSealed) => match SopsFile::parse(&input.text, input.format, &context.limits) {
                Err(FileError::Sops(SopsError::NotSealed)) => return Ok(None),
                parsed => (Comparison::of_sops(&parsed.at(path)?, &rule.sops()).at(path)?, true),
            },
            parsed => {
                let Some(ruling) = rule.native() else {
                    let report = other_envelope(path);
                    if named {
                        return Err(report);
                    }
                    session.context.warn(format!(
                        "{}: left as it is: {}",
                        escape::path(path),
                        report.reason()
                    ));
                    return Ok(None);
                };
                (Comparison::of(&parsed.at(path)?, ruling), false)
            }
        };
        // Also where the file has these recipients already: it is not what the rule asks for.
        rule.ensure_post_quantum(&rule.recipients()).at(path)?;
        Ok(Some(Self { path: path.to_owned(), input, rule, is_sops, comparison }))
    }

    /// The changes of the rule, each as `FILE: CHANGE`.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.named(self.comparison.lines())
    }

    /// For JSON: what would become of it.
    pub(crate) fn outcome(&self) -> Outcome<'_> {
        Outcome {
            file: shown(&self.path),
            changes: self.comparison.differences(),
            rotated: self.comparison.rotates,
            exposed: Vec::new(),
        }
    }

    /// The configuration that its rule stands in.
    pub(crate) fn config(&self) -> &Path {
        self.rule.config()
    }

    fn named(&self, lines: Vec<String>) -> Vec<String> {
        let path = escape::path(&self.path);
        lines.into_iter().map(|line| format!("{path}: {}", escape::line(&line))).collect()
    }

    /// Whether the user, by the keys that are known, can read it now and not after its rule.
    fn shuts_out(&self, own: &HashSet<String>) -> bool {
        let is_mine = |recipient: &Recipient| own.contains(&recipient.key.id);
        self.comparison.removed.iter().any(is_mine) && !self.rule.recipients().iter().any(is_mine)
    }

    /// Opens it, wherever it lies: that its scope changes is asked about. It must be the file that was committed.
    fn open(&self, session: &Session<'_>) -> Result<Opened, Report> {
        self.input.original()?;
        if self.is_sops {
            return Opened::read(&self.input, None, Linked::Silent, session);
        }
        let limits = &session.context.limits;
        let file = SealedFile::parse(&self.input.text, self.input.format, limits).at(&self.path)?;
        let open = file.open(&session.keyring(), limits).at(&self.path)?;
        break_glass::tell(open.header(), &self.path, session);
        for warning in age::warnings(session.run()) {
            session.once(warning);
        }
        session.check_identity(&open, &self.path)?;
        session.check_linked(&open, &self.path)?;
        Ok(Opened::Native(Box::new(open)))
    }

    /// The next version.
    fn next(&self, open: &Opened, consent: &Consent, session: &Session<'_>) -> Result<NextVersion, Report> {
        match (open, &self.rule) {
            (Opened::Native(open), Governing::Native(ruling)) => {
                self.next_native(open, ruling, consent, session).at(&self.path)
            }
            (Opened::Native(_), Governing::Sops(_)) => Err(other_envelope(&self.path)),
            (Opened::Sops(open), rule) => {
                let rule = rule.sops();
                let (sealed, removed, rotated) =
                    bring_sops(open, &rule, None, consent.allow_no_secrets, session).at(&self.path)?;
                let exposed =
                    if removed.is_empty() { Vec::new() } else { readable_sops(open.sealed_file())? };
                Ok(NextVersion { text: sealed.text, removed, rotated, exposed })
            }
        }
    }

    /// The same for a file of this program. Comments that become clear are looked at as `encrypt` looks at them.
    fn next_native(
        &self,
        open: &OpenFile,
        ruling: &Ruling,
        consent: &Consent,
        session: &Session<'_>,
    ) -> Result<NextVersion, Report> {
        let header = open.header();
        let policy = ruling.policy.clone();
        let shows_comments =
            header.policy.comments == Comments::Encrypt && policy.comments == Comments::Plain;
        let next = Next {
            plain: shows_comments.then(|| open.plain().clone()),
            policy: Some(policy),
            access: Some(ruling.rule.access()),
            allow_no_secrets: consent.allow_no_secrets,
            allow_comments: consent.allow_comments,
            ..Next::default()
        };
        let change = open.next(next, &session.keyring(), &session.context.limits)?;
        let exposed = if change.removed.is_empty() { Vec::new() } else { readable(open.sealed_file()) };
        let Change { sealed, removed, rotated, .. } = change;
        Ok(NextVersion { text: sealed.text, removed, rotated, exposed })
    }
}

/// What a file becomes.
struct NextVersion {
    text: SecretText,
    removed: Vec<Recipient>,
    rotated: bool,
    /// What those who are gone could read.
    exposed: Vec<Spot>,
}

fn other_envelope(path: &Path) -> Report {
    Report::message(Kind::Refused, "the file is a native one, and the rule for it is one for SOPS files")
        .at(path)
        .hint("add a rule to `.sealeaf.toml`, or make it a SOPS file with `sealeaf convert --to sops`")
}

/// Makes the next version of each file that is not as its rule says; nothing is written yet. Asks first where that
/// changes who can read, or what is protected.
///
/// # Errors
/// Every failure is said, the first is returned.
pub(crate) fn bring(
    subjects: Vec<Subject>,
    consent: &Consent,
    session: &Session<'_>,
) -> Result<Vec<Brought>, Report> {
    let context = session.context;
    let subjects: Vec<Subject> = subjects.into_iter().filter(|it| !it.comparison.is_empty()).collect();
    let opened = together::each(&subjects, |it| it.path.as_path(), context, |it| it.open(session));
    let opened = together::all(opened, context)?;
    ask(&subjects, consent, session)?;
    let pairs: Vec<(&Subject, Opened)> = subjects.iter().zip(opened).collect();
    let changes = together::each(
        &pairs,
        |(it, _)| it.path.as_path(),
        context,
        |(subject, open)| subject.next(open, consent, session),
    );
    let changes = together::all(changes, context)?;
    let brought = subjects.into_iter().zip(changes).map(|(subject, next)| Brought {
        path: subject.path,
        version: Version { input: subject.input, text: next.text },
        comparison: subject.comparison,
        rotated: next.rotated,
        removed: next.removed,
        exposed: next.exposed,
    });
    Ok(brought.collect())
}

/// Shows what is to be agreed to, and asks.
fn ask(subjects: &[Subject], consent: &Consent, session: &Session<'_>) -> Result<(), Report> {
    let own: HashSet<String> =
        age::own_recipients(session.run()).into_iter().map(|(_, public)| public).collect();
    let risks = |subject: &Subject| {
        let mut lines = subject.comparison.risks(&consent.expected);
        lines.extend(subject.shuts_out(&own).then(|| "you cannot open it any more".to_owned()));
        subject.named(lines)
    };
    let lines: Vec<String> = subjects.iter().flat_map(risks).collect();
    if lines.is_empty() {
        return Ok(());
    }
    if consent.yes {
        lines.iter().for_each(|line| session.context.note(line));
        return Ok(());
    }
    if !session.context.terminal.stderr {
        return Err(Report::message(Kind::Refused, "the rules change who can read, or what is protected")
            .detail(&lines.join("\n"))
            .hint("look at who changed the configuration; where this is what you want, say --yes"));
    }
    if session.context.prompt.confirm("bring the files to their rules?", &lines)? {
        Ok(())
    } else {
        Err(Report::message(Kind::Refused, "nothing was changed"))
    }
}

impl Brought {
    /// For JSON.
    pub(crate) fn outcome(&self) -> Outcome<'_> {
        Outcome {
            file: shown(&self.path),
            changes: self.comparison.differences(),
            rotated: self.rotated,
            exposed: spots(&self.exposed),
        }
    }

    /// One line on what was done.
    fn note(&self) -> String {
        let Comparison { added, removed, renamed, sealed, cleared, stripped, settings, rotates: _ } =
            &self.comparison;
        let count = |count: usize, one: &str, many: &str, what: &str| {
            (count > 0).then(|| format!("{} {what}", plural(count, one, many)))
        };
        let comments = |spots: &[Spot]| spots.iter().filter(|spot| matches!(spot, Spot::Comment(_))).count();
        let values = |spots: &[Spot]| spots.len() - comments(spots);
        let parts = [
            count(added.len(), "recipient", "recipients", "added"),
            count(removed.len(), "recipient", "recipients", "removed"),
            count(renamed.len(), "recipient", "recipients", "renamed"),
            count(values(sealed), "value", "values", "sealed"),
            count(comments(sealed), "comment", "comments", "sealed"),
            count(values(cleared), "value", "values", "in clear now"),
            count(comments(cleared), "comment", "comments", "in clear now"),
            count(stripped.len(), "comment", "comments", "removed"),
            count(settings.len(), "setting", "settings", "changed"),
            self.rotated.then(|| "new data key".to_owned()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{}: {}", escape::path(&self.path), parts.join(", "))
    }
}

/// Says what was done with each file, and which values somebody who is gone could read.
pub(crate) fn tell(brought: &[Brought], session: &Session<'_>) {
    let context = session.context;
    brought.iter().for_each(|it| context.note(it.note()));
    let mut exposed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for it in brought.iter().filter(|it| !it.removed.is_empty()) {
        let people: Vec<String> = it.removed.iter().map(Recipient::label).collect();
        let path = escape::path(&it.path);
        let lines = it.exposed.iter().map(|spot| format!("  {path}: {}\n", escape::line(&spot.to_string())));
        exposed.entry(people.join(", ")).or_default().extend(lines);
    }
    for (people, lines) in exposed {
        context.warn(format!("{people} could read these values until now: change them at their source"));
        context.say(&lines.concat());
    }
    let sealed: Vec<&Brought> = brought.iter().filter(|it| !it.comparison.sealed.is_empty()).collect();
    if !sealed.is_empty() {
        let count = sealed.iter().map(|it| it.comparison.sealed.len()).sum();
        let what = plural(count, "value or comment that was", "values or comments that were");
        context.warn(format!("{what} in clear can still be read in earlier commits"));
    }
}

/// A path for JSON.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
