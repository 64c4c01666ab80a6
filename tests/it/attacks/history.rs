//! A file's versions, as key holders wrote them one after another.

use std::collections::HashMap;
use std::sync::OnceLock;

use sealeaf::envelope::native::RecordKey;
use sealeaf::file::{FileError, Next, OpenFile, SealedFile, Sealing, parse, seal};
use sealeaf::format::{Format, Limits, by_name};
use sealeaf::keys::{Environment, KeyRef, Keyring, NoPrompt, Recipient, Run, age};
use sealeaf::policy::{Cleartext, Comments, Integrity, Padding, Policy, Selection};
use sealeaf::secret::DataKey;

use super::content::Content;
use super::model::{self, Documents};
use super::render::render;
use crate::support::Dice;

/// Somebody with a key.
#[derive(Debug)]
pub(crate) struct User {
    environment: Environment,
    /// As recipient.
    pub(crate) recipient: Recipient,
}

/// One version.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) text: String,
    pub(super) file: SealedFile,
    pub(super) content: Content,
}

/// All versions of one file, the last one at the end.
pub(super) struct History {
    pub(super) format: &'static dyn Format,
    pub(super) versions: Vec<Version>,
    /// Another file of the same recipients.
    pub(super) other: Vec<Version>,
    /// What each wrap holds: file, epoch and data key. Stands for age, which would be most of the time.
    keys: HashMap<Vec<u8>, ([u8; 16], u32, DataKey)>,
    /// Whether only small edits were made, so that pieces of several versions fit together.
    calm: bool,
}

impl User {
    pub(crate) fn new(name: &str) -> Self {
        let identity = age::generate("2026-01-01T00:00:00Z").unwrap();
        let key = KeyRef { kind: "age".to_owned(), id: identity.recipient, context: Default::default() };
        Self {
            environment: [("SEALEAF_IDENTITY", identity.text.as_str())].into_iter().collect(),
            recipient: Recipient { key, name: name.to_owned(), break_glass: false },
        }
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&Keyring<'_>) -> T) -> T {
        act(&Keyring::new(&Run::new(&self.environment, &NoPrompt)))
    }

    /// Seals a text for these recipients.
    pub(crate) fn seal(
        &self,
        text: &str,
        format: &'static dyn Format,
        policy: Policy,
        recipients: &[Recipient],
    ) -> Result<String, FileError> {
        let limits = Limits::default();
        let sealing =
            Sealing { policy, access: recipients.into(), allow_no_secrets: true, allow_comments: true };
        let document = parse(text, format, &limits)?;
        Ok(self.with(|keyring| seal(document, format, &sealing, keyring, &limits))?.text.to_string())
    }

    /// Opens a text with the user's key.
    pub(crate) fn open(&self, text: &str, format: &'static dyn Format) -> Result<OpenFile, FileError> {
        let limits = Limits::default();
        let file = SealedFile::parse(text, format, &limits)?;
        self.with(|keyring| file.open(keyring, &limits))
    }

    /// The next version's text.
    pub(crate) fn next(&self, open: &OpenFile, next: Next) -> Result<String, FileError> {
        let next = Next { allow_no_secrets: true, allow_comments: true, ..next };
        Ok(self.with(|keyring| open.next(next, keyring, &Limits::default()))?.sealed.text.to_string())
    }

    /// The next version's text, of this plain text.
    pub(crate) fn edit(&self, open: &OpenFile, plain: &str) -> Result<String, FileError> {
        let plain = parse(plain, open.sealed_file().format(), &Limits::default())?;
        self.next(open, Next { plain: Some(plain), ..Next::default() })
    }
}

/// Four users; the first is a recipient of every file.
pub(crate) fn users() -> &'static [User] {
    static USERS: OnceLock<Vec<User>> = OnceLock::new();
    USERS.get_or_init(|| ["alice", "bob", "carol", "dave"].map(User::new).into())
}

