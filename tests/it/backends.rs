//! Key backends against the real tools: `age`, `age-keygen`, `ssh-keygen`. A test whose tools are missing says so and
//! passes.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the test and say so")]

mod age;
mod aws;
mod azure;
mod gcp;
mod pgp;
mod vault;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sealeaf::keys::age::{Age, generate, own_recipients, recipients_of};
use sealeaf::keys::{
    BACKENDS, Environment, KeyBackend, KeyRef, Keyring, NoPrompt, Prompt, PromptError, Recipient, Run,
    Stanza, UnwrapError, WrapContext,
};
use sealeaf::secret::{SecretBytes, SecretText};
use tempfile::TempDir;

const PASSPHRASE: &str = "correct horse";
const SECRET: &[u8] = b"sealeaf/v1 wrap, or what stands for it in this test";

/// A home folder, and the tools run in it.
struct Bench {
    home: TempDir,
}

impl Bench {
    /// `None`, and a line that says so, where a tool is missing.
    fn with(tools: &[&str]) -> Option<Self> {
        for tool in tools {
            let found = Command::new(tool).arg("--version").stdin(Stdio::null()).output();
            if found.is_err() {
                crate::support::skip(&format!("`{tool}` is not installed"));
                return None;
            }
        }
        Some(Self { home: tempfile::tempdir().unwrap() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn run<A: AsRef<OsStr>>(&self, tool: &str, arguments: impl IntoIterator<Item = A>) -> Output {
        self.run_with_input(tool, arguments, b"")
    }

    fn run_with_input<A: AsRef<OsStr>>(
        &self,
        tool: &str,
        arguments: impl IntoIterator<Item = A>,
        input: &[u8],
    ) -> Output {
        let mut child = Command::new(tool)
            .args(arguments)
            .current_dir(self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// An ssh key pair; gives the public half.
    fn ssh_key(&self, name: &str, arguments: &[&str]) -> String {
        fs::create_dir_all(self.path(".ssh")).unwrap();
        let path = self.path(".ssh").join(name);
        let common = ["-q", "-C", "somebody@example.org", "-f", path.to_str().unwrap()];
        self.run("ssh-keygen", arguments.iter().copied().chain(common));
        fs::read_to_string(path.with_extension("pub")).unwrap().trim().to_owned()
    }

    fn environment(&self, variables: &[(&str, &Path)]) -> Environment {
        let home = ("HOME", self.home.path());
        variables.iter().copied().chain([home, ("PATH", Path::new("/usr/bin:/bin"))]).collect()
    }
}

struct Answer(&'static str);

impl Prompt for Answer {
    fn passphrase(&self, _what: &str) -> Result<SecretText, PromptError> {
        Ok(SecretText::from(self.0))
    }
}

fn context() -> WrapContext {
    WrapContext { fid: [1; 16], epoch: 1 }
}

fn recipient(id: &str) -> Recipient {
    let key = KeyRef { kind: "age".to_owned(), id: Age.parse(id).unwrap(), context: Default::default() };
    Recipient { key, name: String::new(), break_glass: false }
}

fn wrap(id: &str) -> Stanza {
    let environment = Environment::default();
    let run = Run::new(&environment, &NoPrompt);
    let secret = SecretBytes::new(SECRET.to_vec());
    Keyring::new(&run).wrap(&[recipient(id)], &secret, &context()).unwrap().remove(0)
}

fn unwrap(
    environment: &Environment,
    prompt: &(dyn Prompt + Sync),
    id: &str,
    wrapped: &[u8],
) -> Result<Vec<u8>, UnwrapError> {
    let run = Run::new(environment, prompt);
    let stanza = Stanza { recipient: recipient(id), wrapped: wrapped.to_vec() };
    Keyring::new(&run).unwrap(&[stanza], &context()).map(|secret| secret.1.expose().to_vec())
}

/// Both directions between us and `age`, for a key whose private half is in `identity`.
fn exchange(bench: &Bench, id: &str, identity: &Path) {
    let wrapped = bench.path("wrapped");
    fs::File::create(&wrapped).unwrap().write_all(&wrap(id).wrapped).unwrap();
    let opened = bench.run("age", [OsStr::new("-d"), "-i".as_ref(), identity.as_ref(), wrapped.as_ref()]);
    assert_eq!(opened.stdout, SECRET, "age opens our wrap for {id}");

    let theirs = bench.run_with_input("age", ["-r", id], SECRET).stdout;
    let environment = bench.environment(&[("SEALEAF_IDENTITY_FILE", identity)]);
    assert_eq!(unwrap(&environment, &NoPrompt, id, &theirs).unwrap(), SECRET, "we open age's file for {id}");
}

#[test]
fn every_backend_of_this_build_has_the_name_of_its_row() {
    for (name, backend) in BACKENDS {
        assert!(backend.is_none_or(|backend| backend.name() == *name), "{name}");
    }
}

#[test]
fn identities_of_age_keygen_are_read_and_ours_by_age() {
    let Some(bench) = Bench::with(&["age", "age-keygen"]) else { return };
    let theirs = bench.path("theirs.txt");
    bench.run("age-keygen", [OsStr::new("-o"), theirs.as_ref()]);
    let text = fs::read_to_string(&theirs).unwrap();
    let [id] = recipients_of(&text).try_into().unwrap();
    assert!(text.contains(&format!("# public key: {id}\n")));
    exchange(&bench, &id, &theirs);

    let new = generate("2026-01-31T12:00:00Z").unwrap();
    let ours = bench.path("ours.txt");
    fs::File::create(&ours).unwrap().write_all(new.text.as_bytes()).unwrap();
    let public = bench.run("age-keygen", [OsStr::new("-y"), ours.as_ref()]).stdout;
    assert_eq!(String::from_utf8(public).unwrap().trim(), new.recipient);
    exchange(&bench, &new.recipient, &ours);
}

#[test]
fn ssh_keys_without_passphrase_go_both_ways() {
    let Some(bench) = Bench::with(&["age", "ssh-keygen"]) else { return };
    for (name, arguments) in [
        ("ed25519", &["-t", "ed25519", "-N", ""][..]),
        ("rsa", &["-t", "rsa", "-b", "2048", "-N", ""]),
        ("rsa4096", &["-t", "rsa", "-b", "4096", "-N", ""]),
        ("pem", &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""]),
    ] {
        let id = bench.ssh_key(name, arguments);
        exchange(&bench, &id, &bench.path(".ssh").join(name));
        let found = unwrap(&bench.environment(&[]), &NoPrompt, &id, &wrap(&id).wrapped);
        assert_eq!(found.unwrap(), SECRET, "{name} is found in ~/.ssh");
    }
}

#[test]
fn ssh_keys_with_passphrase_open_after_it_is_given() {
    let Some(bench) = Bench::with(&["ssh-keygen"]) else { return };
    for (name, arguments) in [
        ("ed25519", &["-t", "ed25519"][..]),
        ("rsa", &["-t", "rsa", "-b", "2048"]),
        ("cbc", &["-t", "ed25519", "-Z", "aes256-cbc"]),
        ("gcm", &["-t", "ed25519", "-Z", "aes256-gcm@openssh.com"]),
    ] {
        let id = bench.ssh_key(name, &[arguments, &["-a", "2", "-N", PASSPHRASE]].concat());
        let wrapped = wrap(&id).wrapped;
        let environment = bench.environment(&[]);
        assert_eq!(unwrap(&environment, &Answer(PASSPHRASE), &id, &wrapped).unwrap(), SECRET, "{name}");
        let error = unwrap(&environment, &Answer("wrong"), &id, &wrapped).unwrap_err();
        assert!(error.failed && error.attempts[0].why.ends_with("the passphrase is wrong"), "{error:?}");
    }
}

#[test]
fn ssh_keys_that_cannot_decrypt_say_what_to_do() {
    let Some(bench) = Bench::with(&["ssh-keygen"]) else { return };
    for (name, arguments, advice) in [
        ("pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"][..], "`ssh-keygen -o -p -f FILE` rewrites it"),
        (
            "cipher",
            &["-t", "ed25519", "-Z", "aes192-cbc"],
            "`ssh-keygen -p -Z aes256-ctr -f FILE` changes it",
        ),
    ] {
        let id = bench.ssh_key(name, &[arguments, &["-N", PASSPHRASE]].concat());
        let error = unwrap(&bench.environment(&[]), &NoPrompt, &id, &wrap(&id).wrapped).unwrap_err();
        assert!(error.failed && error.attempts[0].why.contains(advice), "{error:?}");
    }
}

#[test]
fn identity_files_under_a_passphrase_of_age_are_read() {
    let Some(bench) = Bench::with(&["age", "age-keygen", "python3"]) else { return };
    let plain = bench.path("plain.txt");
    bench.run("age-keygen", [OsStr::new("-o"), plain.as_ref()]);
    let [id] = recipients_of(&fs::read_to_string(&plain).unwrap()).try_into().unwrap();
    for armor in [&[][..], &["-a"]] {
        let locked = bench.path("locked.age");
        let command = ["age", "-p", "-o", locked.to_str().unwrap()];
        let words = command.iter().chain(armor).copied().chain([plain.to_str().unwrap()]);
        bench.run("python3", ["-c", ON_A_TERMINAL, PASSPHRASE].into_iter().chain(words));
        let environment = bench.environment(&[("SEALEAF_IDENTITY_FILE", &locked)]);
        assert_eq!(unwrap(&environment, &Answer(PASSPHRASE), &id, &wrap(&id).wrapped).unwrap(), SECRET);
        assert!(own_recipients(&Run::new(&environment, &NoPrompt)).is_empty());
        let error = unwrap(&environment, &NoPrompt, &id, &wrap(&id).wrapped).unwrap_err();
        assert!(
            error.attempts[0].why.ends_with("there is no terminal to ask for the passphrase"),
            "{error:?}"
        );
        fs::remove_file(locked).unwrap();
    }
}

/// Runs a command on a terminal of its own and answers each question with the passphrase.
const ON_A_TERMINAL: &str = r#"
import os, pty, sys
passphrase, command = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen = b""
while True:
    try:
        read = os.read(terminal, 1024)
    except OSError:
        break
    if not read:
        break
    seen += read
    if b"passphrase" in seen and seen.rstrip().endswith(b":"):
        os.write(terminal, passphrase.encode() + b"\n")
        seen = b""
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;
