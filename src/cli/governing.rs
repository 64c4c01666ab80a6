//! Which rule holds for a file: one of `.sealeaf.toml`, or one of `.sops.yaml`; and how SOPS files are by either.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sealeaf::config::sops::{CreationRule, Discovered, GroupKey, SopsProblem};
use sealeaf::config::{Config, ConfigError, EnvelopeName, Problem, Rule};
use sealeaf::envelope::sops::{By, Selector};
use sealeaf::file::sops::SopsFile;
use sealeaf::keys::{Access, BACKENDS, KeyRef, Recipient, backend};

use super::report::Report;
use super::session::Ruling;

/// The rule that holds for a file.
#[derive(Clone, Debug)]
pub(crate) enum Governing {
    /// For files of this program's own envelope.
    Native(Box<Ruling>),
    /// For SOPS files.
    Sops(Box<SopsRuling>),
}

/// How a SOPS file is to be.
#[derive(Clone, Debug)]
pub(crate) struct SopsRuling {
    /// The configuration that the rule stands in.
    pub(crate) config: PathBuf,
    /// Counted from 1.
    pub(crate) number: usize,
    /// 1-based.
    pub(crate) line: usize,
    /// The glob or pattern that matched; empty where the rule is for all files.
    pub(crate) by: String,
    /// What is encrypted, where the rule says it.
    pub(crate) selector: Option<Selector>,
    /// Whether the MAC is of encrypted values alone.
    pub(crate) mac_only_encrypted: bool,
    /// Who can open it; several groups share the data key.
    pub(crate) groups: Vec<Vec<Recipient>>,
    /// How many groups are needed; 0 is all of them.
    pub(crate) threshold: u32,
    /// Whether a file of its own envelope may be made by it: the rule is one for SOPS files.
    pub(crate) is_for_sops: bool,
    /// The keys that this build cannot wrap for, with what is to be said.
    unusable: BTreeMap<KeyRef, ConfigError>,
    /// Why nothing can be encrypted by it at all.
    broken: Option<ConfigError>,
    /// The rule of `.sealeaf.toml` that requires post-quantum keys.
    pq: Option<Box<Rule>>,
}

impl Governing {
    /// What `.sealeaf.toml` says about the file of that path, if one of its rules covers it.
    pub(crate) fn of(config: &Config, relative: String) -> Result<Option<Self>, Report> {
        let Some(rule) = config.rule_for(&relative) else { return Ok(None) };
        let policy = rule.policy(&relative);
        let ruling = Ruling { rule: rule.clone(), config: config.path.clone(), relative, policy };
        Ok(Some(match rule.envelope {
            EnvelopeName::Native => Self::Native(Box::new(ruling)),
            EnvelopeName::Sops => Self::Sops(Box::new(SopsRuling::of_native(&ruling))),
        }))
    }

    /// What `.sops.yaml` says about a file, if one of its rules covers it.
    pub(crate) fn of_sops(found: &Discovered, file: &Path) -> Result<Option<Self>, Report> {
        let Some(rule) = found.rule_for(file)? else { return Ok(None) };
        let rules = found.config.creation_rules.as_deref().unwrap_or_default();
        let number = rules.iter().position(|other| other.line == rule.line).unwrap_or_default() + 1;
        Ok(Some(Self::Sops(Box::new(SopsRuling::of_rule(rule, number, &found.config.path)))))
    }

    /// The rule for a file of this program's own envelope.
    pub(crate) fn native(&self) -> Option<&Ruling> {
        match self {
            Self::Native(ruling) => Some(ruling),
            Self::Sops(_) => None,
        }
    }

    /// How a SOPS file under the rule is to be. A rule for native files says who can read it, and no more.
    pub(crate) fn sops(&self) -> SopsRuling {
        match self {
            Self::Native(ruling) => SopsRuling::of_native(ruling),
            Self::Sops(ruling) => (**ruling).clone(),
        }
    }

    /// The configuration that it stands in.
    pub(crate) fn config(&self) -> &Path {
        match self {
            Self::Native(ruling) => &ruling.config,
            Self::Sops(ruling) => &ruling.config,
        }
    }

    /// The rule's number in its file, counted from 1.
    pub(crate) fn number(&self) -> usize {
        match self {
            Self::Native(ruling) => ruling.rule.index + 1,
            Self::Sops(ruling) => ruling.number,
        }
    }

