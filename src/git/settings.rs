//! Git's configuration.

use super::{GitError, Repo};

impl Repo {
    /// A setting as git sees it, from every configuration file that counts here.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn config_get(&self, key: &str) -> Result<Option<String>, GitError> {
        self.config_value(&["--get", key])
    }

    /// A setting of the repository's own configuration file.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn config_get_local(&self, key: &str) -> Result<Option<String>, GitError> {
        self.config_value(&["--local", "--get", key])
    }

    /// Writes a setting into the repository's own configuration file, where it replaces all of that name.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn config_set(&self, key: &str, value: &str) -> Result<(), GitError> {
        self.config_write(&["--local", "--replace-all", key, value])
    }

    /// Takes a setting out of the repository's own configuration file, if it is there.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn config_unset(&self, key: &str) -> Result<(), GitError> {
        if self.config_get_local(key)?.is_some() {
            self.config_write(&["--local", "--unset-all", key])?;
        }
        Ok(())
    }

    /// Whether a setting is there and is not clearly false.
    pub(super) fn config_may_be_true(&self, key: &str) -> Result<bool, GitError> {
        let off =
            |value: &str| matches!(value.to_ascii_lowercase().as_str(), "false" | "no" | "off" | "0" | "");
        // A key without `=` is true for git, and its value is printed as empty: ask for the type then.
        match self.config_get(key)? {
            None => Ok(false),
            Some(value) if value.is_empty() => {
                Ok(self.config_value(&["--type=bool", "--get", key])?.as_deref() != Some("false"))
            }
            Some(value) => Ok(!off(&value)),
        }
    }

    fn config_value(&self, arguments: &[&str]) -> Result<Option<String>, GitError> {
        let answer = self.finish("config", self.git_config()?.arg("--null").args(arguments))?;
        if answer.code != 0 {
            return Ok(None);
        }
        let value = answer.stdout.strip_suffix(b"\0").unwrap_or(&answer.stdout);
        String::from_utf8(value.to_vec()).map(Some).map_err(|_| GitError::Answer("config"))
    }

    fn config_write(&self, arguments: &[&str]) -> Result<(), GitError> {
        let answer = self.finish("config", self.git_config()?.args(arguments))?;
        if answer.code == 0 { Ok(()) } else { Err(self.failure("config", b"the setting was refused")) }
    }
}
