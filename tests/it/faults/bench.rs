//! A small repository, put back before each trial, and what must hold after it.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use super::trace::{Fault, Injection};
use crate::support::{Output, Project, Run};

/// What a verb does.
pub(super) struct Verb {
    pub(super) name: &'static str,
    pub(super) arguments: &'static [&'static str],
    pub(super) stdin: &'static str,
    /// The editor's script, for `edit`.
    pub(super) editor: Option<&'static str>,
    /// What the verb needs to be there before.
    pub(super) prepare: fn(&Project),
    /// The files that it writes, with what they open to afterwards.
    pub(super) writes: &'static [(&'static str, &'static str)],
    /// Whether it writes all files or none.
    pub(super) together: bool,
}

/// A repository in which one verb is tried again and again.
pub(super) struct Bench {
    pub(super) project: Project,
    pub(super) verb: &'static Verb,
    old: BTreeMap<String, Vec<u8>>,
    editor: Option<String>,
    is_root: bool,
}

/// How a file stands after a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Old,
    New,
}

impl Bench {
    pub(super) fn new(verb: &'static Verb) -> Self {
        let project = Project::new(&["alice", "bob", "carol"], RULES);
        (verb.prepare)(&project);
        project.commit("before");
        let read = |name: String| (name.clone(), fs::read(project.path(&name)).unwrap());
        let old = project.files().into_iter().map(read).collect();
        let editor = verb.editor.map(|script| project.editor(script));
        // Root can keep another's file another's.
        let is_root = fs::metadata(project.root()).unwrap().uid() == 0;
        let bench = Self { project, verb, old, editor, is_root };
        bench.restore();
        bench
    }

    /// Puts everything back as it was before.
    pub(super) fn restore(&self) {
        for name in self.project.files() {
            if self.old.get(&name).map(Vec::as_slice) != fs::read(self.project.path(&name)).ok().as_deref() {
                fs::remove_file(self.project.path(&name)).unwrap();
            }
        }
        for (name, bytes) in &self.old {
            self.put(name, bytes);
        }
        let temporary = [Some(self.project.root().join("tmp")), self.project.runtime().map(Path::to_owned)];
        for entry in temporary.into_iter().flatten().flat_map(|folder| fs::read_dir(folder).unwrap()) {
            fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own files need not be replaced atomically")]
    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.project.path(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(MODE)).unwrap();
        if let Some(owner) = self.owner(name) {
            chown(&path, Some(owner), Some(owner)).unwrap();
        }
    }

    /// Whose a file is, where it is not the test's own. A configuration of somebody else would not be used.
    fn owner(&self, name: &str) -> Option<u32> {
        (self.is_root && name.starts_with("s/")).then_some(OTHER)
    }

    /// What `unshare` needs to be told to allow mounting.
    pub(super) fn namespace(&self) -> &'static str {
        if self.is_root { "-m" } else { "-mr" }
    }

    /// The folder of the written files.
    pub(super) fn folder(&self) -> String {
        self.project.path("s").display().to_string()
    }

