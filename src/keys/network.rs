//! Calls to key services: one thread that talks, shared by everything in a run, with time limits, attempts, and a brake
//! that all calls to a service feel when it asks to slow down. Nothing is started before the first call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::failure::{Cause, Failure};
use super::{NetworkSettings, Run};
use crate::secret::fill_random;

/// The thread that talks to key services, and what its calls share.
pub(super) struct Network {
    handle: Handle,
    settings: NetworkSettings,
    lanes: Mutex<HashMap<&'static str, Arc<Lane>>>,
    /// Ends the thread when dropped.
    _alive: oneshot::Sender<()>,
}

/// What all calls to one kind of service share.
struct Lane {
    permits: Semaphore,
    /// No call starts before; put off by every "slow down".
    open_from: Mutex<Instant>,
}

impl Network {
    /// The one of this run; started now if it is the first call.
    pub(super) fn of(run: &Run<'_>) -> Result<Arc<Self>, Failure> {
        let started = run.shared("network", || Self::start(run.settings.network.clone()).map(Arc::new));
        (*started).clone().map_err(|reason| Failure::new(Cause::Unreachable, "").answered(&reason))
    }

    fn start(settings: NetworkSettings) -> Result<Self, String> {
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        let (alive, ended) = oneshot::channel::<()>();
        let handle = runtime.handle().clone();
        let work = move || {
            // An error is the end that is waited for: the other side was dropped.
            let _ = runtime.block_on(ended);
            runtime.shutdown_background();
        };
        thread::Builder::new().name("network".to_owned()).spawn(work).map_err(|error| error.to_string())?;
        Ok(Self { handle, settings, lanes: Mutex::default(), _alive: alive })
    }

    /// Runs a future on the thread; dropping what is returned ends it. `None` where it could not finish.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (sender, receiver) = oneshot::channel();
        let task = self.handle.spawn(async move {
            // Who does not wait any more does not want it.
            let _ = sender.send(future.await);
        });
        let _ended = EndOnDrop(task.abort_handle());
        receiver.await.ok()
    }

    /// Waits on the thread's clock.
    pub(super) async fn pause(&self, time: Duration) {
        // The clock is the thread's: a timer made here would have none.
        self.run(async move { sleep(time).await }).await;
    }

    /// Makes a call until it succeeds, fails for good, or time or attempts are used up. `attempt` is called anew for each
    /// one. Calls of one kind run with a limit on their number, and wait together where the service asks for it.
    pub(super) async fn call<T, F>(
        &self,
        kind: &'static str,
        attempt: impl Fn() -> F + Send + Sync + 'static,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let lane = self.lane(kind);
        let (attempts, limit) = (self.settings.attempts.max(1), self.settings.limit());
        let work = async move {
            let deadline = Instant::now() + limit;
            let mut last = Failure::new(Cause::TimedOut, "");
            for round in 0..attempts {
                let left = deadline.saturating_duration_since(Instant::now());
                // An attempt may not use up what the others need.
                let share = if round + 1 < attempts { (left / 2).max(SHORTEST).min(left) } else { left };
                if left.is_zero() {
                    break;
                }
                let made = timeout(left, lane.enter(share, &attempt)).await;
                let failure = match made {
                    Ok(Ok(done)) => return Ok(done),
                    Ok(Err(failure)) => failure,
                    Err(_) => return Err(late(last, limit)),
                };
                if !failure.cause.is_transient() {
                    return Err(failure);
                }
                // What a service asks for may be any number.
                let rest = failure.after.unwrap_or_default().min(limit).max(back_off(round));
                let is_throttled = failure.cause == Cause::Throttled;
                last = if failure.cause == Cause::TimedOut { late(failure, limit) } else { failure };
                if round + 1 == attempts || Instant::now() + rest >= deadline {
                    break;
                }
                if is_throttled {
                    lane.brake(rest);
                } else {
                    sleep(rest).await;
                }
            }
            Err(last)
        };
        let stopped = || Err(Failure::new(Cause::Unreachable, "").answered("the call was given up"));
        self.run(work).await.unwrap_or_else(stopped)
    }

    fn lane(&self, kind: &'static str) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let permits = Semaphore::new(self.settings.concurrency.clamp(1, Semaphore::MAX_PERMITS));
            Arc::new(Lane { permits, open_from: Mutex::new(Instant::now()) })
        };
        Arc::clone(lanes.entry(kind).or_insert_with(make))
    }
}

