//! What must not stay behind when a signal ends the program: temporary files and folders, a terminal without echo, gpg.
//!
//! The first thing registered starts one thread that waits for SIGINT, SIGTERM and SIGHUP. On a signal it removes
//! everything registered and ends the process with the code of [`Kind::Interrupted`].

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use super::report::Kind;

/// Registers a temporary file.
pub(crate) fn file(path: PathBuf) -> Guard {
    register(Leftover::File(path))
}

/// Registers a temporary folder with all that is in it.
pub(crate) fn folder(path: PathBuf) -> Guard {
    register(Leftover::Folder(path))
}

/// Registers a program that leads a process group of its own, and so gets no Ctrl-C.
pub(crate) fn program(process: u32) -> Option<Guard> {
    let group = i32::try_from(process).ok().and_then(Pid::from_raw)?;
    Some(register(Leftover::Program(group)))
}

/// Turns the terminal's echo off until the guard is dropped, or a signal ends the program. What is typed before a prompt
/// has been shown is not echoed either.
pub(crate) fn terminal() -> Option<Guard> {
    let tty = File::open("/dev/tty").ok()?;
    let settings = tcgetattr(&tty).ok()?;
    let mut silent = settings.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    let again = tty.try_clone().ok()?;
    let guard = register(Leftover::Terminal(tty, Box::new(settings)));
    tcsetattr(&again, OptionalActions::Now, &silent).ok()?;
    Some(guard)
}

/// Runs `work` to its end even if a signal comes; the signal acts afterwards. Not to be nested.
pub(crate) fn uninterrupted<T>(work: impl FnOnce() -> T) -> T {
    start();
    let _held = lock(&UNINTERRUPTED);
    work()
}

/// Runs `wait` while `child` has the terminal: Ctrl-C is the child's business then and only remembered here (see
/// [`interrupted`]); SIGTERM and SIGHUP end the child first, then this process.
pub(crate) fn while_child<T>(child: &mut Child, wait: impl FnOnce(&mut Child) -> T) -> T {
    start();
    *lock(&CHILD) = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let result = wait(child);
    *lock(&CHILD) = None;
    result
}

/// Lets the first signal call `stop` instead of ending the process, until the guard is dropped; the second one, or a few
/// seconds without an end, ends it as usual. For what ends by itself when told to.
#[cfg(feature = "keyservice")]
pub(crate) fn instead(stop: impl Fn() + Send + 'static) -> Instead {
    start();
    *lock(&INSTEAD) = Some(Box::new(stop));
    Instead
}

/// A registration of [`instead`].
#[cfg(feature = "keyservice")]
#[derive(Debug)]
#[must_use]
pub(crate) struct Instead;

#[cfg(feature = "keyservice")]
impl Drop for Instead {
    fn drop(&mut self) {
        *lock(&INSTEAD) = None;
    }
}

/// Whether a signal to end came while a child had the terminal.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Cleans at once, as far as that is possible without waiting: for the end by a panic.
pub(crate) fn now() {
    if let Ok(registry) = REGISTRY.try_lock() {
        for leftover in registry.leftovers.values() {
            leftover.clean();
        }
    }
}

/// A registration; dropping it says that there is nothing left to clean, and gives the terminal back.
#[derive(Debug)]
#[must_use]
pub(crate) struct Guard(u64);

impl Drop for Guard {
    fn drop(&mut self) {
        let gone = lock(&REGISTRY).leftovers.remove(&self.0);
        if let Some(terminal @ Leftover::Terminal(..)) = gone {
            terminal.clean();
        }
    }
}

#[derive(Debug)]
enum Leftover {
    File(PathBuf),
    Folder(PathBuf),
    Terminal(File, Box<Termios>),
    Program(Pid),
}

#[derive(Debug)]
struct Registry {
    next: u64,
    leftovers: BTreeMap<u64, Leftover>,
}

fn register(leftover: Leftover) -> Guard {
    start();
    let mut registry = lock(&REGISTRY);
    let id = registry.next;
    registry.next += 1;
    registry.leftovers.insert(id, leftover);
    Guard(id)
}

fn start() {
    START.call_once(|| {
        // A write beyond a file size limit is an error to report, not a reason to die between two files.
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
        // Where signals cannot be caught, they do what they did before.
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                received(signal);
            }
        });
    });
}

fn received(signal: i32) {
    if let Some(child) = *lock(&CHILD) {
        // Before the child ends: who waits for it may be faster than this thread.
        INTERRUPTED.store(true, Ordering::SeqCst);
        if signal == SIGINT {
            return;
        }
        let _ = kill_process(child, Signal::TERM);
    }
    if let Some(stop) = lock(&INSTEAD).take() {
        stop();
        let _ = std::thread::Builder::new().name("patience".to_owned()).spawn(|| {
            std::thread::sleep(PATIENCE);
            end();
        });
        return;
    }
    end();
}

fn end() {
    let _held = lock(&UNINTERRUPTED);
    for leftover in lock(&REGISTRY).leftovers.values() {
        leftover.clean();
    }
    signal_hook::low_level::exit(i32::from(Kind::Interrupted.code()));
}

impl Leftover {
    fn clean(&self) {
        match self {
            Self::File(path) => {
                let _ = fs::remove_file(path);
            }
            Self::Folder(path) => {
                // An editor that still writes may win once.
                let _ = fs::remove_dir_all(path).or_else(|_| fs::remove_dir_all(path));
            }
            Self::Terminal(tty, settings) => {
                let _ = tcsetattr(tty, OptionalActions::Now, settings);
            }
            Self::Program(group) => {
                let _ = kill_process_group(*group, Signal::TERM);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

static START: Once = Once::new();
static REGISTRY: Mutex<Registry> = Mutex::new(Registry { next: 0, leftovers: BTreeMap::new() });
static UNINTERRUPTED: Mutex<()> = Mutex::new(());
static CHILD: Mutex<Option<Pid>> = Mutex::new(None);
static INSTEAD: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);
/// For what was told to end.
const PATIENCE: Duration = Duration::from_secs(6);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