    /// Whether the rule lets a file be sealed for these, where the user names them instead.
    pub(crate) fn ensure_post_quantum(&self, recipients: &[Recipient]) -> Result<(), Report> {
        let rule = match self {
            Self::Native(ruling) => Some(&ruling.rule),
            Self::Sops(ruling) => ruling.pq.as_deref(),
        };
        Ok(rule.map_or(Ok(()), |rule| rule.ensure_post_quantum(recipients))?)
    }

    /// Everyone who can read by it, the members of all groups.
    pub(crate) fn recipients(&self) -> Vec<Recipient> {
        match self {
            Self::Native(ruling) => ruling.rule.recipients.clone(),
            Self::Sops(ruling) => ruling.groups.concat(),
        }
    }
}

impl SopsRuling {
    /// For these recipients; what is encrypted is as `base` has it.
    pub(crate) fn to(access: Access, base: Option<Self>) -> Self {
        let base = base.as_ref();
        // SOPS counts shares only where there are several groups.
        let threshold = u32::try_from(access.threshold()).unwrap_or(u32::MAX);
        Self {
            config: PathBuf::new(),
            number: 0,
            line: 0,
            by: String::new(),
            selector: base.and_then(|base| base.selector.clone()),
            mac_only_encrypted: base.is_some_and(|base| base.mac_only_encrypted),
            groups: access.groups().to_vec(),
            threshold: if threshold > 1 { threshold } else { 0 },
            is_for_sops: true,
            unusable: BTreeMap::new(),
            broken: None,
            pq: None,
        }
    }

    fn of_native(ruling: &Ruling) -> Self {
        let rule = &ruling.rule;
        let groups = if rule.groups.is_empty() { vec![rule.recipients.clone()] } else { rule.groups.clone() };
        Self {
            config: ruling.config.clone(),
            number: rule.index + 1,
            line: rule.line,
            by: rule.matching_glob(&ruling.relative).unwrap_or_default().to_owned(),
            selector: rule.sops.selector.clone(),
            mac_only_encrypted: rule.sops.mac_only_encrypted,
            threshold: if groups.len() > 1 { u32::try_from(rule.threshold).unwrap_or(u32::MAX) } else { 0 },
            groups,
            is_for_sops: rule.envelope == EnvelopeName::Sops,
            unusable: BTreeMap::new(),
            broken: rule.ensure_wrappable().err(),
            pq: rule.pq.then(|| Box::new(rule.clone())),
        }
    }

    fn of_rule(rule: &CreationRule, number: usize, config: &Path) -> Self {
        let at = |line: usize, problem: SopsProblem| ConfigError {
            file: config.to_owned(),
            line,
            column: 1,
            problem: Box::new(Problem::from(problem)),
            suggestion: None,
        };
        let mut unusable = BTreeMap::new();
        let mut recipient = |key: &GroupKey| {
            let mut own = key.key.key_ref();
            let problem = match backend(&own.kind).and_then(|backend| backend.parse_of_sops(&own.id)) {
                Ok(id) => {
                    own.id = id;
                    None
                }
                Err(_) if !is_in_this_build(&own.kind) => Some(SopsProblem::NotInThisBuild(own.kind.clone())),
                Err(error) => Some(SopsProblem::Key(error.to_string())),
            };
            unusable.extend(problem.map(|problem| (own.clone(), at(key.line, problem))));
            Recipient { key: own, name: String::new(), break_glass: false }
        };
        let groups: Vec<Vec<Recipient>> =
            rule.groups.iter().map(|group| unique(group.keys.iter().map(&mut recipient))).collect();
        Self {
            config: config.to_owned(),
            number,
            line: rule.line,
            by: rule.pattern().unwrap_or_default().to_owned(),
            selector: rule.selector.clone(),
            mac_only_encrypted: rule.mac_only_encrypted,
            threshold: if groups.len() > 1 { rule.shamir_threshold.unwrap_or_default() } else { 0 },
            broken: groups.is_empty().then(|| at(rule.line, SopsProblem::NoKeys)),
            groups,
            is_for_sops: true,
            unusable,
            pq: None,
        }
    }

