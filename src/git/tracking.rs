//! Whether git keeps a file, or would.

use super::command::LITERAL_PATHS;
use super::{GitError, Repo};

/// What git does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracking {
    /// It is in the index, or in conflict there.
    Tracked,
    /// It is not, and `git add` would put it there.
    Untracked,
    /// It is not, and an ignore rule keeps it out.
    Ignored,
}

impl Repo {
    /// What git does with a file, which need not exist.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn tracking(&self, path: &str) -> Result<Tracking, GitError> {
        let listed = self.ask("ls-files", ["-z", "--", path])?.stdout;
        if listed.split(|byte| *byte == 0).any(|name| name == path.as_bytes()) {
            return Ok(Tracking::Tracked);
        }
        // This command knows no literal paths; behind `./` nothing is magic, and it takes `*` for itself.
        let mut git = self.git("check-ignore")?;
        git.env_remove(LITERAL_PATHS).args(["--quiet", "--"]).arg(format!("./{path}"));
        let ignored = self.finish("check-ignore", &mut git)?.code == 0;
        Ok(if ignored { Tracking::Ignored } else { Tracking::Untracked })
    }
}
