//! How far a long piece of work is: on standard error, on a terminal, and only after a second.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::context::{Context, Verbosity};
use super::escape;

/// Counts steps; shows a bar where the work takes long enough for someone to wonder.
pub(crate) struct Progress {
    total: usize,
    begun: Instant,
    wanted: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    done: usize,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// The beginning of work over `total` items.
    pub(crate) fn new(total: usize, context: &Context) -> Self {
        let wanted = context.terminal.stderr && context.verbosity > Verbosity::Quiet;
        Self { total, begun: Instant::now(), wanted, state: Mutex::default() }
    }

    /// One more item is done, `what`. May be called from any thread.
    pub(crate) fn step(&self, what: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += 1;
        if !self.wanted || self.begun.elapsed() < PATIENCE {
            return;
        }
        let done = u64::try_from(state.done).unwrap_or(u64::MAX);
        let bar = state.bar.get_or_insert_with(|| self.bar());
        bar.set_message(escape::line(what));
        bar.set_position(done);
    }

    fn bar(&self) -> ProgressBar {
        let bar = ProgressBar::new(u64::try_from(self.total).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        bar
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = &state.bar {
            bar.finish_and_clear();
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("total", &self.total).finish_non_exhaustive()
    }
}

const PATIENCE: Duration = Duration::from_secs(1);
