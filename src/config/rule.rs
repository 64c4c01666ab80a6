//! One `[[rule]]`: for which files, who can read them, and how they are sealed.

use std::collections::{BTreeSet, HashMap, HashSet};

use globset::GlobSet;
use toml::de::DeTable;

use super::error::{ConfigError, Problem};
use super::fields::RULE;
use super::globs;
use super::reader::{Section, Source, Text};
use super::recipients::{Meaning, Recipients};
use super::sops::SopsProblem;
use super::terms::SopsTerms;
use crate::keys::{Access, KeyRef, Recipient};
use crate::policy::{Cleartext, Comments, Integrity, Padding, Policy, Selection};

/// How sealed files look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnvelopeName {
    /// Format v1.
    #[default]
    Native,
    /// SOPS' format.
    Sops,
}

/// A rule, checked.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Counted from 0 in the order of the file.
    pub index: usize,
    /// 1-based line where it begins.
    pub line: usize,
    /// Its globs as they were.
    pub globs: Vec<String>,
    /// Everyone who can read, each once, in the order of first mention; with `groups`, the members of all of them.
    pub recipients: Vec<Recipient>,
    /// The groups of a threshold rule; empty for a rule with `to`.
    pub groups: Vec<Vec<Recipient>>,
    /// How many of `groups` are needed; 0 for a rule with `to`.
    pub threshold: usize,
    /// How sealed files look.
    pub envelope: EnvelopeName,
    /// How, where that is SOPS' format.
    pub sops: SopsTerms,
    /// Whether every recipient must be safe against quantum computers.
    pub pq: bool,
    set: GlobSet,
    template: Policy,
    unavailable: Option<ConfigError>,
    /// Where `pq` stands, as an error that names nobody yet.
    pq_at: Option<ConfigError>,
}

impl Rule {
    /// Whether the rule is for that file; `rel_path` is `/`-separated and relative to the repository root.
    #[must_use]
    pub fn matches(&self, rel_path: &str) -> bool {
        self.set.is_match(rel_path)
    }

    /// The first of its globs that matches the file, as it was.
    #[must_use]
    pub fn matching_glob(&self, rel_path: &str) -> Option<&str> {
        let first = self.set.matches(rel_path).into_iter().min()?;
        self.globs.get(first).map(String::as_str)
    }

    /// How that file is to be sealed, `{path}` of the scope put in.
    #[must_use]
    pub fn policy(&self, rel_path: &str) -> Policy {
        Policy { scope: self.template.scope.replace(PATH, rel_path), ..self.template.clone() }
    }

    /// Who can open its files.
    #[must_use]
    pub fn access(&self) -> Access {
        if self.groups.is_empty() {
            Access::from(self.recipients.as_slice())
        } else {
            Access::new(self.groups.clone(), self.threshold)
        }
    }

    /// The scope as the rule has it, `{path}` not put in; empty if none.
    #[must_use]
    pub fn scope_template(&self) -> &str {
        &self.template.scope
    }

    /// Whether this build can wrap for everyone of the rule, and the rule lets it.
    ///
    /// # Errors
    /// A [`Problem::NotInThisBuild`] for the first of whom it cannot, or what
    /// [`ensure_post_quantum`](Self::ensure_post_quantum) finds.
    pub fn ensure_wrappable(&self) -> Result<(), ConfigError> {
        self.unavailable.clone().map_or(Ok(()), Err)?;
        self.ensure_post_quantum(&self.recipients)
    }

    /// Whether the rule's `pq` lets a file be sealed for these.
    ///
    /// # Errors
    /// A [`Problem::NotPostQuantum`] for the first of whom it does not.
    pub fn ensure_post_quantum(&self, recipients: &[Recipient]) -> Result<(), ConfigError> {
        let Some(at) = &self.pq_at else { return Ok(()) };
        let Some(weak) = recipients.iter().find(|recipient| !recipient.key.is_post_quantum()) else {
            return Ok(());
        };
        let recipient = if weak.name.is_empty() { &weak.key.id } else { &weak.name };
        let problem = Problem::NotPostQuantum { recipient: format!("`{recipient}`") };
        let hint = "an `age1pq1…` key does, which `sealeaf keygen --pq` makes".to_owned();
        Err(ConfigError { problem: Box::new(problem), suggestion: Some(hint), ..at.clone() })
    }

