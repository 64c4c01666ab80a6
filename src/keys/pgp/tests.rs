//! The backend with the real gpg, in homes of its own. Without gpg the tests say so and pass.

#![expect(clippy::disallowed_methods, reason = "tests write files of their own, and run gpg themselves")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::*;
use crate::keys::contract::{self, Fixture};
use crate::keys::runtime::block_on;
use crate::keys::{Environment, NoPrompt, Prompt, PromptError, Recipient};
use crate::secret::SecretText;

/// A folder for keyrings, with a short path: gpg-agent's socket is in there.
struct Home(TempDir);

impl Home {
    /// `None`, and a line that says so, where gpg is missing.
    fn new() -> Option<Self> {
        if Command::new("gpg").arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("skipped: `gpg` is not installed");
            return None;
        }
        let home = Self(tempfile::Builder::new().prefix("slg").tempdir_in("/tmp").unwrap());
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Some(home)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn gpg(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("gpg")
            .args(["--batch", "--no-tty", "--quiet", "--pinentry-mode=loopback"])
            .args(arguments)
            .env("GNUPGHOME", self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Makes a key and gives its fingerprint.
    fn key(&self, name: &str, algorithm: &str, passphrase: &str) -> String {
        let address = format!("{name}@example.org");
        let passphrase = format!("--passphrase={passphrase}");
        let usage = if algorithm.starts_with("rsa") { "cert,sign,encr" } else { "default" };
        self.gpg(&[&passphrase, "--quick-generate-key", &address, algorithm, usage, "never"], b"");
        self.fingerprint(&address)
    }

    fn fingerprint(&self, name: &str) -> String {
        let listing = String::from_utf8(self.gpg(&["--with-colons", "--list-keys", name], b"")).unwrap();
        let line = listing.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    /// Brings the public halves of another home's keys.
    fn import(&self, other: &Self) {
        self.gpg(&["--import"], &other.gpg(&["--export"], b""));
    }

    fn environment(&self, more: &[(&str, &str)]) -> Environment {
        let own = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("GNUPGHOME", self.path().to_str().unwrap())];
        own.iter().chain(more).copied().collect()
    }

    /// A pinentry that answers `answer` and writes down that it was asked.
    fn pinentry(&self, answer: &str) {
        let program = self.path().join("pinentry");
        let asked = self.asked();
        let script = format!(
            "#!/bin/sh\necho OK\nwhile read -r line; do case \"$line\" in\n\
             GETPIN*) echo asked >> '{}'; {answer};;\nBYE*) echo OK; exit 0;;\n*) echo OK;;\nesac; done\n",
            asked.display()
        );
        // Written by another process: a child that another test starts meanwhile must not hold it open.
        install(&program, &script);
        fs::write(self.path().join("gpg-agent.conf"), format!("pinentry-program {}\n", program.display()))
            .unwrap();
        let _ = fs::remove_file(asked);
        self.restart();
    }

    fn asked(&self) -> PathBuf {
        self.path().join("asked")
    }

    fn times_asked(&self) -> usize {
        fs::read_to_string(self.asked()).unwrap_or_default().lines().count()
    }

    fn restart(&self) {
        let status = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.path()).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.path()).status();
    }
}

