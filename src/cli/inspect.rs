//! What a file is at the moment: sealed, plain, or something between; who can read it; and whether that is as its rule
//! says. Asks nobody for anything.

use std::path::{Path, PathBuf};

use sealeaf::config::sops;
use sealeaf::document::NodeId;
use sealeaf::envelope::native::{self, marked};
use sealeaf::envelope::sops::SopsError;
use sealeaf::file::sops::SopsFile;
use sealeaf::file::{FileError, SealedFile};
use sealeaf::keys::Recipient;
use serde::Serialize;

use super::break_glass;
use super::compare::{Comparison, Person, paths};
use super::compare_sops::exposed as exposed_in_sops;
use super::found::is_sealed;
use super::governing::Governing;
use super::input::{Access, Input, Source};
use super::report::{Kind, Report, plural};
use super::session::Session;

/// A file, looked at.
#[derive(Debug)]
pub(crate) struct Inspected {
    /// As the user names it.
    pub(crate) path: PathBuf,
    /// What it is.
    pub(crate) state: State,
    /// What is not in order, each in one line.
    pub(crate) reasons: Vec<String>,
    /// Who can read it, by its metadata; empty where it is not sealed.
    pub(crate) recipients: Vec<Recipient>,
    /// Its rule, where one covers it.
    pub(crate) rule: Option<Governing>,
    /// How it differs from its rule.
    pub(crate) comparison: Option<Comparison>,
    /// Its sealed form, where it could be read.
    pub(crate) sealed: Option<SealedFile>,
    /// The same of a SOPS file.
    pub(crate) sops: Option<SopsFile>,
    /// Whether a break-glass key opened this version here, so that its data key should be replaced.
    pub(crate) rotation_due: bool,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// One version that a key holder wrote, verified.
    Sealed,
    /// Sealed by its look; none of the user's keys opens it without being asked for.
    NotVerified,
    /// Authentic pieces of several versions.
    Linked,
    /// Sealed, but for values that its own rule or the one of the repository seals.
    HalfSealed,
    /// Without metadata.
    Plain,
    /// Sealed, and not in order.
    Broken,
}

impl State {
    /// All of them, the best first.
    pub(crate) const ALL: [Self; 6] =
        [Self::Sealed, Self::NotVerified, Self::Linked, Self::HalfSealed, Self::Plain, Self::Broken];

    /// For people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::NotVerified => "sealed (not verified)",
            Self::Linked => "linked",
            Self::HalfSealed => "half-sealed",
            Self::Plain => "plain",
            Self::Broken => "broken",
        }
    }
}

/// Looks at a file; with those of the user's keys that open without a question, also inside.
///
/// # Errors
/// [`Kind::Failed`] where it cannot be read. Everything else is a state.
pub(crate) fn inspect(path: &Path, session: &Session<'_>) -> Result<Inspected, Report> {
    let mut found = Inspected {
        path: path.to_owned(),
        state: State::Plain,
        reasons: Vec::new(),
        recipients: Vec::new(),
        rule: None,
        comparison: None,
        sealed: None,
        sops: None,
        rotation_due: false,
    };
    match session.governing(path) {
        Ok(rule) => found.rule = rule,
        Err(report) => found.reasons.push(report.reason()),
    }
    let source = Source::File(path.to_owned());
    let input = match Input::read(&source, Access::Read, None, None, session.context) {
        Ok(input) => input,
        Err(report) if report.kind() == Kind::Failed => return Err(report.at(path)),
        Err(report) => {
            found.state =
                if is_sealed(path, session).unwrap_or_default() { State::Broken } else { State::Plain };
            found.reasons.push(report.reason());
            return Ok(found);
        }
    };
    let parse = || SealedFile::parse(&input.text, input.format, &session.context.limits);
    match parse() {
        Ok(file) => found.look_inside(file, parse, session),
        Err(FileError::NotSealed) => found.look_at_other(&input, session),
        Err(error) => {
            let is_sealed = is_sealed(path, session).unwrap_or_default();
            found.state = if is_sealed { State::Broken } else { State::Plain };
            found.reasons.push(Report::from(error).reason());
        }
    }
    Ok(found)
}

