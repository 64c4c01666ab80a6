use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::TempDir;

use super::*;
use crate::keys::age::Age;
use crate::keys::contract::{self, Fixture};
use crate::keys::runtime::block_on;
use crate::keys::{Environment, KeyBackend, NoPrompt, Prompt, PromptError, Settings, Stanza, Unwrapped};
use crate::keys::{KeyError, KeyRef, Recipient as Addressee, WrapContext};
use crate::secret::SecretBytes;

/// A folder with a program in it.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn program(&self, name: &str, source: &str) -> PathBuf {
        let path = self.0.path().join(name);
        // Under another name first: a file that somebody has open for writing cannot be started.
        let draft = path.with_extension("draft");
        std::io::Write::write_all(&mut fs::File::create(&draft).unwrap(), source.as_bytes()).unwrap();
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(std::process::Command::new("cp").args([&draft, &path]).status().unwrap().success());
        path
    }

    /// A shell script that leaves a mark.
    fn marking(&self, name: &str, body: &str) -> PathBuf {
        self.program(name, &format!("#!/bin/sh\n: > '{}'\n{body}\n", self.mark().display()))
    }

    fn mark(&self) -> PathBuf {
        self.0.path().join("mark")
    }
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().copied().chain([("PATH", "/usr/bin:/bin"), ("HOME", "/nowhere")]).collect()
}

fn run<'a>(
    environment: &'a Environment,
    prompt: &'a (dyn Prompt + Sync),
    plugins: &[(&str, &Path)],
) -> Run<'a> {
    let plugins: BTreeMap<String, PathBuf> =
        plugins.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect();
    let mut run = Run::new(environment, prompt);
    run.settings = Settings::default();
    run.settings.age.plugins = plugins;
    run
}

fn id(hrp: &str, data: &[u8]) -> String {
    age_core::primitives::bech32_encode(bech32::Hrp::parse(hrp).unwrap(), data)
}

fn key(id: &str) -> KeyRef {
    KeyRef { kind: "age".to_owned(), id: id.to_owned(), context: BTreeMap::new() }
}

fn wrap(id: &str, run: &Run<'_>) -> Result<Vec<u8>, KeyError> {
    block_on(Age.wrap(&key(id), &SecretBytes::new(vec![5; 32]), &WrapContext::UNBOUND, run))
}

fn unwrap(id: &str, wrapped: Vec<u8>, run: &Run<'_>) -> Unwrapped {
    let recipient = Addressee { key: key(id), name: String::new(), break_glass: false };
    block_on(Age.unwrap(&Stanza { recipient, wrapped }, &WrapContext::UNBOUND, run))
}

#[test]
fn contract_of_a_plugin() {
    let bench = Bench::new();
    let plugin = bench.program("age-plugin-test", TEST_PLUGIN);
    let (own, foreign) = (id("age1test", &[1; 8]), id("age1test", &[2; 8]));
    let identity = id("age-plugin-test-", &[1; 8]).to_uppercase();
    let owner = environment(&[("SEALEAF_IDENTITY", &identity)]);
    let stranger = environment(&[]);
    let plugins = [("test", plugin.as_path())];
    contract::all(
        &Age,
        &Fixture {
            key: key(&own),
            foreign: key(&foreign),
            owner: &run(&owner, &Human::default(), &plugins),
            stranger: &run(&stranger, &NoPrompt, &plugins),
            spellings: &[&own.to_uppercase()],
            invalid: &[&own[..own.len() - 1], "age1test1"],
            hidden: &[&identity],
            stride: 40,
        },
    );
}

