//! The same work over many items, on all cores.

use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread::{available_parallelism, scope};

use super::context::Context;
use super::report::Report;

/// Does `work` on every item. The results come in the items' order.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let workers = available_parallelism().map_or(1, NonZero::get).min(items.len());
    if workers <= 1 {
        return items.iter().map(work).collect();
    }
    let queue = Mutex::new(items.iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let mut results: Vec<(usize, R)> = scope(|scope| {
        let worker = || std::iter::from_fn(next).map(|(index, item)| (index, work(item))).collect::<Vec<_>>();
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        handles
            .into_iter()
            .flat_map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Does `work` on every item, and says of each failure but the first, which is given back, what it is: one file that
/// fails stops no other.
pub(crate) fn report_each<T: Sync>(
    items: &[T],
    context: &Context,
    work: impl Fn(&T) -> Result<(), Report> + Sync,
) -> Result<ExitCode, Report> {
    let mut failed = map(items, work).into_iter().filter_map(Result::err);
    let Some(first) = failed.next() else { return Ok(ExitCode::SUCCESS) };
    failed.for_each(|report| context.say(&report.render(context.colour)));
    Err(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order() {
        for count in [0, 1, 2, 1000] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(map(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
