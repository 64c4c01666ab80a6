//! Which program a plugin is: what the user's own settings say, and nothing else.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::keys::Run;
use crate::keys::programs::{is_inside, own_group, repository};

/// A program that may be started.
#[derive(Debug)]
pub(super) struct Program {
    name: String,
    path: PathBuf,
    /// How long it may take, the time in which the user is asked not counted.
    pub(super) time: Duration,
}

impl Program {
    /// The program of the plugin `name`.
    ///
    /// # Errors
    /// Why it is not started, and what to do about it.
    pub(super) fn allowed(name: &str, run: &Run<'_>) -> Result<Self, String> {
        if run.unattended {
            return Err(format!("the plugin `{name}` is not started where nobody waits for it"));
        }
        let Some(path) = run.settings.age.plugins.get(name) else {
            return Err(format!(
                "no program is allowed for the plugin `{name}`, and none was started; \
                 if you trust it, name its whole path in your own `config.toml`: [age.plugins] {name} = \"/…\""
            ));
        };
        let refused = |why: &str| {
            let path = path.display();
            format!("the plugin `{name}` was not started: `{path}` in your `config.toml` {why}")
        };
        if !path.is_absolute() {
            return Err(refused("must be a whole path"));
        }
        let working = std::env::current_dir().ok();
        if is_inside(path, working.as_deref().and_then(repository).as_deref()) {
            return Err(refused("lies inside the repository"));
        }
        let real = std::fs::canonicalize(path).map_err(|_| refused("is not there"))?;
        let metadata = std::fs::metadata(&real).map_err(|_| refused("cannot be looked at"))?;
        if !metadata.is_file() {
            return Err(refused("is no file"));
        }
        if let Some(why) = strangers(&real, &metadata) {
            return Err(refused(&why));
        }
        Ok(Self { name: name.to_owned(), path: real, time: time_limit(run)? })
    }

    /// The plugin's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The program in its surroundings.
    pub(super) fn command(&self, machine: &str, run: &Run<'_>) -> Command {
        let mut command = Command::new(&self.path);
        command.arg(format!("--age-plugin={machine}"));
        command.env_clear().envs(run.environment.for_children());
        // No file of the repository can be meant by a relative path.
        command.current_dir(self.path.parent().unwrap_or(Path::new("/")));
        own_group(&mut command);
        command
    }

    /// A failure as errors name it.
    pub(super) fn says(&self, why: &str) -> String {
        format!("the plugin `{}`: {why}", self.path.display())
    }
}

fn time_limit(run: &Run<'_>) -> Result<Duration, String> {
    let Some(text) = run.environment.os(TIMEOUT) else {
        return Ok(if run.prompt.may_programs_ask() { PATIENCE } else { TIME });
    };
    let seconds = text.to_str().and_then(|text| text.parse().ok());
    match seconds.filter(|seconds| (1..=LONGEST_TIME).contains(seconds)) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => Err(format!("{TIMEOUT} must be a number of seconds from 1 to {LONGEST_TIME}")),
    }
}

/// Who else could have put the program there.
#[cfg(unix)]
fn strangers(path: &Path, metadata: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    let is_strange = |metadata: &Metadata| metadata.uid() != user && metadata.uid() != 0;
    if is_strange(metadata) {
        return Some(format!("belongs to user {}", metadata.uid()));
    }
    if metadata.mode() & 0o022 != 0 {
        return Some("can be changed by others: `chmod go-w` it, once you know what it is".to_owned());
    }
    path.ancestors().skip(1).find_map(|folder| {
        let metadata = std::fs::metadata(folder).ok()?;
        let is_open = metadata.mode() & 0o002 != 0 && metadata.mode() & 0o1000 == 0;
        let is_strange = is_open || is_strange(&metadata);
        is_strange.then(|| format!("can be replaced by others, in the folder `{}`", folder.display()))
    })
}

#[cfg(not(unix))]
fn strangers(_path: &Path, _metadata: &Metadata) -> Option<String> {
    None
}

const TIMEOUT: &str = "SEALEAF_AGE_PLUGIN_TIMEOUT";

/// The time limit where nobody is asked, and where somebody may have to touch a token.
const TIME: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(300);
const LONGEST_TIME: u64 = 86_400;
