//! Attacks on ids, numbers, recipients, rule and metadata, by the numbers of the threat model.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::{User, halves, only, opened, passwords, swapped, tokens};
use crate::envelope::native::{EnvelopeError, Group, State, wrap};
use crate::file::seal::{Target, write};
use crate::file::{FileError, Next, SealedFile, Sealing, parse, seal};
use crate::format::{Format, Limits, by_name};
use crate::keys::{Stanza, WrapContext};
use crate::policy::{Cleartext, Comments, Integrity, Padding, Policy};
use crate::secret::DataKey;

const TEXT: &str = "host: a\nlist:\n  - pw: one\n    more:\n      - pw: deep\n      - pw: deeper\n  - pw: two\nlast:\n  pw: three\n";

fn yaml() -> &'static dyn Format {
    by_name("yaml").unwrap()
}

/// A text sealed by `users[0]` for all of them.
fn sealed_for(users: &[&User], text: &str, policy: Policy) -> String {
    let recipients: Vec<_> = users.iter().map(|user| user.recipient.clone()).collect();
    let sealing =
        Sealing { policy, access: recipients.to_vec().into(), allow_no_secrets: true, allow_comments: true };
    let document = parse(text, yaml(), &Limits::default()).unwrap();
    let sealed = users[0].with(|keyring| seal(document, yaml(), &sealing, keyring, &Limits::default()));
    sealed.unwrap().text.to_string()
}

fn error(user: &User, text: &str) -> FileError {
    match opened(user, text, yaml()) {
        Err(error) => error,
        Ok((state, plain)) => panic!("opens as {state:?}:\n{plain}"),
    }
}

#[track_caller]
fn refuses_all(user: &User, sealed: &str, edits: &[(String, String)]) {
    for (from, to) in edits {
        assert!(sealed.contains(from.as_str()) && from != to, "{from} -> {to} in\n{sealed}");
        error(user, &sealed.replacen(from.as_str(), to, 1));
    }
}

