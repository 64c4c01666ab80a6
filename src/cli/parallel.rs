//! The same work over many items, on all cores.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread::{available_parallelism, scope};

use super::context::Context;
use super::voice::{Said, kept};

/// Does `work` on every item. The results come in the items' order, and so does what is said.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], context: &Context, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    map_on(available_parallelism().map_or(1, NonZero::get), items, context, work)
}

/// The same where the work may have to wait for key services: as many at once as they are asked at once.
pub(crate) fn map_waiting<T: Sync, R: Send>(
    items: &[T],
    context: &Context,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let cores = available_parallelism().map_or(1, NonZero::get);
    map_on(cores.max(context.settings.network.concurrency.min(MOST_WAITING)), items, context, work)
}

/// The same on so many threads, with items that are given away.
pub(crate) fn map_on<I: IntoIterator, R: Send>(
    workers: usize,
    items: I,
    context: &Context,
    work: impl Fn(I::Item) -> R + Sync,
) -> Vec<R>
where
    I::Item: Send,
    I::IntoIter: ExactSizeIterator + Send,
{
    let items = items.into_iter();
    let workers = workers.min(items.len());
    if workers <= 1 {
        return items.map(work).collect();
    }
    let queue = Mutex::new(items.enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let mut results: Vec<(usize, (R, Vec<Said>))> = scope(|scope| {
        let worker =
            || std::iter::from_fn(next).map(|(index, item)| (index, kept(|| work(item)))).collect::<Vec<_>>();
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        handles
            .into_iter()
            .flat_map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    let said_now = |(_, (result, said)): (usize, (R, Vec<Said>))| {
        said.into_iter().for_each(|said| context.say_again(said));
        result
    };
    results.into_iter().map(said_now).collect()
}

/// How many threads wait at most, whatever the settings say.
const MOST_WAITING: usize = 64;

#[cfg(test)]
mod tests {
    use sealeaf::keys::Environment;

    use super::*;

    #[test]
    fn results_and_words_keep_the_order() {
        let context = Context::for_test(".".as_ref(), Environment::default());
        for count in [0, 1, 2, 1000] {
            let items: Vec<usize> = (0..count).collect();
            let double = |item: &usize| {
                context.say(&format!("{item};"));
                item * 2
            };
            let (doubled, said) = kept(|| map_on(8, &items, &context, double));
            assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
            let said: String = said.iter().map(|said| format!("{said:?}")).collect();
            let expect: String = items.iter().map(|item| format!("Text(\"{item};\")")).collect();
            assert_eq!(said, expect);
        }
    }
}
