//! How a sealed file differs from what its rule says now: who can read it, what is sealed, and how. No key is needed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sealeaf::document::{Document, KeyPath, NodeId, Step};
use sealeaf::envelope::native::{Header, is_public_comment, marked};
use sealeaf::file::SealedFile;
use sealeaf::keys::{Access, KeyRef, Recipient};
use sealeaf::policy::{Cleartext, Comments, Integrity, Padding, Policy};
use serde::Serialize;

use super::session::Ruling;

/// What a rule would change in a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    /// Recipients of the rule who cannot read the file.
    pub(crate) added: Vec<Recipient>,
    /// Recipients of the file who are not in the rule.
    pub(crate) removed: Vec<Recipient>,
    /// The same key under another name or flag: in the file, in the rule.
    pub(crate) renamed: Vec<(Recipient, Recipient)>,
    /// Values and comments that stand in clear and would be sealed.
    pub(crate) sealed: Vec<Spot>,
    /// Values and comments that are sealed and would stand in clear.
    pub(crate) cleared: Vec<Spot>,
    /// Comments that would be removed.
    pub(crate) stripped: Vec<Spot>,
    /// Patterns, modes and scope.
    pub(crate) settings: Vec<Setting>,
    /// Whether somebody loses access by it, so that the data key is replaced.
    pub(crate) rotates: bool,
}

/// A value or a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// By key path.
    Value(KeyPath),
    /// By its line, counted from 1.
    Comment(usize),
}

/// A part of the policy that differs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Setting {
    /// Its name in `.sealeaf.toml`.
    pub(crate) name: &'static str,
    /// In the file.
    pub(crate) was: String,
    /// By the rule.
    pub(crate) now: String,
    /// Whether someone who does not expect it loses protection by it.
    #[serde(skip)]
    pub(crate) weaker: bool,
}

/// A recipient, for JSON.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Person<'a> {
    name: &'a str,
    r#type: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    context: &'a BTreeMap<String, String>,
    break_glass: bool,
}

/// A [`Comparison`], for JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Differences<'a> {
    added: Vec<Person<'a>>,
    removed: Vec<Person<'a>>,
    renamed: Vec<Renamed<'a>>,
    sealed: Vec<String>,
    cleared: Vec<String>,
    stripped: Vec<String>,
    settings: &'a [Setting],
}

#[derive(Debug, Serialize)]
struct Renamed<'a> {
    was: Person<'a>,
    now: Person<'a>,
}

impl Comparison {
    /// Compares a file's metadata and tokens with its rule. Nothing of the file is authenticated by that.
    pub(crate) fn of(file: &SealedFile, ruling: &Ruling) -> Self {
        let header = file.header();
        let mut comparison = Self { settings: settings(header, ruling), ..Self::default() };
        comparison.rotates = ruling.rule.access().takes_from(&header.access());
        comparison.compare_recipients(header, &ruling.rule.recipients);
        comparison.compare_values(file, &ruling.policy);
        comparison.compare_comments(file, ruling.policy.comments);
        comparison
    }

