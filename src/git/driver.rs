//! The diff driver: lets `git diff` and `git log -p` show what changed inside a sealed file.

use super::{GitError, Repo};

/// A setting that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The setting.
    pub key: &'static str,
    /// Its value before, if it had one.
    pub before: Option<String>,
    /// Its value now.
    pub after: &'static str,
}

/// Writes the drivers into the repository's own configuration, and says what that changed: nothing where all was there.
///
/// # Errors
/// [`GitError::CachesPlaintext`] where git would store what the driver prints; nothing is written then, and
/// [`forbid_cache`] mends it.
pub fn install(repo: &Repo) -> Result<Vec<Change>, GitError> {
    if repo.config_may_be_true(CACHE)? {
        return Err(GitError::CachesPlaintext);
    }
    let mut changes = Vec::new();
    for (key, after) in SETTINGS {
        let before = repo.config_get_local(key)?;
        if before.as_deref() != Some(*after) {
            repo.config_set(key, after)?;
            changes.push(Change { key, before, after });
        }
    }
    Ok(changes)
}

/// Whether everything that [`install`] writes is there.
///
/// # Errors
/// [`GitError`].
pub fn is_installed(repo: &Repo) -> Result<bool, GitError> {
    for (key, value) in SETTINGS {
        if repo.config_get(key)?.as_deref() != Some(*value) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes out the setting that makes git store plaintext; one that comes from elsewhere is overruled.
///
/// # Errors
/// [`GitError::CachesPlaintext`] where that was not enough.
pub fn forbid_cache(repo: &Repo) -> Result<(), GitError> {
    repo.config_unset(CACHE)?;
    if repo.config_may_be_true(CACHE)? {
        repo.config_set(CACHE, "false")?;
    }
    if repo.config_may_be_true(CACHE)? { Err(GitError::CachesPlaintext) } else { Ok(()) }
}

/// Never written as true: git would keep the plaintext as a note, and push it with the notes.
const CACHE: &str = "diff.sealeaf.cachetextconv";

const SETTINGS: &[(&str, &str)] = &[("diff.sealeaf.textconv", "sealeaf git textconv")];