    /// The same with every value and comment encrypted.
    pub(crate) fn encrypting_all(&self) -> Result<Self, Report> {
        Ok(Self { selector: Some(Selector::new(By::UnencryptedRegex, NOTHING)?), ..self.clone() })
    }

    /// Whether this build can wrap for everyone of the rule.
    ///
    /// # Errors
    /// The first of whom it cannot, with the line.
    pub(crate) fn ensure_wrappable(&self) -> Result<(), Report> {
        self.ensure_wrappable_but(|_| false)
    }

    /// The same, but for those whose wraps stay as they are.
    pub(crate) fn ensure_wrappable_but(&self, stays: impl Fn(&KeyRef) -> bool) -> Result<(), Report> {
        let unusable = self.unusable.iter().find(|(key, _)| !stays(key)).map(|(_, error)| error);
        self.broken.as_ref().or(unusable).map_or(Ok(()), |error| Err(Report::from(error.clone())))
    }

    /// How many groups are needed.
    pub(crate) fn needed(&self) -> usize {
        match (self.groups.len(), usize::try_from(self.threshold).unwrap_or(usize::MAX)) {
            (0 | 1, _) => 1,
            (count, 0) => count,
            (_, threshold) => threshold,
        }
    }

    /// The rule's groups as the file writes and orders them, where they are the same ones.
    pub(crate) fn groups_for(&self, file: &SopsFile) -> Vec<Vec<Recipient>> {
        let there = file.recipients();
        let written = |own: &Recipient| {
            let known = there.iter().flatten().find(|other| is_same_key(&own.key, &other.key));
            let key = known.map_or_else(|| own.key.clone(), |known| known.key.clone());
            Recipient { key, ..own.clone() }
        };
        let mut left: Vec<Vec<Recipient>> =
            self.groups.iter().map(|group| group.iter().map(written).collect()).collect();
        let mut ordered = Vec::with_capacity(left.len());
        for group in &there {
            if let Some(at) = left.iter().position(|own| is_same_group(own, group)) {
                ordered.push(left.remove(at));
            }
        }
        ordered.extend(left);
        ordered
    }

    /// Whether the file's groups and threshold are the rule's.
    pub(crate) fn is_met_by(&self, file: &SopsFile) -> bool {
        let (own, there) = (self.groups_for(file), file.recipients());
        let is_same =
            own.len() == there.len() && own.iter().zip(&there).all(|(own, group)| is_same_group(own, group));
        is_same && (own.len() == 1 || self.needed() == file.metadata().needed())
    }
}

/// Whether two groups have the same keys, in any order.
pub(crate) fn is_same_group(a: &[Recipient], b: &[Recipient]) -> bool {
    let holds = |group: &[Recipient], key: &KeyRef| group.iter().any(|it| is_same_key(&it.key, key));
    a.iter().all(|it| holds(b, &it.key)) && b.iter().all(|it| holds(a, &it.key))
}

/// Whether two references are to one key, however they are written.
pub(crate) fn is_same_key(a: &KeyRef, b: &KeyRef) -> bool {
    if a.kind != b.kind || a.context != b.context {
        return false;
    }
    let normal = |key: &KeyRef| {
        let parsed = backend(&key.kind).and_then(|backend| backend.parse_of_sops(&key.id));
        parsed.unwrap_or_else(|_| key.id.clone())
    };
    // A rule without a key's version means whichever is the current one.
    let is_version_of = |of: &str, id: &str| a.kind == "azure_kv" && of.ends_with('/') && id.starts_with(of);
    a.id == b.id
        || normal(a) == normal(b)
        || (a.kind == "pgp" && a.id.eq_ignore_ascii_case(&b.id))
        || is_version_of(&a.id, &b.id)
        || is_version_of(&b.id, &a.id)
}

/// Each key once, as they come.
fn unique(recipients: impl Iterator<Item = Recipient>) -> Vec<Recipient> {
    let mut found: Vec<Recipient> = Vec::new();
    for recipient in recipients {
        if !found.iter().any(|other| other.key == recipient.key) {
            found.push(recipient);
        }
    }
    found
}

fn is_in_this_build(kind: &str) -> bool {
    BACKENDS.iter().any(|(name, backend)| *name == kind && backend.is_some())
}

/// Matches no text: behind the end there is no character.
pub(crate) const NOTHING: &str = "$.";
