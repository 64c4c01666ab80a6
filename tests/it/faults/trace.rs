//! Which system calls a run makes, and runs in which one of them fails: by strace.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::PathBuf;

use crate::support::{Output, Run, Sandbox};

/// What happens at a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// It fails with that error and does nothing.
    Error(&'static str),
    /// The process is killed.
    Kill,
}

/// One fault: in each thread, at the `nth` call of that name.
#[derive(Clone, Debug)]
pub(super) struct Injection {
    pub(super) call: String,
    pub(super) nth: usize,
    pub(super) fault: Fault,
}

impl Injection {
    pub(super) fn new(call: &str, nth: usize, fault: Fault) -> Self {
        Self { call: call.to_owned(), nth, fault }
    }
}

/// How often each system call is made by the thread that makes it most. Programs that the run starts do not count.
pub(super) fn record(sandbox: &Sandbox, run: Run<'_>) -> BTreeMap<String, usize> {
    let log = log(sandbox);
    let output = run.under("strace", &["-f", "-b", "execve", "-o", log.to_str().unwrap(), "--"]).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    let text = fs::read_to_string(log).unwrap();
    let lines = || text.lines().filter_map(|line| line.split_once(char::is_whitespace));
    let first = lines().next().unwrap().0;
    let mut children: HashSet<&str> =
        lines().filter(|(_, call)| call.trim_start().starts_with("execve(")).map(|(id, _)| id).collect();
    children.remove(first);
    let mut threads: HashMap<(&str, &str), usize> = HashMap::new();
    for (id, call) in lines().filter(|(id, _)| !children.contains(id)) {
        let name = call.trim_start().split('(').next().unwrap_or_default();
        if !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        {
            *threads.entry((id, name)).or_default() += 1;
        }
    }
    let mut calls = BTreeMap::new();
    for ((_, name), count) in threads {
        let most: &mut usize = calls.entry(name.to_owned()).or_default();
        *most = count.max(*most);
    }
    // The first is strace's own start of the program.
    calls.remove("execve");
    calls
}

/// Runs with a fault. Gives what came of it, and whether the fault took place.
pub(super) fn inject(sandbox: &Sandbox, run: Run<'_>, injection: &Injection) -> (Output, bool) {
    let Injection { call, nth, fault } = injection;
    let what = match fault {
        Fault::Error(name) => format!("error={name}"),
        Fault::Kill => "signal=KILL".to_owned(),
    };
    let log = log(sandbox);
    let trace = format!("trace={call}");
    let inject = format!("inject={call}:{what}:when={nth}");
    let arguments = ["-f", "-b", "execve", "-o", log.to_str().unwrap(), "-e", &trace, "-e", &inject, "--"];
    let output = run.under("strace", &arguments).output();
    let text = fs::read_to_string(log).unwrap();
    let took_place = match fault {
        Fault::Error(_) => text.contains("(INJECTED)"),
        Fault::Kill => text.contains("killed by SIGKILL"),
    };
    (output, took_place)
}

/// Whether strace is here and may trace.
pub(super) fn available(sandbox: &Sandbox) -> bool {
    let traced = sandbox.command("strace").args(["-o", "/dev/null", "true"]).output();
    traced.is_ok_and(|output| output.status.success())
}

fn log(sandbox: &Sandbox) -> PathBuf {
    sandbox.root().join("strace.log")
}