#[test]
fn ac_46_what_the_user_did_not_allow_is_not_started() {
    let bench = Bench::new();
    let plugin = bench.marking("age-plugin-evil", "exit 1");
    let open = bench.marking("open", "exit 1");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let folder = bench.0.path().join("folder");
    fs::create_dir(&folder).unwrap();
    let inside = folder.join("age-plugin-evil");
    fs::copy(&plugin, &inside).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let here = std::env::current_dir().unwrap();
    assert!(here.join(".git").exists(), "the tests run in a repository");
    let path = format!("{}:.:/usr/bin:/bin", bench.0.path().display());
    let own = id("age1evil", b"x");
    let identity = id("age-plugin-evil-", b"x").to_uppercase();
    let environment: Environment =
        [("PATH", path.as_str()), ("SEALEAF_IDENTITY", &identity)].into_iter().collect();
    for (plugins, why) in [
        (&[][..], "no program is allowed for the plugin `evil`"),
        (&[("other", plugin.as_path())], "no program is allowed for the plugin `evil`"),
        (&[("evil", Path::new("age-plugin-evil"))], "must be a whole path"),
        (&[("evil", Path::new("./age-plugin-evil"))], "must be a whole path"),
        (&[("evil", &here.join("scripts/setup.sh"))], "lies inside the repository"),
        (
            &[("evil", &here.join("../x/../").join(here.file_name().unwrap()).join("scripts/setup.sh"))],
            "inside",
        ),
        (&[("evil", &bench.0.path().join("missing"))], "is not there"),
        (&[("evil", bench.0.path())], "is no file"),
        (&[("evil", &open)], "can be changed by others"),
        (&[("evil", &inside)], "can be replaced by others"),
    ] {
        let run = run(&environment, &NoPrompt, plugins);
        match wrap(&own, &run) {
            Err(KeyError::Refused { reason, .. }) => assert!(reason.contains(why), "{reason}"),
            other => panic!("{why}: {other:?}"),
        }
        match unwrap(&own, stanza(), &run) {
            Unwrapped::Failed(error) => assert!(error.to_string().contains(why), "{error}"),
            other => panic!("{why}: {other:?}"),
        }
        assert!(!bench.mark().exists(), "{why}");
    }
    let nobody = run(&environment, &NoPrompt, &[("evil", &plugin)]);
    assert!(matches!(unwrap(&own, stanza(), &nobody), Unwrapped::Failed(_)) && !bench.mark().exists());
    let mut unattended = run(&environment, &NoPrompt, &[("evil", &plugin)]);
    unattended.unattended = true;
    assert!(wrap(&own, &unattended).is_err() && !bench.mark().exists());
    assert!(matches!(unwrap(&own, stanza(), &unattended), Unwrapped::Failed(_)) && !bench.mark().exists());
    // The stub does leave a mark where it may be started.
    assert!(
        wrap(&own, &run(&environment, &NoPrompt, &[("evil", &plugin)])).is_err() && bench.mark().exists()
    );
}

/// An age file for somebody.
fn stanza() -> Vec<u8> {
    let nobody = Environment::default();
    wrap(&super::super::generate("").unwrap().recipient, &Run::new(&nobody, &NoPrompt)).unwrap()
}

#[test]
fn ac_45_plugins_have_limits_and_see_no_secrets() {
    let bench = Bench::new();
    let own = id("age1x", b"x");
    let environment = environment(&[
        ("SEALEAF_IDENTITY", "AGE-SECRET-KEY-1SECRET"),
        ("SOPS_AGE_KEY", "y"),
        ("SEALEAF_AGE_PLUGIN_TIMEOUT", "1"),
    ]);
    let seen = bench.0.path().join("seen");
    for (body, why) in [
        ("echo '-> x'; yes $(printf %064d 0)", "it printed more than 65536 bytes"),
        ("head -c 100000 /dev/zero", "it printed more than 65536 bytes"),
        ("exit 0", "it ended in the middle of what it had to say"),
        ("sleep 600", "it did not end within 1 seconds"),
        ("exec <&- >&-; sleep 600", "it ended in the middle of what it had to say"),
        ("echo hello; echo", "what it says is not the protocol of age plugins"),
        ("echo '-> recipient-stanza 1 x'; echo; cat", "it gave a stanza that was not asked for"),
        ("echo '-> done'; echo", "it gave nothing"),
        ("printf -- '-> error internal\\nbm8ga2V5\\n-> done\\n\\n'; cat", "it says: no key"),
        ("printf -- '-> request-secret\\nUElO\\n-> done\\n\\n'; cat", "there is no terminal to answer on"),
    ] {
        let plugin = bench.program("p", &format!("#!/bin/sh\nenv > '{}'\n{body}\n", seen.display()));
        let error = wrap(&own, &run(&environment, &NoPrompt, &[("x", &plugin)])).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains(plugin.to_str().unwrap()), "{body}: {error}");
    }
    let seen = fs::read_to_string(seen).unwrap();
    assert!(seen.contains("PATH=") && !seen.contains("SECRET") && !seen.contains("SOPS_AGE_KEY"), "{seen}");
}

