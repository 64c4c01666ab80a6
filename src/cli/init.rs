use std::path::PathBuf;
use std::process::ExitCode;

use sealeaf::config::{Config, FILE_NAME, template};
use sealeaf::git::{Repo, driver};
use sealeaf::keys::age::{NewIdentity, own_recipients, unread_places};

use super::context::Context;
use super::git::install::{Attributes, FILE as ATTRIBUTES_FILE, describe, install, repository};
use super::output::{Content, create, replace};
use super::report::{Kind, Report};
use super::session::Session;
use super::{escape, keygen};

/// Set a repository up
///
/// Writes a first `.sealeaf.toml` with you as the recipient, the lines of `.gitattributes` for its rules, and the diff
/// driver in `.git/config`; makes you an identity where you have none. Nothing that is there is overwritten, and doing
/// it again adds only what is missing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    /// What to call you in `.sealeaf.toml`, instead of the name that git knows
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// What is to be done.
struct Plan {
    config: Option<NewConfig>,
    attributes: Attributes,
    driver: bool,
}

/// A configuration to be written.
struct NewConfig {
    name: String,
    key: OwnKey,
    text: String,
}

/// The key of who sets the repository up.
enum OwnKey {
    /// One that the user has, and where.
    Known { recipient: String, place: String },
    /// One that was made, and where it is to be written.
    New { identity: NewIdentity, path: PathBuf },
}

/// Looks, asks, writes.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let repo = repository(context)?;
    let plan = Plan::of(&args, &repo, context)?;
    let lines = plan.lines();
    if lines.is_empty() {
        context.note("everything is there already");
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes {
        let answer = context.prompt.confirm("write all of this?", &lines);
        if !answer.map_err(|report| report.detail(&lines.join("\n")))? {
            return Err(Report::message(Kind::Refused, "nothing was written"));
        }
    }
    plan.carry_out(&repo, context)?;
    Ok(ExitCode::SUCCESS)
}

impl Plan {
    fn of(args: &Args, repo: &Repo, context: &Context) -> Result<Self, Report> {
        let session = Session::silent(context);
        let (new, config) = match session.config(repo.root())? {
            Some(config) => (None, config),
            None => {
                let (new, config) = NewConfig::of(args, repo, &session)?;
                (Some(new), config)
            }
        };
        let attributes = Attributes::read(repo, context)?.with_rules(&config, context);
        Ok(Self { config: new, attributes, driver: !driver::is_installed(repo)? })
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(NewConfig { name, key, .. }) = &self.config {
            let who = match key {
                OwnKey::New { path, .. } => {
                    lines.push(format!("{}: a new identity, your private key", escape::path(path)));
                    name.clone()
                }
                OwnKey::Known { recipient, place } => {
                    format!("{name} ({recipient}), whose key is in {place}")
                }
            };
            lines.push(format!("{FILE_NAME}: a rule for `secrets/**` and `**/*.enc.*`, readable for {who}"));
        }
        lines.extend(self.attributes.plan());
        if self.driver {
            lines.push(".git/config: the diff driver `sealeaf git textconv`".to_owned());
        }
        lines
    }

    fn carry_out(self, repo: &Repo, context: &Context) -> Result<(), Report> {
        if let Some(new) = self.config {
            if let OwnKey::New { identity, path } = &new.key {
                keygen::add(identity, path, false, context)?;
            }
            create(&repo.root().join(FILE_NAME), new.text.as_bytes(), Content::Sealed, context)?;
            context.note(format!(
                "{FILE_NAME}: written, readable for {} ({})",
                new.name,
                new.key.recipient()
            ));
        }
        if !self.attributes.missing.is_empty() {
            let bytes = self.attributes.text.as_bytes();
            match &self.attributes.original {
                Some(original) => replace(original, bytes, Content::Sealed, context).map(drop)?,
                None => create(&repo.root().join(ATTRIBUTES_FILE), bytes, Content::Sealed, context)?,
            }
            context.note(format!("{ATTRIBUTES_FILE}: written"));
        }
        for change in install(repo, context)? {
            context.note(describe(&change));
        }
        context.note("put secrets into files below `secrets/`: `sealeaf edit secrets/first.yaml`");
        Ok(())
    }
}

impl NewConfig {
    fn of(args: &Args, repo: &Repo, session: &Session<'_>) -> Result<(Self, Config), Report> {
        let path = repo.root().join(FILE_NAME);
        if path.symlink_metadata().is_ok() {
            let message =
                format!("`{}` is there, and is not used: it belongs to another user", escape::path(&path));
            return Err(Report::message(Kind::Refused, message).hint("take it over with `chown`"));
        }
        let (name, key) = (name(args, repo, session.context)?, OwnKey::of(session)?);
        let text = template(&name, key.recipient());
        let config = Config::parse(&text, &path).map_err(|error| {
            Report::message(Kind::Usage, &error.problem).hint("say what to call you with --name")
        })?;
        Ok((Self { name, key, text }, config))
    }
}

impl OwnKey {
    fn recipient(&self) -> &str {
        match self {
            Self::Known { recipient, .. } => recipient,
            Self::New { identity, .. } => &identity.recipient,
        }
    }

    /// The first identity that the user has, else a new one.
    fn of(session: &Session<'_>) -> Result<Self, Report> {
        if let Some((place, recipient)) = own_recipients(session.run()).into_iter().next() {
            return Ok(Self::Known { recipient, place });
        }
        let unread = unread_places(session.run());
        if !unread.is_empty() {
            return Err(Report::message(
                Kind::NoKey,
                format!(
                    "your identity cannot be read without asking you or starting a program: {}",
                    unread.join(", ")
                ),
            )
            .hint("name its file in SEALEAF_IDENTITY_FILE, or make a new identity with `sealeaf keygen`"));
        }
        Ok(Self::New { identity: keygen::fresh(false)?, path: keygen::own_path(session.context)? })
    }
}

/// `--name`, else what git calls the user, else the user's account, as one word.
fn name(args: &Args, repo: &Repo, context: &Context) -> Result<String, Report> {
    if let Some(name) = &args.name {
        return Ok(name.clone());
    }
    let said = repo.config_get("user.name")?;
    let account = ["USER", "LOGNAME"].into_iter().find_map(|name| context.environment.text(name));
    let names = [said.as_deref(), account];
    let found = names.into_iter().flatten().map(one_word).find(|name| !name.is_empty());
    Ok(found.unwrap_or_else(|| "me".to_owned()))
}

/// `Alice Example` as `alice-example`.
fn one_word(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_one_word() {
        for (text, expect) in [
            ("Alice Example", "alice-example"),
            (" J. R. O'Neil ", "j-r-o-neil"),
            ("Zoë", "zoë"),
            ("...", ""),
        ] {
            assert_eq!(one_word(text), expect);
        }
    }
}