/// A token with its decoded value part changed.
fn with_vp(token: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let (vp, tail) = halves(token);
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(vp.strip_prefix("sealed.v1.").unwrap()).unwrap();
    change(&mut bytes);
    format!("sealed.v1.{}.{tail}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// All tails of a text: of tokens, policy, head and sections.
fn tails(text: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    text.split(|c| !is_word(c)).filter(|word| word.len() == 48).collect()
}

#[test]
fn ac_22_ids_of_list_elements() {
    let user = User::new("alice");
    let sealed = sealed_for(&[&user], TEXT, passwords());
    let tokens = tokens(&sealed);
    let ids = |index: usize| with_vp_ids(tokens[index]);
    let (one, deep, deeper, two) = (ids(0), ids(1), ids(2), ids(3));
    assert_eq!((one.len(), deep.len(), two.len(), ids(4).len()), (8, 16, 8, 0));
    assert_eq!((&deep[..8], &deeper[..8]), (&one[..], &one[..]));
    let set = |token: &str, ids: &[u8]| {
        with_vp(token, |vp| {
            let old = 1 + 8 * usize::from(vp[0]);
            vp.splice(..old, [&[u8::try_from(ids.len() / 8).unwrap()], ids].concat());
        })
    };
    let edit = |index: usize, ids: &[u8]| (tokens[index].to_owned(), set(tokens[index], ids));
    refuses_all(
        &user,
        &sealed,
        &[
            edit(3, &one),
            edit(0, &two),
            edit(0, &[]),
            edit(0, &deep),
            edit(1, &deep[..8]),
            edit(1, &deeper),
            edit(1, &[&two[..], &deep[8..]].concat()),
            edit(4, &one),
            edit(4, &[&one[..], &one[..]].concat()),
            (tokens[0].to_owned(), with_vp(tokens[0], |vp| vp[0] = 255)),
        ],
    );
    let both = sealed.replace(tokens[0], &set(tokens[0], &two)).replace(tokens[3], &set(tokens[3], &one));
    error(&user, &both);
    // A whole element, copied and moved.
    let element = format!("  - pw: {}\n", tokens[3]);
    error(&user, &sealed.replacen(&element, &element.repeat(2), 1));
    error(&user, &sealed.replacen(&element, "", 1).replacen("list:\n", &format!("list:\n{element}"), 1));
}

fn with_vp_ids(token: &str) -> Vec<u8> {
    let mut ids = Vec::new();
    with_vp(token, |vp| ids = vp[1..1 + 8 * usize::from(vp[0])].to_vec());
    ids
}

#[test]
fn ac_23_numbers_of_sessions() {
    let user = User::new("alice");
    let first = sealed_for(&[&user], TEXT, passwords());
    let open = user.open(&first, yaml());
    let sealed = user.edit(&open, &TEXT.replace("three", "four"));
    for tail in tails(&sealed) {
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(tail).unwrap();
        let n = u32::from_be_bytes(*bytes.first_chunk().unwrap());
        for other in [n + 1, n - 1, 0, 7, u32::MAX] {
            bytes[..4].copy_from_slice(&other.to_be_bytes());
            error(&user, &sealed.replacen(tail, &BASE64_URL_SAFE_NO_PAD.encode(&bytes), 1));
        }
    }
}

#[test]
fn ac_19c_old_records_under_new_ones() {
    let (alice, bob) = (User::new("alice"), User::new("bob"));
    let first = sealed_for(&[&alice], TEXT, passwords());
    let open = alice.open(&first, yaml());
    let both = [alice.recipient.clone(), bob.recipient.clone()];
    let next = Next { access: Some(both.to_vec().into()), ..Next::default() };
    let second = alice.with(|keyring| open.next(next, keyring, &Limits::default())).unwrap().sealed.text;
    let third = alice.edit(&alice.open(&second, yaml()), &TEXT.replace("three", "four"));
    // Everything from `groups:` to `policy:` of the first version, in the third one.
    let cut = |text: &str| {
        let start = text.find("  groups:").unwrap();
        let end = start + text[start..].find("  head:").unwrap();
        (start, end)
    };
    let ((start, end), (old, old_end)) = (cut(&third), cut(&first));
    let mix = format!("{}{}{}", &third[..start], &first[old..old_end], &third[end..]);
    assert_eq!(opened(&alice, &mix, yaml()).unwrap().0, State::Linked);
    assert!(opened(&bob, &mix, yaml()).is_err());
    // And the policy record alone, or the groups alone.
    let record = |text: &str| text[text.find("  policy:").unwrap()..text.find("  head:").unwrap()].to_owned();
    error(&alice, &third.replacen(&record(&third), &record(&first), 1));
    error(
        &alice,
        &third
            .replacen(&record(&third), "", 1)
            .replacen(&third[start..end], &first[old..old_end], 1)
            .replacen(&record(&first), &record(&third), 1),
    );
    let two = Policy { selection: only(&["**.pw", "x"], &["y"]), ..Policy::default() };
    let sealed = sealed_for(&[&alice, &bob], TEXT, two);
    let replace = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    refuses_all(
        &alice,
        &sealed,
        &[
            replace("    - x\n", ""),
            replace("    - x\n  clear:\n", "  clear:\n    - x\n"),
            replace("  clear:\n    - \"y\"\n", ""),
            replace("    - \"**.pw\"\n    - x\n", "    - x\n    - \"**.pw\"\n"),
        ],
    );
    // The boundary between groups.
    let second = sealed.rmatch_indices("        - age: ").next().unwrap().0;
    error(&alice, &format!("{}    - keys:\n{}", &sealed[..second], &sealed[second..]));
}

#[test]
fn ac_24_recipients() {
    let (alice, bob, eve) = (User::new("alice"), User::new("bob"), User::new("eve"));
    let sealed = sealed_for(&[&alice, &bob], TEXT, passwords());
    let starts: Vec<usize> = sealed.match_indices("        - age: ").map(|(at, _)| at).collect();
    let end = sealed.find("  policy:").unwrap();
    let (first, second) = (&sealed[starts[0]..starts[1]], &sealed[starts[1]..end]);
    let wrapped = |stanza: &str| stanza[stanza.find("wrapped: ").unwrap() + 9..].trim_end().to_owned();
    let stanza = |wrapped: &str| {
        format!(
            "        - age: {}\n          name: eve\n          wrapped: {wrapped}\n",
            eve.recipient.key.id
        )
    };
    let groups = |stanzas: &[&str]| format!("{}{}{}", &sealed[..starts[0]], stanzas.concat(), &sealed[end..]);
    for text in [
        groups(&[first, second, &stanza("YWJj")]),
        groups(&[&stanza(&wrapped(first)), first, second]),
        groups(&[first, &stanza(&wrapped(second))]),
        groups(&[first]),
        groups(&[second]),
        groups(&[second, first]),
        groups(&[first, second, second]),
        groups(&[first, "    - keys:\n", second]),
        groups(&[&first.replace("name: alice", "name: alicia"), second]),
        groups(&[&first.replace("          name: alice\n", ""), second]),
        groups(&[
            first,
            &second.replace("          wrapped", "          break_glass: true\n          wrapped"),
        ]),
        groups(&[first, &second.replace(&wrapped(second), &wrapped(first))]),
    ] {
        for user in [&alice, &bob] {
            assert!(opened(user, &text, yaml()).is_err(), "{text}");
        }
    }
}

#[test]
fn ac_26_the_rule_is_weakened_in_the_file() {
    let user = User::new("alice");
    let strong = Policy {
        integrity: Integrity::Sealed,
        comments: Comments::Encrypt,
        scope: "prod".to_owned(),
        ..passwords()
    };
    let edits = [
        ("- \"**.pw\"", "- \"**.px\""),
        ("- \"**.pw\"", "- \"**.pw\"\n    - \"**\""),
        ("  threshold", "  clear:\n    - host\n  threshold"),
        ("cleartext: bound", "cleartext: free"),
        ("integrity: sealed", "integrity: linked"),
        ("comments: encrypt", "comments: plain"),
        ("comments: encrypt", "comments: strip"),
        ("padding: buckets", "padding: none"),
        ("scope: prod", "scope: test"),
        ("  scope: prod\n", ""),
        ("epoch: 1", "epoch: 2"),
        ("threshold: 1", "threshold: 2"),
        ("format: yaml", "format: json"),
    ];
    let edits: Vec<_> = edits.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    refuses_all(&user, &sealed_for(&[&user], TEXT, strong), &edits);
    let weak = Policy { cleartext: Cleartext::Free, padding: Padding::None, ..passwords() };
    let edits = [("cleartext: free", "cleartext: bound"), ("padding: none", "padding: buckets")]
        .map(|(from, to)| (from.to_owned(), to.to_owned()));
    refuses_all(&user, &sealed_for(&[&user], TEXT, weak), &edits);
}

#[test]
fn ac_27_fields_of_the_metadata() {
    let user = User::new("alice");
    let sealed = sealed_for(&[&user], TEXT, Policy { scope: "prod".to_owned(), ..passwords() });
    let check = |text: &str, named: &str| {
        let message = error(&user, text).to_string();
        assert!(message.contains(named), "{message} names no {named}");
    };
    check(&sealed.replacen("  epoch", "  colour: red\n  epoch", 1), "colour");
    check(&sealed.replacen("    - keys:\n", "    - colour: red\n      keys:\n", 1), "colour");
    check(
        &sealed.replacen("          name: alice", "          name: alice\n          colour: red", 1),
        "one key type",
    );
    check(&sealed.replacen("      tag:", "      colour: red\n      tag:", 1), "colour");
    check(&sealed.replacen("version: 1", "version: 2", 1), "version 2");
    check(&sealed.replacen("sealeaf:", "sealeaf:\n  version: 1\nsealeaf:", 1), "twice");
    check(&format!("{sealed}---\nsealeaf:\n  version: 1\n"), "more than one document");
    check(&sealed.replacen("epoch: 1", "epoch: 0", 1), "epoch");
    for field in [
        "version",
        "format",
        "file",
        "epoch",
        "commitment",
        "integrity",
        "cleartext",
        "comments",
        "padding",
        "threshold",
        "policy",
        "head",
    ] {
        let start = sealed.find(&format!("  {field}: ")).unwrap();
        let end = start + sealed[start..].find('\n').unwrap() + 1;
        check(&format!("{}{}", &sealed[..start], &sealed[end..]), field);
        for value in ["01", "+1", "\"1\"", "[]", "~", "true", "x y"] {
            let line = format!("  {field}: {value}\n");
            error(&user, &format!("{}{line}{}", &sealed[..start], &sealed[end..]));
        }
    }
    check(&sealed.replacen("  encrypt:\n    - \"**.pw\"\n", "", 1), "encrypt");
    let groups = sealed.find("  groups:").unwrap();
    let policy = sealed.find("  policy:").unwrap();
    check(&format!("{}{}", &sealed[..groups], &sealed[policy..]), "groups");
}

#[test]
fn ac_30_two_recipients_with_two_keys() {
    let (alice, bob) = (User::new("alice"), User::new("bob"));
    let (key, other, fid) = (DataKey::generate().unwrap(), DataKey::generate().unwrap(), [3; 16]);
    let stanza = |user: &User, key: &DataKey| -> Stanza {
        let (secret, context) =
            (wrap::encode(key.expose(), &fid, 1, 0, wrap::Part::Whole), WrapContext { fid, epoch: 1 });
        let recipients = [user.recipient.clone()];
        user.with(|keyring| keyring.wrap(&recipients, &secret, &context)).unwrap().remove(0)
    };
    let groups = vec![Group { check: None, stanzas: vec![stanza(&alice, &key), stanza(&bob, &other)] }];
    let document = parse(TEXT, yaml(), &Limits::default()).unwrap();
    let target = Target {
        policy: passwords(),
        groups,
        threshold: 1,
        fid,
        epoch: 1,
        key: &key,
        before: None,
        touch: None,
    };
    let sealed = write(&document, yaml(), target, false, &Limits::default()).unwrap().text;
    assert_eq!(opened(&alice, &sealed, yaml()).unwrap().1, TEXT);
    assert!(matches!(error(&bob, &sealed), FileError::Envelope(EnvelopeError::Commitment)));
}

#[test]
fn ac_19d_and_28_a_file_of_an_outsider_has_another_identity() {
    let (alice, eve) = (User::new("alice"), User::new("eve"));
    let sealed = sealed_for(&[&alice], TEXT, passwords());
    let file = SealedFile::parse(&sealed, yaml(), &Limits::default()).unwrap();
    let (fid, epoch, _) = file.sealed().identity();
    let key = DataKey::generate().unwrap();
    let (secret, context) =
        (wrap::encode(key.expose(), &fid, epoch, 0, wrap::Part::Whole), WrapContext { fid, epoch });
    let stanzas =
        eve.with(|keyring| keyring.wrap(std::slice::from_ref(&alice.recipient), &secret, &context)).unwrap();
    let groups = vec![Group { check: None, stanzas }];
    let document = parse(TEXT, yaml(), &Limits::default()).unwrap();
    let target = Target {
        policy: passwords(),
        groups,
        threshold: 1,
        fid,
        epoch,
        key: &key,
        before: None,
        touch: None,
    };
    let forged = write(&document, yaml(), target, false, &Limits::default()).unwrap().text;
    let open = alice.open(&forged, yaml());
    assert_eq!((open.header().fid, open.header().epoch), (fid, epoch));
    assert_ne!(open.sealed_file().sealed().identity(), file.sealed().identity());
    // And no piece of one fits into the other.
    for (mine, theirs) in tokens(&sealed).into_iter().zip(tokens(&forged)) {
        error(&alice, &sealed.replacen(mine, theirs, 1));
    }
}

#[test]
fn ac_35_and_36_who_was_removed_reads_nothing_new() {
    let (alice, bob) = (User::new("alice"), User::new("bob"));
    let old = sealed_for(&[&alice, &bob], TEXT, passwords());
    let (open, theirs) = (alice.open(&old, yaml()), bob.open(&old, yaml()));
    let alone = [alice.recipient.clone()];
    let next = Next { access: Some(alone.to_vec().into()), ..Next::default() };
    let new = alice.with(|keyring| open.next(next, keyring, &Limits::default())).unwrap().sealed.text;
    let new = alice.edit(&alice.open(&new, yaml()), &TEXT.replace("three", "new secret"));
    // The old key on the new file; and with everything of the old identity grafted onto it.
    let parsed = |text: &str| SealedFile::parse(text, yaml(), &Limits::default()).unwrap();
    let opens = |text: &str| parsed(text).open_with(theirs.data_key().clone(), &Limits::default()).is_ok();
    assert!(opens(&old) && !opens(&new));
    let field = |text: &str, name: &str| {
        let start = text.find(&format!("  {name}: ")).unwrap();
        text[start..start + text[start..].find('\n').unwrap()].to_owned()
    };
    let groups =
        |text: &str| text[text.find("  groups:").unwrap()..text.find("  policy:").unwrap()].to_owned();
    let mut graft = new.replacen(&groups(&new), &groups(&old), 1);
    assert!(opened(&bob, &graft, yaml()).is_err() && opened(&alice, &graft, yaml()).is_err());
    for name in ["epoch", "commitment", "policy", "head"] {
        graft = graft.replacen(&field(&graft, name), &field(&old, name), 1);
        assert!(opened(&bob, &graft, yaml()).is_err() && !opens(&graft), "{name}");
    }
    let one = (tokens(&new)[0], tokens(&old)[0]);
    assert!(opened(&alice, &new.replacen(one.0, one.1, 1), yaml()).is_err());
    assert!(opened(&alice, &swapped(&new, tokens(&new)[0], tokens(&new)[1]), yaml()).is_err());
}