impl History {
    /// A random file of up to seven versions. Nothing that a key holder does may fail because the sealed text would not
    /// open again; what is refused for another reason did not happen.
    pub(super) fn random(dice: &mut Dice, format: &str) -> Self {
        let format = by_name(format).unwrap();
        let mut history = Self {
            format,
            versions: Vec::new(),
            other: Vec::new(),
            keys: HashMap::new(),
            calm: dice.chance(60),
        };
        let mut plain = history.begin(dice);
        history.other = std::mem::take(&mut history.versions);
        if dice.chance(50) {
            plain = history.begin(dice);
        } else {
            history.first(dice, &render(&plain, format.name()));
        }
        if history.versions.is_empty() {
            plain = history.begin(dice);
        }
        for _ in 0..2 + dice.roll(4) {
            history.step(dice, &mut plain);
        }
        if dice.chance(40) {
            history.merge(dice, &plain);
        }
        history
    }

    /// A file of one version.
    pub(super) fn of(format: &str, plain: &str, policy: Policy) -> Self {
        let format = by_name(format).unwrap();
        let mut history =
            Self { format, versions: Vec::new(), other: Vec::new(), keys: HashMap::new(), calm: true };
        let alice = &users()[0];
        history.add(alice.seal(plain, format, policy, std::slice::from_ref(&alice.recipient)));
        history
    }

    /// The newest version.
    pub(super) fn last(&self) -> &Version {
        self.versions.last().unwrap()
    }

    /// Opens a text as a recipient would, unwrapping by memory.
    pub(super) fn open(&self, text: &str) -> Result<OpenFile, FileError> {
        let limits = Limits::default();
        let file = SealedFile::parse(text, self.format, &limits)?;
        let header = file.header();
        let wraps = header.groups.iter().flat_map(|group| &group.stanzas);
        let known = wraps.map(|stanza| &stanza.wrapped).find_map(|wrapped| self.keys.get(wrapped));
        let fits = known.filter(|(fid, epoch, _)| (*fid, *epoch) == (header.fid, header.epoch));
        let key = match fits {
            Some((_, _, key)) if header.threshold == 1 => key.clone(),
            _ => return users()[0].with(|keyring| file.open(keyring, &limits)),
        };
        file.open_with(key, &limits)
    }

    /// The first version of a random file.
    fn begin(&mut self, dice: &mut Dice) -> Documents {
        loop {
            let plain = model::documents(dice, self.format.name() == "yaml");
            if self.first(dice, &render(&plain, self.format.name())) {
                return plain;
            }
        }
    }

    fn first(&mut self, dice: &mut Dice, plain: &str) -> bool {
        let sealed = users()[0].seal(plain, self.format, policy(dice), &recipients(dice));
        self.add(sealed)
    }

    /// Adds a version that was written.
    fn add(&mut self, sealed: Result<String, FileError>) -> bool {
        let text = match sealed {
            Ok(text) => text,
            Err(FileError::Unopenable(error)) => panic!("sealed, and does not open: {error}"),
            Err(_) => return false,
        };
        if self.versions.last().is_some_and(|version| version.text == text) {
            return false;
        }
        let file = SealedFile::parse(&text, self.format, &Limits::default()).unwrap();
        let known = file.header().groups.iter().flat_map(|group| &group.stanzas);
        let open = match known.clone().find_map(|stanza| self.keys.get(&stanza.wrapped)) {
            Some((_, _, key)) => file.open_with(key.clone(), &Limits::default()).unwrap(),
            None => users()[0].with(|keyring| file.open(keyring, &Limits::default())).unwrap(),
        };
        let (fid, epoch) = (open.header().fid, open.header().epoch);
        let wraps = open.header().groups.iter().flat_map(|group| &group.stanzas);
        let wraps = wraps.map(|stanza| (stanza.wrapped.clone(), (fid, epoch, open.data_key().clone())));
        self.keys.extend(wraps);
        let file = SealedFile::parse(&text, self.format, &Limits::default()).unwrap();
        self.versions.push(Version { content: Content::of(&open), text, file });
        true
    }