    /// Whether the file is as its rule says. The order of recipients does not matter.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines().is_empty()
    }

    /// Each change in one line, as the rule would make it.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.changes().map(|(line, _)| line).collect()
    }

    /// The changes that somebody must agree to: other readers, values in clear, less protection. `expected` are those
    /// keys whose coming or going was asked for.
    pub(crate) fn risks(&self, expected: &HashSet<KeyRef>) -> Vec<String> {
        self.changes()
            .filter(|(_, risk)| match risk {
                Risk::None => false,
                Risk::Reader(key) => !expected.contains(key),
                Risk::Weaker => true,
            })
            .map(|(line, _)| line)
            .collect()
    }

    /// For JSON.
    pub(crate) fn differences(&self) -> Differences<'_> {
        Differences {
            added: people(&self.added),
            removed: people(&self.removed),
            renamed: self
                .renamed
                .iter()
                .map(|(was, now)| Renamed { was: Person::of(was), now: Person::of(now) })
                .collect(),
            sealed: spots(&self.sealed),
            cleared: spots(&self.cleared),
            stripped: spots(&self.stripped),
            settings: &self.settings,
        }
    }

    fn changes(&self) -> impl Iterator<Item = (String, Risk<'_>)> {
        let added = self.added.iter().map(|new| (format!("add {}", new.label()), Risk::Reader(&new.key)));
        let removed = self.removed.iter();
        let removed = removed.map(|old| (format!("remove {}", old.label()), Risk::Reader(&old.key)));
        let renamed = self.renamed.iter().map(|(was, now)| {
            let risk = if was.break_glass == now.break_glass { Risk::None } else { Risk::Reader(&now.key) };
            (renaming(was, now), risk)
        });
        let sealed = self.sealed.iter().map(|spot| (format!("seal {spot}"), Risk::None));
        let cleared = self.cleared.iter().map(|spot| (format!("show {spot} in clear"), Risk::Weaker));
        let stripped = self.stripped.iter().map(|spot| (format!("remove {spot}"), Risk::Weaker));
        let settings = self.settings.iter().map(|setting| {
            let line = format!("{}: {} to {}", setting.name, setting.was, setting.now);
            (line, if setting.weaker { Risk::Weaker } else { Risk::None })
        });
        added.chain(removed).chain(renamed).chain(cleared).chain(stripped).chain(settings).chain(sealed)
    }

    fn compare_recipients(&mut self, header: &Header, rule: &[Recipient]) {
        let file: Vec<&Recipient> = header.recipients().collect();
        for new in rule {
            match file.iter().find(|old| old.key == new.key) {
                None => self.added.push(new.clone()),
                Some(old) if *old != new => self.renamed.push(((*old).clone(), new.clone())),
                Some(_) => {}
            }
        }
        let gone = file.into_iter().filter(|old| !rule.iter().any(|new| old.key == new.key));
        self.removed.extend(gone.cloned());
    }

    fn compare_values(&mut self, file: &SealedFile, policy: &Policy) {
        let body = &file.sealed().body;
        let marked = marked(body, &policy.selection);
        let (mut sealed, mut cleared) = (Vec::new(), Vec::new());
        for id in body.ids().filter(|id| body.is_leaf(*id) && body.node(*id).sealable) {
            match (file.sealed().is_token(id), marked.get(id.index()).copied().unwrap_or_default()) {
                (false, true) => sealed.push(id),
                (true, false) => cleared.push(id),
                _ => {}
            }
        }
        self.sealed = values(body, &sealed);
        self.cleared = values(body, &cleared);
    }

    fn compare_comments(&mut self, file: &SealedFile, now: Comments) {
        let was = file.header().policy.comments;
        if was == now {
            return;
        }
        match (was, now) {
            (_, Comments::Strip) => self.stripped = comments(&file.sealed().body),
            (Comments::Encrypt, Comments::Plain) => self.cleared.extend(comments(&file.sealed().body)),
            (_, Comments::Encrypt) => self.sealed.extend(comments(&file.sealed().body)),
            (_, Comments::Plain) => {}
        }
    }
}

/// What a change asks of somebody's consent.
enum Risk<'a> {
    None,
    Reader(&'a KeyRef),
    Weaker,
}

impl<'a> Person<'a> {
    /// A recipient.
    pub(crate) fn of(recipient: &'a Recipient) -> Self {
        let Recipient { key, name, break_glass } = recipient;
        Self { name, r#type: &key.kind, id: &key.id, context: &key.context, break_glass: *break_glass }
    }
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(path) => path.fmt(f),
            Self::Comment(line) => write!(f, "the comment in line {line}"),
        }
    }
}

/// What everyone who can open the file can read in it: its sealed values and comments.
pub(crate) fn readable(file: &SealedFile) -> Vec<Spot> {
    let body = &file.sealed().body;
    let tokens: Vec<NodeId> = body.ids().filter(|id| file.sealed().is_token(*id)).collect();
    let mut spots = values(body, &tokens);
    if file.header().policy.comments == Comments::Encrypt {
        spots.extend(comments(body));
    }
    spots
}

/// The key paths of nodes, in one pass over the document.
pub(crate) fn paths(document: &Document, nodes: &[NodeId]) -> Vec<KeyPath> {
    let steps = document.steps();
    let path = |id: &NodeId| {
        let mut path: Vec<Step> = Vec::new();
        let mut at = *id;
        while let Some((parent, step)) = steps.get(at.index()).and_then(Option::as_ref) {
            path.push(step.clone());
            at = *parent;
        }
        path.reverse();
        KeyPath { part: document.part_of(*id), steps: path }
    };
    nodes.iter().map(path).collect()
}

