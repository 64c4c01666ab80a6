use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use ::age::secrecy::SecretString;

use super::*;
use crate::keys::contract::{self, Fixture};
use crate::keys::{Keyring, NoPrompt, Prompt, PromptError, Recipient as Addressee, UnwrapError};

const ALICE: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
const ALICE_ID: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
const ED25519: &str = include_str!("testdata/ed25519");
const ED25519_ID: &str = include_str!("testdata/ed25519.pub");
const LOCKED: &str = include_str!("testdata/ed25519_locked");
const LOCKED_ID: &str = include_str!("testdata/ed25519_locked.pub");
const RSA: &str = include_str!("testdata/rsa");
const RSA_ID: &str = include_str!("testdata/rsa.pub");
const ECDSA: &str = include_str!("testdata/ecdsa");
const PASSPHRASE: &str = "open sesame";

/// A home folder of its own, gone at the end.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("sealeaf-age-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = File::create(&path).unwrap();
        file.write_all(content.as_ref()).unwrap();
        file.set_permissions(fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    }

    fn environment(&self, variables: &[(&str, &str)]) -> Environment {
        let home = ("HOME", self.0.to_str().unwrap());
        let path = ("PATH", "/usr/bin:/bin");
        variables.iter().copied().chain([home, path]).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Gives prepared answers, and remembers the questions.
#[derive(Default)]
struct Answers(Mutex<Vec<&'static str>>, Mutex<Vec<String>>);

impl Answers {
    fn new(answers: &[&'static str]) -> Self {
        Self(Mutex::new(answers.iter().rev().copied().collect()), Mutex::default())
    }

    fn questions(&self) -> Vec<String> {
        let names = |question: &String| question.rsplit('/').next().unwrap_or_default().to_owned();
        self.1.lock().unwrap().iter().map(names).collect()
    }
}

impl Prompt for Answers {
    fn passphrase(&self, what: &str) -> Result<SecretText, PromptError> {
        self.1.lock().unwrap().push(what.to_owned());
        self.0.lock().unwrap().pop().map(SecretText::from).ok_or(PromptError::Cancelled)
    }
}

fn stanza(id: &str) -> Stanza {
    let key = KeyRef { kind: KIND.to_owned(), id: Age.parse(id).unwrap(), context: Default::default() };
    let nobody = Environment::default();
    let secret = SecretBytes::new(id.as_bytes().to_vec());
    let wrapped = wrap(id, &secret, &Run::new(&nobody, &NoPrompt)).unwrap();
    Stanza { recipient: Addressee { key, name: String::new(), break_glass: false }, wrapped }
}

/// An age file under the passphrase, of little work.
fn locked_file(text: &str) -> Vec<u8> {
    let mut recipient = ::age::scrypt::Recipient::new(SecretString::from(PASSPHRASE));
    recipient.set_work_factor(4);
    ::age::encrypt(&recipient, text.as_bytes()).unwrap()
}

fn armored(binary: &[u8]) -> Vec<u8> {
    let mut writer =
        ::age::armor::ArmoredWriter::wrap_output(Vec::new(), ::age::armor::Format::AsciiArmor).unwrap();
    writer.write_all(binary).unwrap();
    writer.finish().unwrap()
}

fn context() -> WrapContext {
    WrapContext { fid: [0; 16], epoch: 1 }
}

fn attempt(
    environment: &Environment,
    prompt: &(dyn Prompt + Sync),
    ids: &[&str],
) -> Result<String, UnwrapError> {
    let run = Run::new(environment, prompt);
    let stanzas: Vec<Stanza> = ids.iter().map(|id| stanza(id)).collect();
    let opened = Keyring::new(&run).unwrap(&stanzas, &context())?;
    Ok(String::from_utf8(opened.1.expose().to_vec()).unwrap())
}

/// Opens a file for `id` alone; the reason where it does not open, with the home folder written as `~`.
fn check(home: &Home, variables: &[(&str, &str)], id: &str, expect: Result<(), &str>) {
    let got = attempt(&home.environment(variables), &NoPrompt, &[id]);
    let home = home.0.to_str().unwrap();
    let got = got.map(drop).map_err(|error| error.attempts[0].why.replace(home, "~"));
    assert_eq!(got, expect.map_err(str::to_owned));
}

fn contract_of(id: &str, foreign: &str, private: &str, stride: usize, spellings: &[&str]) {
    let (owner_home, stranger_home) = (Home::new(), Home::new());
    owner_home.file(".ssh/id_test", private);
    let owner = owner_home.environment(&[("SEALEAF_IDENTITY", private)]);
    let stranger = stranger_home.environment(&[]);
    let key =
        |id: &str| KeyRef { kind: KIND.to_owned(), id: id.trim().to_owned(), context: Default::default() };
    // The first lines of an ssh key hold its public half.
    let hidden: Vec<&str> = private.lines().rev().take(20).filter(|line| line.len() > 60).take(10).collect();
    contract::all(
        &Age,
        &Fixture {
            key: key(id),
            foreign: key(foreign),
            owner: &Run::new(&owner, &NoPrompt),
            stranger: &Run::new(&stranger, &NoPrompt),
            spellings,
            invalid: &[
                "",
                "x",
                private,
                "age1yubikey1qqqq",
                "age1",
                "ssh-ed25519",
                "--output",
                "age1\n",
                "ssh-rsa AAAA",
            ],
            hidden: &hidden,
            stride,
        },
    );
}

#[test]
fn contract_of_x25519() {
    let foreign = generate("now").unwrap().recipient;
    contract_of(ALICE_ID, &foreign, ALICE, 1, &[&format!(" {ALICE_ID}\n"), &ALICE_ID.to_uppercase()]);
}

#[test]
fn contract_of_post_quantum_keys() {
    let (own, foreign) = (generate_post_quantum("now").unwrap(), generate_post_quantum("").unwrap());
    let line = own.text.lines().last().unwrap();
    contract_of(&own.recipient, &foreign.recipient, line, 41, &[&own.recipient.to_uppercase()]);
}

#[test]
fn contract_of_ssh_ed25519() {
    let spelling = format!("{} alice@example.org", ED25519_ID.trim());
    contract_of(ED25519_ID, include_str!("testdata/stranger_ed25519.pub"), ED25519, 1, &[&spelling]);
}

#[test]
fn contract_of_ssh_rsa() {
    let spelling = format!("{} alice", RSA_ID.trim());
    contract_of(RSA_ID, include_str!("testdata/stranger_rsa.pub"), RSA, 16, &[&spelling]);
}

#[test]
fn a_wrap_is_a_binary_age_file_for_one_recipient() {
    let wrapped = stanza(ALICE_ID).wrapped;
    assert!(wrapped.starts_with(b"age-encryption.org/v1\n-> X25519 "));
    let text = String::from_utf8_lossy(&wrapped);
    let stanzas = text.lines().filter(|line| line.starts_with("-> ") && !line.contains("-grease "));
    assert_eq!(stanzas.filter(|line| !line.ends_with("-grease")).count(), 1);
}

#[test]
fn identities_come_from_every_place() {
    for (variables, file) in [
        (&[("SEALEAF_IDENTITY", ALICE)][..], None),
        (&[("SEALEAF_IDENTITY", "~/k")], Some("k")),
        (&[("SEALEAF_IDENTITY_FILE", "~/k")], Some("k")),
        (&[("SEALEAF_IDENTITY_FILE", ALICE)], None),
        (&[("SEALEAF_IDENTITY_CMD", "cat ~/k")], Some("k")),
        (&[], Some(".config/sealeaf/keys.txt")),
        (&[("SOPS_AGE_KEY", ALICE)], None),
        (&[("SOPS_AGE_KEY", "~/k")], Some("k")),
        (&[("SOPS_AGE_KEY_FILE", "~/k")], Some("k")),
        (&[("SOPS_AGE_KEY_CMD", "cat ~/k")], Some("k")),
    ] {
        let home = Home::new();
        file.map(|name| home.file(name, format!("# created: today\r\n\r\n{ALICE}\r\n")));
        check(&home, variables, ALICE_ID, Ok(()));
    }
    #[cfg(not(target_os = "macos"))]
    {
        let home = Home::new();
        home.file(".config/sops/age/keys.txt", ALICE);
        check(&home, &[], ALICE_ID, Ok(()));
    }
}

#[test]
fn ssh_keys_come_from_the_ssh_folder_and_variables() {
    let home = Home::new();
    home.file(".ssh/config", "Host *");
    home.file(".ssh/known_hosts", vec![0; 100]);
    home.file(".ssh/work", RSA);
    home.file(".ssh/work.pub", RSA_ID);
    home.file(".ssh/id_ecdsa", ECDSA);
    check(&home, &[], RSA_ID, Ok(()));
    let path = home.file("elsewhere", ED25519);
    check(&home, &[("SOPS_AGE_SSH_PRIVATE_KEY_FILE", &path)], ED25519_ID, Ok(()));
    check(&home, &[("SEALEAF_IDENTITY", ED25519)], ED25519_ID, Ok(()));
    check(&home, &[("SEALEAF_IDENTITY", &format!("{ALICE}\n{ED25519}\n# and\n{RSA}"))], RSA_ID, Ok(()));
}

#[test]
fn reasons_say_where_was_looked_and_what_was_wrong() {
    let home = Home::new();
    check(&home, &[], ALICE_ID, Err("no identity for it; you have no identity"));
    let other = generate("").unwrap().text;
    check(
        &home,
        &[("SEALEAF_IDENTITY", &other)],
        ALICE_ID,
        Err("no identity for it; looked at 1 identity in SEALEAF_IDENTITY"),
    );
    let file = home.file("k", format!("{}AGE-PLUGIN-YUBIKEY-1QQ\nhello\n{ALICE}X", &*other));
    check(
        &home,
        &[("SEALEAF_IDENTITY_FILE", &file), ("SOPS_AGE_KEY_FILE", "/nowhere"), ("SOPS_AGE_KEY", "secret")],
        ALICE_ID,
        Err(
            "no identity for it; looked at 1 identity in ~/k; ~/k: line 4: the checksum of this identity does not fit; was it copied whole?; \
             ~/k: line 5: this is no identity; \
             ~/k: line 6: the checksum of this identity does not fit; was it copied whole?; \
             SOPS_AGE_KEY: it holds no identity, and is not the path of a file; \
             SOPS_AGE_KEY_FILE: `/nowhere`: there is no such file",
        ),
    );
    check(
        &home,
        &[("SEALEAF_IDENTITY_CMD", "exit 2"), ("SOPS_AGE_KEY_FILE", "/")],
        ALICE_ID,
        Err(
            "no identity for it; you have no identity; SEALEAF_IDENTITY_CMD: the command failed (exit status: 2); \
             SOPS_AGE_KEY_FILE: `/`: it is a folder",
        ),
    );
}

#[test]
fn later_places_are_not_looked_at_when_an_earlier_one_opens() {
    let home = Home::new();
    let trace = home.0.join("ran");
    let command = format!("touch {}; echo {ALICE}", trace.display());
    check(&home, &[("SEALEAF_IDENTITY", ALICE), ("SEALEAF_IDENTITY_CMD", &command)], ALICE_ID, Ok(()));
    assert!(!trace.exists());
    check(&home, &[("SEALEAF_IDENTITY_CMD", &command)], ALICE_ID, Ok(()));
    assert!(trace.exists());
}

#[test]
fn a_command_runs_once_in_a_run() {
    let home = Home::new();
    let command = "echo x >>~/ran; exit 1";
    let environment = home.environment(&[("SEALEAF_IDENTITY_CMD", command)]);
    assert!(attempt(&environment, &NoPrompt, &[ALICE_ID, ED25519_ID, RSA_ID]).is_err());
    assert_eq!(fs::read_to_string(home.0.join("ran")).unwrap(), "x\n");
}

#[test]
fn files_under_a_passphrase_are_asked_for_once_and_last() {
    for armor in [false, true] {
        let home = Home::new();
        let file = locked_file(&format!("# mine\n{ALICE}\n"));
        home.file(".config/sealeaf/keys.txt", if armor { armored(&file) } else { file });
        home.file(".ssh/id_ed25519", ED25519);
        let environment = home.environment(&[]);
        let answers = Answers::new(&[PASSPHRASE]);
        let opened = attempt(&environment, &answers, &[ALICE_ID, ED25519_ID]).unwrap();
        assert_eq!((opened.as_str(), answers.questions().len()), (ED25519_ID, 0));

        let run = Run::new(&environment, &answers);
        let keyring = Keyring::new(&run);
        assert_eq!(unread_places(&run), [home.0.join(".config/sealeaf/keys.txt").display().to_string()]);
        for _ in 0..2 {
            keyring.unwrap(&[stanza(ALICE_ID)], &context()).unwrap();
        }
        assert_eq!(answers.questions(), ["keys.txt"]);
        assert_eq!(own_recipients(&run).len(), 2);
    }
}

#[test]
fn a_wrong_passphrase_is_asked_again_but_not_for_ever() {
    let home = Home::new();
    home.file(".config/sealeaf/keys.txt", locked_file(ALICE));
    let environment = home.environment(&[]);
    let answers = Answers::new(&["wrong", PASSPHRASE]);
    attempt(&environment, &answers, &[ALICE_ID]).unwrap();
    assert_eq!(answers.questions(), ["keys.txt", "keys.txt (that was wrong; try 2 of 3)"]);

    let why = |answers: &Answers| {
        let error = attempt(&environment, answers, &[ALICE_ID]).unwrap_err();
        error.attempts[0].why.rsplit("keys.txt: ").next().unwrap_or_default().to_owned()
    };
    assert_eq!(why(&Answers::new(&["a", "b", "c", PASSPHRASE])), "the passphrase is wrong");
    assert_eq!(why(&Answers::new(&["a", "a", PASSPHRASE])), "the passphrase is wrong");
    assert_eq!(why(&Answers::new(&[])), "it has a passphrase, and no passphrase was given");
}

#[test]
fn ssh_keys_under_a_passphrase_are_asked_for_only_where_they_fit() {
    let home = Home::new();
    home.file(".ssh/id_ed25519", LOCKED);
    let environment = home.environment(&[]);
    let answers = Answers::new(&[PASSPHRASE]);
    let error = attempt(&environment, &answers, &[ED25519_ID, RSA_ID, ALICE_ID]).unwrap_err();
    assert_eq!((error.failed, answers.questions().len()), (false, 0));
    attempt(&environment, &answers, &[ED25519_ID, LOCKED_ID]).unwrap();
    assert_eq!(answers.questions(), ["id_ed25519"]);
    check(
        &home,
        &[],
        LOCKED_ID,
        Err(
            "the identity in ~/.ssh/id_ed25519 fits, but it has a passphrase, and there is no terminal to ask for \
             the passphrase",
        ),
    );
}

#[test]
fn a_matching_key_that_cannot_be_used_is_a_failure() {
    let home = Home::new();
    let pem = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n\
               -----END RSA PRIVATE KEY-----\n";
    home.file(".ssh/old", pem);
    home.file(".ssh/old.pub", format!("{} alice@old", RSA_ID.trim()));
    check(
        &home,
        &[],
        RSA_ID,
        Err(
            "the identity in ~/.ssh/old fits, but its file format is an old one; `ssh-keygen -o -p -f FILE` \
             rewrites it",
        ),
    );
}

#[test]
fn break_glass_keys_wait_until_they_are_asked_for() {
    let home = Home::new();
    let environment = home.environment(&[("SEALEAF_IDENTITY", ALICE)]);
    let mut run = Run::new(&environment, &NoPrompt);
    let mut stanza = stanza(ALICE_ID);
    stanza.recipient.break_glass = true;
    stanza.recipient.name = "safe".to_owned();
    let error = Keyring::new(&run).unwrap(&[stanza.clone()], &context()).unwrap_err();
    assert_eq!(error.to_string(), "no usable key: the file's only recipient is not you");
    assert_eq!(error.attempts[0].to_string(), format!("safe ({ALICE_ID}): break-glass key, not asked for"));
    run.break_glass = true;
    Keyring::new(&run).unwrap(&[stanza], &context()).unwrap();
}

#[test]
fn files_that_others_can_read_are_used_with_a_warning() {
    let home = Home::new();
    let path = home.file("k", ALICE);
    let environment = home.environment(&[("SEALEAF_IDENTITY_FILE", &path)]);
    for (mode, expect) in [
        (0o600, vec![]),
        (0o640, vec![format!("`{path}` is open to other users (mode 0640); `chmod 600` closes it")]),
    ] {
        fs::set_permissions(Path::new(&path), fs::Permissions::from_mode(mode)).unwrap();
        let run = Run::new(&environment, &NoPrompt);
        Keyring::new(&run).unwrap(&[stanza(ALICE_ID)], &context()).unwrap();
        assert_eq!(warnings(&run), expect);
    }
}

#[test]
fn generated_identities_have_the_form_of_age_keygen() {
    let new = generate("2026-01-31T12:00:00Z\n").unwrap();
    let lines: Vec<&str> = new.text.lines().collect();
    let [created, public, secret] = lines[..] else { panic!("three lines") };
    assert_eq!(created, "# created: 2026-01-31T12:00:00Z");
    assert_eq!(public, format!("# public key: {}", new.recipient));
    assert!(secret.starts_with("AGE-SECRET-KEY-1") && secret.len() == ALICE.len());
    assert_eq!(recipients_of(&new.text), [new.recipient]);
}

#[test]
fn public_halves_of_a_text() {
    let text = format!("{ALICE} {ALICE}\n{ED25519}{RSA}{LOCKED}{ECDSA}nonsense");
    let expect = [ALICE_ID, ALICE_ID, ED25519_ID.trim(), RSA_ID.trim(), LOCKED_ID.trim()];
    assert_eq!(recipients_of(&text), expect);
    assert!(recipients_of("").is_empty());
}

#[test]
fn own_recipients_start_and_ask_nothing() {
    let home = Home::new();
    let trace = home.0.join("ran");
    let command = format!("touch {}", trace.display());
    let file = home.file("k", locked_file(ALICE));
    home.file(".ssh/id_rsa", RSA);
    home.file(".ssh/id_ed25519", LOCKED);
    let environment = home.environment(&[
        ("SEALEAF_IDENTITY", ALICE),
        ("SEALEAF_IDENTITY_CMD", &command),
        ("SEALEAF_IDENTITY_FILE", &file),
    ]);
    let answers = Answers::default();
    let run = Run::new(&environment, &answers);
    let ids: Vec<String> = own_recipients(&run).into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids, [ALICE_ID, LOCKED_ID.trim(), RSA_ID.trim()]);
    assert_eq!(unread_places(&run), [file, "SEALEAF_IDENTITY_CMD".to_owned()]);
    assert!(!trace.exists() && answers.questions().is_empty());
}

#[test]
fn wrapping_for_several_keeps_the_order_and_names_the_first_failure() {
    let environment = Environment::default();
    let run = Run::new(&environment, &NoPrompt);
    let addressee = |id: &str| stanza(id).recipient;
    let mut recipients = vec![addressee(RSA_ID), addressee(ALICE_ID)];
    let secret = SecretBytes::new(vec![1; 69]);
    let stanzas = Keyring::new(&run).wrap(&recipients, &secret, &context()).unwrap();
    assert!(stanzas.iter().map(|stanza| &stanza.recipient).eq(&recipients));
    recipients[0].key.id = "age1nobody".to_owned();
    recipients[1].key.kind = "hckms".to_owned();
    let error = Keyring::new(&run).wrap(&recipients, &secret, &context()).unwrap_err();
    assert_eq!(error.to_string(), "unknown key type `hckms`");
}

#[test]
fn stanzas_of_other_kinds_are_listed_in_their_place() {
    let environment = Environment::default();
    let run = Run::new(&environment, &NoPrompt);
    let mut stanzas = vec![stanza(ALICE_ID), stanza(ALICE_ID), stanza(ALICE_ID)];
    stanzas[0].recipient.key.kind = "hckms".to_owned();
    stanzas[1].recipient.key.id = "age1yubikey1qq".to_owned();
    let error = Keyring::new(&run).unwrap(&stanzas, &context()).unwrap_err();
    let reasons: Vec<&str> = error.attempts.iter().map(|attempt| attempt.why.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "unknown key type `hckms`",
            "`age1yubikey1qq` is no age key: its checksum does not fit; is a character missing or mistyped?",
            "no identity for it; you have no identity",
        ]
    );
    assert_eq!(error.to_string(), "no usable key: none of the file's 3 recipients is you");
}
