//! PGP keys in files, without gpg: against what the real gpg and the real sops make and read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use sealeaf::keys::contract::{self, Fixture};
use sealeaf::keys::pgp::Pgp;
use sealeaf::keys::{
    Environment, KeyError, KeyRef, Keyring, NoPrompt, Prompt, PromptError, Recipient, Run, Stanza,
    UnwrapError, WrapContext,
};
use sealeaf::secret::{SecretBytes, SecretText};
use tempfile::TempDir;

use super::{Answer, SECRET};
use crate::sops::tool::Sops;
use crate::support::{Gpg, Project, skip};

/// Keys made by gpg, exported into files; nothing of gpg is used after that but as the other side.
struct Bench {
    gpg: Gpg,
    folder: TempDir,
}

impl Bench {
    fn new() -> Option<Self> {
        Some(Self { gpg: Gpg::new()?, folder: tempfile::tempdir().unwrap() })
    }

    /// A key with a sub-key for encryption, perhaps under a passphrase; gives its fingerprint.
    fn key(&self, name: &str, algorithm: &str, passphrase: &str) -> String {
        let address = format!("{name}@example.org");
        let passphrase = format!("--passphrase={passphrase}");
        let usage = if algorithm.starts_with("rsa") { "cert,sign" } else { "default" };
        self.gpg.run(&[&passphrase, "--quick-generate-key", &address, algorithm, usage, "never"], b"");
        let id = self.fingerprint(&address);
        if algorithm.starts_with("rsa") {
            self.gpg.run(&[&passphrase, "--quick-add-key", &id, algorithm, "encr", "never"], b"");
        }
        id
    }

    fn fingerprint(&self, name: &str) -> String {
        let listing = self.gpg.run(&["--with-colons", "--list-keys", name], b"");
        let listing = String::from_utf8(listing).unwrap();
        let line = listing.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::io::Write::write_all(&mut fs::File::create(&path).unwrap(), bytes).unwrap();
        path
    }

    fn public(&self, ids: &[&str]) -> PathBuf {
        let armored = self.gpg.run(&[&["--armor", "--export"], ids].concat(), b"");
        self.write(&format!("{}.pub", ids[0]), &armored)
    }

    fn secret(&self, id: &str, passphrase: &str, more: &[&str]) -> PathBuf {
        let passphrase = format!("--passphrase={passphrase}");
        let exported = self.gpg.run(&[more, &[&passphrase, "--export-secret-keys", id]].concat(), b"");
        self.write(&format!("{id}.key"), &exported)
    }
}

/// An environment without gpg, in which these files are named.
fn environment(public: &[&Path], secret: &[&Path]) -> Environment {
    let list = |paths: &[&Path]| std::env::join_paths(paths).unwrap();
    [
        ("PATH", "/nowhere".into()),
        ("HOME", "/nowhere".into()),
        ("SEALEAF_PGP_PUBLIC_KEYS", list(public)),
        ("SEALEAF_PGP_SECRET_KEYS", list(secret)),
    ]
    .into_iter()
    .collect()
}

fn key(id: &str) -> KeyRef {
    KeyRef { kind: "pgp".to_owned(), id: id.to_owned(), context: Default::default() }
}

fn wrap(id: &str, environment: &Environment) -> Result<Vec<u8>, KeyError> {
    let recipient = Recipient { key: key(id), name: String::new(), break_glass: false };
    let run = Run::new(environment, &NoPrompt);
    let secret = SecretBytes::new(SECRET.to_vec());
    Keyring::new(&run)
        .wrap(&[recipient], &secret, &WrapContext::UNBOUND)
        .map(|mut stanzas| stanzas.remove(0).wrapped)
}

fn unwrap(
    id: &str,
    wrapped: Vec<u8>,
    environment: &Environment,
    prompt: &(dyn Prompt + Sync),
) -> Result<Vec<u8>, UnwrapError> {
    let recipient = Recipient { key: key(id), name: String::new(), break_glass: false };
    let run = Run::new(environment, prompt);
    Keyring::new(&run)
        .unwrap(&[Stanza { recipient, wrapped }], &WrapContext::UNBOUND)
        .map(|opened| opened.1.expose().to_vec())
}

