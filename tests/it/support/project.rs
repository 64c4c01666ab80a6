//! A repository in use: people with age keys, a configuration, sealed files.

use std::fmt::Write;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use sealeaf::keys::age::generate;

use super::{Run, Sandbox};

/// A [`Sandbox`] with people. Each has an identity; their public keys print as `[NAME]`.
#[derive(Debug)]
pub(crate) struct Project {
    sandbox: Sandbox,
    people: Vec<(String, String)>,
}

impl Project {
    /// People, all known to the configuration, which goes on with `rules`. Commands are run as the first of them.
    pub(crate) fn new(people: &[&str], rules: &str) -> Self {
        let mut sandbox = Sandbox::new();
        let mut known = Vec::new();
        for name in people {
            let identity = generate("2026-01-01T00:00:00Z").unwrap();
            let file = sandbox.home().join(format!("{name}.txt"));
            sandbox.put(&file, identity.text.as_str());
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            sandbox.mask(&identity.recipient, &format!("[{}]", name.to_uppercase()));
            known.push(((*name).to_owned(), identity.recipient));
        }
        let project = Self { sandbox, people: known };
        project.configure(people, rules);
        project
    }

    /// Writes the configuration anew: these people, then `rules`.
    pub(crate) fn configure(&self, people: &[&str], rules: &str) -> &Self {
        let mut text = "version = 1\n\n[recipients]\n".to_owned();
        for name in people {
            writeln!(text, "{name} = {{ age = \"{}\" }}", self.key(name)).unwrap();
        }
        self.write(".sealeaf.toml", &format!("{text}\n{rules}"));
        self
    }

    /// A person's public key.
    pub(crate) fn key(&self, name: &str) -> &str {
        &self.people.iter().find(|(known, _)| known == name).unwrap().1
    }

    /// A person's identity file.
    pub(crate) fn identity(&self, name: &str) -> PathBuf {
        self.home().join(format!("{name}.txt"))
    }

    /// Shows this for that in what is printed.
    pub(crate) fn mask(&mut self, real: &str, shown: &str) {
        self.sandbox.mask(real, shown);
    }

    /// Prepares a run as the first person.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run<'_> {
        self.run_as(&self.people[0].0, arguments)
    }

    /// Prepares a run as somebody.
    pub(crate) fn run_as(&self, name: &str, arguments: &[&str]) -> Run<'_> {
        self.sandbox.run(arguments).env("SEALEAF_IDENTITY_FILE", self.identity(name))
    }

    /// Prepares a run without a key.
    pub(crate) fn run_as_nobody(&self, arguments: &[&str]) -> Run<'_> {
        self.sandbox.run(arguments)
    }

    /// The text of a sealed file with one more recipient, put there by somebody without its key.
    pub(crate) fn injected(&self, name: &str, person: &str) -> String {
        let stanza = format!("        - age: {}\n          wrapped: AAAA\n  policy: ", self.key(person));
        self.read(name).replacen("  policy: ", &stanza, 1)
    }

    /// Writes a file and seals it by its rule.
    #[track_caller]
    pub(crate) fn seal(&self, name: &str, text: &str) -> &Self {
        self.write(name, text);
        self.run(&["encrypt", "--quiet", "--", name]).stdout();
        self
    }

    /// What a file opens to.
    #[track_caller]
    pub(crate) fn open(&self, name: &str) -> String {
        self.run(&["decrypt", "--", name]).stdout()
    }
}

impl Deref for Project {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}
