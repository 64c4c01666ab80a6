//! The one place that waits for futures. Local backends are ready at once and never pay for more.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use super::Pending;

/// Runs a future to its end on this thread, which sleeps in between.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let alarm = Arc::new(Alarm { thread: thread::current(), rung: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&alarm));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        while !alarm.rung.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

/// Runs all futures at once and gives their outputs in the same order. Each wake polls all that are left: there are
/// as many as a file has recipients.
pub(super) async fn join_all<T>(futures: Vec<Pending<'_, T>>) -> Vec<T> {
    let mut slots: Vec<(Option<Pending<'_, T>>, Option<T>)> =
        futures.into_iter().map(|future| (Some(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut left = false;
        for (future, output) in &mut slots {
            let Some(pending) = future else { continue };
            match pending.as_mut().poll(context) {
                Poll::Ready(ready) => (*future, *output) = (None, Some(ready)),
                Poll::Pending => left = true,
            }
        }
        if left { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    slots.into_iter().filter_map(|(_, output)| output).collect()
}

/// Wakes a parked thread. The flag stays up where something else has used up the thread's wake-up meanwhile.
struct Alarm {
    thread: Thread,
    rung: AtomicBool,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::future::{poll_fn, ready};
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    #[test]
    fn sleeps_until_another_thread_wakes_it() {
        let done = Arc::new(AtomicBool::new(false));
        let mut started = false;
        let output = block_on(poll_fn(|context| {
            if !started {
                started = true;
                let (done, waker) = (Arc::clone(&done), context.waker().clone());
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(20));
                    done.store(true, Ordering::SeqCst);
                    waker.wake();
                });
            }
            if done.load(Ordering::SeqCst) { Poll::Ready(7) } else { Poll::Pending }
        }));
        assert_eq!(output, 7);
    }

    #[test]
    fn a_stolen_wake_up_is_not_lost() {
        let mut polled = false;
        block_on(poll_fn(|context| {
            if polled {
                return Poll::Ready(());
            }
            polled = true;
            context.waker().wake_by_ref();
            thread::park(); // takes the wake-up that was meant for `block_on`
            Poll::Pending
        }));
    }

    #[test]
    fn joined_futures_all_start_before_one_ends_and_keep_their_order() {
        let started = Mutex::new(0);
        let futures: Vec<Pending<'_, usize>> = (0..5_usize)
            .map(|index| {
                let mut counted = false;
                let started = &started;
                let future = poll_fn(move |context| {
                    let mut started = started.lock().unwrap();
                    if !counted {
                        counted = true;
                        *started += 1;
                    }
                    context.waker().wake_by_ref();
                    if *started == 5 { Poll::Ready(index) } else { Poll::Pending }
                });
                Box::pin(future) as Pending<'_, usize>
            })
            .collect();
        assert_eq!(block_on(join_all(futures)), [0, 1, 2, 3, 4]);
        assert_eq!(block_on(join_all(vec![Box::pin(ready(1)) as Pending<'_, i32>])), [1]);
        assert_eq!(block_on(join_all(Vec::<Pending<'_, ()>>::new())), []);
    }
}
