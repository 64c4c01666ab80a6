//! The same work over many items, on all cores.

use std::num::NonZero;
use std::thread::{Builder, available_parallelism, scope};

/// Does `work` on every number below `count`, in order of the numbers. `state` makes what one worker keeps for itself.
pub(crate) fn map<S, R: Send>(
    count: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> R + Sync,
) -> Vec<R> {
    let run = |from: usize, to: usize| {
        let mut state = state();
        (from..to).map(|index| work(&mut state, index)).collect::<Vec<R>>()
    };
    if count < FEW {
        return run(0, count);
    }
    let workers = available_parallelism().map_or(1, NonZero::get).min(count / (FEW / 2));
    let share = count.div_ceil(workers.max(1));
    let run = &run;
    scope(|scope| {
        // Where the system gives no thread, the work is done here.
        let others: Vec<_> = (share..count)
            .step_by(share)
            .map(|from| {
                (from, Builder::new().spawn_scoped(scope, move || run(from, (from + share).min(count))))
            })
            .collect();
        let mut results = Vec::with_capacity(count);
        results.extend(run(0, share.min(count)));
        for (from, other) in others {
            results.extend(match other.map(|handle| handle.join()) {
                Ok(Ok(part)) => part,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                Err(_) => run(from, (from + share).min(count)),
            });
        }
        results
    })
}

/// Below that many items a thread costs more than it does.
const FEW: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order() {
        for count in [0, 1, 511, 512, 513, 10_007] {
            let squares = map(
                count,
                || 0,
                |calls, index| {
                    *calls += 1;
                    (index, *calls > 0)
                },
            );
            assert_eq!(squares, (0..count).map(|index| (index, true)).collect::<Vec<_>>());
        }
    }
}