    pub(super) fn run(&self) -> Run<'_> {
        let run = self.project.run(self.verb.arguments).stdin(self.verb.stdin).env("RUST_BACKTRACE", "1");
        match &self.editor {
            Some(editor) => run.env("SEALEAF_EDITOR", editor),
            None => run,
        }
    }

    /// Checks what a trial left. Gives how each file stands.
    pub(super) fn check(
        &self,
        output: &Output,
        injection: &Injection,
        took_place: bool,
    ) -> Result<Vec<State>, String> {
        let killed = took_place && injection.fault == Fault::Kill;
        // What cannot be given away stays ours, what cannot be removed stays.
        let states = self.states(injection.call != "fchown")?;
        let cannot_remove = matches!(injection.call.as_str(), "rmdir" | "unlink" | "unlinkat");
        let all = |state| states.iter().all(|other| *other == state);
        if let Some(canary) = CANARIES.iter().find(|canary| output.stderr.contains(**canary)) {
            return Err(format!("{canary} on standard error"));
        }
        self.nothing_in_clear()?;
        if killed {
            self.none_is_left_half()?;
            self.next_run()?;
            return Ok(states);
        }
        let left = self.project.temporary_files();
        if !left.is_empty() && !cannot_remove {
            return Err(format!("temporary files: {left:?}"));
        }
        match output.code {
            0 if !all(State::New) => return Err("success, and not everything is new".to_owned()),
            9 => return Err("nobody else writes here".to_owned()),
            0 | 1 | 4 | 7 | 8 | 127 | 130 => {}
            code => return Err(format!("exit code {code}")),
        }
        if self.verb.together && !all(State::Old) && !all(State::New) {
            return Err("some are written, some are not".to_owned());
        }
        if output.code != 0
            && all(State::New)
            && !["is in place", " sealed, "].iter().any(|it| output.stderr.contains(it))
        {
            return Err("it failed, wrote all, and does not say so".to_owned());
        }
        Ok(states)
    }

    /// How each written file stands; all others must be as they were.
    fn states(&self, keeps_owner: bool) -> Result<Vec<State>, String> {
        let mut states = Vec::new();
        for (name, old) in &self.old {
            let path = self.project.path(name);
            let bytes = fs::read(&path).map_err(|error| format!("{name}: {error}"))?;
            let found = fs::metadata(&path).unwrap();
            let owner = self.owner(name).unwrap_or_else(|| found.uid());
            if keeps_owner && (found.mode() & 0o7777 != MODE || found.uid() != owner) {
                return Err(format!("{name}: mode {:o}, owner {}", found.mode(), found.uid()));
            }
            let expected = self.verb.writes.iter().find(|(written, _)| written == name);
            match expected {
                _ if bytes == *old && expected.is_none() => {}
                Some(_) if bytes == *old => states.push(State::Old),
                Some((_, text)) => {
                    self.opens(name, text)?;
                    states.push(State::New);
                }
                None => return Err(format!("{name} is another")),
            }
        }
        Ok(states)
    }

    fn opens(&self, name: &str, text: &str) -> Result<(), String> {
        if !text.contains("canary") {
            let text = self.project.read(name);
            return if text.contains("bob") { Err(format!("{name}: bob is in")) } else { Ok(()) };
        }
        let output = self.project.run(&["decrypt", "--require-sealed", "--", name]).output();
        if output.code == 0 && output.stdout == text {
            Ok(())
        } else {
            Err(format!("{name} is neither old nor new: {}{}", output.stdout, output.stderr))
        }
    }

    /// Plaintext is nowhere but where it was, and where a killed run's editor had it, in memory.
    fn nothing_in_clear(&self) -> Result<(), String> {
        for entry in walkdir::WalkDir::new(self.project.root()).into_iter().map(Result::unwrap) {
            let inside = |folder: &str| entry.path().starts_with(self.project.root().join(folder));
            if !entry.file_type().is_file()
                || inside("bin")
                || inside("repo/.git")
                || entry.file_name() == "strace.log"
            {
                continue;
            }
            let bytes = fs::read(entry.path()).unwrap();
            let known = self.old.values().any(|old| *old == bytes);
            let text = String::from_utf8_lossy(&bytes);
            if !known && CANARIES.iter().any(|canary| text.contains(canary)) {
                return Err(format!("plaintext in {}", entry.path().display()));
            }
        }
        Ok(())
    }

    /// After a kill, the next run finishes what was begun: of files that are written together, all or none.
    fn none_is_left_half(&self) -> Result<(), String> {
        if !self.verb.together {
            return Ok(());
        }
        let output = self.project.run(&["rekey", "--check", "--all"]).output();
        let states = self.states(true)?;
        if states.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(format!("half done: {states:?}, code {}: {}", output.code, output.stderr));
        }
        Ok(())
    }

    /// After a kill, the same command is run again: everything gets done. What is left goes with the next run that
    /// writes in its folder.
    fn next_run(&self) -> Result<(), String> {
        let output = self.run().output();
        let states = self.states(true)?;
        let done = output.code == 0 || output.stderr.contains("no recipient is called");
        if !done || states.iter().any(|state| *state != State::New) {
            return Err(format!("run again: {states:?}, code {}: {}", output.code, output.stderr));
        }
        if !self.project.temporary_files().is_empty() {
            self.project.run(&["set", "--quiet", "s/b.json", "later", "--value", "x"]).output();
            let key = self.project.key("carol");
            self.project.run(&["recipients", "add", "--no-rekey", "--all-rules", "later", key]).output();
        }
        match self.project.temporary_files() {
            left if left.is_empty() => Ok(()),
            left => Err(format!("run again, it leaves {left:?}")),
        }
    }
}

/// Seals the three files of `prepare`.
pub(super) fn sealed(project: &Project) {
    project.seal("s/a.yaml", YAML).seal("s/b.json", JSON).seal("s/c.toml", TOML);
}

/// Leaves them plain.
pub(super) fn plain(project: &Project) {
    project.write("s/a.yaml", YAML).write("s/b.json", JSON).write("s/c.toml", TOML);
}

/// Seals them, and changes their rule: Carol for Bob.
pub(super) fn outdated(project: &Project) {
    sealed(project);
    project.configure(&["alice", "bob", "carol"], &RULES.replace("bob", "carol"));
}

const RULES: &str = "[[rule]]\nfiles = [\"s/**\"]\nto = [\"alice\", \"bob\"]\n";
pub(super) const YAML: &str = "db:\n  password: canary-one # who\n  port: 5432198765\n";
pub(super) const JSON: &str = "{\n  \"token\": \"canary-two\",\n  \"more\": [1, 2]\n}\n";
pub(super) const TOML: &str = "key = \"canary-three\"\n\n[more]\non = true\n";
// Long enough never to stand in a token by chance.
const CANARIES: [&str; 2] = ["canary-", "5432198765"];
const MODE: u32 = 0o640;
/// Nobody.
const OTHER: u32 = 65534;