impl Inspected {
    /// A file without this program's metadata: SOPS', or plain.
    fn look_at_other(&mut self, input: &Input, session: &Session<'_>) {
        let limits = &session.context.limits;
        let file = match SopsFile::parse(&input.text, input.format, limits) {
            Err(FileError::Sops(SopsError::NotSealed)) => return self.look_at_plain(),
            Err(error) => {
                self.state = State::Broken;
                return self.reasons.push(Report::from(error).reason());
            }
            Ok(file) => file,
        };
        self.recipients = file.recipients().into_iter().flatten().collect();
        self.reasons.push("a SOPS file".to_owned());
        if let Err(report) = self.look_inside_sops(&file) {
            self.state = State::Broken;
            return self.reasons.push(report.reason());
        }
        if self.state != State::HalfSealed {
            let opened = SopsFile::parse(&input.text, input.format, limits)
                .and_then(|file| file.open(&session.keyring(), limits));
            self.state = match opened {
                Ok(_) => State::Sealed,
                Err(FileError::Unwrap(error)) if !error.failed => State::NotVerified,
                // Of several groups not enough can be opened.
                Err(FileError::Sops(SopsError::Groups { .. })) => State::NotVerified,
                Err(error) => {
                    self.reasons.push(Report::from(error).reason());
                    State::Broken
                }
            };
        }
        self.sops = Some(file);
    }

    /// What can be seen of a SOPS file without a key.
    fn look_inside_sops(&mut self, file: &SopsFile) -> Result<(), Report> {
        let shown = exposed_in_sops(file)?;
        if !shown.is_empty() {
            self.state = State::HalfSealed;
            let shows = shown.iter();
            self.reasons.extend(
                shows.map(|spot| format!("{spot} stands in clear, and the file's selector encrypts it")),
            );
        }
        let Some(rule) = &self.rule else {
            self.reasons.push("no rule covers it".to_owned());
            return Ok(());
        };
        if rule.native().is_some() {
            self.reasons.push("its rule is one for native files: `sealeaf convert` makes it one".to_owned());
        }
        let comparison = Comparison::of_sops(file, &rule.sops())?;
        self.reasons.extend(differences(&comparison));
        self.comparison = Some(comparison);
        Ok(())
    }

    fn look_at_plain(&mut self) {
        self.state = State::Plain;
        let is_meant = |rule: &Governing| !rule.config().ends_with(sops::FILE_NAME);
        if self.rule.as_ref().is_some_and(is_meant) {
            self.reasons.push("a rule covers it; `sealeaf encrypt` seals it".to_owned());
        }
    }

    fn look_inside(
        &mut self,
        file: SealedFile,
        parse: impl FnOnce() -> Result<SealedFile, FileError>,
        session: &Session<'_>,
    ) {
        self.recipients = file.header().recipients().cloned().collect();
        let ruling = self.rule.as_ref().and_then(Governing::native);
        self.comparison = ruling.map(|ruling| Comparison::of(&file, ruling));
        let shown = exposed(&file);
        if shown.is_empty() {
            self.verify(parse, session);
        } else {
            self.state = State::HalfSealed;
            let values = paths(&file.sealed().body, &shown);
            let shows =
                values.iter().map(|path| format!("{path} stands in clear, and the file's rule seals it"));
            self.reasons.extend(shows);
            self.reasons.push("`sealeaf encrypt` seals it again".to_owned());
        }
        self.compare(&file);
        for used in break_glass::due(file.header(), session.context) {
            let name = used.name;
            self.reasons.push(format!(
                "opened here with the break-glass key `{name}`: rotation is due, `sealeaf rotate` does it"
            ));
            self.rotation_due = true;
        }
        self.sealed = Some(file);
    }

