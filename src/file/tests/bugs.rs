//! What once went wrong, each by the name of its bug.

use super::{User, only, opened};
use crate::envelope::native::{EnvelopeError, Group, State, wrap};
use crate::file::groups::wrap_for;
use crate::file::seal::{Target, write};
use crate::file::{FileError, Next, SealedFile, Sealing, parse, seal};
use crate::format::{Limits, by_name};
use crate::keys::WrapContext;
use crate::policy::{Cleartext, Comments, Policy};
use crate::secret::DataKey;

fn secrets_only() -> Policy {
    Policy { selection: only(&["**.pw"], &[]), ..Policy::default() }
}

/// The engine skips a byte order mark before a document, so that a directive behind one was seen by readers and bound
/// by nothing; and other readers take a second mark into the first key.
#[test]
fn a_byte_order_mark_hid_a_directive() {
    let user = User::new("alice");
    let yaml = by_name("yaml").unwrap();
    let sealed = user.seal("a: yes\npw: !x secret\n---\nb: 1\n", yaml, secrets_only()).text;
    for directive in ["%YAML 1.1\n", "%TAG ! tag:example.org,2000:\n"] {
        let front = format!("\u{feff}{directive}---\n{}", &*sealed);
        assert!(opened(&user, &front, yaml).is_err(), "{directive}");
        let middle = sealed.replacen("---\n", &format!("...\n\u{feff}{directive}---\n"), 1);
        assert!(opened(&user, &middle, yaml).is_err(), "{directive}");
    }
    for mark in ["\u{feff}\u{feff}", "# x\n\u{feff}"] {
        assert!(opened(&user, &format!("{mark}{}", &*sealed), yaml).is_err(), "{mark:?}");
    }
    let own = "\u{feff}%TAG ! tag:example.org,2000:\n---\npw: !x secret\n";
    let sealed = user.seal(own, yaml, secrets_only()).text;
    assert_eq!(opened(&user, &sealed, yaml).unwrap(), (State::Sealed, own.to_owned()));
    assert!(opened(&user, &sealed.replace("%TAG ! tag:example.org,2000:\n", ""), yaml).is_err());
}

/// Comments were put back in stream order, which in TOML is not the order of positions: such a file was sealed and
/// could not be opened.
#[test]
fn encrypted_toml_comments_did_not_open() {
    let user = User::new("alice");
    let toml = by_name("toml").unwrap();
    let text = "# one\na = {} # two\nb = [ # three\n  1, # four\n]\n# five\n[t] # six\n# seven\npw = \"x\"\n";
    let policy = Policy { comments: Comments::Encrypt, ..secrets_only() };
    let sealed = user.seal(text, toml, policy).text;
    assert_eq!(opened(&user, &sealed, toml).unwrap(), (State::Sealed, text.to_owned()));
}

/// Above the first header they stood behind the root, wherever in it they were.
#[test]
fn ac_19_encrypted_toml_comments_could_move_among_the_first_keys() {
    let user = User::new("alice");
    let toml = by_name("toml").unwrap();
    let policy = Policy { comments: Comments::Encrypt, ..Policy::default() };
    let sealed = user.seal("a = 1\n# of b\nb = 2\nc = 3\n", toml, policy).text;
    let mut lines: Vec<&str> = sealed.split_inclusive('\n').collect();
    lines.swap(1, 2);
    assert!(opened(&user, &lines.concat(), toml).is_err());
}

/// The limit of values held for metadata too, of which each top-level key in clear has two.
#[test]
fn a_file_at_the_limit_of_values_was_sealed_and_not_opened() {
    let user = User::new("alice");
    let limits = Limits { leaves: 40, ..Limits::default() };
    let text: String = (0..limits.leaves).map(|key| format!("k{key}: v\n")).collect();
    let yaml = by_name("yaml").unwrap();
    let recipients = [user.recipient.clone()];
    let sealing = Sealing {
        policy: secrets_only(),
        access: recipients.to_vec().into(),
        allow_no_secrets: true,
        allow_comments: true,
    };
    let document = parse(&text, yaml, &limits).unwrap();
    let sealed = user.with(|keyring| seal(document, yaml, &sealing, keyring, &limits)).unwrap().text;
    let file = SealedFile::parse(&sealed, yaml, &limits).unwrap();
    assert_eq!(user.with(|keyring| file.open(keyring, &limits)).unwrap().plain().source.as_str(), text);
}

/// A group of more recipients than a reader takes was written.
#[test]
fn too_many_recipients_made_a_file_that_nobody_could_open() {
    let user = User::new("alice");
    let json = by_name("json").unwrap();
    let limits = Limits::default();
    let recipients: Vec<_> = (0..65).map(|_| User::new("bob").recipient).collect();
    let sealing = |count: usize| Sealing {
        policy: Policy::default(),
        access: recipients[..count].into(),
        allow_no_secrets: true,
        allow_comments: true,
    };
    for (count, expect) in [(64, true), (65, false)] {
        let document = parse("{\"a\": 1}\n", json, &limits).unwrap();
        let sealed = user.with(|keyring| seal(document, json, &sealing(count), keyring, &limits));
        assert_eq!(sealed.is_ok(), expect, "{count}");
    }
}