fn why(error: &UnwrapError) -> &str {
    &error.attempts[0].why
}

#[test]
fn keys_of_every_kind_keep_the_contract_and_go_both_ways_with_gpg() {
    let Some(bench) = Bench::new() else { return };
    let foreign = bench.key("foreign", "future-default", "");
    for (name, algorithm, passphrase, armor) in [
        ("curve", "future-default", "", true),
        ("locked", "future-default", "open sesame", false),
        ("rsa", "rsa2048", "", false),
        ("lockedrsa", "rsa3072", "open sesame", true),
    ] {
        let id = bench.key(name, algorithm, passphrase);
        let public = bench.public(&[&id, &foreign]);
        let secret = bench.secret(&id, passphrase, if armor { &["--armor"] } else { &[] });
        let (owner, stranger) = (environment(&[&public], &[&secret]), environment(&[&public], &[]));
        let answer = Answer("open sesame");
        contract::all(
            &Pgp,
            &Fixture {
                key: key(&id),
                foreign: key(&foreign),
                owner: &Run::new(&owner, &answer),
                stranger: &Run::new(&stranger, &NoPrompt),
                spellings: &[&id.to_lowercase()],
                invalid: &["", "-", "--output", "pat@example.org", &id[32..], &id[..39]],
                hidden: &["open sesame"],
                stride: 37,
            },
        );
        let wrapped = bench.write("wrapped", &wrap(&id, &stranger).unwrap());
        let passphrase = format!("--passphrase={passphrase}");
        assert_eq!(
            bench.gpg.run(&[&passphrase, "--decrypt", wrapped.to_str().unwrap()], b""),
            SECRET,
            "{name}"
        );
        for more in [&[][..], &["--compress-algo=zip"], &["--compress-algo=none"]] {
            let arguments = [more, &["--trust-model=always", "--recipient", &id, "--encrypt"]].concat();
            let theirs = bench.gpg.run(&arguments, SECRET);
            assert_eq!(unwrap(&id, theirs, &owner, &answer).unwrap(), SECRET, "{name} {more:?}");
        }
    }
}

#[test]
fn a_primary_key_and_an_exact_sub_key_are_wrapped_for() {
    let Some(bench) = Bench::new() else { return };
    let whole = bench.gpg.key("whole", "rsa2048");
    let id = bench.key("pat", "future-default", "");
    bench.gpg.run(&["--passphrase=", "--quick-add-key", &id, "rsa2048", "encr", "never"], b"");
    let listing = String::from_utf8(bench.gpg.run(&["--with-colons", "--list-keys", &id], b"")).unwrap();
    let parts: Vec<&str> = listing
        .lines()
        .filter(|line| line.starts_with("fpr:"))
        .filter_map(|line| line.split(':').nth(9))
        .collect();
    let (public, secret) = (bench.public(&[&id, &whole]), bench.secret(&id, "", &[]));
    let both = bench.secret(&whole, "", &[]);
    let environment = environment(&[&public], &[&secret, &both]);
    for id in [&whole, &id, &format!("{}!", parts[1]), &format!("{}!", parts[2]), &parts[1].to_owned()] {
        let wrapped = wrap(id, &environment).unwrap();
        let listed = bench.gpg.run(&["--list-packets", "--list-only"], &wrapped);
        let listed = String::from_utf8_lossy(&listed).to_uppercase();
        if let Some(exact) = id.strip_suffix('!') {
            assert!(listed.contains(&exact[24..]), "{id}: {listed}");
        }
        assert_eq!(unwrap(id, wrapped, &environment, &NoPrompt).unwrap(), SECRET, "{id}");
    }
    // The primary key of `pat` signs and does not encrypt.
    let error = wrap(&format!("{}!", parts[0]), &environment).unwrap_err().to_string();
    assert!(error.contains("it is no key for encryption"), "{error}");
}

