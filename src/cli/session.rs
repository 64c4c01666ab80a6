//! What the verbs that seal and open share: the rule for a file, the user's keys, and the checks before a file is
//! opened or written over.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealeaf::config::discover::{DiscoverError, Discovery, Owners, discover};
use sealeaf::config::{Config, Rule, sops};
use sealeaf::document::Document;
use sealeaf::envelope::native::State;
use sealeaf::envelope::sops::SopsError;
use sealeaf::file::sops::SopsFile;
use sealeaf::file::{FileError, OpenFile, SealedFile};
use sealeaf::format::Format;
use sealeaf::git::{At, GitError, Repo};
use sealeaf::keys::{Keyring, Recipient, Run};
use sealeaf::policy::{Integrity, Policy};
use sealeaf::secret::SecretText;

use super::announced::{Announced, Folder};
use super::break_glass;
use super::compare::grouped;
use super::context::Context;
use super::escape;
use super::governing::Governing;
use super::input::{Input, Source, looks_sealed};
use super::report::{Context as _, Kind, Report};

/// One command's access to keys and rules. Shared between threads.
pub(crate) struct Session<'a> {
    pub(crate) context: &'a Context,
    run: Run<'a>,
    owners: Owners,
    announced: Option<Announced>,
}

/// What is known about where a file lies.
pub(crate) struct Place {
    /// The nearest `.sealeaf.toml`.
    pub(crate) config: Option<Config>,
    /// The nearest `.sops.yaml`.
    pub(crate) sops: Option<sops::Discovered>,
    /// Whether that goes before `config`.
    pub(crate) sops_first: bool,
    /// The file's path as globs and scopes see it.
    pub(crate) relative: String,
}

impl Place {
    /// What holds for every file of the folder; `prefix` is the folder's path as globs see it.
    pub(crate) fn into_folder(self, prefix: String) -> Folder {
        Folder { config: self.config, sops: self.sops, sops_first: self.sops_first, prefix }
    }
}

/// The rule for a file.
#[derive(Clone, Debug)]
pub(crate) struct Ruling {
    pub(crate) rule: Rule,
    /// The configuration that it stands in.
    pub(crate) config: PathBuf,
    /// The file's path as globs and scopes see it.
    pub(crate) relative: String,
    /// The rule applied to it.
    pub(crate) policy: Policy,
}

/// How a linked file is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linked {
    /// With a note.
    Note,
    /// Not at all: `--require-sealed`.
    Refuse,
    /// Without a word: the verb deals with it.
    Silent,
}

impl<'a> Session<'a> {
    /// A session in these surroundings.
    pub(crate) fn new(context: &'a Context) -> Self {
        let owners = Owners::of(rustix::process::geteuid().as_raw(), &context.environment);
        let mut run = Run::new(&context.environment, &context.prompt);
        run.settings = context.settings.clone();
        run.break_glass = context.break_glass;
        Self { context, run, owners, announced: None }
    }

    /// The same, asking nobody.
    pub(crate) fn silent(context: &'a Context) -> Self {
        let mut session = Self::new(context);
        session.run.prompt = &sealeaf::keys::NoPrompt;
        session.run.unattended = true;
        session.run.break_glass = false;
        session
    }

    /// The same, asking nobody for a passphrase; services are asked.
    pub(crate) fn asking_nobody(context: &'a Context) -> Self {
        let mut session = Self::new(context);
        session.run.prompt = &sealeaf::keys::NoPrompt;
        session
    }