/// Answers what plugins ask.
#[derive(Default)]
struct Human(Mutex<Vec<String>>);

impl Human {
    fn hear(&self, what: &str, text: &str) {
        self.0.lock().unwrap().push(format!("{what} {text}"));
    }
}

impl Prompt for Human {
    fn passphrase(&self, _what: &str) -> Result<SecretText, PromptError> {
        Err(PromptError::Cancelled)
    }

    fn secret(&self, question: &str) -> Result<SecretText, PromptError> {
        self.hear("secret", question);
        Ok(SecretText::from("1234"))
    }

    fn answer(&self, question: &str) -> Result<String, PromptError> {
        self.hear("answer", question);
        Ok("slot 1".to_owned())
    }

    fn choose(&self, question: &str, yes: &str, no: Option<&str>) -> Result<bool, PromptError> {
        self.hear("choose", &format!("{question} {yes} {no:?}"));
        Ok(true)
    }

    fn tell(&self, message: &str) {
        self.hear("tell", message);
    }
}

#[test]
fn plugins_talk_to_the_user() {
    let bench = Bench::new();
    let plugin = bench.program("age-plugin-test", TEST_PLUGIN);
    let own = id("age1test", b"ask");
    let identity = id("age-plugin-test-", b"ask").to_uppercase();
    let environment = environment(&[("SEALEAF_IDENTITY", &identity)]);
    let human = Human::default();
    let run = run(&environment, &human, &[("test", &plugin)]);
    let wrapped = wrap(&own, &run).unwrap();
    let stanza = Stanza {
        recipient: Addressee { key: key(&own), name: String::new(), break_glass: false },
        wrapped: wrapped.clone(),
    };
    assert!(Age.may_ask(&stanza, &run));
    assert!(matches!(unwrap(&own, wrapped, &run), Unwrapped::Opened(secret) if secret.expose() == [5; 32]));
    assert_eq!(
        *human.0.lock().unwrap(),
        [
            "tell age plugin test: touch it now",
            "secret age plugin test: PIN",
            "answer age plugin test: which",
            "choose age plugin test: really yes Some(\"no\")",
        ]
    );
}

#[test]
fn texts_name_their_plugin() {
    let recipient = id("age1yubikey", &[3; 20]);
    assert!(Recipient::parse(&recipient).is_ok_and(|it| it.name == "yubikey" && it.text == recipient));
    let identity = id("age-plugin-yubi-key-", &[3; 20]);
    assert!(Identity::parse(&identity).is_ok_and(|it| it.name == "yubi-key"));
    assert!(Identity::parse(&identity.to_uppercase()).is_ok_and(|it| it.name == "yubi-key"));
    for (text, why) in [
        ("AGE-PLUGIN-../X-1QQ", Malformed::Name),
        ("AGE-PLUGIN--1QQ", Malformed::Name),
        ("AGE-PLUGIN-X1QQ", Malformed::Name),
        ("AGE-PLUGIN-X-1QQ", Malformed::Checksum),
    ] {
        assert_eq!(Identity::parse(text).err(), Some(why), "{text}");
    }
}

/// A plugin of no use: the recipient says which identity opens, and the file key is in clear.
const TEST_PLUGIN: &str = include_str!("../testdata/age-plugin-test");