#[test]
fn keys_that_ended_are_refused() {
    let Some(bench) = Bench::new() else { return };
    let early = ["--faked-system-time=20200101T000000", "--passphrase="];
    bench.gpg.run(
        &[&early[..], &["--quick-generate-key", "old@example.org", "future-default", "default", "1d"]]
            .concat(),
        b"",
    );
    let old = bench.fingerprint("old@example.org");
    let part = bench.key("part", "future-default", "");
    let revoked = bench.key("gone", "future-default", "");
    let certificate = bench.gpg.path().join(format!("openpgp-revocs.d/{revoked}.rev"));
    let certificate = fs::read_to_string(certificate).unwrap().replace(":-----BEGIN", "-----BEGIN");
    bench.gpg.run(&["--import"], certificate.as_bytes());
    let sign = ["--passphrase=", "--quick-generate-key", "sign@example.org", "ed25519", "sign", "never"];
    bench.gpg.run(&sign, b"");
    let signs = bench.fingerprint("sign@example.org");
    let public = bench.public(&[&old, &revoked, &signs]);
    let environment = environment(&[&public], &[]);
    for (id, expect) in [
        (&old, "the key has expired"),
        (&revoked, "the key was revoked"),
        (&signs, "it is no key for encryption"),
        (&part, "has no such key"),
    ] {
        let error = wrap(id, &environment).unwrap_err().to_string();
        assert!(error.contains(expect) && error.contains("install GnuPG"), "{id}: {error}");
        assert!(error.contains(public.to_str().unwrap()), "{error}");
    }
}

#[test]
fn errors_say_what_was_tried() {
    let Some(bench) = Bench::new() else { return };
    let id = bench.key("pat", "future-default", "open sesame");
    let other = bench.key("other", "future-default", "");
    let (public, secret) = (bench.public(&[&id]), bench.secret(&id, "open sesame", &[]));
    let foreign = bench.secret(&other, "", &[]);
    let named = environment(&[&public], &[&secret]);
    let wrapped = wrap(&id, &named).unwrap();
    let nothing = environment(&[], &[]);
    let error = wrap(&id, &nothing).unwrap_err().to_string();
    assert!(error.contains("`gpg` is not on PATH") && error.contains("SEALEAF_PGP_PUBLIC_KEYS"), "{error}");
    for (files, expect) in [
        (&foreign, "has no private key for it"),
        (&bench.write("junk", b"hello"), "it holds no private key that can be read"),
        (&bench.folder.path().join("missing"), "it cannot be read (entity not found)"),
        (&PathBuf::from("pat.key"), "it must be named by its whole path"),
        (
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("pat.key"),
            "a private key inside the repository is not used",
        ),
        (&public, "it holds no private key that can be read"),
    ] {
        let error = unwrap(&id, wrapped.clone(), &environment(&[], &[files]), &NoPrompt).unwrap_err();
        assert!(why(&error).contains("gpg has no keys here") && why(&error).contains(expect), "{error:?}");
    }
    for (prompt, expect) in [
        (&NoPrompt as &(dyn Prompt + Sync), "it has a passphrase, and there is no terminal to ask"),
        (&Answer("wrong"), "the passphrase is wrong"),
        (&Silent, "it has a passphrase, and no passphrase was given"),
    ] {
        let error = unwrap(&id, wrapped.clone(), &named, prompt).unwrap_err();
        assert!(error.failed && why(&error).contains(expect), "{error:?}");
        assert!(why(&error).contains(&id) && why(&error).contains(secret.to_str().unwrap()), "{error:?}");
    }
}

#[test]
fn files_do_what_gpg_does_not() {
    let Some(bench) = Bench::new() else { return };
    let id = bench.key("pat", "future-default", "");
    let (public, secret) = (bench.public(&[&id]), bench.secret(&id, "", &[]));
    // Another keyring: gpg is there, has a key, and not this one.
    let other = Gpg::new().unwrap();
    other.key("other", "future-default");
    let environment: Environment = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin".into()),
        ("GNUPGHOME", other.path().into()),
        ("SEALEAF_PGP_PUBLIC_KEYS", public.clone().into_os_string()),
        ("SEALEAF_PGP_SECRET_KEYS", secret.into_os_string()),
    ]
    .into_iter()
    .collect();
    let wrapped = wrap(&id, &environment).unwrap();
    assert_eq!(unwrap(&id, wrapped, &environment, &NoPrompt).unwrap(), SECRET);
    // Where neither has it, both are named.
    let missing = bench.key("missing", "future-default", "");
    let error = wrap(&missing, &environment).unwrap_err().to_string();
    let (keyring, file) = (other.path().to_str().unwrap(), public.to_str().unwrap());
    assert!(error.contains(keyring) && error.contains(file), "{error}");
}