    /// Says which files this command works on, where it reads them all before it writes the first one. What their folders,
    /// configurations and git say is then found out once, and holds to the end.
    pub(crate) fn announce<'p>(&mut self, paths: impl IntoIterator<Item = &'p Path>) {
        self.announced = Some(Announced::new(paths, self.context));
    }

    /// The user's keys.
    pub(crate) fn keyring(&self) -> Keyring<'_> {
        Keyring::new(&self.run)
    }

    /// What backends share in this command.
    pub(crate) const fn run(&self) -> &Run<'a> {
        &self.run
    }

    /// What is known about a file's place: its configuration, its repository, its path as globs see it.
    pub(crate) fn discover(&self, path: &Path) -> Result<Discovery, Report> {
        let found = discover(&self.context.directory.join(path), &self.owners)?;
        for notice in &found.notices {
            self.once(notice.to_string());
        }
        Ok(found)
    }

    /// The rule for a file, if one covers it. The nearer configuration is asked first, `.sealeaf.toml` where both lie in
    /// one folder; where it has no rule, the other one.
    pub(crate) fn governing(&self, path: &Path) -> Result<Option<Governing>, Report> {
        let (folder, relative) = self.folder(path)?;
        folder.governing(&self.context.directory.join(path), relative)
    }

    /// The rule for a file of that envelope: the one that holds for it, or else the other configuration's.
    pub(crate) fn governing_for(&self, path: &Path, sops: bool) -> Result<Option<Governing>, Report> {
        let (folder, relative) = self.folder(path)?;
        let rules = folder.all(&self.context.directory.join(path), relative)?;
        Ok(rules.into_iter().find(|rule| rule.native().is_none() == sops))
    }

    fn folder(&self, path: &Path) -> Result<(Arc<Folder>, String), Report> {
        match &self.announced {
            Some(announced) => announced.folder(path, || self.place(path)),
            None => {
                let found = self.place(path)?;
                let relative = found.relative.clone();
                Ok((Arc::new(found.into_folder(String::new())), relative))
            }
        }
    }

    /// The rule for a file of this program's own envelope, if one covers it.
    pub(crate) fn ruling(&self, path: &Path) -> Result<Option<Ruling>, Report> {
        Ok(self.governing(path)?.and_then(|governing| governing.native().cloned()))
    }

    /// Both configurations near a file, and what else is known about its place. A `.sops.yaml` that is not in order is
    /// nobody's concern where a `.sealeaf.toml` goes before it.
    pub(crate) fn place(&self, path: &Path) -> Result<Place, Report> {
        let Discovery { config, relative, .. } = self.discover(path)?;
        // One that the environment names lies nowhere near.
        let is_named = self.context.environment.os("SOPS_CONFIG").is_some_and(|name| !name.is_empty());
        let is_nearer = |sops: &Path| {
            let folders = config.as_ref().map(|config| (sops.parent(), config.path.parent()));
            !is_named
                && matches!(folders, Some((Some(own), Some(other))) if own != other && own.starts_with(other))
        };
        let covers = || config.as_ref().is_some_and(|config| config.rule_for(&relative).is_some());
        let sops = match self.discover_sops(path) {
            Err(DiscoverError::Config(error)) if covers() && !is_nearer(&error.file) => None,
            found => found?,
        };
        let sops_first = sops.as_ref().is_some_and(|found| is_nearer(&found.config.path));
        Ok(Place { config, sops, sops_first, relative })
    }

    /// The `.sops.yaml` that holds for a file, if there is one.
    pub(crate) fn discover_sops(&self, path: &Path) -> Result<Option<sops::Discovered>, DiscoverError> {
        let mut notices = Vec::new();
        let file = self.context.directory.join(path);
        let found = sops::discover(&file, &self.context.environment, &self.owners, &mut notices);
        for notice in &notices {
            self.once(notice.to_string());
        }
        found
    }

    /// The configuration that holds for a path, if there is one.
    pub(crate) fn config(&self, path: &Path) -> Result<Option<Config>, Report> {
        Ok(discover(&self.context.directory.join(path).join(HERE), &self.owners)?.config)
    }

    /// The rule for a file.
    ///
    /// # Errors
    /// [`Kind::Refused`] where no rule covers it.
    pub(crate) fn required_ruling(&self, path: &Path) -> Result<Ruling, Report> {
        let ruling = self.ruling(path)?.ok_or_else(|| no_rule(path))?;
        ruling.rule.ensure_wrappable()?;
        Ok(ruling)
    }

    /// Warns of something once in this command.
    pub(crate) fn once(&self, warning: String) {
        self.context.warn_once(warning);
    }

    /// Reads, authenticates and opens a sealed file. The scope must be the one of the rule for `path`.
    pub(crate) fn open(
        &self,
        input: &Input,
        path: Option<&Path>,
        linked: Linked,
    ) -> Result<OpenFile, Report> {
        let shown = input.source.shown();
        let sealed = SealedFile::parse(&input.text, input.format, &self.context.limits).at(shown)?;
        self.check_scope(&sealed, path.or_else(|| named(&input.source))).at(shown)?;
        let open = sealed.open(&self.keyring(), &self.context.limits).at(shown)?;
        break_glass::tell(open.header(), shown, self);
        for warning in sealeaf::keys::age::warnings(&self.run) {
            self.once(warning);
        }
        self.check_state(&open, shown, linked)?;
        Ok(open)
    }

    /// The scope that the rule for a file's path demands must be the file's own.
    pub(crate) fn check_scope(&self, sealed: &SealedFile, path: Option<&Path>) -> Result<(), Report> {
        let ruling = match path {
            Some(path) => self.ruling(path)?,
            None => None,
        };
        match ruling {
            Some(ruling) => Ok(sealed.check_scope(&ruling.policy.scope)?),
            None if sealed.header().policy.scope.is_empty() => Ok(()),
            None => {
                let scope = escape::line(&sealed.header().policy.scope);
                self.once(format!(
                    "the file is for scope `{scope}`, and no rule says whether this is the place"
                ));
                Ok(())
            }
        }
    }

    /// Says of a linked file what it is, or refuses it.
    pub(crate) fn check_state(&self, open: &OpenFile, shown: &Path, linked: Linked) -> Result<(), Report> {
        if open.state() == State::Sealed || linked == Linked::Silent {
            return Ok(());
        }
        let strict = open.header().policy.integrity == Integrity::Sealed || linked == Linked::Refuse;
        if strict {
            return Err(Report::message(
                Kind::NotSealed,
                "the file is linked, not sealed: it joins pieces of several versions",
            )
            .at(shown)
            .hint("after a merge that you trust, run `sealeaf reseal` on it"));
        }
        self.context.note(format!(
            "{}: linked: a text merge, or pieces of several versions; `sealeaf reseal` makes one version of it",
            escape::path(shown)
        ));
        Ok(())
    }

    /// The repository that a file lies in, and its path there; `None` outside of one, and where there is no git.
    pub(crate) fn repository(&self, path: &Path) -> Result<Option<(Repo, String)>, Report> {
        if let Some(known) = self.announced.as_ref().and_then(|announced| announced.repository(path)) {
            return Ok(known);
        }
        let absolute = self.context.directory.join(path);
        let Some(repo) = Repo::discover(&absolute, &self.context.environment) else { return Ok(None) };
        match repo.relative(&absolute) {
            Ok(relative) => Ok(Some((repo, relative))),
            Err(GitError::NoGit) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The sealed version of a file that git has; `None` where it has none, or a plain one.
    pub(crate) fn committed(
        &self,
        path: &Path,
        at: At<'_>,
        format: &'static dyn Format,
    ) -> Result<Option<SealedFile>, Report> {
        match self.repository(path)? {
            Some((repo, relative)) => self.blob(&repo, &relative, at, format),
            None => Ok(None),
        }
    }

    /// The SOPS version of a file that git has; `None` where it has none, or another one.
    pub(crate) fn committed_sops(
        &self,
        path: &Path,
        at: At<'_>,
        format: &'static dyn Format,
    ) -> Result<Option<SopsFile>, Report> {
        let Some((repo, relative)) = self.repository(path)? else { return Ok(None) };
        let Some(text) = self.text_of(&repo, &relative, at)? else { return Ok(None) };
        match SopsFile::parse(&text, format, &self.context.limits) {
            Err(FileError::Sops(SopsError::NotSealed) | FileError::Parse(_)) => Ok(None),
            parsed => Ok(Some(parsed.at(Path::new(&relative))?)),
        }
    }

    /// The same, in a repository that is known.
    pub(crate) fn blob(
        &self,
        repo: &Repo,
        relative: &str,
        at: At<'_>,
        format: &'static dyn Format,
    ) -> Result<Option<SealedFile>, Report> {
        let Some(text) = self.text_of(repo, relative, at)? else { return Ok(None) };
        match SealedFile::parse(&text, format, &self.context.limits) {
            Ok(file) => Ok(Some(file)),
            // A plain version guards nothing; a sealed one that cannot be read must not be passed over.
            Err(_) if !looks_sealed(Path::new(relative), &text, &self.context.limits) => Ok(None),
            Err(error) => {
                let hint = "git's version of the file is sealed and cannot be compared with";
                Err(Report::from(error).at(Path::new(relative)).hint(hint))
            }
        }
    }

    /// What git has of a file, as text.
    fn text_of(&self, repo: &Repo, relative: &str, at: At<'_>) -> Result<Option<String>, Report> {
        let bytes = match repo.blob(at, relative) {
            Ok(bytes) => bytes,
            // A repository without commits, or without git, has no version that could be gone back on.
            Err(GitError::UnknownRevision(_)) if at == At::Commit("HEAD") => None,
            Err(GitError::NoGit) => {
                self.once(
                    "there is no `git` on PATH: nothing is compared with the committed version".to_owned(),
                );
                None
            }
            Err(error) => return Err(error.into()),
        };
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    /// What must hold before a version is written over another one (`docs/design/format-v1.md`, section 11): the
    /// recipients are the rule's, and the data key is the one of the committed version.
    pub(crate) fn check_write(&self, open: &OpenFile, path: &Path) -> Result<(), Report> {
        let is_other = |rule: &Governing| match rule {
            Governing::Native(ruling) => {
                !same_keys(open.header().recipients(), &ruling.rule.recipients)
                    || grouped(&open.header().access()) != grouped(&ruling.rule.access())
            }
            Governing::Sops(ruling) => match ruling.groups.as_slice() {
                [group] => !same_keys(open.header().recipients(), group),
                _ => true,
            },
        };
        if self.governing(path).at(path)?.as_ref().is_some_and(is_other) {
            let message = "the file's recipients are not those of its rule";
            return Err(Report::message(Kind::Refused, message)
                .at(path)
                .hint("bring it up to date with `sealeaf rekey`, after a look at `sealeaf explain`"));
        }
        self.check_identity(open, path)
    }

    /// The data key is the one that git's version of the file commits to, or a later one of the same file; and no older
    /// one than a merge in progress brings in.
    pub(crate) fn check_identity(&self, open: &OpenFile, path: &Path) -> Result<(), Report> {
        self.check_incoming(open, path)?;
        let head = self.committed(path, At::Commit("HEAD"), open.sealed_file().format())?;
        let Some(head) = head else { return Ok(()) };
        let (now, before) = (open.header(), head.header());
        let same_file = now.fid == before.fid;
        let fits = same_file
            && match now.epoch.cmp(&before.epoch) {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Equal => now.commitment == before.commitment,
                std::cmp::Ordering::Greater => true,
            };
        if fits {
            return Ok(());
        }
        let message = if same_file {
            "the file is not the one that was committed: its data key is another one or an older one"
        } else {
            "the file is not the one that was committed: its identity is another one"
        };
        Err(Report::message(Kind::NotSealed, message)
            .at(path)
            .hint("look at who changed it with `git log -p`; take the committed version, or encrypt its content anew"))
    }

    fn check_incoming(&self, open: &OpenFile, path: &Path) -> Result<(), Report> {
        let Some((repo, relative)) = self.repository(path)? else { return Ok(()) };
        let now = open.header();
        for commit in repo.merge_heads()? {
            let other =
                self.blob(&repo, &relative, At::Commit(commit.as_str()), open.sealed_file().format())?;
            let is_older =
                |other: &SealedFile| other.header().fid == now.fid && now.epoch < other.header().epoch;
            if other.as_ref().is_some_and(is_older) {
                let message = "the merge brings in a newer data key of this file: what is written now could be read by who was removed";
                return Err(Report::message(Kind::NotSealed, message)
                    .at(path)
                    .hint("take that side with `git checkout --theirs`, or run `sealeaf reseal --merge`"));
            }
        }
        Ok(())
    }

    /// Refuses to write over a linked file unless git explains it.
    pub(crate) fn check_linked(&self, open: &OpenFile, path: &Path) -> Result<(), Report> {
        if open.state() == State::Sealed || super::merged::is_explained(self, open, path)? {
            return Ok(());
        }
        Err(Report::message(
            Kind::NotSealed,
            "the file joins pieces of several versions, and git shows no merge that made it",
        )
        .at(path)
        .hint("look at it with `sealeaf verify --against HEAD`, then run `sealeaf reseal`"))
    }
}

/// Refuses a SOPS file where a verb is about what only native files have.
pub(crate) fn refuse_sops(input: &Input, context: &Context, message: &str, hint: &str) -> Result<(), Report> {
    if super::opened::is_sops(input, context) {
        return Err(Report::message(Kind::Refused, message).at(input.source.shown()).hint(hint));
    }
    Ok(())
}

/// The file behind a source, if it is one.
pub(crate) fn named(source: &Source) -> Option<&Path> {
    match source {
        Source::File(path) => Some(path),
        Source::Stdin => None,
    }
}

/// Whether two lists name the same keys.
pub(crate) fn same_keys<'k>(a: impl Iterator<Item = &'k Recipient>, b: &[Recipient]) -> bool {
    let a: HashSet<_> = a.map(|recipient| (&recipient.key, recipient.break_glass)).collect();
    let b: HashSet<_> = b.iter().map(|recipient| (&recipient.key, recipient.break_glass)).collect();
    a == b
}

/// Parses a plain text.
pub(crate) fn plain(
    text: impl Into<SecretText>,
    format: &dyn Format,
    context: &Context,
) -> Result<Document, FileError> {
    sealeaf::file::parse(text, format, &context.limits)
}

pub(crate) fn no_rule(path: &Path) -> Report {
    Report::message(Kind::Refused, "no rule covers this file")
        .at(path)
        .hint("add one to `.sealeaf.toml` or `.sops.yaml`, or name recipients with --to")
}

/// Names a file that need not exist, to ask for the configuration of a folder.
const HERE: &str = "x";