/// Writes a program. Another process does it: a child that another test starts meanwhile must not hold it open.
fn install(program: &Path, script: &str) {
    let mut command = Command::new("sh");
    command.args(["-c", "cat > \"$1\" && chmod 755 \"$1\"", "sh"]).arg(program).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Lets gpg ask.
struct Pinentry;

impl Prompt for Pinentry {
    fn passphrase(&self, _what: &str) -> Result<SecretText, PromptError> {
        Err(PromptError::NoTerminal)
    }
}

fn key(id: &str) -> KeyRef {
    KeyRef { kind: KIND.to_owned(), id: id.to_owned(), context: Default::default() }
}

fn context() -> WrapContext {
    WrapContext { fid: [0; 16], epoch: 0 }
}

fn wrap_for(id: &str, run: &Run<'_>) -> Result<Stanza, String> {
    let secret = SecretBytes::new(vec![7; 32]);
    let wrapped =
        block_on(Pgp.wrap(&key(id), &secret, &context(), run)).map_err(|error| error.to_string())?;
    Ok(Stanza { recipient: Recipient { key: key(id), name: String::new(), break_glass: false }, wrapped })
}

fn open(stanza: &Stanza, run: &Run<'_>) -> Unwrapped {
    block_on(Pgp.unwrap(stanza, &context(), run))
}

#[track_caller]
fn opens(stanza: &Stanza, run: &Run<'_>) {
    match open(stanza, run) {
        Unwrapped::Opened(secret) => assert!(secret.expose() == [7; 32]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn keeps_the_contract() {
    let (Some(owner), Some(stranger)) = (Home::new(), Home::new()) else { return };
    for algorithm in ["future-default", "rsa2048"] {
        let own = owner.key(algorithm, algorithm, "");
        let foreign = stranger.key(&format!("foreign-{algorithm}"), algorithm, "");
        owner.import(&stranger);
        let other = Home::new().unwrap();
        other.import(&owner);
        let (mine, others) = (owner.environment(&[]), other.environment(&[]));
        let (mine, others) = (Run::new(&mine, &NoPrompt), Run::new(&others, &NoPrompt));
        let spaced: String = own.to_lowercase().chars().flat_map(|c| [c, ' ']).collect();
        contract::all(
            &Pgp,
            &Fixture {
                key: key(&own),
                foreign: key(&foreign),
                owner: &mine,
                stranger: &others,
                spellings: &[&spaced],
                invalid: &[
                    "",
                    "--output",
                    "alice@example.org",
                    "0123ABCD",
                    &own[..39],
                    "-----BEGIN PGP PRIVATE KEY",
                ],
                hidden: &["PRIVATE KEY"],
                stride: if algorithm == "rsa2048" { 29 } else { 7 },
            },
        );
    }
}

#[test]
fn pinentry_asks_for_the_passphrase() {
    let Some(home) = Home::new() else { return };
    let id = home.key("locked", "future-default", "right");
    home.restart();
    let environment = home.environment(&[]);
    let silent = Run::new(&environment, &NoPrompt);
    let stanza = wrap_for(&id, &silent).unwrap();
    // Where nobody may be asked, pinentry is not started.
    home.pinentry("echo 'D right'; echo OK");
    let answer = open(&stanza, &silent);
    assert!(
        matches!(&answer, Unwrapped::Failed(error) if error.to_string().contains("nobody can be asked")),
        "{answer:?}"
    );
    assert_eq!(home.times_asked(), 0);
    let asking = Run::new(&environment, &Pinentry);
    opens(&stanza, &asking);
    opens(&stanza, &asking);
    assert_eq!(home.times_asked(), 1);
    // The agent knows it now.
    opens(&stanza, &Run::new(&environment, &NoPrompt));
}

#[test]
fn a_refusal_is_not_asked_about_again() {
    let Some(home) = Home::new() else { return };
    let id = home.key("locked", "future-default", "right");
    let environment = home.environment(&[]);
    let stanza = wrap_for(&id, &Run::new(&environment, &NoPrompt)).unwrap();
    for (answer, asked, expect) in [
        ("echo 'ERR 83886179 cancelled'", 1, "no passphrase was given"),
        ("echo 'D wrong'; echo OK", 3, "the passphrase is wrong"),
    ] {
        home.pinentry(answer);
        let run = Run::new(&environment, &Pinentry);
        for _ in 0..2 {
            let answer = open(&stanza, &run);
            assert!(
                matches!(&answer, Unwrapped::Failed(error) if error.to_string().contains(expect)),
                "{answer:?}"
            );
        }
        assert_eq!(home.times_asked(), asked);
    }
    fs::write(home.path().join("gpg-agent.conf"), "pinentry-program /nonexistent\n").unwrap();
    home.restart();
    let answer = open(&stanza, &Run::new(&environment, &Pinentry));
    assert!(
        matches!(&answer, Unwrapped::Failed(error) if error.to_string().contains("install a pinentry")),
        "{answer:?}"
    );
}

#[test]
fn keys_that_cannot_be_used_are_named_with_a_reason() {
    let Some(home) = Home::new() else { return };
    let environment = home.environment(&[]);
    let check = |id: &str, expect: &str| {
        let why = wrap_for(id, &Run::new(&environment, &NoPrompt)).unwrap_err();
        assert!(why.contains(expect), "{why}");
    };
    let unknown = "0123456789ABCDEF0123456789ABCDEF01234567";
    check(unknown, &format!("`gpg --recv-keys {unknown}`"));
    let signs = home.key("signs", "ed25519", "");
    check(&signs, "no key for encryption");
    let old = ["--passphrase=", "--faked-system-time=20200101T000000!", "--quick-generate-key"];
    home.gpg(&[&old[..], &["old@example.org", "future-default", "default", "1d"]].concat(), b"");
    check(&home.fingerprint("old@example.org"), "the key has expired");
    let revoked = home.key("revoked", "future-default", "");
    let certificate = home.path().join("openpgp-revocs.d").join(format!("{revoked}.rev"));
    let certificate = fs::read_to_string(certificate).unwrap().replace(":-----BEGIN", "-----BEGIN");
    home.gpg(&["--import"], certificate.as_bytes());
    check(&revoked, "the key was revoked");
    // A long key id is as good as the fingerprint, where it is one key's.
    let good = home.key("good", "future-default", "");
    opens(
        &wrap_for(&good[24..], &Run::new(&environment, &NoPrompt)).unwrap(),
        &Run::new(&environment, &NoPrompt),
    );
    check(&unknown[24..], "no such key");
}

#[test]
fn gpgs_own_configuration_adds_no_reader() {
    let Some(home) = Home::new() else { return };
    let (good, other) = (home.key("good", "future-default", ""), home.key("other", "future-default", ""));
    let environment = home.environment(&[]);
    let configure = |text: &str| fs::write(home.path().join("gpg.conf"), text).unwrap();
    configure(&format!(
        "encrypt-to {other}\nhidden-encrypt-to {other}\ndefault-recipient {other}\ngroup {good}={other}\n\
         throw-keyids\narmor\nlocal-user {other}\ncompress-level 9\ntrust-model direct\n"
    ));
    opens(&wrap_for(&good, &Run::new(&environment, &NoPrompt)).unwrap(), &Run::new(&environment, &NoPrompt));
    configure(&format!("recipient {other}\n"));
    let why = wrap_for(&good, &Run::new(&environment, &NoPrompt)).unwrap_err();
    assert!(why.contains("gpg.conf"), "{why}");
}

#[test]
fn wraps_without_key_ids_open() {
    let (Some(home), Some(stranger)) = (Home::new(), Home::new()) else { return };
    home.key("first", "future-default", "");
    let id = home.key("good", "future-default", "");
    stranger.import(&home);
    let hide = ["--throw-keyids", "--trust-model=always", "--recipient", &id, "--encrypt"];
    let wrapped = stranger.gpg(&hide, &[7; 32]);
    let mut stanza =
        Stanza { recipient: Recipient { key: key(&id), name: String::new(), break_glass: false }, wrapped };
    let (mine, others) = (home.environment(&[]), stranger.environment(&[]));
    opens(&stanza, &Run::new(&mine, &NoPrompt));
    let answer = open(&stanza, &Run::new(&others, &NoPrompt));
    assert!(matches!(answer, Unwrapped::NotMine(_)), "{answer:?}");
    // A gigabyte in a thousand bytes.
    let bomb = ["--trust-model=always", "--compress-algo=zip", "--recipient", &id, "--encrypt"];
    stanza.wrapped = home.gpg(&bomb, &vec![0; 10 << 20]);
    assert!(stanza.wrapped.len() < WRAP_LIMIT);
    let answer = open(&stanza, &Run::new(&mine, &NoPrompt));
    assert!(matches!(answer, Unwrapped::Failed(_)), "{answer:?}");
}

#[test]
fn without_an_agent_the_key_is_not_called_missing() {
    let Some(home) = Home::new() else { return };
    let id = home.key("good", "future-default", "");
    let environment = home.environment(&[]);
    let stanza = wrap_for(&id, &Run::new(&environment, &NoPrompt)).unwrap();
    home.restart();
    fs::write(home.path().join("gpg.conf"), "agent-program /nonexistent\n").unwrap();
    let answer = open(&stanza, &Run::new(&environment, &NoPrompt));
    assert!(
        matches!(&answer, Unwrapped::Failed(error) if error.to_string().contains("gpg-agent")),
        "{answer:?}"
    );
}

/// Programs that are no gpg, though `SEALEAF_GPG` names them.
#[test]
fn ac_45_a_gpg_that_misbehaves_is_stopped() {
    let Some(home) = Home::new() else { return };
    let id = home.key("good", "future-default", "");
    let plain = home.environment(&[]);
    let stanza = wrap_for(&id, &Run::new(&plain, &NoPrompt)).unwrap();
    let stub = home.path().join("stub");
    let name = stub.to_str().unwrap();
    let environment = home.environment(&[("SEALEAF_GPG", name), ("SEALEAF_GPG_TIMEOUT", "1")]);
    for (script, expect) in [
        ("exec yes", "more than"),
        ("exec head -c 1073741824 /dev/zero", "more than"),
        ("exec yes >&2", "bytes of messages"),
        ("sleep 600 & wait", "within 1 seconds"),
        ("exit 0", "said nothing"),
        ("cat > /dev/null; echo '[GNUPG:] DECRYPTION_OKAY' >&2", "gave nothing"),
        ("head -c 32 /dev/zero", "said nothing"),
        ("echo '[GNUPG:] DECRYPTION_OKAY' >&2; head -c 32 /dev/zero; exit 2", "did not open"),
        ("printf 'gpg: \\033[2Jfailed\\n' >&2; exit 2", "\\u{1b}[2Jfailed"),
    ] {
        install(&stub, &format!("#!/bin/sh\n{script}\n"));
        let answer = open(&stanza, &Run::new(&environment, &NoPrompt));
        assert!(
            matches!(&answer, Unwrapped::Failed(error) if error.to_string().contains(expect)),
            "{script}: {answer:?}"
        );
        let wrapped = wrap_for(&id, &Run::new(&environment, &NoPrompt));
        assert!(wrapped.is_err(), "{script}");
    }
    // One that answers for its listing and then gives something else.
    let listing = "exec gpg \"$@\";;";
    for (script, expect) in [
        ("exit 0", "no PGP message"),
        ("head -c 20000 /dev/zero", "more than"),
        ("cat", "no PGP message"),
        ("sleep 600", "within 5 seconds"),
        ("exit 2", "did not wrap"),
    ] {
        install(&stub, &format!("#!/bin/sh\ncase \"$*\" in *--list-keys*) {listing}\nesac\n{script}\n"));
        let environment = home.environment(&[("SEALEAF_GPG", name), ("SEALEAF_GPG_TIMEOUT", "5")]);
        let why = wrap_for(&id, &Run::new(&environment, &NoPrompt)).unwrap_err();
        assert!(why.contains(expect), "{script}: {why}");
    }
}

#[test]
fn ac_44_gpg_is_started_only_for_what_it_can_open() {
    let Some(home) = Home::new() else { return };
    let id = home.key("good", "future-default", "");
    let plain = home.environment(&[]);
    let stanza = wrap_for(&id, &Run::new(&plain, &NoPrompt)).unwrap();
    let (stub, started) = (home.path().join("stub"), home.path().join("started"));
    install(&stub, &format!("#!/bin/sh\ntouch '{}'\n", started.display()));
    let environment = home.environment(&[("SEALEAF_GPG", stub.to_str().unwrap())]);
    let run = Run::new(&environment, &NoPrompt);
    for bad in ["--output", "-", "", "alice@example.org", "0123ABCD", "=x", "a\nb"] {
        assert!(wrap_for(bad, &run).is_err(), "{bad}");
        let mut labelled = stanza.clone();
        labelled.recipient.key = key(bad);
        assert!(matches!(open(&labelled, &run), Unwrapped::NotMine(_)), "{bad}");
    }
    for wrapped in
        [b"".to_vec(), b"-----BEGIN PGP MESSAGE-----".to_vec(), [&stanza.wrapped[..], &[0]].concat()]
    {
        let answer = open(&Stanza { wrapped, ..stanza.clone() }, &run);
        assert!(matches!(answer, Unwrapped::Failed(_)), "{answer:?}");
    }
    // Who has no keyring has no gpg started either.
    let nobody = [("SEALEAF_GPG", stub.to_str().unwrap()), ("HOME", "/nonexistent")].into_iter().collect();
    assert!(matches!(open(&stanza, &Run::new(&nobody, &NoPrompt)), Unwrapped::NotMine(_)));
    assert!(!started.exists());
    assert!(matches!(open(&stanza, &run), Unwrapped::Failed(_)));
    assert!(started.exists());
}