impl Lane {
    /// One attempt: when there is room and the brake is off, within `limit` from then on.
    async fn enter<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        limit: Duration,
        attempt: impl Fn() -> F,
    ) -> Result<T, Failure> {
        let _permit = self.permits.acquire().await.ok();
        loop {
            let from = *self.open_from.lock().unwrap_or_else(PoisonError::into_inner);
            if Instant::now() >= from {
                break;
            }
            sleep_until(from).await;
        }
        timeout(limit, attempt()).await.unwrap_or_else(|_| Err(Failure::new(Cause::TimedOut, "")))
    }

    fn brake(&self, rest: Duration) {
        let mut from = self.open_from.lock().unwrap_or_else(PoisonError::into_inner);
        *from = (*from).max(Instant::now() + rest);
    }
}

struct EndOnDrop(AbortHandle);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn late(last: Failure, limit: Duration) -> Failure {
    match last.cause {
        Cause::TimedOut if last.hint.is_none() => last.hinted(format!(
            "a longer limit than {} s: `timeout` under `[network]` in your config.toml",
            limit.as_secs()
        )),
        _ => last,
    }
}

/// Exponential, with full jitter (the "full jitter" of the AWS Architecture Blog, 2015): between 0 and 100 ms, 200 ms,
/// 400 ms, at most 5 s.
fn back_off(round: u32) -> Duration {
    let most = FIRST_REST.saturating_mul(1 << round.min(16)).min(LONGEST_REST);
    let mut noise = [0; 4];
    if fill_random(&mut noise).is_err() {
        return most;
    }
    let part = f64::from(u32::from_le_bytes(noise)) / f64::from(u32::MAX);
    most.mul_f64(part)
}

const FIRST_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(5);

/// What an attempt gets at least, as long as there is that much.
const SHORTEST: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::keys::runtime::block_on;

    fn network(attempts: u32, timeout: u64) -> Network {
        Network::start(NetworkSettings { attempts, timeout, concurrency: 2, ..Default::default() }).unwrap()
    }

    /// What comes of a call whose attempts end like `outcomes`, and how many were made.
    fn made(network: &Network, outcomes: &[Option<Cause>]) -> (Result<u32, Failure>, u32) {
        let count = Arc::new(AtomicU32::new(0));
        let (outcomes, counted) = (outcomes.to_vec(), Arc::clone(&count));
        let call = network.call("test", move || {
            let round = counted.fetch_add(1, Ordering::SeqCst);
            let outcome = outcomes.get(round as usize).copied().flatten();
            async move {
                match outcome {
                    None => Ok(round),
                    Some(cause) => Err(Failure::new(cause, "call")),
                }
            }
        });
        (block_on(call), count.load(Ordering::SeqCst))
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let network = network(4, 30);
        let (busy, gone) = (Some(Cause::Throttled), Some(Cause::Unreachable));
        assert_eq!(made(&network, &[busy, gone, None]).0.unwrap(), 2);
        let (failed, count) = made(&network, &[busy; 9]);
        assert_eq!((failed.unwrap_err().cause, count), (Cause::Throttled, 4));
    }

    #[test]
    fn what_does_not_pass_is_tried_once() {
        let (failed, count) = made(&network(4, 30), &[Some(Cause::Denied)]);
        assert_eq!((failed.unwrap_err().cause, count), (Cause::Denied, 1));
    }

    #[test]
    fn silence_ends_in_time_and_says_what_to_set() {
        let network = network(1, 1);
        let failure = block_on(network.call("test", std::future::pending::<Result<(), Failure>>));
        let failure = failure.unwrap_err();
        assert_eq!(failure.cause, Cause::TimedOut);
        assert!(failure.hint.unwrap().contains("`timeout` under `[network]`"));
    }

    /// A service may ask for any rest.
    #[test]
    fn a_rest_without_end_ends_the_call() {
        let network = network(3, 30);
        let call = || async {
            let after = Some(Duration::from_secs(u64::MAX));
            Err::<(), _>(Failure { after, ..Failure::new(Cause::Throttled, "call") })
        };
        assert_eq!(block_on(network.call("test", call)).unwrap_err().cause, Cause::Throttled);
    }

    #[test]
    fn dropping_a_call_ends_it() {
        let network = network(1, 60);
        let guard = Arc::new(());
        let held = Arc::clone(&guard);
        let call = network.call("test", move || {
            let held = Arc::clone(&held);
            async move {
                std::future::pending::<()>().await;
                drop(held);
                Ok(())
            }
        });
        let mut call = Box::pin(call);
        block_on(std::future::poll_fn(|context| {
            assert!(call.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        }));
        drop(call);
        while Arc::strong_count(&guard) > 1 {
            thread::yield_now();
        }
    }
}