fn people(list: &[Recipient]) -> Vec<Person<'_>> {
    list.iter().map(Person::of).collect()
}

/// Spots for JSON.
pub(crate) fn spots(list: &[Spot]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn values(body: &Document, nodes: &[NodeId]) -> Vec<Spot> {
    paths(body, nodes).into_iter().map(Spot::Value).collect()
}

/// The comments that the mode `encrypt` seals, by their lines, in one pass over the text.
fn comments(body: &Document) -> Vec<Spot> {
    let (mut line, mut from) = (1, 0);
    let mut spots = Vec::new();
    for comment in body.comments.iter().filter(|comment| !is_public_comment(body, comment)) {
        let between = body.source.get(from..comment.span.start).unwrap_or_default();
        line +=
            between.matches('\n').count() + between.matches('\r').count() - between.matches("\r\n").count();
        from = comment.span.start;
        spots.push(Spot::Comment(line));
    }
    spots
}

fn settings(header: &Header, ruling: &Ruling) -> Vec<Setting> {
    let now = &ruling.policy;
    let was = &header.policy;
    let (encrypt, clear) = was.selection.patterns();
    let (new_encrypt, new_clear) = now.selection.patterns();
    let all = [
        ("scope", text(&was.scope), text(&now.scope), true),
        ("encrypt", patterns(encrypt), patterns(new_encrypt), false),
        ("clear", patterns(clear), patterns(new_clear), false),
        (
            "integrity",
            was.integrity.name().to_owned(),
            now.integrity.name().to_owned(),
            now.integrity == Integrity::Linked,
        ),
        (
            "cleartext",
            was.cleartext.name().to_owned(),
            now.cleartext.name().to_owned(),
            now.cleartext == Cleartext::Free,
        ),
        (
            "comments",
            was.comments.name().to_owned(),
            now.comments.name().to_owned(),
            was.comments == Comments::Encrypt,
        ),
        (
            "padding",
            was.padding.name().to_owned(),
            now.padding.name().to_owned(),
            now.padding == Padding::None,
        ),
    ];
    let (file, rule) = (header.access(), ruling.rule.access());
    let grouping = (grouped(&file) != grouped(&rule)).then(|| {
        // More of the same groups, or groups where anyone was enough: whatever else changes is somebody's to agree to.
        let raised = rule.threshold() > file.threshold() && grouped(&file).1 == grouped(&rule).1;
        let weaker = file.threshold() > 1 && !raised;
        ("groups", grouping(&file), grouping(&rule), weaker)
    });
    let differing = all.into_iter().filter(|(_, was, now, _)| was != now).chain(grouping);
    differing.map(|(name, was, now, weaker)| Setting { name, was, now, weaker }).collect()
}

/// Who counts together: keys by group, in no order. Nothing where anyone opens the file.
pub(crate) fn grouped(access: &Access) -> (usize, BTreeSet<BTreeSet<&KeyRef>>) {
    let groups = access.groups().iter().filter(|_| access.threshold() > 1);
    let keys = groups.map(|group| group.iter().map(|recipient| &recipient.key).collect());
    (access.threshold(), keys.collect())
}

/// `2 of (alice, bob) (ci) (safe)`.
pub(crate) fn grouping(access: &Access) -> String {
    if access.threshold() <= 1 {
        return "anyone alone".to_owned();
    }
    let name = |one: &Recipient| if one.name.is_empty() { one.key.id.clone() } else { one.name.clone() };
    let group =
        |group: &Vec<Recipient>| format!("({})", group.iter().map(name).collect::<Vec<_>>().join(", "));
    let groups: Vec<String> = access.groups().iter().map(group).collect();
    format!("{} of {}", access.threshold(), groups.join(" "))
}

fn patterns(list: &[String]) -> String {
    let quoted: Vec<String> = list.iter().map(|pattern| format!("`{pattern}`")).collect();
    if quoted.is_empty() { "none".to_owned() } else { quoted.join(" ") }
}

fn text(scope: &str) -> String {
    if scope.is_empty() { "none".to_owned() } else { format!("`{scope}`") }
}

fn renaming(was: &Recipient, now: &Recipient) -> String {
    if was.break_glass != now.break_glass {
        let what = if now.break_glass { "break-glass only" } else { "no longer break-glass" };
        return format!("make {} {what}", now.label());
    }
    format!("rename {} to `{}`", was.label(), now.name)
}
