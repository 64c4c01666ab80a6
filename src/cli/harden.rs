//! What the process does to itself before it touches a secret.

#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Turns core dumps off and, on Linux, keeps other processes of the same user from reading this one's memory.
///
/// Best effort: a system that refuses has its own policy, and nothing that follows depends on it.
pub(crate) fn apply() {
    // The hard limit stays, so that a program run by `exec` may raise its own again.
    let limit = Rlimit { current: Some(0), maximum: getrlimit(Resource::Core).maximum };
    let _ = setrlimit(Resource::Core, limit);
    #[cfg(target_os = "linux")]
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
