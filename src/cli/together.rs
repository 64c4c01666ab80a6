//! Work on several files: of which all are written, or none; or each for itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use sealeaf::secret::{SecretBytes, SecretText};

use super::context::Context;
use super::input::Input;
use super::output::{Batch, Content, Order, Original, Target, carry_out};
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

/// A file's new content, not yet written.
#[derive(Debug)]
pub(crate) struct Made {
    /// The file as it was read.
    pub(crate) input: Input,
    /// Where the content goes; `None` where it replaces the file.
    pub(crate) target: Option<Target>,
    /// The content.
    pub(crate) text: SecretText,
    /// The content where it is no text.
    pub(crate) carried: Option<SecretBytes>,
    /// What is said when it is written.
    pub(crate) note: Option<String>,
}

/// Writes what could be made, and says of each failure but the first, which is given back, what it is: one file that fails
/// stops no other. Notes and failures come in the files' order.
///
/// # Errors
/// The first failure.
pub(crate) fn write_each(
    made: Vec<Result<Made, Report>>,
    content: Content<'_>,
    context: &Context,
) -> Result<ExitCode, Report> {
    let mut failed: BTreeMap<usize, Report> = BTreeMap::new();
    let (mut orders, mut ready) = (Vec::with_capacity(made.len()), Vec::with_capacity(made.len()));
    for (index, made) in made.iter().enumerate() {
        let Ok(made) = made else { continue };
        match made.order(content) {
            Ok(order) => {
                orders.push(order);
                ready.push((index, made));
            }
            Err(report) => drop(failed.insert(index, report)),
        }
    }
    for ((index, made), written) in ready.into_iter().zip(carry_out(&orders, context)) {
        match (written, &made.note) {
            (Ok(_), Some(note)) => context.note(note),
            (Ok(_), None) => {}
            (Err(report), _) => drop(failed.insert(index, report.at(made.input.source.shown()))),
        }
    }
    drop(orders);
    failed.extend(made.into_iter().enumerate().filter_map(|(index, made)| Some((index, made.err()?))));
    let mut failed = failed.into_values();
    let Some(first) = failed.next() else { return Ok(ExitCode::SUCCESS) };
    failed.for_each(|report| context.say(&report.render(context.colour)));
    Err(first)
}

impl Made {
    fn order<'a>(&'a self, content: Content<'a>) -> Result<Order<'a>, Report> {
        let bytes = self.carried.as_ref().map_or(self.text.as_bytes(), SecretBytes::expose);
        match &self.target {
            Some(target) => Ok(Order::write(target, bytes, content)),
            None => Ok(Order::replace(self.input.original()?, bytes, content)),
        }
    }
}

/// Does `work` on every item, on all cores. Gives what succeeded in the items' order, and every failure.
pub(crate) fn each<T: Sync, R: Send>(
    items: &[T],
    name: impl Fn(&T) -> &Path + Sync,
    context: &Context,
    work: impl Fn(&T) -> Result<R, Report> + Sync,
) -> (Vec<R>, Vec<Report>) {
    let results = results(items, name, context, work);
    let (mut done, mut failed) = (Vec::with_capacity(results.len()), Vec::new());
    for result in results {
        match result {
            Ok(result) => done.push(result),
            Err(report) => failed.push(report),
        }
    }
    (done, failed)
}

/// The same, unsorted.
pub(crate) fn results<T: Sync, R: Send>(
    items: &[T],
    name: impl Fn(&T) -> &Path + Sync,
    context: &Context,
    work: impl Fn(&T) -> Result<R, Report> + Sync,
) -> Vec<Result<R, Report>> {
    let progress = Progress::new(items.len(), context);
    parallel::map_waiting(items, context, |item| {
        let done = work(item);
        progress.step(&name(item).to_string_lossy());
        done
    })
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
