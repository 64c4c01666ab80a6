//! Where plaintext may be written.

use std::path::Path;

use sealeaf::git::{Repo, Tracking};

use super::context::Context;
use super::report::{Kind, Report};

/// Refuses a path that git tracks or would track. `in_place`: the file is replaced by its own plaintext, which is what
/// the user asked for, and is refused no less.
pub(crate) fn refuse_tracked(path: &Path, in_place: bool, context: &Context) -> Result<(), Report> {
    let Some(repo) = Repo::discover(path, &context.environment) else { return Ok(()) };
    let relative = repo.relative(path)?;
    let what = match repo.tracking(&relative)? {
        Tracking::Ignored => return Ok(()),
        Tracking::Tracked => "is tracked by git",
        Tracking::Untracked => "would be added by `git add`",
    };
    let report = Report::message(Kind::Refused, format!("plaintext is not written there: the file {what}"));
    Err(if in_place {
        report.hint("change it with `sealeaf edit` or `sealeaf set`, or say --allow-tracked and seal it again before you commit")
    } else {
        report.hint("write it outside of the repository or to an ignored path, or say --allow-tracked")
    })
}