    /// Reads one rule. `before` are the rules that stand above it.
    pub(super) fn read(
        source: Source<'_>,
        (table, start): (&DeTable<'_>, usize),
        recipients: &Recipients,
        before: &[Self],
    ) -> Result<Self, ConfigError> {
        let table = Section::plain(source, table, ("a rule", start), RULE)?;
        let (globs, set) = read_files(source, table, before)?;
        let access = read_access(source, table, recipients)?;
        let template = Policy {
            selection: read_selection(source, table)?,
            comments: table.choice("comments", Comments::from_name),
            integrity: table.choice("integrity", Integrity::from_name),
            cleartext: table.choice("cleartext", Cleartext::from_name),
            padding: table.choice("padding", Padding::from_name),
            scope: read_scope(source, table)?,
        };
        let envelope = table.choice("envelope", EnvelopeName::from_name);
        let sops = SopsTerms::read(source, table, envelope)?;
        let is_sops = envelope == EnvelopeName::Sops;
        if let (true, 2.., 1) = (is_sops, access.groups.len(), access.threshold) {
            // Shamir's sharing has no threshold of one.
            return Err(source.error(table.at("threshold"), SopsProblem::OneShare.into()));
        }
        let pq = table.has("pq");
        let nobody = || Problem::NotPostQuantum { recipient: String::new() };
        let pq_at = pq.then(|| source.error(table.at("pq"), nobody()));
        Ok(Self {
            index: before.len(),
            line: source.line(table.start()),
            globs,
            recipients: access.recipients,
            groups: access.groups,
            threshold: access.threshold,
            envelope,
            sops,
            pq,
            set,
            template,
            unavailable: access.unavailable,
            pq_at,
        })
    }
}

impl EnvelopeName {
    /// The name in `.sealeaf.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Sops => "sops",
        }
    }

    /// The envelope of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Native, Self::Sops].into_iter().find(|envelope| envelope.name() == name)
    }
}

fn read_files(
    source: Source<'_>,
    table: Section<'_>,
    before: &[Rule],
) -> Result<(Vec<String>, GlobSet), ConfigError> {
    let files = table.texts("files").ok_or_else(|| table.missing("files"))?;
    if files.is_empty() {
        return Err(source.error(table.at("files"), Problem::Empty("files".to_owned())));
    }
    let globs: Vec<&str> = files.iter().map(|glob| *glob.get_ref()).collect();
    let set = globs::compile(&globs).map_err(|(at, reason)| {
        let (start, glob) =
            files.get(at).map_or((table.start(), ""), |glob| (glob.span().start, *glob.get_ref()));
        source.error(start, Problem::Glob { glob: glob.to_owned(), reason })
    })?;
    let covering = |glob: &&str| {
        let covers = |rule: &&Rule| rule.globs.iter().any(|earlier| globs::surely_covers(earlier, glob));
        before.iter().find(covers).map(|rule| rule.line)
    };
    if let Some(lines) = globs.iter().map(covering).collect::<Option<BTreeSet<usize>>>() {
        let hint = "move the rule with the narrower globs up, or remove this one".to_owned();
        return Err(source.error(table.at("files"), Problem::Shadowed(lines)).suggest(Some(hint)));
    }
    Ok((globs.into_iter().map(str::to_owned).collect(), set))
}

/// Who can read.
struct Readers {
    recipients: Vec<Recipient>,
    groups: Vec<Vec<Recipient>>,
    threshold: usize,
    unavailable: Option<ConfigError>,
}

fn read_access(source: Source<'_>, table: Section<'_>, known: &Recipients) -> Result<Readers, ConfigError> {
    let to = table.texts("to");
    let groups = table.text_lists("groups");
    let lists: Vec<(usize, Vec<Text<'_>>)> = match (to, &groups) {
        (Some(_), Some(_)) => return Err(source.error(table.at("groups"), Problem::ToAndGroups)),
        (None, None) => return Err(table.missing("to")),
        (Some(to), None) => vec![(table.at("to"), to)],
        (None, Some(groups)) => {
            groups.iter().map(|group| (group.span().start, group.get_ref().clone())).collect()
        }
    };
    let key = if groups.is_some() { "groups" } else { "to" };
    limit(source, table.at(key), "groups of a rule", lists.len(), MAX_GROUPS)?;
    let mut resolved = Vec::with_capacity(lists.len());
    for (start, names) in &lists {
        known.check_names(source, key, *start, names)?;
        refuse_double_mention(source, known, names)?;
        let members: Vec<Recipient> =
            known.resolve(names.iter().map(|name| *name.get_ref())).into_iter().cloned().collect();
        limit(source, *start, "recipients of one group", members.len(), MAX_RECIPIENTS)?;
        resolved.push(members);
    }
    if resolved.is_empty() {
        return Err(source.error(table.at(key), Problem::Empty(key.to_owned())));
    }
    let recipients: Vec<Recipient> = resolved.iter().flatten().cloned().collect();
    refuse_same_key(source, table.at(key), &recipients)?;
    let threshold = read_threshold(source, table, groups.as_ref().map(Vec::len))?;
    let unavailable = recipients.iter().find_map(|recipient| {
        let named = known.get(&recipient.name).filter(|named| !named.in_this_build)?;
        let problem =
            Problem::NotInThisBuild { name: recipient.name.clone(), kind: recipient.key.kind.clone() };
        Some(source.error(named.start, problem))
    });
    let groups = if groups.is_some() { resolved } else { Vec::new() };
    Ok(Readers { recipients, groups, threshold, unavailable })
}