/// Counts how often it is asked.
struct Counting(AtomicUsize);

impl Prompt for Counting {
    fn passphrase(&self, _what: &str) -> Result<SecretText, PromptError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(SecretText::from("open sesame"))
    }
}

#[test]
fn a_passphrase_is_asked_for_once_in_a_run() {
    let Some(bench) = Bench::new() else { return };
    let id = bench.key("pat", "future-default", "open sesame");
    let named = environment(&[&bench.public(&[&id])], &[&bench.secret(&id, "open sesame", &[])]);
    let prompt = Counting(AtomicUsize::new(0));
    let run = Run::new(&named, &prompt);
    for _ in 0..3 {
        let recipient = Recipient { key: key(&id), name: String::new(), break_glass: false };
        let stanza = Stanza { recipient, wrapped: wrap(&id, &named).unwrap() };
        let opened = Keyring::new(&run).unwrap(&[stanza], &WrapContext::UNBOUND).unwrap();
        assert_eq!(opened.1.expose(), SECRET);
    }
    assert_eq!(prompt.0.load(Ordering::Relaxed), 1);
}

struct Silent;

impl Prompt for Silent {
    fn passphrase(&self, _what: &str) -> Result<SecretText, PromptError> {
        Err(PromptError::Cancelled)
    }
}

#[test]
fn sops_files_go_both_ways_without_gpg() {
    let Some(bench) = Bench::new() else { return };
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let id = bench.key("pat", "rsa2048", "");
    let (public, secret) = (bench.public(&[&id]), bench.secret(&id, "", &["--armor"]));
    let project = Project::new(&["alice"], "");
    let text = format!(
        "version = 1\n\n[recipients]\npat = {{ pgp = \"{id}\" }}\n\n[[rule]]\nfiles = [\"**\"]\nto = [\"pat\"]\nenvelope = \"sops\"\n"
    );
    project
        .write(".sealeaf.toml", &text)
        .write("a.yaml", "k: v\n")
        .write("b.yaml", "k: w\n")
        .write("c.yaml", "k: x\n");
    let ours = |arguments: &[&str]| {
        let run = project.run_as_nobody(arguments).env("SEALEAF_PGP_PUBLIC_KEYS", &public);
        run.env("SEALEAF_PGP_SECRET_KEYS", &secret).env("SEALEAF_GPG", "no-such-gpg")
    };
    ours(&["encrypt", "a.yaml"]).stdout();
    let theirs = |arguments: &[&str]| -> Output {
        let mut command: Command = project.command(sops.program().to_str().unwrap());
        command.args(arguments).env("GNUPGHOME", bench.gpg.path()).env("SOPS_DISABLE_VERSION_CHECK", "1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    };
    assert_eq!(theirs(&["decrypt", "a.yaml"]).stdout, b"k: v\n");
    let sealed = theirs(&["encrypt", "--pgp", &id, "b.yaml"]).stdout;
    project.write("b.yaml", str::from_utf8(&sealed).unwrap());
    assert_eq!(ours(&["decrypt", "b.yaml"]).stdout(), "k: w\n");
    // The user's own configuration names them as well; a repository's cannot.
    let settings = format!(
        "[pgp]\npublic_keys = [\"{}\"]\nsecret_keys = [\"{}\"]\n",
        public.display(),
        secret.display()
    );
    let own = project.home().join(".config/sealeaf/config.toml");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    std::io::Write::write_all(&mut fs::File::create(own).unwrap(), settings.as_bytes()).unwrap();
    let by_settings = |arguments: &[&str]| project.run_as_nobody(arguments).env("SEALEAF_GPG", "no-such-gpg");
    by_settings(&["encrypt", "c.yaml"]).stdout();
    assert_eq!(by_settings(&["decrypt", "c.yaml"]).stdout(), "k: x\n");
    project.write(".sealeaf.toml", &format!("{text}secret_keys = [\"x\"]\n")).write("d.yaml", "k: v\n");
    let refused = by_settings(&["encrypt", "d.yaml"]).output();
    assert!(refused.code != 0 && refused.stderr.contains("secret_keys"), "{}", refused.stderr);
}