    /// One more version after the last.
    fn step(&mut self, dice: &mut Dice, plain: &mut Documents) {
        let open = self.open(&self.last().text).unwrap();
        let (sealed, edited) = self.written(dice, &open, plain);
        if self.add(sealed)
            && let Some(edited) = edited
        {
            *plain = edited;
        }
    }

    fn written(
        &self,
        dice: &mut Dice,
        open: &OpenFile,
        plain: &Documents,
    ) -> (Result<String, FileError>, Option<Documents>) {
        let user = &users()[0];
        match if self.calm { 9 } else { dice.roll(12) } {
            0 => {
                let now = recipients(dice);
                (user.next(open, Next { access: Some(now.to_vec().into()), ..Next::default() }), None)
            }
            1 => (user.next(open, Next { rotate: dice.chance(70), ..Next::default() }), None),
            2 => (user.next(open, Next { policy: Some(policy(dice)), ..Next::default() }), None),
            3 => (user.next(open, Next { touch: touch(dice, open), ..Next::default() }), None),
            _ => {
                let mut edited = plain.clone();
                for _ in 0..1 + dice.roll(2) {
                    if self.calm && dice.chance(70) {
                        model::change_value(&mut edited, dice);
                    } else {
                        model::edit(&mut edited, dice, self.format.name() == "yaml");
                    }
                }
                if edited.is_empty() {
                    return (Err(FileError::NothingSealed), None);
                }
                (user.edit(open, &render(&edited, self.format.name())), Some(edited))
            }
        }
    }

    /// Two branches, their text merge where it is clean and opens, and sometimes its reseal.
    fn merge(&mut self, dice: &mut Dice, plain: &Documents) {
        let base = self.last().text.clone();
        let open = self.open(&base).unwrap();
        let sides = [(); 2].map(|()| self.written(dice, &open, plain).0);
        let [Ok(ours), Ok(theirs)] = sides else { return };
        if ours == base || theirs == base || ours == theirs {
            return;
        }
        let Ok(merged) = diffy::merge(&base, &ours, &theirs) else { return };
        let Ok(open) = self.open(&merged) else { return };
        self.add(Ok(ours));
        self.add(Ok(theirs));
        let touch = touch(dice, &open);
        self.add(Ok(merged));
        if dice.chance(60) {
            self.add(users()[0].next(&open, Next { touch, ..Next::default() }));
        }
    }
}

fn touch(dice: &mut Dice, open: &OpenFile) -> Option<RecordKey> {
    let order = open.sealed_file().sealed().record_order();
    Some(dice.pick(&order).clone())
}

fn recipients(dice: &mut Dice) -> Vec<Recipient> {
    let mut chosen = vec![users()[0].recipient.clone()];
    for user in &users()[1..] {
        if dice.chance(30) {
            chosen.insert(dice.roll(chosen.len() + 1), user.recipient.clone());
        }
    }
    chosen
}

fn policy(dice: &mut Dice) -> Policy {
    let (encrypt, clear) = *dice.pick(RULES);
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Policy {
        selection: Selection::parse(&list(encrypt), &list(clear)).unwrap(),
        integrity: *dice.pick(&[Integrity::Linked, Integrity::Linked, Integrity::Sealed]),
        cleartext: *dice.pick(&[Cleartext::Bound, Cleartext::Bound, Cleartext::Free]),
        comments: *dice.pick(&[Comments::Plain, Comments::Encrypt, Comments::Encrypt, Comments::Strip]),
        padding: *dice.pick(&[Padding::Buckets, Padding::Buckets, Padding::None]),
        scope: (*dice.pick(&["", "", "prod"])).to_owned(),
    }
}

const RULES: &[(&[&str], &[&str])] = &[
    (&["**"], &[]),
    (&["**"], &["**.host", "**.port"]),
    (&["**"], &["db"]),
    (&["**.pw", "**.key"], &[]),
    (&["**.pw", "**.x", "**.y", "**.user"], &[]),
    (&["db", "env"], &["**.url"]),
];