fn read_threshold(
    source: Source<'_>,
    table: Section<'_>,
    groups: Option<usize>,
) -> Result<usize, ConfigError> {
    let threshold = table.number("threshold");
    let (Some(threshold), Some(groups)) = (&threshold, groups) else {
        return match threshold {
            Some(_) => Err(source.error(table.at("threshold"), Problem::ThresholdWithoutGroups)),
            None => Ok(groups.unwrap_or_default()),
        };
    };
    match threshold.get_ref().map(|number| number as usize) {
        Some(number) if (1..=groups).contains(&number) => Ok(number),
        _ => {
            let span = threshold.span();
            let shown = source.text.get(span.clone()).unwrap_or_default().to_owned();
            Err(source.error(span.start, Problem::Threshold { threshold: shown, groups }))
        }
    }
}

/// A name beside a group that holds it: whoever takes it out of the group would not see that it can still read.
fn refuse_double_mention(
    source: Source<'_>,
    known: &Recipients,
    names: &[Text<'_>],
) -> Result<(), ConfigError> {
    let is_group =
        |name: &&str| known.get(name).is_some_and(|named| matches!(named.meaning, Meaning::Group(_)));
    let groups: Vec<&str> = names.iter().map(|name| *name.get_ref()).filter(is_group).collect();
    let members: HashSet<&str> =
        known.resolve(groups.iter().copied()).into_iter().map(|recipient| recipient.name.as_str()).collect();
    let Some(twice) = names.iter().find(|name| members.contains(name.get_ref())) else { return Ok(()) };
    let name = *twice.get_ref();
    let holds = |group: &&str| known.resolve([*group]).iter().any(|recipient| recipient.name == name);
    let group = groups.into_iter().find(holds).unwrap_or_default().to_owned();
    Err(source.error(twice.span().start, Problem::TwiceByGroup { name: name.to_owned(), group }))
}

fn refuse_same_key(source: Source<'_>, at: usize, recipients: &[Recipient]) -> Result<(), ConfigError> {
    let mut names = HashSet::new();
    let mut keys: HashMap<&KeyRef, &str> = HashMap::new();
    for recipient in recipients {
        if !names.insert(recipient.name.as_str()) {
            return Err(source.error(at, Problem::InTwoGroups(recipient.name.clone())));
        }
        if let Some(first) = keys.insert(&recipient.key, &recipient.name) {
            let problem = Problem::SameKey { first: first.to_owned(), second: recipient.name.clone() };
            return Err(source.error(at, problem));
        }
    }
    Ok(())
}

fn read_selection(source: Source<'_>, table: Section<'_>) -> Result<Selection, ConfigError> {
    let mut lists = [vec!["**".to_owned()], Vec::new()];
    for (key, list) in ["encrypt", "clear"].into_iter().zip(&mut lists) {
        let Some(patterns) = table.texts(key) else { continue };
        if patterns.is_empty() && key == "encrypt" {
            return Err(source.error(table.at(key), Problem::Empty(key.to_owned())));
        }
        for pattern in &patterns {
            let alone = [(*pattern.get_ref()).to_owned()];
            Selection::parse(&alone, &[])
                .map_err(|error| source.error(pattern.span().start, error.into()))?;
        }
        *list = patterns.iter().map(|pattern| (*pattern.get_ref()).to_owned()).collect();
    }
    let [encrypt, clear] = lists;
    Selection::parse(&encrypt, &clear).map_err(|error| source.error(table.start(), error.into()))
}

fn read_scope(source: Source<'_>, table: Section<'_>) -> Result<String, ConfigError> {
    let Some(text) = table.text("scope") else { return Ok(String::new()) };
    let scope = *text.get_ref();
    let reason = if scope.is_empty() {
        "empty"
    } else if scope.chars().any(char::is_control) {
        "has a control character"
    } else if scope.replace(PATH, "").contains(['{', '}']) {
        "only `{path}` can be put in"
    } else {
        return Ok(scope.to_owned());
    };
    Err(source.error(text.span().start, Problem::Scope { scope: scope.to_owned(), reason }))
}

fn limit(
    source: Source<'_>,
    at: usize,
    what: &'static str,
    found: usize,
    limit: usize,
) -> Result<(), ConfigError> {
    if found > limit { Err(source.error(at, Problem::Limit { what, found, limit })) } else { Ok(()) }
}

const PATH: &str = "{path}";
const MAX_GROUPS: usize = 16;
const MAX_RECIPIENTS: usize = 64;