/// A rule that encrypts comments no more put them into clear without a look.
#[test]
fn secrets_in_encrypted_comments_became_clear_with_a_new_rule() {
    let user = User::new("alice");
    let yaml = by_name("yaml").unwrap();
    let policy = Policy { comments: Comments::Encrypt, ..Policy::default() };
    let sealed = user.seal("a: 1\n# password: hunter2\nb: 2\n", yaml, policy).text;
    let open = user.open(&sealed, yaml);
    for (allow_comments, expect) in [(false, false), (true, true)] {
        let next = Next { policy: Some(Policy::default()), allow_comments, ..Next::default() };
        let change = user.with(|keyring| open.next(next, keyring, &Limits::default()));
        assert_eq!(change.is_ok(), expect);
    }
}

/// Seals `a: 1` with these groups under that epoch.
fn with_groups(user: &User, epoch: u32, others: &[&User]) -> String {
    let (yaml, limits, key) = (by_name("yaml").unwrap(), Limits::default(), DataKey::generate().unwrap());
    let document = parse("a: 1\n", yaml, &limits).unwrap();
    let fid = [7; 16];
    let mut groups = user
        .with(|keyring| wrap_for(&vec![user.recipient.clone()].into(), &key, &fid, epoch, keyring))
        .unwrap();
    for (index, other) in others.iter().enumerate() {
        let secret =
            wrap::encode(key.expose(), &fid, epoch, u8::try_from(index + 1).unwrap(), wrap::Part::Whole);
        let context = WrapContext { fid, epoch };
        let recipients = [other.recipient.clone()];
        let stanzas = user.with(|keyring| keyring.wrap(&recipients, &secret, &context)).unwrap();
        groups.push(Group { check: None, stanzas });
    }
    let policy = Policy::default();
    let target = Target { policy, groups, threshold: 1, fid, epoch, key: &key, before: None, touch: None };
    write(&document, yaml, target, false, &limits).unwrap().text.to_string()
}

/// The number of the data key stood still, so that two keys had one.
#[test]
fn the_last_epoch_was_used_twice() {
    let user = User::new("alice");
    let open = user.open(&with_groups(&user, u32::MAX, &[]), by_name("yaml").unwrap());
    let next = Next { rotate: true, ..Next::default() };
    let error = user.with(|keyring| open.next(next, keyring, &Limits::default())).unwrap_err();
    assert!(matches!(error, FileError::Envelope(EnvelopeError::Exhausted)));
}

/// Wraps of a second group were kept in the first one, where their header does not fit.
#[test]
fn wraps_of_a_second_group_did_not_open_in_the_first() {
    let (alice, bob) = (User::new("alice"), User::new("bob"));
    let yaml = by_name("yaml").unwrap();
    let sealed = with_groups(&alice, 1, &[&bob]);
    assert_eq!(bob.open(&sealed, yaml).plain().source.as_str(), "a: 1\n");
    let both = [alice.recipient.clone(), bob.recipient.clone()];
    let next = Next { access: Some(both.to_vec().into()), ..Next::default() };
    let open = alice.open(&sealed, yaml);
    let change = alice.with(|keyring| open.next(next, keyring, &Limits::default())).unwrap();
    assert!(!change.rotated);
    assert_eq!(bob.open(&change.sealed.text, yaml).plain().source.as_str(), "a: 1\n");
}

/// Where anyone may edit clear values, a merge key put them beside secrets under a path that the rule does not mark, and
/// a line separator added lines for other parsers.
#[test]
fn free_cleartext_reached_secret_places() {
    let user = User::new("alice");
    let yaml = by_name("yaml").unwrap();
    let policy =
        Policy { selection: only(&["db.pw", "b"], &[]), cleartext: Cleartext::Free, ..Policy::default() };
    let text = "b: &b\n  x: 1\nimage: app:1\ndb:\n  <<: *b\n  user: u\n";
    let sealed = user.seal(text, yaml, policy).text;
    let edited = |from: &str, to: &str| opened(&user, &sealed.replacen(from, to, 1), yaml);
    assert_eq!(edited("app:1", "app:2").unwrap(), (State::Sealed, text.replace("app:1", "app:2")));
    for (from, to) in [
        ("  user: u", "  user: u\n  pw: evil"),
        ("db:", "ab:\n  <<: {pw: evil}\ndb:"),
        ("db:", "ab:\n  <<: [{pw: evil}]\ndb:"),
        ("db:", "ab:\n  <<: *b\ndb:"),
        ("app:1", "app:1\u{2028}db: {pw: evil}"),
        ("app:1", "\"app:1\u{85}\""),
        ("image:", "\"im\u{2029}age\":"),
    ] {
        assert!(edited(from, to).is_err(), "{from} -> {to}");
    }
}

/// `&&x` and `&x` had one name, and so had `**x` and `*x`: for other readers an alias stood for something else.
#[test]
fn ac_19a_anchors_that_begin_with_an_indicator_were_taken_for_others() {
    let user = User::new("alice");
    let yaml = by_name("yaml").unwrap();
    let text = "a: &x 1\nb: &x 2\nc: *x\nd: &*x 3\ne: **x\npw: t\n";
    let sealed = user.seal(text, yaml, secrets_only()).text;
    assert_eq!(opened(&user, &sealed, yaml).unwrap().1, text);
    for (from, to) in [("b: &x", "b: &&x"), ("c: *x", "c: **x"), ("d: &*x", "d: &**x"), ("e: **x", "e: *x")] {
        assert!(opened(&user, &sealed.replacen(from, to, 1), yaml).is_err(), "{to}");
    }
}
