//! The identity that the user has logged in with at the Azure CLI.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use azure_core::credentials::AccessToken;
use azure_core::time::OffsetDateTime;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::chain::{Found, Refused, Source};
use crate::keys::{Cause, Environment, Failure};

/// The user's `az`.
pub(super) struct Program {
    path: PathBuf,
    variables: Vec<(OsString, OsString)>,
}

impl Program {
    pub(super) async fn token(&self, scope: &str) -> Result<AccessToken, Refused> {
        let call = format!("{} account get-access-token", self.path.display());
        let broken = |why: &str| {
            let failure = Failure::new(Cause::NoCredentials, call.as_str());
            Refused::Failed(failure.answered(why).hinted("`az account get-access-token` must work by itself"))
        };
        let (success, output, messages) =
            self.run(scope).await.map_err(|error| broken(&format!("it does not run ({})", error.kind())))?;
        if success {
            return read(&output).ok_or_else(|| broken("it prints no token; 2.54.0 or newer does"));
        }
        let messages = String::from_utf8_lossy(&messages);
        let line = messages.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it failed");
        let line: String = line.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect();
        if line.contains("AADSTS") {
            let failure = Failure::new(Cause::Expired, call.as_str()).answered(&line);
            return Err(Refused::Failed(failure.hinted("`az login`")));
        }
        Err(Refused::Passed(line))
    }

    /// Whether it succeeded, and what it printed, the messages last.
    async fn run(&self, scope: &str) -> std::io::Result<(bool, Vec<u8>, Vec<u8>)> {
        let mut child = Command::new(&self.path)
            .args(["account", "get-access-token", "--output", "json", "--scope", scope])
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = whole(child.stdout.take()).await?;
        let messages = whole(child.stderr.take()).await?;
        Ok((child.wait().await?.success(), output, messages))
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Looks for `az` on `PATH`.
pub(super) fn find(environment: &Environment) -> Found {
    let working = std::env::current_dir().ok();
    let root = working.as_deref().and_then(|folder| folder.ancestors().find(|at| at.join(".git").exists()));
    let folders = environment.os("PATH").map(|folders| std::env::split_paths(folders).collect());
    let folders: Vec<PathBuf> = folders.unwrap_or_default();
    // A program of the repository, or one that depends on where we stand, is nobody's choice.
    let is_fine = |folder: &&PathBuf| folder.is_absolute() && !is_inside(folder, root);
    let paths = folders.iter().filter(is_fine).map(|folder| folder.join("az"));
    let Some(path) = paths.into_iter().find(|path| path.is_file() && !is_inside(path, root)) else {
        return Found::Missing("`az` is not on PATH".to_owned());
    };
    let absolute = std::env::join_paths(folders.iter().filter(is_fine)).unwrap_or_default();
    let told = environment.for_children().filter(|(name, _)| *name != "PATH");
    let variables = told.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let variables = variables.chain([("PATH".into(), absolute)]).collect();
    let outcome = format!("{} is there", path.display());
    Found::Ready(Source::Cli(Program { path, variables }), outcome)
}

fn is_inside(path: &Path, root: Option<&Path>) -> bool {
    let Some(root) = root else { return false };
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    path.starts_with(root) || real(path).starts_with(real(root))
}

async fn whole(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(LIMIT).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

#[derive(Deserialize)]
struct Token {
    #[serde(rename = "accessToken")]
    access_token: String,
    /// Seconds since 1970.
    expires_on: i64,
}

fn read(output: &[u8]) -> Option<AccessToken> {
    let token: Token = serde_json::from_slice(output).ok()?;
    Some(AccessToken::new(token.access_token, OffsetDateTime::from_unix_timestamp(token.expires_on).ok()?))
}

/// Most bytes that it may print.
const LIMIT: u64 = 64 << 10;

/// So much of its message is shown.
const SHOWN: usize = 200;
