use std::path::Path;
use std::process::ExitCode;

use sealeaf::config::Config;
use sealeaf::git::attributes::{ATTRIBUTES, ensure, patterns};
use sealeaf::git::driver::{self, Change};
use sealeaf::git::{GitError, Repo};

use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::input::{read_file, to_text};
use crate::cli::output::Original;
use crate::cli::report::{Context as _, Kind, Report, plural};
use crate::cli::session::Session;

/// Let git show what changes inside sealed files
///
/// Writes the diff driver into this repository's own `.git/config`, and says which lines `.gitattributes` lacks for it.
/// Doing it again changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Installs the driver.
pub(crate) fn run(_args: Args, context: &Context) -> Result<ExitCode, Report> {
    let repo = repository(context)?;
    let changes = install(&repo, context)?;
    for change in &changes {
        context.note(describe(change));
    }
    if changes.is_empty() {
        context.note("the diff driver is there already");
    }
    if let Some(config) = Session::new(context).config(repo.root())? {
        let attributes = Attributes::read(&repo, context)?.with_rules(&config, context);
        for line in &attributes.missing {
            context.warn(format!("`.gitattributes` lacks the line `{line}`"));
        }
        if !attributes.missing.is_empty() {
            context.note("`sealeaf init` adds what is missing");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The repository of the working folder.
pub(crate) fn repository(context: &Context) -> Result<Repo, Report> {
    Repo::discover(&context.directory, &context.environment).ok_or_else(|| {
        Report::message(Kind::Usage, "this folder is in no git repository")
            .hint("make one with `git init` first")
    })
}

/// Writes the diff driver, and ends a setting under which git would store plaintext.
pub(crate) fn install(repo: &Repo, context: &Context) -> Result<Vec<Change>, Report> {
    match driver::install(repo) {
        Err(GitError::CachesPlaintext) => {
            driver::forbid_cache(repo)?;
            context.warn(
                "`diff.sealeaf.cachetextconv` was set, under which git stores plaintext; it is off now: look for \
                 `refs/notes/textconv/sealeaf`, here and where you push to",
            );
            Ok(driver::install(repo)?)
        }
        changes => Ok(changes?),
    }
}

/// `diff.sealeaf.textconv is now …`.
pub(crate) fn describe(change: &Change) -> String {
    let before = change.before.as_deref().map(|before| format!(", was `{before}`")).unwrap_or_default();
    format!(".git/config: `{}` is `{}`{before}", change.key, change.after)
}

/// The `.gitattributes` at a repository's root, as it is and as it should be.
#[derive(Debug)]
pub(crate) struct Attributes {
    /// The file as it is; `None` where there is none.
    pub(crate) original: Option<Original>,
    /// Its text with everything that was missing.
    pub(crate) text: String,
    /// The lines that were missing.
    pub(crate) missing: Vec<String>,
}

impl Attributes {
    /// Reads the file.
    pub(crate) fn read(repo: &Repo, context: &Context) -> Result<Self, Report> {
        let path = repo.root().join(FILE);
        if std::fs::symlink_metadata(&path).is_err() {
            return Ok(Self { original: None, text: String::new(), missing: Vec::new() });
        }
        let shown = Path::new(FILE);
        let (bytes, file) = read_file(&path, context.limits.file).at(shown)?;
        let original = Original::of(&path, &file, &bytes, context)?;
        let text = to_text(bytes).at(shown)?.to_string();
        Ok(Self { original: Some(original), text, missing: Vec::new() })
    }

    /// Adds a line for each pattern of each rule.
    pub(crate) fn with_rules(mut self, config: &Config, context: &Context) -> Self {
        for glob in config.rules.iter().flat_map(|rule| &rule.globs) {
            let Some(patterns) = patterns(glob) else {
                context.warn(format!("git has no pattern for the glob `{glob}`: write its lines yourself"));
                continue;
            };
            for pattern in patterns {
                if let Some(longer) = ensure(&self.text, &pattern, ATTRIBUTES) {
                    let line = longer.lines().next_back().unwrap_or_default().to_owned();
                    self.missing.push(line);
                    self.text = longer;
                }
            }
        }
        self
    }

    /// `.gitattributes: 2 new lines`, and the lines.
    pub(crate) fn plan(&self) -> Vec<String> {
        if self.missing.is_empty() {
            return Vec::new();
        }
        let mut plan = vec![format!("{FILE}: {}", plural(self.missing.len(), "new line", "new lines"))];
        plan.extend(self.missing.iter().map(|line| format!("    {}", escape::line(line))));
        plan
    }
}

/// Its name.
pub(crate) const FILE: &str = ".gitattributes";
