//! Work on several files of which all are written, or none.

use std::path::Path;

use sealeaf::secret::SecretText;

use super::context::Context;
use super::input::Input;
use super::output::{Batch, Original};
use super::parallel;
use super::progress::Progress;
use super::report::Report;

/// A file's next version, not yet written.
#[derive(Debug)]
pub(crate) struct Version {
    /// The file as it was read.
    pub(crate) input: Input,
    /// What it is to hold.
    pub(crate) text: SecretText,
}

/// Does `work` on every item, on all cores. Gives what succeeded in the items' order, and every failure.
pub(crate) fn each<T: Sync, R: Send>(
    items: &[T],
    name: impl Fn(&T) -> &Path + Sync,
    context: &Context,
    work: impl Fn(&T) -> Result<R, Report> + Sync,
) -> (Vec<R>, Vec<Report>) {
    let progress = Progress::new(items.len(), context);
    let results = parallel::map(items, |item| {
        let done = work(item);
        progress.step(&name(item).to_string_lossy());
        done
    });
    let (mut done, mut failed) = (Vec::with_capacity(results.len()), Vec::new());
    for result in results {
        match result {
            Ok(result) => done.push(result),
            Err(report) => failed.push(report),
        }
    }
    (done, failed)
}

/// Says what went wrong: of the first failure everything, when it ends the program; of the others one line each.
///
/// # Errors
/// The first failure, where there is one.
pub(crate) fn fail(failed: Vec<Report>, context: &Context) -> Result<(), Report> {
    let mut failed = failed.into_iter();
    let Some(first) = failed.next() else { return Ok(()) };
    failed.for_each(|report| {
        let shown = report.render(context.colour);
        context.say(shown.split_inclusive('\n').next().unwrap_or_default());
    });
    Err(first)
}

/// The same, where nothing is written unless everything succeeds.
///
/// # Errors
/// The first failure, where there is one.
pub(crate) fn all<R>((done, failed): (Vec<R>, Vec<Report>), context: &Context) -> Result<Vec<R>, Report> {
    let lost = !done.is_empty();
    match fail(failed, context) {
        Ok(()) => Ok(done),
        Err(report) if lost => Err(report.hint("no file was written: all are, or none")),
        Err(report) => Err(report),
    }
}

/// Writes every version, and `also`, or nothing. Gives how many files were written.
///
/// # Errors
/// As [`Batch`].
pub(crate) fn write<'a>(
    versions: impl IntoIterator<Item = &'a Version>,
    also: Option<(&'a Original, &'a str)>,
    context: &Context,
) -> Result<usize, Report> {
    let mut batch = Batch::new(context);
    for version in versions {
        batch.add(version.input.original()?, version.text.as_bytes())?;
    }
    if let Some((original, text)) = also {
        batch.add(original, text.as_bytes())?;
    }
    batch.commit()
}