    fn verify(&mut self, parse: impl FnOnce() -> Result<SealedFile, FileError>, session: &Session<'_>) {
        let opened = parse().and_then(|file| file.open(&session.keyring(), &session.context.limits));
        self.state = match opened {
            Ok(open) if open.state() == native::State::Sealed => State::Sealed,
            Ok(_) => State::Linked,
            Err(FileError::Unwrap(error)) if !error.failed => State::NotVerified,
            Err(FileError::Groups { closed, .. }) if !closed.failed => State::NotVerified,
            Err(error) => {
                self.reasons.push(Report::from(error).reason());
                State::Broken
            }
        };
    }

    /// Says where the file is not as its rule says.
    fn compare(&mut self, file: &SealedFile) {
        let Some(comparison) = &self.comparison else {
            let scope = &file.header().policy.scope;
            if self.rule.is_some() {
                let other = "its rule is one for SOPS files: `sealeaf convert` makes it one";
                self.reasons.push(other.to_owned());
            } else if self.reasons.is_empty() {
                let scope =
                    if scope.is_empty() { String::new() } else { format!("; it is for scope `{scope}`") };
                self.reasons.push(format!("no rule covers it{scope}"));
            }
            return;
        };
        let reasons = &mut self.reasons;
        let own = reasons.len();
        reasons.extend(access(comparison));
        if self.state != State::HalfSealed && !comparison.sealed.is_empty() {
            let seals =
                comparison.sealed.iter().map(|spot| format!("{spot} stands in clear, and the rule seals it"));
            reasons.extend(seals);
            if matches!(self.state, State::Sealed | State::NotVerified | State::Linked) {
                self.state = State::HalfSealed;
            }
        }
        for (was, now) in &comparison.renamed {
            if was.name != now.name {
                reasons.push(format!("{} is called `{}` in the rule", was.label(), now.name));
            }
        }
        if reasons.len() > own {
            reasons.push("`sealeaf rekey` brings it to its rule".to_owned());
        }
    }

    /// For JSON.
    pub(crate) fn people(&self) -> Vec<Person<'_>> {
        self.recipients.iter().map(Person::of).collect()
    }
}

/// Who can read it and should not, or the other way round; which settings differ; what would be shown.
fn access(comparison: &Comparison) -> Vec<String> {
    let Comparison { added, removed, settings, cleared, .. } = comparison;
    let added = added.iter().map(|new| format!("{} is in the rule and cannot read it", new.label()));
    let removed = removed.iter().map(|old| format!("{} can read it and is not in the rule", old.label()));
    let settings = settings
        .iter()
        .map(|setting| format!("{}: {} in the file, {} in the rule", setting.name, setting.was, setting.now));
    let cleared = (!cleared.is_empty()).then(|| {
        let count = plural(cleared.len(), "sealed value is", "sealed values are");
        format!("{count} clear by the rule")
    });
    added.chain(removed).chain(settings).chain(cleared).collect()
}

/// Where a SOPS file is not as its rule says.
fn differences(comparison: &Comparison) -> Vec<String> {
    let mut lines = access(comparison);
    let seals = comparison.sealed.iter();
    lines.extend(seals.map(|spot| format!("{spot} stands in clear, and the rule encrypts it")));
    if !lines.is_empty() {
        lines.push("`sealeaf rekey` brings it to its rule".to_owned());
    }
    lines
}

/// The leaves that the file's own rule seals and that stand in clear.
fn exposed(file: &SealedFile) -> Vec<NodeId> {
    let body = &file.sealed().body;
    let marked = marked(body, &file.header().policy.selection);
    let is_shown = |id: &NodeId| {
        marked.get(id.index()).copied().unwrap_or_default()
            && body.is_leaf(*id)
            && body.node(*id).sealable
            && !file.sealed().is_token(*id)
    };
    body.ids().filter(is_shown).collect()
}
