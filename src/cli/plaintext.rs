//! Where plaintext may be written.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sealeaf::git::{Repo, Tracking};

use super::announced::Announced;
use super::context::Context;
use super::report::{Kind, Report};

/// What git does with the places where plaintext is to go, asked for all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Outlook(HashMap<PathBuf, Tracking>);

impl Outlook {
    /// Asks about several files. What git does not answer for is asked again when it is written.
    pub(crate) fn of<'p>(paths: impl IntoIterator<Item = &'p Path> + Clone, context: &Context) -> Self {
        let mut known = HashMap::new();
        for (repo, relative) in Announced::new(paths.clone(), context).by_repository(paths) {
            let asked: Vec<&str> = relative.iter().map(String::as_str).collect();
            let Ok(told) = repo.trackings(&asked) else { continue };
            known.extend(asked.iter().map(|path| repo.root().join(path)).zip(told));
        }
        Self(known)
    }

    /// Refuses a path that git tracks or would track. `in_place`: the file is replaced by its own plaintext, which is
    /// what the user asked for, and is refused no less.
    pub(crate) fn refuse_tracked(
        &self,
        path: &Path,
        in_place: bool,
        context: &Context,
    ) -> Result<(), Report> {
        let tracking = match self.0.get(path) {
            Some(tracking) => *tracking,
            None => match Repo::discover(path, &context.environment) {
                Some(repo) => repo.tracking(&repo.relative(path)?)?,
                None => return Ok(()),
            },
        };
        let what = match tracking {
            Tracking::Ignored => return Ok(()),
            Tracking::Tracked => "is tracked by git",
            Tracking::Untracked => "would be added by `git add`",
        };
        let report =
            Report::message(Kind::Refused, format!("plaintext is not written there: the file {what}"));
        Err(if in_place {
            report.hint("change it with `sealeaf edit` or `sealeaf set`, or say --allow-tracked and seal it again before you commit")
        } else {
            report.hint("write it outside of the repository or to an ignored path, or say --allow-tracked")
        })
    }
}
