//! What threads say while they work side by side: kept, and said in the order of the work.

use std::cell::RefCell;

/// Something to be said.
#[derive(Debug)]
pub(crate) enum Said {
    /// A text that is escaped already, with its line break.
    Text(String),
    /// A warning, to be said once in this command.
    Once(String),
}

/// Does `work`, and keeps what this thread would say meanwhile.
pub(crate) fn kept<R>(work: impl FnOnce() -> R) -> (R, Vec<Said>) {
    let outer = KEPT.with(|kept| kept.replace(Some(Vec::new())));
    let result = work();
    let said = KEPT.with(|kept| kept.replace(outer));
    (result, said.unwrap_or_default())
}

/// Keeps something for later. Gives it back where it is to be said now.
pub(crate) fn keep(said: Said) -> Option<Said> {
    KEPT.with(|kept| match kept.borrow_mut().as_mut() {
        Some(kept) => {
            kept.push(said);
            None
        }
        None => Some(said),
    })
}

thread_local! {
    static KEPT: RefCell<Option<Vec<Said>>> = const { RefCell::new(None) };
}
